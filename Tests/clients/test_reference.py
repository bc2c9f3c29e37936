#!/usr/bin/env python3
"""The pages that mean to be complete are: what the sources can say stands in docs/PROTOCOL.md, what they can be told
and count in docs/OPERATING.md; and neither page names what no source knows."""

import re
import subprocess
import tempfile

from harness import ROOT, TICKERD, Server, run_tests


def page(name):
    return (ROOT / "docs" / f"{name}.md").read_text()


PROTOCOL, OPERATING, BACKPLANE = page("PROTOCOL"), page("OPERATING"), page("BACKPLANE")


def source(*places, without=()):
    """The text of these files, and of all Swift files in these folders."""
    files = [file for place in places for file in ((ROOT / "Sources" / place).rglob("*.swift")
             if not place.endswith((".swift", ".xml")) else [ROOT / "Sources" / place])]
    return "\n".join(file.read_text() for file in sorted(files) if file.name not in without)


def found(pattern, text):
    words = {word for hit in re.findall(pattern, text) for word in ([hit] if isinstance(hit, str) else hit) if word}
    assert words, f"nothing in the sources looks like {pattern}"
    return words


def part(text, title):
    """What stands under a heading, without the headings below it of the same rank."""
    rank, rest = re.search(rf"^(#+) {re.escape(title)}\n(.*)", text, re.M | re.S).groups()
    return re.split(rf"^#{{2,{len(rank)}}} ", rest, maxsplit=1, flags=re.M)[0]


def quoted(text):
    """The words that a page shows as code, inline or in an example."""
    code = re.findall(r"^```.*?\n(.*?)^```", text, re.M | re.S)
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    return {word for piece in code + inline for word in re.findall(r"[\w*./-]+", piece)} | set(inline)


def missing(what, words, text):
    left = sorted(words - quoted(text))
    assert not left, f"{what} that the page does not have: {', '.join(left)}"
    return len(words)


def first_cells(text):
    return {word for row in re.findall(r"^\| (.+?) \|", text, re.M) for word in re.findall(r"`([^`]+)`", row)}


def invented(what, shown, known):
    left = sorted(shown - known)
    assert not left, f"{what} on the page that no source has: {', '.join(left)}"


#: What serves the main port; the admin port is of the other page.
SERVING = source("FanOut/Connections", "FanOut/Endpoints", "FanOut/Rendering", "FanOut/Auth", "FanOut/Limits",
                 "FanOut/Admin/ReplayPage.swift")
SAYING = SERVING + source("Dialects/NativeJSON", without=["ServerMessageJSON.swift"])
#: Swift text that makes `"name":`, and what makes a message and adds a member to one.
FIELD = r'\\"(\w+)\\":|\.add\(\s*"(\w+)"|ControlMessage\("(?:\w+)"\)|number\(",\\"(\w+)\\":'


def fields_and_types():
    types = found(r'ControlMessage\("(\w+)"\)|\\"type\\":\\"(\w+)\\"', SAYING)
    fields = found(FIELD, SAYING) | found(r'value\["(\w+)"\]', source("Dialects/NativeJSON/ClientMessageJSON.swift"))
    examples = "\n".join(re.findall(r"^ *```json\n(.*?)^ *```", PROTOCOL, re.M | re.S))
    invented("fields", found(r'"(\w+)":', examples), fields)
    invented("types of message", found(r'"type":"(\w+)"', examples), types)
    return f"{missing('types', types, PROTOCOL)} types, {missing('fields', fields, PROTOCOL)} fields"


def operations_and_channels():
    operations = found(r'case "(\w+)":', source("Dialects/NativeJSON/ClientMessageJSON.swift").split(
        "switch op {")[1].split("default:")[0])
    channels = found(r'case \.\w+: "(\w+)"', source("Dialects/Messages/Channel.swift"))
    said = part(PROTOCOL, "What a client says")
    invented("operations", found(r'"op":"(\w+)"', PROTOCOL), operations)
    return f"{missing('operations', operations, said)} operations, {missing('channels', channels, said)} channels"


def error_codes():
    listed = source("Dialects/Messages/Channel.swift").split("enum ErrorCode")[1]
    codes = {word or name for name, word in re.findall(r'case `?(\w+)`?(?: = "(\w+)")?$', listed, re.M)}
    invented("error codes", first_cells(part(PROTOCOL, "Error codes")), codes)
    tokens = found(r'case \w+ = "(\w+)"', source("Wire/Tokens/Token.swift"))
    missing("words of a preflight", tokens | found(r'return \("(\w+)", ', SERVING), PROTOCOL)
    return f"{missing('error codes', codes, part(PROTOCOL, 'Error codes'))} of them, {len(tokens)} of tokens"


