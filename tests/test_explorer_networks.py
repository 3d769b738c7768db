"""The explorer's stories of two nodes: who knows what, what is on its way, and how one gets there."""

from __future__ import annotations

import json

import pytest

from prgcore import PRG
from prgcore.engine import Engine
from prgcore.explorer import page
from prgcore.explorer.networks import CROSSING, networks
from prgcore.machine import Machine
from prgcore.network.splits import served_twice
from prgcore.network.story import replay
from prgcore.template import active_standby
from tests.test_explorer_page import LOOKS, axe
from tests.toys import TURNSTILE

STORIES = networks(PRG)
TITLES = [story["title"] for story in STORIES]


def said(shown):
    return shown.locator("#network-said").inner_text()


def chosen(shown, title):
    shown.select_option("#network-story", str(TITLES.index(title)))


# ----------------------------------------------------------------------- what is shipped


def test_every_split_and_a_crossing_are_there_to_choose() -> None:
    assert len(TITLES) == len(set(TITLES))
    shown = [story["shown"] for story in STORIES if "shown" in story]
    assert len(shown) == len(PRG.splits) == 8
    assert "Crossing heartbeats" in TITLES
    lost = [i for story in STORIES for step in story["steps"] for i in step["items"]
            if i.get("part") == "lost"]
    assert lost


def test_each_step_says_who_knows_what_and_what_is_on_its_way() -> None:
    story = STORIES[TITLES.index("Crossing heartbeats")]
    run = replay(PRG, CROSSING)
    assert [step["line"] for step in story["steps"][1:]] == [s.line.text for s in run.steps]
    assert [step["flight"] for step in story["steps"]] == [
        [], [], ["node2"], ["node2"], ["node1", "node2"], ["node1", "node2"], ["node2"], []]
    assert story["steps"][5]["twice"] == ["node1"]
    assert story["steps"][4]["copies"] == [
        ["Taking Over / Peer Down", "Failing Over / Peer Down"]] * 2


def test_a_machine_without_the_sections_has_none(open_page) -> None:
    assert networks(Engine(TURNSTILE)) == ()
    shown = open_page(Engine(TURNSTILE))
    assert not shown.locator("#network").is_visible()
    shown.keyboard.press("?")
    assert "story of two nodes" not in shown.locator("#keys").inner_text()


# ------------------------------------------------------------------------- on the page


def test_a_story_is_stepped_through_by_keyboard(open_page) -> None:
    shown = open_page()
    chosen(shown, "Both Running in Backup Mode / Peer Down")
    shown.locator("#network-next").focus()
    for _ in range(3):
        shown.keyboard.press("Enter")
    assert said(shown).endswith("Users of node1 are served twice.")
    assert shown.evaluate("prgcore.network.at") == 3
    for _ in range(5):
        shown.keyboard.press("n")
    assert shown.evaluate("prgcore.network.at") == 6
    assert "Users of node1 and node2 are served twice." in said(shown)
    assert "click Recovery" in shown.locator("#network-body").inner_text()
    assert shown.locator("#network-next").get_attribute("aria-disabled") == "true"
    shown.keyboard.press("p")
    assert shown.evaluate("prgcore.network.at") == 5
    shown.locator("#network-body [data-do='network-goto:1']").click()
    assert shown.evaluate("document.activeElement.dataset.key") == "network-goto:1"
    assert "what node1 sends no longer reaches node2" in said(shown)
    assert "Nothing from node1 arrives." in shown.locator("#network-body").inner_text()
    assert shown.locator("#network-picture .shade.cut").count() == 1


