"""An agent as a value: what a turn wants, whatever it is told, and in which order."""

from __future__ import annotations

import pytest
from attrs import evolve

from prgcore.errors import Conflict, Unavailable
from prgcore.machine import PRG
from prgcore.running import following
from prgcore.running.charter import Charter
from prgcore.running.lease import Lease
from prgcore.running.node import layout, own
from prgcore.running.shapes import (
    Arrival,
    Ask,
    Did,
    Granted,
    Heard,
    Obeyed,
    Reading,
    Seen,
    Wrote,
)
from prgcore.running.state import LEFT, AgentState, known, with_parameters
from prgcore.running.terms import directory
from prgcore.running.turn import JITTER, turn
from prgcore.seats import NODES, seat
from prgcore.stores.keeping import settle
from prgcore.stores.record import Order, Record, begin, record_of, reset
from prgcore.timers.parameters import Parameters
from tests.stored import Memory
from tests.test_purity import traps

TIMES = Parameters(keep_alive_interval=1, keep_alive_timeout=4,
                   initialization_keep_alive_timeout=6, critical_service_delay=2)
LEASE = Lease(lasts=2, waits=4, pause=0.5, stopping=0.5)
MANY = 200
"""How many turns one moment may take at most."""


class Host:
    """A node, its services, and a pump without threads: what a turn wants is done at once."""

    def __init__(self, pair, node, store):
        self.pair, self.node, self.store = pair, node, store
        self.up, self.away, self.deaf = True, False, False
        self.groups, self.until = {}, 0.0
        self.starts, self.memory = 0, None
        self.turns, self.answers, self.inbox = [], {}, []
        self.start()

    def start(self, **more):
        self.starts += 1
        charter = Charter(PRG, self.node, {"machine": "prg"}, LEASE, 3.0, f"seat of {self.node}",
                          f"{self.node} start {self.starts}", **{"new": True, **more})
        self.state = AgentState.start(charter, TIMES, self.pair.now, self.memory)
        self.wake, self.dead = self.pair.now, False

    def takes(self, seen=None):
        """Turns, until nothing more is wanted at this moment."""
        seen = Seen() if seen is None else seen
        for _ in range(MANY):
            wanted = self.one(seen)
            seen = self.does(wanted)
            if seen is None:
                return wanted
        raise AssertionError(f"no end at {self.pair.now}: {wanted}")

    def hears(self):
        """Turns with all heartbeats that have come."""
        came, self.inbox = tuple(self.inbox), []
        return self.takes(Seen(arrivals=came))

    def one(self, seen):
        """One turn, of which nothing is done yet."""
        self.state, wanted = turn(
            self.state, evolve(seen, wall=1.0, services={"services": self.up, "database": True}),
            self.pair.now)
        self.turns.append(wanted)
        self.answers |= {a.key: a for a in wanted.answers}
        self.wake = wanted.wake
        self.memory = wanted.remember or self.memory
        if wanted.send is not None:
            self.pair.flies(self.node, wanted.send)
        return wanted

    def does(self, wanted):
        """What a turn wants, one thing; what became of it, or None if nothing is wanted."""
        now = self.pair.now
        if wanted.write is not None:
            return Seen(wrote=self.writes(wanted.write))
        if wanted.serve is not None:
            if self.deaf:
                return Seen(obeyed=Obeyed(wanted.serve, yes=False))
            self.groups, self.until = wanted.serve.groups, wanted.serve.until
            return Seen(obeyed=Obeyed(wanted.serve, yes=True))
        if wanted.hold is not None:
            return Seen(granted=Granted(yes=True, begun=now))
        if wanted.do is not None:
            self.up = {"start": True, "stop": False}.get(
                PRG.habits.deed(wanted.do.do, self.node), self.up)
            return Seen(did=Did(wanted.do))
        return self.reads() if wanted.read else None

    def reads(self):
        if self.away:
            return Seen(unread="the store is away")
        kept = self.store.read()
        return Seen(reading=Reading(None, 0, self.pair.now) if kept is None else Reading(
            record_of(kept.value, layout(PRG, agents=True)), kept.version, self.pair.now))

    def writes(self, write):
        line = write.entry and {**write.entry.to_json(), "id": write.id}
        value = write.record.to_json()
        try:
            if write.again:
                return Wrote(
                    "done", self.pair.now, settle(self.store, value, write.version, line))
            return Wrote("done", self.pair.now, self.store.write(value, write.version, line))
        except Conflict:
            return Wrote("conflict", self.pair.now)
        except Unavailable as error:
            return Wrote("unknown", self.pair.now, why=str(error))

    def serves(self, home):
        return home in self.groups and self.pair.now <= self.until

    def command(self, event):
        self.takes(Seen(asks=(Ask(event, event),)))
        return self.answers.pop(event)


class Pair:
    """Two hosts, a clock, and a network that can be cut."""

    def __init__(self, *, apart=False, cut=False):
        self.now, self.cut = 100.0, cut
        store = Memory()
        self.hosts = {n: Host(self, n, Memory() if apart else store) for n in NODES}

    def flies(self, sender, said):
        if not self.cut:
            to = seat("peer", sender)
            self.hosts[to].inbox.append(Arrival(to, self.now + 0.01, said))

    def passes(self, seconds):
        end = self.now + seconds
        while self.now < end:
            self.now = round(self.now + 0.05, 2)
            for host in self.hosts.values():
                came = tuple(a for a in host.inbox if a.at <= self.now)
                host.inbox = [a for a in host.inbox if a.at > self.now]
                if not host.dead and (came or self.now >= host.wake):
                    host.takes(Seen(arrivals=came))
            for home in NODES:
                assert not all(h.serves(home) for h in self.hosts.values()), f"{home} twice"
        return self

    def states(self):
        return [known(h.state).get(f"{n}.state") for n, h in self.hosts.items()]

    def serve(self):
        return {n: sorted(h for h in NODES if host.serves(h)) for n, host in self.hosts.items()}


