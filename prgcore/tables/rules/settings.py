"""Settings: high availability and automatic fallback, on and off; and new users."""

from __future__ import annotations

from prgcore.model import Rule
from prgcore.tables.rules.fragments import (
    ALL_HELD_SERVICES_START,
    PEER_YIELDS,
    USERS_HOME,
    YIELDS,
)
from prgcore.vocabulary import Evidence, Reason, State

__all__ = ["SETTINGS"]

SETTINGS = (
    Rule(
        "A100", "enable_ha",
        when={"ha": "off"},
        then={"both.state": State.INITIALIZING, "both.reason": Reason.INITIALIZATION, "ha": "on"},
        cite=("Enable High Availability", "towards table2:1"),
        evidence=Evidence.INFERRED, decisions="D01",
        why="both managers start from the record",
    ),
    Rule(
        "A102", "disable_ha",
        when={"ha": ("improper", "on")},
        then={
            **USERS_HOME, **ALL_HELD_SERVICES_START,
            "both.state": State.UNKNOWN, "both.reason": Reason.HIGH_AVAILABILITY_NOT_ENABLED,
            "both.hears_peer": "no", "ha": "off",
        },
        actions=(
            *YIELDS, *PEER_YIELDS,
            "start_critical_services(me)", "start_critical_services(peer)",
        ),
        cite="utils ha status", evidence=Evidence.INFERRED, decisions="D02",
        why="without high availability every user is at home",
    ),
    Rule(
        "A104", "enabled_improperly",
        when={"ha": "off"},
        then={"both.reason": Reason.NONE, "ha": "improper"},
        cite="table2:24", evidence=Evidence.INFERRED, decisions="D03",
        why="enabled without its prerequisites: the states stay unknown",
    ),
    Rule(
        "A106", "enable_auto_fallback",
        when={"auto_fallback": "off"}, then={"auto_fallback": "on"},
        cite="Enable Automatic Fallback",
        why="a service parameter",
    ),
    Rule(
        "A108", "disable_auto_fallback",
        when={"auto_fallback": "on"}, then={"auto_fallback": "off"},
        cite="Enable Automatic Fallback",
        why="a service parameter",
    ),
    Rule(
        "A110", "add_users",
        when={"both.state": (State.NORMAL, State.UNKNOWN)},
        actions=("assign_users",),
        cite="Redundancy Interactions and Restrictions: Adding Users", decisions="D37",
        why="no node is in a failover state: the sync agent assigns the new users",
    ),
)
