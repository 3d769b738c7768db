"""Grouping: the nodes of a text as groups of two, each at one moment or at several.

A group shows at most two nodes. A third one, or a name or a number twice, is remarked, and nothing
of it is guessed. The same two nodes again are the same group at a later moment.

Law: nodes in, groups out; the words of the text are read before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from attrs import define, evolve, field

from prgcore.explain.status import cells, labels, nodes
from prgcore.explain.status.cleaning import depths_of, is_markup, lines_of, with_signs
from prgcore.explain.status.shapes import GroupStatus, Head, Item, NodeStatus, Seen, Status
from prgcore.explain.status.words import Words
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.words import counted, few, listed, one_line

__all__ = ["parse"]

_FEW = 4
_DEVICE = re.compile(
    r"(?:/dev/)?(?:disk|disc|hdd|ssd|[hsv]d[a-z]|nvme|drive|array|raid|volume|partition|fan|psu|power|supply"
    r"|cpu|processor|gpu|memory|ram|dimm|temp|temperature|sensor|voltage|battery|nic|eth|ethernet|interface"
    r"|port|slot|bay|chassis|ups)s?[-_#.]?\d{0,3}:?", re.IGNORECASE)
"""The name of a part of a server."""


def parse(text: str, spelling: Spelling = PLAIN) -> Status:
    """The presence redundancy groups in a text. It never fails.

    Source: the answers of `utils ha status`, `utils ha failover` and `utils ha fallback`, the
    table of the administration's window, and what programs make of them.
    """
    lines, words, origin = lines_of(text), Words(spelling), list[range]()
    if is_markup(lines):
        from prgcore.explain.status.markup import shown  # few texts are one

        lines, origin = shown(lines)
    plain = [*map(with_signs, lines)]
    tables, taken = cells.items_of(plain, words)
    items = _believed(nodes.items_of(lines, tables, taken, words))
    if not any(isinstance(item, Seen) and item.sure for item in items):
        from prgcore.explain.status import chat  # few texts need it

        if said := chat.items_of(plain, words, taken):
            items = _believed(nodes.items_of(lines, tables | said, taken, words))
    if origin:
        items = [_placed(item, origin) for item in items]
    sightings = list(_sightings(items))
    sure = any(node.sure for sighting in sightings for node in sighting.nodes)
    for sighting in sightings:
        sighting.drop_unsure(others=sure)
    if len(sightings) > 1:
        depths = depths_of(text)
        for sighting in sightings:
            sighting.depth = min((depths[n] for n in sighting.lines), default=0)
        sightings = _joined(sightings)
    groups = _groups(sightings)
    used = {n + 1 for s in sightings if s.nodes for n in s.lines}
    rest: Iterable[int] = (n for n, line in enumerate(lines) if labels.matters(line))
    if origin:
        rest = sorted({line for n in rest for line in origin[n]})
    return Status(groups, tuple(sorted(used)), tuple(n + 1 for n in rest if n + 1 not in used))


def _placed(item: Item, origin: Sequence[range]) -> Item:
    """An item with its lines in the source of the page that shows it."""
    lines = {n for line in item.lines for n in origin[line]}
    if isinstance(item, Head):
        return evolve(item, lines=frozenset(lines))
    item.line, item.lines = origin[item.line].start, lines
    return item


def _believed(items: list[Item]) -> list[Item]:
    """The items without those of which nothing is known, and without tables of something else."""
    items = [item for item in items if isinstance(item, Head) or item.number or item.own
             or not _is_device(item.name)]
    nodes = [item for item in items if isinstance(item, Seen)]
    known, sure = any(node.state for node in nodes), any(node.sure for node in nodes)
    headed = {
        id(item) for above, item in pairwise(items) if isinstance(above, Head) and above.name
    }
    others = {
        id(item) for table in _tables(items)
        if not _counts(table, sure=sure, ours=id(table[0]) in headed) for item in table
    }
    return [
        item for item in items
        if id(item) not in others
        and (isinstance(item, Head) or known or item.strange or item.name or item.number)
    ]


def _counts(table: Iterable[Item], *, sure: bool, ours: bool) -> bool:
    """Whether a table is one of nodes.

    Args:
        sure: whether the text shows nodes beyond doubt.
        ours: whether the name of a group is above it.
    """
    rows = [row for row in table if isinstance(row, Seen)]
    ours = ours or any(row.ours or row.own for row in rows)
    return ours and (not sure or any(row.sure for row in rows))


def _is_device(name: str) -> bool:
    """Whether a name is that of a part of a server: `Fan 2`, `disk1`, `/dev/sda`."""
    if " " in name:
        return any(_DEVICE.fullmatch(word) for word in name.split()[:_FEW])
    return _DEVICE.fullmatch(name) is not None


def _tables(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Yield the items of each table."""
    table: list[Item] = []
    left = 0
    for item in items:
        if isinstance(item, Head) and item.nodes:
            table, left = [], item.nodes
        if left:
            table.append(item)
            left -= isinstance(item, Seen)
            if not left:
                yield table


