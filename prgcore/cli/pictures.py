"""`diagram`: the machine as a picture: a node, pairs, the way of a story, a map."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from attrs import frozen

from prgcore.cli import drawing, inputs, output
from prgcore.errors import BadInput, MissingExtra, unknown_name
from prgcore.vocabulary import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from prgcore.diagram import Drawn, Graph
    from prgcore.engine import Pair
    from prgcore.machine import Machine
    from prgcore.prove.space import Space

_FILTERS = ("--phase", "--kind", "--event")
_LOOKS = ("--legend", "--links")
VIEWS: Mapping[str, tuple[str, ...]] = {
    "node": (*_FILTERS, *_LOOKS, "--column"),
    "pair": (*_FILTERS, *_LOOKS, "--by"),
    "around": (*_LOOKS, "WHAT", "--kind", "--radius", "--node1", "--node2", "--set"),
    "path": (*_LOOKS, "WHAT", "--counterexample"),
    "sequence": ("WHAT", "--counterexample"),
    "matrix": ("--rows", "--columns"),
}
"""What can be drawn, and the options that each view has."""

LARGEST_RADIUS = 50

Made: TypeAlias = "tuple[Drawn, Iterator[str]]"
"""What a view draws, and the options of narrower views that fit where it is too large."""


@frozen
class Asked:
    """What is drawn of which machine; an option that was not given has its usual value.

    Attributes:
        source: of the machine: its file and its policies, as they were given.
        shown: what `--node1`, `--node2` and `--set` say of a pair.
    """

    source: tuple[str | None, list[str] | None]
    what: str | None
    phase: str | None
    kinds: tuple[Kind, ...]
    events: tuple[str, ...]
    by: str
    radius: int
    column: str
    axes: tuple[str, str]
    counterexample: str | None
    shown: Mapping[str, Any]

    def machine(self) -> Machine:
        """The machine; a file is read when it is asked for."""
        return inputs.load_machine(*self.source)


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command(epilog=inputs.example(
        "prgcore diagram node --phase manual -o manual.svg",
        "prgcore diagram pair --by situation --kind command",
        "prgcore diagram around normal --kind command --radius 2 -o around.png",
        "prgcore diagram sequence story.txt -o story.html",
        "prgcore diagram path --counterexample S2 --machine mine.json",
    ))(diagram)


def diagram(
    view: Annotated[
        str,
        typer.Argument(metavar="VIEW", help="node, pair, around, path, sequence or matrix."),
    ] = "node",
    what: Annotated[
        str | None,
        typer.Argument(metavar="WHAT", show_default=False,
                       help="Of around: a pair (JSON, a file, -, or a start such as normal). Of "
                            "path and sequence: a story (a file, -, or its id), or the JSON of "
                            "prgcore prove."),
    ] = None, *,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="FORMAT",
                     help="mermaid (the default of node), text (that of the others), dot, "
                          "plantuml, markdown, csv, scxml, xstate, svg, png, html."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE",
                     help="Write a file; without --format its name says which."),
    ] = None,
    phase: Annotated[
        str | None, typer.Option("--phase", metavar="PHASE", help="Only the rules of a phase."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option("--kind", metavar="KIND",
                     help="Only command, fault, repair, timer or completion. Repeatable."),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option("--event", metavar="EVENT",
                     help="Only this event, of both seats if it names none. Repeatable."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="BY", help="Classes of pair: role (the default), situation, "
                                                "or columns joined by commas."),
    ] = None,
    radius: Annotated[
        int | None, typer.Option("--radius", metavar="N", help="Steps of around (default: 1)."),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option("--column", metavar="COLUMN", help="Values of node (default: node1.state)."),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option("--rows", metavar="COLUMN", help="Of matrix (default: node1.state)."),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option("--columns", metavar="COLUMN", help="Of matrix (default: node2.state)."),
    ] = None,
    counterexample: Annotated[
        str | None,
        typer.Option("--counterexample", metavar="ID", help="Prove this, and draw what refutes it."),
    ] = None,
    node1: inputs.Node1 = None, node2: inputs.Node2 = None, sets: inputs.Sets = None,
    legend: Annotated[
        bool | None,
        typer.Option("--legend/--no-legend", help="Explain colours and shapes.",
                     show_default=False),
    ] = None,
    links: Annotated[
        str | None,
        typer.Option("--links", metavar="URL",
                     help="Where the reference is (default: reference/; '' for no links)."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """A picture of the machine.

    node: the states of a node. pair: classes of all reachable pairs. around: the
    pairs within some steps of one. path and sequence: the way of a story or of a
    counterexample. matrix: which states go together.

    svg, png and html of a graph need Graphviz. --json prints the drawing as data.
    """
    if view not in VIEWS:
        raise BadInput(unknown_name("view", view, VIEWS))
    given = {
        "WHAT": what, "--phase": phase, "--kind": kind, "--event": event, "--by": by,
        "--radius": radius, "--column": column, "--rows": rows, "--columns": columns,
        "--counterexample": counterexample, "--node1": node1, "--node2": node2, "--set": sets,
        "--legend": None if legend is None else "given", "--links": links,
    }
    inputs.refuse_beside(
        f"the view {view}", {n: v for n, v in given.items() if n not in VIEWS[view]})
    if as_json:
        inputs.refuse_beside("--json", {"--format": form, "--output": file})
    make, usual = MAKERS[view]
    form = drawing.chosen(_shape(view), form, file, usual)
    drawn, narrower = make(Asked(
        (machine, policy), what, phase, _kinds(kind), tuple(event or ()),
        "role" if by is None else by, 1 if radius is None else radius,
        "node1.state" if column is None else column,
        ("node1.state" if rows is None else rows, "node2.state" if columns is None else columns),
        counterexample, {"node1": node1, "node2": node2, "sets": sets},
    ))
    drawn = _dressed(drawn, legend=legend, links=links)
    if as_json:
        from attrs import asdict

        output.write_json(asdict(drawn))
    else:
        drawing.deliver(drawn, form, file, narrower)


def _shape(view: str) -> type[Drawn]:
    from prgcore.diagram import Graph, Matrix, Sequence

    shapes: dict[str, type[Drawn]] = {"sequence": Sequence, "matrix": Matrix}
    return shapes.get(view, Graph)


def _dressed(drawn: Drawn, *, legend: bool | None, links: str | None) -> Drawn:
    """A graph with or without a legend, and with its links where they were said to lead."""
    from attrs import evolve

    from prgcore.diagram import Graph

    if not isinstance(drawn, Graph):
        return drawn
    return evolve(drawn, legend=legend is not False,
                  reference=drawn.reference if links is None else links)


def _kinds(words: list[str] | None) -> tuple[Kind, ...]:
    for word in words or ():
        if word not in set(Kind):
            raise BadInput(unknown_name("kind of event", word, Kind))
    return tuple(k for k in Kind if k in (words or ()))


# ------------------------------------------------------------ a node, all pairs


def _node(asked: Asked) -> Made:
    from prgcore.diagram import graph

    machine = asked.machine()
    whole = graph(machine.model, asked.column)
    drawn = whole if asked.phase is None else graph(machine.model, asked.column, asked.phase)
    return _filtered(machine, asked, drawn), _parts(machine, asked, whole)


def _pair(asked: Asked) -> Made:
    from prgcore.diagram.graph import only

    machine = asked.machine()
    phases = {r.phase for r in machine.model.rules if r.phase}
    if asked.phase is not None and asked.phase not in phases:
        raise BadInput(unknown_name("phase", asked.phase, phases))
    _known_events(machine, asked.events)
    space = _searched(machine, "prgcore diagram pair", asked.by)
    from prgcore.prove.quotient import pairs

    whole = pairs(machine, space, asked.by)
    drawn = whole if asked.phase is None else only(whole, asked.phase, phase=asked.phase)
    return _filtered(machine, asked, drawn), _parts(machine, asked, whole)


def _searched(machine: Machine, command: str, by: str | None = None) -> Space:
    """Its reachable pairs; before the search, whether they can be classed.

    Raises:
        BadInput: they cannot.
        MissingExtra: numpy is not installed.
    """
    try:
        from prgcore.prove.quotient import check
        from prgcore.prove.space import search
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        raise MissingExtra(command, "prove") from None
    if by is not None:
        check(machine, by)
    return search(machine.model)


def _filtered(machine: Machine, asked: Asked, drawn: Graph) -> Graph:
    """The edges of the kinds and events that are asked for; all where none is."""
    from prgcore.diagram.graph import only

    _known_events(machine, asked.events)
    if asked.kinds:
        drawn = only(drawn, ", ".join(asked.kinds), _of_kinds(machine, asked.kinds))
    if asked.events:
        names = [
            e.name for e in machine.model.events
            if {e.name, e.name.partition("(")[0]} & set(asked.events)
        ]
        drawn = only(drawn, ", ".join(asked.events), names)
    return drawn


def _known_events(machine: Machine, words: tuple[str, ...]) -> None:
    known = {n for e in machine.model.events for n in (e.name, e.name.partition("(")[0])}
    for word in words:
        if word not in known:
            raise BadInput(unknown_name("event", word, known))


def _of_kinds(machine: Machine, kinds: tuple[Kind, ...]) -> list[str]:
    return [e.name for e in machine.model.events if e.kind in kinds]


def _parts(machine: Machine, asked: Asked, whole: Graph) -> Iterator[str]:
    """The kinds, phases and events of which a picture fits."""
    from prgcore.diagram.graph import fits, only

    kinds = {e.kind for e in machine.model.events}
    phases = dict.fromkeys(r.phase for r in machine.model.rules if r.phase)
    events = dict.fromkeys(e.name.partition("(")[0] for e in machine.model.events)
    parts = [
        *((f"--kind {k}", only(whole, "", _of_kinds(machine, (k,)))) for k in Kind if k in kinds),
        *((f"--phase {p}", only(whole, "", phase=p)) for p in phases),
        *((f"--event {e}", only(whole, "", [e])) for e in events),
    ]
    given = {*(f"--kind {k}" for k in asked.kinds), f"--phase {asked.phase}"}
    yield from (option for option, part in parts
                if part.edges and fits(part) and option not in given)


# -------------------------------------------------------- a pair and its like


def _around(asked: Asked) -> Made:
    from prgcore.diagram.walks import around

    if not 1 <= asked.radius <= LARGEST_RADIUS:
        raise BadInput(f"--radius is a number of steps from 1 to {LARGEST_RADIUS}, "
                       f"not {asked.radius}")
    machine, pair = _centre(asked)
    narrower = _nearer(machine, pair, asked)
    try:
        return around(machine, pair, asked.radius, asked.kinds), narrower
    except BadInput as error:
        raise BadInput(f"{error}; try {'; '.join(narrower) or 'another pair'}") from None


def _centre(asked: Asked) -> tuple[Machine, Pair]:
    """The machine and the pair: by the name of a start, or as every other question is asked."""
    if asked.what is not None and re.fullmatch(r"\w+", asked.what):
        machine = asked.machine()
        starts = {"initial": (), **dict(machine.model.starts)}
        if asked.what in starts:
            inputs.refuse_beside(f"the start {asked.what}", {
                f"--{name.removesuffix('s')}": v for name, v in asked.shown.items()})
            pair = machine.initial[0]
            for event in starts[asked.what]:
                pair = machine.step(pair, event).pair
            return machine, pair
        if not Path(asked.what).exists():
            raise BadInput(unknown_name("start or file", asked.what, starts))
    file, policy = asked.source
    question = inputs.question(text=asked.what, file=file, policy=policy, **asked.shown)
    return question.machine, inputs.one_pair(question)


def _nearer(machine: Machine, pair: Pair, asked: Asked) -> Iterator[str]:
    """The smaller radius, and the kinds of events, with which the picture fits."""
    from prgcore.diagram.graph import fits
    from prgcore.diagram.walks import around

    some = "".join(f" --kind {kind}" for kind in asked.kinds)
    near = [(f"--radius {n}{some}", n, asked.kinds) for n in range(asked.radius - 1, 0, -1)]
    kinds = [(f"--radius {asked.radius} --kind {k}", asked.radius, (k,)) for k in Kind
             if asked.kinds != (k,)]
    for options, radius, of in (*near, *kinds):
        try:
            drawn = around(machine, pair, radius, of)
        except BadInput:
            continue
        if drawn.edges and fits(drawn):
            yield options


# ------------------------------------------------------------ stories, the map


def _path(asked: Asked) -> Made:
    from prgcore.cli.runs import told
    from prgcore.diagram.walks import path

    run, title = told(*asked.source, asked.what, asked.counterexample)
    return path(run, title), iter(["the view sequence"])


def _sequence(asked: Asked) -> Made:
    from prgcore.cli.runs import told
    from prgcore.diagram.sequence import sequence

    run, title = told(*asked.source, asked.what, asked.counterexample)
    return sequence(run, title), iter(())


def _matrix(asked: Asked) -> Made:
    """The map; of a machine without an atlas the pairs are searched, where that can be done."""
    from prgcore.diagram.matrix import asked as needed
    from prgcore.diagram.matrix import matrix

    machine = asked.machine()
    names = needed(machine, *asked.axes)
    if machine.atlas is not None:
        return matrix(machine, *asked.axes), iter(())
    space = _searched(machine, "prgcore diagram matrix of a machine of your own")
    from prgcore.prove.seen import seen

    return matrix(machine, *asked.axes, seen(space, names)), iter(())


MAKERS: Mapping[str, tuple[Callable[[Asked], Made], str]] = {
    "node": (_node, "mermaid"), "pair": (_pair, "text"), "around": (_around, "text"),
    "path": (_path, "text"), "sequence": (_sequence, "text"), "matrix": (_matrix, "text"),
}
"""For every view what draws it, and the format in which it is printed if none is asked for."""
