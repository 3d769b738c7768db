"""The habits of agents of the built-in machine, until they are data of every machine.

Law: pure; the habits of other machines will be data, and then so will these.
"""

from __future__ import annotations

from collections.abc import Mapping

from prgcore.seats import NODES, seat
from prgcore.tables.actions import ACTIONS
from prgcore.tables.states import HOLDERS

__all__ = ["Habits"]

_DEEDS = {
    "start_critical_services": "start", "stop_critical_services": "stop",
    "disconnect_users": "disconnect", "move_users": "move", "acquire_grant": "acquire",
    "release_grant": "release", "restart_recovery_manager": "restart",
}
_FAILS = {a.name: a.fails for a in ACTIONS}


class Habits:
    """What an agent of a node does without being asked."""

    hearing = frozenset(f"heartbeat_heard({n})" for n in NODES)

    def starts(self, node: str) -> tuple[str, Mapping[str, str]]:
        """The event of its start, and what it knows then."""
        return f"manager_start({node})", {
            f"{node}.process": "manager_down", f"{node}.hears_peer": "no"}

    def stops(self, node: str) -> str:
        """The event of its stop."""
        return f"manager_stop({node})"

    def deed(self, do: str, node: str) -> str:  # noqa: ARG002, other machines may differ by node
        """What an agent does to carry out an action."""
        return _DEEDS.get(do, "")

    def fails(self, do: str, node: str) -> tuple[str, ...]:
        """The events that may report that an action failed."""
        return tuple(seat(f"{name}({node})", node) for name in _FAILS.get(do, ()))

    def watches(self, node: str) -> Mapping[str, tuple[str, str]]:
        """For services and database the events of their failure and return."""
        return {w: (f"{w}_down({node})", f"{w}_up({node})") for w in ("services", "database")}

    def holds(self, columns: Mapping[str, str], node: str) -> bool:
        """Whether a node serves under the take-over grant."""
        return columns.get(f"{node}.state") in HOLDERS

    def hears(self, columns: Mapping[str, str], node: str) -> bool:
        """Whether a node hears its peer."""
        return columns.get(f"{node}.hears_peer", "yes") == "yes"

    def runs(self, columns: Mapping[str, str], node: str) -> bool:
        """Whether a node can decide and act."""
        return columns.get(f"{node}.process", "running") == "running"
