"""A machine of one's own runs: its timers, parameters, actions and agents are data of its file."""

from __future__ import annotations

import attrs
import pytest

from prgcore.errors import BadInput, MalformedMachine
from prgcore.form.habits import HEARTBEATS, Habits
from prgcore.form.timely import RESERVED
from prgcore.form.wellformed import findings
from prgcore.machine import PRG, Machine
from prgcore.model import ActionKind, Agent, Hears, Parameter, Timer, cube
from prgcore.prove.report import prove
from prgcore.running.driver import Driver
from prgcore.running.group import DELAYS, read_group
from prgcore.seats import NODES, instantiate
from prgcore.stores.ports import heard
from prgcore.stores.record import begin, decided
from prgcore.template.pair import AGENT, MACHINE, TABLE
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Parameters, Settings, parameters_of
from prgcore.wire.changes import changes
from prgcore.wire.machine_file import digest, dump, dumps, load
from tests.planted import LAMPS as PLANTED
from tests.planted import reachable
from tests.stored import Clock, Memory
from tests.toys import LAMPS, TURNSTILE
from tests.walks import after

PAIR = Machine(MACHINE)
HEARTBEAT_NAMES = [p.name for p in HEARTBEATS]
THEOREMS = ("T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T12", "T13")


def edited(section, named, **changed):
    """The pair with every row of an event, or of a name, changed."""
    key = "event" if section == "timers" else "name"
    return attrs.evolve(MACHINE, **{section: tuple(
        attrs.evolve(row, **changed) if getattr(row, key).startswith(named) else row
        for row in getattr(MACHINE, section))})


# ------------------------------------------------------------------------- its theorems


def test_the_theorems_hold_for_the_timers_of_any_machine():
    found = {r.id: r.verdict for r in prove(PAIR, only=[*THEOREMS, "T9", "T10", "T11"]).results}
    assert found == {**dict.fromkeys((*THEOREMS, "T10"), "proved"),
                     "T9": "not_applicable", "T11": "not_applicable"}


@pytest.mark.parametrize(("model", "ids", "says"), [
    (edited("timers", "heartbeat_lost", again=("heartbeat",)), ["T3", "T12"],
     "heartbeat_lost does not begin again at a stall"),
    (edited("timers", "heartbeat_lost", limits=(({}, "lease_lasts"),)), ["T5", "T13"],
     "heartbeat_lost never counts keep_alive_timeout"),
    (edited("timers", "heartbeat_lost", runs={"node1.hears": "yes"}), ["T4"],
     "heartbeat_lost runs only where"),
    (edited("timers", "take_over", runs={}), ["T2", "T7"], "nothing begins take_over again"),
    (edited("timers", "take_over", limits=(({}, "patience"),)), ["T1", "T2", "T8"],
     "unknown parameter 'patience'"),
    (edited("timers", "take_over(node1)", event="crash(node1)"), ["T1"],
     "crash(node1) is a fault; a timer makes an event of time due"),
    (edited("parameters", "take_over_after", unit="port"), ["T1"], "take_over_after is not in seconds"),
    (edited("timers", "take_over", limits=()), ["T1"], "take_over(node1) is due after a time"),
    (edited("timers", "take_over", runs={"link": "cut"}), ["T1"], "cannot know it"),
])
def test_a_theorem_is_refuted_where_a_timer_is_wrong_and_says_which(model, ids, says):
    for result in prove(Machine(model), only=ids).results:
        assert result.verdict == "refuted"
        assert any(says in line for line in result.detail["all"]), result.detail["all"]


def test_theorems_about_a_kind_of_timers_that_is_not_there_are_not_applicable():
    deaf = attrs.evolve(MACHINE, timers=tuple(t for t in MACHINE.timers if "lost" not in t.event))
    found = {r.id: r for r in prove(Machine(deaf), only=["T1", "T3", "T8"]).results}
    assert (found["T1"].verdict, found["T3"].verdict, found["T8"].verdict) == (
        "proved", "not_applicable", "proved")
    assert found["T3"].detail["says"] == (
        "the machine 'pair' has no timers that begin again at a heartbeat")


