"""Explanations: the meaning of a pair, its cause, what to do now, and why a command is refused.

Law: it reads the machine, its situations and its families, and searches only when asked; no
solver, no arrays. A pair is explained as it is. A *display* is two states and reasons, all that
an operator has; it stands for every pair that shows it. A command that only some of these pairs
accept is listed with the hidden columns that decide. Text is for an operator, 80 columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import combinations

from attrs import frozen

from prgcore.engine import Decision, Engine, Pair
from prgcore.errors import BadInput, Failed, NeedsTwoNodes
from prgcore.explain.answer import Explanation, Maybe, Reading, WhyNot
from prgcore.explain.display import (
    candidates,
    contradiction,
    cubes_of,
    denoted,
    display_of,
    foremost,
    in_words,
    misprint,
    parse_shown,
    row_display,
    shows_states,
    situation_of,
    spell,
    stored_columns,
    turned,
)
from prgcore.explain.health import assumed, healthiest_of
from prgcore.explain.home import by_itself, way_home
from prgcore.explain.pairs import Listed, Pairs
from prgcore.explain.plan import NoPlan, Plan, accepted_in, plan
from prgcore.explain.wording import doing
from prgcore.form.spelling import Spelling
from prgcore.model import By, Cell, Const, Cube, Display, Record, Rule, Shown, Situation, Values
from prgcore.seats import NODES, mirror_name
from prgcore.vocabulary import Kind, Outcome, Reason, State, title
from prgcore.words import listed

__all__ = [
    "Display", "Explanation", "Maybe", "Meaning", "NoNode", "Reading", "Shown", "WhyNot", "candidates",
    "display_of", "explain", "explain_display", "explain_pairs", "meaning", "parse_shown",
    "shows_states", "spell", "why_not",
]

SERVED_TWICE = (
    "Let one node serve: stop the services and the recovery manager of the other, or its host.",
    "Repair the network between the nodes, and the record that both write.",
    "Start the recovery manager again; if the group then fails, click Recovery (row 16).",
    "Otherwise disable High Availability, and enable it when both nodes are healthy.",
)
OUTSIDE = (
    "Read the status of both nodes again: what is shown can be older than the nodes.",
    "If it stays, disable High Availability, check both nodes, and enable it again.",
)
NOT_KNOWN = ("Restart the recovery manager on both nodes (row 24).", *OUTSIDE)
_BACKUP = (State.RUNNING_IN_BACKUP_MODE,)
_SERVING = (*_BACKUP, State.NORMAL, State.TAKING_OVER, State.BACKUP_ACTIVATED)
"""The states in which a node serves users that its peer must not serve as well."""
CAUTIONS: tuple[tuple[Mapping[str, Sequence[State]], tuple[str, ...]], ...] = (
    ({"node1": _BACKUP, "node2": _SERVING}, SERVED_TWICE),
    ({"node1": _SERVING, "node2": _BACKUP}, SERVED_TWICE),
    ({"node1": (State.UNKNOWN,)}, NOT_KNOWN),
    ({"node2": (State.UNKNOWN,)}, NOT_KNOWN),
    ({}, OUTSIDE),
)
"""What to do about two states that no pair shows: the first entry whose nodes show its states."""


class NoNode(Enum):
    """The default of the second node's display: the group has one node."""

    GIVEN = "given"


def explain(engine: Engine, pair: Mapping[str, str]) -> Explanation:
    """An explanation of a pair: meaning, cause, what to do now, what each command would do.

    Raises:
        BadInput: this is not a pair of the machine.
        NeedsTwoNodes: the columns of only one node are given.
    """
    names = map(str, pair if isinstance(pair, Mapping) else ())
    given = {name.partition(".")[0] for name in names} & set(NODES)
    if len(given) == 1 and set(NODES) <= {n.partition(".")[0] for n in engine.stored}:
        raise _one_node(min(given))
    whole = engine.pair(pair)
    display = display_of(engine, whole)
    broken = engine.broken(whole)
    if broken:
        return _outside(engine, display, foremost(engine, broken))
    return explain_pairs(engine, display, [whole])


