"""A critical service that serves the users that its agent names, until the time that it names.

Its agent sends {"serve": {"node1": 3}, "until": 12.5}: serve the users at home on node1, with the
token 3, until 12.5 s after this computer was booted. A user sends {"ask": "node1"} and is served or
sent away. After `until` the service serves nobody, even if the agent is dead: that is the lease.
A line never counts for longer than a lease: whoever else writes here cannot make it serve for ever.
"""

import asyncio
import json
import os
import time
from pathlib import Path

NODE, SOCKET = os.environ["PRGCORE_NODE"], os.environ["PRGCORE_SOCKET"]
serve: dict[str, int] = {}
until = 0.0
LEASE = float(os.environ.get("PRGCORE_LEASE", "inf"))
BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def answer(asked: dict) -> dict:
    global serve, until
    if "serve" in asked:
        ends = min(float(asked["until"]), time.clock_gettime(BOOT) + LEASE)
        if not ends >= until:
            return {"late": True}
        serve, until = dict(asked["serve"]), ends
        return {}
    token = serve.get(asked.get("ask"), 0)
    if token is not None and asked.get("ask") in serve and time.clock_gettime(BOOT) < until:
        return {"served": True, "node": NODE, "token": token}
    return {"served": False, "node": NODE}


async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while line := await reader.readline():
            writer.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
            await writer.drain()
    except (OSError, ValueError):
        pass
    finally:
        writer.close()


async def main() -> None:
    Path(SOCKET).unlink(missing_ok=True)
    await (await asyncio.start_unix_server(talk, SOCKET)).serve_forever()


asyncio.run(main())
