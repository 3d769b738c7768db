# ruff: noqa: INP001
"""How Sphinx builds the site: `make docs`.

Law: every page reads well as plain Markdown; what Sphinx needs beyond it is added here, while it
reads: the navigation (from the links of an index page), anchors (`<a id="m100"></a>`), pictures
laid out in place of Mermaid text; and, when it is built, the explorer and the pictures of stories.
Nothing is fetched from a network, ever.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from docutils import nodes

sys.path.append(str(Path(__file__).parent))

from writer import stories

from prgcore import __version__
from prgcore.explorer import page
from prgcore.machine import prg

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project, author, release = "prgcore", "The prgcore developers", __version__
html_title = f"prgcore {release}"
extensions = ["myst_parser", "sphinx.ext.graphviz", "sphinx_copybutton"]
exclude_patterns = ["_build"]
language = "en"
html_theme = "furo"
html_theme_options = {"navigation_with_keys": True}
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = html_copy_source = html_show_copyright = False
html_domain_indices = html_use_index = False
graphviz_output_format = "svg"
graphviz_dot_args = [f"-{kind}target=_parent" for kind in "GNE"]
myst_heading_anchors = 4
myst_links_external_new_tab = False
copybutton_prompt_text = "$ "
copybutton_line_continuation_character = "\\"

EXPLORER = "explorer.html"
STORIES = "stories"
INDEXES = ("index", "reference/index", "decisions/README")
_EXPLORER = (
    '<ul><li class="toctree-l1"><a class="reference internal" href="{}">'
    "Explorer: step through the machine</a></li></ul>"
)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)
_PAGE = re.compile(r"\]\(([\w./-]+)\.md\)")
_ANCHOR = re.compile(r'<a id="([^"]+)">')
_DRAWN = re.compile(
    r'<div class="graphviz"><object data="([^"]+)".*?<p class="warning">(.*?)</p></object></div>',
    re.DOTALL)
_IMAGE = re.compile(r'<p><img alt="([^"]*)" src="([^"]+\.svg)" /></p>')
_PICTURE = re.compile(r"<!-- dot: (\S+) \| (.+?) -->\n+```mermaid\n(.*?)```\n", re.DOTALL)
_SEQUENCE = re.compile(r"<!-- sequence: (\S+) \| (.+?) -->")
_WIDE = re.compile(r'<(?:\w+:)?svg [^>]*?width="([\d.]+)(pt)?" height="([\d.]+)', re.DOTALL)
_TYPE = re.compile(r'font-size(?:="|: )([\d.]+)')
PICTURES = Path(__file__).parent / "pictures"
LEGIBLE = 9
"""How large the smallest letters of a picture are at least, in pixels: a picture that would be
smaller on a narrow page scrolls in its own box."""


def read(app: Sphinx, name: str, source: list[str]) -> None:
    """Text as Sphinx gets it: laid out pictures, and the navigation below an index."""
    def told(found: re.Match[str]) -> str:
        address = f"{STORIES}/{found[1]}.svg"
        return _drawn(address, Path(app.outdir, "reference", address), found[2])

    text = _PICTURE.sub(_laid_out if which("dot") else r"```text\n\3```\n", source[0])
    text = _SEQUENCE.sub(told, text)
    if name in INDEXES:
        text += navigation(text, Path(name).parent)
    source[0] = text


def _laid_out(picture: re.Match[str]) -> str:
    return f"```{{graphviz}}\n:alt: {picture[2]}\n\n{_graphs()[picture[1]]}```\n"


@cache
def _graphs() -> dict[str, str]:
    """The text of each graph, by name."""
    text = (PICTURES / "graphs.dot").read_text("utf-8")
    _, *parts = re.split(r"^// (.+)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def size(svg: str) -> str:
    """The style of a picture: as wide as the page, but neither enlarged nor too small to read."""
    found = _WIDE.search(svg)
    assert found, "BUG: a picture without a size"
    scale = 4 / 3 if found[2] else 1.0
    wide, high = float(found[1]), float(found[3])
    least = LEGIBLE * wide / min(map(float, _TYPE.findall(svg)))
    return (f"max-width: {wide * scale:.0f}px; min-width: {min(least, wide * scale):.0f}px; "
            f"aspect-ratio: {wide:g} / {high:g}")


def navigation(text: str, folder: Path) -> str:
    """The pages that an index links to, a hidden toctree for every heading."""
    first, *rest = _HEADING.split(text)
    parts = [*zip(rest[::2], rest[1::2], strict=True)] or [("", first)]
    trees, seen = [], set()
    for caption, part in parts:
        inside = [p for p in dict.fromkeys(_PAGE.findall(part)) if p not in seen and ".." not in p]
        seen |= set(inside)
        if inside:
            named = f":caption: {caption}\n" if caption and folder == Path() else ""
            trees.append("\n```{toctree}\n:hidden:\n" + named + "\n".join(inside) + "\n```\n")
    return "".join(trees)


def anchor(app: Sphinx, document: nodes.document) -> None:
    """An anchor before a heading is the heading's; every anchor can be linked to."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for raw in list(document.findall(nodes.raw)):
        found, paragraph = _ANCHOR.fullmatch(raw.astext()), raw.parent
        if found is None:
            continue
        name, section = found[1], paragraph.next_node(nodes.section, descend=False, ascend=True)
        slugs[name] = (raw.line, name, name)
        if not paragraph.astext().removeprefix(raw.astext()).removeprefix("</a>") and section:
            section["ids"] = [name, *(i for i in section["ids"] if i != name)]
            paragraph.parent.remove(paragraph)


