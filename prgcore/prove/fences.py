"""Claims about two nodes that fence each other: what T15 says.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns. Each
node notices that it does not hear the other, waits its own delay, and fences the other unless it
has ended by then. A fence takes `latency`.
"""

from __future__ import annotations

from prgcore.prove.claims import Claim, Term, Unknowns, both, either, no, same
from prgcore.timers import arithmetic

__all__ = ["both_can", "one_is_left", "somebody_fences"]


def _given(u: Unknowns) -> tuple[dict[str, Term], Term, Term]:
    """Two nodes that notice, wait and fence; whether each of them does."""
    noticed, sees, one, other, latency, apart = map(
        u.number, ("noticed", "sees", "one", "other", "latency", "apart"))
    fences, fires = u.flag("fences"), u.flag("fires")
    begins, starts = noticed + one, sees + other
    return {
        "no delay is negative, and a fence takes time": both(one >= 0, other >= 0, latency > 0),
        "the two notice at most `apart` after each other":
            both(noticed <= sees + apart, sees <= noticed + apart),
        "the first node fences unless it has ended before":
            same(fences, no(both(fires, starts + latency <= begins))),
        "so does the second": same(fires, no(both(fences, begins + latency <= starts))),
    }, fences, fires


def _both(u: Unknowns) -> Term:
    one, other, latency, apart = map(u.number, ("one", "other", "latency", "apart"))
    return arithmetic.both_end(one, other, latency, apart, u.choose)


def one_is_left(u: Unknowns) -> Claim:
    given, fences, fires = _given(u)
    one, other = u.number("one"), u.number("other")
    return Claim(
        {**given, "the delays are at least latency + apart from each other": no(_both(u))},
        {"the node with the shorter delay is left": both(
            either(one > other, both(fences, no(fires))),
            either(other > one, both(fires, no(fences))))},
        both(u.number("apart") > 0, one > other),
    )


def both_can(u: Unknowns) -> Claim:
    """The claim about the worst moments: the node with the shorter delay notices last."""
    given, fences, fires = _given(u)
    noticed, sees, one, other, apart = map(
        u.number, ("noticed", "sees", "one", "other", "apart"))
    near = u.choose(one > other, one - other, other - one)
    later = arithmetic.shorter(near, apart, u.choose)
    return Claim(
        {**given, "the delays are less than latency + apart from each other": _both(u),
         "the node with the shorter delay notices later by that, or by `apart` if that is less":
            same(sees, u.choose(one > other, noticed + later, noticed - later))},
        {"both end": both(fences, fires)},
        both(apart > 0, one > other),
    )


def somebody_fences(u: Unknowns) -> Claim:
    given, fences, fires = _given(u)
    return Claim(given, {"at least one node fences the other": either(fences, fires)},
                 both(fences, no(fires)))
