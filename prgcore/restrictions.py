"""An old path of `prgcore.product.restrictions`, which stays until prgcore 0.3 at least."""

from prgcore.lazily import moved
from prgcore.product.restrictions import *  # noqa: F403
from prgcore.product.restrictions import __all__ as __all__  # noqa: PLC0414

moved(__name__, "prgcore.product.restrictions")
