"""Wording: conditions, commands and steps of a plan as an operator says them.

Law: words only; nothing is decided here. A column or an event without words of its own is named as
the machine names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from prgcore.engine import Pair
from prgcore.errors import Failed
from prgcore.explain.names import Names
from prgcore.explain.plan import Plan
from prgcore.form.spelling import PLAIN, Spelling
from prgcore.model import Cube, Display, Values
from prgcore.seats import NODES
from prgcore.vocabulary import State
from prgcore.words import listed

__all__ = [
    "cell", "command", "condition", "doing", "moved", "needed", "spelt", "until", "way",
]

_HEARD = {f"{node}.hears_peer": ("yes",) for node in NODES}
_CELLS: Mapping[tuple[str, Values], str] = {
    ("services", ("up",)): "the critical services of {} run",
    ("database", ("up",)): "the database of {} runs",
    ("process", ("running",)): "the recovery manager of {} runs",
}
_DEEDS: Mapping[str, str] = {
    "services_up": "start the critical services of {}",
    "database_up": "repair the database of {}",
    "manager_stop": "stop the recovery manager of {}",
    "manager_start": "start the recovery manager of {}",
    "power_off": "shut {} down",
    "power_on": "power {} up",
    "link_repair": "repair the network between the nodes",
    "enable_ha": "enable High Availability",
    "disable_ha": "disable High Availability",
}
_DOING: Mapping[str, str] = {
    State.INITIALIZING: "{me} is starting",
    State.IDLE: "{me} had failed over by hand",
    State.NORMAL: "{me} is Normal",
    State.RUNNING_IN_BACKUP_MODE: "{me} is the backup",
    State.TAKING_OVER: "{me} is taking over the users of {peer}",
    State.FAILING_OVER: "the users of {me} are moving to {peer}",
    State.FAILED_OVER: "{me} had failed over",
    State.FAILED_OVER_WITH_CRITICAL_SERVICES_NOT_RUNNING: (
        "{me} had failed over, and its critical services do not run"),
    State.FALLING_BACK: "{me} is handing the users of {peer} back",
    State.TAKING_BACK: "{me} is taking its users back from {peer}",
    State.RUNNING_IN_FAILED_MODE: "{me} has failed",
    State.UNKNOWN: "the state of {me} is not known",
    State.BACKUP_ACTIVATED: "everyone is moving to {me}",
    State.FAILOVER_AFFECTED_SERVICES: "{me} is sick, and everyone is moving to {peer}",
}
"""An operator's words for the state of a node."""
_HALVES: Mapping[str, str] = {
    State.FAILING_OVER: State.TAKING_OVER, State.FALLING_BACK: State.TAKING_BACK,
    State.BACKUP_ACTIVATED: State.FAILOVER_AFFECTED_SERVICES,
}
"""States that need no words beside this state of the peer."""
_BETWEEN = {
    "cut": "what {me} sends no longer reaches {peer}", "heal": "{peer} can hear {me} again",
    "beat": "a heartbeat of {me} reaches {peer}",
    "send": "{me} sends a heartbeat, which is on its way",
    "deliver": "a heartbeat of {me} that was on its way reaches {peer}",
    "lose": "a heartbeat of {me} is lost",
}
_BOTH = {"cut": "the nodes no longer reach each other", "heal": "the nodes reach each other again"}
"""An operator's words for the moves of two nodes with messages between them."""
_RETURNS = ("link_repair", "power_on", "manager_start")
"""Repairs that bring a node back that shows nothing: nobody sees which of them it needs."""
_SICK = ("services_up", "database_up")


def doing(display: Display) -> str:
    """What both nodes are doing: `node2 is taking over the users of node1`."""
    said, silent = list[str](), list[str]()
    for me, peer, half, other in zip(NODES, NODES[::-1], display, display[::-1], strict=True):
        if half is None:
            silent.append(f"{me} shows nothing: it does not run, or cannot be reached")
        elif other is None or _HALVES.get(half.state) != other.state:
            said.append(_DOING[half.state].format(me=me, peer=peer))
    text = "; ".join(said + silent)
    return f"{text if text.startswith(NODES) else text[:1].upper() + text[1:]}."


def moved(move: str, says: Mapping[str, str]) -> str:
    """A move of two nodes with messages between them: `a heartbeat of node1 reaches node2`.

    `says` has what the machine says of each event.
    """
    verb, _, me = move.partition(" ")
    peer = NODES[me == NODES[0]]
    if verb in _BETWEEN:
        return _BETWEEN[verb].format(me=me, peer=peer) if me else _BOTH[verb]
    _, _, seat = move.rstrip(")").partition("(")
    said = says.get(move, move).partition(" (")[0]
    return f"{seat}: {said}" if seat and said != move else said


