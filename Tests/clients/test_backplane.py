#!/usr/bin/env python3
"""What breaks between ingest and fan-out nodes: engines, connections and nodes that go, and what readers are told."""

import asyncio
import re
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from engines import STRANGER, NATSServer, Node, RedisServer
from harness import AUTHORITY, ROOT, after, free_port
from scenes import SYMBOLS, Scene

ENGINES = [RedisServer, NATSServer]
#: Seconds after which who publishes is another, where nothing is heard of the one.
LEASE = 2


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


ODD = ["BRK.B", "BTC/USD", "A>B", "X%", "a:b{c}", "%25", "._-~"]


@on(*ENGINES)
async def names_with_signs(engine):
    """What splits subjects, makes patterns and ends keys elsewhere is a name here."""
    async with Scene(engine(), symbols=ODD) as scene:
        await scene.until(scene.came(100), "no trades")
        await scene.settled()
        tokens = {"".join(each if each.isalnum() or each in "-_" else f"%{ord(each):02X}" for each in name) for name in ODD}
        assert scene.engine.followed() == tokens, scene.engine.followed()


@on(*ENGINES)
async def a_symbol_defined_later(engine):
    async with Scene(engine()) as scene:
        everything = [await scene.watch(node, ["*"]) for node in scene.nodes]
        await scene.until(scene.came(50), "no trades")
        scene.market.define("LATE")
        scene.tell(*scene.market.picture("LATE"))
        later = []
        for node in scene.nodes:
            await scene.until(lambda: "LATE" in node.get("/v1/symbols"), "it is not in the directory")
            later.append(await scene.watch(node, ["LATE"]))
        for watcher in everything + later:
            await scene.until(lambda: watcher.state.get(("trade", "LATE"), {}).get("seq", 0) > 5, "its trades do not come")
        await scene.stand_still()
        watchers = everything + later
        await scene.until(lambda: all(watcher.differs(scene.market, ["LATE"]) is None for watcher in watchers),
                          lambda: [watcher.differs(scene.market, ["LATE"]) for watcher in watchers])
        assert all(scene.total(name) == 0 for name in ("gaps_total", "flaws_total"))


@on(*ENGINES)
async def what_nobody_reads_is_not_followed(engine):
    async with Scene(engine(), nodes=0) as scene:
        node = await scene.enter(Node(scene.url))
        await scene.until(lambda: scene.ingest.figure("batches_total") > 20, "nothing is published")
        assert scene.engine.followed() == set() and node.figure("symbols_followed") == 0
        one = await scene.watch(node, ["S1"])
        await scene.until(lambda: scene.engine.followed() == {"S1"}, scene.engine.followed)
        two = await scene.watch(node, ["S2", "S3"])
        await scene.until(lambda: scene.engine.followed() == {"S1", "S2", "S3"}, scene.engine.followed)
        # Who asks for one that nobody reads is told to ask again, and then has it.
        statuses = set()
        await scene.until(lambda: statuses.add(node.answer("/v1/snapshot/S4")[0]) or 200 in statuses, "no snapshot comes")
        assert statuses <= {200, 503}, statuses
        await scene.stand_still()
        await scene.until(lambda: one.differs(scene.market, ["S1"]) is None and two.differs(scene.market, ["S2", "S3"]) is None,
                          lambda: (one.differs(scene.market, ["S1"]), two.differs(scene.market, ["S2", "S3"])))


# Who may come


async def renewed(engine, prepare=None):
    """With the wrong secret nobody is let in, and says so; the file has the right one then, and all go on by themselves."""
    with tempfile.TemporaryDirectory(prefix="tickerfeed-secret-") as folder:
        secret = Path(folder) / "secret"
        secret.write_text("wrong\n")

        async def before(scene):
            if prepare is not None:
                prepare(scene.engine)
            node = await scene.enter(Node(scene.url, *scene.node_options))
            await scene.until(lambda: not_ready(node), "it is let in")
            assert node.figure("connected") == scene.ingest.figure("connected") == 0
            secret.write_text("right\n")
            await scene.until(lambda: node.figure("connected") == scene.ingest.figure("connected") == 1, "it goes on refused")

        async with Scene(engine, ingest_options=("--publish-secret", str(secret)),
                         node_options=("--feed-secret", str(secret)), before=before) as scene:
            await scene.until(scene.came(), "no trades")
            await scene.settled()


def not_ready(node):
    """It says so, and why."""
    status, why = node.answer("/readyz")
    assert "right" not in why and "wrong" not in why, why
    return status == 503


@on(RedisServer)
async def a_password_is_renewed(engine):
    await renewed(engine(requirepass="right"))


