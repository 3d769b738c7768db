"""Telemetry for Prometheus: a collector, a page of text, a server.

Law: names and numbers come from `prgcore.running.metrics`; here they only change their shape. One
registry has one collector, however many pairs it is about: Prometheus refuses a page on which one
metric is described twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

from prgcore.errors import BadInput, MissingExtra
from prgcore.running.metrics import LIVE, METRICS, Metric, Source, answering, names
from prgcore.running.telemetry import Telemetry

try:
    from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, start_http_server
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
    from prometheus_client.core import Metric as Family
    from prometheus_client.registry import Collector
except ImportError:
    raise MissingExtra("the exporter for Prometheus", "prometheus") from None

__all__ = ["Telemetered", "publish", "serve", "text"]

_published: WeakKeyDictionary[CollectorRegistry, Telemetered] = WeakKeyDictionary()


class Telemetered(Collector):
    """A collector for a registry: `REGISTRY.register(Telemetered(tally))`.

    A second pair of the same program is another source of the same collector: see `add`, `publish`.

    Args:
        telemetry: is called whenever metrics are read; a `Tally` is one. None: only `add` names
            sources.
        group: the name of its group, which becomes the label `group`; empty: no such label.
    """

    def __init__(
        self, telemetry: Callable[[], Telemetry] | None = None, group: str = "", agent: str = "",
    ) -> None:
        self._sources: tuple[Source, ...] = ()
        if telemetry is not None:
            self.add(telemetry, group, agent)

    def add(self, telemetry: Callable[[], Telemetry], group: str, agent: str = "") -> None:
        """Publish one more pair; `agent` names the node that counts, if both nodes do.

        Raises:
            BadInput: a source with this group and agent is there already.
        """
        self._sources = names(self._sources, Source(telemetry, group, agent))

    def collect(self) -> Iterator[Family]:
        """Every metric, as it is now, of every pair whose store answers.

        Raises:
            PrgError: no pair answers.
        """
        yield from _families(METRICS, [(one.labels, now) for one, now in answering(self._sources)],
                             [one.labels for one in self._sources])

    def describe(self) -> Iterator[Family]:
        """Every metric without numbers, so that a registry refuses a second collector of them."""
        return _families(METRICS, [])


def publish(
    telemetry: Callable[[], Telemetry], group: str, registry: CollectorRegistry = REGISTRY,
    agent: str = "",
) -> None:
    """Publish a pair in a registry, beside those that were published there before.

    Args:
        telemetry: is called whenever metrics are read; a `Tally` is one.
        group: the name of its group, which becomes the label `group`.

    Raises:
        BadInput: a pair of this name is there already.
    """
    found = _published.get(registry)
    if found is None:
        found = Telemetered(telemetry, group, agent)
        registry.register(found)
        _published[registry] = found
    else:
        found.add(telemetry, group, agent)


def _families(
    metrics: tuple[Metric, ...], read: list[tuple[dict[str, str], Any]],
    known: Iterable[dict[str, str]] = (),
) -> Iterator[Family]:
    """The metrics of every source, each metric once. A source without a label leaves it empty.

    Args:
        known: the labels of sources that are not read now; a page keeps its labels without them.
    """
    every = [*known, *(labels for labels, _ in read)]
    more = tuple(name for name in ("group", "agent") if any(labels[name] for labels in every))
    for metric in metrics:
        family = CounterMetricFamily if metric.counter else GaugeMetricFamily
        found = family(f"prgcore_{metric.name}", metric.says, labels=(*more, *metric.labels))
        for labels, now in read:
            for values, number in metric.samples(now):
                found.add_metric((*(labels[name] for name in more), *values), number)
        yield found


class _Read(Collector):
    """Metrics that were read once."""

    def __init__(self, families: list[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Family]:
        return iter(self._families)


def text(
    telemetry: Telemetry, shows: object = None, *, group: str = "", agent: str = "",
) -> str:
    """The page that Prometheus reads; a file `*.prom` for the textfile collector of its exporter.

    Args:
        shows: what the agent shows of itself now (`prgcore.running.web.Shows`); None: no agent.
        group: the label `group` of every metric; empty: no such label.
        agent: likewise; the node that counts.
    """
    labels = {"group": group, "agent": agent}
    families = list(_families(METRICS, [(labels, telemetry)]))
    if shows is not None:
        families += _families(LIVE, [(labels, shows)])
    registry = CollectorRegistry()
    registry.register(_Read(families))
    return generate_latest(registry).decode()


def serve(
    telemetry: Callable[[], Telemetry], port: int, address: str = "127.0.0.1", group: str = "",
) -> Callable[[], None]:
    """Answer Prometheus at `http://address:port/metrics`, in a thread; call the result to stop.

    Raises:
        BadInput: the port is not free, or not a port.
    """
    registry = CollectorRegistry()
    registry.register(Telemetered(telemetry, group))
    try:
        server, thread = start_http_server(port, address, registry)
    except (OSError, OverflowError) as error:
        raise BadInput(f"cannot listen at {address}:{port}: {error}; give another port") from None

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
