"""Blocks: the same result to the last digit here, in other processes, and whatever dies."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest

from prgcore.errors import BadInput, MissingExtra, Unavailable
from prgcore.fleet import blocks as blocks_module
from prgcore.fleet import cluster, errands
from prgcore.fleet.blocks import (
    AUTOMATIC,
    Block,
    Given,
    Where,
    added,
    blocks_of,
    machine_given,
    run,
    saved,
)
from prgcore.prove.compiled import Compiled
from prgcore.prove.space import search
from tests import blockwork as work
from tests.planted import LAMPS
from tests.waits import once, text

BLOCKS = blocks_of(1_050, 100, seed=17)
EXPECTED = [work.drawn(block) for block in BLOCKS]


# ------------------------------------------------------------------ blocks and seeds


def test_blocks_hold_every_group_once():
    assert [(b.number, b.first, b.count) for b in blocks_of(25, 10)] == [
        (0, 0, 10), (1, 10, 10), (2, 20, 5)]
    assert blocks_of(0, 10) == ()
    assert blocks_of(10, 10) == (Block(0, 0, 10, 0),)
    assert blocks_of(1, 1_000_000, 5) == (Block(0, 0, 1, 5),)
    for total, size in ((1, 1), (99, 7), (100, 100), (101, 100), (12_345, 678)):
        found = blocks_of(total, size)
        assert sum(b.count for b in found) == total
        assert all(a.first + a.count == b.first for a, b in pairwise(found))
        assert {b.count for b in found[:-1]} <= {size}
        assert [b.number for b in found] == list(range(len(found)))


@pytest.mark.parametrize(("total", "size", "seed"), [(1, 0, 0), (-1, 1, 0), (1, -5, 0), (1, 1, -1)])
def test_blocks_of_nothing_sensible(total, size, seed):
    with pytest.raises(BadInput, match="expected a size of at least 1"):
        blocks_of(total, size, seed)


def test_a_seed_is_the_one_that_numpy_spawns():
    spawned = np.random.SeedSequence(17).spawn(11)
    for block, seed in zip(BLOCKS, spawned, strict=True):
        assert block.sequence.generate_state(4).tolist() == seed.generate_state(4).tolist()
        expected = np.random.Generator(np.random.PCG64(seed)).random(5)
        assert block.random().random(5).tolist() == expected.tolist()
    assert len({block.random().random() for block in BLOCKS}) == 11
    assert blocks_of(1, 1, 1)[0].random().random() != blocks_of(1, 1, 2)[0].random().random()


def test_a_block_says_which_groups_it_has():
    assert str(Block(3, 3_000, 1_000, 0)) == "block 3 (groups 3,000 to 3,999)"


# ----------------------------------------------------------------------- reduction


def test_sums_are_rounded_once():
    parts = [[1e16, 0.1], [1.0, 0.2], [-1e16, 0.3]]
    assert added(parts).tolist() == [1.0, 0.6]
    assert added(reversed(parts)).tolist() == [1.0, 0.6]
    assert sum((np.array(p) for p in parts), np.zeros(2)).tolist() != [1.0, 0.6]


def test_sums_of_integers_are_exact():
    big = np.array([[2**52 + 1, 3]], dtype=np.int64)
    assert added([big, big, big]).tolist() == [[3 * (2**52 + 1), 9]]
    assert added([np.array([200], dtype=np.uint8)] * 3).tolist() == [600]
    assert added([np.array([200], dtype=np.uint8)] * 3).dtype == np.int64
    assert added([1, 2]).shape == ()
    assert added([1.5, 2]).tolist() == 3.5


@pytest.mark.parametrize("parts", [[], [[1], [1, 2]], [[[1.0]], [1.0]]])
def test_only_arrays_of_one_shape_are_added(parts):
    with pytest.raises(BadInput, match="arrays of one shape"):
        added(parts)


# -------------------------------------------------------------------------- where


@pytest.mark.parametrize("address", [
    "tcp://127.0.0.1:8786", "tcp://scheduler.example.org:1", "tls://10.0.0.7:8786", "tcp://[::1]:8786",
    "ws://host:80", "tcp://h:65535",
])
def test_addresses(address):
    assert Where(scheduler=address).scheduler == address


@pytest.mark.parametrize("address", [
    "", "127.0.0.1:8786", "tcp://", "tcp://host", "tcp://:8786", "http://host:80", "tcp://host:port",
    "tcp://host:99999", "tcp://host:1/path", "tcp://host:0", "tcp://host:1?x", "host", "tcp//host:1",
    "tcp://[::1:1",
])
def test_what_is_no_address(address):
    with pytest.raises(BadInput, match="expected an address like tcp://HOST:8786"):
        Where(scheduler=address)


@pytest.mark.parametrize("workers", [0, -1, 513])
def test_too_many_or_too_few_workers(workers):
    with pytest.raises(BadInput, match="expected 1 to 512"):
        Where(workers)


def test_workers_and_a_scheduler():
    with pytest.raises(BadInput, match="leave out one or the other"):
        Where(2, "tcp://127.0.0.1:8786")


def test_other_processes_save_time_if_there_are_enough_blocks():
    assert saved(1.0, 10, 2) == 5.0
    assert saved(1.0, 11, 2) == 5.0
    assert saved(1.0, 1, 2) == 0.0
    assert saved(2.0, 9, 3) == 12.0


# --------------------------------------------------------------------- this process


def test_blocks_here():
    told = []
    found = list(run(work.drawn, BLOCKS, progress=lambda *said: told.append(said)))
    assert found == EXPECTED
    assert told == [("blocks", n + 1, 11) for n in range(11)]
    assert list(run(work.drawn, ())) == []
    assert list(run(lambda block: block.first, BLOCKS))[-1] == 1_000  # nothing is pickled


def test_one_block_needs_no_other_process():
    assert list(run(lambda block: block.count, BLOCKS[:1], where=Where(4))) == [100]


def test_results_come_one_by_one():
    seen = []
    results = run(lambda block: seen.append(block.number) or block.number, BLOCKS)
    assert next(results) == 0
    assert seen == [0]
    results.close()


def test_what_is_given_is_made_once(tmp_path):
    given = Given(work.made, (str(tmp_path), "ready"))
    found = list(run(work.using, BLOCKS, given=given))
    assert [(f[0], f[1]) for f in found] == [("ready", e) for e in EXPECTED]
    assert [text(f) for f in tmp_path.glob("made-*")] == ["x"]


def test_what_is_there_already_is_not_made(tmp_path):
    given = Given(work.made, (str(tmp_path), "made"), here=lambda: {"word": "here", "pid": 0})
    assert {f[0] for f in run(work.using, BLOCKS, given=given)} == {"here"}
    assert list(tmp_path.iterdir()) == []


def test_an_error_here_is_the_block_s():
    results = run(partial(work.failing, "bad", (2, 4)), BLOCKS)
    assert [next(results), next(results)] == EXPECTED[:2]
    with pytest.raises(BadInput, match=r"row 201: unknown state 'Sleeping'"):
        next(results)


def test_without_dask(monkeypatch):
    monkeypatch.setattr(blocks_module, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"prgcore\[dask\]"):
        list(run(work.drawn, BLOCKS, where=Where(2)))
    with pytest.raises(MissingExtra, match=r"prgcore\[dask\]"):
        list(run(work.drawn, BLOCKS, where=Where(scheduler="tcp://127.0.0.1:1")))
    assert list(run(work.drawn, BLOCKS, where=AUTOMATIC)) == EXPECTED


def test_short_work_starts_no_process():
    seen = []
    assert list(run(lambda b: seen.append(os.getpid()) or b.number, BLOCKS, where=AUTOMATIC)) == \
        list(range(11))
    assert set(seen) == {os.getpid()}


def test_long_work_goes_to_other_processes_with_what_is_left(monkeypatch):
    """A clock that says ten seconds a block; the processes are not started, but asked for."""
    clock, sent = iter(range(0, 10_000, 10)), []

    def spread(errand, blocks, where, _progress, before):
        sent.append((len(blocks), where, before))
        yield from map(errand.run, blocks)

    monkeypatch.setattr(blocks_module, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(blocks_module, "cores", lambda: 2)
    monkeypatch.setattr(blocks_module, "_spread", spread)
    assert list(run(work.drawn, BLOCKS, where=AUTOMATIC)) == EXPECTED
    assert sent == [(10, Where(2), 1)]
    sent.clear()
    monkeypatch.setattr(blocks_module, "cores", lambda: 1)
    assert list(run(work.drawn, BLOCKS, where=AUTOMATIC)) == EXPECTED
    assert sent == []


# -------------------------------------------------------------- answers, without Dask


def asked(function, block=BLOCKS[2], given=None, makings=None):
    """What a process that accepted this work answers."""
    errands.accept("key", errands.Errand(function, given).packed())
    try:
        return errands.attempt("key", makings or errands.own_makings(), block)
    finally:
        errands.forget("key")


def test_an_answer_is_a_result():
    assert errands.answered(asked(work.drawn), BLOCKS[2]) == EXPECTED[2]
    assert errands.answered(asked(lambda block: [block.number]), BLOCKS[2]) == [2]  # cloudpickle


@pytest.mark.parametrize(("kind", "error", "says"), [
    ("bad", BadInput, r"row 201: unknown state 'Sleeping'"),
    ("odd", RuntimeError, "Odd: 2 and a lock"),
    ("shy", RuntimeError, "Shy: 2 and no copy"),
    ("mute", RuntimeError, "Mute"),
    ("exit", RuntimeError, "SystemExit: 7"),
    ("interrupt", RuntimeError, "KeyboardInterrupt"),
    ("memory", MemoryError, r"^(\n|$)"),
    ("time", TimeoutError, "the block was too slow"),
    ("result", BadInput, r"the result of block 2 \(groups 200 to 299\) cannot be sent"),
])
def test_an_answer_is_an_error_with_its_own_message(kind, error, says):
    answer = asked(partial(work.failing, kind, (2,)))
    with pytest.raises(error, match=says) as caught:
        errands.answered(answer, BLOCKS[2])
    assert type(caught.value) is error
    assert caught.value.__notes__[0].startswith("in block 2 (groups 200 to 299), in another process:")
    assert "Traceback" in caught.value.__notes__[0]


@pytest.mark.parametrize(("place", "says"), [
    (0, r"another version of Python: .*, not 3\.x; install the same everywhere"),
    (1, r"another version of numpy: .*, not 3\.x; install the same everywhere"),
    (2, r"another version of prgcore: .*, not 3\.x; install the same everywhere"),
    (3, r"another processor, whose numpy differs in the last digit.*NPY_DISABLE_CPU_FEATURES"),
])
def test_no_answer_under_other_makings(place, says):
    makings = list(errands.own_makings())
    makings[place] = "3.x"
    with pytest.raises(Unavailable, match=says):
        errands.answered(asked(work.drawn, makings=tuple(makings)), BLOCKS[2])


@pytest.mark.parametrize("function", [
    partial(work.drawn, threading.Lock()),
    partial(work.drawn, (n for n in range(3))),
])
def test_work_that_cannot_be_sent(function):
    with pytest.raises(BadInput, match="cannot be sent to another process"):
        list(run(function, BLOCKS, where=Where(2)))


def test_a_process_keeps_two_given_values(tmp_path):
    monkey = dict(errands._MADE)
    errands._MADE.clear()
    try:
        for word in ("a", "b", "a", "c", "a", "b"):
            given = Given(work.made, (str(tmp_path), word))
            assert errands.answered(asked(work.using, given=given), BLOCKS[2])[0] == word
        assert len(errands._MADE) == 2
        assert text(tmp_path / f"made-{os.getpid()}") == "xxxx"  # a, b, c, and b again
    finally:
        errands._MADE.clear()
        errands._MADE.update(monkey)


def test_a_machine_is_sent_as_its_file():
    table = Compiled(search(LAMPS))
    here = list(run(work.tabled, BLOCKS, given=machine_given(LAMPS, table)))
    assert here == list(run(work.tabled, BLOCKS, given=machine_given(LAMPS)))
    given = machine_given(LAMPS, table)
    assert errands.answered(asked(work.tabled, given=given), BLOCKS[2]) == here[2]
    assert len(errands.Errand(work.tabled, given).packed()) < 20_000


def test_arithmetic_differs_from_processor_to_processor():
    """Numpy with fewer instructions may differ in the last digit; then its makings do too."""
    code = ("from prgcore.fleet.errands import own_makings; import numpy as np; x = np.linspace(.01, 9,"
            " 4099); print(own_makings()[3], np.tanh(x).sum().hex(), np.tanh(x).tobytes() == b'')")
    found = []
    for less in ("", "X86_V3 X86_V4 AVX2 FMA3 AVX512F AVX512_SKX"):
        environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": less, "PYTHONWARNINGS": "ignore"}
        found.append(subprocess.run([sys.executable, "-c", code], env=environment, check=True,
                                    capture_output=True, text=True).stdout.split())
    assert found[0][0] == errands.own_makings()[3]
    if found[0][1] != found[1][1]:  # as on most of x86
        assert found[0][0] != found[1][0]


# --------------------------------------------------------- processes of this computer


def descendants():
    return {p.pid for p in psutil.Process().children(recursive=True)
            if "resource_tracker" not in " ".join(p.cmdline())}


def ended(before):
    """Whether every process since then is gone; one that is not waited for yet has ended too."""
    return all(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
               for pid in descendants() - before if psutil.pid_exists(pid))


@pytest.fixture
def tidy(tmp_path, monkeypatch):
    """No process, no folder and no listening port is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    before, files = descendants(), {c.laddr for c in psutil.Process().net_connections()}
    yield
    once(lambda: ended(before))
    once(lambda: list((tmp_path / "scratch").iterdir()) == [])
    once(lambda: {c.laddr for c in psutil.Process().net_connections() if c.status == "LISTEN"}
         <= files)


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("workers", [2, 3])
def test_processes_of_this_computer(workers, tmp_path):
    given, told = Given(work.made, (str(tmp_path), "ready")), []
    found = list(run(work.using, BLOCKS, given=given, where=Where(workers),
                     progress=lambda *said: told.append(said)))
    assert [f[1] for f in found] == EXPECTED
    assert os.getpid() not in {f[3] for f in found}
    assert all(f[2] == f[3] for f in found)  # each uses what it made
    assert {text(f) for f in tmp_path.glob("made-*")} == {"x"}  # once
    assert told == [("blocks", n + 1, 11) for n in range(11)]


