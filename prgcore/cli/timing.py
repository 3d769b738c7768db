"""`timing`: the service parameters, the rules between them, the times they promise, the lease."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from attrs import asdict, evolve, frozen

from prgcore.cli import inputs, output
from prgcore.cli.advising import with_advice
from prgcore.cli.commands import Exit, Group, Option, examples
from prgcore.seats import NODES
from prgcore.vocabulary import Kind, title
from prgcore.words import counted, few, listed, one_line, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from prgcore.machine import Machine
    from prgcore.model import Number
    from prgcore.running.group import Group as GroupFile
    from prgcore.running.lease import Lease
    from prgcore.timers.cuts import Cut
    from prgcore.timers.monitor import Bounds
    from prgcore.timers.noticed import Noticed
    from prgcore.timers.parameters import Settings
    from prgcore.timers.sanity import Verdict
    from prgcore.timers.transitions import Ending, Transition

MOST_NODES = 5
"""The most nodes that a heading names."""
MOST_STATES = 3
"""The most states that an event leads to and that are listed."""

_ROWS = (
    ("crash", "a crash of the peer is noticed", "T3 T4"),
    ("crash_at_start", "and while the node starts", "T3 T4"),
    ("service", "a service failure is noticed", "T1 T2"),
    ("automatic_fallback", "an automatic fallback begins after health", "T7"),
    ("after_crash", "users are out after a crash", "T9"),
    ("after_service", "after a service failure", "T9"),
    ("after_failover", "after a manual failover", "T9"),
    ("after_fallback", "after a manual fallback", "T9"),
    ("after_automatic_fallback", "after an automatic fallback", "T9"),
)


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore timing --set keep_alive_timeout=75",
        'prgcore timing --set "Keep Alive (Heartbeat) Timeout=75"',
        "prgcore timing --latency 0.04 --jitter 0.5 --dual-connections",
        "prgcore timing --group group.toml --drift 0.0005",
        "prgcore timing --drift 0.0002 --pause 0.5 --cut 300",
        "prgcore timing --deployment deployment.toml",
        "prgcore timing --transitions",
        "prgcore timing --machine mine.json",
        "prgcore timing --advise --loss 0.01 --burst 3 --latency 80ms --target-outage 60",
    ))(with_advice(timing, given))


def _seconds(option: str, says: str) -> Any:
    return Option(option, metavar="S", help=f"{says}, in seconds.", reads=inputs.time_of)


def timing(
    *,
    sets: Annotated[
        list[str] | None,
        Option("--set", metavar="NAME=VALUE", help="A service parameter, by name or as "
                     "the administration spells it. Repeatable."),
    ] = None,
    latency: Annotated[float, _seconds("--latency", "Longest delay of a heartbeat")] = 0,
    polling: Annotated[float, _seconds("--polling", "How late a timer may be asked")] = 0,
    jitter: Annotated[
        float, _seconds("--jitter", "Variation of sending and of the delay")] = 0,
    store_call: Annotated[
        float, _seconds("--store-call", "How long an agent's call to its store takes")] = 0,
    take_over: Annotated[float, _seconds("--take-over", "How long moving the users takes")] = 0,
    multiple_device_messaging: Annotated[
        bool, Option("--multiple-device-messaging", help="It doubles failover times."),
    ] = False,
    dual_connections: Annotated[
        bool, Option("--dual-connections", help="Clients keep one to the backup."),
    ] = False,
    group: Annotated[
        Path | None, Option("--group", metavar="GROUP", help="Take parameters and lease from this "
                            "group file."),
    ] = None,
    deployment: Annotated[
        str | None, Option("--deployment", metavar="FILE", help="Take the parameters from this "
                           "deployment, as config check reads it."),
    ] = None,
    drift: Annotated[
        float | None, Option("--drift", metavar="RHO", help="Bounds and lease with clocks that are "
                             "fast or slow by this share: 0.001 is 1 ms a second."),
    ] = None,
    pause: Annotated[
        float | None, _seconds("--pause", "Longest pause between a look at the lease and serving "
                               "by it")] = None,
    cut: Annotated[
        float | None, _seconds("--cut", "How long the link is cut: without an arbiter users may "
                               "be served twice")] = None,
    of_transitions: Annotated[
        bool, Option("--transitions", help="Show how each transition state ends, and what is "
                     "accepted meanwhile."),
    ] = False,
    machine: inputs.MachineFile = None, as_json: inputs.Json = False,
) -> None:
    """Check the service parameters, and show what they promise.

    It shows how long users are out after a crash, a service failure, a failover and a
    fallback, each with its theorem, and the clock drift that the lease tolerates; with a
    cut, how long users may be served twice without an arbiter. Exit codes: 0 all rules
    hold, perhaps with warnings; 1 a rule is broken, or the drift is not tolerated, or
    store calls take too long. For a machine of your own it shows when
    its timers notice what. Nodes of a deployment that have re-login limits of their own
    are answered apart.

    With --advise it recommends settings instead. Exit codes: 1 no setting meets the bound;
    4 the closed form and the simulation disagree.
    """
    from prgcore.running.lease import Lease

    told, engine, whose = given(sets, group, deployment, machine)
    if of_transitions:
        inputs.refuse_beside("--transitions", {
            "--latency": latency or None, "--polling": polling or None, "--jitter": jitter or None,
            "--store-call": store_call or None, "--take-over": take_over or None,
            "--multiple-device-messaging": multiple_device_messaging or None,
            "--dual-connections": dual_connections or None, "--drift": drift, "--pause": pause,
            "--cut": cut})
        _show_transitions(engine, next(iter(whose)), as_json=as_json)
        return
    lease = told.lease if told else Lease()
    drift = lease.drift if drift is None else drift
    if pause is not None:
        lease = evolve(lease, pause=pause)
    world: dict[str, Any] = {
        "latency": latency, "polling": polling, "jitter": jitter,
        "store_call": store_call, "take_over": take_over,
        "multiple_device_messaging": multiple_device_messaging,
        "dual_connections": dual_connections, "drift": drift or 0,
    }
    answers = [_answer(parameters, world, engine, lease, drift, told, cut) for parameters in whose]
    ok = all(answer.ok for answer in answers)
    if as_json and deployment is not None:
        output.write_json({"ok": ok, "deployment": [
            {"nodes": nodes, **answer.to_json()}
            for nodes, answer in zip(whose.values(), answers, strict=True)]})
    elif as_json:
        output.write_json(answers[0].to_json())
    else:
        for i, (nodes, answer) in enumerate(zip(whose.values(), answers, strict=True)):
            if len(answers) > 1:
                named = one_line(few(nodes, MOST_NODES, ", "))
                output.write("\n" * bool(i) + "\n".join(wrapped(f"==> {named} <==")))
            output.show(*answer.page())
    raise Exit(int(not ok))


def given(
    sets: list[str] | None, group: Path | None, deployment: str | None, machine: str | None,
) -> tuple[GroupFile | None, Machine | None, dict[Settings, Sequence[str]]]:
    """The parameters that a command line names: by name, in a group file, in a deployment.

    Returns:
        The group file, if one is named; the machine, if it is not the built-in one; and for each
        set of parameters the names of the nodes that have it, if a deployment is named.

    Raises:
        BadInput: files that exclude each other, or a wrong name or value.
    """
    from prgcore.errors import BadInput
    from prgcore.running.group import read_group
    from prgcore.timers.parameters import Parameters, parameters_of

    if group and machine:
        raise BadInput("--group names a file that names its machine; leave out --machine")
    if deployment is not None:
        inputs.refuse_beside("--deployment", {"--group": group, "--machine": machine})
    told = read_group(group) if group else None
    engine = told.engine if told else inputs.load_machine(machine, None) if machine else None
    kind = Parameters if engine is None else parameters_of(engine.model)
    words = inputs.assignments(sets, "--set")
    return told, engine, _in_deployment(deployment, words) if deployment is not None else {
        kind.parse(words, told.parameters if told else None): ()}


def _in_deployment(file: str, given: Mapping[str, str]) -> dict[Settings, Sequence[str]]:
    """The parameters of the nodes of a deployment: nodes may have re-login limits of their own.

    Args:
        given: parameters that go before those in the file.

    Returns:
        For each set of parameters the names of the nodes that have it.
    """
    from prgcore.cli.configuration import deployment_in
    from prgcore.timers.parameters import Parameters

    whole = deployment_in(file)
    found: dict[Settings, list[str]] = {}
    for node in whole.nodes:
        found.setdefault(Parameters.parse(given, whole.parameters_of(node)), []).append(node.name)
    return {**found} or {Parameters.parse(given, whole.parameters): ()}


@frozen
class _Answer:
    """The promises of some parameters; `promised` is None for any machine but the document's."""

    parameters: Settings
    world: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    promised: Bounds | None
    timers: Sequence[Noticed]
    lease: Lease
    drift: float | None
    told: GroupFile | None
    cut: Cut | None

    @property
    def wrong(self) -> bool:
        return any(not v.holds and v.rule.kind == "error" for v in self.verdicts)

    @property
    def fenced(self) -> bool:
        return self.drift is None or self.lease.tolerates(self.drift)

    @property
    def in_time(self) -> bool:
        from prgcore.timers.arithmetic import soon_enough

        return bool(soon_enough(self.world["store_call"], self.parameters.keep_alive_timeout))

    @property
    def believed(self) -> bool:
        """Whether a live peer that loses no heartbeat is believed, whatever the clocks do (T5)."""
        return self.wrong or not self.promised or self.promised.survived is not None

    @property
    def promises(self) -> bool:
        return not self.wrong and self.in_time and self.believed

    @property
    def ok(self) -> bool:
        return self.promises and self.fenced

    def to_json(self) -> dict[str, Any]:
        promised = self.promised
        return {
            "ok": self.ok, "parameters": _parameters_json(self.parameters),
            "rules": [_rule_json(v) for v in self.verdicts], "given": self.world,
            "bounds": promised.to_json() if promised and self.promises else None,
            **({} if promised else {"timers": [n.to_json() for n in self.timers]}),
            "lease": {**asdict(self.lease), "drift": self.drift, "tolerated": self.lease.tolerated,
                      "holds": self.fenced, "theorem": "T10",
                      "longest_pause": self.lease.longest_pause(self.drift or 0)},
            "store_call": {"longest": self.parameters.keep_alive_timeout / 2, "holds": self.in_time,
                           "theorem": "T12"},
            **({"cut": {**self.cut.to_json(), "theorem": "D5"}} if self.cut else {}),
            **({"checks": _checks_json(self.told)} if self.told else {}),
        }

    def page(self) -> Iterator[RenderableType]:
        yield _parameters(self.parameters)
        yield ""
        yield from _rules(self.verdicts)
        if not self.believed:
            yield (f"error drift: clocks that drift by {_said(self.world['drift'])} may make a node "
                   "declare a live peer lost; set a longer keep_alive_timeout")
        elif not self.promises:
            yield "A rule is broken; these parameters promise nothing."
        elif self.promised:
            yield from _bounds(self.promised, self.world, self.parameters)
        else:
            yield from _noticed(self.timers, _delays(self.world))
        yield ""
        yield from _store_call(self.world["store_call"], self.parameters.keep_alive_timeout)
        yield from _lease(self.lease, self.drift)
        if self.cut:
            yield from _cut(self.cut)
        if self.told:
            yield from _checks(self.told)


