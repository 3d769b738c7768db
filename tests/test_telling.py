"""What an operator is told: short, without a contradiction, and no node named that nobody knows."""

from __future__ import annotations

import re
from functools import cache

import pytest

from prgcore import PRG
from prgcore.engine import Pair
from prgcore.explain.display import denoted, display_of, misprint, spell
from prgcore.explain.explaining import Explanation, explain, explain_display, parse_shown
from prgcore.explain.home import _REPAIRS, _THEN, by_itself
from prgcore.explain.meaning import seated
from prgcore.explain.names import BUTTONS
from prgcore.machine import Machine, prg
from prgcore.model import Display, Shown, Situation
from prgcore.seats import NODES, mirror_name
from prgcore.template.pair import MACHINE
from prgcore.vocabulary import Kind, Reason, State
from tests.toys import TURNSTILE

HOSTS = ("imp-subscriber-madrid-001", "imp-subscriber-madrid-002")
"""Host names of 25 characters, as short as they get."""
GROUP = "Headquarters North"
MACHINES = (PRG, prg(reconnection="keep_serving"),
            prg(reconnection="able_serves", idle_on_peer_loss="take_over"))
BY_ROW = {s.row: s for s in PRG.model.situations}
RECORD = [f"{node}.{what}" for node in NODES for what in ("state", "reason", "process")]
MIRRORED = ("14", "15")
"""The rows whose display is its own mirror, and which name one node."""


@cache
def displays(machine: Machine) -> list[Display]:
    """What can be seen of the machine, with the reasons and without."""
    assert machine.atlas is not None
    pairs = [Pair(machine, values) for values in machine.atlas.everything.distinct(RECORD)]
    closed = {shown for pair in pairs if (shown := display_of(machine, pair))}
    both = closed | {Display(*(half and Shown(half.state) for half in shown)) for shown in closed}
    return sorted(both, key=str)


@cache
def told(machine: Machine) -> list[Explanation]:
    return [explain_display(machine, *shown) for shown in displays(machine)]


def asked(left: str, right: str, **known: str) -> Explanation:
    return explain_display(PRG, parse_shown(left), parse_shown(right),
                           {name.replace("_", ".", 1): value for name, value in known.items()})


def nodes_in(text: str) -> set[str]:
    return set(re.findall(r"\bnode ?[12]\b", text))


# --------------------------------------------------------------------------- how much is said


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: "-".join(v for _, v in m.model.policy))
def test_a_group_has_at_most_twenty_lines_of_eighty_columns(machine: Machine) -> None:
    """The page of a group begins with its name, which is a line of its own."""
    assert len(displays(machine)) > 741
    for found in told(machine):
        lines = [f"Group {GROUP}", *found.text(HOSTS, GROUP).splitlines()]
        assert len(lines) <= 20, "\n".join(lines)
        assert max(map(len, lines)) <= 80, "\n".join(lines)


JARGON = re.compile(
    r"invariant|pair of the machine|assum|broken|proof|proved|hears_peer|_up\(|_start\(|_done\(|"
    r"initialized|\b[A-Z]\d{2,}\b|disable_|enable_|add_users|refused\.|node\d\.[a-z]", re.IGNORECASE)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: "-".join(v for _, v in m.model.policy))
def test_an_operator_reads_no_words_of_the_machine(machine: Machine) -> None:
    for found in told(machine):
        text = found.text()
        assert not JARGON.search(text), text
        assert found.text(verbose=True).startswith(text.rstrip("\n"))


def test_what_is_on_offer_are_buttons() -> None:
    offers = set()
    for found in told(PRG):
        _, head, rest = found.text().partition("\nOn offer")
        assert head
        if rest.startswith("\n"):
            items = re.sub(r"\n {4}", " ", rest).split("\n  ")[1:]
            assert {re.split(r"\W", item.strip())[0] for item in items} <= set(BUTTONS)
            offers |= {re.sub(r"node[12]", "N", item.strip().partition(", ")[2]) for item in items}
        else:
            assert rest == ": none of failover, fallback and recover.\n"
    assert offers == {
        "after these steps",
        "if both nodes hear each other",
        "if both nodes hear each other and the database of N runs",
        "if the critical services and the database of N run",
    }


