"""Model D: the search finds the networks of the interpreter, and proves what the theory says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.machine import PRG, prg
from prgcore.network import Network, Setting
from prgcore.network.facts import Facts
from prgcore.network.setting import ADVERSARIES, ARBITERS, DEFAULT
from prgcore.network.story import replay
from prgcore.prove import budget
from prgcore.prove.mirrored import symmetry
from prgcore.prove.network.copies import Copies
from prgcore.prove.network.facing import Machine
from prgcore.prove.network.frontier import Networks, search
from prgcore.prove.network.obligations import prove
from prgcore.prove.network.records import Records
from prgcore.seats import NODES
from prgcore.vocabulary import Verdict
from tests.pages import ROOT

if TYPE_CHECKING:
    from prgcore.network import Message, Snapshot
    from prgcore.prove.report import Result

FACTS = Facts(PRG)
STORED = PRG.stored
NORMAL = dict(PRG.run(PRG.initial[0], *dict(PRG.model.starts)["normal"]).end)


def searched(setting: Setting, *, folded: bool = True) -> Networks:
    machine = Machine(PRG, FACTS, symmetry(PRG.model) if folded else None)
    system = (Records if setting.recorded else Copies)(machine, setting)
    return search(system, system.start([NORMAL]), {})


# ------------------------------------------------- networks as values, from both sides


def message(setting: Setting, i: int, one: Message | None) -> object:
    """What later moves can depend on of a heartbeat in flight."""
    if one is None:
        return None
    if setting.recorded:
        return one.timely, one.timely and tuple(one.copy[k] for k in FACTS.told[i])
    kept = set(() if one.late else FACTS.told[i])
    if one.news:
        kept |= {k for k in FACTS.shared if one.based or FACTS.half[k] in (i, None)}
        kept |= {k for k in FACTS.own[1 - i] if one.based and FACTS.ordered[k]}
    return (one.late, one.news, one.news and one.based, one.news and one.newest,
            tuple((k, one.copy[k]) for k in sorted(kept)))


def value(setting: Setting, at: Snapshot) -> object:
    slots = tuple(message(setting, i, slot) for i, slot in enumerate(at.slots))
    return (at.copies, slots, at.cuts, at.ahead, at.record, at.current, at.older, at.timely,
            at.silent, at.claims, at.permits, at.holders)


def values(found: Networks) -> set[object]:
    """Every network that was found and its mirror image, decoded."""
    system = found.system
    return {
        decoded(system, view, n) for state in found.levels
        for view in ((state, system.turned(state)) if system.folded else (state,))
        for n in range(len(state.mine))}


def pair(system: Any, codes: list[Any], number: int, i: int) -> dict[str, str]:
    known = system.machine.codec.decode(tuple(int(c[number]) for c in codes))
    return system.machine.mirror.pair(known) if i and system.folded else known


def copy(system: Any, number: int, i: int) -> tuple[str, ...]:
    known = pair(system, system.tables[i].rows.codes, number, i)
    return tuple(known[c] for c in STORED)


def slot(system: Any, number: int, i: int) -> object:
    codes = system.slots[i].rows.codes
    if not number:
        return None
    known, flags = pair(system, codes[:-1], number, i), int(codes[-1][number])
    if system.setting.recorded:
        return bool(flags), bool(flags) and tuple(known[STORED[k]] for k in FACTS.told[i])
    late, news, based, newest = (flags & bit > 0 for bit in (8, 4, 2, 1))
    kept = set(() if late else FACTS.told[i])
    if news:
        kept |= {k for k in FACTS.shared if based or FACTS.half[k] in (i, None)}
        kept |= {k for k in FACTS.own[1 - i] if based and FACTS.ordered[k]}
    return (late, news, news and based, news and newest,
            tuple((k, known[STORED[k]]) for k in sorted(kept)))


def decoded(system: Any, view: Any, n: int) -> object:
    setting, groups = system.setting, PRG.habits.groups

    def both(name: str) -> tuple[int, ...]:
        return tuple(int(system.flags.of(view.flags[n:n + 1], name, i)[0]) for i in (0, 1))

    def yes(name: str) -> tuple[bool, ...]:
        return tuple(map(bool, both(name)))

    def whose(name: str) -> str:
        return next((node for node, there in zip(NODES, both(name), strict=True) if there), "")

    copies = copy(system, view[0][n], 0), copy(system, view[1][n], 1)
    slots = slot(system, view[2][n], 0), slot(system, view[3][n], 1)
    if not setting.recorded:
        return (copies, slots, yes("cut"), yes("ahead"), (), (True, True), "", (True, True),
                both("silent"), (), ((), ()), ())
    record = pair(system, system.records.codes, view.record[n], 0)
    lease = range(len(groups)) if setting.arbiter == "cas+lease" else ()
    holders = []
    for g in range(len(groups)) if setting.arbiter == "cas+fence" else ():
        holder, after = whose(f"holds{g}"), whose(f"after{g}")
        holders.append(f"{holder} after {NODES[1 - NODES.index(after)]}" if after else holder)
    return (copies, slots, yes("cut"), (False, False),
            tuple(record[STORED[k]] for k in FACTS.shared), yes("current"), whose("older"),
            yes("timely"), both("silent"),
            tuple(whose(f"claim{g}") for g in lease),
            tuple(tuple(groups[g] for g in lease if both(f"permit{g}")[i]) for i in (0, 1)),
            tuple(holders))


def reached(setting: Setting) -> set[object]:
    """Every network that the interpreter reaches."""
    network = Network(PRG, setting)
    found = {value(setting, at) for at in network.starts}
    level = list(network.starts)
    while level:
        level = [after for at in level for _, after in network.moves(at)
                 if (key := value(setting, after)) not in found and not found.add(key)]
    return found


@pytest.mark.parametrize(("arbiter", "adversary", "silence", "mutant"), [
    ("none", "one-way cut", 0, ""), ("none", "loss delay", 0, ""), ("none", "crash", 1, ""),
    ("none", "cut loss", 1, ""), ("self-fence", "one-way crash", 0, ""),
    ("cas", "one-way pause", 0, ""), ("cas", "loss delay pause", 0, ""),
    ("cas", "crash cut", 0, ""),
    ("cas", "one-way delay duplicate reorder pause", 0, ""), ("cas", "cut pause", 2, ""),
    ("cas", "commands", 0, ""), ("cas", "faults", 0, ""), ("cas+lease", "loss pause", 0, ""),
    ("cas+fence", "loss pause", 0, ""), ("cas", "loss pause", 0, "no_compare"),
    ("cas", "loss delay pause", 0, "old_epoch"), ("cas+lease", "loss pause", 0, "old_reading"),
    ("cas+fence", "loss pause", 0, "old_epoch"),
])
def test_the_search_finds_the_networks_of_the_interpreter(
        arbiter: str, adversary: str, silence: int, mutant: str) -> None:
    setting = Setting(arbiter, adversary.split(), silence, mutant)
    assert values(searched(setting)) == reached(setting)


@pytest.mark.parametrize(("arbiter", "adversary"), [
    ("none", "one-way loss delay"), ("cas", "one-way delay pause"), ("cas+lease", "one-way pause")])
def test_halves_are_the_whole(arbiter: str, adversary: str) -> None:
    setting = Setting(arbiter, adversary.split())
    halves, whole = searched(setting), searched(setting, folded=False)
    assert len(halves) < len(whole)
    assert values(halves) == values(whole)


# ----------------------------------------------------------------------- obligations


def found(arbiter: str, adversary: str = "", silence: int = 0, mutant: str = "",
          **policy: str) -> dict[str, Result]:
    engine = prg(**policy) if policy else PRG
    words = adversary.split() if adversary else DEFAULT
    return {r.id: r for r in prove(engine, Setting(arbiter, words, silence, mutant)).results}


TABLE = {row[0]: row[1:] for row in re.findall(
    r"^\| ([\w+-]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([\d,]+) \|$",
    (ROOT / "docs" / "model.md").read_text("utf-8"), re.MULTILINE)}
"""The table of the page about models: for every arbiter D1 to D4, and how many networks."""


def cell(result: Result) -> str:
    steps = result.detail.get("steps", result.detail.get("longest way"))
    if result.verdict is Verdict.NOT_APPLICABLE:
        return "-"
    return result.verdict + (f", {steps} steps" if steps else "")


@pytest.mark.parametrize("arbiter", ARBITERS)
def test_what_each_arbiter_buys(arbiter: str) -> None:
    results = found(arbiter)
    cells = [cell(results[id_]) for id_ in ("D1", "D2", "D3", "D4")]
    assert (*cells, f"{results['D1'].detail['networks']:,}") == TABLE[arbiter]
    assert results["D5"].verdict == ("proved" if arbiter == "none" else "not_applicable")
    for r in results.values():
        if r.counterexample is not None:
            assert replay(PRG, r.counterexample.steps).ok


@pytest.mark.parametrize(("arbiter", "adversary", "silence", "twice", "backup"), [
    ("none", "one-way", 0, 3, 6), ("none", "cut", 0, 3, 5), ("none", "loss", 0, 2, 4),
    ("none", "crash", 0, None, None), ("cas", "one-way pause", 0, 3, None),
    ("none", "cut", 4, 7, 9), ("none", "loss", 4, 6, 8),
])
def test_the_shortest_stories_have_the_lengths_of_the_theory(
        arbiter: str, adversary: str, silence: int, twice: int | None, backup: int | None) -> None:
    results = prove(PRG, Setting(arbiter, adversary.split(), silence), ("D1", "D2")).results
    assert tuple(r.detail.get("steps") for r in results) == (twice, backup)


@pytest.mark.parametrize("idle", ["wait", "take_over"])
@pytest.mark.parametrize("reconnection", ["fail", "keep_serving", "able_serves"])
def test_every_step_refines_the_proved_machine_under_every_policy(
        idle: str, reconnection: str) -> None:
    adversary = "loss delay reorder one-way pause crash"
    for arbiter in ("cas", "cas+lease"):
        results = found(arbiter, adversary, idle_on_peer_loss=idle, reconnection=reconnection)
        assert results["D3"].verdict is Verdict.PROVED
        assert results["D3"].detail["rules"] >= 8


@pytest.mark.parametrize(("mutant", "arbiter", "breaks"), [
    ("no_compare", "cas", "D3"), ("old_reading", "cas+lease", "D1"),
    ("old_epoch", "cas+fence", "D1"),
])
def test_a_wrong_agent_breaks_a_promise_with_a_story(
        mutant: str, arbiter: str, breaks: str) -> None:
    right, wrong = found(arbiter), found(arbiter, mutant=mutant)
    assert right[breaks].verdict is Verdict.PROVED
    assert wrong[breaks].verdict is Verdict.REFUTED
    assert wrong[breaks].counterexample is not None
    assert wrong[breaks].counterexample.agrees
    assert wrong[breaks].detail["steps"] <= 4


def test_a_restarted_manager_reads_the_record_before_it_writes() -> None:
    results = found("cas", "crash boot")
    assert results["D1"].verdict is results["D3"].verdict is Verdict.PROVED


def test_a_crash_does_not_teach_a_copy_what_is_true_of_the_peer() -> None:
    """The world knows both nodes; a node learns of its peer by heartbeats alone."""
    network = Network(PRG, Setting("none", ["loss", "crash"]))
    at = network.starts[0]
    for line in ("heartbeat_lost(node2)", "manager_stop(node1)"):
        at = next(after for move, after in network.moves(at) if str(move) == line)
    hears = STORED.index("node2.hears_peer")
    assert at.copies[1][hears] == "no"
    assert at.copies[0][hears] == "yes"


def test_a_budget_that_ends_keeps_the_stories_that_were_found() -> None:
    more = (budget._used() or 0) + 400_000_000
    report = prove(PRG, Setting("none", set(ADVERSARIES)), ("D1", "D4"), memory=more)
    one, four = report.results
    assert (one.verdict, one.detail["steps"]) == (Verdict.REFUTED, 2)
    assert "of memory is reached" in one.detail["searched"]
    assert four.verdict is Verdict.UNKNOWN
    assert report.exit_code == 1


def test_nothing_empty_is_proved() -> None:
    """Nobody can serve, or no step is taken: then the promises say nothing."""
    model = PRG.model
    idle = evolve(model, agents=tuple(
        evolve(a, able={f"{a.node}.services": "up", f"{a.node}.database": "up",
                        f"{a.node}.process": "off"}) for a in model.agents))
    results = {r.id: r for r in prove(Engine(idle), Setting("cas", ["pause"])).results}
    assert results["D1"].verdict is Verdict.VACUOUS
    assert results["D2"].verdict is Verdict.NOT_APPLICABLE
    still = {r.id: r for r in prove(PRG, Setting("cas", [])).results}
    assert still["D3"].verdict is still["D4"].verdict is Verdict.VACUOUS


# ---------------------------------------------------------------------- command line


def test_the_table_of_arbiters(run: Any) -> None:
    answer = run("prove", "--model", "D")
    assert (answer.code, answer.err) == (0, "")
    assert "every verdict is the one that the theory predicts" in answer.out
    rows = {line.split()[0]: line.split()[1:] for line in answer.out.splitlines()
            if line.split() and line.split()[0] in ARBITERS}
    assert list(rows) == list(ARBITERS)
    assert rows["none"][:6] == ["refuted:", "2", "refuted:", "4", "-", "proved"]
    assert max(map(len, answer.out.splitlines())) <= 80


def test_one_arbiter(run: Any) -> None:
    answer = run("prove", "--model", "D", "--arbiter", "none", "--adversary", "one-way",
                 "--only", "D1")
    assert answer.code == 1
    assert "D1 refuted" in answer.out
    assert "cut node1\n" in answer.out
    proved = run("prove", "--model", "D", "--arbiter", "cas+fence", "--adversary", "one-way,pause")
    assert proved.code == 0


def test_a_machine_without_the_sections_is_not_applicable(run: Any, tmp_path: Any) -> None:
    from prgcore.wire.machine_file import dumps
    from tests.planted import LAMPS

    path = tmp_path / "lamps.json"
    path.write_text(dumps(LAMPS))
    answer = run("prove", "--model", "D", "--arbiter", "cas", "--machine", path)
    assert answer.code == 0
    assert "5 are not applicable" in answer.out
    every = run("prove", "--model", "D", "--machine", path)
    assert "the machine lacks " in " ".join(every.out.split())


@pytest.mark.parametrize("words", [
    ("--model", "Q"), ("--model", "D", "--arbiter", "quorum"),
    ("--model", "D", "--adversary", "rain"),
    ("--model", "D", "--silence", "-1"), ("--arbiter", "cas"), ("--model", "D", "--only", "S1"),
    ("--model", "D", "--why", "D1"), ("--model", "D", "proofs"),
])
def test_bad_words_are_refused_in_one_line(bad: Any, words: tuple[str, ...]) -> None:
    bad("prove", *words)


@pytest.mark.parametrize(("arbiter", "verdict"), [
    ("none", "proved"), ("cas", "not_applicable"), ("self-fence", "not_applicable"),
])
def test_the_bound_on_dual_service_is_one_of_two_nodes_without_an_arbiter(arbiter, verdict):
    result, = prove(PRG, Setting(arbiter, ["one-way"]), ["D5"]).results
    assert (result.id, result.verdict, result.method, result.model) == ("D5", verdict, "induction", "D")
    assert bool(result.assumptions) == (arbiter == "none")


@pytest.mark.parametrize("adversary", ["cut pause", "crash", "one-way delay pause"])
def test_every_adversary_keeps_the_refinement(adversary: str) -> None:
    assert found("cas", adversary)["D3"].verdict is Verdict.PROVED