@pytest.mark.usefixtures("tidy")
def test_killed_in_the_middle(tmp_path):
    """One process is killed from outside, two more kill themselves: the same to the last digit."""
    (tmp_path / "held").mkdir()
    killed = []

    def kill():
        once((tmp_path / "held" / "pid").exists)
        killed.append(int(text(tmp_path / "held" / "pid")))
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    both = partial(_held_and_doomed, str(tmp_path))
    assert list(run(both, BLOCKS, where=Where(2))) == EXPECTED
    killer.join()
    assert killed[0] != os.getpid()
    assert text(tmp_path / "deaths-7") == text(tmp_path / "deaths-9") == "x"


def _held_and_doomed(folder, block):
    work.held(f"{folder}/held", 3, block)
    return work.doomed(folder, 1, (7, 9), block)


@pytest.mark.usefixtures("tidy")
def test_who_stops_early_leaves_nothing(tmp_path):
    results = run(partial(work.held, str(tmp_path), 3), BLOCKS, where=Where(2))
    assert [next(results), next(results)] == EXPECTED[:2]
    once((tmp_path / "pid").exists)  # block 3 is still under way
    results.close()
    assert list(results) == []


# ------------------------------------------------- a scheduler and workers, as programs


class Programs:
    """A scheduler and its workers, started as a user does, on free ports of 127.0.0.1."""

    def __init__(self, folder):
        self.folder, self.all, self.count = folder, [], 0
        self.scheduler = self.start("scheduler", "--host", "127.0.0.1", "--port", "0",
                                    "--no-dashboard")
        self.address = self.said(self.scheduler, "Scheduler at:")

    def start(self, kind, *words, **environment):
        self.count += 1
        out = (self.folder / f"{self.count}.log").open("wb")
        program = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words], stderr=out, stdout=out,
            start_new_session=True, cwd=self.folder, env=os.environ | {
                "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONWARNINGS": "ignore",
                "DASK_TEMPORARY_DIRECTORY": str(self.folder),
                "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"} | environment)
        out.close()
        program.log = self.folder / f"{self.count}.log"
        self.all.append(program)
        return program

    def worker(self, *words, **environment):
        program = self.start("worker", self.address, "--nthreads", "1", "--no-dashboard", "--host",
                             "127.0.0.1", *words, **environment)
        once(lambda: "Registered to" in text(program.log) or program.poll() is not None)
        assert program.poll() is None, text(program.log)
        return program

    def said(self, program, words):
        once(lambda: words in text(program.log) or program.poll() is not None)
        line = next(one for one in text(program.log).splitlines() if words in one)
        return line.split(words)[1].split()[0]

    def stop(self, *programs):
        for program in programs or self.all:
            if program.poll() is None:
                os.killpg(program.pid, signal.SIGKILL)
                program.wait()


