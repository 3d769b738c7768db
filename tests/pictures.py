"""What tests of pictures share: the words and boxes of an SVG; machines and stories to draw."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from prgcore.diagram.svg import room
from prgcore.model import Column, Event, Invariant, Model, Possible, Rule
from prgcore.vocabulary import Kind
from tests.planted import FAULTS

NS = "{http://www.w3.org/2000/svg}"
HOSTILE = 'a"<script>&\';#--> ]]> | \\ `*_[x](y)\n\r\t\x00\x07\u2028\ud800 %s {ü} end'

LIT = next(f for f in FAULTS if f.name == "broken invariant").model
STORY = """light(node1)
refused light(node2)
impossible burn_out(node1)
mains_fail
ignored rest(node1)
expect mains = on
warm(node1)
"""
"""What is drawn once in every format: it is refused, ignored and untrue, and breaks a promise."""

Box = tuple[float, float, float, float]

NASTY = Model(
    name=HOSTILE,
    columns=(Column(HOSTILE, (HOSTILE, "=1+1")), Column("node1.state", ("|", "-->"))),
    initial=(((HOSTILE, HOSTILE), ("node1.state", "|")),),
    events=(Event("go", Kind.COMMAND, HOSTILE), Event("tick(node1)", Kind.TIMER, "node1")),
    possible=(Possible("tick(node1)", {}),),
    rules=(
        Rule("R<1>", "go", {HOSTILE: HOSTILE}, {HOSTILE: "=1+1"}, why=HOSTILE, cite=(HOSTILE,),
             actions=("<a>",)),
        Rule("R2", "tick(node1)", {"node1.state": "|"}, {"node1.state": "-->"}),
        Rule("R3", "tick(node1)", {"node1.state": "-->"}, {"node1.state": "|"}),
    ),
    invariants=(Invariant("I<", HOSTILE, {"node1.state": "-->", HOSTILE: "=1+1"}),),
)
"""Every name that a machine may choose means something to some format."""


def parsed(svg: str) -> ET.Element:
    """The picture; its named and described root."""
    root = ET.fromstring(svg)
    assert root.tag == f"{NS}svg"
    assert root.get("role") in {"img", "graphics-document"}
    assert [child.tag for child in root[:2]] == [f"{NS}title", f"{NS}desc"]
    assert root[1].text
    return root


def words(root: ET.Element) -> list[tuple[str, Box]]:
    """Every text with the room that it takes at most: left, top, right, bottom."""
    found = []
    for text in root.iter(f"{NS}text"):
        said, size = text.text or "", float(text.get("font-size", "16"))
        x, y, wide = float(text.get("x", "")), float(text.get("y", "")), room(said, size)
        left = x - {"middle": wide / 2, "end": wide}.get(text.get("text-anchor", ""), 0)
        box = left, y - 0.8 * size, left + wide, y + size / 4
        if "rotate(-90" in text.get("transform", ""):
            box = x - 0.8 * size, y - wide, x + size / 4, y
        found.append((said, box))
    return found


def boxes(root: ET.Element, narrow: float = 10) -> list[Box]:
    """Every box that is wider than this; no page, and no shade behind what stands on it."""
    found = []
    for shape in root.iter():
        if shape.tag == f"{NS}polygon" and (shape.get("class") or "").startswith("r-"):
            points = [tuple(map(float, p.split(","))) for p in shape.get("points", "").split()]
            xs, ys = zip(*points, strict=True)
            found.append((min(xs), min(ys), max(xs), max(ys)))
        elif shape.tag == f"{NS}rect" and shape.get("class") != "page" \
                and not shape.get("fill-opacity"):
            x, y = float(shape.get("x", "")), float(shape.get("y", ""))
            found.append((x, y, x + float(shape.get("width", "")), y + float(shape.get("height", ""))))
    return [b for b in found if b[2] - b[0] > narrow]


def within(root: ET.Element) -> None:
    """Everything stands inside the page."""
    _, _, wide, high = map(float, root.get("viewBox", "").split())
    for said, (left, top, right, bottom) in (*words(root), *(("box", b) for b in boxes(root))):
        assert left >= 0, said
        assert top >= 0, said
        assert right <= wide, said
        assert bottom <= high, said


def overlapping(some: list[Box]) -> list[tuple[Box, Box]]:
    """Boxes that overlap, unless one is the inner line of the other."""
    found = []
    for number, one in enumerate(some):
        for other in some[number + 1:]:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            inner = round(other[0] - one[0], 1) == round(one[2] - other[2], 1) == 3
            if not apart and not inner:
                found.append((one, other))
    return found
