"""`prgcore ha`: the life of a pair, and a state file that nothing spoils."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore import PRG
from prgcore.cli import main
from prgcore.cli.statefile import FORMAT, KEYS, State
from prgcore.cli.statefile import names as names_of
from prgcore.errors import BadInput, OutsideInvariant
from prgcore.explain.settling import NEVER_WAITED_FOR, until_rest
from prgcore.explain.status import parse
from prgcore.machine import prg
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.answers import decision_json
from tests.committed import committed

ROOT = Path(__file__).parent.parent
FILE = "prgcore-state.json"
NORMAL = PRG.plan(PRG.initial[0]).end

LIFE = """
init --group Sales --node cup1 --node cup2
enable
wait
failover cup1
recover
wait
status Sales
fallback cup1
wait
event services_down(cup2) recover
event services_down(cup2)
wait
event services_down(node1)
wait
fallback cup2 --strict
event services_up(node1) services_up(node2)
recover Sales
wait
event power_off(node1)
wait
event power_on(node1) services_up(node1) manager_start(node1)
wait
fallback cup1
wait
event link_cut
wait
event link_repair
wait
disable
"""


@pytest.fixture
def ha(monkeypatch, capsys, tmp_path):
    """`prgcore ha` in this process, in a directory of its own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def call(*words):
        code = main(["ha", *map(str, words)])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture
def pair_of(ha, tmp_path):
    """A state file of a pair that is Normal, and a function that reads its pair."""
    ha("init", "--node", "cup1", "--node", "cup2")
    ha("enable")
    assert ha("wait").out.count("State: Normal") == 2
    return lambda: json.loads((tmp_path / FILE).read_text())["pair"]


def wrong(answer, code=2):
    """The one line of complaint."""
    assert (answer.code, answer.out) == (code, "")
    assert answer.err.startswith("prgcore: ")
    assert answer.err.count("\n") == 1
    assert len(answer.err) < 700
    assert answer.err.strip().isprintable()
    return answer.err


# ---------------------------------------------------------------------------- the life


def test_the_life_of_a_pair(ha):
    told = []
    for line in LIFE.strip().splitlines():
        answer = ha(*shlex.split(line))
        assert answer.err == ""
        spelt = " ".join(f'"{w}"' if "(" in w else w for w in line.split())
        told.append(f"$ prgcore ha {spelt}\n{answer.out}" + f"exit code {answer.code}\n" * answer.code)
    text = "\n".join(told)
    assert text == committed("golden/ha.txt", text)


def test_every_answer_reads_back_as_the_status_that_it_is(ha):
    for line in LIFE.strip().splitlines():
        answer = ha(*shlex.split(line))
        (group,) = parse(answer.out).groups
        assert (group.name, [n.name for n in group.nodes]) == ("Sales", ["cup1", "cup2"])
        pair = PRG.pair(json.loads(Path(FILE).read_text())["pair"])
        for seat, node in zip(NODES, group.nodes, strict=True):
            runs = pair[f"{seat}.process"] == "running"
            assert node.state == (pair[f"{seat}.state"] if runs else None)
            assert node.reason in (None, pair[f"{seat}.reason"])


def test_alone_it_says_what_there_is_and_every_command_has_json(ha):
    said = ha().out
    assert "..." not in said.partition("Commands:")[2], "no sentence is cut"
    for command in ("init", "status", "failover", "fallback", "recover", "enable", "disable",
                    "event", "wait"):
        assert f"\n  {command} " in said
        page = ha(command, "--help")
        assert page.code == 0
        assert "--json" in page.out
        assert max(map(len, page.out.splitlines())) <= 80


# ------------------------------------------------------------------------------- answers


def test_json_is_the_file_and_its_decisions(ha):
    made = json.loads(ha("init", "--json").out)
    assert list(made) == [*KEYS, "decisions"]
    assert made["decisions"] == []
    done = json.loads(ha("enable", "--json").out)
    assert done.pop("decisions") == [
        {"event": "enable_ha", "outcome": "done", "rule": "A100", "pair": done["pair"],
         "actions": decision_json(PRG.step(PRG.initial[0], "enable_ha"))["actions"],
         "why": PRG.step(PRG.initial[0], "enable_ha").why, "failed": []}]
    assert done == json.loads(Path(FILE).read_text())
    assert done["format"] == FORMAT
    assert done["policy"] == dict(PRG.model.policy)
    rested = json.loads(ha("wait", "--json").out)
    assert [d["event"] for d in rested["decisions"]] == [
        "heartbeat_heard(node1)", "heartbeat_heard(node2)", "initialized(node1)",
        "initialized(node2)"]
    assert rested["decisions"][-1]["pair"] == rested["pair"] == dict(NORMAL)
    assert json.loads(ha("status", "--json").out) == rested | {"decisions": []}