def normal():
    pair = Pair().passes(6)
    assert pair.hosts["node1"].command("enable_ha").entry.outcome == "done"
    pair.passes(8)
    assert pair.states() == ["normal", "normal"]
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}
    return pair


def starting():
    """A pair whose second agent was started again, and what that one wants: to write its start."""
    pair = normal()
    two = pair.hosts["node2"]
    two.dead = True
    two.start()
    two.turns.clear()
    wanted = two.one(two.reads())
    while wanted.write is None or wanted.write.entry is None:
        wanted = two.one(two.does(wanted))
    return pair, two, wanted


def record(pair):
    return Record.from_json(pair.hosts["node1"].store.read().value)


# --------------------------------------------------------------------------- its life


def test_a_pair_of_values_fails_over_and_back():
    pair = normal()
    one, two = pair.hosts["node1"], pair.hosts["node2"]
    one.up, one.groups = False, {}
    pair.passes(8)
    assert pair.states()[1] == "running_in_backup_mode"
    assert pair.serve() == {"node1": [], "node2": ["node1", "node2"]}
    one.up = True
    pair.passes(3)
    assert two.command("fallback(node1)").entry.outcome == "done"
    pair.passes(6)
    assert pair.states() == ["normal", "normal"]
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}
    two.dead = True
    pair.passes(12)
    assert pair.states()[0] == "running_in_backup_mode"
    two.start()
    pair.passes(12)
    assert pair.states() == ["running_in_backup_mode", "failed_over"]
    assert pair.serve() == {"node1": ["node1", "node2"], "node2": []}


def test_a_turn_is_pure_and_the_same_again():
    pair = normal()
    host = pair.hosts["node1"]
    reading = host.reads().reading
    inputs = [Seen(), Seen(reading=reading), Seen(asks=(Ask("k", "failover(node1)"),)),
              Seen(unread="away"), Seen(stop=True), Seen(services={"services": False})]
    with traps() as touched:
        once = [turn(host.state, evolve(seen, wall=5.0), pair.now + 1) for seen in inputs]
        again = [turn(host.state, evolve(seen, wall=5.0), pair.now + 1) for seen in inputs]
    assert once == again
    assert touched == []


def _with_record(state, reading, **changes):
    """A state that is settled by a changed record, and the reading of it."""
    reading = evolve(reading, record=evolve(reading.record, **changes))
    return evolve(state, settled=(
        reading.version, reading.record, state.heard, state.services, state.effective)), reading


def _freed(record):
    return {home: evolve(claim, freed=1) for home, claim in record.claims.items()}


LOOKS = {
    "time": lambda s, r, now: (
        evolve(s, promised=now + 10, ended=now + 10), evolve(r, begun=now + 10), {}, now + 10),
    "version": lambda s, r, now: (s, evolve(r, version=r.version + 1), {}, now),
    "record": lambda s, r, now: (
        s, evolve(r, record=evolve(r.record, epoch=r.record.epoch + 1)), {}, now),
    "heard": lambda s, r, now: (s, r, {"arrivals": (Arrival(
        "node1", now, evolve(s.heard, changes=s.heard.changes + 1)),)}, now),
    "services": lambda s, r, now: (s, r, {"services": {"services": False, "database": True}}, now),
    "parameters": lambda s, r, now: (
        with_parameters(s, evolve(TIMES, critical_service_delay=3), now), r, {}, now),
    "phase": lambda s, r, now: (s, r, {"stop": True}, now),
    "stall": lambda s, r, now: (evolve(s, promised=now - 10), r, {}, now),
    "host lost": lambda s, r, now: (s, r, {"host_lost": "node2"}, now),
    "command": lambda s, r, now: (s, r, {"asks": (Ask("k", "failover(node1)"),)}, now),
    "order": lambda s, r, now: (*_with_record(
        s, r, orders=(Order(1, 0, "node2", "start_services"),)), {}, now),
    "claim": lambda s, r, now: (*_with_record(s, r, claims=_freed(r.record)), {}, now),
    "news": lambda s, r, now: (evolve(s, news={"node1": True}), r, {
        "arrivals": (Arrival("node1", now, s.heard),)}, now),
    "controller": lambda s, r, now: (evolve(s, charter=evolve(s.charter, waits=True)), r, {
        "arrivals": (Arrival("node1", now, s.heard),)}, now),  # it reads only when something comes
}
RESTS = {
    "nothing": lambda s, r, now: (s, r, {}, now),
    "heartbeat": lambda s, r, now: (s, r, {"arrivals": (Arrival("node1", now, s.heard),)}, now),
    "served": lambda s, r, now: (s, r, {"obeyed": Obeyed(s.serving.sent, yes=True)}, now),
    "later": lambda s, r, now: (s, evolve(r, begun=now + 0.1), {}, now + 0.1),
}


@pytest.mark.parametrize(("change", "looks"), [
    *(pytest.param(change, True, id=name) for name, change in LOOKS.items()),
    *(pytest.param(change, False, id=name) for name, change in RESTS.items())])
def test_a_turn_looks_no_further_only_where_nothing_can_follow(change, looks, monkeypatch):
    """Of whatever can bring a write, each alone makes a turn look again."""
    pair, found = normal(), []
    host = pair.hosts["node1"]
    host.takes()
    host.takes(host.reads())
    state, reading, more, now = change(host.state, host.reads().reading, pair.now + 0.01)
    whole = following.Following._decides
    monkeypatch.setattr(following.Following, "_decides",
                        lambda self, given: (found.append(given), whole(self, given))[1])
    turn(state, evolve(Seen(wall=1.0, reading=reading), **more), now)
    assert bool(found) is looks


