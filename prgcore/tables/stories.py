"""Stories: documented or decided behaviour that no row of Table 2 shows.

Law: data only. A step is one line: an event that is accepted; `refused`, `ignored` or
`impossible` and an event; `expect COLUMN = VALUE`; `expect node1 STATE / REASON`. The causes of
Table 2's own rows are in `situations`; both begin at a pair of STARTS.
"""

from __future__ import annotations

from prgcore.model import Story, Values

__all__ = ["STARTS", "STORIES"]

STARTS: dict[str, Values] = {
    "initial": (),
    "normal": (
        "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)", "initialized(node2)",
    ),
}
"""From the machine's initial pair: high availability off, and a healthy Normal pair."""


def _restart(node: str) -> Values:
    return (f"manager_stop({node})", f"manager_start({node})")


def _reboot(node: str) -> Values:
    return (f"power_off({node})", f"power_on({node})", f"manager_start({node})")


def _starts(node: str) -> Values:
    return (f"heartbeat_heard({node})", f"initialized({node})")


def _expect(state1: str, state2: str) -> Values:
    return (f"expect node1 {state1}", f"expect node2 {state2}")


_IDLE = ("failover(node1)", "takeover_done(node2)", "taken_over(node1)")
_MOVED = ("critical_service_delay(node1)", "takeover_done(node2)", "taken_over(node1)")
_SICK = ("services_down(node1)", *_MOVED)
_FAILED_OVER = (*_SICK, "services_up(node1)")
_BACKUP_SICK = ("services_down(node2)", "critical_service_delay(node2)")
_HOME = ("fallback(node1)", "takeback_done(node1)")
_NORMAL = _expect("Normal / Normal", "Normal / Normal")
_USERS_HOME = (
    "expect node1.assigned_own = yes", "expect node1.assigned_peer = no",
    "expect node2.assigned_own = yes", "expect node2.assigned_peer = no",
)
_DISABLED = (
    *_expect("Unknown / High Availability Not Enabled", "Unknown / High Availability Not Enabled"),
    *_USERS_HOME,
)
_RECOVERED = (
    "recover", "heartbeat_heard(node1)", "heartbeat_heard(node2)", "initialized(node1)",
    "initialized(node2)", *_NORMAL, *_USERS_HOME,
)
_CUT = ("link_cut", "heartbeat_lost(node2)", "takeover_done(node2)")

