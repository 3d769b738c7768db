"""The charter of an agent: what does not change while it runs.

Law: data only. Most of it is the embedder's choice; the rest is read from the machine once.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.running.group import Lease
from prgcore.seats import NODES

__all__ = ["Charter"]


@frozen
class Charter:
    """What does not change while an agent, or a controller, runs.

    Attributes:
        engine: the machine.
        node: the node of the agent; None: a controller, which keeps the whole pair.
        terms: the conditions that all writers of the record must share, by name.
        lease: the lease by which services serve; None: the embedder's services need none.
        grant: how long the arbiter's grant lasts without being kept, in seconds.
        seat: a word of the agent's directory; another directory has another one. Empty: the
            agent takes no seat.
        run: a word of this start of the agent, which no other start has.
        completes: whether a completion is decided when a node has no orders left.
        hands: whether turns ask for orders to be carried out.
        new: whether to begin a record if there is none, and to accept one of another id.
        adopt: whether to put the record on these terms.
    """

    engine: Engine
    node: str | None = None
    terms: Mapping[str, str] = field(factory=dict)
    lease: Lease | None = None
    grant: float = 0.0
    seat: str = ""
    run: str = ""
    completes: bool = True
    hands: bool = True
    new: bool = False
    adopt: bool = False

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it decides for."""
        return NODES if self.node is None else (self.node,)
