"""Terms: an agent notices another record, other terms, an old copy; and terms change node by node."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from prgcore.errors import Unavailable
from prgcore.machine import PRG
from prgcore.running import terms
from prgcore.running.charter import Charter
from prgcore.running.group import read_group
from prgcore.running.group import terms as terms_of
from prgcore.running.lease import Lease, lease_text, seconds_text
from prgcore.running.memory import NAME, read_memory, write_memory
from prgcore.running.node import layout, own
from prgcore.running.shapes import Heard, Memory, Reading
from prgcore.seats import NODES, seat
from prgcore.stores.record import Claim, Record, fits
from prgcore.timers.arithmetic import tolerates

COLUMNS = {c: v for c, v in PRG.initial[0].items() if c != "link"}
DRAWERS = {n: own(PRG, n) for n in NODES}
GROUP = read_group(Path(__file__).parent.parent / "examples" / "two_nodes" / "group.toml")
TERMS = terms_of(GROUP)
HEARTBEATS = ("keep_alive_interval", "initialization_keep_alive_timeout", "keep_alive_timeout")
OTHERS = {**dict.fromkeys(("grant", *HEARTBEATS), "9 s"), "machine": "another",
          "lease": "lasts 2 s, pause 0 s, stopping 0 s, waits 2 s"}
"""For each term another text."""


class Agent:
    """An agent as far as it judges, with its memory: what turn and pump do with `terms`."""

    def __init__(self, name: str = "node1", seat_word: str = "") -> None:
        self.name, self.memory, self.runs = name, Memory(), 0
        self.seat = seat_word or f"{name}'s"
        self.start()

    def start(self, *, new: bool = False, adopt: bool = False, **changed: str) -> Agent:
        """The same directory, another run; with some terms changed."""
        self.runs += 1
        mine = {**TERMS, **changed}
        self.charter = Charter(
            PRG, self.name, mine, Lease(0.4, 0.6, 0.1, 0.1), 2.0, self.seat,
            f"{self.name}-{self.runs}", new=new, adopt=adopt)
        return self

    def begins(self) -> Record:
        record = terms.begun(self.charter, self.memory, COLUMNS, DRAWERS)
        assert not fits(record, layout(PRG, agents=True))
        return record

    def trouble(self, record: Record | None, heard: Heard | None = None, *, at: float = 0,
                begun: float = 1) -> str:
        """What it says of a reading; it remembers the reading."""
        reading = Reading(record, 1, begun)
        says = terms.trouble(self.charter, self.memory, reading, heard, at)
        self.memory = terms.remembered(self.charter, self.memory, reading, heard, at)
        return says

    def joins(self, record: Record) -> Record:
        """The record after this agent sat down and signed; there must be no trouble and no wait."""
        assert not self.trouble(record)
        assert terms.waits(self.charter, self.memory, record) in (0, 0.6), "a first start waits once"
        record = terms.signed(self.charter, terms.seated(self.charter, self.memory, record))
        assert not self.trouble(record)
        assert terms.has_signed(self.charter, record)
        return record

    def beat(self, record: Record) -> Heard:
        return Heard({}, 0, record.id, record.epoch, record.mark, terms.key(self.charter.terms))


def later(record: Record, epoch: int, mark: str = "") -> Record:
    """The record after some decisions."""
    return evolve(record, epoch=epoch, mark=mark or f"decision {epoch}")


@pytest.fixture
def pair():
    """Both agents, and the record that they keep."""
    one, two = Agent(), Agent("node2")
    record = two.joins(one.start(new=True).joins(one.begins()))
    assert terms.joined(record, "node1")
    assert terms.joined(record, "node2")
    return one.start(), two.start(), record


# ------------------------------------------------------------------- the first record


def test_a_record_is_begun_by_name_only():
    agent = Agent()
    assert agent.trouble(None) == (
        "the store has no record yet: start one of the two agents with --new, which begins it")
    assert not agent.start(new=True).trouble(None)
    record = agent.joins(agent.begins())
    assert (record.id, record.mark) == (agent.charter.run, agent.charter.run)
    assert record.terms == TERMS
    assert record.signed == {"node1": terms.key(TERMS)}
    second = Agent("node2")
    assert not second.trouble(record), "the other agent needs no --new"
    assert not terms.joined(record, "node2"), "node1 does not serve its users: it never sat here"


def test_new_is_for_one_record_a_start():
    agent = Agent().start(new=True)
    record = agent.joins(agent.begins())
    assert "the store is empty, but it had the record node1-2 of epoch 4" in (
        agent.trouble(later(record, 4)) or agent.trouble(None))
    assert agent.trouble(evolve(record, id="third")).startswith(
        "the store has the record third, and this node knows node1-2: ")


def test_the_tokens_of_a_new_record_are_above_the_highest_remembered_one(pair):
    one, two, record = pair
    record = evolve(later(record, 9), claims={
        "node1": Claim("node2", 7), "node2": Claim("node2", 3)})
    assert not one.trouble(record)
    new = one.start(new=True).begins()
    assert {claim.token for claim in new.claims.values()} == {8}
    assert new.id != record.id
    assert terms.waits(one.charter, one.memory, new) == 0.6, "services may serve by the old record"
    two.memory = evolve(two.memory, token=20)
    accepted = terms.seated(two.start(new=True).charter, two.memory, new)
    assert {claim.token for claim in accepted.claims.values()} == {21}
    assert accepted.id == new.id
    assert not two.trouble(accepted)
    assert terms.waits(two.charter, two.memory, accepted) == 0.6
    assert two.memory.record == new.id
    assert two.memory.before == record.id
    assert not two.start().trouble(later(accepted, 1)), "it is known now"


# ------------------------------------------------------- another record, or a copy of it


def test_two_records_are_noticed_by_the_first_heartbeat_and_forgotten_by_a_right_one():
    """A group file copied to two hosts makes two SQLite records."""
    one, two = Agent().start(new=True), Agent("node2").start(new=True)
    first, second = one.joins(one.begins()), two.joins(two.begins())
    for agent, record, other in ((one, first, two.beat(second)), (two, second, one.beat(first))):
        for _ in range(3):  # it stays so, also when the peer is silent
            assert agent.trouble(record, other).startswith(
                f"the other node keeps the record {other.record[:8]}, and this one {record.id}: "
                "put the newest copy back, or give both nodes one store, stop both agents, and ")
    assert not one.trouble(first, evolve(two.beat(second), record=first.id, mark=first.mark))


def test_two_records_that_never_hear_each_other_serve_nobody_away_from_home():
    one, two = Agent().start(new=True), Agent("node2").start(new=True)
    for agent, record in ((one, one.joins(one.begins())), (two, two.joins(two.begins()))):
        assert terms.joined(record, agent.name)
        assert not terms.joined(record, seat("peer", agent.name))


@pytest.mark.parametrize(("epoch", "mark", "says"), [
    (5, "", "it has epoch 5, and this node knows epoch 9"),
    (9, "x", "its decision of epoch 9 is not the one that this node knows"),
    (0, "", "it has epoch 0, and this node knows epoch 9"),
])
def test_an_old_copy_is_noticed_by_whoever_restarts(pair, epoch, mark, says):
    """`-wal` removed, an old copy put in place."""
    one, _, record = pair
    assert not one.trouble(later(record, 9))
    copy = later(record, epoch, mark)
    for agent in (one, one.start(), one.start(adopt=True)):
        assert says in agent.trouble(copy)
    assert not one.trouble(later(record, 10)), "the newest is back"
    copy = later(record, 3)
    one.start(new=True)
    accepted = terms.seated(one.charter, one.memory, copy)
    assert accepted.id == one.charter.run, "a copy is not the record that it is a copy of"
    assert {c.token for c in accepted.claims.values()} == {1}
    assert not one.trouble(accepted)
    assert one.memory.epoch == 3
    assert "and this node knows" in one.trouble(later(record, 11)), "the record that it gave up"


def test_a_wiped_store_and_a_foreign_record_are_noticed(pair):
    one, two, record = pair
    for agent in (one, two):
        agent.trouble(later(record, 9))
        for run in (agent, agent.start()):
            assert run.trouble(None) == (
                f"the store is empty, but it had the record {record.id} of epoch 9: put it back, "
                "or stop both agents, and start them with --new to begin another")
            assert run.trouble(evolve(record, id="foreign")) == (
                f"the store has the record foreign, and this node knows {record.id}: put that "
                "back, or stop both agents, and start them with --new to go on with what is there")
            assert "has lost its id" in run.trouble(evolve(record, id=""))
        assert not agent.trouble(later(record, 9))


def test_two_copies_of_a_record_are_noticed_by_heartbeats_and_remembered(pair):
    """A copied record on both hosts: both have sat in it, and each decides in its own copy."""
    one, two, record = pair
    behind, ahead = later(record, 6), later(record, 8)
    assert not one.trouble(behind, two.beat(ahead), at=2, begun=1), "it reads that later"
    assert "it has read epoch 8, and this one epoch 6" in (
        one.trouble(behind, two.beat(ahead), at=1, begun=2))
    assert "this node knows epoch 8" in one.start().trouble(behind), "also after a restart"
    assert not one.trouble(ahead)
    assert not two.trouble(ahead, one.beat(behind)), "this one has the newest"
    fork = evolve(ahead, mark="another decision")
    for agent, mine, heard in ((one, ahead, two.beat(fork)), (two, ahead, one.beat(fork))):
        assert "with another decision" in agent.trouble(mine, heard, at=5, begun=1)
        assert "not the one that this node knows" in agent.start().trouble(mine)


# --------------------------------------------------------------------- other terms


@pytest.mark.parametrize("name", TERMS)
def test_each_term_that_differs_is_named(pair, name):
    one, _, record = pair
    other = OTHERS[name]
    says = one.start(**{name: other}).trouble(record)
    assert says == (
        f"the record has another {name}: {TERMS[name]:.70}, not {other}; start this agent with the "
        "group file of the other, or with --adopt to propose this one")
    assert not terms.has_signed(one.charter, record)
    assert terms.may_decide(one.charter, record)
    assert one.start(adopt=True, **{name: other}).trouble(record) == ""


@pytest.mark.parametrize("name", TERMS)
@pytest.mark.parametrize("first", NODES)
def test_terms_change_node_by_node(pair, name, first):
    """The first proposes, the second has the new file too; both may crash or stop before."""
    changed = {name: OTHERS[name]}
    agents = {agent.name: agent for agent in pair[:2]}
    one, two, record = agents[first], agents[seat("peer", first)], pair[2]
    one.start(adopt=True, **changed)
    assert not one.trouble(record)
    assert terms.waits(one.charter, one.memory, record) > 0, "it crashed under the old terms"
    record = terms.signed(one.charter, record)
    assert record.terms == TERMS
    assert record.proposed == {**TERMS, **changed}
    assert terms.signed(one.charter, record) == record
    assert bool(terms.may_decide(one.charter, record)) == (name == "machine")
    assert not two.trouble(record)
    assert not terms.may_decide(two.charter, record)
    assert "start this agent with the group file of the other" in (
        two.start(grant="8 s").trouble(record)), "a third kind of terms"
    assert "the other node has proposed another" in two.start(adopt=True, grant="8 s").trouble(record)
    two.start(**changed)
    assert not two.trouble(record), "it needs no --adopt"
    record = terms.signed(two.charter, record)
    assert record.terms == {**TERMS, **changed}
    assert record.proposed == {}
    assert not terms.may_decide(one.charter, record)
    assert not terms.may_decide(two.charter, record)
    assert "the record has another" in two.start().trouble(record), "the old file"


def test_a_signature_of_no_node_holds_up_no_other_terms(pair):
    one, two, record = pair
    record = evolve(record, signed={**record.signed, "node3": "somebody's"})
    changed = {"grant": "9 s"}
    assert not one.start(adopt=True, **changed).trouble(record)
    record = terms.signed(one.charter, record)
    assert record.proposed
    record = terms.signed(two.start(**changed).charter, record)
    assert (record.terms["grant"], record.proposed) == ("9 s", {})


def test_a_clean_stop_withdraws_the_signature_and_the_claims(pair):
    one, two, record = pair
    left = terms.left(one.charter, record)
    assert left.signed == {"node2": terms.key(TERMS)}
    assert left.claims["node1"] == Claim("", record.claims["node1"].token + 1)
    assert left.claims["node2"] == record.claims["node2"]
    assert terms.waits(one.start(adopt=True, grant="9 s").charter, one.memory, left) == 0
    proposed = terms.signed(one.charter, left)
    assert proposed.proposed
    assert terms.left(two.charter, proposed).terms["grant"] == "9 s", "nobody is left on the old ones"
    assert terms.left(one.charter, proposed).proposed == {}, "nobody is left on the new ones"
    assert terms.signed(one.start().charter, proposed).proposed == {}, "it thought better of it"
    other = terms.signed(one.start(adopt=True, grant="7 s").charter, proposed)
    assert other.proposed["grant"] == "7 s", "or proposed something else"
    assert other.terms == TERMS


def test_an_agent_in_another_directory_waits_for_the_first_one(pair):
    _one, _, record = pair
    moved = Agent(seat_word="elsewhere")
    assert not moved.trouble(record)
    assert terms.waits(moved.charter, moved.memory, record) == 0.6
    assert terms.seated(moved.charter, moved.memory, record).seats["node1"] == "elsewhere.node1-1"


def test_a_record_of_an_older_release_gets_an_id_and_new_terms(pair):
    old = evolve(pair[2], id="", mark="", signed={}, terms={
        name: TERMS[name] for name in ("machine", "lease")}, epoch=7)
    one, two = Agent(), Agent("node2")
    assert "the record has another grant: none, not 2 s" in one.trouble(old)
    assert not one.start(adopt=True).trouble(old)
    record = terms.signed(one.charter, old)
    assert record.id == one.charter.run
    assert record.proposed == TERMS
    assert record.signed == {"node1": terms.key(TERMS), "node2": terms.key(old.terms)}
    assert not one.trouble(record)
    assert not two.trouble(record)
    assert terms.signed(two.charter, record).terms == TERMS
    assert "has lost its id" in one.trouble(evolve(record, id="", signed={})), "an old agent writes it"


def test_terms_that_are_heard_are_those_of_the_record(pair):
    one, two, record = pair
    beat = two.beat(record)
    assert not one.trouble(record, beat)
    foreign = evolve(beat, terms="foreign")
    assert "terms that the record does not have" in one.trouble(record, foreign)
    assert not one.trouble(record, foreign, at=2, begun=1), "it may have read something newer"
    assert not one.trouble(later(record, 3), foreign), "it may have left since"


def test_a_controller_adopts_at_once_and_remembers_while_it_runs():
    charter = Charter(PRG, terms={"lease": "4 s"}, run="run")
    memory = Memory()
    assert not terms.trouble(charter, memory, Reading(None, 0, 0), None, 0)
    record = terms.begun(charter, memory, PRG.initial[0])
    memory = terms.remembered(charter, memory, Reading(record, 1, 0))
    assert terms.has_signed(charter, record)
    assert not terms.may_decide(charter, record)
    assert "start this program again" in terms.trouble(charter, memory, Reading(None, 0, 0), None, 0)
    other = evolve(charter, terms={"lease": "5 s"})
    assert "the record has another lease: 4 s, not 5 s" in terms.trouble(
        other, Memory(), Reading(record, 1, 0), None, 0)
    adopts = evolve(other, adopt=True)
    assert not terms.trouble(adopts, Memory(), Reading(record, 1, 0), None, 0)
    assert terms.signed(adopts, record).terms == {"lease": "5 s"}
    assert terms.in_force(charter, record) is None
    assert terms.seated(charter, memory, record) == terms.left(charter, record) == record


# ------------------------------------------------------- both terms at the same time

TIMES = st.integers(0, 400).map(lambda n: n / 100)
DRIFTS = st.none() | st.integers(0, 30).map(lambda n: n / 100)


@st.composite
def leases(draw):
    lasts, pause, stopping = draw(TIMES) + 0.01, draw(TIMES), draw(TIMES)
    drift = draw(DRIFTS)
    waits = round((lasts + pause + stopping) * 2.2 + draw(TIMES), 2)
    assume(drift is None or tolerates(lasts, pause, stopping, waits, drift + 0.001))
    return Lease(lasts, waits, pause, stopping, drift)


@given(leases(), leases())
def test_the_lease_in_force_keeps_both(mine, other):
    both = terms.together(mine, other)
    assert both.lasts == min(mine.lasts, other.lasts)
    assert both.waits >= max(mine.waits, other.waits)
    assert both.drift == mine.drift
    for one in (mine, other, both):
        for lasts, waits in ((one.lasts, both.waits), (both.lasts, one.waits)):
            if waits is one.waits and one is not both:
                assert lasts <= one.lasts  # so the wait of that lease alone covers it
            assert tolerates(*(Fraction(repr(n)) for n in (
                lasts, one.pause, one.stopping, both.waits, mine.drift or 0.0)))
    assert terms.together(mine, mine).lasts == mine.lasts
    theirs = terms.together(evolve(other, drift=None), mine)
    assert mine.drift is not None or theirs == evolve(both, drift=None)


def test_while_terms_are_proposed_both_hold(pair):
    one, two, record = pair
    changed = {"lease": lease_text(Lease(1, 2, 0.2, 0)), "grant": "9 s", **{
        name: seconds_text(value) for name, value in zip(HEARTBEATS, (0.05, 0.5, 5), strict=True)}}
    one.start(adopt=True, **changed)
    one.charter = evolve(one.charter, lease=Lease(1, 2, 0.2, 0), grant=9)
    before = terms.in_force(two.charter, record)
    assert before == two.charter.lease
    assert terms.with_both(two.charter, record, GROUP.parameters) is GROUP.parameters
    record = terms.signed(one.charter, record)
    for agent in (one, two):
        lease = terms.in_force(agent.charter, record)
        assert (lease.lasts, lease.waits, lease.pause, lease.stopping) == (0.4, 2, 0.2, 0.1)
        assert terms.earlier(agent.charter, record) == 1.2
        assert terms.grant(agent.charter, record) == 9
    for mine in (GROUP.parameters, evolve(
            GROUP.parameters, keep_alive_interval=0.05, initialization_keep_alive_timeout=0.5,
            keep_alive_timeout=5)):
        counts = terms.with_both(one.charter, record, mine)
        assert [getattr(counts, name) for name in HEARTBEATS] == [0.05, 1.2, 5]
    assert terms.in_force(two.charter, terms.left(one.charter, record)) == before


@pytest.mark.parametrize("text", ["", "4 s", "lasts 999999 s, pause 999999 s, stopping 9 s, waits 1 s",
                                  "lasts 3.0 s, pause 1 s, stopping 0.5 s, waits 5 s"])
def test_a_lease_that_cannot_be_read_or_kept_is_trouble(pair, text):
    one, two, record = pair
    record = evolve(record, proposed={**TERMS, "lease": text})
    assert "cannot hold at once" in one.trouble(record)
    record = evolve(record, proposed={}, terms={**TERMS, "lease": text})
    assert "cannot hold at once" in two.start(adopt=True).trouble(record)


# ------------------------------------------------------------------- the memory file

WORDS = st.text(max_size=40)
NUMBERS = st.integers(0, 10**15 - 1)


@given(memory=st.builds(Memory, WORDS, NUMBERS, WORDS, NUMBERS, WORDS, WORDS))
def test_a_memory_comes_back_from_its_file(tmp_path_factory, memory):
    path = tmp_path_factory.mktemp("node") / NAME
    assert read_memory(path) == Memory()
    write_memory(path, memory)
    assert read_memory(path) == memory
    write_memory(path, evolve(memory, epoch=1), memory)
    assert read_memory(path).epoch == 1
    assert [file.name for file in path.parent.iterdir()] == [NAME]


@pytest.mark.parametrize("text", [
    "", "{", "[]", "null", '{"record": 3}', '{"epoch": -1}', '{"epoch": true}', '{"epoch": 1.5}',
    '{"token": "7"}', '{"epoch": 1' + "0" * 5000 + "}", '{"mark": null}', "[" * 10_000, "x" * 10**6,
    '{"record": "' + "x" * 5000 + '"}',
], ids=lambda text: text[:20])
def test_a_broken_memory_counts_as_none_and_says_so(tmp_path, caplog, text):
    path = tmp_path / NAME
    path.write_text(text)
    assert read_memory(path) == Memory()
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("memory.json cannot be read: ")
    assert "\n" not in line
    assert len(line) < 400
    write_memory(path, Memory("a", run="b"))
    assert read_memory(path) == Memory("a", run="b")


def test_a_memory_that_cannot_be_read_or_written_says_so(tmp_path, caplog):
    path = tmp_path / NAME
    path.write_bytes(b"\xff\xfe")
    assert read_memory(path) == Memory()
    path.unlink()
    path.mkdir()
    assert read_memory(path) == Memory()
    assert len(caplog.records) == 2
    with pytest.raises(Unavailable, match=r"memory\.json cannot be written: "):
        write_memory(path, Memory("a"))
    with pytest.raises(Unavailable):
        write_memory(tmp_path / "gone" / NAME, Memory("a"))
    assert [file.name for file in tmp_path.iterdir()] == [NAME]
