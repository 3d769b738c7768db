"""Stories of a network: one format, one parser and one printer.

Law: lines of plain text; the machine that it is run on decides what they mean.

    # a comment                        network cas+lease        the arbiter
    adversary one-way, loss            what may happen at all; without it, the default
    silence 4                          (model T) the intervals of a time-out
    policy reconnection=keep_serving   the story is about a machine with this choice
    cut node1                          a move, as `prgcore.network.snapshot.Move` writes it
    expect node1 Normal                what a node shows of itself, in any spelling
    expect node1 nothing               its manager does not run
    expect served twice node1          two nodes serve a group of users; `once`: one, `never`: none

Pure: text in, text out. All mistakes of a text are reported at once, each with its line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.explain.display import parse_shown, spell
from prgcore.form import telling
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Shown
from prgcore.network.interpreter import Network
from prgcore.network.setting import ADVERSARIES, ARBITERS, DEFAULT, Setting
from prgcore.network.snapshot import Move, Snapshot
from prgcore.seats import NODES
from prgcore.story.script import Replayed, readable
from prgcore.words import few, listed, one_line

__all__ = [
    "Line", "Run", "Script", "Step", "is_story", "parse", "replay", "tell", "write",
]

MOST_LINES = 10_000
_VERBS = ("cut", "heal", "beat", "send", "deliver", "lose", "read", "expire", "permit", "access", "tick")
_COUNTS = {"never": 0, "once": 1, "twice": 2}
_HEADERS = ("network", "adversary", "silence", "policy")
_EVENT = re.compile(r"[A-Za-z_]\w*(\([A-Za-z_]\w*\))?( at \w+)?")
_MOVES = f"an event such as heartbeat_lost(node1), {', '.join(_VERBS)} or expect"


@frozen
class Line:
    """One line of a story.

    Attributes:
        number: its number, from 1.
        text: a move as it is written, or the expectation.
        node, shown: what a node must show; `shown` None: nothing.
        group, count: how many nodes must serve a group; -1: the line is not about that.
    """

    number: int
    text: str
    node: str = ""
    shown: Shown | None = None
    group: str = ""
    count: int = -1

    @property
    def is_move(self) -> bool:
        """Whether it is a move, and not an expectation."""
        return not self.node and self.count < 0


@frozen
class Script:
    """A parsed story: its setting, the policy that it is about, and its lines."""

    setting: Setting
    policy: Mapping[str, str]
    lines: tuple[Line, ...]


@frozen
class Step:
    """The result of one line.

    Attributes:
        line: the line.
        move: the move that it is; None: it is an expectation.
        before, after: the network before it and after it.
        failed: the mismatch with what the line says; empty if the line holds.
    """

    line: Line
    move: Move | None
    before: Snapshot
    after: Snapshot
    failed: str = ""


@frozen
class Run(Replayed[Step]):
    """The result of replaying a story to its end, or to the first move that is impossible."""

    network: Network = field(repr=False)
    start: Snapshot
    steps: tuple[Step, ...]

    @property
    def end(self) -> Snapshot:
        """The last network."""
        return self.steps[-1].after if self.steps else self.start

    def to_json(self) -> dict[str, Any]:
        """`{"ok", "arbiter", "steps": [{"line", "text", "ok", "failed"?}], "served_twice"}`."""
        return {
            "ok": self.ok, "arbiter": self.network.setting.arbiter,
            "steps": [{"line": s.line.number, "text": s.line.text, "ok": not s.failed,
                       **({"failed": s.failed} if s.failed else {})} for s in self.steps],
            "served_twice": list(self.network.twice(self.end)),
        }


def is_story(text: str) -> bool:
    """Whether a text is a story of a network: its first line that says anything names an arbiter."""
    lines = (re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].split() for raw in text.removeprefix("\ufeff").splitlines())
    return next((words[0] == "network" for words in lines if words), False)


def parse(text: str | bytes, engine: Engine | None = None) -> Script:
    """The story of a text; with a machine, groups and spellings are checked too.

    Raises:
        BadInput: the text is not a story of a network; every mistake with its line.
    """
    text = readable(text)
    spelling = Spelling.of(engine.model) if engine else PLAIN
    groups = telling.groups(engine.model) if engine else None
    said: dict[str, Any] = {"adversary": DEFAULT, "silence": 0, "policy": {}}
    lines: list[Line] = []
    wrong: list[str] = []
    for number, raw in enumerate(text.splitlines(), 1):
        stripped = re.split(r"(?:^|\s)#", raw, maxsplit=1)[0].strip()
        verb, _, rest = stripped.partition(" ")
        if not stripped:
            continue
        try:
            if verb not in _HEADERS:
                lines.append(_line(number, stripped, spelling, groups))
            else:
                said[verb] = _header(verb, rest.strip(), said, lines)
        except BadInput as error:
            wrong.append(f"line {number}: {error}")
    if wrong := wrong or list(_lacks(said, lines)):
        raise BadInput(few(wrong, 20))
    setting = Setting(said["network"], said["adversary"], said["silence"])
    return Script(setting, said["policy"], tuple(lines))


def _lacks(said: Mapping[str, Any], lines: Sequence[Line]) -> Iterator[str]:
    """Yield each reason why these lines are not a story."""
    if "network" not in said:
        yield f"a story of a network begins with its arbiter: network {listed(ARBITERS, 'or')}"
    elif not lines:
        yield f"a story without a line; expected {_MOVES}"
    if len(lines) > MOST_LINES:
        yield f"a story of a network has at most {MOST_LINES:,} lines, not {len(lines):,}"


def _header(verb: str, rest: str, said: Mapping[str, Any], lines: Sequence[Line]) -> object:
    """The value of a line before the first move."""
    if lines:
        raise BadInput(f"{verb} comes before the first move")
    if verb == "policy":
        name, sign, choice = (word.strip() for word in rest.partition("="))
        if not (name and sign and choice):
            raise BadInput(f"policy needs NAME=CHOICE, not {one_line(rest, 60) or 'nothing'}")
        return {**said["policy"], name: choice}
    if verb == "network":
        if rest not in ARBITERS:
            raise BadInput(unknown_name("arbiter", rest, ARBITERS))
        return rest
    if verb == "silence":
        if not re.fullmatch(r"[0-9]{1,2}", rest):
            raise BadInput(f"silence needs a number of intervals, not {one_line(rest, 60) or 'nothing'}")
        return int(rest)
    words = [word for word in re.split(r"[,\s]+", rest) if word]
    for word in words:
        if word not in ADVERSARIES:
            raise BadInput(unknown_name("adversary", word, ADVERSARIES))
    return frozenset(words)


def _line(
    number: int, text: str, spelling: Spelling, groups: tuple[str, ...] | None,
) -> Line:
    words = text.split()
    text = " ".join(words)
    if words[0] != "expect":
        if not (words[0] in _VERBS or _EVENT.fullmatch(text)):
            raise BadInput(f"{one_line(text, 60)} is not a line of this story; expected {_MOVES}")
        return Line(number, text)
    if words[1:2] == ["served"]:
        count, group = words[2:3], " ".join(words[3:])
        if not count or count[0] not in _COUNTS or not group or (
                groups is not None and group not in groups):
            known = listed(groups, "or") if groups else "GROUP"
            raise BadInput(f"expected: expect served {listed(_COUNTS, 'or')} {known}")
        return Line(number, text, group=group, count=_COUNTS[count[0]])
    if words[1:2] and words[1] in NODES:
        return Line(number, text, words[1], parse_shown(" ".join(words[2:]), spelling))
    raise BadInput("expect needs a node and what it shows, or served twice and a group")


def replay(engine: Engine, story: Script | str) -> Run:
    """The result of every line; after a move that is impossible, nothing more is replayed.

    Raises:
        BadInput: the text is not a story of a network.
    """
    script = parse(story, engine) if isinstance(story, str) else story
    network = Network(engine, script.setting)
    start = at = network.starts[0]
    steps: list[Step] = []
    for line in script.lines:
        if not line.is_move:
            steps.append(Step(line, None, at, at, _mismatch(network, at, line)))
            continue
        moves = {str(move): (move, after) for move, after in network.moves(at)}
        if line.text not in moves:
            steps.append(Step(line, None, at, at, f"{line.text} cannot happen here; "
                                                  f"possible: {few(list(moves), 12) or 'nothing'}"))
            break
        move, after = moves[line.text]
        steps.append(Step(line, move, at, after))
        at = after
    return Run(network, start, tuple(steps))


def _mismatch(network: Network, at: Snapshot, line: Line) -> str:
    """What differs from an expectation; empty: nothing."""
    if line.count >= 0:
        nodes = network.serving(at).get(line.group, ())
        return "" if len(nodes) == line.count else (
            f"{line.group} is served by {listed(nodes, 'and') or 'nobody'}")
    spelling = Spelling.of(network.engine.model)
    shown = network.shown(at)[NODES.index(line.node)]
    if shown is None or line.shown is None:
        fits = shown is None and line.shown is None
    else:
        fits = shown.state == line.shown.state and line.shown.reason in (None, shown.reason)
    return "" if fits else f"{line.node} shows {spell(shown, spelling) if shown else 'nothing'}"


def write(setting: Setting, moves: Iterable[Move], *expected: str) -> str:
    """The text of a story, with expectations after its moves."""
    head = [f"network {setting.arbiter}"]
    if setting.adversary != DEFAULT:
        head.append("adversary " + ", ".join(w for w in ADVERSARIES if w in setting.adversary))
    if setting.silence:
        head.append(f"silence {setting.silence}")
    return "\n".join([*head, *map(str, moves), *(f"expect {e}" for e in expected)]) + "\n"


def tell(run: Run) -> str:
    """A replayed story for a person: each move, and what it changed of what can be seen."""
    spelling = Spelling.of(run.network.engine.model)
    shown, lines = run.network.shown(run.start), []
    twice = run.network.twice(run.start)
    for step in run.steps:
        lines.append(step.line.text)
        if step.failed:
            lines.append(f"    FAILED: {step.failed}")
        now = run.network.shown(step.after)
        for node, was, one in zip(NODES, shown, now, strict=True):
            if was != one:
                lines.append(f"    {node}: {spell(one, spelling)}")
        served = run.network.twice(step.after)
        if served != twice:
            users = f"the users of {listed(served, 'and')} are" if served else "nobody is"
            lines.append(f"    {users} served twice")
        shown, twice = now, served
    return "\n".join(lines)
