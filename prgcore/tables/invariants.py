"""The promises, and what it takes to prove them.

S invariants are the promises of the design; X invariants are auxiliary: true of every reachable
pair, and what makes the conjunction inductive. Cubes are written from `me` and hold in both
seats. `premise` is the part of the sentence before the comma: a reachable pair must meet it, or
the promise is empty.
"""

from __future__ import annotations

from prgcore.model import AcceptedOnly, Exclusive, Invariant, OnlyBy
from prgcore.tables.events import EVENTS
from prgcore.tables.states import HOLDERS, SETTLED, TRANSIENT, others
from prgcore.vocabulary import Kind, Reason, State

__all__ = [
    "ACCEPTED_ONLY", "AUXILIARY", "COMBINATIONS", "EXCLUSIVE", "INVARIANTS", "ONLY_BY",
    "SAFETY",
]

_R, _S = Reason, State
_FO_CSNR = State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING
_FAULTS = (_R.CRITICAL_SERVICE_DOWN, _R.DATABASE_FAILURE)
_LOST = (_R.PEER_DOWN, _R.PEER_REBOOT, _R.PEER_DOWN_DURING_INITIALIZATION)
_AUTO = (
    _R.INITIALIZATION,
    _R.AUTO_RECOVER_DATABASE_FAILURE,
    _R.AUTO_RECOVER_CRITICAL_SERVICE_DOWN,
)
_BACK = (_R.ON_ADMIN_REQUEST, _R.INITIALIZATION, _R.AUTOMATIC_FALLBACK)
_AFTER_FAILOVER = (_R.INITIALIZATION, *_FAULTS, _R.PEER_DOWN)

COMBINATIONS: dict[State, tuple[Reason, ...]] = {
    _S.INITIALIZING: (_R.INITIALIZATION,),
    _S.IDLE: (_R.ON_ADMIN_REQUEST, _R.INITIALIZATION, _R.PEER_DOWN),
    _S.NORMAL: (_R.NORMAL,),
    _S.RUNNING_IN_BACKUP_MODE: (_R.ON_ADMIN_REQUEST, _R.INITIALIZATION, *_FAULTS, *_LOST),
    _S.TAKING_OVER: (_R.ON_ADMIN_REQUEST, _R.INITIALIZATION, *_FAULTS, *_LOST),
    _S.FAILING_OVER: (_R.ON_ADMIN_REQUEST, _R.INITIALIZATION, *_FAULTS, _R.PEER_DOWN),
    _S.FAILED_OVER: _AFTER_FAILOVER,
    _FO_CSNR: _AFTER_FAILOVER,
    _S.FALLING_BACK: _BACK,
    _S.TAKING_BACK: _BACK,
    _S.RUNNING_IN_FAILED_MODE: (
        *_FAULTS,
        _R.START_OF_CRITICAL_SERVICES_FAILED,
        _R.TAKE_OVER_USERS_FAILED,
        _R.TAKE_BACK_USERS_FAILED,
        _R.UNKNOWN,
    ),
    _S.UNKNOWN: (_R.NONE, _R.INITIALIZATION, _R.HIGH_AVAILABILITY_NOT_ENABLED),
    _S.BACKUP_ACTIVATED: _AUTO,
    _S.FAILOVER_AFFECTED_SERVICES: _AUTO,
}
"""Every (state, reason) that a node can show: 53. S14 proves that there is no other."""

_HEARD = {"both.hears_peer": "yes"}


def _partners(state: str, *partners: str) -> dict[str, str | tuple[str, ...]]:
    return {"me.state": state, "peer.state": others(*partners)}


