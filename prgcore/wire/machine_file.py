"""The machine file `prgcore-machine/1`: a machine as JSON, lossless, with absolute seats.

Law: the format is data (the records below); writer, reader and JSON Schema are all read from
it. For any input, `load` returns a machine that is well formed and deterministic, or raises one of
two errors. Totality is not form: the prover decides it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any

from attrs import evolve

from prgcore.errors import BadInput, MalformedMachine
from prgcore.form.chained import flattened
from prgcore.form.priority import compiled
from prgcore.form.wellformed import findings, overlaps
from prgcore.model import (
    AGAIN,
    DEEDS,
    OBSERVATIONS,
    AcceptedOnly,
    Action,
    ActionKind,
    Adversary,
    Advice,
    Agent,
    Cause,
    Column,
    Convergence,
    Decides,
    Display,
    Duty,
    Event,
    Exclusive,
    Family,
    Hears,
    Invariant,
    Model,
    Observation,
    OnlyBy,
    Parameter,
    Possible,
    Rule,
    Serves,
    Shown,
    Situation,
    Story,
    Timer,
    Told,
    Viewpoint,
)
from prgcore.vocabulary import Evidence, Kind, Outcome
from prgcore.wire.grammar import (
    CELLS,
    CHOICES,
    CUBE,
    NAME,
    SPELT,
    TEXT,
    THEN,
    Either,
    EnoughFindings,
    Entries,
    Field,
    Findings,
    Flag,
    Limit,
    Many,
    Number,
    Quantity,
    Record,
    Row,
    Word,
)
from prgcore.wire.jsontext import FILE_LIMIT, parse_json
from prgcore.words import quoted

__all__ = ["FORMAT", "LONGEST", "MACHINE", "MOST_STEPS", "UNITS", "described", "digest", "dump", "dumps", "load", "schema"]

FORMAT = "prgcore-machine/1"

MOST_STEPS = 1_000_000
"""The largest number of steps that a convergence may name."""

MOST_RULES = 1_000_000
"""The largest priority of a rule."""

LONGEST = 1 << 40
"""The largest number of seconds, and of a parameter: beyond it a float loses milliseconds."""

UNITS = ("s", "port", "true or false")
"""The units of parameters."""

_NAMES = Many(NAME)
_CUBES = Many(CUBE)
_SAYS = Field("says", TEXT, prose=True)
_WHY = Field("why", TEXT, prose=True)

_COLUMN = Either(
    (
        Record(Column, (
            Field("name", NAME), Field("domain", _NAMES),
            Field("observed_by", NAME, always=True), _SAYS,
        ), marks=(("kind", "stored"),)),
        Record(Column, (
            Field("name", NAME), Field("domain", _NAMES),
            Field("observed_by", NAME, default="derived"),
            Field("from", _NAMES, "sources", always=True),
            Field("table", Many(Row()), always=True), _SAYS,
        ), marks=(("kind", "derived"),)),
    ),
    lambda column: int(column.derived),
    'a column of "kind" "stored" or "derived"',
)
_EVENT = Record(Event, (
    Field("name", NAME), Field("kind", Word.of(Kind)), Field("decider", NAME), _SAYS,
    Field("success", Flag()), Field("seated", Flag()),
))
_ACTIONS = Many(Record(Action, (Field("do", NAME), Field("node", NAME))))
_RULE = Record(Rule, (
    Field("id", NAME), Field("event", NAME), Field("outcome", Word.of(Outcome), always=True),
    Field("when", CUBE, always=True), Field("then", THEN),
    Field("actions", _ACTIONS),
    Field("cite", Many(TEXT), prose=True), _WHY,
    Field("evidence", Word.of(Evidence), prose=True),
    Field("decisions", _NAMES, prose=True), Field("phase", NAME, prose=True),
    Field("only", CHOICES), Field("priority", Number(1, MOST_RULES)), Field("row", NAME),
))
_BLANK = ("", "")


def _display(four: Iterable[str]) -> Display:
    """States and reasons in turn; a node that shows nothing has none."""
    one, reason1, other, reason2 = four
    return Display(Shown(one, reason1) if one else None, Shown(other, reason2) if other else None)


_DISPLAY = Many(TEXT, 4, _display, lambda d: (*(d.node1 or _BLANK), *(d.node2 or _BLANK)))

_SITUATION = Record(Situation, (
    Field("row", NAME), Field("seat", NAME, always=True),
    Field("display", _DISPLAY),
    Field("shown", Many(Flag(), 2)),
    Field("cause", TEXT, prose=True),
    Field("advice", Many(Record(Advice, (
        _SAYS, Field("if", CUBE, "when"), Field("events", _NAMES),
        Field("defect", TEXT, prose=True), Field("because", TEXT, prose=True),
        Field("only", CHOICES), Field("either", TEXT, prose=True),
    )))),
    Field("causes", Many(Record(Cause, (
        Field("id", NAME), _SAYS, Field("events", _NAMES), Field("start", NAME),
    )))),
    Field("literal", TEXT, prose=True), Field("corrected", TEXT, prose=True),
    Field("fits", CUBE), Field("either", TEXT, prose=True),
    Field("printed", _DISPLAY, prose=True),
))
_FAMILY = Record(Family, (
    Field("id", NAME), _SAYS,
    Field("displays", Many(Many(Many(Many(TEXT), 2), 2))),
    Field("decision", TEXT, prose=True), Field("nearest", TEXT, prose=True),
    Field("advice", TEXT, prose=True),
))
_CITED = (_SAYS, Field("cite", TEXT, prose=True), Field("decisions", _NAMES, prose=True))
_TIMER = Record(Timer, (
    Field("event", NAME), Field("told", Word(OBSERVATIONS)), Field("runs", CUBE),
    Field("limits", Many(Limit(LONGEST))), Field("again", Many(Word(AGAIN))),
    Field("again_in", CUBE), *_CITED,
))
_PARAMETER = Record(Parameter, (
    Field("name", NAME), Field("title", TEXT, prose=True),
    Field("default", Quantity(-LONGEST, LONGEST, flags=True), always=True),
    Field("unit", Word(UNITS)), Field("scope", TEXT, prose=True), _SAYS,
    Field("cite", TEXT, prose=True), Field("least", Quantity(-LONGEST, LONGEST)),
    Field("most", Quantity(-LONGEST, LONGEST)), Field("since", TEXT, prose=True),
))
_KIND = Record(ActionKind, (
    Field("name", NAME), Field("node", NAME, always=True), _SAYS, Field("duty", TEXT, prose=True),
    Field("fails", _NAMES), Field("does", Word(DEEDS)),
))
_AGENT = Record(Agent, (
    Field("node", NAME, always=True), Field("starts", NAME), Field("knows", CHOICES),
    Field("stops", NAME), Field("watches", Entries(Many(NAME, 2))), Field("leaves", _CUBES),
    Field("either", _CUBES), Field("holds", _CUBES), Field("able", CUBE),
    Field("roles", Entries(CUBE)),
))
MACHINE = Record(Model, (
    Field("name", NAME), Field("policy", CHOICES),
    Field("columns", Many(_COLUMN)), Field("initial", Many(CHOICES)),
    Field("events", Many(_EVENT)),
    Field("possible", Many(Record(Possible, (Field("event", NAME), Field("when", CUBE))))),
    Field("rules", Many(_RULE)),
    Field("invariants", Many(Record(Invariant, (
        Field("id", NAME), _SAYS, Field("never", _CUBES), Field("premise", CUBE),
        Field("exactly", _NAMES), Field("auxiliary", Flag()), _WHY,
    )))),
    Field("accepted_only", Many(Record(AcceptedOnly, (
        Field("id", NAME), Field("command", NAME), Field("when", _CUBES), _SAYS,
        Field("exactly", Flag()),
    )))),
    Field("exclusive", Many(Record(Exclusive, (
        Field("id", NAME), Field("commands", _NAMES), Field("never_in", _CUBES), _SAYS,
    )))),
    Field("only_by", Many(Record(OnlyBy, (
        Field("id", NAME), Field("column", NAME), Field("value", NAME),
        Field("events", _NAMES), Field("when", Entries(CUBE)), _SAYS,
    )))),
    Field("observations", Many(Record(Observation, (
        Field("id", NAME), _SAYS, Field("when", _CUBES),
        Field("expect", Word(("reached", "never"))),
    )))),
    Field("converges", Many(Record(Convergence, (
        Field("id", NAME), _SAYS, Field("from", _CUBES, "leaves"),
        Field("within", Number(1, MOST_STEPS)),
    )))),
    Field("duties", Many(Record(Duty, (
        Field("id", NAME), _SAYS, Field("asks", _ACTIONS), Field("before", CUBE),
        Field("after", CUBE), Field("follows", _ACTIONS), Field("harmless", _CUBES),
        Field("events", _NAMES), _WHY,
    )))),
    Field("adversary", Many(Record(Adversary, (
        Field("event", NAME), Field("must", _CUBES), Field("may", _CUBES), _WHY,
        Field("cite", Many(TEXT), prose=True), Field("decisions", _NAMES, prose=True),
        Field("only", CHOICES),
    )))),
    Field("decides", Many(Record(Decides, (Field("decider", NAME), Field("when", CUBE))))),
    Field("mirror", CHOICES), Field("mirror_values", Entries(CHOICES)),
    Field("told", Many(Record(Told, (Field("node", NAME), Field("columns", _NAMES))))),
    Field("hears", Many(Record(Hears, (
        Field("node", NAME), Field("when", CUBE), Field("learns", _NAMES),
        Field("heard", NAME), Field("lost", NAME), Field("column", NAME), Field("clash", NAME),
    )))),
    Field("serves", Many(Record(Serves, (
        Field("node", NAME), Field("group", NAME), Field("when", _CUBES),
    )))),
    Field("transient", CELLS), Field("may_wait", _CUBES),
    Field("viewpoints", Many(Record(Viewpoint, (
        Field("name", NAME), Field("node1", CUBE), Field("node2", CUBE),
    )))),
    Field("starts", Entries(_NAMES)),
    Field("stories", Many(Record(Story, (
        Field("id", NAME), Field("title", TEXT, prose=True), Field("steps", Many(TEXT)),
        Field("start", NAME), Field("only", CHOICES),
    )))),
    Field("goal", _CUBES), Field("assumptions", Many(TEXT), prose=True),
    Field("situations", Many(_SITUATION)), Field("families", Many(_FAMILY)),
    Field("timers", Many(_TIMER)), Field("parameters", Many(_PARAMETER)),
    Field("actions", Many(_KIND)), Field("agents", Many(_AGENT)),
    Field("words", SPELT, prose=True),
), marks=(("format", FORMAT),))
"""The format, as data: one field per key."""


def dump(model: Model) -> dict[str, Any]:
    """The machine as an object of a machine file; fields that hold their default are left out."""
    wire: dict[str, Any] = MACHINE.dump(model, prose=True)
    return wire


def dumps(model: Model) -> str:
    """The machine as the text of a machine file, with one column, event or rule on each line."""
    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    def lines(value: Any) -> str:
        if isinstance(value, list) and value:
            return "[\n  " + ",\n  ".join(map(line, value)) + "\n]"
        return line(value)

    body = ",\n".join(f"{line(key)}: {lines(value)}" for key, value in dump(model).items())
    return f"{{\n{body}\n}}\n"


@lru_cache(maxsize=16)
def digest(model: Model) -> str:
    """SHA-256 of the canonical JSON without prose, in hexadecimal.

    Canonical: keys sorted, no spaces, ASCII. No step and no proof reads prose: why, says, cite,
        evidence, decisions, phase, assumptions, causes and advice as words.
    """
    wire = MACHINE.dump(model, prose=False)
    text = json.dumps(wire, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def schema() -> dict[str, Any]:
    """The JSON Schema of the format, as it ships in the package."""
    shipped = files("prgcore.wire").joinpath("machine.schema.json").read_text("utf-8")
    described: dict[str, Any] = json.loads(shipped)
    return described


def described() -> dict[str, Any]:
    """The JSON Schema as the format describes it; a test compares it with the shipped file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": FORMAT,
        **MACHINE.schema(),
    }


