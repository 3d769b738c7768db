"""Manual: failover, fallback and recovery by the administrator."""

from __future__ import annotations

from prgcore.model import Rule
from prgcore.tables.columns import ABLE
from prgcore.tables.rules.fragments import ALL_HELD_SERVICES_START, USERS_HOME
from prgcore.vocabulary import Reason, State

__all__ = ["MANUAL"]

MANUAL = (
    Rule(
        "M100", "failover",
        when={
            "ha": "on", "me.state": State.NORMAL, "peer.state": State.NORMAL,
            "me.peer_health": "healthy",
        },
        then={
            "both.reason": Reason.ON_ADMIN_REQUEST,
            "me.state": State.FAILING_OVER, "me.assigned_own": "no", "me.services": "stopped",
            "peer.state": State.TAKING_OVER,
        },
        actions=(
            "stop_critical_services(me)", "disconnect_users(me)", "acquire_grant(peer)",
            "move_users(peer)",
        ),
        cite="table2:2", decisions="D18",
        why="manual failover: this node's users move to the peer",
    ),
    Rule(
        "M110", "fallback",
        when={
            "ha": "on", "me.state": (State.IDLE, State.FAILED_OVER), "me.health": ABLE,
            "both.hears_peer": "yes", "peer.state": State.RUNNING_IN_BACKUP_MODE,
        },
        then={
            "both.reason": Reason.ON_ADMIN_REQUEST,
            "me.state": State.TAKING_BACK,
            "peer.state": State.FALLING_BACK, "peer.assigned_peer": "no",
        },
        actions=(
            "start_critical_services(me)", "disconnect_users(peer)", "release_grant(peer)",
            "move_users(me)",
        ),
        cite="table2:4", decisions=("D19", "D60", "D62"),
        why="manual fallback: this node's users come back",
    ),
    Rule(
        "M120", "recover",
        when={
            "ha": "on",
            "me.state": State.RUNNING_IN_FAILED_MODE, "peer.state": State.RUNNING_IN_FAILED_MODE,
            "me.hears_peer": "yes", "peer.hears_peer": "yes",
        },
        then={
            **USERS_HOME, **ALL_HELD_SERVICES_START,
            "both.state": State.INITIALIZING, "both.reason": Reason.INITIALIZATION,
            "both.hears_peer": "no",
        },
        actions=(
            "start_critical_services(me)", "start_critical_services(peer)",
            "restart_recovery_manager(me)", "restart_recovery_manager(peer)",
        ),
        cite=("Manual recovery", "towards table2:1"), decisions=("D20", "D21"),
        why="manual recovery restarts both managers",
    ),
)
