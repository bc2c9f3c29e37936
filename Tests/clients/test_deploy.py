#!/usr/bin/env python3
"""tickerd behind the proxies of deploy/: right data over every transport, nodes that go, clients that are slow."""

import asyncio
import contextlib
import functools
import json
import re
import signal
import socket
import ssl
import time

import httpx
import proxies
import websockets
from harness import (CERTIFICATES, SESSION, Server, after, connected, eventually, fetch, listen, run_tests, secure, stop,
                     trusting)
from listeners import WAYS, Listener
from piped import Piped, storm


class Behind:
    """What `connected` wants of a server, by way of a proxy."""

    def __init__(self, url, node):
        self.url, self.decoder = f"{url.replace('http', 'ws', 1)}/v1/stream", node.decoder


#: A node that speaks TLS itself, with another certificate than the proxies have.
another = functools.partial(secure, name="renewed")


def get(url, path):
    """Status and text."""
    status, _, text = fetch(url + path, context=trusting() if url.startswith("https") else None)
    return status, text


def epoch(url):
    status, text = get(url, "/v1/symbols")
    assert status == 200, (status, text)
    return json.loads(text)["epoch"]


def told(node):
    """Both sides of what says which node it was: each has an epoch of its own."""
    return json.loads(node.get("/v1/symbols"))["epoch"]


async def every_way_ends_in_the_state_of_the_node():
    """WebSocket, events, lines and polls, while the market moves: nothing is lost, and the end is the node's own."""
    for name, proxy in proxies.ALL.items():
        with Piped() as one, proxy([one]) as url:
            one.say(*storm(1, symbols=5))
            listeners = [Listener() for _ in WAYS]
            async with httpx.AsyncClient(timeout=30) as client, \
                    connected(Behind(url, one)) as text, connected(Behind(url, one), "sbe") as binary:
                for socket_ in (text, binary):
                    await socket_.subscribe("quote", ["*"], rate=20)
                    await socket_.subscribe("trade", ["*"], mode="every")
                tasks = [asyncio.create_task(way(client, url, listener, symbols="*", rate=20, channel="quote,trade"))
                         for way, listener in zip(WAYS, listeners)]
                await eventually(lambda: all(len(listener.state) >= 10 for listener in listeners), tasks=tasks)
                for cents in range(10_000, 10_900, 100):
                    one.say(*storm(5, symbols=5, start=cents))
                    await listen([text, binary], after(0.05))
                last = {symbol: one.snapshot(symbol) for symbol in ("A0", "A1", "A2", "A3", "A4")}

                def ended(state):
                    return all(state.get((kind, symbol), {}).get("seq") == last[symbol][kind]["seq"]
                               for symbol in last for kind in ("quote", "trade"))

                await eventually(lambda: one.metric("feed_messages_total") >= 461, tasks=tasks)
                last = {symbol: one.snapshot(symbol) for symbol in last}
                await listen([text, binary], lambda: ended(text.state) and ended(binary.state))
                await eventually(lambda: all(ended(listener.state) for listener in listeners), tasks=tasks)
                await stop(tasks)
            for listener in listeners:
                assert listener.has_all() and not listener.lost, name
            for state in [text.state, binary.state, *(listener.state for listener in listeners)]:
                for symbol in last:
                    quote = state["quote", symbol]
                    assert all(quote[f] == last[symbol]["quote"][f] for f in ("bid", "ask", "bid_size")), (name, quote)
            assert not text.breaks and not binary.breaks, name


