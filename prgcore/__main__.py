"""`python -m prgcore`: the command line."""

from __future__ import annotations

from prgcore.cli import program

if __name__ == "__main__":
    raise SystemExit(program())
