"""What every peer publishes: bench/floor.c's updates of S0, S1, … in turn, R a second, from a timer of 1 ms.

    PROGRAM PORT SYMBOLS RATE START     RATE in updates a second, 0 for none; from the STARTth subscriber on
"""

import asyncio
import sys
import time

PORT, SYMBOLS, RATE, START = (int(word) for word in sys.argv[1:5])
#: Of those that are due, before the loop turns to its sockets.
AT_ONCE = 4_096


def update(number, nanoseconds):
    """Symbol and JSON of one: `ts` is when it was due, in nanoseconds since 1970."""
    symbol, cents = f"S{number % SYMBOLS}", number % 100
    return symbol, (
        f'{{"sym":"{symbol}","bid":{100 + number % 50}.{cents:02},"ask":{101 + number % 50}.{cents:02},'
        f'"bsz":{100 + number % 900},"asz":{200 + number % 700},"seq":{number},"ts":{nanoseconds}}}')


class Updates:
    """Those that are due. Being late makes none younger, and none is left out."""

    def __init__(self):
        self.began, self.number = time.time_ns(), 0

    def due(self):
        """Those until now."""
        end = (time.time_ns() - self.began) * RATE // 1_000_000_000 + 1
        for number in range(self.number, min(end, self.number + AT_ONCE)):
            yield update(number, self.began + number * 1_000_000_000 // RATE)
            self.number = number + 1


async def publish(send):
    """Hands each update to `send(symbol, text)`, which may be a coroutine, for ever."""
    updates = Updates()
    while RATE:
        for symbol, text in updates.due():
            if (sending := send(symbol, text)) is not None:
                await sending
        await asyncio.sleep(0.001)


class Subscribers:
    """Who follows what, and the publishing that begins when there are enough of them."""

    def __init__(self, send):
        self.send, self.count, self.publishing = send, 0, None

    def came(self):
        self.count += 1
        if self.count == START:
            self.publishing = asyncio.create_task(publish(self.send))
