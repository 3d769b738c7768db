"""pytest: stories, theorems and obligations as tests, and the rules that other tests met.

Law: without a setting or an option, nothing is collected, patched or loaded. The prover is imported
when the first of its tests is collected. A failure is a story, never a traceback.

    [pytest]
    prgcore_machine = machine.json        the machine; the built-in one if not given
    prgcore_stories = stories/*.txt       files that are stories
    prgcore_theorems = proofs/*.toml      files that are theorems

`--prgcore` also proves the obligations of the machine. `--prgcore-coverage[=N]` reports the rules
and values that engines of the machine met during the session, and fails below N percent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from prgcore.engine import Decision, Engine
    from prgcore.machine import Machine
    from prgcore.prove.work import Work

__all__ = [
    "STORIES", "THEOREMS", "Disproved", "Met", "ObligationItem", "Obligations", "StoryFile",
    "StoryItem", "TheoremFile", "Told", "pytest_addoption", "pytest_collect_file",
    "pytest_collection_modifyitems", "pytest_configure", "pytest_sessionfinish",
    "pytest_terminal_summary", "pytest_testnodedown", "pytest_unconfigure",
]

STORIES, THEOREMS = "prgcore_stories", "prgcore_theorems"
_REPORT_ONLY = "report"
_MACHINE: pytest.StashKey[Machine] = pytest.StashKey()
_WORK: pytest.StashKey[Work] = pytest.StashKey()
_MET: pytest.StashKey[Met] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options and settings."""
    group = parser.getgroup("prgcore", "machines, stories and proofs (prgcore)")
    group.addoption("--prgcore", action="store_true",
                    help="prove every obligation of the machine, each as a test")
    group.addoption("--prgcore-coverage", nargs="?", const=_REPORT_ONLY, metavar="N",
                    help="report the rules and values that the tests met; fail below N percent")
    parser.addini("prgcore_machine", "machine file (default: the built-in machine)")
    parser.addini(STORIES, "files that are stories, by pattern", type="args", default=[])
    parser.addini(THEOREMS, "files that are theorems, by pattern", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Refuse settings that name no file; begin coverage before anything is collected."""
    for setting in (STORIES, THEOREMS):
        for pattern in config.getini(setting):
            if not glob(str(config.rootpath / pattern)):  # noqa: PTH207 - may be absolute
                raise pytest.UsageError(f"{setting} {pattern!r}: no file of {config.rootpath} "
                                        "matches it")
    asked = config.getoption("--prgcore-coverage")
    if asked is not None:
        config.stash[_MET] = Met(_machine(config), _percent(asked))
        config.stash[_MET].begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave engines as they were."""
    if _MET in config.stash:
        config.stash[_MET].end()


def _percent(asked: str) -> float:
    try:
        percent = 0.0 if asked == _REPORT_ONLY else float(asked)
    except ValueError:
        percent = -1
    if not 0 <= percent <= 100:
        raise pytest.UsageError(f"--prgcore-coverage {asked[:40]!r}: expected 0 to 100, percent")
    return percent


def _machine(config: pytest.Config) -> Machine:
    """The machine that the settings name, read once."""
    from prgcore.errors import PrgError
    from prgcore.machine import Machine, prg
    from prgcore.wire import machine_file

    if _MACHINE not in config.stash:
        name = config.getini("prgcore_machine")
        try:
            config.stash[_MACHINE] = Machine(machine_file.load(
                (config.rootpath / name).read_text(encoding="utf-8"))) if name else prg()
        except (OSError, ValueError, PrgError) as error:
            reason = getattr(error, "strerror", None) or " ".join(str(error).split())
            if isinstance(error, UnicodeDecodeError):
                reason = f"it is not text: byte {error.start} is not UTF-8"
            raise pytest.UsageError(f"prgcore_machine {name!r}: {reason}") from None
    return config.stash[_MACHINE]


# ------------------------------------------------------------------------- collecting


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """The collector of a file that the settings name as a story or theorems."""
    for setting, kind in ((STORIES, StoryFile), (THEOREMS, TheoremFile)):
        for pattern in parent.config.getini(setting):
            if file_path.match(str(parent.config.rootpath / pattern)):
                return kind.from_parent(parent, path=file_path)
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the obligations last, and select them as other tests."""
    if config.getoption("--prgcore"):
        items += Obligations.from_parent(session, name="prgcore").collect()


class Disproved(Exception):
    """A test of ours failed; only its text is shown."""


class Told(pytest.Item):
    """A test whose failure is a text."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The text of the failure; for another error, the usual text."""
        from prgcore.errors import PrgError

        if isinstance(excinfo.value, Disproved | PrgError | pytest.UsageError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, None, str]:
        """The place of the test: its file and its name."""
        return self.path, None, self.name


class StoryFile(pytest.File):
    """A file with one story."""

    def collect(self) -> Iterator[pytest.Item]:
        """The story."""
        yield StoryItem.from_parent(self, name=self.path.stem)


class StoryItem(Told):
    """A story that must hold: of the machine, or of the built-in one with its policies."""

    def runtest(self) -> None:
        """Run the story; a failure shows the step, and all steps before it."""
        from prgcore.machine import prg
        from prgcore.story import script as story

        script = story.parse(self.path.read_bytes())
        named = self.config.getini("prgcore_machine")
        run = story.run(_machine(self.config) if named else prg(**script.policy), script)
        if not run.ok:
            raise Disproved(story.tell(run))


class Obligations(pytest.Collector):
    """The obligations of the machine."""

    paths: tuple[Path, ...] = ()

    def collect(self) -> list[pytest.Item]:
        """One test for each obligation, without those that run only on request."""
        from prgcore.errors import PrgError

        try:
            from prgcore.prove.report import listing

            found = listing(_machine(self.config), self.paths)
        except PrgError as error:
            raise self.CollectError(str(error)) from None
        return [ObligationItem.from_parent(self, name=id_, title=title)
                for id_, title in found if id_ != "M1"]


class TheoremFile(Obligations, pytest.File):
    """A file of theorems."""

    @property
    def paths(self) -> tuple[Path, ...]:  # type: ignore[override]
        """The file."""
        return (self.path,)


class ObligationItem(Told):
    """An obligation or a theorem that must be proved."""

    def __init__(self, *, title: str, **options: Any) -> None:
        super().__init__(**options)
        self.title = title

    def runtest(self) -> None:
        """Discharge it. Unknown is a failure; one that does not apply is skipped."""
        from prgcore.prove.report import prove
        from prgcore.prove.work import Work

        machine, stash = _machine(self.config), self.config.stash
        if _WORK not in stash:
            stash[_WORK] = Work(machine)
        paths = self.parent.paths if isinstance(self.parent, Obligations) else ()
        result, = prove(machine, only=[self.name], paths=paths, work=stash[_WORK]).results
        if result.verdict == "not_applicable":
            pytest.skip(f"not applicable: {result.detail.get('says', self.title)}")
        if result.story or result.verdict not in ("proved", "reported"):
            word = f"{result.verdict}, and not known to say anything" if result.unchecked else (
                result.verdict)
            raise Disproved(f"{self.name} is {word}: {self.title}\n\n{result.story}")


# --------------------------------------------------------------------------- coverage


class Met:
    """The rules that decided and the values that were met, in any engine of the machine's name."""

    def __init__(self, machine: Engine, least: float) -> None:
        self.name, self.least = machine.model.name, least
        atlas = machine.atlas
        domains: Mapping[str, Iterable[str]] = atlas.everything.values() if atlas else {
            c: machine.columns[c].domain for c in machine.stored}
        self.all = {
            "rules": {r.id for r in machine.model.rules},
            "values": {f"{c}={v}" for c, values in domains.items() for v in values},
        }
        self.rules: set[str] = set()
        self.values: set[tuple[str, str]] = set()
        self._step: Callable[..., Decision] | None = None

    def begin(self) -> None:
        """Note every engine's `step` from now on."""
        from prgcore.engine import Engine

        step = self._step = Engine.step

        def noted(engine: Engine, pair: Mapping[str, str], event: str) -> Decision:
            decision = step(engine, pair, event)
            if engine.model.name == self.name:
                if decision.rule:
                    self.rules.add(decision.rule.id)
                self.values.update(pair.items())
                self.values.update(decision.pair.items())
            return decision

        Engine.step = noted  # type: ignore[method-assign, assignment]

    def end(self) -> None:
        """Note nothing any more."""
        from prgcore.engine import Engine

        if self._step is not None:
            Engine.step = self._step  # type: ignore[method-assign]

    def to_json(self) -> dict[str, list[Any]]:
        """The report of a worker."""
        return {"rules": sorted(self.rules), "values": sorted(map(list, self.values))}

    def add(self, told: Mapping[str, list[Any]]) -> None:
        """Add the report of a worker."""
        self.rules.update(told["rules"])
        self.values.update((column, value) for column, value in told["values"])

    def shares(self) -> dict[str, tuple[int, int, list[str]]]:
        """For rules and for values: the number met, the number of all, and those not met."""
        met = {"rules": self.rules, "values": {f"{c}={v}" for c, v in self.values}}
        return {what: (len(every & met[what]), len(every), sorted(every - met[what]))
                for what, every in self.all.items()}

    @property
    def ok(self) -> bool:
        """Whether both shares are at least as large as the option demands."""
        return all(100 * met >= self.least * of for met, of, _ in self.shares().values())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Report what a worker met; fail a session that met too little."""
    met, config = session.config.stash.get(_MET, None), session.config
    if met is None:
        return
    if hasattr(config, "workeroutput"):
        config.workeroutput["prgcore"] = met.to_json()
    elif not met.ok and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Add the report of a worker of pytest-xdist that is done."""
    told = getattr(node, "workeroutput", {}).get("prgcore")
    if told and _MET in node.config.stash:
        node.config.stash[_MET].add(told)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what was met, and the names of what was not."""
    met = config.stash.get(_MET, None)
    if met is None:
        return
    terminalreporter.section(f"coverage of {met.name}")
    for what, (count, of, missed) in met.shares().items():
        percent = 100 * count / of if of else 100
        terminalreporter.write_line(f"{what} met: {count} of {of} ({percent:.1f} %)")
        if missed:
            terminalreporter.write_line(f"  never: {', '.join(missed)}")
    if not met.ok:
        terminalreporter.write_line(f"FAILED: less than {met.least:g} % was met", red=True)
