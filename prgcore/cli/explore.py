"""`explore`: the machine as one HTML file, to step through in a browser."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, output, subject
from prgcore.cli.commands import Group, Option, examples
from prgcore.cli.proofs import needed
from prgcore.errors import BadInput, BudgetExhausted, MissingExtra, unknown_name
from prgcore.words import one_line

if TYPE_CHECKING:
    from prgcore.engine import Engine
    from prgcore.machine import Machine

SOON = 5_000
"""The most networks of a machine of your own that are looked at for a story."""
FILE = "explorer.html"
"""Where the explorer is written when nothing says otherwise."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore explore", "prgcore explore -o prg.html --policy reconnection=keep_serving",
        'prgcore explore --node1 "Running in Backup Mode" --node2 "Failed Over"',
        "prgcore explore -o lamps.html --machine lamps.json",
    ))(explore)


def explore(
    text: subject.PairText = None, *,
    node1: subject.Node1 = None, node2: subject.Node2 = None, sets: subject.Sets = None,
    file: Annotated[
        str, Option("--output", "-o", metavar="FILE",
                          help="The file to write, or - for standard output."),
    ] = FILE,
    begin: Annotated[
        str | None,
        Option("--from", metavar="START|PAIR", show_default=False,
                     help="Begin there: the name of a start, a pair as JSON, or a file with one."),
    ] = None,
    story: Annotated[
        str | None,
        Option("--story", metavar="FILE", show_default=False,
                     help="Begin at the end of a story or counterexample, or with a story of "
                          "a network (- for standard input)."),
    ] = None,
    links: Annotated[
        str, Option("--links", metavar="URL", show_default=False,
                          help="Where the reference is: rules and rows link to it."),
    ] = "",
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
) -> None:
    """Step through the machine in a browser: one file, no network.

    The page runs the same table as this command line. Press an event to see the rule
    that fires and why, its actions, what is refused and by which cell, and the way
    home. Your steps are a story that prgcore simulate runs. Without --machine and
    --policy, the story's own policies hold.
    """
    from prgcore.explorer import page

    asks = {"PAIR": text, "--node1": node1, "--node2": node2, "--set": sets}
    if story is not None:
        inputs.refuse_beside("--story", {"--from": begin, **asks})
    if begin is not None:
        inputs.refuse_beside("--from", asks)
    if machine == "-" and "-" in (begin, story, text):
        raise BadInput("standard input cannot be both the machine and where to begin; "
                       "give one of them as a file")
    if file != "-":
        output.writable(Path(file))
    engine: Engine
    if story is not None:
        engine, told = _story_of(machine, policy, story)
    elif any(given is not None for given in asks.values()):
        from prgcore.story.script import as_story

        asked = subject.question(
            text=text, node1=node1, node2=node2, sets=sets, file=machine, policy=policy)
        engine, told = asked.machine, _split(asked) or as_story(
            asked.machine, (), subject.one_pair(asked))
    else:
        engine = whole = inputs.load_machine(machine, policy)
        told = _start(whole, begin)
    html = page(engine, told, _address(links), _searched(engine), _served_twice(engine))
    if file == "-":
        output.write(html)
        return
    output.write_file(Path(file), html)
    output.write(f"{one_line(file)}: {len(html.encode()):,} bytes; open it in a browser")


def _story_of(machine: str | None, policy: list[str] | None, what: str) -> tuple[Engine, str]:
    """The machine of a story, and its text; from a page of the prover, its first story.

    Raises:
        BadInput: it is not a story of the machine, or the page would refuse it.
    """
    from prgcore.cli.runs import run_of
    from prgcore.explorer import LONGEST
    from prgcore.network.story import write
    from prgcore.story.script import Run

    ran, _ = run_of(machine, policy, what, None)
    if not isinstance(ran, Run):
        told = write(ran.network.setting, [s.move for s in ran.steps if s.move])
        return ran.network.engine, told
    lines = [step.line for step in ran.steps]
    count = sum(line.verb != "policy" for line in lines)
    if count > LONGEST:
        raise BadInput(f"the story has {count:,} lines, and the explorer shows at most {LONGEST:,}; "
                       "use prgcore simulate")
    return ran.engine, "".join(f"{line.text}\n" for line in lines)


def _searched(engine: Engine) -> list[dict[str, str]] | None:
    """The search result for the map of a machine without an atlas; None if no search is made."""
    from prgcore.explorer.payload import axes

    if engine.atlas is not None or axes(engine) is None:
        return None
    try:
        with needed("the map"):
            from prgcore.prove.seen import seen
            from prgcore.prove.space import search
    except MissingExtra as error:
        output.remark(str(error))
        return None
    from prgcore.diagram.matrix import asked

    return seen(search(engine.model), asked(engine))


def _split(asked: subject.Question) -> str:
    """The story of two nodes that show a display without a pair; "" if none is known."""
    from prgcore.form.splits import like
    from prgcore.network.splits import told

    split = None if asked.shown is None else like(asked.machine.splits, asked.shown)
    return "" if split is None else told(split)


def _served_twice(engine: Engine) -> tuple[tuple[str, str], ...]:
    """How two nodes of a machine of your own serve users twice, if that is found soon."""
    from prgcore.network.splits import served_twice

    if engine.splits:
        return ()
    try:
        found = served_twice(engine, most=SOON)
    except BudgetExhausted:
        return ()
    return () if found is None else (("Served twice", found),)


def _start(machine: Machine, begin: str | None) -> str:
    """A story that only starts at a pair; empty if no start is given.

    Raises:
        BadInput: it is neither a start nor a pair.
    """
    from prgcore.story.script import as_story

    if begin is None:
        return ""
    starts = {"initial": (), **dict(machine.model.starts)}
    if begin in starts:
        return as_story(machine, (), begin)
    try:
        given = subject.read_given(begin)
    except BadInput:
        if begin.lstrip()[:1] in ("{", "[", '"', "-") or Path(begin).exists():
            raise
        raise BadInput(f"--from: {unknown_name('start', begin, starts)} (or give a pair as JSON, "
                       "or a file with one)") from None
    return as_story(machine, (), machine.pair(subject.read_pair(given)))


def _address(links: str) -> str:
    """An address to which names of pages can be added.

    Raises:
        BadInput: it is neither a web address nor a folder.
    """
    scheme, colon, _ = links.partition(":")
    if colon and scheme.lower() not in ("http", "https", "file"):
        raise BadInput(f"--links {one_line(links, 120)!r}: expected an address that begins "
                       "with https://, or a folder")
    return links if not links or links.endswith("/") else links + "/"
