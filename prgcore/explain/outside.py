"""What no pair of a machine shows: why, and what to do nevertheless.

Law: prudence, not proof. No command is judged here, and no plan is made. Where two nodes without
one record come to show it, the story of that is looked up, and what follows when they meet again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from prgcore.engine import Engine
from prgcore.explain.answer import Came, Explanation
from prgcore.explain.display import denoted, spell
from prgcore.explain.meaning import nearest
from prgcore.explain.wording import moved
from prgcore.form.spelling import Spelling
from prgcore.form.splits import Split, like
from prgcore.model import Display, Shown
from prgcore.seats import NODES
from prgcore.vocabulary import State
from prgcore.words import listed

__all__ = ["CAUTIONS", "OUTSIDE", "known_in", "outside", "together_again", "unreachable"]

SERVED_TWICE = (
    "Let one node serve: stop the services and the recovery manager of the other, or its host.",
    "Repair the network between the nodes, and the record that both write.",
    "Start the recovery manager again; if the group then fails, click Recovery (row 16).",
    "Otherwise disable High Availability, and enable it when both nodes are healthy.",
)
OUTSIDE = (
    "Read the status of both nodes again: what is shown can be older than the nodes.",
    "If it stays, disable High Availability, check both nodes, and enable it again.",
)
NOT_KNOWN = ("Restart the recovery manager on both nodes (row 24).", *OUTSIDE)
_CLICKS = {"recover": "click Recovery", "fallback": "click Fallback of {}",
           "failover": "click Failover of {}"}
_BACKUP = (State.RUNNING_IN_BACKUP_MODE,)
_SERVING = (*_BACKUP, State.NORMAL, State.TAKING_OVER, State.BACKUP_ACTIVATED)
"""The states in which a node serves users that its peer must not serve as well."""
CAUTIONS: tuple[tuple[Mapping[str, Sequence[State]], tuple[str, ...]], ...] = (
    ({"node1": _BACKUP, "node2": _SERVING}, SERVED_TWICE),
    ({"node1": _SERVING, "node2": _BACKUP}, SERVED_TWICE),
    ({"node1": (State.UNKNOWN,)}, NOT_KNOWN),
    ({"node2": (State.UNKNOWN,)}, NOT_KNOWN),
    ({}, OUTSIDE),
)
"""What to do about two states that no pair shows: the first entry whose nodes show its states."""


def outside(
    engine: Engine, display: Display | None, broken: tuple[str, ...], splits: Sequence[Split] = (),
) -> Explanation:
    """The explanation of what these invariants exclude."""
    split = like(splits, display) if display is not None else None
    says = {i.id: i.says for i in engine.model.invariants}
    promises = "; ".join(f"{i}: {says[i]}" for i in broken)
    assumptions = "; ".join(engine.model.assumptions) or "the pair was recorded as it was"
    twice = display is not None and all(s and s.state in _BACKUP for s in display)
    return Explanation(
        display=display, nearest=nearest(engine, display), broken=broken,
        cause=("Both nodes serve everyone: users are served twice. " if twice else "")
        + f"This breaks what is proved ({promises}), so an assumption of the proof has failed "
        f"({assumptions}), or what is shown is not one moment of both nodes. The proof does not "
        "cover this pair: no command is judged and no plan is made. The advice is prudence, "
        "not proof.",
        actions=together_again(engine, split) if split else _prudence(engine, display),
        spelling=Spelling.of(engine.model), came=_came(engine, split) if split else None,
        plainly=_never_together(engine, display, "; ".join(says[i] for i in broken), split),
    )


def unreachable(engine: Engine, display: Display, splits: Sequence[Split] = ()) -> Explanation:
    """The explanation of what no invariant excludes, and no reachable pair shows."""
    split = like(splits, display)
    return Explanation(
        display=display, nearest=nearest(engine, display), pairs=0,
        cause="No pair that the machine can reach shows this, though no invariant excludes it. "
        "Read the status of both nodes again.",
        actions=together_again(engine, split) if split else _prudence(engine, display),
        spelling=Spelling.of(engine.model), plainly=_never_together(engine, display, "", split),
        came=_came(engine, split) if split else None,
    )


def _came(engine: Engine, split: Split) -> Came:
    """How a display without a pair comes about, in words."""
    spelling, said = Spelling.of(engine.model), {e.name: e.says for e in engine.model.events}
    says, then = list[str](), list[str]()
    for before, step in pairwise(split.steps):
        says.append(spelling.prose(moved(step.move, said)))
        became = [f"{node} is now {spell(now, spelling)}" if now else f"{node} shows nothing"
                  for node, was, now in zip(NODES, before.shown, step.shown, strict=True) if was != now]
        if step.twice and step.twice != before.twice:
            became.append(f"users of {listed(step.twice, 'and')} are served twice")
        then.append("; ".join(became))
    return Came(split.moves, tuple(says), tuple(then), split.twice, split.ends)


def together_again(engine: Engine, split: Split) -> tuple[str, ...]:
    """The way home from a split, and advice for the time until the network is repaired."""
    spelling = Spelling.of(engine.model)
    row = " (row 16)" if any(s.row == "16" for s in engine.model.situations) else ""
    repair = f"Repair the network between the nodes, and the record if they share one{row}. "
    ends = [(_come_to(rest, spelling), ", then ".join(map(_clicked, home))) for rest, home in split.ends]
    if len(ends) == 1:
        (come, clicks), = ends
        way = [f"{repair}Then {come}, without a command.",
               *([f"Then {clicks} to bring everybody home."] if clicks else [])]
    else:
        way = [f"{repair}What follows without a command depends on which heartbeat arrives first.",
               *(f"If {come}: {clicks or 'nothing more'}." for come, clicks in ends)]
    return (*way, *((_until_then(split),) if split.twice else ()))


def _come_to(rest: Display, spelling: Spelling) -> str:
    one, other = rest
    return (f"both nodes come to {spell(one, spelling)}" if one == other else listed([
        f"{node} comes to {spell(half, spelling)}" for node, half in zip(NODES, rest, strict=True)
    ], "and"))


def _until_then(split: Split) -> str:
    """Whom to stop until the network is repaired: a node beside one that serves everyone."""
    serve = [n for n, s in zip(NODES, split.shown, strict=True) if s and s.state in _BACKUP]
    stop = [n for n in NODES if [n] != serve]
    one = serve[0] if len(serve) == 1 else "one node"
    return (f"Until then let only {one} serve: stop the services and the recovery manager of "
            f"{listed(stop, 'or')}, or its host. Start it again after the repair; if both nodes then fail, "
            "click Recovery.")


def known_in(engine: Engine, splits: Sequence[Split], known: Mapping[str, str]) -> Sequence[Split]:
    """The splits, if what is known of the nodes can hold in them: they begin healthy, and nothing fails."""
    hearing = {h.column for h in engine.model.hears}
    observed = {c.name: c.observed_by for c in engine.model.columns}
    pair = engine.run(engine.initial[0], *dict(engine.model.starts).get("normal", ())).end
    own = {name: value for name, value in known.items() if name.partition(".")[0] in NODES
           and name not in hearing and observed.get(name) != "record"}
    return splits if all(pair.get(name) == value for name, value in own.items()) else ()


def _clicked(event: str) -> str:
    """An event of the way home as an operator brings it about."""
    head, _, node = event.rstrip(")").partition("(")
    return _CLICKS[head].format(node) if head in _CLICKS else event


def _prudence(engine: Engine, display: Display | None) -> tuple[str, ...]:
    """What to do about two states that no pair shows."""
    if "disable_ha" not in {e.name for e in engine.model.events}:
        return OUTSIDE[:1]
    shown = {n: s.state for n, s in zip(NODES, display or (), strict=False) if s}
    return next(actions for states, actions in CAUTIONS
                if all(shown.get(node) in some for node, some in states.items()))


def _never_together(
    engine: Engine, display: Display | None, promises: str = "", split: Split | None = None,
) -> str:
    """An operator's words for what no pair shows."""
    if display is None:
        return f"The two nodes should never be like this: {promises}."
    nodes = [n for n, s in zip(NODES, display, strict=True) if s and s.state == State.UNKNOWN]
    open_reasons = Display(*(half and Shown(half.state) for half in display))
    alone = open_reasons != display and len(denoted(engine, open_reasons))
    what = "These two states and reasons" if alone else "These two states"
    unknown = (f"The state of {listed(nodes, 'and')} is not known: high availability may not have been "
               "enabled properly. ") if nodes else ""
    who = "every user" if all(s and s.state in _BACKUP for s in display) else "users"
    said = (f"{unknown}{what} should never be seen together"
            + (f": {who} may be served twice." if _prudence(engine, display) is SERVED_TWICE else "."))
    return said + " No pair with one record looks like this." * (split is not None)
