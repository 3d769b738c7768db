"""Shapes of a fleet that was read: its groups, the rows that are none, and remarks on files.

Law: values only. A group is one row, one object or one part of a text; what could not be read is a
`Bad` with its place, and neither replaces the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from attrs import define, field

from prgcore.engine import Pair
from prgcore.explain.names import Names
from prgcore.model import Display
from prgcore.words import one_line

__all__ = ["Bad", "Group", "Reading"]


class Group(NamedTuple):
    """A group of a fleet, as its row says it.

    Attributes:
        name: its name; "" if none is given.
        file: the file that it was read from; - for standard input.
        place: where in the file, as `row 7`.
        hosts: the names of the two nodes; "" for one that is not given.
        display: what the two nodes show.
        pair: every column, if the row gives them all; else None.
        users: how many users are at home on each node; None where this is not given.
        since: since when it is like this, as the row says it; "" if it does not.
    """

    name: str
    file: str
    place: str
    hosts: tuple[str, str]
    display: Display
    pair: Pair | None = None
    users: tuple[int | None, int | None] = (None, None)
    since: str = ""

    @property
    def names(self) -> Names:
        """The names of its nodes and its own, each as one printable line."""
        return Names.of(self.hosts, self.name)

    @property
    def called(self) -> str:
        """What people read for it: its name, else its hosts, else its place."""
        if self.name:
            return one_line(self.name, 80)
        if any(self.hosts):
            return one_line(" and ".join(filter(None, self.hosts)), 80)
        return f"{one_line(self.file, 60)}, {self.place}"


class Bad(NamedTuple):
    """A row that is not a group of two nodes, and why; or a file that cannot be read.

    Attributes:
        file: the file; - for standard input.
        place: where in the file, as `row 7,301`; "" for all of it.
        says: what is wrong, and what to do: one line.
        group: the name that the row gives, if it can be read.
    """

    file: str
    place: str
    says: str
    group: str = ""

    def __str__(self) -> str:
        where = "standard input" if self.file == "-" else one_line(self.file, 80) or "''"
        place = f", {self.place}" if self.place else ""
        group = f" ({one_line(self.group, 40)})" if self.group else ""
        return f"{where}{place}{group}: {one_line(self.says)}"

    def to_json(self) -> dict[str, Any]:
        """The object of `bad` in what `prgcore fleet` prints as JSON."""
        return {"file": self.file, "place": self.place or None, "group": self.group or None,
                "says": self.says}


@define(eq=False, repr=False)
class Reading:
    """All that was read of some files; every row is in one of the two lists, or repeats a later one.

    Attributes:
        groups: the groups, each once, in the order of the files.
        bad: rows that are not groups, and files that cannot be read.
        repeated: groups that a later row shows again; the later one is in `groups`.
        kinds: for each file what it is: `csv`, `json`, `lines`, `parquet` or `text`.
        remarks: facts about a file beside its rows, one line each.
    """

    groups: list[Group] = field(factory=list)
    bad: list[Bad] = field(factory=list)
    repeated: list[Group] = field(factory=list)
    kinds: dict[str, str] = field(factory=dict)
    remarks: list[str] = field(factory=list)

    @property
    def rows(self) -> int:
        """The number of rows, good and bad; a file that cannot be read is none."""
        return len(self.groups) + len(self.repeated) + sum(bool(bad.place) for bad in self.bad)

    @property
    def unreadable(self) -> list[Bad]:
        """The files that cannot be read at all."""
        return [bad for bad in self.bad if not bad.place]

    @property
    def wrong(self) -> list[Bad]:
        """The rows that are not groups."""
        return [bad for bad in self.bad if bad.place]
