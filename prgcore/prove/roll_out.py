"""Claims about a roll-out of another lease: what T14 says of two leases that hold at once.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns, as
`prgcore.running.terms.together` calls it. One lease is that of the node that serves, and the other
that of the node that takes over. Either may be the old one.
"""

from __future__ import annotations

from attrs import evolve, frozen

from prgcore.prove.claims import Claim, Term, Unknowns, both, either, same
from prgcore.timers import arithmetic

__all__ = [
    "drift_too", "earlier_agent", "keeps_both", "lasts_too_long", "never_twice_meanwhile",
    "waits_too_little",
]

_NUMBERS = ("lasts", "pause", "stopping", "waits")


@frozen
class _Lease:
    """The numbers of a lease."""

    lasts: Term
    pause: Term
    stopping: Term
    waits: Term

    @staticmethod
    def of(u: Unknowns, whose: str) -> _Lease:
        return _Lease(*(u.number(f"{name}_{whose}") for name in _NUMBERS))

    @property
    def sensible(self) -> Term:
        return both(self.lasts >= 0, self.pause >= 0, self.stopping >= 0, self.waits >= 0)

    def fenced(self, waits: Term) -> Term:
        return arithmetic.fenced(self.lasts, self.pause, self.stopping, waits)


def _together(u: Unknowns, mine: _Lease, other: _Lease, needed: Term) -> _Lease:
    """The lease in force: it lasts as the shorter, and waits for the longest of each."""
    pause, stopping = (arithmetic.longer(getattr(mine, name), getattr(other, name), u.choose)
                       for name in ("pause", "stopping"))
    waits = arithmetic.longer(mine.waits, other.waits, u.choose)
    return _Lease(arithmetic.shorter(mine.lasts, other.lasts, u.choose), pause, stopping,
                  arithmetic.longer(waits, needed, u.choose))


def _needed(u: Unknowns, mine: _Lease, other: _Lease) -> Term:
    """The longest of each, without drift. It is the wait that `prgcore.running.terms` asks for."""
    lasts, pause, stopping = (
        arithmetic.longer(getattr(mine, name), getattr(other, name), u.choose)
        for name in _NUMBERS[:3])
    return lasts + pause + stopping


_BOTH = "two leases, of which no number is negative"
_HAS = ("the node serves by its own lease, if it has not read of the other's, or by a shorter one; "
        "its services have the pause and the stopping of either")


def _setting(u: Unknowns) -> tuple[dict[str, Term], _Lease, _Lease, _Lease, _Lease]:
    """Two leases, the lease in force, and that by which users are served meanwhile."""
    first, second = _Lease.of(u, "first"), _Lease.of(u, "second")
    force = _together(u, first, second, _needed(u, first, second))
    serving = evolve(_Lease(*map(u.number, _NUMBERS)), waits=force.waits)
    return {
        _BOTH: both(first.sensible, second.sensible),
        _HAS: both(*(
            either(*(getattr(serving, name) <= getattr(one, name) for one in (first, second)))
            for name in _NUMBERS[:3])),
    }, first, second, force, serving


def _mixed(first: _Lease, second: _Lease, serving: _Lease) -> Term:
    """The term that asks for a witness of both leases, each with a number of the other."""
    return both(serving.lasts > second.lasts, serving.pause > first.pause, second.lasts > 0)


def keeps_both(u: Unknowns) -> Claim:
    given, first, second, force, serving = _setting(u)
    return Claim(given, {
        "the lease in force lasts no longer than either":
            both(force.lasts <= first.lasts, force.lasts <= second.lasts),
        "and waits no shorter than either":
            both(force.waits >= first.waits, force.waits >= second.waits),
        "lease + pause + stopping <= its wait, for the lease in force itself":
            force.fenced(force.waits),
        "and for the lease by which the node serves": serving.fenced(force.waits),
    }, _mixed(first, second, serving))