def certificate_shown(url):
    port = int(url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        with trusting().wrap_socket(plain, server_hostname="localhost") as wrapped:
            return ssl.DER_cert_to_PEM_cert(wrapped.getpeercert(binary_form=True))


async def tls_ends_at_the_proxy_or_passes_through():
    for proxy in proxies.ALL.values():
        for tls, node, shown in (("ends", Server, "server.pem"), ("through", another, "renewed.pem")):
            with node() as one, node() as two, proxy([one, two], tls=tls) as url:
                assert certificate_shown(url).strip() in (CERTIFICATES / shown).read_text(), (url, tls)
                async with connected(Behind(url, one), ssl=trusting()) as client:
                    await client.subscribe("book", ["AAPL"], depth=10)
                    await listen([client], lambda: client.counts.get(("book", "AAPL"), 0) > 5)
                    assert not client.breaks
                listener = Listener()
                async with httpx.AsyncClient(timeout=30, verify=trusting()) as client:
                    for way in WAYS:
                        task = asyncio.create_task(way(client, url, listener, symbols="AAPL", channel="quote", rate=20))
                        await eventually(lambda: ("quote", "AAPL") in listener.state, tasks=[task])
                        await stop([task])
                        listener.cursor, listener.state = None, {}


async def a_quiet_stream_outlives_the_timeouts():
    """Heartbeats are enough. The files' 60 s are 2 s here, and longer than a poll waits there."""
    shorter = {"nginx": lambda text: re.sub(r"_timeout 60s", "_timeout 2s", text),
               "HAProxy": lambda text: re.sub(r"(timeout \w+ +)60s", r"\g<1>2s", text)}
    with Piped("--heartbeat", "1") as node:
        for name, proxy in proxies.ALL.items():
            listener = Listener()
            with proxy([node], change=shorter[name]) as url:
                async with httpx.AsyncClient(timeout=30) as client, connected(Behind(url, node)) as stream:
                    await stream.subscribe("quote", ["AAPL"])
                    task = asyncio.create_task(WAYS[0](client, url, listener, symbols="AAPL", channel="quote"))
                    await listen([stream], after(4.5))
                    assert len(stream.heartbeats) >= 4 and not task.done(), name
                    node.say(*storm(1, symbols=1))
                    await stop([task])


async def who_comes_when_a_node_is_killed_reaches_the_other():
    for proxy in proxies.ALL.values():
        with Server() as one, Server() as two, proxy([one, two]) as url:
            nodes = {told(one): one, told(two): two}
            assert {epoch(url) for _ in range(10)} == set(nodes), "both are used"
            async with websockets.connect(Behind(url, one).url) as stream:
                mine = json.loads(await stream.recv())["epoch"]
                nodes[mine].process.kill()
                with contextlib.suppress(websockets.ConnectionClosed):
                    async with asyncio.timeout(5):
                        await stream.recv()
            left, = set(nodes) - {mine}
            for _ in range(10):
                assert epoch(url) == left
                async with connected(Behind(url, nodes[left])) as client:
                    assert client.others[0]["epoch"] == left


async def a_node_that_drains_says_goodbye_and_is_left_out():
    for proxy in proxies.ALL.values():
        with Server("--drain", "3") as one, Server() as two, proxy([one, two]) as url:
            ours = told(one)
            async with contextlib.AsyncExitStack() as stack:
                streams = [await stack.enter_async_context(connected(Behind(url, one))) for _ in range(12)]
                there = [stream for stream in streams if stream.others[0]["epoch"] == ours]
                assert len(there) == 6, "streams are shared evenly"
                one.process.send_signal(signal.SIGTERM)
                leaving = [asyncio.create_task(stream.pump()) for stream in there]
                # Whoever is first comes back while it still drains, and so do others. Snapshots it may answer yet.
                await asyncio.wait(leaving, return_when=asyncio.FIRST_COMPLETED)
                for _ in range(10):
                    assert get(url, "/readyz")[0] == 200
                    async with connected(Behind(url, two)) as client:
                        assert client.others[0]["epoch"] != ours
                assert one.process.poll() is None, "it drained while they came back"
                await asyncio.gather(*leaving, return_exceptions=True)
                for stream in there:
                    goodbye = stream.others[-1]
                    assert goodbye["type"] == "goodbye" and goodbye["code"] == "drain", goodbye
                    assert stream.socket.close_code == 1012


async def haproxy_takes_a_node_out_whose_bytes_it_cannot_read():
    """Through TLS it has /readyz alone to go by, and two checks to believe it."""
    with another("--drain", "30") as one, another() as two, proxies.haproxy([one, two], tls="through") as url:
        ours, held = told(one), []
        async with contextlib.AsyncExitStack() as stack:
            # Somebody who does not hear the goodbye keeps it from ending at once.
            held = [await stack.enter_async_context(connected(Behind(url, one), ssl=trusting())) for _ in range(4)]
            assert ours in {stream.others[0]["epoch"] for stream in held}
            one.process.send_signal(signal.SIGTERM)
            await eventually(lambda: all(get(url, "/readyz")[0] == 200 for _ in range(4)), 10, "it is still asked")
            assert all(epoch(url) != ours for _ in range(10))


async def backlog(url, seconds):
    """Characters of old quotes that are read behind a pause, before the first one that was made after it."""
    reader = socket.socket()
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32_768)
    reader.connect(("127.0.0.1", int(url.rsplit(":", 1)[1])))
    address = url.replace("http", "ws", 1) + "/v1/stream"
    async with websockets.connect(address, sock=reader, max_queue=2, compression=None) as stream:
        await stream.send('{"op":"subscribe","channel":"quote","symbols":["*"],"rate":"max"}')
        end = time.monotonic() + 1
        while time.monotonic() < end:
            await stream.recv()
        await asyncio.sleep(seconds)
        now, old = time.time_ns(), 0
        async for text in stream:
            message = json.loads(text)
            if message["type"] == "quote" and message["ts"] >= now:
                stream.transport.abort()
                return old
            old += len(text)


