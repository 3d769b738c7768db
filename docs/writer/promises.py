"""The reference pages of the promises and their proofs: invariants, guards, obligations.

Law: pure, from tables and the results of a run of the prover to Markdown. It prints no times, so a
page is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import frozen

from prgcore.model import Adversary, Cube, Rule, Table, Values
from prgcore.wire.links import anchor, called, cited, to
from prgcore.wire.markdown import bullets, code, entry, fact, page, sentence, table
from writer.golden import cells, makes


@frozen
class Proved:
    """One obligation as the prover discharged it: words and figures, no seconds."""

    id: str
    title: str
    verdict: str
    method: str
    assumptions: Values
    detail: Mapping[str, Any]
    model: str = "P"


SEE = {
    "C1": "[situations](situations.md)", "C2": "[defects](defects.md)",
    "C3": "[holes](holes.md)", "C4": "[rules](rules.md)", "C5": "[stories](stories.md)",
    "F4": "[rules](rules.md)", "F10": "[adversary](adversary.md)", "L2": "[diagrams](diagrams.md)",
}
"""The pages that explain some obligations."""


def promised(source: Table, rule: Rule) -> Values:
    """The guard checks about a rule, and C4 where it prints a row."""
    ids = [a.id for a in source.accepted_only if a.command == rule.event]
    ids += [x.id for x in source.exclusive if rule.event in x.commands]
    ids += [
        o.id for o in source.only_by for e in rule.then
        if _column(e.target) == _column(o.column) and o.value in makes(e)
    ]
    ids += ["C4"] if any(c.startswith("table2:") for c in rule.cite) else []
    return tuple(sorted(dict.fromkeys(ids), key=_order))


def _column(name: str) -> str:
    return name.rpartition(".")[2]


def _order(id_: str) -> tuple[str, int, str]:
    return id_[:1], len(id_), id_


def conjunction(cube: Cube) -> str:
    """The cells of a cube as code."""
    return ", ".join(code(c) for c in cells(cube))


def invariants_page(source: Table) -> str:
    """Every promise of the table: never, accepted only, exclusive, only by."""
    plain = [i.id for i in source.invariants]
    guards: dict[str, list[str]] = {}
    for id_, line in sorted(_guards(source), key=lambda g: _order(g[0])):
        guards.setdefault(id_, []).append(line)
    return page(
        "Invariants",
        "The promises of the machine as cells: pairs that never occur, and where a command is "
        "accepted. S: a promise. X: an auxiliary invariant; it is "
        "true of every reachable pair and makes the set inductive. They are written from `me`, "
        "and each holds in both seats. `both.` is a cell of each node. Every rule keeps every one "
        "of them.",
        "## Never\n",
        *(
            entry(
                anchor("invariant", i.id), f"{i.id} {i.says}", sentence(i.why),
                bullets(
                    *(f"never {conjunction(c)}" for c in i.never), *guards.get(i.id, ()),
                    f"**Proof**: {to('obligation', i.id)}.",
                ), depth=3,
            ) for i in source.invariants
        ),
        "## Guards of commands, timers and completions\n",
        *(
            entry(
                anchor("invariant", id_), id_,
                bullets(*lines, f"**Proof**: {to('obligation', id_)}."), depth=3,
            ) for id_, lines in guards.items() if id_ not in plain
        ),
    )


def _guards(source: Table) -> Iterator[tuple[str, str]]:
    for a in source.accepted_only:
        yield a.id, (
            f"{called('event', a.command)}: {a.says}. Accepted {'exactly' if a.exactly else 'only'} "
            "where " + " or ".join(map(conjunction, a.when)))
    for x in source.exclusive:
        yield x.id, (
            f"{', '.join(called('event', c) for c in x.commands)}: {x.says}. None where "
            + " or ".join(map(conjunction, x.never_in)))
    for o in source.only_by:
        events = ", ".join(called("event", e) for e in o.events)
        yield o.id, f"{code(f'{o.column} = {o.value}')}: {o.says}. Events: {events}" + "".join(
            f"; {code(event)} only where {conjunction(where)}" for event, where in o.when)


def adversary_page(source: Table) -> str:
    """Every event but the commands: where it must be possible, where it may be, and why."""
    entries: dict[str, list[Adversary]] = {}
    for one in source.adversary:
        entries.setdefault(one.event, []).append(one)
    alive = "".join(
        f" Node {code(d.decider)} decides only where {conjunction(d.when)}." for d in source.decides
    )
    return page(
        "Adversary",
        "The strength of the environment that everything is proved against: for each event except "
        "commands, where it must be possible and where it may be. The lines come from the "
        "document and from decisions. The events page has where each event *is* possible "
        f"([events](events.md)). {to('obligation', 'F10')} proves that the two agree as sets of "
        "pairs, without a solver. A weaker environment would make every promise easier."
        f"{alive} The lines are written from `me`, and each holds in both seats.",
        *(
            entry(
                anchor("strength", event), code(event), sentence(many[0].why),
                bullets(
                    *(line for one in many for line in _strength(one)),
                    fact("Source", ", ".join(
                        [*map(cited, many[0].cite), *(to("decision", d) for d in many[0].decisions)])),
                    f"**Rules**: {to('event', event, 'where it is possible, and who answers')}.",
                ),
            ) for event, many in entries.items()
        ),
    )


def _strength(one: Adversary) -> Iterator[str]:
    """Where an event must and may be possible, one line for each cube."""
    under = "".join(f"with {code(f'{name} = {choice}')}: " for name, choice in one.only)
    yield from (f"{under}must be possible where {conjunction(c)}" for c in one.must)
    yield from (f"{under}may be possible where {conjunction(c)}" for c in one.may)
    if not one.may:
        yield f"{under}may be possible nowhere else"


def obligations_page(
    proved: Iterable[Proved], source: Table, supports: Mapping[str, tuple[Values, Values, Values]],
) -> str:
    """The page of obligations: sentence, method and result of each, and what its proof needs."""
    rows = list(proved)
    known = {
        *(i.id for i in source.invariants), *(a.id for a in source.accepted_only),
        *(x.id for x in source.exclusive), *(o.id for o in source.only_by),
    }
    assumptions = tuple(dict.fromkeys(a for p in rows for a in p.assumptions))
    return page(
        "Obligations",
        "Every sentence that `prgcore prove` proves about the machine under its default policies, "
        "and how. "
        f"{_models(rows)} "
        "*Table*: decided from the rules alone. *Induction*: proved for every pair, reachable or "
        "not, that satisfies the invariants. An induction about time holds for every value of the "
        "parameters and every observation. *Search*: checked in every reachable pair. The other "
        "half is [what is not proved](../not-proved.md).",
        "## Obligations\n",
        table(("id", "what is proved, and what was found", "how"), (
            (f'<a id="{anchor("obligation", p.id)}"></a>{p.id}', _sentence(p, known),
             p.method if p.verdict == "proved" else p.verdict) for p in rows
        )),
        "## What each proof needs\n",
        "Without any one of the invariants and cells of a row its induction fails: none is spare. "
        "Others might do as well. *Of the world* are cells that say where an event is "
        "possible; they are given for node 1. A proof by table or by search needs no invariant. "
        "`prgcore prove --why ID` prints a row.\n",
        table(("id", "assumptions", "invariants", "which need", "of the world"), (
            _support(p, supports.get(p.id, ((), (), ()))) for p in rows if p.verdict == "proved"
        )),
        "## Assumptions\n\n" + bullets(*(
            f"{a}. For {_which(p.id for p in rows if a in p.assumptions)}." for a in assumptions
        )) + "\n",
    )


def _support(p: Proved, support: tuple[Values, Values, Values]) -> Values:
    """A row of the table of supports."""
    invariants, closure, world = support
    named = ", ".join(a.partition(":")[0] for a in p.assumptions)
    more = ", ".join(i for i in closure if i not in invariants)
    return (p.id, named, ", ".join(invariants), more, "<br>".join(map(code, world)))


def _sentence(p: Proved, known: Iterable[str]) -> str:
    """The sentence of an obligation; below it the figures of its proof and a link."""
    more = "; ".join(filter(None, (found(p.detail), _see(p.id, known))))
    return f"{p.title}<br><small>{more}</small>" if more else p.title


def _see(id_: str, known: Iterable[str]) -> str:
    if id_ in known:
        return to("invariant", id_, "cells")
    return "[timers](../timers.md)" if id_.startswith("T") else SEE.get(id_, "")


def found(detail: Mapping[str, Any]) -> str:
    """The figures of a proof in one line."""
    return "; ".join(
        f"{name} {', '.join(map(str, v)) if isinstance(v, list | tuple) else v}"
        for name, v in detail.items() if v not in ([], (), "")
    )


def _models(rows: Iterable[Proved]) -> str:
    """The obligations of each model."""
    by_model: dict[str, list[str]] = {}
    for p in rows:
        by_model.setdefault(p.model, []).append(p.id)
    return " ".join(f"Model {model}: {_which(ids)}." for model, ids in by_model.items())


def _which(ids: Iterable[str]) -> str:
    """Ids as runs: `F1 to F7, S1`."""
    runs: list[list[str]] = []
    for id_ in ids:
        if runs and _follows(runs[-1][-1], id_):
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return ", ".join(r[0] if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs)


def _follows(one: str, other: str) -> bool:
    return one[:1] == other[:1] and int(one[1:]) + 1 == int(other[1:])
