#!/usr/bin/env python3
"""User instructions a delivered message, counted by callgrind: the floor's and TickerFeed's.

Time is noisy on shared machines, instructions are not: the same build gives the same number within a
per cent. Each server runs twice, for few and for many messages; the difference is what a message costs.

    bench/instructions.py [messages a write …]     default: 1 8 32
"""
import pathlib
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SUBSCRIBERS, FEW, MANY = 100, 40_000, 160_000
UPGRADE = ("GET {path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def frame(text: str) -> bytes:
    payload = text.encode()
    assert len(payload) < 126
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def servers(batch: int) -> dict[str, tuple[list[str], int, str, str, bytes]]:
    """Command, port, path, subscription, and what a message that counts begins with."""
    return {
        "floor": (
            [str(ROOT / ".build/floor"), "--port", "7497", "--pub", "sat", "--start",
             str(SUBSCRIBERS), "--batch", str(batch), "--life", "300"],
            7497, "/", "SUB S0", b'{"sym":'),
        "TickerFeed": (
            [str(ROOT / ".build/release/tickbench"), "serve-trades", "--port", "7498", "--batch",
             str(batch), "--subscribers", str(SUBSCRIBERS)],
            7498, "/v1/stream",
            '{"op":"subscribe","channel":"trade","symbols":["S0"],"rate":"max"}', b'{"type":"trade"'),
    }


def connect(port: int, path: str, text: str) -> socket.socket:
    for _ in range(200):
        try:
            one = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.05)  # valgrind takes its time to start a server
    one.sendall(UPGRADE.format(path=path).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += one.recv(4_096)
    one.sendall(frame(text))
    one.setblocking(False)
    return one


def run(batch: int, name: str, wanted: int) -> tuple[int, int]:
    """Instructions and messages of one life of a server."""
    command, port, path, text, prefix = servers(batch)[name]
    with tempfile.NamedTemporaryFile() as out, tempfile.TemporaryFile("w+") as errors:
        server = subprocess.Popen(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", *command], stderr=errors)
        sockets = [connect(port, path, text) for _ in range(SUBSCRIBERS)]
        selector = selectors.DefaultSelector()
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        messages = 0
        while messages < wanted:
            for key, _ in selector.select():
                # A message cut by the end of a read is missed: one in some thousands.
                messages += key.fileobj.recv(1 << 20).count(prefix)
        for one in sockets:
            one.close()
        server.send_signal(signal.SIGTERM)
        server.wait()
        errors.seek(0)
        counted = re.search(r"Collected : (\d+)", errors.read())
        assert counted, "callgrind said nothing"
        return int(counted[1]), messages


def main() -> None:
    print("| messages a write | server | user instructions a message |\n| ---: | --- | ---: |")
    for batch in [int(word) for word in sys.argv[1:]] or [1, 8, 32]:
        for name in ("floor", "TickerFeed"):
            few, many = run(batch, name, FEW), run(batch, name, MANY)
            each = (many[0] - few[0]) / (many[1] - few[1])
            print(f"| {batch} | {name} | {each:.0f} |", flush=True)


if __name__ == "__main__":
    main()