_SETTINGS = (
    Story("A1", "automatic fallback is off: nothing comes back by itself", (
        *_FAILED_OVER, "expect auto_fallback = off", "impossible auto_fallback_due(node1)",
        "refused disable_auto_fallback",
    )),
    Story("A2", "automatic fallback is switched on after the failover", (
        *_FAILED_OVER, "enable_auto_fallback", "refused enable_auto_fallback",
        "auto_fallback_due(node1)",
        *_expect("Taking Back / Automatic Fallback", "Falling Back / Automatic Fallback"),
        "takeback_done(node1)", *_NORMAL,
    )),
    Story("A3", "automatic fallback is switched off again in time", (
        "enable_auto_fallback", *_FAILED_OVER, "disable_auto_fallback",
        "impossible auto_fallback_due(node1)",
        *_expect("Failed Over / Critical Service Down",
                 "Running in Backup Mode / Critical Service Down"),
    )),
    Story("A4", "automatic fallback never ends a manual failover (D24)", (
        "enable_auto_fallback", *_IDLE, "impossible auto_fallback_due(node1)", *_HOME, *_NORMAL,
    )),
    Story("A5", "the settings are accepted while high availability is off", (
        "enable_auto_fallback", "disable_auto_fallback", "refused disable_ha",
        "refused failover(node1)", "refused fallback(node1)", "refused recover",
        "enable_ha", "refused enable_ha",
    ), "initial"),
    Story("A6", "high availability is enabled, services run on both nodes", (
        "enable_ha", *_starts("node1"), "expect node1.state = normal", *_starts("node2"),
        *_NORMAL,
    ), "initial"),
    Story("A7", "high availability is enabled, services are down on one node (D04)", (
        "services_down(node1)", "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node2)", "initialized(node1)",
        *_expect("Failing Over / Critical Service Down", "Taking Over / Critical Service Down"),
        "takeover_done(node2)", "taken_over(node1)",
        "expect node1.state = failed_over_with_critical_services_not_running",
        "expect node2.state = running_in_backup_mode",
    ), "initial"),
    Story("A8", "high availability is enabled, services are down on both nodes (D04)", (
        "services_down(node1)", "services_down(node2)", "enable_ha", "heartbeat_heard(node1)",
        "heartbeat_heard(node2)", "initialized(node1)",
        *_expect("Running in Failed Mode / Critical Service Down",
                 "Running in Failed Mode / Critical Service Down"),
    ), "initial"),
    Story("A9", "one restart does not cure an improper start, two do (row 24, D03)", (
        "enabled_improperly", *_restart("node1"),
        *_expect("Unknown / Initialization", "Unknown"), *_restart("node2"),
        *_expect("Initializing / Initialization", "Initializing / Initialization"),
        *_starts("node1"), *_starts("node2"), *_NORMAL,
    ), "initial"),
    Story("A10", "high availability is disabled in a Normal pair", ("disable_ha", *_DISABLED)),
    Story("A11", "disabled during a manual failover: users home, held services start (D02)", (
        "failover(node1)", "expect node1.services = stopped", "disable_ha",
        "expect node1.services = up", *_DISABLED,
    )),
    Story("A12", "disabled after a manual failover: users home, held services start (D02)", (
        *_IDLE, "expect node1.services = stopped", "disable_ha", "expect node1.services = up",
        *_DISABLED,
    )),
    Story("A13", "disabled during a fallback", (*_IDLE, "fallback(node1)", "disable_ha",
                                                 "expect node1.services = up", *_DISABLED)),
    Story("A14", "disabled after an automatic failover: what is down stays down", (
        *_SICK, "disable_ha", "expect node1.services = down", *_DISABLED,
    )),
    Story("A15", "disabled during an automatic recovery", (
        *_FAILED_OVER, *_BACKUP_SICK, "disable_ha", *_DISABLED,
    )),
    Story("A16", "disabled in a failed pair: an alternative to Recover", (
        *_IDLE, *_BACKUP_SICK, "disable_ha", *_DISABLED, "services_up(node2)", "enable_ha",
        *_starts("node1"), *_starts("node2"), *_NORMAL,
    )),
    Story("A17", "enabling again does not cure an improper start (row 24, D03)", (
        "enabled_improperly", "refused enable_ha", "expect node1.state = unknown",
    ), "initial"),
    Story("A18", "high availability is enabled, a database is down on one node (D04)", (
        "database_down(node1)", "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node2)", "initialized(node1)",
        *_expect("Failing Over / Database Failure", "Taking Over / Database Failure"),
    ), "initial"),
)

