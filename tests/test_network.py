"""Model D: the plain interpreter of two nodes, their messages and an arbiter."""

import random

import pytest

from prgcore import PRG, prg
from prgcore.errors import BadInput, ImpossibleEvent
from prgcore.network import ADVERSARIES, Message, Move, Network, Setting
from prgcore.network.story import is_story, parse, replay, tell, write

BACKUP = "running_in_backup_mode"


def searched(network, most=40_000):
    """Every network that can be reached, with the move that led there, breadth first."""
    via = dict.fromkeys(network.starts)
    level = list(network.starts)
    while level:
        level = [after for at in level for move, after in network.moves(at)
                 if after not in via and not via.update({after: (at, move)})]
        assert len(via) <= most, "BUG: the space is larger than the test expects"
    return via


def way(via, at):
    moves = []
    while via[at]:
        at, move = via[at]
        moves.append(str(move))
    return moves[::-1]


def first(network, via, holds):
    """The shortest way to a network in which this holds; None: there is none."""
    return next((way(via, at) for at in via if holds(at)), None)


def both(network, at):
    pair = network.pair(at)
    return pair["node1.state"] == pair["node2.state"] == BACKUP


@pytest.mark.parametrize(("arbiter", "adversary", "silence", "twice", "backup"), [
    ("none", "one-way", 0, 3, 6), ("none", "cut", 0, 3, 5), ("none", "loss", 0, 2, 4),
    ("none", "crash", 0, None, None), ("cas", "one-way pause", 0, 3, None),
    ("cas", "one-way crash", 0, None, None), ("self-fence", "one-way crash", 0, None, None),
    ("cas+lease", "one-way pause", 0, None, None), ("cas+fence", "one-way pause", 0, None, None),
    # THEORY section 3: T is four intervals, and each silent one is a step
    ("none", "cut", 4, 7, 9), ("none", "loss", 4, 6, 8), ("none", "crash", 4, None, None),
    ("cas", "loss pause", 4, 6, None),
])
def test_the_shortest_stories_have_the_lengths_of_the_theory(
        arbiter, adversary, silence, twice, backup):
    network = Network(PRG, Setting(arbiter, adversary.split(), silence))
    via = searched(network)
    found = first(network, via, network.twice), first(network, via, lambda at: both(network, at))
    assert tuple(story and len(story) for story in found) == (twice, backup)


def test_a_one_way_cut_ends_in_normal_beside_running_in_backup_mode():
    network = Network(PRG, Setting("none", ["one-way"]))
    via = searched(network)
    assert first(network, via, network.twice) == [
        "cut node1", "heartbeat_lost(node2)", "takeover_done(node2)"]


@pytest.mark.parametrize("reconnection", ["fail", "keep_serving", "able_serves"])
def test_two_nodes_that_both_took_over_come_to_rest_as_equals_when_the_cut_heals(reconnection):
    network = Network(prg(reconnection=reconnection), Setting("none", ["one-way", "cut"]))
    for at in searched(network):
        steps = 0
        healed = next((a for m, a in network.moves(at) if str(m) == "heal"), at)
        while moves := [a for m, a in network.moves(healed) if m.verb not in ("cut", "heal")]:
            healed, steps = moves[steps % len(moves)], steps + 1
            assert steps < 40
        if not any(healed.cuts):
            assert not network.twice(healed)
            assert healed.ahead == (False, False)
            shared = [[c[k] for k in network._facts.shared] for c in healed.copies]
            assert shared[0] == shared[1]


def test_the_flags_are_what_vector_clocks_of_writes_would_say():  # noqa: C901
    network = Network(PRG, Setting("none", [a for a in ADVERSARIES if a != "pause"]))
    chance = random.Random(16)
    written = 0
    for _ in range(60):
        at = network.starts[0]
        clocks, flying = [[0, 0], [0, 0]], [None, None]
        for _ in range(60):
            moves = network.moves(at)
            move, after = chance.choice([m for m in moves if m[0].verb in (
                "beat", "send", "deliver", chance.choice(["decide", "lose", "heal"]))] or moves)
            i = 0 if move.node == "node1" else 1
            if move.verb in ("beat", "deliver"):
                j, clock = 1 - i, clocks[i] if move.verb == "beat" else flying[i]
                copy = at.copies[i] if move.verb == "beat" else at.slots[i].copy
                sent = Message(copy, news=clock[i] > clocks[j][i], based=clock[j] == clocks[j][j],
                               newest=clock[i] == clocks[i][i],
                               late=move.verb == "deliver" and at.slots[i].late)
                merged = list(at.copies[j])
                if sent.news:
                    network._merges(merged, i, sent)
                there = network._arrives(at, i, sent)
                assert there.copies == after.copies
                assert there.ahead == after.ahead
                if network._runs(at, j):
                    clocks[j] = [max(pair) for pair in zip(clocks[j], clock, strict=True)]
                    wrote = network._shared(tuple(merged)) != network._shared(after.copies[j])
                    clocks[j][j] += wrote
                    written += wrote
                if move.verb == "deliver" and not move.again:
                    flying[i] = None
            elif move.verb == "send":
                flying[i] = list(clocks[i])
            elif move.verb == "decide":
                for n in (0, 1):
                    if network._shared(at.copies[n]) != network._shared(after.copies[n]):
                        clocks[n][n] += 1
            flying = [f if after.slots[n] else None for n, f in enumerate(flying)]
            for n in (0, 1):
                assert after.ahead[n] == (clocks[n][n] > clocks[1 - n][n])
                if flying[n] and not after.slots[n].late:
                    assert after.slots[n].newest == (flying[n][n] == clocks[n][n])
                    assert after.slots[n].based == (flying[n][1 - n] == clocks[1 - n][1 - n])
            at = after
    assert written > 0


