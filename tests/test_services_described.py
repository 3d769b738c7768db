"""Services in a group file: old and new forms, and one clear line for every mistake."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.running.group import read_group
from prgcore.running.member import Member
from prgcore.running.service import Check, Restart, Service, read

FILE = """\
group = "Sales"
store = "sqlite:pair.db"
security = {{key = "pair.key"}}
[node1]
name = "cup1"
service = "10.0.0.1:22001"
admin = "10.0.0.1:20075"
{more}
[node2]
name = "cup2"
service = "10.0.0.2:22001"
admin = "10.0.0.2:20075"
"""
FRONT = {"command": ["redis-server"]}
ELSEWHERE = {"start": ["a"], "stop": ["b"], "check": {"tcp": "h:1"}}


@pytest.fixture
def member(tmp_path):
    """The first node of a file with more lines under [node1]."""

    def call(more):
        (tmp_path / "group.toml").write_text(FILE.format(more=more))
        return read_group(tmp_path / "group.toml").nodes["node1"]

    return call


def test_a_command_alone_is_a_service_as_before(member):
    found = member('services = {web = ["nginx", "-g", "daemon off;"]}').services
    assert found == {"web": Service(("nginx", "-g", "daemon off;"))}
    assert found["web"].check is None
    assert found["web"].restart.tries == 0


def test_a_member_that_is_made_by_hand_takes_mere_commands(tmp_path):
    made = Member("node1", "a", tmp_path, tmp_path, ("h", 1), ("h", 2), services={"a": ("sleep", "1")})
    assert made.services == {"a": Service(("sleep", "1"))}


def test_every_key_of_a_service_is_read(member):
    found = member("""
[node1.services.web]
command = ["nginx"]
stop = ["nginx", "-s", "quit"]
pidfile = "nginx.pid"
check = {http = "http://127.0.0.1:80/up?x=1", interval = 2, timeout = 0.5, rise = 1, fall = 4}
restart = {tries = 5, pause = 0.5, longest = 8}
start_timeout = 60
stop_timeout = 20.5
""").services["web"]
    assert found == Service(
        ("nginx",), (), ("nginx", "-s", "quit"), "nginx.pid",
        Check(http="http://127.0.0.1:80/up?x=1", interval=2, timeout=0.5, rise=1, fall=4),
        Restart(5, 0.5, 8), 60, 20.5)


def test_a_service_that_runs_elsewhere(member):
    found = member("""
