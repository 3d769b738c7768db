"""The shapes of the document's facts outside its machine: frozen records, no behaviour.

Law: data only, like `prgcore.model`. The records are in the other modules of `prgcore.tables`.
"""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import Cube, Number, Values, as_values, cube, cubes

__all__ = [
    "Arbiter", "Assumed", "Condition", "ConfigurationField", "ConfigurationRule", "Contradiction",
    "Counter", "CriticalService", "Fact", "Hindrance", "LoginProfile", "Misprint", "Missed", "Need",
    "Promise", "RealSystem", "ReplicationState", "Restriction", "Sanity", "Seen", "ServiceStatus", "Sum",
    "Survivor",
]

Sum: TypeAlias = tuple[tuple[Number, str], ...]
"""A sum of multiples: `((4, "keep_alive_interval"), (1, "jitter"))`; an empty name means 1."""


@frozen
class Sanity:
    """A relation between parameters: `less`, `relation` (`<`, `<=` or `!=`), `more`.

    Names are parameters, or `jitter`. `kind` is `error`, `warning` or `information`: the values
    that the document recommends may break a rule of information, and nothing need change.
    `theorem` is the obligation that needs it, or a decision; empty: common sense. `change` names
    the parameters that a recommendation may change, the best one first. `otherwise` describes the
    effect of a broken rule.
    """

    id: str
    says: str
    less: Sum
    relation: str
    more: Sum
    kind: str
    theorem: str
    change: Values
    otherwise: str


@frozen
class CriticalService:
    """A service whose loss fails a node over.

    `only_with` names the setting without which it is not critical. `also` are other names of it.
    """

    name: str
    kind: str
    cite: str
    only_with: str = ""
    also: Values = field(converter=as_values, default=())


@frozen
class ServiceStatus:
    """A status of a service, as the product prints it, and whether the service runs in it."""

    name: str
    runs: bool
    cite: str = ""


@frozen
class ReplicationState:
    """A number that the product shows for the database replication of a node, and its meaning."""

    number: int
    says: str
    cite: str


@frozen
class LoginProfile:
    """How fast a server of a size lets clients log in again, and for how many users.

    `rate` is in log-ins per second. `most` is the largest number of users in the printed table.
    `rows` are numbers of users that are known to be in successive rows of it.
    """

    server: int
    mode: str
    rate: Number
    most: int
    rows: tuple[int, ...] = ()
    cite: str = "High Availability Login Profiles"


@frozen
class Misprint:
    """A printed upper limit, in seconds, that the formula of its own profile contradicts."""

    server: int
    mode: str
    users: int
    printed: int
    meant: int
    says: str = ""


@frozen
class Hindrance:
    """A reason why users are not served, seen from a node `me`; `says` describes that node."""

    says: str
    when: Cube = field(converter=cube)


@frozen
class Assumed:
    """How often an event happens while it can, or how long it takes, in words; and why so."""

    event: str
    words: str
    says: str


@frozen
class Missed:
    """An episode: these events of one node, at once, one after another; how often, in words."""

    name: str
    events: Values
    words: str
    says: str


@frozen
class Condition:
    """A condition that an installation must meet for a feature.

    `setting` names a field of the installation. A flag must be equal to `needs`, and a release at
    least as new. The condition counts only if the setting `only_with` is true.
    """

    setting: str
    needs: int | bool
    says: str
    cite: str
    only_with: str = ""


@frozen
class Counter:
    """A counter of the monitoring tool, and which sessions of its node it counts."""

    name: str
    counts: str
    says: str
    cite: str
    printed: int = 1


