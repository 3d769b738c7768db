"""The conditions of the services of a node: what is known of each, and which facts follow.

Law: no rule lives here; nothing is asked, started or waited for. Process numbers and answers of
checks come in, facts come out. A fact says what the checks say, once a service has been down for
longer than the delay of its own. Threads may share it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from threading import Lock

from attrs import field, frozen

from prgcore.running import health as healths
from prgcore.running.checks import Looked
from prgcore.running.health import Failures, Health
from prgcore.running.member import Member

__all__ = ["Conditions", "Found"]

UNKNOWN = "it has not answered yet"


@frozen
class Found:
    """The outcome of a look at all services.

    Attributes:
        facts: for `services`, `database` and every other fact that is watched, whether it holds. A
            fact that is not known yet is missing.
        numbers: the known process numbers.
        whys: for each fact that does not hold, why.
    """

    facts: Mapping[str, bool]
    numbers: frozenset[int] = frozenset()
    whys: Mapping[str, str] = field(factory=dict)


class Conditions:
    """The knowledge of the services of a node, and of the other facts that it watches.

    Args:
        member: the node.
        patience: for some services, how many seconds each may be down before a look shows it.
        within: for some services, how many seconds after a failure its tries end.
    """

    def __init__(
        self, member: Member, patience: Mapping[str, float], within: Mapping[str, float],
    ) -> None:
        self.member, self.patience, self.within = member, dict(patience), dict(within)
        self._lock = Lock()
        self._health, self._turns = dict[str, Health](), dict[str, int]()
        self._facts, self._failures = dict[str, Health](), dict[str, Failures]()
        self._ran, self._begun = dict[str, float](), set[str]()
        self._awaited = dict[str, float]()

    # ------------------------------------------------------------------- what comes

    def turn(self, name: str) -> int:
        """A number that grows whenever a service is started or stopped."""
        return self._turns.get(name, 0)

    def noted(self, name: str, turn: int | None, found: Looked) -> bool:
        """Note what a look at a service found; return whether that changes its health.

        A look that began before the service was started or stopped counts for nothing. Without a
        turn, it did not come back.
        """
        with self._lock:
            if turn not in (None, self.turn(name)):
                return False
            check = self.member.services[name].check
            assert check is not None, "BUG: a look without a check"
            before = self._health.get(name, Health())
            after = healths.looked(before, check, well=found.well, why=found.why)
            self._health[name] = after
            return before.up is not after.up

    def knows(self, fact: str, found: Looked) -> bool:
        """Note what a look at another fact found; return whether that changes it.

        While a look at a service fails, a failed look at a fact counts for nothing: a primary that
        hangs does not say that its replica is behind.
        """
        with self._lock:
            if not found.well and any(h.row or h.up is False for h in self._health.values()):
                return False
            before = self._facts.get(fact, Health())
            self._facts[fact] = healths.looked(
                before, self.member.watch[fact], well=found.well, why=found.why)
            return before.up is not self._facts[fact].up

    @contextmanager
    def awaits(self, ends: Mapping[str, float]) -> Iterator[None]:
        """The time in which services are started on request, one after another.

        One that has not run yet is not known while its turn has not come, rather than down.

        Args:
            ends: for each service, until when that may last at most: seconds of `time.monotonic`.
        """
        with self._lock:
            self._awaited |= {n: end for n, end in ends.items() if n not in self._ran}
        try:
            yield
        finally:
            with self._lock:
                for name in ends:
                    self._awaited.pop(name, None)

    def begins(self, name: str, *, again: bool = False) -> None:
        """A service is being started; on request, so that its tries begin anew, or `again`."""
        with self._lock:
            self._begun.add(name)
            if not self.member.services[name].command:  # else its process shows when it has begun
                self._awaited.pop(name, None)
            if not again:
                self._failures.pop(name, None)

    def answers(self, name: str) -> None:
        """A service was started, and works."""
        with self._lock:
            self._awaited.pop(name, None)
            self._resets(name, Health(up=True) if self.member.services[name].check else Health())

    def fell(self, name: str) -> None:
        """A service was started, and does not work."""
        with self._lock:
            self._awaited.pop(name, None)

    def stopped(self, name: str) -> None:
        """A service was stopped on request: it is down at once, and not started again."""
        with self._lock:
            self._begun.discard(name)
            self._ran.pop(name, None)
            self._failures.pop(name, None)
            elsewhere = bool(self.member.services[name].start)
            self._resets(name, Health(False, 0, "it was stopped") if elsewhere else Health())

    def _resets(self, name: str, health: Health) -> None:
        self._turns[name] = self.turn(name) + 1
        self._health[name] = health

    # ------------------------------------------------------------------- what follows

    def fails(self, name: str) -> bool:
        """Whether its check says that it does not work."""
        return self._health.get(name, Health()).up is False

    def began(self, name: str) -> bool:
        """Whether it was started, or seen to work, since it was last stopped on request."""
        return name in self._begun

    def turns(self) -> dict[str, int]:
        """The turn of each service, before a look at the processes."""
        return {name: self.turn(name) for name in self.member.services}

    def found(
        self, turns: Mapping[str, int], pids: Mapping[str, int | None],
        gone: Callable[[str], str], now: float,
    ) -> Found:
        """The facts that follow, after a look at the processes.

        Args:
            turns: their turns when the look began. A service that was started or stopped since is
                not known.
            pids: for each service its process; None: it does not run, or it runs elsewhere.
            gone: why the process of a service does not run.
            now: seconds of `time.monotonic`.
        """
        with self._lock:
            states = {name: self._state(name, pid, gone, now)
                      if self.turn(name) == turns[name] else (None, "")
                      for name, pid in pids.items()}
            watched = {fact: (health.up, health.why) for fact, health in self._facts.items()}
        facts, whys = dict[str, bool](), dict[str, str]()
        parts = {"services": {n: s for n, s in states.items() if n != self.member.database},
                 "database": {n: s for n, s in states.items() if n == self.member.database}}
        for fact, part in parts.items():
            downs = [f"{name}: {why}" for name, (up, why) in part.items() if up is False]
            if downs:
                facts[fact], whys[fact] = False, "; ".join(downs)
            elif all(up for up, _ in part.values()):
                facts[fact] = True
        for fact, (up, why) in watched.items():
            if up is not None:
                facts[fact] = up
                whys |= {} if up else {fact: f"{self.member.watch[fact]}: {why}"}
        return Found(facts, frozenset(filter(None, pids.values())), whys)

    def _state(
        self, name: str, pid: int | None, gone: Callable[[str], str], now: float,
    ) -> tuple[bool | None, str]:
        """Whether a service counts as up, and if not, why; None: it is not known."""
        service, health = self.member.services[name], self._health.get(name, Health())
        up: bool | None
        if service.command and pid is None:
            up, why = False, gone(name)
            self._health.pop(name, None)
        elif service.check is None:
            up, why = True, ""
        else:
            up, why = health.up, f"{service.check}: {health.why or UNKNOWN}"
        if pid is not None:
            self._awaited.pop(name, None)
        if up is None or (not up and now < self._awaited.get(name, -math.inf)):
            return None, why
        if up:
            self._begun.add(name)
        if name in self._begun:
            known = healths.seen(
                self._failures.get(name, Failures()), service.restart, up=up, now=now)
            self._failures[name] = known
            if up and not healths.settled(known, service.restart, now):
                return False, "it was started again, and has not lived for long enough yet"
        if up:
            self._ran[name] = now
        return up or now - self._ran.get(name, -math.inf) < self.patience.get(name, 0), why

    # ------------------------------------------------------------------- tries

    def due(self, now: float) -> tuple[str, ...]:
        """The services that should be started again now."""
        with self._lock:
            return tuple(name for name, known in self._failures.items() if healths.due(
                known, self.member.services[name].restart, self.within.get(name, math.inf), now))

    def tried(self, name: str, now: float) -> int:
        """Note that a service is started again now; return which try that is."""
        with self._lock:
            known = healths.tried(self._failures[name], self.member.services[name].restart, now)
            self._failures[name] = known
            return known.made

    def next(self, now: float) -> float | None:
        """The next moment at which a try or a return is due; None: none."""
        with self._lock:
            known = dict(self._failures)
        moments = []
        for name, one in known.items():
            policy = self.member.services[name].restart
            if one.since is not None and one.made < policy.tries:
                moments.append(one.due)
            elif one.up is not None and one.made:
                moments.append(one.up + healths.pause(policy, one.made))
        return min((m for m in moments if m > now), default=None)
