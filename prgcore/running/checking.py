"""Checking: what would keep an agent of a group from running well on this computer, before it runs.

Law: it looks, and changes nothing: no service is started, no hook is run, nothing is written. One
finding is one line. An error keeps the agent, or a failover, from working; a doubt may do so.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from attrs import fields, frozen

from prgcore.errors import BadInput, MissingExtra, PrgError
from prgcore.running.addresses import Address, shown
from prgcore.running.certificates import Certificates
from prgcore.running.group import Group, doubts, terms
from prgcore.running.hooks import Hook, Hooks
from prgcore.running.keyfile import read_key
from prgcore.running.limits import room
from prgcore.running.member import Member
from prgcore.running.node import layout
from prgcore.stores.record import record_of

__all__ = ["Finding", "findings"]

ELSEWHERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)


@frozen
class Finding:
    """One line about a group file, or about this computer.

    Attributes:
        kind: `error`, `doubt`, or `note`: it is as it should be, or must be looked at elsewhere.
    """

    kind: str
    says: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.says}"


def findings(group: Group, name: str = "") -> Iterator[Finding]:
    """The findings about a group on this computer.

    Args:
        name: the node that runs here; empty: every node whose addresses are of this computer.

    Raises:
        BadInput: no such node.
    """
    members = [group.member(name)] if name else list(group.nodes.values())
    for says in doubts(group):
        yield Finding("doubt", says)
    _, warning = room(group.limits)
    if warning:
        yield Finding("doubt", warning)
    yield from _security(group)
    yield from _store(group)
    here = 0
    for member in members:
        found = list(_addresses(member))
        if not name and any(kind == "elsewhere" for kind, _ in found):
            yield Finding("note", f"{member.name}: its addresses are of another computer; check it there")
            continue
        here += 1
        yield from (Finding("error" if kind == "elsewhere" else kind, says) for kind, says in found)
        yield from _certificates(group, member)
        yield from _programs(member)
        yield from _directory(member)
        yield from _hooks(member)
    if not here:
        yield Finding("error", "no node of this group has addresses of this computer; write them as "
                               "this computer knows them")


# ------------------------------------------------------------------------- addresses


def _addresses(member: Member) -> Iterator[tuple[str, str]]:
    for what, at in (("service", member.service), ("admin", member.admin)):
        place = f"{member.seat}.{what}: {shown(at)}"
        why = _bound(at)
        if why in ELSEWHERE:
            yield "elsewhere", f"{place} is not an address of this computer"
        elif why == errno.EADDRINUSE and _runs(member):
            yield "note", f"{place}: the agent runs"
        elif why == errno.EADDRINUSE:
            yield "error", f"{place} is taken; stop the program that listens there, or write another"
        elif why:
            yield "error", f"{place}: {os.strerror(why) if why > 0 else 'the name is not known here'}"


def _bound(address: Address) -> int:
    """Why an agent could not listen at an address, as a number of the system; 0: it could."""
    host, port = address
    try:
        family, kind, _, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            end.bind(where)
            end.listen()
    except socket.gaierror:
        return -1
    except OSError as error:
        return error.errno or -1
    return 0


def _runs(member: Member) -> bool:
    """Whether an agent of this node has its directory."""
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows
        return False
    with suppress(OSError), (member.directory / "agent.lock").open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(file, fcntl.LOCK_UN)
    return False


# -------------------------------------------------------------------------- programs


def _programs(member: Member) -> Iterator[Finding]:
    """The programs of services, checks and hooks that are not there."""
    for place, command in _commands(member):
        if command and (why := _missing(command[0], member.home)):
            yield Finding("error", f"{place}: {command[0][:200]!r} {why}")


def _commands(member: Member) -> Iterator[tuple[str, tuple[str, ...]]]:
    at = member.seat
    for name, service in member.services.items():
        for key in ("command", "start", "stop"):
            yield f"{at}.services.{name}", getattr(service, key)
        if service.check is not None:
            yield f"{at}.services.{name}.check", service.check.command
    for name, check in member.watch.items():
        yield f"{at}.watch.{name}", check.command
    for hook in _each(member.hooks):
        yield f"{at}.hooks.{hook.name}", hook.command


def _each(hooks: Hooks) -> list[Hook]:
    return [hook for one in fields(Hooks) if (hook := getattr(hooks, one.name)) is not None]


def _missing(program: str, home: Path) -> str:
    """Why a program cannot be run; empty: it can."""
    path = home / program if os.sep in program else program
    if shutil.which(path) is not None:
        return ""
    if os.sep not in program:
        return "is not a program of this computer"
    if not Path(path).exists():
        return f"is not there (looked in {str(home.absolute())[-120:]!r})"
    return "cannot be executed; chmod +x it" if Path(path).is_file() else "is not a program"


# ------------------------------------------------------------------ files, hooks, store


def _directory(member: Member) -> Iterator[Finding]:
    place = member.directory
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding("error", f"{member.seat}.directory: {str(place.absolute())[-120:]!r} cannot be "
                               "written by this user")


def _hooks(member: Member) -> Iterator[Finding]:
    hooks, at = member.hooks, f"{member.seat}.hooks"
    if hooks.promote is None and hooks.demote is None:
        return
    for name, other in (("promote", "demote"), ("demote", "promote")):
        if getattr(hooks, name) is not None and getattr(hooks, other) is None:
            yield Finding("doubt", f"{at}: there is {name} and no {other}; a resource changes its role "
                                   "in one direction only")
    if hooks.role is None:
        yield Finding("doubt", f"{at}: role is missing; a resource that comes back in the wrong "
                               "role is not noticed")
    if not getattr(member, "guard", True):
        yield Finding("doubt", f"{member.seat}: guard is not set; if the agent dies, nothing keeps its "
                               "resource from being a second primary")


def _security(group: Group) -> Iterator[Finding]:
    """The key of the group, as an agent of this user reads it."""
    if group.security.key is not None:
        try:
            read_key(group.security.key)
        except BadInput as error:
            yield Finding("error", f"security.key: {error}")


def _certificates(group: Group, member: Member) -> Iterator[Finding]:
    """The certificates of a node, as its agent reads them."""
    if group.security.tls is not None:
        try:
            Certificates(group.security.tls, member.seat)
        except BadInput as error:
            yield Finding("error", f"{member.name}: {error}")


def _store(group: Group) -> Iterator[Finding]:
    kind, _, where = group.store.partition(":")
    file = group.file.parent / where
    if kind == "sqlite" and file.parent.is_dir() and not file.exists():  # to open it would make it
        yield Finding("note", "store: it is empty; start the first agent with --new")
        return
    try:
        store, arbiter = group.open_store()
    except (BadInput, MissingExtra) as error:
        yield Finding("error", f"store: {error}")
        return
    try:
        kept = store.read()
        if kept is None:
            yield Finding("note", "store: it is empty; start the first agent with --new")
            return
        record = record_of(kept.value, layout(group.engine, agents=True))
        mine = terms(group)
        if mine not in (record.terms, record.proposed):
            other = next(name for name in mine if record.terms.get(name) != mine[name])
            yield Finding("error", f"terms: {other} is {mine[other][:80]} here, and the record has "
                                   f"{str(record.terms.get(other, 'none'))[:80]}; write that, or start "
                                   "an agent with --adopt")
    except PrgError as error:
        yield Finding("error", f"store: {error}")
    finally:
        store.close()
        arbiter.close()
