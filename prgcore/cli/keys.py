"""`key`: a new random key, which the agents of a group share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Group, examples
from prgcore.errors import BadInput

NEXT = ("Copy it to the other host, beside its group file, and keep its mode. Both group files\n"
        'name it:\n  [security]\n  key = "{name}"')


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples("prgcore key pair.key"))(key)


def key(
    file: Annotated[
        Path, Argument(metavar="FILE", show_default=False, help="A new file for the key.")],
    *,
    as_json: inputs.Json = False,
) -> None:
    """Write a new random key for the agents of a group.

    Only you can read the file (mode 600). A program that has it can command the group,
    so copy it to the other host by a way that nobody else reads, such as scp.
    """
    from prgcore.running.keyfile import write_key

    if file == Path("-"):
        raise BadInput("a key is not printed; name a new file for it, as pair.key")
    write_key(file)
    if as_json:
        output.write_json({"file": str(file)})
        return
    output.write(f"wrote {file}\n\n{NEXT.format(name=file.name)}")
