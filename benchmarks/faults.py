"""The number of planted faults that the tests find: mutants of the table and of Python lines.

    python benchmarks/faults.py table --count 200
    python benchmarks/faults.py lines --count 50 [--project FOLDER [--project OTHER]]

A mutant of the table is one rule changed in one place. It counts as told where a story ends
otherwise, and as shown where the page of the rules differs. A mutant of a line is one operator,
constant, condition, result, argument or statement changed in a copy of a project. The tests that
reach the line then run, the fastest first, until one fails. With two projects the same lines are
changed in both: only a line that stands once in each is chosen. `lines` needs the package
coverage, and first watches every test once, for minutes: `--work FOLDER` keeps what it saw.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).parent.parent
ROOMS = {
    "engine": ("engine.py", "pair.py"),
    "explain": ("explain/*.py",),
    "stores": ("stores/*.py",),
    "running": ("running/*.py",),
}
"""What is changed: the files of the first project, below prgcore."""
TESTS = {
    "engine": "engine answers words properties laws story views",
    "explain": "explain plan status situations",
    "stores": "record stores_sqlite stores stores_etcd",
    "running": "log telemetry node driver processes group",
}
"""The tests that are watched, by room."""
OUTSIDE = {
    "engine": "engine", "explain": "explain", "stores": "stores_sqlite stores stores_etcd",
    "running": "group processes live",
}
"""The tests that run when no watched test has found a line: most of them start programs."""
SWAPS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
}
QUICK, ALL, PATIENCE = 15.0, 60.0, 90.0
"""Seconds of tests that run first, and altogether; seconds more, and the line counts as found."""


# --------------------------------------------------------------------------- lines


@dataclass(frozen=True)
class Change:
    """A line of a file, as it stands and as it is changed, without its indentation."""

    room: str
    file: str
    number: int
    before: str
    after: str


def changed(node: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Every change of a node: the part that is replaced, and by what."""
    new = copy.deepcopy(node)
    match node:
        case ast.BoolOp() | ast.BinOp() if type(node.op) in SWAPS:
            new.op = SWAPS[type(node.op)]()
        case ast.Compare() if type(node.ops[0]) in SWAPS:
            new.ops[0] = SWAPS[type(node.ops[0])]()
        case ast.If() | ast.IfExp() | ast.While():
            yield node.test, f"not ({ast.unparse(node.test)})"
            return
        case ast.Constant(value=int()):
            new.value = not node.value if isinstance(node.value, bool) else node.value + 1
        case ast.UnaryOp(op=ast.Not()):
            yield node, f"({ast.unparse(node.operand)})"
            return
        case ast.Return(value=ast.expr()):
            new.value = ast.Constant(None)
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            new = ast.Pass()
        case ast.Assign() if not ast.unparse(node.targets[0]).startswith("__"):
            new = ast.Pass()
        case ast.Call(args=[first, second, *_]) if not any(
                isinstance(x, ast.Starred) for x in (first, second)):
            new.args[:2] = [second, first]
        case _:
            return
    text = ast.unparse(new)
    yield node, f"({text})" if isinstance(node, ast.BoolOp | ast.BinOp | ast.Compare) else text


