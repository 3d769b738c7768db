"""A machine as Promela, for SPIN: one process, whose states are the pairs.

Law: each rule is a `d_step`, in one loop with an `end` label, so a state of SPIN is a pair and nothing
else. The number of states that SPIN stores is the number of reachable pairs (one more where several
initial pairs are chosen from). A promise is a branch that asserts something false where the promise
is broken: `assert(0 > 3)` belongs to the promise with number 3, which a comment names.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from prgcore.exports.formula import FALSE, Table
from prgcore.exports.infix import Infix, comment
from prgcore.exports.promises import wanted
from prgcore.model import Column, Model, Rule, Value
from prgcore.vocabulary import Outcome
from prgcore.wire.machine_file import digest

__all__ = ["FILE", "FLAGS", "OPTIONS", "promela"]

FILE = "machine.pml"
OPTIONS = ("-o2", "-a")
"""For SPIN, which hides a variable that nothing reads, and then finds fewer pairs, unless told not to."""
FLAGS = ("-O2", "-DSAFETY", "-DNOREDUCE")
"""For the compiler. Breadth first (`-DBFS`) finds the shortest way; hidden variables forbid it."""


def promela(model: Model, only: Iterable[str] = ()) -> dict[str, str]:
    """The machine and its promises, or those with these ids, as the file `machine.pml`."""
    table = Table(model)
    text = _Text(table)
    branches = []
    for number, promise in enumerate(wanted(model, only)):
        branches.append(f"  /* {number}: {comment(promise.id)}: {comment(promise.says)} */")
        if promise.bad != FALSE:
            branches.append(f"  :: d_step {{ {text.of(promise.bad)} -> assert(0 > {number}) }}")
    for rule in model.rules:
        if rule.outcome is Outcome.DONE and rule.then:
            steps = "; ".join(text.steps(rule))
            branches.append(f"  /* {comment(rule.id)}, {comment(rule.event)} */")
            branches.append(f"  :: d_step {{ {text.of(table.fires(rule))} -> {steps} }}")
    flags = FLAGS if text.waiting else (*FLAGS, "-DBFS")
    return {FILE: "\n".join((
        f"/* {comment(model.name)}, digest {digest(model)}: written by prgcore export promela.",
        f"   spin -o2 -a machine.pml; cc {' '.join(flags)} -o pan pan.c; ./pan -m10000000",
        "   errors: 0 is a proof only if no line says that the search was cut off. */",
        *text.lines, *text.begins(), "", "active proctype pair() {", *text.chosen(),
        "end:", "  do", *branches, "  od", "}", "",
    ))}


def _type(column: Column) -> str:
    return "byte" if len(column.domain) <= 256 else "short" if len(column.domain) < 1 << 15 else "int"


@define
class _Text(Infix):
    """Promela, with the columns whose new values wait."""

    BOTH = " && "
    EITHER = " || "
    EQUALS = "=="
    DEFINES = "#define {} ({})"
    CHOOSES = "({} -> {} : {})"

    waiting: dict[str, None] = field(factory=dict)

    def begins(self) -> list[str]:
        """The variables with the values of the first initial pair, and one for each new value."""
        first = dict(self.table.model.initial[0])
        return ["", *(
            f"{_type(c)} {self.variable(c.name)} = {c.domain.index(first[c.name])};"
            f" /* {comment(', '.join(f'{n} {v}' for n, v in enumerate(c.domain)), 4000)} */"
            for c in self.table.stored
        ), *(f"hidden {_type(self.table.columns[column])} {self._new(column)};"
             for column in self.waiting)]

    def _new(self, column: str) -> str:
        self.waiting[column] = None
        return self._names.word(column, "new_")

    def chosen(self) -> list[str]:
        """The choice among several initial pairs; no line where there is one."""
        starts = self.table.model.initial
        if len(starts) == 1:
            return []
        return ["  if", *(
            "  :: d_step { true -> " + "; ".join(
                f"{self.variable(name)} = {self.table.columns[name].domain.index(value)}"
                for name, value in start) + " }"
            for start in starts
        ), "  fi;"]

    def steps(self, rule: Rule) -> list[str]:
        """The assignments of a rule: a column is set after all the others have read it.

        Where two columns read each other, the new value of one waits in a hidden variable.
        """
        todo = {e.target: e.value for e in rule.then}
        reads = {target: self._read(value) - {target} for target, value in todo.items()}
        first, steps, last = [], [], []
        while todo:
            free = [t for t in todo if not any(t in reads[o] for o in todo if o != t)]
            target = (free or list(todo))[0]
            value = self.becomes(target, todo.pop(target))
            if free:
                steps.append(f"{self.variable(target)} = {value}")
            else:
                first.append(f"{self._new(target)} = {value}")
                last.append(f"{self.variable(target)} = {self._new(target)}")
        return [*first, *steps, *last]

    def _read(self, value: Value) -> set[str]:
        """The stored columns that an effect reads."""
        column = getattr(value, "column", "")
        return {*(self.table.columns[column].sources or (column,))} if column else set()
