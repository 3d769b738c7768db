"""Status text: what `utils ha status` prints, read from any text and written in its shape.

    Subcluster Name: G                          Name: a
    Node 1 Name : a State: Normal                   State: Failed
    Node 2 Name : b State: Taking Over Reason: R    Reason: Peer Down

A text is read in steps, a file each: `cleaning` (colours, quotation marks), `markup` (the source of
a web page), `cells` (tables and JSON), `labels` and their `values` (`State: Normal`), `nodes` (what
belongs to which), `grouping` (groups of two, at one moment or several). If none of these finds a
node, `chat` reads what people type. `hosts` knows which names are surely those of hosts, and
`words` which words mean a state or a reason, also where a machine renames them.

Law: pure. Reading never fails: every line is used, or listed as not used. Nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.explain.status.cells import is_status
    from prgcore.explain.status.grouping import parse
    from prgcore.explain.status.shapes import (
        LONGEST,
        MOST_LINES,
        MOST_STRANGE,
        GroupStatus,
        NodeStatus,
        Status,
    )
    from prgcore.explain.status.writing import PRODUCT, checked_name, write

__all__ = [
    "LONGEST", "MOST_LINES", "MOST_STRANGE", "PRODUCT", "GroupStatus", "NodeStatus", "Status",
    "checked_name", "is_status", "parse", "write",
]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "cells": ("is_status",),
        "grouping": ("parse",),
        "shapes": (
            "LONGEST", "MOST_LINES", "MOST_STRANGE", "GroupStatus", "NodeStatus", "Status",
        ),
        "writing": ("PRODUCT", "checked_name", "write"),
    })
