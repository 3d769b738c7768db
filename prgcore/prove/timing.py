"""The theorems about time, T1 to T10: for all values of the parameters, whole and real.

Law: lists the theorems and discharges them. The arithmetic that is proved is the one that runs,
`prgcore.timers.arithmetic`. The claims, in words and in terms, are in `prgcore.prove.counts`,
`prgcore.prove.heartbeats` and `prgcore.prove.leases`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.prove import counts, heartbeats, leases
from prgcore.prove.claims import SORTS, Build, Unknowns, ask
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.seats import NODES
from prgcore.timers.monitor import watches
from prgcore.vocabulary import Method, Verdict

__all__ = ["THEOREMS", "Theorem", "discharge", "obligations"]


@frozen(eq=False)
class Theorem:
    """A sentence, the claims that make it up, and its assumptions about the world."""

    id: str
    title: str
    claims: dict[str, Build]
    assumptions: tuple[str, ...]


_CLOCK = "A-CLK(0): clocks do not drift against each other"
_TOLD = "A-TOLD: what arrives or changes is observed then"
_POLL = ("A-POLL(q): the monitor is polled at least every q, or at its next deadline (q = 0), and "
         "again at once while that is now")
_SEND = ("A-SEND: heartbeat k is sent at phase + k * interval or at most `late` after, and a "
         "heartbeat that is not lost takes from `shortest` to `longest`")
_CRASH = "A-CRASH: a crashed peer sends nothing"
_DRIFT = ("A-CLK(rho): a lease of L on its holder's clock ends within L / (1 - rho), and a wait of W "
          "on the other's takes W / (1 + rho) or more")
_PAUSE = "A-PAUSE(p): at most p passes between looking at a lease and serving by it"
_STOP = "A-STOP(s): services that are told to stop serve nobody s later"
_RECORD = "A-LIN: both nodes reach one linearizable record"


THEOREMS = (
    Theorem("T1", "a timer gives its event exactly when it is due, and no other comes first",
            {"the start": counts.at_the_start, "every observation": counts.exactly_when_due,
             "two polls": counts.first_poll, "held back": counts.held_back}, ()),
    Theorem("T2", "what recovers before its delay resets its timer",
            {"down, well, down": counts.recovery_resets}, (_TOLD,)),
    Theorem("T3", "a crash is noticed within time-out + latency + polling",
            {"the last heartbeat": heartbeats.noticed_in_time},
            (_CLOCK, _TOLD, _POLL, _SEND, _CRASH)),
    Theorem("T4", "a crash is not noticed before time-out - (n + 1) * interval - jitter",
            {"n lost before it": heartbeats.not_too_soon()}, (_CLOCK, _SEND)),
    Theorem("T5", "a live peer is never suspected if interval + jitter < time-out",
            {"none lost": heartbeats.believed(0)}, (_CLOCK, _TOLD, _SEND)),
    Theorem("T6",
            "n lost heartbeats are survived exactly if (n + 1) * interval + jitter < time-out",
            {"survived": heartbeats.believed(), "not survived": heartbeats.suspected()},
            (_CLOCK, _TOLD, _SEND)),
    Theorem("T7", "an automatic fallback comes after 1800 s or more of unbroken health",
            {"the start": counts.at_the_start, "every observation": counts.unbroken_health},
            (_TOLD,)),
    Theorem("T8", "polling at the next deadline is enough, and is no busy loop",
            {"four counts": counts.deadline_is_enough,
             "other parameters": counts.deadline_after_a_change}, ()),
    Theorem("T9", "users are out as `prgcore timing` says; the least, if no heartbeat was lost before",
            {"a crash, at most": heartbeats.longest_crash_outage,
             "a crash, at least": heartbeats.shortest_crash_outage,
             "a service": heartbeats.service_outage, "a fallback": heartbeats.fallback_outage,
             "the mean": heartbeats.mean_is_the_middle}, (_CLOCK, _TOLD, _POLL, _SEND, _CRASH)),
    Theorem("T10", "nobody is served twice exactly if lease + pause + stopping <= the other's wait",
            {"long enough": leases.never_twice, "too short": leases.twice},
            (_RECORD, _DRIFT, _PAUSE, _STOP)),
)


@cache
def discharge(theorem: Theorem) -> Judgement:
    """Every claim of a theorem over whole and real numbers, up to the first that is not proved."""
    detail: dict[str, Any] = {"over": list(SORTS)}
    for name, build in theorem.claims.items():
        for sort in SORTS:
            answer = ask(build, sort)
            if answer.verdict != Verdict.PROVED:
                numbers = ", ".join(f"{k} = {v}" for k, v in answer.values.items())
                says = f"{name} ({sort}): {answer.says}" + (f"; not with {numbers}" * bool(numbers))
                return Judgement(answer.verdict, Method.INDUCTION, {
                    "says": says, "numbers": answer.values})
    for name, build in theorem.claims.items():
        claim = build(Unknowns("Real"))
        detail[f"({name})"] = f"IF {'; '.join(claim.given)}; THEN {'; '.join(claim.then)}"
    return Judgement(Verdict.PROVED, Method.INDUCTION, detail)


def obligations() -> tuple[Obligation, ...]:
    """The theorems, for a machine that has the timers they are about."""
    return tuple(
        Obligation(t.id, t.title, _run(t), t.assumptions, model="T") for t in THEOREMS)


def _run(theorem: Theorem) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        try:
            for node in NODES:
                watches(work.engine, node)
        except BadInput as error:
            return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": str(error)})
        found = discharge(theorem)
        return Judgement(found.verdict, found.method, dict(found.detail))

    return run
