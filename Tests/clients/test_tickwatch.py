#!/usr/bin/env python3
"""tickwatch as its users meet it: in a terminal, in a pipe, without a server, when one goes and comes."""

import os
import pty
import re
import select
import signal
import subprocess
import termios
import time

from harness import TICKERD, TICKWATCH, Server

PRICE = re.compile(rb"AAPL +\d+\.\d\d")


class Terminal:
    """tickwatch on a terminal of its own."""

    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.output = b""
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [TICKWATCH, *arguments], stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            preexec_fn=lambda: os.environ.update(TERM="xterm-256color"))

    def until(self, pattern, seconds=10):
        """Reads until the pattern has come; what came before it is forgotten."""
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.output)):
            left = end - time.monotonic()
            assert left > 0, f"{pattern} did not come; the end was {self.output[-400:]}"
            if select.select([self.master], [], [], left)[0]:
                self.output += os.read(self.master, 65_536)
        self.output = self.output[found.end():]

    def ends(self, status):
        while self.process.poll() is None:
            if select.select([self.master], [], [], 0.1)[0]:
                self.output += os.read(self.master, 65_536)
        assert self.process.returncode == status, self.process.returncode
        while select.select([self.master], [], [], 0)[0]:
            self.output += os.read(self.master, 65_536)
        assert b"\x1b[?1049l" in self.output and b"\x1b[?25h" in self.output, "the screen was not given back"
        assert termios.tcgetattr(self.slave) == self.before, "the terminal was not restored"
        os.close(self.slave)
        os.close(self.master)


def run(*arguments):
    return subprocess.run([TICKWATCH, *arguments], capture_output=True, text=True, timeout=20)


def prices_come_and_q_gives_the_terminal_back(server):
    terminal = Terminal("--url", server.url, "AAPL", "MSFT")
    terminal.until(PRICE)
    took = time.monotonic() - terminal.began
    terminal.until(PRICE)
    os.write(terminal.master, b"q")
    terminal.ends(0)
    return f"first price after {took * 1000:.0f} ms"


def control_c_gives_the_terminal_back(server):
    terminal = Terminal("--url", server.url, "AAPL")
    terminal.until(PRICE)
    terminal.process.send_signal(signal.SIGINT)
    terminal.ends(0)


def a_terminal_that_goes_away_ends_it(server):
    terminal = Terminal("--url", server.url, "AAPL")
    terminal.until(PRICE)
    os.close(terminal.slave)
    os.close(terminal.master)
    assert terminal.process.wait(5) == 0


def a_killed_server_is_waited_for():
    with Server() as server:
        terminal = Terminal("--url", server.url, "AAPL")
        terminal.until(PRICE)
    terminal.until(rb"next try in")
    # The same port again, as a restart would take it.
    again = subprocess.Popen([TICKERD, "--listen", server.address], stdout=subprocess.DEVNULL)
    try:
        terminal.until(rb"tickwatch  live", 20)
        terminal.until(PRICE)
        os.write(terminal.master, b"q")
        terminal.ends(0)
    finally:
        again.terminate()
        assert again.wait(5) == 0


def a_pipe_gets_a_line_a_change(server):
    lines = subprocess.run(
        f"{TICKWATCH} --url {server.url} AAPL | head -3; echo ${{PIPESTATUS[0]}}", shell=True, text=True,
        executable="/bin/bash", capture_output=True, timeout=20)
    *prices, status = lines.stdout.splitlines()
    assert len(prices) == 3 and status == "0" and lines.stderr == "", lines
    assert "\x1b" not in lines.stdout
    assert all(re.match(r"AAPL (last|bid) \d", line) for line in prices), prices


def wrong_usage_is_one_line_and_exit_2(server):
    for arguments in ([], ["--nope", "AAPL"], ["--rate", "0", "AAPL"], ["--url", "http://x", "AAPL"]):
        ended = run(*arguments)
        assert ended.returncode == 2 and ended.stderr.count("\n") == 1 and not ended.stdout, ended
    for url in (server.url + "?token=sesame", server.url.replace("//", "//ann:sesame@")):
        ended = run("--url", url, "AAPL")
        assert ended.returncode == 2 and "--token-file" in ended.stderr and "sesame" not in ended.stderr, ended


def no_server_is_one_line_and_exit_3():
    ended = run("--url", "ws://127.0.0.1:1/v1/stream", "AAPL")
    assert ended.returncode == 3 and ended.stderr.count("\n") == 1, ended
    assert "ws://127.0.0.1:1/v1/stream" in ended.stderr and "script/serve" in ended.stderr, ended.stderr


def a_refusal_is_one_line_and_exit_4(server):
    ended = run("--url", f"ws://{server.address}/elsewhere", "AAPL")
    assert ended.returncode == 4 and "404" in ended.stderr and ended.stderr.count("\n") == 1, ended


def control_c_in_a_pipe_is_130(server):
    with subprocess.Popen([TICKWATCH, "--url", server.url, "AAPL"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout.readline().startswith(b"AAPL ")
        ended.send_signal(signal.SIGINT)
        assert ended.wait(5) == 130


def unknown_symbols_are_one_line_and_exit_5(server):
    ended = run("--url", server.url, "ZZZZ")
    assert ended.returncode == 5 and "ZZZZ" in ended.stderr and ended.stderr.count("\n") == 1, ended


def the_server_names_wrong_options():
    for arguments, word in [
        (["--speed", "0"], "--speed"), (["--nope"], "--nope"), (["--feed", "/nowhere.itch", "--date", "2020-01-30"], "/nowhere.itch"),
        (["--listen", "7400"], "--listen"), (["--loop"], "--loop"), (["--stall-limit", "-1"], "--stall-limit"),
        (["--date", "2020-13-01", "--feed", "x"], "--date"), (["--feed", "Package.swift"], "Package.swift"),
    ]:
        ended = subprocess.run([TICKERD, *arguments], capture_output=True, text=True, timeout=20)
        assert ended.returncode in (1, 2), (arguments, ended)
        assert word in ended.stderr and ended.stderr.count("\n") == 1, (arguments, ended.stderr)


def main():
    with Server() as server:
        for test in [
            prices_come_and_q_gives_the_terminal_back, control_c_gives_the_terminal_back,
            a_pipe_gets_a_line_a_change, wrong_usage_is_one_line_and_exit_2, a_terminal_that_goes_away_ends_it,
            a_refusal_is_one_line_and_exit_4, control_c_in_a_pipe_is_130, unknown_symbols_are_one_line_and_exit_5,
        ]:
            note = test(server)
            print(f"ok  {test.__name__.replace('_', ' ')}{f' ({note})' if note else ''}", flush=True)
    for test in [a_killed_server_is_waited_for, no_server_is_one_line_and_exit_3, the_server_names_wrong_options]:
        test()
        print(f"ok  {test.__name__.replace('_', ' ')}", flush=True)


main()
