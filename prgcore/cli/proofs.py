"""`prove`: every obligation with its verdict, and an exit code."""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from xml.etree import ElementTree as ET

from attrs import evolve

from prgcore.cli import certifying, inputs, output, shipped
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput, MissingExtra, unknown_name
from prgcore.vocabulary import Verdict
from prgcore.words import counted, cut, listed, quoted, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rich.console import RenderableType

    from prgcore.machine import Machine
    from prgcore.prove.report import Asked as CheckerAsked
    from prgcore.prove.report import Report, Result
    from prgcore.wire.sarif import Locate

COLOURS = {
    Verdict.PROVED: "green", Verdict.REFUTED: "bold red", Verdict.UNKNOWN: "yellow",
    Verdict.VACUOUS: "bold red", Verdict.DISAGREE: "bold red", Verdict.NOT_APPLICABLE: "dim",
    Verdict.REPORTED: "cyan",
}
_BY = {"induction": "by induction", "search": "by a search of all reachable pairs",
       "table": "of the table alone"}
WORST_FIRST = (4, 1, 3, 0)
"""Of several exit codes the one that is reported."""
TIMED = "T"
"""The model of time, whose theorems are found with long premises and conclusions."""
WAYS = "ways out"
"""The part of a theorem about any rules that has a table of its own."""
FEW = 5
"""So many results at most are shown with all of their premises and conclusions."""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore prove --only S1 --only S2 --json", "prgcore prove proofs",
        "prgcore prove - < theorems.toml", "prgcore prove --model D",
        "prgcore prove --model D --arbiter cas --adversary one-way,pause",
    ))(prove)


