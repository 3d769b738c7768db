# ruff: noqa: INP001
"""The pictures of the documentation: which there are, and the page that shows them.

Law: nothing here decides how anything looks. Graphs are committed as Graphviz's text in one file,
and shown as Mermaid where Graphviz is missing. Pictures that we lay out are committed as SVG. A
picture that is too wide to be read on a page is drawn in parts.
The site draws the pictures of stories itself.
"""

from __future__ import annotations

import runpy
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from attrs import evolve

from prgcore.diagram import Graph, graph, render, svg
from prgcore.diagram.graph import only
from prgcore.diagram.matrix import Matrix, asked, matrix
from prgcore.diagram.network import network_sequence
from prgcore.diagram.palette import PALETTE, Role
from prgcore.diagram.sequence import REMARK, Message, Note, Sequence, ends, sequence
from prgcore.machine import Machine, prg
from prgcore.model import Values
from prgcore.network.story import replay
from prgcore.outage import plots
from prgcore.outage.fleets import Worlds
from prgcore.outage.rates import default
from prgcore.outage.summary import report
from prgcore.outage.year import simulate
from prgcore.prove.quotient import pairs
from prgcore.prove.seen import moves, seen
from prgcore.prove.space import Space, search
from prgcore.seats import NODES
from prgcore.story.script import as_story, run
from prgcore.tables.arbiters import STORIES
from prgcore.tables.machine import TABLE
from prgcore.template.active_standby import MACHINE
from prgcore.wire.links import to
from prgcore.wire.markdown import entry
from prgcore.wire.markdown import page as as_page

STANDBY = "active-standby"
"""The name of the second shipped machine, and of the graph of its states."""
LOST = ("crash(node1)", "heartbeat_lost(node2)", "take_over(node2)", "promoted(node2)")
"""The same failover of that machine."""
EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "pairs"
"""Small machines of real pairs, each in a file of its own."""
PAIRS: Mapping[str, tuple[str, str, Values]] = {
    "vrrp": ("Two Masters, until one hears the other", "initial", (
        "startup(node2)", "master_down(node2)", "startup(node1)", "master_down(node1)",
        "advertisement(node2)")),
    "cas": ("One write takes the record", "initial", (
        "claim(node1)", "link_cut", "heartbeat_lost(node2)", "claim(node2)")),
    "lease": ("The holder stops before the witness frees the lease", "initial", (
        "granted(node1)", "path_cut(node1)", "ran_out(node1)", "taken_back(node1)",
        "granted(node2)")),
    "pg_auto_failover": ("A story of the model: two nodes take writes", "catching_up", (
        "path_cut(node1)", "declared_sick(node1)", *("report(node2)", "reached(node2)") * 3,
        "drained(node2)", "report(node2)", "reached(node2)")),
}
"""The pictures of these machines: a heading, the start, and the events that are drawn."""
FAILOVER = ("power_off(node1)", "heartbeat_lost(node2)", "takeover_done(node2)")
"""From the start `normal`: the failover that a newcomer sees first."""
PHASES = tuple(phase for phase, _ in TABLE.phases)


SEATS = {"own": "What the node does itself", "peer": "What its peer does"}
WIDE = ("startup",)
"""Phases that are too wide for one picture: drawn once for each of `SEATS`."""

STEPS: Mapping[str, tuple[str, Values]] = {
    "commands": ("Commands", ("enable_ha", "disable_ha", "failover", "fallback", "recover")),
    "silence": ("A node falls silent", ("manager_stop", "power_off")),
    "errors": ("A node fails", ("internal_error", "start_failed")),
    "repairs": ("A node comes back", ("manager_start",)),
    "heartbeats": ("Heartbeats", ("heartbeat_lost", "heartbeat_heard", "peer_host_lost")),
    "delays": ("Delays that run out", ("critical_service_delay", "auto_fallback_due")),
    "completions": ("Work that ends or fails", (
        "initialized", "takeover_done", "takeover_failed", "taken_over", "takeback_done",
        "takeback_failed", "autorecovery_done", "autorecovery_failed")),
}
"""The pictures of the pair: a name, a heading, and the events that are drawn in it."""


