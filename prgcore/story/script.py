"""Stories: one format, one parser and one printer, for examples and for counterexamples.

Law: a story is lines of plain text; the machine that it is run on decides what they mean.

    # a comment                        start normal
    policy reconnection=keep_serving   the story is about a machine with this choice
    failover(node1)                    the event is done
    refused recover                    the event is refused; so too `ignored`, `impossible`
    expect node1 Idle / Initialization what the record says of a node, in any spelling
    expect node1 nothing               its manager does not run, so it shows nothing
    expect node1.services = stopped    what a column is
    given link = cut                   the pair is changed by hand, reachable or not

Pure: text in, text out. All mistakes of a text are reported at once, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from attrs import field, frozen

from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import (
    BadInput,
    Failed,
    ImpossibleEvent,
    NotTotal,
    OutsideInvariant,
    unknown_name,
)
from prgcore.explain.display import parse_shown, shows_states, spell
from prgcore.explain.names import UNNAMED, Names
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.form.wellformed import STORY_VERBS
from prgcore.machine import unusual
from prgcore.model import Shown, Story
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.answers import actions_json
from prgcore.words import counted, few, one_line, wrapped

__all__ = [
    "LARGEST", "Line", "Replayed", "Run", "Script", "Starts", "Step", "as_story", "changes", "parse",
    "readable", "run", "tell", "verbatim", "write",
]

class _Checked(Protocol):
    @property
    def failed(self) -> str: ...


S = TypeVar("S", bound=_Checked)
Starts: TypeAlias = Mapping[str, Sequence[str]]
"""Names of pairs to start from, and the events that lead there from the initial pair."""

LARGEST = 1_000_000
"""The most characters that a story may have."""

_NO_EVENT, _OUTCOMES = STORY_VERBS[:4], STORY_VERBS[4:]
_EXPECTED = f"an event such as failover(node1), or {', '.join((*_NO_EVENT, *_OUTCOMES))}"
_EVENT = re.compile(r"[A-Za-z_]\w*(\([A-Za-z_]\w*\))?")
_CELL = re.compile(r"([A-Za-z_][\w.]*)\s*=\s*(\w+)")
_TOLD = 20


@frozen
class Line:
    """One line of a story.

    Attributes:
        number: its number, from 1.
        text: as it was written, without comment and outer spaces; names are seats.
        verb: `policy`, `start`, `given`, `expect`, or the outcome that an event must have: `done`,
            `refused`, `ignored`, `impossible`.
        name: the event, the policy, the column, the start, or the node of an `expect`.
        value: the value of a column, or the choice of a policy.
        shown: the state and reason that the node must show.
    """

    number: int
    text: str
    verb: str
    name: str
    value: str = ""
    shown: Shown | None = None


@frozen
class Script:
    """A parsed story: its lines without blanks and comments."""

    lines: tuple[Line, ...]

    @property
    def policy(self) -> dict[str, str]:
        """The choices of policies that the story is about; `prg(**script.policy)` has them."""
        return {line.name: line.value for line in self.lines if line.verb == "policy"}


@frozen
class Step:
    """The result of one line.

    Attributes:
        line: the line.
        before: the pair before it; `after`: the pair after it.
        kind: the kind of the event.
        decision: the engine's answer to it.
        error: the reason why the engine gave no answer.
        missing: the cells that fail, where the event is refused or impossible.
        failed: the mismatch with what the line says; empty if the line holds.
    """

    line: Line
    before: Pair
    after: Pair
    kind: Kind | None = None
    decision: Decision | None = None
    error: str = ""
    missing: tuple[Failed, ...] = ()
    failed: str = ""


class Replayed(Generic[S]):
    """The lines of a story that was run; each says in `failed` what does not hold, or nothing."""

    __slots__ = ()
    steps: tuple[S, ...]

    @property
    def failures(self) -> tuple[S, ...]:
        """The lines that do not hold."""
        return tuple(s for s in self.steps if s.failed)

    @property
    def ok(self) -> bool:
        """Whether every line holds."""
        return not self.failures


@frozen
class Run(Replayed[Step]):
    """The result of running a story to its end on a machine."""

    engine: Engine = field(repr=False)
    start: Pair
    steps: tuple[Step, ...]

    @property
    def end(self) -> Pair:
        """The last pair."""
        return self.steps[-1].after if self.steps else self.start

    def to_json(self) -> dict[str, Any]:
        """`{"ok", "steps": [{"line", "text", "ok", "outcome", "rule", ...}], "pair"}`."""
        return {"ok": self.ok, "steps": [_step_json(s) for s in self.steps], "pair": dict(self.end)}


# ---------------------------------------------------------------------- parse


def parse(
    text: str | bytes, engine: Engine | None = None, starts: Starts | None = None,
    spelling: Spelling | None = None, names: Names = UNNAMED,
) -> Script:
    """The story of a text; with a machine, every name is checked too.

    States and reasons may be written in the renamed words of the machine, or of `spelling`, and
    nodes by their `names`.

    Raises:
        BadInput: the text is not a story; every mistake with its line, in one line of text.
    """
    text = readable(text)
    words = spelling or (Spelling.of(engine.model) if engine else PLAIN)
    lines: list[Line] = []
    wrong: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        if not stripped:
            continue
        try:
            lines.append(_line(number, _seated(stripped, names), words, names))
        except BadInput as error:
            wrong.append(f"line {number}: {error}")
    _refuse(wrong)
    if not lines:
        raise BadInput(f"a story without a line; expected {_EXPECTED}")
    script = Script(tuple(lines))
    _refuse([
        f"line {line.number}: {line.name} is {line.value} here and "
        f"{script.policy[line.name]} later; a story is about one machine"
        for line in lines if line.verb == "policy" and script.policy[line.name] != line.value
    ])
    if engine is not None:
        _check(engine, script, _starts(engine, starts), names)
    return script


def readable(text: str | bytes) -> str:
    """The text of a story, without a mark of its byte order.

    Raises:
        BadInput: it is not UTF-8, or too long.
    """
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput(f"a story is UTF-8 text; byte {error.start} is not") from None
    if len(text) > LARGEST:
        raise BadInput(f"a story has at most {LARGEST:,} characters, not {len(text):,}")
    return text.removeprefix("\ufeff")


def verbatim(engine: Engine, text: str) -> Script:
    """The story of a text that `as_story` wrote: names may hold anything that a machine file allows."""
    lines = []
    for number, raw in enumerate(text.splitlines(), 1):
        verb, _, rest = raw.partition(" ")
        match verb:
            case "policy":
                name, _, choice = rest.partition("=")
                lines.append(Line(number, raw, verb, name, choice))
            case "given":
                column = next(c for c in engine.stored if rest.startswith(f"{c} = "))
                lines.append(Line(number, raw, verb, column, rest[len(column) + 3:]))
            case "start" | "refused" | "ignored" | "impossible":
                lines.append(Line(number, raw, verb, rest))
            case _:
                lines.append(Line(number, raw, "done", raw))
    return Script(tuple(lines))


def _line(number: int, text: str, spelling: Spelling, names: Names) -> Line:
    if not text.isprintable() and not text.replace("\t", " ").isprintable():
        raise BadInput("not printable text; a story is plain text")
    verb, _, rest = text.partition(" ")
    rest = rest.strip()
    match verb:
        case "start":
            return Line(number, text, verb, rest or "initial")
        case "policy" | "given":
            return Line(number, text, verb, *_cell(verb, rest, names))
        case "expect":
            node, _, shown = rest.partition(" ")
            if node in NODES and "=" not in rest:
                return Line(number, text, verb, node, shown=parse_shown(shown, spelling))
            return Line(number, text, verb, *_cell(verb, rest, names))
    event = rest if verb in _OUTCOMES else text
    if not _EVENT.fullmatch(event):
        raise BadInput(f"{one_line(text, 60)} is not a line of a story; expected {_EXPECTED}")
    return Line(number, text, verb if verb in _OUTCOMES else "done", event)


def _seated(text: str, names: Names) -> str:
    """A line with seats in the place of names."""
    verb, _, rest = text.partition(" ")
    if names is UNNAMED or verb in ("start", "policy"):
        return text
    if verb in ("expect", "given"):
        said, sign, value = rest.partition("=" if "=" in rest else " ")
        seated = names.word if sign == "=" else names.into
        return f"{verb} {seated(said.strip())} {sign.strip()}{value}"
    return f"{verb} {_event(rest.strip(), names)}" if verb in _OUTCOMES else _event(text, names)


def _event(text: str, names: Names) -> str:
    """The event that is meant; an unknown word in it stays, for the machine may have such an event."""
    try:
        return names.word(text)
    except BadInput:
        if not _EVENT.fullmatch(text) or text.endswith(tuple(f"({seat})" for seat in NODES)):
            raise
        return text


def _cell(verb: str, text: str, names: Names) -> tuple[str, str]:
    found = _CELL.fullmatch(text)
    if found is None:
        also = f" or {names.shown[NODES[0]]} STATE / REASON" if verb == "expect" else ""
        what = "NAME=CHOICE" if verb == "policy" else "COLUMN = VALUE"
        raise BadInput(f"{verb} needs {what}{also}, not {one_line(text, 60) or 'nothing'}")
    return found[1], found[2]


def _check(engine: Engine, script: Script, starts: Starts, names: Names = UNNAMED) -> None:
    """Check that every name and every choice of a policy in a story is one of the machine's."""
    policy = dict(engine.model.policy)
    domains = engine.model.domains
    events = [e.name for e in engine.model.events]
    wrong = []
    for line in script.lines:
        problem = ""
        if line.verb == "policy":
            problem = _other_policy(line, policy)
        elif line.verb == "start":
            problem = "" if line.name in starts else unknown_name("start", line.name, starts)
        elif line.verb not in ("given", "expect"):
            problem = "" if line.name in events else _no_event(line.name, events, names)
        elif line.name in NODES and not line.value:
            problem = "" if shows_states(engine) else "the nodes of this machine show no states"
        elif line.name not in domains:
            problem = unknown_name("column", names.out(line.name), map(names.out, domains))
        elif line.value not in domains[line.name]:
            problem = unknown_name("value", line.value, domains[line.name])
        elif line.verb == "given" and line.name not in engine.stored:
            problem = f"{line.name} is derived; give the columns that it comes from"
        if problem:
            wrong.append(f"line {line.number}: {problem}")
    _refuse(wrong)


