"""Reloading: what of a changed group file an agent takes without a restart, and what it does not.

Law: pure; two groups in, one group and the names of the changes out. Whatever both agents must share,
or was opened or begun at the start, stays as it was until a restart, and is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, field, fields, frozen

from prgcore.running.group import Group, terms
from prgcore.running.hooks import NAMES
from prgcore.running.member import Member
from prgcore.running.service import Service
from prgcore.seats import seat

__all__ = ["Reloaded", "reloaded"]

TAKEN = ("hooks", "watch")
"""The fields of a node that it takes; of its services, their checks and restart policies."""
SERVICE_TAKEN = ("check", "restart")
GROUP_TAKEN = ("delays", "limits", "reconcile")
PARTS = ("engine", "lease", "grant", "parameters")
"""The fields of a group that have terms in them, which both agents must share."""


@frozen
class Reloaded:
    """The outcome of reading a group file again.

    Attributes:
        group: the group to go on with: the old one, with all that could be taken.
        taken: the names of what has changed.
        adopted: the names of terms that need a restart with --adopt.
        left: the names of what needs a restart.
    """

    group: Group
    taken: tuple[str, ...] = ()
    adopted: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    def says(self, name: str) -> Iterator[str]:
        """The lines for the log; `name` is the name of the node."""
        file = self.group.file.name
        if not (self.taken or self.adopted or self.left):
            yield f"{file} was read again: nothing has changed"
        if self.taken:
            yield f"{file} was read again, and now holds: {', '.join(self.taken)}"
        if self.adopted:
            yield (f"{file}: not taken: {', '.join(self.adopted)}; both agents must share that: stop "
                   f"{name}, and start it with --adopt")
        if self.left:
            yield f"{file}: not taken: {', '.join(self.left)}; stop {name}, and start it again"


@frozen
class _Found:
    taken: list[str] = field(factory=list)
    left: list[str] = field(factory=list)


def reloaded(old: Group, new: Group, node: str) -> Reloaded:
    """The part of a new group file that an agent takes.

    Args:
        old: the group as it goes on now.
        new: the group in the file.
        node: the seat of the agent's node.
    """
    found = _Found()
    mine, theirs = terms(old), terms(new)
    adopted = tuple(sorted(name for name in mine.keys() | theirs.keys()
                           if mine.get(name) != theirs.get(name)))
    parameters = old.parameters
    if "machine" not in adopted:
        changed = {name: getattr(new.parameters, name) for name in parameters.records
                   if name not in mine
                   and getattr(new.parameters, name) != getattr(parameters, name)}
        parameters = type(parameters).of(changed, parameters) if changed else parameters
        found.taken.extend(f"parameters.{name}" for name in sorted(changed))
    kept: dict[str, Any] = {"parameters": parameters}
    for one in fields(Group):
        before, after = getattr(old, one.name), getattr(new, one.name)
        if one.name in (*PARTS, "nodes", "file") or before == after:
            continue
        if one.name == "security":
            kept["security"] = _security(before, after, found)
        elif one.name in GROUP_TAKEN:
            kept[one.name] = after
            found.taken.append(_NAMED.get(one.name, one.name))
        else:
            found.left.append(_NAMED.get(one.name, one.name))
    if old.lease.drift != new.lease.drift and "lease" not in adopted:
        kept["lease"] = new.lease
        found.taken.append("lease.drift")
    member = _member(old.nodes[node], new.nodes[node], found)
    other = seat("peer", node)
    for name in ("name", "service", "admin"):  # all that an agent knows of the other node
        if getattr(old.nodes[other], name) != getattr(new.nodes[other], name):
            found.left.append(f"{other}.{name}")
    group = evolve(old, nodes={**old.nodes, node: member}, **kept)
    return Reloaded(group, tuple(found.taken), adopted, tuple(found.left))


_NAMED = {"delays": "parameters.service_delays", "name": "group"}


def _security(old: Any, new: Any, found: _Found) -> Any:
    """The addresses that may command can change; the key and the certificates need a restart."""
    if evolve(new, commands_from=old.commands_from) != old:
        found.left.append("security")
    if old.commands_from == new.commands_from:
        return old
    found.taken.append("security.commands_from")
    return evolve(old, commands_from=new.commands_from)


def _member(old: Member, new: Member, found: _Found) -> Member:
    kept: dict[str, Any] = {}
    for one in fields(Member):
        before, after, at = getattr(old, one.name), getattr(new, one.name), f"{old.seat}.{one.name}"
        if before == after or one.name == "services":
            continue
        if one.name == "hooks":
            found.taken.extend(f"{at}.{name}" for name in NAMES
                               if getattr(before, name) != getattr(after, name))
        elif one.name in TAKEN and before.keys() == after.keys():
            found.taken.append(at)
        else:
            found.left.append(at)
            continue
        kept[one.name] = after
    return evolve(old, services=_services(old, new, found), **kept)


def _services(old: Member, new: Member, found: _Found) -> dict[str, Service]:
    """The services as they run, with their new checks and restart policies."""
    kept, at = dict(old.services), f"{old.seat}.services"
    for name in sorted(old.services.keys() ^ new.services.keys()):
        found.left.append(f"{at}.{name}")
    for name in sorted(old.services.keys() & new.services.keys()):
        before, after = old.services[name], new.services[name]
        for one in fields(Service):
            if getattr(before, one.name) == getattr(after, one.name):
                continue
            place = f"{at}.{name}.{one.name}"
            if one.name in SERVICE_TAKEN and (one.name != "check" or (
                    before.check is not None and after.check is not None)):
                kept[name] = evolve(kept[name], **{one.name: getattr(after, one.name)})
                found.taken.append(place)
            else:
                found.left.append(place)
    return kept
