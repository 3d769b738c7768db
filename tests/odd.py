"""Machines whose names and steps are hard to write in other languages, and easy to get wrong."""

from __future__ import annotations

from attrs import evolve

from prgcore.model import Column, Copy, Event, Invariant, Model, Possible, Rule, by
from prgcore.vocabulary import Kind
from tests.toys import TURNSTILE

SWAP = Model(
    name='swap */ "quoted" \\ ',
    columns=(
        Column("a b", ("do", "od", "*/"), "record"), Column("a_b", ("do", "od", "*/"), "record"),
        Column("third", ("x", "y"), "record"),
        Column("both", ("same", "other"), "derived", ("a b", "a_b"), tuple(
            ((one, two), "same" if one == two else "other")
            for one in ("do", "od", "*/") for two in ("do", "od", "*/"))),
    ),
    initial=((("a b", "do"), ("a_b", "od"), ("third", "x")),),
    events=(Event("assert", Kind.COMMAND, "administrator"),
            Event("byte 1", Kind.FAULT, "environment", seated=False)),
    possible=(Possible("byte 1", {"both": "other"}),),
    rules=(
        Rule("proctype", "assert", {}, {"a b": Copy("a_b"), "a_b": Copy("a b"),
                                        "third": by("both", {"other": "y"})}),
        Rule("mtype", "byte 1", {}, {"a b": "*/", "third": by("a b", {"*/": "x"})}),
    ),
    invariants=(Invariant("never", "is a word of Promela */", {"both": "same"}),),
)
"""Columns that exchange their values, and names that mean something else in Promela."""

SEVERAL = evolve(
    TURNSTILE, name="several", initial=((("arm", "locked"),), (("arm", "open"),)))
LARGE = Model(
    "large", (Column("many", tuple(f"v{n}" for n in range(300)), "record"),),
    ((("many", "v299"),),), (Event("go", Kind.COMMAND, "administrator"),), (),
    tuple(Rule(f"R{n}", "go", {"many": f"v{n}"}, {"many": f"v{(n + 7) % 300}"}) for n in range(300)))

ODD = Model(
    name="odd (machine)",
    columns=(Column("let", ("|", "\\", "not")), Column("a b", ("é", "e", "è")),
             Column("a.b", ("only",))),
    initial=((("let", "|"), ("a b", "é"), ("a.b", "only")),),
    events=(Event("and", Kind.COMMAND, "administrator"), Event("or", Kind.FAULT, "environment")),
    possible=(Possible("or", {"let": "not"}),),
    rules=(Rule("(", "and", {"let": "|"}, {"let": "not"}),
           Rule(")", "or", {}, {"a b": "e", "let": "|"})),
    invariants=(Invariant("S/1", "never è", {"a b": "è"}),
                Invariant("s/1", "never e where let is not", {"a b": "é", "let": "\\"})),
)
"""Names that are words or signs of other languages."""

CLASH = Model(
    name="clash",
    columns=(
        Column("a", ("b__c", "x")), Column("a__b", ("c", "x")), Column("a.b", ("c.d", "x")),
        Column("a.b.c", ("d", "x")), Column("_", ("_", "__")),
    ),
    initial=((("a", "b__c"), ("a__b", "x"), ("a.b", "c.d"), ("a.b.c", "x"), ("_", "_")),),
    events=(Event("e", Kind.COMMAND, "administrator"), Event("E", Kind.COMMAND, "administrator"),
            Event("F", Kind.FAULT, "environment")),
    possible=(Possible("F", {"a.b": "c.d"}),),
    rules=(Rule("r", "e", {"a": "b__c", "a__b": "x"}, {"a": "x", "a__b": "c"}),
           Rule("R", "E", {"a": "x", "a__b": "c"}, {"a.b.c": "d", "_": "__"}),
           Rule("r.R", "F", {}, {"a.b": "x"})),
    invariants=(Invariant("A", "a is never x where a__b is x", {"a": "x", "a__b": "x"}),
                Invariant("a", "a.b.c is never x where _ is __", {"a.b.c": "x", "_": "__"})),
)
"""Two names that look alike once a column is joined with its value."""

NAMES = (
    "v1", "v1.1", "v1.1.2", "#v1", "#", ".", "a b", "a_b", "a__b", "a-b", "a.b", "a", "ab",
    'say "hi"', "it's", "back\\slash", "x", "x.y", "x(y)", "x_y", "x__y", "(y)", "x___20", "20", "x(20)",
    "failover", "failover(node1)", "failover.node1", "failover_node1", "failover__node1",
    "über", "状態", "état", "<b>&amp;</b>", "-->", "[*]", "*", "a.*", "|", ";", ":", "%", "$x", "@x",
    "end", "state", "class", "graph", "subgraph", "default", "note", "as", "if", "in", "not", "and",
    "or", "None", "null", "true", "undefined", "done", "error", "done.state.s_v1", "error.execution",
    "xstate.stop", "constructor", "__proto__", "toString", "trigger", "send", "initial", "s_v1",
    "x_a_20_b", "_", "__", "-", "A", "é", "e\u0301",
    "=", "*a*", "**", "`", "`a`", "``", "_a_", "a_", "~~a~~", "__a__b__", "a,b", "=1+1", "{a}", "${a}", "a\tb",
)
"""Words that some format reads as something else: signs, prefixes, words of its own."""


def ring(
    names: tuple[str, ...] = NAMES, name: str = 'ring #1.0 "odd" (x)',
    events: tuple[str, ...] | None = None,
) -> Model:
    """A machine that goes round: each event leads from the value of its place to the next one.

    Values, events and rules have the same names, unless events are named otherwise.
    """
    return Model(
        name, (Column("node1.state", names, "record"),), ((("node1.state", names[0]),),),
        tuple(Event(one, Kind.COMMAND, "administrator") for one in events or names), (),
        tuple(Rule(event, event, {"node1.state": one}, {"node1.state": after}, why=one)
              for event, one, after in zip(events or names, names, names[1:] + names[:1], strict=True)),
    )


RING = ring()
