"""A node: what it knows about the pair, and what it decides from that alone.

Law: pure. A node sees a part of the pair: the columns that both share, its own, and those that its
peer reports in heartbeats. So its view stands for many pairs. The machine decides the same in all
of them in which the event can happen (F8), and that is the decision. If the decisions differ, the
node must first learn something that it does not know: `Undecided`, never a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import lru_cache
from itertools import product

from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, BudgetExhausted, OutsideInvariant, Undecided, unknown_name
from prgcore.form.knowledge import RECORD
from prgcore.form.telling import told
from prgcore.model import Choices, Values
from prgcore.seats import NODES, seat
from prgcore.stores.record import Layout, Record
from prgcore.vocabulary import Outcome

__all__ = [
    "any_pair", "decide", "explanation", "layout", "own", "pairs", "reported", "shared", "view",
    "whole", "written",
]


def shared(engine: Engine) -> tuple[str, ...]:
    """The columns that every decider reads: the record."""
    return tuple(c.name for c in engine.model.columns if c.observed_by == RECORD and not c.derived)


def own(engine: Engine, node: str) -> tuple[str, ...]:
    """The columns that a node keeps itself: those that it observes, and its own process.

    Raises:
        BadInput: no such node.
    """
    if node not in NODES:
        raise BadInput(unknown_name("node", node, NODES))
    known = shared(engine)
    return tuple(c for c in engine.stored if c not in known and c.startswith(f"{node}."))


@lru_cache(maxsize=8)
def reported(engine: Engine, node: str) -> tuple[str, ...]:
    """The columns of a node that its heartbeats report: the section `told`."""
    return told(engine.model, node)


def layout(engine: Engine, *, agents: bool) -> Layout:
    """The columns of the record of node agents or of a controller, each with its values."""
    def values(names: Iterable[str]) -> dict[str, Values]:
        return {c: engine.columns[c].domain for c in names}

    return Layout(
        values(shared(engine) if agents else engine.stored),
        {n: values(own(engine, n)) for n in NODES} if agents else {}, engine.habits.groups)


def view(
    record: Record, node: str, heard: Mapping[str, str] | None = None, changes: int = -1
) -> dict[str, str]:
    """The columns that a node knows: the record, its own, and the peer's if they are up to date.

    Args:
        heard: the columns that the peer reported; None: the peer is not heard.
        changes: the number of the peer's changes when it reported them.
    """
    known = record.seen_by(node)
    if heard is not None and changes == record.changes[seat("peer", node)]:
        known |= heard
    return known


def pairs(engine: Engine, known: Mapping[str, str]) -> tuple[Pair, ...]:
    """The pairs inside the invariants for which a view stands.

    Raises:
        BadInput: the machine lacks a column, or the view knows too few columns.
    """
    return _pairs(engine, tuple(known.items()))


@lru_cache(maxsize=32)
def _pairs(engine: Engine, known: Choices) -> tuple[Pair, ...]:
    """The same, cached: an agent asks for one view many times."""
    engine.check(dict(known), stored=True)
    try:
        return engine.completions(dict(known))
    except BudgetExhausted as error:
        raise BadInput(
            f"{len(known)} columns of {len(engine.stored)} are known; {error}") from None


def whole(engine: Engine, known: Mapping[str, str]) -> Pair:
    """The pair of a view that knows every column; raises as `Engine.pair`."""
    with suppress(TypeError):  # a value that is no text may not be hashable
        return _whole(engine, tuple(known.items()))
    return engine.pair(known)


@lru_cache(maxsize=32)
def _whole(engine: Engine, known: Choices) -> Pair:
    """The same, cached: a controller asks for one view many times."""
    return engine.pair(dict(known))


def any_pair(engine: Engine, known: Mapping[str, str]) -> Pair:
    """One pair of a view, for a caller that reads the known columns only.

    Raises:
        BadInput: as `pairs`.
        OutsideInvariant: no pair inside the invariants has these columns.
    """
    if found := pairs(engine, known):
        return found[0]
    raise OutsideInvariant(
        "no pair inside the invariants has these columns: an assumption of the proof has failed",
        engine.broken(_filled(engine, known)),
    )


def _filled(engine: Engine, known: Mapping[str, str]) -> Pair:
    return engine.pair({c: known.get(c, engine.columns[c].domain[0]) for c in engine.stored})


def decide(engine: Engine, known: Mapping[str, str], event: str) -> Decision:
    """The decision of the machine in every pair of a view in which the event can happen.

    In the decision's pair, only the known columns are valid.

    Raises:
        BadInput: there is no such event, or the view is not of this machine.
        ImpossibleEvent: it cannot happen in any of them.
        OutsideInvariant: no pair inside the invariants has these columns.
        Undecided: the decision depends on columns that are not known.
    """
    answers: dict[object, Decision] = {}
    unknown = [c for c in engine.stored if c not in known]
    for pair in pairs(engine, known):
        if not engine.possible(pair, event):
            continue
        decision = engine.step(pair, event)
        key = (decision.outcome, decision.rule, *(decision.pair[c] for c in known))
        if decision.outcome is not Outcome.REFUSED or _clearer(decision, answers.get(key), unknown):
            answers[key] = decision
    if len(answers) == 1:
        return next(iter(answers.values()))
    if answers:
        missing = _reads_of(engine, event, unknown)
        raise Undecided(f"{event} depends on {', '.join(missing)}: not known now", missing)
    return engine.step(any_pair(engine, known), event)  # it raises, with the reason


def written(engine: Engine, record: Record, decision: Decision) -> dict[str, str]:
    """The columns of every drawer after a done decision, including a silent node's.

    A drawer has the columns that its node keeps. Another node need not read it to write it.
    """
    drawers = {c: v for drawer in record.own.values() for c, v in drawer.items()}
    if decision.rule is None or not drawers:
        return {}
    after = engine.apply(_filled(engine, {**drawers, **record.columns}), decision.rule)
    return {c: after[c] for c in drawers}


def _clearer(decision: Decision, other: Decision | None, unknown: list[str]) -> bool:
    """Whether a refusal names fewer unknown columns than another one."""
    def vague(one: Decision) -> int:
        return sum(f.column in unknown for f in one.failed)

    return other is None or vague(decision) < vague(other)


def _reads_of(engine: Engine, event: str, unknown: list[str]) -> tuple[str, ...]:
    """The unknown columns that the rules of an event read."""
    sources = {c.name: c.sources or (c.name,) for c in engine.model.columns}
    read = {
        source for rule in engine.model.rules if rule.event == event
        for cell in rule.when for source in sources[cell.column]
    }
    return tuple(c for c in unknown if c in read)


# --------------------------------------------------------------- what explains an event


def explanation(engine: Engine, pair: Pair, event: str) -> tuple[str, ...]:
    """The fewest unseen faults of the world that must have preceded an event.

    They change columns that only the environment knows, or that a dead node cannot report any
    more: a cut link explains a lost heartbeat, and lost power a lost host. The answer is empty if
    the event can happen already, or if no one or two faults explain it.
    """
    if engine.possible(pair, event):
        return ()
    kinds = {e.name: e for e in engine.model.events}
    columns = {c.name: c.observed_by for c in engine.model.columns}
    hidden = sorted(
        (sum(1 for _ in rule.then), rule.event) for rule in engine.model.rules
        if kinds[rule.event].decider == "environment"
        and all(columns[e.target] != RECORD for e in rule.then)
        and any(columns[e.target] == "environment" for e in rule.then)
    )
    names = list(dict.fromkeys(name for _, name in hidden))
    for depth in (1, 2):
        for chain in product(names, repeat=depth):
            at: Pair | None = pair
            for name in chain:
                at = _world(engine, at, name) if at is not None else None
            if at is not None and engine.possible(at, event) and all(
                    at[c] == pair[c] for c in engine.stored if columns[c] == RECORD):
                return chain
    return ()


def _world(engine: Engine, pair: Pair, event: str) -> Pair | None:
    if engine.broken(pair) or not engine.possible(pair, event):
        return None
    return engine.step(pair, event).pair
