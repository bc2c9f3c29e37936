"""What the client tests share: a server for the time of a test, and the rules a client may rely on."""

import asyncio
import collections
import contextlib
import functools
import json
import os
import re
import resource
import subprocess
import sys
import time
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

    def get(self, path):
        scheme = "https" if self.tls else "http"
        with urllib.request.urlopen(f"{scheme}://{self.address}{path}", timeout=10, context=self.tls) as answer:
            return answer.read().decode()

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
        """Resident bytes of the server."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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


async def run_tests(tests):
    """Those of the tests whose names hold a word of the command line, each with its time."""
    for test in tests:
        if sys.argv[1:] and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        await test()
        print(f"ok  {test.__name__.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)


def run_in_turn(tests, *arguments):
    """The same for tests that are plain functions; what one returns is said behind its name."""
    for test in tests:
        if sys.argv[1:] and not any(word in test.__name__ for word in sys.argv[1:]):
            continue
        began = time.monotonic()
        note = test(*arguments)
        took = f"{time.monotonic() - began:.1f} s" + (f"; {note}" if note else "")
        print(f"ok  {test.__name__.replace('_', ' ')} ({took})", flush=True)


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
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


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
