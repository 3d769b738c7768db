"""The desired state of a node: what the newest record wants of it, whatever happened before.

Law: pure. Orders say what has to be done once; the desired state says what has to be so now. It
follows from the record alone, so an agent, or a program that embeds a driver, can look at it at any
time and mend whatever differs: a service that came back by itself, an order that somebody undid.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from attrs import evolve, field, frozen

from prgcore.form.habits import Habits
from prgcore.form.wishes import PRIMARY, World, wished
from prgcore.stores.record import Record, served

__all__ = ["Desired", "desired", "following"]


@frozen
class Desired:
    """The desired state of a node.

    Attributes:
        serve: the groups of users that the node serves, each with its token. Nobody else is served.
        services: `up`: its services run. `stopped`: none runs. Empty: it does not matter.
        role: `primary` or `replica`, or a word of the machine; empty: it does not matter now.
        grant: `held`: the node keeps the take-over grant. `free`: it does not.
        epoch: the epoch of the record that says so.
        until: until when this holds without another reading, in seconds of the clock of the turns.
    """

    serve: Mapping[str, int] = field(factory=dict)
    services: str = ""
    role: str = ""
    grant: str = ""
    epoch: int = 0
    until: float = inf

    def to_json(self) -> dict[str, Any]:
        """The same as JSON; `until` is null where nothing ends it."""
        return {"serve": dict(self.serve), "services": self.services, "role": self.role,
                "grant": self.grant, "epoch": self.epoch,
                "until": None if self.until == inf else self.until}

    @property
    def world(self) -> World:
        """The world that it asks for."""
        return World(self.services, self.role, self.grant, frozenset(self.serve))


def desired(
    record: Record, node: str, habits: Habits, *, serve: Mapping[str, int] | None = None,
    until: float = inf,
) -> Desired:
    """The desired state of a node by a record.

    A node becomes primary when nobody else can be serving its users any more: until the record gives
    it the claim of a group, no role is desired of it.

    Args:
        habits: of the machine (`engine.habits`).
        serve: the groups that it may serve, where something else than the record restricts it.
        until: until when it holds.
    """
    wish = wished(habits, record.seen_by(node), node)
    served_now = served(record, node, habits) if serve is None else serve
    waits = wish.role == PRIMARY and habits.groups and not served_now
    return Desired(dict(served_now), wish.services, "" if waits else wish.role, wish.grant,
                   record.epoch, until)


def following(
    known: tuple[Record, Desired] | None, record: Record, node: str, habits: Habits,
    serve: Mapping[str, int], until: float,
) -> tuple[Record, Desired]:
    """A record and its desired state, for whom the services may serve now; worked out once for each."""
    if known is not None and known[0] is record and known[1].serve == serve:
        was = known[1]
        return known if was.until == until else (record, evolve(was, until=until))
    return record, desired(record, node, habits, serve=serve, until=until)
