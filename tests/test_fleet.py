"""Fleets: the same steps as the interpreter, the compiled table and the explorer, in bulk."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, NotTotal
from prgcore.explain.display import display_of
from prgcore.fleet import Counts, Fleet, Table, step
from prgcore.fleet.table import IMPOSSIBLE, REFUSED
from prgcore.machine import PRG, prg
from prgcore.prove.compiled import IGNORED as STAYS
from prgcore.prove.compiled import IMPOSSIBLE as NEVER
from prgcore.prove.compiled import REFUSED as NO
from prgcore.prove.compiled import Compiled
from prgcore.template.pair import MACHINE
from prgcore.vocabulary import Outcome, Reason, State
from tests.planted import FAULTS, LAMPS
from tests.toys import TURNSTILE

STEPS, WALKS = 500, 2_000
TOYS = {"lamps": LAMPS, "turnstile": TURNSTILE, "init": MACHINE}
OTHER = {"reconnection": "able_serves", "idle_on_peer_loss": "take_over"}


@cache
def table() -> Table:
    return Table.of(PRG)


def everywhere(made: Table) -> None:
    """Compare every entry of a table with the compiled one of the same search."""
    compiled = Compiled(made.space)
    rows = compiled.codes.reshape(-1, compiled.width)
    code = made.placed(np.arange(len(made)))
    outcome = np.array([r.outcome is Outcome.DONE for r in made.model.rules] or [True])
    for event in range(len(made.events)):
        said = rows[:, event]
        after = np.where(said >= 0, said // compiled.width, np.arange(len(made)))
        assert (made.next[event][code] == code[after]).all()
        rule = made.rule(event)[code].astype(int)
        assert ((rule == REFUSED) == (said == NO)).all()
        assert ((rule == IMPOSSIBLE) == (said == NEVER)).all()
        fired = rule < IMPOSSIBLE
        assert (outcome[rule[fired]] == (said[fired] != STAYS)).all()
        assert {made.model.rules[r].event for r in np.unique(rule[fired])} <= {made.events[event]}


def answered(engine: Engine, pair, event: str) -> tuple[str, object]:
    """What the interpreter says: a rule or a word, and the pair after."""
    if not engine.possible(pair, event):
        return "impossible", pair
    decision = engine.step(pair, event)
    return (decision.rule.id if decision.rule else "refused"), decision.pair


def events_of_walks(made: Table) -> np.ndarray:
    """Events by step and walk. High availability is seldom disabled, so that walks get far."""
    chance = np.random.default_rng(17)
    weight = np.array([0.1 if e == "disable_ha" else 1 for e in made.events])
    return chance.choice(len(made.events), (STEPS, WALKS), p=weight / weight.sum()).astype(np.uint8)


@cache
def begun() -> np.ndarray:
    """The codes with which walks begin: the initial pair, home, and any other pairs."""
    made = table()
    codes = np.random.default_rng(18).integers(0, len(made), WALKS, np.uint32)
    codes[:2] = made.number(PRG.initial[0]), made.home
    return codes


@cache
def walked() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A million steps of a fleet: the events, the rules that answered, the codes after."""
    made = table()
    events = events_of_walks(made)
    fleet = Fleet(made, begun())
    rules, codes = [], []
    by_event = np.stack([made.rule(event) for event in range(len(made.events))])
    for given in events:
        rules.append(by_event[given, fleet.codes])
        fleet = fleet.step(given)
        codes.append(fleet.codes)
    return events, np.array(rules), np.array(codes)


def words(made: Table, rules: np.ndarray) -> np.ndarray:
    """Rules by number as ids, or the word for none."""
    names = np.array([*made.rules, "refused", "impossible"], object)
    place = rules.astype(int)
    place[rules == REFUSED] = len(made.rules)
    place[rules == IMPOSSIBLE] = len(made.rules) + 1
    return names[place]


# ------------------------------------------------------------------ agreement


def test_every_entry_of_the_table_is_that_of_the_compiled_one():
    everywhere(table())


def test_and_under_other_policies():
    everywhere(Table.of(prg(**OTHER)))


@pytest.mark.parametrize("name", TOYS)
def test_a_toy_is_stepped_as_the_interpreter_steps_it(name):
    made = Table.of(TOYS[name])
    everywhere(made)
    engine = made.engine
    for code, values in enumerate(made.values(np.arange(len(made)))):
        pair = engine.at(values)
        assert made.number(pair) == code
        assert dict(pair).items() >= made.pair(code).items()
        for number, event in enumerate(made.events):
            rule, after = answered(engine, pair, event)
            assert made.number(after) == made.next[number, code]
            assert words(made, made.rule(event)[code:code + 1])[0] == rule