def test_a_command_that_is_on_offer_is_accepted_somewhere() -> None:
    for found in told(PRG):
        offer = found.text().partition("\nOn offer\n")[2]
        now = {item.partition(", ")[0].strip() for item in offer.splitlines()
               if not item.startswith("    ") and "after these steps" not in item}
        can = {*found.available, *(m.command for m in found.maybe)}
        assert now <= can, offer
        later = set(re.findall(r"(\S+), after these steps", offer))
        assert later <= {*(found.plan.events if found.plan else ())}, offer


# ----------------------------------------------------------------- Table 2, from both seats


@pytest.mark.parametrize("mirrored", [False, True], ids=["printed", "mirrored"])
@pytest.mark.parametrize("situation", PRG.model.situations, ids=lambda s: s.row)
def test_a_row_is_told_with_the_right_names_and_its_own_steps_first(
    situation: Situation, mirrored: bool
) -> None:
    shown = situation.display.mirrored() if mirrored else situation.display
    found = explain_display(PRG, *shown)
    assert found.row == situation.row
    text = found.text(("left", "right"))
    said = " ".join(text.split())
    either = situation.row in MIRRORED
    same = shown == shown.mirrored()
    names = ("right", "left") if mirrored and not same else ("left", "right")
    swap = {"node1": names[0], "node2": names[1]}
    cause = situation.either if either else re.sub(
        r"node[12]", lambda n: swap[n[0]], seated(situation.cause, mirrored=False))
    assert f"{cause} (Row {situation.row} of Table 2.)" in said
    steps = re.findall(r"  - (\w+)", text)
    if situation.advice:
        wanted = {(a.either if either and a.either else a.says).split()[0].strip(":")
                  for a in situation.advice}
        assert set(steps) <= wanted
    else:
        assert steps[0] in ("Nothing", "Wait", "To")
    assert "node1" not in text
    assert "node2" not in text


def test_each_row_that_is_under_way_is_waited_for() -> None:
    waited = {row: explain_display(PRG, *s.display).text().partition("now\n")[2].splitlines()[0]
              for row, s in BY_ROW.items() if not s.advice}
    assert {row: said.split()[1] for row, said in waited.items()} == {
        "1": "Nothing:", **dict.fromkeys(("2", "4", "8", "9", "10", "22", "23"), "Wait"),
        **dict.fromkeys(("3", "5", "6", "7"), "To")}


def test_what_no_row_and_no_family_lists_is_told_by_its_states() -> None:
    """Until now it was told by the reason of a rule: "lets go when the record says that"."""
    count = 0
    for found in told(PRG):
        if found.rows or found.plan is None or not found.plainly:
            continue
        count += 1
        assert re.match(r"(node[12]|The|Everyone) [^;]+(; [^;]+)?\.$", found.plainly), found.plainly
        assert nodes_in(found.plainly) == set(NODES) or "veryone" in found.plainly, found.plainly
        assert re.search("Wait|Start|Repair|Bring|To bring", found.text().partition("now\n")[2])
        assert re.search(r"A rule that can\s+lead\s+here is", found.text(verbose=True))
    assert count > 300


@pytest.mark.parametrize(("left", "right", "happened", "todo"), [
    ("Failing Over / Critical Service Down", "Taking Over / Critical Service Down",
     "node2 is taking over the users of node1. ", "Wait: this goes on by itself."),
    ("", "Taking Over / Peer Down",
     "node2 is taking over the users of node1; node1 shows nothing: it does not run, or cannot be ",
     "Bring node1 back: host, network and recovery manager; then read the status again."),
    ("Backup Activated / Initialization", "Failed / Unknown",
     "Everyone is moving to node1; node2 has failed. ", "Wait: this goes on by itself."),
    ("Initializing / Initialization",
     "Failed Over with Critical Services Not Running / Initialization",
     "node1 is starting; node2 had failed over, and its critical services do not run. ",
     "Start the critical services of node2, or repair its database, if they do not run; "),
    ("Initializing / Initialization",
     "Failed Over with Critical Services Not Running / Database Failure",
     "node1 is starting; ", "Repair the database of node2; then read the status again."),
])
def test_what_is_on_the_way(left: str, right: str, happened: str, todo: str) -> None:
    found = asked(left, right)
    assert found.row is None
    said = " ".join(found.text().split())
    assert happened in said
    assert f"What to do now - {todo}" in said


# ------------------------------------------------------- no node is named that nobody knows