SAFETY = (
    Invariant(
        "S1", "never both Running in Backup Mode",
        {"both.state": _S.RUNNING_IN_BACKUP_MODE},
        premise={"me.state": _S.RUNNING_IN_BACKUP_MODE},
        why="follows from S2",
    ),
    Invariant(
        "S2", "never two nodes that hold the take-over grant",
        {"both.state": HOLDERS},
        premise={"me.state": HOLDERS},
        why="taking over asks the record, and writes the peer's half in the same step",
    ),
    Invariant(
        "S3", "no user group is assigned to two nodes",
        {"me.assigned_own": "yes", "peer.assigned_peer": "yes"},
        premise={"peer.assigned_peer": "yes"},
        why="the strong form of S1: ownership is the promise",
    ),
    Invariant(
        "S4", "if both states are stable and neither has failed, every user group is assigned",
        {
            "me.state": others(*TRANSIENT, _S.RUNNING_IN_FAILED_MODE),
            "peer.state": others(*TRANSIENT, _S.RUNNING_IN_FAILED_MODE),
            "me.assigned_own": "no", "peer.assigned_peer": "no",
        },
        premise={"both.state": others(*TRANSIENT, _S.RUNNING_IN_FAILED_MODE)},
        why="somebody is responsible for every user, or the pair says that nobody is",
    ),
    Invariant(
        "S10", "a node is Unknown exactly where high availability is not on",
        (
            {"me.state": _S.UNKNOWN, "ha": "on"},
            {"me.state": others(_S.UNKNOWN), "ha": ("off", "improper")},
        ),
        premise={"me.state": _S.UNKNOWN},
        why="no timer or completion is possible there; checked with the table",
    ),
    Invariant(
        "S11", "while both hear each other, the halves of a transition belong together",
        (
            {**_HEARD, **_partners(_S.FAILING_OVER, _S.TAKING_OVER, _S.RUNNING_IN_BACKUP_MODE,
                                   _S.INITIALIZING)},
            {**_HEARD, **_partners(_S.TAKING_OVER, _S.FAILING_OVER, _S.INITIALIZING, *SETTLED)},
            {**_HEARD, **_partners(_S.TAKING_BACK, _S.FALLING_BACK, _S.INITIALIZING)},
            {**_HEARD, **_partners(_S.FALLING_BACK, _S.TAKING_BACK, _S.INITIALIZING)},
        ),
        premise={**_HEARD, "me.state": _S.TAKING_OVER},
        why="Table 2 shows transitions in these halves only",
    ),
    Invariant(
        "S12", "of two nodes that hear each other, both are failed or none, but for a start",
        {**_HEARD, **_partners(_S.RUNNING_IN_FAILED_MODE, _S.RUNNING_IN_FAILED_MODE,
                               _S.INITIALIZING)},
        premise={**_HEARD, "me.state": _S.RUNNING_IN_FAILED_MODE},
        why="Recover is for both, so both must need it",
    ),
    Invariant(
        "S13", "never both failed over",
        {"both.state": SETTLED},
        premise={"me.state": SETTLED},
        why="a node is failed over to somebody; refutes the reading of D20 that names the state",
    ),
    Invariant(
        "S14", "a node shows exactly the committed combinations of state and reason",
        tuple(
            {"me.state": state, "me.reason": tuple(r for r in Reason if r not in reasons)}
            for state, reasons in COMBINATIONS.items()
        ),
        premise={"me.state": _S.RUNNING_IN_FAILED_MODE},
        exactly=("me.state", "me.reason"),
        why="what an operator can meet is a list that can be read",
    ),
    Invariant(
        "S15", "Idle has its services stopped; a failed-over node that runs is Failed Over exactly "
        "if it is healthy",
        (
            {"me.state": _S.IDLE, "me.services": ("up", "down")},
            {
                "me.state": _S.FAILED_OVER, "me.process": "running",
                "me.health": ("stopped", "stopped_without_database", "critical_service_down",
                              "database_failure"),
            },
            {"me.state": _FO_CSNR, "me.process": "running", "me.health": "healthy"},
        ),
        premise={"me.state": _S.IDLE},
        why="only an accepted failover stops services; checked with the table",
    ),
    Invariant(
        "S16", "a node Running in Backup Mode is assigned both groups",
        (
            {"me.state": _S.RUNNING_IN_BACKUP_MODE, "me.assigned_own": "no"},
            {"me.state": _S.RUNNING_IN_BACKUP_MODE, "me.assigned_peer": "no"},
        ),
        premise={"me.state": _S.RUNNING_IN_BACKUP_MODE},
        why="users have moved to this node",
    ),
    Invariant(
        "S17", "the peer of a node that holds the grant is assigned nobody",
        (
            {"me.state": HOLDERS, "peer.assigned_own": "yes"},
            {"me.state": HOLDERS, "peer.assigned_peer": "yes"},
        ),
        premise={"me.state": HOLDERS},
        why="the holder serves everyone, or is about to",
    ),
    Invariant(
        "S19", "a node Running in Failed Mode is assigned nobody",
        (
            {"me.state": _S.RUNNING_IN_FAILED_MODE, "me.assigned_own": "yes"},
            {"me.state": _S.RUNNING_IN_FAILED_MODE, "me.assigned_peer": "yes"},
        ),
        premise={"me.state": _S.RUNNING_IN_FAILED_MODE},
        why="a failed node must not be counted on",
    ),
)

