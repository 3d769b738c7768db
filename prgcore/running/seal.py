"""Seals of lines: who sent a line, to whom, in which conversation, and that it comes once.

Law: pure; bytes in, bytes out, or BadInput. Chance comes in as an argument, and time too. A sealed
line is `NUMBER CODE TEXT`. The code is an HMAC-SHA256 under a key of this conversation and direction
alone, so a line from elsewhere fits nowhere. The number rises, so no line fits twice.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from attrs import define, field

from prgcore.errors import BadInput
from prgcore.wire.jsontext import parse_json

__all__ = ["CHALLENGE", "OPEN", "Challenger", "Line", "Sealer", "challenge_line", "challenge_of", "key_for"]

CHALLENGE = 16
"""How many random bytes a challenge has."""

OPEN = 16
"""How many challenges of one connection may be unanswered."""

SHARE = 4
"""How many challenges a receiver sends within the time for which one is fresh, or fewer."""

_LINE = re.compile(rb"(0|[1-9][0-9]{0,18}) ([0-9a-f]{64}) (.*)", re.DOTALL)
_CHALLENGE = re.compile(r"[0-9a-f]{32}", re.ASCII)


def key_for(secret: bytes, *parts: str | bytes) -> bytes:
    """The key of one direction of a conversation: of what, between whom, and by which challenges."""
    said = b"".join(
        len(part).to_bytes(4, "big") + part
        for part in (p.encode() if isinstance(p, str) else p for p in ("prgcore sealed 1", *parts)))
    return hmac.digest(secret, said, sha256)


def challenge_line(challenge: bytes, name: str = "challenge") -> bytes:
    """The line by which a challenge is sent.

    Args:
        name: `hello` for that of a client, `again` if what came last was too late.
    """
    return json.dumps({name: challenge.hex()}).encode() + b"\n"


def challenge_of(line: bytes, name: str = "challenge") -> bytes | None:
    """The challenge of such a line; None if it is another line."""
    try:
        found = parse_json(line.decode(), "a challenge") if len(line) < 200 else None
    except (UnicodeDecodeError, BadInput):
        return None
    said: Any = found.get(name) if isinstance(found, dict) and len(found) == 1 else None
    return bytes.fromhex(said) if isinstance(said, str) and _CHALLENGE.fullmatch(said) else None


def _code(key: bytes, number: int, text: bytes) -> bytes:
    return hmac.digest(key, b"%d " % number + text, sha256).hex().encode()


@define
class Line:
    """One direction of a conversation: seals lines in order, or opens them in order.

    Attributes:
        number: that of the last line.
    """

    key: bytes = field(repr=False)
    number: int = 0

    def seals(self, text: bytes) -> bytes:
        """The next line, sealed."""
        self.number += 1
        return b"%d %s %s\n" % (self.number, _code(self.key, self.number, text), text)

    def opens(self, line: bytes) -> bytes:
        """The text of a sealed line.

        Raises:
            BadInput: it is not sealed with this key, or not newer than the last line.
        """
        number, code, text = _parts(line)
        if not hmac.compare_digest(code, _code(self.key, number, text)):
            raise BadInput("a line is sealed with another key, or was changed on its way")
        self.number = _newer(number, self.number)
        return text


def _parts(line: bytes) -> tuple[int, bytes, bytes]:
    found = _LINE.fullmatch(line.removesuffix(b"\n"))
    if found is None:
        raise BadInput("a line is not sealed, and this group has a key")
    return int(found[1]), found[2], found[3]


def _newer(number: int, last: int) -> int:
    if number <= last:
        raise BadInput("a sealed line came again, or after a later one")
    return number


@define
class Challenger:
    """The receiver of a conversation that goes one way, such as heartbeats.

    It sends challenges, and each line is sealed under one of them. So a line was made after its
    challenge was sent: one that was held on its way for too long counts for nothing.

    Args:
        key: makes a key of a challenge.
        chance: makes a new challenge.
    """

    key: Callable[[bytes], bytes] = field(repr=False)
    chance: Callable[[], bytes]
    _open: list[tuple[bytes, float]] = field(factory=list, repr=False)
    _number: int = 0

    def challenge(self, now: float, name: str = "challenge") -> bytes:
        """A new challenge, as a line; `again` asks the sender for its last line once more."""
        made = self.chance()
        self._open.append((self.key(made), now))
        return challenge_line(made, name)

    def next(self, now: float, fresh: float, *, late: bool) -> bytes:
        """The challenge to send after a line; empty: none is due.

        Args:
            late: whether the line was made under a challenge that is not fresh any more.
        """
        if len(self._open) < OPEN and now > self._open[-1][1] + fresh / SHARE:
            return self.challenge(now, "again" if late else "challenge")
        return b""

    def opens(self, line: bytes, now: float, fresh: float) -> bytes | None:
        """The text of a sealed line; None: it was made under a challenge that is not fresh any more.

        Args:
            now: seconds of a clock.
            fresh: for how many seconds a challenge is fresh.

        Raises:
            BadInput: it is not sealed with this key, or not newer than the last line.
        """
        number, code, text = _parts(line)
        for place in reversed(range(len(self._open))):
            key, sent = self._open[place]
            if hmac.compare_digest(code, _code(key, number, text)):
                break
        else:
            raise BadInput("a line is sealed with another key, or was changed on its way")
        self._number = _newer(number, self._number)
        del self._open[:place]  # its sender has seen this one, and will answer none before it
        return text if now <= sent + fresh else None


@define
class Sealer:
    """The sender of a conversation that goes one way: it answers the newest challenge.

    Args:
        key: makes a key of a challenge.
    """

    key: Callable[[bytes], bytes] = field(repr=False)
    _line: Line | None = field(default=None, repr=False)

    @property
    def ready(self) -> bool:
        """Whether it can seal: a challenge has come."""
        return self._line is not None

    def takes(self, line: bytes) -> bool:
        """Take a challenge; return whether the receiver asks for the last line once more.

        Raises:
            BadInput: the line has none.
        """
        again = challenge_of(line, "again")
        challenge = again or challenge_of(line)
        if challenge is None:
            raise BadInput("it sends something other than a challenge: it has no key, or is another program")
        self._line = Line(self.key(challenge), 0 if self._line is None else self._line.number)
        return again is not None

    def seals(self, text: bytes) -> bytes:
        """The next line, sealed."""
        assert self._line is not None, "BUG: a line is sealed before its challenge came"
        return self._line.seals(text)
