"""The voice of the project: banned phrases, short sentences, and a glossary that is linked."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.english import Prose, banned, markup, module, page, script, sentences, words
from tests.pages import PAGES, ROOT, WRITTEN, anchors, name

GLOSSARY = ROOT / "docs" / "glossary.md"
TEMPLATE = ROOT / "prgcore" / "template" / "README.md"
WORDS = (
    "node", "peer", "pair", "seat", "state", "reason", "display", "column", "cell", "cube", "rule",
    "event", "command", "refusal", "action", "order", "record", "drawer", "epoch", "entry", "lease",
    "grant", "claim", "terms", "home", "situation", "cause", "story", "trace", "obligation",
    "certificate", "invariant", "assumption", "adversary", "model", "witness", "opinion", "export",
    "mutant", "decider", "way", "duty", "method", "observation", "vacuous",
    "mark", "signature", "memory", "seal", "challenge", "hook", "copy", "arbiter",
    "fleet", "class",
)

LEFT_ON_PAGES = {
    "docs/reference/invariants.md": 2,
    "docs/reference/obligations.md": 8,
    "docs/reference/rules.md": 1,
    "docs/timers.md": 1,
}
"""How many banned phrases a page still has. A figure may fall; a page at none leaves the list."""

LEFT_IN_ROOMS = {
    "cli": 8, "prove": 6, "tables": 2,
}
"""The same for docstrings, help and messages, by the folder of `prgcore`. `docs` has none left."""

READERS = {".py": module, ".js": script, ".html": markup}

LONGEST = 25


def _room(path: Path) -> str:
    above, *parts = path.relative_to(ROOT).parts
    return parts[0] if above == "prgcore" and len(parts) > 1 else above


def _more(found: list[str], most: int) -> str:
    return "\n".join([f"{len(found)} banned phrases, at most {most} may be left:", *found])


@pytest.mark.parametrize("path", [*PAGES, TEMPLATE], ids=name)
def test_a_page_keeps_no_banned_phrase(path: Path) -> None:
    found = [what for prose in page(path) for what in banned(prose)]
    most = LEFT_ON_PAGES.get(name(path), 0)
    assert len(found) <= most, _more(found, most)


def test_docstrings_help_and_messages_gain_no_banned_phrase() -> None:
    found: dict[str, list[str]] = {}
    for path in (*sorted((ROOT / "prgcore").rglob("*.*")), *(ROOT / "docs").rglob("*.py")):
        if "_build" in path.parts:
            continue  # the site holds copies
        if path.suffix in READERS:
            found.setdefault(_room(path), []).extend(
                what for prose in READERS[path.suffix](path) for what in banned(prose))
    over = [_more(what, LEFT_IN_ROOMS.get(room, 0)) for room, what in found.items()
            if len(what) > LEFT_IN_ROOMS.get(room, 0)]
    assert not over, "\n".join(over)


@pytest.mark.parametrize("text", [
    "When a timer is due says a monitor, a value without a clock.",
    "A node whose agent does not answer shows nothing; on standard error stands why.",
    "For whoever sees a state on a screen.",
    "An agent that is told the time.",
    "A file on a network file system is no store of two nodes.",
    "The prover follows every advice of every row.",
    "Of an agent, the decision hangs on what it does not know now.",
    "What is missing says so in one line.",
    "No decision is lost, also behind lines without one.",
    "One driver a store.",
])
def test_a_banned_phrase_is_found(text: str) -> None:
    assert list(banned(Prose("here:1", text))), text


@pytest.mark.parametrize("text", [
    "A monitor, a plain value with no clock of its own, says when a timer is due.",
    "The reason is printed on standard error.",
    "The engine cannot tell a crash from a cut.",
    "What to do now.",
    "There is no record, and the node is no longer heard.",
])
def test_plain_english_is_not_banned(text: str) -> None:
    assert list(banned(Prose("here:1", text))) == []


def test_prose_is_found_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.english.ROOT", tmp_path)
    text = tmp_path / "page.md"
    text.write_text("# Title\n\nOne line\nand [another](x.md).\n\n```text\ncode\n```\n\n- item `c`\n")
    assert [(p.place, p.text) for p in page(text)] == [
        ("page.md:1", "Title"), ("page.md:3", "One line and another."), ("page.md:10", "item X")]
    code = tmp_path / "code.py"
    code.write_text('"""A law of three words."""\n\nx = 1\nraise E(f"the node {x} is not there")\n')
    assert [(p.place, p.text) for p in module(code)] == [
        ("code.py:1", "A law of three words."), ("code.py:4", "the node X is not there")]


def test_prose_of_scripts_and_of_markup_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.english.ROOT", tmp_path)
    code = tmp_path / "code.js"
    code.write_text(
        "/**\n * A law of three words.\n *\n * @returns {?x} what it finds in here\n */\n"
        'const a = f(`the ${node} is not there`, "one two"); // this is only a remark\n')
    assert [(p.place, p.text) for p in script(code)] == [
        ("code.js:2", "A law of three words."), ("code.js:4", "what it finds in here"),
        ("code.js:6", "the X is not there"), ("code.js:6", "this is only a remark")]
    text = tmp_path / "page.html"
    text.write_text(
        "<style>p { this is not prose here }</style>\n<p>Press the <kbd>u</kbd> key to undo.\n"
        '<input placeholder="only a name of a node"></p>\n')
    assert [(p.place, p.text) for p in markup(text)] == [
        ("page.html:2", "Press the u key to undo."), ("page.html:3", "only a name of a node")]


def test_sentences_are_short() -> None:
    long = [
        f"{prose.place}: {words(s)} words: {s}" for path in (*WRITTEN, TEMPLATE) for prose in page(path)
        if not prose.table for s in sentences(prose.text) if words(s) > LONGEST
    ]
    assert not long, "\n".join(long)


def test_a_sentence_is_counted_in_words() -> None:
    (one, two) = sentences("It has `four` words, and 3 more. *Then* a second one follows.")
    assert (words(one), words(two)) == (6, 5)


def test_the_glossary_explains_every_word_once() -> None:
    found = Counter(re.findall(r'^- <a id="(\w+)"></a>\*\*', GLOSSARY.read_text(), re.MULTILINE))
    assert found == Counter(WORDS)


@pytest.mark.parametrize("path", [p for p in PAGES if p != GLOSSARY], ids=name)
def test_a_page_leads_to_the_glossary(path: Path) -> None:
    leads = re.findall(r"\]\(([^)#\s]*glossary\.md)", path.read_text(encoding="utf-8"))
    assert leads, "ends without: The words on this page: [glossary](glossary.md)."
    assert all((path.parent / one).resolve() == GLOSSARY for one in leads if "://" not in one)
    assert "state" in anchors(GLOSSARY)
