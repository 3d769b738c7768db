"""The payload: a compiled machine as JSON, for an interpreter in another language.

Law: a reader of the table. Values are codes (their place in their domain); columns and events
are their place in their list, stored columns first. Rules are listed in the order in which the
engine asks them, so that ties are broken alike. Pure; the same machine gives the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any, TypeAlias

from prgcore.diagram.matrix import MOST, Matrix, asked, matrix
from prgcore.diagram.palette import PALETTE, STANDINGS, Standing
from prgcore.diagram.sequence import LIVES, route, route_of_action
from prgcore.diagram.states import role
from prgcore.engine import Engine, Pair
from prgcore.explain.answer import Meaning
from prgcore.explain.display import (
    display_of,
    row_display,
    shows_states,
    situation_of,
    turned,
    viewpoints,
)
from prgcore.explain.health import illness
from prgcore.explain.meaning import meaning, seated
from prgcore.explain.outside import CAUTIONS, OUTSIDE
from prgcore.explain.pairs import Listed
from prgcore.form.atlas import Atlas
from prgcore.form.spelling import Spelling, folded
from prgcore.machine import reference
from prgcore.model import (
    By,
    Cause,
    Cell,
    Column,
    Const,
    Copy,
    Cube,
    Display,
    Effect,
    Rule,
    Situation,
)
from prgcore.product.serving import COLUMNS
from prgcore.seats import NODES, mirror_name, seat_cube
from prgcore.story.script import as_story
from prgcore.tables.agents import SERVES
from prgcore.tables.clients import CANNOT_SERVE, NOBODY_ASSIGNED
from prgcore.vocabulary import ALIASES, ASSIGNED, Reason, State, plain
from prgcore.wire.machine_file import digest

__all__ = ["LABELS", "LEAVES", "LONGEST", "Json", "axes", "payload"]

Json: TypeAlias = dict[str, Any]

LABELS = {"ha": "high availability"}
"""Columns whose name a reader would not understand."""
HATCHED = (Standing.IMPOSSIBLE,)
"""Squares of the map without letters; which promise forbids one is read when it is chosen."""
LONGEST = 2_000
"""Lines of a story that the page takes."""
LEAVES = -1
"""In place of the code of a value: an effect leaves its target as it was."""


def payload(
    engine: Engine, story: str = "", links: str = "",
    pairs: Sequence[Mapping[str, str]] | None = None,
) -> Json:
    """Everything that the explorer knows, as a JSON object.

    Args:
        engine: the machine.
        story: the text of a story with which to begin; "": the usual start.
        links: where the pages of the reference are, as `https://host/reference/`; "": nowhere.
        pairs: of a machine without an atlas, for its map and for what its displays mean: what
            a search found, as `prgcore.diagram.matrix.matrix` takes it.
    """
    return _Writer(engine, pairs).payload() | {"story": story, "links": links}


def axes(engine: Engine) -> tuple[str, str] | None:
    """The columns of the map; None where the nodes have no states, or too many for a map."""
    left, right = (f"{node}.state" for node in NODES)
    sizes = [len(c.domain) for c in engine.model.columns if c.name in (left, right)]
    return (left, right) if len(sizes) == len(NODES) and prod(sizes) <= MOST else None


class _Writer:
    """Writes the names of one machine as codes."""

    def __init__(self, engine: Engine, pairs: Sequence[Mapping[str, str]] | None = None) -> None:
        self.engine, self.model, self.pairs = engine, engine.model, pairs
        self.spelling = Spelling.of(engine.model)
        by_name = {c.name: c for c in self.model.columns}
        self.at = engine.position
        self.columns = [by_name[name] for name in self.at]
        self.codes = [{str(v): i for i, v in enumerate(c.domain)} for c in self.columns]
        self.events = {e.name: i for i, e in enumerate(self.model.events)}
        self.shows = shows_states(engine)

    def payload(self) -> Json:
        model = self.model
        atlas = self.engine.atlas
        return {
            "name": model.name,
            "digest": digest(model),
            "longest": LONGEST,
            "policy": [list(choice) for choice in model.policy],
            "assumptions": list(model.assumptions),
            "columns": [self._column(c) for c in self.columns],
            "initial": self._row(self.engine.initial[0]),
            "starts": [
                [name, self._events(done)]
                for name, done in {"initial": (), **dict(model.starts)}.items()
            ],
            "preamble": as_story(self.engine, ()).splitlines()[:-1],
            "events": [self._event(e.name) for e in model.events],
            "rules": [self._rule(r) for r in sorted(model.rules, key=lambda r: r.id)],
            "invariants": [
                {"id": i.id, "says": i.says, "auxiliary": i.auxiliary,
                 "never": self._cubes(i.never)} for i in model.invariants
            ],
            "goal": self._cubes(model.goal),
            "cards": [self._card(n) for n in NODES if any(c.startswith(f"{n}.") for c in self.at)],
            "looks": {str(r): {"says": k.says, "shape": k.shape} for r, k in PALETTE.items()},
            "standings": {str(s): {"says": k.says, "sign": "" if s in HATCHED else k.shape}
                          for s, k in STANDINGS.items()},
            "lives": dict(LIVES),
            "actions": self._actions(),
            "decisions": self._decisions(),
            "atlas": None if atlas is None else self._atlas(atlas),
            "display": self._display() if self.shows else None,
            "serving": self._serving(),
            "map": self._map(),
        }

    # ------------------------------------------------------------- the table

    def _column(self, column: Column) -> Json:
        """A derived one has a flat table: the codes of its sources, the last one fastest."""
        told: Json = {"name": column.name, "domain": [str(v) for v in column.domain],
                      "says": column.says}
        what = column.name.rpartition(".")[2]
        label = self.spelling.name(column.name)
        if label != column.name or column.name in LABELS:
            told["label"] = LABELS.get(column.name, "") if label == column.name else label.replace(".", " ")
        if self.shows and what in ("state", "reason"):
            told["titles"] = [self.spelling.title(column.name, v) or "no reason" for v in column.domain]
        elif any(self.spelling.renamed(column.name, v) for v in column.domain):
            told["titles"] = [self.spelling.renamed(column.name, v) or v.replace("_", " ")
                              for v in column.domain]
        if what == "state" or any(c.column == column.name for c in self.model.transient):
            told["roles"] = [str(role(self.model, column.name, v)) for v in column.domain]
        if column.derived:
            codes, table = self.codes[self.at[column.name]], dict(column.table)
            domains = [self.columns[self.at[s]].domain for s in column.sources]
            told["sources"] = [self.at[s] for s in column.sources]
            told["table"] = [codes[table[key]] for key in product(*domains)]
        return told

    def _cube(self, cube: Iterable[Cell]) -> list[list[Any]]:
        """`[[column, codes]]`, the codes in the order in which an answer lists their words."""
        return [
            [self.at[c.column], [self.codes[self.at[c.column]][v] for v in sorted(c.values)]]
            for c in cube
        ]

    def _cubes(self, cubes: Iterable[Iterable[Cell]]) -> list[list[list[Any]]]:
        return [self._cube(c) for c in cubes]

    def _row(self, pair: Pair) -> list[int]:
        """The codes of the stored columns."""
        return [self.codes[i][v] for i, v in enumerate(pair.values_)]

    def _events(self, names: Iterable[str]) -> list[int]:
        return [self.events[name] for name in names]

    def _event(self, name: str) -> Json:
        event = self.model.events[self.events[name]]
        source, targets = route(self.model, name)
        return {
            "name": name, "kind": str(event.kind), "says": event.says, "success": event.success,
            "route": [source, list(targets)],
            "possible": self._cubes(p.when for p in self.model.possible if p.event == name),
        }

    def _rule(self, rule: Rule) -> Json:
        return {
            "id": rule.id, "event": self.events[rule.event], "when": self._cube(rule.when),
            "then": [self._effect(e) for e in rule.then], "outcome": str(rule.outcome),
            "actions": [[a.do, a.node, *route_of_action(self.model, a)] for a in rule.actions],
            "why": self.spelling.prose(rule.why),
            "cite": list(rule.cite), "decisions": list(rule.decisions), "phase": rule.phase,
            "evidence": str(rule.evidence),
        }

    def _effect(self, effect: Effect) -> list[Any]:
        """Target, source, what the target becomes for every code of the source, and its kind."""
        target = source = self.at[effect.target]
        codes = self.codes[target]
        match effect.value:
            case Const(constant):
                table: Mapping[str, str] = dict.fromkeys(codes, constant)
            case Copy(name):
                source = self.at[name]
                table = {v: v for v in self.codes[source]}
            case By(name, rows):
                source = self.at[name]
                table = dict(rows)
        becomes = [codes.get(table.get(v, ""), LEAVES) for v in self.codes[source]]
        return [target, source, becomes, type(effect.value).__name__.lower()]

    def _atlas(self, atlas: Atlas) -> Json:
        """As text, a level a string: nodes parted by spaces, zeros at the end of each left out."""
        return {
            "columns": [self.at[name] for name in atlas.columns],
            "levels": [" ".join(level.split()) for level in atlas.levels],
            "root": atlas.root,
            "events": self._events(atlas.events),
        }

    # -------------------------------------------------------- what it means

    def _card(self, node: str) -> Json:
        """What is shown of a node: its state and reason, if it has them, and everything else."""
        state, reason = (self.at.get(f"{node}.{what}") for what in ("state", "reason"))
        return {
            "node": node, "state": state, "reason": reason,
            "facts": [
                i for name, i in self.at.items()
                if name.startswith(f"{node}.") and i not in (state, reason)
            ],
        }

    def _actions(self) -> dict[str, list[str]]:
        """The request of each action of the document's machine, and when it is done."""
        if not reference(self.model):
            return {}
        from prgcore.tables.actions import ACTIONS

        return {a.name: [a.says, a.duty] for a in ACTIONS}

    def _decisions(self) -> dict[str, list[str]]:
        """Title, question and choice of the decisions of the document's machine."""
        if not reference(self.model):
            return {}
        from prgcore.tables.decisions import DECISIONS

        return {d.id: [d.title, d.text, d.choice] for d in DECISIONS}

    def _display(self) -> Json:
        """The meaning of two states and reasons: viewpoints, rows from both seats, other answers."""
        return self._answers() | {
            "viewpoints": [self._cubes((v.node1, v.node2)) for v in viewpoints(self.engine)],
            "rows": [
                self._situation(s, mirrored=mirrored)
                for mirrored in (False, True) for s in self.model.situations
            ],
            "outside": [*self._cautions()],
            "spellings": {
                what: {a: str(w) for a, w in ALIASES.items() if isinstance(w, words)}
                | {plain(w): str(w) for w in words}
                | {folded(said): str(w) for w in words
                   if (said := self.spelling.renamed(what, w))}
                for what, words in (("state", State), ("reason", Reason))
            },
        }

    def _cautions(self) -> Iterator[Json]:
        """What to do about states that no pair shows, by the states that an administrator sees."""
        if "disable_ha" not in self.events:
            yield {"when": [], "actions": list(OUTSIDE[:1])}
            return
        first = viewpoints(self.engine)[0]
        sees = dict(zip(NODES, (first.node1, first.node2), strict=True))
        for states, actions in CAUTIONS:
            cells = [Cell(f"{n}.state", tuple(s for s in some if s in self.codes[self.at[f"{n}.state"]]))
                     for n, some in states.items()]
            if all(cell.values for cell in cells):
                yield {"when": self._cube([*(c for n in states for c in sees[n]), *cells]),
                       "actions": list(actions)}

    def _answers(self) -> Json:
        """The meanings of displays that no row lists, and a pair for every display.

        `pairs`: for every display the place of its answer, -1 where a row always answers, and the
        codes of its least ill pair; the least ill first.
        """
        found = None if self.pairs is None else tuple(map(self.engine.pair, self.pairs))
        answers, pairs = _answered(self.engine, found)
        return {
            "answers": [
                {"cause": self.spelling.prose(told.cause),
                 "actions": [{"says": self.spelling.prose(a), "events": []} for a in told.actions],
                 "decision": told.decision, "nearest": told.nearest}
                for told in answers
            ],
            "pairs": [[answer, *self._row(pair)] for answer, pair in pairs],
        }

    def _situation(self, situation: Situation, *, mirrored: bool) -> Json:
        seat = NODES[(NODES.index(situation.seat) + mirrored) % 2]
        printed = situation.printed
        return {
            "row": situation.row, "seat": seat,
            "display": row_display(situation, mirrored=mirrored),
            "printed": printed.mirrored() if printed and mirrored else printed,
            "cause": self.spelling.prose(seated(situation.cause, mirrored=mirrored)),
            "either": self.spelling.prose(situation.either),
            "fits": self._cube(turned(situation.fits, mirrored=mirrored)),
            "advice": [
                {"says": self.spelling.prose(seated(a.says, mirrored=mirrored)),
                 "either": self.spelling.prose(a.either),
                 "when": self._cube(turned(a.when, mirrored=mirrored)),
                 "events": self._events(_mirrored(a.events, mirrored=mirrored))}
                for a in situation.advice
            ],
            "causes": [self._cause(c, mirrored=mirrored) for c in situation.causes],
        }

    def _cause(self, cause: Cause, *, mirrored: bool) -> Json:
        return {"says": self.spelling.prose(seated(cause.says, mirrored=mirrored)), "start": cause.start,
                "events": self._events(_mirrored(cause.events, mirrored=mirrored))}

    def _serving(self) -> list[Json] | None:
        """For each node the node that serves its users, and why it serves nobody; first match wins."""
        cubes = [SERVES, *(h.when for h in (*CANNOT_SERVE, *NOBODY_ASSIGNED))]
        asked = [c for some in cubes for node in NODES for c in seat_cube(some, node)]
        if not set(COLUMNS) <= self.at.keys() or any(
                v not in self.codes[self.at[c.column]] for c in asked for v in c.values):
            return None
        return [
            {"users": [{"when": self._cube(when), "by": by, "why": why}
                       for when, by, why in _users(home, peer)],
             "hindered": [{"when": self._cube(when), "why": why} for when, why in _hindered(home)]}
            for home, peer in (NODES, NODES[::-1])
        ]

    def _map(self) -> Json | None:
        """The map of two states, and for every square that can be reached a pair to look at."""
        atlas = self.engine.atlas
        names = axes(self.engine)
        if names is None or (atlas is None and self.pairs is None):
            return None
        drawn = _charted(self.engine) if self.pairs is None else matrix(
            self.engine, *names, self.pairs)
        at = [self.at[name] for name in names]
        rows, columns = (self.codes[i] for i in at)
        found = [self.engine.pair(p) for p in self.pairs or ()] if atlas is None else [
            self.engine.at(values) for values in atlas.everything.distinct(names)]
        pairs = {(str(p[names[0]]), str(p[names[1]])): self._row(p) for p in reversed(found)}
        return {
            "axes": at, "title": drawn.title,
            "squares": [
                {"row": rows[s.row], "column": columns[s.column], "standing": str(s.standing),
                 "text": "" if s.standing in HATCHED else s.text, "says": s.says, "pair": pairs.get((s.row, s.column))}
                for s in drawn.squares
            ],
        }


