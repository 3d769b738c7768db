"""Years of many pairs in blocks, here or in other processes: all choices of one world together.

Law: it cuts and joins. Each process makes the moves of every choice once, from the machine file and
the worlds, so only these are sent. A lane's year is the same wherever it is simulated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

from prgcore.errors import BadInput
from prgcore.fleet.blocks import SERIAL, Block, Given, Where, blocks_of, run
from prgcore.machine import Machine
from prgcore.outage.choices import Choice
from prgcore.outage.fleets import Worlds
from prgcore.outage.moves import Moves
from prgcore.outage.outcome import Outcome
from prgcore.outage.rates import World
from prgcore.outage.year import YEAR, simulate
from prgcore.wire import machine_file

__all__ = ["SIZE", "years_of_all"]

SIZE = 4096
"""How many lanes a block has: enough to step together, a second or two for each choice."""

SEARCH = 3.0
"""About how many seconds a process searches a machine, and makes the moves of the first world."""


def years_of_all(
    worlds: Worlds, choices: Sequence[Choice], pairs: int, years: float, seed: int, *,
    where: Where = SERIAL, size: int = SIZE, progress: Callable[[int, int], object] | None = None,
) -> list[Outcome]:
    """The outcome of so many pairs in a world, and of the same pairs with each choice.

    Args:
        worlds: the world, and its machine.
        choices: the others.
        pairs: how many.
        years: for how long.
        seed: a whole number.
        where: where the blocks are simulated; no figure depends on it.
        size: how many pairs a block has; no figure depends on it.
        progress: called with the pairs that are done in all worlds, and with all of them.

    Returns:
        The outcome of the world, then one for each choice.

    Raises:
        BadInput: no pairs, or a number is out of its range.
        MissingExtra, Unavailable: as `prgcore.fleet.blocks.run`.
    """
    blocks = blocks_of(pairs, size)
    if not blocks:
        raise BadInput("0 pairs: expected at least one")

    def report(_: str, done: int, __: int) -> None:
        if progress is not None:
            progress(min(done * size, pairs), pairs)

    all_ = (worlds.moves.world, *(choice.world for choice in choices))

    def here() -> tuple[Moves, ...]:
        return (worlds.moves, *(worlds.other(choice) for choice in choices))

    given = Given(_made, (machine_file.dumps(worlds.engine.model), all_), here=here, cost=SEARCH)
    parts = list(run(partial(_years, seed, years * YEAR), blocks, given=given, where=where,
                     progress=report))
    return [Outcome.merged(column) for column in zip(*parts, strict=True)]


def _years(seed: int, horizon: float, block: Block, every: tuple[Moves, ...]) -> tuple[Outcome, ...]:
    """A block in every world."""
    return tuple(simulate(made, block, seed, horizon=horizon) for made in every)


def _made(text: str, every: tuple[World, ...]) -> tuple[Moves, ...]:
    """The moves of worlds, of which the first is what the others are choices of."""
    worlds = Worlds(_machine(text), every[0])
    return (worlds.moves, *(worlds.other(Choice("", "", world)) for world in every[1:]))


@lru_cache(maxsize=1)
def _machine(text: str) -> Machine:
    return Machine(machine_file.load(text))
