"""Machines that are small enough to check by hand; nothing of them is about availability."""

from __future__ import annotations

from itertools import product

from prgcore.model import (
    AcceptedOnly,
    ActionKind,
    Adversary,
    Advice,
    Agent,
    Cause,
    Cell,
    Column,
    Convergence,
    Copy,
    Decides,
    Display,
    Duty,
    Event,
    Exclusive,
    Family,
    Hears,
    Invariant,
    Model,
    Observation,
    OnlyBy,
    Parameter,
    Possible,
    Rule,
    Serves,
    Shown,
    Situation,
    Story,
    Timer,
    Told,
    Viewpoint,
    by,
    cube,
)
from prgcore.vocabulary import Evidence, Kind, Outcome

TURNSTILE = Model(
    name="turnstile",
    columns=(Column("arm", ("locked", "open")),),
    initial=((("arm", "locked"),),),
    events=(
        Event("coin", Kind.COMMAND, "administrator"),
        Event("push", Kind.FAULT, "environment"),
    ),
    possible=(Possible("push", {}),),
    rules=(
        Rule("T1", "coin", {"arm": "locked"}, {"arm": "open"}),
        Rule("T2", "push", {"arm": "open"}, {"arm": "locked"}),
        Rule("T3", "push", {"arm": "locked"}, outcome=Outcome.IGNORED, why="it holds"),
    ),
)
"""Two states; one event that is ignored in one of them."""

_YES_NO = ("yes", "no")
_BRIGHT = tuple(
    ((one, two), "both" if one == two == "on" else "dark" if one == two == "off" else "one")
    for one, two in product(("on", "off"), repeat=2)
)

