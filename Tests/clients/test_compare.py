#!/usr/bin/env python3
"""What `script/compare` counts of a few updates a second is what was owed, in whatever a server speaks."""

import os
import subprocess
import sys

from engines import NATS, REDIS
from harness import ROOT, TICKERD, run_tests

#: Per cent by which a burst more or less at an end of the second may differ; at rate 10 messages wait for their turn.
EDGE, WAITING = 3, 12


def rows(*options):
    tools = {"TICKERD": TICKERD, "REDIS_SERVER": REDIS, "NATS_SERVER": NATS}
    done = subprocess.run([sys.executable, ROOT / "script/compare", *options], env=os.environ | tools, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    lines = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if line.startswith("| ")]
    return done, {line[0]: line[1:] for line in lines[2:]}


def each_server_delivers_what_it_owes():
    done, found = rows("--quick")
    for name in ("TickerFeed, rate 10", "TickerFeed, rate max", "Redis pub/sub", "NATS, WebSocket", "websockets"):
        version, messages, cpu, age, _, cut = found[name]
        share = int(messages.split("(")[1].removesuffix("%)"))
        assert version and float(cpu) > 0 and float(age.strip("*")) > 0 and cut == "0", done.stdout
        assert abs(share - 100) <= (WAITING if name.endswith("10") else EDGE), done.stdout


def wrong_usage_is_one_line():
    done, _ = rows("--slow")
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1 and "--slow" in done.stdout, done.stdout
    done, _ = rows("--rounds", "-1")
    assert done.returncode == 2 and len(done.stdout.splitlines()) == 1 and "1 or more" in done.stdout, done.stdout


run_tests([each_server_delivers_what_it_owes, wrong_usage_is_one_line])
