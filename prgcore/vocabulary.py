"""The words: states, reasons, and every other value a column can take.

Law: words only; it imports no other module of this package. A member's value is its wire word, the
document's name in lower_snake; a golden file pins it. `title()` gives the document's spelling;
`ALIASES` lists every other spelling.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = [
    "ALIASES", "ASSIGNED", "TITLES", "Evidence", "Kind", "Method", "Outcome", "Reason", "State",
    "Verdict", "plain", "title", "word",
]


class State(StrEnum):
    """A node's state. Source: Node State Definitions; for the last two Table 2, rows 22 and 23."""

    INITIALIZING = "initializing"
    IDLE = "idle"
    NORMAL = "normal"
    RUNNING_IN_BACKUP_MODE = "running_in_backup_mode"
    TAKING_OVER = "taking_over"
    FAILING_OVER = "failing_over"
    FAILED_OVER = "failed_over"
    FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING = (
        "failed_over_with_critical_services_not_running"
    )
    FALLING_BACK = "falling_back"
    TAKING_BACK = "taking_back"
    RUNNING_IN_FAILED_MODE = "running_in_failed_mode"
    UNKNOWN = "unknown"
    BACKUP_ACTIVATED = "backup_activated"
    FAILOVER_AFFECTED_SERVICES = "failover_affected_services"


class Reason(StrEnum):
    """The reason for a state, for the operator. Source: Table 2; the last one: the command line."""

    NONE = "none"
    NORMAL = "normal"
    ON_ADMIN_REQUEST = "on_admin_request"
    INITIALIZATION = "initialization"
    AUTOMATIC_FALLBACK = "automatic_fallback"
    CRITICAL_SERVICE_DOWN = "critical_service_down"
    DATABASE_FAILURE = "database_failure"
    START_OF_CRITICAL_SERVICES_FAILED = "start_of_critical_services_failed"
    PEER_DOWN = "peer_down"
    PEER_REBOOT = "peer_reboot"
    PEER_DOWN_DURING_INITIALIZATION = "peer_down_during_initialization"
    TAKE_OVER_USERS_FAILED = "take_over_users_failed"
    TAKE_BACK_USERS_FAILED = "take_back_users_failed"
    UNKNOWN = "unknown"
    AUTO_RECOVER_DATABASE_FAILURE = "auto_recover_database_failure"
    AUTO_RECOVER_CRITICAL_SERVICE_DOWN = "auto_recover_critical_service_down"
    HIGH_AVAILABILITY_NOT_ENABLED = "high_availability_not_enabled"


class Kind(StrEnum):
    """The kind of an event: what makes it happen."""

    COMMAND = "command"
    FAULT = "fault"
    REPAIR = "repair"
    TIMER = "timer"
    COMPLETION = "completion"


class Outcome(StrEnum):
    """The outcome of an event."""

    DONE = "done"
    IGNORED = "ignored"
    REFUSED = "refused"


class Verdict(StrEnum):
    """The prover's verdict on an obligation."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    VACUOUS = "vacuous"
    DISAGREE = "disagree"
    NOT_APPLICABLE = "not_applicable"
    REPORTED = "reported"


class Method(StrEnum):
    """The method of a verdict: a solver, a search of every reachable pair, or the table alone."""

    INDUCTION = "induction"
    SEARCH = "search"
    TABLE = "table"


class Evidence(StrEnum):
    """The support for a rule or a decision in the document."""

    DOCUMENTED = "documented"
    INFERRED = "inferred"
    POLICY = "policy"


ASSIGNED = {True: "assigned_own", False: "assigned_peer"}
"""The columns of a node that say whether it is assigned its own users, and its peer's."""

TITLES: dict[str, str] = {
    str(word): word.replace("_", " ").title() for kind in (State, Reason) for word in kind
} | {
    State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING: (
        "Failed Over with Critical Services Not Running"
    ),
    State.RUNNING_IN_BACKUP_MODE: "Running in Backup Mode",
    State.RUNNING_IN_FAILED_MODE: "Running in Failed Mode",
    Reason.ON_ADMIN_REQUEST: "On Admin Request",
    Reason.START_OF_CRITICAL_SERVICES_FAILED: "Start of Critical Services Failed",
    Reason.PEER_DOWN_DURING_INITIALIZATION: "Peer Down During Initialization",
    Reason.TAKE_OVER_USERS_FAILED: "Cisco Server Recovery Manager Take Over Users Failed",
    Reason.TAKE_BACK_USERS_FAILED: "Cisco Server Recovery Manager Take Back Users Failed",
    Reason.NONE: "",
}
"""The document's spelling of each state and reason."""

ALIASES: dict[str, str] = {
    # states
    "backup mode": State.RUNNING_IN_BACKUP_MODE,  # Table 2, row 18
    "failover": State.FAILING_OVER,  # answer of `utils ha failover`
    "failed": State.RUNNING_IN_FAILED_MODE,  # `utils ha status`
    "fo": State.FAILED_OVER,
    "fo csnr": State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING,
    "ribm": State.RUNNING_IN_BACKUP_MODE,
    "rifm": State.RUNNING_IN_FAILED_MODE,
    # reasons
    "critical services down": Reason.CRITICAL_SERVICE_DOWN,  # Table 2, row 11
    "auto recovery database failure": Reason.AUTO_RECOVER_DATABASE_FAILURE,  # row 22
    "auto recovery critical service down": Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN,
    "cisco server recovery manager take over users failed": Reason.TAKE_OVER_USERS_FAILED,
    "cisco server recovery manager take back users failed": Reason.TAKE_BACK_USERS_FAILED,
    "srm take over users failed": Reason.TAKE_OVER_USERS_FAILED,
    "srm take back users failed": Reason.TAKE_BACK_USERS_FAILED,
}


def title(word: str) -> str:
    """The document's spelling of a wire word: `title("failed_over") == "Failed Over"`."""
    if word in TITLES:
        return TITLES[word]
    said = word.replace("_", " ").title()
    return said if said.strip() else word


def plain(text: str) -> str:
    """Text folded for comparison: lower case, single spaces, no punctuation."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def word(text: str, known: type[State | Reason]) -> State | Reason | None:
    """The state or reason that a spelling means, or None: any case, any spacing, any alias."""
    folded = plain(text)
    if not folded:
        return Reason.NONE if known is Reason else None
    wire = folded.replace(" ", "_")
    if wire in known.__members__.values():
        return known(wire)
    alias = ALIASES.get(folded)
    return known(alias) if isinstance(alias, known) else None
