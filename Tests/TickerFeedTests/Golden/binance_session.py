#!/usr/bin/env python3
"""What a reader of a recorded Binance session must end with: binance_session.py FILE >FILE.golden.json

A plain program that shares no code with TickerFeed: dictionaries, sorted at every update, no limits. It is here so
that golden results can be made again; the tests read only what it printed. Python's JSON takes half surrogate pairs
and any depth: files with those are not for it.
"""
import hashlib
import json
import os
import re
import sys

SCALE = 10**8


def exact(text):
    """A decimal string times 10^8, or ValueError."""
    match = re.fullmatch(r"(\d+)(?:\.(\d+))?", text) if isinstance(text, str) else None
    if not match:
        raise ValueError(text)
    places = (match[2] or "").rstrip("0")
    if len(places) > 8:
        raise ValueError(text)
    value = int(match[1] + places.ljust(8, "0"))
    if value >= 2**63:
        raise ValueError(text)
    return value


def whole(value):
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def levels(rows):
    if type(rows) is not list:
        raise ValueError(rows)
    return [(exact(row[0]), exact(row[1])) for row in rows]


def no_constant(text):
    raise ValueError(text)


class Hash:
    def __init__(self):
        self.value = 0xCBF29CE484222325

    def add(self, text):
        for byte in text.encode():
            self.value = (self.value ^ byte) * 0x100000001B3 % 2**64


class Book:
    def __init__(self):
        self.bids, self.asks = {}, {}
        self.state, self.last, self.kept = "waiting", None, []

    def best(self, count):
        return sorted(self.bids.items(), reverse=True)[:count], sorted(self.asks.items())[:count]


