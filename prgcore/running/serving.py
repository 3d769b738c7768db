"""Serving: the groups that the services of a node may serve, and for how long.

Law: pure. The record has the assignment and the claim of each group. The services may serve a group
if their node has both, until the lease is over, which began before the reading. The node takes a
group over when the other node reports that it stopped, or after the wait (T10).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf

from attrs import evolve, field, frozen

from prgcore.form.habits import Habits
from prgcore.running.lease import Lease
from prgcore.running.shapes import Granted, Obeyed, Serve
from prgcore.running.terms import joined
from prgcore.seats import NODES
from prgcore.stores.record import Claim, Record, let_go, served, taken
from prgcore.timers.arithmetic import serves_from, serves_until

__all__ = [
    "AGAIN", "Serving", "claimed", "moved", "obeyed", "permission", "revocation", "sent",
    "stopped", "waits",
]

AGAIN = 0.05
"""How many seconds pass until services that did not obey are asked again."""
GRAIN = 1e-3
"""By how many seconds a revocation ends later than the permission that it revokes."""


@frozen
class Serving:
    """The knowledge of a node about the services that it permits to serve.

    Attributes:
        starts: before this moment nobody is served, so that an earlier agent can stop.
        permitted: the latest end of a lease under which anybody may be served.
        earlier: the same, of permissions that follow from earlier epochs than the newest.
        ends: the latest end of a permission of somebody that was sent.
        sent: the newest permission that was sent; None: none yet.
        epoch: the epoch of the record that it follows.
        again: when to send it again.
        obeys: the epoch of the newest permission that the services obey; -1: none yet.
        granted: the newest answer of the arbiter.
        freed: for each claim that the record took from its node, when that was first read.
        served: for each group, the token of its newest permission.
    """

    starts: float = 0.0
    permitted: float = 0.0
    earlier: float = inf
    ends: float = -inf
    sent: Serve | None = None
    epoch: int = -1
    again: float = 0.0
    obeys: int = -1
    granted: Granted | None = None
    freed: Mapping[tuple[str, Claim], float] = field(factory=dict)
    served: Mapping[str, int] = field(factory=dict)

    def lasts(self, now: float) -> bool:
        """Whether the newest permission is one of somebody, and is not over."""
        return self.sent is not None and self.sent.somebody and now < self.sent.until


def permission(
    record: Record, node: str, habits: Habits, lease: Lease, begun: float, *, may: bool,
) -> Serve:
    """The permission that follows from a reading which began at this moment.

    The users of another home are served only if its node has ever had a seat in this record: else
    it may be serving them by another record. Users without a home wait until both nodes had one.

    Args:
        may: whether the node may serve at all.
    """
    groups = served(record, node, habits) if may else {}
    return Serve({home: token for home, token in groups.items()
                  if home == node or _joined(record, home)}, begun + lease.lasts)


def _joined(record: Record, home: str) -> bool:
    return all(joined(record, node) for node in ((home,) if home in NODES else NODES))


def revocation(serving: Serving, serve: Serve) -> Serve:
    """A permission of nobody that services cannot take for older than what it revokes."""
    last = serving.sent
    least = serve.until if last is None else last.until
    return evolve(serve, until=max(serve.until, least, serving.ends + GRAIN))


def sent(serving: Serving, serve: Serve, epoch: int, now: float) -> Serving:
    """The same after a permission was sent. Whether it arrives is not known.

    One that does not end after all before it follows from no newer epoch: services that obey it may
    still take an earlier one for newer.
    """
    if serve.somebody and serve.until <= serving.ends:
        epoch = serving.epoch
    until = max(serving.permitted, serve.until) if serve.somebody else serving.permitted
    earlier = serving.earlier if epoch == serving.epoch else serving.permitted
    ends = max(serving.ends, serve.until) if serve.somebody else serving.ends
    return evolve(serving, sent=serve, epoch=epoch, again=now, permitted=until, earlier=earlier,
                  ends=ends, served=serving.served if serving.served.items() >= serve.groups.items()
                  else {**serving.served, **serve.groups})


def stopped(serving: Serving, lease: Lease, now: float) -> bool:
    """Whether every lease under which anybody may be served is over."""
    return bool(now > serves_until(serving.permitted, 0, lease.pause, lease.stopping))


def obeyed(serving: Serving, answer: Obeyed, now: float) -> Serving:
    """The same after an answer of the services; only that to the newest permission counts."""
    if answer.serve != serving.sent:
        return serving
    if not answer.yes:
        return evolve(serving, again=now + AGAIN)
    return evolve(serving, obeys=max(serving.obeys, serving.epoch), again=inf)


def claimed(
    serving: Serving, record: Record, node: str, habits: Habits, lease: Lease, now: float, *,
    lets_go: bool = True, keeps: Collection[str] = (),
) -> tuple[Serving, Record]:
    """The knowledge of claims after a reading, and the record with the claims that follow.

    The node lets go of a group that it lost once its services obey. It takes a group that it got
    once the other node let go, or could not be serving any more.
    """
    after = record
    if lets_go and (serving.obeys >= record.epoch or stopped(serving, lease, now)):
        after = let_go(after, node, habits, keeps)
    freed = {(home, claim): serving.freed.get((home, claim), now)
             for home, claim in record.claims.items() if claim.freed}

    def waited(home: str, claim: Claim) -> bool:
        since = freed.get((home, claim))
        return since is not None and now >= serves_from(since, lease.waits)

    return evolve(serving, freed=freed), taken(after, node, habits, waited, keeps)


def moved(record: Record, node: str, habits: Habits) -> bool:
    """Whether no other node can be serving the users that are assigned to this node."""
    return all(claim.node in (node, "") for home, claim in record.claims.items()
               if habits.assigned(record.columns, home) in (node, ""))


def waits(serving: Serving, record: Record, lease: Lease) -> list[float]:
    """The moments at which a claim can be taken, or a lease is over."""
    moments = [serves_from(since, lease.waits) for (home, claim), since in serving.freed.items()
               if record.claims.get(home) == claim]
    if serving.obeys < serving.epoch:
        moments.append(serves_until(serving.permitted, 0, lease.pause, lease.stopping))
    return moments