def _no_event(said: str, events: Sequence[str], names: Names) -> str:
    """The message about an event that the machine does not have, or about its node."""
    head, _, node = said.rstrip(")").partition("(")
    if names is not UNNAMED and f"{head}({NODES[0]})" in events:
        return names.unknown(node)
    return unknown_name("event", said, map(names.out, events))


def _other_policy(line: Line, policy: Mapping[str, str]) -> str:
    """The mistake of a policy line: the machine has another choice, or no such policy."""
    if not policy:
        return "this machine has no policies; leave the line out"
    if line.name not in policy:
        return unknown_name("policy", line.name, policy)
    has = policy[line.name]
    return "" if has == line.value else (
        f"the story is about a machine with {line.name}={line.value}, and this one has "
        f"{line.name}={has}; give --policy {line.name}={line.value}"
    )


def _refuse(wrong: list[str]) -> None:
    if wrong:
        raise BadInput(few(wrong, _TOLD))


def _starts(engine: Engine, starts: Starts | None) -> Starts:
    """The initial pair, and the given starts, by default the machine's own."""
    return {"initial": (), **(dict(engine.model.starts) if starts is None else starts)}


# ------------------------------------------------------------------------ run


def run(engine: Engine, story: Script | Story | str, starts: Starts | None = None) -> Run:
    """The result of every line; a line that fails does not stop the story.

    Args:
        engine: the machine.
        story: a script, its text, or a story of the tables.
        starts: pairs to start from by name; by default the machine's own.

    Raises:
        BadInput: the text is not a story, a name is unknown to the machine, or the story is about a
            machine with other policies.
    """
    known = _starts(engine, starts)
    script = story if isinstance(story, Script) else parse(
        write(story) if isinstance(story, Story) else story, spelling=Spelling.of(engine.model)
    )
    _check(engine, script, known)
    pair = first = engine.initial[0]
    steps: list[Step] = []
    for line in script.lines:
        step = _step(engine, line, pair, known)
        pair = step.after
        if line.verb == "start" and all(s.line.verb == "policy" for s in steps):
            first = pair
        steps.append(step)
    return Run(engine, first, tuple(steps))