# ------------------------------------------------------------------------- sightings


@define(eq=False, repr=False)
class _Sighting:
    """Nodes that a text shows together, in its order.

    Attributes:
        again: whether it begins with a node of the sighting before, under the same name.
        stray: the line of a state without a name, while there is one node; -1 without one.
        depth: how deep a mail quotes it; what is quoted deeper is older.
    """

    name: str = ""
    again: bool = False
    stray: int = -1
    depth: int = 0
    nodes: list[Seen] = field(factory=list)
    heads: set[int] = field(factory=set)

    @property
    def lines(self) -> set[int]:
        return self.heads.union(*(node.lines for node in self.nodes))

    @property
    def hosts(self) -> tuple[str, ...]:
        """The nodes by their names, or by their numbers; in the order of the seats."""
        return tuple(_key(node) for node in self.seated())

    def seated(self) -> list[Seen]:
        """The nodes in the order of their numbers."""
        numbers = [node.number for node in self.nodes]
        both = all(number.isdecimal() for number in numbers)
        turned = len(numbers) == 2 and (
            int(numbers[0]) > int(numbers[1]) if both else numbers[0] == "2" or numbers[1] == "1")
        return self.nodes[::-1] if turned else self.nodes

    def drop_unsure(self, *, others: bool) -> None:
        """Drop what is probably not a node, where there are enough nodes without it.

        Args:
            others: whether the text shows nodes beyond doubt.
        """
        sure = [node for node in self.nodes if node.sure]
        if (sure and len(self.nodes) > 2) or (not sure and others):
            self.nodes = sure
        elif not sure:
            self.nodes = [node for node in self.nodes if node.strange]

    def remark(self) -> str:
        """Why this is not the status of a group of two; "" if nothing is against it."""
        if len(self.nodes) > 2:
            names = [_called(node) for node in self.nodes]
            return (f"the text shows {counted(len(names), 'node')} of this group "
                    f"({few(names, _FEW, ', ')}), and a group has at most two"
                    + _twice(self.nodes))
        if twice := _twice(self.nodes):
            return f"the text does not show two nodes of this group{twice}"
        unclear = [node for node in self.nodes if node.unclear or (
            node.reason and not (node.state or node.strange_states))]  # a strange state has a hint
        if unclear:
            return (f"the State of {listed(map(_called, unclear), 'and')} could not be read "
                    f"(line {unclear[0].line + 1}); if a node shows none, leave it blank after its label")
        if self.stray >= 0 and len(self.nodes) == 1:
            return (f"line {self.stray + 1} has a state without a name, and the text shows only "
                    f"{_called(self.nodes[0])} of this group")
        return ""


def _joined(sightings: Iterable[_Sighting]) -> list[_Sighting]:
    """The sightings, with the halves of a group in one: node 1 here, node 2 below other groups."""
    found: list[_Sighting] = []
    half: dict[str, _Sighting] = {}
    for sighting in sightings:
        name, first = sighting.name.casefold(), half.pop(sighting.name.casefold(), None)
        if first and first.depth == sighting.depth and sorted(
                node.number for node in first.nodes + sighting.nodes) == ["1", "2"]:
            first.nodes += sighting.nodes
            first.heads |= sighting.heads
            continue
        found.append(sighting)
        if name and len(sighting.nodes) == 1:
            half[name] = sighting
    return found


def _key(node: Seen) -> str:
    return node.name.casefold() or node.number


def _called(node: Seen) -> str:
    return one_line(node.name) or (f"node {node.number}" if node.number else "a node without a name")


def _twice(nodes: Iterable[Seen]) -> str:
    """A remark on names and numbers that several of the nodes have; "" if there are none."""
    nodes = list(nodes)
    said = [node.name.casefold() for node in nodes if node.name]
    names = Counter(short if (short := _short(name)) in said else name for name in said)
    numbers = Counter(node.number for node in nodes if node.number)
    same = [one_line(name) for name, n in names.items() if n > 1]
    same += [f"the number {number}" for number, n in numbers.items() if n > 1]
    return f"; {listed(same[:_FEW], 'and')} {'is' if len(same) == 1 else 'are'} there more than once" \
        if same else ""


def _sightings(items: Sequence[Item]) -> Iterator[_Sighting]:
    """Yield the nodes that the text shows together.

    Where a node has a name, a state without one is probably that of something else.
    """
    named = any(isinstance(item, Seen) and item.sure and (item.name or item.number) for item in items)
    now = _Sighting()
    outer, rows = "", 0
    for item in items:
        if isinstance(item, Head):
            if not item.each:
                outer = now.name if item.whole and len(now.nodes) == 1 else ""
                rows = item.nodes + 1
            if _begins(item, now):
                yield now
                now = _Sighting(item.name)
            now.heads |= item.lines
            continue
        rows -= rows > 0
        if rows == 0 and outer:  # the table was between the nodes of a group, which goes on
            yield now
            now, outer = _Sighting(outer), ""
        if named and not (item.name or item.number):
            now.stray = item.line if len(now.nodes) < 2 else now.stray
            continue
        if item.parted and now.nodes:
            yield now
            now = _Sighting()
        if len(now.nodes) == 2 and item.sure and _clash(item, now.nodes):
            yield now
            now = _Sighting(now.name, again=True)
        now.nodes.append(item)
    yield now


