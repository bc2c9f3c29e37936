#!/usr/bin/env python3
"""clients/python/tickerfeed.py against a server: every way to it, what breaks them, readers that are slow."""

import asyncio
import contextlib
import logging
import random
import re
import sys

from guarded import guarded, mint
from harness import ROOT, SESSION, Server, eventually, run_tests
from obstacles import WAYS, Proxy, Reader, tickerfeed


async def all_ways_end_in_the_state_of_the_snapshot():
    with Server("--feed", SESSION, "--speed", "6000") as server:
        watched = []
        async with contextlib.AsyncExitStack() as stack:
            for transport, encoding in WAYS:
                feed = await stack.enter_async_context(tickerfeed.connect(
                    f"http://{server.address}/", transport=transport, encoding=encoding))
                plain = ("quote", "trade", "stats", "status")
                made = {name: feed.subscribe("AAPL", name, 20) for name in plain}
                made["book"] = feed.subscribe("A*", "book", 20, crc=True)
                made["bar"] = feed.subscribe("AAPL", "bar", 20, interval="1s")
                watched.append((feed, made, Reader(*made.values())))
            await eventually(lambda: server.metric("feed_ended"))
            end = server.snapshot("AAPL")
            names = ("quote", "trade", "stats", "book")
            for feed, made, reader in watched:
                states = [made[name].state for name in names]
                await eventually(lambda: all(state.get("AAPL", {}).get("seq") == end[name]["seq"]
                                        for name, state in zip(names, states)))
                for name in names:
                    state = made[name].state["AAPL"]
                    assert all(state[field] == value for field, value in end[name].items()), (name, state)
                assert made["book"].state["AAPL"]["ok"] and not feed.counts.losses, feed.counts
                words = {state["market"] for state in made["status"].state.values()}
                assert words <= {end["status"]["market"]}, words
                await eventually(lambda: reader.kept["trade", "AAPL"][-1]["seq"] == end["trade"]["seq"])
                assert reader.follows("trade", "AAPL") > 900
                await reader.stop()
        trades = [reader.by_number("trade", "AAPL") for _, _, reader in watched]
        bars = [reader.by_number("bar 1s", "AAPL") for _, _, reader in watched]
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
                trades = feed.subscribe(["AAPL", "MSFT"], "trade", 20)
                books = feed.subscribe("*", "book", 20, crc=True)
                reader = Reader(trades, books)
                for turn in range(1, 4):
                    before = feed.counts.messages
                    await eventually(lambda: feed.counts.messages > before + 300 and feed.status.state == "open")
                    proxy.cut()
                    # A poll that finds its kept connection gone asks anew at once.
                    await eventually(lambda: feed.counts.reconnects >= turn or transport == "poll")
                before = feed.counts.messages
                await eventually(lambda: feed.counts.messages > before + 300)
                assert feed.counts.losses == feed.counts.gaps == 0, (transport, feed.counts)
                assert all(reader.follows("trade", symbol) > 20 for symbol in ("AAPL", "MSFT"))
                assert len(books.state) > 10 and all(book["ok"] for book in books.state.values())
                await reader.stop()


async def a_server_that_is_killed_and_started_again_is_found_again():
    for transport, encoding in WAYS:
        with Server("--seed", "5") as server:
            port, statuses = server.port, []
            feed = tickerfeed.connect(f"http://127.0.0.1:{port}", transport=transport, encoding=encoding,
                                      random=lambda: 0.1)
            feed.on("status", statuses.append)
            epochs = []
            feed.on("epoch", epochs.append)
            async with feed:
                trades, quotes = feed.subscribe("AAPL", "trade"), feed.subscribe("*", rate=5)
                reader = Reader(trades, quotes)
                await eventually(lambda: trades.state and len(quotes.state) > 10)
                server.process.kill()
                server.process.wait()
                await eventually(lambda: feed.status.state == "waiting")
                assert feed.status.reason["code"] in (1006, "cut", "unreachable"), feed.status
                with Server("--listen", f"127.0.0.1:{port}", "--seed", "6"):
                    await eventually(lambda: feed.status.state == "open" and len(epochs) == 1)
                    await eventually(lambda: trades.state and len(quotes.state) > 10)
                    said = [message["type"] for message in reader.kept["trade", None]]
                    assert said == ["epoch"], said
                    assert feed.counts.losses == 0
                await reader.stop()
            assert [status.state for status in statuses][-1] == "closed"


