"""What changed between two machines, as one graph: their graphs laid over each other, with marks.

Law: drawn is what `states.graph` draws of each; a change that moves nothing marks the edges of
its rule all the same. Knows no format.
"""

from __future__ import annotations

from collections.abc import Container

from attrs import evolve

from prgcore.diagram.graph import Edge, Graph, Label, Node
from prgcore.diagram.states import graph
from prgcore.model import Model


def changed(
    old: Model, new: Model, ids: Container[str], column: str = "node1.state", *,
    whole: bool = False,
) -> Graph:
    """The values of a column in both machines; edges that only one has are marked.

    A label that only the new machine has begins with `+`, one that only the old one has with
    `-`, one whose rule changed with `~`.

    Args:
        ids: the rules that differ, as `prgcore.export.changes` names them.
        whole: what did not change is drawn as well; else only the nodes that touch a change.

    Raises:
        BadInput: one of the machines has no such stored column.
    """
    before, after = graph(old, column), graph(new, column)
    touched = {id_.partition("@")[0] for r in (*old.rules, *new.rules) if (id_ := r.id) in ids}
    ours, theirs = ({(e.source, e.target): e for e in g.edges} for g in (before, after))
    edges = [_edge(ours.get(ends), theirs.get(ends), touched) for ends in {**theirs, **ours}]
    kept = tuple(e for e in edges if whole or e.mark)
    ends = {name for e in kept for name in (e.source, e.target)}
    nodes = tuple(n for n in _nodes(before, after) if whole or n.id in ends)
    order = {n.id: i for i, n in enumerate(nodes)}
    return evolve(
        after, title=f"{new.name}: {column}, what changed", nodes=nodes,
        initial=tuple(n for n in dict.fromkeys((*after.initial, *before.initial)) if n in order),
        edges=tuple(sorted(kept, key=lambda e: (order[e.source], order[e.target]))),
    )


def _nodes(before: Graph, after: Graph) -> tuple[Node, ...]:
    """The nodes of both, in the order of the new one; values that only one has are marked."""
    ours, theirs = ({n.id for n in g.nodes} for g in (before, after))
    return (
        *(n if n.id in ours or n.covers else evolve(n, mark="added") for n in after.nodes),
        *(n if n.covers else evolve(n, mark="removed") for n in before.nodes
          if n.id not in theirs),
    )


def _edge(old: Edge | None, new: Edge | None, touched: Container[str]) -> Edge:
    """An edge of either with the labels of both, each with what became of it."""
    ours, theirs = (
        {(label.event, label.rule): label for label in (edge.labels if edge else ())}
        for edge in (old, new)
    )
    labels: list[Label] = []
    signs = []
    for key, label in sorted({**ours, **theirs}.items()):
        sign = "+" if key not in ours else "-" if key not in theirs else \
            "~" if label.rule in touched else ""
        signs.append(sign)
        labels.append(evolve(label, event=f"{sign} {label.event}") if sign else label)
    mark = "added" if old is None else "removed" if new is None else "changed" if any(signs) else ""
    edge = new or old
    assert edge is not None, "BUG: an edge of neither machine"
    return evolve(edge, labels=tuple(labels), mark=mark)
