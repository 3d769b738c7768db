"""Link: a peer is heard again, lost, or its host is gone."""

from __future__ import annotations

from prgcore.model import Rule, by
from prgcore.tables.columns import ABLE, SICK
from prgcore.tables.rules.fragments import (
    FAIL_ALONE,
    FAIL_TOGETHER,
    PEER_UNASSIGNED,
    PEER_YIELDS,
    TAKES,
    UNASSIGNED,
    YIELDS,
    Then,
    take,
)
from prgcore.tables.states import HOLDERS, SETTLED, others
from prgcore.vocabulary import Evidence, Outcome, Reason, State

__all__ = ["LINK"]

_FAILED = State.RUNNING_IN_FAILED_MODE
_SERVES = State.RUNNING_IN_BACKUP_MODE


def _lets_go(who: str) -> Then:
    """A failed node that is heard again: its users are with the peer, or come to it."""
    return {
        f"{who}.state": State.FAILING_OVER, f"{who}.reason": Reason.PEER_DOWN,
        "me.hears_peer": "yes",
    }


def _goes_on(who: str) -> Then:
    """A node that holds the grant keeps it; an automatic recovery becomes a take-over."""
    return {
        f"{who}.state": by(f"{who}.state", {State.BACKUP_ACTIVATED: State.TAKING_OVER}),
        f"{who}.reason": by(f"{who}.state", {State.BACKUP_ACTIVATED: Reason.PEER_DOWN}),
    }


