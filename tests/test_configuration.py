"""Configuration: any JSON is answered, every rule can be broken alone, the machine foretells."""

from __future__ import annotations

import json
import re
import time
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
from prgcore.cli import main, output
from prgcore.errors import NeedsTwoNodes
from prgcore.explain.display import row_of
from prgcore.explain.explaining import explain
from prgcore.product.configuration import (
    FORMATS,
    Deployment,
    Group,
    Node,
    Wan,
    check,
    dump,
    enable,
    load,
    outcomes,
    parse,
    read,
    schema,
)
from prgcore.product.configuration import example as shipped
from prgcore.product.configuration.files import DEEPEST, LARGEST
from prgcore.product.configuration.reading import LONGEST_SHOWN
from prgcore.product.configuration.rules import CHECKS, NEAR
from prgcore.product.services import critical_services, services_column
from prgcore.tables.configuration import FIELDS, REPLICATION, RULES, SANE
from prgcore.tables.decisions import DECISIONS
from prgcore.timers.parameters import Parameters
from prgcore.timers.sanity import check as check_parameters
from prgcore.wire.jsontext import parse_json
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


def example() -> Deployment:
    """The example, with a parameter of its own: all three of its tables are there, and no note."""
    return evolve(shipped(), parameters=Parameters(keep_alive_timeout=75))


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


def _one_alone(value: Value) -> None:
    _alone(value)
    del value["groups"][1]["high_availability"]


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
        (_put("groups", 0, "high_availability", to="maybe"), "groups[0].high_availability"),
        (_put("groups", 0, "high_availability", to=1), "groups[0].high_availability"),
        (_put("nodes", 0, "replication", to="Setup Completed"), "nodes[0].replication"),
        (_put("wan", "bandwidth", to="20 MB/s"), "wan.bandwidth"),
        (_put("wan", "round_trip", to="35 m"), "wan.round_trip"),
        (_put("user_assignment_mode", to=None), "user_assignment_mode"),
        (_put("user_assignment_mode", to="active"), "user_assignment_mode"),

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
    "group_relogin_limits": [
        (_put("nodes", 3, limit, to=500), "groups[1].nodes")
        for limit in ("client_relogin_lower_limit", "client_relogin_upper_limit")
    ],
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
        (_put("nodes", 3, "services", to=[*SERVICES, "Cisco Tomcat[STARTED]"]), "nodes[3].services"),
        (_put("nodes", 3, "services", to=[*SERVICES, "Sync Agnet"]), "nodes[3].services"),
    ],
    "assignment_mode": [
        (_put("user_assignment_mode", to=mode), "user_assignment_mode")
        for mode in ("active_standby", "none", "Active/Standby")
    ],
    "ha_mixed": [
        (_put("groups", 1, "high_availability", to=False), "groups[1].high_availability"),
    ],
    "ha_recommended": [(_all_off, "groups")],
    "ha_alone": [(_one_alone, "groups[1].nodes")],
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
    assert set(BREAKINGS) | set(SANE) == set(ids)
    assert set(INSANE) == set(SANE)
    assert set(CHECKS) | BY_ONE_VALUE == set(ids)
    assert set(CHECKS) & BY_ONE_VALUE == set()
    assert [i for i in ids if i in CHECKS] == list(CHECKS), "notes are found last"
    order = ["error", "warning", "information"]
    assert [r.severity for r in RULES] == sorted((r.severity for r in RULES), key=order.index)


def test_the_example_has_two_groups_and_no_finding() -> None:
    assert check(example()) == check(shipped()) == ()
    assert len(example().groups) == 2
    assert read(example().to_json()).deployment == example()
    assert read(shipped().to_json()).deployment == shipped()
    assert shipped().parameters == Parameters(), "the document recommends the defaults"


@pytest.mark.parametrize(("rule", "breaking", "at"), CASES)
def test_breaking_one_rule_is_that_rules_finding_and_no_other(rule, breaking, at) -> None:
    reading = read(_broken(breaking))
    record = next(r for r in RULES if r.id == rule)
    found = reading.notes if record.severity == "information" else reading.findings
    assert {f.rule for f in reading.findings} | {f.rule for f in found} == {rule}
    one = found[0]
    assert one.field == at
    assert one.severity == record.severity
    assert one.says
    assert one.cite.startswith(record.cite)
    assert all(d in one.cite for d in record.decisions)
    assert reading.ok is (record.severity != "error")
    assert (reading.deployment is None) is (rule in FORM)
    json.dumps(one.to_json(), allow_nan=False)


INSANE: dict[str, tuple[dict[str, Any], str, set[str]]] = {
    "parameters_interval": ({"keep_alive_interval": 0}, "keep_alive_interval", set()),
    "parameters_alive": (
        {"keep_alive_timeout": 15}, "keep_alive_timeout", {"parameters_two_losses"}),
    "parameters_alive_at_start": (
        {"initialization_keep_alive_timeout": 15}, "initialization_keep_alive_timeout",
        {"parameters_patient_start"}),
    "parameters_two_losses": ({"keep_alive_timeout": 45}, "keep_alive_timeout", set()),
    "parameters_three_losses": ({"keep_alive_timeout": 60}, "keep_alive_timeout", set()),
    "parameters_patient_start": (
        {"initialization_keep_alive_timeout": 74}, "initialization_keep_alive_timeout", set()),
    "parameters_delay": ({"critical_service_delay": 0}, "critical_service_delay", set()),
    "parameters_re_login": (
        {"client_relogin_lower_limit": 0}, "client_relogin_lower_limit",
        {"parameters_re_login_delay"}),
    "parameters_re_login_limits": (
        {"client_relogin_lower_limit": 538}, "client_relogin_lower_limit", set()),
    "parameters_re_login_delay": (
        {"client_relogin_lower_limit": 89}, "client_relogin_lower_limit", set()),
    "parameters_ports": ({"admin_rpc_port": 22001}, "admin_rpc_port", set()),
}
"""What breaks a rule of sanity, the parameter that the advice changes, what else then breaks."""