LAMPS = Model(
    name="lamps",
    columns=(
        Column("node1.lamp", ("on", "off", "broken"), "node1", says="what shines"),
        Column("node2.lamp", ("on", "off", "broken"), "node2", says="what shines"),
        Column("node1.hears", _YES_NO, "node1"),
        Column("mains", ("up", "down"), "environment"),
        Column("switch", ("on", "off")),
        Column("spare", ("on", "off")),
        Column("light", ("both", "one", "dark"), "derived", ("switch", "spare"), _BRIGHT),
        Column(
            "node1.peer_lamp", ("unheard", "on", "off", "broken"), "derived",
            ("node1.hears", "node2.lamp"),
            tuple(((h, v), "unheard" if h == "no" else v)
                  for h, v in product(_YES_NO, ("on", "off", "broken"))),
        ),
    ),
    initial=((
        ("node1.lamp", "off"), ("node2.lamp", "off"), ("node1.hears", "yes"),
        ("mains", "up"), ("switch", "off"), ("spare", "off"),
    ),),
    events=(
        Event("flip", Kind.COMMAND, "administrator", "somebody flips the switch", seated=False),
        Event("follow(node1)", Kind.TIMER, "node1"),
        Event("burnt(node1)", Kind.COMPLETION, "node1", success=False),
        Event("cut", Kind.FAULT, "environment", seated=False),
    ),
    possible=(
        Possible("follow(node1)", {"mains": "up", "node1.lamp": ("on", "off")}),
        Possible("burnt(node1)", {"node1.lamp": "on"}),
        Possible("cut", {"mains": "up", "switch": "on"}),
        Possible("cut", {"mains": "up", "light": ("one", "both")}),
    ),
    rules=(
        Rule("P1", "flip", {"switch": "off"}, {"switch": "on", "spare": Copy("switch")},
             cite="the manual", why="a switch", phase="hand"),
        Rule("P2", "flip", {"switch": "on"}, {"switch": "off"}, phase="hand",
             evidence=Evidence.POLICY, decisions=("D99",), only={"colour": "red"}),
        Rule("P3", "follow(node1)", {"light": ("one", "both")},
             {"node1.lamp": by("switch", {"on": "on", "off": "off"})},
             actions=("shine(node1)", "ring"), phase="time"),
        Rule("P4", "follow(node1)", {"light": "dark", "node1.peer_lamp": ("unheard", "off")},
             outcome=Outcome.IGNORED, phase="time"),
        Rule("P6", "follow(node1)", {"light": "dark", "node1.peer_lamp": ("on", "broken")},
             {"node1.lamp": "off", "node1.hears": "no"}, phase="time"),
        Rule("P8", "burnt(node1)", {}, {"node1.lamp": "broken"}, phase="time"),
        Rule("P10", "cut", {}, {"mains": "down"}),
    ),
    invariants=(
        Invariant("S1", "a lamp that is dark is not lit", {"mains": "down", "spare": "on"},
                  premise={"mains": "down"}, exactly=("mains", "spare"), why="because"),
        Invariant("X1", "nobody breaks the other lamp", {"node2.lamp": "broken"}, auxiliary=True),
    ),
    accepted_only=(AcceptedOnly("S2", "flip", ({"mains": "up"}, {"mains": "down"}),
                                "always", exactly=True),),
    exclusive=(Exclusive("S3", ("flip",), {"mains": "down"}, "one at a time"),),
    only_by=(OnlyBy("S4", "node1.lamp", "broken", ("burnt(node1)",), "it burns out",
                    {"burnt(node1)": {"node1.lamp": "on"}}),),
    observations=(Observation("W1", "the lamp burns in the dark",
                              {"node1.lamp": "on", "switch": "off"}, "reached"),),
    converges=(Convergence("V1", "a lamp that is off follows", {"node1.lamp": "off"}, 7),),
    duties=(Duty("Q1", "a lamp that follows the switch shines", ("shine(node1)", "ring"),
                 {"light": ("one", "both")}, {"mains": "up"}, "wire", {"mains": "up"},
                 ("follow(node1)",), "nobody sees the switch"),),
    adversary=(
        Adversary("follow(node1)", {"mains": "up", "node1.lamp": ("on", "off")},
                  why="a lamp that is whole follows", cite="the manual", decisions="D99"),
        Adversary("burnt(node1)", {"node1.lamp": "on"}, only={"colour": "red"}),
        Adversary("cut", {"mains": "up", "switch": "on"}, {"mains": "up"}),
    ),
    decides=(Decides("node1", {"node1.lamp": ("on", "off")}),),
    mirror=(("node1.lamp", "node2.lamp"),),
    mirror_values=(("spare", (("on", "off"), ("off", "on"))),),
    told=(Told("node2", "node2.lamp"),),
    hears=(Hears("node1", {"node1.hears": "yes"}, "node2.lamp", "burnt(node1)", "follow(node1)",
                 "node1.hears"),),
    serves=(Serves("node1", "guests", {"switch": "on"}),),
    transient=(Cell("node1.lamp", ("off",)),),
    may_wait=(cube({"mains": "down"}),),
    viewpoints=(Viewpoint("hall", {"mains": "up"}, {}),),
    starts=(("dark", ()), ("lit", ("flip",))),
    stories=(Story("s1", "by hand", ("flip", "expect switch = off"), "lit", {"colour": "red"}),),
    families=(Family("F1", "odd", (((("on", ""), ()), (("off",), ("none",))),), "D99", "1", "wait"),),
    goal=(cube({"node1.lamp": "on"}),),
    assumptions=("somebody pays the bill",),
    situations=(Situation(
        "1", "nobody is at home", Display(Shown("off", "none"), None), (True, False),
        advice=(Advice("flip it", {"mains": "up"}, ("flip",), "document", "it is worn",
                       {"colour": "red"}),),
        causes=(Cause("c1", "by hand", ("flip", "flip"), "dark"),),
        literal="lihgt", corrected="light", fits={"switch": "off"}, seat="node2",
    ),),
    timers=(Timer("follow(node1)", "the dark lasts", "the manual", runs={"node1.hears": "no"},
                  limits=(({"switch": "on"}, "patience"), ({}, 1.5)), again=("heartbeat", "stall"),
                  again_in={"node1.lamp": "off"}, decisions="D99"),),
    parameters=(
        Parameter("patience", "Patience", 7.5, "s", "node", "how long", "the manual", 1, 60, "now"),
        Parameter("loud", default=True, unit="true or false", least=0, most=1),
    ),
    actions=(ActionKind("shine", "shine", "until morning", "burnt(node1)", "start", "node1"),),
    agents=(Agent("node1", "cut", {"node1.lamp": "off"}, "flip", {"services": ("cut", "flip")},
                  {"node1.lamp": "broken"}, {"switch": "on"}, {"mains": "up"},
                  {"primary": {"node1.lamp": "on"}}, {"node1.lamp": "off"}),),
    words={"lamp.on": "shining", "broken": "burnt out", "flip": "press", "mains": "power",
           "shine": "light up", "guests": "visitors"},
    policy=(("colour", "red"),),
)
"""Everything that a model can say, once."""
