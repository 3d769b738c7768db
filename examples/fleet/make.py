"""A fleet as CSV: `python make.py 10000 > ten.csv`. The same number makes the same groups.

Most groups are at home. A site is down in one place, a switch was replaced in another, and here and
there somebody has not moved the users home yet.
"""

import csv
import random
import sys
from collections.abc import Iterator

TITLES = ["group", "node1", "node1_state", "node1_reason", "node2", "node2_state", "node2_reason",
          "users1", "users2", "since"]
HOME = ("Normal", "", "Normal", "")
DOWN, BACKUP = "Critical Service Down", "Running in Backup Mode"
SITUATIONS = (
    (40, ("Idle", "On Admin Request", BACKUP, "On Admin Request")),
    (30, ("Failed Over", "Initialization", BACKUP, DOWN)),
    (20, (BACKUP, "Peer Down", "", "")),
    (12, ("Failed Over with Critical Services Not Running", DOWN, BACKUP, DOWN)),
    (8, ("Running in Failed Mode", DOWN, "Running in Failed Mode", DOWN)),
    (6, ("Running in Failed Mode", "Cisco Server Recovery Manager Take Over Users Failed",
         "Running in Failed Mode", "Cisco Server Recovery Manager Take Over Users Failed")),
    (5, ("Taking Over", "On Admin Request", "Failing Over", "On Admin Request")),
    (3, ("Unknown", "High Availability Not Enabled", "Unknown", "High Availability Not Enabled")),
)
"""How many of a thousand groups show what."""


def groups(count: int) -> Iterator[list[str | int]]:
    """The rows of a fleet of so many groups."""
    dice = random.Random(count)
    weights = [number for number, _ in SITUATIONS]
    shown = [display for _, display in SITUATIONS]
    for number in range(1, count + 1):
        ill = dice.random() < sum(weights) / 1000
        one, why, two, other = dice.choices(shown, weights)[0] if ill else HOME
        if dice.random() < 0.5:
            one, why, two, other = two, other, one, why
        since = f"2026-11-30 {dice.randrange(6, 9):02}:{dice.randrange(60):02}" if ill else ""
        site = f"site{number:05}"
        yield [site, f"imp1.{site}.example", one, why, f"imp2.{site}.example", two, other,
               dice.randrange(50, 1000), dice.randrange(50, 1000), since]


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([TITLES, *groups(count)])
