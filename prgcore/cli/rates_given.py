"""The options of a world of rates, which `availability` and `simulate-fleet` share.

Law: words become a `World` here and nothing else is done; `prgcore.outage.rates` says what they mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs
from prgcore.cli.commands import Argument, Option
from prgcore.errors import BadInput
from prgcore.words import quoted

if TYPE_CHECKING:
    from prgcore.engine import Engine
    from prgcore.outage.rates import World

__all__ = ["AutomaticFallback", "Dual", "Example", "Rates", "Sets", "Users", "WorldFile", "given"]

AUTOMATIC = "enable_automatic_fallback"
"""The parameter that the option --automatic-fallback sets."""

WorldFile = Annotated[
    str | None,
    Argument(metavar="[WORLD.toml]", help="How often things break, and how long repairs take; "
             "--example prints one (- for standard input)."),
]
Rates = Annotated[
    list[str] | None,
    Option("--rate", metavar="EVENT=WORDS",
           help="How often an event happens or how long it takes, as in "
                "'services_down=every 30 days'. Repeatable."),
]
Sets = Annotated[
    list[str] | None,
    Option("--set", metavar="NAME=VALUE", help="A service parameter, by name or as the "
           "administration spells it. Repeatable."),
]
Users = Annotated[
    list[str] | None,
    Option("--users", metavar="GROUP=N", help="How many users have their home on a node, as in "
           "node1=5000. Repeatable."),
]
Dual = Annotated[
    bool, Option("--dual-connections", help="Clients keep a second connection to the backup."),
]
AutomaticFallback = Annotated[
    bool, Option("--automatic-fallback", help="A node that is healthy again takes its users back "
                 "by itself."),
]
Example = Annotated[
    bool, Option("--example", help="Print a world file with every rate and why, to change."),
]


def given(
    engine: Engine, file: str | None, rates: list[str] | None, sets: list[str] | None, *,
    users: list[str] | None = None, dual: bool = False, automatic: bool = False,
    logins: float | None = None,
) -> World:
    """The world that a command line names; its words go before those of the file.

    Raises:
        BadInput: the file, or a word.
    """
    from prgcore.outage.rates import read

    told: dict[str, Any] = {} if file is None else _file(file)
    words = inputs.assignments(sets, "--set")
    if automatic:
        from prgcore.timers.parameters import parameters_of

        if AUTOMATIC not in parameters_of(engine.model).records:
            raise BadInput(f"--automatic-fallback: {engine.model.name} has no {AUTOMATIC}; leave it out")
        words.setdefault(AUTOMATIC, "true")
    if users:
        counts = {name: _number(name, said)
                  for name, said in inputs.assignments(users, "--users").items()}
        told["users"] = {**_section(told, "users"), **counts}
    if dual or logins is not None:
        told["clients"] = {
            **_section(told, "clients"), **({"dual_connections": True} if dual else {}),
            **({} if logins is None else {"logins_per_second": logins})}
    return read(engine, told, inputs.assignments(rates, "--rate"), words)


def _section(told: dict[str, Any], name: str) -> dict[str, Any]:
    section = told.get(name, {})
    if not isinstance(section, dict):
        raise BadInput(f"[{name}]: expected a section of names and values")
    return section


def _file(file: str) -> dict[str, Any]:
    import tomllib

    text = inputs.read_text(file)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        named = "standard input" if file == "-" else quoted(file)
        raise BadInput(f"{named}: {str(error) or 'too deeply nested'!s:.200}; --example prints a "
                       "world file") from None


def _number(name: str, said: str) -> int:
    text = said.replace(",", "").replace("_", "")
    if not (text.isascii() and text.isdecimal() and len(text) <= 10):
        raise BadInput(f"--users {name[:60]}={said[:60]}: expected a whole number of users")
    return int(text)
