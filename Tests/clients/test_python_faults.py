#!/usr/bin/env python3
"""clients/python/tickerfeed.py and servers that say what they should not, put it off, are somebody else."""

import json
import logging
import struct
import time
import zlib

from harness import AUTHORITY, eventually, run_tests, secure
from obstacles import WAYS, Proxy, Reader, Script, tickerfeed


async def certificates_are_checked():
    with secure() as server:
        for transport, encoding in WAYS:
            url, ways = f"https://{server.address}", {"transport": transport, "encoding": encoding}
            async with tickerfeed.connect(url, ca=AUTHORITY, **ways) as feed:
                quotes = feed.subscribe("*")
                await eventually(lambda: len(quotes.state) > 10)
            async with tickerfeed.connect(url, random=lambda: 1.0, **ways) as feed:
                quotes = feed.subscribe("*")
                await eventually(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] == "unreachable", feed.status
                assert "certificate" in feed.status.reason["message"], feed.status


async def what_does_not_follow_is_told_and_asked_for_again():
    def book(seq, prev, crc, **more):
        return {"type": "book", "sym": "A", "seq": seq, "prev": prev, "bids": [[1.5, 2]], "asks": [], "ts": 1,
                "crc": crc, **more}

    right = zlib.crc32(struct.pack("<qq", 1_500_000_000, 200_000_000))
    said = {
        "trade": [{"type": "trade", "sym": "A", "seq": seq, "prev": prev, "price": 1.5, "size": 2, "ts": 1}
                  for prev, seq in ((4, 5), (5, 6), (8, 9), (8, 9), (9, 10))],
        "book": [book(3, 0, right, snap=True), book(4, 3, right), book(7, 6, right), book(8, 7, right)],
    }
    again = {"trade": [[]], "book": [[book(9, 0, right + 1, snap=True), book(10, 9, right)],
                                     [book(11, 0, right, snap=True)]]}

    async def subscribed(socket, request):
        messages = said.pop(request["channel"], None) or again[request["channel"]].pop(0)
        ack = {"type": "ack", "id": request["id"], "channel": request["channel"], "resume": "e.1"}
        for message in [ack, *messages]:
            await socket.send(json.dumps(message))

    async with Script(subscribed) as server, tickerfeed.connect(server.url) as feed:
        gaps = []
        feed.on("gap", lambda gap: gaps.append((gap["channel"], gap["from"], gap["to"], gap["reason"])))
        trades, books = feed.subscribe("A", "trade"), feed.subscribe("A", "book", crc=True)
        reader = Reader(trades)
        await eventually(lambda: books.state.get("A", {}).get("seq") == 11 and len(server.requests) >= 5)
        assert books.state["A"]["ok"]
        await eventually(lambda: len(reader.kept["trade", "A"]) == 5)
        assert list(reader.by_number("trade", "A")) == [5, 6, 9, 10]
        assert reader.kept["trade", "A"][2]["reason"] == "loss" and reader.follows("trade", "A")
        assert sorted(gaps) == [("book", 5, 6, "loss"), ("book", 9, 9, "crc"), ("trade", 7, 8, "loss")], gaps
        assert feed.counts.losses == 3
        await reader.stop()


async def another_epoch_begins_anew():
    def trade(seq, prev):
        return {"type": "trade", "sym": "A", "seq": seq, "prev": prev, "price": 1.5, "size": 2, "ts": 1,
                **({} if prev else {"snap": True})}

    async def subscribed(socket, request):
        epoch = {"type": "epoch", "epoch": "f", "reason": "seek"}
        for message in (trade(50, 0), trade(51, 50), epoch, trade(3, 0), trade(4, 3)):
            await socket.send(json.dumps(message))

    async with Script(subscribed) as server, tickerfeed.connect(server.url) as feed:
        epochs = []
        feed.on("epoch", epochs.append)
        trades = feed.subscribe("A", "trade")
        read = [await trades.__anext__() for _ in range(5)]
        assert [message.get("seq") for message in read] == [50, 51, None, 3, 4], read
        assert [message["epoch"] for message in epochs] == ["f"] and feed.counts.losses == 0


async def a_close_code_says_whether_to_come_back():
    table = [(1000, "back"), (1012, "back"), (1013, "back"), (4408, "back"), (4429, "wait"), (1008, "back"),
             (1002, "end"), (1009, "end"), (4401, "end"), (4403, "end"), ("bytes", "back"), ("drain", "wait")]
    for code, then in table:
        async def subscribed(socket, _, code=code):
            if code == "bytes":
                await socket.send("[[[")
            elif code == "drain":
                await socket.send('{"type":"goodbye","code":"drain","reconnect_after_ms":60000}')
            await socket.close(code if isinstance(code, int) else 1012, "because")

        async with Script(subscribed) as server, tickerfeed.connect(server.url, random=lambda: 0.1) as feed:
            feed.subscribe("A")
            if then == "back":
                await eventually(lambda: server.connections >= 3)
            elif then == "wait":
                await eventually(lambda: feed.status.state == "waiting")
                assert feed.status.retry_at - time.time() > (4.9 if code == 4429 else 59), (code, feed.status)
            else:
                await eventually(lambda: feed.status.state == "closed")
                assert server.connections == 1, code
                assert feed.status.reason == {"code": code, "message": "because"}, feed.status


async def a_silent_server_is_left():
    async def subscribed(socket, request):
        pass

    async with Script(subscribed) as server, tickerfeed.connect(server.url, random=lambda: 0.1) as feed:
        feed.subscribe("A")
        began = time.monotonic()
        await eventually(lambda: feed.status.state == "waiting")
        assert feed.status.reason["code"] == "silent" and 2.9 < time.monotonic() - began < 6, feed.status


async def no_redirect_is_followed():
    async with Proxy(9, "redirect") as proxy:
        for transport in ("websocket", "events", "poll"):
            async with tickerfeed.connect(
                    proxy.url, token="secret", transport=transport, random=lambda: 1.0) as feed:
                feed.subscribe("AAPL")
                await eventually(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] in ("not_tickerfeed", "http_302"), feed.status


async def who_is_put_off_waits():
    async with Proxy(9, "busy") as proxy:
        for transport in ("auto", "websocket", "events", "poll"):
            async with tickerfeed.connect(proxy.url, transport=transport, random=lambda: 0.1) as feed:
                feed.subscribe("AAPL")
                await eventually(lambda: feed.status.state == "waiting")
                assert feed.status.retry_at - time.time() > 59, feed.status
                assert feed.status.reason["code"] == 503, feed.status


logging.getLogger("tickerfeed").setLevel(logging.CRITICAL)
run_tests([
    what_does_not_follow_is_told_and_asked_for_again, another_epoch_begins_anew,
    a_close_code_says_whether_to_come_back, a_silent_server_is_left, certificates_are_checked,
    no_redirect_is_followed, who_is_put_off_waits,
])
