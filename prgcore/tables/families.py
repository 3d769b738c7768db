"""The document's holes: stable displays that can be reached and that no row of Table 2 lists.

Law: data only, without seats: a family holds whichever node is left. A display belongs to a row
of Table 2 or to exactly one family, under every policy. `decision` is the record that leads
there, `nearest` the documented row that helps most. Ids begin with H, for hole. A node that serves
users is assigned them, and serves them while its host, database and critical services run (D51).
"""

from __future__ import annotations

from itertools import combinations

from prgcore.model import Family, Half, Values
from prgcore.vocabulary import Reason, State

__all__ = ["FAMILIES"]

_ANY: Values = ()
_BLANK: Half = (("",), ("",))
_FO, _FO_CSNR = State.FAILED_OVER, State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING
_OVER = (_FO, _FO_CSNR)
_SETTLED = (State.IDLE, *_OVER)
_INIT = Reason.INITIALIZATION
_FAULTS = (Reason.CRITICAL_SERVICE_DOWN, Reason.DATABASE_FAILURE)
_LOST = (Reason.PEER_DOWN, Reason.PEER_REBOOT)
_AT_START = Reason.PEER_DOWN_DURING_INITIALIZATION
_FAILURES = (
    *_FAULTS,
    Reason.START_OF_CRITICAL_SERVICES_FAILED,
    Reason.TAKE_OVER_USERS_FAILED,
    Reason.TAKE_BACK_USERS_FAILED,
    Reason.UNKNOWN,
)

_NEVER_APART = {
    Reason.START_OF_CRITICAL_SERVICES_FAILED, Reason.TAKE_BACK_USERS_FAILED,
}
"""While one node takes its users back, its peer has nothing to start."""


def _half(states: str | Values, reasons: str | Values = _ANY) -> Half:
    return (
        (states,) if isinstance(states, str) else states,
        (reasons,) if isinstance(reasons, str) else reasons,
    )


def _backup(reasons: str | Values = _ANY) -> Half:
    return _half(State.RUNNING_IN_BACKUP_MODE, reasons)


def _failed(reasons: str | Values = _ANY) -> Half:
    return _half(State.RUNNING_IN_FAILED_MODE, reasons)


