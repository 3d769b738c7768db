"""The page of the explorer: what it shows and says, by mouse, by keyboard, and for everybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from prgcore import PRG
from prgcore.diagram.matrix import matrix
from prgcore.engine import Engine
from prgcore.explain.display import spell_both
from prgcore.story.script import run as run_story
from tests.browser import resized
from tests.planted import FAULTS
from tests.toys import TURNSTILE
from tests.walks import after

BACKUP = ("failover(node1)", "takeover_done(node2)", "taken_over(node1)")


def states(shown):
    """The states that the two cards show."""
    return shown.locator(".card .state strong").all_inner_texts()


def said(shown):
    return shown.locator("#live").inner_text()


# ------------------------------------------------------------------------ by keyboard


def test_failover_and_back_by_keyboard_alone(open_page):
    shown = open_page()

    def reach(wanted, limit=150):
        for _ in range(limit):
            shown.keyboard.press("Tab")
            if shown.evaluate("document.activeElement.getAttribute('aria-label')") == wanted:
                return
        pytest.fail(f"Tab does not lead to {wanted}")

    assert states(shown) == ["Normal", "Normal"]
    reach("Do it on node1: failover(node1), on offer")
    assert "M100@node1" in shown.locator("#preview").inner_text()
    shown.keyboard.press("Enter")
    assert states(shown) == ["Failing Over", "Taking Over"]
    assert "failover(node1): done by M100@node1" in said(shown)
    for _ in range(2):
        shown.keyboard.press("h")
    assert states(shown) == ["Idle", "Running in Backup Mode"]
    assert "(row 3 of Table 2)" in shown.locator("#meaning").inner_text()
    reach("Do it on node1: fallback(node1), on offer")
    shown.keyboard.press("Space")
    assert states(shown) == ["Taking Back", "Falling Back"]
    shown.keyboard.press("h")
    assert states(shown) == ["Normal", "Normal"]
    assert "This is home" in shown.locator("#meaning").inner_text()
    shown.keyboard.press("u")
    assert states(shown) == ["Taking Back", "Falling Back"]
    shown.keyboard.press("r")
    assert states(shown) == ["Normal", "Normal"]


def test_who_has_the_focus_keeps_it(open_page):
    shown = open_page()
    shown.locator("button[aria-label*=': failover(node1),']").focus()
    shown.keyboard.press("Enter")
    label = shown.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label == "Do it on node1: failover(node1), refused"
    shown.keyboard.press("Enter")
    assert "refused" in said(shown)
    assert "needs Normal" in said(shown)
    assert states(shown) == ["Failing Over", "Taking Over"]


def test_shortcuts_do_not_fire_where_one_types(open_page):
    shown = open_page(hash_="#start%20normal;failover(node1)")
    shown.keyboard.press("f")
    shown.keyboard.type("uhr?/lt")
    assert shown.locator("#filter").input_value() == "uhr?/lt"
    assert states(shown) == ["Failing Over", "Taking Over"]
    assert shown.locator("dialog[open]").count() == 0
    assert shown.locator("#events-body").inner_text() == "Nothing here has such a name."
    shown.locator("#filter").fill("add_users")
    assert shown.locator(".event").count() == 1
    shown.keyboard.press("Tab")
    shown.keyboard.press("?")
    assert "undo the step" in shown.locator("dialog[open]").inner_text()
    shown.keyboard.press("u")
    assert states(shown) == ["Failing Over", "Taking Over"]
    shown.keyboard.press("Escape")
    assert shown.locator("dialog[open]").count() == 0
    shown.keyboard.press("u")
    assert states(shown) == ["Normal", "Normal"]


@pytest.mark.parametrize(("typed", "expected"), [
    ("row 12", ["Failed Over with Critical Services Not Running", "Running in Backup Mode"]),
    ("row 12 exchanged", ["Running in Backup Mode", "Failed Over with Critical Services Not Running"]),
    ("node1 backup activated", ["Backup Activated"]),
    ("start initial", ["Unknown", "Unknown"]),
])
def test_search_leads_to_rows_states_and_starts(open_page, typed, expected):
    shown = open_page()
    shown.keyboard.press("/")
    shown.keyboard.type(typed)
    shown.keyboard.press("Enter")
    assert shown.locator("dialog[open]").count() == 0
    assert states(shown)[: len(expected)] == expected


def test_search_shows_a_rule_with_the_cells_that_hold_here(open_page):
    shown = open_page(hash_="#start%20normal;failover(node1)")
    shown.keyboard.press("/")
    shown.keyboard.type("M100@node1")
    shown.locator("#found summary").first.click()
    card = shown.locator("#found details").first.inner_text()
    assert "✗ node1 is Normal; here it is Failing Over" in card
    assert "✓" in card
    shown.locator("#query").fill("start_failed(node2)")
    shown.locator("#found button").first.click()
    assert shown.evaluate("document.activeElement.getAttribute('aria-label')").startswith(
        "Do it on node2: start_failed(node2), ")


def test_the_map_by_arrow_keys(open_page):
    shown = open_page()
    assert shown.locator(".square[tabindex='0']").count() == 1
    shown.locator(".square.here").focus()
    for key in ("ArrowUp", "ArrowRight"):
        shown.keyboard.press(key)
    assert "node1 Idle, node2 Running in Backup Mode" in shown.locator("#square").inner_text()
    assert shown.locator(".square[tabindex='0']").count() == 1
    shown.keyboard.press("Enter")
    assert states(shown) == ["Idle", "Running in Backup Mode"]
    shown.keyboard.press("ArrowLeft")
    shown.keyboard.press("ArrowLeft")
    shown.keyboard.press("Enter")  # both Idle: impossible, so it stays where it is
    assert states(shown) == ["Idle", "Running in Backup Mode"]


def test_every_square_that_can_be_gone_to_shows_its_two_states(open_page):
    shown = open_page()
    wrong = shown.evaluate("""() => {
      const { machine } = prgcore;
      const { axes: [down, across], squares } = machine.table.map;
      const wrong = [];
      for (const [i, square] of squares.entries()) {
        const cell = document.querySelector(`[data-square="${i}"]`);
        cell.click();
        if (cell.dataset.do?.startsWith("network:")) {
          const { shown } = machine.table.networks[prgcore.network.story];
          const states = [square.row, square.column].map((code, n) =>
            machine.table.columns[machine.table.map.axes[n]].domain[code]);
          if (square.standing !== "impossible" || states.some((s, n) => shown[n][0] !== s)) wrong.push(i);
          continue;
        }
        const at = prgcore.row[down] === square.row && prgcore.row[across] === square.column;
        if (cell.dataset.do && !at) wrong.push(i);
        if (cell.dataset.do && machine.next(prgcore.row) === null) wrong.push(i);
        if (!cell.dataset.do && square.standing !== "impossible") wrong.push(i);
      }
      return wrong;
    }""")
    assert wrong == []


def test_every_row_is_reached_by_its_cause_in_both_seats(open_page):
    shown = open_page()
    rows = shown.evaluate("""() => prgcore.machine.table.display.rows.map((one, i) => {
      const { machine, meaning } = prgcore;
      const [cause] = one.causes;
      const start = machine.table.starts.find(([name]) => name === cause.start)[1];
      let row = machine.initial;
      for (const event of [...start, ...cause.events]) row = machine.step(row, event).row;
      const told = meaning.of(row);
      return [one.row, one.seat, told.row, told.seat];
    })""")
    assert len(rows) == 52
    assert [r for r in rows if r[0] != r[2]] == []


# --------------------------------------------------------------------- what is shown


def test_a_refused_command_says_which_cells_failed(open_page):
    shown = open_page()
    shown.locator("button[aria-label='Do it on node1: fallback(node1), refused']").click()
    last = shown.locator("#last").inner_text()
    for failed in PRG.step(after(), "fallback(node1)").failed:
        assert failed.column.partition(".")[0] in last
    assert "needs Failed Over or Idle" in last
    assert "refused fallback(node1)" in shown.locator("#story").inner_text()


def test_an_impossible_event_is_hidden_until_asked_for(open_page):
    shown = open_page()
    assert shown.locator("button[aria-label*=': power_on(node1),']").count() == 0
    shown.locator("#impossible").check()
    shown.locator("button[aria-label='Do it on node1: power_on(node1), impossible here']").click()
    assert "cannot physically happen" in shown.locator("#last").inner_text()
    assert "impossible power_on(node1)" in shown.locator("#story").inner_text()


def test_the_story_on_the_page_holds_and_the_link_restores_it(open_page):
    shown = open_page()
    for label in ("Do it on node1: failover(node1), on offer", "Do it: recover, refused",
                  "Do it on node2: takeover_done(node2), on offer"):
        shown.locator(f"button[aria-label='{label}']").click()
    text = shown.locator("#story").text_content()
    run = run_story(PRG, text)
    assert run.ok
    assert len(run.steps) == 6
    shown.reload()
    assert states(shown) == ["Failing Over", "Running in Backup Mode"]
    assert shown.locator("#story").text_content() == text
    shown.locator("#steps button").nth(1).click()
    assert states(shown) == ["Failing Over", "Taking Over"]
    assert shown.locator("#steps .undone").count() == 2


def test_a_story_is_downloaded(open_page):
    shown = open_page(hash_="#start%20normal;failover(node1)")
    with shown.expect_download() as download:
        shown.locator("#save").click()
    assert download.value.suggested_filename == "prg-story.txt"
    assert run_story(PRG, Path(download.value.path()).read_text("utf-8")).ok


def test_the_story_and_the_link_are_copied(open_page):
    shown = open_page(hash_="#start%20normal;failover(node1)",
                      permissions=["clipboard-read", "clipboard-write"])
    shown.locator("#copy").click()
    shown.locator("#live", has_text="The story is copied.").wait_for()
    copied = shown.evaluate("navigator.clipboard.readText()")
    assert copied == shown.locator("#story").text_content()
    shown.locator("#link").click()
    shown.locator("#live", has_text="The link is copied.").wait_for()
    assert shown.evaluate("navigator.clipboard.readText()") == shown.url


def test_what_cannot_be_copied_is_shown_to_be_selected(open_page):
    shown = open_page(hash_="#start%20normal;failover(node1)")
    shown.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    shown.locator("#copy").click()
    assert "press Ctrl+C: # from the explorer" in shown.locator("#notice").inner_text()


def test_advice_and_the_way_home_are_pressed(open_page):
    shown = open_page(hash_="#" + ";".join(("start%20normal", *BACKUP)))
    meaning = shown.locator("#meaning")
    row, expected = "Idle / Running in Backup Mode (row 3 of Table 2)", PRG.explain(after(*BACKUP))
    assert row in meaning.inner_text()
    for action in expected.actions:
        assert action in meaning.inner_text()
    steps = len(expected.plan.steps)
    assert meaning.locator(".way li").count() == steps
    for _ in range(steps):
        meaning.locator("button[data-do='home']").click()
    assert states(shown) == ["Normal", "Normal"]


HOSTILE = (
    "#%", "#%ff", "#nonsense", "#<img src=x onerror=alert(1)>", "#javascript:alert(1)",
    "#start%20nowhere", "#given%20link=x", "#" + "a" * 50_000, "#" + "link_cut;" * 3_000,
    "#__proto__", "#%00", "#expect%20node1%20%3Cscript%3E",
)


def test_a_hostile_address_gets_a_clear_line(open_page):
    shown = open_page(hash_=HOSTILE[0])
    for hash_ in HOSTILE:
        shown.goto(shown.url.partition("#")[0] + hash_)
        notice = shown.locator("#notice").inner_text()
        assert notice.startswith("This is not a story of this machine: "), hash_
        assert len(notice) < 2_000
        assert states(shown) == ["Normal", "Normal"]
        assert shown.locator("#notice img, #notice script").count() == 0


def test_links_lead_to_the_reference_only_where_there_is_one(open_page):
    assert open_page().locator("main a").count() == 0
    shown = open_page(links="https://example.org/reference/", hash_="#start%20normal;failover(node1)")
    assert shown.locator("#last a").first.get_attribute("href") == (
        "https://example.org/reference/rules.html#m100")
    assert shown.locator("#meaning a").first.get_attribute("href").endswith("situations.html#row-2")


def test_sections_that_do_not_apply_are_left_out(open_page):
    shown = open_page(Engine(TURNSTILE))
    assert not shown.locator("#map").is_visible()
    assert shown.locator(".card").count() == 0
    shown.locator("button[aria-label='Do it: coin, on offer']").click()
    assert "arm" in shown.locator("#pair").inner_text()
    assert run_story(Engine(TURNSTILE), shown.locator("#story").text_content()).ok
    assert shown.locator("#meaning").inner_text().count("Table 2") == 0


def test_a_card_says_that_a_node_serves_only_where_it_does(open_page):
    shown = open_page(hash_="#start%20normal;services_down(node1)")
    first, second = shown.locator(".card").all_inner_texts()
    assert "cannot serve: a critical service of it is down" in first
    assert "serves users" not in first
    assert "serves\nnobody" in first
    assert "assigned\nits own users" in first
    assert "serves\nits own users" in second
    assert "serves users" in second


def test_a_silent_node_shows_nothing(open_page):
    shown = open_page(hash_="#start%20normal;power_off(node1)", viewport={"width": 375, "height": 800})
    assert states(shown) == ["Shows nothing", "Normal"]
    assert shown.locator(".card").first.evaluate("e => getComputedStyle(e).borderStyle") == "dashed"
    for place in ("#live", "#strip"):
        text = shown.locator(place).inner_text()
        assert "node1 shows nothing (record: Normal)" in text
        assert "node2 Normal" in text


def test_a_pair_set_by_hand_is_judged_when_it_is_whole(open_page):
    shown = open_page()
    shown.get_by_label("node1 Idle, node2 Running in Failed Mode:").click()
    assert shown.locator("#steps li").count() > 2
    assert "breaks" not in shown.locator("#steps").text_content()
    assert "breaks" not in shown.locator("#sequence").text_content()
    assert "Set by hand, reachable." in shown.locator("#last").inner_text()
    shown = open_page(hash_=SCENES["broken"])
    assert "breaks S1" in shown.locator("#steps").text_content()
    assert "let one node serve" in shown.locator("#meaning").inner_text().lower()


def test_starting_over_from_the_same_start(open_page):
    shown = open_page(hash_="#start%20initial;enable_ha")
    assert shown.locator("#start option:checked").inner_text() == "initial"
    shown.locator("#again").click()
    assert states(shown) == ["Unknown", "Unknown"]
    assert shown.locator("#steps li").count() == 1


@pytest.mark.parametrize(("typed", "expected"), [
    (("running in backup mode", "Failed Over / Initialization"),
     ["Running in Backup Mode", "Failed Over"]),
    (("nothing", "Normal"), ["Shows nothing", "Normal"]),
    (("Idle", "Failed"), ["Idle", "Running in Failed Mode"]),
    (("Backup Activated / Auto Recover Database Failure",  # row 23 as the document prints it
      "Failover Affected Services / Auto Recover Critical Service Down"),
     ["Backup Activated", "Failover Affected Services"]),
    (("Failover Affected Services / Auto Recover Critical Service Down",
      "Backup Activated / Auto Recover Database Failure"),
     ["Failover Affected Services", "Backup Activated"]),
])
def test_two_states_on_a_screen_lead_to_a_pair_that_shows_them(open_page, typed, expected):
    shown = open_page()
    shown.keyboard.press("/")
    for field, text in zip(("#shown1", "#shown2"), typed, strict=True):
        shown.locator(field).fill(text)
    shown.locator("#shown2").press("Enter")
    assert shown.locator("dialog[open]").count() == 0
    assert states(shown) == expected
    assert "breaks" not in shown.locator("#steps").text_content()
    assert shown.evaluate("prgcore.machine.next(prgcore.row) !== null")


@pytest.mark.parametrize(("typed", "says"), [
    (("Idle", "Idle"), "No reachable pair shows this"),
    (("Idle", "Idol"), "node2: unknown state Idol"),
    (("Idle / Nonsense", "Normal"), "node1: unknown reason Nonsense"),
])
def test_what_no_pair_shows_is_said(open_page, typed, says):
    shown = open_page()
    shown.keyboard.press("/")
    for field, text in zip(("#shown1", "#shown2"), typed, strict=True):
        shown.locator(field).fill(text)
    shown.locator("#display button").click()
    assert says in shown.locator("#display-wrong").inner_text()
    assert states(shown) == ["Normal", "Normal"]


def test_a_status_text_is_told_where_to_go(open_page):
    shown = open_page()
    shown.keyboard.press("l")
    shown.locator("#pasted").fill("Node 1 Name : a State: Normal\nNode 2 Name : b State: Idle\n")
    shown.locator("#run").click()
    assert "choose Go to" in shown.locator("#pasted-wrong").inner_text()


def test_a_report_of_the_prover_is_loaded(open_page):
    from tests.planted import report

    fault = next(f for f in FAULTS if "S1" in f.finds)
    told = json.dumps(report(fault.model).to_json())
    shown = open_page(Engine(fault.model))
    shown.keyboard.press("l")
    shown.locator("#pasted").fill(told)
    shown.locator("#run").click()
    assert "breaks S1" in shown.locator("#steps").text_content()
    assert "this is the first" in shown.locator("#notice").inner_text()
    for wrong in ("{", "{}", '{"obligations": 1}', '{"machines": [null]}', "{}" * 9):
        shown.keyboard.press("l")
        shown.locator("#pasted").fill(wrong)
        shown.locator("#run").click()
        assert shown.locator("#pasted-wrong").inner_text()
        shown.keyboard.press("Escape")


def test_an_event_without_an_answer_stays_in_the_link(open_page):
    hole = next(f for f in FAULTS if f.name == "hole")
    shown = open_page(Engine(hole.model), "light(node1)\nrest(node1)\n")
    shown.locator("button[data-do='goto:2']").click()
    shown = open_page(Engine(hole.model), hash_="#start%20initial;rest(node1)")
    assert "rest(node1)" in shown.url
    assert "No rule answers (F2)" in shown.locator("#last").inner_text()
    assert "rest(node1)" in shown.evaluate("location.hash")


def test_every_event_is_in_sight_without_scrolling_a_box(open_page):
    shown = open_page()
    for width in (390, 1280):
        resized(shown, width, 844)
        assert shown.evaluate("""() => {
          const box = document.querySelector("#events");
          return [box.scrollHeight <= box.clientHeight, getComputedStyle(box).maxHeight];
        }""") == [True, "none"]


def test_a_long_way_is_shown_at_its_end(open_page):
    shown = open_page(hash_="#start%20normal;" + "refused%20recover;" * 80)
    seen = """id => { const box = document.querySelector(id);
      return box.scrollTop + box.clientHeight > box.scrollHeight - 40; }"""
    shown.locator("#trace").scroll_into_view_if_needed()
    shown.keyboard.press("u")
    shown.keyboard.press("r")
    assert shown.evaluate(seen, "#steps")
    assert shown.evaluate(seen, "#sequence")
    assert "The last 60 steps; 21 before them." in shown.locator("#sequence").text_content()


def test_no_word_of_the_sequence_leaves_its_box(open_page):
    shown = open_page(hash_=SCENES["broken"])
    assert shown.evaluate("""() => [...document.querySelectorAll("#sequence .note")].filter((note) => {
      const box = note.querySelector("rect").getBBox();
      return [...note.querySelectorAll("text")].some((text) => text.getBBox().width > box.width);
    }).length""") == 0
    shown = open_page(hash_="#start%20normal;failover(node1);takeover_done(node2)")
    assert shown.evaluate("""() => {
      const { width } = document.querySelector("#sequence svg").viewBox.baseVal;
      return [...document.querySelectorAll("#sequence text")].filter((text) => {
        const box = text.getBBox();
        return box.x < 0 || box.x + box.width > width;
      }).map((text) => text.textContent);
    }""") == []


def test_what_to_do_stands_first_on_a_phone(open_page):
    shown = open_page(viewport={"width": 375, "height": 800}, has_touch=True, is_mobile=True)
    assert shown.locator("#meaning").bounding_box()["y"] < 400
    first = shown.locator("#meaning button, #events .event-button.done").first
    assert first.bounding_box()["y"] + first.bounding_box()["height"] < 800
    order = shown.evaluate("[...document.querySelectorAll('main > section')].map((s) => s.id)")
    assert order[:3] == ["meaning", "events", "pair"]
    assert not shown.locator("#undo kbd").is_visible()


def test_a_fault_as_advice_is_played_and_not_pressed(open_page):
    shown = open_page()
    played = shown.evaluate("""() => {
      const { machine } = prgcore;
      const faults = new Set();
      for (const [i] of machine.table.display.rows.entries()) {
        document.querySelector("#query").value = "";
        const { causes: [{ start, events }] } = machine.table.display.rows[i];
        location.hash = [`start ${start}`, ...events.map((e) => machine.table.events[e].name)].join(";");
        dispatchEvent(new HashChangeEvent("hashchange"));
        for (const button of document.querySelectorAll(".advice button")) {
          const { kind } = machine.table.events[Number(button.dataset.do.slice(6))];
          const first = button.classList.contains("first");
          if (first !== (kind === "command")) return [i, button.textContent];
          if (kind !== "command") faults.add(button.textContent);
        }
      }
      return [...faults];
    }""")
    assert played
    assert all(text.startswith("play: ") for text in played)


def test_what_to_do_is_what_explain_says(open_page):
    for events in ((), ("failover(node1)",), ("power_off(node1)",), BACKUP, ("services_down(node1)",),
                   ("manager_stop(node1)", "heartbeat_lost(node2)")):
        shown = open_page(hash_="#start%20normal;" + ";".join(events))
        told = PRG.explain(after(*events))
        text = " ".join(shown.locator("#meaning").inner_text().split())
        title = spell_both(told.display)
        assert f"{title[:1].upper()}{title[1:]} (" in text
        assert told.cause in text
        way = [*told.plan.events] or ["Nothing: everybody is at home."]
        for action in told.actions or way:
            assert action in text


def test_a_source_is_documented_only_where_there_is_one(open_page):
    shown = open_page(Engine(TURNSTILE))
    assert not shown.locator("#meaning").is_visible()
    assert said(shown) == "start initial"
    shown.locator("button[aria-label='Do it: coin, on offer']").click()
    assert "(documented)" not in shown.locator("#last").inner_text()


def test_a_map_has_a_second_sign_beside_colour(open_page):
    shown = open_page()
    here = shown.get_by_label("node1 Normal, node2 Normal:")
    assert here.inner_text().startswith("●")
    assert "●" in shown.locator("#map-legend").inner_text()


def test_an_impossible_square_is_hatched_and_says_its_promise_when_it_is_chosen(open_page):
    shown = open_page()
    squares = shown.locator(".square.standing-impossible")
    assert squares.count() == sum(
        s.standing == "impossible" for s in matrix(PRG).squares)
    assert set(squares.all_inner_texts()) == {""}
    assert all(text.strip() for text in shown.locator(".square:not(.standing-impossible)")
               .all_inner_texts())
    hatched = "e => getComputedStyle(e).backgroundImage.startsWith('repeating-linear-gradient')"
    assert squares.first.evaluate(hatched)
    assert shown.locator("#map-legend .standing-impossible").evaluate(hatched)
    twice = next(s for s in matrix(PRG).squares if s.text.startswith("S10"))
    square = shown.locator(f".square[aria-label$={json.dumps(f'{twice.says} (not a place to go)')}]")
    square.first.click()
    assert shown.locator("#square").inner_text().endswith(twice.says)
    assert "S10: " in shown.locator("#square").inner_text()


# ------------------------------------------------------------------- for everybody

LOOKS = {
    "light": {}, "dark": {"color_scheme": "dark"},
    "phone": {"viewport": {"width": 375, "height": 800}},
    "calm": {"reduced_motion": "reduce", "forced_colors": "active"},
}
SCENES = {
    "home": "", "refused": "#start%20normal;failover(node1);refused%20recover",
    "broken": "#start%20normal;given%20node1.state=running_in_backup_mode;"
              "given%20node2.state=running_in_backup_mode;enable_ha",
    "dead": "#start%20normal;power_off(node1);link_cut",
}
SEEN = (
    ("light", "home"), ("light", "refused"), ("light", "broken"), ("light", "dead"),
    ("dark", "refused"), ("dark", "broken"), ("phone", "dead"), ("calm", "refused"),
)


def axe(shown, part=None):
    """What axe has to say of a page or a part of it: rule, impact and place of what is wrong."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(shown, context=part).response["violations"]
    return [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found]