def test_only_rows_that_name_a_node_of_two_like_ones_have_words_without_it() -> None:
    """A row whose display is its own mirror must not name one of its nodes alone."""
    for s in PRG.model.situations:
        same = s.display == s.display.mirrored()
        one_sided = len(nodes_in(s.cause)) == 1 or any(
            len(nodes_in(a.says)) == 1 for a in s.advice)
        assert bool(s.either) == (same and one_sided), s.row
        assert bool(s.either) == (s.row in MIRRORED)
        for said in (s.either, *(a.either for a in s.advice)):
            assert not nodes_in(said)
        if s.either:
            assert all(a.either or not nodes_in(a.says) for a in s.advice), s.row
    assert not [f.id for f in PRG.model.families if nodes_in(f.says + f.advice)]


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: "-".join(v for _, v in m.model.policy))
def test_two_nodes_that_show_the_same_are_told_the_same(machine: Machine) -> None:
    """The kind: a display that is its own mirror names both nodes, or neither."""
    for found in told(machine):
        if found.display == found.display.mirrored():
            for said in (found.plainly or found.cause, *found.actions):
                assert len(nodes_in(said)) != 1, (found.display, said)
            _, _, text = found.text().partition("\n\n")
            assert len(nodes_in(text)) != 1, text


CRITICAL = ("Failed / Critical Service Down",) * 2
START = ("Failed / Start of Critical Services Failed",) * 2


@pytest.mark.parametrize(("shown", "sick"), [(CRITICAL, "node1"), (CRITICAL, "node2"),
                                             (START, "node1"), (START, "node2")])
def test_what_is_known_of_the_services_names_the_node(shown: tuple[str, str], sick: str) -> None:
    well = "node2" if sick == "node1" else "node1"
    found = asked(*shown, **{f"{sick}_services": "down", f"{well}_services": "up"})
    assert found.seat == ("node1" if (shown is START) == (sick == "node1") else "node2")
    assert nodes_in(found.cause) == {sick}
    assert nodes_in(" ".join(found.actions)) == {sick}
    assert found.plan is not None
    assert found.plan.events[:2] == (f"services_up({sick})", "recover")
    assert len(found.text(HOSTS, GROUP).splitlines()) < 20


@pytest.mark.parametrize("known", [
    {}, {"node1_services": "up"}, {"node1_services": "up", "node2_services": "up"},
    {"node1_services": "down", "node2_services": "down"}, {"link": "up"},
])
@pytest.mark.parametrize("shown", [CRITICAL, START])
def test_what_does_not_decide_names_nobody(shown: tuple[str, str], known: dict[str, str]) -> None:
    if shown is START and len(known) == 1 and "node1_services" in known:
        known = {"node1_database": "up"}
    found = asked(*shown, **known)
    assert found.row in MIRRORED
    assert "The display does not say which node" in found.cause
    assert not nodes_in(" ".join(found.actions))
    assert found.actions[0].startswith("Step 1: look on both nodes")


def test_a_held_service_says_which_node_was_idle() -> None:
    """Only a manual failover holds services: their node was not the backup (row 15)."""
    found = asked(*CRITICAL, node1_services="stopped", node2_services="down")
    assert "went down on node2, the backup" in found.cause
    other = asked(*CRITICAL, node2_services="stopped", node1_services="down")
    assert "went down on node1, the backup" in other.cause


def test_a_whole_pair_names_the_node_by_its_plan() -> None:
    """With every column given, the advice and the plan are about one node."""
    assert PRG.atlas is not None
    states = {"node1.state": "running_in_failed_mode", "node2.state": "running_in_failed_mode"}
    seen = 0
    for shown in (CRITICAL, START):
        pairs = denoted(PRG, Display(*map(parse_shown, shown)))
        for pair in pairs.distinct([f"{n}.{c}" for n in NODES for c in ("services", "database")]):
            assert states.items() <= dict(pair).items()
            found = explain(PRG, pair)
            assert found.plan is not None
            named = nodes_in(" ".join(found.plan.events[:1]))
            if len(nodes_in(" ".join(found.actions))) == 1 and named:
                assert named == nodes_in(" ".join(found.actions)), dict(pair)
                seen += 1
    assert seen > 2


# ------------------------------------------------------------- what the document prints wrong


