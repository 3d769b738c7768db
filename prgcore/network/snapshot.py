"""A network at one moment, and the moves that lead to the next.

Law: frozen values. Both nodes come in the order of `prgcore.seats.NODES`. Nothing is kept that no
later move can depend on, so two networks with one future are equal.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from attrs import frozen

__all__ = ["Flags", "Message", "Move", "Snapshot", "put"]

T = TypeVar("T")

Flags: TypeAlias = tuple[bool, bool]
"""Yes or no, for each node."""


@frozen
class Message:
    """A heartbeat in flight.

    Attributes:
        copy: the copy of its sender when it was sent: stored columns in the machine's order. With
            a record, only the told columns of the sender count, and the others are blank.
        news: (no record) it has writes of its sender that the receiver lacks.
        based: (no record) its sender knew every write of the receiver, as it is now.
        newest: (no record) its sender has written nothing since.
        timely: (with a record) the columns of its sender are still those that it carries.
        late: another heartbeat of its sender has overtaken it.
    """

    copy: tuple[str, ...]
    news: bool = False
    based: bool = False
    newest: bool = True
    timely: bool = True
    late: bool = False


@frozen
class Move:
    """One step of a network; `str(move)` is its line in a story.

    Attributes:
        verb: `decide` for events, else the first word of the line.
        event: the event that is decided.
        node: the node that moves; of a `tick`, the node whose heartbeats do not arrive, or `both`.
        group: the group of users of an `access`.
        at: the node that a command is given to.
        again: whether a delivered heartbeat stays in flight.
    """

    verb: str
    event: str = ""
    node: str = ""
    group: str = ""
    at: str = ""
    again: bool = False

    def __str__(self) -> str:
        if self.verb == "decide":
            return self.event + (f" at {self.at}" if self.at else "")
        if self.verb == "tick":
            return f"tick without {self.node}" if self.node else "tick"
        words = (self.verb, self.node, self.group, "again" if self.again else "")
        return " ".join(word for word in words if word)


@frozen
class Snapshot:
    """A network at one moment.

    Attributes:
        copies: for each node its copy of the pair: stored columns in the machine's order. Columns
            that the node cannot know have their first value.
        slots: for each node the heartbeat that it sent and that is in flight; None: none is.
        cuts: whether what a node sends does not arrive.
        ahead: (no record) whether its peer lacks writes of a node.
        record: (with a record) its columns, in the machine's order.
        current: (with a record) whether a node has read its newest value.
        older: (with a record) the node whose reading is older than that of its peer; empty: none.
        timely: (with a record) whether what a node heard last is still so.
        silent: (model T) for each node the intervals since it heard its peer.
        claims: (lease) for each group the node that may be serving it; empty: nobody.
        permits: (lease) for each node the groups that it serves.
        holders: (fence) for each group the node whose effect its resource accepted last. `node1
            after node2`: it accepted an older epoch after a newer one, which it must never do.
    """

    copies: tuple[tuple[str, ...], tuple[str, ...]]
    slots: tuple[Message | None, Message | None] = (None, None)
    cuts: Flags = (False, False)
    ahead: Flags = (False, False)
    record: tuple[str, ...] = ()
    current: Flags = (True, True)
    older: str = ""
    timely: Flags = (True, True)
    silent: tuple[int, int] = (0, 0)
    claims: tuple[str, ...] = ()
    permits: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    holders: tuple[str, ...] = ()


def put(both: tuple[T, T], i: int, value: T) -> tuple[T, T]:
    """The same for both nodes, with another value for one of them."""
    return (value, both[1]) if i == 0 else (both[0], value)
