"""Addresses in a group file: `HOST:PORT`, `[IPv6]:PORT`, or a host alone.

Law: text in, text out; nothing is looked up.
"""

from __future__ import annotations

from contextlib import suppress
from ipaddress import IPv6Address
from typing import TypeAlias

from prgcore.errors import BadInput

__all__ = ["Address", "address", "is_host", "shown"]

Address: TypeAlias = tuple[str, int]


def address(text: str, at: str, port: int) -> Address:
    """The address in a text; a host alone gets this port.

    Args:
        at: the place of the text, for the error.

    Raises:
        BadInput: it is none.
    """
    host, number = _split(text)
    if not is_host(host) or not _port(number or str(port)):
        raise BadInput(f"{at}: {text[:60]!r} is not an address; expected HOST:PORT, as "
                       f"127.0.0.1:{port} or [::1]:{port}")
    return host.lower(), int(number or port)


def is_host(host: str) -> bool:
    """Whether a text can be the name of a host, or an address: nobody can look up another one."""
    try:
        return bool(host.encode("idna")) and not set(host) & set(" []/@,")
    except UnicodeError:  # a part between two dots is empty, or longer than 63 characters
        return False


def _split(text: str) -> tuple[str, str]:
    """Host and port. The port is empty if none is given, the host if it is not an address."""
    if text.startswith("["):
        inside, closed, rest = text[1:].partition("]")
        fits = closed and (not rest or (rest[0] == ":" and len(rest) > 1))
        return (_six(inside), rest[1:]) if fits else ("", "")
    if text.count(":") > 1:
        return _six(text), ""
    host, colon, number = text.partition(":")
    return (host, number) if number or not colon else ("", "")


def _six(text: str) -> str:
    """An IPv6 address in its short form; empty if it is not one."""
    with suppress(ValueError):
        return str(IPv6Address(text))
    return ""


def _port(number: str) -> bool:
    return number.isascii() and number.isdecimal() and len(number) < 6 and 0 < int(number) < 1 << 16


def shown(address: Address | None) -> str:
    host, port = address or ("", 0)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
