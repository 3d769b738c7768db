"""Claims about stalls of a node and silences of its store: what T12 and T13 say.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns. A
node is stalled if one of its turns came late, or if no reading of the record ended in time. Silence
is counted when a reading ends: to its beginning, or anew from now after a stall. A claim about one
node is about the time that its clock shows. Where two nodes meet, moments are moments of true
time, and each clock may drift (`prgcore.prove.clocks`).
"""

from __future__ import annotations

from attrs import frozen

from prgcore.prove.claims import Claim, Term, Unknowns, both, either, implies, no, same
from prgcore.prove.clocks import Clocks
from prgcore.prove.counts import any_count, observed
from prgcore.prove.heartbeats import Sender
from prgcore.timers import arithmetic
from prgcore.timers.arithmetic import Count

__all__ = [
    "awake_all_the_time", "first_observation", "heard_after", "heard_in_time", "never_stalled",
    "noticed_after", "one_node_silent", "patient_after", "too_far_apart",
]

# ------------------------------------------------------------------- the node itself


@frozen
class _Quiet:
    """The last moments at which a heartbeat was observed, a turn came late, the store was silent."""

    heard: Term
    late: Term
    unread: Term

    def before(self, moment: Term) -> Term:
        """The term that says that all of them were at this moment or before it."""
        return both(self.heard <= moment, self.late <= moment, self.unread <= moment)


def first_observation(u: Unknowns) -> Claim:
    """The claim about the count with which a monitor starts: the base of the induction."""
    start = u.number("start")
    count = arithmetic.begun(start, runs=u.flag("runs"))
    return Claim(
        {"the node starts; nothing was heard, late or silent later than that": True},
        {"the count did not begin before that": implies(
            count.runs, _Quiet(start, start, start).before(count.since))},
        count.runs,
    )


def awake_all_the_time(u: Unknowns) -> Claim:
    """The claim about one turn that takes a reading, and any sound count: the step."""
    now, begun, promised, ended, last = map(
        u.number, ("now", "begun", "promised", "ended", "last"))
    timeout, after, interval = map(u.number, ("timeout", "after", "interval"))
    was = _Quiet(*map(u.number, ("heard_at", "late_at", "unread_at")))
    heartbeat, earlier, begins = map(
        u.flag, ("heartbeat", "stalled_earlier", "begins_to_initialize"))
    lateness, is_unread = now - promised, now - ended >= timeout
    is_late = lateness > timeout - lateness
    stalled = either(arithmetic.late(now, promised, timeout),
                     arithmetic.unread(now, ended, timeout), earlier)
    counted = arithmetic.counted_to(begun, now, stalled=stalled, choose=u.choose)
    at = u.choose(counted < last, last, counted)
    count = any_count(u)
    following, given = observed(
        u, count, at, again=either(heartbeat, stalled, begins), possible=u.flag("possible"),
        free=u.flag("free"), goes_on=u.flag("goes_on"))
    quiet = _Quiet(u.choose(heartbeat, at, was.heard), u.choose(is_late, now, was.late),
                   u.choose(is_unread, now, was.unread))
    return Claim(
        {
            "a running count began no sooner than the last heartbeat, the last late turn and the "
            "last silence of the store; a stall since the last observation is remembered":
                both(was.heard <= last, implies(count.runs, was.heard <= count.since),
                     either(earlier, both(was.before(last),
                                          implies(count.runs, was.before(count.since))))),
            "now a turn takes a reading that has begun before":
                both(begun <= now, last <= now, was.before(now)),
            "durations are not negative": both(timeout >= 0, after >= 0, interval > 0),
        },
        {
            "the loss is given only if no heartbeat was observed for a whole time-out":
                implies(given, at - quiet.heard >= after),
            "in which every turn came within half a time-out of the promised moment":
                implies(given, at - quiet.late >= after),
            "and each had a reading that had ended within the time-out":
                implies(given, at - quiet.unread >= after),
            "and a running count did not begin before any of these":
                both(quiet.before(at), implies(following.runs, quiet.before(following.since))),
        },
        both(given, after > 0),
    )


