"""Status texts: every shape of one is read, any text is, and every display is explained at once."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from prgcore import PRG
from prgcore.cli import main
from prgcore.engine import Pair
from prgcore.explain.display import denoted, display_of, spell
from prgcore.explain.explaining import explain_display
from prgcore.explain.plan import plan
from prgcore.explain.status import (
    LONGEST,
    PRODUCT,
    GroupStatus,
    NodeStatus,
    Status,
    parse,
    write,
)
from prgcore.explain.status.cleaning import lines_of
from prgcore.model import Cube, Display, Shown
from prgcore.seats import NODES
from prgcore.vocabulary import Reason, State

OUTAGE = Path(__file__).parent.parent / "examples" / "status.txt"
LINE_END = r"\r{0,2}\n|\r"
RECORD = [f"{node}.{what}" for node in NODES for what in ("state", "reason")]
PAIRS = [
    Pair(PRG, values)
    for values in PRG.atlas.everything.distinct([*RECORD, *(f"{n}.process" for n in NODES)])
]
DISPLAYS: list[Display] = sorted({display_of(PRG, pair) for pair in PAIRS}, key=str)
"""What an administrator can see: every record, and every record with nodes that show nothing."""


def group(display: Display, name: str = "7", hosts: tuple[str, str] = ("10.0.0.1", "10.0.0.2")):
    return GroupStatus(name, tuple(
        NodeStatus(host, *(shown or (None, None))) for host, shown in zip(hosts, display, strict=True)
    ))


def as_printed(display: Display) -> Display:
    """The product prints no reason of a Normal node, and none that is blank."""
    one, two = (
        shown and (shown[0], None if shown[1] in (Reason.NORMAL, Reason.NONE) else shown[1])
        for shown in display
    )
    return one, two


def told(status: Status) -> list[str]:
    """A status as `group: host State / Reason, host nothing`, a line each."""
    return [
        f"{g.name}: " + ", ".join(f"{n.name} {spell(n.shown)}" + "".join(f" ?{s}" for s in n.strange)
                                  for n in g.nodes)
        for g in status.groups
    ]


# ---------------------------------------------------------------------------- shapes

NORMAL = "G: a Normal, b Normal"
TAKING = "G: a Failing Over / On Admin Request, b Taking Over / On Admin Request"
BACKUP = ("G: a Failed Over / Critical Service Down, "
          "b Running in Backup Mode / Critical Service Down")
SHAPES = {
    "one line a node": (
        "Subcluster Name: G\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n",
        [NORMAL]),
    "blocks with tabs": (
        ("Subcluster Name: G\n\tName: a\n\tState: Normal\n\tReason: \n"
        "\tName: b\n\tState: Normal\n\tReason: \n"), [NORMAL]),
    "value below its label": (
        ("Subcluster Name:\nG\nNode 1 Name :\n  a\nState:\n  Failed Over\nReason:\n"
        "  Critical Service Down\nNode 2 Name : b State: Backup Mode Reason: \n"
        "\nCritical Service Down\n"), [BACKUP]),
    "a long state, wrapped": (
        ("Subcluster Name: G\nNode 1 Name : a State: Failed Over with Critical\n"
        "   Services not\tRunning Reason: Peer Down During\nInitialization\n"
        "Node 2 Name : b State: Running in\nBackup Mode Reason: Peer Down\n"),
        [("G: a Failed Over with Critical Services Not Running / Peer Down During "
         "Initialization, b Running in Backup Mode / Peer Down")]),
    "no reason": (
        "Subcluster Name: G\nNode 1 Name : a State: Failed\nNode 2 Name : b State: Failed\n",
        ["G: a Running in Failed Mode, b Running in Failed Mode"]),
    "the answer of a failover": (
        ("Initiate Manual Failover for Node > a\nRequest SUCCESSFUL.\nSubcluster Name: G\n"
        "Node 1 Name : a State: Failover Reason: On Admin Request\n"
        "Node 2 Name : b State: Taking Over Reason: On Admin Request\n"), [TAKING]),
    "other spellings": (
        ("Subcluster Name: G\nNode 1 Name : a State: failed over Reason: Critical Services Down\n"
        "Node 2 Name : b State: BACKUP MODE Reason: critical_service_down\n"), [BACKUP]),
    "the table's own full stop": (
        ("Node 1 Name : a State: Backup Activated Reason: Auto Recover Database Failure\n"
        "Node 2 Name : b State: Failover Affected Services Reason: Auto Recovery Database "
        "Failure.\n"),
        [(": a Backup Activated / Auto Recover Database Failure, "
         "b Failover Affected Services / Auto Recover Database Failure")]),
    "prompts and carriage returns": (
        ("admin:utils ha status\r\r\nSubcluster Name: G\r\nNode 1 Name : a State: Failed Over\r\r\n"
        "Reason:\r\r\nCritical Service Down\rNode 2 Name : b State: Backup Mode\r"
        "Reason: Critical Service Down\r\nadmin:"), [BACKUP]),
    "a page header, a rule and a signature": (
        ("Page 1 of 2\n-----------\nSubcluster Name: G\nNode 1 Name : a State: Normal\n----\n"
        "Node 2 Name : b State: Normal\n====\nregards, Jo\n"), [NORMAL]),
    "spaces of a web page": (
        ("Subcluster\u00a0Name\u00a0: G\u2028Node\u00a01\u00a0Name\u00a0: a\u00a0State\u00a0:\u2003"
        "Normal\nNode 2 Name\u3000: b State: Normal\f\n"), [NORMAL]),
    "quoted in a mail": (
        "> Subcluster Name: G\n> Node 1 Name : a State: Normal\n> Node 2 Name : b State:\n> Normal\n",
        [NORMAL]),
    "stamped by a log": (
        "09:14:01 Node 1 Name : a State: Normal\n09:14:02 Node 2 Name : b State: Normal\n",
        [": a Normal, b Normal"]),
    "several groups": (
        ("Subcluster Name: G\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n\n"
        "Presence Redundancy Group: H\nName: c\nState: Normal\nName: d\nState: Idle\n"
        "Subcluster Name:\nNode 1 Name : e State: Normal\n"),
        [NORMAL, "H: c Normal, d Idle", ": e Normal"]),
    "a node that shows nothing": (
        ("Subcluster Name: G\nNode 1 Name : a\nNode 2 Name : b State: Backup Mode Reason: Peer Down\n"
        "Subcluster Name: H\nNode 1 Name : c State: Normal\nNode 2 Name : d State: -\n"),
        ["G: a shows nothing, b Running in Backup Mode / Peer Down", "H: c Normal, d shows nothing"]),
    "hosts without a name": ("State: Normal\nState: n/a\n", [":  Normal,  shows nothing"]),
    "marks in the place of a reason": (
        "Node 1 Name : a State: Unknown Reason: (none)\nNode 2 Name : b State: Unknown Reason: --\n",
        [": a Unknown, b Unknown"]),
    "names that end like a label": (
        "Subcluster Name: node\nNode 1 Name : imp-node State: Normal\nNode 2 Name : state State: Idle\n",
        ["node: imp-node Normal, state Idle"]),
    "names of other things": (
        ("Host Name : console\nUser name: jo\nName: a\nState: Normal\nName: b\nState: Normal\n"
        "Domain name: example.com\n"), [": a Normal, b Normal"]),
    "words that are none": (
        "Node 1 Name : a State: Nromal Reason: Peer Dwn\nNode 2 Name : b State: 正常\n",
        [": a shows nothing ?Nromal ?Peer Dwn, b shows nothing ?正常"]),
    "words that are none, of hosts without a name": (
        "State: Nromal\nState: Normal Reason: 正常\n", [":  shows nothing ?Nromal,  Normal ?正常"]),
    "a state that begins like another": (
        "Node 1 Name : a State: Failed\nOver\nNode 2 Name : b State: Failover\n  Affected Services\n",
        [": a Failed Over, b Failover Affected Services"]),
    "a label whose colon is elsewhere": ("Name\n: a\nState\n: Normal\nThe state of the art\n", []),
    "nothing": ("", []),
}


@pytest.mark.parametrize(("text", "expected"), SHAPES.values(), ids=SHAPES)
def test_a_shape_of_the_field(text, expected):
    assert told(parse(text)) == expected


def test_the_lines_of_an_outage_are_accounted_for():
    status = parse(OUTAGE.read_text(encoding="utf-8"))
    assert told(status) == [
        ("Headquarters: imp1.example.com Failed Over with Critical Services Not Running / Critical "
        "Service Down, imp2.example.com Running in Backup Mode / Critical Service Down"),
        ("Branches: "
        "imp3.example.com Running in Failed Mode / Cisco Server Recovery Manager Take Over Users "
        "Failed, "
        "imp4.example.com Running in Failed Mode / Cisco Server Recovery Manager Take Over Users "
        "Failed"),
    ]
    assert status.understood == (6, 7, 8, 9, 10, *range(12, 19))
    assert status.ignored == (1, 2, 11, 20)


def test_only_what_says_something_is_understood():
    status = parse("admin:\nHost Name : c\nNode 1 Name : a State: Normal\n-----\nReason:\n第二ページ\n")
    assert told(status) == [": a Normal"]
    assert (status.understood, status.ignored) == ((3, 5), (2, 4, 6))


def test_what_is_too_long_is_cut_and_what_is_too_much_is_left():
    status = parse(f"Node 1 Name : {'x' * 300} State: Normal\n" + "Reason: because\n" * 50)
    (node,) = status.groups[0].nodes
    assert node.name == "x" * LONGEST
    assert node.strange == ("because",), "a node has one reason"
    assert status.understood == (1, 2)
    assert status.ignored == tuple(range(3, 52))


# ---------------------------------------------------------------------------- any text

PIECES = (
    "Node 1 Name : ", "Node 2", "Name:", "name :", "node", "State:", "state", "Reason:", "reason",
    "Subcluster Name:", "Presence Redundancy Group", "group:", ":", " ", "\t", "\n", "\r", "\r\n",
    "\r\r\n", "admin:", "admin:utils ha status", "Normal", "Failed", "Over", "with Critical",
    "Backup Mode", "Peer Down", "-", "none", "\u00a0", "\u2028", "x" * 250, "状", "\0", "\x1b[0m",
)


@settings(max_examples=250, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
@example("Reason:\n第二ページ\n")
@example("Name:\n\nState:\n\n\n\n\nNormal")
def test_any_text_is_read_and_every_line_is_accounted_for(text):
    status = parse(text)
    lines = dict(enumerate(lines_of(text), 1))
    assert len(lines) == len(re.split(LINE_END, text))
    said = {n for n, line in lines.items() if line.strip()}
    prompts = {n for n in said if re.match(r"\s*admin:", lines[n], re.IGNORECASE)}
    understood, ignored = set(status.understood), set(status.ignored)
    assert not understood & ignored
    assert said - prompts <= understood | ignored <= lines.keys()
    assert ignored <= said - prompts
    assert list(status.understood) == sorted(understood)
    assert list(status.ignored) == sorted(ignored)
    for one in status.groups:
        assert one.nodes
        assert (one.display is None) == (len(one.nodes) != 2 or bool(one.remark))
        assert one.remark or len(one.nodes) <= 2
    assert parse(text) == status


@pytest.mark.parametrize(("unit", "groups"), [
    ("group" + " " * 999_990, 0), ("presence" + " " * 499_990, 0), ("node" + " " * 4_000, 0),
    (" " * 1_999 + "admi\n", 0), ("state:" + " " * 2_000 + "\r", 0),
    ("state: normal" + " " * 2_000 + "\r", 1), ("reason: " + "x " * 96, 0),
    ("node 1 : state: normal" + " " * 480, 1),
], ids=lambda value: repr(value)[:30])
def test_two_megabytes_of_anything_are_read(unit, groups):
    """Each would take minutes if the time grew with the square of the length."""
    assert len(parse(unit * (2_000_000 // len(unit))).groups) == groups


@pytest.mark.parametrize(("unit", "groups"), [
    ("node 1 : a state: normal\n", 1), ("subcluster name: a\nnode 1 : state: normal\n", 4_761),
    ("state: no\nrmal\n", 1), ("a\tnormal\n", 0), ("a\tbackup mode\n", 1), ("server\tstate\n", 0),
    ("server\tstate\nx\ty\n", 0), ("server,state\na,normal\n", 1),
    ('{"state": "normal", "no": 1}\n', 1), ('{"status": "idle", "name": "a"}\n', 0), ("a | idle\n", 0),
    ("[", 0), ("[\n", 0), ('{"a":', 0), ("[1,\n", 0),
    ("\x1b[", 0), ("\x1b[1m", 0), ("a\b", 0), (">", 0), ("state: failed\no\n", 1),
    ("node 1 name : a  sta\n", 1), ("x state: ", 0), ("name: a b state: normal ", 0),
], ids=lambda value: repr(value)[:30])
def test_much_of_anything_is_read(unit, groups):
    """Each would take long if the time grew with the square of the length."""
    assert len(parse(unit * (200_000 // len(unit))).groups) == groups


# ---------------------------------------------------------------------- writing it back


def test_every_display_is_written_and_read_back():
    assert len({tuple(pair[name] for name in RECORD) for pair in PAIRS}) == 694
    for display in DISPLAYS:
        status = parse(write(group(display)))
        assert status.groups == (group(as_printed(display)),)
        assert (status.understood, status.ignored) == ((1, 2, 3), ())


NOISE = ("", "   ", "admin:", "admin: utils ha status", "page 2 of 3", "----------", "*** 14:02 ***",
         "Request SUCCESSFUL.", "a failed call, the state of which is normal", "状")
SPACES = (" ", "   ", "\t", " \t ", "\u00a0")
CASES = (str, str.upper, str.lower, str.swapcase, str.title)


@st.composite
def disturbed(draw):
    """A group as it was written, and the text with other spaces, case, line ends and noise."""
    display = draw(st.sampled_from(DISPLAYS))
    lines = []
    for line in write(group(display)).splitlines():
        lines += [*draw(st.lists(st.sampled_from(NOISE), max_size=2)), line]
    lines += draw(st.lists(st.sampled_from(NOISE), max_size=2))
    text = draw(st.sampled_from(CASES))("\n".join(lines))
    spaces = draw(st.permutations(SPACES))
    text = re.sub(r" ", lambda match: spaces[match.start() % len(spaces)], text)
    if draw(st.booleans()):
        text = re.sub(r"(?i)((?:state|reason|name\s*):)[^\S\n]+(?=\S)", r"\1\n\t", text)
    return display, text.replace("\n", draw(st.sampled_from(("\n", "\r\n", "\r", "\r\r\n"))))


@settings(max_examples=120, deadline=None)
@given(disturbed())
def test_what_is_around_and_between_does_not_matter(case):
    display, text = case
    assert parse(text).groups == (group(as_printed(display)),)


def test_the_product_has_its_own_words_for_two_states():
    assert set(PRODUCT.values()) == {"Failover", "Failed"}
    written = write(group((Shown(State.FAILING_OVER, Reason.ON_ADMIN_REQUEST), None)))
    assert written == ("Subcluster Name: 7\n"
                       "Node 1 Name : 10.0.0.1 State: Failover Reason: On Admin Request\n"
                       "Node 2 Name : 10.0.0.2 State:\n")


# ----------------------------------------------------------------------- explained


@pytest.fixture
def explain(monkeypatch, capsys):
    """`prgcore explain` of a text on standard input, in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def call(text, *words):
        data = text.encode(errors="surrogateescape")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main(["explain", "-", *words])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.mark.parametrize("seat", NODES)
