#!/usr/bin/env python3
"""The browser module: its unit tests under Node, and its example script against a running server."""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

from harness import ROOT, SESSION, Server, run_in_turn

NODE = os.environ.get("NODE", "node")
MODULE = ROOT / "Sources/CPages/pages/tickerfeed.js"
WATCH = ROOT / "clients/javascript/watch.mjs"
#: What is left of the module's size for what is to come: it is one file, without a build step.
SIZE = 14_336


def runs(*words):
    return subprocess.run([NODE, *words], capture_output=True, text=True, timeout=120)


def websocket_options():
    """What makes this Node have a WebSocket; None where nothing does."""
    for options in ((), ("--experimental-websocket",)):
        if runs(*options, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)").returncode == 0:
            return options
    return None


class Watch:
    """The example script, reading until a condition holds; ends with the `with`."""

    def __init__(self, server, *words, options=(), token=None):
        self.arguments = [NODE, *options, str(WATCH), f"http://{server.address}/", *words, "--json"]
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

    def is_open(self):
        return any(status["state"] == "open" for status in self.of("connection")[-1:])


def the_module_is_small():
    size = MODULE.stat().st_size
    assert size <= SIZE, f"{size} bytes"
    return f"{size} bytes"


def its_unit_tests_pass():
    tests = sorted(map(str, (ROOT / "Tests/javascript").glob("*.test.mjs")))
    said = runs("--test", *tests)
    assert said.returncode == 0, said.stdout
    return f"{re.search(r'^# pass (.*)$', said.stdout, re.M)[1]} tests"


def ways():
    websocket = websocket_options()
    found = [("events", "json", ()), ("poll", "json", ())]
    if websocket is not None:
        found += [("websocket", "json", websocket), ("websocket", "sbe", websocket)]
    return found


def every_way_ends_in_the_state_of_the_snapshot():
    with Server("--feed", SESSION, "--speed", "max") as server:
        end = time.monotonic() + 30
        while not server.metric("feed_ended"):
            assert time.monotonic() < end, "the feed does not end"
        snapshot = json.loads(server.get("/v1/snapshot/AAPL"))
        for transport, encoding, options in ways():
            with Watch(server, "AAPL", "--transport", transport, "--encoding", encoding, options=options) as watch:
                watch.until(lambda: watch.of("quote"))
                quote = watch.of("quote")[0]
                expected = snapshot["quote"]
                assert all(quote[name] == expected[name] for name in ("seq", "bid", "bid_size", "ask", "ask_size")), quote
                assert quote["ts"] == str(expected["ts"]), quote
            with Watch(server, "AAPL", "--channel", "book", "--transport", transport, "--encoding", encoding,
                       options=options) as watch:
                watch.until(lambda: watch.of("book"))
                book = watch.of("book")[0]["book"]
                assert book == {"bids": snapshot["book"]["bids"], "asks": snapshot["book"]["asks"], "ok": True}, book
    return ", ".join(f"{transport} {encoding}" for transport, encoding, _ in ways())


def books_agree_with_their_checksums_on_a_fast_feed():
    count = 0
    with Server("--seed", "5", "--speed", "50") as server:
        for transport, encoding, options in ways():
            with Watch(server, "A*", "--channel", "book", "--rate", "50", "--transport", transport, "--encoding", encoding,
                       options=options) as watch:
                watch.until(lambda: len(watch.of("book")) > 300)
                assert not watch.of("gap"), watch.of("gap")
                count += len(watch.of("book"))
    return f"{count} books"


def a_server_that_is_killed_is_found_again():
    for transport, encoding, options in ways():
        with Server("--seed", "5", "--speed", "5") as server, \
                Watch(server, "AAPL", "MSFT", "--channel", "trade", "--transport", transport, "--encoding", encoding,
                      options=options) as watch:
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


def a_refusal_is_said():
    with Server() as server:
        for transport, encoding, options in ways():
            with Watch(server, "ZZZZ", "--transport", transport, options=options) as watch:
                assert "ZZZZ: unknown_symbol" in iter(lambda: watch.process.stderr.readline().strip(), "")


def main():
    with contextlib.suppress(BrokenPipeError):
        run_in_turn([
            the_module_is_small, its_unit_tests_pass, every_way_ends_in_the_state_of_the_snapshot,
            books_agree_with_their_checksums_on_a_fast_feed, a_server_that_is_killed_is_found_again, a_refusal_is_said])


main()
