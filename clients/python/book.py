#!/usr/bin/env python3
"""Shows one symbol's book, checked by its checksum: book.py http://127.0.0.1:7400/ AAPL 5."""

import asyncio
import os
import signal
import sys

import tickerfeed


async def main(url: str = "http://127.0.0.1:7400/", symbol: str = "AAPL", depth: str = "5") -> None:
    async with tickerfeed.connect(url, token=os.environ.get("TICKERFEED_TOKEN"), encoding="sbe") as feed:
        async for book in feed.subscribe(symbol, "book", rate=2, depth=int(depth), crc=True):
            print(f"\n{book['sym']} {book['seq']}{'' if book['ok'] else ' (being mended)'}")
            for price, size in reversed(book["asks"]):
                print(f"{price!s:>22}{size!s:>10}")
            for price, size in book["bids"]:
                print(f"{size!s:>10}{price!s:>12}", flush=True)


# Ends with its reader: | head
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
try:
    asyncio.run(main(*sys.argv[1:]))
except KeyboardInterrupt:
    pass
except (tickerfeed.Closed, ValueError) as fault:
    sys.exit(f"book.py: {fault}")
