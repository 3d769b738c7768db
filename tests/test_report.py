"""A report in words, as plots and as a page: the same figures, for everybody, without a network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from math import isclose

import pytest

from prgcore.cli import output, year_page
from prgcore.outage import plots
from prgcore.outage.page import page
from prgcore.outage.report import Estimate, nines
from prgcore.outage.wording import (
    allowed,
    between,
    causes_say,
    length,
    lengths,
    number,
    percent,
    percents,
    plus,
    said_nines,
    storm_says,
)
from tests.committed import committed
from tests.pictures import HOSTILE, parsed
from tests.reports import made_up, users

# ------------------------------------------------------------------------------- words


@pytest.mark.parametrize(("value", "says"), [
    (0, "0"), (1, "1.00"), (0.5, "0.500"), (12.3456, "12.3"), (1234.567, "1,235"),
    (123_456, "123,456"), (0.0012345, "0.00123"), (99.96, "100"), (9.996, "10.0"), (-3.2, "-3.20"),
    (1e-9, "0.00000000100"), (1e7, "10,000,000"),
])
def test_a_number_has_three_digits_that_say_something(value, says):
    assert number(value) == says


@pytest.mark.parametrize(("share", "says", "nine"), [
    (0.5, "50.00 %", "no nine"), (0.95, "95.00 %", "one nine"), (0.99, "99.000 %", "two nines"),
    (0.9995, "99.9500 %", "three nines"), (0.9999531, "99.99531 %", "four nines"),
    (0.999999123, "99.9999123 %", "six nines"), (1.0, "100 %", "nine nines or more"),
    (1 - 1e-12, "99.9999999999 %", "nine nines or more"), (0.99989, "99.9890 %", "three nines"),
    (0.0, "0.00 %", "no nine"),
])
def test_a_share_is_never_rounded_up_to_all_time(share, says, nine):
    assert (percent(share), said_nines(share)) == (says, nine)
    assert percent(share) != "100 %" or share == 1


def test_nines_are_counted_at_their_edges():
    for count in range(1, 9):
        edge = 1 - 10.0**-count
        assert nines(edge) == count
        assert nines(edge - 10.0 ** -(count + 2)) == count - 1


@pytest.mark.parametrize(("seconds", "says"), [
    (0.4, "0.40 s"), (45, "45 s"), (98, "98 s"), (100, "1.7 min"), (500, "8.3 min"),
    (5_000, "83.3 min"), (7_200, "2 h"), (86_400, "24 h"), (400_000, "4.6 days"), (1e7, "116 days"),
])
def test_a_time_is_in_the_unit_that_fits(seconds, says):
    assert length(seconds) == says


def test_ends_of_an_interval_differ_where_they_do():
    assert between(Estimate(276, 274.3, 277.4), 60) == "4.57 to 4.62"
    assert between(Estimate(1, 0.99999, 1.00001)) == "0.99999 to 1.0000"
    assert between(Estimate.exact(3)) == ""
    assert percents(Estimate(0.99981, 0.999811, 0.999812)) == "99.9811 to 99.9812 %"
    assert lengths(600, 1200) == "10 to 20 min"
    assert (plus(1.5), plus(-1.5), plus(0)) == ("+1.50", "\u22121.50", "0")


def test_a_difference_is_sure_if_its_interval_leaves_out_nothing():
    assert [Estimate(1, low, high).sure for low, high in ((0.5, 2), (-1, 2), (0, 2), (-2, -1))] == [
        True, False, False, True]


def test_sentences():
    report = made_up()
    assert allowed(report.users[0]) == (
        "A user can work 99.99460 % of the time (four nines), and is out for 28.3 min a year, at most "
        "28.9 min by the interval. A node serves them 99.99844 % of the time (four nines); in the rest "
        "they log in again.")
    nobody = users("", 10, 0.0)
    assert allowed(nobody).startswith("Nobody was out. By the interval")
    assert causes_say(report) == "services_down costs most: 18.7 minutes a year, 66 % of all."
    assert causes_say(made_up(causes=())) == "Nobody was out."
    queue = storm_says(report.storm)
    assert "12.0 a second" in queue[0]
    assert "An upper limit of 953 s lets them in without a queue." in queue[1]
    assert "and 537 s is set" in queue[2]


# ---------------------------------------------------------------------------- terminal


def told(report, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    output.show(*year_page.parts(report))
    return capsys.readouterr().out


def test_the_page_of_a_terminal(monkeypatch, capsys):
    said = told(made_up(), monkeypatch, capsys)
    assert max(map(len, said.splitlines())) <= 80
    assert committed("golden/year-page.txt", said) == said


def test_a_terminal_shows_what_a_report_has(monkeypatch, capsys):
    one = made_up(storm=None, push=None, curve=None, strip=None, against=(), rates=(), limits=(),
                  users=(users("", 0), users("users", 0)))
    said = told(one, monkeypatch, capsys)
    assert "notifications" not in said
    assert "log in at the other" not in said
    assert "users of" not in said
    assert "The document gives" not in said


# ------------------------------------------------------------------------------- plots


@pytest.mark.parametrize("plot", plots.PLOTS, ids=lambda p: p.name)
def test_a_plot_is_the_same_on_every_run_and_says_what_it_shows(plot):
    drawn = plots.svg(made_up(), [plot])
    assert drawn == plots.svg(made_up(), [plot])
    root = parsed(drawn)
    assert plot.title in root[0].text
    assert plot.says(made_up()) in root[1].text
    assert "metadata" not in drawn
    assert "2026" not in drawn
    assert not re.search(r"matplotlib", drawn, re.IGNORECASE)


def test_all_plots_are_one_picture(monkeypatch):
    import matplotlib as mpl

    drawn = plots.sheet(made_up())
    assert len(re.findall("<text", drawn)) > 40
    assert all(p.title in drawn for p in plots.PLOTS)
    monkeypatch.setitem(mpl.rcParams, "lines.linewidth", 9)
    monkeypatch.setitem(mpl.rcParams, "font.size", 30)
    assert plots.sheet(made_up()) == drawn
    assert mpl.rcParams["font.size"] == 30
    assert plots.png(made_up(), plots.PLOTS[:1]).startswith(b"\x89PNG")
    few = made_up(storm=None, curve=None, strip=None, against=())
    assert [p.name for p in plots.known(few)] == ["causes"]


def test_plots_of_odd_reports_are_drawn():
    from attrs import evolve

    whole = made_up()
    odd = evolve(
        whole, strip=evolve(whole.strip, spans=()),
        causes=(evolve(whole.causes[0], event=HOSTILE),),
        storm=evolve(whole.storm, upper=120.0, last=120.0, capacity=0.0),
        curve=evolve(whole.curve, seconds=(5.0, 6.0), share=(0.5, 1.0), unserved=(1.0, 1.0)))
    parsed(plots.sheet(odd))


# -------------------------------------------------------------------------------- page


VOID = {"meta", "link", "br", "img", "input", "hr", "use", "path", "stop"}


class Read(HTMLParser):
    """The tags of a page, which close in order; its ids, references, figures and texts."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.used, self.figures, self.texts = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag not in VOID:
            self.open.append(tag)
        if "id" in given:
            self.ids.append(given["id"])
        for name, value in given.items():
            assert not name.startswith("on")
            if name in {"href", "src", "xlink:href", "action"}:
                self.used.append(value)
        if tag == "data":
            self.figures.append(float(given["value"]))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def figures(value):
    """Every number of a JSON value."""
    if isinstance(value, dict):
        return [x for v in value.values() for x in figures(v)]
    if isinstance(value, list):
        return [x for v in value for x in figures(v)]
    return [float(value)] if isinstance(value, int | float) else []