def test_a_reading_begun_after_a_heartbeat_must_show_what_that_one_knows():
    """One begun before need not; then the same reading must be judged again."""
    pair = normal()
    host = pair.hosts["node1"]
    host.takes()
    reading, now = host.reads().reading, pair.now + 0.2
    state = host.state
    newer = evolve(state.heard, epoch=state.heard.epoch + 1, mark="another")
    state, first = turn(state, Seen(
        wall=1.0, reading=reading, arrivals=(Arrival("node1", pair.now + 0.1, newer),)), now)
    assert first.trouble == ""
    _, later = turn(state, Seen(wall=1.0, reading=evolve(reading, begun=now)), now + 0.1)
    assert "the other node keeps another copy of the record" in later.trouble


WRONG = {
    "an old copy": lambda r: evolve(r, epoch=r.epoch - 1, mark="older"),
    "another copy": lambda r: evolve(r, mark="another"),
    "another record": lambda r: evolve(r, id="another"),
    "other terms": lambda r: evolve(r, terms={**r.terms, "machine": "another"}),
    "another seat": lambda r: evolve(r, seats={**r.seats, "node1": "another start"}),
    "no pair": lambda r: evolve(r, columns={
        **r.columns, **{f"{n}.state": "running_in_backup_mode" for n in NODES}}),
    "no record": lambda _: None,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("hangs", ["the write", "the reading after it"])
def test_a_wrong_record_is_noticed_while_a_write_hangs(wrong, hangs):
    """Else the agent would serve by it until the write ends, which may be never."""
    pair = normal()
    one = pair.hosts["node1"]
    one.takes(one.reads())
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    right = one.reads().reading
    write = one.one(Seen(reading=right)).write
    assert write is not None
    if hangs != "the write":
        one.one(Seen(wrote=Wrote("conflict", pair.now, why="somebody else wrote")))
    pair.now += 1.5
    other = Reading(wrong(right.record), right.version + 9, pair.now)
    wanted = one.one(Seen(reading=other))
    one.takes(one.does(wanted) or Seen())
    assert one.state.trouble
    assert one.groups == {} or other.record is None  # then its permission ends by itself
    for _ in range(40):  # all that is asked of it meanwhile is answered, and nothing is done
        pair.now = round(pair.now + 0.1, 2)
        wanted = one.one(Seen(reading=evolve(other, begun=pair.now)))
        assert (wanted.write, wanted.do, wanted.send) == (None, None, None)
        assert wanted.serve is None or wanted.serve.groups == {}
    assert not one.serves("node1")
    assert one.memory.mark == right.record.mark
    if wrong is WRONG["another seat"]:
        assert one.state.phase != "runs"
        return
    pair.now += 1
    pair.passes(8)
    assert one.state.trouble == ""
    assert pair.serve()["node1"] == ["node1"]


def test_what_follows_from_a_write_is_written_at_once_though_a_reading_failed_beside_it():
    """A rest in between would decide by what may have changed meanwhile, as by a silence."""
    pair = Pair()
    one = pair.hosts["node1"]
    wanted = one.one(Seen())
    while not (wanted.write and pair.now > 103):  # it signs, after the wait of its start
        pair.now = round(pair.now + 0.05, 2)
        seen = one.does(wanted)
        wanted = one.one(seen or Seen())
    wrote = one.writes(wanted.write)
    assert one.one(Seen(unread="away")).write is None
    assert one.one(Seen(wrote=wrote)).write.entry.event == "manager_start(node1)"


def unknown(*, done):
    """An agent whose decision was written or not, and which was not told."""
    pair = normal()
    one = pair.hosts["node1"]
    one.takes(one.reads())
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    before = one.reads().reading
    write = one.one(Seen(reading=before)).write
    if done:
        one.writes(write)
    pair.now = round(pair.now + 0.1, 2)
    assert one.one(Seen(wrote=Wrote("unknown", pair.now, why="no answer"))).write is None
    pair.now = round(pair.now + 0.3, 2)
    return pair, one, write, before


def test_a_reading_shows_that_a_write_was_done():
    """So a store that loses its answers holds nobody up, and no command is done twice."""
    pair, one, write, _ = unknown(done=True)
    wanted = one.one(Seen())
    assert (wanted.write, wanted.read) == (None, True), "it looks before it writes again"
    wanted = one.one(one.reads())
    assert [e.event for e in wanted.entries] == ["add_users"]
    assert one.answers["k"].entry == write.entry
    assert one.state.pending is None or one.state.pending.write.entry != write.entry
    pair.passes(3)
    lines = [line["event"] for line in one.store.history()]
    assert lines.count("add_users") == 1


def test_a_write_that_no_reading_shows_is_done_again():
    pair, one, write, _ = unknown(done=False)
    wanted = one.one(one.reads())
    assert wanted.write == evolve(write, again=True)
    pair.passes(3)
    assert one.answers["k"].entry == write.entry


def test_a_reading_settles_nothing_while_a_write_is_under_way():
    """Its outcome would be taken for that of the next write."""
    _, one, write, _ = unknown(done=False)
    again = one.one(one.reads()).write
    wrote = one.writes(again)
    wanted = one.one(one.reads())
    assert (wanted.write, wanted.entries) == (again, ())
    assert [e.event for e in one.one(Seen(wrote=wrote)).entries] == [write.entry.event]


def test_a_reading_from_before_the_outcome_shows_nothing():
    _, one, write, before = unknown(done=True)
    wanted = one.one(Seen(reading=before))
    assert (wanted.write, wanted.read) == (None, True)
    assert one.one(one.reads()).entries == (write.entry,)


def test_a_write_is_not_done_again_in_an_old_copy_of_just_its_version():
    pair, one, _, before = unknown(done=True)
    late = evolve(before, begun=pair.now)
    one.state = evolve(one.state, memory=evolve(
        one.state.memory, epoch=before.record.epoch + 1, mark="what it has read meanwhile"))
    wanted = one.one(Seen(reading=late))
    assert wanted.write is None
    assert "another copy of the record" in wanted.trouble


def test_an_agent_that_stops_lets_its_users_go_first_and_withdraws_its_signature():
    pair = normal()
    two = pair.hosts["node2"]
    two.deaf = True
    wanted = two.takes(Seen(stop=True))
    assert not wanted.stopped, "its services may still serve"
    assert record(pair).columns["node2.state"] == "normal"
    two.deaf = False
    pair.passes(0.5)
    assert two.state.phase == LEFT
    assert two.turns[-1].trouble == "", "a stop does not count as trouble"
    two.takes(Seen(asks=(Ask("late", "add_users"),)))
    assert str(two.answers["late"].error) == "this node has stopped"
    assert two.groups == {}
    assert set(record(pair).signed) == {"node1"}
    assert record(pair).own["node2"]["node2.process"] == "manager_down"


def test_an_agent_that_stops_does_not_read_without_a_pause():
    """It read the store again at each turn until its last lease was over."""
    pair = normal()
    one = pair.hosts["node1"]
    one.deaf = True
    reads, end = 0, pair.now + 2
    while pair.now < end:
        wanted, pair.now = one.one(Seen(stop=True)), round(pair.now + 0.01, 2)
        for _ in range(3):
            reads += wanted.read
            wanted = one.one(evolve(one.does(wanted) or Seen(), stop=True))
    assert one.state.phase != LEFT
    assert reads <= 10
    one.deaf = False
    one.takes(Seen(stop=True))
    pair.now += 0.06
    assert one.takes(Seen(stop=True)).stopped


def test_an_agent_that_still_runs_stops_after_a_reset():
    """Nobody can tell a silent agent from a stopped one, but the record can tell the agent."""
    pair = normal()
    store, was = pair.hosts["node1"].store, record(pair)
    fresh = begin({c: v for c, v in PRG.initial[0].items() if c != "link"},
                  {n: own(PRG, n) for n in NODES}, PRG.habits)
    after, entry = reset(
        was, fresh, PRG.habits.assignment(PRG.initial[0]), why="", time=1.0, id="word")
    store.write(after.to_json(), store.version, {**entry.to_json(), "id": "word"})
    pair.passes(3)
    for node, host in pair.hosts.items():
        assert host.state.phase == LEFT
        assert "or the record was reset" in host.turns[-1].trouble
        assert directory(after.seats[node]) == directory(was.seats[node])
        host.start()
    pair.passes(6)
    assert pair.hosts["node1"].command("enable_ha").entry.outcome == "done"
    pair.passes(8)
    assert pair.states() == ["normal", "normal"]
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


def test_a_start_that_cannot_be_decided_is_tried_again():
    pair = Pair().passes(6)
    one = pair.hosts["node1"]
    one.command("enable_ha")
    pair.passes(8)
    two = pair.hosts["node2"]
    two.dead = True
    value = two.store.read().value
    broken = {**value, "columns": {**value["columns"], "node1.assigned_own": "yes",
                                   "node2.assigned_peer": "yes"}}
    two.store.write(broken, two.store.version)
    two.start()
    wanted = two.takes()
    assert "invariant" in wanted.trouble
    assert two.store.read().value["columns"] == broken["columns"], "nothing is written"
    assert not [t for t in two.turns if t.stopped]
    two.store.write({**two.store.read().value, "columns": value["columns"]}, two.store.version)
    pair.passes(8)
    assert record(pair).own["node2"]["node2.process"] == "running"
    assert two.turns[-1].trouble == ""


def test_a_node_whose_start_is_not_in_the_record_does_not_look_alive():
    """Else its peer may decide that it hears a node which the record does not know to run."""
    pair, two, wanted = starting()
    assert wanted.write.entry.event == "manager_start(node2)"
    for _ in range(20):
        pair.now = round(pair.now + 0.5, 2)
        wanted = two.one(two.reads())
        assert (wanted.write is None, wanted.send) == (False, None)
    store, lost = two.store, Unavailable("its answer is lost")
    written = two.one(Seen(wrote=Wrote("unknown", pair.now, why=str(lost))))
    assert (written.send, written.trouble) == (None, str(lost))
    pair.now += 0.5
    wanted = two.one(two.reads())
    assert (wanted.send, wanted.trouble) == (None, str(lost)), "a reading does not show its end"
    two.takes(two.does(wanted))
    pair.now += 1
    assert two.takes(two.reads()).trouble == ""
    assert any(t.send for t in two.turns)
    assert [e["event"] for e in store.entries].count("manager_start(node2)") == 2


# -------------------------------------------------------------------------- its writes


def test_a_write_goes_before_everything_and_alone():
    pair = normal()
    one = pair.hosts["node1"]
    wanted = one.one(Seen(asks=(Ask("k", "failover(node1)"),)))
    assert wanted.read
    wanted = one.one(one.reads())
    assert wanted.write is not None
    assert wanted.write.entry.event == "failover(node1)"
    for _ in range(5):
        pair.now += 0.1
        later = one.one(Seen(arrivals=(Arrival("node1", pair.now),)))
        assert later.write == wanted.write
        assert (later.read, later.do, later.answers) == (False, None, ())
    after = one.one(Seen(wrote=one.writes(wanted.write)))
    assert [a.key for a in after.answers] == ["k"]
    assert after.do is not None or after.write is not None


def test_a_write_of_unknown_outcome_is_settled_and_decided_once():
    pair = normal()
    one, store = pair.hosts["node1"], pair.hosts["node1"].store

    def lost(place):
        if place == "after":
            store.at = lambda _: None
            raise Unavailable("the answer is lost")

    store.at = lost
    answer = one.command("failover(node1)") if one.takes(
        Seen(asks=(Ask("failover(node1)", "failover(node1)"),))) is None else None
    assert answer is None
    assert one.state.pending is not None
    pair.passes(1)
    assert one.answers["failover(node1)"].entry.outcome == "done"
    assert [e["event"] for e in store.entries].count("failover(node1)") == 1
    writes = [t.write for t in one.turns if t.write and t.write.entry
              and t.write.entry.event == "failover(node1)"]
    assert {w.id for w in writes} == {writes[0].id}
    assert writes[-1].again


def test_a_question_is_answered_by_a_reading_that_began_after_it():
    pair = normal()
    one = pair.hosts["node1"]
    old = one.reads()
    pair.now += 0.5
    one.one(Seen(asks=(Ask("k", "recover"),)))
    wanted = one.one(old)
    assert wanted.answers == ()
    assert wanted.read
    assert [a.key for a in one.one(one.reads()).answers] == ["k"]


def test_somebody_was_faster_and_it_is_decided_anew():
    pair = normal()
    one, two = pair.hosts["node1"], pair.hosts["node2"]
    one.one(Seen(asks=(Ask("k", "failover(node1)"),)))
    late = one.one(one.reads()).write
    assert two.command("failover(node2)").entry.outcome == "done"
    wanted = one.one(Seen(wrote=one.writes(late)))
    assert wanted.read
    one.takes(one.reads())
    assert one.answers["k"].entry.outcome == "refused"


# ------------------------------------------------------------------- what others see


def test_a_node_that_cannot_read_does_not_look_alive_and_judges_nobody():
    pair = normal()
    for host in pair.hosts.values():
        host.away = True
    pair.passes(4)
    for host in pair.hosts.values():
        host.turns.clear()
    pair.passes(10)
    for host in pair.hosts.values():
        assert not [t for t in host.turns if t.send is not None]
        assert host.turns[-1].trouble == "the store is away"
        assert not host.serves(host.node)
        host.away = False
    epoch = record(pair).epoch
    pair.passes(10)
    assert record(pair).epoch == epoch, "nobody was declared lost"
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


def test_one_heartbeat_an_interval_and_few_readings():
    pair = normal()
    one = pair.hosts["node1"]
    one.turns.clear()
    pair.passes(20)
    assert 19 <= sum(t.send is not None for t in one.turns) <= 21
    assert sum(t.read for t in one.turns) <= 20 / (LEASE.lasts / 4) + 2
    assert not [t for t in one.turns if t.write is not None]


def test_the_next_turn_waits_for_a_reading_that_would_be_due_before_the_one_after_it():
    pair = normal()
    one = pair.hosts["node1"]
    one.turns.clear()
    pair.passes(20)
    for turned in one.turns:
        assert turned.ahead in (0, TIMES.keep_alive_interval * JITTER)
        assert not turned.ahead or (turned.quiet is not None and not turned.read)
    assert sum(bool(turned.ahead) for turned in one.turns) > 20
    two = pair.hosts["node2"]
    two.dead = True
    one.turns.clear()
    pair.passes(TIMES.keep_alive_timeout)
    assert one.turns[-1].quiet is None
    assert not one.turns[-1].ahead


def test_services_that_do_not_obey_are_asked_again_without_a_reading():
    pair = normal()
    one = pair.hosts["node1"]
    one.deaf = True
    asked = 0
    for _ in range(40):
        turned = pair.passes(0.05) and one.turns[-1]
        if turned.wake == one.state.serving.again:
            asked += 1
            assert not turned.ahead
    assert asked > 20


def test_a_copy_of_a_state_is_the_same_and_another_value():
    state = normal().hosts["node1"].state
    other = state.copy()
    assert other == state
    other.phase = LEFT
    assert other != state


def test_two_records_serve_nobody_once_they_hear_each_other():
    pair = Pair(apart=True).passes(8)
    for host in pair.hosts.values():
        assert "record" in host.turns[-1].trouble
        assert not host.serves(host.node)
        assert isinstance(host.command("enable_ha").error, Unavailable)
    pair.passes(30)
    assert pair.serve() == {"node1": [], "node2": []}


def test_two_records_that_never_hear_each_other_serve_their_own_users_only():
    pair = Pair(apart=True, cut=True).passes(6)
    for host in pair.hosts.values():
        assert host.command("enable_ha").entry.outcome == "done"
    pair.passes(40)
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


def test_an_agent_of_another_directory_takes_the_seat_after_the_wait():
    pair = normal()
    old = pair.hosts["node1"]
    other = pair.hosts["node1"] = Host(pair, "node1", old.store)
    other.state = AgentState.start(
        evolve(old.state.charter, seat="elsewhere", run="elsewhere"), TIMES, pair.now)
    other.takes()
    until = max(old.until, pair.now) + LEASE.waits - LEASE.lasts
    while pair.now < until - 0.1:
        pair.passes(0.05)
        assert other.groups == {}
    old.takes(Seen())
    pair.passes(10)
    old.takes()
    assert "another agent of node1" in old.turns[-1].trouble
    assert old.state.phase == LEFT
    assert other.serves("node1") or pair.hosts["node2"].serves("node1")


def test_a_heartbeat_of_another_copy_of_the_record_is_noticed():
    pair = normal()
    one = pair.hosts["node1"]
    epoch = record(pair).epoch
    said = Heard({}, 0, record(pair).id, epoch + 3, "another decision")
    one.takes(Seen(arrivals=(Arrival("node1", pair.now - 0.2, said),)))
    assert "copy" in one.turns[-1].trouble
    assert not one.serves("node1")


def test_while_a_write_hangs_it_reads_serves_and_looks_alive():
    """A foreign lock and one dead service stopped the healthy node too."""
    pair = normal()
    one = pair.hosts["node1"]
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    assert one.one(one.reads()).write is not None
    beats, until = 0, pair.now + 10
    while pair.now < until:
        pair.now = round(pair.now + 0.1, 2)
        wanted = one.one(Seen())
        assert wanted.write is not None
        beats += wanted.send is not None
        if wanted.read:
            wanted = one.one(one.reads())
        if wanted.serve is not None:
            one.does(evolve(wanted, write=None))
            one.one(Seen(obeyed=Obeyed(wanted.serve, yes=True)))
        assert one.serves("node1")
    assert beats >= 9


def test_a_reading_from_before_a_write_counts_for_nothing_after_it():
    """It could show users whom the write gave away."""
    pair = normal()
    one = pair.hosts["node1"]
    one.one(Seen(asks=(Ask("k", "failover(node1)"),)))
    wanted = one.one(one.reads())
    pair.now += 0.1
    old = one.reads()
    pair.now += 0.1
    one.one(Seen(wrote=one.writes(wanted.write)))
    version, until = one.state.reading.version, one.until
    wanted = one.one(old)
    assert one.state.reading.version == version
    assert wanted.serve is None or not wanted.serve.groups
    assert one.until == until


def waits(pair, host):
    """Let the wait of an agent pass; meanwhile it permits nobody to serve."""
    host.turns.clear()
    until = pair.now + LEASE.waits
    while pair.now < until - 0.1:
        pair.passes(0.05)
        assert not [t for t in host.turns if t.serve is not None and t.serve.groups]


def test_a_record_that_is_begun_in_place_of_a_lost_one_waits_for_its_leases():
    """Services may still serve by the record that the store has lost."""
    pair = normal()
    one, two = pair.hosts.values()
    was, one.store = record(pair), Memory()
    two.dead = True
    one.start(new=True)
    waits(pair, one)
    pair.passes(3)
    assert one.serves("node1")
    assert one.groups["node1"] > max(c.token for c in was.claims.values())


def test_an_agent_waits_by_the_record_in_whose_place_it_puts_its_seat():
    """By its first reading it need not wait; another agent of the node has served since."""
    pair = normal()
    one, two = pair.hosts.values()
    one.start()
    write = one.one(one.reads()).write
    other = Host(pair, "node1", one.store)
    other.state = AgentState.start(
        evolve(one.state.charter, seat="elsewhere", run="elsewhere"), TIMES, pair.now)
    while not other.groups:
        pair.now = round(pair.now + 0.05, 2)
        other.takes()
    wanted = one.one(Seen(wrote=one.writes(write)))
    assert wanted.read
    two.dead = True
    one.takes(one.reads())
    waits(pair, one)
    pair.passes(3)
    assert one.serves("node1")


def test_in_a_copy_that_is_taken_up_nobody_has_sat_and_tokens_are_higher():
    """The other node may keep the original, and serve its users there."""
    pair = normal()
    one, two = pair.hosts.values()
    two.dead = True
    pair.passes(12)
    assert one.serves("node2")
    copy = evolve(one.store, entries=list(one.store.entries))
    two.start()
    pair.passes(12)
    for host, event in ((one, "fallback(node2)"), (one, "failover(node1)"), (two, "fallback(node1)")):
        assert host.command(event).entry.outcome == "done"
        pair.passes(10)
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}
    newest, one.store = record(pair), copy
    assert record(pair).epoch < newest.epoch
    two.dead = True
    one.start()
    pair.passes(1)
    assert "another copy of the record" in one.turns[-1].trouble
    one.start(new=True)
    waits(pair, one)
    pair.passes(LEASE.waits + 3)
    assert one.serves("node1")
    assert set(one.groups) == {"node1"}, "node2 has no seat in the copy"
    assert one.groups["node1"] > max(c.token for c in newest.claims.values())


