"""`diff`: two machines side by side, as text, JSON and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.cli.proofs import needed
from prgcore.errors import BadInput
from prgcore.explain.names import UNNAMED
from prgcore.words import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prgcore.machine import Machine
    from prgcore.prove.counterexample import Counterexample
    from prgcore.prove.difference import Difference, Flip, Sets, Side, Way
    from prgcore.prove.dropped import Dropped
    from prgcore.prove.report import Result
    from prgcore.wire.changes import Change, Changes, Detail

MOST = 8
"""How many displays, or fields of a row, are listed before the others are only counted."""

LONGEST = 4000
"""Characters of one paragraph; the longest trace of the built-in machine has 600."""
SIGNS = {"added": "+", "removed": "-", "changed": "~"}
TOLD = ("machine", "columns", "events", "possible", "rules", "invariants", "accepted_only",
        "exclusive", "only_by", "duties", "adversary", "decides", "viewpoints")
"""Sections of which a row that is added or removed is shown whole."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore diff old.json new.json --no-prove",
        "prgcore diff prg prg:reconnection=keep_serving --only S3 --only L2",
    ))(diff)


def diff(
    old: Annotated[str, Argument(
        metavar="OLD", show_default=False,
        help="A machine file, -, or prg; prg:POLICY=CHOICE for another policy.")],
    new: Annotated[str, Argument(metavar="NEW", show_default=False, help="Likewise.")], *,
    only: Annotated[
        list[str] | None,
        Option("--only", metavar="ID", help="Prove only this obligation. Repeatable."),
    ] = None,
    no_prove: Annotated[bool, Option("--no-prove", help="Prove nothing.")] = False,
    prose: Annotated[
        bool, Option("--prose", help="Show changes of words that no proof reads."),
    ] = False,
    form: Annotated[
        str | None,
        Option("--format", metavar="FORMAT", help="Draw what changed, and prove nothing: "
                     "mermaid, text, dot, svg, png, html, ..."),
    ] = None,
    column: Annotated[
        str | None,
        Option("--column", metavar="COLUMN",
                     help="The column that is drawn (default: node1.state)."),
    ] = None,
    whole: Annotated[
        bool, Option("--whole", help="Draw what did not change as well."),
    ] = False,
    file: Annotated[
        Path | None, Option("--output", "-o", metavar="FILE",
                     help="Write the picture here; without --format its name says which."),
    ] = None,
    as_json: inputs.Json = False,
) -> None:
    """Show what differs between two machines, and the effects.

    It compares rules cell by cell. It lists pairs and displays that are newly
    reachable or no longer reachable, promises that were taken back, and promises
    that held and fail now. Proving both machines takes twice as long as prgcore
    prove; --no-prove leaves that out.

    Exit codes: 0 compared; 1 a promise fails that held, or was taken back and is
    no longer true; 3 something is unknown; 4 two checkers disagree, or a proof is
    newly vacuous.
    """
    if no_prove:
        inputs.refuse_beside("--no-prove", {"--only": only})
    drawn = "--format" if form is not None else "--output" if file is not None else ""
    if drawn:
        inputs.refuse_beside(drawn, {"--only": only, "--no-prove": no_prove, "--prose": prose,
                                     "--json": as_json})
    elif column is not None or whole:
        raise BadInput(f"{'--whole' if whole else '--column'} is for a picture; say which with "
                       "--format, such as --format svg, or give a file with -o FILE")
    if old == new == "-":
        raise BadInput("standard input cannot be both machines; give one of them as a file")
    if drawn:
        names = inputs.names_in([old, new])
        seated = column and (column if names is UNNAMED else names.word(column))
        _draw(old, new, form, file, seated or "node1.state", whole=whole)
        return
    machines = _machine(old), _machine(new)
    with needed("prgcore diff"):
        from prgcore.prove import difference
    with output.progress("comparing") as progress:
        found = difference.compare(
            *machines, only=tuple(only or ()), proofs=not no_prove, progress=progress)
    if as_json:
        output.write_json(found.to_json())
    else:
        output.write("\n".join(_page(found, prose=prose)))
    raise Exit(found.exit_code)


