"""What the client tests share: a server for the time of a test, and the rules a client may rely on."""

import asyncio
import contextlib
import json
import os
import re
import resource
import subprocess
import urllib.request
from pathlib import Path

import websockets

ROOT = Path(__file__).resolve().parents[2]
TICKERD = os.environ.get("TICKERD", str(ROOT / ".build/debug/tickerd"))
TICKWATCH = os.environ.get("TICKWATCH", str(ROOT / ".build/debug/tickwatch"))
SESSION = str(ROOT / "feeds/aapl-20200130-premarket.itch")


class Server:
    """tickerd on a free port; `with` starts it and makes sure it is gone."""

    def __init__(self, *options, stdin=None, descriptors=None):
        self.options = options
        self.stdin = stdin
        self.descriptors = descriptors

    def __enter__(self):
        self.process = subprocess.Popen(
            [TICKERD, "--listen", "127.0.0.1:0", *self.options], stdin=self.stdin, stdout=subprocess.PIPE,
            text=True, preexec_fn=self.limit if self.descriptors else None)
        for line in self.process.stdout:
            if found := re.search(r"ws://(127\.0\.0\.1:(\d+))/", line):
                self.address, self.port = found[1], int(found[2])
                return self
        raise AssertionError(f"tickerd {self.options} did not start: {self.process.wait()}")

    def limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    @property
    def url(self):
        return f"ws://{self.address}/v1/stream"

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            return answer.read().decode()

    def snapshot(self, symbol, depth=10):
        return json.loads(self.get(f"/v1/snapshot/{symbol}?depth={depth}"))

    def metric(self, name):
        found = re.search(rf"^tickerfeed_{re.escape(name)} (\d+)$", self.get("/metrics"), re.M)
        return int(found[1])

    def memory(self):
        """Resident bytes of the server."""
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Client:
    """A plain WebSocket client that checks the chain of every subscription."""

    def __init__(self, socket):
        self.socket = socket
        self.last = {}
        self.state = {}
        self.counts = {}
        self.breaks = []
        self.others = []

    async def subscribe(self, channel, symbols, **options):
        await self.socket.send(
            json.dumps({"op": "subscribe", "id": channel, "channel": channel, "symbols": symbols, **options}))

    async def read(self, timeout):
        """The next message, or None when none came in time."""
        try:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), timeout))
        except asyncio.TimeoutError:
            return None
        self.take(message)
        return message

    def take(self, message):
        kind = message["type"]
        if kind == "gap":
            self.last[message["channel"], message["sym"]] = message["to"]
        if kind not in ("quote", "trade", "stats"):
            self.others.append(message)
            return
        key = kind, message["sym"]
        if key not in self.last:
            ok = message.get("snap") is True and message["prev"] == 0
        else:
            ok = message["prev"] == self.last[key] and message["seq"] > message["prev"]
        if not ok:
            self.breaks.append((self.last.get(key), message))
        self.last[key] = message["seq"]
        self.state[key] = message
        self.counts[key] = self.counts.get(key, 0) + 1


@contextlib.asynccontextmanager
async def connected(server):
    async with websockets.connect(server.url, subprotocols=["tickerfeed.v1.json"]) as socket:
        client = Client(socket)
        welcome = await client.read(5)
        assert welcome["type"] == "welcome" and welcome["protocol"] == 1, welcome
        yield client
