"""A program that lets the Python package of cvc5 read files: one line of answers for each.

Law: it runs in a process of its own, and imports nothing of prgcore.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["main"]


def main(files: list[str]) -> None:
    """Print the answers of each file on a line, or the version if that is asked for."""
    import cvc5

    if files == ["--version"]:
        sys.stdout.write(f"cvc5 {cvc5.__version__}\n")
        return
    for file in files:
        try:
            answer = " ".join(_answers(cvc5, file))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not an answer
            answer = f"error: {error}"
        sys.stdout.write(" ".join(answer.split()) + "\n")


def _answers(cvc5: Any, file: str) -> list[str]:
    """Whatever the commands of a file print."""
    solver = cvc5.Solver(cvc5.TermManager())
    parser = cvc5.InputParser(solver)
    parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, file)
    symbols, found = parser.getSymbolManager(), []
    while not (command := parser.nextCommand()).isNull():
        found.append(str(command.invoke(solver, symbols) or "").strip())
    return [f for f in found if f]


if __name__ == "__main__":
    main(sys.argv[1:])
