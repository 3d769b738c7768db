"""SARIF: every failure stands at the line of the rule that is to blame, and nothing else is said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

import prgcore
from prgcore.cli import places
from prgcore.machine import PRG, Machine
from prgcore.prove.report import prove
from prgcore.wire.sarif import Place, sarif
from tests.toys import LAMPS, TURNSTILE

ROOT = Path(__file__).parent.parent
PAIR = (files("prgcore") / "template" / "pair.py").read_text("utf-8")
LEASE = ('"me.lease": "yes", "peer.lease": "no",', '"me.lease": "yes",')
"""Takes out of P100 that the peer loses the lease: S2 is refuted."""

TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string",
                                                                      "minLength": 1}}}
LOCATION = {
    "type": "object", "additionalProperties": False, "required": ["logicalLocations"],
    "properties": {
        "id": {"type": "integer", "minimum": 0}, "message": TEXT,
        "logicalLocations": {"type": "array", "minItems": 1, "items": {
            "type": "object", "additionalProperties": False,
            "properties": {
                key: {"type": "string"} for key in ("name", "fullyQualifiedName", "kind")},
        }},
        "physicalLocation": {
            "type": "object", "additionalProperties": False,
            "required": ["artifactLocation", "region"],
            "properties": {
                "region": {"type": "object", "additionalProperties": False, "properties": {
                    "startLine": {"type": "integer", "minimum": 1}}},
                "artifactLocation": {
                    "type": "object", "additionalProperties": False, "required": ["uri"],
                    "properties": {"uri": {"type": "string", "pattern": r"^[!-~]+$"},
                                   "uriBaseId": {"const": "SRCROOT"}},
                },
            },
        },
    },
}
SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["version", "runs"],
    "properties": {
        "$schema": {"type": "string"}, "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "maxItems": 1, "items": {
            "type": "object", "additionalProperties": False, "required": ["tool", "results"],
            "properties": {
                "automationDetails": {"type": "object"}, "properties": {"type": "object"},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "tool": {"type": "object", "required": ["driver"], "properties": {"driver": {
                    "type": "object", "additionalProperties": False, "required": ["name"],
                    "properties": {
                        "name": {"const": "prgcore"}, "semanticVersion": {"type": "string"},
                        "informationUri": {"type": "string", "pattern": "^https://"},
                        "rules": {"type": "array", "uniqueItems": True, "items": {
                            "type": "object", "additionalProperties": False,
                            "required": ["id", "shortDescription", "fullDescription", "help"],
                            "properties": {
                                "id": {"type": "string"}, "shortDescription": TEXT, "help": TEXT,
                                "fullDescription": TEXT,
                                "helpUri": {"type": "string", "pattern": "^https://"},
                                "properties": {"type": "object"},
                                "defaultConfiguration": {"type": "object", "properties": {
                                    "level": {"enum": ["none", "note", "warning", "error"]}}},
                            },
                        }},
                    },
                }}},
                "results": {"type": "array", "items": {
                    "type": "object", "additionalProperties": False,
                    "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
                    "properties": {
                        "ruleId": {"type": "string"}, "level": {"const": "error"},
                        "ruleIndex": {"type": "integer", "minimum": 0}, "message": TEXT,
                        "locations": {"type": "array", "minItems": 1, "maxItems": 1,
                                      "items": LOCATION},
                        "relatedLocations": {"type": "array", "uniqueItems": True,
                                             "items": LOCATION},
                        "partialFingerprints": {"type": "object", "minProperties": 1,
                                                "additionalProperties": {"type": "string"}},
                        "properties": {"type": "object"},
                        "codeFlows": {"type": "array", "minItems": 1, "items": {
                            "type": "object", "required": ["threadFlows"],
                            "properties": {"threadFlows": {"type": "array", "minItems": 1, "items": {
                                "type": "object", "required": ["locations"],
                                "properties": {"locations": {"type": "array", "minItems": 1, "items": {
                                    "type": "object", "additionalProperties": False,
                                    "required": ["location"], "properties": {"location": LOCATION},
                                }}},
                            }}},
                        }},
                    },
                }},
            },
        }},
    },
}
"""What of SARIF 2.1.0 is used, and nothing beside it; the official schema allows all of this."""


def checked(text):
    log = json.loads(text)
    jsonschema.Draft202012Validator(SCHEMA).validate(log)
    (one,) = log["runs"]
    for result in one["results"]:
        assert one["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert len({r["id"] for r in one["tool"]["driver"]["rules"]}) \
        == len(one["tool"]["driver"]["rules"])
    return one


def at(location):
    """`file:line` of a location; empty where it has none."""
    if "physicalLocation" not in location:
        return ""
    place = location["physicalLocation"]
    return f"{place['artifactLocation']['uri']}:{place['region']['startLine']}"


def line_of(file, mark):
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    (number,) = (n for n, line in enumerate(lines, 1) if mark in line)
    return f"{file}:{number}"


@pytest.fixture
def mine(run, tmp_path, monkeypatch):
    """A machine of one's own, broken as `edits` say, and the current directory in it."""

    def make(*edits):
        monkeypatch.chdir(tmp_path)
        assert run("init", "mine").code == 0
        monkeypatch.chdir(tmp_path / "mine")
        text = PAIR
        for old, new in edits:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        Path("pair.py").write_text(text, encoding="utf-8")
        subprocess.run([sys.executable, "pair.py"], check=True, timeout=60)
        return tmp_path / "mine"

    return make


