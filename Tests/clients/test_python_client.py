#!/usr/bin/env python3
"""clients/python/tickerfeed.py against a server: every way to it, what breaks them, and readers that are slow."""

import asyncio
import contextlib
import json
import logging
import ssl
import struct
import sys
import tempfile
import time
import zlib
from pathlib import Path

import jwt
import websockets
from harness import ROOT, SESSION, Server, run_tests

sys.path.insert(0, str(ROOT / "clients/python"))
import tickerfeed

SECRET = b"a secret of more than 32 bytes, for tests"
CERTIFICATES = ROOT / "Tests/certificates"


class Proxy:
    """A TCP proxy in front of a server. "refuse" answers upgrades with 400, "hold" keeps the bodies of streams back,
    "redirect" sends everybody elsewhere, "busy" puts everybody off for a minute."""

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
            if self.mode == "busy":
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
            elif self.mode == "redirect" or self.mode == "refuse" and b"pgrade: websocket" in head:
                writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
                             if self.mode == "redirect" else b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
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
                writer.write(piece[:piece.index(b"\r\n\r\n") + 4] if held and b"HTTP/1.1" in piece else b"" if held else piece)
                await writer.drain()
        writer.close()


async def until(condition, patience=20):
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        await asyncio.sleep(0.02)


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


WAYS = [("websocket", "json"), ("websocket", "sbe"), ("events", "json"), ("poll", "json")]


async def all_ways_end_in_the_state_of_the_snapshot():
    with Server("--feed", SESSION, "--speed", "6000") as server:
        watched = []
        async with contextlib.AsyncExitStack() as stack:
            for transport, encoding in WAYS:
                feed = await stack.enter_async_context(tickerfeed.connect(
                    f"http://{server.address}/", transport=transport, encoding=encoding))
                made = {name: feed.subscribe("AAPL", name, 20) for name in ("quote", "trade", "stats", "status")}
                made["book"] = feed.subscribe("A*", "book", 20, crc=True)
                made["bar"] = feed.subscribe("AAPL", "bar", 20, interval="1s")
                watched.append((feed, made, Reader(*made.values())))
            await until(lambda: server.metric("feed_ended"))
            end = server.snapshot("AAPL")
            names = ("quote", "trade", "stats", "book")
            for feed, made, reader in watched:
                await until(lambda: all(made[name].state.get("AAPL", {"seq": 0})["seq"] == end[name]["seq"] for name in names))
                for name in names:
                    state = made[name].state["AAPL"]
                    assert all(state[field] == value for field, value in end[name].items()), (feed.status, name, state)
                assert made["book"].state["AAPL"]["ok"] and not feed.counts.losses, feed.counts
                assert all(state["market"] == end["status"]["market"] for state in made["status"].state.values())
                await until(lambda: reader.kept["trade", "AAPL"][-1]["seq"] == end["trade"]["seq"])
                assert reader.follows("trade", "AAPL") > 900
                await reader.stop()
        trades = [{each["seq"]: each for each in reader.kept["trade", "AAPL"]} for _, _, reader in watched]
        bars = [{each["seq"]: each for each in reader.kept["bar 1s", "AAPL"] if each.get("closed")} for _, _, reader in watched]
        # The server keeps 128 closed bars: who is called upon too late at this pace gets gaps.
        for (one, *others), least in ((trades, 900), (bars, 20)):
            for other in others:
                both = [(one[seq], other[seq]) for seq in one.keys() & other.keys()]
                assert len(both) > least, len(both)
                assert all(strip(first) == strip(second) for first, second in both)


def strip(message):
    return {name: value for name, value in message.items() if name not in ("prev", "snap")}


