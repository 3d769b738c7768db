"""Several machines proved, on all cores: each process takes some of them, one after another.

Law: proves nothing itself. A process takes one machine after another, and keeps what does not
depend on a machine, such as the theorems about time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from os import cpu_count
from typing import Any

from prgcore.engine import Engine
from prgcore.model import Model
from prgcore.prove.report import Report, prove

__all__ = ["prove_each"]


def prove_each(
    models: Sequence[Model],
    options: Mapping[str, Any],
    progress: Callable[[str, int, int], None] | None = None,
    workers: int | None = None,
) -> Iterator[Report]:
    """The reports of some machines, in order.

    Args:
        options: as those of `prove`; none of them is a function.
        progress: called with the policies of a machine, its place, and how many there are.
        workers: the number of processes; one for each core unless given.
    """
    count = min(workers or cpu_count() or 1, len(models))
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        waiting = [pool.submit(_prove, model, dict(options)) for model in models]
        for number, (model, future) in enumerate(zip(models, waiting, strict=True)):
            if progress:
                progress(" ".join(choice for _, choice in model.policy), number, len(models))
            yield future.result()


def _prove(model: Model, options: dict[str, Any]) -> Report:
    return prove(Engine(model), **options)
