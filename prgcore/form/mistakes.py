"""Form: the mistakes that rows of every section may have: a name twice, an unknown name, wrong cells.

Law: as `prgcore.form.wellformed`, of which this is a part. Each mistake is a line, which begins with
its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prgcore.errors import unknown_name
from prgcore.model import Cell, Column, Cube

__all__ = ["many_wrong", "twice", "unknown", "wrong_cells"]


def twice(place: str, names: Iterable[str]) -> Iterator[str]:
    """Yield a line for every name that an earlier row has."""
    seen: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in seen:
            yield f"{place}[{i}]: {name!r} is already the name of {place}[{seen[name]}]"
        seen.setdefault(name, i)


def unknown(place: str, kind: str, name: str, known: Iterable[str]) -> Iterator[str]:
    """Yield a line if a name does not exist."""
    if name not in known:
        yield f"{place}: {unknown_name(kind, name, known)}"


def wrong_cells(place: str, cells: Iterable[Cell], columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield a line for every cell of no column, of values that the column lacks, or of none."""
    seen: set[str] = set()
    for cell in cells:
        at = f"{place}.{cell.column}"
        if cell.column in seen:
            yield f"{at}: a second cell of one column; at most one is allowed"
        seen.add(cell.column)
        if cell.column not in columns:
            yield f"{at}: {unknown_name('column', cell.column, columns)}"
            continue
        if not cell.values:
            yield f"{at}: no value, so it never holds; name at least one"
        for value in cell.values:
            yield from unknown(at, "value", value, columns[cell.column].domain)


def many_wrong(place: str, many: Iterable[Cube], columns: Mapping[str, Column]) -> Iterator[str]:
    """Yield what `wrong_cells` yields, for every cube of a list."""
    for i, cube in enumerate(many):
        yield from wrong_cells(f"{place}[{i}]", cube, columns)
