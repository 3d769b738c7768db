"""Network: the pair with messages in flight (model D): two copies, heartbeats, cuts, an arbiter.

Law: pure; the machine decides, and this room says what each node knows when it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.network.interpreter import Network
    from prgcore.network.setting import ADVERSARIES, ARBITERS, MUTANTS, Setting
    from prgcore.network.snapshot import Message, Move, Snapshot

__all__ = [
    "ADVERSARIES", "ARBITERS", "MUTANTS", "Message", "Move", "Network", "Setting", "Snapshot",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "interpreter": ("Network",),
        "setting": ("ADVERSARIES", "ARBITERS", "MUTANTS", "Setting"),
        "snapshot": ("Message", "Move", "Snapshot"),
    })
