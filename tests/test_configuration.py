"""Configuration: any JSON is answered, every rule can be broken alone, the machine foretells."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import prgcore
from prgcore import PRG, BadInput, Machine
from prgcore.cli import main
from prgcore.configuration import (
    FORMATS,
    Deployment,
    Group,
    Node,
    Wan,
    check,
    dump,
    enable,
    example,
    load,
    parse,
    read,
    schema,
)
from prgcore.configuration.rules import CHECKS
from prgcore.errors import NeedsTwoNodes
from prgcore.parameters import Parameters
from prgcore.services import critical_services
from prgcore.tables.configuration import FIELDS, RULES
from prgcore.tables.decisions import DECISIONS
from tests.test_purity import traps

PACKAGE = Path(prgcore.__file__).parent
FORM = {r.id for r in RULES if r.id.startswith("form_")}
BY_ONE_VALUE = FORM | {f.rule for f in FIELDS}
SERVICES = tuple(s.name for s in critical_services(Parameters()))
SIX = tuple(s.name for s in critical_services(Parameters(), persistent_chat=True))

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                 max_size=3),
    max_leaves=12,
)


# ------------------------------------------------------------- one breaking, one rule

Value = dict[str, Any]


def _four_groups(value: Value) -> None:
    for i in (5, 7):
        more = [value["nodes"][3] | {"name": f"imp{n}"} for n in (i, i + 1)]
        value["nodes"] += more
        value["groups"].append({"name": f"east-{i}", "nodes": [n["name"] for n in more],
                                "high_availability": True})


def _unknown_node(value: Value) -> None:
    del value["nodes"][3]
    value["groups"][1]["nodes"][1] = "impossible"


def _in_two_groups(value: Value) -> None:
    del value["nodes"][3]
    value["groups"][1]["nodes"][1] = "IMP1"


def _alone(value: Value) -> None:
    del value["nodes"][3]
    del value["groups"][1]["nodes"][1]


def _twice(value: Value) -> None:
    del value["nodes"][3]
    value["groups"][1]["nodes"][1] = "Imp3"


def _long_host(value: Value) -> None:
    value["nodes"][0]["name"] = value["groups"][0]["nodes"][0] = "a" * 256


def _nowhere(value: Value) -> None:
    value["nodes"][2]["cluster"] = value["nodes"][3]["cluster"] = ""


def _three(value: Value) -> None:
    value["nodes"].append(value["nodes"][3] | {"name": "imp5"})
    value["groups"][1]["nodes"].append("imp5")


def _put(*path: str | int, to: Any) -> Callable[[Value], None]:
    def put(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return put


def _all_off(value: Value) -> None:
    for group in value["groups"]:
        del group["high_availability"]


BREAKINGS: dict[str, list[tuple[Callable[[Value], None], str]]] = {
    "form_kind": [
        (_put("nodes", 0, "version", to=14), "nodes[0].version"),
        (_put("nodes", 0, "replication", to=2.5), "nodes[0].replication"),
        (_put("nodes", 0, "replication", to=True), "nodes[0].replication"),
        (_put("groups", 0, "high_availability", to="yes"), "groups[0].high_availability"),
        (_put("groups", 0, "description", to="\ud800"), "groups[0].description"),
        (_put("wan", to=None), "wan"),
        (_put("wan", "bandwidth", to=float("inf")), "wan.bandwidth"),
        (_put("parameters", to=[]), "parameters"),
        (_put("nodes", 0, "services", to="all"), "nodes[0].services"),
    ],
    "form_missing": [
        (lambda v: v["wan"].pop("round_trip"), "wan.round_trip"),
        (lambda v: v["nodes"][2].pop("replication"), "nodes[2].replication"),
    ],
    "form_unknown": [
        (_put("nodes", 1, "versoin", to="14"), "nodes[1].versoin"),
        (_put("a key", to=1), '"a key"'),
    ],
    "form_value": [
        (_long_host, "nodes[0].name"), (_nowhere, "nodes[2].cluster"),
    ],
    "form_parameter": [
        (_put("parameters", "keep_alive_timeout", to=-1), "parameters.keep_alive_timeout"),
        (_put("parameters", "keep_alive", to=60), "parameters.keep_alive"),
        (_put("parameters", "service_port", to=10**40), "parameters.service_port"),
        (_put("parameters", "enable_automatic_fallback", to=1),
         "parameters.enable_automatic_fallback"),
    ],
    "group_name": [
        (_put("groups", 0, "name", to=name), "groups[0].name")
        for name in ("", "east 1", "a" * 129, "straße", "east-1\n", "a.b")
    ],
    "group_description": [
        (_put("groups", 1, "description", to=text), "groups[1].description")
        for text in ("a" * 129, *(f"a{c}b" for c in '"%&/\\<>'))
    ],
    "group_size": [(_three, "groups[1].nodes")],
    "wan_bandwidth": [(_put("wan", "bandwidth", to=9.99), "wan.bandwidth")],
    "wan_round_trip": [(_put("wan", "round_trip", to=80.01), "wan.round_trip")],
    "node_unique": [
        (lambda v: v["nodes"].append(v["nodes"][0] | {"name": "IMP1"}), "nodes[4].name"),
    ],
    "node_in_a_group": [
        (lambda v: v["nodes"].append(v["nodes"][3] | {"name": "imp5"}), "nodes[4].name"),
    ],
    "node_in_one_group": [(_in_two_groups, "groups[1].nodes[1]")],
    "group_unique": [(_put("groups", 1, "name", to="east-1"), "groups[1].name")],
    "group_known_nodes": [(_unknown_node, "groups[1].nodes[1]")],
    "group_two_nodes": [(_twice, "groups[1].nodes[1]")],
    "group_cluster": [(_put("nodes", 3, "cluster", to="west"), "groups[1].nodes")],
    "group_publisher": [(_put("nodes", 3, "publisher", to="imp9"), "groups[1].nodes")],
    "group_version": [(_put("nodes", 3, "version", to="14.0.2"), "groups[1].nodes")],
    "ha_two_nodes": [(_alone, "groups[1].high_availability")],
    "ha_replication": [
        (_put("nodes", 1, "replication", to=state), "nodes[1].replication") for state in (0, 1, 3)
    ],
    "ha_services": [
        (_put("nodes", 1, "services", to=[]), "nodes[1].services"),
        (_put("nodes", 1, "services", to=list(SERVICES)), "nodes[1].services"),
        (_put("nodes", 3, "services", to=list(SERVICES[1:])), "nodes[3].services"),
    ],
    "service_known": [
        (_put("nodes", 3, "services", to=[*SERVICES, "Cisco Tomcat"]), "nodes[3].services[5]"),
    ],
    "ha_mixed": [
        (_put("groups", 1, "high_availability", to=False), "groups[1].high_availability"),
    ],
    "ha_recommended": [(_all_off, "groups")],
    "cluster_size": [(_four_groups, "nodes")],
}
CASES = [
    pytest.param(rule, breaking, at, id=f"{rule}-{i}")
    for rule, breakings in BREAKINGS.items() for i, (breaking, at) in enumerate(breakings)
]


def _broken(breaking: Callable[[Value], None]) -> Value:
    value = deepcopy(example().to_json())
    breaking(value)
    return value


def test_every_rule_has_a_breaking_and_one_place_that_decides_it() -> None:
    ids = [r.id for r in RULES]
    assert len(ids) == len(set(ids))
    assert set(BREAKINGS) == set(ids)
    assert set(CHECKS) | BY_ONE_VALUE == set(ids)
    assert set(CHECKS) & BY_ONE_VALUE == set()
    assert [i for i in ids if i in CHECKS] == list(CHECKS), "warnings are found last"
    assert [r.severity for r in RULES] == sorted(r.severity for r in RULES)


def test_the_example_has_two_groups_and_no_finding() -> None:
    assert check(example()) == ()
    assert len(example().groups) == 2
    assert read(example().to_json()).deployment == example()


@pytest.mark.parametrize(("rule", "breaking", "at"), CASES)
def test_breaking_one_rule_is_that_rules_finding_and_no_other(rule, breaking, at) -> None:
    reading = read(_broken(breaking))
    assert {f.rule for f in reading.findings} == {rule}
    one = reading.findings[0]
    record = next(r for r in RULES if r.id == rule)
    assert one.field == at
    assert one.severity == record.severity
    assert one.says
    assert one.cite.startswith(record.cite)
    assert all(d in one.cite for d in record.decisions)
    assert reading.ok is (record.severity == "warning")
    assert (reading.deployment is None) is (rule in FORM)
    json.dumps(one.to_json(), allow_nan=False)


def test_every_decision_that_a_rule_cites_exists() -> None:
    cited = {d for r in RULES for d in r.decisions}
    assert {"D30", "D48", "D49", "D50"} <= cited <= {d.id for d in DECISIONS}


def test_all_findings_come_at_once_warnings_last() -> None:
    value = example().to_json()
    value["groups"][1] |= {"name": "a b", "high_availability": False}
    value["nodes"][0] |= {"version": 14, "replication": 3}
    value["wan"]["bandwidth"] = 1
    assert [(f.severity, f.field) for f in check(value)] == [
        ("error", "nodes[0].version"), ("error", "groups[1].name"), ("error", "wan.bandwidth"),
        ("error", "nodes[0].replication"), ("warning", "groups[1].high_availability"),
    ]


def test_the_edges_of_every_number_are_allowed() -> None:
    deployment = evolve(
        example(), wan=Wan(bandwidth=10, round_trip=80), groups=(
            evolve(example().groups[0], name="a" * 128, description="ä" * 128),
            evolve(example().groups[1], name="_-9Z", description="!?'()[]{}|~`^*+=;:,."),
        ))
    assert check(deployment) == ()


def test_without_high_availability_nothing_need_run() -> None:
    resting = tuple(evolve(n, replication=0, services=()) for n in example().nodes)
    groups = tuple(evolve(g, high_availability=False) for g in example().groups)
    deployment = evolve(example(), nodes=resting, groups=groups)
    assert {f.rule for f in check(deployment)} == {"ha_recommended"}


def test_six_nodes_make_a_cluster_and_seven_are_many() -> None:
    value = example().to_json()
    for i in (5, 6, 7):
        value["nodes"].append(value["nodes"][3] | {"name": f"imp{i}"})
    value["groups"].append(value["groups"][0] | {"name": "c", "nodes": ["imp5", "imp6"]})
    value["groups"].append({"name": "d", "nodes": ["imp7"]})
    assert [f.rule for f in check(value)] == ["ha_mixed", "cluster_size"]
    del value["nodes"][-1]
    del value["groups"][-1]
    assert [f.rule for f in check(value)] == []


def test_json_does_not_tell_two_from_two_point_nought() -> None:
    value = example().to_json()
    value["nodes"][0]["replication"] = 2.0
    value["parameters"] |= {"service_port": 22002.0}
    reading = read(value)
    assert reading.findings == ()
    assert reading.deployment is not None
    assert json.dumps(reading.deployment.nodes[0].replication) == "2"
    assert reading.deployment.parameters.service_port == 22002
    jsonschema.validate(value, schema())


def test_a_conditional_service_is_missed_only_with_its_setting() -> None:
    monitored = evolve(example(), parameters=Parameters(monitor_xcp_authentication=True))
    found = check(monitored)
    assert len(found) == 4
    assert all("Cisco XCP Authentication Service" in f.says for f in found)


def test_hints_name_what_is_near_and_where_the_other_is() -> None:
    says = {f.rule: f.says for rule in ("form_unknown", "group_known_nodes", "node_in_one_group")
            for f in check(_broken(BREAKINGS[rule][0][0]))}
    assert "version" in says["form_unknown"]
    assert "imp1" in says["group_known_nodes"]
    assert "groups[0]" in says["node_in_one_group"]


# ------------------------------------------------------------------------ any value


@quick
@given(JSON)
def test_any_json_is_answered_with_findings_or_a_deployment(value) -> None:
    reading = read(value)
    assert reading.findings or reading.deployment is not None
    assert check(value) == reading.findings
    json.dumps([f.to_json() for f in reading.findings], allow_nan=False)


def _paths(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ())
    return [here, *(p for k, v in inner for p in _paths(v, (*here, k)))]


PATHS = _paths(example().to_json())


@st.composite
def bent(draw: st.DrawFn) -> Any:
    """The example with a few of its values replaced, or fields added."""
    value = deepcopy(example().to_json())
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(PATHS))
        new = draw(JSON | st.sampled_from(["", "a b", 0, 2, 2.0, 9, 10, 81, 1e308, 10**30, -1, [], {}]))
        try:
            at = value
            for step in path[:-1]:
                at = at[step]
            if path and draw(st.booleans()):
                at[path[-1]] = new
            elif isinstance(at, dict):
                at[draw(st.sampled_from(["name", "nodes", "wan", "parameters", "x"]))] = new
        except (KeyError, IndexError, TypeError):
            continue
    return value


@settings(quick, max_examples=200)
@given(bent())
def test_the_schema_and_the_reader_agree_on_every_value(value) -> None:
    wrong = [f for f in check(value) if f.rule in BY_ONE_VALUE]
    assert jsonschema.Draft202012Validator(schema()).is_valid(value) == (not wrong)


@pytest.mark.parametrize(("rule", "breaking", "at"), [
    c for c in CASES if c.id not in ("form_kind-4", "form_kind-6")  # JSON has neither
])
def test_the_schema_refuses_what_one_value_breaks(rule, breaking, at) -> None:
    valid = jsonschema.Draft202012Validator(schema()).is_valid(_broken(breaking))
    assert valid is (rule not in BY_ONE_VALUE)


def test_the_schema_is_one_and_ships() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    shipped = (PACKAGE / "configuration.schema.json").read_text(encoding="utf-8")
    assert shipped == json.dumps(schema(), indent=2) + "\n", \
        "run: prgcore config schema > prgcore/configuration.schema.json"
    jsonschema.validate(example().to_json(), schema())


def test_what_no_json_has_is_answered_too() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    toml = parse("nodes = 1979-05-27T07:32:00Z\n[parameters]\nkeep_alive_timeout = nan\n", "toml")
    for value in (toml, {"nodes": deep, "parameters": {"service_port": deep}}, float("nan"),
                  {"nodes": [{"replication": 1 << 60_000}],
                   "parameters": {"service_port": 1 << 60_000}}):
        assert check(value)
        json.dumps([f.to_json() for f in check(value)], allow_nan=False)


# ----------------------------------------------------------------- valid deployments

TEXT = st.text(max_size=12)
NAME = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    """Deployments that obey every rule."""
    names = draw(st.lists(NAME, min_size=1, max_size=3, unique=True))
    parameters = Parameters(
        keep_alive_timeout=draw(st.integers(0, 86_400) | st.floats(0, 86_400)),
        monitor_xcp_authentication=draw(st.booleans()))
    nodes, groups = [], []
    for i, name in enumerate(names):
        on, chat = draw(st.booleans()), draw(st.booleans())
        hosts = [f"{draw(NAME)}{i}{j}" for j in range(2 if on else draw(st.integers(1, 2)))]
        cluster, publisher, version = (draw(TEXT.filter(bool)) for _ in range(3))
        running = [s.name for s in critical_services(parameters, persistent_chat=chat)]
        nodes += [Node(h + str(j), cluster, publisher, version, 2, running, chat)
                  for j, h in enumerate(hosts)]
        about = draw(st.text(max_size=128).map(lambda t: re.sub(r'["%&/\\<>]', "", t)))
        groups.append(Group(name, tuple(h + str(j) for j, h in enumerate(hosts)), about, on))
    wan = draw(st.none() | st.builds(
        Wan, st.integers(10, 10**6) | st.floats(10, 1e20), st.floats(0, 80)))
    return Deployment(tuple(nodes), tuple(groups), parameters, wan)


def _distinct(deployment: Deployment) -> bool:
    return len({n.name.casefold() for n in deployment.nodes}) == len(deployment.nodes)


@quick
@given(deployments().filter(_distinct))
def test_a_valid_deployment_has_no_error(deployment) -> None:
    assert [f for f in check(deployment) if f.severity == "error"] == []


@quick
@given(deployments(), st.sampled_from(FORMATS))
def test_what_is_written_is_read_back(deployment, form) -> None:
    assert load(dump(deployment, form), form) == deployment


@quick
@given(st.text(max_size=60), st.text(min_size=1, max_size=20), st.sampled_from(FORMATS))
def test_any_text_survives_both_formats(description, name, form) -> None:
    group = Group("g", (name, '\x7f"\\\n\t\x00'), description)
    nodes = (Node(name, name, name, name, 2, (name, description), persistent_chat=True),)
    deployment = Deployment(nodes, (group,))
    assert load(dump(deployment, form), form) == deployment


@pytest.mark.parametrize(("text", "form", "says"), [
    ("", "json", "not JSON"), ("{", "json", "line 1"), ("a", "toml", "not TOML"),
    ('{"a": 1, "a": 2}', "json", "twice"), ("a = 1\na = 2", "toml", "not TOML"),
    ('{"a": NaN}', "json", "NaN"), ("[" * 100_000, "json", "deeply"),
    ("1" * 5000, "json", "not JSON"), ("{}", "json", "nodes: missing"), ("", "yaml", "format"),
])
def test_text_that_is_no_deployment_is_bad_input(text, form, says) -> None:
    with pytest.raises(BadInput, match=says):
        load(text, form)


def test_an_unknown_format_and_unknown_names_are_bad_input() -> None:
    with pytest.raises(BadInput, match="toml"):
        dump(example(), "tml")
    with pytest.raises(BadInput, match="east-1"):
        example().group("east")
    assert example().node("IMP1").name == "imp1"
    with pytest.raises(BadInput, match="unknown node"):
        example().node("imp9")


# --------------------------------------------------------------- enabled all the same


def _enabled(*sick: int, **changes: Any) -> Any:
    nodes = list(example().nodes)
    for i in sick:
        nodes[i] = evolve(nodes[i], services=nodes[i].services[:-1])
    nodes[1] = evolve(nodes[1], **changes)
    deployment = evolve(example(), nodes=tuple(nodes))
    return enable(PRG, deployment, deployment.groups[0])


def _shown(enabled: Any) -> tuple[str, ...]:
    return tuple(enabled.pair[f"{n}.{w}"] for n in ("node1", "node2") for w in ("state", "reason"))


LOST = ("failed_over_with_critical_services_not_running", "critical_service_down")
BACKUP = ("running_in_backup_mode", "critical_service_down")


@pytest.mark.parametrize(("sick", "shown", "row"), [
    ((), ("normal", "normal") * 2, "1"),
    ((0,), LOST + BACKUP, "12"),
    ((1,), BACKUP + LOST, "12"),
    ((0, 1), ("running_in_failed_mode", "critical_service_down") * 2, "15"),
])
def test_services_lead_where_verify_services_says(sick, shown, row) -> None:
    enabled = _enabled(*sick)
    assert _shown(enabled) == shown
    assert enabled.row == row
    assert enabled.events[0] == "enable_ha"


@pytest.mark.parametrize("changes", [
    {"replication": 0}, {"replication": 3}, {"cluster": "west"}, {"publisher": "imp2"},
    {"version": "12.5"},
])
@pytest.mark.parametrize("sick", [(), (0, 1)])
def test_other_prerequisites_lead_to_improper(changes, sick) -> None:
    enabled = _enabled(*sick, **changes)
    assert enabled.pair["ha"] == "improper"
    assert _shown(enabled) == ("unknown", "none") * 2
    assert enabled.row == "24"
    assert enabled.events == ("enabled_improperly",)


def test_a_slow_network_changes_no_state() -> None:
    slow = evolve(example(), wan=Wan(bandwidth=1, round_trip=500))
    assert len(check(slow)) == 2
    assert enable(PRG, slow, slow.groups[0]).row == "1"


def test_the_events_replay_and_the_pair_is_at_rest() -> None:
    enabled = _enabled(0)
    pair = enabled.start
    for event in enabled.events:
        pair = PRG.step(pair, event).pair
    assert pair == enabled.pair
    assert enabled.nodes == ("imp1", "imp2")
    assert enabled.start["node1.services"] == "down"
    assert enabled.start["node2.services"] == "up"


def test_automatic_fallback_is_set_and_never_comes_due() -> None:
    deployment = evolve(_sick(), parameters=Parameters(enable_automatic_fallback=True))
    enabled = enable(PRG, deployment, deployment.groups[0])
    assert enabled.pair["auto_fallback"] == "on"
    assert enabled.row == "12"
    assert not any(e.startswith("auto_fallback") for e in enabled.events)


FAILED_OVER = ("services_down(node1)", "critical_service_delay(node1)", "takeover_done(node2)",
               "taken_over(node1)", "services_up(node1)")


@pytest.mark.parametrize(("way", "sick"), [
    (FAILED_OVER, None),  # next: automatic fallback
    ((*FAILED_OVER, "fallback(node1)", "services_down(node1)"), 0),  # next: taking back fails
])
def test_only_what_comes_by_itself_and_succeeds_is_foretold(way, sick) -> None:
    pair = enable(PRG, example(), example().groups[0]).pair
    for event in way:
        pair = PRG.step(pair, event).pair
    going = Machine(evolve(PRG.model, initial=(tuple(pair.items()),)))
    nodes = tuple(evolve(n, services=()) if i == sick else n
                  for i, n in enumerate(example().nodes))
    deployment = evolve(example(), nodes=nodes,
                        parameters=Parameters(enable_automatic_fallback=True))
    assert enable(going, deployment, deployment.groups[0]).events == ("enable_ha",)


def _sick() -> Deployment:
    nodes = example().nodes
    return evolve(example(), nodes=(evolve(nodes[0], services=()), *nodes[1:]))


def test_high_availability_needs_two_nodes() -> None:
    for names in (("imp1",), ("imp1", "IMP1")):
        with pytest.raises(NeedsTwoNodes, match="two"):
            enable(PRG, example(), Group("g", names))
    with pytest.raises(BadInput, match="unknown node"):
        enable(PRG, example(), Group("g", ("imp1", "imp9")))


def test_checking_and_enabling_touch_nothing() -> None:
    with traps() as touched:
        for form in FORMATS:
            assert load(dump(_sick(), form), form) == _sick()
        assert check(_sick())
        assert enable(PRG, _sick(), _sick().groups[0]).row == "12"
    assert touched == []


# ------------------------------------------------------------------ the command line


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """`config` with these words; a deployment among them becomes a file."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*words: Any) -> tuple[int, str, str]:
        said = []
        for word in words:
            if isinstance(word, Deployment):
                file = tmp_path / "deployment.toml"
                file.write_text(dump(word, "toml"), encoding="utf-8")
                word = str(file)  # noqa: PLW2901
            said.append(word)
        code = main(["config", *said])
        out, err = capsys.readouterr()
        assert all(len(line) <= 80 for line in out.splitlines() if '"' not in line)
        return code, out, err

    return call


