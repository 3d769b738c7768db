"""Stories to draw: from a file, the tables, a report of the prover, or the prover itself.

Law: the interpreter replays every story; the result is a run, of a pair or of a network.
"""

from __future__ import annotations

import re
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prgcore.cli import inputs, output, subject
from prgcore.cli.proofs import needed
from prgcore.errors import BadInput, unknown_name
from prgcore.explain.names import UNNAMED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from prgcore.machine import Machine
    from prgcore.network.story import Run as NetworkRun
    from prgcore.story.script import Run


_TOLD = re.compile(
    r"\s{0,3}(\d+) {2}(\S.*?)(?:\s+(?:command|fault|repair|timer|completion)(?:, \S.*)?)?\s*$")
"""A line as `prgcore prove` and `prgcore simulate` print it: number, text, kind and rule."""


def run_of(
    file: str | None, policy: list[str] | None, what: str | None, counterexample: str | None
) -> tuple[Run | NetworkRun, str]:
    """A run, and a title for its picture. A story that begins with `network` is one of a network.

    Args:
        file: the machine file, from `--machine`. Without it and `policy`, the policies that
            a story names choose its machine.
        policy: the policies, from `--policy`.
        what: the file of a story, its id in the machine (`M7`, `table2-3`), `-`, or a report
            of `prgcore prove`, as text or JSON.
        counterexample: the id of an obligation to prove instead.

    Raises:
        BadInput: neither or both are given, there is no story, or nothing is refuted.
    """
    if (what is None) == (counterexample is None):
        raise BadInput("say of which story: a file, -, an id of the machine's own, the JSON of "
                       "prgcore prove, or --counterexample ID")
    if counterexample is not None:
        return _proved(inputs.load_machine(file, policy), counterexample)
    assert what is not None, "BUG: neither a story nor a counterexample"
    if what == file == "-":
        raise BadInput("standard input cannot be both the machine and the story")
    machine = None
    if re.fullmatch(r"\w[\w-]{,79}", what):
        machine = inputs.load_machine(file, policy)
        named = _named(machine)
        if what in named:
            from prgcore.story.script import run

            title, story = named[what]
            return run(machine, story()), f"{machine.model.name}: {title}"
        if file == "-" or not Path(what).exists():
            raise BadInput(unknown_name("story", what, named) + " (or give a file)")
    text = what if subject.is_json(what) else inputs.read_text(what)
    if subject.is_json(text):
        return _reported(machine or inputs.load_machine(file, policy), text)
    return _run(file, policy, text)


def _named(machine: Machine) -> Mapping[str, tuple[str, Callable[[], str]]]:
    """The stories of a machine, by id, each with its title: its own, and its causes.

    Each story is made on demand, because some causes of a broken machine cannot be replayed.
    """
    from prgcore.story.script import as_story, write

    return {
        **{s.id: (s.title, partial(write, s)) for s in machine.model.stories},
        **{f"table2-{cause.id}": (
            f"Table 2, row {situation.row}: {cause.says}",
            partial(as_story, machine, cause.events, cause.start),
        ) for situation in machine.model.situations for cause in situation.causes},
    }


def first(text: str) -> str:
    """The first story in a text of the prover or of `simulate`; other text unchanged."""
    told = [found for line in text.splitlines() if (found := _TOLD.match(line))]
    begins = [i for i, found in enumerate(told) if found[1] == "1"]
    if len(begins) > 1:
        output.remark(f"the text has {len(begins)} stories; taken: the first")
        told = told[: begins[1]]
    return "\n".join(found[2] for found in told) or text


def network_run(file: str | None, policy: list[str] | None, text: str) -> NetworkRun | None:
    """The run of a text that is a story of a network; None if it is not.

    Raises:
        BadInput: it has a mistake, or is about a machine with other policies.
    """
    from prgcore.network.story import is_story, parse, replay

    if not is_story(text):
        return None
    script = parse(text)
    machine = inputs.load_machine(file, policy or [f"{n}={c}" for n, c in script.policy.items()])
    other = {*script.policy.items()} - {*machine.model.policy}
    if other:
        said = ", ".join(f"{name}={choice}" for name, choice in sorted(other))
        raise BadInput(f"the story is about a machine with {said}, and this one has not")
    return replay(machine, parse(text, machine))


