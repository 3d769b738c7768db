"""Golden text: the words and the rules, one field per line, so that every change is a line of a diff.

Law: pure, from tables to text. Rules are shown as they are written, from `me` and `peer`; that
they are the same in both seats is F3. The pages of the reference show the same fields.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prgcore.model import (
    ActionKind,
    By,
    Const,
    Copy,
    Cube,
    Effect,
    Model,
    Rule,
    Table,
    Value,
    Values,
)
from prgcore.vocabulary import Reason, State, title

ALL: dict[Values, str] = {
    tuple(map(str, State)): "every state", tuple(map(str, Reason)): "every reason",
}


def words(model: Model, actions: Iterable[ActionKind]) -> str:
    """Every word of the wire, one per line: states, reasons, columns, events, actions."""
    lines = ["# The words: what a program may send and will be sent. A change breaks programs."]
    lines += [f"state {s} = {title(s)}" for s in State]
    lines += [f"reason {r} = {title(r) or '(blank)'}" for r in Reason]
    for c in model.columns:
        kind = f"from {' '.join(c.sources)}" if c.derived else f"observed by {c.observed_by}"
        lines.append(f"column {c.name} {kind}")
        lines += [f"column {c.name} is {ALL.get(c.domain, '')}"] if c.domain in ALL else [
            f"column {c.name} is {value}" for value in c.domain
        ]
    for e in model.events:
        failing = "" if e.success else " failing"
        lines.append(f"event {e.name} {e.kind} decider {e.decider}{failing}")
    lines += [f"action {a.name}" for a in sorted(actions, key=lambda a: a.name)]
    return "\n".join(lines) + "\n"


def rules(table: Table) -> str:
    """Every rule of every policy as it is written, from `me`: one field per line, by id."""
    blocks = ["# The rules, from me and peer. Cells and effects are sorted; order means nothing."]
    blocks += [
        "\n".join(fields(rule, phase))
        for phase, rule in sorted(phased(table), key=lambda p: p[1].id)
    ]
    return "\n\n".join(blocks) + "\n"


def phased(table: Table) -> Iterator[tuple[str, Rule]]:
    """Every rule with its phase."""
    yield from ((phase, rule) for phase, rows in table.phases for rule in rows)


def fields(rule: Rule, phase: str) -> Iterator[str]:
    """The fields of a rule, one per line, the id first."""
    yield rule.id
    yield f"  event     {rule.event}"
    yield f"  outcome   {rule.outcome}"
    yield f"  phase     {phase}"
    yield from (f"  only      {name} = {choice}" for name, choice in rule.only)
    yield from (f"  when      {c}" for c in cells(rule.when))
    yield from (f"  then      {t}" for t in _effects(rule))
    yield from (
        f"  action {n:<2} {a.do}" + (f"({a.node})" if a.node else "")
        for n, a in enumerate(rule.actions, 1)
    )
    yield from (f"  cite      {c}" for c in rule.cite)
    yield from (f"  decision  {d}" for d in rule.decisions)
    yield f"  evidence  {rule.evidence}"
    yield f"  why       {rule.why}"


def cells(cube: Cube) -> list[str]:
    """The cells of a guard, sorted."""
    return sorted(f"{c.column} = {' | '.join(c.values)}" for c in cube)


def _effects(rule: Rule) -> list[str]:
    """Effects, one per line; for a map one line per entry."""
    return sorted(f"{e.target} := {new}" for e in rule.then for new in _new(e.value))


def _new(value: Value) -> tuple[str, ...]:
    match value:
        case Const(constant):
            return (constant,)
        case Copy(column):
            return (f"what {column} was",)
        case By(column, table):
            return tuple(f"{new} if {column} = {old}" for old, new in table)


def makes(effect: Effect) -> Values:
    """The values that an effect names for its target; a copy names none."""
    match effect.value:
        case Const(constant):
            return (constant,)
        case By(_, table):
            return tuple(dict.fromkeys(new for _, new in table))
        case Copy():
            return ()
