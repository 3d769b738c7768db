"""An old path of `prgcore.product.clients`, which stays until prgcore 0.3 at least."""

from prgcore.lazily import moved
from prgcore.product.clients import *  # noqa: F403
from prgcore.product.clients import __all__ as __all__  # noqa: PLC0414

moved(__name__, "prgcore.product.clients")
