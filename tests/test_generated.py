"""What is generated and what is shown to readers: it is true, it runs, and its links lead on."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from attrs import evolve
from writer import golden, promises, situations
from writer.promises import Proved
from writer.situations import Hole
from writer.stories import drawn, stories

from prgcore.diagram import graph, render
from prgcore.machine import prg
from prgcore.model import By, Const, Copy, Display, Effect, Rule, Shown, Table
from prgcore.prove.obligations import obligations
from prgcore.seats import instantiate
from prgcore.story.script import parse, run
from prgcore.tables.actions import ACTIONS
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.machine import TABLE
from prgcore.vocabulary import Reason, State
from tests.pages import REFERENCE, ROOT, docs, own_anchors
from tests.planted import reachable

GOLDEN = ROOT / "tests" / "golden"


# ------------------------------------------------------------------ stories


def test_every_cause_and_every_story_of_the_tables_holds() -> None:
    assert len(stories()) == sum(len(s.causes) for s in TABLE.situations) + len(TABLE.stories)
    wrong = []
    for id_, text in stories().items():
        script = parse(text)
        told = run(prg(**script.policy), script)
        assert {s.line.verb for s in told.steps} > {"start"}, id_
        wrong += [f"{id_}, {s.line.text}: {s.failed}" for s in told.failures]
    assert not wrong


def test_a_cause_ends_in_its_row() -> None:
    script = parse(stories()["table2-12"])
    assert [line.verb for line in script.lines[-2:]] == ["expect", "expect"]
    assert "Failed Over with Critical Services Not Running" in stories()["table2-12"]


def test_the_page_shows_every_story_and_the_site_its_picture() -> None:
    page = (REFERENCE / "stories.md").read_text(encoding="utf-8")
    for text in stories().values():
        assert text.partition("\n")[2] in page
    assert [name for name, _ in drawn()] == re.findall(r"<!-- sequence: (\S+) \|", page)


# ------------------------------------------------------------- pinned files


def test_the_number_of_reachable_pairs_is_pinned() -> None:
    space = reachable()
    text = (GOLDEN / "space.txt").read_text(encoding="utf-8")
    first = text.split("\n\n")[1]
    assert first.startswith("reconnection=fail idle_on_peer_loss=wait")
    assert int(re.findall(r"(\d+)  reachable pairs", first)[0]) == len(space) == 825_920
    assert int(re.findall(r"(\d+)  depth", first)[0]) == space.depth


def test_every_policy_is_pinned() -> None:
    text = (GOLDEN / "space.txt").read_text(encoding="utf-8")
    assert text.count("reconnection=") == 6
    assert re.findall(r"(\d+)  combinations of state and reason", text) == ["53"] * 6


def test_the_words_are_pinned() -> None:
    text = (GOLDEN / "words.txt").read_text(encoding="utf-8")
    assert text == golden.words(prg().model, ACTIONS)
    for line in (
        "state running_in_backup_mode = Running in Backup Mode", "reason none = (blank)",
        "column node1.services is stopped", "column node2.peer_health is unheard",
        "event failover(node1) command decider administrator",
        "event takeover_failed(node1) completion decider node1 failing", "action acquire_grant",
    ):
        assert line in text.splitlines()


def test_everything_that_is_listed_as_proved_is_proved() -> None:
    lines = (GOLDEN / "prove.txt").read_text(encoding="utf-8").splitlines()
    verdicts = {line.split()[1] for line in lines if re.match(r"[A-Z]\d", line)}
    assert verdicts == {"proved", "reported"}


# --------------------------------------------------------------- the report


def test_a_rule_is_dumped_one_field_a_line() -> None:
    rule = Rule(
        "T1", "push", {"me.b": ("x", "y"), "ha": "on"},
        (Effect("me.c", Copy("me.b")), Effect("me.a", By("me.b", (("x", "1"), ("y", "2"))))),
        actions=("stop(me)", "ring"), why="it is so", only={"mood": "good"},
    )
    table = Table("toy", (), (), (), (), (), (), (("phase", (rule,)),))
    assert golden.rules(table).split("\n\n")[1].splitlines() == [
        "T1", "  event     push", "  outcome   done", "  phase     phase", "  only      mood = good",
        "  when      ha = on", "  when      me.b = x | y",
        "  then      me.a := 1 if me.b = x", "  then      me.a := 2 if me.b = y",
        "  then      me.c := what me.b was", "  action 1  stop(me)", "  action 2  ring",
        "  evidence  documented", "  why       it is so",
    ]


def test_assumptions_stand_beneath_what_rests_on_them() -> None:
    rows = [
        Proved("S1", "never", "proved", "induction", ("A-LIN: a record",), {"pairs": 3}),
        Proved("S2", "never", "proved", "search", ("A-LIN: a record",), {}),
        Proved("L3", "how many", "reported", "search", ("A-LIN: a record", "A-FAIR: time"), {}),
        Proved("X1", "helps", "proved", "induction", (), {}),
    ]
    page = promises.obligations_page(rows, TABLE, {"S1": (("X1",), ("X1", "X2"), ("cut: a = b",))})
    assert "| S1 | A-LIN | X1 | X2 | `cut: a = b` |" in page
    assert "| X1 |  |  |  |  |" in page
    assert "- A-LIN: a record. For S1 to S2, L3." in page
    assert "- A-FAIR: time. For L3." in page
    below = "<br><small>pairs 3; [cells](invariants.md#s1)</small>"
    assert f'| <a id="s1"></a>S1 | never{below} | induction |' in page
    assert '| <a id="l3"></a>L3 | how many | reported |' in page


def test_a_hole_names_the_policy_without_which_it_is_none() -> None:
    display = Display(None, Shown("idle", "peer_down"))
    hole = Hole("HN4", display, ("enable_ha", "link_cut"), (("reconnection", "keep_serving"),))
    text = situations.holes_page(prg().model, [hole])
    assert (
        "- (nothing) | [Idle](states.md#idle) / [Peer Down](reasons.md#peer_down) "
        "(only under `reconnection=keep_serving`)"
    ) in text
    assert "`enable_ha`, `link_cut`" in text
    assert "## HN4 (1)" in text


# ------------------------------------------------------------ the reference


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    """The pages that are read off the table; what has to be searched for is left out."""
    return docs("pages").of_table(TABLE, prg().model, ())


def test_the_reference_is_what_the_tables_say(written: dict[str, str]) -> None:
    known = docs("pages").of_chapter(o.id for o in obligations(prg().model))
    for name, text in {**written, **known, "commands": docs("pages").of_commands()}.items():
        if name != "states":
            assert (REFERENCE / f"{name}.md").read_text(encoding="utf-8") == text, name


@pytest.mark.parametrize("path", sorted(REFERENCE.glob("*.md")), ids=lambda p: p.stem)
def test_a_page_of_the_reference_opens_with_what_it_answers(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.split("\n\n")[2].startswith(("The ", "Every "))
    assert len(set(own_anchors(text))) == len(own_anchors(text))


def test_everything_has_an_anchor(written: dict[str, str]) -> None:
    rules = [r for _, rows in TABLE.phases for r in rows]
    expected = {
        "rules": {r.id.lower() for r in rules}, "events": {e.name for e in TABLE.events},
        "states": set(State), "reasons": set(Reason),
        "columns": {c.name for c in (
            *TABLE.node_columns, *TABLE.group_columns, *TABLE.derivations)},
        "actions": {a.name for a in ACTIONS}, "decisions": {d.id.lower() for d in DECISIONS},
        "situations": {f"row-{s.row}" for s in TABLE.situations},
    }
    for page, ids in expected.items():
        assert set(own_anchors(written[page])) == ids


def _part(page: str, id_: str) -> str:
    """What stands below an anchor."""
    return page.partition(f'<a id="{id_}"></a>')[2].partition('<a id="')[0]


def test_a_rule_leads_on_and_is_led_to(written: dict[str, str]) -> None:
    rule = _part(written["rules"], "m100")
    for link in ("events.md#failover", "situations.md#row-2", "decisions.md#d18",
                 "actions.md#acquire_grant", "obligations.md#s6", "obligations.md#s8",
                 "obligations.md#c4", "obligations.md#s15"):
        assert f"]({link})" in rule
    assert "](diagrams.md#manual)" in written["rules"]
    for page, at in (("events", "failover"), ("situations", "row-2"), ("decisions", "d18"),
                     ("actions", "acquire_grant"), ("reasons", "on_admin_request"),
                     ("columns", "assigned_own")):
        assert "](rules.md#m100)" in _part(written[page], at), page


def test_invariants_and_proofs_lead_to_each_other(written: dict[str, str]) -> None:
    proofs = (REFERENCE / "obligations.md").read_text(encoding="utf-8")
    promised = own_anchors(written["invariants"])
    assert len(promised) == len(TABLE.invariants) + len({"s5", "s6", "s7", "s8", "s9", "s20",
                                                         "s21", "s22", "s23"})
    for id_ in promised:
        assert f"](obligations.md#{id_})" in _part(written["invariants"], id_)
        assert f"](invariants.md#{id_})" in proofs
    assert "[`recover`](events.md#recover)" in _part(written["invariants"], "s5")


def test_a_situation_leads_to_its_stories_and_holes(written: dict[str, str]) -> None:
    row = _part(written["situations"], "row-6")
    assert row.count("](stories.md#table2-6-") == 3
    assert "states.md#running_in_backup_mode" in row
    told = (REFERENCE / "stories.md").read_text(encoding="utf-8")
    assert "<!-- sequence: table2-6-reboot | " in _part(told, "table2-6-reboot")
    assert "](holes.md#hu1)" in _part(written["situations"], "row-24")


def _with(id_: str, **changes: object) -> Table:
    """The table with one rule changed."""
    return evolve(TABLE, phases=tuple(
        (phase, tuple(evolve(r, **changes) if r.id == id_ else r for r in rows))
        for phase, rows in TABLE.phases
    ))


def _rule(id_: str) -> Rule:
    return next(r for _, rows in TABLE.phases for r in rows if r.id == id_)


@pytest.mark.parametrize(("changes", "pages", "pictures"), [
    ({"when": {**{c.column: c.values for c in _rule("M110").when}, "me.state": "idle"}},
     {"rules"}, {"node-manual.dot"}),
    ({"when": {**{c.column: c.values for c in _rule("M110").when}, "link": "up"}},
     {"rules", "columns"}, set()),
    ({"then": tuple(
        evolve(e, value=Const("automatic_fallback")) if e.target.endswith("reason") else e
        for e in _rule("M110").then)}, {"rules", "reasons"}, set()),
    ({"actions": ("acquire_grant(me)",)}, {"rules", "actions"}, set()),
    ({"why": "because"}, {"rules"}, {"node-manual.dot"}),
])
def test_one_cell_changes_what_shows_it_and_nothing_else(
    written: dict[str, str], changes: dict[str, object], pages: set[str], pictures: set[str]
) -> None:
    other = _with("M110", **changes)
    assert other != TABLE
    model, drawn = instantiate(other, dict(prg().model.policy)), docs("pictures")
    now = docs("pages").of_table(other, model, ())
    assert {name for name in written if written[name] != now[name]} == pages
    before = golden.rules(TABLE).split("\n\n")
    after = golden.rules(other).split("\n\n")
    assert [b[:4] for a, b in zip(before, after, strict=True) if a != b] == ["M110"]
    assert {
        f"node-{phase}.dot" for phase in drawn.PHASES
        if render(graph(model, "node1.state", phase), "dot")
        != render(graph(prg().model, "node1.state", phase), "dot")
    } == pictures


# ------------------------------------------------------------- the generator


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = docs("generate")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


def test_a_difference_is_named_with_a_short_diff(generate: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text("same\n")
    (tmp_path / "other.txt").write_text("".join(f"{n}\n" for n in range(40)))
    wrong = generate.check({"same.txt": "same\n", "other.txt": "new\n", "none.txt": "a\n"})
    assert wrong[0] == "none.txt: is missing\n  @@ -0,0 +1 @@\n  +a"
    assert wrong[1].startswith("other.txt: differs\n  @@ ")
    assert wrong[1].endswith("more lines")
    assert len(wrong) == 2


def test_a_picture_of_another_version_of_its_library_is_compared_by_its_words(
    generate: ModuleType
) -> None:
    old = "<svg><title>a</title><desc>3 minutes</desc><path/><!-- drawn by matplotlib 3.9 --></svg>"
    new = old.replace("3.9", "3.11").replace("<path/>", "<g/>")
    assert generate._redrawn(old, new)
    assert not generate._redrawn(old, new.replace("3 minutes", "4 minutes"))
    assert not generate._redrawn(old, old.replace("<path/>", "<g/>"))
    assert not generate._redrawn("<svg></svg>", "<svg><g/></svg>")


def test_a_page_that_is_gone_is_named_and_removed(generate: ModuleType, tmp_path: Path) -> None:
    old, mine = tmp_path / "docs/reference/old.md", tmp_path / "docs/mine.md"
    old.parent.mkdir(parents=True)
    old.write_text("# Old\n")
    mine.write_text("# Mine\n")
    assert generate.check({}) == ["docs/reference/old.md: is not generated any more"]
    generate.rewrite({"a/b.txt": "text\n"})
    assert not old.exists()
    assert mine.exists()
    assert (tmp_path / "a/b.txt").read_bytes() == b"text\n"


def test_only_marked_blocks_are_filled(generate: ModuleType, tmp_path: Path) -> None:
    page = "before\n<!-- generated:numbers -->\nold\n<!-- /generated -->\nafter\n"
    (tmp_path / "README.md").write_text(page)
    (tmp_path / "ARCHITECTURE.md").write_text("no blocks\n")
    filled = generate.filled({"numbers": "new\n"})
    assert filled == {"README.md": page.replace("old", "new")}


def test_a_hole_of_some_policies_says_which(generate: ModuleType) -> None:
    key = ("F1", Display(Shown("idle", "peer_down"), None))
    policies = list(generate.choices())
    found = generate.every_hole([
        (p, {key: ("x",)} if p["reconnection"] == "keep_serving" else {}) for p in policies
    ])
    assert [h.only for h in found] == [(("reconnection", "keep_serving"),)]
    everywhere = generate.every_hole([(p, {key: ("x",)}) for p in policies])
    assert [h.only for h in everywhere] == [()]
