#!/usr/bin/env python3
"""tickwatch --verify on every kind of feed, what it says of a stream that was tampered with, and recordings of it."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from guarded import guarded, mint
from harness import ROOT, SESSION, TICKWATCH, Server, run_tests
from native import exact
from relay import Relay
from terminal import ENVIRONMENT, Terminal

BINANCE = str(ROOT / "feeds/btcusdt-20240808-binance.jsonl")
REPORT = re.compile(
    r"(?P<messages>\d+) messages, (?P<books>\d+) books, (?P<checksums>\d+) checksums, (?P<compared>\d+) snapshots compared.*: "
    r"(?P<verdict>no divergence|DIVERGED)\n")


def start(*arguments, **environment):
    return subprocess.Popen([TICKWATCH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=ENVIRONMENT | environment)


def ended(process, status=0):
    """What it wrote, once it has ended so."""
    output, errors = process.communicate(timeout=20)
    assert process.returncode == status, (process.args, process.returncode, output, errors)
    return output, errors


def run(*arguments, status=0, **environment):
    return ended(start(*arguments, **environment), status)


def report(output):
    found = REPORT.fullmatch(output)
    assert found, output
    return found["verdict"], {name: int(found[name]) for name in ("messages", "books", "checksums", "compared")}


def folder():
    return tempfile.TemporaryDirectory(prefix="tickwatch-")


# Verify

#: Each encoding and each transport, slow and as fast as it goes.
KINDS = (["--depth", "5"], ["--encoding", "sbe", "--rate", "max"], ["--transport", "sse", "--rate", "100", "--depth", "50"])


def verifies(*feed, compares=True):
    """All kinds of clients at once, for three seconds."""
    with Server(*feed) as server:
        return are_true([start("--url", server.url, "--verify", "--for", "3s", *kind, "*") for kind in KINDS], compares)


def are_true(watches, compares):
    counts, compared = [], 0
    for output, errors in [ended(watch) for watch in watches]:
        verdict, count = report(output)
        assert verdict == "no divergence" and errors == "", (output, errors)
        assert count["messages"] and count["books"] and count["checksums"] == count["books"], output
        counts.append(count["messages"])
        compared += count["compared"]
    # Of a book that changes thousands of times a second the very version of a page is hardly ever sent.
    assert compared or not compares, "the server's own state was never compared"
    return " + ".join(f"{count:,}" for count in counts) + " messages"


def the_simulated_market_is_true():
    return verifies()


def a_market_that_loses_messages_is_true():
    """Half a second of messages is lost, books are wrong and said to be, and are mended."""
    return verifies("--scenario", "feed-gap", "--set", "gap=300ms", "--set", "gap-at=800ms", "--set", "mend=500ms")


def a_session_of_itch_is_true():
    return verifies("--feed", SESSION, "--speed", "5000", "--loop")


def a_session_of_itch_without_pauses_is_true():
    return verifies("--feed", SESSION, "--speed", "max", "--loop", compares=False)


def a_session_of_itch_that_is_piped_in_is_true_to_its_end():
    """All of it while the clients are there, as fast as it goes, and then the last state of everything."""
    reading, writing = os.pipe()
    data = Path(SESSION).read_bytes()
    os.write(writing, data[:1_024])
    with Server("--feed", "-", "--date", "2020-01-30", stdin=reading) as server:
        os.close(reading)
        watches = [start("--url", server.url, "--verify", "--for", "4s", *kind, "*") for kind in KINDS]
        end = time.monotonic() + 3
        while server.metric("subscriptions") < 6 * len(KINDS) and time.monotonic() < end:
            time.sleep(0.02)
        with open(writing, "wb") as rest:
            rest.write(data[1_024:])
        return are_true(watches, compares=True)


def a_session_of_binance_is_true():
    return verifies("--feed", BINANCE, "--loop")


def a_session_of_binance_without_pauses_is_true():
    return verifies("--feed", BINANCE, "--speed", "max", "--loop")


class Tamperer(Relay):
    """Between a client and a server: changes a digit of one bid's size in one message of a book."""

    LEVEL = re.compile(rb'"type":"book"[^{}]*?"bids":\[\["?[\d.]+"?,"?(\d)')

    def __init__(self, server, after=5):
        self.left, self.changed = after, None
        super().__init__(server)

    def pass_back(self, server, client):
        with contextlib.suppress(OSError), client, server, server.makefile("rb") as source:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += (line := source.readline())
                if not line:
                    return
            client.sendall(head)
            if not head.startswith(b"HTTP/1.1 101 "):
                while data := source.read1(65_536):
                    client.sendall(data)
                return
            while True:
                client.sendall(self.tampered(*self.frame(source)))

    @staticmethod
    def frame(source):
        """The next frame's head and payload (RFC 6455 §5.2); a server's are not masked."""
        head = source.read(2)
        if len(head) < 2:
            raise OSError
        length = head[1]
        if length >= 126:
            head += source.read(2 if length == 126 else 8)
            length = int.from_bytes(head[2:], "big")
        return head, source.read(length)

    def tampered(self, head, payload):
        if head[0] & 0x0F == 1 and not self.changed and (found := self.LEVEL.search(payload)):
            self.left -= 1
            if self.left == 0:
                at = found.start(1)
                payload = payload[:at] + b"%d" % (int(found[1]) % 9 + 1) + payload[at + 1:]
                self.changed = exact(payload.decode())
        return head + payload