@pytest.mark.parametrize("mutant", ["no_compare", "old_reading", "old_epoch"])
def test_words_of_settings_are_checked(mutant):
    assert Setting("cas", ["pause"], mutant=mutant).recorded
    for wrong in ({"arbiter": "quorum"}, {"adversary": ["rain"]}, {"mutant": "lazy"},
                  {"silence": -1}, {"silence": 100}):
        with pytest.raises(BadInput):
            Setting(**wrong)


@pytest.mark.parametrize(("arbiter", "mutant", "adversary"), [
    ("cas+lease", "old_reading", "loss pause"), ("cas+fence", "old_epoch", "loss pause"),
])
def test_a_wrong_agent_serves_twice(arbiter, mutant, adversary):
    right = Network(PRG, Setting(arbiter, adversary.split()))
    assert first(right, searched(right), right.twice) is None
    wrong = Network(PRG, Setting(arbiter, adversary.split(), mutant=mutant))
    assert len(first(wrong, searched(wrong), wrong.twice)) == 4


STORY = """\
# one way is cut, and its sender knows nothing of it
network none
adversary one-way

cut node1
heartbeat_lost(node2)
expect served once node1
takeover_done(node2)
expect node1 Normal
expect node2 Running in Backup Mode / Peer Down
expect served twice node1
beat node2
expect node1 Failing Over
expect served once node1
"""


def test_a_story_is_replayed_and_told():
    run = replay(PRG, STORY)
    assert run.ok
    assert run.to_json()["served_twice"] == []
    assert tell(run).splitlines()[3:8] == [
        "expect served once node1", "takeover_done(node2)",
        "    node2: Running in Backup Mode / Peer Down", "    the users of node1 are served twice",
        "expect node1 Normal"]
    moves = [step.move for step in run.steps if step.move]
    assert replay(PRG, f"\ufeff{STORY}").ok
    assert is_story(f"\ufeff{STORY}")
    assert not is_story("failover(node1)")
    again = write(run.network.setting, moves, "served once node1")
    assert replay(PRG, again).end == run.end


@pytest.mark.parametrize(("text", "says"), [
    ("", "begins with its arbiter"), ("network none", "a story without a line"),
    ("network quorum\ncut", "unknown arbiter"), ("network none\nadversary rain\ncut", "unknown adversary"),
    ("network none\nsilence long\ncut", "a number of intervals"),
    ("network none\ncut\nnetwork cas", "comes before the first move"),
    ("network none\npolicy reconnection\ncut", "NAME=CHOICE"),
    ("network none\nfoo bar", "not a line of this story"),
    ("network none\nexpect", "expect needs"), ("network none\nexpect served often node1", "expected: "),
    ("network none\nexpect served twice node3", "node1 or node2"),
    ("network none\nexpect node1 Sleeping", "unknown state"),
    (b"network none\n\xff", "UTF-8"), ("network none\n" + "cut\n" * 400_000, "at most"),
])
def test_a_text_that_is_no_story_is_refused_with_its_line(text, says):
    with pytest.raises(BadInput, match=says):
        parse(text, PRG)


@pytest.mark.parametrize(("lines", "says"), [
    ("cut node1\ntakeover_done(node2)", "cannot happen here"),
    ("heartbeat_lost(node9)", "cannot happen here"),
    ("expect node1 Idle", "node1 shows Normal"), ("expect node1 nothing", "node1 shows Normal"),
    ("expect served never node1", "node1 is served by node1"),
])
def test_a_line_that_does_not_hold_says_why(lines, says):
    failures = replay(PRG, f"network none\nadversary one-way\n{lines}\n").failures
    assert len(failures) == 1
    assert says in failures[0].failed


def test_an_impossible_move_is_an_error():
    network = Network(PRG, Setting())
    with pytest.raises(ImpossibleEvent):
        network.step(network.starts[0], Move("read", node="node1"))
