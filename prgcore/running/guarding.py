"""The guard of a node, seen from its group file and from its agent.

Law: no rule lives here. A group file that asks for a guard gets one more service, which serves users
in place of the resource (`prgcore.running.guard`). While no guard answers, the agent does its work,
by the same code.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread

from attrs import evolve

from prgcore.errors import BadInput
from prgcore.running import guard
from prgcore.running.hooks import Hook
from prgcore.running.lease import Lease
from prgcore.running.member import LONGEST_SOCKET, Member
from prgcore.running.service import GUARD, Check, Restart, Service
from prgcore.seats import seat

__all__ = ["Second", "guarded"]

_log = logging.getLogger("prgcore")

OFTEN = (0.1, 1.0)
"""How many seconds pass at least and at most between two looks at the role without a permission."""
RESTART = Restart(tries=1_000_000, pause=0.1, longest=5.0)
CHECK = Check(lease=True, interval=0.5, timeout=0.5, rise=1, fall=3)


def guarded(nodes: Mapping[str, Member], group: str, lease: Lease) -> dict[str, Member]:
    """The nodes; each that has `guard = true` has its guard as a service.

    Raises:
        BadInput: a guard lacks a hook, or the lease leaves it no time.
    """
    return {node: _guarded(member, nodes[seat("peer", node)], group, lease)
            for node, member in nodes.items()}


def _guarded(member: Member, peer: Member, group: str, lease: Lease) -> Member:
    if not member.guard:
        return member
    at, hooks = member.seat, member.hooks
    if member.serving or GUARD in member.services:
        what = "serving" if member.serving else f"services.{GUARD}"
        raise BadInput(f"{at}.{what}: with guard = true, the guard serves users; leave {what} out")
    for name in ("role", "self_fence"):
        if getattr(hooks, name) is None:
            raise BadInput(f"{at}.guard: it needs the hook {name}; write [hooks] with "
                           f'{name} = ["PROGRAM"]')
    assert hooks.role is not None
    assert hooks.self_fence is not None
    fence = hooks.self_fence
    if fence.timeout > lease.stopping:
        need = lease.lasts + lease.pause + fence.timeout
        raise BadInput(
            f"{at}.guard: self_fence may take {fence.timeout:g} s, and the lease leaves "
            f"{lease.stopping:g} s for it; write lease = {{stopping = {fence.timeout:g}, waits = "
            f"{max(lease.waits, need + 0.01 * need):g}}} or a shorter timeout of self_fence")
    if lease.pause <= 0:
        raise BadInput(f"{at}.guard: lease.pause is 0, and the role probe needs some of it; write "
                       "a longer one")
    orders = {
        "socket": _socket(member), "home": str(member.home.absolute()), "lasts": lease.lasts,
        "probe": min(hooks.role.timeout, lease.pause / 2),
        "every": min(max(lease.lasts / 4, OFTEN[0]), OFTEN[1]),
        # A probe that begins without a permission must not outlast the one that comes meanwhile.
        "role": _command(evolve(hooks.role, timeout=min(hooks.role.timeout, lease.lasts))),
        "self_fence": _command(fence),
        "words": {
            "PRGCORE_NODE": member.seat, "PRGCORE_PEER": peer.seat, "PRGCORE_NAME": member.name,
            "PRGCORE_PEER_NAME": peer.name, "PRGCORE_GROUP": group, "PRGCORE_ROLE": "replica",
            "PRGCORE_WHY": "this node has no permission to serve"}}
    service = Service(
        (sys.executable, "-I", str(Path(guard.__file__).resolve()), json.dumps(orders)),
        check=CHECK, restart=RESTART, start_timeout=10.0)
    return evolve(member, services={**member.services, GUARD: service}, serving=GUARD)


def _command(hook: Hook) -> tuple[tuple[str, ...], float, float]:
    return hook.command, hook.timeout, max(hook.pause, 0.05)


def _socket(member: Member) -> str:
    """The socket of the guard, as a name from its home if the whole name is too long."""
    whole = str((member.directory / "serving.sock").absolute())
    near = os.path.relpath(whole, member.home)
    return whole if len(os.fsencode(whole)) <= LONGEST_SOCKET else near


class Second:
    """The agent in place of its guard: it works while the guard does not answer.

    Args:
        member: a node that has a guard.
        answers: whether the guard answers within so many seconds; it is asked in a thread, before
            anything is done. This takes a part of the pause of the lease, as the probe does.
    """

    def __init__(self, member: Member, answers: Callable[[float], bool]) -> None:
        orders = guard.Orders.of(member.services[GUARD].command[-1])
        self._warden = guard.Warden(
            orders, lambda says: _log.warning("%s, in place of its guard: %s", member.name, says),
            rests=lambda: answers(orders.probe / 2))
        self._thread = Thread(target=self._warden.run, daemon=True, name="prgcore second guard")

    def begin(self) -> None:
        """Begin to work, in a thread."""
        self._thread.start()

    def permit(self, groups: Mapping[str, int], until: float, *, promotes: bool) -> None:
        """Know a permission as the guard does."""
        self._warden.permit(groups, until, promotes=promotes)

    def end(self) -> None:
        """Work no more."""
        self._warden.ends()
