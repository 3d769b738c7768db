"""An old path of `prgcore.timers.parameters`, which stays until prgcore 0.3 at least."""

from prgcore.lazily import moved
from prgcore.timers.parameters import *  # noqa: F403
from prgcore.timers.parameters import __all__ as __all__  # noqa: PLC0414

moved(__name__, "prgcore.timers.parameters")