def test_every_row_is_recognised_by_what_the_product_prints(explain, seat):
    situations = PRG.model.situations
    assert len(situations) == 26
    turn = 1 if seat == "node1" else -1
    text = "".join(
        write(group(s.display[::turn], s.row)) + "\n" for s in situations)
    answer = explain(text, "--json")
    assert answer.code == 0
    found = json.loads(answer.out)["groups"]
    assert [g["group"] for g in found] == [s.row for s in situations]
    assert [g["explanation"]["rows"] for g in found] == [[s.row] for s in situations]
    blank = {"24"}  # its reasons are blank, and so are any
    assert [g["explanation"]["row"] for g in found] == [
        None if s.row in blank else s.row for s in situations]
    seats = [
        "node1" if s.display == s.display.mirrored() else seat
        for s in situations
    ]
    assert [g["explanation"]["seat"] for g in found] == seats


def test_no_question_about_a_display_searches(monkeypatch):
    def searched(*_, **__):
        raise AssertionError("BUG: searched at run time")

    monkeypatch.setattr("prgcore.explain.plan._search", searched)
    for module in ("display", "explaining"):
        monkeypatch.setattr(f"prgcore.explain.{module}.candidates", searched)
    for display in DISPLAYS:
        pairs = denoted(PRG, display)
        assert len(pairs)
        assert PRG.holds(PRG.model.goal[0], plan(PRG, pairs.cheapest({}, [Cube()])[0]).end)
    for display in DISPLAYS:
        if str(display) > str(display[::-1]):
            continue  # the machine is the same from both seats
        answer = explain_display(PRG, *display)
        assert answer.pairs
        assert answer.plan is not None
        assert answer.cause


