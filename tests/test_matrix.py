"""The map: what is reachable, listed and forbidden, against a search and against the invariants."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest
from attrs import evolve

from prgcore.diagram import FORMATS, Matrix, render
from prgcore.diagram.matrix import MOST, Square, asked, matrix
from prgcore.diagram.matrix_text import legend
from prgcore.diagram.palette import STANDINGS, Standing
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.machine import prg
from prgcore.model import Column, Cube, Model
from prgcore.prove.seen import seen
from prgcore.prove.space import search
from prgcore.vocabulary import Reason, State
from tests.committed import committed
from tests.pictures import HOSTILE, LIT, NASTY, NS, boxes, overlapping, parsed, within, words
from tests.planted import LAMPS as SIGNALS
from tests.planted import reachable
from tests.toys import LAMPS, TURNSTILE

SUFFIX = {"text": "txt", "markdown": "md", "csv": "csv"}


@pytest.fixture(scope="module")
def drawn() -> Matrix:
    return MAPS["states"]()


MAPS = {
    "states": cache(lambda: matrix(prg())),
    "reasons": cache(lambda: matrix(prg(), "node1.health", "node2.reason")),
    "small": cache(lambda: matrix(prg(), "ha", "link")),
    "broken": cache(lambda: _searched(LIT)),
    "hostile": cache(lambda: _searched(NASTY, HOSTILE, "node1.state")),
}


def _counts(drawn: Matrix) -> dict[str, int]:
    return dict(Counter(str(s.standing) for s in drawn.squares))


def _searched(model: Model, rows: str = "node1.state", columns: str = "node2.state") -> Matrix:
    engine = Engine(model)
    return matrix(engine, rows, columns, seen(search(model), asked(engine, rows, columns)))


# ------------------------------------------------------------ what stands where


@pytest.mark.parametrize(("policy", "counts"), [
    ({}, (15, 10, 47, 124)),
    ({"reconnection": "keep_serving"}, (15, 10, 47, 124)),
    ({"reconnection": "able_serves"}, (15, 10, 47, 124)),
    ({"idle_on_peer_loss": "take_over"}, (15, 10, 47, 124)),
])
def test_how_many_squares_are_what(policy: dict[str, str], counts: tuple[int, ...]) -> None:
    names = "documented", "undocumented", "transition", "impossible"
    assert _counts(matrix(prg(**policy))) == dict(zip(names, counts, strict=True))


def test_what_is_reachable_is_what_a_search_finds(drawn: Matrix) -> None:
    space = reachable()
    columns = [space.column(n) for n in
               ("node1.state", "node1.reason", "node2.state", "node2.reason")]
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for one, why, other, because in set(zip(*(c.tolist() for c in columns), strict=True)):
        reasons = list(Reason)
        found.setdefault((list(State)[one], list(State)[other]), set()).add(
            (reasons[why], reasons[because]))
    for square in drawn.squares:
        here = found.get((square.row, square.column), set())
        assert {i.reasons for i in square.inside} == here
        assert (square.standing is Standing.IMPOSSIBLE) == (not here)


def test_an_atlas_and_a_search_draw_the_same_map(drawn: Matrix) -> None:
    engine = prg()
    assert matrix(engine, pairs=seen(reachable(), asked(engine))) == drawn


def test_both_seats_are_alike(drawn: Matrix) -> None:
    for square in drawn.squares:
        other = drawn.at(square.column, square.row)
        assert (other.standing, other.text, other.says) == (
            square.standing, square.text, square.says)
        assert {i.reasons[::-1] for i in other.inside} == {i.reasons for i in square.inside}


def test_every_row_and_every_family_of_two_shown_nodes_is_on_the_map(drawn: Matrix) -> None:
    model = prg().model
    sources = {i.source for s in drawn.squares for i in s.inside}
    rows = {row for s in sources if s.startswith("row") for row in re.findall(r"\d+\w*", s)}
    blank = {s.row for s in model.situations if None in s.display}
    assert rows == {s.row for s in model.situations} - blank
    assert {f.id for f in model.families if f.id[:2] != "HN"} <= sources
    assert all(row in drawn.remarks[0] for row in blank)
    for square in drawn.squares:
        told = {r for i in square.inside if i.source.startswith("row")
                for r in re.findall(r"\d+\w*", i.source)}
        assert told == (set(square.text.split()) if square.standing == "documented" else set())


def test_what_is_stable_and_seen_has_a_source(drawn: Matrix) -> None:
    moving = {v for c in prg().model.transient for v in c.values}
    for square in drawn.squares:
        if not {square.row, square.column} & moving:
            assert all(i.source for i in square.inside), square


# ------------------------------------------------------------ why it is impossible


def _completions(model: Model, square: Square, ids: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Every way to fill in the columns that these invariants speak of."""
    known = {c.name: c for c in model.columns}
    spoken = {c.column for i in model.invariants if i.id in ids for cube in i.never for c in cube}
    stored = sorted({s for n in spoken for s in known[n].sources or (n,)}
                    - {"node1.state", "node2.state"})
    for values in product(*(known[n].domain for n in stored)):
        pair = {"node1.state": square.row, "node2.state": square.column}
        pair |= dict(zip(stored, values, strict=True))
        for name in spoken:
            if known[name].derived:
                key = tuple(pair[s] for s in known[name].sources)
                pair[name] = dict(known[name].table)[key]
        yield pair