def _answer(
    parameters: Settings, world: dict[str, Any], engine: Machine | None, lease: Lease,
    drift: float | None, told: GroupFile | None, cut: float | None,
) -> _Answer:
    from prgcore.timers.cuts import cut_of
    from prgcore.timers.monitor import bounds
    from prgcore.timers.noticed import noticed
    from prgcore.timers.parameters import Parameters
    from prgcore.timers.sanity import check

    promised = bounds(parameters, **world) if isinstance(parameters, Parameters) else None
    answer = _Answer(parameters, world, check(parameters, world["jitter"]), promised, (), lease,
                     drift, told, None)
    if cut is not None and answer.promises:
        answer = evolve(answer, cut=cut_of(
            parameters, cut, latency=world["latency"], jitter=world["jitter"],
            drift=world["drift"]))
    if promised or answer.wrong or engine is None:
        return answer
    return evolve(answer, timers=[*noticed(engine, NODES[0], parameters, **_delays(world))])


def _delays(world: dict[str, Any]) -> dict[str, Any]:
    return {name: world[name] for name in ("latency", "polling", "jitter", "drift")}


def _parameters_json(parameters: Settings) -> list[dict[str, Any]]:
    return [
        {"name": name, "title": record.title, "value": value, "unit": record.unit,
         "default": record.default, "changed": value != record.default, "cite": record.cite}
        for name, value in parameters.to_json().items() for record in [parameters.records[name]]
    ]


