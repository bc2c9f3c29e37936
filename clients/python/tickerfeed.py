"""A client of TickerFeed for asyncio: subscriptions outlive connections, and readers are never behind.

    import tickerfeed
    async with tickerfeed.connect("http://127.0.0.1:7400/") as feed:
        async for message in feed.subscribe(["AAPL", "MSFT"], channel="quote", rate=10):
            print(message["sym"], message["bid"], message["ask"])

It speaks docs/PROTOCOL.md over WebSocket, events or polls, and goes on by cursor after a break. Messages are
the protocol's JSON objects; prices and sizes are `decimal.Decimal`, times `int` (nanoseconds since 1970). It
needs Python 3.10 and PyPI's `websockets` 15 or later, nothing else. docs/PYTHON.md says how it behaves.

From top to bottom: numbers, books and chains; what a reader has; decisions, which are given time and chance
by their callers; HTTP; the ways to the server; and the feed, which owns them all.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import json
import logging
import random as chance
import ssl
import struct
import time
import urllib.parse
import zlib
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal
from typing import Any, NamedTuple, TypeVar, Union

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus
from websockets.typing import Subprotocol

__all__ = ["Closed", "Counts", "Feed", "Malformed", "Status", "Subscription", "connect"]

Message = dict[str, Any]
Value = TypeVar("Value")
#: A chain of versions: the channel (of bars with the interval, "bar 1m") and the symbol, or a pattern.
Key = tuple[str, str]
Token = Union[str, Callable[[], Union[str, Awaitable[str]]], None]

CHANNELS = ("quote", "trade", "book", "bar", "stats", "status")
CONTROL = ("welcome", "ack", "heartbeat", "gap", "epoch", "error", "goodbye", "expiring")
#: Options that mean something to one channel alone.
OWN = {"depth": "book", "crc": "book", "mode": "trade"}
log = logging.getLogger("tickerfeed")


class Malformed(ValueError):
    """Bytes that are not what the protocol says."""


class Closed(Exception):
    """The feed has ended for good, for `reason`: {"code", "message"}."""

    def __init__(self, reason: Message):
        super().__init__(f"{reason['code']}: {reason['message']}")
        self.reason = reason


# Numbers and messages: exact, whatever the program's decimal context is.

EXACT = Context(prec=64)
DECIMALS = frozenset(
    "bid bid_size ask ask_size price size open high low close last change volume vwap".split())


@functools.lru_cache(maxsize=65_536)
def decimal(units: int, digits: int) -> Decimal:
    """A number in fixed point as the shortest decimal: 585330000000 with 9 digits is 585.33."""
    number = EXACT.normalize(EXACT.scaleb(Decimal(units), -digits))
    return EXACT.quantize(number, Decimal(1)) if int(number.as_tuple().exponent) > 0 else number


def no_number(word: str) -> Decimal:
    raise Malformed(f"{word} is no JSON")


def from_json(text: str | bytes) -> list[Message]:
    """The messages of a text: one, or a poll's array of them."""
    try:
        value = json.loads(text, parse_float=Decimal, parse_constant=no_number)
        return [tidy(message) for message in (value if isinstance(value, list) else [value])]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise Malformed(f"not a message: {error}") from error


def tidy(message: Message) -> Message:
    """Whole prices and sizes become decimals as well."""
    kind = message["type"]
    if kind not in CHANNELS:
        return message
    if not (type(message["seq"]) is type(message["prev"]) is int and isinstance(message["sym"], str)):
        raise Malformed(f"not a version: {message}")
    for name in DECIMALS & message.keys():
        if type(message[name]) is int:
            message[name] = Decimal(message[name])
    if kind == "book":
        for side in ("bids", "asks"):
            message[side] = [[Decimal(price), Decimal(size)] for price, size in message[side]]
    return message


def channel_of(message: Message) -> str:
    """The first half of the key of a data message or a gap."""
    channel: str = message.get("channel") or message["type"]
    return f"bar {message['interval']}" if channel == "bar" else channel


class Binary:
    """Reads one connection's binary frames; remembers which name each symbol number stands for."""

    HEAD = struct.Struct("<4H")
    COMMON = struct.Struct("<QIIQq")
    NULL = -2**63
    #: By template: type, block behind the first 32 bytes, its fields with their decimals; ? may be null.
    LAYOUTS: dict[int, tuple[str, struct.Struct, str]] = {
        1: ("quote", struct.Struct("<4q"), "bid:9? bid_size:8? ask:9? ask_size:8?"),
        2: ("trade", struct.Struct("<qqQQqqB"), "price:9 size:8? trade_id count high:9? low:9? side"),
        3: ("book", struct.Struct("<I"), "crc"),
        4: ("bar", struct.Struct("<8qB"),
            "start open:9 high:9 low:9 close:9 volume:8? vwap:9? count interval"),
        5: ("stats", struct.Struct("<8q"), "open:9 high:9 low:9 last:9 change:9 volume:8? vwap:9? count"),
        6: ("status", struct.Struct("<BB4s"), "market feed reason"),
        9: ("trade", struct.Struct("<Qqq"), "broken price:9? size:8?"),
    }
    WORDS = {"market": ("closed", "trading", "halted", "paused", "auction"), "interval": ("1s", "1m"),
             "feed": ("live", "quiet", "stale", "suspect"), "side": (None, "buy", "sell")}

    def __init__(self) -> None:
        self.names: dict[int, str] = {}

    def read(self, frame: bytes) -> list[Message]:
        """All messages of a frame, in the words of the JSON protocol."""
        messages: list[Message] = []
        try:
            at = 0
            while at < len(frame):
                at = self._message(frame, at, messages)
        except (struct.error, LookupError, UnicodeDecodeError) as error:
            raise Malformed(f"not a binary message: {error!r}") from error
        return messages

    def _message(self, frame: bytes, at: int, messages: list[Message]) -> int:
        length, template, schema, _ = self.HEAD.unpack_from(frame, at)
        block: int = at + 8
        end: int = block + length
        if schema != 7400 or end > len(frame):
            raise Malformed(f"schema {schema}, {length} bytes at {at}")
        if template == 7:
            number, = struct.unpack_from("<I", frame, block)
            self.names[number] = frame[block + 16:block + 40].rstrip(b"\0").decode("ascii")
        elif template == 8:
            recv, sent = struct.unpack_from("<qq", frame, block)
            messages[-1] |= {"recv": recv, "sent": sent}
        elif template in self.LAYOUTS:
            messages.append(message := self._data(frame, block, template))
            if template == 3:
                for side in ("bids", "asks"):
                    message[side], end = self._levels(frame, end)
        return end

    def _data(self, frame: bytes, block: int, template: int) -> Message:
        kind, layout, names = self.LAYOUTS[template]
        prev, symbol, flags, seq, ts = self.COMMON.unpack_from(frame, block)
        message: Message = {"type": kind, "sym": self.names[symbol], "seq": seq, "ts": ts, "prev": prev}
        for name, value in zip(names.split(), layout.unpack_from(frame, block + 32)):
            name, _, digits = name.partition(":")
            if digits:
                absent = value == self.NULL and digits[1:] == "?"
                value = None if absent else decimal(value, int(digits[0]))
            elif name in self.WORDS:
                value = None if (name, value) == ("side", 255) else self.WORDS[name][value]
            message[name] = value
        for bit, name in ((1, "snap"), (2, "crossed")):
            if flags & bit:
                message[name] = True
        return self._as_json(message, template, flags)

    def _as_json(self, message: Message, template: int, flags: int) -> Message:
        """What JSON says in other words, or leaves out."""
        absent: Iterable[str] = ()
        if template == 2:
            absent = [name for name, none in (("side", None), ("trade_id", 0)) if message[name] == none]
            absent += ("count", "high", "low") if not message["count"] else ()
            message["trade_id"] = str(message["trade_id"])
        elif template == 9:
            absent = ("price", "size") if message["size"] is None else ()
            message["broken"] = str(message["broken"])
        elif template == 3 and not flags & 8:
            absent = ("crc",)
        elif template == 4:
            message["closed"] = bool(flags & 4)
        elif template == 6:
            message["reason"] = message["reason"].rstrip(b"\0").decode("ascii")
        for name in absent:
            del message[name]
        return message

    def _levels(self, frame: bytes, at: int) -> tuple[list[list[Decimal]], int]:
        length, count = struct.unpack_from("<HH", frame, at)
        starts = range(at + 4, at + 4 + length * count, length) if length else ()
        levels = [struct.unpack_from("<qq", frame, start) for start in starts]
        return [[decimal(price, 9), decimal(size, 8)] for price, size in levels], at + 4 + length * count


