"""Seals of lines: a line fits once, where it was meant, and nowhere else."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.errors import BadInput
from prgcore.running.gate import FRESH, Gate
from prgcore.running.seal import (
    CHALLENGE,
    OPEN,
    Challenger,
    Line,
    challenge_line,
    challenge_of,
    key_for,
)
from prgcore.running.trust import Trust

TRUST = Trust("Sales", b"k" * 32, "pair.key")
OTHERS = {
    "another key": Trust("Sales", b"l" * 32, "pair.key"),
    "another group": Trust("Other", b"k" * 32, "pair.key"),
}
F = 10.0


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self):
        return self.now


def ear(trust=TRUST, sender="node2", receiver="node1"):
    return trust.hears(sender, receiver)


def mouth(challenge, trust=TRUST, sender="node2", receiver="node1"):
    made = trust.says(sender, receiver)
    assert not made.ready
    made.takes(challenge)
    assert made.ready
    return made


def test_what_is_sealed_is_opened_once_and_in_order():
    hears = ear()
    says = mouth(hears.challenge(0))
    one, two, three = (says.seals(text) for text in (b"one", b"two words", b"\xff {}"))
    assert hears.opens(one, 1, F) == b"one"
    assert hears.opens(three, 1, F) == b"\xff {}", "a line may be lost"
    for again in (one, two, three):
        with pytest.raises(BadInput, match="came again, or after a later one"):
            hears.opens(again, 1, F)


@pytest.mark.parametrize("other", [
    *({"trust": trust} for trust in OTHERS.values()),
    {"sender": "node1", "receiver": "node2"}, {"sender": "node1"}, {"receiver": "node2"},
    {"sender": "node2node1", "receiver": ""},
])
def test_a_line_of_another_conversation_fits_nowhere(other):
    hears = ear()
    challenge = hears.challenge(0)
    with pytest.raises(BadInput, match="sealed with another key, or was changed"):
        hears.opens(mouth(challenge, **other).seals(b"text"), 0, F)
    assert hears.opens(mouth(challenge).seals(b"text"), 0, F) == b"text"


def test_what_was_recorded_fits_no_other_connection():
    first, second = ear(), ear()
    recorded = mouth(first.challenge(0)).seals(b"text")
    second.challenge(0)
    with pytest.raises(BadInput, match="another key"):
        second.opens(recorded, 0, F)


SEALED = Line(key_for(b"k" * 32, "x")).seals(b'{"a": 1}')


@given(st.integers(0, len(SEALED) - 2), st.integers(1, 255))
def test_a_line_with_one_flipped_byte_is_refused(place, flip):
    data = SEALED[:place] + bytes([SEALED[place] ^ flip]) + SEALED[place + 1:]
    with pytest.raises(BadInput):
        Line(key_for(b"k" * 32, "x")).opens(data)


@pytest.mark.parametrize("data", [
    *(SEALED[:n] for n in range(0, len(SEALED) - 1, 9)), b"", b"\n", b'{"node": "node2"}\n', b"0" + SEALED,
    b"+" + SEALED, b" " + SEALED, SEALED.upper(), SEALED + SEALED, SEALED.replace(b" ", b"  "),
    b"9" * 30 + b" " + b"0" * 64 + b" x", b"-1 " + b"0" * 64 + b" x", b"1 " + b"0" * 63 + b" x",
    "\uff11".encode() + SEALED[1:], b"\xff" * 200, b"1 " + b"0" * 1_000_000,
])
def test_whatever_else_comes_is_bad_input(data):
    with pytest.raises(BadInput) as caught:
        Line(key_for(b"k" * 32, "x")).opens(data)
    assert len(str(caught.value)) < 100


@given(st.binary(max_size=300))
def test_noise_is_bad_input(data):
    with pytest.raises(BadInput):
        Line(key_for(b"k" * 32, "x")).opens(data)
    assert challenge_of(data) is None


def test_parts_of_a_key_do_not_run_into_each_other():
    keys = {key_for(b"k", *parts) for parts in (
        ("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), (b"ab", b"c\0"))}
    assert len(keys) == 6
    assert key_for(b"k", "a") != key_for(b"l", "a")


def test_a_challenge_is_read_as_it_was_written():
    made = bytes(range(CHALLENGE))
    for name in ("challenge", "hello", "again"):
        assert challenge_of(challenge_line(made, name), name) == made
        assert challenge_of(challenge_line(made, name), "other") is None
    for wrong in (b"", b"{}", b"[]", b'{"challenge": 1}', b'{"challenge": ""}', challenge_line(b"short"),
                  challenge_line(bytes(CHALLENGE)).upper(), challenge_line(bytes(CHALLENGE + 1)),
                  b'{"challenge": "' + b"0" * 32 + b'", "more": 1}', b"[" * 199, b"\xff"):
        assert challenge_of(wrong) is None


# ------------------------------------------------------------- what is held up on its way


def test_a_line_that_is_held_up_counts_for_nothing():
    """Somebody records the heartbeats of a node, and sends one at a time after it has died."""
    hears = ear()
    says = mouth(hears.challenge(0))
    held = [says.seals(b"%d" % n) for n in range(50)]
    counted = [n for n, line in enumerate(held) if hears.opens(line, n * F / 4, F) is not None]
    assert counted == [0, 1, 2, 3, 4], "all of them were made at 0"


def test_a_receiver_that_slept_asks_again_and_hears():
    hears = ear()
    says = mouth(hears.challenge(0))
    assert hears.opens(says.seals(b"old"), 5 * F, F) is None
    again = hears.next(5 * F, F, late=True)
    assert challenge_of(again, "again")
    assert says.takes(again)
    assert hears.opens(says.seals(b"new"), 5 * F, F) == b"new"


def test_challenges_come_often_enough_and_no_oftener():
    """A sender whose interval is a quarter of the time-out is always fresh, and few lines go back."""
    hears = ear()
    says, sent, now = mouth(hears.challenge(0)), 0, 0.0
    fresh = 1.25
    for n in range(200):
        now += 0.25
        assert hears.opens(says.seals(b"x"), now, fresh) == b"x", n
        if challenge := hears.next(now, fresh, late=False):
            assert not says.takes(challenge)
            sent += 1
    assert 80 <= sent <= 100


def test_challenges_that_are_not_answered_are_few():
    hears = ear()
    says = mouth(hears.challenge(0))
    for n in range(1, 100):
        hears.opens(says.seals(b"x"), n * F, F)
        hears.next(n * F, F, late=False)
    assert len(hears._open) == OPEN
    with pytest.raises(BadInput):
        mouth(b"{}\n")


def test_lines_under_an_older_challenge_do_not_come_after_those_under_a_newer_one():
    chance = random.Random(1)
    hears = Challenger(lambda challenge: key_for(b"k", challenge), lambda: chance.randbytes(CHALLENGE))
    first = hears.challenge(0)
    second = hears.next(F, F, late=False)
    old = Line(key_for(b"k", challenge_of(first)), 7)
    new = Line(key_for(b"k", challenge_of(second)), 1)
    assert hears.opens(new.seals(b"new"), F, F) == b"new"
    with pytest.raises(BadInput, match="another key"):
        hears.opens(old.seals(b"old"), F, F)


# ------------------------------------------------------------------------ conversations


def conversation(node="node1", trust=TRUST, clock=None):
    gate, mine = Gate(trust, node, clock or Clock()), trust.chance()
    theirs = challenge_of(gate.greets(challenge_line(mine, "hello")))
    return gate, trust.talk(node, mine, theirs)


def test_a_question_and_its_answer():
    gate, (asks, answers) = conversation()
    for _ in range(3):
        question = asks.seals(b'{"do": "status"}')
        assert gate.opens(question) == b'{"do": "status"}'
        assert answers.opens(gate.seals(b"{}")) == b"{}"
        with pytest.raises(BadInput, match="came again"):
            gate.opens(question)


def test_a_question_fits_no_other_conversation_node_group_or_key():
    _, (asks, answers) = conversation()
    question, answer = asks.seals(b"stop"), answers.seals(b"{}")
    for gate, (other_asks, other_answers) in (
        conversation(), conversation("node2"), *(conversation(trust=t) for t in OTHERS.values())):
        with pytest.raises(BadInput, match="another key"):
            gate.opens(question)
        for line in (answer, other_asks.seals(b"{}")):  # nor is a question an answer
            with pytest.raises(BadInput, match="another key"):
                other_answers.opens(line)
    fresh = Gate(TRUST, "node1", Clock())
    for line in (question, b'{"do": "stop"}\n', answer):
        with pytest.raises(BadInput, match="without a seal"):
            fresh.opens(line)


def test_a_question_that_is_held_back_is_refused():
    """Its sender was told that the outcome is not known, and has asked again meanwhile."""
    clock = Clock()
    gate, (asks, _) = conversation(clock=clock)
    clock.now += FRESH
    assert gate.opens(asks.seals(b"{}")) == b"{}"
    clock.now += 0.1
    with pytest.raises(BadInput, match="more than 30 s after its challenge"):
        gate.opens(asks.seals(b"{}"))


def test_without_a_key_lines_are_plain():
    gate = Gate(Trust("Sales"), "node1")
    assert gate.greets(challenge_line(bytes(CHALLENGE), "hello")) is None
    assert gate.opens(b"{}\n") == b"{}\n"
    assert gate.seals(b"{}") == b"{}\n"
    assert Trust("Sales").hears("node2", "node1") is None
    assert Trust("Sales").says("node1", "node2") is None


def test_a_key_is_in_no_repr():
    secret = b"0123456789abcdefghijklmnopqrstuv"
    trust = Trust("Sales", secret, "pair.key")
    hears = trust.hears("node2", "node1")
    challenge = hears.challenge(0)
    says = trust.says("node2", "node1")
    says.takes(challenge)
    for one in (trust, hears, says, Line(secret), trust.talk("node1", b"a", b"b"), says._line):
        said = repr(one) + str(one)
        assert secret.decode() not in said
        assert secret.hex() not in said
        assert says._line.key.hex() not in said
        assert repr(says._line.key) not in said


def test_a_number_cannot_be_changed():
    """Else one line that was recorded could come again as a newer one."""
    hears = ear()
    line = mouth(hears.challenge(0)).seals(b"text")
    assert hears.opens(line, 0, F) == b"text"
    for number in (b"2", b"99", b"0"):
        with pytest.raises(BadInput, match="another key, or was changed"):
            hears.opens(number + line[1:], 0, F)
    one, other = Line(b"k"), Line(b"k")
    with pytest.raises(BadInput, match="another key, or was changed"):
        other.opens(b"7" + one.seals(b"text")[1:])
