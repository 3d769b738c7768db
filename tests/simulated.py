"""Two node agents on one record, without a network, a clock or a process: the adversary is a list.

A schedule is a list of steps, made from a seed without looking; a step that cannot be taken does
nothing. So what fails is replayed by its seed, and made shorter by leaving steps out.
"""

from __future__ import annotations

import json
import random

from prgcore.engine import Pair
from prgcore.errors import ImpossibleEvent, Undecided
from prgcore.machine import prg
from prgcore.running.driver import Heard, Keeper
from prgcore.running.node import own, reported
from prgcore.seats import NODES, seat
from prgcore.stores.ports import Observation, heard, host_lost
from prgcore.stores.record import Record, let_go, served, taken
from prgcore.timers.arithmetic import serves_from, serves_until
from prgcore.timers.parameters import Parameters
from tests.stored import Clock, Memory

HABITS = prg().habits
PARAMETERS = Parameters(
    keep_alive_interval=1, keep_alive_timeout=4, initialization_keep_alive_timeout=6,
    critical_service_delay=2)
COMMANDS = ("enable_ha", "enable_ha", "disable_ha", "failover(node1)", "failover(node2)",
            "fallback(node1)", "fallback(node2)", "recover", "recover", "add_users",
            "enable_auto_fallback", "disable_auto_fallback")
GRANT = 3.0
TURN = ("beat", "read", "serve", "look", "work")


class Twice(AssertionError):
    """Users are served by both nodes at once."""


