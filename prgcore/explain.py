"""What a pair means, why it came to it, what to do now, and why a button is refused.

Law: reads the machine, its situations and its families; searches only when asked; no solver, no
arrays. A pair is explained as it is. A *display* (two states and reasons, all that an operator
has) stands for every pair that shows it: what is on offer in all of them is said flatly, what
only in some is said with the hidden columns that decide. Text goes to an operator, 80 columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import combinations, islice
from textwrap import TextWrapper
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.engine import Decision, Engine, Failed, Pair
from prgcore.errors import BadInput, NeedsTwoNodes, unknown_name
from prgcore.model import By, Cell, Const, Cube, Rule, Situation, Viewpoint
from prgcore.model import Display as Listed
from prgcore.plan import NoPlan, Plan, accepted_in, plan
from prgcore.seats import NODES, mirror_cube, seat_cube
from prgcore.vocabulary import ALIASES, Kind, Outcome, Reason, State, title, word

Shown: TypeAlias = tuple[State, Reason | None]
"""What a node shows; no reason: any."""
Display: TypeAlias = tuple[Shown | None, Shown | None]
"""What both nodes show; None: a node that shows nothing."""

MOST = 250_000
"""How many pairs a display may stand for before it must be narrowed."""

_WIDTH = 80
_Box: TypeAlias = dict[str, tuple[str, ...]]
_NOTHING = ("", "-", "down", "none", "nothing", "not displayed")

_SERVED_TWICE = (
    "let one node serve: stop the services and the recovery manager of the other, or its host",
    "repair the network between the nodes, and the record that both write",
    "start the recovery manager again; if the group then fails, use Recover (row 16)",
    "else disable High Availability, and enable it when both nodes are healthy",
)
_OUTSIDE = (
    "read the status of both nodes again: a display can be older than the pair",
    "if it stays, disable High Availability, check both nodes, and enable it again",
)


class NoNode(Enum):
    """In place of what a second node shows: the group has one."""

    GIVEN = "given"


@frozen
class Maybe:
    """A command that only some pairs of a display accept.

    `when` is the smallest conjunction of hidden columns that tells them apart; where there is
    none, `decides` is False and `when` names the columns that matter with what accepts.
    """

    command: str
    when: Cube
    decides: bool = True


@frozen
class Explanation:
    """The answer about one pair, or about every pair that a display stands for.

    Attributes:
        display: what the two nodes show, None for a machine that shows no states.
        row: the row of Table 2, None where it lists none; `seat` is that row's first node.
        cause: what happened, one or two sentences.
        actions: what to do now, best first.
        decision: where no row is: a decision that leads here; `nearest`: the nearest row.
        available: commands that are accepted in every pair; `does`: what each would do.
        maybe: commands that are accepted in some.
        refused: commands that are refused in every pair, with the cells that fail.
        plan: the way home from the healthiest pair, None where there is none.
        assuming: hidden columns of that pair that vary between the pairs.
        broken: ids of the invariants broken, where no pair of the machine is like this.
        pairs: how many pairs were considered.
    """

    display: Display | None
    row: str | None = None
    seat: str | None = None
    cause: str = ""
    actions: tuple[str, ...] = ()
    decision: str | None = None
    nearest: str | None = None
    available: tuple[str, ...] = ()
    does: Mapping[str, str] = field(factory=dict)
    maybe: tuple[Maybe, ...] = ()
    refused: Mapping[str, tuple[Failed, ...]] = field(factory=dict)
    plan: Plan | None = None
    assuming: Mapping[str, str] = field(factory=dict)
    broken: tuple[str, ...] = ()
    pairs: int = 1

    def to_json(self) -> dict[str, Any]:
        """The shape of `explain --json`; `decision` and `nearest` only where there is no row."""
        answer: dict[str, Any] = {"row": self.row, "seat": self.seat, "cause": self.cause}
        if self.row is None:
            answer |= {"decision": self.decision, "nearest": self.nearest}
        return answer | {
            "actions": list(self.actions),
            "available": list(self.available),
            "maybe": [
                {"command": m.command, "if": {c.column: list(c.values) for c in m.when}}
                for m in self.maybe
            ],
            "refused": {c: _failed_json(failed) for c, failed in self.refused.items()},
            "plan": list(self.plan.events) if self.plan else [],
            "assuming": dict(self.assuming),
            "broken": list(self.broken),
        }

    def text(self) -> str:
        """For an operator, 80 columns."""
        lines: list[str] = []
        for node, shown in zip(NODES, self.display or (), strict=False):
            lines += _wrap(f"{node}  {spell(shown)}", later="       ")
        if self.row:
            lines += ["", f"Row {self.row} of Table 2; its first node is {self.seat}."]
        elif self.broken:
            lines += ["", f"No pair of the machine is like this. Broken: {', '.join(self.broken)}."]
        elif self.display and self.nearest:
            lines += ["", *_wrap(
                f"Table 2 has no such row. Nearest: row {self.nearest}."
                + (f" See decision {self.decision}." if self.decision else "")
            )]
        lines += [""] * bool(self.cause and not (self.row or self.broken)) + _wrap(self.cause)
        if self.actions:
            lines += ["", "What to do now"]
            lines += _items(f"- {say}" for say in self.actions)
        if self.plan and self.plan.steps:
            lines += ["", f"The shortest way home: {_steps(self.plan)}"]
            lines += _items([", ".join(self.plan.events)])
        if self.assuming:
            lines += _items([f"assuming {_cells(self.assuming)}"])
        if self.available or self.maybe or self.refused:
            lines += ["", "Commands"]
            lines += _items(f"{c}: accepted. {self.does.get(c, '')}" for c in self.available)
            for m in self.maybe:
                how = "accepted if" if m.decides else "accepted in some pairs; it depends on"
                lines += _items([
                    f"{m.command}: {how} {_cells({c.column: _or(c.values) for c in m.when})}"
                ])
            lines += _items(f"{c}: refused. {_needs(f)}" for c, f in self.refused.items())
        return "\n".join(line.rstrip() for line in lines) + "\n"


@frozen
class WhyNot:
    """Why a command is refused, and what enables it.

    Attributes:
        command: the command.
        accepted: True where there is nothing to explain.
        failed: the cells that fail of the rule that comes nearest.
        plan: the shortest way to a pair that accepts it, without using it; None if there is none.
    """

    command: str
    accepted: bool
    failed: tuple[Failed, ...] = ()
    plan: Plan | None = None

    def to_json(self) -> dict[str, Any]:
        """`plan` is null where nothing but a fault, or nothing at all, enables the command."""
        return {
            "command": self.command, "accepted": self.accepted,
            "failed": _failed_json(self.failed),
            "plan": list(self.plan.events) if self.plan else None,
        }

    def text(self) -> str:
        """For an operator, 80 columns."""
        if self.accepted:
            return f"{self.command} is accepted now.\n"
        lines = [f"{self.command} is refused:"]
        lines += _items(
            f"{f.column} is {f.value}, and must be {_or(f.needs)}" for f in self.failed
        )
        if self.plan:
            lines += [f"What enables it soonest: {_steps(self.plan)}"]
            lines += _items([", ".join(self.plan.events)])
        else:
            lines += ["Repairs, commands, timers and completions do not enable it from here."]
        return "\n".join(lines) + "\n"


# ------------------------------------------------------------------ questions


def explain(engine: Engine, pair: Mapping[str, str]) -> Explanation:
    """What this pair means, why it came to it, what to do now, what each command would do.

    Raises:
        BadInput: not a pair of this machine.
        NeedsTwoNodes: only one node's columns are given.
    """
    given = {name.partition(".")[0] for name in map(str, pair)} & set(NODES)
    if len(given) == 1 and set(NODES) <= {n.partition(".")[0] for n in engine.stored}:
        raise _one_node(min(given))
    whole = engine.pair(pair)
    display = display_of(engine, whole)
    broken = engine.broken(whole)
    if broken:
        return _outside(engine, display, _foremost(engine, broken))
    return explain_pairs(engine, display, [whole])


def explain_display(
    engine: Engine,
    shown1: Shown | None,
    shown2: Shown | NoNode | None = NoNode.GIVEN,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> Explanation:
    """What two states and reasons mean: of every pair that shows them.

    Args:
        engine: the machine.
        shown1: what node1 shows, None for nothing.
        shown2: what node2 shows, None for nothing; not given: the group has one node.
        known: hidden columns that the operator knows.
        reachable: narrows to the pairs that it accepts; without it every pair that satisfies
            the invariants is considered, which may be more.

    Raises:
        BadInput: the machine has no such column or value, or too many pairs show this.
        NeedsTwoNodes: only one node is given.
    """
    if isinstance(shown2, NoNode):
        raise _one_node("node1")
    display: Display = (shown1, shown2)
    pairs = candidates(engine, display, known, reachable)
    if pairs:
        return explain_pairs(engine, display, pairs)
    broken = _contradiction(engine, _views(engine, display, known))
    if broken:
        return _outside(engine, display, broken)
    return Explanation(
        display, nearest=_nearest(engine, display), pairs=0,
        cause="No pair that the machine can reach shows this, though no invariant excludes it. "
        "Read the status of both nodes again.",
    )


def explain_pairs(
    engine: Engine, display: Display | None, pairs: Sequence[Pair]
) -> Explanation:
    """What these pairs have in common; all of them show the display and break no invariant."""
    if not pairs:
        raise BadInput("explain_pairs needs at least one pair")
    best = _healthiest(engine, display, pairs)
    meaning = _meaning(engine, display, pairs, best)
    available: list[str] = []
    maybe: list[Maybe] = []
    refused: dict[str, tuple[Failed, ...]] = {}
    decisive = {
        e.name: _stored(engine, (c for cube in accepted_in(engine, e.name) for c in cube))
        for e in engine.model.events if e.kind is Kind.COMMAND
    }
    kinds = _distinct(engine, pairs, sorted({n for names in decisive.values() for n in names}))
    for command, names in decisive.items():
        answers = [(p, engine.step(p, command)) for p in _distinct(engine, kinds, names)]
        yes = [p for p, a in answers if a.outcome is not Outcome.REFUSED]
        no = [p for p, a in answers if a.outcome is Outcome.REFUSED]
        if not no:
            available.append(command)
        elif yes:
            maybe.append(_decides(engine, command, names, yes, no))
        else:
            failed = engine.step(best, command).failed
            always = set(failed).intersection(*(a.failed for _, a in answers))
            refused[command] = tuple(f for f in failed if f in always) or failed
    return Explanation(
        display, *meaning,
        available=tuple(available),
        does={c: _effect(engine, engine.step(best, c)) for c in available},
        maybe=tuple(maybe), refused=refused, plan=_home(engine, best),
        assuming={
            n: str(best[n]) for i, n in enumerate(engine.stored)
            if any(p.values_[i] != best.values_[i] for p in pairs)
        },
        pairs=len(pairs),
    )


def why_not(engine: Engine, pair: Mapping[str, str], command: str) -> WhyNot:
    """Why a command is refused in a pair, and the shortest plan that enables it.

    Raises:
        BadInput: not a pair of this machine, or no command of it.
        OutsideInvariant: the pair breaks a proved invariant.
    """
    kind = engine.kind(command)
    if kind is not Kind.COMMAND:
        commands = ", ".join(e.name for e in engine.model.events if e.kind is Kind.COMMAND)
        raise BadInput(f"{command} is a {kind}; only a command can be refused: {commands}")
    whole = engine.pair(pair)
    decision = engine.step(whole, command)
    if decision.outcome is not Outcome.REFUSED:
        return WhyNot(command, accepted=True)
    try:
        way = plan(engine, whole, accepted_in(engine, command), without={command})
    except NoPlan:
        way = None
    return WhyNot(command, accepted=False, failed=decision.failed, plan=way)


# ------------------------------------------------------------------- displays


def parse_shown(text: str) -> Shown | None:
    """`parse_shown("Failed Over / Initialization")`; no reason: any; "down" or "": nothing.

    Raises:
        BadInput: a word that is no state, or no reason, with the nearest that are.
    """
    if text.strip().lower() in _NOTHING:
        return None
    head, separator, tail = re.sub(r"[/,:;]", "\0", text, count=1).partition("\0")
    state = word(head, State)
    if not isinstance(state, State):
        raise BadInput(unknown_name("state", head.strip(), _spellings(State)))
    if not separator:
        return state, None
    reason = word(tail, Reason)
    if not isinstance(reason, Reason):
        raise BadInput(unknown_name("reason", tail.strip(), _spellings(Reason)))
    return state, reason


def _spellings(known: type[State | Reason]) -> set[str]:
    names = {title(w) for w in known} | {a.title() for a, w in ALIASES.items() if w in set(known)}
    return names - {""}


def spell(shown: Shown | None) -> str:
    """`Failed Over / Initialization`, as the document spells it."""
    if shown is None:
        return "shows nothing"
    state, reason = shown
    return title(state) + (f" / {title(reason)}" if reason and title(reason) else "")


def shows_states(engine: Engine) -> bool:
    """Whether the machine's nodes have states and reasons to show."""
    return all(f"{n}.{what}" in engine.stored for n in NODES for what in ("state", "reason"))


