"""The rules of docs/PROTOCOL.md, as a client checks them with nothing but what it was sent.

Chains follows the versions of every subscription, Book builds one book from its differences, and the
functions compare what was told in different ways: bars and merged trades with the trades they are made of.
Everything is exact: numbers are Decimals and integers (native.py).
"""

import struct
import zlib
from decimal import ROUND_HALF_EVEN, Decimal

DATA = ("quote", "trade", "book", "bar", "stats", "status")
CONFLATED = ("quote", "book", "stats")
LENGTHS = {"1s": 10**9, "1m": 60 * 10**9}


def key(message):
    """A subscription's name: channel and symbol; bars have one for each interval."""
    kind = message.get("channel") or message["type"]
    return (f"bar {message['interval']}" if kind == "bar" else kind), message["sym"]


class Chains:
    """The versions of each subscription of one connection: what must follow what."""

    def __init__(self):
        self.last = {}
        self.gaps = {}
        self.breaks = []
        #: Versions replaced by newer ones, as the heartbeat counts them.
        self.merged = 0
        #: Channels that go on from a cursor: their first message is no snapshot.
        self.resumed = set()
        self.ended = set()

    def answered(self, request, ack):
        """A subscription begins anew, or ends, with its answer."""
        channel = request["channel"]
        if channel == "bar":
            channel = f"bar {request['interval']}" if "interval" in request else "bar"
        chosen = [each for each in self.last if each[0].startswith(channel) and matches(each[1], ack["symbols"])]
        for each in chosen:
            del self.last[each]
        if request["op"] == "unsubscribe":
            self.ended.update(chosen)
        else:
            self.ended = {each for each in self.ended if not each[0].startswith(channel)}
            if ack.get("resumed"):
                self.resumed.add(channel)

    def epoch(self, message):
        """A new life of the feed: all that was told is void, and every subscription begins anew."""
        assert message["epoch"] and message["reason"] in ("seek", "publisher"), message
        self.last.clear()
        self.gaps.clear()
        self.resumed.clear()

    def gap(self, message):
        name = key(message)
        last = self.last.get(name)
        if message["to"] < message["from"] or (last is not None and message["from"] != last + 1):
            self.breaks.append((last, message))
        self.last[name] = message["to"]
        self.gaps.setdefault(name, []).append(range(message["from"], message["to"] + 1))

    def take(self, message):
        name = key(message)
        last, seq, prev = self.last.get(name), message["seq"], message["prev"]
        if last is None:
            follows = (message.get("snap") is True and prev == 0) or (
                name[0] in self.resumed and name[0] not in CONFLATED and (prev == 0) == ("snap" in message))
        else:
            follows = prev == last
            # In the middle of a stream only a book may begin anew: its difference was too long to tell.
            follows &= name[0] == "book" or "snap" not in message
        whole = prev == 0 or name[0] != "trade" or seq == prev + 1 or "count" in message or "broken" in message
        if name in self.ended or not follows or seq <= prev or not whole:
            self.breaks.append((last, message))
        if prev:
            self.merged += seq - prev - 1
        self.last[name] = seq


def matches(symbol, patterns):
    return any(symbol == each or (each.endswith("*") and symbol.startswith(each[:-1])) for each in patterns)


class Book:
    """One symbol's price levels at a depth, as a reader keeps them. What is wrong raises."""

    def __init__(self, depth):
        self.depth = depth
        self.bids, self.asks = {}, {}

    def take(self, message):
        assert message.get("snap") or message["bids"] or message["asks"], f"says nothing: {message}"
        for levels, changes in (self.bids, message["bids"]), (self.asks, message["asks"]):
            if message.get("snap"):
                levels.clear()
            for price, size in changes:
                price, size = int(price.scaleb(9)) if isinstance(price, Decimal) else price * 10**9, int(size * 10**8)
                assert levels.get(price, 0) != size, f"changes nothing at {price}: {message}"
                if size:
                    levels[price] = size
                else:
                    del levels[price]
            assert len(levels) <= self.depth, f"{len(levels)} levels at depth {self.depth}: {message}"
        if message.get("snap"):
            assert list(self.bids) == sorted(self.bids, reverse=True), message
            assert list(self.asks) == sorted(self.asks), message
        crossed = bool(self.bids) and bool(self.asks) and max(self.bids) > min(self.asks)
        assert crossed == message.get("crossed", False), message
        if "crc" in message:
            assert message["crc"] == self.crc(), f"not the book that the server sees: {message}"

    def crc(self):
        levels = sorted(self.bids.items(), reverse=True) + sorted(self.asks.items())
        return zlib.crc32(b"".join(struct.pack("<qq", price, size) for price, size in levels))

    def levels(self):
        """As `/v1/snapshot` shows them."""
        sides = (sorted(self.bids.items(), reverse=True), sorted(self.asks.items()))
        return [[[Decimal(price).scaleb(-9), Decimal(size).scaleb(-8)] for price, size in side] for side in sides]


