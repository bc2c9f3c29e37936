#!/usr/bin/env python3
"""What the documents show works: the README's Python programs, and every request of the protocol page."""

import asyncio
import json
import re
import subprocess
import sys

from harness import ROOT, Server, connected

SHOWN = [r"(AAPL|MSFT) \d+\.\d+ \d+\.\d+ version \d+", r"AAPL bids \[\(\d+\.\d+, \d+\), .*\]"]


def lines(program, count):
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True) as running:
        try:
            return [running.stdout.readline() for _ in range(count)]
        finally:
            running.kill()


def programs_run(server):
    programs = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(programs) == len(SHOWN), f"{len(programs)} programs in the README"
    for program, shown in zip(programs, SHOWN):
        assert "127.0.0.1:7400" in program
        for line in lines(program.replace("127.0.0.1:7400", server.address), 3):
            assert re.fullmatch(shown + r"\n", line), line
        print(f"ok  {len(program.splitlines())} lines of the README run", flush=True)


async def requests_are_understood(server):
    requests = re.findall(r'^\{"op":.*\}$', (ROOT / "docs/PROTOCOL.md").read_text(), re.M)
    assert len(requests) > 10, requests
    async with connected(server) as client:
        for request in map(json.loads, requests):
            answer = await client.ask(request.pop("op"), **{**request, "id": len(client.asked) + 1})
            assert answer["type"] in ("ack", "subscriptions", "pong") and not answer.get("refused"), (request, answer)
        assert not client.breaks, client.breaks
    print(f"ok  {len(requests)} requests of the protocol page are understood", flush=True)


def main():
    with Server() as server:
        programs_run(server)
        asyncio.run(requests_are_understood(server))


main()
