# ruff: noqa: INP001
"""Is every sentence of the document a fact of the coverage tables, and every fact a sentence?

    python docs/coverage.py DOCUMENT           exit 1 and the differences
    python docs/coverage.py DOCUMENT --list    every sentence: fingerprint, place, words

Law: for a reader who has the document, as text with tabs between the cells of a table. The
document is not part of this repository, so continuous integration cannot run this. Headings are
those that the facts name. A unit is a sentence, a bullet or a table row. The cells of a row are
read as one text, and its sentences after the first are units of their own. Titles, labels, table
heads and bare references to pages do not count.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

from attrs import frozen
from writer.coverage import FACTS

from prgcore.tables.facts import Fact

LABELS = frozenset({
    "note", "caution", "procedure", "before you begin", "what to do next", "prerequisites",
    "recommended action", "recommended actions",
})
TABLE_HEADS = frozenset({
    "Cause/Recommended Actions", "Interaction", "Description", "Purpose", "Node 1", "Node 2",
})
OPEN_WORDS = ("and", "its")
"""A line that ends with one of these was broken by the scan and goes on in the next one."""

_SENTENCE_ENDS = re.compile(r"(?<=[.!?])(?<!^\d\.)(?<![.:] \d\.)\s+(?=[A-Z\[(\"]|\d\. )")
_ONLY_A_PAGE = re.compile(r"[^.]*, on page \d+")
_NO_UNIT = re.compile(r"[-\s]*|Table \d+:.*")


@frozen
class Unit:
    """A sentence, a bullet or a table row: where it stands, and its words."""

    at: str
    text: str

    @property
    def print(self) -> str:
        """The first ten hexadecimal digits of the SHA-256 of its letters and digits."""
        letters = re.sub(r"[^a-z0-9]", "", self.text.lower())
        return sha256(letters.encode()).hexdigest()[:10]


def units(document: str, headings: Collection[str]) -> Iterator[Unit]:
    """Every unit of the document in its order, numbered below its heading."""
    heading, number = "", 0
    for line in _lines(document):
        if line in headings:
            heading, number = line, 0
            continue
        for sentence in _SENTENCE_ENDS.split(line):
            if sentence.strip(" .:").lower() not in LABELS:
                number += 1
                yield Unit(f"{heading} {number}", sentence)


def _lines(document: str) -> Iterator[str]:
    """The lines that say something: marks stripped, cells joined, broken lines mended."""
    lines = [line for line in document.splitlines() if line.strip()]
    title = lines[0].strip() if lines else ""
    broken = ""
    for raw in lines:
        line = " ".join(raw.replace("*", "").split()).lstrip("- ")
        if _NO_UNIT.fullmatch(line) or _ONLY_A_PAGE.fullmatch(line) or _is_head(raw, title):
            continue
        line = f"{broken} {line}".strip()
        broken = line if line.endswith(OPEN_WORDS) else ""
        if not broken:
            yield line
    if broken:
        yield broken


def _is_head(raw: str, title: str) -> bool:
    """A page title, or the head of a table, which is printed again on every page."""
    cells = [c.strip() for c in raw.split("\t") if c.strip()]
    return raw.strip() == title or cells[-1] in TABLE_HEADS


def differences(found: Iterable[Unit], facts: Iterable[Fact]) -> Iterator[str]:
    """Sentences without a fact, facts without a sentence, and facts that name a wrong place."""
    sentences, known = list(found), {f.at: f for f in facts}
    missing = Counter(u.print for u in sentences) - Counter(f.print for f in known.values())
    gone = Counter(f.print for f in known.values()) - Counter(u.print for u in sentences)
    yield from (f"no fact: {u.print} {u.at}: {u.text}" for u in sentences if missing[u.print])
    yield from (f"no sentence: {f.print} {f.at}: {f.says}" for f in known.values()
                if gone[f.print])
    yield from (
        f"elsewhere: {u.print} stands at {u.at}" for u in sentences
        if not missing[u.print] and (u.at not in known or known[u.at].print != u.print)
    )


def main() -> int:
    """Compare, or list; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("document", type=Path)
    parser.add_argument("--list", action="store_true", help="print every sentence")
    options = parser.parse_args()
    try:
        document = options.document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        parser.error(f"cannot read {options.document}: {error}")
    found = list(units(document, {f.at.rpartition(" ")[0] for f in FACTS}))
    if options.list:
        sys.stdout.writelines(f"{u.print}\t{u.at}\t{u.text}\n" for u in found)
        return 0
    wrong = list(differences(found, FACTS))
    sys.stdout.writelines(f"{line}\n" for line in wrong)
    sys.stdout.write(f"{len(found)} sentences and rows, {len(FACTS)} facts, {len(wrong)} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
