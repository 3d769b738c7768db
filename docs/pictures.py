# ruff: noqa: INP001
"""The pictures of the documentation: which there are, and the page that shows them.

Law: nothing here decides how anything looks. What is laid out by Graphviz is committed as its
text, and shown as Mermaid where no Graphviz is; what is laid out by us is committed as SVG.
The site draws the pictures of stories itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve

from prgcore.diagram import Graph, graph, render
from prgcore.diagram.matrix import matrix
from prgcore.diagram.palette import Role
from prgcore.diagram.sequence import REMARK, Message, Note, Sequence, ends, sequence
from prgcore.machine import prg
from prgcore.model import Values
from prgcore.prove.quotient import pairs
from prgcore.prove.seen import moves
from prgcore.prove.space import Space
from prgcore.story.script import as_story, run
from prgcore.tables.machine import TABLE
from prgcore.wire.links import to
from prgcore.wire.markdown import entry
from prgcore.wire.markdown import page as as_page

FAILOVER = ("power_off(node1)", "heartbeat_lost(node2)", "takeover_done(node2)")
"""From the start `normal`: the failover that a newcomer sees first."""
PHASES = tuple(phase for phase, _ in TABLE.phases)


def graphs(space: Space) -> dict[str, Graph]:
    """What Graphviz lays out, by name."""
    model = prg().model
    seen = moves(space, "node1.state")
    drawn = {f"node-{phase}": graph(model, "node1.state", phase, seen) for phase in PHASES}
    drawn["pair-roles"] = pairs(prg(), space)
    return {name: evolve(one, reference="./") for name, one in drawn.items()}


def pictures(laid_out: Mapping[str, Graph]) -> dict[str, str]:
    """Every committed picture: the name of its file, and its text."""
    return {
        **{f"{name}.dot": render(one, "dot") for name, one in laid_out.items()},
        "matrix.svg": render(matrix(prg()), "svg"),
        "failover.svg": render(failover(), "svg"),
    }


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
    used = {name for item in items for name in ends(item)}
    return evolve(drawn, items=tuple(items), lives=tuple(x for x in drawn.lives if x.id in used))


def _brief(drawn: Sequence) -> Iterator[Message | Note]:
    """States that are new, events without their seat and rule, what is asked of somebody else."""
    shown: dict[Values, Note] = {}
    for item in drawn.items:
        if isinstance(item, Message):
            if item.kind != "action":
                yield evolve(item, source=item.target, text=item.text.partition("(")[0])
            elif item.source != item.target:
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
        entry("states", "The states of a node", "A picture for every phase of a node's life. An "
              "edge carries the events that lead along it and the rules that answer. Every state "
              f"with all its ways in and out: {to('state', 'normal', 'states')}."),
        *(
            entry(phase, phase.title(), _shown(
                laid_out, f"node-{phase}", "The states of a node, and what leads from one to "
                f"another in the {phase} phase"), depth=3)
            for phase in PHASES
        ),
        entry("pair", "The pair by role", "Both nodes at once. A node of the picture "
              "stands for every reachable pair in which the two have these roles.",
              _shown(laid_out, "pair-roles", "Pairs by the roles of both nodes, and what leads "
                     "from one to another")),
        entry("matrix", "The map of the pair", "Node 1 downwards, node 2 across. A square says "
              "which rows of Table 2 are there, which [hole](holes.md) of the document, or "
              "which [invariant](invariants.md) forbids it.",
              "![The map of the pair: for every two states the rows of Table 2 that list them, "
              "or why they are impossible](../pictures/matrix.svg)"),
    )


def _shown(laid_out: Mapping[str, Graph], name: str, says: str) -> str:
    """A graph as Mermaid, with the name of what the site lays out instead."""
    text = render(laid_out[name], "mermaid")
    return f"<!-- dot: ../pictures/{name}.dot | {says} -->\n```mermaid\n{text}```"
