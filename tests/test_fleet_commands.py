"""`prgcore fleet status`, `explain` and `conform`: what they print, write and exit with."""

from __future__ import annotations

import csv
import io
import json

import pytest

from prgcore import PRG
from prgcore.explain.status import GroupStatus, NodeStatus, write
from prgcore.fleet.classes import sort
from prgcore.fleet.conforming import Conforming
from prgcore.fleet.page import page
from prgcore.fleet.reading import Reader
from prgcore.fleet.written import COLUMNS
from prgcore.story.conformance import Conformance
from prgcore.vocabulary import State
from prgcore.wire.entry import PartialEntry
from tests.browser import resized
from tests.test_conformance import whole

GROUPS = """group,node1,node1_state,node1_reason,node2,node2_state,node2_reason,users1,users2,since
HQ,imp1.example,Failed Over,Initialization,imp2.example,Running in Backup Mode,Critical Service Down,900,700,08:12
Branch,imp3.example,Failed,Critical Service Down,imp4.example,Failed,Critical Service Down,120,80,07:55
Lab,imp5.example,Failed,Critical Service Down,imp6.example,Failed,Critical Service Down,10,,
Store,imp7.example,Normal,,imp8.example,Normal,,300,310,
"""
BAD = "Ship,imp9.example,Nomral,,imp10.example,Normal,,1,1,\n"


@pytest.fixture
def file(tmp_path):
    """A file with this text, by its name."""
    def made(text=GROUPS, name="groups.csv"):
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        return place

    return made


def test_explain_says_what_to_do_first_with_the_names_of_hosts(run, file):
    said = run("fleet", "explain", file())
    assert said.code == 0
    first, second, third = said.out.partition("\n\n2. ")[0], said.out, said.out.rpartition("\n\n")[2]
    assert first.startswith("4 groups. Users are out in 2 groups: 210 of 2,420 users.\n\n"
                            "1. 2 groups, 210 users out, since 07:55\n")
    assert "Branch (200 out): utils ha recover Branch" in first
    assert "HQ: utils ha fallback imp1.example" in second
    assert third == "3. 1 group: Both Normal (row 1); everybody is at home\n"
    assert max(map(len, said.out.splitlines())) <= 80


def test_explain_as_json_has_every_group_and_every_fault(run, file):
    said = run("fleet", "explain", file(GROUPS + BAD), "--json")
    told = json.loads(said.out)
    assert said.code == 1
    assert {key: told[key] for key in ("groups", "explained", "not_explained", "users", "users_out",
                                       "groups_out")} == {
        "groups": 4, "explained": 4, "not_explained": 1, "users": 2420, "users_out": 210, "groups_out": 2}
    assert [c["label"] for c in told["classes"]] == ["row 15", "row 11a", "row 1"]
    assert [g["group"] for g in told["classes"][0]["groups"]] == ["Branch", "Lab"]
    assert told["classes"][0]["groups"][0] | {"file": ""} == {
        "group": "Branch", "hosts": ["imp3.example", "imp4.example"], "users_out": 200,
        "out": ["node1", "node2"], "command": "utils ha recover Branch",
        "when": "if both nodes hear each other", "since": "07:55", "file": "", "place": "row 3"}
    (bad,) = told["bad"]
    assert (bad["place"], bad["group"]) == ("row 6", "Ship")


def test_faults_are_listed_and_all_others_are_answered(run, file):
    rows = [f"g{n},a{n},Nomral,,b{n},Normal,,,,\n" for n in range(30)]
    said = run("fleet", "explain", file(GROUPS + "".join(rows)))
    assert said.code == 1
    assert "Not explained: 30 rows\n" in said.out
    assert said.out.count("unknown state 'Nomral'; did you mean") == 10
    assert "and 20 more; --json lists all" in said.out
    assert len(json.loads(run("fleet", "explain", file(GROUPS + "".join(rows)), "--json").out)["bad"]) == 30


def test_csv_has_a_row_a_group_and_is_read_back(run, file, tmp_path):
    said = run("fleet", "explain", file(), "--csv")
    rows = [*csv.DictReader(io.StringIO(said.out))]
    assert [*rows[0]] == [*COLUMNS]
    assert [(row["class"], row["group"], row["users_out"]) for row in rows] == [
        ("1", "Branch", "200"), ("1", "Lab", "10"), ("2", "HQ", "0"), ("3", "Store", "0")]
    (tmp_path / "again.csv").write_text(said.out, "utf-8")
    again = json.loads(run("fleet", "status", tmp_path / "again.csv", "--json").out)
    assert again["displays"] == json.loads(run("fleet", "status", file(), "--json").out)["displays"]