# ------------------------------------------------------------------------ its file


def test_a_machine_without_these_sections_is_the_same_file_as_before():
    (hears,) = LAMPS.hears
    bare = attrs.evolve(
        LAMPS, timers=(), parameters=(), actions=(), agents=(), told=(), serves=(),
        hears=(Hears(hears.node, hears.when, hears.learns),))
    assert digest(bare) == "959d1ea845f46799d47eb1fecfb8ec6e772ca537cb5eee783ddd7ed4aa310ba7"
    assert digest(TURNSTILE) == "f3dc40e032f654852aff91d92c44459c2383bafabcb729e7c9dfefa522da39f0"
    assert digest(PLANTED) == "b137f238f334ff52d1abb1c5b76448c5c2a29ce86d786fed0a954c8791948074"
    assert not {"timers", "parameters", "actions", "agents"} & dump(PLANTED).keys()


def test_the_file_of_the_pair_is_read_back_and_says_all_that_runs_it():
    wire = dump(MACHINE)
    assert load(wire) == MACHINE
    assert wire["timers"][2] == {
        "event": "heartbeat_lost(node1)", "limits": [{"if": {}, "after": "keep_alive_timeout"}],
        "again": ["heartbeat", "stall"], "says": "silence since the last heartbeat"}
    assert wire["serves"][0] == {"node": "node1", "group": "users", "when": [{"node1.state": ["active"]}]}


