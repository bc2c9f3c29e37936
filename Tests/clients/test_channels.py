#!/usr/bin/env python3
"""Every channel, option and promise of docs/PROTOCOL.md, by real sockets against a real tickerd."""

import contextlib
import random
import time

from harness import SESSION, Server, after, closing_code, connected, listen, quiet, run_tests
from native import exact
from raw import dial
from rules import Book, Chains, bar_right, closed_bars_follow, complete, merged_right, minute_right, rate_holds

OWN = ("prev", "snap", "recv", "sent")  # what each subscriber is told of its own
DEPTHS = {1: "max", 5: 40, 10: 7, 50: "max"}


def state(message):
    return {name: value for name, value in message.items() if name not in OWN}


async def clients_for(stack, server, count, **options):
    return [await stack.enter_async_context(connected(server, **options)) for _ in range(count)]


# A recorded session, played to its end


async def a_session_is_told_the_same_in_both_encodings_and_at_every_rate():
    """Ten thousand real messages: what is told differs by rate, depth and encoding; what it adds up to does not."""
    with Server("--feed", SESSION, "--speed", "6000") as server:
        async with contextlib.AsyncExitStack() as stack:
            text, = await clients_for(stack, server, 1, keep=True)
            binary, = await clients_for(stack, server, 1, keep=True, encoding="sbe")
            merging, = await clients_for(stack, server, 1, keep=True)
            books = await clients_for(stack, server, len(DEPTHS), keep=True)
            for client in text, binary:
                await follow_all(client)
            await merging.subscribe("trade", ["AAPL"], mode="latest", rate=20, stamps=True)
            for client, (depth, rate) in zip(books, DEPTHS.items()):
                await client.subscribe("book", ["AAPL"], depth=depth, rate=rate, crc=True, stamps=True)

            clients = [text, binary, merging, *books]
            await listen(clients, lambda: server.metric("feed_ended"))
            await listen(clients, quiet(clients))
            for client in clients:
                assert not client.breaks, client.breaks[:3]
                assert not client.chains.gaps, client.chains.gaps
            ends_are_the_snapshot(server, text, binary, books)
            trades_and_bars_add_up(text)
            trades_and_bars_add_up(binary)
            trades = {trade["seq"]: trade for trade in text.kept["trade", "AAPL"]}
            for message in merging.kept["trade", "AAPL"]:
                merged_right(message, trades)
            rates_hold(text, merging, books)
            the_rules_are_awake(books[-1].kept["book", "AAPL"])


def the_rules_are_awake(messages):
    """Whatever is left out of a stream of differences is noticed by its chain, and mostly by a checksum too."""
    wrong = 0
    for missing in random.sample(range(1, len(messages) - 1), 20):
        rest = messages[:missing] + messages[missing + 1:]
        chains, book = Chains(), Book(50)
        for message in rest:
            chains.take(message)
        assert [broken for _, broken in chains.breaks] == [messages[missing + 1]], chains.breaks
        try:
            for message in rest:
                book.take(message)
        except (AssertionError, KeyError):
            wrong += 1
    assert wrong > 10, f"only {wrong} of 20 wrong books: the rest was mended by the message behind"


async def follow_all(client):
    for channel in "quote", "stats":
        await client.subscribe(channel, ["AAPL"], rate=20, stamps=True)
    await client.subscribe("trade", ["AAPL"], rate="max")
    await client.subscribe("status", ["AAPL"])
    await client.subscribe("book", ["AAPL"], depth=50, rate=30, crc=True, stamps=True)
    for interval in "1s", "1m":
        await client.subscribe("bar", ["AAPL"], interval=interval, rate=10, stamps=True)


def ends_are_the_snapshot(server, text, binary, books):
    assert text.state.keys() == binary.state.keys() and len(text.state) == 7, (text.state, binary.state)
    for name, message in text.state.items():
        if name[0] != "book":  # two differences may lead to one book
            assert state(message) == state(binary.state[name]), name
    shown = server.snapshot("AAPL", depth=50)
    assert shown["quote"].items() <= text.state["quote", "AAPL"].items()
    assert shown["trade"].items() <= text.state["trade", "AAPL"].items()
    assert shown["stats"].items() <= text.state["stats", "AAPL"].items()
    assert shown["status"].items() <= text.state["status", "AAPL"].items()
    levels = [shown["book"]["bids"], shown["book"]["asks"]]
    assert len(levels[0]) > 10 and len(levels[1]) > 10, shown
    for client in text, binary, *books:
        depth = client.depth
        assert client.books["AAPL"].levels() == [side[:depth] for side in levels], depth
        assert client.state["book", "AAPL"]["seq"] <= shown["book"]["seq"]


