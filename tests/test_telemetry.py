"""Telemetry: a fold over a log, its laws, and what the exporters publish of it."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from prgcore.adapters.otel import observe, trace
from prgcore.adapters.prometheus import Telemetered, publish, serve, text
from prgcore.engine import Engine
from prgcore.errors import BadInput, Unavailable
from prgcore.machine import prg
from prgcore.running import metrics
from prgcore.running.log import Tally
from prgcore.running.metrics import LIVE, METRICS
from prgcore.running.seldom import Seldom
from prgcore.running.telemetry import MOST, OTHER, Telemetry, fold, of
from prgcore.running.web import Shows
from prgcore.stores.record import Entry, begin, decided
from tests.agents import ports
from tests.odd import NAMES
from tests.toys import LAMPS, TURNSTILE

BEGAN = 1_790_000_000.0
HOME = ("enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)", "initialized(node2)")


def told(engine, events):
    """The log of a controller: events with the seconds at which they come."""
    pair, found = engine.initial[0], []
    record = begin(pair)
    for seconds, event in events:
        decision = engine.step(pair, event)
        record, entry = decided(record, pair, decision, by="controller", time=BEGAN + seconds)
        pair = decision.pair
        found.append(entry)
    return found


def walk(engine, seed, length=50):
    """A log of a random walk, at times in quarters of a second, so that sums are exact."""
    chance, events, pair, now = random.Random(seed), [], engine.initial[0], 0.0
    for _ in range(length):
        able = [e.name for e in engine.model.events if engine.possible(pair, e.name)]
        event = chance.choice(able)
        pair = engine.step(pair, event).pair
        now += chance.randrange(0, 400) / 4
        events.append((now, event))
    return told(engine, events)


@pytest.fixture(scope="module")
def failover():
    """A host dies at 100 s; its users are served again 70 s later."""
    return told(prg(), [
        *((float(i), event) for i, event in enumerate(HOME)), (60, "recover"),
        (100, "power_off(node2)"), (160, "heartbeat_lost(node1)"), (170, "takeover_done(node1)"),
        (300, "failover(node1)")])


# ------------------------------------------------------------------------ the fold


def test_an_outage_lasts_from_the_crash_until_the_users_are_served(failover):
    t = of(failover)
    assert t.users["node1"].outages == t.users["node1"].failovers == 0
    out = t.users["node2"]
    assert (out.served, out.outages, out.seconds, out.longest, out.failovers) == (
        True, 1, 70.0, 70.0, 1)
    assert t.unnamed == ()


def test_states_and_their_seconds(failover):
    t = of(failover)
    assert t.states == {"node1.state": "running_in_backup_mode", "node2.state": "failing_over"}
    assert t.seconds["node1.state", "taking_over"] == 10
    assert t.lasting["node1.state"] == 130
    assert t.entered["node1.state", "taking_over"] == 1
    assert sum(s for (c, _), s in t.seconds.items() if c == "node1.state") == t.passed == 300


def test_refusals_count_under_every_column_that_failed(failover):
    t = of(failover)
    assert t.outcomes() == {"done": 8, "refused": 2}
    assert t.refusals["recover", "node1.state"] == t.refusals["recover", "node2.state"] == 1
    assert t.decisions["", "recover", "refused"] == 1


def test_a_refusal_that_does_not_say_why_is_counted_too():
    t = of([{"epoch": 0, "time": 1, "event": "x", "outcome": "refused", "before": {}, "after": {}}])
    assert t.refusals == {("x", ""): 1}


def test_the_json_counts_by_rule_and_by_column_and_none_is_null():
    def entry(event, outcome, **more):
        return {"epoch": 1, "time": 1, "event": event, "outcome": outcome, "before": {},
                "after": {}, **more}

    failed = [{"column": "node1.state", "is": "normal", "in": ["down"]}]
    made = of([entry("x", "done", rule="R"), entry("x", "done", rule="R"),
               entry("x", "refused", failed=failed), entry("y", "refused")]).to_json()
    assert made["decisions"] == [
        {"rule": None, "event": "x", "outcome": "refused", "count": 1},
        {"rule": None, "event": "y", "outcome": "refused", "count": 1},
        {"rule": "R", "event": "x", "outcome": "done", "count": 2},
    ]
    assert made["refusals"] == [
        {"command": "x", "column": "node1.state", "count": 1},
        {"command": "y", "column": None, "count": 1},
    ]


def test_a_log_of_agents_says_what_it_cannot_tell(failover):
    hidden = ("node1.process", "node2.process")
    entries = [e.to_json() for e in failover]
    for entry in entries:
        for cells in (entry["before"], entry["after"]):
            for column in hidden:
                del cells[column]
    t = of(e for e in entries if e["event"] != "power_off(node2)")
    assert t.unnamed == hidden
    assert t.users["node2"].seconds == 10


def test_columns_may_come_one_by_one():
    def entry(time, **after):
        cells = {key.replace("_", ".", 1): value for key, value in after.items()}
        return Entry(1, time, "node1", "x", "done", "R", "", {}, cells)

    t = of([entry(0, node1_state="a"), entry(4, node2_state="b"), entry(10, node1_state="c")])
    assert t.seconds == {("node1.state", "a"): 10, ("node2.state", "b"): 6}
    assert t.states == {"node1.state": "c", "node2.state": "b"}
    assert t.users == {}


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 50))
def test_a_log_may_be_folded_in_parts(seed, cut):
    entries = walk(prg(), seed)
    whole = of(entries)
    assert of(entries[cut:], of(entries[:cut])) == whole
    one_by_one = Telemetry()
    for entry in entries:
        one_by_one = fold(one_by_one, entry)
    assert one_by_one == whole
    assert of(json.loads(json.dumps([e.to_json() for e in entries]))) == whole


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000))
def test_totals_add_up(seed):
    entries = walk(prg(), seed)
    t = of(entries)
    assert sum(t.decisions.values()) == t.entries == len(entries)
    assert t.passed == entries[-1].time - entries[0].time
    for column in t.columns:
        assert sum(s for (c, _), s in t.seconds.items() if c == column) == t.passed
    changed = sum(e.before[c] != e.after[c] for e in entries for c in e.before)
    assert sum(t.entered.values()) == changed
    for users in t.users.values():
        assert users.longest <= users.seconds <= t.passed
    assert {c: entries[-1].after[c] for c in t.columns} == t.columns


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 400), st.integers(0, 400))
def test_time_goes_on_without_entries(seed, first, second):
    t = of(walk(prg(), seed))
    assert t.at(t.last + first).at(t.last + first + second) == t.at(t.last + first + second)
    assert t.at(t.last - 1) == t
    assert t.at(t.last + first).passed == t.passed + first


def test_folding_on_leaves_the_old_value_alone(failover):
    t = of(failover[:5])
    kept = json.dumps(t.to_json())
    of(failover[5:], t)
    t.at(t.last + 100)
    assert json.dumps(t.to_json()) == kept


def test_a_clock_that_steps_back_gives_no_seconds(failover):
    first, second, third, *_ = failover
    t = of([evolve(first, time=100), evolve(second, time=40), evolve(third, time=50)])
    assert (t.backwards, t.passed, t.last) == (1, 10.0, 50.0)
    assert all(s >= 0 for s in t.seconds.values())


def test_afresh_keeps_how_things_are_and_forgets_the_counts(failover):
    t = of(failover[:8])
    new = t.afresh(t.last + 5)
    assert (new.columns, new.entries, new.decisions, new.seconds) == (t.columns, 0, {}, {})
    assert new.lasting["node2.state"] == t.lasting["node2.state"] + 5
    assert of(failover[8:], new).users["node2"].seconds == 5


@pytest.mark.parametrize("model", [TURNSTILE, LAMPS], ids=lambda m: m.name)
def test_a_machine_without_states_or_users(model):
    engine = Engine(model)
    t = of(walk(engine, 3))
    assert set(t.states) == set(engine.stored)
    assert t.users == {}
    assert t.to_json()["users"] == {}
    assert f'prgcore_state{{node="{engine.stored[0]}"' in text(t)


# ------------------------------------------------------------------ what is no entry

GOOD = {"epoch": 1, "time": 1.5, "event": "x", "outcome": "done", "before": {}, "after": {}}


@pytest.mark.parametrize("change", [
    {"epoch": -1}, {"epoch": 1.5}, {"epoch": True}, {"epoch": 1 << 70}, {"epoch": None},
    {"time": "1"}, {"time": float("nan")}, {"time": float("inf")}, {"time": 1_790_000_000_000},
    {"time": -1}, {"time": True}, {"event": 3}, {"event": "x" * 201}, {"outcome": "maybe"},
    {"outcome": ["done"]}, {"rule": 7}, {"before": []}, {"before": {"a": 1}}, {"after": None},
    {"after": {str(i): "" for i in range(1001)}}, {"actions": "x"}, {"actions": [3]},
    {"failed": [{}]}, {"failed": {"column": "x"}}, {"by": None}, {"why": 0},
], ids=str)
def test_what_is_no_entry_is_skipped(change):
    assert of([GOOD]).entries == 1
    with pytest.raises(BadInput, match=f"^{next(iter(change))} of an entry is .*; expected"):
        Entry.from_json(GOOD | change)
    t = of([GOOD | change, GOOD])
    assert (t.entries, t.skipped) == (1, 1)


@pytest.mark.parametrize("value", [None, 3, "x", [], [GOOD], True])
def test_what_is_no_object_is_skipped(value):
    assert of([value]) == Telemetry(skipped=1)


def test_an_entry_survives_json(failover):
    for entry in failover:
        again = Entry.from_json(json.loads(json.dumps(entry.to_json())))
        assert again.to_json() == entry.to_json()
    assert Entry.from_json(GOOD | {"more": 1}).event == "x"


def test_a_log_of_endless_names_does_not_fill_the_memory(monkeypatch):
    assert MOST == 2000
    monkeypatch.setattr("prgcore.running.telemetry.MOST", most := 400)
    names = (GOOD | {"event": f"e{i}", "after": {f"c{i}.state": "x"}} for i in range(3 * most))
    t = of(names)
    assert len(t.decisions) <= most + 1
    assert len(t.columns) == len(t.seconds) == most
    assert t.decisions[(OTHER,) * 3] == 2 * most
    assert sum(t.decisions.values()) == t.entries == 3 * most


# --------------------------------------------------------------------- exporters


def published(page):
    return {(s.name, tuple(sorted(s.labels.items()))): s.value
            for family in text_string_to_metric_families(page) for s in family.samples}


def test_prometheus_reads_what_is_published(failover):
    t = of(failover)
    page = text(t)
    found = published(page)
    assert found["prgcore_state", (("node", "node1"), ("state", "running_in_backup_mode"))] == 1
    assert found["prgcore_state", (("node", "node1"), ("state", "normal"))] == 0
    assert found["prgcore_outage_seconds_total", (("users", "node2"),)] == 70
    assert found["prgcore_epoch", ()] == 8
    one = [v for (name, _), v in found.items() if name == "prgcore_decisions_total"]
    assert sum(one) == t.entries
    assert len(found) == sum(len(m.samples(t)) for m in METRICS)
    kinds = {f.name: f.type for f in text_string_to_metric_families(page)}
    assert kinds == {f"prgcore_{m.name}": "counter" if m.counter else "gauge" for m in METRICS}


def test_every_node_is_in_one_state(failover):
    for cut in range(1, len(failover) + 1):
        found = published(text(of(failover[:cut])))
        for node in ("node1", "node2"):
            assert sum(v for (name, labels), v in found.items()
                       if name == "prgcore_state" and ("node", node) in labels) == 1


def test_what_is_published_is_sorted_and_the_same_again(failover):
    assert text(of(failover)) == text(of(list(failover)))
    for metric in METRICS:
        samples = metric.samples(of(failover))
        assert samples == sorted(samples)
        assert all(len(labels) == len(metric.labels) for labels, _ in samples)


def test_names_of_metrics_follow_the_conventions():
    names = [m.name for m in (*METRICS, *LIVE)]
    assert len(set(names)) == len(names)
    for metric in (*METRICS, *LIVE):
        assert not metric.name.endswith("_total")
        assert metric.says
        assert not metric.says.endswith(".")


def test_an_empty_log_is_published_too():
    found = published(text(Telemetry()))
    assert found["prgcore_entries_total", ()] == 0
    assert not any(name == "prgcore_state" for name, _ in found)


def test_labels_of_a_hostile_log_stay_labels():
    t = of([GOOD | {"event": 'a"\n} 3\\', "after": {"node1.state": "\u2028"}}])
    assert ("prgcore_decisions_total", (
        ("event", 'a"\n} 3\\'), ("outcome", "done"), ("rule", ""))) in published(text(t))


def test_a_server_answers_until_it_is_ended(failover):
    tally = Tally(clock=lambda: BEGAN + 400)
    for entry in failover:
        tally.add(entry)
    registry = CollectorRegistry()
    registry.register(Telemetered(tally))
    assert registry.get_sample_value("prgcore_state_age_seconds", {"node": "node1"}) == 230
    (port,) = ports(1)
    end = serve(tally, port)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            assert published(answer.read().decode())["prgcore_epoch", ()] == 8
        with pytest.raises(BadInput, match=f"cannot listen at 127.0.0.1:{port}"):
            serve(tally, port)
    finally:
        end()
    with pytest.raises(BadInput, match="cannot listen"):
        serve(tally, 1 << 20)


def linted(page):
    """What promtool says against a page of metrics."""
    done = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), capture_output=True,
                          check=False)
    return (done.stdout + done.stderr).decode()


@pytest.mark.promtool
def test_promtool_has_nothing_against_a_page(failover):
    shows = Shows("cup1", serves=frozenset({"node1"}), groups={"cup1": "node1", "node1": "node1"})
    for page in (text(of(failover)), text(of(failover), shows, group="Sales", agent="node1"),
                 text(Telemetry()), text(of(failover), Shows("x"), group='a"b\\c\nd')):
        assert linted(page) == ""


def test_prometheus_reads_every_name_of_a_group_back(failover):
    for name in NAMES:
        read = text_string_to_metric_families(text(of(failover), Shows(name), group=name))
        assert {s.labels["group"] for family in read for s in family.samples} == {name}


@pytest.mark.promtool
def test_promtool_has_nothing_against_an_odd_name(failover):
    for name in NAMES[::9]:
        assert linted(text(of(failover), Shows(name), group=name)) == ""


def test_several_pairs_of_one_registry_are_one_page(failover):
    """Each metric is described once, and a label tells the pairs apart."""
    registry = CollectorRegistry()
    publish(lambda: of(failover), "Sales", registry)
    publish(lambda: of(failover[:3]), "Plant", registry)
    page = generate_latest(registry).decode()
    assert page.count("# HELP prgcore_epoch ") == page.count("# TYPE prgcore_epoch ") == 1
    assert registry.get_sample_value("prgcore_epoch", {"group": "Sales"}) == 8
    assert registry.get_sample_value("prgcore_epoch", {"group": "Plant"}) == 3
    assert 'prgcore_state{group="Sales",node="node1",state="normal"}' in page
    with pytest.raises(BadInput, match="'Sales' is published already"):
        publish(lambda: of(failover), "Sales", registry)
    publish(lambda: of(failover), "Sales", registry, agent="node2")
    assert registry.get_sample_value("prgcore_epoch", {"group": "Sales", "agent": "node2"}) == 8
    if shutil.which("promtool"):
        assert linted(generate_latest(registry).decode()) == ""


def test_a_second_collector_is_refused_and_not_read_past(failover):
    registry = CollectorRegistry()
    registry.register(Telemetered(lambda: of(failover)))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(Telemetered(lambda: of(failover), "Plant"))
    with pytest.raises(BadInput, match="pair without a group is published already"):
        Telemetered(lambda: of(failover)).add(lambda: of(failover), "")


def test_a_pair_whose_store_does_not_answer_hides_no_other_one(failover, caplog, monkeypatch):
    """Each pair has a store of its own, and one page is about all of them."""
    monkeypatch.setattr(metrics, "_seldom", Seldom())
    registry, (reader, meter), there = CollectorRegistry(), _metered(), [True]

    def gone():
        if there:
            return of(failover)
        raise Unavailable("no etcd answers")

    for group, read in (("Sales", gone), ("", lambda: of(failover[:3]))):
        publish(read, group, registry)
        observe(read, meter, group=group)
    whole = generate_latest(registry).decode()
    there.clear()
    for _ in range(3):
        page = generate_latest(registry).decode()
        seen = {p.attributes.get("group") for r in reader.get_metrics_data().resource_metrics
                for s in r.scope_metrics for m in s.metrics for p in m.data.data_points}
        assert seen == {None}
        assert page.splitlines() == [one for one in whole.splitlines() if 'group="Sales"' not in one]
    assert [r.message for r in caplog.records] == [
        "the metrics of the pair of group 'Sales' are left out: no etcd answers"]
    lonely = CollectorRegistry()
    publish(gone, "Sales", lonely)
    with pytest.raises(Unavailable):
        generate_latest(lonely)


def _metered():
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    return reader, MeterProvider([reader]).get_meter("test")


def test_one_pair_has_the_labels_that_it_had(failover):
    registry = CollectorRegistry()
    registry.register(Telemetered(lambda: of(failover)))
    assert generate_latest(registry).decode() == text(of(failover))
    assert "group=" not in text(of(failover))


def test_a_look_is_seen_without_a_decision(failover):
    seen = of(failover[:4]).seeing({"node1.state": "taking_over", "node1.reason": "peer_down"}, BEGAN + 50)
    assert seen.entries == 4
    assert seen.states["node1.state"] == "taking_over"
    assert seen.at(BEGAN + 60).lasting["node1.state"] == 10
    tally = Tally(clock=lambda: BEGAN + 50, start=of(failover[:4]))
    tally.see({"node1.state": "taking_over", "node1.reason": "peer_down"})
    assert tally() == seen


class Kept:
    """Of a store, its history."""

    def __init__(self, entries):
        self.entries, self.asked = entries, []

    def history(self, after=0):
        self.asked.append(after)
        return (e.to_json() for e in self.entries if e.outcome == "done" and e.epoch > after)


def test_a_tally_reads_the_history_of_a_store_once(failover):
    store = Kept(failover[:5])
    tally = Tally(store, clock=lambda: BEGAN)
    assert tally() == tally() == of(failover[:5])
    store.entries = failover
    assert tally().epoch == 8
    assert store.asked == [0, 5, 5]


def test_opentelemetry_reads_the_same_numbers(failover):
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader, t = InMemoryMetricReader(), of(failover)
    provider = MeterProvider(metric_readers=[reader])
    observe(lambda: t, provider.get_meter("test"))
    data = reader.get_metrics_data()
    [scope] = data.resource_metrics[0].scope_metrics
    found = {
        (metric.name.replace(".", "_"), tuple(sorted(point.attributes.items()))): point.value
        for metric in scope.metrics for point in metric.data.data_points
    }
    assert found == {(name.removesuffix("_total"), labels): value
                     for (name, labels), value in published(text(t)).items()}
    units = {m.name: m.unit for m in scope.metrics}
    assert units["prgcore.outage_seconds"] == "s"
    assert units["prgcore.decisions"] == "1"
    monotonic = {m.name for m in scope.metrics if getattr(m.data, "is_monotonic", False)}
    assert monotonic == {f"prgcore.{m.name}" for m in METRICS if m.counter}
    provider.shutdown()


def test_opentelemetry_reads_every_pair_of_one_meter(failover):
    """The callbacks of a second instrument of one name are never called."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    meter = provider.get_meter("test")
    observe(lambda: of(failover), meter, group="Sales")
    observe(lambda: of(failover[:3]), meter, group="Plant", agent="node1")
    with pytest.raises(BadInput, match="'Sales' is published already"):
        observe(lambda: of(failover), meter, group="Sales")
    [scope] = reader.get_metrics_data().resource_metrics[0].scope_metrics
    epochs = {tuple(sorted(p.attributes.items())): p.value for m in scope.metrics
              if m.name == "prgcore.epoch" for p in m.data.data_points}
    assert epochs == {(("group", "Sales"),): 8, (("agent", "node1"), ("group", "Plant")): 3}
    assert len({m.name for m in scope.metrics}) == len(scope.metrics)
    provider.shutdown()


