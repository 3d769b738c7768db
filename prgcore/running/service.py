"""A service of a node, as its group file describes it: commands, a check, a restart policy.

Law: reading and checking only; nothing is started here (`prgcore.running.processes`), and nothing
is asked (`prgcore.running.checks`).

A service is a command that stays in the foreground, or one that starts a daemon and ends
(`pidfile`), or two commands that start and stop something elsewhere. Only a check can know whether
the last kind runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from attrs import field, frozen

from prgcore.errors import BadInput
from prgcore.running.addresses import Address, address, shown
from prgcore.running.fields import command, flag, number, only, table, text, whole

__all__ = [
    "CHECK_KEYS", "GUARD", "RESTART_KEYS", "SERVICE_KEYS", "Check", "Restart", "Service", "asked", "read",
    "read_check",
]

KINDS = ("command", "tcp", "http", "lease")
CHECK_KEYS = (*KINDS, "interval", "timeout", "rise", "fall")
RESTART_KEYS = ("tries", "pause", "longest")
SERVICE_KEYS = ("command", "start", "stop", "pidfile", "check", "restart", "start_timeout",
                "stop_timeout")

GUARD = "guard"
"""The name of the service that is the guard, of a node that has one."""

SHORTEST, LONGEST = 0.01, 3600.0
"""The shortest and the longest time of a check or a restart, in seconds."""


@frozen
class Check:
    """A question whose answer says whether something works. Exactly one of the first four is set.

    Attributes:
        command: works if this command exits with 0.
        tcp: works if this address accepts a connection.
        http: works if this URL answers with 2xx or 3xx.
        lease: works if the service answers at PRGCORE_SOCKET, where it receives its permissions.
        interval: seconds from the begin of one look to the begin of the next.
        timeout: after so many seconds a look has failed; at most the interval.
        rise: after so many good looks in a row it is up again.
        fall: after so many failed looks in a row it is down.
    """

    command: tuple[str, ...] = ()
    tcp: Address | None = None
    http: str = ""
    lease: bool = False
    interval: float = 1.0
    timeout: float = 1.0
    rise: int = 2
    fall: int = 3

    @property
    def bound(self) -> float:
        """After so many seconds at most a fault that lasts is seen.

        The last good look may begin just before the fault. The next `fall` looks fail, and the last
        of them may take its whole time-out.
        """
        return self.fall * self.interval + self.timeout

    @property
    def back(self) -> float:
        """After so many seconds at most a repair that lasts is seen."""
        return self.rise * self.interval + self.timeout

    def __str__(self) -> str:
        """The question, for people."""
        if self.command:
            return " ".join(self.command)[:80]
        return f"tcp {shown(self.tcp)}" if self.tcp else self.http or "the answer to its permission"


@frozen
class Restart:
    """How often an agent starts a service again that failed, before it is left to the machine.

    Attributes:
        tries: how many times; 0: never.
        pause: seconds before the first try. Each pause is twice as long as the one before.
        longest: the longest pause, in seconds. A service that works for so long has recovered: its
            tries begin anew.
    """

    tries: int = 0
    pause: float = 1.0
    longest: float = 30.0


@frozen
class Service:
    """A critical service of a node.

    Attributes:
        command: the process that is the service; with `pidfile`, the command that starts it.
        start: starts a service that runs elsewhere, and exits with 0.
        stop: stops the service; for a command, in place of SIGTERM.
        pidfile: the file in which a daemon keeps its process number, from the folder of the group
            file; empty: the command stays in the foreground.
        check: what to ask it; None: it works as long as it runs.
        restart: how often it is started again.
        start_timeout: seconds until it must have started, and answers its check; None: 2 s.
        stop_timeout: seconds from the request to stop until it is killed; None: 1 s.
    """

    command: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    stop: tuple[str, ...] = ()
    pidfile: str = ""
    check: Check | None = None
    restart: Restart = field(factory=Restart)
    start_timeout: float | None = None
    stop_timeout: float | None = None


def asked(services: Mapping[str, Service | tuple[str, ...]]) -> dict[str, Service]:
    """Services by name; one that is given as a mere command becomes a service."""
    return {name: one if isinstance(one, Service) else Service(tuple(one))
            for name, one in services.items()}


def read(found: object, at: str) -> Service:
    """The service that a group file describes at this place: a command, or a table.

    Raises:
        BadInput: something in it is wrong.
    """
    if not isinstance(found, dict):
        return Service(command(found, at))
    at += "."
    only(found, SERVICE_KEYS, at)
    service = Service(
        _command(found, "command", at), _command(found, "start", at), _command(found, "stop", at),
        text(found, "pidfile", at) if "pidfile" in found else "",
        read_check(table(found, "check", at), f"{at}check") if "check" in found else None,
        _restart(table(found, "restart", at), f"{at}restart."),
        _time(found, "start_timeout", at), _time(found, "stop_timeout", at))
    place = at.removesuffix(".")
    if bool(service.command) == bool(service.start):
        raise BadInput(f"{place}: expected either command, a process of this agent, or start and "
                       "stop, the commands for a service that runs elsewhere")
    if service.start and not service.stop:
        raise BadInput(f"{at}stop is missing: start has no process that could be stopped; write "
                       'the command that stops it, such as ["systemctl", "stop", "NAME"]')
    if service.start and service.check is None:
        raise BadInput(f"{at}check is missing: only a check can say whether a service runs that "
                       'start and stop control; write one, such as check = {tcp = "127.0.0.1:5432"}')
    if service.start and (service.pidfile or (service.check and service.check.lease)):
        raise BadInput(f"{place}: pidfile and a check of the lease need command: start and stop "
                       "control a service that runs elsewhere")
    return service


def read_check(found: object, at: str) -> Check:
    """The check that a group file describes at this place.

    Raises:
        BadInput: something in it is wrong.
    """
    if not isinstance(found, dict):
        raise BadInput(f"{at}: expected a table, not {found!r:.60}")
    at += "."
    only(found, CHECK_KEYS, at)
    kinds = [kind for kind in KINDS if kind in found]
    if len(kinds) != 1:
        raise BadInput(f"{at.removesuffix('.')}: expected exactly one of {', '.join(KINDS)}, not "
                       f"{' and '.join(kinds) or 'none of them'}")
    interval = number(found, "interval", at, 1.0, least=SHORTEST, most=LONGEST)
    timeout = number(found, "timeout", at, min(1.0, interval), least=SHORTEST, most=LONGEST)
    if timeout > interval:
        raise BadInput(f"{at}timeout: {timeout:g} s is longer than the interval, which is "
                       f"{interval:g} s; write interval = {timeout:g} or more")
    if "lease" in found and not flag(found, "lease", at):
        raise BadInput(f"{at}lease: write lease = true, or leave the check out")
    return Check(
        _command(found, "command", at), _tcp(found, at), _http(found, at), "lease" in found,
        interval, timeout, whole(found, "rise", at, 2, least=1, most=1000),
        whole(found, "fall", at, 3, least=1, most=1000))


def _restart(found: Mapping[str, Any], at: str) -> Restart:
    only(found, RESTART_KEYS, at)
    if found and "tries" not in found:
        raise BadInput(f"{at}tries is missing: how many times it is started again")
    pause = number(found, "pause", at, 1.0, least=SHORTEST, most=LONGEST)
    longest = number(found, "longest", at, max(30.0, pause), least=SHORTEST, most=LONGEST)
    if longest < pause:
        raise BadInput(f"{at}longest: {longest:g} s is shorter than the first pause, which is "
                       f"{pause:g} s")
    return Restart(whole(found, "tries", at, 0, most=1_000_000), pause, longest)


def _command(found: Mapping[str, Any], name: str, at: str) -> tuple[str, ...]:
    return command(found[name], at + name) if name in found else ()


def _time(found: Mapping[str, Any], name: str, at: str) -> float | None:
    return number(found, name, at, 0.0, least=SHORTEST, most=86_400) if name in found else None


def _tcp(found: Mapping[str, Any], at: str) -> Address | None:
    if "tcp" not in found:
        return None
    written = text(found, "tcp", at)
    if address(written, f"{at}tcp", 1) != address(written, f"{at}tcp", 2):
        raise BadInput(f"{at}tcp: {written[:60]!r} has no port; expected HOST:PORT, as 127.0.0.1:5432")
    return address(written, f"{at}tcp", 5432)


def _http(found: Mapping[str, Any], at: str) -> str:
    if "http" not in found:
        return ""
    written = text(found, "http", at)
    try:
        url = urlsplit(written)
        fits = url.scheme == "http" and url.hostname and (url.port or 80) and url.username is None \
            and written.isascii() and " " not in written
    except ValueError:
        fits = False
    if not fits:
        raise BadInput(f"{at}http: {written[:60]!r} is not such a URL; expected http://HOST:PORT/PATH; "
                       "for https, let a command ask")
    return written
