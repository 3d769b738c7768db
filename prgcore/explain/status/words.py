"""Words: which spellings mean a state or a reason, in a text that may be damaged.

Law: letters and digits count, spaces do not: a line may end within a word. A word is known or it is
not; which one it is like is only for a message.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from attrs import define, field, frozen

from prgcore.explain.status.shapes import LONGEST
from prgcore.form.spelling import Spelling, folded
from prgcore.model import Choices
from prgcore.vocabulary import ALIASES, Reason, State, title

__all__ = ["FOREIGN", "MARKS", "Words", "squeezed"]

MARKS = " \t.,;*_`\"'|/\N{EN DASH}\N{EM DASH}()[]<>-"
"""Characters around a value, or in place of one."""
FOREIGN = re.compile(r"[A-Z#][\w#/() -]{0,40}?[:=]")
"""A label of something else."""
_BLANK = {"na", "none", "null", "nil", "notavailable", "notdisplayed", "notknown", "nothing",
          "showsnothing", "noreason"}
_COMMON = {"normal", "idle", "unknown", "failed", "failover", "fo", "initializing"}
"""Words that other programs have for states and reasons of their own."""
_PART = r" {2}|\t| ?[(\[,;|/!] ?| [-\N{EN DASH}\N{EM DASH}]+ | (?=[A-Z#][\w#/() -]{0,40}?[:=])"
"""Where a value may end before the end of its line."""
_KINDS: dict[str, type[State | Reason]] = {"state": State, "reason": Reason}
_LIKE = 0.8
_MOST_WORDS = 12
_MOST_READ = 20_000
"""The most texts that are remembered with what they mean."""
_MOST_LOOKS = 2_000
"""The most words for which a like one is looked for, because that takes long."""


def squeezed(text: str) -> str:
    """The letters and digits of a text, in lower case."""
    return re.sub(r"[\W_]+", "", text.lower())


@frozen(eq=False, repr=False)
class _Spellings:
    """Every spelling of the words of a machine: folded, and squeezed; and what was read of them."""

    exact: dict[str, dict[str, State | Reason]]
    known: dict[str, dict[str, State | Reason]]
    read: dict[tuple[str, str], State | Reason | None] = field(factory=dict)


def _spellings(spelling: Spelling, what: str) -> dict[str, State | Reason]:
    kind = _KINDS[what]
    values = [value for value in kind if value is not Reason.NONE]
    aliases = {folded(a): kind(w) for a, w in ALIASES.items() if w in values}
    own = {folded(said): value for value in values
           if (said := spelling.renamed(what, value))}
    return aliases | {folded(s): v for v in values for s in (v, title(v))} | own


@lru_cache(maxsize=16)
def _of(words: Choices) -> _Spellings:
    """The spellings of a machine that renames these words; many texts are read with one."""
    spelling = Spelling(dict(words))
    exact = {what: _spellings(spelling, what) for what in _KINDS}
    known = {}
    for what, some in exact.items():
        meant: dict[str, set[State | Reason]] = {}
        for said, value in some.items():
            meant.setdefault(squeezed(said), set()).add(value)
        known[what] = {said: next(iter(v)) for said, v in meant.items() if len(v) == 1}
    return _Spellings(exact, known)


@define(eq=False, repr=False)
class Words:
    """The words of states and reasons, of the document and of one machine."""

    spelling: Spelling
    _known: dict[str, dict[str, State | Reason]] = field(init=False)
    _all: _Spellings = field(init=False)
    _looks: dict[tuple[str, str, str], bool] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._all = _of(tuple(self.spelling.words.items()))
        self._known = self._all.known

    def read(self, what: str, text: str) -> State | Reason | None:
        """The state or the reason that a whole text means; None for any other."""
        if len(text) > LONGEST:
            return None
        memo, key = self._all.read, (what, text)
        try:
            return memo[key]
        except KeyError:
            found = self._all.exact[what].get(folded(text)) or self._known[what].get(squeezed(text))
            if len(memo) < _MOST_READ:
                memo[key] = found
            return found

    def own(self, what: str, text: str) -> bool:
        """Whether a text is a known word, or almost one, that other programs hardly have."""
        return squeezed(text[:LONGEST]) not in _COMMON and bool(
            self.read(what, text) or self.like(what, text))

    def blank(self, text: str) -> bool:
        """Whether a text stands for a missing value."""
        return not text.strip(MARKS) or squeezed(text) in _BLANK

    def like(self, what: str, text: str, beyond: str = "") -> bool:
        """Whether a text is almost a known word.

        Args:
            beyond: a known word at the beginning of the text; only longer ones than that are meant,
                and those that the text begins.
        """
        said, head = squeezed(text[:LONGEST]), squeezed(beyond)
        if len(said) <= len(head):
            return False
        known = self._known[what]
        others = [one for one in known if len(one) > len(head) and known[one] != known.get(head)]
        if head and any(one.startswith(said) for one in others):
            return True
        found = self._looks.get((what, said, head))
        if found is None:
            if len(self._looks) >= _MOST_LOOKS:
                return False
            found = self._looks[what, said, head] = any(_near(said, one) for one in others)
        return found

    @staticmethod
    def _ends(text: str) -> list[int]:
        """Where the first words of a text end."""
        return [found.start() for found in islice(re.finditer(" ", text), _MOST_WORDS)]

    def run_on(self, what: str, text: str) -> bool:
        """Whether a known word is at the beginning of a text, and other words after it."""
        ends = self._ends(text)
        head = next((text[:end] for end in reversed(ends) if self.read(what, text[:end])), "")
        return bool(head) and not self.like(what, text, head)

    def begin(self, what: str, text: str) -> tuple[State | Reason | None, str]:
        """A known word at the beginning of a text, and the rest, which is clearly apart from it.

        If a longer beginning is almost another word, none is known: `Failed Ovr` is not `Failed`. Nor
        is one of two: `Normal / Idle`.
        """
        text = text[:LONGEST]
        longer = [text]
        for part in reversed([*re.finditer(_PART, text)]):
            end = part.start()
            value = self.read(what, text[:end])
            if value is not None:
                rest = text[part.end():]
                near = any(self.like(what, one, text[:end]) for one in longer) or any(
                    self.read(what, text[:n]) not in (None, value) for n in self._ends(text) if n > end)
                return (None, "") if near or self._other(what, rest) else (value, rest)
            longer.append(text[:end])
        return None, ""

    def _other(self, what: str, rest: str) -> bool:
        """Whether another word of this kind begins a text, which is not a reason after a state."""
        ends = [*(part.start() for part in re.finditer(_PART, rest)), len(rest)]
        head = next((rest[:end] for end in ends if self.read(what, rest[:end])), "")
        return bool(head) and (what == "reason" or not self.read("reason", head))

    def goes_on(self, what: str, text: str, head: str) -> bool:
        """Whether a text that begins with a known word is meant for a longer one."""
        found, rest = self.begin(what, text)
        longer = len(text) - len(rest) > len(head) and found not in (None, self.read(what, head))
        return longer or self.like(what, text, head)

    def meant(self, what: str, text: str) -> bool:
        """Whether a text begins with a known word, is almost one, or is the beginning of one."""
        said = squeezed(text[:LONGEST])
        begun = len(said) > len("no") and any(one.startswith(said) for one in self._known[what])
        return begun or self.like(what, text) or self.run_on(what, text) or bool(self.begin(what, text)[0])


def _near(said: str, known: str) -> bool:
    if abs(len(said) - len(known)) > max(2, len(known) // 6):
        return False
    from difflib import SequenceMatcher  # most texts need none

    match = SequenceMatcher(None, said, known, autojunk=False)
    return match.quick_ratio() >= _LIKE and match.ratio() >= _LIKE
