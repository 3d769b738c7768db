"""Rechecks a certificate of `prgcore prove --certificate`, with the standard library alone.

    python recheck.py CERTIFICATE MACHINE.json     (exit code 0: checked, 1: refused, 2: unreadable)

A pair gives each stored column one of its values. A cell says that a column has one of some values:
here a column number and a bit mask. A cube is cells that all hold, a clause is cells of which one
holds. A derived column is replaced by the rows of its table.

A promise becomes questions: clauses, made here from the machine file, that no pair may satisfy.
For an invariant: can a rule fire in a pair that keeps the invariants, and lead into a cube that
must never hold? Most questions contradict themselves by unit propagation. For the others the
certificate has a proof: lemmas that follow, one by one, by unit propagation from all clauses before
them (RUP: a DRUP proof without deletions), up to a contradiction. The literal n is the n-th value
of all stored columns, in the order of the file; -n is any other value of that column.

Trusted: Python, this file, and that the machine file is well formed and the machine that you mean.
Not trusted: the certificate, its solver, and prgcore. Not checked: verdicts without a proof, which
are listed; whether a promise is empty, or all that it allows is reached; which pairs can be reached.
Law: reads two files and prints; imports the standard library and nothing else.
"""

import hashlib
import json
import sys
from itertools import combinations, product
from pathlib import Path
from typing import Any

Cells = list[tuple[int, int]]
GUARDS = ("accepted_only", "exclusive", "only_by")
RECORDS = ("columns events rules invariants accepted_only exclusive only_by observations converges "
           "duties adversary stories situations causes advice families")  # these have prose:
PROSE = ("assumptions says why cite evidence decisions phase title cause literal corrected defect "
         "because decision nearest")  # no step and no proof reads it


class Refused(Exception):
    """The certificate can be read, and does not prove what it says."""


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def bare(value: Any, record: bool = True) -> Any:
    """A machine file without prose: what its digest is about."""
    if isinstance(value, list):
        return [bare(v, record) for v in value]
    return value if not (record and isinstance(value, dict)) else {
        k: bare(v, k in RECORDS.split()) for k, v in value.items()
        if k not in PROSE.split() and (k, type(v)) != ("advice", str)}


def digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class Machine:
    """A machine file, and the questions that its promises become."""

    def __init__(self, text: bytes) -> None:
        self.file = file = json.loads(text.decode(), object_pairs_hook=once)
        stored = [c for c in file["columns"] if c["kind"] == "stored"]
        self.domain = {c["name"]: c["domain"] for c in file["columns"]}
        self.world = {c["name"] for c in stored if c["observed_by"] == "environment"}
        self.at = {c["name"]: number for number, c in enumerate(stored)}
        self.bit = [{v: 1 << i for i, v in enumerate(c["domain"])} for c in stored]
        self.literal: list[Any] = [None, *((c, b) for c, bits in enumerate(self.bit) for b in bits.values())]
        self.full = self.open = [sum(bits.values()) for bits in self.bit]
        self.of: list[list[Cells]] = [[] for _ in stored]  # by column: a formula without clauses
        self.dead, self.events = False, {e["name"]: e for e in file["events"]}
        self.rules = {e: [r for r in file["rules"] if r["event"] == e] for e in self.events}
        self.table: dict[str, list[tuple[str, Cells]]] = {}
        for c in (c for c in file["columns"] if c["kind"] == "derived"):
            value, sources = {tuple(key): v for key, v in c["table"]}, [self.at[s] for s in c["from"]]
            self.table[c["name"]] = [
                (value[key], [(s, self.bit[s][v]) for s, v in zip(sources, key, strict=True)])
                for key in product(*(self.bit[s] for s in sources))]

    def clause(self, lemma: str) -> Cells:
        """The clause of a lemma: `3 -17`, the third value or any but the seventeenth."""
        return [(c, bit if int(n) > 0 else self.full[c] & ~bit)
                for n in lemma.split() for c, bit in [self.literal[abs(int(n))]]]

    def rows(self, column: str, values: Any) -> list[Cells]:
        """Stored cubes: the column has one of the values exactly where one of them holds."""
        if column in self.table:
            return [cells for value, cells in self.table[column] if value in values]
        return [[(self.at[column], sum(self.bit[self.at[column]][v] for v in set(values)))]]

    def stored(self, *cubes: dict[str, Any]) -> list[dict[int, int]]:
        """Stored cubes: a pair is in all of the cubes exactly where one of them holds."""
        found: list[dict[int, int]] = [{}]
        for column, values in (cell for cube in cubes for cell in cube.items()):
            found = [{**known, **{c: known.get(c, self.full[c]) & mask for c, mask in row}}
                     for known, row in product(found, self.rows(column, values))]
        return [cube for cube in found if all(cube.values())]

    def outside(self, *cubes: dict[str, Any]) -> list[Cells]:
        """Clauses: a pair is not in all of the cubes exactly where they all hold."""
        return [[(c, self.full[c] & ~mask) for c, mask in cube.items()] for cube in self.stored(*cubes)]

    def inside(self, *cubes: dict[str, Any]) -> list[Cells]:
        """Clauses: a pair is in all of the cubes exactly where they all hold."""
        return [one for cube in cubes for column, values in cube.items()
                for one in self.outside({column: {*self.domain[column]} - {*values}})]

    def before(self, then: Any, cube: dict[int, int]) -> list[Cells]:
        """Clauses: these effects lead a pair into a stored cube exactly where they all hold."""
        found: list[Cells] = []
        for target, c in self.at.items():
            how, mask, bits = then.get(target), cube.get(c), self.bit[c]
            if mask and how is None:
                found.append([(c, mask)])
            elif mask and "const" in how:
                found += [] if bits[how["const"]] & mask else [[]]
            elif mask:  # a value that the map does not name keeps the target
                source, new = how.get("by", how.get("copy")), how.get("map", {v: v for v in bits})
                for v in self.domain[source]:
                    if v not in new or not bits[new[v]] & mask:
                        kept = [] if v in new else [(c, mask)]
                        found += [clause + kept for clause in self.outside({source: [v]})]
        return found

    def ways(self, event: str, lies: bool) -> list[dict[str, Any]]:
        """Cubes where an event is possible. A timer that lies asks nothing of the world elsewhere."""
        kind, own = self.events[event]["kind"], self.events[event]["decider"] + "."
        far = {c["name"] for c in self.file["columns"] for s in c.get("from", [c["name"]])
               if lies and kind == "timer" and s in self.world and not s.startswith(own)}
        return [{}] if kind == "command" else [
            {c: v for c, v in p["when"].items() if c not in far}
            for p in self.file["possible"] if p["event"] == event]

    def fires(self, event: str, lies: bool) -> list[tuple[Any, ...]]:
        """Each rule that does something, each way: a name, the rule, clauses: it fires."""
        return [(f"{r['id']} {n}", r, self.inside(r["when"], way)) for r in self.rules[event]
                for n, way in enumerate(self.ways(event, lies)) if r["outcome"] == "done"]

    def questions(self, kept: Any, lies: bool) -> Any:
        """Of every question: its promise, a name, whether the invariants are given, clauses twice."""
        accepted, exclusive, only_by = (enumerate(self.file.get(s, ())) for s in GUARDS)
        never: list[tuple[Any, ...]] = [
            ("", f"{i} {n}", True, {}, [], cube) for i, cubes in kept.items()
            for n, cube in enumerate(cube for one in cubes for cube in self.stored(one))]
        for (n, pair), (i, name, *_, cube) in product(enumerate(self.file["initial"]), never):
            start = self.inside({column: [value] for column, value in pair.items()})
            yield i, f"initial {n} {name}", False, start, [[cell] for cell in cube.items()]
        for n, o in only_by:
            cell = {o["column"]: [o["value"]]}
            never += [(o["id"], f"{o['id']}.{n} {m}", False, o, self.outside(cell), cube)
                      for m, cube in enumerate(self.stored(cell))]
        for event, rules in self.rules.items():
            for where, rule, fires in self.fires(event, lies):
                targets = {self.at[target] for target in rule.get("then", ())}
                for i, name, keeps, by, now, cube in never:
                    may = by.get("when", {}).get(event, {} if event in by.get("events", ()) else None)
                    if targets & cube.keys():
                        yield i, f"{where} {name}", keeps, fires, now + self.before(
                            rule["then"], cube) + ([] if may is None else self.outside(may))
            silent = [one for r in rules for one in self.outside(r["when"])]
            for n, way in enumerate(self.ways(event, lies)):
                if self.events[event]["kind"] != "command":  # a command may be refused
                    yield "F2", f"F2 {event} {n}", True, silent, self.inside(way)
            for (a, b), (n, way) in product(combinations(rules, 2), enumerate(self.ways(event, False))):
                yield "F1", f"F1 {a['id']} {b['id']} {n}", False, self.inside(a["when"], b["when"]), self.inside(way)
        for n, only in accepted:
            nowhere = [one for cube in only["when"] for one in self.outside(cube)]
            for where, _, fires in self.fires(only["command"], lies):
                yield only["id"], f"{only['id']}.{n} {where}", False, fires, nowhere
            idle = [one for r in self.rules[only["command"]] if r["outcome"] == "done" for way in
                    self.ways(only["command"], lies=False) for one in self.outside(r["when"], way)]
            for m, cube in enumerate(only["when"] if only.get("exactly") else ()):
                yield only["id"], f"{only['id']}.{n} {m}", True, idle, self.inside(cube)
        for n, one in exclusive:
            done = [[f for e in self.events if name in (e, e.partition("(")[0])
                     for f in self.fires(e, lies)] for name in one["commands"]]
            never = [(m, one, self.inside(cube)) for m, cube in enumerate(one["never_in"])]
            for some, others in [*combinations(done, 2), *product(done, [never])]:
                for (a, _, first), (b, _, second) in product(some, others):
                    yield one["id"], f"{one['id']}.{n} {a} {b}", False, first, second


