"""The fields of a configuration file, and the rules that it must obey.

Law: data only. FIELDS is the format: the reader, the writer and the JSON Schema are made from it.
RULES has every rule. A rule that no field names needs more than one value to be decided. The ones
in SANE are the rules of sanity of the service parameters.
"""

from __future__ import annotations

from prgcore.tables.facts import ConfigurationField, ConfigurationRule
from prgcore.tables.timers import INFORMATION, SANITY

__all__ = [
    "ERROR", "FIELDS", "INFORMATION", "LEAST_BANDWIDTH", "LONGEST", "MOST_ROUND_TRIP",
    "NODES_IN_A_CLUSTER",
    "RELOGIN_LIMITS", "REPLICATED", "RULES", "SANE", "WARNING",
]

ERROR, WARNING = "error", "warning"

LEAST_BANDWIDTH = 10
"""Mbit/s that a WAN dedicates to each cluster."""
MOST_ROUND_TRIP = 80
"""Milliseconds of round trip over a WAN."""
LONGEST = 128
"""Characters in the name or the description of a group."""
REPLICATED = 2
"""The replication state of a node whose database is replicated."""
NODES_IN_A_CLUSTER = 6
"""The most nodes that a cluster is planned for."""

_TASKS = "Presence Redundancy Group Task Flow"
_OVERVIEW = "High Availability"
_WAN = "Presence Redundancy Group Prerequisites"
_GROUP = "Configure a Presence Redundancy Group"
_HEARTBEAT = "Configure Heartbeat Interval for Failover"
_FILE = "the configuration file"

RELOGIN_LIMITS = ("client_relogin_lower_limit", "client_relogin_upper_limit")
"""The parameters that are set on every node by itself."""

FIELDS = (
    ConfigurationField("deployment", "nodes", "many node", "every node", least=1),
    ConfigurationField("deployment", "groups", "many group", "every presence redundancy group",
                       least=1),
    ConfigurationField("deployment", "parameters", "parameters",
                       "service parameters that differ from their defaults", needed=False),
    ConfigurationField("deployment", "wan", "one wan",
                       "the network, if it is a WAN", needed=False),

    ConfigurationField("node", "name", "text", "host name or address", least=1, most=255),
    ConfigurationField("node", "cluster", "text", "the cluster that the node belongs to",
                       least=1, most=255),
    ConfigurationField("node", "publisher", "text", "its database publisher", least=1, most=255),
    ConfigurationField("node", "version", "text", "its software version", least=1, most=255),
    ConfigurationField("node", "replication", "whole", "its replication state (good: 2)",
                       least=0, most=99),
    ConfigurationField("node", "services", "texts", "the critical services that run on it"),
    ConfigurationField("node", "persistent_chat", "flag", "whether it offers persistent chat",
                       needed=False),
    *(
        ConfigurationField("node", limit, "number",
                           "if it differs from the parameters on this node, in seconds",
                           needed=False, least=1, most=86_400)
        for limit in RELOGIN_LIMITS
    ),

    ConfigurationField("group", "name", "text", "its name", least=1, most=LONGEST,
                       never=r"[^A-Za-z0-9_-]", rule="group_name"),
    ConfigurationField("group", "description", "text", "its description", needed=False,
                       most=LONGEST, never=r'["%&/\\<>]', rule="group_description"),
    ConfigurationField("group", "nodes", "texts", "the names of its nodes", least=1, most=2,
                       rule="group_size"),
    ConfigurationField("group", "high_availability", "flag",
                       "whether high availability is enabled", needed=False),

    ConfigurationField("wan", "bandwidth", "number", "dedicated to each cluster, in Mbit/s",
                       least=LEAST_BANDWIDTH, rule="wan_bandwidth"),
    ConfigurationField("wan", "round_trip", "number", "in milliseconds",
                       least=0, most=MOST_ROUND_TRIP, rule="wan_round_trip"),
)

SANE = {f"parameters_{s.id.replace('-', '_')}": s for s in SANITY}
"""The rules of sanity, by their ids in a configuration."""

_SANE = tuple(
    ConfigurationRule(
        rule, s.kind, s.says, "change the parameter as the finding says",
        {"T": f"theorem {s.theorem}", "D": "a decision"}.get(s.theorem[:1], "common sense"),
        s.theorem if s.theorem.startswith("D") else (),
    )
    for rule, s in SANE.items()
)

