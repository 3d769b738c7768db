"""The service parameters that an administrator may set, with defaults and units.

Law: data only. The document prints no ranges; the bounds are this library's own, and so is the
default of `monitor_xcp_authentication` (D43). The document fixes the thirty minutes of
`automatic_fallback_after`; here they are a default (D45).
"""

from __future__ import annotations

from prgcore.model import Number, Parameter

__all__ = ["FLAGS", "PARAMETERS", "UNITS"]

_HEARTBEAT = "Configure Heartbeat Interval for Failover"
_CLUSTER, _NODE = "cluster", "node"

PARAMETERS = (
    Parameter(
        "service_port", "Service Port", 22001, "port", _CLUSTER,
        "where a recovery manager listens to its peer", _HEARTBEAT, 1, 65_535,
    ),
    Parameter(
        "admin_rpc_port", "Admin RPC Port", 20075, "port", _CLUSTER,
        "where a recovery manager listens to the administrator", _HEARTBEAT, 1, 65_535,
    ),
    Parameter(
        "critical_service_delay", "Critical Service Delay", 90, "s", _CLUSTER,
        "how long a critical service may be down before a failover", _HEARTBEAT,
    ),
    Parameter(
        "enable_automatic_fallback", "Enable Automatic Fallback", False, "true or false",
        _CLUSTER, "whether users come home by themselves after a time of health",
        _HEARTBEAT, 0, 1,
    ),
    Parameter(
        "automatic_fallback_after", "Automatic Fallback After", 1800, "s", _CLUSTER,
        "how long a failed-over node is healthy before its users come home; that it can be set is "
        "ours (D45)", _HEARTBEAT,
    ),
    Parameter(
        "initialization_keep_alive_timeout", "Initialization Keep Alive (Heartbeat) Timeout",
        120, "s", _CLUSTER, "how long a starting node waits for a heartbeat", _HEARTBEAT,
    ),
    Parameter(
        "keep_alive_timeout", "Keep Alive (Heartbeat) Timeout", 60, "s", _CLUSTER,
        "how long heartbeats may be missing before the peer counts as lost", _HEARTBEAT,
    ),
    Parameter(
        "keep_alive_interval", "Keep Alive (HeartBeat) Interval", 15, "s", _CLUSTER,
        "how often a heartbeat is sent to the peer", _HEARTBEAT,
    ),
    Parameter(
        "monitor_xcp_authentication", "Enable monitoring of XCP Authentication Service", False,
        "true or false", _CLUSTER,
        "whether the XCP Authentication Service is critical; its default is ours (D43)",
        _HEARTBEAT, 0, 1, since="release 14",
    ),
    Parameter(
        "client_relogin_lower_limit", "Client Re-Login Lower Limit", 120, "s", _NODE,
        "the shortest time that a client waits before it logs in again", _HEARTBEAT,
    ),
    Parameter(
        "client_relogin_upper_limit", "Client Re-Login Upper Limit", 537, "s", _NODE,
        "the longest time that a client waits before it logs in again", _HEARTBEAT,
    ),
)

FLAGS = {
    "true": True, "yes": True, "on": True, "enabled": True, "enable": True,
    "false": False, "no": False, "off": False, "disabled": False, "disable": False,
}
"""How people write true and false, in any case. A number is neither."""

_TIMES: dict[str, Number] = {
    "ms": 0.001, "millisecond": 0.001, "milliseconds": 0.001, "msec": 0.001,
    "s": 1, "sec": 1, "secs": 1, "second": 1, "seconds": 1,
    "min": 60, "mins": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
}
_RATES: dict[str, Number] = {
    **dict.fromkeys(("kbit/s", "kbps", "kb/s", "kilobits per second"), 0.001),
    **dict.fromkeys(("mbit/s", "mbits/s", "mbps", "mb/s", "megabits per second"), 1),
    **dict.fromkeys(("gbit/s", "gbits/s", "gbps", "gb/s", "gigabits per second"), 1000),
}

UNITS: dict[str, dict[str, Number]] = {
    "s": _TIMES,
    "ms": {name: round(times * 1000) for name, times in _TIMES.items()},
    "Mbit/s": _RATES,
}
"""How people write a unit, and how many of ours it is. `m` is not one: a minute or a metre."""
