"""The stories of the arbiters, as blocks of their page."""

from __future__ import annotations

from prgcore.tables.arbiters import STORIES

__all__ = ["stories"]


def stories() -> dict[str, str]:
    """Each story as a block, by the name of the block."""
    return {f"story-{name}": f"```text\n{text}```\n" for name, text in STORIES.items()}
