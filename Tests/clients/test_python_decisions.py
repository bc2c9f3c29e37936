#!/usr/bin/env python3
"""What clients/python/tickerfeed.py decides, time and chance passed in, and reads; no server, no clock."""

import contextlib
import json
import random
import sys
from decimal import Decimal, getcontext

from harness import ROOT, run_tests
from native import exact

sys.path.insert(0, str(ROOT / "clients/python"))
import tickerfeed
from tickerfeed import Backoff, Binary, Book, Budget, Chains, Events, Ladder, Wanted, grouped, judged, planned

GOLDEN = exact((ROOT / "Tests/DialectsTests/Golden/messages.json").read_text())


def a_chain_takes_what_follows_and_names_what_is_lost():
    #  channel, what comes as (prev, seq, snap) or a gap's end, what is made of it
    table = [
        ("quote", [(0, 5, 1), (5, 9, 0), (5, 9, 0), (9, 12, 0)], "take take drop take"),
        ("quote", [(0, 5, 1), (7, 9, 0), (9, 12, 0)], "take lost take"),
        ("trade", [(0, 5, 1), (5, 6, 0), (7, 8, 0), (8, 9, 0)], "take take lost take"),
        ("trade", [(0, 5, 1), 80, (80, 81, 0)], "take gap take"),
        ("trade", [(0, 5, 1), 3, (5, 6, 0)], "take old take"),
        ("trade", [(28, 29, 0), (29, 30, 0)], "take take"),
        ("trade", [(0, 5, 1), (3, 4, 0), (4, 5, 0), (5, 6, 0)], "take drop drop take"),
        ("book", [(0, 5, 1), (5, 9, 0), (9, 9, 1), (9, 12, 0)], "take take take take"),
        ("book", [(0, 5, 1), (7, 9, 0), (9, 12, 0), (0, 14, 1), (14, 15, 0)], "take lost drop take take"),
        ("book", [(4, 5, 0), (0, 6, 1)], "lost take"),
        ("trade", [(0, 5, 1), (0, 9, 1), (9, 10, 0)], "take jump take"),
        ("quote", [(0, 5, 1), (0, 9, 1), (9, 11, 0)], "take take take"),
    ]
    for channel, steps, expected in table:
        chains, key, seen = Chains(), (channel, "AAPL"), []
        for step in steps:
            if isinstance(step, int):
                seen.append("gap" if chains.gap(key, step) else "old")
            else:
                prev, seq, snap = step
                seen.append(chains.take(key, {"prev": prev, "seq": seq, **({"snap": True} if snap else {})}))
        assert " ".join(seen) == expected, (channel, steps, seen)


def every_code_has_its_class():
    table = {
        "back": [1000, 1001, 1006, 1011, 1012, 1013, 4408, 4429, "drain", "stalled", "too_slow", "limit_x"],
        "final": [1002, 1003, 1007, 1009, 1010, 4401, 4403, "unauthenticated", "forbidden", "token_expired",
                  "entitlement_withdrawn"],
    }
    for then, codes in table.items():
        for code in codes:
            assert judged(code).then == then, code
    renewed = [code for code in table["final"] if judged(code, renewable=True).then == "back"]
    assert renewed == [4401, "unauthenticated", "forbidden", "token_expired"], renewed
    assert judged(1008, "no token was right").then == "final" and judged(1008, "silent").then == "back"
    assert judged(4429).least == 5 and judged(4429, least=9).least == 9


