"""The way home in a simulated world: an operator who follows the plan, and the bounds of his wait.

Law: the operator sees what is true, and asks only for what the table's own way home says. He waits for
what comes by itself. He waits no longer than the bounds allow, counted from the end of the last
fault, or from his last command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from prgcore.explain.plan import plan
from prgcore.form.atlas import HOME
from prgcore.form.habits import INTERVAL, TIMEOUT
from prgcore.running.lease import Lease
from prgcore.seats import NODES
from prgcore.stores.record import Record
from prgcore.timers.arithmetic import noticed_latest, serves_from, serves_until
from prgcore.timers.parameters import Parameters, Settings
from prgcore.vocabulary import Kind
from prgcore.world.judge import MENDED, Wrong

if TYPE_CHECKING:
    from prgcore.world.world import World

__all__ = ["Bound", "bounds", "look"]

EVERY = 0.25
"""How many seconds pass between two looks of the operator."""
COMMANDS = 6
"""How many commands bring every pair home."""
ORDERS = 12
"""How many orders one command, or one fault, leads to at most."""
ORDER = 1.0
"""How many seconds an order takes that is not waited for, with all its calls."""
_planned: dict[object, str] = {}
"""The next event on the way home from a pair of a machine that has no atlas."""


@frozen
class Bound:
    """A part of the time within which the pair comes to rest, and what proves it."""

    name: str
    seconds: float
    by: str


def bounds(parameters: Settings, lease: Lease, grant: float, drift: float) -> tuple[Bound, ...]:
    """The parts of the time within which a pair comes to rest when no more faults come.

    One after another: a host starts, the nodes hear each other or notice that they do not, sick
    services are noticed, the grant of the other node ends, its lease ends, and the orders of two
    decisions are carried out.
    """
    p, slow = parameters, 1 / (1 - drift)
    silent, after = _delays(p)
    stall = p.keep_alive_timeout  # counts begin again after a stall of one's own
    return (
        Bound("start", 1.0, "the world"),
        Bound("silence", slow * noticed_latest(
            silent, stall, p.keep_alive_interval), "T3, T12"),
        Bound("service", slow * noticed_latest(
            after, 0, p.keep_alive_interval), "T2"),
        Bound("grant", slow * 2 * grant, "the arbiter"),
        Bound("lease", slow * serves_until(0, lease.lasts, lease.pause, lease.stopping), "T10"),
        Bound("wait", slow * serves_from(0, lease.waits), "T10"),
        Bound("orders", ORDERS * ORDER, "L1"),
        Bound("tending", MENDED, "E3"),
    )


def _delays(parameters: Settings) -> tuple[float, float]:
    """The longest silence, and the longest other delay, before an event of time."""
    p = parameters
    if isinstance(p, Parameters):
        return max(p.keep_alive_timeout, p.initialization_keep_alive_timeout), p.critical_service_delay
    others = [v for name, v in p.to_json().items() if name not in (INTERVAL, TIMEOUT)]
    return p.keep_alive_timeout, sum(v for v in others if not isinstance(v, bool))


def truth(world: World, record: Record) -> dict[str, str]:
    """The pair as it is: the record, the drawers of both nodes, and the link."""
    pair = dict(record.columns)
    for drawer in record.own.values():
        pair |= drawer
    cut = any(world.paths[node].cut for node in NODES)
    return {**pair, "link": "cut" if cut else "up"}


def look(world: World) -> None:
    """Let the operator look, and ask for the next step if it is his.

    Raises:
        Wrong: the pair is not at rest within the bounds, or no plan leads home.
    """
    record = world.stores["main"].record
    if record is not None:
        world.judge.desired(world, record)
        event = _next(world, record)
        if event == HOME and world.calm >= 0 and not world.asking and _served(world, record):
            world.home = True
            world.say("HOME")
            return
        if event and world.setting.engine.kind(event) is Kind.COMMAND:
            _ask(world, record, event)
        if world.calm >= 0:
            _late(world, record, event)
    world.at(EVERY, "operate")


def _next(world: World, record: Record) -> str | None:
    """The next event on the way home; None: none is known."""
    engine = world.setting.engine
    pair = engine.pair(truth(world, record))
    if engine.atlas is not None:
        event = engine.atlas.next(pair)
        if event and event.startswith("auto_fallback_due"):
            return event.removeprefix("auto_").replace("_due", "")
        return event
    key = engine, tuple(pair.items())
    if key not in _planned:
        steps = plan(engine, pair).steps
        _planned[key] = steps[0].event if steps else HOME
    return _planned[key]


def _settled(world: World, record: Record) -> bool:
    """Whether no order is left, and each group is claimed by the node that it is assigned to."""
    assigned = world.setting.engine.habits.assigned
    return not record.orders and all(
        claim.node == assigned(record.columns, home) for home, claim in record.claims.items())


def _served(world: World, record: Record) -> bool:
    """Whether every user is served where the record says, and nothing is left to do."""
    assigned = world.setting.engine.habits.assignment(record.columns)
    return _settled(world, record) and all(
        node and world.hosts[node].serves(group, world.now, 0) for group, node in assigned.items())


def _ask(world: World, record: Record, event: str) -> None:
    """Ask a node for the next step, if the last one is done."""
    if not _settled(world, record) or world.now < world.asked_at + 2.0:
        return
    for node in NODES:
        agent = world.hosts[node].agent
        if agent is not None and not agent.asleep and not world.hosts[node].asleep:
            world.asked_at = world.now
            if world.calm >= 0:
                world.commands += 1
                world.since = world.now
            world.say("USER   asks %s for %s", node, event)
            world.at(0.0, "ask", node, event)
            return


def _late(world: World, record: Record, event: str | None) -> None:
    setting = world.setting
    if world.commands > COMMANDS:
        raise Wrong("late", f"{COMMANDS} commands do not bring the pair home; the next would be "
                    f"{event}", world.now)
    parts = bounds(setting.parameters, setting.lease, setting.grant, setting.drift)
    if world.now > world.since + sum(b.seconds for b in parts):
        left = [f"{o.do}({o.node})" for o in record.orders]
        raise Wrong("late", f"not at rest within {sum(b.seconds for b in parts):.1f} s ("
                    + ", ".join(f"{b.name} {b.seconds:.1f} by {b.by}" for b in parts)
                    + f"); waits for {event or 'nothing that is known'}"
                    + (f", with the orders {', '.join(left)}" if left else ""), world.now)
