"""Formulas and effects in languages that write numbers for values and signs between the parts.

Law: a language names its signs and has no other formulas; every value that is read has one
definition, so that the text can be read.
"""

from __future__ import annotations

from typing import ClassVar

from attrs import define, field

from prgcore.exports.formula import Every, Formula, Not, Some, Table
from prgcore.exports.names import Names
from prgcore.model import By, Cell, Column, Const, Copy, Value, copied
from prgcore.words import one_line

__all__ = ["Infix", "comment"]


def comment(text: str, most: int = 200) -> str:
    """A text that a comment of any language can hold: one line of ASCII, which ends no comment."""
    line = one_line(text, most).replace("…", "...").encode("ascii", "backslashreplace").decode()
    return line.replace("*/", "* /").replace("/*", "/ *")


@define
class Infix:
    """A file as it grows: the definitions of what has been read.

    Attributes:
        lines: the definitions, in the order in which they are needed.
    """

    BOTH: ClassVar[str]
    EITHER: ClassVar[str]
    EQUALS: ClassVar[str]
    DEFINES: ClassVar[str]
    CHOOSES: ClassVar[str]

    table: Table
    lines: list[str] = field(factory=list)
    _names: Names = field(factory=Names)
    _known: set[str] = field(factory=set)

    def of(self, formula: Formula) -> str:
        """A formula about the pair, as an expression."""
        match formula:
            case Cell(column, values):
                return self.cell(self.table.columns[column], values)
            case Not(inner):
                text = self.of(inner)
                return f"!({text})" if text.startswith("!") else f"!{text}"
            case Every(parts):
                return f"({self.BOTH.join(map(self.of, parts))})" if parts else "true"
            case Some(parts):
                return f"({self.EITHER.join(map(self.of, parts))})" if parts else "false"

    def cell(self, column: Column, values: tuple[str, ...]) -> str:
        """A column has one of these values, or, if that is shorter, none of the others."""
        out = tuple(v for v in column.domain if v not in values)
        if len(out) < len(values):
            return f"!({self.EITHER.join(self._is(column, v) for v in out)})" if out else "true"
        return f"({self.EITHER.join(self._is(column, v) for v in values)})"

    def _is(self, column: Column, value: str) -> str:
        """The name of the expression that the column has the value."""
        of = self.variable(column.name).removeprefix("c_")
        word = self._names.word(value, "is_", f"{of}__")
        if word not in self._known:
            self._known.add(word)
            self.lines.append(self.DEFINES.format(word, self._means(column, value)))
        return word

    def _means(self, column: Column, value: str) -> str:
        if not column.derived:
            return f"{self.variable(column.name)} {self.EQUALS} {column.domain.index(value)}"
        rows = (
            self.BOTH.join(self._is(self.table.columns[s], v)
                           for s, v in zip(column.sources, row, strict=True))
            for row, is_ in column.table if is_ == value)
        return self.EITHER.join(f"({row})" for row in rows) or "false"

    def variable(self, column: str) -> str:
        """The variable of a stored column."""
        return self._names.word(column, "c_")

    def becomes(self, target: str, value: Value) -> str:
        """The new value of a column, as a number, before anything is assigned."""
        domain = self.table.columns[target].domain
        match value:
            case Const(constant):
                return str(domain.index(constant))
            case Copy(column):
                return self.becomes(
                    target, copied(column, self.table.columns[column].domain, domain))
            case By(column, entries):
                term = self.variable(target)
                groups: dict[str, list[str]] = {}
                for given, new in entries:
                    groups.setdefault(new, []).append(given)
                for new, given_values in groups.items():
                    cell = self.cell(self.table.columns[column], tuple(given_values))
                    term = self.CHOOSES.format(cell, domain.index(new), term)
                return term