def complete(messages, gaps=()):
    """No number between the first and the last is missing, but for those declared lost."""
    numbers = {message["seq"] for message in messages}
    lost = {number for gap in gaps for number in gap}
    missing = set(range(min(numbers), max(numbers) + 1)) - numbers - lost
    return not missing


def merged_right(message, trades):
    """A trade of mode `latest` adds up the single ones since `prev`. `trades`: by number."""
    first = message["prev"] + 1 if message["prev"] else message["seq"]
    parts = [trades[number] for number in range(first, message["seq"] + 1) if "broken" not in trades[number]]
    assert message["count"] == len(parts), message
    assert message["size"] == sum(part["size"] for part in parts), message
    assert message["high"] == max(part["price"] for part in parts), message
    assert message["low"] == min(part["price"] for part in parts), message
    for field in ("price", "ts", "side", "trade_id"):
        assert message.get(field) == parts[-1].get(field), (field, message, parts[-1])


def bar_right(bar, trades):
    """A closed bar is made of the trades of its interval, which came in the order of their times."""
    end = bar["start"] + LENGTHS[bar["interval"]]
    parts = [trade for trade in trades if bar["start"] <= trade["ts"] < end]
    prices, volume = [part["price"] for part in parts], sum(part["size"] for part in parts)
    assert (bar["open"], bar["high"], bar["low"], bar["close"], bar["volume"], bar["count"]) == (
        prices[0], max(prices), min(prices), prices[-1], volume, len(parts)), (bar, parts)
    vwap = Decimal(sum(part["price"] * part["size"] for part in parts)) / volume
    assert bar["vwap"] == vwap.quantize(Decimal("1e-9"), ROUND_HALF_EVEN), (bar, vwap)
    assert bar["ts"] == end and bar["start"] % LENGTHS[bar["interval"]] == 0, bar


def minute_right(minute, seconds):
    """A closed minute is its closed seconds together. `seconds`: in order, all of that minute."""
    assert minute["volume"] == sum(bar["volume"] for bar in seconds), (minute, seconds)
    assert minute["count"] == sum(bar["count"] for bar in seconds), (minute, seconds)
    assert (minute["open"], minute["close"]) == (seconds[0]["open"], seconds[-1]["close"]), minute
    assert minute["high"] == max(bar["high"] for bar in seconds), minute
    assert minute["low"] == min(bar["low"] for bar in seconds), minute
    vwap = Decimal(sum(bar["vwap"] * bar["volume"] for bar in seconds)) / minute["volume"]
    assert abs(vwap - minute["vwap"]) <= Decimal("1e-9"), (minute, vwap)


def closed_bars_follow(bars):
    """The version of a closed bar counts its trades and itself, so that none can be skipped unseen."""
    for before, bar in zip(bars, bars[1:]):
        assert bar["seq"] == before["seq"] + bar["count"] + 1, (before, bar)
        assert bar["start"] >= before["start"] + LENGTHS[before["interval"]], (before, bar)


def rate_holds(times, rate):
    """At most rate·t + 1 messages between any two moments. `times`: nanoseconds of the server's clock."""
    for first in range(len(times)):
        for span in (1, 2, 5, 10, len(times) - 1 - first):
            if span and first + span < len(times):
                took = (times[first + span] - times[first]) / 1e9
                # The wall clock of the stamps may be slewed against the one that paces.
                assert span <= rate * (took + 0.002), f"{span} messages in {took:.4f} s at {rate} a second"
