"""Several files: each answered under its name, and one that cannot be read keeps none from it.

Law: it knows no question. It prints what is answered to each file, and the error of each other one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prgcore.cli import exit_code, output, summary
from prgcore.errors import BadInput, PrgError
from prgcore.words import one_line, quoted


def each(
    files: Sequence[str], answer: Callable[[str], tuple[int, Any]], *, as_json: bool
) -> int:
    """Print the answer to each file, and return the worst exit code.

    A file without an answer has one line on standard error. As JSON, all answers are one list.

    Args:
        files: names of files; - is standard input.
        answer: the exit code and the answer to one file: text, or a value for JSON.

    Raises:
        BadInput: standard input is named more than once.
    """
    if files.count("-") > 1:
        raise BadInput("- is given more than once, and standard input can be read only once")
    worst, found = 0, []
    for file in files:
        name = "standard input" if file == "-" else one_line(file)
        try:
            code, said = answer(file)
        except (PrgError, RecursionError) as error:
            code, said = _failed(error)
            output.remark(said if quoted(file) in said else f"{name}: {said}")
            found.append({"file": file, "error": said})
        else:
            found.append({"file": file, "answer": said})
            if not as_json:
                output.write(f"{'' if len(found) == 1 else chr(10)}==> {name} <==\n{said.strip()}")
        worst = max(worst, code)
    if as_json:
        output.write_json(found)
    return worst


def _failed(error: PrgError | RecursionError) -> tuple[int, str]:
    if isinstance(error, RecursionError):
        return 2, "the input is too deeply nested to be read"
    return exit_code(error), one_line(summary(error))