async def a_slow_reader_gets_the_newest_and_not_minutes_of_the_past():
    with Server("--scenario", "uniform", "--set", "rate=8000", "--stall-limit", "0") as node:
        for name, proxy in proxies.ALL.items():
            with proxy([node]) as url:
                old = await backlog(url, 3)
                assert old < 1_000_000, f"{old} bytes of the past lie in {name}, of some 3,000,000"


async def limits_count_the_client_behind_the_proxy():
    for proxy in proxies.ALL.values():
        options = ("--trusted-proxy", "127.0.0.1/32", "--max-requests-per-address", "5", "--admin", "127.0.0.1:0")
        with Server(*options) as node, proxy([node]) as url:
            async def statuses(source, count, **headers):
                transport = httpx.AsyncHTTPTransport(local_address=source)
                async with httpx.AsyncClient(transport=transport, headers=headers) as client:
                    return [(await client.get(f"{url}/v1/symbols")).status_code for _ in range(count)]

            # What a client writes into the field itself counts for nothing.
            forged = {"X-Forwarded-For": "198.51.100.7"}
            assert 429 in await statuses("127.0.0.2", 12, **forged)
            assert await statuses("127.0.0.3", 3, **forged) == [200] * 3


async def what_is_for_the_machine_alone_stays_there():
    for proxy in proxies.ALL.values():
        with Server("--replay-control", "--feed", SESSION) as node, \
                proxy([node]) as url:
            assert node.get("/metrics").startswith("# ")
            for path in ("/metrics", "/metrics?x", "/%6detrics"):
                assert get(url, path)[0] == 404, path
            status, _, text = fetch(f"{url}/v1/replay", b'{"action":"pause"}',
                                    headers={"Content-Type": "application/json", "Host": "localhost"})
            assert status == 403, text
            assert get(url, "/v1/snapshot/AA%50L")[0] == 200


async def pages_read_their_own_site_alone():
    for proxy in proxies.ALL.values():
        with Server() as node, proxy([node]) as url:
            async with connected(Behind(url, node), origin=url):
                pass
            try:
                async with connected(Behind(url, node), origin="http://elsewhere.example"):
                    raise AssertionError("a page of another site reads along")
            except websockets.InvalidStatus as refused:
                assert refused.response.status_code == 403


run_tests([
    every_way_ends_in_the_state_of_the_node, tls_ends_at_the_proxy_or_passes_through,
    a_quiet_stream_outlives_the_timeouts, who_comes_when_a_node_is_killed_reaches_the_other,
    a_node_that_drains_says_goodbye_and_is_left_out, haproxy_takes_a_node_out_whose_bytes_it_cannot_read,
    a_slow_reader_gets_the_newest_and_not_minutes_of_the_past, limits_count_the_client_behind_the_proxy,
    what_is_for_the_machine_alone_stays_there, pages_read_their_own_site_alone,
])
