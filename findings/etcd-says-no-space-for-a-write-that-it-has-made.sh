#!/usr/bin/env bash
# etcd answers "database space exceeded" for a write that it has made.
#
# The guess: this answer is a refusal. A compare-and-set that is answered with it has changed
# nothing, as one whose value is too large. So its writer may read the old value as the newest one,
# and need not settle anything.
# What really happens: the space is looked at twice. Before a write is proposed, this answer means
# that nothing was written. When a write is carried out, it is made first, and then it gets the same
# answer if the space has run out meanwhile. Nothing in the answer tells the two apart. Used space
# is counted when a batch is committed, each 100 ms, so it happens to some of several writes at
# once. Here it happens each time: a batch takes five seconds, and one of two servers sleeps.
# Version: etcd 3.4.23 (Debian package etcd-server 3.4.23-4+b4). Source: quotaApplierV3 in
# etcdserver/apply.go, quotaKVServer in etcdserver/api/v3rpc/quota.go.
# Who is hurt: whoever keeps a record or a lock in etcd and takes an error with a clear cause for a
# known outcome: a decision is taken twice, or a lock is held by somebody who does not know.
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
import os
import signal
import socket
import subprocess
import threading
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

QUOTA, LARGE = 2 << 20, 1_200_000
ends = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
urls = [f"http://127.0.0.1:{end.getsockname()[1]}" for end in ends]
for end in ends:
    end.close()
servers = dict(zip(urls[:2], urls[2:], strict=True))
running = {url: subprocess.Popen(
    ["etcd/usr/bin/etcd", "--name", url, "--data-dir", f"data{number}",
     "--listen-client-urls", url, "--advertise-client-urls", url,
     "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
     "--initial-cluster", ",".join(f"{one}={other}" for one, other in servers.items()),
     "--quota-backend-bytes", str(QUOTA), "--backend-batch-interval", "5s",
     "--heartbeat-interval", "1000", "--election-timeout", "10000"], stderr=subprocess.DEVNULL)
    for number, (url, peer) in enumerate(servers.items())}
for one in running.values():
    atexit.register(one.wait)
    atexit.register(one.kill)


def post(url, path, request):
    with urlopen(Request(f"{url}/v3/{path}", json.dumps(request).encode()), timeout=60) as answer:
        return json.loads(answer.read())


def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def encoded(text):
    return b64encode(text.encode()).decode()


def size(url):
    return int(post(url, "maintenance/status", {})["dbSize"])


def leads(url):
    with suppress(OSError):
        found = post(url, "maintenance/status", {})
        return found["leader"] == found["header"]["member_id"]
    return False


def made(url, name, text):
    """Make a key, if it does not exist; what the server says."""
    key = encoded(name)
    try:
        answer = post(url, "kv/txn", {
            "compare": [{"key": key, "target": "CREATE", "create_revision": "0"}],
            "success": [{"request_put": {"key": key, "value": encoded(text)}}]})
    except HTTPError as error:
        return json.loads(error.read())["error"]
    return answer["succeeded"]


until(lambda: any(map(leads, servers)))
(leader,) = filter(leads, servers)
(other,) = servers.keys() - {leader}
small = size(leader)
assert made(leader, "small", "x" * 200_000) is True
until(lambda: size(leader) > small)  # a batch was just committed: the next one is five seconds away
assert made(leader, "first", "x" * LARGE) is True
running[other].send_signal(signal.SIGSTOP)
os.waitpid(running[other].pid, os.WUNTRACED)  # it has stopped: nothing is carried out now
said = []
second = threading.Thread(target=lambda: said.append(made(leader, "second", "x" * LARGE)))
second.start()
until(lambda: size(leader) > LARGE)  # the batch with the first one was committed
assert not said, said
running[other].send_signal(signal.SIGCONT)
second.join()
kept = post(leader, "kv/range", {"key": encoded("second")}).get("kvs", [])
print(f"a write is answered with: {said[0]}")
print(f"the store has {sum(len(b64decode(kv['value'])) for kv in kept):,} bytes of it")
assert said == ["etcdserver: mvcc: database space exceeded"]
assert kept
PY
python3 ask.py
