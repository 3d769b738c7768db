"""Files of groups: every kind is read alike, and what is wrong with a row is said with its place."""

from __future__ import annotations

import csv
import io
import json
import random
import sys

import pytest

from prgcore import PRG
from prgcore.errors import BadInput
from prgcore.explain.explaining import explain_display
from prgcore.explain.status import GroupStatus, NodeStatus, parse, write
from prgcore.fleet import titles
from prgcore.fleet.classes import command_for, sort
from prgcore.fleet.reading import Reader, kind_of
from prgcore.form.spelling import renamed
from prgcore.machine import Machine
from prgcore.model import Display, Shown, cube
from prgcore.vocabulary import Reason, State, title
from tests.pages import ROOT
from tests.toys import TURNSTILE

OVER = Display(Shown(State.FAILED_OVER, Reason.INITIALIZATION),
               Shown(State.RUNNING_IN_BACKUP_MODE, Reason.CRITICAL_SERVICE_DOWN))
WELL = Display(Shown(State.NORMAL), Shown(State.NORMAL))
FAILED = Display(Shown(State.RUNNING_IN_FAILED_MODE), Shown(State.RUNNING_IN_FAILED_MODE))
COLUMNS = [f"{node}.{what}" for node in ("node1", "node2") for what in ("state", "reason")]


def read(data, file="groups.csv", engine=PRG):
    reader = Reader(engine)
    reader.add(file, data if isinstance(data, bytes) else data.encode())
    return reader.reading


def one(data, file="groups.csv"):
    """The only group of a file without faults."""
    found = read(data, file)
    assert found.bad == []
    (group,) = found.groups
    return group


def wrong(data, file="groups.csv"):
    """The only fault of a file."""
    (bad,) = read(data, file).bad
    return bad


def displays():
    """What two running nodes can show: state and reason of node1, then of node2."""
    running = cube({f"{node}.process": "running" for node in ("node1", "node2")})
    position = [PRG.position[name] for name in COLUMNS]
    return sorted({tuple(map(str, (values[at] for at in position)))
                   for values in PRG.atlas.within([running]).distinct(COLUMNS)})


# ------------------------------------------------------------------------- titles


@pytest.mark.parametrize("header", [
    "group,node1_state,node1_reason,node2_state,node2_reason",
    "Group,Node 1 State,Node 1 Reason,Node 2 State,Node 2 Reason",
    "Group Name,state1,reason1,state2,reason2",
    "PRG,State (Node 1),Reason (Node 1),State (Node 2),Reason (Node 2)",
    "Subcluster Name,node1.state,node1.reason,node2.state,node2.reason",
    "Presence Redundancy Group,node1State,node1Reason,node2State,node2Reason",
    "cluster,Server A Status,Server A Reason,Server B Status,Server B Reason",
    "name,n1 state,n1 why,n2 state,n2 why",
    "site,state_1,cause_1,state_2,cause_2",
    "ID,First node state,First node reason,Second node state,Second node reason",
    "GROUP,NODE1_STATE,NODE1_REASON,NODE2_STATE,NODE2_REASON",
    "group,State of node 1,Reason of node 1,State of node 2,Reason of node 2",
    "Cluster,Publisher State,Publisher Reason,Subscriber State,Subscriber Reason",
    "Cluster,Primary HA State,Primary HA Reason,Secondary HA State,Secondary HA Reason",
])
def test_a_header_is_read_generously(header):
    group = one(f"{header}\nHQ,failed over,initialization,RIBM,critical services down\n")
    assert (group.name, group.display, group.place) == ("HQ", OVER, "row 2")


@pytest.mark.parametrize(("header", "row"), [
    ("group,node1,node2", "HQ,Failed Over / Initialization,Backup Mode / Critical Service Down"),
    ("group,node1_state,node2_state", "HQ,FO: initialization,ribm: critical service down"),
    ("group,shown1,shown2", 'HQ,"Failed Over, Initialization","RIBM, Critical Service Down"'),
    ("group;display 1;display 2", "HQ;failed_over/initialization;ribm/critical_service_down"),
    ("group|state 1|state 2", "HQ|Failed Over/Initialization|RIBM/Critical Service Down"),
    ("group\tnode 1 state / reason\tnode 2 state / reason",
     "HQ\tFailed Over / Initialization\tRIBM / Critical Service Down"),
])
def test_state_and_reason_may_be_one_cell_and_any_sign_may_part_them(header, row):
    assert one(f"{header}\n{row}\n").display == OVER


