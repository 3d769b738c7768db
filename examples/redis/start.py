"""Both servers and both agents on this computer: `python start.py`. Ctrl-C stops the agents.

The first start names node1 as the one to begin with; node2 is then built from it.
The servers run on without their agents, and go on when these are started again.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from prgcore.template.active_standby import MACHINE
from prgcore.wire.machine_file import dumps

PRGCORE = [sys.executable, "-m", "prgcore"]
os.chdir(Path(__file__).parent)


def do(*words: str, **more: str) -> bool:
    return subprocess.run(words, env=os.environ | more, check=False).returncode == 0


new = not Path("machine.json").exists()
if new:
    Path("machine.json").write_text(dumps(MACHINE))
    do(*PRGCORE, "key", "pair.key")
agents = [subprocess.Popen([*PRGCORE, "agent", "group.toml", node, *["--new"] * new])
          for node in ("node1", "node2")]
try:
    while new and not do(*PRGCORE, "ha", "event", "force_promote(node1)", "-s", "group.toml", "--strict"):
        time.sleep(1)
    for agent in agents:
        agent.wait()
except KeyboardInterrupt:
    for agent in agents:
        agent.wait()
