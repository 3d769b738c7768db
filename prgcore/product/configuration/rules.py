"""The rules about more than one value: one function for each rule, over the readable parts.

Law: pure. A check yields where its rule is broken, the value there, and a sentence if that of the
table says too little. Severity, advice and source are in `prgcore.tables.configuration`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.product.configuration.deployment import Deployment, Group, Node, Wan, host
from prgcore.product.configuration.reading import (
    RULE,
    Finding,
    Part,
    Parts,
    brief,
    finding,
    read_parts,
)
from prgcore.product.services import Seen, missing_services, nearest_service, seen_service
from prgcore.tables.configuration import (
    ERROR,
    INFORMATION,
    NODES_IN_A_CLUSTER,
    RELOGIN_LIMITS,
    REPLICATED,
    REPLICATION,
    SANE,
    WARNING,
)
from prgcore.tables.facts import Sanity
from prgcore.timers.parameters import Parameters
from prgcore.timers.sanity import check as check_parameters
from prgcore.timers.sanity import named
from prgcore.words import few, listed, one_line, quoted

__all__ = ["CHECKS", "NEAR", "Broken", "Reading", "check", "read"]

Broken: TypeAlias = Iterator[tuple[str, Any, str]]
"""The place, the value there, and the whole sentence (empty: that of the table)."""

MOST_NAMED = 5
"""The most services or nodes that a note names."""
NEAR = 100
"""The most unknown names that get suggestions, and the most names to suggest from."""


@frozen
class Reading:
    """A configuration as it was understood.

    Attributes:
        deployment: the deployment, or None if the form is wrong. Other rules may be broken.
        findings: everything that is wrong, then everything that could be better.
        notes: what is worth knowing; nothing need change.
    """

    deployment: Deployment | None
    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there is no error; there may be warnings."""
        return not any(f.severity == "error" for f in self.findings)


def read(value: object) -> Reading:
    """The deployment in any JSON value, with all findings at once. Never raises for JSON."""
    parts, wrong = read_parts(value)
    broken = tuple(
        finding(rule, at, found, says=said)
        for rule, holds in CHECKS.items() for at, found, said in holds(parts)
    )
    formless = any(f.rule.startswith("form_") for f in wrong)
    return Reading(
        None if formless else _built(parts),
        (*wrong, *(f for f in broken if f.severity != INFORMATION)),
        tuple(f for f in broken if f.severity == INFORMATION))


def check(configuration: object) -> tuple[Finding, ...]:
    """All errors and warnings about a deployment, or about any JSON value; warnings last.

    `read` also returns notes: information about what need not change.

    Source: "Presence Redundancy Group Prerequisites", and the tasks below it.
    """
    if isinstance(configuration, Deployment):
        configuration = configuration.to_json()
    return read(configuration).findings


def _built(parts: Parts) -> Deployment:
    return Deployment(
        tuple(Node(**part) for part in parts.nodes), tuple(Group(**part) for part in parts.groups),
        parts.parameters, Wan(**parts.wan) if parts.wan else None, parts.user_assignment_mode,
    )


# ------------------------------------------------------------------ nodes and groups


def _grouped(parts: Parts) -> Iterator[tuple[int, Part, list[tuple[int, Part]]]]:
    """Every group with its place, and those of its nodes that are described, with their places."""
    places: dict[str, int] = {}
    for i, node in enumerate(parts.nodes):
        if "name" in node:
            places.setdefault(host(node["name"]), i)
    for i, group in enumerate(parts.groups):
        named = dict.fromkeys(host(name) for name in group.get("nodes", ()))
        yield i, group, [(places[n], parts.nodes[places[n]]) for n in named if n in places]


def _repeated(parts: tuple[Part, ...], key: Callable[[str], str], at: str) -> Broken:
    seen: set[str] = set()
    for i, part in enumerate(parts):
        name = key(part["name"]) if "name" in part else None
        if name in seen:
            yield f"{at}[{i}].name", part["name"], ""
        elif name is not None:
            seen.add(name)


def _node_unique(parts: Parts) -> Broken:
    return _repeated(parts.nodes, host, "nodes")


def _group_unique(parts: Parts) -> Broken:
    return _repeated(parts.groups, str, "groups")


def _node_in_a_group(parts: Parts) -> Broken:
    if not all(group.get("nodes") for group in parts.groups):
        return  # one of these nodes may be meant where a group has no readable ones
    grouped = {host(name) for group in parts.groups for name in group.get("nodes", ())}
    for i, node in enumerate(parts.nodes):
        if "name" in node and host(node["name"]) not in grouped:
            yield f"nodes[{i}].name", node["name"], ""


def _node_in_one_group(parts: Parts) -> Broken:
    home: dict[str, int] = {}
    for i, group in enumerate(parts.groups):
        for j, name in enumerate(group.get("nodes", ())):
            if home.setdefault(host(name), i) != i:
                yield (f"groups[{i}].nodes[{j}]", name,
                       f"the node is in groups[{home[host(name)]}]; remove it from one of them")


