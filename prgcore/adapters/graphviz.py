"""Pictures of graphs by Graphviz: the one place that runs its program `dot`.

Law: text in, bytes out. An error of the program is one line that says what to do.
"""

from __future__ import annotations

import subprocess
from shutil import which

from prgcore.errors import BadInput

__all__ = ["FORMS", "SECONDS", "picture"]

SECONDS = 60
"""How many seconds a picture may take."""

FORMS = ("svg", "png")


def picture(text: str, form: str) -> bytes:
    """The picture of a graph, as the bytes of a file.

    Args:
        text: the graph in the language of Graphviz, as `prgcore.diagram.dot` writes it.
        form: `svg` or `png`.

    Raises:
        BadInput: Graphviz is not installed, fails, or takes longer than `SECONDS`.
    """
    assert form in FORMS, f"BUG: no picture is {form}"
    program = which("dot")
    if program is None:
        raise BadInput(
            f"{form} of a graph needs Graphviz, whose program dot is not found: install it (apt "
            "install graphviz, brew install graphviz, winget install graphviz), or take --format "
            "mermaid, dot or text, which need nothing"
        )
    try:
        run = subprocess.run(  # noqa: S603 - a fixed program, and text that it reads
            [program, f"-T{form}"], input=text.encode(), capture_output=True, check=False,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise BadInput(f"dot drew no picture in {SECONDS} s; take a narrower view") from None
    except OSError as error:
        raise BadInput(f"cannot run {program}: {error.strerror}; take --format mermaid, dot or "
                       "text, which need nothing") from None
    if run.returncode or not run.stdout:
        said = run.stderr.decode(errors="replace").strip()[:300] or f"exit code {run.returncode}"
        raise BadInput(f"dot could not draw this: {said}; take --format mermaid, dot or text")
    return run.stdout
