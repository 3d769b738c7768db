"""The services of a node: started, stopped, looked at, and permitted to serve.

Law: no rule lives here. `prgcore.running.process` knows how one service is a process,
`prgcore.running.checks` how it is asked, `prgcore.running.conditions` what follows, and
`prgcore.running.line` how a service is permitted to serve. A service outlives its agent; a later
agent finds it and takes it over.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from threading import Lock

from prgcore.errors import ActionFailed, BadInput
from prgcore.running.checks import Asked, Looked, look
from prgcore.running.conditions import Conditions, Found
from prgcore.running.ending import Ending, Run, ended, shown
from prgcore.running.guard import key_of
from prgcore.running.hooks import OF_AGENT
from prgcore.running.line import Line, short
from prgcore.running.member import LONGEST_SOCKET, Member
from prgcore.running.process import LOCKS, Process, alive, failing
from prgcore.running.service import GUARD, Check, Service

__all__ = ["Services", "alive"]

PATIENCE = 2.0
"""How many seconds a service has to start, to stop, or to answer."""
ELSEWHERE = 30.0
"""How many seconds the commands have that start or stop a service elsewhere."""
STEPS = (0.001, 0.1)
"""How many seconds pass between two looks at a service that starts: at first, and at most."""


class Services:
    """The critical services of a node. Threads may share it.

    Args:
        member: the node.
        patience: for some services, how many seconds each may be down before a look shows it
            (`Group.patience`). It is for a service that ran and was not stopped on request.
        within: for some services, how many seconds after a failure its tries end, because the
            machine decides then (`Group.within`).
        lasts: how many seconds a lease lasts.

    Attributes:
        changes: grows whenever services begin or end to be started or stopped.
        line: the way to the service that serves users.
        may: whether services that failed may be started again now.

    Raises:
        BadInput: the directory cannot be made, the name of its socket is too long, or this system
            has no locks that a child inherits.
    """

    def __init__(
        self, member: Member, patience: Mapping[str, float] | None = None,
        within: Mapping[str, float] | None = None, lasts: float = math.inf,
    ) -> None:
        if not LOCKS:
            raise BadInput("services as child processes need flock, which this system does not "
                           "have; run the agent on Linux, BSD or macOS")
        self.member, self.directory = member, member.directory
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{member.seat}.directory: {str(self.directory)[-120:]!r} cannot be "
                           f"made: {error.strerror}; give a folder that may be written") from None
        self.line = Line(short(self.socket, Path.cwd()))
        if member.serving and len(os.fsencode(self.line.socket)) > LONGEST_SOCKET:
            raise BadInput(f"{member.seat}.directory: a socket in it has a name of more than "
                           f"{LONGEST_SOCKET} bytes from here; start the agent in "
                           f"{str(member.home.absolute())[-120:]!r}")
        self._processes = {name: Process(name, service, member.home, self.directory)
                           for name, service in member.services.items()}
        self._changing, self.changes = Lock(), 0
        self.may: Callable[[], bool] = lambda: True
        self._known, self._wanted = Conditions(member, patience or {}, within or {}), ""
        self._kept = {member.database, GUARD if member.guard else ""}
        lease = {} if lasts == math.inf else {"PRGCORE_LEASE": f"{lasts:g}"}
        self._words = {"PRGCORE_NODE": member.seat,
                       "PRGCORE_SOCKET": short(self.socket, member.home), **lease}

    def takes(
        self, member: Member, patience: Mapping[str, float], within: Mapping[str, float],
    ) -> None:
        """Go by other checks, restart policies and delays from now on; what is known stays.

        Args:
            member: the same node with the same services; their commands count at a restart.
        """
        self.member, self._known.member = member, member
        self._known.patience, self._known.within = dict(patience), dict(within)

    @property
    def socket(self) -> Path:
        """The socket of the service that serves users."""
        return self.directory / "serving.sock"

    @property
    def _environment(self) -> dict[str, str]:
        return {n: v for n, v in os.environ.items() if n not in OF_AGENT} | self._words

    # ------------------------------------------------------------------- looking

    def pid(self, name: str) -> int | None:
        """The process of a service. None: it does not run. 0: it runs, but its number is not known.

        Raises:
            ActionFailed: it is not known whether it runs.
        """
        return self._processes[name].pid()

    def up(self) -> bool:
        """Whether every critical service works, without the database. Raises as `pid` does."""
        return self.look().facts.get("services", False)

    def database_up(self) -> bool:
        """Whether the database works, or there is none. Raises as `pid` does."""
        return self.look().facts.get("database", False)

    def look(self) -> Found:
        """Look at all services: whether they run, and what their checks have found.

        Raises:
            ActionFailed: it is not known whether one of them runs.
        """
        turns = self._known.turns()
        pids = {name: self._pid(process) for name, process in self._processes.items()}
        return self._known.found(turns, pids, self._gone, time.monotonic())

    def _pid(self, process: Process) -> int | None:
        if process.service.start:
            return None
        process.remember()
        return process.pid()

    def _gone(self, name: str) -> str:
        code = self._processes[name].ended()
        if code is None or self.member.services[name].pidfile:
            return "it does not run"
        return f"it ended with {shown(code)}"

    def checks(self) -> tuple[Asked, ...]:
        """The checks of the services, and of the other facts that are watched."""
        known = self._known
        services = [
            Asked(name, service.check, partial(self._asks, name, service.check),
                  partial(known.noted, name))
            for name, service in self.member.services.items() if service.check is not None]
        facts = [
            Asked(fact, check, partial(self._watched, check), partial(self._knows, fact))
            for fact, check in self.member.watch.items()]
        return (*services, *facts)

    def _asks(self, name: str, check: Check) -> tuple[int, Looked] | None:
        """Ask a service whether it works. One that does not run is not asked."""
        turn = self._known.turn(name)
        if self.member.services[name].command and self.pid(name) is None:
            return None
        return turn, self._looks(check)

    def _watched(self, check: Check) -> tuple[int, Looked]:
        """Ask about a fact, which has no turns, unlike a service."""
        return 0, self._looks(check)

    def _knows(self, fact: str, _: int | None, found: Looked) -> bool:
        """Note what was found about a fact."""
        return self._known.knows(fact, found)

    def _looks(self, check: Check) -> Looked:
        return look(check, self.member.home, self._environment, self.line.answers)

    def due(self) -> tuple[str, ...]:
        """The services that `again` would start now."""
        return self._known.due(time.monotonic()) if self._wanted == "up" and self.may() else ()

    def next(self) -> float | None:
        """The moment of `time.monotonic` when a look is due because of a restart; None: none."""
        return self._known.next(time.monotonic())

    # ------------------------------------------------------------------- starting

    @contextmanager
    def _change(self) -> Iterator[None]:
        """The time of a change, one after another."""
        with self._changing:
            self.changes += 1
            try:
                yield
            finally:
                self.changes += 1

    def _awaits(self, names: Iterable[str]) -> AbstractContextManager[None]:
        """The time in which these services are started, each in its turn."""
        return self._known.awaits({n: self._end_of(self.member.services[n]) for n in names})

    def start(self, names: tuple[str, ...] = ()) -> None:
        """Start these services, or all, where they do not work.

        Raises:
            ActionFailed: a service does not start.
        """
        self._wanted = "up"
        names = names or tuple(self.member.services)
        with self._change(), self._awaits(names):
            for name in names:
                self._known.begins(name)
                self._start(name)

    def _start(self, name: str) -> None:
        """Start a service, unless it works. One that hangs is ended first."""
        process = self._processes[name]
        end = self._end_of(process.service)
        if process.service.start:
            if process.service.check and self._looks(process.service.check).well:
                self._known.answers(name)
                return
            end = self._end_of(process.service)  # whatever the look has taken
            Run(process, "start", self._environment).wait(
                process.service.start_timeout or ELSEWHERE, self._halted)
        elif self.pid(name) is not None and not (self._known.fails(name) or self._old(name)):
            if name == self.member.serving:
                self._until(name, end, partial(self._not_answered, name))
            return
        else:
            self._end((name,))
            end = self._end_of(process.service)
            if name == self.member.serving:
                with failing(name):
                    self.socket.unlink(missing_ok=True)
            process.begin(self._environment)
            self._until(name, end, partial(self._not_begun, process))
        if name == self.member.serving:
            self._until(name, end, partial(self._not_answered, name))
        if process.service.check is not None:
            self._until(name, end, partial(self._not_passed, name, process.service.check))
        self._known.answers(name)

    def _old(self, name: str) -> bool:
        """Whether it is a guard with other orders, or of another release."""
        if name != GUARD or not self.member.guard:
            return False
        key = key_of(self.member.services[GUARD].command[-1])
        said = self.line.says({"ask": ""})
        return bool(said) and key.encode() not in said

    def answers(self, within: float | None = None) -> bool:
        """Whether the service that serves users answers at its socket within so many seconds."""
        return self.line.answers(within)

    def _end_of(self, service: Service) -> float:
        usual = ELSEWHERE if service.start else PATIENCE
        return time.monotonic() + (service.start_timeout or usual)

    def _halted(self) -> bool:
        """Whether the services should stop, so that none has to be started any more."""
        return self._wanted != "up"

    def _until(self, name: str, end: float, lacks: Callable[[], str]) -> None:
        """Wait until a service lacks nothing to have started.

        Raises:
            ActionFailed: it does not start in time, or is not wanted any more.
        """
        step = STEPS[0]
        while said := lacks():
            if self._halted() or time.monotonic() > end:
                said = "it is not wanted any more" if self._halted() else said
                raise ActionFailed(f"{name} does not start: {said}; see {name}.log")
            time.sleep(step)
            step = min(step * 1.5, STEPS[1])

    def _not_begun(self, process: Process) -> str:
        code = process.ended()
        if process.service.pidfile:
            if code:
                raise ActionFailed(f"{process.name} does not start: its command ended with "
                                   f"{shown(code)}; see {process.name}.log")
            return "" if process.pid() else f"{process.service.pidfile} names no process that runs"
        if process.written():
            return ""
        said = f"see {process.name}.log, and check that {process.name}.pid can be written"
        if code is not None:
            raise ActionFailed(f"{process.name} does not start; {said}")
        return said

    def _not_answered(self, name: str) -> str:
        if self.line.answers():
            return ""
        return self._dead(name) or f"it does not answer at {self.socket}"

    def _not_passed(self, name: str, check: Check) -> str:
        found = self._looks(check)
        return "" if found.well else self._dead(name) or f"{check}: {found.why}"

    def _dead(self, name: str) -> str:
        """An empty text.

        Raises:
            ActionFailed: the process of this service has ended.
        """
        if self.member.services[name].command and self.pid(name) is None:
            raise ActionFailed(f"{name} does not start: {self._gone(name)}; see {name}.log")
        return ""

    # ------------------------------------------------------------------- stopping

    def halt(self) -> None:
        """End a start that is under way, because services should stop."""
        self._wanted = "stopped"

    def stop(self) -> None:
        """Stop the critical services, without the database and the guard.

        Raises:
            ActionFailed: a service does not stop.
        """
        self._wanted = "stopped"
        with self._change():
            names = tuple(n for n in self.member.services if n not in self._kept)
            try:
                trouble = self._end(names)
            finally:
                for name in names:
                    self._known.stopped(name)
        if trouble:
            raise ActionFailed("services do not stop: " + ", ".join(
                f"{name} ({why})" for name, why in sorted(trouble.items())))

    def _end(self, names: Iterable[str]) -> dict[str, str]:
        """End these services; return those that have not ended, each with the reason."""
        endings = dict[str, Ending]()
        for name in names:
            process = self._processes[name]
            usual = ELSEWHERE if process.service.start else PATIENCE / 2
            if process.service.start or process.left():
                endings[name] = Ending(process, self._environment,
                                       process.service.stop_timeout or usual, PATIENCE / 2)
        trouble = ended(endings)
        return {name: why for name, why in trouble.items()
                if not self.member.services[name].start or endings[name].hung or self._works(name)}

    def _works(self, name: str) -> bool:
        """Whether a service runs; one that runs elsewhere, whether its check says so."""
        service = self.member.services[name]
        if service.start:
            return service.check is not None and self._looks(service.check).well
        return self.pid(name) is not None

    # ------------------------------------------------------------------- keeping

    def reconcile(self, state: str) -> tuple[str, ...]:
        """Bring the services to a state, and return what was done; nothing, if all is as it should be.

        Services that should be up are started if they were never started, or were stopped. One that
        failed is started again as its restart policy says; else the machine has to decide.

        Args:
            state: "up", or "stopped": all but the database and the guard.

        Raises:
            ActionFailed: a service does not start, or does not stop.
        """
        if state == "stopped":
            runs = [name for name in self.member.services
                    if name not in self._kept and self._works(name)]
            if runs:
                self.stop()
            self._wanted = "stopped"
            return tuple(f"stopped {name}" for name in runs)
        self._wanted = "up"
        return self._bring(self._new) + self.again()

    def _new(self) -> tuple[str, ...]:
        """The services that were never started, or were stopped, and do not run."""
        return tuple(name for name in self.member.services
                     if not self._known.began(name) and not self._works(name))

    def again(self) -> tuple[str, ...]:
        """Start failed services again that their policy wants to be tried now; return what was done.

        Raises:
            ActionFailed: one does not start.
        """
        return self._bring(self.due, again=True)

    def _bring(
        self, which: Callable[[], tuple[str, ...]], *, again: bool = False,
    ) -> tuple[str, ...]:
        if not which():
            return ()
        did, trouble = list[str](), list[str]()
        with self._change():
            names = which()  # another change may have ended meanwhile
            with self._awaits(() if again else names):
                for name in names:
                    if self._halted():
                        break
                    self._known.begins(name, again=again)
                    said = ""
                    if again:
                        tries = self.member.services[name].restart.tries
                        said = f" again, try {self._known.tried(name, time.monotonic())} of {tries}"
                    try:
                        self._start(name)
                    except ActionFailed as error:
                        self._known.fell(name)
                        trouble.append(f"{error}{said.replace(' again,', ';')}")
                    else:
                        did.append(f"started {name}{said}")
        if trouble:
            raise ActionFailed("; ".join([*trouble, *did]))
        return tuple(did)

    # ------------------------------------------------------------------- serving

    def serve(self, groups: Mapping[str, int], until: float, *, promotes: bool = False) -> bool:
        """Permit the service to serve these groups until then; return whether it obeys.

        A service that does not answer serves by its last permission, until that ends.

        Args:
            groups: for each home that is served, its token.
            until: seconds of `prgcore.stores.ports.boot_clock`.
            promotes: whether the resource may become the primary, though users wait until it is.
        """
        return not self.member.serving or self.line.serve(groups, until, promotes=promotes)
