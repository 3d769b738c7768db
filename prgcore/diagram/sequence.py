"""A story as a sequence diagram: who tells whom, in order, and what each node becomes.

Law: frozen; made from a run of a story, laid out by the formats. Who tells whom is read from the
machine: the decider of an event, the seat in its name, the seat of an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from attrs import frozen

from prgcore.diagram.graph import Label, address
from prgcore.diagram.palette import Role
from prgcore.diagram.states import role
from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, Failed
from prgcore.explain.display import viewpoints
from prgcore.machine import duties, reference
from prgcore.model import Action, Event, Model, Values
from prgcore.seats import NODES
from prgcore.story.script import Run, Step
from prgcore.vocabulary import Outcome, title
from prgcore.words import clean

__all__ = [
    "BROKEN", "LIVES", "MOST", "REMARK", "Life", "Message", "Note", "Sequence", "check_size",
    "ends", "nodes_of", "one_end", "route", "route_of_action", "sequence",
]

LIVES: Mapping[str, str] = {
    "administrator": "Administrator",
    "node1": "Node 1",
    "arbiter": "Arbiter",
    "node2": "Node 2",
    "world": "World",
    "machine": "Machine",
}
"""Life lines from left to right, and their headings; `machine` stands for a machine without nodes."""

REMARK, BROKEN = "remark", "broken"
"""What a note is that is of no state."""

MOST = 1_000
"""How many messages and notes are laid out: a story of about three hundred events."""

_GRANT = ("acquire_grant", "release_grant")
_ADMINISTRATOR, _ARBITER, _WORLD, _MACHINE = "administrator", "arbiter", "world", "machine"


@frozen
class Life:
    """A life line, one of `LIVES`, and its heading."""

    id: str
    label: str


@frozen
class Message:
    """Something that is told, or that a life line does (`source == target`).

    Attributes:
        source, target: ids of life lines.
        text: what stands on the arrow.
        kind: `command`, `fault`, `repair`, `timer`, `completion`, `action`, `refusal`.
        tooltip: the rule with its reason and citation; `url`: its row in the reference.
        dashed: refused, ignored or impossible.
        step: the number of the event in the story, from 1; that of its event for what follows.
    """

    source: str
    target: str
    text: str
    kind: str
    tooltip: str = ""
    url: str = ""
    dashed: bool = False
    step: int = 0


@frozen
class Note:
    """What stands beside or across life lines.

    Attributes:
        over: ids of the life lines that it spans, neighbours.
        text: lines of it.
        role: a word of `palette.Role` for a state, else `REMARK`, or `BROKEN` for a promise or an
            expectation that does not hold.
    """

    over: Values
    text: Values
    role: str


@frozen
class Sequence:
    """Life lines from left to right; messages and notes from top to bottom.

    `reference`: where the reference is, before every address; empty: nothing is linked.
    """

    title: str
    lives: tuple[Life, ...]
    items: tuple[Message | Note, ...]
    reference: str = ""

    def at(self, url: str) -> str:
        """A whole address; empty where nothing is linked."""
        return address(self.reference, url)

    @property
    def bands(self) -> tuple[tuple[Message | Note, ...], ...]:
        """The items, side by side where they are one.

        So are a message to both nodes, an answer of both, and the notes of both.
        """
        found: list[list[Message | Note]] = []
        for item in self.items:
            if found and all(_beside(item, other) for other in found[-1]):
                found[-1].append(item)
            else:
                found.append([item])
        return tuple(map(tuple, found))


def _beside(item: Message | Note, other: Message | Note) -> bool:
    match item, other:
        case Message(), Message():
            same = (item.kind, item.text, item.step) == (other.kind, other.text, other.step)
            own = item.source == item.target or other.source == other.target
            return same and not own and len({*ends(item)} & {*ends(other)}) == 1
        case Note(), Note():
            plain = (item.role == REMARK) is (other.role == REMARK)
            return plain and not set(item.over) & set(other.over) and len(item.over) == 1
    return False


def ends(item: Message | Note) -> Values:
    """The life lines that an item touches."""
    return (item.source, item.target) if isinstance(item, Message) else item.over


def check_size(drawn: Sequence) -> Sequence:
    """The sequence itself.

    Raises:
        BadInput: too long to be laid out; as text it may have any length.
    """
    if len(drawn.items) > MOST:
        raise BadInput(
            f"{clean(drawn.title)[:80] or 'the story'}: {len(drawn.items):,} messages and notes are "
            f"too many to lay out (at most {MOST:,}); draw a part of the story, or ask for the "
            "format text, of any length"
        )
    return drawn


def one_end(some: list[Message]) -> str:
    """The life line that the messages of a band have in common."""
    sources = {m.source for m in some}
    return some[0].source if len(sources) == 1 else some[0].target


# ------------------------------------------------------------- who tells whom


def nodes_of(model: Model) -> Values:
    """The life lines of the nodes; of a machine without nodes the one that stands for it."""
    heads = {c.name.partition(".")[0] for c in model.columns if "." in c.name}
    return tuple(n for n in NODES if n in heads) or (_MACHINE,)


def route(model: Model, event: str) -> tuple[str, Values]:
    """Who an event comes from and whom it reaches, as life lines: `("world", ("node1",))`."""
    return _route(next(e for e in model.events if e.name == event), nodes_of(model))


def _route(event: Event, nodes: Values) -> tuple[str, Values]:
    _, _, seat = event.name.rstrip(")").partition("(")
    targets = (seat,) if seat in nodes else nodes
    if event.decider in nodes:
        return event.decider, targets
    return (_ADMINISTRATOR if event.decider == _ADMINISTRATOR else _WORLD), targets


def route_of_action(model: Model, action: Action) -> tuple[str, str]:
    """Who carries an action out, and who is asked: the arbiter for the grant, else itself.

    What is asked of the group is done by the first node.
    """
    nodes = nodes_of(model)
    source = action.node if action.node in nodes else nodes[0]
    return source, _ARBITER if action.do in _GRANT else source


# -------------------------------------------------------------------- the run


def sequence(run: Run, title: str = "") -> Sequence:
    """A run of a story, drawn: every event, what changes, what is asked for, what does not hold.

    An event that is refused, ignored or impossible is answered, dashed, with the reason: by the
    nodes that are not as it needs them, else by all that it reaches. A node that nobody can see
    shows nothing, whatever it is in the record. Life lines that nobody uses are left out.
    """
    teller = _Teller(run.engine)
    items = tuple(teller.tell(run))
    used = {*teller.nodes, *(n for i in items for n in ends(i))}
    lives = tuple(Life(name, label) for name, label in LIVES.items() if name in used)
    return Sequence(title or run.engine.model.name, lives, items, reference(run.engine.model))


class _Teller:
    """Tells the steps of a run as messages and notes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.nodes = nodes_of(engine.model)
        self.columns = {c.name for c in engine.model.columns if not c.derived}
        self.events = {e.name: e for e in engine.model.events}
        self.views = dict(zip(NODES, zip(*(
            (v.node1, v.node2) for v in viewpoints(engine)), strict=True), strict=True))
        self.says = {i.id: i.says for i in engine.model.invariants}

    def tell(self, run: Run) -> Iterator[Message | Note]:
        """Everything that is drawn, from top to bottom."""
        yield from self._start(run.start)
        yield from self._broken((), run.start)
        told = 0
        for number, step in enumerate(run.steps):
            match step.line.verb:
                case "policy" | "given":
                    yield Note(self.nodes, (step.line.text,), REMARK)
                    yield from self._became(step)
                case "start" if any(s.line.verb != "policy" for s in run.steps[:number]):
                    yield Note(self.nodes, (step.line.text,), REMARK)
                    yield from self._start(step.after)
                case "start" | "expect":
                    pass
                case _:
                    told += 1
                    yield from self._event(step, told)
            if step.failed:
                yield Note(self.nodes, ("Not as told", step.line.text, step.failed), BROKEN)
            if step.line.verb != "start" or number:
                yield from self._broken(self.engine.broken(step.before), step.after)

    def _start(self, pair: Pair) -> Iterator[Note]:
        """What the nodes are; every column where the machine has no states."""
        headed = [n for n in self.nodes if f"{n}.state" in self.columns]
        yield from (self._state(node, pair) for node in headed)
        if not headed:
            yield from self._remarks({}, pair)

    def _state(self, node: str, pair: Pair) -> Note:
        name, reason = f"{node}.state", pair.get(f"{node}.reason", "")
        words = [w for w in dict.fromkeys((title(pair[name]) or pair[name], title(reason))) if w]
        if not self._shown(node, pair):
            return Note((node,), ("Shows nothing", f"in the record: {' / '.join(words)}"), Role.SILENT)
        return Note((node,), tuple(words), role(self.engine.model, name, pair[name]))

    def _shown(self, node: str, pair: Pair) -> bool:
        """Whether anybody can see what a node is."""
        return any(self.engine.holds(view, pair) for view in self.views[node])

    def _remarks(self, before: Mapping[str, str], after: Pair) -> Iterator[Note]:
        """What changed beside states and reasons, each with whom it is of."""
        said: dict[Values, list[str]] = {(node,): [] for node in self.nodes}
        for name, value in after.items():
            node, _, what = name.rpartition(".")
            headline = what in ("state", "reason") and f"{node}.state" in self.columns
            if value != before.get(name) and not headline:
                over = (node,) if node in self.nodes else self.nodes
                said.setdefault(over, []).append(f"{what}: {value}".replace("_", " "))
        yield from (Note(over, tuple(lines), REMARK) for over, lines in said.items() if lines)

    def _event(self, step: Step, number: int) -> Iterator[Message | Note]:
        decision, event = step.decision, step.line.name
        source, targets = _route(self.events[event], self.nodes)
        done = decision is not None and decision.outcome is Outcome.DONE
        rule = decision.rule if decision else None
        label = Label(event, "") if rule is None else Label(
            event, rule.id.partition("@")[0], rule.phase, rule.why, rule.cite)
        for target in targets:
            yield Message(source, target, str(label) if done else event, str(step.kind),
                          label.tooltip, label.url, not done, number)
        if decision is None or not done:
            answer = self._answer(step)
            for node in _answering(step.missing, targets):
                yield Message(node, source, answer, "refusal", label.tooltip, label.url,
                              dashed=True, step=number)
            return
        yield from self._became(step)
        yield from self._remarks(step.before, step.after)
        for action in decision.actions:
            yield Message(*route_of_action(self.engine.model, action), action.do, "action",
                          duties().get(action.do, ""), step=number)

    def _became(self, step: Step) -> Iterator[Note]:
        """The states that a step changed, and those of which it changed the reason."""
        for node in self.nodes:
            if f"{node}.state" in self.columns and (
                    self._state(node, step.before) != self._state(node, step.after)):
                yield self._state(node, step.after)

    def _answer(self, step: Step) -> str:
        """Why an event is no step."""
        if step.decision is not None:
            rule = f" by {step.decision.rule.id}" if step.decision.rule else ""
            return f"{step.decision.outcome}{rule}: {step.decision.why.replace('_', ' ')}"
        if self.engine.broken(step.before):
            return "no answer: a promise is broken"
        if self.engine.possible(step.before, step.line.name):
            return f"no answer: {step.error}"
        needs = "; ".join(map(str, step.missing)).replace("_", " ")
        return f"impossible: {needs}" if needs else "impossible"

    def _broken(self, before: Values, pair: Pair) -> Iterator[Note]:
        """The promises that a pair breaks, where they were not broken before."""
        broken = self.engine.broken(pair)
        if set(broken) - set(before):
            yield Note(self.nodes, ("Broken promise", *(f"{i}: {self.says[i]}" for i in broken)), BROKEN)


def _answering(missing: Iterable[Failed], asked: Values) -> Values:
    """Who answers: the nodes of which alone something is missing, else all that were asked."""
    heads = {cell.column.partition(".")[0] for cell in missing}
    return tuple(n for n in asked if n in heads) if heads and heads <= set(asked) else asked
"""What is asked for by an action of the presence redundancy group."""
