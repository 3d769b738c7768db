"""Coverage: every sentence and table row of the document, and where it lives in the project.

Law: data only, in our own words, in the order of the document. Everything that a fact names exists (a test
resolves it). A fact that nothing implements says why. docs/coverage.py compares these facts with
the document itself.
"""

from __future__ import annotations

from prgcore.tables.facts import Fact
from writer.coverage.downtime import DOWNTIME
from writer.coverage.interactions import INTERACTIONS
from writer.coverage.manual import MANUAL
from writer.coverage.overview import OVERVIEW
from writer.coverage.setup import SETUP
from writer.coverage.table2 import TABLE2

FACTS: tuple[Fact, ...] = (*OVERVIEW, *SETUP, *MANUAL, *TABLE2, *DOWNTIME, *INTERACTIONS)
