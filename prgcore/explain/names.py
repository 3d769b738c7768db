"""Names: the host names of two nodes for their seats, and back.

Law: a pure value. Inside the package, in JSON and in records a node is its seat; a person writes and
reads names, and every name that is printed is taken back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from shlex import quote, split
from typing import TYPE_CHECKING

from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.form.spelling import Spelling
from prgcore.seats import NODES
from prgcore.words import few, listed, one_line, quoted

if TYPE_CHECKING:
    from prgcore.engine import Engine
    from prgcore.vocabulary import Kind

__all__ = ["BUTTONS", "UNNAMED", "Names"]

BUTTONS = ("failover", "fallback", "recover")
"""The commands that the administrator's window has buttons for, and `utils ha` takes."""

LONGEST = 200
"""The most characters of a name; a longer one is cut."""

_SEAT = re.compile(r"(?<![\w.@-])node[12](?![\w-])")
"""A seat in a sentence; not in a word such as `--node1` or `my-node1`."""


@frozen(slots=False)
class Names:
    """The names that people have for the two nodes and their group; "" for one that is not known.

    A name is read in any case, and without its domain or a part of it. A host name wins over a
    seat: if node2 is called `node1`, that word means node2, and `node 1` means node1. Names that do
    not tell the nodes apart are not used.

    Attributes:
        node1: the host name of the first node.
        node2: the host name of the second node.
        group: the name of the group.
    """

    node1: str = ""
    node2: str = ""
    group: str = ""

    @classmethod
    def of(cls, nodes: Iterable[object], group: object = "") -> Names:
        """The names in a list of two hosts, from any text: each becomes one printable line."""
        node1, node2, *_ = *map(_printable, nodes), "", ""
        return cls(node1, node2, _printable(group))

    def over(self, others: Names) -> Names:
        """These names; the others for two nodes that have none here."""
        return self if self.node1 or self.node2 else others

    # ------------------------------------------------------------------------- in

    def seat(self, name: str) -> str:
        """The seat of the node that a person names: `node2` for `impB`, `IMPB` or `node 2`.

        Raises:
            BadInput: no node has this name, or both can be meant.
        """
        found = self._seats(name)
        if len(found) == 1:
            return found.pop()
        raise BadInput(f"the name {quoted(name)} can mean both nodes; the nodes are {self}" if found
                       else self.unknown(name))

    def into(self, text: str) -> str:
        """A text with a seat for its name: `failover(impB)`, `imp01.services`, `impB`.

        A text that names no node stays.

        Raises:
            BadInput: an event is about a node that is not known, or a name can mean both nodes.
        """
        return self.seat(text) if self._seats(text) else self.word(text)

    def word(self, text: str) -> str:
        """An event or a column with a seat for the name in it; any other word stays.

        A host may have the name of an event or a column, such as `recover` or `link`. The bare word
        means the event or the column then.

        Raises:
            BadInput: as `into`.
        """
        head, opened, inside = text.partition("(")
        if opened and inside.endswith(")"):
            return f"{head}({self.seat(inside[:-1])})"
        name, dot, column = text.rpartition(".")
        return f"{self.seat(name)}.{column}" if dot and self._seats(name) else text

    def event(self, machine: Engine, said: str, kind: Kind | None = None) -> str:
        """The event of a machine that a person names: `failover(node2)` for `failover(impB)`.

        Args:
            machine: the machine; its renamed words are understood, too.
            said: what the person says, or a command as `product` spells it.
            kind: the kind of event that is expected, for the message.

        Raises:
            BadInput: no such event or node.
        """
        events = {e.name: e for e in machine.model.events}
        text, wrong = (spelt := self._spelt(said)), None
        try:
            text = self.word(spelt)
        except BadInput as error:
            wrong = error
        spelling = Spelling.of(machine.model)
        if wrong and spelling.original(f"{spelt.partition('(')[0]}({NODES[0]})", events) in events:
            raise wrong
        meant = spelling.original(text, events)
        if meant not in events:
            head, seats = spelt.strip().casefold(), [f"({node})" for node in NODES]
            each = [name for name in map(spelling.name, events)
                    if name.casefold() in map(head.__add__, seats)]
            if len(each) > 1:
                raise BadInput(f"{quoted(said)} is about one node: say which, as "
                               f"{self.out(listed(each))}")
            known = {e.name for e in events.values() if kind in (None, e.kind)}
            known |= {*map(spelling.name, known)}
            raise BadInput(unknown_name(str(kind or "event"), said, map(self.out, known)))
        return meant

    def _spelt(self, said: str) -> str:
        """A command of the product's command line as an event: `failover(impB)`."""
        found = re.fullmatch(rf"utils\s+ha\s+({'|'.join(BUTTONS)})\s+(\S.*)", said.strip())
        if found is None:
            return said.removeprefix("utils ha ")
        command, name = found.groups()
        bare = name
        with suppress(ValueError):  # an apostrophe that quotes nothing, as in O'Brien
            bare = " ".join(split(name)) if "'" in name else name
        if command != "recover":
            return f"{command}({bare})"
        if self.group and _folded(self.group) not in (_folded(name), _folded(bare)):
            raise BadInput(f"the group is {self.group!r}, not {quoted(name)}")
        return command

    def cells(self, machine: Engine, said: Mapping[str, str], option: str) -> dict[str, str]:
        """The columns and values of a machine that an option of a person means.

        Raises:
            BadInput: some are not columns or values of the machine, or a column has two values; the
                message names the option.
        """
        found: dict[str, str] = {}
        wrong = []
        for name, value in said.items():
            column = self.word(name)
            if column not in machine.columns:
                wrong.append(self._no_column(machine, name))
            elif found.setdefault(column, value) != value:
                raise BadInput(f"{option} {name[:80]} is given twice: {found[column][:80]!r} and "
                               f"{value[:80]!r}")
        if wrong:
            raise BadInput(f"{option}: {few(wrong, 5)}")
        try:
            machine.check(found)
        except BadInput as error:
            raise BadInput(f"{option} {self.out(str(error))}") from None
        return found

    def _no_column(self, machine: Engine, said: str) -> str:
        """The message about a column that does not exist, or about its node that does not."""
        node, dot, column = said.rpartition(".")
        if dot and f"{NODES[0]}.{column}" in machine.columns:
            return self.unknown(node)
        return unknown_name("column", said, map(self.out, machine.columns))

    def unknown(self, name: str) -> str:
        """The message about a name that no node has."""
        return f"unknown node {quoted(name)}; the nodes are {self}"

    def _seats(self, name: str) -> set[str]:
        """The seats that a name can mean; a whole host name means no other."""
        said = _folded(name)
        hosts = {seat: _folded(host) for seat, host in self._full.items()}
        if whole := {seat for seat, host in hosts.items() if host == said}:
            return whole
        begun = {seat for seat, host in hosts.items()
                 if host.startswith(f"{said}.") and not _is_address(host)}
        return begun | _numbered(said)

    # ------------------------------------------------------------------------- out

    def out(self, text: str) -> str:
        """A sentence, an event or a column with host names for the seats, as far as they are known.

        Names are without their domains if they still differ and are not addresses.
        """
        return _SEAT.sub(lambda seat: self.shown[seat[0]], text)

    def product(self, command: str) -> str:
        """A command as the product's command line spells it: `utils ha failover impB.example`.

        A name with other characters than letters, digits and those of a host is quoted for a shell.
        It is "" for a command that `utils ha` does not have, or while a host is not known.
        """
        name, _, seat = command.rstrip(")").partition("(")
        if name not in BUTTONS or {*self._full.values()} != {self.node1, self.node2}:
            return ""
        told = self._full[seat] if seat else self.group
        return f"utils ha {name} {told and quote(told)}".rstrip()

    @cached_property
    def shown(self) -> Mapping[str, str]:
        """What people read for each seat: its name, or the seat itself."""
        short = {seat: host.partition(".")[0] for seat, host in self._full.items()}
        unclear = any(_is_address(host) or (short[seat] != host and _numbered(short[seat]) - {seat})
                      for seat, host in self._full.items())
        one, two = map(_folded, short.values())
        return short if one != two and not unclear else self._full

    @cached_property
    def _full(self) -> Mapping[str, str]:
        """The host name of each seat, or the seat itself; the seats if names do not differ."""
        full = {NODES[0]: self.node1 or NODES[0], NODES[1]: self.node2 or NODES[1]}
        one, two = map(_folded, full.values())
        return full if one != two else {seat: seat for seat in NODES}

    def __str__(self) -> str:
        """Both nodes for a message: `cup1 (node1) and cup2 (node2)`."""
        return listed([host if host == seat else f"{host} ({seat})"
                       for seat, host in self._full.items()], "and")


UNNAMED = Names()
"""Two nodes of which people know no names."""


def _printable(name: object) -> str:
    return one_line(name, LONGEST) if isinstance(name, str) else ""


def _folded(name: str) -> str:
    return name.strip().rstrip(".").casefold()


def _numbered(name: str) -> set[str]:
    """The seat that is called by its number: `node2` for `Node 2`; else none."""
    found = re.fullmatch(r"node[ _-]?([12])", _folded(name))
    return {f"node{found[1]}"} if found else set()


def _is_address(host: str) -> bool:
    """Whether a host is named by its address, of which no part is a name."""
    return ":" in host or host.partition(".")[0].isdigit()