@pytest.mark.parametrize("rule", INSANE)
def test_parameters_that_timing_calls_broken_are_findings(rule) -> None:
    given, changed, others = INSANE[rule]
    value = example().to_json()
    value["parameters"] |= given
    reading = read(value)
    found = (*reading.findings, *reading.notes)
    assert {f.rule for f in found} == {rule, *others}
    one = next(f for f in found if f.rule == rule)
    sanity = SANE[rule]
    parameters = Parameters.of(value["parameters"])
    advice = next(v.advice for v in check_parameters(parameters) if v.rule.id == sanity.id)
    assert one.field == f"parameters.{changed}"
    assert one.value == parameters.to_json()[changed]
    assert one.severity == sanity.kind
    assert (one in reading.notes) is (sanity.kind == "information")
    assert one.says == f"{sanity.otherwise}; {advice}"
    assert sanity.theorem in one.cite
    assert one.cite.strip()
    assert reading.deployment is not None


def test_the_limits_of_a_node_obey_the_same_rules() -> None:
    value = example().to_json()
    for node in value["nodes"][:2]:
        node |= {"client_relogin_lower_limit": "60 s", "client_relogin_upper_limit": 60}
    assert [(f.rule, f.field, f.value) for f in check(value)] == [
        ("parameters_re_login_delay", f"nodes[{i}].client_relogin_lower_limit", 60) for i in (0, 1)]
    assert check(value)[0].says.endswith(
        "set client_relogin_lower_limit=120 and client_relogin_upper_limit=537")
    value["nodes"][0]["client_relogin_lower_limit"] = value["nodes"][1][
        "client_relogin_lower_limit"] = 1 << 40
    assert {f.rule for f in check(value)} == {"form_value"}


@pytest.mark.parametrize(("place", "value", "rule"), [
    (("nodes",), [], "form_value"), (("nodes",), None, "form_kind"),
    (("nodes", 0, "name"), "", "form_value"), (("nodes", 0, "name"), 5, "form_kind"),
    (("nodes", 0, "replication"), 10**9, "form_value"), (("nodes", 0, "replication"), -1, "form_value"),
    (("nodes", 0, "services"), "", "form_kind"), (("wan", "bandwidth"), 10**400, "form_kind"),
    (("wan", "bandwidth"), "1" * 30, "form_kind"),
    (("nodes", 0, "client_relogin_upper_limit"), 0, "form_value"),
    (("nodes", 0, "client_relogin_upper_limit"), "many", "form_kind"),
    (("groups", 0, "nodes"), "imp1", "form_kind"), (("groups", 0, "nodes"), [], "group_size"),
    (("groups", 0, "high_availability"), "Normal", "form_kind"),
    (("parameters", "keep_alive_timeout"), float("nan"), "form_parameter"),
])
def test_what_cannot_be_read_is_one_finding_and_no_other_rule_takes_it_for_a_default(
    place: tuple[Any, ...], value: Any, rule: str,
) -> None:
    """Also where other values of the file are as unusual: an unread one is not the usual one."""
    whole = example().to_json()
    for node in whole["nodes"]:
        node |= {"client_relogin_lower_limit": 150, "client_relogin_upper_limit": 600}
    part = whole
    for step in place[:-1]:
        part = part[step]
    part[place[-1]] = value
    assert [f.rule for f in check(whole)] == [rule]


def test_host_names_ignore_case_and_the_dot_of_the_root() -> None:
    whole = example().to_json()
    whole["groups"][0]["nodes"] = ["IMP1.", "imp2"]
    assert check(whole) == ()
    whole["nodes"][1]["name"] = "Imp1."
    assert {f.rule for f in check(whole)} == {"node_unique", "group_known_nodes"}


def test_one_change_for_two_broken_rules_is_the_same_in_both_findings() -> None:
    value = example().to_json() | {"parameters": {"keep_alive_interval": 60}}
    reading = read(value)
    assert [(f.rule, f.field) for f in reading.findings] == [
        ("parameters_alive", "parameters.keep_alive_interval"),
        ("parameters_two_losses", "parameters.keep_alive_interval")]
    assert all(f.says.endswith("; set keep_alive_interval=15") for f in reading.findings)
    assert reading.notes == ()
    value["parameters"] = {"client_relogin_lower_limit": 60, "client_relogin_upper_limit": 60}
    assert [f.says for f in read(value).findings] == [
        ("clients may try before the failover has begun; set client_relogin_lower_limit=120 and "
         "client_relogin_upper_limit=537")]


@quick
@given(st.fixed_dictionaries({}, optional={
    name: st.integers(1, 600) for name, value in Parameters().to_json().items()
    if not isinstance(value, bool)
}))
def test_a_configuration_and_timing_agree_about_parameters(given_) -> None:
    value = {**example().to_json(), "parameters": given_}
    broken = {v.rule.id for v in check_parameters(Parameters.of(given_)) if v.wrong}
    reading = read(value)
    assert {SANE[f.rule].id for f in reading.findings} == broken
    holds = Parameters.of(given_).keep_alive_timeout > 4 * Parameters.of(given_).keep_alive_interval
    assert not reading.notes or not holds


def test_a_rule_of_sanity_waits_for_the_parameters_it_names() -> None:
    value = {**example().to_json(), "parameters": {
        "keep_alive_timeout": -1, "keep_alive_interval": 300, "client_relogin_lower_limit": 0}}
    assert {f.rule for f in check(value)} == {
        "form_parameter", "parameters_alive_at_start", "parameters_re_login",
        "parameters_re_login_delay"}
    value["parameters"]["keep_alive_timeuot"] = value["parameters"].pop("keep_alive_timeout")
    assert {f.rule for f in check(value)} == {"form_parameter"}


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


