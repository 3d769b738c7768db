"""The rules, by phase of the life of a node. Row order means nothing; ids never change.

Ids go in steps of two within a hundred-block, so that a row can be inserted.
"""

from __future__ import annotations

from prgcore.model import Rule
from prgcore.tables.rules.failover import FAILOVER
from prgcore.tables.rules.fallback import FALLBACK
from prgcore.tables.rules.faults import FAULTS
from prgcore.tables.rules.link import LINK
from prgcore.tables.rules.manual import MANUAL
from prgcore.tables.rules.settings import SETTINGS
from prgcore.tables.rules.startup import STARTUP

__all__ = ["PHASES"]

PHASES: tuple[tuple[str, tuple[Rule, ...]], ...] = (
    ("settings", SETTINGS),
    ("startup", STARTUP),
    ("manual", MANUAL),
    ("failover", FAILOVER),
    ("fallback", FALLBACK),
    ("faults", FAULTS),
    ("link", LINK),
)
