"""Names: every name of a machine as a word that a format allows, and no two alike.

Law: the same machine gives the same words in every run.
"""

from __future__ import annotations

import re

from attrs import define, field

__all__ = ["IN_FILES", "Names"]

IN_FILES = r"[^A-Za-z0-9_.@-]"
"""Characters that some systems refuse in the name of a file."""

LONGEST = 60
"""The most characters of a name that a word keeps."""


@define
class Names:
    """The words of one file: what a format does not allow becomes `_`, a number ends a double.

    Attributes:
        refused: a regular expression of the characters that the format does not allow.
        same_case: whether two words that differ only in case are doubles.
    """

    refused: str = r"[^A-Za-z0-9_]"
    same_case: bool = False
    _words: dict[tuple[str, str, str], str] = field(factory=dict)
    _taken: set[str] = field(factory=set)

    def word(self, name: str, prefix: str = "", of: str = "") -> str:
        """The word of a name.

        Args:
            prefix: says what kind of name it is, and is kept as it is.
            of: the word that the name belongs to, as a value belongs to its column.
        """
        key = (prefix, of, name)
        if key not in self._words:
            plain = prefix + of + re.sub(self.refused, "_", name)[:LONGEST]
            word, count = plain, 1
            while self._folded(word) in self._taken:
                count += 1
                word = f"{plain}_{count}"
            self._taken.add(self._folded(word))
            self._words[key] = word
        return self._words[key]

    def _folded(self, word: str) -> str:
        return word.lower() if self.same_case else word
