"""Timers: when events of time are due. Arithmetic, parameters, sanity, monitor. Law: no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.timers.advice import Advice, Wish, World, advise
    from prgcore.timers.losses import Losses, alarms
    from prgcore.timers.monitor import Bounds, Monitor, Watch, bounds, watches
    from prgcore.timers.parameters import Parameters, Range, Settings, parameters_of
    from prgcore.timers.restarts import Restarts
    from prgcore.timers.sanity import Verdict, changes, check

__all__ = [
    "Advice", "Bounds", "Losses", "Monitor", "Parameters", "Range", "Restarts", "Settings",
    "Verdict", "Watch", "Wish", "World", "advise", "alarms", "bounds", "changes", "check",
    "parameters_of", "watches",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "advice": ("Advice", "Wish", "World", "advise"),
        "losses": ("Losses", "alarms"),
        "monitor": ("Bounds", "Monitor", "Watch", "bounds", "watches"),
        "parameters": ("Parameters", "Range", "Settings", "parameters_of"),
        "restarts": ("Restarts",),
        "sanity": ("Verdict", "changes", "check"),
    })
