"""Users: equal shares with the fewest moves, who serves whom, and who logs in again."""

from __future__ import annotations

import json
from itertools import product

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.cli import main
from prgcore.engine import Pair
from prgcore.errors import BadInput, ImpossibleEvent, OutsideInvariant
from prgcore.machine import prg
from prgcore.product.serving import COLUMNS
from prgcore.product.users import (
    MODES,
    LogIns,
    assign,
    assignment_mode,
    logins,
    may_add_users,
    place,
    relogins,
    serving,
)
from prgcore.seats import NODES, mirror_name
from prgcore.vocabulary import Kind, State
from prgcore.wire.machine_file import dumps
from tests.planted import reachable
from tests.toys import LAMPS
from tests.walks import after

PRG = prg()
COUNTS = {"node1": 900, "node2": 700}
EVENTS = tuple(e.name for e in PRG.model.events)

USERS = st.sets(st.sampled_from([f"u{n}" for n in range(30)]), max_size=30)
GROUPS = st.lists(st.integers(1, 2), min_size=1, max_size=3).map(
    lambda sizes: [[f"g{g}n{n}" for n in range(size)] for g, size in enumerate(sizes)])
PLACES = st.dictionaries(
    st.sampled_from([f"u{n}" for n in range(40)]),
    st.sampled_from([*(f"g{g}n{n}" for g in range(3) for n in range(2)), "gone"]))
MODE = st.sampled_from(MODES)


# ----------------------------------------------------------------------- assignment


def test_balanced_is_the_default_and_shares_equally() -> None:
    made = assign(["dora", "ada", "cem", "bo", "eve"], [["n1", "n2"]])
    assert made.counts == {"n1": 3, "n2": 2}
    assert made.node_of == {"ada": "n1", "bo": "n1", "cem": "n1", "dora": "n2", "eve": "n2"}
    assert made.unassigned == ()


def test_active_standby_leaves_the_second_nodes_empty() -> None:
    made = assign(
        "abcde", [["n1", "n2"], ["n3", "n4"]], mode="active_standby", current={"a": "n2"})
    assert made.counts == {"n1": 3, "n2": 0, "n3": 2, "n4": 0}
    assert made.moved({"a": "n2"}) == ("a",)


def test_none_assigns_nobody_and_moves_nobody() -> None:
    made = assign("abc", [["n1", "n2"]], mode="none", current={"a": "n2", "b": "gone"})
    assert made.node_of == {"a": "n2"}
    assert made.unassigned == ("b", "c")


def test_a_new_node_gets_its_share_and_the_rest_stay() -> None:
    before = assign([f"u{n}" for n in range(8)], [["n1", "n2"]])
    after = assign(before.node_of, [["n1", "n2"], ["n3", "n4"]], current=before.node_of)
    assert after.counts == dict.fromkeys(("n1", "n2", "n3", "n4"), 2)
    assert len(after.moved(before.node_of)) == 4


@settings(deadline=None)
@given(users=USERS, groups=GROUPS, mode=MODE, current=PLACES)
def test_another_run_moves_nobody(users, groups, mode, current) -> None:
    first = assign(users, groups, mode=mode, current=current)
    assert assign(users, groups, mode=mode, current=first.node_of) == first
    assert first.moved(first.node_of) == ()


@settings(deadline=None)
@given(users=USERS, groups=GROUPS, mode=MODE, current=PLACES, chance=st.randoms())
def test_the_order_of_the_input_does_not_matter(users, groups, mode, current, chance) -> None:
    names, some, places = sorted(users), [*groups], [*current.items()]
    for many in (names, some, places):
        chance.shuffle(many)
    shuffled = assign(names, some, mode=mode, current=dict(places))
    assert shuffled == assign(users, groups, mode=mode, current=current)


