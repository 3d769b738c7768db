"""Failover: a sick node's users move to the peer, and the backup may itself become sick."""

from __future__ import annotations

from prgcore.model import Rule, by
from prgcore.tables.columns import ABLE, HEARD_NOT_HEALTHY
from prgcore.tables.rules.fragments import (
    EVERYONE_MINE,
    FAIL_ALONE,
    FAIL_BY_FAULT,
    FAILS,
    FAULT,
    HELD_SERVICES_START,
    LETS_GO,
    SETTLE,
    UNASSIGNED,
    YIELDS,
    fail,
)
from prgcore.tables.states import others
from prgcore.vocabulary import Evidence, Outcome, Reason, State

__all__ = ["FAILOVER"]

_AUTO_RECOVER = {
    "database_failure": Reason.AUTO_RECOVER_DATABASE_FAILURE,
    "critical_service_down": Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN,
}

FAILOVER = (
    # a sick node in a normal pair
    Rule(
        "F100", "critical_service_delay",
        when={
            "me.state": State.NORMAL, "peer.state": State.NORMAL, "me.peer_health": "healthy",
        },
        then={
            "both.reason": by("me.health", FAULT),
            "me.state": State.FAILING_OVER, "me.assigned_own": "no",
            "peer.state": State.TAKING_OVER,
        },
        actions=("disconnect_users(me)", "acquire_grant(peer)", "move_users(peer)"),
        cite=("towards table2:12", "towards table2:13"), decisions="D22",
        why="automatic failover",
    ),
    Rule(
        "F102", "critical_service_delay",
        when={
            "me.state": State.NORMAL, "peer.state": State.NORMAL,
            "me.peer_health": HEARD_NOT_HEALTHY,
        },
        then=FAIL_BY_FAULT, actions=FAILS,
        cite=("Verify Services", "table2:15"), evidence=Evidence.INFERRED,
        decisions=("D04", "D17"),
        why="both are sick: both fail",
    ),
    Rule(
        "F106", "critical_service_delay", outcome=Outcome.IGNORED,
        when={"me.state": State.NORMAL, "peer.state": others(State.NORMAL)},
        cite="Node State Definitions: Initializing", evidence=Evidence.INFERRED,
        decisions="D06",
        why="the peer's own start or failure decides first",
    ),
    # the users move
    Rule(
        "F110", "takeover_done",
        when={"me.state": State.TAKING_OVER, "me.health": ABLE},
        then={
            **EVERYONE_MINE, **HELD_SERVICES_START,
            "me.state": State.RUNNING_IN_BACKUP_MODE,
        },
        actions=("start_critical_services(me)",),
        cite=tuple(f"table2:{r}" for r in ("3", "7", "12", "13", "16", "17", "18a", "18b")),
        why="serves both groups",
    ),
    Rule(
        "F112", "takeover_failed",
        when={"me.state": State.TAKING_OVER},
        then=fail(Reason.TAKE_OVER_USERS_FAILED), actions=FAILS,
        cite="table2:19",
        why="moving the users failed",
    ),
    Rule(
        "F114", "taken_over",
        when={
            "me.state": (State.FAILING_OVER, State.FAILOVER_AFFECTED_SERVICES),
            "peer.state": State.RUNNING_IN_BACKUP_MODE,
        },
        then={
            **SETTLE, **LETS_GO,
            "me.hears_peer": by("me.reason", {Reason.PEER_DOWN: "no"}),
        },
        actions=YIELDS,
        cite=tuple(f"table2:{r}" for r in ("3", "6", "7", "11b", "12", "13", "18a", "18b")),
        decisions=("D08", "D15"),
        why="lets go when the record says that the peer serves both groups",
    ),
    # the backup itself becomes sick
    Rule(
        "F120", "critical_service_delay",
        when={
            "me.state": State.RUNNING_IN_BACKUP_MODE, "peer.state": State.FAILED_OVER,
            "me.hears_peer": "yes",
        },
        then={
            **UNASSIGNED,
            "both.reason": by("me.health", _AUTO_RECOVER),
            "me.state": State.FAILOVER_AFFECTED_SERVICES, "peer.state": State.BACKUP_ACTIVATED,
        },
        actions=(
            "disconnect_users(me)", "release_grant(me)", "acquire_grant(peer)",
            "move_users(peer)",
        ),
        cite=("table2:22", "table2:23"), decisions=("D09", "D23"),
        why="the peer is healthy and takes everyone back",
    ),
    Rule(
        "F122", "critical_service_delay",
        when={
            "me.state": State.RUNNING_IN_BACKUP_MODE, "peer.state": others(State.FAILED_OVER),
        },
        then=FAIL_BY_FAULT, actions=FAILS,
        cite="table2:15", decisions="D17",
        why="the backup fails and the peer cannot help",
    ),
    Rule(
        "F124", "critical_service_delay",
        when={
            "me.state": State.RUNNING_IN_BACKUP_MODE, "peer.state": State.FAILED_OVER,
            "me.hears_peer": "no",
        },
        then=FAIL_ALONE, actions=YIELDS,
        cite="table2:15", evidence=Evidence.INFERRED, decisions="D17",
        why="the backup fails and cannot reach the peer",
    ),
    Rule(
        "F126", "autorecovery_done",
        when={"me.state": State.BACKUP_ACTIVATED, "me.health": "healthy"},
        then={**EVERYONE_MINE, **LETS_GO, "me.state": State.RUNNING_IN_BACKUP_MODE},
        cite=("table2:6", "table2:12", "table2:13"), evidence=Evidence.INFERRED, decisions="D09",
        why="everyone has moved",
    ),
    Rule(
        "F128", "autorecovery_failed",
        when={"me.state": State.BACKUP_ACTIVATED},
        then=fail(Reason.TAKE_BACK_USERS_FAILED), actions=FAILS,
        cite="table2:20", evidence=Evidence.INFERRED, decisions="D09",
        why="moving the users failed",
    ),
)
