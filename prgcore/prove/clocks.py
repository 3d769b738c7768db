"""The clocks of two nodes that drift: true time, and what a clock counts and shows of it.

Law: knows no claim. The rate of each clock stays within 1 - drift and 1 + drift, and may change
within these bounds. Moments are moments of true time; `Clocks.shown` is what the watching node's
clock shows then.
"""

from __future__ import annotations

from itertools import pairwise

from attrs import frozen

from prgcore.prove.claims import Term, Unknowns, both, same
from prgcore.timers import arithmetic

__all__ = ["Clocks"]


@frozen
class Clocks:
    """Clocks that are fast or slow by a share of the time, the drift, at most."""

    u: Unknowns
    drift: Term

    @staticmethod
    def of(u: Unknowns) -> Clocks:
        return Clocks(u, u.number("drift"))

    @property
    def sensible(self) -> dict[str, Term]:
        return {"a clock is fast or slow by less than the whole":
                both(self.drift >= 0, self.drift < 1)}

    @property
    def drifts(self) -> Term:
        """The term that asks for a witness with a drift of a sixteenth."""
        return same(self.drift * 16, 1)

    def count(self, true: Term, counted: Term) -> Term:
        """The term that says that a clock counts so much while so much true time passes."""
        return both((1 - self.drift) * true <= counted, counted <= (1 + self.drift) * true)

    def at_most(self, counted: Term) -> Term:
        """The longest true time that a counted time takes."""
        return arithmetic.at_most(counted, self.drift)

    def at_least(self, counted: Term) -> Term:
        """The shortest true time that a counted time takes."""
        return arithmetic.at_least(counted, self.drift)

    def shown(self, moment: str) -> Term:
        """The time that the watching node's clock shows at the moment of this name."""
        return self.u.number(f"{moment}_shown")

    def run(self, *moments: str) -> Term:
        """The term that says that the watching node's clock runs from each moment to the next."""
        return both(*(
            self.count(self.u.number(then) - self.u.number(first),
                       self.shown(then) - self.shown(first))
            for first, then in pairwise(moments)))
