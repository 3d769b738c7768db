"""`step` and `simulate`: one event, a stream of events, a story."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, output, subject
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput, ImpossibleEvent, NotTotal, OutsideInvariant, PrgError
from prgcore.explain.names import UNNAMED
from prgcore.vocabulary import Outcome
from prgcore.wire.answers import decision_json, error_json
from prgcore.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prgcore.engine import Decision, Pair
    from prgcore.form.spelling import Spelling
    from prgcore.machine import Machine

ANSWERED = (ImpossibleEvent, NotTotal, OutsideInvariant)
"""Errors that are answers about the pair, not about the form of the question."""

Words = Annotated[
    list[str] | None,
    Argument(metavar="[PAIR] EVENT", show_default=False,
                   help="PAIR EVENT or EVENT; nothing or - reads JSON Lines."),
]
Strict = Annotated[bool, Option("--strict", help="Also exit with 1 for a refused command.")]


def register(app: Group) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples(
        'prgcore step "failover(node1)" --node1 normal --node2 normal',
        'prgcore step status.txt "utils ha failover imp1"',
        """echo '{"pair": {...}, "event": "recover"}' | prgcore step""",
    ))(step)
    app.command(epilog=examples(
        "printf 'start normal\\nfailover(node1)\\n' | prgcore simulate -",
    ))(simulate)


def step(
    words: Words = None, *,
    node1: subject.Node1 = None, node2: subject.Node2 = None, sets: subject.Sets = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    strict: Strict = False, as_json: inputs.Json = False,
) -> None:
    """Print the machine's decision on an event.

    PAIR EVENT, in any order, asks about one pair. EVENT alone asks about the initial pair, or about the display
    given. Without both, it reads JSON Lines from standard input and writes one decision per line,
    in order. A bad line is answered with an error object, and the exit code is 1.
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
        raise Exit(_stream(inputs.load_machine(machine, policy), strict=strict))
    *texts, event = words
    if texts and subject.is_source(event) and not subject.is_source(texts[0]):
        texts, event = [event], texts[0]
    asked = subject.question(
        file=machine, policy=policy, text=texts[0] if texts else None,
        node1=node1, node2=node2, sets=sets,
    )
    from prgcore.form.spelling import Spelling

    event = asked.names.event(asked.machine, event)
    spelling = Spelling.of(asked.machine.model)
    name = spelling.name(event)
    named, pair = asked.named, subject.one_pair(asked)
    try:
        decision = asked.machine.step(pair, event)
    except ANSWERED as error:
        if not as_json:
            with inputs.naming(asked.names):
                raise
        output.write_json(error_json(error))
        raise Exit(1) from None
    if as_json:
        output.write_json(decision_json(decision))
    else:
        lines = list(_rendered(decision, pair, spelling))
        page = output.table("", "")
        page.show_header = False
        for label, said in lines:
            page.add_row(f"  {label}", named(said))
        rule = f" by {decision.rule.row or decision.rule.id}" if decision.rule else ""
        output.show(f"{named(name)}: {decision.outcome}{rule}", page)
    raise Exit(int(strict and decision.outcome is Outcome.REFUSED))


def _rendered(decision: Decision, before: Pair, spelling: Spelling) -> Iterator[tuple[str, str]]:
    """Yield the lines of a decision: a label and a text each."""
    from prgcore.story.script import changes

    rule = decision.rule
    changed = changes(before, decision.pair, spelling)
    asked = [spelling.name(a.do) for a in decision.actions]
    if why := spelling.prose(decision.why):
        yield "why", why
    if rule and (rule.cite or rule.decisions):
        yield "source", f"{', '.join((*rule.cite, *rule.decisions))} ({rule.evidence})"
    for change in changed:
        yield "changes", change
    for number, (action, do) in enumerate(zip(decision.actions, asked, strict=True), 1):
        where = f" on {action.node}" if action.node else ""
        yield f"do {number}", f"{do.replace('_', ' ')}{where}"


# -------------------------------------------------------------------------- streams


def _stream(machine: Machine, *, strict: bool) -> int:
    """Answer every request line with one decision line; return 1 if any line was bad, else 0."""
    code = 0
    for number, line in inputs.lines(inputs.standard_input()):
        try:
            decision = _answer(machine, line, f"line {number}")
        except PrgError as error:
            output.write_json(error_json(error), line=True)
            code = 1
        else:
            output.write_json(decision_json(decision), line=True)
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
    pair, event = request["pair"], request["event"]
    if not isinstance(pair, dict):
        raise BadInput(f"{name}: the pair is {inputs.json_kind(pair)}; expected an object")
    if not isinstance(event, str):
        raise BadInput(f"{name}: the event is {inputs.json_kind(event)}; expected a string")
    try:
        return machine.step(pair, event)
    except BadInput as error:
        raise BadInput(f"{name}: {error}") from None
    except RecursionError:
        raise BadInput(f"{name} is nested too deeply to be read") from None


# -------------------------------------------------------------------------- stories


def simulate(
    file: Annotated[
        str, Argument(metavar="FILE", show_default=False, help="A story, or -."),
    ], *,
    itf: Annotated[
        Path | None,
        Option("--itf", metavar="FILE",
               help="Write its trace in the Informal Trace Format, as Quint does."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Run a story and print each step; exit with 1 if it fails.

    A line is one of these: an event; refused, ignored or impossible and an event;
    expect COLUMN = VALUE; expect node1 STATE / REASON; start normal; policy
    NAME=CHOICE; # and a comment. Without --machine and --policy the story's own
    policies hold. A story that begins with network ARBITER is one of two nodes with
    messages in flight.
    """
    from prgcore.cli.runs import network_run
    from prgcore.machine import prg
    from prgcore.network.story import tell
    from prgcore.story import script as story

    if file == machine == "-":
        raise BadInput("standard input cannot be both the machine and the story")
    given = inputs.read_text(file)
    if (ran := network_run(machine, policy, given)) is not None:
        inputs.refuse_beside("a story of a network", {"--itf": itf})
        output.write_json(ran.to_json()) if as_json else output.write(tell(ran))
        raise Exit(0 if ran.ok else 1)
    chosen, names = inputs.named_machine(machine, policy) if machine is not None or policy \
        else (None, UNNAMED)
    text = story.parse(given, chosen, names=names)
    run = story.run(chosen or prg(**text.policy), text)
    if itf is not None:
        from prgcore.story import itf as traces

        output.writable(itf)
        output.write_file(itf, json.dumps(traces.of_run(run), indent=1, ensure_ascii=False) + "\n")
        if idle := sum(s.kind is not None and not traces.shown(s) for s in run.steps):
            changes = "changes nothing and is" if idle == 1 else "change nothing and are"
            output.remark(f"{counted(idle, 'step')} {changes} not in the trace")
    if as_json:
        output.write_json(run.to_json())
    else:
        output.write(story.tell(run, names=names))
    raise Exit(0 if run.ok else 1)
