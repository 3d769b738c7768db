"""Form: every finding by name, F1 and F6 decided from the table, guards contained or not."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from attrs import evolve

from prgcore.errors import MalformedMachine
from prgcore.form.wellformed import (
    STORY_VERBS,
    contains,
    findings,
    knowledge,
    overlaps,
    satisfiable,
)
from prgcore.machine import prg
from prgcore.model import (
    AcceptedOnly,
    Advice,
    Cause,
    Cell,
    Column,
    Const,
    Copy,
    Cube,
    Derivation,
    Display,
    Effect,
    Event,
    Exclusive,
    Invariant,
    Model,
    OnlyBy,
    Possible,
    Rule,
    Situation,
    Story,
    Viewpoint,
    by,
    cube,
)
from prgcore.seats import instantiate
from prgcore.story.script import parse
from prgcore.tables.actions import ACTIONS
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Kind, Outcome
from tests.planted import TABLE
from tests.toys import LAMPS, TURNSTILE

CHOICES = [
    dict(zip([p.name for p in POLICIES], chosen, strict=True))
    for chosen in product(*(p.choices for p in POLICIES))
]


@pytest.fixture(params=CHOICES, ids=lambda c: "-".join(c.values()))
def model(request: pytest.FixtureRequest) -> Model:
    return prg(**request.param).model


def test_the_group_is_well_formed(model: Model) -> None:
    assert findings(model) == ()
    assert {a.do for rule in model.rules for a in rule.actions} <= {a.name for a in ACTIONS}


def test_the_group_is_deterministic_even_where_events_cannot_happen(model: Model) -> None:
    assert overlaps(model) == ()
    assert overlaps(model, anywhere=True) == ()


def test_the_group_reads_only_what_its_deciders_can_know(model: Model) -> None:
    assert knowledge(model) == ()


@pytest.mark.parametrize("toy", [TURNSTILE, LAMPS], ids=lambda m: m.name)
def test_the_toys_are_well_formed(toy: Model) -> None:
    assert findings(toy) == ()
    assert overlaps(toy) == ()
    assert knowledge(toy) == ()


def _rule(then: object = None, when: object = None, **more: object) -> Model:
    rule = Rule("R", "coin", when or {"arm": "locked"}, then or {"arm": "open"}, **more)
    return evolve(TURNSTILE, rules=(rule,))


def _columns(*columns: Column) -> Model:
    return evolve(TURNSTILE, columns=(*TURNSTILE.columns, *columns))


_ARM = Column("arm", ("locked", "open"))
_TOTAL = ((("locked",), "a"), (("open",), "b"))

WRONG = [
    (_columns(_ARM), "columns[1]: 'arm' is already the name of columns[0]"),
    (_columns(Column("x", ())), "columns[1].domain: empty; x needs at least one value"),
    (_columns(Column("x", ("a", "a"))),
     "columns[1].domain[1]: 'a' is already the name of columns[1].domain[0]"),
    (_columns(Column("x", ("a",), table=_TOTAL)),
     "columns[1].table: x has no sources, so it cannot be derived"),
    (_columns(Column("x", ("a",), "derived", ("arms",))),
     "columns[1].from[0]: unknown column 'arms'; did you mean arm?"),
    (_columns(Column("x", ("a", "b"), "derived", ("arm",), _TOTAL[:1])),
     "columns[1].table: not total; no row for open"),
    (_columns(Column("x", ("a",), "derived", ("arm",), _TOTAL)),
     "columns[1].table[1]: unknown value 'b'; known: a"),
    (_columns(Column("x", ("a", "b"), "derived", ("arm",), (*_TOTAL, (("ajar",), "a")))),
     "columns[1].table[2]: ajar are not values of its sources"),
    (_columns(Column("x", ("a", "b"), "derived", ("arm",), (*_TOTAL, (("open",), "a")))),
     "columns[1].table[2]: open has a row already"),
    (_columns(Column("x", ("a", "b"), "derived", ("arm", "arm"), ())),
     "columns[1].from: a column named twice"),
    (_columns(Column("x", ("a", "b"), "derived", ("y",), ((("a",), "a"), (("b",), "b"))),
              Column("y", ("a", "b"), "derived", ("x",), ((("a",), "a"), (("b",), "b")))),
     "columns[1].from: x reads y reads x; a derived column is made of stored columns in the end"),
    (_columns(Column("x", ("a", "a")), Column("y", ("c",), "derived", ("x",), ((("a",), "c"),))),
     "columns[1].domain[1]: 'a' is already the name of columns[1].domain[0]"),
    (_columns(Column("x", ("a", "a", "b")),
              Column("y", ("c",), "derived", ("x",), ((("a",), "c"),))),
     "columns[2].table: not total; no row for b"),
    (evolve(TURNSTILE, columns=()), "columns: none; a machine has at least one"),
    (evolve(TURNSTILE, initial=()), "initial: none; a machine has at least one initial pair"),
    (evolve(TURNSTILE, initial=((),)), "initial[0]: incomplete; no value for arm"),
    (evolve(TURNSTILE, initial=((("arm", "ajar"),),)),
     "initial[0].arm: unknown value 'ajar'; known: locked, open"),
    (evolve(_columns(Column("x", ("a", "b"), "derived", ("arm",), _TOTAL)),
            initial=((("arm", "open"), ("x", "b")),)),
     "initial[0].x: derived; an initial pair names stored columns"),
    (evolve(TURNSTILE, events=(*TURNSTILE.events, Event("coin", Kind.COMMAND, "a"))),
     "events[2]: 'coin' is already the name of events[0]"),
    (evolve(TURNSTILE, possible=()),
     ("events[1]: push is not a command, and nothing says where it is possible; "
     "add an entry to possible")),
    (evolve(TURNSTILE, possible=(*TURNSTILE.possible, Possible("coin", {}))),
     "possible[1].event: coin is a command; commands are possible everywhere"),
    (evolve(TURNSTILE, possible=(*TURNSTILE.possible, Possible("pull", {}))),
     "possible[1].event: unknown event 'pull'; did you mean push?"),
    (evolve(TURNSTILE, possible=(Possible("push", {"leg": "open"}),)),
     "possible[0].when.leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, rules=(*TURNSTILE.rules, TURNSTILE.rules[0])),
     "rules[3]: 'T1' is already the name of rules[0]"),
    (_rule(when={"leg": "open"}), "rules[0].when.leg: unknown column 'leg'; known: arm"),
    (_rule(when={"arm": "ajar"}), "rules[0].when.arm: unknown value 'ajar'; known: locked, open"),
    (_rule(when=Cube((Cell("arm", "open"), Cell("arm", "open")))),
     "rules[0].when.arm: a second cell of one column; at most one is allowed"),
    (_rule(when=Cube((Cell("arm", ()),))),
     "rules[0].when.arm: no value, so it never holds; name at least one"),
    (_rule({"leg": "open"}), "rules[0].then.leg: unknown column 'leg'; known: arm"),
    (_rule({"arm": "ajar"}), "rules[0].then.arm: unknown value 'ajar'; known: locked, open"),
    (_rule({"arm": Copy("leg")}), "rules[0].then.arm: unknown column 'leg'; known: arm"),
    (_rule({"arm": by("leg", {"x": "open"})}), "rules[0].then.arm: unknown column 'leg'; known: arm"),
    (_rule({"arm": by("arm", {"ajar": "open"})}),
     "rules[0].then.arm.map.ajar: unknown value 'ajar'; known: locked, open"),
    (_rule({"arm": by("arm", {"open": "ajar"})}),
     "rules[0].then.arm.map.open: unknown value 'ajar'; known: locked, open"),
    (_rule((Effect("arm", Const("open")), Effect("arm", Const("locked")))),
     "rules[0].then.arm: two effects on one column"),
    (_rule(outcome=Outcome.IGNORED),
     "rules[0]: R is ignored, so it has no effect and asks for no action"),
    (_rule(outcome=Outcome.REFUSED), "rules[0].outcome: refusals are not rows; leave the row out"),
    (evolve(TURNSTILE, rules=(Rule("R", "coin"),)),
     "rules[0]: R is done but changes nothing and asks for nothing"),
    (evolve(TURNSTILE, rules=(Rule("R", "pull", then={"arm": "open"}),)),
     "rules[0].event: unknown event 'pull'; did you mean push?"),
    (evolve(TURNSTILE, possible=(Possible("push", {"arm": "open"}),)),
     "rules[2]: T3 is nowhere possible: no pair has its cells and its event"),
    (evolve(TURNSTILE, invariants=(Invariant("S1", "", {"leg": "open"}),)),
     "invariants[0].never[0].leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, invariants=(Invariant("S1", "", {}), Invariant("S1", "", {}))),
     "invariants[1]: 'S1' is already the name of invariants[0]"),
    (evolve(TURNSTILE, invariants=(Invariant("S1", "", {}, premise={"arm": "ajar"}),)),
     "invariants[0].premise.arm: unknown value 'ajar'; known: locked, open"),
    (evolve(TURNSTILE, accepted_only=(AcceptedOnly("S1", "pull", {}),)),
     "accepted_only[0].command: unknown event 'pull'; did you mean push?"),
    (evolve(TURNSTILE, accepted_only=(AcceptedOnly("S1", "coin", {"leg": "x"}),)),
     "accepted_only[0].when[0].leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, exclusive=(Exclusive("S1", ("push",), {}),)),
     "exclusive[0].commands[0]: unknown command 'push'; known: coin"),
    (evolve(TURNSTILE, exclusive=(Exclusive("S1", ("coin",), {"leg": "x"}),)),
     "exclusive[0].never_in[0].leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, only_by=(OnlyBy("S1", "leg", "x", ()),)),
     "only_by[0].column: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, only_by=(OnlyBy("S1", "arm", "ajar", ("coin",)),)),
     "only_by[0].value: unknown value 'ajar'; known: locked, open"),
    (evolve(TURNSTILE, only_by=(OnlyBy("S1", "arm", "open", ("pull",)),)),
     "only_by[0].events[0]: unknown event 'pull'; did you mean push?"),
    (evolve(TURNSTILE, mirror=(("arm", "leg"),)), "mirror.arm: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, mirror=(("arm", "arm"),)),
     "mirror.arm: a mirror pairs each column with one other"),
    (evolve(_columns(Column("x", ("a",))), mirror=(("arm", "x"),)),
     "mirror.arm: arm and x have different domains"),
    (evolve(_columns(Column("x", ("a", "b"), "derived", ("arm",), _TOTAL)),
            mirror=(("arm", "x"),)),
     "mirror.arm: a mirror exchanges stored columns"),
    (evolve(TURNSTILE, transient=(Cell("arm", "ajar"),)),
     "transient.arm: unknown value 'ajar'; known: locked, open"),
    (evolve(TURNSTILE, invariants=(Invariant("S1", "", {}, exactly=("leg",)),)),
     "invariants[0].exactly[0]: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, may_wait=(cube({"leg": "x"}),)),
     "may_wait[0].leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, viewpoints=(Viewpoint("hall", {}, {"leg": "x"}),)),
     "viewpoints[0].node2.leg: unknown column 'leg'; known: arm"),
    (evolve(TURNSTILE, starts=(("lit", ("pull",)),)),
     "starts.lit[0]: unknown event 'pull'; did you mean push?"),
    (evolve(TURNSTILE, starts=(("lit", ()),), stories=(Story("s", "", (), "let"),)),
     "stories[0].start: unknown start 'let'; did you mean lit?"),
    (evolve(TURNSTILE, goal=(cube({"leg": "x"}),)), "goal[0].leg: unknown column 'leg'; known: arm"),
]


@pytest.mark.parametrize(("wrong", "line"), WRONG, ids=[line[:48] for _, line in WRONG])
def test_a_finding_says_where_and_what(wrong: Model, line: str) -> None:
    assert line in findings(wrong)


def test_a_rule_that_sets_a_derived_column_is_found() -> None:
    wrong = evolve(
        _columns(Column("x", ("a", "b"), "derived", ("arm",), _TOTAL)),
        rules=(Rule("R", "coin", {}, {"x": "a"}),),
    )
    assert "rules[0].then.x: x is derived; an effect sets stored columns" in findings(wrong)


def test_a_copy_between_domains_that_differ_is_found_unless_the_guard_prevents_it() -> None:
    def copies(*values: str) -> Model:
        return evolve(
            _columns(Column("x", ("open", "ajar"))),
            rules=(Rule("R", "coin", {"x": values}, {"arm": Copy("x")}),),
        )

    assert "rules[0].then.arm: x can be ajar, which arm cannot" in findings(copies("open", "ajar"))
    assert not [f for f in findings(copies("open")) if "then.arm" in f]


def test_a_situation_that_names_what_is_not_there_is_found() -> None:
    situation = Situation(
        "1", "", Display(None, None), fits={"leg": "x"},
        advice=(Advice("", {"leg": "x"}, ("pull",)),), causes=(Cause("c", "", ("pull",)),),
    )
    assert findings(evolve(TURNSTILE, situations=(situation,))) == (
        "situations[0].causes[0].start: unknown start 'normal'; known: ",
        "situations[0].fits.leg: unknown column 'leg'; known: arm",
        "situations[0].advice[0].if.leg: unknown column 'leg'; known: arm",
        "situations[0].advice[0].events[0]: unknown event 'pull'; did you mean push?",
        "situations[0].causes[0].events[0]: unknown event 'pull'; did you mean push?",
    )


def test_all_findings_come_at_once() -> None:
    wrong = evolve(_rule({"leg": "x"}, {"arm": "ajar"}), initial=(), possible=())
    assert len(findings(wrong)) == 4


# ------------------------------------------------------------------------------------- F1


def test_an_overlap_names_both_rules_and_a_shared_pair() -> None:
    wide = evolve(TURNSTILE, rules=(*TURNSTILE.rules, Rule("T9", "push", {}, {"arm": "open"})))
    assert [str(o) for o in overlaps(wide)] == [
        "T2 and T9 both answer push where arm=open; narrow the cells of one of them",
        "T3 and T9 both answer push where arm=locked; narrow the cells of one of them",
    ]


def test_an_overlap_counts_only_where_the_event_is_possible() -> None:
    model = evolve(
        TURNSTILE, possible=(Possible("push", {"arm": "open"}),),
        rules=(*TURNSTILE.rules, Rule("T9", "push", {"arm": "locked"}, {"arm": "open"})),
    )
    assert overlaps(model) == ()
    assert [o.pair for o in overlaps(model, anywhere=True)] == [(("arm", "locked"),)]


def test_derived_cells_are_expanded_before_rules_are_compared() -> None:
    both = Rule("P5", "follow(node1)", {"switch": "on"}, {"node1.lamp": "on"})
    wide = evolve(LAMPS, rules=(*LAMPS.rules, both))
    assert [(o.rule1, o.rule2) for o in overlaps(wide)] == [("P3", "P5")]
    narrow = evolve(both, when=cube({"switch": "off", "spare": "off", "light": "both"}))
    assert overlaps(evolve(LAMPS, rules=(*LAMPS.rules, narrow))) == ()


@pytest.mark.parametrize("dropped", ["B108", "S110", "L114", "M100"])
def test_a_rule_without_its_guard_overlaps(dropped: str) -> None:
    model = prg().model
    rule = next(r for r in model.rules if r.id.startswith(dropped))
    double = evolve(rule, id="Z1", when=Cube())
    found = overlaps(evolve(model, rules=(*model.rules, double)))
    assert rule.id in {o.rule1 for o in found}


# ------------------------------------------------------------------------------ the kernel


def _brute(model: Model, cubes: tuple[Cube, ...]) -> bool:
    stored = [c for c in model.columns if not c.derived]
    derived = [c for c in model.columns if c.derived]
    for values in product(*(c.domain for c in stored)):
        pair = dict(zip([c.name for c in stored], values, strict=True))
        for column in derived:
            pair[column.name] = dict(column.table)[tuple(pair[s] for s in column.sources)]
        if all(pair[c.column] in c.values for cube_ in cubes for c in cube_):
            return True
    return False


def test_the_kernel_agrees_with_brute_force() -> None:
    parts = [
        cube({c.name: v}) for c in LAMPS.columns for v in c.domain
    ]
    asked = [(a, b, c) for a in parts for b in parts for c in parts[::3]]
    for cubes in asked[::7]:
        assert (satisfiable(LAMPS, cubes) is not None) == _brute(LAMPS, cubes), cubes


def test_an_assignment_names_only_what_was_asked() -> None:
    assert satisfiable(LAMPS, [cube({"light": "one", "switch": "on"})]) == {
        "switch": "on", "spare": "off",
    }
    assert satisfiable(LAMPS, [cube({"light": "dark"}), cube({"switch": "on"})]) is None


def test_containment_has_a_witness_when_it_fails() -> None:
    both = cube({"light": "both"})
    assert contains(LAMPS, both, [cube({"switch": "on", "spare": "on"})]) is None
    assert contains(LAMPS, cube({}), [cube({"light": ("both", "one")}), cube({"light": "dark"})]) is None
    witness = contains(LAMPS, cube({"switch": "on"}), [both, cube({"mains": "up"})])
    assert witness is not None
    assert (witness["switch"], witness["spare"], witness["mains"]) == ("on", "off", "down")


def test_guards_of_the_group_are_contained() -> None:
    model = prg().model
    failover = next(r for r in model.rules if r.id == "M100@node1").when
    heard = cube({"node1.hears_peer": "yes", "node2.services": "up", "node2.database": "up"})
    assert contains(model, failover, [heard]) is None
    assert contains(model, heard, [failover]) is not None


# ------------------------------------------------------------------------------------- F6


def _knows(rule: Rule) -> tuple[str, ...]:
    return knowledge(evolve(LAMPS, rules=(rule,)))


def test_a_node_that_reads_its_peer_is_found() -> None:
    assert _knows(Rule("R", "follow(node1)", {"node2.lamp": "on"}, {"node1.lamp": "on"})) == (
        ("rules[0].when.node2.lamp: node1 decides follow(node1) and cannot know node2.lamp "
        "(observed by node2)"),
    )


def test_a_node_that_writes_its_peer_is_found() -> None:
    assert _knows(Rule("R", "follow(node1)", {}, {"node2.lamp": "on"})) == (
        ("rules[0].then.node2.lamp: node1 decides follow(node1) and cannot write node2.lamp "
        "(observed by node2)"),
    )


def test_maps_and_copies_are_reads() -> None:
    map_ = Rule("R", "follow(node1)", {}, {"node1.lamp": by("mains", {"up": "on"})})
    copy = Rule("R", "follow(node1)", {}, {"node1.lamp": Copy("node2.lamp")})
    assert "cannot know mains (observed by environment)" in _knows(map_)[0]
    assert "cannot know node2.lamp" in _knows(copy)[0]


def test_the_administrator_asks_both_nodes_but_not_the_environment() -> None:
    both = Rule("R", "flip", {"node1.lamp": "on", "node2.lamp": "on"}, {"node2.lamp": "off"})
    mains = Rule("R", "flip", {"mains": "up"}, {"switch": "on"})
    assert _knows(both) == ()
    assert "administrator decides flip and cannot know mains" in _knows(mains)[0]


def test_a_derived_column_needs_its_gate() -> None:
    rule = Rule("R", "follow(node1)", {"node1.peer_lamp": "on"}, {"node1.lamp": "on"})
    leaky = tuple(
        evolve(c, table=tuple((k, k[1]) for k, _ in c.table)) if c.name == "node1.peer_lamp" else c
        for c in LAMPS.columns
    )
    environment = tuple(
        evolve(c, observed_by="environment") if c.name == "node2.lamp" else c
        for c in LAMPS.columns
    )
    assert _knows(rule) == ()
    for columns in (leaky, environment):
        found = knowledge(evolve(LAMPS, columns=columns, rules=(rule,)))
        assert len(found) == 1
        assert "node1 decides follow(node1) and cannot know node1.peer_lamp" in found[0]


def test_the_environment_knows_everything() -> None:
    assert _knows(Rule("R", "cut", {"node2.lamp": "on"}, {"node1.lamp": "off"})) == ()


# --------------------------------------------------------------- names that stories can tell


@pytest.mark.parametrize("name", [*STORY_VERBS, "expect more", "given up", "impossible thing"])
def test_an_event_is_not_called_as_a_line_of_a_story_begins(name: str) -> None:
    events = (evolve(LAMPS.events[0], name=name), *LAMPS.events[1:])
    wrong = [line for line in findings(evolve(LAMPS, events=events)) if "story" in line]
    assert wrong == [(
        f"events[0]: {name!r} begins a line of a story with another meaning; an event is not "
        "called policy, start, given, expect, refused, ignored or impossible"
    )]


@pytest.mark.parametrize("name", ["start(node1)", "started", "restart", "done", "ignored_call"])
def test_an_event_that_no_line_is_taken_for_keeps_its_name(name: str) -> None:
    assert parse(name).lines[0].name == name
    events = (evolve(LAMPS.events[0], name=name), *LAMPS.events[1:])
    assert not any("story" in line for line in findings(evolve(LAMPS, events=events)))


# ------------------------------------------------------------------- tables as a person writes


@pytest.mark.parametrize(("change", "wrong"), [
    ({"initial": ({"state": "dark", "bulb": "good"},)},
     "initial[0]: no value for mains; it is one of on, off"),
    ({"initial": ({"state": "dark", "mains": "on"},)},
     "initial[0]: no value for bulb; it is one of good, burnt"),
    ({"initial": ({},)}, "initial[0]: no value for state; it is one of dark, warming, lit"),
    ({"initial": ({"state": "dim", "bulb": "good", "mains": "on"},)},
     "initial[0].state: unknown value 'dim'; "),
    ({"initial": ({"state": "dark", "bulb": "good", "mains": "on", "colour": "red"},)},
     "initial[0]: unknown column 'colour'; known: bulb, mains, state"),
    ({"initial": ({"node1.state": "dark", "bulb": "good", "mains": "on"},)},
     "initial[0]: unknown column 'node1.state'; did you mean state?"),
    ({"derivations": (Derivation("fit", (), ((cube({}), "yes"),), "no", ""),)},
     "derivations[0].sources: none; fit is made of at least one stored column"),
    ({"derivations": (Derivation("fit", ("me.bulp",), (), "no", ""),)},
     "derivations[0].sources: unknown column 'me.bulp'; did you mean me.bulb"),
    ({"derivations": (Derivation("fit", ("bulb",), (), "no", ""),)},
     "derivations[0].sources: unknown column 'bulb'; did you mean me.bulb"),
    ({"derivations": (Derivation("fit", ("me.bulb",), ((cube({"mains": "on"}), "yes"),), "no", ""),)},
     "derivations[0].rows: mains is read, and is not among the sources"),
    ({"derivations": (
        Derivation("fit", ("me.bulb",), ((cube({"both.bulb": "good"}), "yes"),), "no", ""),)},
     "derivations[0].rows: peer.bulb is read, and is not among the sources"),
])
def test_what_a_table_lacks_is_said_and_is_no_key_error(change: dict[str, Any], wrong: str) -> None:
    with pytest.raises(MalformedMachine) as found:
        instantiate(evolve(TABLE, **change), {})
    assert any(line.startswith(wrong) for line in found.value.findings), found.value