RULES = (
    # the form of the file: without it there is no deployment
    ConfigurationRule("form_kind", ERROR, "a value of the kind that its field holds",
                      "give a value of this kind", _FILE),
    ConfigurationRule("form_missing", ERROR, "this field", "add it", _FILE),
    ConfigurationRule("form_unknown", ERROR, "a field that exists",
                      "correct its name, or leave it out", _FILE),
    ConfigurationRule("form_value", ERROR, "a value within its bounds",
                      "correct it (the bounds are this library's own)", _FILE),
    ConfigurationRule("form_parameter", ERROR, "a service parameter",
                      "prgcore config schema lists them, with their bounds",
                      _HEARTBEAT, "D43"),

    # single values
    ConfigurationRule("group_name", ERROR,
                      f"1 to {LONGEST} letters (a to z), digits, underscores and dashes",
                      "rename the group", f"{_GROUP}, step 3", "D48"),
    ConfigurationRule("group_description", ERROR,
                      f'at most {LONGEST} characters, none of " % & / \\ < >',
                      "shorten it, or leave these characters out", f"{_GROUP}, step 4", "D48"),
    ConfigurationRule("group_size", ERROR, "one or two nodes",
                      "divide the nodes into groups of two", f"{_OVERVIEW}; {_GROUP}", "D30"),
    ConfigurationRule("wan_bandwidth", ERROR,
                      f"at least {LEAST_BANDWIDTH} Mbit/s dedicated to each cluster",
                      "reserve more, or keep the nodes of a group together", _WAN, "D50"),
    ConfigurationRule("wan_round_trip", ERROR,
                      f"at most {MOST_ROUND_TRIP} ms of round trip",
                      "keep the nodes of a group nearer to each other", _WAN, "D50"),

    # nodes and groups
    ConfigurationRule("node_unique", ERROR, "a name of its own", "list every node once", _FILE),
    ConfigurationRule("node_in_a_group", ERROR, "that every node belongs to a group",
                      "add it to a group; a group of one node is enough", _OVERVIEW),
    ConfigurationRule("node_in_one_group", ERROR, "a node that is in no other group",
                      "remove it from one of them", _TASKS),
    ConfigurationRule("group_unique", ERROR, "a name that no other group has",
                      "rename one of them", f"{_GROUP}, step 3"),
    ConfigurationRule("group_known_nodes", ERROR, "the name of a node of this file",
                      "correct it, or describe the node", _FILE),
    ConfigurationRule("group_two_nodes", ERROR, "two different nodes",
                      "choose another second node", f"{_GROUP}, step 5"),
    ConfigurationRule("group_cluster", ERROR, "two nodes of the same cluster",
                      "pair nodes of one cluster", _GROUP),
    ConfigurationRule("group_publisher", ERROR, "two nodes with the same database publisher",
                      "pair nodes of one publisher", _GROUP),
    ConfigurationRule("group_version", ERROR, "two nodes with the same software version",
                      "upgrade the older node first", f"{_GROUP}, before you begin"),

    ConfigurationRule("group_relogin_limits", ERROR, "the same re-login limits on both nodes",
                      "give both nodes the limits of one login profile",
                      f"{_HEARTBEAT}, step 5; High Availability Login Profiles"),

    # high availability
    ConfigurationRule("ha_two_nodes", ERROR, "two nodes for high availability",
                      "add a second node, or disable high availability", _OVERVIEW),
    ConfigurationRule("ha_replication", ERROR,
                      f"replication state {REPLICATED} before high availability is enabled",
                      "repair the replication (utils dbreplication runtimestate shows it)",
                      "Verify Database Replication, step 3", "D50"),
    ConfigurationRule("ha_services", ERROR,
                      "every critical service running before high availability is enabled",
                      "start them", "Verify Services", ("D49", "D50")),
    ConfigurationRule("service_known", ERROR, "a critical service",
                      "correct its name; other services do not belong in this list", "Verify Services",
                      "D49"),

    # service parameters
    *(r for r in _SANE if r.severity == ERROR),

    # what could be better
    *(r for r in _SANE if r.severity == WARNING),
    ConfigurationRule("ha_mixed", WARNING, "high availability in all groups or in none",
                      "enable it for these as well; mixing is permitted, not recommended",
                      _OVERVIEW),
    ConfigurationRule("ha_recommended", WARNING, "high availability",
                      "enable it for every group of two nodes", _OVERVIEW),
    ConfigurationRule("cluster_size", WARNING, f"at most {NODES_IN_A_CLUSTER} nodes in a cluster",
                      "plan another cluster", "Planning Guide, multinode scalability"),

    # what is worth knowing: nothing need change
    *(r for r in _SANE if r.severity == INFORMATION),
    ConfigurationRule("ha_alone", INFORMATION, "two nodes for high availability",
                      "a second node would let it be enabled; groups with and without it are "
                      "permitted, not recommended", _OVERVIEW),
)
