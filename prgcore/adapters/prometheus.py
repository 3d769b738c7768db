"""Telemetry for Prometheus: a collector, a page of text, a server.

Law: names and numbers come from `prgcore.running.metrics`; here they only change their shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import frozen

from prgcore.errors import BadInput, MissingExtra
from prgcore.running.metrics import METRICS
from prgcore.running.telemetry import Telemetry

try:
    from prometheus_client import CollectorRegistry, generate_latest, start_http_server
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
    from prometheus_client.registry import Collector
except ImportError:
    raise MissingExtra("the exporter for Prometheus", "prometheus") from None

__all__ = ["Telemetered", "serve", "text"]


@frozen
class Telemetered(Collector):
    """A collector for a registry: `REGISTRY.register(Telemetered(tally))`.

    Args:
        telemetry: is called whenever metrics are read; a `Tally` is one.
    """

    telemetry: Callable[[], Telemetry]

    def collect(self) -> Iterator[Metric]:
        """Every metric, as it is now."""
        now = self.telemetry()
        for metric in METRICS:
            family = CounterMetricFamily if metric.counter else GaugeMetricFamily
            found = family(f"prgcore_{metric.name}", metric.says, labels=metric.labels)
            for labels, number in metric.samples(now):
                found.add_metric(labels, number)
            yield found

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering reads no numbers."""
        return iter(())


def text(telemetry: Telemetry) -> str:
    """The page that Prometheus reads; a file `*.prom` for the textfile collector of its exporter."""
    registry = CollectorRegistry()
    registry.register(Telemetered(lambda: telemetry))
    return generate_latest(registry).decode()


def serve(telemetry: Callable[[], Telemetry], port: int, address: str = "127.0.0.1") -> Callable[[], None]:
    """Answer Prometheus at `http://address:port/metrics`, in a thread; call the result to stop.

    Raises:
        BadInput: the port is not free, or not a port.
    """
    registry = CollectorRegistry()
    registry.register(Telemetered(telemetry))
    try:
        server, thread = start_http_server(port, address, registry)
    except (OSError, OverflowError) as error:
        raise BadInput(f"cannot listen at {address}:{port}: {error}; give another port") from None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
