"""`fleet`: many pairs at once. Law: the group only; each command lives in the module that adds it."""

from __future__ import annotations

from prgcore.cli.commands import Group, examples

fleet = Group(
    "fleet", "Many pairs at once: read, counted, explained, stepped.", examples(
        "prgcore fleet explain groups.csv -o page.html",
        "prgcore fleet status status/", "prgcore fleet conform logs/",
        "prgcore fleet simulate --pairs 1000000 --hours 168",
    ), homes={
        "status": "prgcore.cli.fleet_reading", "explain": "prgcore.cli.fleet_reading",
        "conform": "prgcore.cli.fleet_conforming", "simulate": "prgcore.cli.fleet_simulating",
    })
"""The commands below `fleet`."""


def register(app: Group) -> None:
    """Add these commands."""
    app.add_command(fleet)