class Book:
    """One symbol's levels as the messages so far leave them. `ok`: it is what the server sees."""

    def __init__(self) -> None:
        self.bids: dict[Decimal, Decimal] = {}
        self.asks: dict[Decimal, Decimal] = {}
        self.ok = False
        self.last: Message = {}

    def take(self, message: Message) -> bool:
        """Whether the book agrees with the message's checksum, if it has one."""
        for levels, changes in (self.bids, message["bids"]), (self.asks, message["asks"]):
            if message.get("snap"):
                levels.clear()
            for price, size in changes:
                if size:
                    levels[price] = size
                else:
                    levels.pop(price, None)
        self.last = message
        self.ok = "crc" not in message or message["crc"] == self.crc()
        return self.ok

    def sides(self) -> tuple[list[tuple[Decimal, Decimal]], list[tuple[Decimal, Decimal]]]:
        """Bids and asks, best first."""
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())

    def crc(self) -> int:
        """CRC-32 over bids, then asks, each level as 64 bits of 1e-9 and 64 of 1e-8."""
        levels = [level for side in self.sides() for level in side]
        units = ((int(EXACT.scaleb(price, 9)), int(EXACT.scaleb(size, 8))) for price, size in levels)
        return zlib.crc32(b"".join(struct.pack("<QQ", price % 2**64, size % 2**64) for price, size in units))

    def whole(self) -> Message:
        """The newest message with all levels in place of those that differ."""
        bids, asks = ([[*level] for level in side] for side in self.sides())
        return {**self.last, "bids": bids, "asks": asks, "ok": self.ok}


class Chains:
    """What must follow what: the newest version of each chain, over all connections of an epoch."""

    def __init__(self) -> None:
        self.last: dict[Key, int] = {}
        #: Chains that only a snapshot mends.
        self.waiting: set[Key] = set()

    def take(self, key: Key, message: Message) -> str:
        """"take", "drop" what is known already, "lost": something before it never came, or "jump": a snapshot
        that can mend it, behind versions that will not come."""
        last, seq, prev = self.last.get(key), message["seq"], message["prev"]
        if not message.get("snap"):
            if key in self.waiting or last is not None and seq <= last:
                return "drop"
            if key[0] == "book" and prev != last:
                self.waiting.add(key)
                return "lost"
            if last is not None and prev > last:
                self.last[key] = seq
                return "lost"
        skipped = last is not None and seq > last + 1 and "snap" in message
        self.waiting.discard(key)
        self.last[key] = seq
        return "jump" if skipped and key[0] in ("trade", "status") else "take"

    def gap(self, key: Key, to: int) -> bool:
        """Whether a declared gap says anything new."""
        if to <= self.last.get(key, -1):
            return False
        self.last[key] = to
        return True

    def forget(self, key: Key) -> None:
        """The chain begins anew: another epoch."""
        self.last.pop(key, None)
        self.waiting.discard(key)


# What a program holds.


