"""Table 2: its 24 rows as 26 situations, each with its cause and its recommended actions.

Law: data only, in our own words. Node 1 is the left column. A cause is a sequence of events
that ends in the row. A recommendation (`Advice`) has commands and repairs of the operator only.
Between them timers run out and completions succeed by themselves, except automatic fallback, which
takes thirty minutes. If one step of the document prepares the next, both are one recommendation,
which begins with the numbers of the document's steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from prgcore.model import Advice, Cause, Display, Shown, Situation, Values
from prgcore.tables.columns import ABLE
from prgcore.tables.states import others
from prgcore.vocabulary import Reason, State

__all__ = ["SITUATIONS", "Cells"]

_FO_CSNR = State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING
_BACKUP = State.RUNNING_IN_BACKUP_MODE
_FAILED = State.RUNNING_IN_FAILED_MODE

# ------------------------------------------------------------------ what happens, as events


def _restart(node: str) -> Values:
    return (f"manager_stop({node})", f"manager_start({node})")


def _starts(node: str) -> Values:
    return (f"heartbeat_heard({node})", f"initialized({node})")


_FAILING_OVER = ("failover(node1)",)
_IDLE = (*_FAILING_OVER, "takeover_done(node2)", "taken_over(node1)")
_TAKING_BACK = (*_IDLE, "fallback(node1)")
_MOVED = ("critical_service_delay(node1)", "takeover_done(node2)", "taken_over(node1)")
_SICK = ("services_down(node1)", *_MOVED)
_FAILED_OVER = (*_SICK, "services_up(node1)")
_BACKUP_SICK = ("services_down(node2)", "critical_service_delay(node2)")
_ALONE_AT_START = (
    "power_off(node1)", *_restart("node2"), "heartbeat_lost(node2)", "takeover_done(node2)",
    "power_on(node1)", "manager_start(node1)", *_starts("node1"), "heartbeat_heard(node2)",
)

# ------------------------------------------------------------------ which pairs fit a cause

_CONNECTED = {
    "ha": "on", "link": "up", "node1.process": "running", "node2.process": "running",
    "node1.hears_peer": "yes", "node2.hears_peer": "yes",
}
_BACKUP_WELL = {**_CONNECTED, "node2.health": "healthy"}
_BACKUP_ALONE_WELL = {"ha": "on", "node2.process": "running", "node2.health": "healthy"}

# ------------------------------------------------------------------ what the operator does

Cells: TypeAlias = Mapping[str, str | Values]

_ANY: Cells = {}
_HELD: Values = ("stopped",)
_NOT_HELD: Values = ("up", "down")


def _reboot(node: str, *, held: bool = False) -> Values:
    """A reboot after which the services run, except services that the manager holds."""
    start = () if held else (f"services_up({node})",)
    return (f"power_off({node})", f"power_on({node})", f"manager_start({node})", *start)


def _reboot_and_recover(step: str, *nodes: str, peer: Cells = _ANY) -> tuple[Advice, ...]:
    """A recommendation for each node whose services the manager may hold, and one for neither."""
    which = " and ".join(n.replace("node", "node ") for n in nodes)
    both = ", one after the other" if len(nodes) > 1 else ""
    text, either = (
        f"Step {step}: if that does not help, reboot {some}. A manager that starts beside a failed one "
        "leaves both failed (row 21): click Recovery then."
        for some in (which + both, "the node whose critical services do not start")
    )
    return tuple(
        Advice(
            text,
            {**peer, **{f"{n}.services": _HELD if n == held else _NOT_HELD for n in nodes}},
            (*(e for n in nodes for e in _reboot(n, held=n == held)), "recover"),
            either="" if both else either,
        )
        for held in ("", *nodes)
    )


_STEP_1_EITHER = ("Step 1: look on both nodes for critical services that are down, and for what stops "
                  "them; click Recovery to start them.")
_FALLBACK = ("fallback(node1)",)
_FALL_BACK = (
    Advice("Wait until both nodes hear each other; then perform a manual fallback to node 1.",
           events=_FALLBACK),
)
_ERROR_ADVICE = (
    Advice(
        "Step 1: look for an error of the database, then click Recovery: both nodes return to Normal.",
        {"node1.health": ABLE, "node2.health": ABLE}, ("recover",),
    ),
    *_reboot_and_recover("2", "node1", "node2"),
)


def _bring_back(says: str, *, process: str, link: str = "up") -> tuple[Advice, ...]:
    """Bring a blank node 1 back, start services that are down and not held, and fall back.

    A host that boots comes up without services and with its database repaired (D12).
    """
    booting = process == "off"
    repair = ("link_repair",) if link == "cut" else ()
    start = ("power_on(node1)", "manager_start(node1)") if booting else ("manager_start(node1)",)
    down = _NOT_HELD if booting else ("down",)
    ready = _HELD if booting else ("up", *_HELD)
    cells: dict[str, str | Values] = {"node1.process": process, "link": link}
    if not booting:
        cells["node1.database"] = "up"
    return tuple(
        Advice(says, {**cells, "node1.services": services}, repair + start + begin + _FALLBACK)
        for services, begin in ((down, ("services_up(node1)",)), (ready, ()))
    )


_CUT_OFF: Cells = {"link": "cut", "node1.process": "running", "node1.health": ABLE}
_REPAIR_LINK = (
    "Step 1 (node 1 is up): repair the network between the nodes. Once both hear each other: Recovery "
    "if both are failed, otherwise manual fallback."
)
_START_MANAGER = (
    "Step 2 (node 1 is up): start its recovery manager; manual fallback once both nodes hear each "
    "other."
)
_REPAIR_NODE = (
    "Steps 3 and 4 (node 1 is down): repair it and power it up; manual fallback once its critical "
    "services run."
)

SITUATIONS: tuple[Situation, ...] = (
    Situation(
        "1", "Normal operation.",
        Display(Shown(State.NORMAL, Reason.NORMAL), Shown(State.NORMAL, Reason.NORMAL)),
        causes=(Cause("1", "the group starts with healthy nodes", (
            "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
            "initialized(node1)", "initialized(node2)"), "initial"),),
        fits={**_CONNECTED, "node1.health": "healthy", "node2.health": "healthy"},
    ),
    Situation(
        "2", "A manual failover from node 1 to node 2 is in progress.",
        Display(Shown(State.FAILING_OVER, Reason.ON_ADMIN_REQUEST),
                Shown(State.TAKING_OVER, Reason.ON_ADMIN_REQUEST)),
        causes=(Cause("2", "the administrator fails node 1 over", _FAILING_OVER),),
        fits=_CONNECTED,
    ),
    Situation(
        "3", "A manual failover from node 1 to node 2 is complete.",
        Display(Shown(State.IDLE, Reason.ON_ADMIN_REQUEST),
                Shown(_BACKUP, Reason.ON_ADMIN_REQUEST)),
        causes=(Cause("3", "the manual failover ends", _IDLE),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "4", "A manual fallback from node 2 to node 1 is in progress.",
        Display(Shown(State.TAKING_BACK, Reason.ON_ADMIN_REQUEST),
                Shown(State.FALLING_BACK, Reason.ON_ADMIN_REQUEST)),
        causes=(Cause("4", "the administrator falls back to node 1", _TAKING_BACK),),
        fits=_CONNECTED,
    ),
    Situation(
        "5", "The recovery manager of node 1 was restarted while node 1 was Idle.",
        Display(Shown(State.IDLE, Reason.INITIALIZATION), Shown(_BACKUP, Reason.ON_ADMIN_REQUEST)),
        causes=(Cause("5", "the manager of node 1 restarts while Idle",
                      (*_IDLE, *_restart("node1"), *_starts("node1"))),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "6", "Both nodes were rebooted, or both recovery managers restarted, while the group was "
        "in manual failover.",
        Display(Shown(State.IDLE, Reason.INITIALIZATION), Shown(_BACKUP, Reason.INITIALIZATION)),
        causes=(
            Cause("6-managers", "both managers restart together",
                  (*_IDLE, "manager_stop(node1)", "manager_stop(node2)", "manager_start(node1)",
                   "manager_start(node2)", *_starts("node1"), *_starts("node2"))),
            Cause("6-in-turn", "the managers restart one after the other",
                  (*_IDLE, *_restart("node1"), *_starts("node1"), *_restart("node2"),
                   *_starts("node2"))),
            Cause("6-reboot", "both nodes reboot",
                  (*_IDLE, "power_off(node1)", "power_off(node2)", "power_on(node1)",
                   "power_on(node2)", "services_up(node2)", "manager_start(node1)",
                   "manager_start(node2)", *_starts("node1"), *_starts("node2"))),
        ),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "7", "The recovery manager of node 2 was restarted while node 2 ran in backup mode, and "
        "was back before node 1 missed its heartbeat.",
        Display(Shown(State.IDLE, Reason.ON_ADMIN_REQUEST), Shown(_BACKUP, Reason.INITIALIZATION)),
        causes=(Cause("7", "the manager of the backup restarts in time",
                      (*_IDLE, *_restart("node2"), *_starts("node2"))),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "8", "The recovery manager of node 2 was restarted while node 2 was taking over, and was "
        "back before node 1 missed its heartbeat.",
        Display(Shown(State.FAILING_OVER, Reason.ON_ADMIN_REQUEST),
                Shown(State.TAKING_OVER, Reason.INITIALIZATION)),
        causes=(Cause("8", "the manager that takes over restarts in time",
                      (*_FAILING_OVER, *_restart("node2"), *_starts("node2"))),),
        fits=_CONNECTED,
    ),
    Situation(
        "9", "The recovery manager of node 1 was restarted while node 1 was taking back, and was "
        "back before node 2 missed its heartbeat. Both nodes are Normal afterwards.",
        Display(Shown(State.TAKING_BACK, Reason.INITIALIZATION),
                Shown(State.FALLING_BACK, Reason.ON_ADMIN_REQUEST)),
        causes=(Cause("9", "the manager that takes back restarts in time",
                      (*_TAKING_BACK, *_restart("node1"), *_starts("node1"))),),
        fits=_CONNECTED,
    ),
    Situation(
        "10", "An automatic fallback from node 2 to node 1 is in progress.",
        Display(Shown(State.TAKING_BACK, Reason.AUTOMATIC_FALLBACK),
                Shown(State.FALLING_BACK, Reason.AUTOMATIC_FALLBACK)),
        causes=(Cause("10", "node 1 was healthy again for thirty minutes",
                      ("enable_auto_fallback", *_FAILED_OVER, "auto_fallback_due(node1)")),),
        fits=_CONNECTED,
    ),
    Situation(
        "11a", "Node 1 had failed over; a reboot brought its critical services back. It is ready "
        "for a manual fallback.",
        Display(Shown(State.FAILED_OVER, Reason.INITIALIZATION),
                Shown(_BACKUP, Reason.CRITICAL_SERVICE_DOWN)),
        advice=_FALL_BACK,
        causes=(Cause("11a", "node 1 reboots and its services run again",
                      (*_SICK, "power_off(node1)", "peer_host_lost(node2)", "power_on(node1)",
                       "manager_start(node1)", "services_up(node1)", *_starts("node1"),
                       "heartbeat_heard(node2)")),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "11b", "Node 1 had failed over with critical services not running; the administrator "
        "started them. It is ready for a manual fallback.",
        Display(Shown(State.FAILED_OVER, Reason.CRITICAL_SERVICE_DOWN),
                Shown(_BACKUP, Reason.CRITICAL_SERVICE_DOWN)),
        advice=_FALL_BACK,
        causes=(Cause("11b", "the services of node 1 are started by hand", _FAILED_OVER),),
        literal="Critical Services Down", corrected="Critical Service Down",
        fits=_BACKUP_WELL,
    ),
    Situation(
        "12", "A critical service is down on node 1; its users moved to node 2 automatically.",
        Display(Shown(_FO_CSNR, Reason.CRITICAL_SERVICE_DOWN),
                Shown(_BACKUP, Reason.CRITICAL_SERVICE_DOWN)),
        advice=(
            Advice("Steps 1 and 3: start the critical services of node 1 by hand; then manual fallback.",
                   {"node1.services": "down", "node1.database": "up"},
                   ("services_up(node1)", *_FALLBACK)),
            Advice("Steps 2 and 3: if they do not start, reboot node 1; manual fallback once they run.",
                   events=(*_reboot("node1"), *_FALLBACK)),
        ),
        causes=(Cause("12", "a critical service of node 1 stays down", _SICK),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "13", "The database service is down on node 1; its users moved to node 2 automatically.",
        Display(Shown(_FO_CSNR, Reason.DATABASE_FAILURE), Shown(_BACKUP, Reason.DATABASE_FAILURE)),
        advice=(Advice("Steps 1 and 2: reboot node 1; manual fallback once its critical services run.",
                       events=(*_reboot("node1"), *_FALLBACK)),),
        causes=(Cause("13", "the database of node 1 stays down",
                      ("database_down(node1)", *_MOVED)),),
        fits=_BACKUP_WELL,
    ),
    Situation(
        "14", "The critical services of node 1 did not start while it was taking back.",
        Display(Shown(_FAILED, Reason.START_OF_CRITICAL_SERVICES_FAILED),
                Shown(_FAILED, Reason.START_OF_CRITICAL_SERVICES_FAILED)),
        advice=(
            Advice("Step 1: find the critical services of node 1 that are down and what stops them; "
                   "click Recovery to start them.",
                   {"node1.services": "down", "node1.database": "up"},
                   ("services_up(node1)", "recover"), either=_STEP_1_EITHER),
            Advice("Step 1: the critical services of node 1 run again: click Recovery.",
                   {"node1.health": ABLE}, ("recover",), either=_STEP_1_EITHER),
            _reboot_and_recover("2", "node1")[0],
            Advice("Step 3, a manual fallback after the reboot, is refused there: Recovery has brought "
                   "the users home.",
                   {"node1.services": _NOT_HELD}, (*_reboot("node1"), *_FALLBACK),
                   "document",
                   "A manager that restarts beside a failed one leaves both failed (row 21), and "
                   "from there only Recovery is on offer, not fallback."),
        ),
        causes=(Cause("14", "the services do not start", (*_TAKING_BACK, "start_failed(node1)")),),
        fits={**_CONNECTED, "node2.health": ABLE},
        either="The critical services of a node did not start while it was taking back. The display "
        "does not say which node that was: look at both.",
    ),
    Situation(
        "15", "A critical service went down on node 2, the backup; both nodes failed.",
        Display(Shown(_FAILED, Reason.CRITICAL_SERVICE_DOWN),
                Shown(_FAILED, Reason.CRITICAL_SERVICE_DOWN)),
        advice=(
            Advice("Step 1: find the critical services of node 2 that are down and what stops them; "
                   "click Recovery to start them.",
                   {"node1.health": ABLE, "node2.services": "down", "node2.database": "up"},
                   ("services_up(node2)", "recover"), either=_STEP_1_EITHER),
            Advice("Step 1: the critical services of node 2 run again: click Recovery.",
                   {"node1.health": ABLE, "node2.health": ABLE}, ("recover",),
                   either=_STEP_1_EITHER),
            Advice("Step 1: critical services are down on node 1 as well: start those of both nodes; "
                   "click Recovery.",
                   {"node1.health": "critical_service_down",
                    "node2.health": "critical_service_down"},
                   ("services_up(node1)", "services_up(node2)", "recover"), either=_STEP_1_EITHER),
            *_reboot_and_recover("2", "node2", peer={"node1.health": ABLE}),
        ),
        causes=(
            Cause("15-idle", "the backup fails beside an Idle node", (*_IDLE, *_BACKUP_SICK)),
            Cause("15-sick", "the backup fails beside a node whose services are down",
                  (*_SICK, *_BACKUP_SICK)),
        ),
        fits=_CONNECTED,
        either="A critical service went down on the backup; both nodes failed. The display does not "
        "say which node was the backup: look at both.",
    ),
    Situation(
        "16", "Node 2 lost the heartbeat of node 1 and took its users over: the network is lost, or the "
        "recovery manager of node 1 does not run.",
        Display(None, Shown(_BACKUP, Reason.PEER_DOWN)),
        shown=(False, True),
        advice=(
            Advice(_REPAIR_LINK,
                   {**_CUT_OFF, "node1.state": _FAILED}, ("link_repair", "recover"),
                   only={"reconnection": "fail"}),
            *(Advice(_REPAIR_LINK,
                     {**_CUT_OFF, "node1.state": _FAILED}, ("link_repair", *_FALLBACK),
                     only={"reconnection": choice}) for choice in ("keep_serving", "able_serves")),
            Advice(_REPAIR_LINK,
                   {**_CUT_OFF, "node1.state": others(_FAILED)}, ("link_repair", *_FALLBACK)),
            *_bring_back(_START_MANAGER, process="manager_down"),
            *_bring_back(_START_MANAGER, process="manager_down", link="cut"),
            *_bring_back(_REPAIR_NODE, process="off"),
            *_bring_back(_REPAIR_NODE, process="off", link="cut"),
        ),
        causes=(
            Cause("16-manager", "the manager of node 1 stops",
                  ("manager_stop(node1)", "heartbeat_lost(node2)", "takeover_done(node2)")),
            Cause("16-link", "the network between the nodes is lost",
                  ("link_cut", "heartbeat_lost(node2)", "takeover_done(node2)")),
        ),
        fits=_BACKUP_ALONE_WELL,
    ),
    Situation(
        "17", "Node 1 is down (hardware, power, shutdown or reboot); its users moved to node 2 "
        "automatically.",
        Display(None, Shown(_BACKUP, Reason.PEER_REBOOT)),
        shown=(False, True),
        advice=(
            *_bring_back("Steps 1 and 2: repair node 1 and power it up; manual fallback once its critical "
                         "services run.", process="off"),
            *_bring_back("Step 2: node 1 is powered up: manual fallback once its critical services "
                         "run.", process="manager_down"),
        ),
        causes=(Cause("17", "the host of node 1 goes down",
                      ("power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)")),),
        fits={**_BACKUP_ALONE_WELL, "link": "up"},
    ),
    Situation(
        "18a", "Node 2 did not see node 1 during its own start; node 1 is back, without its "
        "critical services.",
        Display(Shown(_FO_CSNR, Reason.INITIALIZATION),
                Shown(_BACKUP, Reason.PEER_DOWN_DURING_INITIALIZATION)),
        advice=(Advice("Start the critical services of node 1; manual fallback once they run.",
                       {"node1.services": "down", "node1.database": "up"},
                       ("services_up(node1)", *_FALLBACK)),),
        causes=(Cause("18a", "node 2 starts alone, and node 1 comes back without services",
                      _ALONE_AT_START),),
        literal="Backup Mode", corrected="Running in Backup Mode",
        fits=_BACKUP_WELL,
    ),
    Situation(
        "18b", "Node 2 did not see node 1 during its own start; node 1 is back and healthy.",
        Display(Shown(State.FAILED_OVER, Reason.INITIALIZATION),
                Shown(_BACKUP, Reason.PEER_DOWN_DURING_INITIALIZATION)),
        advice=_FALL_BACK,
        causes=(Cause("18b", "node 2 starts alone, and node 1 comes back with its services",
                      (*_ALONE_AT_START, "services_up(node1)")),),
        literal="Backup Mode", corrected="Running in Backup Mode",
        fits=_BACKUP_WELL,
    ),
    Situation(
        "19", "Moving the users failed while a node was taking over.",
        Display(Shown(_FAILED, Reason.TAKE_OVER_USERS_FAILED),
                Shown(_FAILED, Reason.TAKE_OVER_USERS_FAILED)),
        advice=_ERROR_ADVICE,
        causes=(
            Cause("19-manual", "the user move of a manual failover fails",
                  (*_FAILING_OVER, "takeover_failed(node2)")),
            Cause("19-automatic", "the user move of an automatic failover fails",
                  ("services_down(node1)", "critical_service_delay(node1)",
                   "takeover_failed(node2)")),
        ),
        fits=_CONNECTED,
    ),
    Situation(
        "20", "Moving the users failed while they were falling back.",
        Display(Shown(_FAILED, Reason.TAKE_BACK_USERS_FAILED),
                Shown(_FAILED, Reason.TAKE_BACK_USERS_FAILED)),
        advice=_ERROR_ADVICE,
        causes=(Cause("20", "the user move of a fallback fails",
                      (*_TAKING_BACK, "takeback_failed(node1)")),),
        fits=_CONNECTED,
    ),
    Situation(
        "21", "The recovery manager of a node restarted while the other node was failed, or an "
        "internal error of the system occurred.",
        Display(Shown(_FAILED, Reason.UNKNOWN), Shown(_FAILED, Reason.UNKNOWN)),
        advice=_ERROR_ADVICE,
        causes=(
            Cause("21-restart", "a manager restarts beside a failed node",
                  (*_IDLE, *_BACKUP_SICK, *_restart("node1"), *_starts("node1"))),
            Cause("21-transition", "an internal error while taking over",
                  (*_FAILING_OVER, "internal_error(node2)")),
            Cause("21-backup", "an internal error while running in backup mode",
                  (*_IDLE, "internal_error(node2)")),
        ),
        fits=_CONNECTED,
    ),
    Situation(
        "22", "The database went down on node 2, the backup. Node 1 had failed over and was "
        "healthy: everyone is moving to it automatically.",
        Display(Shown(State.BACKUP_ACTIVATED, Reason.AUTO_RECOVER_DATABASE_FAILURE),
                Shown(State.FAILOVER_AFFECTED_SERVICES, Reason.AUTO_RECOVER_DATABASE_FAILURE)),
        causes=(Cause("22", "the database of the backup stays down",
                      (*_FAILED_OVER, "database_down(node2)", "critical_service_delay(node2)")),),
        literal="Auto Recovery Database Failure.", corrected="Auto Recover Database Failure",
        fits={**_CONNECTED, "node1.health": "healthy"},
    ),
    Situation(
        "23", "A critical service went down on node 2, the backup. Node 1 had failed over and was "
        "healthy: everyone is moving to it automatically.",
        Display(Shown(State.BACKUP_ACTIVATED, Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN),
                Shown(State.FAILOVER_AFFECTED_SERVICES, Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN)),
        causes=(Cause("23", "a critical service of the backup stays down",
                      (*_FAILED_OVER, *_BACKUP_SICK)),),
        literal="Auto Recover Database Failure", corrected="Auto Recover Critical Service Down",
        printed=Display(
            Shown(State.BACKUP_ACTIVATED, Reason.AUTO_RECOVER_DATABASE_FAILURE),
            Shown(State.FAILOVER_AFFECTED_SERVICES, Reason.AUTO_RECOVER_CRITICAL_SERVICE_DOWN)),
        fits={**_CONNECTED, "node1.health": "healthy"},
    ),
    Situation(
        "24", "The state of the nodes is not known; high availability may not have been enabled "
        "properly.",
        Display(Shown(State.UNKNOWN, Reason.NONE), Shown(State.UNKNOWN, Reason.NONE)),
        advice=(Advice("Restart the recovery manager on both nodes.",
                       events=(*_restart("node1"), *_restart("node2"))),),
        causes=(Cause("24", "high availability is enabled without its prerequisites",
                      ("enabled_improperly",), "initial"),),
        fits={"ha": "improper", "link": "up", "node1.process": "running",
              "node2.process": "running", "node1.health": "healthy", "node2.health": "healthy"},
    ),
)
