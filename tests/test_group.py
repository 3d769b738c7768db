"""Group files: every wrong one is refused with a line that says what to write."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput, Unavailable
from prgcore.machine import PRG
from prgcore.running import agent
from prgcore.running.group import LONGEST, doubts, read_group, terms
from prgcore.running.keyfile import write_key
from prgcore.running.lease import Lease, lease_of, lease_text
from prgcore.running.member import LONGEST_SOCKET
from prgcore.wire import digest

EXAMPLE = Path(__file__).parent.parent / "examples" / "two_nodes" / "group.toml"
GOOD = """\
group = "Sales"
store = "sqlite:pair.db"
security = {key = "pair.key"}
[node1]
name = "cup1"
service = "10.0.0.1:22001"
admin = "10.0.0.1:20075"
[node2]
name = "cup2"
service = "10.0.0.2:22001"
admin = "10.0.0.2:20075"
"""


@pytest.fixture
def read(tmp_path):
    """The group of a good file, some of its text replaced."""

    def call(*replaced, text=GOOD, folder=tmp_path):
        for old, new in replaced:
            assert old in text
            text = text.replace(old, new)
        (folder / "group.toml").write_text(text)
        return read_group(folder / "group.toml")

    return call


@pytest.fixture
def refused(read):
    """The one line that refuses a file."""

    def call(*replaced, **more):
        with pytest.raises(BadInput) as caught:
            read(*replaced, **more)
        said = str(caught.value)
        assert said.startswith("group file group.toml: ")
        assert said.isprintable()
        assert len(said) < 400
        return said.removeprefix("group file group.toml: ")

    return call


def test_the_good_one_and_the_example_are_read(read):
    group = read()
    assert [(m.service, m.admin) for m in group.nodes.values()] == [
        (("10.0.0.1", 22001), ("10.0.0.1", 20075)), (("10.0.0.2", 22001), ("10.0.0.2", 20075))]
    assert read_group(EXAMPLE).member("CUP2").seat == "node2"


def test_a_file_at_the_limit_is_read_and_a_longer_one_is_not_cut(read, refused):
    fill = "#" * (LONGEST - len(GOOD))
    assert read(text=GOOD + fill).nodes == read().nodes
    assert refused(text=GOOD + fill + "#").startswith("longer than 1 MB")


@pytest.mark.parametrize(("written", "means"), [
    ("[::1]:22003", ("::1", 22003)), ("[::1]", ("::1", 22001)), ("::1", ("::1", 22001)),
    ("[FE80:0::1%eth0]:7", ("fe80::1%eth0", 7)), ("cup1", ("cup1", 22001)),
    ("CUP1.example:1", ("cup1.example", 1)), ("10.0.0.9:65535", ("10.0.0.9", 65535)),
])
def test_addresses(read, written, means):
    assert read(("10.0.0.1:22001", written)).member("cup1").service == means


@pytest.mark.parametrize("written", [
    ":22001", "cup1:", "cup1:0", "cup1:65536", "cup1:-1", "cup1:x", "cup1:²", "cup1:" + "9" * 400,
    "::1:22001:", "::1:22001", "[::1", "[::1]:", "[::1]22001", "[cup1]:1", "[]:1", "a:b:1", " :1",
    "http://cup1:22001", "cup 1:22001", "::g", "cup..example:1", ".cup1", "." * 9, "a" * 64 + ".example:1",
    "ü" * 60, "cup1。。example",
])
def test_what_is_no_address_is_refused_with_one_that_is(refused, written):
    said = refused(("10.0.0.1:22001", written))
    assert said.startswith("node1.service: ")
    assert said.endswith("is not an address; expected HOST:PORT, as 127.0.0.1:22001 or [::1]:22001")


@pytest.mark.parametrize(("replaced", "said"), [
    ([("10.0.0.2:22001", "10.0.0.1:22001")],
     ('node1.service and node2.service are both 10.0.0.1:22001; give each its own: under [node2], '
     'service = "HOST:PORT", as "10.0.0.1:22002"')),
    ([("10.0.0.1:20075", "10.0.0.1:22001")], "node1.service and node1.admin are both 10.0.0.1:22001"),
    ([("10.0.0.2:20075", "10.0.0.1:22001")], "node1.service and node2.admin are both"),
    ([("10.0.0.1:22001", "[0::1]:5"), ("10.0.0.2:22001", "[::1]:5")],
     ('node1.service and node2.service are both [::1]:5; give each its own: under [node2], '
     'service = "HOST:PORT", as "[::1]:6"')),
    ([('admin = "10.0.0.1:20075"', 'peer = "10.0.0.1:22001"')], "node1.peer: 10.0.0.1:22001 is its own"),
    ([('name = "cup2"', 'name = "CUP1"')], "both nodes are called 'cup1'"),
    ([('name = "cup2"', 'name = "Node1"')], "node2.name: 'Node1' is the name of the other node"),
    ([('"Sales"', '"A B"')], "group 'A B': expected a name"),
    ([('"cup1"', '"a:b"')], "node 'a:b': expected a name"),
    ([("sqlite:pair.db", "sqlite:")], "store: 'sqlite:' is not a store; expected sqlite:FILE or etcd:URL"),
    ([("sqlite:pair.db", "postgres:x")], "store: 'postgres:x' is not a store"),
    ([("[node1]\n", '[node1]\nservices = {"../x" = ["a"]}\n')], "node1.services: '../x' is not a name"),
    ([("[node1]\n", '[node1]\nservices = {".." = ["a"]}\n')], "node1.services: '..' is not a name"),
    ([("[node1]\n", '[node1]\nservices = {agent = ["a"]}\n')], "node1.services: 'agent' is not a name"),
    ([("[node1]\n", '[node1]\nservices = {x = ["a\\u0000"]}\n')], "node1.services.x: expected a command"),
])
def test_what_belongs_to_both_or_to_nobody_is_refused(refused, replaced, said):
    assert refused(*replaced).startswith(said)


def test_nodes_without_addresses_are_told_what_to_write(refused):
    text = 'group="A"\nstore="sqlite:x"\n[node1]\n[node2]\n'
    assert refused(text=text) == (
        'node1.service and node2.service are both 127.0.0.1:22001; give each its own: under '
        '[node2], service = "HOST:PORT", as "127.0.0.1:22002"')


@pytest.mark.parametrize(("more", "said"), [
    ("grant = 2.9\n", "grant: 2.9 s is shorter than the lease, which lasts 3 s"),
    ("lease = {lasts = 4, waits = 9}\n", "grant: 3 s is shorter than the lease, which lasts 4 s"),
    ("grant = true\n", "grant: True is not a number of seconds above 0 and below 1,000,000"),
    ("grant = nan\n", "grant: nan is not a number"),
])
def test_a_grant_outlasts_the_lease(read, refused, more, said):
    assert refused(text=more + GOOD).startswith(said)
    assert read(text="grant = 3.0\n" + GOOD).grant == 3


def test_a_grant_in_etcd_lasts_two_seconds_or_more(read, refused):
    short = "grant = 1.5\nlease = {lasts = 1}\n" + GOOD
    assert read(text=short).grant == 1.5
    assert "too short for etcd, where a grant lasts at least 2 s" in refused(
        ("sqlite:pair.db", "etcd:http://127.0.0.1:1"), text=short)


def test_an_unknown_node_is_told_names_and_seats(read):
    for name in ("cup3", "xyz"):
        with pytest.raises(BadInput) as caught:
            read().member(name)
        assert str(caught.value) == f"unknown node {name!r}; the nodes are cup1 (node1) and cup2 (node2)"
    unnamed = read(('name = "cup1"\n', ""), ('name = "cup2"\n', ""))
    with pytest.raises(BadInput, match=r"the nodes are node1 and node2$"):
        unnamed.member("xyz")


def test_a_socket_with_too_long_a_name_is_refused(read, refused, tmp_path):
    serving = ("[node1]\n", '[node1]\nserving = "a"\nservices = {a = ["true"]}\n')
    long = ("[node1]\n", f'[node1]\ndirectory = "{"d" * 100}"\n')
    assert refused(serving, long).startswith("node1.directory: a socket in ")
    assert f"more than {LONGEST_SOCKET} bytes" in refused(serving, long)
    assert read(long), "nobody listens there"
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    assert read(serving, folder=folder), "its services call it by a short name"


def test_terms_differ_exactly_where_what_both_must_share_does(read):
    assert terms(read_group(EXAMPLE)) == {
        "machine": digest(PRG.model),
        "lease": "lasts 0.4 s, pause 0.1 s, stopping 0.1 s, waits 0.6 s", "grant": "2 s",
        "keep_alive_interval": "0.1 s", "initialization_keep_alive_timeout": "1.2 s",
        "keep_alive_timeout": "0.6 s"}
    plain, same = read(), read(text="lease = {lasts = 3, waits = 5.0}\ngrant = 3.0\n" + GOOD)
    assert terms(plain) == terms(same)
    for name, text in {
        "lease": "lease = {lasts = 2.9999999}\n", "grant": "grant = 3.01\n",
        "machine": 'policy = {reconnection = "keep_serving"}\n',
        "keep_alive_interval": "parameters = {keep_alive_interval = 14.5}\n",
        "keep_alive_timeout": "parameters = {keep_alive_timeout = 61}\n",
        "initialization_keep_alive_timeout": "parameters = {initialization_keep_alive_timeout = 1}\n",
    }.items():
        other = terms(read(text=text + GOOD))
        assert [n for n in other if other[n] != terms(plain)[n]] == [name]
    assert terms(read(text="parameters = {critical_service_delay = 1}\n" + GOOD)) == terms(plain)


@given(st.lists(st.floats(0, 999_999), min_size=3, max_size=3).filter(sum))
def test_the_term_of_a_lease_is_the_lease(times):
    lasts, pause, stopping = times
    lease = Lease(lasts=lasts or 1, pause=pause / 4, stopping=stopping / 4, waits=999_999.5) \
        if sum(times) < 999_998 else Lease()
    assert lease_of(lease_text(lease)) == lease


@pytest.mark.parametrize("text", [
    "", "x", "4 s", "lasts 3 s", "lasts 3 s, pause 1 s, stopping 0.5 s, waits 1 s", "lasts - s",
    "lasts 3.0 s, pause 1 s, stopping 0.5 s, waits 5 s", "lasts 3 s, " * 10**5,
    "lasts inf s, pause 1 s, stopping 0.5 s, waits 5 s",
])
def test_what_is_no_lease_is_bad_input(text):
    with pytest.raises(BadInput):
        lease_of(text)


@pytest.mark.parametrize(("lasts", "timeout"), [(0.5, 1), (3, 1.5), (8, 4)])
def test_a_call_to_etcd_gives_up_before_the_lease_is_over(read, lasts, timeout):
    pytest.importorskip("etcd3gw")
    text = f"grant = 9\nlease = {{lasts = {lasts}, waits = 10}}\n" + GOOD
    store, arbiter = read(("sqlite:pair.db", "etcd:http://127.0.0.1:1"), text=text).open_store()
    assert store._etcd.timeout == arbiter._etcd.timeout == timeout
    store.close()
    arbiter.close()


def test_reading_a_group_file_loads_no_store():
    import subprocess

    loaded = ("import sys; from prgcore.running.group import read_group;"
              f"read_group(__import__('pathlib').Path({str(EXAMPLE)!r}));"
              "print([m for m in ('sqlite3', 'etcd3gw', 'prgcore.wire.machine_file') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_a_lease_that_is_none_is_refused():
    with pytest.raises(BadInput, match="T10"):
        Lease(lasts=6)


def test_decimals_of_a_lease_are_taken_as_written():
    assert 0.1 + 0.2 > 0.3
    assert Lease(lasts=0.1, pause=0.2, stopping=0, waits=0.3).tolerated == 0
    with pytest.raises(BadInput, match="at most waits"):
        Lease(lasts=0.1, pause=0.2, stopping=0, waits=0.299999999)


@pytest.mark.parametrize(("times", "tolerated"), [
    ((3, 5, 1, 0.5), 0.06325), ((3, 4.5, 1, 0.5), 0), ((3, 4.501, 1, 0.5), 0.000133),
    ((0.4, 0.7, 0.1, 0.1), 0.092463), ((1, 3, 0, 0), 0.5), ((0.001, 999, 0, 0), 0.999997),
    ((30, 60, 1, 2), 0.303061), ((10, 11, 0, 0), 0.047619), ((3, 1000, 0, 0), 0.994017),
    ((2, 100, 90, 7.9), 0.000981),
])
def test_the_drift_that_a_lease_tolerates(times, tolerated):
    """By the formula: the smaller root of d x^2 - (W + L) x + (W - L - d), with d = p + s."""
    lasts, waits, pause, stopping = times
    lease = Lease(lasts, waits, pause, stopping)
    d, both = pause + stopping, waits + lasts
    left = waits - lasts - d
    root = 2 * left / (both + (both**2 - 4 * d * left) ** 0.5)
    assert abs(lease.tolerated - root) <= 2e-6
    assert lease.tolerated == pytest.approx(tolerated, abs=2e-6)
    assert left / both - 1e-6 <= lease.tolerated <= left / (both - d) + 1e-6
    assert lease.tolerates(lease.tolerated)
    assert not lease.tolerates(lease.tolerated + 2e-6)
    assert evolve(lease, drift=lease.tolerated).drift == lease.tolerated
    with pytest.raises(BadInput, match=r"could make users be served twice \(T10\)"):
        evolve(lease, drift=lease.tolerated + 2e-6)


@pytest.mark.parametrize("drift", ["1", "-0.1", "nan", "inf", "true", "'x'", "[]", "1e400"])
def test_what_is_no_drift_is_refused(refused, drift):
    said = refused(text=f"lease = {{drift = {drift}}}\n" + GOOD)
    assert said.startswith("lease: drift: ")
    assert said.endswith(" is not a share of time from 0, below 1")


def test_a_drift_that_is_too_large_is_refused_with_what_is_tolerated(read, refused):
    assert refused(text="lease = {drift = 0.07}\n" + GOOD) == (
        "lease: clocks that drift by 0.07 could make users be served twice (T10): it tolerates a "
        "drift of 0.06325; write a longer wait")
    assert read(text="lease = {drift = 0.06}\n" + GOOD).lease.drift == 0.06
    assert "did you mean drift" in refused(text="lease = {drif = 0.06}\n" + GOOD)


def test_the_drift_is_not_agreed_upon(read):
    assert terms(read(text="lease = {drift = 0.06}\n" + GOOD)) == terms(read())


def test_an_agent_doubts_a_lease_that_ordinary_clocks_break(
    read, monkeypatch, caplog, tmp_path,
):
    far = ("sqlite:pair.db", "etcd:http://127.0.0.1:1")
    tight = "lease = {lasts = 3, pause = 1, stopping = 0.5, waits = 4.5}\n" + GOOD
    assert list(doubts(read(far, text=tight))) == [(
        "the lease tolerates clocks that drift by 0, and ordinary ones may drift by 0.0005: write a "
        "longer wait, or the drift of your clocks as lease.drift (T10)")]
    known = ("waits = 4.5", "waits = 4.5, drift = 0")
    for fine in (read(far), read(text=tight), read(far, known, text=tight), read_group(EXAMPLE)):
        assert list(doubts(fine)) == []
    deaf = "parameters = {keep_alive_interval = 60, critical_service_delay = 0}\n" + GOOD
    (said,) = doubts(read(text=deaf))
    assert said == ("parameters: a peer that is alive and loses no heartbeat is declared lost; "
                    "set keep_alive_interval=15")
    (tmp_path / "node1").mkdir()
    monkeypatch.setattr(agent, "doubts", lambda group: [f"doubted: {group.name}"])
    write_key(tmp_path / "pair.key")
    made = agent.Agent(read(text=tight), "node1")
    assert "doubted: Sales" in caplog.text
    made.store.close()
    made.directory.release()


@pytest.mark.parametrize(("more", "said"), [
    *((f"grant = {n}\n", "is not TOML that can be read: a number has too many digits") for n in (
        "9" * 5000, "-" + "9" * 5000, "0x" + "f" * 5000, "0o" + "7" * 5000, "0b" + "1" * 20_000,
        "1" + "_0" * 5000, str(1 << 63))),
    *((f"{where} = {{{key} = 0x{'f' * 5000}}}\n", "a number has too many digits") for where, key in (
        ("lease", "lasts"), ("lease", "drift"), ("parameters", "keep_alive_interval"),
        ("policy", "reconnection"))),
    (f"lease = {{lasts = [0x{'f' * 5000}]}}\n", "a number has too many digits"),
    ("grant = 1e999\n", "grant: inf is not a number of seconds"),
    ("grant = -1e999\n", "grant: -inf is not a number of seconds"),
    ("lease = {lasts = 1e999}\n", "lease: lasts: inf is not a number of seconds"),
    ("lease = {drift = 1e999}\n", "lease: drift: inf is not a share"),
    ("parameters = {keep_alive_interval = 1e999}\n", "keep_alive_interval: inf is outside"),
    ("parameters = {keep_alive_interval = 0}\n", "keep_alive_interval: 0: a timer that was not answered"),
    ("parameters = {keep_alive_interval = 1e-9}\n", "keep_alive_interval: 1e-09: a timer that was"),
    ("grant = 9999-12-31\n", "is not a number of seconds"), ("grant = 24:00:00\n", "not TOML"),
    ("a = " + "[" * 100_000 + "\n", "is nested too deeply"),
    ("x" + ".a" * 3000 + " = 1\n", "is nested too deeply"),
], ids=lambda v: v[:44])
def test_a_number_of_any_size_is_one_line(read, more, said):
    """An integer of 5,000 digits was a bug, exit code 70."""
    with pytest.raises(BadInput) as caught:
        read(text=more + GOOD)
    assert said in str(caught.value)
    assert str(caught.value).startswith("group file group.toml")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_a_store_whose_log_was_removed_is_opened_again_with_its_arbiter(tmp_path):
    """The arbiter kept the shared memory of the removed log: "disk I/O error", without end."""
    (tmp_path / "g.toml").write_text(
        'group = "A"\nstore = "sqlite:x.db"\nsecurity = {off = true}\n[node1]\n[node2]\n'
        'service = "127.0.0.1:22002"\nadmin = "127.0.0.1:20076"\n')
    store, arbiter = read_group(tmp_path / "g.toml").open_store()
    try:
        version = store.write({"a": 1}, 0)
        assert arbiter.holder() is None
        for epoch in range(1, 4):
            for name in ("x.db-wal", "x.db-shm"):
                (tmp_path / name).unlink()
            with pytest.raises(Unavailable, match="is gone"):
                store.read()
            kept = store.read()
            version = store.write({"a": 2}, kept.version if kept else 0)
            assert arbiter.acquire("node1", epoch)
            assert store.read().version == version
    finally:
        store.close()
        arbiter.close()


def test_a_group_file_takes_parameters_as_the_administration_spells_them(read, refused):
    spelled = ('parameters = {"Keep Alive (HeartBeat) Interval" = "2 s", "Keep Alive Timeout" = 9, '
               '"Enable Automatic Fallback" = "TRUE", "Service Port" = "22009", '
               '"Critical Service Delay" = "1 minute", service_delays = {}}\n' + GOOD)
    plain = ("parameters = {keep_alive_interval = 2, keep_alive_timeout = 9, "
             "enable_automatic_fallback = true, service_port = 22009, critical_service_delay = 60}\n"
             + GOOD)
    assert read(text=spelled).parameters == read(text=plain).parameters
    assert terms(read(text=spelled)) == terms(read(text=plain))
    assert "did you mean Keep Alive (HeartBeat) Interval" in refused(
        ("(HeartBeat) Interval", "(HeartBeat) Intervall"), text=spelled)
    for name in ("service_delay", '"Service Delays"', "delays"):
        assert refused(("service_delays", name), text=spelled).endswith(
            "; did you mean service_delays?")
    twice = spelled.replace("parameters = {", "parameters = {keep_alive_interval = 2, ")
    assert refused(text=twice).endswith(
        "keep_alive_interval is given twice, as keep_alive_interval and Keep Alive (HeartBeat) "
        "Interval; give it once")


def test_a_deployment_as_json_is_answered_with_the_command_that_reads_it(refused):
    assert refused(text='{"nodes": [], "groups": []}').endswith("prgcore timing --deployment reads it")