class Listeners:
    """Callbacks by event. One that raises is logged, and stops nothing."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Callable[..., object]]] = {}

    def on(self, event: str, callback: Callable[..., object]) -> Callable[[], None]:
        """Calls back at each event from now on; what is returned ends that."""
        listeners = self._listeners.setdefault(event, [])
        listeners.append(callback)
        return lambda: listeners.remove(callback) if callback in listeners else None

    def _tell(self, event: str, *what: object) -> None:
        for callback in tuple(self._listeners.get(event, ())):
            try:
                callback(*what)
            except Exception:
                log.exception("a listener of %r raised", event)


class State(Mapping[str, Message]):
    """The newest message of each symbol; of a book the whole of it."""

    def __init__(self) -> None:
        self.messages: dict[str, Message | Book] = {}

    def __getitem__(self, symbol: str) -> Message:
        newest = self.messages[symbol]
        return newest.whole() if isinstance(newest, Book) else newest

    def __iter__(self) -> Iterator[str]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)


class Subscription(Listeners):
    """Some symbols on one channel; iterate over it for its messages, or ask `state` for the newest.

    A reader that is slow gets the newest state of each symbol, once. What must not be merged (trades of mode
    every, words of status, closed bars) is queued, at most `queue` messages; what is beyond comes as one
    `gap` a symbol with the reason "reader". Gaps and epochs stand in line with trades, status and bars alone.
    """

    def __init__(self, feed: Feed, symbols: Sequence[str], channel: str, options: Message, queue: int):
        super().__init__()
        self.symbols, self.channel, self.state = tuple(symbols), channel, State()
        self._feed, self._options, self._limit = feed, options, queue
        self._exact = {name for name in symbols if not name.endswith("*")}
        self._prefixes = tuple(name[:-1] for name in symbols if name.endswith("*"))
        self._queue: deque[Message] = deque()
        self._lost: dict[str, Message] = {}
        self._newest: dict[str, Message | Book] = {}
        self._seen: dict[str, int] = {}
        self._ready = asyncio.Event()
        self._ended = False

    def set(self, *, rate: float | str) -> None:
        """Another rate, updates a second for each symbol or "max"."""
        self._options = {**self._options, "rate": rate}
        self._feed._changed()

    def close(self) -> None:
        """Ends it: readers get what is there, then their loops end."""
        self._ended = True
        self._ready.set()
        self._feed._drop(self)

    def wants(self, symbol: str) -> bool:
        """Whether the symbol, or pattern, is among its symbols."""
        return symbol in self.symbols or symbol.startswith(self._prefixes)

    @property
    def waiting(self) -> int:
        """Messages that the reader has not taken yet."""
        return len(self._queue) + len(self._newest)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> Message:
        while True:
            if self._queue:
                message = self._queue.popleft()
                if self._lost.get(message.get("sym", "")) is message:
                    del self._lost[message["sym"]]
                return message
            if self._newest:
                newest = self._newest.pop(next(iter(self._newest)))
                return newest.whole() if isinstance(newest, Book) else newest
            if self._feed._failure:
                raise Closed(self._feed._failure)
            if self._ended:
                raise StopAsyncIteration
            self._ready.clear()
            await self._ready.wait()

    def _give(self, message: Message, book: Book | None = None) -> None:
        symbol, seq = message["sym"], message["seq"]
        if single := self._is_single(message):
            if seq <= self._seen.get(symbol, -1):
                return
            self._seen[symbol] = seq
        self.state.messages[symbol] = book or message
        self._tell("update", message, book.whole() if book and "update" in self._listeners else None)
        if single:
            self._newest.pop(symbol, None)
            self._append(message, seq if message.get("snap") else message["prev"] + 1, seq)
        else:
            self._newest[symbol] = book or message
        self._ready.set()

    def _is_single(self, message: Message) -> bool:
        if message["type"] == "bar":
            return bool(message["closed"])
        return self.channel == "status" or self.channel == "trade" and self._options.get("mode") != "latest"

    def _append(self, message: Message, first: int, last: int) -> None:
        symbol = message["sym"]
        if lost := self._lost.get(symbol):
            lost["to"] = last
        elif len(self._queue) < self._limit:
            self._queue.append(message)
        else:
            channel, _, interval = self.channel.partition(" ")
            self._lost[symbol] = gap = {"type": "gap", "sym": symbol, "channel": channel, "from": first,
                                        "to": last, "reason": "reader"}
            gap |= {"interval": interval} if interval else {}
            self._queue.append(gap)
            self._tell("gap", gap)
        self._ready.set()

    def _give_gap(self, gap: Message) -> None:
        self._tell("gap", gap)
        if self.channel not in ("quote", "book", "stats"):
            self._append(gap, gap["from"], gap["to"])

    def _give_epoch(self, message: Message, covered: Callable[[str], bool]) -> None:
        """What is queued is history, and of the old epoch; states are worth nothing any more."""
        symbols: dict[str, Any]
        for symbols in (self.state.messages, self._newest, self._seen, self._lost):
            for symbol in [symbol for symbol in symbols if covered(symbol)]:
                del symbols[symbol]
        if self.channel not in ("quote", "book", "stats") and (not self._queue or self._queue[-1] != message):
            self._queue.append(message)
            self._ready.set()


# Decisions. No clock, no chance, no I/O: callers pass them in.


class Ended(Exception):
    """Why a connection is over, and what then: "back", another way as this one is "blocked", or "final"."""

    def __init__(self, code: str | int, message: str = "", then: str = "back", least: float = 0,
                 hint: str = ""):
        super().__init__(f"{code}: {message}")
        self.then, self.least = then, least
        self.reason: Message = {"code": code, "message": message} | ({"hint": hint} if hint else {})


def judged(code: str | int, message: str = "", renewable: bool = False, least: float = 0,
           hint: str = "") -> Ended:
    """The class of a close code, a goodbye's or an error's. `renewable`: a token can be asked for anew."""
    then = "back"
    if code in (4401, "unauthenticated", "forbidden", "token_expired"):
        then = "back" if renewable else "final"
    elif code in (1002, 1003, 1007, 1009, 1010, 4403, "entitlement_withdrawn"):
        then = "final"
    elif code == 1008 and ("token" in message or "unauthenticated" in message):
        then = "final"
    return Ended(code, message, then, max(least, 5 if code == 4429 else 0), hint)


class Backoff:
    """How long to wait: anything up to a limit that doubles, behind what the server asked for at least."""

    def __init__(self, random: Callable[[], float], base: float = 0.5, cap: float = 30):
        self.random, self.base, self.cap = random, base, cap
        self.attempt = 0

    def next(self, least: float = 0) -> float:
        """Seconds from now to the next attempt."""
        limit = min(self.cap, self.base * 2.0 ** min(self.attempt, 32))
        self.attempt += 1
        return least + self.random() * limit

    def healthy(self, seconds: float) -> None:
        """A connection lived so long; from ten seconds on the next wait is a first one."""
        if seconds >= 10:
            self.attempt = 0


class Ladder:
    """Which transport is tried: down where one is blocked, and up again once a probe got through."""

    def __init__(self, transport: str, random: Callable[[], float]):
        self.rungs = ("websocket", "events", "poll") if transport == "auto" else (transport,)
        self.rung = 0
        self.reason: Message | None = None
        self.probes = Backoff(random, 30, 300)
        self.probe_at = 0.0

    @property
    def transport(self) -> str:
        return self.rungs[self.rung]

    def down(self, reason: Message, now: float) -> bool:
        """Whether there is a lower rung; then it is on it."""
        if self.rung + 1 >= len(self.rungs):
            return False
        if not self.rung:
            self.probe_at = now + self.probes.next()
        self.rung, self.reason = self.rung + 1, reason
        return True

    def missed(self, now: float) -> None:
        """A probe did not get through."""
        self.probe_at = now + self.probes.next()

    def up(self) -> None:
        self.rung, self.reason, self.probes.attempt = 0, None, 0


class Budget:
    """At most so many operations a second, and so many at once."""

    def __init__(self, rate: float = 40, burst: float = 40):
        self.rate, self.burst, self.left, self.at = rate, burst, burst, 0.0

    def wait(self, now: float) -> float:
        """Takes one, and says how many seconds to wait before it may be sent."""
        self.left = min(self.burst, self.left + (now - self.at) * self.rate) - 1
        self.at = now
        return max(0.0, -self.left / self.rate)


@dataclass(eq=False)
class Wanted:
    """What somebody wants of the server: one name or pattern on one channel, with its options."""

    key: Key
    options: Message = field(default_factory=dict)
    #: Where to go on, and when that was heard.
    cursor: tuple[str, float] | None = None
    epoch: str | None = None
    #: Who brings it now.
    way: Way | None = None

    def head(self) -> Message:
        """What a request says of the channel."""
        channel, _, interval = self.key[0].partition(" ")
        return {"channel": channel} | ({"interval": interval} if interval else {})


def covers(pattern: str, name: str) -> bool:
    return pattern.endswith("*") and pattern != name and name.startswith(pattern[:-1])


def planned(sent: dict[Key, Message], wanted: Mapping[Key, Wanted]) -> list[Message]:
    """The operations that lead from what a WebSocket was asked for to what is wanted; `sent` is that then.

    A pattern in `set` and `unsubscribe` is meant for every name that it covers, so these are told anew.
    """
    steps: list[tuple[Message, str]] = []

    def subscribe(each: Wanted, name: str, resume: bool) -> None:
        cursor = {"resume": each.cursor[0]} if resume and each.cursor else {}
        steps.append(({"op": "subscribe", **each.head(), **each.options, **cursor}, name))

    for key in [key for key in sent if key not in wanted]:
        if sent.pop(key, None) is None:
            continue
        over = [each for each in wanted.values() if each.key[0] == key[0] and covers(each.key[1], key[1])]
        if over:
            subscribe(over[-1], key[1], False)
            continue
        steps.append(({"op": "unsubscribe", **Wanted(key).head()}, key[1]))
        for other in [other for other in sent if other[0] == key[0] and covers(key[1], other[1])]:
            del sent[other]
    for key, each in wanted.items():
        had = sent.get(key)
        if had is None or {**had, "rate": 0} != {**each.options, "rate": 0}:
            subscribe(each, key[1], True)
        elif had["rate"] != each.options["rate"]:
            steps.append(({"op": "set", **each.head(), "rate": each.options["rate"]}, key[1]))
            for other in sent:
                if other[0] == key[0] and covers(key[1], other[1]):
                    sent[other] = {**sent[other], "rate": each.options["rate"]}
        sent[key] = dict(each.options)
    return gathered(steps)


def gathered(steps: Iterable[tuple[Message, str]]) -> list[Message]:
    """Requests of at most 512 symbols, 16 of them patterns, in the order of the steps."""
    requests: list[Message] = []
    for head, name in steps:
        last = requests[-1] if requests else {}
        names: list[str] = last.get("symbols", [])
        if {**last, "symbols": 0} == {**head, "symbols": 0} and fits(names, name):
            names.append(name)
        else:
            requests.append({**head, "symbols": [name]})
    return requests


def fits(names: Sequence[str], name: str) -> bool:
    patterns = sum(each.endswith("*") for each in (*names, name))
    return len(names) < 512 and patterns <= 16


class Group(NamedTuple):
    """Subscriptions that one query can name."""

    query: str
    wanted: tuple[Wanted, ...]


def grouped(wanted: Iterable[Wanted], room: int = 1_800, most: int = 4) -> tuple[list[Group], list[Wanted]]:
    """Streams over HTTP: what has the same options together, then channels of the same symbols together.

    A query is at most `room` bytes, there are at most `most` of them; the second list is what is left out.
    """
    alike: dict[str, list[Wanted]] = {}
    for each in wanted:
        alike.setdefault(json.dumps([each.key[0], each.options], sort_keys=True), []).append(each)
    merged: list[tuple[Message, list[list[Wanted]]]] = []
    for bucket in alike.values():
        head = {**bucket[0].head(), **bucket[0].options}
        for at, (other, buckets) in enumerate(merged):
            if names_of(bucket) == names_of(buckets[0]) and can_share(head, other):
                buckets.append(bucket)
                merged[at] = ({**other, **head, "channel": f"{other['channel']},{head['channel']}"}, buckets)
                break
        else:
            merged.append((head, [bucket]))
    groups = [group for head, buckets in merged for group in split(head, buckets, room)]
    return groups[:most], [each for group in groups[most:] for each in group.wanted]


def names_of(bucket: Iterable[Wanted]) -> set[str]:
    return {each.key[1] for each in bucket}


def can_share(one: Message, other: Message) -> bool:
    """Whether one query can say both: no option differs, none would mean something else to the other."""
    if "latest" in (one.get("mode"), other.get("mode")) or one["channel"] in other["channel"].split(","):
        return False
    own = one.keys() & other.keys() - {"channel"}
    return all(one.get(name) == other.get(name) for name in {"rate", "stamps", "on_slow"} | own)


def split(head: Message, buckets: list[list[Wanted]], room: int) -> Iterator[Group]:
    """A group's names over as many queries as they need."""
    by_name: dict[str, list[Wanted]] = {}
    for each in (each for bucket in buckets for each in bucket):
        by_name.setdefault(each.key[1], []).append(each)
    words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in head.items()}
    says = "&".join(f"{name}={value}" for name, value in words.items())

    def group(names: Sequence[str]) -> Group:
        text = ",".join(urllib.parse.quote(name, safe="*") for name in names)
        return Group(f"{says}&symbols={text}", tuple(each for name in names for each in by_name[name]))

    names: list[str] = []
    for name in by_name:
        if names and (len(group([*names, name]).query) > room or not fits(names, name)):
            yield group(names)
            names = []
        names.append(name)
    yield group(names)


