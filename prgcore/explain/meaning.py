"""The meaning of a display: its row of Table 2, a family of displays, or a rule that leads to it.

Law: it reads the machine, its situations and its families; it takes no step and searches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from prgcore.engine import Engine, Pair
from prgcore.explain.answer import Meaning, Reading
from prgcore.explain.display import in_words, row_display, situation_of, turned
from prgcore.explain.pairs import Pairs
from prgcore.explain.wording import doing
from prgcore.model import By, Cell, Const, Cube, Display, Rule, Shown, Situation
from prgcore.seats import NODES, mirror_name
from prgcore.vocabulary import Outcome, Reason, State

__all__ = ["meaning", "nearest", "readings", "seated", "sides"]


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
    near = nearest(engine, shown)
    if rule is None:
        return Meaning(nearest=near)
    rows = [c.rpartition("table2:")[2] for c in rule.cite if "table2:" in c]
    silent = [n for n, s in zip(NODES, display, strict=True) if s is None]
    cause = "".join(f"{n} does not run, or cannot be reached. " for n in silent)
    return Meaning(
        cause=f"{cause}A rule that can lead here is {rule.name}: {rule.why}.",
        decision=rule.decisions[0] if rule.decisions else None, nearest=rows[0] if rows else near,
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


def nearest(engine: Engine, display: Display | None) -> str | None:
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


def readings(engine: Engine, display: Display | None, pairs: Pairs) -> tuple[Reading, ...]:
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