@pytest.mark.parametrize(("header", "row"), [
    ("group,node1,node1_state,node2,node2_state,users1,users2,since",
     "HQ,a.example,Normal,b.example,Normal,900,700,08:12"),
    ("group,host1,state1,host2,state2,node1_users,node2_users,time",
     "HQ,a.example,Normal,b.example,Normal,900,700,08:12"),
    ("since,Node 1 Name,Node 1 State,Node 2 Name,Node 2 State,Users on node 1,Users on node 2,group",
     "08:12,a.example,Normal,b.example,Normal,900,700,HQ"),
    ("group,fqdn1,state1,fqdn2,state2,users,when", "HQ,a.example,Normal,b.example,Normal,1600,08:12"),
])
def test_hosts_users_and_since_are_optional_columns(header, row):
    group = one(f"{header}\n{row}\n")
    assert (group.hosts, group.since) == (("a.example", "b.example"), "08:12")
    assert group.users == ((800, 800) if ",users," in header else (900, 700))
    assert group.names.product("fallback(node1)") == "utils ha fallback a.example"


@pytest.mark.parametrize("header", [
    "group,node1_state,nose", "colour,state", "a,b", "group,node1_state",
    "group,users1,users2", "node2 state,node2 reason",
])
def test_a_missing_column_is_named_with_those_that_were_found(header):
    bad = wrong(f"{header}\n1,2,3\n")
    assert bad.place == ""
    assert "has no column node" in bad.says
    assert f"found: {header.replace(',', ', ')};" in bad.says


def test_a_name_is_taken_before_an_address():
    head = "group,Node 1 IP Address,Node 1 Name,Node 1 State,Node 2 IP,Node 2 State"
    assert one(f"{head}\nHQ,10.0.0.1,imp1,Normal,10.0.0.2,Normal\n").hosts == ("imp1", "10.0.0.2")


def test_progress_counts_the_groups_of_a_file():
    told = []
    reader = Reader(PRG, lambda *said: told.append(said))
    reader.add("ten.csv", "\n".join(numbered(10_000)).encode())
    assert told == [("rows of ten.csv", 5_000, 10_000), ("rows of ten.csv", 10_000, 10_000)]


def test_a_column_given_twice_is_refused():
    bad = wrong("group,state1,node1_state,state2\nHQ,Normal,Idle,Normal\n")
    assert bad.says == ("it has two columns for the state of node 1: 'state1' and 'node1_state'; leave "
                        "one out")


def test_columns_of_something_else_are_left_out():
    group = one("group,city,node1_state,weather,node2_state,node1_cpu\nHQ,Ulm,Normal,rain,Normal,9\n")
    assert group.display == WELL
    assert titles.recognised(("city", "weather", "node1_cpu")) == 0


# ---------------------------------------------------------------------------- rows


def numbered(count):
    return ["group,node1_state,node2_state", *(f"g{n},Normal,Normal" for n in range(2, count + 2))]


def test_an_unknown_state_in_row_7301_is_one_line_and_the_others_are_read():
    rows = numbered(10_000)
    rows[7300] = "g7301,Nomral,Normal"
    found = read("\n".join(rows))
    assert len(found.groups) == 9_999
    assert [str(bad) for bad in found.bad] == [
        "groups.csv, row 7,301 (g7301): node 1: unknown state 'Nomral'; did you mean Normal?"]


