"""Faults and repairs: what the environment does, and what a watched node says of it."""

from __future__ import annotations

from prgcore.model import Rule, by
from prgcore.tables.rules.fragments import FAIL_ALONE, FAILS, YIELDS, fail
from prgcore.vocabulary import Evidence, Reason, State

__all__ = ["FAULTS"]

_FO_CSNR = State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING

FAULTS = (
    Rule(
        "X100", "services_down",
        then={
            "me.services": "down",
            "me.state": by("me.misses", {"nothing": _FO_CSNR}),
            "me.reason": by("me.misses", {"nothing": Reason.CRITICAL_SERVICE_DOWN}),
        },
        cite="table2:12",
        why="a fault; a failed-over node that its manager watches says so",
    ),
    Rule(
        "X102", "services_up",
        then={
            "me.services": "up",
            "me.state": by("me.misses", {"services": State.FAILED_OVER}),
        },
        cite=("table2:11a", "table2:11b", "table2:18b"),
        why="a repair; a failed-over node that its manager watches is ready for fallback",
    ),
    Rule(
        "X104", "database_down",
        then={
            "me.database": "down",
            "me.state": by("me.misses", {"nothing": _FO_CSNR}),
            "me.reason": by("me.misses", {"nothing": Reason.DATABASE_FAILURE}),
        },
        cite="table2:13",
        why="a fault; a failed-over node that its manager watches says so",
    ),
    Rule(
        "X106", "database_up",
        then={
            "me.database": "up",
            "me.state": by("me.misses", {"database": State.FAILED_OVER}),
        },
        cite=("table2:11a", "table2:11b", "table2:18b"), evidence=Evidence.INFERRED,
        why="a repair; a failed-over node that its manager watches is ready for fallback",
    ),
    Rule(
        "X110", "manager_stop",
        then={"me.process": "manager_down", "me.hears_peer": "no"},
        cite="towards table2:16", evidence=Evidence.INFERRED, decisions="D11",
        why="the record keeps the last state; nobody is left to change it",
    ),
    Rule(
        "X112", "power_off",
        then={"me.process": "off", "me.hears_peer": "no"},
        cite="towards table2:17", evidence=Evidence.INFERRED, decisions="D11",
        why="the record keeps the last state; nobody is left to change it",
    ),
    Rule(
        "X114", "power_on",
        then={
            "me.process": "manager_down",
            "me.services": by("me.services", {"up": "down"}),
            "me.database": "up",
        },
        cite="towards table2:13", evidence=Evidence.POLICY, decisions="D12",
        why="a host boots without services; a reboot repairs the database",
    ),
    Rule(
        "X120", "link_cut",
        then={"link": "cut"},
        cite="towards table2:16",
        why="the nodes are partitioned; both still reach the record",
    ),
    Rule(
        "X122", "link_repair",
        then={"link": "up"},
        cite="towards table2:16",
        why="the administrator repairs the network",
    ),
    Rule(
        "X130", "internal_error",
        when={"me.hears_peer": "yes"},
        then=fail(Reason.UNKNOWN), actions=FAILS,
        cite=("table2:21", "Node State Definitions: Running in Failed Mode"),
        why="an internal error of the system",
    ),
    Rule(
        "X132", "internal_error",
        when={"me.hears_peer": "no"},
        then={**FAIL_ALONE, "me.reason": Reason.UNKNOWN}, actions=YIELDS,
        cite=("table2:21", "Node State Definitions: Running in Failed Mode"),
        evidence=Evidence.INFERRED, decisions="D60",
        why="an internal error; a peer that is not heard may hold the grant, and keeps it",
    ),
)