def test_check_prints_every_finding_and_what_would_happen(run) -> None:
    code, out, err = run("check", _sick())
    assert (code, err) == (1, "")
    for text in ("error    nodes[0].services = []", "rule ha_services: Verify Services (D49, D50)",
                 "Cisco Sync Agent", "(Table 2, row 12)", "imp2: Running in Backup Mode",
                 "1 error, 0 warnings"):
        assert text in out


def test_check_is_silent_about_what_is_well(run) -> None:
    assert run("check", example()) == (0, "nothing is wrong with it\n", "")


def test_warnings_fail_only_when_strict(run) -> None:
    mixed = evolve(example(), groups=(
        example().groups[0], evolve(example().groups[1], high_availability=False)))
    code, out, _ = run("check", mixed)
    assert code == 0
    assert "rule ha_mixed" in out
    assert run("check", mixed, "--strict")[0] == 1
    assert run("check", example(), "--strict")[0] == 0


def test_check_as_json(run) -> None:
    code, out, _ = run("check", _sick(), "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (1, False)
    assert [f["rule"] for f in answer["findings"]] == ["ha_services"]
    assert [(e["group"], e["row"]) for e in answer["enabling"]] == [("east-1", "12")]
    assert "Failed Over with Critical Services Not Running" in answer["enabling"][0]["shown"][0]


def test_what_cannot_be_foretold_says_why(run) -> None:
    nodes = example().nodes
    odd = evolve(example(), nodes=(evolve(nodes[0], services=("Tomcat",)), *nodes[1:]))
    assert "What becomes of east-1 cannot be said: unknown critical service" in \
        run("check", odd)[1]
    answer = json.loads(run("check", odd, "--json")[1])
    assert answer["enabling"][0]["error"].startswith("unknown critical service")


def test_wrong_form_is_a_finding_and_wrong_text_is_usage(run, tmp_path) -> None:
    file = tmp_path / "odd.json"
    for text, code in (("[]", 1), ("{}", 1), ("{", 2), ("\0", 2), ("", 2), ("[" * 99_999, 2)):
        file.write_text(text)
        got, out, err = run("check", str(file))
        assert got == code, text
        assert bool(out) == (code == 1)
        assert err.count("\n") == (code == 2)


def test_the_example_and_the_schema_are_printed(run) -> None:
    assert load(run("example")[1], "toml") == example()
    assert load(run("example", "--format", "json")[1], "json") == example()
    assert run("example", "--json")[1] == run("example", "--format", "json")[1]
    assert run("example", "--format", "yaml")[0] == 2
    assert json.loads(run("schema")[1]) == schema()
    assert "check" in run()[1]


def test_the_page_lists_every_rule_with_its_source_and_a_file_that_is_read() -> None:
    page = (PACKAGE.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    assert rows == {r.id: r.cite for r in RULES if r.id not in FORM}
    file = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert file is not None
    found = {f.rule for f in check(load(file[1], "toml"))}
    assert found == {"group_known_nodes"}, "it shows one of its two nodes"