def _rule_json(verdict: Verdict) -> dict[str, Any]:
    rule = verdict.rule
    return {
        "id": rule.id, "says": rule.says, "kind": rule.kind, "theorem": rule.theorem,
        "holds": verdict.holds, "otherwise": rule.otherwise, "advice": verdict.advice,
        "changes": dict(verdict.changes),
    }


def _said(value: Number | bool) -> str:
    """A value as an administrator writes it."""
    return str(value).lower() if isinstance(value, bool) else f"{value:.10g}"


def _time(value: Number) -> str:
    """A time to the millisecond."""
    return _said(round(value, 3))


def _parameters(parameters: Settings) -> Table:
    table = output.table("parameter", "value", "unit", "in the administration", right=("value",))
    for row in _parameters_json(parameters):
        changed = f"\nchanged from {_said(row['default'])}" if row["changed"] else ""
        unit = "" if isinstance(row["value"], bool) else row["unit"]
        table.add_row(row["name"], _said(row["value"]), unit, row["title"] + changed)
    return table


def _rules(verdicts: tuple[Verdict, ...]) -> Iterator[RenderableType]:
    """Every rule; then, for each broken one, what is wrong and the change that helps."""
    table = output.table("rule", "holds", "by", "what must hold")
    for verdict in verdicts:
        holds = "yes" if verdict.holds else verdict.rule.kind if verdict.wrong else "no"
        table.add_row(verdict.rule.id, holds, verdict.rule.theorem, verdict.rule.says)
    yield table
    yield ""
    broken = [v for v in verdicts if v.wrong] or [v for v in verdicts if not v.holds]
    advice = dict.fromkeys(v.advice for v in broken)
    for verdict in broken:
        rule = verdict.rule
        alone = f"; {verdict.advice}" * (len(advice) == len(broken))
        yield f"{rule.kind} {rule.id}: {rule.otherwise}{alone}"
    if len(advice) < len(broken):
        yield f"Mend all of this: {'; '.join(advice)}."
    if broken:
        yield ""


