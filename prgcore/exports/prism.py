"""A machine in the language of PRISM, for PRISM and Storm: a Markov decision process.

Law: each rule is a command whose action is its event, so the choices of the process are the events
that happen and a state is a pair. No number in it is a probability: a property asks whether a pair
can be reached at all, and its answer is 0 or 1.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define

from prgcore.exports.formula import Table
from prgcore.exports.infix import Infix, comment
from prgcore.exports.names import Names
from prgcore.exports.promises import asked
from prgcore.model import Model
from prgcore.vocabulary import Outcome
from prgcore.wire.machine_file import digest

__all__ = ["FILE", "PROPERTIES", "PrismText", "prism"]

FILE, PROPERTIES = "machine.prism", "machine.props"


def prism(model: Model, only: Iterable[str] = ()) -> dict[str, str]:
    """The machine, and a property for each promise.

    Args:
        only: ids, or ids with `.witness`; all if none are given.
    """
    table = Table(model)
    text, labels, properties = PrismText(table), [], []
    names = Names()
    for _, promise, witness in asked(model, only):
        formulas = promise.reached if witness else (promise.bad,)
        for number, formula in enumerate(formulas, 1):
            label = (names.word(f"{promise.id}.{number}", "reached_") if witness
                     else names.word(promise.id, "broken_"))
            labels.append(f'label "{label}" = {text.of(formula)};')
            right = "1, or the promise is empty" if witness else "0 is a proof"
            properties += [
                "", f"// {comment(promise.id)}: {comment(promise.says)}: {right}",
                f'"P_{label}": Pmax=? [ F "{label}" ];']
    rules = [line for rule in model.rules if rule.outcome is Outcome.DONE and rule.then for line in (
        f"  // {comment(rule.id)}",
        f"  [{names.word(rule.event, 'do_')}] {text.of(table.fires(rule))} -> "
        + " & ".join(f"({text.variable(e.target)}' = {text.becomes(e.target, e.value)})"
                     for e in rule.then) + ";",
    )]
    head = f"// {comment(model.name)}, digest {digest(model)}: written by prgcore export prism."
    return {
        FILE: "\n".join((
            head, "// A pair in which nothing happens has no choice: PRISM and Storm let it stay.",
            "mdp", "", *text.lines, "", "module pair", *text.variables(), "", *rules, "endmodule",
            *text.starts(), "", *labels, "")),
        PROPERTIES: "\n".join((head, *properties, "")),
    }


@define
class PrismText(Infix):
    """The language of PRISM."""

    BOTH = " & "
    EITHER = " | "
    EQUALS = "="
    DEFINES = "formula {} = {};"
    CHOOSES = "({} ? {} : {})"

    def variables(self) -> list[str]:
        """The variables; where there is one initial pair, they begin with it."""
        initial = self.table.model.initial
        first = dict(initial[0])
        return [
            f"  {self.variable(c.name)} : [0..{len(c.domain) - 1}]"
            + (f" init {c.domain.index(first[c.name])}" if len(initial) == 1 else "")
            + f"; // {comment(', '.join(f'{n} {v}' for n, v in enumerate(c.domain)), 4000)}"
            for c in self.table.stored
        ]

    def starts(self) -> list[str]:
        """The initial pairs, where there are several."""
        starts = self.table.model.initial
        if len(starts) == 1:
            return []
        return ["", "init", "  " + "\n  | ".join(
            "(" + self.BOTH.join(
                f"{self.variable(name)} = {self.table.columns[name].domain.index(value)}"
                for name, value in start) + ")"
            for start in starts
        ), "endinit"]
