"""Two nodes as Promela: SPIN finds the networks of the interpreter, and stories of the same length."""

from __future__ import annotations

import shutil

import pytest

from prgcore import PRG, prg
from prgcore.errors import BadInput
from prgcore.exports import export_network
from prgcore.exports.promela_network import FILE, questions
from prgcore.machine import Machine
from prgcore.network import Network, Setting, Snapshot
from prgcore.network.setting import DEFAULT
from prgcore.prove.network.obligations import _Work, prove
from prgcore.prove.opinions.networks import opinions
from prgcore.prove.opinions.spin import SPIN, Found, Spin
from prgcore.prove.report import Report
from tests.needs import missing


def _plain(machine: Machine, setting: Setting) -> tuple[int, dict[int, int]]:
    """How many networks the interpreter reaches, and in how many steps each question is broken."""
    network = Network(machine, setting)
    promise = next(i for i in machine.model.invariants if i.id == "S1")
    broken: dict[int, int] = {}
    seen: set[Snapshot] = set()
    level, depth = list(network.starts), 0
    while level:
        seen.update(level)
        for at in level:
            pair, twice = network.pair(at), network.twice(at)
            said = [*(group in twice for group in network.groups), any(
                all(pair[c.column] in c.values for c in cube) for cube in promise.never)]
            for number, bad in enumerate(said):
                if bad:
                    broken.setdefault(number, depth)
        level = [*dict.fromkeys(a for at in level for _, a in network.moves(at) if a not in seen)]
        depth += 1
    return len(seen), broken


def _spin(machine: Machine, setting: Setting) -> tuple[int, dict[int, int]]:
    for program in ("spin", "cc"):
        if shutil.which(program) is None:
            missing(f"{program} is not installed")
    found = SPIN.networks(machine, setting)
    assert (found.failed, found.cut) == ("", "")
    return found.pairs, dict(found.broken)


@pytest.mark.parametrize(("arbiter", "adversary", "silence"), [
    ("none", "crash", 0), ("none", "one-way", 0), ("none", "loss", 0), ("none", "cut one-way", 0),
    ("cas", "one-way crash", 0), ("cas", "loss pause", 2), ("cas+lease", "one-way pause", 0),
])
def test_spin_finds_the_networks_of_the_interpreter_and_stories_of_the_same_length(
    arbiter: str, adversary: str, silence: int,
) -> None:
    setting = Setting(arbiter, adversary.split(), silence)
    assert _spin(PRG, setting) == _plain(PRG, setting)


def _searched(setting: Setting) -> tuple[int, dict[int, int]]:
    """The same by the search of this prover, which keeps one of each network and its mirror image."""
    work = _Work(PRG, setting)
    found = work.searched()
    steps = {id_: len(found.steps(n)) - 1 for id_, n in found.first.items()}
    asked = [id_ for id_, _ in questions(PRG, setting)]
    return found.whole, {n: steps[id_] for n, id_ in enumerate(asked) if id_ in steps}


@pytest.mark.parametrize(("arbiter", "adversary", "silence"), [
    ("none", "loss cut one-way crash delay duplicate reorder", 0), ("none", "faults", 0),
    ("none", "commands", 0), ("none", "one-way delay", 2), ("self-fence", "crash delay loss", 0),
    ("cas", " ".join(sorted(DEFAULT)), 0), ("cas", "cut crash boot", 0), ("cas", "faults commands", 0),
    ("cas+lease", "loss crash pause delay", 0), ("cas+lease", "crash boot", 0),
    ("cas+fence", " ".join(sorted(DEFAULT)), 0),
])
def test_spin_finds_the_networks_of_the_search_with_every_power(
    arbiter: str, adversary: str, silence: int,
) -> None:
    setting = Setting(arbiter, adversary.split(), silence)
    assert _spin(PRG, setting) == _searched(setting)


def test_a_resource_that_refuses_what_is_older_is_a_rule_of_the_network() -> None:
    assert [id_ for id_, _ in questions(PRG, Setting("cas+fence"))] == ["D2"]


@pytest.mark.parametrize("policy", [
    {"reconnection": "keep_serving"}, {"reconnection": "able_serves", "idle_on_peer_loss": "take_over"},
])
def test_every_policy_has_its_network(policy: dict[str, str]) -> None:
    setting = Setting("none", ["one-way"])
    assert _spin(prg(**policy), setting) == _plain(prg(**policy), setting)


def _text(setting: Setting, *only: str) -> str:
    text = export_network(PRG, "promela", setting, only)[FILE]
    assert isinstance(text, str)
    return text


def test_one_question_alone() -> None:
    text = _text(Setting("none", ["crash"]), "D2")
    assert text.count("assert(") == 1
    assert "/* 0: D2: never both Running in Backup Mode */" in text


