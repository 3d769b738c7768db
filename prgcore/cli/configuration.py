"""`config`: what is wrong with the configuration of a deployment, an example, and the schema."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import commands, inputs, output
from prgcore.cli.commands import Argument, Exit, Option, examples
from prgcore.errors import BadInput, NeedsTwoNodes
from prgcore.words import counted, one_line, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prgcore.engine import Engine
    from prgcore.product.configuration import Deployment, Enabled, Finding, Group, Reading

SUFFIXES = {".json": "json", ".toml": "toml"}
INDENT = " " * 9


def register(app: commands.Group) -> None:
    """Add these commands."""
    group = commands.Group("config", "Check a deployment's configuration; print an example.")
    group.command(epilog=examples(
        "prgcore config example > deployment.toml", "prgcore config check deployment.toml",
    ))(check)
    group.command("example")(show_example)
    group.command("schema")(show_schema)
    app.add_command(group)


def check(
    file: Annotated[
        str, Argument(metavar="FILE", show_default=False,
                            help="A JSON or TOML file, or - for standard input."),
    ], *,
    strict: Annotated[bool, Option("--strict", help="Treat warnings as errors.")] = False,
    as_json: inputs.Json = False,
) -> None:
    """Show everything that is wrong with a configuration, at once.

    If high availability is enabled without its prerequisites, it also shows what the
    machine would do. Exit code 1 if there are errors.
    """
    from prgcore.product.configuration import read

    reading = read(_parsed(file))
    ok = not reading.findings if strict else reading.ok
    if as_json:
        output.write_json({
            "ok": ok,
            "findings": [finding.to_json() for finding in reading.findings],
            "notes": [note.to_json() for note in reading.notes],
            "enabling": [_enabled_json(*found) for found in _enabling(reading)],
        })
    else:
        name = "standard input" if file == "-" else file
        output.write("\n".join(_report(reading, name)))
    raise Exit(0 if ok else 1)


def deployment_in(file: str) -> Deployment:
    """The deployment in a file, or in standard input; it may break rules.

    Raises:
        BadInput: it cannot be read, or does not have the form of a deployment.
    """
    from prgcore.product.configuration.files import built

    value = _parsed(file)
    try:
        return built(value)
    except BadInput as error:
        raise BadInput(f"{_named(file)}: {error}; prgcore config check shows what is wrong") from None


def _named(file: str) -> str:
    return "standard input" if file == "-" else quoted(file)


def _parsed(file: str) -> Any:
    """The JSON value in a file, or in standard input; it need not be a deployment.

    Raises:
        BadInput: it cannot be read, or is a group file.
    """
    from prgcore.product.configuration import parse

    text = inputs.read_text(file)
    value = parse(text, _format(file, text))
    if isinstance(value, dict) and {"store", "node1"} <= {*value}:
        raise BadInput(f"{_named(file)} is a group file, which is for agents, and not a deployment; "
                       "prgcore agent --check and prgcore timing --group read it")
    return value


def _format(file: str, text: str) -> str:
    """The format by the suffix of the file; else JSON if it begins with a brace, else TOML."""
    for suffix, name in SUFFIXES.items():
        if file.lower().endswith(suffix):
            return name
    return "json" if text.lstrip().startswith("{") else "toml"


def _enabling(reading: Reading) -> Iterator[tuple[Engine, Group, Enabled | str]]:
    """The groups that may not become Normal, each with its results, or why there is none."""
    deployment = reading.deployment
    if reading.ok or deployment is None:
        return
    from prgcore.machine import prg
    from prgcore.product.configuration import outcomes

    machine = prg()
    for group in deployment.groups:
        if group.high_availability:
            try:
                possible = outcomes(machine, deployment, group)
            except (BadInput, NeedsTwoNodes) as error:
                yield machine, group, str(error)
                continue
            for enabled in possible:
                if not any(machine.holds(goal, enabled.pair) for goal in machine.model.goal):
                    yield machine, group, enabled


def _enabled_json(machine: Engine, group: Group, enabled: Enabled | str) -> dict[str, object]:
    if isinstance(enabled, str):
        return {"group": group.name, "error": enabled}
    return {**enabled.to_json(), "shown": output.shown(machine, enabled.pair)[:-1]}


def _report(reading: Reading, name: str) -> Iterator[str]:
    for finding in (*reading.findings, *reading.notes):
        yield from _rendered(finding, _whose(finding, reading))
        yield ""
    for found in _enabling(reading):
        yield from _foretold(*found)
        yield ""
    if reading.deployment is None:
        yield "Correct the form first; then this also shows what enabling leads to."
    errors = sum(f.severity == "error" for f in reading.findings)
    warnings = len(reading.findings) - errors
    if reading.findings:
        yield f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    elif (whole := reading.deployment) is not None:
        counts = (counted(len(whole.groups), "group"), counted(len(whole.nodes), "node"))
        yield from output.wrapped(f"{name}: {', '.join(counts)}: nothing is wrong")


def _whose(finding: Finding, reading: Reading) -> str:
    """The name of the node or group that a field is in; "" for others, or while the form is wrong."""
    kind, _, number = finding.field.partition("]")[0].partition("[")
    if reading.deployment is None or kind not in ("nodes", "groups") or not number.isdigit():
        return ""
    return str(getattr(reading.deployment, kind)[int(number)].name)


def _rendered(finding: Finding, whose: str) -> Iterator[str]:
    owner = f"{one_line(whose)}: " if whose and finding.value != whose else ""
    value = "" if finding.value is None else " = " + json.dumps(finding.value, ensure_ascii=False)
    word = "note" if finding.severity == "information" else finding.severity
    yield from output.wrapped(owner + finding.field + value, word.ljust(9), INDENT)
    yield from output.wrapped(finding.says, INDENT, INDENT)
    yield from output.wrapped(f"rule {finding.rule}: {finding.cite}", INDENT, INDENT)


def _foretold(machine: Engine, group: Group, enabled: Enabled | str) -> Iterator[str]:
    if isinstance(enabled, str):
        yield from output.wrapped(f"The result for {group.name} is not known: {enabled}")
        return
    row = f" (Table 2, row {enabled.row})" if enabled.row else ""
    yield from output.wrapped(
        f"Or {enabled.caution}{row}:" if enabled.caution else
        f"If high availability is enabled in {group.name} even so{row}:")
    for name, line in zip(enabled.nodes, output.shown(machine, enabled.pair), strict=False):
        yield from output.wrapped(f"{name}: {line.partition('  ')[2]}", INDENT, INDENT)
    for said in dict.fromkeys(enabled.users):
        yield from output.wrapped(said, INDENT, INDENT)


def show_example(
    *,
    form: Annotated[
        str | None, Option("--format", metavar="FORMAT", help="toml (the default) or json."),
    ] = None,
    as_json: inputs.Json = False,
) -> None:
    """Print a configuration without errors or warnings, to begin from."""
    from prgcore.product.configuration import dump, example

    if as_json:
        inputs.refuse_beside("--json", {"--format": form})
    output.write(dump(example(), "json" if as_json else form or "toml"))


def show_schema(*, as_json: inputs.Json = False) -> None:  # noqa: ARG001, it always is
    """Print the JSON Schema of a configuration, for editors."""
    from prgcore.product.configuration import schema

    output.write_json(schema())