class Events:
    """Server-sent events from bytes that are cut anywhere: (event, id or None, data)."""

    def __init__(self) -> None:
        self._rest = b""
        self._fields: dict[str, list[str]] = {}

    def read(self, piece: bytes) -> list[tuple[str, str | None, str]]:
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        return [event for line in lines for event in self._line(line.rstrip(b"\r"))]

    def _line(self, line: bytes) -> list[tuple[str, str | None, str]]:
        if line:
            try:
                name, _, value = line.decode().partition(":")
            except UnicodeDecodeError as error:
                raise Malformed(f"an event that is not UTF-8: {error}") from error
            self._fields.setdefault(name, []).append(value.removeprefix(" "))
            return []
        fields, self._fields = self._fields, {}
        if not fields.keys() & {"id", "data"}:
            return []
        mark = fields["id"][-1] if "id" in fields else None
        return [(fields.get("event", ["message"])[-1], mark, "\n".join(fields.get("data", [])))]


# HTTP/1.1, as much of it as there is to read: one request after the other, no redirects.

NETWORK = (OSError, EOFError, asyncio.TimeoutError, asyncio.LimitOverrunError)


async def stopped(*tasks: asyncio.Future[Any] | None) -> None:
    """Cancels tasks and waits until they are gone; one that overhears it is told again."""
    running = {task for task in tasks if task}
    while running:
        for task in running:
            task.cancel()
        done, running = await asyncio.wait(running, timeout=3)
        for task in done:
            # An exception that nobody asks for is logged.
            _ = task.cancelled() or task.exception()


async def within(seconds: float, work: Coroutine[Any, Any, Value]) -> Value:
    """Like `asyncio.wait_for`, which before 3.12 may swallow a cancellation as the work gets done."""
    task = asyncio.ensure_future(work)
    try:
        if not (await asyncio.wait({task}, timeout=seconds))[0]:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        await stopped(task)


class Answer:
    """A status, headers with names in lower case, and a body to be read once."""

    def __init__(self, head: bytes, reader: asyncio.StreamReader):
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise Malformed(f"no answer of HTTP: {first[:80]!r}")
        self.status, self.reader = int(rest[:3]), reader
        fields = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in fields}
        self.chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = "0" if self.status in (204, 304) else self.headers.get("content-length")
        self.length = int(length) if length and length.isdigit() else None
        self.stays = (version == "HTTP/1.1" and "close" not in self.headers.get("connection", "").lower()
                      and (self.chunked or self.length is not None))

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes: in chunks, of a known length, or to the end of the connection."""
        if self.chunked:
            while left := int((await self.reader.readline()).split(b";")[0], 16):
                async for piece in self._exactly(left):
                    yield piece
                await self.reader.readline()
            while (await self.reader.readline()).strip():
                pass
        elif self.length is not None:
            async for piece in self._exactly(self.length):
                yield piece
        else:
            while piece := await self.reader.read(65_536):
                yield piece

    async def _exactly(self, left: int) -> AsyncIterator[bytes]:
        while left:
            piece = await self.reader.read(min(left, 65_536))
            if not piece:
                raise EOFError("the body ends early")
            left -= len(piece)
            yield piece

    async def text(self, most: int = 16 << 20) -> str:
        """The whole body."""
        body = b""
        async for piece in self.pieces():
            body += piece
            if len(body) > most:
                raise Malformed(f"a body of more than {most} bytes")
        return body.decode("utf-8", "replace")


class Requests:
    """A connection for requests, opened when there is none and kept where the answer allows it."""

    def __init__(self, url: urllib.parse.SplitResult, tls: ssl.SSLContext | None):
        self.url, self.tls = url, tls
        self.answer: Answer | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def get(self, target: str, headers: Mapping[str, str], patience: float = 10) -> Answer:
        """The answer's head; its body has to be read before the next request."""
        if self.writer and self.answer and self.answer.stays:
            # A connection that was kept may be gone by now.
            with contextlib.suppress(ConnectionError, EOFError):
                asked = self._ask(self.answer.reader, self.writer, target, headers)
                return await within(patience, asked)
        self.close()
        port = self.url.port or (443 if self.tls else 80)
        opening = asyncio.open_connection(self.url.hostname, port, ssl=self.tls)
        reader, writer = await within(min(patience, 10), opening)
        self.writer = writer
        return await within(patience, self._ask(reader, writer, target, headers))

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: str,
                   headers: Mapping[str, str]) -> Answer:
        lines = [f"GET {self.url.path}{target} HTTP/1.1", f"Host: {self.url.netloc}",
                 "User-Agent: tickerfeed.py", *(f"{name}: {value}" for name, value in headers.items())]
        writer.write("".join(f"{line}\r\n" for line in (*lines, "")).encode("latin-1"))
        self.answer = Answer((await reader.readuntil(b"\r\n\r\n"))[:-4], reader)
        return self.answer

    def close(self) -> None:
        if self.writer:
            self.writer.close()
        self.writer = self.answer = None


def retry_after(headers: Mapping[str, str]) -> float:
    """Seconds, where the header says seconds."""
    text = headers.get("retry-after", "")
    return min(float(text), 3_600) if text.isdigit() else 0.0


# The ways to the server. Each raises Ended when it is over.


