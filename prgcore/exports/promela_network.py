"""Two nodes of a machine as Promela, for SPIN: one process, whose states are the networks of model D.

Law: each move is one `d_step`, in one loop, and no variable is kept that is not in a snapshot of
`prgcore.network`. A part of a heartbeat in flight that no later move can read is 0. So the number
of states that SPIN stores is the number of reachable networks, as `prgcore prove --model D` counts
them. The moves are written from the table and from the facts of a network, not from its interpreter.

Names: `at1_node2_state` is the state of node2 as node1 has it. `sent1_...` is in the heartbeat of
node1 that is in flight, and `record_...` in the record. `cut1`: what node1 sends does not arrive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from attrs import define, field

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.exports.formula import TRUE, every, no
from prgcore.exports.infix import Infix, comment
from prgcore.exports.known import Known
from prgcore.exports.names import Names
from prgcore.exports.promela import FLAGS, OPTIONS
from prgcore.form.telling import groups
from prgcore.model import Column, Invariant, Rule, Value
from prgcore.network import Network, Setting, Snapshot
from prgcore.network.facts import Facts
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.wire.machine_file import digest

__all__ = ["FILE", "TWICE", "promela_network", "questions"]

FILE = "network.pml"
LEASE, FENCE = "cas+lease", "cas+fence"
TWICE, RECORD = "D1", "D2"
"""The questions: whether a group of users is served twice, and a promise about the record."""


def promela_network(engine: Engine, setting: Setting, only: Iterable[str] = ()) -> dict[str, str]:
    """The network of a machine, with the questions of these ids, as the file `network.pml`.

    Raises:
        BadInput: there is no such question, or this network is not exported.
    """
    if setting.mutant:
        raise BadInput(f"{setting.mutant}: wrong agents are not exported")
    return {FILE: _Network(engine, setting).text(tuple(only))}


def questions(
    engine: Engine, setting: Setting, only: Iterable[str] = ()
) -> tuple[tuple[str, str], ...]:
    """The id and the sentence of each question, in the order of their numbers.

    A resource that refuses what is older is a rule of the network: there D1 is not a question.

    Raises:
        BadInput: there is no such question.
    """
    promise = _promise(engine)
    known = [*((TWICE, f"the users of {group} are served by one node at most")
               for group in groups(engine.model) if setting.arbiter != FENCE), *([(RECORD, promise.says)] if promise else [])]
    wanted = tuple(only)
    for id_ in wanted:
        if id_ not in dict(known):
            raise BadInput(unknown_name("question", id_, dict(known)))
    return tuple((i, says) for i, says in known if not wanted or i in wanted)


def _promise(engine: Engine) -> Invariant | None:
    """The first promise that is about the record alone, and about both nodes."""
    shared = {engine.stored[k] for k in Facts(engine).shared}
    return next((i for i in engine.model.invariants if not i.auxiliary and all(
        {c.column for c in cube} <= shared
        and {c.column.partition(".")[0] for c in cube} >= set(NODES) for cube in i.never)), None)


@define
class _View(Infix):
    """Promela about a pair as somebody takes it: each stored column is some variable."""

    BOTH = " && "
    EITHER = " || "
    EQUALS = "=="
    DEFINES = "#define {} ({})"
    CHOOSES = "({} -> {} : {})"

    name: str = ""
    places: Mapping[str, str] = field(factory=dict)
    links: Mapping[str, tuple[str, str]] = field(factory=dict)
    cut: str = ""

    def variable(self, column: str) -> str:
        return self.places.get(column) or self._names.word(column, f"{self.name}_")

    def _means(self, column: Column, value: str) -> str:
        if column.name in self.links:
            joined, cut = self.links[column.name]
            return {joined: f"!({self.cut})", cut: self.cut}.get(value, "false")
        if not column.derived and column.name not in self.places:  # nobody can know it
            return "true" if value == column.domain[0] else "false"
        return super()._means(column, value)


@define
class _Network:
    """The text as it grows."""

    engine: Engine
    setting: Setting
    facts: Facts = field(init=False)
    sure: Known = field(init=False)
    groups: tuple[str, ...] = field(init=False)
    lines: list[str] = field(factory=list)
    names: Names = field(factory=Names)
    known: set[str] = field(factory=set)
    temporary: dict[str, None] = field(factory=dict)
    supposed: dict[int, _View] = field(init=False, factory=dict)
    true: dict[int, _View] = field(init=False, factory=dict)
    newest: list[_View] = field(init=False)
    pair: _View = field(init=False)

    def __attrs_post_init__(self) -> None:
        facts = self.facts = Facts(self.engine)
        self.sure, self.groups = Known(self.engine, facts), groups(self.engine.model)
        stored = self.engine.stored
        for i, n in ((0, 1), (1, 2)):
            places = {stored[k]: self.at(i, k) for k in self.kept(i)}
            places |= {stored[k]: self.at(1 - i, k) for k in facts.own[1 - i] if k in facts.hidden[i]}
            self.supposed[i] = self._view(f"supposed{n}", places, f"cut{2 - i}")
            truly = {stored[k]: self.at(1 - i, k) for k in facts.own[1 - i]}
            self.true[i] = self._view(f"true{n}", places | truly, f"cut{2 - i}")
        self.newest = [self._view(f"newest{i + 1}", {**view.places, **{
            stored[k]: f"record_{self.word(k)}" for k in facts.shared}}, view.cut)
            for i, view in self.true.items()]
        whole = {stored[k]: self.at(i, k) for i in (0, 1) for k in facts.own[i]}
        whole |= {stored[k]: f"record_{self.word(k)}" if self.setting.recorded
                  else self.at(facts.half[k] or 0, k) for k in facts.shared}
        self.pair = self._view("pair", whole, "cut1 || cut2")

    def _view(self, name: str, places: Mapping[str, str], cut: str) -> _View:
        links = {self.engine.stored[k]: values for k, values in self.facts.links.items()}
        return _View(self.sure.table, self.lines, self.names, self.known, name, places, links, cut)

    # -------------------------------------------------------------------------- variables

    def word(self, k: int) -> str:
        return self.names.word(self.engine.stored[k])

    def at(self, i: int, k: int) -> str:
        """The variable of a column in the copy of a node."""
        return f"at{i + 1}_{self.word(k)}"

    def sent(self, i: int, k: int) -> str:
        """The variable of a column in the heartbeat of a node that is in flight."""
        return f"sent{i + 1}_{self.word(k)}"

    def kept(self, i: int) -> list[int]:
        """The columns of the copy of a node that it can know."""
        return [k for k in range(len(self.engine.stored)) if k not in self.facts.hidden[i]]

    def carried(self, i: int) -> Iterator[tuple[int, str]]:
        """The columns that a heartbeat of a node carries, each with the mark without which it is 0.

        Without a record, the receiver reads what the sender says of itself and of the group if it is
        news, and what it says of the receiver if it also knew all that the receiver had written.
        """
        facts = self.facts
        yield from ((k, "fresh" if self.setting.recorded else "") for k in facts.told[i])
        if not self.setting.recorded:
            yield from ((k, "based" if facts.half[k] == 1 - i else "news") for k in facts.shared)
            yield from ((k, "based") for k in facts.own[1 - i]
                        if facts.ordered[k] and k not in facts.hidden[i])

    def blank(self, i: int, *marks: str) -> list[str]:
        """These marks of a heartbeat in flight are taken away, and what is not read without them."""
        marks = (*marks, *(("based", "newest") if "news" in marks else ()))
        return [*(f"{mark}{i + 1} = 0" for mark in marks),
                *(f"{self.sent(i, k)} = 0" for k, mark in self.carried(i) if mark in marks)]

    def empty(self, i: int) -> list[str]:
        """No heartbeat of a node is in flight."""
        return [*(f"{self.sent(i, k)} = 0" for k, _ in self.carried(i)),
                *(f"{mark}{i + 1} = 0" for mark in self.marks())]

    def flags(self) -> Iterator[tuple[str, int]]:
        """The variables that are not columns, and the largest value of each."""
        recorded, setting = self.setting.recorded, self.setting
        for n in (1, 2):
            yield f"cut{n}", 1
            if recorded:
                yield from ((f"current{n}", 1), (f"timely{n}", 1))
            else:
                yield f"ahead{n}", 1
            if setting.silence:
                yield f"silent{n}", setting.silence
            if setting.has("delay"):
                yield from ((f"{word}{n}", 1) for word in self.marks())
        if recorded:
            yield "older", 2
        for group in self.groups if setting.arbiter in (LEASE, FENCE) else ():
            yield self.claim(group), 2
            if setting.arbiter == LEASE:
                yield from ((self.permit(i, group), 1) for i in (0, 1))

    def marks(self) -> tuple[str, ...]:
        """The words of the flags of a heartbeat in flight."""
        return ("full", "fresh") if self.setting.recorded else (
            "full", "late", "news", "based", "newest")

    def begins(self, start: Snapshot) -> Iterator[tuple[str, int, int, str]]:
        """Every variable with its first value, its largest one, and what its values are."""
        def column(name: str, k: int, value: str) -> tuple[str, int, int, str]:
            domain = self.facts.domain[k]
            says = ", ".join(f"{n} {v}" for n, v in enumerate(domain))
            return name, domain.index(value), len(domain) - 1, comment(says, 4000)

        for i in (0, 1):
            yield from (column(self.at(i, k), k, start.copies[i][k]) for k in self.kept(i))
        for k, value in zip(self.facts.shared, start.record, strict=False):
            yield column(f"record_{self.word(k)}", k, value)
        if self.setting.has("delay"):
            for i in (0, 1):
                yield from (column(self.sent(i, k), k, self.facts.domain[k][0])
                            for k, _ in self.carried(i))
        first = {f"{word}{n}": 1 for n in (1, 2) for word in ("current", "timely")}
        for group, claim in zip(self.groups, start.claims or start.holders,
                                strict=False):
            first[self.claim(group)] = ("", *NODES).index(claim)
            first |= {self.permit(i, group): int(group in start.permits[i]) for i in (0, 1)}
        for name, most in self.flags():
            yield name, first.get(name, 0), most, ""

    def decided(self, i: int, rule: Rule, *, allows: bool) -> str:
        """(With a record) the node decides by this rule, whatever it does not know."""
        known, silent = (self.sure.decided(i, rule, heard=heard, allows=allows)
                         for heard in (True, False))
        view = self.true[i]
        if known == silent:
            return view.of(known)
        heard = _all(view.of(self.sure.hears(i)), f"timely{i + 1}")
        return f"({heard} -> {view.of(known)} : {view.of(silent)})"

    # ------------------------------------------------------------------------------ moves

    def text(self, only: Sequence[str]) -> str:
        """The whole file."""
        model = self.engine.model
        start, *others = Network(self.engine, self.setting).starts
        if others:
            raise BadInput(f"{model.name}: {len(others) + 1} pairs to begin with; this format has one")
        branches = [*self.asked(only), *self.moves()]
        head = (
            f"/* {comment(model.name)}, digest {digest(model)}, arbiter {self.setting.arbiter},",
            f"   adversary {', '.join(sorted(self.setting.adversary)) or 'none'},",
            f"   silence {self.setting.silence}: written by prgcore export promela --model D.",
            f"   spin {' '.join(OPTIONS)} {FILE}; cc {' '.join((*FLAGS, '-DBFS'))} -o pan pan.c; ./pan",
            "   errors: 0 is a proof only if no line says that the search was cut off. */",
        )
        variables = [
            f"{'bit' if most == 1 else 'byte'} {name} = {value};" + f" /* {says} */" * bool(says)
            for name, value, most, says in self.begins(start)]
        return "\n".join((
            *head, *self.lines, "", *variables, *(f"byte {name};" for name in self.temporary), "",
            "active proctype network() {", "end:", "  do", *branches, "  od", "}", "",
        ))

    def asked(self, only: Sequence[str]) -> Iterator[str]:
        """The branches that assert something false where a question has the answer no."""
        left, promise = iter(self.groups), _promise(self.engine)
        for number, (id_, says) in enumerate(questions(self.engine, self.setting, only)):
            if id_ == TWICE:
                group = next(left)
                bad = [self.serves(i, group) for i in (0, 1)]
            else:
                assert promise, "BUG: a question about a promise that is not there"
                bad = [self.pair.of(self.sure.table.broken(promise))]
            yield _branch(f"{number}: {id_}: {says}", bad, [f"assert(0 > {number})"])

    def serves(self, i: int, group: str) -> str:
        """A node serves a group: by its copy, or with a lease by its permission."""
        view, able = self.supposed[i], self.sure.able(i)
        fences = self.sure.hears(i) if self.setting.arbiter == "self-fence" else TRUE
        if self.setting.arbiter == LEASE:
            return _all(view.of(every((self.sure.runs(i), able))), self.permit(i, group))
        return view.of(every((self.sure.runs(i), able, fences, self.sure.assigns(i, group))))

    def permit(self, i: int, group: str) -> str:
        return f"permit{i + 1}_{self.names.word(group)}"

    def claim(self, group: str) -> str:
        """The variable of the node that may be serving a group, or that served it last."""
        kind = "claim" if self.setting.arbiter == LEASE else "holder"
        return f"{kind}_{self.names.word(group)}"

    def moves(self) -> Iterator[str]:
        """Every move as a branch, the same kinds in the same order as in the interpreter."""
        facts, allowed = self.facts, {"", *self.setting.adversary}
        for i in (0, 1):
            for event in self.engine.model.events:
                mine = facts.seat(event) == i and facts.power(event) in allowed
                clashes = event.name == facts.clash[i] and not self.setting.recorded
                if (mine and event.name != facts.heard[i]) or clashes:
                    yield from self.decides(i, event.name)
        if self.setting.has("commands"):
            for event in self.engine.model.events:
                if facts.power(event) == "commands":
                    yield from self.commands(event.name)
        for i in (0, 1):
            yield from self.talks(i)
        if self.setting.silence:
            yield from self.ticks()
        yield from self.cuts()
        for i in (0, 1) if self.setting.recorded else ():
            yield _branch(f"read node{i + 1}", [f"!current{i + 1}", self.running(i)], self.reads(i))
            yield from self.leases(i) if self.setting.arbiter == LEASE else ()
            yield from self.accesses(i) if self.setting.arbiter == FENCE else ()

    def accesses(self, i: int) -> Iterator[str]:
        """The effects of a node that the resources of groups accept."""
        for group in self.groups:
            yield _branch(f"access node{i + 1} {group}", [
                self.serves(i, group), f"{self.claim(group)} != {i + 1}", f"older != {i + 1}",
            ], [f"{self.claim(group)} = {i + 1}"])

    def leases(self, i: int) -> Iterator[str]:
        """The moves of a node that serves for a time after it read the record."""
        n = i + 1
        yield _branch(
            f"expire node{n}", [f"!(current{n} && {self.running(i)})"],
            [*(f"{self.permit(i, g)} = 0" for g in self.groups), *self.freed(i, self.newest[i])])
        yield _branch(f"permit node{n}", [f"current{n}", self.running(i)], [_if([(
            _all(f"({self.claim(g)} == 0 || {self.claim(g)} == {n})",
                 self.supposed[i].of(self.sure.assigns(i, g))),
            [f"{self.claim(g)} = {n}", f"{self.permit(i, g)} = 1"])]) for g in self.groups])

    def freed(self, i: int, view: _View) -> list[str]:
        """A node lets go of the claims to groups that are not assigned to it, as somebody sees it."""
        return [_if([(_all(f"{self.claim(g)} == {i + 1}", view.of(no(self.sure.assigns(i, g)))),
                      [f"{self.claim(g)} = 0"])]) for g in self.groups]

    def running(self, i: int) -> str:
        return self.supposed[i].of(self.sure.runs(i))

    # -------------------------------------------------------------------------- decisions

    def decides(self, i: int, event: str) -> Iterator[str]:
        """The branches of an event of a node, one a rule; or one, if its guard is long."""
        guard, answers = self.answers(i, event)
        clash = guard[-1]
        if answers and clash != "true":
            options = [(when, steps) for _, when, steps in answers]
            yield _branch(f"{', '.join(r.id for r, *_ in answers)}: {event}",
                          [*guard[:-1], _any(when for when, _ in options), clash], [_if(options)])
        else:
            for rule, when, steps in answers:
                yield _branch(f"{rule.id}: {event}", [*guard, when], steps)

    def answers(self, i: int, event: str) -> tuple[list[str], list[tuple[Rule, str, list[str]]]]:
        """Where an event comes to a node, and of each rule that answers it when, and what it changes."""
        facts, recorded = self.facts, self.setting.recorded
        lost, by_node = event in facts.lost[i], facts.by_node[event]
        allows = lost and bool(self.setting.silence or self.setting.has("loss"))
        view, n = self.view(i, event), i + 1
        guard = [self.running(i)] if by_node else []
        if lost and self.setting.silence:
            guard.append(f"silent{n} == {self.setting.silence}")
        elif lost and not allows and self.setting.has("delay"):
            guard.append(f"!full{2 - i}")
        guard.append(view.of(self.sure.ways(event, allows=allows)))
        answers = []
        for rule in self.done(event):
            when, steps = view.of(self.sure.table.holds(rule.when)), self.changed(i, rule)
            if recorded and by_node:
                when = self.decided(i, rule, allows=allows)
            answers.append((rule, when, steps))
        if recorded and not facts.of_world(event):  # an old reading is read again first
            guard.append(f"current{n}" if by_node else f"(current{n} || !({self.running(i)}))")
        clashes = event == facts.clash[i] and not recorded and not self.setting.has("faults")
        return [*guard, view.of(self.sure.clash(i)) if clashes else "true"], answers

    def done(self, event: str) -> list[Rule]:
        """The rules of an event that change something."""
        return [r for r in self.sure.table.rules[event] if r.outcome is Outcome.DONE and r.then]

    def view(self, i: int, event: str) -> _View:
        """The pair by which an event of a node is decided."""
        supposes = self.facts.by_node[event] and not self.setting.recorded
        return self.supposed[i] if supposes else self.true[i]

    def changed(self, i: int, rule: Rule) -> list[str]:
        """The steps by which a rule of a node changes its copy, or the record."""
        event, view = rule.event, self.view(i, rule.event)
        if not self.setting.recorded:
            whole = self.wrote(i, rule, view)
            if not (self.facts.by_node[event] and self.setting.arbiter == "self-fence"):
                return whole
            hears = view.of(self.sure.table.after(rule, self.sure.hears(i)))
            alone = self.wrote(i, rule, view, shared=False)
            return whole if hears == "true" else alone if hears == "false" else [
                _if([(hears, whole)], otherwise=alone)]
        silently = self.recorded(None, rule, view, [i])
        if self.facts.of_world(event):
            starts = view.of(every((no(self.sure.runs(i)),
                                    self.sure.table.after(rule, self.sure.runs(i)))))
            return silently if starts == "false" else [
                _if([(starts, self.started(i, event))], otherwise=silently)]
        writes = self.recorded(i, rule, view, [0, 1])
        return writes if self.facts.by_node[event] else [
            _if([(self.running(i), writes)], otherwise=silently)]

    def started(self, i: int, event: str) -> list[str]:
        """(With a record) a manager that starts reads the record, and writes that it runs."""
        ways = self.sure.ways(event, allows=False)
        return [_if(
            (self.newest[i].of(every((ways, self.sure.table.holds(rule.when)))),
             [*self.reads(i), *self.recorded(i, rule, self.true[i], [0, 1])])
            for rule in self.done(event))]

    def commands(self, event: str) -> Iterator[str]:
        """The branches of a command: one step of the record, or given to either node."""
        for rule in self.done(event):
            when = self.sure.table.holds(rule.when)
            if self.setting.recorded:
                steps = self.recorded(None, rule, self.pair, [0, 1], by_record=True)
                yield _branch(f"{rule.id}: {event}", [self.pair.of(when)], steps)
            else:
                for i, view in self.supposed.items():
                    yield _branch(f"{rule.id}: {event} at node{i + 1}",
                                  [self.running(i), view.of(when)], self.wrote(i, rule, view))

    def changes(self, rule: Rule, view: _View, columns: Iterable[int],
                where: Callable[[int], str]) -> str:
        """The expression that a rule changes one of these columns."""
        wanted = {self.engine.stored[k]: k for k in columns}
        return " || ".join(f"{where(wanted[e.target])} != {view.becomes(e.target, e.value)}"
                           for e in rule.then if e.target in wanted)

    def wrote(self, i: int, rule: Rule, view: _View, *, shared: bool = True) -> list[str]:
        """(No record) a node changes its copy: what is in flight is no longer the newest."""
        facts, n, j = self.facts, i + 1, 2 - i
        kept = {k: [self.at(i, k)] for k in self.kept(i) if shared or k not in facts.shared}
        steps = []
        if view is self.true[i]:  # an event of the world, by which a node learns nothing of its peer
            for k in facts.told[j - 1]:
                del kept[k]
                if change := self.changes(rule, view, [k], partial(self.at, 1 - i)):
                    value = next(e.value for e in rule.then if e.target == self.engine.stored[k])
                    steps.append(_if([(change, [
                        f"{self.at(i, k)} = {view.becomes(self.engine.stored[k], value)}"])]))
        written = self.changes(rule, view, facts.shared if shared else (), partial(self.at, i))
        if written:
            flags = [f"ahead{n} = 1"]
            if self.setting.has("delay"):
                flags += [*self.blank(i, "newest"), *self.blank(j - 1, "based")]
            steps.append(_if([(written, flags)]))
        return [*steps, *self.assigned(rule, view, kept)]

    def recorded(self, i: int | None, rule: Rule, view: _View, owners: Sequence[int], *,
                 by_record: bool = False) -> list[str]:
        """(With a record) a rule changes own columns of nodes, and the record if somebody writes it."""
        facts, steps = self.facts, []
        into: dict[int, list[str]] = {}
        for n in owners:
            into |= {k: [self.at(n, k)] for k in facts.own[n]}
            told = self.changes(rule, view, facts.told[n], partial(self.at, n))
            if told:
                forgets = [f"timely{2 - n} = 0"]
                forgets += self.blank(n, "fresh") if self.setting.has("delay") else []
                forgets += [f"{self.at(1 - n, k)} = 0" for k in facts.told[n]]
                steps.append(_if([(told, forgets)]))
        if i is None and not by_record:
            return [*steps, *self.assigned(rule, view, into), *self.begun(rule, owners[0])]
        def record(k: int) -> str:
            return f"record_{self.word(k)}"

        written = self.changes(rule, view, facts.shared, record)
        for k in facts.shared:
            into[k] = [record(k), *([] if i is None else [self.at(i, k)])]
        after: list[str] = []
        if written and i is not None:
            steps.append(_if([(written, [f"current{2 - i} = 0", f"older = {2 - i}"])]))
        elif written:
            steps.append(_if([(written, ["current1 = 0", "current2 = 0"])]))
        if written and not self.setting.has("pause"):
            after += [_if([(_all(f"!current{n + 1}", self.running(n)), self.reads(n))])
                      for n in (0, 1) if n != i]
        takes = [*self.begun(rule, i), *self.took(i)] if i is not None else []
        return [*steps, *self.assigned(rule, view, into), *takes, *after]

    def begun(self, rule: Rule, i: int) -> list[str]:
        """(Lease) a node begins without a permission."""
        runs = self.sure.runs(i)
        if self.setting.arbiter != LEASE or self.sure.table.after(rule, runs) == runs:
            return []
        return [_if([(self.true[i].of(runs),
                      [f"{self.permit(i, g)} = 0" for g in self.groups])])]

    def reads(self, i: int) -> list[str]:
        """A node reads the record."""
        n, j = i + 1, 2 - i
        return [*(f"{self.at(i, k)} = record_{self.word(k)}" for k in self.facts.shared),
                f"current{n} = 1", f"older = (current{j} -> 0 : {j})", *self.took(i)]

    def took(self, i: int) -> list[str]:
        """(Lease) a node that has read the record lets go of what it lost."""
        if self.setting.arbiter != LEASE:
            return []
        view = self.supposed[i]
        return [*(_if([(view.of(no(self.sure.assigns(i, g))), [f"{self.permit(i, g)} = 0"])])
                  for g in self.groups), *self.freed(i, view)]

    def assigned(self, rule: Rule, view: _View, into: Mapping[int, Sequence[str]]) -> list[str]:
        """The assignments of a rule: a column is set after all the others have read it."""
        numbers = {c: k for k, c in enumerate(self.engine.stored)}
        todo = {e.target: e.value for e in rule.then if numbers[e.target] in into}
        reads = {target: self.sources(value) - {target} for target, value in todo.items()}
        first, steps, last = [], [], []
        while todo:
            free = [t for t in todo if not any(t in reads[o] for o in todo if o != t)]
            target = (free or list(todo))[0]
            value = view.becomes(target, todo.pop(target))
            one, *more = into[numbers[target]]
            if free:
                steps += [f"{one} = {value}", *(f"{other} = {one}" for other in more)]
            else:
                new = self.names.word(target, "new_")
                self.temporary[new] = None
                first.append(f"{new} = {value}")
                last += [*(f"{name} = {new}" for name in (one, *more)), f"{new} = 0"]
        return [*first, *steps, *last]

    def sources(self, value: Value) -> set[str]:
        column = getattr(value, "column", "")
        return {*(self.sure.table.columns[column].sources or (column,))} if column else set()

    # ------------------------------------------------------------------------- heartbeats

    def talks(self, i: int) -> Iterator[str]:
        """The moves of heartbeats that a node sends, or has sent."""
        n, node, has = i + 1, NODES[i], self.setting.has
        full = f"full{n}"
        guard = [self.running(i), f"!cut{n}", self.running(1 - i), self.news(i)]
        beat = self.arrives(i, partial(self.at, i), flying=False)
        if not has("delay"):
            yield _branch(f"beat {node}", guard, beat)
            return
        yield _branch(f"beat {node}", [*guard, f"!{full}"], beat)
        if has("reorder"):
            overtaken = [] if self.setting.recorded else [
                *self.empty(i), f"{full} = 1", f"late{n} = 1"]
            yield _branch(f"beat {node}, before the one in flight", [*guard, full],
                          [*beat, *overtaken])
        yield _branch(f"send {node}", [*guard, f"!{full}"], self.sends(i))
        arrives = [_if([(self.running(1 - i), self.arrives(i, partial(self.sent, i), flying=True))])]
        yield _branch(f"deliver {node}", [full, f"!cut{n}"], [*arrives, *self.empty(i)])
        if has("duplicate"):
            again = [] if self.setting.recorded else self.blank(i, "news")
            yield _branch(f"deliver {node} again", [full, f"!cut{n}", self.running(1 - i)],
                          [*arrives, *again])
        if has("loss"):
            yield _branch(f"lose {node}", [full], self.empty(i))

    def sends(self, i: int) -> list[str]:
        """A heartbeat of a node sets out."""
        n = i + 1
        marks = {"full": "1", "fresh": "1", "late": "0", "news": f"ahead{n}", "newest": f"ahead{n}",
                 "based": f"(ahead{n} && !ahead{2 - i})"}
        steps = [f"{mark}{n} = {marks[mark]}" for mark in self.marks()]
        for k, mark in self.carried(i):
            value, read = self.at(i, k), marks.get(mark, "1")
            steps.append(f"{self.sent(i, k)} = " + (
                value if read == "1" else f"({read} -> {value} : 0)"))
        return steps

    def news(self, i: int) -> str:
        """A heartbeat that a node sends now would change something at its peer."""
        j, told = 1 - i, self.facts.told[i]
        parts = [f"!timely{2 - i}" if self.setting.recorded else f"ahead{i + 1}"]
        parts += [f"silent{2 - i}"] * bool(self.setting.silence)
        parts += [f"{self.at(j, k)} != {self.at(i, k)}" for k in told]
        guard, answers = self.heard(j)
        changes = [_all(when, self.differs(j, rule)) for rule, when, _ in answers]
        if changes:
            parts.append(_all(*guard, _any(changes)))
        return _any(parts)

    def heard(self, j: int) -> tuple[list[str], list[tuple[Rule, str, list[str]]]]:
        """Where a node hears a heartbeat that arrived, and which rules answer."""
        event = self.facts.heard[j]
        return self.answers(j, event) if event else ([], [])

    def differs(self, j: int, rule: Rule) -> str:
        """The expression that a rule of a node changes anything."""
        view, facts = self.view(j, rule.event), self.facts
        mine = self.changes(rule, view, self.kept(j), partial(self.at, j))
        others = [k for k in facts.own[1 - j] if self.setting.recorded]
        mine = mine if not others else self.changes(
            rule, view, (*facts.shared, *facts.own[j]), partial(self.at, j))
        return _any(filter(None, (mine, self.changes(rule, view, others, partial(self.at, 1 - j)))))

    def arrives(self, i: int, source: Callable[[int], str], *, flying: bool) -> list[str]:
        """A heartbeat of a node arrives at its peer, which runs."""
        facts, j, n = self.facts, 1 - i, i + 1
        told = [f"{self.at(j, k)} = {source(k)}" for k in facts.told[i]]
        steps = []
        if self.setting.recorded:
            told.append(f"timely{2 - i} = 1")
            steps += [_if([(f"fresh{n}", told)])] if flying else told
        else:
            steps += [_if([(f"!late{n}", told)])] if flying else told
            merges = self.merges(i, source, f"based{n}" if flying else f"!ahead{2 - i}")
            merges.append(f"ahead{n} = {f'!newest{n}' if flying else 0}")
            steps.append(_if([(f"news{n}" if flying else f"ahead{n}", merges)]))
        steps += [f"silent{2 - i} = 0"] * bool(self.setting.silence)
        fresh = f"fresh{n}" if flying and self.setting.recorded else "true"
        guard, answers = self.heard(j)
        hears = _if((when, does) for _, when, does in answers)
        return [*steps, *([_if([(_all(fresh, *guard), [hears])])] if answers else [])]

    def merges(self, i: int, source: Callable[[int], str], based: str) -> list[str]:
        """(No record) the peer takes over what is news in a heartbeat of a node."""
        facts, j = self.facts, 1 - i
        theirs, taken, later = [], [], []
        for k in facts.shared:
            takes = f"{self.at(j, k)} = {source(k)}"
            if facts.half[k] == i:
                theirs.append(takes)
            else:
                taken.append(takes)
                if facts.half[k] is None:
                    later.append(_if([(f"{source(k)} > {self.at(j, k)}", [takes])]))
        for k in facts.own[j]:
            domain = facts.domain[k]
            for old, new in sorted(facts.ordered[k]):
                if old != new and (k not in facts.hidden[i] or new == domain[0]):
                    taken.append(self.ordered(j, k, domain.index(old), domain.index(new), source))
        return [*theirs, _if([(based, taken)], otherwise=later)]

    def ordered(self, j: int, k: int, old: int, new: int, source: Callable[[int], str]) -> str:
        """A change of a node's own column that its peer has ordered."""
        known = k not in self.facts.hidden[1 - j]
        return _if([(_all(f"{self.at(j, k)} == {old}", f"{source(k)} == {new}" if known else "true"),
                     [f"{self.at(j, k)} = {new}"])])

    # ---------------------------------------------------------------------------- network

    def ticks(self) -> Iterator[str]:
        """An interval passes; of each node whose heartbeats can arrive, one does, or is lost."""
        most = self.setting.silence
        for without in ((), (0,), (1,), (0, 1)) if self.setting.has("loss") else ((),):
            guard = [_all(f"!cut{i + 1}", self.running(i)) for i in without]
            steps = []
            for i, j in ((0, 1), (1, 0)):
                longer = f"(silent{i + 1} < {most} -> silent{i + 1} + 1 : {most})"
                hears = _all(self.running(j), f"!cut{j + 1}")
                steps.append(f"silent{i + 1} = "
                             + (longer if j in without else f"({hears} -> 0 : {longer})"))
            name = " and ".join(NODES[i] for i in without)
            yield _branch(f"tick{f' without {name}' * bool(name)}", guard, steps)

    def cuts(self) -> Iterator[str]:
        """The moves of the network: what is cut loses what is in flight."""
        def loses(i: int) -> list[str]:
            return self.empty(i) if self.setting.has("delay") else []

        for n in (1, 2) if self.setting.has("one-way") else ():
            yield _branch(f"cut node{n}", [f"!cut{n}"], [f"cut{n} = 1", *loses(n - 1)])
            yield _branch(f"heal node{n}", [f"cut{n}"], [f"cut{n} = 0"])
        if self.setting.has("cut"):
            yield _branch("cut", ["!(cut1 && cut2)"], ["cut1 = 1", "cut2 = 1", *loses(0), *loses(1)])
            yield _branch("heal", ["(cut1 || cut2)"], ["cut1 = 0", "cut2 = 0"])


def _all(*parts: str) -> str:
    """All of these expressions."""
    kept = [p for p in parts if p != "true"]
    return f"({' && '.join(kept)})" if kept else "true"


def _any(parts: Iterable[str]) -> str:
    """One of these expressions."""
    return f"({' || '.join(parts)})"


def _if(options: Iterable[tuple[str, Sequence[str]]], otherwise: Sequence[str] = ("skip",)) -> str:
    """The first option that holds; of several, at most one does."""
    text = " ".join(f":: {guard} -> {'; '.join(steps or ['skip'])}" for guard, steps in options)
    return f"if {text} :: else -> {'; '.join(otherwise or ['skip'])} fi"


def _branch(name: str, guard: Sequence[str], steps: Sequence[str]) -> str:
    """A move, as one step."""
    return f"  /* {comment(name)} */\n  :: d_step {{ {_all(*guard)} -> {'; '.join(steps)} }}"