def _counts_from(u: Unknowns, moment: Term) -> Count:
    """The count after a turn that was stalled."""
    count, _ = observed(u, any_count(u), moment, again=True, possible=False)
    return count


def heard_after(u: Unknowns) -> Claim:
    """The claim about a live peer: of what arrived before the end of a stall, all may be lost."""
    sender = Sender.of(u)
    clocks = sender.clocks
    stall, begun, after = map(u.number, ("stall", "begun", "after"))
    due, sent, arrives = map(u.number, ("due", "sent", "arrives"))
    due_next, sent_next, arrives_next = map(u.number, ("due_next", "sent_next", "arrives_next"))
    _, given = observed(u, _counts_from(u, clocks.shown("stall")), clocks.shown("begun"))
    return Claim(
        {
            **sender.sensible,
            "a heartbeat arrives before the stall has ended, and may be lost":
                both(sender.sends(due, sent), sender.carries(sent, arrives), arrives <= stall),
            "a later reading judges; the next heartbeat had not arrived when it began, or it would "
            "have been handed in":
                both(sender.apart(due, due_next, 1), sender.sends(due_next, sent_next),
                     sender.carries(sent_next, arrives_next), stall <= begun,
                     begun <= arrives_next),
            "the watching node's clock runs meanwhile": clocks.run("stall", "begun"),
            "interval / (1 - drift) + jitter < time-out / (1 + drift)": sender.survives(0, after),
        },
        {"the peer is not declared lost": no(given)},
        both(begun > stall, arrives < stall, clocks.drifts),
    )


def noticed_after(u: Unknowns) -> Claim:
    """The claim about a peer that is dead: it is noticed once the stalls have ended."""
    sender = Sender.of(u)
    clocks = sender.clocks
    crash, stall, after, deadline = map(u.number, ("crash", "stall", "after", "deadline"))
    lateness, call, heard, began = map(u.number, ("lateness", "call", "heard", "began"))
    underway, begun, ended = map(u.number, ("under_way", "begun", "ended"))
    count = _counts_from(u, clocks.shown("began"))
    _, given = observed(u, count, clocks.shown("begun"))
    last = crash + sender.longest
    return Claim(
        {
            **sender.sensible,
            "the last heartbeat, sent before the crash, is observed at its arrival": heard <= last,
            "the last stall ends at `stall`; the loss is possible, and no other event was given":
                True,
            "silence is counted from the later of both":
                same(began, u.choose(heard > stall, heard, stall)),
            "the count is due at the deadline, by the watching node's clock":
                both(began <= deadline, clocks.run("began", "deadline", "begun"),
                     same(clocks.shown("deadline"), clocks.shown("began") + after)),
            "a turn comes at most `lateness` after it; its reading begins when the one under way "
            "has ended; each takes at most `call`":
                both(deadline <= underway, underway <= deadline + lateness, underway <= begun,
                     begun <= underway + call, begun <= ended, ended <= begun + call),
            "durations are not negative": both(after >= 0, lateness >= 0, call >= 0),
        },
        {
            "the reading declares the peer lost": given,
            "at most time-out / (1 - drift) + latency + lateness + 2 store calls after the crash, "
            "or time-out / (1 - drift) + lateness + 2 store calls after the stall, whichever is "
            "later":
                ended <= u.choose(last > stall, last, stall) + arithmetic.noticed_latest(
                    clocks.at_most(after), 0, arithmetic.judged(lateness, call)),
        },
        both(ended > crash + after, stall > crash, clocks.drifts),
    )


