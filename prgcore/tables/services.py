"""The critical services: those whose loss fails a node over.

Law: data only. Two steps of "Verify Services" print the same name of a page; the second one
lists feature services (D49). Two services are critical only with a setting of their own.
"""

from __future__ import annotations

from prgcore.tables.facts import CriticalService

__all__ = ["CRITICAL_SERVICES"]

_NETWORK, _FEATURE = "network", "feature"
_VERIFY = "Verify Services"

CRITICAL_SERVICES = (
    CriticalService("Cisco Client Profile Agent", _NETWORK, f"{_VERIFY}, step 3"),
    CriticalService("Cisco Sync Agent", _NETWORK, f"{_VERIFY}, step 3"),
    CriticalService("Cisco XCP Router", _NETWORK, f"{_VERIFY}, step 3"),
    CriticalService("Cisco SIP Proxy", _FEATURE, f"{_VERIFY}, step 5"),
    CriticalService("Cisco Presence Engine", _FEATURE, f"{_VERIFY}, step 5"),
    CriticalService(
        "Cisco XCP Text Conference Manager", _FEATURE,
        "High Availability for Persistent Chat (another chapter)", "persistent_chat",
    ),
    CriticalService(
        "Cisco XCP Authentication Service", _FEATURE,
        "Configure Heartbeat Interval for Failover, step 4", "monitor_xcp_authentication",
    ),
)
