"""A report of the prover as SARIF 2.1.0: each failure, at the line of the rule that is to blame.

Law: pure; it turns the answer of `prove --json` into text, with the help of a function that finds
lines. Every obligation is a rule of the tool; only a verdict that fails a build is a result, and
an error. The text has no time and no path of this computer: the same failure, the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote, urljoin

from attrs import evolve, frozen

from prgcore.engine import Engine
from prgcore.errors import NotTotal, PrgError
from prgcore.model import Model
from prgcore.vocabulary import Verdict
from prgcore.wire import links

__all__ = ["BASE", "FAILING", "MOST", "READING", "SCHEMA", "Locate", "Place", "sarif"]

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
BASE = "SRCROOT"
"""The base of relative paths: the root of the sources, where the prover ran."""

FAILING = (Verdict.REFUTED, Verdict.UNKNOWN, Verdict.VACUOUS, Verdict.DISAGREE)
READING = "docs/reading-a-counterexample.md"
_UNCHECKED = "vacuity"
"""The part of a detail that says: whether the promise is empty is not known, so it does not pass."""
MOST = 20
"""The most places of one failure that are listed besides the first."""

_FINGERPRINT = "prgcoreObligation/v1"
_WORD = re.compile(r"[^\s,;:\"'\[\]]+")


@frozen
class Place:
    """A line of a file.

    Attributes:
        path: with slashes; relative to `BASE`, or absolute where the file is elsewhere.
        line: from 1.
    """

    path: str
    line: int = 1


Locate: TypeAlias = Callable[[str, str], Place | None]
"""A function that finds the `rule`, `event`, `promise` or `theorem` of a name, or the `machine`."""


def sarif(
    answers: Iterable[tuple[Engine, Mapping[str, Any]]],
    locate: Locate,
    version: str,
    *,
    documented: bool = False,
    manual: str = "",
) -> str:
    """The text of a SARIF log of one run.

    Args:
        answers: machines, each with the answer of `prove --json`.
        locate: finds the line of something.
        version: the version of this program.
        documented: whether the promises of the machines are on pages of the reference.
        manual: the address of the first page of the documentation; rules lead to pages beside it.
    """
    told = tuple(answers)
    rules: dict[str, dict[str, Any]] = {}
    results = []
    for engine, answer in told:
        for one in answer["obligations"]:
            if one["verdict"] != Verdict.NOT_APPLICABLE:
                known = documented or one["id"] not in _promises(engine.model)
                known = known and locate("theorem", one["id"]) is None
                rules.setdefault(one["id"], _rule(one, manual, known=known))
            if one["verdict"] in FAILING or _UNCHECKED in one.get("detail", {}):
                results.append(_result(engine, answer.get("policy", {}), one, locate))
    order = {id_: number for number, id_ in enumerate(rules)}
    log = {
        "$schema": SCHEMA, "version": "2.1.0", "runs": [{
            "tool": {"driver": {
                "name": "prgcore", "semanticVersion": version,
                **({"informationUri": manual} if manual else {}), "rules": list(rules.values()),
            }},
            "automationDetails": {"id": f"prgcore/{told[0][0].model.name}/"} if told else {},
            "columnKind": "unicodeCodePoints",
            "results": [{**r, "ruleIndex": order[r["ruleId"]]} for r in results],
            "properties": {"machines": [answer["machine"] for _, answer in told]},
        }],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule(one: Mapping[str, Any], manual: str, *, known: bool) -> dict[str, Any]:
    """An obligation as a rule of the tool: its sentence, and the page that says more.

    Code scanning of GitHub takes no file without a full description of every rule.
    """
    page = f"docs/reference/{links.where('obligation', one['id'])}" if known else READING
    assuming = "".join(f" Assuming {assumption}." for assumption in one.get("assumptions", ()))
    title = one["title"] or one["id"]
    return {
        "id": one["id"], "shortDescription": {"text": title},
        "fullDescription": {"text": f"{title}.{assuming}"},
        **({"helpUri": urljoin(manual, page.removeprefix("docs/"))} if manual else {}),
        "help": {"text": f"{title}.{assuming} See {page} of prgcore."},
        "defaultConfiguration": {"level": "error"}, "properties": {"tags": ["proof"]},
    }


def _result(
    engine: Engine, policy: Mapping[str, str], one: Mapping[str, Any], locate: Locate
) -> dict[str, Any]:
    model = engine.model
    guilty = _guilty(model, one)
    about = [*guilty, ("theorem", one["id"]), ("promise", one["id"])]
    found = [(kind, name, place) for kind, name in about if (place := locate(kind, name))]
    kind, name = about[0] if guilty else ("obligation", one["id"])
    first, *others = [_location(model, *this) for this in found] or [
        _location(model, kind, name, locate("machine", model.name))]
    choices = " ".join(f"{name}={choice}" for name, choice in policy.items())
    head = _head(one) + f" ({choices})" * bool(choices)
    shown = one.get("counterexample") or {}
    detail = one.get("detail", {})
    unchecked = f"{_UNCHECKED} {detail[_UNCHECKED]}" if _UNCHECKED in detail else ""
    story = str(shown.get("story") or unchecked or detail.get("says", "")).rstrip()
    blamed = guilty[0][1] if guilty else ""
    result: dict[str, Any] = {
        "ruleId": one["id"], "level": "error",
        "message": {"text": f"{head}\n\n{story}" if story else head},
        "locations": [first],
        "partialFingerprints": {_FINGERPRINT: "/".join([model.name, one["id"], choices, blamed])},
        "properties": {"verdict": one["verdict"], "method": one["method"]},
    }
    if others:
        result["relatedLocations"] = [
            {"id": number, **other} for number, other in enumerate(others[:MOST], 1)]
    if steps := _steps(engine, shown):
        way = [{"location": _step(model, *step, locate)} for step in steps]
        result["codeFlows"] = [{"threadFlows": [{"locations": way}]}]
    return result


def _head(one: Mapping[str, Any]) -> str:
    """The verdict and the promise: never the id first, which readers print before it, and cut."""
    head = f"{one['verdict']}: {one['title'] or one['id']}"
    starts = (head[:1].upper() + head[1:], f"the proof: {head}")
    return next((start for start in starts if not start.startswith(one["id"])), head)


def _guilty(model: Model, one: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The subjects of a failure: its event, or the last rule, or all rules it names.

    A failure without a rule, named or fired, is about the last event.
    """
    shown = one.get("counterexample") or {}
    if event := one.get("detail", {}).get("event"):
        return [("event", event)]
    if shown.get("rule"):
        return [("rule", shown["rule"])]
    known = {name: r.id for r in reversed(model.rules) for name in (_row(r.id), r.id)}
    text = json.dumps(one.get("detail", {}), ensure_ascii=False)
    named = (known.get(word.strip("().")) for word in _WORD.findall(text))
    rules = list(dict.fromkeys(("rule", id_) for id_ in named if id_))
    return rules or ([("event", shown["event"])] if shown.get("event") else [])


