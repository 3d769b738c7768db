"""The figures of the design, measured in one run: ratios against peers on the same walk.

    .venv/bin/python benchmarks/bench.py [--json] [--quick] [--against PYTHON]

Absolute times depend on the machine; compare ratios and goals. Every figure is a median of several
runs. The noise beside it is the spread of the middle half, in percent of the median. A missed goal
is reported, and does not change the exit code.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from attrs import asdict, frozen

from prgcore.engine import Pair
from prgcore.machine import Machine, prg
from prgcore.model import By, Const, Copy, Cube, Rule, cube
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Outcome, Reason, State, title

UNWANTED = ("z3", "numpy", "click", "hypothesis")
STEPS = 20_000
PEER_STEPS = 2_000
BULK = 1_000_000


@frozen
class Line:
    """A figure, its goal, and whether the goal was reached; no verdict without a goal."""

    what: str
    value: float
    unit: str
    noise: float
    goal: str = ""
    met: bool | None = None
    note: str = ""


@frozen
class Sample:
    """The times of several runs, in seconds."""

    runs: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.runs)

    @property
    def noise(self) -> float:
        """The spread of the middle half, in percent of the median."""
        if len(self.runs) < 4:
            return 100 * (max(self.runs) - min(self.runs)) / self.median
        low, _, high = quantiles(self.runs, n=4)
        return 100 * (high - low) / self.median


def timed(run: Callable[[], object], times: int) -> Sample:
    """The times of a function; a first run warms up and is not counted."""
    run()
    runs = []
    for _ in range(times):
        started = perf_counter()
        run()
        runs.append(perf_counter() - started)
    return Sample(tuple(runs))


def at_most(what: str, value: float, unit: str, noise: float, limit: float, note: str = "") -> Line:
    return Line(what, value, unit, noise, f"<= {limit:g}", value <= limit, note)


def at_least(what: str, value: float, unit: str, noise: float, limit: float) -> Line:
    return Line(what, value, unit, noise, f">= {limit:g}", value >= limit)


def _process(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def importing(times: int) -> list[Line]:
    """The cost of importing over a bare interpreter, and whether a solver is loaded."""
    bare, light, whole = (
        timed(_process(code), times)
        for code in ("pass", "import prgcore", "from prgcore import PRG")
    )
    loaded = subprocess.run(
        [sys.executable, "-c",
         f"import sys; from prgcore import PRG; print(sorted({set(UNWANTED)} & set(sys.modules)))"],
        check=True, capture_output=True, text=True).stdout.strip()
    assert loaded == "[]", f"importing loads {loaded}"

    def over(sample: Sample) -> float:
        return 1000 * (sample.median - bare.median)

    return [
        at_most("import prgcore", over(light), "ms", light.noise, 40, "no solver loaded"),
        Line("from prgcore import PRG", over(whole), "ms", whole.noise, note="reads the table"),
    ]


# -------------------------------------------------------------------- stepping


def walk(machine: Machine, length: int, seed: int = 0) -> list[str]:
    """Random events from the start, each with the outcome done."""
    chance, pair = random.Random(seed), machine.initial[0]
    events: list[str] = []
    names = [e.name for e in machine.model.events]
    while len(events) < length:
        able = [
            n for n in names
            if machine.possible(pair, n) and machine.step(pair, n).outcome is Outcome.DONE
        ]
        events.append(chance.choice(able))
        pair = machine.step(pair, events[-1]).pair
    return events


class Peer:
    """The model of a peer library: a pair, and each rule as a guard and a callback of it.

    The kindest form for the peers: one state, internal transitions, no entering and leaving.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.pair: Pair = machine.initial[0]

    def guard(self, rule: Rule) -> Callable[..., bool]:
        ways = [p.when for p in self.machine.model.possible if p.event == rule.event]
        if self.machine.kind(rule.event) is Kind.COMMAND:
            ways = [Cube()]
        position = self.machine.position
        cubes = [[(position[c.column], frozenset(c.values)) for c in (*rule.when, *way)]
                 for way in ways]

        def holds() -> bool:
            row = self.pair.row
            for cells in cubes:
                for i, values in cells:
                    if row[i] not in values:
                        break
                else:
                    return True
            return False

        return holds

    def effect(self, rule: Rule) -> Callable[..., None]:
        position = self.machine.position
        tables: list[tuple[int, int, dict[str, str] | None, str]] = []
        for e in rule.then:
            match e.value:
                case Const(constant):
                    tables.append((position[e.target], 0, None, constant))
                case Copy(column):
                    tables.append((position[e.target], position[column], None, ""))
                case By(column, rows):
                    tables.append((position[e.target], position[column], dict(rows), ""))
        at = self.machine.at

        def change() -> None:
            row, after = self.pair.row, list(self.pair.values_)
            for target, source, table, constant in tables:
                if constant:
                    after[target] = constant
                else:
                    old = row[source]
                    after[target] = table.get(old, row[target]) if table else old
            self.pair = at(tuple(after))

        return change