class Formula:
    """Clauses, and the values of every column that unit propagation leaves open."""

    def __init__(self, like: Any, clauses: list[Cells]) -> None:
        self.full, self.open, self.of = like.full, list(like.open), [list(of) for of in like.of]
        for clause, column in ((one, c) for one in clauses for c, _ in one):
            self.of[column].append(clause)
        self.dead = like.dead or self.fails(self.open, sorted(clauses, key=len, reverse=True))

    def fails(self, left: list[int], todo: list[Cells]) -> bool:
        """Propagate some clauses, and what they lead to; whether one of them cannot hold."""
        while todo:
            unit = None
            for c, mask in todo.pop():
                can, cannot = left[c] & mask, self.full[c] & ~mask
                if can and (unit or can == left[c] or (can & (can - 1) and cannot & (cannot - 1))):
                    break  # the clause holds, or more than one of its literals is open
                unit = (c, can) if can else unit
            else:
                if unit is None:
                    return True
                left[unit[0]] = unit[1]
                todo += self.of[unit[0]]
        return False

    def follows(self, lemma: Cells) -> bool:
        left = list(self.open)
        for c, mask in lemma:
            left[c] &= ~mask
        return not all(left) or self.fails(left, [one for c, _ in lemma for one in self.of[c]])


def check(data: bytes, machine: Machine) -> dict[str, list[str]]:
    """The promises that a certificate proves of a machine, and the others. Raises Refused."""
    said = json.loads(data.decode(), object_pairs_hook=once)
    if data.decode() != json.dumps(said, sort_keys=True, indent=0, separators=(",", ":")) + "\n" or (
            said.pop("sha256") != digest(said)):
        raise Refused("the checksum differs: this is not the text that was written")
    if said["format"] != "prgcore-certificate/1" or said["machine"] != digest(bare(machine.file)):
        raise Refused(f"it is not about this machine file, {digest(bare(machine.file))}")
    kept, claims, lies = said["invariants"], said["obligations"], said["untruthful"] is True
    own = {i["id"]: i["never"] for i in machine.file.get("invariants", ())}
    guards = {p["id"] for section in GUARDS for p in machine.file.get(section, ())}
    proved = {i for i, claim in claims.items() if claim["proof"] is True}
    able = {*kept} | ({"F1", "F2", "F5", "S18"} | guards) - ({*own} - {*kept})
    wrong = [i for i in kept if kept[i] != own.get(i)]
    wrong += [i for i in proved if claims[i]["verdict"] != "proved" or i not in able]
    wrong += ["S18"] if "S18" in proved and not (lies and {*own} == {*kept} and "F2" in proved) else []
    if wrong:
        raise Refused(f"{min(wrong)}: what it says differs from the machine file, or has no proof")
    known = Formula(machine, [c for cubes in kept.values() for cube in cubes for c in machine.outside(cube)])
    asked = proved | {""} | (guards if proved & {"F5", "S18"} else set())
    count, proofs, last = 0, said["proofs"], (None, None)
    for _, name, keeps, first, second in (q for q in machine.questions(kept, lies) if q[0] in asked):
        if last[0] is not first or last[1] is not keeps:  # else the first clauses are known
            last, begun = (first, keeps), Formula(known if keeps else machine, first)
        formula, count = Formula(begun, second), count + 1
        for lemma in map(machine.clause, proofs.pop(name, ())):
            if formula.dead or not formula.follows(lemma):
                raise Refused(f"{name}: a lemma does not follow, or is not needed")
            formula = Formula(formula, [lemma])
        if not formula.dead:
            raise Refused(f"{name}: not proved, no contradiction is reached")
    if proofs:
        raise Refused(f"{min(proofs)}: a proof of what is not asked")
    return {"machine": [said["machine"]], "questions": [str(count)], "checked": sorted(proved),
            "not checked": sorted({*claims, *own, *guards} - proved),
            "assuming": machine.file.get("assumptions", [])}


def main(words: list[str]) -> int:
    try:
        certificate, machine = (Path(word).read_bytes() for word in words)
        report, code = check(certificate, Machine(machine)), 0
    except Refused as why:
        report, code = {"refused": [str(why)]}, 1
    except Exception as why:  # whatever is wrong with a file, nothing was checked
        report, code = {"not readable": [type(why).__name__, str(why)[:300]]}, 2
    print("\n".join(f"{name}: {ascii('; '.join(said))[1:-1]}" for name, said in report.items()))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
