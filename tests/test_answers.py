"""Decisions, actions, failing cells and errors as JSON: one dialect, read back by one reader."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore import PRG
from prgcore.engine import Engine
from prgcore.errors import BadInput, Failed, ImpossibleEvent, unknown_name
from prgcore.model import Action
from prgcore.stores.record import begin, decided
from prgcore.story.script import run
from prgcore.wire import answers
from prgcore.wire.entry import Entry, PartialEntry
from tests.toys import LAMPS

WORDS = st.text(min_size=1, max_size=20)
ACTIONS = st.lists(st.builds(Action, WORDS, st.none() | WORDS)).map(tuple)
FAILED = st.lists(st.builds(Failed, WORDS, WORDS, st.lists(WORDS, min_size=1).map(tuple))).map(tuple)


@given(ACTIONS, FAILED)
def test_what_is_written_is_read_back(actions, failed):
    assert answers.actions(json.loads(json.dumps(answers.actions_json(actions)))) == actions
    assert answers.failed(json.loads(json.dumps(answers.failed_json(failed)))) == failed


def test_an_action_of_the_group_has_no_node():
    assert answers.actions_json([Action("a", "node1"), Action("b")]) == [
        {"do": "a", "node": "node1"}, {"do": "b"}]
    both = [{"do": "b"}, {"do": "b", "node": ""}, {"do": "b", "node": None}]
    assert answers.actions(both) == (Action("b"),) * 3


def test_every_writer_has_the_same_dialect():
    """The command line, the log and a story print the actions of one decision alike."""
    pair = run(PRG, "start normal").end
    decision = PRG.step(pair, "add_users")
    assert [a.node for a in decision.actions] == [None]
    expected = [{"do": decision.actions[0].do}]
    _, entry = decided(begin(pair), pair, decision, by="controller", time=1.0)
    told = run(PRG, "start normal\nadd_users\n").to_json()["steps"][-1]
    assert [answers.decision_json(decision)["actions"], entry.to_json()["actions"],
            told["actions"]] == [expected] * 3


@pytest.mark.parametrize("value", [
    None, 3, "x", {}, ["x"], [{}], [{"do": 3}], [{"do": "x", "node": 3}], [{"do": "x" * 201}],
])
def test_what_lists_no_actions_is_none(value):
    assert answers.actions(value) is None


@pytest.mark.parametrize("value", [
    None, 3, "x", {}, ["x"], [{}], [{"column": 3}], [{"column": "x", "needs": "y"}],
    [{"column": "x", "needs": [3]}], [{"column": "x", "is": 3}],
])
def test_what_lists_no_cells_is_none(value):
    assert answers.failed(value) is None


def missing(machine, pair, event):
    """What an answer says is missing, as data and as text."""
    try:
        decision = machine.step(pair, event)
    except ImpossibleEvent as error:
        return error.failed, str(error).removeprefix(f"{event} cannot happen here: ")
    return decision.failed, "" if decision.rule else decision.why


def test_a_refusal_and_an_impossible_event_carry_the_cells_that_fail():
    for machine in (PRG, Engine(LAMPS)):
        pair = machine.initial[0]
        answers_ = [missing(machine, pair, event.name) for event in machine.model.events]
        assert all(text == "; ".join(map(str, cells)) for cells, text in answers_)
        cells = [cell for some, _ in answers_ for cell in some]
        assert cells
        assert all(c.value == pair[c.column] not in c.needs for c in cells)


def test_a_cell_that_fails_says_so():
    assert str(Failed("link", "cut", ("up",))) == "link is cut, needs up"
    assert str(Failed("a", "1", ("2", "3", "4"))) == "a is 1, needs 2, 3 or 4"


def test_an_error_is_one_line():
    assert answers.error_json(BadInput("a\nb")) == {"error": "bad_input", "message": "a b"}


# ------------------------------------------------------------------------------ entries


def test_a_whole_entry_is_a_partial_one_as_well():
    pair = run(PRG, "start normal").end
    _, entry = decided(begin(pair), pair, PRG.step(pair, "failover(node1)"), by="controller", time=2)
    said = PartialEntry.from_json(entry.to_json())
    names = ("event", "by", "outcome", "rule", "epoch", "time", "before", "after", "actions")
    assert [getattr(said, n) for n in names] == [getattr(entry, n) for n in names]


def test_a_partial_entry_says_no_more_than_it_says():
    said = PartialEntry.from_json({"event": "x", "epoch": None, "why": 3, "actions": []})
    assert said == PartialEntry("x", actions=())
    assert said.done
    assert not PartialEntry.from_json({"event": "x", "outcome": "ignored"}).done
    with pytest.raises(BadInput, match="event of an entry is missing"):
        PartialEntry.from_json({})
    with pytest.raises(BadInput, match="epoch of an entry is missing"):
        Entry.from_json({"event": "x"})


def test_an_unknown_name_lists_what_is_known_unless_somebody_else_does():
    assert unknown_name("node", "cup3", ["cup1", "cup2"], listing=False) == (
        "unknown node 'cup3'; did you mean cup2, cup1?")
    assert unknown_name("node", "zzz", ["cup1"]) == "unknown node 'zzz'; known: cup1"
    assert unknown_name("node", "zzz", ["cup1"], listing=False) == "unknown node 'zzz'"
