"""What all networks share, with a record or without: two sides, heartbeats between them, and cuts.

Law: as `prgcore.prove.network`. A network begins with five numbers: `mine`, `peers`, `sent`,
`coming` and `flags`, as one node looks at it. The kinds of networks say what a heartbeat carries,
what it does where it arrives, and which other moves there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import numpy.typing as npt
from attrs import define, field

from prgcore.network.setting import Setting
from prgcore.prove.codec import Codes
from prgcore.prove.network.facing import Answers, Machine, Table
from prgcore.prove.network.flags import Flags
from prgcore.prove.network.rows import Ids
from prgcore.prove.network.steps import Step
from prgcore.seats import NODES

__all__ = ["Side", "Sides"]

S = TypeVar("S", bound="Sides")
T = TypeVar("T")


@define(eq=False, slots=False)
class Sides:
    """The networks of a machine under a setting.

    Attributes:
        folded: whether of every network and its mirror image one is kept.
        tables: for each side the copies of its node. Where networks are folded, both are one.
        sides, calm: the moves of each side, and those without an adversary or an administrator.
    """

    machine: Machine
    setting: Setting
    parts: ClassVar[tuple[str, ...]] = ()
    folded: bool = field(init=False)
    tables: tuple[Table, Table] = field(init=False)
    flags: Flags = field(init=False)
    sides: tuple[Any, Any] = field(init=False)
    calm: tuple[Any, Any] = field(init=False)
    _kinds: dict[tuple[str, str, bool], int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.folded = self.machine.mirror is not None
        self.tables = self.each(lambda n: Table(self.machine, n))

    def each(self, made: Callable[[int], T]) -> tuple[T, T]:
        """One thing for each side, or the same one for both where networks are folded."""
        first = made(0)
        return first, first if self.folded else made(1)

    @property
    def kinds(self) -> list[tuple[str, str, bool]]:
        """The kinds of moves by their numbers: verb, event or group, again."""
        return list(self._kinds)

    def kind(self, verb: str, event: str = "", *, again: bool = False) -> int:
        """The number of a kind of moves."""
        return self._kinds.setdefault((verb, event, again), len(self._kinds))

    def turned(self, state: Any) -> Any:
        """The same networks as the other node looks at them."""
        raise NotImplementedError

    def encoded(self, pairs: list[dict[str, str]]) -> tuple[Codes, list[Ids]]:
        """The codes of some pairs, and the copies of two nodes that know them."""
        machine = self.machine
        codes = [np.array(block, np.int32) for block in zip(
            *(machine.codec.encode(pair) for pair in pairs), strict=True)]
        ids = []
        for table, code in zip(self.tables, (codes, machine.turned(codes)), strict=True):
            own = [c.copy() for c in code]
            for k in machine.facts.hidden[table.node]:
                machine.put(own, k, np.zeros(len(pairs), np.int32))
            ids.append(table.rows.ids(own))
        return codes, ids

    def steps(self, state: Any, *, quiet: bool = False) -> Iterator[tuple[int, Any, Step]]:
        """All moves from some networks: the node that looks, what it sees, and its moves.

        Args:
            quiet: only those without an adversary or an administrator.
        """
        sides = self.calm if quiet else self.sides
        for n, view in enumerate((state, self.turned(state))):
            for step in sides[n].steps(view):
                yield n, view, step
        yield from ((0, state, step) for step in sides[0].both(state))


@define(eq=False, slots=False)
class Side(Generic[S]):
    """The moves of one node, and those of its peer's heartbeats to it.

    Attributes:
        quiet: without an adversary or an administrator.
    """

    all: S
    n: int
    quiet: bool

    def carried(self, state: Any) -> Ids:
        """The heartbeats that the peer sends now."""
        raise NotImplementedError

    def arrives(self, state: Any, slots: Ids) -> Any:
        """The networks after heartbeats of the peer arrived here, where the manager runs."""
        raise NotImplementedError

    def overtaken(self, slots: Ids) -> Ids:
        """The heartbeats in flight after another one has overtaken them."""
        return slots

    def delivered(self, slots: Ids) -> Ids:
        """The heartbeats in flight that have arrived already."""
        return slots

    @property
    def answered(self) -> tuple[Answers, None] | None:
        """The event that may be decided with the arrival of a heartbeat."""
        return None

    def silent(self, state: Any) -> npt.NDArray[np.intp]:
        """Where this node may count its peer as lost."""
        setting, flags = self.all.setting, self.all.flags
        if setting.silence:
            return np.flatnonzero(flags.of(state.flags, "silent", 0) >= setting.silence)
        if setting.has("loss") and not self.quiet:
            return np.arange(len(state.mine))
        return np.flatnonzero(state.coming == 0)

    def talk(self, state: Any, runs: npt.NDArray[np.bool_]) -> Iterator[Step]:
        """What heartbeats of the peer do: they arrive at once, set out, arrive later, are lost."""
        all_, has, loud = self.all, self.all.setting.has, not self.quiet
        empty = state.coming == 0
        joined = all_.flags.of(state.flags, "cut", 1) == 0
        sends = all_.sides[1 - self.n].runs.of(state.peers) & joined & runs
        at = np.flatnonzero(sends if loud and has("reorder") else sends & empty)
        some = state.take(at)
        sent = self.carried(some)
        after = self.arrives(some, sent)
        news = np.zeros(len(at), np.bool_)
        for old, new in zip(some, after, strict=True):
            news |= old != new
        changed = np.flatnonzero(news)
        after = after.take(changed)
        yield Step(all_.kind("beat"), at[changed],
                   after._replace(coming=self.overtaken(after.coming)), self.answered)
        if not has("delay"):
            return
        if loud:
            out = np.flatnonzero(news & (some.coming == 0))
            yield Step(all_.kind("send"), at[out], some.take(out)._replace(coming=sent[out]))
        yield from self._flown(state, np.flatnonzero(~empty), runs)

    def _flown(
        self, state: Any, at: npt.NDArray[np.intp], runs: npt.NDArray[np.bool_],
    ) -> Iterator[Step]:
        """What heartbeats in flight do: they are lost, or arrive once or again."""
        kind, has, loud = self.all.kind, self.all.setting.has, not self.quiet
        some, ran = state.take(at), runs[at]
        gone = some._replace(coming=np.zeros(len(at), np.int32))
        if has("loss") and loud:
            yield Step(kind("lose"), at, gone)
        else:
            yield Step(kind("deliver"), at[~ran], gone.take(np.flatnonzero(~ran)))
        here = np.flatnonzero(ran)
        at, some = at[here], some.take(here)
        after = self.arrives(some, some.coming)
        yield Step(kind("deliver"), at, after._replace(coming=np.zeros(len(at), np.int32)),
                   self.answered)
        if has("duplicate") and loud:
            yield Step(kind("deliver", again=True), at,
                       after._replace(coming=self.delivered(after.coming)), self.answered)

    def cut(self, state: Any) -> Iterator[Step]:
        """The peer is cut off from this node, or heard again."""
        if self.all.setting.has("one-way") and not self.quiet:
            flags = self.all.flags
            cut = flags.of(state.flags, "cut", 1)
            yield Step(self.all.kind("cut"), np.arange(len(cut)), state._replace(
                coming=np.where(cut, state.coming, 0),
                flags=flags.put(state.flags, "cut", 1, 1 - cut)))

    def both(self, state: Any) -> Iterator[Step]:
        """The moves of the network as a whole: intervals pass, and it is cut or healed."""
        setting, flags, kind = self.all.setting, self.all.flags, self.all.kind
        if setting.silence:
            yield from self._ticks(state)
        if self.quiet or not setting.has("cut"):
            return
        mine, peers = flags.of(state.flags, "cut", 0), flags.of(state.flags, "cut", 1)
        for verb, at, value in (("cut", mine & peers == 0, 1), ("heal", mine | peers, 0)):
            here = np.flatnonzero(at)
            some = state.take(here)
            if value:
                none = np.zeros(len(here), np.int32)
                some = some._replace(sent=none, coming=none)
            yield Step(kind(f"{verb} both"), here, some._replace(
                flags=flags.put(flags.put(some.flags, "cut", 0, value), "cut", 1, value)))

    def _ticks(self, state: Any) -> Iterator[Step]:
        """An interval passes; of each node whose heartbeats can arrive, one does, or is lost."""
        setting, flags = self.all.setting, self.all.flags
        views = (state, self.all.turned(state))
        runs = [side.runs.of(view.mine) for side, view in zip(self.all.sides, views, strict=True)]
        arrives = [runs[n] & (flags.of(state.flags, "cut", n) == 0) for n in (0, 1)]
        loses = setting.has("loss") and not self.quiet
        for lost in ((), (0,), (1,), (0, 1)) if loses else ((),):
            able = np.ones(len(state.mine), np.bool_)
            for n in lost:
                able &= arrives[n]
            at = np.flatnonzero(able)
            new = state.flags[at]
            for n in (0, 1):
                more = np.minimum(setting.silence, flags.of(new, "silent", n) + 1)
                heard = arrives[1 - n][at] & (1 - n not in lost)
                new = flags.put(new, "silent", n, np.where(heard, 0, more))
            name = "both" if len(lost) > 1 else NODES[lost[0]] if lost else ""
            yield Step(self.all.kind("tick", name), at, state.take(at)._replace(flags=new))
