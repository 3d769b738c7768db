"""The critical services: those whose loss fails a node over.

Law: data only. Two steps of "Verify Services" print the same name of a page; the second one
lists feature services (D49). Two services are critical only with a setting of their own.
"""

from __future__ import annotations

from prgcore.tables.facts import CriticalService, ServiceStatus

__all__ = ["CRITICAL_SERVICES", "STATUSES", "STOPPED_BECAUSE"]

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
        also=("Text Conference Manager", "Text Conference (TC) Manager", "TC Manager",
              "XCP Text Conferencing Manager", "XCP TC Manager"),
    ),
    CriticalService(
        "Cisco XCP Authentication Service", _FEATURE,
        "Configure Heartbeat Interval for Failover, step 4", "monitor_xcp_authentication",
        also=("XCP Authentication", "Authentication Service"),
    ),
)

_LIST = "utils service list (Command Line Interface Guide)"
_CENTER = f"{_VERIFY}: Control Center"

STATUSES = (
    ServiceStatus("started", runs=True, cite=_LIST),
    ServiceStatus("running", runs=True, cite=_CENTER),
    ServiceStatus("up", runs=True),
    ServiceStatus("stopped", runs=False, cite=_LIST),
    ServiceStatus("starting", runs=False, cite=_LIST),
    ServiceStatus("stopping", runs=False, cite=_LIST),
    ServiceStatus("not running", runs=False, cite=_CENTER),
    ServiceStatus("not activated", runs=False, cite=_LIST),
    ServiceStatus("deactivated", runs=False, cite=_CENTER),
    ServiceStatus("down", runs=False),
)
"""The status of a service, in brackets behind its name in the output of the command line. A service
whose status is not listed does not count as running."""

STOPPED_BECAUSE = {
    "service not activated": "activate it, then start it",
    "not activated": "activate it, then start it",
    "deactivated": "activate it, then start it",
    "commanded out of service": "somebody or a restart stopped it: start it",
    "starting": "wait until it has started",
}
"""What to do about a service that does not run: by the reason that the product prints behind its
status, or by the status itself."""
