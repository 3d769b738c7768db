"""The pump of a simulated agent: its lanes (writes, readings, services, hands, arbiter), a network.

Law: it does what a pump does (`prgcore.running.shapes`), and decides nothing. The faults
on the way are in `prgcore.world.world`; each step of a call is an event, so that faults come between them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from prgcore.errors import Undecided
from prgcore.form.wishes import STOPPED, UP, toward, wished
from prgcore.form.wishes import World as Runs
from prgcore.running.charter import Charter
from prgcore.running.shapes import (
    Arrival,
    Ask,
    Did,
    Granted,
    Heard,
    Obeyed,
    Reading,
    Seen,
    Serve,
    Turn,
    Write,
    Wrote,
)
from prgcore.running.tended import looked, noted
from prgcore.seats import seat
from prgcore.stores.record import Order, Record, fits
from prgcore.world.apart import Letter, heard_from, letter
from prgcore.world.copies import current, demoted, promoted, wrote
from prgcore.world.hosts import Host, Process
from prgcore.world.judge import Wrong
from prgcore.world.stores import Kept, mangled

if TYPE_CHECKING:
    from prgcore.world.world import World

__all__ = ["STEPS", "ask", "begin_agent", "permit", "tell", "wake_up"]

FLIGHT = 0.01
"""How many seconds a heartbeat is under way."""
CALL = 0.02
"""How many seconds a call of the store, of the services or of the arbiter takes."""
SERVICE = 0.5
"""How many seconds a service has to answer."""
PATIENCE = 1.0
"""How many seconds an agent waits for the outcome of a write that is not told."""
STARTING = 0.3
"""How many seconds services take to start, or to stop."""
RESTART = 5.0
"""How many seconds services that died are left alone, so that a failover may come first."""
LOOK = 0.05
"""How many seconds pass until an agent sees that its services have changed."""
SPINS = 3_000
"""How many turns in one second are too many."""
LATE = 1e-6
"""How many seconds late a timer wakes somebody."""
FOR_EVER = 1e9
"""Nobody wakes so late."""
ASKS = 19
"""How often a question is asked again that cannot be decided yet."""

_UP: dict[tuple[bool, bool], Mapping[str, bool]] = {
    (up, database): {"services": up, "database": database}
    for up in (False, True) for database in (False, True)}


# ---------------------------------------------------------------------- agents


def begin_agent(world: World, node: str) -> None:
    """Start the agent of a node, unless it runs or the host has no power."""
    host, setting = world.hosts[node], world.setting
    if host.agent is not None or not host.on:
        return
    host.runs += 1
    now = host.clock.now(world.now)
    charter = Charter(
        setting.engine, node, terms=setting.terms, lease=setting.lease, grant=setting.grant,
        seat=f"directory of {node}", run=f"{node}-{host.runs}", new=world.now < 1.0)
    state = setting.start(charter, setting.parameters, now, host.disk.memory)
    host.agent = Process(host.runs, state, heard=world.now)
    world.say("%s: its agent starts", node)
    if not host.asleep:
        turn(world, host, Seen(wall=host.clock.wall + world.now, services=_up(world, host)))


def tell(world: World, node: str, run: int, key: str, value: Any) -> None:
    """Let an agent see something, now or when it is awake again."""
    host = world.hosts[node]
    agent = host.process(run)
    if agent is None:
        return
    if agent.asleep or host.asleep:
        agent.inbox += ((key, value),)
    else:
        turn(world, host, Seen(wall=host.clock.wall + world.now, services=_up(world, host),
                             **{key: value}))


def wake_up(world: World, node: str) -> None:
    """Let an agent that slept see at once all that came meanwhile."""
    host = world.hosts[node]
    agent = host.agent
    if agent is None or agent.asleep or host.asleep:
        return
    seen: dict[str, Any] = {"wall": host.clock.wall + world.now}
    now = host.clock.now(world.now)
    for key, value in agent.inbox:
        new = tuple(evolve(one, at=now) for one in value) if key == "arrivals" else value
        seen[key] = seen[key] + new if key in ("arrivals", "asks") and key in seen else new
    agent.inbox = ()
    if (up := _up(world, host)) is not None:
        seen["services"] = up
    turn(world, host, Seen(**seen))


def _up(world: World, host: Host) -> Mapping[str, bool] | None:
    """Whether the services run, and what other checks say, if the agent has not seen that yet."""
    up, checks = (host.services.up, host.services.database), world.setting.checks
    saw = (*up, *(current(world, host.node) for _ in checks)) if checks else up
    if host.agent is None or host.agent.saw == saw:
        return None
    host.agent.saw = saw
    return {**_UP[up], **dict(zip(checks, saw[2:], strict=True))} if checks else _UP[up]


def turn(world: World, host: Host, seen: Seen) -> None:
    """Call an agent once, and do what it wants.

    Raises:
        Wrong: it does what it never may.
    """
    agent = host.agent
    assert agent is not None, "BUG: there is an agent"
    world.turns += 1
    if numbers := world.turn_faults.pop(world.turns, None):
        for number in numbers:
            world.begin(number)
        if host.agent is not agent:
            return
        if agent.asleep or host.asleep:
            agent.inbox += _pieces(seen)
            return
        seen = evolve(seen, services=_up(world, host) or seen.services)
    second, count = world.spun
    world.spun = int(world.now), count + 1 if second == int(world.now) else 1
    if world.spun[1] > SPINS:
        raise Wrong("spins", f"the agents are called {SPINS} times in a second", world.now)
    now = host.clock.now(world.now)
    try:
        agent.state, wants = world.setting.turn(agent.state, seen, now)
    except Exception as error:
        raise Wrong("dies", f"the turn of {host.node} raises {type(error).__name__}: "
                    f"{error!s:.200}", world.now) from error
    _note(world, host, wants)
    _obey(world, host, agent, wants, now)


def _note(world: World, host: Host, wants: Turn) -> None:
    """Let the judge and the reader of the story see what an agent says."""
    for says in wants.says:
        world.say("%s: says: %s", host.node, says)
    for entry in wants.entries:
        world.say("%s: decides %d %s: %s", host.node, entry.epoch, entry.event, entry.outcome)
        world.judge.decided(world, host.node, entry)
    for answer in wants.answers:
        world.judge.answered(world, host.node, answer)
        world.asked[answer.key] = answer


def _obey(world: World, host: Host, agent: Process, wants: Turn, now: float) -> None:
    """Begin what an agent wants, in every lane that is free."""
    node, run = host.node, agent.run
    if wants.remember is not None:
        host.disk.write(wants.remember)
    if wants.write is not None:
        _writes(world, host, agent, wants.write, now)
    if wants.read and not agent.reads:
        agent.reads = True
        _call(world, node, "read_at", run, now)
    if wants.serve is not None and not agent.serve:
        agent.serve = True
        world.at(CALL / 2 + host.services.slow, "serve_at", node, run, wants.serve)
    if wants.do is not None and not agent.hands:
        agent.hands = True
        _do(world, host, wants.do)
    if wants.hold is not None and not agent.hold:
        agent.hold = True
        world.at(CALL / 2, "hold_at", node, run, wants.hold, now)
    if wants.send is not None:
        _send(world, node, wants.send)
    if wants.stopped:
        _ends(world, host)
        return
    _tends(world, host, agent, wants, now)
    at = max(host.clock.when(wants.wake) + LATE, world.now)
    if at != agent.wakes and at < FOR_EVER:
        agent.wakes = at
        world.at(at - world.now, "wake", node, run, at)


def _tends(world: World, host: Host, agent: Process, wants: Turn, now: float) -> None:
    """Plan the next look at whether the services are as this turn desires."""
    agent.wish, agent.tends = wants.desired, wants.tends
    if wants.desired is None or not world.setting.reconcile:
        return
    agent.tended = noted(agent.tended, wants.desired, _UP[agent.saw[0], agent.saw[1]] if agent.saw else {}, now)
    _plan(world, host, agent)


def _plan(world: World, host: Host, agent: Process) -> None:
    at = max(host.clock.when(max(agent.tended.due, agent.tended.rests)) + LATE, world.now)
    if agent.tends and agent.begun and not 0 <= agent.looks <= at:
        agent.looks = at
        world.at(at - world.now, "tend", host.node, agent.run, at)


def tend(world: World, node: str, run: int, at: float) -> None:
    """Compare the services with what their agent desires, and mend what differs."""
    host = world.hosts[node]
    agent = host.process(run)
    if agent is None or agent.looks != at:
        return
    agent.looks = -1.0
    if agent.asleep or host.asleep or agent.wish is None or not agent.tends:
        return
    services, now = host.services, host.clock.now(world.now)
    mended = False
    for deed in toward(Runs(UP if services.up else STOPPED), agent.wish.world):
        if deed == "stop" or (services.died < 0 or world.now >= services.died + RESTART):
            mended = True
            world.say("%s: is not as desired: its agent does %s", node, deed)
            world.at(STARTING, f"services_{deed}", node)
    agent.tended = looked(agent.tended, now, world.setting.reconcile, mended=mended)
    _plan(world, host, agent)


def _writes(world: World, host: Host, agent: Process, write: Write, now: float) -> None:
    if agent.writes:
        return
    agent.writes = True
    if write.entry is not None and not write.again:
        world.judge.decides(world, host, write.entry)
    _call(world, host.node, "write_at", agent.run, write, now)


def _ends(world: World, host: Host) -> None:
    world.say("%s: its agent ends", host.node)
    host.agent = None
    if host.again:
        host.again = False
        world.at(0.5, "start", host.node)


def _wake(world: World, node: str, run: int, at: float) -> None:
    host = world.hosts[node]
    agent = host.process(run)
    if agent is None or agent.wakes != at:
        return
    agent.wakes = -1.0
    if not agent.asleep and not host.asleep:
        turn(world, host, Seen(wall=host.clock.wall + world.now, services=_up(world, host)))


# ----------------------------------------------------------------------- store


def _call(world: World, node: str, what: str, *given: Any) -> None:
    """Begin a call of the store."""
    world.at(CALL / 2 + world.paths[node].slow / 2 + world.jitter(), what, node, *given)


def _held(world: World, node: str, what: str, *given: Any) -> bool:
    """Whether a call waits because the store hangs."""
    if world.paths[node].hangs:
        world.waiting.append((node, what, (node, *given)))
        return True
    return False


def _answers(world: World, node: str, what: str, *given: Any) -> None:
    """Bring an answer of the store back."""
    world.at(CALL / 2 + world.paths[node].slow / 2 + world.jitter(), what, node, *given)


def read_at(world: World, node: str, run: int, begun: float) -> None:
    if _held(world, node, "read_at", run, begun):
        return
    path, store = world.paths[node], world.stores[world.hosts[node].store]
    if path.refuses:
        _answers(world, node, "read_end", run, begun, None)
        return
    kept: Kept | None = store.kept
    if path.wrong and store.record is not None:
        kept = mangled(store.kept, node, path.wrong)
        if kept[0] is not None and fits(kept[0], world.setting.layout):
            kept = None
    _answers(world, node, "read_end", run, begun, kept)


def read_end(world: World, node: str, run: int, begun: float, kept: Kept | None) -> None:
    host = world.hosts[node]
    agent = host.process(run)
    if agent is None:
        return
    agent.reads = False
    if kept is None:
        tell(world, node, run, "unread", "the store does not answer")
        return
    if kept[0] is not None and not agent.begun:
        _first(world, host, kept[0])
    tell(world, node, run, "reading", Reading(kept[0], kept[1], begun))


def _first(world: World, host: Host, record: Record) -> None:
    """Start the services, unless the record says that they were stopped."""
    assert host.agent is not None, "BUG: it has read"
    if fits(record, world.setting.layout):  # it is the record of something else
        return
    host.agent.begun = True
    wish = wished(world.setting.engine.habits, record.seen_by(host.node), host.node)
    if wish.services == UP and not host.services.up:
        world.at(STARTING, "services_start", host.node)


def start_services(world: World, node: str) -> None:
    host = world.hosts[node]
    if host.on and not host.services.fails and not host.services.up:
        host.services.up, host.services.wanted, host.services.died = True, True, -1.0
        world.at(LOOK, "look", node)


def stop_services(world: World, node: str) -> None:
    """Stop the services, if their agent still desires that: an order may have come meanwhile."""
    host = world.hosts[node]
    agent = host.agent
    if agent is not None and agent.tends and agent.wish and agent.wish.services == STOPPED:
        host.services.wanted = False
        host.services.die()
        world.at(LOOK, "look", node)


def look_after(world: World, node: str) -> None:
    host = world.hosts[node]
    agent = host.agent
    if agent is not None and not agent.asleep and not host.asleep:
        turn(world, host, Seen(wall=host.clock.wall + world.now, services=_up(world, host)))


def write_at(world: World, node: str, run: int, write: Write, begun: float, late: str = "") -> None:
    """A write arrives at the store; `late`: at this one, where it was sent long ago."""
    if _held(world, node, "write_at", run, write, begun, late):
        return
    path, store = world.paths[node], world.stores[late or world.hosts[node].store]
    fate = "silent" if late else "refused" if path.refuses else path.writes
    if fate == "late":
        world.at(PATIENCE + 1.2, "write_at", node, run, write, begun, store.name)
    outcome, version = "unknown", 0
    if fate in ("", "unknown", "silent"):
        before = store.record
        outcome, version = store.write(write)
        if version:
            world.judge.written(world, node, store, before, write)
    if fate == "silent":
        return
    if fate == "":
        _answers(world, node, "write_end", run, Wrote(outcome, begun, version))
    elif fate == "refused":
        _answers(world, node, "write_end", run, Wrote("unknown", begun, 0, "no answer"))
    else:
        world.at(PATIENCE, "write_end", node, run, Wrote("unknown", begun, 0, "no answer"))


def write_end(world: World, node: str, run: int, wrote: Wrote) -> None:
    if (agent := world.hosts[node].process(run)) is not None:
        agent.writes = False
        tell(world, node, run, "wrote", wrote)


# --------------------------------------------------------------------- network


def _send(world: World, node: str, heard: Heard) -> None:
    to = seat("peer", node)
    path = world.paths[to]
    if path.cut:
        return
    if path.lose:
        path.lose -= 1
        return
    also = letter(world, node)
    world.at(FLIGHT + path.delay + world.jitter(), "arrive", to, heard, also)
    if path.echo:
        world.at(FLIGHT + path.echo, "arrive", to, heard, also)


def arrive(world: World, node: str, heard: Heard, also: Letter | None) -> None:
    host = world.hosts[node]
    if host.agent is not None:
        if also is not None and (host.agent.asleep or host.asleep):
            world.waiting.append((node, "arrive", (node, heard, also)))
            return
        if also is not None:
            heard = heard_from(world, node, heard, also)
        host.agent.heard = world.now
        tell(world, node, host.agent.run, "arrivals",
                  (Arrival(node, host.clock.now(world.now), heard),))


# -------------------------------------------------------------------- services


def serve_at(world: World, node: str, run: int, serve: Serve) -> None:
    host = world.hosts[node]
    services = host.services
    if not host.on:
        return
    if host.asleep:
        world.waiting.append((node, "serve_at", (node, run, serve)))
        return
    if services.hung:
        services.unread += ((serve.groups, serve.until),)
    if services.hung or not services.up:
        world.at(SERVICE if services.hung else CALL / 2, "served", node, run, serve, False)
        return
    world.at(CALL / 2, "served", node, run, serve, permit(world, host, serve.groups, serve.until))


def permit(world: World, host: Host, groups: Mapping[str, int], until: float) -> bool:
    """Give a permission to the services of a host."""
    before = host.services.groups
    taken = host.services.permit(groups, until)
    if taken:
        if groups != before:
            world.say("%s: its services serve %s", host.node,
                     " and ".join(f"users of {g}" for g in groups) or "nobody")
        world.judge.served(world)
        wrote(world)
    return taken


def served(world: World, node: str, run: int, serve: Serve, yes: bool) -> None:
    if (agent := world.hosts[node].process(run)) is not None:
        agent.serve = False
        tell(world, node, run, "obeyed", Obeyed(serve, yes))


# ---------------------------------------------------------------- hands, arbiter


def _do(world: World, host: Host, order: Order) -> None:
    world.say("%s: does %s of %d", host.node, order.do, order.epoch)
    deed = world.setting.engine.habits.deed(order.do, order.node)
    takes = STARTING if deed in ("start", "stop", "promote", "demote") else CALL
    world.at(takes, "done", host.node, host.runs, order)


def did(world: World, node: str, run: int, order: Order) -> None:
    host = world.hosts[node]
    agent = host.process(run)
    if agent is None:
        return
    if host.asleep or agent.asleep:  # the hands sleep too
        world.waiting.append((node, "done", (node, run, order)))
        return
    agent.hands = False
    tell(world, node, run, "did", Did(order, _outcome(world, host, order)))


def _outcome(world: World, host: Host, order: Order) -> str:
    """Do what an order asks of a host; return the outcome."""
    node, services = host.node, host.services
    match world.setting.engine.habits.deed(order.do, order.node):
        case "start" if services.fails:
            return "failed"
        case "start":
            services.wanted, services.up, services.died = True, True, -1.0
        case "stop":
            services.wanted = False
            services.die()
        case "promote" if not promoted(world, node, alone=order.state != "promoting"):
            return "failed"
        case "demote":
            demoted(world, node)
        case "acquire" | "release" if world.arbiter_away:
            return "later"
        case "acquire" if not world.arbiter.hold(node, order.epoch, world.now):
            return "later"
        case "release":
            world.arbiter.release(node, order.epoch)
    return "done"


def hold_at(world: World, node: str, run: int, epoch: int, begun: float) -> None:
    yes = not world.arbiter_away and world.arbiter.hold(node, epoch, world.now)
    world.at(CALL / 2, "held", node, run, Granted(yes, begun))


def held(world: World, node: str, run: int, granted: Granted) -> None:
    if (agent := world.hosts[node].process(run)) is not None:
        agent.hold = False
        tell(world, node, run, "granted", granted)


# ----------------------------------------------------------------------- users


def ask(world: World, node: str, event: str, tries: int = ASKS) -> None:
    """Let somebody ask a node for something; what cannot be decided yet is asked again."""
    host, peer = world.hosts[node], seat("peer", node)
    if host.agent is None or host.agent.asleep or host.asleep:
        return
    other = world.hosts[peer]
    key = f"{event} {world.seq} {world.turns}"
    also: Mapping[str, str] = {}
    changes: Mapping[str, int] = {}
    record = world.stores[other.store].record
    reachable = (other.agent is not None and not other.agent.asleep and not other.asleep
                 and not world.paths[node].cut and not world.paths[peer].cut
                 and not world.paths[peer].refuses and not world.paths[peer].hangs
                 and not world.paths[peer].wrong)
    if reachable and record is not None:
        also, changes = record.own[peer], {peer: record.changes[peer]}
    world.asking += 1
    world.at(0.1, "asked", node, event, key, tries)
    tell(world, node, host.agent.run, "asks", (Ask(key, event, also, changes),))


def asked(world: World, node: str, event: str, key: str, tries: int) -> None:
    answer = world.asked.pop(key, None)
    if answer is None and tries % 5:  # the answer comes when the store does
        world.at(0.1, "asked", node, event, key, tries - 1)
        return
    world.asking -= 1
    if (answer is None or isinstance(answer.error, Undecided)) and tries > 0:
        ask(world, node, event, tries - 1)


def _pieces(seen: Seen) -> tuple[tuple[str, Any], ...]:
    """The pieces of what an agent was to see."""
    pieces = (("reading", seen.reading), ("unread", seen.unread), ("wrote", seen.wrote),
              ("arrivals", seen.arrivals), ("host_lost", seen.host_lost), ("asks", seen.asks),
              ("did", seen.did), ("obeyed", seen.obeyed), ("granted", seen.granted),
              ("stop", seen.stop), ("services", seen.services))
    return tuple((key, value) for key, value in pieces if value)


STEPS: Mapping[str, Callable[..., None]] = {
    "arrive": arrive, "asked": asked, "ask": ask, "done": did, "held": held, "hold_at": hold_at,
    "look": look_after, "read_at": read_at, "read_end": read_end, "serve_at": serve_at,
    "served": served, "services_start": start_services, "services_stop": stop_services,
    "start": begin_agent, "tend": tend, "wake": _wake,
    "write_at": write_at, "write_end": write_end,
}
"""The events that agents cause, by name."""
