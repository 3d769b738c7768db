"""Stories: what happened, line by line. A story that is told, a log that is checked.

Law: text or JSON in, an answer out. The machine that is given decides what every line says.
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
