"""A login at etcd: a user, a password, and the token that etcd gives for them.

Law: what is kept here is in no error, no log and no repr. etcd forgets tokens, when they are old, when it
restarts, or when its users change; then the next call logs in again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from attrs import define, field

from prgcore.errors import BadInput, Unavailable

__all__ = ["Login", "login_of"]

PAUSE = 1.0
"""How many seconds pass until a login is tried again that was refused: each costs etcd a tenth."""

STALE = ("invalid auth token", "user name is empty", "revision of auth store is old")
"""The words by which etcd asks for another token."""
REFUSED = ("authentication failed", "user name not found", "invalid user")
NOT_ASKED = "authentication is not enabled"


@define
class Login:
    """A user of etcd with a password, and the newest token.

    Attributes:
        user: the name of the user.
        password: returns the password, which may have changed in its file.
    """

    user: str
    password: Callable[[], str] = field(repr=False)
    _token: str | None = field(default=None, repr=False)
    _why: str = ""
    _until: float = 0.0

    def token(self, asks: Callable[[dict[str, str]], str]) -> str:
        """The token to send; empty: etcd asks for none.

        Args:
            asks: logs in with these, and returns the token.

        Raises:
            Unavailable: etcd refuses the login, or does not answer.
        """
        if self._token is None:
            if self._why and time.monotonic() < self._until:
                raise Unavailable(self._why)
            self._why = ""
            try:
                self._token = asks({"name": self.user, "password": self._read()})
            except Unavailable as error:
                if NOT_ASKED in str(error):
                    self._token = ""
                    return ""
                if any(words in str(error) for words in REFUSED):
                    self._why = (f"etcd refuses the login of {self.user!r:.60}: its name or its password "
                                 "is wrong")
                    self._until = time.monotonic() + PAUSE
                    raise Unavailable(self._why) from None
                raise
        return self._token

    def _read(self) -> str:
        try:
            return self.password()
        except BadInput as error:
            raise Unavailable(str(error)) from None

    def forget(self, token: str) -> None:
        """Log in again, unless another call has done that meanwhile."""
        if self._token == token:
            self._token = None


def login_of(user: str | None, password: str | Callable[[], str] | None) -> Login | None:
    """The login of a user; None: no user.

    Raises:
        BadInput: only one of both is given.
    """
    if user is None and password is None:
        return None
    if not user or not isinstance(user, str) or password is None:
        raise BadInput("a user of etcd and a password are given together")
    return Login(user, password if callable(password) else lambda: password)
