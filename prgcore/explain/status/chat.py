"""Chat: `imp1: Idle, imp2 is Failed (Critical Service Down)`, as people type it.

Anything may precede a colon: a disk, a step, a time. So a line is read only if the names are
surely those of hosts, all that follows them is a state, perhaps with a reason, and nothing is left.

Law: a line is read as a whole, or not at all; it needs the company of another host, and a text in
which nothing else is a status. `grouping` drops what is in words that every program has.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from prgcore.explain.status.hosts import is_host
from prgcore.explain.status.shapes import Head, Item, Seen
from prgcore.explain.status.words import MARKS, Words, squeezed
from prgcore.vocabulary import State

__all__ = ["items_of"]

_LONGEST_LINE = 1_000
_LEAD = re.compile(r"[\s|*#•·+-]{0,40}(?:\d{1,2}[.)] {1,2})?")
_SAYS = re.compile(
    r"(?<![\w.@-])[*_`\"']{0,3}(?P<host>[^\W_][\w.-]{0,150}\w)[*_`\"']{0,3}(?: ?\((?:(?:pub|sub)\w{0,10}|[\d.]{1,15})\))?"
    r"(?: ?(?::|=>|->|=|\u2192) ?| {1,3}[-\u2013\u2014] {1,3}| (?:is|shows)(?: now)?(?: in)? )",
    re.IGNORECASE)
_PLAIN = re.compile(r"[\w\s/(),.;:*`'\"\u2013\u2014-]*!?\s*")
_JOINT = re.compile(r"(?:\b(?:and|while|but)|[&+])?[\s,]*$")
_BECAUSE = re.compile(r"\W+(?:reason|because of|due to)\b\W*", re.IGNORECASE)


def items_of(lines: Sequence[str], words: Words, taken: set[int]) -> dict[int, list[Item]]:
    """The nodes in lines one below the other, by the first of them, from 0; it takes all of them.

    Nothing if such lines are in several places: what should be is typed like what is.
    """
    rows = [n for n, line in enumerate(lines) if line.strip()]
    read = [_nodes("" if n in taken else lines[n], n, words) for n in rows]
    here = [at for at, (nodes, _) in enumerate(read) if nodes]
    run = [node for nodes, _ in read for node in nodes]
    if len({node.name.casefold() for node in run}) < 2 or not any(node.state for node in run) \
            or here[-1] - here[0] >= len(here):
        return {}
    below = "".join(lines[n] for n in rows[here[-1] + 1:][:1])
    if _goes_on(read[here[-1]][1], below, words):
        return {}
    taken |= {node.line for node in run}
    return {run[0].line: [Head("", nodes=len(run)), *run]}


def _nodes(line: str, n: int, words: Words) -> tuple[list[Seen], str]:
    """The nodes of a line and what it says of the last; nothing if it says anything else."""
    lead = _LEAD.match(line)
    start = lead.end() if lead else 0
    if len(line) > _LONGEST_LINE or not _SAYS.match(line, start):
        return [], ""
    says = [one for one in _SAYS.finditer(line, start) if is_host(one["host"])]
    if not says or says[0].start() != start:
        return [], ""
    nodes, value = list[Seen](), ""
    for one, after in pairwise([*says, None]):
        assert one is not None, "BUG: no host"
        value = _JOINT.sub("", line[one.end():after.start() if after else len(line)])
        node = Seen("", one["host"], n, lines={n})
        if not _say(node, value, words):
            return [], ""
        nodes.append(node)
    return nodes, value


def _say(node: Seen, text: str, words: Words) -> bool:
    """Take the state and the reason that are all of a text; False if it says anything else."""
    if not _PLAIN.fullmatch(text):
        return False
    text = text.strip(MARKS + "!")
    if words.blank(text):
        return bool(squeezed(text))
    state, rest = words.begin("state", text := _BECAUSE.sub(" / ", text, count=1))
    if state is None and not re.search(r"[,;/()]", text):
        state = words.read("state", text)
    own = words.own("state", text[:len(text) - len(rest)])
    rest = rest.strip(MARKS)
    reason = words.read("reason", rest)
    if not state or not (reason or words.blank(rest)) or (state == State.UNKNOWN and not reason):
        return False  # a person may not know it
    node.say("state", "", state)
    node.say("reason", "", reason)
    node.own = own or words.own("reason", rest)
    return True


def _goes_on(value: str, line: str, words: Words) -> bool:
    """Whether a line may continue what the text says of a node above it."""
    more = f"{value.strip(MARKS)} {line.strip()}"
    reason = words.begin("state", value.strip(MARKS))[1].strip(MARKS)
    return bool(words.goes_on("state", more, value) or words.meant("reason", line.strip())
                or _BECAUSE.match(f" {line}")
                or (reason and words.goes_on("reason", f"{reason} {line.strip()}", reason)))
