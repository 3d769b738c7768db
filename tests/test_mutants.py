"""M1: hand-made mutants have the fate that is known of them, and the score can fall."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from attrs import evolve

from prgcore.cli.proofs import _kinds
from prgcore.errors import BadInput
from prgcore.machine import Machine, prg
from prgcore.model import Action, Cube, Duty, Model, Rule, cube
from prgcore.prove.duties import Duties
from prgcore.prove.induction import half, induct
from prgcore.prove.mutants import derived, duties, invariants, possible, rules, time
from prgcore.prove.mutants.judge import EQUIVALENT, SURVIVED, UNORDERED, Judge
from prgcore.prove.mutants.kinds import KINDS, every
from prgcore.prove.mutants.score import Tally, fates, obligation, sample
from prgcore.prove.mutants.shape import Mutant, Seats, mutate
from prgcore.prove.report import prove
from prgcore.prove.space import Space, search
from prgcore.prove.theorems import read_text, restated
from prgcore.prove.work import Judgement, Work
from prgcore.seats import mirror_rule
from prgcore.tables.survivors import SURVIVORS
from prgcore.vocabulary import Verdict
from tests.test_duties import LAMP_DUTIES, lamps

PRG = prg()


@cache
def judge() -> Judge:
    return Judge(PRG.model)


def rule(id_: str, model: Model = PRG.model) -> Rule:
    return next(r for r in model.rules if r.id == id_)


def changed(id_: str, model: Model = PRG.model, **fields: object) -> Mutant:
    """A hand-made mutant of a rule, in both seats where it has two."""
    old = rule(id_, model)
    new = evolve(old, **fields)
    edits = [(old, new)]
    other = mirror_rule(old).id
    if other != id_:
        edits.append((rule(other, model), mirror_rule(new)))
    return Mutant("rules", id_, "by hand", "rules", tuple(edits))


def removed(id_: str, model: Model = PRG.model) -> Mutant:
    return next(m for m in rules.mutants(model) if m.at == id_ and m.what == "row removed")


def cells(id_: str, **more: object) -> Cube:
    return cube({c.column: c.values for c in rule(id_).when} | {
        name.replace("__", "."): values for name, values in more.items()})


# ------------------------------------------------------------------- rules


@pytest.mark.parametrize(("mutant", "fate"), [
    (removed("F106@node1"), "F2"),
    (changed("B108@node1", when=cells("B108@node1", node1__hearing=("one_way", "both"))), "F1"),
    (changed("M110@node1", when=Cube(tuple(
        c for c in rule("M110@node1").when if c.column != "node2.state"))), "F5"),
    (changed("F110@node1", then=tuple(
        e for e in rule("F110@node1").then if e.target != "node1.state")), "S"),
    (changed("L110@node1", when=cells("L110@node1", node2__services="up")), "F6"),
    (changed("F114@node1", actions=()), "F9"),
    (changed("F114@node1", actions=rule("F114@node1").actions[::-1]), "F9"),
    (changed("M100@node1", actions=(*rule("M100@node1").actions, Action("assign_users"))), "F9"),
    (changed("X100@node1", when=cells("X100@node1", node1__state=PRG.model.domains["node1.state"])),
     EQUIVALENT),
    (changed("M120", actions=tuple(sorted(rule("M120").actions, key=lambda a: (
        "restart" in a.do, a.node == "node1")))), UNORDERED),
], ids=lambda v: v if isinstance(v, str) else v.at)
def test_a_mutant_by_hand_has_the_fate_that_is_known_of_it(mutant: Mutant, fate: str) -> None:
    assert judge().fate(mutant) == fate


def test_a_rule_that_is_read_again_in_other_words_is_the_same_machine() -> None:
    old = rule("F100@node1")
    assert judge().fate(changed("F100@node1", when=Cube(old.when.cells[::-1]))) == EQUIVALENT
    assert judge().fate(changed("F100@node1", then=old.then[::-1])) == EQUIVALENT


def test_a_rule_that_answers_for_another_one_is_a_mutant() -> None:
    merged = {str(m): m for m in rules.mutants(PRG.model) if m.answered}
    assert judge().fate(merged["X130@node1: answers for X132@node1 too"]) == "F9"
    assert judge().fate(merged["B100@node1: answers for B108@node1 too"]) == "F5"
    gone = mutate(PRG.model, merged["X130@node1: answers for X132@node1 too"])
    assert not {"X132@node1", "X132@node2"} & {r.id for r in gone.rules}


def test_the_story_of_a_distinction_is_what_kills_its_mutant() -> None:
    model = evolve(PRG.model, stories=tuple(s for s in PRG.model.stories if s.id != "H21"))
    mutant = next(m for m in rules.mutants(model)
                  if str(m) == "L106@node1: answers for L104@node1 too")
    assert Judge(model).fate(mutant) == SURVIVED


# ----------------------------------------------------------------- fates are true


KILLERS = {
    "F1": ("F1",), "F2": ("F2",), "F5": ("F5",), "F6": ("F6",), "F7": ("F7",), "F9": ("F9",),
    "C1": ("C1",), "C4": ("C4",), "C5": ("C5",), "S": tuple(i.id for i in PRG.model.invariants),
}


@pytest.mark.parametrize("seed", range(3))
def test_the_prover_refutes_what_is_counted_as_killed(seed: int) -> None:
    """Every fate is a verdict of `prove` on the machine of the mutant."""
    all_ = every(PRG.model, ("rules",))
    for number in sample(3, len(all_), seed):
        fate = judge().fate(all_[number])
        if fate in KILLERS:
            report = prove(Machine(mutate(PRG.model, all_[number])), only=KILLERS[fate])
            assert report.exit_code, str(all_[number])


@pytest.mark.parametrize("seed", range(2))
def test_what_is_equivalent_has_the_same_edges(seed: int) -> None:
    all_ = every(PRG.model, ("rules",))
    equal = [all_[n] for n in sample(60, len(all_), seed)
             if judge().fate(all_[n]) == EQUIVALENT][:2]
    assert equal
    for mutant in equal:
        model = mutate(PRG.model, mutant)
        assert _edges(search(model)) == _edges(judge().reached.space)


def _edges(space: Space) -> dict[str, tuple[bytes, bytes, str, tuple[Action, ...]]]:
    return {
        e.rule.id: (e.source.tobytes(), e.target.tobytes(), str(e.rule.outcome), e.rule.actions)
        for e in space.edges if len(e.source)}


# ----------------------------------------------------------- what is possible, and time


@pytest.mark.parametrize("mutant", [
    m for m in possible.mutants(PRG.model) if m.at in ("power_off(node1)", "link_cut")], ids=str)
def test_a_weaker_or_stronger_adversary_is_noticed(mutant: Mutant) -> None:
    assert judge().fate(mutant) == "F10"


def test_without_f10_the_edges_decide_about_what_is_possible() -> None:
    model = evolve(PRG.model, adversary=(), decides=())
    fates_ = {str(m): Judge(model).fate(m) for m in possible.mutants(model) if str(m) in (
        ("manager_start(node1): way (node1.process manager_down): "
         "cell node1.process widened by running"),
        "manager_start(node1): way (node1.process manager_down): not where ha is on",
    )}
    assert [*fates_.values()] == ["F2", "C1"]


def test_every_edit_of_the_tables_about_time_is_noticed() -> None:
    found = {judge().fate(m) for m in time.mutants(PRG.model)}
    assert found == {"T", EQUIVALENT}
    assert not [*time.mutants(lamps())]


# ------------------------------------------------------------ derived tables


@pytest.mark.parametrize(("entry", "fate"), [
    ("node1.tells_peer: (yes, down, down): database_failure -> critical_service_down", "F5"),
    ("node1.misses: (manager_down, failed_over, up, up): not_asked -> nothing", "F5"),
    ("node1.peer_health: (yes, down, down): database_failure -> healthy", "F5"),
    ("node1.peer_health: (no, up, up): unheard -> healthy", "F6"),
    ("node1.peer_health: (yes, down, up): critical_service_down -> stopped", EQUIVALENT),
    ("node1.duty: (taking_back): acting -> starting", "C5"),
    ("node1.health: (up, up): healthy -> stopped", "F10"),
    ("node1.assignment: (no, no, no, no): no_role -> home", "S"),
])
def test_an_entry_of_a_derived_table_has_the_fate_that_is_known_of_it(
    entry: str, fate: str,
) -> None:
    assert judge().fate(next(m for m in derived.mutants(PRG.model) if str(m) == entry)) == fate


def test_no_two_values_of_a_derived_column_mean_the_same_but_for_an_operator() -> None:
    """Values that every rule takes for one another would be a distinction made nowhere."""
    alike: dict[tuple[str, str, str], bool] = {}
    for mutant in derived.mutants(PRG.model):
        if mutant.at.endswith((".assignment", ".tells_peer")):
            old, new = mutant.what.rpartition(": ")[2].split(" -> ")
            key = mutant.at, *sorted((old, new))
            alike[key] = alike.get(key, True) and judge().fate(mutant) == EQUIVALENT
    assert [key for key, same in alike.items() if same] == []


# ------------------------------------------------------------------ duties


def test_what_is_said_of_actions_by_the_table_is_what_the_duties_promise() -> None:
    """The table of met duties and harms answers like F9 itself."""
    asks = judge().asks
    promised = Duties(asks.relation, asks.solver)
    chosen = [m for m in rules.mutants(PRG.model) if m.what.startswith("action")]
    for number in sample(60, len(chosen), 3):
        old, new = chosen[number].old, chosen[number].new
        assert bool(promised.wrong(new)) == bool(
            asks.wrong(old, new.actions, PRG.model.duties)), str(chosen[number])
    assert not [r.id for r in half(PRG.model)
                if asks.wrong(r, r.actions, PRG.model.duties)]


def test_the_fates_of_duties() -> None:
    fate = {m.what: judge().fate(m) for m in duties.mutants(PRG.model) if m.at == "Q1@node1"}
    assert fate["dropped"] == "F9"
    assert fate["after: cell node1.state dropped"] == "F9"
    assert fate["does not follow disconnect_users(node2)"] == "M1"
    harmless = {m.what: judge().fate(m) for m in duties.mutants(PRG.model)
                if m.at == "Q3@node1" and m.what.startswith("harmless")}
    assert harmless["harmless dropped"] == "F9"
    assert harmless["harmless: cell node1.state dropped"] == "M1"


def test_a_duty_that_nothing_needs_survives() -> None:
    more = Duty("Q3", "a lamp rings before it gets no current, says the second as well", RING_FIRST,
                before=LAMP_DUTIES[1].before, after=LAMP_DUTIES[1].after)
    model = lamps(duties=(*LAMP_DUTIES, more))
    dropped = next(m for m in duties.mutants(model) if str(m) == "Q3@node1: dropped")
    assert Judge(model).fate(dropped) == SURVIVED


RING_FIRST = ("ring(me)", "current_off(me)")


def score(model: Model, kinds: tuple[str, ...] = ()) -> Tally:
    tally = Tally()
    chosen = tuple(range(len(every(model, kinds))))
    for mutant, fate in fates(model, chosen, kinds, workers=1):
        tally.add(mutant, fate)
    return tally


@pytest.mark.parametrize("weaker", [
    (LAMP_DUTIES[0], *(evolve(LAMP_DUTIES[1], id=f"Q{n}", asks=(Action(*asks),)) for n, asks in (
        (2, ("ring", "me")), (3, ("current_off", "me"))))),
    (evolve(LAMP_DUTIES[0], after=cube({"me.state": "warming"})), LAMP_DUTIES[1]),
], ids=["its order forgotten", "its steps fewer"])
def test_weaker_duties_never_raise_the_score(weaker: tuple[Duty, ...]) -> None:
    strong, weak = score(lamps(), ("rules",)), score(lamps(duties=weaker), ("rules",))
    assert strong.count(EQUIVALENT) == weak.count(EQUIVALENT)
    assert weak.score <= strong.score


def test_a_weaker_duty_of_the_machine_lowers_the_score() -> None:
    """Kills by an order become unordered mutants, never equivalent ones."""
    kept = tuple(evolve(d, follows=()) if d.id.startswith("Q6@") else d for d in PRG.model.duties)
    model = evolve(PRG.model, duties=kept)
    orders = [m for m in rules.mutants(model) if m.at == "M100@node1" and " moved " in m.what]
    strong, weak, other = Tally(), Tally(), Judge(model)
    for mutant in orders:
        strong.add(mutant, judge().fate(mutant))
        weak.add(mutant, other.fate(mutant))
    assert strong.score == 1
    assert weak.score < 1
    assert weak.unordered
    assert weak.count(EQUIVALENT) == 0


# -------------------------------------------------------------- invariants


@cache
def promises() -> dict[str, str]:
    judge_ = Judge(PRG.model, restated(["proofs"], PRG.model))
    return {str(m): judge_.fate(m) for m in invariants.mutants(PRG.model)}


@pytest.mark.parametrize(("mutant", "fate"), [
    ("S3: dropped", "proofs"),
    ("S12: cube 1: cell node2.state narrowed: not idle", "proofs"),
    ("S14: cube 1 dropped", "S14"),
    ("X10: dropped", "induction"),
    ("X16: cube 1: cell node2.state narrowed: not idle", SURVIVED),
])
def test_an_invariant_that_forbids_less_has_the_fate_that_is_known_of_it(
    mutant: str, fate: str,
) -> None:
    assert promises()[mutant] == fate


def test_invariants_that_survive_are_listed() -> None:
    listed = {s.mutant for s in SURVIVORS}
    assert {name for name, fate in promises().items() if fate == SURVIVED} <= listed
    assert {"F2", "proofs", "S14", "induction", EQUIVALENT, SURVIVED} == {*promises().values()}


@pytest.mark.parametrize("name", ["X1: dropped", "X10: dropped", "X12: dropped"])
def test_without_a_needed_invariant_the_induction_really_fails(name: str) -> None:
    mutant = next(m for m in invariants.mutants(PRG.model) if str(m) == name)
    model = mutate(PRG.model, mutant)
    assert promises()[name] == "induction"
    assert len(induct(model).proved) < len(model.invariants)


def test_a_theorem_that_restates_notices_a_weaker_invariant() -> None:
    text = """[twice]
        says = "no group twice"
        restates = "S3"
        never = { "node1.assigned_own" = "yes", "node2.assigned_peer" = "yes" }"""
    (theorem,) = read_text(text, "here", PRG.model)
    assert theorem.run(Work(PRG)).verdict is Verdict.PROVED
    weaker = evolve(PRG.model, invariants=tuple(
        evolve(i, never=(cube({"node1.assigned_own": "yes", "node2.assigned_peer": "yes",
                               "ha": "on"}),)) if i.id == "S3" else i
        for i in PRG.model.invariants))
    (theorem,) = read_text(text, "here", weaker)
    found = theorem.run(Work(Machine(weaker)))
    assert found.verdict is Verdict.REFUTED
    assert found.detail["says"].startswith("S3 of the machine allows node1.assigned_own = yes")


@pytest.mark.parametrize(("restates", "says"), [
    ('"S99"', "unknown invariant 'S99'"), ("[]", "names no invariant"),
])
def test_a_theorem_that_restates_nothing_is_refused(restates: str, says: str) -> None:
    text = f"""[twice]
        says = "no group twice"
        restates = {restates}
        never = {{ "node1.assigned_own" = "yes", "node2.assigned_peer" = "yes" }}"""
    with pytest.raises(BadInput, match=says):
        read_text(text, "here", PRG.model)


# ------------------------------------------------- what no step reads


@cache
def told() -> Judge:
    return Judge(PRG.model, restated(["proofs"], PRG.model))


def named(kind: str, name: str, model: Model = PRG.model) -> Mutant:
    return next(m for m in every(model, (kind,)) if str(m) == name)


@pytest.mark.parametrize(("kind", "name", "fate"), [
    ("mirror", "node1.state: dropped", EQUIVALENT),
    ("mirror", "node1.state: has the image of node1.reason", "F3"),
    ("mirror", "ha: improper is the image of on", "F3"),
    ("mirror", "node1.services: stopped is the image of down", "F3"),
    ("families", "HN2: dropped", "C3"),
    ("families", "HN3: display 1: node2 with idle", "C3"),
    ("families", "HF1: display 1: node2 without peer_reboot", "C3"),
    ("families", "HE5: display 1 dropped", "C3"),
    ("families", "HN2: display 1: node1 with any reason", EQUIVALENT),
    ("transient", "transient[0]: dropped", "proofs"),
    ("transient", "transient[0]: widened by normal", "C3"),
    ("transient", "transient[0]: narrowed: not taking_over", "proofs"),
    ("may_wait", "may_wait[0]: dropped", "L1"),
    ("may_wait", "may_wait[2]: dropped", "L1"),
    ("may_wait", "may_wait[2]: cell node2.process widened by running", "proofs"),
    ("may_wait", "may_wait[2]: cell node1.hears_peer dropped", "proofs"),
    ("may_wait", "may_wait[0]: cell node1.state widened by normal", EQUIVALENT),
    ("guards", "S6 failover(node1): dropped", "proofs"),
    ("guards", "S6 failover(node1): not exactly", "proofs"),
    ("guards", "S6 failover(node1): cube 1: cell node2.database dropped", "proofs"),
    ("guards", "S7 fallback(node1): cube 1: cell node1.state narrowed: not idle", "proofs"),
    ("guards", "S9 auto_fallback_due(node1): exactly", "F5"),
    ("guards", "S10 initialized(node1): cube 1: cell ha widened by off", "proofs"),
    ("guards", "S8: without recover", "proofs"),
    ("guards", "S8: with enable_ha", "F5"),
    ("guards", "S8: cube 1: cell node1.state widened by unknown", SURVIVED),
    ("guards", "S15 stopped: dropped", "proofs"),
    ("guards", "S15 stopped: without failover(node1)", "F5"),
    ("guards", "S22 up: with failover(node1)", "proofs"),
    ("guards", "S23 database_failure: initialized(node1) anywhere", "proofs"),
    ("goal", "goal[0]: dropped", "proofs"),
    ("goal", "goal[0]: cell ha widened by off", "proofs"),
])
def test_a_mutant_of_what_no_step_reads_has_the_fate_that_is_known_of_it(
    kind: str, name: str, fate: str,
) -> None:
    assert told().fate(named(kind, name)) == fate


@pytest.mark.parametrize("name", [
    "HN3: display 1: node2 with idle", "HF1: display 1: node2 without peer_reboot",
])
def test_the_prover_itself_says_so_of_a_family(name: str) -> None:
    model = mutate(PRG.model, named("families", name))
    assert prove(Machine(model), only=("C3",)).exit_code


@pytest.mark.parametrize("kind", ["guards", "goal", "may_wait"])
def test_without_theorems_a_weaker_promise_survives(kind: str) -> None:
    name = {"guards": "S6 failover(node1): dropped", "goal": "goal[0]: cell ha dropped",
            "may_wait": "may_wait[2]: cell node1.hears_peer dropped"}[kind]
    assert judge().fate(named(kind, name)) == SURVIVED


@pytest.mark.parametrize(("edit", "says"), [
    ({"accepted_only": ()}, "S6 does not say where failover(node1) is accepted"),
    ({"exclusive": ()}, "S8 of the machine allows more than one-button-at-a-time"),
    ({"only_by": ()}, "S15 of the machine allows more ways to give node1.services the value stopped"),
    ({"goal": ()}, "the machine has no goal"),
    ({"transient": ()}, "L1 of the machine allows a rest where node1.state = initializing or"),
])
def test_a_theorem_says_what_a_weaker_machine_allows(edit: dict[str, object], says: str) -> None:
    model = evolve(PRG.model, **edit)
    found = [r.lacks(model, told().stored) for r in told().restated]
    assert any(one.startswith(says) for one in found if one)


@pytest.mark.parametrize(("text", "says"), [
    ('exclusive = ["failover", "jump"]', "unknown command 'jump'"),
    ("exclusive = []", "names no command"),
    ('sets = { "node1.state" = "asleep" }\nby = "recover"', "unknown value 'asleep'"),
    ('sets = { "node1.state" = "idle" }', "needs by: the events that may do so"),
    ('sets = "node1.state"\nby = "recover"', "one column and its value"),
    ('sets = { "node1.state" = "idle" }\nby = "recover"\nwhere = { power_on = {} }',
     "unknown event of by 'power_on'"),
    ('accepted = []\nonly = { ha = "on" }', "names no command"),
    ('home = { ha = "on" }\nrestates = "L1"', "unknown obligation 'L1'"),
    ('never_rests = { ha = "on" }\nrestates = "S1"', "unknown obligation 'S1'"),
    ('exclusive = ["recover", "failover"]\nrestates = "X1"', "unknown guard check 'X1'"),
])
def test_theorems_of_these_kinds_that_say_nothing_are_refused(text: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        read_text(f'[one]\nsays = "x"\n{text}', "here", PRG.model)


@pytest.mark.parametrize(("text", "verdict"), [
    ('exclusive = ["enable_ha", "disable_ha"]', Verdict.PROVED),
    ('exclusive = ["failover", "enable_auto_fallback"]', Verdict.REFUTED),
    ('sets = { link = "cut" }\nby = "link_cut"', Verdict.PROVED),
    ('sets = { link = "cut" }\nby = "link_repair"', Verdict.REFUTED),
    ('sets = { link = "cut" }\nby = ["link_cut", "recover"]', Verdict.VACUOUS),
    ('never_rests = { "node1.state" = "taking_over", "node1.process" = "running" }',
     Verdict.PROVED),
    ('never_rests = { "node1.state" = "taking_over" }', Verdict.REFUTED),
    ('never_rests = { "node1.state" = "taking_over", "node2.state" = "taking_over" }',
     Verdict.VACUOUS),
])
def test_theorems_of_these_kinds_are_judged(text: str, verdict: Verdict) -> None:
    (theorem,) = read_text(f'[one]\nsays = "x"\n{text}', "here", PRG.model)
    assert theorem.run(told().work).verdict is verdict


# ------------------------------------------------------------------- seats


def test_a_mutant_changes_both_seats() -> None:
    for mutant in every(PRG.model):
        if "@node1" in mutant.at:
            assert len(mutant.edits) in (2, 4), str(mutant)


def test_the_mirror_image_of_a_mutant_is_found_among_the_entries() -> None:
    seats = Seats(PRG.model)
    pairs = [*seats.paired(PRG.model.rules, lambda r: r.id, lambda m, r: m.name(r.id))]
    assert sum(1 + (other is not None) for _, other, _ in pairs) == len(PRG.model.rules)
    assert {one.id for one, other, alike in pairs if alike} == {
        r.id for r in PRG.model.rules if "@" not in r.id}


def test_a_machine_without_a_mirror_is_changed_in_one_place() -> None:
    model = evolve(lamps(), mirror=())
    assert all(len(m.edits) == 1 or m.answered for m in every(model))


# -------------------------------------------------------------- M1 itself


def test_a_sample_of_mutants_has_no_survivor_that_is_not_listed() -> None:
    listed = {s.mutant for s in SURVIVORS}
    all_ = every(PRG.model)
    chosen = sample(60, len(all_), seed=2026)
    fate = [(str(m), f) for m, f in fates(
        PRG.model, chosen, workers=1, restated=restated(["proofs"], PRG.model))]
    assert len(fate) == 60
    assert [m for m, f in fate if f == SURVIVED and m not in listed] == []


def test_the_same_seed_gives_the_same_mutants() -> None:
    assert sample(10, 4000, seed=1) == sample(10, 4000, seed=1)
    assert sample(10, 4000, seed=1) != sample(10, 4000, seed=2)


def test_the_listed_survivors_are_mutants() -> None:
    assert {s.mutant for s in SURVIVORS} <= {str(m) for m in every(PRG.model)}
    assert all(s.why and s.decision for s in SURVIVORS)


def run(model: Model, listed: dict[str, str], kinds: tuple[str, ...] = ()) -> Judgement:
    return obligation(0, 0, kinds, listed).run(Work(Machine(model)))


def test_a_theorem_that_fails_already_refutes_m1_and_notices_nothing(
    tmp_path: Path,
) -> None:
    # S7 asks for both nodes to hear each other; a theorem that asks for one of them fails
    old = """[fallback-beside-a-backup]
