"""`init`: a small machine of your own for two nodes. `example`: one of the shipped examples.

Law: files are written into a new or empty folder, all of them or none.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from attrs import frozen

from prgcore.cli import inputs, output, shipped
from prgcore.cli.commands import Argument, Group, Option, examples
from prgcore.errors import BadInput, unknown_name
from prgcore.words import one_line, quoted

if TYPE_CHECKING:
    from collections.abc import Callable

WORKFLOW = "prove.yml"
"""The workflow of every template; the program that it names is that of `PAIR`."""
PAIR = "pair"


@frozen
class Template:
    """A machine to start from.

    Attributes:
        module: the module that makes it, below `prgcore.template`.
        page, story: the files beside it that say what it is, and what it does.
    """

    module: str
    page: str
    story: str

    @property
    def program(self) -> str:
        return f"{self.module}.py"

    @property
    def copied(self) -> Mapping[str, str]:
        """Files of the template, and where they are written."""
        return {self.page: "README.md", self.program: self.program,
                self.story: f"stories/{self.story}", WORKFLOW: ".github/workflows/prove.yml"}

    @property
    def next(self) -> tuple[str, ...]:
        """The commands to run there first."""
        return ("prgcore prove --machine machine.json", "prgcore diagram --machine machine.json",
                f"prgcore simulate stories/{self.story} --machine machine.json")


TEMPLATES = {
    PAIR: Template("pair", "README.md", "takeover.txt"),
    "active-standby": Template("active_standby", "active_standby.md", "failover.txt"),
}
"""The machines that `init` starts from, by their names."""


def register(app: Group) -> None:
    """Add these commands."""
    app.command(epilog=examples(
        "prgcore init mine", "prgcore init --from active-standby mine",
    ))(init)
    app.command(epilog=examples(
        "prgcore example", "prgcore example two_nodes", "prgcore example shortest first",
    ))(example)


def init(
    directory: Annotated[
        str, Argument(metavar="DIR", show_default=False,
                            help="A new directory, or an empty one."),
    ], *,
    start: Annotated[
        str, Option("--from", metavar="NAME", help="The machine to start from: pair, or "
                    "active-standby, one service with a replica.")] = PAIR,
    as_json: inputs.Json = False,
) -> None:
    """Write a small machine of your own for two nodes, with its promises.

    A table in Python, the machine file that it writes, a story, a workflow that
    proves it on every push, and a page that says what to change first.
    """
    if start not in TEMPLATES:
        raise BadInput(unknown_name("machine", start, TEMPLATES))
    chosen = TEMPLATES[start]
    written = _files(chosen)
    fill(directory, written)
    if as_json:
        output.write_json(
            {"directory": directory, "files": list(written), "next": list(chosen.next)})
        return
    output.write("\n".join([
        *_wrote(directory, written, chosen.next),
        "", "README.md says what to change first, and what the prover then says.",
    ]))


def example(
    name: Annotated[
        str | None, Argument(metavar="NAME", show_default=False,
                      help="The example; without one, the list of them."),
    ] = None,
    directory: Annotated[
        str | None, Argument(metavar="DIR", show_default=False,
                                   help="A new directory, or an empty one (default: NAME)."),
    ] = None, *,
    as_json: inputs.Json = False,
) -> None:
    """Write an example into a directory, and say what to run there.

    Without NAME: list the examples.
    """
    if name is None:
        _list(as_json=as_json)
        return
    chosen = shipped.example(name)
    where = name if directory is None else directory
    written = shipped.texts(chosen)
    fill(where, written)
    if as_json:
        output.write_json({"example": name, "directory": where, "files": list(written),
                           "next": list(chosen.next)})
        return
    output.write("\n".join(_wrote(where, written, chosen.next, chosen.needs)))


def _list(*, as_json: bool) -> None:
    if as_json:
        output.write_json([{"name": name, "says": e.says} for name, e in shipped.EXAMPLES.items()])
        return
    table = output.table("name", "example")
    for name, one in shipped.EXAMPLES.items():
        table.add_row(name, one.says)
    output.show(table, "", "prgcore example NAME DIR writes one of them into a directory.")


def fill(directory: str, written: Mapping[str, str]) -> None:
    """Write all files into a new or empty directory.

    Raises:
        BadInput: the directory is neither, or a file cannot be written.
    """
    _vacant(directory)
    _write(Path(directory), written)


def _wrote(
    directory: str, written: Mapping[str, str], then: tuple[str, ...], needs: str = ""
) -> list[str]:
    """Print the files that were written, and the commands to run next."""
    enter = one_line(shlex.quote(directory), 120)
    return [
        *output.wrapped(f"wrote {', '.join(written)}", rest="  "), "",
        f"Next (needs {needs}):" if needs else "Next:",
        *(f"  {line}" for line in ([] if Path(directory) == Path() else [f"cd {enter}"])),
        *(f"  {line}" for line in then),
    ]


def _vacant(directory: str) -> None:
    """Check that the directory is new or empty.

    Raises:
        BadInput: it is neither.
    """
    name = quoted(directory)
    where = Path(directory)
    try:
        held = sorted(p.name for p in where.iterdir()) if where.is_dir() else []
        taken = where.exists() and not where.is_dir()
        room = where.is_dir() or where.parent.is_dir()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot use {name}: {reason}") from None
    if taken or not directory.strip() or not room:
        raise BadInput(f"{name} is no directory and cannot become one; expected a new name in a "
                       "directory that exists, or an empty directory")
    if held:
        more = f" and {len(held) - 1} more" if len(held) > 1 else ""
        raise BadInput(f"{name} is not empty: it holds {quoted(held[0], 80)}{more}; "
                       "nothing is overwritten, so give a new directory")


def _files(chosen: Template) -> dict[str, str]:
    """The text of each file, by its path; the program generates the machine file."""
    from prgcore.wire.machine_file import dumps

    machine = import_module(f"prgcore.template.{chosen.module}").MACHINE
    template = files("prgcore").joinpath("template")
    written = {to: template.joinpath(name).read_text("utf-8")
               for name, to in chosen.copied.items()}
    workflow = chosen.copied[WORKFLOW]
    written[workflow] = written[workflow].replace(TEMPLATES[PAIR].program, chosen.program)
    return dict(sorted({**written, "machine.json": dumps(machine)}.items()))


def _write(where: Path, written: Mapping[str, str]) -> None:
    """Write all files, or none.

    Raises:
        BadInput: a file cannot be written; those written before it are removed.
    """
    with ExitStack() as undo:
        for name, text in written.items():
            file = where / name
            for parent in reversed(file.parents):
                if where in (parent, *parent.parents):
                    _make(parent, undo)
            output.write_file(file, text, new=True)
            undo.callback(_forget, file.unlink)
        undo.pop_all()


def _forget(remove: Callable[[], None]) -> None:
    """Remove the files and folders that were made; files of others stay."""
    with suppress(OSError):
        remove()


def _make(directory: Path, undo: ExitStack) -> None:
    try:
        if not directory.is_dir():
            directory.mkdir()
            undo.callback(_forget, directory.rmdir)
    except (OSError, ValueError) as error:
        name = quoted(str(directory))
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot make {name}: {reason}") from None
