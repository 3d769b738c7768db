"""The pair that represents a display with several pairs: the healthiest.

Law: it reads sets of pairs, the machine's rows and its goal; it takes no step.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from prgcore.engine import Engine, Pair
from prgcore.explain.display import denoted
from prgcore.explain.pairs import Costs, Pairs
from prgcore.model import Cell, Cube, Display, Record, Situation
from prgcore.seats import NODES, mirror_cube

__all__ = ["Taken", "assumed", "healthiest", "healthiest_of", "illness"]


@frozen(eq=False, repr=False)
class Taken(Record):
    """The healthiest of the pairs that show a display.

    Attributes:
        pair: the pair.
        pairs: the number of pairs it was chosen from.
        assuming: the columns of the pair that vary between them.
    """

    pair: Pair
    pairs: int
    assuming: Mapping[str, str]


def healthiest(
    engine: Engine, display: Display, known: Mapping[str, str] | None = None
) -> Taken | None:
    """The healthiest pair that shows a display; None if no pair of the machine does.

    Raises:
        BadInput: as `prgcore.explain.display.denoted`.
    """
    pairs = denoted(engine, display, known)
    count = len(pairs)
    if not count:
        return None
    best = healthiest_of(engine, display, pairs)
    return Taken(best, count, assumed(engine, pairs, best))


def assumed(engine: Engine, pairs: Pairs, pair: Pair) -> dict[str, str]:
    """The columns of a pair that vary between these pairs, with its values."""
    values = pairs.values()
    return {
        name: value for name, value in zip(engine.stored, pair.values_, strict=True)
        if len(values[name]) > 1
    }


def healthiest_of(engine: Engine, display: Display | None, pairs: Pairs) -> Pair:
    """The pair to plan for: one that the row's advice is for, and of these the healthiest.

    Ties are broken by the order of the advice, or by the fault that a node shows as its reason, then
    by the domains, which list healthy values first.
    """
    ill = illness(engine)
    costs, weight = dict[str, dict[str, int]](), 1
    for name in reversed(engine.stored):
        domain = engine.columns[name].domain
        costs[name] = {v: i * weight for i, v in enumerate(domain)}
        weight *= len(domain)
    for name, some in ill.items():
        for value, cost in some.items():
            costs[name][value] += cost * weight
    rows, called = _rows(engine, display)
    found = pairs.cheapest(costs, called) or pairs.cheapest(costs, rows) \
        or pairs.cheapest(costs, [*_faults(engine, display), Cube()])
    at = [(engine.position[name], some) for name, some in ill.items()]
    return min(found, key=lambda pair: sum([some.get(pair.values_[i], 0) for i, some in at]))


def _faults(engine: Engine, display: Display | None) -> list[Cube]:
    """For each node that shows a fault as its reason, the cube in which it has this fault."""
    healths = {node: engine.columns.get(f"{node}.health") for node in NODES}
    return [
        Cube((Cell(health.name, (str(half.reason),)),))
        for half, health in zip(display or (), healths.values(), strict=False)
        if half and health and half.reason in health.domain
    ]


def _rows(engine: Engine, display: Display | None) -> tuple[list[Cube], list[Cube]]:
    """Cubes of the rows that a display can be, and of where a row's cause and advice fit it."""
    rows: dict[Cube, None] = {}
    called: dict[Cube, None] = {}
    for situation, mirrored in _matching(engine, display):
        row = situation.display[::-1] if mirrored else situation.display
        cubes = [situation.fits, *(advice.when for advice in situation.advice)]
        usual, *whens = [mirror_cube(cube) for cube in cubes] if mirrored else cubes
        reasons = Cube(tuple([
            Cell(f"{node}.reason", (str(half.reason),))
            for node, half in zip(NODES, row, strict=True) if half
        ]))
        rows[reasons] = None
        for when in whens or [usual]:
            fits = reasons & usual
            if fits is not None and (both := fits & when) is not None:
                called[both] = None
    return list(rows), list(called)


def _matching(engine: Engine, display: Display | None) -> list[tuple[Situation, bool]]:
    """The rows that a display can be, each with whether it is seen from the other seat."""
    if display is None:
        return []
    return [
        (situation, mirrored) for situation in engine.model.situations
        for mirrored, row in ((False, situation.display), (True, situation.display[::-1]))
        if not [
            half for half, shown in zip(row, display, strict=True)
            if (half is not shown if half is None or shown is None
                else half.state != shown.state or shown.reason not in (None, half.reason))
        ]
    ]


def illness(engine: Engine) -> Costs:
    """The cost of every value: bad surroundings cost most, then values that differ from home."""
    goal = {c.column: c.values for c in (engine.model.goal or (Cube(),))[0].cells}
    costs = {}
    for name in engine.stored:
        domain = engine.columns[name].domain
        well = goal.get(name, domain)
        costs[name] = {v: int(v not in well) for v in domain}
    mirrored = {name for both in engine.model.mirror for name in both}
    weight = len(costs) + 1
    for name in reversed(engine.stored):
        column = engine.columns[name]
        if column.observed_by == "environment" and name not in mirrored:
            for i, value in enumerate(column.domain):
                costs[name][value] += i * weight
            weight *= len(column.domain)
    return costs
