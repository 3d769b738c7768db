"""The agent's end of a conversation with an administrator: which lines are questions of one.

Law: pure; the clock comes in, and the trust makes its challenges. It opens and seals lines, and decides
nothing else. Where the group has no key, every line is believed.
"""

from __future__ import annotations

from collections.abc import Callable

from prgcore.errors import BadInput
from prgcore.running.seal import Line, challenge_line, challenge_of
from prgcore.running.trust import Trust
from prgcore.stores.ports import boot_clock

__all__ = ["FRESH", "Gate"]

FRESH = 30.0
"""How many seconds after its challenge a question counts. One that is held longer is refused."""


class Gate:
    """One connection of an administrator, or of the peer.

    Args:
        trust: what the group trusts.
        node: the seat of this agent.
        clock: seconds that never step back.
    """

    def __init__(
        self, trust: Trust, node: str, clock: Callable[[], float] = boot_clock,
    ) -> None:
        self._trust, self._node, self._clock = trust, node, clock
        self._talk: tuple[Line, Line] | None = None
        self._since = 0.0

    def greets(self, line: bytes) -> bytes | None:
        """The answer to a line that begins a conversation; None: it is another line."""
        if not self._trust.sealed or (theirs := challenge_of(line, "hello")) is None:
            return None
        mine, self._since = self._trust.chance(), self._clock()
        self._talk = self._trust.talk(self._node, theirs, mine)
        return challenge_line(mine)

    def opens(self, line: bytes) -> bytes:
        """The question in a line.

        Raises:
            BadInput: it is not sealed as it must be, or too old.
        """
        if not self._trust.sealed:
            return line
        if self._talk is None:
            raise BadInput("a question came without a seal, and this group has a key")
        text = self._talk[0].opens(line)
        if self._clock() > self._since + FRESH:
            raise BadInput(f"a question came more than {FRESH:g} s after its challenge")
        return text

    def seals(self, answer: bytes) -> bytes:
        """An answer, as a line."""
        return answer + b"\n" if self._talk is None else self._talk[1].seals(answer)