def prove(
    paths: Annotated[
        list[str] | None,
        Argument(metavar="PATH", show_default=False,
                       help="Theorem files or folders, or -; without PATH, the whole machine. "
                      "proofs, where no such folder is, are the shipped theorems."),
    ] = None, *,
    only: Annotated[
        list[str] | None,
        Option("--only", metavar="ID", help="Prove only this obligation. Repeatable."),
    ] = None,
    listed: Annotated[
        bool, Option("--list", help="List the obligations, prove nothing."),
    ] = False,
    why: Annotated[
        list[str] | None,
        Option("--why", metavar="ID",
               help="Prove this obligation, and say which invariants and which cells of the world "
                    "its induction needs. Repeatable."),
    ] = None,
    mutants: Annotated[
        str | None,
        Option("--mutants", metavar="N|all", help="Test the proofs on wrong tables."),
    ] = None,
    seed: Annotated[
        int | None, Option("--seed", metavar="N", help="The seed that chooses the mutants (default: 0)."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        Option("--kind", metavar="KIND", help="Run only this kind of mutants. Repeatable."),
    ] = None,
    ask: Annotated[
        list[str] | None,
        Option("--ask", metavar="CHECKER",
                     help="Ask abc, cvc5, spin, yices, or all of them too. Repeatable."),
    ] = None,
    every_policy: Annotated[
        bool, Option("--every-policy", help="Prove the machine of every choice of policies."),
    ] = False,
    junit: Annotated[
        Path | None, Option("--junit", metavar="FILE", help="Write a JUnit report."),
    ] = None,
    sarif: Annotated[
        Path | None,
        Option("--sarif", metavar="FILE", help="Write a SARIF report, with the lines of rules."),
    ] = None,
    certificate: Annotated[
        Path | None,
        Option("--certificate", metavar="FILE",
                     help="Write a certificate for prgcore recheck; with --every-policy a folder."),
    ] = None,
    source: Annotated[
        list[str] | None,
        Option("--source", metavar="FILE",
                     help="The Python file that writes --machine, for --sarif. Repeatable."),
    ] = None,
    budget: Annotated[
        str | None,
        Option("--budget", metavar="SECONDS",
               help="End after so many seconds; what is not decided by then is unknown."),
    ] = None,
    memory: Annotated[
        str | None,
        Option("--memory", metavar="SIZE",
               help="Use so much memory at most, as in 500M or 2G; what needs more is unknown."),
    ] = None,
    model: Annotated[
        str | None,
        Option("--model", metavar="P|D",
               help="P: one record of both nodes (default); D: two nodes, messages, an arbiter."),
    ] = None,
    arbiter: Annotated[
        str | None,
        Option("--arbiter", metavar="WORD",
               help="(D) none, cas, cas+lease, cas+fence or self-fence; without it, each of them."),
    ] = None,
    adversary: Annotated[
        str | None,
        Option("--adversary", metavar="LIST",
               help="(D) of loss, delay, duplicate, reorder, one-way, cut, pause, crash, boot, "
                    "faults, commands; all; without it, the first eight."),
    ] = None,
    silence: Annotated[
        str | None,
        Option("--silence", metavar="K",
               help="(D) A time-out is so many intervals without a heartbeat, each a step."),
    ] = None,
    symbolic: Annotated[
        bool,
        Option("--symbolic", help="Search nothing: prove what induction and the table can."),
    ] = False,
    progress: Annotated[
        bool, Option("--progress", help="Show what is being proved, on standard error."),
    ] = False,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Prove every promise of the machine.

    Exit codes: 0 all proved; 1 refuted; 3 unknown; 4 two checkers disagree, or a
    proof is vacuous.
    """
    from prgcore.cli import networks

    apart = networks.asked(model, arbiter, adversary, silence, {
        "PATH": paths or None, "--list": listed, "--why": why, "--mutants": mutants, "--seed": seed,
        "--kind": kind, "--every-policy": every_policy, "--junit": junit,
        "--sarif": sarif, "--certificate": certificate, "--symbolic": symbolic, "--source": source})
    if apart is not None:
        apart = evolve(apart, only=tuple(only or ()), budget=_seconds(budget), memory=_bytes(memory),
                       ask=tuple(ask or ()))
        raise Exit(networks.run(
            inputs.load_machine(machine, policy), apart, as_json=as_json, progress=progress))
    inputs.refuse_beside("--list", {
        "--budget": budget, "--memory": memory, "--symbolic": symbolic, "--mutants": mutants,
        "--seed": seed, "--junit": junit, "--sarif": sarif, "--every-policy": every_policy,
        "--why": why, "--ask": ask} if listed else {})
    _belong_together({
        "--every-policy goes through the policies of the built-in machine; leave out --machine and "
        "--policy": every_policy and (machine or policy),
        "--seed chooses the mutants; say how many with --mutants N":
            seed is not None and mutants is None,
        "--mutants runs M1; add --only M1 or leave out --only":
            mutants is not None and only and "M1" not in only,
        "--mutants runs M1; add --only M1 or leave out --why":
            mutants is not None and why and not only,
        "--kind chooses the mutants; say how many with --mutants N or all": kind and mutants is None,
        "--source says in --sarif where the rows of --machine stand; give both":
            source and (sarif is None or machine is None),
        "--why explains obligations of the machine; leave out the theorem files": why and paths,
        "--ask is about the promises of the machine; leave out the theorem files": ask and paths,
    })
    certifying.fit(certificate, {
        "PATH": paths or None, "--only": only, "--list": listed, "--mutants": mutants, "--why": why})
    _apart((junit, sarif, certificate), (machine, *(paths or ()), *(source or ())))
    _fit(junit, sarif)
    count = _mutants(mutants)
    files = _theorems(paths or (), machine)
    if machine == "-" and "-" in files:
        raise BadInput("standard input cannot be both the machine and the theorems")
    first = inputs.load_machine(machine, policy)
    with needed("prgcore prove"):
        from prgcore.prove import report as prover
        from prgcore.prove.opinions import chosen, opinions
        from prgcore.prove.work import Work
    checkers = chosen(ask or ())
    _readable(files)
    stdin = inputs.read_text("-") if "-" in files else ""
    if listed:
        _list(_listing(first, files, stdin, only or []), as_json=as_json)
        return
    locate = _locator(machine, source, files) if sarif is not None else None
    asked: dict[str, Any] = {
        "only": tuple(only or ()), "mutants": count, "seed": seed or 0, "paths": files,
        "stdin": stdin, "why": tuple(why or ()), "budget": _seconds(budget),
        "memory": _bytes(memory), "symbolic": symbolic,
    }
    if count is not None:
        asked |= {
            "kinds": _kinds(kind or ()), "survivors": _survivors() if machine is None else {},
            "restating": files or (shipped.theorems(("proofs",)) if machine is None else ()),
        }
    machines = tuple(_policies()) if every_policy else (first,)
    places = certifying.places(certificate, machines, (junit, sarif), several=every_policy)
    alone = certificate is not None or bool(checkers) or count is not None
    reports = [] if alone or not every_policy else _side_by_side(machines, asked, always=progress)
    for one, place in zip(machines, places, strict=True) if not reports else ():
        label = f"proving {_policy(one.model.policy)}" if every_policy else "proving"
        with output.progress(label, always=progress) as tell:
            work = Work(one, tell, symbolic=symbolic)
            report = prover.prove(one, progress=tell, work=work, **asked)
            reports.append(opinions(report, work, checkers, tell) if checkers else report)
            certifying.write(place, reports[-1], work, tell)
    if junit is not None:
        output.write_file(junit, _junit(reports))
    if sarif is not None and locate is not None:
        output.write_file(sarif, _sarif(
            machines, reports, locate, documented=machine is None))
    _answer(machines[0], reports, why or (), several=every_policy, as_json=as_json,
            full=bool(only or why))
    codes = {r.exit_code for r in reports}
    raise Exit(next((c for c in WORST_FIRST if c in codes), max(codes)))


def _side_by_side(
    machines: tuple[Machine, ...], asked: dict[str, Any], *, always: bool
) -> list[Report]:
    """The reports of several machines, which are proved in processes of their own."""
    from prgcore.prove.several import prove_each

    with output.progress("proving", always=always) as tell:
        return list(prove_each([m.model for m in machines], asked, tell))


def _belong_together(wrong: Mapping[str, object]) -> None:
    """Refuse options that do not go together: the first message whose case is true."""
    for message, case in wrong.items():
        if case:
            raise BadInput(message)


@contextmanager
def needed(what: str) -> Iterator[None]:
    """Guard an import of the prover: a missing package is an error that names the purpose.

    Raises:
        MissingExtra: z3 or numpy is not installed.
    """
    try:
        yield
    except MissingExtra as error:
        raise MissingExtra(what, error.extra) from None


def _apart(reports: Iterable[Path | None], read: Iterable[str | None]) -> None:
    """Check that no report would be written over a file that is read."""
    sources = {os.path.realpath(source) for source in read if source and source != "-"}
    for file in reports:
        if file is not None and os.path.realpath(file) in sources:
            raise BadInput(f"a report would be written over {quoted(str(file))}, which is read here; "
                           "name another file")


def _fit(*reports: Path | None) -> None:
    """Check that every report is a file of its own, and can be written."""
    files = [file for file in reports if file is not None]
    for file in files:
        if file == Path("-"):
            raise BadInput("a report is a file, and - is none; name one with --junit FILE or "
                           "--sarif FILE")
        output.writable(file)
    if len({file.resolve() for file in files}) < len(files):
        raise BadInput(f"two reports would be written to {str(files[0])[:120]!r}; "
                       "expected a file for each")


def _seconds(text: str | None) -> float | None:
    """A budget: some seconds, more than none."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not float(text):
        raise BadInput(f"--budget {text[:40]!r}: expected seconds, as in 60 or 0.5")
    return float(text)


def _bytes(text: str | None) -> int | None:
    """An amount of memory: a number of mega- or gigabytes, with the letter that says which."""
    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,9})([MG])B?", text, re.IGNORECASE)
    if not found or not int(found[1]):
        raise BadInput(f"--memory {text[:40]!r}: expected a size, as in 500M or 2G")
    return int(found[1]) * (10**9 if found[2].upper() == "G" else 10**6)


