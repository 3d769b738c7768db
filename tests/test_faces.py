"""Faces of rooms: what the type checker is told is what is loaded."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import prgcore
from prgcore import running, stores, timers
from tests.pages import ROOT, WRITTEN

FACES = tuple(
    file for file in sorted((ROOT / "prgcore").rglob("__init__.py"))
    if "= lazily(__name__" in file.read_text(encoding="utf-8")
)


def _room(face: Path) -> str:
    return ".".join(face.parent.relative_to(ROOT).parts)


def _told(face: Path) -> dict[str, str]:
    """Of every name that the type checker imports, its module."""
    tree = ast.parse(face.read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If) and isinstance(n.test, ast.Name))
    return {name.name: str(line.module) for line in block.body if isinstance(line, ast.ImportFrom)
            for name in line.names}


def _loaded(face: Path) -> dict[str, str]:
    """Of every name that is loaded when it is asked for, its module."""
    (call,) = (n for n in ast.walk(ast.parse(face.read_text(encoding="utf-8")))
               if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "lazily")
    homes = ast.literal_eval(call.args[1])
    return {name: f"{_room(face)}.{home}" for home, names in homes.items() for name in names}


def test_there_are_faces() -> None:
    assert {"prgcore", "prgcore.explain", "prgcore.wire"} <= {*map(_room, FACES)}


@pytest.mark.parametrize("face", FACES, ids=_room)
def test_the_type_checker_is_told_what_is_loaded(face: Path) -> None:
    told, room = _told(face), import_module(_room(face))
    assert told == _loaded(face)
    assert set(told) == set(room.__all__) - {"__version__"}
    for name, home in told.items():
        assert getattr(room, name) is getattr(import_module(home), name)


@pytest.mark.parametrize("face", FACES, ids=_room)
def test_no_name_of_a_face_is_hidden_by_a_module(face: Path) -> None:
    """Importing `room.name` would put the module in the place of what the face promises."""
    modules = {file.stem for file in face.parent.glob("*.py")}
    modules |= {file.parent.name for file in face.parent.glob("*/__init__.py")}
    assert not set(_told(face)) & modules


@pytest.mark.parametrize("face", FACES, ids=_room)
def test_another_name_is_not_there(face: Path) -> None:
    with pytest.raises(AttributeError, match=rf"module '{_room(face)}' has no attribute 'nobody'"):
        getattr(import_module(_room(face)), "nobody")  # noqa: B009


# ------------------------------------------------------------------------ __all__


def _public(file: Path) -> bool:
    """Whether others may import it: not the program, nor what `prgcore init` copies."""
    place = file.relative_to(ROOT / "prgcore")
    program = place.parts[0] == "cli" and file.name != "__init__.py"
    return not program and place.parts[0] != "template" and not any(
        part.startswith("_") and part != "__init__.py" for part in place.parts)


def _defines(file: Path) -> set[str]:
    """The public names that a module defines itself."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    names = {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for n in body:
        targets = n.targets if isinstance(n, ast.Assign) else [getattr(n, "target", None)]
        names |= {t.id for t in targets if isinstance(t, ast.Name)}
    return {name for name in names if not name.startswith("_")}


MODULES = {
    file: ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in sorted((ROOT / "prgcore").rglob("*.py"))
    if _public(file) and _defines(file) and file.name != "recheck.py"  # a program that stands alone
}


@pytest.mark.parametrize("file", MODULES, ids=MODULES.get)
def test_every_public_module_says_what_it_exports(file: Path) -> None:
    module = import_module(MODULES[file])
    names = module.__all__
    assert names
    assert len(names) == len(set(names))
    assert not [name for name in names if not hasattr(module, name)]


# ------------------------------------------------------------------------- old paths

OLD = {
    "prgcore.clients": "prgcore.product.clients",
    "prgcore.configuration": "prgcore.product.configuration",
    "prgcore.export": "prgcore.wire",
    "prgcore.parameters": "prgcore.timers.parameters",
    "prgcore.restrictions": "prgcore.product.restrictions",
    "prgcore.status": "prgcore.explain.status",
    "prgcore.users": "prgcore.product.users",
}
"""What docs/python.md showed before the move into rooms, and where it is now."""