def close_codes():
    known = dict(re.findall(r"let (\w+): UInt16 = (\d+)", source("Wire/WebSocket/CloseCode.swift")))
    sent = found(r"CloseCode\.(\w+)", SERVING + source("Wire/WebSocket", without=["CloseCode.swift"]))
    sent -= {"isValidOnWire"}
    codes = {known[name] for name in sent}
    table = part(PROTOCOL, "Close codes")
    shown = {code for row in re.findall(r"^\| (.+?) \|", table, re.M) for code in re.findall(r"\d{4}", row)}
    assert shown == codes, f"close codes: {sorted(shown)} on the page, {sorted(codes)} are sent"
    return f"{len(codes)} of them"


def reasons():
    """Of gaps, epochs and goodbyes."""
    words = {word for line in re.findall(r'"reason", (.*\?.*)\)', SERVING) for word in re.findall(r'"(\w+)"', line)}
    assert {"slow", "lapped", "seek", "publisher"} <= words, words
    goodbyes = found(r'"(\w+)": CloseCode', source("Watch/Link/Link.swift"))
    return missing("reasons", words | goodbyes, PROTOCOL)


def words_of_status():
    return missing("words", found(r'case \.\w+: "(\w+)"', source("Market/MarketState.swift")), PROTOCOL)


def addresses_and_statuses():
    routes = source("FanOut/Endpoints/Routes.swift")
    addresses = {path.rstrip("/") or "/" for path in found(r'"(/[\w./]*)"', routes + source(
        "FanOut/Endpoints/Requests.swift", "FanOut/Endpoints/Pages.swift"))} - {"/index.html"}
    served = "\n".join(re.findall(r"^\| .*$", part(PROTOCOL, "Addresses"), re.M))
    left = sorted(address for address in addresses if address not in served)
    assert not left, f"addresses that the page does not have: {left}"
    speaking = SERVING + source("Wire/HTTP", "Wire/WebSocket", "FanOut/Metrics/Readiness.swift")
    statuses = found(r"HTTPFault\(\s*(\d{3})|status: (\d{3})|\.(?:text|json)\((\d{3})", speaking)
    statuses |= found(r": (\d{3})\n", source("FanOut/Limits/Refusal.swift"))
    shown = {code for row in re.findall(r"^\| (\d.*?) \|", part(PROTOCOL, "HTTP"), re.M)
             for code in re.findall(r"\d{3}", row)}
    # 502 is what the client of this room says of a server.
    assert shown == statuses - {"502"}, f"statuses: {sorted(shown ^ (statuses - {'502'}))} on one side alone"
    headers = found(r'headers(?:\.append\(|: \[)"([A-Z][\w-]+)"', SERVING)
    return f"{len(addresses)} addresses, {len(shown)} statuses, {missing('headers', headers, PROTOCOL)} headers"


def binary_templates():
    schema = (ROOT / "Sources/Dialects/NativeSBE/tickerfeed.sbe.xml").read_text()
    templates = set(re.findall(r'<sbe:message name="(\w+)" id="(\d+)"', schema))
    shown = {(name, number) for number, name in re.findall(
        r"^\| (\d+) `(\w+)` \|", part(PROTOCOL, "Binary messages"), re.M)}
    assert templates and shown == templates, shown ^ templates
    names = found(r'<(?:field|group) name="(\w+)"', schema)
    return f"{len(templates)} templates, {missing('fields', names, part(PROTOCOL, 'Binary messages'))} fields"


def options_of(*command):
    said = subprocess.run([TICKERD, *command, "--help"], capture_output=True, text=True, check=True).stdout
    return dict(re.findall(r"^ +(--[\w-]+).*?(?:\(default ([^)]+)\))?$", re.sub(r"\n {20,}", " ", said), re.M))


def options():
    known = options_of()
    missing("options", known.keys(), OPERATING + "\n" + BACKPLANE)
    tables = "\n".join(re.findall(r"^\| `--.*$", OPERATING, re.M))
    invented("options", {word for word in re.findall(r"--[a-z][\w-]*", tables)}, known.keys())
    return f"{len(known)} of them"


#: Limits without an option, by their names in the source, and how the page calls them.
WITHOUT_OPTION = {
    "limitTableEntries": "addresses and subjects are remembered", "retryAfter": "`Retry-After`",
    "patterns": "patterns a connection", "comparisonsPerOperation": "one more for each",
    "slots": "subscriptions a connection", "slotsOfLoop": "subscriptions of all connections of a loop",
    "operationsRefusedMax": "of these without a second's rest", "controlBytes": "bytes of unread answers",
    "writeBytes": "bytes gathered for a write", "authFailuresMax": "tokens a WebSocket may try",
    "expiryNotice": "notice before a token ends", "closeDeadline": "time for a closing handshake",
    "comment": "comment of an event stream", "poll": "a long poll waits", "pollBytes": "bytes of a poll's answer",
    "reconnectsPerSecond": "clients that are to come back", "ticksPerTurn": "ticks applied in a turn",
}
#: Those whose option is not made from the same table as the others.
BY_HAND = {"stall": "--stall-limit"}


