#!/usr/bin/env python3
"""Streams without a WebSocket, as the clients that people have see them: httpx, httpx-sse, curl and jq."""

import asyncio
import contextlib
import os
import shutil
import signal
import time

import httpx
from harness import SESSION, Server, connected, eventually, run_tests, stop
from listeners import WAYS, Listener, listen_to_polls
from native import exact
from raw import dial, everything


async def listen_with_curl(_, url, listener, **parameters):
    """The line of the documentation: curl into jq, which believes nothing that is no JSON."""
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    line = f"curl -sN -H 'Accept: application/x-ndjson' '{url}/v1/events?{query}' | jq --unbuffered -c ."
    pipe = await asyncio.create_subprocess_shell(line, stdout=asyncio.subprocess.PIPE, start_new_session=True)
    try:
        async for text in pipe.stdout:
            listener.take(exact(text))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pipe.pid, signal.SIGKILL)
        await pipe.wait()


async def all_ways_end_in_the_state_of_the_snapshot():
    ways = WAYS + ([listen_with_curl] if shutil.which("jq") and shutil.which("curl") else [])
    with Server("--feed", SESSION, "--speed", "6000") as server:
        listeners = [Listener() for _ in ways]
        async with httpx.AsyncClient(timeout=30) as client:
            tasks = [asyncio.create_task(way(client, f"http://{server.address}", listener, symbols="AAPL", rate=20,
                                             channel="quote,trade,stats"))
                     for way, listener in zip(ways, listeners)]

            def at_the_end(listener):
                snapshot = server.snapshot("AAPL")
                return all(listener.state.get((kind, "AAPL"), {}).get("seq") == snapshot[kind]["seq"]
                           for kind in ("quote", "trade", "stats"))

            await eventually(lambda: server.metric("feed_ended"), tasks=tasks)
            await eventually(lambda: all(at_the_end(listener) for listener in listeners), tasks=tasks)
            await stop(tasks)
        snapshot = server.snapshot("AAPL")
        for listener in listeners:
            quote, stats = listener.state["quote", "AAPL"], listener.state["stats", "AAPL"]
            assert all(quote[field] == snapshot["quote"][field] for field in ("bid", "ask", "bid_size", "ask_size"))
            assert stats["volume"] == snapshot["stats"]["volume"]
            assert listener.has_all() and not listener.lost
            assert len(listener.trades["AAPL"]) > 900
        for seq, trade in listeners[0].trades["AAPL"].items():
            assert all(one.trades["AAPL"].get(seq, trade) == trade for one in listeners), seq


async def a_cursor_goes_on_over_any_other_way():
    with Server("--seed", "5", "--speed", "20") as server:
        listener, url = Listener(), f"http://{server.address}"
        async with httpx.AsyncClient(timeout=30) as client:
            for turn, way in enumerate([*WAYS, "websocket", *reversed(WAYS), "websocket", *WAYS]):
                before = sum(map(len, listener.trades.values()))

                def is_on():
                    return sum(map(len, listener.trades.values())) > before + 40

                if way == "websocket":
                    async with connected(server) as socket:
                        await socket.ask("subscribe", channel="trade", symbols=["AAPL", "MSFT"], resume=listener.cursor)
                        while not is_on() or not socket.heartbeats:
                            message = await socket.read(5)
                            listener.take(message)
                            listener.cursor = message.get("resume", listener.cursor)
                else:
                    task = asyncio.create_task(way(client, url, listener, channel="trade", symbols="AAPL,MSFT", rate=20))
                    # Lines say where to go on in their heartbeats alone.
                    known = listener.cursor
                    await eventually(lambda: is_on() and listener.cursor != known, tasks=[task])
                    await stop([task])
                assert listener.has_all() and not listener.lost, f"turn {turn}, {way}"


async def a_stalled_event_stream_costs_bounded_memory_and_is_closed():
    with Server("--feed", SESSION, "--speed", "max", "--loop", "--stall-limit", "2") as server:
        request = "GET /v1/events?channel=quote,trade,book&symbols=AAPL&rate=max HTTP/1.1\r\nHost: x\r\n\r\n"
        sockets = []
        for _ in range(20):
            one = dial(server, buffer=4_096)
            one.sendall(request.encode())
            sockets.append(one)
        before, peak, end = server.memory(), 0, time.monotonic() + 20
        while server.metric('closes_total{reason="stalled"}') < len(sockets):
            assert time.monotonic() < end, "the stalled were never closed"
            peak = max(peak, server.memory())
        assert peak - before < 20 << 20, f"{(peak - before) >> 20} MiB for {len(sockets)} that do not read"
        text = everything(sockets[0]).decode()
        ids = [line[4:] for line in text.split("\n")[:-1] if line.startswith("id: ")]
        # What was cut goes on over another way: each trade, or a gap that says which are gone.
        listener = Listener()
        listener.cursor = ids[-1]
        async with httpx.AsyncClient(timeout=30) as client:
            task = asyncio.create_task(listen_to_polls(client, f"http://{server.address}", listener, channel="trade",
                                                       symbols="AAPL", rate=10))
            await eventually(lambda: listener.lost and ("trade", "AAPL") in listener.state, tasks=[task])
            await stop([task])
        for one in sockets:
            one.close()


async def fifty_clients_are_sent_away_one_after_the_other():
    with Server("--drain", "2") as server:
        url, ended = f"http://{server.address}", []
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(timeout=30, limits=limits) as client:
            listeners = [Listener() for _ in range(50)]

            async def one(place):
                await WAYS[place % 2](client, url, listeners[place], channel="quote", symbols="*", rate=5)
                ended.append(time.monotonic())

            tasks = [asyncio.create_task(one(place)) for place in range(50)]
            await eventually(lambda: all(listener.state for listener in listeners), tasks=tasks)
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            await eventually(lambda: ended, tasks=tasks)
            refused = await client.get(f"{url}/v1/events", params={"channel": "quote", "symbols": "*"})
            assert refused.status_code == 503 and int(refused.headers["retry-after"]) >= 1, refused
            assert (await client.get(f"{url}/readyz")).status_code == 503
            assert (await client.get(f"{url}/livez")).status_code == 200
            await asyncio.wait_for(asyncio.gather(*tasks), 10)
        waits = [listener.goodbye["reconnect_after_ms"] for listener in listeners]
        assert all(listener.goodbye["code"] == "drain" for listener in listeners)
        assert len(set(waits)) > 25, waits
        assert ended[-1] - began > 1.5 and ended[24] - began > 0.5, [round(at - began, 2) for at in ended]
        assert server.process.wait(5) == 0


run_tests([
    all_ways_end_in_the_state_of_the_snapshot, a_cursor_goes_on_over_any_other_way,
    a_stalled_event_stream_costs_bounded_memory_and_is_closed, fifty_clients_are_sent_away_one_after_the_other,
])