def trades_and_bars_add_up(client):
    trades = client.kept["trade", "AAPL"]
    assert complete(trades) and len(trades) > 900, len(trades)
    closed = {}
    for interval in "1s", "1m":
        bars = closed[interval] = [bar for bar in client.kept[f"bar {interval}", "AAPL"] if bar["closed"]]
        closed_bars_follow(bars)
        for bar in bars:
            if bar["start"] >= trades[0]["ts"]:
                bar_right(bar, trades)
    assert len(closed["1s"]) > 300 and len(closed["1m"]) > 100, {name: len(bars) for name, bars in closed.items()}
    for minute in closed["1m"]:
        if minute["start"] >= closed["1s"][0]["start"]:
            end = minute["start"] + 60 * 10**9
            minute_right(minute, [bar for bar in closed["1s"] if minute["start"] <= bar["start"] < end])


def sent_times(client, channel, only=lambda message: True):
    return [message["sent"] for message in client.kept[channel, "AAPL"] if only(message)]


def rates_hold(text, merging, books):
    rate_holds(sent_times(text, "quote"), 20)
    rate_holds(sent_times(text, "stats"), 20)
    rate_holds(sent_times(text, "book"), 30)
    rate_holds(sent_times(text, "bar 1s", lambda bar: not bar["closed"]), 10)
    rate_holds(sent_times(text, "bar 1m", lambda bar: not bar["closed"]), 10)
    rate_holds(sent_times(merging, "trade"), 20)
    for client, (depth, rate) in zip(books, DEPTHS.items()):
        assert client.counts["book", "AAPL"] > 5, depth
        if rate != "max":
            rate_holds(sent_times(client, "book"), rate)


# The simulated market


async def books_of_a_busy_market_are_right_at_every_message(server):
    """Every checksum of 24 symbols at four depths in both encodings; and none waits longer than its rate."""
    async with contextlib.AsyncExitStack() as stack:
        text = await clients_for(stack, server, 3, keep=True)
        binary = await clients_for(stack, server, 2, encoding="sbe")
        for client, depth, rate in zip(text + binary, (1, 5, 10, 50, 10), (50, "max", 5, 10, "max")):
            await client.subscribe("book", ["*"] if rate != "max" else ["AAPL", "MSFT", "NVDA", "TSLA"],
                                   depth=depth, rate=rate, crc=True, stamps=rate != "max")
        await listen(text + binary, after(2))
        for client in text + binary:
            assert not client.breaks, client.breaks[:3]
            assert len(client.books) in (4, 24) and min(client.counts.values()) > 1, client.counts
        for client, rate in (text[0], 50), (text[2], 5):
            rate_holds(sent_times(client, "book"), rate)


async def patterns_stand_for_all_that_begin_alike(server):
    symbols = {each["symbol"] for each in exact(server.get("/v1/symbols"))["symbols"]}
    some = {symbol for symbol in symbols if symbol.startswith("A")}
    assert len(symbols) == 24 and 1 < len(some) < 24, symbols
    async with connected(server) as client:
        ack = await client.ask("subscribe", channel="quote", symbols=["*"], rate=20)
        assert ack["symbols"] == ["*"] and "refused" not in ack, ack
        await client.ask("subscribe", channel="stats", symbols=["A*", "MSFT"], rate=20)
        await listen([client], lambda: len(client.counts) == len(symbols) + len(some) + 1)
        assert await listed(client) == {("quote", "*", 20), ("stats", "A*", 20), ("stats", "MSFT", 20)}

        # All of one's own quotes, and nothing else; then everything that begins with A.
        await client.ask("set", channel="quote", symbols=["*"], rate=5)
        await client.ask("set", symbols=["A*"], rate=10)
        assert await listed(client) == {("quote", "*", 5), ("stats", "A*", 10), ("stats", "MSFT", 20)}

        # Less than was subscribed to: the wider pattern stays, for symbols to come.
        await client.ask("unsubscribe", channel="quote", symbols=["A*"])
        client.counts.clear()
        await listen([client], lambda: {name for kind, name in client.counts if kind == "quote"} == symbols - some)
        await listen([client], after(0.3))
        assert {name for kind, name in client.counts if kind == "quote"} == symbols - some
        assert {name for kind, name in client.counts if kind == "stats"} == some | {"MSFT"}

        await client.ask("unsubscribe", channel="quote", symbols=["*"])
        await client.ask("unsubscribe", channel="stats", symbols=["A*", "MSFT"])
        assert await listed(client) == set()
        client.counts.clear()
        await listen([client], after(0.3))
        assert not client.counts and not client.breaks, (client.counts, client.breaks[:3])

        # Sixteen patterns, however many each stands for; one's own may be said again.
        names = [*sorted(symbols)[:20], *(f"X{number}*" for number in range(16))]
        for asked in (names, names[-1:]):
            ack = await client.ask("subscribe", channel="quote", symbols=asked, rate=5)
            assert ack["type"] == "ack" and "refused" not in ack, ack
        error = await client.ask("subscribe", channel="quote", symbols=["*"])
        assert (error["type"], error["code"]) == ("error", "limit_symbols"), error


