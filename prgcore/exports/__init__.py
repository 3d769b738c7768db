"""Exports: a machine as files for other people's checkers.

Law: reads the table alone; one file per format; no solver. A format makes named files, and they are
the same in every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.exports.aiger import aiger
from prgcore.exports.itf import itf
from prgcore.exports.prism import prism
from prgcore.exports.promela import promela
from prgcore.exports.promela_network import promela_network
from prgcore.exports.smt2 import smt2
from prgcore.exports.tla import tla
from prgcore.model import Model
from prgcore.network import Setting

__all__ = ["FORMATS", "Files", "export", "export_network"]

Files: TypeAlias = Mapping[str, str | bytes]
"""The files of an export by their names, in order."""

FORMATS: Mapping[str, Callable[[Model, Iterable[str]], Files]] = {
    "aiger": aiger,
    "itf": itf,
    "prism": prism,
    "promela": promela,
    "smt2": smt2,
    "tla": tla,
}
"""The registry: a format makes files of a machine and of the ids of promises (none: all)."""


def export(model: Model, form: str, only: Iterable[str] = ()) -> Files:
    """A machine in a format, as files: all its promises, or those with these ids.

    Raises:
        BadInput: there is no such format, or no such promise.
    """
    if form not in FORMATS:
        raise BadInput(f"unknown format {form[:80]!r}; known: {', '.join(sorted(FORMATS))}")
    return FORMATS[form](model, tuple(only))


def export_network(
    engine: Engine, form: str, setting: Setting, only: Iterable[str] = ()
) -> Files:
    """Two nodes of a machine in a format, as files: all questions, or those with these ids.

    Raises:
        BadInput: there is no such format or question, or the format has no networks.
    """
    if form != "promela":
        raise BadInput(f"{form[:80]!r} is not a format of model D; known: promela")
    return promela_network(engine, setting, tuple(only))
