"""Conformance: whether the table allows what a system logged, line by line.

Law: pure; entries in, the first that no rule allows out, explained. A log may be incomplete:
its lines name some columns, and between two lines the world may have moved unseen. So every
pair that the log leaves open is kept, and none is guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import asdict, evolve, frozen

from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, BudgetExhausted, PrgError, unknown_name
from prgcore.form.knowledge import ADMINISTRATOR, ENVIRONMENT, RECORD
from prgcore.model import Action, Rule
from prgcore.seats import NODES
from prgcore.story.unseen import World, anywhere, node_of
from prgcore.vocabulary import Outcome
from prgcore.wire.entry import RESET, PartialEntry
from prgcore.words import few

__all__ = ["CONTROLLER", "PAST", "Conformance", "Report", "TableAnswer", "Violation", "check", "read"]

PAST = 64
"""A line may be ignored or refused this many decisions after the pair that it saw."""
CONTROLLER = "controller"
"""The decider of both nodes."""
_SHOWN = 4


@frozen
class TableAnswer:
    """The answer of the table in a pair that the log leaves open.

    Attributes:
        outcome: done, ignored or refused; `impossible` if there is no answer.
        rule: the id of the rule, if one answers.
        changes: the new values of the columns that the log names.
        why: one sentence.
    """

    outcome: str
    rule: str | None
    changes: Mapping[str, str]
    why: str


@frozen
class Violation:
    """The first line of a log that no rule allows.

    Attributes:
        place: the line, as `line 17`.
        event: its event.
        kind: the disagreement: `start`, `epoch`, `by`, `before`, `impossible`, `outcome`, `rule`,
            `after`, `actions`.
        says: one sentence.
        answers: the answers of the table instead, each once.
        lost: how many decisions before it have no line; not part of the JSON.
    """

    place: str
    event: str
    kind: str
    says: str
    answers: tuple[TableAnswer, ...] = ()
    lost: int = 0

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {"place": self.place, "event": self.event, "kind": self.kind, "says": self.says,
                "answers": [asdict(a) for a in self.answers]}

    def text(self) -> str:
        """A line, and one more for each answer of the table."""
        return "\n".join([f"{self.place}: {self.event}: {self.says}", *(
            f"  the table: {a.outcome}{f' by {a.rule}' if a.rule else ''}: "
            + (", ".join(f"{c} becomes {v}" for c, v in a.changes.items()) or a.why)
            for a in self.answers[:_SHOWN])])


@frozen
class Report:
    """The result of checking a log.

    Attributes:
        lines: the number of lines read; `done`, `ignored` and `refused` count their outcomes.
        rules: ids of the rules that decided, in order.
        of: the number of rules of the machine.
        finding: the first line that no rule allows; None if all are allowed.
    """

    lines: int
    done: int
    ignored: int
    refused: int
    rules: tuple[str, ...]
    of: int
    finding: Violation | None = None

    @property
    def ok(self) -> bool:
        """Whether every line is allowed."""
        return self.finding is None

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        found = self.finding and self.finding.to_json()
        return {"ok": self.ok, **asdict(self), "finding": found}


# ---------------------------------------------------------------------------- reading


def read(engine: Engine, entry: Any, place: str) -> PartialEntry:
    """The line of a log of a JSON value, with every name checked.

    Args:
        entry: the JSON value, or the entry that was read from it.
        place: its line in the log, as `line 17`.

    Raises:
        BadInput: it is not an entry, or has a name that is unknown to the machine.
    """
    try:
        line = entry if isinstance(entry, PartialEntry) else PartialEntry.from_json(entry)
        if not (resets := _resets(engine, line)):
            engine.kind(line.event)
    except BadInput as error:
        raise BadInput(f"{place}: {error}") from None
    if not resets:  # what was put back may have been no pair of the machine
        engine.check(line.before, f"{place}: before")
    engine.check(line.after, f"{place}: after")
    return evolve(line, place=place)


def _resets(engine: Engine, line: PartialEntry) -> bool:
    """Whether a line says that the record was put back to a first one, outside the machine."""
    return line.event == RESET and all(e.name != RESET for e in engine.model.events)


# --------------------------------------------------------------------------- checking


class Conformance:
    """A check of a log against a machine, one entry at a time.

    Args:
        engine: the machine.
        hidden: events that nobody logs, as for `World`. By default none if the first line names
            every column, otherwise the machine's own.
        start: the pair in which the log begins. By default the initial pair if that fits, otherwise
            any that fits: a log may begin in the middle, but not with the first epoch.
        worlds: what checks of other logs of this machine have found out of what nobody logs. It is
            added to, and the check is the same without it.

    Raises:
        BadInput: no such event, or not a pair of this machine.

    Attributes:
        finding: the first line that no rule allows; after it nothing is read.
        open: the pairs that the log leaves open.
        decided: for each rule how many lines it decided, of those of which only one rule can have.
    """

    def __init__(
        self, engine: Engine, *, hidden: Iterable[str] | None = None,
        start: Mapping[str, str] | None = None, worlds: dict[bool, World] | None = None,
    ) -> None:
        self.engine = engine
        self.finding: Violation | None = None
        self.open = frozenset() if start is None else frozenset([engine.pair(start)])
        self._world = None if hidden is None else World(engine, hidden)
        self._known_by = {c.name: c.observed_by for c in engine.model.columns}
        self._rules = {r.id: r for r in engine.model.rules}
        self._past: dict[int, frozenset[Pair]] = {}
        self._deciders = {e.name: e.decider for e in engine.model.events}
        # the number of decisions so far, least and most: a line may leave open whether it is one
        self._least = self._most = 0
        self._numbers = False  # whether these numbers are epochs: some line had one
        self._middle = False
        self._last = ""
        self._count = dict.fromkeys(Outcome, 0)
        self._worlds = {} if worlds is None else worlds
        self.decided: Counter[str] = Counter()

    @property
    def report(self) -> Report:
        """The result so far."""
        count = self._count
        return Report(
            sum(count.values()) + (self.finding is not None), count[Outcome.DONE],
            count[Outcome.IGNORED], count[Outcome.REFUSED], tuple(sorted(self.decided)),
            len(self._rules), self.finding,
        )

    def feed(self, entry: Any, place: str = "") -> Violation | None:
        """Read the next entry; returns what is wrong with it or with an earlier one, or None.

        Args:
            entry: a JSON object, or the entry that was read from it.
            place: the name of its line; `line N` if not given.

        Raises:
            BadInput: it is not an entry, or has a name that is unknown to the machine.
            BudgetExhausted: the log leaves too many pairs open.
        """
        if self.finding is None:
            number = sum(self._count.values()) + 1
            line = read(self.engine, entry, place or f"line {number}")
            self.finding = self._check(line)
        return self.finding

    def _check(self, line: PartialEntry) -> Violation | None:
        if _resets(self.engine, line):
            return self._put_back(line)
        if self._world is None:
            whole = set(self.engine.stored) <= line.before.keys()
            if whole not in self._worlds:
                self._worlds[whole] = World(self.engine, () if whole else None)
            self._world = self._worlds[whole]
        wrong = self._numbered(line) or self._misattributed(line) or (
            None if self.open else self._begin(line, self._world))
        if wrong:
            return wrong
        late = self._numbers and line.epoch is not None and line.epoch < self._least
        at = self._world.after(
            self._past[line.epoch] if late and line.epoch is not None else self.open)
        before, after = self._compared(line, line.before), self._compared(line, line.after)
        fits = [p for p in at if _fits(p, before)]
        if not fits:
            return self._unexplained(line, at, before)
        decisions = [d for p in fits if (d := self._decision(p, line.event)) is not None]
        allowed = [d for d in decisions if not _disagreement(line, d, after)]
        if not allowed:
            return self._refuted(line, fits, decisions, after)
        self._count[allowed[0].outcome] += 1
        rules = {d.rule.id for d in allowed if d.rule}
        self.decided.update(rules if len(rules) == 1 else ())
        self._last = line.place
        if not late:
            self.open = frozenset(d.pair for d in allowed)
            self._number(line, {d.outcome is Outcome.DONE for d in allowed})
        return None

    def _put_back(self, line: PartialEntry) -> Violation | None:
        """Check a reset: whatever was before it, the pair after it is an initial one."""
        wrong = self._numbered(line) or self._misattributed(line)
        if wrong:
            return wrong
        initial = frozenset(p for p in self.engine.initial if _fits(p, line.after))
        if not line.done or line.rule is not None or line.actions or not initial:
            return Violation(line.place, line.event, "after" if not initial else "outcome", _NO_RESET)
        self.open, self._last = initial, line.place
        self._count[Outcome.DONE] += 1
        self._number(line, {True})
        return None

    def _number(self, line: PartialEntry, done: set[bool]) -> None:
        """Count a line; without an epoch it is a decision if the table says so."""
        if line.epoch is not None:
            self._numbers, self._least, self._most = True, line.epoch, line.epoch
        else:
            self._least, self._most = self._least + min(done), self._most + max(done)
        if self._numbers and self._least == self._most:
            self._past[self._least] = self.open
            self._past = {e: p for e, p in self._past.items() if e > self._least - PAST}

    def _numbered(self, line: PartialEntry) -> Violation | None:
        """Check the epoch: every decision once and in order; a refusal belongs to a recent one."""
        if line.epoch is None:
            return None
        before, missing = line.epoch - line.done, 0
        if not self._numbers and before >= self._least + self._middle:
            return None
        unsaid = line.outcome is None and self._least <= line.epoch <= self._most
        if self._numbers and (self._least <= before <= self._most or unsaid or (
                not line.done and line.epoch in self._past)):
            return None
        if self._numbers and before > self._most:
            missing = before - self._most
            lost = f"decision {before}" if missing == 1 else f"decisions {self._most + 1} to {before}"
            says = f"{lost} lost: the epoch is {line.epoch} after {self._most}"
        elif before == self._least:
            return Violation(line.place, line.event, "start", _NO_START)
        elif line.done:
            says = (f"a decision is applied twice, or out of order: the epoch is {line.epoch} "
                    f"after {self._least}")
        else:
            says = f"of epoch {line.epoch}, too long before {self._least} to be checked"
        return Violation(line.place, line.event, "epoch", says, lost=missing)

    def _misattributed(self, line: PartialEntry) -> Violation | None:
        """Check the author: the decider or an observer of an event, or a controller, logs it."""
        who = self._deciders.get(line.event, ADMINISTRATOR)  # a reset is the administrator's
        if who == ENVIRONMENT:
            who = line.event.partition("(")[2].rstrip(")")
        if line.by in ("", CONTROLLER, who) or who not in (ADMINISTRATOR, *NODES):
            return None
        return Violation(line.place, line.event, "by", (
            f"the log says by {line.by:.60}; it should be by {who} or {CONTROLLER}"))

    def _begin(self, line: PartialEntry, world: World) -> Violation | None:
        """The pairs in which a log may begin: the initial ones, or any that fits its first line."""
        initial = frozenset(self.engine.initial)
        before = self._compared(line, line.before)
        first = line.epoch is None or line.epoch <= line.done
        if first and any(_fits(p, before) for p in world.after(initial)):
            self.open = initial
            return None
        if line.epoch is not None and first:
            return Violation(line.place, line.event, "start", _NO_START)
        try:
            self.open, broken = anywhere(self.engine, before)
        except BudgetExhausted as error:
            return Violation(line.place, line.event, "start", str(error))
        self._middle = True
        return None if self.open else Violation(line.place, line.event, "start", (
            "the log begins in a pair that cannot be reached"
            + (f": it breaks {', '.join(broken)}" if broken else "")))

    def _compared(self, line: PartialEntry, columns: Mapping[str, str]) -> Mapping[str, str]:
        """The columns of a line that its decider knows now; of a peer it knows only the past."""
        if line.by not in NODES or self._world is None or not self._world.events:
            return columns
        return {c: v for c, v in columns.items()
                if node_of(c) in ("", line.by) or self._known_by[c] == RECORD}

    def _decision(self, pair: Pair, event: str) -> Decision | None:
        try:
            return self.engine.step(pair, event)
        except PrgError:
            return None

    # ------------------------------------------------------------------- explaining

    def _unexplained(
        self, line: PartialEntry, at: frozenset[Pair], before: Mapping[str, str]
    ) -> Violation:
        """The finding if no open pair fits the line's `before`: columns changed without a line."""
        nearest = min(at, key=lambda p: (sum(p[c] != v for c, v in before.items()), p.values_))
        unsaid = [f"{c} is {v} before it and was {nearest[c]}"
                  for c, v in before.items() if nearest[c] != v]
        since = f"after {self._last}" if self._last else "in the beginning"
        return Violation(line.place, line.event, "before", (
            f"{few(unsaid, _SHOWN)} {since}: no line says how that changed"))

    def _refuted(
        self, line: PartialEntry, fits: list[Pair], decisions: list[Decision], after: Mapping[str, str]
    ) -> Violation:
        """The finding if the table answers otherwise than the line in every open pair that fits."""
        fits = sorted(fits, key=lambda p: p.values_)
        if not decisions:
            errors = sorted({_error(self.engine, p, line.event) for p in fits}, key=_length)
            return Violation(line.place, line.event, "impossible", errors[0], tuple(
                TableAnswer("impossible", None, {}, e) for e in errors[1:]))
        decisions = sorted(decisions, key=lambda d: (
            d.rule.id if d.rule else "", d.pair.values_, d.why))
        nearest = min(decisions, key=lambda d: (_RANK.index(_disagreement(line, d, after)), sum(
            d.pair[c] != v for c, v in after.items())))
        here = next(p for p in fits if self._decision(p, line.event) is nearest)
        names = [*before] if (before := line.before) else [*after] or list(self.engine.stored)
        answers = dict.fromkeys(
            (d.outcome.value, d.rule.id if d.rule else None, d.why, tuple(
                (c, d.pair[c]) for c in names if d.pair[c] != before.get(c, d.pair[c])))
            for d in decisions)
        return Violation(
            line.place, line.event, _disagreement(line, nearest, after),
            self._refutation(line, nearest, here, after),
            tuple(TableAnswer(o, r, dict(changes), why) for o, r, why, changes in answers))

    def _refutation(self, line: PartialEntry, table: Decision, pair: Pair, after: Mapping[str, str]) -> str:
        """One sentence: the line's answer, the table's answer, and why the line is wrong."""
        answers = f"{table.outcome}{f' by {table.rule.id}' if table.rule else ''}"
        kind = _disagreement(line, table, after)
        if kind == "after":
            wrong = [f"{c} is {v} after it; it should be {table.pair[c]}"
                     for c, v in after.items() if table.pair[c] != v]
            return f"{few(wrong, _SHOWN)} ({answers})"
        if kind == "actions":
            return (f"its actions are {_list(line.actions or ())}; they should be "
                    f"{_list(table.actions)} ({answers})")
        logged = f"{line.outcome or 'done'}{f' by {line.rule}' if line.rule else ''}"
        said = f"the log says {logged}, the table {answers}"
        if line.rule is None:
            return f"{said}: {table.why}" if table.why else said
        if line.rule not in self._rules:
            return f"{said}; {unknown_name('rule', line.rule, self._rules)}"
        rule = self._rules[line.rule]
        if rule.event != line.event:
            return f"{said}; {rule.id} is a rule of {rule.event}"
        because = _misses(rule, pair)
        return f"{said}, because {because}" if because else said