def never_twice_meanwhile(u: Unknowns) -> Claim:
    """The claim about the take-over: by the terms of the record that it replaces, so by both."""
    given, first, second, force, serving = _setting(u)
    begun, read, lost, seen, serves, starts = map(
        u.number, ("begun", "read", "lost", "seen", "serves", "starts"))
    return Claim(
        {
            **given,
            "a reading, with the signature of the serving node, gives it the users":
                both(begun <= read, read <= lost),
            "another decision takes them; the other node reads that later": lost <= seen,
            "the node serves by the lease of that reading, which counts from its beginning": both(
                begun <= serves, serves <= arithmetic.serves_until(
                    begun, serving.lasts, serving.pause, serving.stopping)),
            "the other node serves after the wait in force":
                starts >= arithmetic.serves_from(seen, force.waits),
        },
        {"it starts when the first one has stopped": serves <= starts},
        both(serves > lost, _mixed(first, second, serving)),
    )


def earlier_agent(u: Unknowns) -> Claim:
    """The claim about a restart under the other terms: the signature is replaced after the wait."""
    given, _, _, force, serving = _setting(u)
    begun, ended, started, signs, serves = map(
        u.number, ("begun", "ended", "started", "signs", "serves"))
    return Claim(
        {
            **given,
            "the earlier agent of a node has ended; its services serve by a reading that it began":
                both(begun <= ended, begun <= serves, serves <= arithmetic.serves_until(
                    begun, serving.lasts, serving.pause, serving.stopping)),
            "the next agent starts under the other terms, and signs after the wait in force": both(
                ended <= started, signs >= arithmetic.serves_from(started, force.waits)),
        },
        {"when it signs, services of the earlier agent have stopped": serves <= signs},
        both(serves > started, started > ended),
    )


def lasts_too_long(u: Unknowns) -> Claim:
    """The claim about the need: a node that goes on with its own wait meets a longer lease."""
    first, second = _Lease.of(u, "first"), _Lease.of(u, "second")
    return Claim(
        {
            _BOTH: both(first.sensible, second.sensible),
            "each lease alone is long enough":
                both(first.fenced(first.waits), second.fenced(second.waits)),
            "the other lease is longer than the wait of this one":
                second.lasts + second.pause + second.stopping > first.waits,
        },
        {"by its own wait, it starts while the other node still serves":
            arithmetic.serves_from(0, first.waits) < arithmetic.serves_until(
                0, second.lasts, second.pause, second.stopping)},
    )


def waits_too_little(u: Unknowns) -> Claim:
    """The claim about the longer wait alone: the pause of one lease, and the length of the other."""
    first, second = _Lease.of(u, "first"), _Lease.of(u, "second")
    force = _together(u, first, second, arithmetic.longer(first.waits, second.waits, u.choose))
    return Claim(
        {
            _BOTH: both(first.sensible, second.sensible),
            "each lease alone is long enough, and no more":
                both(same(first.lasts + first.pause + first.stopping, first.waits),
                     same(second.lasts + second.pause + second.stopping, second.waits)),
            "one lasts longer, the other has the longer pause":
                both(first.lasts > second.lasts, first.pause < second.pause,
                     same(first.stopping, second.stopping)),
        },
        {"a node that serves by the longer one, with services of the longer pause, serves too long":
            force.waits < first.lasts + second.pause + first.stopping},
    )


# ---------------------------------------------------------------------------- drift


def drift_too(u: Unknowns) -> Claim:
    """The claim about clocks that drift, as far as the lease of the node that takes over names."""
    first, second = _Lease.of(u, "first"), _Lease.of(u, "second")
    drift, needed = u.number("drift"), u.number("needed")
    lasts, pause, stopping = (
        arithmetic.longer(getattr(first, name), getattr(second, name), u.choose)
        for name in _NUMBERS[:3])
    force = _together(u, first, second, needed)
    return Claim(
        {
            _BOTH: both(first.sensible, second.sensible),
            "a clock is fast or slow by less than the whole": both(drift >= 0, drift < 1),
            "the lease in force waits at least as long as the longest of each needs":
                needed >= arithmetic.shortest_wait(lasts, pause, stopping, drift),
        },
        {
            "the drift is tolerated by the longest of each":
                arithmetic.tolerates(lasts, pause, stopping, force.waits, drift),
            "and by either lease": both(*(
                arithmetic.tolerates(one.lasts, one.pause, one.stopping, force.waits, drift)
                for one in (first, second, force))),
        },
        both(same(drift * 16, 1), same(first.lasts, 3), first.pause < second.pause,
             same(second.lasts, 2), same(second.pause, 1), same(first.stopping, 0),
             same(second.stopping, 0)),
    )
