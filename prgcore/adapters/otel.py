"""Telemetry for OpenTelemetry: observable instruments, and a span of every decision.

Law: names and numbers come from `prgcore.running.metrics`; here they only change their shape. This
uses the API only: the program that embeds it chooses the SDK, the exporters and the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prgcore.errors import MissingExtra
from prgcore.running.metrics import METRICS, Metric
from prgcore.running.telemetry import Telemetry
from prgcore.wire.entry import Entry

try:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation, get_meter
    from opentelemetry.trace import Tracer, get_tracer
except ImportError:
    raise MissingExtra("the exporter for OpenTelemetry", "opentelemetry") from None

__all__ = ["observe", "trace"]


def observe(telemetry: Callable[[], Telemetry], meter: Meter | None = None) -> None:
    """Make an instrument of every metric, `prgcore.decisions` and so on.

    Args:
        telemetry: is called whenever a metric is read; a `Tally` is one.
        meter: makes the instruments; if not given, the meter of the current provider.
    """
    made = meter or get_meter("prgcore")
    for metric in METRICS:
        kind = made.create_observable_counter if metric.counter \
            else made.create_observable_gauge
        kind(f"prgcore.{metric.name}", [_reader(telemetry, metric)],
             unit=metric.unit, description=metric.says)


def _reader(
    telemetry: Callable[[], Telemetry], metric: Metric
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [
        Observation(number, dict(zip(metric.labels, labels, strict=True)))
        for labels, number in metric.samples(telemetry())
    ]


def trace(entry: Entry, tracer: Tracer | None = None) -> None:
    """Record a decision as a span of no length, below the current span."""
    made = tracer or get_tracer("prgcore")
    moment = round(entry.time * 1e9)
    made.start_span(entry.event, start_time=moment, attributes={
        "prgcore.event": entry.event, "prgcore.outcome": entry.outcome,
        "prgcore.rule": entry.rule or "", "prgcore.why": entry.why, "prgcore.by": entry.by,
        "prgcore.epoch": entry.epoch, "prgcore.failed": [f.column for f in entry.failed],
        "prgcore.actions": [a.do for a in entry.actions],
    }).end(moment)
