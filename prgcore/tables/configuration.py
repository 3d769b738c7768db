"""The fields of a configuration file, and the rules that it must obey.

Law: data only. FIELDS is the format: the reader, the writer and the JSON Schema are made from it.
RULES has every rule. A rule that no field names needs more than one value to be decided. The ones
in SANE are the rules of sanity of the service parameters.
"""

from __future__ import annotations

from prgcore.tables.facts import ConfigurationField, ConfigurationRule, ReplicationState
from prgcore.tables.sanity import INFORMATION, SANITY

__all__ = [
    "ASSIGNMENT_MODES", "ERROR", "FIELDS", "INFORMATION", "LEAST_BANDWIDTH", "LONGEST", "MOST_ROUND_TRIP",
    "NODES_IN_A_CLUSTER",
    "RELOGIN_LIMITS", "REPLICATED", "REPLICATION", "RULES", "SANE", "WARNING",
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
_REPLICATION = "Troubleshooting database replication in the Linux appliance model (a technical note)"

REPLICATION = (
    ReplicationState(0, "replication is being set up; for more than an hour, it may have failed",
                     _REPLICATION),
    ReplicationState(1, "the number of replicates is not correct; seen in old releases only",
                     _REPLICATION),
    ReplicationState(2, "replication is good", "Verify Database Replication, step 3"),
    ReplicationState(3, "connected, but the tables may not match; also if another node is down",
                     _REPLICATION),
    ReplicationState(4, "the setup failed: nothing is replicated", _REPLICATION),
)
"""The numbers that `utils dbreplication runtimestate` shows in parentheses, before words."""

ASSIGNMENT_MODES = ("balanced", "active_standby", "none")
"""User Assignment Mode for Presence Server; the first is the default."""

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
    ConfigurationField("deployment", "nodes", "many node", "every node", least=1, also="node"),
    ConfigurationField("deployment", "groups", "many group", "every presence redundancy group",
                       least=1, also=("presence redundancy groups", "group")),
    ConfigurationField("deployment", "parameters", "parameters",
                       "service parameters that differ from their defaults", needed=False,
                       also="service parameters"),
    ConfigurationField("deployment", "wan", "one wan",
                       "the network, if it is a WAN", needed=False),
    ConfigurationField("deployment", "user_assignment_mode", "choice",
                       "how the sync agent assigns users to nodes", needed=False,
                       choices=ASSIGNMENT_MODES, also=("User Assignment Mode for Presence Server",
                                                       "assignment mode", "mode")),

    ConfigurationField("node", "name", "text", "host name or address", least=1, most=255,
                       also=("host", "hostname", "server")),
    ConfigurationField("node", "cluster", "text", "the cluster that the node belongs to",
                       least=1, most=255),
    ConfigurationField("node", "publisher", "text", "its database publisher", least=1, most=255,
                       also="database publisher"),
    ConfigurationField("node", "version", "text", "its software version", least=1, most=255,
                       also="software version"),
    ConfigurationField("node", "replication", "replication", "its replication state (good: 2)",
                       least=0, most=99, also=("replication setup", "replication state",
                                               "replication status")),
    ConfigurationField("node", "services", "services", "the services that run on it, or the output "
                       "of utils service list", also=("critical services", "running services")),
    ConfigurationField("node", "persistent_chat", "flag", "whether it offers persistent chat",
                       needed=False),
    *(
        ConfigurationField("node", limit, "number",
                           "if it differs from the parameters on this node, in seconds",
                           needed=False, least=1, most=86_400, unit="s",
                           also=limit.replace("relogin", "re login"))
        for limit in RELOGIN_LIMITS
    ),

    ConfigurationField("group", "name", "text", "its name", least=1, most=LONGEST,
                       never=r"[^A-Za-z0-9_-]", rule="group_name"),
    ConfigurationField("group", "description", "text", "its description", needed=False,
                       most=LONGEST, never=r'["%&/\\<>]', rule="group_description"),
    ConfigurationField("group", "nodes", "texts", "the names of its nodes", least=1, most=2,
                       rule="group_size", also=("presence servers", "servers")),
    ConfigurationField("group", "high_availability", "flag",
                       "whether high availability is enabled", needed=False,
                       also=("enable high availability", "ha", "ha enabled")),

    ConfigurationField("wan", "bandwidth", "number", "dedicated to each cluster, in Mbit/s",
                       least=LEAST_BANDWIDTH, rule="wan_bandwidth", unit="Mbit/s"),
    ConfigurationField("wan", "round_trip", "number", "in milliseconds",
                       least=0, most=MOST_ROUND_TRIP, rule="wan_round_trip", unit="ms",
                       also=("round trip time", "rtt", "round trip latency")),
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
    ConfigurationRule("service_known", INFORMATION, "critical services",
                      "the others do not matter here", "Verify Services", "D49"),
    ConfigurationRule("assignment_mode", INFORMATION, "users on every node",
                      "see what follows for users", "Configure User Assignment Mode, step 2", "D52"),
    ConfigurationRule("ha_alone", INFORMATION, "two nodes for high availability",
                      "a second node would let it be enabled; groups with and without it are "
                      "permitted, not recommended", _OVERVIEW),
)