def _store_call(call: Number, timeout: Number) -> Iterator[RenderableType]:
    """How long a call to the store may take."""
    from prgcore.timers.arithmetic import soon_enough

    yield (f"A call to the store may take {_said(timeout / 2)} s, half the keep-alive time-out "
           "(T12).")
    if not soon_enough(call, timeout):
        yield (f"error store-call: a call of {_said(call)} s is too long: agents may never notice "
               "a dead peer; set a longer keep_alive_timeout")


def _checks_json(group: GroupFile) -> list[dict[str, Any]]:
    """For each check of each node, after how many seconds it shows a fault, or a repair, at most."""
    return [{"node": node.name, "name": name, "asks": str(check), "down_after": check.bound,
             "up_after": check.back}
            for node in group.nodes.values()
            for name, check in (*((n, s.check) for n, s in node.services.items()),
                                *node.watch.items()) if check is not None]


def _checks(group: GroupFile) -> Iterator[RenderableType]:
    """When a check shows that a service hangs. The critical service delay begins then."""
    for one in _checks_json(group):
        yield (f"{one['node']}: a fault of {one['name']} is seen after at most "
               f"{one['down_after']:g} s, and its end after {one['up_after']:g} s ({one['asks']}).")


def _lease(lease: Lease, drift: float | None) -> Iterator[RenderableType]:
    """The drift that the lease tolerates, and whether it tolerates the given one."""
    sums = (f"A lease of {_said(lease.lasts)} s, a pause of {_said(lease.pause)} s, "
            f"{_said(lease.stopping)} s of stopping and a wait of {_said(lease.waits)} s")
    yield f"{sums} tolerate clocks that drift by up to {_said(lease.tolerated)} (T10)."
    if not lease.tolerated:
        yield "Where the sum is the wait, both nodes may serve in one instant."
    if drift is None:
        return
    yield (f"A drift of {_said(drift)} is tolerated, with a pause of up to "
           f"{_said(lease.longest_pause(drift))} s." if lease.tolerates(drift) else
           f"error drift: {_said(drift)} is not tolerated: users could be served twice; write "
           "a longer wait")


