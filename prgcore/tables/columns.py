"""The columns: what a rule may ask of a pair.

Written from `me`. The columns of a node exist once per node, those of the group once. A derived
column is a finite function of others, and its values are everyday words. Rules read the peer's
health only through `peer_health`, which is *unheard* when the peer is not heard.
"""

from __future__ import annotations

from prgcore.model import Column, Derivation
from prgcore.tables.states import ACTING
from prgcore.vocabulary import Reason, State

__all__ = [
    "ABLE", "DERIVED", "GROUP_COLUMNS", "HEARD_NOT_HEALTHY", "NODE_COLUMNS", "SICK", "YES_NO",
]

YES_NO = ("yes", "no")
_FAULTS = ("stopped_without_database", "database_failure", "stopped", "critical_service_down")
ABLE = ("healthy", "stopped")
"""Able to serve users: healthy, or stopped by the recovery manager, which can start it."""
SICK = ("stopped_without_database", "critical_service_down", "database_failure")
HEARD_NOT_HEALTHY = ("stopped", *SICK)

NODE_COLUMNS = (
    Column("state", tuple(State), "record", says="the state of the node"),
    Column("reason", tuple(Reason), "record", says="the reason, for the operator"),
    Column("services", ("up", "stopped", "down"), "me",
           says="critical services: up, stopped by the recovery manager, down by fault"),
    Column("database", ("up", "down"), "me", says="the node's database"),
    Column("process", ("running", "manager_down", "off"), "environment",
           says="the recovery manager runs; only the host runs; the host is off"),
    Column("assigned_own", YES_NO, "record", says="its own users are assigned to the node"),
    Column("assigned_peer", YES_NO, "record", says="the peer's users are assigned to the node"),
    Column("hears_peer", YES_NO, "me", says="its manager believes that the peer is alive"),
)

GROUP_COLUMNS = (
    Column("ha", ("off", "improper", "on"), "record",
           says="high availability: off, enabled without its prerequisites, on"),
    Column("auto_fallback", ("off", "on"), "record", says="Enable Automatic Fallback"),
    Column("link", ("up", "cut"), "environment", says="the network between the two nodes"),
)


DERIVED = (
    Derivation(
        "health", ("me.services", "me.database"),
        (
            ({"me.services": "stopped", "me.database": "down"}, "stopped_without_database"),
            ({"me.database": "down"}, "database_failure"),
            ({"me.services": "stopped"}, "stopped"),
            ({"me.services": "down"}, "critical_service_down"),
        ),
        "healthy",
        "the database counts before services; services stopped by the manager are not a fault",
    ),
    Derivation(
        "peer_health", ("me.hears_peer", "peer.health"),
        (({"me.hears_peer": "no"}, "unheard"), *(({"peer.health": h}, h) for h in _FAULTS)),
        "healthy",
        "the peer's health, as heartbeats report it",
    ),
    Derivation(
        "hearing", ("me.hears_peer", "peer.hears_peer"),
        (({"me.hears_peer": "no"}, "unheard"), ({"peer.hears_peer": "no"}, "one_way")),
        "both",
        "whether each node hears the other, as heartbeats report it",
    ),
    Derivation(
        "tells_peer", ("me.hears_peer", "me.health"),
        (
            ({"me.hears_peer": "no"}, "nothing"),
            ({"me.health": ("database_failure", "stopped_without_database")}, "database_failure"),
            ({"me.health": "critical_service_down"}, "critical_service_down"),
        ),
        "nothing",
        "my fault, if the peer hears it: for my writes into the peer's half of the record",
    ),
    Derivation(
        "assignment",
        ("me.assigned_own", "me.assigned_peer", "peer.assigned_own", "peer.assigned_peer"),
        (
            ({"me.assigned_own": "yes", "me.assigned_peer": "no",
              "peer.assigned_own": "yes", "peer.assigned_peer": "no"}, "home"),
            ({"me.assigned_own": "yes", "me.assigned_peer": "yes",
              "peer.assigned_own": "no", "peer.assigned_peer": "no"}, "mine_both"),
            ({"me.assigned_own": "no", "me.assigned_peer": "no",
              "peer.assigned_own": "yes", "peer.assigned_peer": "yes"}, "peers_both"),
            ({"me.assigned_own": "yes", "me.assigned_peer": "no",
              "peer.assigned_own": "no", "peer.assigned_peer": "no"}, "no_role"),
            ({"me.assigned_own": "no", "me.assigned_peer": "no",
              "peer.assigned_own": "yes", "peer.assigned_peer": "no"}, "no_role"),
            ({"me.assigned_own": "no", "me.assigned_peer": "no",
              "peer.assigned_own": "no", "peer.assigned_peer": "no"}, "no_role"),
        ),
        "broken",
        "which node serves which users, by the record: the role of a node that starts",
    ),
    Derivation(
        "misses", ("me.process", "me.state", "me.services", "me.database"),
        (
            ({"me.process": ("manager_down", "off")}, "not_asked"),
            ({"me.state": tuple(s for s in State if s not in (
                State.FAILED_OVER, State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING))},
             "not_asked"),
            ({"me.services": "up", "me.database": "up"}, "nothing"),
            ({"me.database": "up"}, "services"),
            ({"me.services": "up"}, "database"),
        ),
        "not_asked",
        "a failed-over node under its manager lacks this alone to be healthy; not_asked: it lacks "
        "both, or has not failed over, or its manager does not run",
    ),
    Derivation(
        "duty", ("me.state",),
        (({"me.state": ACTING}, "acting"), ({"me.state": State.INITIALIZING}, "starting")),
        "waiting",
        "whether the node must answer when it loses its peer",
        only={"idle_on_peer_loss": "wait"},
    ),
    Derivation(
        "duty", ("me.state",),
        (
            ({"me.state": (*ACTING, State.IDLE)}, "acting"),
            ({"me.state": State.INITIALIZING}, "starting"),
        ),
        "waiting",
        "whether the node must answer when it loses its peer; an idle node must as well",
        only={"idle_on_peer_loss": "take_over"},
    ),
)
