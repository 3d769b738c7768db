"""A machine as AIGER: an and-inverter graph in which a checker looks for a bad pair.

Law: binary AIGER 1.0, which every reader of AIGER has; no constraints and no `B` or `C` sections.
Every latch begins with 0, and every output has a name of its own.

In the first step the latches take an initial pair, which the inputs choose. In every further step
the inputs choose a rule: if it fires, its effects happen, and if not, the pair stays. The question is
whether an output can ever be 1. It assumes no invariant, because the graph holds all steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from attrs import define, field

from prgcore.exports.formula import Every, Formula, Not, Some, Table
from prgcore.exports.names import Names
from prgcore.exports.promises import asked
from prgcore.model import Cell, Column, Model, Rule
from prgcore.wire.machine_file import digest
from prgcore.words import one_line

__all__ = ["aiger"]

FALSE, TRUE = 0, 1
_SYMBOLS = r"[^A-Za-z0-9_.@-]"


def aiger(model: Model, only: Iterable[str] = ()) -> dict[str, bytes]:
    """The files of a machine: outputs that are never 1, and outputs each of which is 1 sometime.

    Args:
        only: ids, or ids with `.witness`; all if none are given.
    """
    never: dict[str, Formula] = {}
    sometime: dict[str, Formula] = {}
    names = Names(_SYMBOLS)
    for name, promise, witness in asked(model, only):
        if witness:
            for number, formula in enumerate(promise.reached, 1):
                sometime[names.word(f"{name}.{number}")] = formula
        else:
            never[names.word(name)] = promise.bad
    outputs = {"never.aig": never, "sometime.aig": sometime}
    return {name: _Graph(Table(model)).file(asked_) for name, asked_ in outputs.items() if asked_}


@define
class _Graph:
    """The machine as a graph; its steps are made once, for every file.

    A literal is twice the number of a node, plus one if it is inverted. The nodes are the inputs,
    then the latches, then the gates; a gate stands for both of two earlier literals.
    """

    table: Table
    _moving: tuple[Rule, ...] = field(init=False)
    _inputs: list[int] = field(init=False)
    _began: int = field(init=False)
    _gate: int = field(init=False)
    _latches: dict[str, list[int]] = field(init=False, factory=dict)
    _gates: list[tuple[int, int]] = field(init=False, factory=list)
    _known: dict[tuple[int, int], int] = field(init=False, factory=dict)
    _read: dict[Formula, int] = field(init=False, factory=dict)
    _next: list[int] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        model = self.table.model
        self._moving = tuple(r for r in model.rules if r.then)
        choices = max(len(self._moving), len(model.initial))
        self._inputs = [2 * n for n in range(1, _bits(choices) + 1)]
        node = len(self._inputs) + 1
        self._began = 2 * node
        for column in self.table.stored:
            size = _bits(len(column.domain))
            self._latches[column.name] = [2 * (node + n) for n in range(1, size + 1)]
            node += size
        self._gate = node
        self._next = [TRUE, *self._steps()]

    def file(self, outputs: Mapping[str, Formula]) -> bytes:
        """A file with these outputs, each a formula about the pair of a step."""
        literals = [self._both(self._began, self.literal(f)) for f in outputs.values()]
        model, latches = self.table.model, len(self._next)
        size = self._gate + len(self._gates)
        head = f"aig {size} {len(self._inputs)} {latches} {len(literals)} {len(self._gates)}"
        gates = b"".join(
            _number(2 * (self._gate + n) - one) + _number(one - other)
            for n, (one, other) in enumerate(self._gates, 1)
        )
        names = (
            *(f"i{n} choice.{n}" for n in range(len(self._inputs))),
            *(f"l{n} {name}" for n, name in enumerate(self._names())),
            *(f"o{n} {name}" for n, name in enumerate(outputs)),
            "c", f"machine {one_line(model.name)}, digest {digest(model)}",
        )
        return (
            _lines(head, *self._next, *literals) + gates + _lines(*names)
        )

    def _names(self) -> list[str]:
        names = Names(_SYMBOLS)
        return ["began", *(
            names.word(f"{column}.{n}", "is.") for column, bits in self._latches.items()
            for n in range(len(bits))
        )]

    # ------------------------------------------------------------------ gates

    def _both(self, one: int, other: int) -> int:
        one, other = max(one, other), min(one, other)
        if other == FALSE or one == other ^ 1:
            return FALSE
        if other in (TRUE, one):
            return one
        if (one, other) not in self._known:
            self._gates.append((one, other))
            self._known[one, other] = 2 * (self._gate + len(self._gates))
        return self._known[one, other]

    def _every(self, literals: Sequence[int]) -> int:
        """All of these, as a tree that is not deep."""
        if not literals:
            return TRUE
        while len(literals) > 1:
            literals = [
                self._both(literals[n], literals[n + 1]) if n + 1 < len(literals) else literals[n]
                for n in range(0, len(literals), 2)
            ]
        return literals[0]

    def _some(self, literals: Iterable[int]) -> int:
        return self._every([literal ^ 1 for literal in literals]) ^ 1

    def _is(self, bits: list[int], number: int) -> int:
        """These bits are this number."""
        return self._every([bit ^ (not number >> n & 1) for n, bit in enumerate(bits)])

    # --------------------------------------------------------------- formulas

    def literal(self, formula: Formula) -> int:
        """A formula about the pair in the latches."""
        if formula not in self._read:
            self._read[formula] = self._made(formula)
        return self._read[formula]

    def _made(self, formula: Formula) -> int:
        match formula:
            case Not(inner):
                return self.literal(inner) ^ 1
            case Every(parts):
                return self._every([self.literal(p) for p in parts])
            case Some(parts):
                return self._some([self.literal(p) for p in parts])
            case Cell(column, values):
                return self._some([self._value(self.table.columns[column], v) for v in values])

    def _value(self, column: Column, value: str) -> int:
        if not column.derived:
            return self._is(self._latches[column.name], column.domain.index(value))
        return self._some([
            self._every([self._value(self.table.columns[s], v)
                         for s, v in zip(column.sources, row, strict=True)])
            for row, is_ in column.table if is_ == value
        ])

    # ------------------------------------------------------------------ steps

    def _steps(self) -> Iterable[int]:
        """The next value of every bit of every column."""
        fires = {
            r.id: self._both(self._is(self._inputs, n), self.literal(self.table.fires(r)))
            for n, r in enumerate(self._moving)
        }
        others = [self._is(self._inputs, n) for n in range(1, len(self.table.model.initial))]
        first = self._some(others) ^ 1
        for column in self.table.stored:
            movers = [r for r in self._moving if any(e.target == column.name for e in r.then)]
            stays = self._some([fires[r.id] for r in movers]) ^ 1
            for n, now in enumerate(self._latches[column.name]):
                ones = tuple(v for i, v in enumerate(column.domain) if i >> n & 1)
                after = self._some([self._both(stays, now), *(
                    self._both(fires[r.id],
                               self.literal(self.table.after(r, Cell(column.name, ones))))
                    for r in movers
                )])
                begin = self._some([
                    chosen for chosen, start in
                    zip([first, *others], self.table.model.initial, strict=True)
                    if dict(start)[column.name] in ones
                ])
                yield self._some([self._both(self._began, after), self._both(self._began ^ 1, begin)])


def _bits(count: int) -> int:
    """How many bits number this many things."""
    return max(1, (count - 1).bit_length())


def _lines(*lines: object) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _number(number: int) -> bytes:
    """A number in the variable length of binary AIGER: seven bits a byte, the lowest first."""
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes((*found, number))
