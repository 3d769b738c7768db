"""The options that say where blocks run: `--workers` and `--scheduler`, for every command that has them.

Law: words become a `Where` here and nothing else is done; `prgcore.fleet.blocks` runs the blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from prgcore.cli.commands import Option

if TYPE_CHECKING:
    from prgcore.fleet.blocks import Where

__all__ = ["Scheduler", "Workers", "chosen"]

Workers = Annotated[
    int | None,
    Option("--workers", metavar="N", help="Run in so many processes; 1 is this one. By default as "
           "many as there are cores, once they save time. No figure depends on it."),
]
Scheduler = Annotated[
    str | None,
    Option("--scheduler", metavar="ADDRESS", help="Run on the workers of this Dask scheduler, as in "
           "tcp://HOST:8786. It runs whatever it is sent: use one that you trust."),
]


def chosen(workers: int | None, scheduler: str | None) -> Where:
    """Where these options let blocks run.

    Raises:
        BadInput: a number or an address that cannot be, or both options.
    """
    from prgcore.fleet.blocks import Where

    return Where(workers, scheduler)
