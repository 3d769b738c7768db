# ruff: noqa: INP001
"""Every generated file, from the tables and the prover.

    python docs/generate.py            write them
    python docs/generate.py --check    write nothing; exit 1 and say which files differ

Law: nothing here decides anything. Text comes from `prgcore.wire`, pictures from
`prgcore.diagram`, figures from one search per policy and one run of the prover, examples from
running them. Output is the same on every machine and every run.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from difflib import unified_diff
from itertools import product, repeat
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import blocks
import pages
import pictures
from writer import arbiters, golden, promises, situations
from writer.promises import Proved
from writer.situations import Hole
from writer.stories import stories
from writer.words import Move

from prgcore.machine import prg
from prgcore.model import Choices, Display, Values
from prgcore.network import splits
from prgcore.prove import chart
from prgcore.prove.document import holes, stable_displays
from prgcore.prove.obligations import obligations
from prgcore.prove.supports import Supports
from prgcore.prove.work import Work
from prgcore.tables.actions import ACTIONS
from prgcore.tables.machine import TABLE
from prgcore.tables.policies import POLICIES
from prgcore.vocabulary import Reason, State

ROOT = Path(__file__).parent.parent
WORKFLOW = ROOT / "prgcore/template/prove.yml"
LONGEST_DIFF = 12
DRAWN_BY = re.compile(r"<!-- drawn by .*? -->")
SAYS = re.compile(r"<(?:title|desc)>.*?<", re.DOTALL)

# ------------------------------------------------------------ what is found


def choices() -> Iterator[dict[str, str]]:
    """Every choice of policies, the default one first."""
    for chosen in product(*(p.choices for p in POLICIES)):
        yield dict(zip((p.name for p in POLICIES), chosen, strict=True))


def figures(work: Work, found: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """The pinned figures of one machine; `found` is what L1, L2 and L3 found."""
    space = work.space
    columns = [
        space.column(f"{node}.{what}").astype(np.int64)
        for node in ("node1", "node2") for what in ("state", "reason")
    ]
    one = columns[0] * len(Reason) + columns[1]
    both = (one * len(State) + columns[2]) * len(Reason) + columns[3]
    return {
        "reachable pairs": len(space),
        "depth": space.depth,
        "edges": sum(len(e.source) for e in space.edges),
        "rules": len(work.model.rules),
        "displays (two states, two reasons)": len(np.unique(both)),
        "stable displays (mirror images once, blank nodes too)": len(stable_displays(space)),
        "combinations of state and reason": len(np.unique(one)),
        "longest chain of timers and completions": found["L1"]["longest chain"],
        "greatest way home": found["L2"]["greatest length"],
        "pairs that heal by themselves": found["L3"]["heal by themselves"],
        "pairs that heal with repairs": found["L3"]["heal with repairs"],
    }


def moves(work: Work) -> set[Move]:
    """Every reachable change of the state of a node: before, after, and the rule that makes it."""
    states, found = work.space.codec.domain["node1.state"], set()
    codes = work.space.column("node1.state").astype(np.int64)
    for e in work.space.edges:
        for code in np.unique(codes[e.source] * len(states) + codes[e.target]):
            before, after = divmod(int(code), len(states))
            if before != after:
                found.add((states[before], states[after], e.rule.id.partition("@")[0]))
    return found


def proofs(work: Work, *ids: str) -> tuple[Proved, ...]:
    """Every obligation, or only these, discharged once."""
    rows = []
    for o in (o for o in obligations(work.model) if not ids or o.id in ids):
        finding = o.run(work)
        detail = {k: v for k, v in finding.detail.items() if k != "seconds"}
        rows.append(
            Proved(o.id, o.title, finding.verdict, finding.method, o.assumptions, detail, o.model)
        )
    return tuple(rows)


def supports(work: Work, proved: Iterable[Proved]) -> dict[str, tuple[Values, Values, Values]]:
    """For every promise by induction: the invariants, what those need, and cells of the world."""
    of = Supports(work.model, work.proof.proved)
    found = {p.id: of.of(p.id) for p in proved}
    return {id_: (s.invariants, s.closure, s.world) for id_, s in found.items() if s}


def found_holes(work: Work) -> dict[tuple[str, Display], tuple[str, ...]]:
    """Family and display of every documentation hole, and a shortest trace to it."""
    return {
        (family, display): tuple(r.event for r in work.space.trace(number))
        for family, many in holes(work.space).items() for display, number in many
    }


def every_hole(by_policy: list[tuple[dict[str, str], dict[Any, Any]]]) -> list[Hole]:
    """Holes of every policy; each with the choices under which alone it can be reached."""
    traces: dict[tuple[str, Display], tuple[str, ...]] = {}
    for _, some in by_policy:
        for key, trace in some.items():
            traces.setdefault(key, trace)
    rows = []
    for key in sorted(traces, key=lambda k: (k[0], *(half or ("", "") for half in k[1]))):
        where = [policy for policy, some in by_policy if key in some]
        only: Choices = tuple(
            (p.name, p.choices[n]) for p in POLICIES for n in range(len(p.choices))
            if len(where) < len(by_policy) and all(w[p.name] == p.choices[n] for w in where)
        )
        rows.append(Hole(*key, traces[key], only))
    return rows


# -------------------------------------------------------------------- pages


def generated() -> tuple[dict[str, str], dict[str, str]]:
    """Every generated file by its path, and the generated blocks of other pages by name."""
    numbers, by_policy, works = [], [], {}
    steps: set[Move] = set()
    proved: tuple[Proved, ...] = ()
    for policy in choices():
        work = works[tuple(policy.values())] = Work(prg(**policy))
        rows = proofs(work, *(("L1", "L2", "L3") if proved else ()))
        proved = proved or rows
        numbers.append((policy, figures(work, {p.id: p.detail for p in rows})))
        by_policy.append((policy, found_holes(work)))
        steps |= moves(work)
    model = prg().model
    laid_out = pictures.graphs(next(iter(works.values())).space)
    drawn = pictures.pictures(laid_out)
    written = {
        **pages.of_table(TABLE, model, steps),
        **pages.of_chapter(p.id for p in proved),
        "stories": situations.stories_page(TABLE, stories()),
        "holes": situations.holes_page(model, every_hole(by_policy)),
        "obligations": promises.obligations_page(
            proved, TABLE, supports(next(iter(works.values())), proved)),
        "diagrams": pictures.page(laid_out),
        "commands": pages.of_commands(),
    }
    written["index"] = pages.index(written)
    files = {
        "prgcore/tables/atlas.py": chart.write(works),
        "prgcore/tables/splits.py": splits.write({
            tuple(policy.items()): splits.splits(prg(**policy)) for policy in choices()}),
        "tests/golden/words.txt": golden.words(model, ACTIONS),
        "tests/golden/space.txt": space_text(numbers),
        "tests/golden/prove.txt": prove_text(proved),
        **{f"docs/reference/{name}.md": text for name, text in written.items()},
        **{f"docs/pictures/{name}": text for name, text in drawn.items()},
    }
    return files, {
        "active-standby": pictures.standby(laid_out),
        "numbers": numbers_table(numbers),
        "files": files_list(),
        "rooms": rooms(),
        "floors": floors(),
        **arbiters.stories(),
        "workflow": f"```yaml\n{WORKFLOW.read_text(encoding='utf-8')}```\n",
    }


def space_text(numbers: list[tuple[dict[str, str], dict[str, int]]]) -> str:
    """The pinned figures of every choice of policies."""
    lines = ["# What can be reached. A figure that changes means that the machine changed."]
    for policy, found in numbers:
        lines += ["", " ".join(f"{name}={choice}" for name, choice in policy.items())]
        lines += [f"  {value:>9}  {name}" for name, value in found.items()]
    return "\n".join(lines) + "\n"


def prove_text(proved: Sequence[Proved]) -> str:
    """Every obligation with verdict, method and figures, without seconds."""
    lines = ["# What `prgcore prove` answers, without seconds."]
    for p in proved:
        lines.append(f"{p.id:<4} {p.verdict:<8} {p.method:<9} {p.title}")
        lines += [f"       {promises.found({name: v})}" for name, v in p.detail.items()
                  if v not in ([], "")]
    return "\n".join(lines) + "\n"


def numbers_table(numbers: list[tuple[dict[str, str], dict[str, int]]]) -> str:
    """The figures as a table, one column for each choice of policies."""
    heads = [", ".join(policy.values()) for policy, _ in numbers]
    rows = [
        [name, *(f"{found[name]:,}" for _, found in numbers)] for name in numbers[0][1]
    ]
    table = [["", *heads], ["---", *("---:" for _ in heads)], *rows]
    return "".join("| " + " | ".join(row) + " |\n" for row in table)


def files_list() -> str:
    """Every module and the first sentence of its docstring, by folder."""
    lines, folder = [], ""
    for path in sorted((ROOT / "prgcore").rglob("*.py"), key=lambda p: (p.parent, p.name)):
        place = str(path.parent.relative_to(ROOT))
        if place != folder:
            lines += [f"\n**{place}/**\n"]
            folder = place
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        if doc and not doc.startswith("An old path"):
            lines.append(f"- `{path.name}` {doc.splitlines()[0]}")
    return "\n".join(lines).lstrip() + "\n"


def rooms() -> str:
    """Every room with its law: the first line of its docstring, and the first sentence of its law."""
    rows = ""
    for face in sorted((ROOT / "prgcore").glob("*/__init__.py")):
        doc = ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))) or ""
        says = doc.partition("\n")[0]
        law = re.search(r"^Law: .*?\.(?=\s|$)", doc, re.MULTILINE | re.DOTALL)
        rows += f"| `{face.parent.name}/` | {says}{f' {law[0]}' if law else ''} |\n".replace(
            "\n", " ", (law[0] if law else "").count("\n"))
    return f"| room | its law |\n| --- | --- |\n{rows}"


def floors() -> str:
    """The layers that import-linter enforces, the top one first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = next(
        c["layers"] for c in settings["tool"]["importlinter"]["contracts"] if "layers" in c
    )
    return "```text\n" + "\n".join(x.replace("prgcore.", "") for x in layers) + "\n```\n"