@pytest.fixture
def programs(tmp_path):
    (tmp_path / "dask").mkdir()
    started = Programs(tmp_path / "dask")
    try:
        yield started
    finally:
        started.stop()


def test_a_cluster(programs, tmp_path):
    """Two workers; one of them is killed with its nanny, and another comes: the same figures."""
    first, there = programs.worker(), Where(scheduler=programs.address)
    programs.worker()
    table = machine_given(LAMPS)
    here = list(run(work.tabled, BLOCKS, given=table))
    assert list(run(work.tabled, BLOCKS, given=table, where=there)) == here

    with pytest.raises(BadInput, match="row 401: unknown state 'Sleeping'"):  # the first, always
        list(run(partial(work.failing, "bad", (8, 4, 6)), BLOCKS, where=there))
    with pytest.raises(RuntimeError, match="Odd: 10 and a lock"):
        list(run(partial(work.failing, "odd", (10,)), BLOCKS, where=there))
    with pytest.raises(RuntimeError, match="SystemExit: 7"):  # and the worker goes on
        list(run(partial(work.failing, "exit", (1,)), BLOCKS, where=there))

    results = run(partial(work.held, str(tmp_path), 2), BLOCKS, where=there)
    assert next(results) == EXPECTED[0]
    once((tmp_path / "pid").exists)
    holder = int(text(tmp_path / "pid"))
    parents = {p.pid for p in psutil.Process(holder).parents()}
    nanny = next(p for p in programs.all if p.pid in parents)
    programs.stop(nanny)
    programs.worker()
    assert [EXPECTED[0], *results] == EXPECTED
    assert first.poll() is None or nanny is first