def load(source: str | bytes | PathLike[str] | Mapping[str, Any]) -> Model:
    """The machine of a machine file, given as a path, as text, as bytes, or as the parsed object.

        load(Path("mine/machine.json"))

    A `str` is the text of a file, never its name.

    Raises:
        BadInput: a file that cannot be read or is larger than 16 MB; not JSON, or JSON that
            cannot be a machine file at all.
        MalformedMachine: all findings of one kind at once: of shape first, then of form, then of
            determinism.
    """
    if isinstance(source, PathLike):
        return _load_file(Path(source))
    raw = source if isinstance(source, Mapping) else _parse(source)
    if not isinstance(raw, Mapping):
        raise BadInput(f"a machine file is a JSON object, not {type(raw).__name__}")
    found = Findings()
    try:
        model = MACHINE.load("", _moved(raw), found)
    except EnoughFindings:
        raise MalformedMachine(found) from None
    if found:
        raise MalformedMachine(found)
    try:
        wrong = findings(model)
        if not wrong:
            model = compiled(evolve(model, columns=flattened(model.columns)))
            wrong = tuple(f"rules: {overlap}" for overlap in overlaps(model))
    except RecursionError:
        raise BadInput("a guard of this machine reads too many derived columns") from None
    if wrong:
        raise MalformedMachine(wrong)
    assert isinstance(model, Model), "BUG: a machine file without findings is a machine"
    return model


