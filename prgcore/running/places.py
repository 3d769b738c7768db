"""The places at a port: who gets one, and who gives one up.

Law: pure; no clock, no socket. A newcomer is never refused for the sake of one that has said nothing
whole, so silent clients cannot keep the peer out.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TypeVar

from attrs import define

from prgcore.running.limits import Limits

__all__ = ["SHARE", "SILENT", "Place", "gives_up", "overdue"]

SHARE = 4
"""One place in so many is for newcomers, if there are as many of them."""
SILENT = "a connection was silent"
"""Why a connection ends that has proved itself and says nothing more."""


@define(eq=False)
class Place:
    """A connection, as the limits see it. All times are seconds of one clock.

    Attributes:
        address: the address of the other end.
        since: when it was opened.
        last: when something came last.
        begun: since when a line is under way that is not whole; None: none is.
        proved: whether it has brought a whole line, and is still wanted.
    """

    address: Hashable
    since: float
    last: float
    begun: float | None = None
    proved: bool = False


P = TypeVar("P", bound=Place)


def gives_up(places: Iterable[P], address: Hashable, limits: Limits) -> P | None:
    """The place that must be given up so that a newcomer from this address gets one; None: none.

    Of its own address if that has too many, else of all: first the oldest that has not proved
    itself, else the one that has been silent for longest. If nearly all have proved themselves,
    newcomers have a few places nevertheless: each would end at once for the next one.
    """
    everyone = list(places)
    near = [one for one in everyone if one.address == address]
    among = near if len(near) >= limits.per_address else everyone
    if among is everyone and len(everyone) < limits.connections:
        return None
    new, old = ([one for one in among if one.proved is proved] for proved in (False, True))
    if old and len(new) * SHARE < len(among):
        return min(old, key=lambda one: one.last)
    return min(new, key=lambda one: one.since)


def overdue(place: Place, limits: Limits, now: float) -> str:
    """Why a connection ends now; empty: it goes on."""
    if not place.proved and now - place.since > limits.whole:
        return "a connection brought no whole line"
    if place.begun is not None and now - place.begun > limits.whole:
        return "a connection did not end a line"
    return SILENT if now - place.last > limits.idle else ""