def _alone_beside(*, on: bool) -> Deployment:
    """One group of two nodes, and one of a single node without high availability."""
    east, west = example().groups
    return evolve(example(), nodes=example().nodes[:3], groups=(
        evolve(east, high_availability=on),
        evolve(west, nodes=("imp3",), high_availability=False)))


def test_a_group_of_one_node_is_not_asked_to_enable_high_availability() -> None:
    assert check(_alone_beside(on=True)) == ()
    note = read(_alone_beside(on=True).to_json()).notes[0]
    assert (note.rule, note.severity, note.value) == ("ha_alone", "information", ["imp3"])
    assert read(_alone_beside(on=False).to_json()).notes == ()
    assert [f.rule for f in check(_alone_beside(on=False))] == ["ha_recommended"]
    alone = _alone_beside(on=False)
    assert check(evolve(alone, nodes=alone.nodes[2:], groups=alone.groups[1:])) == ()
    value = _broken(_alone)
    value["groups"][0]["high_availability"] = False
    assert {f.rule for f in check(value)} == {"ha_two_nodes", "ha_recommended"}


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
    assert [f.rule for f in check(value)] == ["cluster_size"]
    assert check(value)[0].says == \
        "expected at most 6 nodes in a cluster, not 7 in east; plan another cluster"
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
    monitored = evolve(example(), parameters=evolve(
        example().parameters, monitor_xcp_authentication=True))
    found = check(monitored)
    assert len(found) == 4
    assert all("Cisco XCP Authentication Service" in f.says for f in found)


def test_hints_name_what_is_near_and_where_the_other_is() -> None:
    says = {f.rule: f.says for rule in ("form_unknown", "group_known_nodes", "node_in_one_group")
            for f in check(_broken(BREAKINGS[rule][0][0]))}
    assert "version" in says["form_unknown"]
    assert "imp1" in says["group_known_nodes"]
    assert "groups[0]" in says["node_in_one_group"]


def test_a_hint_names_a_node_once() -> None:
    value = example().to_json()
    value["nodes"] += [value["nodes"][0], value["nodes"][0] | {"name": "IMP1"}]
    value["groups"][1]["nodes"][1] = "imp31"
    says = next(f.says for f in check(value) if f.rule == "group_known_nodes")
    named = says.partition("did you mean ")[2].rstrip("?").casefold().split(", ")
    assert "imp3" in named
    assert len(named) == len(set(named)) > 1
    twice = evolve(example(), nodes=example().nodes * 2, groups=example().groups * 2)
    for look_up in (twice.node, twice.group):
        with pytest.raises(BadInput) as error:
            look_up("east-11" if look_up == twice.group else "imp11")
        hint = str(error.value).partition("did you mean ")[2].rstrip("?").split(", ")
        assert len(hint) == len(set(hint)) > 0


# ------------------------------------------------------------------ values, repeated


@pytest.mark.parametrize(("value", "told"), [
    (["a" * 50, "b" * 50, "c" * 50], ["a" * 50, "b" * 50, "…"]),
    (["a" * 500], ["…"]),
    ("a" * 500, "a" * (LONGEST_SHOWN - 1) + "…"),
    (["a", "b"], ["a", "b"]), ([], []), ([{}], None), ([1, 2], None), ({"a": 1}, None),
    (1 << 70, None), (float("inf"), None), (2.5, 2.5), (True, True), (None, None),
])
def test_a_finding_repeats_what_stands_there_or_nothing(run, value, told) -> None:
    findings = check({**example().to_json(), "here": value})
    assert [f.value for f in findings] == [told]
    if value is not None and value != float("inf"):
        text = json.dumps({**example().to_json(), "here": value})
        code, out, _ = run("check", text)
        said = " ".join(line.strip() for line in out.splitlines()[: out.splitlines().index("")])
        assert code == 1
        assert ("here = " in said) is (told is not None)
        assert json.loads(run("check", text, "--json")[1])["findings"][0]["value"] == told


def test_values_that_differ_are_said_beside_the_value() -> None:
    one = check(_broken(_put("nodes", 3, "cluster", to="west")))[0]
    assert one.value == ["imp3", "imp4"]
    assert one.says == ("expected two nodes of the same cluster, not imp3 (east) and imp4 (west); "
                        "pair nodes of one cluster")
    assert check(_broken(_all_off))[0].value is None
    assert check(_broken(_four_groups))[0].value is None


def test_a_wrong_kind_reads_well_in_the_message_and_in_the_table() -> None:
    record = next(r for r in RULES if r.id == "form_kind")
    assert (record.expects, record.advice) == (
        "a value of the kind that its field holds", "give a value of this kind")
    assert check(_broken(_put("nodes", 0, "services", to="all")))[0].says == \
        'expected a list of texts; write ["all"]'
    assert check(_broken(_put("nodes", 0, "services", to=7)))[0].says == \
        "expected a list of texts; give a value of this kind"


# ------------------------------------------------------------ as administrators write it

LIST = """\
admin:utils service list
Requesting service status, please wait...
System SSH [STARTED]
Cluster Manager [STARTED]
A Cisco DB[STARTED]
Cisco Client Profile Agent[STARTED]
Cisco Intercluster Sync Agent[STARTED]
Cisco Presence Engine[STARTED]
Cisco SIP Proxy[STARTED]
Cisco Server Recovery Manager[STARTED]
Cisco Sync Agent[STARTED]
Cisco XCP Router[STARTED]
Cisco XCP Text Conference Manager[STARTED]
Cisco Bulk Provisioning Service[STOPPED]  Service Not Activated
Primary Node =true
"""
ROW = "imp1  10.0.0.1  0.041  Y/Y/Y  0  (g_2)  (2) Setup Completed"


