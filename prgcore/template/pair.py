"""A pair of servers of which at most one is active: the machine, as data.

Every row is written from `me` and `peer`, and holds for both nodes. `python pair.py` writes
machine.json beside this file, which every command of prgcore reads.
"""

from __future__ import annotations

from pathlib import Path

from prgcore.model import (
    AcceptedOnly,
    ActionKind,
    Adversary,
    Agent,
    Column,
    Decides,
    Event,
    Hears,
    Invariant,
    Observation,
    Parameter,
    Possible,
    Rule,
    Serves,
    Table,
    Timer,
    Told,
    by,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dumps

YES_NO = ("yes", "no")
SERVING = ("promoting", "active")

NODE_COLUMNS = (
    Column("state", ("standby", "promoting", "active", "failed"), "record", says="what it is"),
    Column("lease", YES_NO, "record", says="it may serve: the record grants it to one node"),
    Column("host", ("on", "off"), "me", says="whether it runs"),
    Column("hears", YES_NO, "me", says="it hears heartbeats of its peer"),
)
GROUP_COLUMNS = (Column("link", ("up", "cut"), "environment", says="the network between them"),)

EVENTS = (
    Event("promote", Kind.COMMAND, "administrator", "make this node the active one"),
    Event("recover", Kind.COMMAND, "administrator", "a failed node is well again"),
    Event("promoted", Kind.COMPLETION, "me", "its services have started"),
    Event("promotion_failed", Kind.COMPLETION, "me", "its services do not start", success=False),
    Event("take_over", Kind.TIMER, "me", "a standby has not heard its peer for long"),
    Event("heartbeat_lost", Kind.TIMER, "me", "no heartbeat for long"),
    Event("heartbeat_heard", Kind.TIMER, "me", "a heartbeat"),
    Event("lease_expired", Kind.TIMER, "peer", "a peer that is not heard has had it for long"),
    Event("crash", Kind.FAULT, "environment", "the host goes down"),
    Event("boot", Kind.REPAIR, "environment", "the host comes up"),
    Event("link_cut", Kind.FAULT, "environment", "the network breaks", seated=False),
    Event("link_repair", Kind.REPAIR, "environment", "the network works again", seated=False),
)
POSSIBLE = (  # where each can physically happen; a command can come at any time
    Possible("promoted", {"me.state": "promoting", "me.host": "on"}),
    Possible("promotion_failed", {"me.state": "promoting", "me.host": "on"}),
    Possible("take_over", {"me.state": "standby", "me.host": "on", "me.hears": "no"}),
    Possible("heartbeat_lost", {"me.host": "on", "me.hears": "yes", "link": "cut"}),
    Possible("heartbeat_lost", {"me.host": "on", "me.hears": "yes", "peer.host": "off"}),
    Possible("heartbeat_heard", {"both.host": "on", "me.hears": "no", "link": "up"}),
    Possible("lease_expired", {"me.host": "off", "me.lease": "yes", "peer.host": "on"}),
    Possible("crash", {"me.host": "on"}),
    Possible("boot", {"me.host": "off"}),
    Possible("link_cut", {"link": "up"}),
    Possible("link_repair", {"link": "cut"}),
)

LIFE = (
    Rule("P100", "promote",
         {"me.state": "standby", "me.host": "on", "me.hears": "yes",
          "peer.state": ("standby", "active", "failed")},
         {"me.state": "promoting", "me.lease": "yes", "peer.lease": "no",
          "peer.state": by("peer.state", {"active": "standby"})},
         actions=("stop_services(peer)", "start_services(me)"),
         why="the lease changes hands in one step; a peer that starts is left to finish"),
    Rule("P102", "promoted", {}, {"me.state": "active"}, why="it serves"),
    Rule("P104", "promotion_failed", {}, {"me.state": "failed", "me.lease": "no"},
         actions=("stop_services(me)",), why="who cannot serve lets go of the lease"),
    Rule("P106", "recover", {"me.state": "failed", "me.host": "on"}, {"me.state": "standby"},
         why="somebody has looked at it"),
    Rule("T100", "take_over", {"peer.lease": "no"}, {"me.state": "promoting", "me.lease": "yes"},
         actions=("start_services(me)",), why="the lease is free"),
    Rule("T102", "take_over", {"peer.lease": "yes"}, outcome=Outcome.IGNORED,
         why="the peer may be serving still: wait until its lease expires"),
)
WORLD = (
    Rule("L100", "heartbeat_lost", {}, {"me.hears": "no"}, why="silence"),
    Rule("L102", "heartbeat_heard", {}, {"me.hears": "yes"}, why="the peer is there"),
    Rule("X100", "crash", {}, {"me.host": "off"}, why="the record keeps what it last was"),
    Rule("X102", "lease_expired", {}, {"me.lease": "no", "me.state": "failed"},
         actions=("stop_services(me)",), why="a host that is down serves nobody"),
    Rule("X104", "boot", {},
         {"me.host": "on", "me.hears": "no", "me.lease": "no", "me.state": "standby"},
         why="it starts with nothing"),
    Rule("X106", "link_cut", {}, {"link": "cut"}, why="a cable"),
    Rule("X108", "link_repair", {}, {"link": "up"}, why="another cable"),
)

INVARIANTS = (  # never any of these
    Invariant("S1", "never both nodes promoting or active", {"both.state": SERVING},
              premise={"me.state": SERVING}),
    Invariant("S2", "the lease is granted to one node", {"both.lease": "yes"},
              premise={"me.lease": "yes"}),
    Invariant("S3", "who is promoting or active has the lease",
              {"me.state": SERVING, "me.lease": "no"}, premise={"me.state": SERVING}),
)

ADVERSARY = (  # how strong the world is: where each event must be possible, and nowhere else
    Adversary("promoted", {"me.state": "promoting", "me.host": "on"}, why="a start may work"),
    Adversary("promotion_failed", {"me.state": "promoting", "me.host": "on"}, why="or it may not"),
    Adversary("take_over", {"me.state": "standby", "me.host": "on", "me.hears": "no"},
              why="silence may last, whatever its cause"),
    Adversary("heartbeat_lost", tuple({"me.host": "on", "me.hears": "yes", **silence}
                                      for silence in ({"link": "cut"}, {"peer.host": "off"})),
              why="a dead host and a cut network are silent"),
    Adversary("heartbeat_heard", {"both.host": "on", "me.hears": "no", "link": "up"},
              why="a network that works delivers heartbeats"),
    Adversary("lease_expired", {"me.host": "off", "me.lease": "yes", "peer.host": "on"},
              why="a host may stay down for long"),
    Adversary("crash", {"me.host": "on"}, why="a host may go down at any time"),
    Adversary("boot", {"me.host": "off"}, why="a host may come up at any time"),
    Adversary("link_cut", {"link": "up"}, why="a cable may break at any time"),
    Adversary("link_repair", {"link": "cut"}, why="a cable may be replaced at any time"),
)

PARAMETERS = (  # in seconds; a group file may set them
    Parameter("keep_alive_interval", default=1, says="how often a heartbeat is sent"),
    Parameter("keep_alive_timeout", default=5, says="how long heartbeats may be missing"),
    Parameter("take_over_after", default=2, says="how long a standby waits for its peer"),
    Parameter("lease_lasts", default=10, says="how long a lost peer keeps the lease"),
)
TIMERS = (  # when each event of time is due; the first that is due is given first
    Timer("heartbeat_heard", told="heartbeat", says="a heartbeat arrives"),
    Timer("heartbeat_lost", limits=(({}, "keep_alive_timeout"),), again=("heartbeat", "stall"),
          says="silence since the last heartbeat"),
    Timer("lease_expired", runs={"me.lease": "yes", "peer.hears": "no"},
          limits=(({}, "lease_lasts"),), says="the peer has not been heard since"),
    Timer("take_over", runs={"me.state": "standby", "me.hears": "no"},
          limits=(({}, "take_over_after"),), says="a standby without a peer"),
)
ACTIONS = (  # what an agent does for an action, and which event reports that it failed
    ActionKind("start_services", "start the services of this node", "when they run",
               fails="promotion_failed(me)", does="start"),
    ActionKind("stop_services", "stop the services of this node", "when none runs", does="stop"),
)
AGENT = Agent(  # what an agent reports and does by itself
    starts="boot(me)", knows={"me.host": "off", "me.hears": "no"}, stops="crash(me)",
    leaves={"me.state": ("standby", "failed")},
)

TABLE = Table(
    name="pair", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS, derivations=(),
    initial=({"state": "standby", "lease": "no", "host": "on", "hears": "yes", "link": "up"},),
    events=EVENTS, possible=POSSIBLE, phases=(("life", LIFE), ("world", WORLD)),
    invariants=INVARIANTS,
    accepted_only=(AcceptedOnly("S4", "recover", {"me.state": "failed", "me.host": "on"},
                                "recover is accepted exactly on a failed node", exactly=True),),
    observations=(Observation("W1", "the active node fails, and the other one serves",
                              {"me.host": "off", "peer.state": "active"}, "reached"),),
    adversary=ADVERSARY, decides=(Decides("me", {"me.host": "on"}),),
    told=(Told("me", ("me.host", "me.hears")),),
    hears=(Hears("me", {"me.hears": "yes"}, "peer.host", heard="heartbeat_heard(me)",
                 lost="heartbeat_lost(me)", column="me.hears"),),
    serves=(Serves("me", "users", {"me.state": "active"}),),
    transient=("promoting",),
    may_wait=(cube({"me.state": "promoting", "both.host": "off"}),),  # nobody is left to expire it
    timers=TIMERS, parameters=PARAMETERS, actions=ACTIONS, agents=(AGENT,),
    goal=tuple(
        cube({f"{one}.state": "active", f"{other}.state": "standby", "both.host": "on",
              "both.hears": "yes", "link": "up"})
        for one, other in (("me", "peer"), ("peer", "me"))
    ),
    assumptions=("A-LIN: both nodes reach one linearizable record, even while the link is cut",
                 "A-STOP: a node stops its services before its lease expires"),
)
MACHINE = instantiate(TABLE, {})

if __name__ == "__main__":
    Path(__file__).with_name("machine.json").write_text(dumps(MACHINE), encoding="utf-8")
