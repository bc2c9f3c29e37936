#!/usr/bin/env python3
"""What the documents show works: each block of commands and each program of a page is run, a page's blocks one after
the other in a folder that looks like the tree, and what it prints is compared with what the page shows. NOT_RUN says
what cannot be run, and why; that its commands have the options they name is held all the same.

Fences say what a block is: `sh` is run, of `console` each line behind a `$`, and the lines below it are its output;
`python` and `js` run until they print; `output` is what the block before it prints. Other languages are no commands."""

import asyncio
import collections
import concurrent.futures
import contextlib
import fnmatch
import functools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from harness import CERTIFICATES, ROOT, TICKERD, TICKWATCH, Server, connected, free_port, run_tests
from obstacles import Proxy

TICKBENCH = os.environ.get("TICKBENCH", str(ROOT / ".build/debug/tickbench"))
NODE = os.environ.get("NODE") or shutil.which("node")
REDIS_SERVER = os.environ.get("REDIS_SERVER") or shutil.which("redis-server")

#: Page, what stands in the block, and why it is not run here.
NOT_RUN = [
    ("*", r"script/(test|lint|build|fuzz|sanitize|fresh|install|release)\b|swift test", "takes minutes; CI runs it"),
    ("*", r"\bdocker\b|\bkubectl\b|\bsystemctl\b|\bsudo\b|\bapt(-get)? ", "wants root, or a daemon"),
    ("*", r"\bpip3? install\b|\bnpm install\b", "wants the internet"),
    ("Examples/README.md", r"\.build/debug/", "wants a build of its own; test_library.py runs these programs"),
    ("docs/BENCHMARKS.md", "", "takes minutes, on a machine that does nothing else"),
    ("bench/README.md", "", "takes minutes, on a machine that does nothing else"),
    ("docs/RECIPES.md", r"tickerd --feed -", "wants a broker or a database: test_recipes.py has those that can be had"),
    ("docs/PYTHON.md", r"feed\.example", "an address of yours; clients/python/README.md has it without a token"),
    ("docs/TICKWATCH.md", r"--completions", "writes into your home"),
    ("docs/BROWSER.md", r"<script", "test_javascript_pages.py runs it in a browser"),
]
COMMANDS, PROGRAMS = {"sh", "bash", "shell", "console"}, {"python", "js", "html"}
NO_COMMANDS = {"text", "json", "output", "ini", "nginx", "yaml", "xml", "diff", "swift", "c", "csv", "sql", "mermaid"}
#: Words that begin a command in a block that does not say what it is.
COMMAND = re.compile(r"^(\$ )?(script/\w+|\.build/\S+|tickerd|tickwatch|tickbench|curl|docker|openssl|pip3?|python3"
                     r"|redis-server)\b|\| (tickerd|tickwatch)\b", re.M)
TAKEN = set()
Block = collections.namedtuple("Block", "page line kind text shown exact")


def pages():
    said = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True,
                          text=True, check=True)
    return [page for page in said.stdout.split() if page != "CHANGELOG.md" and (ROOT / page).exists()]


