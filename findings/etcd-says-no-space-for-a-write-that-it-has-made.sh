#!/usr/bin/env bash
# etcd answers "database space exceeded" for a write that it has made.
#
# The guess: this answer is a refusal. A compare-and-set that is answered with it has changed
# nothing, as one whose value is too large. So its writer may read the old value as the newest one,
# and need not settle anything.
# What really happens: the space is looked at twice. Before a write is proposed, this answer means
# that nothing was written. When a write is carried out, it is made first, and then it gets the same
# answer if the space has run out meanwhile. Used space is counted when a batch is committed, so of
# several writes at once many are made and "refused". Nothing in the answer tells the two apart.
# Batches of two seconds show it here each time; those of 100 ms, the default, now and then.
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
import socket
import subprocess
import threading
import time
from base64 import b64decode, b64encode
from urllib.error import HTTPError
from urllib.request import Request, urlopen

CLIENTS, SIZE, QUOTA = 24, 100_000, 4 << 20
with socket.socket() as one, socket.socket() as two:
    one.bind(("127.0.0.1", 0))
    two.bind(("127.0.0.1", 0))
    url, peer = (f"http://127.0.0.1:{s.getsockname()[1]}" for s in (one, two))
server = subprocess.Popen(
    ["etcd/usr/bin/etcd", "--data-dir", "data", "--quota-backend-bytes", str(QUOTA),
     "--backend-batch-interval", "2s", "--backend-batch-limit", "1000000",
     "--listen-client-urls", url, "--advertise-client-urls", url, "--listen-peer-urls", peer,
     "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"],
    stderr=subprocess.DEVNULL)
atexit.register(server.wait)
atexit.register(server.kill)


def post(path, request):
    with urlopen(Request(f"{url}/v3/{path}", json.dumps(request).encode()), timeout=60) as answer:
        return json.loads(answer.read())


def encoded(text):
    return b64encode(text.encode()).decode()


def kept(name):
    """The first word of the value of a key."""
    found = post("kv/range", {"key": encoded(name)}).get("kvs", [])
    return b64decode(found[0]["value"]).decode().split()[0] if found else ""


def writer(name):
    """Replace the value of a key of its own, each time only if nobody else did, until refused."""
    revision = 0
    for number in range(10_000):
        unchanged = {"key": encoded(name), "target": "MOD", "mod_revision": revision}
        put = {"key": encoded(name), "value": encoded(f"{number} {'x' * SIZE}")}
        try:
            answer = post("kv/txn", {"compare": [unchanged], "success": [{"request_put": put}]})
        except HTTPError as error:
            refused[name] = str(number), json.loads(error.read())["error"]
            return
        assert answer["succeeded"]
        revision = answer["header"]["revision"]


until = time.monotonic() + 60
while True:
    try:
        kept("up")
        break
    except OSError:
        assert time.monotonic() < until
        time.sleep(0.1)
refused = {}
writers = [threading.Thread(target=writer, args=(f"key{n}",)) for n in range(CLIENTS)]
for one in writers:
    one.start()
for one in writers:
    one.join()
answers = {answer for _, answer in refused.values()}
made = [name for name, (number, _) in refused.items() if kept(name) == number]
print(f"{len(refused)} writers: each one's last write is answered with {answers}")
print(f"{len(made)} of these writes are in the store")
assert len(refused) == CLIENTS
assert answers == {"etcdserver: mvcc: database space exceeded"}
assert made
PY
python3 ask.py
