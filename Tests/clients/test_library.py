#!/usr/bin/env python3
"""Programs with TickerFeed in them, as Examples/ has them, and what script/install puts where."""

import asyncio
import json
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import websockets
from harness import ROOT, SESSION, TICKERD, TICKWATCH, run_tests, said
from native import exact
from terminal import ENVIRONMENT, as_from_a_terminal

BINARIES = Path(TICKERD).parent
INSTALLED = {
    "bin/tickerd", "bin/tickwatch", "bin/tickbench", "share/man/man1/tickwatch.1",
    "share/bash-completion/completions/tickwatch", "share/zsh/site-functions/_tickwatch",
    "share/fish/vendor_completions.d/tickwatch.fish"}


def books(*words):
    return said(BINARIES / "BookBuilder", *words)


def the_book_is_that_of_the_digest():
    status, text, _ = books(SESSION, "AAPL")
    assert status == 0
    head, *rows = text.splitlines()
    assert head == f"AAPL, ITCH 5.0 of 2020-01-30, {SESSION}", head
    bids, asks = zip(*(row.split(" | ") for row in rows))
    # What rests when the recording ends.
    assert (bids[0].strip(), asks[0]) == ("25 x 320.14", "320.3 x 100")
    digest = json.loads(said(TICKERD, "digest", SESSION)[1])
    final, unit = digest["final"]["AAPL"], digest["price_scale"]
    sizes = [[exact(word) for word in bid.split(" x ")] for bid in bids]
    prices = [[exact(word) for word in ask.split(" x ")] for ask in asks]
    assert [[price * unit, size] for size, price in sizes] == [level[:2] for level in final["bids"][:5]]
    assert [[price * unit, size] for price, size in prices] == [level[:2] for level in final["asks"][:5]]


def what_cannot_be_read_is_one_line():
    with tempfile.TemporaryDirectory() as folder:
        dateless = Path(folder) / "session.itch"
        dateless.write_bytes(Path(SESSION).read_bytes())
        assert books(dateless, "AAPL", "--date", "2020-01-30")[0] == 0
        for words, status, complaint in (
                ((), 2, "usage: BookBuilder FILE SYMBOL [--date YYYY-MM-DD]"),
                ((SESSION, "AAPL", "--date", "soon"), 2, "--date: a day as YYYY-MM-DD"),
                ((SESSION, "MSFT"), 2, f"{SESSION}: has no symbol MSFT"),
                (("missing.itch", "AAPL"), 1, "missing.itch: cannot be opened: No such file or directory"),
                ((dateless, "AAPL"), 1,
                 f"{dateless}: ITCH has no date and the file's name has none: pass --date YYYY-MM-DD"),
        ):
            assert books(*words) == (status, "", f"BookBuilder: {complaint}\n"), books(*words)


class FanOutServer:
    """The example on a free port."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARIES / "FanOutServer", "0"], stdout=subprocess.PIPE, text=True, preexec_fn=as_from_a_terminal)
        self.url = re.search(r"ws://\S+(?=,)", self.process.stdout.readline())[0]
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


async def quotes(url, count):
    """The first quotes of both symbols."""
    async with websockets.connect(url, subprotocols=["tickerfeed.v1.json"]) as socket:
        await socket.send('{"op":"subscribe","channel":"quote","symbols":["TIN","ZINC"],"rate":"max","id":1}')
        found = []
        async for text in socket:
            message = exact(text)
            assert message["type"] != "error", text
            found += [message] if message["type"] == "quote" else []
            if len(found) == count:
                return found


def an_own_source_is_served():
    with FanOutServer() as server:
        found = asyncio.run(asyncio.wait_for(quotes(server.url, 8), 20))
        assert {quote["sym"] for quote in found} == {"TIN", "ZINC"}
        for quote in found:
            assert quote["ask"] - quote["bid"] == exact("0.02"), quote
        for symbol, start in (("TIN", 100), ("ZINC", 25)):
            bids = [quote["bid"] for quote in found if quote["sym"] == symbol]
            assert abs(bids[0] - start) < 1 and all(abs(b - a) <= exact("0.01") for a, b in zip(bids, bids[1:])), bids
        status, text, _ = said(TICKWATCH, "--url", server.url, "--count", "1", "TIN", **ENVIRONMENT)
        assert status == 0 and re.match(r"TIN (bid|last) \d", text), (status, text)
        port = server.url.split(":")[2].split("/")[0]
        status, _, complaint = said(BINARIES / "FanOutServer", port)
        assert status == 1 and complaint == (
            f"FanOutServer: cannot listen on 127.0.0.1:{port}: Address already in use\n"), complaint
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0
    assert said(BINARIES / "FanOutServer", "here")[::2] == (2, "FanOutServer: usage: FanOutServer [PORT]\n")


def install(*words, **environment):
    return said("script/install", *words, BINARIES=str(BINARIES), **environment)


def files(folder):
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def what_is_installed_runs_and_goes_again():
    with tempfile.TemporaryDirectory() as folder:
        assert install("/opt/tickerfeed", DESTDIR=folder)[0] == 0
        prefix = Path(folder) / "opt/tickerfeed"
        assert files(prefix) == INSTALLED, files(prefix)
        version = re.search(r'"(.*)"', (ROOT / "Sources/Basics/Release.swift").read_text())[1]
        for name in ("tickerd", "tickwatch"):
            assert said(prefix / "bin" / name, "--version")[1] == f"{name} {version}\n"
        assert (prefix / "share/man/man1/tickwatch.1").read_text() == said(TICKWATCH, "--man")[1]
        for shell in ("bash", "zsh", "fish"):
            file = next(prefix / name for name in INSTALLED if f"/{shell}" in name)
            assert file.read_text() == said(TICKWATCH, "--completions", shell)[1]
        (prefix / "bin/other").touch()
        assert install("--uninstall", "/opt/tickerfeed", DESTDIR=folder)[0] == 0
        assert files(prefix) == {"bin/other"}


def what_cannot_be_installed_is_one_line():
    for words, complaint in (
            (("/dev/null/x",),
             "/dev/null/x: not writable: be root, or name a prefix of your own: script/install ~/.local"),
            (("a", "b"), "usage: script/install [--uninstall] [PREFIX]"),
            (("--prefix=x",), "usage: script/install [--uninstall] [PREFIX]"),
    ):
        assert install(*words) == (1, "", f"install: {complaint}\n"), install(*words)


if __name__ == "__main__":
    run_tests([
        the_book_is_that_of_the_digest, what_cannot_be_read_is_one_line, an_own_source_is_served,
        what_is_installed_runs_and_goes_again, what_cannot_be_installed_is_one_line,
    ])
