"""What the client tests share: a server for the time of a test, a client of it, ways to wait, and how tests are run."""

import asyncio
import collections
import contextlib
import functools
import json
import os
import re
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import websockets
from native import BinaryReader, exact
from rules import DATA, Book, Chains, key
from sbe import Decoder

ROOT = Path(__file__).resolve().parents[2]
TICKERD = os.environ.get("TICKERD", str(ROOT / ".build/debug/tickerd"))
TICKWATCH = os.environ.get("TICKWATCH", str(ROOT / ".build/debug/tickwatch"))
SESSION = str(ROOT / "feeds/aapl-20200130-premarket.itch")
CERTIFICATES = ROOT / "Tests/certificates"
AUTHORITY = str(CERTIFICATES / "authority.pem")


def certificate(name="server"):
    """The options of a server that speaks TLS with one of the tests' certificates."""
    return "--tls-cert", str(CERTIFICATES / f"{name}.pem"), "--tls-key", str(CERTIFICATES / f"{name}.key")


def trusting():
    """Believes who signed those, and nobody else."""
    return ssl.create_default_context(cafile=AUTHORITY)


def secure(*options, name="server"):
    """A server that speaks TLS."""
    return Server(*certificate(name), *options, tls=trusting())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    """Somebody does, on this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def fetch(url, data=None, *, headers=None, method=None, context=None):
    """Status, headers and text of a request on a connection of its own, whatever the status is."""
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=10, context=context)
    except urllib.error.HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status, answer.headers, answer.read().decode()


def said(*command, **environment):
    """Status, output and complaints of a command."""
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=30, cwd=ROOT, env=os.environ | environment)
    return done.returncode, done.stdout, done.stderr


def memory(pid):
    """Resident bytes of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Server:
    """tickerd on a free port; `with` starts it and makes sure it is gone. Quiet, and quick to drain."""

    DEFAULTS = ("--listen", "127.0.0.1:0", "--drain", "0", "--log-level", "error")

    def __init__(self, *options, stdin=None, descriptors=None, tls=None):
        #: An `ssl.SSLContext` to reach it with.
        self.tls = tls
        self.options = options
        self.stdin = stdin
        self.descriptors = descriptors

    def __enter__(self):
        self.process = subprocess.Popen(
            [TICKERD, *self.DEFAULTS, *self.options], stdin=self.stdin, stdout=subprocess.PIPE,
            stderr=self.errors, text=True, preexec_fn=self.limit if self.descriptors else None)
        for line in self.process.stdout:
            if found := re.search(r"wss?://(127\.0\.0\.1:(\d+))/", line):
                self.address, self.port = found[1], int(found[2])
                return self
        raise AssertionError(f"tickerd {self.options} did not start: {self.process.wait()}")

    #: Where its log goes; None: where ours does.
    errors = None

    def limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://{self.address}/v1/stream"

    @functools.cached_property
    def admin(self):
        """The address of its admin port, which it says behind the first."""
        return next(found[1] for line in self.process.stdout if (found := re.search(r"admin https?://(\S+)/", line)))

    def answer(self, path, **request):
        """Status and text, whatever the status is."""
        scheme = "https" if self.tls else "http"
        status, _, text = fetch(f"{scheme}://{self.address}{path}", context=self.tls, **request)
        return status, text

    def get(self, path):
        """What there is at a path that there is."""
        status, text = self.answer(path)
        if status != 200:
            raise OSError(f"{path}: {status} {text}")
        return text

    def snapshot(self, symbol, depth=10):
        return exact(self.get(f"/v1/snapshot/{symbol}?depth={depth}"))

    @functools.cached_property
    def decoder(self):
        """Made of the schema that this server serves."""
        return Decoder(self.get("/v1/schema.xml"))

    def metric(self, name):
        found = re.search(rf"^(?:tickerfeed_)?{re.escape(name)} (\d+)$", self.get("/metrics"), re.M)
        return int(found[1])

    def memory(self):
        return memory(self.process.pid)

    def descriptors_open(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Logged(Server):
    """A server with its log in a file."""

    def __init__(self, *options, **more):
        super().__init__(*options, **more)
        self.errors = self.log = tempfile.NamedTemporaryFile("r+", prefix="tickerd-log-")

    def lines(self):
        return Path(self.log.name).read_text().splitlines()

    def logged(self, event, count=1):
        """The lines of an event, once there are so many."""
        def found():
            return [line for line in self.lines() if event in line.split()[2:3]]

        until(lambda: len(found()) >= count, otherwise=lambda: (event, self.lines()))
        return found()


class Client:
    """A plain WebSocket client, of either encoding, that checks the chain of every subscription."""

    def __init__(self, socket, reader=None, keep=False):
        self.socket = socket
        self.reader = reader
        self.chains = Chains()
        self.books = {}
        self.state = {}
        self.counts = {}
        self.others = []
        self.answers = {}
        self.bytes = 0
        #: Data messages by subscription, where they are to be kept, and heartbeats with what was merged,
        #: and how many messages of each had come, by then.
        self.kept = {} if keep else None
        self.heartbeats = []
        #: Nanoseconds from the server's socket to here, of messages with stamps.
        self.delays = []
        self.waiting = collections.deque()
        self.asked = {}
        self.depth = 10

    @property
    def breaks(self):
        return self.chains.breaks

    async def send(self, op, **fields):
        """Sends an operation; its answer will be in `answers` under the number returned."""
        number = len(self.asked) + 1
        self.asked[number] = {"op": op, **fields}
        await self.socket.send(json.dumps({"op": op, "id": number, **fields}))
        return number

    async def ask(self, op, **fields):
        """Sends an operation, reads on until it is answered, and returns the answer."""
        number = await self.send(op, **fields)
        while number not in self.answers:
            assert await self.read(5), f"no answer to {op} {fields}"
        return self.answers[number]

    async def subscribe(self, channel, symbols, **options):
        if channel == "book":
            self.depth = options.get("depth", 10)
        return await self.send("subscribe", channel=channel, symbols=symbols, **options)

    async def read(self, timeout):
        """The next message, or None when none came in time."""
        end = time.monotonic() + timeout
        while not self.waiting:
            try:
                self.take_frame(await asyncio.wait_for(self.socket.recv(), max(0, end - time.monotonic())))
            except asyncio.TimeoutError:
                return None
        return self.waiting.popleft()

    async def pump(self):
        async for frame in self.socket:
            self.take_frame(frame)
            self.waiting.clear()

    async def drain(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for _ in self.socket:
                pass

    def take_frame(self, frame):
        self.bytes += len(frame)
        for message in [exact(frame)] if isinstance(frame, str) else self.reader.read(frame):
            self.take(message)
            self.waiting.append(message)

    def take(self, message):
        kind = message["type"]
        if kind in DATA:
            self.take_data(message)
            return
        self.others.append(message)
        if kind == "gap":
            self.chains.gap(message)
        elif kind == "epoch":
            self.chains.epoch(message)
            self.books.clear()
        elif kind == "heartbeat":
            self.heartbeats.append((message, self.chains.merged, dict(self.counts)))
        elif message.get("id") in self.asked:
            self.answers[message["id"]] = message
            request = self.asked[message["id"]]
            if kind == "ack" and request["op"] in ("subscribe", "unsubscribe"):
                self.chains.answered(request, message)

    def take_data(self, message):
        self.chains.take(message)
        name = key(message)
        if name[0] == "book":
            if message["prev"] == 0:
                self.books[name[1]] = Book(self.depth)
            self.books[name[1]].take(message)
        self.state[name] = message
        if "sent" in message:
            self.delays.append(time.time_ns() - message["sent"])
        self.counts[name] = self.counts.get(name, 0) + 1
        if self.kept is not None:
            self.kept.setdefault(name, []).append(message)


@contextlib.asynccontextmanager
async def connected(server, encoding="json", keep=False, **options):
    reader = BinaryReader(server.decoder) if encoding == "sbe" else None
    async with websockets.connect(server.url, subprotocols=[f"tickerfeed.v1.{encoding}"], **options) as socket:
        client = Client(socket, reader, keep)
        welcome = await client.read(5)
        assert welcome["type"] == "welcome" and welcome["protocol"] == 1, welcome
        yield client
        # The server's answer to the close frame stands behind data: unread, it would never come.
        await asyncio.gather(socket.close(), client.drain())


def run_tests(tests, *arguments):
    """Those of the tests whose names hold a word of the command line, each with its time, and what it returns behind it."""
    for test in tests:
        if sys.argv[1:] and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        note = test(*arguments)
        if asyncio.iscoroutine(note):
            note = asyncio.run(note)
        took = f"{time.monotonic() - began:.1f} s" + (f"; {note}" if note else "")
        print(f"ok  {test.__name__.replace('_', ' ')} ({took})", flush=True)


def until(condition, patience=20, otherwise="it never came to be"):
    """Waits until it is so. `otherwise`: what is wrong if that never comes to be, or a function that says it."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, otherwise() if callable(otherwise) else otherwise
        time.sleep(0.02)


async def eventually(condition, patience=20, otherwise="it never came to be", tasks=()):
    """The same while other tasks go on, those that are named without a fault."""
    end = time.monotonic() + patience
    while not condition():
        for task in tasks:
            if task.done():
                task.result()
        assert time.monotonic() < end, otherwise() if callable(otherwise) else otherwise
        await asyncio.sleep(0.02)


async def stop(tasks):
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def closing_code(client):
    """Reads to the close frame; its code."""
    try:
        while await client.read(5):
            pass
    except websockets.ConnectionClosed as closed:
        return closed.rcvd and closed.rcvd.code


async def listen(clients, until, patience=20):
    """Reads for all of these clients at once until the condition holds."""
    pumps = [asyncio.create_task(client.pump()) for client in clients]
    end = time.monotonic() + patience
    try:
        while not until():
            assert time.monotonic() < end, "it never came to be"
            done, _ = await asyncio.wait(pumps, timeout=0.02, return_when=asyncio.FIRST_COMPLETED)
            for pump in done:
                pump.result()
                raise AssertionError("the server closed the connection")
    finally:
        await stop(pumps)


def after(seconds):
    """A condition: so much time has passed since now."""
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def quiet(clients, seconds=0.3):
    """A condition: no data has come to any of them for so long."""
    seen, since = None, time.monotonic()

    def condition():
        nonlocal seen, since
        now = [sum(client.counts.values()) for client in clients]
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= seconds

    return condition
