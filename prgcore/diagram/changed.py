"""The changes between two machines as one graph: both graphs laid over each other, with marks.

Law: compare first, value by value and rule by rule, and gather afterwards. A node that stands for
many is a shorthand for changes, and never a change itself. A change that moves no edge still
marks the edges of its rule. Knows no format.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from attrs import evolve

from prgcore.diagram.graph import Edge, Graph, Label, Node, gathered, identifier, in_order
from prgcore.diagram.states import graph
from prgcore.model import Model

__all__ = ["changed"]

_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def changed(
    old: Model, new: Model, ids: Container[str], column: str = "node1.state", *,
    whole: bool = False,
) -> Graph:
    """The values of a column in both machines; edges that only one has are marked.

    A label that only the new machine has begins with `+`. One that only the old machine has begins
    with `-`, and one whose rule changed with `~`.

    Args:
        ids: the rules that differ, as `prgcore.wire.changes` names them.
        whole: draw unchanged parts as well; by default only the nodes that touch a change.

    Raises:
        BadInput: one of the machines has no such stored column.
    """
    before, after = graph(old, column).spread, graph(new, column).spread
    touched = {(r.event, r.id.partition("@")[0]) for r in (*old.rules, *new.rules) if r.id in ids}
    ours, theirs = ({(e.source, e.target): e for e in g.edges} for g in (before, after))
    laid = _gathered(evolve(
        after, title=f"{new.name}: {column}, what changed, by guards alone",
        nodes=_nodes(before, after, old, new, column),
        edges=tuple(_edge(ours.get(ends), theirs.get(ends), touched)
                    for ends in {**theirs, **ours}),
    ))
    kept = tuple(e for e in laid.edges if whole or e.mark)
    ends = {name for e in kept for name in (e.source, e.target)}
    nodes = tuple(n for n in laid.nodes if n.id in ends)
    order = {n.id: i for i, n in enumerate(nodes)}
    return evolve(
        laid, nodes=nodes,
        initial=tuple(n for n in dict.fromkeys((*after.initial, *before.initial)) if n in order),
        edges=tuple(sorted(kept, key=lambda e: (order[e.source], order[e.target], e.mark))),
    )


def _nodes(
    before: Graph, after: Graph, old: Model, new: Model, column: str
) -> tuple[Node, ...]:
    """The nodes of both, in the order of the new one; values that only one has are marked."""
    ours, theirs = (
        {identifier(v) for c in m.columns if c.name == column for v in c.domain} for m in (old, new)
    )
    drawn = {n.id: n for n in (*before.nodes, *after.nodes)}
    order = dict.fromkeys(n.id for n in (*after.nodes, *before.nodes))
    return tuple(
        evolve(drawn[id_], mark="added" if id_ not in ours else "removed" if id_ not in theirs
               else "") for id_ in order
    )


def _edge(old: Edge | None, new: Edge | None, touched: Container[tuple[str, str]]) -> Edge:
    """An edge of either graph with the labels of both, each with the sign of its change."""
    ours, theirs = (
        {(label.event, label.rule): label for label in (edge.labels if edge else ())}
        for edge in (old, new)
    )
    labels: list[Label] = []
    for key, label in sorted({**ours, **theirs}.items()):
        mark = "added" if key not in ours else "removed" if key not in theirs else \
            "changed" if key in touched else ""
        labels.append(evolve(label, event=f"{_SIGNS[mark]} {label.event}") if mark else label)
    edge = new or old
    assert edge is not None, "BUG: an edge of neither machine"
    mark = "added" if old is None else "removed" if new is None else "changed"
    return evolve(edge, labels=tuple(labels), mark=mark if _signed(labels) else "")


def _signed(labels: Iterable[Label]) -> bool:
    return any(label.event.startswith(tuple(f"{sign} " for sign in _SIGNS.values()))
               for label in labels)


def _gathered(laid: Graph) -> Graph:
    """The graph gathered for the eye: edges with different marks are never merged."""
    nodes: dict[str, Node] = {}
    labels: dict[tuple[str, str, str], set[Label]] = {}
    for mark in ("", *_SIGNS):
        part = gathered(evolve(laid, edges=tuple(e for e in laid.edges if e.mark == mark)))
        nodes |= {n.id: n for n in part.nodes}
        for edge in part.edges:
            key = edge.source, edge.target, mark if _signed(edge.labels) else ""
            labels.setdefault(key, set()).update(edge.labels)
    return evolve(laid, nodes=tuple(nodes.values()), edges=tuple(
        Edge(source, target, tuple(sorted(why, key=in_order)), mark=mark)
        for (source, target, mark), why in labels.items()))