def _mutants(text: str | None) -> int | None:
    """The number of mutants: None for no such test, 0 for all."""
    if text is None or text == "all":
        return None if text is None else 0
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 10 and int(text)):
        raise BadInput(f"--mutants {text[:40]!r}: expected a number of mutants, or all")
    return int(text)


def _kinds(names: Iterable[str]) -> tuple[str, ...]:
    """The kinds of mutants to run.

    Raises:
        BadInput: there is no such kind.
    """
    from prgcore.prove.mutants.kinds import KINDS

    given = tuple(names)
    for name in given:
        if name not in KINDS:
            raise BadInput(unknown_name("kind of mutants", name, KINDS))
    return given


def _survivors() -> dict[str, str]:
    """The mutants of the built-in machine that may survive, each with its decision and reason."""
    from prgcore.tables.survivors import SURVIVORS

    return {s.mutant: f"{s.why} ({s.decision})" for s in SURVIVORS}


def _theorems(paths: Iterable[str], machine: str | None) -> tuple[str, ...]:
    """The theorem files; the shipped ones are about the built-in machine only."""
    given = tuple(paths)
    found = given if machine is not None else shipped.theorems(given)
    if found != given:
        output.remark("no folder proofs is here: proving the theorems that prgcore ships")
    return found


def _readable(paths: tuple[str, ...]) -> None:
    """Check, before anything is proved, that the theorem files exist."""
    for path in paths:
        try:
            if path != "-":
                Path(path).stat()
        except (OSError, ValueError):
            raise BadInput(f"no theorem file {path[:120]!r}") from None