@pytest.mark.parametrize("words", [
    ("recover",), ("fallback", "cup1"), ("fallback", "node2"), ("enable",),
    ("event", "fallback(node1)"),
])
def test_refused_is_an_answer_unless_strict(ha, pair_of, words):
    before = Path(FILE).read_bytes()
    lenient, strict = ha(*words), ha(*words, "--strict")
    assert (lenient.code, strict.code) == (0, 1)
    assert lenient.out == strict.out
    assert "needs " in lenient.out
    assert ("Request FAILED." in lenient.out) == (words[0] != "event")
    assert json.loads(ha(*words, "--json").out)["decisions"][0]["outcome"] == "refused"
    assert Path(FILE).read_bytes() == before
    said = lenient.out.partition("Subcluster")[0]
    assert max(map(len, said.splitlines())) <= 80


def test_accepted_exits_0_though_strict(ha, pair_of):
    answer = ha("failover", "CUP2", "--strict")
    assert answer.code == 0
    assert answer.out.startswith("Initiate Manual Failover for Node > cup2\nRequest SUCCESSFUL.\n")
    assert pair_of()["node2.state"] == "failing_over"


def test_a_long_refusal_is_wrapped(ha, pair_of):
    ha("event", "services_down(node1)")
    ha("wait")
    said = ha("fallback", "cup1").out.partition("Subcluster")[0]
    assert "  cup1.state is failed_over_with_critical_services_not_running, needs\n    " in said
    assert max(map(len, said.splitlines())) <= 80


def test_events_happen_all_or_not_at_all(ha, pair_of):
    before = Path(FILE).read_bytes()
    assert "unknown event 'link_ct'" in wrong(ha("event", "link_cut", "link_ct"))
    assert "cannot happen here" in wrong(ha("event", "link_cut", "power_on(node1)"), code=1)
    assert Path(FILE).read_bytes() == before


@pytest.mark.parametrize("events", [
    ("recover", "link_cut"), ("link_cut", "recover"), ("link_cut", "recover", "link_repair"),
])
def test_a_refusal_among_events_stops_them_all(ha, pair_of, events):
    before = Path(FILE).read_bytes()
    lenient, strict = ha("event", *events), ha("event", *events, "--strict")
    assert (lenient.code, strict.code) == (0, 1)
    assert lenient.out == strict.out
    assert lenient.out.startswith("recover: refused. cup1.state is normal, needs ")
    assert "\nNothing is changed.\nSubcluster Name: prg\n" in lenient.out
    told = json.loads(ha("event", *events, "--json").out)
    assert [(d["event"], d["outcome"]) for d in told["decisions"]] == [("recover", "refused")]
    assert told["pair"] == dict(NORMAL)
    assert Path(FILE).read_bytes() == before


def test_an_event_that_nobody_knows_is_told_before_any_refusal(ha, pair_of):
    assert "unknown event 'link_ct'" in wrong(ha("event", "recover", "link_ct"))
    assert "unknown node 'cup3'" in wrong(ha("event", "recover", "power_off(cup3)"))


def test_events_are_of_nodes_as_people_call_them(ha, pair_of):
    told = ha("event", "power_off(CUP1)", "manager_stop(node2)")
    assert told.out.startswith("power_off(cup1): done by X112@node1\nmanager_stop(cup2): done ")
    assert (pair_of()["node1.process"], pair_of()["node2.process"]) == ("off", "manager_down")
    for odd in ("power_off(cup3)", "power_off()"):
        assert "unknown node " in wrong(ha("event", odd))
    assert "'power_off' is about one node: say which" in wrong(ha("event", "power_off"))
    for odd in ("power(cup1)", "link_cut(cup1)", "power_off(cup1", "(cup1)", ""):
        assert f"unknown event {odd!r}" in wrong(ha("event", odd))


def test_a_host_may_be_called_anything(ha):
    ha("init", "--node", "a(b)", "--node", ")(")
    assert ha("event", "power_off(a(b))", "power_off()()").code == 0
    pair = json.loads(Path(FILE).read_text())["pair"]
    assert (pair["node1.process"], pair["node2.process"]) == ("off", "off")


