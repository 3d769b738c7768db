"""Committed text: what is to stay as it is, rewritten by `PRGCORE_REWRITE=1` and read in the diff."""

from __future__ import annotations

import os
from pathlib import Path

TESTS = Path(__file__).parent
REWRITE = os.environ.get("PRGCORE_REWRITE") == "1"


def committed(name: str, text: str) -> str:
    """The committed text of a file in tests; it is `text` from now on if it is to be rewritten."""
    path = TESTS / name
    if REWRITE:
        path.write_bytes(text.encode())
    return path.read_bytes().decode()
