"""The map of a machine: for every two values of two columns whether a pair has them, and why not.

Law: frozen; made from sets of pairs and from invariants, laid out by the formats.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from prgcore.model import Values


class Standing(StrEnum):
    """What is known of a cell of the map; of several that hold, the first."""

    DOCUMENTED = "documented"
    UNDOCUMENTED = "undocumented"
    TRANSITION = "transition"
    IMPOSSIBLE = "impossible"


@frozen
class Square:
    """A cell of the map.

    Attributes:
        row, column: wire words of the two values.
        standing: what is known of it.
        text: what stands in it, a few characters: row numbers, a count, ids of invariants.
        says: a sentence: the rows with their reasons, the family, the invariants that forbid it.
        reasons: the pairs of reasons that are reachable in it, as wire words; empty where impossible.
        url: where more of it is said, relative to the reference.
    """

    row: str
    column: str
    standing: Standing
    text: str
    says: str
    reasons: tuple[tuple[str, str], ...] = ()
    url: str = ""


@frozen
class Matrix:
    """The squares row by row; `rows` and `columns` are the wire words of the axes."""

    title: str
    row_column: str
    column_column: str
    rows: Values
    columns: Values
    squares: tuple[Square, ...]

    def at(self, row: str, column: str) -> Square:
        """The square of two values."""
        return self.squares[self.rows.index(row) * len(self.columns) + self.columns.index(column)]
