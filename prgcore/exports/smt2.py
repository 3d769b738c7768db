"""A machine as SMT-LIB 2: for each promise a question whose answer is unsat, and a witness.

Law: QF_BV, one `check-sat` a file, and no `let`: a formula that is read twice has a `define-fun`.

A question asks for a counterexample: an initial pair that breaks the promise, or a step that does
from a pair in which it holds and all invariants do. If every question is unsat, every promise is proved. A
witness asks for pairs that show that its question is not empty, and its answer is sat.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from prgcore.exports.formula import FALSE, TRUE, Every, Formula, Not, Some, Table, no, some
from prgcore.exports.names import IN_FILES, Names
from prgcore.exports.promises import Promise, asked
from prgcore.model import Cell, Column, Model
from prgcore.wire.machine_file import digest
from prgcore.words import WIDTH, one_line

__all__ = ["smt2"]

_SYMBOLS = r"[^A-Za-z0-9~!@$%^&*_+=<>.?/-]"


def smt2(
    model: Model, only: Iterable[str] = (), given: Iterable[str] | None = None
) -> dict[str, str]:
    """The files of a machine: `ID.smt2` and `ID.witness.smt2` for each promise.

    Args:
        only: ids, or ids with `.witness`; all if none are given.
        given: ids of the invariants that hold before a step; all unless given.
    """
    held = tuple(i.id for i in model.invariants) if given is None else tuple(given)
    table, names = Table(model), Names(IN_FILES, same_case=True)
    return {
        names.word(name) + ".smt2": (_witness if witness else _question)(table, promise, held)
        for name, promise, witness in asked(model, only)
    }


def _question(table: Table, promise: Promise, held: tuple[str, ...]) -> str:
    text = _Text(table, "now")
    inside = text.define("all", "invariants", text.of(table.kept(held)))
    starts, steps = [], []
    for number, start in enumerate(table.model.initial if promise.broken != FALSE else ()):
        begins = (text.of(table.cell(name, (value,))) for name, value in start)
        starts.append(text.define("start", str(number), _both(*begins, text.of(promise.broken))))
    columns = _read(promise.broken)
    for rule in table.model.rules:
        if columns & table.changed(rule):
            step = (text.of(table.fires(rule)), text.of(table.after(rule, promise.broken)))
            steps.append(text.define("breaks", rule.id, _both(*step)))
    good = text.of(no(promise.broken))
    text.claims.append(_either(
        text.of(promise.wrong), *starts,
        _both(inside, _either(text.of(promise.missing), _both(good, _either(*steps)))),
    ))
    return text.file(f"{promise.id}: {promise.says}",
                     "unsat: proved, if every other question is unsat too. sat: not proved.")


def _witness(table: Table, promise: Promise, held: tuple[str, ...]) -> str:
    columns = _read(promise.broken)
    fires = some(table.fires(r) for r in table.model.rules if columns & table.changed(r))
    asked = [(table.kept(held), formula) for formula in promise.reached]
    if columns:
        asked.append((TRUE, promise.broken))
    if fires != FALSE:
        asked.append((table.kept(held), fires))
    text = _Text(table, "")
    for number, formulas in enumerate(asked, 1):
        text.pair = f"pair{number}"
        text.claims.append(_both(*map(text.of, formulas)))
    return text.file(f"{promise.id}, a witness: pairs that its question is about",
                     "sat: the question is not empty. unsat: it is.")


def _read(formula: Formula) -> frozenset[str]:
    """The columns that a formula reads."""
    match formula:
        case Cell(column, _):
            return frozenset((column,))
        case Not(inner):
            return _read(inner)
        case Every(parts) | Some(parts):
            return frozenset().union(*map(_read, parts))


def _both(*terms: str) -> str:
    return _junction("and", "true", "false", terms)


def _either(*terms: str) -> str:
    return _junction("or", "false", "true", terms)


def _junction(word: str, neutral: str, final: str, terms: tuple[str, ...]) -> str:
    """The terms joined, constants folded; where they are long, each term starts a line."""
    kept = [t for t in dict.fromkeys(terms) if t != neutral]
    if final in kept:
        return final
    if len(kept) < 2:
        return (kept or [neutral])[0]
    gap = "\n " if sum(map(len, kept)) > WIDTH else " "
    return f"({word}{gap}{gap.join(kept)})"


@define
class _Text:
    """A file as it grows: declarations and definitions of what has been read, then the claims."""

    table: Table
    pair: str
    claims: list[str] = field(factory=list)
    _lines: list[str] = field(factory=list)
    _names: Names = field(factory=lambda: Names(_SYMBOLS))
    _known: dict[tuple[str, ...], str] = field(factory=dict)

    def of(self, formula: Formula) -> str:
        """A formula about the pair of this moment, as a term."""
        match formula:
            case Cell(column, values):
                return self._cell(self.table.columns[column], values)
            case Not(inner):
                return f"(not {self.of(inner)})"
            case Every(parts):
                return _both(*map(self.of, parts))
            case Some(parts):
                return _either(*map(self.of, parts))

    def define(self, kind: str, name: str, term: str, of: str = "") -> str:
        """The name of a term about this pair."""
        word = self._names.word(name, f"{self.pair}.{kind}.", of)
        self._lines.append(f"(define-fun {word} () Bool {term})")
        return word

    def file(self, says: str, answer: str) -> str:
        """The whole file."""
        model = self.table.model
        return "\n".join((
            f"; {one_line(says, 300)}",
            f"; {answer}",
            f"; machine {one_line(model.name)}, digest {digest(model)}",
            "(set-logic QF_BV)", *self._lines,
            *(f"(assert {claim})" for claim in self.claims), "(check-sat)", "(exit)", "",
        ))

    def _cell(self, column: Column, values: tuple[str, ...]) -> str:
        """A column has one of these values, or, if that is shorter, none of the others."""
        out = tuple(v for v in column.domain if v not in values)
        if len(out) < len(values):
            return f"(not {_either(*(self._value(column, v) for v in out))})"
        return _either(*(self._value(column, v) for v in values))

    def _value(self, column: Column, value: str) -> str:
        """The definition of a value: bits of a stored column, or rows of a derived one."""
        key = (self.pair, column.name, value)
        if key not in self._known:
            is_ = self._rows(column, value) if column.derived else self._bits(column, value)
            of = self._names.word(column.name, "of.").removeprefix("of.")
            self._known[key] = self.define("is", value, is_, f"{of}.")
        return self._known[key]

    def _rows(self, column: Column, value: str) -> str:
        return _either(*(
            _both(*(self._cell(self.table.columns[s], (v,))
                    for s, v in zip(column.sources, row, strict=True)))
            for row, is_ in column.table if is_ == value
        ))

    def _bits(self, column: Column, value: str) -> str:
        """The first use of a column declares it, and claims that it has a value of its domain."""
        size = max(1, (len(column.domain) - 1).bit_length())
        key = (self.pair, column.name)
        if key not in self._known:
            word = self._known[key] = self._names.word(column.name, f"{self.pair}.")
            self._lines.append(f"(declare-fun {word} () (_ BitVec {size}))")
            if len(column.domain) < 1 << size:
                self.claims.append(f"(bvule {word} #b{len(column.domain) - 1:0{size}b})")
        return f"(= {self._known[key]} #b{column.domain.index(value):0{size}b})"
