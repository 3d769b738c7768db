"""The one place that joins data and code: `PRG`, the presence redundancy group.

`PRG` is the machine under the default policies; `prg(reconnection="keep_serving")` makes it under
others. Each is built on first use, so importing costs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name

if TYPE_CHECKING:
    from prgcore.explain.explaining import Explanation, WhyNot
    from prgcore.explain.plan import Plan
    from prgcore.form.atlas import Atlas
    from prgcore.form.habits import Habits
    from prgcore.form.splits import Split
    from prgcore.model import Choices, Model, Rule, Table

NAME = "prg"
"""The name of the machine that the document describes."""

__all__ = [
    "NAME", "PRG", "Machine", "PresenceRedundancyGroup", "build", "duties", "habits", "meanings", "prg",
    "reference", "respelt", "unusual",
]


class Machine(Engine):
    """A machine that decides and explains: `step`, `available`, and the questions that search.

    `Machine(model)` takes any model: one of your own, or one from a machine file.
    """

    def explain(self, pair: Mapping[str, str]) -> Explanation:
        """An explanation of this pair: its meaning, its cause, what to do now."""
        from prgcore.explain.explaining import explain

        return explain(self, pair)

    def why_not(self, pair: Mapping[str, str], command: str) -> WhyNot:
        """Why a command is refused, and the shortest plan that enables it."""
        from prgcore.explain.explaining import why_not

        return why_not(self, pair, command)

    def plan(self, pair: Mapping[str, str], goal: Mapping[str, str] | None = None) -> Plan:
        """The shortest plan to the goal by repairs, commands, timers and completions."""
        from prgcore.explain.plan import plan

        return plan(self, pair, goal)


class PresenceRedundancyGroup(Machine):
    """The machine of the document. Its atlas is shipped, so questions look answers up there.

    `prg()` makes it. With a model that is not the document's it has no atlas.
    """

    @cached_property
    def atlas(self) -> Atlas | None:
        """The atlas: every reachable pair, and the next event on a shortest way home from each."""
        from prgcore.form.atlas import read
        from prgcore.tables.atlas import EVENTS, LEVELS, PAIRS, ROOTS

        if not self._documented:
            return None
        first, root = ROOTS[self._choices]
        return read(self.model.columns, PAIRS, first, LEVELS, root, EVENTS)

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        """The displays that only two nodes without one record show, and how they come about."""
        from prgcore.form.splits import read
        from prgcore.tables.splits import SPLITS, WHICH

        return read(SPLITS[WHICH[self._choices]]) if self._documented else ()

    @property
    def _documented(self) -> bool:
        """Whether the model is the document's, in whatever words."""
        ours = _model(self.model.policy)
        return self.model is ours or evolve(self.model, words=()) == ours

    @property
    def _choices(self) -> tuple[str, ...]:
        from prgcore.tables.policies import POLICIES

        chosen = dict(self.model.policy)
        return tuple(chosen[p.name] for p in POLICIES)


def build(**policy: str) -> Model:
    """The absolute model of the presence redundancy group under these policies.

    Raises:
        BadInput: a policy or its choice does not exist.
    """
    from prgcore.seats import instantiate
    from prgcore.tables.machine import TABLE
    from prgcore.tables.policies import POLICIES

    known = {p.name: p.choices for p in POLICIES}
    for name, choice in policy.items():
        if name not in known:
            raise BadInput(unknown_name("policy", name, known))
        if choice not in known[name]:
            raise BadInput(f"{name}: " + unknown_name("choice", choice, known[name]))
    chosen = {name: policy.get(name, choices[0]) for name, choices in known.items()}
    return instantiate(TABLE, chosen)


def unusual(model: Model) -> Choices:
    """The policy choices of a model that differ from the defaults of the document's machine."""
    if model.name != NAME:
        return ()
    from prgcore.tables.policies import POLICIES

    usual = {p.name: p.choices[0] for p in POLICIES}
    return tuple((n, c) for n, c in model.policy if usual.get(n, c) != c)


def respelt(machine: Machine, words: Mapping[str, Any], place: str = "words") -> Machine:
    """The same machine with other words for people, which win over its own.

    Raises:
        BadInput: one of them is wrong; one line with its place.
    """
    from prgcore.form.spelling import renamed

    return type(machine)(renamed(machine.model, words, place)) if words else machine


# ------------------------------------------------------------------ what is written of it


def reference(model: Model) -> str:
    """The link from a page to the reference of its machine; "" if the machine has none.

    The reference covers a machine if it has every rule by id and event, and every row, hole and
    promise by id.
    """
    ours = _documented() if model.name == NAME else frozenset()
    return "reference/" if ours.issuperset(_places(model, model.rules)) else ""


@cache
def _documented() -> frozenset[str]:
    """The anchors that the reference has."""
    from prgcore.tables.machine import TABLE

    return frozenset(_places(TABLE, (r for _, rows in TABLE.phases for r in rows)))


def _places(of: Model | Table, rules: Iterable[Rule]) -> Iterator[str]:
    yield from (f"{r.id.partition('@')[0]} {r.event.partition('(')[0]}" for r in rules)
    yield from (f"row {s.row}" for s in of.situations)
    yield from (i.id for some in (of.families, of.invariants) for i in some)


@cache
def meanings(column: str) -> Mapping[str, str]:
    """The document's meaning of each value of `state` or `reason`; empty for other columns."""
    from prgcore.tables.states import MEANINGS, REASONS

    said: Mapping[str, Mapping[str, str]] = {
        "state": {str(k): v for k, v in MEANINGS.items()},
        "reason": {str(k): v for k, v in REASONS.items()},
    }
    return said.get(column, {})


@cache
def duties() -> Mapping[str, str]:
    """The duty of each action of the document's machine: what it asks for, and when it is done."""
    from prgcore.tables.actions import ACTIONS

    return {a.name: f"{a.says} ({a.duty})" for a in ACTIONS}


@cache
def habits() -> Habits:
    """The habits of the agents of the document's machine, without the machine."""
    from prgcore.form.habits import Habits
    from prgcore.model import Model
    from prgcore.seats import NODES, seat_agent, seat_serves
    from prgcore.tables.agents import AGENT, ASSIGNED_TO

    return Habits(Model(
        NAME, (), (), (), (), (), agents=tuple(seat_agent(AGENT, me) for me in NODES),
        serves=tuple(seat_serves(s, me) for me in NODES for s in ASSIGNED_TO)))


# ------------------------------------------------------------------------------ making it


@cache
def _model(policy: Choices) -> Model:
    return build(**dict(policy))


@cache
def _machine(policy: Choices) -> Machine:
    return PresenceRedundancyGroup(_model(policy))


def prg(**policy: str) -> Machine:
    """The presence redundancy group as a machine; without arguments, `PRG`.

    Raises:
        BadInput: a policy or its choice does not exist.
    """
    from prgcore.tables.policies import POLICIES

    chosen = {p.name: policy.pop(p.name, p.choices[0]) for p in POLICIES}
    return _machine(tuple(sorted((chosen | policy).items())))


if TYPE_CHECKING:
    PRG: Machine
else:
    def __getattr__(name: str) -> Machine:
        if name == "PRG":
            return prg()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
