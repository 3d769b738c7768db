"""The one place that joins data and code: `PRG`, the presence redundancy group.

`PRG` is the machine under the default policies; `prg(reconnection="keep_serving")` is the
machine under others. Both are built on first use, so importing costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING

from prgcore.engine import Engine
from prgcore.errors import BadInput, unknown_name

if TYPE_CHECKING:
    from prgcore.explain.explaining import Explanation, WhyNot
    from prgcore.explain.plan import Plan
    from prgcore.form.atlas import Atlas
    from prgcore.model import Choices, Model

__all__ = ["PRG", "Machine", "PresenceRedundancyGroup", "build", "prg"]


class Machine(Engine):
    """A machine that answers: `step`, `available`, and the questions that search.

    `Machine(model)` works for any model: one of your own, or one read from a machine file.
    """

    def explain(self, pair: Mapping[str, str]) -> Explanation:
        """What this pair means, why it came to it, what to do now (`prgcore.explain.explaining`)."""
        from prgcore.explain.explaining import explain

        return explain(self, pair)

    def why_not(self, pair: Mapping[str, str], command: str) -> WhyNot:
        """Why a command is refused, and the shortest plan that enables it."""
        from prgcore.explain.explaining import why_not

        return why_not(self, pair, command)

    def plan(self, pair: Mapping[str, str], goal: Mapping[str, str] | None = None) -> Plan:
        """The shortest way to the goal by repairs, commands, timers and completions."""
        from prgcore.explain.plan import plan

        return plan(self, pair, goal)


class PresenceRedundancyGroup(Machine):
    """The machine of the document. Its atlas is shipped: what it knows, no question searches.

    `prg()` makes it. Of any other model than the document's it has no atlas.
    """

    @cached_property
    def atlas(self) -> Atlas | None:
        """Every reachable pair, and the next event on a shortest way home from each."""
        from prgcore.form.atlas import read
        from prgcore.tables.atlas import EVENTS, LEVELS, ROOTS
        from prgcore.tables.policies import POLICIES

        if self.model is not _model(self.model.policy):
            return None
        chosen = dict(self.model.policy)
        root = ROOTS[tuple(chosen[p.name] for p in POLICIES)]
        return read(self.model.columns, LEVELS, EVENTS, root)


def build(**policy: str) -> Model:
    """The absolute machine of the presence redundancy group under a choice of policies.

    Raises:
        BadInput: no such policy, or no such choice of it.
    """
    from prgcore.seats import instantiate
    from prgcore.tables.machine import TABLE
    from prgcore.tables.policies import POLICIES

    known = {p.name: p.choices for p in POLICIES}
    for name, choice in policy.items():
        if name not in known:
            raise BadInput(unknown_name("policy", name, known))
        if choice not in known[name]:
            raise BadInput(f"{name}: " + unknown_name("choice", choice, known[name]))
    chosen = {name: policy.get(name, choices[0]) for name, choices in known.items()}
    return instantiate(TABLE, chosen)


@cache
def _model(policy: Choices) -> Model:
    return build(**dict(policy))


@cache
def _machine(policy: Choices) -> Machine:
    return PresenceRedundancyGroup(_model(policy))


def prg(**policy: str) -> Machine:
    """The presence redundancy group as a machine; without arguments, `PRG`.

    Raises:
        BadInput: no such policy, or no such choice of it.
    """
    from prgcore.tables.policies import POLICIES

    chosen = {p.name: policy.pop(p.name, p.choices[0]) for p in POLICIES}
    return _machine(tuple(sorted((chosen | policy).items())))


if TYPE_CHECKING:
    PRG: Machine
else:
    def __getattr__(name: str) -> Machine:
        if name == "PRG":
            return prg()
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