def test_the_answer_about_an_outage_in_json(explain):
    answer = explain(OUTAGE.read_text(encoding="utf-8"), "--json")
    said = json.loads(answer.out)
    assert (answer.code, answer.err) == (0, "")
    assert list(said) == ["groups", "understood", "ignored"]
    assert said["ignored"] == [1, 2, 11, 20]
    first, second = said["groups"]
    assert list(first) == ["group", "nodes", "explanation"]
    assert first["nodes"] == [
        {"name": "imp1.example.com", "state": "failed_over_with_critical_services_not_running",
         "reason": "critical_service_down", "strange": []},
        {"name": "imp2.example.com", "state": "running_in_backup_mode",
         "reason": "critical_service_down", "strange": []},
    ]
    assert list(first["explanation"]) == [
        "row", "rows", "seat", "cause", "actions", "available", "maybe", "refused", "plan",
        "assuming", "broken"]
    assert (first["explanation"]["row"], second["explanation"]["row"]) == ("12", "19")
    assert first["explanation"]["plan"] == [
        "services_up(node1)", "fallback(node1)", "takeback_done(node1)"]


def test_the_answer_about_an_outage_for_people(explain):
    answer = explain(OUTAGE.read_text(encoding="utf-8"))
    assert answer.code == 0
    assert answer.out.startswith(
        "2 groups\n"
        "  Headquarters: Failed Over with Critical Services Not Running and Running in\n"
        "    Backup Mode (row 12)\n"
        "  Branches: Both Running in Failed Mode / Cisco Server Recovery Manager Take\n"
        "    Over Users Failed (row 19)\n\n"
        "Group Headquarters\nimp1.example.com  Failed Over with ")
    assert "start the critical services of imp1 by hand" in answer.out
    first_page = answer.out.partition("Group Branches")[0].partition("Group Headquarters")[2]
    assert first_page.splitlines().index("What to do now") < 10
    assert "\nGroup Branches\n" in answer.out
    assert "\n  utils ha recover Branches, if both nodes hear each other\n" in answer.out
    assert answer.out.endswith("\n\nNot understood: lines 1, 2, 11, 20.\n")
    assert max(map(len, answer.out.splitlines())) <= 80