def test_a_decision_is_a_span_at_its_time(failover):
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    for entry in failover:
        trace(entry, provider.get_tracer("test"))
    spans = kept.get_finished_spans()
    assert [s.name for s in spans] == [e.event for e in failover]
    refused = spans[5]
    assert refused.attributes["prgcore.failed"] == ("node1.state", "node2.state")
    assert refused.attributes["prgcore.outcome"] == "refused"
    assert refused.start_time == refused.end_time == int(BEGAN + 60) * 10**9
    provider.shutdown()


# ---------------------------------------------------------- the page and the alerts

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "examples/alerts.yml"


def test_every_metric_is_on_the_page():
    page = (ROOT / "docs/observe.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| `(prgcore_\w+)` \| (.*?) \|", page, re.MULTILINE)
    assert shown == [(f"prgcore_{m.name}" + "_total" * m.counter,
                      ", ".join(f"`{label}`" for label in m.labels)) for m in (*METRICS, *LIVE)]


def test_the_alerts_ask_for_what_is_published():
    """Every metric, label and state that an alert names is one."""
    page = ALERTS.read_text(encoding="utf-8")
    known = {f"prgcore_{m.name}" + "_total" * m.counter: m for m in (*METRICS, *LIVE)}
    asked = re.findall(r"(prgcore_\w+)(?:\{([^}]*)\})?", page)
    assert len(asked) >= 6
    states = {v for c in prg().model.columns if c.name == "node1.state" for v in c.domain}
    for name, cells in asked:
        assert name in known
        for label, value in re.findall(r'(\w+)=~?"([^"]*)"', cells):
            assert label in known[name].labels
            if label == "state":
                assert set(value.split("|")) <= states
    [stuck] = re.findall(r'state=~"([^"]*)"', page)
    assert set(stuck.split("|")) == {v for c in prg().model.transient for v in c.values}


