"""Exports: a machine as a file that a stranger can interpret. Law: a reader of the table."""

from __future__ import annotations

from prgcore.export.machine_file import FORMAT, digest, dump, dumps, load, schema

__all__ = ["FORMAT", "digest", "dump", "dumps", "load", "schema"]
