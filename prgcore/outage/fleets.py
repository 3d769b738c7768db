"""Years of a fleet: the same lanes in a world and in others, which share one search.

Law: it puts together. `prgcore.outage.year` runs a lane, which depends on its number and the seed
alone.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from attrs import evolve

from prgcore.engine import Engine
from prgcore.outage.choices import Choice
from prgcore.outage.moves import Moves, moves
from prgcore.outage.outcome import Outcome
from prgcore.outage.rates import World
from prgcore.outage.year import YEAR, simulate
from prgcore.prove.space import search

__all__ = ["Worlds"]

_space = lru_cache(maxsize=1)(search)
"""One machine is searched once, however many worlds of it are asked for."""


class Worlds:
    """The moves of a world, and the search that it shares with other choices.

    Attributes:
        engine: the machine.
        moves: the moves of the world.
    """

    def __init__(self, engine: Engine, world: World) -> None:
        self.engine = engine
        self._space = _space(engine.model)
        self.moves = moves(engine, world, self._space)

    def other(self, choice: Choice) -> Moves:
        """The moves of another choice; the same pairs where only clients differ."""
        world, mine = choice.world, self.moves.world
        if (world.rates, world.episodes, world.parameters, world.begins) == (
                mine.rates, mine.episodes, mine.parameters, mine.begins):
            return evolve(self.moves, world=world)
        return moves(self.engine, world, self._space)

    def years(
        self, made: Moves, pairs: int, years: float, seed: int,
        progress: Callable[[int, int], object] | None = None,
    ) -> Outcome:
        """The outcome of so many pairs in so many years.

        Args:
            made: the moves, of this world or of another choice.
            pairs: how many.
            years: for how long.
            seed: a whole number.
            progress: called with the pairs that are done, and all of them.
        """
        done = 0

        def report(count: int) -> None:
            nonlocal done
            done += count
            if progress is not None:
                progress(done, pairs)

        return simulate(made, pairs, seed, horizon=years * YEAR, progress=report)
