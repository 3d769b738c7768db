"""Names that readers are led by: modules in docstrings and pages, files in the way in."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT, name

MEASURED = {"prgcore.decisions", "prgcore.state_seconds"}
"""Names of instruments, which look like names of modules."""

NAMED = re.compile(r"`(prgcore(?:\.[A-Za-z_]\w*)+)")


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something that a module has."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part, None)
        return found is not None
    return False


@pytest.mark.parametrize("path", [
    *PAGES, *sorted((ROOT / "docs").rglob("*.py")), *sorted((ROOT / "prgcore").rglob("*.py")),
], ids=name)
def test_what_is_named_exists(path: Path) -> None:
    named = set(NAMED.findall(path.read_text(encoding="utf-8"))) - MEASURED
    assert sorted(one for one in named if not exists(one)) == []


def test_a_dead_name_is_found() -> None:
    assert exists("prgcore.stores.record.Order")
    assert exists("prgcore.running.lease")
    assert not exists("prgcore.lease")
    assert not exists("prgcore.stores.record.Ordre")
