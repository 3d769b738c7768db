"""The events, and where each can physically happen.

A command is possible everywhere. A timer or a completion comes from a node whose manager runs
while high availability is on. An event with several entries in POSSIBLE can happen in any.
"""

from __future__ import annotations

from prgcore.model import Event, Possible
from prgcore.tables.columns import SICK
from prgcore.tables.states import TRANSIENT
from prgcore.vocabulary import Kind, State

__all__ = ["EVENTS", "POSSIBLE"]

EVENTS = (
    # the administrator, who asks both managers
    Event("enable_ha", Kind.COMMAND, "administrator", "Enable High Availability", seated=False),
    Event("disable_ha", Kind.COMMAND, "administrator", "clear Enable High Availability",
          seated=False),
    Event("enable_auto_fallback", Kind.COMMAND, "administrator",
          "set Enable Automatic Fallback to True", seated=False),
    Event("disable_auto_fallback", Kind.COMMAND, "administrator",
          "set Enable Automatic Fallback to False", seated=False),
    Event("failover", Kind.COMMAND, "administrator", "Failover: this node loses its users"),
    Event("fallback", Kind.COMMAND, "administrator", "Fallback: this node gets its users back"),
    Event("recover", Kind.COMMAND, "administrator", "Recover the failed group", seated=False),
    Event("add_users", Kind.COMMAND, "administrator", "add new users to the cluster",
          seated=False),
    # the environment breaks
    Event("services_down", Kind.FAULT, "environment", "a critical service dies"),
    Event("database_down", Kind.FAULT, "environment", "the database dies"),
    Event("manager_stop", Kind.FAULT, "environment", "the recovery manager stops"),
    Event("power_off", Kind.FAULT, "environment",
          "the host goes down: shutdown, reboot, power or hardware"),
    Event("link_cut", Kind.FAULT, "environment", "the nodes lose the network between them",
          seated=False),
    Event("enabled_improperly", Kind.FAULT, "environment",
          "high availability is enabled without its prerequisites", seated=False),
    Event("internal_error", Kind.FAULT, "me", "the recovery manager has an internal error"),
    # the environment heals
    Event("services_up", Kind.REPAIR, "environment", "the critical services are started"),
    Event("database_up", Kind.REPAIR, "environment", "the database is repaired"),
    Event("manager_start", Kind.REPAIR, "environment", "the recovery manager is started"),
    Event("power_on", Kind.REPAIR, "environment", "the host is powered up"),
    Event("link_repair", Kind.REPAIR, "environment", "the network is repaired", seated=False),
    # time passes
    Event("heartbeat_heard", Kind.TIMER, "me", "a heartbeat of a peer that was not heard"),
    Event("heartbeat_lost", Kind.TIMER, "me",
          "no heartbeat for the keep-alive time-out (during initialization: the longer one)"),
    Event("peer_host_lost", Kind.TIMER, "me", "the peer's host is known to be down"),
    Event("critical_service_delay", Kind.TIMER, "me",
          "a critical service or the database was down for the critical service delay"),
    Event("auto_fallback_due", Kind.TIMER, "me",
          "thirty minutes healthy with automatic fallback enabled"),
    # what was begun ends
    Event("initialized", Kind.COMPLETION, "me", "the manager has read the record and started"),
    Event("takeover_done", Kind.COMPLETION, "me", "the peer's users have moved here"),
    Event("takeover_failed", Kind.COMPLETION, "me", "moving the peer's users here failed",
          success=False),
    Event("taken_over", Kind.COMPLETION, "me", "reads that the peer serves both groups"),
    Event("takeback_done", Kind.COMPLETION, "me", "its users have moved back"),
    Event("takeback_failed", Kind.COMPLETION, "me", "moving its users back failed",
          success=False),
    Event("start_failed", Kind.COMPLETION, "me", "its critical services do not start",
          success=False),
    Event("autorecovery_done", Kind.COMPLETION, "me", "everyone has moved to this node"),
    Event("autorecovery_failed", Kind.COMPLETION, "me", "moving everyone here failed",
          success=False),
)

_RUNNING = {"ha": "on", "me.process": "running"}
_LOST = ("manager_down", "off")
_HOST_UP = ("running", "manager_down")
_ANSWERS = ("starting", "acting")