def explain_display(
    engine: Engine,
    shown1: Shown | None,
    shown2: Shown | NoNode | None = NoNode.GIVEN,
    known: Mapping[str, str] | None = None,
    reachable: Callable[[Pair], bool] | None = None,
) -> Explanation:
    """An explanation of two states and reasons: of every pair that shows them.

    Args:
        engine: the machine.
        shown1: what node1 shows; None for nothing.
        shown2: what node2 shows; None for nothing; not given, the group has one node.
        known: hidden columns that the operator knows.
        reachable: keeps only the pairs that it accepts. Without it every pair that satisfies the
            invariants is considered, which may be more.

    Raises:
        BadInput: the machine has no such column or value, or too many pairs show this.
        NeedsTwoNodes: only one node is given.
    """
    if isinstance(shown2, NoNode):
        raise _one_node("node1")
    display = Display(shown1, shown2)
    pairs = denoted(engine, display, known, reachable)
    if len(pairs):
        return _explained(engine, display, pairs)
    broken = contradiction(engine, cubes_of(engine, display, known))
    if broken:
        return _outside(engine, display, broken)
    return Explanation(
        display, nearest=_nearest(engine, display), pairs=0,
        cause="No pair that the machine can reach shows this, though no invariant excludes it. "
        "Read the status of both nodes again.", actions=_prudence(engine, display),
        spelling=Spelling.of(engine.model), plainly=_never_together(engine, display),
    )


def explain_pairs(
    engine: Engine, display: Display | None, pairs: Sequence[Pair]
) -> Explanation:
    """An explanation of pairs that all show the display and break no invariant."""
    if not pairs:
        raise BadInput("explain_pairs needs at least one pair")
    return _explained(engine, display, Listed(engine, pairs))


def _explained(engine: Engine, display: Display | None, pairs: Pairs) -> Explanation:
    wrong = None if display is None else misprint(engine, display)
    meant = row_display(wrong[0], mirrored=wrong[1]) if wrong else display
    best = healthiest_of(engine, meant, pairs)
    readings = _readings(engine, display, pairs)
    found = meaning(engine, display, pairs, best)
    row, nearest = found.row, found.nearest
    if row is not None and len(readings) > 1:
        row, nearest = None, row
    available: list[str] = []
    maybe: list[Maybe] = []
    refused: dict[str, tuple[Failed, ...]] = {}
    count = len(pairs)
    for command in (e.name for e in engine.model.events if e.kind is Kind.COMMAND):
        accepted = pairs.within(*(r.when for r in engine.model.rules if r.event == command))
        if not len(accepted):
            refused[command] = _always(engine.step(best, command).failed, pairs)
        elif len(accepted) == count:
            available.append(command)
        else:
            maybe.append(_decides(engine, command, pairs, accepted))
    way = way_home(engine, best, found.events)
    return Explanation(
        display, row, found.seat, found.cause + (_misprinted(wrong[0]) if wrong else ""),
        found.actions, found.decision, nearest, readings,
        available=tuple(available),
        does={c: _effect(engine, engine.step(best, c)) for c in available},
        maybe=tuple(maybe), refused=refused, plan=way,
        assuming=assumed(engine, pairs, best),
        pairs=count, pair=best, by_itself=_by_itself(engine, way),
        spelling=Spelling.of(engine.model), plainly=found.plainly,
    )


def _misprinted(situation: Situation) -> str:
    return (f" The document prints {situation.literal} in this row, where {situation.corrected} is "
            "meant.")


def why_not(engine: Engine, pair: Mapping[str, str], command: str) -> WhyNot:
    """The reason why a pair refuses a command, and the shortest plan that enables it.

    Raises:
        BadInput: this is not a pair of the machine, or not one of its commands.
        OutsideInvariant: the pair breaks a proved invariant.
    """
    kind = engine.kind(command)
    if kind is not Kind.COMMAND:
        commands = ", ".join(e.name for e in engine.model.events if e.kind is Kind.COMMAND)
        raise BadInput(f"{command} is a {kind}; only a command can be refused: {commands}")
    whole = engine.pair(pair)
    decision = engine.step(whole, command)
    if decision.outcome is not Outcome.REFUSED:
        return WhyNot(command, accepted=True, spelling=Spelling.of(engine.model))
    try:
        way = plan(engine, whole, accepted_in(engine, command), without={command})
    except NoPlan:
        way = None
    return WhyNot(command, accepted=False, failed=decision.failed, plan=way,
                  by_itself=_by_itself(engine, way), spelling=Spelling.of(engine.model))


