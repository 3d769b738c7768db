"""The budget of a run of the prover: its time, its memory, and what it says of its progress.

Law: work that may take long calls `tick` often. A tick ends the run's current work where time or
memory is used up, and reports at most once a second what is being done. Without a budget and without
a listener it costs nothing. No verdict depends on it: what is cut short is *unknown*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from time import perf_counter

from attrs import define, field

from prgcore.errors import BadInput, BudgetExhausted

__all__ = ["Budget", "remaining", "running", "searching", "tick"]

_STATM = Path("/proc/self/statm")
_PAGE = 4096


@define(eq=False)
class Budget:
    """The limits of a run.

    Attributes:
        seconds: the time from now on; None: any.
        memory: bytes of this process; None: any.
        listen: called with a few words on what is being done, at most once a second.
    """

    seconds: float | None = None
    memory: int | None = None
    listen: Callable[[str], None] | None = None
    _until: float | None = field(init=False, default=None)
    _halved: bool = field(init=False, default=False)
    _heard: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._heard = perf_counter()
        if self.seconds is not None:
            self._until = self._heard + self.seconds
        if self.memory is not None and _used() is None:
            raise BadInput("the memory of a process cannot be read on this system: leave out the "
                           "limit of memory")

    @property
    def left(self) -> float | None:
        """The seconds that are left, not below zero; None: any."""
        return None if self._until is None else max(0.0, self._until - perf_counter())

    def tick(self, doing: str, count: int, more: int) -> None:
        """Look at the clock and the memory, and say how far the work is.

        Raises:
            BudgetExhausted: the time or the memory is used up.
        """
        now = perf_counter()
        far = f": {count:,} {doing}" if count else ""
        if self._until is not None and now > self._until:
            ended = "half of the budget" if self._halved else "the budget"
            raise BudgetExhausted(f"{ended} of {self.seconds:g} s is used up{far}")
        if self.memory is not None and (_used() or 0) + more > self.memory:
            raise BudgetExhausted(f"the limit of {_size(self.memory)} of memory is reached{far}")
        if self.listen and doing and now - self._heard >= 1:
            self._heard = now
            self.listen(f"{count:,} {doing}" if count else doing)

    @contextmanager
    def searching(self) -> Iterator[None]:
        """A part of the run that leaves half of the time to what comes after it."""
        until, left = self._until, self.left
        if left is not None:
            self._until, self._halved = perf_counter() + left / 2, True
        try:
            yield
        finally:
            self._until, self._halved = until, False


_current: ContextVar[Budget | None] = ContextVar("budget", default=None)


@contextmanager
def running(budget: Budget) -> Iterator[None]:
    """Work under a budget: every `tick` inside looks at it."""
    token = _current.set(budget)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def searching() -> Iterator[None]:
    """As `Budget.searching`, of the budget of this run if there is one."""
    budget = _current.get()
    if budget is None:
        yield
        return
    with budget.searching():
        yield


def tick(doing: str = "", count: int = 0, more: int = 0) -> None:
    """Look at the budget of this run, if there is one.

    Args:
        doing: the work in a few words; after a count what is counted, such as "pairs found".
        count: how many.
        more: bytes that the work takes next.

    Raises:
        BudgetExhausted: the time or the memory is used up.
    """
    budget = _current.get()
    if budget is not None:
        budget.tick(doing, count, more)


def remaining() -> float | None:
    """The seconds that are left of the budget of this run; None: any."""
    budget = _current.get()
    return None if budget is None else budget.left


def _used() -> int | None:
    """Bytes of memory that this process uses, or the most that it has used; None: not known."""
    try:
        return int(_STATM.read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
        import sys
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _size(amount: int) -> str:
    return f"{amount / 1e9:g} GB" if amount >= 10**9 else f"{amount / 1e6:g} MB"
