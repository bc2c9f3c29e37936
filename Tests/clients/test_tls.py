#!/usr/bin/env python3
"""tickerd over TLS, met by Python's `ssl`: versions, resumption, strangers, half-open crowds."""

import contextlib
import resource
import select
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import harness
from harness import (AUTHORITY, CERTIFICATES, TICKERD, TICKWATCH, Logged, certificate, connected, listen, run_tests,
                     said, secure, until)
from raw import stalled


def trusting(least=ssl.TLSVersion.TLSv1_2, most=ssl.TLSVersion.TLSv1_3):
    context = harness.trusting()
    context.minimum_version, context.maximum_version = least, most
    return context


def ask(server, context, session=None):
    """One request on a connection of its own: its answer, and the connection as it was."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1", session=session) as wrapped:
            wrapped.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: wrapped.recv(65_536), b""))
            assert answer.endswith(b"alive\n"), answer
            return wrapped.version(), wrapped.session_reused, wrapped.session


async def prices_come_over_each_version():
    with secure() as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            for encoding in ("json", "sbe"):
                async with connected(server, encoding, ssl=trusting(version, version)) as client:
                    await client.subscribe("quote", ["AAPL"])
                    await client.subscribe("book", ["AAPL"], depth=10)
                    await listen([client], lambda: client.counts.get(("quote", "AAPL"), 0) > 5)
                    assert not client.breaks
        assert server.metric("tls_handshakes_total") >= 4


async def who_comes_back_is_resumed():
    with secure() as server:
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = trusting(version, version)
            name, reused, session = ask(server, context)
            assert not reused
            again, reused, _ = ask(server, context, session)
            assert reused and again == name == version.name.replace("_", "."), (again, reused)
        assert server.metric("tls_handshakes_resumed_total") == 2


async def old_versions_and_strangers_are_refused():
    with secure() as server:
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            context = trusting(version, version)
            context.set_ciphers("ALL:@SECLEVEL=0")
            try:
                ask(server, context)
                raise AssertionError(f"{version} was spoken")
            except (ssl.SSLError, ConnectionError):
                pass
        try:
            ask(server, ssl.create_default_context())
            raise AssertionError("a stranger was believed")
        except ssl.SSLCertVerificationError:
            pass
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b"".join(iter(lambda: plain.recv(65_536), b""))
        assert answer.startswith(b"HTTP/1.1 400 ") and b"this port speaks TLS" in answer, answer
        assert server.metric("tls_handshakes_failed_total") >= 4
        ask(server, trusting())


async def only_http_1_1_is_agreed_on():
    with secure() as server:
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), ([], None)):
            context = trusting()
            if offered:
                context.set_alpn_protocols(offered)
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname="localhost") as wrapped:
                    assert wrapped.selected_alpn_protocol() == chosen
        context = trusting()
        context.set_alpn_protocols(["h2"])
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
            try:
                context.wrap_socket(plain, server_hostname="localhost")
                raise AssertionError("h2 alone was agreed on")
            except ssl.SSLError:
                pass


def is_gone(plain):
    try:
        return plain.recv(65_536) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


async def a_half_open_crowd_is_gone_after_the_deadline_and_nobody_notices():
    with secure() as server, contextlib.ExitStack() as stack:
        async with connected(server, ssl=trusting()) as client:
            await client.subscribe("quote", ["AAPL"], rate=20)
            hello = first_message()
            crowd = []
            for number in range(500):
                plain = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                # Some say nothing, some begin and stop in the middle.
                plain.sendall(hello[:number % 3 * 40])
                plain.setblocking(False)
                crowd.append(plain)
            began, before = time.monotonic(), client.counts.get(("quote", "AAPL"), 0)
            await listen([client], lambda: all(map(is_gone, crowd)), patience=30)
            assert 5 < time.monotonic() - began < 20, time.monotonic() - began
            assert client.counts[("quote", "AAPL")] - before > 50
            assert not client.breaks
            assert server.metric("connections") <= 2


def first_message():
    """A ClientHello's bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    wrapped = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        wrapped.do_handshake()
    return outgoing.read()