@pytest.mark.parametrize(("row", "says"), [
    ("x,Normal,Idel", "node 2: unknown state 'Idel'; did you mean Idle?"),
    ("x,Normal/Pear Down,Normal", "unknown reason 'Pear Down'; did you mean Peer Down"),
    ("x,Normal", "2 of 3 cells: the row ends before the states of both nodes"),
    ("x,Smith, Inc,Normal,Normal", "5 cells, and the header names 3 columns"),
    ('"x,Normal,Normal', "a quotation mark in it is not closed"),
    ("x,any,Normal", "unknown state 'any'"),
    ("x," + "y" * 500 + ",Normal", "a cell of 500 characters is not a state or a reason"),
    ("x," + "y" * 200_000 + ",Normal", "field larger than field limit"),
])
def test_a_wrong_row_keeps_no_other_from_being_read(row, says):
    rows = numbered(40)
    rows[20:20] = [row]
    found = read("\n".join(rows))
    assert len(found.groups) == 40
    (bad,) = found.bad
    assert bad.place == "row 21"
    assert says in bad.says


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_line_end_and_a_byte_order_mark_are_read(end, mark):
    assert len(read(mark + end.join(numbered(30)).encode()).groups) == 30


def test_mixed_line_ends_blank_rows_and_a_first_line_of_excel_are_read():
    found = read('sep=;\r\ngroup;state1;state2\r\na;Normal;Normal\n\r\n;;\nb;"Idle";RIBM\r"c";Normal;Normal')
    assert [(g.name, g.place) for g in found.groups] == [("a", "row 3"), ("b", "row 6"), ("c", "row 7")]
    assert found.bad == []


def test_utf_16_of_a_spreadsheet_and_windows_1252_are_read():
    text = "group\tstate1\tstate2\nZürich\tNormal\tNormal\n"
    assert one(text.encode("utf-16")).name == "Zürich"
    found = read(text.encode("cp1252"))
    assert found.groups[0].name == "Zürich"
    assert found.remarks == ["groups.csv is not UTF-8 (line 2): read as Windows-1252"]


def test_quotes_hold_signs_and_lines_of_cells_that_are_not_read():
    found = read('group,note,state1,state2\n"A, B","two\nlines","Normal","Normal"\nC,,Normal,Normal\n')
    assert [(g.name, g.place) for g in found.groups] == [("A, B", "row 2"), ("C", "row 4")]


def test_a_table_that_is_damaged_in_the_middle_keeps_its_other_rows():
    data = "\n".join(numbered(400)).encode()
    found = read(data[:3000] + b"\0\x01\xff" * 9 + data[3000:])
    assert len(found.groups) >= 399
    assert len(found.bad) <= 1
    assert [str(bad).isprintable() for bad in found.bad] in ([], [True])


def test_two_open_quotes_spoil_two_rows():
    rows = numbered(300)
    rows[100], rows[200] = f'"{rows[100]}', f'"{rows[200]}'
    found = read("\n".join(rows))
    assert len(found.groups) == 298
    assert [bad.place for bad in found.bad] == ["row 101", "row 201"]


@pytest.mark.parametrize(("cell", "number"), [
    ("900", 900), ("1,200", 1200), ("1.200", 1200), ("1 200", 1200), ("12'000", 12000), ("", None),
    ("n/a", None), ("-", None), ("0", 0), ("900.0", 900),
])
def test_numbers_of_users_are_read(cell, number):
    assert one(f'group;state1;state2;users1\nx;Normal;Normal;"{cell}"\n').users == (number, None)


@pytest.mark.parametrize("cell", ["many", "-3", "1e9", "9" * 20, "12%", "0x10"])
def test_what_is_no_number_of_users_is_said(cell):
    assert "is not a number of users" in wrong(f"group;state1;state2;users1\nx;Normal;Normal;{cell}\n").says


@pytest.mark.parametrize("blank", ["", "-", "down", "nothing", "n/a", "not displayed", "none"])
def test_a_node_that_shows_nothing_may_be_spelt_in_many_ways(blank):
    assert one(f"group,state1,state2\nx,{blank},Normal\n").display == Display(None, Shown(State.NORMAL))


def test_a_reason_that_is_not_given_is_any():
    group = one("group,state1,reason1,state2,reason2\nx,Idle,,RIBM,n/a\n")
    assert group.display == Display(Shown(State.IDLE), Shown(State.RUNNING_IN_BACKUP_MODE))


