"""Calm turns: those in which nothing is new, so that only moments move.

Law: pure. A calm turn is what the whole turn (`prgcore.running.turn`) would make of the same, found
by fewer comparisons. Whatever is not exactly as after the last whole turn makes a whole one: another
record, another heartbeat, a timer that is due, a late turn, an open order, a claim on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from math import inf
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from prgcore.running.shapes import Heard, Reading, Seen, Serve, Turn
from prgcore.stores.record import Record
from prgcore.timers.arithmetic import late, looks_alive_until, unread

if TYPE_CHECKING:
    from prgcore.running.state import AgentState

__all__ = ["Calm", "calm"]


@frozen
class Calm:
    """All that holds as long as nothing is new.

    Attributes:
        record, version: as it was read.
        heard: the content of the newest heartbeat; None: there was none.
        beat: the heartbeat to send.
        groups: who may be served.
        lasts: how long a permission lasts.
        due: when a timer is due.
        timeout: after how long a silent peer is lost.
        interval: how many seconds lie between two heartbeats.
        share: how many seconds lie between two turns, at most.
        every: how many seconds lie between two readings, at most.
    """

    record: Record
    version: int
    heard: Heard | None
    beat: Heard
    groups: Mapping[str, int]
    lasts: float
    due: float
    timeout: float
    interval: float
    share: float
    every: float


def calm(state: AgentState, seen: Seen, now: float) -> tuple[AgentState, Turn] | None:
    """The state after a calm turn, and the turn; None: this is not one."""
    c = state.calm
    if c is None or not _nothing_new(state, c, seen) or now >= c.due or late(
            now, state.promised, c.timeout) or unread(now, state.ended, c.timeout):
        return None
    s = copy(state)
    s.wall = seen.wall or s.wall
    for one in seen.arrivals:
        s.heard_at = one.at
        s.arrived = {**s.arrived, one.node: one}
    reading = seen.reading
    serve = _served(s, c, seen, now)
    if reading is not None:
        s.ended, s.reading = now, Reading(c.record, c.version, reading.begun)
    send = None
    if now >= s.beat and now < looks_alive_until(s.ended, c.timeout):
        send = c.beat
        s.beat = s.beat + c.interval if s.beat + c.interval > now else now + c.interval
    refresh = s.ended + c.every
    if send is not None and refresh < now + c.every / 20:
        refresh = now  # one turn instead of two
    again = s.serving.again
    wake = min(c.due, s.beat, now + c.share, again if again > now else inf,
               refresh if refresh > now else inf)
    s.promised = wake
    return s, Turn(read=refresh <= now, serve=serve, send=send, wake=wake, quiet=c.heard)


def _nothing_new(state: AgentState, c: Calm, seen: Seen) -> bool:
    """Whether all that was seen was seen before."""
    if seen.unread or seen.wrote or seen.host_lost or seen.asks or seen.did or seen.granted \
            or seen.stop or (seen.services is not None and seen.services != state.services) \
            or (seen.obeyed is not None and not seen.obeyed.yes):
        return False
    for one in seen.arrivals:
        if state.news.get(one.node, True) or one.heard is None or one.heard != c.heard:
            return False
    found = seen.reading
    return found is None or (found.version == c.version and found.begun >= state.since and (
        found.record is c.record or found.record == c.record))


def _served(s: AgentState, c: Calm, seen: Seen, now: float) -> Serve | None:
    """The permission to send now: prolonged by a reading, or not yet answered."""
    serving = s.serving
    if seen.obeyed is not None and seen.obeyed.serve == serving.sent:
        serving = s.serving = evolve(serving, again=inf)
    if seen.reading is None:
        return serving.sent if serving.again <= now else None
    until = seen.reading.begun + c.lasts
    serve = Serve(c.groups, until if c.groups else max(until, serving.permitted))
    if serve != serving.sent:
        permitted = max(serving.permitted, until) if c.groups else serving.permitted
        s.serving = evolve(serving, sent=serve, again=now, permitted=permitted)
        return serve
    return serve if serving.again <= now else None
