"""Certificates: what is proved can be checked alone, and nothing forged passes.

The forger of these tests knows the format, and writes a checksum that fits.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tokenize
from contextlib import suppress
from itertools import product
from pathlib import Path

import dratify
import pytest
from attrs import evolve

from prgcore import recheck
from prgcore.engine import Engine
from prgcore.errors import ImpossibleEvent
from prgcore.machine import Machine, prg
from prgcore.prove import table
from prgcore.prove.certificate import certify, cnf, reachable, refute
from prgcore.prove.mutants.rules import mutants
from prgcore.prove.mutants.shape import mutate
from prgcore.prove.report import prove
from prgcore.prove.space import search
from prgcore.prove.work import Work
from prgcore.tables.policies import POLICIES
from prgcore.template.pair import MACHINE as PAIR
from prgcore.wire.machine_file import digest, dumps
from tests import planted, toys

CHECKER = Path(recheck.__file__)
CHOICES = [dict(zip((p.name for p in POLICIES), choices, strict=True))
           for choices in product(*(p.choices for p in POLICIES))]
SMALL = {"pair": PAIR, "lamps": planted.LAMPS, "toy": toys.LAMPS, "turnstile": toys.TURNSTILE}


def certified(model, only=()):
    machine = Machine(model)
    work = Work(machine)
    return certify(prove(machine, work=work, only=only), work)


def questions_of(model):
    return recheck.Machine(dumps(model).encode())


def alone(folder, certificate, machine, *need):
    """The checker, copied to a folder without anything else, and run without site packages."""
    (folder / "recheck.py").write_bytes(CHECKER.read_bytes())
    (folder / "certificate").write_bytes(certificate)
    (folder / "machine.json").write_bytes(machine)
    return subprocess.run(
        [sys.executable, "-I", "-S", "recheck.py", "certificate", "machine.json", *need], cwd=folder,
        capture_output=True, text=True, check=False, timeout=300, env={})


def sealed(said):
    """A certificate with these contents and the checksum that fits."""
    said = {key: value for key, value in said.items() if key != "sha256"}
    said["sha256"] = recheck.digest(said)
    return json.dumps(said, sort_keys=True, indent=0, separators=(",", ":")).encode() + b"\n"


@pytest.fixture(scope="module")
def pair():
    return certified(PAIR)


@pytest.fixture(scope="module")
def whole():
    """The certificate of the built-in machine."""
    return certified(prg().model)


@pytest.fixture(scope="module")
def shipped():
    return questions_of(prg().model)


def refusal(data, machine):
    with pytest.raises(recheck.Refused) as error:
        recheck.check(data, machine)
    return str(error.value)


# ------------------------------------------------------------------------- what is checked


CARRIED = {"F1", "F2", "F5", "S18"} | {
    p.id for m in [prg().model] for p in (*m.invariants, *m.accepted_only, *m.exclusive, *m.only_by)}


def test_every_inductive_obligation_is_checked_alone_in_an_empty_folder(whole, tmp_path):
    done = alone(tmp_path, whole, dumps(prg().model).encode())
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert set(said["checked"].split("; ")) == CARRIED
    assert said["machine"] == digest(prg().model)
    assert not CARRIED & set(said["not checked"].split("; "))
    assert {"L1", "C1", "E1", "T1", "F10"} <= set(said["not checked"].split("; "))
    assert int(said["questions"]) > 15_000
    assert said["assuming"].startswith("A-LIN: ")
    assert len(whole) < 1 << 20


@pytest.mark.parametrize("name", SMALL)
def test_a_machine_of_ones_own_is_checked(name, tmp_path):
    """The toy breaks promises, and its certificate says so: that is no success."""
    done = alone(tmp_path, certified(SMALL[name]), dumps(SMALL[name]).encode())
    assert done.returncode == (name == "toy"), done.stdout
    assert ("\nfailed: nothing\n" in done.stdout) == (done.returncode == 0)
    checked = done.stdout.partition("\nchecked: ")[2].partition("\n")[0].split("; ")
    assert checked == {
        "pair": ["F1", "F2", "F5", "S1", "S18", "S2", "S3", "S4"],
        "lamps": ["F1", "F2", "F5", "S1", "S2", "S3", "X1", "X2"],
        "toy": checked, "turnstile": ["F1", "F2"],
    }[name]
    assert {"F1", "F2"} <= set(checked)


def test_what_is_proved_by_search_alone_is_not_checked():
    """S1 alone is not inductive: a lamp that warms beside a lit one."""
    weak = evolve(planted.LAMPS, invariants=planted.LAMPS.invariants[:1])
    report = prove(Machine(weak), only=["S1"])
    assert (report.results[0].verdict, report.results[0].method) == ("proved", "search")
    found = recheck.check(certified(weak), questions_of(weak))
    assert "S1" in found["not checked"]


def test_the_certificate_holds_what_its_reader_asks_for(whole):
    said = json.loads(whole)
    assert said["format"] == "prgcore-certificate/1"
    assert said["machine"] == digest(prg().model)
    assert said["policy"] == dict(prg().model.policy)
    assert said["reachable"]["pairs"] == 825_920
    assert set(said["invariants"]) == {i.id for i in prg().model.invariants}
    assert said["obligations"]["S1"]["verdict"] == "proved"
    assert said["obligations"]["L1"]["proof"] is False
    assert any(a.startswith("A-LIN") for a in said["assumptions"])
    assert said["solver"].startswith("glucose4 of python-sat ")
    assert "seconds" not in whole.decode()


@pytest.mark.parametrize("name", SMALL)
def test_a_stranger_finds_the_digest_of_the_reachable_pairs(name):
    """As the page says it: one byte a stored column, sorted, with no code of the search."""
    model = SMALL[name]
    engine, domains = Engine(model), {c.name: c.domain for c in model.columns if not c.derived}
    seen, todo = set(), [dict(start) for start in model.initial]
    while todo:
        one = todo.pop()
        key = bytes(domains[c].index(one[c]) for c in domains)
        if key not in seen:
            seen.add(key)
            for event in model.events:
                with suppress(ImpossibleEvent):
                    todo.append(dict(engine.step(one, event.name).pair))
    space = search(model)
    assert len(seen) == len(space)
    assert hashlib.sha256(b"".join(sorted(seen))).hexdigest() == reachable(space)


# ------------------------------------------------------------- the checker and the tables


def test_the_checker_is_one_short_file_of_plain_python():
    text = CHECKER.read_text("utf-8")
    tree = ast.parse(text)
    names = {alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    names |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names
    prose = {line for n in ast.walk(tree)
             if isinstance(n, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(n)
             for line in range(n.body[0].lineno, n.body[0].end_lineno + 1)}
    code = {line for t in tokenize.generate_tokens(io.StringIO(text).readline)
            if t.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT,
                              tokenize.DEDENT, tokenize.ENDMARKER)
            for line in range(t.start[0], t.end[0] + 1)}
    assert len(code - prose) <= 200


@pytest.mark.parametrize("model", [
    *SMALL.values(), *(prg(**policy).model for policy in CHOICES),
], ids=[*SMALL, *("-".join(p.values()) for p in CHOICES)])
def test_the_checker_reads_a_machine_file_as_prgcore_does(model):
    asked = questions_of(model)
    assert recheck.digest(recheck.bare(asked.file)) == digest(model)
    for lies, entries in ((False, model.possible), (True, table.untruthful(model))):
        for event in model.events:
            ways = [{c.column: list(c.values) for c in p.when} for p in entries
                    if p.event == event.name]
            assert asked.ways(event.name, lies) == ([{}] if event.kind == "command" else ways)


def _pairs(file):
    """Every pair of a machine file, with its derived values."""
    stored = [c for c in file["columns"] if c["kind"] == "stored"]
    for values in product(*(c["domain"] for c in stored)):
        one = dict(zip((c["name"] for c in stored), values, strict=True))
        yield one, _row(file, one)


def _row(file, one):
    return one | {c["name"]: {tuple(k): v for k, v in c["table"]}[tuple(one[s] for s in c["from"])]
                  for c in file["columns"] if c["kind"] == "derived"}


def _in(row, cube):
    return all(row[column] in values for column, values in cube.items())


def _after(file, row, one, then):
    new = dict(one)
    for target, how in then.items():
        if "const" in how:
            new[target] = how["const"]
        elif "copy" in how:
            new[target] = row[how["copy"]]
        else:
            new[target] = how["map"].get(row[how["by"]], one[target])
    return new, _row(file, new)


def broken(file):  # noqa: C901 - every kind of promise, one after the other
    """The promises of a machine that some pair breaks, found by trying every pair."""
    found, kinds = set(), {e["name"]: e["kind"] for e in file["events"]}
    invariants = [cube for i in file.get("invariants", ()) for cube in i["never"]]

    def possible(row, event):
        return kinds[event] == "command" or any(
            _in(row, p["when"]) for p in file["possible"] if p["event"] == event)

    for start in file["initial"]:
        if any(_in(_row(file, start), cube) for cube in invariants):
            found.add("")
    for one, row in _pairs(file):
        keeps = not any(_in(row, cube) for cube in invariants)
        for event, kind in kinds.items():
            holding = [r for r in file["rules"] if r["event"] == event and _in(row, r["when"])]
            if possible(row, event):
                found |= {"F1"} if len(holding) > 1 else set()
                found |= {"F2"} if keeps and not holding and kind != "command" else set()
        done = [r for r in file["rules"] if r["outcome"] == "done" and _in(row, r["when"])
                and possible(row, r["event"])]
        names = [{r["event"], r["event"].partition("(")[0]} for r in done]
        for rule in done:
            _, after = _after(file, row, one, rule.get("then", {}))
            if keeps and any(_in(after, cube) for cube in invariants):
                found.add("")
            for check in file.get("only_by", ()):
                sets = row[check["column"]] != check["value"] == after[check["column"]]
                may = check.get("when", {}).get(rule["event"])
                free = rule["event"] in check["events"] if may is None else _in(row, may)
                found |= {check["id"]} if sets and not free else set()
        for check in file.get("accepted_only", ()):
            does = any(r["event"] == check["command"] for r in done)
            may = any(_in(row, cube) for cube in check["when"])
            idle = check.get("exactly") and keeps and may and not does
            found |= {check["id"]} if (does and not may) or idle else set()
        for check in file.get("exclusive", ()):
            doing = {n for n in check["commands"] for some in names if n in some}
            never = any(_in(row, cube) for cube in check["never_in"])
            found |= {check["id"]} if len(doing) > 1 or (doing and never) else set()
    return found


def satisfied(asked, kept):
    """The promises with a question that a pair satisfies, as the solver finds them."""
    known = recheck.Formula(asked, [c for cubes in kept.values() for cube in cubes
                                    for c in asked.outside(cube)])
    found = set()
    for group, _, keeps, first, second in asked.questions(kept, lies=False):
        formula = recheck.Formula(known if keeps else asked, first + second)
        if not formula.dead and refute(asked, formula) is None:
            found.add(group)
    return found


def stray(seed):
    """A small machine file that nobody designed: derived columns, maps, copies, several ways."""
    dice = random.Random(seed)
    domain = {"a.x": ["1", "2", "3"], "b.x": ["1", "2"], "b.y": ["u", "v", "w"], "z": ["1", "3"]}
    columns = [{"name": n, "domain": d, "kind": "stored", "observed_by": "record"}
               for n, d in domain.items()]
    for name, sources in (("d", ["a.x", "z"]), ("e", ["b.y", "b.x", "z"])):
        rows = [[list(k), dice.choice("pqr")] for k in product(*(domain[s] for s in sources))]
        columns.append({"name": name, "kind": "derived", "domain": ["p", "q", "r"],
                        "from": sources, "table": rows, "observed_by": "derived"})
    every = domain | {"d": ["p", "q", "r"], "e": ["p", "q", "r"]}

    def cube(most):
        return {n: dice.sample(every[n], dice.randint(1, len(every[n]) - 1))
                for n in dice.sample(sorted(every), dice.randint(1, most))}

    def effect(target):
        source = dice.choice(sorted(every))
        some = dice.sample(every[source], dice.randint(1, len(every[source])))
        return dice.choice([
            {"const": dice.choice(domain[target])},
            {"by": source, "map": {v: dice.choice(domain[target]) for v in some}},
            {"copy": next(n for n in domain if set(domain[n]) <= set(domain[target]))},
        ])

    events = [("go(a)", "command"), ("go(b)", "command"), ("t", "timer"), ("f", "fault")]
    return {
        "format": "prgcore-machine/1", "name": "stray", "columns": columns,
        "initial": [{n: dice.choice(d) for n, d in domain.items()}],
        "events": [{"name": n, "kind": k, "decider": "a"} for n, k in events],
        "possible": [{"event": n, "when": cube(2)} for n in ("t", "t", "f")],
        "rules": [{
            "id": f"R{n}", "event": events[n % 4][0],
            "outcome": dice.choice(["done", "done", "ignored"]), "when": cube(3),
            "then": {t: effect(t) for t in dice.sample(sorted(domain), dice.randint(1, 2))},
        } for n in range(7)],
        "invariants": [{"id": f"I{n}", "never": [cube(3) for _ in range(dice.randint(1, 2))]}
                       for n in range(2)],
        "accepted_only": [{"id": "A", "command": dice.choice(["go(a)", "t"]), "when": [cube(1)],
                           "exactly": dice.random() < 0.5}],
        "exclusive": [{"id": "E", "commands": ["go", "f"], "never_in": [cube(3)]}],
        "only_by": [{"id": "O", "column": "d", "value": "p", "events": ["t"]},
                    {"id": "P", "column": "b.y", "value": "u", "events": ["f", "go(a)"],
                     "when": {"f": cube(2)}}],
    }


def test_a_question_is_satisfied_exactly_where_some_pair_breaks_the_promise():
    seen = {True: set(), False: set()}
    every = {"", "F1", "F2", "A", "E", "O", "P"}
    for seed in range(150):
        file = stray(seed)
        for rule in file["rules"]:
            rule["then"] = rule["then"] if rule["outcome"] == "done" else {}
        asked = recheck.Machine(json.dumps(file).encode())
        wrong = broken(file)
        kept = {i["id"]: i["never"] for i in file["invariants"]}
        assert satisfied(asked, kept) == wrong, seed
        seen[True] |= wrong
        seen[False] |= every - wrong
    assert seen == {True: every, False: every}


def test_what_propagation_concludes_holds_in_every_pair():
    """No formula that a pair satisfies is refuted, whatever the lemmas: they follow, or are refused."""
    dice, counts = random.Random(1), [0, 0, 0]
    for seed in range(25):
        asked = recheck.Machine(json.dumps(stray(seed)).encode())
        every = [dict(zip(range(len(asked.full)), bits, strict=True))
                 for bits in product(*([1 << i for i in range(f.bit_length())] for f in asked.full))]

        def true(clause, pair):
            return any(pair[c] & mask for c, mask in clause)

        for _, _, keeps, first, second in list(asked.questions({}, lies=False))[::5]:
            assert keeps in (True, False)
            clauses = first + second
            formula = recheck.Formula(asked, clauses)
            models = [pair for pair in every if all(true(c, pair) for c in clauses)]
            for _ in range(8):
                literals = dice.sample(range(1, len(asked.literal)), 2)
                lemma = asked.clause(" ".join(str(dice.choice([n, -n])) for n in literals))
                if not formula.dead and formula.follows(lemma):
                    assert all(true(lemma, pair) for pair in models)
                    formula = recheck.Formula(formula, [lemma])
                    counts[0] += 1
                else:
                    counts[1] += 1
            assert not (formula.dead and models)
            counts[2] += bool(models)
    assert min(counts) > 40


# ------------------------------------------------------------------------------- forgeries


def test_one_changed_byte_is_refused_wherever_it_is(pair):
    asked, reasons = questions_of(PAIR), set()
    for at in range(0, len(pair), 3):
        forged = pair[:at] + bytes([pair[at] ^ (1 << at % 7)]) + pair[at + 1:]
        with pytest.raises((recheck.Refused, ValueError, KeyError)) as error:
            recheck.check(forged, asked)
        reasons.add(type(error.value).__name__)
    assert "Refused" in reasons


def test_a_missing_or_doubled_byte_is_refused(pair):
    asked = questions_of(PAIR)
    for at in range(0, len(pair), 31):
        for forged in (pair[:at] + pair[at + 1:], pair[:at] + pair[at:at + 1] + pair[at:]):
            if forged != pair:
                with pytest.raises((recheck.Refused, ValueError, KeyError)):
                    recheck.check(forged, asked)


def _drop_lemma(said):
    name = max(said["proofs"], key=lambda n: len(said["proofs"][n]))
    del said["proofs"][name][0]


def _truncate(said):
    name = max(said["proofs"], key=lambda n: len(said["proofs"][n]))
    said["proofs"][name].pop()


def _swap(said):
    long, *_, short = sorted(said["proofs"], key=lambda n: -len(said["proofs"][n]))
    said["proofs"][long], said["proofs"][short] = said["proofs"][short], said["proofs"][long]


def _first_proof(said):
    return said["proofs"][min(said["proofs"])]


FORGERIES = {
    "a dropped lemma": (_drop_lemma, "not proved|does not follow"),
    "a truncated proof": (_truncate, "not proved, no contradiction"),
    "a dropped proof": (lambda s: s["proofs"].pop(min(s["proofs"])), "not proved, no contradiction"),
    "no proofs": (lambda s: s.update(proofs={}), "not proved"),
    "two proofs swapped": (_swap, "does not follow|not proved"),
    "the contradiction claimed": (lambda s: _first_proof(s).insert(0, ""), "does not follow"),
    "only the contradiction": (lambda s: s["proofs"].update({min(s["proofs"]): [""]}), "does not follow"),
    "a lemma that does not follow": (lambda s: _first_proof(s).insert(0, "1"), "does not follow"),
    "a lemma after the end": (lambda s: _first_proof(s).append("1"), "not needed"),
    "a proof of nothing": (lambda s: s["proofs"].update({"S99": ["1"]}), "S99: a proof of what"),
    "a proof twice": (lambda s: s["proofs"].update({min(s["proofs"]) + " ": ["1"]}), "a proof of what"),
    "another machine": (lambda s: s.update(machine="0" * 64), "not about this machine"),
    "a weaker invariant": (
        lambda s: s["invariants"]["S1"][0].update({"node1.state": ["active"]}), "S1: what it says"),
    "a stronger invariant": (
        lambda s: s["invariants"]["S1"].append({"node1.host": ["off"]}), "S1: what it says"),
    "an invariant that is not there": (
        lambda s: s["invariants"].update(S0=[{"node1.host": ["off"]}]), "S0: what it says"),
    "an empty invariant": (lambda s: s["invariants"].update(S1=[]), "S1: what it says"),
    "everything forbidden": (lambda s: s["invariants"].update(S1=[{}]), "S1: what it says"),
    "an invariant left out": (lambda s: s["invariants"].pop("S3"), "S18: what|S3: what"),
    "refuted, and proved": (
        lambda s: s["obligations"]["S1"].update(verdict="refuted"), "S1: what it says"),
    "vacuous, and proved": (
        lambda s: s["obligations"]["S4"].update(verdict="vacuous"), "S4: what it says"),
    "a proof by search": (lambda s: s["obligations"]["L1"].update(proof=True), "L1: what it says"),
    "a promise that is not there": (
        lambda s: s["obligations"].update(S77={"verdict": "proved", "proof": True}), "S77: what"),
    "timers that lie, denied": (lambda s: s.update(untruthful=False), "S18: what it says"),
    "timers that lie, by a number": (lambda s: s.update(untruthful=1), "S18: what it says"),
    "F2 left out of S18": (lambda s: s["obligations"]["F2"].update(proof=False), "S18: what it says"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_certificate_is_refused_with_the_reason(name, pair):
    change, reason = FORGERIES[name]
    said = json.loads(pair)
    change(said)
    forged = sealed(said)
    assert forged != pair
    found = refusal(forged, questions_of(PAIR))
    assert any(part in found for part in reason.split("|")), found


UNREADABLE = {
    "nothing": b"", "no JSON": b"certificate\n", "binary": bytes(range(256)), "a list": b"[]\n",
    "a number": b"1\n", "null": b"null\n", "an empty object": b"{}\n", "half": lambda d: d[:len(d) // 2],
    "a key twice": lambda d: d.replace(b"{\n", b'{\n"name":"pair",\n', 1), "UTF-16": lambda d: d.decode().encode("utf-16"),
    "not UTF-8": lambda d: b"\xff" + d, "nested": b"[" * 100_000, "a long number": b"9" * 10_000,
    "NaN": b"NaN\n", "zeros": bytes(1000), "two": lambda d: d + d, "a BOM": lambda d: b"\xef\xbb\xbf" + d,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_certificate_is_one_line_and_exit_code_2(name, pair, tmp_path):
    data = UNREADABLE[name]
    done = alone(tmp_path, data(pair) if callable(data) else data, dumps(PAIR).encode())
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.count("\n") == 1
    assert done.stdout.startswith("not readable: ")
    assert len(done.stdout) < 500


WRONG_TYPES = {
    "a lemma that is a number": lambda s: _first_proof(s).insert(0, 1),
    "a lemma that is true": lambda s: _first_proof(s).insert(0, True),
    "a lemma that is null": lambda s: _first_proof(s).insert(0, None),
    "a lemma of a list": lambda s: _first_proof(s).insert(0, ["1"]),
    "a fraction": lambda s: _first_proof(s).insert(0, "1.5"),
    "a word": lambda s: _first_proof(s).insert(0, "one"),
    "not a number": lambda s: _first_proof(s).insert(0, "NaN"),
    "no variable": lambda s: _first_proof(s).insert(0, "0"),
    "a variable out of range": lambda s: _first_proof(s).insert(0, "1000"),
    "a negative one": lambda s: _first_proof(s).insert(0, "-1000"),
    "a huge one": lambda s: _first_proof(s).insert(0, "9" * 5000),
    "proofs in a list": lambda s: s.update(proofs=[]),
    "invariants in a list": lambda s: s.update(invariants=["S1"]),
    "obligations of null": lambda s: s.update(obligations={"S1": None}),
    "no proofs": lambda s: s.pop("proofs"),
    "no verdict": lambda s: s["obligations"]["S1"].pop("verdict"),
    "another format": lambda s: s.update(format="prgcore-certificate/2"),
}


@pytest.mark.parametrize("name", WRONG_TYPES)
def test_a_certificate_of_the_wrong_shape_is_never_checked(name, pair, tmp_path):
    said = json.loads(pair)
    WRONG_TYPES[name](said)
    done = alone(tmp_path, sealed(said), dumps(PAIR).encode())
    assert (done.returncode, done.stderr) == (2, ""), done.stdout
    assert done.stdout.startswith("not readable: ")


def _changed_rule(file):
    file["rules"][0]["then"]["node2.lease"] = {"const": "yes"}


MACHINES = {
    "a weaker invariant": lambda f: f["invariants"][0]["never"].pop(),
    "a rule less": lambda f: f["rules"].pop(),
    "a rule twice": lambda f: f["rules"].append(f["rules"][0]),
    "a changed effect": _changed_rule,
    "a wider guard": lambda f: f["rules"][0]["when"].pop("node1.host"),
    "a narrower world": lambda f: f["possible"].pop(),
    "another start": lambda f: f["initial"][0].update({"node1.lease": "yes"}),
    "another timer": lambda f: next(e for e in f["events"] if e["kind"] == "timer").update(kind="fault"),
    "an invariant of the same name": lambda f: f["invariants"].append({"id": "S1", "never": []}),
    "a promise more": lambda f: f["invariants"].append({"id": "S9", "never": [{"link": ["cut"]}]}),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_certificate_is_about_one_machine(name, pair):
    file = json.loads(dumps(PAIR))
    MACHINES[name](file)
    assert "not about this machine" in refusal(pair, recheck.Machine(json.dumps(file).encode()))


def test_prose_of_the_machine_may_change(pair):
    file = json.loads(dumps(PAIR))
    file["rules"][0]["why"] = "another reason"
    file["columns"][0]["says"] = "otherwise"
    assert recheck.check(pair, recheck.Machine(json.dumps(file).encode()))["checked"]


WORSE = {
    "both may hold the lease": (_changed_rule, "not proved|does not follow"),
    "it starts with two leases": (
        lambda f: f["initial"][0].update({"node1.lease": "yes", "node2.lease": "yes"}),
        "initial 0 S2 0: not proved"),
    "nobody answers": (
        lambda f: f["rules"].remove(next(r for r in f["rules"] if r["id"].startswith("L100"))),
        "F2 heartbeat_lost"),
    "two answer": (
        lambda f: f["rules"].append({**f["rules"][0], "id": "Z1"}), "F1 P100"),
    "recover of anybody": (
        lambda f: f["rules"].append({"id": "Z2", "event": "recover(node1)", "outcome": "done",
                                     "when": {"node1.state": ["standby"]},
                                     "then": {"node1.hears": {"const": "no"}}}), "S4."),
    "a lying timer": (
        lambda f: f["possible"].append({"event": "lease_expired(node1)",
                                        "when": {"node1.host": ["on"], "link": ["cut"]}}), None),
}


@pytest.mark.parametrize("name", WORSE)
def test_proofs_of_one_machine_do_not_pass_for_a_worse_one(name, pair):
    """The forger writes the digest of the worse machine into the certificate of the good one."""
    change, where = WORSE[name]
    file = json.loads(dumps(PAIR))
    change(file)
    machine = recheck.Machine(json.dumps(file).encode())
    said = json.loads(pair) | {"machine": recheck.digest(recheck.bare(file))}
    if where is None:  # the timers of this certificate lie already: nothing is worse
        assert "S18" in recheck.check(sealed(said), machine)["checked"]
    else:
        found = refusal(sealed(said), machine)
        assert any(part in found for part in where.split("|")), found


def test_no_mutant_that_breaks_a_promise_has_a_certificate():
    """Every mutant of a small machine: checked with its own certificate exactly if all holds."""
    counts = [0, 0]
    for mutant in random.Random(3).sample([*mutants(PAIR)], 25):
        worse = mutate(PAIR, mutant)
        asked = questions_of(worse)
        wrong = broken(asked.file) & {"", "F1", "F2", "S4"}
        kept = {i["id"]: i["never"] for i in asked.file["invariants"]}
        assert satisfied(asked, kept) & {"", "F1", "F2", "S4"} == wrong, mutant
        counts[bool(wrong)] += 1
    assert min(counts) > 5


def test_an_invariant_that_needs_another_one_is_not_checked_without_it(pair):
    said = json.loads(pair)
    for id_ in ("S3", "S18"):
        said["obligations"][id_]["proof"] = False
    del said["invariants"]["S3"]
    said["proofs"] = {n: p for n, p in said["proofs"].items() if " S3 " not in n}
    assert "not proved" in refusal(sealed(said), questions_of(PAIR))


# ------------------------------------------------------------- what exit code 0 stands for


def _nothing(said):
    said.update(proofs={}, invariants={})
    for claim in said["obligations"].values():
        claim["proof"] = False


def _nothing_and_refuted(said):
    _nothing(said)
    for claim in said["obligations"].values():
        claim["verdict"] = "refuted"


def _no_question(said):
    """F5 of a machine without guards asks nothing."""
    _nothing(said)
    said["obligations"]["F5"].update(verdict="proved", proof=True)


def _says(id_, verdict):
    return lambda s: s["obligations"].setdefault(id_, {"proof": False}).update(verdict=verdict)


@pytest.mark.parametrize(("change", "line"), [
    (_nothing, "checked: nothing"), (_nothing_and_refuted, "failed: C1 refuted; "),
    (lambda s: (_nothing(s), s["obligations"].clear()), "checked: nothing"),
    *((_says("L1", v), "failed: L1 ") for v in (
        "refuted", "vacuous", "unknown", "disagree", "", "Proved", "proved\nfailed: nothing", None)),
    (_says("S9", "refuted"), "failed: S9 refuted"),
])
def test_what_checks_nothing_or_says_that_a_promise_failed_is_no_success(change, line, pair, tmp_path):
    said = json.loads(pair)
    change(said)
    done = alone(tmp_path, sealed(said), dumps(PAIR).encode())
    assert (done.returncode, done.stderr) == (1, "")
    assert any(one.startswith(line) for one in done.stdout.splitlines()), done.stdout


def test_a_promise_without_a_question_is_not_checked(tmp_path):
    bare = evolve(PAIR, accepted_only=(), exclusive=(), only_by=())
    said = json.loads(certified(bare))
    _no_question(said)
    done = alone(tmp_path, sealed(said), dumps(bare).encode())
    assert done.returncode == 1
    assert "\nquestions: 0\nchecked: nothing\n" in done.stdout


def test_a_promise_of_the_machine_that_the_certificate_leaves_out_is_listed(pair, tmp_path):
    said = json.loads(pair)
    for id_ in ("S1", "S4"):
        del said["obligations"][id_]
    found = recheck.check(sealed(said), questions_of(PAIR))
    assert {"S1", "S4"} <= set(found["not checked"])
    assert not {"S1", "S4"} & set(found["checked"])


@pytest.mark.parametrize(("need", "code", "named"), [
    (("S1", "S3"), 0, ""), (("S1", "L1"), 1, "L1"), (("S77",), 1, "S77"), (("",), 1, ""), (("S1,S3",), 1, "S1,S3"),
])
def test_the_promises_that_a_reader_needs_must_be_checked(need, code, named, pair, tmp_path):
    done = alone(tmp_path, pair, dumps(PAIR).encode(), *need)
    assert (done.returncode, done.stderr) == (code, "")
    assert done.stdout.startswith(f"refused: {named}: " if code else "machine: ")


def test_the_sentences_are_those_of_the_machine_file(pair, tmp_path):
    """A certificate with other sentences shows those of the file, which no digest covers."""
    said, file = json.loads(pair), json.loads(dumps(PAIR))
    said["obligations"]["S1"]["title"] = "never any failure"
    file["invariants"][0]["says"] = "two lines\nchecked: S99, \u201cit's\u201d"
    done = alone(tmp_path, sealed(said), json.dumps(file).encode())
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert [one.partition(":")[0] for one in lines] == [
        "machine", "questions", "checked", "says S1", "says S2", "says S3", "says S4", "failed",
        "not checked", "assuming"]
    assert lines[3].startswith("says S1: two lines\\nchecked: S99, ")
    assert done.stdout.isascii()
    assert "never any failure" not in done.stdout


def test_every_sentence_of_one_id_is_shown(shipped, whole):
    """S10 names an invariant and guards, which say different things."""
    found = recheck.check(whole, shipped)
    assert len(found["says S10"]) == 2
    assert {name[5:] for name in found if name.startswith("says ")} == CARRIED - {"F1", "F2", "F5", "S18"}


@pytest.mark.parametrize("words", [(), ("-h",), ("--help",), ("certificate",)])
def test_without_two_files_the_checker_says_how_it_is_called(words, tmp_path):
    done = subprocess.run([sys.executable, "-I", "-S", CHECKER, *words], cwd=tmp_path,
                          capture_output=True, text=True, check=False, timeout=300, env={})
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == "usage: python recheck.py CERTIFICATE MACHINE.json [S1 S3 ...]\n"


def test_files_that_changed_places_are_one_clear_line(pair, tmp_path):
    done = alone(tmp_path, dumps(PAIR).encode(), pair)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == ("not readable: ValueError; this is not a prgcore-machine/1; the certificate "
                           "comes first, then the machine file\n")


# ---------------------------------------------------------------- an independent checker


def _dratified(clauses, proof):
    width = max(abs(n) for c in clauses for n in c)
    text = f"p cnf {width} {len(clauses)}\n" + "".join(
        " ".join(map(str, [*c, 0])) + "\n" for c in clauses)
    return dratify.check_proof(
        dratify.parse_dimacs(text), "".join(f"{lemma} 0\n" for lemma in proof) + "0\n",
        check_rat=False)


def test_a_checker_of_others_accepts_the_same_proofs(whole, shipped):
    said = json.loads(whole)
    kept, dice = said["invariants"], random.Random(7)
    chosen = {*dice.sample(sorted(said["proofs"]), 60),
              max(said["proofs"], key=lambda n: len(said["proofs"][n]))}
    known = recheck.Formula(shipped, [c for cubes in kept.values() for cube in cubes
                                      for c in shipped.outside(cube)])
    seen, refused = 0, 0
    for _, name, keeps, first, second in shipped.questions(kept, said["untruthful"]):
        if name in chosen:
            formula = cnf(recheck.Formula(known if keeps else shipped, first + second))
            proof = said["proofs"][name]
            assert _dratified(formula, proof), name
            shorter = _dratified(formula, proof[:-1])
            longer = _dratified(formula, ["1", *proof])
            refused += (not shorter) + (not longer)
            seen += 1
    assert seen == len(chosen)
    assert refused > seen


def test_a_checker_of_others_rejects_what_a_pair_satisfies(shipped):
    """Without the other invariants a step breaks S3: no proof of that, by anybody's checker."""
    kept = {"S3": json.loads(dumps(prg().model))["invariants"][2]["never"]}
    known = recheck.Formula(shipped, [c for cube in kept["S3"] for c in shipped.outside(cube)])
    for _, _, keeps, first, second in shipped.questions(kept, lies=True):
        formula = recheck.Formula(known if keeps else shipped, first + second)
        if keeps and not formula.dead and refute(shipped, formula) is None:
            assert not _dratified(cnf(formula), [])
            assert not formula.follows([])
            return
    pytest.fail("S3 is inductive alone")