def test_a_reason_without_a_state_and_two_reasons_are_refused():
    head = "group,state1,reason1,state2\n"
    assert "has no state beside it" in wrong(f"{head}x,,Peer Down,Normal\n").says
    assert "two reasons" in wrong(f"{head}x,Idle/Peer Down,Initialization,Normal\n").says


# ------------------------------------------------------------------ groups and files


def test_the_later_row_of_a_group_is_taken():
    found = read("group,state1,state2\na,Normal,Normal\nb,Normal,Normal\nA,Idle,RIBM\n")
    assert [(g.name, g.place) for g in found.groups] == [("b", "row 3"), ("A", "row 4")]
    assert [(g.name, g.place) for g in found.repeated] == [("a", "row 2")]
    assert found.rows == 3


def test_a_name_that_many_clusters_have_is_many_groups_if_the_hosts_differ():
    head = "group,node1,node1_state,node2,node2_state\n"
    default = "DefaultCUPSubcluster"
    found = read(f"{head}{default},a,Normal,b,Normal\n{default},c,Normal,d,Normal\n")
    assert (len(found.groups), found.repeated) == (2, [])
    reader = Reader(PRG)
    for file in ("one.csv", "two.csv"):
        reader.add(file, b"group,state1,state2\nDefaultCUPSubcluster,Normal,Normal\n")
    assert len(reader.reading.groups) == 2


def test_rows_without_names_are_groups_of_their_own():
    found = read("state1,state2\nNormal,Normal\nNormal,Normal\n")
    assert [g.called for g in found.groups] == ["groups.csv, row 2", "groups.csv, row 3"]


def test_a_row_a_node_is_read_too():
    found = read("group,server,state,reason\nHQ,b,Running in Backup Mode,Critical Service Down\n"
                 "X,c,Normal,\nHQ,a,Failed Over,Initialization\nX,d,Normal,\nL,e,Normal,\n")
    assert [(g.name, g.hosts) for g in found.groups] == [("HQ", ("b", "a")), ("X", ("c", "d"))]
    assert [str(bad) for bad in found.bad] == [
        "groups.csv, row 6 (L): 1 row has this group, and a group has two nodes; give each node a row"]


def test_nodes_as_objects_have_keys_of_their_own():
    first = {"group": "P", "server": "imp1", "state": "Running in Failed Mode", "reason": "Unknown",
             "users": 5}
    second = {"state": "Running in Failed Mode", "server": "imp2", "group": "P"}
    for nodes, hosts, users in (((first, second), ("imp1", "imp2"), (5, None)),
                                ((second, first), ("imp2", "imp1"), (None, 5))):
        found = one(json.dumps(nodes), "a.json")
        assert (found.hosts, found.users) == (hosts, users)
        assert [half.state for half in found.display] == [State.RUNNING_IN_FAILED_MODE] * 2


def test_nodes_as_objects_name_their_group():
    nodes = [{"group": "", "server": host, "state": "Normal"} for host in ("imp1", "imp2")]
    found = read(json.dumps(nodes), "a.json")
    assert found.groups == []
    assert [*map(str, found.bad)] == [
        f"a.json, item {n}: the row names no group" for n in (1, 2)]


def test_empty_cells_after_the_last_column_move_no_node():
    found = one("group,server,state\nP,imp1,Normal,,\nP,imp2,Normal\n")
    assert (found.hosts, found.display) == (("imp1", "imp2"), WELL)


def test_the_number_of_a_node_decides_its_seat():
    found = read("group,node,state\nHQ,2,Normal\nHQ,1,Idle\n")
    assert found.groups[0].display == Display(Shown(State.IDLE), Shown(State.NORMAL))


