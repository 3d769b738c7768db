"""Worlds that are small enough to be solved by several programs: of own machines, and of few faults."""

from prgcore.machine import Machine, prg
from prgcore.template.active_standby import MACHINE as ACTIVE_STANDBY
from prgcore.template.pair import MACHINE as PAIR

QUIET = dict.fromkeys(
    ("services_down", "database_down", "manager_stop", "power_off", "link_cut", "internal_error"), "never")
"""No fault of the built-in machine happens."""
LEASES = {
    "recover": "takes 10 min", "promoted": "takes 5 s", "promotion_failed": "1 in 100 of promoted",
    "crash": "every 30 days", "boot": "takes 20 min", "link_cut": "every 60 days",
    "link_repair": "takes 30 min", "promote(node1)": "takes 1 h"}
STANDBY = {
    "recover": "takes 10 min", "promoted": "takes 5 s", "promotion_failed": "1 in 100 of promoted",
    "demoted": "takes 2 s", "demotion_failed": "1 in 50 of demoted", "alone_failed": "never",
    "fell_behind": "never", "caught_up": "takes 1 min", "service_down": "never",
    "service_up": "takes 30 s", "crash": "every 30 days", "boot": "takes 20 min", "link_cut": "never",
    "link_repair": "takes 30 min", "switchover(node1)": "takes 1 h"}
SERVICES = {**QUIET, "services_down": "every 3 days"}

WORLDS = {
    "leases": (PAIR, LEASES),
    "leases without cuts": (PAIR, {**LEASES, "link_cut": "never"}),
    "leases where starts fail": (PAIR, {**LEASES, "promotion_failed": "1 in 2 of promoted"}),
    "leases in a storm": (PAIR, {**LEASES, "crash": "every 40 min", "boot": "takes 10 min"}),
    "leases where one node is bad": (PAIR, {**LEASES, "crash(node2)": "every 2 h"}),
    "standby": (ACTIVE_STANDBY, STANDBY),
    "services": (None, SERVICES),
    "services often": (None, {**SERVICES, "services_down": "every 20 min",
                              "takeover_failed": "1 in 3 of takeover_done"}),
    "services in working hours": (None, {**SERVICES, "services_up": "takes 3 h in working hours"}),
}


def machine(model):
    """The machine of a world; None is the built-in one."""
    return prg() if model is None else Machine(model)