def one_digit_that_was_changed_is_found():
    with Server() as server:
        for after in 1, 6, 25:
            with Tamperer(server, after) as between:
                output, errors = run("--url", between.url, "--verify", "--for", "8s", "AAPL", "MSFT", status=6)
                assert between.changed, "nothing was changed"
                name, seq = between.changed["sym"], between.changed["seq"]
                assert re.fullmatch(rf"tickwatch: {name} book {seq}: expected .*, got .*\n", errors), (errors, between.changed)
                assert report(output)[0] == "DIVERGED", output


def through_the_same_middle_man_nothing_else_is_found():
    with Server() as server, Tamperer(server, after=10**9) as between:
        output, errors = run("--url", between.url, "--verify", "--for", "2s", "AAPL", "MSFT")
        assert report(output)[0] == "no divergence" and errors == "", (output, errors)


# Recordings

def a_recording_says_the_same_again():
    for options in ["--rate", "max"], ["--encoding", "sbe"], ["--transport", "sse"]:
        with Server() as server, folder() as place:
            file = f"{place}/session"
            live = report(run("--url", server.url, "--verify", "--record", file, "--for", "1500ms", *options, "*")[0])
            # What is there is not written over.
            _, errors = run("--url", server.url, "--record", file, "--once", "AAPL", status=2)
            assert file in errors and errors.count("\n") == 1, errors
            size = os.path.getsize(file)
            output, errors = run("--replay", file, "--verify", "--speed", "max")
            again = report(output)
            assert errors == "" and again[0] == live[0] == "no divergence", (again, errors)
            for name in "messages", "books", "checksums":
                assert again[1][name] == live[1][name], (options, name, live, again)
            assert os.path.getsize(file) == size


def a_recording_prints_the_lines_that_were_printed():
    with Server() as server, folder() as place:
        file = f"{place}/session"
        arguments = "--json", "--channel", "trade,status", "AAPL", "MSFT"
        live, _ = run("--url", server.url, "--record", file, "--for", "2s", *arguments)
        again, errors = run("--replay", file, "--speed", "max", *arguments)
        assert live.count("\n") > 10 and errors == "", errors
        assert again.splitlines() == live.splitlines()