@pytest.mark.parametrize("value", [
    {"group": "HQ", "node1_state": "Failed Over", "node1_reason": "initialization",
     "node2_state": "RIBM", "node2_reason": "critical_service_down"},
    {"name": "HQ", "node1": {"state": "failed_over", "reason": "initialization"},
     "node2": {"state": "running_in_backup_mode", "reason": "critical_service_down"}},
    {"group": "HQ", "nodes": [{"name": "a", "state": "Failed Over", "reason": "Initialization"},
                              {"name": "b", "state": "Backup Mode", "reason": "Critical Service Down"}]},
    {"group": "HQ", "node1": "Failed Over / Initialization", "node2": "RIBM / critical service down"},
    {"group": "HQ", "users": {"node1": 3, "node2": 4}, "node1.state": "failed over/initialization",
     "node2.state": "ribm/critical service down"},
])
def test_an_object_of_json_is_a_group(value):
    for data, file in (
        (json.dumps([value]), "x.json"), (json.dumps(value), "x"), (json.dumps({"groups": [value]}), "-"),
        (json.dumps(value) + "\n" + json.dumps(value), "x.jsonl"), (json.dumps([value], indent=3), "x.txt"),
    ):
        found = read(data, file)
        assert found.bad == []
        assert {(g.name, g.display) for g in found.groups} == {("HQ", OVER)}


def test_an_object_by_names_is_a_fleet():
    found = read('{"HQ": {"node1": {"state": "idle"}, "node2": {"state": "ribm"}}}', "x.json")
    assert (found.groups[0].name, found.groups[0].place) == ("HQ", "key 'HQ'")


@pytest.mark.parametrize("around", [
    {"status": "ok", "count": 2, "results": None}, {"page": 1, "items": None},
    {"data": {"total": 2, "entries": None}},
])
def test_groups_are_found_in_what_an_interface_wraps_around_them(around):
    groups = [{"name": name, "nodes": [{"hostname": "a", "state": "idle"}, {"hostname": "b", "state": "ribm"}]}
              for name in ("HQ", "Lab")]
    text = json.dumps(around, default=str).replace("null", json.dumps(groups))
    found = read(text, "x.json")
    assert ([g.name for g in found.groups], found.bad) == (["HQ", "Lab"], [])


def test_an_array_inside_a_group_is_not_taken_for_the_groups():
    group = {"group": "HQ", "node1_state": "idle", "node2_state": "ribm", "alarms": [{"id": 1}, {"id": 2}]}
    assert one(json.dumps(group), "x.json").name == "HQ"


@pytest.mark.parametrize(("text", "file"), [
    ("group,node1_state,node2_state,active_users\na,Normal,Normal,7\nb,Normal,Normal,7\n", "x.csv"),
    (json.dumps([{"group": n, "node1_state": "Normal", "node2_state": "Normal", "active_users": 7}
                 for n in "ab"]), "x.json"),
])
def test_a_column_that_seems_to_count_users_is_not_left_out_silently(text, file):
    assert read(text, file).remarks == [
        f"{file}: no column of users is read; name one users1, users2 or users if you mean 'active_users'"]
    assert read(text.replace("active_users", "users"), file).remarks == []


def test_whole_pairs_are_read_from_json_and_from_csv():
    pair = dict(PRG.initial[0])
    made = one(json.dumps([{"group": "HQ", "pair": pair, "nodes": ["a", "b"]}]), "x.json")
    assert (made.pair, made.hosts) == (PRG.initial[0], ("a", "b"))
    flat = one(",".join(["group", *pair]) + "\n" + ",".join(["HQ", *pair.values()]))
    assert (flat.pair, flat.display) == (made.pair, made.display)
    pair["node1.state"] = "asleep"
    bad = wrong(json.dumps([{"group": "HQ", **pair}]), "x.json")
    assert (bad.place, bad.group) == ("item 1", "HQ")
    assert "asleep" in bad.says