@settings(deadline=None)
@given(users=USERS, groups=GROUPS, mode=MODE, current=PLACES)
def test_everybody_is_somewhere_once_and_shares_are_equal_within_one(
    users, groups, mode, current
) -> None:
    made = assign(users, groups, mode=mode, current=current)
    assert set(made.node_of) | set(made.unassigned) == users
    assert not set(made.node_of) & set(made.unassigned)
    assert set(made.nodes) == {n for g in groups for n in g}
    used = [g[0] for g in groups] if mode == "active_standby" else made.nodes
    shares = [made.counts[node] for node in used]
    assert sum(made.counts.values()) == len(made.node_of)
    if mode == "none":
        assert made.node_of == {
            u: n for u, n in current.items() if u in users and n in made.nodes}
    else:
        assert made.unassigned == ()
        assert sum(shares) == len(users)
        assert max(shares) - min(shares) <= 1


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(0, 5), sizes=st.sampled_from([(1,), (2,), (1, 1), (2, 1)]),
    mode=st.sampled_from(MODES[:2]), places=st.lists(st.integers(0, 3), min_size=5, max_size=5))
def test_no_other_equal_assignment_moves_fewer_users(number, sizes, mode, places) -> None:
    groups = [[f"g{g}n{n}" for n in range(size)] for g, size in enumerate(sizes)]
    nodes = [n for g in groups for n in g]
    users = [f"u{n}" for n in range(number)]
    current = {u: nodes[p] for u, p in zip(users, places, strict=False) if p < len(nodes)}
    used = [g[0] for g in groups] if mode == "active_standby" else nodes
    fewest = min(
        sum(current.get(u, n) != n for u, n in zip(users, way, strict=True))
        for way in product(used, repeat=number)
        if max(map(way.count, used)) - min(map(way.count, used)) <= 1)
    assert len(assign(users, groups, mode=mode, current=current).moved(current)) == fewest


@pytest.mark.parametrize(("users", "groups", "mode", "says"), [
    ("a", [["n1"]], "balance", "unknown assignment mode 'balance'; did you mean balanced"),
    ("aba", [["n1"]], "balanced", "the user 'a' is given twice"),
    ("a", [["n1", "n2"], ["n2"]], "balanced", "the node 'n2' is given twice"),
    ("a", [["n1", "n2", "n3"]], "balanced", "does not have one or two nodes"),
    ("a", ["n1"], "balanced", "does not have one or two nodes"),
    ("a", [], "none", "there are no groups"),
])
def test_what_cannot_be_assigned_is_said(users, groups, mode, says) -> None:
    with pytest.raises(BadInput, match=says):
        assign(users, groups, mode=mode)


# -------------------------------------------------------------------- who serves whom


def test_at_home_each_node_serves_its_own() -> None:
    served = serving(after())
    assert (served.node1.by, served.node2.by) == NODES
    assert served["node2"].why == "assigned to node2, which serves"


@pytest.mark.parametrize(("events", "node1", "node2", "why"), [
    (("failover(node1)",), None, "node2", "assigned to nobody: node2 is taking the users over"),
    (("failover(node1)", "takeover_done(node2)"), "node2", "node2",
     "assigned to node2, which serves"),
    (("failover(node1)", "takeover_done(node2)", "taken_over(node1)", "fallback(node1)"),
     None, "node2", "assigned to nobody: node1 is taking its users back"),
    (("services_down(node1)",), None, "node2", "assigned to node1: a critical service of it is down"),
    (("database_down(node1)",), None, "node2", "assigned to node1: its database is down"),
    (("power_off(node1)",), None, "node2", "assigned to node1: its host is off"),
    (("manager_stop(node1)",), "node1", "node2", "assigned to node1, which serves"),
    (("failover(node1)", "takeover_failed(node2)"), None, None,
     "assigned to nobody: node2 has failed and serves nobody"),
    (("disable_ha",), "node1", "node2", "assigned to node1, which serves"),
])
def test_who_serves_and_why(events, node1, node2, why) -> None:
    served = serving(after(*events))
    assert (served.node1.by, served.node2.by) == (node1, node2)
    assert served.node1.why == why


