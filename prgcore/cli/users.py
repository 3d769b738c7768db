"""`users`: which node serves which users, whether users can be added, and restrictions.

Below it: where new users go, and the sessions to wait for after an upgrade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs, output, subject
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.seats import NODES
from prgcore.words import counted, listed, quoted, wrapped

if TYPE_CHECKING:
    from prgcore.machine import Machine
    from prgcore.tables.facts import Restriction


def register(app: Group) -> None:
    """Add the commands of this module."""
    below = Group("users", "")
    below.command(epilog=examples(
        "prgcore users assign imp1=900,imp2=700",
        "prgcore users assign imp1=900,imp2=0 imp3=400,imp4=0 --mode active-standby --new 50",
    ))(assign)
    below.command(epilog=examples(
        "prgcore users sessions --before imp1=900 --before imp2=700",
        "prgcore users sessions --before imp1=900 --now imp1=640",
    ))(sessions)
    app.command(below=below.commands, epilog=examples(
        'prgcore users --node1 "failed over" --node2 "running in backup mode" \\',
        '    --after "takeover_done(node2)"',
        "prgcore users assign imp1=900,imp2=700",
        "prgcore users sessions --before imp1=900 --before imp2=700",
    ))(users)


@subject.asking
def users(
    *, asked: subject.Question,
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
    lately = [spelling.original(asked.names.word(said), events) for said in after or ()]
    pair = subject.one_pair(asked)
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


def _assuming(asked: subject.Question) -> dict[str, str]:
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


# ----------------------------------------------------------------------- where new users go


def assign(
    groups: Annotated[
        list[str], Argument(metavar="GROUP...", show_default=False,
                            help="A group: NODE=USERS,NODE=USERS, the active node first."),
    ], *,
    mode: Annotated[
        str, Option("--mode", metavar="MODE", help="The user assignment mode: balanced, "
                    "active-standby or none."),
    ] = "balanced",
    new: Annotated[int, Option("--new", metavar="N", help="How many users are new.")] = 1,
    as_json: inputs.Json = False,
) -> None:
    """Show which node new users get, or why none.

    It is the one that the sync agent gives them by the user assignment mode alone,
    whichever node serves now. Users who have a node stay there. New users are refused
    while a node is in a failover state: `prgcore users` shows whether they are.
    """
    from prgcore.product.users import assignment_mode, place

    for group in groups:
        if "=" not in group and subject.is_source(group):
            raise BadInput(f"{quoted(group, 80)}: a status changes nothing here, because the mode alone "
                           "decides; prgcore users shows whether users can be added now")
    spelt: dict[str, str] = {}
    given = [_counts(group.split(","), "GROUP", spelt) for group in groups]
    placed = place(given, new, mode=assignment_mode(mode))
    have = {node: number for group in given for node, number in group.items()}
    alone = [node for group in given if len(group) == 1 for node in group]
    if len(alone) > 1:
        output.note(f"{listed(alone[:MOST_NAMED], 'and')} are groups of one node each here; the nodes of "
                    "one group are one word, such as imp1=900,imp2=700")
    if as_json:
        output.write_json({
            "mode": assignment_mode(mode), "node": placed.node, "new": placed.new,
            "unassigned": placed.unassigned, "why": placed.why,
            "then": {node: have[node] + number for node, number in placed.new.items()},
        })
        return
    table = output.table("node", "users", "new", "then", right=("users", "new", "then"))
    for node, number in have.items():
        more = placed.new[node]
        table.add_row(node, f"{number:,}", f"{more:,}", f"{number + more:,}")
    said = f"The next user goes to {placed.node}." if placed.node else ""
    if placed.unassigned:
        said = f"No node: {counted(placed.unassigned, 'user')} without one."
    output.show(table, "", *wrapped(f"{said} {placed.why[:1].upper()}{placed.why[1:]}.".strip()),
                *wrapped("The mode alone decides, not which node serves now. While a node is in a "
                         "failover state no users are added: prgcore users STATUS shows whether they "
                         "are accepted, and who serves whom. (Configure User Assignment Mode, step 2; "
                         "Redundancy Interactions and Restrictions.)"))


def _counts(words: list[str], where: str, spelt: dict[str, str]) -> dict[str, int]:
    """The whole numbers in `NODE=NUMBER` words; host names ignore case.

    Args:
        spelt: every node that has been named, as it was first written, by its name without case. New
            ones are added.

    Raises:
        BadInput: a word is not one, or a node is given twice.
    """
    found: dict[str, int] = {}
    for word in words:
        node, equals, number = (part.strip() for part in word.partition("="))
        digits = number.isascii() and number.isdecimal() and len(number) <= MOST_DIGITS
        if not equals or not node or not digits:
            raise BadInput(f"{where} {quoted(word, 80)}: expected NODE=NUMBER, such as imp1=900, with "
                           f"at most {MOST_DIGITS} digits")
        node = spelt.setdefault(node.rstrip(".").casefold(), node)
        if node in found:
            raise BadInput(f"{where}: the node {quoted(node, 80)} is given twice; give it once")
        found[node] = int(number)
    return found


# ------------------------------------------------------------------ sessions after an upgrade


def sessions(
    *,
    before: Annotated[
        list[str], Option("--before", metavar="NODE=N", help="The sessions of a node, noted before "
                          "high availability was disabled. Repeatable."),
    ],
    now: Annotated[
        list[str] | None,
        Option("--now", metavar="NODE=N", help="Its sessions now. Repeatable."),
    ] = None,
    as_json: inputs.Json = False,
) -> None:
    """Show the sessions to wait for after an upgrade.

    High availability goes on again when they are back. Exit codes: 0 all sessions are
    back, or --now is not given; 1 some are missing.
    """
    from prgcore.product.clients import sessions_to_wait_for
    from prgcore.tables.clients import SESSION_COUNTER, SESSION_COUNTER_OF, SESSIONS_BACK

    spelt: dict[str, str] = {}
    noted, seen = (
        _counts([word for given in words for word in given.split(",")], option, spelt)
        for option, words in (("--before", before), ("--now", now or [])))
    missing = sessions_to_wait_for(noted, seen)
    ready = not any(missing.values())
    if as_json:
        output.write_json({
            "counter": SESSION_COUNTER, "before": noted, "now": seen, "missing": missing,
            "ready": ready, "normally_within_seconds": SESSIONS_BACK,
        })
        raise Exit(int(bool(seen) and not ready))
    table = output.table("node", "before", "now", "missing", right=("before", "now", "missing"))
    for node, number in noted.items():
        table.add_row(node, f"{number:,}", f"{seen[node]:,}" if node in seen else "?",
                      f"{missing[node]:,}" if node in seen else "?")
    short = [f"{n} on {node}" for node, n in missing.items() if n and node in seen]
    unread = [node for node in noted if node not in seen]
    if ready:
        said = "All sessions are back: high availability may be enabled again."
    elif not seen:
        said = "Enable high availability when each node shows what it showed before."
    else:
        said = "Wait: " + "; ".join([
            *([f"{listed(short, 'and')} are missing"] if short else []),
            *([f"read the counter of {listed(unread, 'and')} too"] if unread else [])]) + "."
    minutes = SESSIONS_BACK // 60
    output.show(table, "", *wrapped(said), "", *wrapped(
        f'Read {SESSION_COUNTER} on each node: show perf query counter "{SESSION_COUNTER_OF}" '
        f"{SESSION_COUNTER}. Normally all sessions are back within {minutes} minutes (changing "
        "addresses and host names, another guide). No document gives a tolerance, and users who "
        "have logged off meanwhile do not come back. Inactive sessions do not count: clients open "
        "them only after high availability is on."))
    raise Exit(int(bool(seen) and not ready))


MOST_NAMED = 5
"""The most nodes that a remark names."""
MOST_DIGITS = 9
"""The most digits of a number of users."""