def a_recording_that_was_cut_is_used_and_said():
    with Server() as server, folder() as place:
        file = Path(place, "session")
        live = report(run("--url", server.url, "--verify", "--record", str(file), "--for", "1500ms", "*")[0])
        whole = file.read_bytes()
        for length in len(whole) - 1, len(whole) * 2 // 3:
            file.write_bytes(whole[:length])
            output, errors = run("--replay", str(file), "--verify", "--speed", "max")
            verdict, count = report(output)
            assert verdict == "no divergence" and 0 < count["messages"] <= live[1]["messages"], (output, live)
            assert errors.count("\n") <= 1 and (str(file) in errors or not errors), errors
            assert errors or length != len(whole) - 1, "the cut was not said"
        # What never was one.
        file.write_bytes(b"\x00" * 1_000)
        _, errors = run("--replay", str(file), "--verify", status=2)
        assert str(file) in errors and errors.count("\n") == 1, errors


def a_recording_is_watched_in_a_terminal():
    with Server() as server, folder() as place:
        file = f"{place}/session"
        run("--url", server.url, "--record", file, "--for", "1s", "AAPL", "MSFT")
        with Terminal("--replay", file, "--speed", "max") as terminal:
            terminal.until(r"(?m)^AAPL +(?:\S +)?\d+\.\d\d")
            terminal.until("the recording has ended")
            terminal.until(r"^\S recording")
            terminal.type("q")
            terminal.ends()


def what_a_screen_recorded_is_verified():
    """A screen asks for a book, trades and bars when its cursor comes to a symbol, and for them no more when it leaves."""
    with Server() as server, folder() as place:
        file = f"{place}/session"
        with Terminal("--url", server.url, "--record", file, "AAPL", "MSFT", "NVDA", columns=170, rows=50) as terminal:
            for symbol in "AAPL", "MSFT", "NVDA":
                terminal.until(rf"{symbol} book(.*\n)*.*\d\.\d\d │")
                terminal.type("j")
            terminal.type("+")
            terminal.until(lambda: os.path.getsize(file) > 50_000)
            terminal.type("q")
            terminal.ends()
        output, errors = run("--replay", file, "--verify", "--speed", "max")
        verdict, count = report(output)
        assert verdict == "no divergence" and errors == "" and count["books"], (output, errors)


def no_recording_has_the_token():
    token = mint()
    with guarded() as server, folder() as place:
        Path(place, "token").write_text(token + "\n")
        for number, (options, environment) in enumerate([
            (["--token-file", f"{place}/token"], {}), ([], {"TICKERFEED_TOKEN": token}),
            (["--token-file", f"{place}/token", "--transport", "sse"], {}),
        ]):
            file = Path(place, f"session{number}")
            output, errors = run("--url", server.url, "--record", str(file), "--once", "AAPL", *options, **environment)
            assert output.startswith("AAPL ") and errors == "", (output, errors)
            kept = file.read_bytes()
            assert b"AAPL" in kept
            assert not any(part in kept for part in token.encode().split(b".")), "the token is in the file"
        for options, word in (["--once"], "--token-file"), (["--verify"], "token"):
            _, errors = run("--url", server.url, *options, "AAPL", status=4)
            assert errors.count("\n") == 1 and word in errors, errors
        _, errors = run("--url", server.url, "--once", "AAPL", status=4, TICKERFEED_TOKEN=token[:-2] + "xx")
        assert errors.count("\n") == 1 and token[:-2] not in errors, errors


run_tests([
    the_simulated_market_is_true, a_market_that_loses_messages_is_true, a_session_of_itch_is_true,
    a_session_of_itch_without_pauses_is_true, a_session_of_itch_that_is_piped_in_is_true_to_its_end, a_session_of_binance_is_true, a_session_of_binance_without_pauses_is_true,
    one_digit_that_was_changed_is_found, through_the_same_middle_man_nothing_else_is_found,
    a_recording_says_the_same_again, a_recording_prints_the_lines_that_were_printed,
    a_recording_that_was_cut_is_used_and_said, a_recording_is_watched_in_a_terminal, what_a_screen_recorded_is_verified,
    no_recording_has_the_token,
])
