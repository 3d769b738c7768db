"""Telemetry for OpenTelemetry: observable instruments, and a span of every decision.

Law: names and numbers come from `prgcore.running.metrics`; here they only change their shape. This
uses the API only: the program that embeds it chooses the SDK, the exporters and the resource. One
meter gets each instrument once, however many pairs it is about: the callbacks of a second
instrument of one name are never called.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

from attrs import define

from prgcore.errors import MissingExtra
from prgcore.running.metrics import METRICS, Metric, Source, answering, names
from prgcore.running.telemetry import Telemetry
from prgcore.wire.entry import Entry

try:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter
    from opentelemetry.trace import Tracer, get_tracer
except ImportError:
    raise MissingExtra("the exporter for OpenTelemetry", "opentelemetry") from None

__all__ = ["observe", "trace"]


@define(eq=False)
class _Sources:
    """The pairs that one meter observes."""

    all: tuple[Source, ...] = ()


_observed: WeakKeyDictionary[Meter, _Sources] = WeakKeyDictionary()
_usual: list[Meter] = []
"""The meter of this package. It is kept: before a provider is set, each call makes another one."""


def observe(
    telemetry: Callable[[], Telemetry], meter: Meter | None = None, *, group: str = "",
    agent: str = "",
) -> None:
    """Observe a pair with an instrument of every metric, `prgcore.decisions` and so on.

    Args:
        telemetry: is called whenever a metric is read; a `Tally` is one.
        meter: makes the instruments; if not given, the meter of the current provider.
        group: the name of its group, an attribute of every number; empty: no such attribute.
        agent: likewise; the node that counts, if both nodes do.

    Raises:
        BadInput: this meter observes a pair with this group and agent already.
    """
    if meter is None:
        if not _usual:
            _usual.append(get_meter("prgcore"))
        meter = _usual[0]
    sources = _observed.get(meter) or _Sources()
    sources.all = names(sources.all, Source(telemetry, group, agent))
    if meter in _observed:
        return
    _observed[meter] = sources
    for metric in METRICS:
        kind = meter.create_observable_counter if metric.counter \
            else meter.create_observable_gauge
        kind(f"prgcore.{metric.name}", [_reader(sources, metric)],
             unit=metric.unit, description=metric.says)


def _reader(
    sources: _Sources, metric: Metric
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [
        Observation(number, {name: value for name, value in one.labels.items() if value}
                    | dict(zip(metric.labels, labels, strict=True)))
        for one, now in answering(sources.all)
        for labels, number in metric.samples(now)
    ]


def trace(entry: Entry, tracer: Tracer | None = None, *, group: str = "") -> None:
    """Record a decision as a span of no length, below the current span."""
    made = tracer or get_tracer("prgcore")
    moment = round(entry.time * 1e9)
    made.start_span(entry.event, start_time=moment, attributes={
        "prgcore.event": entry.event, "prgcore.outcome": entry.outcome,
        "prgcore.rule": entry.rule or "", "prgcore.why": entry.why, "prgcore.by": entry.by,
        "prgcore.epoch": entry.epoch, "prgcore.failed": [f.column for f in entry.failed],
        "prgcore.actions": [a.do for a in entry.actions],
        **({"prgcore.group": group} if group else {}),
    }).end(moment)
