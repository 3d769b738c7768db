"""What mypy --strict and pyright say of a program as a user writes it, and of mistakes in one.

`program.py` has none. Every line of `mistakes.py` that is marked has one, which both must find;
a name that is `Any` to a type checker fails here. Prints what is wrong; exit 1 if anything is.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGES = ("README.md", "docs/start.md", "docs/python.md", "docs/timers.md",
         "docs/your-own-machine.md")
"""Pages whose Python a newcomer copies first."""
PROGRAM, MISTAKES = HERE / "program.py", HERE / "mistakes.py"
MARK = "# mistake"
LEAST = 30
"""Mistakes, so that nobody thins them out unseen."""

Found = dict[Path, dict[int, str]]
"""Of each file the lines where something is wrong, and what."""


def _answer(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words, str(PROGRAM), str(MISTAKES)],
                          capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode != 1:  # 1: it read both, and the mistakes are not all overlooked
        raise SystemExit(f"{words[0]} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout


def mypy() -> Found:
    """What mypy says."""
    found: Found = {PROGRAM: {}, MISTAKES: {}}
    for line in _answer("mypy", "--strict", "--output", "json").splitlines():
        one = json.loads(line)
        if one["severity"] == "error":
            found.setdefault(Path(one["file"]).resolve(), {})[one["line"]] = one["message"]
    return found


def pyright() -> Found:
    """What pyright says."""
    found: Found = {PROGRAM: {}, MISTAKES: {}}
    words = ("pyright", "--outputjson", "--pythonpath", sys.executable)
    for one in json.loads(_answer(*words))["generalDiagnostics"]:
        if one["severity"] == "error":
            line = one["range"]["start"]["line"] + 1
            found.setdefault(Path(one["file"]).resolve(), {})[line] = one["message"]
    return found


def wrong(name: str, found: Found) -> Iterator[str]:
    """What a type checker overlooks, and what it says beside that."""
    marked = {number for number, line in enumerate(MISTAKES.read_text("utf-8").splitlines(), 1)
              if line.endswith(MARK)}
    if len(marked) < LEAST:
        yield f"{MISTAKES.name} has {len(marked)} mistakes; {LEAST} are expected"
    for line in sorted(marked - set(found[MISTAKES])):
        yield f"{name} overlooks the mistake in line {line} of {MISTAKES.name}"
    for file, lines in found.items():
        for line, message in sorted(lines.items()):
            if file != MISTAKES or line not in marked:
                yield f"{name}: {file.name}:{line}: {message}"


def pages() -> Iterator[str]:
    """What mypy says of the Python of the pages that a newcomer copies from."""
    with TemporaryDirectory() as folder:
        for page in PAGES:
            blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
            if not blocks:
                yield f"{page} shows no Python"
            module = re.sub(r"\W", "_", page)
            Path(folder, f"{module}.py").write_text("\n".join(blocks), "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", folder],
            capture_output=True, text=True, check=False, cwd=ROOT)
        yield from (done.stdout + done.stderr).splitlines()


CHECKERS: dict[str, Callable[[], Found]] = {"mypy": mypy, "pyright": pyright}

if __name__ == "__main__":
    said = [line for name, ask in CHECKERS.items() for line in wrong(name, ask())]
    said += pages()
    print("\n".join(said)
          or "the program and the pages are typed, and the planted mistakes are found")
    sys.exit(bool(said))
