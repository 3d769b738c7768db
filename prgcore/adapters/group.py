"""A group as a file: which nodes, where they listen, what they keep running, where the record is.

Law: reading and checking only. TOML, one file for both nodes; `prgcore agent` runs a node of it,
`prgcore ha --state` commands the group.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.adapters.ports import Arbiter, Store
from prgcore.counting import fenced
from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.machine import prg
from prgcore.parameters import Parameters
from prgcore.seats import NODES

LONGEST = 1 << 20
"""Bytes of a group file that are read."""

KEYS = ("group", "store", "policy", "parameters", "lease", "grant", "node1", "node2")
NODE_KEYS = ("name", "directory", "service", "admin", "peer", "services", "database", "serving")

Address: TypeAlias = tuple[str, int]


@frozen
class Lease:
    """How long a node may serve after it has read the record, and how long the other one waits.

    Attributes:
        lasts: seconds after the beginning of a reading for which the services may serve.
        waits: seconds after which another node may, where the first cannot be asked.
        pause: the longest pause between looking at the lease and serving by it, in seconds.
        stopping: how long the services serve after they were told to stop, in seconds.

    Raises:
        BadInput: users could be served twice: the wait is shorter than the rest (T10).
    """

    lasts: float = 3.0
    waits: float = 5.0
    pause: float = 1.0
    stopping: float = 0.5

    def __attrs_post_init__(self) -> None:
        for name in ("lasts", "waits", "pause", "stopping"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
                raise BadInput(f"lease: {name}: {value!r:.60} is no number of seconds from 0 on")
        if not self.lasts or not fenced(self.lasts, self.pause, self.stopping, self.waits):
            raise BadInput(
                f"lease: lasts + pause + stopping = {self.lasts + self.pause + self.stopping:g} s "
                f"is to be above 0 and at most waits, which is {self.waits:g} s: else users could "
                "be served twice (T10)")


@frozen
class Member:
    """A node of the group.

    Attributes:
        seat: node1 or node2.
        name: what people call it.
        directory: where its log and its sockets are.
        home: the directory of the group file, where its services are started.
        service: where it listens for heartbeats; of the peer's file, `peer` where it sends them.
        admin: where it listens for the administrator and for its peer.
        peer: where it sends its heartbeats, if not to the peer's `service`.
        services: its critical services: for each name, the command that runs it.
        database: which of them is the database, if one is.
        serving: which of them serves users: it is told whom, and until when.
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
    """What a group file says."""

    name: str
    store: str
    engine: Engine
    parameters: Parameters
    lease: Lease
    grant: float
    nodes: Mapping[str, Member]
    file: Path

    def member(self, name: str) -> Member:
        """The node that somebody names, by its seat or its name.

        Raises:
            BadInput: no such node.
        """
        for one in self.nodes.values():
            if name.lower() in (one.seat, one.name.lower()):
                return one
        raise BadInput(unknown_name("node", name, {*NODES, *(n.name for n in self.nodes.values())}))

    def open_store(self) -> tuple[Store, Arbiter]:
        """The store of the group and its arbiter.

        Raises:
            BadInput: no such store.
            MissingExtra: what it needs is not installed.
            Unavailable: it does not answer.
        """
        kind, _, where = self.store.partition(":")
        if kind == "sqlite":
            from prgcore.adapters.sqlite import SQLiteArbiter, SQLiteStore

            path = self.file.parent / where
            return SQLiteStore(path), SQLiteArbiter(path, ttl=self.grant)
        if kind == "etcd":
            from prgcore.adapters.etcd import EtcdArbiter, EtcdStore

            return (EtcdStore(where, prefix=f"prgcore/{self.name}/"),
                    EtcdArbiter(where, prefix=f"prgcore/{self.name}/", ttl=self.grant))
        raise BadInput(f"store: {self.store[:80]!r} is none; expected sqlite:FILE or etcd:URL")


def read_group(file: Path) -> Group:
    """The group in a file.

    Raises:
        BadInput: it cannot be read, or something in it is wrong; one line, with its place.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(LONGEST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"group file {str(file)[:120]!r}: cannot be read: "
                       f"{getattr(error, 'strerror', None) or 'it is no text'}") from None
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadInput(f"group file {file.name}: not TOML: {str(error)[:120]}") from None
    try:
        return _group(found, file)
    except BadInput as error:
        raise BadInput(f"group file {file.name}: {error}") from None


def _group(found: dict[str, Any], file: Path) -> Group:
    _only(found, KEYS, "")
    for name in ("group", "store", *NODES):
        if name not in found:
            raise BadInput(f"{name} is missing; a group file has {', '.join(KEYS)}")
    lease, chosen = _table(found, "lease"), _table(found, "parameters")
    _only(lease, ("lasts", "waits", "pause", "stopping"), "lease.")
    policy = _table(found, "policy")
    grant = found.get("grant", 3)
    if isinstance(grant, bool) or not isinstance(grant, int | float) or not 0 < grant < 1e6:
        raise BadInput(f"grant: {grant!r:.60} is no number of seconds above 0")
    return Group(
        _text(found, "group", ""), _text(found, "store", ""),
        prg(**{name: str(value) for name, value in policy.items()}), Parameters.of(chosen),
        Lease(**lease), float(grant),
        {seat: _member(seat, _table(found, seat), file) for seat in NODES}, file,
    )


def _member(seat: str, found: dict[str, Any], file: Path) -> Member:
    at = f"{seat}."
    _only(found, NODE_KEYS, at)
    services = _table(found, "services", at)
    for name, command in services.items():
        if not isinstance(command, list) or not command or not all(
                isinstance(word, str) and word for word in command):
            raise BadInput(f'{at}services.{name}: expected a command as a list: ["program", "option"]')
    for role in ("database", "serving"):
        if found.get(role, "") not in ("", *services):
            raise BadInput(f"{at}{role}: " + unknown_name("service", found[role], services))
    return Member(
        seat, _text(found, "name", at, seat),
        file.parent / _text(found, "directory", at, seat), file.parent,
        _address(found, "service", at, 22001), _address(found, "admin", at, 20075),
        _address(found, "peer", at, 22001) if "peer" in found else None,
        {name: tuple(command) for name, command in services.items()},
        found.get("database", ""), found.get("serving", ""),
    )


def _only(found: Mapping[str, Any], known: tuple[str, ...], at: str) -> None:
    for name in found:
        if name not in known:
            raise BadInput(at + unknown_name("key", name, known))


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
    """`host:port`, or a host: then the document's port."""
    text = _text(found, name, at, "127.0.0.1")
    host, colon, number = text.rpartition(":")
    if not colon:
        return text, port
    if not number.isdecimal() or not 0 < int(number) < 1 << 16:
        raise BadInput(f"{at}{name}: {text[:60]!r} is no address; expected HOST:PORT")
    return host, int(number)
