"""`availability`: a Markov model of a machine in a world: minutes a year, by cause, and what would help."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs, output, rates_given
from prgcore.cli.commands import Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, few, listed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from prgcore.engine import Engine
    from prgcore.outage.availability import Availability
    from prgcore.outage.rates import World

MOST_STAGES, MOST_CAUSES, MOST_NAMED = 64, 12, 6
FORMATS = {".prism": "prism", ".json": "json"}


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore availability",
        "prgcore availability --example >world.toml",
        "prgcore availability world.toml --automatic-fallback",
        'prgcore availability --rate "services_down=every 30 to 120 days"',
        "prgcore availability world.toml -o chain.prism",
    ))(availability)


def availability(
    world: rates_given.WorldFile = None, *,
    rates: rates_given.Rates = None,
    sets: rates_given.Sets = None,
    users: rates_given.Users = None,
    dual: rates_given.Dual = False,
    automatic: rates_given.AutomaticFallback = False,
    stages: Annotated[
        int, Option("--stages", metavar="K", help="How many stages the shortest limit of a timer "
                    "has: more are slower, and nearer to a timer that counts.")] = 8,
    least: Annotated[
        float, Option("--least", metavar="P", help="Leave out what happens less often than this "
                      "between two times of health.")] = 1e-7,
    ask: Annotated[
        str | None, Option("--ask", metavar="PROGRAM", help="Ask storm as well (stormpy), on the "
                           "model that -o writes.")] = None,
    file: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE", help="Write the answer (.json), or "
                            "the model in the language of PRISM with exponential timers (.prism).")
    ] = None,
    example: rates_given.Example = False,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Show how available a pair is, from how often things break: a Markov model.

    It shows the share of time in which each group of users is served, the minutes of a
    year that it is not, by cause, and which rate is worth improving. Timers that count are
    divided into stages, and a large estimate of the error is printed. Rates that are ranges
    give ranges of the figures. The document gives no rates: the shipped ones are assumptions, and
    --example prints them to be replaced.
    """
    from prgcore.outage.example import example as written

    engine = inputs.load_machine(machine, policy)
    if example:
        output.write(written(engine))
        return
    _check(stages, least, ask)
    form = _form(file, ask, as_json)
    here = rates_given.given(engine, world, rates, sets, users=users, dual=dual, automatic=automatic)
    if form == "prism" or ask:
        _second(engine, here, ask, file, as_json=as_json)
        return
    from prgcore.outage.availability import availability as answered

    with output.progress("availability") as say:
        answer = answered(engine, here, number=stages, least=least, progress=say)
    if form == "json":
        _json(answer.to_json(), file)
    else:
        output.show(*_page(answer))


def _check(stages: int, least: float, ask: str | None) -> None:
    if not 2 <= stages <= MOST_STAGES:
        raise BadInput(f"--stages {stages}: expected 2 to {MOST_STAGES}")
    if not 1e-12 <= least <= 1e-3:
        raise BadInput(f"--least {least:g}: expected a chance from 1e-12 to 0.001")
    if ask not in (None, "storm"):
        raise BadInput(f"--ask {quoted(str(ask), 60)}: expected storm")


def _form(file: Path | None, ask: str | None, as_json: bool) -> str:
    if file is None:
        return "json" if as_json else "text"
    if file.suffix.lower() not in FORMATS:
        raise BadInput(f"--output {quoted(str(file), 80)} says no format; end it with "
                       f"{listed(FORMATS)}")
    form = FORMATS[file.suffix.lower()]
    if not (ask and form == "prism"):  # the answer of --ask, beside the model
        inputs.refuse_beside("--output", {"--json": as_json})
    output.writable(file)
    return form


def _json(told: dict[str, Any], file: Path | None) -> None:
    if file is None:
        output.write_json(told)
        return
    import json

    output.write_file(file, json.dumps(told, indent=2) + "\n")


# ---------------------------------------------------------------------------- a second opinion


def _second(engine: Engine, world: World, ask: str | None, file: Path | None, *, as_json: bool) -> None:
    """Write the model for PRISM and Storm, or ask Storm and compare.

    Raises:
        Exit: (1) the two answers differ.
    """
    from prgcore.outage.prism import PRISM, asked, memoryless

    prism = file is not None and file.suffix.lower() == ".prism"
    if file is not None and prism:
        output.write_file(file, PRISM(engine, world).text())
    if ask is None:
        return
    rows = asked(engine, memoryless(engine, world))
    agree = all(row.agrees for row in rows)
    if as_json or not (file is None or prism):
        _json({"agree": agree, "figures": [row.to_json() for row in rows]}, None if prism else file)
    else:
        table = output.table("figure", "prgcore", "storm", "differ by", right=("prgcore", "storm"))
        for row in rows:
            table.add_row(row.name, f"{row.ours:.12g}", f"{row.theirs:.12g}", f"{row.apart:.1e}")
        output.show(table, "", *output.wrapped(
            "The same model, with exponential timers, solved by Storm as a ctmc from the rules of the "
            "table. " + ("Both agree to 1e-9." if agree else "They DISAGREE.")))
    if not agree:
        raise Exit(1)


# ------------------------------------------------------------------------------------- the page


