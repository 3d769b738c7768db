"""`log`: the sum of a decision log: states, decisions, refusals, outages."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from attrs import frozen

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.cli.compact import SQLITE, compacted, opened, said
from prgcore.errors import BadInput, Unavailable
from prgcore.words import counted, one_line, quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from prgcore.explain.names import Names
    from prgcore.running.log import LogLine, Said
    from prgcore.running.telemetry import Telemetry
    from prgcore.wire.entry import Entry

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore log /var/log/pair.jsonl.1 /var/log/pair.jsonl --since 24h",
        "prgcore log node1/log.jsonl node2/log.jsonl --json",
        "prgcore log store.db --prometheus > pair.prom",
        "prgcore log --compact group.toml --keep 30d",
    ))(log)


def log(
    files: Annotated[
        list[str], Argument(metavar="FILE...", show_default=False, help=(
            "Decision logs as JSON Lines (- is standard input), files of SQLite stores, or group "
            "files. Several must be of one pair; they are sorted by epoch, or by "
            "time if they are of several records."))], *,
    since: Annotated[
        str | None, Option("--since", metavar="WHEN", help=(
            "Count from a time, such as 2026-09-21T14:00:00Z, or from so long before the last "
            "entry: 90s, 15m, 24h, 7d."))] = None,
    prometheus: Annotated[
        bool, Option("--prometheus", help="Print the metrics for Prometheus, "
                                             "as they are now.")
    ] = False,
    compact: Annotated[
        bool, Option("--compact", help="Drop the old entries of a store, and show how many.")
    ] = False,
    keep: Annotated[
        str, Option("--keep", metavar="WHAT", help=(
            "What --compact keeps: so many entries, or those of a time: 12h, 30d, 4w. "
            "The newest 1000 always stay."))] = "10000",
    revisions: Annotated[
        bool, Option("--revisions", help=(
            "With --compact: drop the overwritten values of the whole etcd too, also of "
            "other programs."))] = False,
    as_json: inputs.Json = False,
) -> None:
    """Show the states, decisions, refusals and outages in a log.

    Lines that are not entries are counted and left out, and the exit code is 1. An
    unfinished last line is not an error. This works for your own machine as well:
    its states are the columns named .state, or all columns if there are none.
    """
    if as_json:
        inputs.refuse_beside("--json", {"--prometheus": prometheus})
    if compact:
        inputs.refuse_beside("--compact", {"--prometheus": prometheus, "--since": since is not None})
        _compact(files, keep, revisions=revisions, as_json=as_json)
        return
    begin = None if since is None else _since(since)
    if files.count("-") > 1:
        raise BadInput("standard input can be read only once; give - once")
    found = _Read()
    for file in files:
        found.add(file, files)
    if found.skipped and not found.entries:
        raise BadInput(f"not one line is an entry of a decision log; {found.wrong}")
    telemetry = found.telemetry(len(files) > 1, begin)
    if prometheus:
        from prgcore.adapters.prometheus import text

        output.write(text(telemetry.at(time())))
    elif as_json:
        output.write_json(telemetry.to_json())
    else:
        output.show(*_page(telemetry, inputs.names_in(files)))
    if found.skipped:
        output.remark(f"{counted(found.skipped, 'line')} left out; {found.wrong}")
    raise Exit(int(found.skipped > 0))


def _compact(files: list[str], keep: str, *, revisions: bool, as_json: bool) -> None:
    done = [compacted(file, keep, revisions=revisions) for file in files]
    if as_json:
        output.write_json(done[0] if len(done) == 1 else done)
    else:
        output.write("\n".join(map(said, done)))


@frozen
class _Since:
    """A time, or so many seconds before the last entry."""

    seconds: float
    before: bool


def _since(text: str) -> _Since:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    if found:
        return _Since(int(found[1]) * UNITS[found[2]], before=True)
    try:
        when = datetime.fromisoformat(text)
        return _Since((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp(), before=False)
    except (ValueError, OverflowError):
        raise BadInput(f"--since {text[:80]!r}: expected a time, 2026-09-21T14:00:00Z, or "
                       "90s, 15m, 24h, 7d") from None


# ------------------------------------------------------------------------- reading


class _Read:
    """The entries that were read, and the number of lines left out."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.skipped = 0
        self.wrong = ""

    def add(self, file: str, named: list[str]) -> None:
        """Read a file to its end, after its older files, unless they are named themselves.

        Raises:
            BadInput: it cannot be read.
        """
        from prgcore.wire.entry import Entry

        for line in lines(file, Entry.from_json, named=named):
            if line.entry is not None:
                self.entries.append(line.entry)
            elif not line.torn:
                self.skipped += 1
                name = "standard input" if file == "-" else repr(file)
                self.wrong = self.wrong or f"{name}: {line.wrong}"

    def _ordered(self) -> list[Entry]:
        """The entries of several files, by epoch; or by time, if they are of several records.

        `prgcore agent --new` begins the epochs again, or goes on from an older copy.
        """
        made: dict[int, float] = {}
        for entry in self.entries:
            if entry.outcome == "done" and made.setdefault(entry.epoch, entry.time) != entry.time:
                output.remark("these logs are of more than one record (prgcore agent --new), so "
                              "they are ordered by time")
                return sorted(self.entries, key=lambda e: e.time)
        return sorted(self.entries, key=_order)

    def telemetry(self, several: bool, begin: _Since | None) -> Telemetry:
        """The telemetry of the entries."""
        from prgcore.running.telemetry import of

        entries = self._ordered() if several else self.entries
        lines: list[Entry | None] = [None] * self.skipped
        if begin is None or not entries:
            return of(lines, of(entries))
        start = entries[-1].time - begin.seconds if begin.before else begin.seconds
        first = next((i for i, e in enumerate(entries) if e.time >= start), len(entries))
        before = of(entries[:first]).afresh(start) if first else None
        return of(lines, of(entries[first:], before))