async def stalled_readers_over_tls_cost_bounded_memory():
    with secure("--scenario", "uniform", "--bench", "--set", "symbols=500", "--set", "rate=50000") as server:
        async with connected(server, ssl=trusting(), max_queue=None) as good:
            await good.subscribe("quote", ["S1"])
            everything = {"channel": "quote", "symbols": ["*"], "rate": 100}
            silent = [stalled(server, everything, buffer=16_384) for _ in range(20)]
            await listen([good], lambda: server.metric("writes_blocked_total") >= 20)
            before, began = server.memory(), time.monotonic()
            await listen([good], lambda: time.monotonic() - began > 3)
            assert server.memory() - before < 3_000_000, server.memory() - before
            assert not good.breaks
            for client in silent:
                client.close()


async def a_crowd_that_comes_and_goes_leaves_nothing_behind():
    with secure() as server:
        context = trusting()
        for _ in range(50):
            ask(server, context)
        before, memory = server.descriptors_open(), server.memory()
        for _ in range(500):
            ask(server, context)
        until(lambda: (ask(server, context), server.descriptors_open())[1] <= before + 1, 5, "connections stay")
        assert server.memory() - memory < 1_000_000, server.memory() - memory


async def tickwatch_believes_whom_it_should():
    with secure() as server:
        url = server.url.replace("127.0.0.1", "localhost")
        good = subprocess.Popen(
            [TICKWATCH, "AAPL", "--url", url, "--ca", AUTHORITY], stdout=subprocess.PIPE)
        try:
            assert select.select([good.stdout], [], [], 10)[0]
            assert good.stdout.readline().startswith(b"AAPL ")
        finally:
            good.kill()
            good.wait()
            good.stdout.close()
        for words in [], ["--ca", str(CERTIFICATES / "stranger.pem")]:
            status, _, errors = said(TICKWATCH, "AAPL", "--url", url, *words)
            assert status == 4 and "is not trusted" in errors and errors.count("\n") == 1, errors
        status, _, errors = said(TICKWATCH, "AAPL", "--url", url.replace("wss:", "ws:"))
        assert status == 4 and "this port speaks TLS" in errors, errors


async def a_new_certificate_is_said():
    with tempfile.TemporaryDirectory() as place:
        files = [Path(place) / name for name in ("cert", "key")]

        def put(name):
            for file, kind in zip(files, ("pem", "key")):
                file.write_bytes((CERTIFICATES / f"{name}.{kind}").read_bytes())
                file.chmod(0o600)

        put("server")
        with Logged("--log-level", "info", "--tls-cert", str(files[0]), "--tls-key", str(files[1])) as server:
            assert any("TLS 1.2 and 1.3" in line for line in server.process.stdout)
            for name, told in (("renewed", ["CN = renewed.test"]), ("expired", ["CN = expired.test", "warning tls"])):
                put(name)
                server.process.send_signal(signal.SIGHUP)
                until(lambda: all(words in "\n".join(server.lines()) for words in told), 5, server.lines)


async def a_faulty_start_is_refused_in_one_line():
    own, other = certificate(), certificate("renewed")
    for options, words in (
        (("--listen", "0.0.0.0:0"), "--insecure"), ((*own[:2], *other[2:]), "is not the key of the certificate"),
        (("--tls-cert", "nowhere.pem", *own[2:]), "cannot read nowhere.pem"),
    ):
        status, _, errors = said(TICKERD, "--listen", "127.0.0.1:0", *options)
        assert status == 2 and words in errors and errors.count("\n") == 1, errors


warnings.simplefilter("ignore", DeprecationWarning)  # to ask for versions that are refused
resource.setrlimit(resource.RLIMIT_NOFILE, (4_096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
run_tests([
    prices_come_over_each_version, who_comes_back_is_resumed, old_versions_and_strangers_are_refused,
    only_http_1_1_is_agreed_on, a_half_open_crowd_is_gone_after_the_deadline_and_nobody_notices,
    stalled_readers_over_tls_cost_bounded_memory,
    a_crowd_that_comes_and_goes_leaves_nothing_behind, tickwatch_believes_whom_it_should,
    a_new_certificate_is_said, a_faulty_start_is_refused_in_one_line,
])
