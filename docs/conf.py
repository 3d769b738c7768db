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
_DRAWN = re.compile(r'<object (.*?)>\s*<p class="warning">(.*?)</p>', re.DOTALL)
_PICTURE = re.compile(r"<!-- dot: (\S+) \| (.+?) -->\n+```mermaid\n(.*?)```\n", re.DOTALL)
_SEQUENCE = re.compile(r"<!-- sequence: (\S+) \| (.+?) -->")


def read(_app: Sphinx, name: str, source: list[str]) -> None:
    """Text as Sphinx gets it: laid out pictures, and the navigation below an index."""
    text = _PICTURE.sub(_laid_out if which("dot") else r"```text\n\3```\n", source[0])
    text = _SEQUENCE.sub(rf'<img src="{STORIES}/\1.svg" alt="\2" loading="lazy">', text)
    if name in INDEXES:
        text += navigation(text, Path(name).parent)
    source[0] = text


def _laid_out(picture: re.Match[str]) -> str:
    return f"```{{graphviz}} {picture[1]}\n:alt: {picture[2]}\n:align: center\n```\n"


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


def readable(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _document: object
) -> None:
    """What the theme leaves unsaid to who cannot see the page, or has no mouse."""
    body = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    context["body"] = _DRAWN.sub(r'<object \1 aria-label="\2" tabindex="0">', body)
    tree = context.get("furo_navigation_tree", "")
    context["furo_navigation_tree"] = _EXPLORER.format(context["pathto"](EXPLORER, 1)) + (
        tree.replace('role="heading"', 'role="heading" aria-level="2"'))


def drawn(app: Sphinx, failed: Exception | None) -> None:
    """What is made with the site: the explorer of the machine, and the pictures of its stories."""
    if failed is None and app.builder.format == "html":
        built = Path(app.outdir)
        (built / EXPLORER).write_text(page(prg(), links="reference/"), encoding="utf-8")
        (built / "reference" / STORIES).mkdir(exist_ok=True)
        for name, svg in stories.drawn():
            (built / "reference" / STORIES / f"{name}.svg").write_text(svg, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """What is done while reading."""
    app.connect("source-read", read)
    app.connect("doctree-read", anchor, priority=100)
    app.connect("html-page-context", readable, priority=900)
    app.connect("build-finished", drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