def _run(file: str | None, policy: list[str] | None, text: str) -> tuple[Run | NetworkRun, str]:
    from prgcore.machine import prg
    from prgcore.story import script as story

    if (ran := network_run(file, policy, text)) is not None:
        name = ran.network.engine.model.name
        return ran, f"{name}: {_title(text)}" if _title(text) else ""
    chosen, names = inputs.named_machine(file, policy) if file is not None or policy \
        else (None, UNNAMED)
    script = story.parse(first(text), chosen, names=names)
    machine = chosen or prg(**script.policy)
    title = _title(text)
    return story.run(machine, script), f"{machine.model.name}: {title}" if title else ""


def _title(text: str) -> str:
    """The first comment before the first line."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    comments = takewhile(lambda line: line.startswith("#"), filter(None, lines))
    said = (line.strip("# ") for line in comments)
    return next(filter(None, said), "")


# ------------------------------------------------------------- counterexamples


def _proved(machine: Machine, id_: str) -> tuple[Run, str]:
    """The counterexample that the prover finds."""
    with needed("--counterexample"):
        from prgcore.prove.report import prove
    if id_ == "M1":
        raise BadInput("M1 breaks the table again and again; what it finds, prgcore prove --only M1 "
                       "--mutants 200 tells")
    result = prove(machine, only=[id_]).results[0]
    if result.counterexample is None:
        raise BadInput(f"{id_} is {result.verdict.replace('_', ' ')}: there is no counterexample "
                       "to draw")
    return _replayed(machine, id_, result.title, result.counterexample.to_json())


def _reported(machine: Machine, text: str) -> tuple[Run, str]:
    """The first counterexample of a report."""
    from prgcore.wire.machine_file import digest

    report = inputs.parse_json(text, "the report")
    reports = report.get("machines", [report]) if isinstance(report, dict) else []
    reports = [r for r in reports if isinstance(r, dict)] if isinstance(reports, list) else []
    for one in reports:
        found = one.get("obligations")
        for obligation in found if isinstance(found, list) else ():
            if isinstance(obligation, dict) and isinstance(obligation.get("counterexample"), dict):
                if one.get("machine") != digest(machine.model):
                    raise BadInput(
                        f"the report is of another machine (digest {str(one.get('machine'))[:16]}) "
                        f"than this one ({digest(machine.model)[:16]}); give it with --machine, or "
                        "its policies with --policy")
                return _replayed(machine, str(obligation.get("id")), str(obligation.get("title")),
                                 obligation["counterexample"])
    if any(isinstance(r.get("obligations"), list) for r in reports):
        raise BadInput("the report has no counterexample: nothing in it is refuted")
    raise BadInput("this JSON is no report of prgcore prove --json: it has no obligations")


def _replayed(
    machine: Machine, id_: str, says: str, found: Mapping[str, Any]
) -> tuple[Run, str]:
    """A counterexample as a run: from the start if it is reachable, else from its pair."""
    from prgcore.story.script import as_story, run

    before, after, event = found.get("before"), found.get("after"), found.get("event")
    trace = found.get("trace")
    if not isinstance(before, dict) or not before or not isinstance(event, str):
        raise BadInput(f"the counterexample to {id_[:40]} names no pair and no event to draw")
    title = f"{machine.model.name}: against {id_}, {says}"
    if found.get("reachable") and isinstance(trace, list | tuple) \
            and all(isinstance(word, str) for word in trace):
        runs = [
            run(machine, as_story(machine, trace, start)) for start in machine.initial
        ]
        return next((r for r in runs if dict(r.end) == after), runs[0]), title
    return run(machine, as_story(machine, [event] if event else [], machine.pair(before))), title

