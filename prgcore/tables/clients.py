"""What clients see of a pair: who can serve them, dual connections and session counters.

Law: data only. Hindrances are written from `me`, the node that they describe. They use stored
columns only, so that they can be asked of any mapping of a pair.
"""

from __future__ import annotations

from prgcore.model import cube
from prgcore.tables.facts import Condition, Counter, Hindrance
from prgcore.vocabulary import State

__all__ = [
    "CANNOT_SERVE", "CONDITIONS", "COUNTERS", "HIGH_AVAILABILITY", "NOBODY_ASSIGNED", "OFFERED",
    "SENT_HOME", "SESSIONS_BACK", "SESSION_COUNTER", "SESSION_COUNTER_OF", "TAKING_BACK",
]

_ENHANCEMENT = "IM and Presence Failover Enhancement to Nearly Zero Downtime"
_CHECK = "How to Check if Dual Registration is Established"
_COUNTERS = "Counters to Monitor Zero Downtime During Upgrade: Table 3"

CANNOT_SERVE = (
    Hindrance("its host is off", {"me.process": "off"}),
    Hindrance("its critical services are stopped", {"me.services": "stopped"}),
    Hindrance("a critical service of it is down", {"me.services": "down"}),
    Hindrance("its database is down", {"me.database": "down"}),
)
"""Reasons why a node does not serve the users assigned to it; the first that holds counts."""

NOBODY_ASSIGNED = (
    Hindrance("is taking the users over", {"me.state": State.TAKING_OVER}),
    Hindrance("is taking its users back", {"me.state": State.TAKING_BACK}),
    Hindrance("is taking everyone over", {"me.state": State.BACKUP_ACTIVATED}),
    Hindrance("has failed and serves nobody", {"me.state": State.RUNNING_IN_FAILED_MODE}),
    Hindrance("is starting and has yet to take up its role", {"me.state": State.INITIALIZING}),
)
"""Reasons why the record assigns a group of users to nobody; the first that holds counts."""

OFFERED = cube({"ha": "on"})
"""The server offers a second connection only with high availability."""

TAKING_BACK = cube({"me.state": State.TAKING_BACK})
"""A fallback to this node: its users are disconnected, and log in again (D54)."""

SENT_HOME = cube({"me.state": (State.TAKING_BACK, State.NORMAL, State.UNKNOWN)})
"""A node whose users came home by a fallback, or because high availability was disabled."""

CONDITIONS = (
    Condition("im_presence_release", 14, "IM and Presence of release 14", _ENHANCEMENT),
    Condition("cucm_release", 14, "Unified CM of release 14", _ENHANCEMENT),
    Condition("jabber_release", 14, "Jabber of release 14", _ENHANCEMENT),
    Condition("expressway_release", 14, "Expressway of release 14 for remote access",
              _ENHANCEMENT, only_with="remote_access"),
    Condition("unrestricted", False, "not the unrestricted (XU) version", _ENHANCEMENT),
    Condition("secure_mode", True, "secure mode between XMPP clients and the service",
              _ENHANCEMENT),
    Condition("enabled_in_client", True, "dual connections enabled in the client", _ENHANCEMENT),
)
"""The needs of dual connections besides high availability."""

HIGH_AVAILABILITY = Condition(
    "high_availability", True, "high availability on", "How to Disable Dual Registration")

COUNTERS = (
    Counter("ActiveJsmSessions", "active", "users with an active session on the node", _COUNTERS),
    Counter("InactiveJsmSessions", "inactive", "users with an inactive session on the node",
            _COUNTERS),
    Counter("JsmSessionsComposed", "active", "composed sessions of the node, one a user",
            _COUNTERS),
    Counter("JsmSessionsClient", "active", "client sessions that are active", _CHECK),
    Counter("JsmSessionsClientInactive", "inactive", "client sessions that are inactive", _CHECK,
            printed=2),
)
"""Which sessions of a node a counter shows (D55); `printed`: how often Table 3 lists it."""

SESSION_COUNTER, SESSION_COUNTER_OF = "ActiveJsmSessions", "Cisco Presence Engine"
"""The counter whose value is noted before high availability is disabled, and its service."""

SESSIONS_BACK = 1800
"""Seconds within which the sessions are normally created again before high availability is enabled.

Source: changing addresses and host names of this product (another guide). It gives no tolerance.
"""
