"""The promises that an export asks about: what breaks each, and what shows that it is not empty.

Law: one promise for each id, with everything that the table says under this id. A promise is
formulas only; a format decides how to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import TypeAlias

from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.exports.formula import FALSE, Formula, Table, every, no, some
from prgcore.model import AcceptedOnly, Exclusive, Model, OnlyBy
from prgcore.vocabulary import Kind

__all__ = ["WITNESS", "Promise", "asked", "promises", "wanted"]

WITNESS = ".witness"
"""The end of the name of a witness."""

Check: TypeAlias = "AcceptedOnly | Exclusive | OnlyBy"


@frozen
class Promise:
    """A promise as formulas about one pair.

    Attributes:
        broken: holds in the pairs that an invariant of this id forbids: no reachable pair may be
            there.
        wrong: holds where a guard check fails: no pair at all may be there.
        missing: holds where an answer is missing: no pair inside the invariants may be there.
        reached: each holds in some reachable pair, or the promise is empty.
    """

    id: str
    says: str
    broken: Formula
    wrong: Formula
    missing: Formula
    reached: tuple[Formula, ...]

    @property
    def bad(self) -> Formula:
        """No reachable pair may be there."""
        return some((self.broken, self.wrong, self.missing))


def promises(model: Model) -> tuple[Promise, ...]:
    """The promises of a machine that are about single pairs and steps, in the table's order."""
    table = Table(model)
    return (_f1(table), _f2(table), *_own(table), *_observed(table))


def wanted(model: Model, only: Iterable[str] = ()) -> tuple[Promise, ...]:
    """The promises with these ids; all if none are given.

    Raises:
        BadInput: there is no such promise, or an export does not hold it.
    """
    found, ids = promises(model), tuple(only)
    _known(ids, (p.id for p in found))
    return tuple(p for p in found if not ids or p.id in ids)


def asked(model: Model, only: Iterable[str] = ()) -> tuple[tuple[str, Promise, bool], ...]:
    """Every promise twice: as a question, and as `ID.witness`, which is the last part of each row.

    Raises:
        BadInput: there is no such question.
    """
    ids = tuple(only)
    found = tuple(
        (f"{p.id}{WITNESS}" if witness else p.id, p, witness)
        for p in promises(model) for witness in (False, True)
    )
    names = [name for name, _, _ in found]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"a promise is called {name!r}, as the witness of another one is; rename it")
    _known(ids, names)
    return tuple(row for row in found if not ids or row[0] in ids)


def _known(ids: tuple[str, ...], names: Iterable[str]) -> None:
    known = set(names)
    for id_ in ids:
        if id_ not in known:
            raise BadInput(unknown_name("promise of this export", id_, known))


def _f1(table: Table) -> Promise:
    wrong = some(
        every((table.happens(event), table.holds(one.when), table.holds(other.when)))
        for event, rules in table.rules.items() for one, other in combinations(rules, 2)
    )
    fires = some(table.fires(r) for r in table.model.rules)
    return Promise("F1", "no two rules answer the same event in the same pair",
                   FALSE, wrong, FALSE, (fires,))


def _f2(table: Table) -> Promise:
    events = [e.name for e in table.model.events if e.kind is not Kind.COMMAND]
    missing = some(every((table.happens(e), no(table.answered(e)))) for e in events)
    return Promise("F2", "every possible event is answered", FALSE, FALSE, missing,
                   (some(table.happens(e) for e in events),))


def _own(table: Table) -> Iterator[Promise]:
    """The invariants and guard checks, joined where they share an id."""
    model = table.model
    checks: tuple[Check, ...] = (*model.accepted_only, *model.exclusive, *model.only_by)
    ids = dict.fromkeys((*(i.id for i in model.invariants), *(c.id for c in checks)))
    for id_ in ids:
        invariants = [i for i in model.invariants if i.id == id_]
        guards = [c for c in checks if c.id == id_]
        yield Promise(
            id_, next(says for says in (*(i.says for i in invariants), *(g.says for g in guards))),
            some(table.broken(i) for i in invariants),
            some(_wrong(table, g) for g in guards),
            some(_missing(table, g) for g in guards),
            (*(table.holds(i.premise) for i in invariants),
             *([some(_used(table, g) for g in guards)] if guards else [])),
        )


def _observed(table: Table) -> Iterator[Promise]:
    """The observations that promise *never*."""
    for one in table.model.observations:
        if one.expect == "never":
            yield Promise(one.id, one.says, table.inside(one.when), FALSE, FALSE, ())


def _wrong(table: Table, check: Check) -> Formula:
    match check:
        case AcceptedOnly():
            return every((table.done(check.command), no(table.inside(check.when))))
        case Exclusive():
            accepted = [_accepted(table, name) for name in check.commands]
            return some((
                *(every(two) for two in combinations(accepted, 2)),
                every((some(accepted), table.inside(check.never_in))),
            ))
        case OnlyBy():
            becomes, allowed = table.cell(check.column, (check.value,)), dict(check.when)
            return some(
                every((
                    table.fires(r), no(becomes), table.after(r, becomes),
                    *(no(table.holds(allowed[e])) for e in (r.event,) if e in allowed),
                ))
                for r in table.model.rules
                if (r.event in allowed or r.event not in check.events)
                and check.column in table.changed(r)
            )


def _missing(table: Table, check: Check) -> Formula:
    if not isinstance(check, AcceptedOnly) or not check.exactly:
        return FALSE
    return every((table.inside(check.when), no(table.done(check.command))))


def _used(table: Table, check: Check) -> Formula:
    match check:
        case AcceptedOnly():
            return table.done(check.command)
        case Exclusive():
            return some(_accepted(table, name) for name in check.commands)
        case OnlyBy():
            return some(_accepted(table, name) for name in check.events)


def _accepted(table: Table, name: str) -> Formula:
    """A command is done, for either node if it is named without one."""
    return some(
        table.done(e) for e in table.rules if name in (e, e.partition("(")[0])
    )