LINK = (
    Rule(
        "L100", "heartbeat_heard",
        when={
            "me.state": others(State.INITIALIZING, _FAILED), "peer.state": others(_FAILED),
        },
        then={"me.hears_peer": "yes"},
        cite="Configure Heartbeat Interval for Failover",
        why="hears the peer",
    ),
    Rule(
        "L102", "heartbeat_heard",
        when={"me.state": State.INITIALIZING},
        then={"me.hears_peer": "yes"},
        cite="Configure Heartbeat Interval for Failover",
        why="hears the peer; its own start decides next",
    ),
    Rule(
        "L104", "heartbeat_heard",
        when={"me.state": _FAILED, "peer.state": (_FAILED, State.INITIALIZING)},
        then={"me.hears_peer": "yes"},
        cite="Configure Heartbeat Interval for Failover",
        why="the peer's start decides for both, or both are failed",
    ),
    # one is failed and the other is not: the document says "may go into a failed state"
    Rule(
        "L106", "heartbeat_heard", only={"reconnection": "fail"},
        when={"me.state": _FAILED, "peer.state": others(State.INITIALIZING, _FAILED)},
        then=FAIL_TOGETHER,
        actions=PEER_YIELDS,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a node that is not failed: both fail until Recover",
    ),
    Rule(
        "L108", "heartbeat_heard", only={"reconnection": "fail"},
        when={"me.state": others(State.INITIALIZING, _FAILED), "peer.state": _FAILED},
        then=FAIL_TOGETHER,
        actions=YIELDS,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a failed node: both fail until Recover",
    ),
    Rule(
        "L130", "heartbeat_heard", only={"reconnection": "keep_serving"},
        when={"me.state": _FAILED, "peer.state": others(State.INITIALIZING, _FAILED, _SERVES)},
        then=FAIL_TOGETHER,
        actions=PEER_YIELDS,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a node that does not serve everyone: both fail until Recover",
    ),
    Rule(
        "L132", "heartbeat_heard", only={"reconnection": "keep_serving"},
        when={
            "me.state": others(State.INITIALIZING, _FAILED, _SERVES), "peer.state": _FAILED,
        },
        then=FAIL_TOGETHER,
        actions=YIELDS,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a failed node: both fail until Recover",
    ),
    Rule(
        "L134", "heartbeat_heard", only={"reconnection": "keep_serving"},
        when={"me.state": _FAILED, "peer.state": _SERVES},
        then=_lets_go("me"),
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="the peer serves everyone: let go instead of stopping it",
    ),
    Rule(
        "L136", "heartbeat_heard", only={"reconnection": "keep_serving"},
        when={"me.state": _SERVES, "peer.state": _FAILED},
        then=_lets_go("peer"),
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="serves everyone: keeps serving, and the failed peer lets go",
    ),
    # a failed node serves nobody, so a node that can serve everyone acts as if it were lost
    Rule(
        "L140", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.state": _FAILED, "peer.state": HOLDERS},
        then={**_lets_go("me"), **_goes_on("peer")},
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="the peer serves everyone, or is about to: let go instead of stopping it",
    ),
    Rule(
        "L142", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.state": HOLDERS, "peer.state": _FAILED},
        then={**_lets_go("peer"), **_goes_on("me")},
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="serves everyone, or is about to: goes on, and the failed peer lets go",
    ),
    Rule(
        "L144", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.state": _FAILED, "peer.duty": "acting"},
        then={
            **PEER_UNASSIGNED, **_lets_go("me"),
            "peer.state": State.TAKING_OVER, "peer.reason": Reason.PEER_DOWN,
        },
        actions=("acquire_grant(peer)", "move_users(peer)"),
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="the peer takes over from this failed node; if it cannot, both fail",
    ),
    Rule(
        "L146", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.duty": "acting", "me.health": ABLE, "peer.state": _FAILED},
        then={
            **UNASSIGNED, **_lets_go("peer"),
            "me.state": State.TAKING_OVER, "me.reason": Reason.PEER_DOWN,
        },
        actions=TAKES,
        cite="Node State Definitions: Failing Over", evidence=Evidence.POLICY, decisions="D13",
        why="takes over from the failed peer, which lets go",
    ),
    Rule(
        "L148", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.duty": "acting", "me.health": SICK, "peer.state": _FAILED},
        then=FAIL_TOGETHER, actions=YIELDS,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a failed node, and sick: both fail until Recover",
    ),
    Rule(
        "L150", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.state": _FAILED, "peer.state": SETTLED, "peer.duty": "waiting"},
        then=FAIL_TOGETHER,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a node that may not serve: both fail until Recover",
    ),
    Rule(
        "L152", "heartbeat_heard", only={"reconnection": "able_serves"},
        when={"me.state": SETTLED, "me.duty": "waiting", "peer.state": _FAILED},
        then=FAIL_TOGETHER,
        cite=("table2:21", "towards table2:16"), evidence=Evidence.POLICY, decisions="D13",
        why="reconnected to a failed node, and may not serve: both fail until Recover",
    ),
    # no heartbeat: manager stopped, host off or link cut, which cannot be told apart
    Rule(
        "L110", "heartbeat_lost",
        when={"me.duty": "acting", "me.health": ABLE, "peer.state": others(*HOLDERS)},
        then=take(Reason.PEER_DOWN), actions=TAKES,
        cite="towards table2:16", decisions=("D06", "D14"),
        why="automatic failover, if the record does not give the grant to the peer",
    ),
    Rule(
        "L112", "heartbeat_lost",
        when={
            "me.duty": ("starting", "acting"), "me.health": SICK,
            "peer.state": others(*HOLDERS),
        },
        then=FAIL_ALONE, actions=YIELDS,
        cite="Node State Definitions: Running in Failed Mode", evidence=Evidence.INFERRED,
        decisions="D06",
        why="sick and alone",
    ),
    Rule(
        "L114", "heartbeat_lost",
        when={"me.duty": "acting", "me.hears_peer": "yes", "peer.state": HOLDERS},
        then={"me.hears_peer": "no"},
        cite="Configure Heartbeat Interval for Failover", evidence=Evidence.POLICY,
        decisions="D07",
        why="the peer may be serving everyone: wait",
    ),
    Rule(
        "L116", "heartbeat_lost", outcome=Outcome.IGNORED,
        when={"me.duty": "acting", "me.hears_peer": "no", "peer.state": HOLDERS},
        cite="Configure Heartbeat Interval for Failover", evidence=Evidence.POLICY,
        decisions="D07",
        why="still waiting for a peer that holds the grant",
    ),
    Rule(
        "L118", "heartbeat_lost",
        when={"me.duty": "waiting"},
        then={"me.hears_peer": "no"},
        cite="Configure Heartbeat Interval for Failover", evidence=Evidence.INFERRED,
        decisions="D14",
        why="covers the peer already, or can do nothing",
    ),
    # the peer's host is known to be down: a dead host cannot serve
    Rule(
        "L120", "peer_host_lost",
        when={"me.duty": "acting", "me.health": ABLE},
        then=take(Reason.PEER_REBOOT), actions=TAKES,
        cite="towards table2:17", decisions=("D06", "D14", "D25"),
        why="automatic failover; a dead host cannot serve",
    ),
    Rule(
        "L122", "peer_host_lost",
        when={"me.duty": ("starting", "acting"), "me.health": SICK},
        then=FAIL_ALONE, actions=YIELDS,
        cite="Node State Definitions: Running in Failed Mode", evidence=Evidence.INFERRED,
        decisions="D06",
        why="sick and alone",
    ),
    Rule(
        "L124", "peer_host_lost",
        when={"me.duty": "waiting"},
        then={"me.hears_peer": "no"},
        cite="Configure Heartbeat Interval for Failover", evidence=Evidence.INFERRED,
        decisions="D14",
        why="covers the peer already, or can do nothing",
    ),
)
