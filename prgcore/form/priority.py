"""Priority: rules of which the first that holds answers, as rules of which one holds at most.

Law: pure, exact, without a solver. A rule loses what the earlier rules of its event answer, and what
is left of it are its parts: disjoint cubes with the same effects. Then row order means nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from attrs import evolve

from prgcore.errors import MalformedMachine
from prgcore.form.cubes import EVERYWHERE, Stored
from prgcore.form.mistakes import wrong_cells
from prgcore.model import Cell, Cube, Model, Rule, Values
from prgcore.vocabulary import Kind
from prgcore.words import listed

__all__ = ["compiled", "in_order"]


def in_order(*rules: Rule) -> tuple[Rule, ...]:
    """These rules with priorities: of the rules of each event the first that holds answers."""
    many: dict[str, int] = {}
    found = []
    for rule in rules:
        many[rule.event] = many.get(rule.event, 0) + 1
        found.append(evolve(rule, priority=many[rule.event]))
    return tuple(found)


def compiled(model: Model) -> Model:
    """The machine with disjoint parts in place of every rule with a priority.

    A part is called `R12.1@node1` if the rule is `R12@node1`; a rule of one part keeps its id. What
    is compiled already stays: its `row` is known. So does a rule with mistakes in its cells.

    Raises:
        MalformedMachine: earlier rules answer wherever a rule does.
    """
    columns = {c.name: c for c in model.columns}
    written = {r.id for r in model.rules if r.priority and not r.row}
    if not written or any(
            line for rule in model.rules if rule.priority
            for line in wrong_cells("", rule.when, columns)):
        return model
    stored = Stored(model.columns)
    ways: dict[str, list[Cube]] = {e.name: [EVERYWHERE] for e in model.events if e.kind is Kind.COMMAND}
    for entry in model.possible:
        ways.setdefault(entry.event, []).append(entry.when)
    rules: list[Rule] = []
    lines: list[str] = []
    for i, rule in enumerate(model.rules):
        if rule.id not in written:
            rules.append(rule)
            continue
        reach = _Reach(stored, ways.get(rule.event, [EVERYWHERE]))
        earlier = sorted((r for r in model.rules if r.event == rule.event
                          and 0 < r.priority < rule.priority), key=lambda r: r.priority)
        cubes = reach.without(rule.when, [r.when for r in earlier])
        rules += _parts(rule, cubes)
        if not cubes:
            met = dict.fromkeys(r.name for r in earlier if reach.meets([r.when, rule.when]))
            lines.append(f"rules[{i}]: {rule.id} never answers: {listed(met)} comes first wherever it "
                         "holds; leave it out, or give it an earlier priority")
    if lines:
        raise MalformedMachine(lines)
    return evolve(model, rules=tuple(rules))


def _parts(rule: Rule, cubes: Sequence[Cube]) -> Iterator[Rule]:
    """A rule in these cubes."""
    head, at, seat = rule.id.partition("@")
    for number, cells in enumerate(cubes, 1):
        id_ = rule.id if len(cubes) == 1 else f"{head}.{number}{at}{seat}"
        yield evolve(rule, id=id_, when=cells, row=rule.id)


class _Reach:
    """The pairs in which an event can happen."""

    def __init__(self, stored: Stored, ways: Sequence[Cube]) -> None:
        self.stored, self.ways = stored, ways

    def meets(self, cubes: list[Cube]) -> bool:
        """Whether the event can happen in a pair of all these cubes."""
        return self.stored.find(cubes) is not None and any(
            self.stored.find([*cubes, way]) is not None for way in self.ways)

    def without(self, cube: Cube, others: Sequence[Cube]) -> list[Cube]:
        """A cube without the pairs of others, as few disjoint cubes."""
        return [self._plain(part, cube) for part in self._split(cube, others)] \
            if self.meets([cube]) else []

    def _split(self, cube: Cube, others: Sequence[Cube]) -> list[Cube]:
        """The same, by the values of the column that most of the others ask for."""
        inside = {c.column: c.values for c in cube}
        domains = self.stored.named
        open_: list[dict[str, Values]] = [
            {c.column: c.values for c in other
             if not {*inside.get(c.column, domains[c.column].domain)} <= {*c.values}}
            for other in others if self.meets([cube, other])]
        if not open_:
            return [cube]
        asked = Counter(column for cells in open_ for column in cells)
        if not all(open_):
            return []
        column = max(asked, key=lambda name: asked[name])  # of several, the one that is named first
        kinds: dict[tuple[int, ...], list[str]] = {}
        for value in inside.get(column, domains[column].domain):
            allowed = tuple(i for i, cells in enumerate(open_) if value in cells.get(column, (value,)))
            kinds.setdefault(allowed, []).append(value)
        found: list[Cube] = []
        for allowed, values in kinds.items():
            part = cube & Cube((Cell(column, tuple(values)),))
            if part is not None and self.meets([part]):
                found += self._split(part, [Cube(tuple(Cell(c, v) for c, v in open_[i].items()))
                                            for i in allowed])
        return _joined(found)

    def _plain(self, part: Cube, cube: Cube) -> Cube:
        """A part of a cube without the cells that its other cells imply."""
        for cell in part:
            rest = Cube(tuple(c for c in part if c.column != cell.column))
            domain = self.stored.named[cell.column].domain
            out = Cube((Cell(cell.column, tuple(v for v in domain if v not in cell.values)),))
            if cell not in cube.cells and not self.meets([cube, rest, out]):
                part = rest
        return part

    def _minus(self, cube: Cube, other: Cube) -> Iterator[Cube]:
        """A cube without another, cell by cell: outside its first cell, inside that and outside the next."""
        if not self.meets([cube, other]):
            yield cube
            return
        for cell in other:
            domain = self.stored.named[cell.column].domain
            out = cube & Cube((Cell(cell.column, tuple(v for v in domain if v not in cell.values)),)) \
                if {*domain} - {*cell.values} else None
            if out is not None and self.meets([out]):
                yield out
            inside = cube & Cube((cell,))
            assert inside is not None, "BUG: the cubes meet, so every prefix of cells is met"
            cube = inside


def _joined(cubes: list[Cube]) -> list[Cube]:
    """The same pairs in fewer cubes: two that differ in one column are one."""
    done: list[Cube] = []
    todo = cubes[::-1]
    while todo:
        one = todo.pop()
        for place, other in enumerate(done):
            both = _union(other, one)
            if both is not None:
                todo.append(both)
                del done[place]
                break
        else:
            done.append(one)
    return done


def _union(one: Cube, other: Cube) -> Cube | None:
    """Two cubes as one; None if that is not a cube, by their cells."""
    cells, others = ({c.column: c.values for c in some} for some in (one, other))
    differ = [c for c in cells if {*cells[c]} != {*others.get(c, ())}]
    if cells.keys() != others.keys() or len(differ) > 1:
        return None
    for column in differ:
        cells[column] += tuple(v for v in others[column] if v not in cells[column])
    return Cube(tuple(Cell(c, v) for c, v in cells.items()))