def _group_known_nodes(parts: Parts) -> Broken:
    known = {host(node["name"]): node["name"] for node in parts.nodes if "name" in node}
    if not parts.nodes or not all("name" in node for node in parts.nodes):
        return  # a node without a readable name may be the one
    some = list(known.values())[:NEAR]
    unknown = 0
    for i, group in enumerate(parts.groups):
        for j, name in enumerate(group.get("nodes", ())):
            if host(name) not in known:
                unknown += 1
                said = unknown_name("node", name, some) if some and unknown <= NEAR else ""
                yield f"groups[{i}].nodes[{j}]", name, said


def _group_two_nodes(parts: Parts) -> Broken:
    for i, group in enumerate(parts.groups):
        names = group.get("nodes", ())
        if len(names) == 2 and host(names[0]) == host(names[1]):
            yield f"groups[{i}].nodes[1]", names[1], ""


def _same(rule: str, field: str, key: Callable[[str], str] = str) -> Callable[[Parts], Broken]:
    def differs(parts: Parts) -> Broken:
        for i, group, members in _grouped(parts):
            values = [(node["name"], node[field]) for _, node in members if field in node]
            if len({key(value) for _, value in values}) > 1:
                found = listed((f"{name} ({value})" for name, value in values), "and")
                yield f"groups[{i}].nodes", group["nodes"], _instead(rule, found)

    return differs


def _group_relogin_limits(parts: Parts) -> Broken:
    usual = parts.parameters.to_json()
    for i, group, members in _grouped(parts):
        limits = [[node.get(name, usual[name]) for name in RELOGIN_LIMITS] for _, node in members]
        unread = any(limit is None for some in limits for limit in some)
        if not unread and any(some != limits[0] for some in limits):
            found = listed((
                f"{node['name']} ({lower} to {upper} s)"
                for (_, node), (lower, upper) in zip(members, limits, strict=True)
                if "name" in node
            ), "and")
            yield f"groups[{i}].nodes", group["nodes"], _instead("group_relogin_limits", found)


def _instead(rule: str, found: str) -> str:
    """The sentence of the table, with the value that was found."""
    return f"expected {RULE[rule].expects}, not {brief(found)}; {RULE[rule].advice}"


# ----------------------------------------------------------------- high availability


def _ha_nodes(parts: Parts) -> list[tuple[int, Part]]:
    """The nodes of groups with high availability, each once, in the order of the file."""
    found = {
        place: node
        for _, group, members in _grouped(parts) if group.get("high_availability")
        for place, node in members
    }
    return sorted(found.items(), key=lambda item: item[0])


def _ha_two_nodes(parts: Parts) -> Broken:
    for i, group in enumerate(parts.groups):
        if group.get("high_availability") and len(group.get("nodes", ())) == 1:
            yield f"groups[{i}].high_availability", True, ""


def _ha_replication(parts: Parts) -> Broken:
    meanings = {state.number: state.says for state in REPLICATION}
    for i, node in _ha_nodes(parts):
        number = node.get("replication", REPLICATED)
        if number != REPLICATED:
            meant = f" ({meanings[number]})" if number in meanings else ""
            yield f"nodes[{i}].replication", number, _instead("ha_replication", f"{number}{meant}")


def _ha_services(parts: Parts) -> Broken:
    for i, node in _ha_nodes(parts):
        if "services" in node:
            missing = missing_services(
                node["services"], parts.parameters,
                persistent_chat=node.get("persistent_chat", False))
            if missing:
                seen = {s.critical.name: s for s in map(seen_service, node["services"])
                        if s.critical is not None and not s.runs}
                yield f"nodes[{i}].services", node["services"], (
                    f"not running: {_to_start(missing, seen)}, then enable high availability")


def _to_start(missing: tuple[str, ...], seen: dict[str, Seen]) -> str:
    """The missing services and what to do about them; apart, where it is not the same for all."""
    alike: dict[str, list[str]] = {}
    for name in missing:
        one = seen.get(name)
        alike.setdefault(one.todo if one else "", []).append(f"{name} ({one.status})" if one else name)
    mark = ";" if len(alike) == 1 else ":"
    return "; ".join(
        f"{', '.join(names)}{mark} {todo or ('start it' if len(names) == 1 else 'start them')}"
        for todo, names in alike.items())


def _service_known(parts: Parts) -> Broken:
    near = 0
    for i, node in enumerate(parts.nodes):
        others = [s for s in map(seen_service, node.get("services", ())) if s.critical is None]
        missed = {}
        for other in others[:max(0, NEAR - near)]:
            near += 1
            if (meant := nearest_service(other.name)) is not None:
                missed[other.name] = meant.name
        for name, meant_name in missed.items():
            said = f"{quoted(name)} is not a critical service; write {meant_name} if it is meant"
            yield f"nodes[{i}].services", name, said
        names = [s.name for s in others if s.name and s.name not in missed]
        if names:
            said = f"not critical, and ignored: {one_line(few(names, MOST_NAMED, ', '))}"
            yield f"nodes[{i}].services", None, said