async def a_connection_that_is_cut_goes_on_by_cursor():
    for transport, encoding in WAYS:
        with Server("--seed", "5", "--speed", "10") as server:
            async with Proxy(server.port) as proxy, tickerfeed.connect(
                    proxy.url, transport=transport, encoding=encoding, random=lambda: 0.1) as feed:
                trades, books = feed.subscribe(["AAPL", "MSFT"], "trade", 20), feed.subscribe("*", "book", 20, crc=True)
                reader = Reader(trades, books)
                for turn in range(1, 4):
                    before = feed.counts.messages
                    await until(lambda: feed.counts.messages > before + 300 and feed.status.state == "open")
                    proxy.cut()
                    # A poll that finds its kept connection gone asks anew at once.
                    await until(lambda: feed.counts.reconnects >= turn or transport == "poll")
                before = feed.counts.messages
                await until(lambda: feed.counts.messages > before + 300)
                assert feed.counts.losses == feed.counts.gaps == 0, (transport, feed.counts)
                assert all(reader.follows("trade", symbol) > 20 for symbol in ("AAPL", "MSFT"))
                assert len(books.state) > 10 and all(book["ok"] for book in books.state.values())
                await reader.stop()


async def a_server_that_is_killed_and_started_again_is_found_again():
    for transport, encoding in WAYS:
        with Server("--seed", "5") as server:
            port, statuses = server.port, []
            feed = tickerfeed.connect(f"http://127.0.0.1:{port}", transport=transport, encoding=encoding, random=lambda: 0.1)
            feed.on("status", statuses.append)
            epochs = []
            feed.on("epoch", epochs.append)
            async with feed:
                trades, quotes = feed.subscribe("AAPL", "trade"), feed.subscribe("*", rate=5)
                reader = Reader(trades, quotes)
                await until(lambda: trades.state and len(quotes.state) > 10)
                server.process.kill()
                server.process.wait()
                await until(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] in (1006, "cut", "unreachable"), feed.status
                with Server("--listen", f"127.0.0.1:{port}", "--seed", "6"):
                    await until(lambda: feed.status.state == "open" and len(epochs) == 1)
                    await until(lambda: trades.state and len(quotes.state) > 10)
                    said = [message["type"] for message in reader.kept["trade", None]]
                    assert said == ["epoch"], said
                    assert feed.counts.losses == 0
                await reader.stop()
            assert [status.state for status in statuses][-1] == "closed"


async def events_take_over_where_no_websocket_gets_through_and_hand_back():
    with Server("--seed", "5", "--speed", "10") as server:
        async with Proxy(server.port, "refuse") as proxy, tickerfeed.connect(proxy.url, random=lambda: 0.05) as feed:
            statuses = []
            feed.on("status", statuses.append)
            trades = feed.subscribe(["AAPL", "MSFT"], "trade", 20)
            reader = Reader(trades)
            await until(lambda: feed.status.state == "open" and trades.state)
            assert (feed.status.transport, feed.status.fallback) == ("events", True), feed.status
            assert feed.status.reason["code"] == "websocket_blocked", feed.status
            await until(lambda: sum("pgrade: websocket" in head for head in proxy.heads) >= 3)
            assert feed.status.transport == "events"
            proxy.mode = "open"
            await until(lambda: feed.status.transport == "websocket" and feed.status.state == "open", 40)
            assert not feed.status.fallback and feed.status.reason is None
            before = feed.counts.messages
            await until(lambda: feed.counts.messages > before + 100)
            assert feed.counts.losses == feed.counts.gaps == feed.counts.reconnects == 0, feed.counts
            assert all(reader.follows("trade", symbol) > 20 for symbol in ("AAPL", "MSFT"))
            assert "waiting" not in {status.state for status in statuses}
            await reader.stop()


async def polls_take_over_where_events_are_held_back():
    with Server("--seed", "5") as server:
        async with Proxy(server.port, "hold") as proxy, tickerfeed.connect(proxy.url, random=lambda: 1.0) as feed:
            feed.use("events")
            quotes = feed.subscribe("*")
            await until(lambda: feed.status.state == "waiting")
            assert feed.status.reason["code"] == "buffered" and not quotes.state
            proxy.mode = "refuse"
            feed.use("auto", "sbe")
            await until(lambda: feed.status.transport == "events" and feed.status.state == "open")
            proxy.mode = "hold"
            proxy.cut()
            await until(lambda: feed.status.transport == "poll" and len(quotes.state) > 10)
            assert feed.status.fallback and feed.status.reason["code"] == "buffered"
            feed.use("websocket", "sbe")
            await until(lambda: feed.status.transport == "websocket" and feed.status.state == "open")


