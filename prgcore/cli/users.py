"""`users`: which node serves which users, whether users can be added, and restrictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs, output
from prgcore.cli.commands import Group, Option, examples
from prgcore.seats import NODES

if TYPE_CHECKING:
    from prgcore.machine import Machine
    from prgcore.tables.facts import Restriction


def register(app: Group) -> None:
    """Add the command of this module."""
    app.command(epilog=examples(
        'prgcore users --node1 "failed over" --node2 "running in backup mode" \\',
        '    --after "takeover_done(node2)"',
    ))(users)


@inputs.asking
def users(
    *, asked: inputs.Question,
    after: Annotated[
        list[str] | None,
        Option("--after", metavar="EVENT", help="An event that has happened lately. Repeatable."),
    ] = None,
    feature: Annotated[
        list[str] | None,
        Option("--feature", metavar="NAME",
                     help="A feature in use (default: all of them). Repeatable."),
    ] = None,
    as_json: inputs.Json = False,
) -> None:
    """Show which node serves whose users, and what they notice.

    It also shows whether users can be added now, and which restrictions apply.
    """
    from prgcore.form.spelling import Spelling
    from prgcore.product.restrictions import restrictions_for
    from prgcore.product.users import may_add_users, serving

    _check(asked.machine)
    spelling, events = Spelling.of(asked.machine.model), [e.name for e in asked.machine.model.events]
    lately = [spelling.original(asked.names.into(said), events) for said in after or ()]
    pair = inputs.one_pair(asked)
    adding = may_add_users(asked.machine, pair)
    served = serving(pair)
    found = restrictions_for(pair, after=lately, features=feature)
    if as_json:
        output.write_json({
            "pair": dict(pair), "assuming": _assuming(asked),
            "serving": {node: {"by": served[node].by, "why": served[node].why} for node in NODES},
            "add_users": {"accepted": adding.accepted, "why": adding.says},
            "restrictions": [_json(r) for r in found],
        })
        return
    named = asked.named
    who = output.table("users of", "served by", "why")
    for node in NODES:
        who.add_row(named(node), named(served[node].by or "nobody"), named(served[node].why))
    word = "accepted" if adding.accepted else "refused"
    parts: list[Any] = [*output.shown(asked.machine, pair, asked.names), who, "",
                        f"add_users is {word}: {named(adding.says)}", ""]
    if found:
        what = output.table("restriction", "what users notice, what to do")
        for r in found:
            what.add_row(r.id, named(_rendered(r)))
        parts.append(what)
    else:
        parts.append("No restriction applies.")
    output.show(*parts)


def _check(machine: Machine) -> None:
    from prgcore.product.restrictions import COLUMNS as RESTRICTING
    from prgcore.product.serving import COLUMNS as SERVING
    from prgcore.product.serving import check_columns

    check_columns(
        machine.position, (*SERVING, *RESTRICTING), f"the machine {machine.model.name!r}",
        "it has no users: leave out --machine for the built-in one",
    )


def _assuming(asked: inputs.Question) -> dict[str, str]:
    """The hidden columns of the pair that was chosen, if several pairs have this display."""
    from prgcore.explain.health import healthiest

    taken = None if asked.shown is None else healthiest(asked.machine, asked.shown, asked.known)
    return {} if taken is None else dict(taken.assuming)


def _rendered(r: Restriction) -> str:
    lasts = ""
    if r.seconds and any(r.seconds):
        least, most = r.seconds
        lasts = f" ({least} s)" if least == most else f" ({least} to {most} s)"
    return f"{r.effect}{lasts}" + (f"; {r.advice}" if r.advice else "")


def _json(r: Restriction) -> dict[str, Any]:
    return {
        "id": r.id, "feature": r.feature or None, "effect": r.effect, "advice": r.advice or None,
        "seconds": None if r.seconds is None else list(r.seconds), "since": r.since or None,
        "source": r.cite, "decisions": list(r.decisions),
    }