class Session:
    def __init__(self):
        self.counts = {"events": {}, "book_handling": {}, "clock": {}, "book_ticker_check": {}}
        self.books, self.tickers, self.trades = {}, {}, {}
        self.level1, self.depth5, self.updates = Hash(), Hash(), 0

    def count(self, group, name):
        self.counts[group][name] = self.counts[group].get(name, 0) + 1

    # Lines

    def line(self, number, text):
        try:
            line = json.loads(text.decode(), parse_constant=no_constant)
            if not isinstance(line, dict):
                raise ValueError(line)
            self.message(number, whole(line["t"]), line)
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            self.count("book_handling", "malformed_lines")

    def message(self, number, time, line):
        if line["dir"] != "in":
            return self.count("events", "not_inbound")
        message = line["msg"]
        if line["src"] == "rest" and "lastUpdateId" in message:
            symbol = re.search(r"[?&]symbol=(\w+)", line["url"])[1]
            return self.snapshot(number, symbol, message)
        event = message.get("data", message) if isinstance(message, dict) else None
        event = event if isinstance(event, dict) else {}
        kind = event.get("e", "bookTicker" if "u" in event and "B" in event else "other")
        handler = {"depthUpdate": self.depth, "bookTicker": self.ticker, "trade": self.trade,
                   "aggTrade": self.trade, "kline": lambda *_: None}.get(kind)
        if handler:
            handler(number, event)
        self.count("events", kind if handler else "other")
        if handler and "E" in event and time < event["E"] * 10**6:
            self.count("clock", "received_before_event_time")

    # Books

    def snapshot(self, number, symbol, message):
        last, bids, asks = whole(message["lastUpdateId"]), levels(message["bids"]), levels(message["asks"])
        self.count("events", "snapshot")
        book = self.books.setdefault(symbol, Book())
        while book.kept and self.is_older(book.kept[0][1], last):
            book.kept.pop(0)
            self.count("book_handling", "older_than_snapshot_dropped")
        if book.kept and not self.is_first(book.kept[0][1], last):
            return self.count("book_handling", "snapshot_too_old")
        book.bids, book.asks = dict(bids), dict(asks)
        book.state, book.last = "primed", last
        self.updated(number, symbol, book)
        kept, book.kept = book.kept, []
        for place, (line, event) in enumerate(kept):
            if not self.offer(line, symbol, book, event):
                book.kept = kept[place:]
                break

    def depth(self, number, event):
        event = {"symbol": event["s"], "E": whole(event["E"]), "U": whole(event["U"]), "u": whole(event["u"]),
                 "pu": whole(event["pu"]) if "pu" in event else None,
                 "b": levels(event["b"]), "a": levels(event["a"])}
        book = self.books.setdefault(event["symbol"], Book())
        if book.state == "waiting":
            self.count("book_handling", "buffered_waiting_for_snapshot")
            book.kept.append((number, event))
        elif not self.offer(number, event["symbol"], book, event):
            book.kept = [(number, event)]

    @staticmethod
    def is_older(event, last):
        return event["u"] <= last if event["pu"] is None else event["u"] < last

    @staticmethod
    def is_first(event, last):
        wanted = last + 1 if event["pu"] is None else last
        return event["U"] <= wanted <= event["u"]

    def offer(self, number, symbol, book, event):
        """Whether the book is still whole behind the event."""
        if book.state == "primed":
            if self.is_older(event, book.last):
                self.count("book_handling", "older_than_snapshot_dropped")
                return True
            fits = self.is_first(event, book.last)
        else:
            if event["u"] <= book.last:
                self.count("book_handling", "old_or_duplicate_dropped")
                return True
            fits = event["pu"] == book.last if event["pu"] is not None else event["U"] <= book.last + 1
        if not fits:
            self.count("book_handling", "sequence_gap")
            book.state, book.last = "waiting", None
            return False
        book.state, book.last = "synced", event["u"]
        for side, changes in ((book.bids, event["b"]), (book.asks, event["a"])):
            for price, size in changes:
                if size:
                    side[price] = size
                elif side.pop(price, None) is None:
                    self.count("book_handling", "remove_of_absent_level")
        self.updated(number, symbol, book)
        return True

    def updated(self, number, symbol, book):
        self.updates += 1
        bids, asks = book.best(5)
        best = [side[0] if side else (0, 0) for side in (bids, asks)]
        self.level1.add(f"{number},{symbol}," + ",".join(f"{p},{s}" for p, s in best) + "\n")
        sides = "|".join(";".join(f"{p},{s}" for p, s in side) for side in (bids, asks))
        self.depth5.add(f"{number},{symbol}|{sides}\n")
        for last, ticker in self.tickers.get(symbol, []):
            self.compare(book, last, ticker)

    def compare(self, book, last, ticker):
        if last == book.last and book.state == "synced":
            self.count("book_ticker_check", "compared")
            best = [side[0] if side else (0, 0) for side in book.best(1)]
            if ticker == tuple(best):
                self.count("book_ticker_check", "equal")

    # The rest

    def ticker(self, number, event):
        best = (exact(event["b"]), exact(event["B"])), (exact(event["a"]), exact(event["A"]))
        last = whole(event["u"])
        self.tickers.setdefault(event["s"], []).append((last, best))
        if event["s"] in self.books:
            self.compare(self.books[event["s"]], last, best)

    def trade(self, number, event):
        whole(event["t"] if event["e"] == "trade" else event["a"])
        if type(event["m"]) is not bool:
            raise ValueError(event)
        price, size = exact(event["p"]), exact(event["q"])
        total = self.trades.setdefault(event["s"], [0, 0, 0])
        for index, more in enumerate((1, size, price * size)):
            total[index] += more


def final(book):
    bids, asks = book.best(10)
    return {"bids": [[p, s, 0] for p, s in bids], "asks": [[p, s, 0] for p, s in asks],
            "bid_levels": len(book.bids), "ask_levels": len(book.asks),
            "bid_size": sum(book.bids.values()), "ask_size": sum(book.asks.values()),
            "bid_orders": 0, "ask_orders": 0}


def main(path):
    data = open(path, "rb").read()
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    session = Session()
    for number, text in enumerate(lines, 1):
        session.line(number, text)
    books = dict(sorted(session.books.items()))
    golden = {
        "input": {"file": os.path.basename(path), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()},
        "format": "Binance session", "price_scale": SCALE, "size_scale": SCALE, "lines": len(lines),
        **{group: dict(sorted(counts.items())) for group, counts in session.counts.items()},
        "book_updates": session.updates, "l1_fnv1a64": f"{session.level1.value:016x}",
        "depth5_fnv1a64": f"{session.depth5.value:016x}",
        "trades_count_size_notional1e16": {s: [t[0], t[1], str(t[2])] for s, t in sorted(session.trades.items())},
        "in_sync_at_end": {symbol: book.state == "synced" for symbol, book in books.items()},
        "last_update_id": {symbol: book.last for symbol, book in books.items()},
        "final": {symbol: final(book) for symbol, book in books.items()},
    }
    print(json.dumps(golden, indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