def _step(engine: Engine, line: Line, pair: Pair, starts: Starts) -> Step:
    match line.verb:
        case "start":
            after = engine.run(engine.initial[0], *starts[line.name]).end
            return Step(line, pair, after)
        case "given":
            return Step(line, pair, engine.pair(dict(pair) | {line.name: line.value}))
        case "policy" | "expect":
            failed = _found(pair, line) if line.verb == "expect" else ""
            return Step(line, pair, pair, failed=failed)
    kind = engine.kind(line.name)
    try:
        decision = engine.step(pair, line.name)
    except ImpossibleEvent as error:
        expected = line.verb == "impossible"
        failed = "" if expected else f"it is impossible, and was to be {line.verb}"
        return Step(line, pair, pair, kind, error=str(error), missing=error.failed, failed=failed)
    except (OutsideInvariant, NotTotal) as error:
        return Step(line, pair, pair, kind, error=str(error), failed="the machine has no answer")
    failed = ""
    if decision.outcome != line.verb:
        failed = f"it is {decision.outcome}, and was to be {line.verb}"
    return Step(line, pair, decision.pair, kind, decision, missing=decision.failed, failed=failed)


def _found(pair: Pair, line: Line) -> str:
    """The mismatch with an expectation; empty if it is met."""
    if line.value:
        is_ = pair[line.name]
        return "" if is_ == line.value else f"{line.name} is {is_}, expected {line.value}"
    state = Shown(pair[f"{line.name}.state"], pair[f"{line.name}.reason"])
    if line.shown is None:
        runs = pair.get(f"{line.name}.process", "running") == "running"
        return f"{line.name} is {spell(state)}, expected nothing" if runs else ""
    meets = state.state == line.shown.state and line.shown.reason in (None, state.reason)
    return "" if meets else f"{line.name} is {spell(state)}, expected {spell(line.shown)}"