def _order(entry: Entry) -> tuple[int, bool, float]:
    """The sort key: decisions by epoch; refused and ignored events after the decision before."""
    return entry.epoch, entry.outcome != "done", entry.time


def lines(
    file: str, reader: Callable[[Any], Said], follow: Callable[[BinaryIO], Any] | None = None, *,
    named: Iterable[str] = (),
) -> Generator[LogLine[Said], None, None]:
    """The lines of a log, or of standard input for `-`, or the history of a SQLite store.

    Args:
        reader: makes the content of the JSON of a line, or raises BadInput.
        follow: wraps a file so that it is read as it grows.
        named: all files of the command. The older files of a rotated log come first, except for
            those that are named.

    Raises:
        BadInput: it cannot be read, or cannot be followed.
    """
    from prgcore.running import log
    from prgcore.running.rotation import parts

    if file == "-":
        yield from log.lines(inputs.standard_input(), reader)
        return
    name = quoted(file)
    if file.endswith(".toml") and not follow:
        yield from _stored(file, reader)
        return
    try:
        with parts(Path(file)) as files:
            _, stream = files[-1]
            stored = stream.peek(len(SQLITE)).startswith(SQLITE)
            if stored and follow:
                raise BadInput(f"{name} is a store; --follow needs a log of JSON Lines")
            if stored:
                yield from _stored(file, reader)
                return
            known = {Path(name).name for name in named if Path(name).parent == Path(file).parent}
            older = [(name, part) for name, part in files[:-1] if name not in known]
            yield from log.rotated(older, reader)
            yield from log.lines(follow(stream) if follow else stream, reader)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot read {name}: {reason}; give a log, or - for standard input") \
            from None