def reported(run, *words, code=1, stdin=b""):
    answer = run("prove", *words, "--sarif", "out.sarif", stdin=stdin)
    assert (answer.code, answer.err) == (code, "")
    return checked(Path("out.sarif").read_text(encoding="utf-8"))


# -------------------------------------------------------------------- a machine of one's own


def test_a_refuted_promise_points_at_the_row_of_the_machine_file(run, mine):
    mine(LEASE)
    (result,) = reported(run, "--machine", "machine.json", "--only", "S2")["results"]
    guilty = result["locations"][0]["logicalLocations"][0]
    assert re.fullmatch(r"P100@node[12]", guilty["name"])
    assert at(result["locations"][0]) == line_of("machine.json", f'"id": "{guilty["name"]}"')
    (promise,) = result["relatedLocations"]
    assert at(promise) == line_of("machine.json", '"id": "S2"')
    assert result["message"]["text"].startswith("Refuted: the lease is granted to one node\n")
    assert "Broken: the lease is granted to one node." in result["message"]["text"]


def test_with_its_source_at_the_row_of_the_python(run, mine):
    mine(LEASE)
    words = ("--machine", "machine.json", "--only", "S2", "--source", "pair.py")
    (result,) = reported(run, *words)["results"]
    assert at(result["locations"][0]) == line_of("pair.py", 'Rule("P100"')
    assert at(result["relatedLocations"][0]) == line_of("pair.py", 'Invariant("S2"')
    (flow,) = result["codeFlows"][0]["threadFlows"]
    steps = [step["location"] for step in flow["locations"]]
    counterexample = json.loads(run("prove", "--machine", "machine.json", "--only", "S2",
                                    "--json").out)["obligations"][0]["counterexample"]
    assert [s["message"]["text"].partition(": ")[0] for s in steps] == counterexample["trace"]
    for step in steps:
        rule = step["message"]["text"].partition(": ")[2]
        assert at(step) == line_of("pair.py", f'Rule("{rule.partition("@")[0]}"')


def test_what_source_does_not_say_is_found_in_the_machine_file(run, mine):
    mine(LEASE)
    Path("half.py").write_text('Invariant(\n  id="S2", says="")\n# Rule("P999"', encoding="utf-8")
    words = ("--machine", "machine.json", "--only", "S2", "--source", "half.py")
    (result,) = reported(run, *words)["results"]
    assert at(result["locations"][0]).startswith("machine.json:")
    assert at(result["relatedLocations"][0]) == "half.py:1"


