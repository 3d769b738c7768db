"""The reference pages of the words: states, reasons, columns, actions, policies.

Law: pure, from tables to Markdown; no search, no page written by hand. Callers hand in what
needs a search or a graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from prgcore.model import (
    ActionKind,
    Derivation,
    Display,
    Duty,
    Model,
    Policy,
    Rule,
    Table,
    Values,
)
from prgcore.vocabulary import Reason, State, title
from prgcore.wire.links import all_to, anchor, to, worded
from prgcore.wire.markdown import (
    bullets,
    code,
    codes,
    entry,
    fact,
    page,
    sentence,
    table,
)
from writer.golden import ALL, makes, phased
from writer.promises import conjunction

Move = tuple[str, str, str]
"""A state, the next one, and the id of a rule that leads from the one to the other."""


def states_page(
    model: Model, meanings: Mapping[State, str], roles: Mapping[str, str],
    shown: Iterable[tuple[str, str]], moves: Iterable[Move],
) -> str:
    """Every state: what it means, where it is shown, and what leads in and out.

    `roles` says what a state is to an operator; `shown` are the reachable combinations of state
    and reason.
    """
    reachable, steps = list(shown), sorted(set(moves))
    transient = {v for cell in model.transient for v in cell.values}
    return page(
        "States",
        "Every state: its meaning, its reasons, and the ways in and out. "
        "The columns are `node1.state` and `node2.state`. "
        "The pictures: [states of a node](diagrams.md#states).",
        *(
            entry(
                anchor("state", s), title(s),
                f"{code(s)}: {sentence(meanings[s])}",
                f"It is {'transient' if s in transient else 'stable'}. Drawn as: {roles[s]}.",
                bullets(
                    fact("Reasons", ", ".join(
                        worded("reason", r) for state, r in sorted(reachable) if state == s)),
                    fact("Rows of Table 2", all_to("row", (
                        x.row for x in model.situations if s in _states(x.display)))),
                    *(f"**From** {way}." for way in _ways((a, r) for a, b, r in steps if b == s)),
                    *(f"**To** {way}." for way in _ways((b, r) for a, b, r in steps if a == s)),
                ),
            ) for s in State
        ),
    )


def _states(shown: Display) -> Values:
    return tuple(half.state for half in shown if half)


def _ways(ends: Iterable[tuple[str, str]]) -> list[str]:
    """States at the other end, those with the same rules in one line."""
    rules: dict[str, list[str]] = {}
    for state, rule in ends:
        rules.setdefault(state, []).append(rule)
    states: dict[Values, list[str]] = {}
    for state in (s for s in State if s in rules):
        states.setdefault(tuple(rules[state]), []).append(state)
    return [
        f"{', '.join(worded('state', s) for s in many)} by {all_to('rule', ids)}"
        for ids, many in states.items()
    ]


def reasons_page(
    source: Table, meanings: Mapping[Reason, str], shown: Iterable[tuple[str, str]]
) -> str:
    """Every reason: what it means, beside which states it is shown, which rules print it."""
    reachable = list(shown)
    return page(
        "Reasons",
        "Every reason: its meaning, the states beside which it is shown, and the rules that print "
        "it. "
        "The columns are `node1.reason` and `node2.reason`.",
        *(
            entry(
                anchor("reason", r), title(r) or "(blank)",
                f"{code(r)}: {sentence(meanings[r])}",
                bullets(
                    fact("Beside", ", ".join(
                        worded("state", s) for s in State if (s, r) in reachable)),
                    fact("Rows of Table 2", all_to("row", (
                        x.row for x in source.situations if r in _reasons(x.display)))),
                    fact("Printed by", all_to("rule", sorted(
                        rule.id for _, rule in phased(source) if _sets(rule, "reason", r)))),
                ),
            ) for r in Reason
        ),
    )


def _reasons(shown: Display) -> list[str]:
    return [str(half.reason) for half in shown if half]


def _sets(rule: Rule, column: str, value: str) -> bool:
    return any(e.target.rpartition(".")[2] == column and value in makes(e) for e in rule.then)


def columns_page(source: Table) -> str:
    """Every column: its values, who knows it, and which rules read or change it."""
    stored = (*source.node_columns, *source.group_columns)
    return page(
        "Columns",
        "Every column of a pair: its values, who knows it, and which rules read or change it. "
        "A pair holds a node's column twice, as `node1.` and `node2.`. Rules write `me.` and "
        "`peer.` instead. A derived column is computed from stored ones, and no rule can set it.",
        "## Stored\n",
        *(
            entry(
                anchor("column", c.name), code(c.name), sentence(c.says),
                bullets(
                    fact("Values", _domain(c.domain)), fact("Known to", _KNOWN[c.observed_by]),
                    *_used(source, c.name),
                ), depth=3,
            ) for c in stored
        ),
        "## Derived\n",
        *(
            entry(
                anchor("column", name), code(name),
                *(part for d in derived for part in _derived(d)),
                bullets(*_used(source, name)), depth=3,
            )
            for name, derived in groupby(source.derivations, lambda d: d.name)
        ),
    )


def _derived(d: Derivation) -> tuple[str, ...]:
    return (
        sentence(d.says),
        fact("Only under", codes(f"{name} = {choice}" for name, choice in d.only)),
        table((d.name, "where"), [
            *((code(value), codes(f"{c.column} = {' | '.join(c.values)}" for c in cube))
              for cube, value in d.rows),
            (code(d.otherwise), "otherwise"),
        ]).rstrip(),
        f"The first line that holds counts. Computed from {codes(d.sources)}.",
    )


_KNOWN = {
    "record": "both nodes, from the record", "me": "the node itself",
    "environment": "nobody: it belongs to the outside world",
}


def _domain(values: Values) -> str:
    return {
        "every state": "every [state](states.md)", "every reason": "every [reason](reasons.md)",
    }.get(ALL.get(values, ""), codes(values))


def _used(source: Table, name: str) -> tuple[str, str]:
    """The rules whose cells or maps read a column, and those that change it."""
    reads, sets = [], []
    for _, rule in phased(source):
        asked = {c.column for c in rule.when} | {
            c for e in rule.then for c in (getattr(e.value, "column", ""),)}
        if name in {a.rpartition(".")[2] for a in asked}:
            reads.append(rule.id)
        if name in {e.target.rpartition(".")[2] for e in rule.then}:
            sets.append(rule.id)
    return (
        fact("Read by", all_to("rule", sorted(reads))),
        fact("Changed by", all_to("rule", sorted(sets))),
    )


def actions_page(source: Table, actions: Sequence[ActionKind]) -> str:
    """Every action: what is asked, what must be true when it is done, and which rules ask for it."""
    return page(
        "Actions",
        "Every action that the machine asks of the outside world: what must be true when it is "
        "done, and which rules ask for it. Each action can be repeated without harm. The actions "
        "of one decision are carried out in their order, after the record is written.",
        *(
            entry(
                anchor("action", a.name), code(a.name), sentence(a.says),
                bullets(
                    fact("Duty", a.duty),
                    *(f"{d.id}: {_duty(d)}" for d in source.duties if a.name in _asks(d)),
                    fact("Asked for by", all_to("rule", sorted(
                        r.id for _, r in phased(source) if a.name in [x.do for x in r.actions]))),
                ),
            ) for a in sorted(actions, key=lambda a: a.name)
        ),
    )


def _asks(duty: Duty) -> Values:
    return tuple(action.do for action in duty.asks)


def _duty(duty: Duty) -> str:
    """A duty in a line: what it says, from where to where, and after what."""
    where = f"from {conjunction(duty.before)} to {conjunction(duty.after)}"
    if duty.events:
        where = f"a step of {codes(duty.events)}"
    after = f"; after {codes(map(str, duty.follows))}" if duty.follows else ""
    return f"{duty.says} ({where}{after}): {duty.why}"


def policies_page(source: Table, policies: Sequence[Policy]) -> str:
    """Every policy: its choices, and the rules that only one of them has."""
    return page(
        "Policies",
        "The questions that have two useful answers, and the rules that each answer brings. "
        'Choose with `prg(reconnection="keep_serving")` in Python, or with '
        "`--policy reconnection=keep_serving` on the command line. Every promise is proved under "
        "every choice.",
        *(
            entry(
                anchor("policy", p.name), code(p.name), sentence(p.says),
                bullets(
                    fact("Choices, the default first", codes(p.choices)),
                    fact("Decision", to("decision", p.decision)),
                    *(fact(f"Rules of {code(choice)} alone", all_to("rule", sorted(
                        r.id for _, r in phased(source) if (p.name, choice) in r.only)))
                      for choice in p.choices),
                ),
            ) for p in policies
        ),
    )
