"""Spelling: what people read for the words of a machine, and which words they mean.

Law: ids stay. JSON, logs, the wire and the record have the machine's own words. A renamed word is
for people: what it replaces is understood as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from attrs import evolve, field, frozen

from prgcore.errors import BadInput, Failed, unknown_name
from prgcore.model import Choices, Model, Record
from prgcore.vocabulary import ALIASES, TITLES, Reason, State, title, word

__all__ = ["LONGEST", "PLAIN", "Spelling", "bare", "folded", "misspelt", "renamed"]

LONGEST = 60
"""The most characters of a word that people read."""
SIGNS = '/,:;|()=<>"\\'
"""Characters that a word cannot have: a status, a display or an event would be read otherwise."""
BLANK = ("any", "down", "n/a", "no reason", "nobody", "none", "not available", "not displayed",
         "not known", "nothing", "null", "shows nothing")
"""Texts that people read where a value is missing or not known."""
_SEATS = ("node1", "node2")
_KINDS: Mapping[str, type[State | Reason]] = {"state": State, "reason": Reason}


def folded(text: str) -> str:
    """Text for comparison: lower case, single spaces, letters and digits of any script."""
    return re.sub(r"[\W_]+", " ", text.lower()).strip()


def bare(name: str) -> str:
    """A name without its seat: `state` of `node1.state`, `failover` of `failover(node1)`."""
    head, dot, tail = name.partition(".")
    return tail if dot and head in _SEATS else name.partition("(")[0]


@frozen(eq=False, repr=False, slots=False)
class Spelling(Record):
    """The words that people read, by the machine's own; a word that is not named stays.

    Attributes:
        words: for a value, a column, an event, an action or a group without its seat, what
            people read. `state.normal` is the value of one column, and wins over `normal`.
    """

    words: Mapping[str, str] = field(factory=dict)

    @classmethod
    def of(cls, model: Model) -> Spelling:
        """The spelling of a machine."""
        return _of(model.words) if model.words else PLAIN

    def renamed(self, column: str, value: str) -> str | None:
        """The word for a value of a column, if it is renamed."""
        return self.words.get(f"{bare(column)}.{value}", self.words.get(value))

    def title(self, column: str, value: str) -> str:
        """A value as a person reads it: renamed, or as the document spells it."""
        if self.words and (said := self.renamed(column, value)):
            return said
        return TITLES[value] if value in TITLES else title(value)

    def value(self, column: str, value: str) -> str:
        """A value as a person reads it: renamed, or as it is."""
        return (self.words and self.renamed(column, value)) or value

    def name(self, name: str) -> str:
        """A column, an event, an action or a group, with its seat: `switchover(node1)`."""
        if not self.words:
            return name
        head = bare(name)
        return name.replace(head, self.words[head], 1) if head in self.words else name

    def read(self, column: str, text: str) -> State | Reason | None:
        """The state or the reason that a spelling means: a renamed word, or as `word` reads it.

        `column` is `state` or `reason`. A blank is the reason `none`.
        """
        kind = _KINDS[column]
        own = self.words and self._meant[column].get(folded(text))
        return kind(own) if own else word(text, kind)

    def spellings(self, column: str, *, aliases: bool = True) -> set[str]:
        """The spellings of states or reasons, for a message about an unknown one."""
        kind = _KINDS[column]
        names = {a.title() for a, w in ALIASES.items() if aliases and w in set(kind)}
        return (names | {title(w) for w in kind}
                | {said for w in kind if (said := self.renamed(column, w))}) - {""}

    def original(self, name: str, known: Iterable[str]) -> str:
        """The name among these that people mean: itself, or what it replaces.

        Names are events, columns or groups of one machine: `switchover(node1)` is
        `failover(node1)`. A name that is none of them stays.
        """
        if not self.words or name in (known := tuple(known)):
            return name
        wanted = folded(name)
        return next((k for k in known if self.name(k) != k and folded(self.name(k)) == wanted), name)

    def cell(self, failed: Failed) -> str:
        """A failing cell as a sentence: `node2.state is idle, needs normal`."""
        column = failed.column
        return str(Failed(self.name(column), self.value(column, failed.value),
                          tuple(self.value(column, v) for v in failed.needs)))

    def prose(self, text: str) -> str:
        """A sentence with the words of states, reasons and events that people read.

        Those of the document begin with a capital letter; an event is followed by its seat.
        """
        if not self.words or not self._said:
            return text
        return self._pattern.sub(lambda found: self._said[found[0]], text)

    @cached_property
    def _meant(self) -> Mapping[str, Mapping[str, str]]:
        return {column: {folded(said): str(value) for value in kind
                         if (said := self.renamed(column, value))}
                for column, kind in _KINDS.items()}

    @cached_property
    def _said(self) -> Mapping[str, str]:
        """For each piece of a sentence, what it becomes; a state wins over a reason."""
        said = {title(value): new for column, kind in reversed([*_KINDS.items()]) for value in kind
                if title(value) and (new := self.renamed(column, value))}
        return said | {f"{name}(": f"{new}(" for name, new in self.words.items() if "." not in name}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self._said, key=len, reverse=True)
        return re.compile("|".join(
            rf"\b{re.escape(said)}" + ("" if said.endswith("(") else r"\b") for said in longest))


PLAIN = Spelling()
"""The words of the document, and of a machine that renames nothing."""


@lru_cache(maxsize=16)
def _of(words: Choices) -> Spelling:
    return Spelling(dict(words))


# ----------------------------------------------------------------------- what is wrong


def misspelt(model: Model, place: str = "words") -> Iterator[str]:
    """Yield what is wrong with the words of a machine, a line each, with its place."""
    words = dict(model.words)
    kinds = _kinds(model)
    known = {name for names in kinds.values() for name in names}
    scoped = {f"{bare(c.name)}.{v}" for c in model.columns for v in c.domain}
    for key, said in model.words:
        at = f"{place}.{key}"
        if key not in known and key not in scoped:
            yield f"{at}: {unknown_name('word', key, known | scoped if '.' in key else known)}"
        if len(said) > LONGEST:
            yield f"{at}: {len(said):,} characters, and a word has at most {LONGEST}"
        elif not said.isprintable() or not folded(said):
            yield f"{at}: {said!a:.60} is not a word: it needs a letter or a digit, and prints on a line"
        elif sign := next((c for c in said if c in SIGNS), ""):
            yield (f"{at}: {said!r:.80} has {sign!r}, by which a status text or an event would be "
                   "read otherwise; leave it out")
        elif said != " ".join(said.split()):
            yield f"{at}: {said!r:.80} has spaces at an end, or two together; leave them out"
        elif said.lower() in BLANK:
            yield f"{at}: {said!r} is printed where a value is missing or not known; choose another"
    spelling = Spelling(words)
    for column, names in kinds.items():
        yield from _twice(place, spelling, column, names)


def _kinds(model: Model) -> dict[str, tuple[str, ...]]:
    """The names of each kind: the values of every column, the events, the rest."""
    kinds: dict[str, dict[str, None]] = {}
    for c in model.columns:
        kinds.setdefault(bare(c.name), {}).update(dict.fromkeys(c.domain))
    kinds["a column"] = dict.fromkeys(bare(c.name) for c in model.columns)
    kinds["an event"] = dict.fromkeys(bare(e.name) for e in model.events)
    kinds["an action"] = dict.fromkeys(a.name for a in model.actions)
    kinds["a group"] = dict.fromkeys(
        s.group for s in model.serves if s.group not in _SEATS)
    return {kind: tuple(names) for kind, names in kinds.items()}


def _twice(place: str, spelling: Spelling, kind: str, names: tuple[str, ...]) -> Iterator[str]:
    """Yield a line for a word that means two names of one kind: both renamed, or one of them not."""
    value = " " not in kind
    aliases = {a: str(w) for a, w in ALIASES.items() if w in names} if value else {}
    owners = {folded(spelt): name for name in names for spelt in (name, title(name)) if spelt}
    owners = {folded(a): w for a, w in aliases.items()} | owners
    seen: dict[str, str] = {}
    for name in names:
        said = spelling.renamed(kind, name) if value else spelling.words.get(name)
        if said is None:
            continue
        scoped = f"{kind}.{name}"
        at = f"{place}.{scoped if value and scoped in spelling.words else name}"
        other = seen.get(folded(said)) or owners.get(folded(said), name)
        if other != name:
            yield f"{at}: {said!r} is already the word of {other} (of {kind}); choose another"
        seen.setdefault(folded(said), name)


def renamed(model: Model, words: Mapping[str, Any], place: str = "words") -> Model:
    """The machine with more words, which win over its own.

    Args:
        words: as in a file: texts by word, or for a column a table of texts by value.

    Raises:
        BadInput: one of them is wrong; one line with its place.
    """
    flat: dict[str, str] = {}
    for key, said in words.items():
        for tail, text in said.items() if isinstance(said, Mapping) else (("", said),):
            name = f"{key}.{tail}" if tail else key
            if not isinstance(text, str):
                raise BadInput(f"{place}.{name:.80}: expected a text, not {text!r:.60}")
            flat[name] = text
    made = evolve(model, words=tuple((dict(model.words) | flat).items()))
    for wrong in misspelt(made, place):
        raise BadInput(wrong)
    return made
