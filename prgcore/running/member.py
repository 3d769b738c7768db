"""A node of a group: its names, its addresses, its directory and its services.

Law: reading and checking only; the table of a node in a group file becomes a `Member`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from attrs import evolve, field, frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.explain.status import checked_name
from prgcore.model import SERVICES
from prgcore.running.addresses import Address, shown
from prgcore.running.fields import address_of, flag, only, table, text
from prgcore.running.hooks import Hooks
from prgcore.running.hooks import read as read_hooks
from prgcore.running.service import Check, Service, asked, read, read_check

__all__ = ["LONGEST_SOCKET", "NODE_KEYS", "Member", "apart", "read_member"]

LONGEST_SOCKET = 103
"""How many bytes the name of a socket may have on every system."""

NODE_KEYS = ("name", "directory", "service", "admin", "peer", "services", "database", "serving",
             "watch", "hooks", "guard")


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
        services: its critical services by name. A mere command becomes a service.
        database: the name of the service that is the database; empty: none.
        serving: the name of the service that serves users. The agent sends it the groups, and
            until when to serve them.
        watch: other facts that the agent watches, each with its check.
        hooks: the programs that it runs when its role changes.
        guard: whether a guard keeps its resource to the lease (`prgcore.running.guarding`).
    """

    seat: str
    name: str
    directory: Path
    home: Path
    service: Address
    admin: Address
    peer: Address | None = None
    services: Mapping[str, Service] = field(factory=dict, converter=asked)
    database: str = ""
    serving: str = ""
    watch: Mapping[str, Check] = field(factory=dict)
    hooks: Hooks = field(factory=Hooks)
    guard: bool = False


def read_member(
    seat: str, found: Mapping[str, Any], file: Path, hooks: Hooks | None = None,
) -> Member:
    """The node in the table of its seat.

    Args:
        hooks: the hooks of both nodes; its own go before them.

    Raises:
        BadInput: something in it is wrong.
    """
    at = f"{seat}."
    only(found, NODE_KEYS, at)
    services = _services(table(found, "services", at), found, at)
    directory = file.parent / text(found, "directory", at, seat)
    if found.get("serving") or found.get("guard"):
        _reached(directory / "serving.sock", file.parent, at)
    return Member(
        seat, checked_name(text(found, "name", at, seat), "node"), directory, file.parent,
        address_of(found, "service", at, 22001), address_of(found, "admin", at, 20075),
        address_of(found, "peer", at, 22001) if "peer" in found else None,
        services, found.get("database", ""), found.get("serving", ""),
        _watched(table(found, "watch", at), f"{at}watch"),
        read_hooks(found.get("hooks", {}), f"{at}hooks.", hooks), flag(found, "guard", at),
    )


def _services(
    described: Mapping[str, Any], found: Mapping[str, Any], at: str
) -> dict[str, Service]:
    """The services of a node. One that serves users and has no check is asked for its answers."""
    services = {_named(name, f"{at}services"): read(one, f"{at}services.{name}")
                for name, one in described.items()}
    for role in ("database", "serving"):
        if found.get(role, "") not in ("", *services):
            raise BadInput(f"{at}{role}: " + unknown_name("service", found[role], services))
    for name, service in services.items():
        leased = service.check is not None and service.check.lease
        if name == found.get("serving"):
            if service.start:
                raise BadInput(f"{at}serving: {name[:60]!r} runs elsewhere, so it cannot listen at "
                               "PRGCORE_SOCKET; write its command in place of start and stop")
            services[name] = service if service.check else evolve(service, check=Check(lease=True))
        elif leased:
            raise BadInput(f"{at}services.{name}.check.lease: only the service that {at}serving "
                           "names receives permissions; choose another check")
    return services


def _watched(described: Mapping[str, Any], at: str) -> dict[str, Check]:
    """The other facts that a node watches."""
    facts = {_named(name, at): read_check(one, f"{at}.{name}") for name, one in described.items()}
    for name, fact in facts.items():
        if name in SERVICES:
            raise BadInput(f"{at}: {name!r} follows from the services; choose another name")
        if fact.lease:
            raise BadInput(f"{at}.{name}.lease: only a service receives permissions")
    return facts


def _named(name: str, at: str) -> str:
    if not name.isprintable() or not name.strip(".") or "/" in name or len(name) > 60 \
            or name == "agent":
        raise BadInput(f"{at}: {name[:60]!r} is not a name for a service; expected "
                       "one that a file can have, except agent")
    return name


def _reached(socket: Path, home: Path, at: str) -> None:
    """Check that a service that is started in `home` can listen at this socket."""
    names = str(socket.absolute()), os.path.relpath(socket, home)
    if min(len(os.fsencode(name)) for name in names) > LONGEST_SOCKET:
        raise BadInput(f"{at}directory: a socket in {str(socket.parent)[-60:]!r} has a name of more "
                       f"than {LONGEST_SOCKET} bytes, which some systems refuse; choose a shorter one")


def apart(one: Member, two: Member) -> None:
    """Check that the two nodes share no name and no address.

    Raises:
        BadInput: they do.
    """
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