@pytest.mark.parametrize(("text", "file", "places", "count"), [
    ('[{"group": "a", "node1": "idle", "node2": "ribm"}, {"group": "b", "nod', "x.json", ["item 2"], 1),
    ('[{"node1": "idle", "node2": "ribm"}, 7, {"node1": "idle"}]', "x.json", ["item 2", "item 3"], 1),
    ('{"node1": "idle", "node2": "ribm"}\n{"node1": "idle"\n\n{"node1":"a","node2":"b"}\n', "x.jsonl",
     ["line 2", "line 4"], 1),
    ('{"node1": "idle", "node1": "idle", "node2": "idle"}\n{"node1": "idle", "node2": "ribm"}', "x.jsonl",
     ["line 1"], 1),
    ('[{"node1": "idle", "node2": "ribm", "users1": true}]', "x.json", ["item 1"], 0),
])
def test_json_that_is_damaged_is_read_as_far_as_it_goes(text, file, places, count):
    found = read(text, file)
    assert [bad.place for bad in found.bad] == places
    assert len(found.groups) == count


def test_parquet_is_read_as_csv_is(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pa.table({
        "group": ["a", "b", "c"], "node1_state": ["Normal", "failed", "Nomral"],
        "node2_state": ["Normal", "failed", "Normal"], "users1": [1, 2, None]}), out)
    found = read(out.getvalue(), "x")
    assert [(g.name, g.users[0], g.display) for g in found.groups] == [
        ("a", 1, WELL), ("b", 2, FAILED)]
    assert [bad.place for bad in found.bad] == ["row 3"]
    assert "not a Parquet file that can be read" in wrong(out.getvalue()[:-20], "x.parquet").says
    assert "not a Parquet file that can be read" in wrong(b"hello", "x.parquet").says


def test_records_and_damaged_texts_of_parquet_are_read():
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    out = io.BytesIO()
    parquet.write_table(pa.table({
        "group": ["a", "Zeppelin"],
        "node1": [{"state": "idle", "reason": None}, {"state": "Normal", "reason": "Normal"}],
        "node2": [{"state": "ribm", "reason": None}, {"state": "Normal", "reason": None}]}), out,
        compression="none", use_dictionary=False)
    whole = read(out.getvalue(), "x")
    assert [g.display.node1.state for g in whole.groups] == [State.IDLE, State.NORMAL]
    found = read(out.getvalue().replace(b"Zeppelin", b"Zepp\xadlin"), "x")
    assert "Zepp\N{REPLACEMENT CHARACTER}lin" in [g.name for g in found.groups]


def test_parquet_without_its_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert wrong(b"PAR1...", "x").says == "Parquet needs an extra: pip install 'prgcore[parquet]'"


def test_status_texts_of_thousands_of_groups_are_one_file():
    dice, shown = random.Random(5), displays()
    groups = []
    for number in range(300):
        one, why, two, other = dice.choice(shown)
        nodes = (NodeStatus(f"imp{number}a", State(one), Reason(why)),
                 NodeStatus(f"imp{number}b", State(two), Reason(other)))
        groups.append(GroupStatus(f"group{number}", nodes))
    found = read("".join(map(write, groups)), "status.txt")
    assert found.bad == []
    assert [g.name for g in found.groups] == [g.name for g in groups]
    assert [g.place for g in found.groups[:3]] == ["line 1", "line 4", "line 7"]
    assert all(g.display[0].state == group.nodes[0].state
               for g, group in zip(found.groups, groups, strict=True))


def test_a_group_of_a_text_that_cannot_be_read_is_listed():
    text = ("Subcluster Name: A\nNode 1 Name : a State: Nomral\nNode 2 Name : b State: Normal\n"
            "Subcluster Name: B\nNode 1 Name : c State: Idle Reason: Tired\nNode 2 Name : d State: RIBM\n"
            "Subcluster Name: C\nNode 1 Name : e State: Idle\n")
    found = read(text, "status.txt")
    assert [(bad.place, bad.group) for bad in found.bad] == [("line 1", "A"), ("line 7", "C")]
    assert "did you mean Normal" in found.bad[0].says
    assert [g.name for g in found.groups] == ["B"]
    assert found.remarks == ["status.txt, line 4: unknown reason 'Tired'; any reason is taken"]


