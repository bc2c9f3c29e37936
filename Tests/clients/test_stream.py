#!/usr/bin/env python3
"""The stream as a plain Python client sees it: replays, rates, slow readers, wrong requests, the end."""

import asyncio
import json
import signal
import socket
import subprocess
import time
from decimal import Decimal

import websockets
from harness import SESSION, Server, connected, run_tests

FIELDS = ("seq", "bid", "bid_size", "ask", "ask_size", "ts")


async def a_replay_ends_in_the_state_of_the_snapshot():
    """What arrives through a real socket ends equal to /v1/snapshot, and to the recorded final book."""
    with Server("--feed", SESSION, "--speed", "6000") as server:
        async with connected(server) as client:
            for channel in ("quote", "trade", "stats"):
                await client.subscribe(channel, ["AAPL"], rate=20)
            while not (server.metric("feed_ended") and await quiet(client)):
                pass
            snapshot = server.snapshot("AAPL", depth=3)
            quote = client.state["quote", "AAPL"]
            assert not client.breaks, client.breaks[:3]
            assert {f: quote[f] for f in FIELDS} == {f: snapshot["quote"][f] for f in FIELDS}
            assert (quote["bid"], quote["bid_size"]) == (Decimal("320.14"), 25)
            assert (quote["ask"], quote["ask_size"]) == (Decimal("320.3"), 100)
            assert snapshot["book"]["bids"] == levels("320.14 25", "320.11 101", "320 417")
            assert snapshot["book"]["asks"] == levels("320.3 100", "320.4 100", "320.5 100")
            trade, stats = client.state["trade", "AAPL"], client.state["stats", "AAPL"]
            assert trade["seq"] == snapshot["trade"]["seq"] == 849 + 240
            assert client.counts["trade", "AAPL"] > 900, "trades are not conflated by default"
            assert stats["volume"] == snapshot["stats"]["volume"] == 56_086 + 25_470
            assert server.process.poll() is None, "it goes on serving the last state"


def levels(*rows):
    return [[Decimal(number) for number in row.split()] for row in rows]


async def quiet(client):
    """True when nothing but heartbeats comes for a while; takes in what does come."""
    end = time.monotonic() + 0.5
    while (left := end - time.monotonic()) > 0:
        message = await client.read(left)
        if message and message["type"] != "heartbeat":
            return False
    return True


async def a_rate_holds_against_an_unpaced_feed():
    """At --speed max --loop, hundreds of thousands of changes a second: ten arrive, the newest last."""
    with Server("--feed", SESSION, "--speed", "max", "--loop") as server:
        async with connected(server) as client:
            await client.subscribe("quote", ["AAPL"], rate=10)
            start, times = None, []
            while start is None or time.monotonic() < start + 5:
                message = await client.read(2)
                if message and message["type"] == "quote":
                    times.append(time.monotonic())
                    start = start or times[0]
            assert not client.breaks, client.breaks[:3]
            # rate·t + 1; a tenth of an update of slack for the network's own jitter
            assert len(times) <= 10 * (times[-1] - start + 0.01) + 1, len(times)
            assert len(times) >= 40, f"only {len(times)} in 5 s"
            newest = client.state["quote", "AAPL"]["seq"]
            assert newest > 10_000, f"version {newest}: nothing was conflated"
            assert server.snapshot("AAPL")["quote"]["seq"] >= newest


async def a_stalled_reader_costs_bounded_memory_and_nobody_else():
    with Server("--feed", SESSION, "--speed", "max", "--loop", "--stall-limit", "2") as server:
        stalled = []
        async with connected(server) as client:
            await client.subscribe("quote", ["AAPL"], rate=10)
            for _ in range(20):
                stalled.append(await stalled_reader(server))
            await fill(client, lambda: client.counts and server.metric("writes_blocked_total") >= 1)
            before, count = server.memory(), client.counts["quote", "AAPL"]
            began = time.monotonic()
            await fill(client, lambda: server.metric('closes_total{reason="stalled"}') == 20)
            grown = server.memory() - before
            # 20 tails of at most 64 KiB, and what an allocator rounds up
            assert grown < 20 * 160_000 + 4_000_000, f"grew by {grown} bytes"
            rate = (client.counts["quote", "AAPL"] - count) / (time.monotonic() - began)
            assert rate > 8, f"the healthy reader got {rate:.1f} of 10 a second"
            assert not client.breaks
        for one in stalled:
            assert closing_code(one) in (4408, None), "closed as too slow, or reset"
            one.close()