def name(event: str) -> str:
    """An event as an identifier."""
    return event.replace("(", "_").rstrip(")")


def with_transitions(machine: Machine) -> tuple[Peer, Callable[[str], object]]:
    from transitions import Machine as TheirMachine

    peer = Peer(machine)
    theirs = TheirMachine(peer, states=["pair"], initial="pair", auto_transitions=False)
    for rule in machine.model.rules:
        if rule.outcome is Outcome.DONE:
            theirs.add_transition(
                name(rule.event), "pair", None,
                conditions=peer.guard(rule), after=peer.effect(rule))
    triggers = {e.name: getattr(peer, name(e.name)) for e in machine.model.events
                if hasattr(peer, name(e.name))}
    return peer, lambda event: triggers[event]()


def with_statemachine(machine: Machine) -> tuple[Peer, Callable[[str], object]]:
    from statemachine import State, StateMachine

    peer, state = Peer(machine), State(initial=True)
    body: dict[str, Any] = {"pair": state}
    for rule in machine.model.rules:
        if rule.outcome is Outcome.DONE:
            move = state.to.itself(internal=True, cond=peer.guard(rule), on=peer.effect(rule))
            event = name(rule.event)
            body[event] = body[event] | move if event in body else move
    theirs = type("Theirs", (StateMachine,), body)()
    return peer, lambda event: theirs.send(name(event))


def _ours(machine: Machine, events: list[str]) -> Pair:
    pair, step = machine.initial[0], machine.step
    for event in events:
        pair = step(pair, event).pair
    return pair


def _peer(made: tuple[Peer, Callable[[str], object]], events: list[str]) -> Pair:
    peer, send = made
    peer.pair = peer.machine.initial[0]
    for event in events:
        send(event)
    return peer.pair


