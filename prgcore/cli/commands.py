"""Commands as data: what a command takes is read from its signature, and words become a call.

Law: knows no command of ours, prints nothing but what an option says of itself, and imports
little of the standard library and nothing else: it is loaded before any command is
(`docs/decisions/0015`). Words are read as Click reads them; a test compares both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any, get_args, get_origin

__all__ = ["Argument", "Command", "Exit", "Group", "Option", "Parameter", "UsageError", "examples"]


class Exit(Exception):
    """Ends a command with this exit code."""

    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


class UsageError(Exception):
    """The words do not fit the command at `path`."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path


class Argument:
    """In a signature: `Annotated[str, Argument(metavar="FILE", help="A story, or -.")]`.

    Attributes:
        metavar: how the usage line names it; in brackets or bare.
        help: a sentence.
        show_default: whether the help says the default.
    """

    def __init__(self, *, metavar: str, help: str, show_default: bool = True) -> None:  # noqa: A002
        self.metavar, self.help, self.show_default = metavar, help, show_default


class Option:
    """In a signature: `Annotated[str | None, Option("--output", "-o", metavar="FILE")]`.

    Attributes:
        names: its names; `--yes/--no` names both answers of a flag.
        metavar: how the help names its value; the type if not given.
        help: a sentence.
        show_default: whether the help says the default.
        min, max: the range of a number, both given or neither.
        callback: checks a value that is given, and answers what to take for it.
        autocompletion: the values that begin as this text does.
        act: what is done at once, in place of the command, where the option is given.
    """

    def __init__(
        self, *names: str, metavar: str = "", help: str = "", show_default: bool = True,  # noqa: A002
        min: float | None = None, max: float | None = None,  # noqa: A002
        callback: Callable[[Any], Any] | None = None,
        autocompletion: Callable[[str], Iterator[str]] | None = None,
        act: Callable[[], None] | None = None,
    ) -> None:
        both = [name.partition("/") for name in names]
        self.names = [yes for yes, _, _ in both]
        self.off = [no for _, _, no in both if no]
        self.metavar, self.help, self.show_default = metavar, help, show_default
        self.min, self.max = min, max
        self.callback, self.autocompletion, self.act = callback, autocompletion, act


class Parameter:
    """An option or an argument of a command, with the type that its values have."""

    def __init__(self, name: str, says: Argument | Option, type_: Any, default: Any) -> None:
        self.name, self.says = name, says
        self.default, self.required = default, default is _NOTHING
        kinds = [one for one in get_args(type_) if one is not type(None)]
        kind = type_ if get_origin(type_) is list or not kinds else kinds[0]
        self.many = get_origin(kind) is list
        self.type: type = get_args(kind)[0] if self.many else kind

    @property
    def flag(self) -> bool:
        """Whether it is an option without a value."""
        return self.type is bool

    @property
    def spelt(self) -> str:
        """How a message names it: `'--state' / '-s'`, `'FILE'`."""
        says = self.says
        if isinstance(says, Argument):
            return repr(says.metavar)
        return " / ".join(map(repr, [*says.names, *says.off]))

    @property
    def limits(self) -> str:
        """The range of its numbers, "" where there is none."""
        says = self.says
        ranged = isinstance(says, Option) and says.min is not None
        return f"{says.min}<=x<={says.max}" if isinstance(says, Option) and ranged else ""

    def value(self, given: list[str | bool], path: str) -> Any:
        """What the words for it mean.

        Raises:
            UsageError: they are not of its type, or not in its range.
        """
        values = [self._one(word, path) for word in (given if self.many else given[-1:])]
        return values if self.many else values[0]

    def _one(self, word: str | bool, path: str) -> Any:
        says = self.says
        try:
            value = self.type(word)
        except ValueError:
            kind = self.type.__name__ + (" range" if self.limits else "")
            raise UsageError(
                f"Invalid value for {self.spelt}: {word!r} is not a valid {kind}", path) from None
        if not isinstance(says, Option):
            return value
        if says.min is not None and says.max is not None and (value < says.min or value > says.max):
            raise UsageError(f"Invalid value for {self.spelt}: {value} is not in the range "
                             f"{self.limits}", path)
        return value if says.callback is None else says.callback(value)