async def stalled_reader(server):
    """Subscribes to everything at full rate and never reads again."""
    one = socket.create_connection(("127.0.0.1", server.port))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    one.sendall(
        b"GET /v1/stream HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    for channel in ("quote", "trade", "stats"):
        text = json.dumps({"op": "subscribe", "channel": channel, "symbols": ["AAPL"], "rate": "max"}).encode()
        one.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text if len(text) < 126 else b"")
    return one


def closing_code(one):
    """The code of the last close frame among what is still to be read; None for a reset."""
    one.settimeout(10)
    data = b""
    try:
        while chunk := one.recv(65_536):
            data += chunk
    except (ConnectionResetError, TimeoutError):
        return None
    at = data.index(b"\r\n\r\n") + 4
    while at + 4 <= len(data):
        opcode, length, head = data[at] & 15, data[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        if opcode == 8:
            return int.from_bytes(data[at + head : at + head + 2], "big")
        at += head + length
    return None


async def fill(client, condition):
    """Reads on until the server says so; 30 s at most."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        until = time.monotonic() + 0.2
        while (left := until - time.monotonic()) > 0:
            await client.read(left)


async def wrong_requests_are_told_what_is_wrong():
    with Server() as server:
        async with connected(server) as client:
            for text, code in [
                ("{", "bad_json"), ("[]", "bad_request"), ('{"op":"fly"}', "unknown_op"),
                ('{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":0.01}', "bad_rate"),
                ('{"op":"subscribe","channel":"weather","symbols":["AAPL"]}', "unknown_channel"),
                (json.dumps({"op": "subscribe", "channel": "quote", "symbols": ["X" * 30]}), None),
            ]:
                await client.socket.send(text)
                answer = await client.read(2)
                while answer["type"] == "heartbeat":
                    answer = await client.read(2)
                if code:
                    assert answer["type"] == "error" and answer["code"] == code, answer
                else:
                    assert answer["refused"] == [{"symbol": "X" * 30, "code": "bad_symbol"}], answer
            # Still well after all of it.
            await client.subscribe("quote", ["AAPL"])
            while ("quote", "AAPL") not in client.state:
                await client.read(2)


async def a_pipe_shows_what_it_has_brought_so_far():
    with subprocess.Popen(["cat", SESSION, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipe:
        with Server("--feed", "-", "--date", "2020-01-30", "--speed", "max", stdin=pipe.stdout) as server:
            async with connected(server) as client:
                # Whoever comes before the first bytes finds no symbols.
                await fill(client, lambda: "AAPL" in server.get("/v1/symbols"))
                await client.subscribe("stats", ["AAPL"], rate=20)
                # The pipe stays open: nothing but what came tells that this is the last trade.
                await fill(client, lambda: client.state.get(("stats", "AAPL"), {}).get("count") == 849 + 240)
                assert server.snapshot("AAPL")["quote"]["bid"] == Decimal("320.14")
                assert server.metric("feed_ended") == 0
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(5) == 0, "a waiting pipe keeps nobody from ending"


async def every_symbol_of_the_simulated_market_moves():
    with Server("--seed", "7") as server:
        symbols = [s["symbol"] for s in json.loads(server.get("/v1/symbols"))["symbols"]]
        assert len(symbols) == 24 and {"AAPL", "MSFT"} <= set(symbols), symbols
        async with connected(server) as client:
            await client.subscribe("quote", symbols, rate=10)
            await fill(client, lambda: all(client.counts.get(("quote", s), 0) > 2 for s in symbols))
            for symbol in symbols:
                quote = client.state["quote", symbol]
                assert 0 < quote["bid"] < quote["ask"], quote
            assert not client.breaks


async def a_term_signal_says_goodbye():
    with Server() as server:
        async with connected(server) as client:
            await client.subscribe("quote", ["AAPL"])
            server.process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            try:
                while True:
                    await client.read(5)
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd.code == 1012, closed
            assert any(m["type"] == "goodbye" for m in client.others)
            assert server.process.wait(5) == 0
            assert time.monotonic() - began < 3


async def main():
    tests = [
        a_replay_ends_in_the_state_of_the_snapshot, a_rate_holds_against_an_unpaced_feed,
        a_stalled_reader_costs_bounded_memory_and_nobody_else, wrong_requests_are_told_what_is_wrong,
        every_symbol_of_the_simulated_market_moves,
        a_pipe_shows_what_it_has_brought_so_far, a_term_signal_says_goodbye,
    ]
    await run_tests(tests)


asyncio.run(main())