def test_a_mapping_is_as_good_as_a_pair_and_services_that_are_held_do_not_serve() -> None:
    pair = dict(after())
    assert serving(pair) == serving(PRG.pair(pair))
    held = serving(pair | {"node1.services": "stopped"})
    assert held.node1.why == "assigned to node1: its critical services are stopped"


def test_a_group_assigned_twice_is_no_pair_to_answer_for() -> None:
    with pytest.raises(OutsideInvariant, match="S3") as caught:
        serving(dict(after()) | {"node2.assigned_peer": "yes"})
    assert caught.value.broken == ("S3",)


def test_only_the_two_nodes_have_users() -> None:
    with pytest.raises(BadInput, match=r"unknown node 'cup1'; .*node1, node2"):
        serving(after())["cup1"]
    assert serving(after())["node2"].by == "node2"


NO_PAIRS = [{}, {"node1.state": "normal"}, None, "node1.state", ["node1.state"]]


@pytest.mark.parametrize("pair", NO_PAIRS)
def test_what_is_no_pair_is_told(pair) -> None:
    for ask in (serving, lambda p: logins(p, after(), COUNTS), lambda p: logins(after(), p, COUNTS)):
        with pytest.raises(BadInput, match=r"the pair(: expected a mapping| has no column node1\.)"):
            ask(pair)


@pytest.mark.parametrize("name", COLUMNS)
def test_each_column_that_is_asked_is_needed_by_name(name) -> None:
    lacking = {c: v for c, v in after().items() if c != name}
    with pytest.raises(BadInput, match=f"the pair has no column {name}; give every column"):
        serving(lacking)
    assert serving({c: after()[c] for c in COLUMNS}) == serving(after())


# --------------------------------------------------------------------- who logs in again


def _told(pair: Pair, *events: str) -> dict[str, tuple[int, int]]:
    return {x.event: (x.node1, x.node2) for x in relogins(PRG, pair, events, COUNTS) if x.total}


def test_a_manual_failover_and_its_fallback_cost_each_user_two_log_ins() -> None:
    assert _told(
        after(), "failover(node1)", "takeover_done(node2)", "taken_over(node1)",
        "fallback(node1)", "takeback_done(node1)",
    ) == {"takeover_done(node2)": (0, 900), "takeback_done(node1)": (900, 0)}


def test_after_a_crash_they_log_in_when_the_peer_has_taken_over() -> None:
    assert _told(
        after(), "power_off(node2)", "peer_host_lost(node1)", "takeover_done(node1)",
    ) == {"takeover_done(node1)": (700, 0)}


def test_a_service_that_returns_in_time_costs_a_log_in_at_home() -> None:
    assert _told(after(), "services_down(node1)", "services_up(node1)") == {
        "services_up(node1)": (900, 0)}


def test_the_auto_recovery_moves_everyone() -> None:
    assert _told(
        after("services_down(node1)", "critical_service_delay(node1)", "takeover_done(node2)",
               "taken_over(node1)", "services_up(node1)"),
        "services_down(node2)", "critical_service_delay(node2)", "autorecovery_done(node1)",
    ) == {"autorecovery_done(node1)": (1600, 0)}


def test_who_is_refused_or_restarted_alone_moves_nobody() -> None:
    told = relogins(PRG, after(), ("recover", "manager_stop(node1)", "manager_start(node1)"),
                    COUNTS)
    assert [x.total for x in told] == [0, 0, 0]
    assert [x.event for x in told] == ["recover", "manager_stop(node1)", "manager_start(node1)"]


def test_a_trace_that_cannot_happen_is_an_error() -> None:
    with pytest.raises(ImpossibleEvent):
        relogins(PRG, after(), ["takeover_done(node1)"], COUNTS)


@pytest.mark.parametrize("counts", [
    {"node1": 1}, {"node1": 1, "node2": 2, "node3": 3}, {"node1": -1, "node2": 0},
    {"node1": 1.5, "node2": 0}, {"node1": True, "node2": 0}, None, 5, {"node1": 1, 2: 2},
])
def test_users_are_counted_at_two_nodes(counts) -> None:
    with pytest.raises(BadInput, match="expected"):
        logins(after(), after(), counts)


