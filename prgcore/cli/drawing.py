"""Prints or writes a drawing: picks the format, checks that it fits, and delivers it.

Law: it knows every format, and no view.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from prgcore.cli import output
from prgcore.errors import BadInput, MissingExtra

if TYPE_CHECKING:
    from prgcore.diagram import Drawn
    from prgcore.diagram.graph import Graph

SUFFIXES = {
    ".svg": "svg", ".png": "png", ".html": "html", ".htm": "html", ".mmd": "mermaid",
    ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".puml": "plantuml", ".scxml": "scxml",
    ".json": "xstate", ".csv": "csv", ".md": "markdown", ".txt": "text",
}
"""The format of a file by its name, where none is asked for."""

LAID_OUT = ("dot", "mermaid", "plantuml", "svg", "png", "html")
"""Formats of a graph that somebody lays out and looks at; the others may be of any size."""

MOST_HINTS = 4
"""How many narrower views a refusal names."""


def forms_of(shape: type[Drawn]) -> tuple[str, ...]:
    """The formats of a shape, by name; Graphviz draws the pictures of a graph."""
    from prgcore.diagram import FORMATS, Graph

    more = {"svg", "html", "png"} if shape is Graph else {"png"}
    return tuple(sorted({*FORMATS[shape], *more}))


def chosen(shape: type[Drawn], form: str | None, file: Path | None, usual: str) -> str:
    """The format: the one that is named, else the one of the file's name, else the usual one.

    Raises:
        BadInput: the shape has no such format, the file's name implies none, the file cannot
            be written, or a PNG would go to a terminal.
    """
    forms = forms_of(shape)
    if file is not None:
        output.writable(file)
    if form is None and file is not None:
        form = SUFFIXES.get(file.suffix.lower())
        if form not in forms:
            ends = ", ".join(end for end, f in SUFFIXES.items() if f in forms)
            raise BadInput(f"--output {str(file)[-80:]!r} says no format that this view has: end "
                           f"it with one of {ends}, or give --format")
    form = usual if form is None else form
    if form not in forms:
        raise BadInput(f"unknown format {form[:80]!r}; known: {', '.join(forms)}")
    if form == "png" and file is None and sys.stdout.isatty():
        raise BadInput("a PNG is no text for a terminal; give a file with -o FILE")
    return form


def deliver(
    drawn: Drawn, form: str, file: Path | None = None, narrower: Iterable[str] = ()
) -> None:
    """Print or write a drawing in the format that `chosen` returned.

    Args:
        drawn: the drawing.
        form: the format.
        file: where it is written; printed if none is given.
        narrower: returns options that make a graph small enough; called only if it is too large.

    Raises:
        BadInput: it is too large to lay out, Graphviz is missing, or the file cannot be written.
        MissingExtra: the package that makes a PNG is not installed.
    """
    made = _rendered(drawn, form, narrower)
    if file is not None:
        output.write_file(file, made)
    elif isinstance(made, bytes):
        sys.stdout.buffer.write(made)
    else:
        output.write(made)


def _rendered(drawn: Drawn, form: str, narrower: Iterable[str]) -> str | bytes:
    from prgcore.diagram import Graph, render
    from prgcore.diagram.graph import check_size

    if isinstance(drawn, Graph):
        if form in LAID_OUT:
            check_size(drawn, (*islice(narrower, MOST_HINTS), "--format text or csv, of any size"))
        if form in ("svg", "png", "html"):
            return _laid_out(drawn, form)
    elif form == "png":
        return png(render(drawn, "svg"))
    return render(drawn, form)


def _laid_out(drawn: Graph, form: str) -> str | bytes:
    from prgcore.adapters.graphviz import picture
    from prgcore.diagram import render

    text = render(drawn, "dot")
    if form == "png":
        return picture(text, "png")
    svg = picture(text, "svg").decode()
    if form == "svg":
        return svg
    from prgcore.diagram.graph_html import html

    return html(drawn, svg)


def png(svg: str) -> bytes:
    """A drawing as a PNG.

    Raises:
        MissingExtra: the package that makes it is not installed.
    """
    try:
        import resvg_py
    except ModuleNotFoundError:
        raise MissingExtra("PNG of this view", "pictures") from None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg))
