"""Attacks on the prover that once worked: inputs that crashed it, or that it believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports import export
from prgcore.form.cubes import Stored
from prgcore.machine import PRG
from prgcore.model import AcceptedOnly, Column, Event, Model, Rule
from prgcore.prove.assumed import Shipped
from prgcore.prove.report import prove
from prgcore.prove.theorems import read_text
from prgcore.prove.timing import THEOREMS, broken
from prgcore.vocabulary import Kind
from prgcore.wire.machine_file import dumps
from tests.planted import LAMPS


@pytest.mark.parametrize(("one", "other"), [
    ("x", "y z"), ("x", "y.z"), ("x", "y-z"), ("x", "é"), ("start", "given"), ("a = b", "="),
    ("#", "# x"), ("node1", "expect node1"),
])
def test_a_counterexample_is_told_whatever_the_values_are_called(one: str, other: str) -> None:
    for column, event in (("b", "go"), ("b-c", "go on"), ("b c", "go.on"), ("b = c", "2")):
        model = Model(
            "names", (Column(column, (one, other)),), (((column, one),),),
            (Event(event, Kind.COMMAND, "administrator"),), (),
            (Rule("R1", event, {column: other}, {column: one}),),
            accepted_only=(AcceptedOnly("S2", event, {column: one}),))
        result, = prove(Engine(model), only=["S2"]).results
        assert result.verdict == "refuted"
        assert other in result.story


def test_a_promise_called_like_a_witness_is_refused() -> None:
    twin = evolve(LAMPS, invariants=(*LAMPS.invariants, evolve(
        LAMPS.invariants[0], id="S1.witness")))
    with pytest.raises(BadInput, match=r"'S1\.witness', as the witness of another"):
        export(twin, "smt2")


@pytest.mark.parametrize("relation", [">", ">=", "==", "", "<<"])
def test_a_rule_between_parameters_that_no_program_reads_is_refuted(relation: str) -> None:
    stored, shipped = Stored(PRG.model.columns), Shipped.of(PRG.model)
    for number, rule in enumerate(shipped.sanity):
        rules = [*shipped.sanity]
        rules[number] = evolve(rule, relation=relation)
        edited = evolve(shipped, sanity=tuple(rules))
        assert any(list(broken(t, stored, edited)) for t in THEOREMS), rule


@pytest.mark.parametrize("option", ["--junit", "--sarif", "--certificate"])
def test_a_report_is_not_written_over_what_is_read(bad: Any, tmp_path: Path, option: str) -> None:
    file = tmp_path / "machine.json"
    file.write_text(dumps(LAMPS), "utf-8")
    said = bad("prove", "--machine", str(file), option, str(file))
    assert "which is read here; name another file" in said
    assert file.read_text("utf-8") == dumps(LAMPS)


@pytest.mark.parametrize(("text", "says"), [
    ('["S1"]\nsays = "nobody burns"\nreachable = {mains = "on"}', "is the id of a promise"),
    ('[" S9"]\nsays = "x"\nnever = {mains = "on"}', "printable characters"),
    ('["a\\nb"]\nsays = "x"\nnever = {mains = "on"}', "printable characters"),
    ('["\\u001b[31m"]\nsays = "x"\nnever = {mains = "on"}', "printable characters"),
    ('[""]\nsays = "x"\nnever = {mains = "on"}', "printable characters"),
    ('[odd]\nsays = "\\u001b[31m"\nnever = {mains = "on"}', "needs says"),
])
def test_a_theorem_has_a_name_of_its_own_that_can_be_printed(text: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        read_text(text, "here", LAMPS)
    assert says in str(error.value)
    assert str(error.value).isprintable()


def test_junit_is_xml_whatever_a_sentence_holds() -> None:
    odd = evolve(LAMPS, invariants=(
        evolve(LAMPS.invariants[0], says="never \0 \1 \x1b \ufffe & <so>"), *LAMPS.invariants[1:]))
    report = prove(Engine(odd), only=["S1"])
    assert "never ? ? ? ? & <so>" in str(ET.fromstring(report.junit())[0].get("name"))


def test_an_adversary_of_which_nothing_is_asked_is_vacuous() -> None:
    entries = tuple(evolve(a, must=(), may=(*a.must, *a.may)) for a in PRG.model.adversary)
    result, = prove(Engine(evolve(PRG.model, adversary=entries)), only=["F10"]).results
    assert result.verdict == "vacuous"
    assert "no entry of adversary has a must" in result.story
