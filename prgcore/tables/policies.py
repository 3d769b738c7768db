"""Choices whose answers are all useful. A machine is built for one answer to each."""

from __future__ import annotations

from prgcore.model import Policy

__all__ = ["POLICIES"]

POLICIES = (
    Policy(
        "reconnection", ("fail", "keep_serving", "able_serves"),
        "a failed node and one that is not failed hear each other again: both fail until "
        "Recover, or a node that serves everyone keeps serving and the failed one lets go, or a "
        "node that can serve everyone does so",
        "D13",
    ),
    Policy(
        "idle_on_peer_loss", ("wait", "take_over"),
        "an Idle node loses its peer: it waits for a manual fallback, or starts its services "
        "and takes over",
        "D14",
    ),
)
