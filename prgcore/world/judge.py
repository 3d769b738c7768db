"""The judge of a simulated world: what must never happen, looked at whenever it could.

Law: physical truth. Users are served where services run and have a permission, whatever agents
believe. Decisions are made where the store keeps them. The judge asks no agent anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field

from prgcore.engine import Decision, Engine
from prgcore.errors import ImpossibleEvent, PrgError
from prgcore.form.wishes import STOPPED, UP, wished
from prgcore.running.node import decide
from prgcore.running.shapes import Answer, Write
from prgcore.stores.record import Record
from prgcore.vocabulary import Outcome
from prgcore.wire.entry import Entry
from prgcore.world.refinement import refuted

if TYPE_CHECKING:
    from prgcore.world.hosts import Host
    from prgcore.world.stores import Store
    from prgcore.world.world import World

__all__ = ["Judge", "Wrong"]


class Wrong(Exception):
    """Something has happened in a world that never may.

    Attributes:
        what: what it is, in a word: `twice`, `fence`, `strange`, `refines`, `epochs`, `table`,
            `lost`, `again`, `silence`, `spins`, `dies`, `loses`, `late`, or `astray`.
        says: one sentence.
        at: the moment, in seconds of the world.
    """

    def __init__(self, what: str, says: str, at: float) -> None:
        super().__init__(f"{what}: {says}, at {at:.4f} s")
        self.what, self.says, self.at = what, says, at

    def __reduce__(self) -> tuple[type[Wrong], tuple[str, str, float]]:
        return Wrong, (self.what, self.says, self.at)


MENDED = 12.0
"""How many seconds a node that is well may need to mend its services: a start waits most (T10), and
services that died are left alone for a while."""

_Asked = dict[tuple[Engine, str, tuple[tuple[str, str], ...]], "Decision | PrgError"]
_asked: _Asked = {}
"""The answers of the table to views and events; they are the same every time."""


@define(slots=True)
class Judge:
    """The memory of a judge of one world.

    Attributes:
        words: the words of the decisions that are in the store.
        tokens: for each group, the node that served it last, and its token.
        decisions: how many decisions were made.
        astray: for each node whose services are not as desired, since when, and what is desired.
        steps: what has happened, for judges that write it down (`prgcore.world.seeking`).
    """

    words: set[str] = field(factory=set)
    tokens: dict[str, tuple[str, int]] = field(factory=dict)
    decisions: int = 0
    astray: dict[str, tuple[float, object]] = field(factory=dict)
    steps: list[str] = field(factory=list)

    def copy(self) -> Judge:
        """The same judge, for another future."""
        return Judge(self.words.copy(), self.tokens.copy(), self.decisions, self.astray.copy())

    def arrives(self, world: World, node: str) -> None:
        """Note that a heartbeat changes what the peer of a node has of the record."""

    # --------------------------------------------------------------------- services

    def desired(self, world: World, record: Record) -> None:
        """Look whether services are as the record desires; call it now and then.

        A node has some time to mend what differs while it is well and has no order.

        Raises:
            Wrong: they are not, and stay so.
        """
        for node, host in world.hosts.items():
            wish = wished(world.setting.engine.habits, record.seen_by(node), node).services
            path, services = world.paths[node], host.services
            well = (host.agent is not None and not host.agent.asleep and host.on and not host.asleep
                    and not (path.refuses or path.hangs or path.slow or path.writes or path.wrong)
                    and host.store == "main" and not record.orders_of(node))
            right = wish in ("", UP if services.up else STOPPED) or services.fails
            known = wish, services.up, host.runs
            if right or not well or self.astray.get(node, (0.0, known))[1] != known:
                self.astray.pop(node, None)
            if not right and well:
                since, _ = self.astray.setdefault(node, (world.now, known))
                if world.now > since + MENDED:
                    raise Wrong("astray", f"the services of {node} should be {wish}, and are not, "
                                f"since {since - world.zero:.2f} s", world.now)

    # ------------------------------------------------------------------------ users

    def served(self, world: World) -> None:
        """Look whom the services serve now; call it whenever somebody may begin to.

        Raises:
            Wrong: a group is served twice, or by a token that is older than another one.
        """
        now = world.now
        for home in world.setting.engine.habits.groups:
            by = [h for h in world.hosts.values() if h.serves(home, now, world.late)]
            if len(by) > 1:
                raise Wrong("twice", f"users of {home} are served by both nodes", now)
            if by:
                token = by[0].services.groups[home]
                node, last = self.tokens.get(home, ("", -1))
                if token < last or (token == last and node != by[0].node):
                    raise Wrong("fence", f"{by[0].node} serves users of {home} by token {token}, "
                                f"and {node} has served them by {last}", now)
                self.tokens[home] = by[0].node, token

    # -------------------------------------------------------------------- decisions

    def decides(self, world: World, host: Host, entry: Entry) -> None:
        """Look at a decision that an agent is about to write.

        Raises:
            Wrong: it takes its own stall for the silence of its peer.
        """
        if not entry.event.startswith("heartbeat_lost(") or host.agent is None:
            return
        timeout = world.setting.parameters.keep_alive_timeout * (1 - 2 * world.setting.drift)
        if world.now < host.agent.heard + timeout:
            raise Wrong("silence", f"{host.node} decides {entry.event} "
                        f"{world.now - host.agent.heard:.2f} s after a heartbeat came", world.now)

    def written(
        self, world: World, node: str, store: Store, before: Record | None, write: Write
    ) -> None:
        """Look at a write that was done.

        Raises:
            Wrong: it is in the wrong store, takes no step of the machine, or skips an epoch.
        """
        now, entry, after = world.now, write.entry, write.record
        if store.name != "main":
            raise Wrong("strange", f"{node} writes into a store that is not its own", now)
        if before is None:
            return
        if why := refuted(world.setting.engine, before, write):
            raise Wrong("refines", f"{node} takes a step that the machine does not have (D3): "
                        f"{entry.event if entry else 'no event'}: {why}", now)
        if entry is None:
            if after.epoch != before.epoch:
                raise Wrong("epochs", f"{node} raises the epoch without a decision", now)
            return
        if write.id in self.words:
            raise Wrong("again", f"{node} makes one decision twice: {entry.event}", now)
        self.words.add(write.id)
        self.decisions += 1
        if not (before.epoch + 1 == after.epoch == entry.epoch == len(store.history)):
            raise Wrong("epochs", f"{node} decides {entry.event} of epoch {entry.epoch} after "
                        f"{before.epoch}", now)

    def decided(self, world: World, node: str, entry: Entry) -> None:
        """Look at a line of the log of an agent.

        Raises:
            Wrong: the table says something else, or the store does not have the decision.
        """
        answer = answered(world.setting.engine, entry.before, entry.event)
        if isinstance(answer, PrgError):
            raise Wrong("table", f"{node} decides {entry.event}: {answer}", world.now)
        if (entry.outcome, entry.rule, entry.actions) != (
                answer.outcome.value, answer.rule.id if answer.rule else None, answer.actions):
            raise Wrong("table", f"{node} decides {entry.event} by {entry.rule}", world.now)
        if any(answer.pair[c] != v for c, v in entry.after.items()):
            raise Wrong("table", f"{node} decides {entry.event} with another outcome", world.now)
        if entry.outcome == Outcome.DONE.value:
            self.kept(world, node, entry)

    def answered(self, world: World, node: str, answer: Answer) -> None:
        """Look at the answer that a user gets.

        Raises:
            Wrong: it says that something was decided, and the store does not have it.
        """
        if answer.entry is not None and answer.entry.outcome == Outcome.DONE.value:
            self.kept(world, node, answer.entry)

    def kept(self, world: World, node: str, entry: Entry) -> None:
        """Look whether the store has a decision that an agent says it has made.

        Raises:
            Wrong: it does not.
        """
        history = world.stores["main"].history
        if len(history) < entry.epoch or history[entry.epoch - 1][1] != entry:
            raise Wrong("lost", f"{node} says that it decided {entry.event} at epoch "
                        f"{entry.epoch}, and the store does not have that", world.now)


def answered(engine: Engine, before: Mapping[str, str], event: str) -> Any:
    """What the table answers to a view and an event: a decision, or an error."""
    key = engine, event, tuple(before.items())
    found = _asked.get(key)
    if found is None:
        try:
            found = decide(engine, before, event)
        except (ImpossibleEvent, PrgError) as error:
            found = error
        if len(_asked) > 1 << 16:
            _asked.clear()
        _asked[key] = found
    return found