def condition(when: Cube, spelling: Spelling = PLAIN) -> str:
    """Hidden columns as a condition: `both nodes hear each other and the database of node1 runs`."""
    cells = {c.column: c.values for c in when}
    said: list[str] = []
    if cells.items() >= _HEARD.items():
        said.append("both nodes hear each other")
        cells = {name: values for name, values in cells.items() if name not in _HEARD}
    for name, values in cells.items():
        node, _, column = name.partition(".")
        if column == "database" and cells.get(f"{node}.services") == values == ("up",):
            said[-1] = f"the critical services and the database of {node} run"
        elif column == "state":
            said.insert(0, f"{node} is {listed(spelling.title(name, v) for v in values)}")
        elif column == "hears_peer" and values == ("yes",):
            said.append(f"{node} hears {NODES[node == NODES[0]]}")
        elif (column, values) in _CELLS:
            said.append(_CELLS[column, values].format(node))
        else:
            said.append(cell(name, values, spelling))
    return listed(said, "and")


def cell(column: str, values: Sequence[str], spelling: Spelling = PLAIN) -> str:
    """A cell in words: `node1 is Failed Over or Idle`, `link is up`."""
    head = column.removesuffix(".state")
    return f"{spelling.name(head)} is {listed(spelt(column, values, spelling))}"


def spelt(column: str, values: Sequence[str], spelling: Spelling = PLAIN) -> list[str]:
    """Values of a column as people read them; states as the document spells them."""
    said = spelling.title if column.endswith(".state") else spelling.value
    return [said(column, value) for value in values]


def needed(failed: Iterable[Failed], spelling: Spelling = PLAIN) -> str:
    """Failing cells in words: `node1 is Normal, needs Failed Over or Idle; ha is off, needs on`."""
    return "; ".join(
        f"{cell(f.column, [f.value], spelling)}, needs {listed(spelt(f.column, f.needs, spelling))}"
        for f in failed
    )


def command(event: str, names: Names, spelling: Spelling = PLAIN) -> str:
    """A command as the product's command line spells it, if hosts are known and it is not renamed."""
    said = spelling.name(event)
    return (names.product(event) if said == event else "") or names.out(said)


def way(plan: Plan, waiting: Sequence[str], blank: Values, unsure: Values, names: Names,
        spelling: Spelling = PLAIN) -> list[str]:
    """A plan as an operator carries it out: what to do, in order, and until when to wait.

    Args:
        plan: the plan.
        waiting: its events that come by themselves.
        blank: the nodes that show nothing.
        unsure: the nodes of which nobody knows whether services or the database are down.
        names: the names of the nodes.
        spelling: the words of states and commands.
    """
    return list(dict.fromkeys(_phrases(plan, waiting, blank, unsure, names, spelling)))


def _phrases(
    plan: Plan, waiting: Sequence[str], blank: Values, unsure: Values, names: Names, spelling: Spelling,
) -> Iterator[str]:
    before = plan.start
    for waits, some in groupby(plan.steps, lambda step: step.event in waiting):
        steps = list(some)
        if waits:
            yield names.out(f"wait {until(before, steps[-1].pair, spelling)}")
        else:
            yield from (_deed(step.event, blank, unsure, names, spelling) for step in steps)
        before = steps[-1].pair


def _deed(event: str, blank: Values, unsure: Values, names: Names, spelling: Spelling) -> str:
    head, _, node = event.rstrip(")").partition("(")
    if head in _RETURNS and blank and node in ("", *blank):
        return names.out(f"bring {listed(blank, 'and')} back: host, network and recovery manager")
    if head in _SICK and node in unsure:
        return names.out(f"start the critical services of {node}, or repair its database, if they do not "
                         "run")
    deed = _DEEDS.get(head)
    return names.out(deed.format(node)) if deed else command(event, names, spelling)


def until(before: Pair, after: Pair, spelling: Spelling = PLAIN) -> str:
    """Until when to wait: `until node1 is Idle and node2 is Running in Backup Mode`."""
    states = {node: after[f"{node}.state"] for node in NODES}
    changed = {node: s for node, s in states.items() if before[f"{node}.state"] != s}
    if not changed:
        return "until both nodes hear each other"
    if len(set(states.values())) == 1:
        return f"until both nodes are {spelling.title('state', states[NODES[0]])}"
    return "until " + listed(
        (f"{node} is {spelling.title('state', s)}" for node, s in changed.items()), "and")