def graphs(space: Space) -> dict[str, Graph]:
    """The graphs that Graphviz lays out, by name."""
    model = prg().model
    seen, both = moves(space, "node1.state"), pairs(prg(), space)
    drawn: dict[str, Graph] = {}
    for phase in PHASES:
        whole = graph(model, "node1.state", phase, seen)
        if phase not in WIDE:
            drawn[f"node-{phase}"] = whole
            continue
        for seat, says in SEATS.items():
            peers = seat == "peer"
            events = [e.name for e in model.events if e.name.endswith("(node2)") is peers]
            drawn[f"node-{phase}-{seat}"] = only(whole, says.lower(), events)
    for name, (says, heads) in STEPS.items():
        drawn[f"pair-{name}"] = only(both, says.lower(), heads)
    parts = {head for _, heads in STEPS.values() for head in heads}
    left = {w.event for e in both.edges for w in e.labels} - parts
    assert not left, f"no picture of the pair draws {left}: add them to STEPS"
    named = {name: evolve(one, reference="./", legend=False) for name, one in drawn.items()}
    states = graph(MACHINE, "node1.state", None, moves(search(MACHINE), "node1.state"))
    return {**named, STANDBY: evolve(states, legend=False)}  # its rules have no page


def legend(laid_out: Mapping[str, Graph]) -> str:
    """The meaning of the colours and shapes, once for all graphs."""
    used = {n.role for one in laid_out.values() for n in one.nodes}
    looks = {str(role): PALETTE[role] for role in Role if role in used}
    inside, high = svg.legend(looks, 12, wide := 430, 12)
    says = "; ".join(look.says for look in looks.values())
    return svg.document(wide, high + 10, "What colours and shapes mean", says, [inside])


def pictures(laid_out: Mapping[str, Graph]) -> dict[str, str]:
    """Every committed picture: the name of its file, and its text."""
    return {
        "graphs.dot": "\n".join(
            f"// {name}\n{render(one, 'dot')}" for name, one in laid_out.items()),
        "legend.svg": legend(laid_out),
        "matrix.svg": render(evolve(matrix(prg()), reference="../reference/"), "svg"),
        "failover.svg": render(failover(), "svg"),
        f"{STANDBY}-map.svg": render(together(), "svg"),
        f"{STANDBY}.svg": render(lost(), "svg"),
        "time-outs.svg": time_outs(),
        **{f"pairs-{name}.svg": render(real(name), "svg") for name in PAIRS},
        "a-year.svg": a_year(),
        **{f"arbiter-{name}.svg": render(network_sequence(replay(prg(), text), name), "svg")
           for name, text in STORIES.items()},
    }


def a_year() -> str:
    """How long users are out in a year, and which causes cost most: the first example of its page."""
    world = evolve(default(prg()), users=dict.fromkeys(NODES, 2_500), logins=6.0)
    made = Worlds(prg(), world).moves
    told = report(made, simulate(made, 200, 1))
    drawn = plots.svg(told, [p for p in plots.PLOTS if p.name in ("lengths", "causes")])
    return f"{drawn.rstrip()}\n<!-- drawn by matplotlib {version('matplotlib')} -->\n"


def failover() -> Sequence:
    """One failover, shortened until it can be read on a phone.

    Both nodes with what they show, each event at the node that it happens to, and the grant that
    the arbiter gives; under the last state why it is that.
    """
    told = run(prg(), as_story(prg(), FAILOVER, "normal"))
    drawn = sequence(told, "Node 1 fails, node 2 takes over")
    items = list(_brief(drawn))
    decision = told.steps[-1].decision
    if decision and decision.rule:
        items.append(Note(items[-1].over, (decision.rule.why,), REMARK))
    return _with_used(drawn, items)


def _with_used(drawn: Sequence, items: Iterable[Message | Note]) -> Sequence:
    """The same with these items, and without the lives that they leave idle."""
    items = tuple(items)
    used = {name for item in items for name in ends(item)}
    return evolve(drawn, items=items, lives=tuple(x for x in drawn.lives if x.id in used))


def together() -> Matrix:
    """The map of the pair of the second machine."""
    machine = Machine(MACHINE)
    return matrix(machine, pairs=seen(search(MACHINE), asked(machine)))


