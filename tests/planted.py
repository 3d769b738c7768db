"""A machine that proves completely, and the same machine with one fault planted in it.

Two signal lamps, of which at most one may burn. Each planted fault names the obligations that
must find it; nothing here knows how they do.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from prgcore.machine import Machine, prg
from prgcore.model import (
    AcceptedOnly,
    Adversary,
    Column,
    Decides,
    Event,
    Exclusive,
    Invariant,
    Model,
    Possible,
    Rule,
    Table,
    cube,
)
from prgcore.seats import instantiate
from prgcore.vocabulary import Kind, Outcome

if TYPE_CHECKING:  # what needs no prover does not wait for z3 and numpy
    from prgcore.prove.report import Report
    from prgcore.prove.space import Space

BURNING = ("warming", "lit")

TABLE = Table(
    name="lamps",
    node_columns=(
        Column("state", ("dark", *BURNING), "record", says="what the lamp does"),
        Column("bulb", ("good", "burnt"), "me", says="what is in it"),
    ),
    group_columns=(Column("mains", ("on", "off"), "environment"),),
    derivations=(),
    initial=({"state": "dark", "bulb": "good", "mains": "on"},),
    events=(
        Event("light", Kind.COMMAND, "administrator", "somebody lights this lamp"),
        Event("warm", Kind.COMPLETION, "me", "the lamp has warmed up"),
        Event("rest", Kind.TIMER, "me", "the lamp has burnt long enough"),
        Event("burn_out", Kind.FAULT, "environment", "the bulb burns out"),
        Event("replace", Kind.REPAIR, "environment", "somebody brings a new bulb"),
        Event("mains_fail", Kind.FAULT, "environment", "no current", seated=False),
        Event("mains_return", Kind.REPAIR, "environment", "current again", seated=False),
    ),
    possible=(
        Possible("warm", {"me.state": "warming"}),
        Possible("rest", {"me.state": ("dark", "lit")}),
        Possible("burn_out", {"me.state": "lit", "mains": "on"}),
        Possible("replace", {"me.bulb": "burnt"}),
        Possible("mains_fail", {"mains": "on"}),
        Possible("mains_return", {"mains": "off"}),
    ),
    phases=(("life", (
        Rule("A100", "light", {"both.state": "dark", "me.bulb": "good"}, {"me.state": "warming"},
             why="one at a time"),
        Rule("A102", "warm", {}, {"me.state": "lit"}, why="it is warm"),
        Rule("A104", "rest", {"me.state": "lit"}, {"me.state": "dark"}, why="it saves current"),
        Rule("A106", "rest", {"me.state": ("dark", "warming")}, outcome=Outcome.IGNORED,
             why="it does not burn"),
        Rule("A108", "burn_out", {}, {"me.state": "dark", "me.bulb": "burnt"}, why="bulbs do"),
        Rule("A110", "replace", {}, {"me.bulb": "good"}, why="a new bulb"),
        Rule("A112", "mains_fail", {}, {"mains": "off"}, why="storms"),
        Rule("A114", "mains_return", {}, {"mains": "on"}, why="the storm is over"),
    )),),
    invariants=(
        Invariant("S1", "never both lamps lit", {"both.state": "lit"}, {"me.state": "lit"}),
        Invariant("X1", "never both warming or lit", {"both.state": BURNING},
                  {"me.state": BURNING}, auxiliary=True),
        Invariant("X2", "a lamp that burns has a good bulb",
                  {"me.state": BURNING, "me.bulb": "burnt"}, {"me.state": "lit"}, auxiliary=True),
    ),
    accepted_only=(
        AcceptedOnly("S2", "light", {"both.state": "dark", "me.bulb": "good"},
                     "light is accepted exactly from dark, with a good bulb", exactly=True),
    ),
    exclusive=(Exclusive("S3", ("light",), {"me.state": "warming"}, "nothing while one warms"),),
    transient=("warming",),
    goal=(cube({"both.state": "dark", "both.bulb": "good", "mains": "on"}),),
    assumptions=("somebody has bulbs",),
)

LAMPS = instantiate(TABLE, {})
"""It proves completely: 24 of 72 pairs are reachable."""



ADVERSARY = (
    Adversary("warm", {"me.state": "warming"}, why="nothing keeps a lamp cold"),
    Adversary("rest", {"me.state": "lit"}, {"me.state": "dark"}, why="a lamp may rest"),
    Adversary("burn_out", {"me.state": "lit", "mains": "on"}, why="bulbs do"),
    Adversary("replace", {"me.bulb": "burnt"}, why="bulbs are sold everywhere"),
    Adversary("mains_fail", {"mains": "on"}, why="storms"),
    Adversary("mains_return", {"mains": "off"}, why="no storm lasts"),
)
"""How strong the world of the lamps is."""


def row(table: Table, id_: str) -> Rule:
    """The relative rule with this id."""
    return next(r for _, rules in table.phases for r in rules if r.id == id_)


def rewritten(table: Table, *rules: Rule, without: str = "") -> Table:
    """The table with these rules in place of those with the same ids, and new ones added."""
    new = {r.id: r for r in rules}
    phases = [
        (phase, tuple(new.pop(r.id, r) for r in old if r.id != without))
        for phase, old in table.phases
    ]
    return evolve(table, phases=(*phases, ("planted", tuple(new.values()))))


def _lamps(*rules: Rule, without: str = "", **more: Any) -> Model:
    return instantiate(evolve(rewritten(TABLE, *rules, without=without), **more), {})


def _row(id_: str, **more: Any) -> Rule:
    return evolve(row(TABLE, id_), **more)


@frozen
class Fault:
    """A planted fault: the machine, which obligations must find it, and what is said of it."""

    name: str
    model: Model
    finds: dict[str, str]
    exit_code: int
    says: str

    @property
    def main(self) -> str:
        """The obligation that the fault was planted for."""
        return next(iter(self.finds))


_A104, _TWO_LIT, _BULB = row(TABLE, "A104"), TABLE.invariants[0], TABLE.invariants[2]
_SPLIT = {"A102": _row("A102", when={"peer.bulb": "good"}),
          "Z102": _row("A102", id="Z102", when={"peer.bulb": "burnt"})}

FAULTS = (
    Fault(
        "overlap", _lamps(_row("A106", when={"me.state": ("dark", "lit")})),
        {"F1": "refuted", "F2": "refuted"}, 1, "A104@node1 and A106@node1 both answer rest(node1)",
    ),
    Fault(
        "hole", _lamps(without="A106"),
        {"F2": "refuted"}, 1, "rest(node1) is possible, and not exactly one rule answers",
    ),
    Fault(
        "asymmetric rule",
        evolve(LAMPS, rules=tuple(
            evolve(r, when=cube({"node2.state": "lit", "node2.bulb": "good"}))
            if r.id == "A104@node2" else r
            for r in LAMPS.rules
        )),
        {"F3": "refuted"}, 1, "rule A104@node1: its mirror A104@node2 is another rule",
    ),
    Fault(
        "dead rule",
        _lamps(
            evolve(_A104, when=cube({"me.state": "lit", "me.bulb": "good"})),
            evolve(_A104, id="Z104", when=cube({"me.state": "lit", "me.bulb": "burnt"})),
        ),
        {"F4": "refuted"}, 1, "no reachable pair lets these rules fire: Z104@node1, Z104@node2",
    ),
    Fault(
        "guard too wide", _lamps(_row("A100", when={"both.state": "dark"})),
        {"F5": "refuted", "S2": "refuted", "X2": "refuted"}, 1,
        "light(node1) is done outside what S2 allows",
    ),
    Fault(
        "rule that knows too much", _lamps(*_SPLIT.values()),
        {"F6": "refuted", "F8": "refuted"}, 1, "node1 decides warm(node1) and cannot know node2.bulb",
    ),
    Fault(
        "done rule that changes nothing",
        _lamps(_row("A106", outcome=Outcome.DONE, then={"me.state": "dark"},
                    when={"me.state": "dark"})),
        {"F7": "refuted", "L1": "refuted"}, 1, "A106@node1 is done and changes nothing",
    ),
    Fault(
        "broken invariant", _lamps(_row("A102", then={"both.state": "lit"})),
        {"S1": "refuted", "X1": "refuted", "X2": "refuted"}, 1, "never both lamps lit",
    ),
    Fault(
        "vacuous invariant",
        _lamps(invariants=(*TABLE.invariants, Invariant(
            "S4", "beside a burnt bulb that is lit, nothing is lit",
            {"me.state": "lit", "me.bulb": "burnt", "peer.state": "lit"},
            {"me.state": "lit", "me.bulb": "burnt"},
        ))),
        {"S4": "vacuous"}, 4, "no reachable pair meets the premise",
    ),
    Fault(
        "endless chain",
        _lamps(
            Rule("A120", "relight", {}, {"me.state": "warming"}, why="it is dark"),
            events=(*TABLE.events, Event("relight", Kind.TIMER, "me")),
            possible=(*TABLE.possible,
                      Possible("relight", {"both.state": "dark", "me.bulb": "good"})),
        ),
        {"L1": "refuted"}, 1, "A120@node1, A102@node1, A104@node1",
    ),
    Fault(
        "stuck transition",
        _lamps(possible=(
            Possible("warm", {"me.state": "warming", "peer.bulb": "good"}), *TABLE.possible[1:],
        )),
        {"L1": "refuted"}, 1, "nothing more happens by itself, and node1.state is a transition",
    ),
    Fault(
        "weaker adversary",
        _lamps(adversary=ADVERSARY, possible=(
            *(p for p in TABLE.possible if p.event != "burn_out"),
            Possible("burn_out", {"me.state": "lit", "mains": "on", "peer.bulb": "good"}),
        )),
        {"F10": "refuted"}, 1,
        "burn_out(node1) must be possible where node1.state = lit, node2.bulb = burnt, "
        "mains = on, and is not (bulbs do)",
    ),
    Fault(
        "stronger adversary",
        _lamps(adversary=ADVERSARY, possible=(
            *TABLE.possible, Possible("replace", {"me.bulb": "good"})),
            phases=rewritten(TABLE, _row("A110", when={"me.bulb": "burnt"}), Rule(
                "Z110", "replace", {"me.bulb": "good"}, outcome=Outcome.IGNORED)).phases),
        {"F10": "refuted"}, 1,
        "replace(node1) is possible where node1.bulb = good, and may not be (bulbs are sold",
    ),
    Fault(
        "a dead lamp decides",
        _lamps(adversary=ADVERSARY, decides=(Decides("me", {"me.state": BURNING}),)),
        {"F10": "refuted"}, 1,
        "rest(node1) is possible where node1.state = dark, and node1 decides nothing there",
    ),
    Fault(
        "adversary that says nothing",
        _lamps(adversary=(
            *ADVERSARY[1:], Adversary("warm", (
                {"me.state": "warming"}, {"both.state": "warming"}), why="they race"),
        )),
        {"F10": "vacuous"}, 4,
        "warm(node1): must[1]: no reachable pair is in it: node1.state in warming; node2.state",
    ),
    Fault(
        "no way home", _lamps(_row("A110", outcome=Outcome.IGNORED, then={})),
        {"L2": "refuted"}, 1, "no way leads home",
    ),
)



def sound(fault: Fault) -> Model:
    """The machine without the fault; with the adversary that the fault is found by."""
    return _lamps(adversary=ADVERSARY) if fault.model.adversary else LAMPS


HARMLESS = _lamps(_row("A104", when={"me.state": BURNING}))
"""Two rules of `rest` share the pairs in which a lamp warms, where it cannot happen."""

NOT_INDUCTIVE = _lamps(invariants=(_TWO_LIT, _BULB))
"""Without X1 the promise that never both lamps are lit is true, and not inductive."""


@cache
def report(model: Model) -> Report:
    """What the prover says of a machine, once a process."""
    from prgcore.prove.report import prove

    return prove(Machine(model))


@cache
def reachable() -> Space:
    """Every reachable pair of the presence redundancy group, once a process."""
    from prgcore.prove.work import Work

    return Work(prg()).space
