"""The guard: it keeps a service to its lease that knows none, such as PostgreSQL or Redis.

Law: a plain program of the standard library, small enough to be read at once. It outlives its agent,
writes no file, and waits for nobody: neither a full disk nor a hook that hangs holds it up. It is
started as `python -I guard.py JSON`, listens at the socket of the service that serves users, and
speaks its protocol (`prgcore.running.line`).

While the permission lasts, the guard does nothing. When it ends or is withdrawn, the role probe has
to say `replica`: after a withdrawal until the end of the permission, after an end at once. If it
does not, the guard runs `self_fence`, again and again until it succeeds. The same happens to a replica
that might be promoted: its promotion may be under way. It answers "serve nobody" with `{}` only once
nobody is served; a guard that has just begun asks the probe first. Without a permission it asks the probe now and then, and runs
`self_fence` when it says `primary`: somebody has started the old primary by hand.
"""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any, NamedTuple

__all__ = ["Command", "Orders", "Ran", "Warden", "key_of", "main"]

LONGEST = 1 << 16
"""How many bytes a line has at most, and how many of the output of a hook are read."""
CLIENTS = 64
"""How many connections are kept; the oldest is closed for a new one."""
STEP = 0.02
"""How many seconds pass between two looks at a hook that runs."""
SLICE = 0.5
"""How many seconds the guard sleeps at most: the boot clock runs on while the computer sleeps."""
GRACE = 0.25
"""How many seconds a primary without a permission has to get one: it may be on its way."""
ROLES = {"primary": "primary", "master": "primary", "replica": "replica", "slave": "replica",
         "standby": "replica"}

_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_clock() -> float:
    """Seconds of the boot clock."""
    return time.clock_gettime(_BOOT)


class Command(NamedTuple):
    """A program of the user: its words, its time-out, and the pause before it is tried again."""

    words: tuple[str, ...]
    timeout: float
    pause: float


class Orders(NamedTuple):
    """The orders of a guard.

    Attributes:
        socket: where it listens.
        home: where it runs its commands.
        lasts: how many seconds a permission lasts at most.
        probe: how many seconds the role probe has when a permission ends.
        every: how many seconds pass between two looks at the role without a permission.
        role: prints `primary` or `replica`.
        self_fence: makes this node's resource serve nobody.
        words: words for the environment of both.
    """

    socket: str
    home: str
    lasts: float
    probe: float
    every: float
    role: Command
    self_fence: Command
    words: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> Orders:
        """The orders in a JSON text."""
        found = json.loads(text)
        role, fence = (Command(tuple(words), timeout, pause)
                       for words, timeout, pause in (found.pop("role"), found.pop("self_fence")))
        return cls(role=role, self_fence=fence, **found)


class Ran(NamedTuple):
    """How a command ended: whether well, its output, and why it failed."""

    well: bool
    output: str = ""
    why: str = ""


