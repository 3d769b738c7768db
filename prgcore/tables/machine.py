"""The table of the presence redundancy group, as one record."""

from __future__ import annotations

from prgcore.model import Hears, Table, Told, Viewpoint, cube
from prgcore.tables.actions import ACTIONS
from prgcore.tables.adversary import ADVERSARY, DECIDES
from prgcore.tables.agents import AGENT, ASSIGNED_TO
from prgcore.tables.columns import DERIVED, GROUP_COLUMNS, NODE_COLUMNS
from prgcore.tables.duties import DUTIES
from prgcore.tables.events import EVENTS, POSSIBLE
from prgcore.tables.families import FAMILIES
from prgcore.tables.invariants import ACCEPTED_ONLY, EXCLUSIVE, INVARIANTS, ONLY_BY
from prgcore.tables.parameters import PARAMETERS
from prgcore.tables.rules import PHASES
from prgcore.tables.situations import SITUATIONS
from prgcore.tables.states import TRANSIENT
from prgcore.tables.stories import STARTS, STORIES
from prgcore.tables.timers import TIMERS
from prgcore.vocabulary import Reason, State

__all__ = ["A_LIN", "TABLE", "VIEWPOINTS"]

_RUNS1, _RUNS2 = {"node1.process": "running"}, {"node2.process": "running"}

VIEWPOINTS = (
    Viewpoint("administrator", _RUNS1, _RUNS2),
    Viewpoint("node1", _RUNS1, {**_RUNS2, "link": "up"}),
    Viewpoint("node2", {**_RUNS1, "link": "up"}, _RUNS2),
)
"""A node shows nothing while its manager does not run, or where it cannot be reached from."""

A_LIN = (
    "A-LIN: both nodes reach one linearizable record even while they cannot hear each other, "
    "and their effects follow the record"
)

TABLE = Table(
    name="prg",
    node_columns=NODE_COLUMNS,
    group_columns=GROUP_COLUMNS,
    derivations=DERIVED,
    initial=({
        "state": State.UNKNOWN, "reason": Reason.HIGH_AVAILABILITY_NOT_ENABLED,
        "services": "up", "database": "up", "process": "running",
        "assigned_own": "yes", "assigned_peer": "no", "hears_peer": "no",
        "ha": "off", "auto_fallback": "off", "link": "up",
    },),
    events=EVENTS,
    possible=POSSIBLE,
    phases=PHASES,
    invariants=INVARIANTS,
    accepted_only=ACCEPTED_ONLY,
    exclusive=EXCLUSIVE,
    only_by=ONLY_BY,
    duties=DUTIES,
    adversary=ADVERSARY,
    decides=DECIDES,
    told=(Told("me", ("me.services", "me.database", "me.hears_peer")),),
    hears=(Hears(
        "me", {"me.hears_peer": "yes"}, ("me.peer_health", "me.hearing"),
        heard="heartbeat_heard(me)", lost="heartbeat_lost(me)", column="me.hears_peer",
        clash="internal_error(me)",
    ),),
    serves=ASSIGNED_TO,
    transient=tuple(TRANSIENT),
    may_wait=(
        # nobody is left to write its half
        cube({"me.state": TRANSIENT, "me.process": ("manager_down", "off")}),
        # whoever was moving the users is gone, and may or may not have moved them (D07)
        cube({
            "me.state": State.FAILING_OVER, "me.hears_peer": "no",
            "peer.state": State.TAKING_OVER, "peer.process": ("manager_down", "off"),
        }),
        cube({
            "me.state": State.FAILOVER_AFFECTED_SERVICES, "me.hears_peer": "no",
            "peer.state": State.BACKUP_ACTIVATED, "peer.process": ("manager_down", "off"),
        }),
    ),
    viewpoints=VIEWPOINTS,
    starts=tuple(STARTS.items()),
    stories=STORIES,
    situations=SITUATIONS,
    families=FAMILIES,
    timers=TIMERS,
    parameters=PARAMETERS,
    actions=ACTIONS,
    agents=(AGENT,),
    goal=(cube({
        "both.state": State.NORMAL, "both.services": "up", "both.database": "up",
        "both.process": "running", "both.hears_peer": "yes", "ha": "on", "link": "up",
    }),),
    assumptions=(
        A_LIN,
    ),
)
