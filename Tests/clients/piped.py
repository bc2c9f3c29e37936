"""A server whose market is what a test says, when it says it, as fast as the server takes it."""

import json
import os

from harness import Server, memory, until


class Piped(Server):
    """tickerd that reads its feed from us: lines of NDJSON (docs/FEEDS.md)."""

    def __init__(self, *options):
        self.reading, self.writing = os.pipe()
        super().__init__("--feed", "-", *options, stdin=self.reading)

    def __enter__(self):
        # What the lines are is told by the first of them.
        self.say(quote("AAPL", 100))
        super().__enter__()
        os.close(self.reading)
        return self

    def __exit__(self, *_):
        super().__exit__()
        self.end()

    def say(self, *events):
        text = "".join(json.dumps(event) + "\n" for event in events).encode()
        while text:
            text = text[os.write(self.writing, text):]

    def play(self, events, pid):
        """Plays them to the feed's end; the most memory that a process had meanwhile."""
        most = memory(pid)
        for at in range(0, len(events), 1_000):
            self.say(*events[at:at + 1_000])
            most = max(most, memory(pid))
        self.end()
        until(lambda: self.metric("feed_ended") == 1)
        return max(most, memory(pid))

    def end(self):
        """There is no more."""
        if self.writing is not None:
            os.close(self.writing)
        self.writing = None


def quote(symbol, cents):
    """A market of two cents around a price in cents."""
    return {"sym": symbol, "type": "quote", "bid": f"{(cents - 1) / 100:.2f}", "bid_size": 100 + cents % 7,
            "ask": f"{(cents + 1) / 100:.2f}", "ask_size": 200 + cents % 11}


def trade(symbol, cents):
    return {"sym": symbol, "type": "trade", "price": f"{cents / 100:.2f}", "size": 10 + cents % 13, "side": "buy"}


def storm(rounds, symbols=20, start=10_000):
    """Quotes and trades of A0, A1, … in turn, each round at a price of its own."""
    for number in range(rounds):
        for symbol in range(symbols):
            cents = start + (number * 37 + symbol * 11) % 900
            yield quote(f"A{symbol}", cents)
            yield trade(f"A{symbol}", cents)