def test_the_commands_that_the_product_would_take(explain):
    fallen = write(group((Shown(State.FAILED_OVER, None), Shown(State.RUNNING_IN_BACKUP_MODE, None)), "S"))
    assert "\n  utils ha fallback 10.0.0.1, if both nodes hear each" in explain(fallen).out
    assert "\n  utils ha fallback 10.0.0.1: accepted if 10.0.0.1.hears" in explain(fallen, "-v").out
    both = write(group((Shown(State.NORMAL, None), Shown(State.NORMAL, None)), "S"))
    assert "\n  utils ha failover 10.0.0.2, if the critical services and" in explain(both).out
    assert "utils ha recover" not in explain(both).out
    assert "\n  utils ha recover S: refused. " in explain(both, "--verbose").out
    assert "utils ha" not in explain("State: Normal\nState: Normal\n", "-v").out


def test_hosts_that_are_called_like_seats_are_not_mixed_up(explain):
    text = ("Node 1 Name : node2 State: Idle Reason: On Admin Request\n"
            "Node 2 Name : node1 State: Running in Backup Mode Reason: On Admin Request\n")
    answer = explain(text, "--verbose").out
    assert answer.startswith("node2  Idle / On Admin Request\nnode1  Running in Backup Mode")
    assert "\n  utils ha fallback node2: accepted if node2.database is up, node2" in answer
    assert "\n  utils ha fallback node1: refused. node1 is Running in Backup Mode" in answer