def _excluded(model: Model, square: Square, ids: tuple[str, ...]) -> bool:
    never: list[Cube] = [c for i in model.invariants if i.id in ids for c in i.never]
    return all(
        any(all(pair[c.column] in c.values for c in cube) for cube in never)
        for pair in _completions(model, square, ids)
    )


def test_the_named_invariants_alone_exclude_a_square(drawn: Matrix) -> None:
    model = prg().model
    promises = tuple(i.id for i in model.invariants if not i.auxiliary)
    checked = {}
    for square in drawn.squares:
        if square.standing is not Standing.IMPOSSIBLE:
            continue
        ids = tuple(re.split(r"[ +]+", square.text))
        assert ids[0], square
        assert square.url == f"invariants.html#{ids[0].lower()}"
        if (square.column, square.row) in checked:
            continue
        checked[square.row, square.column] = ids
        if "+" in square.text:
            assert square.says.startswith(f"{' and '.join(ids)} together: ")
            assert _excluded(model, square, ids)
            assert not any(_excluded(model, square, (one,)) for one in ids)
        else:
            assert all(_excluded(model, square, (one,)) for one in ids)
        if not set(ids) & set(promises):
            assert not any(_excluded(model, square, (one,)) for one in ("S1", "S2", "S10", "S13"))
    assert len(checked) == (124 + 11) // 2  # eleven of them are on the diagonal


# ------------------------------------------------------------------ any machine


def test_what_nobody_searched_is_not_drawn_as_impossible() -> None:
    with pytest.raises(BadInput, match=r"nobody searched the machine 'lamps'.*pairs=seen"):
        matrix(Engine(SIGNALS))


def test_a_machine_without_situations_has_nothing_documented() -> None:
    drawn = _searched(SIGNALS)
    assert _counts(drawn) == {"reachable": 3, "transition": 2, "impossible": 4}
    assert drawn.at("dark", "warming").standing is Standing.TRANSITION
    assert drawn.remarks == ()
    assert drawn.reference == ""


def test_a_broken_promise_is_on_the_map() -> None:
    drawn = _searched(LIT)
    square = drawn.at("lit", "lit")
    assert (square.standing, square.text) == (Standing.BROKEN, "S1 X1")
    assert square.says == (
        "every pair here breaks S1: never both lamps lit; X1: never both warming or lit. "
        "some pairs here break X2: a lamp that burns has a good bulb")
    assert drawn.standings[0] is Standing.BROKEN


def test_a_promise_that_some_pairs_of_a_square_break_is_on_the_map() -> None:
    engine, space = Engine(LIT), search(LIT)
    drawn = _searched(LIT, "node1.bulb", "mains")
    for square in drawn.squares:
        here = [p for p in map(space.pair, range(len(space)))
                if (p["node1.bulb"], p["mains"]) == (square.row, square.column)]
        broken = [set(engine.broken(engine.pair(p))) for p in here]
        assert (square.standing is Standing.BROKEN) == any(broken)
        every = set.intersection(*broken) if broken else set()
        said = square.text.removeprefix("some ").split()
        assert set(said) == (every or set().union(*broken))
        assert square.text.startswith("some ") == (any(broken) and not every)


def test_any_two_columns_make_a_map() -> None:
    lamps = _searched(LAMPS, "node1.peer_lamp", "node1.hears")
    assert [s.standing for s in lamps.squares if (s.row, s.column) == ("off", "yes")] == ["reachable"]
    assert lamps.at("unheard", "yes").says == "a search found no such pair"
    both = matrix(prg(), "node1.state", "ha")
    assert both.at("idle", "off").text == "S10"
    assert both.at("unknown", "improper").text == "24"
    assert both.at("normal", "on").says == "row 1; in no row: HE2"
    assert not both.at("normal", "on").inside
    assert all(s.text == "" for s in matrix(prg(), "node1.health", "node1.services").squares
               if (s.row, s.column) == ("healthy", "down"))


def test_bad_axes_are_one_clear_line() -> None:
    with pytest.raises(BadInput, match=r"unknown column 'node1.stat'.*node1.state"):
        matrix(prg(), "node1.stat")
    with pytest.raises(BadInput, match=r"two columns, not node1\.state twice"):
        matrix(prg(), "node1.state", "node1.state")
    with pytest.raises(BadInput, match=r"unknown column .node1\.state."):
        matrix(Engine(TURNSTILE))
    wide = tuple(f"v{i}" for i in range(63))
    large = Model("wide", (Column("a", wide), Column("b", wide)), ((("a", "v0"), ("b", "v0")),),
                  (), (), ())
    with pytest.raises(BadInput, match=rf"3,969 squares, too many to read \(at most {MOST:,}\)"):
        matrix(Engine(large), "a", "b")


