"""What happens to a world: how each fault begins, and how it ends.

Law: a fault changes hosts, paths, stores and processes, and never what an agent knows. Two faults of
one kind may overlap. Whatever ends brings back what was, so the last end is the end of all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from prgcore.seats import NODES, seat
from prgcore.world.pump import ask, begin_agent, permit, tell, wake_up
from prgcore.world.stores import Store

if TYPE_CHECKING:
    from prgcore.world.world import World

__all__ = ["HAPPENS", "mended"]

FURTHER = 1000
"""How many writes and epochs further the other record is that lies in the place of the store."""


# --------------------------------------------------------------------------- network


def _path(name: str, change: float) -> Callable[[World, str, Any], None]:
    """Add to a number of the path of a node."""
    def happens(world: World, node: str, _: Any) -> None:
        path = world.paths[node]
        setattr(path, name, max(0, getattr(path, name) + change))

    return happens


def _set(name: str, value: Any = None) -> Callable[[World, str, Any], None]:
    """Set something of the path of a node."""
    def happens(world: World, node: str, given: Any) -> None:
        setattr(world.paths[node], name, given if value is None else value)

    return happens


def _both(one: Callable[[World, str, Any], None]) -> Callable[[World, str, Any], None]:
    """The same, for both nodes."""
    def happens(world: World, _: str, value: Any) -> None:
        for node in NODES:
            one(world, node, value)

    return happens


def _lose(world: World, node: str, value: Any) -> None:
    world.paths[node].lose += int(value)


# ----------------------------------------------------------------------------- stores


def _go_on(world: World, node: str, _: Any) -> None:
    """Let the calls of a node go on that waited for the store."""
    world.paths[node].hangs = max(0, world.paths[node].hangs - 1)
    if not world.paths[node].hangs:
        _release(world, lambda who, what: who == node and what in ("read_at", "write_at"))


def _release(world: World, which: Callable[[str, str], bool]) -> None:
    """Let what has waited happen now."""
    waiting, world.waiting = world.waiting, []
    for who, what, given in waiting:
        if which(who, what):
            world.at(0.001, what, *given)
        else:
            world.waiting.append((who, what, given))


def _lead(world: World, node: str, name: str) -> None:
    world.hosts[node].store = name


def _old(world: World, node: str, _: Any) -> None:
    """Put an old copy in the place of the store, one that this node knows to be old."""
    main, memory = world.stores[world.hosts[node].home], world.hosts[node].disk.memory
    knows = memory.epoch if memory is not None else 0
    past = [(r, v) for r, v in main.past if r is not None and r.epoch < knows]
    if past:
        record, version = past[-1]
        assert record is not None, "BUG: chosen above"
        name = f"old {node}"
        world.stores[name] = Store(name, record, version, [
            (word, entry) for word, entry in main.history if entry.epoch <= record.epoch])
        _lead(world, node, name)


def _old_all(world: World, _: str, value: Any) -> None:
    """Put an old copy in the place of the store for both, if both know that it is old."""
    known = [m.epoch for n in NODES if (m := world.hosts[n].disk.memory) is not None]
    if len(known) == len(NODES):
        least = min(NODES, key=lambda n: _epoch(world, n))
        _old(world, least, value)
        for node in NODES:
            _lead(world, node, world.hosts[least].store)


def _epoch(world: World, node: str) -> int:
    memory = world.hosts[node].disk.memory
    return memory.epoch if memory is not None else 0


def _empty_all(world: World, _: str, __: Any) -> None:
    world.stores["empty"] = Store("empty")
    for node in NODES:
        _lead(world, node, "empty")


def _other(world: World, node: str, _: Any) -> None:
    """Lead a node to another record."""
    world.stores["other"] = _strange(world.stores[world.hosts[node].home])
    _lead(world, node, "other")


def _other_all(world: World, first: str, value: Any) -> None:
    _other(world, first, value)
    for node in NODES:
        _lead(world, node, "other")


def _strange(main: Store) -> Store:
    """A store of another pair, whose record has the same content, another id and a later epoch."""
    record, version = main.kept
    return Store("other", record and evolve(
        record, id="another-record", epoch=record.epoch + FURTHER), version + FURTHER)


def _main(world: World, node: str, _: Any) -> None:
    _lead(world, node, world.hosts[node].home)


# ------------------------------------------------------------------ clocks, processes


def _pace(world: World, node: str, value: Any) -> None:
    clock = world.hosts[node].clock
    clock.run(world.now, 1.0 + world.setting.drift * value)
    agent = world.hosts[node].agent
    if agent is not None:  # its next wake moves with the clock
        _look(world, node)


def _step(world: World, node: str, value: Any) -> None:
    world.hosts[node].clock.wall += value


def _look(world: World, node: str) -> None:
    world.at(0.05, "look", node)


def _pause(world: World, node: str, _: Any) -> None:
    agent = world.hosts[node].agent
    if agent is not None:
        agent.asleep = True


def _resume(world: World, node: str, _: Any) -> None:
    agent = world.hosts[node].agent
    if agent is not None and agent.asleep:
        agent.asleep = False
        _release(world, lambda who, what: who == node and what in ("done", "arrive"))
        wake_up(world, node)


def _suspend(world: World, node: str, _: Any) -> None:
    world.hosts[node].asleep = True


def _awake(world: World, node: str, _: Any) -> None:
    host = world.hosts[node]
    if host.asleep:
        host.asleep = False
        _release(world, lambda who, what: who == node and what in ("done", "serve_at", "arrive"))
        world.judge.served(world)
        wake_up(world, node)


def _kill(world: World, node: str, _: Any) -> None:
    world.hosts[node].agent = None


def _start(world: World, node: str, _: Any) -> None:
    """Start the agent, or let it start again when it has ended."""
    host = world.hosts[node]
    host.again = host.agent is not None and host.agent.stops
    begin_agent(world, node)


def _stop(world: World, node: str, _: Any) -> None:
    agent = world.hosts[node].agent
    if agent is not None and not agent.stops:
        agent.stops = True
        tell(world, node, agent.run, "stop", value=True)


def _power_off(world: World, node: str, _: Any) -> None:
    host = world.hosts[node]
    host.on, host.asleep, host.agent = False, False, None
    host.services.die()
    host.services.hung, host.services.database = False, False
    host.disk.lose_power()


def _power_on(world: World, node: str, _: Any) -> None:
    host = world.hosts[node]
    if not host.on:
        host.on, host.services.database = True, True
        host.clock.shows, host.clock.at = 10.0, world.now
        world.at(0.5, "start", node)


def _disk(*, lies: bool) -> Callable[[World, str, Any], None]:
    def happens(world: World, node: str, _: Any) -> None:
        disk = world.hosts[node].disk
        disk.lies = lies
        if not lies:
            disk.synced = disk.memory

    return happens


# --------------------------------------------------------------------------- services


def _services(**values: Any) -> Callable[[World, str, Any], None]:
    def happens(world: World, node: str, _: Any) -> None:
        for name, value in values.items():
            setattr(world.hosts[node].services, name, value)
        _look(world, node)

    return happens


def _die(world: World, node: str, _: Any) -> None:
    services = world.hosts[node].services
    if services.up:
        services.died = world.now
    services.die()
    _look(world, node)


def _return(world: World, node: str, _: Any) -> None:
    """Services start, and nobody has asked them: they know no permission."""
    host = world.hosts[node]
    if host.on and not host.asleep and not host.services.up:
        host.services.up = True
        _look(world, node)


def _begin_services(world: World, node: str, _: Any) -> None:
    """Somebody starts what has died, unless it was stopped on request."""
    if world.hosts[node].services.wanted:
        world.at(0.1, "services_start", node)


def _database(*, up: bool) -> Callable[[World, str, Any], None]:
    def happens(world: World, node: str, _: Any) -> None:
        host = world.hosts[node]
        host.services.database = up and host.on
        _look(world, node)

    return happens


def _services_go_on(world: World, node: str, order: Any) -> None:
    """Let services read, in this order, what was sent to them while they hung."""
    host = world.hosts[node]
    host.services.hung = False
    unread, host.services.unread = host.services.unread, ()
    for groups, until in reversed(unread) if order == "newest first" else unread:
        permit(world, host, groups, until)


# ----------------------------------------------------------------------------- people


def _command(world: World, node: str, value: Any) -> None:
    ask(world, node, value)


def _host_lost(world: World, node: str, _: Any) -> None:
    host, peer = world.hosts[node], world.hosts[seat("peer", node)]
    if not peer.on and host.agent is not None:
        tell(world, node, host.agent.run, "host_lost", node)


def _arbiter(change: int) -> Callable[[World, str, Any], None]:
    def happens(world: World, _: str, __: Any) -> None:
        world.arbiter_away = max(0, world.arbiter_away + change)

    return happens


_CUT, _JOIN = _path("cut", 1), _path("cut", -1)
_REFUSE, _ANSWER = _path("refuses", 1), _path("refuses", -1)
_HANG = _path("hangs", 1)
_SLOW, _SWIFT = _set("slow"), _set("slow", 0.0)

HAPPENS: Mapping[str, Callable[[World, str, Any], None]] = {
    "cut": _CUT, "join": _JOIN, "cut_all": _both(_CUT), "join_all": _both(_JOIN),
    "lose": _lose, "delay": _set("delay"), "hurry": _set("delay", 0.0),
    "echo": _set("echo"), "no_echo": _set("echo", 0.0),
    "slow": _SLOW, "swift": _SWIFT, "slow_all": _both(_SLOW), "swift_all": _both(_SWIFT),
    "refuse": _REFUSE, "answer": _ANSWER, "refuse_all": _both(_REFUSE),
    "answer_all": _both(_ANSWER), "hang": _HANG, "go_on": _go_on, "hang_all": _both(_HANG),
    "go_on_all": _both(_go_on), "writes": _set("writes"), "writes_told": _set("writes", ""),
    "wrong": _set("wrong"), "right": _set("wrong", ""), "old": _old, "old_all": _old_all,
    "main": _main, "main_all": _both(_main), "empty_all": _empty_all, "other": _other,
    "other_all": _other_all, "no_arbiter": _arbiter(1), "arbiter": _arbiter(-1),
    "pace": _pace, "step": _step, "pause": _pause, "resume": _resume, "suspend": _suspend,
    "awake": _awake, "kill": _kill, "start": _start, "stop": _stop, "power_off": _power_off,
    "power_on": _power_on, "disk_lies": _disk(lies=True), "disk_keeps": _disk(lies=False),
    "services_die": _die, "services_return": _return, "services_start": _begin_services,
    "database_dies": _database(up=False), "database_starts": _database(up=True), "services_hang": _services(hung=True),
    "services_go_on": _services_go_on, "services_fail": _services(fails=True),
    "services_work": _services(fails=False), "services_dawdle": _services(slow=0.4),
    "services_hurry": _services(slow=0.0), "command": _command, "host_lost": _host_lost,
}
"""How each fault begins and ends, by the names in `prgcore.world.faults`."""


def mended(world: World) -> None:
    """End every fault, whatever is still wrong: everything works from now on."""
    for node in NODES:
        path, host = world.paths[node], world.hosts[node]
        path.hangs = min(path.hangs, 1)
        _go_on(world, node, None)
        for name, value in (("cut", 0), ("lose", 0), ("delay", 0.0), ("echo", 0.0),
                            ("refuses", 0), ("slow", 0.0), ("writes", ""), ("wrong", "")):
            setattr(path, name, value)
        _main(world, node, None)
        host.disk.lies, host.services.fails, host.services.slow = False, False, 0.0
        _power_on(world, node, None)
        _resume(world, node, None)
        _awake(world, node, None)
        _services_go_on(world, node, None)
        _start(world, node, None)
        host.services.database = True
        _look(world, node)
    world.arbiter_away = 0
