"""The adversary: for every event but the commands, where it must and where it may be possible.

Law: written from the document, from decisions and from how machines fail, never from POSSIBLE or
the rules; it names stored columns only. F10 proves that the events are possible where they must be
and nowhere else than they may be; without `may`, nowhere else at all. A weaker environment would
make safety easier, and F10 is where that shows.
"""

from __future__ import annotations

from typing import TypeAlias

from prgcore.model import Adversary, Decides
from prgcore.vocabulary import State

__all__ = ["ADVERSARY", "DECIDES"]

_S = State
_Cells: TypeAlias = "dict[str, str | tuple[str, ...]]"

DECIDES = (Decides("me", {"me.process": "running", "ha": "on"}),)
"""A dead manager decides nothing, and neither does one without high availability."""

_HOST_ON = ("running", "manager_down")
_DEAD = ("manager_down", "off")
_HERE: _Cells = {"me.process": "running", "ha": "on"}
_SERVES = (_S.NORMAL, _S.RUNNING_IN_BACKUP_MODE)
_MOVING = (
    _S.TAKING_OVER, _S.FAILING_OVER, _S.FALLING_BACK, _S.TAKING_BACK, _S.BACKUP_ACTIVATED,
    _S.FAILOVER_AFFECTED_SERVICES,
)
_RESTLESS = (
    _S.INITIALIZING, _S.NORMAL, _S.FAILING_OVER, _S.FAILED_OVER, _S.FALLING_BACK, _S.TAKING_BACK,
    _S.FAILOVER_AFFECTED_SERVICES,
)
_MUST_ANSWER: dict[str, tuple[State, ...]] = {
    "wait": _RESTLESS, "take_over": (*_RESTLESS, _S.IDLE),
}
"""Where a node may not rest without its peer, whether it ever heard the peer or not (D06, D14)."""

_CAN_SERVE: _Cells = {"me.services": ("up", "stopped"), "me.database": "up"}
"""Healthy, or held by the manager, which can start the services."""


_SILENCE: tuple[_Cells, ...] = ({"peer.process": _DEAD}, {"link": "cut"})


def _waits(states: tuple[State, ...]) -> tuple[_Cells, ...]:
    """A time-out runs for a peer that counts as alive, and for a node that must not rest alone."""
    return {"me.hears_peer": "yes"}, {"me.state": states}


def _fails(column: str, fault: str, why: str, cite: str) -> Adversary:
    """A part of a host that dies while the host is on."""
    return Adversary(
        fault, (
            {"me.process": "running", column: "up"},
            {"me.process": "manager_down", column: "up", "peer.hears_peer": "no"},
        ),
        why=why, cite=cite, decisions="D16",
    )


def _heals(column: str, repair: str, why: str, cite: str) -> Adversary:
    """A part of a host that is repaired while the host is on."""
    return Adversary(
        repair, (
            {"me.process": "running", column: "down"},
            {"me.process": "manager_down", column: "down", "peer.hears_peer": "no"},
        ),
        why=why, cite=cite, decisions="D16",
    )


