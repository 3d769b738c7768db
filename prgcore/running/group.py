"""A group as a file: its nodes, their addresses and services, and the store of the record.

Law: reading and checking only. The file is TOML, one for both nodes. `prgcore agent` runs a node of
it, and `prgcore ha --state` commands the group.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, MalformedMachine, unknown_name
from prgcore.explain.status import checked_name
from prgcore.machine import Machine, prg
from prgcore.model import Number
from prgcore.running.addresses import Address, address, shown
from prgcore.seats import NODES
from prgcore.stores.ports import Arbiter, Store
from prgcore.timers.arithmetic import tolerates
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Settings, parameters_of, seconds
from prgcore.timers.sanity import check
from prgcore.wire.tomltext import parse_toml
from prgcore.words import listed

__all__ = [
    "ETCD_GRANT", "KEYS", "LEASE_KEYS", "LONGEST", "LONGEST_SOCKET", "NODE_KEYS",
    "ORDINARY_DRIFT", "Address", "Group", "Lease", "Member", "doubts", "lease_of", "lease_text",
    "read_group", "seconds_of", "seconds_text", "terms",
]

LONGEST = 1 << 20
"""How many bytes a group file may have."""

LONGEST_SOCKET = 103
"""How many bytes the name of a socket may have on every system."""

ETCD_GRANT = 2.0
"""How many seconds a grant in etcd lasts at least."""

KEYS = ("group", "store", "machine", "policy", "parameters", "lease", "grant", "node1", "node2")
LEASE_TIMES = ("lasts", "pause", "stopping", "waits")
LEASE_KEYS = (*LEASE_TIMES, "drift")
DELAYS = "service_delays"
"""The table of `parameters` that has a delay of its own for some services."""
NODE_KEYS = ("name", "directory", "service", "admin", "peer", "services", "database", "serving")

ORDINARY_DRIFT = 0.0005
"""How far the clock of a computer may drift: as much as NTP, which corrects it, may slow it down."""

LONGEST_TERM = 200
"""How many characters the term of a lease has at most."""

_TIME = re.compile(r"([a-z]{1,20}) ([0-9.e+-]{1,30}) s(?:, |$)", re.ASCII)

_FINE = 1_000_000
"""The tolerated drift is found in parts of a million."""


@frozen
class Lease:
    """How long a node may serve after it has read the record, and how long the other node waits.

    Attributes:
        lasts: how long the services may serve, in seconds from the beginning of a reading.
        waits: how long the other node waits before it serves, in seconds, if the first node does
            not answer.
        pause: the longest pause between a look at the lease and serving by it, in seconds.
        stopping: how long the services still serve after the request to stop, in seconds.
        drift: the share by which each clock may be fast or slow: 0.001 is 1 ms a second. None:
            the clocks are unknown.

    Raises:
        BadInput: users could be served twice: the wait is shorter than the rest, or too short for
            clocks that drift so far (T10).
    """

    lasts: float = 3.0
    waits: float = 5.0
    pause: float = 1.0
    stopping: float = 0.5
    drift: float | None = None

    def __attrs_post_init__(self) -> None:
        for name in LEASE_TIMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
                raise BadInput(f"lease: {name}: {value!r:.60} is not a number of seconds from 0")
        if not self.lasts or not self.tolerates(0):
            raise BadInput(
                f"lease: lasts + pause + stopping = {self.lasts + self.pause + self.stopping:g} s "
                f"must be above 0 and at most waits, which is {self.waits:g} s: else users could "
                "be served twice (T10)")
        if self.drift is not None and not self.tolerates(self.drift):
            raise BadInput(
                f"lease: clocks that drift by {self.drift:g} could make users be served twice "
                f"(T10): it tolerates a drift of {self.tolerated:g}; write a longer wait")

    def tolerates(self, drift: float) -> bool:
        """Whether nobody is served twice though each clock is fast or slow by this share (T10).

        Decimals are taken as they are written, so 0.4 + 0.1 + 0.1 is 0.6.

        Raises:
            BadInput: it is not a share from 0, below 1.
        """
        if isinstance(drift, bool) or not isinstance(drift, int | float) or not 0 <= drift < 1:
            raise BadInput(f"lease: drift: {drift!r:.60} is not a share of time from 0, below 1")
        return self._tolerates(Fraction(repr(drift)))

    def _tolerates(self, drift: Fraction) -> bool:
        lasts, pause, stopping, waits = (
            Fraction(repr(getattr(self, name))) for name in LEASE_TIMES)
        return bool(tolerates(lasts, pause, stopping, waits, drift))

    @property
    def tolerated(self) -> float:
        """The greatest drift of both clocks that it tolerates, rounded down to a millionth (T10).

        Whatever is less is tolerated too. With the sum equal to the wait it is 0.
        """
        least, most = 0, _FINE
        while most - least > 1:
            middle = (least + most) // 2
            least, most = (
                (middle, most) if self._tolerates(Fraction(middle, _FINE)) else (least, middle))
        return least / _FINE


@frozen
class Member:
    """A node of the group.

    Attributes:
        seat: node1 or node2.
        name: the name that people use for it.
        directory: the directory of its log and its sockets.
        home: the directory of the group file, where its services are started.
        service: the address where it listens for heartbeats.
        admin: the address where it listens for the administrator and for its peer.
        peer: the address to which it sends heartbeats, if not the peer's `service`.
        services: its critical services: for each name, the command that runs it.
        database: the name of the service that is the database; empty: none.
        serving: the name of the service that serves users. The agent sends it the groups, and
            until when to serve them.
    """

    seat: str
    name: str
    directory: Path
    home: Path
    service: Address
    admin: Address
    peer: Address | None = None
    services: Mapping[str, tuple[str, ...]] = field(factory=dict)
    database: str = ""
    serving: str = ""


@frozen
class Group:
    """The content of a group file.

    Attributes:
        engine: the machine: the document's, or that of the file in `machine`.
        parameters: the parameters of this machine.
        delays: for some services, how many seconds each may be down before a failover.
    """

    name: str
    store: str
    engine: Engine
    parameters: Settings
    lease: Lease
    grant: float
    nodes: Mapping[str, Member]
    file: Path
    delays: Mapping[str, Number] = field(factory=dict)

    def patience(self, service: str) -> Number:
        """How many seconds an agent waits before it reports that this service is down.

        The machine counts the critical service delay from the report on. So a service that has a
        longer delay is reported so much later, and one without is reported at once.
        """
        return max(0, self.delays.get(service, 0) - _delay(self.parameters))

    def member(self, name: str) -> Member:
        """The node with this seat or name.

        Raises:
            BadInput: no such node.
        """
        for one in self.nodes.values():
            if name.lower() in (one.seat, one.name.lower()):
                return one
        known = {*NODES, *(n.name for n in self.nodes.values())}
        said = unknown_name("node", name, known, listing=False)
        nodes = " and ".join(f"{n.name} ({n.seat})" if n.name != n.seat else n.seat
                             for n in self.nodes.values())
        raise BadInput(f"{said}; the nodes are {nodes}")

    def open_store(self) -> tuple[Store, Arbiter]:
        """The store of the group and its arbiter. Their first calls open them, and answer for it.

        Raises:
            BadInput: there is no such store.
            MissingExtra: a package that it needs is not installed.
        """
        kind, where = _store(self.store)
        if kind == "sqlite":
            from prgcore.stores.reopening import ReopenedArbiter, ReopenedStore
            from prgcore.stores.sqlite import SQLiteArbiter, SQLiteStore

            path = self.file.parent / where
            store = ReopenedStore(lambda new: SQLiteStore(path, new=new, interval=0.04))
            arbiter = ReopenedArbiter(lambda new: SQLiteArbiter(path, ttl=self.grant, new=new))
            store.beside, arbiter.beside = arbiter, store
            return store, arbiter
        from prgcore.stores.etcd import EtcdArbiter, EtcdStore

        # A group whose name has a slash must not lie inside another one.
        prefix = f"prgcore/{self.name.replace('%', '%25').replace('/', '%2F')}/"
        timeout = max(1.0, self.lease.lasts / 2)  # so that two calls fit into the lease
        return (EtcdStore(where, prefix=prefix, timeout=timeout),
                EtcdArbiter(where, prefix=prefix, ttl=self.grant, timeout=timeout))


def _delay(parameters: Settings) -> Number:
    """The delay that the machine itself counts; 0 if it has none."""
    counted: Number = getattr(parameters, "critical_service_delay", 0)
    return counted


def doubts(group: Group) -> Iterator[str]:
    """What an agent of this group should warn of: rules that are broken, and a lease too long.

    Nodes that share a SQLite file are on one computer, with one clock.
    """
    for verdict in check(group.parameters):
        if not verdict.holds and verdict.rule.kind == "error":
            yield f"parameters: {verdict.rule.otherwise}; {verdict.advice}"
    lease, (kind, _) = group.lease, _store(group.store)
    if lease.drift is None and kind != "sqlite" and lease.tolerated < ORDINARY_DRIFT:
        yield (f"the lease tolerates clocks that drift by {lease.tolerated:g}, and ordinary ones "
               f"may drift by {ORDINARY_DRIFT:g}: write a longer wait, or the drift of your clocks "
               "as lease.drift (T10)")


def terms(group: Group) -> dict[str, str]:
    """The terms that all writers of the record must share, each as a text.

    Two texts are equal exactly if the numbers are. The drift is not a term: it is a fact about the
    clocks, and each file may know another one.
    """
    from prgcore.wire import digest

    parameters = {name: getattr(group.parameters, name) for name in group.engine.habits.heartbeats}
    return {
        "machine": digest(group.engine.model), "lease": lease_text(group.lease),
        **{name: seconds_text(value) for name, value in {"grant": group.grant, **parameters}.items()},
    }


def seconds_text(seconds: float) -> str:
    """A number of seconds as a term: `3 s`, `0.5 s`."""
    return f"{float(seconds)!r}".removesuffix(".0") + " s"


def seconds_of(text: str, name: str) -> float:
    """The number of seconds of a term; `name` is for the error.

    Raises:
        BadInput: it is none.
    """
    try:
        found = seconds(float(text.removesuffix(" s")), name)
    except ValueError:
        found = None
    if found is None or seconds_text(found) != text:
        raise BadInput(f"{name}: {text!r:.60} is not a number of seconds")
    return found


def lease_text(lease: Lease) -> str:
    """A lease as a term: its four times."""
    return ", ".join(f"{name} {seconds_text(getattr(lease, name))}" for name in LEASE_TIMES)


def lease_of(text: str) -> Lease:
    """The lease that a term describes.

    Raises:
        BadInput: it describes none.
    """
    found = dict(_TIME.findall(text[:LONGEST_TERM]))
    try:
        lease = Lease(**{name: float(number) for name, number in found.items()})
    except ValueError:
        lease = None
    if lease is None or lease_text(lease) != text:
        raise BadInput(f"{text[:90]!r} is not a lease")
    return lease


def read_group(file: Path) -> Group:
    """The group in a file.

    Raises:
        BadInput: it cannot be read, or something in it is wrong; one line with the place.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LONGEST + 1)
        text = data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"group file {str(file)[:120]!r}: cannot be read: "
                       f"{getattr(error, 'strerror', None) or 'it is not text'}") from None
    if len(data) > LONGEST:
        raise BadInput(f"group file {file.name}: longer than {LONGEST >> 20} MB; "
                       "expected some tables of TOML")
    found = parse_toml(text, f"group file {file.name}")
    try:
        return _group(found, file)
    except BadInput as error:
        raise BadInput(f"group file {file.name}: {error}") from None