# --------------------------------------------------------------- what an adversary found


def test_an_agent_that_is_stopped_before_it_sits_withdraws_nothing():
    """The services of the agent that was killed still serve by their lease."""
    pair = normal()
    one = pair.hosts["node1"]
    one.start()
    wanted = one.takes(Seen(stop=True))
    assert wanted.stopped
    assert record(pair).claims["node1"].node == "node1"


def test_of_two_agents_of_one_node_that_start_the_last_one_stays():
    pair = normal()
    first = pair.hosts["node1"]
    others = [Host(pair, "node1", first.store) for _ in range(2)]
    for number, other in enumerate(others):
        other.state = AgentState.start(
            evolve(first.state.charter, seat=f"elsewhere {number}", run=f"run {number}"), TIMES,
            pair.now)
    version = first.store.version
    for _ in range(20):
        pair.now += 0.1
        for other in others:
            other.takes()
    assert first.store.version <= version + 8, "no storm of writes"
    assert others[0].state.phase == LEFT
    assert "another agent of node1" in others[0].turns[-1].trouble


def test_a_write_that_an_earlier_start_has_under_way_can_never_be_done():
    """It withdrew the claim behind the back of the agent that serves by it."""
    pair = normal()
    one = pair.hosts["node1"]
    wanted = one.one(Seen(stop=True))
    while wanted.write is None:
        pair.now = round(pair.now + 0.05, 2)
        wanted = one.one(one.does(wanted) or Seen())
    late = wanted.write
    one.start()
    pair.passes(0.5)
    assert one.serves("node1")
    assert one.writes(late).outcome == "conflict"