def _by_itself(engine: Engine, way: Plan | None) -> tuple[str, ...]:
    """The events of a plan to wait for, each once: timers and completions."""
    return tuple(event for event in dict.fromkeys(way.events if way else ())
                 if by_itself(engine, event))


def _outside(engine: Engine, display: Display | None, broken: tuple[str, ...]) -> Explanation:
    says = {i.id: i.says for i in engine.model.invariants}
    promises = "; ".join(f"{i}: {says[i]}" for i in broken)
    assumptions = "; ".join(engine.model.assumptions) or "the pair was recorded as it was"
    twice = display is not None and all(s and s.state in _BACKUP for s in display)
    return Explanation(
        display, nearest=_nearest(engine, display), broken=broken,
        cause=("Both nodes serve everyone: users are served twice. " if twice else "")
        + f"This breaks what is proved ({promises}), so an assumption of the proof has failed "
        f"({assumptions}), or what is shown is not one moment of both nodes. The proof does not "
        "cover this pair: no command is judged and no plan is made. The advice is prudence, "
        "not proof.",
        actions=_prudence(engine, display), spelling=Spelling.of(engine.model),
        plainly=_never_together(engine, display, "; ".join(says[i] for i in broken)),
    )


def _prudence(engine: Engine, display: Display | None) -> tuple[str, ...]:
    """What to do about two states that no pair shows."""
    if "disable_ha" not in {e.name for e in engine.model.events}:
        return OUTSIDE[:1]
    shown = {n: s.state for n, s in zip(NODES, display or (), strict=False) if s}
    return next(actions for states, actions in CAUTIONS
                if all(shown.get(node) in some for node, some in states.items()))


def _never_together(engine: Engine, display: Display | None, promises: str = "") -> str:
    """An operator's words for what no pair shows."""
    if display is None:
        return f"The two nodes should never be like this: {promises}."
    nodes = [n for n, s in zip(NODES, display, strict=True) if s and s.state == State.UNKNOWN]
    open_reasons = Display(*(half and Shown(half.state) for half in display))
    alone = open_reasons != display and len(denoted(engine, open_reasons))
    what = "These two states and reasons" if alone else "These two states"
    unknown = (f"The state of {listed(nodes, 'and')} is not known: high availability may not have been "
               "enabled properly. ") if nodes else ""
    who = "every user" if all(s and s.state in _BACKUP for s in display) else "users"
    return (f"{unknown}{what} should never be seen together"
            + (f": {who} may be served twice." if _prudence(engine, display) is SERVED_TWICE else "."))


def _one_node(node: str) -> NeedsTwoNodes:
    return NeedsTwoNodes(
        f"high availability needs two nodes, and only {node} is given; "
        "assign a second node to the group, or say what the other node shows"
    )


@frozen(eq=False, repr=False)
class Meaning(Record):
    """What pairs that show a display mean: the fields of an `Explanation`.

    `events` are those of the actions, best first: of the row's advice for the healthiest pair.
    """

    row: str | None = None
    seat: str | None = None
    cause: str = ""
    actions: tuple[str, ...] = ()
    decision: str | None = None
    nearest: str | None = None
    plainly: str = ""
    events: tuple[Values, ...] = ()


