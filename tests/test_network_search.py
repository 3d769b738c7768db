"""Model D: the search finds the networks of the interpreter, and proves what the theory says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.machine import PRG, Machine, prg
from prgcore.network import Move, Network, Setting
from prgcore.network.facts import Facts
from prgcore.network.setting import ADVERSARIES, ARBITERS, DEFAULT
from prgcore.network.story import replay
from prgcore.prove import budget
from prgcore.prove.mirrored import symmetry
from prgcore.prove.network.copies import Copies
from prgcore.prove.network.facing import Answers
from prgcore.prove.network.facing import Machine as Tables
from prgcore.prove.network.frontier import Networks, search
from prgcore.prove.network.obligations import _Edges as Edges
from prgcore.prove.network.obligations import assumptions, prove
from prgcore.prove.network.records import Records
from prgcore.prove.network.records import _Side as Side
from prgcore.seats import NODES
from prgcore.template.active_standby import MACHINE as TEMPLATE
from prgcore.vocabulary import Verdict
from tests.pages import ROOT

if TYPE_CHECKING:
    from prgcore.engine import Engine
    from prgcore.network import Message, Snapshot
    from prgcore.prove.report import Result

FACTS = Facts(PRG)
STORED = PRG.stored
NORMAL = dict(PRG.run(PRG.initial[0], *dict(PRG.model.starts)["normal"]).end)


def searched(setting: Setting, *, folded: bool = True) -> Networks:
    machine = Tables(PRG, FACTS, symmetry(PRG.model) if folded else None)
    system = (Records if setting.recorded else Copies)(machine, setting)
    return search(system, system.start([NORMAL]), {})


# ------------------------------------------------- networks as values, from both sides


def message(setting: Setting, i: int, one: Message | None, facts: Facts = FACTS) -> object:
    """What later moves can depend on of a heartbeat in flight."""
    if one is None:
        return None
    if setting.recorded:
        return one.timely, one.timely and tuple(one.copy[k] for k in facts.told[i])
    kept = set(() if one.late else facts.told[i])
    if one.news:
        kept |= {k for k in facts.shared if one.based or facts.half[k] in (i, None)}
        kept |= {k for k in facts.own[1 - i] if one.based and facts.ordered[k]}
    return (one.late, one.news, one.news and one.based, one.news and one.newest,
            tuple((k, one.copy[k]) for k in sorted(kept)))


def value(setting: Setting, at: Snapshot, facts: Facts = FACTS) -> object:
    slots = tuple(message(setting, i, slot, facts) for i, slot in enumerate(at.slots))
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


def reached(setting: Setting, engine: Engine = PRG) -> set[object]:
    """Every network that the interpreter reaches."""
    network, facts = Network(engine, setting), Facts(engine)
    found = {value(setting, at, facts) for at in network.starts}
    level = list(network.starts)
    while level:
        level = [after for at in level for _, after in network.moves(at)
                 if (key := value(setting, after, facts)) not in found and not found.add(key)]
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


STANDBY = Machine(TEMPLATE)
OTHERS = {
    "standby": STANDBY,
    "not its own mirror": Machine(evolve(STANDBY.model, rules=tuple(
        r for r in STANDBY.model.rules if r.event != "heartbeat_lost(node2)"))),
    "three groups": Machine(evolve(STANDBY.model, serves=tuple(
        evolve(s, group=group) for s in STANDBY.model.serves for group in ("a", "b", "c")))),
    "no invariants": Machine(evolve(STANDBY.model, invariants=())),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("arbiter", "adversary", "silence"), [
    ("none", "loss delay", 0), ("self-fence", "one-way crash", 0), ("cas", "loss delay pause", 0),
    ("cas+lease", "loss pause crash", 0), ("cas+fence", "cut pause", 1),
])
def test_the_search_finds_as_many_networks_of_other_machines(
        name: str, arbiter: str, adversary: str, silence: int) -> None:
    engine, setting = OTHERS[name], Setting(arbiter, adversary.split(), silence)
    system = (Records if setting.recorded else Copies)(
        Tables(engine, Facts(engine), None), setting)
    normal = dict(engine.model.starts).get("normal", ())
    start = system.start([dict(engine.run(pair, *normal).end) for pair in engine.initial])
    assert len(search(system, start, {})) == len(reached(setting, engine))


@pytest.mark.parametrize(("arbiter", "word", "beside"), [
    *(("none", word, "loss delay") for word in ("duplicate", "reorder", "one-way", "cut", "crash")),
    ("none", "loss", "delay crash"), ("none", "delay", "loss"),
    *(("cas", word, " ".join(sorted(DEFAULT - {word, "cut"}))) for word in sorted(DEFAULT - {"cut"})),
    ("cas", "cut", "loss delay pause"),
    ("cas", "boot", "crash"), ("cas", "faults", ""), ("cas", "commands", ""),
])
def test_every_power_of_the_adversary_adds_networks(arbiter: str, word: str, beside: str) -> None:
    with_it, without = (
        searched(Setting(arbiter, {*beside.split(), *more})) for more in ([word], []))
    assert len(with_it) > len(without)


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


APART = {"none": 29_812, "cas": 1_664, "cas+lease": 5_248, "cas+fence": 3_056, "self-fence": 155}
"""The networks with different copies: fewer, and D4 would have less to prove."""


@pytest.mark.parametrize("arbiter", ARBITERS)
def test_what_each_arbiter_buys(arbiter: str) -> None:
    """The sizes are pinned: an adversary that lost a power would prove more, and reach less."""
    results = found(arbiter)
    assert results["D4"].detail["with different copies"] == APART[arbiter]
    if arbiter.startswith("cas"):
        assert (results["D3"].detail["rules"], results["D3"].detail["different ones"]) == (10, 410)
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
# ------------------------------------------------------ what a weaker semantics would prove

def without(verb: str) -> Any:
    """The moves of a node and the record, without those of one kind."""
    moves = Side._reads

    def fewer(side: Any, state: Any, runs: Any) -> Any:
        return (s for s in moves(side, state, runs) if side.all.kinds[s.kind][0] != verb)

    return fewer


def half_written(side: Any, state: Any, record: Any, *, by_node: bool) -> Any:
    """A write of the record that leaves out the other node's half."""
    records, machine = side.all.records, side.machine
    half = machine.parts(
        k for k in machine.facts.shared if machine.facts.half[k] == 1 - side.table.node)
    kept = records.ids([new - part.take(new) + part.take(old) for new, old, part in zip(
        records.of(record), records.of(state.record), half, strict=True)])
    return WRITE(side, state, kept, by_node=by_node)


