"""Cells: what a row says of a group, from texts or values, with every wrong word found.

Law: it reads words and takes no step. A word is read as `prgcore explain` reads it;
the same words in a thousand rows are read once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from attrs import define, evolve, field

from prgcore.engine import Engine, Pair
from prgcore.errors import BadInput, PrgError, unknown_name
from prgcore.explain.display import display_of, parse_shown
from prgcore.fleet.shapes import Bad, Group
from prgcore.fleet.titles import Titles
from prgcore.form.spelling import BLANK, Spelling
from prgcore.model import Display, Shown
from prgcore.vocabulary import Reason
from prgcore.words import one_line

__all__ = ["Cells"]

_NO = {*BLANK, "", "-", "--", "?"}
"""Cells that say nothing."""
_NO_STATE = _NO - {"any"}
_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,.'_\u00a0\u202f]\d{3})+|\d{1,12}")
_LONGEST = 200
_MOST_KEPT = 200_000
"""The most different cells that are remembered."""


class _Wrong(Exception):
    """Why a row is not a group."""


@define(eq=False, repr=False)
class Cells:
    """Rows of one machine as groups.

    Attributes:
        engine: the machine; its renamed words are understood.
    """

    engine: Engine
    spelling: Spelling = field(init=False)
    _both: dict[tuple[str, ...], Display | str] = field(factory=dict, init=False)
    _pairs: dict[tuple[str, ...], tuple[Pair, Display] | str] = field(factory=dict, init=False)
    _columns: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.spelling = Spelling.of(self.engine.model)
        self._columns = {name: name for name in self.engine.stored}
        self._columns |= {name.replace(".", sign): name for name in self.engine.stored
                          for sign in ("_", " ")}

    def pair_columns(self, titles: Sequence[str]) -> dict[str, int]:
        """The positions of every stored column, if the titles name them all; else nothing."""
        here = {self._columns[title]: n for n, title in enumerate(titles) if title in self._columns}
        return here if len(here) == len(self.engine.stored) else {}

    # -------------------------------------------------------------------- a group

    def group(self, row: Sequence[str], titles: Titles, pair: Mapping[str, int], file: str,
              place: str) -> Group | Bad:
        """The group of a row that is long enough for all its titles; or why it is none.

        Args:
            pair: as `pair_columns`.
        """
        name = row[titles.group].strip() if titles.group >= 0 else ""
        try:
            whole, display = self._whole(tuple(row[n] for n in pair.values()), pair) if pair else (
                None, self._display(row, titles))
            one, two = titles.host
            users = self._users(row, titles) if max(*titles.users, titles.total) >= 0 else (
                None, None)
        except _Wrong as wrong:
            return Bad(file, place, str(wrong), name)
        return Group(
            name, file, place,
            (row[one].strip() if one >= 0 else "", row[two].strip() if two >= 0 else ""),
            display, whole, users, row[titles.since].strip() if titles.since >= 0 else "")

    def joined(self, nodes: Sequence[tuple[Titles, Sequence[str]]], file: str,
               place: str) -> Group | Bad:
        """The group of the rows of its nodes, each with its own titles; or why it is none."""
        titles, row = nodes[0]
        name = row[titles.group].strip()
        numbers = [row[made.number].strip()[-1:] if made.number >= 0 else "" for made, row in nodes]
        if numbers == ["2", "1"]:
            nodes = nodes[::-1]
        if len(nodes) != 2:
            return Bad(file, place, (
                f"{len(nodes)} {'row has' if len(nodes) == 1 else 'rows have'} this group, and a "
                "group has two nodes; give each node a row"), name)
        (mine, one), (its, two) = nodes

        def both(here: tuple[int, int], there: tuple[int, int]) -> tuple[int, int]:
            return here[0], there[0] + mine.width if there[0] >= 0 else -1

        made = evolve(
            mine, each=False, number=-1, state=both(mine.state, its.state),
            reason=both(mine.reason, its.reason), host=both(mine.host, its.host),
            users=both(mine.users, its.users))
        return self.group([*one, *two], made, {}, file, place)

    def _display(self, row: Sequence[str], titles: Titles) -> Display:
        one, two = titles.state
        why, other = titles.reason
        said = (row[one], row[why] if why >= 0 else "", row[two], row[other] if other >= 0 else "")
        found = self._both.get(said)
        if found is None:
            halves = self._half(*said[:2], 1), self._half(*said[2:], 2)
            wrong = next((half for half in halves if isinstance(half, str)), "")
            found = wrong or Display(*halves)  # type: ignore[arg-type]
            if len(self._both) < _MOST_KEPT:
                self._both[said] = found
        if isinstance(found, str):
            raise _Wrong(found)
        return found

    def _half(self, state: str, reason: str, node: int) -> Shown | str | None:
        """The half of a node; a text says why it is not known."""
        try:
            return self.half(state, reason)
        except BadInput as error:
            return f"node {node}: {error}"

    def half(self, state: str, reason: str) -> Shown | None:
        """The half of a node, from a state or both words in one cell, and a reason; "" is none given.

        Raises:
            BadInput: a word is not known; the message names the nearest ones.
        """
        said, why = state.strip(), reason.strip()
        if len(said) > _LONGEST or len(why) > _LONGEST:
            raise BadInput(f"a cell of {max(len(said), len(why)):,} characters is not a state or a reason: "
                           f"{one_line(max(said, why, key=len), 40)!r}")
        why = "" if why.lower() in _NO else why
        if said.lower() in _NO_STATE:
            if why:
                raise BadInput(f"the reason {one_line(why, 60)!r} has no state beside it")
            return None
        shown = parse_shown(said, self.spelling)
        if shown is None or not why:
            return shown and _open(shown)
        known = self.spelling.read("reason", why)
        if not isinstance(known, Reason):
            raise BadInput(unknown_name("reason", why, self.spelling.spellings("reason")))
        if shown.reason not in (None, Reason.NONE, known):
            raise BadInput(f"two reasons: {one_line(said, 60)!r} and {one_line(why, 60)!r}")
        return Shown(shown.state, known)

    def _whole(
        self, values: tuple[str, ...], columns: Mapping[str, int],
    ) -> tuple[Pair, Display]:
        found = self._pairs.get(values)
        if found is None:
            try:
                pair = self.engine.pair(dict(zip(columns, map(str.strip, values), strict=True)))
                display = display_of(self.engine, pair)
                assert display is not None, "BUG: a machine without states has no fleet of displays"
                found = (pair, display)
            except PrgError as error:
                found = str(error)
            if len(self._pairs) < _MOST_KEPT:
                self._pairs[values] = found
        if isinstance(found, str):
            raise _Wrong(found)
        return found

    def _users(self, row: Sequence[str], titles: Titles) -> tuple[int | None, int | None]:
        one, two = (_number(row[n]) if n >= 0 else None for n in titles.users)
        if one is None and two is None and titles.total >= 0:
            total = _number(row[titles.total])
            return (None, None) if total is None else (total - total // 2, total // 2)
        return one, two


def _open(shown: Shown) -> Shown:
    """A half whose reason is a blank, which stands for any."""
    return Shown(shown.state) if shown.reason is Reason.NONE else shown


def _number(cell: str) -> int | None:
    """A number of users; None for a blank."""
    said = cell.strip()
    if said.isdecimal() and len(said) <= 12:
        return int(said)
    if said.lower() in _NO:
        return None
    said = said.removesuffix(".0")
    if not _THOUSANDS.fullmatch(said):
        raise _Wrong(f"{one_line(said, 40)!r} is not a number of users; expected 0 or more, or an "
                     "empty cell")
    return int(re.sub(r"\D", "", said))