def never_stalled(u: Unknowns) -> Claim:
    ended, promised, asked, now = map(u.number, ("ended", "promised", "asked", "now"))
    timeout, rest, lateness, call = map(u.number, ("timeout", "rest", "lateness", "call"))
    return Claim(
        {
            "a reading ended; the next turn was promised at most `rest` later, and came at most "
            "`lateness` after that":
                both(ended <= promised, promised <= ended + rest, promised <= asked,
                     asked <= promised + lateness),
            "it asked for a reading, which takes at most `call`; this is its end or before":
                both(asked <= now, now <= asked + call),
            "a store call takes half a time-out or less":
                arithmetic.soon_enough(call, timeout),
            "rest + lateness < half a time-out": 2 * (rest + lateness) < timeout,
            "durations are not negative": both(rest >= 0, lateness >= 0, call >= 0),
        },
        {
            "no turn came too late": no(arithmetic.late(asked, promised, timeout)),
            "the store is never silent": no(arithmetic.unread(now, ended, timeout)),
            "so the node looks alive all the time":
                now < arithmetic.looks_alive_until(ended, timeout),
        },
        both(2 * call == timeout, rest > 0, lateness > 0, now == asked + call),
    )


# -------------------------------------------------------------- silences of the store


def _silent(u: Unknowns) -> tuple[dict[str, Term], Count, Term]:
    """A node whose store was silent, by its clock: its count, and when its first reading ends."""
    shown = Clocks.of(u).shown
    before, begun, first = map(shown, ("before", "begun", "first"))
    stalled = arithmetic.unread(first, before, u.number("timeout"))
    counted = arithmetic.counted_to(begun, first, stalled=stalled, choose=u.choose)
    count, _ = observed(u, any_count(u), counted, again=stalled, possible=False)
    return {
        "no reading of the watching node has ended for a time-out; then the first one ends":
            both(begun <= first, stalled),
        "durations are not negative":
            both(u.number("timeout") >= 0, u.number("after") >= 0, u.number("interval") > 0),
    }, count, first


def patient_after(u: Unknowns) -> Claim:
    given, _, first = _silent(u)
    shown = Clocks.of(u).shown
    before, begun, now = map(shown, ("before", "begun", "now"))
    stalled = arithmetic.unread(first, before, u.number("timeout"))
    at = arithmetic.counted_to(begun, first, stalled=stalled, choose=u.choose)
    count, at_once = observed(u, any_count(u), at, again=stalled)
    _, lost = observed(u, count, now)
    return Claim(
        {**given, "a later reading judges": now >= first,
         "the time-out is above zero": u.number("after") > 0},
        {
            "the first reading does not declare the peer lost": no(at_once),
            "a later one does only if a whole time-out has passed since the first":
                implies(lost, now - first >= u.number("after")),
        },
        both(lost, begun < first, before < begun),
    )


@frozen
class _Back:
    """The peer after the silence: its first reading, and its first heartbeat after that."""

    reads: Term
    sent: Term
    arrives: Term

    @staticmethod
    def of(u: Unknowns) -> _Back:
        return _Back(*map(u.number, ("peer_first", "sent_first", "arrives_first")))

    def sends(self, sender: Sender) -> Term:
        """The term that says that it sends within interval + lateness, and that it arrives."""
        within = sender.clocks.at_most(sender.interval) + sender.late
        return both(self.reads <= self.sent, self.sent <= self.reads + within,
                    sender.carries(self.sent, self.arrives))


_SENDS = "the peer sends at most interval / (1 - drift) + lateness after its own first reading"
_JUDGES = ("a later reading of the watching node judges; the peer's heartbeat had not arrived when "
           "it began")
_RUNS = "the watching node's clock runs meanwhile"


def _room(sender: Sender, after: Term) -> Term:
    """How far apart the first readings may be, in true time."""
    clocks = sender.clocks
    return (clocks.at_least(after) - clocks.at_most(sender.interval) - sender.late
            - sender.longest)


