"""Lists, counts and cut texts: said once, in `prgcore.words`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prgcore.words import clean, counted, cut, few, indented, listed, one_line, quoted, wrapped


@pytest.mark.parametrize(("items", "text"), [
    ([], ""), (["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c"),
])
def test_a_list(items: list[str], text: str) -> None:
    assert listed(items) == listed(iter(items)) == text
    assert listed(items, "and") == text.replace(" or ", " and ")


def test_a_count() -> None:
    assert [counted(n, "pair") for n in (0, 1, 2, 1000)] == [
        "0 pairs", "1 pair", "2 pairs", "1,000 pairs"]
    assert [counted(n, "entry", "entries") for n in (1, 2)] == ["1 entry", "2 entries"]


def test_of_many_the_first() -> None:
    assert few(["a", "b"], 2) == "a; b"
    assert few(["a", "b", "c"], 2, ", ") == "a, b, and 1 more"
    assert few(["a"] * 1003, 2) == "a; a; and 1,001 more"
    assert few([], 2) == ""


@given(st.text(), st.integers(1, 50))
def test_a_cut_text_is_no_longer_than_asked_for(text: str, most: int) -> None:
    found = cut(text, most)
    assert len(found) <= most
    assert found == text if len(text) <= most else (
        found.endswith("…") and text.startswith(found[:-1]))


@given(st.text())
def test_one_line_is_printable(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert len(line) <= 600
    assert quoted(text).isprintable()


@given(st.text())
def test_a_clean_text_keeps_its_length(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


def test_lines() -> None:
    assert wrapped("a compare-and-set", "> ", "  ", 18) == ["> a", "  compare-and-set"]
    assert indented(["a", "b"]) == "  a\n  b"