# ----------------------------------------------------------------------- tell


def tell(run: Run, *, tally: bool = True, names: Names = UNNAMED) -> str:
    """The run as text for a person: 80 columns, every change, every refusal, every failure.

    `tally` adds a last line that counts events and expectations. `names` are those of the nodes.
    """
    lines: list[str] = []
    for step in run.steps:
        if lines and step.line.verb not in ("expect", "given"):
            lines.append("")
        lines += [*_headline(step, names), *(
            line for said in _rendered(run.engine, step) for line in _indented(names.out(said)))]
    if not tally:
        return "\n".join(lines).lstrip("\n") + "\n"
    events = sum(s.line.verb not in _NO_EVENT for s in run.steps)
    expected = sum(s.line.verb == "expect" for s in run.steps)
    failed = [str(s.line.number) for s in run.failures]
    where = f"line{'s' if len(failed) > 1 else ''} {', '.join(failed)}" if failed else ""
    lines += ["", f"{counted(events, 'event')}, {counted(expected, 'expectation')}: " + (
        f"FAILED at {where}" if where else "everything as expected"
    )]
    return "\n".join(lines).lstrip("\n") + "\n"


def _rendered(engine: Engine, step: Step) -> Iterator[str]:
    line, decision, spelling = step.line, step.decision, Spelling.of(engine.model)
    if step.failed:
        yield f"FAILED: {step.failed}"
    if step.error:
        yield step.error
    elif decision is not None:
        yield spelling.prose(decision.why)
    if line.verb == "start":
        yield _both(engine, step.after)
    elif line.verb != "given":
        yield from changes(step.before, step.after, spelling)
    if decision is not None and decision.actions:
        asked = (spelling.name(a.do) + (f"({a.node})" if a.node else "") for a in decision.actions)
        yield "asks for " + ", ".join(asked)


def _headline(step: Step, names: Names) -> list[str]:
    """The line's number and text, with the answer at the right."""
    line, decision = step.line, step.decision
    answer = str(step.kind or "")
    if decision is not None:
        answer += f", {decision.rule.name if decision.rule else decision.outcome}"
        answer += ", ignored" if decision.outcome is Outcome.IGNORED else ""
    elif step.error:
        answer += ", impossible" if line.verb == "impossible" else ""
    told = wrapped(names.out(line.text), f"{line.number:>4}  ", " " * 8)
    room = 79 - len(told[-1])
    return [*told[:-1], f"{told[-1]} {answer:>{room}}".rstrip()] if len(answer) <= room else told


