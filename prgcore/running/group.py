"""A group as a file: its nodes, their addresses and services, and the store of the record.

Law: reading and checking only. The file is TOML, one for both nodes. `prgcore agent` runs a node of
it, and `prgcore ha --state` commands the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from prgcore.errors import BadInput, MalformedMachine, unknown_name
from prgcore.explain.names import Names
from prgcore.explain.status import checked_name
from prgcore.machine import Machine, prg, respelt
from prgcore.model import SERVICES, Number
from prgcore.running.addresses import Address
from prgcore.running.credentials import Credentials, read_aloud
from prgcore.running.credentials import read as read_credentials
from prgcore.running.fields import number, only, table, text
from prgcore.running.guarding import guarded
from prgcore.running.hooks import read as read_hooks
from prgcore.running.lease import (
    LEASE_KEYS,
    ORDINARY_DRIFT,
    Lease,
    lease_text,
    seconds_text,
)
from prgcore.running.limits import Limits
from prgcore.running.member import Member, apart, read_member
from prgcore.running.security import Security
from prgcore.running.security import read as read_security
from prgcore.running.service import GUARD
from prgcore.running.tended import EVERY
from prgcore.seats import NODES
from prgcore.stores.ports import Arbiter, Store
from prgcore.timers.monitor import Monitor
from prgcore.timers.parameters import Settings, as_written, parameters_of, seconds
from prgcore.timers.sanity import check
from prgcore.wire.tomltext import parse_toml
from prgcore.words import listed

__all__ = [
    "DELAYS", "ETCD_GRANT", "KEYS", "LONGEST", "Group", "Lease", "Member", "doubts",
    "read_group", "terms",
]

LONGEST = 1 << 20
"""How many bytes a group file may have."""

ETCD_GRANT = 2.0
"""How many seconds a grant in etcd lasts at least."""

KEYS = ("group", "store", "machine", "policy", "parameters", "lease", "grant", "security", "hooks",
        "limits", "reconcile", "words", "etcd", "node1", "node2")
DELAYS = "service_delays"
"""The table of `parameters` that has a delay of its own for some services."""


@frozen
class Group:
    """The content of a group file.

    Attributes:
        engine: the machine: the document's, or that of the file in `machine`. The group's `words`
            win over those of the file.
        parameters: the parameters of this machine.
        security: who may speak to its agents.
        delays: for some services, how many seconds each may be down before a failover.
        credentials: what it shows to etcd.
        limits: what others may take of the ports of a node, and how long its logs may grow.
        reconcile: how many seconds pass between two looks at whether a node is as desired.
    """

    name: str
    store: str
    engine: Machine
    parameters: Settings
    lease: Lease
    grant: float
    nodes: Mapping[str, Member]
    security: Security
    file: Path
    delays: Mapping[str, Number] = field(factory=dict)
    limits: Limits = field(factory=Limits)
    reconcile: float = EVERY
    credentials: Credentials = field(factory=Credentials)

    def patience(self, service: str) -> Number:
        """How many seconds an agent waits before it reports that this service is down.

        The machine counts the critical service delay from the report on. So a service that has a
        longer delay is reported so much later, and one without is reported at once.
        """
        return max(0, self.delays.get(service, 0) - _delay(self.parameters))

    def within(self, service: str) -> Number:
        """How many seconds after its failure this service may still be started again.

        After that the machine has decided. A machine without this delay decides at once, and its
        services are tried again without an end to the time.
        """
        if service == GUARD:
            return inf
        return max(self.delays.get(service, 0), _delay(self.parameters)) or inf

    @property
    def names(self) -> Names:
        """The names of its nodes and its own."""
        node1, node2 = (self.nodes[seat].name for seat in NODES)
        return Names(node1, node2, self.name)

    def member(self, name: str) -> Member:
        """The node with this seat or name.

        Raises:
            BadInput: no such node.
        """
        return self.nodes[self.names.seat(name)]

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
        given = self.credentials.given()
        return (EtcdStore(where, prefix=prefix, timeout=timeout, **given),
                EtcdArbiter(where, prefix=prefix, ttl=self.grant, timeout=timeout, **given))


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
    yield from read_aloud(group.credentials, group.store)


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
    if text.lstrip().startswith("{"):
        raise BadInput(f"group file {file.name}: expected TOML, and this is JSON; if it is a "
                       "deployment, prgcore timing --deployment reads it")
    found = parse_toml(text, f"group file {file.name}")
    try:
        return _group(found, file)
    except BadInput as error:
        raise BadInput(f"group file {file.name}: {error}") from None


def _group(found: dict[str, Any], file: Path) -> Group:
    if {"nodes", "groups"} <= {*found}:
        raise BadInput("this is a deployment, and a group file is for agents; prgcore config check and "
                       "prgcore timing --deployment read it")
    only(found, KEYS, "")
    for name in ("group", "store", *NODES):
        if name not in found:
            raise BadInput(f"{name} is missing; a group file has {', '.join(KEYS)}; "
                           "prgcore agent --help shows a whole one")
    lease, chosen, engine = table(found, "lease"), table(found, "parameters"), _machine(found, file)
    engine = respelt(engine, table(found, "words"))
    only(lease, LEASE_KEYS, "lease.")
    hooks = read_hooks(found.get("hooks", {}), "hooks.")
    delays = table(chosen, DELAYS, "parameters.")
    parameters = _parameters(chosen, engine)
    held = Lease(**lease)
    nodes = guarded({seat: read_member(seat, table(found, seat), file, hooks) for seat in NODES},
                    str(found["group"]), held)
    group = Group(
        checked_name(text(found, "group", ""), "group"), text(found, "store", ""),
        engine, parameters, held, _grant(found), nodes, Security(), file, delays,
        Limits.read(table(found, "limits")),
        number(found, "reconcile", "", EVERY, least=0.05, most=3600),
    )
    _delayed(group)
    _watched(group)
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
    apart(*group.nodes.values())
    credentials = read_credentials(table(found, "etcd"), file.parent, group.store)
    return evolve(group, credentials=credentials, security=read_security(
        table(found, "security"), file.parent, {seat: m.name for seat, m in nodes.items()},
        _addresses(nodes)))


def _parameters(chosen: Mapping[str, Any], engine: Machine) -> Settings:
    """The parameters in a group file, as people write them; the delays of services are apart."""
    kind = parameters_of(engine.model)
    values = {name: value for name, value in chosen.items() if name != DELAYS}
    for spelled, one in as_written(kind, values)[1].items():
        if not one.name and isinstance(values[spelled], dict):
            raise BadInput(f"parameters: unknown table {spelled[:80]!r}; did you mean {DELAYS}?")
    return kind.parse(values)


def _addresses(nodes: Mapping[str, Member]) -> dict[str, Address]:
    """All addresses of a group, by their places in the file."""
    found = {f"{seat}.{what}": getattr(member, what) for seat, member in nodes.items()
             for what in ("service", "admin", "peer")}
    return {place: one for place, one in found.items() if one is not None}


def _machine(found: dict[str, Any], file: Path) -> Machine:
    """The machine of the file that `machine` names, or that of the document.

    Raises:
        BadInput: the file cannot be read, or is not a machine that two agents can run.
    """
    policy = table(found, "policy")
    if "machine" not in found:
        return prg(**{name: str(value) for name, value in policy.items()})
    if policy:
        raise BadInput("policy: a machine file is made for its policies; leave out policy or machine")
    from prgcore.wire.machine_file import load  # most groups run the machine of the document

    try:
        model = load(file.parent / text(found, "machine", ""))
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


def _watched(group: Group) -> None:
    """Check that each node has a check for every fact that the machine watches, and no other."""
    for seat, node in group.nodes.items():
        wanted = [what for what in group.engine.habits.watches(seat) if what not in SERVICES]
        for name in node.watch:
            if not wanted:
                raise BadInput(f"{seat}.watch: the machine watches nothing but services and the "
                               f"database; leave {name[:60]!r} out")
            if name not in wanted:
                raise BadInput(f"{seat}.watch: " + unknown_name("fact", name, wanted))
        for name in wanted:
            if name not in node.watch:
                raise BadInput(f"{seat}.watch.{name} is missing: the machine watches it; write its "
                               f'check, such as [{seat}.watch.{name}] with command = ["PROGRAM"]')


def _grant(found: Mapping[str, Any]) -> float:
    grant = found.get("grant", 3)
    if isinstance(grant, bool) or not isinstance(grant, int | float) or not 0 < grant < 1e6:
        raise BadInput(f"grant: {grant!r:.60} is not a number of seconds above 0 and below 1,000,000")
    return float(grant)


def _store(text: str) -> tuple[str, str]:
    """The kind of a store and its place."""
    kind, _, where = text.partition(":")
    if kind not in ("sqlite", "etcd") or not where:
        raise BadInput(f"store: {text[:80]!r} is not a store; expected sqlite:FILE or etcd:URL")
    return kind, where