def _couples(parts: Parts) -> list[tuple[int, Part]]:
    """The groups with two nodes; only these can enable high availability."""
    return [
        (i, group) for i, group in enumerate(parts.groups)
        if len({host(name) for name in group.get("nodes", ())}) == 2
    ]


def _ha_mixed(parts: Parts) -> Broken:
    couples = _couples(parts)
    if any(group.get("high_availability") for _, group in couples):
        for i, group in couples:
            if group.get("high_availability") is False:
                yield f"groups[{i}].high_availability", False, ""


def _ha_alone(parts: Parts) -> Broken:
    if any(group.get("high_availability") for _, group in _couples(parts)):
        for i, group in enumerate(parts.groups):
            if len(group.get("nodes", ())) == 1 and not group.get("high_availability"):
                yield f"groups[{i}].nodes", group["nodes"], ""


def _ha_recommended(parts: Parts) -> Broken:
    couples = _couples(parts)
    if couples and all(group.get("high_availability") is False for _, group in couples):
        yield "groups", None, ""


def _assignment_mode(parts: Parts) -> Broken:
    mode, at = parts.user_assignment_mode, "user_assignment_mode"
    if mode == "active_standby":
        pairs = [group["nodes"] for _, group in _couples(parts)]
        first, second = (listed((p[i] for p in pairs[:MOST_NAMED]), "and") for i in (0, 1))
        said = (f"every user is assigned to the first node of a group, here {first}; the second, "
                f"here {second}, serves nobody until a failover, and then all users of its group")
        if pairs:
            yield at, mode, said
    if mode == "none":
        said = ("the sync agent assigns nobody: a user whom you assign to no node is served by "
                "none, before a failover and after it")
        yield at, mode, said


def _cluster_size(parts: Parts) -> Broken:
    sizes = Counter(node["cluster"] for node in parts.nodes if "cluster" in node)
    for cluster, size in sorted(sizes.items()):
        if size > NODES_IN_A_CLUSTER:
            yield "nodes", None, _instead("cluster_size", f"{size} in {cluster}")


# ---------------------------------------------------------------- service parameters


def _sane(rule: Sanity) -> Callable[[Parts], Broken]:
    """The check of a rule of sanity; it is silent if one of its parameters could not be read.

    A rule of information is silent as well where something graver is wrong with its parameters.
    """
    mine = named(rule)
    limited = bool(mine & {*RELOGIN_LIMITS})

    def broken(parts: Parts) -> Broken:
        if mine & parts.unread:
            return
        for at, parameters in ("parameters", parts.parameters), *(_limits(parts) if limited else ()):
            verdicts = check_parameters(parameters)
            verdict = next(v for v in verdicts if v.rule.id == rule.id)
            graver = not verdict.wrong and any(v.wrong and mine & named(v.rule) for v in verdicts)
            if not verdict.holds and not graver:
                change = next((n for n in rule.change if n in verdict.changes), rule.change[0])
                place = at if change in RELOGIN_LIMITS else "parameters"
                said = f"{rule.otherwise}; {verdict.advice}"
                yield f"{place}.{change}", parameters.to_json()[change], said

    return broken


def _limits(parts: Parts) -> Iterator[tuple[str, Parameters]]:
    """The parameters of every node that has re-login limits of its own, with its place."""
    for i, node in enumerate(parts.nodes):
        own = {name: node[name] for name in RELOGIN_LIMITS if name in node}
        if None in own.values():
            continue
        try:
            parameters = Parameters.of(own, parts.parameters)
        except BadInput:  # a limit outside of its bounds is a finding of its own
            continue
        if parameters != parts.parameters:
            yield f"nodes[{i}]", parameters


CHECKS: dict[str, Callable[[Parts], Broken]] = {
    "node_unique": _node_unique,
    "node_in_a_group": _node_in_a_group,
    "node_in_one_group": _node_in_one_group,
    "group_unique": _group_unique,
    "group_known_nodes": _group_known_nodes,
    "group_two_nodes": _group_two_nodes,
    "group_cluster": _same("group_cluster", "cluster"),
    "group_publisher": _same("group_publisher", "publisher", host),
    "group_version": _same("group_version", "version"),
    "group_relogin_limits": _group_relogin_limits,
    "ha_two_nodes": _ha_two_nodes,
    "ha_replication": _ha_replication,
    "ha_services": _ha_services,
    **{rule: _sane(s) for rule, s in SANE.items() if s.kind == ERROR},
    **{rule: _sane(s) for rule, s in SANE.items() if s.kind == WARNING},
    "ha_mixed": _ha_mixed,
    "ha_recommended": _ha_recommended,
    "cluster_size": _cluster_size,
    **{rule: _sane(s) for rule, s in SANE.items() if s.kind == INFORMATION},
    "service_known": _service_known,
    "assignment_mode": _assignment_mode,
    "ha_alone": _ha_alone,
}
"""The check of every rule that needs more than one field."""