def test_a_revocation_is_later_than_what_it_revokes_and_keeps_its_end():
    pair = normal()
    one = pair.hosts["node1"]
    permitted = [t.serve for t in one.turns if t.serve is not None][-1]
    one.deaf = True
    revoked = []
    for _ in range(4):
        wanted = one.one(Seen(stop=True))
        pair.now += 0.06
        revoked += [wanted.serve] if wanted.serve is not None else []
        one.one(Seen(obeyed=Obeyed(revoked[-1], yes=False)))
    assert {len(s.groups) for s in revoked} == {0}
    assert len({s.until for s in revoked}) == 1
    assert revoked[0].until > permitted.until


def test_a_loss_that_was_not_written_is_observed_anew():
    """The peer was heard for 25 s while the write hung."""
    pair = normal()
    one, two = pair.hosts["node1"], pair.hosts["node2"]
    wanted = one.one(Seen())
    while not (wanted.write and wanted.write.entry.event == "heartbeat_lost(node1)"):
        pair.now = round(pair.now + 0.1, 2)
        two.hears()
        one.inbox.clear()
        wanted = one.one(one.does(wanted) or Seen())
    for _ in range(20):
        pair.now = round(pair.now + 1, 2)
        two.hears()
        if one.one(Seen(arrivals=tuple(one.inbox))).read:
            one.one(one.reads())
        one.inbox.clear()
    assert two.command("add_users").entry.outcome == "done"
    one.takes(Seen(wrote=one.writes(wanted.write)))
    assert "heartbeat_lost(node1)" not in [e["event"] for e in one.store.entries]


