"""What an agent, or an administrator, shows to be believed: the key of its group.

Law: it reads the file that the group file names, and makes the seals of both ports. Nothing of a key
is in an error, a log or a repr.
"""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING

from attrs import field, frozen

from prgcore.running.keyfile import read_key
from prgcore.running.seal import CHALLENGE, Challenger, Line, Sealer, key_for

if TYPE_CHECKING:
    from prgcore.running.group import Group

__all__ = ["Trust"]


@frozen
class Trust:
    """The key of a group, by which both ends of a connection know each other.

    Attributes:
        group: the name of the group, which is in every seal: one file may serve several groups.
        secret: the key; empty: everybody is believed.
        file: the name of the file of the key, for errors.
    """

    group: str = ""
    secret: bytes = field(default=b"", repr=False)
    file: str = ""

    @classmethod
    def of(cls, group: Group) -> Trust:
        """The trust of a group, from the files that its group file names.

        Raises:
            BadInput: the file of the key cannot be used.
        """
        if group.security.key is None:
            return cls(group.name)
        return cls(group.name, read_key(group.security.key), group.security.key.name)

    @property
    def sealed(self) -> bool:
        """Whether lines are sealed."""
        return bool(self.secret)

    def chance(self) -> bytes:
        """A new challenge."""
        return secrets.token_bytes(CHALLENGE)

    def hears(self, sender: str, receiver: str) -> Challenger | None:
        """The receiver of a new connection of heartbeats; None: they are not sealed."""
        key = partial(key_for, self.secret, "heartbeat", self.group, sender, receiver)
        return Challenger(key, self.chance) if self.sealed else None

    def says(self, sender: str, receiver: str) -> Sealer | None:
        """The sender of a new connection of heartbeats; None: they are not sealed."""
        key = partial(key_for, self.secret, "heartbeat", self.group, sender, receiver)
        return Sealer(key) if self.sealed else None

    def talk(self, node: str, asks: bytes, answers: bytes) -> tuple[Line, Line]:
        """The questions and the answers of a conversation with the agent of this node.

        Args:
            asks: the challenge of the administrator.
            answers: the challenge of the agent.
        """
        question, answer = (
            Line(key_for(self.secret, way, self.group, node, asks, answers))
            for way in ("question", "answer"))
        return question, answer