def meaning(
    engine: Engine, display: Display | None, pairs: Pairs, best: Pair
) -> Meaning:
    """The meaning of pairs that show a display; `best` is the healthiest of them.

    The display alone decides it where none of the machine's rows is shown.
    """
    if display is None:
        return Meaning()
    left, right = (
        None if s is None else Shown(State(best[f"{n}.state"]), Reason(best[f"{n}.reason"]))
        for n, s in zip(NODES, display, strict=True)
    )
    shown = Display(left, right)
    found = situation_of(engine, shown, best)
    if found is not None:
        return _of_row(found[0], pairs, best, sides(found[0], pairs, mirrored=found[1]))
    for family in engine.model.families:
        if family.matches(shown):
            advice = (family.advice,) if family.advice else ()
            return Meaning(None, None, family.says, advice, family.decision, family.nearest)
    rule = _rule_behind(engine, best, [n for n, s in zip(NODES, display, strict=True) if s])
    nearest = _nearest(engine, shown)
    if rule is None:
        return Meaning(nearest=nearest)
    rows = [c.rpartition("table2:")[2] for c in rule.cite if "table2:" in c]
    silent = [n for n, s in zip(NODES, display, strict=True) if s is None]
    cause = "".join(f"{n} does not run, or cannot be reached. " for n in silent)
    return Meaning(
        cause=f"{cause}A rule that can lead here is {rule.id}: {rule.why}.",
        decision=rule.decisions[0] if rule.decisions else None, nearest=rows[0] if rows else nearest,
        plainly=doing(display),
    )


def sides(situation: Situation, pairs: Pairs, *, mirrored: bool) -> tuple[bool, ...]:
    """From which seats a row is seen: as printed (False), mirrored (True), or nobody knows.

    A display that is its own mirror does not say it. The row's cause and advice do, if they fit the
    pairs from one seat only.
    """
    if not situation.either or situation.display != situation.display.mirrored():
        return (mirrored,)
    reasons = Cube(tuple(Cell(f"{node}.reason", (str(half.reason),))
                         for node, half in zip(NODES, situation.display, strict=True) if half))
    usual = situation.fits & reasons
    fits = [met for advice in situation.advice if usual and (met := usual & advice.when)]
    return tuple(side for side in (False, True) if len(
        pairs.within(*(turned(cube, mirrored=side) for cube in fits)))) or (False, True)


def _of_row(
    situation: Situation, pairs: Pairs, best: Pair, seats: tuple[bool, ...]
) -> Meaning:
    mirrored = seats[0]
    either = len(seats) > 1
    cause = situation.either if either else seated(situation.cause, mirrored=mirrored)
    unlike = min((_misfit(situation, best, side) for side in seats), key=len)
    events = [tuple(mirror_name(e) if side else e for e in advice.events)
              for side in seats for advice in situation.advice
              if not advice.defect
              and all(best[c.column] in c.values for c in turned(advice.when, mirrored=side))]
    return Meaning(
        situation.row, NODES[(NODES.index(situation.seat) + mirrored) % 2], cause + unlike,
        tuple(dict.fromkeys(say for side in seats for say in _advice(
            situation, pairs, mirrored=side, either=either))),
        events=tuple(events),
    )


def _readings(engine: Engine, display: Display | None, pairs: Pairs) -> tuple[Reading, ...]:
    """The meanings of a display with open reasons: rows and families in order, then the rest."""
    if display is None or all(s is None or s.reason for s in display):
        return ()
    rows = list(dict.fromkeys(s.row for s in engine.model.situations))
    families = [f.id for f in engine.model.families]
    says = {f.id: f.says.partition(". ")[0].rstrip(".") for f in engine.model.families}
    listed = {
        row_display(s, mirrored=mirrored): s.row
        for s in engine.model.situations for mirrored in (True, False)
    }
    found: dict[tuple[int, int], list[tuple[str, ...]]] = {}
    for left, some in _halves(NODES[0], display[0], pairs):
        for right, _ in _halves(NODES[1], display[1], some):
            here = Display(left, right)
            row = listed.get(here)
            family = next((f.id for f in engine.model.families if f.matches(here)), None)
            key = (
                (rows.index(row), 0) if row else
                (len(rows), families.index(family) if family else len(families))
            )
            found.setdefault(key, []).append(tuple(str(h.reason) for h in here if h))
    return tuple(
        Reading(rows[r], None, tuple(reasons)) if r < len(rows) else
        Reading(None, family := [*families, None][f], tuple(reasons), says.get(family or "", ""))
        for (r, f), reasons in sorted(found.items())
    )


