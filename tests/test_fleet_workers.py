"""Logs that other processes check: the answer is that of one process, to the last letter."""

from __future__ import annotations

from tests.test_fleet_commands import logs


def test_other_processes_find_the_same_in_the_same_order(run, bad, tmp_path):
    folder = logs(tmp_path / "logs", range(42), s7=30, s33=20)
    alone = run("fleet", "conform", folder, "--workers", "1", "--json")
    spread = run("fleet", "conform", folder, "--workers", "2", "--json")
    assert (alone.code, spread.code) == (1, 1)
    assert alone.out == spread.out
    assert "standard input is read in this process only" in bad(
        "fleet", "conform", "-", "--workers", "2")