class Node:
    """A host: its agent, if that runs, its services, and whom they serve."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.up = self.database = True
        self.deaf = self.off = False
        self.groups, self.until = {}, 0.0
        self.keeper = None

    def start(self):
        """The agent starts, after whatever happened."""
        if self.off:  # the host has come up, and starts what it finds
            self.up = self.database = True
            self.off = False
        self.keeper = Keeper(
            self.world.machine, self.world.store, self.name, parameters=PARAMETERS,
            clock=self.world.clock, log=self.world.log.append)
        self.reading, self.seen, self.freed = None, None, {}
        self.keeper.tell(f"manager_start({self.name})", also={
            f"{self.name}.process": "manager_down", f"{self.name}.hears_peer": "no"})

    def kill(self):
        self.keeper = None

    def stop_services(self):
        self.up = False
        self.groups = {}

    # ---------------------------------------------------------------- heartbeats

    def beat(self):
        now = self.world.clock.now()
        if self.seen is None or now - self.seen[1] >= PARAMETERS.keep_alive_timeout:
            return
        drawer, changes = self.seen[0].own[self.name], self.seen[0].changes[self.name]
        self.world.flying.append((seat("peer", self.name), {
            c: drawer[c] for c in reported(self.world.machine, self.name)}, changes))

    # ------------------------------------------------------------------- serving

    def serves(self, home, when):
        return self.up and home in self.groups and when <= self.until

    def read(self):
        self.reading = self.keeper.read()[0], self.world.clock.now()

    def serve(self):
        """What was read some time ago is told to the services, and to the record."""
        if self.reading is None:
            return
        (record, begun), self.reading = self.reading, None
        self.seen = record, begun
        now, world = self.world.clock.now(), self.world
        groups = served(record, self.name, HABITS) if self.granted(record) else {}
        stopped = not self.up or not self.deaf
        if self.up and not self.deaf:
            end = serves_until(begun, world.lasts, world.pause, 0)
            self.groups = groups if now <= end else {}
            self.until = serves_until(begun, world.lasts, world.pause, world.stopping)
        if stopped:
            self.keeper.change(lambda newest: let_go(newest, self.name, HABITS)
                               if newest.epoch == record.epoch else newest)
        self.freed = {key: self.freed.get(key, now) for key in (
            (home, claim) for home, claim in record.claims.items() if claim.freed)}

        def waited(home, claim):
            since = self.freed.get((home, claim))
            return since is not None and now >= serves_from(since, world.waits)

        self.keeper.change(lambda newest: taken(newest, self.name, HABITS, waited))

    def granted(self, record):
        return not HABITS.holds(record.columns, self.name) or self.world.acquire(self.name)

    # -------------------------------------------------------------------- orders

    def work(self, *, fails=False):
        """The next order, where it may be carried out and can be."""
        record, _ = self.keeper.read()
        orders = self.keeper.orders()
        if not orders or not self.ready(record, orders[0]):
            return
        order = orders[0]
        failed = fails and order.do in ("start_critical_services", "acquire_grant", "move_users")
        if failed or self.carry_out(order):
            self.world.did.append(order)
            self.keeper.done(order, failed=failed)

    def ready(self, record, order):
        hears = record.own[self.name][f"{self.name}.hears_peer"] == "yes"
        return not hears or not any(
            o.node == seat("peer", self.name) and (o.epoch, o.number) < (order.epoch, order.number)
            for o in record.orders)

    def carry_out(self, order):
        """Whether it is done by now."""
        match order.do:
            case "start_critical_services":
                self.up = True
            case "stop_critical_services":
                self.stop_services()
            case "disconnect_users" | "move_users":
                self.read()
                self.serve()
                record, _ = self.keeper.read()
                return order.do == "disconnect_users" or order not in record.orders or all(
                    c.node in (self.name, "") for home, c in record.claims.items()
                    if HABITS.assigned(record.columns, home) in (self.name, ""))
            case "acquire_grant":
                return self.world.acquire(self.name)
            case "release_grant":
                self.world.release(self.name)
            case "restart_recovery_manager":
                self.keeper.restart(self.name)
        return True

    # ---------------------------------------------------------------------- eyes

    def look(self):
        """What became of the services is told to the machine."""
        record, _ = self.keeper.read()
        if any(o.do.endswith("critical_services") for o in record.orders_of(self.name)):
            return
        for name, up in (("services", self.up), ("database", self.database)):
            now = record.own[self.name][f"{self.name}.{name}"]
            if (now == "down") == up and now != "stopped":
                self.keeper.observe(
                    Observation(f"{name}_{'up' if now == 'down' else 'down'}({self.name})"))
                return


class World:
    """Both nodes, and all that can happen to them."""

    def __init__(self, *, waits=4.0, lasts=2.0, pause=1.0, stopping=1.0, machine=None):
        self.machine = machine or prg()
        self.waits, self.lasts, self.pause, self.stopping = waits, lasts, pause, stopping
        self.clock, self.store = Clock(), Memory()
        self.log, self.did, self.flying = [], [], []
        self.cut, self.grant = False, ("", 0.0)
        self.undecided = []
        self.nodes = {name: Node(self, name) for name in NODES}
        for node in self.nodes.values():
            node.start()

    # ---------------------------------------------------------------------- steps

    def run(self, steps):
        """Take the steps; after each, nobody is served twice."""
        for step, *given in steps:
            self.take(step, *given)
            self.check()
        return self

    def check(self):
        now = self.clock.now()
        for home in NODES:
            if all(node.serves(home, now) for node in self.nodes.values()):
                raise Twice(f"users at home at {home} are served by both nodes at {now}")

    def take(self, step, name="", more=None):  # noqa: C901, each thing that happens is a line
        node = self.nodes.get(name)
        if step == "time":
            self.clock.time += more
        elif step in ("deliver", "lose", "again"):
            self.fly(step, more)
        elif step == "link":
            self.cut = more
        elif node is None or step == "start":
            if node is not None and node.keeper is None:
                node.start()
        elif step == "services":
            if more and not node.off:
                node.up = True
            elif not more:
                node.stop_services()
        elif step == "database":
            node.database = more and not node.off
        elif step == "deaf":
            node.deaf = more
        elif step == "off":
            node.kill()
            node.stop_services()
            node.off, node.database = True, False
        elif node.keeper is not None:
            self.act(node, step, more)

    def act(self, node, step, more):
        """What an agent that runs does."""
        match step:
            case "observe":
                node.keeper.observe()
            case "fail":
                node.work(fails=True)
            case "host_lost":
                if self.nodes[seat("peer", node.name)].off:
                    node.keeper.observe(host_lost(node.name))
            case "command":
                self.command(node, more)
            case "turn":
                for one in TURN:
                    getattr(node, one)()
                node.keeper.observe()
            case _:
                getattr(node, step)()

    def fly(self, step, which):
        """What becomes of a heartbeat under way."""
        if not self.flying:
            return
        i = which % len(self.flying)
        to, columns, changes = self.flying[i] if step == "again" else self.flying.pop(i)
        if step != "lose" and not self.cut and self.nodes[to].keeper is not None:
            self.nodes[to].keeper.observe(heard(to), Heard(columns, changes))

    def command(self, node, event):
        """The administrator asks both managers."""
        peer = self.nodes[seat("peer", node.name)]
        also = {}
        if peer.keeper is not None:
            also = dict(peer.keeper.read()[0].own[peer.name])
            assert set(also) == set(own(self.machine, peer.name))
        try:
            node.keeper.tell(event, also=also)
        except Undecided as error:
            assert not also
            self.undecided.append(error)

    # ---------------------------------------------------------------------- grant

    def acquire(self, name):
        holder, kept = self.grant
        if holder in ("", name) or self.clock.now() > kept + GRANT:
            self.grant = name, self.clock.now()
        return self.grant[0] == name

    def release(self, name):
        if self.grant[0] == name:
            self.grant = "", 0.0

    # ------------------------------------------------------------------- the end

    def heal(self, seconds=120):
        """Everything is repaired, and time passes fairly."""
        self.cut = False
        for node in self.nodes.values():
            node.deaf, node.up = False, node.up and not node.off
            if node.keeper is None:
                node.start()
            node.database = True
            kept = node.keeper.read()[0].own[node.name][f"{node.name}.services"]
            node.up = node.up or kept != "stopped"
        self.fair(seconds)

    def fair(self, seconds):
        """Both nodes do what they do, in turn."""
        for _ in range(int(seconds * 2)):
            self.run([("time", "", 0.5), *(("turn", name, None) for name in NODES)])
            while self.flying:
                self.run([("deliver", "", 0)])

    @property
    def record(self):
        return Record.from_json(self.store.read().value)

    @property
    def pair(self) -> Pair:
        """What is true: the record, both drawers, and the link."""
        record = self.record
        return self.machine.pair(
            {**record.columns, **record.own["node1"], **record.own["node2"],
             "link": "cut" if self.cut else "up"})


_OFTEN = (
    ["time"] * 5 + ["turn"] * 7 + ["deliver"] * 6
    + ["beat", "observe", "read", "serve", "serve", "work", "look", "command"]
)
_RARELY = ("lose", "again", "link", "start", "start", "services", "database", "deaf", "off", "kill",
           "fail", "host_lost")


def schedule(seed, length, wild=0.06):
    """So many steps of a seed; `wild` is how many of them are faults and repairs."""
    chance = random.Random(seed)
    steps = [("command", "node1", "enable_ha")]
    while len(steps) < length:
        step = chance.choice(_RARELY if chance.random() < wild else _OFTEN)
        name = chance.choice(NODES)
        more = None
        if step == "time":
            more = chance.choice((0.05, 0.1, 0.2, 0.5, 1.0, 2.5))
        elif step in ("deliver", "lose", "again"):
            more = chance.choice((0, 0, 0, -1, chance.randrange(8)))
        elif step in ("link", "services", "database", "deaf"):
            more = chance.random() < (0.5 if step != "deaf" else 0.3)
        elif step == "command":
            more = chance.choice(COMMANDS)
        steps.append((step, name, more))
    return steps


def fails(steps, **world):
    """What goes wrong in a schedule; None: nothing."""
    try:
        World(**world).run(steps)
    except (AssertionError, ImpossibleEvent) as error:
        return error
    return None


def shrunk(steps, failing):
    """As few of these steps as still fail."""
    size = len(steps) // 2
    while size:
        at = 0
        while at < len(steps):
            fewer = steps[:at] + steps[at + size:]
            if failing(fewer):
                steps = fewer
            else:
                at += size
        size //= 2
    return steps


def printed(steps):
    """A schedule as text, to be replayed."""
    return json.dumps(steps)