@pytest.mark.promtool
def test_promtool_reads_the_alerts():
    done = subprocess.run(["promtool", "check", "rules", ALERTS], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


ALERTED = """
rule_files: [alerts.yml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {{series: 'prgcore_served{{instance="a",group="Sales",users="node1"}}', values: '1 0x20'}}
      - {{series: 'prgcore_served{{instance="a",group="Plant",users="node1"}}', values: '1x20'}}
      - {{series: 'prgcore_state_age_seconds{{instance="a",group="Sales",node="node1"}}', values: '1000x20'}}
      - {{series: 'prgcore_state_age_seconds{{instance="a",group="Plant",node="node1"}}', values: '1x20'}}
      - {{series: 'prgcore_state{{instance="a",group="Sales",node="node1",state="taking_over"}}', values: '1x20'}}
      - {{series: 'prgcore_state{{instance="a",group="Plant",node="node1",state="taking_over"}}', values: '1x20'}}
    alert_rule_test:
      - eval_time: 10m
        alertname: UsersOut
        exp_alerts: [{{exp_labels: {{instance: a, group: Sales, users: node1}}, exp_annotations: {{summary:
          "Nobody serves the users of node1."}}}}]
      - eval_time: 10m
        alertname: StuckInTransition
        exp_alerts: [{{exp_labels: {{instance: a, group: Sales, node: node1}}, exp_annotations: {{summary:
          "node1 should have left this state long ago."}}}}]
"""


@pytest.mark.promtool
def test_an_alert_of_one_pair_is_not_of_another(tmp_path):
    """Two pairs of one program have one instance; their group tells them apart."""
    shutil.copy(ALERTS, tmp_path)
    (tmp_path / "test.yml").write_text(ALERTED.format())
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
