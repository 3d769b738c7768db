"""`agent --init` and `agent --check`: a group file and a unit of systemd, and whether they will do.

Law: `--init` writes into a new or empty folder, all files or none. `--check` writes nothing.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from importlib.resources import files
from pathlib import Path

from prgcore.cli import output
from prgcore.cli.starting import fill
from prgcore.errors import BadInput
from prgcore.words import counted, one_line

__all__ = ["check", "init", "unit"]

UNIT = "prgcore@.service"
KEY = "pair.key"


def init(directory: str) -> None:
    """Write a group file, its key and a unit of systemd, and say what to do next.

    Raises:
        BadInput: the directory is not new or empty, or a file cannot be written.
    """
    from prgcore.running.keyfile import write_key

    where = Path(directory)
    fill(directory, {"group.toml": _template("group.toml"), UNIT: unit(where.absolute())})
    write_key(where / KEY)
    enter = one_line(shlex.quote(directory), 120)
    output.write("\n".join([
        f"wrote group.toml, {KEY}, {UNIT}", "", "Next:",
        *([] if where == Path() else [f"  cd {enter}"]),
        "  edit group.toml: the store, the addresses, your services, your hooks",
        "  copy the folder to the other computer; the key keeps its mode with scp -p",
        "  prgcore agent --check group.toml",
        "  prgcore agent group.toml one --new     the first start; Ctrl-C ends it",
        "", "Then, on each computer, with the name of its node:",
        f"  sudo cp {UNIT} /etc/systemd/system/",
        "  sudo systemctl enable --now prgcore@one",
        "  systemctl reload prgcore@one            after a change of group.toml",
    ]))


def _template(name: str) -> str:
    return files("prgcore").joinpath("template", name).read_text("utf-8")


def unit(where: Path) -> str:
    """The unit of systemd for agents whose group file is in this directory.

    Raises:
        BadInput: a unit cannot have its name.
    """
    if not str(where).isprintable():
        raise BadInput(f"{str(where)[:120]!r} has a character that a unit of systemd cannot have; "
                       "choose another directory")
    found = shutil.which("prgcore")
    program = [str(Path(found).absolute())] if found else [sys.executable, "-m", "prgcore"]
    words = {"@FOLDER@": _escaped(str(where)), "@FILE@": _quoted(str(where / "group.toml")),
             "@PROGRAM@": " ".join(map(_quoted, program))}
    text = _template("agent.service")
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word of a command in a unit."""
    text = _escaped(text).replace("$", "$$")
    if not set(text) & set(" \"'\\;"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def check(file: Path, node: str) -> int:
    """Print what would keep an agent from running well; return the exit code.

    Raises:
        BadInput: the group file is wrong, or has no such node.
    """
    from prgcore.cli.live import group_of
    from prgcore.running.checking import findings

    group = group_of(file)
    found = list(findings(group, node))
    for one in found:
        output.write(output.line(str(one), sys.stdout, rest="  ", longest=700))
    errors = sum(one.kind == "error" for one in found)
    if errors:
        output.write(f"{file.name}: {counted(errors, 'error')}")
        return 1
    output.write(f"{file.name}: an agent can run here")
    return 0
