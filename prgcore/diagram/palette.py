"""The looks of things: for every role and mark a colour, a shape or a sign, and a meaning.

Law: data only, and the one place of colours and shapes; every format and the explorer read it.
People with any colour vision can distinguish the fills (a test simulates it). A role has a shape as
its second sign, and a mark has a sign or a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import evolve, frozen

__all__ = [
    "BROKEN", "CUT", "MARKS", "PALETTE", "STANDINGS", "TWICE", "WORST_FIRST", "Look", "Mark",
    "Role", "Standing", "worst",
]


class Role(StrEnum):
    """The role of a node of a diagram, for an operator."""

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
    """A look: fill, stroke on a light page, fill on a dark page (text is light), shape in words."""

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
    """The role of a pair: that of its worse half; without roles, a plain value."""
    return min(roles, key=WORST_FIRST.index, default=Role.PLAIN)


@frozen
class Mark:
    """A mark: its meaning, its sign in text, its stroke on a light page, whether it is dashed."""

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
    """The standing of a square of a map; if several hold, the first."""

    BROKEN = "broken"
    DOCUMENTED = "documented"
    UNDOCUMENTED = "undocumented"
    REACHABLE = "reachable"
    TRANSITION = "transition"
    IMPOSSIBLE = "impossible"


def _like(role: Role, says: str, sign: str) -> Look:
    return evolve(PALETTE[role], says=says, shape=sign)


BROKEN = Look("does not hold", "#ffe3e3", "#a00000", "#5a1010", "double")
"""The look of the note of a broken promise, or of an expectation that is not met."""

CUT = Look("what is sent here does not arrive", "#e3e5e8", "#8c959f", "#34383f", "box")
TWICE = evolve(BROKEN, says="users are served twice", shape="box")
"""The looks of the spans of a network: a cut, and the time of dual service."""

STANDINGS: Mapping[Standing, Look] = {
    Standing.BROKEN: evolve(BROKEN, says="reachable, and breaks a promise: its id", shape="✗"),
    Standing.DOCUMENTED: _like(Role.SERVING, "documented: its rows of Table 2", "●"),
    Standing.UNDOCUMENTED: _like(Role.FAILED_OVER, "reachable, in no row: its family", "○"),
    Standing.REACHABLE: _like(Role.SERVING, "reachable", "●"),
    Standing.TRANSITION: _like(
        Role.TRANSITION, "in transition: its number of pairs of reasons", "~"),
    Standing.IMPOSSIBLE: Look(
        "impossible: the promise that forbids it", "#efefef", "#707070", "#262626", "·"),
}
"""The looks of the squares of a map; `shape` is the sign where there is no room for more."""