def _renamed(old: str, new: str, *path: str | int) -> Callable[[Value], None]:
    def rename(value: Any) -> None:
        for step in path:
            value = value[step]
        value[new] = value.pop(old)

    return rename


def _all(*changes: Callable[[Value], None]) -> Callable[[Value], None]:
    return lambda value: [change(value) for change in changes] and None


def _called(value: Value) -> None:
    value["nodes"] = {n.pop("name"): n for n in value["nodes"]}
    value["groups"] = {g.pop("name"): g for g in value["groups"]}


SPELLINGS: dict[str, Callable[[Value], None]] = {
    "a list as the product prints it": _put("nodes", 0, "services", to=LIST),
    "its lines one by one": _put("nodes", 0, "services", to=[
        line for line in LIST.splitlines() if line.endswith("[STARTED]")]),
    "names without Cisco, in capitals": _put(
        "nodes", 2, "services", to=[n.removeprefix("Cisco ").upper() for n in SERVICES]),
    "names with dashes and commas": _put(
        "nodes", 2, "services",
        to="client-profile-agent, sync-agent, xcp-router, sip-proxy, presence-engine"),
    "a status by name": _put("nodes", 2, "services", to=dict.fromkeys(SERVICES, "STARTED")),
    "a flag by name": _put("nodes", 2, "services", to={**dict.fromkeys(SERVICES, True), "x": False}),
    "other services beside them": _put(
        "nodes", 2, "services", to=[*SERVICES, "Cisco Tomcat", "A Cisco DB[STOPPED]"]),
    "a replication state as it is printed": _put("nodes", 0, "replication", to="(2) Setup Completed"),
    "of the publisher": _put("nodes", 0, "replication", to="(2) PUB Setup Completed"),
    "a whole row of it": _put("nodes", 0, "replication", to=ROW),
    "a replication state as a text": _put("nodes", 0, "replication", to=" 2 "),
    "its heading": _renamed("replication", "REPLICATION SETUP", "nodes", 0),
    "a title of the administration": _renamed(
        "keep_alive_timeout", "Keep Alive (Heartbeat) Timeout", "parameters"),
    "the same in other case": _renamed(
        "keep_alive_timeout", "keep alive (heartbeat) TIMEOUT", "parameters"),
    "seconds as a text": _put("parameters", "keep_alive_timeout", to="75"),
    "seconds with a unit": _put("parameters", "keep_alive_timeout", to="75 seconds"),
    "minutes": _put("parameters", "keep_alive_timeout", to="1.25 min"),
    "a port as a text": _put("parameters", "Service Port", to="22001"),
    "a truth value of the administration": _put(
        "parameters", "Enable monitoring of XCP Authentication Service", to="FALSE"),
    "one that is off": _put("parameters", "enable_automatic_fallback", to="off"),
    "high availability that is enabled": _all(
        _put("groups", 0, "high_availability", to="Enabled"),
        _put("groups", 1, "high_availability", to="yes")),
    "its name on the screen": _renamed(
        "high_availability", "Enable High Availability", "groups", 0),
    "its short name": _renamed("high_availability", "HA", "groups", 0),
    "a section in capitals": _renamed("nodes", "NODES"),
    "a section in the singular": _all(_renamed("nodes", "node"), _renamed("groups", "group")),
    "the sections of the screen": _all(
        _renamed("parameters", "Service Parameters"),
        _renamed("groups", "Presence Redundancy Groups")),
    "tables by name": _called,
    "nodes of a group by commas": _put("groups", 0, "nodes", to="imp1, imp2"),
    "a network with units": _put("wan", to={"bandwidth": "20 Mbps", "round_trip": "35 ms"}),
    "the same in other units": _put("wan", to={"bandwidth": "0.02 Gbit/s", "Round-Trip Time": "0.035 s"}),
    "limits with their title": _put("nodes", 0, "Client Re-Login Lower Limit", to="2 minutes"),
    "the default mode": _put("user_assignment_mode", to="Balanced"),
    "the enterprise parameter": _put("User Assignment Mode for Presence Server", to="balanced"),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_what_is_unambiguous_is_read_as_it_is_meant(spelling) -> None:
    reading, meant = read(_broken(SPELLINGS[spelling])), example()
    assert reading.findings == ()
    found = reading.deployment
    assert found is not None
    assert (found.parameters, found.wan, found.groups) == (meant.parameters, meant.wan, meant.groups)
    assert found.user_assignment_mode == meant.user_assignment_mode
    for node, expected in zip(found.nodes, meant.nodes, strict=True):
        assert services_column(node.services, found.parameters,
                               persistent_chat=node.persistent_chat) == "up"
        limits = {"services": (), "client_relogin_lower_limit": None}
        assert node.client_relogin_lower_limit in (None, 120)
        assert evolve(node, **limits) == evolve(expected, **limits)
    assert enable(PRG, found, found.groups[0]).row == "1"


@pytest.mark.parametrize(("change", "at", "says"), [
    (_put("nodes", 0, "version", to=14), "nodes[0].version", 'write it in quotes: "14"'),
    (_put("nodes", 0, "version", to=14.0), "nodes[0].version", 'write it in quotes: "14.0"'),
    (_put("nodes", 0, "replication", to="Setup Completed"), "nodes[0].replication",
     "write 2, or (2) Setup Completed"),
    (_put("nodes", 0, "replication", to="(2) or (3)"), "nodes[0].replication", "write 2"),
    (_put("nodes", 0, "services", to="Cisco Sync Agent"), "nodes[0].services",
     'write ["Cisco Sync Agent"]'),
    (_put("nodes", to={"name": "imp1"}), "nodes", "in TOML write [[nodes]] above each of them"),
    (_put("nodes", to="imp1, imp2"), "nodes", "expected a list of objects; give a value of this"),
    (_put("groups", 0, "nodes", to="imp1"), "groups[0].nodes", 'write ["imp1"]'),
    (_put("groups", 0, "high_availability", to=1), "groups[0].high_availability",
     "write true or false, without quotes"),
    (_put("wan", "bandwidth", to="20 MB/s"), "wan.bandwidth", "with its unit, 20 Mbit/s"),
    (_put("wan", "round_trip", to="35 m"), "wan.round_trip", "with its unit, 20 ms"),
    (_put("wan", "latency", to=35), "wan.latency", "unknown field 'latency'"),
    (_put("parameters", to={"Keep Alive Timeout": "1 m"}), 'parameters."Keep Alive Timeout"',
     "keep_alive_timeout: expected a number of seconds such as 60, not '1 m'"),
    (_put("parameters", "Keep Alive Timeout", to=60), 'parameters."Keep Alive Timeout"',
     "keep_alive_timeout is given twice, as keep_alive_timeout and Keep Alive Timeout; give it once"),
    (_put("parameters", "Keep Alive (Heartbeat) Timeout", to=75),
     'parameters."Keep Alive (Heartbeat) Timeout"', "keep_alive_timeout is given twice, as"),
    (_put("parameters", "Keep Alive Tmeout", to=60), 'parameters."Keep Alive Tmeout"',
     "did you mean Keep Alive (Heartbeat) Timeout"),
    (_put("parameters", "enable_automatic_fallback", to=1), "parameters.enable_automatic_fallback",
     "expected true or false, not 1"),
    (_put("parameters", "user_assignment_mode", to="none"), "parameters.user_assignment_mode",
     "write user_assignment_mode above the tables of the file"),
    (_put("user_assignment_mode", to=None), "user_assignment_mode",
     'expected "balanced", "active_standby" or "none"'),
    (_put("user_assignment_mode", to="round robin"), "user_assignment_mode", '"balanced"'),
    (_put("Nodes", to=[]), "Nodes", "nodes is given twice, as nodes and Nodes; give it once"),
])
def test_what_is_not_is_refused_with_what_to_write(change, at, says) -> None:
    assert [f.says for f in check(_broken(change)) if f.field == at and says in f.says]


def test_a_replication_state_is_reported_with_its_meaning() -> None:
    for number, meaning in ((0, "being set up"), (1, "not correct"), (3, "may not match"),
                            (4, "nothing is replicated")):
        one = check(_broken(_put("nodes", 1, "replication", to=f"({number}) Whatever")))[0]
        assert (one.rule, one.value) == ("ha_replication", number)
        assert f"not {number} (" in one.says
        assert meaning in one.says
    assert "not 7; repair" in check(_broken(_put("nodes", 1, "replication", to=7)))[0].says
    assert [s.number for s in REPLICATION] == [0, 1, 2, 3, 4]


def test_a_stopped_service_is_reported_with_its_status_and_what_to_do() -> None:
    stopped = LIST.replace("Cisco Sync Agent[STARTED]", "Cisco Sync Agent[STOPPED]  Service Not Activated")
    one = check(_broken(_put("nodes", 0, "services", to=stopped)))[0]
    assert one.says == ("not running: Cisco Sync Agent (STOPPED Service Not Activated); activate it, "
                        "then start it, then enable high availability")
    starting = [f"{name}[STARTING]" if name == SIX[1] else name for name in SIX]
    one = check(_broken(_put("nodes", 0, "services", to=starting)))[0]
    assert one.says == ("not running: Cisco Sync Agent (STARTING); wait until it has started, then "
                        "enable high availability")
    assert check(_broken(_put("nodes", 0, "services", to=starting[1:])))[0].says == (
        "not running: Cisco Client Profile Agent: start it; Cisco Sync Agent (STARTING): wait until it "
        "has started, then enable high availability")
    assert check(_broken(_put("nodes", 0, "services", to=[*SIX[2:]])))[0].says == (
        "not running: Cisco Client Profile Agent, Cisco Sync Agent; start them, then enable high "
        "availability")
    reading = read(_broken(_put("nodes", 0, "services", to=stopped)))
    assert reading.notes[0].says.startswith(
        "not critical, and ignored: Requesting service status, please wait...")
    near = read(_broken(_put("nodes", 2, "services", to=[*SERVICES[1:], "Client Profil Agent"])))
    assert near.findings[0].says == (
        "not running: Cisco Client Profile Agent; start it, then enable high availability")
    assert near.notes[0].says == (
        "'Client Profil Agent' is not a critical service; write Cisco Client Profile Agent if it is "
        "meant")


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
    """The reader knows more spellings than the schema, and writes what the schema allows."""
    validator, reading = jsonschema.Draft202012Validator(schema()), read(value)
    wrong = [f for f in reading.findings if f.rule in BY_ONE_VALUE]
    if validator.is_valid(value):
        assert not wrong
    elif not wrong:
        assert reading.deployment is not None
        validator.validate(reading.deployment.to_json())


@pytest.mark.parametrize(("rule", "breaking", "at"), [
    c for c in CASES if c.id not in ("form_kind-10", "form_kind-12",  # JSON has neither
                                     "assignment_mode-2")  # a spelling of a known one
])
def test_the_schema_refuses_what_one_value_breaks(rule, breaking, at) -> None:
    valid = jsonschema.Draft202012Validator(schema()).is_valid(_broken(breaking))
    assert valid is (rule not in BY_ONE_VALUE)


def test_the_schema_is_one_and_ships() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    shipped = (PACKAGE / "product/configuration/configuration.schema.json").read_text(encoding="utf-8")
    assert shipped == json.dumps(schema(), indent=2) + "\n", \
        "run: prgcore config schema > prgcore/product/configuration/configuration.schema.json"
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
        keep_alive_timeout=draw(st.integers(16, 86_400) | st.floats(16, 86_400)),
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
    ("", "json", "is empty"), ("{", "json", "line 1"), ("a", "toml", "not TOML"),
    ("Enable High Availability = true", "toml", "name that has spaces or other signs is written in quotes$"),
    ("version = 14.0.1", "toml", "not TOML"), ("ha = yes", "toml", "a text is written in quotes"),
    ('{"a": 1, "a": 2}', "json", "twice"), ("a = 1\na = 2", "toml", "not TOML"),
    ('{"a": NaN}', "json", "NaN"), ("[" * 100_000, "json", "deeply"),
    ("1" * 5000, "json", "too many digits$"), ("a = " + "1" * 5000, "toml", "too many digits$"),
    ("a = " + "[" * 9_999, "toml", "deeply"), ("{}", "json", "nodes: missing"), ("", "yaml", "format"),
])
def test_text_that_is_no_deployment_is_bad_input(text, form, says) -> None:
    with pytest.raises(BadInput, match=says):
        load(text, form)


