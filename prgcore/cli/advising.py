"""`timing --advise`: the time-outs with the fewest false failovers under a bound on outage.

Law: options and the page. The figures are `prgcore.timers.advice`, and beside each is what
`prgcore.outage.losses` saw of the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from inspect import Parameter as Argument
from inspect import Signature, signature
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import evolve

from prgcore.cli import inputs, output
from prgcore.cli.commands import Exit, Option
from prgcore.errors import BadInput, Disagreement
from prgcore.words import listed

if TYPE_CHECKING:
    from prgcore.cli.advised import Answer
    from prgcore.outage.losses import Seen
    from prgcore.timers.advice import Advice, Point
    from prgcore.timers.losses import Losses
    from prgcore.timers.parameters import Parameters
    from prgcore.timers.restarts import Restarts

SEED = 1
_ENDS = (".svg", ".png", ".html", ".htm")
_NOT_WITH = {"of_transitions": "--transitions", "pause": "--pause", "cut": "--cut",
             "machine": "--machine"}


def _options(
    *,
    advise: Annotated[
        bool, Option("--advise", help="Recommend the interval, the time-out and the delay with the "
                     "fewest false failovers, under --target-outage."),
    ] = False,
    target_outage: Annotated[
        float | None, Option("--target-outage", metavar="S", reads=inputs.time_of,
                             help="(advise) How long users may be out after a crash or a service "
                             "failure, at most: noticing and moving."),
    ] = None,
    including_login: Annotated[
        bool, Option("--including-login", help="(advise) The bound is on the wait before a log-in "
                     "too."),
    ] = False,
    loss: Annotated[
        float | None, Option("--loss", metavar="SHARE", reads=inputs.share_of,
                             help="(advise) The share of heartbeats that are lost: 0.01 or 1%."),
    ] = None,
    burst: Annotated[
        str | None, Option("--burst", metavar="N", help="(advise) How many heartbeats in a row are "
                           "lost on average, at the present interval; with a unit (45s), how long "
                           "the network is down. By default losses are independent."),
    ] = None,
    shortest_interval: Annotated[
        float | None, Option("--shortest-interval", metavar="S", reads=inputs.time_of,
                             help="(advise) The shortest interval that is tried (default: 1 s, or the present one if it is shorter)."),
    ] = None,
    heartbeats_per_minute: Annotated[
        float | None, Option("--heartbeats-per-minute", metavar="N",
                             help="(advise) The same as the most heartbeats of a node."),
    ] = None,
    restart: Annotated[
        float | None, Option("--restart", metavar="S", reads=inputs.time_of,
                             help="(advise) How long a restart of a critical service takes on "
                             "average."),
    ] = None,
    restarts: Annotated[
        str | None, Option("--restarts", metavar="RATE", help="(advise) How often one restarts, on "
                           "each node: '1 per week'."),
    ] = None,
    fixed_restart: Annotated[
        bool, Option("--fixed-restart", help="(advise) Each restart takes exactly so long. "
                     "Otherwise times are exponential."),
    ] = False,
    seed: Annotated[
        int | None, Option("--seed", metavar="N", min=0, max=2**32 - 1,
                           help="(advise) The seed of the simulation (default: 1)."),
    ] = None,
    file: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE", help="(advise) Draw the curve: "
                            "FILE.svg, FILE.png or FILE.html."),
    ] = None,
) -> None:
    """The options of a recommendation."""


_OWN: Mapping[str, Argument] = signature(_options, eval_str=True).parameters


def with_advice(timing: Callable[..., None], given: Callable[..., Any]) -> Callable[..., None]:
    """The command `timing`, with the options of a recommendation.

    Args:
        timing: the command without them.
        given: returns the group file, the machine and the parameters that are named.
    """
    theirs = signature(timing, eval_str=True).parameters

    @wraps(timing)
    def both(**values: Any) -> None:
        mine = {name: values.pop(name) for name in _OWN}
        if mine["advise"]:
            _advise(mine, values, given)
            return
        used = [name for name, one in _OWN.items() if mine[name] != one.default]
        if used:
            words = listed((_name(name) for name in used), "and")
            raise BadInput(f"{words}: only with --advise; add it, or leave {words} out")
        timing(**values)

    shown = {**theirs, **_OWN}
    last = {name: shown.pop(name) for name in ("machine", "as_json")}
    both.__signature__ = Signature([*shown.values(), *last.values()])  # type: ignore[attr-defined]
    return both


def _name(name: str) -> str:
    """The name of an option, as it is typed."""
    option: Option = _OWN[name].annotation.__metadata__[0]
    return next(n for n in option.names if n[:2] == "--")


# ------------------------------------------------------------------------------ the question


def _advise(mine: Mapping[str, Any], values: Mapping[str, Any], given: Callable[..., Any]) -> None:
    from prgcore.cli.advised import Answer
    from prgcore.timers.advice import NODES, Wish, World, advise

    inputs.refuse_beside("--advise", {
        says: values[name] or None for name, says in _NOT_WITH.items()})
    for name, says in (("target_outage", "60"), ("loss", "0.01")):
        if mine[name] is None:
            raise BadInput(f"--advise needs {_name(name)}: give it, such as {_name(name)} {says}")
    if mine["file"] is not None:
        output.writable(mine["file"])
        if mine["file"].suffix.lower() not in _ENDS:
            raise BadInput(f"--output {str(mine['file'])[-80:]!r} says no format: end it with "
                           ".svg, .png or .html")
    told, _, whose = given(values["sets"], values["group"], values["deployment"], None)
    parameters = _strictest(whose)
    drift = values["drift"] if values["drift"] is not None else told.lease.drift if told else None
    world = World(**{name: values[name] for name in (
        "latency", "polling", "jitter", "store_call", "take_over", "multiple_device_messaging",
        "dual_connections")}, drift=drift or 0)
    losses = _losses(mine, parameters)
    wish = Wish(mine["target_outage"], mine["including_login"], _shortest(mine))
    found = advise(parameters, losses, wish, world, _restarts(mine))
    answer = Answer(found, _simulated(found, SEED if mine["seed"] is None else mine["seed"]))
    for one, seen in answer.seen.items():
        expected = one.expected
        if expected is not None and seen is not None and not seen.fits(expected / NODES):
            raise Disagreement(
                f"interval {one.interval:g} s, time-out {one.timeout:g} s: the closed form expects "
                f"{expected:g} false failovers a year, and the simulation saw {NODES * seen.rate:g}; "
                "please report it, with the seed")
    if mine["file"] is not None:
        _draw(answer, mine["file"])
    if values["as_json"]:
        output.write_json(answer.to_json())
    else:
        output.show(*answer.page())
    raise Exit(int(bool(found.impossible)))


def _strictest(whose: Iterable[Any]) -> Parameters:
    """The parameters; those of nodes that differ in their re-login limits are put together."""
    from prgcore.timers.parameters import Parameters

    some = [*whose]
    if not all(isinstance(p, Parameters) for p in some):
        raise BadInput("--advise is about the parameters of a presence redundancy group; the "
                       "machine of this file has others")
    one: Parameters = some[0]
    return evolve(
        one, client_relogin_lower_limit=min(p.client_relogin_lower_limit for p in some),
        client_relogin_upper_limit=max(p.client_relogin_upper_limit for p in some))


def _losses(mine: Mapping[str, Any], p: Parameters) -> Losses:
    """How heartbeats are lost: a bare number is heartbeats at the present interval."""
    from prgcore.timers.losses import Losses
    from prgcore.timers.parameters import share

    lost, text = share(mine["loss"], "--loss"), mine["burst"]
    if text is None:
        return Losses.of(lost)
    try:
        number = float(text)
    except ValueError:
        return Losses.of(lost, lasts=inputs.time_of(text))
    if not p.keep_alive_interval:
        raise BadInput("--burst counts heartbeats at the present interval, which is 0; write a "
                       "time: 45s")
    return Losses.of(lost, burst=number, interval=p.keep_alive_interval)


def _shortest(mine: Mapping[str, Any]) -> float | None:
    """The shortest interval; that of so many heartbeats a minute is one that can be set."""
    from prgcore.timers.advice import unit_of
    from prgcore.timers.restarts import multiple

    shortest, most = mine["shortest_interval"], mine["heartbeats_per_minute"]
    if shortest is not None and most is not None:
        raise BadInput("--shortest-interval and --heartbeats-per-minute say the same; give one")
    if most is not None:
        if not 0 < most <= 60_000:
            raise BadInput(f"--heartbeats-per-minute: expected a number above 0, not {most:g}")
        shortest = 60 / float(most)
        unit = unit_of(shortest)
        return multiple(ceil(shortest / unit - 1e-9), unit)
    return None if shortest is None else float(shortest)


def _restarts(mine: Mapping[str, Any]) -> Restarts | None:
    from prgcore.outage.rates import EVERY, parse
    from prgcore.timers.losses import YEAR
    from prgcore.timers.restarts import Restarts

    lasts, often = mine["restart"], mine["restarts"]
    if lasts is None and often is None:
        if mine["fixed_restart"]:
            raise BadInput("--fixed-restart needs --restart and --restarts")
        return None
    if lasts is None or often is None:
        raise BadInput("--restart 30s and --restarts '1 per week' go together: how long, how often")
    rate = parse("--restarts", often)
    if rate.kind != EVERY or rate.working or rate.between:
        raise BadInput(f"--restarts: {often[:60]!r}: write how often, such as '1 per week'")
    return Restarts(lasts, YEAR / rate.mean, mine["fixed_restart"])


def _simulated(found: Advice, seed: int) -> dict[Point, Seen | None]:
    """The simulation of each row; None where a live peer is lost without a loss."""
    from prgcore.outage.losses import simulate
    from prgcore.timers.advice import rows

    world, shown = found.world, rows(found)
    some = [p for p in shown if p.expected is not None]
    seen = simulate(found.losses, [(p.interval, p.timeout) for p in some],
                    jitter=world.jitter, drift=world.drift, seed=seed)
    return {**dict.fromkeys(shown), **dict(zip(some, seen, strict=True))}


def _draw(answer: Answer, file: Path) -> None:
    """Write the curve."""
    from prgcore.cli.drawing import png
    from prgcore.outage.curve import curve, page

    drawn = curve(answer.found, {p: s for p, s in answer.seen.items() if s is not None and s.runs})
    form = file.suffix.lower()
    made: str | bytes = drawn if form == ".svg" else (
        png(drawn) if form == ".png" else page(answer.found, drawn))
    output.write_file(file, made)
