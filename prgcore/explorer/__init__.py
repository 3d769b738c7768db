"""The explorer: a machine as one HTML file, through which a reader steps.

Law: a reader of the table. The file needs nothing else: no network (its own policy forbids it),
no library, nothing stored. It runs the same table as the engine; a test walks both. Pure: text
out; the same machine gives the same bytes.

`machine.js` decides, `meaning.js` looks up what it means, `story.js` reads and writes,
`sequence.js` draws, `words.js` names, `cards.js`, `panels.js`, `lists.js` and `networks.js` show,
`finder.js` finds, `view.js` listens; each of them knows only those before it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from prgcore.diagram.palette import PALETTE, STANDINGS, Look
from prgcore.engine import Engine
from prgcore.explorer.networks import networks as told_of
from prgcore.explorer.payload import LONGEST, payload
from prgcore.network.story import is_story

__all__ = ["LONGEST", "page"]

SCRIPTS = (
    "machine.js", "meaning.js", "story.js", "sequence.js", "words.js", "cards.js", "panels.js",
    "lists.js", "networks.js", "finder.js", "view.js",
)
"""The parts of the script, each after those that it uses."""


def page(
    engine: Engine, story: str = "", links: str = "",
    pairs: Sequence[Mapping[str, str]] | None = None,
    networks: tuple[tuple[str, str], ...] = (),
) -> str:
    """The explorer of a machine, as the text of an HTML file.

    Args:
        engine: the machine.
        story: the text of a story with which to begin, of a pair or of a network; "": where the
            machine is at home.
        links: the address of the reference, to which rules and rows then link; "": no links.
        pairs: of a machine without an atlas what a search found, for its map
            (`prgcore.diagram.matrix.matrix`) and its displays; None: no map.
        networks: stories of networks, each with a title, beside those that the machine is shipped
            with.

    Raises:
        BadInput: one of these is not a story of a network.
    """
    script = "".join(['"use strict";\n(() => {\n', *map(_part, SCRIPTS), "})();\n"])
    style = _part("style.css") + _colours()
    if of_network := is_story(story):
        networks, story = (("The given story", story), *networks), ""
    told = payload(engine, story, links, pairs) | {
        "networks": told_of(engine, networks), "begins": of_network}
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_part("page.html")).substitute(
        name=escape(engine.model.name), policy=escape(policy, quote=False), style=style,
        script=script, data=_embedded(told),
    )


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    """The name of a script or a style in a content security policy."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(value: dict[str, Any]) -> str:
    """JSON that no HTML parser takes for markup."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _colours() -> str:
    """The palette as custom properties, for light pages and dark ones."""
    looks: dict[str, Look] = {
        **{f"role-{name}": look for name, look in PALETTE.items()},
        **{f"standing-{name}": look for name, look in STANDINGS.items()},
    }
    lines = (
        f"  --{name}: light-dark({look.fill}, {look.dark});\n"
        f"  --{name}-line: light-dark({look.stroke}, "
        f"color-mix(in oklab, {look.fill} 70%, {look.dark}));\n"
        for name, look in looks.items()
    )
    rules = (
        f".{name} {{ background: var(--{name}); border-color: var(--{name}-line); "
        f"fill: var(--{name}); stroke: var(--{name}-line); }}\n"
        for name in looks
    )
    return ":root {\n" + "".join(lines) + "}\n" + "".join(rules)
