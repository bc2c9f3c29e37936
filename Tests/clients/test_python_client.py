#!/usr/bin/env python3
"""clients/python/tickerfeed.py: its decisions with time and chance passed in, then all of it against a server."""

import asyncio
import contextlib
import json
import logging
import random
import sys
import tempfile
import time
from decimal import Decimal, getcontext
from pathlib import Path

import jwt
from harness import ROOT, SESSION, Server, run_in_turn, run_tests
from native import exact

sys.path.insert(0, str(ROOT / "clients/python"))
import tickerfeed  # noqa: E402
from tickerfeed import Backoff, Binary, Book, Budget, Chains, Events, Ladder, Wanted, grouped, judged, planned  # noqa: E402

GOLDEN = exact((ROOT / "Tests/DialectsTests/Golden/messages.json").read_text())
SECRET = b"a secret of more than 32 bytes, for tests"


# Decisions.

def a_chain_takes_what_follows_and_names_what_is_lost():
    #  channel, what comes as (prev, seq, snap) or a gap's end, what is made of it
    table = [
        ("quote", [(0, 5, 1), (5, 9, 0), (5, 9, 0), (9, 12, 0)], "take take drop take"),
        ("quote", [(0, 5, 1), (7, 9, 0), (9, 12, 0)], "take lost take"),
        ("trade", [(0, 5, 1), (5, 6, 0), (7, 8, 0), (8, 9, 0)], "take take lost take"),
        ("trade", [(0, 5, 1), 80, (80, 81, 0)], "take gap take"),
        ("trade", [(0, 5, 1), 3, (5, 6, 0)], "take old take"),
        ("trade", [(28, 29, 0), (29, 30, 0)], "take take"),
        ("trade", [(0, 5, 1), (3, 4, 0), (4, 5, 0), (5, 6, 0)], "take drop drop take"),
        ("book", [(0, 5, 1), (5, 9, 0), (9, 9, 1), (9, 12, 0)], "take take take take"),
        ("book", [(0, 5, 1), (7, 9, 0), (9, 12, 0), (0, 14, 1), (14, 15, 0)], "take lost drop take take"),
        ("book", [(4, 5, 0), (0, 6, 1)], "lost take"),
        ("trade", [(0, 5, 1), (0, 9, 1), (9, 10, 0)], "take jump take"),
        ("quote", [(0, 5, 1), (0, 9, 1), (9, 11, 0)], "take take take"),
    ]
    for channel, steps, expected in table:
        chains, key, seen = Chains(), (channel, "AAPL"), []
        for step in steps:
            if isinstance(step, int):
                seen.append("gap" if chains.gap(key, step) else "old")
            else:
                prev, seq, snap = step
                seen.append(chains.take(key, {"prev": prev, "seq": seq, **({"snap": True} if snap else {})}))
        assert " ".join(seen) == expected, (channel, steps, seen)


def every_code_has_its_class():
    table = {
        "back": [1000, 1001, 1006, 1011, 1012, 1013, 4408, 4429, "drain", "stalled", "too_slow", "limit_streams"],
        "final": [1002, 1003, 1007, 1009, 1010, 4401, 4403, "unauthenticated", "forbidden", "token_expired",
                  "entitlement_withdrawn"],
    }
    for then, codes in table.items():
        for code in codes:
            assert judged(code).then == then, code
    renewed = [code for code in table["final"] if judged(code, renewable=True).then == "back"]
    assert renewed == [4401, "unauthenticated", "forbidden", "token_expired"], renewed
    assert judged(1008, "no token was right").then == "final" and judged(1008, "silent").then == "back"
    assert judged(4429).least == 5 and judged(4429, least=9).least == 9


def waits_are_drawn_up_to_a_limit_that_doubles():
    limits = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [Backoff(lambda: 1.0).next() for _ in range(2)] == [0.5, 0.5]
    most = Backoff(lambda: 1.0)
    assert [most.next() for _ in limits] == limits
    draw = random.Random(7)
    for _ in range(200):
        drawn = Backoff(draw.random)
        waits = [drawn.next() for _ in limits]
        assert all(0 <= wait <= limit for wait, limit in zip(waits, limits)), waits
        assert drawn.next(least=12) >= 12
    most.healthy(9.9)
    assert most.next() == 30
    most.healthy(10)
    assert most.next() == 0.5 and most.next(least=3) == 4


def a_ladder_goes_down_and_up_again():
    ladder = Ladder("auto", lambda: 1.0)
    assert ladder.transport == "websocket" and ladder.down({"code": "websocket_blocked"}, 100)
    assert ladder.transport == "events" and ladder.probe_at == 130
    waits = []
    for _ in range(5):
        now = ladder.probe_at
        ladder.missed(now)
        waits.append(ladder.probe_at - now)
    assert waits == [60, 120, 240, 300, 300], waits
    assert ladder.down({"code": "buffered"}, 900) and ladder.transport == "poll"
    assert not ladder.down({}, 901) and ladder.transport == "poll"
    ladder.up()
    assert (ladder.transport, ladder.reason) == ("websocket", None)
    assert not Ladder("websocket", lambda: 1.0).down({}, 0)


