#!/usr/bin/env python3
"""The browser module under Node: its unit tests, and its example script against a running server."""

import contextlib
import hashlib
import json
import os
import re
import signal
import subprocess
import threading

from guarded import SECRET, guarded, mint
from harness import ROOT, SESSION, Server, run_tests, until
from relay import Relay

NODE = os.environ.get("NODE", "node")
MODULE = ROOT / "Sources/CFiles/pages/tickerfeed.js"
CLIENTS = ROOT / "clients/javascript"
WATCH = CLIENTS / "watch.mjs"
#: What MODULE, as it is served, is made of, and the most bytes it may have.
SOURCE = ROOT / "clients/javascript/tickerfeed.js"
SIZE = 14_336


def runs(*words, **environment):
    return subprocess.run([NODE, *words], capture_output=True, text=True, timeout=120, env=os.environ | environment)


def websocket_options():
    """What makes this Node have a WebSocket; None where nothing does."""
    for options in ((), ("--experimental-websocket",)):
        if runs(*options, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)").returncode == 0:
            return options
    return None


class Watch:
    """The example script, reading until a condition holds; ends with the `with`."""

    def __init__(self, server, way, *words, token=None):
        transport, encoding, options = way
        self.arguments = [NODE, *options, str(WATCH), f"http://{server.address}/", *words, "--json",
                          "--transport", transport, "--encoding", encoding]
        self.environment = dict(os.environ, **({"TICKERFEED_TOKEN": token} if token else {}))
        self.messages = []
        self.came = threading.Condition()

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=self.environment)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def read(self):
        for line in self.process.stdout:
            with self.came:
                self.messages.append(json.loads(line))
                self.came.notify_all()

    def until(self, condition, patience=30):
        with self.came:
            assert self.came.wait_for(condition, patience), (self.messages[-3:], self.process.poll())

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def breaks(self):
        return sum(status["state"] == "waiting" for status in self.of("connection"))

    def fault(self):
        """Why its connection ends for good, once it does."""
        self.until(lambda: any(status["state"] == "closed" for status in self.of("connection")[-1:]))
        return self.of("connection")[-1]["reason"]["code"]

    def is_open(self):
        return any(status["state"] == "open" for status in self.of("connection")[-1:])


def what_is_served_is_small_and_made_of_the_source():
    size, digest = MODULE.stat().st_size, hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    assert size <= SIZE, f"{size} bytes"
    assert digest in MODULE.read_text().splitlines()[0], "the source has changed: script/module"
    return f"{size} bytes"


def unit_tests_pass_with_the_source_and_with_what_is_served():
    tests, passed = sorted(map(str, (ROOT / "Tests/javascript").glob("*.test.mjs"))), set()
    for module in (SOURCE, MODULE):
        said = runs("--test", *tests, MODULE=module.as_uri())
        assert said.returncode == 0, said.stdout
        passed.add(int(re.search(r"^# pass (.*)$", said.stdout, re.M)[1]))
    assert len(passed) == 1 and min(passed) > 100, passed
    return f"{min(passed)} tests, twice"


def ways():
    websocket = websocket_options()
    found = [("events", "json", ()), ("poll", "json", ())]
    if websocket is not None:
        found += [("websocket", "json", websocket), ("websocket", "sbe", websocket)]
    return found


def every_way_ends_in_the_state_of_the_snapshot():
    with Server("--feed", SESSION, "--speed", "max") as server:
        until(lambda: server.metric("feed_ended"))
        snapshot = json.loads(server.get("/v1/snapshot/AAPL"))
        for way in ways():
            with Watch(server, way, "AAPL") as watch:
                watch.until(lambda: watch.of("quote"))
                quote = watch.of("quote")[0]
                expected = snapshot["quote"]
                assert all(quote[name] == expected[name] for name in ("seq", "bid", "bid_size", "ask", "ask_size")), quote
                assert quote["ts"] == str(expected["ts"]), quote
            with Watch(server, way, "AAPL", "--channel", "book") as watch:
                watch.until(lambda: watch.of("book"))
                book = watch.of("book")[0]["book"]
                assert book == {"bids": snapshot["book"]["bids"], "asks": snapshot["book"]["asks"], "ok": True}, book
    return ", ".join(f"{transport} {encoding}" for transport, encoding, _ in ways())