def _policies() -> Iterator[Machine]:
    """The built-in machine under every choice of policies, the default one first."""
    from prgcore.machine import prg
    from prgcore.tables.policies import POLICIES

    for choices in product(*(p.choices for p in POLICIES)):
        yield prg(**dict(zip((p.name for p in POLICIES), choices, strict=True)))


def _junit(reports: list[Report]) -> str:
    """One report unchanged; several as the suites of one file, each named after its policies."""
    if len(reports) == 1:
        return reports[0].junit()
    suites = ET.Element("testsuites")
    for report in reports:
        suite = ET.fromstring(report.junit())  # noqa: S314 - written here
        suite.set("name", f"{suite.get('name')} {_choices(report)}")
        suites.append(suite)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True)


def _locator(machine: str | None, source: list[str] | None, files: tuple[str, ...]) -> Locate:
    from prgcore.cli import places

    return places.locator(machine, source or (), files)


def _sarif(
    machines: tuple[Machine, ...], reports: list[Report], locate: Locate, *, documented: bool
) -> str:
    from prgcore import __version__
    from prgcore.wire.sarif import sarif

    told = zip(machines, (r.to_json() for r in reports), strict=True)
    return sarif(told, locate, __version__, documented=documented, manual=_manual())


def _manual() -> str:
    """The address of the documentation that the package is published with, if it has one."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls: list[str] = metadata("prgcore").get_all("Project-URL") or []
    except PackageNotFoundError:  # a folder of sources that nobody has installed
        return ""
    named = dict(url.split(", ", 1) for url in urls)
    return named.get("Documentation", "")


# ---------------------------------------------------------------------------- pages


def _listing(
    machine: Machine, paths: tuple[str, ...], stdin: str, only: list[str]
) -> list[tuple[str, str]]:
    """The id and the sentence of every obligation that would be proved.

    Raises:
        BadInput: there is no such obligation, or a theorem file cannot be read.
    """
    from prgcore.prove import report

    listing = report.listing(machine, paths, stdin)
    known = {id_ for id_, _ in listing}
    for id_ in only:
        if id_ not in known:
            raise BadInput(unknown_name("obligation", id_, known))
    return [(id_, title) for id_, title in listing if not only or id_ in only]


def _answer(
    machine: Machine, reports: list[Report], why: Iterable[str], *, several: bool, as_json: bool,
    full: bool,
) -> None:
    if as_json:
        answers = [r.to_json() for r in reports]
        output.write_json({"ok": all(r.ok for r in reports), "machines": answers}
                          if several else answers[0])
    else:
        full = full or len(reports[0].results) <= FEW
        output.show(*page(reports[0], full=full), *_supports(machine, reports[0], why),
                    *_summaries(reports[1:]))


def _list(listing: list[tuple[str, str]], *, as_json: bool) -> None:
    if as_json:
        output.write_json([{"id": id_, "title": title} for id_, title in listing])
        return
    table = output.table("id", "obligation")
    for id_, title in listing:
        table.add_row(id_, title)
    output.show(table)


def page(report: Report, *, full: bool) -> Iterator[RenderableType]:
    """The table; below it the findings, the assumptions, and the failures in full."""
    from rich.text import Text

    also = ("also",) if report.asked else ()
    table = output.table("id", "verdict", "method", "s", *also, "obligation", right=("s",))
    idle = [r.id for r in report.results if r.verdict == Verdict.NOT_APPLICABLE]
    for r in report.results if len(idle) < 2 else _applicable(report):
        verdict = Text(r.verdict.replace("_", " "), style=COLOURS.get(r.verdict, ""))
        why = f" ({r.detail.get('says', '')})" if r.verdict == Verdict.NOT_APPLICABLE else (
            " (not known whether it is empty)" if r.unchecked else "")
        opinions = (_opinions(r),) if report.asked else ()
        table.add_row(r.id, verdict, r.method, f"{r.seconds:.2f}", *opinions, r.title + why)
    yield table
    if len(idle) > 1:
        yield Text(f"{len(idle)} are not applicable: {_ranges(idle)}; --json says why",
                   style=COLOURS[Verdict.NOT_APPLICABLE])
    yield ""
    yield from _figures(report, full=full)
    policy = _choices(report)
    yield f"machine {report.digest[:16]}" + (f", {policy}" if policy else "")
    models = sorted({r.model for r in report.results if r.model})
    if models:
        yield f"model {', '.join(models)}"
    yield from map(answered, report.asked)
    for assumption in dict.fromkeys(a for r in _applicable(report) for a in r.assumptions):
        yield f"assuming {assumption}{_extent(report, assumption)}"
    yield from _failures(report)
    yield ""
    yield _counts(report)


def answered(a: CheckerAsked) -> str:
    """How a checker of other people answered, in one line."""
    return (f"asked {a.name} ({a.version}): {counted(a.opinions, 'opinion')}, {a.agree} agree, "
            f"{a.unknown} unknown, in {a.seconds:.1f} s")


def _failures(report: Report) -> Iterator[RenderableType]:
    """The unknown results by their reasons, and each other failure in full."""
    from rich.text import Text

    for reason, ids in _left_out(report).items():
        yield ""
        yield Text(f"unknown: {_ranges(ids)}", style=COLOURS[Verdict.UNKNOWN])
        yield reason
    if unchecked := [r.id for r in report.results if r.unchecked]:
        yield ""
        yield Text(f"unknown whether it is empty: {_ranges(unchecked)}",
                   style=COLOURS[Verdict.UNKNOWN])
        yield "a promise that is true passes only if a search shows that it says something"
    for r in report.results:
        if _left(r) or (r.unchecked and not r.opinions):
            continue
        if r.story or r.verdict in (Verdict.REFUTED, Verdict.VACUOUS, Verdict.DISAGREE):
            yield ""
            yield Text(f"{r.id} {r.verdict}: {r.title}", style=COLOURS.get(r.verdict, ""))
            yield r.story.rstrip() or "  no counterexample is told; --json has the detail"


def _supports(machine: Machine, report: Report, why: Iterable[str]) -> Iterator[str]:
    """What the proofs that were asked about need: invariants with their sentences, and the world."""
    says = {i.id: i.says for i in machine.model.invariants}
    asked = set(why)
    for r in report.results:
        if r.id not in asked:
            continue
        yield ""
        support = r.support
        if support is None or r.verdict != Verdict.PROVED:
            yield f"{r.id} is {r.verdict.replace('_', ' ')} {_BY[r.method]}; it needs no invariant."
            continue
        if not (support.invariants or support.world):
            yield f"{r.id} needs no other invariant, and nothing of the world."
        for id_ in support.invariants:
            yield "\n".join(wrapped(f"{id_}: {says[id_]}", f"{r.id} needs ", "  "))
        for cell in support.world:
            yield "\n".join(wrapped(cut(cell, 150), f"{r.id} needs of the world ", "  "))
        more = [i for i in support.closure if i not in support.invariants]
        if more:
            needs = "need" if len(support.invariants) > 1 else "needs"
            yield "\n".join(wrapped(
                f"{listed(support.invariants, 'and')} {needs} {', '.join(more)}", later="  "))


def _opinions(result: Result) -> str:
    """The checkers that agree; with a question mark those that do not know."""
    def word(name: str, opinion: Verdict) -> str:
        if opinion is Verdict.UNKNOWN:
            return f"{name}?"
        return name if opinion is result.verdict else f"{name}:{opinion}"

    return " ".join(word(name, opinion) for name, opinion in result.opinions.items())


def _figures(report: Report, *, full: bool) -> Iterator[RenderableType]:
    """The figures of what is proved, and those of the mutants; the theorems about time in full."""
    found, untold = output.table("id", "found"), []
    for r in report.results:
        if r.detail and not {"kinds", WAYS} & set(r.detail) and r.verdict in (
                Verdict.PROVED, Verdict.REPORTED):
            if full or r.model != TIMED:
                found.add_row(r.id, _found(r.detail))
            else:
                untold.append(r.id)
    if found.rows:
        yield found
    if untold:
        yield (f"{_ranges(untold)}: prgcore prove --only {untold[0]} prints premises and "
               "conclusions")
    if found.rows or untold:
        yield ""
    for r in report.results:
        if "kinds" in r.detail:
            yield from _kinds_page(r.detail)
        if WAYS in r.detail:
            yield from _ways_page(r.detail)


def _kinds_page(detail: dict[str, Any]) -> Iterator[RenderableType]:
    """M1: the figures of every kind of mutants, what notices them, and what nothing notices."""
    words = ("killed", "equivalent", "unordered", "surviving")
    table = output.table("mutants of", *words, right=words)
    for name, figures in (*detail["kinds"].items(), ("all of them", detail)):
        table.add_row(name, *(f"{figures.get(word, 0):,}" for word in words))
    yield table
    yield ""
    yield (f"{detail['mutants']:,} of {detail['of']:,} mutants, seed {detail['seed']}; "
           f"score {detail['score']:.2%} of those that are another machine")
    killers = sorted(detail["by"].items(), key=lambda one: -one[1])
    yield "noticed by " + ", ".join(f"{id_} {count:,}" for id_, count in killers)
    if detail["unordered"]:
        orders = Counter(o.partition(":")[0] for o in detail["orders of which no duty speaks"])
        yield "orders of which no duty speaks: " + ", ".join(
            f"{rule} {count}" for rule, count in orders.items())
    for mutant in detail["survivors"]:
        yield f"survives: {mutant}; {detail['listed'].get(mutant, 'it is not listed')}"
    yield ""


def _ways_page(detail: dict[str, Any]) -> Iterator[RenderableType]:
    """A theorem about any rules: each line that it needs, and what rules do without that line."""
    ways = detail[WAYS]
    terms = dict.fromkeys(term for way in ways for term in way["values"])
    table = output.table("without", *(t.strip("()") for t in terms))
    for way in ways:
        values = (way["values"].get(term) for term in terms)
        table.add_row(way["without"], *({True: "yes", False: "no"}.get(v, "") for v in values))
    yield table
    yield from (f"without {way['without']}: {way['says']}" for way in ways if way["says"])
    yield f"not without giving up one of {listed(detail['lines'], 'and')}"
    if detail["sources"]:
        yield f"sources: {detail['sources']}"
    yield ""


def _left(result: Result) -> bool:
    """Whether a result is unknown, and nothing but a reason is known."""
    return result.verdict == Verdict.UNKNOWN and result.counterexample is None


def _left_out(report: Report) -> dict[str, list[str]]:
    """The ids of what is unknown, by the reason."""
    found: dict[str, list[str]] = {}
    for r in filter(_left, report.results):
        found.setdefault(r.story.rstrip(), []).append(r.id)
    return found


def _ranges(ids: list[str]) -> str:
    """Ids in words, with a range instead of three or more in a row."""
    runs: list[list[str]] = []
    for id_ in ids:
        head, number = re.fullmatch(r"(.*?)(\d*)", id_).groups()  # type: ignore[union-attr]
        before = f"{head}{int(number) - 1}" if number else ""
        if runs and runs[-1][-1] == before:
            runs[-1].append(id_)
        else:
            runs.append([id_])
    return ", ".join(f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(r) for r in runs)


def _applicable(report: Report) -> list[Result]:
    return [r for r in report.results if r.verdict != Verdict.NOT_APPLICABLE]


def _extent(report: Report, assumption: str) -> str:
    """The results that rest on an assumption, in the shorter form; empty if all do."""
    these = [r.id for r in _applicable(report) if assumption in r.assumptions]
    others = [r.id for r in _applicable(report) if assumption not in r.assumptions]
    if not others:
        return ""
    few = len(these) <= len(others)
    return f" (for {', '.join(these)})" if few else f" (not for {', '.join(others)})"


def _found(detail: dict[str, Any]) -> str:
    """The figures of a proof in one sentence; only the first of a long list."""

    def said(value: object) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key} {part}" for key, part in value.items())
        if not isinstance(value, list | tuple):
            return str(value)
        more = f" and {len(value) - 12} more" if len(value) > 12 else ""
        return ", ".join(map(str, value[:12])) + more

    return "; ".join(f"{name} {said(value)}" for name, value in detail.items() if value != [])


def _choices(report: Report) -> str:
    return _policy(report.policy)


def _policy(policy: Iterable[tuple[str, str]]) -> str:
    return " ".join(f"{name}={choice}" for name, choice in policy)


def _counts(report: Report) -> str:
    verdicts = [r.verdict for r in report.results]
    counts = ", ".join(
        f"{verdicts.count(v)} {v.replace('_', ' ')}" for v in COLOURS if v in verdicts
    )
    asking = sum(a.seconds for a in report.asked)
    others = f", and {asking:.1f} s asking others" if report.asked else ""
    return f"{counts or 'nothing to prove'} in {report.seconds:.1f} s{others}"


def _summaries(reports: list[Report]) -> Iterator[str]:
    for report in reports:
        bad = [r.id for r in report.results if r.code]
        yield f"{_choices(report)}: {_counts(report)}" + (f": {', '.join(bad)}" if bad else "")
