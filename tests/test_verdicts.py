"""Verdicts and methods are words of the wire: an enum in one place, and what each does to the exit."""

import json

from prgcore.machine import Machine
from prgcore.prove.report import EXIT, prove
from prgcore.vocabulary import Method, Verdict
from tests.toys import LAMPS


def test_the_words_of_the_wire():
    assert list(Verdict) == [
        "proved", "refuted", "unknown", "vacuous", "disagree", "not_applicable", "reported"]
    assert list(Method) == ["induction", "search", "table"]


def test_every_verdict_has_an_exit_code():
    assert set(EXIT) == set(Verdict)
    assert {v for v in Verdict if EXIT[v] == 0} == {
        Verdict.PROVED, Verdict.NOT_APPLICABLE, Verdict.REPORTED}


def test_a_report_has_them_as_words():
    report = prove(Machine(LAMPS), only=["F1", "F2", "L1"])
    assert all(type(r.verdict) is Verdict and type(r.method) is Method for r in report.results)
    told = json.loads(json.dumps(report.to_json()))["obligations"]
    assert [(o["verdict"], o["method"]) for o in told] == [
        (r.verdict.value, r.method.value) for r in report.results]
    assert len(told) == 3
