"""The duties: which step asks for which action, and in which order.

Law: written from `me`, the node whose step it is; the peer may have decided it. F9 proves that
every rule asks for exactly what its steps need. `harmless` describes where a rule may also ask for
an action that only some of its steps need: actions are idempotent (`prgcore.tables.actions`).
"""

from __future__ import annotations

from prgcore.model import Duty
from prgcore.tables.states import HOLDERS, SETTLED, others
from prgcore.vocabulary import Reason, State

__all__ = ["DUTIES"]

_ARRIVES = (State.TAKING_OVER, State.TAKING_BACK, State.BACKUP_ACTIVATED)
"""Users are moving to the node."""

_AT_REST = (*SETTLED, State.RUNNING_IN_FAILED_MODE, State.UNKNOWN)
"""The node serves nobody, except its own users while high availability is off."""

_LETS_GO = ("disconnect_users(me)", "release_grant(me)")
DUTIES = (
    # the grant and the users
    Duty(
        "Q1", "a node that comes to hold the grant acquires it", "acquire_grant(me)",
        before={"me.state": others(*HOLDERS)}, after={"me.state": HOLDERS},
        follows=("disconnect_users(peer)", "release_grant(peer)"),
        why="this includes a node that starts: its grant may be lost while its manager is dead",
    ),
    Duty(
        "Q2", "a node that begins to take users moves them", "move_users(me)",
        before={"me.state": others(*_ARRIVES)}, after={"me.state": _ARRIVES},
        follows=("start_critical_services(me)", "disconnect_users(peer)", "acquire_grant(me)"),
        why="nobody is served twice, nor without a grant, nor by services that do not run",
    ),
    Duty(
        "Q3", "a node that ceases to hold the grant disconnects users, and gives it back", _LETS_GO,
        before={"me.state": HOLDERS},
        after={"me.state": others(*HOLDERS, State.INITIALIZING, State.FAILING_OVER)},
        harmless={"me.state": others(*HOLDERS)},
        why="the manager of a node that is overtaken (Failing Over) is not heard; Q4 and Q5 apply later. To give "
            "back a grant that is not held does nothing; to give back a held one would break S2",
    ),
    Duty(
        "Q4", "a node that comes to rest disconnects users, and gives the grant back", _LETS_GO,
        before={"me.state": others(*_AT_REST)}, after={"me.state": _AT_REST},
        why="a node that was overtaken unheard lets go when it reads the record",
    ),
    Duty(
        "Q5", "a node that has started without the grant disconnects users, and gives it back", _LETS_GO,
        before={"me.state": State.INITIALIZING},
        after={"me.state": others(State.INITIALIZING, *HOLDERS)},
        why="a dead manager did nothing that was asked of it, and its services may have run on",
    ),
    Duty(
        "Q6", "a node whose users move to the peer by its own step disconnects them",
        "disconnect_users(me)",
        before={"me.state": State.NORMAL},
        after={"me.state": State.FAILING_OVER,
               "me.reason": tuple(r for r in Reason if r is not Reason.PEER_DOWN)},
        follows="stop_critical_services(me)",
        why="with Peer Down, the peer took over without being heard, and cannot ask for it",
    ),
    # the critical services
    Duty(
        "Q7", "a node whose services must be held stops them", "stop_critical_services(me)",
        before={"me.services": ("up", "down")}, after={"me.services": "stopped"},
        why="only an accepted failover (S15)",
    ),
    Duty(
        "Q8", "a node whose held services must run starts them", "start_critical_services(me)",
        before={"me.services": "stopped", "me.state": others(State.TAKING_BACK)},
        after={"me.services": ("up", "down")},
        follows="disconnect_users(peer)",
        why="a node that serves its users again waits until the peer has let them go",
    ),
    Duty(
        "Q9", "a node that takes its users back starts its held services first",
        "start_critical_services(me)",
        before={"me.services": "stopped", "me.state": others(State.TAKING_BACK)},
        after={"me.state": State.TAKING_BACK},
        why="users come to services that run; their failure is an event (start_failed)",
    ),
    # the manager and the sync agent
    Duty(
        "Q10", "a failed node that must start anew restarts its manager, last",
        "restart_recovery_manager(me)",
        before={"me.state": State.RUNNING_IN_FAILED_MODE, "me.process": "running"},
        after={"me.state": State.INITIALIZING},
        follows=("start_critical_services(me)", "start_critical_services(peer)"),
        why="the manager that carries out the decision may be the one restarted",
    ),
    Duty(
        "Q11", "new users are assigned", "assign_users", events=("add_users",),
        why="no column says who the users are",
    ),
)
