#!/usr/bin/env python3
"""CPU of tickerd for a TLS connection, full and resumed: bench/handshakes.py [CONNECTIONS]

Each connection asks for /livez once and ends. The server's CPU is that of its threads together, by the
kernel's clock (`schedstat`), so what the client costs is not in it.
"""

import os
import pathlib
import re
import socket
import ssl
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FOLDER = ROOT / "Tests/certificates"
TICKERD = os.environ.get("TICKERD", str(ROOT / ".build/release/tickerd"))
COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 500
ROUNDS = 5


def cpu(process):
    """Microseconds of all threads but ingest's."""
    total = 0
    for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
        if not (task / "comm").read_text().startswith("ingest"):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e3


def ask(port, context, session):
    plain = socket.create_connection(("127.0.0.1", port))
    wrapped = context.wrap_socket(plain, session=session) if context else plain
    wrapped.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    while wrapped.recv(4_096):
        pass
    with wrapped:
        return wrapped.session if context else None


def measure(process, port, context, session=None):
    before = cpu(process)
    for _ in range(COUNT):
        ask(port, context, session)
    return (cpu(process) - before) / COUNT


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    files = ["--tls-cert", FOLDER / "server.pem", "--tls-key", FOLDER / "server.key"]
    for name, options, contexts in (("plain", [], [None]), ("TLS", files, [context])):
        process = subprocess.Popen(
            [TICKERD, "--listen", "127.0.0.1:0", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True)
        try:
            port = next(int(found[1]) for line in process.stdout
                        if (found := re.search(r"(?:127\.0\.0\.1|listen=127\.0\.0\.1):(\d+)", line)))
            session = ask(port, contexts[0], None)
            kinds = [("full", None)] + ([("resumed", session)] if session else [])
            results = {kind: [] for kind, _ in kinds}
            for _ in range(ROUNDS):
                for kind, ticket in kinds:
                    results[kind].append(measure(process, port, contexts[0], ticket))
            for kind, values in results.items():
                print(f"{name} {kind}: {statistics.median(values):.0f} µs a connection "
                      f"[{min(values):.0f}-{max(values):.0f}]")
        finally:
            process.kill()
            process.wait()


main()
