"""Reference pages about displays: Table 2, stories, holes and defects of the document.

Law: pure, from given tables and traces to Markdown. Every page uses the displays of Table 2 and
links to them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import frozen

from prgcore.explain.display import row_display, spell_both
from prgcore.model import Advice, Cause, Choices, Display, Model, Situation, Table, Values
from prgcore.wire.links import all_to, anchor, called, to, worded
from prgcore.wire.markdown import bullets, code, codes, entry, fact, page, section
from writer.golden import phased
from writer.promises import conjunction
from writer.stories import story_id


@frozen
class Hole:
    """A stable display that no row of Table 2 lists, and a shortest way to it from the start.

    `only` is the policy choice without which it is not reachable.
    """

    family: str
    display: Display
    trace: Values
    only: Choices = ()


def display(shown: Display) -> str:
    """A display in the document's spelling, linked; a dash where there is no reason."""
    return " | ".join(
        f"{worded('state', half.state)} / "
        f"{worded('reason', str(half.reason)) if half.reason != 'none' else '–'}"  # noqa: RUF001
        if half else "(nothing)" for half in shown
    )


def titled(s: Situation) -> str:
    """The title of a situation: its states and its row, as `Both Normal (row 1)`."""
    states = spell_both(row_display(s, mirrored=False))
    return f"{states[:1].upper()}{states[1:]} (row {s.row})"


def situations_page(source: Table) -> str:
    """Table 2, row by row, with its causes and recommended actions as events."""
    return page(
        "Situations",
        "The 24 rows of Table 2 as 26 situations, each with its causes and what to do. They are "
        "seen from node 1, and each also holds mirrored. Between the events of a "
        "recommendation, timers run out and completions succeed by themselves. "
        f"{to('obligation', 'C1')} proves that every cause ends in its row, "
        f"{to('obligation', 'C2')} that every recommendation leads home.",
        *(
            entry(
                anchor("row", s.row), titled(s), f"**{display(s.display)}**", s.cause,
                f"The document prints *{s.literal}*; *{s.corrected}* is meant."
                if s.corrected else "",
                f"Where nothing says which node is which: {s.either}" if s.either else "",
                bullets(
                    *map(_cause, s.causes), *map(_advice, s.advice),
                    fact("Printed by", all_to("rule", _printing(source, s.row))),
                    fact("Holes beside it", all_to(
                        "family", (f.id for f in source.families if f.nearest == s.row))),
                ),
            ) for s in source.situations
        ),
    )


def _cause(c: Cause) -> str:
    events = ", ".join(called("event", e) for e in c.events)
    return (f"**Cause**: {c.says}: {events or 'nothing'} from {code(c.start)} "
            f"({to('story', story_id(c), 'as a story')}).")


def _advice(a: Advice) -> str:
    says = f"**Advice**: {a.says}{f' Where nothing says which node is which: {a.either}' * bool(a.either)}"
    says += f" Where {conjunction(a.when)}." if a.when.cells else ""
    says += f" Events: {', '.join(called('event', e) for e in a.events)}." if a.events else ""
    says += f" **A [defect](defects.md) of the {a.defect}**: {a.because}" if a.defect else ""
    return says


def _printing(source: Table, row: str) -> list[str]:
    return sorted(r.id for _, r in phased(source) if f"table2:{row}" in r.cite)


def stories_page(source: Table, told: Mapping[str, str]) -> str:
    """Every story with its text: the causes of Table 2, and what no row shows.

    A comment marks the place of a picture; the site fills it in.
    """
    return page(
        "Stories",
        "The behaviour that the document describes or a decision defines, step by step. A test "
        f"runs every story ({to('obligation', 'C1')}, {to('obligation', 'C5')}). "
        "`prgcore diagram sequence ID` draws one.",
        "## Causes of Table 2\n",
        *(
            entry(
                anchor("story", story_id(c)), f"{c.says[:1].upper()}{c.says[1:]} (row {s.row})",
                f"Ends in {to('row', s.row, f'row {s.row}')}: {display(s.display)}.",
                _picture(s, c), _text(told[story_id(c)]), depth=3,
            ) for s in source.situations for c in s.causes
        ),
        "## Beside Table 2\n",
        *(
            entry(
                anchor("story", t.id), f"{t.id} {t.title}",
                f"From {code(t.start)}{_under(t.only)}.", _text(told[t.id]), depth=3,
            ) for t in source.stories
        ),
    )


def _picture(situation: Situation, cause: Cause) -> str:
    says = f"Sequence diagram: {cause.says}; it ends in row {situation.row}"
    return f"<!-- sequence: {story_id(cause)} | {says} -->"


def _text(story: str) -> str:
    _, _, lines = story.partition("\n")
    return f"```text\n{lines}```"


def holes_page(model: Model, holes: Sequence[Hole]) -> str:
    """What the document leaves out: stable displays by family, each with a shortest trace."""
    families = []
    for f in model.families:
        mine = [h for h in holes if h.family == f.id]
        families.append(entry(
            anchor("family", f.id), f"{f.id} ({len(mine)})", f.says,
            bullets(
                fact("Decision", to("decision", f.decision)),
                fact("Nearest row", to("row", f.nearest, f"row {f.nearest}")),
                f"**What to do**: {f.advice}",
            ),
            bullets(*(
                f"{display(h.display)}{_under(h.only)}  \n  {codes(h.trace)}" for h in mine
            )),
        ))
    return page(
        "Documentation holes",
        f"The {len(holes)} stable displays that can be reached and are in no row of Table 2, and "
        "what to do about them. A display "
        "and its mirror image are shown once, with a shortest way to it. The way starts from a "
        "group with high availability off. "
        f"{to('obligation', 'C3')} proves that there are no others. Their place on the map: "
        "[diagrams](diagrams.md#matrix).",
        *families,
    )


def _under(only: Choices) -> str:
    return f" (only under {', '.join(code(f'{n}={c}') for n, c in only)})" if only else ""


def defects_page(model: Model) -> str:
    """Recommended actions that do not lead home, with who is to blame."""
    return page(
        "Defects",
        "The recommended actions of the document that cannot be followed, and its misprints. The "
        f"prover ({to('obligation', 'C2')}) checks that each listed defect is one, and that there "
        "are no others.",
        section("Advice that does not lead home", ("row", "advice", "to blame", "because"), (
            (to("row", s.row), a.says, a.defect, a.because)
            for s in model.situations for a in s.advice if a.defect
        )),
        section("Misprints", ("row", "printed", "meant"), (
            (to("row", s.row), s.literal, s.corrected)
            for s in model.situations if s.corrected
        )),
    )
