# ruff: noqa: INP001
"""The pages of the reference: which there are, and what each is made of.

Law: nothing here decides anything, and nothing is searched for. Pages come from `prgcore.wire`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import click
from writer import chapter, promises, reference, situations, words
from writer.contradictions import CONTRADICTIONS
from writer.coverage import FACTS
from writer.places import places

from prgcore.cli.app import ROOT as COMMANDS
from prgcore.diagram.palette import PALETTE
from prgcore.diagram.states import role
from prgcore.model import Model, Table
from prgcore.tables.actions import ACTIONS
from prgcore.tables.clients import CONDITIONS, COUNTERS, HIGH_AVAILABILITY
from prgcore.tables.configuration import FIELDS, REPLICATION, RULES
from prgcore.tables.decisions import DECISIONS
from prgcore.tables.invariants import COMBINATIONS
from prgcore.tables.parameters import FLAGS, PARAMETERS, UNITS
from prgcore.tables.policies import POLICIES
from prgcore.tables.profiles import LOWER, MISPRINTS, PROFILES
from prgcore.tables.restrictions import FEATURES, HAPPENINGS, RESTRICTIONS
from prgcore.tables.sanity import SANITY
from prgcore.tables.services import CRITICAL_SERVICES, STATUSES, STOPPED_BECAUSE
from prgcore.tables.states import MEANINGS, REASONS
from prgcore.tables.timers import TIMERS
from prgcore.wire import markdown

GROUPS = {
    "The machine": (
        "states", "reasons", "columns", "events", "rules", "actions", "policies", "diagrams"),
    "The document": (
        "situations", "stories", "holes", "decisions", "contradictions", "defects", "coverage"),
    "What is proved": ("invariants", "adversary", "obligations"),
    "Around the machine": (
        "parameters", "configuration", "services", "connections", "login-profiles",
        "restrictions"),
    "Programs": ("commands",),
}
"""The pages of the reference as its index lists them."""


def of_table(table: Table, model: Model, moves: Iterable[words.Move]) -> dict[str, str]:
    """The pages that are read off the table; `moves` are the reachable changes of a state."""
    states = next(c for c in model.columns if c.name == "node1.state").domain
    looks = {s: PALETTE[role(model, "node1.state", s)].says for s in states}
    shown = [(str(s), str(r)) for s, reasons in COMBINATIONS.items() for r in reasons]
    return {
        "states": words.states_page(model, MEANINGS, looks, shown, moves),
        "reasons": words.reasons_page(table, REASONS, shown),
        "columns": words.columns_page(table),
        "actions": words.actions_page(table, ACTIONS),
        "policies": words.policies_page(table, POLICIES),
        "rules": reference.rules_page(table),
        "events": reference.events_page(table),
        "situations": situations.situations_page(table),
        "decisions": reference.decisions_page(DECISIONS, table, CONTRADICTIONS, RESTRICTIONS),
        "invariants": promises.invariants_page(table),
        "adversary": promises.adversary_page(table),
        "defects": situations.defects_page(model),
    }


def of_chapter(proved: Iterable[str]) -> dict[str, str]:
    """The pages about the rest of the document, by name."""
    return {
        "coverage": chapter.coverage_page(FACTS, places(proved)),
        "contradictions": chapter.contradictions_page(CONTRADICTIONS),
        "parameters": chapter.parameters_page(PARAMETERS, TIMERS, SANITY),
        "services": chapter.services_page(CRITICAL_SERVICES, STATUSES, STOPPED_BECAUSE),
        "connections": chapter.connections_page((*CONDITIONS, HIGH_AVAILABILITY), COUNTERS),
        "login-profiles": chapter.login_profiles_page(PROFILES, MISPRINTS, LOWER),
        "restrictions": chapter.restrictions_page(RESTRICTIONS, FEATURES, HAPPENINGS),
        "configuration": chapter.configuration_page(
            FIELDS, RULES, REPLICATION, UNITS, FLAGS),
    }


def of_commands() -> str:
    """Every command of the command line with its help."""
    return markdown.page(
        "Commands",
        "Every command of `prgcore`, with its own help. All commands share their exit codes. 0: "
        "all good. 1: refuted, invalid, or the answer is no. 2: bad input. 3: unknown, or out of "
        "budget. 4: two checkers disagree, or a proof is vacuous. 70: an error of prgcore itself.",
        *(
            markdown.entry(
                name.replace(" ", "-"), markdown.code(name), f"```text\n{text}\n```",
                depth=min(1 + len(name.split()), 3),
            ) for name, text in helps(COMMANDS, "prgcore")
        ),
    )


def helps(command: click.Command, name: str, above: click.Context | None = None
          ) -> Iterator[tuple[str, str]]:
    """A command with its help at 80 columns, and those below it."""
    context = click.Context(command, info_name=name, parent=above, terminal_width=80,
                            **command.context_settings)
    lines = command.get_help(context).splitlines()
    yield context.command_path, "\n".join(line.rstrip() for line in lines)
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found, f"BUG: {below} is listed and cannot be found"
            yield from helps(found, below, context)
    for below, found in getattr(command, "below", {}).items():
        yield from helps(found, f"{name} {below}", above)


def index(written: Mapping[str, str]) -> str:
    """The index of the reference: every page in its group."""
    return reference.index_page(written, GROUPS)
