"""The commands, gathered. Each is documented by its own help."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any

from prgcore.errors import MissingExtra

try:
    import typer
    from typer.main import get_command
except ModuleNotFoundError:
    raise MissingExtra("the command line", "cli") from None

FIRST = """\
What to try first:

  prgcore prove                      prove every promise of the machine
  prgcore explain --node1 "Failed Over / Initialization" \\
                  --node2 "Running in Backup Mode / Critical Service Down"
  prgcore step "enable_ha"           one event, and what the machine decides
  prgcore explore                    step through the machine in a browser
  prgcore diagram matrix             which states can meet, and why not the others
  prgcore init mine                  a small machine of your own, with its proofs
  prgcore COMMAND --help             more about a command
"""

CODES = """\b
Exit codes:
  0  answered, all good
  1  something is refuted or invalid
  2  usage, or input that cannot be read
  3  unknown, or a budget is exhausted
  4  two checkers disagree, or a proof is vacuous
 70  a bug of prgcore: please report it (PRGCORE_TRACEBACK=1 says where)
130  interrupted
141  the reader went away
"""

def _version(asked: bool) -> None:
    if asked:
        from prgcore import __version__
        from prgcore.cli.output import write

        write(f"prgcore {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", callback=_version, is_eager=True,
                           help="Print the version."),
    ] = False,
) -> None:
    """A high-availability pair engine: every rule is data, every promise is proved."""
    if context.invoked_subcommand is None:
        from prgcore.cli.output import write

        write(context.get_help().rstrip() + "\n\n" + FIRST)


MODULES = {
    "prove": "proofs", "machine": "machines", "diagram": "pictures", "step": "steps",
    "simulate": "steps", "conform": "conform", "explain": "questions", "available": "questions",
    "why-not": "questions", "plan": "questions", "users": "users", "timing": "timing",
    "diff": "compare", "explore": "explore", "init": "starting", "agent": "agent", "log": "log",
    "ha": "ha", "config": "configuration",
}
"""The module of every command, in the order in which they are listed."""


def parser(arguments: Sequence[str]) -> Any:
    """The parser of a command line: of its command alone where it names one, for that is faster."""
    return _parser(arguments[0] if arguments and arguments[0] in MODULES else "")


@cache
def _parser(command: str) -> Any:
    names = [MODULES[command]] if command else list(dict.fromkeys(MODULES.values()))
    app = typer.Typer(
        name="prgcore", rich_markup_mode=None, pretty_exceptions_enable=False, epilog=CODES,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(invoke_without_command=True)(root)
    for name in names:
        import_module(f"prgcore.cli.{name}").register(app)
    return get_command(app)
