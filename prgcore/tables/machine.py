"""The table of the presence redundancy group, as one record."""

from __future__ import annotations

from prgcore.model import Table, cube
from prgcore.tables.columns import DERIVED, GROUP_COLUMNS, NODE_COLUMNS
from prgcore.tables.events import EVENTS, POSSIBLE
from prgcore.tables.invariants import ACCEPTED_ONLY, EXCLUSIVE, INVARIANTS, ONLY_BY
from prgcore.tables.rules import PHASES
from prgcore.tables.states import TRANSIENT
from prgcore.vocabulary import Reason, State

TABLE = Table(
    name="prg",
    node_columns=NODE_COLUMNS,
    group_columns=GROUP_COLUMNS,
    derivations=DERIVED,
    initial=({
        "state": State.UNKNOWN, "reason": Reason.HIGH_AVAILABILITY_NOT_ENABLED,
        "services": "up", "database": "up", "process": "running",
        "assigned_own": "yes", "assigned_peer": "no", "hears_peer": "no",
        "ha": "off", "auto_fallback": "off", "link": "up",
    },),
    events=EVENTS,
    possible=POSSIBLE,
    phases=PHASES,
    invariants=INVARIANTS,
    accepted_only=ACCEPTED_ONLY,
    exclusive=EXCLUSIVE,
    only_by=ONLY_BY,
    transient=tuple(TRANSIENT),
    goal=(cube({
        "both.state": State.NORMAL, "both.services": "up", "both.database": "up",
        "both.process": "running", "both.hears_peer": "yes", "ha": "on", "link": "up",
    }),),
    assumptions=(
        "A-LIN: both nodes reach one linearizable record even while they cannot hear each "
        "other, and their effects follow the record",
    ),
)
