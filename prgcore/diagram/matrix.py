"""The map of a machine: whether a pair has each two values of two columns, and why not.

Law: frozen; made from sets of pairs and from invariants, laid out by the formats.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from prgcore.diagram.graph import address
from prgcore.diagram.palette import Standing
from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput
from prgcore.explain.display import (
    contradiction,
    shows_states,
    viewpoints,
)
from prgcore.explain.pairs import expanded
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.machine import reference
from prgcore.model import Cell, Cube, Display, Shown, Values, cube
from prgcore.seats import NODES, mirror_cube, mirror_name
from prgcore.words import clean, counted

__all__ = ["HALVES", "MOST", "Inside", "Matrix", "Square", "asked", "matrix"]

HALVES = tuple(f"{node}.{what}" for node in NODES for what in ("state", "reason"))
MOST = 2_500
"""The most squares that a map may have."""

_Source: TypeAlias = tuple[Values, str]
"""The rows of Table 2, or a family."""
_UNSEEN: _Source = (), "in the record only"


@frozen
class Inside:
    """Two reasons with which a square is reachable, as wire words, and their source.

    `source` is `row 3` or `rows 18a, 18b`, a family such as `HF1`, or `in the record only` if
    nobody sees both halves at once. It is empty in transition.
    """

    reasons: tuple[str, str]
    source: str


@frozen
class Square:
    """A cell of the map.

    Attributes:
        row, column: wire words of the two values.
        standing: whether it is reachable, documented, broken or impossible.
        text: its short text: row numbers, families, a count, ids of invariants.
        says: a sentence: the rows, the families, the invariants that forbid it.
        inside: the reasons with which it is reachable, if both axes are states.
        url: the page with more about it, relative to the reference.
    """

    row: str
    column: str
    standing: Standing
    text: str
    says: str
    inside: tuple[Inside, ...] = ()
    url: str = ""


@frozen
class Matrix:
    """The squares row by row; `rows` and `columns` are the wire words of the axes.

    `remarks` name what is not on the map. `reference` is the address of the reference, put before
    every address; without it nothing is linked. `spelling`: what people read for the words.
    """

    title: str
    row_column: str
    column_column: str
    rows: Values
    columns: Values
    squares: tuple[Square, ...]
    remarks: Values = ()
    reference: str = ""
    spelling: Spelling = PLAIN

    def row_name(self, value: str) -> str:
        """A value of the rows as a person reads it."""
        return clean(self.spelling.title(self.row_column, value) or value)

    def column_name(self, value: str) -> str:
        """A value of the columns as a person reads it."""
        return clean(self.spelling.title(self.column_column, value) or value)

    def within(self, inside: Inside) -> str:
        """Two reasons and their source, as a person reads them."""
        reasons = " / ".join(
            clean(self.spelling.title("reason", r) or r) for r in inside.reasons)
        return f"{reasons}: {inside.source}" if inside.source else reasons

    def link(self, square: Square) -> str:
        """The whole address of a square; empty if nothing is linked."""
        return address(self.reference, square.url)

    def at(self, row: str, column: str) -> Square:
        """The square of two values."""
        return self.squares[self.rows.index(row) * len(self.columns) + self.columns.index(column)]

    @property
    def standings(self) -> tuple[Standing, ...]:
        """The standings that occur, in their order: those that a legend explains."""
        used = {s.standing for s in self.squares}
        return tuple(s for s in Standing if s in used)


def asked(engine: Engine, rows: str = "node1.state", columns: str = "node2.state") -> Values:
    """The stored columns of which a map needs a pair for every combination that is reachable.

    Of a machine that breaks its promises it needs one for every set of promises besides.

    Raises:
        BadInput: no such column.
    """
    for name in (rows, columns):
        engine.column(name)
    names = [rows, columns, *(c.column for c in engine.model.transient)]
    if shows_states(engine):
        names += [*HALVES, *(c.column for v in viewpoints(engine) for c in (*v.node1, *v.node2))]
    stored = {s for n in names for s in engine.columns[n].sources or (n,)}
    return tuple(n for n in engine.stored if n in stored)


def matrix(
    engine: Engine, rows: str = "node1.state", columns: str = "node2.state",
    pairs: Iterable[Mapping[str, str]] | None = None,
) -> Matrix:
    """The map of two columns of any machine.

    Args:
        engine: the machine. One with an atlas knows its reachable pairs, and keeps its promises.
        rows, columns: two columns, stored or derived.
        pairs: for another machine, the pairs that a search found. There is one for every
            combination of the columns `asked` and of broken promises;
            `prgcore.prove.seen.seen(space, names)` lists them.

    Raises:
        BadInput: no such column, the same column twice, more than `MOST` squares, or neither
            pairs nor an atlas: only a search shows that a square is impossible.
    """
    names = asked(engine, rows, columns)
    domains = engine.model.domains
    if rows == columns:
        raise BadInput(f"a map needs two columns, not {rows} twice")
    if len(domains[rows]) * len(domains[columns]) > MOST:
        raise BadInput(
            f"a map of {rows} and {columns} has {len(domains[rows]) * len(domains[columns]):,} "
            f"squares, too many to read (at most {MOST:,}); choose columns with fewer values"
        )
    atlas = engine.atlas if pairs is None else None
    if atlas is not None:
        pairs = (engine.at(values) for values in atlas.everything.distinct(names))
    if pairs is None:
        raise BadInput(
            f"nobody searched the machine {engine.model.name[:80]!r}, so its map is not known; give "
            "pairs=seen(search(model), asked(engine)), of prgcore.prove"
        )
    found: dict[tuple[str, str], list[Pair]] = {}
    for one in pairs:
        pair = engine.pair(one)
        found.setdefault((pair[rows], pair[columns]), []).append(pair)
    survey = _Survey(engine, rows, columns, found, atlas is not None)
    return Matrix(
        f"{engine.model.name}: {rows} and {columns}", rows, columns,
        domains[rows], domains[columns],
        tuple(survey.square(r, c) for r in domains[rows] for c in domains[columns]),
        tuple(survey.remarks()), reference(engine.model), Spelling.of(engine.model),
    )


@define(eq=False, slots=False)
class _Survey:
    """Answers about a machine, square by square, and kept.

    `found`: the reachable pairs of every square; `safe`: none of them breaks an invariant.
    """

    engine: Engine
    rows: str
    columns: str
    found: Mapping[tuple[str, str], list[Pair]]
    safe: bool
    _machines: dict[Values, Engine] = field(factory=dict)
    _forbids: dict[frozenset[tuple[str, str]], Values] = field(factory=dict)
    _sources: dict[Display, _Source] = field(factory=dict)

    def square(self, row: str, column: str) -> Square:
        here = self.found.get((row, column))
        return self._reached(row, column, here) if here else self._empty(row, column)

    def remarks(self) -> Iterator[str]:
        """The remarks: rows that are not on the map."""
        if not self._states:
            return
        blank = [s.row for s in self.engine.model.situations if None in s.display]
        if blank:
            yield (f"Not on the map: {_rows(blank)} of Table 2, where a node shows nothing. A node "
                   "that does not run keeps its last state in the record, and the map shows the "
                   "record.")

    # ------------------------------------------------------------ reachable

    def _reached(self, row: str, column: str, here: list[Pair]) -> Square:
        model = self.engine.model
        sources = {d: self._source(d) for d in self._displays(here)}
        inside = self._inside(here, sources)
        if not self.safe:
            broken = [set(self.engine.broken(pair)) for pair in here]
            if any(broken):
                return self._broken(row, column, broken, inside)
        rows = dict.fromkeys(s.row for s in model.situations if any(
            s.row in rows for rows, _ in sources.values()))
        families = [f for f in model.families if any(f.id == id_ for _, id_ in sources.values())]
        ids = [f.id for f in families]
        if rows:
            says = _rows(rows) + (f"; in no row: {', '.join(ids)}" if ids else "")
            return Square(row, column, Standing.DOCUMENTED, " ".join(rows), says, inside,
                          f"situations.html#row-{next(iter(rows))}")
        if families:
            says = " ".join(f"{f.id}: {f.says}" for f in families)
            return Square(row, column, Standing.UNDOCUMENTED, " ".join(ids), says, inside,
                          f"holes.html#{ids[0].lower()}")
        if all(self._moves(pair) for pair in here):
            return Square(row, column, Standing.TRANSITION, str(len(inside) or ""),
                          "in transition" + _with(inside), inside)
        listed = self._states and model.situations
        standing = Standing.UNDOCUMENTED if listed else Standing.REACHABLE
        return Square(row, column, standing, str(len(inside) or ""),
                      "reachable" + _with(inside), inside)

    def _broken(
        self, row: str, column: str, broken: list[set[str]], inside: tuple[Inside, ...]
    ) -> Square:
        """A square where some pairs, or all, break a promise, with these promises."""
        ids = [i.id for i in self.engine.model.invariants if any(i.id in b for b in broken)]
        every = [i for i in ids if all(i in b for b in broken)]
        some = [i for i in ids if i not in every]
        says = []
        if every:
            says.append(f"every pair here breaks {self._promises(every)}")
        elif all(broken):
            says.append("every pair here breaks a promise")
        if some:
            says.append(f"some pairs here break {self._promises(some)}")
        text = " ".join(every) if every else f"some {' '.join(some)}"
        return Square(row, column, Standing.BROKEN, text, ". ".join(says), inside,
                      f"invariants.html#{ids[0].lower()}")

    def _promises(self, ids: Collection[str]) -> str:
        """Invariants, each with its sentence."""
        return "; ".join(f"{i.id}: {i.says}" for i in self.engine.model.invariants if i.id in ids)

    def _moves(self, pair: Pair) -> bool:
        """Whether the pair is in transition, as the machine says."""
        return any(pair[c.column] in c.values for c in self.engine.model.transient)

    @cached_property
    def _states(self) -> bool:
        return shows_states(self.engine)

    def _displays(self, here: list[Pair]) -> Iterator[Display]:
        """The displays of some pairs, for an observer who sees both nodes; each once."""
        if not self._states:
            return
        seen = set()
        for pair in here:
            display = _display(pair)
            if display not in seen and any(
                all(pair[c.column] in c.values for c in cells) for cells in self._views
            ):
                seen.add(display)
                yield display

    @cached_property
    def _views(self) -> list[tuple[Cell, ...]]:
        """The cubes where an observer sees both nodes."""
        return [(*view.node1, *view.node2) for view in viewpoints(self.engine)]

    @cached_property
    def _table2(self) -> dict[Display, Values]:
        """The rows of every display, from either seat."""
        found: dict[Display, Values] = {}
        for s in self.engine.model.situations:
            for shown in {s.display, s.display.mirrored()}:
                found[shown] = (*found.get(shown, ()), s.row)
        return found

    def _source(self, display: Display) -> _Source:
        """The rows of Table 2 for a display, or the family that it belongs to."""
        if display not in self._sources:
            rows = self._table2.get(display, ())
            families = (f.id for f in self.engine.model.families if not rows and f.matches(display))
            self._sources[display] = rows, next(families, "")
        return self._sources[display]

    def _inside(self, here: list[Pair], sources: Mapping[Display, _Source]) -> tuple[Inside, ...]:
        """The reasons with which a square is reachable, if its axes are the two states."""
        if not self._states or {self.rows, self.columns} != {HALVES[0], HALVES[2]}:
            return ()
        domain = self.engine.columns[HALVES[1]].domain
        found: dict[tuple[str, str], str] = {}
        for pair in here:
            rows, family = sources.get(_display(pair), _UNSEEN)
            found[pair[HALVES[1]], pair[HALVES[3]]] = _rows(rows) if rows else family
        return tuple(
            Inside(reasons, found[reasons])
            for reasons in sorted(found, key=lambda two: [domain.index(r) for r in two])
        )

    # ---------------------------------------------------------- unreachable

    def _empty(self, row: str, column: str) -> Square:
        cells = frozenset({(self.rows, row), (self.columns, column)})
        turned = frozenset((mirror_name(name), value) for name, value in cells)
        if self._symmetric and turned in self._forbids:
            forbids = self._forbids[turned]
        else:
            forbids = self._contradicted(cells)
        self._forbids[cells] = forbids
        if forbids:
            return self._forbidden(row, column, forbids)
        return Square(row, column, Standing.IMPOSSIBLE, "",
                      "a search found no such pair")

    def _contradicted(self, cells: Iterable[tuple[str, str]]) -> Values:
        """The invariants that forbid a square."""
        square = Cube(tuple(Cell(*cell) for cell in cells))
        if not expanded(self.engine, square):
            return ()
        speak = tuple(
            i.id for i in self.engine.model.invariants if any(square & c for c in i.never)
        )
        return contradiction(self._machine(speak), [square])

    def _machine(self, ids: Values) -> Engine:
        """The machine with these invariants, and only the columns that they mention."""
        if ids not in self._machines:
            invariants = tuple(i for i in self.engine.model.invariants if i.id in ids)
            columns = self.engine.model.columns
            spoken = {c.column for i in invariants for cube in i.never for c in cube}
            spoken |= {self.rows, self.columns}
            spoken |= {s for c in columns if c.name in spoken for s in c.sources}
            self._machines[ids] = Engine(evolve(
                self.engine.model, columns=tuple(c for c in columns if c.name in spoken),
                events=(), possible=(), rules=(), invariants=invariants,
            ))
        return self._machines[ids]

    @cached_property
    def _symmetric(self) -> bool:
        """Whether every prohibition holds in both seats."""
        never = {frozenset(c) for i in self.engine.model.invariants for c in i.never}
        return mirror_name(self.rows) == self.columns and all(
            frozenset(mirror_cube(Cube(tuple(cells)))) in never for cells in never
        )

    def _forbidden(self, row: str, column: str, ids: Values) -> Square:
        """A square that invariants forbid: each of them, or all of them together."""
        together = len(ids) > 1 and not contradiction(
            self._machine(ids[:1]), [cube({self.rows: row, self.columns: column})])
        told = self._promises(ids)
        return Square(
            row, column, Standing.IMPOSSIBLE, (" + " if together else " ").join(ids),
            f"{' and '.join(ids)} together: {told}" if together else told,
            url=f"invariants.html#{ids[0].lower()}",
        )


def _rows(rows: Collection[str]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {', '.join(rows)}"


def _with(inside: Collection[Inside]) -> str:
    """The number of pairs of reasons, in words, if it is known."""
    count = len(inside)
    return f", with {counted(count, 'pair')} of reasons" if count else ""


def _display(pair: Pair) -> Display:
    """The display of a pair, for an observer who sees both nodes."""
    return Display(*(Shown(pair[f"{n}.state"], pair[f"{n}.reason"]) for n in NODES))
