"""Claims about a cut without an arbiter: what D5 says of two nodes that serve the same users.

Law: claims only; the arithmetic in them is `prgcore.timers.arithmetic`, called with unknowns.
Moments are moments of true time, as in `prgcore.prove.heartbeats`. Heartbeats that are sent during
the cut are lost. A node serves users twice at the earliest when it declares its live peer lost, and at the
latest until it hears the first heartbeat that is sent after the cut.
"""

from __future__ import annotations

from attrs import frozen

from prgcore.prove.claims import Claim, Term, Unknowns, both, no, same
from prgcore.prove.heartbeats import Sender, silent
from prgcore.timers import arithmetic

__all__ = ["at_most", "harmless", "loses", "one_way", "reached", "roughly"]


_NO_MORE = "n is at most as many as the cut can lose"


@frozen
class _Cut:
    """A cut from one moment to another, and how many heartbeats in a row it can lose at most."""

    u: Unknowns
    sender: Sender
    begins: Term
    ends: Term
    most: Term
    timeout: Term

    @staticmethod
    def of(u: Unknowns, most: Term | None = None) -> _Cut:
        return _Cut(u, Sender.of(u), u.number("cut"), u.number("healed"),
                    u.number("most") if most is None else most, u.number("timeout"))

    @property
    def lasts(self) -> Term:
        return self.ends - self.begins

    def loses(self, lost: Term) -> Term:
        """The term that says that it can lose so many heartbeats in a row."""
        return arithmetic.cut_loses(lost, self.lasts, self.sender.clocks.at_least(
            self.sender.interval), self.sender.late)

    @property
    def sensible(self) -> dict[str, Term]:
        return {
            **self.sender.sensible,
            "the cut ends after it begins, and the time-out is not negative":
                both(self.begins <= self.ends, self.timeout >= 0),
            "it can lose `most` heartbeats in a row, and no more":
                both(self.most >= 1, self.loses(self.most), no(self.loses(self.most + 1))),
        }

    @property
    def silence(self) -> Term:
        """The longest time between two heartbeats that arrive."""
        clocks = self.sender.clocks
        return arithmetic.silence_of_cut(
            self.most, self.lasts, clocks.at_most(self.sender.interval), self.sender.late,
            self.sender.jitter, self.u.choose)

    @property
    def patience(self) -> Term:
        """The shortest time of silence after which a peer is declared lost."""
        return self.sender.clocks.at_least(self.timeout)

    @property
    def served_twice(self) -> Term:
        """The printed bound."""
        return arithmetic.served_twice(self.silence, self.patience, self.u.choose)


def _losing(u: Unknowns, cut: _Cut, n: Term) -> tuple[dict[str, Term], Term]:
    """A cut that loses n heartbeats, and a poll; whether that declares the peer lost."""
    sender, clocks = cut.sender, cut.sender.clocks
    due, sent, arrives, heard, now = map(u.number, ("due", "sent", "arrives", "heard", "now"))
    due_first, sent_first, due_last, sent_last = map(
        u.number, ("due_first", "sent_first", "due_last", "sent_last"))
    due_next, sent_next, arrives_next = map(u.number, ("due_next", "sent_next", "arrives_next"))
    _, given = silent(u, clocks.shown("heard"), clocks.shown("now"))
    return {
        **cut.sensible,
        "a heartbeat arrives; the last one heard is not before that":
            both(sender.sends(due, sent), sender.carries(sent, arrives), heard >= arrives),
        "the n heartbeats after it are sent during the cut, and lost": both(
            n >= 1, sender.apart(due, due_first, 1), sender.apart(due_first, due_last, n - 1),
            sender.sends(due_first, sent_first), sender.sends(due_last, sent_last),
            cut.begins <= sent_first, sent_last <= cut.ends),
        "the next one is not lost": both(
            sender.apart(due_last, due_next, 1), sender.sends(due_next, sent_next),
            sender.carries(sent_next, arrives_next)),
        "a poll comes before that is heard": both(
            heard <= now, now <= arrives_next, clocks.run("heard", "now")),
    }, given


def loses(u: Unknowns) -> Claim:
    """The claim about the number of heartbeats, a whole one; the others are about any number."""
    n, most = u.whole("n"), u.whole("most")
    cut = _Cut.of(u, most)
    premises, _ = _losing(u, cut, n)
    return Claim(premises, {_NO_MORE: n <= most},
                 both(cut.sender.clocks.drifts, n >= 2))


def at_most(u: Unknowns) -> Claim:
    cut, n, now, ends = _Cut.of(u), *map(u.number, ("n", "now", "ends"))
    premises, given = _losing(u, cut, n)
    return Claim(
        {
            **premises, _NO_MORE: n <= cut.most,
            "it gives the loss, and users are served twice from then on, or later": given,
            "until the next heartbeat is heard, at the latest":
                both(now <= ends, ends <= u.number("arrives_next")),
        },
        {"users are served twice no longer than the printed bound":
         ends - now <= cut.served_twice},
        both(cut.sender.clocks.drifts, ends > now, n >= 2),
    )


