"""A machine's stories as traces in the Informal Trace Format, which Quint and Apalache write too.

Law: one file for each story of the table, run through the interpreter. A story is true of the
machine, so its trace is one of the machine's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name
from prgcore.exports.names import IN_FILES, Names
from prgcore.model import Model
from prgcore.story import itf as traces
from prgcore.story.script import run

__all__ = ["itf"]


def itf(model: Model, only: Iterable[str] = ()) -> dict[str, str]:
    """The files `ID.itf.json`, one for each story, or for those with these ids.

    Raises:
        BadInput: there is no such story, or the machine has none.
    """
    ids, engine = tuple(only), Engine(model)
    known = [s.id for s in model.stories]
    if not known:
        raise BadInput("the machine has no stories; prgcore simulate STORY --itf FILE writes a trace "
                       "of your own")
    for id_ in ids:
        if id_ not in known:
            raise BadInput(unknown_name("story", id_, known))
    names = Names(IN_FILES, same_case=True)
    return {
        f"{names.word(s.id)}.itf.json":
            json.dumps(traces.of_run(run(engine, s), s.title), indent=1, ensure_ascii=False) + "\n"
        for s in model.stories if not ids or s.id in ids
    }
