"""The certificates of a group: contexts of TLS for both ports, and the names in what others show.

Law: it reads files, and decides who is who. Both sides show a certificate of one authority; a name in
it says whose it is. A certificate that is renewed in its file counts for every new connection.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from prgcore.errors import BadInput
from prgcore.running.keyfile import place, private
from prgcore.running.security import Tls
from prgcore.seats import NODES

__all__ = ["Certificates", "why"]


class Certificates:
    """The certificates of one node, or of an administrator.

    Args:
        tls: the files and the names, as in the group file.
        node: the seat of this node; empty: an administrator, who takes the first files that there
            are.

    Attributes:
        service: the context of the port for heartbeats, where everybody shows a certificate.
        admin: that of the administrator's port, where one who only reads needs none.
        client: that of connections to the other node.

    Raises:
        BadInput: a file cannot be used.
    """

    def __init__(self, tls: Tls, node: str = "") -> None:
        self.names, self._tls = tls.names, tls
        self._chain = _chosen(tls, (node,) if node else NODES)
        self.service = self._context(ssl.PROTOCOL_TLS_SERVER, ssl.CERT_REQUIRED)
        self.admin = self._context(ssl.PROTOCOL_TLS_SERVER, ssl.CERT_OPTIONAL)
        self.client = self._context(ssl.PROTOCOL_TLS_CLIENT, ssl.CERT_REQUIRED)
        self._loaded = self._age()

    def _context(self, side: int, asks: ssl.VerifyMode) -> ssl.SSLContext:
        context = ssl.SSLContext(side)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = asks
        if side == ssl.PROTOCOL_TLS_SERVER:
            context.num_tickets = 0  # each connection shows its certificate anew
            context.options |= ssl.OP_NO_TICKET
        try:
            context.load_verify_locations(self._tls.ca)
        except (OSError, ValueError) as error:
            raise BadInput(f"security.tls.ca: {place(self._tls.ca)}: {why(error)}") from None
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        certificate, key = self._chain
        private(key, "security.tls.key")
        try:
            context.load_cert_chain(certificate, key, password="")
        except (OSError, ValueError) as error:
            raise BadInput(f"security.tls.certificate: {place(certificate)} with {place(key)}: "
                           f"{why(error)}") from None

    def _age(self) -> tuple[int, ...]:
        return tuple(path.stat().st_mtime_ns for path in self._chain)

    def refresh(self) -> None:
        """Read the files again, if they have changed.

        Raises:
            BadInput: they cannot be used; the earlier certificate counts on.
        """
        with suppress(OSError):  # a file that is being replaced is there in a moment
            if (age := self._age()) != self._loaded:
                self._loaded = age
                self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))  # a wrong one leaves none in a context
                for context in (self.service, self.admin, self.client):
                    self._load(context)

    def is_node(self, shown: Mapping[str, Any] | None, node: str) -> bool:
        """Whether a certificate is that of a node."""
        return self.names[node].lower() in _names(shown)

    def may_ask(self, shown: Mapping[str, Any] | None) -> bool:
        """Whether a certificate is that of a node, or of an administrator."""
        known = {*self.names.values(), *self._tls.administrators}
        return not _names(shown).isdisjoint(name.lower() for name in known)


def _chosen(tls: Tls, seats: tuple[str, ...]) -> tuple[Path, Path]:
    """The files of the first of these seats that are there, or else of the first one."""
    found = [tuple(Path(str(path).replace("{node}", seat)) for path in (tls.certificate, tls.key))
             for seat in seats]
    certificate, key = next((two for two in found if all(os.access(p, os.R_OK) for p in two)), found[0])
    return certificate, key


def _names(shown: Mapping[str, Any] | None) -> set[str]:
    """The names for which a certificate was made, in small letters."""
    return {str(name).lower() for kind, name in (shown or {}).get("subjectAltName", ()) if kind == "DNS"}


def why(error: Exception) -> str:
    """The reason of an error of TLS, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message or 'the certificate is refused'}".rstrip(".")
    if isinstance(error, ssl.SSLError):
        return (error.reason or "no handshake of TLS").replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)[:100] or "the other end went away"