def test_nobody_waits_for_what_does_not_come(ha, pair_of):
    before = Path(FILE).stat()
    assert ha("wait").out.startswith("Nothing more happens by itself.\n")
    after = Path(FILE).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("command", ["status", "recover"])
def test_a_group_is_the_one_of_the_file(ha, command):
    ha("init", "--group", "Sales")
    plain = ha(command)
    for name in ("Sales", "sales"):
        assert ha(command, name) == plain
    assert "the state file is that of group 'Sales', not 'Branches'; " in wrong(ha(command, "Branches"))
    assert "not ''" in wrong(ha(command, ""))


def test_policies_are_kept_in_the_file(ha):
    ha("init", "--policy", "reconnection=keep_serving")
    ha("enable")
    kept = json.loads(Path(FILE).read_text())["policy"]
    assert kept == dict(prg(reconnection="keep_serving").model.policy) != dict(PRG.model.policy)
    assert "unknown policy 'hope'" in wrong(ha("init", "-s", "b.json", "--policy", "hope=1"))
    assert not Path("b.json").exists()


# --------------------------------------------------------------------------------- names

NAMES = st.text(
    st.characters(exclude_categories=("C", "Z"), exclude_characters=":"), min_size=1, max_size=128)


@pytest.mark.parametrize("nodes", [
    ("imp-node", "State"), ("node1", "x"), ("x", "node2"), ("Group", "Reason"), ("名", "ß"),
    ("$(reboot)", "';--"), ("none", "-n"), ("[x]", "{y}"),
])
def test_odd_names_are_kept_and_read_back(ha, nodes):
    made = ha("init", "--group", nodes[1], "--node", nodes[0], "--node", nodes[1])
    assert made.code == 0
    (group,) = parse(made.out).groups
    assert (group.name, tuple(n.name for n in group.nodes)) == (nodes[1], nodes)
    ha("enable")
    ha("wait")
    answer = ha("failover", "--", nodes[1])
    assert f"Initiate Manual Failover for Node > {nodes[1]}\nRequest SUCCESSFUL." in answer.out
    assert json.loads(Path(FILE).read_text())["pair"]["node2.state"] == "failing_over"


@settings(max_examples=60, deadline=None)
@given(NAMES, NAMES, NAMES)
def test_any_name_that_is_taken_can_be_read_in_the_status(group, one, two):
    if one.lower() == two.lower() or one.lower() == "node2" or two.lower() == "node1":
        with pytest.raises(BadInput):
            names_of(group, [one, two])
        return
    names = names_of(group, [one, two])
    text = State(PRG, *names, NORMAL).text()
    (found,) = parse(text).groups
    assert (found.name, tuple(n.name for n in found.nodes)) == names


@pytest.mark.parametrize(("words", "said"), [
    (("--node", "a"), "high availability needs two nodes"),
    (("--node", "a", "--node", "b", "--node", "c"), "high availability needs two nodes"),
    (("--node", "a", "--node", "A"), "both nodes are called 'a'"),
    (("--node", "node2", "--node", "b"), "node2 cannot be the name of the other node"),
    (("--node", "a", "--node", "Node1"), "Node1 cannot be the name of the other node"),
    (("--node", "a b", "--node", "c"), "node 'a b': expected a name of 1 to 128 printable"),
    (("--node", "a:b", "--node", "c"), "node 'a:b': expected"),
    (("--node", "", "--node", "c"), "node '': expected"),
    (("--node", "\x1b[31m", "--node", "c"), "node '\\x1b[31m': expected"),
    (("--node", "\udcff", "--node", "c"), "node '\\udcff': expected"),
    (("--group", "x" * 129), "expected a name of 1 to 128"),
    (("--group", "a\nState: Normal"), "expected a name"),
])
def test_names_that_cannot_stand_in_a_status(ha, words, said):
    assert said in wrong(ha("init", *words))
    assert not Path(FILE).exists()


def test_a_node_that_nobody_knows(ha, pair_of):
    assert "unknown node 'cup3'; the nodes are cup1 (node1) and cup2 (node2)" in wrong(
        ha("failover", "cup3"))
    ha("init", "-s", "own.json", "--node", "node1", "--node", "b")
    assert "unknown node 'zzz'; the nodes are node1 and b (node2)" in wrong(ha("failover", "zzz", "-s", "own.json"))
    assert "Missing argument" in wrong(ha("failover"))


