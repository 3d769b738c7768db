"""Vacuity: the one rule for everything that promises. Nothing empty is proved.

Law: a promise needs its witnesses. A reachable pair meets its premise. Where it forbids, some pair,
reachable or not, is one that it would forbid. A promise without them is *vacuous*, even if it is
true. The table alone shows part of this, and the reachable pairs show the rest. Where nothing can
be searched, the finding says so, and does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from prgcore.errors import BudgetExhausted
from prgcore.form.cubes import EVERYWHERE, Stored
from prgcore.form.knowledge import ENVIRONMENT
from prgcore.model import (
    AcceptedOnly,
    Cell,
    Const,
    Convergence,
    Cube,
    Duty,
    Exclusive,
    Hears,
    Invariant,
    Model,
    Observation,
    OnlyBy,
    Rule,
    Story,
)
from prgcore.prove import document, levels
from prgcore.prove.codec import Codes
from prgcore.prove.induction import touched
from prgcore.prove.space import Edges, Space
from prgcore.prove.work import BY_ITSELF, Judgement, Obligation, Work
from prgcore.story.script import parse, write
from prgcore.vocabulary import Kind, Method, Outcome, Verdict
from prgcore.words import few

__all__ = [
    "UNCHECKED", "Empty", "Home", "NeverRests", "Promise", "Reached", "Rest", "discharged",
    "empty", "f11", "judged", "setters", "under", "witnessed",
]


@frozen
class Home:
    """The promise that from every pair a way leads into one of these cubes, named by `place`."""

    cubes: tuple[Cube, ...]
    place: str = "home"


@frozen
class Reached:
    """The promise that each of these cubes is reached."""

    cubes: tuple[Cube, ...]


@frozen
class NeverRests:
    """The promise that a machine never comes to rest in one of these cubes."""

    cubes: tuple[Cube, ...]


@frozen
class Rest:
    """The promise that a machine comes to rest by itself, and where it does not rest."""

    transient: tuple[Cell, ...]
    may_wait: tuple[Cube, ...]


UNCHECKED = "vacuity"
"""The part of a finding that says: only a search finds out whether the promise is empty."""

Promise: TypeAlias = (
    Invariant | AcceptedOnly | Exclusive | OnlyBy | Duty | Observation | Convergence
    | Hears | Home | NeverRests | Reached | Rest
)


@frozen
class Empty:
    """An empty part of a promise, in words, and whether the table or the search shows it."""

    says: str
    method: Method = Method.TABLE


def judged(work: Work, finding: Judgement, *promises: Promise) -> Judgement:
    """The finding; *vacuous* instead of a pass if any part of these promises is empty."""
    return _judged(work, finding, lambda: (e for p in promises for e in empty(work, p)))


def under(run: Callable[[Work], Judgement], promise: Promise) -> Callable[[Work], Judgement]:
    """A way to find out about a promise, put under this rule."""
    return lambda work: judged(work, discharged(run, work), promise)


def discharged(run: Callable[[Work], Judgement], work: Work) -> Judgement:
    """The finding; *unknown* where the budget ends, or where only a search decides and there is none."""
    try:
        return run(work)
    except BudgetExhausted as error:
        return Judgement(Verdict.UNKNOWN, Method.SEARCH, {"says": str(error)})


def _judged(work: Work, finding: Judgement, asked: Callable[[], Iterable[Empty]]) -> Judgement:
    if finding.verdict not in (Verdict.PROVED, Verdict.REPORTED, Verdict.UNKNOWN):
        return finding
    found = list(dict.fromkeys(asked()))
    if finding.verdict is Verdict.UNKNOWN:  # a pair that was not searched or decided cannot be a witness
        found = [e for e in found if e.method is Method.TABLE]
    if found:
        return _vacuous(found)
    if finding.verdict is Verdict.UNKNOWN:
        return finding
    if work.space_or_none is None:
        return evolve(finding, detail={**finding.detail, UNCHECKED: "not checked: no search"})
    return finding


def _vacuous(found: list[Empty]) -> Judgement:
    says = [e.says for e in found]
    return Judgement(
        Verdict.VACUOUS, found[0].method, {"says": few(says, 3), "all": says})


def empty(work: Work, promise: Promise) -> tuple[Empty, ...]:
    """Every empty part of a promise, first what the table shows, then what the search shows."""
    if promise not in work.empty:
        work.empty[promise] = tuple(_KINDS[type(promise)](_Look(work), promise))
    return work.empty[promise]


# ------------------------------------------------------- where witnesses are looked for


_Place: TypeAlias = tuple[str, Cube]


class _Look:
    """The stored pairs, and the reachable ones where the machine can be searched."""

    def __init__(self, work: Work) -> None:
        self.model = work.model
        self.stored = Stored(work.model.columns)
        self.space = work.space_or_none

    def has(self, cube: Cube) -> bool:
        """Whether some pair, reachable or not, is in a cube."""
        return self.stored.find([cube]) is not None

    def no_pair(self, *places: _Place) -> Iterator[Empty]:
        """The cubes that no pair is in, reachable or not."""
        for place, cube in places:
            if not self.has(cube):
                yield Empty(f"{place}: no pair is in it: {_told(cube)}")

    def no_reachable(self, *places: _Place) -> Iterator[Empty]:
        """The cubes that no reachable pair is in, although some pair is."""
        for place, cube in places:
            if self.space and self.has(cube) and not self.space.meets(cube):
                yield _searched(f"{place}: no reachable pair is in it: {_told(cube)}")

    def far(self, cubes: Iterable[Cube]) -> Iterator[Empty]:
        """The cubes of which every reachable pair misses several cells."""
        space = self.space
        for cube in cubes if space else ():
            if space and self.has(cube) and not any(map(space.meets, _wider(cube))):
                yield _searched("no reachable pair comes near a cube: it is out of reach by "
                                f"several cells: {_told(cube)}")

    def everywhere(self, cubes: tuple[Cube, ...]) -> bool:
        """Whether every pair is in one of these cubes."""
        return bool(cubes) and self.stored.outside(EVERYWHERE, cubes) is None

    def never_done(self, id_: str, names: Iterable[str], *, seat: bool) -> Iterator[Empty]:
        """The events among these that are never done; without `seat`, a name is of both seats."""
        done = {e.rule.event for e in self.done()}
        done |= set() if seat else {name.partition("(")[0] for name in done}
        idle = [name for name in names if name not in done]
        if self.space and idle:
            yield _searched(f"{id_}: nothing does {', '.join(idle)} in a reachable pair")

    def done(self) -> Iterator[Edges]:
        """The steps of every rule that is done, where it fires at all."""
        edges = self.space.edges if self.space else ()
        return (e for e in edges if e.rule.outcome is Outcome.DONE and len(e))

    def meeting(self, space: Space, duty: Duty) -> Iterator[Rule]:
        """The rules of which a reachable step meets a duty, found when they are asked for."""
        before, after = space.codec.test(duty.before), space.codec.test(duty.after)
        for edges in self.done():
            rule = edges.rule
            asked = {*duty.asks} <= {*rule.actions} and (
                not duty.events or rule.event in duty.events)
            if asked and rule.when & duty.before is not None and any(
                    len(after.where([c.take(at) for c in target]))
                    for source, target in _steps(space, edges) for at in [before.where(source)]):
                yield rule

    def sets(self, column: str, value: str, event: str) -> bool:
        """Whether a reachable step of the event gives the column this value, or it is unknown."""
        space = self.space
        if space is None:
            return True
        is_ = space.codec.test(Cube((Cell(column, value),)))
        return any(
            (is_.mask(target) & ~is_.mask(source)).any() for e in self.done()
            if e.rule.event == event and column in touched(e.rule, self.model)
            for source, target in _steps(space, e)
        )


def _steps(space: Space, edges: Edges) -> Iterator[tuple[Codes, Codes]]:
    """The steps of a rule as codes before and after, a few first, for these often suffice."""
    for part in (slice(1 << 12), slice(1 << 12, None)):
        source, target = edges.source[part], edges.target[part]
        yield [c.take(source) for c in space.codes], [c.take(target) for c in space.codes]


def _searched(says: str) -> Empty:
    return Empty(says, Method.SEARCH)


def _each(place: str, cubes: Iterable[Cube]) -> Iterator[_Place]:
    """Cubes with their places, as in the machine file."""
    return ((f"{place}[{n}]", cube) for n, cube in enumerate(cubes))


def _wider(cube: Cube) -> Iterator[Cube]:
    """The cubes that one cell less makes."""
    return (Cube(tuple(c for c in cube if c is not cell)) for cell in cube)


def _told(cube: Cube) -> str:
    return "; ".join(f"{c.column} in {few(c.values, 3, ', ')}" for c in cube) or "any pair"


def setters(work: Work, column: str, value: str) -> set[str]:
    """The events of which a reachable step gives a column this value."""
    look = _Look(work)
    return {e.name for e in work.model.events if look.sets(column, value, e.name)}


# --------------------------------------------------------- what each kind of promise needs


def _invariant(look: _Look, promise: Invariant) -> Iterator[Empty]:
    """A pair in every cube, a reachable one in the premise, and one near every cube."""
    combinations = prod(len(look.model.domains[c]) for c in promise.exactly)
    if not promise.never and combinations < 2:
        yield Empty(f"{promise.id} forbids nothing: it has no cube")
    yield from look.no_pair(("premise", promise.premise), *_each("never", promise.never))
    if look.space and not look.space.meets(promise.premise):
        yield _searched("no reachable pair meets the premise")
    yield from look.far(promise.never)


def _accepted_only(look: _Look, promise: AcceptedOnly) -> Iterator[Empty]:
    """A pair in every cube, a pair outside, and a reachable pair in which the event is done."""
    cubes = tuple(_each(f"{promise.command}: when", promise.when))
    yield from look.no_pair(*cubes)
    if look.everywhere(promise.when):
        yield Empty(f"{promise.command}: when: every pair is in it, so nothing is forbidden")
    yield from look.never_done(promise.id, [promise.command], seat=True)
    if promise.exactly:
        yield from look.no_reachable(*cubes)


def _exclusive(look: _Look, promise: Exclusive) -> Iterator[Empty]:
    """Two commands, or a pair that accepts none; and a reachable pair that accepts each."""
    if len(set(promise.commands)) < 2 and not promise.never_in:
        yield Empty(f"{promise.id} forbids nothing: it names fewer than two commands")
    yield from look.no_pair(*_each("never_in", promise.never_in))
    yield from look.never_done(promise.id, promise.commands, seat=False)
    yield from look.no_reachable(*_each("never_in", promise.never_in))


def _only_by(look: _Look, promise: OnlyBy) -> Iterator[Empty]:
    """Another event that is done somewhere, and for each event named a step that does it."""
    free = {*promise.events} - {event for event, _ in promise.when}
    if {r.event for r in look.model.rules if r.outcome is Outcome.DONE} <= free:
        yield Empty(f"{promise.id} forbids nothing: it names every event that does anything")
    value = Cube((Cell(promise.column, promise.value),))
    yield from look.no_pair(("value", value))
    if look.everywhere((value,)):
        yield Empty(f"{promise.id} forbids nothing: every pair has {promise.value} already")
    for event, cube in promise.when:
        yield from look.no_pair((f"when.{event}", cube))
        if look.everywhere((cube,)):
            yield Empty(f"when.{event}: every pair is in it, so nothing is forbidden")
    idle = [e for e in promise.events if not look.sets(promise.column, promise.value, e)]
    if idle:
        yield _searched(f"{promise.id}: nothing does {', '.join(idle)}: no reachable step of it "
                        f"sets {promise.column} to {promise.value}")


def _duty(look: _Look, promise: Duty) -> Iterator[Empty]:
    """A pair in every cube, and a reachable step that meets the duty, with every part of it."""
    yield from look.no_pair(
        (f"{promise.id}: before", promise.before), (f"{promise.id}: after", promise.after),
        *_each(f"{promise.id}: harmless", promise.harmless))
    if look.space is None:
        return
    events, follows, met = {*promise.events}, {*promise.follows}, None
    for met in look.meeting(look.space, promise):
        events.discard(met.event)
        follows -= {*met.actions}
        if not (events or follows):
            return
    if met is None:
        yield _searched(f"{promise.id}: no reachable step meets it")
        return
    for event in sorted(events):
        yield _searched(f"{promise.id}: no reachable step of {event} meets it")
    for action in sorted(map(str, follows)):
        yield _searched(f"{promise.id}: no reachable step that meets it asks for {action} too")


def _observation(look: _Look, promise: Observation) -> Iterator[Empty]:
    """A pair in every cube. If one must be reached, a pair outside; if none, a pair near each."""
    yield from look.no_pair(*_each("when", promise.when))
    if promise.expect == "reached" and look.everywhere(promise.when):
        yield Empty("when: every pair is in it, so it is always reached")
    if promise.expect == "never":
        yield from look.far(promise.when)


def _convergence(look: _Look, promise: Convergence) -> Iterator[Empty]:
    """A reachable pair in every cube."""
    yield from look.no_pair(*_each("from", promise.leaves))
    yield from look.no_reachable(*_each("from", promise.leaves))


def _hears(look: _Look, promise: Hears) -> Iterator[Empty]:
    """A reachable pair in which the node learns of its peer, and one in which it does not."""
    place = (f"hears of {promise.node}", promise.when)
    yield from look.no_pair(place)
    if look.everywhere((promise.when,)):
        yield Empty(f"hears of {promise.node}: every pair is in it, so nothing is ever hidden")
    elif look.space and len(look.space.where(promise.when)) == len(look.space):
        yield _searched(f"hears of {promise.node}: every reachable pair is in it, so nothing is "
                        "ever hidden")
    yield from look.no_reachable(place)


def _home(look: _Look, promise: Home) -> Iterator[Empty]:
    """A reachable pair in every cube, and one in none of them."""
    yield from look.no_pair(*_each(promise.place, promise.cubes))
    if look.everywhere(promise.cubes):
        yield Empty("every pair is home, so nothing needs a way there")
        return
    yield from look.no_reachable(*_each(promise.place, promise.cubes))
    space = look.space
    if space and promise.cubes and _in_any(space, promise.cubes).all():
        yield _searched("every reachable pair is home, so nothing needs a way there")


def _reached(look: _Look, promise: Reached) -> Iterator[Empty]:
    """A pair outside every cube. That a reachable pair is in it is the promise."""
    for n, cube in enumerate(promise.cubes):
        if look.everywhere((cube,)):
            yield Empty(f"reachable[{n}]: every pair is in it")


def _never_rests(look: _Look, promise: NeverRests) -> Iterator[Empty]:
    """A reachable pair in every cube: the machine goes on from there."""
    yield from look.no_pair(*_each("never_rests", promise.cubes))
    yield from look.no_reachable(*_each("never_rests", promise.cubes))


def _rest(look: _Look, promise: Rest) -> Iterator[Empty]:
    """Something happens by itself, and every value and every excuse is met by a reachable pair."""
    for cell in promise.transient:
        excuses = tuple(c for c in promise.may_wait if cell.column in {d.column for d in c})
        for one in (Cube((Cell(cell.column, value),)) for value in cell.values):
            yield from look.no_pair(("transient", one))
            if excuses and look.has(one) and look.stored.outside(one, excuses) is None:
                yield Empty(f"transient: may_wait excuses every pair: {_told(one)}")
            yield from look.no_reachable(("transient", one))
    yield from look.no_pair(*_each("may_wait", promise.may_wait))
    if look.space:
        yield from _waiting(look, look.space, promise)


def _waiting(look: _Look, space: Space, promise: Rest) -> Iterator[Empty]:
    by_itself = {e.name for e in look.model.events if e.kind in BY_ITSELF}
    ends = np.ones(len(space), np.bool_)
    for edges in look.done():
        if edges.rule.event in by_itself:
            ends[edges.source] = False
    if ends.all():
        yield _searched("no timer and no completion changes a reachable pair")
    for n, cube in enumerate(promise.may_wait):
        excused = (
            (ends & _in_any(space, [both])).any() for cell in promise.transient
            if cell.column in {c.column for c in cube}
            for both in [cube & Cube((cell,))] if both
        )
        if not any(excused):
            yield _searched(f"may_wait[{n}]: no reachable pair waits there: {_told(cube)}")


def _in_any(space: Space, cubes: Iterable[Cube]) -> npt.NDArray[np.bool_]:
    inside = np.zeros(len(space), np.bool_)
    for cube in cubes:
        inside[space.where(cube)] = True
    return inside


_KINDS: dict[type, Callable[[_Look, Any], Iterator[Empty]]] = {
    Invariant: _invariant, AcceptedOnly: _accepted_only, Exclusive: _exclusive, OnlyBy: _only_by,
    Duty: _duty, Observation: _observation, Convergence: _convergence, Hears: _hears,
    Home: _home, NeverRests: _never_rests, Reached: _reached, Rest: _rest,
}


# --------------------------------------------------------- the obligations of every machine


def witnessed(obligation: Obligation) -> Obligation:
    """An obligation of every machine, under the rule: *not applicable* where it asks nothing.

    It is *vacuous* where it asks something, and no reachable pair is a witness.
    """
    lacks, asked = _LACKS.get(obligation.id), _ASKED.get(obligation.id)

    def run(work: Work) -> Judgement:
        says = lacks(work.model) if lacks else ""
        if says:
            return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": says})
        finding = discharged(obligation.run, work)
        return _judged(work, finding, lambda: asked(work, finding)) if asked else finding

    return evolve(obligation, run=run) if lacks or asked else obligation


def _no_two(model: Model) -> str:
    events = [r.event for r in model.rules]
    return "no event has two rules" if len(set(events)) == len(events) else ""


def _no_rules(model: Model) -> str:
    return "" if model.rules else "the machine has no rules"


def _nothing_done(model: Model) -> str:
    return "" if any(r.outcome is Outcome.DONE for r in model.rules) else "no rule is done"


def _only_commands(model: Model) -> str:
    return "" if _uncommanded(model) else "every event is a command"


def _uncommanded(model: Model) -> set[str]:
    return {e.name for e in model.events if e.kind is not Kind.COMMAND}


def _only_the_environment(model: Model) -> str:
    nodes = {e.name for e in model.events if e.decider != ENVIRONMENT}
    asked = any(r.event in nodes for r in model.rules)
    return "" if asked else "only the environment decides, and it knows everything"


_LACKS: dict[str, Callable[[Model], str]] = {
    "F1": _no_two, "F2": _only_commands, "F4": _no_rules, "F6": _only_the_environment,
    "F7": _nothing_done, "E1": _no_rules, "E2": _no_rules,
    "E3": levels.lacks,
}
"""For each obligation a function that says why it does not apply to a machine, or nothing."""


def _answered(work: Work, _: Judgement) -> Iterator[Empty]:
    asked, space = _uncommanded(work.model), work.space_or_none
    if space and not any(len(e) and e.rule.event in asked for e in space.edges):
        yield _searched("only commands happen in a reachable pair")


def _fires(work: Work, _: Judgement) -> Iterator[Empty]:
    if work.space_or_none and not any(_Look(work).done()):
        yield _searched("no rule that is done fires in a reachable pair")


def _strength(work: Work, _: Judgement) -> Iterator[Empty]:
    """A reachable pair where an event must be possible, and a pair where it may not be."""
    look = _Look(work)
    if not work.model.adversary:
        yield Empty("no adversary section: nothing says where an event must be possible; write an "
                    "entry for each event that is not a command")
    for entry in work.model.adversary:
        must = tuple(_each(f"{entry.event}: must", entry.must))
        yield from look.no_pair(*must, *_each(f"{entry.event}: may", entry.may))
        yield from look.no_reachable(*must)
        if not entry.must and look.everywhere(entry.may):
            yield Empty(f"{entry.event}: it must be possible nowhere, and may be everywhere")
    if work.model.adversary and not any(entry.must for entry in work.model.adversary):
        yield Empty("no entry of adversary has a must: nothing says where an event must be possible")
    for node in work.model.decides:
        yield from look.no_pair((f"decides of {node.decider}", node.when))
        if look.everywhere((node.when,)):
            yield Empty(f"decides of {node.decider}: every pair is in it, so nothing is forbidden")


def _counts(figure: str, says: str) -> Callable[[Work, Judgement], Iterator[Empty]]:
    """The obligation is not empty: it has counted what it asked about."""

    def ask(_: Work, finding: Judgement) -> Iterator[Empty]:
        if not finding.detail.get(figure):
            yield _searched(says)

    return ask


def _shown(work: Work, finding: Judgement) -> Iterator[Empty]:
    """A reachable pair shows a stable display, and some show every word of every family."""
    if not finding.detail.get("stable displays"):
        yield _searched("no reachable pair shows a stable display")
    shown = document.stable_displays(work.space)
    for family in work.model.families:
        if not any(map(family.matches, shown)):
            yield _searched(f"family {family.id}: no reachable pair shows one of its displays")
        else:
            for word in document.unshown(family, shown):
                yield _searched(f"family {family.id}: no reachable pair shows {word} there")


def _told_steps(story: Story) -> int:
    """The number of lines of a story that can fail."""
    lines = parse(write(story)).lines
    return sum(line.verb not in ("policy", "start", "given") for line in lines)


_ASKED: dict[str, Callable[[Work, Judgement], Iterable[Empty]]] = {
    "F2": _answered,
    "F7": _fires,
    "F8": lambda work, _: (e for hears in work.model.hears for e in empty(work, hears)),
    "F10": _strength,
    "L1": lambda work, _: empty(work, Rest(work.model.transient, work.model.may_wait)),
    "L2": lambda work, _: empty(work, Home(work.model.goal, "goal")),
    "L3": lambda work, _: empty(work, Home(work.model.goal, "goal")),
    "C2": _counts("recommended actions", "no recommended action has events"),
    "C3": _shown,
    "C1": lambda work, _: (
        Empty(f"row {s.row}, cause {c.id}: no event leads from its start to the row")
        for s in work.model.situations for c in s.causes if not c.events),
    "C5": lambda work, _: (
        Empty(f"story {s.id} has no step") for s in work.model.stories if not _told_steps(s)),
    "E1": _counts("edges compared", "no reachable step was compared"),
    "E2": _counts("traces replayed", "no trace was replayed"),
}
"""For each obligation a function that finds its empty parts where it holds."""


def _read(model: Model) -> set[str]:
    """The columns that a promise reads, or an event that is neither a fault nor a repair."""
    world = {e.name for e in model.events if e.kind in (Kind.FAULT, Kind.REPAIR)}
    rules = [r for r in model.rules if r.event not in world]
    cubes = [
        *(r.when for r in rules), *(p.when for p in model.possible if p.event not in world),
        *(c for i in model.invariants for c in i.never),
        *(c for a in model.accepted_only for c in a.when),
        *(c for x in model.exclusive for c in x.never_in),
        *(c for o in model.observations for c in o.when),
        *(c for v in model.converges for c in v.leaves),
        *model.goal, Cube(model.transient),
    ]
    return {
        *(cell.column for cube in cubes for cell in cube),
        *(e.value.column for r in rules for e in r.then if not isinstance(e.value, Const)),
        *(o.column for o in model.only_by), *(c for i in model.invariants for c in i.exactly),
    }


def f11(work: Work) -> Judgement:
    """F11: every event happens somewhere, in every way in which it can, and something fails."""
    look = _Look(work)
    ways = [(f"possible[{n}] of {p.event}", p.when) for n, p in enumerate(look.model.possible)]
    if not look.model.events:
        return Judgement(Verdict.NOT_APPLICABLE, Method.TABLE, {"says": "the machine has no events"})
    dead = list(look.no_pair(*ways))
    if dead and look.space is None:
        return _vacuous(dead)
    space = work.space
    dead += look.no_reachable(*ways)
    answered = {e.rule.event for e in space.edges if len(e)}
    dead += [_searched(f"{e.name}: every reachable pair refuses it") for e in look.model.events
             if e.kind is Kind.COMMAND and e.name not in answered]
    fails = {e.name for e in look.model.events if e.kind is Kind.FAULT or not e.success}
    failed = {e.rule.event: touched(e.rule, look.model) for e in look.done() if e.rule.event in fails}
    changed = {column for columns in failed.values() for column in columns}
    if not failed:
        dead.append(_searched("no adversary: no fault, and no completion that fails, happens"))
    elif not changed & _read(look.model):
        dead.append(Empty(f"no adversary: nothing reads what fails ({', '.join(sorted(changed))})"))
    if dead:
        return _vacuous(dead)
    return Judgement(Verdict.PROVED, Method.SEARCH, {
        "events": len(look.model.events), "ways": len(ways), "that fail": len(failed)})