@on(RedisServer)
async def a_users_password_is_renewed(engine):
    def prepare(redis):
        """What docs/BACKPLANE.md gives it, and no more."""
        rules, = re.findall(r"^user tickerfeed on >SECRET (.*)$", (ROOT / "docs/BACKPLANE.md").read_text(), re.M)
        redis.ask("ACL", "SETUSER", "tickerfeed", "on", ">right", *rules.split())

    await renewed(engine(user="tickerfeed"), prepare=prepare)


@on(NATSServer)
async def a_users_secret_is_renewed(engine):
    await renewed(engine("authorization { users: [ { user: feeder, password: right } ] }", user="feeder"))


@on(NATSServer)
async def a_token_is_renewed(engine):
    await renewed(engine("authorization { token: right }"))


@on(*ENGINES)
async def only_the_right_authority_is_believed(engine):
    async with Scene(engine(tls=True), ingest_options=("--publish-ca", AUTHORITY), node_options=("--feed-ca", AUTHORITY)) as scene:
        doubtful = await scene.enter(Node(scene.url, "--feed-ca", STRANGER))
        await scene.until(lambda: not_ready(doubtful), "it believes a stranger")
        await scene.until(scene.came(), "no trades")
        await scene.settled()
        assert doubtful.figure("connected") == doubtful.figure("messages_in_total") == 0


# Engines that go


@on(*ENGINES)
async def an_engine_is_back_at_once_and_empty(engine):
    """Within the lease the one who publishes stays the one: no new life of the feed."""
    async with Scene(engine()) as scene:
        await scene.until(scene.came(), "no trades")
        await asyncio.to_thread(scene.engine.kill)
        await asyncio.to_thread(scene.engine.start)
        await scene.until(scene.came(100), "no more trades")
        await scene.settled()
        assert scene.epochs() == [0, 0], scene.epochs()
        assert all(node.figure("connections_total") == 2 for node in scene.nodes + scene.ingests)
        await joins(scene)


@on(*ENGINES)
async def an_engine_is_back_late_and_empty(engine):
    """Everybody is told that nothing is sure; behind the lease a new life begins."""
    async with Scene(engine()) as scene:
        await scene.until(scene.came(), "no trades")
        await asyncio.to_thread(scene.engine.kill)
        scene.begin_to_listen()
        await scene.until(scene.all_suspect, lambda: [watcher.feeds for watcher in scene.watchers])
        await scene.until(lambda: all(not_ready(node) for node in scene.nodes)
                          and scene.total("symbols_suspect") == 2 * len(SYMBOLS), "that is no figure")
        await scene.until(lambda: not scene.active, "it goes on to believe that it publishes")
        await asyncio.to_thread(scene.engine.start)
        await scene.until(scene.came(100), "no more trades")
        await scene.settled()
        assert scene.epochs() == [1, 1] and scene.ingest.figure("lives_total") == 2, scene.epochs()
        assert all(words[-1] == "live" for watcher in scene.watchers for words in watcher.feeds.values())
        await joins(scene)


async def joins(scene):
    """Who comes later has all of it, too."""
    await scene.stand_still()
    await scene.add_node()
    scene.move()
    await scene.until(scene.came(), "no trades")
    await scene.settled()


@on(RedisServer)
async def connections_are_cut(engine):
    """A node's costs nothing; an ingest node's what was to be published meanwhile, and the gap says so."""
    async with Scene(engine()) as scene:
        for _ in range(3):
            await scene.until(scene.came(), "no trades")
            before = scene.total("connections_total")
            scene.engine.cut()
            await scene.until(lambda: scene.total("connections_total") == before + 2, "they do not come back")
        await scene.until(scene.came(), "no more trades")
        await scene.in_step()
        assert not any(watcher.gaps for watcher in scene.watchers), [watcher.gaps for watcher in scene.watchers]
        assert scene.total("mended_total") + scene.total("restated_total") >= 2 * 3 * len(SYMBOLS)
        scene.move()
        for number in range(2, 4):
            scene.engine.cut(ingest=True)
            await scene.until(lambda: scene.ingest.figure("connections_total") == number, "it does not come back")
            await scene.until(scene.came(), "no more trades")
        await scene.settled()
        assert scene.epochs() == [0, 0], scene.epochs()