def changes(room: str, file: str, text: str) -> Iterator[Change]:
    """Every change of one line of a text; not of annotations, of texts or of what types need."""
    lines, tree, left = text.splitlines(), ast.parse(text), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (
                isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            left |= {*ast.walk(node)}
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            left |= {*ast.walk(part)} if part else set()
    for node in ast.walk(tree):
        for part, new in changed(node) if node not in left else ():
            if part.lineno == part.end_lineno:
                line = lines[part.lineno - 1].encode()
                other = line[:part.col_offset] + new.encode() + line[part.end_col_offset:]
                if other != line:
                    yield Change(room, file, part.lineno, line.decode().strip(),
                                 other.decode().strip())


class Copy:
    """A copy of a project to change lines in, and what its tests reach."""

    def __init__(self, project: Path, work: Path) -> None:
        self.root, self.seen = work / "copy", work / "seen.json"
        own = project / ".venv/bin/python"
        self.python = str(own) if own.exists() else sys.executable
        if not self.root.exists():
            shutil.copytree(project, self.root, ignore=shutil.ignore_patterns(
                ".git", ".venv", "_build", ".*_cache", ".hypothesis", "__pycache__"))
        self.lines = Counter(
            line.strip() for f in self.files("**/*.py") for line in f.read_text().splitlines())
        self.reached: dict[str, dict[str, list[str]]] = {}
        self.seconds: dict[str, float] = {}
        self.stamp = 0

    def files(self, *patterns: str) -> list[Path]:
        return sorted(f for p in patterns for f in (self.root / "prgcore").glob(p))

    def run(self, *words: str, seconds: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *words], cwd=self.root, timeout=seconds, check=False, text=True,
            capture_output=True, env=os.environ | {
                "PYTHONPATH": os.pathsep.join(
                    [str(self.root), *filter(None, [os.environ.get("PYTHONPATH")])])})

    def watch(self) -> None:
        """Which tests reach which lines, and how long each takes; all of them must pass."""
        if self.seen.exists():
            self.reached, self.seconds = json.loads(self.seen.read_text())
            return
        settings, data, times = (self.seen.with_name(n) for n in ("rc", "data", "times.xml"))
        settings.write_text(f"[run]\ndynamic_context = test_function\n"
                            f"source = {self.root / 'prgcore'}\ndata_file = {data}\n")
        for name in " ".join(TESTS.values()).split():
            test = f"tests/test_{name}.py"
            if not (self.root / test).exists():
                continue
            done = self.run("-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest", "-q",
                            "-p", "no:cacheprovider", f"--junitxml={times}", test, seconds=900)
            if done.returncode:
                raise SystemExit(f"{test} fails without any change\n{done.stdout[-2000:]}")
            self.learn(test, data, times)
        self.seen.write_text(json.dumps([self.reached, self.seconds]))

    def learn(self, test: str, data: Path, times: Path) -> None:
        """Reads what one test file reached, and how long it took."""
        from coverage import CoverageData

        for case in ET.parse(times).iter("testcase"):
            name = f"{test}::{case.attrib['name'].partition('[')[0]}"
            if "::test_" in name:  # a test within a class is not asked by itself
                self.seconds[name] = self.seconds.get(name, 0) + float(case.attrib["time"])
        read = CoverageData(str(data))
        read.read()
        for file in read.measured_files():
            lines = self.reached.setdefault(str(Path(file).relative_to(self.root)), {})
            for number, contexts in read.contexts_by_lineno(file).items():
                names = {f"{test}::{c.rpartition('.')[2]}" for c in contexts if c}
                known = lines.setdefault(str(number), [])
                known += sorted((names & {*self.seconds}) - {*known})

    def place(self, change: Change) -> tuple[Path, int]:
        """The file and the line, from 0, where the text of a change stands."""
        for file in self.files("**/*.py"):
            for number, line in enumerate(file.read_text().splitlines()):
                if line.strip() == change.before:
                    return file, number
        raise LookupError(change)

    def tests(self, room: str, file: Path, number: int) -> list[list[str]]:
        """The tests of a line: the fast that reach it, the slow that reach it, the outside ones."""
        lines = self.reached.get(str(file.relative_to(self.root)), {})
        start = max((n.lineno for n in ast.walk(ast.parse(file.read_text()))
                     if isinstance(n, ast.stmt) and n.lineno <= number + 1 <= (n.end_lineno or 0)),
                    default=number + 1)
        order = sorted({t for n in range(start, number + 2) for t in lines.get(str(n), ())},
                       key=lambda t: (self.seconds[t], t))
        sums = [*accumulate(self.seconds[t] for t in order)]
        quick, last = (sum(s < limit for s in sums) or 1 for limit in (QUICK, ALL))
        outside = [f for name in OUTSIDE[room].split()
                   if (self.root / (f := f"tests/test_{name}.py")).exists()]
        return [part for part in (order[:quick], order[quick:last], outside) if part]

    def killer(self, change: Change) -> str:
        """The first test that fails when a line is changed; empty if none does.

        A test that fails by itself, without the change, has found nothing.
        """
        file, number = self.place(change)
        text, parts = file.read_text(), self.tests(change.room, file, number)
        lines = text.splitlines(keepends=True)
        lines[number] = lines[number].replace(change.before, change.after)
        try:
            self.write(file, "".join(lines))
            found = next(filter(None, map(self.failing, parts)), "")
        finally:
            self.write(file, text)
        return "" if "::" in found and self.failing([found]) else found

    def write(self, file: Path, text: str) -> None:
        """Writes a file with a time of its own, so that no compiled file is taken for it."""
        file.write_text(text)
        self.stamp += 10
        os.utime(file, (1e9 + self.stamp, 1e9 + self.stamp))

    def failing(self, tests: list[str]) -> str:
        """The first of some tests that fails; empty if none does."""
        patience = PATIENCE + 2 * sum(
            s for t, s in self.seconds.items() if t in tests or t.partition("::")[0] in tests)
        try:
            done = self.run("-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests,
                            seconds=patience)
        except subprocess.TimeoutExpired:
            return f"no end after {patience:.0f} s"
        failed = [x for x in done.stdout.splitlines() if x.startswith(("FAILED", "ERROR"))]
        if failed:
            return failed[0].split(" - ")[0].partition(" ")[2]
        return "" if done.returncode == 0 else "it does not start"


