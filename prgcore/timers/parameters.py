"""The service parameters as values: `Parameters()` are the defaults.

Law: pure; each value is checked alone, against its record. The records of `Parameters` are in
`prgcore.tables.parameters`. Those of any other machine are its section `parameters`, and
`parameters_of(model)` is the class of its values. `prgcore.timers.sanity` checks the rules between
them, and `prgcore.timers.monitor` says what they promise.
"""

# ruff: noqa: RUF009, `field` by another name

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Self

from attrs import Attribute, asdict, evolve, field, fields, frozen, make_class

from prgcore.errors import BadInput, unknown_name
from prgcore.form.habits import HEARTBEATS
from prgcore.model import Model, Number, Parameter
from prgcore.tables.parameters import PARAMETERS
from prgcore.timers.quantities import flag, quantity
from prgcore.vocabulary import plain

__all__ = [
    "AT_MOST", "LATEST", "RECORDS", "Parameters", "Range", "Settings", "Wrong", "as_written",
    "parameters_of", "seconds", "spread",
]

RECORDS = {p.name: p for p in PARAMETERS}
"""The record of every parameter, by its name."""

LATEST = 1 << 40
"""The largest number of seconds: beyond it a float cannot resolve a millisecond."""
AT_MOST = "some 34,000 years of them"
"""`LATEST` in words."""


def seconds(value: object, name: str) -> Number:
    """The value as a number of seconds, 0 or more; `name` is for the error.

    Raises:
        BadInput: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise BadInput(f"{name}: expected seconds, from 0 to {AT_MOST}, not {value!r:.60}")
    return value


def share(value: object, name: str) -> Number:
    """The value as a share of time, from 0 and below 1; `name` is for the error.

    Raises:
        BadInput: it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise BadInput(f"{name}: {value!r:.60} is not a share of time from 0, below 1")
    return value


@frozen
class Range:
    """The least, the mean and the greatest time, in seconds."""

    least: Number
    mean: Number
    most: Number


def spread(least: Number, most: Number) -> Range:
    """The range of a time that is spread evenly between two values."""
    return Range(least, (least + most) / 2, most)


@frozen
class Wrong:
    """An error in a parameter that somebody wrote. Its name is empty if there is no such parameter."""

    name: str
    says: str