@pytest.mark.parametrize("situation", PRG.model.situations, ids=lambda s: s.row)
def test_what_to_do_is_within_the_first_ten_lines(situation):
    answer = explain_display(PRG, *situation.display)
    assert "What to do now" in answer.text(["cup1", "cup2"]).splitlines()[:10]


def test_set_narrows_a_status_text(explain):
    text = write(group((Shown(State.FAILED_OVER, None), Shown(State.RUNNING_IN_BACKUP_MODE, None))))
    answer = json.loads(explain(text, "--json", "--set", "node1.hears_peer=no").out)
    assert "fallback(node1)" in answer["groups"][0]["explanation"]["refused"]


def test_a_file_may_be_named_in_two_ways(capsys, tmp_path):
    said = []
    for words in ((str(OUTAGE),), ("--file", str(OUTAGE))):
        assert main(["explain", *words]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert main(["explain", str(OUTAGE), "--file", str(OUTAGE)]) == 2
    assert "--file does not go with PAIR" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "said"), [
    ("Node 1 Name : a State: Nromal\nNode 2 Name : b State: Normal\n",
     "unknown state 'Nromal'; did you mean Normal?"),
    ("Node 1 Name : a\ufffd State: Nothere\nNode 2 Name : b State: \x1b[31m\n", "a\ufffd 'Nothere'"),
    ("Node 1 Name : a State: " + "very " * 60 + "\nNode 2 Name : b State: Normal\n",
     "unknown state"),
    ("Node 1 Name : a State: Bad\nNode 2 Name : b State: Bad\n", "unknown state 'Bad'; "),
])
def test_a_group_that_cannot_be_explained_says_why_and_the_others_are(explain, text, said):
    good = write(group((Shown(State.NORMAL, None), Shown(State.NORMAL, None)), "Good"))
    answer = explain(text + good)
    assert (answer.code, answer.err) == (1, "")
    bad, _, rest = answer.out.partition("Group Good")
    assert "Row 1 of Table 2" in rest
    assert bad.count("\nNot explained: ") == 1
    assert " ".join(bad.split()).count(said) >= 1
    assert bad.count("unknown state 'Bad'") <= 1
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "\x1b" not in answer.out
    told_ = json.loads(explain(text + good, "--json").out)["groups"]
    assert [sorted(g) for g in told_] == [
        ["error", "group", "nodes"], ["explanation", "group", "nodes"]]