def display_of(engine: Engine, pair: Pair) -> Display | None:
    """What the administrator sees, from the machine's first viewpoint."""
    return _seen_from(engine, pair, _viewpoints(engine)[0]) if shows_states(engine) else None


def _viewpoints(engine: Engine) -> tuple[Viewpoint, ...]:
    return engine.model.viewpoints or (Viewpoint("everywhere", Cube(), Cube()),)


def _seen_from(engine: Engine, pair: Pair, viewpoint: Viewpoint) -> Display:
    def shown(node: str, visible: Cube) -> Shown | None:
        if not engine.holds(visible, pair):
            return None
        return State(pair[f"{node}.state"]), Reason(pair[f"{node}.reason"])

    return shown(NODES[0], viewpoint.node1), shown(NODES[1], viewpoint.node2)


def candidates(
    engine: Engine,
    display: Display,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> list[Pair]:
    """Every pair that shows the display, satisfies the invariants, and is reachable if asked.

    A node that shows nothing cannot be seen from some viewpoint: it does not run, or is cut off.

    Raises:
        BadInput: no such column or value, `known` contradicts the display, or too many pairs.
    """
    never = tuple(c for i in engine.model.invariants for c in i.never)
    views = _views(engine, display, known)
    values = (v for view in views for v in _pairs(engine, view, never))
    found = (Pair(engine, v) for v in (_once(values) if len(views) > 1 else values))
    kept = list(islice((p for p in found if reachable is None or reachable(p)), MOST + 1))
    if len(kept) > MOST:
        raise BadInput(
            f"more than {MOST:,} pairs show this; narrow it with what is known, such as "
            "link=up, node1.process=off or node1.state=normal"
        )
    return kept


def _once(many: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    seen: set[tuple[str, ...]] = set()
    for one in many:
        if one not in seen:
            seen.add(one)
            yield one


def _views(engine: Engine, display: Display, known: Mapping[str, str] | None) -> list[_Box]:
    """A display as boxes, for every viewpoint: what each column may be."""
    _check_known(engine, known or {})
    found: list[_Box] = []
    for viewpoint in _viewpoints(engine):
        boxes: list[_Box] = [{k: (v,) for k, v in (known or {}).items()}]
        visible = (viewpoint.node1, viewpoint.node2)
        for node, shown, cube in zip(NODES, display, visible, strict=True):
            ways = _unseen(engine, cube) if shown is None else [_visible(node, shown, cube)]
            boxes = [m for box in boxes for way in ways if (m := _meet(box, way)) is not None]
        found += [box for box in boxes if not any(_meet(box, other) == box for other in found)]
    if not found:
        says = ", ".join(f"{n} {spell(s)}" for n, s in zip(NODES, display, strict=True))
        raise BadInput(f"{_cells(known or {}) or 'the machine'} contradicts what is shown: {says}")
    return found


def _visible(node: str, shown: Shown, cube: Cube) -> _Box:
    box = {c.column: c.values for c in cube} | {f"{node}.state": (str(shown[0]),)}
    return box if shown[1] is None else box | {f"{node}.reason": (str(shown[1]),)}


def _unseen(engine: Engine, cube: Cube) -> list[_Box]:
    """Where a cube does not hold, as boxes that do not overlap."""
    domains = {c.name: c.domain for c in engine.model.columns}
    return [
        {c.column: c.values for c in cube.cells[:i]}
        | {cell.column: tuple(v for v in domains[cell.column] if v not in cell.values)}
        for i, cell in enumerate(cube)
    ]


def _check_known(engine: Engine, known: Mapping[str, str]) -> None:
    if not shows_states(engine):
        raise BadInput(f"the machine {engine.model.name!r} shows no states; explain a pair instead")
    domains = {c.name: c.domain for c in engine.model.columns}
    for name, value in known.items():
        if name not in domains:
            raise BadInput("known: " + unknown_name("column", name, domains))
        if value not in domains[name]:
            raise BadInput(f"known: {name}: " + unknown_name("value", value, domains[name]))


def _meet(
    one: Mapping[str, tuple[str, ...]], other: Mapping[str, tuple[str, ...]]
) -> dict[str, tuple[str, ...]] | None:
    both = Cube(tuple(Cell(k, v) for k, v in one.items())) & Cube(
        tuple(Cell(k, v) for k, v in other.items())
    )
    return None if both is None else {c.column: c.values for c in both}


def _pairs(
    engine: Engine, box: Mapping[str, tuple[str, ...]], never: Sequence[Cube]
) -> Iterator[tuple[str, ...]]:
    """Stored values of every pair in the box and in none of the cubes, cut off early."""
    columns = {c.name: c for c in engine.model.columns}
    domains = {n: tuple(map(str, box.get(n, c.domain))) for n, c in columns.items()}
    cubes = [rest for cube in never if (rest := _left(cube, domains)) is not None]
    asked = [name for cube in cubes for name in _stored(engine, cube)]
    weight = {n: (len(domains[n]) > 1, -asked.count(n)) for n in engine.stored}
    order: list[str] = []
    for name in sorted(engine.stored, key=weight.__getitem__):
        order.append(name)
        order += [
            c.name for c in engine.model.columns
            if c.derived and c.name not in order and set(c.sources) <= set(order)
        ]
    place = {name: i for i, name in enumerate(order)}
    ends: list[list[list[tuple[int, frozenset[str]]]]] = [[] for _ in order]
    for cube in cubes:
        tests = sorted((place[c.column], frozenset(c.values)) for c in cube)
        ends[tests[-1][0] if tests else 0].append(tests)
    allowed = [domains[n] for n in order]
    derived = {
        place[n]: (tuple(place[s] for s in columns[n].sources), dict(columns[n].table))
        for n in order if columns[n].derived
    }
    stored = tuple(place[n] for n in engine.stored)
    row = [""] * len(order)

    def extend(depth: int) -> Iterator[tuple[str, ...]]:
        if depth == len(order):
            yield tuple([row[i] for i in stored])
            return
        values = allowed[depth]
        if depth in derived:
            sources, table = derived[depth]
            value = table[tuple([row[i] for i in sources])]
            values = (value,) if value in values else ()
        for value in values:
            row[depth] = value
            for tests in ends[depth]:
                if all(row[i] in inside for i, inside in tests):
                    break
            else:
                yield from extend(depth + 1)

    return extend(0)


def _left(cube: Cube, domains: Mapping[str, Sequence[str]]) -> Cube | None:
    """What of a cube is still open in a box: None where it cannot hold there."""
    if any(not set(c.values) & set(domains[c.column]) for c in cube):
        return None
    return Cube(tuple(c for c in cube if not set(domains[c.column]) <= set(c.values)))


def _contradiction(
    engine: Engine, views: Sequence[Mapping[str, tuple[str, ...]]]
) -> tuple[str, ...]:
    """The invariants that every completion breaks: each alone, else a smallest set together."""
    invariants = engine.model.invariants

    def shown(ids: Iterable[str]) -> bool:
        chosen = set(ids)
        never = tuple(c for i in invariants if i.id in chosen for c in i.never)
        return any(next(_pairs(engine, view, never), None) is not None for view in views)

    alone = tuple(i.id for i in invariants if not shown([i.id]))
    if alone:
        return _foremost(engine, alone)
    core = [i.id for i in invariants]
    if shown(core):
        return ()
    for one in sorted(invariants, key=lambda i: not i.auxiliary):
        rest = [i for i in core if i != one.id]
        if not shown(rest):
            core = rest
    return tuple(core)


def _foremost(engine: Engine, ids: Sequence[str]) -> tuple[str, ...]:
    """The promises among the invariants; the auxiliary ones only where there is no other."""
    auxiliary = {i.id for i in engine.model.invariants if i.auxiliary}
    return tuple(i for i in ids if i not in auxiliary) or tuple(ids)


def _outside(engine: Engine, display: Display | None, broken: tuple[str, ...]) -> Explanation:
    says = {i.id: i.says for i in engine.model.invariants}
    promises = "; ".join(f"{i}: {says[i]}" for i in broken)
    assumptions = "; ".join(engine.model.assumptions) or "the pair was recorded as it was"
    twice = display is not None and all(
        s is not None and s[0] is State.RUNNING_IN_BACKUP_MODE for s in display
    )
    return Explanation(
        display, nearest=_nearest(engine, display), broken=broken,
        cause=("Both nodes serve everyone: users are served twice. " if twice else "")
        + f"This breaks what is proved ({promises}), so an assumption of the proof has failed "
        f"({assumptions}), or what is shown is not one moment of both nodes. The proof does not "
        "cover this pair: no command is judged and no plan is made. The advice is prudence, "
        "not proof.",
        actions=_SERVED_TWICE if twice else _OUTSIDE,
    )


def _one_node(node: str) -> NeedsTwoNodes:
    return NeedsTwoNodes(
        f"high availability needs two nodes, and only {node} is given; "
        "assign a second node to the group, or say what the other node shows"
    )


# -------------------------------------------------------------------- meaning


def _meaning(
    engine: Engine, display: Display | None, pairs: Sequence[Pair], best: Pair
) -> tuple[str | None, str | None, str, tuple[str, ...], str | None, str | None]:
    """Row, seat, cause, actions, decision, nearest row."""
    if display is None:
        return None, None, "", (), None, None
    left, right = (
        None if s is None else (State(best[f"{n}.state"]), Reason(best[f"{n}.reason"]))
        for n, s in zip(NODES, display, strict=True)
    )
    found = _situation(engine, (left, right), best)
    if found is not None:
        situation, mirrored = found
        seat = NODES[(NODES.index(situation.seat) + mirrored) % 2]
        actions = _advice(engine, situation, pairs, mirrored=mirrored)
        cause = _said(situation.cause, mirrored=mirrored) + _misfit(situation, best, mirrored)
        return situation.row, seat, cause, actions, None, None
    shown = Listed(*(str(w) for s in (left, right) for w in (s or ("", ""))))
    for family in engine.model.families:
        if family.matches(shown):
            advice = (family.advice,) if family.advice else ()
            return None, None, family.says, advice, family.decision, family.nearest
    rule = _rule_behind(engine, best)
    nearest = _nearest(engine, (left, right))
    if rule is None:
        return None, None, "", (), None, nearest
    rows = [c.rpartition("table2:")[2] for c in rule.cite if "table2:" in c]
    return (
        None, None, f"A rule that can lead here is {rule.id}: {rule.why}.", (),
        rule.decisions[0] if rule.decisions else None, rows[0] if rows else nearest,
    )


def _advice(
    engine: Engine, situation: Situation, pairs: Sequence[Pair], *, mirrored: bool
) -> tuple[str, ...]:
    """The advice of a row that some pair calls for, by those that fit its cause if there are any."""
    fits = _turned(situation.fits, mirrored)
    whens = [_turned(a.when, mirrored) for a in situation.advice]
    kinds = _distinct(engine, pairs, _stored(engine, (c for cube in (fits, *whens) for c in cube)))
    fitting = [p for p in kinds if engine.holds(fits, p)] or kinds
    said = [
        _said(a.says, mirrored=mirrored) for a, when in zip(situation.advice, whens, strict=True)
        if any(engine.holds(when, p) for p in fitting)
    ]
    return tuple(dict.fromkeys(said))


def _said(text: str, *, mirrored: bool) -> str:
    """The document's words, `node 1` being the left column, as names of this group's nodes."""
    left, right = NODES[::-1] if mirrored else NODES
    return re.sub(r"\b[Nn]ode ([12])\b", lambda m: (left, right)[int(m[1]) - 1], text)


def _misfit(situation: Situation, pair: Pair, mirrored: bool) -> str:
    unlike = {
        c.column: pair[c.column] for c in _turned(situation.fits, mirrored)
        if pair[c.column] not in c.values
    }
    return f" The row's usual cause does not fit: {_cells(unlike)}." if unlike else ""


def _turned(cube: Cube, mirrored: bool) -> Cube:
    here = seat_cube(cube, NODES[0])
    return mirror_cube(here) if mirrored else here


def _situation(engine: Engine, seen: Display, pair: Pair) -> tuple[Situation, bool] | None:
    """The row that the display is, as it stands or from the other seat; fitting causes first."""
    for view in (seen, *(_seen_from(engine, pair, v) for v in _viewpoints(engine))):
        matches = [
            (not engine.holds(_turned(s.fits, mirrored), pair), mirrored, i)
            for i, s in enumerate(engine.model.situations) for mirrored in (False, True)
            if _row_display(s, mirrored) == view
        ]
        if matches:
            _, mirrored, i = min(matches)
            return engine.model.situations[i], mirrored
    return None


def _row_display(situation: Situation, mirrored: bool) -> Display:
    d = situation.display
    left, right = (
        (State(state), Reason(reason)) if shown else None
        for state, reason, shown in (
            (d.state1, d.reason1, situation.shown[0]), (d.state2, d.reason2, situation.shown[1]),
        )
    )
    return (right, left) if mirrored else (left, right)


def _rule_behind(engine: Engine, pair: Pair) -> Rule | None:
    """A rule after which the pair can look like this: the one that explains most of it."""
    names = [f"{n}.{what}" for n in NODES for what in ("state", "reason")]

    def explained(rule: Rule) -> int:
        before = {c.column: c.values for c in rule.when}
        then = {e.target: e.value for e in rule.then}
        score = 0
        for name in names:
            stays = pair[name] in before.get(name, (pair[name],))
            match then.get(name):
                case None:
                    fits, weight = stays, int(name in before)
                case Const(value):
                    fits, weight = value == pair[name], 2
                case By(_, table):
                    made = pair[name] in dict(table).values()
                    fits, weight = made or stays, 2 if made else 0
                case _:
                    fits, weight = True, 0
            if not fits:
                return 0
            score += weight
        made_state = any(n in then for n in names if n.endswith(".state"))
        return score if made_state else 0

    rules = [r for r in engine.model.rules if r.outcome is Outcome.DONE]
    scores = sorted((-explained(r), r.id, i) for i, r in enumerate(rules))
    return rules[scores[0][2]] if scores and scores[0][0] < 0 else None


def _nearest(engine: Engine, display: Display | None) -> str | None:
    """The row that differs least: states before reasons, then the document's order."""
    if display is None or not engine.model.situations:
        return None

    def differs(row: Display) -> int:
        return sum(
            4 if (a is None) != (b is None)
            else 0 if a is None or b is None
            else 2 * (a[0] is not b[0]) + (b[1] is not None and a[1] is not b[1])
            for a, b in zip(row, display, strict=True)
        )

    best = min(
        (differs(_row_display(s, mirrored)), i)
        for i, s in enumerate(engine.model.situations) for mirrored in (False, True)
    )
    return engine.model.situations[best[1]].row


# -------------------------------------------------------------------- columns


def _healthiest(engine: Engine, display: Display | None, pairs: Sequence[Pair]) -> Pair:
    """The pair to plan for.

    It fits the row, its link is up, the row's advice is for it, and it misses least of home.
    Equals are decided by the domains, whose healthy values come first.
    """
    model, stored = engine.model, engine.stored
    domains = {c.name: c.domain for c in model.columns}
    mirrored = {name for both in model.mirror for name in both}
    causes = [
        both for s in model.situations for turned in (False, True)
        if _row_display(s, turned) == display
        for when in ([a.when for a in s.advice] or [Cube()])
        if (both := _turned(s.fits, turned) & _turned(when, turned)) is not None
    ]
    around = [
        engine.position[c.name] for c in model.columns
        if c.observed_by == "environment" and c.name not in mirrored
    ]
    goal = [
        (engine.position[c.column], frozenset(c.values))
        for c in (model.goal[0] if model.goal else Cube()) if c.column in stored
    ]

    def illness(pair: Pair) -> tuple[Any, ...]:
        values = pair.values_
        called = next((i for i, c in enumerate(causes) if engine.holds(c, pair)), len(causes))
        return (
            called == len(causes),
            [domains[stored[i]].index(values[i]) for i in around],
            called,
            sum(values[i] not in healthy for i, healthy in goal),
            [domains[n].index(v) for n, v in zip(stored, values, strict=True)],
        )

    return min(pairs, key=illness)


def _stored(engine: Engine, cells: Iterable[Cell]) -> tuple[str, ...]:
    """The stored columns that decide whether cells hold, in the machine's order."""
    sources = {c.name: c.sources or (c.name,) for c in engine.model.columns}
    asked = {name for cell in cells for name in sources[cell.column]}
    return tuple(n for n in engine.stored if n in asked)


def _distinct(engine: Engine, pairs: Sequence[Pair], names: Sequence[str]) -> list[Pair]:
    """One pair for every combination of values of some columns; the first wins."""
    at = [engine.position[n] for n in names]
    found: dict[tuple[str, ...], Pair] = {}
    for pair in pairs:
        found.setdefault(tuple([pair.values_[i] for i in at]), pair)
    return list(found.values())


def _decides(
    engine: Engine, command: str, names: Sequence[str], yes: Sequence[Pair], no: Sequence[Pair]
) -> Maybe:
    """The fewest columns whose accepting values leave no refusing pair."""
    domains = {c.name: c.domain for c in engine.model.columns}
    values = {n: tuple(v for v in domains[n] if any(p[n] == v for p in yes)) for n in names}
    shut = {n: {i for i, p in enumerate(no) if p[n] not in values[n]} for n in names}
    telling = [n for n in names if shut[n]]
    for size in range(1, len(telling) + 1):
        for chosen in combinations(telling, size):
            if len(set().union(*(shut[n] for n in chosen))) == len(no):
                return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in chosen)))
    varying = [n for n in names if len({p[n] for p in (*yes, *no)}) > 1]
    return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in varying)), decides=False)