FAMILIES: tuple[Family, ...] = (
    # one node, or none, shows anything
    Family(
        "HN1", "No node shows anything: both are down, or neither recovery manager runs. "
        "A node whose host, database and critical services run serves those assigned to it.",
        ((_BLANK, _BLANK),), "D34", "17",
        "Power up both nodes and start both recovery managers; each reads its role in the record.",
    ),
    Family(
        "HN2", "One node is Normal and the other shows nothing: the heartbeat time-out has not "
        "passed yet.",
        ((_BLANK, _half(State.NORMAL)),), "D11", "16",
        "At the heartbeat time-out the Normal node takes over, if it is healthy. Bring the other "
        "node back meanwhile.",
    ),
    Family(
        "HN3", "High availability is not on, and one node shows nothing.",
        ((_BLANK, _half(State.UNKNOWN)),), "D11", "24",
        "Bring the other node back, and restart the recovery manager of the node that shows Unknown "
        "(row 24). If high availability is off, enable it then.",
    ),
    Family(
        "HN4", "A node that had failed over is left alone: the backup shows nothing.",
        ((_BLANK, _half(_SETTLED)),), "D14", "16",
        "A Failed Over node whose services run takes over by itself at the heartbeat time-out. "
        "Otherwise bring the backup back and repair what is down on this node; then manual fallback.",
    ),
    Family(
        "HN5", "A node did not see its peer during its own start and serves everyone; the peer "
        "has not come back.",
        ((_BLANK, _backup(_AT_START)),), "D06", "18a",
        "Bring the other node back and start its critical services; then manual fallback to it.",
    ),
    Family(
        "HN6", "A node whose users had moved to the backup went down, or was cut off, afterwards.",
        ((_BLANK, _backup((*_FAULTS, _INIT, Reason.ON_ADMIN_REQUEST))),), "D11", "16",
        "Bring the node back and start its critical services; then manual fallback to it.",
    ),
    Family(
        "HN7", "One node is failed, and serves nobody. The other shows nothing, and serves those "
        "assigned to it only while its host, database and critical services run.",
        ((_BLANK, _failed()),), "D36", "15",
        "Bring the other node back. When both are failed and hear each other, click Recovery.",
    ),
    # high availability is not on
    Family(
        "HU1", "High availability is off. Each node serves its own users, while its host, database and "
        "critical services run.",
        ((_half(State.UNKNOWN, Reason.HIGH_AVAILABILITY_NOT_ENABLED),) * 2,), "D02", "24",
        "Verify replication and the critical services, then enable high availability.",
    ),
    Family(
        "HU2", "High availability was not enabled properly, and one of the two recovery managers "
        "has been restarted since.",
        ((_half(State.UNKNOWN, _INIT), _half(State.UNKNOWN, Reason.NONE)),), "D03", "24",
        "Restart the recovery manager of the other node as well.",
    ),
    # a backup serves everyone, and the other node has failed over
    Family(
        "HF1", "A node came back after it was down or not heard; its peer serves everyone.",
        ((_half(_OVER, _INIT), _backup(_LOST)),), "D39", "18b",
        "Start its critical services, or repair its database, if they do not run. Wait until both nodes "
        "hear each other; then manual fallback to it.",
    ),
    Family(
        "HF2", "A node came back after it was down or not heard, and has had a fault since.",
        ((_half(_OVER, _FAULTS), _backup((*_LOST, _AT_START))),), "D40", "12",
        "Start its critical services, repair its database, or reboot it; then manual fallback to it.",
    ),
    Family(
        "HF3", "The recovery manager of the backup was restarted after an automatic failover.",
        ((_half(_OVER, (*_FAULTS, _INIT)), _backup(_INIT)),), "D41", "7",
        "Start the critical services of the failed-over node, or repair its database; then manual "
        "fallback to it.",
    ),
    Family(
        "HF4", "A node that failed over has been repaired or rebooted since.",
        (
            (_half(_FO, (Reason.DATABASE_FAILURE, _INIT)), _backup(Reason.DATABASE_FAILURE)),
            (_half(_FO_CSNR, _INIT), _backup(_FAULTS)),
        ), "D41", "11a",
        "Start its critical services, or repair its database, if they do not run; then manual fallback "
        "to it.",
    ),
    Family(
        "HF5", "A node that failed over has had a fault of the other kind since.",
        (
            (_half(_OVER, Reason.CRITICAL_SERVICE_DOWN), _backup(Reason.DATABASE_FAILURE)),
            (_half(_OVER, Reason.DATABASE_FAILURE), _backup(Reason.CRITICAL_SERVICE_DOWN)),
        ), "D40", "13",
        "Repair what its own reason names, or reboot it; then manual fallback to it.",
    ),
    Family(
        "HF6", "A running node was taken over while its peer could not hear it.",
        ((_half(_SETTLED, Reason.PEER_DOWN), _backup()),), "D32", "16",
        "Repair the network between the nodes. Start the critical services, or repair the database, if "
        "they do not run. Wait until both nodes hear each other; then manual fallback.",
    ),
    Family(
        "HI1", "A node came back with its critical services still stopped by a manual failover; its "
        "peer serves everyone.",
        ((_half(State.IDLE, (Reason.ON_ADMIN_REQUEST, _INIT)), _backup((*_LOST, _AT_START))),),
        "D39", "6",
        "Wait until both nodes hear each other; then manual fallback to the Idle node: it starts the "
        "critical services.",
    ),
    # failed, alone or for different reasons
    Family(
        "HE1", "The node that served everyone, or was about to, failed and could not inform the "
        "node that had failed over.",
        ((_half(_SETTLED), _failed()),), "D17", "15",
        "Repair the network and both nodes. When both are failed, click Recovery. A Failed Over node "
        "may take over first: then manual fallback.",
    ),
    Family(
        "HE2", "A sick node lost its peer and failed alone; the peer has not noticed yet.",
        ((_half(State.NORMAL), _failed()),), "D06", "16",
        "Repair the network. If both fail on reconnection, click Recovery; otherwise manual fallback to "
        "the node that lets go.",
    ),
    Family(
        "HE3", "A node failed alone, and its peer serves everyone.",
        ((_backup(), _failed()),), "D06", "16",
        "Repair the network and the failed node. If both fail on reconnection, click Recovery; otherwise "
        "manual fallback to the node that lets go.",
    ),
    Family(
        "HE4", "The database is down on the backup and the peer cannot help, or on both nodes.",
        ((_failed(Reason.DATABASE_FAILURE),) * 2,), "D17", "15",
        "Repair the databases, or reboot the nodes one after the other; then click Recovery.",
    ),
    Family(
        "HE5", "The nodes failed apart, each for a reason of its own.",
        tuple((_failed(one), _failed(other)) for one, other in combinations(_FAILURES, 2)
              if {one, other} != _NEVER_APART),
        "D36", "21",
        "Repair what the reasons name. When the nodes hear each other, click Recovery.",
    ),
)
