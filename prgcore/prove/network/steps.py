"""What both kinds of networks share: moves of one kind, and the events by which a node moves.

Law: as `prgcore.prove.network`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prgcore.network.setting import Setting
from prgcore.prove.network.facing import Answers, Machine
from prgcore.prove.network.rows import Ids
from prgcore.vocabulary import Kind

__all__ = ["Step", "seated"]


class Step(NamedTuple):
    """Moves of one kind: the positions of the networks that they start from, and what they lead to.

    Attributes:
        kind: the number of the kind.
        by: the answers to the event that is decided, and the rule of each move; no rules: the event
            may be decided with the move. None: no event is.
    """

    kind: int
    source: npt.NDArray[np.intp]
    after: Any
    by: tuple[Answers, Ids | None] | None = None


def seated(machine: Machine, setting: Setting, node: int, *, quiet: bool) -> tuple[str, ...]:
    """The events by which a node moves, as far as the adversary allows them; its heartbeats apart.

    Args:
        quiet: only those of time, and what was begun that ends well.
    """
    facts = machine.facts
    allowed = {""} if quiet else {"", *setting.adversary}
    clash = () if setting.recorded else tuple(filter(None, (facts.clash[node],)))
    return tuple(dict.fromkeys((*(
        e.name for e in machine.model.events
        if facts.seat(e) == node and facts.power(e) in allowed and e.name != facts.heard[node]
        and (not quiet or e.kind in (Kind.TIMER, Kind.COMPLETION))), *clash)))