def test_the_figures_of_the_page_are_those_of_json():
    told_ = json.loads(json.dumps(made_up().to_json(), allow_nan=False))
    known = set(figures(told_))
    shown = Read(page(made_up())).figures
    assert len(shown) > 60
    assert [v for v in shown if v not in known] == []


def test_the_page_is_whole_and_asks_no_network():
    text = page(made_up())
    read = Read(text)
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert {u.removeprefix("#") for u in read.used} <= set(read.ids)
    assert all(u.startswith("#") for u in read.used)
    assert "://" not in re.sub(r'http://www\.w3\.org/[^"]+', "", text)
    assert "<script" not in text
    assert text == page(made_up())
    assert text.count("<svg") == text.count('role="img"') == len(plots.PLOTS)
    for light, _ in plots.COLOURS.values():
        assert light not in text.partition("</style>")[2]


def test_a_page_shows_what_a_report_has():
    one = made_up(storm=None, push=None, curve=None, strip=None, against=(), rates=(), limits=())
    text = page(one)
    assert Read(text).open == []
    assert text.count("<svg") == 1
    assert "Log-in" not in text


def test_names_of_a_machine_are_words_and_nothing_else():
    from attrs import evolve

    whole = made_up(HOSTILE)
    hostile = evolve(
        whole, causes=(evolve(whole.causes[0], event=HOSTILE, says=HOSTILE),),
        against=(evolve(whole.against[0], name=HOSTILE, says=HOSTILE),),
        users=(whole.users[0], evolve(whole.users[1], home=HOSTILE), whole.users[2]),
        strip=evolve(whole.strip, spans=(evolve(whole.strip.spans[0], home=HOSTILE, cause=HOSTILE),)),
        rates=(evolve(whole.rates[0], event=HOSTILE, words=HOSTILE, says=HOSTILE),), limits=(HOSTILE,))
    text = page(hostile)
    assert Read(text).open == []
    assert "<script" not in text
    text.encode()


def test_estimates_scale():
    e = Estimate(60.0, 30.0, 90.0, "t").scaled(1 / 60)
    assert (e.value, e.low, e.high, e.by) == (1.0, 0.5, 1.5, "t")
    assert isclose(sum(c.share for c in made_up().causes), 1.0)


# ----------------------------------------------------------------------------- browser


@pytest.mark.parametrize("look", [
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    {"viewport": {"width": 360, "height": 740}, "color_scheme": "light"},
], ids=("desk", "dark", "phone"))
def test_axe_finds_nothing_and_nothing_is_wider_than_the_page(browser, tmp_path, look):
    from tests.browser import Watched
    from tests.test_explorer_page import axe

    file = tmp_path / "report.html"
    file.write_text(page(made_up()), "utf-8")
    watched = Watched(browser, **look)
    shown = watched.open(file.as_uri())
    assert axe(shown) == []
    wide = look["viewport"]["width"]
    assert shown.evaluate("document.documentElement.scrollWidth") <= wide
    assert shown.evaluate(
        "Math.min(...[...document.querySelectorAll('figure svg text')]"
        ".map(t => t.getBoundingClientRect().height))") >= 8
    watched.clear()