def _group(found: dict[str, Any], file: Path) -> Group:
    _only(found, KEYS, "")
    for name in ("group", "store", *NODES):
        if name not in found:
            raise BadInput(f"{name} is missing; a group file has {', '.join(KEYS)}; "
                           "prgcore agent --help shows a whole one")
    lease, chosen, engine = _table(found, "lease"), _table(found, "parameters"), _machine(found, file)
    _only(lease, LEASE_KEYS, "lease.")
    delays = _table(chosen, DELAYS, "parameters.")
    parameters = parameters_of(engine.model).of({n: v for n, v in chosen.items() if n != DELAYS})
    group = Group(
        checked_name(_text(found, "group", ""), "group"), _text(found, "store", ""),
        engine, parameters, Lease(**lease), _grant(found),
        {seat: _member(seat, _table(found, seat), file) for seat in NODES}, file, delays,
    )
    _delayed(group)
    for node in NODES:
        Monitor.start(engine, node, 0, parameters)  # refuses what its timers cannot count by
    kind, _ = _store(group.store)
    if group.grant < group.lease.lasts:
        raise BadInput(f"grant: {group.grant:g} s is shorter than the lease, which lasts "
                       f"{group.lease.lasts:g} s: both nodes could serve by the grant at once; "
                       "write a longer one")
    if kind == "etcd" and group.grant < ETCD_GRANT:
        raise BadInput(f"grant: {group.grant:g} s is too short for etcd, where a grant lasts at "
                       f"least {ETCD_GRANT:g} s; write grant = {ETCD_GRANT:g}")
    _apart(*group.nodes.values())
    return group