def test_services_that_obey_a_wrong_record_of_a_higher_epoch_obey_no_later_decision_by_that():
    """Users were taken over at once from services that hung, and were served twice."""
    pair = normal()
    one, two = pair.hosts.values()
    store, right = one.store, one.store.text
    wrong = record(pair).to_json() | {"id": "another", "epoch": 500}
    store.write(wrong, store.version)
    pair.passes(2)
    assert one.groups == {}
    store.text = right
    pair.passes(6)
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}
    one.deaf = True
    assert two.command("failover(node1)").entry.outcome == "done"
    pair.passes(8)
    assert pair.serve() == {"node1": [], "node2": ["node1", "node2"]}


def test_the_epoch_of_a_record_outside_the_invariants_is_not_remembered():
    """Once it was put right, the node took the right record for an old copy, for ever."""
    pair = normal()
    one = pair.hosts["node1"]
    store, right, knows = one.store, one.store.text, one.state.memory
    wrong = record(pair).to_json()
    wrong["epoch"] += 3
    wrong["columns"] |= {"node1.assigned_own": "yes", "node2.assigned_peer": "yes"}
    store.write(wrong, store.version)
    pair.passes(2)
    assert "prgcore ha reset mends the record" in one.state.trouble
    assert (one.groups, one.state.memory) == ({}, knows)
    store.text = right
    pair.passes(6)
    assert not one.state.trouble
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


