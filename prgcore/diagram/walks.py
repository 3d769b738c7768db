"""Walks: the pairs around a pair, or the way that a story takes, as graphs.

Law: pure; every edge is a step that the engine answered. A pair is drawn as its worse half.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import evolve

from prgcore.diagram.graph import Edge, Graph, Label, Node
from prgcore.diagram.palette import Role, worst
from prgcore.diagram.states import role
from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, ImpossibleEvent, NotTotal, OutsideInvariant
from prgcore.explain.display import viewpoints
from prgcore.form.spelling import Spelling
from prgcore.machine import reference
from prgcore.model import Model, Rule, Values
from prgcore.seats import NODES
from prgcore.story.script import Run, Step
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import counted

__all__ = ["MOST_DIFFERENCES", "MOST_PAIRS", "around", "path"]

MOST_PAIRS = 1000
"""The most pairs that a walk may have."""
MOST_DIFFERENCES = 6
"""The most differences that a node lists; the others are counted."""

_Steps = dict[tuple[Pair, Pair, str], dict[Label, list[int]]]
"""By source, target and mark: the labels, and the numbers of the steps."""


def around(engine: Engine, pair: Pair, radius: int = 1, kinds: Collection[Kind] = ()) -> Graph:
    """The pairs within some steps of a pair, and every step between them.

    Args:
        engine: the machine.
        pair: the pair in the middle.
        radius: how many steps, from 1.
        kinds: the kinds of events; by default all of them.

    Raises:
        BadInput: the radius is less than 1, or there are more than `MOST_PAIRS` such pairs.
    """
    if radius < 1:
        raise BadInput(f"a radius is a number of steps from 1, not {radius}")
    events = [e.name for e in engine.model.events if not kinds or e.kind in kinds]
    far = {pair: 0}
    for distance in range(1, radius + 1):
        for near in [p for p, far_ in far.items() if far_ == distance - 1]:
            for _, after in _answers(engine, near, events):
                far.setdefault(after, distance)
            if len(far) > MOST_PAIRS:
                raise BadInput(f"more than {MOST_PAIRS:,} pairs are within {radius} steps of "
                               f"{_name(engine, pair)}")
    steps: _Steps = {}
    for source in far:
        for label, target in _answers(engine, source, events):
            if target in far:
                steps.setdefault((source, target, ""), {}).setdefault(label, [])
    what = f" by {', '.join(kinds)}" if kinds else ""
    return _graph(engine, f"{engine.model.name}: within {counted(radius, 'step')}{what} of {_name(engine, pair)}",
                  list(far), steps, pair, focus=True)


def path(run: Run, title: str = "") -> Graph:
    """The way of a story: its events by number, and what else leads from a pair to another.

    A refused or ignored event is a step that stays; a change by hand has no number. A pair that
    breaks a promise or an expectation names it. A step with an unexpected outcome says so.
    """
    steps: _Steps = {}
    pairs = dict.fromkeys([run.start])
    went: set[tuple[Pair, Pair, Label]] = set()
    wrong: dict[Pair, list[str]] = {}
    number, begun = 0, False
    for step in run.steps:
        verb = step.line.verb
        if verb == "expect" and step.failed:
            wrong.setdefault(step.after, []).append(step.failed)
        if verb in ("policy", "expect") or (verb == "start" and not begun):
            continue
        begun = True
        pairs |= dict.fromkeys([step.before, step.after])
        label, mark = _label(step), "path"
        went.add((step.before, step.after, label))
        if step.failed:
            mark, label = "broken", evolve(
                label, event=f"{label.event} ({step.failed})", why=f"{step.failed}; {label.why}")
        numbers = steps.setdefault((step.before, step.after, mark), {}).setdefault(label, [])
        if verb not in ("start", "given"):
            number += 1
            numbers.append(number)
    events = [e.name for e in run.engine.model.events]
    for source in pairs:
        for label, target in _answers(run.engine, source, events):
            if target in pairs and (source, target, label) not in went:
                steps.setdefault((source, target, ""), {}).setdefault(label, [])
    return _graph(run.engine, title or f"{run.engine.model.name}: a path of {number} steps",
                  list(pairs), steps, run.start, wrong)


def _label(step: Step) -> Label:
    """The answer to a line of a story, as a label."""
    line, decision = step.line, step.decision
    if decision is None:
        return Label(line.text, "", why=step.error)
    if decision.rule is None or decision.outcome is not Outcome.DONE:
        rule = decision.rule.name.partition("@")[0] if decision.rule else ""
        return Label(f"{line.name} {decision.outcome}", rule, why=decision.why)
    return _of(line.name, decision.rule)


def _of(event: str, rule: Rule) -> Label:
    return Label(event, rule.name.partition("@")[0], rule.phase, rule.why, rule.cite)


def _answers(engine: Engine, pair: Pair, events: Iterable[str]) -> Iterator[tuple[Label, Pair]]:
    """The pair after each event, if the event changes the pair."""
    for event in events:
        try:
            decision = engine.step(pair, event)
        except (ImpossibleEvent, NotTotal, OutsideInvariant):
            continue
        if decision.rule is not None and decision.pair != pair:
            yield _of(event, decision.rule), decision.pair


def _graph(
    engine: Engine, title_: str, pairs: list[Pair], steps: _Steps, centre: Pair,
    wrong: Mapping[Pair, Sequence[str]] | None = None, *, focus: bool = False,
) -> Graph:
    """A graph of pairs: with one in the middle, or starting from it."""
    ids = {pair: f"p{number}" for number, pair in enumerate(pairs)}
    place = {id_: i for i, id_ in enumerate(ids.values())}
    nodes = (
        _broken(engine, p, (wrong or {}).get(p, ()), _node(
            engine, ids[p], p, centre, "focus" if focus and p is centre else "")) for p in pairs
    )
    edges = []
    for (source, target, mark), labels in steps.items():
        numbers = sorted(n for some in labels.values() for n in some)
        first = {label: min(some, default=sys.maxsize) for label, some in labels.items()}
        order = sorted(labels, key=lambda w: (first[w], w))
        edges.append(Edge(ids[source], ids[target], tuple(order), tuple(numbers), mark))
    edges.sort(key=lambda e: (place[e.source], place[e.target], e.mark))
    return Graph(title_, () if focus else (ids[centre],), tuple(nodes), tuple(edges),
                 reference(engine.model))


# ------------------------------------------------------------------ one pair


def _node(engine: Engine, id_: str, pair: Pair, centre: Pair, mark: str) -> Node:
    """The node of a pair: its two states, its two reasons, and its differences from the middle."""
    stated = _columns(engine.model, ("state", "reason"))
    other = [n for n in pair if n not in stated and (pair[n] != centre[n] or not stated)]
    spelling = Spelling.of(engine.model)
    lines = [f"{spelling.name(n)} = {spelling.value(n, pair[n])}" for n in other]
    if len(lines) > MOST_DIFFERENCES + 1:
        lines[MOST_DIFFERENCES:] = [f"and {len(lines) - MOST_DIFFERENCES} more"]
    reasons = _halves(engine.model, pair, "reason")
    roles = _roles(engine, pair)
    silent = [n for n, r in zip(NODES, roles, strict=False) if r is Role.SILENT]
    return Node(
        id_, _name(engine, pair), worst(roles),
        (*([" | ".join(dict.fromkeys(reasons))] if any(r != "-" for r in reasons) else []),
         *([f"{' and '.join(silent)} shows nothing"] if silent else []), *lines),
        "; ".join(f"{name} {value}" for name, value in pair.items()), mark=mark,
    )


def _broken(engine: Engine, pair: Pair, wrong: Sequence[str], node: Node) -> Node:
    """A node with the promises that its pair breaks, and with the failed expectations."""
    broken = engine.broken(pair)
    says = [*(f"{i.id}: {i.says}" for i in engine.model.invariants if i.id in broken), *wrong]
    if not says:
        return node
    lines = *([f"breaks {', '.join(broken)}"] if broken else []), *wrong
    return evolve(node, mark="broken", lines=(*node.lines, *lines),
                  tooltip=f"{'; '.join(says)}; {node.tooltip}")


def _columns(model: Model, names: Values) -> list[str]:
    """The columns of both nodes that the machine has."""
    known = {c.name for c in model.columns if not c.derived}
    return [
        f"{node}.{what}" for what in names for node in NODES
        if {f"{n}.{what}" for n in NODES} <= known
    ]


def _halves(model: Model, pair: Pair, what: str) -> list[str]:
    spelling = Spelling.of(model)
    return [spelling.title(name, pair[name]) or "-" for name in _columns(model, (what,))]


def _name(engine: Engine, pair: Pair) -> str:
    """`Normal | Idle`; of a machine without states its name."""
    return " | ".join(_halves(engine.model, pair, "state")) or engine.model.name


def _roles(engine: Engine, pair: Pair) -> list[Role]:
    """The roles of both halves, as an administrator sees them; empty without states."""
    view = viewpoints(engine)[0]
    return [
        role(engine.model, name, pair[name]) if engine.holds(visible, pair) else Role.SILENT
        for name, visible in zip(
            _columns(engine.model, ("state",)), (view.node1, view.node2), strict=False)
    ]