class Way:
    """What is common to a WebSocket and to one stream over HTTP."""

    def __init__(self, feed: Feed):
        self.feed = feed
        self.cursor: tuple[str, float] | None = None
        self.epoch: str | None = None
        self.merged = 0
        self.heard, self.patience = feed._now(), 5.0
        self.goodbye: Message | None = None
        #: It has said a cursor, and not heard that it was of another epoch.
        self.resuming = True

    def carries(self) -> Iterable[Wanted]:
        """What it brings."""
        raise NotImplementedError

    def mend(self, wanted: Wanted, key: Key) -> None:
        """Asks for a snapshot of one symbol."""
        raise NotImplementedError

    @property
    def rtt(self) -> float | None:
        return None

    def mark(self, cursor: str) -> None:
        self.cursor = (cursor, self.feed._now())

    def release(self) -> None:
        """Its subscriptions go on elsewhere, from where it has come to."""
        for each in self.feed._wanted.values():
            if each.way is self:
                each.cursor, each.way = self.cursor or each.cursor, None

    def read(self, messages: list[Message], size: int) -> None:
        self.heard = self.feed._now()
        self.feed.counts.bytes += size
        for message in messages:
            try:
                self.feed._take(self, message, size)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise Malformed(f"{error!r} in {message}") from error

    async def watched(self, work: Coroutine[Any, Any, None], silent: Ended) -> None:
        """Does the work for as long as something is heard from the server."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                left = self.heard + self.patience - self.feed._now()
                if left < -0.5:
                    # It is this loop that was away: what came meanwhile has not been read yet.
                    self.heard, left = self.heard + 1 - left, 1
                if left <= 0:
                    raise silent
                await asyncio.wait({task}, timeout=left)
            task.result()
        finally:
            await stopped(task)

    def over(self, code: str | int, message: str) -> Ended:
        """The end of a connection, with what its goodbye asked for."""
        said = self.goodbye or {}
        least = float(said.get("reconnect_after_ms", 0)) / 1000
        return judged(said.get("code", code), said.get("message", message), callable(self.feed._token), least)


class Refused(Exception):
    """An upgrade that was answered otherwise."""

    def __init__(self, answer: Any):
        super().__init__(f"HTTP status {answer.status_code}")
        self.status = int(answer.status_code)
        self.headers = {name.lower(): value for name, value in answer.headers.raw_items()}


class Direct(ClientConnection):
    """Without redirects: they would take the token elsewhere."""

    async def handshake(self, *arguments: Any, **options: Any) -> None:
        try:
            await super().handshake(*arguments, **options)
        except InvalidStatus as refusal:
            raise Refused(refusal.response) from None


class Socket(Way):
    """A WebSocket, of either encoding."""

    def __init__(self, feed: Feed):
        super().__init__(feed)
        self.socket: ClientConnection | None = None
        self.welcome: str | bytes = ""
        self.binary = Binary()
        self.sent: dict[Key, Message] = {}
        #: Requests that were not answered yet, by their numbers.
        self.asked: dict[int, Message] = {}
        self.number = 0
        self.outbox: deque[Message] = deque()
        self.budget = Budget()
        self.sender: asyncio.Task[None] | None = None

    def carries(self) -> Iterable[Wanted]:
        return self.feed._wanted.values()

    @property
    def rtt(self) -> float | None:
        latency = self.socket.latency if self.socket else 0
        return round(latency * 1000, 3) if latency else None

    async def open(self) -> None:
        """Connects, up to the welcome."""
        feed = self.feed
        try:
            url = feed._url._replace(scheme="wss" if feed._tls else "ws", path=feed._url.path + "/v1/stream")
            self.socket = await open_websocket(
                url.geturl(), create_connection=Direct, proxy=None, ssl=feed._tls,
                additional_headers=await feed._authorization(),
                subprotocols=[Subprotocol(f"tickerfeed.v1.{feed._encoding}")],
                max_size=16 << 20, open_timeout=10, ping_interval=5, ping_timeout=None, close_timeout=1)
            self.welcome = await within(5, self.socket.recv())
        except Refused as refusal:
            if refusal.status in (429, 503):
                raise Ended(refusal.status, str(refusal), least=retry_after(refusal.headers)) from None
            raise await feed._preflight(str(refusal)) from None
        except (asyncio.TimeoutError, InvalidHandshake, InvalidMessage, ConnectionClosed, EOFError) as error:
            raise await feed._preflight(str(error) or type(error).__name__) from None
        except OSError as error:
            raise Ended("unreachable", str(error)) from None
        finally:
            if not self.welcome:
                await self.close()

    async def run(self) -> None:
        try:
            if not self.socket:
                await self.open()
            self.feed._opened(self)
            self._frame(self.welcome)
            if self.feed._kbps is not None:
                self.outbox.append({"op": "set", "max_kbps": self.feed._kbps})
            self.changed()
            await self.watched(self._listen(), Ended("silent", "nothing was heard for three heartbeats"))
        except Malformed as error:
            log.warning("bad bytes of the server: %s", error)
            await self.close(1002)
            raise Ended("malformed", str(error)) from None
        finally:
            self.release()
            await stopped(self.sender)
            await self.close()

    async def close(self, code: int = 1000) -> None:
        if self.socket:
            with contextlib.suppress(Exception):
                await within(1.5, self.socket.close(code))

    async def _listen(self) -> None:
        assert self.socket
        turn = self.heard
        try:
            while True:
                self._frame(await self.socket.recv())
                if self.heard - turn > 0.01:
                    # What has come already is had without waiting: others have their turns all the same.
                    await asyncio.sleep(0)
                    turn = self.heard
        except ConnectionClosed as closed:
            close = closed.rcvd
            raise self.over(close.code if close else 1006, close.reason if close else "cut") from None

    def _frame(self, frame: str | bytes) -> None:
        self.read(from_json(frame) if isinstance(frame, str) else self.binary.read(frame), len(frame))

    def changed(self) -> None:
        """Something else is wanted: asked for in one go at the end of this turn of the loop."""
        if self.socket and (not self.sender or self.sender.done()):
            self.sender = asyncio.ensure_future(self._send_all())

    def mend(self, wanted: Wanted, key: Key) -> None:
        resume = {"resume": self.cursor[0]} if self.cursor else {}
        request = {"op": "subscribe", **wanted.head(), **wanted.options, **resume, "symbols": [key[1]]}
        self.outbox.append(request)
        self.changed()

    def renew(self, token: str) -> None:
        self.outbox.append({"op": "auth", "token": token})
        self.changed()

    async def _send_all(self) -> None:
        assert self.socket
        await asyncio.sleep(0)
        with contextlib.suppress(ConnectionClosed):
            while True:
                for each in self.carries():
                    each.cursor = self.cursor if each.way is self and self.cursor else each.cursor
                self.outbox.extend(planned(self.sent, self.feed._wanted))
                for each in self.carries():
                    each.way = self
                if not self.outbox:
                    return
                request = self.outbox.popleft()
                self.number += 1
                self.asked[self.number] = request
                await asyncio.sleep(self.budget.wait(self.feed._now()))
                await self.socket.send(json.dumps({"id": self.number, **request}))

    def answered(self, message: Message) -> None:
        """An error is for all that its request named."""
        request = self.asked.pop(message.get("id", 0), {})
        if message["type"] == "ack":
            return
        if message["code"] == "unauthenticated" and request.get("op") != "auth":
            raise judged(message["code"], message["message"], callable(self.feed._token))
        if request.get("op") == "subscribe":
            for name in request["symbols"]:
                self.feed._refuse(channel_of({**request, "type": ""}), name, message["code"])


class Lane(Way):
    """One query's stream of events, or its loop of polls."""

    def __init__(self, feed: Feed, group: Group, poll: bool, pause: float):
        super().__init__(feed)
        self.group, self.poll, self.pause = group, poll, pause
        self.requests = Requests(feed._url, feed._tls)
        known = [each.cursor for each in group.wanted if each.cursor]
        #: The oldest one misses nothing.
        self.cursor = min(known, key=lambda cursor: cursor[1], default=None)
        self.stale = False
        for each in group.wanted:
            each.way = self

    def carries(self) -> Iterable[Wanted]:
        return self.group.wanted

    def mend(self, wanted: Wanted, key: Key) -> None:
        """Polls bring whole books anyway; a stream begins anew, from its cursor."""
        self.stale = not self.poll
        self.feed._changed()

    async def run(self) -> None:
        try:
            while await (self._poll() if self.poll else self._events()):
                pass
        except NETWORK as error:
            raise self.over("unreachable", str(error) or type(error).__name__) from None
        except ValueError as error:
            log.warning("bad bytes of the server: %s", error)
            raise Ended("malformed", str(error)) from None
        finally:
            self.release()
            self.requests.close()

    async def _ask(self, page: str, headers: Message, patience: float) -> Answer | None:
        """An answer with messages; None where the server will have nothing of this query."""
        cursor = f"&cursor={urllib.parse.quote(self.cursor[0])}" if self.cursor else ""
        self.resuming = True
        headers = {**headers, **await self.feed._authorization()}
        answer = await self.requests.get(f"/v1/{page}?{self.group.query}{cursor}", headers, patience)
        if answer.status in (200, 204):
            return answer
        code, _, message = (await within(10, answer.text())).strip().partition(": ")
        least = retry_after(answer.headers)
        if answer.status in (429, 503):
            least = least or 5 * (answer.status == 429)
            raise Ended(code if message else answer.status, message, least=least)
        if answer.status == 401:
            raise judged("unauthenticated", message, callable(self.feed._token))
        if not message or answer.status not in (400, 403, 404):
            raise Ended(f"http_{answer.status}", "this is no answer of TickerFeed", least=least)
        if answer.status == 400 and self.cursor:
            self.cursor = None
            return await self._ask(page, headers, patience)
        self.feed._tell("error", {"type": "error", "code": code, "message": message})
        for each in self.group.wanted:
            self.feed._refuse(each.key[0], each.key[1], code)
        return None

    async def _once(self, group: Group) -> None:
        """What there is of new subscriptions; the cursor of the others stays."""
        own, self.group, cursor, self.cursor = self.group, group, self.cursor, None
        try:
            if answer := await self._ask("poll", {}, 10):
                text = await within(10, answer.text())
                self.read(from_json(text), len(text))
        finally:
            self.group, self.cursor = own, cursor
        for each in group.wanted:
            each.cursor = cursor

    async def _events(self) -> bool:
        if (answer := await self._ask("events", {"Accept": "text/event-stream"}, 10)) is None:
            return False
        self.heard = self.feed._now()
        buffered = Ended("buffered", "events bring nothing: something on the way holds them back", "blocked")
        await self.watched(self._listen(answer), buffered)
        raise self.over("cut", "the stream ended")

    async def _listen(self, answer: Answer) -> None:
        events = Events()
        async for piece in answer.pieces():
            self.heard = self.feed._now()
            for _, mark, data in events.read(piece):
                if mark:
                    self.mark(mark)
                if data:
                    self.read(from_json(data), len(data))
            await asyncio.sleep(0)

    async def _poll(self) -> bool:
        began = self.feed._now()
        if not self.cursor:
            self.feed._begin_anew(self.group.wanted, None)
        elif new := [each for each in self.group.wanted if not each.cursor]:
            # A poll with a cursor is not told what is refused of it.
            for group in grouped(new)[0]:
                await self._once(group)
        if (answer := await self._ask("poll", {}, 40)) is None:
            return False
        text = await within(40, answer.text())
        self.feed._opened(self)
        if answer.status == 200:
            self.read(from_json(text), len(text))
            for each in self.group.wanted:
                each.cursor = self.cursor
        elif mark := answer.headers.get("tickerfeed-cursor"):
            self.mark(mark)
        await asyncio.sleep(max(0.0, self.pause - (self.feed._now() - began)))
        return True


