"""Coverage: every sentence and table row of the document, and where it lives in the project.

Law: data only, in our own words, in the order of the document. What a fact names exists (a test
resolves it). A fact that nothing implements says why. docs/coverage.py compares these facts with
the document itself.
"""

from __future__ import annotations

from prgcore.facts import Fact
from prgcore.tables.coverage.downtime import DOWNTIME
from prgcore.tables.coverage.interactions import INTERACTIONS
from prgcore.tables.coverage.manual import MANUAL
from prgcore.tables.coverage.overview import OVERVIEW
from prgcore.tables.coverage.setup import SETUP
from prgcore.tables.coverage.table2 import TABLE2

FACTS: tuple[Fact, ...] = (*OVERVIEW, *SETUP, *MANUAL, *TABLE2, *DOWNTIME, *INTERACTIONS)
