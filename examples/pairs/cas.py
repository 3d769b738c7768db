"""Two nodes and one record that changes by compare-and-set: the machine, as data.

The record names the owner. A node that misses its peer writes itself into it, and the write
succeeds only if nobody wrote meanwhile. So two nodes never own: the record says one name. Whether
two of them *act* as owner is another question, which model D asks (see README.md).
`python cas.py` writes cas.json beside this file, which every command of prgcore reads.
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
    Possible,
    Rule,
    Serves,
    Table,
    Told,
    by,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps

NODE_COLUMNS = (
    Column("state", ("idle", "owner", "out"), "record",
           says="what the record says it is; out: overtaken, and not heard since"),
    Column("host", ("on", "off"), "me", says="whether it runs"),
    Column("hears", ("yes", "no"), "me", says="it hears heartbeats of its peer"),
)
GROUP_COLUMNS = (Column("link", ("up", "cut"), "environment", says="the network between them"),)

EVENTS = (
    Event("claim", Kind.TIMER, "me", "it writes itself into the record"),
    Event("hand_over", Kind.COMMAND, "administrator", "this node gives the record to its peer"),
    Event("heartbeat_lost", Kind.TIMER, "me", "no heartbeat for long"),
    Event("heartbeat_heard", Kind.TIMER, "me", "a heartbeat"),
    Event("crash", Kind.FAULT, "environment", "the host goes down"),
    Event("boot", Kind.REPAIR, "environment", "the host comes up"),
    Event("link_cut", Kind.FAULT, "environment", "the network breaks", seated=False),
    Event("link_repair", Kind.REPAIR, "environment", "the network works again", seated=False),
)
UP = {"me.host": "on"}
WORLD = (  # where each event can physically happen, and why; a command can come at any time
    ("claim", ({"me.state": "idle", "peer.state": ("idle", "out"), **UP},
               {"me.state": "idle", "peer.state": "owner", "me.hears": "no", **UP}),
     "nobody owns, or the owner is not heard"),
    ("heartbeat_lost", ({"me.hears": "yes", "link": "cut", **UP},
                        {"me.hears": "yes", "peer.host": "off", **UP}),
     "a dead host and a cut network are silent"),
    ("heartbeat_heard", ({"both.host": "on", "me.hears": "no", "link": "up"},
                         {"both.host": "on", "me.state": "out", "link": "up"}),
     "a network that works delivers heartbeats"),
    ("crash", (UP,), "a host may go down at any time"),
    ("boot", ({"me.host": "off"},), "a host may come up at any time"),
    ("link_cut", ({"link": "up"},), "a cable may break at any time"),
    ("link_repair", ({"link": "cut"},), "a cable may be replaced at any time"),
)

LIFE = (
    Rule("C100", "claim", {"peer.state": ("idle", "out")}, {"me.state": "owner"},
         actions="start_service(me)", why="nobody owns: the first write wins"),
    Rule("C102", "claim", {"peer.state": "owner"}, {"me.state": "owner", "peer.state": "out"},
         actions=("stop_service(peer)", "start_service(me)"),
         why="one write takes it from the one and gives it to the other"),
    Rule("C104", "hand_over",
         {"me.state": "owner", "me.hears": "yes", "peer.state": "idle", "peer.host": "on"},
         {"me.state": "idle", "peer.state": "owner"},
         actions=("stop_service(me)", "start_service(peer)"), why="somebody asked for it"),
)
FAULTS = (
    Rule("L100", "heartbeat_lost", {}, {"me.hears": "no"}, why="silence"),
    Rule("L102", "heartbeat_heard", {},
         {"me.hears": "yes", "me.state": by("me.state", {"out": "idle"})},
         why="the peer is there, and the next silence counts again"),
    Rule("X100", "crash", {}, {"me.host": "off", "me.hears": "no"},
         why="the record keeps what it last was"),
    Rule("X102", "boot", {}, {"me.host": "on"}, why="what it is stands in the record"),
    Rule("X104", "link_cut", {}, {"link": "cut"}, why="a cable"),
    Rule("X106", "link_repair", {}, {"link": "up"}, why="another cable"),
)

TABLE = Table(
    name="compare-and-set", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS, derivations=(),
    initial=({"state": "idle", "host": "on", "hears": "yes", "link": "up"},),
    events=EVENTS,
    possible=tuple(Possible(event, cells) for event, ways, _ in WORLD for cells in ways),
    phases=(("life", LIFE), ("faults", FAULTS)),
    invariants=(
        Invariant("S1", "the record never names two owners", {"both.state": "owner"},
                  premise={"me.state": "owner"}),
    ),
    accepted_only=(
        AcceptedOnly("S2", "hand_over",
                     {"me.state": "owner", "me.hears": "yes", "peer.state": "idle",
                      "peer.host": "on"},
                     "an owner hands over exactly to a peer that it hears and that runs",
                     exactly=True),
    ),
    observations=(
        Observation("W1", "the owner is cut off, and the record already names the other one",
                    {"both.host": "on", "me.state": "out", "peer.state": "owner", "link": "cut"},
                    "reached"),
    ),
    adversary=tuple(Adversary(event, ways, why=why) for event, ways, why in WORLD),
    decides=(Decides("me", UP),),
    told=(Told("me", ("me.host", "me.hears")),),
    hears=(Hears("me", {"me.hears": "yes"}, "peer.host", heard="heartbeat_heard(me)",
                 lost="heartbeat_lost(me)", column="me.hears"),),
    serves=(Serves("me", "users", {"me.state": "owner"}),),
    starts=(("normal", ("claim(node1)",)),),
    goal=tuple(cube({f"{one}.state": "owner", f"{other}.state": "idle", "both.host": "on",
                     "both.hears": "yes", "link": "up"})
               for one, other in (("me", "peer"), ("peer", "me"))),
    actions=(
        ActionKind("start_service", "start the service of this node", "when it runs", does="start"),
        ActionKind("stop_service", "stop the service of this node", "when it is stopped",
                   does="stop"),
    ),
    agents=(Agent(starts="boot(me)", knows={"me.host": "off", "me.hears": "no"}, stops="crash(me)",
                  leaves={"me.state": ("idle", "out")}),),
    assumptions=("A-LIN: both nodes reach one linearizable record, even while the link is cut",),
)
MACHINE = instantiate(TABLE, {})

if __name__ == "__main__":
    Path(__file__).with_name("cas.json").write_text(dumps(MACHINE), encoding="utf-8")