def changes(
    before: Mapping[str, str], after: Mapping[str, str], spelling: Spelling = PLAIN,
) -> tuple[str, ...]:
    """The changes between two pairs, states first: `node1 Idle -> Taking Back (…)`."""
    was, now = dict(before.items()), dict(after.items())
    nodes = [name.removesuffix(".state") for name in was
             if name.endswith(".state") and f"{name.removesuffix('state')}reason" in was]
    shown = {f"{node}.{what}" for node in nodes for what in ("state", "reason")}
    return (*_became(nodes, was, now, spelling), *(
        f"{spelling.name(name)} {spelling.value(name, old)} -> {spelling.value(name, now[name])}" for name, old in was.items()
        if old != now[name] and name not in shown
    ))


def _became(
    nodes: Iterable[str], was: Mapping[str, str], now: Mapping[str, str], spelling: Spelling,
) -> list[str]:
    """The changes of states and reasons, one line per node."""
    lines = []
    for node in nodes:
        state, then = (spelling.title("state", p[f"{node}.state"]) for p in (was, now))
        old, new = (spelling.title("reason", p[f"{node}.reason"]) or "no reason" for p in (was, now))
        if state != then:
            lines.append(f"{node} {state} -> {then}" + ("" if then == new else f" ({new})"))
        elif old != new:
            lines.append(f"{node} {then} ({old} -> {new})")
    return lines


def _both(engine: Engine, pair: Mapping[str, str]) -> str:
    """A pair in one line: the states of the nodes, or every column."""
    spelling = Spelling.of(engine.model)
    if shows_states(engine):
        return ", ".join(
            f"{n} {spell(Shown(pair[f'{n}.state'], pair[f'{n}.reason']), spelling)}" for n in NODES
        )
    return ", ".join(f"{spelling.name(c)} {spelling.value(c, v)}" for c, v in pair.items())


def _step_json(step: Step) -> dict[str, Any]:
    decision = step.decision
    return {
        "line": step.line.number, "text": step.line.text, "ok": not step.failed,
        "outcome": str(decision.outcome) if decision else None,
        "rule": decision.rule.id if decision and decision.rule else None,
        "changes": list(changes(step.before, step.after)),
        "actions": actions_json(decision.actions if decision else ()),
        "why": decision.why if decision else step.error,
        "failed": step.failed,
    }


def _indented(text: str) -> list[str]:
    return wrapped(text, " " * 6, " " * 8)


# ---------------------------------------------------------------------- write


def write(story: Story) -> str:
    """A story of the tables as text that `parse` reads."""
    policy = [f"policy {name}={choice}" for name, choice in story.only]
    return "\n".join([f"# {story.title}", *policy, f"start {story.start}", *story.steps]) + "\n"


def as_story(
    engine: Engine, trace: Iterable[str], start: str | Mapping[str, str] = "initial",
    starts: Starts | None = None,
) -> str:
    """A trace of events as the text of a story that holds when it is run.

    Args:
        engine: the machine.
        trace: names of events; a refused, ignored or impossible one is marked as such.
        start: the name of a start, or a pair, which is then written column by column.
        starts: as for `run`.

    Raises:
        BadInput: no such event, no such start, or not a pair of this machine.

    An event to which the machine has no answer is the last line: the story fails there.
    """
    known = _starts(engine, starts)
    name = start if isinstance(start, str) else "initial"
    if name not in known:
        raise BadInput(unknown_name("start", name, known))
    policy = [f"policy {name}={choice}" for name, choice in unusual(engine.model)]
    lines = [*policy, f"start {name}"]
    pair = engine.run(engine.initial[0], *known[name]).end
    if not isinstance(start, str):
        given = engine.pair(start)
        lines += [f"given {c} = {v}" for c, v in given.items() if pair[c] != v]
        pair = given
    for event in trace:
        try:
            decision = engine.step(pair, event)
        except ImpossibleEvent:
            lines.append(f"impossible {event}")
            continue
        except (OutsideInvariant, NotTotal):
            lines.append(event)
            break
        done = decision.outcome is Outcome.DONE
        lines.append(event if done else f"{decision.outcome} {event}")
        pair = decision.pair
    return "\n".join(lines) + "\n"