async def listed(client):
    answer = await client.ask("list")
    return {(entry["channel"], entry["symbol"], entry["rate"]) for entry in answer["subscriptions"]}


async def what_is_wrong_is_named_and_costs_nothing_else(server):
    wrong = [
        ("bad_depth", {"channel": "book", "depth": 0}), ("bad_depth", {"channel": "book", "depth": 51}),
        ("bad_depth", {"channel": "book", "depth": "x"}), ("bad_depth", {"channel": "book", "depth": 2.5}),
        ("bad_request", {"channel": "bar", "interval": "5m"}), ("bad_request", {"channel": "bar", "interval": 60}),
        ("unknown_channel", {"channel": "books"}), ("bad_request", {"channel": 7}), ("bad_request", {}),
        ("bad_rate", {"channel": "quote", "rate": 0.05}), ("bad_rate", {"channel": "quote", "rate": 1001}),
        ("bad_rate", {"channel": "quote", "rate": "fast"}), ("bad_rate", {"channel": "quote", "rate": 0.1001}),
        ("bad_request", {"channel": "quote", "symbols": []}), ("bad_request", {"channel": "quote", "symbols": "AAPL"}),
        ("bad_request", {"channel": "quote", "symbols": [1]}), ("bad_request", {"channel": "quote", "mode": "latest"}),
        ("bad_request", {"channel": "trade", "mode": "last"}),
        ("bad_request", {"channel": "trade", "mode": 5}), ("bad_request", {"channel": "quote", "stamps": "yes"}),
        ("bad_request", {"channel": "book", "crc": 1}), ("bad_request", {"channel": "trade", "on_slow": 1}),
        *(("bad_request", {"channel": "trade", "resume": cursor})
          for cursor in ("", "x", ".", "1", "1.", ".1", "1.2.3.4", "1.-2", "g.1", "1.x", "01.2", "1.02", "1F.2", 5, {})),
        ("limit_symbols", {"channel": "quote", "symbols": [f"S{number}" for number in range(513)]}),
    ]
    async with connected(server) as client:
        for code, fields in wrong:
            error = await client.ask("subscribe", **{"symbols": ["AAPL"], **fields})
            assert (error["type"], error.get("code")) == ("error", code), (fields, error)
    async with connected(server) as client:
        for code, op, fields in [
            ("bad_request", "set", {"symbols": ["*"]}), ("bad_request", "set", {"rate": 5}),
            ("bad_request", "set", {"symbols": ["*"], "rate": 5, "max_kbps": 64}),
            ("bad_request", "set", {"max_kbps": 7}), ("bad_request", "set", {"max_kbps": 64.5}),
            ("bad_request", "set", {"max_kbps": "64"}), ("bad_request", "unsubscribe", {"symbols": ["AAPL"]}),
            ("limit_symbols", "unsubscribe", {"channel": "quote", "symbols": ["A*"] * 513}),
            ("unknown_op", "subscribes", {}), ("bad_request", "set", {"symbols": ["*"], "rate": 5, "interval": "2s"}),
        ]:
            error = await client.ask(op, **fields)
            assert (error["type"], error.get("code")) == ("error", code), (op, fields, error)
        for text, code in ("{", "bad_json"), ("[]", "bad_request"):
            await client.socket.send(text)
            while (error := await client.read(5))["type"] == "heartbeat":
                pass
            assert (error["type"], error["code"]) == ("error", code), (text, error)
        await parts_of_a_request_can_fail(client)


