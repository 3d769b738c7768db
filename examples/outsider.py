"""A stranger's interpreter of a machine file, on one page. It shares no code with prgcore.

    prgcore machine --json | python examples/outsider.py
    python examples/outsider.py machine.json

Reads `prgcore-machine/1`, searches everything that can be reached from the initial pairs, and
prints how many pairs there are and how many displays (two states and two reasons, where the
machine has them). Plain Python, no packages. A pair is one integer, a digit a column.
"""

from __future__ import annotations

import json
import sys
from itertools import product


def compile_rules(machine: dict) -> tuple[list, list, list]:
    """Every rule as (digits it reads, {what they are: how the integer changes})."""
    stored = {c["name"]: c["domain"] for c in machine["columns"] if c["kind"] == "stored"}
    derived = {c["name"]: (c["from"], {tuple(k): v for k, v in c["table"]})
               for c in machine["columns"] if c["kind"] == "derived"}
    weight, total = {}, 1
    for name, domain in stored.items():
        weight[name], total = total, total * len(domain)
    code = {n: {v: i * weight[n] for i, v in enumerate(d)} for n, d in stored.items()}

    def value(pair: dict, name: str) -> str:
        if name in stored:
            return pair[name]
        sources, table = derived[name]
        return table[tuple(pair[s] for s in sources)]

    def holds(pair: dict, cells: dict) -> bool:
        return all(value(pair, name) in values for name, values in cells.items())

    ways: dict[str, list] = {e["name"]: [] for e in machine["events"]}
    for entry in machine["possible"]:
        ways[entry["event"]].append(entry["when"])
    for event in machine["events"]:
        if event["kind"] == "command":
            ways[event["name"]] = [{}]
    compiled = []
    for rule in machine["rules"]:
        if rule["outcome"] != "done":
            continue
        then = rule.get("then", {})
        seen = {*rule["when"], *(c for way in ways[rule["event"]] for c in way), *then}
        seen |= {v[how] for v in then.values() for how in ("copy", "by") if how in v}
        reads = sorted({s for n in seen for s in (derived[n][0] if n in derived else [n])})
        # cells of one stored column narrow before anything is multiplied out
        choices = [rule["when"].get(n, stored[n]) for n in reads]
        moves = {}
        for values in product(*choices):
            pair = dict(zip(reads, values, strict=True))
            if not holds(pair, rule["when"]) or not any(
                holds(pair, way) for way in ways[rule["event"]]
            ):
                continue
            moves[sum(code[n][v] for n, v in pair.items())] = sum(
                code[t][effect(pair, t, how, value)] - code[t][pair[t]] for t, how in then.items()
            )
        digits = [(weight[n], len(stored[n])) for n in reads]
        compiled.append((digits, moves))
    starts = [sum(code[n][v] for n, v in pair.items()) for pair in machine["initial"]]
    shown = [(weight[n], len(stored[n])) for n in stored if n.endswith((".state", ".reason"))]
    return compiled, starts, shown


def effect(pair: dict, target: str, how: dict, value) -> str:
    """What the target becomes; every effect reads the pair as it was before the step."""
    if "const" in how:
        return how["const"]
    if "copy" in how:
        return value(pair, how["copy"])
    return how["map"].get(value(pair, how["by"]), pair[target])


def main() -> None:
    """Breadth first, by columns: a level is a list of integers, a rule one dictionary."""
    text = open(sys.argv[1]).read() if len(sys.argv) > 1 else sys.stdin.read()  # noqa: SIM115, PTH123
    compiled, starts, shown = compile_rules(json.loads(text))
    reached, level = set(starts), list(set(starts))
    while level:
        found = set()
        for digits, moves in compiled:
            for pair in level:
                change = moves.get(sum(pair // w % n * w for w, n in digits))
                if change:
                    found.add(pair + change)
        level = list(found - reached)
        reached.update(level)
    displays = {tuple(pair // w % n for w, n in shown) for pair in reached}
    print(f"{len(reached)} pairs, {len(displays)} displays")


if __name__ == "__main__":
    main()
