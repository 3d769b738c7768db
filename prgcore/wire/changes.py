"""The differences between two machines: row by row, cell by cell.

Law: pure; the rows are those of `prgcore.wire.rows`. Two rows that mirror each other and
changed alike are one change, written with `me` and `peer`. A rule with only a new id counts as
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve, frozen

from prgcore.model import Model, Values
from prgcore.seats import NODES, mirror_name
from prgcore.wire.machine_file import digest
from prgcore.wire.rows import NAMED, At, Fields, Held, Rows, spell

__all__ = ["FIRST_COUNTS", "Change", "Changes", "Detail", "changes"]

FIRST_COUNTS = ("initial", "viewpoints", "situations", "families")
"""Sections in which the first matching row counts."""


@frozen
class Detail:
    """One field that differs.

    Attributes:
        field: its name: `when me.state`, `then me.reason`, `actions`, `domain`.
        old, new: its values before and after; None where the field is missing.
        whole: it changes as a whole; otherwise it loses and gains single values.
        prose: no step and no proof reads it.
    """

    field: str
    old: Values | None
    new: Values | None
    whole: bool = True
    prose: bool = False

    @property
    def lost(self) -> Values:
        return tuple(v for v in self.old or () if self.whole or v not in (self.new or ()))

    @property
    def gained(self) -> Values:
        return tuple(v for v in self.new or () if self.whole or v not in (self.old or ()))

    def renamed(self, name: Any) -> Detail:
        """This detail with every name put through `name`."""
        old, new = (v and tuple(map(name, v)) for v in (self.old, self.new))
        return evolve(self, field=name(self.field), old=old, new=new)

    def to_json(self) -> dict[str, Any]:
        """`{"field", "lost", "gained", "prose"}`; lost or gained is null if there was none."""
        return {
            "field": self.field,
            "lost": None if self.old is None else list(self.lost),
            "gained": None if self.new is None else list(self.gained),
            "prose": self.prose,
        }


@frozen
class Change:
    """One row that differs: `added`, `removed`, or `changed` in its `details`.

    `seats` has both nodes where a row and its mirror changed alike. `of` is the event of a rule,
    and `was` its id in the old machine if that differs.
    """

    section: str
    name: str
    change: str
    details: tuple[Detail, ...]
    seats: Values = ()
    of: str = ""
    was: str = ""

    @property
    def kind(self) -> str:
        """The kind of the row, in words."""
        return NAMED[self.section][0] if self.section in NAMED else self.section

    @property
    def prose(self) -> bool:
        """Whether only prose differs."""
        return self.change == "changed" and not self.was and all(d.prose for d in self.details)

    def to_json(self) -> dict[str, Any]:
        """`{"section", "name", "was", "change", "seats", "details": [...]}`."""
        return {
            "section": self.section, "name": self.name, "was": self.was or self.name,
            "change": self.change,
            "seats": list(self.seats), "details": [d.to_json() for d in self.details],
        }


@frozen
class Changes:
    """Every row that differs, in the order of the format.

    `ids` are the rules of either machine that differ in more than prose. `reordered`: only the
    order of rows differs.
    """

    rows: tuple[Change, ...]
    ids: frozenset[str]
    reordered: bool

    @property
    def real(self) -> tuple[Change, ...]:
        """The rows that differ in more than prose."""
        return tuple(c for c in self.rows if not c.prose)

    @property
    def same(self) -> bool:
        """Whether no step and no proof can distinguish the two machines."""
        return not self.real


def changes(old: Model, new: Model) -> Changes:
    """Everything that differs between two machines, in their tables."""
    found = list(_changes(Rows(old), Rows(new)))
    same = all(c.prose for c in found)
    rules = [c for c in found if c.section == "rules" and not c.prose]
    ids = frozenset(id_ for c in rules for id_ in (c.name, c.was) if id_)
    rows = tuple(_folded(found))
    return Changes(rows, ids, same and digest(old) != digest(new))


# --------------------------------------------------------------------- comparing


def _changes(old: Rows, new: Rows) -> Iterator[Change]:
    was = _renumbered(old, new)
    order = ["machine", *NAMED]
    known = {*old.rows, *new.rows} - {*was.values()}

    def place(at: At) -> tuple[object, ...]:
        return order.index(at[0]), *_natural((was.get(at) or at)[1])

    for at in sorted(known, key=place):
        here = was.get(at, at)
        before, after = old.rows.get(here), new.rows.get(at)
        details = tuple(
            evolve(d, prose=not {(here, d.field), (here, _head(d, before, after)),
                                 (at, d.field), (at, _head(d, before, after))}
                   & (old.read | new.read))
            for d in _details(before or {}, after or {})
        )
        if at[0] == "machine":
            details += tuple(_orders(old, new))
        change = "added" if before is None else "removed" if after is None else "changed"
        if details or change != "changed" or here != at:
            event = (after or before or {}).get("event") if at[0] == "rules" else None
            yield Change(*at, change, details, of="".join(event.values) if event else "",
                         was=here[1] if here != at else "")


def _renumbered(old: Rows, new: Rows) -> dict[At, At]:
    """Rules of the new machine that nearly equal a rule that is gone, by event."""
    gone = sorted(at for at in old.rows if at[0] == "rules" and at not in new.rows)
    was: dict[At, At] = {}
    for at in sorted(at for at in new.rows if at[0] == "rules" and at not in old.rows):
        fields = new.rows[at]
        likely = [(_likeness(old, old_at, new, at), old_at) for old_at in gone
                  if old.rows[old_at]["event"] == fields["event"]]
        (differ, alike), best = min(likely, default=((1, 0), at))
        if 2 * differ < -alike:
            gone.remove(best)
            was[at] = best
    return was


def _likeness(old: Rows, old_at: At, new: Rows, new_at: At) -> tuple[int, int]:
    """The number of fields in which two rules differ; then, negated, of those that agree."""
    ours, theirs = (
        {(name, held) for name, held in side.rows[at].items()
         if (at, name) in side.read and name not in ("event", "outcome")}
        for side, at in ((old, old_at), (new, new_at))
    )
    return len({name for name, _ in ours ^ theirs}), -len(ours & theirs)


def _orders(old: Rows, new: Rows) -> Iterator[Detail]:
    """The sections whose order changed, where the first matching row counts."""
    for section in FIRST_COUNTS:
        before, after = old.order[section], new.order[section]
        if before != after and sorted(before) == sorted(after):
            yield Detail(f"order of {section}", before, after)


def _head(detail: Detail, before: Fields | None, after: Fields | None) -> str:
    """The field of a detail: its own name, or that of the cubes for a cell of a cube."""
    names = (n for n in (*(before or ()), *(after or ())) if detail.field.startswith(f"{n} "))
    return next(names, detail.field)


def _details(old: Fields, new: Fields) -> Iterator[Detail]:
    for name in dict.fromkeys([*old, *new]):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        cells = _cells(name, *(v.cubes if v else () for v in (before, after)))
        if cells:
            yield from cells
        else:
            whole = (before or after or Held()).whole
            old_values, new_values = (v.values if v else None for v in (before, after))
            yield Detail(name, old_values, new_values, whole)


def _cells(
    name: str, old: Sequence[Mapping[str, Values]], new: Sequence[Mapping[str, Values]]
) -> tuple[Detail, ...]:
    """Cubes that differ, cell by cell; empty where they cannot be paired."""
    lost = [c for c in old if spell(c) not in map(spell, new)]
    gained = [c for c in new if spell(c) not in map(spell, old)]
    if sorted((len(lost), len(gained))) == [0, 1] and not (old and new):
        lost, gained = lost or [{}], gained or [{}]
    elif not lost or len(lost) != len(gained) or any(
            not set(a) & set(b) for a, b in zip(lost, gained, strict=True)):
        return ()
    found = (
        Detail(f"{name} {column}", a.get(column) and tuple(sorted(a[column])),
               b.get(column) and tuple(sorted(b[column])), whole=False)
        for a, b in zip(lost, gained, strict=True) for column in dict.fromkeys([*a, *b])
        if sorted(a.get(column, ())) != sorted(b.get(column, ()))
    )
    return tuple(dict.fromkeys(found))


def _natural(name: str) -> tuple[Any, ...]:
    """A sort key: `S2` before `S10`, and the seats of a rule side by side."""
    head, at, seat = name.partition("@")
    letters = head.rstrip("0123456789")
    return letters, int(head[len(letters):] or -1), at, seat, name


# ----------------------------------------------------------------------- folding


def _folded(found: Iterable[Change]) -> Iterator[Change]:
    """The changes, where two that mirror each other become one, written with `me` and `peer`."""
    rows = {(c.section, c.name): c for c in found}
    for (section, name), change in rows.items():
        twin = mirror_name(name)
        other = rows.get((section, twin))
        if twin == name:
            yield evolve(change, details=_halved(change.details))
        elif other is None or _key(other) != _key(change, mirror_name):
            yield change
        elif name < twin:
            yield evolve(
                change, name=_relative(name), of=_relative(change.of), seats=NODES,
                was=_relative(change.was),
                details=tuple(d.renamed(_relative) for d in change.details),
            )


def _key(change: Change, name: Any = str) -> tuple[object, ...]:
    details = frozenset(_sorted(d.renamed(name)) for d in change.details)
    return change.change, name(change.of), name(change.was), details


def _sorted(detail: Detail) -> Detail:
    if detail.whole:
        return detail
    old, new = (v and tuple(sorted(v)) for v in (detail.old, detail.new))
    return evolve(detail, old=old, new=new)


def _halved(details: tuple[Detail, ...]) -> tuple[Detail, ...]:
    """The details of a row that is its own mirror; those that agree from both seats appear once."""
    there = {_sorted(d): d for d in details}
    kept: list[Detail] = []
    done: set[Detail] = set()
    for key, detail in there.items():
        twin = _sorted(detail.renamed(mirror_name))
        if key in done:
            continue
        if twin == key or twin not in there:
            kept.append(detail)
        else:
            done.add(twin)
            kept.append(detail.renamed(_relative))
    return tuple(kept)


def _relative(name: str) -> str:
    """A name as it is written from `me`: the seat of node 1."""
    return name.replace("node1", "me").replace("node2", "peer").removesuffix("@me")