def test_a_block_that_ends_every_worker(programs, tmp_path):
    """It is named, and blocks that were beside it are not blamed."""
    programs.worker()
    there = Where(scheduler=programs.address)
    results = run(partial(work.doomed, str(tmp_path), 9, (5,)), BLOCKS, where=there)
    found = []
    with pytest.raises(Unavailable, match=(
            r"^block 5 \(groups 500 to 599\) ended 2 workers that ran nothing else: too little memory")):
        found.extend(results)  # what came before is not lost
    assert found == EXPECTED[:5]
    assert text(tmp_path / "deaths-5") == "xxxx"
    again = partial(work.doomed, str(tmp_path), 4, (5,))
    assert list(run(again, BLOCKS, where=there)) == EXPECTED


def test_the_scheduler_goes(programs, tmp_path):
    programs.worker()
    results = run(partial(work.held, str(tmp_path), 1), BLOCKS,
                  where=Where(scheduler=programs.address))
    assert next(results) == EXPECTED[0]
    once((tmp_path / "pid").exists)  # block 1 was sent with it, and is still under way
    programs.stop(programs.scheduler)
    with pytest.raises(Unavailable, match=r"connection to the scheduler at tcp://127.0.0.1:.* is lost"):
        list(results)
    assert list(results) == []


