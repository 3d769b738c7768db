"""Interactions: what does not work, or works differently, in a pair and after an event.

Law: pure; the records are data (`prgcore.tables.restrictions`). Time is passed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prgcore.errors import BadInput, unknown_name
from prgcore.model import Number
from prgcore.product.serving import check_columns, columns_of
from prgcore.seats import NODES, seen_by
from prgcore.tables.events import EVENTS
from prgcore.tables.facts import Restriction
from prgcore.tables.restrictions import (
    FEATURES,
    HAPPENINGS,
    RESTRICTIONS,
    SEARCH_AGAIN_AFTER,
)

__all__ = ["COLUMNS", "KNOWN_EVENTS", "restrictions_for", "stale_presence"]

KNOWN_EVENTS = frozenset(HAPPENINGS) | {e.name for e in EVENTS}
"""The names of what can have happened: events without their seats, and HAPPENINGS."""

COLUMNS = columns_of(cube for r in RESTRICTIONS for cube in r.when)
"""The columns of a pair that `restrictions_for` reads."""

_WITHOUT_SEAT = {name: name for name in KNOWN_EVENTS} | {
    f"{e.name}({node})": e.name for e in EVENTS if e.seated for node in NODES
}


def restrictions_for(
    pair: Mapping[str, str], *, after: Iterable[str] = (), features: Iterable[str] | None = None,
) -> tuple[Restriction, ...]:
    """The restrictions that apply now, in the order of the table.

    Args:
        pair: the pair as it is.
        after: what has happened lately, such as `takeover_done(node2)`, `takeover_done` for
            either node, or `user_moved`. The caller chooses how far back: a restriction with
            `seconds` ends after the larger number.
        features: the features in use, out of FEATURES; None: all of them.

    Raises:
        BadInput: there is no such event or feature, or the pair lacks one of COLUMNS.

    Source: "Redundancy Interactions and Restrictions".
    """
    check_columns(pair, COLUMNS)
    told = set(map(str, after))
    used = set(FEATURES if features is None else features)
    for name in sorted(told - set(_WITHOUT_SEAT)):
        raise BadInput(unknown_name("event", name, _WITHOUT_SEAT))
    for name in sorted(used - set(FEATURES)):
        raise BadInput(unknown_name("feature", name, FEATURES))
    happened = {_WITHOUT_SEAT[name] for name in told}
    return tuple(
        r for r in RESTRICTIONS
        if (not r.feature or r.feature in used)
        and (not r.after or happened.intersection(r.after))
        and (not r.when or any(seen_by(c, pair, me) for c in r.when for me in NODES))
    )


def stale_presence(searched_at: Number, now: Number) -> bool:
    """Whether a second search for the same user, made now, would show a stale presence.

    Args:
        searched_at: when the first search was made or deleted, in seconds of any clock.
        now: the same clock now.

    Raises:
        BadInput: now is before the first search.

    Source: "Redundancy Interactions and Restrictions: Temporary presence status of a user".
    """
    if now < searched_at:
        raise BadInput(f"now is {now} s, before the first search at {searched_at} s; give both "
                       "times of one clock that does not step back")
    return now - searched_at < SEARCH_AGAIN_AFTER