@pytest.mark.parametrize(("data", "says"), [
    (b"", "it is empty"), (b" \n\n", "it is empty"), (b"\x00\x01\x02", "it is not text"),
    (random.Random(3).randbytes(900), "it is not text"),
    (b"PK\x03\x04rest", "save its table as CSV"), (b"\x1f\x8b\x08", "is compressed"),
    (b"SQLite format 3\0", "is a database"), (b"%PDF-1.7", "is a PDF"),
    (b"hello\nworld\n", "no status of a group in 2 lines of text"),
    (b"group,state1,state2\n", "it holds no group"), (b"[]", "it holds no group"),
    (b'{"a": 1}', "has no column node1_state"), (b"[{", "is not JSON"), (b"{", "is not JSON"),
])
def test_what_is_not_a_fleet_is_one_line(data, says):
    (bad,) = read(data, "file").bad
    assert says in bad.says
    assert bad.to_json()["file"] == "file"


@pytest.mark.parametrize(("head", "name", "kind"), [
    ("group,state1,state2\n", "x", "csv"), ("a\tb\n", "x.tsv", "csv"), ("[{", "x", "json"),
    ('{"a": 1}\n{"a": 2}\n', "x", "lines"), ('{"a":\n1}\n', "x", "json"), ("[]", "x", "json"),
    ("[10:04] utils ha status\n", "x", "text"), ("Subcluster Name: A\n", "x.txt", "text"),
    ('{"a": 1}', "x.jsonl", "lines"), ("State: Normal, Reason: Normal\n", "x", "text"),
    ("1;2;3\n", "x.csv", "csv"),
])
def test_the_kind_of_a_file_is_seen(head, name, kind):
    assert kind_of(head, name) == kind


def test_a_machine_without_states_has_no_fleet_to_read():
    with pytest.raises(BadInput, match="has states of its own"):
        Reader(Machine(TURNSTILE))


def test_renamed_words_are_understood():
    engine = Machine(renamed(PRG.model, {"normal": "Fine", "idle": "Asleep"}))
    found = read("group,state1,state2\na,Fine,fine\nb,asleep,ribm\nc,Normal,Idel\n", engine=engine)
    assert [g.display for g in found.groups] == [
        WELL, Display(Shown(State.IDLE), Shown(State.RUNNING_IN_BACKUP_MODE))]
    assert "Idel" in found.bad[0].says


# ------------------------------------------------------------------------- classes


def fleet(data):
    return sort(PRG, read(data))


def test_every_display_is_in_exactly_one_class_and_explained_as_alone():
    rows = ["group,node1_state,node1_reason,node2_state,node2_reason"]
    rows += [f"g{n},{','.join(map(title, shown))}" for n, shown in enumerate(displays()[::9])]
    found = fleet("\n".join(rows))
    assert found.explained == len(rows) - 1 == sum(found.displays.values())
    assert found.bad == ()
    assert [c.number for c in found.classes] == [*range(1, len(found.classes) + 1)]
    outs = [c.groups_out for c in found.classes]
    assert outs == sorted(outs, reverse=True)
    for one in found.classes:
        for group, case in one.groups:
            assert case.explanation.display == group.display
        group, case = one.groups[0]
        alone = explain_display(PRG, *group.display)
        assert (alone.row, alone.actions, alone.todo()) == (
            case.explanation.row, case.explanation.actions, [*case.todo])


def test_most_users_out_come_first_then_the_most_urgent():
    found = fleet("group,state1,state2,users1,users2\n"
                  "well,Normal,Normal,5000,5000\nover,Idle,RIBM,4000,4000\n"
                  "few,failed,failed,1,2\nmany,failed,failed,900,\n"
                  "start,Initializing,Normal,70,70\n")
    failed, *_, last = found.classes
    assert [g.name for g, _ in failed.groups] == ["many", "few"]
    assert (failed.users_out, failed.unknown, failed.case.urgency) == (903, 1, "out")
    assert (last.case.urgency, last.case.label) == ("home", "row 1")
    assert [c.case.urgency for c in found.classes][1:] == sorted(
        [c.case.urgency for c in found.classes][1:], key=("never", "out", "moving", "act", "wait",
                                                          "home").index)
    assert found.users == 5000 * 2 + 4000 * 2 + 3 + 900 + 140


