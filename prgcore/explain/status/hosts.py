"""Hosts: names that are surely those of hosts, and not of a step, a day or a part of a server.

Law: pure. A short name needs a word such as `imp` or `node`, and a number or a letter.
"""

from __future__ import annotations

import re

__all__ = ["is_host"]

_HOSTLY = re.compile(
    r"(?:.*(?:imp|imnp|cup|pres|presence|pub|sub|publisher|subscriber|node|server|srv|host|cm)[a-z]?)")
"""A word in the name of a host, perhaps with the letter that stands for its number."""
_OF_HOSTLY = re.compile(
    "state|status|reason|mode|services?|role|group|cluster|subcluster|database|db|replication|health|load"
    "|users?|time|date|count")
"""A word in the name of something about a host."""
_SEAT = re.compile(r"(?:node|server)[_.-]*\d*", re.IGNORECASE)
"""A label of its own."""


def is_host(name: str) -> bool:
    """Whether a name is surely that of a host: of a known kind, or with a domain, or an address."""
    parts = name.split(".")
    if len(parts) > 2 and all(parts) and (parts[-1].isalpha() or (
            len(parts) == 4 and all(map(str.isdecimal, parts)))):
        return True
    tokens = re.findall(r"[a-z]+|\d+", name.lower())
    return (bool(tokens) and (len(tokens) > 1 or tokens[0][-1:] in "abr")
            and any(map(_HOSTLY.fullmatch, tokens))
            and not any(map(_OF_HOSTLY.fullmatch, tokens)) and not _SEAT.fullmatch(name))
