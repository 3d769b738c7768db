"""`simulate-agents`: real agents in a simulated world, with faults of every kind."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs, output
from prgcore.cli.commands import Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import counted, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prgcore.model import Model
    from prgcore.world.campaign import Sum
    from prgcore.world.play import Run
    from prgcore.world.world import Setting

SEEDS = 1000
"""How many schedules are tried if nobody says."""
MOST = 5
"""How many faults a random schedule has at most, beside a command."""
STORIES = 3
"""How many failures are shown."""


def register(app: Group) -> None:
    """Add this command."""
    app.command("simulate-agents", epilog=examples(
        "prgcore simulate-agents", "prgcore simulate-agents --seeds 100000 --jobs 8",
        "prgcore simulate-agents --faults 2", "prgcore simulate-agents --seed 97 --seeds 1",
        "prgcore simulate-agents --machine mine.json", "prgcore simulate-agents --arbiter none",
    ))(simulate_agents)


def simulate_agents(
    *,
    seeds: Annotated[
        int | None, Option("--seeds", metavar="N", help="Try so many random "
                           "schedules; by default 1000, in a minute or two.")] = None,
    seed: Annotated[
        int, Option("--seed", metavar="S", help="The first seed, from 1.")] = 1,
    faults: Annotated[
        int | None, Option("--faults", metavar="N", help="Try all schedules of up to so many "
                           "faults. With --seeds: the most faults of a random one.")] = None,
    schedule: Annotated[
        str, Option("--schedule", metavar="JSON", help="Show the run of this schedule, as a "
                    "failure prints it, with the small delays of --seed.")] = "",
    jobs: Annotated[
        int | None, Option("--jobs", metavar="N", help="Use so many processes; by default one "
                           "for each core.")] = None,
    arbiter: Annotated[
        str, Option("--arbiter", metavar="NAME", help="What arbitrates: cas+lease (as shipped), "
                    "cas (one record, and no lease), or none (each node has a copy).")] = "cas+lease",
    seek: Annotated[
        str, Option("--seek", metavar="WHAT", help="Look for one thing only: twice (a group is "
                    "served twice), or an invariant of the record, such as S1.")] = "",
    machine: inputs.MachineFile = None,
    policy: inputs.Policies = None,
    as_json: inputs.Json = False,
) -> None:
    """Run two agents in a simulated world, and break it in every way.

    The agents are the real ones (prgcore agent); the network, the stores, clocks,
    disks, services and people are simulated. While faults last, nobody may be served
    twice, and no decision may be lost or made twice. After the last fault, the pair
    must be home within its proved bounds.

    A failure is made as short as it can be, and shown as a story with its seed. The
    exit code is then 1. One seed gives the same run on every computer.

    Without the arbiter or without the lease, users are served twice: --arbiter shows
    how. Random faults are then those that split a pair.
    """
    from prgcore.world.campaign import exhaustive, random
    from prgcore.world.play import standard
    from prgcore.world.schedule import read

    for name, number, least in (("--seeds", seeds, 1), ("--seed", seed, 1),
                                ("--faults", faults, 1), ("--jobs", jobs, 1)):
        if number is not None and number < least:
            raise BadInput(f"{name} is {number}; a number from {least} is expected")
    if machine is not None and policy:
        raise BadInput("policies are those of the built-in machine; leave out --machine or --policy")
    chosen = inputs.assignments(policy, "--policy")
    own = None if machine is None else _own(machine)
    given = {**chosen, "arbiter": arbiter, "seeks": seek}
    if len(given) < len(chosen) + 2:
        raise BadInput("--policy takes policies; --arbiter and --seek are options of their own")
    setting = standard(own, **given)
    if schedule:
        _tell_one(setting, read(schedule, setting.commands), seed)
        return
    cores = jobs or os.cpu_count() or 1
    if faults is not None and seeds is None:
        parts = exhaustive(faults, jobs=cores, given=given, own=own)
    else:
        last = seed + (SEEDS if seeds is None else seeds)
        parts = random(range(seed, last), faults or MOST, jobs=cores, given=given, own=own)
    _sum_up(setting, parts, as_json=as_json)


def _own(file: str) -> Model:
    """A machine of your own, if agents can run it here.

    Raises:
        BadInput: it has no agents that serve users, or no goal.
    """
    model = inputs.load_machine(file, None).model
    served = any(a.starts and a.node == s.node for a in model.agents for s in model.serves)
    missing = [] if served else ["agents that serve users"]
    missing += [] if model.goal else ["a goal"]
    if missing:
        raise BadInput(f"no agent runs the machine {quoted(model.name, 40)} here: it lacks "
                       f"{' and '.join(missing)}; prgcore init writes one that has both")
    return model


def _tell_one(setting: Setting, faults: Any, seed: int) -> None:
    from prgcore.world.play import story

    lines = story(setting, faults, seed=seed)
    output.write("\n".join(lines))
    if lines[-1].startswith("WRONG"):
        raise Exit(1)


def _sum_up(setting: Setting, parts: Iterable[Sum], *, as_json: bool) -> None:
    from prgcore.world.campaign import Sum
    from prgcore.world.play import told

    begun, total = time.monotonic(), Sum()
    for part in parts:
        total = total.plus(part)
    took = time.monotonic() - begun
    wrong = sorted(total.wrong, key=lambda one: (one[0], len(one[1].schedule)))
    shown = {run.steps or (number, run): (number, run) for number, run in reversed(wrong)}
    stories = [told(setting, run, seed=number) for number, run in sorted(
        shown.values(), key=lambda one: (len(one[1].steps), one[0]))[:STORIES]]
    if as_json:
        output.write_json({
            "runs": total.runs, "turns": total.turns, "decisions": total.decisions,
            "slowest": round(total.slowest, 3), "seconds": round(took, 1),
            "wrong": [_wrong(number, run) for number, run in wrong], "stories": stories})
    else:
        output.write(f"{counted(total.runs, 'schedule')}, {total.turns:,} turns, "
                    f"{total.decisions:,} decisions in {took:.0f} s" + (
                        "" if setting.seeks else f"; home at most {total.slowest:.1f} s after the "
                        "last fault"))
        for lines in stories:
            output.write("\n" + "\n".join(lines))
        output.write(f"\n{counted(len(wrong), 'failure')}" if wrong else "nothing went wrong")
    if wrong:
        raise Exit(1)


def _wrong(seed: int, run: Run) -> dict[str, Any]:
    from prgcore.world.schedule import written

    return {"seed": seed, "what": getattr(run.wrong, "what", ""), "says": str(run.wrong),
            "schedule": written(run.schedule), **({"steps": run.steps} if run.steps else {})}