STAYED = {
    "prgcore.adapters": (), "prgcore.diagram": ("graph", "render"),
    "prgcore.export": ("dumps", "load", "digest", "schema"), "prgcore.prove.report": ("prove",),
    "prgcore.story": ("parse", "run", "write"), "prgcore.timers": ("Monitor", "bounds"),
}
"""What that page named beside the modules that moved, and the names that it showed."""


@pytest.mark.parametrize("old", OLD)
def test_an_old_path_leads_to_the_new_one_and_warns(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    with pytest.warns(DeprecationWarning, match=f"{old} is an old path: import {OLD[old]};"):
        path = import_module(old)
    new = import_module(OLD[old])
    assert path.__all__ == new.__all__
    assert all(getattr(path, name) is getattr(new, name) for name in new.__all__)


@pytest.mark.filterwarnings("ignore:prgcore.export is an old path")
@pytest.mark.parametrize("module", STAYED)
def test_what_the_old_page_named_is_there(module: str) -> None:
    assert all(hasattr(import_module(module), name) for name in STAYED[module])


def test_the_warning_names_who_imports() -> None:
    done = subprocess.run([sys.executable, "-W", "always", "-c", "import prgcore.users"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == (
        "<string>:1: DeprecationWarning: prgcore.users is an old path: import "
        "prgcore.product.users; the old one stays until prgcore 0.3 at least\n")


# ------------------------------------------------------------- what the page promises

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| `(prgcore[\w.]*)` \| (`.*?`) \| [^|]+ \|$", PAGE, re.MULTILINE)
"""Rows of its tables: a module, names of it."""


def test_the_page_lists_the_front_door() -> None:
    table = PAGE.partition("| `from prgcore import` |")[2].partition("\n\n")[0]
    names = [name for row in table.splitlines()[2:]
             for name in re.findall(r"`(\w+)`", row.split(" | ")[0])]
    assert sorted(names) == sorted(prgcore.__all__)


@pytest.mark.parametrize("module", sorted({module for module, _ in ROWS}))
def test_every_name_that_the_page_promises_is_there(module: str) -> None:
    home = import_module(module)
    named = {name for at, cell in ROWS if at == module for name in re.findall(r"`(\w+)`", cell)}
    assert named
    assert named <= set(home.__all__)
    assert all(hasattr(home, name) for name in named)


def test_the_page_promises_what_an_embedder_imports() -> None:
    promised = {name for _, cell in ROWS for name in re.findall(r"`(\w+)`", cell)}
    assert promised >= {
        *stores.__all__, *running.__all__, *timers.__all__, "Table", "Rule", "Event",
        "instantiate", "load", "prove",
    }


def test_every_path_that_the_page_shows_is_there() -> None:
    paths = set(re.findall(r"`(prgcore\.[\w.]+)`", PAGE))
    assert paths >= {*OLD, *OLD.values(), *STAYED}
    for path in sorted(paths - set(OLD)):
        import_module(path)


def test_the_page_names_the_old_paths_and_the_new_ones() -> None:
    assert dict(re.findall(r"^\| `(prgcore\.\w+)` \| `(prgcore[\w.]+)` \|$", PAGE, re.MULTILINE)
                ) == OLD


def _imported(page: Path) -> list[tuple[str, str]]:
    """Module and name of every import in the Python blocks of a page."""
    found = []
    for code in re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        found += [(str(line.module), name.name) for line in ast.walk(ast.parse(code))
                  if isinstance(line, ast.ImportFrom) and str(line.module).startswith("prgcore")
                  for name in line.names]
    return found


def test_what_any_page_imports_is_promised_by_its_module() -> None:
    imports = [(page.name, *one) for page in WRITTEN for one in _imported(page)]
    assert len(imports) > 50
    assert not [(page, module, name) for page, module, name in imports
                if name not in import_module(module).__all__]
