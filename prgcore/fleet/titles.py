"""Titles: what the columns of a file of groups hold, read from their names.

    group, node1, node1_state, node1_reason, users1, since
    Group Name; State (Node 1); State (Node 2)
    group, server, state, reason               one row for each node

Law: pure. A title is read by its words, whatever is between them; a title of something else is left
out, and none is guessed from the cells below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from prgcore.errors import BadInput
from prgcore.words import counted, few, one_line

__all__ = ["Titles", "flat", "read", "recognised"]

_SEATS = {"1": 0, "2": 1, "a": 0, "b": 1, "one": 0, "two": 1, "first": 0, "second": 1,
          "left": 0, "right": 1, "publisher": 0, "subscriber": 1, "pub": 0, "sub": 1,
          "primary": 0, "secondary": 1}
"""The words for a node, by its seat."""
_NODE = {"node", "server", "host", "n", "seat", "imp", "nr", "no"}
_FILLER = {"the", "of", "current", "ha", "im", "and", "presence", "count", "number", "assigned",
           "homed", "total", "for", "on", "failover", "in", "at"}
_WHAT = {
    "state": "state", "status": "state", "display": "state", "shows": "state", "shown": "state",
    "reason": "reason", "why": "reason", "cause": "reason",
    "name": "host", "hostname": "host", "fqdn": "host", "address": "address", "ip": "address",
    "users": "users", "user": "users",
}
_GROUP = {
    "group", "groupname", "prg", "subcluster", "cluster", "redundancygroup", "subclustername",
    "prgname", "clustername", "presenceredundancygroup", "groupid", "prgid", "name", "id", "site",
}
"""The titles of the name of a group, without spaces."""
_SURE = {*_GROUP} - {"name", "id", "site"}
_SINCE = {"since", "time", "timestamp", "when", "changed", "lastchange", "lastchanged", "from",
          "statesince", "date", "seen"}
_NUMBER = {"node", "seat", "nodenumber", "nodeno", "nodenr", "number", "no", "nr"}
_HOST = {"node", "server", "host", "hostname", "nodename", "servername", "fqdn"}
_MOST_NAMED = 12
_LONGEST = 80


@frozen
class Titles:
    """The columns of a file: for each thing its position; -1 where there is none.

    Attributes:
        width: the number of columns.
        group, since: the name of the group, and since when it is as it is.
        state, reason, host, users: one position for each node.
        total: the users of both nodes together.
        each: whether a row is one node, not one group; then the first of each two positions counts.
        number: with `each`, the number of the node.
    """

    width: int
    group: int = -1
    since: int = -1
    state: tuple[int, int] = (-1, -1)
    reason: tuple[int, int] = (-1, -1)
    host: tuple[int, int] = (-1, -1)
    users: tuple[int, int] = (-1, -1)
    total: int = -1
    each: bool = False
    number: int = -1
    titles: tuple[str, ...] = field(default=(), eq=False)

    @property
    def used(self) -> tuple[int, ...]:
        """The positions that are read, in order."""
        every = (self.group, self.since, self.total, self.number, *self.state, *self.reason,
                 *self.host, *self.users)
        return tuple(sorted({n for n in every if n >= 0}))

    @property
    def unread_users(self) -> tuple[str, ...]:
        """The titles with the word users, where no column of users is read."""
        if self.total >= 0 or self.users != (-1, -1):
            return ()
        return tuple(title for n, title in enumerate(self.titles)
                     if n not in self.used and {"user", "users"} & {*_words(title)})


def recognised(titles: Sequence[str]) -> int:
    """How many of these titles are those of columns of groups."""
    return sum(_seated(title) is not None or _squeezed(title) in _GROUP | _SINCE
               or _alone(title) is not None for title in titles)


def read(titles: Sequence[str], name: str) -> Titles:
    """The columns of a file by what they hold.

    Args:
        titles: the names of its columns, in order.
        name: the file, for the message.

    Raises:
        BadInput: no column has the state of one of the nodes, or two columns have the same thing; one
            line with the columns that were found.
    """
    seated = _all_seated(titles, name)

    def both(what: str) -> tuple[int, int]:
        return seated.get((what, 0), -1), seated.get((what, 1), -1)

    squeezed = [_squeezed(title) for title in titles]
    group = _first(squeezed, sorted(_SURE)) if _SURE & {*squeezed} else _first(
        squeezed, ("name", "id", "site"))
    found = Titles(len(titles), group, _first(squeezed, sorted(_SINCE)), titles=tuple(titles))
    if -1 not in both("state"):
        total = _first(squeezed, ("users", "usercount", "numberofusers", "assignedusers", "totalusers"))
        return evolve(found, state=both("state"), reason=both("reason"), host=both("host"),
                      users=both("users"), total=total)
    alone = {_alone(title): n for n, title in reversed([*enumerate(titles)])}
    if "state" in alone and group >= 0 and both("state") == (-1, -1):
        number = next((n for n, said in enumerate(squeezed) if said in _NUMBER and n != group), -1)
        host = next((n for n, said in enumerate(squeezed)
                     if said in _HOST and n not in (group, number)), -1)
        return evolve(found, each=True, number=number, state=(alone["state"], -1),
                      reason=(alone.get("reason", -1), -1), host=(host, -1),
                      users=(alone.get("users", -1), -1))
    raise BadInput(_missing(titles, both("state"), name))


def _all_seated(titles: Sequence[str], name: str) -> dict[tuple[str, int], int]:
    """The position of each thing of each node.

    Raises:
        BadInput: two columns have the same thing of one node.
    """
    seated: dict[tuple[str, int], int] = {}
    bare: dict[int, int] = {}
    for n, title in enumerate(titles):
        seen = _seated(title)
        if seen is None:
            continue
        what, seat = seen
        if what == "node":
            bare.setdefault(seat, n)
        elif (what, seat) in seated and what not in ("host", "address"):
            raise BadInput(f"{name} has two columns for the {what} of node {seat + 1}: "
                           f"{one_line(titles[seated[what, seat]], _LONGEST)!r} and "
                           f"{one_line(title, _LONGEST)!r}; leave one out")
        else:
            seated.setdefault((what, seat), n)
    for seat in (0, 1):
        if ("address", seat) in seated:  # a name is better to read
            seated.setdefault(("host", seat), seated["address", seat])
    for seat, n in bare.items():  # `node1` is its host, or what it shows
        seated.setdefault(("host" if ("state", seat) in seated else "state", seat), n)
    return seated


def _missing(titles: Sequence[str], state: tuple[int, int], name: str) -> str:
    lacking = [f"node{seat + 1}_state" for seat in (0, 1) if state[seat] < 0]
    said = few([one_line(title, _LONGEST) or "(no title)" for title in titles], _MOST_NAMED, ", ")
    return (f"{name} has no column {' and no column '.join(lacking)}; "
            f"{counted(len(titles), 'column')} found: {said}; name the columns in the first row, "
            "as group, node1_state, node1_reason, node2_state, node2_reason")


def _first(squeezed: Sequence[str], known: Iterable[str]) -> int:
    return next((squeezed.index(title) for title in known if title in squeezed), -1)


def _squeezed(title: str) -> str:
    return re.sub(r"[\W_]+", "", title[:_LONGEST].lower())


def _words(title: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", _camel(title[:_LONGEST]).lower())


def _camel(title: str) -> str:
    """`node1State` as words; a title in capitals stays."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", title)


