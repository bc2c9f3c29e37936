#!/usr/bin/env python3
"""docs/RECIPES.md: what other systems have, piped into tickerd by their own tools, from servers that a test starts."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from harness import ROOT, Server, connected, free_port, listen, listens, run_tests, until

RECIPES = ROOT / "docs/RECIPES.md"
MOSQUITTO = os.environ.get("MOSQUITTO") or shutil.which("mosquitto")
MOSQUITTO_CLIENTS = os.environ.get("MOSQUITTO_CLIENTS") or os.path.dirname(shutil.which("mosquitto_sub") or "")
#: Debian keeps the server beside the version's other programs, off the PATH.
POSTGRESQL = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
QUOTE = '{"sym":"%s","type":"quote","bid":"%s","bid_size":10,"ask":"%s","ask_size":20,"seq":%d}'


def recipe(title):
    """The command that a section shows, without the pipe into tickerd."""
    section = RECIPES.read_text().split(f"\n## {title}\n")[1].split("\n## ")[0]
    command = re.search(r"^```\n(.*?)^```", section, re.M | re.S)[1].replace("\\\n", " ").strip()
    assert command.endswith("| tickerd --feed -"), command
    return command.removesuffix("| tickerd --feed -")


@contextlib.contextmanager
def ended(process):
    """The process, and afterwards nothing of it."""
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def fed_by(command, **environment):
    """tickerd at the end of a recipe's pipe."""
    said = subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT,
                            stderr=subprocess.DEVNULL, env={**os.environ, **environment}, start_new_session=True)
    with ended(said), Server("--feed", "-", stdin=said.stdout) as server:
        said.stdout.close()
        yield server, said


def bid(server, symbol):
    """What it is told of a symbol, None before there is any."""
    with contextlib.suppress(OSError, KeyError):
        return str(server.snapshot(symbol)["quote"]["bid"])
    return None


