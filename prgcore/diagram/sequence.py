"""A story as a sequence diagram: the messages in order, and the states that each node enters.

Law: frozen; made from a run of a story, laid out by the formats. Senders and receivers are read
from the machine: the decider of an event, the seat in its name, the seat of an action.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from attrs import frozen

from prgcore.diagram.graph import Label, address
from prgcore.diagram.palette import Role
from prgcore.diagram.states import role
from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, Failed
from prgcore.explain.display import viewpoints
from prgcore.form.spelling import Spelling
from prgcore.machine import duties, reference
from prgcore.model import Action, Event, Model, Values
from prgcore.seats import NODES
from prgcore.story.script import Run, Step
from prgcore.vocabulary import Outcome
from prgcore.words import clean

__all__ = [
    "ARRIVES", "BROKEN", "CUT", "LIVES", "LOST", "MOST", "REMARK", "SENT", "SILENCE", "TWICE",
    "Item", "Life", "Message", "Note", "Notes", "Sequence", "Span", "check_size", "ends", "nodes_of",
    "one_end", "route", "route_of_action", "sequence",
]

LIVES: Mapping[str, str] = {
    "administrator": "Administrator",
    "node1": "Node 1",
    "arbiter": "Arbiter",
    "record": "Record",
    "node2": "Node 2",
    "world": "World",
    "machine": "Machine",
}
"""Life lines from left to right, and their headings; `machine` stands for a machine without nodes."""

REMARK, BROKEN = "remark", "broken"
"""The role of a note that shows no state."""

SENT, ARRIVES, LOST = "sent", "arrives", "lost"
"""The parts of a message that is under way for a while: where it sets out, and how it ends."""

CUT, TWICE, SILENCE = "cut", "twice", "silence"
"""The role of a span: messages do not arrive, users are served twice, an interval without one."""

MOST = 1_000
"""The most messages and notes that are laid out: a story of about three hundred events."""

_GRANT = ("acquire_grant", "release_grant")
_ADMINISTRATOR, _ARBITER, _WORLD, _MACHINE = "administrator", "arbiter", "world", "machine"


@frozen
class Life:
    """A life line, one of `LIVES`, and its heading."""

    id: str
    label: str


@frozen
class Message:
    """A message between life lines, or something that one does alone (`source == target`).

    Attributes:
        source, target: ids of life lines.
        text: the words on the arrow.
        kind: `command`, `fault`, `repair`, `timer`, `completion`, `action`, `refusal`.
        tooltip: the rule with its reason and citation; `url`: its row in the reference.
        dashed: refused, ignored or impossible.
        step: the number of its event in the story, from 1.
        flight: the number of a message that is under way for a while; 0: it arrives at once.
        part: `SENT`, and in a later message with the same number `ARRIVES` or `LOST`. Without a
            number `LOST` is a message that never arrives.
    """

    source: str
    target: str
    text: str
    kind: str
    tooltip: str = ""
    url: str = ""
    dashed: bool = False
    step: int = 0
    flight: int = 0
    part: str = ""


@frozen
class Note:
    """A note beside or across life lines.

    Attributes:
        over: ids of the neighbouring life lines that it spans.
        text: lines of it.
        role: a word of `palette.Role` for a state, else `REMARK`, or `BROKEN` for a promise or an
            expectation that does not hold.
    """

    over: Values
    text: Values
    role: str


@frozen
class Span:
    """Something that begins here, or ends here, and lasts meanwhile.

    Attributes:
        over: for `CUT` the nodes whose messages no longer arrive, else the nodes that it is about.
        text: the words where it begins or ends.
        role: `CUT`, `TWICE`, or `SILENCE`, which is over at once.
        ends: whether it ends here.
        step: the number of its event in the story, from 1; 0: it has none.
    """

    over: Values
    text: str
    role: str
    ends: bool = False
    step: int = 0


Item: TypeAlias = Message | Note | Span
"""One entry of a sequence; they come from top to bottom."""


@frozen
class Sequence:
    """Life lines from left to right; messages and notes from top to bottom.

    `reference` is the address of the reference, put before every address; without it nothing is
    linked.
    """

    title: str
    lives: tuple[Life, ...]
    items: tuple[Item, ...]
    reference: str = ""

    def at(self, url: str) -> str:
        """A whole address; empty if nothing is linked."""
        return address(self.reference, url)

    @property
    def bands(self) -> tuple[tuple[Item, ...], ...]:
        """The items, side by side if they belong together.

        A message to both nodes, an answer of both, and the notes of both belong together.
        """
        found: list[list[Item]] = []
        for item in self.items:
            if found and all(_beside(item, other) for other in found[-1]):
                found[-1].append(item)
            else:
                found.append([item])
        return tuple(map(tuple, found))


def _beside(item: Item, other: Item) -> bool:
    match item, other:
        case Message(), Message():
            same = (item.kind, item.text, item.step) == (other.kind, other.text, other.step)
            own = item.source == item.target or other.source == other.target
            return same and not own and not item.part and len({*ends(item)} & {*ends(other)}) == 1
        case Note(), Note():
            plain = (item.role == REMARK) is (other.role == REMARK)
            return plain and not set(item.over) & set(other.over) and len(item.over) == 1
    return False


def ends(item: Item) -> Values:
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
            f"too many to lay out (at most {MOST:,}); draw a part of the story, or use the format "
            "text, which has no limit"
        )
    return drawn


def one_end(some: list[Message]) -> str:
    """The life line that the messages of a band share."""
    sources = {m.source for m in some}
    return some[0].source if len(sources) == 1 else some[0].target


# ---------------------------------------------------- senders and receivers


def nodes_of(model: Model) -> Values:
    """The life lines of the nodes; a machine without nodes has one life line."""
    heads = {c.name.partition(".")[0] for c in model.columns if "." in c.name}
    return tuple(n for n in NODES if n in heads) or (_MACHINE,)


def route(model: Model, event: str) -> tuple[str, Values]:
    """The sender and the receivers of an event, as life lines: `("world", ("node1",))`."""
    return _route(next(e for e in model.events if e.name == event), nodes_of(model))


def _route(event: Event, nodes: Values) -> tuple[str, Values]:
    _, _, seat = event.name.rstrip(")").partition("(")
    targets = (seat,) if seat in nodes else nodes
    if event.decider in nodes:
        return event.decider, targets
    return (_ADMINISTRATOR if event.decider == _ADMINISTRATOR else _WORLD), targets


def route_of_action(model: Model, action: Action) -> tuple[str, str]:
    """The node that carries an action out, and its partner: the arbiter for the grant, else itself.

    The first node carries out actions of the group.
    """
    nodes = nodes_of(model)
    source = action.node if action.node in nodes else nodes[0]
    return source, _ARBITER if action.do in _GRANT else source


# -------------------------------------------------------------------- the run


def sequence(run: Run, title: str = "") -> Sequence:
    """The drawing of a run of a story: every event, change, action and failure.

    A refused, ignored or impossible event gets a dashed answer with the reason. It comes from the
    nodes that are not as the event needs them, or else from all that it reaches. A node that nobody
    can see shows nothing, whatever the record says. Unused life lines are left out.
    """
    drawing = _Drawing(run.engine)
    items = tuple(drawing.items(run))
    used = {*drawing.nodes, *(n for i in items for n in ends(i))}
    lives = tuple(Life(name, label) for name, label in LIVES.items() if name in used)
    return Sequence(title or run.engine.model.name, lives, items, reference(run.engine.model))


class Notes:
    """Turns pairs into notes: what each node shows, and what else has changed.

    Args:
        engine: the machine.
        silent: where the state of a node is that shows nothing.
    """

    def __init__(self, engine: Engine, silent: str = "in the record") -> None:
        self.engine, self.spelling, self.silent = engine, Spelling.of(engine.model), silent
        self.nodes = nodes_of(engine.model)
        self.columns = {c.name for c in engine.model.columns if not c.derived}
        self.views = dict(zip(NODES, zip(*(
            (v.node1, v.node2) for v in viewpoints(engine)), strict=True), strict=True))

    def start(self, pair: Pair) -> Iterator[Note]:
        """The states of the nodes; every column if the machine has no states."""
        headed = [n for n in self.nodes if f"{n}.state" in self.columns]
        yield from (self.state(node, pair) for node in headed)
        if not headed:
            yield from self.remarks({}, pair)

    def state(self, node: str, pair: Pair) -> Note:
        """The state of a node, as it is shown."""
        name, reason = f"{node}.state", pair.get(f"{node}.reason", "")
        words = [w for w in dict.fromkeys((
            self.spelling.title(name, pair[name]) or pair[name],
            self.spelling.title("reason", reason))) if w]
        if not self._shown(node, pair):
            return Note((node,), ("Shows nothing", f"{self.silent}: {' / '.join(words)}"), Role.SILENT)
        return Note((node,), tuple(words), role(self.engine.model, name, pair[name]))

    def _shown(self, node: str, pair: Pair) -> bool:
        """Whether anybody can see the state of a node."""
        return any(self.engine.holds(view, pair) for view in self.views[node])

    def became(self, before: Pair, after: Pair) -> Iterator[Note]:
        """The states that a step changed, or whose reason it changed."""
        for node in self.nodes:
            if f"{node}.state" in self.columns and (
                    self.state(node, before) != self.state(node, after)):
                yield self.state(node, after)

    def remarks(self, before: Mapping[str, str], after: Pair) -> Iterator[Note]:
        """The changes besides states and reasons, each over the node that it belongs to."""
        said: dict[Values, list[str]] = {(node,): [] for node in self.nodes}
        for name, value in after.items():
            node, _, what = name.rpartition(".")
            headline = what in ("state", "reason") and f"{node}.state" in self.columns
            if value != before.get(name) and not headline:
                over = (node,) if node in self.nodes else self.nodes
                said.setdefault(over, []).append(
                    f"{self.spelling.name(what)}: {self.spelling.value(name, value)}".replace("_", " "))
        yield from (Note(over, tuple(lines), REMARK) for over, lines in said.items() if lines)


class _Drawing(Notes):
    """Turns the steps of a run into messages and notes."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.events = {e.name: e for e in engine.model.events}
        self.says = {i.id: i.says for i in engine.model.invariants}

    def items(self, run: Run) -> Iterator[Item]:
        """All messages and notes, from top to bottom."""
        yield from self.start(run.start)
        yield from self._broken((), run.start)
        events = 0
        for number, step in enumerate(run.steps):
            match step.line.verb:
                case "policy" | "given":
                    yield Note(self.nodes, (step.line.text,), REMARK)
                    yield from self.became(step.before, step.after)
                case "start" if any(s.line.verb != "policy" for s in run.steps[:number]):
                    yield Note(self.nodes, (step.line.text,), REMARK)
                    yield from self.start(step.after)
                case "start" | "expect":
                    pass
                case _:
                    events += 1
                    yield from self._event(step, events)
            if step.failed:
                yield Note(self.nodes, ("Not as expected", step.line.text, step.failed), BROKEN)
            if step.line.verb != "start" or number:
                yield from self._broken(self.engine.broken(step.before), step.after)

    def _event(self, step: Step, number: int) -> Iterator[Item]:
        decision, event = step.decision, step.line.name
        source, targets = _route(self.events[event], self.nodes)
        done = decision is not None and decision.outcome is Outcome.DONE
        rule = decision.rule if decision else None
        label = Label(event, "") if rule is None else Label(
            event, rule.name.partition("@")[0], rule.phase, rule.why, rule.cite)
        for target in targets:
            yield Message(source, target, self.spelling.name(str(label) if done else event), str(step.kind),
                          label.tooltip, label.url, not done, number)
        if decision is None or not done:
            answer = self._answer(step)
            for node in _answering(step.missing, targets):
                yield Message(node, source, answer, "refusal", label.tooltip, label.url,
                              dashed=True, step=number)
            return
        yield from self.became(step.before, step.after)
        yield from self.remarks(step.before, step.after)
        for action in decision.actions:
            yield Message(*route_of_action(self.engine.model, action), action.do, "action",
                          duties().get(action.do, ""), step=number)

    def _answer(self, step: Step) -> str:
        """The reason why an event was not done."""
        if step.decision is not None:
            rule = f" by {step.decision.rule.name}" if step.decision.rule else ""
            why = self.spelling.prose(step.decision.why)
            return f"{step.decision.outcome}{rule}: {why.replace('_', ' ')}"
        if self.engine.broken(step.before):
            return "no answer: a promise is broken"
        if self.engine.possible(step.before, step.line.name):
            return f"no answer: {step.error}"
        needs = "; ".join(map(self.spelling.cell, step.missing)).replace("_", " ")
        return f"impossible: {needs}" if needs else "impossible"

    def _broken(self, before: Values, pair: Pair) -> Iterator[Note]:
        """The promises that a pair breaks, if it breaks one that was not broken before."""
        broken = self.engine.broken(pair)
        if set(broken) - set(before):
            yield Note(self.nodes, ("Broken promise", *(f"{i}: {self.says[i]}" for i in broken)), BROKEN)


def _answering(missing: Iterable[Failed], asked: Values) -> Values:
    """The nodes that answer: those that lack something, otherwise all that were asked."""
    heads = {cell.column.partition(".")[0] for cell in missing}
    return tuple(n for n in asked if n in heads) if heads and heads <= set(asked) else asked
"""The duty of each action of the presence redundancy group."""