def _machine(found: dict[str, Any], file: Path) -> Engine:
    """The machine of the file that `machine` names, or that of the document.

    Raises:
        BadInput: the file cannot be read, or is not a machine that two agents can run.
    """
    policy = _table(found, "policy")
    if "machine" not in found:
        return prg(**{name: str(value) for name, value in policy.items()})
    if policy:
        raise BadInput("policy: a machine file is made for its policies; leave out policy or machine")
    from prgcore.wire.machine_file import load  # most groups run the machine of the document

    try:
        model = load(file.parent / _text(found, "machine", ""))
    except MalformedMachine as error:
        raise BadInput(f"machine: {error.head}: {error.findings[0]:.200}; prgcore machine --check "
                       "lists them") from None
    except BadInput as error:
        raise BadInput(f"machine: {error}") from None
    deciders = {event.decider for event in model.events}
    if not {*NODES} <= deciders:
        raise BadInput(f"machine: {model.name!r} is not about two nodes: no event is decided by "
                       f"{listed(sorted({*NODES} - deciders))}")
    return Machine(model)


def _delayed(group: Group) -> None:
    """Check the delays of services: each is that of a service, and not shorter than all others."""
    known = {name for node in group.nodes.values() for name in node.services}
    for name, value in group.delays.items():
        at = f"parameters.{DELAYS}"
        if name not in known:
            raise BadInput(f"{at}: " + unknown_name("service", name, known))
        if seconds(value, f"{at}.{name}") < _delay(group.parameters):
            raise BadInput(
                f"{at}.{name}: {value:g} s is shorter than critical_service_delay, which is "
                f"{_delay(group.parameters):g} s and counts for every service; set that to the "
                "shortest delay, and name here the services with longer ones")


