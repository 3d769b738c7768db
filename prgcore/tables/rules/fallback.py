"""Fallback: the users come home."""

from __future__ import annotations

from prgcore.model import Rule, by
from prgcore.tables.columns import ABLE
from prgcore.tables.rules.fragments import FAILS, HELD_SERVICES_START, fail
from prgcore.vocabulary import Evidence, Outcome, Reason, State

__all__ = ["FALLBACK"]

FALLBACK = (
    Rule(
        "B100", "auto_fallback_due",
        when={
            "me.state": State.FAILED_OVER, "me.hearing": "both",
            "peer.state": State.RUNNING_IN_BACKUP_MODE, "auto_fallback": "on",
        },
        then={
            "both.reason": Reason.AUTOMATIC_FALLBACK,
            "me.state": State.TAKING_BACK,
            "peer.state": State.FALLING_BACK, "peer.assigned_peer": "no",
        },
        actions=("disconnect_users(peer)", "release_grant(peer)", "move_users(me)"),
        cite=("table2:10", "Enable Automatic Fallback"), decisions=("D24", "D60", "D62"),
        why="thirty minutes healthy: the users come back by themselves",
    ),
    Rule(
        "B108", "auto_fallback_due", outcome=Outcome.IGNORED,
        when={
            "me.state": State.FAILED_OVER, "me.hearing": "one_way",
            "peer.state": State.RUNNING_IN_BACKUP_MODE, "auto_fallback": "on",
        },
        cite="Enable Automatic Fallback", evidence=Evidence.INFERRED, decisions="D62",
        why="the backup does not hear this node yet, and would take its users over again",
    ),
    Rule(
        "B102", "takeback_done",
        when={"me.state": State.TAKING_BACK, "me.health": ABLE},
        then={
            **HELD_SERVICES_START,
            "both.assigned_peer": "no",
            "me.state": State.NORMAL, "me.reason": Reason.NORMAL, "me.assigned_own": "yes",
            "peer.state": by("peer.state", {State.FALLING_BACK: State.NORMAL}),
            "peer.reason": by("peer.state", {State.FALLING_BACK: Reason.NORMAL}),
            "peer.assigned_own": by("peer.state", {
                State.FALLING_BACK: "yes", State.INITIALIZING: "yes"}),
        },
        cite=("table2:1", "towards table2:9"), decisions="D10",
        why="everyone is home",
    ),
    Rule(
        "B104", "takeback_failed",
        when={"me.state": State.TAKING_BACK},
        then=fail(Reason.TAKE_BACK_USERS_FAILED), actions=FAILS,
        cite="table2:20",
        why="moving the users failed",
    ),
    Rule(
        "B106", "start_failed",
        when={"me.state": State.TAKING_BACK},
        then={**fail(Reason.START_OF_CRITICAL_SERVICES_FAILED), "me.services": "down"},
        actions=FAILS,
        cite="table2:14",
        why="the critical services do not start",
    ),
)
