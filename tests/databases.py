"""Real servers for the examples of databases: made, broken, and written to all the time.

PostgreSQL refuses to run as root, so its example becomes the user `postgres` there. That user must
be able to read the folder, which those of pytest forbid.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from tests.agents import ports
from tests.waits import once

EXAMPLES = Path(__file__).parent.parent / "examples"
NODES = ("node1", "node2")
LONG = 60


def lines(name, *files):
    """How many lines of these files of an example are neither empty nor a comment."""
    return sum(bool(line.strip()) and not line.lstrip().startswith("#") for file in files
               for line in (EXAMPLES / name / file).read_text().splitlines())


class Servers:
    """Two servers of an example, in a folder of their own, on free ports.

    Args:
        name: the folder of the example.
        script: the name of its script in there.
        usual: the ports of both servers in its files.
    """

    def __init__(self, name, script, usual):
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
        self.folder.chmod(0o755)
        self.disks = []
        self.script, self.ports = script, dict(zip(NODES, ports(2), strict=True))
        for file in (EXAMPLES / name).iterdir():
            if file.is_file():
                shutil.copy(file, self.folder)
        self.replaces(script, dict(zip(usual, self.ports.values(), strict=True)))

    def replaces(self, file, changes):
        """Write a file of the example again with other words."""
        path = self.folder / file
        text = path.read_text()
        new = {str(old): str(word) for old, word in changes.items()}
        assert all(old in text for old in new)
        olds = "|".join(map(re.escape, new))  # all at once: a free port may be another's old one
        path.write_text(re.sub(olds, lambda found: new[found[0]], text))

    def act(self, node, action, **facts):
        """Run an action of the script for a node, as an agent does."""
        return subprocess.run(
            ["sh", self.script, action], cwd=self.folder, text=True, check=False, timeout=LONG,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env=os.environ | {"PRGCORE_NODE": node} | facts)

    def does(self, node, action, **facts):
        """Run an action that must succeed; return what it prints."""
        done = self.act(node, action, **facts)
        assert done.returncode == 0, (node, action, done.stdout)
        return done.stdout.strip()

    def pids(self, node):
        """The processes of a server, the first one first."""
        raise NotImplementedError

    def signal(self, node, number):
        """Send a signal to every process of a server."""
        for pid in self.pids(node):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self, node):
        self.signal(node, signal.SIGKILL)

    def left(self):
        """The processes that work in the folder, or on a file in it, and what they are."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if str(self.folder) in f"{(process / 'cwd').readlink()} {words}":
                    found[int(process.name)] = words
        return found

    def close(self):
        """Kill both servers. A test leaves no process behind: guards end with their sockets."""
        for node in NODES:
            self.kill(node)
        for disk in self.disks:
            disk.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            once(lambda: not self.left())
        finally:
            for pid in self.left():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder, ignore_errors=True)


class Disk:
    """A small file system of a node; a file of as many blocks says what is free where none can be mounted.

    Args:
        servers: they do not run yet.
        node: whose folder lies on it.
    """

    SIZE = 160
    """Megabytes: a database of 40, a copy of it that is being made, and the space that its check wants."""

    def __init__(self, servers, node):
        self.at, self.said = servers.folder / node, servers.folder / f"{node}.space"
        before = servers.folder / "before"
        self.at.mkdir(exist_ok=True)
        self.at.rename(before)
        self.at.mkdir()
        self.mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.SIZE}m", "tmpfs", self.at],
            check=False, capture_output=True).returncode == 0
        subprocess.run(["cp", "-a", f"{before}/.", self.at], check=True)
        shutil.rmtree(before)
        servers.disks.append(self)
        if not self.mounted:
            servers.replaces(servers.script, {
                'df -Pk "$PGDATA"': 'echo 0 0 0 "$(cat "$PGDATA/../../$PRGCORE_NODE.space" || echo 99999)"'})

    def fill(self, leaves=0):
        """Leave no room, or so many megabytes."""
        if not self.mounted:
            self.said.write_text("0")
            return
        free = shutil.disk_usage(self.at).free - max(leaves << 20, 1 << 16)
        with (self.at / "ballast").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, free)

    def empty(self):
        (self.at / "ballast").unlink(missing_ok=True)
        self.said.unlink(missing_ok=True)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", self.at], check=True)


