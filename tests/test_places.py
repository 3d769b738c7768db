"""Where rows stand: found in tables, machine files and theorem files, whatever they look like."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prgcore.cli import places
from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.wire.machine_file import dump, dumps, load
from prgcore.wire.sarif import Place
from tests.toys import LAMPS, TURNSTILE

ROOT = Path(__file__).parent.parent


def test_every_row_of_the_tables_is_found_where_it_stands(monkeypatch):
    monkeypatch.chdir(ROOT)
    locate = places.locator(None, (), ())
    model = PRG.model
    promises = (model.invariants, model.accepted_only, model.exclusive, model.only_by)
    wanted = [
        *(("rule", r.id, r.id.partition("@")[0]) for r in model.rules),
        *(("promise", p.id, p.id) for many in promises for p in many),
        *(("event", e.name, e.name.partition("(")[0]) for e in model.events),
    ]
    for kind, name, written in wanted:
        place = locate(kind, name)
        assert place, name
        lines = (ROOT / place.path).read_text(encoding="utf-8").splitlines()
        assert f'"{written}"' in "".join(lines[place.line - 1:place.line + 1]), name
        assert place.path.startswith("prgcore/tables/rules/") == (kind == "rule")
    assert locate("machine", "prg") == Place("prgcore/tables/machine.py")
    assert locate("rule", "S1") is None
    assert locate("theorem", "S1") is None


@pytest.mark.parametrize("model", [LAMPS, TURNSTILE, PRG.model], ids=lambda m: m.name)
@pytest.mark.parametrize("indent", [None, 1])
def test_rows_of_a_machine_file_however_it_is_laid_out(tmp_path, monkeypatch, model, indent):
    monkeypatch.chdir(tmp_path)
    text = dumps(model) if indent is None else json.dumps(dump(model), indent=indent)
    Path("m.json").write_text(text, encoding="utf-8")
    assert load(text) == model
    locate, lines = places.locator("m.json", (), ()), text.splitlines()
    for kind, many, key in (("rule", model.rules, "id"), ("event", model.events, "name"),
                            ("promise", model.invariants, "id")):
        for row in many:
            name = getattr(row, key)
            place = locate(kind, name)
            assert place, name
            assert f'"{key}": {json.dumps(name)}' in lines[place.line - 1]


def test_words_that_look_like_rows_are_not():
    text = json.dumps({
        "says": '"rules": [{"id": "A"}]', "mirror": {"id": "B"}, "rules": [
            {"why": '{"id": "C"}', "when": {"id": ["D"]}, "then": {"id": {"id": "E"}},
             "id": 'F\u00e9\n"', "cite": ["id", "G"]}],
        "stories": [{"id": "H"}], "events": [{"id": "I", "name": "J"}],
    }, indent=0)
    assert [(kind, name) for kind, name, _ in places.machine_file(text)] \
        == [("rule", 'F\u00e9\n"'), ("event", "J")]


def test_rows_of_python_however_they_are_written():
    text = ("Rule('A')\nRule(\n\n  \"B\",\n)\nRule( id = 'C')\nmodel.Rule('D')\nmade('E')\n"
            "MyRule('F')\nEvent(name='G')\nRule(name)\nRule(f'{x}')\nRule('H\")")
    assert [(kind, name, text.count("\n", 0, place) + 1)
            for kind, name, place in places.python(text)] == [
        ("rule", "A", 1), ("rule", "B", 2), ("rule", "C", 6), ("rule", "D", 7), ("", "E", 8),
        ("", "F", 9), ("event", "G", 10)]


@pytest.mark.parametrize("text", [
    "(" * 300_000, "a" * 300_000, "Rule(" + " " * 300_000, "Rule('" + "a" * 300_000, "[" * 300_000,
    "[" + " " * 300_000, "\n [" * 100_000, '"' + "\\" * 300_001, '{"a":' * 100_000, ":,{}[]" * 50_000,
], ids=range(10))
def test_hostile_text_is_looked_at_once(text):
    for look in (places.python, places.theorems, places.machine_file):
        assert len(list(look(text))) <= 100_000


def test_a_source_that_is_too_large_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with Path("large.py").open("wb") as file:
        file.truncate(17 << 20)
    with pytest.raises(BadInput, match="larger than 16 MB"):
        places.locator("-", ["large.py"], ())