def _grant(found: Mapping[str, Any]) -> float:
    grant = found.get("grant", 3)
    if isinstance(grant, bool) or not isinstance(grant, int | float) or not 0 < grant < 1e6:
        raise BadInput(f"grant: {grant!r:.60} is not a number of seconds above 0")
    return float(grant)


def _store(text: str) -> tuple[str, str]:
    """The kind of a store and its place."""
    kind, _, where = text.partition(":")
    if kind not in ("sqlite", "etcd") or not where:
        raise BadInput(f"store: {text[:80]!r} is not a store; expected sqlite:FILE or etcd:URL")
    return kind, where


def _apart(one: Member, two: Member) -> None:
    """Check that the two nodes share no name and no address."""
    if one.name.lower() == two.name.lower():
        raise BadInput(f"both nodes are called {one.name[:60]!r}; choose two different names")
    for node, other in ((one, two), (two, one)):
        if node.name.lower() == other.seat:
            raise BadInput(f"{node.seat}.name: {node.name!r} is the name of the other node")
    ends = [(f"{node.seat}.{what}", getattr(node, what)) for node in (one, two)
            for what in ("service", "admin")]
    for (first, one_end), (second, same) in combinations(ends, 2):
        if one_end == same:
            seat, _, what = second.partition(".")
            raise BadInput(
                f"{first} and {second} are both {shown(one_end)}; give each its own: under "
                f'[{seat}], {what} = "HOST:PORT", as "{shown((same[0], same[1] % 65535 + 1))}"')
    for node in (one, two):
        if node.peer in (node.service, node.admin):
            raise BadInput(f"{node.seat}.peer: {shown(node.peer)} is its own address; expected "
                           "the address of the other node")