@frozen
class Restriction:
    """A feature that does not work, or works differently, around a failover.

    It applies if `feature` is in use (empty: always) and the pair, from either seat, is in one of
    `when` (empty: any pair). With `after`, one of these events must have happened. Users notice
    `effect`; `advice` helps against it; `seconds` is how long it lasts, at least and at most.
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
class Survivor:
    """A mutant that no obligation notices, as M1 names it, and the decision that lets it live.

    `decision` is a decision of the tables (D13) or the number of a decision record (0013).
    """

    mutant: str
    decision: str
    why: str


@frozen
class Contradiction:
    """Two readings that cannot both be meant, and what was decided.

    `says` and `other` are the readings, in our own words, `where` and `elsewhere` their places.
    `taken` is the reading that this project follows, `decision` the record that argues for it, if
    an argument was needed. `abroad`: one of the places is in another document.
    """

    id: str
    title: str
    says: str
    where: str
    other: str
    elsewhere: str
    taken: str
    decision: str = ""
    abroad: bool = False


@frozen
class Fact:
    """One sentence or table row of the document, and where it lives in the project.

    `at` is its heading and its number below the heading. `says` is the fact in our own words.
    `lives` names its implementation (`rule M100`, `decision D18`, `prgcore.product.users.assign`,
    ...); if it is empty, `exempt` says why there is none. `print` is a fingerprint of the printed
    words: a reader who has the document can check that no sentence is missing.
    """

    at: str
    says: str
    lives: Values = field(converter=as_values, default=())
    exempt: str = ""
    print: str = ""


@frozen
class ConfigurationField:
    """A field of a configuration file.

    `of` is the record that has it. `kind` is text, whole, number, flag, texts, choice, services,
    replication, parameters, or `one NAME` or `many NAME` of a record. `also` are other names of it,
    such as that of the administration; `unit` is that of a number; `choices` are those of a choice,
    the default first. `least` and `most` bound a number, the length of a text
    or the length of a list. `never` is a pattern of characters that a text may not hold. A value
    outside these breaks `rule`. A field that is not `needed` may be left out.
    """

    of: str
    name: str
    kind: str
    says: str
    needed: bool = True
    least: Number | None = None
    most: Number | None = None
    never: str = ""
    rule: str = "form_value"
    also: Values = field(converter=as_values, default=())
    unit: str = ""
    choices: Values = ()


@frozen
class ConfigurationRule:
    """A rule that a configuration must obey, or should obey if `severity` is `warning`.

    If it is `information`, nothing need change. `expects` completes "expected ..."; `advice` says how to mend a broken rule.
    """

    id: str
    severity: str
    expects: str
    advice: str
    cite: str
    decisions: Values = field(converter=as_values, default=())


@frozen
class Promise:
    """What an arbiter promises: an obligation, whether it holds, and why.

    `holds` is None if the promise does not apply.
    """

    obligation: str
    holds: bool | None
    why: str


@frozen
class Need:
    """An assumption of an arbiter, and what goes wrong without it.

    `name` is an assumption of the ledger (A-LIN), or a condition in a word or two. Without it,
    either the story `without` happens, or the time `grows` is longer than assumed: the margin
    between the two clocks shrinks by it.
    """

    name: str
    says: str
    without: str = ""
    grows: str = ""


@frozen
class Arbiter:
    """A choice of what decides who serves while two nodes do not hear each other.

    `prove` is its word for `prgcore prove --model D --arbiter`, and `adversary` what is left of the
    adversary where its assumption holds, if not all. `adds` are the seconds that it adds between the
    loss of a peer and the moment at which its users are served; None: nobody serves them until
    somebody mends it. `kills` says that a node ends its peer. `stories` are more stories of it.
    """

    name: str
    title: str
    says: str
    prove: str
    needs: tuple[Need, ...]
    promises: tuple[Promise, ...]
    adds: Sum | None
    costs: str
    adversary: str = ""
    kills: bool = False
    stories: Values = field(converter=as_values, default=())


@frozen
class Seen:
    """Runs of a real system: its version, how they were had, and what was seen.

    `stops` is the latest moment at which a holder stopped, in seconds, and `starts` the soonest at
    which a successor could start.
    """

    version: str
    by: str
    says: str
    stops: Number | None = None
    starts: Number | None = None


@frozen
class RealSystem:
    """A real system that decides who serves: when a holder stops, and when a successor starts.

    Both are counted from the last moment at which the holder was in touch. `settings` are the
    defaults of its documentation, in seconds. `stops` and `starts` are sums of them; a sum that is
    None is in `never`, which says what happens instead. `cite` is the version and the page.
    """

    name: str
    arbiter: str
    is_: str
    settings: tuple[tuple[str, Number], ...]
    stops: Sum | None
    starts: Sum | None
    eats: str
    cite: str
    never: str = ""
    seen: tuple[Seen, ...] = ()
