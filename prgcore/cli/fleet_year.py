"""`simulate-fleet`: years of many pairs with faults, as a page of a terminal, HTML, plots or JSON."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from attrs import evolve

from prgcore.cli import inputs, output, rates_given, spreading
from prgcore.cli.commands import Group, Option, examples
from prgcore.errors import BadInput
from prgcore.tables.rates import MISSED
from prgcore.words import listed, quoted

if TYPE_CHECKING:
    from prgcore.engine import Engine
    from prgcore.fleet.blocks import Where
    from prgcore.outage.choices import Choice
    from prgcore.outage.outcome import Outcome
    from prgcore.outage.rates import World
    from prgcore.outage.report import Report

GROUPS, MOST_GROUPS, MOST_YEARS = 10_000, 1_000_000, 1_000.0
MOST_ALL = 10_000_000
"""The most years of all groups together: about an hour of one core."""
FORMATS = {".html": "html", ".htm": "html", ".svg": "svg", ".png": "png", ".json": "json",
           ".parquet": "parquet"}
USUAL = 5_000
"""The server whose balanced profile has the re-login limits that are set by default."""
MOST_DIGITS = 6


def register(app: Group) -> None:
    """Add this command."""
    app.command("simulate-fleet", epilog=examples(
        "prgcore simulate-fleet",
        "prgcore simulate-fleet --example >world.toml",
        "prgcore simulate-fleet world.toml --groups 1000 -o report.html",
        'prgcore simulate-fleet --rate "services_down=every 30 days"',
        "prgcore simulate-fleet --against keep_alive_timeout=120 --alone",
        "prgcore simulate-fleet --users node1=5000 --users node2=5000 --logins 15",
        "prgcore simulate-fleet --groups 100000 --scheduler tcp://HOST:8786",
    ))(simulate_fleet)


def simulate_fleet(
    world: rates_given.WorldFile = None, *,
    groups: Annotated[
        int, Option("--groups", metavar="N", help="Simulate so many redundancy groups (pairs).")
    ] = GROUPS,
    years: Annotated[
        float, Option("--years", metavar="Y", help="For so long, each.")] = 1.0,
    seed: Annotated[
        int, Option("--seed", metavar="S", help="The same seed gives the same figures.")] = 1,
    rates: rates_given.Rates = None,
    sets: rates_given.Sets = None,
    users: rates_given.Users = None,
    profile: Annotated[
        str | None, Option("--profile", metavar="SERVER/MODE", help="Log-in capacity and users of "
                           "this login profile, as in 15000/balanced.")] = None,
    logins: Annotated[
        float | None, Option("--logins", metavar="N", help="How many users a node can log in each "
                             "second; 0 is as many as come.")] = None,
    dual: rates_given.Dual = False,
    automatic: rates_given.AutomaticFallback = False,
    loss: Annotated[
        float | None, Option("--loss", metavar="SHARE", reads=inputs.share_of, help="The share of heartbeats "
                             "that are lost: 0.01 or 1%. Runs that outlast the time-out fail users "
                             "over.")] = None,
    burst: Annotated[
        float | None, Option("--burst", metavar="N", help="How many heartbeats in a row are lost on "
                             "average; by default losses are independent.")] = None,
    latency: Annotated[
        float | None, Option("--latency", metavar="TIME", reads=inputs.time_of, help="Heartbeats "
                             "arrive up to so late, as in 80ms.")] = None,
    against: Annotated[
        list[str] | None, Option("--against", metavar="NAME=VALUE", help="Compare with another "
                                 "choice under the same faults: a parameter, dual_connections, or a "
                                 "rate. Repeatable; by default fallbacks and dual connections.")
    ] = None,
    alone: Annotated[
        bool, Option("--alone", help="Compare only what --against names.")] = False,
    file: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE", help="Write the report: .html, .svg, "
                            ".png, .json, or .parquet with a row for each pair.")] = None,
    example: rates_given.Example = False,
    workers: spreading.Workers = None, scheduler: spreading.Scheduler = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Simulate a year of many pairs, and show what outages cost their users.

    Servers, services, databases and links fail at the rates of a world; people repair
    them, in working hours too; the machine decides, and its timers count. It shows how
    long users are out and why, false failovers, log-in storms, and what automatic
    fallback and dual connections change. The document gives no rates: the shipped ones
    are assumptions, and --example prints them to be replaced. Every figure has a 95 %
    interval. The same seed gives the same figures, whatever runs them.
    """
    from prgcore.outage.example import example as written

    form = _form(file, as_json)
    engine = inputs.load_machine(machine, policy)
    if example:
        output.write(written(engine))
        return
    _check(groups, years, seed)
    where = spreading.chosen(workers, scheduler)
    drawn = _profile(profile)
    here = rates_given.given(engine, world, rates, sets, users=users, dual=dual,
                             automatic=automatic, logins=logins)
    here, drawn = _users(engine, here, drawn, plain=world is None and logins is None,
                         asked=logins is not None)
    here, choices = _lost(here, _choices(engine, here, against, alone=alone), loss, burst, latency)
    made, outcome = _simulated(engine, here, choices, groups, years, seed, drawn, where)
    _deliver(made, outcome, form, file)


# ------------------------------------------------------------------------------- asked


def _form(file: Path | None, as_json: bool) -> str:
    """The format: text, JSON, or that of the file's name."""
    if file is None:
        return "json" if as_json else "text"
    inputs.refuse_beside("--output", {"--json": as_json})
    if file.suffix.lower() not in FORMATS:
        raise BadInput(f"--output {quoted(str(file), 80)} says no format; end it with "
                       f"{listed(FORMATS)}")
    output.writable(file)
    return FORMATS[file.suffix.lower()]


