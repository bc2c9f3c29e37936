"""A market that the test knows: what it tells ingest nodes, and who checks what arrives at the other end.

A `Market` keeps every book, last trade and word of status, and makes the lines that lead there. A `Watcher` is a
WebSocket client that reads all of it from one node all the time, and knows when its own differ from the market's.
"""

import asyncio
import contextlib
import random
import urllib.parse
from decimal import Decimal

import websockets
from harness import Client, stop

WORDS = ("trading", "halted", "paused", "auction")


class Market:
    """Books of ten levels and more on each side around 100.00, trades with a number each, words of status."""

    def __init__(self, symbols, seed=1):
        self.random = random.Random(seed)
        self.books, self.trades, self.words = {}, {}, {}
        #: Trades of each symbol so far; the number of one is its id.
        self.counts = {}
        for symbol in symbols:
            self.define(symbol)

    def define(self, symbol):
        sizes = lambda: self.random.randrange(1, 1000)
        self.books[symbol] = {"bid": {10_000 - each: sizes() for each in range(1, 13)},
                              "ask": {10_000 + each: sizes() for each in range(1, 13)}}
        self.counts[symbol] = 0
        self.words[symbol] = "trading"
        self.trade(symbol)

    def picture(self, *symbols):
        """Lines that say all there is, for an ingest node that begins now."""
        for symbol in symbols or self.books:
            yield {"sym": symbol, "type": "clear", "more": True}
            levels = [(side, price, size) for side, book in self.books[symbol].items() for price, size in book.items()]
            for number, (side, price, size) in enumerate(levels, 1):
                yield level(symbol, side, price, size, more=number < len(levels))
            yield self.trades[symbol]
            yield {"sym": symbol, "type": "status", "market": self.words[symbol]}

    def move(self, count, symbols=None):
        """So many lines of what happens next, of any symbols or of these; they have happened once they are told."""
        names = symbols or list(self.books)
        return [self.step(self.random.choice(names)) for _ in range(count)]

    def step(self, symbol):
        what = self.random.random()
        if what < 0.35:
            return self.trade(symbol)
        if what < 0.37:
            self.words[symbol] = self.random.choice([word for word in WORDS if word != self.words[symbol]])
            return {"sym": symbol, "type": "status", "market": self.words[symbol]}
        return self.change(symbol)

    def trade(self, symbol):
        self.counts[symbol] += 1
        self.trades[symbol] = {
            "sym": symbol, "type": "trade", "price": f"{self.random.randrange(9_900, 10_100) / 100:.2f}",
            "size": self.random.randrange(1, 500), "id": self.counts[symbol],
            "side": self.random.choice(["buy", "sell"])}
        return self.trades[symbol]

    def change(self, symbol):
        """A level's new size, or its end; the side keeps two levels at least."""
        side = self.random.choice(["bid", "ask"])
        book = self.books[symbol][side]
        price = 10_000 + (-1 if side == "bid" else 1) * self.random.randrange(1, 20)
        size = self.random.choice([size for size in range(0, 900, 7) if size != book.get(price, 0)])
        if size == 0 and (price not in book or len(book) < 3):
            size = 901
        if size:
            book[price] = size
        else:
            del book[price]
        return level(symbol, side, price, size)

    def levels(self, symbol, depth=10):
        """As `/v1/snapshot` shows them."""
        bids, asks = (self.books[symbol][side] for side in ("bid", "ask"))
        return [[[Decimal(price).scaleb(-2), Decimal(size)] for price, size in side][:depth]
                for side in (sorted(bids.items(), reverse=True), sorted(asks.items()))]

    def differs(self, symbol, book, quote, trade, status):
        """What of a symbol is not as it is here; None: all of it is. Words of status: market and feed."""
        levels, last = self.levels(symbol), self.trades[symbol]
        [bid, ask] = [side[0] for side in levels]
        for name, here, there in [
                ("book", levels, book),
                ("quote", [*bid, *ask], quote and [quote[each] for each in ("bid", "bid_size", "ask", "ask_size")]),
                ("trade", [Decimal(last["price"]), last["size"], str(last["id"])],
                 trade and [trade["price"], trade["size"], trade["trade_id"]]),
                ("status", [self.words[symbol], "live"], status and [status["market"], status["feed"]])]:
            if here != there:
                return f"{symbol}: {name} is {there}, not {here}"
        return None

    def differs_from_snapshot(self, node):
        """The same for what `/v1/snapshot` of a node says of all symbols."""
        for symbol in self.books:
            said = node.snapshot(urllib.parse.quote(symbol))
            found = self.differs(symbol, [said["book"]["bids"], said["book"]["asks"]], said["quote"], said["trade"],
                                 said["status"])
            if found or said["sym"] != symbol:
                return found or said
        return None


