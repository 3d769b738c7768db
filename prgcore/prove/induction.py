"""Induction: every invariant, relative to the conjunction of all, over all pairs.

An invariant is inductive if no initial pair breaks it, and no rule does from a pair in which all
invariants hold. Otherwise it is dropped from the hypothesis, and the rest are asked again
(Houdini). The invariants that remain are proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter

import z3
from attrs import define, field, frozen

from prgcore.model import Cube, Invariant, Model, Rule
from prgcore.prove.relation import Relation
from prgcore.seats import mirror_cube, mirror_name, mirror_rule

__all__ = [
    "RLIMIT", "Proof", "Step", "breaks", "half", "has_seats", "induct", "is_mirrored",
    "touched", "unmirrored",
]

RLIMIT = 20_000_000
"""Resource budget of one query; beyond it the answer is unknown, never a pass."""


@frozen
class Step:
    """A counterexample to induction: `before` satisfies the hypothesis, `rule` breaks it.

    Whether the pair is reachable is another question.
    """

    invariant: str
    rule: str
    event: str
    before: dict[str, str]


@define
class Proof:
    """The result of the induction.

    Attributes:
        proved: ids of the invariants that are inductive together.
        steps: for the others, the step that breaks them.
        initial: ids that an initial pair breaks.
        unknown: ids for which the solver gave up.
        seconds: the time that each invariant took.
    """

    proved: tuple[str, ...] = ()
    steps: dict[str, Step] = field(factory=dict)
    initial: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    seconds: dict[str, float] = field(factory=dict)


def half(model: Model) -> tuple[Rule, ...]:
    """One rule of every mirror pair, if the machine is its own mirror; else all of them."""
    if not is_mirrored(model):
        return model.rules
    return tuple(r for r in model.rules if not r.id.endswith("@node2"))


def _key(cube: Cube) -> frozenset[tuple[str, frozenset[str]]]:
    return frozenset((c.column, frozenset(c.values)) for c in cube)


def is_mirrored(model: Model) -> bool:
    """Whether the machine names two seats and everything in it maps to itself (F3)."""
    return bool(model.mirror) and has_seats(model) and not unmirrored(model)


def has_seats(model: Model) -> bool:
    """Whether the seats of the mirror section are called node1 and node2, as ours are."""
    return all(mirror_name(one) == other != one for one, other in model.mirror)


def unmirrored(model: Model) -> tuple[str, ...]:
    """The parts of the machine without a mirror image, each with its place."""
    return (
        *_rules_unmirrored(model), *_possible_unmirrored(model), *_columns_unmirrored(model),
        *_events_unmirrored(model),
        *(
            f"{place}: says more of one seat than of the other"
            for place, cubes in _cubes(model)
            if {_key(mirror_cube(c)) for c in cubes} != {_key(c) for c in cubes}
        ),
        *(["initial pairs: not their own mirror"] if {
            frozenset((mirror_name(n), v) for n, v in start) for start in model.initial
        } != {frozenset(start) for start in model.initial} else []),
    )


def _cubes(model: Model) -> Iterator[tuple[str, Iterable[Cube]]]:
    """Every section that is a set of cubes and must be its own mirror."""
    for invariant in model.invariants:
        yield f"invariant {invariant.id}", invariant.never
    for check in model.exclusive:
        yield f"exclusive {check.id}", check.never_in
    yield "transient", tuple(Cube((cell,)) for cell in model.transient)
    yield "may_wait", model.may_wait
    yield "goal", model.goal


def _events_unmirrored(model: Model) -> Iterator[str]:
    events = {e.name: (e.kind, e.decider, e.success) for e in model.events}
    for name, (kind, decider, success) in events.items():
        if events.get(mirror_name(name)) != (kind, mirror_name(decider), success):
            yield f"event {name}: its mirror differs"
    checks = {(a.id, a.command): a for a in model.accepted_only}
    for (id_, command), check in checks.items():
        other = checks.get((id_, mirror_name(command)))
        if other is None or {_key(mirror_cube(c)) for c in check.when} != {
                _key(c) for c in other.when}:
            yield f"accepted_only {id_} {command}: its mirror differs"
    only = {(o.id, o.column, o.value, frozenset(o.events)) for o in model.only_by}
    for id_, column, value, names in only:
        if (id_, mirror_name(column), value, frozenset(map(mirror_name, names))) not in only:
            yield f"only_by {id_} {column}: its mirror differs"


def _rules_unmirrored(model: Model) -> Iterator[str]:
    rules = {r.id: r for r in model.rules}
    for rule in model.rules:
        image = mirror_rule(rule)
        other = rules.get(image.id)
        if other is None or _rule_key(image) != _rule_key(other):
            yield f"rule {rule.id}: its mirror {image.id} is another rule"


def _possible_unmirrored(model: Model) -> Iterator[str]:
    ways: dict[str, list[Cube]] = {}
    for entry in model.possible:
        ways.setdefault(entry.event, []).append(entry.when)
    for event, cubes in ways.items():
        mirrored = {_key(mirror_cube(c)) for c in cubes}
        if mirrored != {_key(c) for c in ways.get(mirror_name(event), [])}:
            yield f"possible {event}: its mirror differs"


def _columns_unmirrored(model: Model) -> Iterator[str]:
    columns = {c.name: c for c in model.columns}
    for column in model.columns:
        image = columns.get(mirror_name(column.name))
        sources = tuple(mirror_name(s) for s in column.sources)
        if image is None or (
            image.domain, image.observed_by, image.sources, image.table
        ) != (column.domain, mirror_name(column.observed_by), sources, column.table):
            yield f"column {column.name}: its mirror differs"


def _rule_key(rule: Rule) -> object:
    return (
        rule.event, rule.outcome, _key(rule.when), frozenset(rule.then),
        frozenset(rule.actions),
    )


def breaks(invariant: Invariant, pair: dict[str, str], model: Model) -> bool:
    """Whether a pair is in a cube of the invariant (by the tables, without a solver)."""
    derived = {c.name: c for c in model.columns if c.derived}

    def value(column: str) -> str:
        if column in pair:
            return pair[column]
        source = derived[column]
        return dict(source.table)[tuple(pair[s] for s in source.sources)]

    return any(all(value(c.column) in c.values for c in cube) for cube in invariant.never)


def induct(
    model: Model,
    invariants: Iterable[Invariant] | None = None,
    rules: tuple[Rule, ...] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Proof:
    """Prove invariants by induction, as many as possible.

    Args:
        invariants: the machine's own, unless given.
        rules: the rules to ask about; one of every mirror pair unless given.
    """
    asked = list(model.invariants if invariants is None else invariants)
    proof = Proof(seconds={i.id: 0.0 for i in asked})
    proof.initial = tuple(
        i.id for i in asked if any(breaks(i, dict(start), model) for start in model.initial)
    )
    held = [i for i in asked if i.id not in proof.initial]
    rules = half(model) if rules is None else rules
    relation = Relation(model)
    moving = [rule for rule in rules if rule.then]
    while held:
        dropped = _round(relation, moving, held, proof, progress)
        if not dropped:
            break
        held = [i for i in held if i.id not in dropped]
    proof.proved = tuple(i.id for i in held)
    return proof


def _round(
    relation: Relation,
    rules: list[Rule],
    held: list[Invariant],
    proof: Proof,
    progress: Callable[[str], None] | None,
) -> set[str]:
    """Ask every rule about every invariant once; ids of those that are not inductive."""
    solver = relation.solver(RLIMIT)
    terms = {i.id: relation.broken(i) for i in held}
    columns = {i.id: {c.column for cube in i.never for c in cube} for i in held}
    for term in terms.values():
        solver.add(z3.Not(term))
    dropped: set[str] = set()
    for rule in rules:
        solver.push()
        solver.add(relation.fires(rule))
        changes = touched(rule, relation.model)
        for name, term in terms.items():
            if name in dropped or not changes & columns[name]:
                continue
            started = perf_counter()
            solver.push()
            solver.add(relation.after(rule, term))
            answer = solver.check()
            if answer == z3.sat:
                proof.steps[name] = Step(
                    name, rule.id, rule.event, relation.read(solver.model())
                )
                dropped.add(name)
            elif answer != z3.unsat:
                proof.unknown = (*proof.unknown, name)
                dropped.add(name)
            solver.pop()
            proof.seconds[name] += perf_counter() - started
        solver.pop()
        if progress:
            progress(rule.id)
    return dropped


def touched(rule: Rule, model: Model) -> set[str]:
    """The columns that a rule can change, derived ones included."""
    targets = {e.target for e in rule.then}
    return targets | {
        c.name for c in model.columns if c.derived and targets & set(c.sources)
    }
