"""Flags of a network: a few small numbers, for either node, as one code.

Law: arithmetic only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.errors import BudgetExhausted
from prgcore.prove.network.rows import Ids

__all__ = ["Flags"]

_MOST = 1 << 24


@define(eq=False)
class Flags:
    """Numbers of both nodes in mixed radix, each named once; the node that looks comes first.

    Attributes:
        sizes: for every name the number of values.
        images: the names that the other node gives to numbers, where they are not the same.
        turned: for every code the same as the other node looks at it.
    """

    sizes: dict[str, int]
    images: dict[str, str] = field(factory=dict)
    turned: Ids = field(init=False)
    _stride: dict[tuple[str, int], int] = field(init=False, factory=dict)
    count: int = field(init=False, default=1)

    def __attrs_post_init__(self) -> None:
        for name, size in self.sizes.items():
            for whose in (0, 1):
                self._stride[name, whose] = self.count
                self.count *= size
        if self.count > _MOST:
            raise BudgetExhausted("so many intervals and groups have too many values to search networks")
        codes = np.arange(self.count)
        turned = np.zeros(self.count, np.int32)
        for name in self.sizes:
            for whose in (0, 1):
                image = self.images.get(name, name)
                turned += self.of(codes, name, whose) * self._stride[image, 1 - whose]
        self.turned = turned

    def of(self, codes: npt.NDArray[Any], name: str, whose: int) -> Ids:
        """One number; `whose` is 0 for the node that looks, 1 for its peer."""
        found: Ids = (codes // self._stride[name, whose] % self.sizes[name]).astype(np.int32)
        return found

    def put(
        self, codes: npt.NDArray[Any], name: str, whose: int, values: npt.NDArray[Any] | int,
    ) -> Ids:
        """The codes with other values of one number."""
        found: Ids = (codes + (values - self.of(codes, name, whose))
                      * self._stride[name, whose]).astype(np.int32)
        return found
