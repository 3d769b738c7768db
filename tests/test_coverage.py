"""Coverage: every fact is somewhere, every reference leads there, every contradiction is settled."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from itertools import groupby
from pathlib import Path
from types import ModuleType

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from writer import chapter
from writer.contradictions import CONTRADICTIONS
from writer.coverage import FACTS
from writer.places import place, places

from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.prove.obligations import obligations
from prgcore.tables.clients import CONDITIONS, COUNTERS, HIGH_AVAILABILITY
from prgcore.tables.configuration import RULES
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.facts import Contradiction, Fact
from prgcore.tables.parameters import PARAMETERS
from prgcore.tables.restrictions import RESTRICTIONS
from prgcore.tables.services import CRITICAL_SERVICES
from prgcore.tables.situations import SITUATIONS
from prgcore.tables.states import TRANSIENT
from prgcore.vocabulary import State
from prgcore.wire.markdown import table
from tests.pages import REFERENCE, anchors, docs

ROOT = Path(__file__).parent.parent
KNOWN = places(o.id for o in obligations(PRG.model))
HEADINGS = tuple(dict.fromkeys(f.at.rpartition(" ")[0] for f in FACTS))
NAMED = {name for fact in FACTS for name in fact.lives}


def _docs(name: str) -> ModuleType:
    """A module of docs that may be called as a library is."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCS = _docs("coverage")


# -------------------------------------------------------------------- the facts


def test_the_number_of_facts_is_pinned() -> None:
    assert (len(FACTS), len(HEADINGS)) == (304, 18)


def test_facts_are_numbered_below_their_heading() -> None:
    for heading, below in groupby(FACTS, lambda f: f.at.rpartition(" ")[0]):
        numbers = [f.at.removeprefix(heading + " ") for f in below]
        assert numbers == [str(n) for n in range(1, len(numbers) + 1)]
    assert len({f.at for f in FACTS}) == len(FACTS)


@pytest.mark.parametrize("fact", FACTS, ids=lambda f: f.at)
def test_a_fact_lives_somewhere_or_says_why_not(fact: Fact) -> None:
    assert bool(fact.lives) != bool(fact.exempt)
    assert fact.says[-1] in ".,"
    assert re.fullmatch(r"[0-9a-f]{10}", fact.print)
    assert len(set(fact.lives)) == len(fact.lives)
    for reference in fact.lives:
        assert place(reference, KNOWN)


def test_no_fact_is_a_copy_of_its_sentence() -> None:
    assert [f.at for f in FACTS if DOCS.Unit(f.at, f.says).print == f.print] == []


def test_exemptions_are_few_and_have_one_of_a_few_reasons() -> None:
    reasons = Counter(f.exempt for f in FACTS if f.exempt)
    assert len(reasons) == 6
    assert reasons.total() < len(FACTS) / 6


def test_everything_that_the_document_is_the_source_of_is_named() -> None:
    other_chapter = {"Cisco XCP Text Conference Manager"}
    expected = {
        *(f"row {s.row}" for s in SITUATIONS),
        *(f"state {s}" for s in State),
        *(f"parameter {p.name}" for p in PARAMETERS),
        *(f"service {s.name}" for s in CRITICAL_SERVICES if s.name not in other_chapter),
        *(f"condition {c.setting}" for c in (*CONDITIONS, HIGH_AVAILABILITY)),
        *(f"counter {c.name}" for c in COUNTERS),
        *(f"restriction {r.id}" for r in RESTRICTIONS if r.id != "adding_users"),
        *(f"contradiction {k.id}" for k in CONTRADICTIONS if not k.abroad),
        *(f"configuration {r.id}" for r in RULES if r.cite.split(",")[0].split(";")[0]
          in HEADINGS and not r.id.startswith(("form_", "service_"))),
    }
    assert expected - NAMED == set()


def test_a_state_that_lasts_is_told_from_one_that_passes() -> None:
    said = {
        name.removeprefix("state "): fact.says for fact in FACTS for name in fact.lives
        if name.startswith("state ") and fact.at.startswith("Node State Definitions")
    }
    assert {s for s, says in said.items() if says.endswith("passes.")} <= set(TRANSIENT)
    assert not {s for s, says in said.items() if says.endswith("lasts.")} & set(TRANSIENT)


