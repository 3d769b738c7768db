"""Stories: events line by line. A story is run on a machine, a log is checked against one.

Law: text or JSON in, an answer out. The given machine decides the meaning of every line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prgcore.lazily import lazily

if TYPE_CHECKING:
    from prgcore.story.script import (
        Line,
        Run,
        Script,
        Step,
        as_story,
        changes,
        parse,
        run,
        tell,
        write,
    )

__all__ = ["Line", "Run", "Script", "Step", "as_story", "changes", "parse", "run", "tell", "write"]

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, {
        "script": ("Line", "Run", "Script", "Step", "as_story", "changes", "parse", "run", "tell", "write"),
    })
