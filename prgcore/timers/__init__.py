"""Timers: when events of time are due. Arithmetic, parameters, sanity, monitor. Law: no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.timers.monitor import Bounds, Monitor, Watch, bounds, watches
    from prgcore.timers.parameters import Parameters, Range, Settings, parameters_of
    from prgcore.timers.sanity import Verdict, changes, check

__all__ = [
    "Bounds", "Monitor", "Parameters", "Range", "Settings", "Verdict", "Watch", "bounds",
    "changes", "check", "parameters_of", "watches",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "monitor": ("Bounds", "Monitor", "Watch", "bounds", "watches"),
        "parameters": ("Parameters", "Range", "Settings", "parameters_of"),
        "sanity": ("Verdict", "changes", "check"),
    })
