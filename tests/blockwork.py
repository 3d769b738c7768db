"""Work on blocks for tests: other processes import it, so it imports little."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from prgcore.errors import BadInput


def drawn(block):
    """A sum that any other order, seed or stream of chance would change in the last digit."""
    return block.number, float(block.random().standard_exponential(10 * block.count).sum())


def doomed(folder, times, numbers, block):
    """As `drawn`, but some blocks kill their process, so many times."""
    if block.number in numbers:
        deaths = Path(folder) / f"deaths-{block.number}"
        before = deaths.stat().st_size if deaths.exists() else 0
        if before < times:
            with deaths.open("a") as file:
                file.write("x")
            os.kill(os.getpid(), signal.SIGKILL)
    return drawn(block)


def held(folder, number, block):
    """As `drawn`, but one block waits in the first process that runs it, until it is let go."""
    pid, go = Path(folder) / "pid", Path(folder) / "go"
    if block.number == number and not pid.exists():
        (Path(folder) / "new").write_text(str(os.getpid()))
        (Path(folder) / "new").rename(pid)
        while not go.exists():
            time.sleep(0.01)
    return drawn(block)


class Odd(Exception):
    """An error that cannot be pickled."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")
        self.lock = threading.Lock()


class Shy(Exception):
    """An error that can be pickled, and not be made again."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


class Mute(Exception):
    """An error that has no text."""

    def __str__(self):
        raise ValueError("no text")


def failing(kind, numbers, block):
    """As `drawn`, but some blocks fail, each in its own way."""
    if block.number in numbers:
        if kind == "bad":
            raise BadInput(f"row {block.first + 1:,}: unknown state 'Sleeping'")
        if kind == "odd":
            raise Odd(block.number, "a lock")
        if kind == "shy":
            raise Shy(block.number, "no copy")
        if kind == "mute":
            raise Mute
        if kind == "exit":
            raise SystemExit(7)
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "memory":
            raise MemoryError
        if kind == "time":
            raise TimeoutError("the block was too slow")
        assert kind == "result"
        return threading.Lock()
    return drawn(block)


def made(folder, word):
    """A given value, and a file for each time that it is made."""
    with (Path(folder) / f"made-{os.getpid()}").open("a") as file:
        file.write("x")
    return {"word": word, "pid": os.getpid()}


def using(block, value):
    return value["word"], drawn(block), value["pid"], os.getpid()


def tabled(block, table):
    """A walk through a compiled table."""
    number, random = 0, block.random()
    for event in random.integers(table.width, size=20 * block.count):
        code = table.codes[number * table.width + int(event)]
        number = int(code) // table.width if code >= 0 else number
    return number, len(table)


def greedy(number, block):
    """As `drawn`, but one block takes all memory that it gets, at most 4 GB."""
    if block.number == number:
        hoard = []
        for _ in range(400):
            hoard.append(b"x" * 10_000_000)
            time.sleep(0.01)
    return drawn(block)
