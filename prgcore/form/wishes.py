"""Wishes: what the record wants the world of a node to be, and what a deed does to that world.

Law: pure, for any machine. An order is an edge, a wish is a level: after every decision, the orders
of a node lead its world to what the record wishes then (E3). So an agent that was away, or finds
something else, looks at the wish alone. Agents, the simulated world and the prover use these
functions.

What a node serves is wished too, and no deed gives it: each turn permits it. `disconnect` takes it
away, and the permission of the next turn does so again.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from attrs import evolve, frozen

from prgcore.form.cubes import EVERYWHERE
from prgcore.form.habits import Habits
from prgcore.model import Cube

__all__ = [
    "EFFECTS", "FREE", "HELD", "PARTS", "PRIMARY", "REPLICA", "STOPPED", "UP", "Rows", "World",
    "differs", "done", "overtaken", "permitted", "rows", "toward", "wished",
]

UP, STOPPED = "up", "stopped"
PRIMARY, REPLICA = "primary", "replica"
HELD, FREE = "held", "free"

EFFECTS: Mapping[str, tuple[str, str]] = {
    "demote": ("role", REPLICA),
    "stop": ("services", STOPPED),
    "release": ("grant", FREE),
    "acquire": ("grant", HELD),
    "start": ("services", UP),
    "promote": ("role", PRIMARY),
}
"""The part of the world that a deed changes, and its value afterwards; in the order of reconciling."""

PARTS = ("services", "role", "grant")
"""The parts of a world that deeds change; whom it serves is a part beside them."""

Rows: TypeAlias = tuple[tuple[str, tuple[Cube, ...]], ...]
"""The values of a part, each with the cubes in which it is wished; the first row that holds counts."""


@frozen
class World:
    """The world of a node, or what is wished of it.

    Attributes:
        services: `up` or `stopped`.
        role: `primary` or `replica`.
        grant: `held` or `free`: the take-over grant.
        serve: the groups of users that are served.

    An empty word: not known, or nothing is wished.
    """

    services: str = ""
    role: str = ""
    grant: str = ""
    serve: frozenset[str] = frozenset()

    def put(self, words: Mapping[str, str]) -> World:
        """The same with other values of these parts."""
        return World(words.get("services", self.services), words.get("role", self.role),
                     words.get("grant", self.grant), self.serve)


@lru_cache(maxsize=32)
def rows(habits: Habits, node: str) -> Mapping[str, Rows]:
    """For every part, where the record wishes what of a node.

    Without `roles` in the machine, a node that serves a group is primary, and one that can act and
    serve, and has none, is a replica. A node whose services are stopped has no role.
    """
    agent = habits.agent(node)
    ready: Cube | None = agent.able
    for cube in habits.acts(node):
        ready = ready and ready & cube
    roles: Rows = tuple((role, (cube,)) for role, cube in agent.roles)
    serves = tuple(cube for many in habits.serving.values() for who, cubes in many if who == node
                   for cube in cubes)
    if serves and not roles:
        roles = (PRIMARY, serves), (REPLICA, () if ready is None else (ready,))
    return {
        "services": (("", agent.either), (STOPPED, agent.leaves), (UP, (EVERYWHERE,))),
        "role": (("", (*agent.either, *agent.leaves)), *roles),
        "grant": ((HELD, agent.holds), (FREE, (EVERYWHERE,))),
    }


def wished(habits: Habits, columns: Mapping[str, str], node: str) -> World:
    """The wish of a record, or of a pair, for a node. A column that is not known fits no cell."""
    def value(some: Rows) -> str:
        return next((value for value, cubes in some if any(
            all(columns.get(c.column) in c.values for c in cube) for cube in cubes)), "")

    part = rows(habits, node)
    return World(value(part["services"]), value(part["role"]), value(part["grant"]), frozenset(
        group for group in habits.groups if habits.assigned(columns, group) == node))


# ------------------------------------------------------------------------------ deeds


def done(deed: str, world: World, wish: World) -> World:
    """The world of a node after it did this, while the record wishes that."""
    if deed == "disconnect":
        return evolve(world, serve=world.serve & wish.serve)
    part, value = EFFECTS.get(deed, ("", ""))
    return world.put({part: value})


def permitted(world: World, wish: World) -> World:
    """The world after the next turn, which permits what is wished and nothing else."""
    return evolve(world, serve=wish.serve)


def toward(world: World, wish: World) -> tuple[str, ...]:
    """The deeds that make a world what is wished, in their order; what is not known is left."""
    known = {part: getattr(world, part) for part in PARTS if getattr(world, part)}
    return tuple(deed for deed, (part, value) in EFFECTS.items()
                 if getattr(wish, part) == value != known.get(part, value))


def differs(world: World, wish: World) -> tuple[str, ...]:
    """The parts in which a world is not as wished; one that is not known differs from any wish."""
    return tuple(part for part in PARTS if getattr(wish, part) not in ("", getattr(world, part)))


def overtaken(deed: str, wish: World) -> bool:
    """Whether an older order must not be carried out any more: the record wishes the opposite now.

    Its node may have been away, while the other one took its users over. A late promotion would make
    a second primary, and a late fence would hit the node that serves.
    """
    match deed:
        case "start":
            return wish.services == STOPPED
        case "promote":
            return wish.services == STOPPED or wish.role == REPLICA
        case "demote":
            return wish.role == PRIMARY
        case "fence":
            return not wish.serve
    return False
