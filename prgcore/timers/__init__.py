"""Timers: when events of time are due. Arithmetic, parameters, sanity, monitor. Law: no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.timers.monitor import Bounds, Monitor, Watch, bounds, watches
    from prgcore.timers.parameters import Parameters, Range
    from prgcore.timers.sanity import Verdict, check

__all__ = ["Bounds", "Monitor", "Parameters", "Range", "Verdict", "Watch", "bounds", "check", "watches"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "monitor": ("Bounds", "Monitor", "Watch", "bounds", "watches"),
        "parameters": ("Parameters", "Range"),
        "sanity": ("Verdict", "check"),
    })
