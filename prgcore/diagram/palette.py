"""How things look: for every role a fill, a stroke, a shape, and what it means; data only.

Law: the one place of colours and shapes; every format and the explorer read it. Fills are told
apart by people with any colour vision (a test simulates it), and shape is the second sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from attrs import frozen


class Role(StrEnum):
    """What a node of a diagram is to an operator."""

    SERVING = "serving"
    TRANSITION = "transition"
    FAILED_OVER = "failed_over"
    FAILED = "failed"
    UNKNOWN = "unknown"
    PLAIN = "plain"
    ANY = "any"


@frozen
class Look:
    """Fill and stroke on a light page, fill on a dark one (text is then light), a shape in words."""

    says: str
    fill: str
    stroke: str
    dark: str
    shape: str


PALETTE: Mapping[Role, Look] = {
    Role.SERVING: Look("serves users", "#c4ecdc", "#00684b", "#00523b", "rounded"),
    Role.TRANSITION: Look("in transition", "#d3e9fb", "#0060a0", "#0a4a75", "hexagon"),
    Role.FAILED_OVER: Look("failed over", "#fdf2a8", "#7a6a00", "#5c5000", "box"),
    Role.FAILED: Look("failed", "#f9bfa0", "#a03a00", "#7d2d00", "double"),
    Role.UNKNOWN: Look("unknown: high availability is not on", "#dddddd", "#555555", "#444444", "ellipse"),
    Role.PLAIN: Look("a value", "#ffffff", "#424242", "#2b2b2b", "box"),
    Role.ANY: Look("many values at once", "#ffffff", "#767676", "#2b2b2b", "dashed"),
}