_WITHOUT_USERS = (_S.FAILING_OVER, _S.FAILOVER_AFFECTED_SERVICES, *SETTLED)
_STARTING_OR_FAILED = (_S.INITIALIZING, _S.RUNNING_IN_FAILED_MODE)


def _auxiliary(id_: str, says: str, *never: dict[str, str | tuple[str, ...]]) -> Invariant:
    return Invariant(id_, says, never, auxiliary=True)


AUXILIARY = (
    _auxiliary(
        "X1", "a node whose services are held is not assigned its own users",
        {"me.services": "stopped", "me.assigned_own": "yes"},
    ),
    _auxiliary(
        "X2", "a Normal node is assigned its own users and no others",
        {"me.state": _S.NORMAL, "me.assigned_own": "no"},
        {"me.state": _S.NORMAL, "me.assigned_peer": "yes"},
    ),
    _auxiliary(
        "X3", "a node that is or has been failed over is assigned nobody",
        {"me.state": _WITHOUT_USERS, "me.assigned_own": "yes"},
        {"me.state": _WITHOUT_USERS, "me.assigned_peer": "yes"},
    ),
    _auxiliary(
        "X4", "a failed-over node's peer serves, takes over, starts or has failed",
        {"me.state": SETTLED, "peer.state": others(
            _S.RUNNING_IN_BACKUP_MODE, _S.TAKING_OVER, *_STARTING_OR_FAILED)},
    ),
    _auxiliary(
        "X5", "the partner of a state, heard or not",
        _partners(_S.NORMAL, _S.NORMAL, *_STARTING_OR_FAILED) | {"ha": "on"},
        _partners(_S.TAKING_BACK, _S.FALLING_BACK, *_STARTING_OR_FAILED),
        _partners(_S.FALLING_BACK, _S.TAKING_BACK, *_STARTING_OR_FAILED),
        _partners(_S.FAILING_OVER, _S.TAKING_OVER, _S.RUNNING_IN_BACKUP_MODE,
                  *_STARTING_OR_FAILED),
        _partners(_S.FAILOVER_AFFECTED_SERVICES, _S.BACKUP_ACTIVATED, _S.RUNNING_IN_BACKUP_MODE,
                  *_STARTING_OR_FAILED),
    ),
    _auxiliary(
        "X6", "only a node in backup mode, or starting, has the peer's users, and with its own",
        {"me.assigned_peer": "yes", "me.assigned_own": "no"},
        {"me.assigned_peer": "yes",
         "me.state": others(_S.RUNNING_IN_BACKUP_MODE, _S.INITIALIZING)},
    ),
    _auxiliary(
        "X7", "a node that hears its peer runs",
        {"me.hears_peer": "yes", "me.process": ("manager_down", "off")},
    ),
    _auxiliary(
        "X8", "where high availability is not on, users are at home",
        {"ha": ("off", "improper"), "me.assigned_own": "no"},
        {"ha": ("off", "improper"), "me.assigned_peer": "yes"},
    ),
    _auxiliary(
        "X9", "after an improper start the reason counts row 24's restarts",
        {"ha": "improper", "me.reason": tuple(
            r for r in Reason if r not in (_R.NONE, _R.INITIALIZATION))},
    ),
    _auxiliary(
        "X10", "a node that takes back is not assigned its own users yet",
        {"me.state": _S.TAKING_BACK, "me.assigned_own": "yes"},
    ),
    _auxiliary(
        "X11", "services are held only of a node that was failed over on request, until it serves",
        {"me.services": "stopped", "me.state": others(
            _S.IDLE, _S.TAKING_OVER, _S.FAILING_OVER, _S.TAKING_BACK, *_STARTING_OR_FAILED)},
    ),
    _auxiliary(
        "X12", "the peer of a node that hands back is not assigned its own users yet",
        {"me.state": _S.FALLING_BACK, "peer.assigned_own": "yes"},
    ),
    _auxiliary(
        "X13", "a node is failed over on request only with its services held",
        {"me.state": _S.FAILING_OVER, "me.reason": _R.ON_ADMIN_REQUEST,
         "me.services": ("up", "down")},
    ),
    _auxiliary(
        "X14", "services are held while failing over on request, after a start, or a lost peer",
        {"me.state": _S.FAILING_OVER, "me.reason": _FAULTS, "me.services": "stopped"},
    ),
    _auxiliary(
        "X15", "beside a node that is Normal or in a fallback, the peer has only its own users",
        {"me.state": (_S.NORMAL, _S.TAKING_BACK, _S.FALLING_BACK), "peer.assigned_peer": "yes"},
    ),
    _auxiliary(
        "X16", "the peer of a node whose services are held serves, moves users, starts or failed",
        {"me.services": "stopped", "peer.state": others(
            _S.RUNNING_IN_BACKUP_MODE, _S.TAKING_OVER, _S.FAILING_OVER, _S.FALLING_BACK,
            *_STARTING_OR_FAILED)},
    ),
    _auxiliary(
        "X17", "a node that is Normal or in a fallback hears its peer while its manager runs",
        {"me.state": (_S.NORMAL, _S.TAKING_BACK, _S.FALLING_BACK), "me.process": "running",
         "me.hears_peer": "no"},
    ),
)

