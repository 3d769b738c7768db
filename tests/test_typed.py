"""The typed program runs, and its check says what a type checker overlooks.

`make check` runs the check itself, which asks mypy and pyright.
"""

from __future__ import annotations

import importlib.util
import unittest
from pathlib import Path
from types import ModuleType

import pytest

from prgcore import PRG
from prgcore.wire import dumps
from tests.pages import ROOT


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "typed" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_program_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "machine.json").write_text(dumps(PRG.model), "utf-8")
    monkeypatch.chdir(tmp_path)
    program = _module("program")
    program.main(tmp_path)
    program.test_a_step_stays_in_the_machine()
    assert capsys.readouterr().out.startswith("refused: ha node1.state")
    case = unittest.TestResult()
    program.TestMine("runTest").run(case)
    assert (case.testsRun, case.failures, case.errors) == (1, [], [])


def test_the_check_says_what_is_overlooked_and_what_is_wrong() -> None:
    check = _module("check")
    lines = check.MISTAKES.read_text("utf-8").splitlines()
    marked = [n for n, line in enumerate(lines, 1) if line.endswith(check.MARK)]
    found = {check.PROGRAM: {}, check.MISTAKES: dict.fromkeys(marked, "wrong")}
    assert list(check.wrong("mypy", found)) == []
    del found[check.MISTAKES][marked[0]]
    found[check.MISTAKES][2] = "unmarked"
    found[check.PROGRAM][7] = "untyped"
    assert list(check.wrong("mypy", found)) == [
        f"mypy overlooks the mistake in line {marked[0]} of mistakes.py",
        "mypy: program.py:7: untyped", "mypy: mistakes.py:2: unmarked"]
