#!/usr/bin/env bash
# With lease checkpoints, a lease of etcd that is shorter than five minutes still begins anew.
#
# The guess: after the death of its leader, etcd counts every lease anew, and the two options for
# lease checkpoints are the cure: the new leader knows what was left. So with both of them, a
# successor that waits for the end of a lease of 15 s waits for 15 s, and a little for the election.
# What really happens: the time that is left is written down every five minutes, and not before. A
# lease that is shorter than that is never written down, so it begins anew with the checkpoints as
# without them. Its successor waits for the time until the death of the leader, the election, the
# whole lease, and another second. A leader that dies again begins it again. No option in its help
# sets the interval.
# Version: etcd 3.4.23 (Debian package etcd-server 3.4.23-4+b4). Source: defaultLeaseCheckpointInterval
# and Promote in lease/lessor.go, NewServer in etcdserver/server.go.
# Who is hurt: whoever computes an outage from the ttl of a leader key or a grant in etcd, as Patroni
# and other managers of pairs have it. Nobody is served twice, but the outage is almost twice as long.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download -qq etcd-server=3.4.23-4+b4 >/dev/null
dpkg -x etcd-server_*.deb etcd
version=$(etcd/usr/bin/etcd --version)
echo "${version%%$'\n'*}"
cat > ask.py <<'PY'
import atexit
import json
import socket
import subprocess
import time
from base64 import b64encode
from contextlib import suppress
from urllib.request import Request, urlopen

TTL, DIES = 15, 10
CHECKPOINTS = ("--experimental-enable-lease-checkpoint",
               "--experimental-enable-lease-checkpoint-persist")
ends = [socket.create_server(("127.0.0.1", 0)) for _ in range(6)]
urls = [f"http://127.0.0.1:{end.getsockname()[1]}" for end in ends]
for end in ends:
    end.close()
servers = dict(zip(urls[:3], urls[3:], strict=True))
running = {url: subprocess.Popen(
    ["etcd/usr/bin/etcd", "--name", url, "--data-dir", f"data{number}",
     "--listen-client-urls", url, "--advertise-client-urls", url,
     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
     "--initial-cluster", ",".join(f"{one}={other}" for one, other in servers.items()),
     *CHECKPOINTS], stderr=subprocess.DEVNULL)
    for number, (url, peer) in enumerate(servers.items())}
for one in running.values():
    atexit.register(one.wait)
    atexit.register(one.kill)


def post(url, path, request):
    with urlopen(Request(f"{url}/v3/{path}", json.dumps(request).encode()), timeout=5) as answer:
        return json.loads(answer.read())


def leader():
    """The server that leads, once all of them know it."""
    ids = {post(url, "maintenance/status", {})["header"]["member_id"]: url for url in servers}
    led = {post(url, "maintenance/status", {}).get("leader") for url in servers}
    return ids[led.pop()] if len(led) == 1 else None


def until(what, within):
    """What it answers, as soon as it answers with something."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with suppress(OSError, KeyError):
            if found := what():
                return found
        time.sleep(0.05)
    raise SystemExit("etcd does not answer")


first = until(leader, 30)
left = next(url for url in servers if url != first)
key = b64encode(b"leader").decode()
begun = time.monotonic()
lease = post(left, "lease/grant", {"TTL": TTL})["ID"]
post(left, "kv/put", {"key": key, "lease": lease})
time.sleep(DIES - (time.monotonic() - begun))
running[first].kill()
until(lambda: "kvs" not in post(left, "kv/range", {"key": key}), 60)
took = time.monotonic() - begun
print(f"a lease of {TTL} s, whose leader died after {DIES} s, ended after {took:.1f} s")
assert took > DIES + TTL, "the lease has kept what was left of it"
assert took < DIES + TTL + 10, "the lease has not begun anew, but something else"
PY
python3 ask.py
