"""Prose, found where it is read: pages, docstrings, help, messages. And phrases that no page keeps.

Law: a phrase is banned if a native reader stumbles over it, and its entry says what to write
instead. Code, tables of output and generated blocks are not prose.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from attrs import frozen

from tests.pages import ROOT, docs

BANNED = {
    r"\bwho(?:m|s)?(?:so)?ever\b": "name the person or the program",
    r"(?:^|[.!?:] )Who (?!are\b)[^.?!]*[.:]": "a sentence begins with its subject: a node that …",
    r"(?:^|[.!?] )What (?!to do\b)[^.?!:]*\.": "a sentence begins with its subject",
    r"\b(?:to|of|by|for|beside|behind) who\b": "name the person or the program",
    r"\bwho cannot must\b": "a node that cannot … must …",
    r"(?<!there )\b(?:is|are|was|were) no (?!longer|more\b|less\b|other\b|one\b|way\b|need\b)\w+":
        "is not a …",
    r"\bstands? why\b": "the reason is printed …",
    r"\bstands? (?!for\b|out\b|by\b|still\b)\w+": "is, is written, is listed, follows",
    r"\b(?:an|every|each|one|no) advice\b|\badvices\b": "a recommendation",
    r"\bhangs? on\b": "depends on",
    r"\bsays? (?:an?|the) (?:\w+|\[\w+\])[.,]": "the subject first: a monitor says when",
    r"\bsays (?:an?|the) \w+,": "the subject first",
    r"\b(?:is|are|be|was|were) told\b": "report (an event), log (a line), receives, learns",
    r"\btells?\b(?! (?:\w+ )?(?:\w+ )?(?:apart|from)\b)(?! the truth\b)(?<!cannot tell)":
        "say, report, show, log, infer",
    r"\b(?:is|are) said\b": "name the speaker: the command reports",
    r"\b(?:became|becomes|come|comes|came) of\b": "the outcome, the result",
    r"\bbut for\b": "except for",
    r"\bbelie(?:ves?|ved) in\b": "trusts, counts as alive",
    r"\b(?:has|have) not[.,;:]": "lacks, does not have",
    r"\ball the same\b": "nevertheless, even so",
    r"\b(?:a|an|one) \w+ an? (?:node|line|entry|decision|event|policy|store|format|write|user|"
    r"promise|choice|service|server|page|rule|group|column|seat|pair|turn|domain|timer)\b":
        "one … per …",
    r"\bby what right\b": "which source justifies it",
    r"\bnobody's\b": "say who does not do it, or that nothing guarantees it",
    r"\bbehind (?:it|them|all|lines|the first|every)\b": "after, beyond",
    r"\bgoes on (?:behind|below)\b": "continues",
    r"\bwill do too\b": "works as well",
    r"\bin the midst\b": "during",
    r"\bhave its way\b|\btakes? back what\b": "say what happens",
    r"\bfor (?:they|it|he|nobody|there|what|then|who|a|an|the \w+ \w+s)\b(?= \w+s? (?:not|is|are|has|have|can|will|may)\b)":
        "because",
    r"\bspeaks? of\b": "is about, covers, mentions",
    r"\bone's own\b": "your own",
    r"\bheld against\b|\bhold (?:\w+ ){1,4}against\b": "compare with, check against",
    r"\b(?:is|are) to be\b": "must be, should be",
}
"""Phrases, as regular expressions without regard to case where they begin small, and the cure."""

_FENCE = re.compile(r"^(```|~~~).*?^\1$\n?", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ANCHOR = re.compile(r"<a id=\"[^\"]*\"></a>")
_LINK = re.compile(r"!?\[([^]]*)\]\((?:[^()]|\([^)]*\))*\)")
_CODE = re.compile(r"`[^`]+`")
_SENTENCE = re.compile(r"(?<=[.!?])[*\"')]*\s+(?=[*\"'(`]*[A-Z\d`*])")


@frozen
class Prose:
    """A stretch of prose, on one line, and where it begins."""

    place: str
    text: str
    table: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.text}"


def banned(prose: Prose) -> Iterator[str]:
    """What a stretch of prose says that it must not: place, phrase, cure."""
    for pattern, cure in BANNED.items():
        flags = 0 if "[A-Z" in pattern or ")Who" in pattern or ")What" in pattern else re.IGNORECASE
        for found in re.finditer(pattern, prose.text, flags):
            yield f"{prose.place}: {found[0].strip()[:60]!r}: {cure}"


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph."""
    return [s for s in _SENTENCE.split(text) if s.strip()]


