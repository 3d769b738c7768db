"""The faults of a simulated world, as data: what can go wrong, for how long, and where.

Law: data only. `prgcore.world.happen` makes a fault begin and end. Whatever is in this list is
promised to do no harm: nobody is served twice, and no decision is lost or made twice.
"""

from __future__ import annotations

from attrs import frozen

__all__ = ["COMMANDS", "KINDS", "OFTEN", "SPLITS", "Fault", "Kind", "kind"]


@frozen
class Kind:
    """A kind of fault.

    Attributes:
        name: its name.
        says: what happens, with `{node}`, `{peer}`, `{lasts}` and `{value}`.
        of: `node`: it happens to one node. `pair`: it happens to both, or between them.
        lasts: how long it may last, in seconds. A fault of no length happens at once.
        begins, ends: the names of what is done to the world; see `prgcore.world.happen`.
        values: what it may be done with.
    """

    name: str
    says: str
    of: str
    lasts: tuple[float, ...]
    begins: str
    ends: str = ""
    values: tuple[float | str, ...] = (0.0,)


@frozen
class Fault:
    """A fault of a schedule.

    Attributes:
        kind: the name of its kind.
        node: the node that it happens to; of a pair, the node whose turn it is.
        at: the moment at which it begins, in seconds from the beginning of the schedule.
        turn: instead, the number of the turn before which it begins; -1: none.
        lasts: how long it lasts.
        value: what it is done with.
    """

    kind: str
    node: str
    at: float = 0.0
    turn: int = -1
    lasts: float = 0.0
    value: float | str = 0.0


COMMANDS = (
    "failover(node1)", "failover(node2)", "fallback(node1)", "fallback(node2)", "recover",
    "enable_ha", "disable_ha", "add_users", "enable_auto_fallback", "disable_auto_fallback",
)
"""The commands of users meanwhile, of the built-in machine."""
OFTEN = COMMANDS[:4] * 4 + COMMANDS
"""The same, each as often as it happens beside the others."""

SHORT, LONG = 1.5, 7.0
"""Seconds: less than every time-out, and more than all of them."""
WRONG = ("column", "drawer", "value", "outside", "claim", "ahead")
"""In which way an answer of a store is wrong; `ahead`: outside the invariants, of a later epoch."""
ORDERS = ("in order", "newest first")
"""How services that hung read what was sent to them meanwhile."""