@on(*ENGINES)
async def a_node_that_reads_too_slowly_is_cut(engine):
    """Stopped, until the engine does without it; it is told anew what it missed."""
    server = engine() if engine is RedisServer else engine('write_deadline: "300ms"', "max_pending: 2MB")
    # Many that are called at length: each is a message of its own, and mostly name.
    symbols = [f"A-SYMBOL-CALLED-AT-{number:05}" for number in range(100)]
    async with Scene(server, symbols=symbols, ingest_options=("--publish-interval", "1ms")) as scene:
        if engine is RedisServer:
            server.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 500000 0 0")
        await scene.until(scene.came(), "no trades")
        before = len(server.connections())
        scene.nodes[0].process.send_signal(signal.SIGSTOP)
        # The kernel keeps a few megabytes for it first.
        end = time.monotonic() + 40
        while len(server.connections()) == before:
            assert time.monotonic() < end, "it is never cut"
            scene.tell_changes(len(symbols))
            await scene.until(after(0.02), "")
        scene.nodes[0].process.send_signal(signal.SIGCONT)
        await scene.until(scene.came(), "no more trades")
        await scene.settled()
        assert scene.nodes[0].figure("connections_total") == 2 and scene.nodes[1].figure("connections_total") == 1
        assert scene.epochs() == [0, 0], scene.epochs()
        assert not scene.watchers[1].gaps, "the other node's readers have nothing to do with it"


@on(*ENGINES)
async def a_node_is_stopped_for_long(engine):
    """15 s, as when a machine is moved to another."""
    async with Scene(engine()) as scene:
        await scene.until(scene.came(), "no trades")
        scene.nodes[0].process.send_signal(signal.SIGSTOP)
        await scene.until(after(15), "")
        scene.nodes[0].process.send_signal(signal.SIGCONT)
        await scene.until(scene.came(), "no more trades")
        await scene.settled()
        assert scene.epochs() == [0, 0] and not scene.watchers[1].gaps, scene.epochs()


@on(RedisServer)
async def redis_is_emptied(engine):
    """Who reads notices nothing; who comes has the publisher tell it all again."""
    async with Scene(engine()) as scene:
        for _ in range(3):
            await scene.until(scene.came(), "no trades")
            scene.engine.ask("FLUSHALL")
        await scene.until(scene.came(100), "no more trades")
        await scene.in_step()
        assert scene.epochs() == [0, 0] and not any(watcher.gaps for watcher in scene.watchers)
        await joins(scene)


@on(RedisServer)
async def keys_are_deleted(engine):
    """Of one symbol, of a symbol and its events, of the directory, while somebody joins."""
    async with Scene(engine()) as scene:
        await scene.until(scene.came(), "no trades")
        assert scene.engine.keys() >= {"tickerfeed:symbols", "tickerfeed:lease", "tickerfeed:picture:S0", "tickerfeed:events:S0"}
        for _ in range(2):
            delete_some(scene.engine)
            await joins(scene)
            scene.move()
            await scene.until(scene.came(), "no more trades")
        # Nothing happens to it that would have it written anew.
        await scene.stand_still()
        scene.engine.ask("SET", "tickerfeed:picture:S4", "what is no picture")
        node = await scene.add_node()
        await scene.until(lambda: node.figure("symbols_live") == len(SYMBOLS), "it does not recover")
        await scene.in_step()
        assert node.figure("flaws_total") >= 1 and node.figure("refetches_total") >= 1


def delete_some(redis):
    redis.ask("DEL", *(f"tickerfeed:{key}" for key in ("picture:S1", "picture:S2", "events:S2", "events:S3", "symbols")))


@on(NATSServer)
async def a_server_goes_lame(engine):
    """One of three is told to go: its clients are at the others before it ends, and who publishes stays the one."""
    clusters = [free_port() for _ in range(3)]
    servers = [engine('lame_duck_duration: "30s"', 'lame_duck_grace_period: "10s"', cluster=own, routes=clusters)
               for own in clusters]
    url = ",".join([servers[0].url, *(f"127.0.0.1:{server.port}" for server in servers[1:])])
    async with Scene(*servers, url=url, nodes=3) as scene:
        await scene.until(scene.came(), "no trades")
        count = lambda server: len(server.connections())
        lame = max(servers, key=count)
        others = [server for server in servers if server is not lame]
        lame.lame_duck()
        await scene.until(lambda: sum(map(count, others)) == 4, lambda: [server.connections() for server in servers], 8)
        await scene.until(scene.came(100), "no more trades")
        await asyncio.to_thread(lame.kill)
        await scene.until(scene.came(100), "no more trades")
        await scene.settled()
        assert scene.epochs() == [0, 0, 0], scene.epochs()


# Who publishes