def _home(engine: Engine, pair: Pair) -> Plan | None:
    if not engine.model.goal:
        return None
    try:
        return plan(engine, pair)
    except NoPlan:
        return None


def _effect(engine: Engine, decision: Decision) -> str:
    """What a command does, in words: why its rule exists and what the nodes then are."""
    if not shows_states(engine):
        return decision.why
    after = " and ".join(
        f"{n} {title(decision.pair[f'{n}.state'])}" for n in NODES
    )
    return f"{decision.why[:1].upper()}{decision.why[1:]}. Then {after}."


# ----------------------------------------------------------------------- words


def _failed_json(failed: Iterable[Failed]) -> list[dict[str, Any]]:
    return [{"column": f.column, "is": f.value, "needs": list(f.needs)} for f in failed]


def _or(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _needs(failed: Iterable[Failed]) -> str:
    return "; ".join(f"{f.column} is {f.value}, needs {_or(f.needs)}" for f in failed)


def _cells(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{name} is {value}" for name, value in cells.items())


def _steps(way: Plan) -> str:
    return f"{len(way.steps)} step{'s' if len(way.steps) != 1 else ''}"


def _wrap(text: str, before: str = "", later: str = "") -> list[str]:
    return TextWrapper(
        _WIDTH, initial_indent=before, subsequent_indent=later, break_on_hyphens=False
    ).wrap(text)


def _items(many: Iterable[str]) -> list[str]:
    return [line for item in many for line in _wrap(item, "  ", "    ")]
