"""Networks with a record: one record, two readings of it, heartbeats that carry what nodes observe.

Law: as `prgcore.prove.network`. A network is six numbers: the copy of the node that looks (its
reading of the record, its own columns, what it heard), that of its peer, the heartbeat that each
has sent, flags, and the record. The grants of a lease and of a fence are flags too.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from attrs import define

from prgcore.prove.codec import Codes
from prgcore.prove.network.facing import Answers, Table
from prgcore.prove.network.flags import Flags
from prgcore.prove.network.rows import NONE, Each, Ids, Lazy, Rows
from prgcore.prove.network.steps import Step, seated
from prgcore.prove.network.wires import Side, Sides

__all__ = ["Recorded", "Records"]

_Mask = npt.NDArray[np.bool_]
_EMPTY, _TIMELY = 2, 1


class Recorded(NamedTuple):
    """Networks with a record, as one node looks at them: arrays of numbers, one entry a network."""

    mine: Ids
    peers: Ids
    sent: Ids
    coming: Ids
    flags: Ids
    record: Ids

    def take(self, at: npt.NDArray[Any]) -> Recorded:
        """Some of them."""
        return Recorded(*(column.take(at) for column in self))


@define(eq=False, slots=False)
class Records(Sides):
    """The networks of a machine with a record.

    Attributes:
        slots: for each side the heartbeats that its node sends.
        pairs: the pair as it is: the record, and the nodes' own columns.
        records: the record, as the node that looks writes it.
    """

    parts: ClassVar = Recorded._fields

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        machine, groups = self.machine, self.machine.groups
        self.slots = self.each(lambda n: _Slots(self.tables[n]))
        self.pairs, self.records = Rows(machine.sizes), Rows(machine.sizes)
        self.turns = Each(self.records, lambda codes: self.records.ids(machine.turned(codes)))
        sizes = dict.fromkeys(("cut", "current", "older", "timely"), 2)
        sizes["silent"] = self.setting.silence + 1
        images = {}
        grants = {"cas+lease": ("claim", "permit"), "cas+fence": ("holds", "after")}
        for n, group in enumerate(groups):
            for word in grants.get(self.setting.arbiter, ()):
                sizes[f"{word}{n}"] = 2
                images[f"{word}{n}"] = f"{word}{groups.index(machine.seen(group))}"
        self.flags = Flags(sizes, images)
        self.sides = self.each(lambda n: _Side(self, n, quiet=False))
        self.calm = self.each(lambda n: _Side(self, n, quiet=True))

    def turned(self, state: Recorded) -> Recorded:
        """The same networks as the other node looks at them."""
        return Recorded(state.peers, state.mine, state.coming, state.sent,
                        self.flags.turned.take(state.flags), self.turn(state.record))

    def turn(self, records: Ids) -> Ids:
        """Records as the other node writes them."""
        return records if not self.folded else self.turns.of(records)

    def start(self, pairs: list[dict[str, str]]) -> Recorded:
        """The networks in which both nodes have read the record, and nothing is in flight."""
        machine, facts = self.machine, self.machine.facts
        codes, ids = self.encoded(pairs)
        none = np.zeros(len(pairs), np.int32)
        flags = none
        for name in ("current", "timely"):
            for whose in (0, 1):
                flags = self.flags.put(flags, name, whose, 1)
        given = {"cas+lease": ("claim", "permit"), "cas+fence": ("holds",)}
        for word in given.get(self.setting.arbiter, ()):
            for whose in (0, 1):
                other = ids[whose]
                assigned = self.sides[whose].assigned.of(other)
                for n, group in enumerate(machine.groups):
                    seen = n if whose == 0 or not self.folded else \
                        machine.groups.index(machine.seen(group))
                    flags = self.flags.put(flags, f"{word}{n}", whose, assigned >> seen & 1)
        record = self.records.ids(machine.part(codes, facts.shared))
        return Recorded(ids[0], ids[1], none, none, flags, record)

    def serves(self, state: Recorded) -> tuple[Any, Any]:
        """The groups that each node serves, one bit each, as the node that looks names them.

        Of a fence these are the nodes whose effects were accepted last.
        """
        flags, groups = self.flags, range(len(self.machine.groups))
        if self.setting.arbiter == "cas+fence":
            holds = [sum((flags.of(state.flags, f"holds{n}", whose)
                          | flags.of(state.flags, f"after{n}", 1 - whose)) << n for n in groups)
                     for whose in (0, 1)]
            return holds[0], holds[1]
        one, other = self.sides
        given: tuple[Any, Any] = (
            one.assigned.of(state.mine),
            self.machine.turned_groups(other.assigned.of(state.peers)))
        if self.setting.arbiter == "cas+lease":
            permits = [sum(flags.of(state.flags, f"permit{n}", whose) << n for n in groups)
                       for whose in (0, 1)]
            given = permits[0], permits[1]
        return (np.where(one.able.of(state.mine), given[0], 0),
                np.where(other.able.of(state.peers), given[1], 0))

    def projected(self, state: Recorded, node: int = 0) -> Ids:
        """The pairs of model P, as the node that looks writes them: the record, the own columns."""
        machine, (mine, peers) = self.machine, (self.tables[node], self.tables[1 - node])
        own, other = machine.facts.own[mine.node], machine.facts.own[1 - mine.node]
        return self.pairs.ids([a + b + c for a, b, c in zip(
            self.records.of(state.record), machine.part(mine.rows.of(state.mine), own),
            machine.part(machine.turned(peers.rows.of(state.peers)), other), strict=True)])

    def equal(self, state: Recorded) -> _Mask:
        """Whether all nodes that run have read the record, and know what their peer observes."""
        found = np.ones(len(state.mine), np.bool_)
        runs = [side.runs.of(copies) for side, copies in zip(
            self.sides, (state.mine, state.peers), strict=True)]
        for whose in (0, 1):
            current = self.flags.of(state.flags, "current", whose) > 0
            timely = self.flags.of(state.flags, "timely", whose) > 0
            found &= ~runs[whose] | (current & (timely | ~runs[1 - whose]))
        return found


@define(eq=False, slots=False)
class _Slots:
    """Heartbeats in flight from one side: what its node observes. Number 0 is an empty slot."""

    table: Table

    def __attrs_post_init__(self) -> None:
        machine, facts = self.table.machine, self.table.machine.facts
        self.rows = Rows((*machine.sizes, 4))
        told = machine.parts(facts.told[self.table.node])
        blank = (np.zeros(1, np.int32) for _ in machine.sizes)
        self.rows.ids([*blank, np.array([_EMPTY], np.int32)])
        self.sends = Lazy(self.table.rows, 1, lambda ids, _: self.rows.ids([
            *(keep.take(code) for keep, code in zip(told, self.table.rows.of(ids), strict=True)),
            np.full(len(ids), _TIMELY, np.int32)]))
        self.timely = Each(self.rows, lambda codes: codes[-1] == _TIMELY)
        self.untimely = Each(self.rows, lambda codes: self.rows.ids([
            *(np.zeros(len(code), np.int32) for code in codes[:-1]), codes[-1] & _EMPTY]))


@define(eq=False, slots=False)
class _Event:
    """An event of one side: where it is possible, which rule its node takes, and what follows."""

    side: _Side
    name: str

    def __attrs_post_init__(self) -> None:
        side = self.side
        machine, facts = side.machine, side.machine.facts
        setting = side.all.setting
        lost = self.name in facts.lost[side.table.node]
        self.free = lost and (setting.silence > 0 or (setting.has("loss") and not side.quiet))
        self.answers = machine.answers(self.name, hidden=not self.free)
        self.by_node = facts.by_node[self.name]
        self.of_world = facts.of_world(self.name)
        pairs = side.all.pairs
        self.possible = Lazy(pairs, 2, lambda ids, cut: self.answers.possible(
            side.linked(pairs.of(ids), cut)).astype(np.int32))
        self.true = Lazy(pairs, 2, lambda ids, cut: self.answers.rule(
            side.linked(pairs.of(ids), cut)))
        self.after = Lazy(pairs, max(1, len(self.answers.rules)), lambda ids, rules: pairs.ids(
            self.answers.apply(pairs.of(ids), rules)))
        self.viewed = Lazy(side.table.rows, 2, self._viewed)

    def _viewed(self, ids: Ids, timely: Ids) -> Ids:
        """The rule that answers in every pair that the node cannot tell from the true one."""
        side, machine = self.side, self.side.machine
        found = np.full(len(ids), NONE, np.int32)
        heard = side.hears.of(ids) & (timely > 0)
        for hears in (False, True):
            at = np.flatnonzero(heard == hears)
            if not len(at):
                continue
            codes, inside, many = side.views(ids[at], hears=hears)
            possible = np.flatnonzero(inside & self.answers.possible(codes))
            if not len(possible):
                continue
            some = [c[possible] for c in codes]
            raw = self.answers.only(some)
            done = self.answers.apply(some, raw)
            known = machine.parts(side.known if hears else side.unheard)
            key = raw.astype(np.int64)
            for table, code, size in zip(known, done, machine.sizes, strict=True):
                key = key * size + table.take(code)
            of = possible // many
            first = np.full(len(at), -2, np.int64)
            first[of[::-1]] = key[::-1]
            rule = np.full(len(at), NONE, np.int32)
            rule[of[::-1]] = raw[::-1]
            rule[of[key != first[of]]] = NONE
            rule[~self.answers.done[rule]] = NONE
            found[at] = rule
        return found


@define(eq=False, slots=False)
class _Side(Side[Records]):
    """The moves of one node by its view, and what it reads and serves."""

    def __attrs_post_init__(self) -> None:
        machine = self.machine = self.all.machine
        facts, setting, table = machine.facts, self.all.setting, self.all.tables[self.n]
        self.table, node = table, table.node
        self.slots = self.all.slots[self.n]
        self.events = [
            (self.all.kind("decide", name), _Event(self, name), name in facts.lost[node])
            for name in seated(machine, setting, node, quiet=self.quiet)]
        heard = facts.heard[node]
        self.heard = _Event(self, heard) if heard else None
        self.commands = [
            (self.all.kind("decide", e.name), _Event(self, e.name)) for e in machine.model.events
            if facts.power(e) == "commands"] if setting.has("commands") and not self.quiet else []
        self.runs = table.each(lambda codes: machine.acting(codes, node))
        self.hears = table.each(lambda codes: machine.hearing(codes, node))
        self.assigned = table.each(lambda codes: machine.assigned(codes, node))
        self.acts = Each(self.all.pairs, lambda codes: machine.acting(codes, node))
        self.able = table.each(lambda codes: machine.able(codes, node))
        self.known = (*facts.shared, *facts.own[node], *facts.told[1 - node])
        self.unheard = (*facts.shared, *facts.own[node])
        self._parts = {
            "shared": machine.parts(facts.shared), "own": machine.parts(facts.own[node]),
            "peer": machine.parts(facts.own[1 - node]), "told": machine.parts(facts.told[1 - node]),
            "mine": machine.parts(facts.told[node])}
        rows, pairs = table.rows, self.all.pairs
        self.forgot = Lazy(rows, 1, lambda ids, _: rows.ids([
            code - told.take(code) for code, told in zip(
                rows.of(ids), self._parts["told"], strict=True)]))
        self.shared_of = Each(pairs, lambda codes: self.all.records.ids(
            machine.part(codes, facts.shared)))
        self.own_of, self.peer_of, self.tells, self.peer_tells = (
            self._number(names) for names in (
                facts.own[node], facts.own[1 - node], facts.told[node], facts.told[1 - node]))

    def _number(self, names: tuple[int, ...]) -> Each:
        """For every pair a number for the values of these columns."""
        tables, some = self.machine.parts(names), Rows(self.machine.sizes)
        return Each(self.all.pairs, lambda codes: some.ids(
            [table.take(code) for table, code in zip(tables, codes, strict=True)]))

    # -------------------------------------------------------------------- what is known

    def linked(self, codes: Codes, cut: Ids) -> Codes:
        """Pairs with the network as it is."""
        codes = list(codes)
        for k, (joined, broken) in self.machine.facts.links.items():
            domain = self.machine.facts.domain[k]
            values = domain.index(joined), domain.index(broken)
            self.machine.put(codes, k, np.where(cut > 0, values[1], values[0]))
        return codes

    def views(self, ids: Ids, *, hears: bool) -> tuple[Codes, _Mask, int]:
        """The pairs for which copies stand, whether each breaks no invariant, and their number."""
        machine, facts = self.machine, self.machine.facts
        known = set(self.known if hears else self.unheard)
        unknown = [k for k in range(len(machine.stored)) if k not in known]
        values = np.array(list(product(*(range(len(facts.domain[k])) for k in unknown))), np.int32)
        many = len(values)
        codes: Codes = [np.repeat(code, many) for code in self.table.rows.of(ids)]
        for column, k in zip(values.T, unknown, strict=True):
            machine.put(codes, k, np.tile(column, len(ids)))
        return codes, machine.inside(codes), many

    def truth(self, state: Recorded) -> Ids:
        """The pair as it is for this node: its reading, and the own columns of both."""
        mine, parts = self.table.rows.of(state.mine), self._parts
        peers = self.machine.turned(self.all.tables[1 - self.n].rows.of(state.peers))
        return self.all.pairs.ids([
            shared.take(a) + own.take(a) + peer.take(b) for a, b, shared, own, peer in zip(
                mine, peers, parts["shared"], parts["own"], parts["peer"], strict=True)])

    # --------------------------------------------------------------------------- moves

    def steps(self, state: Recorded) -> Iterator[Step]:
        """The moves of this node, and those of heartbeats that come to it."""
        runs = self.runs.of(state.mine)
        pairs = self.truth(state)
        for kind, event, lost in self.events:
            at = np.arange(len(pairs))
            if lost:
                at = self.silent(state)
            yield self._decided(kind, event, state, pairs, runs, at)
        yield from self.talk(state, runs)
        yield from self.cut(state)
        yield from self._reads(state, runs)

    def rules(
        self, event: _Event, state: Recorded, pairs: Ids, runs: _Mask,
    ) -> tuple[Ids, _Mask]:
        """The rule that each network takes at an event, or NONE; and whether nobody writes it."""
        flags = self.all.flags
        silently = ~runs if not event.of_world else np.ones(len(runs), np.bool_)
        may = silently | (flags.of(state.flags, "current", 0) > 0)
        if self.all.setting.mutant == "no_compare":
            may[:] = True
        if event.by_node:
            may &= runs
        cut = flags.of(state.flags, "cut", 1)
        rules = np.full(len(pairs), NONE, np.int32)
        at = np.flatnonzero(may)
        at = at[event.possible.of(pairs[at], cut[at]) > 0]
        if event.by_node:
            rules[at] = event.viewed.of(state.mine[at], flags.of(state.flags[at], "timely", 0))
        else:
            rules[at] = event.true.of(pairs[at], cut[at])
        return rules, silently

    def _decided(
        self, kind: int, event: _Event, state: Recorded, pairs: Ids, runs: _Mask,
        at: npt.NDArray[np.intp],
    ) -> Step:
        some, pairs, runs = state.take(at), pairs[at], runs[at]
        rules, silently = self.rules(event, some, pairs, runs)
        if event.of_world:  # a manager that starts reads the record, and writes that it runs
            starts = (rules >= 0) & ~runs
            starts[starts] = self.acts.of(event.after.of(pairs[starts], rules[starts]))
            some = self._mixed(starts, self.read(some), some)
            pairs = self.truth(some)
            rules, _ = self.rules(event, some, pairs, runs)
            silently &= ~starts
        done = np.flatnonzero(rules >= 0)
        some, pairs, rules, silently = some.take(done), pairs[done], rules[done], silently[done]
        after = event.after.of(pairs, rules)
        return Step(kind, at[done], self._became(some, pairs, after, silently),
                    (event.answers, rules))

    def _became(self, state: Recorded, before: Ids, after: Ids, silently: _Mask) -> Recorded:
        """The networks after this node decided: own columns change, and the record is written."""
        quiet = np.flatnonzero(silently)
        loud = np.flatnonzero(~silently)
        parts = []
        for at, written in ((quiet, False), (loud, True)):
            some = state.take(at)
            some = self._own(some, before[at], after[at], peer=written)
            if written:
                some = self._write(some, self.shared_of.of(after[at]), by_node=True)
            parts.append(some)
        order = np.argsort(np.concatenate([quiet, loud]))
        return Recorded(*(np.concatenate([a, b])[order] for a, b in zip(*parts, strict=True)))

    def _own(self, state: Recorded, before: Ids, after: Ids, *, peer: bool) -> Recorded:
        """The networks after own columns have changed: what the other node heard is old."""
        pairs, flags = self.all.pairs, self.all.flags
        rows, others = self.table.rows, self.all.tables[1 - self.n].rows
        codes, parts = pairs.of(after), self._parts
        mine = rows.ids([
            old - own.take(old) + own.take(new)
            for old, new, own in zip(rows.of(state.mine), codes, parts["own"], strict=True)])
        told = self.tells.of(before) != self.tells.of(after)
        state = self._started(state._replace(mine=mine), state, 0)
        if peer and len(before):
            other = self.all.sides[1 - self.n]
            own = other._parts["own"]  # noqa: SLF001, the other side of the same networks
            peers = others.ids([
                old - part.take(old) + part.take(new) for old, new, part in zip(
                    others.of(state.peers), self.machine.turned(codes), own, strict=True)])
            state = self._started(state._replace(peers=peers), state, 1)
            theirs = self.peer_tells.of(before) != self.peer_tells.of(after)
        else:
            theirs = np.zeros(len(told), np.bool_)
        if self.all.setting.mutant == "old_epoch":
            return state
        forgets = self.all.sides[1 - self.n].forgot.of(state.peers)
        news = flags.put(state.flags, "timely", 1, 0)
        state = state._replace(
            peers=np.where(told, forgets, state.peers), flags=np.where(told, news, state.flags),
            sent=np.where(told, self.slots.untimely.of(state.sent), state.sent))
        news = flags.put(state.flags, "timely", 0, 0)
        slots = self.all.slots[1 - self.n]
        return state._replace(
            mine=np.where(theirs, self.forgot.of(state.mine), state.mine),
            flags=np.where(theirs, news, state.flags),
            coming=np.where(theirs, slots.untimely.of(state.coming), state.coming))

    def _started(self, state: Recorded, before: Recorded, whose: int) -> Recorded:
        """(Lease) the networks after a manager started: it starts without a permission."""
        if self.all.setting.arbiter != "cas+lease":
            return state
        runs = self.all.sides[self.n if whose == 0 else 1 - self.n].runs
        began = runs.of(state[whose]) & ~runs.of(before[whose])
        flags = state.flags
        for n in range(len(self.machine.groups)):
            flags = np.where(began, self.all.flags.put(flags, f"permit{n}", whose, 0), flags)
        return state._replace(flags=flags)

    def _write(self, state: Recorded, record: Ids, *, by_node: bool) -> Recorded:
        """The networks after the record was replaced; other readings of it are old now."""
        flags = self.all.flags
        changed = record != state.record
        stays, before = ~changed & (flags.of(state.flags, "current", 0) > 0) & by_node, state
        codes = flags.put(flags.put(state.flags, "current", 0, 0), "current", 1, 0)
        state = state._replace(record=record, flags=np.where(changed, codes, state.flags))
        if by_node:
            at = flags.of(state.flags, "current", 0) == 0
            state = self._mixed(at, self.read(state), state)
        if not self.all.setting.has("pause"):
            for whose in (0, 1):
                state = state if whose == 0 else self.all.turned(state)
                side = self.all.sides[self.n if whose == 0 else 1 - self.n]
                at = (flags.of(state.flags, "current", 0) == 0) & side.runs.of(state.mine)
                state = self._mixed(at, side.read(state), state)
            state = self.all.turned(state)
        return self._mixed(stays, before, state)

    @staticmethod
    def _mixed(at: _Mask, one: Recorded, other: Recorded) -> Recorded:
        return Recorded(*(np.where(at, a, b) for a, b in zip(one, other, strict=True)))

    def with_record(self, state: Recorded) -> Ids:
        """The copies of this node if it read the record now."""
        rows, parts = self.table.rows, self._parts["shared"]
        return rows.ids([
            old - shared.take(old) + new for old, new, shared in zip(
                rows.of(state.mine), self.all.records.of(state.record), parts, strict=True)])

    def read(self, state: Recorded) -> Recorded:
        """The networks after this node has read the record."""
        flags = self.all.flags
        codes = flags.put(flags.put(state.flags, "current", 0, 1), "older", 0, 0)
        codes = flags.put(codes, "older", 1, 1 - flags.of(codes, "current", 1))
        state = state._replace(mine=self.with_record(state), flags=codes)
        if self.all.setting.arbiter != "cas+lease":
            return state
        assigned = self.assigned.of(state.mine)
        codes = self._freed(state.flags, assigned)
        if self.all.setting.mutant != "old_reading":
            for n in range(len(self.machine.groups)):
                codes = flags.put(codes, f"permit{n}", 0, flags.of(codes, f"permit{n}", 0)
                                  & (assigned >> n & 1))
        return state._replace(flags=codes)

    def _freed(self, codes: Ids, assigned: npt.NDArray[Any]) -> Ids:
        """The flags without the claims of this node to what the record assigns to it no longer."""
        flags = self.all.flags
        for n in range(len(self.machine.groups)):
            codes = flags.put(codes, f"claim{n}", 0, flags.of(codes, f"claim{n}", 0)
                              & (assigned >> n & 1))
        return codes

    def _reads(self, state: Recorded, runs: _Mask) -> Iterator[Step]:
        """The moves of this node and the record, and of what it serves by its reading."""
        all_, flags, groups = self.all, self.all.flags, self.machine.groups
        current = flags.of(state.flags, "current", 0) > 0
        at = np.flatnonzero(~current & runs)
        yield Step(all_.kind("read"), at, self.read(state.take(at)))
        if all_.setting.arbiter == "cas+lease":
            at = np.flatnonzero(~(current & runs))
            some = state.take(at)
            codes = self._freed(some.flags, self.assigned.of(self.with_record(some)))
            for n in range(len(groups)) if all_.setting.mutant != "old_reading" else ():
                codes = flags.put(codes, f"permit{n}", 0, 0)
            yield Step(all_.kind("expire"), at, some._replace(flags=codes))
            at = np.flatnonzero(current & runs)
            some = state.take(at)
            codes, assigned = some.flags, self.assigned.of(some.mine)
            for n in range(len(groups)):
                fits = (flags.of(codes, f"claim{n}", 1) == 0) & (assigned >> n & 1 > 0)
                given = flags.put(flags.put(codes, f"claim{n}", 0, 1), f"permit{n}", 0, 1)
                codes = np.where(fits, given, codes)
            yield Step(all_.kind("permit"), at, some._replace(flags=codes))
        if all_.setting.arbiter == "cas+fence" and not self.quiet:
            serves = np.where(self.able.of(state.mine), self.assigned.of(state.mine), 0)
            older = flags.of(state.flags, "older", 0) > 0
            for n, group in enumerate(groups):
                asks = (serves >> n & 1 > 0) & (flags.of(state.flags, f"holds{n}", 0) == 0)
                for late in (False, True) if all_.setting.mutant == "old_epoch" else (False,):
                    at = np.flatnonzero(asks & (older == late))
                    codes = state.flags[at]
                    for word, mine, theirs in (("holds", 1, 0), ("after", int(late), 0)):
                        codes = flags.put(flags.put(codes, f"{word}{n}", 0, mine),
                                          f"{word}{n}", 1, theirs)
                    yield Step(all_.kind("access", group), at, state.take(at)._replace(flags=codes))

    # ----------------------------------------------------------------------- heartbeats

    def carried(self, state: Recorded) -> Ids:
        """The heartbeats that the peer sends now: what it observes."""
        return self.all.slots[1 - self.n].sends.of(state.peers)

    @property
    def answered(self) -> tuple[Answers, None] | None:
        """The event that may be decided with the arrival of a heartbeat."""
        return (self.heard.answers, None) if self.heard else None

    def arrives(self, state: Recorded, slots: Ids) -> Recorded:
        """The networks after heartbeats of the peer arrived here, where the manager runs."""
        flags, other = self.all.flags, self.all.slots[1 - self.n]
        rows, told = self.table.rows, self._parts["told"]
        fresh = other.timely.of(slots)
        sent = self.machine.turned([code.take(slots) for code in other.rows.codes[:-1]])
        mine = rows.ids([
            np.where(fresh, old - part.take(old) + part.take(new), old)
            for old, new, part in zip(rows.of(state.mine), sent, told, strict=True)])
        codes = flags.put(state.flags, "silent", 0, 0)
        codes = np.where(fresh, flags.put(codes, "timely", 0, 1), codes)
        state = state._replace(mine=mine, flags=codes)
        if self.heard is None:
            return state
        at = np.flatnonzero(fresh)
        some = state.take(at)
        pairs = self.truth(some)
        rules, silently = self.rules(self.heard, some, pairs, self.runs.of(some.mine))
        done = np.flatnonzero(rules >= 0)
        some, pairs = some.take(done), pairs[done]
        after = self.heard.after.of(pairs, rules[done])
        found = [column.copy() for column in state]
        for column, new in zip(
                found, self._became(some, pairs, after, silently[done]), strict=True):
            column[at[done]] = new
        return Recorded(*found)

    # ---------------------------------------------------------------------- the network

    def both(self, state: Recorded) -> Iterator[Step]:
        """The moves of the network as a whole, and those of an administrator."""
        yield from super().both(state)
        if self.commands:
            flags, pairs = self.all.flags, self.all.projected(state)
            cut = flags.of(state.flags, "cut", 0) | flags.of(state.flags, "cut", 1)
            for number, event in self.commands:
                rules = np.where(event.possible.of(pairs, cut) > 0, event.true.of(pairs, cut), NONE)
                at = np.flatnonzero(rules >= 0)
                some, before = state.take(at), pairs[at]
                after = event.after.of(before, rules[at])
                some = self._own(some, before, after, peer=True)
                yield Step(number, at, self._write(
                    some, self.shared_of.of(after), by_node=False), (event.answers, rules[at]))
