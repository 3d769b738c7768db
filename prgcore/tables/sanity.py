"""The rules that the service parameters must keep.

Law: data only; the numbers are in `prgcore.tables.parameters`. The table of the machine does not
load it: few questions are about parameters.
"""

from __future__ import annotations

from prgcore.tables.facts import Sanity

__all__ = [
    "INFORMATION", "NEVER_LOWERED", "PATIENCE", "SANITY", "SHORTEST_INTERVAL", "SPREAD",
]

SHORTEST_INTERVAL = 0.001
"""Seconds; below it heartbeats are a flood, and times may be too coarse to tell two apart."""

_ERROR, _WARNING, INFORMATION = "error", "warning", "information"
_INTERVAL, _TIMEOUT = "keep_alive_interval", "keep_alive_timeout"
_STARTING_TIMEOUT, _DELAY = "initialization_keep_alive_timeout", "critical_service_delay"
_LOWER, _UPPER = "client_relogin_lower_limit", "client_relogin_upper_limit"

PATIENCE = (_DELAY, _TIMEOUT, _STARTING_TIMEOUT)
"""With a lower value of these, more failovers: a recommendation lowers them only where nothing else
helps as well, and by no more than is needed."""
NEVER_LOWERED = (*PATIENCE, _LOWER, _UPPER)
"""No recommendation lowers these below the value that the document recommends. A heartbeat may come
more often; a failover or a crowd of clients may not come sooner for the sake of another rule."""
SPREAD = {_UPPER: _LOWER}
"""An upper limit that has to be raised keeps the distance of the defaults to its lower limit, so that
clients do not all come back at the same moment."""

SANITY = (
    Sanity(
        "interval", "heartbeats have an interval: at least a millisecond",
        ((SHORTEST_INTERVAL, ""),), "<=", ((1, _INTERVAL),), _ERROR, "T8", (_INTERVAL,),
        "a timer that was not answered would be due again at once, for ever",
    ),
    Sanity(
        "alive", "the interval and the jitter together are shorter than the time-out",
        ((1, _INTERVAL), (1, "jitter")), "<", ((1, _TIMEOUT),), _ERROR, "T5",
        (_TIMEOUT, _INTERVAL),
        "a peer that is alive and loses no heartbeat is declared lost",
    ),
    Sanity(
        "alive-at-start", "both together are also shorter than the time-out during initialization",
        ((1, _INTERVAL), (1, "jitter")), "<", ((1, _STARTING_TIMEOUT),), _ERROR, "T5",
        (_STARTING_TIMEOUT, _INTERVAL),
        "a node that starts declares a live peer lost",
    ),
    Sanity(
        "two-losses", "two lost heartbeats in a row are survived",
        ((3, _INTERVAL), (1, "jitter")), "<", ((1, _TIMEOUT),), _WARNING, "T6",
        (_TIMEOUT, _INTERVAL),
        "a live peer that loses two heartbeats in a row may be lost; without jitter the values that "
        "the document recommends survive them",
    ),
    Sanity(
        "three-losses", "three lost heartbeats in a row are survived",
        ((4, _INTERVAL), (1, "jitter")), "<", ((1, _TIMEOUT),), INFORMATION, "T6",
        (_TIMEOUT, _INTERVAL),
        "the heartbeat after three lost ones races the time-out, also with the values that the "
        "document recommends",
    ),
    Sanity(
        "patient-start", "a node that starts waits at least as long as one that runs",
        ((1, _TIMEOUT),), "<=", ((1, _STARTING_TIMEOUT),), _WARNING, "T3",
        (_STARTING_TIMEOUT, _TIMEOUT),
        "a node that starts takes over from a peer that the others would still wait for",
    ),
    Sanity(
        "delay", "a critical service has time to come back",
        ((0, ""),), "<", ((1, _DELAY),), _WARNING, "T2", (_DELAY,),
        "each restart of a critical service is a failover",
    ),
    Sanity(
        "re-login", "clients wait before they log in again",
        ((0, ""),), "<", ((1, _LOWER),), _ERROR, "T9", (_LOWER,),
        "clients may all come back at the same moment",
    ),
    Sanity(
        "re-login-limits", "the lower re-login limit is not above the upper one",
        ((1, _LOWER),), "<=", ((1, _UPPER),), _ERROR, "T9", (_UPPER, _LOWER),
        "the limits leave clients no time to choose from",
    ),
    Sanity(
        "re-login-delay", "clients wait at least as long as the critical service delay",
        ((1, _DELAY),), "<=", ((1, _LOWER),), _WARNING, "D28", (_LOWER, _DELAY),
        "clients may try before the failover has begun",
    ),
    Sanity(
        "ports", "the two ports of the recovery manager differ",
        ((1, "service_port"),), "!=", ((1, "admin_rpc_port"),), _ERROR, "",
        ("admin_rpc_port", "service_port"), "one of the two cannot be opened",
    ),
)
