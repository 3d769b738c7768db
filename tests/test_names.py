"""Names that readers are led by: modules in docstrings and pages, files in the way in."""

from __future__ import annotations

import re
import warnings
from importlib import import_module
from pathlib import Path

import pytest

from tests.pages import PAGES, ROOT, docs, name

MEASURED = {"prgcore.decisions", "prgcore.state_seconds"}
"""Names of instruments, which look like names of modules."""

HAND_WRITTEN = docs("blocks").MARKED.sub(
    "", " ".join((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("\n   ")))
"""ARCHITECTURE.md without its generated lists, an item a line."""

NAMED = re.compile(r"`(prgcore(?:\.[A-Za-z_]\w*)+)")


def exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something that a module has."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # old paths exist, and warn
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


@pytest.mark.parametrize("place", sorted(set(re.findall(
    r"`([\w/-]+(?:\.py|\.toml|\.txt|/))`", HAND_WRITTEN))))
def test_a_file_of_the_way_in_exists(place: str) -> None:
    assert any((root / place).exists() for root in (ROOT, ROOT / "prgcore")), place


@pytest.mark.parametrize(("file", "names"), re.findall(r"`([\w/]+\.py)` \(((?:`\w+`(?:, )?)+)\)", HAND_WRITTEN))
def test_a_function_of_the_way_in_is_in_its_file(file: str, names: str) -> None:
    text = (ROOT / "prgcore" / file).read_text(encoding="utf-8")
    for one in re.findall(r"\w+", names):
        assert re.search(rf"(?:def|class) {one}\b", text), f"{file} has no {one}"


def test_the_ways_name_their_files() -> None:
    ways = HAND_WRITTEN.partition("## Five ways")[2].partition("\n## ")[0].split("\n### ")[1:]
    assert len(ways) == 5
    for way in ways:
        steps = re.split(r"\n\d\. ", way)[1:]
        assert len(steps) == 5
        assert all(re.search(r"`[\w/]+\.py`", step) for step in steps)


def test_a_dead_name_is_found() -> None:
    assert exists("prgcore.stores.record.Order")
    assert exists("prgcore.running.lease")
    assert not exists("prgcore.lease")
    assert not exists("prgcore.stores.record.Ordre")