class Lanes:
    """All that is wanted over HTTP, in a few streams."""

    def __init__(self, feed: Feed, poll: bool):
        self.feed, self.poll = feed, poll
        self.lanes: dict[str, tuple[Lane, asyncio.Task[None]]] = {}
        self.left: list[Wanted] = []
        self.stirred = asyncio.Event()

    def changed(self) -> None:
        self.stirred.set()

    def renew(self, token: str) -> None:
        """The streams begin anew, with the new token in their heads."""
        for lane, _ in self.lanes.values():
            lane.stale = not self.poll
        self.changed()

    async def run(self) -> None:
        stirred: asyncio.Task[bool] | None = None
        try:
            while True:
                await self._regroup()
                stirred = asyncio.ensure_future(self.stirred.wait())
                tasks = [task for _, task in self.lanes.values() if not task.done()]
                await asyncio.wait([stirred, *tasks], return_when=asyncio.FIRST_COMPLETED)
                await stopped(stirred)
                for task in tasks:
                    if task.done():
                        task.result()
                if self.stirred.is_set():
                    # Changes that come together cost one reopening.
                    await asyncio.sleep(0.05)
                    self.stirred.clear()
        finally:
            await stopped(stirred, *(task for _, task in self.lanes.values()))

    async def _regroup(self) -> None:
        groups, left = grouped(self.feed._wanted.values())
        stay = {group.query for group in groups}
        ending = [query for query, (lane, _) in self.lanes.items() if query not in stay or lane.stale]
        await stopped(*(self.lanes.pop(query)[1] for query in ending))
        for group in groups:
            if group.query not in self.lanes:
                lane = Lane(self.feed, group, self.poll, 0.05 * len(groups))
                self.lanes[group.query] = lane, asyncio.ensure_future(lane.run())
        if left and left != self.left:
            self.feed._tell("error", {
                "type": "error", "code": "limit_streams", "symbols": [each.key[1] for each in left],
                "message": "more different subscriptions than four streams can bring"})
        self.left = left


# The feed.


@dataclass(frozen=True)
class Status:
    """How the connection stands. `retry_at`: seconds since 1970, while it waits."""

    state: str = "connecting"  # or "open", "waiting", "closed"
    transport: str = "websocket"
    encoding: str = "json"
    attempt: int = 0
    retry_at: float | None = None
    #: Why: {"code", "message"} and perhaps a "hint".
    reason: Message | None = None
    #: On a lower transport than wanted.
    fallback: bool = False


@dataclass
class Counts:
    """Since the feed began."""

    messages: int = 0
    bytes: int = 0
    gaps: int = 0
    losses: int = 0
    reconnects: int = 0
    merged: int = 0


