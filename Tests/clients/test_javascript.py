#!/usr/bin/env python3
"""The browser module: its unit tests under Node, its example script against a running server, and its pages in Chromium."""

import asyncio
import contextlib
import functools
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import jwt
from browser import browser
from harness import ROOT, SESSION, Server, run_in_turn
from proxy import NGINX, Nginx

NODE = os.environ.get("NODE", "node")
MODULE = ROOT / "Sources/CPages/pages/tickerfeed.js"
CLIENTS = ROOT / "clients/javascript"
WATCH = CLIENTS / "watch.mjs"
REACT = Path(os.environ.get("REACT", ROOT / ".build/debian/usr/share/nodejs"))
#: Bytes of the file as it lies there: there is no build step to make it smaller.
SIZE = 14_336


def runs(*words):
    return subprocess.run([NODE, *words], capture_output=True, text=True, timeout=120)


def websocket_options():
    """What makes this Node have a WebSocket; None where nothing does."""
    for options in ((), ("--experimental-websocket",)):
        if runs(*options, "-e", "process.exit(typeof WebSocket === 'function' ? 0 : 1)").returncode == 0:
            return options
    return None


class Watch:
    """The example script, reading until a condition holds; ends with the `with`."""

    def __init__(self, server, *words, options=(), token=None):
        self.arguments = [NODE, *options, str(WATCH), f"http://{server.address}/", *words, "--json"]
        self.environment = dict(os.environ, **({"TICKERFEED_TOKEN": token} if token else {}))
        self.messages = []
        self.came = threading.Condition()

    def __enter__(self):
        self.process = subprocess.Popen(self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env=self.environment)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        return self

    def read(self):
        for line in self.process.stdout:
            with self.came:
                self.messages.append(json.loads(line))
                self.came.notify_all()

    def until(self, condition, patience=30):
        with self.came:
            assert self.came.wait_for(condition, patience), (self.messages[-3:], self.process.poll())

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        for pipe in (self.process.stdout, self.process.stderr):
            pipe.close()

    def of(self, kind):
        return [message for message in self.messages if message["type"] == kind]

    def is_open(self):
        return any(status["state"] == "open" for status in self.of("connection")[-1:])


def the_module_is_small():
    size = MODULE.stat().st_size
    assert size <= SIZE, f"{size} bytes"
    return f"{size} bytes"


def its_unit_tests_pass():
    tests = sorted(map(str, (ROOT / "Tests/javascript").glob("*.test.mjs")))
    said = runs("--test", *tests)
    assert said.returncode == 0, said.stdout
    return f"{re.search(r'^# pass (.*)$', said.stdout, re.M)[1]} tests"


def ways():
    websocket = websocket_options()
    found = [("events", "json", ()), ("poll", "json", ())]
    if websocket is not None:
        found += [("websocket", "json", websocket), ("websocket", "sbe", websocket)]
    return found


def ended(server):
    """Returns when the server's file has been read to its end: nothing changes any more."""
    end = time.monotonic() + 30
    while not server.metric("feed_ended"):
        assert time.monotonic() < end, "the feed does not end"


def every_way_ends_in_the_state_of_the_snapshot():
    with Server("--feed", SESSION, "--speed", "max") as server:
        ended(server)
        snapshot = json.loads(server.get("/v1/snapshot/AAPL"))
        for transport, encoding, options in ways():
            with Watch(server, "AAPL", "--transport", transport, "--encoding", encoding, options=options) as watch:
                watch.until(lambda: watch.of("quote"))
                quote = watch.of("quote")[0]
                expected = snapshot["quote"]
                assert all(quote[name] == expected[name] for name in ("seq", "bid", "bid_size", "ask", "ask_size")), quote
                assert quote["ts"] == str(expected["ts"]), quote
            with Watch(server, "AAPL", "--channel", "book", "--transport", transport, "--encoding", encoding,
                       options=options) as watch:
                watch.until(lambda: watch.of("book"))
                book = watch.of("book")[0]["book"]
                assert book == {"bids": snapshot["book"]["bids"], "asks": snapshot["book"]["asks"], "ok": True}, book
    return ", ".join(f"{transport} {encoding}" for transport, encoding, _ in ways())


def books_agree_with_their_checksums_on_a_fast_feed():
    count = 0
    with Server("--seed", "5", "--speed", "50") as server:
        for transport, encoding, options in ways():
            with Watch(server, "A*", "--channel", "book", "--rate", "50", "--transport", transport, "--encoding", encoding,
                       options=options) as watch:
                watch.until(lambda: len(watch.of("book")) > 300)
                assert not watch.of("gap"), watch.of("gap")
                count += len(watch.of("book"))
    return f"{count} books"