def _somewhere(many: int) -> list[Pair]:
    """So many pairs from everywhere among the reachable ones, and three near home."""
    space = reachable()
    numbers = range(0, len(space), len(space) // many)
    near = [(), ("failover(node1)",), ("failover(node2)",)]
    return [*(after(*events) for events in near), *(PRG.pair(space.pair(number)) for number in numbers)]


def _server(pair: Pair, home: str) -> str | None:
    """The one node that the users of a node are assigned to, if it can serve them."""
    peer = mirror_name(home)
    assigned = [node for node, column in ((home, "assigned_own"), (peer, "assigned_peer"))
                if pair[f"{node}.{column}"] == "yes"]
    assert len(assigned) <= 1
    return next((n for n in assigned if pair[f"{n}.process"] != "off" and
                 pair[f"{n}.services"] == pair[f"{n}.database"] == "up"), None)


def test_nobody_logs_in_twice_at_once_and_the_other_seat_says_the_same() -> None:
    seen = set()
    for pair in _somewhere(30):
        for event in (e for e in EVENTS if PRG.possible(pair, e)):
            after = PRG.step(pair, event).pair
            expected = {"node1": 0, "node2": 0}
            for home in NODES:
                was, now = _server(pair, home), _server(after, home)
                assert serving(after)[home].by == now
                if now not in (None, was):
                    expected[now] += COUNTS[home]
            told = logins(pair, after, COUNTS, event)
            assert told == LogIns(event, expected["node1"], expected["node2"])
            seen.add((told.node1, told.node2))
            images = [{mirror_name(c): v for c, v in p.items()} for p in (pair, after)]
            swapped = logins(images[0], images[1], {"node1": 700, "node2": 900})
            assert swapped == LogIns("", told.node2, told.node1)
    assert seen >= {(0, 0), (900, 0), (0, 900), (700, 0), (0, 700)}


# ------------------------------------------------------------------------- new users


def test_users_are_added_to_a_normal_pair_and_without_high_availability() -> None:
    assert may_add_users(PRG, after()).accepted
    unprotected = may_add_users(PRG, PRG.initial[0])
    assert unprotected.accepted
    assert unprotected.says.startswith("no node is in a failover state")


def test_the_refusal_names_the_nodes_and_their_states() -> None:
    pair = after("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
    adding = may_add_users(PRG, pair)
    assert not adding.accepted
    assert adding.decision == PRG.step(pair, "add_users")
    assert adding.says.startswith("node1 is Idle and node2 is Running in Backup Mode: no users")
    one = PRG.run(
        PRG.initial[0], "enable_ha", "heartbeat_heard(node1)", "initialized(node1)").end
    assert may_add_users(PRG, one).says.startswith("node2 is Initializing: ")


def test_a_node_that_shows_nothing_is_said_to_be_silent() -> None:
    crashed = after("power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)")
    assert may_add_users(PRG, crashed).says.startswith(
        "node1 is silent and node2 is Running in Backup Mode: no users")


def test_users_are_added_exactly_where_no_node_is_in_a_failover_state() -> None:
    answers = set()
    for pair in _somewhere(300):
        moved = [n for n in NODES if pair[f"{n}.state"] not in (State.NORMAL, State.UNKNOWN)]
        adding = may_add_users(PRG, pair)
        assert adding.accepted == (not moved)
        assert [n for n in NODES if f"{n} is " in adding.says] == moved
        answers.add((pair["node1.state"], pair["node2.state"], adding.accepted))
    assert len([a for a in answers if a[2]]) == 2
    assert len(answers) > 40


def test_it_is_the_machine_that_decides() -> None:
    assert PRG.kind("add_users") is Kind.COMMAND
    rule = next(r for r in PRG.model.rules if r.event == "add_users")
    wider = evolve(rule, when={c.column: (*c.values, State.IDLE, State.RUNNING_IN_BACKUP_MODE)
                               for c in rule.when})
    other = type(PRG)(evolve(
        PRG.model, rules=tuple(wider if r is rule else r for r in PRG.model.rules)))
    idle = after("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
    assert not may_add_users(PRG, idle).accepted
    assert may_add_users(other, idle).accepted
    assert not may_add_users(other, after("failover(node1)")).accepted


# ------------------------------------------------------------------ the command line


def test_the_command_answers_as_the_functions_do(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    pair = after("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
    words = ["users", json.dumps(dict(pair)), "--after", "takeover_done(node2)",
             "--feature", "push_notifications"]
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["serving"]["node1"] == {"by": "node2", "why": serving(pair).node1.why}
    assert told["add_users"] == {"accepted": False, "why": may_add_users(PRG, pair).says}
    assert [r["id"] for r in told["restrictions"]] == [
        "adding_users", "push_foreground", "push_background"]
    assert told["restrictions"][2]["seconds"] == [600, 1200]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "node1     node2      assigned to node2, which serves" in text
    assert "add_users is refused: node1 is Idle" in text
    assert "(600 to 1200 s)" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_silent_node_is_silent_and_the_pair_that_was_taken_is_told(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = ["users", "--node1", "", "--node2", "running in backup mode / peer down"]
    assert main(shown) == 0
    out, err = capsys.readouterr()
    assert "node1  shows nothing" in out
    assert "node1 is silent and node2 is Running in Backup Mode" in " ".join(out.split())
    assert "Initializing" not in out
    assert "`" not in out
    assert main([*shown, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["pair", "assuming", "serving", "add_users", "restrictions"]
    taken = PRG.pair(told["pair"])
    assert told["serving"]["node1"]["why"] == serving(taken).node1.why
    assert "node1.state" in told["assuming"]
    assert told["assuming"].items() <= told["pair"].items()
    assert "with " + " ".join(f"{c}={v}" for c, v in told["assuming"].items()) in " ".join(err.split())
    assert max(map(len, err.splitlines())) <= 80


def test_a_pair_that_is_given_assumes_nothing(capsys) -> None:
    assert main(["users", json.dumps(dict(after())), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["pair"], told["assuming"]) == (dict(after()), {})


def test_a_pair_without_restrictions_says_so(capsys) -> None:
    assert main(["users", json.dumps(dict(after()))]) == 0
    assert capsys.readouterr().out.endswith("No restriction applies.\n")


@pytest.mark.parametrize(("words", "says"), [
    (["--after", "search"], "unknown event 'search'"),
    (["--after", "takeover_done(banana)"], "unknown node 'banana'; the nodes are node1 and node2"),
    (["--feature", "push"], "unknown feature 'push'"),
    (["--node1", "Normal"], "give --node2 as well"),
    (["assign", "examples/status.txt"], "a status changes nothing here, because the mode alone decides"),
    (["assign", "Node 1 Name: a State: Idle\nNode 2 Name: b State: Normal"], "the mode alone decides"),
    (["assign", "imp1"], "expected NODE=NUMBER"),
    (["sessions", "--before", "examples/status.txt"], "expected NODE=NUMBER"),
])
def test_what_the_command_cannot_read_is_one_line(words, says, capsys) -> None:
    assert main(["users", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.count("\n") == 1


def test_a_machine_without_users_is_told_apart(tmp_path, capsys) -> None:
    file = tmp_path / "lamps.json"
    file.write_text(dumps(LAMPS), encoding="utf-8")
    assert main(["users", "--machine", str(file)]) == 2
    err = capsys.readouterr().err
    assert "the machine 'lamps' has no column node1.assigned_own; it has no users" in err


# ----------------------------------------------------------------- where new users go


@pytest.mark.parametrize(("groups", "new", "mode", "expected", "unassigned"), [
    ([{"a": 900, "b": 700}], 1, "balanced", {"a": 0, "b": 1}, 0),
    ([{"a": 5, "b": 5}], 1, "balanced", {"a": 1, "b": 0}, 0),
    ([{"a": 900, "b": 700}], 300, "balanced", {"a": 50, "b": 250}, 0),
    ([{"a": 0}, {"b": 7, "c": 0}], 9, "balanced", {"a": 5, "b": 0, "c": 4}, 0),
    ([{"a": 900, "b": 0}, {"c": 400, "d": 0}], 50, "active_standby",
     {"a": 0, "b": 0, "c": 50, "d": 0}, 0),
    ([{"b": 3, "a": 0}], 2, "active_standby", {"a": 0, "b": 2}, 0),
    ([{"a": 1, "b": 1}], 7, "none", {"a": 0, "b": 0}, 7),
    ([{"a": 1, "b": 1}], 0, "balanced", {"a": 0, "b": 0}, 0),
])
def test_new_users_go_where_the_mode_says(groups, new, mode, expected, unassigned) -> None:
    placed = place(groups, new, mode=mode)
    assert (placed.new, placed.unassigned) == (expected, unassigned)
    assert placed.node == (next(n for n, k in expected.items() if k)
                           if sum(expected.values()) == 1 else None)
    assert placed.why.startswith(mode.split("_", maxsplit=1)[0])


@given(st.data(), GROUPS, st.integers(0, 40), st.sampled_from(["balanced", "active_standby"]))
def test_new_users_go_where_assigning_everybody_puts_them(data, groups, new, mode) -> None:
    settled = assign(data.draw(USERS), groups, mode=mode)
    counts = [{n: settled.counts[n] for n in group} for group in groups]
    fresh = [f"z{n:02}" for n in range(new)]
    made = assign([*settled.node_of, *fresh], groups, mode=mode, current=settled.node_of)
    placed = place(counts, new, mode=mode)
    assert made.moved(settled.node_of) == ()
    assert {n: settled.counts[n] + k for n, k in placed.new.items()} == made.counts


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=2), st.integers(0, 10**9))
def test_as_many_are_placed_as_there_are_and_nobody_gets_more_than_the_emptiest(have, new) -> None:
    placed = place([dict(zip("ab", have, strict=True))], new)
    assert sum(placed.new.values()) == new
    then = {n: k + placed.new[n] for n, k in zip("ab", have, strict=True)}
    for node, more in placed.new.items():
        assert more == 0 or then[node] - 1 <= min(then.values())


@pytest.mark.parametrize(("groups", "new", "mode", "says"), [
    ([{"a": 1}], 1, "some", "unknown assignment mode 'some'"),
    ([{"a": 1, "b": 1, "c": 1}], 1, "balanced", "does not have one or two nodes"),
    ([{"a": 1}, {"a": 1}], 1, "balanced", "the node 'a' is given twice"),
    ([{"a": -1}], 1, "balanced", "a: -1 is not a number of users"),
    ([{"a": 1}], -1, "balanced", "new users: -1 is not a number"),
    ([{"a": True}], 1, "none", "a: True is not a number"), ([], 1, "balanced", "no groups"),
])
def test_what_cannot_be_placed_is_refused(groups, new, mode, says) -> None:
    with pytest.raises(BadInput, match=says):
        place(groups, new, mode=mode)


@pytest.mark.parametrize("spelled", ["Active-Standby", "active/standby", "ACTIVE_STANDBY"])
def test_a_mode_is_spelled_as_the_screen_does(spelled) -> None:
    assert assignment_mode(spelled) == "active_standby"
    assert assignment_mode("None") == "none"
    with pytest.raises(BadInput, match="unknown assignment mode 'rr'"):
        assignment_mode("rr")


def _run(capsys, *words: str) -> tuple[int, str, str]:
    code = main(["users", *words])
    out, err = capsys.readouterr()
    assert all(len(line) <= 80 for line in out.splitlines())
    return code, " ".join(out.split()), err


def test_the_command_shows_where_new_users_go(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, page, err = _run(capsys, "assign", "imp1=900,imp2=700")
    assert (code, err) == (0, "")
    assert "imp2 700 1 701 The next user goes to imp2." in page
    code, page, _ = _run(capsys, "assign", "imp1=1,imp2=0", "--mode", "None", "--new", "3")
    assert (code, "No node: 3 users without one. None: the sync agent" in page) == (0, True)
    assert main(["users", "assign", "imp1=9", "imp2=7", "--mode", "active/standby"]) == 0
    assert " ".join(capsys.readouterr().err.split()) == (
        "prgcore: imp1 and imp2 are groups of one node each here; the nodes of one group are one word, "
        "such as imp1=900,imp2=700")
    assert main(["users", "assign", "a=9,b=0", "c=4", "--mode", "active/standby", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert err == "", "one group of one node is meant so"
    assert (told["mode"], told["node"], told["then"]) == (
        "active_standby", "c", {"a": 9, "b": 0, "c": 5})


@pytest.mark.parametrize(("words", "says"), [
    (["assign"], "Missing argument"), (["assign", "imp1"], "expected NODE=NUMBER"),
    (["assign", "imp1=many"], "expected NODE=NUMBER"), (["assign", "imp1=-1"], "expected NODE=NUMBER"),
    (["assign", "imp1=" + "9" * 5000], "expected NODE=NUMBER"), (["assign", "=1"], "expected NODE"),
    (["assign", "a=1,a=2"], "the node 'a' is given twice"),
    (["assign", "a=1", "a=2"], "the node 'a' is given twice"),
    (["assign", "a=1", "--mode", "x"], "unknown assignment mode"),
    (["assign", "a=1", "--new", "-1"], "new users: -1"),
    (["sessions"], "Missing option '--before'; see prgcore users sessions --help"),
    (["sessions", "--before", "a=1", "--now", "b=1"], "unknown node 'b'"),
])
def test_a_word_that_is_no_count_is_one_clear_line(words, says, capsys) -> None:
    assert main(["users", *words]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert says in err


def test_the_command_shows_which_sessions_to_wait_for(capsys, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    noted = ("sessions", "--before", "imp1=900,imp2=700")
    code, page, err = _run(capsys, *noted)
    assert (code, err) == (0, "")
    assert "when each node shows what it showed before" in page
    assert "Normally all sessions are back within 30 minutes" in page
    code, page, _ = _run(capsys, *noted, "--now", "imp1=640")
    assert code == 1
    assert "Wait: 260 on imp1 are missing; read the counter of imp2 too." in page
    code, page, _ = _run(capsys, *noted, "--now", "imp1=640", "--now", "imp2=700")
    assert (code, "Wait: 260 on imp1 are missing." in page) == (1, True)
    code, page, _ = _run(capsys, *noted, "--now", "imp1=901,imp2=700")
    assert (code, "high availability may be enabled again" in page) == (0, True)
    assert main(["users", *noted, "--now", "imp1=640", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ready"], told["missing"]) == (False, {"imp1": 260, "imp2": 700})


def test_the_command_itself_stays_and_lists_those_below_it(capsys) -> None:
    assert main(["users", "--help"]) == 0
    out = capsys.readouterr().out
    assert "  assign    Show which node new users get, or why none." in out
    assert "  sessions  Show the sessions to wait for after an upgrade." in out
    assert main(["users", "assign", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: prgcore users assign [OPTIONS] {GROUP...}")
    assert main(["users", "--node1", "normal", "--node2", "normal"]) == 0


@pytest.mark.parametrize(("words", "says"), [
    (("assign", "a=1,A=2"), "the node 'a' is given twice"),
    (("assign", "a=1,b=1", "A.=2"), "the node 'a' is given twice"),
    (("assign", "a=1234567890"), "with at most 9 digits"),
    (("sessions", "--before", "a=1,A=2"), "the node 'a' is given twice"),
])
def test_a_node_is_the_same_in_any_case(run, words, says):
    told = run("users", *words)
    assert told.code == 2
    assert says in " ".join(told.err.split())


def test_sessions_now_are_those_of_the_node_in_any_case(run):
    told = run("users", "sessions", "--before", "cup1=900", "--now", "CUP1=640", "--json")
    assert json.loads(told.out)["missing"] == {"cup1": 260}
