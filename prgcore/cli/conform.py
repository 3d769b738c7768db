"""`conform`: whether the table allows everything in the log of a running system."""

from __future__ import annotations

import heapq
import os
import sys
import time
from contextlib import ExitStack, closing
from operator import itemgetter
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from attrs import evolve

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.explain.names import Names
from prgcore.seats import NODES
from prgcore.words import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prgcore.running.log import LogLine
    from prgcore.story.conformance import Conformance, Report
    from prgcore.wire.entry import PartialEntry

TRACE = ".itf.json"
"""The end of the name of a trace."""
LATELY = 0.2
"""How many seconds to wait for a log to grow."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore conform decisions.jsonl", "prgcore conform node1.jsonl node2.jsonl",
        "prgcore conform --follow decisions.jsonl",
    ))(conform)


def conform(
    logs: Annotated[
        list[str],
        Argument(metavar="LOG…", show_default=False,
                       help="Files of JSON Lines, or -, files of SQLite stores, or group files; "
                            "several are sorted by epoch and time."),
    ], *,
    follow: Annotated[
        bool, Option("--follow", "-f", help="Continue as the log grows."),
    ] = False,
    hidden: Annotated[
        list[str] | None,
        Option("--hidden", metavar="EVENT",
                     help="An event that the log omits; none: it omits no event. Repeatable."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    strict: Annotated[
        bool, Option("--strict", help="A refused command exits 1 as well."),
    ] = False,
    as_json: inputs.Json = False,
) -> None:
    """Check the log of a running system against the table.

    If no rule allows a line, this shows the first such line and the answer of the
    table there, and the exit code is 1. A line is an object with an event. It may
    have outcome, rule, epoch, and columns before and after. If it does not name
    every column, then cut links, dead hosts and the like need no line.

    A file that ends in .itf.json is a trace in the Informal Trace Format, as Quint and
    Apalache write them. Its variables are columns by name, node1_state or node1.state.
    """
    from prgcore.cli.log import lines
    from prgcore.story.conformance import Conformance
    from prgcore.wire.entry import PartialEntry

    if machine == "-" and "-" in logs:
        raise BadInput("standard input cannot be both the machine and the log")
    if len(set(logs)) < len(logs):
        raise BadInput("a log is named twice; name each once")
    if follow and len(logs) > 1:
        raise BadInput("--follow needs exactly one log, because several are sorted when they are whole")
    unlogged = None if hidden is None else [event for event in hidden if event != "none"]
    asked, names = inputs.named_machine(machine, policy)
    names = names.over(inputs.names_in(logs))
    if unlogged is not None:
        unlogged = [names.event(asked, said) for said in unlogged]
    checked = Conformance(asked, hidden=unlogged)
    by: set[str] = set()
    if any(name.endswith(TRACE) for name in logs):
        _trace(checked, logs, names, follow=follow, hidden=hidden, as_json=as_json,
               hint="" if machine else "; a trace of another machine? name it with --machine")
    with ExitStack() as files:
        streams = [
            entries(files.enter_context(closing(lines(
                name, PartialEntry.from_json, _Growing if follow else None, named=logs))),
                     f"{one_line(name, 80)} " if len(logs) > 1 else "")
            for name in logs
        ]
        for place, entry in streams[0] if len(streams) == 1 else merged(streams):
            finding = checked.feed(entry, place)
            by.add(entry.by)
            if finding:
                break
    report = _elsewhere(checked.report, by, logs)
    _answer(report, names, as_json=as_json)
    raise Exit(int(not report.ok or bool(strict and report.refused)))


def _trace(
    checked: Conformance, logs: list[str], names: Names, *, follow: bool, hidden: list[str] | None,
    as_json: bool, hint: str,
) -> NoReturn:
    """Check one trace and exit.

    Raises:
        BadInput: there are other logs beside it, or it is not a trace.
    """
    from prgcore.story import itf
    from prgcore.wire.jsontext import parse_json

    if len(logs) > 1 or follow or hidden is not None:
        raise BadInput("a trace has all of its steps: give one .itf.json file alone, without "
                       "--follow and --hidden")
    trace = parse_json(inputs.read_text(logs[0]), "the trace")
    try:
        report = itf.check(checked, trace)
    except BadInput as error:
        says = str(error)
        raise BadInput(says + hint if says.startswith("state ") else says) from None
    _answer(report, names, as_json=as_json)
    raise Exit(int(not report.ok))


def _answer(report: Report, names: Names, *, as_json: bool) -> None:
    if as_json:
        output.write_json(report.to_json())
    else:
        output.write("\n".join(_rendered(report, names)))


def _elsewhere(report: Report, by: set[str], logs: list[str]) -> Report:
    """The report on logs of agents: a missing decision may be in the peer's log, or be a reset."""
    found = report.finding
    if found is None or not found.lost or by.isdisjoint(NODES):
        return report
    where = ("in the other node's log: pass both logs" if len(logs) == 1 else
             "a reset, which only the store has: pass the group file alone")
    return evolve(report, finding=evolve(found, says=f"{found.says}, or it is {where}"))