@lru_cache(maxsize=8)
def _charted(engine: Engine) -> Matrix:
    """The map of two states as the atlas has it, drawn once for every page of a machine."""
    left, right = (f"{node}.state" for node in NODES)
    return matrix(engine, left, right)


@lru_cache(maxsize=8)
def _answered(
    engine: Engine, found: tuple[Pair, ...] | None
) -> tuple[tuple[Meaning, ...], tuple[tuple[int, Pair], ...]]:
    """Answers, and for every display the place of its own and its least ill pair, that one first.

    Args:
        engine: the machine.
        found: pairs with every display; None: the reachable ones, where there is an atlas.
    """
    ill, atlas = illness(engine), engine.atlas
    if found is None:
        found = () if atlas is None else tuple(
            map(engine.at, atlas.everything.distinct(asked(engine))))
    shows: dict[Display, list[Pair]] = {}
    for pair in found:
        shown = display_of(engine, pair)
        if shown is not None and not engine.broken(pair):
            shows.setdefault(shown, []).append(pair)
    answers: dict[Meaning, int] = {}
    pairs: list[tuple[int, int, Pair]] = []
    for shown, some in shows.items():
        cost, best = min(
            ((sum(ill[n][v] for n, v in zip(engine.stored, p.values_, strict=True)), p)
             for p in some), key=lambda one: one[0])
        unlisted = next((p for p in some if situation_of(engine, shown, p) is None), None)
        told = unlisted and meaning(engine, shown, Listed(engine, [unlisted]), unlisted)
        pairs.append((cost, answers.setdefault(told, len(answers)) if told else -1, best))
    pairs.sort(key=lambda one: one[0])
    return tuple(answers), tuple((answer, pair) for _, answer, pair in pairs)