def test_heartbeats_cross_and_one_is_lost(open_page) -> None:
    shown = open_page()
    chosen(shown, "Crossing heartbeats")
    for _ in range(7):
        shown.keyboard.press("n")
    picture = shown.locator("#network-picture")
    assert picture.locator(".message.lost .cross").count() == 1
    assert picture.locator(".message.arrives path").count() == 1
    assert picture.locator(".departs").count() == 2
    assert picture.locator(".shade.twice").count() == 1
    ends = picture.locator(".message.lost path:not(.cross), .message.arrives path").evaluate_all(
        "(paths) => paths.map((p) => p.getAttribute('d').match(/[-\\d.]+/g).map(Number))")
    (lost, arrives) = sorted(ends, key=lambda d: d[0])
    assert lost[0] < lost[2]
    assert arrives[0] > arrives[2]
    assert arrives[1] < lost[1] < lost[3] < arrives[3]
    assert picture.evaluate("""(box) => {
      const { width } = box.querySelector("svg").viewBox.baseVal;
      return [...box.querySelectorAll("text")].filter((text) => {
        const at = text.getBBox();
        return at.x < 0 || at.x + at.width > width;
      }).map((text) => text.textContent);
    }""") == []


@pytest.mark.parametrize("title", TITLES)
def test_no_word_leaves_the_picture_of_a_story(open_page, title) -> None:
    shown = open_page()
    chosen(shown, title)
    shown.locator("#network-body li:last-child button").last.click()
    assert shown.locator("#network-picture").evaluate("""(box) => {
      const { width } = box.querySelector("svg").viewBox.baseVal;
      return [...box.querySelectorAll("text")].filter((text) => {
        const at = text.getBBox();
        return at.x < -1 || at.x + at.width > width + 1;
      }).map((text) => text.textContent);
    }""") == []


def test_a_display_without_a_pair_leads_to_its_story(open_page) -> None:
    shown = open_page()
    shown.keyboard.press("/")
    shown.fill("#shown1", "Normal")
    shown.fill("#shown2", "Running in Backup Mode")
    shown.locator("#display button").click()
    assert not shown.locator("#finder").is_visible()
    assert shown.evaluate("prgcore.machine.table.networks[prgcore.network.story].title") == \
        "Normal beside Running in Backup Mode"
    assert shown.evaluate("document.activeElement.id") == "network-next"
    square = shown.locator(".square[data-do^='network:']")
    assert square.count() == 8
    square.last.click()
    assert shown.evaluate("prgcore.network.at") == 0


def test_a_story_of_ones_own_comes_first(open_page) -> None:
    shown = open_page(PRG, CROSSING)
    assert shown.locator("#network-story option").first.inner_text() == "The given story (7 steps)"
    assert shown.evaluate("prgcore.network") == {"story": 0, "at": 0}


def test_a_machine_of_ones_own_has_its_story(open_page) -> None:
    own = Machine(active_standby.MACHINE)
    text = served_twice(own)
    assert text is not None
    shown = open_page(own, text)
    for _ in range(3):
        shown.keyboard.press("n")
    assert said(shown).endswith("Users of users are served twice.")


def test_the_command_takes_stories_of_networks(run, tmp_path) -> None:
    story, file = tmp_path / "story.txt", tmp_path / "page.html"
    story.write_text(CROSSING)
    assert run("explore", "--story", str(story), "-o", str(file)).code == 0
    assert '"begins":true' in file.read_text()
    told = json.loads(file.read_text().split('id="data">')[1].split("</script>")[0])
    assert told["networks"][0]["steps"][-1]["line"] == "deliver node2"
    shown = ("--node1", "normal", "--node2", "backup mode", "-o", str(file))
    assert run("explore", *shown).code == 0
    assert '"begins":true' in file.read_text()
    assert page(PRG).count('"begins":false') == 1


# ------------------------------------------------------------------------ for everybody


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("title", ["Both Running in Backup Mode / Peer Down", "Crossing heartbeats"])
def test_axe_finds_nothing(open_page, look, title) -> None:
    shown = open_page(**LOOKS[look])
    chosen(shown, title)
    for _ in range(6):
        shown.keyboard.press("n")
    assert axe(shown, "#network") == []


def test_no_story_scrolls_the_page_sideways(open_page) -> None:
    shown = open_page(viewport={"width": 375, "height": 800}, has_touch=True, is_mobile=True)
    shown.locator("#network").scroll_into_view_if_needed()
    chosen(shown, "Crossing heartbeats")
    for _ in range(4):
        shown.locator("#network-next").tap()
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = shown.locator("#network-next").bounding_box()
    assert box["height"] >= 24
