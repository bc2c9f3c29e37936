#!/usr/bin/env python3
"""Prints quotes as they change: watch.py http://127.0.0.1:7400/ AAPL MSFT. TICKERFEED_TOKEN holds a token."""

import asyncio
import os
import signal
import sys

import tickerfeed


async def main(url: str, *symbols: str) -> None:
    async with tickerfeed.connect(url, token=os.environ.get("TICKERFEED_TOKEN")) as feed:
        feed.on("status", lambda now: print(now.state, now.transport, now.reason or "", file=sys.stderr))
        async for quote in feed.subscribe(symbols or ["*"], rate=5):
            print(f"{quote['sym']:8}{quote['bid_size']!s:>10}{quote['bid']!s:>12}{quote['ask']!s:>12}"
                  f"{quote['ask_size']!s:>10}", flush=True)


# Ends with its reader: | head
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
try:
    asyncio.run(main(*sys.argv[1:] or ["http://127.0.0.1:7400/"]))
except KeyboardInterrupt:
    pass
except (tickerfeed.Closed, ValueError) as fault:
    sys.exit(f"watch.py: {fault}")