def lines(count: int, seed: int, projects: list[Path], work: Path) -> None:
    """Change so many lines, one at a time, and say which test of each project finds each."""
    copies = [Copy(p, work / str(n)) for n, p in enumerate(projects)]
    possible: dict[str, dict[str, list[Change]]] = defaultdict(lambda: defaultdict(list))
    for room, patterns in ROOMS.items():
        for file in copies[0].files(*patterns):
            name = str(file.relative_to(copies[0].root))
            for change in changes(room, name, file.read_text()):
                if all(c.lines[change.before] == 1 for c in copies):
                    possible[room][change.before].append(change)
    chance, chosen = random.Random(seed), []
    for n in range(count):
        of = possible[[*ROOMS][n % len(ROOMS)]]
        chosen.append(chance.choice(of.pop(chance.choice(sorted(of)))))
    found: Counter[int] = Counter()
    with ThreadPoolExecutor(len(copies)) as pool:
        [*pool.map(Copy.watch, copies)]
        for n, change in enumerate(chosen, 1):
            killers = [*pool.map(Copy.killer, copies, [change] * len(copies))]
            found.update(i for i, k in enumerate(killers) if k)
            print(f"{n:3} {change.file}:{change.number}\n    - {change.before}\n    + {change.after}")
            for killer in killers:
                print(f"      {killer or 'SURVIVED'}", flush=True)
    for i, project in enumerate(projects):
        print(f"{found[i]} of {count} found by the tests of {project}")


# --------------------------------------------------------------------------- table


def table(count: int, seed: int) -> None:
    """Change so many rules, one at a time; how many the stories and the page of the rules find."""
    sys.path[:0] = [str(ROOT), str(ROOT / "docs")]
    from writer.golden import fields
    from writer.stories import stories

    from prgcore.engine import Engine
    from prgcore.errors import PrgError
    from prgcore.machine import prg
    from prgcore.prove.mutants.rules import mutants
    from prgcore.prove.mutants.score import sample
    from prgcore.prove.mutants.shape import mutate
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
    every = [*mutants(model)]
    for mutant in (every[n] for n in sample(count, len(every), seed)):
        engine = Engine(mutate(model, mutant))
        one = any(fails(engine, t) for t in told)
        other = any(prints(engine, t) != p for t, p in zip(written, printed, strict=True))
        by_stories, by_output, by_either = by_stories + one, by_output + other, by_either + (
            one or other)
        shown += mutant.new is None or fields(mutant.new, "") != fields(mutant.old, "")
    print(f"{count} mutants of the table: the {len(told)} stories of the tables find {by_stories}, "
          f"the {len(written)} with their output {by_output}, both together {by_either}; "
          f"the page of the rules shows {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("what", choices=("table", "lines"))
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--project", type=Path, action="append", help="whose lines and tests")
    parser.add_argument("--work", type=Path, help="a folder for the copies and what was seen")
    given = parser.parse_args()
    if given.what == "table":
        table(given.count, given.seed)
    else:
        projects = [p.resolve() for p in given.project or [ROOT]]
        with tempfile.TemporaryDirectory() as folder:
            lines(given.count, given.seed, projects, (given.work or Path(folder)).resolve())


if __name__ == "__main__":
    main()
