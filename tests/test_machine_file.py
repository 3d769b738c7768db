"""The machine file: lossless, described by its schema, and never surprised by what it reads."""

from __future__ import annotations

import importlib.util
import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from prgcore.errors import BadInput, MalformedMachine
from prgcore.machine import prg
from prgcore.model import Model
from prgcore.wire import digest, dump, dumps, load, schema
from prgcore.wire.grammar import ENOUGH, Either, Entries, Many, Record
from prgcore.wire.jsontext import FILE_LIMIT
from prgcore.wire.machine_file import MACHINE, described
from tests.toys import LAMPS, TURNSTILE

ROOT = Path(__file__).parent.parent
MODELS = [TURNSTILE, LAMPS, prg().model, prg(reconnection="keep_serving").model]
IDS = ["turnstile", "lamps", "prg", "prg-keep-serving"]


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_round_trip_loses_nothing(model: Model) -> None:
    text = dumps(model)
    again = load(text)
    assert again == model
    assert dumps(again) == text
    assert load(text.encode()) == load(json.loads(text)) == model
    assert [c.says for c in again.columns] == [c.says for c in model.columns]
    assert [e.says for e in again.events] == [e.says for e in model.events]


@pytest.mark.parametrize("model", MODELS, ids=IDS)
def test_the_schema_accepts_what_is_written(model: Model) -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(json.loads(dumps(model)), schema())


def test_the_shipped_schema_is_the_one_that_the_format_describes() -> None:
    shipped = ROOT / "prgcore" / "wire" / "machine.schema.json"
    if os.environ.get("PRGCORE_REWRITE") == "1":
        shipped.write_text(json.dumps(described(), indent=1) + "\n", "utf-8")
    assert schema() == described()


def _records(codec: Any) -> list[Record]:
    match codec:
        case Record():
            return [codec, *(r for f in codec.fields for r in _records(f.codec))]
        case Either():
            return [r for record in codec.records for r in _records(record)]
        case Many() | Entries():
            return _records(codec.item)
        case _:
            return []


def test_no_field_of_the_model_is_left_out() -> None:
    named: dict[type, set[str]] = {}
    for record in _records(MACHINE):
        named.setdefault(record.shape, set()).update(f.name for f in record.fields)
    assert {shape: set(attrs.fields_dict(shape)) for shape in named} == named


def test_the_file_is_as_the_contract_says() -> None:
    wire = dump(prg().model)
    assert wire["format"] == "prgcore-machine/1"
    rule = next(r for r in wire["rules"] if r["id"] == "M100@node1")
    assert rule["outcome"] == "done"
    assert rule["when"]["node1.state"] == ["normal"]
    assert rule["then"]["node1.state"] == {"const": "failing_over"}
    assert rule["actions"][0] == {"do": "stop_critical_services", "node": "node1"}
    failed = next(e for e in wire["events"] if e["name"] == "takeover_failed(node1)")
    assert failed["success"] is False
    health = next(c for c in wire["columns"] if c["name"] == "node1.health")
    assert (health["kind"], health["from"]) == ("derived", ["node1.services", "node1.database"])
    assert [["up", "up"], "healthy"] in health["table"]
    assert wire["mirror"]["node1.state"] == "node2.state"
    assert dump(LAMPS)["rules"][0]["then"]["spare"] == {"copy": "switch"}
    assert dump(LAMPS)["rules"][2]["then"]["node1.lamp"] == {
        "by": "switch", "map": {"on": "on", "off": "off"},
    }


def test_a_file_may_list_its_derived_columns_first() -> None:
    from prgcore.machine import Machine
    from prgcore.prove.report import prove

    wire = dump(LAMPS)
    wire["columns"].sort(key=lambda c: c["kind"])
    assert wire["columns"][0]["kind"] == "derived"
    turned, usual = Machine(load(wire)), Machine(LAMPS)
    assert turned.stored == usual.stored
    assert turned.initial == usual.initial
    assert turned.plan(turned.initial[0]).events == usual.plan(usual.initial[0]).events
    assert [(r.id, r.verdict) for r in prove(turned).results] == [
        (r.id, r.verdict) for r in prove(usual).results]


