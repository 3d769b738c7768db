"""The meanings of states and reasons, and groups of states that rules share."""

from __future__ import annotations

from collections.abc import Mapping

from prgcore.vocabulary import Reason, State

__all__ = ["ACTING", "HOLDERS", "MEANINGS", "REASONS", "SETTLED", "TRANSIENT", "others"]

_S, _R = State, Reason

MEANINGS: Mapping[State, str] = {
    _S.INITIALIZING: "the recovery manager has just started and reads its role in the record",
    _S.IDLE: "failed over by hand: its services are stopped, and its peer serves its users",
    _S.NORMAL: "works as it should, and serves its own users",
    _S.RUNNING_IN_BACKUP_MODE: "serves its own users and those of its peer",
    _S.TAKING_OVER: "the users of its peer are moving to it",
    _S.FAILING_OVER: "its users are moving to its peer",
    _S.FAILED_OVER: "its peer serves its users; none of its critical services is down",
    _S.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING: (
        "its peer serves its users; a critical service or the database is down"),
    _S.FALLING_BACK: "the backup hands the users back",
    _S.TAKING_BACK: "the users come home to it",
    _S.RUNNING_IN_FAILED_MODE: (
        "an error occurred in a transition or while it was the backup; it serves nobody"),
    _S.UNKNOWN: "high availability is not on, or was enabled without its prerequisites",
    _S.BACKUP_ACTIVATED: (
        "it had failed over and recovered; now the backup is sick, and the users come to it"),
    _S.FAILOVER_AFFECTED_SERVICES: (
        "it was the backup and became sick; its users go to its peer, which has recovered"),
}
"""The meaning of each state for its node (Node State Definitions; the last two: Table 2)."""

REASONS: Mapping[Reason, str] = {
    _R.NONE: "nothing is printed",
    _R.NORMAL: "nothing has happened",
    _R.ON_ADMIN_REQUEST: "an administrator asked for it",
    _R.INITIALIZATION: "a recovery manager or a host has started",
    _R.AUTOMATIC_FALLBACK: "the users come home by themselves, as it was configured",
    _R.CRITICAL_SERVICE_DOWN: "a critical service is down",
    _R.DATABASE_FAILURE: "the database is down",
    _R.START_OF_CRITICAL_SERVICES_FAILED: "critical services should have started and did not",
    _R.PEER_DOWN: "the peer is not heard",
    _R.PEER_REBOOT: "the host of the peer went down",
    _R.PEER_DOWN_DURING_INITIALIZATION: "the peer was not heard when this node started",
    _R.TAKE_OVER_USERS_FAILED: "the users could not be moved to the backup",
    _R.TAKE_BACK_USERS_FAILED: "the users could not be moved home",
    _R.UNKNOWN: "a restart found no role in the record, or the manager had an internal error",
    _R.AUTO_RECOVER_DATABASE_FAILURE: (
        "the backup lost its database, and the recovered peer takes over"),
    _R.AUTO_RECOVER_CRITICAL_SERVICE_DOWN: (
        "the backup lost a critical service, and the recovered peer takes over"),
    _R.HIGH_AVAILABILITY_NOT_ENABLED: "high availability is off",
}
"""The meaning of each reason beside a state (Table 2; the last one: the command line)."""

TRANSIENT = (
    State.INITIALIZING,
    State.TAKING_OVER,
    State.FAILING_OVER,
    State.FALLING_BACK,
    State.TAKING_BACK,
    State.BACKUP_ACTIVATED,
    State.FAILOVER_AFFECTED_SERVICES,
)
"""Definitions: "temporary" and "transition state"; the last two until everyone has moved (D09)."""

HOLDERS = (State.TAKING_OVER, State.RUNNING_IN_BACKUP_MODE, State.BACKUP_ACTIVATED)
"""The states in which a node holds the take-over grant."""

SETTLED = (
    State.IDLE,
    State.FAILED_OVER,
    State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING,
)
"""The states of a node whose users have moved to the peer."""

ACTING = (
    State.NORMAL,
    State.FAILING_OVER,
    State.FAILED_OVER,
    State.FALLING_BACK,
    State.TAKING_BACK,
    State.FAILOVER_AFFECTED_SERVICES,
)
"""The states that must answer when the peer is lost (Initializing answers too, as a start)."""


def others(*states: str) -> tuple[str, ...]:
    """Every state except these."""
    return tuple(s for s in State if s not in states)