def heard_in_time(u: Unknowns) -> Claim:
    given, count, _ = _silent(u)
    sender, back = Sender.of(u), _Back.of(u)
    clocks = sender.clocks
    first, now, after = map(u.number, ("first", "now", "after"))
    _, lost = observed(u, count, clocks.shown("now"))
    return Claim(
        {
            **given, **sender.sensible,
            _SENDS: back.sends(sender),
            _JUDGES: both(first <= now, now <= back.arrives),
            _RUNS: clocks.run("first", "now"),
            "the peer's first reading is less than time-out / (1 + drift) - interval / (1 - drift) "
            "- lateness - latency after that of the watching node":
                back.reads - first < _room(sender, after),
        },
        {"the peer is not declared lost": no(lost)},
        both(back.reads > first, now > first, clocks.drifts),
    )


def too_far_apart(u: Unknowns) -> Claim:
    """The claim about the worst schedule: the peer's first reading is late, its heartbeat slow.

    Its clock is the slowest, and that of the watching node the fastest.
    """
    given, count, first_shown = _silent(u)
    sender = Sender.of(u)
    clocks = sender.clocks
    first, reads, after = map(u.number, ("first", "peer_first", "after"))
    sent = reads + clocks.at_most(sender.interval) + sender.late
    back = _Back(reads, sent, sent + sender.longest)
    now, now_shown = first + clocks.at_least(after), first_shown + after
    _, lost = observed(u, count, now_shown)
    return Claim(
        {
            **given, **sender.sensible,
            "the peer's first reading is time-out / (1 + drift) - interval / (1 - drift) - "
            "lateness - latency after that of the watching node, or more":
                reads - first >= _room(sender, after),
        },
        {
            "the peer can send and its heartbeat can arrive as late as that": back.sends(sender),
            "and a reading at the time-out, no later than that, declares the live peer lost":
                both(clocks.count(now - first, now_shown - first_shown), now <= back.arrives, lost),
        },
        both(reads > first, clocks.drifts),
    )


def one_node_silent(u: Unknowns) -> Claim:
    """The claim about a silence that only the peer's readings missed for a whole time-out."""
    sender, back = Sender.of(u), _Back.of(u)
    clocks = sender.clocks
    before, first, timeout, after = map(u.number, ("before", "first", "timeout", "after"))
    peer_before, apart = u.number("peer_before"), u.number("apart")
    apart_before = u.number("apart_before")
    sent, arrives, heard, now = map(u.number, ("sent", "arrives", "heard", "now"))
    _, lost = observed(u, _counts_from(u, clocks.shown("heard")), clocks.shown("now"))
    every = clocks.at_most(sender.interval) + sender.late
    return Claim(
        {
            **sender.sensible,
            "the store is not silent for the watching node": both(
                before <= first, clocks.run("before", "first"), no(arithmetic.unread(
                    clocks.shown("first"), clocks.shown("before"), timeout))),
            "the last readings of both nodes ended at most `apart_before` apart, and their first "
            "ones at most `apart`":
                both(before <= peer_before + apart_before, back.reads <= first + apart),
            "the peer's last heartbeat was observed; its next one was due when it looked alive no "
            "longer":
                both(sender.carries(sent, arrives), heard >= arrives,
                     sent + every >= peer_before + clocks.at_least(timeout)),
            _SENDS: back.sends(sender),
            _JUDGES: both(heard <= now, now <= back.arrives),
            _RUNS: clocks.run("heard", "now"),
            "apart + apart_before + 2 * (interval / (1 - drift) + lateness) + longest - shortest + "
            "what the drift makes of a time-out <= time-out / (1 + drift), of both time-outs the "
            "one that is counted":
                apart + apart_before + 2 * every + sender.longest - sender.shortest
                + clocks.at_most(timeout) - clocks.at_least(timeout) <= clocks.at_least(after),
            "durations are not negative":
                both(timeout >= 0, after >= 0, apart >= 0, apart_before >= 0),
        },
        {"the peer is not declared lost": no(lost)},
        both(now > heard, back.reads >= peer_before + timeout, clocks.drifts),
    )