def mint(seconds=600, **claims):
    return jwt.encode({"exp": time.time() + seconds, "sub": "ann", "symbols": ["AAPL"], **claims}, SECRET, "HS256")


@contextlib.contextmanager
def guarded(folder=None):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "key").write_bytes(SECRET + b"\n")
        with Server("--token-key", f"HS256:{folder}/key") as server:
            yield server


async def tokens_open_end_and_are_renewed():
    with guarded() as server:
        url = f"http://{server.address}/"
        for transport in ("auto", "websocket", "events", "poll"):
            for token in (None, mint(-99), "no.token.this"):
                async with tickerfeed.connect(url, token=token, transport=transport) as feed:
                    quotes = feed.subscribe("AAPL")
                    try:
                        async for _ in quotes:
                            raise AssertionError("it was let in")
                    except tickerfeed.Closed as closed:
                        assert closed.reason["code"] == "unauthenticated", closed
                    assert feed.status.state == "closed" and feed.counts.reconnects == 0
        for token, code in (("two words", "token"), (mint(-28), None)):
            async with tickerfeed.connect(url, token=token) as feed:
                feed.subscribe("AAPL")
                await until(lambda: feed.status.state == "closed")
                assert feed.status.reason["code"] == (code or 4401), feed.status
        for transport in ("websocket", "events", "poll"):
            asked, refused, ends = [], [], []

            async def token():
                asked.append(mint(-28 if len(asked) < 1 else 600))
                return asked[-1]

            async with Proxy(server.port) as proxy, tickerfeed.connect(
                    proxy.url, token=token, transport=transport, random=lambda: 0.1) as feed:
                feed.on("refused", refused.append)
                feed.on("status", lambda status: ends.append(status.reason) if status.state == "waiting" else None)
                quotes = feed.subscribe(["AAPL", "MSFT"])
                await until(lambda: quotes.state)
                await until(lambda: len(asked) >= 2)
                newest = quotes.state["AAPL"]["seq"]
                await until(lambda: time.monotonic() and feed.status.state == "open" and quotes.state
                            and quotes.state["AAPL"]["seq"] > newest + 20)
                assert refused[0] == {"channel": "quote", "symbol": "MSFT", "code": "forbidden"}, refused
                assert not any(each in head.partition("\r\n")[0] for each in asked for head in proxy.heads)
            print(f"    {transport}: {len(asked)} tokens, {ends}")


async def no_redirect_is_followed():
    async with Proxy(9, "redirect") as proxy:
        for transport in ("websocket", "events", "poll"):
            async with tickerfeed.connect(proxy.url, token="secret", transport=transport, random=lambda: 1.0) as feed:
                feed.subscribe("AAPL")
                await until(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] in ("not_tickerfeed", "http_302"), feed.status


async def who_is_put_off_waits():
    async with Proxy(9, "busy") as proxy:
        for transport in ("auto", "websocket", "events", "poll"):
            async with tickerfeed.connect(proxy.url, transport=transport, random=lambda: 0.1) as feed:
                feed.subscribe("AAPL")
                await until(lambda: feed.status.state == "waiting")
                assert feed.status.retry_at - time.time() > 59 and feed.status.reason["code"] == 503, feed.status


async def a_slow_reader_gets_the_newest_and_is_told_what_is_lost():
    with Server("--seed", "5", "--speed", "100") as server:
        async with tickerfeed.connect(f"http://{server.address}/") as feed:
            quotes, books = feed.subscribe("*", rate="max"), feed.subscribe("*", "book", "max")
            trades, bars = feed.subscribe("*", "trade", "max", queue=100), feed.subscribe("*", "bar", "max", interval="1s", queue=50)
            await until(lambda: feed.counts.messages > 20_000, 60)
            assert len(quotes.state) >= quotes.waiting > 10 and len(books.state) >= books.waiting > 10
            assert trades.waiting <= 100 + len(trades.state) and bars.waiting <= 50 + 2 * len(bars.state)
            # Nothing is read in between, so what comes is what is newest now.
            newest, read = dict(quotes.state), {}
            for _ in range(quotes.waiting):
                message = await quotes.__anext__()
                read[message["sym"]] = message
            assert all(newest[symbol] == message for symbol, message in read.items())
            whole = await books.__anext__()
            assert whole == books.state[whole["sym"]] and len(whole["bids"]) == 10
            reader = Reader(trades)
            await until(lambda: any(each["type"] == "gap" for kept in reader.kept.values() for each in kept))
            before = len(reader.kept["trade", "AAPL"])
            await until(lambda: len(reader.kept["trade", "AAPL"]) > before + 100)
            assert all(reader.follows(*name) for name in reader.kept)
            gaps = [each for kept in reader.kept.values() for each in kept if each["type"] == "gap"]
            assert {gap["reason"] for gap in gaps} <= {"reader", "slow"} and "reader" in {gap["reason"] for gap in gaps}
            await reader.stop()