def a_server_that_is_killed_is_found_again():
    for transport, encoding, options in ways():
        with Server("--seed", "5", "--speed", "5") as server, \
                Watch(server, "AAPL", "MSFT", "--channel", "trade", "--transport", transport, "--encoding", encoding,
                      options=options) as watch:
            watch.until(lambda: len(watch.of("trade")) > 20)
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            watch.until(lambda: not watch.is_open())
            lived = len(watch.messages)
            with Server("--seed", "6", "--speed", "5", "--listen", server.address):
                watch.until(lambda: watch.is_open() and sum(one["type"] == "trade" for one in watch.messages[lived:]) > 20)
                without_hole(watch.messages[:lived])
                without_hole(watch.messages[lived:])


def without_hole(messages):
    """Each trade has the number behind the one before, or a gap said which are gone."""
    last = {}
    for message in messages:
        if message["type"] == "trade":
            before = last.get(message["sym"])
            assert before is None or message["seq"] == before + 1, (before, message)
            last[message["sym"]] = message["seq"]
        elif message["type"] == "gap":
            last[message["sym"]] = message["to"]


def a_token_opens_what_it_may_and_a_wrong_one_is_final():
    secret = "a secret of more than 32 bytes, for tests"

    def mint(seconds=3_600, key=secret):
        return jwt.encode({"exp": time.time() + seconds, "sub": "ann", "symbols": ["AAPL"]}, key, "HS256")

    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.write_text(secret + "\n")
        with Server("--token-key", f"one=HS256:{key}") as server:
            for transport, encoding, options in ways():
                words = "AAPL", "MSFT", "--transport", transport, "--encoding", encoding
                with Watch(server, *words, options=options, token=mint()) as watch:
                    watch.until(lambda: watch.of("quote"))
                    assert {quote["sym"] for quote in watch.of("quote")} == {"AAPL"}
                for token in mint(key=secret[::-1]), mint(seconds=-99), None:
                    with Watch(server, *words, options=options, token=token) as watch:
                        watch.until(lambda: watch.of("connection") and watch.of("connection")[-1]["state"] == "closed")
                        assert watch.of("connection")[-1]["reason"]["code"] == "unauthenticated", watch.messages
                        assert watch.process.wait(5) == 1


def a_token_that_expires_ends_the_stream():
    secret = "a secret of more than 32 bytes, for tests"
    with tempfile.TemporaryDirectory() as folder:
        key = Path(folder) / "key"
        key.write_text(secret + "\n")
        with Server("--token-key", f"one=HS256:{key}") as server:
            for transport, encoding, options in ways():
                # 30 s of leeway, all but two of them used up.
                token = jwt.encode({"exp": time.time() - 28, "sub": "ann", "symbols": ["AAPL"]}, secret, "HS256")
                with Watch(server, "AAPL", "--transport", transport, "--encoding", encoding, options=options,
                           token=token) as watch:
                    watch.until(lambda: watch.of("connection") and watch.of("connection")[-1]["state"] == "closed")
                    code = watch.of("connection")[-1]["reason"]["code"]
                    assert watch.of("quote") and code in ("token_expired", "unauthenticated"), watch.messages[-3:]


def a_refusal_is_said():
    with Server() as server:
        for transport, encoding, options in ways():
            with Watch(server, "ZZZZ", "--transport", transport, options=options) as watch:
                assert "ZZZZ: unknown_symbol" in iter(lambda: watch.process.stderr.readline().strip(), "")


REACT_PAGE = """<!doctype html><meta charset="utf-8"><title>React</title><div id="root"></div>
<script src="react.production.min.js"></script><script src="react-dom.production.min.js"></script>
<script type="importmap">{"imports": {"react": "./react.mjs"}}</script>
<script type="module">
  import { connect } from "./tickerfeed.js"
  import { useTickerFeed } from "./useTickerFeed.js"
  const { createElement, useState } = React
  window.feed = connect({ url: new URLSearchParams(location.search).get("url") })
  function Quotes() {
    const [symbols, setSymbols] = useState(["AAPL", "MSFT"])
    const { state, status } = useTickerFeed(feed, symbols, { rate: 20 })
    window.setSymbols = setSymbols
    return createElement("p", null, status.state, ...symbols.map(symbol =>
      createElement("b", { key: symbol, id: symbol }, state.get(symbol)?.bid)))
  }
  ReactDOM.createRoot(document.querySelector("#root")).render(createElement(Quotes))
</script>"""