@on(*ENGINES)
async def an_ingest_node_is_killed_and_started_anew(engine):
    async with Scene(engine()) as scene:
        await scene.until(scene.came(), "no trades")
        scene.begin_to_listen()
        await asyncio.to_thread(scene.ingest.__exit__, None, None, None)
        await scene.stand_still()
        scene.ingests.clear()
        await scene.until(scene.all_suspect, lambda: [watcher.feeds for watcher in scene.watchers])
        await scene.until(lambda: all(not_ready(node) for node in scene.nodes), "they are ready all the same")
        scene.market.move(50)
        await scene.add_ingest()
        scene.move()
        await scene.until(scene.came(100), "no more trades")
        await scene.settled()
        assert scene.epochs() == [1, 1], scene.epochs()


@on(*ENGINES)
async def the_one_who_publishes_is_killed(engine):
    async with Scene(engine(), ingests=2) as scene:
        one, other = await roles(scene)
        one.process.kill()
        await published_by(other, scene, within=LEASE + 1)
        await scene.until(scene.came(100), "no more trades")
        one.process.wait()
        await scene.settled()
        assert scene.epochs() == [1, 1], scene.epochs()


@on(*ENGINES)
async def the_one_who_publishes_stops_in_order(engine):
    """The lease is given back: nobody waits for its end."""
    async with Scene(engine(), ingests=2) as scene:
        one, other = await roles(scene)
        one.process.terminate()
        await published_by(other, scene, within=1.8)
        await scene.until(scene.came(100), "no more trades")
        assert one.process.wait() == 0
        await scene.settled()
        assert scene.epochs() == [1, 1], scene.epochs()


@on(*ENGINES)
async def the_one_who_publishes_sleeps(engine):
    """What it reads when it wakes up is nobody's business any more."""
    async with Scene(engine(), ingests=2) as scene:
        one, other = await roles(scene)
        one.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        await published_by(other, scene, within=LEASE + 1)
        await scene.until(scene.came(50), "no more trades")
        # Nowhere in the market, and not in its numbers either.
        one.say(*({"sym": symbol, "type": "trade", "price": "1", "size": 1, "id": 10**6 + number}
                  for symbol in SYMBOLS for number in range(20)))
        await scene.until(lambda: time.monotonic() > began + 5, "")
        one.process.send_signal(signal.SIGCONT)
        await scene.until(lambda: not one.active, "it does not stand by")
        await scene.until(scene.came(100), "no more trades")
        await scene.settled()
        read = lambda ingest: ingest.metric("feed_messages_total")
        await scene.until(lambda: read(one) == read(other) + 20 * len(SYMBOLS), "it does not read what it was told")
        await scene.in_step()
        assert scene.epochs() == [1, 1] and scene.active == [other], scene.epochs()


async def roles(scene):
    await scene.until(scene.came(), "no trades")
    [one] = scene.active
    [other] = [each for each in scene.ingests if each is not one]
    return one, other


async def published_by(ingest, scene, within):
    began = time.monotonic()
    await scene.until(lambda: ingest.active, "nobody takes over", 10)
    took = time.monotonic() - began
    assert took < within, f"after {took:.1f} s"


TESTS = [
    # The long ones first: they wait, most of the time.
    a_node_is_stopped_for_long,
    the_one_who_publishes_sleeps,
    a_node_that_reads_too_slowly_is_cut,
    all_is_well,
    names_with_signs,
    a_symbol_defined_later,
    what_nobody_reads_is_not_followed,
    a_password_is_renewed,
    a_users_password_is_renewed,
    a_users_secret_is_renewed,
    a_token_is_renewed,
    only_the_right_authority_is_believed,
    an_engine_is_back_at_once_and_empty,
    an_engine_is_back_late_and_empty,
    connections_are_cut,
    redis_is_emptied,
    keys_are_deleted,
    a_server_goes_lame,
    an_ingest_node_is_killed_and_started_anew,
    the_one_who_publishes_is_killed,
    the_one_who_publishes_stops_in_order,
]
#: Scenarios at a time. Most of each is waiting, for a lease or a pause.
AT_ONCE = 4


async def run(scenario, engine, turns):
    name = f"{scenario.__name__.replace('_', ' ')} on {engine.kind}"
    if sys.argv[1:] and not any(word in f"{scenario.__name__} {engine.kind}" for word in sys.argv[1:]):
        return True
    async with turns:
        began = time.monotonic()
        try:
            await scenario(engine)
        except Exception:
            print(f"not ok  {name} ({time.monotonic() - began:.1f} s)\n{traceback.format_exc()}", flush=True)
            return False
        print(f"ok  {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return True


async def main():
    turns = asyncio.Semaphore(AT_ONCE)
    runs = [run(scenario, engine, turns) for scenario in TESTS for engine in scenario.engines]
    return all(await asyncio.gather(*runs))


if __name__ == "__main__":
    sys.exit(not asyncio.run(main()))
