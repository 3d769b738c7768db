"""Theorem files: promises that a person writes down, proved like the machine's own.

A theorem file is TOML, with one table per theorem and absolute names of columns:

    [never-both-backup]
    says = "never both nodes Running in Backup Mode"
    never = [{ "node1.state" = "running_in_backup_mode", "node2.state" = "running_in_backup_mode" }]

`never` is proved from the machine's proved invariants, else by induction with itself, else by
search. `reachable` needs a trace to each cube. `accepted` needs a command to be accepted only in
the cubes of `only`. `home` needs a way to the cube from every reachable pair. `discharged` names
obligations of the machine, and takes the worst of their verdicts. An obligation that is not
applicable, or only reported, makes it vacuous. `exclusive` names commands of which a
pair accepts at most one, and none in the cubes of `never_in`. `sets` gives one column one value:
only the events of `by` do so, each only in its cube of `where` if it has one. `never_rests` has
cubes in which something always happens by itself. `restates` names the promises of the machine that
together say as much as the theorem, which is refuted if the machine promises less.

A theorem about any rules at all, not about this machine, is a file in SMT-LIB 2
(`prgcore.prove.impossible`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prgcore.errors import BadInput, unknown_name
from prgcore.form.cubes import Stored
from prgcore.form.promised import BUILT_IN, reserved
from prgcore.model import AcceptedOnly, Cell, Cube, Exclusive, Invariant, Model, OnlyBy
from prgcore.prove import vacuity
from prgcore.prove.impossible import SUFFIX, read_smt2
from prgcore.prove.obligations import Guard, against, obligations, rests
from prgcore.prove.progress import distances
from prgcore.prove.restated import Restated, Stated
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.vocabulary import Kind, Method, Verdict
from prgcore.wire.grammar import LONGEST_NAME
from prgcore.wire.tomltext import parse_toml

__all__ = ["LARGEST", "Restated", "read", "read_text", "restated", "theorem_files"]

_WORST = (
    Verdict.DISAGREE, Verdict.VACUOUS, Verdict.REFUTED, Verdict.UNKNOWN, Verdict.PROVED,
)
_KINDS = (
    "never", "reachable", "accepted", "exclusive", "sets", "home", "never_rests", "discharged",
)
_MORE = {
    "accepted": {"only", "exactly", "restates"}, "never": {"restates"}, "home": {"restates"},
    "exclusive": {"never_in", "restates"}, "sets": {"by", "where", "restates"},
    "never_rests": {"restates"},
}
LARGEST = 1 << 20


def read(path: str | Path, model: Model) -> tuple[Obligation, ...]:
    """The theorems of a file, or of every theorem file of a folder, as obligations.

    Raises:
        BadInput: no such file, neither TOML nor SMT-LIB 2, or names that the machine lacks; all at
            once.
    """
    place = Path(path)
    if place.is_dir():
        files = theorem_files(place)
        if not files:
            raise BadInput(f"{place}: no theorem files (*.toml or *.smt2) in this folder")
        return tuple(o for file in files for o in read(file, model))
    try:
        if not place.is_file() and place.exists():
            raise BadInput(f"{place}: not a file")
        with place.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise BadInput(f"{place}: {error.strerror or error}") from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"{place}: not UTF-8 text: byte {error.start}") from None
    if place.suffix != SUFFIX:
        return read_text(text, str(place), model)
    _short(text, str(place))
    if refused := _refused(place.stem, model):
        raise BadInput(f"{place}: {refused}")
    return (read_smt2(text, place.stem, str(place)),)


def theorem_files(folder: Path) -> list[Path]:
    """The theorem files of a folder, those in TOML first."""
    return [*sorted(folder.glob("*.toml")), *sorted(folder.glob(f"*{SUFFIX}"))]


def _short(text: str, place: str) -> None:
    if len(text) > LARGEST:
        raise BadInput(f"{place}: a theorem file has at most {LARGEST:,} characters")


def read_text(text: str, place: str, model: Model) -> tuple[Obligation, ...]:
    """The theorems of a text; `place` is its name in errors.

    Raises:
        BadInput: as `read`.
    """
    _short(text, place)
    theorems = parse_toml(text, place)
    wrong: list[str] = []
    found = [
        _theorem(name, theorem, model, wrong) for name, theorem in theorems.items()
    ]
    if not found and not wrong:
        wrong.append("no theorems: write one table a theorem, [name] with says and never")
    if wrong:
        raise BadInput(f"{place}: " + "; ".join(wrong[:5]))
    return tuple(o for o in found if o)


def _refused(name: str, model: Model) -> str:
    """Why a theorem cannot have this name; empty if it can."""
    if not (name.strip() == name and 0 < len(name) <= LONGEST_NAME and name.isprintable()):
        return f"[{name[:40]!a}] a name is 1 to {LONGEST_NAME} printable characters"
    if BUILT_IN.fullmatch(name):
        return f"[{name}] {reserved(name)}"
    if name in _promised(model):
        return f"[{name}] is the id of a promise of the machine; name the theorem otherwise"
    return ""


def _promised(model: Model) -> set[str]:
    """The ids of the machine's own promises."""
    of = (model.invariants, model.accepted_only, model.exclusive, model.only_by, model.observations,
          model.converges)
    return {promise.id for many in of for promise in many}


