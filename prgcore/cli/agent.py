"""`agent`: one node of a group, running."""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from click.exceptions import Exit

from prgcore.cli import output
from prgcore.cli.commands import Argument, Group, Option, examples
from prgcore.errors import MissingExtra

if TYPE_CHECKING:
    from prgcore.running.agent import Agent

BEGUN = 0.3
"""How many seconds an agent takes at most to begin, if nothing prevents it."""

GROUP = """\b
A group file, the same for both nodes. Everything has a default, except the
store, the security, the addresses and the names of the nodes:
  group = "Sales"
  store = "sqlite:pair.db"           # or "etcd:http://127.0.0.1:2379"
  [security]
  key = "pair.key"                   # written by: prgcore key pair.key
  [lease]                            # lasts + pause + stopping <= waits
  lasts = 3.0
  waits = 5.0
  [node1]
  name = "cup1"
  service = "127.0.0.1:22001"        # heartbeats
  admin = "127.0.0.1:20075"          # prgcore ha, and a page for browsers
  services = { presence = ["python3", "service.py"] }
  serving = "presence"
  [node2]
  name = "cup2"
  service = "127.0.0.1:22002"
  admin = "127.0.0.1:20076"
  services = { presence = ["python3", "service.py"] }
  serving = "presence"
"""


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=GROUP + "\n" + examples(
        "prgcore agent --init mine", "prgcore agent --check group.toml",
        "prgcore agent group.toml cup1 --new", "prgcore agent group.toml cup2",
        "prgcore ha status --state group.toml",
    ))(agent)


def agent(
    group: Annotated[
        Path | None,
        Argument(metavar="GROUP", show_default=False, help="The group file (TOML).")] = None,
    node: Annotated[
        str | None, Argument(metavar="NODE", show_default=False,
                            help="The node to run: its name, or node1 or node2.")] = None,
    *,
    verbose: Annotated[
        bool, Option("--verbose", "-v", help="Log every decision on standard error.")
    ] = False,
    new: Annotated[
        bool, Option("--new", help="Begin a record if the store is empty, or go on with one that "
                                   "this node does not know.")
    ] = False,
    adopt: Annotated[
        bool, Option("--adopt", help="Propose the terms of this file (machine, lease, time-outs) "
                                     "to the other agent.")
    ] = False,
    check: Annotated[
        bool, Option("--check", help="Say what would keep an agent from running well here; "
                                     "start nothing.")
    ] = False,
    init: Annotated[
        str | None, Option("--init", metavar="DIR", show_default=False,
                           help="Write a group file, its key and a unit of systemd.")
    ] = None,
) -> None:
    """Run one node of a group: timers, services, decisions.

    Both nodes must reach the same store. The first agent begins its record with --new.
    An agent runs until it is interrupted. Its services then run on, but serve nobody.
    When it starts again, it takes them over and finishes open orders. Its decisions
    are in DIRECTORY/log.jsonl (prgcore log, prgcore conform).
    SIGHUP makes it read the group file again.
    """
    import logging

    from prgcore.cli import hosting
    from prgcore.cli.live import group_of
    from prgcore.errors import BadInput
    from prgcore.running.agent import Agent
    from prgcore.running.systemd import Manager

    if init is not None:
        if group is not None or check or new or adopt:
            raise BadInput("--init DIR starts no agent; leave out everything else")
        hosting.init(init)
        return
    if group is None:
        raise BadInput("GROUP is missing; name the group file, or write one with --init DIR")
    if group == Path("-"):
        raise BadInput("- is not a group file; name a file that both nodes can read")
    if check:
        if new or adopt:
            raise BadInput("--check starts no agent; leave out --new and --adopt")
        raise Exit(hosting.check(group, node or ""))
    if node is None:
        raise BadInput("NODE is missing; name the node of the group file that runs here")
    read = group_of(group)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING,
                        format="%(asctime)s %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # the store says what is wrong with an answer
    asyncio.run(_run(Agent(read, node, new=new, adopt=adopt, manager=Manager())))


async def _run(running: Agent) -> None:
    from prgcore.running.addresses import shown

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, running.stop)
    loop.add_signal_handler(signal.SIGHUP, running.reload)
    member = running.member
    with suppress(MissingExtra):
        from prgcore.adapters.prometheus import text

        running.web.metrics = partial(
            text, group=running.group.name, agent=member.seat)
    life = asyncio.create_task(running.run())
    await asyncio.wait((life,), timeout=BEGUN)
    if not life.done():
        output.remark(
            f"{member.name} of {running.group.name}: heartbeats at {shown(member.service)}, "
            f"administrator at http://{shown(member.admin)}")
    await life
