"""All commands. Each has its own help; its module is loaded when the command is named."""

from __future__ import annotations

from collections.abc import Callable

import click

from prgcore.cli.commands import Group

__all__ = ["MODULES", "ROOT"]

FIRST = """


What to try first:

  prgcore prove                      prove every promise of the machine
  prgcore explain --node1 "Failed Over / Initialization" \\
                  --node2 "Running in Backup Mode / Critical Service Down"
  prgcore step "enable_ha"           one event, and what the machine decides
  prgcore explore                    step through the machine in a browser
  prgcore diagram matrix             which states can meet, and why not the others
  prgcore init mine                  a small machine of your own, with its proofs
  prgcore example                    programs that embed it, and two real nodes
  prgcore COMMAND --help             more about a command
"""

CODES = """\b
Exit codes:
  0  answered, all good
  1  something is refuted, invalid or not explained
  2  usage, or input that cannot be read
  3  unknown, or a budget is exhausted
  4  two checkers disagree, or a proof is vacuous
 70  a bug of prgcore: please report it (PRGCORE_TRACEBACK=1 says where)
130  interrupted
141  the reader went away
"""

MODULES = {
    "prove": "proofs", "recheck": "certifying", "machine": "machines", "diagram": "pictures", "step": "steps",
    "simulate": "steps", "conform": "conform", "explain": "questions", "available": "questions",
    "why-not": "questions", "plan": "questions", "users": "users", "timing": "timing", "availability": "availability", "arbiter": "arbiters",
    "diff": "compare", "explore": "explore", "export": "exporting", "init": "starting", "example": "starting",
    "agent": "agent", "key": "keys", "simulate-agents": "worlds", "simulate-fleet": "fleet_year", "log": "log", "ha": "ha", "config": "configuration",
    "fleet": "fleets",
}
"""The module of every command, in the order of the help."""


def _acts(name: str, says: str, act: Callable[[], None]) -> click.Option:
    """An option that acts instead of a command."""
    def call(context: click.Context, _: click.Parameter, asked: bool) -> None:
        if asked and not context.resilient_parsing:
            act()
            context.exit()

    return click.Option(
        [name], is_flag=True, is_eager=True, expose_value=False, callback=call, help=says)


def _version() -> None:
    from prgcore import __version__

    click.echo(f"prgcore {__version__}")


def _install() -> None:
    from prgcore.cli.completion import install

    install()


def _show() -> None:
    from prgcore.cli.completion import show

    show()


ROOT = Group(
    "prgcore", "A high-availability pair engine: every rule is data, every promise is proved.",
    CODES, after=FIRST, homes={name: f"prgcore.cli.{home}" for name, home in MODULES.items()},
    options=[
        _acts("--version", "Print the version.", _version),
        _acts("--install-completion", "Install completion for the current shell.", _install),
        _acts("--show-completion", "Show completion for the current shell, to copy it or "
              "customize the installation.", _show),
    ],
)
"""The command line."""