_MANUAL = (
    Story("M1", "manual failover and fallback, there and back", (
        *_IDLE, *_expect("Idle / On Admin Request", "Running in Backup Mode / On Admin Request"),
        "expect node1.services = stopped", *_HOME, *_NORMAL, "expect node1.services = up",
    )),
    Story("M2", "failover is refused while the peer is sick or not heard", (
        "services_down(node2)", "refused failover(node1)", "services_up(node2)",
        "manager_stop(node2)", "expect node1.hears_peer = yes", "link_cut",
        "manager_start(node2)", "refused failover(node1)",
    )),
    Story("M3", "failover is refused twice, and so is any other command in a transition", (
        "failover(node1)", "refused failover(node1)", "refused failover(node2)",
        "refused fallback(node1)", "refused recover",
    )),
    Story("M4", "fallback is refused until the critical services run (rows 12 and 11b)", (
        *_SICK, "refused fallback(node1)", "services_up(node1)", *_HOME, *_NORMAL,
    )),
    Story("M5", "fallback is refused while the backup is not heard", (
        *_IDLE, "link_cut", "heartbeat_lost(node1)", "refused fallback(node1)", "link_repair",
        "heartbeat_heard(node1)", *_HOME, *_NORMAL,
    )),
    Story("M11", "fallback is refused while the backup does not hear the node (D62)", (
        *_IDLE, "link_cut", "heartbeat_lost(node2)", "link_repair",
        "expect node1.hears_peer = yes", "expect node2.hears_peer = no",
        "refused fallback(node1)", "heartbeat_heard(node2)", *_HOME, *_NORMAL,
    )),
    Story("M6", "fallback to an Idle node is refused while its database is down", (
        *_IDLE, "database_down(node1)", "expect node1.state = idle", "refused fallback(node1)",
        "database_up(node1)", *_HOME, *_NORMAL,
    )),
    Story("M7", "recover is refused unless both nodes are failed and hear each other (D20)", (
        "refused recover", *_SICK, "refused recover", *_BACKUP_SICK,
        *_expect("Running in Failed Mode / Critical Service Down",
                 "Running in Failed Mode / Critical Service Down"),
        *_restart("node2"), "refused recover", *_starts("node2"),
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
        "services_up(node1)", "services_up(node2)", *_RECOVERED,
    )),
    Story("M8", "recover is refused while a failed node is not heard", (
        *_IDLE, *_BACKUP_SICK, "link_cut", "heartbeat_lost(node1)", "refused recover",
        "link_repair", "heartbeat_heard(node1)", "services_up(node2)", *_RECOVERED,
    )),
    Story("M9", "Recover starts held services, not broken ones (D21)", (
        *_IDLE, *_BACKUP_SICK, "recover", "expect node1.services = up",
        "expect node2.services = down", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)", "initialized(node2)",
        *_expect("Taking Over / Critical Service Down", "Failing Over / Critical Service Down"),
    )),
    Story("M10", "critical services that do not start are down, and both nodes fail (row 14)", (
        *_IDLE, "fallback(node1)", "start_failed(node1)", "expect node1.services = down",
        *_expect("Running in Failed Mode / Start of Critical Services Failed",
                 "Running in Failed Mode / Start of Critical Services Failed"),
    )),
)