def _member(seat: str, found: dict[str, Any], file: Path) -> Member:
    at = f"{seat}."
    _only(found, NODE_KEYS, at)
    services = _table(found, "services", at)
    for name, command in services.items():
        if not name.isprintable() or not name.strip(".") or "/" in name or len(name) > 60 \
                or name == "agent":
            raise BadInput(f"{at}services: {name[:60]!r} is not a name for a service; expected "
                           "one that a file can have, except agent")
        if not isinstance(command, list) or not command or not all(
                isinstance(word, str) and word and "\0" not in word for word in command):
            raise BadInput(f'{at}services.{name}: expected a command as a list: ["program", "option"]')
    for role in ("database", "serving"):
        if found.get(role, "") not in ("", *services):
            raise BadInput(f"{at}{role}: " + unknown_name("service", found[role], services))
    directory = file.parent / _text(found, "directory", at, seat)
    if found.get("serving"):
        _reached(directory / "serving.sock", file.parent, at)
    return Member(
        seat, checked_name(_text(found, "name", at, seat), "node"), directory, file.parent,
        _address(found, "service", at, 22001), _address(found, "admin", at, 20075),
        _address(found, "peer", at, 22001) if "peer" in found else None,
        {name: tuple(command) for name, command in services.items()},
        found.get("database", ""), found.get("serving", ""),
    )


def _reached(socket: Path, home: Path, at: str) -> None:
    """Check that a service that is started in `home` can listen at this socket."""
    names = str(socket.absolute()), os.path.relpath(socket, home)
    if min(len(os.fsencode(name)) for name in names) > LONGEST_SOCKET:
        raise BadInput(f"{at}directory: a socket in {str(socket.parent)[-60:]!r} has a name of more "
                       f"than {LONGEST_SOCKET} bytes, which some systems refuse; choose a shorter one")


def _only(found: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
    for name in found:
        if name not in known:
            where = f"{at.removesuffix('.')}: " if at else ""
            raise BadInput(where + unknown_name("key", name, known))


def _table(found: dict[str, Any], name: str, at: str = "") -> dict[str, Any]:
    value = found.get(name, {})
    if not isinstance(value, dict):
        raise BadInput(f"{at}{name}: expected a table, not {value!r:.60}")
    return value


def _text(found: dict[str, Any], name: str, at: str, default: str = "") -> str:
    value = found.get(name, default)
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 500:
        raise BadInput(f"{at}{name}: expected a text, not {value!r:.60}")
    return value


def _address(found: dict[str, Any], name: str, at: str, port: int) -> Address:
    return address(_text(found, name, at, "127.0.0.1"), at + name, port)
