"""What some tests need that pip does not install; `make test` installs it, and then asks for it."""

from __future__ import annotations

import os

import pytest

EVERYTHING = os.environ.get("PRGCORE_EVERYTHING") == "1"
"""Nothing may be skipped."""
PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/lib/postgresql/15/bin"))
"""Where programs may be; Debian has those of PostgreSQL in a folder of their own."""


def missing(why: str) -> None:
    """Without it a test is skipped, unless everything is to be tested."""
    if EVERYTHING:
        pytest.fail(f"{why}; make test installs what is missing")
    pytest.skip(why)
