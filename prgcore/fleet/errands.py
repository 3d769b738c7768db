"""Errands: what a process is asked to do for blocks, and what it keeps between them.

Law: it knows no Dask. An errand arrives once as bytes; what it needs, as a machine's table, is
made once and kept. Whatever happens in a block becomes an answer of bytes: a result, or an error.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import traceback
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from attrs import evolve, field, frozen

from prgcore.errors import BadInput, Unavailable
from prgcore.words import one_line

if TYPE_CHECKING:
    from prgcore.fleet.blocks import Block
    from prgcore.prove.compiled import Compiled

__all__ = [
    "Errand", "Given", "accept", "answered", "attempt", "compiled", "differing", "forget",
    "own_makings", "said",
]

T = TypeVar("T")
MOST_KEPT = 2
"""How many made values a process keeps; a machine's table takes 200 MB."""


@frozen(eq=False)
class Given:
    """A value that each process makes once, from little: `make(*arguments)`.

    Attributes:
        make: a function that can be pickled.
        arguments: what it is called with, also pickled: small, as it is sent to each process.
        here: makes the same in the process that asks, which may have most of it; never sent.
        cost: about how many seconds `make` takes longer than `here`.
    """

    make: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    here: Callable[[], Any] | None = field(default=None, repr=False)
    cost: float = 0.0


def compiled(text: str) -> Compiled:
    """The compiled table of the machine in a machine file's text: two or three seconds.

    Raises:
        BadInput, MalformedMachine, NotTotal: the machine has no table.
    """
    from prgcore.prove.compiled import Compiled
    from prgcore.prove.space import search
    from prgcore.wire import machine_file

    return Compiled(search(machine_file.load(text)))


class Errand(Generic[T]):
    """Work on blocks, and what it is given; once made, the given value is kept here."""

    def __init__(self, work: Callable[..., T], given: Given | None) -> None:
        self.work, self.given = work, given
        self._values: tuple[Any, ...] | None = None

    def prepare(self) -> tuple[Any, ...]:
        """What `work` is called with beside a block: nothing, or the given value."""
        if self._values is None:
            self._values = ()
            if self.given is not None:
                make, here = self.given.make, self.given.here
                self._values = (make(*self.given.arguments) if here is None else here(),)
        return self._values

    def run(self, block: Block) -> T:
        """The result of `work` for a block."""
        return self.work(block, *self.prepare())

    def packed(self) -> bytes:
        """The errand as bytes, for other processes: the given value is made there.

        Raises:
            BadInput: the work cannot be pickled.
        """
        import cloudpickle

        given = None if self.given is None else evolve(self.given, here=None)
        try:
            return pickle.dumps((cloudpickle.dumps(self.work),
                                 None if given is None else cloudpickle.dumps(given)))
        except Exception as error:  # noqa: BLE001, anything may be raised by what is pickled
            raise BadInput(f"this work cannot be sent to another process: {said(error)}; take away "
                           "open files, locks and connections, or use one process") from None


# ------------------------------------------------------------------- in the process

_ERRANDS: dict[str, bytes] = {}
_MADE: OrderedDict[str, Any] = OrderedDict()
_LOCK = Lock()


def accept(key: str, errand: bytes) -> None:
    """Keep the bytes of an errand until `forget`."""
    _ERRANDS[key] = errand


def forget(key: str) -> None:
    """Forget an errand; what it was given is kept, for the next on the same machine."""
    _ERRANDS.pop(key, None)


def attempt(key: str, makings: tuple[str, ...], block: Block) -> bytes:
    """Run a block of an errand that this process has accepted; the answer, as bytes.

    Args:
        key: of the errand.
        makings: those of the process that asks; another answer is not given under others.
        block: the block.
    """
    try:
        return _attempt(key, makings, block)
    except BaseException as error:  # noqa: BLE001, SystemExit too: the process goes on
        return _raised(error)


