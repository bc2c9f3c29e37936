#!/usr/bin/env python3
"""tickwatch as scripts meet it: lines in a pipe, how they end, with which status, and for a reader that is slow."""

import csv
import fcntl
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from decimal import Decimal
from pathlib import Path

from harness import ROOT, TICKERD, TICKWATCH, Server, memory, run_tests, said, until
from native import exact
from piped import Piped, quote, storm, trade
from terminal import ENVIRONMENT

ROW = r"[A-Z0-9]+ (last|bid) \d"


def run(*arguments, **more):
    """To its end; nobody waits forever for one that has none."""
    return subprocess.run([TICKWATCH, *arguments], **{
        "capture_output": True, "text": True, "timeout": 20, "env": ENVIRONMENT} | more)


def pipeline(command):
    """A command of the shell around tickwatch, `$T` in it; its output, and the status of each of its parts."""
    done = subprocess.run(
        ["bash", "-c", f'{command}; echo "${{PIPESTATUS[@]}}"'], capture_output=True, text=True, timeout=20,
        env=ENVIRONMENT | {"T": TICKWATCH})
    *lines, statuses = done.stdout.splitlines()
    return lines, statuses.split(), done.stderr


class Watch:
    """tickwatch with a pipe that is read when a test wants to."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [TICKWATCH, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        self.out = self.process.stdout.fileno()
        self.bytes = b""
        self.lines = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def read(self, seconds=0.05):
        if select.select([self.out], [], [], seconds)[0]:
            *lines, self.bytes = (self.bytes + os.read(self.out, 65_536)).split(b"\n")
            self.lines += [line.decode() for line in lines]

    def until(self, condition, seconds=15):
        """Reads until it is so."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"it never came to be; the last lines are {self.lines[-3:]}"
            self.read()

    def next(self):
        """The next line."""
        seen = len(self.lines)
        self.until(lambda: len(self.lines) > seen)
        return self.lines[seen]

    def interrupt(self):
        """Ends it by ^C; what it said on standard error."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=5)
        assert self.process.returncode == 130, self.process.returncode
        return errors.decode()


# Lines

def a_line_a_change_at_once():
    with Piped() as server, Watch("--url", server.url, "AAPL") as watch:
        assert watch.next() == "AAPL bid 0.99 x 102 ask 1.01 x 201"
        for cents in range(101, 120):
            server.say(quote("AAPL", cents))
            line = f"AAPL bid {(cents - 1) / 100:.2f} x {100 + cents % 7} ask {(cents + 1) / 100:.2f} x {200 + cents % 11}"
            assert watch.next() == line
        # The same once more is no change.
        server.say(quote("AAPL", 119), trade("AAPL", 119))
        assert watch.next().startswith("AAPL last 1.19 ")
        # A halt is one, and so is its end.
        server.say({"sym": "AAPL", "type": "status", "market": "halted", "reason": "LUDP"})
        assert re.search("^AAPL last 1.19 .* market halted", watch.next()), watch.lines
        server.say({"sym": "AAPL", "type": "status", "market": "trading"})
        assert re.search("^AAPL last 1.19 .* x 209$", watch.next()), watch.lines
        assert watch.interrupt() == ""


def head_gets_its_lines_and_all_is_quiet(server):
    for count in 1, 3:
        lines, statuses, errors = pipeline(f"$T --url {server.url} AAPL | head -{count}")
        assert len(lines) == count and statuses == ["0", "0"] and errors == "", (lines, statuses, errors)
        assert all(re.match(ROW, line) for line in lines), lines
        assert "\x1b" not in "".join(lines)


def a_pipe_that_is_closed_ends_it_though_nothing_happens():
    with Piped() as server, Watch("--url", server.url, "AAPL") as watch:
        watch.next()
        # Our end is closed, and its number still one that Popen may close.
        with open("/dev/null", "rb") as nothing:
            os.dup2(nothing.fileno(), watch.out)
        assert watch.process.wait(5) == 0 and watch.process.stderr.read() == b""


def json_has_exact_decimals():
    prices = {"bid": "61737.123456789", "ask": "61737.123456791", "bid_size": "0.00000001", "ask_size": "92233720368.5"}
    with Piped() as server:
        server.say({"sym": "BTC/USD", "type": "quote", **prices},
                   {"sym": "BTC/USD", "type": "trade", "price": "61737.00000001", "size": "0.1"})
        until(lambda: server.metric("feed_messages_total") == 3)
        done = run("--url", server.url, "--once", "--json", "BTC/USD")
        assert done.returncode == 0 and done.stdout.count("\n") == 1, done
        row = exact(done.stdout)
        assert row["type"] == "row" and row["sym"] == "BTC/USD" and row["last"] == Decimal("61737.00000001"), row
        assert {name: row[name] for name in prices} == {name: Decimal(value) for name, value in prices.items()}, row


def json_lines_are_the_servers_messages(server):
    done = run("--url", server.url, "--json", "--channel", "quote,trade,book,bar,stats,status", "--for", "1s", "AAPL", "MSFT")
    assert done.returncode == 0 and done.stderr == "", done
    messages = [exact(line) for line in done.stdout.splitlines()]
    assert {message["type"] for message in messages} == {"quote", "trade", "book", "bar", "stats", "status"}
    assert {message["sym"] for message in messages} == {"AAPL", "MSFT"}
    last = {}
    for message in messages:
        name = message["type"], message["sym"], message.get("interval")
        assert message["prev"] == last.get(name, message["prev"] if message.get("snap") else 0), message
        last[name] = message["seq"]


def csv_has_a_header_and_is_read_by_csv(server):
    for options, names in ((["AAPL", "MSFT"], {"symbol", "last", "bid", "ask", "volume"}),
                           (["--channel", "book", "AAPL"], {"symbol", "seq", "side", "price", "size"}),
                           (["--channel", "quote,trade", "AAPL"], {"type", "symbol", "bid", "price"})):
        done = run("--url", server.url, "--csv", "--for", "1s", *options)
        assert done.returncode == 0 and done.stderr == "", done
        rows = list(csv.DictReader(done.stdout.splitlines(), strict=True))
        assert rows and names <= rows[0].keys(), rows[:1]
        for row in rows:
            assert None not in row and None not in row.values() and row["symbol"] in ("AAPL", "MSFT"), row
            assert all(Decimal(row[name]) > 0 for name in ("bid", "ask", "price", "last") if row.get(name)), row


# Ends

def once_is_one_line_a_symbol(server):
    for options in [], ["--json"], ["--csv"]:
        done = run("--url", server.url, "--once", *options, "AAPL", "MSFT", "NVDA")
        lines = done.stdout.splitlines()[1 if options == ["--csv"] else 0:]
        assert done.returncode == 0 and len(lines) == 3, done
        assert sorted(re.search("AAPL|MSFT|NVDA", line)[0] for line in lines) == ["AAPL", "MSFT", "NVDA"], lines
    # All there are, by a pattern.
    done = run("--url", server.url, "--once", "*")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 24, done


def n_is_so_many_lines_and_for_is_so_long(server):
    for count in 1, 7:
        assert run("--url", server.url, "-n", str(count), "AAPL").stdout.count("\n") == count
        assert run("--url", server.url, "--csv", "-n", str(count), "AAPL").stdout.count("\n") == count + 1
    began = time.monotonic()
    done = run("--url", server.url, "--for", "500ms", "AAPL")
    assert time.monotonic() - began > 0.5 and done.returncode == 0 and done.stdout, done


def until_ends_when_it_is_true():
    with Piped() as server, Watch("--url", server.url, "--until", "AAPL.last > 1.90 and AAPL.bid >= 1.5", "AAPL") as watch:
        watch.next()
        for event in trade("AAPL", 190), quote("AAPL", 160):
            server.say(event)
            watch.next()
            assert watch.process.poll() is None, "it is not true yet"
        server.say(trade("AAPL", 191))
        watch.until(lambda: watch.process.poll() is not None)
        assert watch.process.returncode == 0


def every_status_is_given(server):
    feed = ["--url", server.url, "AAPL"]
    for status, arguments, words in [
        (0, [*feed, "--once"], ""), (0, [*feed, "--until", "AAPL.last > 1"], ""),
        (2, [*feed, "--nope"], "--nope"), (2, [*feed, "--until", "AAPL.last >"], "--until"),
        (3, ["--url", "ws://127.0.0.1:1/v1/stream", "AAPL"], "script/serve"),
        (4, ["--url", f"ws://{server.address}/elsewhere", "AAPL"], "404"),
        (5, ["--url", server.url, "ZZZZ"], "ZZZZ"), (5, ["--url", server.url, "--once", "ZZZZ"], "ZZZZ"),
        (7, [*feed, "--until", "AAPL.last > 1000000", "--for", "500ms"], ""),
        (7, [*feed, "--until", "AAPL.last > 1000000", "-n", "2"], ""),
    ]:
        done = run(*arguments)
        assert done.returncode == status and words in done.stderr, (status, arguments, done)
        assert done.stderr.count("\n") == (1 if words else 0) and "\x1b" not in done.stdout, done
    # 6 is for test_tickwatch_verify.py; what the machine does not take is 1.
    with open("/dev/full", "wb") as full:
        done = run("--url", server.url, "--once", "AAPL", capture_output=False, stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done
    with Watch(*feed) as watch:
        watch.next()
        assert watch.interrupt() == ""


def unknown_symbols_beside_known_ones_are_told(server):
    done = run("--url", server.url, "-n", "3", "AAPL", "ZZZZ")
    assert done.returncode == 0 and "ZZZZ" in done.stderr and done.stderr.count("\n") == 1, done
    assert all(line.startswith("AAPL ") for line in done.stdout.splitlines()), done


def wrong_usage_is_one_line_and_exit_2(server):
    for arguments in ([], ["--nope", "AAPL"], ["--rate", "0", "AAPL"], ["--url", "http://x", "AAPL"], ["--json", "--csv", "AAPL"],
                      ["-n", "0", "AAPL"], ["--for", "soon", "AAPL"], ["A\x1b[31mB"], ["@/nowhere", "AAPL"], ["--group", "none"],
                      ["--replay", "/nowhere"], ["--config", "/nowhere", "AAPL"], ["--completions", "tcsh"],
                      ["--demo", "--scenario", "/nowhere.scenario"], ["--demo", "--scenario", "none"]):
        done = run(*arguments)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and not done.stdout, done
        assert "\x1b" not in done.stderr, done
    for url in (server.url + "?token=sesame", server.url.replace("//", "//ann:sesame@")):
        done = run("--url", url, "AAPL")
        assert done.returncode == 2 and "--token-file" in done.stderr and "sesame" not in done.stderr, done


# A demo

def a_demo_plays_scenarios_by_name_and_from_files():
    for scenario in ("burst", str(ROOT / "feeds/scenarios/burst.scenario")):
        done = run("--demo", "--scenario", scenario, "--no-config", "-n", "1", "AAPL")
        assert done.returncode == 0 and done.stdout.startswith("AAPL ") and done.stderr == "", done


# Symbols

def symbols_come_from_files_pipes_and_groups(server):
    def symbols(*arguments, **more):
        done = run("--url", server.url, "--once", *arguments, **more)
        assert done.returncode == 0 and done.stderr == "", done
        return {line.split()[0] for line in done.stdout.splitlines()}

    with tempfile.TemporaryDirectory(prefix="tickwatch-") as folder:
        Path(folder, "list").write_text("# mine\nAAPL, msft\n\nNVDA # the third\n")
        Path(folder, "config").write_text("group tech = AAPL, MSFT\ngroup other = AMZN\n")
        assert symbols(f"@{folder}/list") == {"AAPL", "MSFT", "NVDA"}
        assert symbols("-", input="aapl nvda\n") == {"AAPL", "NVDA"}
        assert symbols("--config", f"{folder}/config", "--group", "tech") == {"AAPL", "MSFT"}
        assert symbols("--config", f"{folder}/config") == {"AAPL", "MSFT", "AMZN"}
        assert symbols("--config", f"{folder}/config", "--group", "other", "NVDA", f"@{folder}/list", "-", input="AVGO") == {
            "AAPL", "MSFT", "NVDA", "AMZN", "AVGO"}
        Path(folder, "list").write_text("AAPL\n!\x1b[2J\n")
        done = run("--url", server.url, f"@{folder}/list")
        assert done.returncode == 2 and "list:2" in done.stderr and "\x1b" not in done.stderr, done


# A slow reader

def stalled(server, watch, rounds, symbols):
    """Nobody reads the pipe while the feed plays to its end; what the client's memory grew by."""
    fcntl.fcntl(watch.out, fcntl.F_SETPIPE_SZ, 4_096)
    watch.until(lambda: any(f"A{symbols - 1}" in line for line in watch.lines))
    before = memory(watch.process.pid)
    most = server.play(list(storm(rounds, symbols)), watch.process.pid)
    # The client has it all when the server has no more for it.
    sent, since = None, time.monotonic()
    while time.monotonic() - since < 0.5:
        if (now := server.metric("messages_total")) != sent:
            sent, since = now, time.monotonic()
        most = max(most, memory(watch.process.pid))
    return most - before


