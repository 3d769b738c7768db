"""Critical services: which services count, and whether the services of a node are up.

Law: pure; reads `prgcore.tables.services`. Names are read in any case, spacing and punctuation, with
or without "Cisco", and with their status as `utils service list` prints it. Other services do not
matter, and a misspelt critical service counts as missing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Literal, Protocol, TypeAlias

from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.seats import NODES
from prgcore.tables.facts import CriticalService
from prgcore.tables.services import CRITICAL_SERVICES, STATUSES, STOPPED_BECAUSE
from prgcore.vocabulary import plain

__all__ = [
    "Monitoring", "Seen", "ServicesColumn", "critical_services", "listed_services",
    "missing_services", "nearest_service", "observed_event", "seen_service", "service",
    "services_column",
]

ServicesColumn: TypeAlias = Literal["up", "down"]

_RUNS = {plain(s.name): s.runs for s in STATUSES}
_WORDS = "|".join(
    s.name.replace(" ", r"\s+") for s in sorted(STATUSES, key=lambda s: -len(s.name)))
_BRACKETS = re.compile(r"([^\[\]]*)\[([^\[\]]*)\](.*)", re.DOTALL)
_COLUMNS = re.compile(rf"([^\t]+?)\s*\t\s*({_WORDS})\s*(?:\t([^\t]*)(?:\t.*)?)?", re.IGNORECASE | re.DOTALL)
"""A row of the Control Center: the service, its status, whether it is activated, times."""
_TAIL = re.compile(
    rf"(.+?)(?:\s*[:=(\u2013-]\s*|\s+(?:is\s+)?)({_WORDS})\s*\)?\s*", re.IGNORECASE | re.DOTALL)
_LONGEST = 200
"""The most characters of a service with its status; a longer text is a name that nothing has."""
_ONE_NAME_LIKE_ANOTHER = 0.85


class Monitoring(Protocol):
    """Settings that make a service critical; `prgcore.timers.parameters.Parameters` is one."""

    @property
    def monitor_xcp_authentication(self) -> bool: ...


def _folded(name: str) -> str:
    return plain(name).replace(" ", "").removeprefix("cisco")


_BY_NAME = {_folded(name): s for s in CRITICAL_SERVICES for name in (s.name, *s.also)}


@frozen
class Seen:
    """A service as somebody wrote it down.

    Attributes:
        name: its name, as it is written, without its status.
        critical: the critical service of this name, or None: any other service.
        runs: whether it runs. Without a status it does, because it is in a list of those that run.
        status: its status and the reason, as they are written.
        todo: what to do about the reason, if that is known.
    """

    name: str
    critical: CriticalService | None
    runs: bool = True
    status: str = ""
    todo: str = ""


def seen_service(text: str) -> Seen:
    """A service with or without its status: `Cisco Sync Agent[STOPPED]  Service Not Activated`.

    Raises:
        BadInput: it is not a text.
    """
    if not isinstance(text, str):
        raise BadInput(f"expected the name of a service, not {text!r:.60}")
    found = None
    if len(text) <= _LONGEST:
        found = (_BRACKETS.fullmatch(text) or _COLUMNS.fullmatch(text.strip())
                 or _TAIL.fullmatch(text))
    if found is None:
        return Seen(text.strip(), _BY_NAME.get(_folded(text)))
    name, status, *more = ((part or "").strip() for part in found.groups())
    reason = " ".join(more)
    todo = STOPPED_BECAUSE.get(plain(reason)) or STOPPED_BECAUSE.get(plain(status), "")
    return Seen(name, _BY_NAME.get(_folded(name)), _RUNS.get(plain(status), False),
                f"{status} {reason}".strip(), todo)


def listed_services(text: str) -> tuple[str, ...]:
    """The services in a text of several: one a line; in one line, parted by commas or semicolons.

    The line of a prompt, `admin:utils service list`, is none of them.
    """
    lines = (line.strip() for line in re.split(r"[\n\r]+" if "\n" in text else "[,;]+", text))
    return tuple(line for line in lines if line and not line.startswith("admin:"))


def service(name: str) -> CriticalService:
    """The critical service of this name: `service("sip  proxy").name == "Cisco SIP Proxy"`.

    Raises:
        BadInput: no critical service has this name.
    """
    found = _BY_NAME.get(_folded(name)) if isinstance(name, str) else None
    if found is None:
        raise BadInput(unknown_name("critical service", name, [s.name for s in CRITICAL_SERVICES]))
    return found


def nearest_service(name: str) -> CriticalService | None:
    """The critical service that a name nearly spells; None if it spells one, or none."""
    from difflib import get_close_matches

    folded = _folded(name[:_LONGEST])
    near = get_close_matches(folded, _BY_NAME, n=1, cutoff=_ONE_NAME_LIKE_ANOTHER)
    return _BY_NAME[near[0]] if near and folded not in _BY_NAME else None


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
    running: Iterable[str], parameters: Monitoring, *, persistent_chat: bool = False
) -> tuple[str, ...]:
    """The names of the critical services that do not run, in the order of the document.

    Args:
        running: services that run, each with or without its status. One whose status says that it
            does not run is missing, also if it is given twice. Other services do not matter.
    """
    seen = [seen_service(text) for text in running]
    runs = {s.critical for s in seen if s.runs} - {s.critical for s in seen if not s.runs}
    needed = critical_services(parameters, persistent_chat=persistent_chat)
    return tuple(s.name for s in needed if s not in runs)


def services_column(
    running: Iterable[str], parameters: Monitoring, *, persistent_chat: bool = False
) -> ServicesColumn:
    """The value of the `services` column of a node that runs these: `down` if one is missing."""
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
        BadInput: no such node.
    """
    if node not in NODES:
        raise BadInput(unknown_name("node", node, NODES))
    was, now = (
        services_column(running, parameters, persistent_chat=persistent_chat)
        for running in (before, after)
    )
    return None if was == now else f"services_{now}({node})"