# --------------------------------------------------------------------- the command line


def _prgcore(folder, *words, seed="0"):
    return subprocess.run(
        [sys.executable, "-m", "prgcore", *words], cwd=folder, capture_output=True, text=True,
        check=False, timeout=300, env={**os.environ, "PYTHONHASHSEED": seed})


def test_the_same_bytes_come_twice_whatever_the_hash_seed(tmp_path):
    (tmp_path / "machine.json").write_text(dumps(PAIR), "utf-8")
    found = set()
    for seed in ("0", "1", "4711"):
        done = _prgcore(tmp_path, "prove", "--machine", "machine.json", "--certificate", "c.json",
                        seed=seed)
        assert done.returncode == 0, done.stderr
        found.add((tmp_path / "c.json").read_bytes())
    assert found == {certified(PAIR)}


@pytest.fixture
def files(tmp_path, pair, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.json").write_bytes(pair)
    (tmp_path / "m.json").write_text(dumps(PAIR), "utf-8")
    return tmp_path


def test_recheck_says_what_is_checked_and_what_is_not(run, files):
    done = run("recheck", "c.json", "--machine", "m.json")
    assert done.code == 0
    assert "\nchecked: F1; F2; F5; S1; S18; S2; S3; S4\n" in done.out
    assert "; L1; " in " ".join(done.out.split())
    said = json.loads(run("recheck", "-", "--machine", "m.json", "--json",
                          stdin=(files / "c.json").read_bytes()).out)
    assert said["ok"] is True
    assert said["checked"] == ["F1", "F2", "F5", "S1", "S18", "S2", "S3", "S4"]
    assert "L1" in said["not_checked"]
    assert said["machine"] == [digest(PAIR)]
    assert said["says"]["S1"] == [PAIR.invariants[0].says]
    assert run("recheck", "c.json", "--machine", "m.json", "--need", "S1", "--need", "S18").code == 0
    done = run("recheck", "c.json", "--machine", "m.json", "--need", "S1", "--need", "L1")
    assert (done.code, done.out[:13]) == (1, "refused: L1: ")


def test_recheck_reads_a_machine_file_however_it_is_written(run, files):
    file = json.loads((files / "m.json").read_text("utf-8"))
    file["events"][0]["success"] = True
    (files / "m.json").write_text(json.dumps(file, indent=3), "utf-8")
    assert run("recheck", "c.json", "--machine", "m.json").code == 0


def test_recheck_refuses_with_the_reason(run, files):
    text = (files / "c.json").read_text("utf-8")
    (files / "c.json").write_text(text.replace("promoting", "promotinf", 1), "utf-8")
    done = run("recheck", "c.json", "--machine", "m.json")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("refused: the checksum differs")
    done = run("recheck", "c.json", "--machine", "m.json", "--json")
    assert (done.code, json.loads(done.out)["ok"]) == (1, False)


def test_without_a_machine_the_certificate_names_the_built_in_one(run, bad, files, whole):
    assert "'pair'" in bad("recheck", "c.json")
    (files / "prg.json").write_bytes(whole)
    assert run("recheck", "prg.json").code == 0
    said = json.loads(whole)
    other = sealed(said | {"policy": CHOICES[-1]})
    (files / "prg.json").write_bytes(other)
    assert "not about this machine" in run("recheck", "prg.json").out
    for policy in (["keep"], {"reconnection": "never"}, {"nothing": 1}, None):
        (files / "prg.json").write_bytes(sealed(said | {"policy": policy}))
        assert "polic" in bad("recheck", "prg.json") or policy


@pytest.mark.parametrize("data", [b"", b"\0", b"{}\n", b"[]\n", b"\xff\xfe", b'{"name": "pair"', b"9" * 9999])
def test_recheck_of_what_is_no_certificate(bad, files, data):
    (files / "c.json").write_bytes(data)
    bad("recheck", "c.json", "--machine", "m.json")
    bad("recheck", "c.json")


def test_recheck_of_what_is_not_there(bad, files):
    assert "nowhere" in bad("recheck", "nowhere.json")
    assert "nowhere" in bad("recheck", "c.json", "--machine", "nowhere.json")
    assert "both" in bad("recheck", "-", "--machine", "-")
    (files / "big").write_bytes(b" " * ((1 << 24) + 1))
    assert "larger than 16 MB" in bad("recheck", "big", "--machine", "m.json")


def test_a_certificate_is_about_a_whole_machine(bad, run, files):
    machine = ("--machine", "m.json", "--certificate", "new.json")
    assert "--only" in bad("prove", *machine, "--only", "S1")
    assert "--list" in bad("prove", *machine, "--list")
    assert "--mutants" in bad("prove", *machine, "--mutants", "3")
    assert "PATH" in bad("prove", *machine, "theorems.toml")
    assert "a report and a certificate" in bad("prove", *machine, "--junit", "new.json")
    assert "cannot write" in bad("prove", "--machine", "m.json", "--certificate", "no/new.json")
    assert "-" in bad("prove", "--machine", "m.json", "--certificate", "-")
    assert not (files / "new.json").exists()
    assert run("prove", *machine).code == 0
    assert (files / "new.json").read_bytes() == (files / "c.json").read_bytes()


def test_a_refuted_machine_gets_a_certificate_that_says_so(run, files):
    file = json.loads(dumps(PAIR))
    _changed_rule(file)
    (files / "m.json").write_text(json.dumps(file), "utf-8")
    assert run("prove", "--machine", "m.json", "--certificate", "c.json").code == 1
    said = json.loads((files / "c.json").read_text("utf-8"))
    assert said["obligations"]["S2"]["verdict"] == "refuted"
    done = run("recheck", "c.json", "--machine", "m.json")
    assert done.code == 1
    assert "S2" not in done.out.partition("\nchecked: ")[2].partition("\n")[0].split("; ")
    assert "S2 refuted" in done.out.partition("\nfailed: ")[2].partition("\nnot checked: ")[0]
    answer = json.loads(run("recheck", "c.json", "--machine", "m.json", "--json").out)
    assert answer["ok"] is False
    assert "S2 refuted" in answer["failed"]
    assert "S2" not in answer["checked"] + answer["not_checked"]


def test_a_machine_whose_timers_lie_already_has_no_proof_of_s18():
    model = evolve(PAIR, possible=table.untruthful(PAIR))
    found = recheck.check(certified(model), questions_of(model))
    assert "S18" in found["not checked"]
    assert "S1" in found["checked"]