class Warden:
    """Keeps a service to its permission. `run` does the work, in a thread; `permit` returns at once.

    Args:
        orders: what it needs to know.
        says: takes a line for a log.
        rests: whether another guard does the work now; it is asked before anything is done.
        gone: whether nobody can reach this guard any more; it ends then, once nobody is served.
        clock: seconds of the boot clock.
        runs: runs a command within so many seconds.
    """

    def __init__(
        self, orders: Orders, says: Callable[[str], None], *,
        rests: Callable[[], bool] = lambda: False, gone: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = boot_clock,
        runs: Callable[[Orders, str, float], Ran] | None = None,
    ) -> None:
        self.orders, self._says, self._rests, self._gone = orders, says, rests, gone
        self._clock = clock
        self._runs = runs or run
        self._news = Condition()
        self._somebody, self._until, self._over = False, 0.0, 0.0
        self._since = clock() + orders.lasts  # an earlier guard may have had a permission
        self._clean, self._fences, self._ended, self._said = True, False, False, ""
        self._fresh, self._promotes = True, False  # what an earlier guard has left is not known

    # ------------------------------------------------------------------- permissions

    def permit(
        self, groups: Mapping[str, int], until: float, *, promotes: bool = False
    ) -> dict[str, bool]:
        """Take a permission; return the answer: an empty one if it is obeyed.

        Args:
            groups: for each home that is served, its token.
            until: when it ends, by the boot clock. It never lasts longer than `Orders.lasts`.
            promotes: whether the resource may be the primary though nobody is served yet.
        """
        with self._news:
            until, somebody = min(until, self._clock() + self.orders.lasts), bool(groups) or promotes
            if until < self._until:
                return {"late": True}
            if somebody and self._fences:
                return {"fencing": True}
            if somebody:
                self._over, self._clean, self._promotes = until, False, promotes
            self._somebody, self._until = somebody, until
            self._news.notify_all()
            return {} if somebody or (self._clean and not self._fresh) else {"stopping": True}

    def permitted(self) -> bool:
        """Whether the resource may be the primary now."""
        return self._somebody and self._clock() < self._until

    def ends(self) -> None:
        """Let `run` end soon."""
        with self._news:
            self._ended = True
            self._news.notify_all()

    # ------------------------------------------------------------------- the work

    def run(self) -> None:
        """Do the work, until `ends`."""
        while not self._ended:
            wait = SLICE
            try:
                wait = self.step()
            except Exception as error:  # noqa: BLE001, a guard must not end
                self._tells(f"BUG: {type(error).__name__}: {error}")
            with self._news:
                if not self._ended and wait > 0:
                    self._news.wait(min(wait, SLICE))

    def step(self) -> float:
        """Do what is due now; return how many seconds to wait for the next step, unless news come."""
        with self._news:
            now, allowed, over, clean = self._clock(), self.permitted(), self._over, self._clean
            promotes = self._promotes
        if allowed:
            return self._until - now
        if self._rests():
            return self.orders.every
        if clean:
            return self._looks(now)
        late = now >= over
        role = self._role(self.orders.probe if late else min(self.orders.role.timeout, over - now))
        if role == "replica" and not promotes:
            self._done("the permission is over; the resource is a replica")
            return 0.0
        if role != "replica" and not late and self._clock() < over:
            return min(STEP * 5, over - self._clock())
        why = "its promotion may be under way" if role == "replica" else (
            f"the role is {role or 'not known'}")
        return self._fence(f"the permission is over, and {why}")

    def _looks(self, now: float) -> float:
        """Look at the role where nothing is permitted and nobody should be served."""
        if self._gone():
            self._tells("its socket is gone, or another guard's: it ends")
            self.ends()
            return 0.0
        if now < self._since:
            self._fresh = self._fresh and self._role(self.orders.role.timeout) != "replica"
            return min(self._since - now, self.orders.every if self._fresh else SLICE)
        if self._role(self.orders.role.timeout) != "primary":
            self._fresh = False
            return self.orders.every
        with self._news:
            end = time.monotonic() + GRACE
            while not self.permitted() and (left := end - time.monotonic()) > 0:
                self._news.wait(left)
            if self.permitted():
                return 0.0
            self._clean = False
        return self._fence("the resource is primary without a permission")

    def _role(self, within: float) -> str:
        ran = self._runs(self.orders, "role", max(within, STEP))
        said = {ROLES[word] for line in ran.output.splitlines()
                if (word := line.strip().lower()) in ROLES}
        return said.pop() if ran.well and len(said) == 1 else ""

    def _fence(self, why: str) -> float:
        """Run self_fence, unless a permission has come meanwhile."""
        with self._news:
            if self.permitted():
                return 0.0
            self._fences = True
        self._tells(f"{why}: self_fence runs")
        try:
            ran = self._runs(self.orders, "self_fence", self.orders.self_fence.timeout)
        finally:
            with self._news:
                self._fences = False
        if ran.well:
            self._done("self_fence has succeeded: nobody is served")
            return 0.0
        self._tells(f"self_fence fails, and is tried again: {ran.why}")
        return self.orders.self_fence.pause

    def _done(self, says: str) -> None:
        with self._news:
            if not self.permitted():  # else a permission has come meanwhile
                self._clean, self._fresh = True, False
        self._tells(says)

    def _tells(self, says: str) -> None:
        """Log a line, unless it is the same as the last one."""
        if says != self._said:
            self._said = says
            with suppress(OSError, ValueError):  # a full disk
                self._says(says)


