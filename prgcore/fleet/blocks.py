"""Blocks: work on many groups, cut into blocks, and run here or in other processes.

Law: a result depends on the blocks alone. Each block has a seed by its number, and results come in
the order of the blocks: how many processes there are, and which of them die, changes no digit.
Dask is in `prgcore.fleet.cluster`, and what a process keeps is in `prgcore.fleet.errands`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
from attrs import field, frozen

from prgcore.errors import BadInput, MissingExtra
from prgcore.fleet.errands import Errand, Given, compiled
from prgcore.model import Model
from prgcore.prove.compiled import Compiled
from prgcore.words import quoted

__all__ = ["AUTOMATIC", "SERIAL", "Block", "Given", "Progress", "Where", "added", "blocks_of",
           "machine_given", "run"]

T = TypeVar("T")
Progress = Callable[[str, int, int], None]
"""Called with what was done, how many blocks are done, and how many there are."""

MOST_WORKERS = 512
START = 3.0
"""Seconds until processes of this computer have begun: each of them imports numpy and Dask."""
TABLE = 3.0
"""Seconds in which a process makes the compiled table of the built-in machine."""
WORTH = 2.0
"""Processes start by themselves if they save this many times what their start costs."""


@frozen
class Block:
    """Some of the groups, numbered through all blocks.

    Attributes:
        number: its place among the blocks, from 0.
        first: the number of its first group.
        count: how many groups it has, at least 1.
        seed: the seed of all blocks.
    """

    number: int
    first: int
    count: int
    seed: int = 0

    @property
    def sequence(self) -> np.random.SeedSequence:
        """Its own seed: `SeedSequence(seed).spawn(...)[number]`, on every worker."""
        return np.random.SeedSequence(self.seed, spawn_key=(self.number,))

    def random(self) -> np.random.Generator:
        """A new generator (PCG64) at the beginning of its own stream."""
        return np.random.Generator(np.random.PCG64(self.sequence))

    def __str__(self) -> str:
        return f"block {self.number} (groups {self.first:,} to {self.first + self.count - 1:,})"


def blocks_of(total: int, size: int, seed: int = 0) -> tuple[Block, ...]:
    """The blocks of `total` groups: `size` groups each, and the rest in the last.

    Figures depend on the size, because each block has its own stream of chance.

    Raises:
        BadInput: a size below 1, a negative total, or a negative seed.
    """
    if size < 1 or total < 0 or seed < 0:
        raise BadInput(f"blocks of {size} of {total} groups with seed {seed}: expected a size of at "
                       "least 1, and no negative number")
    return tuple(Block(number, first, min(size, total - first), seed)
                 for number, first in enumerate(range(0, total, size)))


def machine_given(model: Model, here: Compiled | None = None) -> Given:
    """The compiled table of a machine, which each process builds once from the machine file.

    Args:
        model: the machine.
        here: its `Compiled`, if this process has it already.
    """
    from prgcore.wire import machine_file

    text = machine_file.dumps(model)
    return Given(compiled, (text,)) if here is None else Given(
        compiled, (text,), here=lambda: here, cost=TABLE)


# ------------------------------------------------------------------------- where


def _address(_where: Where, _field: Any, value: str | None) -> None:
    if value is None:
        return
    host = port = None
    with suppress(ValueError):
        url = urlsplit(value)
        if url.scheme in {"tcp", "tls", "ws", "wss", "ucx"} and not (url.path or url.query):
            host, port = url.hostname, url.port
    if not host or not port:
        raise BadInput(f"--scheduler {quoted(value)}: expected an address like "
                       "tcp://HOST:8786, as `dask scheduler` prints it")


def _workers(_where: Where, _field: Any, value: int | None) -> None:
    if value is not None and not 1 <= value <= MOST_WORKERS:
        raise BadInput(f"--workers {value}: expected 1 to {MOST_WORKERS} processes")


@frozen
class Where:
    """Where blocks are run.

    Attributes:
        workers: how many processes of this computer; 1 is this process; None: as many as there
            are cores, and only once they save more time than they cost.
        scheduler: the address of a Dask scheduler that is used instead.

    Raises:
        BadInput: too many or too few workers, a text that does not name an address, or both.
    """

    workers: int | None = field(default=None, validator=_workers)
    scheduler: str | None = field(default=None, validator=_address)

    def __attrs_post_init__(self) -> None:
        if self.scheduler is not None and self.workers is not None:
            raise BadInput("--workers starts processes on this computer, and --scheduler uses those "
                           "of a cluster; leave out one or the other")


SERIAL = Where(1)
AUTOMATIC = Where()


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --------------------------------------------------------------------------- run


def run(
    work: Callable[..., T], blocks: Sequence[Block], *, given: Given | None = None,
    where: Where = SERIAL, progress: Progress | None = None,
) -> Iterator[T]:
    """Yield what `work` returns for each block, in the order of the blocks.

    In other processes `work`, its results and `given` are pickled. A process that dies loses
    nothing: its blocks are run again elsewhere. An error in a block is raised here as it is, when it
    is that block's turn, so it is the same error anywhere.

    Args:
        work: called with a block, and with the value of `given` if there is one. It must depend on
            these alone: chance comes from `Block.random`.
        blocks: as `blocks_of` makes them.
        given: a value that each process makes once, as a machine's table.
        where: this process, more of this computer, or a Dask cluster.
        progress: called whenever blocks are done.

    Raises:
        BadInput: `work` or `given` cannot be pickled, but must be.
        MissingExtra: other processes are asked for, and Dask is not installed.
        Unavailable: no scheduler answers, or it went away; no worker is left, or one has another
            version; a block ended every process that ran it.
    """
    errand = Errand(work, given)
    if where.scheduler is None and (where.workers == 1 or len(blocks) < 2):
        yield from _here(errand, blocks, progress)
    elif where == AUTOMATIC:
        yield from _automatic(errand, blocks, progress)
    else:
        yield from _spread(errand, blocks, where, progress, 0)


def _here(
    errand: Errand[T], blocks: Sequence[Block], progress: Progress | None
) -> Iterator[T]:
    for done, block in enumerate(blocks):
        result = errand.run(block)
        if progress is not None:
            progress("blocks", done + 1, len(blocks))
        yield result


def _automatic(
    errand: Errand[T], blocks: Sequence[Block], progress: Progress | None
) -> Iterator[T]:
    """Run blocks here until it is clear that more processes save time; then there."""
    able = min(cores(), len(blocks)) if find_spec("distributed") else 1
    began = perf_counter()
    errand.prepare()
    start = START + perf_counter() - began + (errand.given.cost if errand.given else 0.0)
    taken = 0.0
    for done, block in enumerate(blocks):
        left = len(blocks) - done
        workers = min(able, left)
        if done and workers > 1 and saved(taken / done, left, workers) > WORTH * start:
            yield from _spread(errand, blocks[done:], Where(workers), progress, done)
            return
        began = perf_counter()
        result = errand.run(block)
        taken += perf_counter() - began
        if progress is not None:
            progress("blocks", done + 1, len(blocks))
        yield result


def saved(each: float, left: int, workers: int) -> float:
    """The seconds that `workers` processes save over one, start-up apart.

    Args:
        each: seconds of a block.
        left: how many blocks there are.
        workers: how many processes share them.
    """
    return each * (left - math.ceil(left / workers))


def _spread(
    errand: Errand[T], blocks: Sequence[Block], where: Where, progress: Progress | None,
    before: int,
) -> Iterator[T]:
    if not find_spec("distributed"):
        raise MissingExtra("running blocks in more than one process", "dask")
    from prgcore.fleet.cluster import spread

    def report(done: int) -> None:
        if progress is not None:
            progress("blocks", before + done, before + len(blocks))

    yield from spread(errand, blocks, where.workers, where.scheduler, report)


# ---------------------------------------------------------------------- reduction


def added(parts: Iterable[npt.ArrayLike]) -> npt.NDArray[Any]:
    """The sum of arrays of one shape, rounded once, so that the order of the parts does not matter.

    Integers are added exactly, as int64.

    Raises:
        BadInput: there are no parts, or their shapes differ.
    """
    arrays = [np.asarray(part) for part in parts]
    if not arrays or len({array.shape for array in arrays}) > 1:
        raise BadInput("only arrays of one shape are added, and at least one")
    if all(np.issubdtype(array.dtype, np.integer) for array in arrays):
        return np.asarray(np.sum(arrays, axis=0, dtype=np.int64))
    columns = zip(*(array.ravel().tolist() for array in arrays), strict=True)
    return np.array([math.fsum(column) for column in columns]).reshape(arrays[0].shape)
