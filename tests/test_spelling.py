"""Renamed words: people read them everywhere, and ids, JSON and proofs stay as they are."""

from __future__ import annotations

import json
import re
import textwrap

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from prgcore.cli.live import Seen
from prgcore.diagram.mermaid import mermaid
from prgcore.diagram.sequence import sequence
from prgcore.diagram.states import graph
from prgcore.errors import BadInput
from prgcore.explain.display import parse_shown, spell
from prgcore.explain.explaining import explain_display
from prgcore.explain.status import GroupStatus, NodeStatus, parse, write
from prgcore.explorer.payload import payload
from prgcore.form.spelling import LONGEST, SIGNS, Spelling, folded, misspelt
from prgcore.form.wellformed import findings
from prgcore.machine import PRG, respelt
from prgcore.running.group import read_group, terms
from prgcore.running.page import page
from prgcore.story.script import run, tell
from prgcore.template.active_standby import MACHINE
from prgcore.vocabulary import Reason, State
from prgcore.wire.machine_file import digest, dump, dumps, load
from tests.pages import ROOT
from tests.test_group import GOOD
from tests.test_page import STATUS
from tests.toys import LAMPS

WORDS = {"running_in_backup_mode": "Primary", "failed_over": "Replica",
         "state.normal": "Ready", "peer_down": "Other server gone", "services": "postgres",
         "services.up": "alive", "failover": "switchover", "move_users": "promote"}
SERVERS = respelt(PRG, WORDS)
SPELT = Spelling.of(SERVERS.model)
IN_TOML = """
[words]
running_in_backup_mode = "Primary"
failed_over = "Replica"
state.normal = "Ready"
failover = "switchover"
"""


def wrong(**words):
    return list(misspelt(evolve(PRG.model, words=words)))


def test_people_read_them_and_what_they_replace_is_understood():
    display = parse_shown("primary / other server gone", SPELT)
    assert display == parse_shown("Running in Backup Mode / Peer Down", SPELT)
    assert spell(display, SPELT) == "Primary / Other server gone"
    assert SPELT.name("failover(node1)") == "switchover(node1)"
    assert SPELT.name("node1.services") == "node1.postgres"
    assert SPELT.value("node2.services", "up") == "alive"
    assert SPELT.value("node2.database", "up") == "up", "a word of one column"
    assert SPELT.original("Switchover(node1)", ["failover(node1)"]) == "failover(node1)"


def test_a_status_text_has_them_and_is_read_back():
    group = GroupStatus("sales", (NodeStatus("pg1", State.FAILED_OVER, Reason.PEER_DOWN),
                                  NodeStatus("pg2", State.RUNNING_IN_BACKUP_MODE, Reason.PEER_DOWN)))
    text = write(group, SPELT)
    assert "State: Replica Reason: Other server gone" in text
    assert parse(text, SPELT).groups == (group,)
    assert parse(write(group), SPELT).groups == (group,), "the words of the document"
    assert parse(text).groups[0].strange == ("Replica", "Other server gone", "Primary",
                                             "Other server gone")


def test_the_unknown_is_answered_with_both():
    with pytest.raises(BadInput, match="did you mean Primary"):
        parse_shown("Primry", SPELT)
    with pytest.raises(BadInput, match="did you mean Failed Over"):
        parse_shown("Failed Ovr", SPELT)


def test_an_explanation_has_them_and_its_json_has_not():
    shown = [parse_shown(s, SPELT) for s in ("replica / initialization", "primary / peer down")]
    answer, plain = (explain_display(m, *shown) for m in (SERVERS, PRG))
    said = answer.text(("pg1", "pg2"), verbose=True)
    assert "pg2  Primary / Other server gone" in said
    assert "pg1 is Replica" in said
    assert "switchover(pg1): refused" in said
    assert "Running in Backup Mode" not in said
    assert answer.to_json() == plain.to_json()


def test_the_machine_is_the_same_one():
    assert digest(SERVERS.model) == digest(PRG.model)
    assert SERVERS.atlas is not None
    assert load(dumps(SERVERS.model)) == SERVERS.model
    assert dump(SERVERS.model)["words"] == WORDS
    assert "words" not in dump(PRG.model)
    decision = SERVERS.step(dict(PRG.initial[0]), "enable_ha")
    assert dict(decision.pair) == dict(PRG.step(PRG.initial[0], "enable_ha").pair)