def run(orders: Orders, name: str, within: float) -> Ran:
    """Run a command of the user; it is killed with its process group after so many seconds."""
    command: Command = getattr(orders, name)
    try:
        child = subprocess.Popen(  # noqa: S603, the command is the user's own
            command.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=orders.home, start_new_session=True,
            env={**os.environ, **orders.words, "PRGCORE_HOOK": name})
    except (OSError, ValueError) as error:
        return Ran(False, "", f"{command.words[0]}: {getattr(error, 'strerror', None) or error}")
    assert child.stdin is not None
    assert child.stdout is not None
    output, out, end = b"", child.stdout.fileno(), time.monotonic() + within
    os.set_blocking(out, False)
    with suppress(OSError):
        line = {"hook": name, **{w.removeprefix("PRGCORE_").lower(): v for w, v in orders.words.items()}}
        os.write(child.stdin.fileno(), json.dumps(line).encode() + b"\n")
    with suppress(OSError):
        child.stdin.close()
    while (code := child.poll()) is None and time.monotonic() < end:
        output = _more(out, output)
        time.sleep(STEP / 2)
    output = _more(out, output)
    if code is None or code:
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            child.wait(SLICE)
    child.stdout.close()
    text = output.decode(errors="replace")
    last = "".join(c if c.isprintable() else " " for c in text.strip()[-200:])
    why = f"killed after {within:g} s" if code is None else f"exit code {code}" if code else ""
    return Ran(not why, text, f"{why}: {last}" if why and last else why)


def _more(out: int, output: bytes) -> bytes:
    """The output with all that has come; what is too much is read and dropped."""
    end = time.monotonic() + STEP
    with suppress(OSError):
        while (part := os.read(out, LONGEST)) and time.monotonic() < end:
            output = (output + part)[-LONGEST:]
    return output


# ---------------------------------------------------------------------------- the socket


def answer(warden: Warden, line: bytes, key: str) -> dict[str, Any]:
    """The answer to one line; any other line changes nothing."""
    try:
        asked = json.loads(line)
        if "serve" in asked:
            until = float(asked["until"])
            if isinstance(asked["serve"], dict) and until >= 0:  # no other number, such as NaN
                return dict(warden.permit(
                    asked["serve"], until, promotes=asked.get("promotes") is True))
            return {"error": "not a permission"}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return {"error": "not a permission"}
    return {"guard": key, "permitted": warden.permitted()}


class Listener:
    """Answers at the socket of a guard. A client that does not read is dropped."""

    def __init__(self, warden: Warden, address: str, key: str) -> None:
        self.warden, self.key = warden, key
        with suppress(FileNotFoundError):
            Path(address).unlink()
        self._ear, self._ready = socket.socket(socket.AF_UNIX), selectors.DefaultSelector()
        self._ear.bind(address)
        self._address, self._own = address, Path(address).stat().st_ino
        self._ear.listen(CLIENTS)
        self._ear.setblocking(False)
        self._ready.register(self._ear, selectors.EVENT_READ)
        self._heard: dict[socket.socket, bytes] = {}

    def run(self) -> None:
        """Answer, for ever."""
        while True:
            for event, _ in self._ready.select():
                one = event.fileobj
                try:
                    if one is self._ear:
                        self._accepts()
                    elif isinstance(one, socket.socket) and one in self._heard:
                        self._reads(one)
                except OSError:
                    if isinstance(one, socket.socket) and one in self._heard:
                        self._drop(one)
                    elif one is self._ear:  # no descriptor is free
                        time.sleep(STEP)

    def gone(self) -> bool:
        """Whether its socket was removed, or is that of another guard."""
        try:
            return Path(self._address).stat().st_ino != self._own
        except OSError:
            return True

    def _accepts(self) -> None:
        if len(self._heard) >= CLIENTS:
            self._drop(next(iter(self._heard)))
        new, _ = self._ear.accept()
        new.setblocking(False)
        self._heard[new] = b""
        self._ready.register(new, selectors.EVENT_READ)

    def _reads(self, one: socket.socket) -> None:
        part = one.recv(4096)
        *lines, self._heard[one] = (self._heard[one] + part).split(b"\n")
        for line in lines:
            one.sendall(json.dumps(answer(self.warden, line, self.key)).encode() + b"\n")
        if not part or len(self._heard[one]) > LONGEST:
            self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        self._ready.unregister(one)
        del self._heard[one]
        one.close()


def key_of(text: str) -> str:
    """A word for these orders and this program: an agent replaces a guard that has another one."""
    return hashlib.sha256(text.encode() + Path(__file__).read_bytes()).hexdigest()[:16]


def _print(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} guard: {line}\n")
    sys.stderr.flush()


def main(text: str) -> None:
    """Be the guard of these orders, for ever."""
    orders = Orders.of(text)
    with suppress(OSError):  # a computer without memory should end it last
        Path("/proc/self/oom_score_adj").write_text("-900", "ascii")
    warden = Warden(orders, _print, gone=lambda: listener.gone())  # noqa: PLW0108, it comes below
    listener = Listener(warden, orders.socket, key_of(text))
    Thread(target=listener.run, daemon=True, name="listener").start()
    warden.run()


if __name__ == "__main__":
    main(sys.argv[1])