@contextlib.contextmanager
def served(*files, **texts):
    """A plain web server of these files, on an address of its own: the tests' page, not tickerd's."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript"}

        def log_message(self, *_):
            pass

    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            shutil.copy(file, folder)
        for name, text in texts.items():
            (Path(folder) / name.replace("_", ".")).write_text(text)
        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as web:
            threading.Thread(target=web.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{web.server_port}"
            web.shutdown()


def faults(page):
    """What the page did wrong; that there is no icon is not its fault."""
    return [fault for fault in page.faults if "favicon.ico" not in fault]


def in_chromium(test, *arguments):
    async def run():
        async with browser() as chromium:
            await test(chromium, *arguments)

    asyncio.run(run())


def the_plain_page_shows_quotes():
    async def watch(chromium, page_url, server):
        ended(server)
        page = await chromium.open(f"{page_url}/plain.html?url=http://{server.address}/&symbols=AAPL,ZZZZ")
        await page.until("document.querySelectorAll('#quotes tr').length == 2")
        assert await page.run("document.querySelector('#status').textContent") == "open over websocket"
        await page.until("document.querySelectorAll('#quotes td').length == 7")
        shown = await page.run("[...document.querySelectorAll('#quotes tr')].map(row => [...row.cells].map(c => c.textContent))")
        rows = {row[0]: row[1:] for row in shown}
        quote = server.snapshot("AAPL")["quote"]
        assert rows["AAPL"] == [str(quote[name]) for name in ("bid", "bid_size", "ask", "ask_size")], rows
        assert rows["ZZZZ"] == ["unknown_symbol"] and not faults(page), (rows, page.faults)

    # The page is of another address than the server: the module, too, comes from its own.
    with served(MODULE, CLIENTS / "plain.html") as page_url, \
            Server("--feed", SESSION, "--speed", "max", "--allow-origin", page_url) as server:
        in_chromium(watch, page_url, server)


def the_hook_follows_its_symbols():
    async def watch(chromium, page_url, server):
        page = await chromium.open(f"{page_url}/index.html?url=http://{server.address}/")
        await page.until("+document.querySelector('#AAPL')?.textContent > 0 && +document.querySelector('#MSFT')?.textContent > 0")
        await page.run("setSymbols(['NVDA'])")
        await page.until("+document.querySelector('#NVDA')?.textContent > 0 && !document.querySelector('#AAPL')")
        await page.until("feed.status.state === 'open'")
        assert not faults(page), page.faults

    umd = [REACT / "react/umd/react.production.min.js", REACT / "react-dom/umd/react-dom.production.min.js"]
    missing = [str(file) for file in umd if not file.exists()]
    assert not missing, f"no {missing}: REACT names where React is"
    texts = {"index_html": REACT_PAGE, "react_mjs": "export const { useEffect, useState } = React\n"}
    with served(MODULE, CLIENTS / "useTickerFeed.js", *umd, **texts) as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        in_chromium(watch, page_url, server)


def a_hidden_tab_is_sent_less_and_shown_again_all():
    async def watch(chromium, page_url, server):
        page = await chromium.open(f"{page_url}/index.html")
        await page.run(f"""import("./tickerfeed.js").then(({{ connect }}) => {{
            window.feed = connect({{ url: "http://{server.address}/" }})
            window.quotes = feed.subscribe(["AAPL", "MSFT"], {{ rate: 10 }})
            window.asked = []
            feed.on("lag", ({{ rates }}) => asked.push(rates.asked))
            window.snapshots = 0
            quotes.on("update", ({{ snap }}) => snapshots += !!snap)
        }})""")
        await page.until("asked.at(-1) === 20 && snapshots === 2")
        other = await chromium.open("about:blank")
        await other.show()
        await page.until("document.hidden && asked.at(-1) < 1")
        await page.show()
        await page.until("!document.hidden && asked.at(-1) === 20 && snapshots === 4")

    with served(MODULE, index_html="<!doctype html><title>Hidden</title>") as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        in_chromium(watch, page_url, server)


def a_proxy_without_websockets_or_that_buffers_is_got_past():
    async def watch(chromium, page_url, address, transport, reason):
        page = await chromium.open(f"{page_url}/index.html")
        # So little that a proxy's buffer does not run over.
        await page.run(f"""import("./tickerfeed.js").then(({{ connect }}) => {{
            window.feed = connect({{ url: "{address}" }})
            window.quotes = feed.subscribe("AAPL", {{ rate: 0.2 }})
        }})""")
        await page.until(f"feed.status.state === 'open' && feed.status.transport === '{transport}' && quotes.state.size", 30)
        assert await page.run("feed.status.reason.code") == reason

    if not NGINX:
        return "no nginx: NGINX_PROGRAM names one"
    with served(MODULE, index_html="<!doctype html><title>Behind a proxy</title>") as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        with Nginx(server.port, prefix="/feed/", upgrades=False) as proxy:
            in_chromium(watch, page_url, proxy.url, "events", "websocket_blocked")
        with Nginx(server.port, prefix="/feed/", upgrades=False, buffers=True) as proxy:
            in_chromium(watch, page_url, proxy.url, "poll", "events_buffered")


def main():
    with contextlib.suppress(BrokenPipeError):
        run_in_turn([
            the_module_is_small, its_unit_tests_pass, every_way_ends_in_the_state_of_the_snapshot,
            books_agree_with_their_checksums_on_a_fast_feed, a_server_that_is_killed_is_found_again, a_refusal_is_said,
            a_token_opens_what_it_may_and_a_wrong_one_is_final, a_token_that_expires_ends_the_stream,
            the_plain_page_shows_quotes, the_hook_follows_its_symbols, a_hidden_tab_is_sent_less_and_shown_again_all,
            a_proxy_without_websockets_or_that_buffers_is_got_past])


main()
