"""The theorems about time, T1 to T16 and D5: for all values of the parameters, whole and real.

Law: lists the theorems and discharges them. The arithmetic that is proved is the one that runs,
`prgcore.timers.arithmetic`. The claims, in words and in terms, are in `prgcore.prove.counts`,
`prgcore.prove.heartbeats`, `prgcore.prove.stalls`, `prgcore.prove.leases`,
`prgcore.prove.roll_out`, `prgcore.prove.fences` and `prgcore.prove.cuts`. Each theorem says what
it assumes of the tables, and is refuted where they
differ (`prgcore.prove.assumed`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from attrs import evolve, field, frozen

from prgcore.form.cubes import Stored
from prgcore.form.habits import INTERVAL, TIMEOUT, Habits
from prgcore.machine import NAME
from prgcore.model import Model
from prgcore.prove import (
    counts,
    cuts,
    fences,
    heartbeats,
    leases,
    regions,
    roll_out,
    stalls,
)
from prgcore.prove.assumed import (
    Assumed,
    Closed,
    Durations,
    ParameterRow,
    SanityRow,
    Shipped,
    TimerCount,
    TimerOrder,
    TimerRow,
    unread,
)
from prgcore.prove.claims import SORTS, Build, Unknowns, ask, no, same
from prgcore.prove.own_timers import Lasting, Quiet, Sound, missing
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.timers.arithmetic import survives
from prgcore.vocabulary import Method, Verdict
from prgcore.words import counted

__all__ = [
    "DUAL_SERVICE", "THEOREMS", "Theorem", "broken", "discharge", "documented", "dual_service", "obligations",
]


@frozen(eq=False)
class Theorem:
    """A sentence, the claims that make it up, and its assumptions.

    `assumptions` are about the world, `tables` about the tables that are shipped. The claims of
    `real` multiply unknowns, such as a drift and a time: they are asked of real numbers only, of
    which whole ones are some. What `searched` calls is a search beside the claims: it returns what
    is wrong, or nothing, and what was searched.
    """

    id: str
    title: str
    claims: dict[str, Build]
    assumptions: tuple[str, ...]
    tables: tuple[Assumed, ...] = ()
    real: dict[str, Build] = field(factory=dict)
    searched: Callable[[], tuple[str, str]] | None = None


_CLOCK = ("A-CLK(rho): what a clock counts as L takes from L / (1 + rho) to L / (1 - rho) of true time; "
          "rho is from 0, below 1")
_TOLD = "A-TOLD: what arrives or changes is observed then"
_POLL = ("A-POLL(q): the monitor is polled at least every q, or at its next deadline (q = 0), and "
         "again at once while that is now")
_SEND = ("A-SEND: a heartbeat is due at each interval of its sender's clock and sent at most `late` "
         "after; if it is not lost, it takes from `shortest` to `longest`; both nodes have one interval")
_CRASH = "A-CRASH: a crashed peer sends nothing"
_PAUSE = "A-PAUSE(p): at most p passes between looking at a lease and serving by it"
_STOP = "A-STOP(s): services that are told to stop serve nobody s later"
_HANDED = ("A-HAND: unless the node is stalled, a heartbeat is handed in at its arrival or later, and "
           "before the end of any reading that began after its arrival")
_CALLS = ("A-CALL(r, l, c): a turn is promised at most r after the end of a reading and comes at most "
          "l later; a store call takes at most c")
_APART = ("A-APART(d): after a silence of the store, the first reading of the peer ends at most d after "
          "that of the watching node, for d < time-out / (1 + rho) - interval / (1 - rho) - lateness - "
          "latency")
_SIGNED = ("A-SIGN: a node serves by readings that have its signature, and takes over by the terms of "
           "the record that it replaces; a signature goes when the services have stopped, or, where "
           "other terms take its place, after the wait in force")
_FENCED = "A-FENCE: a node that is fenced has ended when the fence is acknowledged, after `latency`"
_CLASH = ("A-CLASH: a node that hears its peer after the cut no longer serves the peer's users; what its "
          "services need to stop comes in addition")
_DECISIONS = ("A-WAIT: the wait begins at each decision that a node did not know, not only where the "
              "group was the other's before")
_RECORD = "A-LIN: both nodes reach one linearizable record"

_HEARD, _HOST, _LOST, _DELAY, _FALLBACK = (
    "heartbeat_heard", "peer_host_lost", "heartbeat_lost", "critical_service_delay",
    "auto_fallback_due")
_STARTING, _LOWER = "initialization_keep_alive_timeout", "client_relogin_lower_limit"
_FALLBACK_AFTER = "automatic_fallback_after"
_UPPER, _PORT, _ADMIN = "client_relogin_upper_limit", "service_port", "admin_rpc_port"
_ERROR, _WARNING, _INFORMATION = "error", "warning", "information"

_SILENCE = TimerRow(
    _LOST, again=("heartbeat", "stall"), again_in=({"me.state": "initializing"},),
    limits=(({"me.state": "initializing"}, _STARTING), ({}, TIMEOUT)))
_ILLNESS = TimerRow(
    _DELAY, runs=({"me.services": "down"}, {"me.database": "down"}),
    limits=(({}, "critical_service_delay"),))
_HEALTH = TimerRow(
    _FALLBACK, runs={"me.state": "failed_over", "me.services": "up", "me.database": "up"},
    limits=(({}, _FALLBACK_AFTER),))
_SILENT_TIMES = Durations((TIMEOUT, _STARTING))


def _survives(lost: int, timeout: str) -> Build:
    return lambda u: survives(lost, u.number(INTERVAL), u.number("jitter"), u.number(timeout))


_ALIVE = SanityRow(
    "alive", _ERROR, "T5", "interval + jitter < time-out", _survives(0, TIMEOUT))
_ALIVE_AT_START = SanityRow(
    "alive-at-start", _ERROR, "T5", "interval + jitter < time-out during initialization",
    _survives(0, _STARTING))
_TWO_LOSSES = SanityRow(
    "two-losses", _WARNING, "T6", "(n + 1) * interval + jitter < time-out for n = 2",
    _survives(2, TIMEOUT))
_THREE_LOSSES = SanityRow(
    "three-losses", _INFORMATION, "T6", "(n + 1) * interval + jitter < time-out for n = 3",
    _survives(3, TIMEOUT))
_PATIENT_START = SanityRow(
    "patient-start", _WARNING, "T3", "time-out <= time-out during initialization",
    lambda u: u.number(TIMEOUT) <= u.number(_STARTING))
_SOME_DELAY = SanityRow(
    "delay", _WARNING, "T2", "the delay is above zero",
    lambda u: u.number("critical_service_delay") > 0)
_SOME_INTERVAL = SanityRow(
    "interval", _ERROR, "T8", "the interval is a millisecond or more",
    lambda u: u.number(INTERVAL) * 1000 >= 1)
_SOME_WAIT = SanityRow(
    "re-login", _ERROR, "T9", "the lower re-login limit is above zero",
    lambda u: u.number(_LOWER) > 0)
_WAITS = SanityRow(
    "re-login-limits", _ERROR, "T9", "lower <= upper re-login limit",
    lambda u: u.number(_LOWER) <= u.number(_UPPER))
_PATIENT_CLIENTS = SanityRow(
    "re-login-delay", _WARNING, "D28", "critical service delay <= lower re-login limit",
    lambda u: u.number("critical_service_delay") <= u.number(_LOWER))
_PORTS = SanityRow(
    "ports", _ERROR, "", "two ports that differ",
    lambda u: no(same(u.number(_PORT), u.number(_ADMIN))))

_PRINTED = (
    ParameterRow(_PORT, 22001, "port", 1, 65_535),
    ParameterRow(_ADMIN, 20075, "port", 1, 65_535),
    ParameterRow("critical_service_delay", 90),
    ParameterRow("enable_automatic_fallback", False, "true or false", 0, 1),
    ParameterRow(_FALLBACK_AFTER, 1800),
    ParameterRow(_STARTING, 120),
    ParameterRow(TIMEOUT, 60),
    ParameterRow(INTERVAL, 15),
    ParameterRow("monitor_xcp_authentication", False, "true or false", 0, 1),
    ParameterRow(_LOWER, 120),
    ParameterRow(_UPPER, 537),
)
_CLOSED = Closed(
    tuple(p.name for p in _PRINTED),
    ("interval", "alive", "alive-at-start", "two-losses", "three-losses", "patient-start", "delay", "re-login",
     "re-login-limits", "re-login-delay", "ports"))

THEOREMS = (
    Theorem("T1", "a timer gives its event exactly when it is due, unless another one comes first",
            {"the start": counts.at_the_start, "every observation": counts.exactly_when_due,
             "two polls": counts.first_poll, "held back": counts.held_back}, (),
            (TimerOrder((_HEARD, _HOST, _LOST, _DELAY, _FALLBACK)),
             TimerRow(_HEARD, told="heartbeat"), TimerRow(_HOST, told="peer_host_lost"))),
    Theorem("T2", "what recovers before its delay resets its timer",
            {"down, well, down": counts.recovery_resets}, (_TOLD,),
            (_ILLNESS, Durations("critical_service_delay"), _SOME_DELAY)),
    Theorem("T3", "a crash is noticed within time-out / (1 - rho) + latency + polling", {},
            (_CLOCK, _TOLD, _POLL, _SEND, _CRASH), (_SILENCE, _SILENT_TIMES, _PATIENT_START),
            {"the last heartbeat": heartbeats.noticed_in_time}),
    Theorem("T4",
            "a crash is not noticed before time-out / (1 + rho) - (n + 1) * interval / (1 - rho) - jitter",
            {}, (_CLOCK, _SEND), (_SILENCE, _SILENT_TIMES, Durations(INTERVAL)),
            {"n lost before it": heartbeats.not_too_soon()}),
    Theorem("T5",
            "a live peer is never suspected if interval / (1 - rho) + jitter < time-out / (1 + rho)",
            {}, (_CLOCK, _TOLD, _SEND),
            (_SILENCE, _SILENT_TIMES, Durations(INTERVAL), _ALIVE, _ALIVE_AT_START),
            {"none lost": heartbeats.believed(0)}),
    Theorem("T6",
            "a live peer survives n lost heartbeats exactly if (n + 1) * interval / (1 - rho) + jitter < "
            "time-out / (1 + rho)", {}, (_CLOCK, _TOLD, _SEND),
            (_SILENCE, _SILENT_TIMES, Durations(INTERVAL), _TWO_LOSSES, _THREE_LOSSES),
            {"survived": heartbeats.believed(), "not survived": heartbeats.suspected()}),
    Theorem("T7", "an automatic fallback comes after {auto_fallback_due} or more of unbroken health",
            {"the start": counts.at_the_start, "every observation": counts.unbroken_health},
            (_TOLD, _CLOCK), (_HEALTH, Durations(_FALLBACK_AFTER)), {"true time": counts.true_time}),
    Theorem("T8", "polling at the next deadline is enough, and never becomes a busy loop",
            {"four counts": counts.deadline_is_enough(),
             "other parameters": counts.deadline_after_a_change()}, (),
            (TimerCount(counts.COUNTS), Durations(INTERVAL), _SOME_INTERVAL)),
    Theorem("T9", "users are out as long as `prgcore timing` says; the least, if no heartbeat was lost "
            "before",
            {"the mean": heartbeats.mean_is_the_middle}, (_CLOCK, _TOLD, _POLL, _SEND, _CRASH),
            (_SILENCE, _ILLNESS, _SILENT_TIMES,
             Durations((INTERVAL, "critical_service_delay", _LOWER, _UPPER)),
             _SOME_WAIT, _WAITS),
            {"a crash, at most": heartbeats.longest_crash_outage,
             "a crash, at least": heartbeats.shortest_crash_outage,
             "a service": heartbeats.service_outage, "a fallback": heartbeats.fallback_outage}),
    Theorem("T10", "nobody is served twice exactly if lease + pause + stopping <= the other's wait; "
            "if they are equal, both may serve in one instant",
            {"long enough": leases.never_twice, "too short": leases.twice,
             "equal": leases.one_instant, "longer": leases.strictly_after},
            (_RECORD, _CLOCK, _PAUSE, _STOP), (),
            {"drift": leases.drifted_never_twice, "too much drift": leases.drifted_twice,
             "less drift": leases.less_drift, "by hand": leases.roughly_tolerated,
         "the margin": leases.margin}),
    Theorem("T11", "the parameters are those of the document, and the rules between them are complete",
            {}, (), (*_PRINTED, _PATIENT_CLIENTS, _PORTS, _CLOSED)),
    Theorem("T12", "a node's own stall is never counted as its peer's silence: a loss needs a whole "
            "time-out in which the node was awake, read the record and heard nothing",
            {"the start": stalls.first_observation, "every turn": stalls.awake_all_the_time,
             "no stall": stalls.never_stalled}, (_CLOCK, _HANDED, _SEND, _CRASH, _CALLS),
            (_SILENCE, _SILENT_TIMES, Durations(INTERVAL), _ALIVE, _ALIVE_AT_START),
            {"a live peer": stalls.heard_after, "a dead peer": stalls.noticed_after}),
    Theorem("T13", "after a silence of the store a node waits a whole time-out from its own first "
            "reading, and hears by then a peer whose first reading is near enough",
            {"each waits": stalls.patient_after}, (_CLOCK, _HANDED, _SEND, _APART),
            (_SILENCE, _SILENT_TIMES, Durations(INTERVAL)),
            {"near enough": stalls.heard_in_time, "too far apart": stalls.too_far_apart,
             "silent for one": stalls.one_node_silent}),
    Theorem("T14", "while another lease is rolled out, the lease in force keeps both: the shorter time to "
            "serve, the longer wait; nobody is served twice",
            {"both": roll_out.keeps_both, "a take-over": roll_out.never_twice_meanwhile,
             "a restart": roll_out.earlier_agent, "its own wait alone": roll_out.lasts_too_long,
             "the longer wait alone": roll_out.waits_too_little},
            (_RECORD, _SIGNED, _CLOCK, _PAUSE, _STOP), (), {"drift": roll_out.drift_too}),
    Theorem("T15", "two nodes that fence each other can both end exactly if their delays differ by less "
            "than the time of a fence and the time by which they may notice apart",
            {"one is left": fences.one_is_left, "both end": fences.both_can,
             "never nobody": fences.somebody_fences}, (_FENCED,)),
    Theorem("T16", "a paused owner serves beside the new one, the story of D1, exactly if lease / (1 - rho) "
            "+ pause + stopping > the other's wait / (1 + rho)", {},
            (_RECORD, _CLOCK, _PAUSE, _STOP, _DECISIONS), (),
            {"over in time": leases.over_in_time, "as long as the excess": leases.overlaps},
            regions.exactly_where_not_fenced),
)

DUAL_SERVICE = Theorem(
    "D5", "without an arbiter users are served twice at most for the longest silence of a cut - "
    "time-out / (1 + rho)",
    {}, (_CLOCK, _TOLD, _SEND, _CLASH), (_SILENCE, _SILENT_TIMES, Durations(INTERVAL)),
    {"how many are lost": cuts.loses, "at most": cuts.at_most, "as long": cuts.reached,
     "a short cut": cuts.harmless, "one way": cuts.one_way, "by hand": cuts.roughly})


@cache
def discharge(theorem: Theorem) -> Judgement:
    """Every claim of a theorem over whole and real numbers, up to the first that is not proved."""
    claims = {**theorem.claims, **theorem.real}
    if not claims:
        return Judgement(Verdict.PROVED, Method.TABLE)
    detail: dict[str, Any] = {"over": "whole and real numbers" if theorem.claims else
                              "real numbers, of which whole ones are some"}
    for name, build in claims.items():
        for sort in SORTS if name in theorem.claims else SORTS[-1:]:
            answer = ask(build, sort)
            if answer.verdict != Verdict.PROVED:
                numbers = ", ".join(f"{k} = {v}" for k, v in answer.values.items())
                says = f"{name} ({sort}): {answer.says}" + (f"; not with {numbers}" * bool(numbers))
                return Judgement(answer.verdict, Method.INDUCTION, {
                    "says": says, "numbers": answer.values})
    for name, build in claims.items():
        claim = build(Unknowns("Real"))
        over = ", over real numbers" * (name in theorem.real)
        detail[f"({name}{over})"] = f"IF {'; '.join(claim.given)}; THEN {'; '.join(claim.then)}"
    if theorem.searched is not None:
        wrong, detail["searched"] = theorem.searched()
        if wrong:
            return Judgement(Verdict.REFUTED, Method.SEARCH, {"says": wrong})
    return Judgement(Verdict.PROVED, Method.INDUCTION, detail)


def broken(
    theorem: Theorem, stored: Stored, shipped: Shipped, tables: tuple[Assumed, ...] | None = None,
) -> Iterator[str]:
    """Where the tables differ from what a theorem assumes of them; nothing is proved again.

    Args:
        tables: other assumptions than those of the document.
    """
    for assumed in theorem.tables if tables is None else tables:
        for says in assumed.differs(shipped, stored):
            yield f"{theorem.id}: {says}"


def documented(model: Model) -> bool:
    """Whether the timers of a machine must be those of the document, by its name."""
    return model.name == NAME


def obligations(model: Model, shipped: Shipped | None = None) -> tuple[Obligation, ...]:
    """The theorems about the timers and parameters of a machine.

    Args:
        shipped: other tables than those of the machine.
    """
    shipped = Shipped.of(model) if shipped is None else shipped
    return tuple(_obligation(theorem, model, shipped) for theorem in THEOREMS)


def dual_service(model: Model) -> Obligation:
    """D5, of model D with clocks: how long users may be served twice if there is no arbiter."""
    return _obligation(DUAL_SERVICE, model, Shipped.of(model))


def _obligation(theorem: Theorem, model: Model, shipped: Shipped) -> Obligation:
    if documented(model):
        numbers = {t: shipped.limit(t) or "no time" for t in (_HEARD, _HOST, _LOST, _DELAY, _FALLBACK)}
        title, tables = theorem.title.format(**numbers), theorem.tables
        lacks = _lacks(theorem, model)
    else:
        title = _TITLES.get(theorem.id, theorem.title)
        theorem, tables, lacks = _of_any(theorem, model)
    return Obligation(theorem.id, title, _run(theorem, tables, shipped, lacks),
                      theorem.assumptions, model="T")


_TITLES = {
    "T7": "an event comes after its limit or more in which its condition was never seen to end",
}
_OF_THE_DOCUMENT = {
    "T9": "says how long users of the document's system are out, by parameters of clients",
    "T11": "says which parameters the document prints",
}


def _of_any(theorem: Theorem, model: Model) -> tuple[Theorem, tuple[Assumed, ...], str]:
    """A theorem for timers of any form: what it assumes, and why it is not applicable."""
    if theorem.id in _OF_THE_DOCUMENT:
        return theorem, (), _OF_THE_DOCUMENT[theorem.id]
    if not theorem.tables:  # about the lease alone
        return theorem, (), "" if Habits(model).groups else (
            f"the machine {model.name!r} has no agents that serve users")
    sound, durations = Sound(model), Durations(INTERVAL)
    lasting = ("timers that count while a condition holds", (sound, Lasting()))
    heard = ("timers that begin again at a heartbeat", (sound, Quiet(), durations))
    of: dict[str, tuple[str, tuple[Assumed, ...]]] = {
        "T1": ("timers", (sound,)), "T2": lasting, "T7": lasting,
        "T8": ("timers that count", (sound, durations)),
    }
    kind, tables = of.get(theorem.id, heard)
    lacks = missing(model, kind)
    if theorem.id == "T8" and not lacks:
        habits = Habits(model)
        theorem = _deadlines(max(
            sum(not t.told for t in habits.timers(e.decider)) for e in model.events))
    return theorem, tables, lacks


@cache
def _deadlines(number: int) -> Theorem:
    """T8 for so many counts."""
    return next(evolve(t, claims={
        counted(number, "count"): counts.deadline_is_enough(number),
        "other parameters": counts.deadline_after_a_change(number)})
        for t in THEOREMS if t.id == "T8")


def _lacks(theorem: Theorem, model: Model) -> str:
    """What the document's theorem reads and a machine does not have; empty: nothing."""
    if not model.timers:
        return f"the machine {model.name!r} has no timers"
    stored = Stored(model.columns)
    found = (unread(one, stored) for assumed in theorem.tables for one in assumed.columns())
    says = next(filter(None, found), "")
    return says and f"the machine {model.name!r} has not {says}: its timers are others"


def _run(
    theorem: Theorem, tables: tuple[Assumed, ...], shipped: Shipped, lacks: str,
) -> Callable[[Work], Judgement]:
    def run(work: Work) -> Judgement:
        if lacks:
            return Judgement(Verdict.NOT_APPLICABLE, Method.INDUCTION, {"says": lacks})
        if wrong := list(broken(theorem, Stored(work.model.columns), shipped, tables)):
            return Judgement(Verdict.REFUTED, Method.TABLE, {"says": wrong[0], "all": wrong})
        found = discharge(theorem)
        rests = [says for assumed in tables for says in assumed.says()]
        return Judgement(found.verdict, found.method, {
            **found.detail, **({"(the tables)": "; ".join(rests)} if rests else {})})

    return run