@pytest.mark.parametrize("stops", [False, True])
def test_a_permission_that_services_may_still_take_for_newer_is_not_revoked(stops):
    """A service that hangs reads its lines late, in any order, and goes by their ends."""
    pair = normal()
    one = pair.hosts["node1"]
    assert one.command("failover(node2)").entry.outcome == "done"
    pair.passes(8)
    assert pair.serve() == {"node1": ["node1", "node2"], "node2": []}
    one.takes(one.reads())
    one.one(Seen(asks=(Ask("k", "fallback(node2)"),)))
    write, begun = one.one(one.reads()).write, pair.now
    pair.now += 0.3
    one.one(one.reads())
    unread = one.one(Seen(granted=Granted(yes=True, begun=pair.now))).serve
    assert set(unread.groups) == {"node1", "node2"}
    one.one(Seen(obeyed=Obeyed(unread, yes=False)))
    pair.now += 0.1
    one.one(Seen(wrote=evolve(one.writes(write), begun=begun)))
    pair.now += 0.1
    newer = one.one(Seen(stop=stops)).serve
    assert (set(newer.groups), newer.until > unread.until) == (set() if stops else {"node1"}, stops)
    wanted = one.one(Seen(obeyed=Obeyed(newer, yes=True), stop=stops))
    freed = wanted.write is not None and wanted.write.record.claims["node2"].node == ""
    assert freed is stops
    pair.passes(3)
    assert record(pair).claims["node2"].node != "node1"


def test_a_service_that_is_back_when_somebody_else_has_written_is_not_reported_down():
    """It was re-decided by what had been seen before the write, like a completion."""
    pair = normal()
    one, two = pair.hosts.values()
    one.up = False
    wanted = one.one(Seen())
    while wanted.write is None:
        wanted = one.one(one.does(wanted) or Seen())
    reported = wanted.write.entry.event
    assert two.command("add_users").entry.outcome == "done"
    one.up = True
    one.takes(Seen(wrote=one.writes(wanted.write)))
    assert reported not in [e["event"] for e in one.store.entries]


@pytest.mark.parametrize("late", [True, False])
def test_a_reading_that_came_while_a_write_hung_is_not_replaced_by_what_was_written(late):
    """The agent found its own write to be an old copy of the record, and served nobody."""
    pair = normal()
    one, two = pair.hosts.values()
    one.takes(one.reads())
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    write = one.one(one.reads()).write
    wrote = one.writes(write) if late else None
    pair.now += 0.1
    if late:
        assert two.command("failover(node2)").entry.outcome == "done"
    pair.now += 0.1
    one.one(one.reads())
    before = one.state.reading
    wrote = wrote or evolve(one.writes(write), begun=pair.now - 0.2)
    pair.now += 0.1
    wanted = one.one(Seen(wrote=wrote))
    assert wanted.trouble == ""
    assert (wanted.read, one.state.reading.version) == (late, before.version + (not late))
    assert one.state.reading.begun == before.begun, "a lease that was read later is not cut short"
    one.takes(one.does(evolve(wanted, serve=None)) or Seen())
    assert one.state.reading.record == record(pair)
    assert [a.entry.outcome for a in one.answers.values() if a.key == "k"] == ["done"]