def test_a_million_steps_of_a_fleet_are_those_of_the_interpreter():
    made = table()
    events, rules, codes = walked()
    said = words(made, rules)
    engine = PRG
    known = {}
    at = [PRG.at(values) for values in made.values(begun())]
    for number, (given, told) in enumerate(zip(events.tolist(), said.tolist(), strict=True)):
        for walk, (event, rule) in enumerate(zip(given, told, strict=True)):
            key = at[walk], event
            if key not in known:
                known[key] = answered(engine, at[walk], made.events[event])
            expected, at[walk] = known[key]
            assert rule == expected, f"walk {walk}, step {number}: {made.events[event]}"
        if number % 50 == 49:
            assert made.values(codes[number]) == [pair.values_ for pair in at]
    assert len(np.unique(codes)) > 40_000
    assert {r.partition("@")[0] for r in np.unique(said).tolist()} >= {
        "refused", "impossible", "F110", "B102", "L110"}


def test_a_million_steps_are_those_of_the_compiled_table():
    made, compiled = table(), Compiled(table().space)
    events, _, codes = walked()
    number = [made.space.find(made.pair(code)) for code in begun().tolist()]
    at = np.array(number) * compiled.width
    for given, after in zip(events, codes, strict=True):
        said = compiled.step(at, given.astype(np.int64))
        at = np.where(said >= 0, said, at)
        assert (made.placed(at // compiled.width) == after).all()


WALK = """walks => { const { machine } = prgcore; return walks.map(([begin, events]) => {
  let row = machine.complete(begin);
  const rules = [];
  for (const event of events) {
    const answer = machine.step(row, event);
    rules.push(answer.rule ? answer.rule.id : answer.outcome);
    row = answer.row;
  }
  return [rules.join(), row.slice(0, machine.stored).join()];
}); }"""


def test_a_million_steps_are_those_of_the_explorer_in_a_browser(open_page):
    made = table()
    events, rules, codes = walked()
    said = words(made, rules).T
    domains = [{v: i for i, v in enumerate(made.model.domains[name])} for name in PRG.stored]
    page = open_page(PRG)
    for low in range(0, WALKS, 500):
        begin = [[d[v] for d, v in zip(domains, values, strict=True)]
                 for values in made.values(begun()[low:low + 500])]
        walks = list(zip(begin, events[:, low:low + 500].T.tolist(), strict=True))
        for walk, (told, row) in enumerate(page.evaluate(WALK, walks), low):
            mine = ",".join(said[walk])
            assert hashlib.sha256(told.encode()).digest() == hashlib.sha256(mine.encode()).digest(), walk
            values = made.values(codes[-1, walk:walk + 1])[0]
            assert row == ",".join(str(d[v]) for d, v in zip(domains, values, strict=True))


# ------------------------------------------------------------------ the numbering


def test_every_pair_has_one_code_and_home_has_the_first():
    made = table()
    assert len(made) == made.size == 825_920
    assert sorted(made.placed(np.arange(len(made))).tolist()) == list(range(len(made)))
    home = made.pair(made.home)
    assert home == {**home, "node1.state": "normal", "node2.state": "normal", "ha": "on",
                    "auto_fallback": "off", "link": "up", "node1.services": "up"}
    assert made.number(home) == 0


def test_pairs_of_one_fault_come_before_those_of_three():
    made = table()
    fleet = Fleet.home(made, 1)
    one = fleet.step("power_off(node1)")
    three = one.step("link_cut").step("services_down(node2)")
    assert 0 < one.codes[0] < three.codes[0]
    assert one.codes[0] < 1000


def test_where_and_columns_are_those_of_the_pairs():
    made = table()
    asked = {"node1.state": ("failed_over", "idle"), "node2.services": "up", "link": "cut"}
    codes = made.where(asked)
    assert len(codes) > 0
    assert (np.diff(codes.astype(int)) > 0).all()
    hit = np.ones(len(made), bool)
    for name, values in asked.items():
        some = (values,) if isinstance(values, str) else values
        domain = made.engine.columns[name].domain
        hit &= np.isin(made.column(name), [domain.index(v) for v in some])
    assert codes.tolist() == np.flatnonzero(hit).tolist()
    health = made.column("node1.health")
    for code in codes[:20].tolist():
        pair = PRG.pair(made.pair(code))
        assert made.engine.columns["node1.health"].domain[health[code]] == pair["node1.health"]


def test_displays_are_what_an_administrator_sees():
    made = table()
    assert len(made.displays) == len(set(made.displays)) == 741
    assert made.displays[0] == ((State.NORMAL, Reason.NORMAL), (State.NORMAL, Reason.NORMAL)) or (
        made.displays[0].node1.state, made.displays[0].node2.reason) == ("normal", "normal")
    chance = np.random.default_rng(3)
    some = chance.integers(0, len(made), 400)
    for code, values in zip(some.tolist(), made.values(some), strict=True):
        assert made.displays[made.shown[code]] == display_of(PRG, PRG.at(values))


def test_a_machine_without_states_has_no_displays():
    made = Table.of(TURNSTILE)
    assert made.displays == ()
    assert made.shown.tolist() == [0, 0]
    assert made.pair(made.home) == {"arm": "locked"}


# ------------------------------------------------------------------ fleets


def test_a_fleet_takes_four_bytes_a_pair_and_a_step_little_more():
    fleet = Fleet.home(table(), 100_000)
    assert fleet.nbytes == 400_000
    assert fleet.codes.dtype == np.uint32


def test_a_step_in_place_is_the_step_of_a_copy():
    made = table()
    chance = np.random.default_rng(5)
    fleet = Fleet(made, chance.integers(0, len(made), 100_001, np.uint32))
    for events in ("power_off(node2)", 7, chance.integers(0, len(made.events), len(fleet))):
        before = fleet.codes.copy()
        one, two = Counts(made), Counts(made)
        after = step(fleet, events, one)
        assert (fleet.codes == before).all()
        assert step(fleet, events, two, out=fleet) is fleet
        assert (fleet.codes == after.codes).all()
        assert (one.numbers == two.numbers).all()
        assert one.total == len(fleet)


def test_decisions_are_counted_by_rule_and_outcome():
    made = table()
    chance = np.random.default_rng(6)
    fleet = Fleet(made, chance.integers(0, len(made), 50_000, np.uint32))
    events = chance.integers(0, len(made.events), len(fleet))
    whole, counts = Counts(made), Counts(made)
    step(fleet, events, whole)
    for event in range(len(made.events)):
        part = Fleet(made, fleet.codes[events == event])
        mine = Counts(made)
        part.step(event, mine)
        ids, often = np.unique(words(made, made.rule(event)[part.codes]).astype(str), return_counts=True)
        expected = dict(zip(ids.tolist(), often.tolist(), strict=True))
        assert mine.refused.get(made.events[event], 0) == expected.pop("refused", 0)
        assert mine.impossible.get(made.events[event], 0) == expected.pop("impossible", 0)
        assert mine.rules == expected
        counts = counts.plus(mine)
    assert (counts.numbers == whole.numbers).all()
    assert sum(whole.outcomes.values()) == whole.total == 50_000
    assert all(whole.outcomes.values())
    assert whole.to_json()["rules"] == whole.rules


def test_many_answers_at_once_are_counted_as_few_are():
    made = table()
    event = "initialized(node1)"
    fleet = Fleet(made, np.arange(len(made)))
    counts = Counts(made)
    fleet.step(event, counts)
    ids, often = np.unique(words(made, made.rule(event)).astype(str), return_counts=True)
    assert len(ids) > 7
    found = {**counts.rules, "impossible": counts.impossible[event]}
    assert found == dict(zip(ids.tolist(), often.tolist(), strict=True))


def test_progress_is_told_and_ends_with_all_pairs():
    told = []
    Fleet.home(table(), 100_000).step("link_cut", progress=lambda *one: told.append(one))
    assert told == sorted(told)
    assert told[-1] == (100_000, 100_000)


def test_pairs_are_read_by_their_columns():
    made = table()
    home = made.pair(0)
    other = {**home, "link": "cut", "node1.hears_peer": "yes"}
    fleet = Fleet.of(made, [home, other, home])
    assert fleet.codes.tolist() == [0, made.number(other), 0]
    assert fleet.pair(1) == other
    assert fleet.column("link").tolist() == [0, 1, 0]
    assert made.displays[fleet.shown[0]] == made.displays[fleet.shown[1]]


def test_an_empty_fleet_is_stepped_too():
    fleet, counts = Fleet.of(table(), []), Counts(table())
    assert len(fleet.step("link_cut", counts)) == 0
    assert len(fleet.step(np.zeros(0, np.uint8), counts)) == 0
    assert counts.total == 0


@pytest.mark.parametrize(("pairs", "says"), [
    ([{"node1.state": "idle"}], "pair 1: "),
    ([{}], "pair 1: "),
    (["idle"], "pair 1: expected columns and their values"),
    ([None], "pair 1: expected columns and their values"),
    ([{"node1.stat": "idle"}], "pair 1: "),
])
def test_what_is_no_pair_is_named_by_its_place(pairs, says):
    with pytest.raises(BadInput) as error:
        Fleet.of(table(), pairs)
    assert str(error.value).startswith(says)
    assert "\n" not in str(error.value)


def test_an_unreachable_pair_is_named_by_its_place_and_what_it_breaks():
    made = table()
    home = made.pair(0)
    wrong = {**home, "node1.state": "running_in_backup_mode", "node2.state": "running_in_backup_mode"}
    with pytest.raises(BadInput, match=r"pair 3: this pair is not in the table: it breaks .*S1"):
        Fleet.of(made, [home, home, wrong])


@pytest.mark.parametrize(("codes", "says"), [
    ([0, 825_920], "pair 2 has the code 825,920"), ([-1], "pair 1 has the code -1"),
    ([0.5], "whole numbers"), ([[0]], "shape (1, 1)"), (["home"], "whole numbers"),
    ([2**40], "has the code 1,099,511,627,776"), ([True], "whole numbers"),
])
def test_codes_outside_the_table_are_refused(codes, says):
    with pytest.raises(BadInput) as error:
        Fleet(table(), codes)
    assert says in str(error.value)


@pytest.mark.parametrize(("events", "says"), [
    ("power_of(node1)", "did you mean power_off(node1)"), (59, "event 59: the machine has 59 events"),
    (-1, "event -1"), (np.array([0, 1]), "one for each of 3 pairs"), (np.array([0, 1, 59]), "for pair 3"),
    (np.array([0, -1, 5]), "event -1 for pair 2"), (np.array([0.0, 1, 2]), "float64"),
    (["link_cut"] * 3, "expected one event"), (None, "expected one event"),
])
def test_a_wrong_event_changes_nothing(events, says):
    made = table()
    fleet, counts = Fleet(made, np.array([0, 5, 9])), Counts(made)
    with pytest.raises(BadInput) as error:
        step(fleet, events, counts, out=fleet)
    assert says in str(error.value)
    assert fleet.codes.tolist() == [0, 5, 9]
    assert counts.total == 0


def test_fleets_counts_and_tables_do_not_mix():
    made, other = table(), Table.of(LAMPS)
    fleet = Fleet.home(made, 3)
    with pytest.raises(BadInput, match="same table"):
        fleet.step(0, out=Fleet.home(made, 4))
    with pytest.raises(BadInput, match="same table"):
        fleet.step(0, out=Fleet.home(other, 3))
    with pytest.raises(BadInput, match="another table"):
        fleet.step(0, Counts(other))
    with pytest.raises(BadInput, match="two machines"):
        Counts(made).plus(Counts(other))
    with pytest.raises(BadInput, match="another machine"):
        Counts(made, np.zeros(3, np.int64))


@pytest.mark.parametrize("pairs", [-1, 10**18, 2.5, None, "ten"])
def test_a_fleet_of_no_number_of_pairs_is_refused(pairs):
    with pytest.raises(BadInput, match="a fleet of"):
        Fleet.home(table(), pairs)


def test_names_that_are_not_there_are_refused_with_those_that_are():
    made = table()
    with pytest.raises(BadInput, match="did you mean"):
        made.column("node1.stat")
    with pytest.raises(BadInput, match="unknown value"):
        made.where({"link": "sideways"})
    with pytest.raises(BadInput, match="825,920 pairs"):
        made.pair(len(made))
    with pytest.raises(BadInput, match="has 1 pairs"):
        Fleet.home(made, 1).pair(1)


def test_a_machine_that_is_not_total_has_no_table():
    hole = next(f.model for f in FAULTS if f.name == "hole")
    with pytest.raises(NotTotal, match="exactly one rule"):
        Table.of(hole)


def test_an_event_with_many_rules_has_a_wider_row():
    from prgcore.model import Column, Event, Model, Rule
    from prgcore.vocabulary import Kind

    domain = tuple(f"v{i}" for i in range(20))
    rules = [Rule(f"R{i}", "go", {"tens": f"v{i // 20}", "ones": f"v{i % 20}"},
                  {"tens": f"v{(i + 1) % 300 // 20}", "ones": f"v{(i + 1) % 20}"}) for i in range(300)]
    ring = Model(name="ring", columns=(Column("tens", domain), Column("ones", domain)),
                 initial=((("tens", "v0"), ("ones", "v0")),),
                 events=(Event("go", Kind.COMMAND, "administrator"),), possible=(), rules=tuple(rules))
    made = Table.of(ring)
    fleet, counts = Fleet(made, np.arange(300)), Counts(made)
    for _ in range(300):
        fleet.step("go", counts, out=fleet)
    assert fleet.codes.tolist() == list(range(300))
    assert set(counts.rules.values()) == {300}
    assert made.answer.dtype == np.uint16


def test_the_digest_is_that_of_the_machine():
    one = Table.of(LAMPS)
    assert one.digest == Table.of(Engine(LAMPS)).digest
    assert one.digest != Table.of(evolve(LAMPS, name="other")).digest
