"""Each of the 26 combinations of Table 2, from both seats, in every spelling of a paste: one answer."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest

from prgcore import PRG
from prgcore.cli import main
from prgcore.seats import NODES
from tests.pastes import UNNAMED, said, spellings

HOSTS = ("imp-publisher-01.example.net", "imp-subscriber-02.example.net")
SHORT = ("imp-publisher-01", "imp-subscriber-02")
MOST = 20
"""The most lines of an answer about one group."""
DEEDS = re.compile(r"recovery|fallback|fall back|reboot|start|repair|restart|power", re.IGNORECASE)

COMMON = ("1", "24")
"""Rows in words that every program has: as people type them, they are not read."""


@pytest.fixture
def ask(monkeypatch, capsys):
    """The exit code and the output of `prgcore explain` of a text, in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def ask(text: str, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code = main(["explain", "-", *words])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return ask


COMBINATIONS = [
    pytest.param(situation, mirrored, id=f"{situation.row}-{'node2' if mirrored else 'node1'}")
    for situation in PRG.model.situations for mirrored in (False, True)
]


@pytest.mark.parametrize(("situation", "mirrored"), COMBINATIONS)
def test_every_spelling_of_a_row_is_answered_alike(ask, situation, mirrored):
    shown = situation.display.mirrored() if mirrored else situation.display
    answers = {}
    typed = {} if situation.row in COMMON else said(shown, HOSTS)
    for name, text in (spellings(shown, HOSTS, "HQ") | typed).items():
        code, page = ask(text)
        assert (name, code) == (name, 0)
        assert len(page.splitlines()) <= MOST, f"{name}\n{page}"
        assert max(map(len, page.splitlines())) <= 80, f"{name}\n{page}"
        (group,) = json.loads(ask(text, "--json")[1])["groups"]
        assert group["group"] == ("" if name in UNNAMED else "HQ")
        assert [node["name"] for node in group["nodes"]] == list(HOSTS)
        assert group["explanation"]["rows"] == [situation.row]
        if name in UNNAMED:
            page = "Group HQ\n" + page.replace("utils ha recover\n", "utils ha recover HQ\n")
            page = page.replace("utils ha recover,", "utils ha recover HQ,")
        answers[name] = page.replace("Normal / Normal", "Normal")  # the product prints one of them
    unlike = {name: page for name, page in answers.items() if page != answers["product"]}
    assert not unlike, answers["product"]
    assert f"(Row {situation.row} of Table 2" in re.sub(r"\s+", " ", answers["product"])


@pytest.mark.parametrize(("situation", "mirrored"), COMBINATIONS)
def test_the_steps_of_the_document_come_first_and_name_the_right_node(ask, situation, mirrored):
    shown = situation.display.mirrored() if mirrored else situation.display
    page = re.sub(r"\n +", " ", ask(spellings(shown, HOSTS, "HQ")["product"])[1])
    head = page.index("What to do now")
    steps = re.findall(r"^ *- (.*)$", page[head:].replace(" - ", "\n- "), re.MULTILINE)
    assert "node1" not in page
    assert "node2" not in page
    if not situation.advice:
        assert re.match(r"Nothing|Wait|To bring everybody home", steps[0])
        return
    printed = situation.advice[0].says.partition(":")[0]
    if printed.startswith("Step"):
        assert steps[0].startswith(printed.split(" (")[0])
    assert DEEDS.search(steps[0])
    if shown == shown.mirrored():
        named = {*SHORT} & {*re.findall(r"[\w-]+", " ".join(steps))}
        assert named in (set(), {*SHORT})  # nobody is blamed alone
    else:
        mine = SHORT[NODES.index(situation.seat) ^ mirrored]
        assert any(mine in step for step in steps)
