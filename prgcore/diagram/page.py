"""A page around a picture: one file, no network, no script. Law: text only; words are escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from prgcore.words import clean

__all__ = ["listing", "page"]

_STYLE = """\
:root{color-scheme:light dark}
body{margin:0 auto;padding:1.5rem;max-width:75rem;font:16px/1.5 system-ui,sans-serif;\
color:#1b1f24;background:#fff}
h1{font-size:1.4rem;line-height:1.25;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin-top:2rem}
a{color:#0b57d0}
figure{margin:0;overflow-x:auto}
:focus-visible{outline:3px solid #0b57d0}
figure svg{height:auto}
@media (min-width:60rem){figure svg{max-width:100%}}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d0d7de}
td{overflow-wrap:break-word}
code{font-size:.9em}
.table{overflow-x:auto}
.table table{min-width:46rem}
@media (prefers-color-scheme:dark){body{color:#f2f2f2;background:#16181c}a{color:#8ab4f8}\
:focus-visible{outline-color:#8ab4f8}th,td{border-color:#444c56}}
@media print{body{max-width:none;padding:0}}
"""


def page(title: str, svg: str, body: str = "") -> str:
    """A whole HTML document: the picture, and the body below it.

    Args:
        title: plain text.
        svg: the picture, as markup; anything before its root element is left out.
        body: markup.
    """
    named = escape(clean(title))
    return (
        "<!DOCTYPE html>\n"
        '<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{named}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{named}</h1>\n"
        f'<figure tabindex="0" role="group" aria-label="picture">\n{svg[svg.index("<svg"):]}</figure>\n'
        f"{body}</main>\n</body>\n</html>\n"
    )


def listing(heading: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table under a heading; cells are markup."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in columns)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return (f'<h2>{escape(heading)}</h2>\n<div class="table" tabindex="0" role="region" '
            f'aria-label="{escape(clean(heading))}">\n<table>\n<thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{lines}</tbody>\n</table>\n</div>\n")