def test_what_the_document_prints_for_row_23_is_row_23() -> None:
    one, two = "Backup Activated / Auto Recover Database Failure", (
        "Failover Affected Services / Auto Recover Critical Service Down")
    found = asked(one, two)
    assert (found.row, found.seat, found.broken) == ("23", "node1", ())
    assert "The document prints Auto Recover Database Failure in this row" in found.cause
    assert found.text().startswith(f"node1  {one}\nnode2  {two}\n")
    other = asked(two, one)
    assert (other.row, other.seat, other.broken) == ("23", "node2", ())
    assert "went down on node1, the backup" in other.cause
    right = asked("Backup Activated / Auto Recover Critical Service Down", two)
    assert right.row == "23"
    assert "document prints" not in right.cause
    assert found.to_json()["plan"] == right.to_json()["plan"]


def test_the_other_way_round_is_not_printed() -> None:
    found = asked("Backup Activated / Auto Recover Critical Service Down",
                  "Failover Affected Services / Auto Recover Database Failure")
    assert found.row is None
    assert "states and reasons should never be seen together" in " ".join(found.text().split())


def test_every_misprint_reads_as_its_row() -> None:
    """A misprint is another spelling of the same words, or a display that nothing else shows."""
    for s in PRG.model.situations:
        if s.printed is None:
            halves = [spell(half).split(" / ") if half else [""] for half in s.display]
            said = [[s.literal if word == s.corrected else word for word in half] for half in halves]
            read = (parse_shown(f"{' / '.join(half)}{' /' * (half == ['Unknown'])}") for half in said)
            assert Display(*read) == s.display, s.row
            continue
        for shown in (s.printed, s.printed.mirrored()):
            assert misprint(PRG, shown) == (s, shown != s.printed)
            assert all(shown not in displays(machine) for machine in MACHINES)
            assert explain_display(PRG, *shown).row == s.row
    assert [s.row for s in PRG.model.situations if s.printed] == ["23"]


# ---------------------------------------------------------------------- Unknown, and outages


OTHERS = [Shown(state) for state in State if state != State.UNKNOWN]


@pytest.mark.parametrize("other", [*OTHERS, None], ids=lambda s: s.state if s else "nothing")
@pytest.mark.parametrize("reason", [None, Reason.NONE, Reason.INITIALIZATION])
@pytest.mark.parametrize("seat", [1, -1])
def test_unknown_beside_anything_is_restarted(
    other: Shown | None, reason: Reason | None, seat: int
) -> None:
    shown = (Shown(State.UNKNOWN, reason), other)[::seat]
    found = explain_display(PRG, *shown)
    assert re.search(r"[Rr]estart the recovery manager", found.actions[0]), found.actions
    assert "row 24" in found.actions[0]
    if other:
        text = " ".join(found.text().split())
        assert f"The state of node{1 if seat == 1 else 2} is not known" in text
        assert "These two states should never be seen together." in text
        assert "On offer" not in text


@pytest.mark.parametrize(("left", "right", "twice"), [
    ("backup mode / peer down", "backup mode / peer down", "every user"),
    ("backup mode", "backup mode", "every user"), ("normal", "backup mode / peer down", "users"),
    ("backup mode", "taking over", "users"), ("backup activated", "backup mode", "users"),
    ("backup mode", "falling back / peer down", ""), ("idle", "idle", ""),
    ("normal", "failed over", ""), ("taking back", "normal / normal", ""),
])
def test_two_states_that_are_never_together(left: str, right: str, twice: str) -> None:
    found = asked(left, right)
    assert found.broken or not found.pairs
    text = " ".join(found.text().split())
    assert "should never be seen together" in text
    assert (f"{twice} may be served twice." in text) == bool(twice)
    alone = re.search(r"Let one node serve|let only (one node|node1|node2) serve", text)
    assert bool(alone) == bool(twice)
    assert not JARGON.search(text)
    assert "On offer" not in text
    whole = found.text(verbose=True)
    assert all(i in whole for i in found.broken)
    assert "assumption of the proof has failed" in " ".join(whole.split()) or not found.broken


# ------------------------------------------------------- advice and plan do not contradict

SAID = {
    "recover": r"Recover", "fallback": r"fallback", "enable_ha": r"enable (high|it)",
    "manager_stop": r"[Rr]estart",
    "manager_start": r"[Rr]estart|[Ss]tart|[Bb]ring|[Pp]ower up|[Rr]epair",
    "power_on": r"[Bb]ring|[Pp]ower up|[Rr]epair", "services_up": r"services|[Rr]epair|[Bb]ring",
    "database_up": r"database|[Rr]epair|[Bb]ring|reboot", "link_repair": r"network|[Bb]ring|[Rr]epair",
}
"""What advice must mention if the plan beside it has an event; `disable_ha` is in no advice."""