@pytest.mark.parametrize(("look", "scene"), SEEN)
def test_axe_finds_nothing(open_page, look, scene):
    shown = open_page(hash_=SCENES[scene], **LOOKS[look])
    shown.locator("#impossible").check()
    shown.evaluate("document.querySelectorAll('main details').forEach((d) => { d.open = true })")
    assert axe(shown) == []


def test_axe_finds_nothing_of_a_counterexample(open_page):
    fault = next(f for f in FAULTS if "S1" in f.finds)
    shown = open_page(Engine(fault.model), "light(node1)\nwarm(node1)\n")
    assert "breaks S1" in shown.locator("#steps").text_content()
    assert axe(shown) == []


def test_a_key_right_after_a_dialog_counts(open_page):
    """A field of the closed dialog has the focus until the page is drawn again."""
    shown = open_page()
    shown.keyboard.press("/")
    shown.wait_for_selector("#finder[open]")
    shown.evaluate("""() => {
        document.getElementById("finder").close();
        document.getElementById("query").dispatchEvent(
            new KeyboardEvent("keydown", { key: "l", bubbles: true }));
    }""")
    assert shown.evaluate("[...document.querySelectorAll('dialog[open]')].map((d) => d.id)") == ["loader"]


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_in_dialogs(open_page, look):
    shown = open_page(**LOOKS[look])
    for key in ("/", "l", "?"):
        shown.keyboard.press(key)
        shown.wait_for_selector("dialog[open]")
        assert axe(shown, "dialog[open]") == []
        shown.keyboard.press("Escape")
        shown.wait_for_selector("dialog[open]", state="detached")


@pytest.mark.parametrize("scene", SCENES)
def test_no_page_scrolls_sideways(open_page, scene):
    shown = open_page(hash_=SCENES[scene])
    shown.locator("#impossible").check()
    for width in (320, 375, 768, 1024, 1280):
        resized(shown, width, 800)
        assert shown.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_is_switched(open_page):
    shown = open_page()
    colour = "getComputedStyle(document.body).backgroundColor"
    light = shown.evaluate(colour)
    shown.keyboard.press("t")
    assert shown.evaluate(colour) != light
    shown.keyboard.press("t")
    assert shown.evaluate(colour) == light


