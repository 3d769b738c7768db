"""An old path of `prgcore.explain.status`, which stays until prgcore 0.3 at least."""

from prgcore.explain.status import *  # noqa: F403
from prgcore.explain.status import __all__ as __all__  # noqa: PLC0414
from prgcore.lazily import moved

moved(__name__, "prgcore.explain.status")
