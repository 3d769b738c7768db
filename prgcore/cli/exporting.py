"""`export`: the machine as files that other people's checkers read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from prgcore.cli import inputs, networks, output
from prgcore.cli.commands import Argument, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, one_line, quoted

if TYPE_CHECKING:
    from prgcore.exports import Files


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore export smt2 --only S1", "prgcore export smt2 -o questions",
        "prgcore export smt2 --machine mine.json -o questions", "prgcore export aiger -o graphs",
        "prgcore export promela --model D --arbiter cas --adversary one-way,pause",
    ))(export)


def export(
    form: Annotated[str, Argument(metavar="FORMAT", help="aiger, itf, prism, promela, smt2 or tla.")], *,
    only: Annotated[
        list[str] | None,
        Option("--only", metavar="ID",
                     help="Only this promise, or for itf this story; ID.witness asks whether the "
                          "question of a promise is empty. Repeatable."),
    ] = None,
    file: Annotated[
        Path | None,
        Option("--output", "-o", metavar="FILE",
                     help="The file to write; for several files a folder, made where it is missing."),
    ] = None,
    model: Annotated[
        str | None,
        Option("--model", metavar="P|D",
               help="P: one record of both nodes (default); D: two nodes, messages, an arbiter."),
    ] = None,
    arbiter: Annotated[
        str | None,
        Option("--arbiter", metavar="WORD",
               help="(D) none (default), cas, cas+lease, cas+fence or self-fence."),
    ] = None,
    adversary: Annotated[
        str | None,
        Option("--adversary", metavar="LIST",
               help="(D) of loss, delay, duplicate, reorder, one-way, cut, pause, crash, boot, "
                    "faults, commands; all; without it, the first eight."),
    ] = None,
    silence: Annotated[
        str | None,
        Option("--silence", metavar="K",
               help="(D) A time-out is so many intervals without a heartbeat, each a step."),
    ] = None,
    machine: inputs.MachineFile = None, policy: inputs.Policies = None,
) -> None:
    """Write the machine for other people's checkers.

    smt2: for each promise one question to any SMT solver, in SMT-LIB 2. The answer
    unsat says that no step breaks the promise.

    aiger: all promises as outputs of one graph, for a model checker of hardware. An
    output that is never 1 is a promise that holds; no invariant is assumed.

    promela: one file for SPIN. Each state that it stores is a reachable pair; with
    --model D, two nodes with copies of their own, and what is in flight between them.

    tla: a module in TLA+ and what TLC or Apalache shall check. Each rule is an action.

    prism: a Markov decision process for PRISM or Storm, and its properties. A promise
    holds if its property is 0.

    itf: for each story of the machine a trace, as Quint and Apalache write them.
    """
    from prgcore import exports

    apart = networks.asked(model, arbiter, adversary, silence, {})
    loaded = inputs.load_machine(machine, policy)
    files = exports.export(loaded.model, form, only or ()) if apart is None else (
        exports.export_network(loaded, form, apart.setting, only or ()))
    if file is None:
        _print(form, files)
    elif len(files) == 1 and not file.is_dir():
        output.writable(file)
        output.write_file(file, next(iter(files.values())))
    else:
        _make(file)
        for name, text in files.items():
            output.write_file(file / name, text)
        output.write(f"{one_line(str(file))}: {counted(len(files), 'file')}")


def _print(form: str, files: Files) -> None:
    """Print the only file.

    Raises:
        BadInput: there are several, or it is not text and standard output is a terminal.
    """
    if len(files) > 1:
        one = "story" if form == "itf" else "promise"
        raise BadInput(f"{form} writes {len(files)} files: name a folder with -o DIR, or one "
                       f"{one} with --only ID")
    text = next(iter(files.values()))
    if isinstance(text, str):
        output.write(text)
    elif sys.stdout.isatty():
        raise BadInput(f"{form} is not text for a terminal; give a file with -o FILE")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text)


def _make(folder: Path) -> None:
    """Make the folder if it does not exist.

    Raises:
        BadInput: it cannot be made, or it is a file.
    """
    try:
        folder.mkdir(exist_ok=True)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot make the folder {quoted(str(folder))}: {reason}") from None
