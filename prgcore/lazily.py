"""Faces of rooms: names that are loaded when they are first asked for (PEP 562).

Law: it imports no other module of this package. A face lists each name and its module twice, once
for the type checker and once here; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazily", "moved"]


def lazily(room: str, homes: Mapping[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """The `__getattr__` of a room; `homes` maps each of its modules to the names it defines."""
    home = {name: f"{room}.{module}" for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {room!r} has no attribute {name!r}")
        return getattr(import_module(home[name]), name)

    return get


def moved(old: str, new: str) -> None:
    """Warn the importer of a module that is an old path (DeprecationWarning)."""
    from warnings import warn

    warn(f"{old} is an old path: import {new}; the old one stays until prgcore 0.3 at least",
         DeprecationWarning, stacklevel=3)
