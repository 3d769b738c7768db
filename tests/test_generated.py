"""What is generated and what is shown to readers: it is true, it runs, and its links lead on."""

from __future__ import annotations

import importlib.util
import re
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

from prgcore.export import reference
from prgcore.export.reference import Hole, Proved
from prgcore.machine import prg
from prgcore.model import By, Copy, Display, Effect, Rule, Table
from prgcore.prove.space import search
from prgcore.story import Script, parse, run
from prgcore.tables.actions import ACTIONS
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.machine import TABLE

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "tests" / "golden"
STORIES = sorted((ROOT / "tests" / "stories").glob("*.txt"))
PAGES = [
    *sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")),
]
_CODE = re.compile(r"```python\n(.*?)```(?:\n\n(?:<!-- \S+ -->\n)?```text\n(.*?)```)?", re.DOTALL)
_TEXT = re.compile(r"```text\n(start .*?)```", re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ------------------------------------------------------------------ stories


@pytest.mark.parametrize("path", STORIES, ids=lambda p: p.stem)
def test_a_story_file_holds(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    machine = prg(**parse(text).policy)
    told = run(machine, parse(text, machine))
    assert told.steps
    assert not [f"line {s.line.number}: {s.failed}" for s in told.failures]


def test_every_cause_and_every_story_has_its_file() -> None:
    causes = {f"table2-{c.id}.txt" for s in TABLE.situations for c in s.causes}
    stories = {f"{s.id}.txt" for s in TABLE.stories}
    assert not causes & stories
    assert causes | stories <= {p.name for p in STORIES}


def test_a_cause_ends_in_its_row() -> None:
    text = (ROOT / "tests/stories/table2-12.txt").read_text(encoding="utf-8")
    script: Script = parse(text)
    assert [line.verb for line in script.lines[-2:]] == ["expect", "expect"]
    assert "Failed Over with Critical Services Not Running" in text


# ------------------------------------------------------------- pinned files


def test_the_number_of_reachable_pairs_is_pinned() -> None:
    space = search(prg().model)
    text = (GOLDEN / "space.txt").read_text(encoding="utf-8")
    first = text.split("\n\n")[1]
    assert first.startswith("reconnection=fail idle_on_peer_loss=wait")
    assert int(re.findall(r"(\d+)  reachable pairs", first)[0]) == len(space) == 838_784
    assert int(re.findall(r"(\d+)  depth", first)[0]) == space.depth


def test_every_policy_is_pinned() -> None:
    text = (GOLDEN / "space.txt").read_text(encoding="utf-8")
    assert text.count("reconnection=") == 4
    assert re.findall(r"(\d+)  combinations of state and reason", text) == ["53"] * 4


def test_the_words_are_pinned() -> None:
    text = (GOLDEN / "words.txt").read_text(encoding="utf-8")
    assert text == reference.words(prg().model, ACTIONS)
    for line in (
        "state running_in_backup_mode = Running in Backup Mode", "reason none = (blank)",
        "column node1.services is stopped", "column node2.peer_health is unheard",
        "event failover(node1) command decider administrator",
        "event takeover_failed(node1) completion decider node1 failing", "action acquire_grant",
    ):
        assert line in text.splitlines()


def test_the_rules_are_pinned() -> None:
    assert (GOLDEN / "rules.txt").read_text(encoding="utf-8") == reference.rules(TABLE)


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
    assert reference.rules(table).split("\n\n")[1].splitlines() == [
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
    text = reference.promises(rows)
    assert "| S1 | never | induction |" in text
    assert "| L3 | how many | reported |" in text
    assert "| X1" not in text
    assert "1 auxiliary invariants" in text
    assert "- A-LIN: a record (for S1 to S2, L3)" in text
    assert "- A-FAIR: time (for L3)" in text
    page = reference.obligations_page(rows)
    assert "| X1 | helps | proved | induction |  |" in page
    assert "| S1 | never | proved | induction | pairs 3 |" in page


def test_a_hole_names_the_policy_without_which_it_is_none() -> None:
    display = Display("", "", "idle", "peer_down")
    hole = Hole("N4", display, ("enable_ha", "link_cut"), (("reconnection", "keep_serving"),))
    text = reference.holes_page(prg().model, [hole])
    assert "- (nothing) | Idle / Peer Down (only under `reconnection=keep_serving`)" in text
    assert "`enable_ha`, `link_cut`" in text
    assert "## N4 (1)" in text


def test_every_decision_and_every_rule_is_on_its_page() -> None:
    decisions, rules = reference.decisions_page(DECISIONS, TABLE), reference.rules_page(TABLE)
    assert all(f"## {d.id} {d.title}" in decisions for d in DECISIONS)
    assert all(f"### {r.id} `{r.event}`" in rules for _, rows in TABLE.phases for r in rows)


# ------------------------------------------------------------- the generator


@pytest.fixture
def generate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    (tmp_path / "tests/stories").mkdir(parents=True)
    return module


def test_a_difference_is_named_with_a_short_diff(generate: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "same.txt").write_text("same\n")
    (tmp_path / "other.txt").write_text("".join(f"{n}\n" for n in range(40)))
    wrong = generate.check({"same.txt": "same\n", "other.txt": "new\n", "none.txt": "a\n"})
    assert wrong[0] == "none.txt: is missing\n  @@ -0,0 +1 @@\n  +a"
    assert wrong[1].startswith("other.txt: differs\n  @@ ")
    assert wrong[1].endswith("more lines")
    assert len(wrong) == 2


def test_a_story_that_is_gone_is_named_and_removed(generate: ModuleType, tmp_path: Path) -> None:
    old, mine = tmp_path / "tests/stories/old.txt", tmp_path / "tests/stories/mine.txt"
    old.write_text(generate.MARK + "\nstart normal\n")
    mine.write_text("start normal\n")
    assert generate.check({}) == ["tests/stories/old.txt: is not generated any more"]
    generate.rewrite({"a/b.txt": "text\n"})
    assert not old.exists()
    assert mine.exists()
    assert (tmp_path / "a/b.txt").read_bytes() == b"text\n"


def test_only_marked_blocks_are_filled(generate: ModuleType, tmp_path: Path) -> None:
    page = "before\n<!-- generated:numbers -->\nold\n<!-- /generated -->\nafter\n"
    (tmp_path / "README.md").write_text(page)
    (tmp_path / "ARCHITECTURE.md").write_text("no blocks\n")
    filled = generate.blocks({"numbers": "new\n"})
    assert filled == {"README.md": page.replace("old", "new")}


def test_a_hole_of_some_policies_says_which(generate: ModuleType) -> None:
    key = ("F1", Display("idle", "peer_down", "", ""))
    policies = list(generate.choices())
    found = generate.every_hole([
        (p, {key: ("x",)} if p["reconnection"] == "keep_serving" else {}) for p in policies
    ])
    assert [h.only for h in found] == [(("reconnection", "keep_serving"),)]
    everywhere = generate.every_hole([(p, {key: ("x",)}) for p in policies])
    assert [h.only for h in everywhere] == [()]


# -------------------------------------------------------------------- pages


def _examples() -> list[tuple[str, str, str]]:
    return [
        (f"{_name(page)}-{number}", match[1], match[2] or "")
        for page in PAGES
        for number, match in enumerate(_CODE.finditer(page.read_text(encoding="utf-8")), 1)
    ]


@pytest.mark.parametrize(("code", "says"), [e[1:] for e in _examples()],
                         ids=[e[0] for e in _examples()])
def test_an_example_runs_and_prints_what_is_shown(code: str, says: str) -> None:
    printed = StringIO()
    with redirect_stdout(printed):
        exec(compile(code, "example", "exec"), {"__name__": "example"})
    assert says
    assert [x.rstrip() for x in printed.getvalue().rstrip().splitlines()] == [
        x.rstrip() for x in says.rstrip().splitlines()
    ]


def test_the_examples_are_there() -> None:
    names = [e[0] for e in _examples()]
    assert {"README.md-1", "docs/reading-a-counterexample.md-1"} <= set(names)


def test_a_story_that_a_page_shows_holds() -> None:
    page = (ROOT / "docs/reading-a-counterexample.md").read_text(encoding="utf-8")
    shown = _TEXT.findall(page)
    assert len(shown) == 1
    assert run(prg(), shown[0]).ok


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = []
    for link in _LINK.findall(text):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


def _anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    slugs = {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in heads}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


def test_every_block_is_filled() -> None:
    for page in PAGES:
        for body in re.findall(r"<!-- generated:\S+ -->\n(.*?)<!-- /generated -->",
                               page.read_text(encoding="utf-8"), re.DOTALL):
            assert body.strip(), f"{_name(page)} has an empty block: run make rewrite"


def test_hand_written_pages_fit_the_screen() -> None:
    wide = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        if "reference" in page.parts:
            continue
        text = re.sub(r"<!-- generated.*?<!-- /generated -->", "", text, flags=re.DOTALL)
        wide += [
            f"{_name(page)}: {line}" for line in text.splitlines()
            if len(line) > 88 and not line.startswith(("|", "- `"))
        ]
    assert not wide