def _theorem(name: str, theorem: Any, model: Model, wrong: list[str]) -> Obligation | None:
    if not isinstance(theorem, Mapping):
        wrong.append(f"{name}: a theorem is a table with says and {', '.join(_KINDS)}")
        return None
    if refused := _refused(name, model):
        wrong.append(refused)
        return None
    kinds = [k for k in _KINDS if k in theorem]
    says = theorem.get("says", "")
    if len(kinds) != 1 or not isinstance(says, str) or not (says and says.isprintable()):
        wrong.append(f"[{name}] needs says and one of {', '.join(_KINDS)}")
        return None
    kind = kinds[0]
    known = {"says", "assumes", kind} | _MORE.get(kind, set())
    wrong += [f"[{name}] " + unknown_name("key", key, known) for key in theorem if key not in known]
    assumes = theorem.get("assumes", model.assumptions)
    if "assumes" in theorem and not (assumes and isinstance(assumes, list) and all(
            isinstance(one, str) and one.strip() for one in assumes)):
        wrong.append(f"[{name}] assumes: a list of sentences; without it, those of the machine hold")
        return None
    run = _run(name, kind, theorem, model, wrong)
    return run and Obligation(name, says, run, tuple(assumes))


def _run(
    name: str, kind: str, theorem: Mapping[str, Any], model: Model, wrong: list[str]
) -> Callable[[Work], Judgement] | None:
    before = len(wrong)
    place = f"[{name}] {kind}"
    says = theorem["says"]
    stated: Stated
    match kind:
        case "discharged":
            known = {o.id: o for o in obligations(model)}
            ids = theorem[kind] if isinstance(theorem[kind], list) else [theorem[kind]]
            if not ids:
                wrong.append(f"{place}: names no obligation")
            asked = [_named(place, "obligation", i, known, wrong) for i in ids]
            run = _discharged([known[i] for i in asked if i])
            return run if len(wrong) == before else None
        case "reachable":
            cubes = _cubes(place, theorem[kind], model, wrong)
            run = vacuity.under(_reachable(name, says, cubes), vacuity.Reached(cubes))
            return run if len(wrong) == before else None
    stated = _stated(name, kind, theorem, model, wrong)
    if "restates" in theorem:
        restated_ = _restated(name, theorem, stated, model, wrong)
    if len(wrong) > before:
        return None
    run = _stating(name, says, stated)
    return _restating(run, restated_) if "restates" in theorem else run


def _stated(
    name: str, kind: str, theorem: Mapping[str, Any], model: Model, wrong: list[str]
) -> Stated:
    """The promise of a theorem, as the machine would make it."""
    place, says = f"[{name}] {kind}", theorem["says"]
    match kind:
        case "never":
            return Invariant(name, says, _cubes(place, theorem[kind], model, wrong))
        case "home":
            return vacuity.Home(_cubes(place, theorem[kind], model, wrong))
        case "never_rests":
            return vacuity.NeverRests(_cubes(place, theorem[kind], model, wrong))
        case "exclusive":
            commands = {e.name for e in model.events if e.kind is Kind.COMMAND}
            commands |= {c.partition("(")[0] for c in commands}
            named = _names(place, "command", theorem[kind], commands, wrong)
            never = (_cubes(f"[{name}] never_in", theorem["never_in"], model, wrong)
                     if "never_in" in theorem else ())
            return Exclusive(name, named, never, says)
        case "sets":
            return _sets(name, theorem, model, wrong)
    # every event but a fault or a repair, which nobody accepts
    accepted = {e.name for e in model.events if e.kind not in (Kind.FAULT, Kind.REPAIR)}
    named = _names(place, "command", theorem[kind], accepted, wrong)
    if "only" not in theorem:
        wrong.append(f"{place} needs only: the cubes in which it may be accepted")
    cubes = _cubes(f"[{name}] only", theorem.get("only", {}), model, wrong)
    exactly = theorem.get("exactly", False)
    if not isinstance(exactly, bool):
        wrong.append(f"[{name}] exactly: true or false, not {exactly!r}")
    return tuple(AcceptedOnly(name, one, cubes, says, exactly is True) for one in named)


