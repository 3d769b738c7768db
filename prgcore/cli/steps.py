"""`step` and `simulate`: one event, a stream of events, a story."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prgcore.cli import inputs, output
from prgcore.errors import BadInput, ImpossibleEvent, NotTotal, OutsideInvariant, PrgError
from prgcore.vocabulary import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prgcore.engine import Decision
    from prgcore.machine import Machine

ANSWERED = (ImpossibleEvent, NotTotal, OutsideInvariant)
"""Errors that are answers about the pair, not about how the question was put."""

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PAIR] [EVENT]", show_default=False,
                   help="PAIR EVENT or EVENT; nothing or - reads JSON Lines."),
]
Strict = Annotated[bool, typer.Option("--strict", help="A refused command exits 1 as well.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(step)
    app.command()(simulate)


def step(
    words: Words = None, *,
    node1: inputs.Node1 = None, node2: inputs.Node2 = None, sets: inputs.Sets = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """What the machine decides when an event arrives in a pair.

    With PAIR and EVENT (or EVENT at the initial pair) it answers once, in words.
    Without, it reads JSON Lines and writes one decision a line, in order; a bad
    line becomes an error object on its own line, and the exit code is 1.

    Example: echo '{"pair": {...}, "event": "recover"}' | prgcore step
    """
    words = words or ["-"]
    if len(words) > 2:
        raise BadInput(f"too many words ({len(words)}); expected PAIR EVENT, and only one event")
    if words == ["-"]:
        if node1 is not None or node2 is not None or sets:
            raise BadInput("--node1, --node2 and --set describe one pair; add an EVENT, or put "
                           "the pairs into the lines")
        if machine == "-":
            raise BadInput("standard input cannot be both the machine and the events")
        raise typer.Exit(_stream(inputs.load_machine(machine, policy), strict=strict))
    *texts, event = words
    asked = inputs.question(machine, policy, texts[0] if texts else None, node1, node2, sets)
    asked.machine.kind(event)
    pair = inputs.one_pair(asked)
    try:
        decision = asked.machine.step(pair, event)
    except ANSWERED as error:
        if not as_json:
            raise
        output.write_json(_error(error))
        raise typer.Exit(1) from None
    if as_json:
        output.write_json(output.decision_json(decision))
    else:
        output.write("\n".join(_told(decision, pair)))
    raise typer.Exit(int(strict and decision.outcome is Outcome.REFUSED))


def _told(decision: Decision, before: Any) -> Iterator[str]:
    """A decision in words, a line each."""
    rule = decision.rule
    yield f"{decision.event}: {decision.outcome}" + (f" by {rule.id}" if rule else "")
    if decision.why:
        yield f"  why       {decision.why}"
    if rule:
        sources = ", ".join((*rule.cite, *rule.decisions))
        if sources:
            yield f"  source    {sources} ({rule.evidence})"
    for change in output.changes(before, decision.pair):
        yield f"  changes   {change}"
    for number, action in enumerate(decision.actions, 1):
        where = f" on {action.node}" if action.node else ""
        yield f"  do {number:<6} {action.do.replace('_', ' ')}{where}"


# -------------------------------------------------------------------------- streams


def _stream(machine: Machine, *, strict: bool) -> int:
    """One decision a line for one request a line; 1 if any line was bad."""
    code = 0
    for number, line in inputs.lines(inputs.standard_input()):
        try:
            decision = _answer(machine, line, f"line {number}")
        except (PrgError, RecursionError) as error:
            output.write_json(_error(error), line=True)
            code = 1
        else:
            output.write_json(output.decision_json(decision), line=True)
            if strict and decision.outcome is Outcome.REFUSED:
                code = 1
        sys.stdout.flush()
    return code


def _answer(machine: Machine, line: bytes | None, name: str) -> Decision:
    if line is None:
        raise BadInput(f"{name} is longer than {inputs.LINE_LIMIT} bytes, the most that is read")
    request = inputs.parse_json(inputs.decode(line, name), name)
    if not isinstance(request, dict):
        raise BadInput(f"{name} is {inputs.json_kind(request)}; expected an object with "
                       "the keys pair and event")
    if set(request) != {"pair", "event"}:
        keys = ", ".join(sorted(json.dumps(key[:40]) for key in request)[:6]) or "none"
        raise BadInput(f"{name}: expected the keys pair and event, found {keys}")
    try:
        return machine.step(request["pair"], request["event"])
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None


def _error(error: Exception) -> dict[str, str]:
    return {
        "error": getattr(error, "code", "bad_input"),
        "message": inputs.one_line(str(error)),
    }


# -------------------------------------------------------------------------- stories


def simulate(
    file: Annotated[
        str, typer.Argument(metavar="FILE", show_default=False, help="A story, or -."),
    ], *,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Run a story: events and expectations, one a line. Exit 1 if one is not met.

    Lines: an event; `refused EVENT`; `expect COLUMN = VALUE`; `expect node1 STATE /
    REASON`; `start normal`; # and a comment.

    Example: printf 'start normal' 'failover(node1)' | prgcore simulate -
    """
    from prgcore import story

    if file == machine == "-":
        raise BadInput("standard input cannot be both the machine and the story")
    engine = inputs.load_machine(machine, policy)
    run = story.run(engine, story.parse(inputs.read_text(file)))
    raise NotImplementedError
