"""The site as it is built: no warning, no broken link, nothing from elsewhere, readable by all."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from attrs import define, field

from prgcore.tables.machine import TABLE
from tests.browser import chromium
from tests.pages import PAGES, ROOT

HREF = "{http://www.w3.org/1999/xlink}href"


@define
class Page(HTMLParser):
    """What of a page can be wrong: where it leads, what it loads, what it leaves unsaid."""

    file: Path
    ids: set[str] = field(factory=set)
    twice: set[str] = field(factory=set)
    links: list[str] = field(factory=list)
    loads: list[str] = field(factory=list)
    silent: list[str] = field(factory=list)
    language: str = ""
    title: str = ""
    _in_title: bool = False

    def __attrs_post_init__(self) -> None:
        super().__init__()
        self.feed(self.file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title" and not self.title
        if tag == "html":
            self.language = of.get("lang", "")
        if "id" in of:
            self.twice |= {of["id"]} & self.ids
            self.ids.add(of["id"])
        if tag == "a" and "href" in of:
            self.links.append(of["href"])
        self.loads += [of[name] for name in ("src", "data") if name in of and tag != "a"]
        self.loads += [of["href"]] if tag == "link" and of.get("rel") != "search" else []
        if tag == "img" and not of.get("alt", "").strip():
            self.silent.append(of.get("src", "?"))

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title, self._in_title = data.strip(), False


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2", "-b", "html",
         "-d", str(built / ".doctrees"), "docs", str(built)],
        cwd=ROOT, check=False, capture_output=True, encoding="utf-8",
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return built


@pytest.fixture(scope="module")
def built(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html")) if "_downloads" not in path.parts]


@cache
def _ids(file: Path) -> set[str]:
    return Page(file).ids


def _broken(target: str, seen_from: Path) -> bool:
    path, _, anchor = target.partition("#")
    file = (seen_from.parent / path).resolve() if path else seen_from
    if not file.is_file():
        return True
    return bool(anchor) and file.suffix == ".html" and anchor not in _ids(file)


def _elsewhere(target: str) -> bool:
    return re.match(r"(?:\w+:)?//", target) is not None


def test_every_page_is_built(site: Path) -> None:
    sources = [p.relative_to(ROOT / "docs") for p in PAGES if ROOT / "docs" in p.parents]
    assert len(sources) > 50
    assert all((site / p.with_suffix(".html")).is_file() for p in sources)


def test_no_link_is_broken(built: list[Page]) -> None:
    broken = [
        f"{page.file.name}: {link}" for page in built for link in page.links
        if not _elsewhere(link) and _broken(link, page.file)
    ]
    assert sum(len(page.links) for page in built) > 5_000
    assert not broken


def test_nothing_is_loaded_from_elsewhere(built: list[Page], site: Path) -> None:
    loads = [(page.file, link) for page in built for link in page.loads]
    assert [link for _, link in loads if _elsewhere(link)] == []
    assert [link for file, link in loads
            if link[:5] != "data:" and _broken(link.partition("?")[0], file)] == []
    for sheet in site.rglob("*.css"):
        assert not re.findall(r"url\(['\"]?(?:https?:)?//", sheet.read_text(encoding="utf-8"))


def test_pages_can_be_read_aloud(built: list[Page]) -> None:
    assert [page.file.name for page in built if page.language != "en" or not page.title] == []
    assert [(page.file.name, page.silent) for page in built if page.silent] == []
    assert [(page.file.name, page.twice) for page in built if page.twice] == []


def test_anchors_are_stable(site: Path) -> None:
    rules = Page(site / "reference/rules.html").ids
    assert {r.id.lower() for _, rows in TABLE.phases for r in rows} <= rules
    assert {"row-12", "row-11a"} <= Page(site / "reference/situations.html").ids
    assert "normal" in Page(site / "reference/states.html").ids


@pytest.mark.dot
def test_pictures_lead_to_what_they_show(site: Path) -> None:
    page = Page(site / "reference/diagrams.html")
    text = (ROOT / "docs/pictures/graphs.dot").read_text("utf-8")
    graphs = [one for one in re.findall(r"^// (.*)", text, re.MULTILINE)
              if one != "active-standby"]  # it has a page of its own
    drawn = [x for x in page.loads if x.endswith(".svg") and "legend" not in x]
    assert len([x for x in drawn if "graphviz-" in x]) == len(graphs) > len(TABLE.phases)
    assert [x for x in drawn if "graphviz-" not in x] == ["../_images/matrix.svg"]
    for name in drawn:
        file = (page.file.parent / name).resolve()
        links = [a for a in ET.parse(file).getroot().iter() if a.tag.endswith("}a")]
        assert len(links) > 3
        assert {a.get("target") for a in links} == {"_parent"}
        assert [at for a in links if _broken(at := a.get(HREF) or a.get("href") or "", file)] == []


LEGIBLE = 9
"""How many pixels high the smallest letters of a picture are at least."""


@pytest.mark.dot
@pytest.mark.parametrize(("width", "scrolls"), [(1280, False), (390, True)])
def test_pictures_fit_their_column_and_can_be_read(
    site: Path, width: int, *, scrolls: bool
) -> None:
    """On a desktop none is wider than its column; on a phone one may scroll in its own box."""
    with chromium() as browser:
        shown = browser.new_context(viewport={"width": width, "height": 844}).new_page()
        seen = 0
        for page in ("index", "reference/diagrams", "reference/stories"):
            shown.goto((site / f"{page}.html").as_uri())
            for at, box, column in shown.evaluate("""() => [
                ...document.querySelectorAll("article img, article object")].map((drawn) => [
                    drawn.src ?? drawn.data, drawn.getBoundingClientRect().width,
                    drawn.closest(".picture").clientWidth])"""):
                text = Path(urlsplit(at).path).read_text("utf-8")
                wide = float(re.findall(r'viewBox="[\d.]+ [\d.]+ ([\d.]+)', text)[0])
                smallest = min(map(float, re.findall(r'font-size="([\d.]+)"', text)))
                assert smallest * box / wide >= LEGIBLE - 0.05, at
                assert box <= column or (scrolls and Path(at).name not in FIRST), at
                seen += 1
    assert seen > 40


FIRST = ("failover.svg", "legend.svg")
"""Pictures that are whole on a phone."""


def test_sentences_of_obligations_have_room(site: Path) -> None:
    """The column of sentences is the widest, and nothing of the table is out of sight."""
    with chromium() as browser:
        for width in (390, 1280):
            shown = browser.new_context(viewport={"width": width, "height": 844}).new_page()
            shown.goto((site / "reference/obligations.html").as_uri())
            table, sentences = shown.evaluate("""() => [
                document.querySelector(".table-wrapper"), document.querySelector("td:nth-child(2)"),
            ].map((part) => [part.scrollWidth, part.clientWidth])""")
            assert table[0] == table[1]
            assert sentences[1] > 0.55 * table[1]


def test_axe_finds_nothing_serious(site: Path) -> None:
    pages = ("index", "operators", "reference/diagrams")
    with chromium() as browser:
        from axe_playwright_python.sync_playwright import Axe

        for scheme in ("light", "dark"):
            shown = browser.new_context(color_scheme=scheme).new_page()
            for page in pages:
                shown.goto((site / f"{page}.html").as_uri())
                found = Axe().run(shown).response["violations"]
                assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


def test_no_page_is_wider_than_its_window(site: Path) -> None:
    with chromium() as browser:
        for width in (375, 1280):
            shown = browser.new_context(viewport={"width": width, "height": 800}).new_page()
            for page in ("index", "embed", "reference/diagrams", "reference/rules", "explorer"):
                shown.goto((site / f"{page}.html").as_uri())
                assert shown.evaluate("document.documentElement.scrollWidth") <= width, page
