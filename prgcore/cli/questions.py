"""The questions of an operator: `explain`, `available`, `why-not`, `plan`."""

from __future__ import annotations

from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Annotated, Any

from attrs import evolve

from prgcore.cli import inputs, output, subject
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.answers import decision_json, failed_json
from prgcore.words import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from prgcore.engine import Pair
    from prgcore.explain.answer import Explanation
    from prgcore.explain.names import Names
    from prgcore.machine import Machine
    from prgcore.model import Choices, Display

REMEMBERED = 1_000
"""The most displays whose explanations are kept while several files are answered."""


def register(app: Group) -> None:
    """Add the commands of this module."""
    app.command(epilog=examples(
        'prgcore explain --node1 "failed over / initialization" \\',
        '    --node2 "running in backup mode / peer down" --set node1.services=up',
        "pbpaste | prgcore explain -          the answer of utils ha status",
        "prgcore explain site*.txt            several files, one after another",
    ))(explain)
    app.command(epilog=examples(
        "prgcore available status.txt",
        "prgcore available --node1 normal --node2 normal",
    ))(available)
    app.command("why-not", epilog=examples(
        'prgcore why-not "fallback(imp1)" status.txt',
        'prgcore why-not "failover(node1)" --node1 idle --node2 "backup mode"',
    ))(why_not)
    app.command(epilog=examples(
        "prgcore plan status.txt",
        'prgcore plan --node1 "running in failed mode" \\',
        '    --node2 "running in failed mode"',
    ))(plan)


def explain(
    texts: Annotated[
        list[str] | None,
        Argument(metavar="[PAIR|FILE|-]...", show_default=False,
                       help="A pair as a JSON object, or a file (- is standard input) with a pair "
                            "or with the text of utils ha status (default: the initial pair). "
                            "Several are answered one after another."),
    ] = None, *,
    file: Annotated[
        str | None,
        Option("--file", metavar="FILE", help="The same as naming the file."),
    ] = None,
    node1: subject.Node1 = None, node2: subject.Node2 = None, sets: subject.Sets = None,
    parameters: Annotated[
        list[str] | None,
        Option("--parameter", metavar="NAME=VALUE",
               help="A service parameter, by which users can be served twice. Repeatable."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    exact: Annotated[
        bool, Option("--exact", help="For a machine of your own, search which pairs of a "
                                           "display are reachable, and what two nodes without "
                                           "one record can show."),
    ] = False,
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Also the way home, what it assumes, and what is "
                                             "refused and why."),
    ] = False,
    strict: Annotated[
        bool, Option("--strict", help="Exit code 1 also if a group is not home: both nodes "
                                      "Normal."),
    ] = False,
    as_json: inputs.Json = False,
) -> None:
    """Explain a pair of states, and say what to do now.

    It says what happened, what to do, and which buttons are on offer. With
    --verbose it adds the way home, and what each command would do or why it is
    refused. Two states and reasons stand for every pair that shows them: the
    answer names the hidden columns that matter, and --set narrows it. You may
    paste the output of utils ha status, of one group or several, with text
    around it. Exit codes: 0 every group is explained, be it well or ill; 1 one
    is not explained, or with --strict is not home; 2 no status can be read.
    """
    if file is not None:
        inputs.refuse_beside("--file", {"PAIR": texts})
        texts = [file]
    if machine == "-" and "-" in (texts or ()):
        raise BadInput("standard input cannot be both the machine and the pair; "
                       "give one of them as a file")
    given = inputs.assignments(parameters, "--parameter")
    explained = lru_cache(REMEMBERED)(partial(_of_display, exact=exact, parameters=given))
    loaded = cache(partial(inputs.named_machine, machine, policy))

    def answer(text: str | None) -> tuple[int, Any]:
        said = None if text is None else subject.read_given(text)
        if said is not None and not subject.is_json(said):
            inputs.refuse_beside("a status text", {"--node1": node1, "--node2": node2})
            return _of_status(said, *loaded(), sets, explained, as_json=as_json,
                              verbose=verbose, strict=strict)
        asked = subject.question(
            text=said, node1=node1, node2=node2, sets=sets, file=machine, policy=policy)
        found = _explanation(asked, exact=exact, parameters=given)
        names = asked.names.node1, asked.names.node2
        told = found.to_json() if as_json else found.text(
            names, asked.names.group, verbose=verbose)
        return int(found.pair is None or (strict and not found.home)), told

    if texts is None or len(texts) == 1:
        code, said = answer(texts[0] if texts else None)
        (output.write_json if as_json else output.write)(said)
        raise Exit(code)
    if machine == "-":
        raise BadInput("the machine of several files is read from a file, not from standard input")
    from prgcore.cli.several import each

    loaded()
    inputs.assignments(sets, "--set")
    raise Exit(each(texts, answer, as_json=as_json))


def _of_status(
    text: str, engine: Machine, names: Names, sets: list[str] | None,
    explained: Callable[[Machine, Display, Choices], Explanation], *, as_json: bool,
    verbose: bool, strict: bool,
) -> tuple[int, Any]:
    """The exit code and the answer to a status text, as text or as a value for JSON."""
    from prgcore.cli.status import explain_status
    from prgcore.explain.display import shows_states
    from prgcore.form.spelling import Spelling

    said = inputs.assignments(sets, "--set")
    if not shows_states(engine):
        raise BadInput(f"the machine {engine.model.name!r} has states of its own, and a status text "
                       "has those of the document; give a pair as JSON: prgcore ha status --json "
                       "writes one, and --set adds what no node knows")

    def known_of(groups: Sequence[Names]) -> list[dict[str, str]]:
        return subject.cells_of_each(engine, said, "--set", [group.over(names) for group in groups])

    return explain_status(
        text, partial(explained, engine), known_of, as_json=as_json, verbose=verbose,
        strict=strict, spelling=Spelling.of(engine.model), situations=engine.model.situations)


