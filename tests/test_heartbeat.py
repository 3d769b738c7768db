"""Heartbeats as lines: what is sent is heard, and whatever else comes is one kind of error."""

from __future__ import annotations

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.machine import PRG
from prgcore.running.heartbeat import LONGEST, line, reader
from prgcore.running.node import reported
from prgcore.running.shapes import Heard

COLUMNS = {c: PRG.initial[0][c] for c in reported(PRG, "node1")}
HEARD = Heard(COLUMNS, 7, "r1", 12, "m12", "t1")
LINE = line("node1", HEARD)
READ = reader(PRG, "node1")


def said(**changes):
    found = {k: v for k, v in (json.loads(LINE) | changes).items() if v != "left out"}
    return json.dumps(found).encode() + b"\n"


def test_what_is_sent_is_heard():
    assert READ(LINE) == HEARD
    for other in (Heard(COLUMNS, 0), evolve(HEARD, epoch=(1 << 63) - 1)):
        assert READ(line("node1", other)) == other


def test_a_line_that_comes_again_is_not_read_again():
    assert READ(LINE) is READ(bytes(LINE))


WRONG = {
    "nothing": b"", "an empty line": b"\n", "no text": b"\xff\xfe\n", "no JSON": b"GET / HTTP/1.1\r\n",
    "half of it": LINE[:40], "two of them": LINE + LINE, "a list": b"[]\n", "a number": b"1\n",
    "deep": b"[" * 50_000 + b"\n", "long": b'"' + b"x" * LONGEST + b'"\n',
    "a key twice": LINE.replace(b'"changes": 7', b'"changes": 7, "changes": 7'),
    "a huge number": LINE.replace(b": 7", b": " + b"9" * 5_000),
    "no number": LINE.replace(b": 7", b": NaN"), "no end": LINE.replace(b": 7", b": 1e999"),
    "its own": said(node="node1 "), "the other node": said(node="node2"), "no node": said(node="left out"),
    "a list for a node": said(node=[]), "more": said(mood="fine"), "no mark": said(mark="left out"),
    "a part of a count": said(changes=1.5), "whole, but no count": said(changes=7.0),
    "a truth": said(changes=True), "below nothing": said(epoch=-1), "too many": said(epoch=1 << 63),
    "nothing for a word": said(record=None), "a long word": said(terms="x" * 100_000),
    "a line of words": said(mark="a\nb"), "half a letter": said(record="\ud800"),
    "no columns": said(columns={}), "a list of columns": said(columns=list(COLUMNS)),
    "one column short": said(columns=dict(list(COLUMNS.items())[1:])),
    "one column more": said(columns=COLUMNS | {"node1.mood": "fine"}),
    "a column of the other node": said(columns={
        c.replace("node1", "node2"): v for c, v in COLUMNS.items()}),
    "no value": said(columns=dict.fromkeys(COLUMNS, "fine")),
    "lists for values": said(columns={c: [v] for c, v in COLUMNS.items()}),
}


@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG)
def test_whatever_else_comes_is_bad_input(data):
    with pytest.raises(BadInput) as caught:
        READ(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@given(st.integers(0, len(LINE) - 1), st.integers(0, 255))
def test_one_flipped_byte_is_heard_or_refused(place, byte):
    data = LINE[:place] + bytes([byte]) + LINE[place + 1:]
    try:
        heard = READ(data)
    except BadInput:
        return
    assert heard.columns.keys() == COLUMNS.keys()
    assert all(v in PRG.columns[c].domain for c, v in heard.columns.items())


@given(st.binary(max_size=300))
def test_any_bytes_are_heard_or_refused(data):
    with pytest.raises(BadInput):
        READ(data)
