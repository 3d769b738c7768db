"""Clusters: blocks run by the workers of Dask, on this computer or on many.

Law: the only file that imports distributed. A worker that dies loses nothing. A block that was
running or waiting in four workers that died is suspect: it is run alone, so that no other block
dies with it, and is given up only if it ends its workers alone too.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

import dask
import distributed
from distributed.scheduler import KilledWorker
from distributed.versions import VersionMismatchWarning

from prgcore.errors import Unavailable
from prgcore.fleet.blocks import Block
from prgcore.fleet.errands import (
    Errand,
    accept,
    answered,
    attempt,
    forget,
    own_makings,
    said,
)
from prgcore.words import counted, one_line

__all__ = ["spread"]

T = TypeVar("T")
CONNECT = 8.0
"""Seconds in which a scheduler must answer."""
IN_WORKERS = {f"distributed.worker.{what}": False for what in (
    "memory.target", "memory.spill", "memory.pause", "profile.enabled")}
"""A table cannot be spilled: a worker that pauses until it has memory would wait for ever. The
profile, which nobody reads, would be taken a hundred times a second."""
SETTINGS = {
    # after 15 seconds, the default, a process that is slow to start again is given up for good
    "distributed.deploy.lost-worker-timeout": "1 day",
    # Dask lets malloc return all memory at once; then arrays of a megabyte cost twice their time
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}
PATIENCE = 60.0
"""Seconds without any worker, after which none is expected any more."""
TICK = 0.5
LOOK = 2.0
"""Seconds between two questions who is there."""
AHEAD = 2
"""Blocks that are sent ahead, per thread of a worker."""
HELD = 64
"""Results that are held per thread while an earlier block is not done."""
DEATHS = 3
"""A block may end this many workers of this computer; a scheduler elsewhere has its own setting."""
QUIET = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
"""A keyboard's Ctrl-C reaches all processes of a terminal; workers leave it to their parent."""


class _Sent(distributed.WorkerPlugin):  # type: ignore[misc]
    """An errand, which each worker accepts once, also one that comes later."""

    idempotent = False

    def __init__(self, key: str, errand: bytes) -> None:
        self.name, self.key, self.errand = f"prgcore-{key}", key, errand

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        accept(self.key, self.errand)

    def teardown(self, worker: Any) -> None:  # noqa: ARG002
        forget(self.key)


def spread(
    errand: Errand[T], blocks: Sequence[Block], workers: int | None, scheduler: str | None,
    report: Callable[[int], None],
) -> Iterator[T]:
    """Yield the results of blocks, in their order, from workers of Dask.

    Args:
        errand: the work.
        blocks: what it is done for.
        workers: how many processes to start on this computer, if there is no scheduler.
        scheduler: the address of a scheduler.
        report: called with the number of blocks that are done.

    Raises:
        BadInput, Unavailable: as `prgcore.fleet.blocks.run`.
    """
    data = errand.packed()
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        stack.enter_context(_folder())
        if scheduler is None:
            address = stack.enter_context(_local(min(workers or 1, len(blocks))))
            called = "the processes of this computer"
            lonely = (f"have ended, and not begun again for {PATIENCE:.0f} seconds; use fewer, or "
                      "--workers 1")
        else:
            address, called = scheduler, f"the scheduler at {scheduler}"
            lonely = (f"has had no worker for {PATIENCE:.0f} seconds; start some with `dask worker`, "
                      "and repeat the command")
        client = stack.enter_context(_client(address, called))
        yield from _Run(client, called, lonely, blocks, report).results(data)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's log off standard error: what matters of it becomes an error of ours."""
    names = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application",
             "asyncio")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # `_meet` says more
            warnings.filterwarnings("ignore", "Creating scratch directories")  # a busy disk
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


@contextmanager
def _folder() -> Iterator[None]:
    """Let Dask write into a folder that is removed, which also workers of this computer use."""
    with (tempfile.TemporaryDirectory(prefix="prgcore-", ignore_cleanup_errors=True) as folder,
          dask.config.set({"temporary-directory": folder, **SETTINGS})):
        yield


