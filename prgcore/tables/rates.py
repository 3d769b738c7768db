"""How often things break, and how long things take: the world that an outage is counted in.

Law: data only, in words that `prgcore.outage.rates` reads. The document gives no rate, so every
number here is an assumption of ours that a reader should replace; parameters give the timers.
"""

from __future__ import annotations

from prgcore.tables.facts import Assumed, Missed

__all__ = ["BEGINS", "MISSED", "RATES"]

_HARDWARE = "assumed: about one unplanned stop of a server a year"
_SOFTWARE = "assumed: a service of this kind fails a few times a year"
_PEOPLE = "assumed: an operator on call"
_NEVER = "assumed: not in an ordinary year; name it to have it"

RATES = (
    # the environment breaks
    Assumed("services_down", "every 120 days", _SOFTWARE),
    Assumed("database_down", "every 2 years", _SOFTWARE),
    Assumed("manager_stop", "every 180 days", _SOFTWARE),
    Assumed("power_off", "every 1 year", _HARDWARE),
    Assumed("link_cut", "every 180 days", "assumed: two cuts a year between two sites"),
    Assumed("internal_error", "every 20 years", _SOFTWARE),
    Assumed("enabled_improperly", "never", _NEVER),
    # people repair
    Assumed("services_up", "takes 30 min", _PEOPLE),
    Assumed("database_up", "takes 2 h", _PEOPLE),
    Assumed("manager_start", "takes 10 min", _PEOPLE),
    Assumed("power_on", "takes 1 h", "assumed: most hosts come back by themselves or by remote"),
    Assumed("link_repair", "takes 20 min", _PEOPLE),
    # what was begun ends
    Assumed("initialized", "takes 10 s", "assumed: a manager reads its record"),
    Assumed("taken_over", "takes 1 s", "assumed: a node reads the record"),
    Assumed("takeover_done", "takes 20 s", "assumed: users are moved in the database"),
    Assumed("takeover_failed", "1 in 1000 of takeover_done", "assumed"),
    Assumed("takeback_done", "takes 60 s", "assumed: services start, users are moved"),
    Assumed("takeback_failed", "1 in 2000 of takeback_done", "assumed"),
    Assumed("start_failed", "1 in 2000 of takeback_done", "assumed"),
    Assumed("autorecovery_done", "takes 30 s", "assumed: everyone is moved"),
    Assumed("autorecovery_failed", "1 in 1000 of autorecovery_done", "assumed"),
    # who tells a node that its peer's host is down
    Assumed("peer_host_lost", "never", "assumed: only silence says so; name it where a host's end "
            "is reported"),
    # the administrator
    Assumed("fallback", "takes 4 h in working hours", "assumed: users go home in a quiet hour"),
    Assumed("recover", "takes 30 min", _PEOPLE),
    Assumed("failover", "never", _NEVER),
    Assumed("enable_ha", "never", _NEVER),
    Assumed("disable_ha", "never", _NEVER),
    Assumed("enable_auto_fallback", "never", _NEVER),
    Assumed("disable_auto_fallback", "never", _NEVER),
    Assumed("add_users", "never", _NEVER),
)
"""An event without a seat counts for each node."""

MISSED = Missed(
    "heartbeats_missed", ("link_cut", "heartbeat_lost", "link_repair"), "never",
    "assumed: a run of lost heartbeats that outlasts the time-out, and ends right after it; "
    "simulate-fleet --loss says how often",
)
"""A live peer is declared lost, though hosts, services and the network go on."""

BEGINS = {"auto_fallback": ("enable_automatic_fallback", "off", "on")}
"""Columns that a parameter sets: its value False, its value True."""
