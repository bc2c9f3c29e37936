#!/usr/bin/env python3
"""tickwatch as its users meet it in a terminal: prices, keys, sizes, jobs, and every way to end."""

import os
import random
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import TICKERD, TICKWATCH, Server, memory, run_tests, until
from piped import Piped, storm
from terminal import Shell, Terminal, busy, state

def priced(symbol, price=r"\d+\.\d\d"):
    """A line of the list with a price; between them is the mark of a state, if any."""
    return rf"(?m)^{symbol} +(?:\S +)?({price}) "


PRICE = priced("AAPL")
#: Parameters of ESC [ … m that choose a colour.
COLOURS = {*range(30, 39), *range(40, 49), *range(90, 108)}


# Ends

def prices_come_and_q_gives_the_terminal_back(server):
    with Terminal("--url", server.url, "AAPL", "MSFT") as terminal:
        terminal.until(PRICE)
        took = time.monotonic() - terminal.began
        assert not terminal.is_back(), "it has taken the terminal"
        terminal.until(priced("MSFT"))
        terminal.type("q")
        terminal.ends()
    return f"first price after {took * 1000:.0f} ms"


def signals_give_the_terminal_back(server):
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        with Terminal("--url", server.url, "AAPL") as terminal:
            terminal.until(PRICE)
            terminal.process.send_signal(number)
            terminal.ends()


def a_crash_gives_the_terminal_back(server):
    for number in signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGQUIT:
        with Terminal("--url", server.url, "AAPL") as terminal:
            terminal.until(PRICE)
            terminal.process.send_signal(number)
            terminal.ends(-number)


def a_terminal_that_goes_away_ends_it(server):
    with Terminal("--url", server.url, "AAPL") as terminal:
        terminal.until(PRICE)
        os.close(terminal.slave)
        os.close(terminal.master)
        assert terminal.process.wait(5) == 0
    # With a shell on it, and with SIGHUP.
    with Shell() as shell:
        watcher = started(shell, server)
        os.close(shell.slave)
        os.close(shell.master)
        assert shell.process.wait(5) is not None
        until(lambda: not state(watcher), 5, "it outlived its terminal")


# Jobs

def started(shell, server, before="", symbols="AAPL"):
    """tickwatch in the foreground of a shell; its process."""
    shell.type(f"{before}{TICKWATCH} --url {server.url} {symbols}\n")
    shell.until(PRICE)
    return shell.watcher


def stop(shell, watcher):
    shell.type("\x1a")
    shell.until(lambda: state(watcher) == "T")
    shell.until(r"Stopped[^\n]*\n(.*\n)*ready>\n*$")


def status(shell):
    shell.until(r"ready>\n*$")
    shell.type("echo status=$?\n")
    return int(shell.until(r"status=(\d+)")[1])


def control_z_stops_it_and_fg_takes_the_terminal_again(server):
    with Shell() as shell:
        watcher = started(shell, server)
        for _ in range(2):
            stop(shell, watcher)
            assert shell.is_back(), "stopped, and the shell has not its terminal"
            shell.type("echo $((6 * 7))\n")
            shell.until(r"(?m)^42$")
            shell.type("fg\n")
            shell.until(PRICE)
            shell.until(r"^\S live")
        shell.type("q")
        assert status(shell) == 0 and shell.is_back()


def in_the_background_it_leaves_the_terminal_alone(server):
    with Shell() as shell:
        watcher = started(shell, server)
        stop(shell, watcher)
        shell.type("bg\n")
        shell.until(lambda: state(watcher) in "RS")
        shell.until(r"ready>\n*$")
        shell.type("echo $((6 * 7))\n")
        shell.until(r"(?m)^42$")
        assert shell.is_back(), "the terminal is the shell's"
        before = busy(watcher)
        time.sleep(1)
        assert busy(watcher) - before < 0.2, "it draws for nobody"
        shell.type("fg\n")
        shell.until(PRICE)
        stop(shell, watcher)
        shell.type("bg\n")
        shell.until(lambda: state(watcher) in "RS")
        # Nobody tells a job of the background that its shell was killed.
        shell.process.kill()
        shell.process.wait()
        os.close(shell.slave)
        os.close(shell.master)
        until(lambda: not state(watcher), 5, "it outlived its terminal")


