"""What the tests of clients/python share: a reader, a proxy in the way, a server that lies."""

import asyncio
import contextlib
import json
import sys

import websockets
from harness import ROOT

sys.path.insert(0, str(ROOT / "clients/python"))
import tickerfeed

__all__ = ["Proxy", "Reader", "Script", "WAYS", "tickerfeed"]

WAYS = [("websocket", "json"), ("websocket", "sbe"), ("events", "json"), ("poll", "json")]
EMPTY = "Content-Length: 0\r\n\r\n"
ANSWERS = {
    "refuse": f"HTTP/1.1 400 Bad Request\r\n{EMPTY}",
    "redirect": f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n{EMPTY}",
    "busy": f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n{EMPTY}",
}


class Reader:
    """Reads subscriptions to the end, and keeps all there was by channel and symbol."""

    def __init__(self, *subscriptions):
        self.kept = {}
        self.tasks = [asyncio.ensure_future(self.read(each)) for each in subscriptions]

    async def read(self, subscription):
        async for message in subscription:
            assert not isinstance(message.get("bid"), (int, float)), message
            self.kept.setdefault((subscription.channel, message.get("sym")), []).append(message)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        for result in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert result is None or isinstance(result, asyncio.CancelledError), result

    def by_number(self, channel, symbol):
        """What is never merged: trades, and bars that are closed."""
        kept = self.kept[channel, symbol]
        return {each["seq"]: each for each in kept if each["type"] != "gap" and each.get("closed", True)}

    def follows(self, channel, symbol):
        """Every version came once and in order, but for what a gap names; how many there were."""
        last = None
        for message in self.kept[channel, symbol]:
            if message["type"] == "gap":
                last = message["to"]
            else:
                assert last is None or message["seq"] == last + 1, (last, message)
                last = message["seq"]
        return len(self.kept[channel, symbol])


class Proxy:
    """A TCP proxy in front of a server. "refuse" answers upgrades with 400, "hold" keeps the bodies of event
    streams back, "redirect" sends everybody elsewhere, "busy" puts everybody off for a minute."""

    def __init__(self, port, mode="open"):
        self.port, self.mode, self.writers, self.heads = port, mode, set(), []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        self.cut()

    def cut(self):
        """Ends all connections, in the middle of whatever they were at."""
        for writer in self.writers:
            writer.transport.abort()

    async def serve(self, reader, writer):
        self.writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head.decode())
            if self.mode in ("redirect", "busy") or self.mode == "refuse" and b"pgrade: websocket" in head:
                writer.write(ANSWERS[self.mode].encode())
                await writer.drain()
            else:
                there, back = await asyncio.open_connection("127.0.0.1", self.port)
                self.writers.add(back)
                back.write(head)
                held = self.mode == "hold" and b"/v1/events" in head
                await asyncio.gather(self.pass_on(reader, back, False), self.pass_on(there, writer, held))
        writer.close()

    async def pass_on(self, reader, writer, held):
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                if held:
                    piece = piece[:piece.find(b"\r\n\r\n") + 4] if piece.startswith(b"HTTP/1.1") else b""
                writer.write(piece)
                await writer.drain()
        writer.close()


class Script:
    """A server that says what it is told to; `subscribed` is called with its socket and each request."""

    def __init__(self, subscribed):
        self.subscribed, self.requests, self.connections = subscribed, [], 0

    async def __aenter__(self):
        self.server = await websockets.serve(self.serve, "127.0.0.1", 0, subprotocols=["tickerfeed.v1.json"])
        self.url = f"http://127.0.0.1:{self.server.sockets[0].getsockname()[1]}/"
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, socket):
        self.connections += 1
        await socket.send('{"type":"welcome","protocol":1,"epoch":"e","heartbeat_ms":1000}')
        with contextlib.suppress(websockets.ConnectionClosed):
            async for text in socket:
                self.requests.append(request := json.loads(text))
                if request["op"] == "subscribe":
                    await self.subscribed(socket, request)
