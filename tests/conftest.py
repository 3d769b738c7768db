"""What tests share: what kind each is, the command line in this process, a browser."""

from __future__ import annotations

import gc
import io
import signal
import sys
from shutil import which
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

from prgcore.cli import main
from prgcore.machine import prg
from tests.browser import browser, explorers, open_page, windows  # noqa: F401, fixtures for every test
from tests.needs import EVERYTHING, PLACES

settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")  # a busy computer is no fault of what is tested

signal.signal(signal.SIGINT, signal.default_int_handler)  # started in the background it is ignored

gc.set_threshold(100_000, 20, 20)  # a hundred thousand rules, pairs and tests live to the end

PROCESSES = (
    "test_two_nodes.py", "test_stores.py", "test_stores_etcd.py", "test_etcd_login.py", "test_intruders.py", "test_foreign.py",
    "test_plugin.py", "test_live.py", "test_ci.py", "test_examples.py", "test_stores_sqlite.py",
    "test_processes.py", "test_agent.py", "test_one_record.py", "test_store_faults.py",
    "test_command_line.py", "test_extras.py", "test_wheel.py", "test_promela.py", "test_promela_network.py", "test_tla.py",
    "test_prism.py", "test_own_agents.py", "test_standby_agents.py", "test_hooks.py",
    "test_hooks_live.py", "test_acting.py", "test_refreshing.py", "test_reload_live.py", "test_haproxy.py", "test_flood.py",
    "test_page_served.py", "test_fleet_workers.py",
    "test_examples_postgres.py", "test_examples_redis.py",
    "test_tending.py", "test_readers.py", "test_blocks.py", "test_spreading.py",
    "test_fleet_workers.py",
    "test_services_real.py", "test_services_checks.py", "test_commands.py", "test_services_guard.py", "test_services_live.py",
)
"""They start programs, and wait for them."""
SLOW = (
    "test_year.py", "test_ranges_said.py", "test_fleet_pages.py", "test_availability.py", "test_markov_storm.py", "test_intervals.py", "test_world_arbiters.py", "test_world_refinement.py", "test_network_agents.py",
    "test_world.py", "test_site.py", "test_prove.py", "test_docs.py", "test_quotient.py",
    "test_pictures.py", "test_matrix.py", "test_cli.py", "test_status.py", "test_adapters.py",
    "test_situations.py", "test_difference.py", "test_node.py", "test_houdini.py", "test_driver.py",
    "test_timers.py", "test_turn.py", "test_slow_stores.py", "test_terms_world.py",
    "test_stalls.py", "test_bounce.py", "test_strategies.py", "test_duties.py", "test_atlas.py",
    "test_sarif.py", "test_conformance.py", "test_configuration.py", "test_explain.py",
    "test_transitions.py", "test_purity.py", "test_machine_file.py", "test_ha.py", "test_reset.py",
    "test_compiled.py", "test_laws.py", "test_explorer.py", "test_explorer_page.py",
    "test_typed.py", "test_users.py", "test_english.py", "test_rooms.py", "test_init.py",
    "test_views.py", "test_seats.py", "test_generated.py", "test_restrictions.py",
    "test_exports.py", "test_vacuity.py", "test_adversary.py", "test_space.py", "test_network.py", "test_network_search.py", "test_supports.py",
    "test_observations.py", "test_opinions.py", "test_certificate.py", "test_mutants.py",
    "test_itf.py", "test_active_standby.py", "test_pairs.py", "test_retention.py", "test_rollout.py",
    "test_own_machine.py", "test_budget.py", "test_levels.py", "test_hooks_turn.py",
    "test_hooks_walk.py", "test_rows_pasted.py", "test_pastes.py", "test_telling.py", "test_names.py",
    "test_world_standby.py", "test_arbiters.py", "test_arbiter_stories.py", "test_impossible.py", "test_drift.py", "test_silence.py",
    "test_report.py", "test_fleet_year.py", "test_rates.py", "test_network_pictures.py", "test_splits.py", "test_explorer_networks.py",
    "test_advice.py", "test_losses.py", "test_advising.py",
    "test_fleet_reading.py", "test_fleet_commands.py",
    "test_fleet.py", "test_histogram.py", "test_fleet_simulate.py",
)
"""They search, prove or draw a whole machine, or try many examples: two seconds or more."""
OTHERWISE = ("slow", "processes", "browser", "etcd")
"""A test that is none of these is quick."""
PROGRAMS = {"dot": ("dot", "Graphviz"), "etcd": ("etcd", "etcd"),
            "postgres": ("pg_basebackup", "PostgreSQL"), "redis": ("redis-server", "Redis"),
            "haproxy": ("haproxy", "HAProxy"), "promtool": ("promtool", "promtool"),
            "plantuml": ("plantuml", "PlantUML")}


def pytest_ignore_collect(collection_path, config):
    """What is not asked for is not read either: the prover alone takes a second to import."""
    if config.option.markexpr == "quick" and collection_path.name in (*PROCESSES, *SLOW):
        return True
    return None


def pytest_collection_modifyitems(items):
    """Mark every test; what waits or takes long comes first, what is short fills the time."""
    for item in items:
        file = item.path.name
        if file in PROCESSES:
            item.add_marker("processes")
        if file in SLOW:
            item.add_marker("slow")
        if "browser" in item.fixturenames:
            item.add_marker("browser")
        if not any(item.get_closest_marker(name) for name in OTHERWISE):
            item.add_marker("quick")
        for mark, (program, name) in PROGRAMS.items():
            if item.get_closest_marker(mark) and not which(program, path=PLACES) and not EVERYTHING:
                item.add_marker(pytest.mark.skip(reason=f"{name} is not installed"))
    items.sort(key=lambda item: _first(item.path.name))


def _first(file):
    """Where a file stands among those that take long."""
    order = (*PROCESSES, *SLOW)
    return order.index(file) if file in order else len(order)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a command line in this process: exit code, standard output, standard error."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*words, stdin=b""):
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = main([str(w) for w in words])
        out, err = capsys.readouterr()
        return SimpleNamespace(code=code, out=out, err=err)

    return call


@pytest.fixture
def bad(run):
    """Run what must fail with exit code 2: nothing on standard output, one line of complaint."""

    def call(*words, stdin=b"", code=2):
        answer = run(*words, stdin=stdin)
        assert (answer.code, answer.out) == (code, "")
        assert answer.err.startswith("prgcore: ")
        assert answer.err.endswith("\n")
        assert answer.err.count("\n") == 1
        assert len(answer.err) < 700
        assert answer.err.strip().isprintable()
        return answer.err.removeprefix("prgcore: ").rstrip("\n")

    return call


@pytest.fixture
def searched(monkeypatch):
    """The built-in machine is searched once for all tests that need no search of their own."""
    from prgcore.prove import space
    from tests.planted import reachable

    search, model, found = space.search, prg().model, reachable()
    monkeypatch.setattr(space, "search", lambda it: found if it is model else search(it))
