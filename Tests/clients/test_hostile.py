#!/usr/bin/env python3
"""What the open internet does to a port. After each case: alive, a good client is served, memory and
descriptors as before."""

import contextlib
import random
import resource
import socket
import struct
import time

from harness import Server, connected, run_tests, until
from raw import UPGRADE, close_code, dial, everything, frame, upgraded

GET = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
#: What an allocator may keep of what it once needed; a leak of every connection's memory is more.
MEMORY_SLACK = 6 << 20


def meanwhile(server, seconds):
    """Lets time pass, in which the server answers."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert server.get("/livez") == "alive\n"


async def served(server):
    """A good client gets what it asks for."""
    async with connected(server) as client:
        await client.subscribe("quote", ["AAPL", "MSFT"], rate=100)
        while not client.counts:
            assert await client.read(5), "a good client is not served"
        assert not client.breaks


@contextlib.asynccontextmanager
async def unharmed(*options, warm=0, **more):
    """A server that is to be as it was, once what comes inside is over."""
    with Server("--request-deadline", "1", "--idle-deadline", "1", *options, **more) as server:
        # What grows once and for all has grown: buffers of the loops, tables, the first connections.
        await served(server)
        with crowd(server, warm):
            pass
        until(lambda: server.metric("connections") == 1)
        await served(server)
        until(lambda: server.metric("connections") == 1)
        # The connection that asked may linger a second.
        before, memory = settled(server), server.memory()
        yield server
        assert server.process.poll() is None, "the server has ended"
        await served(server)
        until(lambda: server.metric("connections") == 1 and server.metric("websockets") == 0)
        until(lambda: server.descriptors_open() <= before)
        assert server.memory() - memory < MEMORY_SLACK, f"{server.memory() - memory} bytes more than before"


def settled(server):
    """Descriptors when nobody has been there for a while."""
    least, end = server.descriptors_open(), time.monotonic() + 1.5
    while time.monotonic() < end:
        least = min(least, server.descriptors_open())
    return least


@contextlib.contextmanager
def crowd(server, count):
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(contextlib.closing(dial(server))) for _ in range(count)]


def offer(one, data):
    """Sends until the server has enough of it."""
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, TimeoutError):
        one.sendall(data)


def answer(server, data):
    with contextlib.closing(dial(server)) as one:
        offer(one, data)
        return everything(one)


# Connections

async def crowds_that_say_nothing_or_half_of_it():
    async with unharmed("--max-connections", "1200", warm=1000) as server:
        for words in (b"", b"G", UPGRADE, b"GET / HTTP/1.1\r\nHost:"):
            with crowd(server, 1000) as silent:
                for one in silent:
                    one.sendall(words)
                await served(server)
                for one in silent:
                    said = everything(one)
                    assert said.startswith(b"HTTP/1.1 408 ") if words else said == b"", said
        assert server.metric('refusals_total{limit="request_time"}') == 3000
        assert server.metric('closes_total{reason="request_timeout"}') >= 4000


async def more_than_there_is_room_for():
    async with unharmed("--max-connections", "300", "--idle-deadline", "60", warm=250) as server:
        stream = upgraded(server)
        with crowd(server, 299) as inside:
            for one in inside:
                one.sendall(GET)
                assert b"alive" in one.recv(4096)
            for words in (b"", GET) * 50:
                said = answer(server, words)
                # A crowd of them that says something may be reset before it read why.
                assert not said or said.startswith(b"HTTP/1.1 503 ") and b"Retry-After: 5\r\n" in said, said
            late = dial(server)
            assert everything(late).startswith(b"HTTP/1.1 503 ")
            late.close()
            # Those that are in stay in.
            for one in inside:
                one.sendall(GET)
                assert b"alive" in one.recv(4096)
            stream.sendall(frame(0x81, b'{"op":"ping"}'))
            while b'"pong"' not in stream.recv(65_536):
                pass
        stream.close()
        until(lambda: room(server))
        assert server.metric('refusals_total{limit="connections"}') >= 101


def room(server):
    try:
        return server.metric("connections") == 1
    except OSError:
        return False


async def thousands_of_connects_and_resets():
    async with unharmed(warm=500) as server:
        for round in range(3000):
            one = dial(server)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if round % 3 == 1:
                one.sendall(GET * 3)
            if round % 3 == 2:
                one.sendall(UPGRADE + b"\r\n")
            one.close()
        await served(server)


async def out_of_descriptors_the_old_stay():
    with Server("--loops", "1", descriptors=26) as server:
        stream = upgraded(server)
        with contextlib.ExitStack() as stack:
            late = [stack.enter_context(contextlib.closing(dial(server))) for _ in range(30)]
            refused = [one for one in late if heard(one)]
            assert refused, "there were descriptors for all of them"
            stream.sendall(frame(0x81, b'{"op":"ping"}'))
            while b'"pong"' not in stream.recv(65_536):
                pass
        stream.close()
        until(lambda: room(server))
        limits = [server.metric(f'refusals_total{{limit="{name}"}}') for name in ("connections", "descriptors")]
        assert sum(limits) == len(refused) and limits[1] > 0, limits
        await served(server)


def heard(one):
    """True for who was told 503, at once."""
    one.settimeout(0.2)
    try:
        said = one.recv(4096)
    except TimeoutError:
        return False
    assert said.startswith(b"HTTP/1.1 503 "), said
    return True


async def past_its_memory_nobody_is_let_in():
    with Server("--max-memory", "1M") as server:
        said = answer(server, GET)
        assert said.startswith(b"HTTP/1.1 503 ") and b"memory" in said and b"Retry-After: " in said, said
    with Server("--max-memory", "2G") as server:
        await served(server)
        assert server.metric("process_resident_memory_bytes") > 1 << 20
        assert server.metric("memory_tight") == 0


# HTTP

async def a_byte_at_a_time():
    async with unharmed(warm=200) as server:
        with crowd(server, 200) as slow:
            end, at = time.monotonic() + 3, 0
            while time.monotonic() < end:
                for one in slow:
                    with contextlib.suppress(OSError):
                        one.send(b"GET /livez HTTP/1.1\r\nHost: x\r\nX: " [at:at + 1] or b"y")
                at += 1
                meanwhile(server, 0.05)
            for one in slow:
                said = everything(one)
                assert not said or said.startswith(b"HTTP/1.1 408 "), said
        assert server.metric('refusals_total{limit="request_time"}') == 200


async def garbage():
    dice = random.Random(7)
    async with unharmed(warm=50) as server:
        for _ in range(300):
            said = answer(server, dice.randbytes(dice.randrange(1, 20_000)))
            assert not said or said.startswith(b"HTTP/1.1 4"), said
        for _ in range(100):
            one = upgraded(server)
            offer(one, dice.randbytes(dice.randrange(1, 2_000)))
            one.close()


async def what_two_readers_could_read_in_two_ways():
    smuggled = b"GET /v1/symbols HTTP/1.1\r\nHost: x\r\n\r\n"
    rows = [
        (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (411, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
        (400, b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n"),
        (400, b"GET / HTTP/1.1\nHost: x\n\n"), (400, b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"), (400, b"GET http://y/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /v1/snapshot/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: x\r\n\r\n"),
        (400, b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"), (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (414, b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 100_000 + b"\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n"),
        (417, b"GET / HTTP/1.1\r\nHost: x\r\nExpect: everything\r\n\r\n"),
        (413, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"),
    ]
    async with unharmed(warm=50) as server:
        for status, request in rows:
            said = answer(server, request + smuggled)
            assert said.startswith(b"HTTP/1.1 %d " % status), (status, request[:100], said[:200])
            assert b"\nHTTP/1.1 " not in said and b'"symbols"' not in said, (request[:100], said)


async def pipelines_whose_answers_nobody_reads():
    async with unharmed(warm=50) as server:
        with crowd(server, 30) as deaf:
            memory = server.memory()
            for one in deaf:
                one.settimeout(0.05)
                offer(one, b"GET /v1/schema.xml HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000)
            assert server.memory() - memory < 30 << 20, server.memory() - memory
            await served(server)


async def forged_addresses_and_those_of_a_proxy():
    def asks(server, forwarded):
        request = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Forwarded-For: %s\r\n\r\n"
        return int(answer(server, request % forwarded)[9:12])

    few = ["--max-requests-per-address", "5", "--max-handshakes-per-address", "2", "--max-per-address", "2"]
    async with unharmed(*few, warm=50) as server:
        # No proxy is trusted: what the field says is air, and loopback has no limits.
        assert {asks(server, b"198.51.100.1") for _ in range(20)} == {200}
    async with unharmed(*few, "--trusted-proxy", "127.0.0.0/8", warm=50) as server:
        statuses = [asks(server, b"6.6.6.%d, 198.51.100.1" % at) for at in range(10)]
        assert statuses[:5] == [200] * 5 and 429 in statuses, statuses
        assert asks(server, b"198.51.100.2") == 200
        assert asks(server, b"2001:db8::1") == 200
        for forged in (b"garbage", b"198.51.100.1, ", b",,,,", b"1.2.3.4:99999", b"[::1", b"\xff\xfe"):
            assert asks(server, forged) in (200, 429), forged
        streams = [upgraded(server, b"X-Forwarded-For: 198.51.100.9\r\n") for _ in range(2)]
        said = answer(server, UPGRADE + b"X-Forwarded-For: 198.51.100.9\r\n\r\n")
        assert said.startswith(b"HTTP/1.1 429 ") and b"Retry-After: " in said, said
        for one in streams:
            one.close()
        assert server.metric('refusals_total{limit="address_requests"}') > 0


# WebSocket

async def frames_that_break_the_rules():
    op = b'{"op":"ping"}'
    rows = [
        ("not masked", bytes([0x81, len(op)]) + op, 1002), ("reserved bit", frame(0xc1, op), 1002),
        ("unknown opcode", frame(0x83), 1002), ("fragmented ping", frame(0x09), 1002),
        ("continuation of nothing", frame(0x80, op), 1002), ("binary", frame(0x82, op), 1003),
        ("2^63", b"\x81\xff\x80" + b"\0" * 7, 1002), ("2^63 - 1", b"\x81\xff\x7f" + b"\xff" * 7, 1009),
        ("64 KiB and one", b"\x81\xff" + struct.pack(">Q", 65_537), 1009), ("not UTF-8", frame(0x81, b"\xff"), 1007),
        ("fragments", frame(0x01, b"{") + frame(0x00, b" ") * 5_000, 1008),
        ("empty fragments", frame(0x01) + frame(0x00) * 100_000, 1008),
        ("fragments beyond the size", frame(0x01, b"{" * 60_000) + frame(0x00, b" " * 10_000), 1009),
        ("pings", frame(0x89, b"x" * 125) * 60_000, (1008, 4429)), ("pongs", frame(0x8a, b"x" * 125) * 60_000, 4429),
        ("operations", frame(0x81, op) * 2_000, 4429), ("JSON bombs", frame(0x81, b"[" * 60_000) * 300, (4429, 1008)),
        ("close 1005", frame(0x88, struct.pack(">H", 1005)), 1002), ("close of one byte", frame(0x88, b"\3"), 1002),
    ]
    async with unharmed(warm=50) as server:
        for name, data, code in rows:
            one = upgraded(server)
            offer(one, data)
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_WR)
            said = everything(one)
            one.close()
            # Who sends on while it is told off may be reset before it reads the reason.
            codes = code if isinstance(code, tuple) else (code,)
            assert close_code(said) in codes or (len(data) > 100_000 and close_code(said) is None), (name, said[-200:])
        for limit, least in (("message", 3), ("fragments", 2), ("input_bytes", 1), ("operations", 1)):
            assert server.metric(f'refusals_total{{limit="{limit}"}}') >= least, limit


async def messages_that_never_end():
    async with unharmed("--message-deadline", "1", warm=50) as server:
        ones = [upgraded(server) for _ in range(50)]
        begun = frame(0x01, b'{"op":')
        for one in ones:
            one.sendall(begun[:1] if one is ones[0] else begun)
        for _ in range(30):
            for one in ones:
                with contextlib.suppress(OSError):
                    one.send(frame(0x00, b" "))
            meanwhile(server, 0.05)
        for one in ones[1:]:
            assert close_code(everything_until_close(one)) == 1008
        for one in ones:
            one.close()
        assert server.metric('refusals_total{limit="message_time"}') >= 49


def everything_until_close(one):
    said = b""
    while close_code(said) is None:
        chunk = one.recv(65_536)
        if not chunk:
            break
        said += chunk
    return said


resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
run_tests([
    crowds_that_say_nothing_or_half_of_it, more_than_there_is_room_for, thousands_of_connects_and_resets,
    out_of_descriptors_the_old_stay, past_its_memory_nobody_is_let_in, a_byte_at_a_time, garbage,
    what_two_readers_could_read_in_two_ways, pipelines_whose_answers_nobody_reads,
    forged_addresses_and_those_of_a_proxy, frames_that_break_the_rules, messages_that_never_end,
])
