"""What states have in common: transience, and the groups that rules speak of."""

from __future__ import annotations

from prgcore.vocabulary import State

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
"""Who holds the take-over grant."""

SETTLED = (
    State.IDLE,
    State.FAILED_OVER,
    State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING,
)
"""Whose users have moved to the peer."""

ACTING = (
    State.NORMAL,
    State.FAILING_OVER,
    State.FAILED_OVER,
    State.FALLING_BACK,
    State.TAKING_BACK,
    State.FAILOVER_AFFECTED_SERVICES,
)
"""Who must answer when the peer is lost (Initializing answers too, as a start)."""


def others(*states: str) -> tuple[str, ...]:
    """Every state but these."""
    return tuple(s for s in State if s not in states)