def test_a_hole_points_at_the_event_that_nobody_answers(run, mine):
    (p104,) = re.findall(r'    Rule\("P104".*?of the lease"\),\n', PAIR, re.DOTALL)
    mine((p104, ""))
    words = ("--machine", "machine.json", "--only", "F2", "--source", "pair.py")
    (result,) = reported(run, *words)["results"]
    assert at(result["locations"][0]) == line_of("pair.py", 'Event("promotion_failed"')
    assert result["codeFlows"][0]["threadFlows"][0]["locations"][-1]["location"]["message"]["text"] \
        .endswith(": no rule answers, or more than one")


def test_a_weaker_adversary_points_at_its_event_and_not_at_the_last_rule(run, mine):
    """Nothing that fired on the way to the pair is to blame."""
    mine(('Possible("crash", {"me.host": "on"})',
          'Possible("crash", {"me.host": "on", "me.state": "standby"})'))
    words = ("--machine", "machine.json", "--only", "F10", "--source", "pair.py")
    (result,) = reported(run, *words)["results"]
    (location,) = result["locations"]
    assert location["message"]["text"] == "event crash(node1)"
    assert at(location) == line_of("pair.py", 'Event("crash"')
    assert "crash(node1) must be possible where" in result["message"]["text"].replace("\n", " ")


def test_dead_rules_are_all_named(run, mine):
    mine(('Rule("P106", "recover", {"me.state": "failed", "me.host": "on"}',
          'Rule("P106", "recover", {"me.state": "failed", "me.lease": "yes"}'))
    words = ("--machine", "machine.json", "--only", "F4", "--source", "pair.py")
    (result,) = reported(run, *words)["results"]
    places_ = [result["locations"][0], *result["relatedLocations"]]
    assert [p["logicalLocations"][0]["name"] for p in places_] == ["P106@node1", "P106@node2"]
    assert {at(p) for p in places_} == {line_of("pair.py", 'Rule("P106"')}


def test_a_theorem_points_at_the_rule_and_at_its_header(run, mine):
    mine(LEASE)
    Path("theorems").mkdir()
    Path("theorems/lease.toml").write_text(
        '# [one] is no header\n\n[ "one lease" ]\nsays = "one"\n'
        'never = [{ "node1.lease" = "yes", "node2.lease" = "yes" }]\n'
        '[empty]\nsays = "both fail at once"\n'
        'reachable = [{ "node1.state" = "promoting", "node1.lease" = "no" }]\n', encoding="utf-8")
    found = reported(run, "theorems", "--machine", "machine.json", "--source", "pair.py")
    lease, empty = found["results"]
    assert at(lease["locations"][0]) == line_of("pair.py", 'Rule("P100"')
    assert at(lease["relatedLocations"][0]) == "theorems/lease.toml:3"
    assert at(empty["locations"][0]) in ("theorems/lease.toml:6", line_of("pair.py", 'Rule("P100"'))
    assert all("reading-a-counterexample.md" in r["help"]["text"]
               for r in found["tool"]["driver"]["rules"])


def test_what_is_proved_is_a_rule_of_the_tool_and_no_result(run, mine):
    mine()
    only = [w for id_ in ("F1", "S1", "S4", "C1") for w in ("--only", id_)]
    found = reported(run, "--machine", "machine.json", "--source", "pair.py", *only, code=0)
    assert found["results"] == []
    told = {r["id"]: r["help"]["text"] for r in found["tool"]["driver"]["rules"]}
    assert list(told) == ["F1", "S1", "S4"]
    assert "docs/reading-a-counterexample.md" in told["S1"]
    assert "docs/reference/obligations.md#f1" in told["F1"]


