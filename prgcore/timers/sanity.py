"""The rules between the service parameters: whether each holds, and what to change if not.

Law: pure; the rules are data (`prgcore.tables.sanity`), and this module reads them. A recommendation
never trades availability: which parameter may change, and which may not be lowered, is data too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import ceil, floor
from typing import TypeAlias

from attrs import field, frozen

from prgcore.model import Number, Parameter
from prgcore.tables.facts import Sanity, Sum
from prgcore.tables.sanity import INFORMATION, NEVER_LOWERED, PATIENCE, SANITY, SPREAD
from prgcore.timers.parameters import Settings, seconds
from prgcore.words import listed

__all__ = ["RULES", "Changes", "Sanity", "Sum", "Verdict", "changes", "check", "named", "total"]

RULES = SANITY
"""The rules between parameters; a machine keeps those whose parameters it has."""

Changes: TypeAlias = Mapping[str, int]
"""Whole values to set, by the name of the parameter."""

_JITTER = "jitter"


@frozen
class Verdict:
    """A rule of sanity, whether it holds, and what to change if it does not.

    Attributes:
        advice: what to do, as a phrase; empty where the rule holds.
        changes: the smallest set of changes after which this rule holds, and every other error and
            warning about the same parameters. Empty where the rule holds, and where no whole
            values help.
    """

    rule: Sanity
    holds: bool
    advice: str = ""
    changes: Changes = field(factory=dict)

    @property
    def wrong(self) -> bool:
        """Whether something should change: it is broken, and it is not only information."""
        return not self.holds and self.rule.kind != INFORMATION


def check(parameters: Settings, jitter: Number = 0) -> tuple[Verdict, ...]:
    """The verdict on every rule of sanity about these parameters, in the order of the table.

    Rules about the same parameters share one set of changes, which mends all of them.

    Args:
        jitter: how much later than its due time a heartbeat may arrive, in seconds, beyond
            the shortest delay. Sending and the network count together.

    Raises:
        BadInput: the jitter is not a number of seconds, 0 or more.
    """
    values = {**parameters.to_json(), _JITTER: seconds(jitter, _JITTER)}
    rules = [r for r in SANITY if all(n in values for _, n in (*r.less, *r.more) if n)]
    found: dict[str, Verdict] = {}
    for some in _apart(rules):
        for verdict in _verdicts(some, values, parameters.records):
            found[verdict.rule.id] = verdict
    return tuple(found[rule.id] for rule in rules)


def changes(verdicts: Iterable[Verdict]) -> Changes:
    """Everything to change, so that no error and no warning is left."""
    return {name: value for v in verdicts if v.wrong for name, value in v.changes.items()}


def _apart(rules: Sequence[Sanity]) -> list[list[Sanity]]:
    """The rules, in sets that have no parameter in common."""
    found: list[list[Sanity]] = []
    for rule in rules:
        near = [some for some in found if any(named(rule) & named(other) for other in some)]
        found = [some for some in found if some not in near]
        found.append([*(other for some in near for other in some), rule])
    return found


def named(rule: Sanity) -> set[str]:
    """The parameters that a rule is about."""
    return {name for _, name in (*rule.less, *rule.more)} - {"", _JITTER}


def _verdicts(
    rules: Sequence[Sanity], values: Mapping[str, Number], records: Mapping[str, Parameter],
) -> Iterator[Verdict]:
    """The verdicts on rules that share parameters."""
    grave = [r for r in rules if r.kind != INFORMATION]
    cure = _cure(grave, values, records)
    for rule in rules:
        if _holds(rule, values):
            yield Verdict(rule, holds=True)
        elif rule in grave:
            says = f"set {_said(cure)}" if cure else (
                f"no whole value of {listed(rule.change)} helps")
            yield Verdict(rule, False, says, cure)
        else:
            more = {} if cure else _cure([*grave, rule], values, records)
            yield Verdict(rule, False, "nothing need change" + (
                f"; the rule would hold with {_said(more)}" if more else ""), more)


def _said(some: Changes) -> str:
    return listed((f"{name}={value}" for name, value in some.items()), "and")


def total(terms: Sum, values: Mapping[str, Number]) -> Number:
    """The value of a sum."""
    return sum(times * (values[name] if name else 1) for times, name in terms)


def _holds(rule: Sanity, values: Mapping[str, Number]) -> bool:
    less, more = total(rule.less, values), total(rule.more, values)
    relations = {"<": less < more, "<=": less <= more, "!=": less != more}
    return relations[rule.relation]


# ------------------------------------------------------------- the smallest set of changes


def _cure(
    rules: Sequence[Sanity], values: Mapping[str, Number], records: Mapping[str, Parameter],
) -> Changes:
    """The best of the smallest sets of changes after which all of these rules hold; empty: none.

    A broken rule can only be mended by one of the parameters that it lets change, so every set of
    so many changes is found that way.
    """
    def cost(some: Changes) -> tuple[float, ...]:
        lowered = {name for name, value in some.items() if name in PATIENCE and value < values[name]}
        kept = [name for name in some if name not in lowered]
        default = sum(some[name] == records[name].default for name in kept)
        usual = sum(some[name] in _usual(name, {**values, **some}, records) for name in kept)
        return (len(lowered), -default, -usual,
                sum(abs(value - values[name]) for name, value in some.items()))

    for most in range(1, len({name for rule in rules for name in rule.change}) + 1):
        found = list(_cures(rules, values, records, {}, most))
        if found:
            return min(found, key=cost)
    return {}


def _cures(
    rules: Sequence[Sanity], values: Mapping[str, Number], records: Mapping[str, Parameter],
    made: dict[str, int], most: int,
) -> Iterator[Changes]:
    """Yield the sets of at most so many changes after which the rules hold, from those `made`."""
    now = {**values, **made}
    broken = next((rule for rule in rules if not _holds(rule, now)), None)
    if broken is None:
        if made:
            yield made
        return
    left = [name for name in broken.change if name not in made] if len(made) < most else []
    for name in left:
        for value in _values(name, rules, now, records):
            if len(left) > 1 or _holds(broken, {**now, name: value}):
                yield from _cures(rules, values, records, {**made, name: value}, most)


def _values(
    name: str, rules: Sequence[Sanity], now: Mapping[str, Number],
    records: Mapping[str, Parameter],
) -> Iterator[int]:
    """The whole values of a parameter that are worth a try.

    They are the usual ones, and those that just make one of the rules hold.
    """
    record = records[name]
    least = max(record.least, 1)
    if name in NEVER_LOWERED:
        least = max(least, min(now[name], record.default))
    edges = {_edge(name, other, now) for other in rules if name in named(other)}
    for value in sorted({*_usual(name, now, records), *edges}):
        if least <= value <= record.most and value != now[name]:
            yield value


def _usual(
    name: str, now: Mapping[str, Number], records: Mapping[str, Parameter],
) -> set[int]:
    """The recommended value, and the one at the recommended distance to another parameter."""
    found = {int(records[name].default)}
    if name in SPREAD:
        lower = SPREAD[name]
        found.add(ceil(now[lower]) + int(records[name].default - records[lower].default))
    return found


def _edge(name: str, rule: Sanity, now: Mapping[str, Number]) -> int:
    """The whole value of a parameter that just makes a rule hold."""
    above = any(n == name for _, n in rule.more)
    mine, other = (rule.more, rule.less) if above else (rule.less, rule.more)
    times = next(t for t, n in mine if n == name)
    equal = (total(other, now) - total(mine, now) + times * now[name]) / times
    near = sorted(range(floor(equal) - 1, ceil(equal) + 2), key=lambda v: (abs(v - equal), -v))
    return next(v for v in near if _holds(rule, {**now, name: v}))