def test_csv_holds_no_formula_and_no_escape_of_a_terminal(run, file):
    names = ("=cmd|' /C calc'!A0", "+1", "-2+3", "@SUM(A1)", "\x1b[31mred", "\tx")
    rows = [["group", "node1_state", "node2_state"], *([name, "Normal", "Normal"] for name in names)]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    said = run("fleet", "explain", file(text.getvalue()), "--csv").out
    assert [row["group"] for row in csv.DictReader(io.StringIO(said))] == [
        "'+1", "'-2+3", "'=cmd|' /C calc'!A0", "'@SUM(A1)", "\\x1b[31mred", "x"]


def test_groups_with_one_name_are_told_apart_by_their_hosts(run, file):
    text = "".join(
        f"== imp1.{site} ==\nSubcluster Name: DefaultCUPSubcluster\n"
        f"Node 1 Name: imp1.{site}  State: Running in Failed Mode  Reason: \n"
        f"Node 2 Name: imp2.{site}  State: Running in Failed Mode  Reason: \n" for site in ("ulm", "bonn"))
    for wanted in ((), ("--class", "1")):
        said = " ".join(run("fleet", "explain", file(text, "all.txt"), *wanted).out.split())
        for site in ("ulm", "bonn"):
            assert (f"DefaultCUPSubcluster (imp1.{site} and imp2.{site}): "
                    "utils ha recover DefaultCUPSubcluster") in said


@pytest.mark.parametrize("suffix", ["csv", "json", "parquet", "html"])
def test_output_is_written_by_its_suffix(run, file, tmp_path, suffix):
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    place = tmp_path / f"out.{suffix}"
    said = run("fleet", "explain", file(), "-o", place)
    assert (said.code, said.err) == (0, "")
    assert said.out.endswith(f"\n\n{place} is written.\n")
    if suffix == "html":
        assert "<title>What to do first: groups.csv</title>" in place.read_text("utf-8")
    elif suffix == "json":
        assert json.loads(place.read_text("utf-8"))["explained"] == 4
    else:
        assert json.loads(run("fleet", "status", place, "--json").out)["groups"] == 4


def test_one_class_and_one_group_are_shown_in_full(run, file):
    one = run("fleet", "explain", file(), "--class", "1").out
    assert "  Lab, 10 users out: utils ha recover Lab" in one
    assert "HQ" not in one
    group = run("fleet", "explain", file(), "--group", "imp1").out
    assert group.startswith("Group HQ (")
    assert "imp1.example  Failed Over / Initialization" in group
    told = json.loads(run("fleet", "explain", file(), "--group", "hq", "--json").out)
    assert told[0]["explanation"]["row"] == "11a"
    assert json.loads(run("fleet", "explain", file(), "--class", "2", "--json").out)["label"] == "row 11a"
    assert run("fleet", "explain", file(), "--class", "2", "--csv").out.count("\n") == 2


def test_status_counts_displays_and_states(run, file):
    said = run("fleet", "status", file())
    assert said.code == 0
    assert said.out.startswith("4 groups. Users are out in 2 groups: 210 of 2,420 users.\n\ngroups  node 1")
    assert "    4  Running in Failed Mode\n    2  Normal\n" in said.out
    told = json.loads(run("fleet", "status", file(), "--json").out)
    assert told["states"] == {"running_in_failed_mode": 4, "normal": 2, "failed_over": 1,
                              "running_in_backup_mode": 1}
    assert told["displays"][0]["groups"] == 2


def test_the_machine_is_chosen_as_for_other_commands(run, bad, file, tmp_path):
    own = tmp_path / "own.json"
    own.write_text(run("machine", "--json").out, "utf-8")
    builtin = json.loads(run("fleet", "explain", file(), "--json").out)
    assert json.loads(run("fleet", "explain", file(), "--machine", own, "--json").out) == builtin
    taken = run("fleet", "explain", file(), "--policy", "reconnection=able_serves", "--json")
    assert json.loads(taken.out)["explained"] == 4
    assert "both the machine and the groups" in bad("fleet", "status", "-", "--machine", "-")
    run("init", tmp_path / "mine")
    assert "has states of its own" in bad(
        "fleet", "status", file(), "--machine", tmp_path / "mine" / "machine.json")


