"""Fragments that many rules share, for both halves of the record.

A node that takes over, or fails, writes the peer's half in the same step. Each node settles itself
afterwards, by its own health.
"""

from __future__ import annotations

from prgcore.model import By, Value, by
from prgcore.tables.states import HOLDERS
from prgcore.vocabulary import Reason, State

__all__ = [
    "ALL_HELD_SERVICES_START", "EVERYONE_MINE", "FAILS", "FAIL_ALONE", "FAIL_BY_FAULT",
    "FAIL_TOGETHER", "FAULT", "HELD_SERVICES_START", "LETS_GO", "OTHER_HALF", "PEER_UNASSIGNED",
    "PEER_YIELDS", "SETTLE", "TAKES", "UNASSIGNED", "USERS_HOME", "YIELDS", "Then", "fail",
    "take",
]

Then = dict[str, str | Value]

USERS_HOME: Then = {"both.assigned_own": "yes", "both.assigned_peer": "no"}
UNASSIGNED: Then = {"me.assigned_own": "no", "me.assigned_peer": "no"}
PEER_UNASSIGNED: Then = {"peer.assigned_own": "no", "peer.assigned_peer": "no"}
EVERYONE_MINE: Then = {"me.assigned_own": "yes", "me.assigned_peer": "yes"}

HELD_SERVICES_START: Then = {"me.services": by("me.services", {"stopped": "up"})}
ALL_HELD_SERVICES_START: Then = {
    **HELD_SERVICES_START,
    "peer.services": by("peer.services", {"stopped": "up"}),
}

FAULT = {
    "critical_service_down": Reason.CRITICAL_SERVICE_DOWN,
    "database_failure": Reason.DATABASE_FAILURE,
    "stopped_without_database": Reason.DATABASE_FAILURE,
}
"""The reason that a health gives."""

SETTLE: Then = {
    "me.state": by("me.health", {
        "healthy": State.FAILED_OVER,
        "stopped": State.IDLE,
        "stopped_without_database": State.IDLE,
        "critical_service_down": State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING,
        "database_failure": State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING,
    })
}
"""A node whose users are with the peer becomes what its own health makes it."""

OTHER_HALF: Then = {
    "me.state": by("peer.state", {
        State.TAKING_OVER: State.FAILING_OVER,
        State.FAILING_OVER: State.TAKING_OVER,
        State.TAKING_BACK: State.FALLING_BACK,
        State.FALLING_BACK: State.TAKING_BACK,
        State.BACKUP_ACTIVATED: State.FAILOVER_AFFECTED_SERVICES,
        State.FAILOVER_AFFECTED_SERVICES: State.BACKUP_ACTIVATED,
    })
}
"""A node that starts in the middle takes up the other half of what its peer is doing."""

_OVERTAKEN = (
    State.NORMAL,
    State.FALLING_BACK,
    State.TAKING_BACK,
    State.FAILOVER_AFFECTED_SERVICES,
    *HOLDERS,
)

def _if_heard(value: str) -> By:
    return by("me.hears_peer", {"yes": value})

def fail(reason: Reason) -> Then:
    """Both nodes fail, or only me if the peer is not heard."""
    return {
        **UNASSIGNED,
        "me.state": State.RUNNING_IN_FAILED_MODE,
        "me.reason": reason,
        "peer.state": _if_heard(State.RUNNING_IN_FAILED_MODE),
        "peer.reason": _if_heard(reason),
        "peer.assigned_own": _if_heard("no"),
        "peer.assigned_peer": _if_heard("no"),
    }

FAIL_BY_FAULT: Then = {
    **fail(Reason.UNKNOWN),
    "me.reason": by("me.health", FAULT),
    "peer.reason": by("me.tells_peer", {
        fault: FAULT[fault] for fault in ("critical_service_down", "database_failure")}),
}
"""Both nodes fail, or only me, with my fault as the reason of both."""

FAIL_ALONE: Then = {
    **UNASSIGNED,
    "me.state": State.RUNNING_IN_FAILED_MODE,
    "me.reason": by("me.health", FAULT),
    "me.hears_peer": "no",
}

FAIL_TOGETHER: Then = {
    **UNASSIGNED,
    **PEER_UNASSIGNED,
    "both.state": State.RUNNING_IN_FAILED_MODE,
    "both.reason": Reason.UNKNOWN,
    "me.hears_peer": "yes",
}

YIELDS = ("disconnect_users(me)", "release_grant(me)")
"""Asked of a node that comes to rest, or that starts without the grant."""

PEER_YIELDS = ("disconnect_users(peer)", "release_grant(peer)")

FAILS = (*YIELDS, *PEER_YIELDS)
"""Both fail and let go; a peer that is not heard keeps its users, and nothing happens to it."""

def take(reason: Reason) -> Then:
    """I take over from a peer that is lost, and write its half: it is being failed over."""
    return {
        **PEER_UNASSIGNED,
        "me.state": State.TAKING_OVER,
        "me.reason": reason,
        "me.assigned_peer": "no",
        "me.hears_peer": "no",
        "peer.state": by("peer.state", dict.fromkeys(_OVERTAKEN, State.FAILING_OVER)),
        "peer.reason": by("peer.state", dict.fromkeys(_OVERTAKEN, Reason.PEER_DOWN)),
    }

TAKES = ("acquire_grant(me)", "move_users(me)")

LETS_GO: Then = {
    "me.reason": by("me.reason", {
        Reason.AUTO_RECOVER_DATABASE_FAILURE: Reason.DATABASE_FAILURE,
        Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN: Reason.CRITICAL_SERVICE_DOWN,
    })
}
"""The end of an automatic recovery is the mirror of rows 12 and 13 (D09)."""