def test_a_machine_from_standard_input_has_names_and_no_places(run, mine):
    mine(LEASE)
    text = Path("machine.json").read_text(encoding="utf-8")
    (result,) = reported(run, "--machine", "-", "--only", "S2", stdin=text)["results"]
    assert at(result["locations"][0]) == ""
    assert result["locations"][0]["logicalLocations"][0]["name"].startswith("P100@")


def test_elsewhere_on_the_disk_the_address_is_whole(run, mine, tmp_path, monkeypatch):
    directory = mine(LEASE)
    (tmp_path / "a b%").mkdir()
    monkeypatch.chdir(tmp_path / "a b%")
    words = ("--machine", directory / "machine.json", "--only", "S2")
    (result,) = reported(run, *words)["results"]
    artifact = result["locations"][0]["physicalLocation"]["artifactLocation"]
    assert artifact == {"uri": (directory / "machine.json").as_uri()}
    monkeypatch.chdir(tmp_path)
    Path("a b%/machine.json").write_bytes((directory / "machine.json").read_bytes())
    (result,) = reported(run, "--machine", "mine/../a b%/machine.json", "--only", "S2")["results"]
    assert at(result["locations"][0]).startswith("a%20b%25/machine.json:")


def test_it_is_the_same_in_every_process_and_its_fingerprint_when_lines_move(run, mine):
    mine(LEASE)
    words = ["prove", "--machine", "machine.json", "--source", "pair.py", "--only", "S2",
             "--only", "S3", "--sarif"]
    texts = set()
    for seed in "12":
        subprocess.run([sys.executable, "-m", "prgcore", *words, f"{seed}.sarif"], timeout=60,
                       capture_output=True, check=False, env={**os.environ, "PYTHONHASHSEED": seed})
        texts.add(Path(f"{seed}.sarif").read_text(encoding="utf-8"))
    (text,) = texts
    before = {r["ruleId"]: r for r in checked(text)["results"]}
    Path("pair.py").write_text("\n\n" + Path("pair.py").read_text("utf-8"), encoding="utf-8")
    after = {r["ruleId"]: r for r in reported(run, *words[1:-1])["results"]}
    assert {i: r["partialFingerprints"] for i, r in before.items()} \
        == {i: r["partialFingerprints"] for i, r in after.items()}
    assert at(before["S2"]["locations"][0]) != at(after["S2"]["locations"][0])
    prints = [*(r["partialFingerprints"]["prgcoreObligation/v1"] for r in before.values())]
    assert len(set(prints)) == len(prints)


# ---------------------------------------------------------------------- the built-in machine