def _halves(
    node: str, shown: Shown | None, pairs: Pairs
) -> Iterator[tuple[Shown | None, Pairs]]:
    """Each full half that a node may show, and the pairs in which it does."""
    if shown is None:
        yield None, pairs
        return
    for reason in pairs.values()[f"{node}.reason"]:
        yield Shown(shown.state, reason), pairs.within(Cube((Cell(f"{node}.reason", (reason,)),)))


def _advice(
    situation: Situation, pairs: Pairs, *, mirrored: bool, either: bool
) -> tuple[str, ...]:
    """A row's advice for these pairs; if some fit the row's cause, only these count."""
    fits = turned(situation.fits, mirrored=mirrored)
    whens = [turned(a.when, mirrored=mirrored) for a in situation.advice]
    usual = pairs.within(fits)
    fitting = usual if len(usual) else pairs
    said = [
        (either and a.either) or seated(a.says, mirrored=mirrored)
        for a, when in zip(situation.advice, whens, strict=True)
        if len(fitting.within(when))
    ]
    return tuple(dict.fromkeys(said))


def seated(text: str, *, mirrored: bool) -> str:
    """The document's words with this group's node names; `node 1` is the left column."""
    left, right = NODES[::-1] if mirrored else NODES
    return re.sub(r"\b[Nn]ode ([12])\b", lambda m: (left, right)[int(m[1]) - 1], text)


def _misfit(situation: Situation, pair: Pair, mirrored: bool) -> str:
    unlike = {
        c.column: pair[c.column] for c in turned(situation.fits, mirrored=mirrored)
        if pair[c.column] not in c.values
    }
    return f" The row's usual cause does not fit: {in_words(unlike)}." if unlike else ""


def _rule_behind(engine: Engine, pair: Pair, nodes: Sequence[str]) -> Rule | None:
    """A rule after which these nodes can look like this: the one that explains most columns."""
    names = [f"{n}.{what}" for n in nodes for what in ("state", "reason")]

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
    """The row that differs least from a display; states count before reasons, then the order."""
    if display is None or not engine.model.situations:
        return None

    def differs(row: Display) -> int:
        return sum(
            4 if (a is None) != (b is None)
            else 0 if a is None or b is None
            else 2 * (a.state != b.state) + (b.reason is not None and a.reason != b.reason)
            for a, b in zip(row, display, strict=True)
        )

    best = min(
        (differs(row_display(s, mirrored=mirrored)), i)
        for i, s in enumerate(engine.model.situations) for mirrored in (False, True)
    )
    return engine.model.situations[best[1]].row


def _always(failed: tuple[Failed, ...], pairs: Pairs) -> tuple[Failed, ...]:
    """The failing cells that fail alike in every pair; all of them if none does."""
    stored, count = pairs.values(), len(pairs)
    return tuple(
        f for f in failed if (
            stored[f.column] == (f.value,) if f.column in stored
            else len(pairs.within(Cube((Cell(f.column, f.value),)))) == count)
    ) or failed


def _decides(engine: Engine, command: str, pairs: Pairs, accepted: Pairs) -> Maybe:
    """The smallest set of columns whose accepting values leave no refusing pair."""
    rules = (r for r in engine.model.rules if r.event == command)
    names = stored_columns(engine, (c for r in rules for c in r.when))
    values = accepted.values(names)
    shut = [some for some in pairs.outside(values) if some]
    telling = [n for n in names if any(n in some for some in shut)]
    all_told = Cube(tuple(Cell(n, values[n]) for n in telling))
    if len(pairs.within(all_told)) == len(accepted):
        for size in range(1, len(telling) + 1):
            for chosen in combinations(telling, size):
                if all(not some.isdisjoint(chosen) for some in shut):
                    return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in chosen)))
    here = pairs.values()
    varying = [n for n in names if len(here[n]) > 1]
    return Maybe(command, Cube(tuple(Cell(n, values[n]) for n in varying)), decides=False)


def _effect(engine: Engine, decision: Decision) -> str:
    """A command's effect in words: the reason of its rule, and the states that follow."""
    if not shows_states(engine):
        return decision.why
    after = " and ".join(
        f"{n} {title(decision.pair[f'{n}.state'])}" for n in NODES
    )
    return f"{decision.why[:1].upper()}{decision.why[1:]}. Then {after}."