def a_slow_reader_gets_newer_lines_and_the_last_ones():
    rounds, symbols = 1_000, 20
    names = [f"A{number}" for number in range(symbols)]
    with Piped() as server:
        server.say(*storm(1, symbols))
        with Watch("--url", server.url, "--rate", "max", "--json", *names) as watch:
            grown = stalled(server, watch, rounds, symbols)
            wanted = {name: server.snapshot(name) for name in names}

            def is_last():
                rows = {row["sym"]: row for row in map(exact, watch.lines)}
                return all(
                    rows[name]["last"] == wanted[name]["stats"]["last"] and rows[name]["bid"] == wanted[name]["quote"]["bid"]
                    and rows[name]["volume"] == wanted[name]["stats"]["volume"] for name in names)

            watch.until(is_last)
            lines = len(watch.lines)
            errors = watch.interrupt()
    assert lines < rounds * symbols, f"{lines} lines: nothing was merged"
    assert grown < 16 << 20, f"grown by {grown} bytes"
    assert re.search(r"\d+ lines merged", errors) and errors.count("\n") == 1, errors
    return f"{rounds * symbols * 2:,} events, {lines:,} lines, grown by {grown >> 10:,} KiB"


def a_slow_reader_of_trades_is_told_which_it_lost():
    rounds, symbols = 800, 10
    names = [f"A{number}" for number in range(symbols)]
    with Piped() as server:
        server.say(*storm(1, symbols))
        with Watch("--url", server.url, "--rate", "max", "--json", "--channel", "trade", *names) as watch:
            grown = stalled(server, watch, rounds, symbols)
            last = {name: server.snapshot(name)["trade"]["seq"] for name in names}
            watch.until(lambda: {line["sym"]: line.get("seq") for line in map(exact, watch.lines)} == last)
            errors = watch.interrupt()
    seen, gaps = {}, 0
    for line in map(exact, watch.lines):
        first, end = (line["from"], line["to"]) if line["type"] == "gap" else (line["seq"], line["seq"])
        assert first == seen.get(line["sym"], first - 1) + 1, (line, seen[line["sym"]])
        seen[line["sym"]] = end
        gaps += line["type"] == "gap"
    assert gaps and re.search(r"\d+ lost", errors), (gaps, errors)
    assert grown < 16 << 20, f"grown by {grown} bytes"
    return f"{gaps} gaps, grown by {grown >> 10:,} KiB"


