"""The machine behind every adapter, as one small class each: what `test_adapters` asks of them.

A subject begins at any pair, takes one event at a time, and says what became of it, what the pair
is now, and what the foreign machine itself shows. To have another adapter tested, write a
`Subject` and add it to `SUBJECTS`.
"""

from __future__ import annotations

import atexit
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

import transitions

from prgcore.adapters.foreign import STATES, trigger
from prgcore.adapters.statemachine import Refused, chart_for
from prgcore.adapters.transitions import machine_for
from prgcore.adapters.xstate import PAIR, config, player
from prgcore.engine import Engine
from prgcore.model import Values
from tests import readers


class Subject(Protocol):
    """An adapter with a machine in it."""

    def __init__(self, engine: Engine, columns: Values) -> None: ...

    def start(self, pair: Mapping[str, str]) -> None:
        """Begin anew at this pair."""

    def send(self, event: str) -> str:
        """What became of it: done, ignored, refused or impossible.

        Where the adapter cannot tell: `taken` or `left`.
        """

    @property
    def pair(self) -> Mapping[str, str]:
        """The stored columns now."""

    @property
    def shown(self) -> Values:
        """What the foreign machine's own state says of the columns."""


class Model:
    """Somebody's own object."""


class Transitions:
    options: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, engine: Engine, columns: Values) -> None:
        self.machine = machine_for(engine, columns=columns, **self.options)
        self.model: Any = Model()

    def start(self, pair: Mapping[str, str]) -> None:
        self.machine.add_model(self.model, pair=pair)

    def send(self, event: str) -> str:
        may = getattr(self.model, f"may_{trigger(event)}")()
        try:
            assert getattr(self.model, trigger(event))() is True
        except transitions.MachineError as error:
            assert not may
            return _said(error.value)
        assert may
        return str(self.model.decision.outcome)

    @property
    def pair(self) -> Mapping[str, str]:
        return self.model.pair

    @property
    def shown(self) -> Values:
        return tuple(self.model.state.split("__"))


class Graph(Transitions):
    options: ClassVar = {"graph": True, "graph_engine": "mermaid"}


class LockedGraph(Transitions):
    options: ClassVar = {"graph": True, "locked": True, "graph_engine": "mermaid"}


class StateMachine:
    def __init__(self, engine: Engine, columns: Values) -> None:
        self.chart = chart_for(engine, columns)()

    def start(self, pair: Mapping[str, str]) -> None:
        """A chart takes a second to make: the old one is placed anew."""
        chart = self.chart
        chart.model.pair = chart.shape.engine.pair(pair)
        chart.current_state_value = chart.shape.label(pair)

    def send(self, event: str) -> str:
        try:
            getattr(self.chart, trigger(event))()
        except Refused as error:
            return _said(str(error))
        return str(self.chart.decision.outcome)

    @property
    def pair(self) -> Mapping[str, str]:
        return self.chart.pair

    @property
    def shown(self) -> Values:
        return tuple(self.chart.current_state_value.split("__"))


def _said(message: str) -> str:
    return "impossible" if " cannot happen here" in message else "refused"


_NODE = """
import { createActor } from "xstate";
import { createInterface } from "node:readline";
import { play } from "./xstate.js";
let actor, machine;
for await (const line of createInterface({ input: process.stdin })) {
  const said = JSON.parse(line);
  if (said.config) { machine = play(said.config); continue; }
  if (said.pair) {
    const snapshot = machine.resolveState({ value: said.value, context: { pair: said.pair } });
    actor = createActor(machine, { snapshot });
    actor.start();
  }
  let taken = true;
  if (said.event) {
    taken = actor.getSnapshot().can({ type: said.event });
    actor.send({ type: said.event });
  }
  const { value, context } = actor.getSnapshot();
  console.log(JSON.stringify({ taken, value, pair: context.pair }));
}
"""


class XState:
    """The real one, in Node.js; it ends with this process."""

    def __init__(self, engine: Engine, columns: Values) -> None:
        self.columns = columns
        folder = Path(tempfile.mkdtemp())
        (folder / "xstate.js").write_text(player(), encoding="utf-8")
        (folder / "package.json").write_text('{"type": "module"}', encoding="utf-8")
        node = subprocess.Popen(
            readers.script(folder, _NODE), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self.node = node
        atexit.register(_end, node, folder)
        self._say({"config": config(engine, columns)})

    def _say(self, what: Any) -> None:
        assert self.node.stdin
        self.node.stdin.write(json.dumps(what) + "\n")
        self.node.stdin.flush()

    def _ask(self, what: Any) -> None:
        self._say(what)
        assert self.node.stdout
        self.now = json.loads(self.node.stdout.readline())

    def start(self, pair: Mapping[str, str]) -> None:
        value = {PAIR: "kept", **{trigger(c): pair[c] for c in self.columns}}
        self._ask({"pair": dict(pair), "value": value})

    def send(self, event: str) -> str:
        self._ask({"event": event})
        return "taken" if self.now["taken"] else "left"

    @property
    def pair(self) -> Mapping[str, str]:
        return self.now["pair"]

    @property
    def shown(self) -> Values:
        return tuple(self.now["value"][trigger(c)] for c in self.columns)


def _end(node: subprocess.Popen[str], folder: Path) -> None:
    node.kill()
    node.communicate()
    shutil.rmtree(folder)


SUBJECTS: tuple[type[Subject], ...] = (
    Transitions, Graph, LockedGraph, StateMachine, XState,
)
COLUMNS = STATES
