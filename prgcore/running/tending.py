"""Tending: what runs on a node is compared with its desired state, and mended where they differ.

Law: an order goes first. Nothing is mended that an open order of this node is about, nor while its
agent is in trouble; an order that comes meanwhile waits until what is being mended has ended. When a node
is looked at, `prgcore.running.tended` says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from threading import Lock

from prgcore.errors import PrgError
from prgcore.form.wishes import PRIMARY
from prgcore.running.desired import Desired
from prgcore.running.lane import Lane
from prgcore.running.shapes import Turn
from prgcore.running.tended import Tended, looked, noted

__all__ = ["Tending"]

_log = logging.getLogger("prgcore")


class Tending:
    """The lane of an agent that mends what is not as desired.

    Args:
        name: what people call the node.
        every: how many seconds pass between two looks.
        now: the clock of the turns.
        reconcile: brings the services to a state, and says what it did.
        become: brings the resource into a role; whether it did something. None: nobody looks at
            roles. It must give way to an order that is about the role.

    Attributes:
        every: as above; it may be changed.
        orders: is held while services are mended, and while an order starts or stops them.
    """

    def __init__(
        self, name: str, every: float, now: Callable[[], float],
        reconcile: Callable[[str], tuple[str, ...]],
        become: Callable[[str], bool] | None = None,
    ) -> None:
        self._name, self.every, self._now = name, every, now
        self._reconcile, self._become = reconcile, become
        self.orders = Lock()
        self._tended, self._wish = Tended(), Desired()
        self._tends, self._ended = tuple[str, ...](), False
        self._lane, self._failed = Lane("tending"), ""
        self._timer: asyncio.TimerHandle | None = None

    def turned(self, turn: Turn, seen: Mapping[str, bool]) -> None:
        """Take a turn of the agent, and what its services were seen to be."""
        self._tends = turn.tends if turn.desired is not None else ()
        if turn.desired is not None:
            self._wish = turn.desired
            self._tended = noted(self._tended, turn.desired, seen, self._now())
        self._looks()

    def end(self) -> None:
        """Look no more."""
        self._ended, self._tends = True, ()
        self._lane.end()
        if self._timer is not None:
            self._timer.cancel()

    def _looks(self) -> None:
        """Look now if it is time, or set a timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._ended or self._lane.busy or not self._tends:
            return
        after = max(self._tended.due, self._tended.rests) - self._now()
        if after > 0:
            self._timer = asyncio.get_running_loop().call_later(after, self._looks)
            return
        self._lane.call(self._mend, self._mended)

    def _mend(self) -> tuple[str, ...]:
        """Mend what differs from the newest wish, and return what was done; called in a thread."""
        with self.orders:
            did = self._services(self._wish) if "services" in self._tends else ()
        return did + self._role(self._wish) if "role" in self._tends else did

    def _services(self, wish: Desired) -> tuple[str, ...]:
        return self._reconcile(wish.services) if wish.services else ()

    def _role(self, wish: Desired) -> tuple[str, ...]:
        over = wish.role == PRIMARY and self._now() >= wish.until
        did = self._become is not None and wish.role and not over and self._become(wish.role)
        return (f"made its resource {wish.role}",) if did else ()

    def _mended(self, answer: tuple[str, ...] | PrgError) -> None:
        failed = str(answer) if isinstance(answer, PrgError) else ""
        did = () if isinstance(answer, PrgError) else answer
        if did:
            _log.warning("%s was not as the record of epoch %d desires: it %s", self._name,
                         self._wish.epoch, ", ".join(did))
        if failed and failed != self._failed:
            _log.warning("%s is not as the record of epoch %d desires: %s", self._name,
                         self._wish.epoch, failed)
        self._failed = failed
        self._tended = looked(
            self._tended, self._now(), self.every, mended=bool(did or failed))
        self._looks()