def _machine(source: str) -> Machine:
    """The machine in a file, or by name: `prg`, `prg:reconnection=keep_serving`.

    Raises:
        BadInput, MalformedMachine: no such policy, or a file that cannot be read.
    """
    from prgcore.machine import prg

    name, colon, policies = source.partition(":")
    if name != "prg" or (colon and not policies):
        return inputs.load_machine(source, None)
    return prg(**inputs.assignments(policies.split(",") if policies else [], "prg:"))


def _draw(
    old: str, new: str, form: str | None, file: Path | None, column: str, *, whole: bool
) -> None:
    from prgcore.cli import drawing
    from prgcore.diagram import Graph
    from prgcore.diagram.changed import changed
    from prgcore.wire.changes import changes

    form = drawing.chosen(Graph, form, file, "mermaid")
    models = _machine(old).model, _machine(new).model
    drawn = changed(*models, changes(*models).ids, column, whole=whole)
    if not any(e.mark for e in drawn.edges):
        output.remark(f"nothing that changes {column} differs"
                      + ("" if whole else "; --whole draws it all the same"))
    drawing.deliver(drawn, form, file, ["leave out --whole"] if whole else [])


# -------------------------------------------------------------------------- the page


def _page(found: Difference, *, prose: bool) -> Iterator[str]:
    yield _side("old", found.old)
    yield _side("new", found.new)
    yield ""
    yield from _table(found.table, prose=prose)
    if found.pairs:
        yield from _sets("pair", found.pairs)
    if found.displays:
        yield from _sets("display", found.displays)
    if found.dropped:
        yield from _promises(found.dropped)
    if found.flips is not None:
        yield from _verdicts(found)
    yield from _stories(found)


def _wrapped(text: str, first: str = "", rest: str = "    ") -> list[str]:
    return output.wrapped(text, first, rest, LONGEST)


def _side(which: str, side: Side) -> str:
    policy = " ".join(f"{name}={choice}" for name, choice in side.policy)
    return f"{which}  {one_line(side.name, 200)}, digest {side.digest[:16]}" + (
        f"\n     {policy}" if policy else "")


def _table(table: Changes, *, prose: bool) -> Iterator[str]:
    if table.same:
        yield "no difference: every step and every proof is the same" + (
            "; rows stand in another order" if table.reordered else "")
    else:
        counts = [f"{sum(c.change == change for c in table.real)} {change}" for change in SIGNS]
        yield f"TABLE  {counted(len(table.real), 'row')}: {', '.join(counts)}"
    for change in table.rows if prose else table.real:
        yield from _row(change, prose=prose)
    hidden = sum(any(d.prose for d in c.details) for c in table.rows if c.change == "changed")
    if hidden and not prose:
        yield f"Words alone differ in {counted(hidden, 'row')} (--prose shows them)."


def _row(change: Change, *, prose: bool) -> Iterator[str]:
    name = f"{change.was}, now {change.name}," if change.was else change.name
    said = f"{SIGNS[change.change]} {change.kind} {name}".rstrip()
    said += f" of {change.of}" if change.of else ""
    yield from _wrapped(said + (" (both seats)" if change.seats else ""))
    if change.change != "changed" and change.section not in TOLD:
        return
    details = [d for d in change.details if (prose or not d.prose) and not
               (change.change != "changed" and d.field in ("event", "outcome"))]
    for detail in details[:4 * MOST]:
        yield from _wrapped(_detail(detail), "    ", " " * 8)
    if len(details) > 4 * MOST:
        yield f"    and {len(details) - 4 * MOST} more fields"


def _detail(detail: Detail) -> str:
    joint = ", " if detail.whole else " | "
    old, new = (None if v is None else joint.join(v) or "none" for v in (detail.old, detail.new))
    if old is None or new is None:
        return f"{'+' if old is None else '-'} {detail.field}: {new if old is None else old}"
    if detail.whole:
        return f"~ {detail.field}: {old} -> {new}"
    parts = (f"{word} {joint.join(v)}" for word, v in
             (("loses", detail.lost), ("gains", detail.gained)) if v)
    return f"~ {detail.field}: {', '.join(parts)}"


