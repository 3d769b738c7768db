"""When a node is tended: at its start, when the wish or what was seen changes, and now and then.

Law: pure. `prgcore.running.tending` and the simulated world call the same lines. A look that has
mended something is followed by a pause, which doubles each time.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from prgcore.running.desired import Desired

__all__ = ["EVERY", "FIRST", "LONGEST", "Tended", "looked", "noted"]

EVERY = 5.0
"""How many seconds pass between two looks, unless the group file says otherwise."""
FIRST, LONGEST = 0.5, 60.0
"""The first pause after something was mended, and the longest."""


@frozen
class Tended:
    """When to look next at what runs on a node.

    Attributes:
        due: when, if nothing changes.
        rests: until when nothing is looked at, because something was mended.
        pause: the newest of these pauses; 0: none was needed lately.
        knows: what was desired and what was seen in the newest turn.
    """

    due: float = 0.0
    rests: float = 0.0
    pause: float = 0.0
    knows: object = None


def noted(tended: Tended, wish: Desired, seen: Mapping[str, bool], now: float) -> Tended:
    """The same after a turn: what has changed is looked at as soon as it may be."""
    knows = wish.services, wish.role, tuple(sorted(seen.items()))
    if knows == tended.knows:
        return tended
    return evolve(tended, knows=knows, due=max(now, tended.rests))


def looked(tended: Tended, now: float, every: float, *, mended: bool) -> Tended:
    """The same after a look, which mended something, or found nothing to mend."""
    if not mended:
        pause = 0.0 if now > tended.rests + every else tended.pause
        return evolve(tended, due=now + every, pause=pause)
    pause = min(max(FIRST, 2 * tended.pause), LONGEST)
    return evolve(tended, due=now + pause, rests=now + pause, pause=pause)
