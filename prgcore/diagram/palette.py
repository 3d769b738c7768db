"""How things look: for every role and every mark a colour, a shape or a sign, and what it means.

Law: data only, and the one place of colours and shapes; every format and the explorer read it.
Fills are told apart by people with any colour vision (a test simulates it), and shape is the
second sign of a role, a sign or a number that of a mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import evolve, frozen

__all__ = [
    "BROKEN", "MARKS", "PALETTE", "STANDINGS", "WORST_FIRST", "Look", "Mark", "Role",
    "Standing", "worst",
]


class Role(StrEnum):
    """What a node of a diagram is to an operator."""

    SERVING = "serving"
    TRANSITION = "transition"
    FAILED_OVER = "failed_over"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SILENT = "silent"
    PLAIN = "plain"
    ANY = "any"


@frozen
class Look:
    """Fill, stroke on a light page, fill on a dark one (text is light there), a shape in words."""

    says: str
    fill: str
    stroke: str
    dark: str
    shape: str


PALETTE: Mapping[Role, Look] = {
    Role.SERVING: Look("serves users", "#98efc0", "#00583f", "#00724a", "rounded"),
    Role.TRANSITION: Look("in transition", "#d9ecff", "#1d3f9c", "#1a32a8", "hexagon"),
    Role.FAILED_OVER: Look("failed over", "#f7da70", "#5c4d00", "#7a6500", "box"),
    Role.FAILED: Look("failed", "#dd9468", "#6e2000", "#63260a", "double"),
    Role.UNKNOWN: Look(
        "unknown: high availability is not on", "#a3a3a3", "#333333", "#2b2b2b", "ellipse"),
    Role.SILENT: Look(
        "shows nothing: does not run, or cannot be seen", "#a070c0", "#3d0a4a", "#4e1a5a",
        "octagon"),
    Role.PLAIN: Look("a value", "#ffffff", "#424242", "#1c1c1c", "box"),
    Role.ANY: Look("many values at once", "#ffffff", "#707070", "#1c1c1c", "dashed"),
}

WORST_FIRST: tuple[Role, ...] = (
    Role.FAILED, Role.SILENT, Role.UNKNOWN, Role.TRANSITION, Role.FAILED_OVER, Role.SERVING,
    Role.PLAIN, Role.ANY,
)


def worst(roles: Iterable[Role]) -> Role:
    """As which a pair is drawn: its worse half; of nothing, a plain value."""
    return min(roles, key=WORST_FIRST.index, default=Role.PLAIN)


@frozen
class Mark:
    """What a mark says, its sign in text, its stroke on a light page, and whether it is dashed."""

    says: str
    sign: str
    stroke: str
    dashed: bool = False


MARKS: Mapping[str, Mark] = {
    "focus": Mark("the pair in question", "*", "#000000"),
    "path": Mark("the way taken, step by step", "", "#0b3fbf"),
    "broken": Mark("breaks a promise or an expectation", "!", "#a00000"),
    "added": Mark("new", "+", "#00583f"),
    "removed": Mark("gone", "-", "#a00000", dashed=True),
    "changed": Mark("changed", "~", "#6a1b9a", dashed=True),
}


class Standing(StrEnum):
    """What is known of a square of a map; of several that hold, the first."""

    BROKEN = "broken"
    DOCUMENTED = "documented"
    UNDOCUMENTED = "undocumented"
    REACHABLE = "reachable"
    TRANSITION = "transition"
    IMPOSSIBLE = "impossible"


def _like(role: Role, says: str, sign: str) -> Look:
    return evolve(PALETTE[role], says=says, shape=sign)


BROKEN = Look("does not hold", "#ffe3e3", "#a00000", "#5a1010", "double")
"""How the note of a broken promise looks, and that of an expectation that is not met."""

STANDINGS: Mapping[Standing, Look] = {
    Standing.BROKEN: evolve(BROKEN, says="reachable, and breaks a promise: which", shape="✗"),
    Standing.DOCUMENTED: _like(Role.SERVING, "documented: which rows of Table 2", "●"),
    Standing.UNDOCUMENTED: _like(Role.FAILED_OVER, "reachable and in no row: which family", "○"),
    Standing.REACHABLE: _like(Role.SERVING, "reachable", "●"),
    Standing.TRANSITION: _like(
        Role.TRANSITION, "in transition: with how many pairs of reasons", "~"),
    Standing.IMPOSSIBLE: Look(
        "impossible: which promise forbids it", "#efefef", "#707070", "#262626", "·"),
}
"""How the squares of a map look; `shape` is the sign where there is no room for more."""
