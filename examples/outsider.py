"""A stranger's interpreter of a machine file, on one page. It shares no code with prgcore.

    prgcore machine --json | python outsider.py
    python outsider.py machine.json

Reads `prgcore-machine/1`, searches everything that can be reached from the initial pairs, and
prints how many pairs and how many displays (all states and reasons) there are. Plain Python.
A pair is a tuple of its stored values. A row is a pair followed by its derived values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

Row = tuple[str, ...]


class Stranger:
    """The contents of the machine file, as positions in a row."""

    def __init__(self, machine: dict) -> None:
        stored = [c for c in machine["columns"] if c["kind"] == "stored"]
        derived = [c for c in machine["columns"] if c["kind"] == "derived"]
        if any("priority" in rule and "row" not in rule for rule in machine["rules"]) or any(
                s in {d["name"] for d in derived} for c in derived for s in c["from"]):
            sys.exit("written by hand; for all readers: prgcore machine --machine FILE --json")
        self.at = {c["name"]: i for i, c in enumerate(stored + derived)}
        self.stored = [c["name"] for c in stored]
        self.derived = [
            ([self.at[s] for s in c["from"]], {tuple(k): v for k, v in c["table"]})
            for c in derived
        ]
        self.initial = [tuple(map(pair.get, self.stored)) for pair in machine["initial"]]
        ways: dict[str, list[dict]] = {
            e["name"]: [{}] if e["kind"] == "command" else [] for e in machine["events"]
        }
        for entry in machine["possible"]:
            ways[entry["event"]].append(entry["when"])
        self.moves = [
            (self.cells(rule["when"], way), [self.effect(*e) for e in rule.get("then", {}).items()])
            for rule in machine["rules"] if rule["outcome"] == "done"
            for way in ways[rule["event"]]
        ]

    def cells(self, *cubes: dict) -> list[tuple[int, frozenset[str]]]:
        """The cells of a guard and of one way in which its event can happen; rarest first."""
        cells = {(self.at[name], frozenset(v)) for cube in cubes for name, v in cube.items()}
        return sorted(cells, key=lambda cell: (len(cell[1]), cell[0]))

    def effect(self, target: str, how: dict) -> tuple[int, int, dict[str, str] | None, str]:
        """The positions to write and to read, the map of the value (None: itself), or a constant."""
        if "const" in how:
            return self.at[target], -1, None, how["const"]
        return self.at[target], self.at[how.get("copy") or how["by"]], how.get("map"), ""

    def successors(self, pair: Row) -> set[Row]:
        """Every pair one step away; effects read the row as it was before the step."""
        row = pair + tuple(
            [table[tuple([pair[i] for i in sources])] for sources, table in self.derived]
        )
        found = set()
        for cells, effects in self.moves:
            for position, values in cells:
                if row[position] not in values:
                    break
            else:
                after = list(pair)
                for target, source, table, constant in effects:
                    if source < 0:
                        after[target] = constant
                    else:
                        after[target] = (
                            row[source] if table is None else table.get(row[source], row[target])
                        )
                found.add(tuple(after))
        return found

    def search(self) -> set[Row]:
        """Every pair that can be reached, by breadth-first search."""
        reached, level = set(self.initial), set(self.initial)
        while level:
            level = {after for pair in level for after in self.successors(pair)} - reached
            reached |= level
        return reached


def main() -> None:
    """Read a machine file, search it, print two numbers."""
    text = Path(sys.argv[1]).read_text("utf-8") if len(sys.argv) > 1 else sys.stdin.read()
    stranger = Stranger(json.loads(text))
    reached = stranger.search()
    shown = [i for i, n in enumerate(stranger.stored) if n.endswith((".state", ".reason"))]
    displays = {tuple(pair[i] for i in shown) for pair in reached}
    print(f"{len(reached)} pairs, {len(displays)} displays")


if __name__ == "__main__":
    main()
