"""Traces in the Informal Trace Format (ITF), as Quint and Apalache write them: written and read.

Law: pure; JSON in, JSON out. A state is a pair, and state 0 is the one that a trace starts from. A
value is text, never a variant. Variables are columns by name, with `_` where a name of Quint may
have no dot; `action_taken` is the event that led to a state.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Any

from attrs import evolve

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, PrgError, unknown_name
from prgcore.story.conformance import Conformance, Report, Violation
from prgcore.story.script import Run, Step
from prgcore.vocabulary import Outcome
from prgcore.wire.entry import PartialEntry
from prgcore.words import few, listed, quoted

__all__ = ["ACTIONS", "FORMAT", "check", "dump", "of_run", "shown", "variables"]

FORMAT = "https://apalache-mc.org/docs/adr/015adr-trace.html"
ACTIONS = ("action_taken", "mbt::actionTaken", "event")
"""Variables that name the event that led to a state; the first is written."""
MOST_STATES = 100_000


def variables(names: Iterable[str]) -> dict[str, str]:
    """For every column the name of its variable: no dot, no keyword of Python, and no two alike."""
    found: dict[str, str] = {}
    for name in names:
        word = re.sub(r"\W|^(?=\d)", "_", name, flags=re.ASCII)
        word = f"{word}_" if keyword.iskeyword(word) or word in ACTIONS or not word else word
        while word in found.values():
            word += "_"
        found[name] = word
    return found


def dump(engine: Engine, states: Iterable[tuple[str, Pair]], says: str = "") -> dict[str, Any]:
    """The trace of some pairs, each with the event that led to it; the first has none."""
    names = variables(engine.stored)
    return {
        "#meta": {"format": "ITF", "format-description": FORMAT, "source": engine.model.name,
                  "description": says},
        "vars": [ACTIONS[0], *names.values()],
        "states": [
            {"#meta": {"index": index}, ACTIONS[0]: event,
             **{word: pair[column] for column, word in names.items()}}
            for index, (event, pair) in enumerate(states)],
    }


def of_run(run: Run, says: str = "") -> dict[str, Any]:
    """The trace of a story: a state for each event that is done, and for each change by hand."""
    shown_ = [(s.line.name if s.kind else "", s.after) for s in run.steps if shown(s)]
    return dump(run.engine, [("", run.start), *shown_], says)


def shown(step: Step) -> bool:
    """Whether a step is in a trace: an event that is done, or a change by hand."""
    done = step.decision is not None and step.decision.outcome is Outcome.DONE
    return done or step.after != step.before


# ------------------------------------------------------------------------------ reading


def check(checked: Conformance, trace: Any) -> Report:
    """The report on a trace: the first step that no rule allows, or none.

    Where no variable names the event, it is the one that leads from pair to pair; the trace must
    then have all stored columns. Variables that are not columns are left out.

    Raises:
        BadInput: it is not a trace, names no column, or has a value that its column does not have.
    """
    if not isinstance(trace, Mapping) or not isinstance(trace.get("states"), list):
        raise BadInput("a trace in ITF is an object with vars and states")
    states = trace["states"]
    if len(states) > MOST_STATES:
        raise BadInput(f"a trace of {len(states):,} states; at most {MOST_STATES:,} are read")
    engine = checked.engine
    read = [_state(engine, state, f"state {n}") for n, state in enumerate(states)]
    for number, ((before, _), (after, event)) in enumerate(pairwise(read), 1):
        place = f"state {number}"
        named = event or _leads(engine, before, after, place)
        if named:
            line = {"event": named, "before": before, "after": after}
            if checked.feed(PartialEntry.from_json(line), place):
                break
        elif before != after:
            changed = ", ".join(f"{c} from {before[c]} to {after[c]}" for c in engine.stored
                                if before[c] != after[c])
            return evolve(checked.report, finding=Violation(
                place, "a step", "after", f"no event of the machine changes {changed} there"))
    return checked.report


def _state(engine: Engine, state: Any, place: str) -> tuple[dict[str, str], str]:
    """The columns that a state names, and the event that led to it; empty where it has none."""
    if not isinstance(state, Mapping):
        raise BadInput(f"{place}: an object of variables, not {type(state).__name__}")
    words = {word: column for column, word in variables(engine.stored).items()}
    words |= {column: column for column in engine.stored}
    cells: dict[str, str] = {}
    for path, value in _leaves(state, place):
        names = (".".join(path), ".".join(reversed(path)), "_".join(path), "_".join(reversed(path)))
        column = next((words[n] for n in names if n in words), None)
        if column:
            cells[column] = _value(engine, column, value, place)
    if not cells:
        some = few(sorted(words), 6, ", ")
        raise BadInput(f"{place}: no variable is a column; columns are {some}")
    event = next((str(_plain(state[a])) for a in ACTIONS if _plain(state.get(a))), "")
    known = [e.name for e in engine.model.events]
    if event in ("init", "step", "q::init", "q::step"):
        return cells, ""
    if event and event not in known:
        raise BadInput(f"{place}: " + unknown_name("event", event, known))
    return cells, event


def _leaves(value: Any, place: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every plain value with the names of the records and maps around it."""
    if len(path) > 8:
        raise BadInput(f"{place}: records in records, more than 8 deep")
    if isinstance(value, Mapping) and isinstance(value.get("#map"), list):
        pairs = [p for p in value["#map"] if isinstance(p, list) and len(p) == 2]
        value = {str(_plain(key)): inner for key, inner in pairs}
    marked = isinstance(value, Mapping) and any(str(k).startswith("#") or k == "tag" for k in value)
    if isinstance(value, Mapping) and not (path and marked):
        for key, inner in value.items():
            if key != "#meta":
                yield from _leaves(inner, place, (*path, str(key)))
    elif path:
        yield path, value


def _plain(value: Any) -> Any:
    """Text, a flag or digits; the tag of a variant; None for anything else."""
    match value:
        case str() | bool():
            return value
        case int():
            return str(value)
        case {"#bigint": str() as digits}:
            return digits
        case {"tag": str() as tag}:
            return tag
    return None


def _value(engine: Engine, column: str, value: Any, place: str) -> str:
    """The value of a column: as text, as a flag for yes or no, as a number, or as a variant."""
    plain = _plain(value)
    domain = engine.model.domains[column]
    if isinstance(plain, bool):
        plain = ("yes" if plain else "no") if "yes" in domain else str(plain).lower()
    if plain in domain:
        return str(plain)
    lower = {v.lower().replace("_", ""): v for v in domain}
    same = lower.get(str(plain).lower().replace("_", "")) if isinstance(value, Mapping) else None
    if same:
        return same
    shown = quoted(plain if plain is not None else value, 60)
    raise BadInput(f"{place}: {column} is {shown}; it is {listed(domain)}")


def _leads(engine: Engine, before: dict[str, str], after: dict[str, str], place: str) -> str:
    """The first event that leads from one pair to the other; empty where none does.

    Raises:
        BadInput: the trace names no event, and not all stored columns.
    """
    missing = [c for c in engine.stored if c not in before or c not in after]
    if missing:
        raise BadInput(f"{place}: no event is named (in {ACTIONS[0]}), and {missing[0]} has no value: "
                       "name the event, or all columns")
    for event in engine.model.events if before != after else ():
        with suppress(PrgError):
            if dict(engine.step(before, event.name).pair) == after:
                return event.name
    return ""