def _repeated(value: object) -> str:
    """The value as an error repeats it: short, and no number with more digits than Python writes."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a number of so many digits"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str | int | float):
        return f"{value!r:.60}"
    kind = type(value).__name__
    return f"a {'table' if kind == 'dict' else kind}"


def _folded(spelled: str) -> str:
    return plain(spelled).replace(" ", "")


def _valid(settings: Settings, attribute: Attribute[Any], value: object) -> None:
    record = settings.records[attribute.name]
    if isinstance(record.default, bool):
        if not isinstance(value, bool):
            raise BadInput(f"{record.name}: expected true or false, not {_repeated(value)}")
        return
    whole = record.unit == "port"
    kind = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kind) or value != value:  # noqa: PLR0124
        expected = "a whole number" if whole else "a number of seconds"
        raise BadInput(
            f"{record.name}: expected {expected} such as {record.default}, not {_repeated(value)}")
    if not record.least <= value <= record.most:
        unit = "" if whole else f" {record.unit}"
        raise BadInput(
            f"{record.name}: {_repeated(value)} is outside {record.least} to {record.most}{unit} "
            f"({settings.bound})"
        )


class Settings:
    """The values of the parameters of a machine: an attribute each. Times are in seconds.

    Attributes:
        records: the record of every parameter, by its name.
        bound: where the bounds of the records are from.
    """

    __slots__ = ()

    records: ClassVar[Mapping[str, Parameter]] = {}
    bound: ClassVar[str] = "a bound of the machine"
    keep_alive_interval: Number
    keep_alive_timeout: Number

    @classmethod
    def of(cls, values: Mapping[str, Any], others: Self | None = None) -> Self:
        """The parameters from a mapping of names to values; the others have their defaults.

        Args:
            values: the values by name.
            others: where the others are from, instead of the defaults.

        Raises:
            BadInput: no such parameter, or a wrong value.
        """
        for name in values:
            if name not in cls.records:
                raise BadInput(unknown_name("parameter", name, cls.records))
        start: Any = others or cls()
        found: Self = evolve(start, **values)
        return found

    @classmethod
    def parse(cls, words: Mapping[str, Any], others: Self | None = None) -> Self:
        """The parameters as people write them: `{"Keep Alive (Heartbeat) Timeout": "75 s"}`.

        A name may be spelled as the administration spells it; case, spacing and punctuation do not
        matter. A value may be a number or a truth value, or a text that means one: `75`, `75 s`,
        `2 minutes`, `TRUE`, `on`, `Enabled`.

        Args:
            words: the values by name.
            others: where the others are from, instead of the defaults.

        Raises:
            BadInput: no such parameter, a wrong value, or one parameter under two spellings.
        """
        found, wrong = as_written(cls, words)
        for one in wrong.values():
            raise BadInput(one.says)
        return cls.of(found, others)

    @classmethod
    def named(cls, spelled: str) -> str:
        """The parameter that a spelling means: its name or its title, in any case and punctuation.

        Spaces do not matter: `KeepAliveTimeout` is one spelling of `keep_alive_timeout`. The name
        itself goes before any other spelling, and one with the same spaces before one without.

        Raises:
            BadInput: no such parameter. The error suggests titles if the spelling looks like one.
        """
        if spelled in cls.records:
            return spelled
        for read in (plain, _folded):
            for record in cls.records.values():
                if read(spelled) in (read(record.name), read(record.title or record.name)):
                    return record.name
        titles = [p.title for p in cls.records.values() if p.title]
        known = titles if " " in spelled and titles else cls.records
        raise BadInput(unknown_name("parameter", spelled, known))

    @classmethod
    def read(cls, name: str, given: Any) -> Any:
        """The value of a parameter, or of a text that means one; anything else as it is."""
        record = cls.records[name]
        port = record.unit == "port"
        meant: Number | None = None
        if isinstance(given, str):
            meant = (flag(given) if isinstance(record.default, bool) else
                     quantity(given, "" if port else record.unit))
        value = given if meant is None else meant
        return int(value) if port and isinstance(value, float) and value.is_integer() else value

    def to_json(self) -> dict[str, Number]:
        """Every parameter by name, in the order of the records."""
        mine: Any = self
        return asdict(mine)


def as_written(
    kind: type[Settings], words: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Wrong]]:
    """The parameters as people write them that are right, and the faults of all others.

    Returns:
        The values by the name of the parameter, and the faults by the spelling.
    """
    found: dict[str, Any] = {}
    wrong: dict[str, Wrong] = {}
    spellings: dict[str, str] = {}
    for spelled, word in words.items():
        name = ""
        try:
            name = kind.named(str(spelled))
            value = kind.read(name, word)
            kind.of({name: value})
        except BadInput as error:
            wrong[spelled] = Wrong(name, str(error))
        else:
            found.setdefault(name, value)
        first = spellings.setdefault(name, spelled)
        if name and first != spelled:
            wrong[spelled] = Wrong(name, f"{name} is given twice, as {first[:80]} and "
                                         f"{spelled[:80]}; give it once")
    return found, wrong


def _parameter(record: Parameter) -> Any:
    return field(default=record.default, validator=_valid)


def _ours(name: str) -> Any:
    return _parameter(RECORDS[name])


@frozen(kw_only=True)
class Parameters(Settings):
    """The values that an administrator has set, for the machine of the document.

    Source: "Configure Heartbeat Interval for Failover", steps 4 and 5.

    Raises:
        BadInput: a value of the wrong kind, or outside its bounds.
    """

    records: ClassVar[Mapping[str, Parameter]] = RECORDS
    bound: ClassVar[str] = "a bound of this library; the document gives none"

    service_port: int = _ours("service_port")
    admin_rpc_port: int = _ours("admin_rpc_port")
    critical_service_delay: Number = _ours("critical_service_delay")
    enable_automatic_fallback: bool = _ours("enable_automatic_fallback")
    automatic_fallback_after: Number = _ours("automatic_fallback_after")
    initialization_keep_alive_timeout: Number = _ours("initialization_keep_alive_timeout")
    keep_alive_timeout: Number = _ours("keep_alive_timeout")
    keep_alive_interval: Number = _ours("keep_alive_interval")
    monitor_xcp_authentication: bool = _ours("monitor_xcp_authentication")
    client_relogin_lower_limit: Number = _ours("client_relogin_lower_limit")
    client_relogin_upper_limit: Number = _ours("client_relogin_upper_limit")

    @property
    def relogin_wait(self) -> Range:
        """How long a client waits before it logs in again: between the limits as they are set."""
        return spread(self.client_relogin_lower_limit, self.client_relogin_upper_limit)


@cache
def _class(parameters: tuple[Parameter, ...]) -> type[Settings]:
    if parameters == PARAMETERS:
        return Parameters
    own = {p.name: p for p in parameters}
    records = {**{p.name: p for p in HEARTBEATS}, **own}
    found: type[Settings] = make_class(
        "Settings", {name: _parameter(record) for name, record in records.items()},
        bases=(Settings,), frozen=True, kw_only=True)
    found.records = records
    return found


def parameters_of(model: Model) -> type[Settings]:
    """The class of the parameters of a machine; `parameters_of(model)()` are the defaults.

    They are the machine's own, and those of heartbeats. `Parameters` is that of the document.
    """
    return _class(model.parameters)


assert tuple(RECORDS) == tuple(a.name for a in fields(Parameters)), \
    "BUG: the parameters and their records differ"
