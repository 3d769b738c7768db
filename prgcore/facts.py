"""The shapes of what the document says beside its machine: frozen records, no behaviour.

Law: data only, as `prgcore.model`; the records themselves are in `prgcore.tables`, and the
functions over them in the modules beside this one.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import Cube, Values, as_values, cubes

Number: TypeAlias = int | float


@frozen
class Parameter:
    """A service parameter.

    `title` is what a screen shows; `scope` whether it is set once for the cluster or for every
    node; `least` and `most` are this library's own bounds, for the document prints none; `since`
    is the release that brought it, where it is not in all of them.
    """

    name: str
    title: str
    default: Number
    unit: str
    scope: str
    says: str
    cite: str
    least: Number = 0
    most: Number = 86_400
    since: str = ""


@frozen
class CriticalService:
    """A service whose loss fails a node over.

    `only_with` names the setting without which it is not critical.
    """

    name: str
    kind: str
    cite: str
    only_with: str = ""


@frozen
class LoginProfile:
    """How fast a server of a size lets clients log in again, and for how many users.

    `rate` is in log-ins a second; `most` is the largest number of users in the printed table.
    """

    server: int
    mode: str
    rate: Number
    most: int
    cite: str = "High Availability Login Profiles"


@frozen
class Misprint:
    """A printed number that its own formula contradicts: where, what is printed, what is meant."""

    where: str
    printed: Number
    meant: Number
    says: str


@frozen
class Restriction:
    """What does not work, or works otherwise, around a failover.

    It applies where `feature` is in use (none: always) and the pair is in one of `when`; with
    `after`, only once one of these events has happened. `effect` is what users notice, `advice`
    what to do about it.
    """

    id: str
    feature: str
    effect: str
    cite: str
    when: tuple[Cube, ...] = field(converter=cubes, factory=tuple)
    after: Values = field(converter=as_values, default=())
    advice: str = ""
    seconds: tuple[Number, Number] | None = None
    decisions: Values = field(converter=as_values, default=())
    since: str = ""


@frozen
class Contradiction:
    """Two places of the document that cannot both be meant, and what was decided.

    `says` and `other` are the two readings, in our own words, with their places.
    """

    id: str
    title: str
    says: str
    where: str
    other: str
    elsewhere: str
    decision: str


@frozen
class Fact:
    """One sentence or table row of the document, and where it lives in the project.

    `at` is its heading and its number below it; `says` is the fact in our own words; `lives`
    names what implements it (`rule M100`, `decision D18`, `prgcore.users.assign`, ...); where
    that is empty, `exempt` says why nothing does. `print` is a fingerprint of the printed words,
    so that somebody who has the document can check that no sentence is missing.
    """

    at: str
    says: str
    lives: Values = field(converter=as_values, default=())
    exempt: str = ""
    print: str = ""