def _sets(name: str, theorem: Mapping[str, Any], model: Model, wrong: list[str]) -> OnlyBy:
    """A theorem about who gives a column a value."""
    place, events = f"[{name}] sets", {e.name for e in model.events}
    given = theorem["sets"]
    if not isinstance(given, Mapping) or len(given) != 1:
        wrong.append(f'{place}: one column and its value, as in {{ "node1.state" = "idle" }}')
        given = {}
    column, value = next(iter(given.items()), ("", ""))
    if given and _named(place, "column", column, model.domains, wrong):
        _named(f"{place}.{column}", "value", value, model.domains[column], wrong)
    if "by" not in theorem:
        wrong.append(f"{place} needs by: the events that may do so")
    by = _names(f"[{name}] by", "event", theorem.get("by", []), events, wrong)
    where = theorem.get("where", {})
    if not isinstance(where, Mapping):
        wrong.append(f"[{name}] where: a table of events, each with a cube")
        where = {}
    when = []
    for event, cells in where.items():
        if _named(f"[{name}] where", "event of by", event, by, wrong):
            when += [(event, cube) for cube in _cubes(
                f"[{name}] where.{event}", [cells], model, wrong)]
    return OnlyBy(name, column, value, by, theorem["says"], tuple(when))


def _names(
    place: str, what: str, given: Any, known: Iterable[str], wrong: list[str]
) -> tuple[str, ...]:
    """One name or several, of which each is known."""
    names = given if isinstance(given, list) else [given]
    if not names:
        wrong.append(f"{place}: names no {what}")
    return tuple(_named(place, what, one, known, wrong) for one in names)


def _stating(name: str, says: str, stated: Stated) -> Callable[[Work], Judgement]:
    """The way to find out about the promise of a theorem, with its witnesses."""
    match stated:
        case Invariant(never=cubes):
            return vacuity.under(_never(name, says, cubes), stated)
        case vacuity.Home(cubes=cubes):
            return vacuity.under(_home(name, says, cubes), stated)
        case vacuity.NeverRests(cubes=cubes):
            return vacuity.under(_never_rests(name, says, cubes), stated)
        case Exclusive() | OnlyBy():
            return vacuity.under(_guard(stated), stated)
        case checks:
            runs = [vacuity.under(_guard(check), check) for check in checks]
            return lambda work: min(
                (run(work) for run in runs), key=lambda found: _WORST.index(found.verdict))


_RESTATES = {"home": "L2", "never_rests": "L1"}
"""The one obligation that theorems of some kinds restate."""


def _restated(
    name: str, theorem: Mapping[str, Any], stated: Stated, model: Model, wrong: list[str]
) -> Restated:
    known: set[str] = set()
    match stated:
        case Invariant():
            what, known = "invariant", {i.id for i in model.invariants}
        case vacuity.Home():
            what, known = "obligation", {_RESTATES["home"]}
        case vacuity.NeverRests():
            what, known = "obligation", {_RESTATES["never_rests"]}
        case _:
            what = "guard check"
            guards: tuple[Guard, ...] = (*model.accepted_only, *model.exclusive, *model.only_by)
            known = {c.id for c in guards}
    ids = _names(f"[{name}] restates", what, theorem["restates"], known, wrong)
    return Restated(name, ids, stated)


def _restating(run: Callable[[Work], Judgement], restated: Restated) -> Callable[[Work], Judgement]:
    def both(work: Work) -> Judgement:
        found = run(work)
        says = restated.lacks(work.model, Stored(work.model.columns))
        if not says or found.verdict is not Verdict.PROVED:
            return found
        return Judgement(Verdict.REFUTED, Method.TABLE, {"says": says})

    return both


def restated(paths: Iterable[str | Path], model: Model) -> tuple[Restated, ...]:
    """The promises of a machine that theorem files restate.

    Raises:
        BadInput: as `read`.
    """
    found: list[Restated] = []
    for path in paths:
        read(path, model)
        place = Path(path)
        files = theorem_files(place) if place.is_dir() else [place]
        for file in (file for file in files if file.suffix != SUFFIX):
            for name, theorem in tomllib.loads(file.read_text("utf-8")).items():
                if "restates" in theorem:
                    kind = next(k for k in _KINDS if k in theorem)
                    stated = _stated(name, kind, theorem, model, [])
                    found.append(_restated(name, theorem, stated, model, []))
    return tuple(found)