async def events_take_over_where_no_websocket_gets_through_and_hand_back():
    with Server("--seed", "5", "--speed", "10") as server:
        async with Proxy(server.port, "refuse") as proxy, \
                tickerfeed.connect(proxy.url, random=lambda: 0.03) as feed:
            statuses = []
            feed.on("status", statuses.append)
            trades = feed.subscribe(["AAPL", "MSFT"], "trade", 20)
            reader = Reader(trades)
            await eventually(lambda: feed.status.state == "open" and trades.state)
            assert (feed.status.transport, feed.status.fallback) == ("events", True), feed.status
            assert feed.status.reason["code"] == "websocket_blocked", feed.status
            await eventually(lambda: sum("pgrade: websocket" in head for head in proxy.heads) >= 3)
            assert feed.status.transport == "events"
            proxy.mode = "open"
            await eventually(lambda: feed.status.transport == "websocket" and feed.status.state == "open", 40)
            assert not feed.status.fallback and feed.status.reason is None
            before = feed.counts.messages
            await eventually(lambda: feed.counts.messages > before + 100)
            assert feed.counts.losses == feed.counts.gaps == feed.counts.reconnects == 0, feed.counts
            assert all(reader.follows("trade", symbol) > 20 for symbol in ("AAPL", "MSFT"))
            assert "waiting" not in {status.state for status in statuses}
            await reader.stop()


async def polls_take_over_where_events_are_held_back():
    with Server("--seed", "5") as server:
        async with Proxy(server.port, "hold") as proxy, \
                tickerfeed.connect(proxy.url, random=lambda: 1.0) as feed:
            feed.use("events")
            quotes = feed.subscribe("*")
            await eventually(lambda: feed.status.state == "waiting")
            assert feed.status.reason["code"] == "buffered" and not quotes.state
            proxy.mode = "refuse"
            feed.use("auto", "sbe")
            await eventually(lambda: feed.status.transport == "events" and feed.status.state == "open")
            proxy.mode = "hold"
            proxy.cut()
            await eventually(lambda: feed.status.transport == "poll" and len(quotes.state) > 10)
            assert feed.status.fallback and feed.status.reason["code"] == "buffered"
            feed.use("websocket", "sbe")
            await eventually(lambda: feed.status.transport == "websocket" and feed.status.state == "open")


async def transports_are_switched_while_running():
    with Server("--seed", "5", "--speed", "10", "--max-handshakes-per-address", "1000") as server:
        async with tickerfeed.connect(f"http://{server.address}/") as feed:
            trades, books = feed.subscribe("*", "trade", 20), feed.subscribe("*", "book", 20, crc=True)
            reader, draw = Reader(trades, books), random.Random(7)
            for turn in range(40):
                await asyncio.sleep(draw.choice((0, 0.01, 0.1, 0.3)))
                feed.use(*draw.choice(WAYS))
            before = feed.counts.messages
            await eventually(lambda: feed.counts.messages > before + 500 and len(books.state) > 10)
            await eventually(lambda: all(book["ok"] for book in books.state.values()))
            # Who never stays until the next cursor may come back later than 1,024 trades: the server says so.
            assert feed.counts.losses == 0, feed.counts
            assert sum(reader.follows(*name) for name in reader.kept if name[0] == "trade") > 200
            await reader.stop()


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
                await eventually(lambda: feed.status.state == "closed")
                assert feed.status.reason["code"] == (code or 4401), feed.status
        for transport in ("websocket", "events", "poll"):
            asked, refused, ends = [], [], []

            async def token():
                asked.append(mint(-28 if len(asked) < 1 else 600))
                return asked[-1]

            async with Proxy(server.port) as proxy, tickerfeed.connect(
                    proxy.url, token=token, transport=transport, random=lambda: 0.1) as feed:
                feed.on("refused", refused.append)
                feed.on("status", lambda now: ends.append(now.reason) if now.state == "waiting" else None)
                quotes = feed.subscribe(["AAPL", "MSFT"])
                await eventually(lambda: quotes.state)
                await eventually(lambda: len(asked) >= 2)
                newest = quotes.state["AAPL"]["seq"]
                await eventually(lambda: feed.status.state == "open" and quotes.state["AAPL"]["seq"] > newest + 20)
                assert refused[0] == {"channel": "quote", "symbol": "MSFT", "code": "forbidden"}, refused
                assert not any(each in head.partition("\r\n")[0] for each in asked for head in proxy.heads)
                assert not ends, "a token was renewed in time"


