"""Conforming: whether the table allows what many systems logged, each log for itself.

Law: pure; a log is checked by `prgcore.story.conformance` as it would be alone. The steps that one
check has found serve the next. A log that cannot be read stops no other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from attrs import define, field, frozen

from prgcore.engine import Engine
from prgcore.errors import PrgError
from prgcore.story.conformance import Conformance, Report
from prgcore.story.unseen import World
from prgcore.wire.entry import PartialEntry

__all__ = ["Checked", "Conforming", "Entries"]

Entries = Iterator[tuple[str, PartialEntry]]
"""The lines of a log: each its place, such as `line 17`, and its entry."""


@frozen(eq=False, repr=False)
class Checked:
    """A log that was checked, or could not be.

    Attributes:
        log: its name.
        report: what the check found; None if it could not be read to its end.
        wrong: why it could not be read; "" if it could.
        time: when the first line was logged that no rule allows, in seconds since 1970; None if no
            line is, or it has no time.
        decided: for each rule how many lines it decided.
    """

    log: str
    report: Report | None
    wrong: str = ""
    time: float | None = None
    decided: Counter[str] = field(factory=Counter)

    @property
    def broken(self) -> bool:
        """Whether a line is there that no rule allows."""
        return self.report is not None and not self.report.ok

    def to_json(self) -> dict[str, Any]:
        """The object of `logs` in `prgcore fleet conform --json`."""
        if self.report is None:
            return {"log": self.log, "ok": False, "error": self.wrong}
        said = self.report
        return {"log": self.log, "ok": said.ok, "lines": said.lines, "done": said.done,
                "ignored": said.ignored, "refused": said.refused, "time": self.time,
                "finding": said.finding and said.finding.to_json()}


@define(eq=False, repr=False)
class Conforming:
    """The check of many logs of one machine.

    Attributes:
        engine: the machine.
        hidden: events that no log has, as for `Conformance`; None: the machine's own.
        checked: the logs so far, in their order.
    """

    engine: Engine
    hidden: tuple[str, ...] | None = None
    checked: list[Checked] = field(factory=list)
    _worlds: dict[bool, World] = field(factory=dict, init=False)

    def add(self, log: str, entries: Entries) -> Checked:
        """Check a log up to the first line that no rule allows.

        An error while it is read is kept as `Checked.wrong`.
        """
        check = Conformance(self.engine, hidden=self.hidden, worlds=self._worlds)
        when: float | None = None
        wrong = ""
        try:
            for place, entry in entries:
                if check.feed(entry, place):
                    when = entry.time
                    break
        except PrgError as error:
            wrong = str(error)
        found = Checked(log, None if wrong else check.report, wrong, when, check.decided)
        self.checked.append(found)
        return found

    @property
    def broken(self) -> list[Checked]:
        """The logs with a line that no rule allows: the earliest such line first, by its time.

        Those without a time come last, in the order of the logs.
        """
        some = [one for one in self.checked if one.broken]
        return sorted(some, key=lambda one: (one.time is None, one.time or 0.0))

    @property
    def unreadable(self) -> list[Checked]:
        """The logs that could not be read."""
        return [one for one in self.checked if one.report is None]

    @property
    def decided(self) -> Counter[str]:
        """For each rule how many lines it decided, in all logs together."""
        return _sum(one.decided for one in self.checked)

    @property
    def outcomes(self) -> dict[str, int]:
        """How many lines were read, and how many of them were done, ignored and refused."""
        reports = [one.report for one in self.checked if one.report is not None]
        return {what: sum(getattr(report, what) for report in reports)
                for what in ("lines", "done", "ignored", "refused")}

    def to_json(self) -> dict[str, Any]:
        """The object of `prgcore fleet conform --json`."""
        return {
            "ok": not (self.broken or self.unreadable), "logs": len(self.checked),
            "broken": [one.log for one in self.broken],
            "unreadable": [one.log for one in self.unreadable], **self.outcomes,
            "rules": dict(sorted(self.decided.items())), "of": len(self.engine.model.rules),
            "findings": _kinds(self.broken),
            "each": [one.to_json() for one in self.checked],
        }


def _sum(counters: Iterable[Counter[str]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for one in counters:
        found.update(one)
    return found


def _kinds(broken: Iterable[Checked]) -> dict[str, int]:
    """How many logs are broken in each way: `outcome`, `after`, `epoch` and so on."""
    return dict(Counter(
        one.report.finding.kind for one in broken if one.report and one.report.finding).most_common())