def books_agree_with_their_checksums_on_a_fast_feed():
    count = 0
    with Server("--seed", "5", "--speed", "50") as server:
        for way in ways():
            with Watch(server, way, "A*", "--channel", "book", "--rate", "50") as watch:
                watch.until(lambda: len(watch.of("book")) > 300)
                assert not watch.of("gap"), watch.of("gap")
                count += len(watch.of("book"))
    return f"{count} books"


def what_is_cut_goes_on_without_a_hole():
    with Server("--seed", "5", "--speed", "20") as server, Relay(server) as cutter:
        for way in ways():
            with Watch(cutter, way, "AAPL", "MSFT", "--channel", "trade") as watch:
                for _ in range(4):
                    seen, breaks = len(watch.of("trade")) + 30, watch.breaks()
                    watch.until(lambda: watch.is_open() and len(watch.of("trade")) > seen)
                    cutter.cut()
                    # Node asks again by itself where nothing of an answer had come: then there is no break to be seen.
                    watch.until(lambda: watch.breaks() > breaks or way[0] == "poll")
                watch.until(lambda: watch.is_open() and len(watch.of("trade")) > seen + 60)
                without_hole(watch.messages)
                assert not watch.of("gap"), watch.of("gap")


def a_server_that_is_killed_is_found_again():
    for way in ways():
        with Server("--seed", "5", "--speed", "5") as server, \
                Watch(server, way, "AAPL", "MSFT", "--channel", "trade") as watch:
            watch.until(lambda: len(watch.of("trade")) > 20)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            watch.until(lambda: not watch.is_open())
            lived = len(watch.messages)
            with Server("--seed", "6", "--speed", "5", "--listen", server.address):
                watch.until(lambda: watch.is_open() and sum(one["type"] == "trade" for one in watch.messages[lived:]) > 20)
                without_hole(watch.messages[:lived])
                without_hole(watch.messages[lived:])


def without_hole(messages):
    """Each trade has the number behind the one before, or a gap said which are gone."""
    last = {}
    for message in messages:
        if message["type"] == "trade":
            before = last.get(message["sym"])
            assert before is None or message["seq"] == before + 1, (before, message)
            last[message["sym"]] = message["seq"]
        elif message["type"] == "gap":
            last[message["sym"]] = message["to"]


def a_token_opens_what_it_may_and_a_wrong_one_is_final():
    with guarded() as server:
        for way in ways():
            with Watch(server, way, "AAPL", "MSFT", token=mint()) as watch:
                watch.until(lambda: watch.of("quote"))
                assert {quote["sym"] for quote in watch.of("quote")} == {"AAPL"}
            for token in mint(key=SECRET[::-1]), mint(-99), None:
                with Watch(server, way, "AAPL", "MSFT", token=token) as watch:
                    assert watch.fault() == "unauthenticated", watch.messages
                    assert watch.process.wait(5) == 1


def a_token_that_expires_ends_the_stream():
    with guarded() as server:
        for way in ways():
            # 30 s of leeway, all but two of them used up.
            with Watch(server, way, "AAPL", token=mint(-28)) as watch:
                assert watch.fault() in ("token_expired", "unauthenticated"), watch.messages[-3:]
                assert watch.of("quote"), watch.messages[-3:]


def a_refusal_is_said():
    with Server() as server:
        for way in ways():
            with Watch(server, way, "ZZZZ") as watch:
                assert "ZZZZ: unknown_symbol" in iter(lambda: watch.process.stderr.readline().strip(), "")


with contextlib.suppress(BrokenPipeError):
    run_tests([
        unit_tests_pass_with_the_source_and_with_what_is_served, every_way_ends_in_the_state_of_the_snapshot,
        books_agree_with_their_checksums_on_a_fast_feed, what_is_cut_goes_on_without_a_hole,
        a_server_that_is_killed_is_found_again, a_refusal_is_said,
        a_token_opens_what_it_may_and_a_wrong_one_is_final, a_token_that_expires_ends_the_stream,
        what_is_served_is_small_and_made_of_the_source])
