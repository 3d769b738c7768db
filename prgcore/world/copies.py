"""Copies: what the services of a simulated world have of what was written, whatever the record says.

Law: physical truth. Replication is synchronous: a write is acknowledged once the replica has it, or
once the primary was asked to write alone. Only machines that promote and demote have copies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.seats import seat
from prgcore.world.judge import Wrong

if TYPE_CHECKING:
    from prgcore.world.hosts import Host
    from prgcore.world.world import World

__all__ = ["current", "demoted", "promoted", "wrote"]

PRIMARY, REPLICA = "primary", "replica"


def _follows(host: Host) -> bool:
    """Whether the service of a host is a replica that runs."""
    return host.on and not host.asleep and host.services.up and host.services.role == REPLICA


def current(world: World, node: str) -> bool:
    """The answer of the check `current` on a node. A replica that is there catches up at once."""
    here, there = world.hosts[node], world.hosts[seat("peer", node)]
    yes = here.services.up and here.services.role == PRIMARY and _follows(there)
    if yes:
        here.services.alone, there.services.lacks = False, False
    return yes


def wrote(world: World) -> None:
    """Note who lacks something now: a primary that users reach writes without its replica."""
    for host in world.hosts.values():
        services = host.services
        if services.role == PRIMARY and services.alone and any(
                host.serves(group, world.now, 0) for group in services.groups):
            world.hosts[seat("peer", host.node)].services.lacks = True


def promoted(world: World, node: str, *, alone: bool) -> bool:
    """Make the service of a node the primary; return whether that works.

    Args:
        alone: whether it acknowledges from now on what no replica has.

    Raises:
        Wrong: it lacks what was acknowledged, and nobody has forced it by name.
    """
    services = world.hosts[node].services
    if services.fails or not services.up:
        return False
    if services.role != PRIMARY and services.lacks and not _forced(world, node):
        raise Wrong("loses", f"{node} is promoted, and lacks what was acknowledged", world.now)
    services.role, services.alone, services.lacks = PRIMARY, alone, False
    wrote(world)
    return True


def demoted(world: World, node: str) -> None:
    """Make the service of a node a replica; until it follows, it lacks what its peer writes."""
    services = world.hosts[node].services
    services.role, services.alone = REPLICA, False


def _forced(world: World, node: str) -> bool:
    """Whether the newest promotion of a node was by force."""
    column = f"{node}.state"
    return next((entry.event.startswith("force") for _, entry in reversed(world.stores[world.hosts[node].home].history)
                 if entry.before.get(column) != entry.after.get(column) == "promoting"), False)