def words(sentence: str) -> int:
    """How many words a sentence has; a figure, a symbol and a name in code count as none or one."""
    return len(re.findall(r"[A-Za-z][\w'-]*", sentence))


def page(path: Path) -> Iterator[Prose]:
    """The prose of a page: paragraphs, list items, headings and cells, without code."""
    def blank(match: re.Match[str]) -> str:
        return "\n" * match[0].count("\n")

    text = path.read_text(encoding="utf-8")
    for pattern in (docs("blocks").MARKED, _FENCE, _COMMENT):
        text = pattern.sub(blank, text)
    name, start, lines = str(path.relative_to(ROOT)), 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        begins = re.match(r"\s*(?:[-*>] |\d+\. |#|\||$)|    ", line) is not None
        if lines and begins:
            yield Prose(f"{name}:{start}", _plain(" ".join(lines)))
            lines = []
        if line.startswith("|"):
            for cell in line.strip("|").split(" | "):
                yield Prose(f"{name}:{number}", _plain(cell), table=True)
        elif line.strip() and (lines or not line.startswith("    ")):
            start = start if lines else number
            lines.append(line.strip().removeprefix("- ").lstrip("#> "))


def _plain(text: str) -> str:
    """Without links, anchors, emphasis and code."""
    text = _CODE.sub("`code`", _LINK.sub(r"\1", _ANCHOR.sub("", text)))
    return " ".join(text.replace("**", "").replace("`code`", "X").split())


def module(path: Path) -> Iterator[Prose]:
    """The prose of a module: docstrings by paragraph, and every text of at least four words."""
    name = str(path.relative_to(ROOT))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inner = {id(part) for x in ast.walk(tree) if isinstance(x, ast.JoinedStr) for part in x.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(
                str(x.value) if isinstance(x, ast.Constant) else "X" for x in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            text = node.value
        else:
            continue
        line = node.lineno
        for paragraph in re.split(r"\n\s*\n", text):
            plain = _plain(paragraph.replace("``", "`"))
            if len(re.findall(r"[a-z]{2,} ", plain)) > 2:
                yield Prose(f"{name}:{line}", plain)
            line += paragraph.count("\n") + 2


_SCRIPT = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`""", re.DOTALL)
_INLINE = {"code", "em", "kbd", "span", "strong"}
_SHOWN = {"aria-label", "placeholder", "title"}


def script(path: Path) -> Iterator[Prose]:
    """The prose of a script: comments by paragraph, and every text of at least four words."""
    text = path.read_text(encoding="utf-8")
    for found in _SCRIPT.finditer(text):
        told = found[0]
        if told.startswith("/"):
            told = re.sub(r"(?m)^[ \t]*(?:/\*\*?|//|\*/|\*)|\*/$", "", told)
            told = re.sub(r"@\w+(?: \{.*?\})?", "", told, flags=re.DOTALL)
        else:
            told = re.sub(r"\$\{[^}]*\}", "X", told[1:-1])
        yield from _spoken(path, text.count("\n", 0, found.start()) + 1, told)


def markup(path: Path) -> Iterator[Prose]:
    """The prose of an HTML file: what is between tags, and what attributes show."""
    read = _Markup()
    read.feed(path.read_text(encoding="utf-8"))
    read.close()
    for line, text in read.found:
        yield from _spoken(path, line, text)


class _Markup(HTMLParser):
    """Finds texts and the lines on which they begin; an inline tag does not end a text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = [(1, "")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_endtag(tag)
        line, _ = self.getpos()
        self.found[-1:-1] = [(line, shown) for name, shown in attrs if name in _SHOWN and shown]

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.found.append((self.getpos()[0], ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:
            line, text = self.found[-1]
            self.found[-1] = line, text + data


def _spoken(path: Path, line: int, text: str) -> Iterator[Prose]:
    """The paragraphs of a text that have at least four words."""
    for paragraph in re.split(r"\n\s*\n", text):
        plain = _plain(paragraph)
        if len(re.findall(r"[a-z]{2,} ", plain)) > 2:
            begins = line + paragraph[:-len(paragraph.lstrip())].count("\n")
            yield Prose(f"{path.relative_to(ROOT)}:{begins}", plain)
        line += paragraph.count("\n") + 2
