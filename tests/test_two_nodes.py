"""Two real nodes: the tour, a few schedules of the campaign, and what an agent refuses."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import needs

EXAMPLES = Path(__file__).parent.parent / "examples" / "two_nodes"


def _play(script: str, *options: str) -> str:
    done = subprocess.run([sys.executable, str(EXAMPLES / script), *options], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_tour_goes_as_the_table_says() -> None:
    said = _play("tour.py")
    assert "WRONG" not in said
    for rule in ("F100@node1", "L110@node1", "L110@node2", "S124@node1", "S124@node2", "F114@node1",
                 "B102@node1", "X100@node1"):
        assert rule in said, said
    answers, twice = re.search(r"(\d+) answers to users, (\d+) by", said).groups()
    assert int(answers) > 100
    assert int(twice) == 0


@pytest.mark.parametrize("store", ["sqlite", pytest.param("etcd", marks=needs.etcd)])
def test_a_few_schedules_of_the_campaign(store: str) -> None:
    said = _play("campaign.py", "--schedules", "3", "--seed", "7", "--at-once", "3", "--store", store)
    assert "3 schedules" in said
    assert "0 wrong" in said
    assert said.count(f" {store} ") == 3
