"""What pages say of fleets and years: keys of JSON, sizes of blocks, extras to install."""

from __future__ import annotations

import json
import re
import sys
import tomllib

import pytest

from prgcore.cli.fleet_conforming import A_BLOCK
from prgcore.fleet.lapse import PART
from prgcore.outage.spreading import SIZE
from prgcore.timers import Losses, Parameters, Wish, World, advise
from tests.pages import ROOT
from tests.reports import made_up

PAGES = ("fleet", "a-year", "availability", "time-outs", "fleet-cluster")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"]


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def keys(name: str) -> set[str]:
    """The keys in the table of JSON of a page."""
    text = page(name).partition("## For programs\n")[2]
    rows = re.findall(r"^\| ([\w., ]+) \|", text.partition("\n## ")[0], re.MULTILINE)
    return {key for row in rows[1:] for key in row.split(", ")}


def test_the_keys_of_a_year_are_in_the_table():
    told = made_up().to_json()
    assert {key.partition(".")[0] for key in keys("a-year")} == told.keys()


def test_the_keys_of_availability_are_in_the_table(run):
    told = json.loads(run("availability", str(ROOT / "examples/world.toml"), "--json").out)
    assert keys("availability") == told.keys() | told["groups"][0].keys()


def test_a_pair_has_the_failovers_of_both_groups(run):
    words = ("availability", str(ROOT / "examples/world.toml"))
    told, shown = json.loads(run(*words, "--json").out), run(*words).out
    pair = sum(group["failovers"] for group in told["groups"])
    assert f"a pair has those of all: {pair:.2f} a year." in " ".join(shown.split())
    assert "outages" not in shown
    assert shown.count("interruptions") == 2
    assert max(map(len, shown.splitlines())) <= 80


def test_the_keys_of_time_outs_are_in_the_table(run):
    told = json.loads(run("timing", "--advise", "--loss", "0.01%", "--latency", "1ms",
                          "--target-outage", "30", "--json").out)
    assert keys("time-outs") == told.keys()


def test_the_page_of_time_outs_names_the_extra_of_a_bitmap(run, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    told = run("timing", "--advise", "--loss", "0.01%", "--target-outage", "30", "-o",
               tmp_path / "curve.png")
    extra = re.search(r"prgcore\[(\w+)\]", told.err)[1]
    assert f"`{extra}`" in page("time-outs").split("\n\n")[1]


def test_the_picture_of_time_outs_is_described_with_its_own_figures():
    said = re.search(r"falls from ([\d,]+) false failovers a year at (\d+) s to (\d+) at (\d+)\s+s",
                     page("time-outs"))
    most, first, least, last = (float(x.replace(",", "")) for x in said.groups())
    front = advise(Parameters(), Losses.of(0.01, burst=3, interval=15), Wish(60),
                   World(latency=0.08)).front
    drawn = [p for p in front if p.outage <= 2 * 60.08]
    assert (round(drawn[0].outage), round(drawn[0].false_failovers, -3)) == (first, most)
    assert next(round(p.false_failovers, -1) for p in drawn if round(p.outage) == last) == least


def test_the_sizes_of_blocks_are_those_of_the_code():
    said = " ".join(page("fleet-cluster").split())
    assert (f"A block is {SIZE:,} pairs of `simulate-fleet`, {PART:,} pairs of `fleet simulate "
            f"--each`, or {A_BLOCK} logs of `fleet conform`.") in said
    assert f"from {SIZE + 1:,} groups on" in said


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_first_what_to_install(name):
    first = page(name).split("\n\n")[1]
    extras = re.search(r"pip install '\.\[([\w,]+)\]'", first)[1].split(",")
    assert {"cli", "fleet"} <= set(extras) <= EXTRAS.keys()
    assert set(re.findall(r"`(parquet|dask|storm|pictures)`", first)) <= EXTRAS.keys()