INVARIANTS = SAFETY + AUXILIARY

_SETTINGS = (
    "enable_ha", "disable_ha", "enable_auto_fallback", "disable_auto_fallback", "add_users",
)

ACCEPTED_ONLY = (
    AcceptedOnly(
        "S5", "recover",
        {"ha": "on", "both.state": _S.RUNNING_IN_FAILED_MODE, "both.hears_peer": "yes"},
        "recover is accepted exactly when both nodes are Running in Failed Mode and heard",
        exactly=True,
    ),
    AcceptedOnly(
        "S6", "failover",
        {"ha": "on", "both.state": _S.NORMAL, "me.hears_peer": "yes", "peer.services": "up",
         "peer.database": "up"},
        "failover is accepted exactly from Normal/Normal, to a healthy peer that is heard",
        exactly=True,
    ),
    AcceptedOnly(
        "S7", "fallback",
        {"ha": "on", "me.state": (_S.IDLE, _S.FAILED_OVER), "me.database": "up",
         "peer.state": _S.RUNNING_IN_BACKUP_MODE, "both.hears_peer": "yes"},
        "fallback is accepted exactly to a node Idle or Failed Over, its database up, whose peer "
        "is Running in Backup Mode, while each hears the other",
        exactly=True,
    ),
    AcceptedOnly(
        "S9", "auto_fallback_due",
        {"auto_fallback": "on", "me.state": _S.FAILED_OVER, "both.hears_peer": "yes"},
        "automatic fallback only when configured, only from Failed Over, and only while each node "
        "hears the other",
    ),
    AcceptedOnly(
        "S21", "add_users", {"both.state": (_S.NORMAL, _S.UNKNOWN)},
        "users are added exactly while no node is in a failover state: each is Normal, or "
        "Unknown because high availability is not on",
        exactly=True,
    ),
    *(
        AcceptedOnly(
            "S10", event.name, {"ha": "on"},
            "where high availability is not on, no timer or completion is possible, and of "
            "the commands only those that set it or automatic fallback or add users are accepted",
        )
        for event in EVENTS
        if event.kind in (Kind.TIMER, Kind.COMPLETION)
        or (event.kind is Kind.COMMAND and event.name not in _SETTINGS)
    ),
)