async def parts_of_a_request_can_fail(client):
    names = ["A*L", "*A", "**", "a b*", "ZZZZ", "MSFT", ""]
    ack = await client.ask("subscribe", channel="quote", symbols=names, rate=20)
    codes = {each["symbol"]: each["code"] for each in ack["refused"]}
    assert ack["symbols"] == ["MSFT"] and codes == {
        "A*L": "bad_symbol", "*A": "bad_symbol", "**": "bad_symbol", "a b*": "bad_symbol", "ZZZZ": "unknown_symbol",
        "": "bad_symbol"}, ack
    for op, fields in ("unsubscribe", {"channel": "trade"}), ("set", {"channel": "trade", "rate": 1}):
        ack = await client.ask(op, symbols=["MSFT"], **fields)
        assert ack["symbols"] == [] and ack["refused"] == [{"symbol": "MSFT", "code": "not_subscribed"}], ack
    client.counts.clear()
    await listen([client], lambda: client.counts.get(("quote", "MSFT"), 0) > 1)
    assert not client.breaks and client.counts.keys() == {("quote", "MSFT")}, (client.breaks, client.counts)


async def a_limit_of_bandwidth_holds_until_it_is_lifted(server):
    async with connected(server) as client:
        ack = await client.ask("set", max_kbps=400)
        assert ack["max_kbps"] == 400, ack
        for channel in "quote", "book", "stats":
            await client.subscribe(channel, ["*"], rate="max")
        began = time.monotonic()
        await listen([client], after(3))
        held, took = client.bytes, time.monotonic() - began
        # A tenth of a second's worth goes at once, and a message beyond it: a book of ten levels a side.
        assert held <= 50_000 * (took + 0.1) + 1_000, f"{held} bytes in {took:.1f} s"
        assert held >= 0.7 * 50_000 * took, f"{held} bytes in {took:.1f} s"
        assert len(client.heartbeats) >= 2, "heartbeats are not held back"
        ack = await client.ask("set", max_kbps=None)
        assert ack["max_kbps"] is None, ack
        before, began = client.bytes, time.monotonic()
        await listen([client], after(1))
        freed, took = client.bytes - before, time.monotonic() - began
        assert freed > 2 * 50_000 * took, f"{freed} bytes in {took:.1f} s without a limit"
        assert not client.breaks, client.breaks[:3]


# Breaks and slow readers


async def a_cursor_goes_on_where_the_connection_broke(server):
    """Trades and closed bars of both connections together are what one that never broke was told."""
    async with connected(server, keep=True) as witness:
        await follow_events(witness)
        for encoding in "json", "sbe":
            async with connected(server, encoding, keep=True) as first:
                await follow_events(first)
                await listen([witness, first], lambda: len(first.heartbeats) == 1)
                await listen([witness, first], after(0.2))
                first.socket.transport.abort()
            cursor = forget_what_followed(first)
            await listen([witness], after(0.3))
            async with connected(server, encoding, keep=True) as second:
                acks = await follow_events(second, resume=cursor)
                assert all(ack["resumed"] is True for ack in acks), acks
                await listen([witness, second], after(0.7))
                assert not second.breaks and not second.chains.gaps, (second.breaks[:3], second.chains.gaps)
            goes_on(first, second, witness)
        assert not witness.breaks, witness.breaks[:3]


def forget_what_followed(client):
    """As if the connection had broken behind its heartbeat, ahead of the data in the same write."""
    beat, _, counts = client.heartbeats[-1]
    client.kept = {name: messages[:counts[name]] for name, messages in client.kept.items() if name in counts}
    return beat["resume"]


async def follow_events(client, **options):
    acks = [await client.ask("subscribe", channel="trade", symbols=["AAPL", "MSFT"], rate=3, **options)]
    acks.append(await client.ask("subscribe", channel="bar", symbols=["A*"], interval="1s", rate=20, **options))
    acks.append(await client.ask("subscribe", channel="status", symbols=["AAPL"], rate=20, **options))
    return acks


def goes_on(first, second, witness):
    for symbol in "AAPL", "MSFT":
        told = {trade["seq"]: state(trade)
                for client in (first, second) for trade in client.kept["trade", symbol]}
        assert complete([{"seq": number} for number in told]), sorted(told)
        for trade in witness.kept["trade", symbol]:
            assert told.get(trade["seq"], state(trade)) == state(trade), trade
        begins = min(trade["seq"] for trade in second.kept["trade", symbol])
        assert begins <= first.kept["trade", symbol][-1]["seq"] + 1, "a trade is missing"
    bars = {bar["seq"]: bar for client in (first, second) for bar in client.kept["bar 1s", "AAPL"] if bar["closed"]}
    assert len(bars) > 5, bars
    closed_bars_follow([bars[number] for number in sorted(bars)])