def test_files_of_different_kinds_a_folder_and_standard_input_are_one_fleet(run, file, tmp_path):
    file(name="all/one.csv")
    nodes = (NodeStatus("x1", State.NORMAL), NodeStatus("x2", State.NORMAL))
    file(write(GroupStatus("Text", nodes)), "all/below/two.txt")
    file('{"group": "Json", "node1": "idle", "node2": "ribm"}\n', "all/three.jsonl")
    file("hidden", "all/.hidden")
    told = json.loads(run("fleet", "explain", tmp_path / "all", "-", "--json",
                          stdin="group,state1,state2\nIn,Normal,Normal\n").out)
    assert (told["groups"], told["not_explained"]) == (7, 0)
    assert sorted(told["files"].values()) == ["csv", "csv", "lines", "text"]


def test_a_file_that_cannot_be_read_keeps_no_other(run, bad, file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the names of temporary folders are too long for a line
    said = run("fleet", "explain", file(), "none.csv")
    assert said.code == 2
    assert "4 groups" in said.out
    assert "none.csv: it cannot be read: No such file or directory" in said.out.replace("\n    ", " ")
    assert bad("fleet", "explain", tmp_path / "none.csv").endswith("No such file or directory")
    assert "its suffix says what is written" in bad("fleet", "explain", file(), "-o", "x.txt")
    assert "expected a file in a directory that exists" in bad("fleet", "explain", file(), "-o", "no/x.csv")
    assert "there are 3 classes" in bad("fleet", "explain", file(), "--class", "4")
    assert "unknown group 'HQX'; did you mean HQ?" in bad("fleet", "explain", file(), "--group", "HQX")
    assert "does not go with" in bad("fleet", "explain", file(), "--json", "--csv")
    assert "- is given more than once" in bad("fleet", "status", "-", "-")
    assert "holds no file" in bad("fleet", "status", tmp_path.joinpath("empty").mkdir() or tmp_path / "empty")
    assert "Nomral" in bad("fleet", "explain", file(GROUPS + BAD), "--group", "ship")
    assert "has no column node2_state" in bad("fleet", "status", "-", stdin="group,state1\nx,Normal\n")


# ------------------------------------------------------------------------- conform


def logs(folder, seeds=(1, 2, 3), **broken):
    """Honest logs, of which some have another outcome in a line."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        rows = [row | {"time": 1000.0 + n} for n, row in enumerate(whole(seed, length=40))]
        if (at := broken.get(f"s{seed}")) is not None:
            rows[at]["outcome"] = "ignored" if rows[at]["outcome"] != "ignored" else "done"
        (folder / f"s{seed}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return folder


def test_honest_logs_are_all_allowed(run, tmp_path):
    said = run("fleet", "conform", logs(tmp_path / "logs"))
    assert said.code == 0
    assert said.out.startswith("3 logs, 120 lines: 3 allowed.\n")
    assert "Decisions by rule: " in said.out


def test_the_log_that_breaks_a_rule_first_comes_first(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = logs(tmp_path / "logs", s1=30, s3=20).relative_to(tmp_path)
    (folder / "s4.jsonl").write_text('{"event": "nonsense"}\n', "utf-8")
    said = run("fleet", "conform", folder, "--json")
    told = json.loads(said.out)
    assert said.code == 2
    assert [name.rpartition("/")[2] for name in told["broken"]] == ["s3.jsonl", "s1.jsonl"]
    assert [name.rpartition("/")[2] for name in told["unreadable"]] == ["s4.jsonl"]
    assert sum(told["findings"].values()) == 2
    assert "unknown event 'nonsense'" in told["each"][3]["error"]
    (folder / "s4.jsonl").unlink()
    text = run("fleet", "conform", folder)
    assert text.code == 1
    said = " ".join(text.out.split())
    assert said.index("s3.jsonl (1970-01-01 00:17:00 UTC)") < said.index("s1.jsonl (1970")


def test_each_log_is_checked_as_it_would_be_alone(tmp_path):
    many = Conforming(PRG)
    for seed in range(4):
        rows = [PartialEntry.from_json(row) for row in whole(seed, length=40)]
        if seed == 2:
            rows = rows[5:]
        found = many.add(str(seed), iter([(f"line {n}", row) for n, row in enumerate(rows, 1)]))
        alone = Conformance(PRG)
        for n, row in enumerate(rows, 1):
            if alone.feed(row, f"line {n}"):
                break
        assert found.report == alone.report
        assert found.decided == alone.decided
        assert tuple(sorted(found.decided)) == alone.report.rules
    assert many.outcomes["lines"] == sum(one.report.lines for one in many.checked)
    assert many.decided.total() <= many.outcomes["lines"]


def test_logs_of_one_folder_can_be_one_pair(run, tmp_path):
    rows = [row | {"time": 1000.0 + n} for n, row in enumerate(whole(1, length=40))]
    folder = tmp_path / "logs" / "site1"
    folder.mkdir(parents=True)
    for part in (0, 1):
        (folder / f"node{part + 1}.jsonl").write_text(
            "".join(f"{json.dumps(row)}\n" for row in rows[part::2]), "utf-8")
    assert run("fleet", "conform", tmp_path / "logs").code == 1
    said = run("fleet", "conform", tmp_path / "logs", "--together")
    assert (said.code, said.out.partition(":")[0]) == (0, "1 log, 40 lines")


def test_conform_refuses_what_is_no_log(bad, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no file" in bad("fleet", "conform", tmp_path / "empty")
    log = logs(tmp_path / "logs") / "s1.jsonl"
    assert "is named twice" in bad("fleet", "conform", log, log)
    assert "unknown event" in bad("fleet", "conform", log, "--hidden", "earthquake")


# ---------------------------------------------------------------------------- page


def html(count=10_000):
    """The page of a fleet of which one group in ten is not at home."""
    rows = [GROUPS.partition("\n")[0]]
    shown = ("Failed,Critical Service Down,Failed,Critical Service Down",
             "Idle,,Running in Backup Mode,", "Taking Over,Peer Down,,")
    for n in range(count):
        one = shown[n // 10 % 3].split(",") if n % 10 == 0 else ["Normal", "", "Normal", ""]
        rows.append(f"g{n},imp{n}a.example,{one[0]},{one[1]},imp{n}b.example,{one[2]},{one[3]},"
                    f"{n % 900},{n % 700},2026-11-30 08:{n % 60:02}")
    rows.append('"<script>alert(1)</script>",a,Nomral,,b,Normal,,,,')
    rows.append('"<b>&amp;"",c,Normal,,d,Normal,,,,')
    reader = Reader(PRG)
    reader.add("groups.csv", "\n".join(rows).encode())
    return page(sort(PRG, reader.reading), "What to do first", "Made for a test.")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    place = tmp_path_factory.mktemp("page") / "page.html"
    place.write_text(html(1_000), "utf-8")
    return place


def test_a_page_of_ten_thousand_groups_is_small_and_asks_for_nothing():
    text = html()
    assert len(text.encode()) < 3_000_000
    assert "<script>alert" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert text == html()
    assert text.count("<details") == 4


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_page_finds_a_group_and_fits_every_window(browser, shown, width, scheme):
    from axe_playwright_python.sync_playwright import Axe

    complaints, requests = [], []
    context = browser.new_context(color_scheme=scheme)
    try:
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("request", lambda request: requests.append(request.url))
        resized(opened, width, 900)
        opened.goto(shown.as_uri())
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        opened.fill("#said", "G720")
        assert opened.inner_text("#count") == "1 group"
        assert "utils ha" in opened.inner_text("#found")
        opened.click("#found a")
        assert opened.inner_text(".here").startswith("g720")
        assert opened.is_visible(".here")
        opened.fill("#said", "no such group")
        assert opened.inner_text("#count") == "0 groups"
        opened.fill("#said", "imp")
        assert opened.inner_text("#count").endswith("the first 30 are listed")
        assert opened.locator("#found li").count() == 30
        opened.click(".classes a >> nth=0")
        assert opened.evaluate("document.querySelector('#class-1').open")
        assert Axe().run(opened).response["violations"] == []
    finally:
        context.close()
    assert complaints == []
    assert requests == [shown.as_uri()]
