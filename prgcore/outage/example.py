"""A world file to start from: every rate of a machine, in words, and why it is so.

Law: what is written here reads back as the world that it was written from.
"""

from __future__ import annotations

from collections.abc import Iterator

from prgcore.engine import Engine
from prgcore.errors import BadInput
from prgcore.outage.rates import WEEK, World, default, words_of
from prgcore.tables.rates import MISSED
from prgcore.timers.parameters import parameters_of
from prgcore.words import wrapped

__all__ = ["example"]

_HEAD = """\
How often things break and how long repairs take, for prgcore availability and prgcore
simulate-fleet. The document of the product gives none of these rates: they are assumptions,
so write your own. An event without a seat counts for each node, services_down(node1) for one
node alone. The words: every 90 days; 4 per year; every 60 to 120 days (a range); takes 20 min;
takes 4 h in working hours; 1 in 1000 of takeover_done; timer; never."""


def example(engine: Engine) -> str:
    """A world file in TOML with comments, which `prgcore.outage.rates.read` reads.

    A machine whose events have no assumed rates gets `never`, and a line that says so.
    """
    return "\n".join(_lines(engine)) + "\n"


def _lines(engine: Engine) -> Iterator[str]:
    model = engine.model
    yield from _remark(" ".join(_HEAD.split()))
    yield from ("", "[rates]")
    known = words_of(model)
    try:
        world: World | None = default(engine)
    except BadInput:
        world = None
    names = dict.fromkeys(e.name.partition("(")[0] for e in model.events)
    timed = {t.event.partition("(")[0] for t in model.timers}
    for name in names:
        words, says = known.get(name, ("timer", "") if name in timed else ("never", "to fill in"))
        if name in timed and name not in known:
            says = "the service parameters say when"
        yield f'{_key(name)} = "{words}"' + (f"  # {says}" if says else "")
    if world is not None and world.episodes:
        yield ""
        yield from _remark(f"{MISSED.name}: {MISSED.says}")
        yield f'{MISSED.name} = "{MISSED.words}"'
    yield from ("", "[parameters]")
    for record in parameters_of(model).records.values():
        if record.says:
            yield from _remark(record.says + (f" ({record.unit})" if record.unit else ""))
        value = str(record.default).lower() if isinstance(record.default, bool) else record.default
        yield f"{record.name} = {value}"
    yield from ("", "[users]")
    yield from (f"{_key(group)} = 5000" for group in engine.habits.groups)
    yield from ("", "[week]", f"days = {WEEK.days}", f"begins = {WEEK.begins}  # hours of the day",
                f"ends = {WEEK.ends}")
    yield from ("", "[clients]", "dual_connections = false",
                "logins_per_second = 0  # how many a node can log in; 0: as many as come")


def _remark(text: str) -> list[str]:
    return wrapped(text, "# ", "# ", 88)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else (
        '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"')