def _check(groups: int, years: float, seed: int) -> None:
    if not 2 <= groups <= MOST_GROUPS:
        raise BadInput(f"--groups {groups}: expected 2 to {MOST_GROUPS:,}, because an interval "
                       "needs two")
    if not 0 < years <= MOST_YEARS:
        raise BadInput(f"--years {years:g}: expected more than 0, up to {MOST_YEARS:g}")
    if groups * years > MOST_ALL:
        raise BadInput(f"{groups:,} pairs for {years:g} years are more than {MOST_ALL:,} years in all; "
                       "take fewer of either")
    if seed < 0:
        raise BadInput(f"--seed {seed}: expected a whole number from 0")


def _profile(words: str | None) -> tuple[int, str] | None:
    """The size of a server and the mode: `15000/balanced`, `15,000 active-standby`."""
    if words is None:
        return None
    from prgcore.product.clients import find_profile

    size, _, mode = words.replace(",", "").replace("/", " ").strip().partition(" ")
    mode = mode.strip().casefold().replace("-", "_").replace(" ", "_") or "balanced"
    if not (size.isascii() and size.isdecimal() and len(size) <= MOST_DIGITS):
        raise BadInput(f"--profile {quoted(words, 60)}: expected the size of a server and a mode, as in "
                       "15000/balanced")
    find_profile(int(size), mode)
    return int(size), mode


def _users(
    engine: Engine, world: World, profile: tuple[int, str] | None, *, plain: bool, asked: bool,
) -> tuple[World, tuple[int, str] | None]:
    """The world with users and a capacity to log in, where nobody said them.

    Args:
        engine: the machine, for its groups of users.
        world: the world that was given.
        profile: the login profile that was given.
        plain: whether neither a file nor an option says how many users log in a second.
        asked: whether an option says it; 0 is as many as come, so no profile replaces it.
    """
    from prgcore.product.clients import find_profile, wait
    from prgcore.tables.profiles import BALANCED
    from prgcore.timers.parameters import Parameters

    if isinstance(world.parameters, Parameters):
        wait(world.parameters)  # the lower limit is not above the upper one
    if profile is None:
        if not (plain and isinstance(world.parameters, Parameters)):
            return world, None
        profile = (USUAL, BALANCED)
    found = find_profile(*profile)
    each = found.most if found.mode == BALANCED else found.most // 2
    return evolve(world, users=world.users or dict.fromkeys(engine.habits.groups, each),
                  logins=world.logins if asked else world.logins or float(found.rate)), profile


def _choices(
    engine: Engine, world: World, against: list[str] | None, *, alone: bool,
) -> list[Choice]:
    """The choices to compare with: those that are named, else the usual ones."""
    from prgcore.outage.choices import changed, usual

    named = inputs.assignments(against, "--against")
    if named:
        return [changed(engine, world, name, value) for name, value in named.items()]
    return [] if alone else [*usual(engine, world)]


def _lost(
    world: World, choices: list[Choice], loss: float | None, burst: float | None,
    latency: float | None,
) -> tuple[World, list[Choice]]:
    """The same worlds with lost heartbeats; each has its own time-out."""
    if loss is None:
        for option, value in (("--burst", burst), ("--latency", latency)):
            if value is not None:
                raise BadInput(f"{option} says how heartbeats are lost or late; give --loss too")
        return world, choices
    from prgcore.outage.lost import with_losses
    from prgcore.timers.losses import Losses

    every = getattr(world.parameters, "keep_alive_interval", 1)
    losses = Losses.of(loss, burst=burst, interval=every)

    def lose(one: World) -> World:
        return with_losses(one, losses, latency or 0)

    mine = lose(world)
    return mine, [choice if choice.name.startswith(MISSED.name) else
                  evolve(choice, world=lose(choice.world)) for choice in choices]


# --------------------------------------------------------------------------- simulated


def _simulated(
    engine: Engine, world: World, choices: list[Choice], groups: int, years: float, seed: int,
    profile: tuple[int, str] | None, where: Where,
) -> tuple[Report, Outcome]:
    from prgcore.outage.fleets import Worlds
    from prgcore.outage.spreading import years_of_all
    from prgcore.outage.summary import report

    with output.progress("simulating") as told:
        def say(name: str, done: int, total: int) -> None:
            if told is not None:
                told(name, done, total)

        say("every pair that can be reached", 0, groups)
        worlds = Worlds(engine, world)
        outcome, *others = years_of_all(
            worlds, choices, groups, years, seed, where=where, progress=partial(say, "pairs"))
        return report(worlds.moves, outcome, [*zip(choices, others, strict=True)],
                      profile=profile), outcome


def _deliver(made: Report, outcome: Outcome, form: str, file: Path | None) -> None:
    if form == "text":
        from prgcore.cli.year_page import parts

        output.show(*parts(made))
    elif file is None:
        output.write_json(made.to_json())
    else:
        output.write_file(file, _written(made, outcome, form))


def _written(made: Report, outcome: Outcome, form: str) -> str | bytes:
    if form == "json":
        import json

        return json.dumps(made.to_json(), indent=2) + "\n"
    if form == "parquet":
        from prgcore.fleet.parquet import arrays_written

        return arrays_written(outcome.columns())
    if form == "html":
        from prgcore.outage.page import page

        return page(made)
    from prgcore.outage import plots

    return plots.png(made) if form == "png" else plots.sheet(made)
