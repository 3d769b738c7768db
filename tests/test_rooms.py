"""Every name in prose is alive, every module says what it is, every room states its law."""

import ast
import io
import re
import tokenize
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "prgcore"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = [PACKAGE, *sorted(p.parent for p in PACKAGE.glob("*/__init__.py"))]
PAGES = [p for p in sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
         if p.name != "CHANGELOG.md" and "_build" not in p.parts]
"""Every page but the history, which names what was."""
CODE = [p for folder in ("prgcore", "docs", "tests", "examples", "benchmarks", "proofs")
        for p in sorted((ROOT / folder).rglob("*.py")) if "_build" not in p.parts]

OLD = {f"prgcore.{p.stem}" for p in PACKAGE.glob("*.py") if "An old path of" in p.read_text("utf-8")}
"""Paths that only lead elsewhere, and warn; one page lists them."""
NAME = re.compile(r"(?<![\w./-])prgcore(?:\.[A-Za-z_]\w*)+\b(?!/)")
OTHERS = re.compile(r"prgcore\.(\w+_seconds|decisions|toml|sh)$")
"""Names that are no modules: of OpenTelemetry, and of files."""


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def alive(dotted: str) -> bool:
    """Whether a name can be imported, or asked for; an old path is dead."""
    first, *rest = dotted.split(".")
    found = import_module(first)
    for part in rest:
        first += f".{part}"
        try:
            found = None if first in OLD else getattr(found, part, None) or import_module(first)
        except ImportError:
            return False
        if found is None:
            return False
    return True


def prose(path: Path) -> str:
    """The docstrings and comments of a Python file; the whole text of a page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        return text
    comments = [t.string for t in tokenize.generate_tokens(io.StringIO(text).readline)
                if t.type == tokenize.COMMENT]
    strings = [n.value.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Expr)
               and isinstance(n.value, ast.Constant) and isinstance(n.value.value, str)]
    return "\n".join([*comments, *strings])


def dead(text: str) -> list[str]:
    return sorted(n for n in set(NAME.findall(text)) if not OTHERS.match(n) and not alive(n))


def test_no_page_and_no_docstring_names_what_is_not_there():
    found = {name(path): some for path in (*CODE, *PAGES) if (some := dead(prose(path)))}
    assert set(found.pop("docs/python.md", ())) == OLD
    assert found == {}


@pytest.mark.parametrize("text", [
    "see `prgcore.nowhere`", "prgcore.engine.Motor", "(`prgcore.story.script.tells`).",
    "prgcore.prove.nowhere.prove",
])
def test_a_dead_name_is_found(text):
    assert len(dead(text)) == 1


@pytest.mark.parametrize("text", [
    "see `prgcore.engine`.", "prgcore.engine.Engine.step", "~/.bash_completions/prgcore.sh",
    "the file prgcore.toml", "`prgcore.outage_seconds`", "prgcore", "from prgcore.wire import load",
])
def test_a_name_that_is_there_is_alive(text):
    assert dead(text) == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_in_its_first_line_what_it_is(path):
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said, "no docstring"
    first = said.splitlines()[0]
    assert re.fullmatch(r"[\w`].*[.)]", first), first


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_room_states_its_law(room):
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text(encoding="utf-8")))
    assert "Law: " in said