def _seated(title: str) -> tuple[str, int] | None:
    """The thing and the node of a title such as `State (node 1)`; `node` for the node alone."""
    words = [word for word in _words(title) if word not in _FILLER]
    seats = [_SEATS[word] for word in words if word in _SEATS]
    rest = [word for word in words if word not in _SEATS]
    if len(seats) != 1:
        return None
    what = {_WHAT[word] for word in rest if word in _WHAT}
    if any(word not in _WHAT and word not in _NODE for word in rest):
        return None
    if not what:
        return ("node", seats[0]) if rest else None
    if what == {"host", "address"}:
        return "address", seats[0]
    if what == {"state", "reason"}:  # both in one cell
        return "state", seats[0]
    return (what.pop(), seats[0]) if len(what) == 1 else None


def _alone(title: str) -> str | None:
    """The thing of a title that names no node: `State`, `Node State`, `Reason`, `Users`."""
    words = [word for word in _words(title) if word not in _FILLER]
    what = {_WHAT[word] for word in words if word in _WHAT}
    if not words or any(word not in _WHAT and word not in _NODE for word in words):
        return None
    return what.pop() if len(what) == 1 and not what & {"host", "address"} else None


def flat(value: Mapping[str, object], before: str = "") -> dict[str, object]:
    """An object without inner objects: `{"node1": {"state": "idle"}}` has `node1 state`.

    A list of two objects `nodes` becomes `node1 …` and `node2 …`; a list of two texts becomes hosts.
    """
    found: dict[str, object] = {}
    for key, inner in value.items():
        said = f"{before}{key}"
        if isinstance(inner, Mapping):
            found |= flat(inner, "" if key == "pair" else f"{said} ")
        elif isinstance(inner, list) and key in ("nodes", "servers", "hosts") and len(inner) <= 2:
            for number, one in enumerate(inner, 1):
                more = one if isinstance(one, Mapping) else {"host": one}
                found |= flat(more, f"{before}node{number} ")
        elif isinstance(inner, (str, int, float)) or inner is None:
            found[said] = inner
    return found