async def a_cursor_of_another_life_or_too_old_says_so(server):
    async with connected(server) as client:
        ack = await client.ask("subscribe", channel="trade", symbols=["AAPL"], resume="1.5")
        assert ack["resumed"] is False, ack
        await listen([client], lambda: client.counts)
        assert not client.breaks, "it begins with a snapshot"
        assert "resumed" not in await client.ask("subscribe", channel="quote", symbols=["AAPL"])
    with Server("--feed", SESSION, "--speed", "100000", "--loop") as looping:
        async with connected(looping, keep=True) as client:
            ack = await client.ask("subscribe", channel="trade", symbols=["AAPL"], rate=20)
            await listen([client], lambda: client.counts)
        async with connected(looping) as client:
            # More than the 1,024 trades that are kept, two rounds of the file.
            await client.subscribe("stats", ["AAPL"], rate=20)
            await listen([client], lambda: client.state and client.state["stats", "AAPL"]["seq"] > 2_200)
        async with connected(looping, keep=True) as client:
            again = await client.ask("subscribe", channel="trade", symbols=["AAPL"], rate=20, resume=ack["resume"])
            assert again["resumed"] is True, again
            await listen([client], after(0.3))
            gaps, trades = client.chains.gaps["trade", "AAPL"], client.kept["trade", "AAPL"]
            assert not client.breaks and len(gaps) == 1 and complete(trades), (client.breaks[:3], gaps)
            assert gaps[0].stop == trades[0]["seq"] > 1_000 and gaps[0].start == 1, (gaps, trades[0])
        async with connected(looping) as client:
            await client.subscribe("trade", ["AAPL"], resume=ack["resume"], on_slow="close")
            assert await closing_code(client) == 4408 and client.chains.gaps, "whoever cannot bear a gap is told so"


async def one_that_does_not_read_hurts_nobody_else():
    with Server("--seed", "3", "--speed", "8") as server:
        async with contextlib.AsyncExitStack() as stack:
            readers = await clients_for(stack, server, 10, keep=True)
            stalled, = await clients_for(stack, server, 1, keep=True, sock=dial(server, 65_536), max_queue=1)
            for client in readers:
                for channel in "quote", "trade":
                    await client.subscribe(channel, ["AAPL", "MSFT"], rate="max", stamps=True)
            await listen(readers, after(1))
            for channel in "quote", "book", "trade", "stats":
                await stalled.subscribe(channel, ["*"], rate="max")
            await stalled.subscribe("bar", ["*"], rate="max", interval="1s")
            await listen(readers, lambda: server.metric("writes_blocked_total") > 0)
            for client in readers:
                client.delays.clear()
            await listen(readers, after(2))
            delays = sorted(delay for client in readers for delay in client.delays)
            assert len(delays) > 1_000 and delays[len(delays) // 2] < 50e6, (len(delays), delays[len(delays) // 2])
            newest = {name: message["seq"] for name, message in readers[0].state.items()}
            await stalled.send("set", symbols=["*"], rate=2)
            await listen([*readers, stalled], lambda: has_caught_up(stalled))
            assert all(stalled.state[name]["seq"] >= seq for name, seq in newest.items()), newest
            for client in readers:
                assert not client.breaks and not client.chains.gaps, (client.breaks[:3], client.chains.gaps)
            accounted_for(stalled)


def has_caught_up(client):
    """Two heartbeats in a row that had to wait for nothing."""
    return len(client.heartbeats) > 2 and not any(
        beat["lag_ms"] or beat["buffered"] for beat, *_ in client.heartbeats[-2:])


def accounted_for(stalled):
    assert not stalled.breaks, stalled.breaks[:3]
    for (channel, symbol), messages in stalled.kept.items():
        if channel == "trade":
            assert complete(messages, stalled.chains.gaps.get((channel, symbol), ())), symbol
        if channel == "bar 1s":
            closed_bars_follow([bar for bar in messages if bar["closed"]])
    slow = [beat for beat, *_ in stalled.heartbeats if beat["lag_ms"]]
    assert any(beat["lag_ms"] > 1_000 and beat["buffered"] > 0 for beat in slow), stalled.heartbeats
    beat, merged, _ = stalled.heartbeats[-1]
    assert beat["merged"] == merged > 1_000, (beat, merged)


run_tests([
    a_session_is_told_the_same_in_both_encodings_and_at_every_rate, one_that_does_not_read_hurts_nobody_else,
])
seed = str(random.randrange(1_000_000))
print(f"--  a market of --seed {seed}", flush=True)
with Server("--seed", seed, "--speed", "4") as market:
    run_tests([
        books_of_a_busy_market_are_right_at_every_message, patterns_stand_for_all_that_begin_alike,
        what_is_wrong_is_named_and_costs_nothing_else, a_limit_of_bandwidth_holds_until_it_is_lifted,
        a_cursor_goes_on_where_the_connection_broke, a_cursor_of_another_life_or_too_old_says_so,
    ], market)