def limits():
    stated = re.findall(
        r"public var (\w+) = (?:Nanoseconds\.seconds\()?([\d_]+)", source("FanOut/Limits/Limits.swift"))
    named = dict(re.findall(
        r'(?:Count|Deadline)\(\s*"([\w-]+)", \\\.([\w.]+)', source("tickerd/Options/LimitOptions.swift")))
    options = {limit: f"--{option}" for option, limit in named.items()} | BY_HAND
    lines = part(OPERATING, "Limits").splitlines()
    for name, value in stated + [("http.headBytesMax", "8192")]:
        assert name in options or name in WITHOUT_OPTION, f"the limit {name} has neither an option nor a line"
        words = WITHOUT_OPTION.get(name) or f"`{options[name]}"
        value = f"{int(value.replace('_', '')):,}" if value != "0" else "none"
        assert any(words in line and re.search(rf"(?<![\d,]){value}(?![\d,])", line) for line in lines), (
            f"OPERATING.md, Limits: no line with '{words}' and its default {value}")
    return f"{len(stated) + 1} of them, with their defaults"


def metrics():
    with tempfile.TemporaryDirectory() as place, Server("--record", f"{place}/ticks") as server:
        families = set(re.findall(r"^# TYPE (\S+)", server.get("/metrics"), re.M))
    told = part(OPERATING, "Metrics")
    left = {name for name in families if not re.search(rf"`{name}(?:_total|_info)?[`{{]", told)}
    assert not left, f"metrics that the page does not have: {sorted(left)}"
    shown = set(re.findall(r"`((?:tickerfeed|process)_\w*[a-z])(?=[`{])", told))
    invented("metrics", {re.sub(r"_(total|info)$", "", name) for name in shown},
             {name.removesuffix("_total") for name in families})
    ends = source("FanOut/Metrics/Counters.swift").split("enum CloseReason")[1].split("extension TokenFault")[0]
    missing("reasons of closes", found(r'case \.\w+: "(\w+)"', ends), told)
    missing("limits that refuse", found(r'case \.\w+: "(\w+)"', source("FanOut/Limits/Refusal.swift")),
            part(OPERATING, "Limits"))
    between = {name + "_total" * (kind == "counter") for kind, name in re.findall(
        r'\.(counter|gauge)\(\s*"(\w+)"', source("Backplane"))}
    assert between
    missing("metrics of an engine", between, part(BACKPLANE, "Metrics"))
    return f"{len(families)} families"


def log_events():
    events = found(r'(?:log|options\.log)\.(?:write|bounded)\(\s*(?:\.\w+|\w+[\w.]*), "([\w-]+)"',
                   source("FanOut", "tickerd"))
    return missing("events", events, part(OPERATING, "Log") + BACKPLANE)


def anomalies_and_scenarios():
    feeds = page("FEEDS")
    kinds = found(r'case \.\w+: "(\w+_\w+)"', source("TickerFeed/Feed/Anomalies.swift"))
    shown = first_cells(part(feeds, "What goes wrong, and what is said of it"))
    left = sorted(kind for kind in kinds if not any(re.fullmatch(word.replace("*", r"\w+"), kind) for word in shown))
    assert not left, f"anomalies that the page does not have: {left}"
    scenarios = {file.stem for file in (ROOT / "feeds/scenarios").glob("*.scenario")}
    return f"{len(kinds)} anomalies, {missing('scenarios', scenarios, part(feeds, 'Scenarios'))} scenarios"


def anchors(text):
    """As GitHub makes them of headings, and those set by hand."""
    titles = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M)
    made = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    return made | set(re.findall(r'<a id="([^"]+)"', text))


def files_named():
    """What the tick's walk and the table of where to add what lead to is there."""
    there = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    named = found(r"`([\w/]+\.(?:swift|js|c))`", page("ARCHITECTURE"))
    lost = [name for name in named if not any(file.endswith(f"/{name}") for file in there.stdout.split())]
    assert not lost, f"ARCHITECTURE names files that are not there: {lost}"
    return f"{len(named)}"


def links():
    """Each leads to a file that is there, and to a heading in it."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True,
                           text=True, check=True).stdout.split()
    count, wrong = 0, []
    for name in names:
        file = ROOT / name
        for link in re.findall(r"\]\(([^)\s]+)\)", file.read_text() if file.exists() else ""):
            path, _, anchor = link.partition("#")
            there = (file.parent / path).resolve() if path else file
            if re.match(r"[a-z]+:", link):
                continue
            count += 1
            if not there.exists() or anchor and anchor not in anchors(there.read_text()):
                wrong.append(f"{name}: {link}")
    assert not wrong, f"they lead nowhere: {'; '.join(wrong)}"
    return f"{count} of them"


run_tests([links, files_named, fields_and_types, operations_and_channels, error_codes, close_codes, reasons, words_of_status,
             addresses_and_statuses, binary_templates, options, limits, metrics, log_events,
             anomalies_and_scenarios])
