"""Quotients: every reachable pair in one of a few classes, and every step between two of them.

Law: exact over the search; a step that stays in its class is left out. Where the machine is its
own mirror, the classes are folded: a pair and its mirror image are in one. Labels then have no
seat.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import evolve, frozen

from prgcore.diagram.graph import Edge, Graph, Label, Node, gathered, identifier
from prgcore.diagram.palette import Role, worst
from prgcore.diagram.states import role
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.explain.display import row_display, shows_states, spell, turned, viewpoints
from prgcore.form.spelling import Spelling
from prgcore.machine import reference
from prgcore.model import Display, Family, Model, Shown, Situation, Values
from prgcore.prove.mirrored import symmetry
from prgcore.prove.space import Space
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.words import counted

__all__ = ["ROLE", "SITUATION", "Classes", "Numbers", "check", "classify", "pairs"]

Numbers = npt.NDArray[np.int32]

SITUATION, ROLE = "situation", "role"
"""The ways to class pairs, apart from columns."""
_SHIFT = 1 << 20


@frozen(eq=False)
class Classes:
    """Classes of pairs: for every reachable pair the number of its node.

    Attributes:
        by: the way in which they are classed, in words.
        nodes: the classes that some pair is in.
        of: for every pair the place of its node.
        folded: whether a pair is in the class of its mirror image.
    """

    by: str
    nodes: tuple[Node, ...]
    of: Numbers
    folded: bool


def pairs(engine: Engine, space: Space, by: str = ROLE) -> Graph:
    """The quotient of the reachable pairs, and the steps between its classes.

    Args:
        engine: the machine.
        space: its reachable pairs.
        by: `situation`, `role`, or names of columns joined by commas.

    Raises:
        BadInput: no such column, or the machine has nothing to class its pairs by.
    """
    classes = classify(engine, space, by)
    labels: dict[tuple[int, int], set[Label]] = {}
    size = len(classes.nodes)
    for edges in space.edges:
        rule = edges.rule
        if rule.outcome is not Outcome.DONE:
            continue
        event = rule.event.partition("(")[0] if classes.folded else rule.event
        label = Label(event, rule.name.partition("@")[0], rule.phase, rule.why, rule.cite)
        seen = np.zeros(size * size, np.bool_)
        seen[classes.of[edges.source] * np.int32(size) + classes.of[edges.target]] = True
        for at in np.flatnonzero(seen).tolist():
            if at // size != at % size:
                labels.setdefault(divmod(at, size), set()).add(label)
    ids = [n.id for n in classes.nodes]
    starts = sorted({int(classes.of[i]) for i in np.flatnonzero(space.parent < 0)})
    return gathered(Graph(
        f"{engine.model.name}: {len(space):,} pairs by {classes.by}",
        tuple(ids[i] for i in starts), classes.nodes,
        tuple(Edge(ids[a], ids[b], tuple(labels[a, b])) for a, b in labels),
        reference(engine.model),
    ))


def classify(engine: Engine, space: Space, by: str) -> Classes:
    """The classes of the reachable pairs.

    Raises:
        BadInput: as `pairs`.
    """
    check(engine, by)
    if by == SITUATION:
        return _by_situation(engine, space)
    if by == ROLE:
        return _by_role(engine, space)
    return _by_columns(engine.model, space, _names(by))


def check(engine: Engine, by: str) -> None:
    """Check, before any search, that the machine has the sections by which its pairs are classed.

    Raises:
        BadInput: as `pairs`.
    """
    model = engine.model
    domains = model.domains
    if by == SITUATION:
        if not model.situations or not shows_states(engine):
            raise BadInput(f"the machine {model.name!r} has no situations; "
                           "class its pairs by role or by columns")
    elif by == ROLE:
        if not {f"{node}.state" for node in NODES} <= set(domains):
            raise BadInput(f"the nodes of {model.name!r} have no states, so they play no roles; "
                           "class the pairs by columns")
    else:
        names = _names(by)
        for name in names:
            engine.column(name)
        if prod(len(domains[n]) for n in names) > _SHIFT:
            raise BadInput(f"{len(names)} columns have more than {_SHIFT:,} combinations; "
                           "take fewer columns")


def _names(by: str) -> Values:
    return tuple(dict.fromkeys(n.strip() for n in by.split(",")))


def _classes(
    by: str, codes: npt.NDArray[np.int64], nodes: dict[int, Node], *, folded: bool
) -> Classes:
    """The classes, from one code per pair; `nodes` says, in the order to draw, what a code means."""
    size = max(nodes, default=0) + 1
    count = np.bincount(codes, minlength=size)
    found = [code for code in nodes if count[code]]
    place = np.zeros(size, np.int32)
    place[found] = np.arange(len(found))
    sized = (
        evolve(nodes[c], lines=(*nodes[c].lines, counted(count[c], "pair")))
        for c in found
    )
    return Classes(by, tuple(sized), place[codes], folded)


# ------------------------------------------------------------------- columns


def _by_columns(model: Model, space: Space, names: Values) -> Classes:
    domains = model.domains
    mirror = symmetry(model)
    if mirror and {*map(mirror.name, names)} != {*names}:
        mirror = None
    sizes = [len(domains[n]) for n in names]
    codes = np.zeros(len(space), np.int64)
    for name, size in zip(names, sizes, strict=True):
        codes = codes * size + space.column(name)
    combinations = list(product(*(domains[n] for n in names)))
    if mirror:
        number = {frozenset(zip(names, v, strict=True)): i for i, v in enumerate(combinations)}
        least = [
            min(i, number[frozenset(mirror.pair(dict(zip(names, v, strict=True))).items())])
            for i, v in enumerate(combinations)
        ]
        codes = np.array(least)[codes]
    present = np.flatnonzero(np.bincount(codes, minlength=1)).tolist()
    nodes = {code: _of_values(model, names, combinations[code], code) for code in present}
    return _classes(", ".join(names), codes, nodes, folded=mirror is not None)


def _of_values(model: Model, names: Values, values: Values, code: int) -> Node:
    spelling = Spelling.of(model)
    both = names == tuple(f"{n}.{names[0].rpartition('.')[2]}" for n in NODES)
    if both or len(names) == 1:
        label = " | ".join(spelling.title(n, v) or v for n, v in zip(names, values, strict=True))
    else:
        label = ", ".join(f"{spelling.name(name)} = {spelling.value(name, value)}" for name, value in zip(names, values, strict=True))
    return Node(f"c{code}", label, worst(map(partial(role, model), names, values)))


# --------------------------------------------------------------------- roles


def _by_role(engine: Engine, space: Space) -> Classes:
    model = engine.model
    domains = model.domains
    columns = [f"{node}.state" for node in NODES]
    order = list(Role)
    view = viewpoints(engine)[0]
    halves = [
        np.where(
            space.codec.test(visible).mask(space.codes),
            np.array([order.index(role(model, c, v)) for v in domains[c]])[space.column(c)],
            order.index(Role.SILENT),
        )
        for c, visible in zip(columns, (view.node1, view.node2), strict=True)
    ]
    folded = symmetry(model) is not None
    one, other = np.sort(halves, axis=0) if folded else halves
    nodes = {}
    for a, b in product(range(len(order)), repeat=2):
        both = order[a], order[b]
        label = " | ".join(r.replace("_", " ") for r in both)
        nodes[a * len(order) + b] = Node(f"r{a}_{b}", label, worst(both))
    return _classes("role", one.astype(np.int64) * len(order) + other, nodes, folded=folded)


# ---------------------------------------------------------------- situations


def _by_situation(engine: Engine, space: Space) -> Classes:
    model = engine.model
    seen = _Seen(engine, space)
    folded = symmetry(model) is not None
    codes = np.full(len(space), -1, np.int64)
    rows = list(dict.fromkeys(s.row for s in model.situations))
    nodes = {
        rows.index(s.row) * 2 + m: _of_row(model, s, mirrored=bool(m))
        for m in range(1 if folded else 2) for s in reversed(model.situations)
    }
    for view in (seen.views[0], *seen.views):
        shown = {seen.code(s, mirrored=m) for s in model.situations for m in (False, True)}
        at = np.flatnonzero((codes < 0) & np.isin(view, sorted(shown)))
        found, there = codes[at], view[at]
        for fits, mirrored in product((True, False), (False, True)):
            for situation in model.situations:
                mask = (found < 0) & (there == seen.code(situation, mirrored=mirrored))
                if fits:
                    cube = turned(situation.fits, mirrored=mirrored)
                    mask &= space.codec.test(cube).mask([c[at] for c in space.codes])
                found[mask] = rows.index(situation.row) * 2 + (mirrored and not folded)
        codes[at] = found
    nodes = dict(sorted(nodes.items()))
    seen.rest(codes, nodes, len(rows) * 2)
    return _classes("situation", codes, nodes, folded=folded)


class _Seen:
    """The display of every reachable pair from every viewpoint, as one code; a half of 0: nothing."""

    def __init__(self, engine: Engine, space: Space) -> None:
        self.model = engine.model
        self.domains = engine.model.domains
        halves = [self._half(space, node) for node in NODES]
        self.views: list[npt.NDArray[np.int64]] = []
        for view in viewpoints(engine):
            one, other = (
                np.where(space.codec.test(cube).mask(space.codes), half, 0)
                for cube, half in zip((view.node1, view.node2), halves, strict=True)
            )
            self.views.append(one * _SHIFT + other)

    def _half(self, space: Space, node: str) -> npt.NDArray[np.int64]:
        reasons = len(self.domains[f"{node}.reason"])
        state = space.column(f"{node}.state").astype(np.int64)
        return state * reasons + space.column(f"{node}.reason") + 1

    def code(self, situation: Situation, *, mirrored: bool) -> int:
        """The code of a row's display; -1 where the machine does not have its words."""
        whole = 0
        for node, half in zip(NODES, row_display(situation, mirrored=mirrored), strict=True):
            states, reasons = self.domains[f"{node}.state"], self.domains[f"{node}.reason"]
            if half is None:
                whole *= _SHIFT
            elif half.state in states and half.reason in reasons:
                at = states.index(half.state) * len(reasons) + reasons.index(half.reason) + 1
                whole = whole * _SHIFT + at
            else:
                return -1
        return whole

    def _shown(self, node: str, code: int) -> Shown | None:
        if not code:
            return None
        states, reasons = self.domains[f"{node}.state"], self.domains[f"{node}.reason"]
        return Shown(states[(code - 1) // len(reasons)], reasons[(code - 1) % len(reasons)])

    def rest(self, codes: npt.NDArray[Any], nodes: dict[int, Node], first: int) -> None:
        """Class the pairs without a row: holes by family, transitions by states, and the rest."""
        left = np.flatnonzero(codes < 0)
        shown, which = np.unique(self.views[0][left], return_inverse=True)
        named: dict[Node, int] = {}
        found = []
        for code in shown.tolist():
            node = self._hole(Display(*map(self._shown, NODES, divmod(code, _SHIFT))))
            found.append(named.setdefault(node, len(named) + first))
        codes[left] = np.array(found, np.int64)[which]
        order = {f.id: place for place, f in enumerate(self.model.families)}
        nodes |= {
            code: node for node, code in sorted(
                named.items(),
                key=lambda n: (order.get(n[0].label, len(order)), n[0]),
            )
        }

    def _hole(self, shown: Display) -> Node:
        moving = [
            half for n, half in zip(NODES, shown, strict=True)
            if half and role(self.model, f"{n}.state", half.state) is Role.TRANSITION
        ]
        if moving:
            return Node("transition", "in transition", Role.TRANSITION)
        family = next((f for f in self.model.families if f.matches(shown)), None)
        return self._of_family(family) if family else Node("other", "not documented", Role.PLAIN)

    def _of_family(self, family: Family) -> Node:
        states = {s for halves in family.displays for half, _ in halves for s in half}
        roles = (role(self.model, f"{NODES[0]}.state", s) if s else Role.SILENT for s in states)
        return Node(
            f"hole_{identifier(family.id)}", family.id, worst(roles),
            (re.split(r"[:.]", family.says)[0],), family.says, f"holes.html#{family.id.lower()}",
        )


def _of_row(model: Model, situation: Situation, *, mirrored: bool) -> Node:
    halves = row_display(situation, mirrored=mirrored)
    roles = (
        role(model, f"{n}.state", h.state) if h else Role.SILENT
        for n, h in zip(NODES, halves, strict=True)
    )
    return Node(
        f"{'mirrored' if mirrored else 'row'}_{identifier(situation.row)}", f"row {situation.row}",
        worst(roles), tuple(map(spell, halves)), situation.cause,
        f"situations.html#row-{situation.row}",
    )
