"""What runs elsewhere, run here: the hook, the action, the workflows, and the page about them."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from prgcore.cli import output
from prgcore.prove import budget

ROOT = Path(__file__).parent.parent
BROKEN = ('"me.lease": "yes", "peer.lease": "no",', '"me.lease": "yes",')
BASH = ("bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c")
"""How GitHub runs a script of `shell: bash`."""


def read(name):
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


ACTION = read("action.yml")
(HOOK,) = read(".pre-commit-hooks.yaml")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"]
WORKFLOWS = sorted(str(f.relative_to(ROOT)) for f in (ROOT / ".github").rglob("*.yml"))
BLOCKS = [yaml.safe_load(text) for text in re.findall(
    r"^~~~yaml\n(.*?)^~~~$", (ROOT / "docs/ci.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)]


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """A folder of programs: `prgcore` and `python` as they are here, and `pip` only says what."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "prgcore").write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m prgcore "$@"\n')
    (folder / "python").write_text(
        '#!/bin/sh\nif [ "$1 $2" = "-m pip" ]; then printf "%s\\n" "$@" > "$PIP"\n'
        f'else exec {shlex.quote(sys.executable)} "$@"; fi\n')
    for file in folder.iterdir():
        file.chmod(0o755)
    return folder


@pytest.fixture
def mine(run, tmp_path, monkeypatch):
    """A machine of one's own, and the current directory in it."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "mine").code == 0
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def broken():
    file = Path("pair.py")
    text = file.read_text(encoding="utf-8")
    assert text.count(BROKEN[0]) == 1
    file.write_text(text.replace(*BROKEN), encoding="utf-8")
    subprocess.run([sys.executable, "pair.py"], check=True, timeout=60)


def shell(script, programs, **environment):
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*BASH, script], capture_output=True, text=True, check=False, timeout=100,
        env={**os.environ, "PATH": path, "COLUMNS": "80", "PIP": "pip.txt", **environment})


# ------------------------------------------------------------------------------- the hook


def test_the_hook_says_what_pre_commit_asks_for():
    assert (HOOK["id"], HOOK["language"]) == ("prgcore-prove", "python")
    (itself,) = HOOK["additional_dependencies"]
    extras = re.fullmatch(r"\.\[(.*)\]", itself)[1].split(",")
    assert set(extras) <= set(EXTRAS)
    assert {"prove", "cli"} <= set(extras)
    assert HOOK["pass_filenames"] is False
    assert re.search(HOOK["files"], "some/machine.json")
    assert re.search(HOOK["files"], "pair.py")
    assert not re.search(HOOK["files"], "repair.py")


@pytest.mark.parametrize("wrong", [False, True])
def test_the_hook_stops_a_commit_that_breaks_a_promise(mine, programs, wrong):
    if wrong:
        broken()
    done = shell(shlex.join([*shlex.split(HOOK["entry"]), *HOOK["args"]]), programs)
    assert done.returncode == wrong, done.stderr
    assert ("S2 refuted" in done.stdout) == wrong
    assert mine.is_dir()


# ----------------------------------------------------------------------------- the action


def acted(programs, tmp_path, **given):
    """The scripts of the action, with its inputs, as GitHub would run them."""
    assert set(given) <= set(ACTION["inputs"])
    inputs = {name: one["default"] for name, one in ACTION["inputs"].items()} | given
    written = {name: tmp_path / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "PIP")}
    environment = {name: str(file) for name, file in written.items()}
    environment["GITHUB_ACTION_PATH"] = str(ROOT)
    for step in ACTION["runs"]["steps"]:
        if "run" not in step:
            continue
        assert step["shell"] == "bash"
        assert "${{" not in step["run"], "an input in a script is run as a script"
        own = {name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda m: inputs[m[1]], value)
               for name, value in step.get("env", {}).items()}
        done = shell(step["run"], programs, **environment, **own)
        if done.returncode:
            break
    output, summary, pip = (f.read_text("utf-8") if f.exists() else "" for f in written.values())
    return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr,
                           output=output, summary=summary, pip=pip)


def test_the_action_uploads_both_reports_whatever_the_verdict():
    assert ACTION["runs"]["using"] == "composite"
    setup, *_, upload = ACTION["runs"]["steps"]
    assert setup["uses"].startswith("actions/setup-python@")
    assert upload["uses"].startswith("actions/upload-artifact@")
    assert upload["if"].startswith("${{ always()")
    assert upload["with"]["path"].split("\n")[:2] == ["${{ inputs.sarif }}", "${{ inputs.junit }}"]
    used = set(re.findall(r"inputs\.([\w-]+)", (ROOT / "action.yml").read_text("utf-8")))
    assert used == set(ACTION["inputs"])
    assert all(one["description"] for one in (ACTION, *ACTION["inputs"].values()))


@pytest.mark.parametrize("wrong", [False, True])
def test_the_action_on_a_machine_of_ones_own(mine, programs, tmp_path, wrong):
    if wrong:
        broken()
    done = acted(programs, tmp_path, machine="machine.json", source="pair.py\n")
    assert done.code == wrong, done.err
    assert done.output == f"code={int(wrong)}\n"
    assert done.summary == f"~~~~text\n{done.out}~~~~\n"
    assert ("S2 refuted" in done.out) == wrong
    assert done.pip.split("\n")[-2] == f"{ROOT}[prove,cli]"
    results = json.loads((mine / "prove.sarif").read_text("utf-8"))["runs"][0]["results"]
    assert {r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results} \
        == ({"pair.py"} if wrong else set())
    assert (mine / "prove.xml").read_text("utf-8").startswith("<?xml")


def test_every_input_arrives_as_it_was_given(programs, tmp_path, mine):
    for name in ("a b.toml", "-c.toml", "$(touch owned).toml"):
        (mine / name).write_text('[t]\nsays = "t"\nreachable = [{ "node1.host" = "off" }]\n', "utf-8")
    done = acted(programs, tmp_path, machine="machine.json", junit="r e.xml", sarif="`id`.sarif",
                 theorems="a b.toml\n\n-c.toml\n$(touch owned).toml", source="pair.py\npair.py")
    assert done.code == 0, done.err
    assert done.out.count("proved") == 4
    assert sorted(f.name for f in mine.iterdir() if f.suffix in (".xml", ".sarif")) \
        == ["`id`.sarif", "r e.xml"]
    assert not (mine / "owned").exists()


@pytest.mark.parametrize(("given", "said"), [
    ({"machine": "none.json"}, "cannot read 'none.json'"),
    ({"policy": "reconnection=nonsense"}, "nonsense"),
    ({"policy": "every", "machine": "machine.json"}, "--every-policy"),
    ({"source": "pair.py"}, "--source"),
])
def test_bad_input_is_said_and_stops_the_job(mine, programs, tmp_path, given, said):
    done = acted(programs, tmp_path, **given)
    assert (done.code, done.output) == (2, "code=2\n")
    assert said in done.err
    assert not (mine / "prove.sarif").exists()


# -------------------------------------------------------------------------- the workflows


@pytest.mark.parametrize("name", [*WORKFLOWS, "prgcore/template/prove.yml"])
def test_a_workflow_reads_only_and_uses_what_there_is(name):
    workflow = read(name)
    assert set(workflow) >= {"name", True, "permissions", "jobs"}  # YAML reads `on` as true
    assert workflow["permissions"]["contents"] == "read"
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        for step in job["steps"]:
            assert ("run" in step) != ("uses" in step)
            if step.get("uses") == "./":
                assert set(step["with"]) <= set(ACTION["inputs"])
            elif "uses" in step:
                assert re.fullmatch(r"(actions|github)/[\w/-]+@v\d+", step["uses"])
            else:
                assert "${{ github." not in step["run"], "a name of a branch is run as a script"


def test_our_own_workflow_runs_what_the_readme_says():
    (name,) = WORKFLOWS
    jobs = read(name)["jobs"]
    assert [s["run"] for s in jobs["everything"]["steps"] if "run" in s] == [".ci/run"]
    assert os.access(ROOT / ".ci/run", os.X_OK)
    oldest, *_ = jobs["everything"]["strategy"]["matrix"]["python"]
    assert f'requires-python = ">={oldest}"' in (ROOT / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_workflow_to_copy_passes_and_fails(mine, programs, wrong):
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=x")
    if wrong:
        broken()
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "x"),
                  ("update-ref", "refs/remotes/origin/main", "HEAD")):
        subprocess.run([*git, *words], check=True, capture_output=True)
    codes = {}
    workflow = read(mine / ".github/workflows/prove.yml")
    for step in workflow["jobs"]["prove"]["steps"]:
        if "run" in step:
            done = shell(step["run"], programs, GITHUB_BASE_REF="main", **workflow["env"])
            codes[step.get("name", "install")] = done.returncode
            assert "rror" not in done.stderr
    assert codes.pop("Every promise holds") == wrong
    assert set(codes.values()) == {0}
    assert len(codes) == 4
    assert (mine / "prove.sarif").exists()
    assert (mine / "prove.xml").exists()


# ------------------------------------------------------------------------------- the page


def test_the_page_uses_the_action_and_the_hook_as_they_are():
    action, gitlab, hooks = BLOCKS
    (step,) = (s for s in action["steps"] if "prgcore" in s["uses"])
    assert set(step["with"]) <= set(ACTION["inputs"])
    ((hook,),) = (r["hooks"] for r in hooks["repos"])
    assert (hook["id"], hook["args"]) == (HOOK["id"], HOOK["args"])
    assert re.search(hook["files"], "machine.json")
    assert gitlab["prove"]["artifacts"]["when"] == "always"
    page = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    assert [n for n in ACTION["inputs"] if not re.search(rf"^\|.*`{n}`.*\|", page, re.MULTILINE)] == []


@pytest.mark.parametrize("wrong", [False, True])
def test_what_gitlab_runs(mine, programs, wrong):
    if wrong:
        broken()
    job = BLOCKS[1]["prove"]
    done = shell("\n".join(job["script"]), programs, **job["variables"])
    assert done.returncode == wrong, done.stderr
    for file in (*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]):
        assert (mine / file).stat().st_size


def test_every_option_that_is_passed_is_one(run):
    option = r"(?<![\w-])--[a-z][\w-]+"
    known = set(re.findall(option, run("prove", "--help").out))
    texts = [ACTION["runs"]["steps"][2]["run"], *map(json.dumps, BLOCKS), json.dumps(HOOK["args"]),
             (ROOT / "prgcore/template/prove.yml").read_text(encoding="utf-8")]
    passed = {o for text in texts for o in re.findall(option, text)}
    assert {"--sarif", "--machine"} <= passed
    assert passed - known <= {"--exit-code", "--no-prove"}


# ------------------------------------------------------------------------------- make


def planned(folder, target):
    """The installs that `make target` would begin with."""
    done = subprocess.run(["make", "--dry-run", target], cwd=folder, capture_output=True, text=True,
                          check=True)
    return re.findall(r"^\.ci/install (\S+)$", done.stdout, re.MULTILINE)


def test_proving_installs_what_proving_needs_and_the_rest_comes_with_the_rest(tmp_path):
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    prover, rest = ["prove,cli"], ["all,opinions,exports,test,bench,docs,dev"]
    assert planned(tmp_path, "prove") == planned(tmp_path, "mutants") == prover
    assert [planned(tmp_path, name) for name in ("test", "check", "docs", "rewrite", "bench")] \
        == [prover + rest] * 5
    (tmp_path / ".venv").mkdir()
    for time, name in enumerate(("pyproject.toml", ".venv/.prover", ".venv/.ready")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    assert planned(tmp_path, "test") == planned(tmp_path, "prove") == []
    os.utime(tmp_path / "pyproject.toml", (9, 9))
    assert planned(tmp_path, "prove") == prover
    assert planned(tmp_path, "test") == prover + rest
    for extras in (*prover, *rest):
        assert set(extras.split(",")) <= set(EXTRAS)


def test_continuous_integration_runs_what_a_reader_runs():
    lines = [line for line in (ROOT / ".ci/run").read_text("utf-8").splitlines()
             if line.startswith("make ")]
    assert lines[0] == "make prove"
    assert lines[-1] == "make test"
    assert (ROOT / "README.md").read_text("utf-8").count("\n$ make prove\n") == 1


@pytest.mark.parametrize("old", [False, True])
def test_an_install_says_what_it_does_and_refuses_an_old_python(tmp_path, old):
    """Beside a python that only notes down what it is asked for."""
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/install", tmp_path / ".ci")
    bin_ = tmp_path / ".venv" / "bin"
    bin_.mkdir(parents=True)
    for file in (bin_ / "python", tmp_path / "python"):
        file.write_text(f'#!/bin/sh\necho "$0 $@" >> {shlex.quote(str(tmp_path))}/asked\n'
                        f'case "$1" in -c) exit {int(old)};; esac\n')
        file.chmod(0o755)
    done = subprocess.run([tmp_path / ".ci/install", "prove,cli"], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHON": str(tmp_path / "python")})
    asked = (tmp_path / "asked").read_text("utf-8").splitlines()
    if old:
        assert done.returncode == 2
        assert done.stdout == "prgcore needs Python 3.11 or newer; try: make PYTHON=python3.12 ...\n"
        assert len(asked) == 1
        return
    assert (done.returncode, done.stderr) == (0, "")
    assert asked[-1].endswith(" --editable .[prove,cli]")
    assert re.fullmatch(r"installing into \.venv \(once\): prgcore with prove,cli, .*\n"
                        r"installed in \d+ s; \.venv holds \d+ MB\n", done.stdout)


# ------------------------------------------------------------------- what is being proved


def test_a_log_says_what_is_being_proved(run, monkeypatch):
    monkeypatch.setattr(budget, "perf_counter", lambda: 0.0)  # nothing takes more than a second
    said = run("prove", "--progress", "--only", "F1", "--only", "F5")
    assert re.fullmatch(r"proving\n  F1 F5 \(\d+\.\d s\)\n", said.err)
    assert run("prove", "--only", "F1").err == ""


def test_a_log_names_each_thing_as_it_begins(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with output.progress("doing", always=True) as tell:
        tell("first", 0, 30)
        assert capsys.readouterr().err == "doing\n  first"
        for done in range(1, 31):
            tell("M1", done, 30)
        tell("", 30, 30)
    assert re.fullmatch(r" M1 3/30 6/30 9/30 12/30 15/30\n"
                        r"  18/30 21/30 24/30 27/30 30/30 \(\d+\.\d s\)\n",
                        capsys.readouterr().err)


def test_a_log_is_whole_where_the_proof_stops(capsys):
    def stopped():
        with output.progress("doing", always=True) as tell:
            tell("first", 0, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert re.fullmatch(r"doing\n  first \(\d+\.\d s\)\n", capsys.readouterr().err)
