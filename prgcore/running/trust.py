"""What an agent, or an administrator, shows to be believed: the key of its group, or a certificate.

Law: it reads the files that the group file names, and makes the seals of both ports. Nothing of a key
is in an error, a log or a repr. With certificates, lines are sealed too, by a key that is not secret:
TLS says who speaks, and a seal that a line is new.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from prgcore.running.certificates import Certificates
from prgcore.running.keyfile import read_key
from prgcore.running.seal import CHALLENGE, Challenger, Line, Sealer, key_for

if TYPE_CHECKING:
    from prgcore.running.group import Group

__all__ = ["Trust"]

NO_SECRET = b"certificates"
"""The key of seals where certificates say who speaks."""


@frozen
class Trust:
    """The key of a group, by which both ends of a connection know each other.

    Attributes:
        group: the name of the group, which is in every seal: one file may serve several groups.
        secret: the key; empty: everybody is believed.
        file: the name of the file of the key, for errors.
        certificates: those of this node, if the group has certificates.
    """

    group: str = ""
    secret: bytes = field(default=b"", repr=False)
    file: str = ""
    certificates: Certificates | None = None

    @classmethod
    def of(cls, group: Group, node: str = "") -> Trust:
        """The trust of a group, from the files that its group file names.

        Args:
            node: the node whose agent it is; empty: an administrator's.

        Raises:
            BadInput: the file of the key, or of a certificate, cannot be used.
        """
        if group.security.tls is not None:
            return cls(group.name, NO_SECRET, certificates=Certificates(group.security.tls, node))
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

    def dials(self, node: str) -> dict[str, Any]:
        """The arguments of a connection to the agent of this node."""
        if self.certificates is None:
            return {}
        return {"ssl": self.certificates.client, "server_hostname": self.certificates.names[node]}

    def is_node(self, shown: Mapping[str, Any] | None, node: str) -> bool:
        """Whether a connection that shows this certificate is one of that node."""
        return self.certificates is None or self.certificates.is_node(shown, node)

    def may_ask(self, shown: Mapping[str, Any] | None) -> bool:
        """Whether a connection that shows this certificate may ask questions."""
        return self.certificates is None or self.certificates.may_ask(shown)

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
