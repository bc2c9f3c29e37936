#!/usr/bin/env python3
"""An update of all nodes as an operator does it, one after the other, under 500 clients that want each trade."""

import asyncio
import json
import random
import signal
import time

import proxies
import websockets
from engines import NATSServer, Node, RedisServer
from harness import eventually, run_tests, stop
from scenes import Scene

CLIENTS = 500
#: Seconds that a client may be without its stream, once its node has said goodbye.
AWAY = 8


class Traveller:
    """One client that goes on from its cursor wherever it is let in, and knows what it is owed."""

    def __init__(self, url, symbols, seed):
        self.url, self.symbols = f"{url.replace('http', 'ws', 1)}/v1/stream", symbols
        self.random = random.Random(seed)
        self.cursor = None
        self.last, self.shifts, self.gaps = {}, {}, []
        #: Numbers up to which something may come again, by symbol: what a cursor is older by.
        self.again = {}
        self.is_there, self.left = False, time.monotonic()
        #: The longest time without a stream, how often it went on elsewhere, and what it was told when it was refused.
        self.away, self.travels, self.refusals = 0, 0, []

    async def travel(self):
        while True:
            try:
                async with websockets.connect(self.url, ping_interval=None, compression=None) as socket:
                    await self.subscribe(socket)
                    async for text in socket:
                        self.take(json.loads(text))
            except websockets.ConnectionClosed:
                pass
            except (OSError, TimeoutError, websockets.InvalidHandshake) as refusal:
                self.refusals.append(refusal)
            if self.is_there:
                self.is_there, self.left = False, time.monotonic()
            # As a client does that is neither impatient nor one of a herd.
            await asyncio.sleep(self.random.uniform(0.1, 0.5))

    async def subscribe(self, socket):
        fields = {"op": "subscribe", "id": 1, "channel": "trade", "symbols": self.symbols, "rate": 5}
        await socket.send(json.dumps(fields | ({"resume": self.cursor} if self.cursor else {})))

    def take(self, message):
        kind = message["type"]
        if "resume" in message and (kind == "heartbeat" or self.cursor is None):
            self.cursor = message["resume"]
        if kind == "ack":
            assert not message.get("refused"), message
            # The same life of the feed on every node: a cursor is as good there.
            assert self.last == {} or message["resumed"], f"it begins anew: {message}"
            self.again = dict(self.last)
            self.is_there, self.travels = True, self.travels + 1
            self.away = max(self.away, time.monotonic() - self.left)
        elif kind == "trade":
            self.take_trade(message)
        elif kind == "gap":
            self.gaps.append(message)
            self.last[message["sym"]] = max(self.last.get(message["sym"], 0), message["to"])
        assert kind not in ("error", "epoch"), message

    def take_trade(self, message):
        symbol, number = message["sym"], message["seq"]
        last = self.last.get(symbol)
        if last is not None and number <= last:
            assert number <= self.again.get(symbol, 0), f"again without a reason: {message}"
            return
        assert last is None or number == last + 1, f"{message} behind {last}: what was between is missing, and nobody says so"
        self.last[symbol] = number
        shift = self.shifts.setdefault(symbol, number - int(message["trade_id"]))
        assert number - int(message["trade_id"]) == shift, message

    def has_all(self, market):
        return all(self.last.get(symbol, 0) - self.shifts.get(symbol, 0) == market.counts[symbol] for symbol in self.symbols)


class Rolling(Scene):
    """A scene of nodes behind a proxy, which are started again on their ports."""

    OPTIONS = ("--drain", "2", "--max-per-address", "5000")

    def restarted(self, node):
        """Another one in its place."""
        return Node(self.url, "--listen", node.address, *Rolling.OPTIONS)


async def rolled(engine, proxy):
    async with Rolling(engine(), nodes=2, node_options=Rolling.OPTIONS) as scene:
        # One trade of each symbol a second or so: it is clients that are many here.
        scene.pace = 0
        with proxy(scene.nodes) as url:
            names = list(scene.market.books)
            travellers = [Traveller(url, [names[each % 6], names[each // 6 % 6]], each) for each in range(CLIENTS)]
            tasks = [asyncio.create_task(traveller.travel()) for traveller in travellers]
            trading = asyncio.create_task(trade(scene))
            try:
                await all_there(scene, travellers, tasks + [trading])
                for node in list(scene.nodes):
                    await replaced(scene, node)
                    await all_there(scene, travellers, tasks + [trading])
                trading.cancel()
                await eventually(lambda: all(each.has_all(scene.market) for each in travellers), 30, tasks=tasks,
                                 otherwise=lambda: [each.last for each in travellers if not each.has_all(scene.market)][:3])
            finally:
                await stop([*tasks, trading])
        await scene.settled()
        assert sum(each.travels for each in travellers) >= 2 * CLIENTS, "nobody was sent away"
    refusals = sum(len(each.refusals) for each in travellers)
    away = max(each.away for each in travellers)
    assert not any(each.gaps for each in travellers), [each.gaps for each in travellers if each.gaps][:3]
    assert away < AWAY, f"somebody was away for {away:.1f} s"
    return f"{sum(each.travels for each in travellers)} streams, at most {away:.1f} s away, {refusals} refusals"


async def trade(scene):
    while True:
        scene.tell(*(scene.market.trade(symbol) for symbol in scene.market.books))
        await asyncio.sleep(0.5)


async def replaced(scene, node):
    """Stopped in order, and started again in its place; its watcher is another one, too."""
    number = scene.nodes.index(node)
    scene.watchers[number].task.cancel()
    node.process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(node.process.wait) == 0
    scene.nodes[number] = await scene.enter(scene.restarted(node))
    await scene.watch(scene.nodes[number], scene.market.books)
    scene.watchers[number] = scene.watchers.pop()


async def all_there(scene, travellers, tasks):
    """All have a stream, and each of them a trade that came by it."""
    marks = [sum(each.last.values()) for each in travellers]
    await eventually(
        lambda: all(each.is_there and sum(each.last.values()) > mark for each, mark in zip(travellers, marks)), 30,
        tasks=tasks, otherwise=lambda: [str(each.refusals[-1:]) for each in travellers if not each.is_there][:3])


async def nodes_on_redis_behind_nginx():
    return await rolled(RedisServer, proxies.nginx)


async def nodes_on_nats_behind_haproxy():
    return await rolled(NATSServer, proxies.haproxy)


if __name__ == "__main__":
    run_tests([nodes_on_redis_behind_nginx, nodes_on_nats_behind_haproxy])
