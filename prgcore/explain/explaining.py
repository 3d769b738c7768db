"""Explanations: the meaning of a pair, its cause, what to do now, and why a command is refused.

Law: it reads the machine, its situations and its families, and searches only when asked; no
solver, no arrays. A pair is explained as it is. A *display* is two states and reasons, all that
an operator has; it stands for every pair that shows it. A command that only some of these pairs
accept is listed with the hidden columns that decide. Text is for an operator, 80 columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from itertools import combinations

from attrs import asdict, evolve

from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, Failed, NeedsTwoNodes
from prgcore.explain.answer import Explanation, Maybe, Meaning, Reading, WhyNot
from prgcore.explain.display import (
    candidates,
    contradiction,
    cubes_of,
    denoted,
    display_of,
    foremost,
    misprint,
    parse_shown,
    row_display,
    shows_states,
    spell,
    stored_columns,
)
from prgcore.explain.health import assumed, healthiest_of
from prgcore.explain.home import by_itself, way_home
from prgcore.explain.meaning import meaning, readings
from prgcore.explain.pairs import Listed, Pairs
from prgcore.explain.plan import NoPlan, Plan, accepted_in, plan
from prgcore.form.spelling import Spelling
from prgcore.form.splits import Split
from prgcore.model import Cell, Cube, Display, Shown, Situation
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Outcome, title

__all__ = [
    "Display", "Explanation", "Maybe", "Meaning", "NoNode", "Reading", "Shown", "WhyNot", "candidates",
    "display_of", "explain", "explain_display", "explain_pairs", "meaning", "parse_shown",
    "shows_states", "spell", "why_not",
]


class NoNode(Enum):
    """The default of the second node's display: the group has one node."""

    GIVEN = "given"


def explain(engine: Engine, pair: Mapping[str, str]) -> Explanation:
    """An explanation of a pair: meaning, cause, what to do now, what each command would do.

    Raises:
        BadInput: this is not a pair of the machine.
        NeedsTwoNodes: the columns of only one node are given.
    """
    names = map(str, pair if isinstance(pair, Mapping) else ())
    given = {name.partition(".")[0] for name in names} & set(NODES)
    if len(given) == 1 and set(NODES) <= {n.partition(".")[0] for n in engine.stored}:
        raise _one_node(min(given))
    whole = engine.pair(pair)
    display = display_of(engine, whole)
    broken = engine.broken(whole)
    if broken:
        from prgcore.explain.outside import outside

        return outside(engine, display, foremost(engine, broken), engine.splits)
    return explain_pairs(engine, display, [whole])


def explain_display(
    engine: Engine,
    shown1: Shown | None,
    shown2: Shown | NoNode | None = NoNode.GIVEN,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
    splits: Sequence[Split] | None = None,
) -> Explanation:
    """An explanation of two states and reasons: of every pair that shows them.

    Args:
        engine: the machine.
        shown1: what node1 shows; None for nothing.
        shown2: what node2 shows; None for nothing; not given, the group has one node.
        known: hidden columns that the operator knows.
        reachable: keeps only the pairs that it accepts. Without it every pair that satisfies the
            invariants is considered, which may be more.
        splits: the displays that only two nodes without one record show; None: those that the
            machine was shipped with.

    Raises:
        BadInput: the machine has no such column or value, or too many pairs show this.
        NeedsTwoNodes: only one node is given.
    """
    if isinstance(shown2, NoNode):
        raise _one_node("node1")
    display = Display(shown1, shown2)
    pairs = denoted(engine, display, known, reachable)
    if len(pairs):
        return _explained(engine, display, pairs)
    from prgcore.explain.outside import known_in, outside, unreachable  # seldom asked

    broken = contradiction(engine, cubes_of(engine, display, known))
    known_splits = known_in(engine, engine.splits if splits is None else splits, known or {})
    return outside(engine, display, broken, known_splits) if broken else unreachable(
        engine, display, known_splits)


def explain_pairs(
    engine: Engine, display: Display | None, pairs: Sequence[Pair]
) -> Explanation:
    """An explanation of pairs that all show the display and break no invariant."""
    if not pairs:
        raise BadInput("explain_pairs needs at least one pair")
    return _explained(engine, display, Listed(engine, pairs))


