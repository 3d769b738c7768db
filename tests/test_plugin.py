"""The plugin: what it collects, what a failure looks like, and that it disturbs nobody."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import pytest

import prgcore.prove.report  # noqa: F401, no process loads numpy twice
from prgcore.wire.machine_file import dumps
from tests.toys import TURNSTILE

pytest_plugins = ("pytester",)

PLUGIN = "prgcore.adapters.pytest_plugin"
INI = """
[pytest]
prgcore_machine = machine.json
"""
SETTINGS = {"stories": "prgcore_stories", "proofs": "prgcore_theorems"}
WALK = """
    import json
    from pathlib import Path
    from prgcore.wire.machine_file import load
    from prgcore.machine import Machine
    GATE = Machine(load(Path("machine.json").read_text()))
    def test_one():
        assert GATE.step({"arm": "locked"}, "coin").outcome == "done"
    def test_two():
        assert GATE.step({"arm": "open"}, "push").outcome == "done"
"""
LAST = """
    def test_three():
        assert GATE.step({"arm": "locked"}, "push").outcome == "ignored"
"""


@pytest.fixture
def gate(pytester):
    """A project with a turnstile of its own; runs pytest there, by default in this process."""
    pytester.makeini(INI)
    pytester.path.joinpath("machine.json").write_text(dumps(TURNSTILE), encoding="utf-8")
    for folder in ("stories", "proofs"):
        pytester.path.joinpath(folder).mkdir()

    def run(*words, runs=pytester.runpytest_inprocess, **files):
        for name, text in files.items():
            folder, ending = (("stories", "txt") if "given" in text or "expect" in text
                              else ("proofs", "toml"))
            pytester.path.joinpath(folder, f"{name}.{ending}").write_text(text, encoding="utf-8")
        if "prgcore_machine" in pytester.path.joinpath("tox.ini").read_text(encoding="utf-8"):
            pytester.makeini(INI + "".join(
                f"{setting} = {folder}/*\n" for folder, setting in SETTINGS.items()
                if any(pytester.path.joinpath(folder).iterdir())))
        here = () if entry_points(group="pytest11", name="prgcore") else ("-p", PLUGIN)
        return runs(*here, "-p", "no:asyncio", "-p", "no:cacheprovider", *words)

    run.pytester = pytester
    return run


HOLDS = "coin\nexpect arm = open\npush\nexpect arm = locked\n"
FAILS = "coin\nexpect arm = locked\n"
TOML = """
[can-open]
says = "somebody gets through"
reachable = [{ arm = "open" }]

[stays-shut]
says = "nobody gets through"
never = [{ arm = "open" }]
"""


def test_stories_and_theorems_are_tests(gate):
    result = gate("-v", good=HOLDS, wrong=FAILS, promises=TOML)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines_random([
        "*stories/good.txt::good PASSED*", "*stories/wrong.txt::wrong FAILED*",
        "*proofs/promises.toml::can-open PASSED*", "*proofs/promises.toml::stays-shut FAILED*",
        "*FAILED: arm is open, expected locked*", "stays-shut is refuted: nobody gets through",
    ])
    assert "Traceback" not in result.stdout.str()
    assert "pytest_plugin.py" not in result.stdout.str()


def test_obligations_are_tests_only_when_asked_for(gate):
    gate().assert_outcomes()
    result = gate("--prgcore", "-v", "-rs", "-k", "F1 or F2 or F3")
    result.stdout.fnmatch_lines(["*::F1 PASSED*", "*::F2 PASSED*"])
    assert "not applicable" in result.stdout.str()
    assert result.ret == 0


def test_a_file_that_cannot_be_read_is_one_line(gate):
    result = gate(names="[x]\nsays = 'y'\nnever = [{ am = 'open' }]\n", line="expect arm\n")
    text = result.stdout.str()
    assert "unknown column 'am'; did you mean arm?" in text
    gate.pytester.path.joinpath("proofs", "names.toml").unlink()
    text = gate().stdout.str()
    assert "line 1: expect needs COLUMN = VALUE" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(("words", "machine", "says"), [
    (["--prgcore-coverage", "most"], None, "expected 0 to 100, percent"),
    (["--prgcore-coverage", "101"], None, "expected 0 to 100, percent"),
    (["--prgcore-coverage"], b"{", "prgcore_machine 'machine.json': "),
    (["--prgcore"], None, "No such file"),
    (["--prgcore"], b"\xff\xfe\0", "prgcore_machine 'machine.json': it is not text: byte 0 is not"),
    (["-o", "prgcore_stories=storys/*.txt"], None, "prgcore_stories 'storys/*.txt': no file of /"),
    (["-o", "prgcore_theorems=*.toml"], None, "prgcore_theorems '*.toml': no file of /"),
])
def test_wrong_settings_are_one_line(gate, words, machine, says):
    place = gate.pytester.path / "machine.json"
    if machine is not None:
        place.write_bytes(machine)
    elif "No such" in says:
        place.unlink()
    result = gate(*words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = filter(None, result.stderr.str().splitlines())
    assert says in line
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_coverage_names_what_was_missed_and_has_a_threshold(gate, pytester, workers):
    pytester.makepyfile(WALK)
    runs = pytester.runpytest_subprocess if workers else pytester.runpytest_inprocess
    result = gate("--prgcore-coverage=70", *workers, runs=runs)
    result.stdout.fnmatch_lines([
        "*coverage of turnstile*", "rules met: 2 of 3 (66.7 %)", "  never: T3",
        "values met: 2 of 2 (100.0 %)", "FAILED: less than 70 % was met",
    ])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_coverage_that_is_enough_fails_nothing(gate, pytester):
    pytester.makepyfile(WALK)
    result = gate("--prgcore-coverage")
    result.stdout.fnmatch_lines(["rules met: 2 of 3 (66.7 %)"])
    assert result.ret == 0
    pytester.makepyfile(WALK + LAST)
    result = gate("--prgcore-coverage=100")
    result.assert_outcomes(passed=3)
    assert result.ret == 0


def test_it_disturbs_nobody(gate):
    gate.pytester.makeini("[pytest]\n")
    gate.pytester.makepyfile("""
        import sys
        def test_nothing_is_loaded():
            assert not {"z3", "numpy", "prgcore.engine"} & set(sys.modules)
    """)
    result = gate(runs=gate.pytester.runpytest_subprocess, good=HOLDS, promises=TOML)
    result.assert_outcomes(passed=1)
    assert "prgcore" not in result.stdout.str().partition("test session starts")[2].replace(
        str(gate.pytester.path), "").partition("plugins:")[2].partition("\n")[2]


def test_importing_it_loads_no_solver():
    code = (f"import sys, {PLUGIN}; sys.exit(bool({{'z3', 'numpy', 'hypothesis'}} "
            "& set(sys.modules)))")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