KINDS = (
    # the network
    Kind("cut", "the network between the nodes is cut for {lasts} s", "pair", (SHORT, LONG),
         "cut_all", "join_all"),
    Kind("deaf", "nothing reaches {node} for {lasts} s", "node", (LONG, SHORT), "cut", "join"),
    Kind("loss", "the next {value} heartbeats to {node} are lost", "node", (0.0,), "lose",
         values=(2.0, 3.0)),
    Kind("delay", "for {lasts} s heartbeats to {node} are {value} s late", "node", (LONG,),
         "delay", "hurry", values=(1.5, 4.5)),
    Kind("echo", "for {lasts} s heartbeats to {node} come again {value} s later", "node", (LONG,),
         "echo", "no_echo", values=(3.3, 9.1)),
    # the store
    Kind("slow_store", "for {lasts} s each call of the store takes {value} s", "pair", (LONG, 25.0),
         "slow_all", "swift_all", values=(2.0, 4.4, 20.0)),
    Kind("slow_path", "for {lasts} s each call of {node} to the store takes {value} s", "node",
         (LONG, 25.0), "slow", "swift", values=(2.0, 4.4, 20.0)),
    Kind("no_store", "the store answers nobody for {lasts} s", "pair", (SHORT, LONG),
         "refuse_all", "answer_all"),
    Kind("no_path", "{node} does not reach the store for {lasts} s", "node", (LONG, SHORT),
         "refuse", "answer"),
    Kind("hung_store", "calls of the store wait for {lasts} s", "pair", (LONG, SHORT),
         "hang_all", "go_on_all"),
    Kind("hung_path", "calls of {node} to the store wait for {lasts} s", "node", (LONG, SHORT),
         "hang", "go_on"),
    Kind("lost_answers", "for {lasts} s writes of {node} are done, and it is not told", "node",
         (SHORT, LONG), "writes", "writes_told", values=("unknown",)),
    Kind("lost_writes", "for {lasts} s writes of {node} are lost, and it is not told", "node",
         (SHORT, LONG), "writes", "writes_told", values=("lost",)),
    Kind("late_writes", "for {lasts} s writes of {node} are done 1.2 s after it gave up", "node",
         (SHORT, LONG), "writes", "writes_told", values=("late",)),
    Kind("wrong_answers", "for {lasts} s answers to {node} are wrong: {value}", "node",
         (SHORT, LONG), "wrong", "right", values=WRONG),
    Kind("old_copy", "an old copy lies in the place of the store for {lasts} s", "pair",
         (SHORT, LONG), "old_all", "main_all"),
    Kind("old_path", "{node} reaches an old copy of the store for {lasts} s", "node",
         (LONG, SHORT), "old", "main"),
    Kind("emptied", "the store is empty for {lasts} s", "pair", (SHORT, LONG), "empty_all",
         "main_all"),
    Kind("replaced", "another record lies in the place of the store for {lasts} s", "pair",
         (SHORT, LONG), "other_all", "main_all"),
    Kind("strange_path", "{node} reaches another record for {lasts} s", "node", (LONG, SHORT),
         "other", "main"),
    # the arbiter
    Kind("no_arbiter", "the arbiter answers nobody for {lasts} s", "pair", (LONG, SHORT),
         "no_arbiter", "arbiter"),
    # clocks
    Kind("fast", "the clock of {node} runs fast for {lasts} s", "node", (LONG, 30.0), "pace",
         "pace", values=(1.0,)),
    Kind("slow", "the clock of {node} runs slow for {lasts} s", "node", (LONG, 30.0), "pace",
         "pace", values=(-1.0,)),
    Kind("step", "the wall clock of {node} steps by {value} s", "node", (0.0,), "step",
         values=(3600.0, -3600.0, -1e10, 1e12)),
    # processes and hosts
    Kind("pause", "the agent of {node} is paused for {lasts} s", "node", (SHORT, LONG), "pause",
         "resume"),
    Kind("suspend", "the host of {node} is suspended for {lasts} s", "node", (SHORT, LONG),
         "suspend", "awake"),
    Kind("crash", "the agent of {node} is killed, and started {lasts} s later", "node",
         (LONG, SHORT), "kill", "start"),
    Kind("stop", "the agent of {node} is asked to stop, and started {lasts} s later", "node",
         (LONG, SHORT), "stop", "start"),
    Kind("power", "{node} is without power for {lasts} s", "node", (LONG, SHORT), "power_off",
         "power_on"),
    Kind("disk", "for {lasts} s the disk of {node} keeps nothing that it is given", "node",
         (LONG,), "disk_lies", "disk_keeps"),
    # services
    Kind("service", "the services of {node} die, and are started {lasts} s later", "node",
         (LONG, SHORT), "services_die", "services_start"),
    Kind("returns", "the services of {node} start by themselves", "node", (0.0,),
         "services_return"),
    Kind("quits", "the services of {node} stop by themselves, and nobody starts them", "node", (0.0,),
         "services_die"),
    Kind("database", "the database of {node} dies, and is back {lasts} s later", "node",
         (LONG, SHORT), "database_dies", "database_starts"),
    Kind("hung", "the services of {node} answer nothing for {lasts} s, and then read {value}", "node",
         (LONG, SHORT), "services_hang", "services_go_on", values=ORDERS),
    Kind("stubborn", "the services of {node} cannot be started for {lasts} s", "node", (LONG,),
         "services_fail", "services_work"),
    Kind("tardy", "for {lasts} s the services of {node} obey 0.4 s late", "node", (LONG,),
         "services_dawdle", "services_hurry"),
    # people
    Kind("command", "somebody asks {node} for {value}", "node", (0.0,), "command",
         values=COMMANDS),
    Kind("told", "somebody reports to {node} that the host of {peer} is down, if it is", "node", (0.0,),
         "host_lost"),
)

SPLITS = ("cut", "deaf", "loss", "delay", "echo", "pause", "suspend", "crash", "power")
"""The kinds of faults that split a pair: those of the adversary of model D."""

_BY_NAME = {kind.name: kind for kind in KINDS}


def kind(name: str) -> Kind:
    """The kind of this name."""
    return _BY_NAME[name]