async def a_slow_reader_gets_the_newest_and_is_told_what_is_lost():
    with Server("--seed", "5", "--speed", "100") as server:
        async with tickerfeed.connect(f"http://{server.address}/") as feed:
            quotes, books = feed.subscribe("*", rate="max"), feed.subscribe("*", "book", "max")
            trades = feed.subscribe("*", "trade", "max", queue=100)
            bars = feed.subscribe("*", "bar", "max", interval="1s", queue=50)
            await eventually(lambda: feed.counts.messages > 20_000, 60)
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
            await eventually(lambda: any(each["type"] == "gap" for kept in reader.kept.values() for each in kept))
            before = len(reader.kept["trade", "AAPL"])
            await eventually(lambda: len(reader.kept["trade", "AAPL"]) > before + 100)
            assert all(reader.follows(*name) for name in reader.kept)
            gaps = [each for kept in reader.kept.values() for each in kept if each["type"] == "gap"]
            reasons = {gap["reason"] for gap in gaps}
            assert {"reader"} <= reasons <= {"reader", "slow"}, reasons
            await reader.stop()


async def subscriptions_come_and_go():
    with Server("--seed", "5", "--speed", "10") as server:
        for transport, encoding in WAYS:
            async with tickerfeed.connect(
                    f"http://{server.address}/", transport=transport, encoding=encoding) as feed:
                first = feed.subscribe("AAPL", rate=1)
                await eventually(lambda: first.state)
                second = feed.subscribe(["AAPL", "ZZZZ"], rate=20)
                refused = []
                second.on("refused", refused.append)
                assert second.state["AAPL"] == first.state["AAPL"], "a second one begins with what is known"
                before, updates = first.state["AAPL"]["seq"], []
                first.on("update", lambda message, book: updates.append(message["seq"]))
                first.on("update", lambda message, book: 1 / 0)
                await eventually(lambda: len(updates) > 10 and refused)
                assert refused[0]["code"] == "unknown_symbol", refused
                assert updates == sorted(set(updates)) and updates[0] > before, updates
                second.close()
                assert [message["sym"] async for message in second] == ["AAPL"]
                first.set(rate="max")
                slow = feed.subscribe("*", "book", 1, crc=True)
                fast = feed.subscribe("AAPL", "book", 50, crc=True)
                counts = {slow: 0, fast: 0}
                for each in (slow, fast):
                    each.on("update", lambda message, book, each=each: counts.update(
                        {each: counts[each] + (message["sym"] == "AAPL")}))
                await eventually(lambda: counts[fast] > 20 and len(slow.state) > 10)
                assert counts[slow] > counts[fast] - 3, "the later one's options hold for both"
                fast.close()
                await eventually(lambda: all(book["ok"] for book in slow.state.values()))
                many = feed.subscribe("*", "stats")
                await eventually(lambda: len(many.state) > 10)
                assert feed.status.state == "open" and feed.counts.losses == 0


async def examples_run():
    with Server("--seed", "5") as server:
        for name, symbols, shown in (("watch.py", ["AAPL", "MSFT"], r"(AAPL|MSFT) +\d+ +\d+\.\d+ +\d+\.\d+ +\d+"),
                                     ("book.py", ["AAPL", "3"], r"AAPL \d+")):
            program = [sys.executable, ROOT / "clients/python" / name, f"http://{server.address}/", *symbols]
            running = await asyncio.create_subprocess_exec(
                *program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL)
            try:
                lines = [(await asyncio.wait_for(running.stdout.readline(), 10)).decode() for _ in range(8)]
                assert any(re.match(shown, line) for line in lines), lines
            finally:
                running.kill()
                await running.wait()


logging.getLogger("tickerfeed").setLevel(logging.CRITICAL)
run_tests([
    all_ways_end_in_the_state_of_the_snapshot, a_connection_that_is_cut_goes_on_by_cursor,
    a_server_that_is_killed_and_started_again_is_found_again,
    events_take_over_where_no_websocket_gets_through_and_hand_back,
    polls_take_over_where_events_are_held_back, transports_are_switched_while_running,
    tokens_open_end_and_are_renewed, a_slow_reader_gets_the_newest_and_is_told_what_is_lost,
    subscriptions_come_and_go, examples_run,
])