def _row(id_: str) -> str:
    return id_.partition("@")[0]


def _promises(model: Model) -> set[str]:
    of = (model.invariants, model.accepted_only, model.exclusive, model.only_by)
    return {promise.id for many in of for promise in many}


# ------------------------------------------------------------------------- places


def _location(model: Model, kind: str, name: str, place: Place | None) -> dict[str, Any]:
    """A part of the machine as a location: by name and, if known, by file and line."""
    location: dict[str, Any] = {
        "logicalLocations": [
            {"name": name, "fullyQualifiedName": f"{model.name}/{name}", "kind": kind}],
        "message": {"text": f"{kind} {name}"},
    }
    if place is None:
        return location
    path = quote(place.path, errors="surrogateescape")
    artifact = {"uri": f"file://{path}"} if path.startswith("/") else {"uri": path, "uriBaseId": BASE}
    region = {"startLine": place.line}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}, **location}


def _step(
    model: Model, event: str, rule: str, otherwise: str, locate: Locate
) -> dict[str, Any]:
    kind, name = ("rule", rule) if rule else ("event", event)
    text = {"text": f"{event}: {rule or otherwise}"}
    return {**_location(model, kind, name, locate(kind, name)), "message": text}


def _steps(engine: Engine, shown: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Events of a counterexample, each with the rule that answers, or else with the outcome.

    Empty if the counterexample cannot be replayed.
    """
    events = shown.get("trace") or [e for e in [shown.get("event")] if e]
    trusting = Engine(evolve(engine.model, invariants=()))
    starts = trusting.initial if shown.get("reachable") else [shown.get("before", {})]
    for start in starts:
        steps = list(_walk(trusting, start, events))
        if len(steps) == len(events) and (not steps or dict(steps[-1][3]) == shown["after"]):
            return [(event, rule, otherwise) for event, rule, otherwise, _ in steps]
    return []


def _walk(
    engine: Engine, pair: Mapping[str, str], events: Iterable[str]
) -> Iterator[tuple[str, str, str, Mapping[str, str]]]:
    for event in events:
        try:
            decision = engine.step(pair, event)
        except PrgError as error:
            if error.code == NotTotal.code:
                yield event, "", "no rule answers, or more than one", pair
            return
        pair = decision.pair
        yield event, decision.rule.id if decision.rule else "", decision.outcome.value, pair