# --------------------------------------------------------------------------------- digest


def test_the_digest_is_of_the_machine_and_not_of_its_prose() -> None:
    rule, *rest = LAMPS.rules
    retold = evolve(
        LAMPS, rules=(evolve(rule, why="said otherwise", cite="elsewhere"), *rest),
        assumptions=("another",),
        invariants=tuple(evolve(i, says="!", why="!") for i in LAMPS.invariants),
        situations=tuple(evolve(s, cause="!", literal="!") for s in LAMPS.situations),
    )
    changed = evolve(LAMPS, rules=tuple(rest))
    assert digest(retold) == digest(LAMPS) == digest(load(dumps(LAMPS)))
    assert digest(changed) != digest(LAMPS)
    assert len(digest(LAMPS)) == 64


def test_a_column_may_be_called_like_a_key_of_prose() -> None:
    def named(value: str) -> Model:
        text = dumps(TURNSTILE).replace('"arm"', '"why"').replace("locked", value)
        return load(text)

    assert digest(named("shut")) != digest(named("closed"))


def test_every_policy_has_its_own_digest() -> None:
    assert digest(MODELS[2]) != digest(MODELS[3])


# --------------------------------------------------------------------------------- errors


def _broken(change: Any) -> dict[str, Any]:
    wire = json.loads(dumps(TURNSTILE))
    change(wire)
    return wire


WRONG = [
    (lambda w: w.pop("rules"), "machine: no 'rules'"),
    (lambda w: w.pop("format"), "machine: no 'format'; expected 'prgcore-machine/1'"),
    (lambda w: w.update(format="prgcore-machine/2"),
     "format: expected 'prgcore-machine/1', not text 'prgcore-machine/2'"),
    (lambda w: w.update(rulez=[]), "machine: unknown key 'rulez'; did you mean rules?"),
    (lambda w: w.update(rules={}), "rules: expected a list, not an object"),
    (lambda w: w.update(rules=[1]), "rules[0]: expected an object, not number 1"),
    (lambda w: w.update(name=None), "name: expected a name, not null"),
    (lambda w: w.update(name=""), "name: a name is 1 to 200 printable characters, not ''"),
    (lambda w: w.update(name="a\nb"), "name: a name is 1 to 200 printable characters, not 'a\\nb'"),
    (lambda w: w.update(name="\ud800"),
     "name: half a character (a lone surrogate), which cannot be written"),
    (lambda w: w["rules"][0].update(outcome="don"),
     "rules[0].outcome: unknown word 'don'; did you mean done?"),
    (lambda w: w["rules"][0].update(when=[]), "rules[0].when: expected an object, not a list"),
    (lambda w: w["rules"][0]["when"].update(arm="open"),
     "rules[0].when.arm: expected a list, not text 'open'"),
    (lambda w: w["rules"][0]["when"].update(arm=[True]),
     "rules[0].when.arm[0]: expected a name, not flag True"),
    (lambda w: w["rules"][0]["then"].update(arm={}),
     ('rules[0].then.arm: expected {"const": value}, {"copy": column} or '
     '{"by": column, "map": {value: value}}')),
    (lambda w: w["rules"][0]["then"].update(arm={"const": "open", "copy": "arm"}),
     "rules[0].then.arm: unknown key 'copy'; did you mean const?"),
    (lambda w: w["columns"][0].update(kind="stroed"),
     'columns[0]: expected a column of "kind" "stored" or "derived"'),
    (lambda w: w["events"][0].update(success=1),
     "events[0].success: expected true or false, not number 1"),
    (lambda w: w["columns"].append({
        "kind": "derived", "name": "x", "domain": ["a"], "from": ["arm"], "table": [["open"]]}),
     "columns[1].table[0]: expected [[values of the sources], value], not a list"),
    (lambda w: w.update(situations=[{"row": "1", "display": ["a"]}]),
     "situations[0].display: expected 4 items, not 1"),
    (lambda w: w["rules"][0]["when"].update(leg=["open"]),
     "rules[0].when.leg: unknown column 'leg'; known: arm"),
    (lambda w: w["rules"].append({**w["rules"][1], "id": "T9"}),
     "rules: T2 and T9 both answer push where arm=open; narrow the cells of one of them"),
]


