"""Secret files: a key that two agents share, or a password. Others must not be able to read one.

Law: reading and writing files only. A secret is in no error, no log and no repr.
"""

from __future__ import annotations

import os
import secrets
import stat
from hashlib import sha256
from pathlib import Path

from prgcore.errors import BadInput

__all__ = [
    "DIGITS", "LEAST", "LONGEST", "place", "private", "read_key", "read_password", "reason",
    "write_key",
]

LEAST = 32
"""How many random bytes a key has at least."""

LONGEST = 4096
"""How many bytes a secret file has at most."""

DIGITS = 43
"""How many characters a key has at least that is a text: 32 bytes in base 64."""

DIFFERENT = 10
"""How many different bytes a key has at least; 32 random ones have 24 or more."""


def place(path: Path) -> str:
    """The name of a file, or its end, in quotes."""
    return repr(str(path)[-200:])


def reason(error: Exception) -> str:
    """Why a file cannot be opened: in the words of the system, unless its name cannot be one."""
    return getattr(error, "strerror", None) or "not a name of a file"


def private(path: Path, what: str) -> bytes:
    """The content of a file that only its owner can read: you, or root.

    Args:
        what: what the file is, for the error: `the key of the group`.

    Raises:
        BadInput: it cannot be read, or others can read or change it.
    """
    at = f"{what} is expected in {place(path)}"
    try:
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe would wait
    except (OSError, ValueError) as error:
        raise BadInput(f"{at}: {reason(error)}") from None
    try:
        found = os.fstat(number)
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{at}: this is not a file")
        if found.st_uid not in (os.geteuid(), 0):
            raise BadInput(f"{at}: the file belongs to user {found.st_uid}, who could replace it; "
                           f"chown it to user {os.geteuid()}")
        allowed = 0o640 if found.st_uid == 0 else 0o600
        if more := stat.S_IMODE(found.st_mode) & ~allowed & 0o777:
            raise BadInput(f"{at}: others can read or change it, its mode has {more:#o} too many; "
                           "chmod 600 it")
        data = os.read(number, LONGEST + 1)
    except OSError as error:
        raise BadInput(f"{at}: {error.strerror}") from None
    finally:
        os.close(number)
    if len(data) > LONGEST:
        raise BadInput(f"{at}: the file is longer than {LONGEST} bytes")
    return data


def read_key(path: Path) -> bytes:
    """The key in a file, as 32 bytes.

    The file has a text of 43 characters or more, or 32 bytes or more. They must be random.

    Raises:
        BadInput: it cannot be read, others can read it, or it is too short.
    """
    data = private(path, "the key of the group")
    text = data.strip()
    if text.isascii() and text.decode().isprintable():  # an editor may have ended the line
        data, least = text, DIGITS
    else:
        least = LEAST
    if len(data) < least or len(set(data)) < DIFFERENT:
        raise BadInput(f"the key of the group is expected in {place(path)}: it is not a key of "
                       f"{LEAST} random bytes; prgcore key FILE makes one")
    return sha256(b"prgcore key\0" + data).digest()


def write_key(path: Path) -> None:
    """Write a new random key into a new file that only its owner can read.

    Raises:
        BadInput: the file exists, or cannot be written.
    """
    text = secrets.token_hex(LEAST) + "\n"
    try:
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise BadInput(f"{place(path)} exists; a key is not overwritten: name another file, "
                       "or remove this one") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"{place(path)}: cannot be written: "
                       f"{reason(error)}") from None
    with os.fdopen(number, "w") as opened:
        opened.write(text)


def read_password(path: Path, what: str) -> str:
    """The password in a file: its first line.

    Raises:
        BadInput: it cannot be read, others can read it, or it has none.
    """
    try:
        text = private(path, what).decode()
    except UnicodeDecodeError:
        text = ""
    line, _, rest = text.partition("\n")
    if not line.strip("\r") or rest.strip():
        raise BadInput(f"{what} is expected in {place(path)}: expected one line of text")
    return line.strip("\r")
