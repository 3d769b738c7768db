"""What a search saw of some columns: a reachable pair for every combination of their values.

Law: for readers below that may not search, such as `prgcore.diagram.matrix`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from prgcore.prove.space import Space


def seen(space: Space, names: Iterable[str]) -> list[dict[str, str]]:
    """A reachable pair for every combination of values that some stored columns have.

    Of several the one that is nearest to a start. The combinations are sorted as the columns
    are, by the place of each value in its domain.
    """
    codes = np.zeros(len(space), np.int64)
    for name in names:
        codes = codes * len(space.codec.domain[name]) + space.column(name)
        codes = np.unique(codes, return_inverse=True)[1]
    _, first = np.unique(codes, return_index=True)
    return [space.pair(int(number)) for number in first]
