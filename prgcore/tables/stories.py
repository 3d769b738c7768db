"""S"""

from __future__ import annotations

from prgcore.model import Story, Values

STARTS: dict[str, Values] = {
    "initial": (),
    "normal": (
        "enable_ha", "heartbeat_heard(node1)", "heartbeat_heard(node2)",
        "initialized(node1)", "initialized(node2)",
    ),
}