def _dotted(parts: int, part: str = "a", dot: str = ".") -> str:
    return dot.join([part] * parts)


@pytest.mark.parametrize("text", [
    _dotted(100_000), _dotted(DEEPEST + 1) + " = 1", "[" + _dotted(DEEPEST + 1) + "]",
    _dotted(DEEPEST + 1, dot="\t. ") + " = 1", _dotted(DEEPEST + 1, "''") + " = 1",
    _dotted(DEEPEST + 1, '"\\"."') + " = 1",
    'a = ["""b"""", {' + _dotted(DEEPEST + 1) + " = 1}]",
    "a = ['''b'''', {" + _dotted(DEEPEST + 1) + " = 1}]",
    'a = [""" \\"""", {' + _dotted(DEEPEST + 1) + " = 1}]",
    'a = "\\"" # "\n' + _dotted(DEEPEST + 1) + " = 1",
])
def test_a_key_of_many_parts_is_refused_before_it_is_parsed(monkeypatch, text) -> None:
    def parses(_: str) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr("tomllib.loads", parses)
    with pytest.raises(BadInput, match="nested too deeply"):
        parse(text, "toml")


@pytest.mark.parametrize("text", [
    _dotted(DEEPEST) + " = 1", "[" + _dotted(DEEPEST) + "]",
    *(f"a = {quote}{_dotted(999)}{quote}" for quote in ("'", '"', "'''", '"""')),
    f"# {_dotted(999)}\na = 1", f'a = """{_dotted(99)} "" {_dotted(99)}""""\nb = 1',
    "a = 1 # '\n" + "b = '" + _dotted(999) + "'",
])
def test_dots_that_part_no_key_may_be_many(text) -> None:
    assert parse(text, "toml")