def filled(texts: Mapping[str, str]) -> dict[str, str]:
    """Hand-written pages with their generated blocks filled in."""
    written = {
        str(page.relative_to(ROOT)): page.read_text(encoding="utf-8")
        for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"))
    }
    marked = {name: text for name, text in sorted(written.items()) if blocks.MARKED.search(text)}
    with ProcessPoolExecutor() as many:
        return dict(zip(
            marked, many.map(blocks.fill, marked.values(), repeat(dict(texts))), strict=True))


# ------------------------------------------------------------------ command


def stale(texts: Mapping[str, str]) -> list[Path]:
    """Files that were generated once and are not any more."""
    known = (*(ROOT / "docs/reference").glob("*.md"), *(ROOT / "docs/pictures").glob("*"))
    return [path for path in sorted(known) if str(path.relative_to(ROOT)) not in texts]


def check(texts: Mapping[str, str]) -> list[str]:
    """The files that differ, each with the first lines of its diff."""
    wrong = [f"{path.relative_to(ROOT)}: is not generated any more" for path in stale(texts)]
    for name, text in sorted(texts.items()):
        path = ROOT / name
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if old != text and not _redrawn(old, text):
            diff = list(unified_diff(old.splitlines(), text.splitlines(), "committed", "now",
                                     lineterm="", n=0))[2:]
            more = [f"... {len(diff) - LONGEST_DIFF} more lines"] if len(diff) > LONGEST_DIFF else []
            said = "differs" if path.exists() else "is missing"
            wrong.append("\n  ".join([f"{name}: {said}", *diff[:LONGEST_DIFF], *more]))
    return wrong


def _redrawn(old: str, text: str) -> bool:
    """Whether two pictures show the same, drawn by two versions of another project's library."""
    drawn, now = DRAWN_BY.search(old), DRAWN_BY.search(text)
    if drawn is None or now is None or drawn[0] == now[0]:
        return False
    return SAYS.findall(old) == SAYS.findall(text) != []


def rewrite(texts: Mapping[str, str]) -> None:
    """Write every generated file; remove those that are none any more."""
    for path in stale(texts):
        path.unlink()
    for name, text in texts.items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def main() -> int:
    """Write, or check; the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 on a difference")
    checking = parser.parse_args().check
    texts, named = generated()
    texts |= filled(named)
    if not checking:
        rewrite(texts)
        sys.stdout.write(f"{len(texts)} files written\n")
        return 0
    wrong = check(texts)
    for line in wrong:
        sys.stdout.write(line + "\n")
    sys.stdout.write(
        f"{len(wrong)} of {len(texts)} generated files differ: run python docs/generate.py, "
        "read the diff, commit what you understand\n"
        if wrong else f"{len(texts)} generated files are as committed\n"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
