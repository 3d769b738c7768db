"""The charter of an agent: what does not change while it runs.

Law: data only. Most of it is the embedder's choice; the rest is read from the machine once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.running.lease import Lease
from prgcore.seats import NODES
from prgcore.vocabulary import Kind

__all__ = ["Charter"]


@frozen
class Charter:
    """The facts that do not change while an agent, or a controller, runs.

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
        waits: whether its pump takes no turn while a call of the store is under way. Such a call
            is then no delay of a turn.
        new: whether to begin a record if there is none, and to accept one of another id.
        adopt: whether to put the record on these terms.
        hands: the deeds of a turn (`move`, `disconnect`) that end with a part for the hands: a
            hook. Such an order is done once the hands have reported it.
    """

    engine: Engine
    node: str | None = None
    terms: Mapping[str, str] = field(factory=dict)
    lease: Lease | None = None
    grant: float = 0.0
    seat: str = ""
    run: str = ""
    completes: bool = True
    waits: bool = False
    new: bool = False
    adopt: bool = False
    hands: frozenset[str] = frozenset()

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it decides for."""
        return NODES if self.node is None else (self.node,)

    @property
    def completions(self) -> Mapping[str, tuple[str, ...]]:
        """For each of its nodes the events that say that its orders are done."""
        return _completions(self.engine)


@lru_cache(maxsize=8)
def _completions(engine: Engine) -> Mapping[str, tuple[str, ...]]:
    return {node: tuple(e.name for e in engine.model.events if e.kind is Kind.COMPLETION
                        and e.success is not False and e.decider == node) for node in NODES}