_NO_RESET = "a reset is done by no rule, asks for no action, and ends in an initial pair"
_RANK = ("actions", "after", "rule", "outcome")
_NO_START = ("the log begins with the first epoch, and not in the initial pair: lines before it are "
             "lost, or it has another start")


def _fits(pair: Pair, columns: Mapping[str, str]) -> bool:
    return all(pair[c] == v for c, v in columns.items())


def _disagreement(line: PartialEntry, decision: Decision, after: Mapping[str, str]) -> str:
    """The kind of disagreement between a line and a decision; empty if they agree."""
    if line.outcome is not None and line.outcome != decision.outcome:
        return "outcome"
    if line.rule is not None and (decision.rule is None or decision.rule.id != line.rule):
        return "rule"
    if not _fits(decision.pair, after):
        return "after"
    return "" if line.actions in (None, decision.actions) else "actions"


def _list(actions: Iterable[Action]) -> str:
    """`stop_critical_services on node1, then move_users on node2`."""
    named = [f"{a.do} on {a.node}" if a.node else a.do for a in actions]
    return f"{', then '.join(named) or 'none':.300}"


def _misses(rule: Rule, pair: Pair) -> str:
    return "; ".join(f"{cell.column} is {pair[cell.column]}" for cell in rule.when
                     if pair[cell.column] not in cell.values)


def _error(engine: Engine, pair: Pair, event: str) -> str:
    try:
        engine.step(pair, event)
    except PrgError as error:
        return str(error)
    raise AssertionError(f"BUG: {event} has an answer")


def _length(text: str) -> tuple[int, str]:
    return len(text), text


def check(
    engine: Engine, entries: Iterable[Any], *, hidden: Iterable[str] | None = None,
    start: Mapping[str, str] | None = None,
) -> Report:
    """A whole log against a machine, up to the first line that no rule allows.

    Args:
        engine: the machine.
        entries: JSON objects, in order.
        hidden, start: as for `Conformance`.

    Raises:
        BadInput, BudgetExhausted: as `Conformance.feed`.
    """
    log = Conformance(engine, hidden=hidden, start=start)
    for entry in entries:
        if log.feed(entry):
            break
    return log.report
