"""`fleet status`, `fleet explain`: files of thousands of groups, and what to do first."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, quoted

if TYPE_CHECKING:
    from prgcore.fleet.classes import Class, Sorted
    from prgcore.fleet.shapes import Bad
    from prgcore.machine import Machine

LIMIT = 1 << 30
"""The largest file of groups that is read, in bytes."""
SUFFIXES = (".html", ".json", ".csv", ".parquet")
MOST_LINES = 10
"""The most lines of bad rows, and of repeated groups, that are printed."""

Files = Annotated[
    list[str],
    Argument(metavar="FILE...", show_default=False, help=(
        "CSV, JSON, JSON Lines, Parquet, or texts of utils ha status; a folder of them; - is "
        "standard input.")),
]
Progress = Annotated[
    bool, Option("--progress", help="Name the steps on standard error, without a terminal too."),
]


def register(app: Group) -> None:
    """Add these commands."""
    app.command(epilog=examples(
        "prgcore fleet status groups.csv", "prgcore fleet status status/*.txt --json",
    ))(status)
    app.command(epilog=examples(
        "prgcore fleet explain groups.csv",
        "prgcore fleet explain groups.csv -o page.html -o first.csv",
        "prgcore fleet explain groups.csv --class 1",
        "prgcore fleet explain groups.csv --group Headquarters",
        "ssh imp1 utils ha status | prgcore fleet explain -",
    ))(explain)


def status(
    files: Files, *, machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    progress: Progress = False, as_json: inputs.Json = False,
) -> None:
    """Count what the groups of a fleet show, by display and by state.

    Exit codes: 0 every row is read and explained; 1 a row is not; 2 a file cannot be
    read.
    """
    from prgcore.fleet.written import status_json

    fleet = _sorted(files, machine, policy, progress=progress)
    if as_json:
        output.write_json(status_json(fleet))
    else:
        from prgcore.cli.fleet_telling import status_page

        output.show(*status_page(fleet))
        _wrong(fleet)
    raise Exit(_code(fleet))


def explain(
    files: Files, *,
    group: Annotated[
        str | None, Option("--group", metavar="NAME", help="Explain one group, by its name or by a "
                           "host of it."),
    ] = None,
    number: Annotated[
        int | None, Option("--class", metavar="N", min=1, max=10**9, help="List the groups of one class."),
    ] = None,
    outputs: Annotated[
        list[str] | None, Option("--output", "-o", metavar="FILE", help=(
            "Also write a page (.html), or every group (.csv, .json, .parquet). Repeatable.")),
    ] = None,
    as_csv: Annotated[
        bool, Option("--csv", help="Print every group as CSV, class after class."),
    ] = False,
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Every class in full; with --group, every detail."),
    ] = False,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    progress: Progress = False, as_json: inputs.Json = False,
) -> None:
    """Explain a fleet: which situations, how many groups, what to do first.

    A class is what needs the same: a row of Table 2, or a family of displays. The
    class with the most users out comes first. Rows that cannot be read are listed,
    and the others are answered.

    A file has one row per group: group, node1, node1_state, node1_reason, node2,
    node2_state, node2_reason, and if you know them users1, users2, since. Other
    spellings of these names are understood.

    Exit codes: 0 every row is explained; 1 a row is not; 2 a file cannot be read.
    """
    if as_json:
        inputs.refuse_beside("--json", {"--csv": as_csv})
    if group is not None:
        inputs.refuse_beside("--group", {"--class": number, "--csv": as_csv, "--output": outputs})
    places = [*map(_place, outputs or ())]
    fleet = _sorted(files, machine, policy, progress=progress)
    if group is not None:
        raise Exit(_one(fleet, group, verbose=verbose, as_json=as_json))
    only = None if number is None else _numbered(fleet, number)
    for place in places:
        _write(fleet, place)
    if as_json or as_csv:
        _data(fleet, only, as_csv=as_csv)
    else:
        from prgcore.cli.fleet_telling import class_page, explain_page

        output.write("\n".join(
            class_page(fleet, only) if only else explain_page(fleet, verbose=verbose)))
        _wrong(fleet)
        if places:
            output.write("\n" + "\n".join(f"{place} is written." for place in places))
    raise Exit(_code(fleet))


def _numbered(fleet: Sorted, number: int) -> Class:
    """The class of a number.

    Raises:
        BadInput: there is none.
    """
    if number > len(fleet.classes):
        raise BadInput(f"--class {number}: there are {counted(len(fleet.classes), 'class', 'classes')}"
                       ", numbered from 1")
    return fleet.classes[number - 1]


def _data(fleet: Sorted, only: Class | None, *, as_csv: bool) -> None:
    """Print the fleet, or one class of it, as CSV or JSON."""
    from prgcore.fleet import written

    if as_csv:
        output.write(written.as_csv(fleet, only))
        for line in _lines(fleet.bad):
            output.remark(line)
    else:
        output.write_json(written.class_json(only, fleet.spelling) if only else written.as_json(fleet))


def _one(fleet: Sorted, name: str, *, verbose: bool, as_json: bool) -> int:
    """Print the full explanation of the groups with a name; return the exit code.

    Raises:
        BadInput: there is no such group.
    """
    found = fleet.named(name)
    if not found:
        bad = next((bad for bad in fleet.bad if bad.group.casefold() == name.casefold()), None)
        if bad is not None:
            raise BadInput(str(bad))
        from prgcore.errors import unknown_name

        names = {group.name for one in fleet.classes for group, _ in one.groups if group.name}
        raise BadInput(unknown_name("group", name, names, listing=len(names) < MOST_LINES))
    if as_json:
        output.write_json([
            {"group": group.name, "hosts": list(group.hosts), "file": group.file, "place": group.place,
             "explanation": case.explanation.to_json()} for group, case in found])
    else:
        output.write("\n\n".join(
            f"Group {group.called} ({group.file}, {group.place})\n"
            + case.explanation.text(group.hosts, group.name, verbose=verbose).strip()
            for group, case in found))
    return int(any(case.urgency == "never" for _, case in found))


# -------------------------------------------------------------------------- files


def _sorted(
    files: Sequence[str], machine: str | None, policy: list[str] | None, *, progress: bool,
) -> Sorted:
    """The fleet in these files, explained and in classes.

    Raises:
        BadInput: none of them can be read.
    """
    if list(files).count("-") > 1:
        raise BadInput("- is given more than once, and standard input can be read only once")
    if machine == "-" and "-" in files:
        raise BadInput("standard input cannot be both the machine and the groups")
    from prgcore.fleet.classes import sort
    from prgcore.fleet.reading import Reader

    engine: Machine = inputs.load_machine(machine, policy)
    with output.progress("fleet", always=progress) as report:
        reader = Reader(engine, report)
        every = [*_each(files)]
        for n, file in enumerate(every):
            if report and len(every) > 1 and n % 100 == 0:
                report("files read", n, len(every))
            try:
                data = _bytes(file)
            except BadInput as error:
                reader.fail(file, str(error))
            else:
                reader.add(file, data)
        reading = reader.reading
        if not reading.groups and reading.unreadable and not reading.wrong:
            first, *others = reading.unreadable
            more = f" (and {counted(len(others), 'more file')} that cannot be read)" if others else ""
            raise BadInput(f"{first}{more}")
        return sort(engine, reading, report)


def _each(files: Sequence[str]) -> Iterator[str]:
    """Yield the files, and for a folder those in it and below it, by their names."""
    for file in files:
        if file == "-" or not os.path.isdir(file):  # noqa: PTH112, - is not a path
            yield file
            continue
        found = False
        for folder, below, names in os.walk(file):
            below.sort()
            for name in sorted(names):
                if not name.startswith("."):
                    found = True
                    yield str(Path(folder, name))
        if not found:
            raise BadInput(f"the folder {quoted(file)} holds no file")


def _bytes(file: str) -> bytes:
    """The bytes of a file.

    Raises:
        BadInput: it cannot be read, or is larger than `LIMIT`.
    """
    try:
        if file == "-":
            data: bytes = inputs.standard_input().read(LIMIT + 1)
        else:
            with open(file, "rb") as stream:  # noqa: PTH123
                data = stream.read(LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"it cannot be read: {reason}") from None
    if len(data) > LIMIT:
        raise BadInput(f"it is larger than {LIMIT >> 20:,} MB, the most that is read; give it in parts")
    return data


def _place(name: str) -> Path:
    """The file to write.

    Raises:
        BadInput: its suffix says no kind, or it cannot be written.
    """
    place = Path(name)
    if place.suffix.lower() not in SUFFIXES:
        raise BadInput(f"--output {quoted(name)}: its suffix says what is written; "
                       f"expected {', '.join(SUFFIXES)}")
    output.writable(place)
    return place


def _write(fleet: Sorted, place: Path) -> None:
    from prgcore.fleet import written

    suffix = place.suffix.lower()
    data: str | bytes
    if suffix == ".csv":
        data = written.as_csv(fleet)
    elif suffix == ".json":
        import json

        data = json.dumps(written.as_json(fleet), indent=1) + "\n"
    elif suffix == ".html":
        from prgcore.fleet.page import page

        data = page(fleet, _title(fleet), f"Made {_now()} by prgcore fleet explain.")
    else:
        from prgcore.fleet.parquet import columns_written

        data = columns_written(written.COLUMNS, written.rows(fleet))
    output.write_file(place, data)


def _title(fleet: Sorted) -> str:
    """The title of a page: what to do first, and in which file."""
    kinds = [*fleet.reading.kinds]
    named = f": {Path(kinds[0]).name}" if len(kinds) == 1 and kinds[0] != "-" else ""
    return f"What to do first{named}"


def _now() -> str:
    """The time, to the minute."""
    from datetime import UTC, datetime

    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


# -------------------------------------------------------------------------- the end


def _code(fleet: Sorted) -> int:
    """2 if a file cannot be read, 1 if a row is not explained, else 0."""
    if fleet.reading.unreadable:
        return 2
    return int(bool(fleet.bad) or any(one.case.urgency == "never" for one in fleet.classes))


def _lines(bad: Sequence[Bad]) -> list[str]:
    """A line each for the first of them, and how many more there are."""
    lines = [str(one) for one in bad[:MOST_LINES]]
    more = len(bad) - len(lines)
    return lines + ([f"and {more:,} more; --json lists all"] if more else [])


def _wrong(fleet: Sorted) -> None:
    """Print what could not be read, what repeats, and the remarks."""
    repeated = fleet.reading.repeated
    lines: list[str] = []
    if fleet.bad:
        lines += ["", f"Not explained: {counted(len(fleet.bad), 'row')}"]
        lines += [part for line in _lines(fleet.bad) for part in output.wrapped(line, "  ", "    ")]
    if repeated:
        first = repeated[0]
        lines += ["", *output.wrapped(
            f"{counted(len(repeated), 'row')} repeated: a later row of the same group is taken. The "
            f"first is {first.called} ({first.file}, {first.place}).")]
    for remark in fleet.reading.remarks[:MOST_LINES]:
        lines += output.wrapped(remark)
    if len(fleet.reading.remarks) > MOST_LINES:
        lines.append(f"and {counted(len(fleet.reading.remarks) - MOST_LINES, 'more remark')}")
    if lines:
        output.write("\n".join(lines))