def _cut(cut: Cut) -> Iterator[RenderableType]:
    """The harm of a cut without an arbiter."""
    yield (f"Without an arbiter, a cut of {_said(cut.lasts)} s loses up to "
           f"{counted(cut.lost, 'heartbeat')}: users may be served twice for "
           f"{_time(cut.served_twice)} s, and while services stop (D5). If only one direction is "
           f"cut, for {_time(cut.one_way)} s. Cuts shorter than {_time(cut.harmless)} s do no harm.")


def _noticed(timers: Sequence[Noticed], world: dict[str, Any]) -> Iterator[RenderableType]:
    """When the timers of your own machine give their events."""
    if not timers:
        yield "The machine has no timers that count."
        return
    table = output.table("event", "counts", "least", "mean", "most", "lost", "by",
                         right=("least", "mean", "most", "lost"))
    for one in timers:
        where = " and ".join(f"{c.column} is {listed(c.values)}" for c in one.where)
        counts = one.limit if isinstance(one.limit, str) else f"{_said(one.limit)} s"
        lost = "" if one.theorems == "T1 T2 T7" else "none" if one.survived is None else (
            str(one.survived))
        table.add_row(f"{one.event}\nif {where}" if where else one.event, counts, *map(_time, (
            one.after.least, one.after.mean, one.after.most)), lost, one.theorems)
    yield table
    yield ""
    given = ", ".join(f"{name} {_said(value)}" for name, value in world.items() if value)
    yield f"Given {given}." if given else (
        "Latency, polling, jitter and drift count as 0 unless options set them.")
    yield ("Times are in seconds, from a crash of the peer or from the moment when the condition "
           "begins. A live peer may lose so many heartbeats in a row.")


