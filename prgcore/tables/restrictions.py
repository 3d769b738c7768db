"""Features that fail or change around a failover: the last section of the document.

Law: data only. Conditions are written from `me` over stored columns and hold from either seat;
`after` names events of the machine without their seat, or one of HAPPENINGS.
"""

from __future__ import annotations

from prgcore.model import cube
from prgcore.tables.facts import Restriction
from prgcore.tables.states import others
from prgcore.vocabulary import State

__all__ = ["FEATURES", "HAPPENINGS", "RESTRICTIONS", "SEARCH_AGAIN_AFTER"]

_INTERACTIONS = "Redundancy Interactions and Restrictions"
_MOVED = ("takeover_done", "autorecovery_done", "takeback_done")
_LOST = ("manager_down", "off")
_TAKEN = (State.TAKING_OVER, State.RUNNING_IN_BACKUP_MODE)

_CRASHED = tuple(
    cube({**crash, "me.state": others(State.IDLE), "me.assigned_own": "no", "peer.state": _TAKEN})
    for crash in ({"me.process": "off"}, {"me.services": "down"})
)
"""A node went down with its users on it; the users of an Idle node had left before."""

HAPPENINGS = {
    "user_moved": "an administrator moved a user to another node",
    "group_changed": "an administrator moved a user to a node of another group",
    "search_deleted": "a client deleted its search of a user",
}
"""Events outside the machine that restrictions wait for."""

FEATURES = {
    "multiple_device_messaging": "Multiple Device Messaging is configured",
    "push_notifications": "Push Notifications for Jabber on iPhone and iPad",
    "temporary_presence": "temporary presence of users who are not contacts",
}

SEARCH_AGAIN_AFTER = 30
"""Seconds between two searches of the same user; an earlier search shows a stale presence."""

RESTRICTIONS = (
    Restriction(
        "adding_users", "",
        "no new users can be added to the cluster",
        f"{_INTERACTIONS}: Adding Users",
        when={"me.state": others(State.NORMAL, State.UNKNOWN)},
        advice="wait until both nodes are Normal; prgcore users shows whether they are",
        decisions="D37",
    ),
    Restriction(
        "multiple_device_messaging", "multiple_device_messaging",
        "a failover takes about twice as long as the service parameters say",
        f"{_INTERACTIONS}: Multiple Device Messaging",
        when=(
            {"ha": "on", "me.state": State.NORMAL, "me.process": _LOST},
            {"ha": "on", "me.state": State.NORMAL, "me.services": "down"},
            {"ha": "on", "me.state": State.NORMAL, "me.database": "down"},
            {"ha": "on", "both.state": State.NORMAL, "link": "cut"},
            {"me.state": (State.TAKING_OVER, State.BACKUP_ACTIVATED)},
        ),
        advice="wait twice the time before you call the failover late",
    ),
    Restriction(
        "push_foreground", "push_notifications",
        "clients in the foreground log in by themselves; their service is not interrupted",
        f"{_INTERACTIONS}: Push Notifications High Availability",
        after=_MOVED, seconds=(0, 0), since="11.5(1)SU3",
    ),
    Restriction(
        "push_background", "push_notifications",
        "clients in the background get no notifications until their sessions are made anew; "
        "measured with 15,000 users on two equally loaded nodes",
        f"{_INTERACTIONS}: Push Notifications High Availability",
        after=_MOVED, seconds=(600, 1_200),
        advice="expect it twice: after the take-over and again after the recovery",
        since="11.5(1)SU3",
    ),
    Restriction(
        "sessions_kept", "",
        "conversations and their history are kept, without any action of the users",
        f"{_INTERACTIONS}: Push Notifications High Availability, note",
        when=_CRASHED,
        decisions="D56",
    ),
    Restriction(
        "suspended_unread", "push_notifications",
        "messages that were queued for a suspended client when its node crashed are lost to it",
        f"{_INTERACTIONS}: Push Notifications High Availability, note",
        when=_CRASHED,
        advice="ask the senders to send again what was not answered",
        decisions="D56",
    ),
    Restriction(
        "temporary_presence", "temporary_presence",
        "users who were moved show as offline to those who had searched for them",
        f"{_INTERACTIONS}: Temporary presence status of a user",
        after=("failover", "fallback", *_MOVED, "user_moved", "group_changed"),
        advice="subscribe again: delete the search and search again after 30 seconds",
    ),
    Restriction(
        "search_again", "temporary_presence",
        "a user who is searched for again too soon shows a stale presence",
        f"{_INTERACTIONS}: Temporary presence status of a user",
        after="search_deleted", seconds=(SEARCH_AGAIN_AFTER, SEARCH_AGAIN_AFTER),
        advice="wait at least 30 seconds between two searches for the same user",
    ),
    Restriction(
        "moved_user", "",
        "a user who was moved to another group while logged in shows no status there",
        f"{_INTERACTIONS}: IM and Presence status",
        after="group_changed",
        advice="log the user out of Jabber before the move",
    ),
)
