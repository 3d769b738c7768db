"""The columns: what a rule may ask of a pair.

Written from `me`; a node's columns exist once a node, the group's once. A derived column is a
finite function of stored ones, each a word that one would say aloud. The only way in which any
rule reads the peer's health is `peer_health`, which says *unheard* when the peer is not heard.
"""

from __future__ import annotations

from prgcore.model import Column, Derivation
from prgcore.tables.states import ACTING
from prgcore.vocabulary import Reason, State

__all__ = [
    "ABLE", "DERIVED", "GROUP_COLUMNS", "HEARD_NOT_HEALTHY", "NODE_COLUMNS", "SICK", "YES_NO",
]

YES_NO = ("yes", "no")
ABLE = ("healthy", "stopped")
"""Can serve users: healthy, or stopped by the recovery manager, which can start it."""
SICK = ("stopped_without_database", "critical_service_down", "database_failure")
HEARD_NOT_HEALTHY = ("stopped", *SICK)

NODE_COLUMNS = (
    Column("state", tuple(State), "record", says="what the node is"),
    Column("reason", tuple(Reason), "record", says="why, for the operator"),
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


def _health(who: str) -> tuple[tuple[dict[str, str | tuple[str, ...]], str], ...]:
    """Database before services; services that the manager holds are no fault."""
    return (
        ({f"{who}.services": "stopped", f"{who}.database": "down"}, "stopped_without_database"),
        ({f"{who}.database": "down"}, "database_failure"),
        ({f"{who}.services": "stopped"}, "stopped"),
        ({f"{who}.services": "down"}, "critical_service_down"),
    )


DERIVED = (
    Derivation(
        "health", ("me.services", "me.database"), _health("me"), "healthy",
        "database before services; services stopped by the manager are no fault",
    ),
    Derivation(
        "peer_health", ("me.hears_peer", "peer.services", "peer.database"),
        (({"me.hears_peer": "no"}, "unheard"), *_health("peer")), "healthy",
        "what heartbeats tell of the peer",
    ),
    Derivation(
        "tells_peer", ("me.hears_peer", "me.services", "me.database"),
        (({"me.hears_peer": "no"}, "nothing"), *_health("me")), "healthy",
        "my health, where a peer hears it: for what I write into the peer's half of the record",
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
              "peer.assigned_own": "no", "peer.assigned_peer": "no"}, "only_mine"),
            ({"me.assigned_own": "no", "me.assigned_peer": "no",
              "peer.assigned_own": "yes", "peer.assigned_peer": "no"}, "only_peers"),
            ({"me.assigned_own": "no", "me.assigned_peer": "no",
              "peer.assigned_own": "no", "peer.assigned_peer": "no"}, "nobody"),
        ),
        "broken",
        "who serves whom, by the record: the role of a node that starts",
    ),
    Derivation(
        "misses", ("me.process", "me.state", "me.services", "me.database"),
        (
            ({"me.process": ("manager_down", "off")}, "unwatched"),
            ({"me.state": tuple(s for s in State if s not in (
                State.FAILED_OVER, State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING))},
             "unwatched"),
            ({"me.services": "up", "me.database": "up"}, "nothing"),
            ({"me.database": "up"}, "services"),
            ({"me.services": "up"}, "database"),
        ),
        "both",
        "what a failed-over node that its manager watches lacks to be healthy",
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
        "whether the node must answer when it loses its peer; an idle node too",
        only={"idle_on_peer_loss": "take_over"},
    ),
)