@pytest.mark.parametrize(("reference", "says"), [
    ("rule M999", "unknown rule 'M999'"),
    ("rows 12", "unknown kind of reference 'rows'; did you mean row"),
    ("prgcore.product.users.asign", "unknown name in prgcore.product.users 'asign'; did you mean assign"),
    ("prgcore.user.assign", "unknown name in prgcore 'user'"),
    ("json.dumps", "is not a reference"),
    ("", "is not a reference"),
    ("obligation  ", "unknown obligation ' '"),
    ("obligation ", "is not a reference"),
])
def test_a_reference_that_leads_nowhere_says_so(reference: str, says: str) -> None:
    with pytest.raises(BadInput, match=re.escape(says)):
        place(reference, KNOWN)


def test_where_references_lead() -> None:
    assert place("rule F106", KNOWN) == "rules.md#f106"
    assert place("event failover", KNOWN) == "events.md#failover"
    assert place("row 11a", KNOWN) == "situations.md#row-11a"
    assert place("prgcore.product.users.assign", KNOWN) == "../../prgcore/product/users.py"
    assert place("prgcore.timers.parameters.Parameters.of", KNOWN) == "../../prgcore/timers/parameters.py"
    assert place("prgcore.timers", KNOWN) == "../../prgcore/timers/__init__.py"


OTHER = st.text().filter(lambda t: not t.startswith("prgcore")) | st.from_regex(
    r"prgcore(\.(timers|engine))?(\.zz[a-z]{0,5}){1,3}", fullmatch=True)
"""No name of ours begins with zz; Hypothesis draws from the modules' own strings, names too."""


@given(OTHER)
def test_any_other_reference_is_bad_input(reference: str) -> None:
    kind, _, name = reference.partition(" ")
    if name in KNOWN.get(kind, {}):
        assert place(reference, KNOWN)
    else:
        with pytest.raises(BadInput, match=r".{20,400}"):
            place(reference, KNOWN)


# ----------------------------------------------------------- the contradictions


def test_contradictions_are_numbered() -> None:
    assert [k.id for k in CONTRADICTIONS] == [f"K{n}" for n in range(1, len(CONTRADICTIONS) + 1)]
    assert len({k.title for k in CONTRADICTIONS}) == len(CONTRADICTIONS)


@pytest.mark.parametrize("k", CONTRADICTIONS, ids=lambda k: k.id)
def test_a_contradiction_has_two_sides_and_an_end(k: Contradiction) -> None:
    assert k.says != k.other
    assert all(text.endswith(".") for text in (k.says, k.other, k.taken))
    assert not k.title.endswith(".")
    assert not k.decision or k.decision in {d.id for d in DECISIONS}
    own = [where for where in (k.where, k.elsewhere)
           if where.startswith((*HEADINGS, "Table 2"))]
    assert own if k.abroad else len(own) == 2 or "elsewhere" in k.elsewhere


def test_the_larger_contradictions_have_a_record() -> None:
    undecided = {k.id for k in CONTRADICTIONS if not k.decision}
    assert undecided == {"K11", "K18", "K22", "K23", "K37"}


# ------------------------------------------------------------------- the pages


NAMES = ("configuration", "connections", "contradictions", "coverage", "login-profiles",
         "parameters", "restrictions", "services")


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    made: dict[str, str] = docs("pages").of_chapter(KNOWN["obligation"])
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_whole_and_its_links_lead_on(name: str, pages: dict[str, str]) -> None:
    text = pages[name]
    assert text.startswith("# ")
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    assert "| None |" not in text
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        page = REFERENCE / path
        assert page.is_file(), target
        assert not anchor or anchor in anchors(page), target


@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_as_many_cells_in_every_row(name: str, pages: dict[str, str]) -> None:
    rows = re.findall(r"(?:^\|.*\n)+", pages[name], re.MULTILINE)
    assert rows or name == "contradictions"
    for rows_of_one in rows:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in rows_of_one.splitlines()}) == 1


def test_what_the_pages_must_say(pages: dict[str, str]) -> None:
    assert "| 304 | sentences and table rows in all |" in pages["coverage"]
    assert "exempt: a click in a window" in pages["coverage"]
    assert "4 `keep_alive_interval` + `jitter` < `keep_alive_timeout`" in pages["parameters"]
    assert "| 5,000 | balanced | 6 | 2,500 | 537 s |" in pages["login-profiles"]
    assert "- For 600 to 1200 s." in pages["restrictions"]
    assert "Cisco XCP Authentication Service" in pages["services"]
    assert "`wan_round_trip`" in pages["configuration"]
    assert "- **Taken**: The backup ([D19](decisions.md#d19))." in pages["contradictions"]


