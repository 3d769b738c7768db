"""The rules between the service parameters: whether each holds, and what to change if not.

Law: pure; the rules are data (`prgcore.tables.timers`), and this module reads them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import ceil, floor

from attrs import frozen

from prgcore.model import Number, Parameter
from prgcore.tables.facts import Sanity, Sum
from prgcore.tables.timers import SANITY
from prgcore.timers.parameters import Settings, seconds
from prgcore.words import listed

__all__ = ["RULES", "Sanity", "Sum", "Verdict", "check"]

RULES = SANITY
"""The rules between parameters; a machine keeps those whose parameters it has."""


@frozen
class Verdict:
    """A rule of sanity, whether it holds, and what to change if it does not."""

    rule: Sanity
    holds: bool
    advice: str = ""


def check(parameters: Settings, jitter: Number = 0) -> tuple[Verdict, ...]:
    """The verdict on every rule of sanity about these parameters, in the order of the table.

    Args:
        jitter: how much later than its due time a heartbeat may arrive, in seconds, beyond
            the shortest delay. Sending and the network count together.

    Raises:
        BadInput: the jitter is not a number of seconds, 0 or more.
    """
    values = {**parameters.to_json(), "jitter": seconds(jitter, "jitter")}
    rules = [r for r in SANITY if all(n in values for _, n in (*r.less, *r.more) if n)]

    def advice(rule: Sanity) -> str:
        return _advice(rule, rules, values, parameters.records)

    return tuple(Verdict(rule, holds, "" if holds else advice(rule))
                 for rule in rules for holds in [_holds(rule, values)])


def _total(terms: Sum, values: Mapping[str, Number]) -> Number:
    return sum(times * (values[name] if name else 1) for times, name in terms)


def _holds(rule: Sanity, values: Mapping[str, Number]) -> bool:
    less, more = _total(rule.less, values), _total(rule.more, values)
    relations = {"<": less < more, "<=": less <= more, "!=": less != more}
    return relations[rule.relation]


def _advice(
    rule: Sanity, rules: Sequence[Sanity], values: Mapping[str, Number],
    records: Mapping[str, Parameter],
) -> str:
    """The first change that helps and breaks no other rule that holds; else the first of all."""
    helpful = list(_changes(rule, values, records))
    if not helpful:
        return f"no whole value of {listed(rule.change)} alone helps"
    held = [other for other in rules if _holds(other, values)]
    harmless = ((name, value) for name, value in helpful
                if all(_holds(other, {**values, name: value}) for other in held))
    name, value = next(harmless, helpful[0])
    return f"set {name}={value}"


def _changes(
    rule: Sanity, values: Mapping[str, Number], records: Mapping[str, Parameter]
) -> Iterator[tuple[str, int]]:
    """The whole values of a parameter that make the rule hold, the nearest first."""
    for name in rule.change:
        record = records[name]
        above = any(n == name for _, n in rule.more)
        mine, other = (rule.more, rule.less) if above else (rule.less, rule.more)
        times = next(t for t, n in mine if n == name)
        without = _total(other, values) - _total(mine, values) + times * values[name]
        equal = without / times
        for value in sorted(range(floor(equal) - 1, ceil(equal) + 2), key=lambda v: (
                abs(v - equal), -v)):
            fits = max(record.least, 1) <= value <= record.most
            if fits and _holds(rule, {**values, name: value}):
                yield name, value
