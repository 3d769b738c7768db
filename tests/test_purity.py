"""The core is pure: no clock, disk, socket, randomness, environment, logging, and no solver."""

from __future__ import annotations

import builtins
import logging
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from prgcore.errors import PrgError
from prgcore.machine import Machine, build
from prgcore.tables.policies import POLICIES

FORBIDDEN = ("z3", "numpy", "click", "rich", "hypothesis", "transitions", "cattrs")

_CLOCK = ("time", "monotonic", "perf_counter", "time_ns", "sleep", "process_time")
_TRAPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (time, _CLOCK),
    (builtins, ("open", "input", "print")),
    (socket, ("socket", "create_connection", "getaddrinfo")),
    (random, ("random", "randint", "choice", "shuffle", "Random", "SystemRandom")),
    (os, ("open", "stat", "listdir", "getenv", "urandom", "system")),
    (logging, ("getLogger", "log", "info", "warning")),
    (subprocess, ("Popen", "run")),
)


class Sprung(Exception):
    """A trap was touched."""


@contextmanager
def traps() -> Iterator[list[str]]:
    """Everything impure raises, and is written down in case somebody swallows what it raises."""
    touched: list[str] = []

    def trap(name: str) -> Callable[..., Any]:
        def sprung(*_: Any, **__: Any) -> Any:
            touched.append(name)
            raise Sprung(name)

        return sprung

    class NoEnvironment(dict[str, str]):
        __getitem__ = get = __contains__ = __iter__ = trap("os.environ")

    with pytest.MonkeyPatch.context() as patch:
        for module, names in _TRAPS:
            for name in names:
                patch.setattr(module, name, trap(f"{module.__name__}.{name}"))
        patch.setattr(os, "environ", NoEnvironment())
        yield touched


HOME = (
    "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
    "initialized(node1)", "initialized(node2)",
)


def _home(machine: Machine) -> Any:
    return machine.run(machine.initial[0], *HOME).end


def _everything(machine: Machine) -> Any:
    pair = _home(machine)
    assert pair["node1.state"] == "normal"
    moving = machine.step(pair, "failover(node1)").pair
    assert machine.available(pair)
    assert machine.explain(moving).plan is not None
    assert machine.plan(moving).steps
    assert not machine.why_not(pair, "fallback(node1)").accepted
    return moving


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """What is imported on first use: reading a module from the disk is not what is held here."""
    _everything(Machine(build()))


def _sprung(touch: Callable[[], Any]) -> list[str]:
    with traps() as touched, suppress(Sprung):
        touch()
    return touched


def test_the_traps_are_set() -> None:
    assert _sprung(lambda: time.monotonic()) == ["time.monotonic"]  # noqa: PLW0108
    assert _sprung(lambda: os.environ["HOME"]) == ["os.environ"]
    assert _sprung(lambda: open("/dev/null")) == ["builtins.open"]  # noqa: PTH123, SIM115
    assert _sprung(lambda: random.random()) == ["random.random"]  # noqa: PLW0108


def test_building_stepping_explaining_and_planning_touch_nothing() -> None:
    with traps() as touched:
        for policy in POLICIES:
            for choice in policy.choices:
                _everything(Machine(build(**{policy.name: choice})))
    assert touched == []


def test_errors_touch_nothing() -> None:
    errors = []
    with traps() as touched:
        machine = Machine(build())
        for event in ("power_on(node1)", "no such event"):
            try:
                machine.step(machine.initial[0], event)
            except PrgError as error:
                errors.append(error.code)
    assert touched == []
    assert errors == ["impossible_event", "bad_input"]


def _answer(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("code", [
    "import prgcore",
    "from prgcore import PRG",
    "from prgcore import PRG; p = PRG.initial[0]; PRG.step(p, 'enable_ha'); PRG.explain(p)",
    "from prgcore import PRG; p = PRG.step(PRG.initial[0], 'enable_ha').pair; PRG.plan(p)",
    "from prgcore import PRG; PRG.why_not(PRG.initial[0], 'recover')",
], ids=["import", "build", "explain", "plan", "why_not"])
def test_neither_solver_nor_command_line_is_loaded(code: str) -> None:
    loaded = _answer(
        f"import sys; before = set(sys.modules); {code}; "
        f"print(sorted(set({FORBIDDEN!r}) & (set(sys.modules) - before)))")
    assert loaded == "[]"


def test_importing_the_package_loads_no_table() -> None:
    loaded = _answer("import sys, prgcore; print(sorted(m for m in sys.modules if 'prgcore' in m))")
    assert loaded == "['prgcore', 'prgcore.lazily']"


AUDIT = """
import sys
from prgcore import PRG
import prgcore.explain.explaining, prgcore.explain.plan, prgcore.form.cubes, prgcore.form.knowledge
PRG.initial
seen = []
watched = ("open", "socket.", "subprocess.", "os.", "shutil.", "tempfile.", "urllib.")
def hook(event, args):
    if event.startswith(watched) and not str(args[:1]).endswith((".py',)", ".pyc',)")):
        seen.append((event, str(args)[:80]))
sys.addaudithook(hook)
pair = PRG.step(PRG.initial[0], "enable_ha").pair
PRG.explain(pair); PRG.plan(pair); PRG.available(pair)
done, seen = seen, []
print(done)
"""


def test_the_interpreter_itself_sees_no_file_socket_or_process_touched() -> None:
    assert _answer(AUDIT) == "[]"


def test_the_same_answers_come_whatever_the_hash_seed() -> None:
    code = (
        "from prgcore import PRG\n"
        "p = PRG.step(PRG.initial[0], 'enable_ha').pair\n"
        "print(PRG.step(p, 'fallback(node1)'), PRG.available(p), PRG.explain(p), PRG.plan(p))"
    )
    said = set()
    for seed in ("0", "1", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
            env={**os.environ, "PYTHONHASHSEED": seed})
        said.add(done.stdout)
    assert len(said) == 1
    assert len(said.pop()) > 1000