def waits_are_drawn_up_to_a_limit_that_doubles():
    limits = [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert [Backoff(lambda: 1.0).next() for _ in range(2)] == [0.5, 0.5]
    most = Backoff(lambda: 1.0)
    assert [most.next() for _ in limits] == limits
    draw = random.Random(7)
    for _ in range(200):
        drawn = Backoff(draw.random)
        waits = [drawn.next() for _ in limits]
        assert all(0 <= wait <= limit for wait, limit in zip(waits, limits)), waits
        assert drawn.next(least=12) >= 12
    most.healthy(9.9)
    assert most.next() == 30
    most.healthy(10)
    assert most.next() == 0.5 and most.next(least=3) == 4


def a_ladder_goes_down_and_up_again():
    ladder = Ladder("auto", lambda: 1.0)
    assert ladder.transport == "websocket" and ladder.down({"code": "websocket_blocked"}, 100)
    assert ladder.transport == "events" and ladder.probe_at == 130
    waits = []
    for _ in range(5):
        now = ladder.probe_at
        ladder.missed(now)
        waits.append(ladder.probe_at - now)
    assert waits == [60, 120, 240, 300, 300], waits
    assert ladder.down({"code": "buffered"}, 900) and ladder.transport == "poll"
    assert not ladder.down({}, 901) and ladder.transport == "poll"
    ladder.up()
    assert (ladder.transport, ladder.reason) == ("websocket", None)
    assert not Ladder("websocket", lambda: 1.0).down({}, 0)


def operations_are_at_most_fifty_a_second():
    budget, now, times = Budget(), 0.0, []
    for _ in range(400):
        now += budget.wait(now)
        times.append(now)
    assert all(later - first < 50 + 50 * (times[later] - times[first])
               for first in range(400) for later in range(first, 400))


def wants(*said):
    made = {}
    for channel, name, options in said:
        made[channel, name] = Wanted((channel, name), {"rate": 10, **options})
    return made


def requests_are_the_difference_to_what_was_asked():
    def brief(sent, *said):
        operations = planned(sent, wants(*said))
        return [(each["op"], each.get("rate"), ",".join(each["symbols"])) for each in operations]

    sent = {}
    first = [("quote", name, {}) for name in ("A", "B", "C")]
    assert brief(sent, *first) == [("subscribe", 10, "A,B,C")]
    assert brief(sent, *first) == []
    assert brief(sent, *first[:2], ("quote", "C", {"rate": 2})) == [("set", 2, "C")]
    assert brief(sent, ("quote", "A", {}), ("book", "A", {"depth": 5})) == [
        ("unsubscribe", None, "B,C"), ("subscribe", 10, "A")]
    assert brief(sent, ("quote", "A", {}), ("book", "A", {"depth": 9})) == [("subscribe", 10, "A")]
    # A pattern that goes takes with it what it covers; a name that goes is still what a wider pattern wants.
    sent = {}
    assert brief(sent, ("quote", "A", {}), ("quote", "*", {"rate": 1})) == [
        ("subscribe", 10, "A"), ("subscribe", 1, "*")]
    assert brief(sent, ("quote", "*", {"rate": 1})) == [("subscribe", 1, "A")]
    assert brief(sent, ("quote", "*", {"rate": 1}), ("quote", "A", {"rate": 7})) == [("subscribe", 7, "A")]
    assert brief(sent, ("quote", "*", {"rate": 3}), ("quote", "A", {"rate": 7})) == [
        ("set", 3, "*"), ("set", 7, "A")]
    assert brief(sent, ("quote", "A", {"rate": 7})) == [("unsubscribe", None, "*"), ("subscribe", 7, "A")]
    many = planned({}, wants(*(("quote", f"S{number}", {}) for number in range(1_200))))
    assert [len(each["symbols"]) for each in many] == [512, 512, 176]


def streams_over_http_are_few_and_short():
    def queries(*said, **limits):
        groups, left = grouped(wants(*said).values(), **limits)
        return [group.query for group in groups], len(left)

    both, _ = queries(*((channel, name, {}) for channel in ("quote", "trade") for name in ("A", "B")))
    assert both == ["channel=quote,trade&rate=10&symbols=A,B"], both
    options, _ = queries(("quote", "A", {}), ("book", "A", {"depth": 5, "crc": True}), ("bar 1s", "A", {}))
    assert options == ["channel=quote,book,bar&rate=10&depth=5&crc=true&interval=1s&symbols=A"], options
    apart, _ = queries(("bar 1s", "A", {}), ("bar 1m", "A", {}), ("trade", "A", {"mode": "latest"}),
                       ("quote", "B", {}))
    assert len(apart) == 4, apart
    few, left = queries(*(("quote", f"S{rate}", {"rate": rate}) for rate in range(1, 8)))
    assert len(few) == 4 and left == 3
    long, left = queries(*(("quote", f"LONGNAME{number}", {}) for number in range(500)))
    assert len(long) == 4 and not left
    assert all(len(query) <= 1_800 for query in long), [len(query) for query in long]
    assert queries(("quote", "A+/B&C*", {}))[0] == ["channel=quote&rate=10&symbols=A%2B%2FB%26C*"]


def events_may_be_cut_anywhere():
    text = ('retry: 1914\n\nevent: welcome\nid: 7.1\ndata: {"a":\ndata: "ü€"}\r\n\r\nid: 7.9\n\n'
            ': still here\n\nevent: quote\nid:7.9\ndata:{}\n\nid: cut').encode()
    expected = [("welcome", "7.1", '{"a":\n"ü€"}'), ("message", "7.9", ""), ("quote", "7.9", "{}")]
    for cut in range(len(text)):
        events = Events()
        assert events.read(text[:cut]) + events.read(text[cut:]) == expected, cut
    events = Events()
    assert [event for byte in text for event in events.read(bytes([byte]))] == expected


def binary_messages_say_what_json_says():
    kinds = set()
    for entry in GOLDEN:
        said = Binary().read(bytes.fromhex(entry["sbe"]))
        expected = tickerfeed.from_json(raw_json(entry))
        for binary, message in zip(said, expected, strict=True):
            nulls = [name for name in ("size", "volume") if name in message and binary[name] is None]
            assert not any(abs(message[name] * 10**8) < 2**63 for name in nulls), message
            assert binary == message | dict.fromkeys(nulls), f"{entry['what']}:\n  {binary}\n  {message}"
            texts = [str(value) for value in binary.values() if isinstance(value, Decimal)]
            assert not any("E+" in text for text in texts), texts
            kinds.add(binary["type"] + "broken" * ("broken" in binary))
    assert len(kinds) == 7, kinds
    draw = random.Random(7)
    for entry in GOLDEN:
        frame = bytes.fromhex(entry["sbe"])
        for _ in range(40):
            changed = bytearray(frame[:draw.randrange(1, len(frame))])
            changed[draw.randrange(len(changed))] = draw.randrange(256)
            with contextlib.suppress(tickerfeed.Malformed):
                Binary().read(bytes(changed))


def raw_json(entry):
    return json.dumps(entry["json"], default=lambda value: f"<{value}>").replace('"<', "").replace('>"', "")


def books_agree_with_the_checksums_of_the_documentation():
    text = (ROOT / "docs/PROTOCOL.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith('{"type":"book"')]
    messages = [tickerfeed.from_json(line)[0] for line in lines]
    getcontext().prec = 3
    try:
        book = Book()
        assert [book.take(message) for message in messages] == [True, True]
        best = [[Decimal("270.3"), Decimal(109)], [Decimal("270.28"), Decimal(617)]]
        assert book.whole()["bids"][:2] == best
        wrong = messages[0] | {"crc": messages[0]["crc"] ^ 1}
        assert not book.take(wrong) and not book.whole()["ok"]
        long = tickerfeed.from_json('{"type":"book","sym":"A","seq":1,"prev":0,"snap":true,"asks":[],'
                                    '"bids":[[9223372036.854775807,92233720368.54775807]]}')[0]
        book = Book()
        assert book.take(long) and book.crc() == crc_of(b"\xff" * 7 + b"\x7f" + b"\xff" * 7 + b"\x7f")
    finally:
        getcontext().prec = 28


def crc_of(data):
    """CRC-32 bit by bit, from its polynomial."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xEDB88320 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def what_is_no_message_is_malformed():
    for text in ("", "{", "[1]", "3", '"text"', '{"no":1}', '{"type":"quote"}', '{"type":"x","y":NaN}',
                 '{"type":"quote","seq":1,"prev":"0","sym":"A"}', "[" * 100_000,
                 '{"type":"book","sym":"A","seq":1,"prev":0,"bids":[[1]],"asks":[]}'):
        try:
            tickerfeed.from_json(text)
        except tickerfeed.Malformed:
            continue
        raise AssertionError(f"taken for a message: {text[:80]}")


def addresses_hold_no_secrets():
    for url in ("http://ann:pw@host/", "http://host/?token=x", "host", "ftp://host/"):
        try:
            tickerfeed.connect(url)
        except ValueError:
            continue
        raise AssertionError(url)


if __name__ == "__main__":
    run_tests([
        a_chain_takes_what_follows_and_names_what_is_lost, every_code_has_its_class,
        waits_are_drawn_up_to_a_limit_that_doubles, a_ladder_goes_down_and_up_again,
        operations_are_at_most_fifty_a_second, requests_are_the_difference_to_what_was_asked,
        streams_over_http_are_few_and_short, events_may_be_cut_anywhere,
        binary_messages_say_what_json_says, books_agree_with_the_checksums_of_the_documentation,
        what_is_no_message_is_malformed, addresses_hold_no_secrets])