async def subscriptions_come_and_go():
    with Server("--seed", "5", "--speed", "10") as server:
        for transport, encoding in WAYS:
            async with tickerfeed.connect(f"http://{server.address}/", transport=transport, encoding=encoding) as feed:
                first = feed.subscribe("AAPL", rate=1)
                await until(lambda: first.state)
                second = feed.subscribe(["AAPL", "ZZZZ"], rate=20)
                refused = []
                second.on("refused", refused.append)
                assert second.state["AAPL"] == first.state["AAPL"], "a second one begins with what is known"
                before, updates = first.state["AAPL"]["seq"], []
                first.on("update", lambda message, book: updates.append(message["seq"]))
                first.on("update", lambda message, book: 1 / 0)
                await until(lambda: len(updates) > 10 and refused)
                assert refused[0]["code"] == "unknown_symbol" and updates == sorted(set(updates)) and updates[0] > before
                second.close()
                assert [message["sym"] async for message in second] == ["AAPL"]
                first.set(rate="max")
                slow, fast = feed.subscribe("*", "book", 1, crc=True), feed.subscribe("AAPL", "book", 50, crc=True)
                counts = {slow: 0, fast: 0}
                for each in (slow, fast):
                    each.on("update", lambda message, book, each=each: counts.update(
                        {each: counts[each] + (message["sym"] == "AAPL")}))
                await until(lambda: counts[fast] > 20 and len(slow.state) > 10)
                assert counts[slow] > counts[fast] - 3, "the later one's options hold for both"
                fast.close()
                await until(lambda: all(book["ok"] for book in slow.state.values()))
                many = feed.subscribe("*", "stats")
                await until(lambda: len(many.state) > 10)
                assert feed.status.state == "open" and feed.counts.losses == 0


async def certificates_are_checked():
    files = ("--tls-cert", str(CERTIFICATES / "server.pem"), "--tls-key", str(CERTIFICATES / "server.key"))
    context = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    with Server(*files, tls=context) as server:
        for transport, encoding in WAYS:
            url, ways = f"https://{server.address}", {"transport": transport, "encoding": encoding}
            async with tickerfeed.connect(url, ca=str(CERTIFICATES / "authority.pem"), **ways) as feed:
                quotes = feed.subscribe("*")
                await until(lambda: len(quotes.state) > 10)
            async with tickerfeed.connect(url, random=lambda: 1.0, **ways) as feed:
                quotes = feed.subscribe("*")
                await until(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] == "unreachable" and "certificate" in str(feed.status), feed.status


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


