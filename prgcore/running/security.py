"""The security of a group: the table `[security]` of its file says who may command its agents.

Law: reading and checking only, of the table alone. The key and the certificates are read where they
are needed, because a reader of the store needs neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from prgcore.errors import BadInput
from prgcore.running.addresses import Address, is_host, shown
from prgcore.running.fields import flag, only, table, text
from prgcore.seats import NODES

__all__ = ["KEYS", "Network", "Security", "Tls", "may_command", "read"]

KEYS = ("key", "tls", "off", "commands_from")
TLS_KEYS = ("ca", "certificate", "key", "names", "administrators")
Network: TypeAlias = IPv4Network | IPv6Network

_CHOICE = ('key = "pair.key" (prgcore key pair.key makes one; copy it to both hosts), or '
           "tls = {ca, certificate, key}")


@frozen
class Tls:
    """The certificates of an agent, by which both sides know each other.

    Attributes:
        ca: the certificate of the authority that signed all others.
        certificate, key: those of this node; `{node}` in a name stands for its seat.
        names: for each node, by its seat, the name in its certificate.
        administrators: the names in other certificates that may ask and command.
    """

    ca: Path
    certificate: Path
    key: Path
    names: Mapping[str, str]
    administrators: tuple[str, ...] = ()


@frozen
class Security:
    """The security of the agents of a group. One of `off`, `key` and `tls` is chosen.

    Attributes:
        off: whether everybody may: only for a group on one computer.
        key: the file of the key that the agents and their administrators share.
        tls: the certificates.
        commands_from: the addresses that may command; None: all.
    """

    off: bool = False
    key: Path | None = None
    tls: Tls | None = None
    commands_from: tuple[Network, ...] | None = field(default=None)


def read(
    found: Mapping[str, Any], home: Path, names: Mapping[str, str],
    addresses: Mapping[str, Address],
) -> Security:
    """The security of a group.

    Args:
        found: the table `security`.
        home: the directory of the group file.
        names: for each node, by its seat, its name.
        addresses: all addresses of the group, by their places in the file.

    Raises:
        BadInput: nothing is chosen, or more than one, or it is switched off for other computers.
    """
    at = "security."
    only(found, KEYS, at)
    off = flag(found, "off", at)
    chosen = [name for name in ("key", "tls", "off") if found.get(name, False) is not False]
    if not chosen:
        raise BadInput(f"security is missing, so everybody could command the agents: write a table "
                       f"[security] with {_CHOICE}; or off = true, if all addresses are of this "
                       "computer")
    if len(chosen) > 1:
        raise BadInput(f"security: {' and '.join(chosen)} exclude each other; leave out all but one")
    if off:
        for place, one in addresses.items():
            if not _here(one[0]):
                raise BadInput(f"security.off: {place} is {shown(one)}, which other computers can "
                               f"reach, and could command; write instead of off: {_CHOICE}")
    return Security(
        off, home / text(found, "key", at) if "key" in found else None,
        _tls(table(found, "tls", at), home, names) if "tls" in found else None,
        _networks(found["commands_from"], f"{at}commands_from") if "commands_from" in found else None)


def _here(host: str) -> bool:
    """Whether only this computer has such an address."""
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(found: Mapping[str, Any], home: Path, names: Mapping[str, str]) -> Tls:
    at = "security.tls."
    only(found, TLS_KEYS, at)
    for name in ("ca", "certificate", "key"):
        if name not in found:
            raise BadInput(f"{at}{name} is missing; a table tls has {', '.join(TLS_KEYS[:3])}: files "
                           "beside the group file")
    given = table(found, "names", at)
    only(given, NODES, f"{at}names.")
    more = found.get("administrators", [])
    if not isinstance(more, list) or not all(isinstance(n, str) and n for n in more):
        raise BadInput(f'{at}administrators: expected names of certificates as a list: ["ops"]')
    ca, certificate, key = (home / text(found, name, at) for name in TLS_KEYS[:3])
    shows = {seat: text(given, seat, f"{at}names.", names[seat]) for seat in NODES}
    for seat, name in shows.items():
        if not is_host(name):
            raise BadInput(f"{at}names.{seat}: {name[:60]!r} is not a name that a certificate has; write "
                           f'the one in its subjectAltName: names = {{{seat} = "db1.example.org"}}')
    return Tls(ca, certificate, key, shows, tuple(more))


def _networks(value: Any, at: str) -> tuple[Network, ...]:
    if not isinstance(value, list):
        raise BadInput(f'{at}: expected addresses as a list: ["10.0.0.0/24", "127.0.0.1"]')
    return tuple(_network(one, at) for one in value)


def _network(value: Any, at: str) -> Network:
    with suppress(ValueError):
        if isinstance(value, str):  # a number would be an address too
            return ip_network(value)
    raise BadInput(f"{at}: {value!r:.60} is not an address or a network; expected 10.0.0.7 or "
                   "10.0.0.0/24, whose last bits are 0")


def may_command(allowed: Iterable[Network] | None, host: str) -> bool:
    """Whether this address may command."""
    if allowed is None:
        return True
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in allowed)
