"""Two nodes and a lease at a witness: the machine, as data.

A node acts only while it has the lease. The witness gives it to one node at a time, and takes it
back when it was not renewed for long. Two clocks count that time: the one of the holder, who stops
acting, and the one of the witness, who gives the lease to the other node. The column `margin` says
whether the first is known to end before the second begins to matter.
`python lease.py` writes lease.json beside this file, which every command of prgcore reads.
"""

from __future__ import annotations

from pathlib import Path

from prgcore.model import (
    Adversary,
    Column,
    Convergence,
    Decides,
    Event,
    Invariant,
    Observation,
    Possible,
    Rule,
    Table,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps

NODE_COLUMNS = (
    Column("lease", ("yes", "no"), "record", says="what the witness says: it has the lease"),
    Column("state", ("idle", "acts"), "me", says="it serves users, by its own clock"),
    Column("host", ("on", "off"), "me", says="whether it runs"),
    Column("path", ("up", "cut"), "environment", says="the network between it and the witness"),
)
GROUP_COLUMNS = (
    Column("margin", ("kept", "missed"),
           says="whether the holder has always stopped when the witness takes the lease back"),
)

EVENTS = (
    Event("granted", Kind.TIMER, "me", "it asked the witness, and the lease is free"),
    Event("ran_out", Kind.TIMER, "me", "it could not renew the lease: its own time is over"),
    Event("resumed", Kind.TIMER, "me", "it has the lease still, and renews it"),
    Event("taken_back", Kind.TIMER, "environment",
          "the lease was not renewed for long: the witness frees it"),
    Event("crash", Kind.FAULT, "environment", "the host goes down"),
    Event("boot", Kind.REPAIR, "environment", "the host comes up"),
    Event("path_cut", Kind.FAULT, "environment", "it does not reach the witness"),
    Event("path_repair", Kind.REPAIR, "environment", "it reaches the witness again"),
)
WORLD = (  # where each event can physically happen, and why
    ("granted", ({"me.host": "on", "me.path": "up", "both.lease": "no"},),
     "it asks now and then"),
    ("ran_out", ({"me.host": "on", "me.state": "acts", "me.path": "cut"},
                 {"me.host": "on", "me.state": "acts", "me.lease": "no", "me.path": "up"}),
     "it renews in time, unless it cannot, or the witness says no"),
    ("resumed", ({"me.host": "on", "me.state": "idle", "me.lease": "yes", "me.path": "up"},),
     "the lease is its own still"),
    ("taken_back", ({"me.lease": "yes", "me.state": "idle", "me.path": "cut"},
                    {"me.lease": "yes", "me.state": "idle", "me.host": "off"},
                    {"me.lease": "yes", "me.state": "acts", "me.path": "cut", "margin": "missed"}),
     "the clock of the witness ends later than the holder has stopped, if the margin is kept"),
    ("crash", ({"me.host": "on"},), "a host may go down at any time"),
    ("boot", ({"me.host": "off"},), "a host may come up at any time"),
    ("path_cut", ({"me.path": "up"},), "a cable may break at any time"),
    ("path_repair", ({"me.path": "cut"},), "a cable may be replaced at any time"),
)

LIFE = (
    Rule("G100", "granted", {}, {"me.lease": "yes", "me.state": "acts"},
         actions="start_service(me)", why="the witness says yes to one node at a time"),
    Rule("G102", "resumed", {}, {"me.state": "acts"}, actions="start_service(me)",
         why="the other node did not get it meanwhile"),
    Rule("G104", "ran_out", {}, {"me.state": "idle"}, actions="stop_service(me)",
         why="it counts from when it sent its last request that was answered, and stops by itself"),
    Rule("G106", "taken_back", {}, {"me.lease": "no"}, why="the other node may have it"),
)
FAULTS = (
    Rule("X100", "crash", {}, {"me.host": "off", "me.state": "idle"}, why="a host that is off acts no more"),
    Rule("X102", "boot", {}, {"me.host": "on"}, why="it starts without acting"),
    Rule("X104", "path_cut", {}, {"me.path": "cut"}, why="a cable"),
    Rule("X106", "path_repair", {}, {"me.path": "up"}, why="another cable"),
)

TABLE = Table(
    name="lease", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS, derivations=(),
    initial=tuple({"lease": "no", "state": "idle", "host": "on", "path": "up", "margin": margin}
                  for margin in ("kept", "missed")),
    events=EVENTS,
    possible=tuple(Possible(event, cells) for event, ways, _ in WORLD for cells in ways),
    phases=(("life", LIFE), ("faults", FAULTS)),
    invariants=(
        Invariant("S1", "if the margin is kept, two nodes never act",
                  {"both.state": "acts", "margin": "kept"},
                  premise={"me.state": "acts", "margin": "kept"}),
        Invariant("S2", "if the margin is kept, only the node with the lease acts",
                  {"me.state": "acts", "me.lease": "no", "margin": "kept"},
                  premise={"me.state": "acts", "margin": "kept"}),
        Invariant("S3", "the witness never gives the lease to two nodes", {"both.lease": "yes"},
                  premise={"me.lease": "yes"}),
        Invariant("S4", "a node that is off does not act", {"me.host": "off", "me.state": "acts"},
                  premise={"me.host": "off"}),
    ),
    observations=(
        Observation("W1", "if the margin is missed, two nodes act",
                    {"both.state": "acts", "margin": "missed"}, "reached"),
    ),
    converges=(
        Convergence("V1", "two nodes that act do not last", {"both.state": "acts"}),
    ),
    adversary=tuple(Adversary(event, ways, why=why) for event, ways, why in WORLD),
    decides=(Decides("me", {"me.host": "on"}),),
    goal=(cube({"me.state": "acts", "peer.state": "idle", "both.host": "on", "both.path": "up"}),
          cube({"me.state": "idle", "peer.state": "acts", "both.host": "on", "both.path": "up"})),
    assumptions=("A-MARGIN: the margin is kept where the holder stops before the witness acts",),
)
MACHINE = instantiate(TABLE, {})

if __name__ == "__main__":
    Path(__file__).with_name("lease.json").write_text(dumps(MACHINE), encoding="utf-8")
