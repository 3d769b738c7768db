"""The lease of a pair, and the terms of its record as texts.

Law: pure; numbers and texts. How long a node may serve after it has read the record, and how long
the other node waits (T10).
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import floor

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.timers.arbiters import HandOver
from prgcore.timers.arithmetic import tolerates
from prgcore.timers.parameters import seconds, share

__all__ = [
    "LEASE_KEYS", "LEASE_TIMES", "ORDINARY_DRIFT", "Lease", "lease_of", "lease_text", "seconds_of",
    "seconds_text",
]

LEASE_TIMES = ("lasts", "pause", "stopping", "waits")
LEASE_KEYS = (*LEASE_TIMES, "drift")

ORDINARY_DRIFT = 0.0005
"""How far the clock of a computer may drift: as much as NTP, which corrects it, may slow it down."""

LONGEST_TERM = 200
"""How many characters the term of a lease has at most."""

_FINE = 1_000_000
"""The longest pause is found in parts of a million."""

_TIME = re.compile(r"([a-z]{1,20}) ([0-9.e+-]{1,30}) s(?:, |$)", re.ASCII)


@frozen
class Lease:
    """How long a node may serve after it has read the record, and how long the other node waits.

    Attributes:
        lasts: how long the services may serve, in seconds from the beginning of a reading.
        waits: how long the other node waits before it serves, in seconds, if the first node does
            not answer.
        pause: the longest pause between a look at the lease and serving by it, in seconds.
        stopping: how long the services still serve after the request to stop, in seconds.
        drift: the share by which each clock may be fast or slow: 0.001 is 1 ms a second. None:
            the clocks are unknown.

    Raises:
        BadInput: users could be served twice: the wait is shorter than the rest, or too short for
            clocks that drift so far (T10).
    """

    lasts: float = 3.0
    waits: float = 5.0
    pause: float = 1.0
    stopping: float = 0.5
    drift: float | None = None

    def __attrs_post_init__(self) -> None:
        for name in LEASE_TIMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e6:
                raise BadInput(f"lease: {name}: {value!r:.60} is not a number of seconds from 0, below "
                               "1,000,000")
        if not self.lasts or not self.tolerates(0):
            raise BadInput(
                f"lease: lasts + pause + stopping = {self.lasts + self.pause + self.stopping:g} s "
                f"must be above 0 and at most waits, which is {self.waits:g} s: else users could "
                "be served twice (T10)")
        if self.drift is not None and not self.tolerates(self.drift):
            raise BadInput(
                f"lease: clocks that drift by {self.drift:g} could make users be served twice "
                f"(T10): it tolerates a drift of {self.tolerated:g}; write a longer wait")

    def tolerates(self, drift: float) -> bool:
        """Whether nobody is served twice though each clock is fast or slow by this share (T10).

        Decimals are taken as they are written, so 0.4 + 0.1 + 0.1 is 0.6.

        Raises:
            BadInput: it is not a share from 0, below 1.
        """
        drifts = Fraction(repr(share(drift, "lease: drift")))
        lasts, pause, stopping, waits = (
            Fraction(repr(getattr(self, name))) for name in LEASE_TIMES)
        return bool(tolerates(lasts, pause, stopping, waits, drifts))

    @property
    def tolerated(self) -> float:
        """The greatest drift of both clocks that it tolerates, rounded down to a millionth (T10).

        Whatever is less is tolerated too. With the sum equal to the wait it is 0.
        """
        return HandOver(
            self.lasts, self.waits, pause=self.pause, stopping=self.stopping).tolerated

    def longest_pause(self, drift: float = 0) -> float:
        """The longest pause that it tolerates with this drift, rounded down to a microsecond (T10).

        Raises:
            BadInput: it is not a share from 0, below 1.
        """
        alone = HandOver(self.lasts, self.waits, stopping=self.stopping,
                         drift=share(drift, "lease: drift"))
        return max(0, floor(alone.exact * _FINE)) / _FINE


def seconds_text(seconds: float) -> str:
    """A number of seconds as a term: `3 s`, `0.5 s`."""
    return f"{float(seconds)!r}".removesuffix(".0") + " s"


def seconds_of(text: str, name: str) -> float:
    """The number of seconds of a term; `name` is for the error.

    Raises:
        BadInput: it is none.
    """
    try:
        found = seconds(float(text.removesuffix(" s")), name)
    except ValueError:
        found = None
    if found is None or seconds_text(found) != text:
        raise BadInput(f"{name}: {text!r:.60} is not a number of seconds")
    return found


def lease_text(lease: Lease) -> str:
    """A lease as a term: its four times."""
    return ", ".join(f"{name} {seconds_text(getattr(lease, name))}" for name in LEASE_TIMES)


def lease_of(text: str) -> Lease:
    """The lease that a term describes.

    Raises:
        BadInput: it describes none.
    """
    found = dict(_TIME.findall(text[:LONGEST_TERM]))
    try:
        lease = Lease(**{name: float(number) for name, number in found.items()})
    except ValueError:
        lease = None
    if lease is None or lease_text(lease) != text:
        raise BadInput(f"{text[:90]!r} is not a lease")
    return lease
