"""`explore`: the machine as one HTML file, to step through in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prgcore.cli import inputs, output
from prgcore.errors import BadInput, unknown_name

if TYPE_CHECKING:
    from prgcore.machine import Machine

FILE = "explorer.html"
"""Where the explorer is written when nothing says otherwise."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog=inputs.example(
        "prgcore explore", "prgcore explore -o prg.html --policy reconnection=keep_serving",
        "prgcore explore -o lamps.html --machine lamps.json",
    ))(explore)


def explore(
    *,
    file: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE",
                          help="The file to write, or - for standard output."),
    ] = FILE,
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="START|PAIR", show_default=False,
                     help="Begin there: the name of a start, a pair as JSON, or a file with one."),
    ] = None,
    story: Annotated[
        str | None,
        typer.Option("--story", metavar="FILE", show_default=False,
                     help="Begin at the end of a story (- for standard input)."),
    ] = None,
    links: Annotated[
        str, typer.Option("--links", metavar="URL", show_default=False,
                          help="Where the reference is: rules and rows link to it."),
    ] = "",
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
) -> None:
    """Step through the machine in a browser: one file, no network.

    The page runs the same table as this command line: press an event, see the rule
    that fires and why, what it asks for, what is refused and by which cell, and the
    way home. What you did is a story that prgcore simulate runs. Without --machine
    and --policy the machine is the one of the story's policies.
    """
    from prgcore.explorer import page

    if story is not None:
        inputs.refuse_beside("--story", {"--from": begin})
    if machine == "-" and "-" in (begin, story):
        raise BadInput("standard input cannot be both the machine and where to begin; "
                       "give one of them as a file")
    if file != "-":
        output.writable(Path(file))
    text = "" if story is None else inputs.read_text(story)
    if text and machine is None and not policy:
        from prgcore.story import parse

        policy = [f"{name}={choice}" for name, choice in parse(text).policy.items()]
    engine = inputs.load_machine(machine, policy)
    html = page(engine, _checked(engine, text) if story is not None else _start(engine, begin),
                _address(links))
    if file == "-":
        output.write(html)
        return
    output.write_file(Path(file), html)
    output.write(f"{inputs.one_line(file)}: {len(html.encode()):,} bytes; open it in a browser")


def _checked(machine: Machine, text: str) -> str:
    from prgcore.story import parse

    parse(text, machine)
    return text


def _start(machine: Machine, begin: str | None) -> str:
    """A story that does no more than start somewhere; none where nobody says where.

    Raises:
        BadInput: no such start, and no pair.
    """
    from prgcore.story import as_story

    if begin is None:
        return ""
    starts = {"initial": (), **dict(machine.model.starts)}
    if begin in starts:
        return as_story(machine, (), begin)
    try:
        given = inputs.read_given(begin)
    except BadInput:
        if begin.lstrip()[:1] in ("{", "[", '"', "-") or Path(begin).exists():
            raise
        raise BadInput(f"--from: {unknown_name('start', begin, starts)} (or give a pair as JSON, "
                       "or a file with one)") from None
    return as_story(machine, (), machine.pair(inputs.read_pair(given)))


def _address(links: str) -> str:
    """An address to which names of pages can be added.

    Raises:
        BadInput: neither of the web nor of a folder.
    """
    scheme, colon, _ = links.partition(":")
    if colon and scheme.lower() not in ("http", "https", "file"):
        raise BadInput(f"--links {inputs.one_line(links, 120)!r}: expected an address that begins "
                       "with https://, or a folder")
    return links if not links or links.endswith("/") else links + "/"