# ---------------------------------------------------------------------- formats


@pytest.mark.parametrize("form", sorted(SUFFIX))
def test_two_lamps(form: str) -> None:
    text = render(MAPS["broken"](), form)
    assert text == committed(f"golden/map.{SUFFIX[form]}", text)


def test_a_legend_explains_only_texts_that_its_squares_have() -> None:
    for some in MAPS.values():
        for standing, says, _ in legend(some()):
            assert (": " in says) == _texts(some(), standing), says
    by_map = {name: {s: words for s, words, _ in legend(MAPS[name]())} for name in ("states", "broken")}
    assert by_map["states"][Standing.TRANSITION] == "in transition: its number of pairs of reasons"
    assert by_map["broken"][Standing.TRANSITION] == "in transition"


def _texts(drawn: Matrix, standing: Standing) -> bool:
    return any(s.text for s in drawn.squares if s.standing is standing)


def test_a_terminal_is_80_columns_wide() -> None:
    for some in MAPS.values():
        assert max(map(len, render(some(), "text").splitlines())) <= 80


def test_a_square_a_line(drawn: Matrix) -> None:
    rows = list(csv.DictReader(io.StringIO(render(drawn, "csv"))))
    assert len(rows) == 196
    assert rows[0].keys() == {"node1.state", "node2.state", "standing", "text", "says", "reasons"}
    assert [(r["node1.state"], r["node2.state"]) for r in rows] == list(product(State, State))


@pytest.mark.parametrize("name", sorted(MAPS))
def test_the_picture_is_well_formed_and_nothing_overlaps(name: str) -> None:
    drawn = MAPS[name]()
    root = parsed(render(drawn, "svg"))
    within(root)
    assert overlapping(boxes(root)) == []
    assert len(boxes(root)) == len(drawn.squares) + len(drawn.standings)
    said = {text for text, _ in words(root)}
    signs = {text[0] for text in said if text}
    reached = [s for s in drawn.standings if s is not Standing.IMPOSSIBLE]
    assert {STANDINGS[s].shape for s in reached} <= signs
    assert STANDINGS[Standing.IMPOSSIBLE].shape not in signs


def test_colour_is_never_alone() -> None:
    signs = [STANDINGS[s].shape for s in Standing if s is not Standing.REACHABLE]
    assert len(set(signs)) == len(signs)


def test_squares_lead_to_the_reference(drawn: Matrix) -> None:
    picture = render(drawn, "svg")
    assert 'href="reference/situations.html#row-3"' in picture
    assert 'href="reference/invariants.html#s2"' in picture
    assert 'role="graphics-document"' in picture
    alone = render(evolve(drawn, reference=""), "svg")
    assert "href" not in alone
    assert 'role="img"' in alone


def test_the_page_stands_alone() -> None:
    for some in MAPS.values():
        page = render(some(), "html")
        assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
        assert page.count("<h1>") == page.count("<title>") - page.count("<title>", page.index("<svg"))
        assert "<script" not in page
        assert not re.search(r'(src|href)="https?:', page)
        assert 'name="viewport"' in page


@pytest.mark.parametrize("form", sorted(FORMATS[Matrix]))
def test_hostile_names_are_quoted(form: str) -> None:
    text = render(MAPS["hostile"](), form)
    text.encode("utf-8")
    assert all(c.isprintable() or c == "\n" for c in text)
    if form in {"svg", "html"}:
        assert "<script" not in text


def test_every_process_draws_the_same_bytes() -> None:
    code = ("from prgcore.machine import prg\nfrom prgcore.diagram import FORMATS, Matrix, render\n"
            "from prgcore.diagram.matrix import matrix\nimport hashlib\nm = matrix(prg())\n"
            "print(hashlib.sha256(''.join(render(m, f) for f in sorted(FORMATS[Matrix]))"
            ".encode()).hexdigest())")
    seen_ = {
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True,
                       env=os.environ | {"PYTHONHASHSEED": seed}).stdout
        for seed in ("0", "4242")
    }
    assert len(seen_) == 1


def test_a_square_that_is_pointed_at_names_its_reasons(drawn: Matrix) -> None:
    titles = [t.text or "" for t in parsed(render(drawn, "svg")).iter(f"{NS}title")][1:]
    assert len(titles) == len(drawn.squares)
    for square, said in zip(drawn.squares, titles, strict=True):
        told = said.split("; ")
        assert all(drawn.within(i) in told for i in square.inside[:12])
        more = len(square.inside) - 12
        assert (told[-1] == f"and {more} more") == (more > 0)


def test_squares_in_transition_are_listed_as_text(drawn: Matrix) -> None:
    said = " ".join(render(drawn, "text").split())
    assert "Idle | Taking Over (3) Running in Backup Mode | Failing Over (20), " in said


def test_links_are_escaped_as_everywhere() -> None:
    some = evolve(MAPS["small"](), reference='a b"/')
    square = next(s for s in some.squares if s.url)
    assert some.link(square) == f"a%20b%22/{square.url}"
