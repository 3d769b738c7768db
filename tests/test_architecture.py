"""The way in: every file and function that ARCHITECTURE.md names exists."""

from __future__ import annotations

import re

import pytest

from tests.pages import ROOT, docs

HAND_WRITTEN = docs("blocks").MARKED.sub(
    "", " ".join((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("\n   ")))
"""ARCHITECTURE.md without its generated lists, an item a line."""


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