@contextmanager
def _local(workers: int) -> Iterator[str]:
    """Processes on this computer that listen on 127.0.0.1 only; yields their scheduler's address."""
    try:
        cluster = distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1",
            # None would open port 8787 (dask/distributed#8136); this opens any free one, unasked
            dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
            scheduler_kwargs={"allowed_failures": DEATHS, "dashboard": False},
            preload=[QUIET], config=IN_WORKERS)
    except (OSError, RuntimeError, TimeoutError) as error:
        raise Unavailable(f"no other process could be started: {said(error)}; "
                          "--workers 1 needs none. A program of your own needs "
                          "`if __name__ == '__main__':` around what it does, in a file") from None
    try:
        yield cluster.scheduler_address
    finally:
        with suppress(Exception):
            cluster.close(timeout=10)


@contextmanager
def _client(address: str, called: str) -> Iterator[Any]:
    try:
        _within(CONNECT * 1.25, lambda: asyncio.run(_greet(address)))
        client = distributed.Client(
            address, timeout=CONNECT, set_as_default=False, name="prgcore")
    except Exception as error:  # noqa: BLE001, a wrong port answers with anything
        raise Unavailable(f"{called} does not answer{_short(error)}; check the address, and that "
                          "`dask scheduler` runs there") from None
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=5)


async def _greet(address: str) -> None:
    """Greet a scheduler; who calls this sets a bound, because Dask's own has exceptions."""
    security = distributed.Security()  # as the configuration of Dask has it
    comm = await distributed.comm.connect(
        address, timeout=CONNECT, **security.get_connection_args("client"))
    comm.abort()


def _within(seconds: float, act: Callable[[], T]) -> T:
    """The result of a function in another thread, which is left behind after some seconds.

    Raises:
        TimeoutError: it has not returned.
    """
    answers: SimpleQueue[tuple[bool, Any]] = SimpleQueue()

    def call() -> None:
        try:
            answers.put((True, act()))
        except BaseException as error:  # noqa: BLE001, raised in the thread that waits
            answers.put((False, error))

    Thread(target=call, name="prgcore-asks-dask", daemon=True).start()
    try:
        good, answer = answers.get(timeout=seconds)
    except Empty:
        raise TimeoutError(f"no answer in {seconds:g} seconds") from None
    if not good:
        raise answer
    returned: T = answer
    return returned


def _short(error: BaseException | None) -> str:
    """The first line of an error, after a colon; those of Dask go on with tables."""
    first = next(iter(str(error or "").splitlines()), "")
    return f": {one_line(first, 200)}" if first else ""


