"""The shapes of timers, and of what must hold between parameters: frozen records, no behaviour.

Law: data only, as `prgcore.facts`; the records are in `prgcore.tables.timers`, the functions over
them in `prgcore.timers`.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from prgcore.facts import Number
from prgcore.model import Cube, Cubelike, Values, as_values, cube

Limits: TypeAlias = tuple[tuple[Cube, "str | Number"], ...]
Sum: TypeAlias = tuple[tuple[Number, str], ...]
"""A sum of multiples: `((4, "keep_alive_interval"), (1, "jitter"))`; no name: the number itself."""


def _limits(rows: tuple[tuple[Cubelike, str | Number], ...]) -> Limits:
    return tuple((cube(cells), limit) for cells, limit in rows)


@frozen
class Timer:
    """What makes an event of a node due.

    A *moment* is due when it is told: `told` names the observation. A *count* (`limits` is not
    empty) runs while `runs` holds and is due after the limit of the first cube that holds: a
    parameter, or a number of seconds. It begins again at an observation in `again`, and where
    `again_in` begins to hold. Cubes are written from `me`.
    """

    event: str
    says: str
    cite: str
    told: str = ""
    runs: Cube = field(converter=cube, factory=Cube)
    limits: Limits = field(converter=_limits, default=())
    again: Values = field(converter=as_values, default=())
    again_in: Cube | None = None
    decisions: Values = field(converter=as_values, default=())


@frozen
class Sanity:
    """What must hold between parameters: `less`, `relation` (`<`, `<=` or `!=`), `more`.

    Names are parameters, or `jitter`. `kind` is `error` or `warning`. `theorem` is the
    obligation that needs it, or a decision; none: common sense. `change` names the parameters
    of which one is to be changed, the first that can be; `otherwise` says what happens where the
    rule is broken.
    """

    id: str
    says: str
    less: Sum
    relation: str
    more: Sum
    kind: str
    theorem: str
    change: Values
    otherwise: str