WRITE = Side._write
APPLY = Answers.apply
WEAKER: dict[str, tuple[str, str, Any, str, Any]] = {
    "nobody serves": ("cas+lease", "D1", Records, "serves", lambda _, state: (state.mine * 0,) * 2),
    "one node serves": (
        "cas+lease", "D1", Records, "serves", lambda _, state: (state.mine * 0 + 3, state.mine * 0)),
    "nobody is permitted": ("cas+lease", "D1", Side, "_reads", without("permit")),
    "nobody has access": ("cas+fence", "D1", Side, "_reads", without("access")),
    "no step is compared": ("cas", "D3", Edges, "watch", lambda *_: None),
    "half is written": ("cas", "D3", Side, "_write", half_written),
    "nothing is written": ("cas", "D3", Side, "_write", lambda side, state, _, *, by_node: WRITE(
        side, state, state.record, by_node=by_node)),
    "rules do nothing": (
        "cas", "D3", Answers, "apply", lambda a, codes, rules: APPLY(a, codes, rules * 0 - 1)),
    "a heartbeat is never delivered": ("cas", "D4", Side, "arrives", lambda _, state, __: state),
    "nobody reads": ("cas", "D4", Side, "_reads", without("read")),
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_weaker_semantics_proves_nothing(name: str, monkeypatch: Any) -> None:
    arbiter, id_, where, what, instead = WEAKER[name]
    setting = Setting(arbiter, ["loss", "pause", "crash"])
    assert prove(PRG, setting, [id_]).results[0].verdict in (Verdict.PROVED, Verdict.REFUTED)
    monkeypatch.setattr(where, what, instead)
    verdict = prove(PRG, setting, [id_]).results[0].verdict
    assert verdict is not Verdict.PROVED
    assert verdict is Verdict.VACUOUS or id_ != "D1"


@pytest.mark.parametrize(("arbiter", "ids"), [
    ("none", {"D1", "D4"}), ("cas", {"D1", "D3", "D4"}), ("self-fence", {"D1", "D4"})])
def test_an_adversary_without_a_power_proves_nothing(arbiter: str, ids: set[str]) -> None:
    results = prove(PRG, Setting(arbiter, ()), ("D1", "D2", "D3", "D4")).results
    assert {r.id for r in results if r.verdict is Verdict.VACUOUS} == ids
    assert Verdict.PROVED not in {r.verdict for r in results}


@pytest.mark.parametrize(("adversary", "silence", "compared"), [
    ("cut pause", 0, "model P"), ("crash", 0, "model P"),
    ("cut pause crash", 2, "model P with heartbeats lost at any time (S18)"),
    ("one-way pause", 0, "model P with heartbeats lost at any time (S18)"),
])
def test_steps_are_compared_with_the_link_as_it_is(
        adversary: str, silence: int, compared: str) -> None:
    results = found("cas", adversary, silence)
    assert results["D3"].verdict is results["D4"].verdict is Verdict.PROVED
    assert results["D3"].detail["the proved machine"] == compared


@pytest.mark.parametrize("arbiter", ["none", "cas", "cas+lease"])
def test_what_time_leads_to_was_searched(arbiter: str) -> None:
    result, = prove(PRG, Setting(arbiter, ["cut", "pause", "crash"], 2), ["D4"]).results
    assert result.verdict is Verdict.PROVED


def test_a_node_that_fences_itself_takes_nobody_over_by_any_event() -> None:
    """In the machine of one service, `heartbeat_lost` only notes it, and `claim` takes over."""
    setting = Setting("self-fence")
    result, = prove(STANDBY, setting, ["D1"]).results
    assert result.verdict is Verdict.PROVED
    network = Network(PRG, setting)
    at = network.step(network.starts[0], Move("decide", "heartbeat_lost(node2)"))
    assert network.shown(at) == network.shown(network.starts[0])


@pytest.mark.parametrize(("arbiter", "id_", "names"), [
    ("none", "D1", "A-NET A-CRASH"), ("cas", "D1", "A-NET A-LIN A-PAUSE A-CRASH"),
    ("cas", "D3", "A-NET A-LIN A-PAUSE"), ("cas", "D4", "A-NET A-LIN A-PAUSE A-QUIET A-FAIR"),
    ("cas+lease", "D1", "A-NET A-LIN A-PAUSE A-CLK(rho),A-PAUSE(p),A-STOP(s) A-CRASH"),
    ("cas+fence", "D1", "A-NET A-LIN A-PAUSE A-CHECK A-CRASH"), ("cas+fence", "D2", "A-NET A-LIN A-PAUSE"),
])
def test_the_assumptions_are_those_of_the_obligation(arbiter: str, id_: str, names: str) -> None:
    said = assumptions(Setting(arbiter), id_)
    assert [a.partition(":")[0].replace(", ", ",") for a in said] == names.split()


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
    assert "theory" not in every.out


@pytest.mark.parametrize(("words", "code", "says"), [
    (("--arbiter", "cas", "--adversary", ""), 4, "D4 vacuous"),
    (("--arbiter", "cas", "--adversary", "loss,loss"), 0, "D1 "),
    (("--arbiter", "cas", "--adversary", "pause", "--budget", "0.01"), 3, "budget"),
    (("--arbiter", "cas+lease", "--adversary", "cut", "--silence", "99"), 3, "too many values"),
])
def test_odd_words_are_answered(run: Any, words: tuple[str, ...], code: int, says: str) -> None:
    answer = run("prove", "--model", "D", *words)
    assert answer.code == code
    assert says in answer.out + answer.err
    assert not answer.err or answer.err.count("\n") == 1


@pytest.mark.parametrize("words", [
    ("--model", "Q"), ("--model", "d"), ("--model", "D", "--arbiter", "quorum"),
    ("--model", "D", "--adversary", "rain"), ("--model", "D", "--adversary", "Loss"),
    ("--model", "D", "--silence", "-1"), ("--model", "D", "--silence", "100"),
    ("--model", "D", "--silence", "x"), ("--model", "D", "--junit", "x"),
    ("--model", "D", "--sarif", "x"), ("--model", "D", "--certificate", "x"),
    ("--arbiter", "cas"), ("--model", "D", "--only", "S1"),
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
