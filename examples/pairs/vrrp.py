"""Two routers that share one address, as VRRP has it (RFC 5798, section 6.4): the machine, as data.

A router is in one of three states. A Master answers for the address and sends advertisements; a
Backup listens, and becomes Master when it has heard none for long. There is no record and no
arbiter, so the machine promises no single Master: it promises that two Masters do not last.
`python vrrp.py` writes vrrp.json beside this file, which every command of prgcore reads.
"""

from __future__ import annotations

from pathlib import Path

from prgcore.model import (
    Adversary,
    Column,
    Convergence,
    Derivation,
    Event,
    Hears,
    Invariant,
    Observation,
    Possible,
    Rule,
    Serves,
    Table,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dumps

# ---------------------------------------------------------------------------- what is known

RUNS = ("backup", "master")

NODE_COLUMNS = (
    Column("state", ("initialize", "backup", "master"), "me", says="its state"),
    Column("sent", ("nothing", "advertisement", "farewell"), "me",
           says="what it sends: nothing, advertisements, or at its end one with priority 0"),
    Column("waits", ("master_down", "skew"), "me",
           says="how long its timer runs: a whole interval, or after a farewell the skew alone"),
)
GROUP_COLUMNS = (
    Column("higher", ("node1", "node2", "equal"), says="the router with the higher priority"),
    Column("address", ("node1", "node2"), says="the router with the higher own address"),
    Column("preempt", ("on", "off"), says="whether a Backup pushes out a Master of less priority"),
    Column("link", ("up", "cut"), "environment", says="the network between them"),
)
DERIVED = (
    Derivation("yields", ("higher", "address"),
               (({"higher": "peer"}, "yes"), ({"higher": "equal", "address": "peer"}, "yes")),
               "no", "of two Masters this one gives way: less priority, or as much and less address"),
    Derivation("pushes", ("higher", "preempt"), (({"higher": "me", "preempt": "on"}, "yes"),), "no",
               "as a Backup it throws away what a Master of less priority sends"),
)

# ------------------------------------------------------------------------- what can happen

EVENTS = (
    Event("startup", Kind.TIMER, "me", "this router starts"),
    Event("shutdown", Kind.COMMAND, "administrator", "stop this router"),
    Event("advertisement", Kind.TIMER, "me", "it hears an advertisement of its peer"),
    Event("farewell", Kind.TIMER, "me", "it hears that its peer leaves: priority 0"),
    Event("master_down", Kind.TIMER, "me", "its timer runs out: no advertisement that counts"),
    Event("crash", Kind.FAULT, "environment", "the router dies, and says nothing"),
    Event("link_cut", Kind.FAULT, "environment", "the network breaks", seated=False),
    Event("link_repair", Kind.REPAIR, "environment", "the network works again", seated=False),
)
WORLD = (  # where each event can physically happen, and why; a command can come at any time
    ("startup", ({"me.state": "initialize"},), "sooner or later"),
    ("advertisement",
     ({"me.state": RUNS, "link": "up", "peer.sent": "advertisement"},),
     "a network that works delivers it"),
    ("farewell", ({"me.state": RUNS, "link": "up", "peer.sent": "farewell"},),
     "a network that works delivers it, now or later"),
    ("master_down",
     ({"me.state": "backup", "peer.state": ("initialize", "backup")},
      {"me.state": "backup", "link": "cut"},
      {"me.state": "backup", "me.pushes": "yes"}),
     "nobody sends, nothing arrives, or what arrives does not count"),
    ("crash", ({"me.state": RUNS},), "a router may die at any time"),
    ("link_cut", ({"link": "up"},), "a cable may break at any time"),
    ("link_repair", ({"link": "cut"},), "a cable may be replaced at any time"),
)

# ------------------------------------------------------------------------------- the rules

BACKUP = {"me.state": "backup"}
MASTER = {"me.state": "master"}

LIFE = (
    Rule("I100", "startup", {},
         {"me.state": "backup", "me.sent": "nothing", "me.waits": "master_down"},
         why="it listens first: its timer runs a whole interval"),
    Rule("I102", "shutdown", BACKUP, {"me.state": "initialize", "me.waits": "master_down"},
         why="nobody needs to know"),
    Rule("I104", "shutdown", MASTER, {"me.state": "initialize", "me.sent": "farewell"},
         why="priority 0 says: I am leaving, do not wait"),
    Rule("B100", "master_down", {},
         {"me.state": "master", "me.sent": "advertisement", "me.waits": "master_down"},
         why="it takes the address, and says so"),
    Rule("B102", "farewell", {**BACKUP, "me.waits": "master_down"}, {"me.waits": "skew"},
         why="the Master leaves: wait for the skew alone"),
    Rule("B104", "farewell", {**BACKUP, "me.waits": "skew"}, outcome=Outcome.IGNORED,
         why="it waits for no more than the skew already"),
    Rule("B106", "advertisement", {**BACKUP, "me.waits": "master_down", "me.pushes": "no"},
         outcome=Outcome.IGNORED, why="its timer begins again"),
    Rule("B108", "advertisement", {**BACKUP, "me.waits": "skew", "me.pushes": "no"},
         {"me.waits": "master_down"}, why="there is a Master again: a whole interval"),
    Rule("B110", "advertisement", {**BACKUP, "me.pushes": "yes"}, outcome=Outcome.IGNORED,
         why="thrown away: this router has more priority, and its timer runs on"),
    Rule("M100", "advertisement", {**MASTER, "me.yields": "yes"},
         {"me.state": "backup", "me.sent": "nothing"}, why="the other Master is the better one"),
    Rule("M102", "advertisement", {**MASTER, "me.yields": "no"}, outcome=Outcome.IGNORED,
         why="the other Master will give way"),
    Rule("M104", "farewell", MASTER, outcome=Outcome.IGNORED,
         why="it answers with an advertisement, as it sends them anyway"),
)
FAULTS = (
    Rule("X100", "crash", {},
         {"me.state": "initialize", "me.sent": "nothing", "me.waits": "master_down"},
         why="it starts from nothing, and its peer hears no farewell"),
    Rule("X102", "link_cut", {}, {"link": "cut"}, why="a cable"),
    Rule("X104", "link_repair", {}, {"link": "up"}, why="another cable"),
)

# ---------------------------------------------------------------------- what is said of it

AWAY = (  # two routers that run and hear each other, and are not yet where they will stay
    {"both.state": "master", "link": "up"},
    {"both.state": "backup", "link": "up"},
    {"me.state": "backup", "me.pushes": "yes", "peer.state": "master", "link": "up"},
)

TABLE = Table(
    name="vrrp", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS, derivations=DERIVED,
    initial=tuple(
        {"state": "initialize", "sent": "nothing", "waits": "master_down", "higher": higher,
         "address": address, "preempt": preempt, "link": "up"}
        for preempt in ("on", "off") for higher in ("node1", "node2", "equal")
        for address in ("node1", "node2")),
    events=EVENTS,
    possible=tuple(Possible(event, cells) for event, ways, _ in WORLD for cells in ways),
    phases=(("life", LIFE), ("faults", FAULTS)),
    invariants=(
        Invariant("S1", "a router sends advertisements exactly while it is Master",
                  ({"me.state": "master", "me.sent": ("nothing", "farewell")},
                   {"me.state": ("initialize", "backup"), "me.sent": "advertisement"})),
        Invariant("S2", "only a Backup waits for the skew alone",
                  {"me.state": ("initialize", "master"), "me.waits": "skew"}),
    ),
    observations=(
        Observation("W1", "two Masters", {"both.state": "master"}, "reached"),
        Observation("W2", "two Masters that hear each other",
                    {"both.state": "master", "link": "up"}, "reached"),
        Observation("W3", "two Masters that hear each other, although nobody preempts",
                    {"both.state": "master", "link": "up", "preempt": "off"}, "reached"),
    ),
    converges=(
        Convergence("V1", "two Masters that hear each other do not last", AWAY[:1], within=1),
        Convergence("V2", "two routers that run and hear each other settle on one Master, with "
                    "preemption on the one with more priority", AWAY, within=3),
    ),
    adversary=tuple(Adversary(event, ways, why=why) for event, ways, why in WORLD),
    hears=(Hears("me", {"me.state": RUNS}, heard="advertisement(me)", lost="master_down(me)"),),
    serves=(Serves("me", "address", MASTER),),
    goal=(cube({"me.state": "master", "peer.state": "backup", "link": "up"}),
          cube({"me.state": "backup", "peer.state": "master", "link": "up"})),
    assumptions=("A-NET: what arrives was sent by the peer, and is what it sends now",),
)
MACHINE = instantiate(TABLE, {})

if __name__ == "__main__":
    Path(__file__).with_name("vrrp.json").write_text(dumps(MACHINE), encoding="utf-8")
