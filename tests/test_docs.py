"""What readers are shown: every block is true, every command runs, every link leads on."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from writer.contradictions import CONTRADICTIONS

import prgcore
from prgcore.cli.app import MODULES
from prgcore.cli.app import ROOT as COMMANDS
from prgcore.machine import prg
from prgcore.network.story import is_story, replay
from prgcore.product.configuration.files import load as deployment
from prgcore.prove.obligations import obligations
from prgcore.story.script import run
from prgcore.tables.machine import TABLE
from prgcore.vocabulary import Reason, State
from prgcore.wire import load as machine
from tests.pages import PAGES, REFERENCE, ROOT, WRITTEN, anchors, docs, name

BLOCKS = docs("blocks")
README = ROOT / "README.md"
LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)\s]+)\)")
WIDE = 88
SHOWN_WITHOUT_NEED = {"available", "machine"}

# --------------------------------------------------------------------- blocks


@pytest.mark.parametrize("page", WRITTEN, ids=name)
def test_every_block_is_true(page: Path) -> None:
    """A page is played as a reader plays it; what is shown is what was printed."""
    session, printed_before = BLOCKS.Session(), ""
    wrong: list[str] = []
    try:
        for block, printed, ran in session.play(page.read_text(encoding="utf-8")):
            told = CHECKS.get(block.language, _unknown)(block, printed, ran)
            wrong += [f"line {block.line}: {what}" for what in told]
            if printed_before and block.made != "output":
                wrong.append(f"line {block.line}: the example before prints, and nothing is shown")
            printed_before = printed if block.language == "python" else ""
    finally:
        session.close()
    assert not wrong


def _python(_block: Any, _printed: str, _ran: Any) -> Iterator[str]:
    yield from ()


def _text(block: Any, printed: str, _ran: Any) -> Iterator[str]:
    if block.made == "output":
        if printed != block.text:
            yield f"shows {block.text!r}, and {printed!r} was printed"
    elif not block.made:
        told = (replay if is_story(block.text) else run)(prg(), block.text)
        yield from (f"{s.line.text}: {s.failed}" for s in told.failures)


def _console(block: Any, _printed: str, ran: list[tuple[Any, str, int]]) -> Iterator[str]:
    for command, shown, code in ran:
        if code not in block.answered:
            yield f"{command.line} exits with {code}: {shown}"
        elif (block.made or command.shown) and shown != command.shown:
            yield f"{command.line} shows {shown!r}"
    for command in BLOCKS.commands(block.text):
        words = shlex.split(command.line, comments=True)
        if command.program in BLOCKS.OTHERS:
            yield from OTHERS[command.program](words[1:])
        elif block.long:
            yield from _prgcore(words)


def _prgcore(words: list[str]) -> Iterator[str]:
    """A command that takes too long: it is one, and so are its options."""
    command = COMMANDS.get_command(click.Context(COMMANDS), words[1])
    if words[0] != "prgcore" or command is None:
        yield f"{words} is no command"
        return
    yield from (f"{w} is no option of {words[1]}" for w in words if w[:2] == "--"
                and w not in {o for p in command.params for o in p.opts})


def _make(words: list[str]) -> Iterator[str]:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    yield from (f"make has no {word}" for word in words if word not in targets)


def _pip(words: list[str]) -> Iterator[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = settings["project"]["optional-dependencies"]
    for word in words[1:]:
        found = re.fullmatch(r"\.(?:\[(.*)\])?", word)
        wanted = (found[1] or "").split(",") if found else [word]
        yield from (f"there is no extra {w}" for w in wanted if w and w not in extras)


def _git(words: list[str]) -> Iterator[str]:
    yield from (f"{word} is not there" for word in words[1:] if not (ROOT / word).exists())


def _json(block: Any, *_: Any) -> Iterator[str]:
    if not machine(block.text).rules:
        yield "has no rules"


def _toml(block: Any, *_: Any) -> Iterator[str]:
    if not deployment(block.text, "toml").nodes:
        yield "describes nothing"


def _yaml(block: Any, *_: Any) -> Iterator[str]:
    if block.text != (ROOT / "prgcore/template/prove.yml").read_text(encoding="utf-8"):
        yield "is not the workflow that prgcore init writes"


def _mermaid(block: Any, *_: Any) -> Iterator[str]:
    """A graph that the site lays out; docs/generate.py writes both."""
    graphs = (ROOT / "docs/pictures/graphs.dot").read_text(encoding="utf-8")
    if f"// {block.said.removeprefix('dot: ').partition(' ')[0]}\n" not in graphs:
        yield "has no picture that is generated"


def _unknown(block: Any, *_: Any) -> Iterator[str]:
    yield f"nothing runs {block.language!r}; known: {', '.join(sorted(CHECKS))}"


Check = Callable[..., Iterator[str]]
CHECKS: dict[str, Check] = {
    "python": _python, "console": _console, "text": _text, "json": _json, "toml": _toml,
    "yaml": _yaml, "mermaid": _mermaid,
}
OTHERS: dict[str, Callable[[list[str]], Iterator[str]]] = {"make": _make, "pip": _pip, "git": _git}


@pytest.mark.parametrize("page", sorted(REFERENCE.glob("*.md")), ids=name)
def test_the_reference_holds_only_what_is_generated(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert "<!-- generated by docs/generate.py -->" in text
    assert {b.language for b in BLOCKS.blocks(text)} <= {"text", "mermaid"}
    assert text.count("\n```") == 2 * len(BLOCKS.blocks(text))


_CHECK = "```console\n$ prgcore config check examples/deployment.toml\nerror\n```\n"


@pytest.mark.parametrize(("text", "says"), [
    ("```ruby\nputs 1\n```\n", "nothing runs 'ruby'"),
    ("```console\n$ prgcore step enable_ha\nrefused\n```\n", "prgcore step enable_ha shows"),
    ("```console\n$ prgcore nonsense\n```\n", "exits with 2"),
    (f"<!-- generated:console -->\n{_CHECK}", "exits with 1"),
    (_CHECK, "exits with 1"),
    (f"<!-- generated:console-1 -->\n{_CHECK}", "deployment.toml shows"),
    ("<!-- generated:console-1 -->\n```console\n$ prgcore nonsense\n```\n", "exits with 2"),
    ("```console\n$ make nonsense\n```\n", "make has no nonsense"),
    ("```console\n$ pip install '.[nonsense]'\n```\n", "no extra nonsense"),
    ("<!-- long -->\n```console\n$ prgcore prove --nonsense\n```\n", "is no option of prove"),
    ("```python\nprint(1)\n```\n\n<!-- generated:output -->\n```text\n2\n```\n", "shows '2"),
    ("```python\nprint(1)\n```\n\n```console\n$ make test\n```\n", "nothing is shown"),
    ("```text\nstart normal\nexpect ha = off\n```\n", "expect ha = off"),
])
def test_a_false_block_is_found(tmp_path: Path, text: str, says: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(says)):
        test_every_block_is_true(page)


def test_every_block_is_filled() -> None:
    for page in WRITTEN:
        for found in BLOCKS.MARKED.finditer(page.read_text(encoding="utf-8")):
            assert len(found[0].splitlines()) > 4, f"{name(page)}: {found[2]} is empty"


def test_every_command_is_at_work_on_a_page() -> None:
    shown = {
        command.line.split()[1] for page in WRITTEN
        for block in BLOCKS.blocks(page.read_text(encoding="utf-8")) if block.language == "console"
        for command in BLOCKS.commands(block.text) if command.program == "prgcore"
    }
    assert shown <= set(MODULES)
    assert set(MODULES) - shown <= SHOWN_WITHOUT_NEED


@pytest.mark.parametrize(("figure", "says"), [
    (len(CONTRADICTIONS), "There are {} such places"),
    (len(prg().stored), "an immutable mapping of {} columns"),
    (len(State), ": {} states, "), (len(Reason), "{} reasons, the"),
    (len({s.row.rstrip("ab") for s in TABLE.situations}), "prints {} rows: "),
    (825_920, "over all {} pairs that can be reached"),
    (157, "A search does: {} stable displays"), (157, "The {} stable displays that can be"),
])
def test_a_figure_in_a_sentence_is_the_figure(figure: int, says: str) -> None:
    pages = [" ".join(p.read_text(encoding="utf-8").split()) for p in PAGES]
    assert any(says.format(f"{figure:,}") in text for text in pages)


def test_the_promises_of_the_readme_are_the_provers() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) \| (.*) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    titles = {o.id: o.title for o in obligations(prg().model)}
    assert len(rows) == 6
    assert [row for row in rows if titles[row[0]] != row[1]] == []


def test_the_story_of_the_readme_is_what_the_prover_answers() -> None:
    shown = re.findall(r"^    (.+)$", README.read_text(encoding="utf-8").split("## One story")[1],
                       re.MULTILINE)
    page = (ROOT / "docs/reading-a-counterexample.md").read_text(encoding="utf-8")
    answered = "".join(m[0] for m in BLOCKS.MARKED.finditer(page)).splitlines()
    assert len(shown) > 8
    assert [line for line in shown if line not in answered] == []


def test_every_public_name_is_on_the_page_of_python() -> None:
    text = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    assert [n for n in prgcore.__all__ if f"`{n}`" not in text] == []


# ---------------------------------------------------------------------- links


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for _, _, link in LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_pictures_say_what_they_show(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert all(len(alt) > 20 for bang, alt, _ in LINK.findall(text) if bang)
    for shown in re.finditer(r"(.*)\n+```mermaid", text):
        assert re.fullmatch(r"<!-- dot: \S+ \| .{20,} -->", shown[1])


def test_the_changelog_says_nothing_twice() -> None:
    # merges keep the lines of both sides, so an entry that was changed can stay beside its old text
    entries = re.split(r"\n(?=- |  - |#|\n)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    begins = Counter(e[:70] for e in entries if e.startswith("- "))
    assert [e for e, n in begins.items() if n > 1] == []
    lines = Counter(x for e in entries for x in e.splitlines() if len(x) > 60)
    assert [x for x, n in lines.items() if n > 1] == []


def test_hand_written_pages_fit_the_screen() -> None:
    wide = []
    for page in WRITTEN:
        text = BLOCKS.MARKED.sub("", page.read_text(encoding="utf-8"))
        wide += [
            f"{name(page)}: {line}" for line in text.splitlines()
            if len(line) > WIDE and not line.startswith(("|", "- `"))
        ]
    assert not wide