class Feed(Listeners):
    """A server, and what is wanted of it. Made by `connect`; begins with `async with`.

    Events of `on`: "status" (a `Status`), "message" (a message and the bytes it came in), "lag", and by their
    types "welcome", "ack", "heartbeat", "gap", "epoch", "error", "goodbye", "expiring"; "refused" is
    {"channel", "symbol", "code"}.
    """

    def __init__(self, url: str, token: Token, transport: str, encoding: str, ca: str | ssl.SSLContext | None,
                 random: Callable[[], float]):
        super().__init__()
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise ValueError(f"not an address of a server: {url!r}")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise ValueError("an address has no query and no name in it: a token is given as token=")
        secure = parts.scheme in ("https", "wss")
        self._url = parts._replace(scheme="https" if secure else "http", path=parts.path.rstrip("/"))
        made = ca if isinstance(ca, ssl.SSLContext) else ssl.create_default_context(cafile=ca)
        self._tls = made if secure else None
        self._token, self._random = token, random
        self._kbps: float | None = None
        self._switch = asyncio.Event()
        self._choose(transport, encoding)
        self._subscriptions: list[Subscription] = []
        self._wanted: dict[Key, Wanted] = {}
        self._routes: dict[Key, tuple[list[Subscription], Wanted | None]] = {}
        self._chains, self._books = Chains(), dict[Key, Book]()
        self._mended: dict[Key, float] = {}
        self._way: Socket | Lanes | None = None
        self._epoch: object = None
        self._failure: Message | None = None
        self._opened_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._renewal: asyncio.Future[None] | None = None
        self.status, self.counts = Status(transport=self._ladder.transport, encoding=encoding), Counts()

    def _choose(self, transport: str, encoding: str) -> None:
        if transport not in ("auto", "websocket", "events", "poll") or encoding not in ("json", "sbe"):
            raise ValueError(f"no such transport or encoding: {transport!r}, {encoding!r}")
        self._encoding, self._transport = encoding, transport
        self._ladder, self._backoff = Ladder(transport, self._random), Backoff(self._random)

    async def __aenter__(self) -> Feed:
        self._task = asyncio.ensure_future(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the feed and its subscriptions."""
        await stopped(self._task, self._renewal)
        for subscription in tuple(self._subscriptions):
            subscription.close()
        if self.status.state != "closed":
            self._say(state="closed", retry_at=None)

    def subscribe(self, symbols: str | Iterable[str], channel: str = "quote", rate: float | str = 10, *,
                  depth: int | None = None, mode: str | None = None, interval: str | None = None,
                  crc: bool | None = None, stamps: bool | None = None, on_slow: str | None = None,
                  queue: int = 10_000) -> Subscription:
        """Wants these names and patterns on a channel, with the options of the protocol's `subscribe`.

        Of two subscriptions to the same symbol, channel and interval the later one's options hold for both.
        """
        names = [symbols] if isinstance(symbols, str) else list(dict.fromkeys(symbols))
        if channel not in CHANNELS or not names:
            raise ValueError(f"no channel {channel!r}" if names else "no symbols")
        said = {"depth": depth, "crc": crc, "mode": mode, "stamps": stamps, "on_slow": on_slow}
        options = {"rate": rate} | {name: value for name, value in said.items()
                                    if value is not None and OWN.get(name, channel) == channel}
        chain = f"bar {interval or '1m'}" if channel == "bar" else channel
        made = Subscription(self, names, chain, options, queue)
        for other in [other for other in self._subscriptions if other.channel == chain]:
            for symbol, newest in other.state.messages.items():
                if made.wants(symbol):
                    book = newest if isinstance(newest, Book) else None
                    made._give(book.last if book else newest, book)  # type: ignore[arg-type]
        self._subscriptions.append(made)
        self._changed()
        return made

    def use(self, transport: str = "auto", encoding: str = "json") -> None:
        """Another transport or encoding from now on; goes on by cursor."""
        self._choose(transport, encoding)
        self._switch.set()

    def set(self, *, max_kbps: float | None) -> None:
        """What the server may send, in thousand bits a second; over WebSocket only. None: no limit."""
        self._kbps = max_kbps
        if isinstance(self._way, Socket):
            self._way.outbox.append({"op": "set", "max_kbps": max_kbps})
            self._way.changed()

    # What is wanted, and who gets what.

    def _drop(self, subscription: Subscription) -> None:
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            self._changed()

    def _changed(self) -> None:
        known, self._wanted = self._wanted, {}
        for subscription in self._subscriptions:
            for name in subscription.symbols:
                key = subscription.channel, name
                each = self._wanted.pop(key, None) or known.get(key) or Wanted(key)
                each.options = subscription._options
                self._wanted[key] = each
        self._routes.clear()
        gone = [key for key in self._chains.last if not self._route(key)[0]]
        for key in gone:
            self._chains.forget(key)
            self._books.pop(key, None)
        self._routes.clear()
        if self._way:
            self._way.changed()

    def _route(self, key: Key) -> tuple[list[Subscription], Wanted | None]:
        """Who wants a symbol's messages, and the newest of what is wanted that covers it: it brings them."""
        if key not in self._routes:
            channel, symbol = key
            takers = [each for each in self._subscriptions if each.channel == channel and each.wants(symbol)]
            names = [name for each in takers for name in each.symbols]
            newest = [name for name in names if name == symbol or covers(name, symbol)][-1:]
            self._routes[key] = takers, self._wanted[channel, newest[0]] if newest else None
        return self._routes[key]

    def _refuse(self, channel: str, symbol: str, code: str) -> None:
        refused = {"channel": channel, "symbol": symbol, "code": code}
        self._tell("refused", refused)
        for subscription in self._subscriptions:
            if subscription.channel == channel and symbol in subscription.symbols:
                subscription._tell("refused", refused)

    # What comes.

    def _take(self, way: Way, message: Message, size: int) -> None:
        self.counts.messages += 1
        self._tell("message", message, size)
        kind = message["type"]
        if kind in CHANNELS:
            self._take_data(way, message)
        elif kind in CONTROL:
            getattr(self, f"_take_{kind}")(way, message)
            if kind != "epoch":
                self._tell(kind, message)

    def _take_data(self, way: Way, message: Message) -> None:
        key = channel_of(message), message["sym"]
        subscriptions, wanted = self._route(key)
        if wanted is None or wanted.way is not way:
            return
        wanted.epoch = way.epoch or wanted.epoch
        before = self._chains.last.get(key, 0)
        verdict = self._chains.take(key, message)
        if verdict == "lost":
            self._lose(key, before + 1, message["prev"], "loss")
            self._mend(way, wanted, key)
        elif verdict == "jump":
            self._lose(key, before + 1, message["seq"] - 1, "loss")
        if verdict == "drop" or verdict == "lost" and key[0] == "book":
            return
        book = self._books.setdefault(key, Book()) if key[0] == "book" else None
        if book and not book.take(message):
            self._chains.waiting.add(key)
            self._lose(key, message["seq"], message["seq"], "crc")
            self._mend(way, wanted, key)
        for subscription in subscriptions:
            subscription._give(message, book)

    def _lose(self, key: Key, first: int, last: int, reason: str) -> None:
        """Something is wrong with a chain: counted, and said."""
        self.counts.losses += 1
        if key in self._books:
            self._books[key].ok = False
        channel, _, interval = key[0].partition(" ")
        gap = {"type": "gap", "sym": key[1], "channel": channel, "from": first, "to": last, "reason": reason}
        self._give_gap(key, gap | ({"interval": interval} if interval else {}))

    def _mend(self, way: Way, wanted: Wanted, key: Key) -> None:
        """Asks for a snapshot, at most once a second: what was wrong may be wrong again."""
        now, newest = self._now(), self._mended.get(key, float("-inf"))
        if newest > now:
            return
        self._mended[key] = at = max(now, newest + 1)
        asyncio.get_running_loop().call_at(at, lambda: way.mend(wanted, key) if wanted.way is way else None)

    def _give_gap(self, key: Key, gap: Message) -> None:
        for subscription in self._route(key)[0]:
            subscription._give_gap(gap)
        if gap["reason"] in ("loss", "crc"):
            self._tell("gap", gap)

    def _take_gap(self, way: Way, message: Message) -> None:
        key = channel_of(message), message["sym"]
        wanted = self._route(key)[1]
        if wanted and wanted.way is way and self._chains.gap(key, message["to"]):
            self.counts.gaps += 1
            self._give_gap(key, message)

    def _take_welcome(self, way: Way, message: Message) -> None:
        way.epoch = message["epoch"]
        way.patience = max(3.0, 0.003 * message["heartbeat_ms"])
        self._opened(way)
        old = [each for each in way.carries() if each.epoch not in (None, way.epoch)]
        if old:
            way.cursor = None
            self._begin_anew(old, {"type": "epoch", "epoch": way.epoch, "reason": "restart"})

    def _take_epoch(self, way: Way, message: Message) -> None:
        way.cursor, way.epoch = None, message["epoch"]
        self._begin_anew(way.carries(), message)

    def _take_ack(self, way: Way, message: Message) -> None:
        if isinstance(way, Socket):
            way.answered(message)
        if "channel" not in message:
            return
        channel = channel_of(message)
        if message.get("resumed") is False and way.resuming:
            way.resuming = False
            self._begin_anew(way.carries(), {"type": "epoch", "epoch": way.epoch, "reason": "restart"})
        if "resume" in message:
            way.mark(message["resume"])
        for each in message.get("refused", ()):
            self._refuse(channel, each["symbol"], each["code"])

    def _take_error(self, way: Way, message: Message) -> None:
        if isinstance(way, Socket):
            way.answered(message)

    def _take_goodbye(self, way: Way, message: Message) -> None:
        way.goodbye = message

    def _take_heartbeat(self, way: Way, message: Message) -> None:
        if "resume" in message:
            way.mark(message["resume"])
        self.counts.merged += message["merged"] - (0 if isinstance(way, Lane) and way.poll else way.merged)
        way.merged = message["merged"]
        self._tell("lag", {**{name: message.get(name) for name in ("lag_ms", "buffered", "merged", "rates")},
                           "rtt_ms": way.rtt})

    def _take_expiring(self, way: Way, message: Message) -> None:
        if callable(self._token) and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.ensure_future(self._renew())

    def _begin_anew(self, wanted: Iterable[Wanted], message: Message | None) -> None:
        """Another epoch: versions, books and cursors of these are worth nothing."""
        for each in wanted:
            each.cursor = each.epoch = None
            channel, name = each.key

            def covered(symbol: str, name: str = name) -> bool:
                return symbol == name or covers(name, symbol)

            keys = self._chains.last.keys() | self._chains.waiting | self._books.keys()
            for key in [key for key in keys if key[0] == channel and covered(key[1])]:
                self._chains.forget(key)
                self._books.pop(key, None)
            for subscription in self._subscriptions if message else ():
                if subscription.channel == channel and any(map(covered, subscription.symbols)):
                    subscription._give_epoch(message, covered)  # type: ignore[arg-type]
        # Polls are not told which epoch it is; of several streams each is told, the program once.
        epoch = message and (message["epoch"] or self._way)
        if message and epoch != self._epoch:
            self._epoch = epoch
            self._tell("epoch", message)

    # The connection's life.

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _say(self, **changes: Any) -> None:
        self.status = replace(self.status, **changes)
        self._tell("status", self.status)

    def _opened(self, way: Way) -> None:
        if self.status.state != "open":
            self._opened_at = self._now()
            self._say(state="open", retry_at=None, reason=self._ladder.reason)

    async def _authorization(self) -> dict[str, str]:
        """The header, with a token asked for now."""
        token = await self._ask_token()
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def _ask_token(self) -> str | None:
        try:
            said = self._token() if callable(self._token) else self._token
            token = await said if inspect.isawaitable(said) else said
        except Exception as error:
            raise Ended("token", f"the token could not be had: {error!r}") from error
        if token and not (token.isascii() and token.isprintable() and " " not in token):
            raise Ended("token", "a token is printable ASCII without blanks", "final")
        return token

    async def _renew(self) -> None:
        with contextlib.suppress(Ended):
            token = await self._ask_token()
            if token and self._way:
                self._way.renew(token)

    async def _preflight(self, what: str) -> Ended:
        """Why there is no WebSocket: the server is away, or says why, or something on the way forbids it."""
        least = 0.0
        requests = Requests(self._url, self._tls)
        try:
            answer = await requests.get("/v1/preflight", await self._authorization())
            text = await within(10, answer.text(1 << 20))
            what, least = f"{what}; preflight: HTTP status {answer.status}", retry_after(answer.headers)
            report = json.loads(text)
            if report["ok"] is True:
                blocked = "something on the way lets no WebSocket through"
                return Ended("websocket_blocked", blocked, "blocked", hint=what)
            problem = report["problems"][0]
            hint = problem.get("hint", "")
            return judged(problem["code"], problem["message"], callable(self._token), least, hint)
        except NETWORK as error:
            return Ended("unreachable", str(error) or type(error).__name__)
        except (ValueError, LookupError, TypeError):
            return Ended("not_tickerfeed", f"no answer of TickerFeed: {what}", least=least)
        finally:
            requests.close()

    async def _run(self) -> None:
        try:
            while True:
                ended = await self._attempt()
                if ended.then == "final":
                    break
                if ended.then == "switch":
                    continue
                if ended.then == "blocked" and self._ladder.down(ended.reason, self._now()):
                    continue
                self.counts.reconnects += 1
                wait = self._backoff.next(ended.least)
                self._say(state="waiting", attempt=self._backoff.attempt, retry_at=time.time() + wait,
                          reason=ended.reason)
                with contextlib.suppress(asyncio.TimeoutError):
                    await within(wait, self._switch.wait())
            self._failure = ended.reason
        except Exception as error:
            log.exception("the feed cannot go on")
            self._failure = {"code": "internal", "message": repr(error)}
        self._say(state="closed", retry_at=None, reason=self._failure)
        for subscription in self._subscriptions:
            subscription._ready.set()

    def _connecting(self, way: Socket | Lanes | None = None) -> asyncio.Future[None]:
        """Begins with a transport: the ladder's, or a WebSocket that is open already."""
        self._switch.clear()
        transport = self._ladder.transport
        self._way = way or (Socket(self) if transport == "websocket" else Lanes(self, transport == "poll"))
        self._opened_at = None
        self._say(state="connecting", transport=transport, attempt=self._backoff.attempt, retry_at=None,
                  encoding=self._encoding if transport == "websocket" else "json",
                  fallback=self._ladder.rung > 0, reason=self._ladder.reason or self.status.reason)
        return asyncio.ensure_future(self._way.run())

    async def _attempt(self) -> Ended:
        """One connection, or one after the other where a probe gets through, until something ends it."""
        running = self._connecting()
        probe = asyncio.ensure_future(self._probe()) if self._ladder.rung else None
        switch = asyncio.ensure_future(self._switch.wait())
        try:
            while True:
                await asyncio.wait([each for each in (running, probe, switch) if each],
                                   return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
                if switch.done():
                    return Ended("switched", "another transport is wanted", "switch")
                if probe and probe.done():
                    await stopped(running)
                    self._ladder.up()
                    running, probe = self._connecting(probe.result()), None
        except Ended as ended:
            return ended
        finally:
            await stopped(running, switch)
            if probe:
                await stopped(probe)
                if not probe.cancelled() and not probe.exception():
                    await probe.result().close()
            self._way = None
            self._backoff.healthy(self._now() - self._opened_at if self._opened_at is not None else 0)

    async def _probe(self) -> Socket:
        """A WebSocket with its welcome, beside the transport that is running meanwhile."""
        while True:
            await asyncio.sleep(max(0.0, self._ladder.probe_at - self._now()))
            socket = Socket(self)
            try:
                await socket.open()
                return socket
            except Ended:
                self._ladder.missed(self._now())


def connect(url: str, *, token: Token = None, transport: str = "auto", encoding: str = "json",
            ca: str | ssl.SSLContext | None = None, random: Callable[[], float] = chance.random) -> Feed:
    """A feed of the server at a base address, `https://host/prefix/`; use it with `async with`.

    `token`: a string, or a function (also async) that is asked anew for each connection; sent in a header,
    never in a URL. `transport`: "auto" is WebSocket, then events, then polls, and back up; or one of them
    alone. `encoding`: "json" or "sbe", of WebSockets. `ca`: a file of certificates in PEM, or an
    `ssl.SSLContext`. Raises ValueError.
    """
    return Feed(url, token, transport, encoding, ca, random)
