"""Clients: how long they wait before they log in again, dual connections, session counters.

Law: pure; a random generator is passed in. The cells of a serving node, the profiles, the
conditions and the counters are data (`prgcore.tables.clients`, `prgcore.tables.profiles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import reduce
from math import floor
from typing import Protocol, TypeAlias

from attrs import evolve, fields, frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.product.serving import check_columns, columns_of, counted, serving
from prgcore.seats import NODES, seat, seen_by
from prgcore.tables.agents import SERVES
from prgcore.tables.clients import (
    CONDITIONS,
    COUNTERS,
    HIGH_AVAILABILITY,
    OFFERED,
    SENT_HOME,
    TAKING_BACK,
)
from prgcore.tables.facts import Condition, LoginProfile
from prgcore.tables.profiles import ACTIVE_STANDBY, BALANCED, LOWER, PROFILES
from prgcore.timers.parameters import Parameters, Range

__all__ = [
    "Became", "Clients", "DualConnection", "Generator", "Installation", "Limits", "LogIn",
    "OpenInactive", "SessionEvent", "Sessions", "after", "begin", "counters", "dual_connection",
    "find_profile", "fold", "login_profile", "relogin_wait", "sessions_to_wait_for", "upper_limit",
    "users_that_count", "wait",
]


def _count(number: object, what: str, least: int = 0) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise BadInput(f"{what}: {number!r:.60} is not a number of users; expected {least} or more")


# -------------------------------------------------------------------- waiting to log in


class Generator(Protocol):
    """A source of random numbers between two others, as `random.Random` is."""

    def uniform(self, a: float, b: float, /) -> float: ...


def wait(parameters: Parameters) -> Range:
    """The least, mean and greatest wait, in seconds, that the parameters ask of the clients.

    Raises:
        BadInput: the lower limit is above the upper one.

    Source: "Configure Heartbeat Interval for Failover", step 5.
    """
    bounds = parameters.relogin_wait
    if bounds.least > bounds.most:
        raise BadInput(f"client_relogin_lower_limit: {bounds.least} s is above the upper limit of "
                       f"{bounds.most} s; lower the one or raise client_relogin_upper_limit")
    return bounds


def relogin_wait(generator: Generator, parameters: Parameters) -> float:
    """How long one client waits, in seconds: uniform between the limits.

    A client waits as long again, after its log-in, before it opens its inactive connection.

    Raises:
        BadInput: as `wait`.
    """
    bounds = wait(parameters)
    return generator.uniform(bounds.least, bounds.most)


# ---------------------------------------------------------------------- login profiles


@frozen
class Limits:
    """The limits to set on both nodes of a group.

    Attributes:
        lower, upper: the re-login limits, in seconds.
        users: the number of users that they are for.
        row: whether a printed row for that number is known. If not, the printed table may have a
            larger row and a larger upper limit.
    """

    lower: int
    upper: int
    users: int
    row: bool


def upper_limit(profile: LoginProfile, users: int) -> int:
    """The upper limit by the formula of the tables (D53): in whole seconds, rounded half up."""
    return floor(LOWER + Fraction(users) / Fraction(profile.rate) + Fraction(1, 2))


def _check_mode(mode: str) -> None:
    if mode not in (BALANCED, ACTIVE_STANDBY):
        raise BadInput(unknown_name("mode of a login profile", mode, (BALANCED, ACTIVE_STANDBY)))


def find_profile(server: int, mode: str) -> LoginProfile:
    """The profile of a server size and an assignment mode, `balanced` or `active_standby`.

    Raises:
        BadInput: no such size or mode.
    """
    sizes = sorted({p.server for p in PROFILES})
    if isinstance(server, bool) or server not in sizes:
        raise BadInput(f"no login profile for a server of {server!r:.40} users; sizes: "
                       f"{', '.join(map(str, sizes))}")
    _check_mode(mode)
    return next(p for p in PROFILES if (p.server, p.mode) == (server, mode))


def login_profile(server: int, mode: str, users: int) -> Limits:
    """The re-login limits for so many users on servers of a size.

    Args:
        server: how many users the server is sized for: 500 to 25,000.
        mode: `balanced` (printed active/active) or `active_standby`.
        users: the result of `users_that_count`. It is rounded up to the next printed row if the
            rows are known.

    Raises:
        BadInput: there is no such profile, or it is for fewer users.

    Source: the high-availability login profiles (D28, D29, D53).
    """
    profile = find_profile(server, mode)
    _count(users, "users", 1)
    if users > profile.most:
        raise BadInput(f"{users} users are too many for the profile {server} {mode}, which ends "
                       f"at {profile.most}; take a larger server")
    rows = profile.rows
    if rows and rows[0] < users <= rows[-1]:
        users = min(row for row in rows if row >= users)
    return Limits(LOWER, upper_limit(profile, users), users, users in (*rows, profile.most))


def users_that_count(mode: str, users: Iterable[int]) -> int:
    """The number of users to size for: the larger node's if balanced, else the sum of both (D29).

    Raises:
        BadInput: it is not a mode of a login profile, or not a number of users.
    """
    _check_mode(mode)
    numbers = tuple(users)
    for number in numbers:
        _count(number, "users")
    return max(numbers, default=0) if mode == BALANCED else sum(numbers)


# -------------------------------------------------------------------- dual connections


@frozen(kw_only=True)
class Installation:
    """The settings that dual connections depend on; the defaults allow them.

    Raises:
        BadInput: the release is not a whole number, or a flag is not True or False.
    """

    im_presence_release: int = 14
    cucm_release: int = 14
    jabber_release: int = 14
    expressway_release: int = 14
    remote_access: bool = False
    unrestricted: bool = False
    secure_mode: bool = True
    enabled_in_client: bool = True

    def __attrs_post_init__(self) -> None:
        for setting in fields(Installation):
            value = getattr(self, setting.name)
            if type(value) is not type(setting.default):
                expected = ("True or False" if isinstance(setting.default, bool)
                            else "the whole number of a release, such as 14")
                raise BadInput(f"{setting.name}: expected {expected}, not {value!r:.60}")


@frozen
class DualConnection:
    """The answer whether clients can hold a second connection: they can if no condition fails.

    Attributes:
        failed: the conditions that fail, each with its source.
    """

    failed: tuple[Condition, ...]

    @property
    def possible(self) -> bool:
        return not self.failed


def dual_connection(installation: Installation, pair: Mapping[str, str]) -> DualConnection:
    """Whether the clients of an installation can hold a second connection in this pair.

    Raises:
        BadInput: the pair is not a mapping, or does not say whether high availability is on.

    Source: "IM and Presence Failover Enhancement to Nearly Zero Downtime".
    """
    failed = tuple(c for c in CONDITIONS if not _met(c, installation))
    return DualConnection(failed if _offered(pair) else (*failed, HIGH_AVAILABILITY))


def _offered(pair: Mapping[str, str]) -> bool:
    """Whether the server offers a second connection."""
    check_columns(pair, columns_of([OFFERED]))
    return seen_by(OFFERED, pair, NODES[0])


def _met(condition: Condition, installation: Installation) -> bool:
    if condition.only_with and not getattr(installation, condition.only_with):
        return True
    value, needs = getattr(installation, condition.setting), condition.needs
    return bool(value is needs if isinstance(needs, bool) else value >= needs)


# ------------------------------------------------------------------------- the sessions


@frozen
class Clients:
    """The clients of the users of one node; each user has one client.

    Attributes:
        users: the number of users.
        at: the node that serves them, or None.
        active: how many have an active session, at that node.
        spare: the node that can hold inactive connections, or None.
        inactive: how many have an inactive connection, at that node.
    """

    users: int
    at: str | None = None
    active: int = 0
    spare: str | None = None
    inactive: int = 0

    @property
    def waiting(self) -> int:
        """How many have no active session."""
        return self.users - self.active


@frozen
class Sessions:
    """The sessions of a pair: the clients of the users of node 1, and of those of node 2.

    `[node]` raises BadInput if there is no such node.
    """

    node1: Clients
    node2: Clients

    def __getitem__(self, home: str) -> Clients:
        if home not in NODES:
            raise BadInput(unknown_name("node", home, NODES))
        return self.node1 if home == NODES[0] else self.node2


@frozen
class LogIn:
    """A number of users whose home is this node log in, at the node that serves them."""

    home: str
    number: int


@frozen
class OpenInactive:
    """A number of active clients of users of this home open their inactive connection."""

    home: str
    number: int


@frozen
class Became:
    """The machine made a decision: this is the pair now."""

    pair: Mapping[str, str]


SessionEvent: TypeAlias = LogIn | OpenInactive | Became


def begin(pair: Mapping[str, str], counts: Mapping[str, int]) -> Sessions:
    """The sessions in which every user is waiting.

    Args:
        pair: the pair to begin with.
        counts: how many users each node has at home, `{"node1": 900, "node2": 700}`.

    Raises:
        BadInput: `counts` does not say how many users each of the two nodes has, or the pair
            lacks a column.
        OutsideInvariant: as `serving`.
    """
    counted(counts)
    return after(Sessions(*(Clients(counts[node]) for node in NODES)), Became(pair))


def after(sessions: Sessions, event: SessionEvent) -> Sessions:
    """The sessions after one event (D54, D55).

    Raises:
        BadInput: the event counts more users than can do it; no node serves them or can hold
            their connections; there is no such node; the pair lacks a column; or it is not an
            event of sessions.
        OutsideInvariant: as `serving`.
    """
    match event:
        case LogIn(home, number):
            here = sessions[home]
            _most(number, here.waiting if here.at else 0, f"log-ins of users of {home}")
            return evolve(sessions, **{home: evolve(here, active=here.active + number)})
        case OpenInactive(home, number):
            here = sessions[home]
            room = here.active - here.inactive if here.at and here.spare else 0
            _most(number, room, f"inactive connections of users of {home}")
            return evolve(sessions, **{home: evolve(here, inactive=here.inactive + number)})
        case Became(pair):
            return Sessions(*(_follow(sessions[home], home, pair) for home in NODES))
        case _:
            raise BadInput(f"{event!r:.60} is not an event of sessions; expected LogIn, "
                           "OpenInactive or Became")


def fold(sessions: Sessions, events: Iterable[SessionEvent]) -> Sessions:
    """The sessions after several events.

    Raises:
        BadInput, OutsideInvariant: as `after`.
    """
    return reduce(after, events, sessions)


def _most(number: int, most: int, what: str) -> None:
    _count(number, what)
    if number > most:
        raise BadInput(f"{what}: {number} are too many; at most {most} are possible here")


def _follow(old: Clients, home: str, pair: Mapping[str, str]) -> Clients:
    """The clients in the next pair.

    If a failover moves the users to the node with their inactive connections, these become active.
    If that node fails, they are lost. A fallback disconnects everybody whom it moves (D54).
    """
    at, offered = serving(pair)[home].by, _offered(pair)
    spare = seat("peer", at) if at else old.spare
    if spare and not (offered and seen_by(SERVES, pair, spare)):
        spare = None
    if at == old.at:
        active, inactive = old.active, old.inactive
    elif at is None:
        active, inactive = 0, 0 if seen_by(TAKING_BACK, pair, home) else old.inactive
    else:
        sent_home = at == home and seen_by(SENT_HOME, pair, home)
        active, inactive = old.inactive if at == old.spare and not sent_home else 0, 0
    return Clients(old.users, at, active, spare, inactive if spare == old.spare else 0)


def counters(sessions: Sessions, node: str) -> dict[str, int]:
    """The values that the counters of a node show, by name (Table 3, D55).

    Raises:
        BadInput: no such node.
    """
    if node not in NODES:
        raise BadInput(unknown_name("node", node, NODES))
    groups = [sessions[home] for home in NODES]
    shown = {
        "active": sum(g.active for g in groups if g.at == node),
        "inactive": sum(g.inactive for g in groups if g.spare == node),
    }
    return {counter.name: shown[counter.counts] for counter in COUNTERS}


def sessions_to_wait_for(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    """How many sessions each node lacks before high availability may be enabled again.

    Args:
        before: for each node, the active sessions that were noted before it was disabled.
        now: for each node, its active sessions now. A node that is left out has none.

    Raises:
        BadInput: no node is given, a node is counted now and was not before, or a value is not a
            number of sessions.

    Source: changing addresses and host names of this product (another guide).
    """
    if not before:
        raise BadInput("no sessions were noted; give the count of every node before high "
                       "availability was disabled")
    for node, number in (*before.items(), *now.items()):
        if node not in before:
            raise BadInput(unknown_name("node", node, before))
        if isinstance(number, bool) or not isinstance(number, int) or number < 0:
            raise BadInput(f"{node}: {number!r:.60} is not a number of sessions; expected 0 or more")
    return {node: max(0, number - now.get(node, 0)) for node, number in before.items()}
