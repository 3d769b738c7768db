"""Wire: all that enters or leaves as JSON. Law: one grammar, one strict reader, one dialect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.wire.machine_file import FORMAT, digest, dump, dumps, load, schema

__all__ = ["FORMAT", "digest", "dump", "dumps", "load", "schema"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "machine_file": ("FORMAT", "digest", "dump", "dumps", "load", "schema"),
    })
