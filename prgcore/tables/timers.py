"""The timers of a node.

Law: data only. A timer says when an event of the machine is due. The machine alone says where the
event can happen at all (`prgcore.tables.events`).
"""

from __future__ import annotations

from prgcore.model import Timer, cube
from prgcore.tables.columns import SICK
from prgcore.vocabulary import State

__all__ = ["TIMERS"]

_HEARTBEAT = "Configure Heartbeat Interval for Failover"
_STARTING = {"me.state": State.INITIALIZING}

TIMERS = (
    Timer(
        "heartbeat_heard", "a heartbeat arrives", _HEARTBEAT, told="heartbeat",
    ),
    Timer(
        "peer_host_lost", "the peer's host was reported down, and no heartbeat has come since",
        "table2:17", told="peer_host_lost",
    ),
    Timer(
        "heartbeat_lost", "silence since the last heartbeat, or since the node began to start",
        _HEARTBEAT,
        limits=(
            (_STARTING, "initialization_keep_alive_timeout"),
            ({}, "keep_alive_timeout"),
        ),
        again=("heartbeat", "stall"), again_in=cube(_STARTING), decisions=("D44", "D46"),
    ),
    Timer(
        "critical_service_delay", "a critical service or the database is down without a break",
        _HEARTBEAT, runs={"me.health": SICK},
        limits=(({}, "critical_service_delay"),), decisions=("D22", "D46"),
    ),
    Timer(
        "auto_fallback_due", "a failed-over node is healthy without a break", _HEARTBEAT,
        runs={"me.state": State.FAILED_OVER, "me.health": "healthy"},
        limits=(({}, "automatic_fallback_after"),), decisions=("D45", "D46"),
    ),
)
"""In the order in which events that are due together are offered: received ones come first."""