def _drawn(address: str, file: Path, says: str) -> str:
    """A picture in a box in which it scrolls; as a document, where its links lead somewhere."""
    svg = file.read_text("utf-8")
    if 'href="./' in svg or 'href="../' in svg:
        drawn = (f'<object data="{address}" type="image/svg+xml" aria-label="{says}" '
                 f'style="{size(svg)}" tabindex="0"></object>')
    else:
        drawn = f'<img src="{address}" alt="{says}" style="{size(svg)}" loading="lazy">'
    return f'<div class="picture" tabindex="0" role="group" aria-label="picture">{drawn}</div>'


def readable(
    app: Sphinx, _page: str, _template: str, context: dict[str, Any], _document: object
) -> None:
    """What the theme leaves out: sizes of pictures, and help for readers without sight or mouse."""
    def laid_out(found: re.Match[str]) -> str:
        return _drawn(found[1], Path(app.outdir, "_images", Path(found[1]).name), found[2])

    def image(found: re.Match[str]) -> str:
        return _drawn(found[2], PICTURES / Path(found[2]).name, found[1])

    body = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    context["body"] = _IMAGE.sub(image, _DRAWN.sub(laid_out, body))
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = _EXPLORER.format(context["pathto"](EXPLORER, 1)) + (
        tree.replace('role="heading"', 'role="heading" aria-level="2"'))


def tell(app: Sphinx) -> None:
    """The pictures of the stories, before a page asks how large they are."""
    if app.builder.format == "html":
        folder = Path(app.outdir, "reference", STORIES)
        folder.mkdir(parents=True, exist_ok=True)
        for name, svg in stories.drawn():
            (folder / f"{name}.svg").write_text(svg, encoding="utf-8")


def explorer(app: Sphinx, failed: Exception | None) -> None:
    """The explorer of the machine, beside the pages."""
    if failed is None and app.builder.format == "html":
        Path(app.outdir, EXPLORER).write_text(page(prg(), links="reference/"), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """The hooks that run while Sphinx reads."""
    app.connect("builder-inited", tell)
    app.connect("source-read", read)
    app.connect("doctree-read", anchor, priority=100)
    app.connect("html-page-context", readable, priority=900)
    app.connect("build-finished", explorer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
