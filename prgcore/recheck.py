"""Rechecks a certificate of `prgcore prove --certificate`, with the standard library alone.

    python recheck.py CERTIFICATE MACHINE.json [S1 S3 ...]      (the promises that must be checked)

Exit code 0: what is listed as checked was checked. 1: the certificate is refused, or nothing was
checked, or the certificate itself says that a promise failed. 2: a file cannot be read.

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
           "duties adversary stories situations causes advice families timers parameters actions")  # these have prose:
# The promises of every machine, which no machine file spells out; verdicts that are no failure.
FORMS, FINE = ("F1", "F2", "F5", "S18"), ("proved", "reported", "not_applicable")
PROSE = ("assumptions says why cite evidence decisions phase title cause literal corrected defect "
         "because decision nearest scope duty since words either printed")  # no step and no proof reads it


class Refused(Exception):
    """The certificate can be read, and does not prove what it says."""


def demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Refused(otherwise)


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key is given twice")
    return dict(pairs)


def load(data: bytes, form: str) -> Any:
    file = json.loads(data.decode(), object_pairs_hook=once)
    if not isinstance(file, dict) or file.get("format") != form:
        raise ValueError(f"this is not a {form}; the certificate comes first, then the machine file")
    return file


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
        self.file = file = load(text, "prgcore-machine/1")
        stored = [c for c in file["columns"] if c["kind"] == "stored"]
        self.domain = {c["name"]: c["domain"] for c in file["columns"]}
        self.world = {c["name"] for c in stored if c["observed_by"] == "environment"}
        self.at = {c["name"]: number for number, c in enumerate(stored)}
        self.bit = [{v: 1 << i for i, v in enumerate(c["domain"])} for c in stored]
        self.literal: list[Any] = [None, *((c, b) for c, bits in enumerate(self.bit) for b in bits.values())]
        # A machine also serves as the formula without clauses, which a Formula copies and extends:
        # of every column all values are open, and no clause names it. Nothing changes these lists.
        self.full = self.open = [sum(bits.values()) for bits in self.bit]
        self.of: list[list[Cells]] = [[] for _ in stored]
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
        # "Exactly where": each pair with such a value is in one of the cubes, and no other pair is.
        # So the denial of all of them is exact too, and no question is weaker than its promise.
        return [cells for value, cells in self.table[column] if value in values] if column in self.table else [
            [(self.at[column], sum(self.bit[self.at[column]][v] for v in set(values)))]]

    def stored(self, *cubes: dict[str, Any]) -> list[dict[int, int]]:
        """Stored cubes: a pair is in all of the cubes exactly where one of them holds."""
        found: list[dict[int, int]] = [{}]  # no cell: the cube of every pair
        for column, values in (cell for cube in cubes for cell in cube.items()):
            found = [{**known, **{c: known.get(c, self.full[c]) & mask for c, mask in row}}
                     for known, row in product(found, self.rows(column, values))]
        return [cube for cube in found if all(cube.values())]  # an empty mask: a cube of no pair

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
            elif mask:  # a constant is the new value for every old one
                source = how.get("by", how.get("copy", target))
                new = how.get("map", {v: how.get("const", v) for v in bits})
                for v in self.domain[source]:
                    if v not in new or not bits[new[v]] & mask:
                        # A value v that leads out of the cube is excluded: the source is not v. If
                        # the map does not name v, the target keeps its value: or it is in the mask.
                        found += [one + ([] if v in new else [(c, mask)]) for one in self.outside({source: [v]})]
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
        # The promise "" is all invariants together: no step leads from a pair that keeps them into a
        # cube of one. They are proved by one induction, so either all of `kept` holds or none of it.
        accepted, exclusive, only_by = (enumerate(self.file.get(s, ())) for s in GUARDS)
        # What no step may enter: promise, name, invariants given, the record of an `only_by` (else
        # {}), clauses of the pair before (of an `only_by`: it has not the value yet), cube after.
        never: list[tuple[Any, ...]] = [
            ("", f"{i} {n}", True, {}, [], cube) for i, cubes in kept.items()
            for n, cube in enumerate(cube for one in cubes for cube in self.stored(one))]
        for (n, pair), (i, name, *_, cube) in product(enumerate(self.file["initial"]), never):
            # The start as a step: it makes this pair of any pair.
            yield i, f"initial {n} {name}", False, [], self.before({c: {"const": v} for c, v in pair.items()}, cube)
        never += [(o["id"], f"{o['id']}.{n} {m}", False, o, self.outside({o["column"]: [o["value"]]}), cube)
                  for n, o in only_by for m, cube in enumerate(self.stored({o["column"]: [o["value"]]}))]
        for event, rules in self.rules.items():
            for where, rule, fires in self.fires(event, lies):
                for i, name, keeps, by, now, cube in never:
                    # Where an `only_by` lets this event set the value: None is nowhere, {} is
                    # everywhere. For an invariant `by` is {}, and no event may do it anywhere.
                    may = by.get("when", {}).get(event, {} if event in by.get("events", ()) else None)
                    if any(self.at[target] in cube for target in rule.get("then", ())):
                        yield i, f"{where} {name}", keeps, fires, now + self.before(
                            rule["then"], cube) + ([] if may is None else self.outside(may))
            silent = [one for r in rules for one in self.outside(r["when"])]
            # A command needs no rule: it may be refused.
            for n, way in enumerate(self.ways(event, lies) if self.events[event]["kind"] != "command" else ()):
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
            nothing = [(m, one, self.inside(cube)) for m, cube in enumerate(one["never_in"])]
            for some, others in [*combinations(done, 2), *product(done, [nothing])]:
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


def check(data: bytes, machine: Machine, *need: str) -> dict[str, list[str]]:
    """The promises that a certificate proves of a machine, and the others. Raises Refused."""
    said, own_digest = load(data, "prgcore-certificate/1"), digest(bare(machine.file))
    demand(data.decode() == json.dumps(said, sort_keys=True, indent=0, separators=(",", ":")) + "\n"
           and said.pop("sha256") == digest(said), "the checksum differs: this is not the text that was written")
    demand(said["machine"] == own_digest, f"it is not about this machine file, {own_digest}")
    kept, claims, lies = said["invariants"], said["obligations"], said["untruthful"] is True
    own = {i["id"]: i["never"] for i in machine.file.get("invariants", ())}
    guards = {p["id"] for s in GUARDS for p in machine.file.get(s, ())}
    proved = {i for i, claim in claims.items() if claim["proof"] is True}
    failed = {i: claim["verdict"] for i, claim in claims.items() if claim["verdict"] not in FINE}
    # What a certificate can prove: its invariants, and the ids of FORMS and of guards, except those
    # that also name an invariant which it has not. An id may name an invariant and guards (S10).
    able = {*kept} | ({*FORMS} | guards) - ({*own} - {*kept})
    wrong = [i for i in kept if kept[i] != own.get(i)] + [i for i in need if i not in proved]
    wrong += [i for i in proved if claims[i]["verdict"] != "proved" or i not in able]
    wrong += ["S18"] if "S18" in proved and not (lies and {*own} == {*kept} and "F2" in proved) else []
    demand(not wrong, f"{min(wrong, default='')}: what it says differs from the machine file, or has no proof")
    known = Formula(machine, [c for cubes in kept.values() for cube in cubes for c in machine.outside(cube)])
    asked = proved | {""} | (guards if proved & {"F5", "S18"} else set())
    met, proofs = dict.fromkeys(asked, 0), said["proofs"]  # of each promise, how many questions it became
    for who, name, keeps, first, second in (q for q in machine.questions(kept, lies) if q[0] in asked):
        formula, met[who] = Formula(known if keeps else machine, first + second), met[who] + 1
        for lemma in map(machine.clause, proofs.pop(name, ())):
            demand(not formula.dead and formula.follows(lemma), f"{name}: a lemma does not follow, or is not needed")
            formula = Formula(formula, [lemma])
        demand(formula.dead, f"{name}: not proved, no contradiction is reached")
    demand(not proofs, f"{min(proofs, default='')}: a proof of what is not asked")
    # What became no question was not checked. F5 is the guards, and S18 is about invariants.
    checked = {i for i in proved if met[i] or (i in kept and met[""]) or (i == "F5" and guards) or (i == "S18" and own)}
    says = {f"says {i}": sorted({p.get("says", "") for s in ("invariants", *GUARDS) for p in machine.file.get(s, ())
                                 if p["id"] == i}) for i in sorted(checked - {*FORMS})}
    return {"machine": [own_digest], "questions": [str(sum(met.values()))], "checked": sorted(checked), **says,
            "failed": [f"{i} {verdict}" for i, verdict in sorted(failed.items())],
            "not checked": sorted({*claims, *own, *guards} - checked - {*failed}),
            "assuming": machine.file.get("assumptions", [])}


def main(words: list[str]) -> int:
    if len(words) < 2:
        print("usage: python recheck.py CERTIFICATE MACHINE.json [S1 S3 ...]")
        return 2
    try:
        report = check(Path(words[0]).read_bytes(), Machine(Path(words[1]).read_bytes()), *words[2:])
    except Refused as why:
        report = {"refused": [str(why)]}
    except Exception as why:  # whatever is wrong with a file, nothing was checked
        report = {"not readable": [type(why).__name__, str(why)[:300]]}
    # The files hold any text. `ascii` escapes what is no plain character, so no text makes a line of
    # its own or moves the cursor; [1:-1] takes off the quotes.
    print("\n".join(ascii(f"{name}: {'; '.join(said) or 'nothing'}")[1:-1] for name, said in report.items()))
    return 2 if "not readable" in report else 0 if report.get("checked") and not report["failed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
