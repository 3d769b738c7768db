"""The reference: the tables as text that a person reads, and as text that a diff shows.

Law: pure, from tables and figures that are given to text; no disk, no search, no page written by
hand. `words` and `rules` are golden files: one word or one field a line, so that every change of
the wire promise or of a rule is a line of a diff. The pages are Markdown. Rules and invariants
are shown as they are written, from `me` and `peer`; that they are the same in both seats is F3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from prgcore.export import markdown
from prgcore.model import (
    ActionKind,
    By,
    Choices,
    Const,
    Copy,
    Cube,
    DecisionRecord,
    Display,
    Model,
    Policy,
    Rule,
    Table,
    Value,
    Values,
)
from prgcore.vocabulary import Kind, Reason, State, title

_ALL: dict[Values, str] = {
    tuple(map(str, State)): "every state", tuple(map(str, Reason)): "every reason",
}


@frozen
class Proved:
    """One obligation as the prover discharged it: words and figures, no seconds."""

    id: str
    title: str
    verdict: str
    method: str
    assumptions: Values
    detail: Mapping[str, Any]
    model: str = "P"


@frozen
class Hole:
    """A stable display that no row of Table 2 lists, and a shortest way to it from the start.

    `only` is the policy choice without which it is not reachable.
    """

    family: str
    display: Display
    trace: Values
    only: Choices = ()


# ------------------------------------------------------------- golden files


def words(model: Model, actions: Iterable[ActionKind]) -> str:
    """Every word of the wire, one a line: states, reasons, columns, events, actions."""
    lines = ["# The words: what a program may send and will be sent. A change breaks programs."]
    lines += [f"state {s} = {title(s)}" for s in State]
    lines += [f"reason {r} = {title(r) or '(blank)'}" for r in Reason]
    for c in model.columns:
        kind = f"from {' '.join(c.sources)}" if c.derived else f"observed by {c.observed_by}"
        lines.append(f"column {c.name} {kind}")
        lines += [f"column {c.name} is {_ALL.get(c.domain, '')}"] if c.domain in _ALL else [
            f"column {c.name} is {value}" for value in c.domain
        ]
    for e in model.events:
        failing = "" if e.success else " failing"
        lines.append(f"event {e.name} {e.kind} decider {e.decider}{failing}")
    lines += [f"action {a.name}" for a in sorted(actions, key=lambda a: a.name)]
    return "\n".join(lines) + "\n"


def rules(table: Table) -> str:
    """Every rule of every policy as it is written, from `me`: one field a line, by id."""
    blocks = ["# The rules, from me and peer. Cells and effects are sorted; order means nothing."]
    blocks += [
        "\n".join(_fields(rule, phase))
        for phase, rule in sorted(_phased(table), key=lambda p: p[1].id)
    ]
    return "\n\n".join(blocks) + "\n"


def _phased(table: Table) -> Iterator[tuple[str, Rule]]:
    yield from ((phase, rule) for phase, rows in table.phases for rule in rows)


def _fields(rule: Rule, phase: str) -> Iterator[str]:
    yield rule.id
    yield f"  event     {rule.event}"
    yield f"  outcome   {rule.outcome}"
    yield f"  phase     {phase}"
    yield from (f"  only      {name} = {choice}" for name, choice in rule.only)
    yield from (f"  when      {c}" for c in _cells(rule.when))
    yield from (f"  then      {t}" for t in _effects(rule))
    yield from (
        f"  action {n:<2} {a.do}" + (f"({a.node})" if a.node else "")
        for n, a in enumerate(rule.actions, 1)
    )
    yield from (f"  cite      {c}" for c in rule.cite)
    yield from (f"  decision  {d}" for d in rule.decisions)
    yield f"  evidence  {rule.evidence}"
    yield f"  why       {rule.why}"


def _cells(cube: Cube) -> list[str]:
    return sorted(f"{c.column} = {' | '.join(c.values)}" for c in cube)


def _effects(rule: Rule) -> list[str]:
    """Effects one a line; of a map one line an entry."""
    return sorted(
        f"{e.target} := {new}" for e in rule.then for new in _new(e.value)
    )


def _new(value: Value) -> tuple[str, ...]:
    match value:
        case Const(constant):
            return (constant,)
        case Copy(column):
            return (f"what {column} was",)
        case By(column, table):
            return tuple(f"{new} if {column} = {old}" for old, new in table)


# -------------------------------------------------------------------- pages


def words_page(model: Model, actions: Sequence[ActionKind], policies: Sequence[Policy]) -> str:
    """States, reasons, columns, actions and policies."""
    stored = [c for c in model.columns if not c.derived]
    return markdown.page(
        "Words",
        "Every value on the wire, and what it means. Columns of node 2 are those of node 1.",
        markdown.section("States", ("on the wire", "in the document", "kind"), (
            (markdown.code(s), title(s), "transition" if _transient(model, s) else "") for s in State
        )),
        markdown.section("Reasons", ("on the wire", "in the document"), (
            (markdown.code(r), title(r) or "(blank)") for r in Reason
        )),
        markdown.section("Stored columns", ("column", "values", "observed by", "says"), (
            (markdown.code(c.name), _domain(c.domain), c.observed_by, c.says)
            for c in stored if not c.name.startswith("node2.")
        )),
        markdown.section("Derived columns", ("column", "values", "from", "says"), (
            (markdown.code(c.name), _domain(c.domain), ", ".join(map(markdown.code, c.sources)), c.says)
            for c in model.columns if c.derived and not c.name.startswith("node2.")
        )),
        markdown.section("Actions", ("action", "says", "duty"), (
            (markdown.code(a.name), a.says, a.duty) for a in sorted(actions, key=lambda a: a.name)
        )),
        markdown.section("Policies", ("policy", "choices, the default first", "says", "decision"), (
            (markdown.code(p.name), ", ".join(map(markdown.code, p.choices)), p.says, p.decision)
            for p in policies
        )),
    )


def _transient(model: Model, state: str) -> bool:
    return any(state in c.values for c in model.transient)


def _domain(values: Values) -> str:
    return _ALL.get(values) or ", ".join(map(markdown.code, values))


def rules_page(table: Table) -> str:
    """Every rule by phase."""
    parts = []
    for phase, rows in table.phases:
        parts.append(f"## {phase.title()}\n")
        for rule in rows:
            name = f"{rule.id} {markdown.code(rule.event)}"
            parts.append(f"### {name}{', ignored' if rule.outcome == 'ignored' else ''}\n")
            parts.append(f"{_sentence(rule.why)}\n")
            parts.append("```text\n" + "\n".join(
                line for line in _fields(rule, phase)
                if line.split()[0] in ("only", "when", "then", "action")
            ) + "\n```\n")
            source = [*rule.cite, *(f"[{d}](decisions.md#{d.lower()})" for d in rule.decisions)]
            parts.append(f"Source: {', '.join(source)} ({rule.evidence}).\n")
    return markdown.page(
        "Rules",
        "As they are written, from `me` and `peer`; each holds in both seats. Row order means "
        "nothing. Columns that a rule does not name stay.",
        "\n".join(parts),
    )


def events_page(table: Table) -> str:
    """Every event: who decides, and where it can happen."""
    parts = []
    for kind in Kind:
        parts.append(f"## {kind.title()}s\n")
        for event in sorted((e for e in table.events if e.kind is kind), key=lambda e: e.name):
            seat = "(node)" if event.seated else ""
            failing = " It says that something failed." if not event.success else ""
            ways = [p.when for p in table.possible if p.event == event.name]
            parts.append(f"### {markdown.code(event.name + seat)}\n")
            parts.append(f"{_sentence(event.says)} Decider: {event.decider}.{failing}\n")
            if ways:
                parts += [f"- possible where {_conjunction(w)}" for w in ways]
                parts.append("")
    return markdown.page(
        "Events",
        "A command is possible everywhere: where no rule accepts it, it is refused. Every other "
        "event is possible where one of its lines holds, and there exactly one rule answers.",
        "\n".join(parts),
    )


def _conjunction(cube: Cube) -> str:
    return ", ".join(markdown.code(c) for c in _cells(cube))


def situations_page(model: Model) -> str:
    """Table 2, row by row, with its causes and recommended actions as events."""
    parts = []
    for s in model.situations:
        parts.append(f"## Row {s.row}\n")
        parts.append(f"**{display(s.display)}**\n")
        parts.append(f"{s.cause}\n")
        if s.corrected:
            parts.append(f"The document prints *{s.literal}*; *{s.corrected}* is meant.\n")
        parts += [
            f"- Cause: {c.says}: {markdown.codes(c.events)} from `{c.start}` "
            f"([story](../../tests/stories/{story_name(c.id)}))" for c in s.causes
        ]
        for a in s.advice:
            says = f"- Advice: {a.says}"
            says += f" Where {_conjunction(a.when)}." if a.when.cells else ""
            says += f" Events: {markdown.codes(a.events)}." if a.events else ""
            says += f" **A defect of the {a.defect}**: {a.because}" if a.defect else ""
            parts.append(says)
        parts.append("")
    return markdown.page(
        "Situations",
        "The 24 rows of Table 2 as 26 situations, seen from node 1; each holds mirrored. Between "
        "the events of an advice timers run out and completions succeed by themselves.",
        "\n".join(parts),
    )


def story_name(cause: str) -> str:
    """The file of the story of a cause."""
    return f"table2-{cause}.txt"


def decisions_page(decisions: Iterable[DecisionRecord], table: Table) -> str:
    """Every decision, and the rules that rest on it."""
    parts = []
    for d in sorted(decisions, key=lambda d: d.id):
        using = [r.id for _, r in _phased(table) if d.id in r.decisions]
        families = [f.id for f in table.families if f.decision == d.id]
        parts.append(f'<a id="{d.id.lower()}"></a>\n')
        parts.append(f"## {d.id} {d.title}\n")
        parts += [
            f"- The question: {d.text}", f"- Choice ({d.evidence}): {d.choice}",
            f"- Alternative: {d.alternatives}", f"- What it would change: {d.changes}",
        ]
        if using:
            parts.append(f"- Rules: {', '.join(sorted(using))}")
        if families:
            parts.append(f"- Documentation holes: {', '.join(families)}")
        parts.append("")
    return markdown.page(
        "Decisions",
        "Where the document is silent or contradicts itself. *Documented*: another passage "
        "decides. *Inferred*: it follows from what stands there. *Policy*: we chose.",
        "\n".join(parts),
    )


def invariants_page(table: Table) -> str:
    """Every promise of the table: never, accepted only, exclusive, only by."""
    parts = []
    for i in table.invariants:
        parts.append(f"## {i.id} {i.says}\n")
        parts.append(f"{_sentence(i.why)}\n" if i.why else "")
        parts += [f"- never {_conjunction(c)}" for c in i.never]
        parts.append("")
    guards = [
        *(f"- {a.id} `{a.command}`: {a.says}. Done {'exactly' if a.exactly else 'only'} where "
          + " or ".join(map(_conjunction, a.when)) for a in table.accepted_only),
        *(f"- {x.id} {', '.join(map(markdown.code, x.commands))}: {x.says}. None where "
          + " or ".join(map(_conjunction, x.never_in)) for x in table.exclusive),
        *(f"- {o.id} `{o.column} = {o.value}`: {o.says}. Events: {markdown.codes(o.events)}"
          for o in table.only_by),
    ]
    return markdown.page(
        "Invariants",
        "S: what is promised. X: auxiliary, true of every reachable pair, and what makes the "
        "whole inductive. Written from `me`; each holds in both seats. `both.` is a cell of "
        "each node.",
        "\n".join(p for p in parts if p is not None),
        "## Guards of commands, timers and completions\n\n" + "\n".join(sorted(guards)) + "\n",
    )


def holes_page(model: Model, holes: Sequence[Hole]) -> str:
    """What the document leaves out: stable displays by family, each with a shortest trace."""
    parts = []
    for f in model.families:
        mine = [h for h in holes if h.family == f.id]
        parts.append(f"## {f.id} ({len(mine)})\n")
        parts.append(f"{f.says}\n")
        parts += [
            f"- Decision: [{f.decision}](decisions.md#{f.decision.lower()}).",
            f"- Nearest row: [{f.nearest}](situations.md#row-{f.nearest}).",
            f"- What to do: {f.advice}", "",
        ]
        parts += [
            f"- {display(h.display)}{_under(h.only)}  \n  {markdown.codes(h.trace)}" for h in mine
        ]
        parts.append("")
    return markdown.page(
        "Documentation holes",
        f"{len(holes)} stable displays can be reached and are in no row of Table 2. Each is "
        "shown once, whichever node is left, with a shortest way to it from a group whose high "
        "availability is off.",
        "\n".join(parts),
    )


def _under(only: Choices) -> str:
    return f" (only under {', '.join(f'`{n}={c}`' for n, c in only)})" if only else ""


def defects_page(model: Model) -> str:
    """Recommended actions that do not lead home, with who is to blame."""
    rows = [
        (s.row, a.says, a.defect, a.because)
        for s in model.situations for a in s.advice if a.defect
    ]
    misprints = [(s.row, s.literal, s.corrected) for s in model.situations if s.corrected]
    return markdown.page(
        "Defects",
        "Recommended actions that cannot be followed, and misprints. The prover (C2) insists "
        "that each listed defect is one, and that there is no other.",
        markdown.section("Advice that does not lead home", ("row", "advice", "to blame", "because"), rows),
        markdown.section("Misprints", ("row", "printed", "meant"), misprints),
    )


def obligations_page(proved: Iterable[Proved]) -> str:
    """Every obligation: sentence, method, what was found."""
    rows = list(proved)
    assumptions = tuple(dict.fromkeys(a for p in rows for a in p.assumptions))
    return markdown.page(
        "Obligations",
        "What `prgcore prove` discharges of the machine under its default policies. "
        f"{_models(rows)} *Table*: decided over the rules alone. *Induction*: for every pair, "
        "reachable or not, that satisfies the invariants; of time, for every value of the "
        "parameters and every observation. *Search*: over every reachable pair.",
        markdown.section("Obligations", ("id", "sentence", "verdict", "method", "found"), (
            (p.id, p.title, p.verdict, p.method, found(p.detail)) for p in rows
        )),
        "## Assumptions\n\n" + "\n".join(
            f"- {a}. For {_which(p.id for p in rows if a in p.assumptions)}."
            for a in assumptions
        ) + "\n",
    )


def promises(proved: Iterable[Proved]) -> str:
    """The README's table: without the auxiliary invariants, the assumptions beneath."""
    rows = list(proved)
    main = [p for p in rows if not p.id.startswith("X")]
    auxiliary = [p for p in rows if p.id.startswith("X")]
    assumptions = tuple(dict.fromkeys(a for p in rows for a in p.assumptions))
    text = markdown.table(("id", "what is proved", "how"), (
        (p.id, p.title, p.method if p.verdict == "proved" else p.verdict) for p in main
    ))
    if auxiliary:
        methods = " and ".join(sorted({p.method for p in auxiliary}))
        text += (f"\nTo make it inductive: {len(auxiliary)} auxiliary invariants, "
                 f"{auxiliary[0].id} to {auxiliary[-1].id}, by {methods}.\n")
    return text + f"\n{_models(rows)} Assumptions:\n\n" + "\n".join(
        f"- {a} (for {_which(p.id for p in rows if a in p.assumptions)})" for a in assumptions
    ) + "\n"


