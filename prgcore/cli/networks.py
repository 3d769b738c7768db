"""`prove --model D`: the promises of a machine as two nodes with messages in flight keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from prgcore.cli import inputs, output, proofs
from prgcore.errors import BadInput, unknown_name
from prgcore.network.setting import ADVERSARIES, ARBITERS, DEFAULT, Setting
from prgcore.vocabulary import Verdict
from prgcore.words import cut, wrapped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from prgcore.machine import Machine
    from prgcore.prove.report import Report, Result

__all__ = ["Asked", "asked", "run"]

PREDICTED = {("none", "D1"), ("none", "D2"), ("cas", "D1")}
"""What the theory refutes where the adversary is the default: no two nodes can promise the first,
and a paused owner serves by an old reading. Everything else is proved, or does not apply."""


@frozen
class Asked:
    """A question about the networks of a machine; without an arbiter, one about every arbiter.

    Attributes:
        budget: seconds for each arbiter; memory: bytes.
        ask: other people's checkers that are asked too.
    """

    arbiter: str | None = None
    adversary: frozenset[str] = DEFAULT
    silence: int = 0
    only: tuple[str, ...] = ()
    budget: float | None = None
    memory: int | None = None
    ask: tuple[str, ...] = ()

    @property
    def setting(self) -> Setting:
        """The network that is asked about first."""
        return Setting(self.arbiter or next(iter(ARBITERS)), self.adversary, self.silence)


def asked(
    model: str | None, arbiter: str | None, adversary: str | None, silence: str | None,
    beside: Mapping[str, object],
) -> Asked | None:
    """The options of `--model D`; None: model P is asked about.

    Args:
        beside: options that do not go with model D, by name.

    Raises:
        BadInput: a word is not known, or options do not go together.
    """
    if model not in (None, "P", "D"):
        raise BadInput(unknown_name("model", model, ("P", "D")))
    if model != "D":
        given = {"--arbiter": arbiter, "--adversary": adversary, "--silence": silence}
        for name, value in given.items():
            if value is not None:
                raise BadInput(f"{name} is about two nodes with messages; add --model D")
        return None
    inputs.refuse_beside("--model D", beside)
    words = frozenset(ADVERSARIES) if adversary == "all" else DEFAULT if adversary is None else \
        frozenset(w for w in (word.strip() for word in adversary.split(",")) if w)
    if silence is not None and not (silence.isascii() and silence.isdigit() and len(silence) < 3):
        raise BadInput(f"--silence {cut(silence, 40)!r}: expected 0 to 99 intervals")
    known = Setting(arbiter or "none", words, int(silence or 0))
    return Asked(arbiter, known.adversary, known.silence)


def run(machine: Machine, of: Asked, *, as_json: bool, progress: bool) -> int:
    """Prove, print what was found, and return the exit code."""
    with proofs.needed("prgcore prove --model D"):
        from prgcore.prove.network.obligations import prove
        from prgcore.prove.opinions.networks import asks, opinions
    reports, also = {}, asks(of.ask)
    with output.progress("proving", always=progress) as tell:
        for n, arbiter in enumerate([of.arbiter] if of.arbiter else ARBITERS):
            def listen(doing: str, arbiter: str = arbiter, n: int = n) -> None:
                if tell:
                    tell(f"{arbiter} {doing}".rstrip(), n, 1 if of.arbiter else len(ARBITERS))

            listen("")
            setting = Setting(arbiter, of.adversary, of.silence)
            report = prove(machine, setting, of.only, budget=of.budget, memory=of.memory,
                           listen=listen)
            reports[arbiter] = opinions(report, machine, setting) if also else report
    if as_json:
        output.write_json(_json(of, reports))
    elif of.arbiter:
        output.show(*_one(of, reports[of.arbiter]))
    else:
        output.show(*_all(of, reports))
    return _code(of, reports)


def _code(of: Asked, reports: dict[str, Report]) -> int:
    """The exit code: of all arbiters beside each other, 0 if each verdict is the predicted one."""
    if of.arbiter or of.adversary != DEFAULT:
        codes = {report.exit_code for report in reports.values()}
    else:
        codes = {1 if r.code == 0 and (arbiter, r.id) in PREDICTED and _applies(r)
                 else 0 if r.code == 1 and (arbiter, r.id) in PREDICTED else r.code
                 for arbiter, report in reports.items() for r in report.results}
    return next((code for code in proofs.WORST_FIRST if code in codes), 0)


def _applies(result: Result) -> bool:
    return result.verdict is not Verdict.NOT_APPLICABLE


def _json(of: Asked, reports: dict[str, Report]) -> dict[str, Any]:
    said = {"model": "D", "adversary": sorted(of.adversary), "silence": of.silence}
    each = [{"arbiter": arbiter, **report.to_json()} for arbiter, report in reports.items()]
    if of.arbiter:
        return {**said, **each[0]}
    return {"ok": not _code(of, reports), **said, "arbiters": each}


def _heading(of: Asked) -> Iterator[str]:
    words = ", ".join(w for w in ADVERSARIES if w in of.adversary) or "nothing"
    yield "\n".join(wrapped(words, "adversary: ", "  "))
    if of.silence:
        yield f"a time-out is {of.silence} intervals of silence"


def _one(of: Asked, report: Report) -> Iterator[RenderableType]:
    yield f"arbiter: {of.arbiter}, {ARBITERS[of.arbiter or 'none']}"
    yield from _heading(of)
    yield ""
    yield from proofs.page(report, full=True)


def _all(of: Asked, reports: dict[str, Report]) -> Iterator[RenderableType]:
    """One line for each arbiter, then what the obligations are, and each refutation's story."""
    from rich.text import Text

    first = next(iter(reports.values()))
    table = output.table("arbiter", *(r.id for r in first.results), "networks", "depth", "s",
                         right=("networks", "depth", "s"))
    for arbiter, report in reports.items():
        sizes = next((r.detail for r in report.results if "networks" in r.detail), {})
        table.add_row(arbiter, *(_cell(r) for r in report.results),
                      f"{sizes.get('networks', 0):,}", str(sizes.get("depth", "")),
                      f"{report.seconds:.1f}")
    yield from _heading(of)
    yield ""
    yield table
    for arbiter, report in reports.items():
        yield from (f"{arbiter}: {proofs.answered(a)}" for a in report.asked)
    yield ""
    for r in first.results:
        yield "\n".join(wrapped(r.title, f"{r.id}  ", "    "))
    idle: dict[str, list[str]] = {}
    for r in first.results:
        if r.verdict is Verdict.NOT_APPLICABLE:
            idle.setdefault(str(r.detail["says"]), []).append(r.id)
    yield from ("\n".join(wrapped(f"{', '.join(ids)} with arbiter {next(iter(reports))}: {says}",
                                  "not applicable: ", "    ")) for says, ids in idle.items())
    for arbiter, report in reports.items():
        for r in report.results:
            if r.counterexample is not None:
                yield ""
                yield Text(f"{r.id} {r.verdict} with arbiter {arbiter}",
                           style=proofs.COLOURS[r.verdict])
                yield r.story.rstrip()
    if of.adversary == DEFAULT and any(map(_applies, first.results)):
        yield ""
        yield ("every verdict is the one that the theory predicts" if not _code(of, reports)
               else "a verdict differs from the one that the theory predicts")


def _cell(result: Result) -> RenderableType:
    from rich.text import Text

    steps = result.detail.get("steps")
    words = {Verdict.NOT_APPLICABLE: "-"}.get(result.verdict, str(result.verdict))
    said = f"{words}: {steps}" if result.verdict is Verdict.REFUTED and steps else words
    return Text(said, style=proofs.COLOURS.get(result.verdict, ""))


