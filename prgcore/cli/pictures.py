"""`diagram`: the machine as a picture: a node, pairs, the steps of a story, a map.

Law: a view is a function of a machine's source and of its own options. Its signature lists these
options and their defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from inspect import signature
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from attrs import asdict, evolve

from prgcore.cli import drawing, inputs, output, subject
from prgcore.cli.commands import Argument, Group, Option, examples
from prgcore.cli.proofs import needed
from prgcore.errors import BadInput, BudgetExhausted, MissingExtra, unknown_name
from prgcore.explain.names import UNNAMED
from prgcore.vocabulary import Kind
from prgcore.words import listed

if TYPE_CHECKING:
    from prgcore.diagram import Drawn, Graph
    from prgcore.diagram.states import Moves
    from prgcore.engine import Pair
    from prgcore.machine import Machine
    from prgcore.prove.space import Space

LARGEST_RADIUS = 50

Source: TypeAlias = tuple[str | None, list[str] | None]
"""The file and the policies of a machine, as they were given."""
Made: TypeAlias = "tuple[Drawn, Iterator[str]]"
"""The drawing of a view, and options that make it fit if it is too large."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore diagram node --phase manual -o manual.svg",
        "prgcore diagram pair --by situation --kind command",
        "prgcore diagram around normal --kind command --radius 2 -o around.png",
        "prgcore diagram sequence story.txt -o story.html",
        "prgcore diagram path --counterexample S2 --machine mine.json",
    ))(diagram)


