"""Acting: which hook an agent runs for which order, with which facts, and what its failure means.

Law: no rule lives here, and no decision: an order, or the desired state, says what must be done.
Only one of `promote`, `demote`, `fence` and `role` runs at a time on a node. A hook whose order was
overtaken is killed, and so is one of an agent that stops: its order is carried out again later.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Lock

from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import ActionFailed, BadInput, PrgError, StaleEpoch, Unavailable
from prgcore.form.habits import Habits
from prgcore.running.group import Group
from prgcore.running.hooks import Facts, Hook, Hooks, Ran, role_of, run, tried
from prgcore.running.member import Member
from prgcore.seats import seat
from prgcore.stores.ports import Store
from prgcore.stores.record import Order, Record
from prgcore.wire.entry import Entry

__all__ = ["Acting", "facts_after", "hands_of"]

KEPT = 200
"""How many decisions an agent keeps in memory for its hooks."""

_log = logging.getLogger("prgcore")


def hands_of(engine: Engine, hooks: Hooks) -> frozenset[str]:
    """The deeds of a turn that end with a hook (`Charter.hands`).

    A machine that asks for `promote` and `demote` by themselves has none.
    """
    deeds = {action.does for action in engine.model.actions}
    parts = (("promote", "move", hooks.promote), ("demote", "disconnect", hooks.demote))
    return frozenset(deed for by_name, deed, hook in parts if hook is not None and by_name not in deeds)


def facts_after(facts: Facts, columns: Mapping[str, str], habits: Habits, entry: Entry | None) -> Facts:
    """The facts about a node after a decision; without an entry, its rule is not known."""
    users = tuple(group for group in habits.groups if habits.assigned(columns, group) == facts.node)
    facts = evolve(facts, state=columns.get(f"{facts.node}.state", ""), users=users,
                   reason=columns.get(f"{facts.node}.reason", ""))
    if entry is None:
        return facts
    return evolve(facts, event=entry.event, rule=entry.rule or "", why=entry.why, epoch=entry.epoch)


class Acting:
    """The hooks of a node. Threads may share it.

    Args:
        group: the group.
        member: the node.
        store: the store of the record, for the rule of a decision that the other node made.
        over: whether an order is no longer in the newest record that this agent has read.
        may: whether the permission of this node lasts: without one nothing becomes the primary.

    Attributes:
        hooks: the hooks; a reload changes them.
        ends: whether the agent stops.
    """

    def __init__(
        self, group: Group, member: Member, store: Store, over: Callable[[Order], bool],
        may: Callable[[], bool] = lambda: True,
    ) -> None:
        peer = group.nodes[seat("peer", member.seat)]
        self.member, self.hooks, self.habits = member, member.hooks, group.engine.habits
        self.facts = Facts(member.seat, peer.seat, member.name, peer.name, group.name)
        self._store, self._over, self._may = store, over, may
        self._fences = "fence" not in {action.does for action in group.engine.model.actions}
        self._entries: dict[int, Entry] = {}
        self._one, self._orders, self.ends = Lock(), 0, False

    # -------------------------------------------------------------------- decisions

    def knows(self, entries: Collection[Entry]) -> None:
        """Keep what this agent has decided, for the facts of its hooks."""
        for entry in entries:
            if entry.outcome == "done":
                self._entries[entry.epoch] = entry
        while len(self._entries) > KEPT:
            del self._entries[min(self._entries)]

    def entry(self, epoch: int) -> Entry | None:
        """The decision of an epoch, from memory or from the store; None: it cannot be known now."""
        if (found := self._entries.get(epoch)) is not None:
            return found
        with suppress(PrgError):
            for line in self._store.history(epoch - 1):
                with suppress(BadInput):
                    found = Entry.from_json(line)
                    return found if found.epoch == epoch else None
                return None
        return None

    def told(self, record: Record, order: Order, role: str = "") -> Facts:
        """The facts of an order."""
        facts = facts_after(self.facts, record.columns, self.habits, self.entry(order.epoch))
        return evolve(facts, epoch=order.epoch, action=order.do, role=role)

    def now(self, record: Record) -> Facts:
        """The facts about the newest decision."""
        facts = facts_after(self.facts, record.columns, self.habits, self.entry(record.epoch))
        return evolve(facts, epoch=record.epoch)

    # ----------------------------------------------------------------------- orders

    def promote(self, record: Record, order: Order) -> None:
        """Make the resource of this node the primary.

        Raises:
            ActionFailed: the hook failed as often as it may be tried.
            Unavailable: the agent stops, or the permission of this node is over.
            StaleEpoch: the order was overtaken meanwhile.
        """
        with self._ordered():
            self._carries("promote", self.told(record, order, "primary"), order)

    def demote(self, record: Record, order: Order) -> None:
        """Make it a replica; if that fails, and `self_fence` succeeds, it serves nobody either.

        Raises:
            ActionFailed, Unavailable, StaleEpoch: as `promote`.
        """
        facts = self.told(record, order, "replica")
        if facts.users:  # it lets some of its users go, and is still the primary of others
            facts = evolve(facts, role="primary")
        with self._ordered():
            try:
                self._carries("demote", facts, order)
            except ActionFailed as error:
                if self.hooks.self_fence is None:
                    raise
                _log.error("%s; self_fence is run", error)
                self._carries("self_fence", facts, order)

    def fence(self, record: Record, order: Order) -> None:
        """Keep the other node from writing; without a hook, nothing is done.

        Raises:
            ActionFailed, Unavailable, StaleEpoch: as `promote`.
        """
        with self._ordered():
            self._carries("fence", self.told(record, order), order)

    def takes_over(self, record: Record, order: Order) -> bool:
        """Whether an order is part of a take-over from a peer that is not heard.

        A machine that asks for `fence` by itself has no other.
        """
        node = self.member.seat
        return self._fences and bool(order.users) and not self.habits.hears(
            record.seen_by(node), node)

    @contextmanager
    def _ordered(self) -> Iterator[None]:
        """The time of an order: what runs without an order makes way."""
        self._orders += 1
        try:
            with self._one:
                yield
        finally:
            self._orders -= 1

    def _carries(self, name: str, facts: Facts, order: Order) -> None:
        hook: Hook | None = getattr(self.hooks, name)
        if hook is None:
            return
        def forbidden() -> bool:
            return name == "promote" and not self._may()

        if forbidden():
            raise Unavailable(f"{name}: this node has no permission now")
        ran = self._tried(hook, facts, lambda: self.ends or self._over(order) or forbidden())
        if ran.well:
            return
        if self.ends:
            raise Unavailable(f"{name}: the agent stops")
        if self._over(order):
            raise StaleEpoch(f"{name} was ended: a newer decision has overtaken it")
        if forbidden():
            raise Unavailable(f"{name} was ended: the permission of this node is over")
        raise ActionFailed(f"the hook {name} failed: {ran}")

    def _tried(self, hook: Hook, facts: Facts, ends: Callable[[], bool]) -> Ran:
        def failed(number: int, ran: Ran) -> None:
            if not ends():
                _log.warning("the hook %s failed (try %d of %d): %s", hook.name, number, hook.tries, ran)

        return tried(hook, facts, home=self.member.home, ends=ends, failed=failed,
                     mark=self.member.directory / f"{hook.name}.hook")

    # -------------------------------------------------------------- the desired state

    def role(self, facts: Facts | None = None) -> str:
        """What the resource is now, by the role probe: primary or replica; empty: not known."""
        hook = self.hooks.role
        if hook is None:
            return ""
        return role_of(run(hook, facts or self.facts, home=self.member.home,
                           ends=lambda: self.ends or self._orders > 0))

    def become(self, role: str, facts: Facts) -> bool:
        """Promote or demote the resource if its probe says another role; return whether it did.

        An order makes it stop at once, and so does the end of the permission of a primary; the next
        look shows the role.

        Args:
            role: primary or replica.
            facts: about the newest decision that this agent has read.

        Raises:
            ActionFailed: the role is not known, or the hook failed or is missing.
        """
        name = "promote" if role == "primary" else "demote"

        def gives_way() -> bool:
            return self.ends or self._orders > 0 or (name == "promote" and not self._may())

        with self._one:
            found = self.role(facts)
            if gives_way():
                return False
            if not found:
                raise ActionFailed("the hook role does not say primary or replica")
            if found == role:
                return False
            hook: Hook | None = getattr(self.hooks, name)
            if hook is None:
                raise ActionFailed(f"the resource is {found} and should be {role}, and the group "
                                   f"file has no hook {name}")
            ran = self._tried(hook, evolve(facts, role=role), gives_way)
            if not ran.well and not gives_way():
                raise ActionFailed(f"the hook {name} failed: {ran}")
        return ran.well
