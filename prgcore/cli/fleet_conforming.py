"""`fleet conform`: many logs at once, and which of them breaks a rule first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, output, spreading
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, one_line

if TYPE_CHECKING:
    from prgcore.fleet.blocks import Block
    from prgcore.fleet.conforming import Checked, Conforming
    from prgcore.wire.entry import PartialEntry

A_BLOCK = 20
"""How many logs are checked in a row by one process."""
MOST = 10
"""The most logs that are printed; --json has all."""
MOST_RULES = 12
"""The most rules that are printed."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore fleet conform logs/", "prgcore fleet conform site1.jsonl site2.jsonl",
        "prgcore fleet conform --together logs/     one folder for each pair",
    ))(conform)


def conform(
    logs: Annotated[
        list[str],
        Argument(metavar="DIR|LOG...", show_default=False, help=(
            "Logs as JSON Lines, files of SQLite stores, or folders of them; - is standard input.")),
    ], *,
    together: Annotated[
        bool, Option("--together", help="The logs of one folder are of one pair: they are sorted by "
                     "epoch and time, and checked as one."),
    ] = False,
    hidden: Annotated[
        list[str] | None,
        Option("--hidden", metavar="EVENT",
               help="An event that the logs omit; none: they omit no event. Repeatable."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    strict: Annotated[
        bool, Option("--strict", help="A refused command exits 1 as well."),
    ] = False,
    workers: spreading.Workers = None, scheduler: spreading.Scheduler = None,
    progress: Annotated[
        bool, Option("--progress", help="Name the steps on standard error, without a terminal too."),
    ] = False,
    as_json: inputs.Json = False,
) -> None:
    """Check many logs against the table, each for itself.

    The log whose wrong line is the earliest comes first. A log that cannot be read
    stops no other. Exit codes: 0 the table allows every line; 1 it does not; 2 a log
    cannot be read.
    """
    from prgcore.fleet.blocks import Given, blocks_of, run
    from prgcore.fleet.conforming import Conforming

    if machine == "-" and "-" in logs:
        raise BadInput("standard input cannot be both the machine and a log")
    every = _parts(logs, together=together)
    engine = inputs.load_machine(machine, policy)
    unlogged = None if hidden is None else tuple(event for event in hidden if event != "none")
    for event in unlogged or ():
        engine.kind(event)
    found = Conforming(engine, unlogged)
    where = spreading.chosen(workers, scheduler)
    here = "-" in (machine, *logs)
    if here and workers is None and scheduler is None:
        where = spreading.chosen(1, None)
    if here and where.workers != 1:
        raise BadInput("standard input is read in this process only; leave out --workers and "
                       "--scheduler")
    given = Given(_machine, (machine, tuple(policy or ()), unlogged), lambda: found)
    with output.progress("logs", always=progress) as report:
        parts = run(partial(_checked, every=every), blocks_of(len(every), A_BLOCK), given=given,
                    where=where, progress=report)
        found.checked = [one for part in parts for one in part]
    if as_json:
        output.write_json(found.to_json())
    else:
        output.write("\n".join(_page(found)))
    if found.unreadable:
        raise Exit(2)
    raise Exit(int(bool(found.broken) or (strict and found.outcomes["refused"] > 0)))


def _machine(
    machine: str | None, policy: tuple[str, ...], unlogged: tuple[str, ...] | None,
) -> Conforming:
    """The check in another process, whose machine is that of the same words."""
    from prgcore.fleet.conforming import Conforming

    return Conforming(inputs.load_machine(machine, [*policy]), unlogged)


def _checked(
    block: Block, check: Conforming, *, every: Sequence[tuple[str, list[str]]],
) -> list[Checked]:
    """The logs of a block, checked in their order."""
    found = []
    for name, files in every[block.first:block.first + block.count]:
        with ExitStack() as open_:
            found.append(check.add(name, _entries(files, open_)))
    return found


def _entries(files: Sequence[str], open_: ExitStack) -> Iterator[tuple[str, PartialEntry]]:
    """Yield the place and the entry of every line; of several files in the order of decision."""
    from prgcore.cli import conform as alone
    from prgcore.cli.log import lines
    from prgcore.wire.entry import PartialEntry

    streams = [
        alone.entries(open_.enter_context(closing(lines(
            file, PartialEntry.from_json, named=files))),
            f"{one_line(Path(file).name, 60)} " if len(files) > 1 else "")
        for file in files]
    yield from streams[0] if len(streams) == 1 else alone.merged(streams)


def _parts(logs: Sequence[str], *, together: bool) -> list[tuple[str, list[str]]]:
    """The logs to check, each with its files.

    Raises:
        BadInput: a folder holds none, or one is named twice.
    """
    every: list[str] = []
    for log in logs:
        if log == "-" or not Path(log).is_dir():
            every.append(log)
            continue
        here = [str(path) for path in sorted(Path(log).rglob("*")) if path.is_file() and _is_log(path)]
        if not here:
            raise BadInput(f"the folder {log!r:.100} holds no file")
        every += here
    if len({*every}) < len(every):
        raise BadInput("a log is named twice; name each once")
    if not together:
        return [(file, [file]) for file in every]
    folders: dict[str, list[str]] = {}
    for file in every:
        folders.setdefault(file if file == "-" else str(Path(file).parent), []).append(file)
    return [*folders.items()]


def _is_log(path: Path) -> bool:
    """Whether a file is not hidden, and not an older part of a log beside it, or of a store."""
    rotated = re.fullmatch(r"(.+)\.\d+", path.name)
    older = rotated is not None and path.with_name(rotated[1]).exists()
    return not (path.name.startswith(".") or older or path.name.endswith(("-wal", "-shm", "-journal")))


# -------------------------------------------------------------------------- printing


def _page(found: Conforming) -> Iterator[str]:
    broken, unreadable, said = found.broken, found.unreadable, found.outcomes
    logs = counted(len(found.checked), "log")
    good = len(found.checked) - len(broken) - len(unreadable)
    yield from output.wrapped(
        f"{logs}, {said['lines']:,} lines: {good:,} allowed"
        + (f", {len(broken):,} with a line that no rule allows" if broken else "")
        + (f", {len(unreadable):,} not readable" if unreadable else "") + ".")
    decided = found.decided
    yield from output.wrapped(
        f"{said['done']:,} done, {said['ignored']:,} ignored, {said['refused']:,} refused; rules covered "
        f"{len(decided)} of {len(found.engine.model.rules)}")
    for one in broken[:MOST]:
        yield ""
        yield from _broken(one)
    if len(broken) > MOST:
        yield from ("", f"and {counted(len(broken) - MOST, 'more log')}; --json lists all")
    if unreadable:
        yield ""
    for one in unreadable[:MOST]:
        yield from output.wrapped(f"{one_line(one.log, 80)}: {one.wrong}", "", "  ")
    if len(unreadable) > MOST:
        yield f"and {counted(len(unreadable) - MOST, 'more log')} that cannot be read"
    if decided:
        yield ""
        yield from output.wrapped("Decisions by rule: " + ", ".join(
            f"{rule} {number:,}" for rule, number in _most(decided)) + (
            f", and {len(decided) - MOST_RULES} more rules" if len(decided) > MOST_RULES else ""))


def _most(decided: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(decided.items(), key=lambda both: (-both[1], both[0]))[:MOST_RULES]


def _broken(one: Checked) -> Iterator[str]:
    """Yield the first wrong line of a log, with the answers of the table."""
    assert one.report is not None, "BUG: a broken log has a report"
    assert one.report.finding is not None, "BUG: a broken log has a finding"
    when = "" if one.time is None else f" ({datetime.fromtimestamp(one.time, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    yield from output.wrapped(f"{one_line(one.log, 120)}{when}")
    first, *rest = one.report.finding.text().splitlines()
    yield from output.wrapped(first, "  ", "    ")
    for line in rest:
        yield from output.wrapped(line.strip(), "    ", "      ")
