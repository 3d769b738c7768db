"""Shortest stories: the way to a network, replayed by the interpreter of networks.

Law: nothing is shown that `prgcore.network` did not replay.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from prgcore.engine import Engine
from prgcore.errors import ImpossibleEvent
from prgcore.network import Move, Network, Snapshot
from prgcore.network.story import replay, tell, write
from prgcore.prove.counterexample import Counterexample
from prgcore.prove.network.frontier import Networks
from prgcore.seats import NODES

__all__ = ["Tale", "tale"]


@frozen
class Tale:
    """A way through networks, as far as the interpreter can go it.

    Attributes:
        moves: the moves that it took.
        before, after: the network before the last move, and after it.
        fits: whether it could go the whole way.
    """

    network: Network
    moves: tuple[Move, ...]
    before: Snapshot
    after: Snapshot
    fits: bool

    def counterexample(
        self, engine: Engine, says: str, holds: Callable[[Network, Snapshot], bool],
        *expected: str,
    ) -> Counterexample:
        """The way as a counterexample, which agrees if the promise is broken at its end."""
        text = write(self.network.setting, self.moves, *expected)
        agrees, steps = self.fits and holds(self.network, self.after), text
        if self.moves and not self.network.setting.mutant:  # a story is about the right agents
            run = replay(engine, text)
            agrees &= run.ok
            steps = _annotated(text, tell(run))
        return Counterexample(
            dict(self.network.pair(self.before)), str(self.moves[-1]) if self.moves else "", "",
            dict(self.network.pair(self.after)), True, tuple(map(str, self.moves)), steps, says,
            agrees=agrees)


def _annotated(text: str, told: str) -> str:
    """A story with what each move changes, as comments: it can still be replayed."""
    head = text.splitlines()[:text.count("\n") - sum(
        not line.startswith(" ") for line in told.splitlines())]
    notes = (f"    # {line.strip()}" if line.startswith(" ") else line
             for line in told.splitlines())
    return "\n".join([*head, *notes]) + "\n"


def tale(engine: Engine, found: Networks, number: int, last: int | None = None) -> Tale:
    """The shortest way to a network that was reached, and one move more if one is given.

    Args:
        last: the move, as `Networks.via` writes it.
    """
    network = Network(engine, found.system.setting)
    chain = found.steps(number)
    vias = [int(found.via[n]) for n in chain]
    if last is not None:
        vias.append(last)
    swapped, moves = bool(vias[0] & 1), list[Move]()
    before = at = network.starts[0]
    for via in vias[1:]:
        move = _move(found, via, at, swapped=swapped)
        try:
            before, at = at, network.step(at, move)
        except ImpossibleEvent:
            return Tale(network, (*moves, move), before, at, fits=False)
        moves.append(move)
        swapped ^= bool(via & 1)
    return Tale(network, tuple(moves), before, at, fits=True)


def _move(found: Networks, via: int, at: Snapshot, *, swapped: bool) -> Move:
    """A move as the interpreter writes it, from the network that it starts from."""
    verb, event, again = found.system.kinds[via // 4]
    mirror, looks = found.system.machine.mirror, via // 2 % 2 ^ swapped  # the node that looks
    event = mirror.name(event) if mirror and looks and event else event
    me, peer = NODES[looks], NODES[1 - looks]
    if verb == "tick":
        return Move("tick", node=event)
    if verb in ("cut both", "heal both"):
        return Move(verb.split()[0])
    if verb in ("decide", "command"):
        return Move("decide", event, at=me if verb == "command" else "")
    if verb == "cut" and at.cuts[1 - looks]:
        verb = "heal"
    mine = verb in ("access", "read", "expire", "permit")
    return Move(verb, node=me if mine else peer, group=event, again=again)