_RETURN = (
    Story("R1", "a node whose manager was down comes back and falls back (row 16)", (
        "manager_stop(node1)", "heartbeat_lost(node2)", "takeover_done(node2)",
        "manager_start(node1)", *_starts("node1"),
        *_expect("Failed Over / Initialization", "Running in Backup Mode / Peer Down"),
        "refused fallback(node1)", "heartbeat_heard(node2)", *_HOME, *_NORMAL,
    )),
    Story("R2", "a node whose host was down comes back and falls back (row 17)", (
        "power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)", "power_on(node1)",
        "manager_start(node1)", *_starts("node1"),
        *_expect("Failed Over with Critical Services Not Running / Initialization",
                 "Running in Backup Mode / Peer Reboot"),
        "refused fallback(node1)", "services_up(node1)",
        *_expect("Failed Over / Initialization", "Running in Backup Mode / Peer Reboot"),
        "heartbeat_heard(node2)", *_HOME, *_NORMAL,
    )),
    Story("R3", "a node that was cut off lets go, reconnects and falls back (row 16)", (
        *_CUT, "taken_over(node1)",
        *_expect("Failed Over / Peer Down", "Running in Backup Mode / Peer Down"),
        "refused fallback(node1)", "link_repair", "heartbeat_heard(node1)",
        "refused fallback(node1)", "heartbeat_heard(node2)", *_HOME, *_NORMAL,
    )),
    Story("R4", "the end of row 9: after the restart both nodes become Normal", (
        *_IDLE, "fallback(node1)", *_restart("node1"), *_starts("node1"),
        *_expect("Taking Back / Initialization", "Falling Back / On Admin Request"),
        "takeback_done(node1)", *_NORMAL,
    )),
    Story("R5", "the end of row 23 is row 12 in the other seat (D09)", (
        *_FAILED_OVER, *_BACKUP_SICK, "autorecovery_done(node1)", "taken_over(node2)",
        "expect node1 Running in Backup Mode / Critical Service Down",
        "expect node2 Failed Over with Critical Services Not Running / Critical Service Down",
        "services_up(node2)", "fallback(node2)", "takeback_done(node2)", *_NORMAL,
    )),
    Story("R6", "the end of row 22 is row 13 in the other seat (D09)", (
        *_FAILED_OVER, "database_down(node2)", "critical_service_delay(node2)",
        "autorecovery_done(node1)", "taken_over(node2)",
        "expect node1 Running in Backup Mode / Database Failure",
        "expect node2 Failed Over with Critical Services Not Running / Database Failure",
    )),
    Story("R7", "automatic recovery needs no parameter (D23)", (
        *_FAILED_OVER, "expect auto_fallback = off", *_BACKUP_SICK,
        "expect node1.state = backup_activated",
        "expect node2.state = failover_affected_services",
    )),
    Story("R8", "both nodes go down and come back together: the users are at home", (
        "power_off(node1)", "power_off(node2)", "power_on(node1)", "power_on(node2)",
        "services_up(node1)", "services_up(node2)", "manager_start(node1)",
        "manager_start(node2)", *_starts("node1"), *_starts("node2"), *_NORMAL,
    )),
    Story("R9", "both nodes go down; the first one back serves everyone (row 18)", (
        "power_off(node1)", "power_off(node2)", "power_on(node2)", "services_up(node2)",
        "manager_start(node2)", "peer_host_lost(node2)", "takeover_done(node2)",
        "expect node2 Running in Backup Mode / Peer Down During Initialization",
        "power_on(node1)", "services_up(node1)", "manager_start(node1)", *_starts("node1"),
        "heartbeat_heard(node2)", *_HOME, *_NORMAL,
    )),
    Story("R12", "both nodes are sick: the fault of the first is the reason of both (D17)", (
        "services_down(node1)", "database_down(node2)", "critical_service_delay(node1)",
        *_expect("Running in Failed Mode / Critical Service Down",
                 "Running in Failed Mode / Critical Service Down"),
    )),
    Story("R13", "both nodes are sick: a database failure is the reason of both (D17)", (
        "database_down(node1)", "services_down(node2)", "critical_service_delay(node1)",
        *_expect("Running in Failed Mode / Database Failure",
                 "Running in Failed Mode / Database Failure"),
    )),
    Story("R14", "the backup comes back sick: its fault is the reason of both (D17)", (
        *_IDLE, "services_down(node2)", *_restart("node2"), *_starts("node2"),
        *_expect("Running in Failed Mode / Critical Service Down",
                 "Running in Failed Mode / Critical Service Down"),
    )),
    Story("R15", "the backup comes back without its database (D17)", (
        *_IDLE, "database_down(node2)", *_restart("node2"), *_starts("node2"),
        *_expect("Running in Failed Mode / Database Failure",
                 "Running in Failed Mode / Database Failure"),
    )),
    Story("R16", "the peer's host goes down while a node starts: it no longer hears it", (
        *_restart("node2"), "heartbeat_heard(node2)", "power_off(node1)",
        "peer_host_lost(node2)", "expect node2.hears_peer = no",
        "expect node2 Taking Over / Peer Down During Initialization",
    )),
    Story("R17", "an automatic recovery that fails leaves both nodes failed (D09)", (
        *_FAILED_OVER, *_BACKUP_SICK, "autorecovery_failed(node1)",
        *_expect(
            "Running in Failed Mode / Take Back Users Failed",
            "Running in Failed Mode / Take Back Users Failed",
        ),
    )),
    Story("R18", "a node without its database loses its peer and fails (D06)", (
        "database_down(node1)", "link_cut", "heartbeat_lost(node1)",
        "expect node1 Running in Failed Mode / Database Failure",
        "expect node1.hears_peer = no",
    )),
    Story("R19", "a node without its database loses the peer's host and fails (D06)", (
        "database_down(node1)", "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Running in Failed Mode / Database Failure",
        "expect node1.hears_peer = no",
    )),
    Story("R20", "a node without its services loses the peer's host and fails (D06)", (
        "services_down(node1)", "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Running in Failed Mode / Critical Service Down",
    )),
    Story("R21", "failed over on request, its database dies, and the backup's host goes down", (
        "failover(node1)", "database_down(node1)", "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Running in Failed Mode / Database Failure",
    )),
    Story("R22", "failed over on request, its database dies, and the backup stops in its start", (
        "failover(node1)", "database_down(node1)", *_restart("node2"), "manager_stop(node2)",
        "heartbeat_lost(node1)", "expect node1 Running in Failed Mode / Database Failure",
    )),
    Story("R10", "a fault shorter than the critical service delay changes nothing", (
        "services_down(node1)", "services_up(node1)", "impossible critical_service_delay(node1)",
        *_NORMAL,
    )),
    Story("R11", "a network fault shorter than the keep-alive time-out changes nothing", (
        "link_cut", "link_repair", "impossible heartbeat_lost(node1)",
        "impossible heartbeat_lost(node2)", *_NORMAL,
    )),
)