ADVERSARY = (
    # hosts, managers, services, databases: whatever the states say, they break and are repaired
    _fails("me.services", "services_down",
           "a service that runs may die at any time; under a dead manager before or after the "
           "peer's next step", "table2:12"),
    _heals("me.services", "services_up",
           "an administrator may start a dead service at any time", "table2:11b"),
    _fails("me.database", "database_down",
           "a database that runs may die at any time; under a dead manager before or after the "
           "peer's next step", "table2:13"),
    _heals("me.database", "database_up",
           "a dead database may be repaired at any time, also without a reboot", "table2:13"),
    Adversary(
        "manager_stop", {"me.process": "running"},
        why="a recovery manager may stop at any time", cite="table2:16",
    ),
    Adversary(
        "manager_start", {"me.process": "manager_down"},
        why="a stopped recovery manager may be started on every host that is on",
        cite="table2:16",
    ),
    Adversary(
        "power_off", {"me.process": _HOST_ON},
        why="a host that is on may lose its power at any time, also without a manager",
        cite="table2:17",
    ),
    Adversary(
        "power_on", {"me.process": "off"},
        why="a host that is off may be powered up at any time, whatever the network does",
        cite="table2:17",
    ),
    Adversary(
        "link_cut", {"link": "up"},
        why="the network between the nodes may break at any time", cite="table2:16",
    ),
    Adversary(
        "link_repair", {"link": "cut"},
        why="a broken network may be repaired at any time", cite="table2:16",
    ),
    Adversary(
        "enabled_improperly", {"ha": "off"},
        why="an administrator may enable high availability and forget its prerequisites",
        cite="table2:24", decisions=("D03", "D50"),
    ),
    Adversary(
        "internal_error", {**_HERE, "me.state": (*_MOVING, _S.RUNNING_IN_BACKUP_MODE)},
        why="a manager that runs may err in every transition and in backup mode",
        cite=("table2:21", "Node State Definitions: Running in Failed Mode"), decisions="D61",
    ),
    # what a manager hears
    Adversary(
        "heartbeat_heard",
        {**_HERE, "me.hears_peer": "no", "peer.process": "running", "link": "up"},
        why="a manager that runs sends heartbeats, and a network that works delivers them",
        cite="Configure Heartbeat Interval for Failover",
    ),
    *(
        entry
        for choice, states in _MUST_ANSWER.items()
        for entry in (
            Adversary(
                "heartbeat_lost", tuple(
                    {**_HERE, **waits, **silence}
                    for waits in _waits(states)
                    for silence in _SILENCE
                ),
                why="a dead manager and a cut network are silent, and a node waits only so long "
                "for a peer that it counts as alive or cannot rest without",
                cite="Configure Heartbeat Interval for Failover", decisions=("D06", "D14", "D25"),
                only={"idle_on_peer_loss": choice},
            ),
            Adversary(
                "peer_host_lost", tuple(
                    {**_HERE, **waits, "peer.process": "off", "link": "up"}
                    for waits in _waits(states)
                ),
                why="a host that is off is known to be off only over a network that works",
                cite="table2:17", decisions=("D06", "D14", "D25"),
                only={"idle_on_peer_loss": choice},
            ),
        )
    ),
    # what a manager waits for
    Adversary(
        "critical_service_delay", tuple(
            {**_HERE, "me.state": _SERVES, column: "down"}
            for column in ("me.services", "me.database")
        ),
        why="a node that serves may be without a service or its database for the whole delay",
        cite=("table2:12", "table2:13", "table2:15"), decisions="D22",
    ),
    Adversary(
        "auto_fallback_due",
        {**_HERE, "me.state": _S.FAILED_OVER, "me.hears_peer": "yes", "auto_fallback": "on",
         "peer.state": _S.RUNNING_IN_BACKUP_MODE},
        why="thirty healthy minutes may pass beside a backup that is heard",
        cite=("table2:10", "Enable Automatic Fallback"), decisions="D24",
    ),
    # how what a manager began ends
    Adversary(
        "initialized", {**_HERE, "me.state": _S.INITIALIZING, "me.hears_peer": "yes"},
        why="a start ends by itself once the peer is heard",
        cite="Node State Definitions: Initializing",
    ),
    Adversary(
        "takeover_done", {**_HERE, "me.state": _S.TAKING_OVER, **_CAN_SERVE},
        why="the users may arrive on a node that can serve them", cite=("table2:3", "table2:12"),
    ),
    Adversary(
        "takeover_failed", {**_HERE, "me.state": _S.TAKING_OVER},
        why="the move of the users may fail at any time, whatever the health",
        cite="table2:19",
    ),
    Adversary(
        "taken_over",
        {**_HERE, "me.state": (_S.FAILING_OVER, _S.FAILOVER_AFFECTED_SERVICES),
         "peer.state": _S.RUNNING_IN_BACKUP_MODE},
        why="a node whose users have gone reads it in the record, whether it hears the peer or "
        "not", cite=("table2:3", "table2:12"), decisions=("D08", "D09"),
    ),
    Adversary(
        "takeback_done", {**_HERE, "me.state": _S.TAKING_BACK, **_CAN_SERVE},
        why="the users may arrive at home on a node that can serve them", cite="table2:9",
    ),
    Adversary(
        "takeback_failed", {**_HERE, "me.state": _S.TAKING_BACK},
        why="the move of the users may fail at any time, whatever the health",
        cite="table2:20",
    ),
    Adversary(
        "start_failed", {**_HERE, "me.state": _S.TAKING_BACK},
        why="critical services may fail to start on a node that takes back", cite="table2:14",
    ),
    Adversary(
        "autorecovery_done",
        {**_HERE, "me.state": _S.BACKUP_ACTIVATED, "me.services": "up", "me.database": "up"},
        why="everyone may arrive on the node that is healthy again",
        cite=("table2:22", "table2:23"), decisions="D09",
    ),
    Adversary(
        "autorecovery_failed", {**_HERE, "me.state": _S.BACKUP_ACTIVATED},
        why="the move of everyone may fail at any time, whatever the health",
        cite="table2:20", decisions="D09",
    ),
)
