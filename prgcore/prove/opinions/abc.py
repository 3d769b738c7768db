"""ABC: all promises as outputs of one graph, which `pdr` proves without an invariant of ours.

Law: it reads the files of `prgcore export aiger`. Its exit code is 0 whatever happens, so the text
decides. An output that it names as asserted is refuted. The others are proved only if ABC counts
them so, leaves none undecided, and verified the invariant that it found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

from prgcore.exports.aiger import aiger
from prgcore.exports.promises import promises
from prgcore.model import Model
from prgcore.prove.opinions.checker import Opinion, Said, found, run
from prgcore.vocabulary import Verdict

__all__ = ["ABC", "Abc", "read"]

SECONDS = 300
"""How many seconds it may take for all promises; the program itself stops a little before."""

_ASSERTED = re.compile(r"^Output\s+(\d+) was asserted in frame", re.MULTILINE)
_COUNTS = re.compile(
    r"^Properties:\s+All = (\d+)\. Proved = (\d+)\. Disproved = (\d+)\. Undecided = (\d+)\.",
    re.MULTILINE)
_FAILED = re.compile(r"[^\n]*\b(?:FAILED|[Ee]rror|[Cc]annot|[Ww]rong)\b[^\n]*")


@frozen
class Abc:
    """ABC, the system for synthesis and verification of Berkeley."""

    name: str = "abc"
    form: str = "aiger"
    inductive: bool = False

    def program(self) -> Sequence[str]:
        install = "install ABC (apt install berkeley-abc, or yosys-abc of yosys)"
        return (found(("berkeley-abc", "yosys-abc", "abc"), install), "-s", "-q")

    def version(self) -> str:
        said = run([*self.program(), "version"], 10, Path.cwd())
        return next(iter(said.text.splitlines()), self.name)[:60]

    def ask(self, model: Model, given: Sequence[str]) -> Mapping[str, Opinion]:  # noqa: ARG002
        asked, reached = promises(model), {}
        with TemporaryDirectory() as name:
            folder = Path(name)
            for file, data in aiger(model).items():
                (folder / file).write_bytes(data)
            script = "read_aiger {}; pdr -a -T {}"
            answers = [
                run([*self.program(), script.format(file, SECONDS - 10)], SECONDS, folder)
                for file in ("never.aig", "sometime.aig")
            ]
        never = read(answers[0], len(asked))
        shown = iter(read(answers[1], sum(len(p.reached) for p in asked)))
        for promise in asked:
            reached[promise.id] = [next(shown).verdict for _ in promise.reached]
        return {
            promise.id: said if all(v is Verdict.REFUTED for v in reached[promise.id])
            or said.verdict is not Verdict.PROVED
            else Opinion(Verdict.UNKNOWN, "it does not reach a witness of the promise")
            for promise, said in zip(asked, never, strict=True)
        }


def read(said: Said, outputs: int) -> list[Opinion]:
    """What the text of `pdr -a` says of each output: *refuted* is one that is 1 sometime."""
    failed = _FAILED.search(said.text)
    counts = _COUNTS.findall(said.text)
    asserted = {int(n) for n in _ASSERTED.findall(said.text)}
    why = said.failed or (failed[0][:120] if failed else "")
    if not why and len(counts) != 1:
        why = f"it does not count its answers: {' '.join(said.text.split())[-120:]!r}"
    every, proved, disproved, undecided = map(int, counts[0]) if not why else (0, 0, 0, 0)
    if not why and (every, disproved) != (outputs, len(asserted)):
        why = f"it counts {every} outputs and {disproved} that are 1, of {outputs}"
    if why:
        return [Opinion(Verdict.UNKNOWN, why)] * outputs
    rest = Opinion(Verdict.PROVED)
    if undecided or proved != outputs - disproved:
        rest = Opinion(Verdict.UNKNOWN, f"it leaves {undecided} of {outputs} outputs undecided")
    elif proved and "Verification of invariant" not in said.text:
        rest = Opinion(Verdict.UNKNOWN, "it verifies no invariant")
    elif proved and "was successful" not in said.text:
        rest = Opinion(Verdict.UNKNOWN, "its invariant does not verify")
    return [Opinion(Verdict.REFUTED) if n in asserted else rest for n in range(outputs)]


ABC = Abc()
