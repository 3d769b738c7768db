"""A world as a Markov chain in the language of PRISM, and what Storm says of it: a second opinion.

Law: written from the rules of the table. Nothing of our own chain is in it: no pair, no transition, no
figure. It is a `ctmc`, so that numbers are rates and not taken for probabilities.

Every timer is exponential here, with the mean of its limit: a language of memoryless steps has no
other. Our own answer for the same world (`memoryless`) has no stages, so both are the same model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import evolve, field, frozen

from prgcore.engine import Engine
from prgcore.errors import BadInput, MissingExtra
from prgcore.exports.formula import Formula, Table, every, no, some
from prgcore.exports.infix import comment
from prgcore.exports.names import Names
from prgcore.exports.prism import PrismText
from prgcore.outage.moves import Moves, moves
from prgcore.outage.rates import EVERY, SHARE, TAKES, TIMER, Rate, World
from prgcore.seats import NODES
from prgcore.vocabulary import Outcome
from prgcore.wire.machine_file import digest

__all__ = ["MOST_PAIRS", "PRISM", "Row", "asked", "memoryless"]

MOST_PAIRS = 6_000
"""The most pairs that are asked of both."""
ALIKE = 1e-9
"""How far the two may be apart, as a share."""


def memoryless(engine: Engine, world: World) -> World:
    """The world with timers that take their mean, and no memory of how long they have counted.

    Silence is counted from a heartbeat half an interval before; a heartbeat comes after half of one.
    Where a limit depends on the pair, the last one in the table counts: that of a pair at rest.

    Raises:
        BadInput: an episode has a rate: several events at once are not a rule of the table.
    """
    for episode in world.episodes:
        if episode.rate.happens:
            raise BadInput(f"{episode.name} is several events at once, which no rule of the table is; "
                           f"leave it out: '{episode.name.partition('(')[0]}=never'")
    timers = {t.event: t for t in engine.model.timers}
    half = float(world.parameters.keep_alive_interval) / 2
    for name, rate in world.rates.items():
        if rate.kind != TIMER:
            continue
        timer = timers[name]
        counted = timer.limits[-1][1] if timer.limits else "keep_alive_interval"
        limit = float(getattr(world.parameters, counted) if isinstance(counted, str) else counted)
        if timer.told == "heartbeat":
            limit = half
        elif "heartbeat" in timer.again:
            limit -= half
        world = world.with_rate(name, evolve(rate, kind=TAKES, mean=max(limit, 1e-3)))
    return world


@frozen(eq=False)
class PRISM:
    """The model in the language of PRISM."""

    engine: Engine
    world: World
    _table: Table = field(init=False)
    _words: Names = field(init=False, factory=Names)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "_table", Table(self.engine.model))

    def text(self, first: dict[str, str] | None = None) -> str:
        """The whole file.

        Args:
            first: the pair that it begins with; by default that of the moves.
        """
        world = memoryless(self.engine, self.world)
        first = moves(self.engine, world).pair(0) if first is None else first
        writer, table = PrismText(self._table), self._table
        variables = [
            f"  {writer.variable(c.name)} : [0..{len(c.domain) - 1}] init "
            f"{c.domain.index(first[c.name])}; // {comment(' '.join(c.domain), 4000)}"
            for c in table.stored]
        happens = {n: r for n, r in world.rates.items() if r.happens}
        fires = {name: some(table.fires(rule) for rule in table.rules[name]
                            if rule.outcome is Outcome.DONE and rule.then) for name in happens}
        constants = [*self._constants(happens, world)]
        formulas = [f"formula {self._can(name)} = {writer.of(fires[name])};" for name in happens]
        commands = [*self._commands(writer, happens)]
        rewards = [*self._rewards(writer)]
        health = " & ".join(f"{writer.variable(c.name)} = {c.domain.index(first[c.name])}"
                            for c in table.stored)
        model = self.engine.model
        return "\n".join((
            f"// {comment(model.name)}, digest {digest(model)}: written by prgcore availability.",
            "// Rates are per second; every timer is exponential, with the mean of its limit.",
            "// Storm writes <> before a rate; PRISM itself writes [] there.",
            '// R{"unserved_..."}=? [ LRA ] is the share of time without a server;',
            '// T=? [ F "lost_..." ] is the mean time to the first outage, in seconds.',
            "ctmc", "", *constants, "", *writer.lines, "", *formulas, "", "module pair", *variables,
            "  away : bool init false; // whether health was ever left", "", *commands, "endmodule", "",
            f'label "back" = away & {health};', 'rewards "time"', "  true : 1;", "endrewards", *rewards,
            ""))

    def group(self, name: str) -> str:
        """The word of a group, in labels and rewards."""
        return self._words.word(name, "g_")

    def _can(self, event: str) -> str:
        return self._words.word(event, "can_")

    def _pace(self, event: str) -> str:
        return self._words.word(event, "rate_")

    def _constants(self, happens: dict[str, Rate], world: World) -> Iterator[str]:
        for name, rate in happens.items():
            words = comment(rate.words or "timer")
            if rate.kind in (EVERY, TAKES):
                mean = world.week.wait(rate.mean) if rate.working else rate.mean
                yield f"const double {self._pace(name)} = 1 / {mean!r}; // {words}"
            elif rate.kind == SHARE:
                yield f"const double {self._pace(name)} = {rate.share!r}; // {words}"

    def _commands(self, writer: PrismText, happens: dict[str, Rate]) -> Iterator[str]:
        for name in happens:
            for rule in self._table.rules[name]:
                if rule.outcome is Outcome.DONE and rule.then:
                    yield f"  // {comment(rule.id)}"
                    yield (f"  <> {writer.of(self._table.fires(rule))} & {self._rate(name, happens)} > 0"
                           f" -> {self._rate(name, happens)} : " + " & ".join(
                               f"({writer.variable(e.target)}' = {writer.becomes(e.target, e.value)})"
                               for e in rule.then) + " & (away' = true);")
        able = " | ".join(self._can(name) for name in happens) or "false"
        yield "  // a pair in which nothing happens stays: without this, its rewards would be lost"
        yield f"  <> !({able}) -> 1 : true;"

    def _rate(self, name: str, happens: dict[str, Rate]) -> str:
        """The rate of an event in a pair: an attempt is shared between success and failures."""
        rate = happens[name]
        if rate.kind == SHARE:
            of, others = rate.of, [n for n, r in happens.items() if r.kind == SHARE and r.of == rate.of]
            pace, good = self._pace(of), self._can(of)
            whole = " + ".join(f"({self._can(n)} ? {self._pace(n)} : 0)" for n in others)
            return (f"({good} ? {pace} * {self._pace(name)} : "
                    f"{pace} * {self._pace(name)} / ({whole}))")
        failing = [n for n, r in happens.items() if r.kind == SHARE and r.of == name]
        if not failing:
            return self._pace(name)
        lost = "".join(f" - ({self._can(n)} ? {self._pace(n)} : 0)" for n in failing)
        return f"({self._pace(name)} * (1{lost}))"

    def _rewards(self, writer: PrismText) -> Iterator[str]:
        habits = self.engine.habits
        for group in habits.groups:
            served: list[Formula] = []
            for node, cubes in habits.serving[group]:
                assert node in NODES, "BUG: a seat has another name"
                said = habits.agent(node).able
                able = [self._table.holds(c) for c in ((said,) if said.cells else habits.acts(node))]
                served += [every((*able, self._table.holds(cells))) for cells in cubes]
            lost, word = writer.of(no(some(served))), self.group(group)
            yield f'label "lost_{word}" = {lost};'
            yield from (f'rewards "unserved_{word}"', f"  {lost} : 1;", "endrewards")


# ---------------------------------------------------------------------------- what Storm says


@frozen
class Row:
    """A figure by both. The numbers are shares of time, seconds, or counts of states."""

    name: str
    ours: float
    theirs: float

    @property
    def apart(self) -> float:
        """The difference, as a share of the figure."""
        most = max(abs(self.ours), abs(self.theirs))
        return abs(self.ours - self.theirs) / most if most else 0.0

    @property
    def agrees(self) -> bool:
        """Whether both figures are equal."""
        return self.apart <= ALIKE

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return {"figure": self.name, "prgcore": self.ours, "storm": self.theirs, "apart": self.apart}


def asked(engine: Engine, world: World, *, exact: bool = False, made: Moves | None = None) -> list[Row]:
    """The same figures by our chain and by Storm, from a world without timers that count.

    They are the number of pairs, the rate at which home is left, the mean time from home to home,
    and for each group the time without a server on this way and the mean time until there is none.
    Storm is asked for the way and not for the long run: its own long run ends near 1e-7.

    Args:
        exact: let Storm calculate with fractions.

    Raises:
        MissingExtra: stormpy is not installed.
        BadInput: the world has too many pairs, or an outage that never ends.
    """
    try:
        import stormpy
    except ModuleNotFoundError:
        raise MissingExtra("the second opinion of Storm", "storm") from None
    from prgcore.outage.chain import chain, ground
    from prgcore.outage.markov import Solution

    made = moves(engine, world) if made is None else made
    if len(made) > MOST_PAIRS:
        raise BadInput(f"this world has {len(made):,} pairs, and both are asked up to {MOST_PAIRS:,}; "
                       "leave some events out, as in --rate database_down=never")
    solution = Solution(chain(ground(made), 1, 0.0), made)
    writer = PRISM(engine, world)
    program = _program(stormpy, writer.text(made.pair(0)))
    queries, ours, names = [], [], []
    for g, group in enumerate(made.groups):
        word = writer.group(group)
        queries += [f'R{{"unserved_{word}"}}=? [ F "back" ]', f'T=? [ F "lost_{word}" ]']
        names += [f"s without a server, a way: {group}", f"s to the first outage: {group}"]
        ours += [solution.dark(g) * solution.cycle, solution.until_dark(g)]
    queries.append('R{"time"}=? [ F "back" ]')
    names.append("s from health to health (a way)")
    ours.append(solution.cycle)
    properties = stormpy.parse_properties(";".join(queries), program)
    built = (stormpy.build_model[stormpy.Rational] if exact else stormpy.build_model)(program, properties)
    found = [Row("pairs", float(len(set(solution.chain.pair.tolist()))), float(built.nr_states - 1)),
             Row("rate of leaving health, a second", float(solution.leaves[0]),
                 float(built.exit_rates[built.initial_states[0]]))]
    environment = stormpy.environments.exact() if exact else _tight(stormpy)
    for name, mine, one in zip(names, ours, properties, strict=True):
        result = stormpy.model_checking(built, one, environment=environment)
        result.filter(stormpy.create_filter_initial_states(built))
        found.append(Row(name, mine, float(result.get_max())))
    return found


def _program(stormpy: Any, text: str) -> Any:
    """The model as Storm reads it, from a file."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        file = Path(folder) / "chain.prism"
        file.write_text(text, "ascii")
        return stormpy.parse_prism_program(file)


def _tight(stormpy: Any) -> Any:
    """Storm's environment with a factorised matrix: its own iterations end near 1e-6."""
    made = stormpy.Environment()
    made.solver().set_linear_equation_solver_type(stormpy.environments.EquationSolverType.ELIMINATION)
    made.solver().native().precision = stormpy.Rational("1/1000000000000")
    return made
