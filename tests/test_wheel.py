"""What is built holds what is promised: the source distribution, and the wheel in an empty folder."""

from __future__ import annotations

import email
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from prgcore import __version__
from prgcore.cli import shipped

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MADE = ("__pycache__", ".venv", "build", "dist", "_build")
"""Folders that hold nothing of the project; so does any whose name begins with a dot but two."""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The source distribution and the wheel, as a build front end makes them."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT,
                          text=True, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return SimpleNamespace(sdist=sdist, wheel=wheel)


@pytest.fixture(scope="module")
def metadata(built):
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_string(wheel.read(name).decode())


@pytest.fixture(scope="module")
def shell(built, tmp_path_factory):
    """Run a line in a folder, where `python` and `prgcore` are those of an installed wheel."""
    site, programs = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("programs")
    with zipfile.ZipFile(built.wheel) as wheel:
        wheel.extractall(site)
    python = f"PYTHONPATH={shlex.quote(str(site))} exec {shlex.quote(sys.executable)}"
    (programs / "python").write_text(f'#!/bin/sh\n{python} "$@"\n')
    (programs / "prgcore").write_text(f'#!/bin/sh\n{python} -P -m prgcore "$@"\n')
    for program in programs.iterdir():
        program.chmod(0o755)

    def run(line, folder):
        done = subprocess.run(
            line, shell=True, cwd=folder, text=True, capture_output=True, check=False, timeout=200,
            env={**os.environ, "COLUMNS": "80", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"})
        return SimpleNamespace(code=done.returncode, out=done.stdout, err=done.stderr)

    where = run("python -P -c 'import prgcore; print(prgcore.__file__)'", site)
    assert where.out == f"{site}/prgcore/__init__.py\n", where.err
    return run


def project():
    """The files of the project: those that git knows, or without git those that nobody made."""
    if (ROOT / ".git").exists():
        return set(subprocess.run(["git", "ls-files"], cwd=ROOT, text=True, capture_output=True,
                                  check=True).stdout.splitlines())
    paths = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
    return {str(p) for p in paths if not any(
        part in MADE or (part.startswith(".") and part not in (".ci", ".github"))
        for part in p.parts[:-1])}


# --------------------------------------------------------------------- the distribution


def test_the_source_distribution_is_the_project(built):
    with tarfile.open(built.sdist) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    files = project()
    assert files - held == set()
    assert {"Makefile", ".ci/run", "benchmarks/bench.py", "proofs/safety.toml"} <= files


def test_the_wheel_is_the_package_its_theorems_and_its_examples(built):
    with zipfile.ZipFile(built.wheel) as wheel:
        held = {n for n in wheel.namelist() if ".dist-info/" not in n}
    files = {f"prgcore/{f}" if f.startswith(("proofs/", "examples/")) else f for f in project()}
    assert {f for f in files if f.startswith("prgcore/")} <= held
    assert {f for f in held if not f.startswith("prgcore/")} == set()


# -------------------------------------------------------------------------- the metadata


def test_links_of_the_page_on_an_index_lead_into_the_repository(metadata):
    source = PROJECT["urls"]["Source"]
    links = re.findall(r"\]\(([^)\s]+)\)", metadata.get_payload())
    assert len(links) > 10
    for link in links:
        if link.startswith(source):
            kind, version, path = link.removeprefix(f"{source}/").split("/", 2)
            assert version == f"v{__version__}"
            assert (ROOT / path.partition("#")[0]).is_file(), link
            assert kind == ("raw" if path.endswith(".svg") else "blob")
        else:
            assert link.startswith(("https://", "#"))


def test_one_address_everywhere():
    source = PROJECT["urls"]["Source"]
    assert all(url.startswith(source) for url in PROJECT["urls"].values())
    for url in PROJECT["urls"].values():
        if url != source:
            kind, version, path = url.removeprefix(f"{source}/").split("/", 2)
            assert (kind, version) == ("blob", f"v{__version__}")
            assert (ROOT / path).is_file()
    for file in ("docs/ci.md", "prgcore/template/prove.yml"):
        assert f"git+{source}@v{__version__}" in (ROOT / file).read_text("utf-8")


def test_the_versions_of_python_are_those_that_are_tested(metadata):
    (workflow,) = (ROOT / ".github/workflows").glob("*.yml")
    matrix = yaml.safe_load(workflow.read_text("utf-8"))["jobs"]["everything"]["strategy"]["matrix"]
    stated = [c.rpartition(" ")[2] for c in metadata.get_all("Classifier")
              if re.search(r"Python :: 3\.\d+$", c)]
    assert stated == matrix["python"]
    assert metadata["Requires-Python"] == f">={stated[0]}"


# --------------------------------------------------------------- the wheel: the theorems


def test_the_theorems_are_found_and_proved_in_an_empty_folder(shell, tmp_path):
    listed = shell("prgcore prove proofs --list --json", tmp_path)
    ids = [o["id"] for o in json.loads(listed.out)]
    here = [i for f in sorted((ROOT / "proofs").glob("*.toml")) for i in tomllib.loads(f.read_text())]
    assert ids == [*here, "impossible"]
    answer = shell("prgcore prove proofs/commands.toml --only one-button-at-a-time --json", tmp_path)
    assert [o["verdict"] for o in json.loads(answer.out)["obligations"]] == ["proved"]
    assert answer.err == "prgcore: no folder proofs is here: proving the theorems that prgcore ships\n"
    assert list(tmp_path.iterdir()) == []


def test_theorems_of_ones_own_come_first(shell, tmp_path):
    (tmp_path / "proofs").mkdir()
    said = shell("prgcore prove proofs --list", tmp_path)
    assert (said.code, said.out) == (2, "")
    assert "proofs: no theorem files (*.toml or *.smt2) in this folder" in said.err
    assert shell("prgcore prove proofs/safety.toml --list", tmp_path).code == 2


def test_a_machine_of_ones_own_is_not_held_against_them(shell, tmp_path):
    assert shell("prgcore init mine", tmp_path).code == 0
    said = shell("prgcore prove proofs --machine machine.json", tmp_path / "mine")
    assert (said.code, said.err) == (2, "prgcore: no theorem file 'proofs'\n")
    assert shell("prgcore prove --machine machine.json --only S1", tmp_path / "mine").code == 0


# ---------------------------------------------------------------- the wheel: the examples


def test_every_file_of_the_examples_is_of_one_example():
    named = [f for e in shipped.EXAMPLES.values() for f in e.files]
    assert sorted(named) == sorted(f.removeprefix("examples/") for f in project()
                                   if f.startswith("examples/"))
    for one in shipped.EXAMPLES.values():
        assert shipped.texts(one) == {
            Path(f).name: (ROOT / "examples" / f).read_text("utf-8") for f in one.files}


INSTEAD = {
    "prgcore machine --json > machine.json": "prgcore init own && mv own/machine.json .",
    "python campaign.py --store sqlite --schedules 4":
        "python campaign.py --store sqlite --schedules 1 --length 1",
    "python tour.py": "python tour.py --help",
}
"""Of a command that takes half a minute a shorter one; the tour itself runs in test_two_nodes."""
SAYS = {
    "python shortest.py": "idle and running_in_backup_mode\n",
    "python controller.py pair.db": "decisions are kept in pair.db\n",
    "prgcore log pair.db": " done\n",
    "python outsider.py machine.json": "384 pairs, ",
    "prgcore explain status.txt": "Running in Backup Mode",
    "prgcore config check deployment.toml": "2 errors, 0 warnings",
    "python campaign.py --store sqlite --schedules 4": "; 0 wrong\n",
}


@pytest.mark.parametrize("name", shipped.EXAMPLES)
def test_an_example_runs_in_a_new_folder(shell, tmp_path, name):
    one = shipped.EXAMPLES[name]
    wrote = shell(f"prgcore example {name}", tmp_path)
    assert (wrote.code, wrote.err) == (0, "")
    assert wrote.out.endswith("".join(f"  {line}\n" for line in (f"cd {name}", *one.next)))
    written = shipped.texts(one)
    assert {f.name: f.read_text("utf-8") for f in (tmp_path / name).iterdir()} == written
    for line in one.next:
        if one.needs or line.startswith("prgcore agent"):
            continue
        done = shell(INSTEAD.get(line, line), tmp_path / name)
        assert done.code == (1 if name == "deployment" else 0), done.err
        assert done.err == ""
        assert SAYS.get(line, "") in done.out


def test_a_node_of_the_written_group_starts(shell, tmp_path):
    assert shell("prgcore example two_nodes here", tmp_path).code == 0
    said = shell("prgcore agent group.toml node9", tmp_path / "here")
    assert (said.code, said.out) == (2, "")
    assert "node9" in said.err
    assert "cup1" in said.err, "the file was read, and says who there is"
