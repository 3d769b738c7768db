"""The reference pages of the machine itself: rules, events, decisions, and the index of all pages.

Law: pure, from tables to Markdown; no disk, no search, no page written by hand. Rules are shown as
they are written, from `me` and `peer`; that they are the same in both seats is F3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from prgcore.model import DecisionRecord, Event, Rule, Table
from prgcore.tables.facts import Contradiction, Restriction
from prgcore.vocabulary import Kind, Outcome
from prgcore.wire.links import all_to, anchor, called, cited, to
from prgcore.wire.markdown import bullets, code, entry, fact, page, sentence
from writer.golden import fields, phased
from writer.promises import conjunction, promised

_SHOWN = ("only", "when", "then", "action")


def rules_page(source: Table) -> str:
    """Every rule by phase."""
    parts = []
    for phase, rows in source.phases:
        parts.append(f"## {phase.title()}\n")
        parts.append(f"The picture: {to('picture', phase, f'the {phase} phase')}.\n")
        parts += [_rule(source, rule, phase) for rule in rows]
    return page(
        "Rules",
        "Every rule of the machine, as it is written, with its source and its promises. Rules are "
        "written from `me` and `peer`, and each holds in both seats. Row order means nothing. "
        "A column that a rule does not name keeps its value. Every invariant and F1 to F7 apply "
        "to every rule ([obligations](obligations.md)). A guard check is listed with the rules "
        "that it is about.",
        *parts,
    )


def _rule(source: Table, rule: Rule, phase: str) -> str:
    ignored = ", ignored" if rule.outcome is Outcome.IGNORED else ""
    lines = [x for x in fields(rule, phase) if x.split()[0] in _SHOWN]
    return entry(
        anchor("rule", rule.id), f"{rule.id} {code(rule.event)}{ignored}", sentence(rule.why),
        "```text\n" + "\n".join(lines) + "\n```" if lines else "",
        bullets(
            fact("Event", called("event", rule.event)),
            fact("Source", ", ".join(
                [*map(cited, rule.cite), *(to("decision", d) for d in rule.decisions)])
                + f" ({rule.evidence})"),
            fact("Actions", ", ".join(
                called("action", do) for do in dict.fromkeys(a.do for a in rule.actions))),
            fact("Checked by", all_to("obligation", promised(source, rule))),
        ), depth=3,
    )


def events_page(source: Table) -> str:
    """Every event: who decides, where it can happen, which rules answer."""
    parts = []
    for kind in Kind:
        parts.append(f"## {kind.title()}s\n")
        of_kind = (e for e in source.events if e.kind is kind)
        parts += [_event(source, e) for e in sorted(of_kind, key=lambda e: e.name)]
    return page(
        "Events",
        "Every event that can arrive, where it is possible, and which rules answer it. A command "
        "is possible everywhere, and is refused where no rule accepts it. Every other event is "
        "possible where one of its lines holds, and exactly one rule answers it there.",
        *parts,
    )


def _event(source: Table, event: Event) -> str:
    failing = "" if event.success else " It says that something failed."
    answers = [r for _, r in phased(source) if r.event == event.name]
    guards = [a.id for a in source.accepted_only if a.command == event.name]
    guards += [x.id for x in source.exclusive if event.name in x.commands]
    return entry(
        anchor("event", event.name), code(event.name + ("(node)" if event.seated else "")),
        f"{sentence(event.says)} Decider: {event.decider}.{failing}",
        bullets(
            *(f"possible where {conjunction(p.when)}"
              for p in source.possible if p.event == event.name),
            fact("Done by", all_to("rule", sorted(
                r.id for r in answers if r.outcome is Outcome.DONE))),
            fact("Ignored by", all_to("rule", sorted(
                r.id for r in answers if r.outcome is Outcome.IGNORED))),
            fact("Guarded by", all_to("invariant", guards)),
            fact("Must and may", to("strength", event.name, "adversary") if any(
                a.event == event.name for a in source.adversary) else ""),
        ), depth=3,
    )


def decisions_page(
    decisions: Iterable[DecisionRecord], source: Table,
    contradictions: Sequence[Contradiction] = (), restrictions: Sequence[Restriction] = (),
) -> str:
    """Every decision, and what rests on it."""
    return page(
        "Decisions",
        "The choices that were made where the document is silent or contradicts itself, each with "
        "its alternative. *Documented*: another passage decides. *Inferred*: the choice follows "
        "from the text. *Policy*: we chose.",
        *(
            entry(
                anchor("decision", d.id), f"{d.id} {d.title}",
                bullets(
                    f"**The question**: {d.text}", f"**Choice** ({d.evidence}): {d.choice}",
                    f"**Alternative**: {d.alternatives}",
                    f"**What it would change**: {d.changes}",
                    fact("Rules", all_to("rule", sorted(
                        r.id for _, r in phased(source) if d.id in r.decisions))),
                    fact("Adversary", all_to("strength", dict.fromkeys(
                        a.event for a in source.adversary if d.id in a.decisions))),
                    fact("Documentation holes", all_to(
                        "family", (f.id for f in source.families if f.decision == d.id))),
                    fact("Contradictions", all_to(
                        "contradiction", (k.id for k in contradictions if k.decision == d.id))),
                    fact("Restrictions", all_to(
                        "restriction", (r.id for r in restrictions if d.id in r.decisions))),
                ),
            ) for d in sorted(decisions, key=lambda d: d.id)
        ),
    )


def index_page(pages: Mapping[str, str], groups: Mapping[str, Sequence[str]]) -> str:
    """Every page of the reference with what it is for: its first sentence."""
    missing = sorted(pages.keys() ^ {name for names in groups.values() for name in names})
    assert not missing, f"BUG: in the reference or in its index, not in both: {missing}"
    return page(
        "Reference",
        "Every page here is made from the tables that run, and a test compares it with them. "
        "Anchors are stable: `rules.md#m100`, `situations.md#row-12`.",
        *(
            f"## {group}\n\n" + bullets(*(_line(name, pages[name]) for name in names)) + "\n"
            for group, names in groups.items()
        ),
    )


def _line(name: str, text: str) -> str:
    title = text.removeprefix("# ").partition("\n")[0]
    about = text.split("\n\n")[2]
    first = re.split(r"(?<=\.) ", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", about))[0]
    return f"[{title}]({name}.md): {first[:1].lower()}{first[1:]}"
