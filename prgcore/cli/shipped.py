"""The theorem files and examples that are shipped with the package.

Law: a wheel holds both folders inside the package; a clone of the repository has them beside it.
Only this module knows the difference.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from attrs import frozen

from prgcore.errors import BadInput
from prgcore.words import quoted

THEOREMS = "proofs"
"""The folder of the theorem files; `prgcore prove proofs` proves them."""


@frozen
class Example:
    """Files that are written into a folder, and commands to run there.

    Attributes:
        says: what it shows, in one line.
        files: their names in the folder of the examples; only the last part is kept.
        next: the commands to run, in their order.
        needs: what the commands need and pip does not install.
    """

    says: str
    files: tuple[str, ...]
    next: tuple[str, ...]
    needs: str = ""


def _in(folder: str, *names: str) -> tuple[str, ...]:
    return tuple(f"{folder}/{name}" for name in names)


EXAMPLES = {
    "shortest": Example(
        "the shortest embedding: a pair in a file, and one failover", ("shortest.py",),
        ("python shortest.py",)),
    "controller": Example(
        "one program that keeps the whole pair, with timers and an event loop",
        ("controller.py",), ("python controller.py pair.db", "prgcore log pair.db")),
    "two_nodes": Example(
        "two real nodes with services and users; a tour that breaks them in every way",
        _in("two_nodes", "campaign.py", "faults.py", "group.toml", "pair.py", "service.py", "tour.py"),
        ("python tour.py", "python campaign.py --store sqlite --schedules 4",
         "prgcore agent group.toml cup1 --new", "prgcore agent group.toml cup2")),
    "postgres": Example(
        "two servers of PostgreSQL: failover, fallback and switchover, in less than 80 lines",
        _in("postgres", "README.md", "group.toml", "pg.sh", "start.py"),
        ("python start.py", "prgcore ha watch -s group.toml"), "PostgreSQL 15"),
    "redis": Example(
        "two servers of Redis: failover, fallback and switchover, in less than 80 lines",
        _in("redis", "README.md", "group.toml", "redis.sh", "start.py"),
        ("python start.py", "prgcore ha watch -s group.toml"), "Redis 7"),
    "pairs": Example(
        "real pairs as small machines: VRRP, compare-and-set, a lease, pg_auto_failover",
        _in("pairs", "README.md", "cas.py", "cas.txt", "cas_paused.txt", "lease.py", "lease.txt",
            "pg_auto_failover.py", "pg_auto_failover.txt", "vrrp.py", "vrrp.txt", "vrrp_apart.txt"),
        ("python vrrp.py", "prgcore prove --machine vrrp.json",
         "prgcore simulate vrrp.txt --machine vrrp.json")),
    "outsider": Example(
        "an interpreter of a machine file that shares no code with prgcore", ("outsider.py",),
        ("prgcore machine --json > machine.json", "python outsider.py machine.json")),
    "status": Example(
        "what utils ha status prints in an outage", ("status.txt",),
        ("prgcore explain status.txt",)),
    "fleet": Example(
        "a fleet of 60 groups as CSV, a program that makes one of 10,000, and three logs",
        _in("fleet", "broken.csv", "groups.csv", "logs/site00001.jsonl", "logs/site00002.jsonl",
            "logs/site00003.jsonl", "make.py"),
        ("prgcore fleet explain groups.csv -o page.html", "python make.py 10000 > ten.csv",
         "prgcore fleet explain ten.csv -o ten.html",
         "prgcore fleet conform site00001.jsonl site00003.jsonl")),
    "world": Example(
        "a world of rates: how often things break, and how long repairs take", ("world.toml",),
        ("prgcore availability world.toml",)),
    "deployment": Example(
        "a configuration of two nodes; two of its lines are wrong", ("deployment.toml",),
        ("prgcore config check deployment.toml",)),
    "alerts": Example(
        "alerts for Prometheus, on the metrics of a pair", ("alerts.yml",),
        ("promtool check rules alerts.yml",), "Prometheus"),
}
"""The examples, those to begin with first."""


def example(name: str) -> Example:
    """The example of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in EXAMPLES:
        raise BadInput(f"unknown example {quoted(name)}; known: {', '.join(EXAMPLES)}")
    return EXAMPLES[name]


def texts(chosen: Example) -> dict[str, str]:
    """The text of every file of an example, by the name under which it is written."""
    folder = _folder("examples")
    return {name.rpartition("/")[2]: folder.joinpath(name).read_text("utf-8")
            for name in chosen.files}


def theorems(paths: Iterable[str]) -> tuple[str, ...]:
    """Paths of theorem files; `proofs` means the shipped ones if there is no such folder here."""
    return tuple(_theorem(path) for path in paths)


def _theorem(path: str) -> str:
    first, *rest = path.rstrip("/").split("/")
    if first != THEOREMS or len(rest) > 1 or Path(first).exists():
        return path
    place = _folder(THEOREMS).joinpath(*rest)
    return str(place) if place.is_dir() or place.is_file() else path


def _folder(name: str) -> Traversable:
    package = files("prgcore")
    inside = package.joinpath(name)
    return inside if inside.is_dir() else Path(str(package)).parent / name