def _named(place: str, what: str, name: Any, known: Iterable[str], wrong: list[str]) -> str:
    """The name if it is known; else empty, and the fault is noted."""
    if isinstance(name, str) and name in known:
        return name
    wrong.append(f"{place}: " + unknown_name(what, name, known))
    return ""


def _cubes(place: str, value: Any, model: Model, wrong: list[str]) -> tuple[Cube, ...]:
    """The one cube or the several cubes; no cubes, and cells without a value, are errors."""
    domains = model.domains
    cubes = value if isinstance(value, list) else [value]
    if not cubes:
        wrong.append(f"{place}: no cube; a theorem about nothing proves nothing")
    found = []
    for cells in cubes:
        if not isinstance(cells, Mapping):
            wrong.append(f"{place}: a cube is a table of columns, not {type(cells).__name__}")
            continue
        cube = []
        for column, values in cells.items():
            if not _named(place, "column", column, domains, wrong):
                continue
            allowed = values if isinstance(values, list) else [values]
            if not allowed:
                wrong.append(f"{place}.{column}: no value; nothing is in this cube")
            cube.append(Cell(column, tuple(
                _named(f"{place}.{column}", "value", v, domains[column], wrong) for v in allowed
            )))
        found.append(Cube(tuple(cube)))
    return tuple(found)


def _never(name: str, says: str, cubes: tuple[Cube, ...]) -> Callable[[Work], Judgement]:
    invariant = Invariant(name, says, cubes)

    def run(work: Work) -> Judgement:
        proved, proof = work.by_induction(invariant)
        if proved:
            return proved
        numbers = [int(w[0]) for c in cubes if len(w := work.space.where(c))]
        if numbers:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says}, work.at(min(numbers), says))
        return Judgement(Verdict.PROVED, Method.SEARCH, {"says": "not inductive; no reachable pair breaks it"},
                       work.step(proof, name, invariant))

    return run


def _reachable(name: str, says: str, cubes: tuple[Cube, ...]) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        shortest = []
        for number, cube in enumerate(cubes):
            found = work.space.where(cube)
            if not len(found):
                return Judgement(Verdict.REFUTED, Method.SEARCH, {
                    "says": f"{name}: no reachable pair is in cube {number + 1}: {says}"})
            shortest.append(len(work.space.trace(int(found[0]))))
        return Judgement(Verdict.PROVED, Method.SEARCH, {"shortest": shortest})

    return run


def _home(name: str, says: str, cubes: tuple[Cube, ...]) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        goal = np.concatenate([work.space.where(c) for c in cubes])
        far = distances(work.space, work.homeward, goal)
        if far.min() < 0:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says},
                           work.at(int((far < 0).argmax()), f"{name}: {says}"))
        return Judgement(Verdict.PROVED, Method.SEARCH, {"greatest length": int(far.max())})

    return run


def _never_rests(name: str, says: str, cubes: tuple[Cube, ...]) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        ends = work.space.halves.whole(rests(work.space)[0].ends)
        for cube in cubes:
            stuck = np.intersect1d(ends, work.space.where(cube), assume_unique=True)
            if len(stuck):
                return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": says},
                                 work.at(int(stuck[0]), f"{name}: {says}"))
        return Judgement(Verdict.PROVED, Method.SEARCH, {"ends": len(ends)})

    return run


def _guard(check: Guard) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        witnesses = against(work, check)
        return work.failed(witnesses) if witnesses else Judgement(Verdict.PROVED, Method.TABLE)

    return run


def _discharged(some: list[Obligation]) -> Callable[[Work], Judgement]:
    """The worst finding: an obligation that is not applicable or only reported is vacuous."""

    def judged(obligation: Obligation, work: Work) -> Judgement:
        found = vacuity.discharged(obligation.run, work)
        match found.verdict:
            case Verdict.NOT_APPLICABLE:
                says = f"{obligation.id} says nothing of this machine: {found.detail.get('says', '')}"
            case Verdict.REPORTED:
                says = f"{obligation.id} only reports, and promises nothing: {obligation.title}"
            case _:
                return found
        return Judgement(Verdict.VACUOUS, found.method, {"says": says})

    def run(work: Work) -> Judgement:
        return min((judged(o, work) for o in some), key=lambda found: (
            _WORST.index(found.verdict), vacuity.UNCHECKED not in found.detail))

    return run
