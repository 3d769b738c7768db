"""Two nodes and a monitor, as pg_auto_failover has them: a model of its two tables, as data.

Read from the source of pg_auto_failover at commit bc8c6ae of 2026-08-03, and not run against
PostgreSQL. The monitor keeps a record of each node: the state that it reported last, and the state
that it shall have. A node's keeper reports now and then, and the first row of the monitor's table
that fits (MonitorFSM of group_state_machine.c) may give both nodes new goals. The keeper has a
table of its own (KeeperFSM of fsm.c): which state leads to which. Rules carry the positions of the
monitor's rows: P323 is the row with position 323.
`python pg_auto_failover.py` writes pg_auto_failover.json beside this file.

Left out: a third node, Citus, maintenance, changed settings, nodes that are dropped, timelines that
part, the stall of a replication (row 303), and a PostgreSQL that dies while its keeper runs. Both
nodes may be promoted, and count for the quorum; number_sync_standbys is 0.
"""

from __future__ import annotations

from pathlib import Path

from prgcore.form.priority import in_order
from prgcore.model import (
    Adversary,
    Column,
    Convergence,
    Copy,
    Decides,
    Derivation,
    Event,
    Invariant,
    Observation,
    Possible,
    Rule,
    Table,
    by,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.machine_file import dumps

# ---------------------------------------------------------------------------- what is known

STATES = ("init", "single", "wait_standby", "catchingup", "secondary", "wait_primary", "primary",
          "prepare_promotion", "stop_replication", "draining", "demote_timeout", "demoted")
WRITABLE = ("single", "wait_primary", "primary")  # CanTakeWritesInState, of node_metadata.c
EDGES = {  # KeeperFSM, of fsm.c: from each state to these
    "init": ("single", "wait_standby", "demoted", "demote_timeout"),
    "single": ("wait_primary", "demoted", "demote_timeout"),
    "wait_standby": ("catchingup",),
    "catchingup": ("secondary", "single", "prepare_promotion", "demoted", "demote_timeout"),
    "secondary": ("catchingup", "single", "prepare_promotion", "wait_standby", "demoted",
                  "demote_timeout"),
    "wait_primary": ("primary", "single", "demoted"),
    "primary": ("wait_primary", "single", "draining", "demoted", "demote_timeout"),
    "prepare_promotion": ("stop_replication", "wait_primary", "single", "demoted",
                          "demote_timeout"),
    "stop_replication": ("wait_primary", "single", "demoted", "demote_timeout"),
    "draining": ("demoted", "demote_timeout", "single"),
    "demote_timeout": ("demoted", "primary", "single"),
    "demoted": ("catchingup", "single", "demote_timeout"),
}
STREAMS = ("catchingup", "secondary", "prepare_promotion")  # a standby of its peer in these
KEEPER = ("waits", "told", "up")  # its keeper runs


def others(*states: str) -> tuple[str, ...]:
    """The states that are none of these."""
    return tuple(s for s in STATES if s not in states)


NODE_COLUMNS = (
    Column("goal", STATES, says="the monitor: the state that it shall have"),
    Column("reported", STATES, says="the monitor: the state that it reported last"),
    Column("seen", ("well", "sick"),
           says="the monitor: sick if neither reports nor its own health checks arrive for 20 s"),
    Column("aged", ("new", "old"), says="the monitor: old if its goal was set 30 s ago or more"),
    Column("state", STATES, "me", says="its keeper: the state that it is in"),
    Column("assigned", STATES, "me", says="its keeper: the state that it was told to reach"),
    Column("life", ("off", *KEEPER), "me",
           says="off; after a boot its PostgreSQL waits until the monitor was heard; up"),
    Column("path", ("up", "cut"), "environment", says="the network between it and the monitor"),
)
GROUP_COLUMNS = (
    Column("wal", ("far", "near"), says="the monitor: the reported positions are 16 MB apart at most"),
    Column("link", ("up", "cut"), "environment", says="the network between the two nodes"),
)


def same(one: str, other: str) -> tuple[tuple[dict[str, str], str], ...]:
    """The rows of a derived column: the state that both columns have."""
    return tuple(({one: s, other: s}, s) for s in STATES)


DERIVED = (
    Derivation("at", ("me.state", "me.goal"), same("me.state", "me.goal"), "moving",
               "in its report: the state that it is in and shall be in, or moving"),
    Derivation("stands", ("me.reported", "me.goal"), same("me.reported", "me.goal"), "moving",
               "as the monitor has it: the state that it is in and shall be in, or moving"),
    Derivation("told", ("me.state", "me.reported"),
               tuple(({"me.state": s, "me.reported": s}, "yes") for s in STATES), "no",
               "the monitor has heard its state"),
    Derivation("heard", ("me.assigned", "me.goal"),
               tuple(({"me.assigned": s, "me.goal": s}, "yes") for s in STATES), "no",
               "it has heard its goal"),
    Derivation("leads", ("me.reported", "me.goal"),
               (({"me.goal": WRITABLE}, "yes"),
                ({"me.reported": (*WRITABLE, "draining", "demote_timeout", "demoted")}, "yes")),
               "no", "the monitor takes it for the primary, or for the one that was"),
    Derivation("due", ("me.goal", "me.seen"), (({"me.goal": "secondary", "me.seen": "sick"}, "yes"),),
               "no", "a secondary that is sick"),
    Derivation("counts", ("me.stands", "me.seen"),
               (({"me.stands": "secondary", "me.seen": "well"}, "yes"),), "no",
               "a secondary that is well"),
    Derivation("promoting", ("me.reported", "me.goal"),
               (({"me.reported": "prepare_promotion",
                  "me.goal": ("prepare_promotion", "stop_replication", "wait_primary")}, "yes"),
                ({"me.reported": "stop_replication",
                  "me.goal": ("stop_replication", "wait_primary")}, "yes")),
               "no", "the monitor is about to promote it"),
    Derivation("way", ("me.state", "me.assigned"),
               (*(({"me.state": s, "me.assigned": s}, "there") for s in STATES),
                *(({"me.state": s, "me.assigned": to}, "edge") for s, to in EDGES.items())),
               "none", "whether its keeper knows how to reach what it was told"),
    Derivation("writes", ("me.state", "me.life"), (({"me.state": WRITABLE, "me.life": "up"}, "yes"),),
               "no", "its PostgreSQL takes writes"),
)

# ------------------------------------------------------------------------- what can happen

EVENTS = (
    Event("perform_failover", Kind.COMMAND, "administrator", "promote this standby"),
    Event("registered", Kind.COMPLETION, "me", "it registers at the monitor"),
    Event("report", Kind.TIMER, "me", "its keeper reports, and hears its goal"),
    Event("reached", Kind.COMPLETION, "me", "its keeper reaches what it was told"),
    Event("started", Kind.COMPLETION, "me", "after a boot its PostgreSQL runs in the same role"),
    Event("fenced", Kind.TIMER, "me", "a primary that hears nobody for 20 s stops itself"),
    Event("declared_sick", Kind.TIMER, "environment",
          "the monitor: for 20 s no report, and its health checks fail"),
    Event("drained", Kind.TIMER, "environment", "the monitor: 30 s since the goal was set"),
    Event("caught_up", Kind.TIMER, "environment", "the standby has nearly all", seated=False),
    Event("fell_behind", Kind.FAULT, "environment", "the standby lacks more", seated=False),
    Event("crash", Kind.FAULT, "environment", "the host goes down"),
    Event("boot", Kind.REPAIR, "environment", "the host comes up, and its keeper starts"),
    Event("path_cut", Kind.FAULT, "environment", "node and monitor do not reach each other"),
    Event("path_repair", Kind.REPAIR, "environment", "node and monitor reach each other again"),
    Event("link_cut", Kind.FAULT, "environment", "the nodes do not reach each other", seated=False),
    Event("link_repair", Kind.REPAIR, "environment", "the nodes reach each other again",
          seated=False),
)
REGISTERED = others("init")
RUNS = {"me.life": KEEPER}
UPSTREAM = {"peer.life": "up", "link": "up"}
WORLD = (  # where each event can physically happen, and why; a command can come at any time
    ("registered", ({"me.goal": "init", "peer.goal": "init", "me.path": "up", **RUNS},
                    {"me.goal": "init", "peer.goal": WRITABLE, "me.path": "up", **RUNS}),
     "the first is the primary; another one is taken if there is a primary"),
    ("report", ({"me.goal": REGISTERED, "me.path": "up", **RUNS},),
     "once a second, and after each change"),
    ("reached", (
        {"me.way": "edge", "me.assigned": others("catchingup", "secondary", "primary"), **RUNS},
        {"me.way": "edge", "me.assigned": ("catchingup", "secondary"), **UPSTREAM, **RUNS},
        {"me.way": "edge", "me.state": "wait_primary", "me.assigned": "primary", "me.path": "up",
         "peer.state": STREAMS, **UPSTREAM, **RUNS},
        {"me.way": "edge", "me.state": "demote_timeout", "me.assigned": "primary", "me.path": "up",
         **RUNS}),
     "a standby needs the other node; synchronous writes need a standby, and the monitor's word"),
    ("started", ({"me.way": "there", "me.life": "told"},), "nothing keeps it any longer"),
    ("fenced", tuple(
        {"me.state": "primary", "me.assigned": "primary", "me.path": "cut", **RUNS, **alone} for alone in ({"link": "cut"}, {"peer.life": ("off", "waits", "told")},
                                {"peer.state": others(*STREAMS)})),
     "its keeper looks for it in the state primary alone: no monitor, and no standby connected"),
    ("declared_sick", ({"me.seen": "well", "me.goal": REGISTERED, "me.path": "cut"},
                       {"me.seen": "well", "me.goal": REGISTERED, "me.life": "off"}),
     "20 s without a report, and nobody answers the health check"),
    ("drained", ({"me.aged": "new", "me.goal": "demote_timeout", "me.state": others("primary")},
                 {"me.aged": "new", "me.goal": "demote_timeout", "me.life": ("off", "waits")},
                 {"me.aged": "new", "me.goal": "stop_replication", "peer.goal": "wait_primary"}),
     "30 s are more than the 20 s after which a primary that is alone has stopped (A-TIME)"),
    ("caught_up", ({"wal": "far", "link": "up"},), "a standby may have everything at any time"),
    ("fell_behind", ({"wal": "near"},), "or it may not"),
    ("crash", (RUNS,), "a host may go down at any time"),
    ("boot", ({"me.life": "off"},), "a host may come up at any time"),
    ("path_cut", ({"me.path": "up"},), "a cable may break at any time"),
    ("path_repair", ({"me.path": "cut"},), "a cable may be replaced at any time"),
    ("link_cut", ({"link": "up"},), "a cable may break at any time"),
    ("link_repair", ({"link": "cut"},), "a cable may be replaced at any time"),
)

# ------------------------------------------------------------------------------- the rules

SINCE_1168 = {"issue_1168": "with"}  # rows of commit 89d7164, of 2026-07-27

REPORTS = {"me.reported": Copy("me.state"), "me.seen": "well",
           "me.life": by("me.life", {"waits": "told"})}
HEARS = {**REPORTS, "me.assigned": Copy("me.goal")}


def gets(goal: str, peers: str = "") -> dict[str, object]:
    """The effects of a row that gives the reporting node a goal, and perhaps its peer."""
    me = {**REPORTS, "me.goal": goal, "me.assigned": goal, "me.aged": "new"}
    return {**me, "peer.goal": peers, "peer.aged": "new"} if peers else me


SPREADS = {"peer.goal": by("peer.due", {"yes": "catchingup"}), "peer.aged": by("peer.due", {"yes": "new"})}
MONITOR = in_order(  # the first row that fits
    Rule("P207", "report",
         {"me.state": "demote_timeout",
          "me.goal": others("demote_timeout", "demoted", "primary", "single")},
         gets("demoted"), why="it stopped itself, and cannot reach its goal from there"),
    Rule("P401", "report", {"me.at": "single", "peer.stands": "wait_standby"},
         gets("wait_primary"), why="there is a standby to let in"),
    Rule("P407", "report", {"me.at": "primary", "peer.counts": "no", "peer.promoting": "no"},
         {**gets("wait_primary"), **SPREADS}, why="no standby counts: it need not wait for one"),
    Rule("P411", "report", {"me.at": "wait_primary", "peer.counts": "yes"},
         gets("primary"), why="a standby counts: writes wait for it again"),
    Rule("P419", "report", {"me.at": ("wait_primary", "primary"), "peer.due": "yes"},
         {**HEARS, **SPREADS}, why="a secondary that is sick has to catch up first"),
    Rule("P315", "report", {"me.at": "wait_standby", "peer.stands": "wait_primary"},
         gets("catchingup"), why="the primary lets it in: it copies"),
    Rule("P321", "report",
         {"me.at": "catchingup", "me.life": "up", "peer.stands": ("wait_primary", "primary"),
          "wal": "near"}, gets("secondary"),
         why="it has nearly all; nothing is asked about the health of the primary"),
    Rule("P323", "report",
         {"me.at": "secondary", "me.life": "up", "peer.stands": "wait_primary",
          "peer.seen": "sick", "wal": "near"}, gets("prepare_promotion"),
         why="issue 1168: the primary keeps its goal, for it knows no way to draining", only=SINCE_1168),
    Rule("P325", "report",
         {"me.at": "secondary", "me.life": "up", "peer.stands": ("wait_primary", "primary"),
          "peer.seen": "sick", "wal": "near"}, gets("prepare_promotion", "draining"),
         why="the primary is lost, and its standby has nearly all"),
    Rule("P337", "report", {"me.at": "prepare_promotion", "peer.stands": "wait_primary"},
         gets("stop_replication"), why="issue 1168: the same, one step further", only=SINCE_1168),
    Rule("P339", "report", {"me.at": "prepare_promotion", "peer.leads": "yes"},
         gets("stop_replication", "demote_timeout"),
         why="the standby leaves the old primary, which then is alone and stops"),
    Rule("P345", "report", {"me.at": "stop_replication", "peer.stands": "demote_timeout"},
         gets("wait_primary", "demoted"), why="the old primary says that it has stopped"),
    Rule("P347", "report",
         {"me.at": "stop_replication", "peer.goal": "demote_timeout", "peer.aged": "old"},
         gets("wait_primary", "demoted"), why="the old primary has had the time to stop"),
    Rule("P349", "report",
         {"me.at": "stop_replication", "peer.goal": "wait_primary", "me.aged": "old"},
         gets("wait_primary", "demoted"),
         why="issue 1168: the old primary has had the same time, counted at the standby", only=SINCE_1168),
    Rule("P357", "report",
         {"me.at": "demoted", "peer.stands": ("wait_primary", "primary"), "peer.seen": "well"},
         gets("catchingup"), why="there is a primary to follow"),
    Rule("P900", "report", {"me.told": "no"}, HEARS, why="no row fits: it hears its goal"),
    Rule("P901", "report", {"me.heard": "no"}, HEARS, why="no row fits: it hears its goal"),
    Rule("P902", "report", {"me.seen": "sick"}, HEARS, why="no row fits: it is well"),
    Rule("P903", "report", {"me.life": "waits"}, HEARS, why="no row fits: it may start"),
    Rule("P904", "report", outcome=Outcome.IGNORED, why="no row fits, and nothing is new"),
)
OPERATOR = (
    Rule("P105", "perform_failover", {"me.stands": "secondary", "peer.stands": "primary"},
         {"me.goal": "prepare_promotion", "me.aged": "new", "peer.goal": "draining",
          "peer.aged": "new"}, why="somebody asked for it, and both are at rest"),
)
KEEPERS = (
    Rule("K100", "registered", {"peer.goal": "init"},
         {"me.goal": "single", "me.assigned": "single", "me.aged": "new"},
         why="the first node of a group is its primary"),
    Rule("K102", "registered", {"peer.goal": REGISTERED},
         {"me.goal": "wait_standby", "me.assigned": "wait_standby", "me.aged": "new"},
         why="any other node is a standby"),
    Rule("K104", "reached", {}, {"me.state": Copy("me.assigned"), "me.life": "up"},
         why="its table knows the way"),
    Rule("K106", "started", {}, {"me.life": "up"}, why="the monitor left it its role"),
    Rule("K108", "fenced", {}, {"me.assigned": "demote_timeout"},
         why="it may have been replaced, and nobody can tell it"),
)
OUTSIDE = (
    Rule("X100", "declared_sick", {}, {"me.seen": "sick"}, why="two ways to ask, and no answer"),
    Rule("X102", "drained", {}, {"me.aged": "old"}, why="30 s"),
    Rule("X104", "caught_up", {}, {"wal": "near"}, why="a copy"),
    Rule("X106", "fell_behind", {}, {"wal": "far"}, why="many writes"),
    Rule("X108", "crash", {}, {"me.life": "off"}, why="keeper and PostgreSQL are gone"),
    Rule("X110", "boot", {}, {"me.life": "waits"},
         why="its keeper has its file, and asks the monitor before it starts PostgreSQL"),
    Rule("X112", "path_cut", {}, {"me.path": "cut"}, why="a cable"),
    Rule("X114", "path_repair", {}, {"me.path": "up"}, why="another cable"),
    Rule("X116", "link_cut", {}, {"link": "cut"}, why="a cable"),
    Rule("X118", "link_repair", {}, {"link": "up"}, why="another cable"),
)

# ---------------------------------------------------------------------- what is said of it

REACHED = {"both.path": "up", "both.life": "up", "link": "up"}

NORMAL = (  # two nodes register, and come to rest as primary and secondary
    "registered(node1)", "reached(node1)", "report(node1)", "registered(node2)", "reached(node2)",
    "report(node2)", "report(node1)", "reached(node1)", "report(node1)", "report(node2)",
    "reached(node2)", "caught_up", "report(node2)", "reached(node2)", "report(node2)",
    "report(node1)", "reached(node1)", "report(node1)")
AWAY = (  # the standby loses the monitor for a while, and catches up
    "path_cut(node2)", "declared_sick(node2)", "report(node1)", "reached(node1)", "report(node1)",
    "path_repair(node2)", "report(node2)", "reached(node2)")

TABLE = Table(
    name="pg_auto_failover", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS,
    derivations=DERIVED,
    initial=({"goal": "init", "reported": "init", "seen": "well", "aged": "new", "state": "init",
              "assigned": "init", "life": "up", "path": "up", "wal": "far", "link": "up"},),
    events=EVENTS,
    possible=tuple(Possible(event, cells) for event, ways, _ in WORLD for cells in ways),
    phases=(("monitor", MONITOR), ("operator", OPERATOR), ("keeper", KEEPERS),
            ("outside", OUTSIDE)),
    invariants=(
        Invariant("S1", "the monitor never gives both nodes a goal that takes writes",
                  {"both.goal": WRITABLE}, premise={"me.goal": WRITABLE}),
    ),
    observations=(
        Observation("W1", "two nodes take writes", {"both.writes": "yes"}, "reached"),
        Observation("W2", "two nodes take writes, one of them in another state than wait_primary",
                    {"both.writes": "yes", "me.state": ("single", "primary")}, "never"),
        Observation("W3", "a keeper is told what its table knows no way to", {"me.way": "none"}, "never"),
    ),
    converges=(
        Convergence("V1", "two nodes that take writes, and reach the monitor, do not last",
                    {"both.writes": "yes", **REACHED}),
    ),
    adversary=tuple(Adversary(event, ways, why=why) for event, ways, why in WORLD),
    decides=(Decides("me", RUNS),),
    starts=(("normal", NORMAL), ("catching_up", (*NORMAL, *AWAY))),
    goal=tuple(cube({f"{one}.at": "primary", f"{one}.stands": "primary",
                     f"{other}.at": "secondary", f"{other}.stands": "secondary", **REACHED})
               for one, other in (("me", "peer"), ("peer", "me"))),
    assumptions=(
        "A-TIME: a primary that is alone has stopped before the monitor's 30 s are over",
        "A-WAL: the monitor's distance of two nodes is what the columns say",
    ),
)
MACHINE = instantiate(TABLE, {"issue_1168": "with"})

if __name__ == "__main__":
    Path(__file__).with_name("pg_auto_failover.json").write_text(dumps(MACHINE), encoding="utf-8")
