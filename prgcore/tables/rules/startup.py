"""Start-up: a recovery manager starts, reads its role in the record, and takes it up."""

from __future__ import annotations

from prgcore.model import Rule, by
from prgcore.tables.columns import ABLE, HEARD_NOT_HEALTHY, SICK
from prgcore.tables.rules.fragments import (
    FAIL_BY_FAULT,
    FAILS,
    FAULT,
    OTHER_HALF,
    SETTLE,
    TAKES,
    YIELDS,
    fail,
    take,
)
from prgcore.tables.states import HOLDERS, SETTLED, others
from prgcore.vocabulary import Evidence, Reason, State

__all__ = ["STARTUP"]

_HOME_WITH = (State.NORMAL, State.INITIALIZING)
_GAINING = (State.TAKING_OVER, State.TAKING_BACK, State.BACKUP_ACTIVATED)
_LOSING = (State.FAILING_OVER, State.FAILOVER_AFFECTED_SERVICES)
_LET_GO = (State.INITIALIZING, State.FAILING_OVER, State.FAILOVER_AFFECTED_SERVICES, *SETTLED)

STARTUP = (
    Rule(
        "S100", "manager_start",
        when={"ha": ("off", "on"), "me.process": "manager_down"},
        then={
            "me.process": "running",
            "me.state": by("ha", {"on": State.INITIALIZING}),
            "me.reason": by("ha", {"on": Reason.INITIALIZATION}),
        },
        cite="Node State Definitions: Initializing",
        why="the initial state when the manager starts",
    ),
    Rule(
        "S102", "manager_start",
        when={"ha": "improper", "peer.reason": Reason.NONE},
        then={"me.process": "running", "me.reason": Reason.INITIALIZATION},
        cite="towards table2:24", evidence=Evidence.INFERRED, decisions="D03",
        why="the first of the two restarts that row 24 asks for",
    ),
    Rule(
        "S104", "manager_start",
        when={"ha": "improper", "peer.reason": Reason.INITIALIZATION},
        then={
            "both.state": State.INITIALIZING, "both.reason": Reason.INITIALIZATION,
            "me.process": "running", "ha": "on",
        },
        cite="towards table2:24", evidence=Evidence.INFERRED, decisions="D03",
        why="the second restart: high availability is on",
    ),
    # initialized, hearing the peer: the users are at home
    Rule(
        "S110", "initialized",
        when={"me.assignment": "home", "peer.state": _HOME_WITH, "me.health": "healthy"},
        then={"me.state": State.NORMAL, "me.reason": Reason.NORMAL}, actions=YIELDS,
        cite="table2:1", evidence=Evidence.INFERRED, decisions="D60",
        why="healthy, and everyone is at home",
    ),
    Rule(
        "S112", "initialized",
        when={
            "me.assignment": "home", "peer.state": _HOME_WITH, "me.health": SICK,
            "me.peer_health": "healthy",
        },
        then={
            "both.reason": by("me.health", FAULT),
            "me.state": State.FAILING_OVER, "me.assigned_own": "no",
            "peer.state": State.TAKING_OVER,
        },
        actions=(*YIELDS, "acquire_grant(peer)", "move_users(peer)"),
        cite=("Verify Services", "towards table2:12", "towards table2:13"), decisions="D04",
        why="services do not run on one node: it fails over",
    ),
    Rule(
        "S114", "initialized",
        when={
            "me.assignment": "home", "peer.state": _HOME_WITH, "me.health": SICK,
            "me.peer_health": HEARD_NOT_HEALTHY,
        },
        then=FAIL_BY_FAULT, actions=FAILS,
        cite=("Verify Services", "table2:15"), decisions=("D04", "D17"),
        why="services run on neither node: both fail",
    ),
    # initialized, hearing the peer: the users are with one node
    Rule(
        "S120", "initialized",
        when={"me.assignment": "mine_both", "peer.state": _LET_GO, "me.health": "healthy"},
        then={"me.state": State.RUNNING_IN_BACKUP_MODE, "me.reason": Reason.INITIALIZATION},
        actions=("acquire_grant(me)",),
        cite=("table2:6", "table2:7"), decisions="D60",
        why="the record says that it serves both groups",
    ),
    Rule(
        "S122", "initialized",
        when={"me.assignment": "mine_both", "peer.state": _LET_GO, "me.health": SICK},
        then=FAIL_BY_FAULT, actions=FAILS,
        cite="table2:15", evidence=Evidence.INFERRED, decisions="D17",
        why="the backup comes back sick",
    ),
    Rule(
        "S124", "initialized",
        when={
            "me.assignment": "peers_both",
            "peer.state": (State.INITIALIZING, State.RUNNING_IN_BACKUP_MODE),
        },
        then={**SETTLE, "me.reason": Reason.INITIALIZATION}, actions=YIELDS,
        cite=("table2:5", "table2:6", "table2:11a", "table2:18a", "table2:18b"), decisions="D60",
        why="the record says that the peer serves both groups",
    ),
    Rule(
        "S126", "initialized",
        when={"peer.state": _GAINING, "me.assignment": "no_role"},
        then={**OTHER_HALF, "me.reason": Reason.INITIALIZATION}, actions=YIELDS,
        cite="Node State Definitions: Failing Over", evidence=Evidence.INFERRED, decisions="D60",
        why="takes up the other half of what the peer is doing: its users go there",
    ),
    Rule(
        "S132", "initialized",
        when={"peer.state": _LOSING, "me.assignment": "no_role"},
        then={**OTHER_HALF, "me.reason": Reason.INITIALIZATION}, actions=TAKES,
        cite="table2:8", decisions="D60",
        why="takes up the other half of what the peer is doing: everyone comes here",
    ),
    Rule(
        "S134", "initialized",
        when={"peer.state": State.FALLING_BACK, "me.assignment": "no_role"},
        then={**OTHER_HALF, "me.reason": Reason.INITIALIZATION},
        actions=(*YIELDS, "start_critical_services(me)", "move_users(me)"),
        cite="table2:9", decisions="D60",
        why="takes up the other half of what the peer is doing: its users come home",
    ),
    Rule(
        "S128", "initialized",
        when={"peer.state": State.RUNNING_IN_FAILED_MODE},
        then=fail(Reason.UNKNOWN), actions=YIELDS,
        cite="table2:21",
        why="a manager restarts while the other node is failed",
    ),
    Rule(
        "S130", "initialized",
        when={
            "peer.state": (State.NORMAL, State.INITIALIZING, *SETTLED),
            "me.assignment": "no_role",
        },
        then=fail(Reason.UNKNOWN), actions=FAILS,
        cite="table2:21", evidence=Evidence.POLICY, decisions="D05",
        why="the record tells no role: an internal error",
    ),
    # the peer is not heard during initialization
    Rule(
        "S140", "heartbeat_lost",
        when={"me.duty": "starting", "me.health": ABLE, "peer.state": others(*HOLDERS)},
        then=take(Reason.PEER_DOWN_DURING_INITIALIZATION), actions=TAKES,
        cite=("towards table2:18a", "towards table2:18b"), decisions="D06",
        why="does not see the peer during start-up, and the peer does not hold the grant",
    ),
    Rule(
        "S142", "peer_host_lost",
        when={"me.duty": "starting", "me.health": ABLE},
        then=take(Reason.PEER_DOWN_DURING_INITIALIZATION), actions=TAKES,
        cite=("towards table2:18a", "towards table2:18b"), decisions="D06",
        why="the peer's host is gone during start-up",
    ),
    Rule(
        "S144", "heartbeat_lost",
        when={"me.duty": "starting", "peer.state": State.RUNNING_IN_BACKUP_MODE},
        then=SETTLE, actions=YIELDS,
        cite="Node State Definitions: Failed Over", evidence=Evidence.POLICY,
        decisions=("D07", "D60"),
        why="cannot hear the peer, but the record says that it serves both groups",
    ),
    Rule(
        "S146", "heartbeat_lost",
        when={
            "me.duty": "starting",
            "peer.state": (State.TAKING_OVER, State.BACKUP_ACTIVATED),
        },
        then=OTHER_HALF, actions=YIELDS,
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY,
        decisions=("D07", "D60"),
        why="cannot hear the peer, but the record says that it is taking over",
    ),
)
