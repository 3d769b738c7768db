"""The health of a service: what a row of looks means, and when a failed service is tried again.

Law: pure. Looks and the time are arguments; nothing is asked, started or waited for here.
"""

from __future__ import annotations

from math import inf

from attrs import evolve, frozen

from prgcore.running.service import Check, Restart

__all__ = ["Failures", "Health", "due", "looked", "pause", "seen", "settled", "tried"]


@frozen
class Health:
    """The outcome of the looks of a check so far.

    Attributes:
        up: whether it works; None: it is not known yet.
        row: how many looks in a row say otherwise.
        why: why the last look failed; empty: it did not.
    """

    up: bool | None = None
    row: int = 0
    why: str = ""


def looked(health: Health, check: Check, *, well: bool, why: str = "") -> Health:
    """The health after a look.

    The first good look shows that it is up. After that, `fall` failed looks in a row show that it
    is down, and `rise` good ones that it is up again.
    """
    why = "" if well else why
    if health.up is well:
        return Health(well, 0, why)
    if well and health.up is None:
        return Health(up=True)
    row = health.row + 1
    if row >= (check.rise if well else check.fall):
        return Health(well, 0, why)
    return Health(health.up, row, why)


@frozen
class Failures:
    """The failures of one service, as far as they count.

    Attributes:
        made: how often it was started again since it last worked for long.
        since: since when it is down; None: it is up.
        up: since when it is up; None: it is down.
        due: when it may be started again.
    """

    made: int = 0
    since: float | None = None
    up: float | None = None
    due: float = inf


def pause(policy: Restart, made: int) -> float:
    """How long to wait before the next try, after so many."""
    return min(policy.pause * 2.0 ** min(made, 64), policy.longest)


def seen(failures: Failures, policy: Restart, *, up: bool, now: float) -> Failures:
    """The failures after it was seen up or down."""
    if not up:
        if failures.since is not None:
            return failures
        return Failures(failures.made, now, None, now + pause(policy, failures.made))
    since = now if failures.up is None else failures.up
    made = 0 if now - since >= policy.longest else failures.made
    return Failures(made, None, since)


def due(failures: Failures, policy: Restart, within: float, now: float) -> bool:
    """Whether a service that is down should be started again now.

    Args:
        within: how many seconds after its failure the tries end: the machine has decided then.
    """
    return failures.since is not None and failures.made < policy.tries \
        and failures.due <= now <= failures.since + within


def tried(failures: Failures, policy: Restart, now: float) -> Failures:
    """The failures after it was started again, with or without success."""
    made = failures.made + 1
    return evolve(failures, made=made, due=now + pause(policy, made))


def settled(failures: Failures, policy: Restart, now: float) -> bool:
    """Whether a service that was started again has been up for long enough to be shown up.

    It must outlast the next pause. So a service that crashes again and again does not begin the
    critical service delay anew each time.
    """
    return not failures.made or (
        failures.up is not None and now - failures.up >= pause(policy, failures.made))