def _begins(head: Head, now: _Sighting) -> bool:
    """Whether a group begins here that is not the one before."""
    if head.nodes:
        return bool(now.nodes) and (head.whole or len(now.nodes) + head.nodes > 2)
    return not (head.each and now.name == head.name)


def _clash(node: Seen, others: list[Seen]) -> bool:
    return any(
        (node.number and node.number == other.number)
        or (node.name and node.name.casefold() == other.name.casefold())
        for other in others
    )


# ---------------------------------------------------------------------------- groups


@define(eq=False, repr=False)
class _Group:
    """A group, and the sightings of it in the order of the text, until `status` orders them."""

    name: str
    moments: list[_Sighting]
    excess: list[Seen] = field(factory=list)

    def status(self) -> GroupStatus:
        self.moments.sort(key=lambda moment: -moment.depth)
        last = self.moments[-1]
        remark = _Sighting(stray=last.stray, nodes=last.nodes + self.excess).remark()
        most = max(len(moment.nodes) for moment in self.moments)
        if not remark and len(last.nodes) < most:
            remark = (f"the text shows this group {len(self.moments)} times, and the last time only "
                      f"{listed(map(_called, last.nodes), 'and')}")
        order = last.hosts if len(last.nodes) == 2 else ()
        nodes = [*last.seated(), *self.excess]
        return GroupStatus(
            self.name, tuple(node.status() for node in nodes),
            tuple(tuple(_in_order(moment, order)) for moment in self.moments[:-1]),
            self._seat(nodes), remark, min(last.lines, default=-1) + 1)

    def _seat(self, nodes: list[Seen]) -> int:
        if len(nodes) != 1 or not (nodes[0].number or self.name):
            return 0
        return 2 if nodes[0].number == "2" else 1


def _in_order(moment: _Sighting, hosts: tuple[str, ...]) -> Iterator[NodeStatus]:
    """Yield the nodes of a moment in the order of these hosts."""
    nodes = moment.seated()
    if len(nodes) == 2 and _same(nodes[1], hosts[0] if hosts else ""):
        nodes = nodes[::-1]
    yield from (node.status() for node in nodes)


def _same(node: Seen, host: str) -> bool:
    return bool(host) and _short(_key(node)) == _short(host)


def _short(host: str) -> str:
    """A host name without its domain; an address stays."""
    first, _, rest = host.partition(".")
    return host if first.isdigit() and rest else first


def _groups(sightings: Iterable[_Sighting]) -> tuple[GroupStatus, ...]:
    """The groups, in the order in which the text shows them first."""
    found: list[_Group] = []
    known: dict[tuple[str, ...], _Group] = {}
    for sighting in sightings:
        if not sighting.nodes:
            continue
        group = _known(sighting, known)
        if group is not None:
            group.moments.append(sighting)
            group.name = group.name or sighting.name
        elif sighting.again and found and not _apart(found[-1], sighting):
            found[-1].excess += sighting.nodes
        else:
            found.append(group := _Group(sighting.name, [sighting]))
        if group is not None:
            for host in _names(sighting):
                known.setdefault((group.name.casefold(), host), group)
                known.setdefault(("", host), group)
    return tuple(group.status() for group in found)


def _names(sighting: _Sighting) -> set[str]:
    return {_short(node.name.casefold()) for node in sighting.nodes if node.name}


def _known(sighting: _Sighting, known: dict[tuple[str, ...], _Group]) -> _Group | None:
    """The group that this is a later moment of: the same name, and hosts that were seen in it."""
    if len(sighting.nodes) > 2 or not _names(sighting):
        return None
    groups = [known.get((sighting.name.casefold(), host), known.get(("", host)))
              for host in sorted(_names(sighting))]
    first = groups[0]
    if first is None or any(group is not first for group in groups):
        return None
    if first.name and sighting.name and first.name.casefold() != sighting.name.casefold():
        return None
    if sighting.again and len(sighting.nodes) < 2:
        return None
    return first if all(_alike(sighting, moment) for moment in first.moments[-1:]) else None


def _alike(one: _Sighting, other: _Sighting) -> bool:
    """Whether no host of the two differs from its namesake by its domain."""
    full = {_short(node.name.casefold()): node.name.casefold() for node in other.nodes}
    return all(
        (theirs := full.get(_short(mine))) is None or theirs == mine
        or _short(mine) in (mine, theirs)
        for mine in (node.name.casefold() for node in one.nodes if node.name)
    )


def _apart(group: _Group, sighting: _Sighting) -> bool:
    """Whether nodes are a group of their own: no group has a name, and each has a 1 and a 2."""
    return not group.name and not group.excess and all(
        {node.number for node in moment.nodes} == {"1", "2"}
        for moment in (group.moments[-1], sighting)
    )
