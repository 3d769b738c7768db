"""An old path of `prgcore.wire`, which stays until prgcore 0.3 at least."""

from prgcore.lazily import moved
from prgcore.wire import *  # noqa: F403
from prgcore.wire import __all__ as __all__  # noqa: PLC0414

moved(__name__, "prgcore.wire")
