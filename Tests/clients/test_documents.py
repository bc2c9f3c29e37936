#!/usr/bin/env python3
"""What the documents show works: the README's programs and its example with TLS and a token, the configuration file of
the operations page, and every request of the protocol page."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import ROOT, TICKERD, TICKWATCH, Server, connected

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


def blocks(page, title):
    """The commands and files that a section shows."""
    section = (ROOT / page).read_text().split(f"# {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)^```", section, re.M | re.S)


def shell(commands, place):
    subprocess.run(["bash", "-ec", commands], cwd=place, check=True, stderr=subprocess.DEVNULL)


def first_line(command, place):
    with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as running:
        line = running.stdout.readline()
        running.kill()
    return line


def the_open_internet_is_as_shown():
    making, using = blocks("README.md", "On the open internet")
    *making, serve = making.splitlines()
    minting, watch, lines_of_json = using.splitlines()
    with tempfile.TemporaryDirectory() as place:
        shell("\n".join([*making, minting.replace("python3", sys.executable)]), place)
        options = serve.replace("0.0.0.0:7400", "127.0.0.1:0").split()[1:]
        with subprocess.Popen([os.path.abspath(TICKERD), *options], cwd=place, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True) as server:
            port = next(found[1] for line in server.stdout if (found := re.search(r"wss://127\.0\.0\.1:(\d+)/", line)))
            program, *words = watch.replace(":7400", f":{port}").split()
            assert "tickwatch" in program
            line = first_line([os.path.abspath(TICKWATCH), *words], place)
            assert re.match(r"(AAPL|AMZN) (last|bid) \d", line), line
            if shutil.which("curl"):
                fetch, _ = lines_of_json.replace(":7400", f":{port}").split(" | jq")
                line = first_line(["bash", "-c", fetch], place)
                assert json.loads(line)["type"] == "welcome", line
            server.kill()
    print("ok  the README's example with TLS and a token", flush=True)


def the_configuration_file_is_fine():
    keys, = blocks("docs/OPERATING.md", "Tokens")
    file = blocks("docs/OPERATING.md", "Configuration file")[0]
    with tempfile.TemporaryDirectory() as name:
        place, certificates = Path(name), ROOT / "Tests/certificates"
        shell("\n".join(line for line in keys.splitlines() if line.startswith("openssl")), place)
        for shown, there in (("fullchain.pem", certificates / "server.pem"), ("privkey.pem", certificates / "server.key"),
                             ("2026a.pem", place / "check.pem")):
            shutil.copy(there, place / shown)
        (place / "tickerd.conf").write_text(file.replace("/etc/tickerfeed", name))
        said = subprocess.run(
            [TICKERD, "--config", f"{name}/tickerd.conf", "--check-config"], capture_output=True, text=True)
        assert said.stdout == "configuration is fine\n", said
    print("ok  the configuration file of the operations page", flush=True)


def main():
    the_open_internet_is_as_shown()
    the_configuration_file_is_fine()
    with Server() as server:
        programs_run(server)
        asyncio.run(requests_are_understood(server))


main()