POSSIBLE = (
    # A service that changes while its manager is dead and the peer still believes in it commutes
    # with the peer's next step: it is modelled as changing before or after (D16).
    Possible("services_down", {"me.process": "running", "me.services": "up"}),
    Possible("services_down", {"me.process": "manager_down", "peer.hears_peer": "no",
                               "me.services": "up"}),
    Possible("services_up", {"me.process": "running", "me.services": "down"}),
    Possible("services_up", {"me.process": "manager_down", "peer.hears_peer": "no",
                             "me.services": "down"}),
    Possible("database_down", {"me.process": "running", "me.database": "up"}),
    Possible("database_down", {"me.process": "manager_down", "peer.hears_peer": "no",
                               "me.database": "up"}),
    Possible("database_up", {"me.process": "running", "me.database": "down"}),
    Possible("database_up", {"me.process": "manager_down", "peer.hears_peer": "no",
                             "me.database": "down"}),
    Possible("manager_stop", {"me.process": "running"}),
    Possible("manager_start", {"me.process": "manager_down"}),
    Possible("power_off", {"me.process": _HOST_UP}),
    Possible("power_on", {"me.process": "off"}),
    Possible("link_cut", {"link": "up"}),
    Possible("link_repair", {"link": "cut"}),
    Possible("enabled_improperly", {"ha": "off"}),
    Possible("internal_error", {**_RUNNING, "me.state": (
        *(s for s in TRANSIENT if s is not State.INITIALIZING), State.RUNNING_IN_BACKUP_MODE)}),
    Possible("heartbeat_heard", {**_RUNNING, "me.hears_peer": "no", "peer.process": "running",
                                 "link": "up"}),
    Possible("heartbeat_lost", {**_RUNNING, "me.hears_peer": "yes", "peer.process": _LOST}),
    Possible("heartbeat_lost", {**_RUNNING, "me.hears_peer": "yes", "link": "cut"}),
    Possible("heartbeat_lost", {**_RUNNING, "me.duty": _ANSWERS, "peer.process": _LOST}),
    Possible("heartbeat_lost", {**_RUNNING, "me.duty": _ANSWERS, "link": "cut"}),
    Possible("peer_host_lost", {**_RUNNING, "me.hears_peer": "yes", "peer.process": "off",
                                "link": "up"}),
    Possible("peer_host_lost", {**_RUNNING, "me.duty": _ANSWERS, "peer.process": "off",
                                "link": "up"}),
    Possible("critical_service_delay", {**_RUNNING, "me.health": SICK, "me.state": (
        State.NORMAL, State.RUNNING_IN_BACKUP_MODE)}),
    Possible("auto_fallback_due", {**_RUNNING, "me.state": State.FAILED_OVER,
                                   "me.hears_peer": "yes", "auto_fallback": "on",
                                   "peer.state": State.RUNNING_IN_BACKUP_MODE}),
    Possible("initialized", {**_RUNNING, "me.state": State.INITIALIZING, "me.hears_peer": "yes"}),
    Possible("takeover_done", {**_RUNNING, "me.state": State.TAKING_OVER,
                               "me.health": ("healthy", "stopped")}),
    Possible("takeover_failed", {**_RUNNING, "me.state": State.TAKING_OVER}),
    Possible("taken_over", {**_RUNNING, "peer.state": State.RUNNING_IN_BACKUP_MODE, "me.state": (
        State.FAILING_OVER, State.FAILOVER_AFFECTED_SERVICES)}),
    Possible("takeback_done", {**_RUNNING, "me.state": State.TAKING_BACK,
                               "me.health": ("healthy", "stopped")}),
    Possible("takeback_failed", {**_RUNNING, "me.state": State.TAKING_BACK}),
    Possible("start_failed", {**_RUNNING, "me.state": State.TAKING_BACK}),
    Possible("autorecovery_done", {**_RUNNING, "me.state": State.BACKUP_ACTIVATED,
                                   "me.health": "healthy"}),
    Possible("autorecovery_failed", {**_RUNNING, "me.state": State.BACKUP_ACTIVATED}),
)