says = "a fallback to node 1 needs exactly its database, and a backup that it hears"
restates = "S7"
accepted = "fallback(node1)"
exactly = true

[[fallback-beside-a-backup.only]]
ha = "on"
"node1.state" = ["idle", "failed_over"]
"node1.database" = "up"
"node1.hears_peer" = "yes"
"node2.state" = "running_in_backup_mode"
"""
    (tmp_path / "old.toml").write_text(old, "utf-8")
    theorems = restated([tmp_path], PRG.model)
    judgement = obligation(1, 0, ("guards",), restated=theorems).run(Work(Machine(PRG.model)))
    assert judgement.verdict == "refuted"
    assert "fallback-beside-a-backup notices nothing, because it fails already" in judgement.detail["says"]


def test_no_theorem_of_the_project_fails_already() -> None:
    stored = told().stored
    assert [r.name for r in told().restated if r.lacks(PRG.model, stored)] == []


def test_a_survivor_refutes_m1_unless_it_is_listed() -> None:
    more = Duty("Q3", "the second as well", RING_FIRST,
                before=LAMP_DUTIES[1].before, after=LAMP_DUTIES[1].after)
    model = lamps(duties=(*LAMP_DUTIES, more))
    found = run(model, {}, ("duties",))
    assert found.verdict is Verdict.REFUTED
    assert "Q3@node1: dropped" in found.detail["says"]
    names = dict.fromkeys(found.detail["survivors"], "by hand")
    assert run(model, names, ("duties",)).verdict is Verdict.PROVED


def test_an_entry_that_does_not_survive_refutes_m1() -> None:
    found = run(lamps(), {**dict.fromkeys(run(lamps(), {}).detail["survivors"], ""), "gone": "x"})
    assert found.verdict is Verdict.REFUTED
    assert found.detail["says"] == "listed as survivors, and noticed or gone: gone"


def test_the_figures_are_by_kind() -> None:
    detail = run(lamps(), {}).detail
    assert {*detail["kinds"]} <= {*KINDS}
    for word in ("killed", "equivalent", "unordered", "surviving"):
        assert detail[word] == sum(k.get(word, 0) for k in detail["kinds"].values())
    assert detail["mutants"] == sum(n for k in detail["kinds"].values() for n in k.values())


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(BadInput, match="rulez"):
        _kinds(["rulez"])