def test_a_theorem_of_the_built_in_machine_leads_into_its_tables(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    file = tmp_path / "false.toml"
    file.write_text('[never-on]\nsays = "never on"\nnever = [{ ha = "on" }]\n', encoding="utf-8")
    done = PRG.step(PRG.initial[0], "enable_ha")
    answer = {"machine": "d", "obligations": [{**told("never-on", "refuted"), "counterexample": {
        "before": dict(PRG.initial[0]), "event": "enable_ha", "rule": done.rule.id, "story": "on",
        "after": dict(done.pair), "reachable": True, "trace": ["enable_ha"] * 2}}]}
    one = checked(sarif([(PRG, answer)], places.locator(None, (), [file]), "1", documented=True))
    (result,) = one["results"]
    place = line_of("prgcore/tables/rules/settings.py", '"A100", "enable_ha"')
    assert abs(int(at(result["locations"][0]).rpartition(":")[2])
               - int(place.rpartition(":")[2])) <= 1
    assert at(result["locations"][0]).startswith("prgcore/tables/rules/settings.py:")
    assert at(result["relatedLocations"][0]) == f"{file.as_uri()}:1"
    (flow,) = result["codeFlows"][0]["threadFlows"]
    assert [s["location"]["message"]["text"] for s in flow["locations"]] == ["enable_ha: A100", "enable_ha: refused"]
    assert "reading-a-counterexample.md" in one["tool"]["driver"]["rules"][0]["help"]["text"]


@pytest.mark.parametrize("wrong", [
    {"trace": ["recover"]}, {"after": {}}, {"trace": ["nonsense"]}, {"reachable": False},
    {"reachable": False, "before": {}, "trace": []}, {"trace": ["link_repair"]},
])
def test_a_way_that_is_not_replayed_is_not_shown(wrong):
    done = PRG.step(PRG.initial[0], "enable_ha")
    shown = {"before": {}, "event": "enable_ha", "rule": "A100", "story": "on",
             "after": dict(done.pair), "reachable": True, "trace": ["enable_ha"]}
    answer = {"machine": "d", "obligations": [
        {**told("Q", "refuted"), "counterexample": {**shown, **wrong}}]}
    (result,) = checked(sarif([(PRG, answer)], lambda *_: None, "1"))["results"]
    assert "codeFlows" not in result


def test_pages_of_the_reference_are_named_where_they_are_about_the_machine():
    answer = {"machine": "d", "policy": {"reconnection": "fail"}, "obligations": [
        told("S1", "refuted", says="M100@node1 and M110@node2 meet"), told("F9", "proved")]}
    one = checked(sarif([(PRG, answer)], lambda *_: None, "1.0.0", documented=True))
    assert "docs/reference/obligations.md#s1" in one["tool"]["driver"]["rules"][0]["help"]["text"]
    text = one["results"][0]["message"]["text"]
    assert text.startswith("Refuted: a sentence of S1 (reconnection=fail)")
    assert one["tool"]["driver"]["semanticVersion"] == "1.0.0"


def test_rules_lead_to_their_pages_if_the_address_of_the_manual_is_known():
    answer = {"machine": "d", "policy": {}, "obligations": [told("S1", "refuted")]}
    manual = "https://git.example.org/you/prgcore/blob/v1/docs/index.md"
    one = checked(sarif([(PRG, answer)], lambda *_: None, "1", documented=True, manual=manual))
    driver = one["tool"]["driver"]
    assert driver["informationUri"] == manual
    assert driver["rules"][0]["helpUri"] == (
        "https://git.example.org/you/prgcore/blob/v1/docs/reference/obligations.md#s1")
    without = checked(sarif([(PRG, answer)], lambda *_: None, "1"))["tool"]["driver"]
    assert "informationUri" not in without
    assert "helpUri" not in without["rules"][0]


@pytest.mark.parametrize("id_", ["R", "Refuted", "Refuted:", "refuted", "t", "the proof", "S1", "x y"])
def test_no_message_begins_with_the_id_of_its_rule(id_):
    """A reader that prints the id first cuts the text that begins with it."""
    answer = {"machine": "d", "policy": {}, "obligations": [told(id_, "refuted")]}
    (result,) = checked(sarif([(PRG, answer)], lambda *_: None, "1"))["results"]
    assert not result["message"]["text"].startswith(id_)
    assert f"efuted: a sentence of {id_}" in result["message"]["text"]


# -------------------------------------------------------------------------- any other machine


def told(id_, verdict, **detail):
    return {"id": id_, "title": f"a sentence of {id_}", "verdict": verdict, "method": "search",
            "assumptions": ["A-LIN: one record"], "detail": detail}


@pytest.mark.parametrize("verdict", ["refuted", "unknown", "vacuous", "disagree"])
def test_every_verdict_that_fails_is_an_error(verdict):
    engine = Machine(TURNSTILE)
    answer = {"machine": "d", "obligations": [told("Q", verdict), told("R", "reported")]}
    one = checked(sarif([(engine, answer)], lambda *_: None, "1"))
    (result,) = one["results"]
    assert (result["level"], result["properties"]["verdict"]) == ("error", verdict)
    assert result["message"]["text"] == f"{verdict.capitalize()}: a sentence of Q"
    assert result["locations"] == [{
        "logicalLocations": [
            {"name": "Q", "fullyQualifiedName": "turnstile/Q", "kind": "obligation"}],
        "message": {"text": "obligation Q"},
    }]


def test_where_nobody_is_to_blame_it_is_the_file_of_the_machine():
    answer = {"machine": "d", "obligations": [told("Q", "unknown", says="the solver gave up")]}
    one = checked(sarif([(Machine(LAMPS), answer)],
                        lambda kind, _: Place("lamps.json") if kind == "machine" else None, "1"))
    assert at(one["results"][0]["locations"][0]) == "lamps.json:1"


def test_rules_that_a_failure_names_are_found_in_its_words():
    answer = {"machine": "d", "obligations": [
        told("Q", "disagree", table=["T1 T3"], solver="(T2), and T2. no T22 nor XT1")]}
    one = checked(sarif([(Machine(TURNSTILE), answer)],
                        lambda kind, name: Place("t", int(name[1:])) if kind == "rule" else None, "1"))
    (result,) = one["results"]
    assert at(result["locations"][0]) == "t:1"
    assert [at(o) for o in result["relatedLocations"]] == ["t:3", "t:2"]


def test_many_machines_are_one_run_whose_failures_tell_them_apart():
    engine = Machine(TURNSTILE)
    answers = [(engine, {"machine": c, "policy": {"colour": c}, "obligations": [told("Q", v)]})
               for c, v in (("red", "proved"), ("blue", "refuted"), ("green", "refuted"))]
    one = checked(sarif(answers, lambda *_: None, "1"))
    assert [r["id"] for r in one["tool"]["driver"]["rules"]] == ["Q"]
    assert [r["partialFingerprints"]["prgcoreObligation/v1"] for r in one["results"]] \
        == ["turnstile/Q/colour=blue/", "turnstile/Q/colour=green/"]
    assert one["properties"]["machines"] == ["red", "blue", "green"]


def test_a_report_of_a_toy_is_valid_as_it_stands():
    engine = Machine(LAMPS)
    report = prove(engine).to_json()
    one = checked(sarif([(engine, report)], lambda *_: None, prgcore.__version__))
    assert {r["ruleId"] for r in one["results"]} == {
        o["id"] for o in report["obligations"] if o["verdict"] in
        ("refuted", "unknown", "vacuous", "disagree")}


# ------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(("words", "said"), [
    (("--source", "pair.py"), "--source says in --sarif where the rows of --machine stand"),
    (("--source", "pair.py", "--sarif", "o"), "give both"),
    (("--machine", "machine.json", "--source", "pair.py"), "give both"),
    (("--machine", "machine.json", "--sarif", "o", "--source", "-"), "--source - has no place"),
    (("--machine", "machine.json", "--sarif", "o", "--source", "none.py"), "cannot read 'none.py'"),
    (("--machine", "machine.json", "--sarif", "o", "--source", "."), "cannot read '.'"),
    (("--machine", "machine.json", "--sarif", "o", "--source", "bin"), "'bin' is not text"),
    (("--machine", "machine.json", "--sarif", "no/such/o"), "cannot write 'no/such/o'"),
    (("--machine", "machine.json", "--sarif", "o", "--junit", "./o"), "two reports"),
    (("--sarif", "-"), "a report is a file, and - is none; name one with --junit FILE or --sarif"),
    (("--junit", "-"), "a report is a file, and - is none"),
    (("--list", "--sarif", "o"), "--list does not go with --sarif"),
])
def test_what_does_not_fit_is_refused_before_anything_is_proved(bad, mine, words, said):
    directory = mine()
    Path("bin").write_bytes(b"\xff\xfe\x00")
    before = sorted(directory.iterdir())
    assert said in bad("prove", *words)
    assert sorted(directory.iterdir()) == before


def test_a_pipe_is_read_once(run, mine):
    directory = mine(LEASE)
    os.mkfifo(directory / "pipe")
    writer = subprocess.Popen(["sh", "-c", "cat machine.json > pipe"])
    (result,) = reported(run, "--machine", "pipe", "--only", "S2")["results"]
    assert writer.wait(20) == 0
    assert at(result["locations"][0]) == ""