def _page(answer: Availability) -> Iterator[RenderableType]:
    from prgcore.outage.markov import YEAR
    from prgcore.outage.wording import length, minutes, number, percent

    yield f"{answer.engine.model.name}: a year of one pair, from a Markov model"
    yield ""
    table = output.table("users of", "served", "logged in", "min out", "no server", "log-in",
                         right=("served", "logged in", "min out", "no server", "log-in"))
    for group in answer.groups:
        table.add_row(group.name, percent(group.served), percent(group.seen),
                      minutes(group.unserved + group.login), minutes(group.unserved),
                      minutes(group.login))
    yield table
    yield ""
    table = output.table("users of", "interruptions", "first after", "then every", "lasts",
                         "failovers", "false", right=("interruptions", "failovers", "false"))
    for group in answer.groups:
        table.add_row(group.name, number(group.interruptions), length(group.first) if group.first < YEAR * 1e6
                      else "never", length(group.between) if group.interruptions else "never",
                      length(group.lasts), number(group.failovers), number(group.false_failovers))
    yield table
    if len(answer.groups) > 1:
        yield from output.wrapped(
            "Failovers are those of one group of users; a pair has those of all: "
            f"{number(sum(group.failovers for group in answer.groups))} a year.", "", "")
    yield ""
    yield from _causes(answer)
    yield from _improving(answer)
    yield from _ranges(answer)
    yield from _how_sure(answer)
    yield from _assumed(answer)


def _causes(answer: Availability) -> Iterator[RenderableType]:
    from prgcore.outage.wording import minutes, number

    groups = answer.solution.moves.groups
    whole = sum(float(costs[:, :2].sum()) for _, costs in answer.causes)
    if not whole:
        yield "Nothing that happens in this world interrupts anybody."
        yield ""
        return
    table = output.table("what began it", "min out", "no server", "interruptions", "part",
                         right=("min out", "no server", "interruptions", "part"))
    for cause, costs in answer.causes[:MOST_CAUSES]:
        out = float(costs[:, :2].sum())
        table.add_row(cause, minutes(out / len(groups)), minutes(float(costs[:, 0].sum()) / len(groups)),
                      number(float(costs[:, 2].sum()) / len(groups)), f"{out / whole:.1%}")
    if len(answer.causes) > MOST_CAUSES:
        rest = [costs for _, costs in answer.causes[MOST_CAUSES:]]
        out = sum(float(c[:, :2].sum()) for c in rest)
        table.add_row(counted(len(rest), "other cause"), minutes(out / len(groups)), "", "",
                      f"{out / whole:.1%}")
    yield "By the event that ended health, for a user of either group on average:"
    yield table
    yield ""


def _improving(answer: Availability) -> Iterator[RenderableType]:
    from prgcore.outage.wording import minutes

    groups = len(answer.solution.moves.groups)
    rows = [b for b in answer.improving if abs(float(b.saves[:, :2].sum())) > 1e-6]
    if not rows:
        return
    table = output.table("what is worth improving", "now", "if", "saves min",
                         right=("saves min",))
    for one in rows:
        table.add_row(one.word.name, one.word.rates[0].words or "the service parameters",
                      one.word.improves, minutes(float(one.saves[:, :2].sum()) / groups))
    yield table
    yield ""


def _ranges(answer: Availability) -> Iterator[RenderableType]:
    from prgcore.outage.wording import minutes, number

    spread = answer.spread
    if spread is None:
        return
    table = output.table("with ranges, users of", "min no server", "min log-in",
                         "interruptions")
    for group in answer.groups:
        assert group.least is not None, "BUG: ranges without bounds"
        assert group.most is not None, "BUG: ranges without bounds"
        low, high = group.least, group.most
        table.add_row(group.name, f"{minutes(low['unserved'])} to {minutes(high['unserved'])}",
                      f"{minutes(low['login'])} to {minutes(high['login'])}",
                      f"{number(low['interruptions'])} to {number(high['interruptions'])}")
    yield table
    how = ("each figure goes one way with every rate, so the ends of the ranges bound it"
           if not spread.sampled else
           f"some figure turns within a range, so {spread.sampled} worlds were sampled as well "
           "(a Latin hypercube); what lies between them is not bounded")
    yield from output.wrapped(f"Ranges of {few(spread.of, MOST_NAMED, ', ')}: {how}.")
    yield ""


def _how_sure(answer: Availability) -> Iterator[str]:
    from prgcore.outage.wording import minutes

    bounds, groups = answer.bounds, len(answer.solution.moves.groups)
    stages = minutes(float(bounds.stages[-1, 0]) / groups)
    left = minutes(float(bounds.left_out[-1, 0]) / groups)
    change = "" if answer.change is None else (
        f" Half the stages change it by {answer.change:.2%}.")
    yield from output.wrapped(
        f"The model: {len(answer.chain):,} states of {len(answer.solution.moves):,} pairs, timers of "
        f"{answer.number} stages. Minutes without a server may be wrong by about {stages} min for the "
        f"stages and {left} min for what was left out, {answer.error:.1%} together.{change}")


def _assumed(answer: Availability) -> Iterator[str]:
    from prgcore.outage.wording import length

    world = answer.world
    people = {e.partition("(")[0]: world.rate(e).mean for e in answer.solution.moves.events
              if world.rate(e).working}
    hours = "".join(
        f" {event} in working hours: {length(mean)} of them are {length(world.week.wait(mean))} on average, "
        "from any moment." for event, mean in sorted(people.items()))
    yield from output.wrapped(
        "Assumed: rates that no document gives (--example prints them); everything but the timers is "
        f"memoryless and independent.{hours} Not counted: delays of notifications, and log-in queues of "
        "both groups at once.", "", "", 800)