def diagram(
    view: Annotated[
        str,
        Argument(metavar="VIEW", help="node, pair, around, path, sequence or matrix."),
    ] = "node",
    what: Annotated[
        str | None,
        Argument(metavar="WHAT", show_default=False,
                       help="For around: a pair (JSON, a file, -, or a start such as normal). For "
                            "path and sequence: a story (a file, -, or its id), or the JSON of "
                            "prgcore prove."),
    ] = None, *,
    form: Annotated[
        str | None,
        Option("--format", metavar="FORMAT",
                     help="mermaid (the default of node), text (that of the others), dot, "
                          "plantuml, markdown, csv, scxml, xstate, svg, png, html."),
    ] = None,
    file: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE",
                     help="Write a file; without --format its name implies the format."),
    ] = None,
    phase: Annotated[
        str | None, Option("--phase", metavar="PHASE", help="Only the rules of a phase."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        Option("--kind", metavar="KIND",
                     help="Only command, fault, repair, timer or completion. Repeatable."),
    ] = None,
    event: Annotated[
        list[str] | None,
        Option("--event", metavar="EVENT",
                     help="Only this event, of both seats if it names none. Repeatable."),
    ] = None,
    by: Annotated[
        str | None,
        Option("--by", metavar="BY", help="Classes of pair: role (the default), situation, "
                                                "or columns joined by commas."),
    ] = None,
    radius: Annotated[
        int | None, Option("--radius", metavar="N", help="Steps, for around (default: 1)."),
    ] = None,
    column: Annotated[
        str | None,
        Option("--column", metavar="COLUMN", help="The column that node draws (default: node1.state)."),
    ] = None,
    guards: Annotated[
        bool,
        Option("--guards", help="For node: read the guards alone. This is fast, and also "
                                "draws steps that no reachable pair takes."),
    ] = False,
    rows: Annotated[
        str | None,
        Option("--rows", metavar="COLUMN", help="The rows of matrix (default: node1.state)."),
    ] = None,
    columns: Annotated[
        str | None,
        Option("--columns", metavar="COLUMN", help="The columns of matrix (default: node2.state)."),
    ] = None,
    counterexample: Annotated[
        str | None,
        Option("--counterexample", metavar="ID", help="Prove this obligation, and draw its counterexample."),
    ] = None,
    node1: subject.Node1 = None, node2: subject.Node2 = None, sets: subject.Sets = None,
    legend: Annotated[
        bool | None,
        Option("--legend/--no-legend", help="Explain colours and shapes.",
                     show_default=False),
    ] = None,
    links: Annotated[
        str | None,
        Option("--links", metavar="URL",
                     help="Where the reference is (default: reference/; '' for no links)."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Draw the machine.

    node: the states of a node. pair: classes of all reachable pairs. around: the
    pairs within a few steps of one. path and sequence: the steps of a story or of
    a counterexample. matrix: which states go together.

    svg, png and html of a graph need Graphviz. --json prints the drawing as data.
    """
    from prgcore.diagram import FORMATS, Graph

    if view not in VIEWS:
        raise BadInput(unknown_name("view", view, VIEWS))
    names = inputs.names_in([machine or ""])
    seated = str if names is UNNAMED else names.word
    make, named, usual = VIEWS[view]
    shape, known = next(s for s in FORMATS if s.__name__ == named), signature(make).parameters
    given = {name: value for name, value in {
        "what": what, "phase": phase, "kind": _kinds(kind) or None,
        "event": [*map(seated, event or ())] or None, "by": by, "radius": radius,
        "column": column and seated(column), "guards": guards or None, "rows": rows and seated(rows),
        "columns": columns and seated(columns), "counterexample": counterexample, "node1": node1, "node2": node2,
        "sets": sets or None,
    }.items() if value is not None}
    inputs.refuse_beside(f"the view {view}", {
        **{_SPELT.get(name, f"--{name}"): "given" for name in given if name not in known},
        "--legend": legend is not None and shape is not Graph,
    })
    if as_json:
        inputs.refuse_beside("--json", {"--format": form, "--output": file})
    form = drawing.chosen(shape, form, file, usual)
    drawn, narrower = make((machine, policy), **given)
    if links is not None:
        drawn = evolve(drawn, reference=links)
    if isinstance(drawn, Graph):
        drawn = evolve(drawn, legend=legend is not False)
        if not drawn.edges:
            hint = "; ".join(islice(narrower, drawing.MOST_HINTS))
            output.remark(f"no step matches: {drawn.title}" + (f"; try {hint}" if hint else ""))
    if as_json:
        output.write_json(asdict(drawn))
    else:
        drawing.deliver(drawn, form, file, narrower)


def _kinds(words: list[str] | None) -> tuple[Kind, ...]:
    for word in words or ():
        if word not in set(Kind):
            raise BadInput(unknown_name("kind of event", word, Kind))
    return tuple(k for k in Kind if k in (words or ()))


# ------------------------------------------------------------ a node, all pairs


def _node(
    source: Source, *, column: str = "node1.state", phase: str | None = None,
    kind: Collection[Kind] = (), event: Collection[str] = (), guards: bool = False,
) -> Made:
    from prgcore.diagram import graph

    machine = inputs.load_machine(*source)
    graph(machine.model, column, phase)  # errors are reported before the search
    names = _events(machine, kind, event)
    moves = None if guards else _moves(machine, column)
    drawn = _only(graph(machine.model, column, phase, moves), names, kind=kind, event=event)
    whole = partial(graph, machine.model, column, moves=moves)
    return drawn, _parts(machine, drawn, whole, phase, kind, event)


def _moves(machine: Machine, column: str) -> Moves | None:
    """The moves of a column that a search finds; None, with a remark, if it cannot be searched."""
    try:
        space = _searched(machine, "the exact view node")
        from prgcore.prove.seen import moves
    except (MissingExtra, BudgetExhausted) as error:
        output.remark(f"{error}; drawn by its guards alone, as --guards asks for")
        return None
    return moves(space, column)


def _pair(
    source: Source, *, by: str = "role", phase: str | None = None,
    kind: Collection[Kind] = (), event: Collection[str] = (),
) -> Made:
    machine = inputs.load_machine(*source)
    phases = {r.phase for r in machine.model.rules if r.phase}
    if phase is not None and phase not in phases:
        raise BadInput(unknown_name("phase", phase, phases))
    names = _events(machine, kind, event)
    space = _searched(machine, "prgcore diagram pair", by)
    from prgcore.prove.quotient import pairs

    whole = pairs(machine, space, by)
    drawn = _only(whole, names, phase, kind=kind, event=event)
    return drawn, _parts(machine, drawn, lambda: whole, phase, kind, event)


def _searched(machine: Machine, command: str, by: str | None = None) -> Space:
    """The reachable pairs of a machine; the classes are checked before the search.

    Raises:
        BadInput: the pairs cannot be classed so.
        MissingExtra: numpy is not installed.
        BudgetExhausted: there are too many pairs.
    """
    with needed(command):
        from prgcore.prove.quotient import check
        from prgcore.prove.space import search
    if by is not None:
        check(machine, by)
    return search(machine.model)


def _events(
    machine: Machine, kinds: Collection[Kind] = (), words: Collection[str] = ()
) -> list[str]:
    """The events of these kinds; if events are named, only those, with or without a seat.

    Raises:
        BadInput: a name is not that of an event.
    """
    names = {e.name: {e.name, e.name.partition("(")[0]} for e in machine.model.events}
    for word in words:
        if not any(word in some for some in names.values()):
            raise BadInput(unknown_name("event", word, set[str]().union(*names.values())))
    return [
        e.name for e in machine.model.events
        if (not kinds or e.kind in kinds) and (not words or names[e.name] & set(words))
    ]


def _only(
    drawn: Graph, names: Collection[str], phase: str | None = None, *,
    kind: Collection[Kind], event: Collection[str],
) -> Graph:
    """The edges of these events, kinds and phase; all of them if none is given."""
    from prgcore.diagram.graph import only

    asked = {"phase": [phase] if phase else [], "kind": kind, "event": event}
    what = ", ".join(f"{name} {listed(some)}" for name, some in asked.items() if some)
    return only(drawn, what, names, phase) if what else drawn


def _parts(
    machine: Machine, drawn: Graph, whole: Callable[[], Graph], phase: str | None,
    kinds: Collection[Kind], events: Collection[str],
) -> Iterator[str]:
    """The kinds, phases and events whose picture fits; for an empty picture, its own first."""
    from prgcore.diagram.graph import fits, only

    model, everything = machine.model, whole()
    found: dict[str, Callable[[], Graph]] = {
        **{f"--kind {k}": partial(only, everything, "", _events(machine, (k,))) for k in Kind},
        **{f"--phase {r.phase}": partial(only, everything, "", phase=r.phase)
           for r in model.rules if r.phase},
        **{f"--event {name}": partial(only, everything, "", _events(machine, (), (name,)))
           for name in dict.fromkeys(e.name.partition("(")[0] for e in model.events)},
    }
    given = [*(f"--event {e}" for e in events), f"--phase {phase}", *(f"--kind {k}" for k in kinds)]
    order = [option for option in found if option not in given]
    if not drawn.edges:
        order = [*(option for option in given if option in found), *order]
    for option in order:
        part = found[option]()
        if part.edges and fits(part):
            yield option


# -------------------------------------------------------- a pair and its like


def _around(
    source: Source, *, what: str | None = None, kind: tuple[Kind, ...] = (), radius: int = 1,
    node1: str | None = None, node2: str | None = None, sets: list[str] | None = None,
) -> Made:
    from prgcore.diagram.walks import around

    if not 1 <= radius <= LARGEST_RADIUS:
        raise BadInput(f"--radius is a number of steps from 1 to {LARGEST_RADIUS}, not {radius}")
    machine, pair = _centre(source, what, node1=node1, node2=node2, sets=sets)
    narrower = _nearer(machine, pair, radius, kind)
    try:
        return around(machine, pair, radius, kind), narrower
    except BadInput as error:
        raise BadInput(f"{error}; try {'; '.join(narrower) or 'another pair'}") from None


def _centre(source: Source, what: str | None, **shown: Any) -> tuple[Machine, Pair]:
    """The machine and the pair: from the name of a start, or from the options of a question."""
    file, policy = source
    if what is not None and re.fullmatch(r"\w+", what):
        machine = inputs.load_machine(file, policy)
        starts = {"initial": (), **dict(machine.model.starts)}
        if what in starts:
            inputs.refuse_beside(
                f"the start {what}", {_SPELT.get(n, f"--{n}"): v for n, v in shown.items()})
            pair = machine.run(machine.initial[0], *starts[what]).end
            return machine, pair
        if not Path(what).exists():
            raise BadInput(unknown_name("start or file", what, starts))
    question = subject.question(text=what, file=file, policy=policy, **shown)
    return question.machine, subject.one_pair(question)


def _nearer(machine: Machine, pair: Pair, radius: int, kinds: tuple[Kind, ...]) -> Iterator[str]:
    """The smaller radius, and the kinds of events, whose picture fits."""
    from prgcore.diagram.graph import fits
    from prgcore.diagram.walks import around

    some = "".join(f" --kind {kind}" for kind in kinds)
    for options, steps, of in (
        *((f"--radius {n}{some}", n, kinds) for n in range(radius - 1, 0, -1)),
        *((f"--radius {radius} --kind {k}", radius, (k,)) for k in Kind if kinds != (k,)),
    ):
        try:
            drawn = around(machine, pair, steps, of)
        except BadInput:
            continue
        if drawn.edges and fits(drawn):
            yield options


# ------------------------------------------------------------ stories, the map


def _path(source: Source, *, what: str | None = None, counterexample: str | None = None) -> Made:
    from prgcore.cli.runs import run_of
    from prgcore.diagram.walks import path
    from prgcore.story.script import Run

    run, title = run_of(*source, what, counterexample)
    if not isinstance(run, Run):
        raise BadInput("a story of a network is drawn as a sequence: prgcore diagram sequence")
    return path(run, title), iter(["the view sequence"])


def _sequence(
    source: Source, *, what: str | None = None, counterexample: str | None = None
) -> Made:
    from prgcore.cli.runs import run_of
    from prgcore.diagram.network import network_sequence
    from prgcore.diagram.sequence import sequence
    from prgcore.story.script import Run

    run, title = run_of(*source, what, counterexample)
    return sequence(run, title) if isinstance(run, Run) else network_sequence(run, title), iter(())


def _matrix(source: Source, *, rows: str = "node1.state", columns: str = "node2.state") -> Made:
    """The map; without an atlas, the pairs of the machine are searched if possible."""
    from prgcore.diagram.matrix import asked, matrix

    machine = inputs.load_machine(*source)
    names = asked(machine, rows, columns)
    if machine.atlas is not None:
        return matrix(machine, rows, columns), iter(())
    space = _searched(machine, "prgcore diagram matrix of a machine of your own")
    from prgcore.prove.seen import seen

    return matrix(machine, rows, columns, seen(space, names)), iter(())


VIEWS: Mapping[str, tuple[Callable[..., Made], str, str]] = {
    "node": (_node, "Graph", "mermaid"), "pair": (_pair, "Graph", "text"),
    "around": (_around, "Graph", "text"), "path": (_path, "Graph", "text"),
    "sequence": (_sequence, "Sequence", "text"), "matrix": (_matrix, "Matrix", "text"),
}
"""For every view what draws it, its shape, and the format that is printed if none is asked for."""

_SPELT = {"what": "WHAT", "sets": "--set"}
"""How what is given is spelt, where it is not the option of its name."""