def test_mirrored_displays_are_one_class_and_each_has_its_own_command():
    found = fleet("group,node1,state1,node2,state2\nA,a1,Idle,a2,RIBM\nB,b1,RIBM,b2,Idle\n")
    (one,) = found.classes
    assert [command_for(case, group.names) for group, case in one.groups] == [
        "utils ha fallback a1", "utils ha fallback b2"]
    assert one.case.when == "if both nodes hear each other and the database of node1 runs"


def test_two_states_that_never_meet_are_the_most_urgent_of_what_has_no_users():
    found = fleet("group,state1,state2\nwell,Normal,Normal\nboth,RIBM,RIBM\n")
    assert found.classes[0].case.urgency == "never"
    assert found.classes[0].case.label.startswith("breaks S1")
    assert found.classes[0].case.out is None
    assert found.classes[0].out_says == "nobody knows who is served"


def test_users_are_out_of_the_nodes_that_nobody_serves():
    found = fleet("group,state1,reason1,state2,reason2,users1,users2\n"
                  "x,taking over,peer down,,,300,500\n")
    (one,) = found.classes
    (group, case), = one.groups
    assert case.users_out(group) == sum(
        users for users, out in zip((300, 500), case.out, strict=True) if out)
    assert any(case.out)


def test_a_group_is_found_by_its_name_or_a_host():
    found = fleet("group,node1,state1,node2,state2\nHQ,imp1.example,Normal,imp2.example,Normal\n")
    for name in ("hq", "HQ", "imp1", "IMP2.example"):
        assert [g.name for g, _ in found.named(name)] == ["HQ"]
    assert found.named("imp3") == []


# ------------------------------------------------------------------------- damaged


BITS = (b'"', b",", b"\n", b"\0", b"\xff", b"{", b"}", b"[", b"]", b"\r", b";", b"\t", b"null", b"1e999",
        b"NaN", b"node1_state", b"<b>", b"\\", b"\xef\xbb\xbf", b"\x1b[31m", "é".encode(), b"9" * 400)


def sources():
    """The example as CSV, JSON and JSON Lines, and a status text."""
    data = (ROOT / "examples/fleet/groups.csv").read_bytes()
    objects = [*csv.DictReader(io.StringIO(data.decode()))]
    return (data, json.dumps(objects).encode(), "\n".join(map(json.dumps, objects)).encode(),
            (ROOT / "examples/status.txt").read_bytes())


@pytest.mark.parametrize("seed", range(300))
def test_a_damaged_file_is_read_or_has_a_line_that_says_why_not(seed):
    dice = random.Random(seed)
    data = bytearray(dice.choice(sources()))
    for _ in range(dice.choice((1, 2, 5, 20, 100))):
        at, how = dice.randrange(len(data) + 1), dice.randrange(3)
        if how == 0:
            data[at:at + dice.choice((1, 3, 50))] = b""
        elif how == 1:
            data[at:at] = dice.choice(BITS)
        else:
            data[at:at + 1] = bytes([dice.randrange(256)])
    found = read(bytes(data), dice.choice(("x", "x.csv", "x.json", "x.jsonl", "x.txt")))
    assert found.groups or found.bad
    assert all(str(bad).isprintable() and len(str(bad)) < 1_000 for bad in found.bad)
    assert len({(g.file, g.place) for g in found.groups}) == len(found.groups)


@pytest.mark.parametrize("seed", range(12))
def test_a_status_text_is_explained_as_prgcore_explain_does(seed):
    dice = random.Random(seed)
    one, why, two, other = dice.choice(displays())
    nodes = (NodeStatus("imp1", State(one), dice.choice((Reason(why), None))),
             NodeStatus("imp2", State(two), Reason(other)))
    text = write(GroupStatus("HQ", nodes))
    (said,) = fleet_of(text).classes
    group, case = said.groups[0]
    alone = explain_display(PRG, *parse(text).groups[0].display)
    assert case.explanation.text(group.hosts, group.name, verbose=True) == alone.text(
        ("imp1", "imp2"), "HQ", verbose=True)


def fleet_of(text):
    return sort(PRG, read(text, "status.txt"))