def operations_are_at_most_fifty_a_second():
    budget, now, times = Budget(), 0.0, []
    for _ in range(400):
        now += budget.wait(now)
        times.append(now)
    assert all(later - first < 50 + 50 * (times[later] - times[first])
               for first in range(400) for later in range(first, 400))


def wants(*said):
    made = {}
    for channel, name, options in said:
        made[channel, name] = Wanted((channel, name), {"rate": 10, **options})
    return made


def requests_are_the_difference_to_what_was_asked():
    def brief(sent, *said):
        return [(each["op"], each.get("rate"), ",".join(each["symbols"])) for each in planned(sent, wants(*said))]

    sent = {}
    first = [("quote", name, {}) for name in ("A", "B", "C")]
    assert brief(sent, *first) == [("subscribe", 10, "A,B,C")]
    assert brief(sent, *first) == []
    assert brief(sent, *first[:2], ("quote", "C", {"rate": 2})) == [("set", 2, "C")]
    assert brief(sent, ("quote", "A", {}), ("book", "A", {"depth": 5})) == [
        ("unsubscribe", None, "B,C"), ("subscribe", 10, "A")]
    assert brief(sent, ("quote", "A", {}), ("book", "A", {"depth": 9})) == [("subscribe", 10, "A")]
    # A pattern that goes takes with it what it covers; a name that goes is still what a wider pattern wants.
    sent = {}
    assert brief(sent, ("quote", "A", {}), ("quote", "*", {"rate": 1})) == [
        ("subscribe", 10, "A"), ("subscribe", 1, "*")]
    assert brief(sent, ("quote", "*", {"rate": 1})) == [("subscribe", 1, "A")]
    assert brief(sent, ("quote", "*", {"rate": 1}), ("quote", "A", {"rate": 7})) == [("subscribe", 7, "A")]
    assert brief(sent, ("quote", "*", {"rate": 3}), ("quote", "A", {"rate": 7})) == [("set", 3, "*"), ("set", 7, "A")]
    assert brief(sent, ("quote", "A", {"rate": 7})) == [("unsubscribe", None, "*"), ("subscribe", 7, "A")]
    many = planned({}, wants(*(("quote", f"S{number}", {}) for number in range(1_200))))
    assert [len(each["symbols"]) for each in many] == [512, 512, 176]


def streams_over_http_are_few_and_short():
    def queries(*said, **limits):
        groups, left = grouped(wants(*said).values(), **limits)
        return [group.query for group in groups], len(left)

    both, _ = queries(*((channel, name, {}) for channel in ("quote", "trade") for name in ("A", "B")))
    assert both == ["channel=quote,trade&rate=10&symbols=A,B"], both
    options, _ = queries(("quote", "A", {}), ("book", "A", {"depth": 5, "crc": True}), ("bar 1s", "A", {}))
    assert options == ["channel=quote,book,bar&rate=10&depth=5&crc=true&interval=1s&symbols=A"], options
    apart, _ = queries(("bar 1s", "A", {}), ("bar 1m", "A", {}), ("trade", "A", {"mode": "latest"}), ("quote", "B", {}))
    assert len(apart) == 4, apart
    few, left = queries(*(("quote", f"S{rate}", {"rate": rate}) for rate in range(1, 8)))
    assert len(few) == 4 and left == 3
    long, left = queries(*(("quote", f"LONGNAME{number}", {}) for number in range(500)))
    assert all(len(query) <= 1_800 for query in long) and len(long) == 4 and not left, [len(query) for query in long]
    assert queries(("quote", "A+/B&C*", {}))[0] == ["channel=quote&rate=10&symbols=A%2B%2FB%26C*"]


def events_may_be_cut_anywhere():
    text = ('retry: 1914\n\nevent: welcome\nid: 7.1\ndata: {"a":\ndata: "ü€"}\r\n\r\nid: 7.9\n\n: still here\n\n'
            'event: quote\nid:7.9\ndata:{}\n\nid: cut').encode()
    expected = [("welcome", "7.1", '{"a":\n"ü€"}'), ("message", "7.9", ""), ("quote", "7.9", "{}")]
    for cut in range(len(text)):
        events = Events()
        assert events.read(text[:cut]) + events.read(text[cut:]) == expected, cut
    events = Events()
    assert [event for byte in text for event in events.read(bytes([byte]))] == expected


