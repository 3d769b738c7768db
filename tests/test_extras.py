"""What is not installed is named in one line, from Python as from the command line."""

from __future__ import annotations

import subprocess
import sys
import tomllib

import pytest

from tests.pages import ROOT

EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
    "optional-dependencies"]

MISSING = [
    ("z3", "prgcore.prove.report", "the prover", "prove"),
    ("numpy", "prgcore.prove", "the prover", "prove"),
    ("numpy", "prgcore.fleet", "a fleet", "fleet"),
    ("scipy", "prgcore.outage", "a calculation of outages", "fleet"),
    ("pysat", "prgcore.prove.certificate", "a certificate", "certificate"),
    ("etcd3gw", "prgcore.stores.gateway", "a store in etcd", "etcd"),
    ("transitions", "prgcore.adapters.transitions", "the transitions adapter", "transitions"),
    ("statemachine", "prgcore.adapters.statemachine", "the python-statemachine adapter",
     "statemachine"),
    ("prometheus_client", "prgcore.adapters.prometheus", "the exporter for Prometheus",
     "prometheus"),
    ("opentelemetry", "prgcore.adapters.otel", "the exporter for OpenTelemetry", "opentelemetry"),
    ("hypothesis", "prgcore.adapters.strategies", "testing with Hypothesis", "hypothesis"),
]


def _python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=False, timeout=60)


@pytest.mark.parametrize(("library", "module", "what", "extra"), MISSING)
def test_importing_what_lacks_its_library_says_what_to_install(
    library: str, module: str, what: str, extra: str
) -> None:
    done = _python(f"import sys; sys.modules[{library!r}] = None; import {module}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"prgcore.errors.MissingExtra: {what} needs an extra: pip install 'prgcore[{extra}]'")
    assert "During handling" not in done.stderr
    assert extra in EXTRAS


def test_a_missing_extra_is_met_as_an_import_error_too() -> None:
    done = _python(
        "import sys; sys.modules['z3'] = None\n"
        "try:\n    from prgcore.prove.report import prove\n"
        "except ImportError as error:\n    print(error, error.extra, error.code, sep='|')\n"
        "from prgcore import PRG; print(len(PRG.initial))")
    assert done.stdout == (
        "the prover needs an extra: pip install 'prgcore[prove]'|prove|missing_extra\n1\n"
    ), done.stderr


def test_a_png_without_its_library_says_what_to_install() -> None:
    done = _python(
        "import sys; sys.modules['resvg_py'] = None\n"
        "from prgcore.cli import main\nsys.exit(main(['diagram', 'matrix', '--format', 'png']))")
    assert (done.returncode, done.stderr) == (
        2, "prgcore: PNG of this view needs an extra: pip install 'prgcore[pictures]'\n")


def test_every_extra_that_code_names_is_there() -> None:
    """An adapter without its line above would say so with a traceback of somebody else."""
    guarded = {file for file in (ROOT / "prgcore").rglob("*.py")
               if "raise MissingExtra(" in file.read_text(encoding="utf-8")}
    places = [ROOT / module.replace(".", "/") for _, module, _, _ in MISSING]
    known = {p / "__init__.py" if p.is_dir() else p.with_suffix(".py") for p in places}
    assert guarded - known == {
        ROOT / "prgcore/cli/drawing.py",
        ROOT / "prgcore/cli/output.py", ROOT / "prgcore/cli/proofs.py",
        ROOT / "prgcore/fleet/parquet.py", ROOT / "prgcore/fleet/blocks.py",
        ROOT / "prgcore/outage/plots.py", ROOT / "prgcore/outage/prism.py",
    }


def test_a_plot_without_its_library_says_what_to_install():
    done = _python("import sys; sys.modules['matplotlib'] = None; from prgcore.outage import plots; "
                   "plots._saved(None, (), 'svg', titled=False)")
    assert done.stderr.splitlines()[-1] == (
        "prgcore.errors.MissingExtra: a plot needs an extra: pip install 'prgcore[fleet]'")