_FAIL = {"reconnection": "fail"}
_KEEP = {"reconnection": "keep_serving"}
_ABLE = {"reconnection": "able_serves"}
_SICK_AND_CUT_OFF = (
    "services_down(node1)", "link_cut", "heartbeat_lost(node1)",
    "expect node1 Running in Failed Mode / Critical Service Down", "heartbeat_lost(node2)",
    "takeover_done(node2)", "expect node2 Running in Backup Mode / Peer Down",
    "services_up(node1)", "link_repair",
)

_HARD = (
    Story("H1", "a cut with two healthy nodes: the record lets one take over, never both (D07)", (
        "link_cut", "heartbeat_lost(node1)",
        *_expect("Taking Over / Peer Down", "Failing Over / Peer Down"),
        "heartbeat_lost(node2)", "ignored heartbeat_lost(node2)", "takeover_done(node1)",
        "taken_over(node2)",
        *_expect("Running in Backup Mode / Peer Down", "Failed Over / Peer Down"),
        "ignored heartbeat_lost(node2)", "expect node2.state = failed_over",
    )),
    Story("H2", "no endless chain: a failed node is not pulled back into a take-over", (
        "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)", "takeover_failed(node1)",
        "expect node1 Running in Failed Mode / Take Over Users Failed", "heartbeat_lost(node2)",
        "takeover_failed(node2)", "impossible heartbeat_lost(node1)",
        *_expect("Running in Failed Mode / Take Over Users Failed",
                 "Running in Failed Mode / Take Over Users Failed"),
    )),
    Story("H3", "no endless chain: no automatic fallback on a stale belief (D15)", (
        "enable_auto_fallback", *_CUT, "expect node1.hears_peer = yes", "taken_over(node1)",
        "expect node1 Failed Over / Peer Down", "expect node1.hears_peer = no",
        "impossible auto_fallback_due(node1)", "link_repair", "heartbeat_heard(node1)",
        "ignored auto_fallback_due(node1)", "expect node1.state = failed_over",
        "heartbeat_heard(node2)", "auto_fallback_due(node1)", "takeback_done(node1)", *_NORMAL,
    )),
    Story("H4", "a stale belief: a failover is accepted towards a peer that is already dead", (
        "manager_stop(node2)", "expect node1.hears_peer = yes", "failover(node1)",
        *_expect("Failing Over / On Admin Request", "Taking Over / On Admin Request"),
        "heartbeat_lost(node1)", "expect node1.hears_peer = no", "ignored heartbeat_lost(node1)",
        "manager_start(node2)", *_starts("node2"), "takeover_done(node2)", "taken_over(node1)",
        *_expect("Idle / On Admin Request", "Running in Backup Mode / Initialization"),
    )),
    Story("H5", "a host that dies while it takes over gives its grant back", (
        "failover(node1)", "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Taking Over / Peer Reboot", "takeover_done(node1)",
        "expect node1 Running in Backup Mode / Peer Reboot", "expect node1.services = up",
    )),
    Story("H6", "both managers restart in the middle of a failover: no role is left (D05)", (
        "failover(node1)", "manager_stop(node1)", "manager_stop(node2)", "manager_start(node1)",
        "manager_start(node2)", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)",
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
        *_RECOVERED,
    )),
    Story("H7", "both managers restart in the middle of a fallback: no role is left (D05)", (
        *_IDLE, "fallback(node1)", "manager_stop(node1)", "manager_stop(node2)",
        "manager_start(node1)", "manager_start(node2)", "heartbeat_heard(node1)",
        "heartbeat_heard(node2)", "initialized(node2)",
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
        *_RECOVERED,
    )),
    Story("H8", "no lost group: fallback, restart of the backup, and everyone is home (D10)", (
        *_IDLE, "fallback(node1)", "link_cut", *_restart("node2"), "takeback_done(node1)",
        "expect node1.state = normal", "expect node2.state = initializing", *_USERS_HOME,
        "link_repair", "heartbeat_heard(node2)", "initialized(node2)", *_NORMAL, *_USERS_HOME,
    )),
    Story("H9", "no lost group: fallback, cut, a take-over that fails, and reconnection (D10)", (
        *_IDLE, "fallback(node1)", "link_cut", "heartbeat_lost(node2)",
        "expect node2 Taking Over / Peer Down", "takeover_failed(node2)",
        "expect node2.state = running_in_failed_mode", "expect node1.state = failing_over",
        "heartbeat_lost(node1)", "expect node1 Taking Over / Peer Down", "takeover_done(node1)",
        "link_repair", "heartbeat_heard(node1)",
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
        "heartbeat_heard(node2)", *_RECOVERED,
    ), only=_FAIL),
    Story("H17", "no lost group: the backup fails alone in a fallback and restarts (D10)", (
        *_IDLE, "fallback(node1)", "services_down(node2)", "link_cut", "heartbeat_lost(node2)",
        "expect node2 Running in Failed Mode / Critical Service Down",
        "expect node2.assigned_own = no", *_restart("node2"), "takeback_done(node1)",
        "expect node2.state = initializing", *_USERS_HOME, "services_up(node2)", "link_repair",
        "heartbeat_heard(node2)", "initialized(node2)", *_NORMAL,
    )),
    Story("H10", "a node that is sick and alone fails; on reconnection both do (D06, D13)", (
        *_SICK_AND_CUT_OFF, "heartbeat_heard(node2)", "expect node2.hears_peer = yes",
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
    ), only=_FAIL),
    Story("H16", "the failed node is the first to hear the other again (D13)", (
        *_SICK_AND_CUT_OFF, "heartbeat_heard(node1)", "expect node1.hears_peer = yes",
        *_expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown"),
    ), only=_FAIL),
    Story("H11", "an Idle node that loses its backup waits (D14)", (
        *_IDLE, "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Idle / On Admin Request", "expect node1.services = stopped",
        "refused fallback(node1)",
    ), only={"idle_on_peer_loss": "wait"}),
    Story("H12", "a Failed Over node that loses its backup serves everyone (D06)", (
        *_FAILED_OVER, "power_off(node2)", "peer_host_lost(node1)",
        "expect node1.hears_peer = no", "takeover_done(node1)",
        "expect node1 Running in Backup Mode / Peer Reboot",
        "expect node1.assigned_peer = yes", "expect node2.assigned_own = no",
    )),
    Story("H13", "the backup fails alone beside a Failed Over node that it cannot reach", (
        *_FAILED_OVER, "link_cut", "heartbeat_lost(node2)", *_BACKUP_SICK,
        "expect node2 Running in Failed Mode / Critical Service Down",
        "expect node1 Failed Over / Critical Service Down", "heartbeat_lost(node1)",
        "takeover_done(node1)", "expect node1 Running in Backup Mode / Peer Down",
    )),
    Story("H14", "reconnected to a failed node, the backup keeps serving (D13)", (
        *_SICK_AND_CUT_OFF, "heartbeat_heard(node2)",
        *_expect("Failing Over / Peer Down", "Running in Backup Mode / Peer Down"),
        "heartbeat_heard(node1)", "taken_over(node1)", "heartbeat_heard(node1)", *_HOME, *_NORMAL,
    ), only=_KEEP),
    Story("H15", "an Idle node that loses its backup starts its services and serves (D14)", (
        *_IDLE, "power_off(node2)", "peer_host_lost(node1)",
        "expect node1 Taking Over / Peer Reboot", "takeover_done(node1)",
        "expect node1 Running in Backup Mode / Peer Reboot", "expect node1.services = up",
    ), only={"idle_on_peer_loss": "take_over"}),
    Story("H22", "a node that takes its users back takes over if it loses the backup (D06)", (
        *_IDLE, "fallback(node1)", "manager_stop(node2)", "heartbeat_lost(node1)",
        *_expect("Taking Over / Peer Down", "nothing"),
    )),
    Story("H23", "a node with a dead service waits if it loses the backup (D14)", (
        *_SICK, "manager_stop(node2)", "heartbeat_lost(node1)",
        "expect node1.state = failed_over_with_critical_services_not_running",
    )),
    Story("H24", "a node to which everyone is moving waits if it loses its peer (D09)", (
        *_FAILED_OVER, *_BACKUP_SICK, "expect node1.state = backup_activated",
        "manager_stop(node2)", "heartbeat_lost(node1)", "expect node1.state = backup_activated",
    )),
    Story("H21", "a failed node that hears a peer that starts leaves it to that start", (
        "manager_stop(node2)", "enable_ha", "heartbeat_lost(node1)", "manager_start(node2)",
        "internal_error(node1)", "heartbeat_heard(node1)", "expect node1.hears_peer = yes",
        *_expect("Running in Failed Mode / Unknown", "Initializing / Initialization"),
    ), "initial"),
)

