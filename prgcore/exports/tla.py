"""A machine in TLA+, for TLC and Apalache: values are strings, and each rule is an action.

Law: a state is a pair. `Next` names each rule, so a trace says which rule was taken. A pair may
also stay as it is, so no pair is a deadlock, in any version of TLC and without an option. The number
of distinct states that TLC finds is the number of reachable pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define, field

from prgcore.exports.formula import TRUE, Every, Formula, Not, Some, Table, no
from prgcore.exports.infix import comment
from prgcore.exports.names import Names
from prgcore.exports.promises import wanted
from prgcore.model import By, Cell, Column, Const, Copy, Model, Rule, Value, copied
from prgcore.vocabulary import Outcome
from prgcore.wire.machine_file import digest
from prgcore.words import WIDTH

__all__ = ["CONFIGURATION", "MODULE", "tla"]

MODULE, CONFIGURATION = "Machine.tla", "Machine.cfg"


def tla(model: Model, only: Iterable[str] = ()) -> dict[str, str]:
    """The module `Machine` with its promises, or those with these ids, and what TLC shall check."""
    table = Table(model)
    text = _Text(table)
    actions = {
        text.names.word(r.id, "Rule_"): [f"\\* {comment(f'{r.event}: {r.why}')}", *text.action(r)]
        for r in model.rules if r.outcome is Outcome.DONE and r.then
    }
    keeps = {
        text.names.word(p.id, "Keeps_"): [f"\\* {comment(p.says)}", *text.of(no(p.bad))]
        for p in wanted(model, only)
    }
    variables = {text.variable(c.name): c for c in text.table.stored}
    body = {
        "TypeOK": text.of(Every(tuple(Cell(c.name, c.domain) for c in text.table.stored))),
        "Init": text.of(Some(tuple(
            Every(tuple(Cell(name, (value,)) for name, value in start)) for start in model.initial))),
        **actions,
        "Stays": ["UNCHANGED vars"],
        "Next": _list("\\/", [[word] for word in (*actions, "Stays")]),
        "Spec": ["Init /\\ [][Next]_vars"],
        **keeps,
    }
    return {
        MODULE: "\n".join((
            f"{'-' * 32} MODULE Machine {'-' * 32}",
            f"\\* {comment(model.name)}, digest {digest(model)}: written by prgcore export tla.",
            "\\* java -cp tla2tools.jar tlc2.TLC -config Machine.cfg Machine.tla",
            "",
            "VARIABLES",
            ",\n".join(f"  \\* @type: Str;\n  {word}" for word in variables),
            "",
            f"vars == <<{', '.join(variables)}>>",
            *text.lines,
            *(line for word, lines in body.items() for line in ("", *_defined(word, lines))),
            "=" * 80, "")),
        CONFIGURATION: "\n".join((
            "SPECIFICATION Spec", "INVARIANTS", *(f"  {word}" for word in ("TypeOK", *keeps)), "")),
    }


def _defined(word: str, lines: Sequence[str]) -> list[str]:
    """The definition of an operator; its lines follow its name."""
    if len(lines) == 1 and len(word) + len(lines[0]) < WIDTH:
        return [f"{word} == {lines[0]}"]
    return [f"{word} ==", *(f"  {line}" for line in lines)]


def _list(bullet: str, blocks: Iterable[Sequence[str]]) -> list[str]:
    """Blocks of lines as a list with bullets, whose columns say what belongs together."""
    return [
        f"{'  ' if n else bullet} {line}" for block in blocks for n, line in enumerate(block)
    ]


@define
class _Text:
    """A file as it grows: the definitions of what has been read."""

    table: Table
    names: Names = field(factory=Names)
    lines: list[str] = field(factory=list)
    _values: Names = field(factory=lambda: Names(r"[^ !#-\[\]-_a-~]"))
    _known: set[str] = field(factory=set)

    def variable(self, column: str) -> str:
        """The variable of a stored column."""
        return self.names.word(column, "c_")

    def value(self, value: str) -> str:
        """A value as a string, the same for every column."""
        return f'"{self._values.word(value)}"'

    def of(self, formula: Formula) -> list[str]:
        """A formula about the pair, as lines."""
        match formula:
            case Cell(column, values):
                return [self._cell(self.table.columns[column], values)]
            case Not(inner):
                first, *rest = self.of(inner)
                lines = [f"~({first}", *(f"  {line}" for line in rest)]
                return [*lines[:-1], f"{lines[-1]})"]
            case Every(parts):
                return self._junction("/\\", "TRUE", parts)
            case Some(parts):
                return self._junction("\\/", "FALSE", parts)

    def _junction(self, bullet: str, empty: str, parts: Sequence[Formula]) -> list[str]:
        blocks = [self.of(part) for part in parts]
        if len(blocks) < 2:
            return blocks[0] if blocks else [empty]
        line = f"({f' {bullet} '.join(block[0] for block in blocks)})"
        if all(len(block) == 1 for block in blocks) and len(line) <= WIDTH:
            return [line]
        return _list(bullet, blocks)

    def _cell(self, column: Column, values: tuple[str, ...]) -> str:
        """A column has one of these values, or, if that is shorter, none of the others."""
        out = tuple(v for v in column.domain if v not in values)
        is_not = 0 < len(out) < len(values)
        short = out if is_not else values
        if not column.derived:
            term, sign = self.variable(column.name), (("#", "\\notin") if is_not else ("=", "\\in"))
            if len(short) == 1:
                return f"{term} {sign[0]} {self.value(short[0])}"
            return f"{term} {sign[1]} {{{', '.join(map(self.value, short))}}}"
        terms = " \\/ ".join(self._is(column, v) for v in short)
        return f"~({terms})" if is_not else f"({terms})" if len(short) > 1 else terms

    def _is(self, column: Column, value: str) -> str:
        """The operator that says that a derived column has the value."""
        of = self.variable(column.name).removeprefix("c_")
        word = self.names.word(value, "is_", f"{of}__")
        if word not in self._known:
            self._known.add(word)
            rows = Some(tuple(
                Every(tuple(Cell(s, (v,)) for s, v in zip(column.sources, row, strict=True)))
                for row, is_ in column.table if is_ == value))
            lines = self.of(rows)
            self.lines += ["", *_defined(word, lines)]
        return word

    def action(self, rule: Rule) -> list[str]:
        """The guard of a rule, and the value of every variable after it."""
        effects = {e.target: e.value for e in rule.then}
        fires = self.table.fires(rule)
        stays = [self.variable(c.name) for c in self.table.stored if c.name not in effects]
        return _list("/\\", [
            *([] if fires == TRUE else [self.of(fires)]),
            *([f"{self.variable(target)}' = {self._becomes(target, value)}"]
              for target, value in effects.items()),
            *([[f"UNCHANGED <<{', '.join(stays)}>>"]] if stays else []),
        ])

    def _becomes(self, target: str, value: Value) -> str:
        domain = self.table.columns[target].domain
        match value:
            case Const(constant):
                return self.value(constant)
            case Copy(column):
                source = self.table.columns[column]
                if not source.derived and set(source.domain) <= set(domain):
                    return self.variable(column)
                return self._becomes(target, copied(column, source.domain, domain))
            case By(column, entries):
                groups: dict[str, tuple[str, ...]] = {}
                for given, new in entries:
                    groups[new] = (*groups.get(new, ()), given)
                arms = [f"{self._cell(self.table.columns[column], given)} -> {self.value(new)}"
                        for new, given in groups.items()]
                return f"CASE {' [] '.join((*arms, f'OTHER -> {self.variable(target)}'))}"