def _rendered(report: Report, names: Names) -> Iterator[str]:
    """The lines of the report, at most as wide as the page."""
    if not report.lines:
        yield "no decisions"
    elif report.finding is None:
        yield from output.wrapped(
            f"{counted(report.lines, 'line')}, all allowed: {report.done} done, "
            f"{report.ignored} ignored, {report.refused} refused; "
            f"rules covered {len(report.rules)} of {report.of}")
    if report.finding is None:
        return
    place = report.finding.place  # it may be a file that is called like a node
    first, *rest = (place + names.out(report.finding.text().removeprefix(place))).splitlines()
    yield from output.wrapped(first)
    for line in rest:
        yield from output.wrapped(line.strip(), first="  ", rest="    ")
    allowed = report.lines - 1
    if allowed:
        yield from output.wrapped(f"allowed before it: {counted(allowed, 'line')}")


# ----------------------------------------------------------------------------- lines


def entries(
    lines: Iterator[LogLine[PartialEntry]], log: str
) -> Iterator[tuple[str, PartialEntry]]:
    """The place and the entry of every line, without an unfinished last line."""
    for line in lines:
        if line.entry is not None:
            yield log + line.place, line.entry
        elif not line.torn:
            raise BadInput(log + line.wrong)


def _ordered(
    entries: Iterator[tuple[str, PartialEntry]]
) -> Iterator[tuple[tuple[int, bool, float], str, PartialEntry]]:
    """Each entry with its sort key: its epoch, whether it was not done, its time."""
    for place, entry in entries:
        if entry.epoch is None or entry.time is None:
            raise BadInput(f"{place}: several logs are sorted by epoch and time, which are "
                           "numbers; this line does not have both")
        yield (entry.epoch, entry.outcome != "done", entry.time), place, entry


def merged(
    logs: list[Iterator[tuple[str, PartialEntry]]]
) -> Iterator[tuple[str, PartialEntry]]:
    """The entries of several logs, in the order of decision."""
    for _, place, entry in heapq.merge(*map(_ordered, logs), key=itemgetter(0)):
        yield place, entry


class _Growing:
    """A file that grows while it is read; it returns whole lines only."""

    def __init__(self, file: Any) -> None:
        self.file, self.begun = file, b""

    def readline(self, limit: int) -> bytes:
        """The next line; it waits for one."""
        while True:
            self.begun += self.file.readline(limit - len(self.begun))
            if self.begun.endswith(b"\n") or len(self.begun) >= limit:
                line, self.begun = self.begun, b""
                return line
            if self._renamed():
                continue
            if os.fstat(self.file.fileno()).st_size < self.file.tell():
                raise BadInput("the log became shorter while it was followed; begin again")
            sys.stdout.flush()
            time.sleep(LATELY)

    def _renamed(self) -> bool:
        """Whether the log was rotated; then the new file of its name is read on, once this one ends."""
        try:
            newest = open(self.file.name, "rb")  # noqa: SIM115, PTH123, it is read until the end
        except OSError:
            return False
        if os.path.sameopenfile(newest.fileno(), self.file.fileno()) or self.file.peek(1):
            newest.close()
            return False
        self.file.close()
        self.file = newest
        return True