async def what_does_not_follow_is_told_and_asked_for_again():
    def book(seq, prev, crc, **more):
        return {"type": "book", "sym": "A", "seq": seq, "prev": prev, "bids": [[1.5, 2]], "asks": [], "ts": 1, "crc": crc,
                **more}

    right = zlib.crc32(struct.pack("<qq", 1_500_000_000, 200_000_000))
    said = {
        "trade": [{"type": "trade", "sym": "A", "seq": seq, "prev": prev, "price": 1.5, "size": 2, "ts": 1}
                  for prev, seq in ((4, 5), (5, 6), (8, 9), (8, 9), (9, 10))],
        "book": [book(3, 0, right, snap=True), book(4, 3, right), book(7, 6, right), book(8, 7, right)],
    }
    again = {"trade": [[]], "book": [[book(9, 0, right + 1, snap=True), book(10, 9, right)], [book(11, 0, right, snap=True)]]}

    async def subscribed(socket, request):
        messages = said.pop(request["channel"], None) or again[request["channel"]].pop(0)
        for message in [{"type": "ack", "id": request["id"], "channel": request["channel"], "resume": "e.1"}, *messages]:
            await socket.send(json.dumps(message))

    async with Script(subscribed) as server, tickerfeed.connect(server.url) as feed:
        gaps = []
        feed.on("gap", lambda gap: gaps.append((gap["channel"], gap["from"], gap["to"], gap["reason"])))
        trades, books = feed.subscribe("A", "trade"), feed.subscribe("A", "book", crc=True)
        reader = Reader(trades)
        await until(lambda: books.state.get("A", {}).get("seq") == 11 and len(server.requests) >= 5)
        assert books.state["A"]["ok"]
        await until(lambda: len(reader.kept["trade", "A"]) == 5)
        assert [message["seq"] for message in reader.kept["trade", "A"] if message["type"] == "trade"] == [5, 6, 9, 10]
        assert reader.kept["trade", "A"][2]["reason"] == "loss" and reader.follows("trade", "A")
        assert sorted(gaps) == [("book", 5, 6, "loss"), ("book", 9, 9, "crc"), ("trade", 7, 8, "loss")], gaps
        assert feed.counts.losses == 3 and all(request.get("resume", "e.1") == "e.1" for request in server.requests)
        await reader.stop()


async def another_epoch_begins_anew():
    def trade(seq, prev):
        return {"type": "trade", "sym": "A", "seq": seq, "prev": prev, "price": 1.5, "size": 2, "ts": 1, "snap": not prev}

    async def subscribed(socket, request):
        for message in (trade(50, 0), trade(51, 50), {"type": "epoch", "epoch": "f", "reason": "seek"}, trade(3, 0), trade(4, 3)):
            await socket.send(json.dumps(message))

    async with Script(subscribed) as server, tickerfeed.connect(server.url) as feed:
        epochs = []
        feed.on("epoch", epochs.append)
        trades = feed.subscribe("A", "trade")
        read = [await trades.__anext__() for _ in range(5)]
        assert [message.get("seq") for message in read] == [50, 51, None, 3, 4], read
        assert [message["epoch"] for message in epochs] == ["f"] and feed.counts.losses == 0


async def a_close_code_says_whether_to_come_back():
    table = [(1000, "back"), (1012, "back"), (1013, "back"), (4408, "back"), (4429, "wait"), (1008, "back"), (1002, "end"),
             (1009, "end"), (4401, "end"), (4403, "end"), ("bytes", "back"), ("drain", "wait")]
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
                await until(lambda: server.connections >= 3)
            elif then == "wait":
                await until(lambda: feed.status.state == "waiting")
                assert feed.status.retry_at - time.time() > (4.9 if code == 4429 else 59), (code, feed.status)
            else:
                await until(lambda: feed.status.state == "closed")
                assert server.connections == 1 and feed.status.reason == {"code": code, "message": "because"}, feed.status


async def a_silent_server_is_left():
    async def subscribed(socket, request):
        pass

    async with Script(subscribed) as server, tickerfeed.connect(server.url, random=lambda: 0.1) as feed:
        feed.subscribe("A")
        began = time.monotonic()
        await until(lambda: feed.status.state == "waiting")
        assert feed.status.reason["code"] == "silent" and 2.9 < time.monotonic() - began < 6, feed.status


LIVE = [
    what_does_not_follow_is_told_and_asked_for_again, another_epoch_begins_anew, a_close_code_says_whether_to_come_back, a_silent_server_is_left,
    certificates_are_checked,
    all_ways_end_in_the_state_of_the_snapshot, a_connection_that_is_cut_goes_on_by_cursor,
    a_server_that_is_killed_and_started_again_is_found_again,
    events_take_over_where_no_websocket_gets_through_and_hand_back, polls_take_over_where_events_are_held_back,
    tokens_open_end_and_are_renewed, no_redirect_is_followed, who_is_put_off_waits,
    a_slow_reader_gets_the_newest_and_is_told_what_is_lost, subscriptions_come_and_go,
]

if __name__ == "__main__":
    logging.getLogger("tickerfeed").setLevel(logging.CRITICAL)
    asyncio.run(run_tests(LIVE))
