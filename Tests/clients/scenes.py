"""A market, its ingest nodes, an engine, fan-out nodes and who reads there, for the time of a test.

    async with Scene(RedisServer()) as scene:
        scene.engine.kill()
        await scene.until(scene.all_suspect, "nobody was told")
        scene.engine.start()
        await scene.settled()       # every reader has what the market has, and nothing went missing unsaid

The market moves all the time, until `settled` stops it.
"""

import asyncio
import contextlib
import itertools
import json

from engines import Ingest, Node
from harness import eventually, stop
from markets import Market, watching

SYMBOLS = [f"S{number}" for number in range(6)]


class Scene:
    """
    - engine: a server, not running; or several, of which the first is what the rest is said of.
    - url: where nodes are told to go, if not to the engine's own address.
    - ingests, nodes: how many of each. `ingest_options`, `node_options`: more of theirs.
    - before: runs when ingest nodes do, and nothing needs to have gone well.
    """

    def __init__(self, *engines, symbols=SYMBOLS, url=None, ingests=1, nodes=2, ingest_options=(), node_options=(),
                 before=None, seed=1):
        self.engine, self.engines = engines[0], engines
        self.url = url or self.engine.url
        self.market = Market(symbols, seed)
        self.ingest_count, self.node_count = ingests, nodes
        self.ingest_options, self.node_options = ingest_options, node_options
        self.ingests, self.nodes, self.watchers = [], [], []
        self.before = before
        #: Lines of the market a turn of 10 ms.
        self.pace = 8
        self.mover = None

    async def __aenter__(self):
        self.stack = contextlib.AsyncExitStack()
        try:
            # Of a cluster none answers before most are there.
            await asyncio.gather(*(self.enter(engine) for engine in self.engines))
            for _ in range(self.ingest_count):
                await self.add_ingest()
            if self.before is not None:
                await self.before(self)
            await self.until(lambda: self.active, "nobody publishes")
            for _ in range(self.node_count):
                await self.add_node()
        except BaseException:
            await self.stack.aclose()
            raise
        self.move()
        return self

    async def __aexit__(self, *fault):
        await self.stand_still()
        await self.stack.aclose()

    async def enter(self, server):
        """Starts it, until the end, while others go on."""
        self.stack.callback(server.__exit__, None, None, None)
        await asyncio.to_thread(server.__enter__)
        return server

    async def add_ingest(self):
        """Nobody moves the market until it has what there is."""
        ingest = Ingest(self.url, *self.ingest_options, first=self.market.picture())
        self.ingests.append(ingest)
        return await self.enter(ingest)

    async def add_node(self):
        node = await self.enter(Node(self.url, *self.node_options))
        self.nodes.append(node)
        # Where the engine has lost it, the directory takes a moment.
        names = lambda: {each["symbol"] for each in json.loads(node.get("/v1/symbols"))["symbols"]}
        await self.until(lambda: names() >= set(self.market.books), names)
        await self.watch(node, self.market.books)
        return node

    async def watch(self, node, symbols):
        watcher = await self.stack.enter_async_context(watching(node, list(symbols)))
        self.watchers.append(watcher)
        return watcher

    @property
    def ingest(self):
        return self.ingests[0]

    @property
    def active(self):
        """The ingest nodes that publish."""
        return [each for each in self.ingests if each.process.poll() is None and each.active]

    # The market

    def move(self):
        assert self.mover is None, "it moves already"
        self.mover = asyncio.create_task(self.moving())

    async def moving(self):
        while True:
            self.tell(*self.market.move(self.pace))
            await asyncio.sleep(0.01)

    def tell(self, *lines):
        """The same to every ingest node that runs."""
        for ingest in self.ingests:
            with contextlib.suppress(BrokenPipeError):
                ingest.say(*lines)

    async def stand_still(self):
        if self.mover is not None:
            await stop([self.mover])
        self.mover = None

    # What is waited for

    async def until(self, condition, otherwise, patience=20):
        """Waits, while watchers read; `otherwise` is what is wrong if it never comes to be, or a function that says it."""
        tasks = [each.task for each in self.watchers] + ([self.mover] if self.mover else [])

        def holds():
            if condition():
                return True
            for task in tasks:
                if task.done():
                    task.result()
                    raise AssertionError("the node closed the connection")

        await eventually(holds, patience, otherwise)

    def difference(self):
        """Of any watcher and the market; None: there is none."""
        for number, watcher in enumerate(self.watchers):
            if found := watcher.differs(self.market):
                return f"watcher {number} of {len(self.watchers)}: {found}"
        return None

    async def in_step(self, patience=20):
        """The market stands, and everybody has it."""
        await self.stand_still()
        await self.until(lambda: self.difference() is None, self.difference, patience)

    async def settled(self, patience=20):
        """In step, snapshots are too, and nobody is behind by any figure."""
        await self.in_step(patience)
        for node in self.nodes:
            assert (found := self.market.differs_from_snapshot(node)) is None, found
            figures = lambda: {name: node.figure(name) for name in
                               ("symbols_live", "symbols_suspect", "kept_bytes", "connected", "flaws_total")}
            whole = {"symbols_live": len(self.market.books), "symbols_suspect": 0, "kept_bytes": 0, "connected": 1,
                     "flaws_total": 0}
            # Figures are told ten times a second.
            await self.until(lambda: figures() == whole, figures)

    def begin_to_listen(self):
        """What is told from here on counts."""
        for watcher in self.watchers:
            watcher.feeds.clear()
            watcher.gaps.clear()

    def all_suspect(self):
        return all(watcher.was_suspect(self.market.books) for watcher in self.watchers)

    def tell_changes(self, count):
        """So many changes of books at once, and no trades: they cost readers nothing."""
        self.tell(*(self.market.change(symbol) for _, symbol in zip(range(count), itertools.cycle(self.market.books))))

    def came(self, more=30):
        """A condition: so many more trades reached everybody."""
        aims = [watcher.came + more for watcher in self.watchers]
        return lambda: all(watcher.came >= aim for watcher, aim in zip(self.watchers, aims))

    def epochs(self):
        """How many lives of the feed each watcher was told of, beyond the first."""
        return [len(watcher.lives) - 1 for watcher in self.watchers]

    def total(self, name):
        return sum(node.figure(name) for node in self.nodes)
