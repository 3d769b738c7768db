"""What tests share: the command line, in this process on a page of 80 columns; and a browser."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, settings

from prgcore.cli import main
from tests.browser import browser, explorers, open_page, windows  # noqa: F401, fixtures for every test

settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")  # a busy computer is no fault of what is tested

LONG = ("test_two_nodes.py", "test_explorer_page.py", "test_prove.py", "test_site.py",
        "test_stores.py", "test_stores_etcd.py", "test_plugin.py")
"""Those that wait or take long, first: what is short fills the time while they wait."""


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


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