def control_c_ends_it_and_symbols_may_come_by_a_pipe(server):
    with Shell() as shell:
        started(shell, server)
        shell.type("\x03")
        assert status(shell) == 0 and shell.is_back()
        shell.type("clear() { :; }\n")
        # Keys come from the terminal though standard input has the symbols.
        started(shell, server, before="echo AAPL | ", symbols="-")
        shell.type("q")
        shell.until(lambda: shell.watcher is None)
        shell.until(r"ready>\n*$")
        assert shell.is_back()


# The connection

def a_killed_server_is_waited_for():
    with Server() as server, Terminal("--url", server.url, "AAPL") as terminal:
        terminal.until(PRICE)
        server.process.kill()
        terminal.until(r"^\S next try in \d")
        assert re.search(PRICE, terminal.screen.text), "the last values stay"
        server.process.wait()
        # The same port again, as a restart would take it.
        again = subprocess.Popen([TICKERD, *Server.DEFAULTS, "--listen", server.address], stdout=subprocess.DEVNULL)
        try:
            terminal.until(r"^\S live", 20)
            terminal.until(PRICE)
            terminal.type("q")
            terminal.ends()
        finally:
            again.terminate()
            assert again.wait(5) == 0


# Sizes

def a_storm_of_sizes_leaves_the_last_one_painted(server):
    chance = random.Random(7)
    sizes = [(0, 0), (1, 1), (500, 200), (1, 200), (500, 1), (10, 1), (0, 24), (80, 0)]
    sizes += [(chance.randrange(301), chance.randrange(101)) for _ in range(60)]
    chance.shuffle(sizes)
    with Shell() as shell:
        watcher = started(shell, server, symbols="AAPL MSFT NVDA")
        for columns, rows in [*sizes, (0, 0), (93, 31)]:
            shell.screen.resize(columns, rows)
            shell.set_size(columns, rows)
            shell.read(chance.random() / 50)
            assert state(watcher) not in (None, "Z"), f"{columns}×{rows} ended it"
        shell.until(lambda: re.search(PRICE, shell.screen.text) and "quit" in shell.screen.lines[30])
        assert re.match(r"\S live", shell.screen.lines[0]) and shell.screen.lines[1].startswith("SYMBOL")
        shell.type("q")
        assert status(shell) == 0


# Colours

def colours(terminal):
    return {look for look in terminal.screen.looks if COLOURS & set(look)}


def no_color_means_not_one(server):
    for environment, wanted in ({}, True), ({"NO_COLOR": "1"}, False), ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, False):
        with Terminal("--url", server.url, "AAPL", "MSFT", columns=200, rows=50, **environment) as terminal:
            terminal.until(PRICE)
            for key, shown in ("3", "AAPL trades"), ("4", "AAPL"), ("5", "(?i)server"), ("2", "AAPL book"), ("?", "move up"):
                terminal.type(key)
                terminal.until(shown)
            terminal.type("q")
            terminal.ends()
            assert bool(colours(terminal)) == wanted, (environment, colours(terminal))


def a_dumb_terminal_gets_lines(server):
    with Terminal("--url", server.url, "--for", "1s", "AAPL", TERM="dumb") as terminal:
        terminal.until(lambda: terminal.process.poll() is not None)
        while terminal.read(0):
            pass
        assert terminal.process.returncode == 0 and b"\x1b" not in terminal.output, terminal.output
        lines = terminal.output.decode().splitlines()
        assert lines and all(re.match(r"AAPL (last|bid) \d", line) for line in lines), lines


# Keys

def listed(terminal):
    """The symbols of the list, from above."""
    return [found[0] for found in re.findall(priced("([A-Z]{1,5})"), terminal.screen.text)]