def binary_messages_say_what_json_says():
    kinds = set()
    for entry in GOLDEN:
        said = Binary().read(bytes.fromhex(entry["sbe"]))
        expected = tickerfeed.from_json(raw_json(entry))
        for binary, message in zip(said, expected, strict=True):
            nulls = [name for name in ("size", "volume") if name in message and binary[name] is None]
            assert not any(abs(message[name] * 10**8) < 2**63 for name in nulls), message
            assert binary == message | dict.fromkeys(nulls), f"{entry['what']}:\n  {binary}\n  {message}"
            texts = [str(value) for value in binary.values() if isinstance(value, Decimal)]
            assert not any("E+" in text for text in texts), texts
            kinds.add(binary["type"] + "broken" * ("broken" in binary))
    assert len(kinds) == 7, kinds
    draw = random.Random(7)
    for entry in GOLDEN:
        frame = bytes.fromhex(entry["sbe"])
        for _ in range(40):
            changed = bytearray(frame[:draw.randrange(1, len(frame))])
            changed[draw.randrange(len(changed))] = draw.randrange(256)
            with contextlib.suppress(tickerfeed.Malformed):
                Binary().read(bytes(changed))


def raw_json(entry):
    return json.dumps(entry["json"], default=lambda value: f"<{value}>").replace('"<', "").replace('>"', "")


def books_agree_with_the_checksums_of_the_documentation():
    text = (ROOT / "docs/PROTOCOL.md").read_text()
    messages = [tickerfeed.from_json(line)[0] for line in text.splitlines() if line.startswith('{"type":"book"')]
    getcontext().prec = 3
    try:
        book = Book()
        assert [book.take(message) for message in messages] == [True, True]
        assert book.whole()["bids"][:2] == [[Decimal("270.3"), Decimal(109)], [Decimal("270.28"), Decimal(617)]]
        wrong = messages[0] | {"crc": messages[0]["crc"] ^ 1}
        assert not book.take(wrong) and not book.whole()["ok"]
        long = tickerfeed.from_json('{"type":"book","sym":"A","seq":1,"prev":0,"snap":true,"bids":[[9223372036.854775807,'
                                    '92233720368.54775807]],"asks":[]}')[0]
        book = Book()
        assert book.take(long) and book.crc() == crc_of(b"\xff" * 7 + b"\x7f" + b"\xff" * 7 + b"\x7f")
    finally:
        getcontext().prec = 28


def crc_of(data):
    """CRC-32 bit by bit, from its polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def what_is_no_message_is_malformed():
    for text in ("", "{", "[1]", "3", '"text"', '{"no":1}', '{"type":"quote"}', '{"type":"quote","seq":1,"prev":"0","sym":"A"}',
                 '{"type":"book","sym":"A","seq":1,"prev":0,"bids":[[1]],"asks":[]}', '{"type":"x","y":NaN}', "[" * 100_000):
        try:
            tickerfeed.from_json(text)
        except tickerfeed.Malformed:
            continue
        raise AssertionError(f"taken for a message: {text[:80]}")


def addresses_hold_no_secrets():
    for url in ("http://ann:pw@host/", "http://host/?token=x", "host", "ftp://host/"):
        try:
            tickerfeed.connect(url)
        except ValueError:
            continue
        raise AssertionError(url)


UNITS = [
    a_chain_takes_what_follows_and_names_what_is_lost, every_code_has_its_class,
    waits_are_drawn_up_to_a_limit_that_doubles, a_ladder_goes_down_and_up_again, operations_are_at_most_fifty_a_second,
    requests_are_the_difference_to_what_was_asked, streams_over_http_are_few_and_short, events_may_be_cut_anywhere,
    binary_messages_say_what_json_says, books_agree_with_the_checksums_of_the_documentation,
    what_is_no_message_is_malformed, addresses_hold_no_secrets,
]


# Against a server.

class Proxy:
    """A TCP proxy in front of a server. "refuse" answers upgrades with 400, "hold" keeps the bodies of streams back,
    "redirect" sends everybody elsewhere."""

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
            if self.mode == "redirect" or self.mode == "refuse" and b"pgrade: websocket" in head:
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
        bars = [{each["seq"]: each for each in reader.kept["bar 1s", "AAPL"] if each["closed"]} for _, _, reader in watched]
        for one, *others in (trades, bars):
            assert len(one) > 50
            for other in others:
                both = [(one[seq], other[seq]) for seq in one.keys() & other.keys()]
                assert len(both) > len(one) - 40
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
        async with tickerfeed.connect(url, token="two words") as feed:
            await until(lambda: feed.status.state == "closed")
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
                many = feed.subscribe("*", "stats")
                await until(lambda: len(many.state) > 10)
                assert feed.status.state == "open" and feed.counts.losses == 0


LIVE = [
    all_ways_end_in_the_state_of_the_snapshot, a_connection_that_is_cut_goes_on_by_cursor,
    a_server_that_is_killed_and_started_again_is_found_again,
    events_take_over_where_no_websocket_gets_through_and_hand_back, polls_take_over_where_events_are_held_back,
    tokens_open_end_and_are_renewed, no_redirect_is_followed,
    a_slow_reader_gets_the_newest_and_is_told_what_is_lost, subscriptions_come_and_go,
]

if __name__ == "__main__":
    run_in_turn(UNITS)
    logging.getLogger("tickerfeed").setLevel(logging.CRITICAL)
    asyncio.run(run_tests(LIVE))