def test_the_coverage_page_refuses_a_reference_that_leads_nowhere() -> None:
    with pytest.raises(BadInput, match="M999"):
        chapter.coverage_page((evolve(FACTS[0], lives=("rule M999",)),), KNOWN)


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\\\n\r")), min_size=2,
                         max_size=2)))
def test_bars_in_cells_do_not_break_a_table(rows: list[list[str]]) -> None:
    text = table(("a", "b"), rows)
    lines = text.split("\n")[:-1]
    assert all(len(re.findall(r"(?<!\\)\|", line)) == 3 for line in lines)
    assert len(lines) == len(rows) + 2


# --------------------------------------------------------- docs/coverage.py

SAMPLE = """\
A Chapter

- First Heading, on page 1

First Heading

One pair. Two nodes, of which (for example 8.5) one waits.

- **Term**\u2014It means this
- See node 1. It is a sentence and
Another heading that the scan broke.

Note

State\tDescription
Calm\tAll is well. Nothing moves.
\tbroken off, and
State\tDescription
\tmended. Done.

Table 9: what is no sentence
Recommended Actions
1. Look. 2. Act.
---- \t ----
A Chapter

Second Heading
One pair.
"""
UNITS = [
    ("First Heading 1", "One pair."),
    ("First Heading 2", "Two nodes, of which (for example 8.5) one waits."),
    ("First Heading 3", "Term\u2014It means this"),
    ("First Heading 4", "See node 1."),
    ("First Heading 5", "It is a sentence and Another heading that the scan broke."),
    ("First Heading 6", "Calm All is well."),
    ("First Heading 7", "Nothing moves."),
    ("First Heading 8", "broken off, and mended."),
    ("First Heading 9", "Done."),
    ("First Heading 10", "1. Look."),
    ("First Heading 11", "2. Act."),
    ("Second Heading 1", "One pair."),
]
SAMPLE_HEADINGS = {"First Heading", "Second Heading"}


def test_what_is_a_sentence() -> None:
    found = [(u.at, u.text) for u in DOCS.units(SAMPLE, SAMPLE_HEADINGS)]
    assert found == UNITS


def _facts() -> list[Fact]:
    return [Fact(at, "in other words", (), "for the test", DOCS.Unit(at, text).print)
            for at, text in UNITS]


def _differences(facts: list[Fact]) -> list[str]:
    return list(DOCS.differences(DOCS.units(SAMPLE, SAMPLE_HEADINGS), facts))


def test_a_covered_document_has_no_differences() -> None:
    assert _differences(_facts()) == []


def test_differences_are_found_both_ways() -> None:
    facts = _facts()
    without = _differences(facts[:-2] + facts[-1:])
    assert [line.split(":")[0] for line in without] == ["no fact"]
    assert "2. Act." in without[0]
    more = _differences([*facts, Fact("Second Heading 2", "more", (), "x", "0" * 10)])
    assert more == ["no sentence: 0000000000 Second Heading 2: more"]
    swapped = [evolve(facts[1], at=facts[0].at), evolve(facts[0], at=facts[1].at), *facts[2:]]
    assert [line.split(":")[0] for line in _differences(swapped)] == ["elsewhere"] * 2


def test_the_command_says_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    document = tmp_path / "document.txt"
    document.write_text(SAMPLE, encoding="utf-8")
    monkeypatch.setattr(DOCS, "FACTS", _facts())
    monkeypatch.setattr("sys.argv", ["coverage.py", str(document)])
    assert DOCS.main() == 0
    assert capsys.readouterr().out == "12 sentences and rows, 12 facts, 0 wrong\n"
    monkeypatch.setattr(DOCS, "FACTS", _facts()[1:])
    assert DOCS.main() == 1
    monkeypatch.setattr("sys.argv", ["coverage.py", str(tmp_path / "none")])
    with pytest.raises(SystemExit, match="2"):
        DOCS.main()
    assert "cannot read" in capsys.readouterr().err


@given(st.text())
def test_any_text_is_split(text: str) -> None:
    found = list(DOCS.units(text, SAMPLE_HEADINGS))
    assert all(u.text.strip() and re.fullmatch(r"[0-9a-f]{10}", u.print) for u in found)
    assert len({u.at for u in found}) == len(found) or any(h in text for h in SAMPLE_HEADINGS)


@given(st.text("ab c1", min_size=1))
def test_a_fingerprint_reads_letters_and_digits_alone(text: str) -> None:
    unit = DOCS.Unit("x 1", text)
    assert unit.print == DOCS.Unit("y 2", f" {text.upper()}\u2014!").print
    assert unit.print != DOCS.Unit("x 1", text + "z").print
