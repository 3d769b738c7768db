"""Opinions about model D: SPIN is asked about the same networks, by a search of its own.

Law: SPIN must find as many networks as this prover, and shortest stories of the same lengths. If it
does not, the two disagree. An opinion never improves a verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from attrs import evolve

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports.promela_network import questions
from prgcore.network import Setting
from prgcore.prove.opinions import ALL
from prgcore.prove.opinions.spin import SPIN, Found
from prgcore.prove.report import Asked, Report, Result
from prgcore.vocabulary import Verdict

__all__ = ["asks", "opinions"]


def asks(names: Iterable[str]) -> bool:
    """Whether SPIN is asked.

    Raises:
        BadInput: another checker is asked, or SPIN is not installed.
    """
    wanted = dict.fromkeys(names)
    for name in wanted:
        if name not in (ALL, SPIN.name):
            raise BadInput(f"--ask {name[:40]}: model D is asked of {SPIN.name} alone")
    if wanted:
        SPIN.program()
    return bool(wanted)


def opinions(report: Report, engine: Engine, setting: Setting) -> Report:
    """The report on these networks with the opinion of SPIN beside D1 and D2, as far as it has them."""
    started = perf_counter()
    asked = [id_ for id_, _ in questions(engine, setting)]
    found = SPIN.networks(engine, setting)
    results = tuple(_judged(r, [n for n, id_ in enumerate(asked) if id_ == r.id], found)
                    for r in report.results)
    said = [(r.opinions.get(SPIN.name), r.verdict) for r in results]
    return evolve(report, results=results, asked=(*report.asked, Asked(
        SPIN.name, SPIN.version(), perf_counter() - started,
        sum(opinion is not None for opinion, _ in said),
        sum(opinion == verdict for opinion, verdict in said),
        sum(opinion is Verdict.UNKNOWN for opinion, _ in said))))


def _judged(result: Result, numbers: list[int], found: Found) -> Result:
    """The result with an opinion, if SPIN was asked the same."""
    if not numbers or result.verdict not in (Verdict.PROVED, Verdict.REFUTED):
        return result
    if why := found.failed or found.cut:
        return evolve(result, opinions={SPIN.name: Verdict.UNKNOWN},
                      detail={**result.detail, "no opinion": {SPIN.name: why}})
    steps = min((found.broken[n] for n in numbers if n in found.broken), default=None)
    opinion = Verdict.PROVED if steps is None else Verdict.REFUTED
    detail = result.detail
    count = detail.get("with mirror images", detail.get("networks"))
    says = ""
    if "searched" not in detail and count != found.pairs:
        says = f"it finds {found.pairs} networks, and this prover {count}"
    elif steps != detail.get("steps"):
        says = f"its shortest story has {steps or 'no'} steps, and ours {detail.get('steps', 'no')}"
    if says:
        return evolve(result, opinions={SPIN.name: opinion}, verdict=Verdict.DISAGREE, detail={
            **detail, "says": f"{SPIN.name} disagrees: {says}; prgcore export promela --model D "
                              "writes what it was asked"})
    return evolve(result, opinions={SPIN.name: opinion})