@pytest.mark.parametrize("text", [
    "a." * (LARGEST // 2), '"' * LARGEST, '"' + '\\"' * (LARGEST // 2 - 1), "a" * LARGEST,
    "a" + " " * (LARGEST - 1), "a ." * (LARGEST // 3), '"""' + '"a' * (LARGEST // 2 - 2),
    ("a." + " " * 999) * (LARGEST // 1001), "'" * LARGEST, "a = " + "{a=" * (LARGEST // 4),
])
def test_odd_text_is_refused_soon(text) -> None:
    begun = time.process_time()
    with pytest.raises(BadInput):
        parse(text, "toml")
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("form", FORMATS)
def test_a_configuration_is_not_longer_than_may_be(form) -> None:
    good = {"json": "{}", "toml": "a = 1"}[form]
    assert parse(good + " " * (LARGEST - len(good)), form) is not None
    with pytest.raises(BadInput, match="250,001 characters, and at most 250,000"):
        parse(good + " " * (LARGEST + 1 - len(good)), form)


def test_many_unknown_nodes_are_all_found_and_the_first_get_hints() -> None:
    value = example().to_json()
    more = [value["nodes"][0] | {"name": f"imp{i}"} for i in range(10, 200)]
    value["nodes"] += more
    value["groups"] += [{"name": f"g{i}", "nodes": [f"im{i}p"]} for i in range(1_000)]
    found = [f.says for f in check(value) if f.rule == "group_known_nodes"]
    assert len(found) == 1_000
    assert ["did you mean" in said for said in found] == [True] * NEAR + [False] * (1_000 - NEAR)
    assert "describe the node" in found[-1]


@pytest.mark.parametrize("key", [5, None, ("a", "b")])
def test_a_parameter_whose_name_is_no_text_is_a_finding(key) -> None:
    """JSON and TOML have no such keys, but a program may."""
    found = [f for f in read({"parameters": {key: 75}}).findings if f.rule == "form_parameter"]
    assert [f.says.startswith("unknown parameter ") for f in found] == [True]


def test_a_key_that_stands_twice_is_found_soon_in_a_large_object() -> None:
    keys = [f'"{i}": 0' for i in range(60_000)]
    begun = time.process_time()
    with pytest.raises(BadInput, match="it: the key '59999' is given twice"):
        parse_json("{" + ", ".join([*keys, keys[-1]]) + "}", "it")
    assert time.process_time() - begun < 5


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
    assert enabled.caution == ""
    assert enabled.pair["ha"] == "improper"
    assert _shown(enabled) == ("unknown", "none") * 2
    assert enabled.row == "24"
    assert enabled.events == ("enabled_improperly",)


@pytest.mark.parametrize(("states", "shown"), [
    ((2, 2), [("normal", "normal")]),
    ((2, 0), [("unknown", "unknown"), ("running_in_backup_mode", LOST[0])]),
    ((3, 2), [("unknown", "unknown"), (LOST[0], "running_in_backup_mode")]),
    ((4, 0), [("unknown", "unknown"), (LOST[0], "running_in_backup_mode"),
              ("running_in_backup_mode", LOST[0])]),
])
def test_missing_replication_may_fail_over_at_once_or_stay_unknown(states, shown) -> None:
    one, two, *others = example().nodes
    deployment = evolve(example(), nodes=(
        evolve(one, replication=states[0]), evolve(two, replication=states[1]), *others))
    found = outcomes(PRG, deployment, deployment.groups[0])
    assert [(e.pair["node1.state"], e.pair["node2.state"]) for e in found] == shown
    assert [bool(e.caution) for e in found] == [False, *[True] * (len(found) - 1)]
    assert all("immediate failover" in e.caution for e in found[1:])
    assert found[0] == enable(PRG, deployment, deployment.groups[0])
    assert all(e.row == "13" for e in found[1:])


def test_another_publisher_does_not_fail_over_at_once() -> None:
    one, two, *others = example().nodes
    deployment = evolve(example(), nodes=(one, evolve(two, publisher="imp9"), *others))
    assert len(outcomes(PRG, deployment, deployment.groups[0])) == 1


@pytest.mark.parametrize(("mode", "sick", "says"), [
    ("balanced", 0, ("users of imp1 are served by imp2 and log in again there",
                     "users of imp2 are served by imp2")),
    ("active_standby", 0, (
        "all users of the group, who are assigned to imp1, are served by imp2 and log in again there",
        "imp2, the standby, has no users of its own")),
    ("active_standby", 1, (
        "all users of the group, who are assigned to imp1, are served by imp1",
        "imp2, the standby, has no users of its own")),
    ("none", 1, ("users whom you assigned to imp1 yourself are served by imp1",
                 "users whom you assigned to imp2 yourself are served by imp1 and log in again there")),
])
def test_the_forecast_says_what_follows_for_users(mode, sick, says) -> None:
    nodes = list(example().nodes)
    nodes[sick] = evolve(nodes[sick], services=())
    deployment = evolve(example(), nodes=tuple(nodes), user_assignment_mode=mode)
    assert enable(PRG, deployment, deployment.groups[0]).users == says


def test_a_slow_network_changes_no_state() -> None:
    slow = evolve(example(), wan=Wan(bandwidth=1, round_trip=500))
    assert len(check(slow)) == 2
    assert enable(PRG, slow, slow.groups[0]).row == "1"


def test_the_events_replay_and_the_pair_is_at_rest() -> None:
    enabled = _enabled(0)
    pair = PRG.run(enabled.start, *enabled.events).end
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
    pair = PRG.run(enable(PRG, example(), example().groups[0]).pair, *way).end
    going = Machine(evolve(PRG.model, initial=(tuple(pair.items()),)))
    nodes = tuple(evolve(n, services=()) if i == sick else n
                  for i, n in enumerate(example().nodes))
    deployment = evolve(example(), nodes=nodes,
                        parameters=Parameters(enable_automatic_fallback=True))
    assert enable(going, deployment, deployment.groups[0]).events == ("enable_ha",)


@pytest.mark.parametrize(("way", "row"), [
    (("manager_stop(node1)", "heartbeat_lost(node2)", "takeover_done(node2)"), "16"),
    (("power_off(node1)", "peer_host_lost(node2)", "takeover_done(node2)"), "17"),
    (("power_off(node2)", "peer_host_lost(node1)", "takeover_done(node1)"), "17"),
])
def test_a_row_is_found_where_a_node_shows_nothing(way, row) -> None:
    pair = PRG.run(enable(PRG, example(), example().groups[0]).pair, *way).end
    assert row_of(PRG, pair) == row == explain(PRG, pair).row
    gone = Machine(evolve(PRG.model, initial=(tuple(pair.items()),)))
    assert enable(gone, example(), example().groups[0]).row == row


@quick
@given(st.lists(st.integers(0, 99), max_size=14))
def test_the_row_of_a_pair_is_the_one_that_explaining_it_names(choices) -> None:
    pair = enable(PRG, example(), example().groups[0]).pair
    for choice in choices:
        able = [e.name for e in PRG.model.events if PRG.possible(pair, e.name)]
        pair = PRG.step(pair, able[choice % len(able)]).pair
    assert row_of(PRG, pair) == explain(PRG, pair).row


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
    """`config` with these words; a deployment or a text of one becomes a file."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def call(*words: Any) -> tuple[int, str, str]:
        said = []
        for word in words:
            if isinstance(word, Deployment):
                file = tmp_path / "deployment.toml"
                file.write_text(dump(word, "toml"), encoding="utf-8")
                word = str(file)  # noqa: PLW2901
            elif word.startswith("{"):
                file = tmp_path / "deployment.json"
                file.write_text(word, encoding="utf-8")
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
    for text in ("error    imp1: nodes[0].services = []", "rule ha_services: Verify Services (D49, D50)",
                 "Cisco Sync Agent", "(Table 2, row 12)", "imp2: Running in Backup Mode",
                 "1 error, 0 warnings"):
        assert text in out


def test_check_says_what_it_read_where_nothing_is_wrong(run, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, form in (("deployment.toml", "toml"), ("d.json", "json")):
        (tmp_path / name).write_text(dump(example(), form), encoding="utf-8")
        said = f"{name}: 2 groups, 4 nodes: nothing is wrong\n"
        assert run("check", name) == (0, said, "")


def test_check_fails_where_timing_would(run) -> None:
    slow = evolve(example(), parameters=Parameters(keep_alive_interval=100))
    code, out, _ = run("check", slow)
    assert code == 1
    assert "error    parameters.keep_alive_interval = 100" in out
    assert "rule parameters_alive: theorem T5" in out
    assert "set keep_alive_interval=15" in " ".join(out.split())


def test_text_is_wrapped_to_the_page_that_there_is(monkeypatch) -> None:
    text = "a well-known sentence that is " + "rather " * 20 + "x" * 200
    for columns, page in (("50", 50), ("100", 100), ("7", 80)):
        monkeypatch.setenv("COLUMNS", columns)
        lines = output.wrapped(text, "head: ", "    ")
        assert lines[0].startswith("head: a well-known")
        assert all(line.startswith("    ") for line in lines[1:])
        assert page - 8 < max(map(len, lines)) <= page
    assert output.wrapped("a\nb") == ["a b"]


def test_the_help_of_these_commands_is_not_cut(run, capsys) -> None:
    _, commands = run()[1].split("Commands:")
    assert commands.count("\n  ") == 3
    assert "..." not in commands
    main(["--help"])
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("  config"))
    assert line.endswith(".")
    assert not line.endswith("...")


def test_warnings_fail_only_when_strict(run) -> None:
    mixed = evolve(example(), groups=(
        example().groups[0], evolve(example().groups[1], high_availability=False)))
    code, out, _ = run("check", mixed)
    assert code == 0
    assert "rule ha_mixed" in out
    assert run("check", mixed, "--strict")[0] == 1
    assert run("check", example(), "--strict")[0] == 0


@pytest.mark.parametrize("form", FORMATS)
def test_the_recommended_values_pass_strictly_with_one_note(run, form) -> None:
    usual = shipped()
    code, out, err = run("check", usual, "--strict")
    assert (code, err) == (0, "")
    assert out.count("note ") == 1
    assert "note     parameters.keep_alive_timeout = 60" in out
    assert "nothing need change" in out
    assert out.splitlines()[-1].endswith("nothing is wrong")
    answer = json.loads(run("check", dump(usual, "json"), "--json", "--strict")[1])
    assert (answer["ok"], answer["findings"]) == (True, [])
    assert [n["rule"] for n in answer["notes"]] == ["parameters_three_losses"]


def test_the_shipped_deployment_repaired_passes_strictly(run, tmp_path) -> None:
    text = (PACKAGE.parent / "examples" / "deployment.toml").read_text(encoding="utf-8")
    repaired = text.replace("east 1", "east-1").replace(
        '"SIP Proxy"]', '"SIP Proxy", "Presence Engine"]')
    file = tmp_path / "deployment.toml"
    file.write_text(repaired, encoding="utf-8")
    code, out, err = run("check", str(file), "--strict")
    assert (code, err) == (0, "")
    assert "error" not in out
    assert "warning" not in out
    assert out.count("note ") == 1
    answer = json.loads(run("check", str(file), "--strict", "--json")[1])
    assert (answer["ok"], answer["findings"], len(answer["notes"])) == (True, [], 1)


def test_a_forecast_gives_both_outcomes_of_missing_replication(run) -> None:
    one, *others = example().nodes
    code, out, _ = run("check", evolve(example(), nodes=(evolve(one, replication=0), *others)))
    page = " ".join(out.split())
    assert code == 1
    assert "If high availability is enabled in east-1 even so (Table 2, row 24): imp1: Unknown" in page
    assert ("Or at once: missing replication may result in an immediate failover (Table 2, row 13): "
            "imp1: Failed Over with Critical Services Not Running / Database Failure") in page
    assert "users of imp1 are served by imp2 and log in again there" in page


def test_check_as_json(run) -> None:
    code, out, _ = run("check", _sick(), "--json")
    answer = json.loads(out)
    assert (code, answer["ok"]) == (1, False)
    assert [f["rule"] for f in answer["findings"]] == ["ha_services"]
    assert [(e["group"], e["row"]) for e in answer["enabling"]] == [("east-1", "12")]
    assert "Failed Over with Critical Services Not Running" in answer["enabling"][0]["shown"][0]


def test_what_cannot_be_foretold_says_why(run) -> None:
    nodes = example().nodes
    odd = evolve(example(), nodes=nodes[1:])
    assert "The result for east-1 is not known: unknown node 'imp1'" in run("check", odd)[1]
    answer = json.loads(run("check", odd, "--json")[1])
    assert answer["enabling"][0]["error"].startswith("unknown node")


def test_wrong_form_is_a_finding_and_wrong_text_is_usage(run, tmp_path) -> None:
    file = tmp_path / "odd.json"
    for text, code in (("[]", 1), ("{}", 1), ("{", 2), ("\0", 2), ("", 2), ("[" * 99_999, 2)):
        file.write_text(text)
        got, out, err = run("check", str(file))
        assert got == code, text
        assert bool(out) == (code == 1)
        assert err.count("\n") == (code == 2)


def test_the_example_and_the_schema_are_printed(run) -> None:
    assert load(run("example")[1], "toml") == shipped()
    assert load(run("example", "--format", "json")[1], "json") == shipped()
    assert run("example", "--json")[1] == run("example", "--format", "json")[1]
    assert run("example", "--format", "yaml")[0] == 2
    assert json.loads(run("schema")[1]) == schema()
    assert "check" in run()[1]


def test_the_page_lists_every_rule_with_its_source_and_a_file_that_is_read() -> None:
    page = (PACKAGE.parent / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|$", page, re.MULTILINE))
    assert rows == {r.id: r.cite for r in RULES if r.id not in FORM | set(SANE)}
    assert f"{LARGEST:,} characters" in page
    assert f"more than {DEEPEST} parts" in page
    file = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert file is not None
    found = {f.rule for f in check(load(file[1], "toml"))}
    assert found == {"group_known_nodes"}, "it shows one of its two nodes"