def time_outs() -> str:
    """The curve of a recommendation of time-outs, with what a simulation saw."""
    from prgcore.outage.curve import curve
    from prgcore.outage.losses import simulate
    from prgcore.timers.advice import Wish, World, advise, rows
    from prgcore.timers.losses import Losses
    from prgcore.timers.parameters import Parameters

    network = Losses.of(0.01, burst=3, interval=15)
    found = advise(Parameters(), network, Wish(60), World(latency=0.08))
    some = rows(found)
    seen = simulate(network, [(p.interval, p.timeout) for p in some])
    return curve(found, dict(zip(some, seen, strict=True)))


def lost() -> Sequence:
    """The active node is lost, and its standby takes over, with what it does one after another."""
    return _happens(Machine(MACHINE), "The active node is lost", LOST, "normal")


def real(name: str) -> Sequence:
    """A few steps of an example, a real pair, with what its nodes do."""
    title, start, events = PAIRS[name]
    return _happens(
        Machine(runpy.run_path(str(EXAMPLES / f"{name}.py"))["MACHINE"]), title, events, start)


def _happens(machine: Machine, title: str, events: Values, start: str) -> Sequence:
    drawn = sequence(run(machine, as_story(machine, events, start)), title)
    return _with_used(drawn, _brief(drawn, own=True))


def standby(laid_out: Mapping[str, Graph]) -> str:
    """The states of a node of the second machine, for its page."""
    return _shown(laid_out, STANDBY, "The states of a node, and what leads from one to another") + "\n"


def _brief(drawn: Sequence, *, own: bool = False) -> Iterator[Message | Note]:
    """States that are new, events without their seat and rule, what is asked of somebody else.

    Args:
        own: whether also what is asked of the node itself.
    """
    shown: dict[Values, Note] = {}
    for item in drawn.items:
        if isinstance(item, Message):
            if item.kind != "action":
                yield evolve(item, source=item.target, text=item.text.partition("(")[0])
            elif own or item.source != item.target:
                yield item
        elif item.role != REMARK:
            note = evolve(item, text=item.text[:1]) if item.role == Role.SILENT else item
            if shown.get(item.over) != note:
                shown[item.over] = note
                yield note


def page(laid_out: Mapping[str, Graph]) -> str:
    """The diagrams, each with what it says in words and where its parts are explained."""
    return as_page(
        "Diagrams",
        "The machine as pictures, made from its rules. On the site every label leads to its rule. "
        "Point at a label to read the rule's reason. `prgcore diagram` draws the same and more "
        "([how to draw](../draw.md)).",
        "![What colours and shapes mean](../pictures/legend.svg)\n",
        entry("states", "The states of a node", "One picture for each phase of a node's life. An "
              "edge carries the events that lead along it and the rules that answer. Every state "
              f"with all its ways in and out: {to('state', 'normal', 'states')}."),
        *(
            entry(phase, phase.title(), "\n\n".join(_phase(laid_out, phase)), depth=3)
            for phase in PHASES
        ),
        entry("pair", "The pair by role", "The roles of both nodes at once, and what leads from "
              "one pair of roles to another. A node of a picture stands for every reachable pair "
              "in which the two have these roles."),
        *(
            entry(f"pair-{name}", says, _shown(
                laid_out, f"pair-{name}", "Pairs by the roles of both nodes, and what leads from "
                f"one to another: {says.lower()}"), depth=3)
            for name, (says, _) in STEPS.items()
        ),
        entry("matrix", "The map of the pair", "Node 1 downwards, node 2 across. A square says "
              "which rows of Table 2 are there, or which [hole](holes.md) of the document. A grey "
              "square is impossible: on the site it leads to the [invariant](invariants.md) that "
              "forbids it.",
              "![The map of the pair: for every two states the rows of Table 2 that list them, "
              "or that they are impossible](../pictures/matrix.svg)"),
    )


def _phase(laid_out: Mapping[str, Graph], phase: str) -> Iterator[str]:
    """The picture of a phase, or its parts, each with what it shows."""
    told = f"The states of a node, and what leads from one to another in the {phase} phase"
    if phase not in WIDE:
        yield _shown(laid_out, f"node-{phase}", told)
        return
    for seat, says in SEATS.items():
        yield f"{says}:"
        yield _shown(laid_out, f"node-{phase}-{seat}", f"{told}: {says.lower()}")


def _shown(laid_out: Mapping[str, Graph], name: str, says: str) -> str:
    """A graph as Mermaid, with the name of what the site lays out instead."""
    text = render(laid_out[name], "mermaid")
    return f"<!-- dot: {name} | {says} -->\n```mermaid\n{text}```"
