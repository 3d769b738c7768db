"""A year of one pair in plain Python: the engine steps, monitors watch, sessions are followed.

It shares the draws with `prgcore.outage.year`, and no other line. Slow, and read by tests alone.
"""

from __future__ import annotations

from itertools import takewhile

import numpy as np
from attrs import evolve

from prgcore.outage.draws import Draws, stream
from prgcore.outage.rates import EVERY, SHARE, TAKES, TIMER
from prgcore.product.clients import Became, LogIn, OpenInactive, after, begin
from prgcore.seats import NODES
from prgcore.timers.arithmetic import Count
from prgcore.timers.monitor import Monitor
from prgcore.vocabulary import Outcome

DAY = 86_400
NEVER = float("inf")


class Stream:
    """The draws of one event in one lane, one after another."""

    def __init__(self, draws, lane, event, exponential):
        self.draw = draws.exponential if exponential else draws.uniform
        self.lane, self.number, self.taken, self.some = lane, stream(event), 0, []

    def next(self):
        if self.taken == len(self.some):
            counts = np.arange(self.taken, self.taken + 16, dtype=np.uint64)
            self.some += self.draw(np.full(16, self.lane), np.uint64(self.number), counts).tolist()
        self.taken += 1
        return self.some[self.taken - 1]


class Shifts:
    """The working week, a shift after the other."""

    def __init__(self, week):
        self.week = week

    def shifts(self, now):
        day = int(now // DAY)
        while True:
            if day % 7 < self.week.days:
                begins, ends = (day * DAY + hour * 3600 for hour in (self.week.begins, self.week.ends))
                if ends > now:
                    yield max(now, begins), ends
            day += 1

    def worked(self, now, then):
        return sum(min(ends, then) - begins
                   for begins, ends in takewhile(lambda s: s[0] < then, self.shifts(now)))

    def until(self, now, work):
        shifts = self.shifts(now)
        begins, ends = next(shifts)
        while begins + work > ends:
            work -= ends - begins
            begins, ends = next(shifts)
        return begins + work


class Lane:
    """One pair from home to the horizon; `history` has its events, `outages` those of its users.

    `known` is a dict that the lanes of one world share: what the engine said.
    """

    def __init__(self, moves, seed, lane, known):
        self.known = known
        self.engine, self.world = moves.engine, moves.world
        draws = Draws.of(seed)
        self.names = [e.name for e in self.engine.model.events if self.world.rates[e.name].happens]
        self.pair, self.now = self.engine.pair(moves.pair(0)), 0.0
        self.home = dict(self.pair)
        self.interval = self.world.parameters.keep_alive_interval
        self.shifts = Shifts(self.world.week)
        self.drawn = {n: Stream(draws, lane, n, self.world.rates[n].kind != TIMER) for n in self.names}
        self.stores = {n: s.next() for n, s in self.drawn.items() if self.world.rates[n].kind != TIMER}
        self.episodes = {e.name: e for e in self.world.episodes if e.rate.happens}
        for name in self.episodes:
            self.drawn[name] = Stream(draws, lane, name, True)
            self.stores[name] = self.drawn[name].next()
        self.monitors = dict.fromkeys(NODES)
        self.silent = dict.fromkeys(NODES, False)
        self.hears = dict.fromkeys(NODES)
        self.history, self.outages, self.cause = [], [], None
        self.sessions = None
        self.arrive()

    # ------------------------------------------------------------------------ the machine

    def after(self, event, pair=None):
        """The pair after an event or an episode; None where it moves nothing. The engine is asked once."""
        pair = self.pair if pair is None else pair
        key = event, pair.values_
        if key not in self.known:
            self.known[key] = self.asked(event, pair)
        return self.known[key]

    def asked(self, event, pair):
        if event in self.episodes:
            at = pair
            for number, one in enumerate(self.episodes[event].events):
                then = self.after(one, at)
                if number == 0 and then is None:
                    return None
                at = at if then is None else then
            return at if at != pair else None
        if not self.engine.possible(pair, event):
            return None
        step = self.engine.step(pair, event)
        return step.pair if step.outcome is Outcome.DONE and step.pair != pair else None

    def pace(self, event):
        """How often an event happens here, a second."""
        rate = self.world.rate(event)
        if self.after(event) is None:
            return 0.0
        if rate.kind in (EVERY, TAKES):
            lost = sum(r.share for r in self.failing(event))
            return (1 - lost) / rate.mean
        if rate.kind != SHARE:
            return 0.0
        whole = self.world.rates[rate.of]
        if self.after(rate.of) is not None:
            return rate.share / whole.mean
        return rate.share / whole.mean / sum(r.share for r in self.failing(rate.of))

    def failing(self, event):
        return [r for r in self.world.rates.values() if r.kind == SHARE and r.of == event
                and r.happens and self.after(r.event) is not None]

    # -------------------------------------------------------------------------- the timers

    def deaf(self, node):
        """No heartbeat of the peer can arrive at a manager that runs."""
        peer = NODES[1 - NODES.index(node)]
        return self.pair[f"{node}.process"] == "running" and (
            self.pair["link"] == "cut" or self.pair[f"{peer}.process"] != "running")

    def arrive(self):
        """The pair is another one: the monitors see it."""
        self.users()
        for node in NODES:
            if self.pair[f"{node}.process"] != "running":
                self.monitors[node] = None
                self.silent[node] = False
            else:
                if self.monitors[node] is None:
                    self.monitors[node] = Monitor.start(
                        self.engine, node, self.now, self.world.parameters)
                self.monitors[node] = self.seen(self.monitors[node])
                deaf = self.deaf(node)
                started = self.monitors[node].counts[self.at(node, "heartbeat_lost")].since == self.now
                if deaf and not self.silent[node] and not started:
                    last = self.now - self.interval * self.drawn[f"heartbeat_lost({node})"].next()
                    self.count(node, f"heartbeat_lost({node})", since=last)
                self.silent[node] = deaf
            can = self.after(f"heartbeat_heard({node})") is not None
            if can and self.hears[node] is None:
                self.hears[node] = self.now + self.interval * self.drawn[f"heartbeat_heard({node})"].next()
            if not can:
                self.hears[node] = None

    def at(self, node, timer):
        events = [w.event for w in self.monitors[node]._watches if w.counts]
        return events.index(timer if "(" in timer else f"{timer}({node})")

    def count(self, node, event, **changes):
        monitor, at = self.monitors[node], self.at(node, event)
        counts = [*monitor.counts]
        counts[at] = evolve(counts[at], **changes)
        self.monitors[node] = evolve(monitor, counts=tuple(counts))

    def seen(self, monitor):
        """The monitor after it saw the pair; what is due is not taken yet."""
        after, event = monitor.observe(self.now, self.pair)
        return after if event is None else self.untaken(after, monitor, event)

    def untaken(self, after, before, event):
        at = [w.event for w in after._watches if w.counts].index(event)
        counts = [*after.counts]
        counts[at] = Count(counts[at].runs, counts[at].since,
                           before.counts[at].gave and counts[at].since == before.counts[at].since,
                           before.counts[at].gave_at)
        return evolve(after, counts=tuple(counts))

    def deadlines(self):
        """When each timer moves the pair, with its place among those that are due together."""
        for place, name in enumerate(n for n in self.names if self.world.rates[n].kind == TIMER):
            node = name.partition("(")[2][:-1]
            monitor = self.monitors[node]
            if monitor is None or self.after(name) is None:
                continue
            if name == f"heartbeat_heard({node})":
                yield max(self.hears[node], self.now), place, name
            elif name != f"heartbeat_lost({node})" or self.silent[node]:
                at = self.at(node, name)
                alone = evolve(monitor, waiting=tuple(
                    w if i == at else None for i, w in enumerate(monitor.waiting)))
                if alone.next_deadline is not None:
                    yield alone.next_deadline, place, name

    def due(self, name, then):
        """The monitor of the node gives this event at this moment; its other counts wait."""
        node = name.partition("(")[2][:-1]
        heard = name == f"heartbeat_heard({node})"
        old = self.monitors[node]
        mine = None if heard else self.at(node, name)
        asked = evolve(old, counts=tuple(
            c if i == mine else evolve(c, since=then + DAY) for i, c in enumerate(old.counts)))
        after, event = asked.observe(then, self.pair, heartbeat=heard)
        assert event == name, (event, name)
        self.monitors[node] = evolve(after, counts=tuple(
            c if i == mine else old.counts[i] for i, c in enumerate(after.counts)))

    # ------------------------------------------------------------------------------- users

    def users(self):
        sessions = begin(self.pair, dict.fromkeys(NODES, 1)) if self.sessions is None \
            else after(self.sessions, Became(self.pair))
        for home in NODES:
            old = None if self.sessions is None else self.sessions[home]
            new = sessions[home]
            if old is not None and old.at is not None and new.at != old.at:
                self.outages.append([home, self.now, None, self.cause, old.at, None, False])
            if old is not None and new.at is not None and new.at != old.at:
                self.outages[self.open(home)][2] = self.now
                self.outages[self.open(home)][5:] = [new.at, bool(new.active)]
            if new.waiting and new.at:
                sessions = after(sessions, LogIn(home, 1))
            if self.world.dual and sessions[home].spare and sessions[home].active and not sessions[home].inactive:
                sessions = after(sessions, OpenInactive(home, 1))
        self.sessions = sessions

    def open(self, home):
        return max(i for i, o in enumerate(self.outages) if o[0] == home)

    # -------------------------------------------------------------------------------- time

    def run(self, horizon):
        while True:
            paces = {n: p for n in self.stores if (p := self.pace(n)) > 0}
            ends = {n: self.shifts.until(self.now, self.stores[n] / p) if self.world.rate(n).working
                    else self.now + self.stores[n] / p for n, p in paces.items()}
            timed = min(self.deadlines(), default=(NEVER, 0, ""))
            name = min(ends, key=ends.get, default=None)
            then = ends[name] if name else NEVER
            if timed[0] <= then:
                then, name = timed[0], timed[2]
            if then >= horizon:
                return self
            for n, p in paces.items():
                spent = self.shifts.worked(self.now, then) if self.world.rate(n).working \
                    else then - self.now
                self.stores[n] -= p * spent
            if name in self.stores:
                self.stores[name] = self.drawn[name].next()
            else:
                self.due(name, then)
            before, self.pair, self.now = self.pair, self.after(name), then
            if self.at_home(before) and not self.at_home(self.pair):
                self.cause = name
            self.history.append((then, name))
            self.arrive()

    def at_home(self, pair):
        return all(pair[n] == v for n, v in self.home.items() if not n.endswith(".reason"))
