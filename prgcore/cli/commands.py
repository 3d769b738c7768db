"""Commands: a signature defines a command's arguments and options, and Click does the rest.

Law: it knows no particular command. Click parses, words its errors and completes. This module only
reads signatures, and adds the arguments to the help (`docs/decisions/0015`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import click
from click.exceptions import Exit

from prgcore.errors import BadInput
from prgcore.words import listed, quoted

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["Argument", "Command", "Exit", "Group", "Option", "examples"]


class Argument:
    """An argument of a signature: `Annotated[str, Argument(metavar="FILE", help="A story.")]`.

    Attributes:
        metavar: its name in the usage line, bare or in brackets.
        help: one sentence.
        show_default: whether the help shows the default.
    """

    def __init__(self, *, metavar: str, help: str, show_default: bool = True) -> None:  # noqa: A002
        self.metavar, self.help, self.show_default = metavar, help, show_default

    def parameter(self, name: str, kind: dict[str, Any]) -> click.Parameter:
        """Click's parameter for it."""
        many = kind.pop("multiple")
        made = _Argument([name], metavar=self.metavar, nargs=-1 if many else 1, **kind)
        made.says, made.show_default = self.help, self.show_default
        return made


class Option:
    """An option in a signature: `Annotated[str | None, Option("--output", "-o", metavar="FILE")]`.

    Attributes:
        names: its names; `--yes/--no` names both answers of a flag.
        metavar: the name of its value in the help; by default its type.
        help: one sentence.
        show_default: whether the help shows the default.
        min, max: the range of a number; both or neither.
        callback: checks its value, and returns the one to use.
        reads: makes a value of the text that is given; `BadInput` says what is wrong with it.
        autocompletion: returns the values that begin with a text.
    """

    def __init__(
        self, *names: str, metavar: str | None = None, help: str = "",  # noqa: A002
        show_default: bool = True, min: float | None = None, max: float | None = None,  # noqa: A002
        callback: Callable[[Any], Any] | None = None,
        reads: Callable[[str], Any] | None = None,
        autocompletion: Callable[[str], Iterator[str]] | None = None,
    ) -> None:
        self.names, self.metavar, self.help, self.show_default = names, metavar, help, show_default
        self.min, self.max = min, max
        self.callback, self.autocompletion, self.reads = callback, autocompletion, reads

    def parameter(self, name: str, kind: dict[str, Any]) -> click.Parameter:
        """Click's parameter for it."""
        flag = kind["type"] is bool
        if self.min is not None:
            kind["type"] = _RANGES[kind["type"]](self.min, self.max)
        if self.reads is not None:
            kind["type"] = _Read(self.reads)
        return click.Option(
            [*self.names, name], metavar=self.metavar, help=self.help,
            show_default=self.show_default and not flag and kind.get("default") is not None,
            is_flag=flag,
            callback=self._checked, shell_complete=self._completed, **kind)

    def _checked(self, _context: click.Context, _one: click.Parameter, value: Any) -> Any:
        return value if self.callback is None else self.callback(value)

    def _completed(self, _context: click.Context, _one: click.Parameter, begun: str) -> list[str]:
        return list(self.autocompletion(begun)) if self.autocompletion is not None else []


_RANGES: dict[type, Callable[..., click.ParamType[Any]]] = {
    int: click.IntRange, float: click.FloatRange}


class _Read(click.ParamType[Any]):
    """A value that a function makes of the text."""

    name = "text"

    def __init__(self, reads: Callable[[str], Any]) -> None:
        self.reads = reads

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None,
    ) -> Any:
        """The value; a default is one already."""
        if not isinstance(value, str):
            return value
        try:
            return self.reads(value)
        except BadInput as error:
            self.fail(str(error), param, ctx)


class _Argument(click.Argument):
    """An argument with a help sentence, which Click's arguments lack."""

    says = ""
    show_default = True

    def make_metavar(self, ctx: click.Context) -> str:  # noqa: ARG002
        """Its name in the usage line; in brackets if it is written so, or optional."""
        metavar = str(self.metavar)
        if metavar.startswith("["):
            return metavar
        return f"{{{metavar}}}" if self.required else f"[{metavar}]"

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:  # noqa: ARG002
        """Its name, and its help sentence with the default."""
        shows = self.show_default and not self.required and self.default not in (None, ())
        extra = [f"default: {self.default}"] * shows + ["required"] * self.required
        return str(self.metavar), self.says + (f"  [{'; '.join(extra)}]" if extra else "")

    def get_error_hint(self, ctx: click.Context | None) -> str:  # noqa: ARG002
        """Its name in a message."""
        return repr(self.metavar)