class _Run:
    """Blocks under way. One thread reads and writes this; Dask's only puts into the queue."""

    def __init__(
        self, client: Any, called: str, lonely: str, blocks: Sequence[Block],
        report: Callable[[int], None],
    ) -> None:
        self.client, self.called, self.lonely = client, called, lonely
        self.blocks, self.report = blocks, report
        self.key = uuid4().hex
        self.threads = 0
        self.looked = self.seen = monotonic()
        self.sent = 0  # how many blocks were sent
        self.wanted = 0  # the place of the block whose result is yielded next
        self.running: dict[str, tuple[Any, int]] = {}
        self.suspects: deque[int] = deque()
        self.alone = -1
        self.done: dict[int, bytes] = {}
        self.ended: SimpleQueue[Any] = SimpleQueue()

    def results(self, errand: bytes) -> Iterator[Any]:
        """Yield the results of all blocks, in order."""
        self._meet()
        self._ask(lambda: self.client.register_plugin(_Sent(self.key, errand)), PATIENCE)
        try:
            for place, block in enumerate(self.blocks):
                self.wanted = place
                while place not in self.done:
                    self._turn()
                yield answered(self.done.pop(place), block)
        finally:
            self._end()

    def _end(self) -> None:
        if self.client.status != "running":
            return
        with suppress(Exception):
            if self.running:
                self.client.cancel([future for future, _ in self.running.values()], force=True)
            _within(CONNECT, lambda: self.client.unregister_worker_plugin(f"prgcore-{self.key}"))

    # ------------------------------------------------------------------ who is there

    def _meet(self) -> None:
        """Wait until there is a worker, and see that all are made as this process is."""
        while not self.threads:
            self._look()
        theirs = self._ask(lambda: self.client.get_versions(packages=["prgcore"]), PATIENCE)
        ours = _versions(theirs["client"])
        for name, one in {"the scheduler": theirs["scheduler"], **theirs["workers"]}.items():
            for package, version in _versions(one).items():
                needed = name != "the scheduler" or package in {"python", "distributed"}
                if needed and version != ours[package]:
                    raise Unavailable(
                        f"{name} has {package} {version or '(none)'}, not {ours[package]}; install "
                        "the same everywhere")

    def _ask(self, question: Callable[[], Any], seconds: float = 0) -> Any:
        """An answer of the scheduler; with seconds, also of all workers, which may have stopped.

        Raises:
            Unavailable: there is none.
        """
        try:
            return _within(seconds, question) if seconds else question()
        except TimeoutError:
            raise Unavailable(f"{self.called} or a worker there has not answered for "
                              f"{seconds or CONNECT:.0f} seconds; end what hangs, and repeat the "
                              "command") from None
        except Exception as error:  # noqa: BLE001, a broken connection shows as anything
            raise self._gone(error) from None

    def _gone(self, error: BaseException | None = None) -> Unavailable:
        return Unavailable(f"the connection to {self.called} is lost{_short(error)}; nothing of this "
                           "run is kept, so see that it runs, and repeat the command")

    def _look(self) -> None:
        """See who is there, and whether anybody is.

        Raises:
            Unavailable: the scheduler is gone, or there has been no worker for long.
        """
        if self.client.status != "running":
            raise self._gone()
        self.looked = now = monotonic()
        seen = self._ask(lambda: self.client.sync(
            self.client.scheduler.identity, n_workers=-1, callback_timeout=CONNECT))
        self.threads = sum(one["nthreads"] for one in seen["workers"].values()
                           if one.get("status", "running") == "running")
        if self.threads:
            self.seen = now
        elif now - self.seen > PATIENCE:
            raise Unavailable(f"{self.called} {self.lonely}")

    # ---------------------------------------------------------------------- a turn

    def _turn(self) -> None:
        """Send what may be sent, and wait a moment for a block that ends."""
        self._send()
        if monotonic() - self.looked > LOOK:
            self._look()
        with suppress(Empty):
            future = self.ended.get(timeout=TICK)
            self._take(future)

    def _send(self) -> None:
        if self.suspects:
            if not self.running:
                self.alone = self.suspects.popleft()
                self._submit(self.alone)
            return
        while (self.alone < 0 and self.sent < len(self.blocks)
               and len(self.running) < AHEAD * self.threads
               and self.sent < self.wanted + HELD * max(1, self.threads)):
            self._submit(self.sent)
            self.sent += 1

    def _submit(self, place: int) -> None:
        block = self.blocks[place]
        future = self._ask(lambda: self.client.submit(
            attempt, self.key, own_makings(), block, pure=False, priority=-block.number,
            key=f"block-{block.number}-{uuid4().hex}"))
        self.running[future.key] = future, place
        future.add_done_callback(self.ended.put)

    def _take(self, future: Any) -> None:
        """Take the answer of a block that ended."""
        block = self.blocks[self.running[future.key][1]]
        try:
            answer = self._answer(future)
        except KilledWorker as error:
            self._killed(future, error)
            return
        except CancelledError as error:
            raise self._gone(error) from None
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001, what a worker without this module says
            raise Unavailable(f"a worker cannot run {block}: {said(error)}; install the same "
                              "prgcore everywhere, also where the scheduler is") from None
        _, place = self.running.pop(future.key)
        self.alone = -1 if place == self.alone else self.alone
        self.done[place] = answer
        self.report(self.wanted + len(self.done))

    def _answer(self, future: Any) -> bytes:
        """The bytes that a worker returned, brought here; the block is run again if it is lost."""
        while True:
            try:
                answer: bytes = future.result(timeout=TICK)
            except TimeoutError:
                self._look()
            else:
                return answer

    def _killed(self, future: Any, error: KilledWorker) -> None:
        """Put a block aside whose workers died, or give it up if it ran alone."""
        _, place = self.running.pop(future.key)
        if place != self.alone:
            self.suspects.append(place)
            return
        deaths = counted(error.allowed_failures + 1, "worker")
        raise Unavailable(f"{self.blocks[place]} ended {deaths} that ran nothing else: too little "
                          "memory, or a crash; make the blocks smaller, or give the workers more")


def _versions(one: dict[str, Any]) -> dict[str, str]:
    """The versions that matter of Dask's report on a process."""
    packages = one["packages"]
    return {"python": ".".join(packages["python"].split(".")[:2]),
            **{name: packages.get(name) or "" for name in ("distributed", "numpy", "prgcore")}}