def test_a_strange_reason_is_any_reason(explain):
    answer = explain(
        "Node 1 Name : a State: Normal\nNode 2 Name : b State: Normal Reason: Peer Dwn\n")
    assert answer.code == 0
    assert "Row 1 of Table 2" in answer.out
    assert "Not understood: unknown reason 'Peer Dwn'; did you mean Peer Down" in answer.out


def test_a_group_of_one_node_is_not_explained(explain):
    answer = explain("Node 1 Name : a State: Normal\n")
    assert answer.code == 1
    assert "high availability needs two" in " ".join(answer.out.split())


def test_nodes_sit_by_their_numbers(explain):
    lone = explain("Node 2 Name : b State: Running in Backup Mode Reason: Peer Reboot\n").out
    assert lone.startswith("node1  shows nothing\nb  Running in Backup Mode / Peer Reboot\n\n")
    lone = explain("Node 1 Name : a State: Running in Backup Mode Reason: Peer Reboot\n").out
    assert lone.startswith("a  Running in Backup Mode / Peer Reboot\nnode2  shows nothing\n\n")
    assert "(Row 17 of Table 2.)" in " ".join(lone.split())
    turned = explain("Node 2 Name : b State: Idle\nNode 1 Name : a State: Running in Backup Mode\n")
    assert turned.out.startswith("a  Running in Backup Mode\nb  Idle\n")
    (twice,) = parse("Node 1 Name : a State: Idle\nNode 1 Name : c State: Normal\n").groups
    assert twice.remark == ("the text does not show two nodes of this group; the number 1 is there "
                            "more than once")


