"""Headless Chromium, spoken to by the Chrome DevTools Protocol: pages as a user has them, and what they cost.

    async with browser() as chromium:
        page = await chromium.open("http://127.0.0.1:7400/")
        await page.until("document.querySelectorAll('tbody tr').length == 24")
        await page.screenshot("dashboard.png")
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import websockets

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
#: As root there is no sandbox; a machine of CI has no graphics card and a small /dev/shm.
OPTIONS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-extensions", "--disable-background-networking", "--disable-component-update",
           "--disable-sync", "--mute-audio", "--hide-scrollbars", "--window-size=1280,800",
           "--remote-debugging-port=0"]


class PageError(AssertionError):
    """Something that the page threw."""


class Browser:
    """The protocol's one connection, shared by all pages (sessions are told apart by number)."""

    def __init__(self, socket):
        self.socket = socket
        self.numbers = itertools.count(1)
        self.answers = {}
        self.pages = {}

    async def pump(self):
        async for text in self.socket:
            message = json.loads(text)
            if "id" in message:
                answer = self.answers.pop(message["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(message)
            elif page := self.pages.get(message.get("sessionId")):
                page.take(message["method"], message["params"])

    async def say(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        answer = self.answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps(message))
        said = await asyncio.wait_for(answer, 60)
        assert "error" not in said, f"{method}: {said['error']}"
        return said["result"]

    async def open(self, url=None, width=1280, height=800, before=None, insecure=False, own_window=False):
        """A new tab. `before` is script that runs before any of the page's own."""
        target = (await self.say("Target.createTarget", url="about:blank", newWindow=own_window))["targetId"]
        session = (await self.say("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = self.pages[session] = Page(self, target, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await page.say(f"{domain}.enable")
        await page.size(width, height)
        if insecure:
            await page.say("Security.setIgnoreCertificateErrors", ignore=True)
        if before:
            await page.say("Page.addScriptToEvaluateOnNewDocument", source=before)
        if url:
            await page.go(url)
        return page


class Page:
    def __init__(self, owner, target, session):
        self.browser = owner
        self.target = target
        self.session = session
        #: What went wrong in it: exceptions, errors on its console, refusals of its policy.
        self.faults = []
        #: Bytes of WebSocket messages and of bodies that came.
        self.bytes = 0
        self.requests = []
        self.loaded = asyncio.Event()

    def say(self, method, **parameters):
        return self.browser.say(method, self.session, **parameters)

    def take(self, method, event):
        if method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Runtime.exceptionThrown":
            detail = event["exceptionDetails"]
            self.faults.append(detail.get("exception", {}).get("description", detail["text"]))
        elif method == "Runtime.consoleAPICalled" and event["type"] in ("error", "assert"):
            self.faults.append(" ".join(str(part.get("value", part.get("description"))) for part in event["args"]))
        elif method == "Log.entryAdded" and event["entry"]["level"] == "error":
            self.faults.append(f"{event['entry']['source']}: {event['entry']['text']} {event['entry'].get('url', '')}")
        elif method == "Network.webSocketFrameReceived":
            frame = event["response"]
            size = len(frame["payloadData"])
            self.bytes += size if frame["opcode"] == 1 else size * 3 // 4
        elif method == "Network.dataReceived":
            self.bytes += event["dataLength"]
        elif method == "Network.requestWillBeSent":
            self.requests.append(event["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.requests.append(event["url"])

    async def go(self, url, patience=20):
        self.loaded.clear()
        answer = await self.say("Page.navigate", url=url)
        assert "errorText" not in answer, f"{url}: {answer['errorText']}"
        await asyncio.wait_for(self.loaded.wait(), patience)

    async def reload(self):
        self.loaded.clear()
        await self.say("Page.reload")
        await asyncio.wait_for(self.loaded.wait(), 20)

    async def run(self, script):
        """The value of an expression; of a promise, what it comes to."""
        answer = await self.say("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if detail := answer.get("exceptionDetails"):
            raise PageError(detail.get("exception", {}).get("description", detail["text"]))
        return answer["result"].get("value")

    async def until(self, script, patience=20):
        """Waits for an expression to be true, and returns how long that took and the value."""
        began = time.monotonic()
        while not (value := await self.run(script)):
            assert time.monotonic() - began < patience, f"it never came to be: {script}\n{self.faults[-5:]}"
            await asyncio.sleep(0.02)
        return value

    async def press(self, *keys):
        """Keys as a user presses them: "j", "Enter", "ArrowDown", "Escape"."""
        codes = {"Enter": 13, "Escape": 27, "ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, "Tab": 9,
                 "Home": 36, "End": 35, " ": 32}
        for name in keys:
            text = name if len(name) == 1 else "\r" if name == "Enter" else ""
            code = codes.get(name) or ord(name.upper())
            await self.say("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", key=name, text=text,
                           windowsVirtualKeyCode=code)
            await self.say("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)

    async def type(self, text):
        await self.say("Input.insertText", text=text)

    async def move(self, x, y):
        await self.say("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    async def click(self, selector):
        """A real click in the middle of the first element that the selector finds."""
        x, y = await self.run(f"(e => {{ e.scrollIntoView({{block: 'nearest'}}); const b = e.getBoundingClientRect();"
                              f" return [b.x + b.width / 2, b.y + b.height / 2] }})"
                              f"(document.querySelector({json.dumps(selector)}))")
        await self.move(x, y)
        for kind in ("mousePressed", "mouseReleased"):
            await self.say("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def size(self, width, height, phone=False):
        await self.say("Emulation.setDeviceMetricsOverride", width=width, height=height,
                       deviceScaleFactor=2 if phone else 1, mobile=phone)

    async def prefer(self, **features):
        """As `prefer(color_scheme="dark", reduced_motion="reduce")`."""
        await self.say("Emulation.setEmulatedMedia", features=[
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()])

    async def show(self):
        """To the front; the tab that was there is hidden."""
        await self.say("Page.bringToFront")

    async def heap(self):
        """Bytes of script objects that are alive."""
        await self.say("HeapProfiler.collectGarbage")
        return (await self.say("Runtime.getHeapUsage"))["usedSize"]

    async def screenshot(self, path):
        data = (await self.say("Page.captureScreenshot", format="png"))["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    async def close(self):
        await self.browser.say("Target.closeTarget", targetId=self.target)
        self.browser.pages.pop(self.session, None)


@contextlib.asynccontextmanager
async def browser(*options):
    """Chromium with a profile of its own, gone with all its processes at the end."""
    assert CHROMIUM, "no Chromium: apt-get install chromium"
    with tempfile.TemporaryDirectory(prefix="tickerfeed-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen([CHROMIUM, *OPTIONS, *options, f"--user-data-dir={profile}", "about:blank"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                   start_new_session=True)
        try:
            address = None
            for line in process.stderr:
                if found := re.search(r"DevTools listening on (ws://\S+)", line):
                    address = found[1]
                    break
            assert address, f"Chromium did not start: {process.wait()}"
            # What it says of D-Bus and graphics cards would fill the pipe.
            drain = asyncio.get_running_loop().run_in_executor(None, process.stderr.read)
            async with websockets.connect(address, max_size=None, ping_interval=None) as socket:
                owner = Browser(socket)
                pump = asyncio.create_task(owner.pump())
                try:
                    yield owner
                finally:
                    pump.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()
            with contextlib.suppress(Exception):
                await drain