@cache
def _made():
    """A folder with a new database in it, made once. The tests kill programs, and not the computer."""
    new = Servers("postgres", "pg.sh", (5441, 5442))
    atexit.register(shutil.rmtree, new.folder, ignore_errors=True)
    new.does("node1", "init")
    with (new.folder / "node1" / "data" / "postgresql.conf").open("a") as file:
        file.write("fsync = off\n")
    return new.folder


class Postgres(Servers):
    """Two servers of PostgreSQL."""

    def __init__(self):
        super().__init__("postgres", "pg.sh", (5441, 5442))
        subprocess.run(["cp", "-a", _made() / "node1", self.folder], check=True)

    def pids(self, node):
        try:
            first = int((self.folder / node / "data" / "postmaster.pid").read_text().split()[0])
            children = Path(f"/proc/{first}/task/{first}/children").read_text()
        except (OSError, IndexError):
            return []
        return [first, *map(int, children.split())]

    def connect(self, node, **more):
        """A connection to the server of a node."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.ports[node], user="postgres", dbname="postgres",
            autocommit=True, **({"connect_timeout": 2} | more))

    @property
    def errors(self):
        """The errors of a client whose row was not written."""
        import psycopg

        return psycopg.Error

    @contextmanager
    def session(self, node):
        """A client of a server: a function that writes a row; it returns the timeline.

        A commit whose wait for the standby was given up is answered as if it were done; only a
        notice says that the standby may not have it. A server without a synchronous standby says
        nothing at all.
        """
        notices = []
        with self.connect(node) as server:
            server.add_notice_handler(notices.append)

            def write(name):
                notices.clear()
                term, waits = server.execute(
                    "insert into rows values (%s) "
                    "returning substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), "
                    "current_setting('synchronous_standby_names') <> ''", (name,)).fetchone()
                return term, waits and not notices

            yield write

    def prepares(self, node):
        self.asks(node, "create table rows (row text primary key)")

    def rows(self, node):
        """All that were written."""
        return {row for (row,) in self.asks(node, "select row from rows")}

    def logs(self, node):
        return [self.folder / node / "data.log"]

    def asks(self, node, question):
        """The rows that a server answers."""
        with self.connect(node, connect_timeout=LONG) as server:
            found = server.execute(question)
            return found.fetchall() if found.description else []


class Redis(Servers):
    """Two servers of Redis."""

    def __init__(self):
        super().__init__("redis", "redis.sh", (6381, 6382))
        self.started = {}

    def start(self, node):
        """Start a server by hand."""
        if node in self.started:
            self.started[node].wait()
        with (self.folder / f"{node}.out").open("ab") as out:
            self.started[node] = subprocess.Popen(
                ["sh", self.script, "run"], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env=os.environ | {"PRGCORE_NODE": node})

    def pids(self, node):
        try:
            return [int((self.folder / node / "server.pid").read_text())]
        except (OSError, ValueError):
            return []

    def connect(self, node, **more):
        """A connection to the server of a node."""
        import redis

        return redis.Redis(
            host="127.0.0.1", port=self.ports[node], decode_responses=True, retry=None,
            **({"socket_timeout": 2} | more))

    @property
    def errors(self):
        """The errors of a client whose row was not written."""
        import redis

        return redis.RedisError

    @contextmanager
    def session(self, node):
        """A client of a server: a function that writes a row; it returns the replication id.

        The row is safe if the replica says that it has it.
        """
        import redis

        with self.connect(node) as server:
            def write(name):
                server.set(name, 1)
                safe = server.wait(1, 200) == 1
                found = server.info("replication")
                if found["role"] != "master":
                    raise redis.ReadOnlyError
                return found["master_replid"], safe

            yield write

    def prepares(self, node):
        """Nothing is needed."""

    def rows(self, node):
        """All that were written."""
        with self.connect(node, socket_timeout=LONG) as server:
            return set(server.keys())

    def logs(self, node):
        return [self.folder / node / "redis.log"]

    def close(self):
        super().close()
        for child in self.started.values():
            child.wait()