def keys_do_what_they_say(server):
    with Terminal("--url", server.url, "MSFT", "AAPL", "AMZN") as terminal:
        def shows(*symbols):
            terminal.until(lambda: listed(terminal) == list(symbols))

        shows("MSFT", "AAPL", "AMZN")
        terminal.type("?")
        for line in r"q +quit", r"w +write the configuration", r"/ +list only", r"Enter +open":
            terminal.until(line)
        terminal.type(" ")
        shows("MSFT", "AAPL", "AMZN")
        terminal.type("s")
        shows("AAPL", "AMZN", "MSFT")
        terminal.type("s")
        shows("MSFT", "AMZN", "AAPL")
        terminal.type("o")
        shows("MSFT", "AAPL", "AMZN")
        terminal.type("/am")
        terminal.until("filter: am")
        shows("AMZN")
        terminal.type("\r\r")
        terminal.until(r"(?m)^AMZN book")
        terminal.until(r"\d\d\.\d\d │ \d+\.\d\d")
        terminal.type("\x1b")
        shows("AMZN")
        terminal.type("\x1b")
        shows("MSFT", "AAPL", "AMZN")
        terminal.type("ansdq\x7f\x7f\x15nvda\r")
        shows("MSFT", "AAPL", "AMZN", "NVDA")
        terminal.type("\x1b[Fx")
        shows("MSFT", "AAPL", "AMZN")
        terminal.type("q")
        terminal.ends()


def w_writes_what_the_next_start_shows(server):
    with tempfile.TemporaryDirectory(prefix="tickwatch-home-") as home:
        with Terminal("--url", server.url, "MSFT", "AAPL", home=home) as terminal:
            terminal.until(lambda: listed(terminal) == ["MSFT", "AAPL"])
            terminal.type("sw")
            terminal.until("config written")
            terminal.type("q")
            terminal.ends()
        text = Path(home, "tickwatch/config").read_text()
        assert "MSFT, AAPL" in text and "sort = symbol" in text, text
        with Terminal("--url", server.url, home=home) as terminal:
            terminal.until(lambda: listed(terminal) == ["AAPL", "MSFT"])
            terminal.type("o")
            terminal.until(lambda: listed(terminal) == ["MSFT", "AAPL"])
            terminal.type("q")
            terminal.ends()


def a_configuration_that_is_edited_is_adopted_and_faults_are_named(server):
    with Terminal("--url", server.url, "AAPL", columns=140) as terminal:
        terminal.until(PRICE)
        terminal.until("(?m)^SYMBOL.* BID ")
        terminal.configuration.parent.mkdir()
        terminal.configuration.write_text("# mine\ncolumns = symbol, last, volume\n")
        terminal.until("(?m)^SYMBOL +LAST +VOLUME$")
        terminal.configuration.write_text("columns = symbol, last, high\n\npalette = green\ngroup mine = NVDA\n")
        terminal.until("(?m)^SYMBOL +LAST +HIGH$")
        terminal.until("line 3: palette = green; one of ")
        # The lines beside it count.
        terminal.until(priced("NVDA"))
        terminal.type("q")
        terminal.ends()


# A slow terminal

def a_terminal_that_stalls_costs_no_memory_and_then_shows_the_newest():
    rounds, symbols = 1_000, 20
    with Piped() as server, Terminal("--url", server.url, "--rate", "max", "*", columns=160, rows=50) as terminal:
        server.say(*storm(1, symbols))
        terminal.until(priced("A19"))
        before = memory(terminal.watcher)
        events = list(storm(rounds, symbols))
        # Nobody reads the terminal meanwhile.
        most = server.play(events, terminal.watcher)
        last = {symbol: server.snapshot(symbol)["stats"]["last"] for symbol in (f"A{n}" for n in range(symbols))}
        for symbol, price in last.items():
            terminal.until(priced(symbol, f"{price:.2f}"))
        terminal.type("q")
        terminal.ends()
    assert most - before < 16 << 20, f"grown by {most - before} bytes"
    return f"{len(events):,} events, grown by {(most - before) >> 10:,} KiB"


with Server() as server:
    run_tests([
        prices_come_and_q_gives_the_terminal_back, signals_give_the_terminal_back, a_crash_gives_the_terminal_back,
        a_terminal_that_goes_away_ends_it, control_z_stops_it_and_fg_takes_the_terminal_again,
        in_the_background_it_leaves_the_terminal_alone, control_c_ends_it_and_symbols_may_come_by_a_pipe,
        a_storm_of_sizes_leaves_the_last_one_painted, no_color_means_not_one, a_dumb_terminal_gets_lines,
        keys_do_what_they_say, w_writes_what_the_next_start_shows,
        a_configuration_that_is_edited_is_adopted_and_faults_are_named,
    ], server)
run_tests([a_killed_server_is_waited_for, a_terminal_that_stalls_costs_no_memory_and_then_shows_the_newest])