def _mirrored(events: Iterable[str], *, mirrored: bool) -> Iterator[str]:
    return map(mirror_name, events) if mirrored else iter(events)


def _users(home: str, peer: str) -> Iterator[tuple[Sequence[Cell], str | None, str]]:
    """The node that serves a node's users, and why, as `prgcore.product.serving`; first match wins."""
    own, other = ([Cell(f"{n}.{ASSIGNED[n == home]}", ("yes",))] for n in (home, peer))
    yield [*own, *other], None, "assigned to both nodes"
    for node, assigned in ((home, own), (peer, other)):
        for when, why in _hindered(node, "does not take them"):
            by = None if why else node
            yield [*assigned, *when], by, f"assigned to {node}{f': {why}' if why else ', which serves'}"
    for hindrance in NOBODY_ASSIGNED:
        for node in (peer, home):
            yield (seat_cube(hindrance.when, node).cells, None,
                   f"assigned to nobody: {node} {hindrance.says}")
    yield (), None, f"assigned to nobody: {peer} does not take them"


def _hindered(node: str, otherwise: str = "it cannot serve") -> list[tuple[Cube, str | None]]:
    """The reason why a node serves nobody, None where it serves; first match wins."""
    return [
        (seat_cube(SERVES, node), None),
        *((seat_cube(h.when, node), h.says) for h in CANNOT_SERVE),
        (Cube(), otherwise),
    ]
