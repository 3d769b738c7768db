"""The habits of a node's agent, the recovery manager of the document; and whom a node serves.

Law: data only, written from `me`. `prgcore.form.habits` reads it, for this machine as for any other.
"""

from __future__ import annotations

from prgcore.model import Agent, Serves, cube
from prgcore.tables.states import HOLDERS
from prgcore.vocabulary import ASSIGNED, State

__all__ = ["AGENT", "ASSIGNED_TO", "SERVES"]

SERVES = cube({
    "me.process": ("running", "manager_down"), "me.services": "up", "me.database": "up",
})
"""A node that can serve the users whom the record assigns to it (D51)."""

AGENT = Agent(
    "me",
    starts="manager_start(me)",
    knows={"me.process": "manager_down", "me.hears_peer": "no"},
    stops="manager_stop(me)",
    watches={
        "services": ("services_down(me)", "services_up(me)"),
        "database": ("database_down(me)", "database_up(me)"),
    },
    leaves={"me.services": "stopped",
            "me.state": (State.INITIALIZING, State.IDLE, State.FAILING_OVER)},
    either={"me.services": "stopped",
            "me.state": (State.TAKING_OVER, State.RUNNING_IN_FAILED_MODE)},
    holds={"me.state": HOLDERS},
    able=SERVES,
)
"""A manager starts after whatever happened, so it knows nothing of its peer then.

Services that are held may run where the node takes its users back (D63). Where it takes over, or
has failed, they serve nobody, and may have been started by a fallback that did not end.
"""

ASSIGNED_TO = (
    Serves("me", "me", {f"me.{ASSIGNED[True]}": "yes"}),
    Serves("me", "peer", {f"me.{ASSIGNED[False]}": "yes"}),
)
"""Whom a node serves, by the record: its own users, its peer's users."""