_NOTHING = object()
"""The default of what must be given."""


class Command:
    """One command: a function, and what of a line of words its parameters are.

    Attributes:
        name: the word for it.
        help: paragraphs; a paragraph that begins with a line of a backspace stands as it is.
        epilog: paragraphs at the end of its help.
        parameters: its options and arguments, in the order of its help.
    """

    def __init__(self, name: str, function: Callable[..., None], epilog: str = "") -> None:
        self.name, self.function, self.epilog = name, function, epilog
        self.help = function.__doc__ or ""
        self._parameters: list[Parameter] = []

    @property
    def parameters(self) -> list[Parameter]:
        """Its options and arguments; read from the signature when they are first asked for."""
        if not self._parameters:
            from inspect import Parameter as Named
            from inspect import signature

            for name, one in signature(self.function, eval_str=True).parameters.items():
                assert get_origin(one.annotation) is Annotated, f"BUG: {name} is not annotated"
                type_, says = get_args(one.annotation)
                default = _NOTHING if one.default is Named.empty else one.default
                self._parameters.append(Parameter(name, says, type_, default))
            self._parameters.append(HELP)
        return self._parameters

    def option(self, name: str) -> Parameter | None:
        """The option of this name."""
        return next((p for p in self.parameters if isinstance(p.says, Option)
                     and name in (*p.says.names, *p.says.off)), None)

    def run(self, words: Sequence[str], path: str) -> None:
        """Run it as these words say.

        Raises:
            UsageError: they do not fit.
            Exit: the command ends with an exit code.
        """
        given, rest = self.read(words, path)
        if self.act(given, path):
            return
        arguments = [p for p in self.parameters if isinstance(p.says, Argument)]
        for at, argument in enumerate(arguments):
            after = len(arguments) - at - 1
            taken = max(len(rest) - after, 0) if argument.many else 1
            given |= {argument: list(rest[:taken])} if rest[:taken] else {}
            rest = rest[taken:]
            if argument.required and argument not in given:
                self._convert(given, path)
                raise UsageError(f"Missing argument {argument.spelt}", path)
        values = self._convert(given, path)
        if rest:
            raise UsageError(f"Got unexpected extra argument(s) ({' '.join(rest)})", path)
        self.function(**values)

    def _convert(self, given: Mapping[Parameter, list[str | bool]], path: str) -> dict[str, Any]:
        """The value of every parameter; those that are given first, in their order."""
        values = {p.name: p.value(words, path) for p, words in given.items()}
        return {p.name: values.get(p.name, p.default) for p in self.parameters if p is not HELP}

    def act(self, given: Mapping[Parameter, list[str | bool]], path: str) -> bool:
        """Do what the first option says that is done in place of the command, if there is one."""
        for parameter in given:
            if parameter is HELP:
                from prgcore.cli.help import page

                print(page(self, path))  # noqa: T201, help is asked for
                return True
            if isinstance(parameter.says, Option) and parameter.says.act is not None:
                parameter.says.act()
                return True
        return False

    def read(
        self, words: Sequence[str], path: str, *, stops: bool = False
    ) -> tuple[dict[Parameter, list[str | bool]], list[str]]:
        """The options among words, in the order in which they are given, and the other words.

        Args:
            words: the words after the name of the command.
            path: the words of the command, for messages.
            stops: whether options end where the first other word stands.

        Raises:
            UsageError: no such option, no value, or a value that it does not take.
        """
        given: dict[Parameter, list[str | bool]] = {}
        rest: list[str] = []
        queue = list(words)
        while queue:
            word = queue.pop(0)
            if word == "--":
                return given, rest + queue
            if len(word) < 2 or word[0] != "-":
                if stops:
                    return given, [word, *queue]
                rest.append(word)
                continue
            for name in self._names(word, queue, path):
                option = self.option(name)
                assert option is not None, f"BUG: {name} was found and is gone"
                assert isinstance(option.says, Option), f"BUG: {name} is no option"
                if option.flag:
                    given.setdefault(option, []).append(name in option.says.names)
                elif queue:
                    given.setdefault(option, []).append(queue.pop(0))
                else:
                    raise UsageError(f"Option {name!r} requires an argument", path)
        return given, rest

    def _names(self, word: str, queue: list[str], path: str) -> Iterator[str]:
        """The names of options in a word; a value in it goes to the front of the queue."""
        name, equals, value = word.partition("=")
        option = self.option(name) if len(name) > 2 else None
        if option is not None:
            if equals and option.flag:
                raise UsageError(f"Option {name!r} does not take a value", path)
            if equals:
                queue.insert(0, value)
            yield name
            return
        if word.startswith("--"):
            from difflib import get_close_matches

            known = [n for p in self.parameters if isinstance(p.says, Option)
                     for n in (*p.says.names, *p.says.off) if n.startswith("--")]
            near = ", ".join(sorted(get_close_matches(name, known)))
            raise UsageError(
                f"No such option: {name}" + (f" (Possible options: {near})" if near else ""), path)
        for at, letter in enumerate(word[1:], 2):
            option = self.option(f"-{letter}")
            if option is None:
                raise UsageError(f"No such option: -{letter}", path)
            if not option.flag and at < len(word):
                queue.insert(0, word[at:])
            yield f"-{letter}"
            if not option.flag:
                return