# ---------------------------------------------------------------------------- the file


def _file(**changes):
    whole = {"format": FORMAT, "group": "g", "nodes": ["a", "b"],
             "policy": dict(PRG.model.policy), "pair": dict(NORMAL)}
    return json.dumps({k: v for k, v in (whole | changes).items() if v != "left out"})


def _pair(**changes):
    return _file(pair=dict(NORMAL) | {k.replace("__", "."): v for k, v in changes.items()})


BAD = {
    "empty": ("", "the state file is empty"),
    "no text": (b"\xff\xfe", "is not text: byte 0 is not UTF-8"),
    "zero byte": ("{\0}", "it holds a zero byte"),
    "cut off": (_file()[:200], "the state file is not JSON"),
    "deep": ("[" * 100_000, "nested too deeply"),
    "huge": (b" " * (16 * (1 << 20) + 1), "larger than 16 MB"),
    "a list": ("[]", f"is not a {FORMAT} file: expected an object with the keys format, group"),
    "null": ("null", f"is not a {FORMAT} file"),
    "another format": (_file(format="prgcore-state/2"), f"is not a {FORMAT} file"),
    "a key less": (_file(policy="left out"), f"is not a {FORMAT} file"),
    "a key more": (_file(more=1), f"is not a {FORMAT} file"),
    "a key twice": ('{"format": 1, "format": 2}', "the key 'format' is given twice"),
    "not a number": (_file(pair=float("nan")), "NaN is not JSON"),
    "a group of numbers": (_file(group=3), "group '3': expected a name"),
    "one node": (_file(nodes=["a"]), "high availability needs two nodes"),
    "nodes that are none": (_file(nodes="ab"), "high availability needs two nodes"),
    "names that are none": (_file(nodes=[["a"], {}]), "expected a name"),
    "no policies": (_file(policy=[]), "policy is not an object of texts"),
    "no choice": (_file(policy={"reconnection": 1}), "policy is not an object of texts"),
    "unknown policy": (_file(policy={"hope": "x"}), "the state file: unknown policy 'hope'"),
    "unknown choice": (_file(policy={"reconnection": "x"}), "unknown choice 'x'"),
    "no pair": (_file(pair=[]), "the state file: a pair is an object of columns, not list"),
    "no columns": (_file(pair={}), "the state file: missing column node1.state"),
    "unknown value": (_pair(ha="maybe"), "the state file: ha: unknown value 'maybe'"),
    "a list for a value": (_pair(ha=[]), "ha: unknown value '[]'"),
    "unknown column": (_pair(hb="on"), "unknown column 'hb'"),
    "a lie": (_pair(node1__health="stopped"), "node1.health is derived and would be 'healthy'"),
    "outside the invariants": (
        _pair(node1__state="running_in_backup_mode", node2__state="running_in_backup_mode"),
        "the state file: its pair breaks S1, "),
}


@pytest.mark.parametrize(("data", "said"), BAD.values(), ids=BAD)
def test_a_state_file_that_is_wrong_stays_as_it_is(ha, tmp_path, data, said):
    file = tmp_path / FILE
    whole = data if isinstance(data, bytes) else data.encode()
    file.write_bytes(whole)
    for words in (("status",), ("failover", "a"), ("event", "link_cut"), ("wait",)):
        assert said in wrong(ha(*words))
    assert "exists and is kept" in wrong(ha("init"))
    assert file.read_bytes() == whole
    assert [f.name for f in tmp_path.iterdir()] == [FILE]


def test_a_good_state_file_of_the_same_making(ha):
    Path(FILE).write_text(_file())
    assert ha("status").out == ("Subcluster Name: g\nNode 1 Name : a State: Normal\n"
                                "Node 2 Name : b State: Normal\n")