def test_pictures_and_the_explorer_have_them():
    assert "Primary" in mermaid(graph(SERVERS.model))
    assert "running_in_backup_mode" in mermaid(graph(SERVERS.model)), "as the id"
    story = run(SERVERS, "start normal\nfailover(node1)\nexpect node2 Taking Over")
    drawn = sequence(story)
    assert "switchover(node1)" in " ".join(str(i.text) for i in drawn.items)
    told = payload(SERVERS)
    state = next(c for c in told["columns"] if c["name"] == "node1.state")
    assert "Primary" in state["titles"]
    assert state["domain"] == [str(v) for v in PRG.columns["node1.state"].domain]
    assert told["display"]["spellings"]["state"]["primary"] == "running_in_backup_mode"


def test_a_story_may_be_written_in_both():
    told = run(SERVERS, "start normal\npower_off(node1)\nexpect node1 Ready\nexpect node1 normal")
    assert "Ready" in tell(told)


def test_a_group_file_renames_and_wins(tmp_path):
    machine = respelt(PRG, {"failed_over": "Standby", "idle": "Resting"})
    (tmp_path / "machine.json").write_text(dumps(machine.model))
    file = tmp_path / "group.toml"
    file.write_text('machine = "machine.json"\n' + GOOD + IN_TOML)
    group = read_group(file)
    spelling = Spelling.of(group.engine.model)
    assert spelling.title("node1.state", "failed_over") == "Replica", "the group file wins"
    assert spelling.title("node1.state", "idle") == "Resting", "the machine's own words stay"
    file.write_text(GOOD)
    assert terms(group) == terms(read_group(file)), "agents with other words are of one mind"


def test_the_page_of_an_agent_has_them(tmp_path):
    file = tmp_path / "group.toml"
    file.write_text(GOOD + IN_TOML + 'services = "postgres"\n')
    html = page(read_group(file), STATUS).decode()
    assert "Primary" in html
    assert "Replica" in html
    assert ">postgres" in html
    assert "Running in Backup Mode" not in html


@pytest.mark.parametrize(("more", "said"), [
    ('[words]\nprimary = "x"', "words.primary: unknown word 'primary'"),
    ('[words]\nfailed_ovr = "x"', "did you mean failed_over"),
    ("[words]\nidle = 3", "words.idle: expected a text, not 3"),
    ('[words.idle]\nx = ["y"]', "words.idle.x: expected a text"),
    ('words = "Primary"', "words: expected a table"),
    ('[words]\nidle = "A"\nnormal = "a"', "words.normal: 'a' is already the word of idle"),
])
def test_a_wrong_word_of_a_group_is_one_line(tmp_path, more, said):
    file = tmp_path / "group.toml"
    file.write_text(more + "\n" + GOOD if more.startswith("words =") else GOOD + more)
    with pytest.raises(BadInput) as caught:
        read_group(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("words", "said"), [
    ({"idle": ""}, "is not a word"),
    ({"idle": "   "}, "is not a word"),
    ({"idle": "\N{CHECK MARK}"}, "needs a letter or a digit"),
    ({"idle": "a\nb"}, "is not a word"),
    ({"idle": "a\N{RIGHT-TO-LEFT OVERRIDE}b"}, "is not a word"),
    ({"idle": "x" * (LONGEST + 1)}, f"at most {LONGEST}"),
    ({"idle": " Resting"}, "spaces at an end"),
    ({"idle": "a  b"}, "two together"),
    ({"idle": "Not known"}, "where a value is missing"),
    ({"idle": "down"}, "where a value is missing"),
    ({"idle": "Normal"}, "already the word of normal (of state)"),
    ({"idle": "RIBM"}, "already the word of running_in_backup_mode"),
    ({"idle": "Rest", "state.normal": "rest"}, "words.state.normal: 'rest' is already the word of"),
    ({"failover": "fallback"}, "already the word of fallback (of an event)"),
    ({"services": "database"}, "already the word of database (of a column)"),
    ({"up": "down side", "down": "Down-side"}, "already the word of up"),
    ({"node1": "left"}, "unknown word 'node1'"),
    ({"state.up": "x"}, "unknown word 'state.up'"),
    *(({"idle": f"a{sign}b"}, f"has {sign!r}") for sign in SIGNS),
])
def test_what_is_no_word_is_said_with_its_place(words, said):
    found = wrong(**words)
    assert any(said in line for line in found), found
    assert all(line.startswith("words.") and line.isprintable() for line in found)
    assert set(found) <= set(findings(evolve(PRG.model, words=words)))


