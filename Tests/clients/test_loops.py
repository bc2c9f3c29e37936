#!/usr/bin/env python3
"""Several loops behind one port, as their clients see them: who gets where, what shows, the end."""

import asyncio
import contextlib
import signal
import time

from harness import Server, closing_code, connected, run_tests, until
from raw import dial, upgraded

LOOPS, CLIENTS = 3, 9


def shares(server):
    return [server.metric(f'loop_connections{{loop="{loop}"}}') for loop in range(LOOPS)]


async def connections_spread_and_all_are_served():
    with Server("--loops", str(LOOPS), "--drain", "0", "--seed", "7") as server:
        async with contextlib.AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(connected(server)) for _ in range(CLIENTS)]
            sessions = {message["session"] for client in clients for message in client.others}
            assert len(sessions) == CLIENTS, sessions
            # The one that asks is a connection too, of the loop with the fewest: the first of equals.
            until(lambda: shares(server) == [4, 3, 3])
            assert server.metric("websockets") == CLIENTS
            assert server.metric("connections") == CLIENTS + 1

            for client in clients:
                await client.subscribe("quote", ["AAPL", "MSFT"], rate=20)
            await asyncio.gather(*(until_served(client, 5) for client in clients))
            assert not any(client.breaks for client in clients), clients
            assert server.get("/readyz") == "ready\n"
            await goodbye_to_all(server, clients)


async def until_served(client, count):
    while client.counts.get(("quote", "AAPL"), 0) < count:
        assert await client.read(5), "a client was not served"


async def goodbye_to_all(server, clients):
    """Every loop says it, at the same time: three seconds for the nine of them."""
    began = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert await asyncio.gather(*(closing_code(client) for client in clients)) == [1012] * len(clients)
    for client in clients:
        assert any(message["type"] == "goodbye" for message in client.others), client.others
    assert server.process.wait(5) == 0
    assert time.monotonic() - began < 3


async def the_silent_do_not_keep_the_server():
    """Whoever does not answer the closing handshake costs a second, on all loops together."""
    with Server("--loops", str(LOOPS), "--drain", "0") as server:
        silent = [upgraded(server) for _ in range(CLIENTS)]
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0
        assert 0.9 < time.monotonic() - began < 2, time.monotonic() - began
        for one in silent:
            one.close()


async def a_short_connection_leaves_no_trace():
    """Requests come and go, to whichever loop; all are counted, none stays."""
    with Server("--loops", str(LOOPS), "--drain", "0") as server:
        before = server.metric("requests_total")
        for _ in range(60):
            assert server.get("/livez") == "alive\n"
        until(lambda: server.metric("connections") == 1)
        assert server.metric("requests_total") > before + 60


async def the_limit_is_the_whole_servers():
    """90 descriptors less 64, and two a loop, are 20 connections. The next is told to come back."""
    with Server("--loops", str(LOOPS), "--drain", "0", descriptors=90) as server:
        ones = [upgraded(server) for _ in range(20)]
        for _ in range(5):
            late = dial(server)
            assert late.recv(4096).startswith(b"HTTP/1.1 503 "), "told why"
            late.close()
        # Room for those that ask, one of which may still be on its way out when the next comes.
        for one in ones[:6]:
            one.close()
        until(lambda: open_ones(server) in range(14, 17))
        assert server.metric("connections_refused_total") >= 5
        assert server.metric("accept_errors_total") == 0
        assert server.metric("upgrades_total") == 20
        for one in ones:
            one.close()


def open_ones(server):
    """None while there is no room to ask."""
    with contextlib.suppress(OSError):
        return server.metric("connections")


run_tests([
    connections_spread_and_all_are_served, the_silent_do_not_keep_the_server,
    a_short_connection_leaves_no_trace, the_limit_is_the_whole_servers,
])