def stepping(times: int) -> list[Line]:
    """Events a second on one walk: the interpreter, its peers, a dict."""
    machine = prg()
    events = walk(machine, STEPS)
    short = events[:PEER_STEPS]
    expected = _ours(machine, short)
    long = timed(lambda: _ours(machine, events), times)
    ours = timed(lambda: [_ours(machine, short) for _ in range(STEPS // PEER_STEPS)], times)
    rate = STEPS / ours.median
    fresh = Machine(machine.model)
    started = perf_counter()
    _ours(fresh, events)
    cold = STEPS / (perf_counter() - started)
    lines = [Line("PRG.step, the peers' walk", rate / 1e6, "M/s", ours.noise),
             Line("PRG.step, a walk ten times longer", STEPS / long.median / 1e6, "M/s", long.noise),
             Line("PRG.step, never seen before", cold / 1e6, "M/s", 0, note="one run")]
    for library, make, goal in (
        ("transitions", with_transitions, 30), ("python-statemachine", with_statemachine, 0),
    ):
        made = make(machine)
        assert _peer(made, short) == expected, f"{library} took another way"
        theirs = timed(lambda made=made: _peer(made, short), max(3, times // 2))  # type: ignore[misc]
        ratio = rate / (PEER_STEPS / theirs.median)
        what = f"PRG.step : {library}"
        noise = ours.noise + theirs.noise
        lines.append(at_least(what, ratio, "times", noise, goal) if goal
                     else Line(what, ratio, "times", noise))
    theirs_rate = rate / lines[3].value
    return [*lines, *_compiled(short, theirs_rate, times)]


def _compiled(events: list[str], theirs: float, times: int) -> list[Line]:
    import numpy as np

    from prgcore.prove.compiled import Compiled
    from prgcore.prove.space import search

    machine = prg()
    searching = timed(lambda: search(machine.model), max(2, times // 3))
    space = search(machine.model)
    compiled = Compiled(space)
    numbers = [compiled.event(e) for e in events]
    cells, start = compiled.cells, 0
    table, at = {}, start
    for n in numbers:
        table[at, n] = cells[at + n]
        at = table[at, n]
    end = at

    def scalar() -> int:
        at = start
        for n in numbers:
            at = cells[at + n]
        return at

    def lookup() -> int:
        at = start
        for n in numbers:
            at = table[at, n]
        return at

    assert scalar() == lookup() == end
    one, other = timed(scalar, 9 * times), timed(lookup, 9 * times)
    chance = np.random.default_rng(0)
    codes = chance.integers(0, len(space), BULK, np.int32) * np.int32(compiled.width)
    some = chance.integers(0, compiled.width, BULK, np.int32)
    index = codes + some
    assert (compiled.step(codes, some) == compiled.codes[index]).all()
    bulk = timed(lambda: compiled.step(codes, some), times)
    bare = timed(lambda: compiled.codes[index], times)
    rate = PEER_STEPS / one.median
    noise = one.noise + other.noise
    return [
        at_least("compiled : transitions", rate / theirs, "times", one.noise, 100),
        at_most("compiled : a dict look-up", one.median / other.median, "times", noise, 2),
        at_most("a million pairs : numpy gather", bulk.median / bare.median, "times",
                bulk.noise + bare.noise, 2, f"{BULK / bulk.median / 1e6:.0f} M/s"),
        at_most("search of every reachable pair", searching.median, "s", searching.noise, 3,
                f"{len(space):,} pairs, {sum(len(e.source) for e in space.edges):,} edges"),
    ]


# --------------------------------------------------------------------- the rest


def proving(times: int) -> list[Line]:
    """The whole of `prgcore prove`, in a process of its own."""
    run = timed(_process("from prgcore.machine import prg; from prgcore.prove.report import prove;"
                         "raise SystemExit(prove(prg()).exit_code)"), max(1, times // 5))
    return [at_most("prgcore prove, all but M1", run.median, "s", run.noise, 10)]


def drawing(times: int) -> list[Line]:
    """The text of a node's diagram."""
    from prgcore.diagram import draw

    model = prg().model
    texts = {draw(model, form) for form in ("mermaid",) for _ in range(3)}
    assert len(texts) == 1, "a diagram differs from run to run"
    run = timed(lambda: draw(model), 3 * times)
    return [at_most("node diagram text", 1000 * run.median, "ms", run.noise, 5)]


OUTAGES = {
    "a status text": """
        Subcluster Name: A
        Node 1 Name : a State: Failed Over Reason: Initialization
        Node 2 Name : b State: Running in Backup Mode Reason: Critical Service Down""",
    "a text of two silent nodes": """
        Subcluster Name: A
        Node 1 Name : a State:
        Node 2 Name : b State:""",
}
"""Status texts: an everyday one, and the one with the most pairs."""


LIBRARIES = "import attrs, click"
"""What every answer of the command line loads that is not ours."""
BEFORE = 4.8
"""The time of the text with the most pairs at commit 9ba2d13, as `explaining` measures it."""
TEXTS = 1_000


def cpu(command: list[str | Path], given: str = "") -> float:
    """The user and system time of a process, in seconds."""
    before = getrusage(RUSAGE_CHILDREN)
    done = subprocess.run(command, check=False, input=given.encode(), capture_output=True)
    assert done.returncode == 0, done.stderr
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(one: Callable[[], float], other: Callable[[], float], times: int) -> Sample:
    """The ratio of two times over that of a bare interpreter, in turns; the first ones warm up."""
    bare = partial(cpu, [sys.executable, "-c", "pass"])
    one(), other()
    return Sample(tuple((one() - none) / (other() - none)
                        for none in (bare() for _ in range(times))))


def explaining(times: int, against: str = "") -> list[Line]:
    """Pasted status texts explained by the command line: processor time over a bare interpreter.

    Args:
        against: the Python of another checkout, to compare the text with the most pairs.
    """
    def told(text: str, python: str = sys.executable) -> Callable[[], float]:
        return lambda: cpu([python, "-P", "-m", "prgcore", "explain", "-"], text)

    libraries = partial(cpu, [sys.executable, "-c", LIBRARIES])
    lines = []
    for what, text in OUTAGES.items():
        ratio = in_turns(told(text), libraries, times)
        lines.append(Line(f"explain {what} : libraries", ratio.median, "times", ratio.noise))
    worst = lines.pop()
    lines.append(at_most("explain two silent nodes : before", worst.value / BEFORE, "times",
                         worst.noise, 0.5, "before: commit 9ba2d13, over the same libraries"))
    if against:
        ratio = in_turns(told(text), told(text, against), times)
        lines.append(at_most("explain two silent nodes : other", ratio.median, "times",
                             ratio.noise, 0.5, f"other: {against}"))
    with tempfile.TemporaryDirectory() as folder:
        files = texts(Path(folder))
        explain = [sys.executable, "-P", "-m", "prgcore", "explain"]
        alone = Sample(tuple(cpu([*explain, file]) for file in files[::TEXTS // times]))
        together = Sample(tuple(cpu([*explain, *files]) / TEXTS for _ in range(max(2, times // 3))))
    return [
        *lines,
        at_least("a text of 1,000 : one by one", alone.median / together.median, "times",
                 alone.noise + together.noise, 20)]


def texts(folder: Path) -> list[Path]:
    """Different status texts as files: other displays, host names, and lines around them."""
    machine, chance = prg(), random.Random(0)
    columns = [f"{node}.{what}" for node in NODES for what in ("state", "reason")]
    position = machine.position
    both_run = machine.atlas.within([cube({f"{node}.process": "running" for node in NODES})])
    shown = sorted({
        (tuple(values[position[name]] for name in columns), half)
        for values in both_run.distinct(columns) for half in ("all", "open")})
    files = []
    for number, (words, half) in enumerate(chance.sample(shown, TEXTS)):
        lines = [f"{chance.choice(['admin:', '> ', 'Dear all,', ''])}utils ha status"]
        for seat, (state, reason) in enumerate((words[:2], words[2:]), 1):
            host = f"Node {seat} Name : imp{seat}-{number}.example State: {title(State(state))}"
            said = reason != "none" and (half == "all" or seat == 1)
            lines.append(host + f" Reason: {title(Reason(reason))}" * said)
        files.append(folder / f"{number}.txt")
        files[-1].write_text("\n".join([*lines, f"-- {chance.random()}"]), "utf-8")
    return files


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PRESSES = """async () => {
  const times = [];
  for (let i = 0; i < 50; i++) {
    const offers = [...document.querySelectorAll("#events-body .event-button.done")];
    const began = performance.now();
    offers[(7 * i) % offers.length].click();
    document.body.getBoundingClientRect();
    times.push((performance.now() - began) / 1000);
    await new Promise((done) => setTimeout(done));
  }
  return times;
}"""
"""Fifty events on offer are pressed, and the page is laid out after each, in seconds."""


def exploring(times: int) -> list[Line]:
    """The explorer in a browser: until it is there, and until it has answered a step."""
    from prgcore.explorer import page

    text = page(prg())
    lines = [Line("size of the explorer", len(text.encode()) / 1000, "kB", 0, "<= 1000", True)]
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        return lines
    from playwright.sync_api import sync_playwright

    loads, steps = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = Path(folder) / "explorer.html"
        file.write_text(text, "utf-8")
        opened = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(times):
            shown = opened.new_page()
            shown.goto(file.as_uri())
            loads.append(shown.evaluate(
                "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd / 1000"))
            steps += shown.evaluate(PRESSES)
            shown.close()
        opened.close()
    load, step = Sample(tuple(loads[1:])), Sample(tuple(steps))
    return [
        *lines,
        Line("the explorer loads", 1000 * load.median, "ms", load.noise),
        at_most("the explorer answers a step", 1000 * step.median, "ms", step.noise, 100),
    ]


def table(lines: list[Line]) -> str:
    """The figures in 80 columns."""
    head = f"{'what':<33} {'measured':>13}  {'noise':>5}  {'goal':>7}  {'verdict':<7}"
    rows = [head, "-" * len(head)]
    for line in lines:
        verdict = {None: "", True: "reached", False: "MISSED"}[line.met]
        rows.append(
            f"{line.what:<33} {line.value:>7.2f} {line.unit:<5}  {line.noise:>4.0f}%  "
            f"{line.goal:>7}  {verdict:<7}".rstrip())
        if line.note:
            rows.append(f"  ({line.note})")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="fewer runs, without `prgcore prove`")
    parser.add_argument("--against", default="", metavar="PYTHON",
                        help="the Python of another checkout, for the text with the most pairs")
    asked = parser.parse_args()
    times = 5 if asked.quick else 11
    lines = [*importing(times), *stepping(times), *drawing(times), *explaining(times, asked.against),
             *exploring(times)]
    if not asked.quick:
        lines += proving(times)
    if asked.json:
        print(json.dumps([asdict(line) for line in lines], indent=2))
    else:
        print(table(lines))


if __name__ == "__main__":
    main()