def test_what_the_adversary_cannot_do_has_no_variables() -> None:
    text = _text(Setting("none", ["crash"]))
    assert "sent1_" not in text
    assert "record_" not in text
    assert "silent1" not in text
    assert "bit permit1_" not in text
    assert "byte sent1_node1_state" in _text(Setting("none", ["delay"]))
    assert "byte silent2 = 0;" in _text(Setting("none", ["loss"], 4))


def test_the_same_network_gives_the_same_bytes() -> None:
    assert _text(Setting("cas")) == _text(Setting("cas"))


@pytest.mark.parametrize(("form", "setting", "only", "says"), [
    ("smt2", Setting(), (), "'smt2' is not a format of model D; known: promela"),
    ("promela", Setting(), ("D9",), "unknown question 'D9'"),
    ("promela", Setting("cas", mutant="no_compare"), (), "wrong agents are not exported"),
])
def test_what_is_not_exported_is_said(form, setting, only, says) -> None:
    with pytest.raises(BadInput, match=says):
        export_network(PRG, form, setting, only)


@pytest.mark.parametrize(("words", "says"), [
    (["--model", "Q"], "unknown model 'Q'; known: D, P"),
    (["--arbiter", "cas"], "--arbiter is about two nodes with messages; add --model D"),
    (["--model", "D", "--arbiter", "king"], "unknown arbiter 'king'"),
    (["--model", "D", "--adversary", "rain"], "unknown adversary 'rain'"),
    (["--model", "D", "--silence", "long"], "--silence 'long': expected 0 to 99 intervals"),
])
def test_the_command_line_says_what_is_wrong(run, words, says) -> None:
    done = run("export", "promela", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_the_command_line_writes_the_file(run, tmp_path) -> None:
    file = tmp_path / "network.pml"
    done = run("export", "promela", "--model", "D", "--arbiter", "cas", "--adversary",
               "one-way, pause", "-o", file)
    assert (done.code, done.out) == (0, "")
    assert file.read_text("utf-8") == _text(Setting("cas", ["one-way", "pause"]))


def _report(found: Found, monkeypatch: pytest.MonkeyPatch) -> Report:
    setting = Setting("none", ["one-way"])
    monkeypatch.setattr(Spin, "networks", lambda *_: found)
    monkeypatch.setattr(Spin, "version", lambda _: "Spin of the test")
    return opinions(prove(PRG, setting), PRG, setting)


@pytest.mark.parametrize(("found", "verdict", "says"), [
    (Found({0: 3, 1: 3, 2: 6}, 3964, 0), ("refuted", "refuted"), ""),
    (Found({0: 3, 1: 4, 2: 6}, 3964, 0), ("refuted", "refuted"), ""),
    (Found({0: 3, 1: 3, 2: 6}, 3963, 0), ("disagree", "disagree"),
     "it finds 3963 networks, and this prover 3964"),
    (Found({0: 2, 1: 3, 2: 6}, 3964, 0), ("disagree", "refuted"),
     "its shortest story has 2 steps, and ours 3"),
    (Found({0: 3, 1: 3}, 3964, 0), ("refuted", "disagree"),
     "its shortest story has no steps, and ours 6"),
])
def test_spin_agrees_if_it_finds_as_many_networks_and_stories_of_the_same_length(
        found, verdict, says, monkeypatch) -> None:
    d1, d2, *_ = _report(found, monkeypatch).results
    assert (d1.verdict, d2.verdict) == verdict
    assert says in d1.detail.get("says", "") + d2.detail.get("says", "")
    assert d1.opinions == {"spin": "refuted"}


def test_a_search_that_was_cut_off_is_no_opinion(monkeypatch) -> None:
    report = _report(Found(cut="max search depth too small"), monkeypatch)
    assert [r.opinions.get("spin") for r in report.results[:3]] == ["unknown", "unknown", None]
    assert "max search depth too small" in str(report.results[0].detail)
    assert report.asked[0].unknown == 2


def test_prove_asks_spin_about_two_nodes(run) -> None:
    if shutil.which("spin") is None:
        missing("spin is not installed")
    done = run("prove", "--model", "D", "--arbiter", "cas", "--adversary", "one-way,crash",
               "--ask", "spin")
    assert done.code == 0, done.out
    assert "with mirror images 2260" in " ".join(done.out.split())
    assert "2 opinions, 2 agree, 0 unknown" in " ".join(done.out.split())
    done = run("prove", "--model", "D", "--ask", "abc")
    assert (done.code, done.err) == (2, "prgcore: --ask abc: model D is asked of spin alone\n")
