"""The number of planted faults that the tests find: mutants of the table and of Python lines.

    python benchmarks/faults.py table --count 200
    python benchmarks/faults.py lines --count 50 [--project FOLDER]

A mutant of the table is one rule changed in one place. It counts as told where a story ends
otherwise, and as shown where the page of the rules differs. A mutant of a line is one operator,
one constant or one condition changed in a copy of the project, whose tests then run until one
fails. Outside CI: fifty lines take half an hour.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = {
    "engine.py": ("engine", "compiled", "views", "laws", "answers", "story", "plan"),
    "explain": ("explain", "status", "plan", "situations", "ha", "cli"),
    "stores": ("record", "stores_sqlite", "stores", "driver", "stores_etcd"),
    "running": ("driver", "node", "group", "processes", "log", "telemetry", "live"),
}
"""Rooms, and the tests that are asked about them, the nearest first."""
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
}


# --------------------------------------------------------------------------- lines


def places(tree: ast.AST) -> Iterator[ast.AST]:
    """What can be changed: operators, conditions, numbers, True and False; no annotations."""
    for node in ast.walk(tree):
        change = (
            (isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in SWAPS)
            or (isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS)
            or isinstance(node, ast.If | ast.IfExp)
            or (isinstance(node, ast.Constant) and isinstance(node.value, bool | int))
            or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
        )
        if change and not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node


def changed(node: ast.AST) -> str:
    """Changes a place, and says how."""
    before = ast.unparse(node.test if isinstance(node, ast.If) else node)
    match node:
        case ast.BoolOp() | ast.BinOp():
            node.op = SWAPS[type(node.op)]()
        case ast.Compare():
            node.ops[0] = SWAPS[type(node.ops[0])]()
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant():
            node.value += 1
        case ast.UnaryOp():
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
    after = ast.unparse(node.test if isinstance(node, ast.If) else node)
    return f"{before[:60]} -> {after[:60]}"


def lines(count: int, seed: int, project: Path) -> None:
    """Change so many lines, one at a time, and say which test finds each."""
    chance, found, unclear = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        shutil.copytree(project, copy, ignore=shutil.ignore_patterns(
            ".git", ".venv", "_build", ".*_cache", ".hypothesis", "__pycache__"))
        for number in range(1, count + 1):
            room = chance.choice([*TESTS])
            files = sorted((copy / "prgcore").glob(room if "." in room else f"{room}/*.py"))
            file = chance.choice([f for f in files if f.stem != "__init__"])
            text = file.read_text("utf-8")
            tree = ast.parse(text)
            node = chance.choice([*places(tree)])
            what = changed(node)
            file.write_text(ast.unparse(tree), "utf-8")
            killer = finds(copy, room)
            file.write_text(text, "utf-8")
            if "::" in killer and failing(copy, [killer]):
                killer = f"no verdict: {killer} fails by itself"
                unclear += 1
            found += bool(killer)
            print(f"{number:3} {file.relative_to(copy)}:{node.lineno} {what}: "
                  f"{killer or 'SURVIVED'}", flush=True)
    print(f"{found - unclear} of {count} found, {unclear} without a verdict")


def finds(copy: Path, room: str) -> str:
    """The first test of a room that fails; empty if none does."""
    files = [f"tests/test_{name}.py" for name in TESTS[room]]
    return failing(copy, [f for f in files if (copy / f).exists()])


def failing(copy: Path, tests: list[str]) -> str:
    """The first of some tests that fails; empty if none does."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests],
        cwd=copy, env=os.environ | {"PYTHONPATH": str(copy)}, capture_output=True, text=True,
        timeout=900, check=False)
    failed = [x for x in done.stdout.splitlines() if x.startswith(("FAILED", "ERROR"))]
    if failed:
        return failed[0].split(" - ")[0].partition(" ")[2]
    return "" if done.returncode == 0 else "it does not start"


# --------------------------------------------------------------------------- table


def table(count: int, seed: int) -> None:
    """Change so many rules, one at a time; how many the stories and the page of the rules find."""
    sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
    from writer.golden import fields
    from writer.stories import stories

    from prgcore.engine import Engine
    from prgcore.errors import PrgError
    from prgcore.machine import prg
    from prgcore.prove.mutation import mutate, sample
    from prgcore.story.script import parse, run, tell

    def fails(engine: Engine, text: str) -> bool:
        try:
            return not run(engine, text).ok
        except PrgError:
            return True

    def prints(engine: Engine, text: str) -> str:
        try:
            return tell(run(engine, text))
        except PrgError as error:
            return str(error)

    model = prg().model
    told = [t for t in stories().values() if not parse(t).policy]
    written = [t for f in sorted((ROOT / "tests/stories").glob("*.txt"))
               if not parse(t := f.read_text("utf-8")).policy]
    printed = [prints(prg(), t) for t in written]
    by_stories = by_output = by_either = shown = 0
    for mutant in sample(model, count, seed):
        engine = Engine(mutate(model, mutant))
        one = any(fails(engine, t) for t in told)
        other = any(prints(engine, t) != p for t, p in zip(written, printed, strict=True))
        by_stories, by_output, by_either = by_stories + one, by_output + other, by_either + (
            one or other)
        shown += mutant.changed is None or fields(mutant.changed, "") != fields(mutant.original, "")
    print(f"{count} mutants of the table: the {len(told)} stories of the tables find {by_stories}, "
          f"the {len(written)} with their output {by_output}, both together {by_either}; "
          f"the page of the rules shows {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("table", "lines"))
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--project", type=Path, default=ROOT, help="whose lines and tests")
    given = parser.parse_args()
    if given.what == "table":
        table(given.count, given.seed)
    else:
        lines(given.count, given.seed, given.project.resolve())


if __name__ == "__main__":
    main()
