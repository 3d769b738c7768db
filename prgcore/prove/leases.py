"""Claims about leases: what T10 says of two nodes that serve the same users after each other.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns. Time
is real time. `lasts` is the longest time that the lease can take. `waits` is the shortest time that
the other node's wait can take. Both numbers allow for clocks that drift.
"""

from __future__ import annotations

from prgcore.prove.claims import Claim, Term, Unknowns, both
from prgcore.timers import arithmetic

__all__ = ["never_twice", "twice"]


def _given(u: Unknowns) -> tuple[dict[str, Term], Term, Term]:
    """One node reads; the record gives its users to the other, which reads that; both serve."""
    begun, read, lost, seen, serves, starts = map(
        u.number, ("begun", "read", "lost", "seen", "serves", "starts"))
    lasts, pause, stopping, waits = map(u.number, ("lasts", "pause", "stopping", "waits"))
    return {
        "a reading that was begun before it was done still gives the users to the node":
            both(begun <= read, read <= lost),
        "another decision takes them; the other node reads that later": lost <= seen,
        "the node serves by the lease of that reading, which counts from its beginning":
            both(begun <= serves, serves <= arithmetic.serves_until(begun, lasts, pause, stopping)),
        "the other node serves after its wait": starts >= arithmetic.serves_from(seen, waits),
        "nothing takes less than no time":
            both(lasts >= 0, pause >= 0, stopping >= 0, waits >= 0),
    }, serves, starts


def never_twice(u: Unknowns) -> Claim:
    given, serves, starts = _given(u)
    return Claim(
        {**given, "lease + pause + stopping <= wait": arithmetic.fenced(
            u.number("lasts"), u.number("pause"), u.number("stopping"), u.number("waits"))},
        {"the other node starts when the first one has stopped": serves <= starts},
        both(serves > u.number("lost"), u.number("lasts") > 0),
    )


def twice(u: Unknowns) -> Claim:
    """The claim about the worst schedule: the lease is read and lost in one moment, seen at once."""
    lost, lasts, pause, stopping, waits = map(
        u.number, ("lost", "lasts", "pause", "stopping", "waits"))
    serves = arithmetic.serves_until(lost, lasts, pause, stopping)
    starts = arithmetic.serves_from(lost, waits)
    return Claim(
        {
            "nothing takes less than no time":
                both(lasts >= 0, pause >= 0, stopping >= 0, waits >= 0),
            "lease + pause + stopping > wait": waits < lasts + pause + stopping,
        },
        {"the first still serves when the other one has started": starts < serves},
    )