def _sets(noun: str, sets: Sets) -> Iterator[str]:
    yield ""
    heading = f"{noun.upper()}S"
    if sets.says:
        yield from _wrapped(f"{heading}  not compared: {sets.says}")
        return
    yield (f"{heading}  {sets.old:,} reachable, now {sets.new:,}: "
           f"{sets.gained:,} gained, {sets.lost:,} lost")
    if noun == "pair" and sets.apart:
        yield from _wrapped(f"compared without what only one of them has: "
                                  f"{', '.join(sets.apart)}")
    for sign, count, ways in (("+", sets.gained, sets.first_gained),
                              ("-", sets.lost, sets.first_lost)):
        for way in ways[:MOST]:
            yield from _way(sign, noun, way)
        told = sum(1 + w.either_seat for w in ways[:MOST])
        if count > told:
            yield f"{sign} and {count - told:,} more"


def _way(sign: str, noun: str, way: Way) -> Iterator[str]:
    what = "the nearest" if noun == "pair" else ", ".join(
        f"{node} {_spelt(held)}" for node, held in way.shown.items())
    also = " (either seat)" if way.either_seat else ""
    yield from _wrapped(f"{sign} {what}{also}, in {counted(len(way.trace), 'step')}:")
    yield from _wrapped(", ".join(way.trace) or "at the start", "    ")


def _spelt(held: dict[str, str] | None) -> str:
    from prgcore.vocabulary import title

    return " / ".join(filter(None, map(title, held.values()))) if held else "shows nothing"


def _promises(dropped: tuple[Dropped, ...]) -> Iterator[str]:
    worse = sum(d.worse for d in dropped)
    yield ""
    yield (f"PROMISES  {len(dropped)} taken back or weakened: {worse} worse, "
           f"{len(dropped) - worse} other")
    for d in dropped:
        gone = "promised otherwise" if d.otherwise else "not promised any more"
        yield from _wrapped(f"{'!' if d.worse else '~' if d.otherwise else '-'} {d.id} {gone}, "
                            f"{_truth(d)}: {d.says or d.id}")


def _truth(dropped: Dropped) -> str:
    if dropped.holds is None:
        return f"and not checked ({dropped.why})"
    if not dropped.held:
        return "and true now" if dropped.holds else "and not true before"
    return "and still true" if dropped.holds else "and no longer true"


def _verdicts(found: Difference) -> Iterator[str]:
    gone = {d.id for d in found.dropped}
    flips = [f for f in found.flips or () if f.new or f.id not in gone]
    if not found.table.same:
        yield ""
        yield f"PROOFS  {_summary(flips)}"
    for flip in flips:
        yield from _flip(flip)
    for figure in found.figures:
        yield f"  {figure.id} {figure.counts}: {figure.old:,}, now {figure.new:,}"
    if found.unknown:
        yield from _wrapped(f"unknown: {', '.join(found.unknown)}")


def _stories(found: Difference) -> Iterator[str]:
    """Every failure in full; if the same steps lead to several, only the first."""
    failed: list[tuple[str, str, str, str, Counterexample | None]] = [
        (d.id, "no longer true", d.says, d.broken.story, d.broken)
        for d in found.dropped if d.worse and d.broken]
    failed += [(f.id, _said(f.new), f.title, f.new.story, f.new.counterexample)
               for f in found.flips or () if f.worse and f.new]
    first: dict[str, str] = {}
    for id_, verdict, title, story, shown in failed:
        steps = shown.steps if shown else ""
        yield ""
        yield from _wrapped(f"{id_} {verdict}: {title or id_}")
        if shown and steps in first:
            yield from _wrapped(
                f"The steps of {first[steps]} lead there: {' '.join(shown.broken)}", "  ", "  ")
        else:
            yield story.rstrip() or "  no counterexample is told; --json has the detail"
            if steps:
                first[steps] = id_


def _summary(flips: Iterable[Flip]) -> str:
    worse = sum(f.worse for f in flips)
    others = sum(not f.worse for f in flips)
    return f"{worse} worse, {others} other" if worse or others else "all as they were"


def _flip(flip: Flip) -> Iterator[str]:
    was, is_ = (_said(r) for r in (flip.old, flip.new))
    sign = "!" if flip.worse else "+" if flip.old is None else "-" if flip.new is None else "~"
    yield from _wrapped(f"{sign} {flip.id} {was} -> {is_}: {flip.title}")


def _said(result: Result | None) -> str:
    return "not promised" if result is None else result.verdict.replace("_", " ")