def a_reader_that_never_reads_again_keeps_nobody(server):
    with Watch("--url", server.url, "--rate", "max", "--json", "--channel", "book,quote,trade", "--for", "1s", "*") as watch:
        fcntl.fcntl(watch.out, fcntl.F_SETPIPE_SZ, 4_096)
        watch.process.wait(10)
        assert watch.process.returncode == 0


# What the program says of itself

def completions_and_the_manual_are_valid():
    checked = []
    for shell in "bash", "zsh", "fish":
        done = run("--completions", shell)
        assert done.returncode == 0 and "until" in done.stdout, done
        if not shutil.which(shell):
            continue
        with tempfile.NamedTemporaryFile("w", prefix="tickwatch-", suffix=f".{shell}") as file:
            file.write(done.stdout)
            file.flush()
            checking = subprocess.run([shell, "-n", file.name], capture_output=True, text=True, timeout=20)
            assert checking.returncode == 0 and checking.stderr == "", checking
            checked.append(shell)
    manual = run("--man").stdout
    for option in re.findall(r"^ +(?:-\w, )?(--[\w-]+)", run("--help").stdout, re.M):
        assert option.replace("-", "\\-") in manual or option in manual, f"the manual lacks {option}"
    for command in (["mandoc", "-T", "lint"], ["groff", "-man", "-Tutf8", "-z", "-ww"]):
        if shutil.which(command[0]):
            checking = subprocess.run(command, input=manual, capture_output=True, text=True, timeout=20)
            assert checking.returncode == 0 and checking.stdout + checking.stderr == "", checking
            checked.append(command[0])
    return "checked by " + ", ".join(checked)