def _models(rows: Iterable[Proved]) -> str:
    """Which obligations speak of which model."""
    by_model: dict[str, list[str]] = {}
    for p in rows:
        by_model.setdefault(p.model, []).append(p.id)
    return " ".join(f"Model {model}: {_which(ids)}." for model, ids in by_model.items())


def found(detail: Mapping[str, Any]) -> str:
    """The figures of a proof in one line."""
    return "; ".join(
        f"{name} {', '.join(map(str, v)) if isinstance(v, list | tuple) else v}"
        for name, v in detail.items() if v not in ([], (), "")
    )


def display(shown: Display) -> str:
    """A display in the document's spelling; a dash where there is no reason."""
    halves = ((shown.state1, shown.reason1), (shown.state2, shown.reason2))
    return " | ".join(
        f"{title(s)} / {title(r) or '–'}" if s else "(nothing)" for s, r in halves  # noqa: RUF001
    )


# ----------------------------------------------------------------- Markdown


def _which(ids: Iterable[str]) -> str:
    """Ids as runs: `F1 to F7, S1`."""
    runs: list[list[str]] = []
    for id_ in ids:
        if runs and _follows(runs[-1][-1], id_):
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return ", ".join(r[0] if len(r) == 1 else f"{r[0]} to {r[-1]}" for r in runs)


def _follows(one: str, other: str) -> bool:
    return one[:1] == other[:1] and int(one[1:]) + 1 == int(other[1:])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "." if text else ""