@pytest.mark.parametrize(("section", "row", "says"), [
    ("timers", {"event": "gone"}, "timers[8].event: unknown event 'gone'"),
    ("timers", {"event": "take_over(node1)", "told": "gossip"}, "timers[8].told: unknown word 'gossip'"),
    ("timers", {"event": "take_over(node1)", "limits": [{"if": {}, "after": -1}]},
     "timers[8].limits[0].after: expected a number from 0"),
    ("timers", {"event": "take_over(node1)", "limits": [{"after": 1}]},
     "timers[8].limits[0]: expected {"),
    ("timers", {"event": "crash(node1)", "told": "heartbeat"},
     "timers[8].event: crash(node1) is a fault"),
    ("timers", {"event": "take_over(node1)", "limits": [{"if": {}, "after": 1}]},
     "timers[8]: 'take_over(node1)' is already the name of timers[6]"),
    ("parameters", {"name": "x", "default": 5, "least": 6}, "parameters[4].default: 5 is outside 6"),
    ("parameters", {"name": "x", "default": True}, "parameters[4].default: true does not fit"),
    ("parameters", {"name": "x", "default": "5"}, "parameters[4].default: expected a number"),
    ("parameters", {"name": "x", "default": 1e300}, "parameters[4].default: expected a number"),
    ("actions", {"name": "stop_services", "node": "node3"}, "actions[4].node: unknown node 'node3'"),
    ("actions", {"name": "x", "node": "node1", "does": "dance"}, "actions[4].does: unknown word"),
    ("actions", {"name": "x", "node": "node1", "fails": ["y"]}, "actions[4].fails[0]: unknown event"),
    ("agents", {"node": "node1"}, "agents[2]: 'node1' is already the name of agents[0]"),
    ("agents", {"node": "node1", "knows": {"node1.hears": "no"}}, "agents[2].knows: without starts"),
    ("serves", {"node": "node1", "group": "users", "when": [{"node1.host": ["on"]}]},
     "serves[2].when[0].node1.host: not a stored column of the record, by which agents serve"),
    ("agents", {"node": "node1", "holds": [{"link": ["cut"]}]}, "agents[2].holds[0].link: not a stored"),
    ("agents", {"node": "node1", "leaves": [{"node2.host": ["on"]}]},
     "agents[2].leaves[0].node2.host: node1 cannot know it"),
    ("agents", {"node": "node1", "watches": {"the weather": ["crash(node1)", "boot(node1)"]}},
     "agents[2].watches: what is watched is not called 'the weather'; write a word of letters"),
    ("agents", {"node": "node1", "watches": {"weather": ["crash(node1)"]}},
     "agents[2].watches.weather: expected 2 items, not 1"),
    ("agents", {"node": "node1", "roles": {"a-b": {"node1.state": ["active"]}}},
     "agents[2].roles: a role is not called 'a-b'; write a word of letters"),
    ("agents", {"node": "node1", "roles": {"primary": {"node1.stat": ["active"]}}},
     "agents[2].roles.primary.node1.stat: unknown column 'node1.stat'; did you mean node1.state"),
    ("agents", {"node": "node1", "roles": {"primary": {"node1.state": ["waiting"]}}},
     "agents[2].roles.primary.node1.state: unknown value 'waiting'"),
    ("agents", {"node": "node1", "roles": {"primary": {"node2.host": ["on"]}}},
     "agents[2].roles.primary.node2.host: not a stored column of the record or of node1"),
    ("agents", {"node": "node1", "roles": {"primary": {"link": ["up"]}}},
     "agents[2].roles.primary.link: not a stored column of the record or of node1"),
    ("agents", {"node": "node1", "roles": {"primary": {"node1.state": ["active", "promoting"]},
                                           "replica": {"node1.state": ["standby", "promoting"]}}},
     "agents[2].roles.replica: may hold where primary does; a service has one role at a time"),
    ("agents", {"node": "node1", "roles": {"primary": {"node1.state": ["active"]},
                                           "replica": {"node1.host": ["on"]}}},
     "agents[2].roles.replica: may hold where primary does; a service has one role at a time"),
    ("timers", {"event": "crash(node1)", "limits": [{"if": {}, "after": "keep_alive_interval"}]},
     "timers[8].event: crash(node1) is a fault"),
    ("parameters", {"name": "a b", "default": 5}, "parameters[4].name: a parameter is not called 'a b'"),
    ("parameters", {"name": "1st", "default": 5}, "parameters[4].name: a parameter is not called '1st'"),
    ("parameters", {"name": "class", "default": 5}, "parameters[4].name: a parameter is not called"),
    ("parameters", {"name": "__init__", "default": 5}, "parameters[4].name: a parameter is not called"),
    ("parameters", {"name": "keep_alive_interval", "default": 80, "unit": "port"},
     "parameters[4].unit: keep_alive_interval is in seconds"),
    ("actions", {"name": "start_service", "node": "node1"},
     "actions[4].name: unknown action 'start_service'; did you mean start_services"),
    ("actions", {"name": "stop_services", "node": "node1", "fails": ["promotion_failed(node2)"]},
     "actions[4].fails[0]: promotion_failed(node2) is about node2"),
    ("actions", {"name": "stop_services", "node": "node1", "fails": ["promote(node2)"]},
     "actions[4].fails[0]: promote(node2) is about node2"),
    ("agents", {"node": "node1", "starts": "boot(node2)"}, "agents[2].starts: boot(node2) is about node2"),
    ("agents", {"node": "node2", "stops": "crash(node1)"}, "agents[2].stops: crash(node1) is about node1"),
    ("agents", {"node": "node1", "watches": {"services": ["crash(node1)", "boot(node2)"]}},
     "agents[2].watches.services[1]: boot(node2) is about node2"),
    ("agents", {"node": "node1", "starts": "boot(node1)", "knows": {"node2.hears": "no"}},
     "agents[2].knows.node2.hears: node1 cannot know it"),
])
def test_what_is_wrong_in_these_sections_is_one_line_with_its_place(section, row, says):
    wire = dump(MACHINE)
    with pytest.raises(MalformedMachine) as found:
        load({**wire, section: [*wire[section], row]})
    assert any(line.startswith(says) for line in found.value.findings), found.value.findings


@pytest.mark.parametrize("name", RESERVED)
def test_no_parameter_has_a_name_that_its_values_or_its_group_file_have_already(name):
    parameters = (*MACHINE.parameters, Parameter(name))
    assert any(line.startswith("parameters[4].name: ")
               for line in findings(attrs.evolve(MACHINE, parameters=parameters)))


def test_the_reserved_names_are_all():
    taken = {name for name in dir(Settings) if not name.startswith("_")} - {*HEARTBEAT_NAMES}
    assert {*RESERVED} == {*taken, "self", DELAYS}
    free = attrs.evolve(MACHINE, parameters=(*MACHINE.parameters, Parameter("jitter"), Parameter("x")))
    assert findings(free) == ()
    assert parameters_of(free)().jitter == 0