def test_a_late_write_does_not_hide_that_the_store_has_a_wrong_record():
    """It was done in the file that was moved away, which had the version of the other one."""
    pair = normal()
    one = pair.hosts["node1"]
    one.takes(one.reads())
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    right = one.one(one.reads()), one.state.reading
    wrote = one.writes(right[0].write)
    pair.now += 0.2
    one.one(Seen(reading=Reading(
        evolve(right[1].record, id="another"), right[1].version, pair.now)))
    pair.now += 0.1
    wanted = one.one(Seen(wrote=wrote))
    assert "put that back" in wanted.trouble
    assert wanted.read
    assert wanted.serve is None or wanted.serve.groups == {}
    assert one.takes(one.reads()).trouble == ""


def test_a_start_that_the_store_refuses_is_tried_again_and_does_not_look_alive():
    pair, two, wanted = starting()
    for _ in range(10):
        wanted = two.one(Seen(wrote=Wrote("refused", pair.now, why="it is too large")))
        pair.now = round(pair.now + 0.5, 2)
        assert (wanted.send, wanted.trouble) == (None, "it is too large")
        wanted = two.one(two.reads())
        assert (wanted.send, wanted.write.entry.event) == (None, "manager_start(node2)")
    two.takes(two.does(wanted))
    pair.now += 1
    assert two.takes(two.reads()).trouble == ""
    assert any(t.send for t in two.turns)


def test_a_value_that_the_store_cannot_keep_is_an_answer_and_not_tried_for_ever():
    pair = normal()
    one = pair.hosts["node1"]
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    assert one.one(one.reads()).write is not None
    wanted = one.one(Seen(wrote=Wrote("refused", pair.now, why="it is too large")))
    assert [str(a.error) for a in wanted.answers] == ["it is too large"]
    assert wanted.trouble == "it is too large"
    pair.passes(1)
    assert "add_users" not in [e["event"] for e in one.store.entries]


def test_a_record_outside_the_invariants_gets_no_write_and_no_exception():
    pair = normal()
    one = pair.hosts["node1"]
    one.command("failover(node1)")
    value = one.store.read().value
    assert value["columns"]["node1.state"] != "normal"
    broken = {**value, "columns": {**value["columns"], "node1.assigned_own": "yes",
                                   "node2.assigned_peer": "yes"}}
    version = one.store.write(broken, one.store.version)
    for order in record(pair).orders or ():
        one.takes(Seen(did=Did(order, "failed")))
    pair.passes(2)
    assert one.store.version == version
    assert "invariant" in one.turns[-1].trouble


BAD = [
    ("lease", ""),
    ("lease", "4 s"),
    ("lease", "lasts 2 s, pause 0.5 s, stopping 0.5 s, waits 2 s"),
    ("lease", "lasts nan s, pause 0.5 s, stopping 0.5 s, waits 4 s"),
    ("lease", "lasts 1 s, pause 499998 s, stopping 0 s, waits 999999 s, until Monday"),
    ("grant", "four s"),
    ("grant", "3"),
    ("grant", "1e999 s"),
    ("grant", "9" * 190 + " s"),
    ("keep_alive_timeout", "-1 s"),
    ("keep_alive_timeout", "nan s"),
    ("keep_alive_timeout", "\u0664 s"),
    ("keep_alive_timeout", "1000000000 s"),
    ("keep_alive_interval", "0 s"),
    ("initialization_keep_alive_timeout", "6 s\n"),
]
"""Terms that somebody edited by hand, or that another release has written."""


def spoilt(value, place, name, text):
    """A record on terms that cannot be kept, or where the other node has proposed such."""
    return {**value, place: {**value["terms"], name: text}}


@pytest.mark.parametrize("place", ["proposed", "terms"])
@pytest.mark.parametrize(("name", "text"), BAD)
def test_terms_that_no_agent_can_keep_are_one_line_of_trouble(place, name, text):
    """They were an exception in each turn, so that nothing at all was done or said."""
    pair = normal()
    store = pair.hosts["node1"].store
    value = store.read().value
    version = store.write(spoilt(value, place, name, text), store.version)
    pair.passes(2 * LEASE.lasts)
    for words in ({}, {"adopt": True}):
        for host in pair.hosts.values():
            trouble = host.turns[-1].trouble
            assert "\n" not in trouble
            assert ("prgcore ha reset" if words or place == "proposed" else "--adopt") in trouble
            assert name in trouble
            assert isinstance(host.command("add_users").error, Unavailable)
            assert host.state.phase != LEFT, "it stays up to say it"
            host.start(adopt=True)
        pair.passes(1)
        assert pair.serve() == {"node1": [], "node2": []}
        assert store.version == version
    store.write(value, store.version)
    for host in pair.hosts.values():
        host.start()
    pair.passes(12)
    assert pair.states() == ["normal", "normal"]
    assert pair.serve() == {"node1": ["node1"], "node2": ["node2"]}


@pytest.mark.parametrize(("name", "text"), BAD)
def test_terms_that_no_agent_can_keep_are_read_while_a_write_hangs(name, text):
    pair = normal()
    one = pair.hosts["node1"]
    acquire = next(a for a in PRG.model.actions if PRG.habits.deed(a.name, "node1") == "acquire").name
    one.one(Seen(asks=(Ask("k", "add_users"),)))
    write = one.one(one.reads()).write
    one.store.write(spoilt(one.store.read().value, "proposed", name, text), one.store.version)
    for seen in (one.reads(), Seen(did=Did(Order(1, 0, "node1", acquire), "later")), Seen(stop=True)):
        wanted = one.one(seen)
        assert wanted.write is None
        assert "prgcore ha reset" in wanted.trouble
    assert one.one(Seen(wrote=one.writes(write))).read
    assert "prgcore ha reset" in one.takes(one.reads()).trouble
