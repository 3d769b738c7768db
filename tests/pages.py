"""The pages of documentation, and the modules that make them."""

from __future__ import annotations

import re
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *(p for p in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in p.parts),
]
WRITTEN = [page for page in PAGES if page.parent != REFERENCE]
"""The pages that a person writes."""


def name(page: Path) -> str:
    """A page as a person calls it."""
    return str(page.relative_to(ROOT))


def docs(module: str) -> ModuleType:
    """A module of the folder docs."""
    folder = str(ROOT / "docs")
    if folder not in sys.path:
        sys.path.append(folder)
    return import_module(module)


@cache
def anchors(page: Path) -> tuple[str, ...]:
    """Where a link can lead on a page: its headings as GitHub calls them, and its own anchors."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return (*map(slug, re.findall(r"^#+ (.*)$", text, re.MULTILINE)), *own_anchors(text))


def own_anchors(text: str) -> list[str]:
    """The anchors that a page sets itself."""
    return re.findall(r'<a id="([^"]+)"></a>', text)


def slug(heading: str) -> str:
    """The anchor of a heading: lower case, dashes for spaces, no other punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