def test_words_for_each_kind_of_name_are_right():
    assert wrong(**WORDS) == []
    assert findings(LAMPS) == ()
    assert Spelling.of(LAMPS).value("node1.lamp", "on") == "shining"
    assert Spelling.of(LAMPS).value("switch", "on") == "on"


LETTERS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)


@given(st.lists(LETTERS, min_size=2, max_size=2, unique_by=folded), st.booleans())
def test_whatever_is_accepted_is_read_back(names, scoped):
    words = dict(zip(("state.idle" if scoped else "idle", "failed_over"), names, strict=True))
    if wrong(**words):
        return
    spelling = Spelling(words)
    for state in State:
        said = spelling.title("state", state)
        assert parse_shown(said, spelling).state == state
        node = NodeStatus("b", state)
        group = GroupStatus("g", (NodeStatus("a", State.NORMAL), node))
        assert parse(write(group, spelling), spelling).groups == (group,)


def test_a_longer_word_is_not_renamed_twice():
    spelling = Spelling({"idle": "Idle Standby", "peer_down": "Peer Down Hard"})
    assert spelling.prose("It is Idle, for Peer Down.") == "It is Idle Standby, for Peer Down Hard."
    assert json.dumps(spelling.prose("idle idler Idler")) == '"idle idler Idler"'


@pytest.mark.parametrize("page_", ["glossary-databases.md", "your-own-machine.md"])
def test_the_words_of_the_pages_can_be_pasted(page_, tmp_path):
    text = (ROOT / "docs" / page_).read_text()
    shown = re.search(r"^ {4}\[words\]\n(?: {4}.*\n)+", text, re.MULTILINE)
    assert shown
    (tmp_path / "group.toml").write_text(GOOD + textwrap.dedent(shown[0]))
    words = Spelling.of(read_group(tmp_path / "group.toml").engine.model).words
    assert words["failed_over"] == "Replica"


STANDBY = {"node1.state": "active", "node1.data": "current", "node1.service": "up",
           "node2.state": "standby", "node2.data": "behind", "node2.service": "up"}


@pytest.fixture
def standby(tmp_path):
    """A group file of active and standby, which has neither reasons nor critical services."""
    (tmp_path / "machine.json").write_text(dumps(MACHINE))
    (tmp_path / "group.toml").write_text(
        'machine = "machine.json"\n' + GOOD + '[words]\nbehind = "lagging"\nactive = "Primary"\n'
        '[node1.watch]\ncurrent = { command = ["true"] }\n'
        '[node2.watch]\ncurrent = { command = ["true"] }\n')
    return tmp_path / "group.toml"


def test_a_machine_of_its_own_shows_what_it_knows_of_a_node(standby):
    group = read_group(standby)
    html = page(group, {**STATUS, "known": STANDBY, "claims": {"users": "node1"}}).decode()
    assert "data lagging, service up" in html
    assert "Primary" in html
    assert "Reason" not in html
    assert "not known" not in html
    seen = Seen(group.engine, "pg", ("one", "two"), STANDBY, answers=("node1", "node2"))
    assert seen.text().endswith("one: data current, service up\ntwo: data lagging, service up\n")
    assert "State: Primary" in seen.text()


def test_states_of_its_own_are_not_looked_up_in_the_document(standby, bad, tmp_path):
    (tmp_path / "status.txt").write_text("Node 1 Name : a State: Active\nNode 2 Name : b State: X\n")
    said = bad("explain", str(tmp_path / "status.txt"), "--machine", str(standby))
    assert "has states of its own" in said
    assert "prgcore ha status --json" in said
