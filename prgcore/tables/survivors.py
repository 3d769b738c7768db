"""The mutants that no obligation notices, each with the decision that lets it live.

Law: data only. M1 is refuted by a survivor that is not in this list, and by an entry of this list
that does not survive. A mutant is named as M1 prints it.
"""

from __future__ import annotations

from prgcore.tables.facts import Survivor

__all__ = ["SURVIVORS"]

_HARM = (
    "two faults at once show it: a rule must ask for the grant of the peer in one step, and leave "
    "the peer in this one state in another step"
)

_SENTENCE = "the invariant is one sentence about a list of states, and its proof can spare this one"

_MORE = "it promises more, and that is true: S7 and S10 accept none of the three there"

SURVIVORS = (
    *(Survivor(f"S8: cube 1: cell node1.state widened by {state}", "0005", _MORE) for state in (
        "failed_over_with_critical_services_not_running", "unknown")),
    *(Survivor(mutant, "0005", _SENTENCE) for mutant in (
        "X5: cube 5: cell node2.state narrowed: not failover_affected_services",
        "X11: cube 1: cell node1.state narrowed: not failed_over_with_critical_services_not_running",
        "X16: cube 1: cell node2.state narrowed: not idle",
        "X16: cube 1: cell node2.state narrowed: not normal",
    )),
    *(
        Survivor(f"Q3@node1: harmless: cell node1.state widened by {state}", "0013", _HARM)
        for state in ("running_in_backup_mode", "taking_over", "backup_activated")
    ),
)
