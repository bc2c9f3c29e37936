#!/usr/bin/env python3
"""Running tickerd: its configuration file, its signals, its log, and what the admin port shows."""

import json
import re
import signal
import tempfile
import time
from pathlib import Path

import websockets
from harness import TICKERD, Logged, connected, fetch, run_tests, said, until
from piped import Piped, quote
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from raw import dial, stalled

SECRET = "0123456789abcdef0123456789abcdef"
EVERYTHING = {"channel": "book", "symbols": ["*"]}


class Admin(Logged):
    """A server with an admin port."""

    def __init__(self, *options, **more):
        super().__init__("--admin", "127.0.0.1:0", "--log-level", "info", *options, **more)

    def ask(self, path, token=None):
        """Status and text of the admin port."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, _, text = fetch(f"http://{self.admin}{path}", headers=headers)
        return status, text

    def json(self, path):
        status, text = self.ask(path)
        assert status == 200, (path, status, text)
        return json.loads(text)


def folder():
    return tempfile.TemporaryDirectory(prefix="tickerd-")


async def a_configuration_is_checked_without_serving():
    with folder() as place:
        file = Path(place) / "tickerd.conf"
        file.write_text("# as it should be\nlisten = 127.0.0.1:7400\nseed = 3  # three\nloops = 2\n")
        assert said(TICKERD, "--config", str(file), "--check-config") == (0, "configuration is fine\n", "")
        file.write_text("sped = 3\nloops = 0\nlog-level = loud\n")
        status, output, errors = said(TICKERD, "--config", str(file), "--check-config")
        assert status == 2 and output == "", (status, output)
        lines = errors.splitlines()
        assert len(lines) == 3 and all(str(file) in line for line in lines), lines
        for start, line in zip((1, 2, 3), lines):
            assert f"{file}:{start}: " in line, line
        assert said(TICKERD, "--config", str(file))[0] == 2, "a start refuses what the check refuses"
        for options in (["--config", f"{place}/none"], ["--feed", f"{place}/20200130.itch"],
                        ["--admin", "127.0.0.1:1", "--admin-token-file", f"{place}/none"],
                        ["--admin", "0.0.0.0:1"], ["--listen", "0.0.0.0:1"], ["--congestion", "nope"]):
            status, output, errors = said(TICKERD, "--check-config", *options)
            assert status == 2 and output == "" and len(errors.splitlines()) == 1, (options, errors)


async def a_changed_file_is_applied_and_a_faulty_one_is_not():
    with folder() as place:
        file = Path(place) / "tickerd.conf"
        file.write_text("allow-origin = https://a.example\nseed = 1\n")
        with Admin("--config", str(file)) as server:
            assert await admits(server, "https://a.example") and not await admits(server, "https://b.example")
            file.write_text("allow-origin = https://b.example\nseed = 2\n")
            server.process.send_signal(signal.SIGHUP)
            line, = server.logged("reload")
            assert "applied=allow-origin needs_restart=seed" in line and "readers=everybody" in line, line
            assert await admits(server, "https://b.example") and not await admits(server, "https://a.example")
            file.write_text("allow-origin = https://c.example\nseed = many\n")
            server.process.send_signal(signal.SIGHUP)
            line, = server.logged("reload_failed")
            assert f"{file}:2: --seed many" in line, line
            assert await admits(server, "https://b.example") and not await admits(server, "https://c.example")


async def a_reload_without_token_keys_opens_nothing():
    with folder() as place:
        file, key = Path(place) / "tickerd.conf", Path(place) / "token.key"
        key.write_text("k" * 40)
        file.write_text(f"token-key = HS256:{key}\n")
        with Admin("--config", str(file)) as server:
            file.write_text("allow-origin = https://a.example\n")
            server.process.send_signal(signal.SIGHUP)
            line, = server.logged("reload_failed")
            assert "--token-key" in line and "restart" in line, line
            assert server.answer("/v1/symbols")[0] == 401, "everybody may read"


async def admits(server, origin):
    try:
        async with websockets.connect(server.url, origin=origin):
            return True
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code == 403
        return False


async def the_first_signal_drains_and_the_second_ends_at_once():
    with Admin("--drain", "60") as server:
        async with connected(server):
            silent = stalled(server, EVERYTHING)
            server.process.send_signal(signal.SIGTERM)
            server.logged("drain")
            status, text = server.ask("/readyz")
            assert status == 503 and "stops" in text, text
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(5) == 1
            assert time.monotonic() - began < 1, "a second signal ends at once"
            silent.close()


async def the_slowest_reader_is_named_and_explained():
    with Admin("--scenario", "uniform", "--set", "rate=50000", "--loops", "2", "--stall-limit", "0") as server:
        async with connected(server) as client:
            await client.subscribe("quote", ["S0", "S1"], rate=10)
            assert await client.read(5)
            one = stalled(server, EVERYTHING, buffer=2_048)
            port = one.getsockname()[1]
            worst = await slowest(server, client, port)
            assert worst["buffered_bytes"] > 0 and worst["transport"] == "websocket", worst
            assert worst["subscriptions"] == 500 and worst["asked"] == "max", worst
            page = server.json(f"/debug/explain?conn={worst['session']}&symbol=S1")
            stream, = page["streams"]
            assert stream["channel"] == "book" and stream["why"] == "blocked", page
            assert stream["newest"] > stream["sent"] and stream["since_ms"] >= 0, page

            mine = next(m["session"] for m in client.others if m["type"] == "welcome")
            stream, = server.json(f"/debug/explain?conn={mine}&symbol=S0")["streams"]
            assert stream["rate"] == 10.0 and stream["why"] in ("rate", "nothing_new", "next"), stream
            assert server.json(f"/debug/explain?conn={mine}&symbol=S7")["why"] == "not_subscribed"
            assert len(server.json("/debug/conns?limit=1")["conns"]) == 1
            for path in ("/debug/conns?limit=0", "/debug/explain?conn=zz&symbol=S0", f"/debug/explain?conn={mine}"):
                assert server.ask(path)[0] == 400, path
            assert server.ask("/debug/explain?conn=ffff&symbol=S0")[0] == 404
            one.close()


async def slowest(server, client, port):
    end = time.monotonic() + 10
    while True:
        await client.read(0.1)
        first = server.json("/debug/conns")["conns"][0]
        if first["address"].endswith(f":{port}") and first["blocked"] and first["lag_ms"] > 100:
            return first
        assert time.monotonic() < end, first


async def the_metrics_are_openmetrics():
    with Admin("--scenario", "uniform", "--set", "rate=1000") as server:
        async with connected(server) as client:
            await client.subscribe("quote", ["S0"], rate="max")
            await client.subscribe("quote", ["S1"], rate=20)
            for _ in range(20):
                assert await client.read(5)
            time.sleep(0.3)  # until figures are pinned
            pages = [server.ask("/metrics")[1], server.get("/metrics")]
        for page in pages:
            families = {family.name: family for family in text_string_to_metric_families(page)}
            values = {(s.name, tuple(s.labels.values())): s.value for f in families.values() for s in f.samples}
            assert values["tickerfeed_transport_connections", ("websocket",)] == 1
            assert values["tickerfeed_subscriptions", ()] == 2
            assert values["tickerfeed_symbols", ()] == 500
            assert values["tickerfeed_lag_seconds_count", ("tape",)] > 0, page
            assert values["tickerfeed_lag_seconds_count", ("loop",)] > 0, page
            assert values["tickerfeed_received_bytes_total", ()] > 100
            assert values["process_resident_memory_bytes", ()] > 1_000_000
            assert values["process_open_fds", ()] > 5
            assert 0 < time.time() - values["process_start_time_seconds", ()] < 60
            assert values["process_cpu_seconds_total", ()] > 0
            assert families["tickerfeed_build"].type == "info"


async def the_admin_port_wants_its_token():
    with folder() as place:
        file = Path(place) / "token"
        file.write_text(SECRET + "\n")
        with Admin("--admin-token-file", str(file)) as server:
            assert [server.ask("/livez", token)[0] for token in (None, SECRET[1:], SECRET)] == [401, 401, 200]
            file.write_text(SECRET[::-1])
            server.process.send_signal(signal.SIGHUP)
            server.logged("reload")
            assert [server.ask("/livez", token)[0] for token in (SECRET, SECRET[::-1])] == [401, 200]
            file.write_text("short")
            server.process.send_signal(signal.SIGHUP)
            server.logged("reload_failed")
            assert server.ask("/livez", SECRET[::-1])[0] == 200
            log = "\n".join(server.lines())
            assert "admin_refused" in log and SECRET not in log and SECRET[::-1] not in log, log


class PipedAdmin(Piped, Admin):
    """Whose market is what we say."""


async def the_admin_port_knows_what_no_client_asked_for():
    """Loops sleep where nobody follows the market; a balancer that asks this port alone is to see it as it is."""
    with PipedAdmin() as server:
        assert server.ask("/readyz") == (200, "ready\n")
        server.say(quote("MSFT", 400))
        until(lambda: "\ntickerfeed_symbols 2\n" in server.ask("/metrics")[1])


async def the_admin_port_answers_when_the_main_one_is_full():
    with Admin(descriptors=90) as server:
        ones = [dial(server) for _ in range(40)]
        for path in ("/livez", "/readyz", "/metrics", "/debug/conns"):
            assert server.ask(path)[0] == 200, path
        server.logged("connections_refused")
        for one in ones:
            one.close()


async def a_server_without_descriptors_says_so():
    with Admin(descriptors=30) as server:
        ones = [dial(server) for _ in range(30)]
        line, *_ = server.logged("out_of_descriptors")
        assert line.split()[1] == "warning", line
        for one in ones:
            one.close()


async def a_server_without_memory_says_so():
    with Admin("--max-memory", "2M") as server:
        status, text = server.answer("/livez")
        assert status == 503 and "memory" in text, (status, text)
        line, = server.logged("memory_tight")
        assert line.split()[1] == "warning" and "begins" in line, line
        assert server.ask("/livez")[0] == 200, "the admin port answers"


async def a_log_is_json_where_asked():
    with Admin("--log-format", "json") as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(5) == 0
        events = [json.loads(line) for line in server.lines()]
        assert [event["event"] for event in events] == ["start", "drain", "stopped"], events
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", events[0]["time"])


run_tests([
    a_configuration_is_checked_without_serving, a_changed_file_is_applied_and_a_faulty_one_is_not,
    a_reload_without_token_keys_opens_nothing,
    the_first_signal_drains_and_the_second_ends_at_once, the_slowest_reader_is_named_and_explained,
    the_metrics_are_openmetrics, the_admin_port_wants_its_token,
    the_admin_port_knows_what_no_client_asked_for,
    the_admin_port_answers_when_the_main_one_is_full, a_server_without_descriptors_says_so,
    a_server_without_memory_says_so, a_log_is_json_where_asked,
])
