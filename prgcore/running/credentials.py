"""The credentials for etcd: the table `[etcd]` of a group file.

Law: reading and checking only. Files are read when the store is opened, and the password at each
login, so that it can be changed under a running agent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.running.fields import only, text
from prgcore.running.keyfile import place, private, read_password, reason

__all__ = ["KEYS", "Credentials", "read", "read_aloud"]

KEYS = ("ca", "certificate", "key", "user", "password_file")


@frozen
class Credentials:
    """The files and the user by which this node and etcd know each other.

    Attributes:
        ca: the certificate of the authority that signed those of the servers.
        certificate, key: those of this node.
        user: a user of etcd.
        password_file: the file with the password of this user.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    user: str | None = None
    password_file: Path | None = None

    def given(self) -> dict[str, Any]:
        """The arguments for the store and the arbiter.

        Raises:
            BadInput: a file cannot be read, or others can read a secret.
        """
        for name in ("ca", "certificate"):
            if (path := getattr(self, name)) is not None:
                _readable(path, f"etcd.{name}")
        if self.key is not None:
            private(self.key, "etcd.key")
        found: dict[str, Any] = {"user": self.user}
        if self.password_file is not None:
            found["password"] = password = partial(
                read_password, self.password_file, "etcd.password_file")
            password()
        return found | {name: str(path) for name, path in (
            ("ca", self.ca), ("cert", self.certificate), ("key", self.key)) if path is not None}


def read(found: Mapping[str, Any], home: Path, store: str) -> Credentials:
    """The credentials in a table.

    Args:
        home: the directory of the group file.
        store: the store of the group, as in its file.

    Raises:
        BadInput: something is wrong, or does not fit the store.
    """
    at = "etcd."
    only(found, KEYS, at)
    kind, _, where = store.partition(":")
    if kind != "etcd":
        if found:
            raise BadInput(f"etcd: the store is {kind}; leave this table out, or write a store "
                           "etcd:https://HOST:2379")
        return Credentials()
    if "@" in where:  # what it says is not shown: it may be a password
        raise BadInput("store: an address of etcd has no user and no password, which every reader of "
                       "the file would see: write etcd = {user, password_file}, and the password into "
                       "that file")
    for one, other in (("certificate", "key"), ("user", "password_file")):
        if (one in found) != (other in found):
            there, missing = (one, other) if one in found else (other, one)
            raise BadInput(f"{at}{missing} is missing: {there} needs it")
    plain = [url for url in where.split(",") if _scheme(url.strip()) == "http"]
    for name in ("ca", "certificate"):
        if name in found and plain:
            raise BadInput(f"{at}{name}: {plain[0].strip():.80} uses no certificates; write https")
    files = {name: home / text(found, name, at) for name in KEYS if name in found and name != "user"}
    return Credentials(user=text(found, "user", at) if "user" in found else None, **files)


def read_aloud(credentials: Credentials, store: str) -> Iterator[str]:
    """A warning where a password would go over the network unencrypted."""
    for url in store.partition(":")[2].split(",") if credentials.user else ():
        parts = urlsplit(url.strip())
        if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            yield (f"etcd: the password of {credentials.user!r:.60} goes to {url.strip():.80} for "
                   "everybody to read: let etcd use certificates, and write https")
            return


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        raise BadInput(f"store: {url[:80]!r} is not an address of etcd; expected "
                       "etcd:https://HOST:2379") from None


def _readable(path: Path, at: str) -> None:
    try:
        with path.open("rb") as opened:
            opened.read(1)
    except (OSError, ValueError) as error:
        raise BadInput(f"{at}: {place(path)} cannot be read: {reason(error)}") from None