def test_a_timer_has_a_limit_wherever_it_runs_and_its_event_is_possible():
    """Without one it would be due at once, and a live peer would be lost."""
    def limited(**cells):
        limits = (({f"node1.{name}": value for name, value in cells.items()}, 3),)
        return findings(edited("timers", "heartbeat_lost(node1)", limits=limits))

    assert limited(host="on") == (), "the event is possible nowhere else"
    (line,) = limited(state=("standby", "active"))
    assert line.startswith("timers[2].limits: none fits where node1.state=promoting, ")
    assert "write a last one for everywhere else" in line
    (line,) = findings(edited("timers", "take_over(node1)", limits=(({"node1.lease": "yes"}, 3),)))
    assert line.startswith("timers[6].limits: none fits where ")
    assert "node1.lease=no" in line


def test_the_parameters_of_heartbeats_need_no_section():
    limits = (({}, "keep_alive_timeout"),)
    timers = tuple(attrs.evolve(t, limits=limits) if t.limits else t for t in MACHINE.timers)
    bare = attrs.evolve(MACHINE, timers=timers, parameters=())
    assert load(dump(bare)) == bare
    assert Monitor.start(Machine(bare), "node1", 0).parameters.keep_alive_timeout == 60
    (says, *_) = findings(attrs.evolve(bare, timers=MACHINE.timers))
    assert says.endswith("unknown parameter 'lease_lasts'; known: keep_alive_interval, "
                         "keep_alive_timeout")


# -------------------------------------------------------------------- its parameters


def test_parameters_of_any_machine_have_the_access_of_parameters():
    kind = parameters_of(MACHINE)
    assert parameters_of(PRG.model) is Parameters
    assert parameters_of(MACHINE) is kind
    assert issubclass(kind, Settings)
    assert kind().to_json() == {"keep_alive_interval": 1, "keep_alive_timeout": 5,
                                "take_over_after": 2, "lease_lasts": 10}
    assert kind.of({"lease_lasts": 3}).lease_lasts == 3
    assert kind.parse({"Lease Lasts": "3"}) == kind.of({"lease_lasts": 3})
    assert parameters_of(TURNSTILE)().to_json() == {"keep_alive_interval": 15, "keep_alive_timeout": 60}
    for values in ({"lease": 3}, {"lease_lasts": "3"}, {"lease_lasts": True}, {"lease_lasts": -1}):
        with pytest.raises(BadInput):
            kind.of(values)


def test_a_monitor_wants_the_parameters_of_its_machine():
    assert Monitor.start(PAIR, "node1", 0).parameters == parameters_of(MACHINE)()
    with pytest.raises(BadInput, match="'pair' counts by lease_lasts, which these parameters"):
        Monitor.start(PAIR, "node1", 0, Parameters())


# ----------------------------------------------------------------------- its agents


def test_the_habits_of_the_built_in_machine_are_those_of_its_recovery_manager():
    habits = PRG.habits
    assert habits.starts("node2") == (
        "manager_start(node2)", {"node2.process": "manager_down", "node2.hears_peer": "no"})
    assert habits.stops("node1") == "manager_stop(node1)"
    assert habits.fails("move_users", "node1")[0] == "takeover_failed(node1)"
    assert habits.deed("assign_users", "node1") == ""
    assert habits.deed("move_users", "node2") == "move"
    assert habits.groups == NODES
    pair = after()
    assert habits.assignment(pair) == {"node1": "node1", "node2": "node2"}
    assert habits.assigned({}, "node1") is None
    assert not habits.holds(pair, "node1")
    assert habits.holds({"node1.state": "taking_over"}, "node1")
    assert habits.runs({}, "node1")
    assert not habits.runs({"node1.process": "off"}, "node1")