def test_places_that_are_no_state_file(ha, tmp_path):
    assert "no state file 'prgcore-state.json'; make one with prgcore ha init" \
        in wrong(ha("status"))
    assert "Is a directory" in wrong(ha("wait", "-s", tmp_path))
    assert "larger than 16 MB" in wrong(ha("wait", "-s", "/dev/zero"))
    assert "expected a file in a directory that exists" in wrong(ha("init", "-s", "no/such/dir"))
    assert "File name too long" in wrong(ha("status", "-s", "x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_standard_input_is_no_state_file(ha, tmp_path):
    for words in (("init",), ("status",), ("enable",), ("event", "link_cut"), ("wait",)):
        assert "- is not a state file" in wrong(ha(*words, "--state", "-"))
    assert list(tmp_path.iterdir()) == []


def test_a_usage_error_names_the_command_whose_help_to_read(ha):
    assert "requires an argument; see prgcore ha status --help" in wrong(ha("status", "--state"))
    assert "see prgcore ha failover --help" in wrong(ha("failover"))
    assert "see prgcore ha --help" in wrong(ha("faiover"))
    assert "see prgcore ha --help" in wrong(ha("--state", "init"))


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_change_keeps_the_mode_of_the_file(ha, pair_of, tmp_path, mode):
    (tmp_path / FILE).chmod(mode)
    assert ha("failover", "cup1").code == 0
    assert (tmp_path / FILE).stat().st_mode & 0o7777 == mode


def test_a_new_file_has_the_mode_that_the_mask_leaves(ha, tmp_path):
    mask = os.umask(0o027)
    try:
        ha("init")
    finally:
        os.umask(mask)
    assert (tmp_path / FILE).stat().st_mode & 0o7777 == 0o640


def test_of_many_that_make_one_file_one_succeeds(ha, tmp_path):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, f"g{number}"], cwd=tmp_path, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for number in range(4)
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60) for racer in racers]
    winners = [number for number, racer in enumerate(racers) if racer.returncode == 0]
    assert len(winners) == 1, said
    assert ha("status").out.startswith(f"Subcluster Name: g{winners[0]}\n")
    for number, racer in enumerate(racers):
        if number not in winners:
            assert (racer.returncode, said[number][0]) == (2, "")
            assert "'prgcore-state.json' exists and is kept; " in said[number][1]
    assert [f.name for f in tmp_path.iterdir()] == [FILE]


RACER = """
import sys
from prgcore import machine
from prgcore.cli import main

built = machine.prg()
machine.prg = lambda: built
print("ready", flush=True)
sys.stdin.readline()
sys.exit(main(["ha", "init", "--group", sys.argv[1]]))
"""


@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
def test_a_file_that_somebody_makes_meanwhile_is_kept(ha, tmp_path, monkeypatch, links):
    """It appears at the last moment: after everything that could have been looked at before."""
    for name in ("chmod",) if links else ("chmod", "link"):
        _meanwhile(monkeypatch, tmp_path, name)
    said = wrong(ha("init"))
    assert "'prgcore-state.json' exists and is kept; give another file" in said
    assert (tmp_path / FILE).read_text() == "theirs"
    assert [f.name for f in tmp_path.iterdir()] == [FILE]


def _meanwhile(monkeypatch, place, name):
    def chmod(*_):
        (place / FILE).write_text("theirs")

    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    if name == "chmod":
        monkeypatch.setattr("pathlib.Path.chmod", chmod)
    else:
        monkeypatch.setattr("os.link", link)


def test_a_disk_without_links_is_served(ha, tmp_path, monkeypatch):
    _meanwhile(monkeypatch, tmp_path, "link")
    assert ha("init").code == 0
    assert ha("status").code == 0
    assert [f.name for f in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("broken", ["os.fdopen", "pathlib.Path.replace", "pathlib.Path.chmod"])
def test_a_change_that_cannot_be_written_did_not_happen(ha, pair_of, tmp_path, monkeypatch, broken):
    before = (tmp_path / FILE).read_bytes()

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(broken, fails)
        said = wrong(ha("failover", "cup1"))
    assert "cannot write" in said
    assert "No space left on device" in said
    assert (tmp_path / FILE).read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == [FILE]
    assert ha("failover", "cup1").code == 0, "and nothing stays locked"
    assert pair_of()["node1.state"] == "failing_over"


def test_a_decision_is_written_before_it_is_told(ha, pair_of, monkeypatch):
    monkeypatch.setattr("prgcore.cli.ha._show", lambda *_, **__: sys.exit("interrupted"))
    with pytest.raises(SystemExit):
        ha("failover", "cup1")
    assert pair_of()["node1.state"] == "failing_over"


def test_a_link_stays_a_link(ha, pair_of, tmp_path):
    (tmp_path / "link.json").symlink_to(FILE)
    assert ha("failover", "cup1", "-s", "link.json").code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert pair_of()["node1.state"] == "failing_over"


WORKER = """
import io, json, sys
from contextlib import redirect_stdout
from prgcore.cli import main

main(["ha", "status"])
sys.stdout.flush()
sys.stdin.readline()
for event in sys.argv[1:] * 40:
    with redirect_stdout(io.StringIO()) as said:
        code = main(["ha", "event", event, "--json"])
    outcome = json.loads(said.getvalue())["decisions"][0]["outcome"] if code == 0 else code
    if outcome != "done":
        sys.exit(f"{event}: {outcome}")
"""


def test_two_at_once_lose_nothing(ha, pair_of, tmp_path):
    """Each switches what the other leaves alone: a change that was lost would be refused later."""
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, *events], cwd=tmp_path, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for events in (("enable_auto_fallback", "disable_auto_fallback"), ("link_cut", "link_repair"))
    ]
    before = pair_of()
    for worker in workers:
        heard = [worker.stdout.readline() for _ in range(3)]
        assert heard[0] == "Subcluster Name: prg\n"
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    assert pair_of() == before
    assert [f.name for f in tmp_path.iterdir()] == [FILE]


