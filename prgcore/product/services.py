"""Critical services: which services count, and whether the services of a node are up.

Law: pure; reads `prgcore.tables.services`. Names are read in any case and spacing, with or
without "Cisco". Any other name is an error, never ignored.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, Protocol, TypeAlias

from prgcore.errors import BadInput, unknown_name
from prgcore.seats import NODES
from prgcore.tables.facts import CriticalService
from prgcore.tables.services import CRITICAL_SERVICES

__all__ = [
    "Monitoring", "ServicesColumn", "critical_services", "missing_services", "observed_event",
    "service", "services_column",
]

ServicesColumn: TypeAlias = Literal["up", "down"]


class Monitoring(Protocol):
    """Settings that make a service critical; `prgcore.timers.parameters.Parameters` is one."""

    @property
    def monitor_xcp_authentication(self) -> bool: ...


def _folded(name: str) -> str:
    return "".join(name.casefold().split()).removeprefix("cisco")


_BY_NAME = {_folded(service.name): service for service in CRITICAL_SERVICES}


def service(name: str) -> CriticalService:
    """The critical service of this name: `service("sip  proxy").name == "Cisco SIP Proxy"`.

    Raises:
        BadInput: no critical service has this name.
    """
    found = _BY_NAME.get(_folded(name)) if isinstance(name, str) else None
    if found is None:
        raise BadInput(unknown_name("critical service", name, [s.name for s in CRITICAL_SERVICES]))
    return found


def critical_services(
    parameters: Monitoring, *, persistent_chat: bool = False
) -> tuple[CriticalService, ...]:
    """The services that must run on a node with these settings, in the order of the document.

    Source: "Verify Services", steps 3 and 5; "Configure Heartbeat Interval for Failover", step 4.
    """
    settings = {
        "": True,
        "persistent_chat": persistent_chat,
        "monitor_xcp_authentication": parameters.monitor_xcp_authentication,
    }
    return tuple(s for s in CRITICAL_SERVICES if settings[s.only_with])


def missing_services(
    running: Collection[str], parameters: Monitoring, *, persistent_chat: bool = False
) -> tuple[str, ...]:
    """The names of the critical services that do not run, in the order of the document.

    Raises:
        BadInput: one of the running services is not a critical service.
    """
    runs = {service(name) for name in running}
    needed = critical_services(parameters, persistent_chat=persistent_chat)
    return tuple(s.name for s in needed if s not in runs)


def services_column(
    running: Collection[str], parameters: Monitoring, *, persistent_chat: bool = False
) -> ServicesColumn:
    """The value of the `services` column of a node that runs these: `down` if one is missing.

    Raises:
        BadInput: one of the running services is not a critical service.
    """
    missing = missing_services(running, parameters, persistent_chat=persistent_chat)
    return "down" if missing else "up"


def observed_event(
    node: str, before: Collection[str], after: Collection[str], parameters: Monitoring, *,
    persistent_chat: bool = False,
) -> str | None:
    """The event for the machine when a node's running services change, or None.

    It is `services_down(node1)` when the first critical service stops, and `services_up(node1)`
    when the last one is back. Changes in between give no event.

    Raises:
        BadInput: no such node, or one of the running services is not a critical service.
    """
    if node not in NODES:
        raise BadInput(unknown_name("node", node, NODES))
    was, now = (
        services_column(running, parameters, persistent_chat=persistent_chat)
        for running in (before, after)
    )
    return None if was == now else f"services_{now}({node})"