class Group(Command):
    """Commands under one word.

    Attributes:
        homes: commands that are not loaded before they are asked for: for each the module whose
            `register` adds it, in the order of the help.
    """

    def __init__(
        self, name: str, says: str, epilog: str = "", *, after: str = "",
        homes: Mapping[str, str] | None = None, options: Sequence[Parameter] = (),
    ) -> None:
        super().__init__(name, _alone, epilog)
        self.help, self.after, self.homes = says, after, dict(homes or {})
        self._parameters = [*options, HELP]
        self._commands: dict[str, Command] = {}

    @property
    def names(self) -> list[str]:
        """The words for its commands, in order."""
        return list(dict.fromkeys([*self.homes, *self._commands]))

    @property
    def commands(self) -> dict[str, Command]:
        """Its commands, all of them loaded."""
        return {name: self.find(name) for name in self.names}

    def find(self, name: str) -> Command:
        """The command of this name; its module is loaded now if it was not.

        Raises:
            KeyError: there is none.
        """
        if name not in self._commands:
            import_module(self.homes[name]).register(self)
        return self._commands[name]

    def command(
        self, name: str = "", *, epilog: str = ""
    ) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Add a function as a command: `group.command("why-not", epilog="...")(why_not)`."""
        def add(function: Callable[..., None]) -> Callable[..., None]:
            self.add(Command(name or function.__name__, function, epilog))
            return function

        return add

    def add(self, command: Command) -> None:
        """Add a command or a group."""
        self._commands[command.name] = command

    def run(self, words: Sequence[str], path: str) -> None:
        """Run one of its commands; without a word, print its help.

        Raises:
            UsageError, Exit: as a command does.
        """
        given, rest = self.read(words, path, stops=True)
        if self.act(given, path):
            return
        if not rest:
            from prgcore.cli.help import page

            print(page(self, path).rstrip() + self.after)  # noqa: T201, help is what is answered
            return
        if rest[0] not in self.names:
            from difflib import get_close_matches

            near = ", ".join(map(repr, get_close_matches(rest[0], self.names)))
            raise UsageError(f"No such command {rest[0]!r}"
                             + (f". Did you mean {near}?" if near else ""), path)
        self.find(rest[0]).run(rest[1:], f"{path} {rest[0]}")


def _alone() -> None:
    """A group does nothing of its own."""


HELP = Parameter("help", Option("-h", "--help", help="Show this message and exit."), bool, False)
"""Every command has it."""


def examples(*lines: str) -> str:
    """Lines for the end of a command's help, printed as they stand."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)