@pytest.mark.parametrize(("change", "line"), WRONG, ids=[line[:48] for _, line in WRONG])
def test_a_finding_has_its_place(change: Any, line: str) -> None:
    with pytest.raises(MalformedMachine) as caught:
        load(_broken(change))
    assert line in caught.value.findings


def test_findings_come_all_at_once() -> None:
    def change(wire: dict[str, Any]) -> None:
        wire["rules"][0]["when"]["arm"] = 1
        wire["events"][1]["kind"] = "fualt"
        del wire["initial"]

    with pytest.raises(MalformedMachine, match="3 findings in the machine"):
        load(_broken(change))


HOSTILE = [
    ("", "the machine file is empty; a JSON object is expected"),
    ("{", "the machine file is not JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
    (b"\xff\xfe\x00", "a machine file is UTF-8 text; byte 0 is not"),
    ("[]", "a machine file is a JSON object, not list"),
    ("NaN", "the machine file: NaN is not JSON"),
    ('{"name": -Infinity}', "the machine file: -Infinity is not JSON"),
    ('{"name": "a", "name": "b"}', "the machine file: the key 'name' is given twice"),
    ("[" * 10_000_000, "the machine file is nested too deeply to be read"),
    ('{"a":' * 1_000_000, "the machine file is nested too deeply to be read"),
    ('{"name": ' + "9" * 10_000 + "}", "the machine file is not JSON that can be read: a number has too many digits"),
    (7, "a machine file is a path, text or an object, not int"),
    (None, "a machine file is a path, text or an object, not NoneType"),
    ("mine/pair.json", "the machine file is not JSON: Expecting value at line 1, column 1; to read the file of this name, give Path('mine/pair.json')"),
]


@pytest.mark.parametrize(("source", "line"), HOSTILE, ids=[line[:40] for _, line in HOSTILE])
def test_what_is_no_machine_file_is_bad_input(source: Any, line: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(source)
    assert str(caught.value) == line


def test_a_machine_is_loaded_from_its_path(tmp_path: Path) -> None:
    file = tmp_path / "machine.json"
    file.write_text(dumps(TURNSTILE), "utf-8")
    assert load(file) == TURNSTILE
    file.write_bytes(b"\xef\xbb\xbf" + dumps(TURNSTILE).encode())
    assert load(file) == TURNSTILE
    file.write_text("{}", "utf-8")
    with pytest.raises(MalformedMachine):
        load(file)


@pytest.mark.parametrize(("content", "line"), [
    (None, r"cannot read '.*machine\.json': No such file or directory; give the path of a machine"),
    ("folder", r"cannot read '.*machine\.json': Is a directory; give the path of a machine file"),
    (b"\x7fELF\x02\xff\xfe", r"'.*machine\.json': a machine file is UTF-8 text; byte 5 is not"),
    (b"", r"'.*machine\.json': the machine file is empty; a JSON object is expected"),
    (b"x = 1\n", r"'.*machine\.json': the machine file is not JSON: Expecting value at line 1, column 1"),
    (b"[]", r"'.*machine\.json': a machine file is a JSON object, not list"),
    (b" " * (FILE_LIMIT + 1), r"'.*machine\.json' is larger than 16 MB, the most that is read"),
], ids=["missing", "folder", "binary", "empty", "program", "list", "huge"])
def test_what_cannot_be_read_of_a_path_is_one_line(
    tmp_path: Path, content: bytes | str | None, line: str
) -> None:
    file = tmp_path / "machine.json"
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif content is not None:
        file.mkdir()
    with pytest.raises(BadInput, match=f"^{line}") as error:
        load(file)
    assert "\n" not in str(error.value)


def test_a_path_that_no_system_takes_is_bad_input() -> None:
    with pytest.raises(BadInput, match=r"^cannot read '.*null byte"):
        load(Path("a\0b"))


def test_a_file_that_is_wrong_everywhere_is_not_read_to_its_end() -> None:
    with pytest.raises(MalformedMachine) as caught:
        load(_broken(lambda w: w.update(rules=[0] * 100_000)))
    assert len(caught.value.findings) == ENOUGH + 1
    assert caught.value.findings[-1] == f"machine: not read further after {ENOUGH} findings"


def test_a_guard_of_too_many_derived_columns_is_bad_input() -> None:
    def change(wire: dict[str, Any]) -> None:
        names = [f"d{i}" for i in range(2000)]
        wire["columns"] += [
            {"kind": "derived", "name": n, "domain": ["a", "b"], "from": ["arm"],
             "table": [[["locked"], "a"], [["open"], "b"]]} for n in names
        ]
        wire["rules"][0]["when"] = {n: ["a"] for n in names}

    with pytest.raises(BadInput, match="a guard of this machine reads too many derived columns"):
        load(_broken(change))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_anywhere_the_answer_is_a_machine_or_an_error(data: st.DataObject) -> None:
    wire: Any = json.loads(dumps(LAMPS))
    at, steps = wire, []
    while isinstance(at, dict | list) and at and (not steps or data.draw(st.integers(0, 3))):
        key = data.draw(st.sampled_from(sorted(at) if isinstance(at, dict) else range(len(at))))
        steps.append((at, key))
        at = at[key]
    assert all(one[0][one[1]] is two[0] for one, two in pairwise(steps))
    holder, key = steps[-1]
    holder[key] = data.draw(_JSON)
    answer = _answer(wire)
    if isinstance(answer, Model):
        assert load(dumps(answer)) == answer
    else:
        assert all(": " in line for line in answer.findings)
        assert str(answer).encode()


def _answer(wire: Any) -> Model | MalformedMachine:
    try:
        return load(wire)
    except MalformedMachine as error:
        return error


# ------------------------------------------------------------------------------- outsider


def _outsider() -> Any:
    spec = importlib.util.spec_from_file_location("outsider", ROOT / "examples" / "outsider.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_outsider_shares_no_code() -> None:
    source = (ROOT / "examples" / "outsider.py").read_text("utf-8")
    imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert imports == [
        "from __future__ import annotations", "import json", "import sys",
        "from pathlib import Path",
    ]


def test_the_outsider_reaches_what_the_engine_reaches() -> None:
    from prgcore.engine import Engine
    from prgcore.errors import ImpossibleEvent
    from prgcore.vocabulary import Outcome

    engine = Engine(prg().model)
    stranger = _outsider().Stranger(json.loads(dumps(engine.model)))
    level, seen = set(stranger.initial), set(stranger.initial)
    while len(seen) < 500:
        after = set()
        for values in level:
            pair = engine.pair(dict(zip(stranger.stored, values, strict=True)))
            ours = set()
            for event in engine.model.events:
                try:
                    decision = engine.step(pair, event.name)
                except ImpossibleEvent:
                    continue
                if decision.outcome is Outcome.DONE:
                    ours.add(decision.pair.values_)
            assert stranger.successors(values) == ours
            after |= ours
        level = after - seen
        seen |= level


def test_the_outsider_searches_a_toy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "turnstile.json"
    file.write_text(dumps(TURNSTILE), "utf-8")
    monkeypatch.setattr("sys.argv", ["outsider.py", str(file)])
    _outsider().main()
    assert capsys.readouterr().out == "2 pairs, 1 displays\n"