@functools.cache
def blocks(page):
    """The page's fenced blocks in their order; of what is not known what it is, the complaint."""
    text, found = (ROOT / page).read_text(), []
    for fence in re.finditer(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```$", text, re.M | re.S):
        indent, kind, note, body = fence.groups()
        kind = kind or ("sh" if COMMAND.search(body) else "text")
        line = text.count("\n", 0, fence.start()) + 1
        assert kind in COMMANDS | PROGRAMS | NO_COMMANDS, f"{page}:{line}: what is {kind}? See test_documents.py"
        body = re.sub(rf"^{indent}", "", body, flags=re.M)
        if kind == "output":
            assert found, f"{page}:{line}: output of what?"
            found[-1] = found[-1]._replace(shown=body, exact="exact" in note)
        else:
            found.append(Block(page, line, kind, body, None, "exact" in note))
    return found


def reason_not_to_run(block):
    return next((reason for page, words, reason in NOT_RUN
                 if fnmatch.fnmatch(block.page, page) and re.search(words, block.text)), None)


def missing_program(block):
    """Not every machine has them all; CI brings them."""
    there = {"node": NODE, "redis-server": REDIS_SERVER} | {
        name: shutil.which(name) for name in ("curl", "jq", "openssl", "zstd")}
    used = {"js": ["node"], "python": []}.get(block.kind) or re.findall(r"[\w-]+", block.text)
    return next((name for name in used if not there.get(name, True)), None)


def fresh_port():
    """One that no other page was given."""
    while (port := free_port()) in TAKEN:
        pass
    TAKEN.add(port)
    return port


class Place:
    """A folder that looks like the tree with a release built, where a page's blocks leave files and servers."""

    def __init__(self, page):
        self.folder = Path(tempfile.mkdtemp(prefix="tickerfeed-page-"))
        self.ports = collections.defaultdict(fresh_port)
        self.page = page

    def __enter__(self):
        for name in ("feeds", "clients", "deploy", "docs", "Tests", "Sources", "bench", "Examples"):
            if (ROOT / name).exists():
                (self.folder / name).symlink_to(ROOT / name)
        for folder, names in (("bin", ["tickerd", "tickwatch", "curl", "python3", "node", "redis-server"]),
                              (".build/release", ["tickerd", "tickwatch"]), ("script", ["serve"])):
            (self.folder / folder).mkdir(parents=True)
            for name in names:
                (self.folder / folder / name).symlink_to(ROOT / "Tests/clients/stand_in")
        for folder in ("bin", ".build/release"):
            (self.folder / folder / "tickbench").symlink_to(TICKBENCH)
        self.environment = {
            **os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "LC_ALL": "C.UTF-8",
            **dict.fromkeys(("PLACE", "HOME", "TMPDIR"), str(self.folder)), "PORT": str(self.ports[7400]),
            "TICKERD": os.path.abspath(TICKERD), "TICKWATCH": os.path.abspath(TICKWATCH), "PYTHON": sys.executable,
            "CURL": shutil.which("curl") or "", "NODE": NODE or "", "REDIS_SERVER": REDIS_SERVER or "",
            "TICKWATCH_URL": f"ws://127.0.0.1:{self.ports[7400]}/v1/stream",
            "PYTHONPATH": str(ROOT / "clients/python")}
        self.groups = []
        self.shell("tickerd")
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        """Ends all that goes on."""
        pids = self.folder / "pids"
        for group in [*self.groups, *map(int, pids.read_text().split() if pids.exists() else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def here(self, text):
        """With ports of this place, and no address that others reach."""
        return re.sub(r"((?:127\.0\.0\.1|localhost|0\.0\.0\.0|\[::1\]):|--port )(\d{4,5})\b",
                      lambda hit: hit[1].replace("0.0.0.0", "127.0.0.1") + str(self.ports[int(hit[2])]), text)

    def start(self, words, **options):
        process = subprocess.Popen(words, cwd=self.folder, env=self.environment, text=True, stdin=subprocess.PIPE,
                                   start_new_session=True, **options)
        self.groups.append(process.pid)
        return process

    def shell(self, commands, stops=True):
        """What they print, on both ways out. Into a file, as what goes on in the background keeps a pipe open."""
        # Who starts servers of their own in the background does not meet those of the page.
        if re.search(r"(tickerd|serve) .*&$", commands, re.M):
            self.stop()
        said = self.folder / "said"
        with said.open("w") as out:
            process = self.start(["bash", "-ec" if stops else "-c", self.here(commands)], stdout=out,
                                 stderr=subprocess.STDOUT)
            try:
                status = process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                raise AssertionError(f"it does not end:\n{commands}\n{said.read_text()}") from None
        assert not stops or status == 0, f"status {status}:\n{commands}\n{said.read_text()}"
        return said.read_text()

    def first_lines(self, words, count):
        """Of a program that goes on; all of one that ends before."""
        errors = self.folder / "errors"
        with errors.open("w") as out:
            process = self.start(words, stdout=subprocess.PIPE, stderr=out)
            patience = threading.Timer(20, process.kill)
            patience.start()
            lines = [line for _, line in zip(range(count), process.stdout, strict=False)]
            patience.cancel()
            process.kill()
        assert lines and "Traceback" not in errors.read_text(), errors.read_text()
        return "".join(lines)

    def program(self, block):
        """Three lines of it, with our module from the tree and the server of the page."""
        text, module = self.here(block.text), ROOT / "clients/javascript/tickerfeed.js"
        if block.kind == "python":
            return self.first_lines([sys.executable, "-u", "-c", text], 3)
        text = re.sub(r'"[^"\n]*/tickerfeed\.js"', f'"{module}"', text)
        text = text.replace("connect()", f'connect({{ url: "http://127.0.0.1:{self.ports[7400]}/" }})')
        (self.folder / "block.mjs").write_text(text)
        return self.first_lines([NODE, "--experimental-websocket", "block.mjs"], 3)


def shape(line):
    """What of a line is alike from run to run: of JSON its fields, of text all but numbers and a trade's side."""
    try:
        value = json.loads(line)
        return set(value) - {"side", "trade_id", "crossed", "snap"} if isinstance(value, dict) else line
    except ValueError:
        return re.sub(r"[-+]?\d[\d.,:]*", "#", re.sub(r" (buy|sell)$", "", line.strip()))


def is_as_shown(line, shown, exact):
    if "…" in shown:
        parts = [part if exact else shape(part) for part in shown.split("…")]
        return re.fullmatch(".*".join(map(re.escape, map(str, parts))), line if exact else str(shape(line))) is not None
    return line == shown if exact else shape(line) == shape(shown)


def compare(said, shown, exact):
    said, shown = said.rstrip("\n").split("\n"), shown.rstrip("\n").split("\n")
    # Symbols come in any order.
    said, shown = (said, shown) if exact else (sorted(said), sorted(shown))
    assert len(said) == len(shown) and all(is_as_shown(*pair, exact) for pair in zip(said, shown, strict=True)), (
        "it prints\n  " + "\n  ".join(said) + "\nand the page shows\n  " + "\n  ".join(shown))


def run(block, place):
    if block.kind in PROGRAMS:
        said = place.program(block)
    elif block.kind != "console":
        said = place.shell(block.text)
    else:
        for command, shown in re.findall(r"^\$ (.*(?:\\\n.*)*)\n((?:(?!\$ ).*\n)*)", block.text, re.M):
            said = place.shell(command, stops=not shown)
            if shown:
                compare(said, shown, block.exact)
        return
    if block.shown is not None:
        compare(said, block.shown, block.exact)


@functools.cache
def options_of(program):
    command = {"tickerd": [TICKERD, "--help"], "serve": [TICKERD, "--help"], "tickwatch": [TICKWATCH, "--help"],
               "tickbench": [TICKBENCH, "--help"], "curl": ["curl", "--help", "all"]}[program]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return set(re.findall(r"(?<![\w-])(--[a-z][\w-]*)", said.stdout + said.stderr))


def unknown_options(text):
    """Of our programs' and curl's command lines in the text: those that the program does not have."""
    for command in re.split(r"[|;&\n]", text.replace("\\\n", " ")):
        command = re.sub(r"\s#.*", "", command)
        if (found := re.search(r"(?:^|[\s/])(tickerd|serve|tickwatch|tickbench|curl)\s(.*)", command)) and (
                found[1] != "tickerd" or not re.match(r"(digest|journal)\b", found[2])):
            yield from (f"{found[1]} {word}" for word in re.findall(r"(?<![\w-])(--[a-z][\w-]*)", found[2])
                        if word not in options_of(found[1]))


def every_block_is_run_or_excused():
    """And each command line in running text has options that there are."""
    reasons = collections.Counter()
    for page in pages():
        for block in blocks(page):
            where = f"{page}:{block.line}"
            if block.kind in COMMANDS and (left := sorted(set(unknown_options(block.text)))):
                raise AssertionError(f"{where}: no such options: {', '.join(left)}")
            if block.kind in COMMANDS | PROGRAMS and (reason := reason_not_to_run(block)):
                reasons[reason] += 1
            assert block.kind != "html" or reason_not_to_run(block), f"{where}: nobody runs this page"
        inline = re.findall(r"(?<!`)`((?:tickerd|tickwatch|tickbench|curl|script/serve) [^`\n]+)`",
                            (ROOT / page).read_text())
        left = sorted({word for text in inline for word in unknown_options(text)})
        assert not left, f"{page}: no such options: {', '.join(left)}"
    for page, words, reason in NOT_RUN:
        stale = page != "*" and not any(re.search(words, block.text) for block in blocks(page))
        assert not stale, f"{page} has no block with {words!r} any more: {reason}"
    return "; ".join(f"{count} not: {reason}" for reason, count in reasons.items())


def run_page(page):
    """How many blocks were run."""
    wanted = [each for each in blocks(page) if each.kind in COMMANDS | PROGRAMS and not reason_not_to_run(each)]
    if not wanted:
        return 0
    with Place(page) as place:
        for block in wanted:
            if name := missing_program(block):
                print(f"--  {page}:{block.line} is not run: no {name} here", flush=True)
                continue
            try:
                run(block, place)
            except AssertionError as fault:
                raise AssertionError(f"{page}:{block.line}: {fault}") from None
    return len(wanted)


def each_block_does_what_the_page_says():
    """Pages side by side: they mostly wait. The second word of the command line chooses pages."""
    wanted = [page for page in pages() if not sys.argv[2:] or sys.argv[2] in page]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return f"{sum(pool.map(run_page, wanted))} blocks"


async def each_request_of_the_protocol_is_understood():
    requests = re.findall(r'^\{"op":.*\}$', (ROOT / "docs/PROTOCOL.md").read_text(), re.M)
    assert len(requests) > 10, requests
    with Server() as server:
        async with connected(server) as client:
            for request in map(json.loads, requests):
                answer = await client.ask(request.pop("op"), **{**request, "id": len(client.asked) + 1})
                assert answer["type"] in ("ack", "subscriptions", "pong") and not answer.get("refused"), answer
            assert not client.breaks, client.breaks


async def the_example_of_the_protocol_comes_back_without_a_loss():
    """The Python of the page, whose connection breaks in the middle."""
    program = next(block.text for block in blocks("docs/PROTOCOL.md") if block.kind == "python")
    with Server() as server:
        async with Proxy(server.port) as proxy:
            text = program.replace("127.0.0.1:7400", proxy.url.removeprefix("http://").rstrip("/"))
            running = await asyncio.create_subprocess_exec(
                sys.executable, "-u", "-c", text, stdout=asyncio.subprocess.PIPE)
            seen = []

            async def read_until(word):
                while not seen or word not in seen[-1]:
                    seen.append((await asyncio.wait_for(running.stdout.readline(), 20)).decode())
                    assert seen[-1], seen

            try:
                # A heartbeat later it has a cursor behind what it was told.
                for word in ("trade resumed None", "trade ", "book ", "trade "):
                    await read_until(word)
                proxy.cut()
                for word in ("again in a second", "trade resumed True", "trade ", "book "):
                    await read_until(word)
            finally:
                running.kill()
                await running.wait()
    trades = [int(line.split()[1]) for line in seen if line.startswith("trade ")]
    assert trades == list(range(trades[0], trades[0] + len(trades))) and not any("lost" in line for line in seen), seen


def the_configuration_file_is_fine():
    """With the key that the same page makes."""
    page = blocks("docs/OPERATING.md")
    file = next(block.text for block in page if block.kind == "ini")
    with Place("docs/OPERATING.md") as place:
        place.shell("openssl genpkey -algorithm ed25519 | openssl pkey -pubout -out 2026a.pem 2>/dev/null")
        for name, there in (("fullchain.pem", "server.pem"), ("privkey.pem", "server.key")):
            shutil.copy(CERTIFICATES / there, place.folder / name)
        (place.folder / "tickerd.conf").write_text(file.replace("/etc/tickerfeed", str(place.folder)))
        assert place.shell("tickerd --config tickerd.conf --check-config") == "configuration is fine\n"


run_tests([
    every_block_is_run_or_excused, each_block_does_what_the_page_says, each_request_of_the_protocol_is_understood,
    the_example_of_the_protocol_comes_back_without_a_loss, the_configuration_file_is_fine])
