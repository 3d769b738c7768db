"""Places: the meaning of a fact's references, and the page to read about each.

Law: it reads tables. A reference is a kind and a name (`rule M100`, `row 12`, `decision D18`), or a
dotted name of this package (`prgcore.product.users.assign`). A dotted name is imported to check
that it exists. Links are relative to docs/reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from types import ModuleType
from typing import TypeAlias

from prgcore.errors import BadInput, unknown_name
from prgcore.tables.actions import ACTIONS
from prgcore.tables.clients import CONDITIONS, COUNTERS, HIGH_AVAILABILITY
from prgcore.tables.columns import DERIVED, GROUP_COLUMNS, NODE_COLUMNS
from prgcore.tables.configuration import RULES
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.events import EVENTS
from prgcore.tables.machine import TABLE
from prgcore.tables.parameters import PARAMETERS
from prgcore.tables.policies import POLICIES
from prgcore.tables.restrictions import RESTRICTIONS
from prgcore.tables.sanity import SANITY
from prgcore.tables.services import CRITICAL_SERVICES
from prgcore.tables.situations import SITUATIONS
from prgcore.tables.timers import TIMERS
from prgcore.vocabulary import Reason, State
from prgcore.wire.links import where
from writer.contradictions import CONTRADICTIONS

Places: TypeAlias = Mapping[str, Mapping[str, str]]
"""The page for each kind and name."""


def places(obligations: Iterable[str] = ()) -> Places:
    """Every name that a fact may refer to; the prover provides the ids of obligations."""
    rules = [rule for _, rows in TABLE.phases for rule in rows]
    own: dict[str, Iterable[str]] = {
        "action": [a.name for a in ACTIONS],
        "column": [c.name for c in (*NODE_COLUMNS, *GROUP_COLUMNS, *DERIVED)],
        "contradiction": [c.id for c in CONTRADICTIONS],
        "decision": [d.id for d in DECISIONS],
        "event": [e.name for e in EVENTS],
        "obligation": obligations,
        "policy": [p.name for p in POLICIES],
        "reason": Reason,
        "restriction": [r.id for r in RESTRICTIONS],
        "row": [s.row for s in SITUATIONS],
        "rule": [r.id for r in rules],
        "state": State,
    }
    return {
        **{kind: {str(n): where(kind, n) for n in names} for kind, names in own.items()},
        "condition": _all((c.setting for c in (*CONDITIONS, HIGH_AVAILABILITY)),
                          "connections.md#conditions"),
        "configuration": _all((r.id for r in RULES), "configuration.md#rules"),
        "counter": _all((c.name for c in COUNTERS), "connections.md#counters"),
        "parameter": _all((p.name for p in PARAMETERS), "parameters.md#service-parameters"),
        "sanity": _all((s.id for s in SANITY), "parameters.md#what-they-must-mean-together"),
        "service": _all((s.name for s in CRITICAL_SERVICES), "services.md#critical-services"),
        "timer": _all((t.event for t in TIMERS), "parameters.md#timers"),
    }


def _all(names: Iterable[str], where: str) -> dict[str, str]:
    return {str(name): where for name in names}


def place(reference: str, known: Places) -> str:
    """The target of a reference: a link relative to docs/reference.

    Raises:
        BadInput: the kind, the name or the dotted name does not exist.
    """
    kind, _, name = reference.partition(" ")
    if not name:
        return f"../../{_source(reference)}"
    if kind not in known:
        raise BadInput(unknown_name("kind of reference", kind, known))
    if name not in known[kind]:
        raise BadInput(unknown_name(kind, name, known[kind]))
    return known[kind][name]


def _source(dotted: str) -> str:
    """The file of something in this package: `prgcore.product.users.assign` is in prgcore/product/users.py."""
    parts = dotted.split(".")
    if parts[0] != "prgcore":
        raise BadInput(f"{dotted!r:.80} is not a reference: expected a kind and a name, as "
                       "`rule M100`, or a dotted name that begins with prgcore")
    module, inside = _module(parts)
    found: object = module
    for name in inside:
        if not hasattr(found, name):
            raise BadInput(unknown_name(f"name in {module.__name__}", name, dir(found)))
        found = getattr(found, name)
    file = "/__init__.py" if hasattr(module, "__path__") else ".py"
    return module.__name__.replace(".", "/") + file


def _module(parts: list[str]) -> tuple[ModuleType, list[str]]:
    """The module of a dotted name, and what is left to look up in it."""
    for length in range(len(parts), 1, -1):
        try:
            return import_module(".".join(parts[:length])), parts[length:]
        except ModuleNotFoundError:
            continue
    return import_module(parts[0]), parts[1:]
