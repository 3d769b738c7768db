"""The way of one event: how many calls `prgcore step` makes, and how often it changes the file.

    python benchmarks/way.py                   the two numbers
    python benchmarks/way.py --each            and every call, in order

`sys.setprofile` counts calls of named functions of prgcore, from `main()` to its return. Each
resumption of a generator counts as a call. Comprehensions and lambdas do not count: only some
versions of Python call them. Bodies of classes and modules, and functions that build the machine,
do not count: they run once per process. A move is a call in another file than the call before it.
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout
from inspect import CO_OPTIMIZED
from io import StringIO
from itertools import pairwise
from pathlib import Path
from types import FrameType

import prgcore
from prgcore.cli import main
from prgcore.machine import prg

WORDS = ("step", "failover(node1)", "--node1", "normal", "--node2", "normal")
ROOM = str(Path(prgcore.__file__).parent)


def way(words: tuple[str, ...] = WORDS) -> list[tuple[str, str]]:
    """The file and the function of every call that a command makes."""
    prg()
    calls: list[tuple[str, str]] = []

    def count(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        named = code.co_flags & CO_OPTIMIZED and code.co_name[0] != "<"
        if event == "call" and named and code.co_filename.startswith(ROOM):
            calls.append((code.co_filename[len(ROOM) + 1:], code.co_name))

    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        sys.setprofile(count)
        try:
            code = main(list(words))
        finally:
            sys.setprofile(None)
    assert code == 0, f"{words} exits with {code}"
    return calls


def moves(calls: list[tuple[str, str]]) -> int:
    """The number of calls in another file than the call before."""
    return sum(one != other for (one, _), (other, _) in pairwise(calls))


if __name__ == "__main__":
    made = way()
    if "--each" in sys.argv[1:]:
        for (file, name), times in Counter(made).most_common():
            print(f"{times:7,}  {file}  {name}")
    print(f"{len(made):,} calls, {moves(made):,} moves, {len({f for f, _ in made})} files")