def test_a_node_has_the_role_whose_cells_are_known_to_hold():
    roles = {"primary": {"me.state": "active"}, "replica": {"me.state": "standby", "me.host": "on"}}
    model = instantiate(attrs.evolve(TABLE, agents=(attrs.evolve(AGENT, roles=tuple(
        (role, cube(cells)) for role, cells in roles.items())),)), {})
    assert findings(model) == ()
    assert load(dumps(model)) == model
    habits = Habits(model)
    assert habits.roles("node2") == ("primary", "replica")
    assert habits.role({"node2.state": "active"}, "node2") == "primary"
    assert habits.role({"node2.state": "active"}, "node1") == ""
    standby = {"node1.state": "standby"}
    assert habits.role(standby, "node1") == "", "not known whether it runs"
    assert habits.role({**standby, "node1.host": "on"}, "node1") == "replica"
    assert habits.role({"node1.state": "failed", "node1.host": "on"}, "node1") == ""
    assert (Habits(MACHINE).roles("node1"), Habits(MACHINE).role(standby, "node1")) == ((), "")


def test_a_machine_file_without_roles_has_the_digest_that_it_had():
    """What is not there is not written, so that older files keep theirs."""
    assert "roles" not in dumps(MACHINE)
    with_one = attrs.evolve(MACHINE, agents=tuple(
        attrs.evolve(a, roles=(("primary", cube({f"{a.node}.state": "active"})),))
        for a in MACHINE.agents))
    assert digest(with_one) != digest(MACHINE)
    (row,) = changes(MACHINE, with_one).real
    assert [d.field for d in row.details] == ["roles primary"]


def test_a_machine_without_these_sections_has_no_habits():
    habits = Habits(PLANTED)
    assert habits.starts("node1") == ("", {})
    assert (habits.stops("node1"), habits.groups, habits.timers("node1")) == ("", (), ())
    assert (habits.fails("x", "node1"), habits.deed("x", "node1")) == ((), "")
    assert habits.assigned({}, "node1") is None


class Performer:
    """It carries out everything, and notes it."""

    def __init__(self):
        self.did = []

    def perform(self, order):
        self.did.append(order)


def test_two_agents_of_the_pair_fail_over_by_its_own_timers():
    clock, store, hands = Clock(), Memory(), {n: Performer() for n in NODES}
    nodes = {n: Driver(PAIR, store, hands[n], n, parameters=parameters_of(MACHINE)(), clock=clock)
             for n in NODES}

    def seconds(number, alive):
        for _ in range(number * 2):
            clock.time += 0.5
            for node in alive:
                nodes[node].see(heard(node) if len(alive) == 2 else None)

    seconds(2, NODES)
    nodes["node1"].send("promote(node1)")
    seconds(2, NODES)
    record, _ = nodes["node1"].read()
    assert record.columns["node1.state"] == "active"
    assert {home: claim.node for home, claim in record.claims.items()} == {"users": ""}
    (start,) = [o for o in hands["node1"].did if o.do == "start_services"]
    assert (start.users, start.state) == (("users",), "promoting")
    seconds(30, ["node2"])
    record, _ = nodes["node2"].read()
    assert (record.columns["node1.state"], record.columns["node2.state"]) == ("failed", "active")
    events = [entry["event"] for entry in store.entries]
    assert events.index("heartbeat_lost(node2)") < events.index("lease_expired(node1)") < (
        events.index("take_over(node2)"))


def test_an_order_says_whose_users_it_is_about_and_the_state_of_its_node():
    pair = after()
    decision = PRG.step(pair, "failover(node1)")
    record, _ = decided(begin(pair), dict(pair), decision, by="controller", time=0)
    (move,) = [o for o in record.orders if o.do == "move_users"]
    assert (move.node, move.users, move.state) == ("node2", ("node1",), "taking_over")