class Command(click.Command):
    """A function as a command: `group.command(epilog="...")(function)`.

    Attributes:
        below: more commands, each named by the first word after this one. Any other first word is
            an argument or option of this command.
    """

    def __init__(
        self, name: str, callback: Callable[..., None], *,
        below: Mapping[str, click.Command] | None = None, **says: Any,
    ) -> None:
        says |= {"params": list(_parameters(callback)), "context_settings": SETTINGS}
        super().__init__(name, callback=_listed(callback), **says)
        self.below = dict(below or {})

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """The context of this command, or of the command below it that the first word names."""
        found = self.below.get(args[0]) if args else None
        if found is None:
            return super().make_context(info_name, args, parent, **extra)
        return found.make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What a shell offers next: the commands below this one too."""
        from click.shell_completion import CompletionItem  # only a shell asks

        names = [CompletionItem(name) for name in self.below if name.startswith(incomplete)]
        return names + super().shell_complete(ctx, incomplete)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; a usage error names the command whose help to read."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the arguments and the options of the help."""
        rows = [p.get_help_record(ctx) for p in self.get_params(ctx) if isinstance(p, _Argument)]
        if rows:
            with formatter.section("Arguments"):
                formatter.write_dl(rows)
        super().format_options(ctx, formatter)
        if self.below:
            with formatter.section("Commands"):
                formatter.write_dl(
                    [(name, one.get_short_help_str(60)) for name, one in self.below.items()])


def _parameters(function: Callable[..., None]) -> Iterator[click.Parameter]:
    """Yield the parameters of a function as Click's."""
    for name, one in signature(function, eval_str=True).parameters.items():
        assert get_origin(one.annotation) is Annotated, f"BUG: {name} is not annotated"
        type_, says = get_args(one.annotation)
        kinds = [kind for kind in get_args(type_) if kind is not type(None)]
        kind = type_ if get_origin(type_) is list or not kinds else kinds[0]
        many = get_origin(kind) is list
        required = one.default is one.empty
        read: dict[str, Any] = {
            "type": get_args(kind)[0] if many else kind, "multiple": many, "required": required}
        if not required:
            read["default"] = one.default
        yield says.parameter(name, read)


def _listed(function: Callable[..., None]) -> Callable[..., None]:
    """The function, called with a list for several values, and with None for no value."""
    def call(**values: Any) -> None:
        function(**{
            name: (list(value) or None) if isinstance(value, tuple) else value
            for name, value in values.items()})

    return call


class Group(click.Group):
    """Commands under one word; the word alone prints its help.

    Attributes:
        homes: commands that are loaded on demand, in the order of the help: each with the module
            whose `register` adds it.
        after: the text after the help, if no command is named.
    """

    command_class = Command

    def __init__(
        self, name: str, says: str, epilog: str = "", *, after: str = "",
        homes: Mapping[str, str] | None = None, options: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(
            name, help=says, epilog=epilog, params=list(options), context_settings=SETTINGS,
            invoke_without_command=True, subcommand_metavar="COMMAND [ARGS]...", callback=self._alone)
        self.homes, self.after = dict(homes or {}), after

    def _alone(self) -> None:
        context = click.get_current_context()
        if context.invoked_subcommand is None:
            click.echo(context.get_help().rstrip() + self.after)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of its commands, in order."""
        return list(dict.fromkeys([*self.homes, *self.commands]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of this name, whose module is loaded now; None if there is none."""
        if cmd_name in self.homes and cmd_name not in self.commands:
            import_module(self.homes[cmd_name]).register(self)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command for the first word; the error for an unknown word names similar commands."""
        if not self.get_command(ctx, args[0]) and not ctx.resilient_parsing and args[0][:1] != "-":
            from difflib import get_close_matches

            near = get_close_matches(args[0], self.list_commands(ctx))
            hint = f". Did you mean {listed(map(repr, near))}?" if near else ""
            raise click.UsageError(f"No such command {quoted(args[0])}{hint}", ctx)
        return super().resolve_command(ctx, args)


SETTINGS = {"help_option_names": ["-h", "--help"]}
"""The options for help that every command has."""


def examples(*lines: str) -> str:
    """Examples for the end of a command's help, printed unchanged."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