def test_a_file_that_is_replaced_while_one_waits_is_read_again(ha, pair_of, monkeypatch):
    """The lock that was waited for is of a file that is gone: the new one is locked and read."""
    import fcntl

    asked = []

    def flock(stream, how):
        if not asked:
            other = Path("other.json")
            other.write_text(Path(FILE).read_text().replace('"link": "up"', '"link": "cut"'))
            other.replace(FILE)
        asked.append(how)

    monkeypatch.setattr(fcntl, "flock", flock)
    assert "Request FAILED." not in ha("disable").out
    assert asked == [fcntl.LOCK_EX] * 2
    assert pair_of()["link"] == "cut"


def test_a_system_without_such_locks_is_served(ha, pair_of, monkeypatch):
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert ha("failover", "cup1").code == 0
    assert pair_of()["node1.state"] == "failing_over"


def test_it_runs_as_a_program(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "prgcore", "ha", "init"], cwd=tmp_path, capture_output=True,
        check=False, timeout=60, env={**os.environ, "COLUMNS": "80"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads((tmp_path / FILE).read_text())["pair"] == dict(PRG.initial[0])


# -------------------------------------------------------------------------------- rest


def _by_itself(pair):
    return [
        e.name for e in PRG.model.events
        if e.kind in (Kind.TIMER, Kind.COMPLETION) and e.success
        and not e.name.startswith(NEVER_WAITED_FOR) and PRG.possible(pair, e.name)
    ]


def test_waiting_ends_at_rest_and_every_step_is_a_decision():
    longest = 0
    for values in PRG.atlas.everything.distinct([
        *(f"{n}.{what}" for n in NODES for what in ("state", "reason", "process")), "link",
    ])[::8]:
        pair = PRG.at(values)
        steps = until_rest(PRG, pair)
        longest = max(longest, len(steps))
        for step in steps:
            assert step == PRG.step(pair, step.event)
            assert step.event in _by_itself(pair)
            assert step.outcome is Outcome.DONE
            pair = step.pair
        assert all(PRG.step(pair, event).pair == pair for event in _by_itself(pair))
    assert 3 <= longest <= 12, "12: the longest chain of L1"


def test_waiting_is_no_answer_outside_the_invariants():
    start = NORMAL
    broken = PRG.pair({**start, "node1.assigned_own": "no", "node2.hears_peer": "no"})
    assert PRG.broken(broken)
    with pytest.raises(OutsideInvariant):
        until_rest(PRG, broken)


@pytest.mark.parametrize(("event", "reason"), [
    ("power_off(node2)", "peer_reboot"), ("manager_stop(node2)", "peer_down"),
    ("link_cut", "peer_down"), ("services_down(node2)", "critical_service_down"),
    ("database_down(node2)", "database_failure"),
])
def test_what_a_fault_leads_to_when_one_waits(event, reason):
    start = PRG.step(NORMAL, event).pair
    end = until_rest(PRG, start)[-1].pair
    assert (end["node1.state"], end["node1.reason"]) == ("running_in_backup_mode", reason)


def test_nobody_waits_for_the_automatic_fallback(ha, pair_of):
    ha("event", "enable_auto_fallback", "services_down(node1)")
    ha("wait")
    ha("event", "services_up(node1)")
    assert ha("wait").code == 0
    assert pair_of()["node1.state"] == "failed_over"
    assert PRG.possible(PRG.pair(pair_of()), "auto_fallback_due(node1)")
    ha("event", "auto_fallback_due(node1)")
    assert ha("wait").out.count("State: Normal") == 2
