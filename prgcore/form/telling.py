"""Telling: what a heartbeat of a node carries, which events hearing is, and whom a node serves.

Law: pure; the one reader of the sections `told` and `serves`, and of the events of `hears`. It knows
no name of any machine, and a section that is missing has its meaning here.
"""

from __future__ import annotations

from collections.abc import Mapping

from prgcore.model import Cube, Model, Values

__all__ = ["clash", "column", "groups", "heard", "lost", "serving", "told"]


def told(model: Model, node: str) -> Values:
    """The columns that a heartbeat of a node carries: without a row, all that it observes."""
    said = next((t.columns for t in model.told if t.node == node), None)
    return said if said is not None else tuple(
        c.name for c in model.columns if c.observed_by == node and not c.derived)


def heard(model: Model, node: str) -> str:
    """The event that a heartbeat of its peer is for a node; empty: none."""
    return _first(model, node, "heard")


def lost(model: Model, node: str) -> str:
    """The event that silence of its peer is for a node; empty: none."""
    return _first(model, node, "lost")


def column(model: Model, node: str) -> str:
    """The column that says whether a node hears its peer; empty: none."""
    return _first(model, node, "column")


def clash(model: Model, node: str) -> str:
    """The event by which a node reports that what it heard contradicts what it knows; empty: none."""
    return _first(model, node, "clash")


def _first(model: Model, node: str, attribute: str) -> str:
    """This attribute of the first row of a node in `hears` that has it; empty: none has."""
    rows = (str(getattr(h, attribute)) for h in model.hears if h.node == node)
    return next(filter(None, rows), "")


def serving(model: Model) -> Mapping[tuple[str, str], tuple[Cube, ...]]:
    """For every node and group that it may serve, the cubes in which it does so by its own copy."""
    return {(s.node, s.group): s.when for s in model.serves}


def groups(model: Model) -> tuple[str, ...]:
    """The groups of users that a node serves somewhere, with an agent of ours or without one."""
    return tuple(dict.fromkeys(s.group for s in model.serves))