def test_a_status_text_in_the_encoding_of_another_system(capsys, tmp_path):
    file = tmp_path / "status.txt"
    text = write(group((Shown(State.NORMAL, None), Shown(State.NORMAL, None)), "Büro"))
    said = []
    for encoding in ("utf-8", "utf-16", "utf-8-sig"):
        file.write_bytes(text.encode(encoding))
        assert main(["explain", str(file)]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] == said[2]
    file.write_bytes(text.encode("latin-1"))
    assert main(["explain", str(file)]) == 0
    assert "Row 1 of Table 2" in capsys.readouterr().out


@pytest.mark.parametrize("command", [
    ("plan",), ("available",), ("users",), ("why-not", "recover"), ("step",),
])
def test_other_questions_read_a_status_text_of_one_group(capsys, tmp_path, command):
    file = tmp_path / "status.txt"
    file.write_text(write(group((Shown(State.NORMAL, None), Shown(State.NORMAL, None)), "S")))
    words = [*command, str(file)] if command != ("step",) else ["step", str(file), "recover"]
    assert main(words) == 0
    assert capsys.readouterr().out
    file.write_text(OUTAGE.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(words) == 2
    assert "the text shows 2 groups; expected one group" in capsys.readouterr().err


def test_a_state_file_is_explained_by_its_own_policies(capsys, tmp_path):
    file = tmp_path / "state.json"
    assert main(["ha", "init", "--state", str(file), "--policy", "reconnection=keep_serving"]) == 0
    wrong = json.loads(file.read_text()) | {"policy": {"reconnection": "never"}}
    capsys.readouterr()
    assert main(["explain", str(file)]) == 0
    file.write_text(json.dumps(wrong))
    assert main(["explain", str(file)]) == 2
    assert "unknown choice 'never'" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "words", "said"), [
    ("", (), "is empty; expected a JSON object, or what utils ha status prints"),
    ("\r\n \n", (), "is empty"),
    ("hello\nworld\n", (), "no status in 2 lines of text; expected what utils ha status prints"),
    ("hello", (), "or a pair as JSON; or type what both nodes show: --node1 'State / Reason'"),
    ("\udcff\udcfa", (), "no status in 1 line of text"),
    ("x" * 2_000_001, (), "2,000,001 characters, and at most 2,000,000 of a status text"),
    ("".join(f"Subcluster Name: {n}\nState: Normal\n" for n in range(501)), (),
     "501 groups in the text, and at most 500 are explained at once; give a part of it"),
    ("State: Normal\nState: Normal", ("--node1", "normal"),
     "a status text does not go with --node1"),
    ("State: Normal\nState: Normal", ("--set", "node9=up"), "--set: unknown column 'node9'"),
    ("State: Normal\nState: Normal", ("--machine", "-"), "cannot be both"),
])
def test_a_text_without_a_status_is_one_line(explain, text, words, said):
    answer = explain(text, *words)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("prgcore: ")
    assert answer.err.count("\n") == 1
    assert said in answer.err


@pytest.mark.parametrize(("text", "code"), [
    ("Node 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n", 0),
    ("Node 1 Name : a State: Idle\nNode 2 Name : b State: Backup Mode\n", 1),
    ("Node 1 Name : a State: Normal\nNode 2 Name : b State:\n", 1),
    ("Node 1 Name : a State: Normal\n", 1),
    (("Subcluster Name: G\nNode 1 Name : a State: Normal\nNode 2 Name : b State: Normal\n"
      "Subcluster Name: H\nNode 1 Name : c State: Failed\nNode 2 Name : d State: Failed\n"), 1),
    ("nothing of the kind\n", 2),
], ids=["home", "in failover", "one blank", "one node", "one of two groups", "no status"])
def test_a_cron_job_asks_whether_every_group_is_home(explain, text, code):
    assert explain(text, "--strict").code == code
    assert explain(text, "--strict", "--json").code == code
    assert explain(text).code == (code if text.count("State") == 1 or code != 1 else 0)
