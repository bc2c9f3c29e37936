#!/usr/bin/env python3
"""The stream as a plain Python client sees it: replays, rates, slow readers, pipes."""

import signal
import subprocess
import time
from decimal import Decimal

from harness import SESSION, Server, connected, listen, quiet, run_tests
from raw import close_code, everything, stalled

FIELDS = ("seq", "bid", "bid_size", "ask", "ask_size", "ts")


async def a_replay_ends_in_the_state_of_the_snapshot():
    """What arrives through a real socket ends equal to /v1/snapshot, and to the recorded final book."""
    with Server("--feed", SESSION, "--speed", "6000") as server:
        async with connected(server) as client:
            for channel in ("quote", "trade", "stats"):
                await client.subscribe(channel, ["AAPL"], rate=20)
            await listen([client], lambda: server.metric("feed_ended"))
            await listen([client], quiet([client]))
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
        silent = []
        async with connected(server) as client:
            await client.subscribe("quote", ["AAPL"], rate=10)
            for _ in range(20):
                silent.append(stalled(server, *({"channel": name, "symbols": ["AAPL"]} for name in ("quote", "trade", "stats"))))
            await listen([client], lambda: client.counts and server.metric("writes_blocked_total") >= 1)
            before, count = server.memory(), client.counts["quote", "AAPL"]
            began = time.monotonic()
            await listen([client], lambda: server.metric('closes_total{reason="stalled"}') == 20)
            grown = server.memory() - before
            # 20 tails of at most 64 KiB, and what an allocator rounds up
            assert grown < 20 * 160_000 + 4_000_000, f"grew by {grown} bytes"
            rate = (client.counts["quote", "AAPL"] - count) / (time.monotonic() - began)
            assert rate > 8, f"the healthy reader got {rate:.1f} of 10 a second"
            assert not client.breaks
        for one in silent:
            assert close_code(everything(one)) in (4408, None), "closed as too slow, or reset"
            one.close()


async def a_pipe_shows_what_it_has_brought_so_far():
    with subprocess.Popen(["cat", SESSION, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pipe:
        with Server("--feed", "-", "--date", "2020-01-30", "--speed", "max", stdin=pipe.stdout) as server:
            async with connected(server) as client:
                # Whoever comes before the first bytes finds no symbols.
                await listen([client], lambda: "AAPL" in server.get("/v1/symbols"))
                await client.subscribe("stats", ["AAPL"], rate=20)
                # The pipe stays open: nothing but what came tells that this is the last trade.
                await listen([client], lambda: client.state.get(("stats", "AAPL"), {}).get("count") == 849 + 240)
                assert server.snapshot("AAPL")["quote"]["bid"] == Decimal("320.14")
                assert server.metric("feed_ended") == 0
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(5) == 0, "a waiting pipe keeps nobody from ending"


run_tests([
    a_replay_ends_in_the_state_of_the_snapshot, a_rate_holds_against_an_unpaced_feed,
    a_stalled_reader_costs_bounded_memory_and_nobody_else,
    a_pipe_shows_what_it_has_brought_so_far,
])
