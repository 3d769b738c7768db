"""One service as a process: how it is started, found again and ended.

Law: no rule lives here, and nothing is remembered that a later agent would need. A service is its
main process, which leads a session of its own. It writes its process number to `NAME.pid`. When it
began, by the kernel, is in `NAME.begun`, so that no other process with this number is mistaken for
it. The lock on `NAME.lock`, which it inherits, keeps a second one from being started, and shows the
service where the kernel does not say when a process began.

A service whose main process has ended is down, even if a child of it lives on and holds the lock.
The children that are left are ended before the service is started again. A daemon that leaves its
session has declared so: the number in its `pidfile` is its main process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

from prgcore.errors import ActionFailed
from prgcore.running.service import Service

try:
    import fcntl
except ModuleNotFoundError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["LOCKS", "Process", "alive", "failing", "found_program", "live"]

LOCKS = fcntl is not None
"""Whether this system has locks that a child inherits."""

NUMBERED = """\
{ read -r boot </proc/sys/kernel/random/boot_id && read -r stat </proc/$$/stat \
&& echo "$boot $stat" >"$1"; } 2>/dev/null
numbers=$0; shift; echo $$ >"$numbers" && exec "$@"\
"""
"""The shell command that becomes a service: it writes when it began and its number, then executes
the service."""

BEFORE = "before this boot"
"""When a process began that was begun before the computer was."""
LIVES = "RSDTtWKIP"
"""The states of a process, by the kernel, in which it has not ended."""


def live(pid: int) -> str:
    """When a process began, as the kernel counts; empty: it has ended, or the kernel does not say."""
    return _start(_stat(pid))


def _stat(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text(errors="replace")
    return ""


def _start(stat: str) -> str:
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] in LIVES else ""


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_bytes()
    except ProcessLookupError:
        return False
    except OSError:  # this system has no such files
        return True
    return status.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def _same(pid: int, begun: str) -> bool:
    """Whether the process with this number runs and began then, as far as the kernel says so."""
    stat = _stat(pid)
    return _start(stat) == begun if stat else begun != BEFORE and alive(pid)


def found_program(name: str, command: tuple[str, ...], home: Path) -> None:
    """Check that the program of a command exists.

    Raises:
        ActionFailed: it does not.
    """
    program = str(home / command[0]) if os.sep in command[0] else command[0]
    if shutil.which(program) is None:
        raise ActionFailed(f"{name}: {command[0]}: no such program")


@contextmanager
def failing(name: str) -> Iterator[None]:
    """Turn an error of the system into an ActionFailed of this service."""
    try:
        yield
    except OSError as error:
        file = f"{Path(str(error.filename)).name}: " if error.filename else ""
        raise ActionFailed(f"{name}: {file}{error.strerror or error}") from None


class Process:
    """The process of one service. Threads may share it.

    Args:
        name: the service, which names its files.
        service: its commands.
        home: where it is started.
        directory: where its files are.
    """

    def __init__(self, name: str, service: Service, home: Path, directory: Path) -> None:
        self.name, self.service, self.home, self.directory = name, service, home, directory
        self._child: subprocess.Popen[bytes] | None = None
        self._one = RLock()  # whoever tries the lock of the service holds it for a moment

    # ------------------------------------------------------------------- is it there?

    def pid(self) -> int | None:
        """The main process. None: it does not run. 0: it runs, but its number is not known.

        Raises:
            ActionFailed: it is not known whether it runs.
        """
        with self._one:
            if self.service.pidfile:
                return self._daemon() or None
            if (child := self._child) is not None and child.poll() is None:
                return child.pid
            number, begun = self.written(), self._begun()
            if number and begun:
                return number if _same(number, begun) else None
            with self._lock() as lock:
                if lock is not None:
                    return None
            return number if not number or alive(number) else None

    def ended(self) -> int | None:
        """The exit code of the command that was begun; None: it runs, or was begun by another agent."""
        return None if self._child is None else self._child.poll()

    def written(self) -> int:
        """The process number that a service has written; 0 if it has not written one."""
        return _number(self.directory / f"{self.name}.pid", whole=True)

    def _daemon(self) -> int:
        number = _number(self.home / self.service.pidfile, whole=False)
        if not number or not alive(number):
            return 0
        known, begun = self._remembered()  # the file may be older than this boot
        return 0 if known == str(number) and begun and not _same(number, begun) else number

    def _begun(self) -> str:
        """When the process with the written number began, in this boot; empty: it is not known."""
        with suppress(OSError, UnicodeDecodeError):
            boot, _, stat = (self.directory / f"{self.name}.begun").read_text().partition(" ")
            if stat.partition(" ")[0] == str(self.written()) and boot:
                return _start(stat) if boot == _boot() else BEFORE
        return ""

    def _remembered(self) -> tuple[str, str]:
        """The daemon that was seen last, by number and begin; empty texts: none."""
        with suppress(OSError, UnicodeDecodeError, ValueError):
            boot, number, begun = (self.directory / f"{self.name}.daemon").read_text().split()
            return number, begun if boot == _boot() else BEFORE
        return "", ""

    def remember(self) -> None:
        """Remember which process a daemon is, so that none with its number is taken for it."""
        if self.service.pidfile and (number := self._daemon()):
            text = f"{_boot()} {number} {live(number)}\n"
            file = self.directory / f"{self.name}.daemon"
            with suppress(OSError):
                if not file.exists() or file.read_text() != text:
                    file.write_text(text)

    # ------------------------------------------------------------------- starting

    def begin(self, environment: Mapping[str, str]) -> bool:
        """Begin it, unless it runs; return whether it was begun.

        Raises:
            ActionFailed: that is not possible, or processes of an earlier one are left.
        """
        with self._one:
            if self.pid() is not None:
                return False
            with self._lock() as lock:
                if lock is not None:
                    self._begin(lock, environment)
                    return True
            raise ActionFailed(f"{self.name}: processes of an earlier one hold {self.name}.lock"
                               + _listed(self.left()))

    def _begin(self, lock: int, environment: Mapping[str, str]) -> None:
        """Begin a new process, which inherits the lock."""
        command = self.service.command
        found_program(self.name, command, self.home)
        number, begun = (self.directory / f"{self.name}.{end}" for end in ("pid", "begun"))
        with failing(self.name):
            number.unlink(missing_ok=True)
            begun.unlink(missing_ok=True)
            with (self.directory / f"{self.name}.log").open("ab") as log:
                self._child = subprocess.Popen(  # noqa: S603, the command is the user's own
                    ["/bin/sh", "-c", NUMBERED, str(number.absolute()), str(begun.absolute()),
                     *command],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.home,
                    start_new_session=True, pass_fds=(lock,), env=dict(environment))

    @contextmanager
    def _lock(self) -> Iterator[int | None]:
        """The lock of a service; None: it, or a child that it left, holds it."""
        with self._one:
            with failing(self.name):
                file = os.open(self.directory / f"{self.name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                with failing(self.name):
                    try:
                        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        free = True
                    except BlockingIOError:
                        free = False
                yield file if free else None
            finally:
                os.close(file)

    # ------------------------------------------------------------------- ending

    def left(self) -> frozenset[int]:
        """The processes of the service that run: its session, and the holders of its lock.

        Where this system does not list processes, it is the main process alone.
        """
        main, held, first = self.pid() or 0, self._holders(), self.written()
        leaders = {main} - {0}
        child = self._child is not None and self._child.poll() is not None and not _stat(first)
        if first and (child or any(_session(pid) == first for pid in held | leaders)):
            leaders.add(first)
        if not leaders:
            return held
        return held | leaders & {main} | {
            pid for one in Path("/proc").glob("[0-9]*") if _session(pid := int(one.name)) in leaders}

    def _holders(self) -> frozenset[int]:
        """The processes that have the lock file open, except this agent and what it just begins."""
        with self._lock() as lock:
            if lock is not None:
                return frozenset()
        file, found = os.path.realpath(self.directory / f"{self.name}.lock"), set[int]()
        for one in Path("/proc").glob("[0-9]*"):
            pid = int(one.name)
            if pid == os.getpid() or (_parent(pid) == os.getpid() and not self._is_child(pid)):
                continue
            with suppress(OSError):
                if any(os.path.realpath(end) == file for end in (one / "fd").iterdir()):
                    found.add(pid)
        return frozenset(found)

    def _is_child(self, pid: int) -> bool:
        return self._child is not None and self._child.pid == pid

    def signal(self, number: int) -> str:
        """Send a signal to the service; return why that is not possible, or an empty text.

        SIGTERM goes to the group of the main process, or to a daemon alone. SIGKILL, and every
        signal after the main process has ended, goes to all that is left.
        """
        main = self.pid()
        if main and number != signal.SIGKILL:
            return _sent(main, number, group=not self.service.pidfile)
        if main and not self.service.pidfile and (why := _sent(main, number, group=True)):
            return why
        whys = [_sent(pid, number, group=False) for pid in sorted(self.left())]
        return next(filter(None, whys), "" if whys else "its process is not known")


def _sent(pid: int, number: int, *, group: bool) -> str:
    try:
        (os.killpg if group else os.kill)(pid, number)
    except ProcessLookupError:
        return ""
    except OSError as error:
        return f"process {pid}: {error.strerror}"
    return ""


def _parent(pid: int) -> int:
    fields = _stat(pid).rpartition(")")[2].split()
    return int(fields[1]) if len(fields) > 1 else 0


def _session(pid: int) -> int:
    """The session of a process that runs; 0: it has ended."""
    fields = _stat(pid).rpartition(")")[2].split()
    return int(fields[3]) if len(fields) > 3 and fields[0] in LIVES else 0


def _listed(pids: frozenset[int]) -> str:
    return f": process {', '.join(map(str, sorted(pids)[:9]))}" if pids else ""


def _boot() -> str:
    """The id of this boot of the computer; empty: it has none."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _number(file: Path, *, whole: bool) -> int:
    """The process number in a file; 0 if it has none. A daemon may write more lines below it."""
    try:
        with file.open("rb") as opened:
            text = opened.read(400).decode("ascii")
    except (OSError, UnicodeDecodeError):
        return 0
    line, ended, more = text.partition("\n")
    if whole and (more or not ended):
        return 0
    line = line if whole else line.strip()
    fits = line.isdecimal() and len(line) < 11
    return int(line) if fits and int(line) > 1 else 0
