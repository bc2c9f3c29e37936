#!/usr/bin/env python3
"""The browser module in Chromium: the plain page, the React hook, a hidden tab, proxies that stand in its way."""

import contextlib
import functools
import http.server
import os
import re
import shutil
import tempfile
import threading
from pathlib import Path

from browser import browser
from harness import ROOT, SESSION, Server, free_port, run_tests, until
from proxies import under

MODULE = ROOT / "Sources/CFiles/pages/tickerfeed.js"
CLIENTS = ROOT / "clients/javascript"
REACT = Path(os.environ.get("REACT", ROOT / ".build/debian/usr/share/nodejs"))

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
def served(*files, port=0, **texts):
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
        with http.server.ThreadingHTTPServer(("127.0.0.1", port), functools.partial(Quiet, directory=folder)) as web:
            threading.Thread(target=web.serve_forever, daemon=True).start()
            yield f"http://127.0.0.1:{web.server_port}"
            web.shutdown()


def faults(page):
    """What the page did wrong; that there is no icon is not its fault."""
    return [fault for fault in page.faults if "favicon.ico" not in fault]


async def the_plain_page_shows_quotes():
    # The page is of another address than the server: the module, too, comes from its own.
    with served(MODULE, CLIENTS / "plain.html") as page_url, \
            Server("--feed", SESSION, "--speed", "max", "--allow-origin", page_url) as server:
        until(lambda: server.metric("feed_ended"))
        async with browser() as chromium:
            page = await chromium.open(f"{page_url}/plain.html?url=http://{server.address}/&symbols=AAPL,ZZZZ")
            await page.until("document.querySelectorAll('#quotes tr').length == 2")
            assert await page.run("document.querySelector('#status').textContent") == "open over websocket"
            await page.until("document.querySelectorAll('#quotes td').length == 7")
            shown = await page.run("[...document.querySelectorAll('#quotes tr')].map(row => [...row.cells].map(c => c.textContent))")
            rows = {row[0]: row[1:] for row in shown}
            quote = server.snapshot("AAPL")["quote"]
            assert rows["AAPL"] == [str(quote[name]) for name in ("bid", "bid_size", "ask", "ask_size")], rows
            assert rows["ZZZZ"] == ["unknown_symbol"] and not faults(page), (rows, page.faults)


async def the_page_of_the_documentation_shows_quotes():
    """From an address of its own, with the module from the server's."""
    text = re.search(r"```html\n(.*?)```", (ROOT / "docs/BROWSER.md").read_text(), re.S)[1]
    page_port = free_port()
    with Server("--allow-origin", f"http://127.0.0.1:{page_port}") as server, \
            served(index_html=text.replace("127.0.0.1:7400", server.address), port=page_port) as page_url:
        async with browser() as chromium:
            page = await chromium.open(f"{page_url}/index.html")
            await page.until(r"/AAPL \d+.*MSFT \d+|MSFT \d+.*AAPL \d+/s.test(document.body.innerText)")
            assert not faults(page), page.faults


async def the_hook_follows_its_symbols():
    umd = [REACT / "react/umd/react.production.min.js", REACT / "react-dom/umd/react-dom.production.min.js"]
    missing = [str(file) for file in umd if not file.exists()]
    assert not missing, f"no {missing}: REACT names where React is"
    texts = {"index_html": REACT_PAGE, "react_mjs": "export const { useEffect, useState } = React\n"}
    with served(MODULE, CLIENTS / "useTickerFeed.js", *umd, **texts) as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        async with browser() as chromium:
            page = await chromium.open(f"{page_url}/index.html?url=http://{server.address}/")
            await page.until("+document.querySelector('#AAPL')?.textContent > 0 && +document.querySelector('#MSFT')?.textContent > 0")
            await page.run("setSymbols(['NVDA'])")
            await page.until("+document.querySelector('#NVDA')?.textContent > 0 && !document.querySelector('#AAPL')")
            await page.until("feed.status.state === 'open'")
            assert not faults(page), page.faults


async def a_hidden_tab_is_sent_less_and_shown_again_all():
    with served(MODULE, index_html="<!doctype html><title>Hidden</title>") as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        async with browser() as chromium:
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


async def a_proxy_without_websockets_or_that_buffers_is_got_past():
    with served(MODULE, index_html="<!doctype html><title>Behind a proxy</title>") as page_url, \
            Server("--seed", "5", "--allow-origin", page_url) as server:
        for buffers, transport, reason in (False, "events", "websocket_blocked"), (True, "poll", "events_buffered"):
            with under(server, "/feed/", upgrades=False, buffers=buffers) as address:
                async with browser() as chromium:
                    page = await chromium.open(f"{page_url}/index.html")
                    # So little that a proxy's buffer does not run over.
                    await page.run(f"""import("./tickerfeed.js").then(({{ connect }}) => {{
                        window.feed = connect({{ url: "{address}" }})
                        window.quotes = feed.subscribe("AAPL", {{ rate: 0.2 }})
                    }})""")
                    await page.until("feed.status.state === 'open' && quotes.state.size && "
                                     f"feed.status.transport === '{transport}'", 30)
                    assert await page.run("feed.status.reason.code") == reason


run_tests([
    the_page_of_the_documentation_shows_quotes, the_plain_page_shows_quotes, the_hook_follows_its_symbols, a_hidden_tab_is_sent_less_and_shown_again_all,
    a_proxy_without_websockets_or_that_buffers_is_got_past])