def level(symbol, side, price, size, more=False):
    line = {"sym": symbol, "type": "level", "side": side, "price": f"{price / 100:.2f}", "size": size}
    return line | {"more": True} if more else line


class Watcher(Client):
    """Takes quote, book, trade and status of its symbols, and keeps every trade and word since it began."""

    CHANNELS = {"quote": {"rate": "max"}, "book": {"rate": "max", "crc": True}, "trade": {"rate": "max"},
                "status": {"rate": "max"}}

    def __init__(self, socket):
        super().__init__(socket)
        #: Of each life of the feed: by symbol, what `number - id` of its trades is.
        self.lives = [{}]
        #: Trades that came, of all lives.
        self.came = 0
        #: The feed's words on each symbol, each once it is another.
        self.feeds = {}
        #: Gaps, as they were told.
        self.gaps = []

    async def begin(self, symbols):
        for channel, options in Watcher.CHANNELS.items():
            await self.subscribe(channel, symbols, **options)

    def take(self, message):
        super().take(message)
        kind = message["type"]
        if kind == "epoch":
            # What was before is void.
            assert message["reason"] == "publisher", message
            self.state.clear()
            self.lives.append({})
        elif kind == "gap":
            self.gaps.append(message)
        elif kind == "status":
            words = self.feeds.setdefault(message["sym"], [])
            if words[-1:] != [message["feed"]]:
                words.append(message["feed"])
        elif kind == "trade":
            self.take_trade(message)

    def take_trade(self, message):
        """A number of the feed's is one trade of the market's: as many as one goes on so does the other."""
        self.came += 1
        shift = message["seq"] - int(message["trade_id"])
        begun = self.lives[-1].setdefault(message["sym"], shift)
        assert begun == shift, f"trade {message['trade_id']} is number {message['seq']}, which others were {begun} off"

    def differs(self, market, symbols=None):
        """What is not as it is in the market; None: all of it is, nothing came twice, and nothing is missing unsaid."""
        assert not self.breaks, self.breaks[:3]
        for symbol in symbols or market.books:
            book = self.books.get(symbol)
            found = market.differs(symbol, book and book.levels(), *(
                self.state.get((channel, symbol)) for channel in ("quote", "trade", "status")))
            if found:
                return found
        return None

    def was_suspect(self, symbols):
        """All of these were said to be not as they should, at some time since `feeds` was cleared."""
        return all("suspect" in self.feeds.get(symbol, []) for symbol in symbols)


@contextlib.asynccontextmanager
async def watching(node, symbols):
    """A watcher that reads all the time; what it finds wrong is told by `task`."""
    async with websockets.connect(node.url, ping_interval=None, max_size=None) as socket:
        watcher = Watcher(socket)
        assert (await watcher.read(10))["type"] == "welcome"
        watcher.task = asyncio.create_task(watcher.pump())
        try:
            await watcher.begin(symbols)
            yield watcher
        finally:
            await stop([watcher.task])
            socket.transport.abort()