def turned(events: tuple[str, ...], *, mirrored: bool) -> tuple[str, ...]:
    return tuple(mirror_name(e) if mirrored else e for e in events)


@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: "-".join(v for _, v in m.model.policy))
def test_a_plan_is_the_advice_carried_through(machine: Machine) -> None:
    rows = {s.row: s for s in machine.model.situations}
    checked = 0
    for found in told(machine):
        assert found.plan is not None, found.display
        assert machine.holds(machine.model.goal[0], found.plan.end), found.display
        asks = tuple(e for e in found.plan.events if not by_itself(machine, e))
        row = rows.get(found.row or "") or rows.get((found.rows and found.nearest) or "")
        if row and row.advice:
            assert asks in {turned(a.events, mirrored=side) for a in row.advice if not a.defect
                            for side in (False, True)}, (found.display, asks)
            checked += 1
        elif found.actions:
            said = " ".join(found.actions)
            for event in asks:
                assert re.search(SAID[event.partition("(")[0]], said), (found.display, asks, said)
            checked += 1
        elif found.row != "1":
            assert "disable_ha" not in asks, (found.display, asks)
    assert checked > 100


FAULTS = {Reason.CRITICAL_SERVICE_DOWN: "services_up", Reason.DATABASE_FAILURE: "database_up"}


def test_a_plan_repairs_what_the_reason_names() -> None:
    """Until now a plan repaired the database of a node that shows Critical Service Down."""
    repaired = set()
    for found in told(PRG):
        events = {*(found.plan.events if found.plan else ())}
        for node, half in zip(NODES, found.display or (), strict=False):
            if half and half.reason in FAULTS:
                named = f"{FAULTS[half.reason]}({node})"
                repairs = events & {f"{repair}({node})" for repair in FAULTS.values()}
                assert not repairs or named in repairs or f"power_on({node})" in events, found.display
                repaired |= repairs
    assert len(repaired) == 4


@pytest.mark.parametrize(("left", "right", "plan"), [
    ("Unknown", "Unknown", ["manager_stop(node1)", "manager_start(node1)", "manager_stop(node2)",
                            "manager_start(node2)"]),
    ("", "Failed / Unknown", ["manager_start(node1)", "recover"]),
    ("Failed / Database Failure", "", ["manager_start(node2)", "recover"]),
    ("Failed / Critical Service Down", "Taking Over / Peer Down", ["recover"]),
    ("Unknown / Initialization", "Unknown /", ["manager_stop(node2)", "manager_start(node2)"]),
    ("", "Unknown / High Availability Not Enabled", ["manager_start(node1)", "enable_ha"]),
])
def test_the_plan_beside_an_advice(left: str, right: str, plan: list[str]) -> None:
    """Until now each of these was told to disable high availability, and enable it again."""
    found = asked(left, right)
    assert found.plan is not None
    assert [e for e in found.plan.events if not by_itself(PRG, e)] == plan


# --------------------------------------------------------------------------- other machines


def test_a_machine_without_an_atlas_is_told_alike() -> None:
    free = Machine(PRG.model)
    assert free.atlas is None
    for row in ("2", "11a", "12", "14", "22", "23"):
        known = {"link": "up"} if row in ("2", "22", "23") else {}
        shown = BY_ROW[row].display
        mine, ours = (explain_display(m, *shown, known) for m in (free, PRG))
        assert (mine.row, mine.cause, mine.actions) == (ours.row, ours.cause, ours.actions)
        assert len(mine.text(HOSTS, GROUP).splitlines()) < 20


@pytest.mark.parametrize(("model", "lines"), [
    (MACHINE, ["left  state standby, lease no, host on, hears yes",
               "right  state standby, lease no, host on, hears yes", ""]),
    (TURNSTILE, ["On offer", "  coin"]),
], ids=["nodes with columns", "no node"])
def test_a_machine_without_states_of_the_document_shows_the_columns_of_its_nodes(model, lines):
    machine = Machine(model)
    said = explain(machine, machine.initial[0]).text(("left", "right"))
    assert said.splitlines()[:len(lines)] == lines


def test_an_operator_s_way_knows_every_repair_of_the_machine_and_only_events_that_exist() -> None:
    kinds = {e.name.partition("(")[0]: e.kind for e in PRG.model.events}
    assert set(_REPAIRS) == {name for name, kind in kinds.items() if kind is Kind.REPAIR}
    assert set(_THEN) <= kinds.keys()
