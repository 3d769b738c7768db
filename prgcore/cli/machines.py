"""`machine`: the machine itself, as a summary or a file."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, TypeVar

from prgcore.cli import inputs, output
from prgcore.cli.commands import Exit, Group, Option, examples
from prgcore.errors import MalformedMachine
from prgcore.model import Column, Event
from prgcore.vocabulary import Kind, Outcome
from prgcore.words import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from prgcore.model import Model

_Named = TypeVar("_Named", Column, Event)


def register(app: Group) -> None:
    """Add these commands."""
    app.command("machine", epilog=examples(
        "prgcore machine --json > prg.json", "prgcore machine --machine prg.json --check",
    ))(describe)


def describe(
    *,
    rules: Annotated[bool, Option("--rules", help="List every rule, with its justification.")] = False,
    check: Annotated[
        bool, Option("--check", help="Only report what is wrong with it, one finding per line."),
    ] = False,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Show the machine: columns, events, rules, invariants.

    --json prints the machine file, which every command reads back with --machine.
    """
    if rules:
        inputs.refuse_beside("--rules", {"--check": check, "--json": as_json})
    try:
        model = inputs.load_machine(machine, policy).model
    except MalformedMachine as error:
        if not check:
            raise
        if as_json:
            output.write_json({"ok": False, "findings": list(error.findings)})
        else:
            output.write("\n".join(one_line(f, 2000) for f in error.findings))
        raise Exit(1) from None
    if check:
        if as_json:
            output.write_json({"ok": True, "findings": []})
        else:
            output.write("nothing is wrong with its form")
    elif as_json:
        from prgcore.wire.machine_file import dumps

        output.write(dumps(model))
    elif rules:
        table = output.table("rule", "event", "outcome", "why")
        for rule in sorted(model.rules, key=lambda r: r.id):
            table.add_row(rule.id, rule.event, str(rule.outcome), rule.why)
        output.show(table)
    else:
        output.show(*_summary(model))


def _summary(model: Model) -> Iterator[RenderableType]:
    """A list of everything in the machine; of two mirrored names only the first."""
    from prgcore.wire.machine_file import digest

    yield f"{model.name}, digest {digest(model)[:16]}"
    for name, choice in model.policy:
        yield f"policy {name}={choice}{_alternatives(name, choice)}"
    yield ""
    columns = output.table("column", "of", "values")
    for column in _once(model, model.columns):
        columns.add_row(column.name, "derived" if column.derived else column.observed_by,
                        " ".join(column.domain))
    yield columns
    yield ""
    events = output.table("kind", "events")
    for kind in Kind:
        names = [e.name for e in _once(model, model.events) if e.kind is kind]
        if names:
            events.add_row(str(kind), " ".join(names))
    yield events
    yield ""
    phases = output.table("phase", "done", "ignored", right=("done", "ignored"))
    counts = Counter((r.phase or "(none)", r.outcome) for r in model.rules)
    for phase in dict.fromkeys(r.phase or "(none)" for r in model.rules):
        phases.add_row(phase, *(str(counts[phase, o]) for o in (Outcome.DONE, Outcome.IGNORED)))
    yield phases
    yield ""
    promised = sum(not i.auxiliary for i in model.invariants)
    guards = len(model.accepted_only) + len(model.exclusive) + len(model.only_by)
    yield "; ".join((
        counted(len(model.rules), "rule"),
        f"{counted(promised, 'invariant')} and {len(model.invariants) - promised} auxiliary",
        counted(guards, "guard check"),
        counted(len(model.situations), "situation"),
    ))
    if model.mirror:
        yield "Names of node2 mirror those of node1 and are left out above."


def _alternatives(name: str, choice: str) -> str:
    from prgcore.tables.policies import POLICIES

    others = [c for p in POLICIES if p.name == name for c in p.choices if c != choice]
    return f" (or {', '.join(others)})" if others else ""


def _once(model: Model, named: tuple[_Named, ...]) -> Iterator[_Named]:
    """The names, without the second of two that mirror each other."""
    from prgcore.seats import mirror_name

    seen: set[str] = set()
    for one in named:
        seen.add(one.name)
        twin = mirror_name(one.name)
        if not model.mirror or twin == one.name or twin not in seen:
            yield one
