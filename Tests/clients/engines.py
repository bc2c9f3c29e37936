"""Redis and NATS for the time of a test, and the nodes on both sides of them.

    with RedisServer() as engine, Ingest(engine) as ingest, Node(engine) as node:
        ingest.say(quote("AAPL", 100))
        engine.kill()
        engine.start()          # the same port; empty, as nothing is kept on a disk

An engine is killed, stopped and started as often as a test likes; it keeps its port and its settings.
"""

import contextlib
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from harness import AUTHORITY, CERTIFICATES, ROOT, Server, certificate, fetch, free_port, listens, trusting, until
from piped import Piped

#: As script/tools finds or unpacks them.
REDIS = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or str(ROOT / ".build/debian/redis-server")
NATS = os.environ.get("NATS_SERVER") or shutil.which("nats-server") or str(ROOT / ".build/debian/usr/sbin/nats-server")
#: Signed by nobody but itself: whoever believes it believes no other.
STRANGER = str(CERTIFICATES / "stranger.pem")


class EngineServer:
    """A program that listens on one port, whenever it runs."""

    def __init__(self, tls=False, user=None):
        self.port, self.tls, self.user = free_port(), tls, user
        self.process = None

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="tickerfeed-engine-", ignore_cleanup_errors=True)
        self.folder = Path(self.temporary.name)
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()
        self.temporary.cleanup()

    def start(self):
        """Runs it, empty, until it listens."""
        command = self.command()
        assert os.path.exists(command[0]), f"no {command[0]}: script/test brings it"
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        complaint = lambda: (self.folder / "log").read_text()[-2000:]
        until(lambda: self.answers() or self.process.poll() is not None, otherwise=complaint)
        assert self.process.poll() is None, complaint()

    def answers(self):
        return listens(self.port)

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """As when its machine is gone: nothing is said, and nothing kept."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None


class RedisServer(EngineServer):
    """
    - settings: of redis.conf, with `-` as `_`: requirepass="secret".
    - tls: serves TLS alone.
    - user: the name that nodes give, of an ACL.
    """

    kind = "Redis"

    def __init__(self, tls=False, user=None, **settings):
        super().__init__(tls, user)
        self.settings = settings

    @property
    def url(self):
        return f"redis{'s' if self.tls else ''}://{f'{self.user}@' if self.user else ''}127.0.0.1:{self.port}"

    def command(self):
        settings = {"bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(self.folder), "loglevel": "warning",
                    "port": str(self.port), **self.settings}
        if self.tls:
            _, file, _, key = certificate()
            settings |= {"port": "0", "tls-port": str(self.port), "tls-cert-file": file, "tls-key-file": key,
                         "tls-ca-cert-file": AUTHORITY, "tls-auth-clients": "no"}
        return [REDIS, *(word for name, value in settings.items() for word in (f"--{name.replace('_', '-')}", value))]

    def ask(self, *words):
        """What Redis answers to one command, on a connection of its own: text, a number, None, or a list of these."""
        with contextlib.ExitStack() as stack:
            one = stack.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=10))
            if self.tls:
                one = stack.enter_context(trusting().wrap_socket(one, server_hostname="localhost"))
            stream = stack.enter_context(one.makefile("rwb"))
            if password := self.settings.get("requirepass"):
                say_resp(stream, "AUTH", password)
                read_resp(stream)
            say_resp(stream, *words)
            return read_resp(stream)

    def followed(self):
        """The symbols whose ticks somebody listens to, as their channels are called."""
        return {name.rsplit(":", 1)[1] for name in self.ask("PUBSUB", "CHANNELS", "tickerfeed:ticks:*")}

    def connections(self):
        """Of nodes: a number each, with how many channels it listens to."""
        rows = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in self.ask("CLIENT", "LIST").splitlines()]
        return {row["id"]: int(row["sub"]) for row in rows if row.get("name") == "tickerfeed"}

    def cut(self, ingest=False):
        """Cuts the connections of fan-out nodes, or of ingest nodes, which listen to questions alone."""
        for number, channels in self.connections().items():
            if (channels == 1) == ingest:
                self.ask("CLIENT", "KILL", "ID", number)

    def keys(self):
        return set(self.ask("KEYS", "*"))


def say_resp(stream, *words):
    stream.write(f"*{len(words)}\r\n".encode())
    for word in map(str, words):
        stream.write(f"${len(word.encode())}\r\n{word}\r\n".encode())
    stream.flush()


def read_resp(stream):
    """RESP 2, as redis.io has it."""
    kind, rest = (line := stream.readline().decode())[:1], line[1:].strip()
    if kind == "-":
        raise AssertionError(rest)
    if kind == ":":
        return int(rest)
    if kind == "$":
        return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode("latin-1")
    if kind == "*":
        return [read_resp(stream) for _ in range(int(rest))]
    return rest


class NATSServer(EngineServer):
    """
    - settings: further lines of nats-server's file.
    - jetstream: False for a server that keeps nothing, and so no lease.
    - routes: ports of servers that make a cluster with this one.
    """

    kind = "NATS"

    def __init__(self, *settings, tls=False, user=None, jetstream=True, cluster=None, routes=()):
        super().__init__(tls, user)
        self.settings, self.jetstream, self.cluster, self.routes = settings, jetstream, cluster, routes
        self.monitor = free_port()

    @property
    def url(self):
        return f"{'tls' if self.tls else 'nats'}://{f'{self.user}@' if self.user else ''}127.0.0.1:{self.port}"

    def command(self):
        lines = [f"listen: 127.0.0.1:{self.port}", f"http: 127.0.0.1:{self.monitor}",
                 f"server_name: node{self.port}", *self.settings]
        if self.jetstream:
            # Kept in memory, as the lease is: a restart forgets it.
            lines.append(f"jetstream {{ store_dir: {json.dumps(str(self.folder))} }}")
        if self.tls:
            _, file, _, key = certificate()
            lines.append(f"tls {{ cert_file: {json.dumps(file)}, key_file: {json.dumps(key)} }}")
        if self.cluster:
            routes = ", ".join(f"nats://127.0.0.1:{port}" for port in self.routes)
            lines.append(f"cluster {{ name: test, listen: 127.0.0.1:{self.cluster}, routes: [{routes}] }}")
        (self.folder / "nats.conf").write_text("\n".join(lines) + "\n")
        return [NATS, "-c", str(self.folder / "nats.conf")]

    def start(self):
        # What a stream keeps in memory it lists on a disk all the same.
        shutil.rmtree(self.folder / "jetstream", ignore_errors=True)
        super().start()

    def answers(self):
        try:
            return super().answers() and bool(self.get("healthz" if self.jetstream else "varz"))
        except OSError:
            return False

    def get(self, page):
        status, _, text = fetch(f"http://127.0.0.1:{self.monitor}/{page}")
        return json.loads(text) if status == 200 else {}

    def followed(self):
        """The symbols whose ticks somebody listens to, as their subjects are called."""
        subjects = [each["subject"] for each in self.get("subsz?subs=1").get("subscriptions_list", [])]
        return {subject.rsplit(".", 1)[1] for subject in subjects if subject.startswith("tickerfeed.ticks.")}

    def connections(self):
        return {each["cid"]: each["subscriptions"] for each in self.get("connz")["connections"]}

    def lame_duck(self):
        """Has it send its clients away, as an operator does before it ends."""
        self.signal(signal.SIGUSR2)


class Ingest(Piped):
    """tickerd that publishes what the test writes to it. `first`: what the market is when it begins."""

    #: Bytes of the pipe's: while it is stopped the market goes on.
    ROOM = 1 << 20

    def __init__(self, engine, *options, first=()):
        super().__init__("--publish", engine if isinstance(engine, str) else engine.url, *Node.ROOM, *options)
        fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, Ingest.ROOM)
        self.first = first

    def __enter__(self):
        # Not as Piped begins: the market has no other symbols than the test's.
        self.say(*self.first)
        Server.__enter__(self)
        os.close(self.reading)
        return self

    @property
    def active(self):
        return self.figure("active") == 1

    def figure(self, name):
        return figure(self, name, "publish")


class Node(Server):
    """tickerd that serves what an ingest node publishes."""

    def __init__(self, engine, *options):
        super().__init__("--feed", engine if isinstance(engine, str) else engine.url, *Node.ROOM, *options)

    #: A test looks often, and all from one address.
    ROOM = ("--max-requests-per-address", "1000", "--max-handshakes-per-address", "1000")

    def figure(self, name):
        return figure(self, name, "follow")


def figure(server, name, role):
    """One of `tickerfeed_backplane_*`; 0 as long as it says nothing."""
    found = re.search(rf'^tickerfeed_backplane_{name}{{role="{role}"}} (\d+)$', server.get("/metrics"), re.M)
    return int(found[1]) if found else 0