_SICK_FOR_A_MOMENT_ALONE = (
    "services_down(node1)", "link_cut", "heartbeat_lost(node1)",
    *_expect("Running in Failed Mode / Critical Service Down", "Normal / Normal"), "link_repair",
    "heartbeat_heard(node1)",
)
_RECOVERY_CUT_OFF = (
    *_BACKUP_SICK, "link_cut", "heartbeat_lost(node2)", "internal_error(node2)",
    "expect node1.state = backup_activated", "expect node2.state = running_in_failed_mode",
    "link_repair",
)
_IDLE_BACKUP_FAILED = (
    *_IDLE, "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)", *_BACKUP_SICK,
    *_expect("Idle / On Admin Request", "Running in Failed Mode / Critical Service Down"),
    "link_repair",
)
_FAILED_BOTH = _expect("Running in Failed Mode / Unknown", "Running in Failed Mode / Unknown")
_LETS_GO_1 = _expect("Failing Over / Peer Down", "Taking Over / Peer Down")
_LETS_GO_2 = _expect("Taking Over / Peer Down", "Failing Over / Peer Down")

_RECONNECTED = (
    Story("N1", "a repaired link takes a healthy node down, beside a sick one (D13)", (
        *_SICK_FOR_A_MOMENT_ALONE, *_FAILED_BOTH, "expect node2.services = up",
        "expect node2.assigned_own = no", "services_up(node1)", *_RECOVERED,
    ), only=_FAIL),
    Story("N2", "the same with able_serves: the healthy node serves everyone (D13)", (
        *_SICK_FOR_A_MOMENT_ALONE, *_LETS_GO_1, "expect node2.assigned_own = no",
        "takeover_done(node2)", "taken_over(node1)",
        "expect node1.state = failed_over_with_critical_services_not_running",
        "expect node2.state = running_in_backup_mode", "services_up(node1)",
        "heartbeat_heard(node1)", *_HOME, *_NORMAL,
    ), only=_ABLE),
    Story("N3", "a Failed Over node hears its failed backup again, and serves everyone (D13)", (
        *_FAILED_OVER, "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)",
        *_BACKUP_SICK, "expect node2.state = running_in_failed_mode", "link_repair",
        "heartbeat_heard(node1)", *_LETS_GO_2, "takeover_done(node1)", "taken_over(node2)",
        "expect node1 Running in Backup Mode / Peer Down",
        "expect node2.state = failed_over_with_critical_services_not_running",
    ), only=_ABLE),
    Story("N4", "reconnected to a failed node, a sick node fails as well (D13)", (
        "services_down(node1)", "critical_service_delay(node1)", "link_cut",
        "heartbeat_lost(node1)", "heartbeat_lost(node2)", "takeover_failed(node2)",
        "expect node1.state = failing_over", "link_repair", "heartbeat_heard(node1)",
        *_FAILED_BOTH, "expect node1.hears_peer = yes",
    ), only=_ABLE),
    Story("N5", "a failed node hears a sick one first: its take-over fails, and both do (D13)", (
        "services_down(node1)", "link_cut", "heartbeat_lost(node1)", "services_down(node2)",
        "link_repair", "heartbeat_heard(node1)", *_LETS_GO_1, "takeover_failed(node2)",
        *_expect("Running in Failed Mode / Take Over Users Failed",
                 "Running in Failed Mode / Take Over Users Failed"),
    ), only=_ABLE),
    Story("N6", "the node that takes over hears a failed node again, and goes on (D13)", (
        "services_down(node1)", "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)",
        "expect node2.state = taking_over", "link_repair", "heartbeat_heard(node2)",
        *_LETS_GO_1, "takeover_done(node2)",
    ), only=_ABLE),
    Story("N7", "an automatic recovery becomes a take-over when the failed node is heard (D13)", (
        *_FAILED_OVER, *_RECOVERY_CUT_OFF, "heartbeat_heard(node2)", *_LETS_GO_2,
        "expect node2.hears_peer = yes", "takeover_done(node1)", "taken_over(node2)", "expect node1 Running in Backup Mode / Peer Down",
    ), only=_ABLE),
    Story("N8", "an Idle node may not serve: beside its failed backup it fails (D13, D14)", (
        *_IDLE_BACKUP_FAILED, "heartbeat_heard(node1)", *_FAILED_BOTH,
        "expect node1.hears_peer = yes", "expect node1.services = stopped",
    ), only={**_ABLE, "idle_on_peer_loss": "wait"}),
    Story("N9", "an Idle node that may serve takes over from its failed backup (D13, D14)", (
        *_IDLE_BACKUP_FAILED, "heartbeat_heard(node1)", *_LETS_GO_2, "takeover_done(node1)",
        "expect node1 Running in Backup Mode / Peer Down", "expect node1.services = up",
    ), only={**_ABLE, "idle_on_peer_loss": "take_over"}),
    Story("N10", "reconnected to a failed node, the backup keeps serving (D13)", (
        *_SICK_AND_CUT_OFF, "heartbeat_heard(node2)",
        *_expect("Failing Over / Peer Down", "Running in Backup Mode / Peer Down"),
        "heartbeat_heard(node1)", "taken_over(node1)", "heartbeat_heard(node1)", *_HOME, *_NORMAL,
    ), only=_ABLE),
    Story("N11", "an automatic recovery hears the failed node first, and takes over (D13)", (
        *_FAILED_OVER, "link_cut", "heartbeat_lost(node1)", "link_repair",
        "expect node2.hears_peer = yes", *_RECOVERY_CUT_OFF, "heartbeat_heard(node1)", *_LETS_GO_2, "takeover_done(node1)",
    ), only=_ABLE),
    Story("N12", "a failed backup hears an Idle node that may not serve: both fail (D13, D14)", (
        *_IDLE_BACKUP_FAILED, "heartbeat_heard(node2)", *_FAILED_BOTH,
        "expect node2.hears_peer = yes",
    ), only={**_ABLE, "idle_on_peer_loss": "wait"}),
    Story("N13", "a failed node hears a Normal one again: both fail (D13)", (
        *_SICK_FOR_A_MOMENT_ALONE, *_FAILED_BOTH, "expect node1.hears_peer = yes",
    ), only=_KEEP),
    Story("N14", "a node that takes over hears the failed one again: both fail (D13)", (
        "services_down(node1)", "link_cut", "heartbeat_lost(node1)", "heartbeat_lost(node2)",
        "expect node2.state = taking_over", "link_repair", "heartbeat_heard(node2)",
        *_FAILED_BOTH, "expect node2.hears_peer = yes",
    ), only=_KEEP),
    Story("N15", "a failed node hears the backup first, and lets go (D13)", (
        *_SICK_AND_CUT_OFF, "heartbeat_heard(node1)",
        *_expect("Failing Over / Peer Down", "Running in Backup Mode / Peer Down"),
        "expect node1.hears_peer = yes",
    ), only=_KEEP),
)

STORIES: tuple[Story, ...] = (*_SETTINGS, *_MANUAL, *_RETURN, *_HARD, *_RECONNECTED)