_WORLD = ("services_up(me)", "database_up(me)", "services_down(me)", "database_down(me)")
_WATCHED = {"me.process": "running"}
"""A dead manager writes nothing, so a fault or a repair of its node changes no state."""

_SETTLES = ("initialized(me)", "taken_over(me)", "heartbeat_lost(me)")

_OWN_FAULT = ("critical_service_delay", "initialized")
"""The events in which a node writes its fault into both halves of the record."""


def _fault(
    reason: Reason, recovery: Reason, fault: dict[str, str], event: str, before: dict[str, str],
) -> tuple[OnlyBy, OnlyBy]:
    """A reason that names a fault, and the one of an automatic recovery that begins with it."""
    says = (
        "a reason that names a fault is given for a fault of the node, or of its peer that writes "
        "both halves; the database counts before services"
    )
    mine = {f"me.{column}": value for column, value in fault.items()}
    peers = {f"peer.{column}": value for column, value in fault.items()}
    when: dict[str, dict[str, str]] = {
        event: before,
        **{f"{name}(me)": mine for name in (*_OWN_FAULT, "heartbeat_lost", "peer_host_lost")},
        **{f"{name}(peer)": peers for name in _OWN_FAULT},
        **{f"{name}(me)": {"me.reason": recovery} for name in ("taken_over", "autorecovery_done")},
    }
    begins = {f"critical_service_delay({who})": cells
              for who, cells in (("me", mine), ("peer", peers))}
    return (
        OnlyBy("S23", "me.reason", reason, tuple(when), says, when),
        OnlyBy("S23", "me.reason", recovery, tuple(begins), says, begins),
    )


ONLY_BY = (
    OnlyBy("S15", "me.services", "stopped", ("failover(me)",),
           "only an accepted failover stops services"),
    OnlyBy("S22", "me.services", "up",
           ("services_up(me)", "takeover_done(me)", "takeback_done(me)", "recover", "disable_ha"),
           "critical services start only by a repair, where the node has taken users over or back, "
           "by Recover, or where high availability is disabled"),
    *(
        OnlyBy("S20", "me.state", state, events,
               "a node is failed over, serves everyone or is Normal only by a step of its own, by "
               "the end of its peer's fallback, or by a fault or repair that its manager watches",
               tuple((e, _WATCHED) for e in events if e in _WORLD))
        for state, events in {
            _S.IDLE: _SETTLES,
            _S.FAILED_OVER: (*_SETTLES, "services_up(me)", "database_up(me)"),
            _FO_CSNR: (*_SETTLES, "services_down(me)", "database_down(me)"),
            _S.RUNNING_IN_BACKUP_MODE: (
                "initialized(me)", "takeover_done(me)", "autorecovery_done(me)"),
            _S.NORMAL: ("initialized(me)", "takeback_done(me)", "takeback_done(peer)"),
        }.items()
    ),
    *_fault(
        Reason.CRITICAL_SERVICE_DOWN, Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN,
        {"services": "down", "database": "up"}, "services_down(me)",
        {**_WATCHED, "me.database": "up"}),
    *_fault(
        Reason.DATABASE_FAILURE, Reason.AUTO_RECOVER_DATABASE_FAILURE,
        {"database": "down"}, "database_down(me)", {**_WATCHED, "me.services": "up"}),
)

EXCLUSIVE = (
    Exclusive(
        "S8", ("failover", "fallback", "recover"),
        {"me.state": TRANSIENT},
        "of failover, fallback and recover at most one is accepted in a pair, and none in a "
        "transition",
    ),
)
