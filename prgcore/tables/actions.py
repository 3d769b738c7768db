"""The actions that the engine asks of the outside world, as data.

Each is idempotent. The actions of one decision are done one by one in their order, after the record
is written. `duty` says what must be true when an action is acknowledged.
"""

from __future__ import annotations

from prgcore.model import ActionKind

__all__ = ["ACTIONS"]

_MOVES = ("takeover_failed(me)", "takeback_failed(me)", "autorecovery_failed(me)")
_STARTS = ("start_failed(me)", "services_down(me)")
_ERROR = "internal_error(me)"

ACTIONS = (
    ActionKind(
        "acquire_grant", "obtain the take-over grant for this node from the arbiter",
        "before this node moves users: nothing is served under a grant not held",
        fails=_MOVES, does="acquire",
    ),
    ActionKind(
        "release_grant", "give the take-over grant back",
        "after users are disconnected: nobody else may serve before this node has stopped",
        does="release",
    ),
    ActionKind(
        "stop_critical_services", "stop the critical services of this node",
        "when acknowledged, no critical service of the node runs; a repetition does nothing",
        fails=_ERROR, does="stop",
    ),
    ActionKind(
        "start_critical_services", "start the critical services of this node",
        "its failure is reported as an event (start_failed, services_down), not as an error",
        fails=_STARTS, does="start",
    ),
    ActionKind(
        "disconnect_users", "disconnect every user who is not assigned to this node",
        "when acknowledged, the node serves only users whom the record assigns to it",
        fails=_ERROR, does="disconnect",
    ),
    ActionKind(
        "move_users", "let this node serve the users that the record is moving to it",
        "after the other node, if it can be reached, disconnected them; ends in a completion",
        fails=_MOVES, does="move",
    ),
    ActionKind(
        "assign_users", "assign the new users to the nodes, by the assignment mode of the group",
        "a repetition moves no assigned user without need (`prgcore.product.users`)",
    ),
    ActionKind(
        "restart_recovery_manager", "restart the recovery manager of this node",
        "the last action of a decision: it may restart the manager that carries the decision out",
        does="restart",
    ),
)
