"""`arbiter`: who decides between two nodes that do not hear each other, and what each choice costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import asdict, frozen

from prgcore.cli import inputs, output
from prgcore.cli.commands import Exit, Group, Option, examples
from prgcore.words import counted, listed, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from prgcore.model import Number
    from prgcore.tables.facts import Arbiter, Need, RealSystem, Sum
    from prgcore.timers.arbiters import Delays, Fences, HandOver
    from prgcore.timers.parameters import Settings

_EATEN = {
    "late": "the holder begins to count late", "drift": "one clock is slow, the other fast",
    "pause": "a pause before the holder acts", "stopping": "its services stop",
}
_NEXT = (
    "Next:", "  prgcore arbiter --arbiter lease    what one choice needs, promises and costs",
    "  prgcore arbiter --systems          what Patroni, Pacemaker and others do",
    "  prgcore arbiter --holder-stops 10 --successor-starts 8    your own two clocks",
)


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore arbiter",
        "prgcore arbiter --set keep_alive_timeout=30 --arbiter lease",
        "prgcore arbiter --arbiter fence --fencing 8 --delays 0,15",
        "prgcore arbiter --holder-stops 10 --successor-starts 12 --drift 0.01 --stopping 0.5",
        "prgcore arbiter --systems",
    ))(arbiter)


def _names(incomplete: str) -> Iterator[str]:
    from prgcore.tables.arbiters import ARBITERS

    yield from (one.name for one in ARBITERS if one.name.startswith(incomplete))


def _seconds(option: str, says: str) -> Any:
    return Option(option, metavar="S", help=f"{says}, in seconds.")


def arbiter(
    *,
    name: Annotated[
        str | None, Option("--arbiter", metavar="NAME", help="Show one choice in full: none, "
                           "self-fence, lease, epoch or fence.", autocompletion=_names),
    ] = None,
    systems: Annotated[
        bool, Option("--systems", help="Show real systems: when the holder stops, and when the "
                     "successor starts."),
    ] = False,
    sets: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A service parameter, as for timing. Repeatable."),
    ] = None,
    group: Annotated[
        Path | None, Option("--group", metavar="GROUP", help="Take parameters and lease from this "
                            "group file."),
    ] = None,
    deployment: Annotated[
        str | None, Option("--deployment", metavar="FILE", help="Take the parameters from this "
                           "deployment, as config check reads it."),
    ] = None,
    latency: Annotated[float, _seconds("--latency", "Longest delay of a heartbeat")] = 0,
    polling: Annotated[float, _seconds("--polling", "How late a timer may be asked")] = 0,
    jitter: Annotated[
        float, _seconds("--jitter", "Variation of sending and of the delay")] = 0,
    cut: Annotated[float, _seconds("--cut", "How long the network is cut")] = 60,
    holder_stops: Annotated[
        float | None, _seconds("--holder-stops", "When a holder orders its services to stop, after "
                               "it was last in touch")] = None,
    successor_starts: Annotated[
        float | None, _seconds("--successor-starts", "When the other one serves, after the same "
                               "moment")] = None,
    late: Annotated[
        float, _seconds("--late", "How much later the holder begins to count")] = 0,
    pause: Annotated[
        float | None, _seconds("--pause", "Longest pause of the holder before it acts")] = None,
    stopping: Annotated[
        float | None, _seconds("--stopping", "How long its services go on after the order")] = None,
    drift: Annotated[
        float | None, Option("--drift", metavar="RHO", help="The share by which each clock may be "
                             "fast or slow.")] = None,
    fencing: Annotated[
        float | None, _seconds("--fencing", "How long a fence takes until it is acknowledged")] = None,
    delays: Annotated[
        str, Option("--delays", metavar="A,B", help="How long each node waits before it fences the "
                    "other, in seconds.")] = "0,0",
    apart: Annotated[
        float | None, _seconds("--apart", "How far apart the nodes may notice a cut; by default as "
                               "far as the parameters let them")] = None,
    machine: inputs.MachineFile = None, as_json: inputs.Json = False,
) -> None:
    """Show the arbiters: who decides when two nodes do not hear each other.

    For each choice it shows what it needs, what it promises, how soon users are served
    after a crash, and what a cut costs. With --holder-stops and --successor-starts it
    computes the margin between two clocks, and what eats it. Exit codes: 0 answered; 1
    by these two clocks users could be served twice, or a rule between the parameters is
    broken.
    """
    from prgcore.cli.timing import given
    from prgcore.errors import BadInput
    from prgcore.running.lease import Lease
    from prgcore.tables.arbiters import ARBITERS, SYSTEMS
    from prgcore.timers.arbiters import Delays, Fences, HandOver
    from prgcore.timers.parameters import seconds

    if (holder_stops is None) != (successor_starts is None):
        raise BadInput("--holder-stops and --successor-starts are two clocks of one hand-over; give both")
    told, _, whose = given(sets, group, deployment, machine)
    lease = told.lease if told else Lease()
    own = holder_stops is not None and successor_starts is not None
    hand = HandOver(
        lease.lasts if holder_stops is None else holder_stops,
        lease.waits if successor_starts is None else successor_starts, late,
        pause if pause is not None else 0 if own else lease.pause,
        stopping if stopping is not None else 0 if own else lease.stopping,
        drift if drift is not None else 0 if own else lease.drift or 0)
    network = Delays(latency, polling, jitter)
    parameters = [*whose]
    apart = network.apart(parameters[0]) if apart is None else seconds(apart, "apart")
    both = _delays(delays)
    fences = None if fencing is None else Fences(fencing, both, apart)
    asked = _Asked(parameters, network, seconds(cut, "cut"), hand, fences)
    if systems:
        if as_json:
            output.write_json({"systems": [*map(_system_json, SYSTEMS)]})
        else:
            output.show(*_systems(SYSTEMS))
        return
    chosen = [a for a in ARBITERS if name in (None, a.name)]
    if not chosen:
        chosen = [_named(name or "", ARBITERS)]
    if as_json:
        output.write_json(asked.to_json(chosen, own=own))
    elif own and name is None:
        output.show(*_hand(hand))
    elif name is None:
        output.show(*_table(asked, chosen))
    else:
        output.show(*_card(asked, chosen[0], [s for s in SYSTEMS if s.arbiter == chosen[0].name]))
    if asked.wrong:
        output.note("A rule between these parameters is broken, so they promise nothing: prgcore timing "
                    "shows which.")
    raise Exit(int(asked.wrong or (own and not hand.holds)))


def _delays(text: str) -> tuple[Number, Number]:
    """The two delays of `A,B`.

    Raises:
        BadInput: they are not two numbers.
    """
    from prgcore.errors import BadInput
    from prgcore.timers.quantities import quantity
    from prgcore.words import quoted

    found = [quantity(part, "s") for part in text.split(",")]
    if len(found) != 2 or None in found:
        raise BadInput(f"--delays {quoted(text, 60)}: expected two numbers of seconds, such as 0,15")
    one, other = (n for n in found if n is not None)
    return one, other


def _named(name: str, arbiters: Iterable[Arbiter]) -> Arbiter:
    """The arbiter that `prgcore prove --arbiter` calls so.

    Raises:
        BadInput: there is none.
    """
    from prgcore.errors import BadInput, unknown_name

    for one in arbiters:
        if one.prove == name:
            return one
    raise BadInput(unknown_name("arbiter", name, [one.name for one in arbiters]))


@frozen
class _Asked:
    """What was asked: the parameters, the network and its cut, the two clocks, the fences."""

    parameters: list[Settings]
    network: Delays
    cut: Number
    hand: HandOver
    fences: Fences | None

    @property
    def noticed(self) -> Number:
        return self.network.noticed(self.parameters[0])

    def served(self, one: Arbiter) -> Number | None:
        """After how long the users of a dead node are served."""
        from prgcore.timers.arbiters import served_after

        return served_after(one, self.noticed, self.hand.starts, self.fences)

    def out(self, one: Arbiter) -> Number | None:
        """How long a user is out after a crash, at most: with the wait before the next log-in."""
        from prgcore.timers.monitor import bounds
        from prgcore.timers.parameters import Parameters

        served = self.served(one)
        if served is None:
            return None
        return max((
            bounds(p, latency=self.network.latency, polling=self.network.polling,
                   jitter=self.network.jitter, take_over=served - self.noticed).after_crash.most
            for p in self.parameters if isinstance(p, Parameters)), default=None)

    @property
    def wrong(self) -> bool:
        """Whether a rule between the parameters is broken, so that they promise nothing."""
        from prgcore.timers.sanity import check

        return any(v.wrong and v.rule.kind == "error" for p in self.parameters
                   for v in check(p, self.network.jitter))

    @property
    def twice(self) -> Number:
        """How long users may be served twice in the cut, without an arbiter."""
        from prgcore.timers.arbiters import twice_for

        return twice_for(self.cut, self.parameters[0], self.network)

    def to_json(self, chosen: Iterable[Arbiter], *, own: bool) -> dict[str, Any]:
        from prgcore.tables.arbiters import STORIES, SYSTEMS

        fences = self.fences
        return {
            "ok": (self.hand.holds or not own) and not self.wrong,
            "given": {**asdict(self.network), "cut": self.cut, "noticed": self.noticed},
            "hand_over": _hand_json(self.hand),
            "fences": None if fences is None else {
                **asdict(fences), "both_can_end": fences.both_end, "needed": fences.needed,
                "theorem": "T15"},
            "arbiters": [{
                "name": one.name, "title": one.title, "says": one.says, "prove": one.prove,
                "needs": [{"name": n.name, "says": n.says, "without": n.without or None,
                           "grows": n.grows or None} for n in one.needs],
                "promises": [asdict(p) for p in one.promises], "model": "D",
                "served_after_crash": self.served(one), "users_out_at_most": self.out(one),
                "twice_in_the_cut": self.twice if one.name == "none" else 0,
                "costs": one.costs,
                "stories": {name: STORIES[name] for name in _told(one)},
                "systems": [_system_json(s) for s in SYSTEMS if s.arbiter == one.name],
            } for one in chosen],
        }


def _told(one: Arbiter) -> list[str]:
    """The stories of an arbiter: what goes wrong without each assumption, then more."""
    return [*dict.fromkeys((*(n.without for n in one.needs if n.without), *one.stories))]


def _said(value: Number) -> str:
    return f"{value:.10g} s"


# ------------------------------------------------------------------------------- the table


def _table(asked: _Asked, chosen: Iterable[Arbiter]) -> Iterator[RenderableType]:
    """The short answer: one row per choice."""
    table = output.table("arbiter", "served twice", "after a crash", "in a cut", "needs")
    for one in chosen:
        table.add_row(one.name, _twice(asked, one), _crash(asked, one), _in_cut(asked, one),
                      ", ".join(n.name.partition("(")[0] for n in one.needs) or "nothing")
    yield table
    yield ""
    yield from wrapped(
        f"After a crash: when the users of the dead node are served, at the latest. In a cut: of "
        f"{_said(asked.cut)} (--cut). A choice keeps its promise where its assumptions hold.")
    if asked.fences is None:
        yield from wrapped("How long a fence takes is not known: give --fencing and --delays.")
    yield ""
    yield from _NEXT


def _twice(asked: _Asked, one: Arbiter) -> str:
    if one.name == "none":
        return f"yes, in {_steps(one.needs[0].without)}"
    if one.name == "lease" and not asked.hand.holds:
        return f"yes, for {_said(-asked.hand.margin)}"
    return "never"


def _crash(asked: _Asked, one: Arbiter) -> str:
    if one.adds is None:
        return "by nobody"
    served = asked.served(one)
    return f"{_said(asked.noticed)} + fence" if served is None else _said(served)


def _in_cut(asked: _Asked, one: Arbiter) -> str:
    if one.name == "none":
        return f"twice, {_said(asked.twice)}"
    if one.adds is None:
        return "nobody serves"
    if one.kills:
        both = asked.fences is None or asked.fences.both_end
        return "one or both end" if both else "one node ends"
    moved = asked.served(one)
    assert moved is not None, "BUG: only a fence is unknown"
    return f"{_said(moved - asked.noticed)} out" if moved > asked.noticed else "none out"


def _steps(story: str) -> str:
    from prgcore.tables.arbiters import STORIES

    return counted(len(_moves(STORIES[story])), "step")


def _moves(story: str) -> list[str]:
    """The moves of a story, without what it is about and what it expects."""
    return [line for line in story.splitlines()
            if line.split()[0] not in ("network", "adversary", "silence", "expect")]


# -------------------------------------------------------------------------------- one card


def _card(asked: _Asked, one: Arbiter, systems: list[RealSystem]) -> Iterator[RenderableType]:
    """One choice in full."""
    yield f"{one.name}: {one.title}"
    yield from wrapped(one.says)
    yield ""
    yield ("What it needs, and what goes wrong without it:" if one.needs else
           "It needs nothing of the network or of clocks.")
    for need in one.needs:
        yield from wrapped(f"{need.name}: {need.says}.", "  ", "    ")
        yield from _without(asked, need)
    yield ""
    yield "What it promises (model D, where what it needs holds):"
    for p in one.promises:
        holds = {True: "holds", False: "does not hold", None: "does not apply"}[p.holds]
        yield from wrapped(f"{p.obligation} {holds}: {p.why}.", "  ", "    ")
    words = f" --adversary {one.adversary}" if one.adversary else ""
    yield f"  prgcore prove --model D --arbiter {one.prove}{words}"
    yield ""
    yield from _costs(asked, one)
    for name in one.stories:
        yield ""
        yield from _story(name)
    if systems:
        yield ""
        yield "Real systems:"
        for s in systems:
            yield from wrapped(f"{s.name}: {s.is_} {_clocks(s)}", "  ", "    ")
        yield "  prgcore arbiter --systems shows what was seen of them."


def _without(asked: _Asked, need: Need) -> Iterator[str]:
    if need.without:
        yield from _story(need.without, "    ")
    if need.grows == "fencing":
        yield from wrapped(_killing(asked), "    ", "    ")
    elif need.grows:
        yield from wrapped(_grown(asked.hand, need.grows), "    ", "    ")


def _grown(hand: HandOver, what: str) -> str:
    """How much of an assumption the two clocks bear, and what happens beyond that."""
    if not hand.holds:
        return f"Users may be served twice as it is, for {_said(-hand.margin)} (T10)."
    wrong = hand.exceeded(what)
    if what == "drift":
        said, more = f"A drift of {hand.tolerated:.10g} is tolerated", f"{wrong.drift:.6g}"
    else:
        verb = "pauses" if what == "pause" else "goes on"
        said = f"If the holder {verb} for more than {_said(getattr(hand, what) + hand.margin)}, both serve"
        more = _said(getattr(wrong, what))
    if wrong.holds:
        return f"{said} (T10)."
    return (f"{said} (T10). With {more} the successor serves from {wrong.serves_from:.6g} s on, and the "
            f"holder until {wrong.serves_until:.6g} s after it was last in touch.")


def _story(name: str, before: str = "  ") -> Iterator[str]:
    from prgcore.tables.arbiters import STORIES

    yield f"{before}{name}, {_steps(name)}:"
    yield from (f"{before}  {line}" for line in STORIES[name].splitlines())


def _costs(asked: _Asked, one: Arbiter) -> Iterator[str]:
    yield "What it costs:"
    yield from wrapped(f"{one.costs[:1].upper()}{one.costs[1:]}.", "  ", "  ")
    served, out = asked.served(one), asked.out(one)
    if one.adds is not None and served is None:
        yield from wrapped(
            f"The loss of a peer is noticed within {_said(asked.noticed)} (T3). How long the fence "
            "takes is not known: give --fencing and --delays.", "  ", "  ")
    elif served is not None:
        by = "T3" if served == asked.noticed else f"T3, then {_terms(one.adds or ())}"
        yield from wrapped(
            f"After a crash, users of the dead node are served within {_said(served)} ({by})"
            + ("" if out is None else f"; a user is out for {_said(out)} at most, with the wait "
               "before the next log-in (T9)") + ".", "  ", "  ")
    if one.name == "none":
        yield from wrapped(
            f"In a cut of {_said(asked.cut)}, users may be served twice for {_said(asked.twice)}: "
            "from the first loss until the first heartbeat after the cut (D5).", "  ", "  ")
    if one.name == "lease":
        yield from wrapped(_margin(asked.hand), "  ", "  ")


def _terms(sum_: Sum) -> str:
    names = {"waits": "the wait", "delay": "the delay", "fencing": "the fence"}
    return listed((names[name] for _, name in sum_), "and")


def _killing(asked: _Asked) -> str:
    fences = asked.fences
    if fences is None:
        return ("Both nodes can end each other exactly if their delays differ by less than the time of a "
                "fence and the time by which they may notice a cut apart (T15).")
    one, other = fences.delays
    less = "less" if fences.both_end else "not less"
    says = "Both nodes can end each other" if fences.both_end else "One node is left for certain"
    return (f"{says}: the delays differ by {_said(abs(one - other))}, {less} "
            f"than {_said(fences.needed)}: a fence takes {_said(fences.latency)}, and the nodes may "
            f"notice a cut {_said(fences.apart)} apart (T15).")


# -------------------------------------------------------------------------- the two clocks


def _hand_json(hand: HandOver) -> dict[str, Any]:
    return {**asdict(hand), "margin": hand.margin, "holds": hand.holds,
            "eaten": dict(hand.eaten()), "tolerated_drift": hand.tolerated, "shortest_start": hand.shortest, "theorem": "T10"}


def _margin(hand: HandOver) -> str:
    eaten = listed([_EATEN[name] for name, eats in hand.eaten() if eats], "and")
    return (f"The holder stops after {_said(hand.stops)}, the successor starts after {_said(hand.starts)}"
            + (f". With what eats it ({eaten})," if eaten else ":") + f" the margin is {_said(hand.margin)}.")


def _hand(hand: HandOver) -> Iterator[RenderableType]:
    """The margin between two clocks, and what eats it."""
    table = output.table("seconds", "what", right=("seconds",))
    table.add_row(f"{hand.starts:.10g}", "the successor starts, by its own clock")
    table.add_row(f"{-hand.stops or 0:.10g}", "the holder stops, by its own clock")
    for name, eats in hand.eaten():
        if eats:
            table.add_row(f"-{eats:.6g}", _EATEN[name])
    table.add_row(f"{hand.margin:.6g}", "the margin")
    yield table
    yield ""
    if not hand.holds:
        yield from wrapped(f"Users may be served twice, for {-hand.margin:.6g} s (T10).")
    elif not hand.margin:
        yield from wrapped("Nobody is served twice; both may serve in one instant (T10).")
    else:
        yield from wrapped(f"Nobody is served twice: there are {hand.margin:.6g} s between them (T10).")
    yield from wrapped(
        f"A successor that starts after {hand.shortest:.6g} s leaves no margin, and none shorter is "
        "safe (T14). Both count from the moment at which the holder was last in touch: a holder that "
        "counts from an answer, and not from its own request, is late by the time between them.")


# ---------------------------------------------------------------------------- real systems


def _system_json(system: RealSystem) -> dict[str, Any]:
    from prgcore.timers.arbiters import clocks

    stops, starts = clocks(system)
    return {
        "name": system.name, "arbiter": system.arbiter, "is": system.is_,
        "settings": dict(system.settings), "holder_stops": stops, "successor_starts": starts,
        "margin": None if stops is None or starts is None else starts - stops,
        "otherwise": system.never or None, "eats": system.eats, "source": system.cite,
        "seen": [asdict(s) for s in system.seen],
    }


def _clocks(system: RealSystem) -> str:
    from prgcore.timers.arbiters import clocks

    stops, starts = clocks(system)
    says = [f"the holder stops after {_formula(system.stops)} = {_said(stops)}"
            if system.stops and stops is not None else "",
            f"the successor starts after {_formula(system.starts)} = {_said(starts)}"
            if system.starts and starts is not None else "", system.never]
    if stops is not None and starts is not None:
        says.append(f"the margin is {_said(starts - stops)}")
    text = "; ".join(s for s in says if s)
    return f"{text[:1].upper()}{text[1:]}."


def _formula(sum_: Sum) -> str:
    terms = "".join(
        f" {'-' if times < 0 else '+'} {'' if abs(times) == 1 else f'{abs(times)} '}{name}"
        for times, name in sum_)
    return terms.removeprefix(" + ").strip()


def _systems(systems: Iterable[RealSystem]) -> Iterator[RenderableType]:
    """Real systems: both clocks by their documentation, and what was seen."""
    from prgcore.timers.arbiters import clocks

    table = output.table("system", "as", "stops", "starts", "margin", "by",
                         right=("stops", "starts", "margin"))
    def cell(value: Number | None) -> str:
        return "-" if value is None else f"{value:.10g}"

    for one in systems:
        stops, starts = clocks(one)
        margin = None if stops is None or starts is None else starts - stops
        table.add_row(one.name, one.arbiter, cell(stops), cell(starts), cell(margin), one.cite)
    yield table
    yield ""
    yield from wrapped("Seconds from the last moment at which the holder was in touch, by the defaults of each "
                       "documentation, before anything eats the margin.")
    for one in systems:
        yield ""
        yield from wrapped(f"{one.name}: {one.is_} {_clocks(one)}")
        yield from wrapped(f"Eaten by: {one.eats}.", "  ", "  ")
        for seen in one.seen:
            yield from wrapped(f"Seen in {seen.version}, {seen.by}: {_run(seen)}", "  ", "  ")


def _run(seen: Any) -> str:
    both = [f"the holder stopped within {_said(seen.stops)}" if seen.stops is not None else "",
            f"no successor before {_said(seen.starts)}" if seen.starts is not None else ""]
    return "; ".join(s for s in (seen.says, *both) if s) + "."