def bash_completes_options():
    with tempfile.NamedTemporaryFile("w", prefix="tickwatch-", suffix=".bash") as file:
        file.write(run("--completions", "bash").stdout)
        file.flush()
        for words, wanted in ((["--pal"], "--palette"), (["--palette", "blue"], "blue-orange"), (["--encoding", "s"], "sbe")):
            script = (f"source {file.name}; COMP_WORDS=(tickwatch {' '.join(words)}); COMP_CWORD={len(words)}; "
                      f"COMP_LINE=\"tickwatch {' '.join(words)}\"; COMP_POINT=${{#COMP_LINE}}; "
                      "f=$(complete -p tickwatch | sed 's/.*-F \\([^ ]*\\).*/\\1/'); $f tickwatch "
                      f"{words[-1]} tickwatch; echo \"${{COMPREPLY[@]}}\"")
            done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=20)
            assert done.stdout.split() == [wanted] and done.stderr == "", (words, done)


def it_starts_quickly():
    times = []
    for _ in range(15):
        began = time.monotonic()
        assert run("--version").stdout.startswith("tickwatch ")
        times.append(time.monotonic() - began)
    return f"--version after {statistics.median(times) * 1000:.1f} ms, half of the times"


def the_server_names_wrong_options():
    for arguments, word in [
        (["--speed", "0"], "--speed"), (["--nope"], "--nope"), (["--feed", "/nowhere.itch", "--date", "2020-01-30"], "/nowhere.itch"),
        (["--listen", "7400"], "--listen"), (["--loop"], "--loop"), (["--stall-limit", "-1"], "--stall-limit"),
        (["--date", "2020-13-01", "--feed", "x"], "--date"), (["--feed", "Package.swift"], "Package.swift"),
    ]:
        status, _, errors = said(TICKERD, *arguments)
        assert status in (1, 2) and word in errors and errors.count("\n") == 1, (arguments, status, errors)


with Server() as server:
    run_tests([
        head_gets_its_lines_and_all_is_quiet, json_lines_are_the_servers_messages, csv_has_a_header_and_is_read_by_csv,
        once_is_one_line_a_symbol, n_is_so_many_lines_and_for_is_so_long, every_status_is_given,
        unknown_symbols_beside_known_ones_are_told, wrong_usage_is_one_line_and_exit_2,
        symbols_come_from_files_pipes_and_groups, a_reader_that_never_reads_again_keeps_nobody,
    ], server)
run_tests([
    a_line_a_change_at_once, a_pipe_that_is_closed_ends_it_though_nothing_happens, json_has_exact_decimals,
    until_ends_when_it_is_true, a_slow_reader_gets_newer_lines_and_the_last_ones,
    a_slow_reader_of_trades_is_told_which_it_lost, completions_and_the_manual_are_valid, bash_completes_options,
    a_demo_plays_scenarios_by_name_and_from_files, it_starts_quickly, the_server_names_wrong_options,
])
