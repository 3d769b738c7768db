"""The shapes between an agent and its pump: what an agent learns, and what it wants done.

Law: frozen values; nothing here decides, waits or reads a clock. `prgcore.running.turn` makes a
`Turn` of an agent's state, what was `Seen`, and the time. A pump does what the turn asks for and
reports the outcome as the next `Seen`: an event loop, a thread, or a simulated world.

A pump keeps five lanes, each with at most one call under way: writes, readings, the services, the
hands that carry out an order, and the arbiter. While a lane is busy, the pump leaves what a turn
asks of it: a later turn asks again for all that is still wanted. While a write hangs, a node goes on
reading, so that it serves and looks alive; a reading that began before the write was known to be
done counts for nothing. All times are seconds of one clock of this computer that never steps back.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

from attrs import field, frozen

from prgcore.errors import PrgError
from prgcore.running.desired import Desired
from prgcore.stores.record import Order, Record
from prgcore.wire.entry import Entry

__all__ = [
    "Answer", "Arrival", "Ask", "Did", "Granted", "Heard", "Memory", "Obeyed", "Reading", "Seen",
    "Serve", "Turn", "Write", "Wrote",
]

# ------------------------------------------------------------------------- what is seen


@frozen
class Reading:
    """An answer of the store.

    Attributes:
        record: the record; None: the store is empty.
        version: the version of the value, 0 if the store is empty.
        begun: a moment before the call began. A lease counts from it.
    """

    record: Record | None
    version: int
    begun: float


@frozen
class Heard:
    """The content of a heartbeat.

    Attributes:
        columns: the columns that its sender observes.
        changes: how often the drawer of its sender had changed.
        record: the id of its sender's record; empty: not known.
        epoch: the epoch of its sender's newest reading.
        mark: the mark of that reading: which decision was the last.
        terms: the key of its sender's terms; empty: not known.
    """

    columns: Mapping[str, str]
    changes: int
    record: str = ""
    epoch: int = 0
    mark: str = ""
    terms: str = ""


@frozen
class Arrival:
    """A heartbeat: the node that hears its peer, when it came, and its content if it has one."""

    node: str
    at: float
    heard: Heard | None = None


@frozen
class Ask:
    """An event to decide: a command, a fault, a repair, a completion.

    Attributes:
        key: names the question; its `Answer` has the same key.
        event: an event of the machine.
        also: (agents only) columns that the asker knows beside the agent's view.
        changes: for nodes whose columns are in `also`, the count of changes with which they
            were read. If the record has another count, the answer is `Undecided`.
        until: after this moment nobody waits for an answer, and it is not decided.
    """

    key: str
    event: str
    also: Mapping[str, str] = field(factory=dict)
    changes: Mapping[str, int] = field(factory=dict)
    until: float = inf


@frozen
class Wrote:
    """The outcome of a write.

    Attributes:
        outcome: `done`; `conflict`; `refused`: the store cannot keep it; or `unknown`: it may be
            done, or may still happen.
        begun: a moment before the call began.
        version: the new version; 0: it is not known, so the store must be read.
        why: why it is refused, or not known.
    """

    outcome: str
    begun: float
    version: int = 0
    why: str = ""


@frozen
class Did:
    """The outcome of an order: `done`, `failed`, or `later`: it cannot be carried out now."""

    order: Order
    outcome: str = "done"
    why: str = ""


@frozen
class Serve:
    """A permission for the services of a node, until a moment.

    Attributes:
        groups: for each group of users, by its home node, its token. Nobody else is served.
        until: the end of the lease, by the clock of the turn.
        promotes: whether the resource may become the primary: its users are served once it is.
    """

    groups: Mapping[str, int]
    until: float
    promotes: bool = False

    @property
    def somebody(self) -> bool:
        """Whether anything may be served by it, by a primary whose users still wait too."""
        return bool(self.groups) or self.promotes


@frozen
class Obeyed:
    """Whether the services obey a permission. A service that does not answer may not obey."""

    serve: Serve
    yes: bool


@frozen
class Granted:
    """Whether the arbiter gives this node the take-over grant; and a moment before the call."""

    yes: bool
    begun: float


@frozen
class Seen:
    """All that came since the last turn. An empty one says that time has passed.

    Attributes:
        wall: seconds since 1970, for entries.
        reading: an answer of the store to `Turn.read`.
        unread: why the store did not answer; empty: it did, or was not asked.
        wrote: the outcome of `Turn.write`.
        arrivals: heartbeats, in the order of their arrival.
        host_lost: the node whose peer's host is known to be down; empty: none.
        asks: events to decide, in order.
        did: the outcome of `Turn.do`.
        obeyed: the outcome of `Turn.serve`.
        granted: the answer of the arbiter to `Turn.hold`.
        services: whether the critical services run, by `services` and `database`; None: the
            pump has not looked.
        stop: whether the agent is asked to stop.
    """

    wall: float = 0.0
    reading: Reading | None = None
    unread: str = ""
    wrote: Wrote | None = None
    arrivals: tuple[Arrival, ...] = ()
    host_lost: str = ""
    asks: tuple[Ask, ...] = ()
    did: Did | None = None
    obeyed: Obeyed | None = None
    granted: Granted | None = None
    services: Mapping[str, bool] | None = None
    stop: bool = False


# --------------------------------------------------------------------- what is wanted


@frozen
class Write:
    """A record to write.

    Attributes:
        record: the new record.
        version: the version of the value that it replaces.
        entry: the line of the history; None: nothing is decided.
        id: a word that no other line of the history has.
        again: whether it was tried before with an unknown outcome, so that it must be settled
            (`prgcore.stores.keeping.settle`).
    """

    record: Record
    version: int
    entry: Entry | None = None
    id: str = ""
    again: bool = False


@frozen
class Answer:
    """The answer to an `Ask`: an entry of the log, or an error."""

    key: str
    entry: Entry | None = None
    error: PrgError | None = None


@frozen
class Memory:
    """The memory of an agent about its record, in its own directory, across restarts.

    Attributes:
        record: the id of the record; empty: it has never seen one.
        epoch: the highest epoch that it has read.
        mark: the mark of that reading.
        token: the highest token that it has read.
        run: the start of the agent (`Charter.run`) that came to know this record.
        before: the id of the record that it knew before this one; empty: none.
    """

    record: str = ""
    epoch: int = 0
    mark: str = ""
    token: int = 0
    run: str = ""
    before: str = ""


@frozen
class Turn:
    """The wishes of an agent.

    Attributes:
        write: first, before anything else: replace the record.
        read: whether to read the store.
        serve: a permission for the services.
        do: an order to carry out.
        send: a heartbeat to send now.
        hold: the epoch at which to obtain or keep the take-over grant; None: neither.
        remember: what to keep in the agent's directory.
        wake: the moment of the next turn if nothing arrives.
        entries: lines for the log: what was decided since the last turn, or was refused.
        answers: the answers to questions.
        says: remarks for people, each once.
        trouble: why this agent decides nothing or serves nobody; empty: it does.
        stopped: whether an agent that was asked to stop has done all that it had to.
        quiet: a heartbeat with this content may wait until `wake`: it keeps its time. So may the
            answer of services that obey. None: nothing may wait.
        ahead: if nothing comes until `wake`, the store is read first, and the turn waits for that,
            but no longer than so many seconds. 0: it does not wait.
        desired: (agents only) what the record wants of this node, in every turn. None: it knows no
            record by which it may act, or its start is not decided yet.
        tends: the parts to mend now if they are not as desired: `services`, `role`. None while an
            order is about them, or a decision is being written.
    """

    write: Write | None = None
    read: bool = False
    serve: Serve | None = None
    do: Order | None = None
    send: Heard | None = None
    hold: int | None = None
    remember: Memory | None = None
    wake: float = 0.0
    entries: tuple[Entry, ...] = ()
    answers: tuple[Answer, ...] = ()
    says: tuple[str, ...] = ()
    trouble: str = ""
    stopped: bool = False
    quiet: Heard | None = None
    ahead: float = 0.0
    desired: Desired | None = None
    tends: tuple[str, ...] = ()