def _explained(engine: Engine, display: Display | None, pairs: Pairs) -> Explanation:
    wrong = None if display is None else misprint(engine, display)
    meant = row_display(wrong[0], mirrored=wrong[1]) if wrong else display
    best = healthiest_of(engine, meant, pairs)
    several = readings(engine, display, pairs)
    found = meaning(engine, display, pairs, best)
    if found.row is not None and len(several) > 1:
        found = evolve(found, row=None, nearest=found.row)
    if wrong:
        found = evolve(found, cause=found.cause + _misprinted(wrong[0]))
    available: list[str] = []
    maybe: list[Maybe] = []
    refused: dict[str, tuple[Failed, ...]] = {}
    count = len(pairs)
    for command in (e.name for e in engine.model.events if e.kind is Kind.COMMAND):
        accepted = pairs.within(*(r.when for r in engine.model.rules if r.event == command))
        if not len(accepted):
            refused[command] = _always(engine.step(best, command).failed, pairs)
        elif len(accepted) == count:
            available.append(command)
        else:
            maybe.append(_decides(engine, command, pairs, accepted))
    way = way_home(engine, best, found.events)
    return Explanation(
        **asdict(found, recurse=False), display=display, readings=several,
        available=tuple(available),
        does={c: _effect(engine, engine.step(best, c)) for c in available},
        maybe=tuple(maybe), refused=refused, plan=way,
        assuming=assumed(engine, pairs, best),
        pairs=count, pair=best, by_itself=_by_itself(engine, way),
        spelling=Spelling.of(engine.model),
    )


def _misprinted(situation: Situation) -> str:
    return (f" The document prints {situation.literal} in this row, where {situation.corrected} is "
            "meant.")


def why_not(engine: Engine, pair: Mapping[str, str], command: str) -> WhyNot:
    """The reason why a pair refuses a command, and the shortest plan that enables it.

    Raises:
        BadInput: this is not a pair of the machine, or not one of its commands.
        OutsideInvariant: the pair breaks a proved invariant.
    """
    kind = engine.kind(command)
    if kind is not Kind.COMMAND:
        commands = ", ".join(e.name for e in engine.model.events if e.kind is Kind.COMMAND)
        raise BadInput(f"{command} is a {kind}; only a command can be refused: {commands}")
    whole = engine.pair(pair)
    decision = engine.step(whole, command)
    if decision.outcome is not Outcome.REFUSED:
        return WhyNot(command, accepted=True, spelling=Spelling.of(engine.model))
    try:
        way = plan(engine, whole, accepted_in(engine, command), without={command})
    except NoPlan:
        way = None
    return WhyNot(command, accepted=False, failed=decision.failed, plan=way,
                  by_itself=_by_itself(engine, way), spelling=Spelling.of(engine.model))


def _by_itself(engine: Engine, way: Plan | None) -> tuple[str, ...]:
    """The events of a plan to wait for, each once: timers and completions."""
    return tuple(event for event in dict.fromkeys(way.events if way else ())
                 if by_itself(engine, event))


def _one_node(node: str) -> NeedsTwoNodes:
    return NeedsTwoNodes(
        f"high availability needs two nodes, and only {node} is given; "
        "assign a second node to the group, or say what the other node shows"
    )


def _always(failed: tuple[Failed, ...], pairs: Pairs) -> tuple[Failed, ...]:
    """The failing cells that fail alike in every pair; all of them if none does."""
    stored, count = pairs.values(), len(pairs)
    return tuple(
        f for f in failed if (
            stored[f.column] == (f.value,) if f.column in stored
            else len(pairs.within(Cube((Cell(f.column, f.value),)))) == count)
    ) or failed


def _decides(engine: Engine, command: str, pairs: Pairs, accepted: Pairs) -> Maybe:
    """The smallest set of columns whose accepting values leave no refusing pair."""
    rules = (r for r in engine.model.rules if r.event == command)
    names = stored_columns(engine, (c for r in rules for c in r.when))
    values = accepted.values(names)
    shut = [some for some in pairs.outside(values) if some]
    telling = [n for n in names if any(n in some for some in shut)]
    all_told = Cube(tuple(Cell(n, values[n]) for n in telling))
    if len(pairs.within(all_told)) == len(accepted):
        for size in range(1, len(telling) + 1):
            for chosen in combinations(telling, size):
                if all(not some.isdisjoint(chosen) for some in shut):
                    return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in chosen)))
    here = pairs.values()
    varying = [n for n in names if len(here[n]) > 1]
    return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in varying)), decides=False)


def _effect(engine: Engine, decision: Decision) -> str:
    """A command's effect in words: the reason of its rule, and the states that follow."""
    if not shows_states(engine):
        return decision.why
    after = " and ".join(
        f"{n} {title(decision.pair[f'{n}.state'])}" for n in NODES
    )
    return f"{decision.why[:1].upper()}{decision.why[1:]}. Then {after}."