def _stored(file: str, reader: Callable[[Any], Said]) -> Iterator[LogLine[Said]]:
    """The history of a store, which has done events only, not refused or ignored ones."""
    from prgcore.running.log import line_of

    try:
        with opened(file) as store:
            for number, value in enumerate(store.history(), 1):
                yield line_of(f"entry {number}", value, reader)
    except Unavailable as error:
        raise BadInput(f"cannot read the store: {error}") from None


# ------------------------------------------------------------------------- printing


def _page(telemetry: Telemetry, names: Names) -> Iterator[RenderableType]:
    yield from _head(telemetry)
    if not telemetry.entries and not telemetry.columns:
        return
    for table in (_states, _users, _decisions, _refusals):
        made = table(telemetry, names)
        if made.row_count:
            yield ""
            yield made
    if telemetry.unnamed:
        yield ""
        yield (f"The log never names {names.out(', '.join(telemetry.unnamed))}: users count as out "
               "from when a node acts, not from when its peer crashed.")


def _head(telemetry: Telemetry) -> Iterator[str]:
    outcomes = ", ".join(f"{n:,} {word}" for word, n in telemetry.outcomes().items())
    entries = counted(telemetry.entries, "entry", "entries")
    yield f"{entries}{': ' * bool(outcomes)}{outcomes}"
    if telemetry.first is not None and telemetry.last is not None:
        yield (f"{_said(telemetry.first)} to {_said(telemetry.last)}, "
               f"{_seconds(telemetry.passed)} s, epoch {telemetry.epoch:,}")
    if telemetry.backwards:
        yield f"The clock stepped back {counted(telemetry.backwards, 'time')}."


def _said(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _seconds(number: float) -> str:
    return f"{number:,.1f}"


def _word(text: str) -> str:
    """A word of the log as one safe line, because the log may hold anything."""
    return one_line(text, 40)


def _states(telemetry: Telemetry, names: Names) -> Table:
    from prgcore.running.metrics import short

    table = output.table("node", "state", "seconds", "share", "entered", "now",
                         right=("seconds", "share", "entered"))
    for column, now in telemetry.states.items():
        seen = {v: s for (one, v), s in telemetry.seconds.items() if one == column} | (
            {} if (column, now) in telemetry.seconds else {now: 0.0})
        whole = sum(seen.values())
        for value, seconds in sorted(seen.items(), key=lambda item: (-item[1], item[0])):
            reason = telemetry.columns.get(f"{short(column)}.reason", "none")
            since = f"for {_seconds(telemetry.lasting[column])} s" + (
                f", {_word(reason)}" if reason != "none" and column.endswith(".state") else "")
            table.add_row(
                _word(names.out(short(column))), _word(value), _seconds(seconds),
                f"{seconds / whole:.1%}" if whole else "",
                f"{telemetry.entered.get((column, value), 0):,}", since if value == now else "")
    return table


def _decisions(telemetry: Telemetry, names: Names) -> Table:
    table = output.table("times", "rule", "outcome", "event", right=("times",))
    for (rule, event, outcome), number in _most(telemetry.decisions):
        table.add_row(f"{number:,}", _word(rule) or "-", outcome, _word(names.out(event)))
    return table


def _refusals(telemetry: Telemetry, names: Names) -> Table:
    table = output.table("times", "refused", "because of", right=("times",))
    for (command, column), number in _most(telemetry.refusals):
        table.add_row(f"{number:,}", _word(names.out(command)), _word(names.out(column)) or "-")
    return table


def _users(telemetry: Telemetry, names: Names) -> Table:
    table = output.table("users of", "served", "outages", "seconds", "longest", "failovers",
                         right=("outages", "seconds", "longest", "failovers"))
    for home, users in sorted(telemetry.users.items()):
        now = {True: "yes", False: f"no, for {_seconds(users.lasting)} s", None: "never"}
        table.add_row(names.out(home), now[users.served], str(users.outages), _seconds(users.seconds),
                      _seconds(users.longest), str(users.failovers))
    return table


def _most(counter: dict[tuple[str, ...], int]) -> list[tuple[tuple[str, ...], int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))