class Broker:
    """Mosquitto on a port of its own; `start` and `stop` as often as you like."""

    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        (Path(folder) / "mosquitto.conf").write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")

    def start(self):
        self.process = subprocess.Popen([MOSQUITTO, "-c", f"{self.folder}/mosquitto.conf"],
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        until(lambda: listens(self.port) or self.process.poll() is not None)
        assert self.process.poll() is None, "mosquitto did not start"

    def stop(self):
        self.process.kill()
        self.process.wait()

    def publish(self, symbol, price, seq, *options):
        subprocess.run([f"{MOSQUITTO_CLIENTS}/mosquitto_pub", "-p", str(self.port), "-q", "1", *options, "-t",
                        f"ticks/{symbol}", "-m", QUOTE % (symbol, price, price, seq)], check=True)


async def mqtt():
    if not MOSQUITTO or not MOSQUITTO_CLIENTS:
        print("--  no mosquitto here: the recipe for MQTT is not tried", flush=True)
        return
    command = recipe("MQTT: mosquitto_sub").replace("mqtt.example", "127.0.0.1")
    with tempfile.TemporaryDirectory(prefix="tickerfeed-mqtt-") as folder:
        broker = Broker(folder)
        broker.start()
        try:
            command = command.replace("-h 127.0.0.1", f"-h 127.0.0.1 -p {broker.port}")
            # What is retained is there when tickerd begins.
            broker.publish("AAPL", "100.5", 1, "-r")
            with fed_by(command, PATH=f"{MOSQUITTO_CLIENTS}:{os.environ['PATH']}") as (server, _):
                until(lambda: bid(server, "AAPL") == "100.5")
                async with connected(server) as client:
                    await client.subscribe("quote", ["AAPL"], rate="max")
                    for seq in range(2, 12):
                        broker.publish("AAPL", 100 + seq, seq)
                    await listen([client], lambda: client.state.get(("quote", "AAPL"), {}).get("bid") == 111)
                # The broker goes and comes back empty: so does the subscriber, by itself.
                broker.stop()
                broker.start()
                until(lambda: (broker.publish("AAPL", "200", 20), bid(server, "AAPL") == "200")[1])
                assert server.get("/readyz") == "ready\n"
        finally:
            broker.stop()


class Database:
    """PostgreSQL in a folder of its own, over a socket there; as another user where we are root, which it refuses."""

    def __init__(self, folder):
        self.folder = folder
        names = {each.pw_name for each in pwd.getpwall()}
        self.user = ("postgres" if "postgres" in names else "nobody") if os.getuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.environment = {"PGHOST": folder, "PGUSER": "postgres", "PGDATABASE": "postgres",
                            "PATH": f"{POSTGRESQL}:{os.environ['PATH']}"}
        self.run("initdb", "-D", f"{folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")

    def run(self, program, *options):
        subprocess.run([str(POSTGRESQL / program), *options], check=True, stdout=subprocess.DEVNULL,
                       user=self.user, cwd=self.folder)

    def start(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-w", "-l", f"{self.folder}/log", "start",
                 "-o", f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off")

    def stop(self):
        self.run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")

    def ask(self, *statements):
        words = [word for statement in statements for word in ("-c", statement)]
        subprocess.run([str(POSTGRESQL / "psql"), "-qAtX", *words], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, **self.environment})

    def quote(self, symbol, price, seq):
        """The newest of the table, and told to whoever listens: in one transaction."""
        self.ask(f"BEGIN; INSERT INTO quotes VALUES ('{symbol}', {price}, 10, {price}, 20, {seq}) "
                 "ON CONFLICT (sym) DO UPDATE SET bid = excluded.bid, ask = excluded.ask, seq = excluded.seq; "
                 f"SELECT pg_notify('ticks', '{QUOTE % (symbol, price, price, seq)}'); COMMIT")


async def postgresql():
    if POSTGRESQL is None:
        print("--  no PostgreSQL server here: its recipe is not tried", flush=True)
        return
    command = recipe("PostgreSQL: LISTEN and NOTIFY").replace("PGHOST=db.example PGUSER=feed ", "")
    with tempfile.TemporaryDirectory(prefix="tickerfeed-postgresql-") as folder:
        os.chmod(folder, 0o755)
        database = Database(folder)
        database.start()
        try:
            database.ask("CREATE TABLE quotes (sym text PRIMARY KEY, bid numeric, bid_size numeric, ask numeric, "
                         "ask_size numeric, seq bigint)")
            database.quote("AAPL", "100.5", 1)
            with fed_by(command, **database.environment) as (server, script):
                until(lambda: bid(server, "AAPL") == "100.5")
                for seq in range(2, 6):
                    database.quote("AAPL", 100 + seq, seq)
                database.quote("MSFT", "50", 1)
                until(lambda: bid(server, "AAPL") == "105" and bid(server, "MSFT") == "50")
                # The database dies. What changed while nobody listened is in the table.
                database.stop()
                database.start()
                database.quote("MSFT", "51", 2)
                until(lambda: bid(server, "MSFT") == "51")
                database.quote("AAPL", "106", 6)
                until(lambda: bid(server, "AAPL") == "106")
                # It does not outlive its reader.
                server.process.kill()
                server.process.wait()
                until(lambda: (database.quote("AAPL", "107", 7), script.poll())[1] is not None)
        finally:
            database.stop()


async def every_line_that_is_shown_is_understood():
    """And an empty one between them costs nothing."""
    lines = re.findall(r'^\{"sym":.*\}$', RECIPES.read_text(), re.M)
    assert lines
    with tempfile.TemporaryFile() as file:
        file.write("\n\n".join([*lines, ""]).encode())
        file.seek(0)
        with Server("--feed", "-", stdin=file) as server:
            until(lambda: server.metric("feed_ended"))
            anomalies = re.findall(r"^tickerfeed_feed_anomalies_total.* [1-9]\d*$", server.get("/metrics"), re.M)
            assert not anomalies and server.metric("feed_messages_total") == len(lines), anomalies


run_tests([mqtt, postgresql, every_line_that_is_shown_is_understood])