def _moved(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """A machine file whose agents say where they serve, with that in the section `serves` (ADR 0050)."""
    agents = raw.get("agents")
    old = [a for a in agents if isinstance(a, Mapping) and isinstance(a.get("serves"), Mapping)] \
        if isinstance(agents, list | tuple) else []
    if not old or "serves" in raw:
        return raw
    assert isinstance(agents, list | tuple), "BUG: agents that are not a list"
    rows = [{"node": a.get("node", "me"), "group": group, "when": [cells]}
            for a in old for group, cells in a["serves"].items()]
    kept = [{k: v for k, v in a.items() if k != "serves"} if a in old else a for a in agents]
    return {**raw, "agents": kept, "serves": rows}


def _load_file(path: Path) -> Model:
    """The machine of a file; an error names the file."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot read {quoted(str(path))}: {reason}; give the path of a machine "
                       "file") from None
    if len(data) > FILE_LIMIT:
        raise BadInput(f"{quoted(str(path))} is larger than {FILE_LIMIT >> 20} MB, the most that "
                       "is read")
    try:
        return load(data)
    except BadInput as error:
        raise BadInput(f"{quoted(str(path))}: {error}") from None


def _parse(source: str | bytes) -> Any:
    if not isinstance(source, str | bytes):
        raise BadInput("a machine file is a path, text or an object, not "
                       f"{type(source).__name__}")
    try:
        text = source.decode("utf-8-sig") if isinstance(source, bytes) else source
    except UnicodeDecodeError as error:
        raise BadInput(f"a machine file is UTF-8 text; byte {error.start} is not") from None
    try:
        return parse_json(text, "the machine file")
    except BadInput as error:
        if "\n" in text or not text.endswith(".json"):
            raise
        raise BadInput(f"{error}; to read the file of this name, give Path({quoted(text)})") \
            from None
