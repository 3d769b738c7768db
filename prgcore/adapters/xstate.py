"""A machine as the configuration of an XState machine, version 5, that JavaScript can play.

Law: data only, no rule of its own. One region for each chosen column and one for the whole pair
run in parallel, so an event moves them in one step. A transition names its rule; guard and
effect of that rule are read from the machine file in `meta`, by `xstate.js` beside this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from prgcore.adapters.foreign import STATES, check_columns, trigger
from prgcore.diagram.states import Reader
from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.model import Rule, Values
from prgcore.wire import digest, dump

__all__ = ["NEEDED", "PAIR", "config", "player"]

PAIR = "pair"
"""The region whose one state keeps the pair: its transitions carry effects and actions."""

NEEDED = ("columns", "events", "possible", "rules")
"""What a step reads of a machine file; `digest` says of which machine it is."""


def config(
    engine: Engine, columns: Values = STATES, pair: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `createMachine` takes, as JSON; `player()` has the guards and actions for it.

    `context.pair` is the pair. A region is called by its column as an identifier (`node1_state`), an
    event by its own name (`failover(node1)`). A guard is `{"type": "applies", "params":
    {"rule": ID}}`; of the actions the first, `decide`, makes the pair what the rule makes of it,
    the others are the rule's, with the node as a parameter.

    Args:
        engine: the machine.
        columns: stored columns, each a region.
        pair: where it begins; the first initial pair if not given.

    Raises:
        BadInput: no such column, not a pair of this machine, or two regions of one name.
    """
    check_columns(engine, columns)
    regions = {trigger(c): c for c in columns}
    if len(regions) < len(columns) or PAIR in regions:
        raise BadInput(f"two regions of this machine have one name: {', '.join(columns)} and "
                       f"{PAIR}; choose other columns=")
    at = engine.initial[0] if pair is None else engine.pair(pair)
    reader, file = Reader(engine.model), dump(engine.model)
    kept: dict[str, list[dict[str, Any]]] = {}
    for rule in engine.model.rules:
        kept.setdefault(rule.event, []).append({**_guard(rule), "actions": _actions(rule)})
    return {
        "id": engine.model.name,
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
    states: dict[str, dict[str, Any]] = {v: {} for v in reader.columns[column].domain}
    for rule in engine.model.rules:
        for source, target in sorted(reader.moves(rule, column)):
            on = states[source].setdefault("on", {}).setdefault(rule.event, [])
            on.append({"target": target, **_guard(rule, **{column: target})})
    return {"initial": at, "states": states}


def _guard(rule: Rule, **makes: str) -> dict[str, Any]:
    return {"guard": {"type": "applies", "params": {
        "rule": rule.id, **({"makes": makes} if makes else {}),
    }}}


def _actions(rule: Rule) -> list[dict[str, Any]]:
    return [
        {"type": "decide", "params": {"rule": rule.id}},
        *({"type": a.do, "params": {"node": a.node}} for a in rule.actions),
    ]