[node1.services.postgres]
start = ["systemctl", "start", "postgresql"]
stop = ["systemctl", "stop", "postgresql"]
check = {tcp = "[::1]:5432"}
""").services["postgres"]
    assert (found.command, found.start[1], found.check) == ((), "start", Check(tcp=("::1", 5432)))


def test_the_service_that_serves_is_asked_for_its_answers_unless_it_has_a_check(member):
    text = 'services = {a = ["x"], b = ["y"]}\nserving = "a"'
    found = member(text).services
    assert (found["a"].check, found["b"].check) == (Check(lease=True), None)
    text = 'serving = "a"\n[node1.services.a]\ncommand = ["x"]\ncheck = {tcp = "127.0.0.1:6379"}'
    assert member(text).services["a"].check == Check(tcp=("127.0.0.1", 6379))


@pytest.mark.parametrize(("check", "bound", "back"), [
    (Check(lease=True), 4, 3),
    (Check(lease=True, interval=0.5, timeout=0.1, fall=1, rise=1), 0.6, 0.6),
    (Check(lease=True, interval=2, timeout=2, fall=5), 12, 6),
])
def test_the_bound_of_a_check(check, bound, back):
    assert (check.bound, check.back) == (pytest.approx(bound), pytest.approx(back))
    assert check.bound <= (check.interval + check.timeout) * check.fall


@pytest.mark.parametrize(("check", "words"), [
    (Check(command=("pg_isready", "-q")), "pg_isready -q"), (Check(tcp=("::1", 5)), "tcp [::1]:5"),
    (Check(http="http://h/"), "http://h/"), (Check(lease=True), "the answer to its permission"),
])
def test_a_check_in_words(check, words):
    assert str(check) == words


@pytest.mark.parametrize(("found", "said"), [
    ([], ': expected a command as a list: ["program", "option"]'),
    ("nginx", ": expected a command as a list"),
    (None, ": expected a command as a list"),
    ({}, ": expected either command, a process of this agent, or start and stop"),
    ({**FRONT, "start": ["a"]}, ": expected either command"),
    ({**FRONT, "strat": ["a"]}, ": unknown key 'strat'; did you mean start"),
    ({"command": "nginx"}, ".command: expected a command as a list"),
    ({"command": [1]}, ".command: expected a command as a list"),
    ({"start": ["a"], "check": {"tcp": "h:1"}}, ".stop is missing: start has no process"),
    ({"stop": ["a"]}, ": expected either command"),
    ({"start": ["a"], "stop": ["b"]}, ".check is missing: only a check can say whether"),
    ({**ELSEWHERE, "pidfile": "x"}, ": pidfile and a check of the lease need command"),
    ({**ELSEWHERE, "check": {"lease": True}}, ": pidfile and a check of the lease need command"),
    ({**FRONT, "pidfile": ""}, ".pidfile: expected a text"),
    ({**FRONT, "pidfile": 5}, ".pidfile: expected a text"),
    ({**FRONT, "check": "tcp"}, ".check: expected a table"),
    ({**FRONT, "check": {}}, ".check: expected exactly one of command, tcp, http, lease, not none"),
    ({**FRONT, "check": {"tcp": "h:1", "lease": True}}, ".check: expected exactly one of"),
    ({**FRONT, "check": {"tcp": "h"}}, ".check.tcp: 'h' has no port; expected HOST:PORT"),
    ({**FRONT, "check": {"tcp": "h:x"}}, ".check.tcp: 'h:x' is not an address"),
    ({**FRONT, "check": {"tcp": 5432}}, ".check.tcp: expected a text"),
    ({**FRONT, "check": {"http": "https://h/"}}, ".check.http: 'https://h/' is not such a URL"),
    ({**FRONT, "check": {"http": "h:80/x"}}, ".check.http: 'h:80/x' is not such a URL"),
    ({**FRONT, "check": {"http": "http://"}}, ".check.http: 'http://' is not such a URL"),
    ({**FRONT, "check": {"http": "http://h:x/"}}, ".check.http: 'http://h:x/' is not such"),
    ({**FRONT, "check": {"http": "http://u:p@h/"}}, ".check.http: 'http://u:p@h/' is not such"),
    ({**FRONT, "check": {"http": "http://h/a b"}}, ".check.http: 'http://h/a b' is not such"),
    ({**FRONT, "check": {"lease": False}}, ".check.lease: write lease = true, or leave"),
    ({**FRONT, "check": {"lease": 1}}, ".check.lease: expected true or false"),
    ({**FRONT, "check": {"lease": True, "timeout": 2}},
     ".check.timeout: 2 s is longer than the interval, which is 1 s; write interval = 2 or more"),
    ({**FRONT, "check": {"lease": True, "interval": 0}}, ".check.interval: 0 is not a number"),
    ({**FRONT, "check": {"lease": True, "interval": float("nan")}}, ".check.interval: nan is not"),
    ({**FRONT, "check": {"lease": True, "fall": 0}}, ".check.fall: 0 is not a whole number"),
    ({**FRONT, "check": {"lease": True, "rise": 1.5}}, ".check.rise: 1.5 is not a whole number"),
    ({**FRONT, "check": {"lease": True, "rise": True}}, ".check.rise: True is not a whole number"),
    ({**FRONT, "restart": 3}, ".restart: expected a table"),
    ({**FRONT, "restart": {"pause": 3}}, ".restart.tries is missing"),
    ({**FRONT, "restart": {"tries": -1}}, ".restart.tries: -1 is not a whole number"),
    ({**FRONT, "restart": {"tries": 1, "pause": 9, "longest": 3}},
     ".restart.longest: 3 s is shorter than the first pause, which is 9 s"),
    ({**FRONT, "start_timeout": 0}, ".start_timeout: 0 is not a number from 0.01"),
    ({**FRONT, "stop_timeout": "5 s"}, ".stop_timeout: '5 s' is not a number"),
])
def test_a_mistake_is_one_line_with_its_place(found, said):
    with pytest.raises(BadInput) as caught:
        read(found, "node1.services.x")
    assert str(caught.value).startswith(f"node1.services.x{said}"), str(caught.value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["command", "start", "stop", "check", "restart", "tries", "tcp", "http",
                         "lease", "interval", "timeout", "rise", "fall", "pidfile", "x"]),
        inner, max_size=5), max_leaves=9))
def test_whatever_is_written_it_is_a_service_or_one_line(found):
    try:
        said = read(found, "here")
    except BadInput as error:
        said = str(error)
    assert isinstance(said, Service) or (said.startswith("here") and len(said) < 400)


@pytest.mark.parametrize(("more", "said"), [
    ('services = {a = ["x"]}\nserving = "b"', "node1.serving: unknown service 'b'"),
    ('[node1.services.a]\ncommand = ["x"]\ncheck = {lease = true}',
     "node1.services.a.check.lease: only the service that node1.serving names"),
    ('serving = "a"\n[node1.services.a]\nstart = ["x"]\nstop = ["y"]\ncheck = {tcp = "h:1"}',
     "node1.serving: 'a' runs elsewhere, so it cannot listen at PRGCORE_SOCKET"),
    ('[node1.watch.current]\ncommand = ["x"]',
     "node1.watch: the machine watches nothing but services and the database; leave 'current' out"),
    ('[node1.watch.database]\ncommand = ["x"]', "node1.watch: 'database' follows from the services"),
    ("[node1.watch.x]\nlease = true", "node1.watch.x.lease: only a service receives permissions"),
    ("[node1.watch]\nx = 5", "node1.watch.x: expected a table, not 5"),
    ('[node1.watch."../x"]\ntcp = "h:1"', "node1.watch: '../x' is not a name"),
])
def test_what_does_not_fit_together_is_refused(member, more, said):
    with pytest.raises(BadInput) as caught:
        member(more)
    assert str(caught.value).removeprefix("group file group.toml: ").startswith(said)


def test_the_bound_of_each_check_is_printed(tmp_path, run):
    (tmp_path / "group.toml").write_text(FILE.format(more="""
services = {web = ["a"], plain = ["b"]}
serving = "web"
"""))
    shown = run("timing", "--group", tmp_path / "group.toml").out.replace("\n", " ")
    assert "cup1: a fault of web is seen after at most 4 s, and its end after 3 s" in shown
    assert "plain" not in shown
    found = json.loads(run("timing", "--group", tmp_path / "group.toml", "--json").out)["checks"]
    assert found == [{"node": "cup1", "name": "web", "asks": "the answer to its permission",
                      "down_after": 4.0, "up_after": 3.0}]
