"""The help of a command, as a page of text. Law: text out; knows no command."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from shutil import get_terminal_size
from textwrap import shorten, wrap

from prgcore.cli.commands import Argument, Command, Group, Option, Parameter

__all__ = ["page", "short"]

_WIDEST, _NARROWEST = 80, 50
_MARGIN = 2
_LONGEST_NAME = 30
"""What is longer has its text on the lines below."""


def page(command: Command, path: str, width: int | None = None) -> str:
    """The help of a command.

    Args:
        command: the command, or a group.
        path: the words that call it.
        width: how wide the page is; not given, a little less than the terminal and 80 columns.
    """
    if width is None:
        width = max(min(get_terminal_size().columns, _WIDEST) - _MARGIN, _NARROWEST)
    arguments = [p for p in command.parameters if isinstance(p.says, Argument)]
    options = [p for p in command.parameters if isinstance(p.says, Option)]
    usage = " ".join(["[OPTIONS]", *map(_usage, arguments),
                      *(["COMMAND [ARGS]..."] if isinstance(command, Group) else [])])
    parts = [
        _filled(usage, width, f"Usage: {path} ", " " * len(f"Usage: {path} ")),
        list(_paragraphs(cleandoc(command.help), width)),
        _section("Arguments", ((p.says.metavar, _says(p)) for p in arguments
                               if isinstance(p.says, Argument)), width),
        _section("Options", ((_names(p), _says(p)) for p in options), width),
    ]
    if isinstance(command, Group):
        room = width - 6 - max(map(len, command.names))
        parts.append(_section(
            "Commands", ((n, short(c, room)) for n, c in command.commands.items()), width))
    if command.epilog:
        parts.append(list(_paragraphs(cleandoc(command.epilog), width)))
    return "\n\n".join("\n".join(part) for part in parts if part)


def short(command: Command, room: int) -> str:
    """The first sentence of a command's help, cut where it is longer than this."""
    first = re.split(r"(?<=\.)\s", " ".join(cleandoc(command.help).partition("\n\n")[0].split()))[0]
    return shorten(first, room, placeholder="...")


def _usage(argument: Parameter) -> str:
    metavar = argument.says.metavar
    if metavar.startswith("["):
        return metavar
    return f"{{{metavar}}}" if argument.required else f"[{metavar}]"


def _names(option: Parameter) -> str:
    assert isinstance(option.says, Option), "BUG: an argument has no names"
    names = ", ".join(sorted(option.says.names, key=lambda name: name.startswith("--")))
    if option.says.off:
        names += " / " + ", ".join(option.says.off)
    return names if option.flag else f"{names} {option.says.metavar or f'<{option.type.__name__}>'}"


def _says(parameter: Parameter) -> str:
    """A parameter's sentence with its default and its range."""
    says, extra = parameter.says, []
    if says.show_default and not parameter.required and not parameter.flag \
            and parameter.default is not None:
        extra.append(f"default: {parameter.default}")
    if parameter.limits:
        extra.append(parameter.limits)
    if parameter.required:
        extra.append("required")
    return says.help + (f"  [{'; '.join(extra)}]" if extra else "")


def _section(title: str, rows: Iterable[tuple[str, str]], width: int) -> list[str]:
    """A title, and names with their texts beside them."""
    listed = list(rows)
    if not listed:
        return []
    first = min(max(len(name) for name, _ in listed), _LONGEST_NAME) + 2
    lines = [f"{title}:"]
    for name, text in listed:
        said = _filled(text, max(width - first - 2, 10))
        if len(name) > first - 2:
            lines.append(f"  {name}")
            lines += [" " * (first + 2) + line for line in said]
        else:
            lines.append(f"  {name:{first}}{said[0]}")
            lines += [" " * (first + 2) + line for line in said[1:]]
    return lines


def _paragraphs(text: str, width: int) -> Iterator[str]:
    """Paragraphs filled, an empty line between; one after a line of a backspace as it stands."""
    for number, paragraph in enumerate(re.split(r"\n{2,}", text.strip("\n"))):
        if number:
            yield ""
        lines = paragraph.split("\n")
        if lines[0].strip() == "\b":
            yield from (f"  {line}" for line in lines[1:])
        else:
            yield from _filled(" ".join(lines), width, "  ", "  ")


def _filled(text: str, width: int, first: str = "", later: str = "") -> list[str]:
    return wrap(text, width, initial_indent=first, subsequent_indent=later,
                replace_whitespace=False)
