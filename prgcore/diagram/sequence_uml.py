"""A sequence in the languages of Mermaid and PlantUML. Law: text only; every word is quoted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from prgcore.diagram import palette
from prgcore.diagram.palette import PALETTE, Role
from prgcore.diagram.sequence import (
    BROKEN,
    CUT,
    LOST,
    REMARK,
    SENT,
    TWICE,
    Item,
    Message,
    Note,
    Sequence,
    Span,
    check_size,
)
from prgcore.seats import NODES
from prgcore.words import clean

__all__ = ["mermaid", "plantuml"]

_PEOPLE = ("administrator", "world")
_ENTITIES = str.maketrans({c: f"#{ord(c)};" for c in "#;%`&\\{}"} | {
    '"': "#quot;", "<": "#lt;", ">": "#gt;",
})


def mermaid(drawn: Sequence) -> str:
    """The sequence as a Mermaid `sequenceDiagram`; failures are in a frame."""
    check_size(drawn)
    title = clean(drawn.title).translate({ord("<"): "(", ord(">"): ")"})  # it would be markup
    lines = [
        "---", f"title: {json.dumps(title, ensure_ascii=False)}", "---",
        "sequenceDiagram",
        *(f"  {'actor' if life.id in _PEOPLE else 'participant'} {life.id} as {life.label}"
          for life in drawn.lives),
    ]
    for item in map(_plain, drawn.items):
        if isinstance(item, Message):
            arrow = "-x" if item.part == LOST else "-)" if item.part else (
                "-->>" if item.dashed else "->>")
            lines.append(f"  {item.source}{arrow}{item.target}: {_mermaid(item.text)}")
            continue
        note = f"  Note over {_over(item)}: {'<br/>'.join(map(_mermaid, item.text))}"
        broken = item.role == BROKEN
        lines += [f"  rect {_rgb(palette.BROKEN.stroke)}", f"  {note}", "  end"] if broken else [note]
    return "\n".join(lines) + "\n"


def _plain(item: Item) -> Message | Note:
    """The nearest that these languages have: a note where a message sets out, or a span begins."""
    if isinstance(item, Span):
        over = item.over if item.role == CUT and len(item.over) == 1 else NODES
        return Note(over, (item.text,), BROKEN if item.role == TWICE and not item.ends else REMARK)
    if isinstance(item, Message) and item.part == SENT:
        return Note((item.source,), (f"sends {item.text}",), REMARK)
    return item


def _mermaid(words: str) -> str:
    quoted = clean(words).translate(_ENTITIES)
    return re.sub(r"\bend\b", "#101;nd", quoted) or "#8203;"


def _rgb(colour: str) -> str:
    red, green, blue = bytes.fromhex(colour[1:])
    return f"rgb({red}, {green}, {blue})"


def _over(note: Note) -> str:
    return note.over[0] if len(note.over) == 1 else f"{note.over[0]},{note.over[-1]}"


def plantuml(drawn: Sequence) -> str:
    """The sequence as a PlantUML sequence diagram, its notes in the colours of the palette."""
    check_size(drawn)
    lines = [
        "@startuml", f"title {_plantuml(drawn.title)}", "hide footbox",
        *(f'{"actor" if life.id in _PEOPLE else "participant"} "{life.label}" as {life.id}'
          for life in drawn.lives),
    ]
    for item in map(_plain, drawn.items):
        if isinstance(item, Message):
            arrow = "->x" if item.part == LOST else "->>" if item.part else (
                "-->" if item.dashed else "->")
            lines.append(f"{item.source} {arrow} {item.target} : {_plantuml(item.text)}")
        else:
            lines += _plantuml_note(item)
    return "\n".join([*lines, "@enduml"]) + "\n"


def _plantuml_note(note: Note) -> Iterator[str]:
    """A note; a hexagon for a transition, a rectangle for any other state."""
    looks = {REMARK: PALETTE[Role.PLAIN], BROKEN: palette.BROKEN}
    look = looks.get(note.role) or PALETTE[Role(note.role)]
    opens = "note" if note.role in looks else "hnote" if look.shape == "hexagon" else "rnote"
    yield f"{opens} over {_over(note)} {look.fill}"
    yield from map(_plantuml, note.text)
    yield f"end{opens}"


def _plantuml(words: str) -> str:
    """Words with every sign that means something to PlantUML as its number."""
    quoted = re.sub(r"[^\w\s(),.:;=+?/-]|__|--|//|==|\.\.|^=", lambda m: "".join(
        f"<U+{ord(c):04X}>" for c in m[0]), clean(words))
    return re.sub(r"^(?=\s*$)|^(?=end)", "<U+200B>", quoted)
