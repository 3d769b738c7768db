"""The interpreter of a network: the moves of two nodes, and what each leads to.

Law: plain and slow; it is the ground truth of searches and of stories.
It asks the table for every decision, and remembers answers only.

Without a record, the record travels in heartbeats. A write is a step in which a node changes a
shared column of its copy, and versions are vector clocks of writes. With one heartbeat in flight
each way, a few flags are all that is ever asked of the clocks (ADR 0049).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from prgcore.engine import Engine, Pair
from prgcore.errors import ImpossibleEvent
from prgcore.form.telling import groups
from prgcore.model import Display, Rule, Shown
from prgcore.network.facts import Facts
from prgcore.network.setting import Setting
from prgcore.network.snapshot import Flags, Message, Move, Snapshot, put
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome

__all__ = ["Network"]

_Copy = tuple[str, ...]


class Network:
    """Two nodes of a machine, with an arbiter and an adversary.

    Args:
        engine: the machine.
        setting: the arbiter and the adversary.

    Attributes:
        starts: the networks in which it may start: both nodes know the same pair, and nothing is
            in flight.
    """

    def __init__(self, engine: Engine, setting: Setting) -> None:
        self.engine, self.setting = engine, setting
        self._free = Engine(evolve(engine.model, invariants=()))
        self._facts = facts = Facts(engine)
        self.groups = groups(engine.model)
        self._answers: dict[tuple[_Copy, str, bool], Rule | None] = {}
        self._decisions: dict[object, Rule | None] = {}
        self._clashes: dict[object, bool] = {}
        self._moving = [self._events(i) for i in (0, 1)]
        self._commands = [e.name for e in engine.model.events if facts.power(e) == "commands"] \
            if setting.has("commands") else []
        self.starts = tuple(dict.fromkeys(self._start(pair) for pair in _starts(engine)))

    def _events(self, i: int) -> tuple[str, ...]:
        """The events by which a node moves, as far as the adversary allows them."""
        facts, allowed = self._facts, {"", *self.setting.adversary}
        clash = {} if self.setting.recorded else {facts.clash[i]: None}
        return tuple(dict.fromkeys((*(
            e.name for e in self.engine.model.events if facts.seat(e) == i
            and e.name != facts.heard[i] and facts.power(e) in allowed), *filter(None, clash))))

    def _start(self, pair: Pair) -> Snapshot:
        copies = (self._blank(0, pair.values_), self._blank(1, pair.values_))
        at = Snapshot(copies, silent=(0, 0))
        if not self.setting.recorded:
            return at
        at = evolve(at, record=self._shared(pair.values_))
        owns = tuple(tuple(g for g in self.groups if self._assigns(copies[i], i, g)) for i in (0, 1))
        owner = tuple(next((NODES[i] for i in (0, 1) if g in owns[i]), "") for g in self.groups)
        if self.setting.arbiter == "cas+lease":
            return evolve(at, permits=(owns[0], owns[1]), claims=owner)
        return evolve(at, holders=owner) if self.setting.arbiter == "cas+fence" else at

    # -------------------------------------------------------------------------- moves

    def moves(self, at: Snapshot) -> tuple[tuple[Move, Snapshot], ...]:
        """Every move that is possible, with the network after it.

        A move that changes nothing is none. The order is that of the machine's events.
        """
        return tuple((move, after) for move, after in self._moves(at) if after != at)

    def step(self, at: Snapshot, move: Move) -> Snapshot:
        """The network after a move.

        Raises:
            ImpossibleEvent: the move is not possible now.
        """
        for other, after in self.moves(at):
            if other == move:
                return after
        raise ImpossibleEvent(f"{move} cannot happen here", ())

    def _moves(self, at: Snapshot) -> Iterator[tuple[Move, Snapshot]]:
        for i in (0, 1):
            for event in self._moving[i]:
                if (after := self._decides(at, i, event)) is not None:
                    yield Move("decide", event), after
        for event in self._commands:
            yield from self._commanded(at, event)
        for i in (0, 1):
            yield from self._talks(at, i)
        if self.setting.silence:
            yield from self._ticks(at)
        yield from self._cuts(at)
        for i in (0, 1) if self.setting.recorded else ():
            yield from self._reads(at, i)

    def _cuts(self, at: Snapshot) -> Iterator[tuple[Move, Snapshot]]:
        """The moves of the network: what is cut loses what is in flight."""
        def cut(cuts: Flags) -> Snapshot:
            slots = (None if cuts[0] else at.slots[0], None if cuts[1] else at.slots[1])
            return evolve(at, cuts=cuts, slots=slots)

        for i in (0, 1) if self.setting.has("one-way") else ():
            yield Move("heal" if at.cuts[i] else "cut", node=NODES[i]), cut(
                put(at.cuts, i, not at.cuts[i]))
        if self.setting.has("cut"):
            if not all(at.cuts):
                yield Move("cut"), cut((True, True))
            if any(at.cuts):
                yield Move("heal"), cut((False, False))

    def _talks(self, at: Snapshot, i: int) -> Iterator[tuple[Move, Snapshot]]:
        """The moves of heartbeats that a node sends, or has sent."""
        has, slot, node = self.setting.has, at.slots[i], NODES[i]
        news = self._runs(at, i) and not at.cuts[i]
        if news and (slot is None or has("reorder")):
            sent = self._sent(at, i)
            after = self._arrives(at, i, sent)
            if after != at:
                if slot is not None:
                    after = _slot(after, i, evolve(slot, late=True, news=False))
                yield Move("beat", node=node), after
                if has("delay") and slot is None:
                    yield Move("send", node=node), _slot(at, i, sent)
        if slot is None:
            return
        if not at.cuts[i]:
            after = self._arrives(at, i, slot)
            yield Move("deliver", node=node), _slot(after, i, None)
            if has("duplicate") and self._runs(at, 1 - i):
                kept = after.slots[i]
                yield Move("deliver", node=node, again=True), _slot(
                    after, i, kept and evolve(kept, news=False))
        if has("loss"):
            yield Move("lose", node=node), _slot(at, i, None)

    def _ticks(self, at: Snapshot) -> Iterator[tuple[Move, Snapshot]]:
        """An interval passes; of each node whose heartbeats can arrive, one does, or is lost."""
        limit = self.setting.silence
        lost = ((), (0,), (1,), (0, 1)) if self.setting.has("loss") else ((),)
        for without in lost:
            if any(at.cuts[i] or not self._runs(at, i) for i in without):
                continue
            silent = at.silent
            for i, j in ((0, 1), (1, 0)):
                hears = self._runs(at, j) and not at.cuts[j] and j not in without
                silent = put(silent, i, 0 if hears else min(limit, at.silent[i] + 1))
            name = "both" if len(without) > 1 else NODES[without[0]] if without else ""
            yield Move("tick", node=name), evolve(at, silent=silent)

    def _reads(self, at: Snapshot, i: int) -> Iterator[tuple[Move, Snapshot]]:
        """The moves of a node and the record, and of what it serves by its reading."""
        node = NODES[i]
        if not at.current[i] and self._runs(at, i):
            yield Move("read", node=node), self._read(at, i)
        if self.setting.arbiter == "cas+lease":
            if not at.current[i] or not self._runs(at, i):
                yield Move("expire", node=node), self._expired(at, i)
            elif self._runs(at, i):
                yield Move("permit", node=node), self._permitted(at, i)
        if self.setting.arbiter == "cas+fence":
            for n, group in enumerate(self.groups):
                if self._serves(at, i, group) and at.holders[n].split()[:1] != [node]:
                    other = NODES[1 - i]
                    if at.older != node:
                        yield Move("access", node=node, group=group), _holder(at, n, node)
                    elif self.setting.mutant == "old_epoch":
                        yield Move("access", node=node, group=group), _holder(
                            at, n, f"{node} after {other}")

    # ---------------------------------------------------------------------- decisions

    def _decides(self, at: Snapshot, i: int, event: str) -> Snapshot | None:
        """The network after an event of a node; None: it is not possible, or nothing answers it."""
        if not self._comes(at, i, event):
            return None
        lost = event in self._facts.lost[i]
        allows = lost and self._silent(at, i)
        if self.setting.recorded:
            return self._by_record(at, i, event, allows=allows)
        copy = self._filled(at, i, truly=not self._facts.by_node[event])
        rule = self._answer(copy, event, allows=allows)
        if rule is None:
            return None
        after = self._untaught(at, i, copy, self._applied(copy, rule))
        if self.setting.arbiter == "self-fence" and self._facts.by_node[event] and not (
                self.engine.habits.hears(self._free.at(after), NODES[i])):  # it takes nobody over
            after = self._with_shared(after, self._shared(at.copies[i]))
        return self._wrote(at, i, after)

    def _untaught(self, at: Snapshot, i: int, before: _Copy, after: _Copy) -> _Copy:
        """A copy after an event of the world, by which its node learnt nothing of its peer."""
        told = set(self._facts.told[1 - i])
        return tuple(was if k in told and old == new else new for k, (was, old, new) in enumerate(
            zip(at.copies[i], before, after, strict=True)))

    def _comes(self, at: Snapshot, i: int, event: str) -> bool:
        """Whether an event may come to a node now, as far as the network and the node go."""
        facts = self._facts
        if facts.by_node[event] and not self._runs(at, i):
            return False
        if event in facts.lost[i] and not self._silent(at, i):  # nothing may be on its way
            return not self.setting.silence and at.slots[1 - i] is None
        unforced = event != facts.clash[i] or self.setting.recorded or self.setting.has("faults")
        return unforced or self._clash(at, i)

    def _silent(self, at: Snapshot, i: int) -> bool:
        """Whether a node may count its peer as lost, whatever is true."""
        if self.setting.silence:
            return at.silent[i] >= self.setting.silence
        return self.setting.has("loss")

    def _answer(self, copy: _Copy, event: str, *, allows: bool) -> Rule | None:
        """The rule that answers an event in a copy whose hidden columns are filled in."""
        key = copy, event, allows
        if key not in self._answers:
            pair = self._free.at(copy)
            ways = self._facts.ways(event, hidden=not allows)
            rules = [r for r in self._facts.rules[event] if self._free.among([pair], [r.when])]
            possible = ways is None or bool(self._free.among([pair], ways))
            fits = possible and len(rules) == 1 and rules[0].outcome is Outcome.DONE
            self._answers[key] = rules[0] if fits else None
        return self._answers[key]

    def _applied(self, copy: _Copy, rule: Rule) -> _Copy:
        """A copy after the effects of a rule."""
        return self._free.apply(self._free.at(copy), rule).values_

    def _wrote(self, at: Snapshot, i: int, values: _Copy) -> Snapshot:
        """(No record) the network after a node changed its copy."""
        before, after = at.copies[i], self._blank(i, values)
        at = _copy(at, i, after)
        if self._shared(before) == self._shared(after):
            return at
        slots = at.slots
        if (mine := slots[i]) is not None:
            slots = put(slots, i, evolve(mine, newest=False))
        if (theirs := slots[1 - i]) is not None:
            slots = put(slots, 1 - i, evolve(theirs, based=False))
        return evolve(at, slots=slots, ahead=put(at.ahead, i, True))

    def _commanded(self, at: Snapshot, event: str) -> Iterator[tuple[Move, Snapshot]]:
        if self.setting.recorded:
            copy = self._true(at)
            rule = self._answer(copy, event, allows=False)
            if rule is not None:
                yield Move("decide", event), self._into_record(
                    at, None, copy, self._applied(copy, rule))
            return
        for i in (0, 1):
            if self._runs(at, i):
                copy = self._filled(at, i)
                if (rule := self._answer(copy, event, allows=False)) is not None:
                    yield Move("decide", event, at=NODES[i]), self._wrote(
                        at, i, self._applied(copy, rule))

    def _clash(self, at: Snapshot, i: int) -> bool:
        """Whether no pair inside the invariants is like the copy of a node, as far as it knows."""
        known = self._known(at.copies[i], i, heard=True)
        key = tuple(known.items())
        if key not in self._clashes:
            self._clashes[key] = not self.engine.completions(known)
        return self._clashes[key]

    # --------------------------------------------------------------------- the record

    def _by_record(self, at: Snapshot, i: int, event: str, *, allows: bool) -> Snapshot | None:
        """(With a record) the network after a node decided by its view and wrote."""
        copy = self._filled(at, i, truly=True)
        silently = not self._runs(at, i) or self._facts.of_world(event)  # nobody writes it
        if not silently and not at.current[i] and self.setting.mutant != "no_compare":
            return None
        if self._facts.by_node[event]:
            fits = self._possible(copy, event, allows=allows)
            rule = self._decided(at, i, event, allows=allows) if fits else None
        else:
            rule = self._answer(copy, event, allows=allows)
        if rule is None:
            return None
        after = self._applied(copy, rule)
        if silently and not self._runs(at, i) and self._facts.acts(after, i):
            return self._starts(at, i, event)
        return self._own(at, i, after) if silently else self._into_record(at, i, copy, after)

    def _starts(self, at: Snapshot, i: int, event: str) -> Snapshot | None:
        """The network after a manager started: it read the record, and wrote that it runs."""
        at = self._read(at, i)
        copy = self._filled(at, i, truly=True)
        rule = self._answer(copy, event, allows=False)
        return None if rule is None else self._into_record(
            at, i, copy, self._applied(copy, rule))

    def _possible(self, copy: _Copy, event: str, *, allows: bool) -> bool:
        ways = self._facts.ways(event, hidden=not allows)
        return ways is None or bool(self._free.among([self._free.at(copy)], ways))

    def _decided(self, at: Snapshot, i: int, event: str, *, allows: bool) -> Rule | None:
        """The rule that answers in every pair that a node cannot distinguish from the true one."""
        known = self._known(at.copies[i], i, heard=at.timely[i])
        key = tuple(known.items()), event, allows
        if key not in self._decisions:
            ways = self._facts.ways(event, hidden=not allows)
            found: set[tuple[str, ...]] = set()
            rule = None
            for pair in self.engine.completions(known):
                if ways is not None and not self.engine.among([pair], ways):
                    continue
                rules = [r for r in self._facts.rules[event] if self.engine.holds(r.when, pair)]
                rule = rules[0] if len(rules) == 1 else None
                after = self.engine.apply(pair, rule) if rule else pair
                found.add((rule.id if rule else "", *(after[c] for c in known)))
            fits = len(found) == 1 and rule is not None and rule.outcome is Outcome.DONE
            self._decisions[key] = rule if fits else None
        return self._decisions[key]

    def _into_record(self, at: Snapshot, i: int | None, before: _Copy, after: _Copy) -> Snapshot:
        """The network after a write; `i` is the node that wrote, None an administrator.

        Args:
            before: the pair as its writer took it.
            after: the pair as the rule leaves it.
        """
        record = self._shared(after)
        changed = record != at.record
        for n in (0, 1):
            if n == i or any(before[k] != after[k] for k in self._facts.own[n]):
                at = self._own(at, n, after)
        at = evolve(at, record=record)
        if not changed and i is not None and at.current[i]:
            return at
        if changed:
            at = evolve(at, current=(False, False))
        if i is not None:
            at = self._read(at, i)
        for n in (0, 1) if not self.setting.has("pause") else ():
            at = self._read(at, n) if not at.current[n] and self._runs(at, n) else at
        return at

    def _own(self, at: Snapshot, i: int, after: _Copy) -> Snapshot:
        """The network after a node's own columns have changed: what its peer heard is old."""
        copy = list(at.copies[i])
        for k in self._facts.own[i]:
            copy[k] = after[k]
        told = any(copy[k] != at.copies[i][k] for k in self._facts.told[i])
        before, at = at, _copy(at, i, tuple(copy))
        if at.permits != ((), ()) and self._runs(at, i) and not self._runs(before, i):
            at = evolve(at, permits=put(at.permits, i, ()))  # it starts without a permission
        if not told or self.setting.mutant == "old_epoch":
            return at
        if (slot := at.slots[i]) is not None:
            at = _slot(at, i, evolve(slot, timely=False))
        at = evolve(at, timely=put(at.timely, 1 - i, False))
        return _copy(at, 1 - i, self._forgot(at.copies[1 - i], i))

    def _read(self, at: Snapshot, i: int) -> Snapshot:
        """The network after a node has read the record."""
        at = _copy(at, i, self._with_shared(at.copies[i], at.record))
        current = put(at.current, i, True)
        older = "" if all(current) else NODES[1 - i]
        return self._took(evolve(at, current=current, older=older), i)

    def _took(self, at: Snapshot, i: int) -> Snapshot:
        """(Lease) the network after a node read the record: it lets go of what it lost."""
        if self.setting.arbiter != "cas+lease":
            return at
        kept = tuple(g for g in at.permits[i] if self._assigns(at.copies[i], i, g))
        if self.setting.mutant == "old_reading":
            kept = at.permits[i]
        return evolve(at, permits=put(at.permits, i, kept), claims=self._freed(at, i))

    def _freed(self, at: Snapshot, i: int) -> tuple[str, ...]:
        """The claims without those of a node to which the record no longer assigns the group."""
        newest = self._with_shared(at.copies[i], at.record)
        return tuple("" if claim == NODES[i] and not self._assigns(newest, i, group) else claim
                     for claim, group in zip(at.claims, self.groups, strict=True))

    def _expired(self, at: Snapshot, i: int) -> Snapshot:
        """(Lease) the network after an old reading is over."""
        permits = at.permits[i] if self.setting.mutant == "old_reading" else ()
        return evolve(at, permits=put(at.permits, i, permits), claims=self._freed(at, i))

    def _permitted(self, at: Snapshot, i: int) -> Snapshot:
        """(Lease) the network after a node begins to serve what nobody else can be serving."""
        claims, permits = list(at.claims), list(at.permits[i])
        for n, group in enumerate(self.groups):
            if claims[n] in ("", NODES[i]) and self._assigns(at.copies[i], i, group):
                claims[n] = NODES[i]
                permits += [] if group in permits else [group]
        kept = tuple(g for g in self.groups if g in permits)
        return evolve(at, permits=put(at.permits, i, kept), claims=tuple(claims))

    # --------------------------------------------------------------------- heartbeats

    def _sent(self, at: Snapshot, i: int) -> Message:
        """The heartbeat that a node sends now."""
        copy = at.copies[i]
        if self.setting.recorded:
            told = set(self._facts.told[i])
            return Message(tuple(v if k in told else "" for k, v in enumerate(copy)))
        return Message(copy, news=at.ahead[i], based=not at.ahead[1 - i])

    def _arrives(self, at: Snapshot, i: int, message: Message) -> Snapshot:
        """The network after a heartbeat of a node arrived at its peer."""
        j = 1 - i
        if not self._runs(at, j):
            return at
        copy = list(at.copies[j])
        fresh = message.timely if self.setting.recorded else not message.late
        if fresh:
            for k in self._facts.told[i]:
                copy[k] = message.copy[k]
        if self.setting.recorded:
            at = evolve(at, timely=put(at.timely, j, at.timely[j] or fresh))
        elif message.news:
            self._merges(copy, i, message)
            at = evolve(at, ahead=put(at.ahead, i, not message.newest))
        at = evolve(_copy(at, j, tuple(copy)), silent=put(at.silent, j, 0))
        event = self._facts.heard[j]
        heard = self._decides(at, j, event) if event and (fresh or not self.setting.recorded) else None
        return at if heard is None else heard

    def _merges(self, copy: list[str], i: int, message: Message) -> None:
        """Take over what is news in a heartbeat of a node, into the copy of its peer."""
        facts, j = self._facts, 1 - i
        for k in facts.shared:
            theirs = message.copy[k]
            if message.based or facts.half[k] == i:
                copy[k] = theirs
            elif facts.half[k] is None:
                domain = facts.domain[k]
                copy[k] = max(copy[k], theirs, key=domain.index)
        for k in facts.own[j] if message.based else ():
            if (copy[k], message.copy[k]) in facts.ordered[k]:
                copy[k] = message.copy[k]

    # -------------------------------------------------------------------- what is seen

    def serving(self, at: Snapshot) -> Mapping[str, tuple[str, ...]]:
        """For each group of users the nodes that serve it now."""
        if self.setting.arbiter == "cas+fence":
            return {group: tuple(holder.split(" after "))
                    for group, holder in zip(self.groups, at.holders, strict=True)}
        return {group: tuple(NODES[i] for i in (0, 1) if self._serves(at, i, group))
                for group in self.groups}

    def twice(self, at: Snapshot) -> tuple[str, ...]:
        """The groups of users that two nodes serve now."""
        return tuple(group for group, nodes in self.serving(at).items() if len(nodes) > 1)

    def pair(self, at: Snapshot) -> Mapping[str, str]:
        """The record, or the own half of each node; the nodes' own columns; cuts as the link.

        Without a record, shared columns of the group are those of node1.
        """
        return dict(self._free.at(self._true(at)))

    def shown(self, at: Snapshot) -> Display:
        """What each node shows of itself: its state and reason by its own copy, or by the record.

        None for a node whose manager does not run.
        """
        pair = self.pair(at)
        return Display(*(
            Shown(pair[f"{node}.state"], pair.get(f"{node}.reason")) if self._runs(at, i) else None
            for i, node in enumerate(NODES)))

    def _serves(self, at: Snapshot, i: int, group: str) -> bool:
        copy = at.copies[i]
        pair = self._free.at(copy)
        if not self._runs(at, i) or not self.engine.habits.able(pair, NODES[i]):
            return False  # A-CRASH: a node whose manager does not run serves nobody
        if self.setting.arbiter == "cas+lease":
            return group in at.permits[i]
        if self.setting.arbiter == "self-fence" and not self.engine.habits.hears(pair, NODES[i]):
            return False
        return self._assigns(copy, i, group)

    def _assigns(self, copy: _Copy, i: int, group: str) -> bool:
        cubes = self._facts.serves.get((NODES[i], group), ())
        return bool(self._free.among([self._free.at(copy)], cubes))

    def _runs(self, at: Snapshot, i: int) -> bool:
        return self._facts.acts(at.copies[i], i)

    # ------------------------------------------------------------------------- copies

    def _shared(self, values: _Copy) -> _Copy:
        return tuple(values[k] for k in self._facts.shared)

    def _with_shared(self, copy: _Copy, record: _Copy) -> _Copy:
        values = list(copy)
        for k, value in zip(self._facts.shared, record, strict=True):
            values[k] = value
        return tuple(values)

    def _blank(self, i: int, values: _Copy) -> _Copy:
        """A copy without what its node cannot know."""
        hidden = self._facts.hidden[i]
        return tuple(self._facts.domain[k][0] if k in hidden else v for k, v in enumerate(values))

    def _forgot(self, copy: _Copy, i: int) -> _Copy:
        """A copy without what its node heard of this one."""
        told = set(self._facts.told[i])
        return tuple(self._facts.domain[k][0] if k in told else v for k, v in enumerate(copy))

    def _known(self, copy: _Copy, i: int, *, heard: bool) -> dict[str, str]:
        """The columns that a node knows: the record, its own, and what it heard, if it hears."""
        facts, stored = self._facts, self.engine.stored
        known = {stored[k]: copy[k] for k in (*facts.shared, *facts.own[i])}
        if heard and self.engine.habits.hears(known, NODES[i]):
            known |= {stored[k]: copy[k] for k in facts.told[1 - i]}
        return known

    def _filled(self, at: Snapshot, i: int, *, truly: bool = False) -> _Copy:
        """A copy with the world as it is; `truly`: and with the true columns of the peer."""
        facts, values = self._facts, list(at.copies[i])
        for k in facts.own[1 - i]:
            if truly or k in facts.hidden[i]:
                values[k] = at.copies[1 - i][k]
        for k, (joined, cut) in facts.links.items():
            values[k] = cut if at.cuts[1 - i] else joined
        return tuple(values)

    def _true(self, at: Snapshot) -> _Copy:
        facts, values = self._facts, list(at.copies[0])
        for k in facts.own[1]:
            values[k] = at.copies[1][k]
        for k, value in zip(facts.shared, at.record, strict=False):
            values[k] = value
        if not self.setting.recorded:
            for k in facts.shared:
                values[k] = at.copies[facts.half[k] or 0][k]
        for k, (joined, cut) in facts.links.items():
            values[k] = cut if any(at.cuts) else joined
        return tuple(values)


def _starts(engine: Engine) -> Iterator[Pair]:
    """The pairs to begin with: after the start `normal`, if the machine has one."""
    normal = dict(engine.model.starts).get("normal")
    for pair in engine.initial:
        yield engine.run(pair, *normal).end if normal is not None else pair


def _copy(at: Snapshot, i: int, copy: _Copy) -> Snapshot:
    return evolve(at, copies=put(at.copies, i, copy))


def _slot(at: Snapshot, i: int, slot: Message | None) -> Snapshot:
    return evolve(at, slots=put(at.slots, i, slot))


def _holder(at: Snapshot, n: int, holder: str) -> Snapshot:
    return evolve(at, holders=tuple(holder if k == n else h for k, h in enumerate(at.holders)))