def _attempt(key: str, makings: tuple[str, ...], block: Block) -> bytes:
    if mine := differing(makings, own_makings()):
        raise Unavailable(f"a worker has another {mine}")
    work, given = pickle.loads(_ERRANDS[key])  # noqa: S301, from the client: see docs
    values = () if given is None else (_value(given),)
    result = pickle.loads(work)(block, *values)  # noqa: S301
    try:
        return pickle.dumps(("result", result), protocol=5)
    except Exception as error:  # noqa: BLE001, anything may be raised by what is pickled
        raise BadInput(f"the result of {block} cannot be sent to another process: {said(error)}") \
            from None


def _value(given: bytes) -> Any:
    """The given value, made once in this process even if many threads ask."""
    key = hashlib.sha256(given).hexdigest()
    with _LOCK:
        if key not in _MADE:
            while len(_MADE) >= MOST_KEPT:
                _MADE.popitem(last=False)
            asked: Given = pickle.loads(given)  # noqa: S301
            _MADE[key] = asked.make(*asked.arguments)
        _MADE.move_to_end(key)
        return _MADE[key]


def _raised(error: BaseException) -> bytes:
    """An error as bytes; if it survives no pickling, its name and its text do."""
    where = "".join(traceback.format_exception(error))
    try:
        whole = pickle.dumps(error)
        again = pickle.loads(whole)  # noqa: S301, just written
        if type(again) is not type(error) or str(again) != str(error):
            whole = b""
        if not isinstance(error, Exception):  # it ends neither that process nor the one that asks
            whole = b""
    except Exception:  # noqa: BLE001, anything may be raised by what is pickled
        whole = b""
    return pickle.dumps(("error", whole, said(error), where))


def answered(answer: bytes, block: Block) -> Any:
    """The result in an answer.

    Raises:
        Exception: the error in it, as it was in the other process. A note has the block, and the
            traceback of that process. An error that cannot be pickled, or ends programs, is a
            `RuntimeError` with its name and text.
    """
    kind, *rest = pickle.loads(answer)  # noqa: S301, from a worker that we trust: see docs
    if kind == "result":
        return rest[0]
    whole, text, where = rest
    error = pickle.loads(whole) if whole else RuntimeError(text)  # noqa: S301
    error.add_note(f"in {block}, in another process:\n{where}")
    raise error


def said(error: BaseException) -> str:
    """The kind and the text of an error on one line."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001, anything may be raised by what others wrote
        text = ""
    return one_line(f"{type(error).__name__}: {text}" if text else type(error).__name__, 300)


# --------------------------------------------------------------------------- makings

NAMES = ("version of Python", "version of numpy", "version of prgcore", "arithmetic")


@cache
def own_makings() -> tuple[str, ...]:
    """What a figure's last digit depends on: Python, numpy, our code, and this processor.

    The last is a digest of some functions of numpy, which differ in the last digit from processor
    to processor: numpy picks its instructions when it starts.
    """
    import prgcore

    root = Path(prgcore.__file__).parent
    code = hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        code.update(str(file.relative_to(root)).encode() + b"\0" + file.read_bytes() + b"\0")
    x = np.random.Generator(np.random.PCG64(1)).random(4099) * 10 + 1e-3
    figures = [f(x) for f in (np.exp, np.expm1, np.log, np.log1p, np.sqrt, np.sin, np.tanh)]
    figures += [np.power(x, 1.3), np.atleast_1d(np.sum(x)), np.atleast_1d(x @ x)]
    arithmetic = hashlib.sha256(b"".join(figure.tobytes() for figure in figures))
    return (f"{sys.version_info.major}.{sys.version_info.minor}", np.__version__,
            f"{prgcore.__version__}+{code.hexdigest()[:8]}", arithmetic.hexdigest()[:8])


def differing(ours: tuple[str, ...], theirs: tuple[str, ...]) -> str:
    """The first difference of two makings, in words; empty if there is none."""
    for name, here, there in zip(NAMES, ours, theirs, strict=True):
        if here == there:
            continue
        if name == "arithmetic":
            return ("processor, whose numpy differs in the last digit; use computers of one kind, or "
                    "set NPY_DISABLE_CPU_FEATURES alike everywhere")
        return f"{name}: {there}, not {here}; install the same everywhere"
    return ""
