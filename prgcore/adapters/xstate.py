"""A machine as the configuration of an XState machine, version 5, for JavaScript.

Law: data only, no rule of its own. There is one region for each chosen column, and one for the
whole pair. They run in parallel, so an event moves them in one step. A transition names its rule.
The guard and effects are in the machine file in `meta`; `xstate.js` beside this module reads them.
A rule that leaves a column as it is takes no transition in its region, so a delayed transition of
your own goes on there: the machine's timers count what is observed, and no rule restarts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from prgcore.adapters.foreign import STATES, check_columns, trigger
from prgcore.diagram.graph import word
from prgcore.diagram.states import Reader
from prgcore.diagram.xstate import key, plays
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.model import Rule, Values
from prgcore.wire import digest, dump

__all__ = ["NEEDED", "PAIR", "config", "player"]

PAIR = "pair"
"""The region with one state, whose transitions carry effects and actions for the pair."""

DECIDE = "decide"
"""The action that applies the effects of a rule to the pair."""

NEEDED = ("columns", "events", "possible", "rules")
"""The keys of a machine file that a step reads; `digest` identifies the machine."""


def config(
    engine: Engine, columns: Values = STATES, pair: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The argument of `createMachine`, as JSON; `player()` has the guards and actions for it.

    `context.pair` is the pair. A region has the name of its column as an identifier
    (`node1_state`), and an event its own name (`failover(node1)`). A state has its value as its
    key; a value with a dot, `#` or a backslash is `escaped`, and `meta.value` has it. A guard is
    `{"type": "applies", "params": {"rule": ID}}`. The first action, `decide`, applies the effects
    of the rule to the pair. The others are the actions of the rule, with the node as a parameter.

    Args:
        engine: the machine.
        columns: stored columns, each a region.
        pair: the pair in which it begins; the first initial pair if not given.

    Raises:
        BadInput: no such column, not a pair of this machine, two regions with the same name, or
            an event that means others to XState, such as `*`, or an action called `decide`.
    """
    check_columns(engine, columns)
    taken = [e.name for e in engine.model.events if not plays(e.name)]
    if taken:
        raise BadInput(f"XState takes {', '.join(map(repr, taken))} for other events than this; "
                       "rename the event")
    if any(a.do == DECIDE for rule in engine.model.rules for a in rule.actions):
        raise BadInput(f"an action of this machine is called {DECIDE}, as the one that moves the "
                       "pair; rename it")
    regions = {trigger(c) or word(c): c for c in columns}
    if len(regions) < len(columns) or PAIR in regions:
        raise BadInput(f"two regions of this machine have the same name: {', '.join(columns)} and "
                       f"{PAIR}; choose other columns=")
    at = engine.initial[0] if pair is None else engine.pair(pair)
    reader, file = Reader(engine.model), dump(engine.model)
    kept: dict[str, list[dict[str, Any]]] = {}
    for rule in engine.model.rules:
        kept.setdefault(rule.event, []).append({**_guard(rule), "actions": _actions(rule)})
    return {
        "id": word(engine.model.name),
        "description": engine.model.name,
        "type": "parallel",
        "context": {"pair": dict(at)},
        "meta": {"digest": digest(engine.model), "machine": {name: file[name] for name in NEEDED}},
        "states": {
            PAIR: {"initial": "kept", "states": {"kept": {"on": kept}}},
            **{name: _region(reader, engine, column, at[column])
               for name, column in regions.items()},
        },
    }


def player() -> str:
    """The text of `xstate.js`, an ES module: `play(config)` is an XState machine."""
    return (files("prgcore.adapters") / "xstate.js").read_text(encoding="utf-8")


def _region(reader: Reader, engine: Engine, column: str, at: str) -> dict[str, Any]:
    states: dict[str, dict[str, Any]] = {
        key(v): {"meta": {"value": v}} if key(v) != v else {} for v in reader.columns[column].domain
    }
    for rule in engine.model.rules:
        for source, target in sorted(reader.moves(rule, column)):
            on = states[key(source)].setdefault("on", {}).setdefault(rule.event, [])
            on.append({"target": key(target), **_guard(rule, **{column: target})})
    return {"initial": key(at), "states": states}


def _guard(rule: Rule, **makes: str) -> dict[str, Any]:
    return {"guard": {"type": "applies", "params": {
        "rule": rule.id, **({"makes": makes} if makes else {}),
    }}}


def _actions(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"type": DECIDE, "params": {"rule": rule.id}},
        *({"type": a.do, "params": {"node": a.node}} for a in rule.actions),
    ]
