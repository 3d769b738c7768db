"""Hours of a fleet are the same to the last pair, whatever the number of processes."""

from __future__ import annotations

import numpy as np
import pytest

from prgcore.fleet.blocks import Where
from prgcore.fleet.lapse import PART
from prgcore.machine import PRG
from prgcore.outage.hours import counted_hours, followed_hours, hourly
from prgcore.outage.rates import default

PAIRS, HOURS = 2 * PART + 100, 6


def test_pairs_followed_in_other_processes_go_the_same_way():
    pytest.importorskip("distributed")
    world = default(PRG, {"power_off": "every 2 days", "fallback": "takes 2 h"})
    given = hourly(PRG, world, HOURS)
    told = []
    one, fleet = followed_hours(given, world, PAIRS, 5, progress=lambda *n: told.append(n))
    two, other = followed_hours(given, world, PAIRS, 5, where=Where(2))
    assert (fleet.codes == other.codes).all()
    assert (one.shown == two.shown).all()
    assert (one.counts.numbers == two.counts.numbers).all()
    assert told == [(PART, PAIRS), (2 * PART, PAIRS), (PAIRS, PAIRS)]
    assert one.pairs == PAIRS
    assert one.shown[-1, 0] < PAIRS
    alike = counted_hours(given, PAIRS, 5)
    share = alike.shown / PAIRS
    wide = 6 * np.sqrt(2 * PAIRS * share * (1 - share)) + 6
    assert (abs(alike.shown - one.shown) <= wide).all()