def test_other_workers(programs, monkeypatch):
    """One with another prgcore, one with fewer instructions, and none at all."""
    there = Where(scheduler=programs.address)
    with monkeypatch.context() as less:
        less.setattr(cluster, "PATIENCE", 0.1)
        with pytest.raises(Unavailable, match=r"has had no worker for 0 seconds; start some with `dask"):
            list(run(work.drawn, BLOCKS, where=there))
    programs.worker()
    makings = ("3.11", "1.0", "0.1.0+0", "0")
    monkeypatch.setattr(cluster, "own_makings", lambda: makings)
    with pytest.raises(Unavailable, match=r"a worker has another version of "):
        list(run(work.drawn, BLOCKS, where=there))
    monkeypatch.undo()
    reports = iter([dict(zip(("python", "distributed", "numpy", "prgcore"), versions, strict=True))
                    for versions in ("3127", "3128", "3129")])  # ours, the scheduler's, the worker's
    monkeypatch.setattr(cluster, "_versions", lambda _: next(reports))
    with pytest.raises(Unavailable, match=r"has prgcore 9, not 7; install the same everywhere"):
        list(run(work.drawn, BLOCKS, where=there))


def test_a_process_that_is_slow_to_begin_again_is_not_given_up():
    """Dask would give it up after 15 seconds, for good, and its blocks would wait for ever."""
    import dask

    before = dask.config.get("distributed.deploy.lost-worker-timeout")
    with cluster._folder():
        assert dask.config.get("distributed.deploy.lost-worker-timeout") == "1 day"
        folder = Path(dask.config.get("temporary-directory"))
        assert folder.is_dir()
    assert not folder.exists()
    assert dask.config.get("distributed.deploy.lost-worker-timeout") == before


@pytest.mark.parametrize("slow", [False, True])
def test_nobody_answers(slow, monkeypatch):
    """A port without a program, and a greeting that is not answered."""
    async def silence(_):
        await asyncio.sleep(1_000)

    monkeypatch.setattr(cluster, "CONNECT", 0.4)
    if slow:
        monkeypatch.setattr(cluster, "_greet", silence)
    said = "no answer in 0.5 seconds" if slow else "Timed out trying to connect to tcp://127.0.0.1:1 aft"
    with pytest.raises(Unavailable, match=f"the scheduler at tcp://127.0.0.1:1 does not answer: {said}"):
        list(run(work.drawn, BLOCKS, where=Where(scheduler="tcp://127.0.0.1:1")))