def harmless(u: Unknowns) -> Claim:
    cut, n = _Cut.of(u), u.number("n")
    premises, given = _losing(u, cut, n)
    return Claim(
        {**premises, _NO_MORE: n <= cut.most,
         "the longest silence is shorter than time-out / (1 + drift)": cut.silence < cut.patience},
        {"the peer is not declared lost": no(given)},
        both(cut.sender.clocks.drifts, n >= 2, cut.lasts > cut.sender.interval),
    )


def reached(u: Unknowns) -> Claim:
    """The claim about the worst schedule, of both nodes at once: one phase, one lateness.

    Around the cut the senders' clocks are the slowest, and the watching nodes' the fastest.
    """
    cut = _Cut.of(u)
    sender, clocks, n = cut.sender, cut.sender.clocks, cut.most
    interval = clocks.at_most(sender.interval)
    due = sent = u.number("due")
    due_first = due + interval
    sent_first = due_first + sender.late
    gap = arithmetic.shorter((n - 1) * interval, cut.lasts + sender.late, u.choose)
    due_last = due_first + gap
    due_next = due_last + interval
    sent_next = due_next + sender.late
    arrives, arrives_next = sent + sender.shortest, sent_next + sender.longest
    now = arrives + clocks.at_least(cut.timeout)
    heard_shown = clocks.shown("heard")
    now_shown = heard_shown + cut.timeout
    _, given = silent(u, heard_shown, now_shown)
    return Claim(
        {
            **cut.sensible,
            "the cut begins when the first heartbeat that it loses is sent":
                same(cut.begins, sent_first),
            "the printed bound is above zero": cut.served_twice > 0,
        },
        {
            "a heartbeat can be sent at once and arrive soonest": both(
                sender.sends(due, sent), sender.carries(sent, arrives)),
            "the cut can lose the next ones": both(
                sender.apart(due, due_first, 1), sender.apart(due_first, due_last, n - 1),
                due_last <= cut.ends),
            "the one after these is sent after it, and can arrive latest": both(
                sender.apart(due_last, due_next, 1), sender.sends(due_next, sent_next),
                sent_next > cut.ends, sender.carries(sent_next, arrives_next)),
            "a poll at the time-out declares the live peer lost": both(
                clocks.count(now - arrives, now_shown - heard_shown), given),
            "and from then on until that heartbeat arrives it is as long as the printed bound":
                same(arrives_next - now, cut.served_twice),
        },
        both(clocks.drifts, n >= 3),
    )


def roughly(u: Unknowns) -> Claim:
    """The claim about a reckoning by hand, without lateness."""
    cut = _Cut.of(u)
    sender, clocks = cut.sender, cut.sender.clocks
    interval, timeout = clocks.at_most(sender.interval), clocks.at_least(cut.timeout)
    too_long = cut.lasts - (timeout - interval)
    return Claim(
        {**cut.sensible, "nothing is sent late": same(sender.late, 0)},
        {
            "the bound is at most (cut - (time-out / (1 + drift) - interval / (1 - drift)))+ + "
            "interval / (1 - drift) + latency":
                cut.served_twice <= cut.u.choose(too_long > 0, too_long, 0) + interval
                + sender.longest,
        },
        both(clocks.drifts, cut.served_twice > 0),
    )


def one_way(u: Unknowns) -> Claim:
    """The claim about a cut of one direction: the other one goes on to carry heartbeats."""
    sender = Sender.of(u)
    now, due, sent, arrives, due_next = map(u.number, ("now", "due", "sent", "arrives", "due_next"))
    interval = sender.clocks.at_most(sender.interval)
    bound = arithmetic.next_heard(interval, sender.late, sender.longest)
    latest = now + interval + sender.late
    return Claim(
        {
            **sender.sensible,
            "node 2 hears nothing of node 1, and takes its users over":
                both(due <= now, sender.apart(due, due_next, 1), now < due_next),
            "its next heartbeat says so, and arrives": both(
                sender.sends(due_next, sent), sender.carries(sent, arrives)),
        },
        {
            "node 1 knows it after interval / (1 - drift) + lateness + latency, however long the cut "
            "is": arrives - now <= bound,
            "and it may take as long, if a heartbeat was due at that moment": both(
                sender.apart(now, now + interval, 1), sender.sends(now + interval, latest),
                sender.carries(latest, now + bound)),
        },
        both(sender.clocks.drifts, arrives - now > sender.interval + sender.late + sender.longest),
    )
