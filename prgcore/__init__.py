"""A high-availability pair engine whose every rule is data and whose every promise is proved.

    >>> from prgcore import PRG
    >>> pair = PRG.initial[0]
    >>> PRG.step(pair, "enable_ha").pair["node1.state"]
    'initializing'

The machine is a table (`prgcore.tables`); `PRG` reads it. Nothing here touches a clock, a disk,
a socket or randomness, and importing this loads no solver.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "PRG", "BadInput", "Decision", "Engine", "Evidence", "ImpossibleEvent", "Kind", "Machine",
    "MalformedMachine", "Model", "NotTotal", "Outcome", "OutsideInvariant", "Pair", "PrgError",
    "Reason", "State", "__version__", "prg",
]

__version__ = "0.1.0"

_HOME = {
    "machine": ("PRG", "Machine", "prg"),
    "engine": ("Decision", "Engine", "Pair"),
    "model": ("Model",),
    "errors": (
        "BadInput", "ImpossibleEvent", "MalformedMachine", "NotTotal", "OutsideInvariant",
        "PrgError",
    ),
    "vocabulary": ("Evidence", "Kind", "Outcome", "Reason", "State"),
}


def __getattr__(name: str) -> Any:
    """Names are loaded when they are first asked for (PEP 562)."""
    from importlib import import_module

    for home, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"prgcore.{home}"), name)
    raise AttributeError(f"module 'prgcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
