"""Streams without a WebSocket, listened to as people do: events, lines and long polls, each with its cursor."""

from httpx_sse import aconnect_sse
from native import exact

LINES = {"Accept": "application/x-ndjson"}


class Listener:
    """What one client was told, over whatever came: newest states, every trade once, where to go on."""

    def __init__(self):
        self.state = {}
        self.trades = {}
        self.cursor = None
        self.goodbye = None
        self.lost = 0

    def take(self, message):
        kind = message["type"]
        if kind == "goodbye":
            self.goodbye = message
        elif kind == "gap":
            self.lost += 1
        elif "sym" in message:
            name = kind, message["sym"]
            if message["seq"] >= self.state.get(name, {"seq": 0})["seq"]:
                self.state[name] = message
            if kind == "trade":
                self.trades.setdefault(message["sym"], {})[message["seq"]] = message["price"], message["size"]

    def has_all(self):
        """No trade is missing between the first and the last of any symbol."""
        return all(max(trades) - min(trades) + 1 == len(trades) for trades in self.trades.values())


async def listen_to_events(client, url, listener, **parameters):
    headers = {"Last-Event-ID": listener.cursor} if listener.cursor else {}
    async with aconnect_sse(client, "GET", f"{url}/v1/events", params=parameters, headers=headers) as source:
        assert source.response.headers["x-accel-buffering"] == "no", source.response.headers
        async for event in source.aiter_sse():
            listener.cursor = event.id or listener.cursor
            if event.data:
                message = exact(event.data)
                assert event.event == message["type"], event
                listener.take(message)


async def listen_to_lines(client, url, listener, **parameters):
    resume = {"cursor": listener.cursor} if listener.cursor else {}
    async with client.stream("GET", f"{url}/v1/events", params=parameters | resume, headers=LINES) as answer:
        assert answer.status_code == 200, answer
        async for line in answer.aiter_lines():
            message = exact(line)
            listener.cursor = message.get("resume", listener.cursor)
            listener.take(message)


async def listen_to_polls(client, url, listener, **parameters):
    while True:
        resume = {"cursor": listener.cursor} if listener.cursor else {}
        answer = await client.get(f"{url}/v1/poll", params=parameters | resume)
        if answer.status_code == 204:
            listener.cursor = answer.headers["tickerfeed-cursor"]
            continue
        assert answer.status_code == 200, answer.text
        for message in exact(answer.text):
            listener.take(message)
            if message["type"] == "heartbeat":
                listener.cursor = message["resume"]


WAYS = [listen_to_events, listen_to_lines, listen_to_polls]