def test_every_order_that_moves_users_names_them():
    space, moves = reachable(), 0
    for rule in PRG.model.rules:
        if all(a.do != "move_users" for a in rule.actions):
            continue
        numbers = space.where(rule.when)
        for number in numbers[:: max(1, len(numbers) // 50)]:
            pair = PRG.pair(space.pair(int(number)))
            if not PRG.possible(pair, rule.event):
                continue
            decision = PRG.step(pair, rule.event)
            record, _ = decided(begin(pair), dict(pair), decision, by="controller", time=0)
            for order in record.orders:
                assert order.state == decision.pair[f"{order.node}.state"]
                moves += order.do == "move_users"
                assert order.users or order.do != "move_users", (rule.id, pair)
    assert moves > 300


# ------------------------------------------------------------------------- its group


GROUP = """
group = "Mine"
store = "sqlite:pair.db"
security = {{off = true}}
machine = "mine.json"
{more}
[node1]
service = "127.0.0.1:1"
admin = "127.0.0.1:2"
services = {{ web = ["sleep", "9"] }}
[node2]
service = "127.0.0.1:3"
admin = "127.0.0.1:4"
"""


def group(tmp_path, more="", machine=MACHINE):
    import json

    (tmp_path / "mine.json").write_text(json.dumps(dump(machine)))
    file = tmp_path / "group.toml"
    file.write_text(GROUP.format(more=more))
    return read_group(file)


def test_a_group_file_names_its_machine_and_sets_its_parameters(tmp_path):
    found = group(tmp_path, "[parameters]\nlease_lasts = 4\n[parameters.service_delays]\nweb = 7.5")
    assert found.engine.model == MACHINE
    assert found.parameters == parameters_of(MACHINE).of({"lease_lasts": 4})
    assert (found.patience("web"), found.patience("other")) == (7.5, 0)


@pytest.mark.parametrize(("more", "says"), [
    ("[parameters]\ncritical_service_delay = 4", "unknown parameter 'critical_service_delay'"),
    ("[parameters.service_delays]\nmail = 4", "parameters.service_delays: unknown service 'mail'"),
    ("[parameters.service_delays]\nweb = -4", "parameters.service_delays.web: expected seconds"),
    ("[policy]\nreconnection = 'fail'", "policy: a machine file is made for its policies"),
])
def test_what_is_wrong_with_a_machine_in_a_group_is_one_line(tmp_path, more, says):
    with pytest.raises(BadInput) as found:
        group(tmp_path, more)
    assert says in str(found.value)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize(("text", "says"), [
    (None, "machine: cannot read"), ("{", "machine: "), ('{"format": "x"}', "machine: "),
])
def test_a_machine_that_cannot_be_read_is_one_line(tmp_path, text, says):
    group(tmp_path)
    (tmp_path / "mine.json").unlink()
    if text is not None:
        (tmp_path / "mine.json").write_text(text)
    with pytest.raises(BadInput) as found:
        read_group(tmp_path / "group.toml")
    assert says in str(found.value)
    assert "\n" not in str(found.value)


def test_a_machine_of_other_nodes_cannot_be_run(tmp_path):
    with pytest.raises(BadInput, match="is not about two nodes: no event is decided by node1"):
        group(tmp_path, machine=TURNSTILE)


def test_a_delay_of_a_service_is_not_shorter_than_that_of_all(tmp_path):
    file = tmp_path / "group.toml"
    text = GROUP.format(more="[parameters.service_delays]\nweb = {}").replace('machine = "mine.json"', "")
    file.write_text(text.replace("{}", "120"))
    assert read_group(file).patience("web") == 30
    file.write_text(text.replace("{}", "60"))
    with pytest.raises(BadInput, match="60 s is shorter than critical_service_delay, which is 90 s"):
        read_group(file)


def test_rows_are_written_from_me_and_peer_once():
    assert {t.event for t in MACHINE.timers if t.event.startswith("lease")} == {
        f"lease_expired({n})" for n in NODES}
    assert [t.event for t in PAIR.habits.timers("node1")] == [
        "heartbeat_heard(node1)", "heartbeat_lost(node1)", "lease_expired(node2)", "take_over(node1)"]
    assert [(t.runs.cells[0].column, t.runs.cells[1].column) for t in MACHINE.timers
            if t.event == "lease_expired(node1)"] == [("node1.lease", "node2.hears")]
    assert Agent() == Agent("me")
    assert ActionKind("x").node == "me"
    assert Parameter("x", says="a") == Parameter("x", says="b"), "prose is not compared"
    assert Timer("x", told="heartbeat") != Timer("x", told="peer_host_lost")
