"""One service on two servers, of which at most one writes: the machine, as data.

One node is active. The other is its standby: a replica, which is current or behind. Only a current
one is promoted, unless an administrator forces another one by name. Every row is written from `me`
and `peer`, and holds for both nodes. `python active_standby.py` writes machine.json beside this
file, which every command of prgcore reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from prgcore.model import (
    AcceptedOnly,
    ActionKind,
    Adversary,
    Agent,
    Column,
    Convergence,
    Decides,
    Derivation,
    Duty,
    Event,
    Hears,
    Invariant,
    Observation,
    OnlyBy,
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

# ---------------------------------------------------------------------------- what is known

STATES = ("waiting", "standby", "promoting", "active", "demoting", "failed")
WRITERS = ("promoting", "active")  # the record assigns the users to a node in one of these
STOPPED = ("waiting", "failed")  # the service of a node in one of these should not run

NODE_COLUMNS = (
    Column("state", STATES, "record", says="what it is"),
    Column("data", ("current", "behind"), "record",
           says="its copy, by what the active node said last; it stays when that node is lost"),
    Column("host", ("on", "off"), "me", says="whether its agent runs"),
    Column("service", ("up", "down"), "record", says="what the check of its service said last"),
    Column("hears", ("yes", "no"), "me", says="it hears heartbeats of its peer"),
)
GROUP_COLUMNS = (
    Column("failover", ("automatic", "paused"), "record", says="whether a standby may take over"),
    Column("link", ("up", "cut"), "environment", says="the network between them"),
)
DERIVED = (
    Derivation(
        "rival", ("me.hears", "peer.state", "peer.service"),
        (({"peer.state": ("waiting", "standby", "failed")}, "none"),
         ({"me.hears": "no"}, "lost"),
         ({"peer.state": "active", "peer.service": "down"}, "sick")),
        "well", "its peer as a writer: none, lost from sight, sick, or well"),
    Derivation(
        "heir", ("me.hears", "peer.state", "peer.data"),
        (({"me.hears": "yes", "peer.state": ("waiting", "standby"), "peer.data": "current"},
          "yes"),),
        "no", "its peer is there, and has all that was written"),
    Derivation(
        "hearing", ("me.hears", "peer.hears"),
        (({"me.hears": "no"}, "unheard"), ({"peer.hears": "no"}, "one_way")),
        "both", "whether each node hears the other, as heartbeats say"),
)

# ------------------------------------------------------------------------- what can happen

EVENTS = (
    Event("switchover", Kind.COMMAND, "administrator", "make this standby the active node"),
    Event("force_promote", Kind.COMMAND, "administrator",
          "make this node the active one, whatever its peer has written beside it"),
    Event("recover", Kind.COMMAND, "administrator", "make this node a replica of its peer again"),
    Event("pause", Kind.COMMAND, "administrator", "no standby takes over by itself", seated=False),
    Event("resume", Kind.COMMAND, "administrator", "a standby may take over again", seated=False),
    Event("promoted", Kind.COMPLETION, "me", "its service is the primary"),
    Event("promotion_failed", Kind.COMPLETION, "me", "its service does not become the primary",
          success=False),
    Event("demoted", Kind.COMPLETION, "me", "its service is stopped, and will start as a replica"),
    Event("demotion_failed", Kind.COMPLETION, "me",
          "its service does not stop, or does not become a replica", success=False),
    Event("alone_failed", Kind.COMPLETION, "me", "its primary does not write alone: it is down",
          success=False),
    Event("take_over", Kind.TIMER, "me", "a node with a current copy has seen no writer for long"),
    Event("heartbeat_lost", Kind.TIMER, "me", "no heartbeat for long"),
    Event("heartbeat_heard", Kind.TIMER, "me", "a heartbeat"),
    Event("fell_behind", Kind.FAULT, "me", "an active node says that its standby is behind"),
    Event("caught_up", Kind.REPAIR, "me", "an active node says that its standby is current"),
    Event("service_down", Kind.FAULT, "me", "its service does not answer"),
    Event("service_up", Kind.REPAIR, "me", "its service answers"),
    Event("crash", Kind.FAULT, "environment", "its agent, or the whole host, goes down"),
    Event("boot", Kind.REPAIR, "environment", "its agent starts"),
    Event("link_cut", Kind.FAULT, "environment", "the network breaks", seated=False),
    Event("link_repair", Kind.REPAIR, "environment", "the network works again", seated=False),
)

Cells: TypeAlias = dict[str, str | tuple[str, ...]]

_UP: Cells = {"me.host": "on"}
_NO_WRITER = ("none", "lost", "sick")
_MAY_TAKE_OVER: Cells = {  # a node with a copy that is current, and no writer that it sees
    "me.state": ("waiting", "standby"), "me.data": "current", "me.rival": _NO_WRITER,
    "peer.state": tuple(s for s in STATES if s != "promoting"), "failover": "automatic", **_UP}
# where each event can physically happen, and why; a command can come at any time
_WORLD: tuple[tuple[str, tuple[Cells, ...], str], ...] = (
    ("promoted", ({"me.state": "promoting", **_UP},), "a promotion may work"),
    ("promotion_failed", ({"me.state": "promoting", **_UP},), "or it may not"),
    ("demoted", ({"me.state": "demoting", **_UP},), "a demotion may work"),
    ("demotion_failed", ({"me.state": ("demoting", *STOPPED), **_UP},),
     "or it may not; and a service that should be stopped may run on"),
    ("alone_failed", ({"me.state": "active", "me.service": "down", **_UP},),
     "a primary may be down when it should go on alone"),
    ("take_over", (_MAY_TAKE_OVER,), "silence may last, whatever its cause"),
    ("heartbeat_lost", ({"me.hears": "yes", "link": "cut", **_UP},
                        {"me.hears": "yes", "peer.host": "off", **_UP}),
     "a dead host and a cut network are silent"),
    ("heartbeat_heard", ({"both.host": "on", "me.hears": "no", "link": "up"},),
     "a network that works delivers heartbeats"),
    ("fell_behind", ({"me.state": "active", "peer.data": "current", "me.service": "up", **_UP},),
     "a replica may be lost, or slow; a primary that is down says nothing"),
    ("caught_up", ({"me.state": "active", "peer.state": "standby", "peer.data": "behind",
                    "me.service": "up", **_UP},), "a replica may have everything at any time"),
    ("service_down", ({"me.service": "up", **_UP},), "a service may fail at any time"),
    ("service_up", ({"me.service": "down", **_UP},), "somebody may start it by hand"),
    ("crash", (_UP,), "a host may go down at any time"),
    ("boot", ({"me.host": "off"},), "a host may come up at any time"),
    ("link_cut", ({"link": "up"},), "a cable may break at any time"),
    ("link_repair", ({"link": "cut"},), "a cable may be replaced at any time"),
)

# ------------------------------------------------------------------------------- the rules


def claim(who: str) -> tuple[str, ...]:
    """The actions by which a node becomes the writer: nobody writes before it has the claim."""
    deeds = ("acquire_grant", "move_users", "start_service", "promote")
    return tuple(f"{do}({who})" for do in deeds)


def let_go(who: str, *also: str) -> tuple[str, ...]:
    """The actions by which a node ceases to write. A guard sees that its service does not run."""
    deeds = ("stop_service", *also, "disconnect_users", "release_grant")
    return tuple(f"{do}({who})" for do in deeds)


_OVERTAKEN = by(
    "peer.state", dict.fromkeys(("standby", "promoting", "active", "demoting"), "waiting"))
_FORCIBLE: Cells = {
    "me.state": ("waiting", "standby", "failed"), "me.rival": _NO_WRITER, "me.host": "on"}

PROMOTION = (
    Rule("P100", "take_over", {"me.hears": "no"},
         {"me.state": "promoting", "peer.state": _OVERTAKEN},
         actions=("fence_peer(me)", *let_go("peer"), *claim("me")),
         why="a peer that is not heard may be writing: it is shut out first"),
    Rule("P102", "take_over", {"me.hears": "yes"},
         {"me.state": "promoting", "peer.state": _OVERTAKEN},
         actions=(*let_go("peer"), *claim("me")), why="a peer that is heard can let go by itself"),
    Rule("P104", "promoted", {"peer.state": "waiting"},
         {"me.state": "active", "me.data": "current",
          "peer.state": "demoting", "peer.data": "behind"},
         actions=("serve_alone(me)", "stop_service(peer)", "demote(peer)"),
         why="an old primary may have what nobody else has: it is rewound before it is a standby"),
    Rule("P106", "promoted", {"peer.state": ("standby", "failed")},
         {"me.state": "active", "me.data": "current", "peer.data": "behind"},
         actions="serve_alone(me)", why="what it writes from now on is what counts"),
    Rule("P108", "promotion_failed", {"me.heir": "yes"},
         {"me.state": "failed", "peer.state": "promoting"},
         actions=(*let_go("me"), *claim("peer")),
         why="nothing was written since the other node let go, so that one takes back"),
    Rule("P110", "promotion_failed", {"me.heir": "no"}, {"me.state": "failed"},
         actions=let_go("me"), why="nobody else can; an administrator must look"),
)
MANUAL = (
    Rule("M100", "switchover",
         {"me.state": "standby", "me.data": "current", "me.rival": "well",
          "peer.state": "active", **_UP},
         {"peer.state": "demoting"}, actions=let_go("peer", "demote"),
         why="the active node ceases to write first, so nothing is lost"),
    Rule("M102", "force_promote", {**_FORCIBLE, "me.hears": "no"},
         {"me.state": "promoting", "peer.state": _OVERTAKEN},
         actions=("fence_peer(me)", *let_go("peer"), *claim("me")),
         why="somebody has named it, and a peer that is not heard is shut out"),
    Rule("M104", "force_promote", {**_FORCIBLE, "me.hears": "yes"},
         {"me.state": "promoting", "peer.state": _OVERTAKEN},
         actions=(*let_go("peer"), *claim("me")),
         why="somebody has named it; so begins a new pair, too, where neither node has data yet"),
    Rule("M106", "recover", {"me.state": "failed", "peer.state": "active", **_UP},
         {"me.state": "demoting"}, actions=("stop_service(me)", "demote(me)"),
         why="somebody has looked at it"),
    Rule("M108", "recover",
         {"me.state": "failed", "peer.state": ("waiting", "standby", "promoting", "failed"), **_UP},
         {"me.state": "waiting"}, why="there is nobody to copy from yet"),
    Rule("M110", "recover",
         {"me.state": "standby", "me.data": "behind", "peer.state": "active", **_UP},
         {"me.state": "demoting"}, actions=("stop_service(me)", "demote(me)"),
         why="a replica that does not catch up is made anew"),
    Rule("M112", "pause", {"failover": "automatic"}, {"failover": "paused"}, why="for maintenance"),
    Rule("M114", "resume", {"failover": "paused"}, {"failover": "automatic"}, why="it is over"),
)
DEMOTION = (
    Rule("D100", "demoted", {"peer.state": "standby", "peer.data": "current", "me.hears": "yes"},
         {"me.state": "standby", "peer.state": "promoting"},
         actions=(*claim("peer"), "start_service(me)"), why="a switchover: nobody writes now"),
    Rule("D102", "demoted", {"peer.state": "standby", "me.data": "current", "me.hears": "no"},
         {"me.state": "promoting"}, actions=claim("me"),
         why="the other node is gone: this one goes on"),
    Rule("D104", "demoted", {"peer.state": "active"}, {"me.state": "standby"},
         actions="start_service(me)",
         why="it follows; it is behind until the active node says more"),
    Rule("D106", "demotion_failed",
         {"me.state": "demoting", "me.data": "current", "peer.state": "standby"},
         {"me.state": "promoting"}, actions=claim("me"),
         why="a switchover that fails changes nothing"),
    Rule("D108", "demotion_failed", {"me.state": "demoting", "peer.state": "active"},
         {"me.state": "failed"}, why="an administrator must look"),
    Rule("D110", "demotion_failed", {"me.state": "waiting", "peer.state": "promoting"},
         {"me.state": "failed"}, actions=("fence_peer(peer)", *claim("peer")),
         why="a node that does not let go is shut out"),
    Rule("D112", "demotion_failed",
         {"me.state": "waiting", "peer.state": ("waiting", "standby", "active", "failed")},
         {"me.state": "failed"}, why="an administrator must look"),
    Rule("D114", "demotion_failed", {"me.state": "failed", "peer.state": "promoting"},
         {"peer.state": "failed"}, actions=let_go("peer"),
         why="neither is promoted nor lets go: nobody writes until an administrator has looked"),
    Rule("D116", "demotion_failed",
         {"me.state": "failed", "peer.state": ("waiting", "standby", "active", "failed")},
         outcome=Outcome.IGNORED, why="it has failed already"),
)
WORLD = (
    Rule("L100", "heartbeat_lost", {}, {"me.hears": "no"}, why="silence"),
    Rule("L102", "heartbeat_heard", {}, {"me.hears": "yes"}, why="the peer is there"),
    Rule("C100", "fell_behind", {}, {"peer.data": "behind"}, actions="serve_alone(me)",
         why="first the record says so, then the active node writes without its standby"),
    Rule("C104", "alone_failed", outcome=Outcome.IGNORED, why="it is asked again once it is up"),
    Rule("C102", "caught_up", {"me.hearing": "both"}, {"peer.data": "current"},
         why="it may be promoted from now on"),
    Rule("C106", "caught_up", {"me.hearing": ("unheard", "one_way")}, outcome=Outcome.IGNORED,
         why="a current standby that hears nobody would take over again, and back, for ever"),
    Rule("X100", "service_down", {}, {"me.service": "down"},
         why="its restarts are its agent's task"),
    Rule("X102", "service_up", {"me.state": ("standby", "promoting", "demoting")},
         {"me.service": "up"}, why="as it should"),
    Rule("X103", "service_up", {"me.state": "active", "peer.data": "current"},
         {"me.service": "up"}, why="as it should"),
    Rule("X105", "service_up", {"me.state": "active", "peer.data": "behind"},
         {"me.service": "up"}, actions="serve_alone(me)",
         why="a primary that was down may wait still"),
    Rule("X104", "service_up", {"me.state": STOPPED}, {"me.service": "up"},
         actions="stop_service(me)", why="an old primary does not come back by itself"),
    Rule("X106", "crash", {}, {"me.host": "off", "me.hears": "no"},
         why="the record keeps what it last was"),
    Rule("X108", "boot", {}, {"me.host": "on"},
         why="the record says what it is, and what was asked of it is still asked of it"),
    Rule("X110", "link_cut", {}, {"link": "cut"}, why="a cable"),
    Rule("X112", "link_repair", {}, {"link": "up"}, why="another cable"),
)

# ---------------------------------------------------------------------------- the promises

INVARIANTS = (  # never any of these
    Invariant("S1", "never two writers: the users are assigned to one node",
              {"both.state": WRITERS}, premise={"me.state": WRITERS}),
    Invariant("S2", "the copy of the active node is the one that counts",
              {"me.state": "active", "me.data": "behind"}, premise={"me.state": "active"}),
    Invariant("S3", "beside an active node, a current copy is that of a standby",
              {"me.state": "active", "peer.data": "current",
               "peer.state": tuple(s for s in STATES if s != "standby")},
              premise={"me.state": "active", "peer.data": "current"}),
    Invariant("S4", "a node is demoted beside an active one, or before a switchover to a standby",
              {"me.state": "demoting",
               "peer.state": ("waiting", "promoting", "demoting", "failed")},
              premise={"me.state": "demoting"}),
    Invariant("S5", "in a switchover both copies are current",
              ({"me.state": "demoting", "peer.state": "standby", "me.data": "behind"},
               {"me.state": "demoting", "peer.state": "standby", "peer.data": "behind"}),
              premise={"me.state": "demoting", "peer.state": "standby"}),
    Invariant("S6", "nobody waits beside an active node: it is made a standby",
              {"me.state": "waiting", "peer.state": "active"}, premise={"me.state": "active"}),
    Invariant("S7", "a node that does not run hears nothing", {"me.host": "off", "me.hears": "yes"},
              premise={"me.host": "off"}),
)
ACCEPTED = (
    AcceptedOnly("S8", "switchover",
                 {"me.state": "standby", "me.data": "current", "me.hears": "yes",
                  "peer.state": "active", "peer.service": "up", **_UP},
                 "a switchover goes to a current standby of an active node that is well",
                 exactly=True),
    AcceptedOnly("S9", "force_promote",
                 tuple({"me.state": ("waiting", "standby", "failed"), **_UP, **cells} for cells in (
                     {"me.hears": "no"}, {"peer.state": ("waiting", "standby", "failed")},
                     {"peer.state": "active", "peer.service": "down"})),
                 "nobody is promoted by force beside a writer that is heard and well",
                 exactly=True),
    AcceptedOnly("S10", "recover",
                 ({"me.state": "failed", **_UP},
                  {"me.state": "standby", "me.data": "behind", "peer.state": "active", **_UP}),
                 "a failed node, and a standby that is behind, are made replicas again",
                 exactly=True),
    AcceptedOnly("S11", "demotion_failed",
                 ({"me.state": ("demoting", "waiting"), **_UP},
                  {"me.state": "failed", "peer.state": "promoting", **_UP}),
                 "a node that does not let go is noticed until nobody writes", exactly=True),
)
UNFORCED = ("take_over(me)", "demoted(me)", "demoted(peer)", "demotion_failed(me)",
            "promotion_failed(peer)")
_HEARD: dict[str, Cells] = {  # a node that gives its users to the other one hears it
    event: {"me.state": ("waiting", "standby"), "peer.hears": "yes"}
    for event in ("demoted(peer)", "promotion_failed(peer)")}
ONLY_BY = (
    OnlyBy("S12", "me.state", "promoting",
           (*UNFORCED, "force_promote(me)"),
           "never promote one that is behind, unless forced by name",
           {event: {"me.data": "current", **_HEARD.get(event, {})} for event in UNFORCED}),
    OnlyBy("S13", "me.state", "active", ("promoted(me)",), "nobody is active who was not promoted"),
    OnlyBy("S14", "me.data", "current", ("promoted(me)", "caught_up(peer)"),
           "only the active node says that its standby is current, and while both hear each other",
           {"caught_up(peer)": {"peer.state": "active", "both.hears": "yes"}}),
    OnlyBy("S15", "me.state", "standby", ("demoted(me)",),
           "nobody is a standby who was not demoted"),
    OnlyBy("S16", "me.state", "demoting", ("switchover(peer)", "promoted(peer)", "recover(me)"),
           "a copy is thrown away if it is not the newest, or somebody says so",
           {"promoted(peer)": {"me.state": "waiting"}}),
    OnlyBy("S17", "me.state", "failed", ("promotion_failed(me)", "demotion_failed(me)",
                                         "demotion_failed(peer)"),
           "a node fails by itself, or where it is promoted beside one that does not let go",
           {"demotion_failed(peer)": {"me.state": "promoting", "peer.state": "failed"}}),
)
_NOT_PROMOTING = tuple(s for s in STATES if s != "promoting")
DUTIES = (
    Duty("Q1", "the next writer gets the grant, then the claim, and is promoted then",
         claim("me"), before={"me.state": _NOT_PROMOTING}, after={"me.state": "promoting"},
         follows=("fence_peer(me)", *let_go("peer")), why="a node that writes has the claim"),
    Duty("Q2", "a peer that is not heard is fenced before a promotion", "fence_peer(me)",
         before={"me.state": _NOT_PROMOTING, "me.hears": "no"}, after={"me.state": "promoting"},
         harmless={"me.state": "promoting", "me.hears": "no"},
         events=("take_over(me)", "force_promote(me)"), why="it may be writing"),
    Duty("Q3", "a node that does not stop is fenced before its peer is promoted",
         ("fence_peer(me)", *claim("me")), before={"me.state": "promoting"},
         after={"me.state": "promoting"}, events=("demotion_failed(peer)",),
         harmless={"me.state": "promoting", "peer.state": "failed"},
         why="the orders of the promotion were dropped with the one that failed"),
    Duty("Q4", "the last writer stops, disconnects users, and gives the grant back",
         let_go("me"), before={"me.state": WRITERS},
         after={"me.state": ("waiting", "demoting", "failed")},
         why="before the other node writes"),
    Duty("Q5", "a node that is demoted is stopped first", ("stop_service(me)", "demote(me)"),
         before={"me.state": tuple(s for s in STATES if s != "demoting")},
         after={"me.state": "demoting"}, why="a service is rewound while it is stopped"),
    Duty("Q6", "a node that is a standby now starts", "start_service(me)",
         before={"me.state": "demoting"}, after={"me.state": "standby"}, why="to follow"),
    Duty("Q7", "a service that runs and should not is stopped", "stop_service(me)",
         before={"me.service": "down", "me.state": STOPPED},
         after={"me.service": "up", "me.state": STOPPED},
         why="an old primary does not come back by itself"),
    Duty("Q8", "an active node that loses its standby goes on alone", "serve_alone(me)",
         before={"me.state": "active", "peer.data": "current"},
         after={"me.state": "active", "peer.data": "behind"}, why="the record says so before"),
    Duty("Q9", "a promotion that fails gives the users back to a node that has everything",
         claim("peer"),
         before={"me.state": "promoting", "me.hears": "yes",
                 "peer.state": ("waiting", "standby"), "peer.data": "current"},
         after={"me.state": "failed"}, events=("promotion_failed(me)",),
         harmless={"me.state": "failed", "peer.state": "promoting"}, follows=let_go("me"),
         why="it keeps the other node"),
    Duty("Q10", "a node that becomes active writes without its peer, once the record says behind",
         "serve_alone(me)", before={"me.state": "promoting"},
         after={"me.state": "active", "peer.data": "behind"},
         why="until then it waits: the record may still call its peer current"),
    Duty("Q11", "an active node that is up again beside a peer that is behind goes on alone",
         "serve_alone(me)",
         before={"me.state": "active", "me.service": "down", "peer.data": "behind"},
         after={"me.state": "active", "me.service": "up", "peer.data": "behind"},
         why="it may have been down when it was asked"),
)
OBSERVATIONS = (
    Observation("W1", "the active node is lost, and the other one serves",
                {"me.host": "off", "peer.state": "active"}, "reached"),
    Observation("W2", "the service of the active node is down, and its standby is behind: it stays",
                {"me.state": "active", "me.service": "down", "peer.data": "behind"}, "reached"),
    Observation("W3", "both have failed", {"both.state": "failed"}, "reached"),
    Observation("W4", "a node that is behind is promoted by force",
                {"me.state": "promoting", "me.data": "behind"}, "reached"),
    Observation("W5", "two standbys, and nobody active", {"both.state": "standby"}, "never"),
)

# --------------------------------------------------------------------------- what runs it

PARAMETERS = (  # in seconds; a group file may set them
    Parameter("keep_alive_interval", default=1, says="how often a heartbeat is sent"),
    Parameter("keep_alive_timeout", default=5, says="how long heartbeats may be missing"),
    Parameter("take_over_after", default=2,
              says="how long a current standby sees no writer before it takes over"),
)
TIMERS = (  # when each event of time is due; the first that is due is given first
    Timer("heartbeat_heard", told="heartbeat", says="a heartbeat arrives"),
    Timer("heartbeat_lost", limits=(({}, "keep_alive_timeout"),), again=("heartbeat", "stall"),
          says="silence since the last heartbeat"),
    Timer("take_over", runs=_MAY_TAKE_OVER, limits=(({}, "take_over_after"),),
          says="a current copy, and no writer"),
)
_LETS_GO = "demotion_failed(me)"
_CLAIMS = "promotion_failed(me)"
ACTIONS = (  # what an agent does for an action, and which event reports that it failed
    ActionKind("fence_peer", "shut the peer out, so that it cannot write", "when it cannot write",
               fails=_CLAIMS, does="fence"),
    ActionKind("acquire_grant", "obtain the grant for this node", "when it has it",
               fails=_CLAIMS, does="acquire"),
    ActionKind("move_users", "claim the users for this node", "when nobody else can serve them",
               fails=_CLAIMS, does="move"),
    ActionKind("start_service", "start the service of this node", "when it runs",
               fails=_CLAIMS, does="start"),
    ActionKind("promote", "make the service of this node the primary", "when it takes writes",
               fails=_CLAIMS, does="promote"),
    ActionKind("serve_alone", "let the primary write without waiting for its replica",
               "when it does", fails="alone_failed(me)", does="promote"),
    ActionKind("stop_service", "stop the service of this node", "when it does not run",
               fails=_LETS_GO, does="stop"),
    ActionKind("demote", "make the stopped service of this node a replica of its peer",
               "when it will start as one", fails=_LETS_GO, does="demote"),
    ActionKind("disconnect_users", "let the users go", "when this node serves nobody",
               fails=_LETS_GO, does="disconnect"),
    ActionKind("release_grant", "give the grant back", "when this node does not have it",
               fails=_LETS_GO, does="release"),
)
AGENT = Agent(  # what an agent reports and does by itself
    starts="boot(me)", knows={"me.host": "off", "me.hears": "no"}, stops="crash(me)",
    watches={"services": ("service_down(me)", "service_up(me)"),
             "current": ("fell_behind(me)", "caught_up(me)")},
    leaves={"me.state": ("demoting", *STOPPED)}, holds={"me.state": WRITERS},
    able={"me.host": "on", "me.service": "up"},
    roles={"primary": {"me.state": "active"}, "replica": {"me.state": "standby"}},
)

TABLE = Table(
    name="active/standby", node_columns=NODE_COLUMNS, group_columns=GROUP_COLUMNS,
    derivations=DERIVED,
    initial=({"state": "waiting", "data": "behind", "host": "on", "service": "down",
              "hears": "yes", "failover": "automatic", "link": "up"},),
    events=EVENTS,
    possible=tuple(Possible(event, where) for event, many, _ in _WORLD for where in many),
    phases=(("promotion", PROMOTION), ("manual", MANUAL), ("demotion", DEMOTION), ("world", WORLD)),
    invariants=INVARIANTS, accepted_only=ACCEPTED, only_by=ONLY_BY, observations=OBSERVATIONS,
    converges=(Convergence(
        "V1", "a node with a current copy that sees no writer does not stay so",
        _MAY_TAKE_OVER, within=4),),
    duties=DUTIES,
    adversary=tuple(Adversary(event, many, why=why) for event, many, why in _WORLD),
    decides=(Decides("me", {"me.host": "on"}),),
    told=(Told("me", ("me.host", "me.hears")),),
    hears=(Hears("me", {"me.hears": "yes"}, ("peer.host", "me.hearing"), column="me.hears",
                 heard="heartbeat_heard(me)", lost="heartbeat_lost(me)"),),
    serves=(Serves("me", "users", {"me.state": WRITERS}),),
    transient=("promoting", "demoting"),
    may_wait=tuple(
        cube({"me.state": state, "me.host": "off"}) for state in ("promoting", "demoting")),
    timers=TIMERS, parameters=PARAMETERS, actions=ACTIONS, agents=(AGENT,),
    starts=(("normal", ("force_promote(node1)", "service_up(node1)", "promoted(node1)",
                        "demoted(node2)", "service_up(node2)", "caught_up(node1)")),),
    goal=tuple(
        cube({f"{one}.state": "active", f"{other}.state": "standby", "both.data": "current",
              "both.host": "on", "both.service": "up", "both.hears": "yes", "link": "up",
              "failover": "automatic"})
        for one, other in (("me", "peer"), ("peer", "me"))
    ),
    assumptions=(
        "A-LIN: both nodes reach one linearizable record, even while the link is cut",
        ("A-STOP: a node that may not serve writes nothing: its service or its guard obeys the "
         "lease"),
        "A-COPY: while the record says current, the standby lacks no more than its check allows",
    ),
)
MACHINE = instantiate(TABLE, {})

if __name__ == "__main__":
    Path(__file__).with_name("machine.json").write_text(dumps(MACHINE), encoding="utf-8")
