#!/usr/bin/env python3
"""What breaks between ingest and fan-out nodes: engines, connections and nodes that go, and what readers are told."""

import asyncio
import functools
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from engines import AUTHORITY, STRANGER, NATSServer, RedisServer
from harness import after
from proxy import free_port
from scenes import SYMBOLS, Scene

ENGINES = [RedisServer, NATSServer]
#: The lease of who publishes, and how long a node bears hearing nothing.
LEASE, SILENCE = 2, 2


def on(*engines):
    """Which engines a scenario is for."""
    def mark(scenario):
        scenario.engines = engines
        return scenario
    return mark


@on(*ENGINES)
async def all_is_well(engine):
    """Nothing is lost, nothing is doubted, and nothing comes twice."""
    async with Scene(engine()) as scene:
        await scene.until(scene.came(300), "no trades")
        await scene.settled()
        assert scene.epochs() == [0, 0] and not any(watcher.gaps for watcher in scene.watchers)
        assert all("suspect" not in words for watcher in scene.watchers for words in watcher.feeds.values())
        assert scene.total("gaps_total") == scene.total("strays_total") == scene.total("flaws_total") == 0
        assert scene.total("batches_total") > 100 and scene.ingest.figure("batches_total") > 100
        assert scene.ingest.figure("lives_total") == 1 and scene.ingest.figure("refusals_total") == 0

TESTS = [all_is_well]


async def main():
    for scenario in TESTS:
        for engine in scenario.engines:
            began = time.monotonic()
            await scenario(engine)
            print(f"ok  {scenario.__name__.replace('_', ' ')} on {engine.kind} ({time.monotonic() - began:.1f} s)", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