def _of_display(
    engine: Machine, shown: Display, known: Choices, *, exact: bool, parameters: Mapping[str, str],
) -> Explanation:
    asked = subject.Question(engine, None, shown, dict(known))
    return _explanation(asked, exact=exact, parameters=parameters)


def _explanation(
    asked: subject.Question, *, exact: bool, parameters: Mapping[str, str],
) -> Explanation:
    """The explanation of a pair or a display, with how long users can be served twice."""
    found = _explained(asked, exact=exact)
    if found.came is None and not parameters:
        return found
    from prgcore.timers.arbiters import Delays
    from prgcore.timers.parameters import parameters_of

    numbers = parameters_of(asked.machine.model).parse(parameters)
    return found if found.came is None else evolve(found, came=evolve(
        found.came, begins=Delays().soonest(numbers), until=numbers.keep_alive_interval))


def _explained(asked: subject.Question, *, exact: bool) -> Explanation:
    from prgcore.explain.explaining import explain as explain_pair
    from prgcore.explain.explaining import explain_display

    if exact and asked.shown is None:
        raise BadInput("--exact is about a display; give --node1 and --node2")
    if asked.pair is not None:
        return explain_pair(asked.machine, asked.pair)
    assert asked.shown is not None, "BUG: a question has a pair or a display"
    if not exact or asked.machine.atlas is not None:
        return explain_display(asked.machine, *asked.shown, asked.known)
    from prgcore.network.splits import splits

    return explain_display(asked.machine, *asked.shown, asked.known, _reachable(asked.machine),
                           splits(asked.machine))


def _reachable(machine: Machine) -> Callable[[Pair], bool]:
    """A test whether a pair can be reached, from a search of all pairs.

    Raises:
        MissingExtra: numpy is not installed.
    """
    from prgcore.cli.proofs import needed

    with needed("--exact"):
        from prgcore.prove.space import search
    space = search(machine.model)
    return lambda pair: space.find(dict(pair)) is not None


@subject.asking
def available(*, asked: subject.Question, as_json: inputs.Json = False) -> None:
    """List the commands that are accepted, and why others are not."""
    here = subject.one_pair(asked)
    with inputs.naming(asked.names):
        answers = [
            asked.machine.step(here, e.name)
            for e in asked.machine.model.events if e.kind is Kind.COMMAND
        ]
    accepted = [a for a in answers if a.outcome is Outcome.DONE]
    refused = [a for a in answers if a.outcome is Outcome.REFUSED]
    if as_json:
        output.write_json({
            "available": [a.event for a in accepted],
            "refused": {a.event: failed_json(a.failed) for a in refused},
        })
        return
    from prgcore.explain.wording import needed
    from prgcore.form.spelling import Spelling

    spelling = Spelling.of(asked.machine.model)
    said = asked.named
    table = output.table("command", "answer", "why")
    for answer in accepted:
        table.add_row(said(spelling.name(answer.event)), "accepted", said(spelling.prose(answer.why)))
    for answer in refused:
        why = needed(answer.failed, spelling) or spelling.prose(answer.why)
        table.add_row(said(spelling.name(answer.event)), "refused", said(why))
    output.show(*output.shown(asked.machine, here, asked.names), table)


@subject.asking
def why_not(
    command: Annotated[
        str, Argument(metavar="COMMAND", show_default=False,
                      help="A command, such as fallback(imp1) or 'utils ha fallback imp1'."),
    ], *,
    asked: subject.Question, as_json: inputs.Json = False,
) -> None:
    """Say why a command is refused, and what enables it soonest."""
    from prgcore.explain.explaining import why_not as why_refused

    command = asked.names.event(asked.machine, command, Kind.COMMAND)
    here = subject.one_pair(asked)
    with inputs.naming(asked.names):
        answer = why_refused(asked.machine, here, command)
    if as_json:
        output.write_json(answer.to_json())
    else:
        output.write(answer.text(asked.names))


@subject.asking
def plan(
    *, asked: subject.Question,
    goal: Annotated[
        list[str] | None,
        Option("--goal", metavar="COLUMN=VALUE",
               help="A value that a column must have (default: the machine's goal). Repeatable."),
    ] = None,
    as_json: inputs.Json = False,
) -> None:
    """Find the shortest way home, or to another goal.

    A plan has repairs and commands, with timers and completions between them;
    never a fault.
    """
    from prgcore.form.spelling import Spelling
    from prgcore.story.script import changes

    wanted = asked.names.cells(asked.machine, inputs.assignments(goal, "--goal"), "--goal")
    if not wanted and not asked.machine.model.goal:
        raise BadInput("this machine has no goal of its own; say which with --goal COLUMN=VALUE")
    here = subject.one_pair(asked)
    with inputs.naming(asked.names):
        way = asked.machine.plan(here, wanted or None)
    if as_json:
        output.write_json({
            "start": dict(way.start), "plan": list(way.events),
            "steps": [{"event": s.event} | decision_json(s) for s in way.steps],
            "end": dict(way.end),
        })
        return
    spelling, named = Spelling.of(asked.machine.model), asked.named
    table = output.table("", "event", "kind", "what changes")
    before = way.start
    for number, step in enumerate(way.steps, 1):
        kind = str(asked.machine.kind(step.event))
        table.add_row(str(number), named(spelling.name(step.event)), kind,
                      named("\n".join(changes(before, step.pair, spelling))))
        before = step.pair
    steps = len(way.steps)
    said = f"{counted(steps, 'step')} to the goal" if steps else "The goal holds."
    output.show(*output.shown(asked.machine, way.start, asked.names), said, *([table] if steps else []))