def _bounds(
    promised: Bounds, world: dict[str, Any], parameters: Settings,
) -> Iterator[RenderableType]:
    survived = promised.survived
    assert survived is not None, "BUG: a rule of sanity let an interval pass that is too short"
    yield f"A live peer survives {counted(survived, 'lost heartbeat')} in a row (T6)."
    yield ""
    table = output.table("in seconds", "least", "mean", "most", "by",
                         right=("least", "mean", "most"))
    rows = [(says, getattr(promised, name), by) for name, says, by in _ROWS]
    if promised.if_waits_double:
        crash, service, failover = promised.if_waits_double
        rows += [("after a crash, if log-ins double too", crash, "D47"),
                 ("after a service failure, likewise", service, "D47"),
                 ("after a manual failover, likewise", failover, "D47")]
    for says, span, by in rows:
        table.add_row(says, _time(span.least), _time(span.mean), _time(span.most), by)
    yield table
    yield ""
    given = ", ".join(f"{name.replace('_', ' ')} {_said(value)}"
                      for name, value in world.items() if value)
    yield f"Given {given}." if given else (
        "Latency, polling, jitter, drift and the take-over count as 0 unless options set them.")
    yield "The least after a crash holds if no heartbeat before it was lost (T4, T9)."
    off = "" if getattr(parameters, "enable_automatic_fallback", False) else (
        " It is off unless enable_automatic_fallback is true.")
    yield ("An automatic fallback begins when a Failed Over node has been healthy for so long; "
           f"only then its users are out.{off}")
    yield ("The mean assumes a crash at any time between two heartbeats, and a wait of any length "
           "between the re-login limits. Theorems: prgcore prove --list.")
    yield ("The document does not bound how long users are moving: --take-over counts what you "
           "measured, and --transitions shows what ends a transition.")
    yield "Parameters and defaults: Configure Heartbeat Interval for Failover, steps 4 and 5."
    if world["multiple_device_messaging"]:
        yield ("About twice the parameters with multiple device messaging: Redundancy "
               "Interactions and Restrictions.")
    if world["dual_connections"]:
        yield ("No wait after a failover with a dual connection that stands: Failover Enhancement "
               "to Nearly Zero Downtime. A fallback disconnects everybody whom it moves, and they "
               "log in again (D54).")


# ---------------------------------------------------------------------- transition states


def _show_transitions(engine: Machine | None, parameters: Settings, *, as_json: bool) -> None:
    """Show how every transition state ends, and what is accepted meanwhile."""
    from prgcore.timers.parameters import Parameters
    from prgcore.timers.transitions import transitions

    if engine is None:
        from prgcore.machine import prg

        engine = prg()
    found = transitions(engine, parameters)
    if as_json:
        output.write_json({"transitions": [one.to_json() for one in found]})
        return
    documented = isinstance(parameters, Parameters)
    output.write("\n".join(_transitions(engine, found, documented=documented)))


def _transitions(
    machine: Machine, found: tuple[Transition, ...], *, documented: bool,
) -> Iterator[str]:
    """The transition states as lines: what ends each, and what is accepted meanwhile."""
    if not found:
        yield "The machine has no transition states."
        return
    yield from output.wrapped(
        "What ends each transition state: where it leads, and the events that lead there. In an event, me "
        "is the node in this state, and peer is the other one.")
    yield ""
    for one in found:
        yield title(one.state)
        ways: dict[tuple[bool, tuple[str, ...]], list[Ending]] = {}
        for ending in one.endings:
            ways.setdefault((ending.success, ending.to), []).append(ending)
        for (_, states), endings in ways.items():
            to = listed(map(title, states)) if len(states) <= MOST_STATES else "another state"
            yield from output.wrapped(
                f"{to}: {', '.join(map(_ended, endings))}", "  ", "    ")
        yield ""
    commands = [e.name for e in machine.model.events if e.kind is Kind.COMMAND]
    names = {c: c.partition("(")[0] for c in commands}
    accepted = {c: one.ends_it for one in found for c in one.accepted}
    ends = listed(dict.fromkeys(names[c] for c in accepted if c in accepted[c]), "and")
    yield from output.wrapped(
        f"Accepted meanwhile: {listed(dict.fromkeys(names[c] for c in accepted), 'and') or 'none'}."
        + (f" A transition state is left by {ends}." if ends else ""))
    taken = {names[c] for c in accepted}
    if refused := [n for n in dict.fromkeys(names.values()) if n not in taken]:
        yield from output.wrapped(f"Refused in all of them: {listed(refused, 'and')}.")
    silent = ("the document does not say how long users may be moving, or services starting"
              if documented else "the machine names none")
    yield from output.wrapped(
        f"An event without a time has no bound: {silent}. A time counts only what its parameter "
        "counts, such as the silence of a peer that has died.")


def _ended(ending: Ending) -> str:
    """The event of an ending, seen from the node in the state, and its times."""
    event = ending.event.replace(NODES[0], "me").replace(NODES[1], "peer")
    times = " or ".join(f"{_said(s)} s of {name}" for name, s in ending.limits)
    return f"{event} ({times})" if times else event
