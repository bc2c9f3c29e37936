#!/usr/bin/env python3
"""Both encodings of the golden messages say the same, read by decoders that nobody of the server wrote.

The schema alone tells how the binary ones are read (sbe.py); the numbers are compared as exact decimals.
"""

import random

from harness import ROOT, run_tests
from native import BinaryReader, exact
from sbe import DecodeError, Decoder

SCHEMA = (ROOT / "Sources/Dialects/NativeSBE/tickerfeed.sbe.xml").read_text()
GOLDEN = ROOT / "Tests/DialectsTests/Golden/messages.json"
LEAST, GREATEST = -2**63 + 1, 2**63 - 1


def without_sums_beyond_64_bits(said, messages):
    """JSON writes any sum; in binary one that does not fit is null, and only that."""
    expected = []
    for binary, message in zip(said, messages):
        nulls = [name for name in ("size", "volume") if name in binary and binary[name] is None]
        assert not any(LEAST <= message[name] * 10**8 <= GREATEST for name in nulls), message
        expected.append(message | dict.fromkeys(nulls))
    return expected


def both_encodings_say_the_same(decoder, entries):
    for entry in entries:
        reader = BinaryReader(decoder)
        said = reader.read(bytes.fromhex(entry["sbe"]))
        assert len(said) == len(entry["json"]), entry["what"]
        expected = without_sums_beyond_64_bits(said, entry["json"])
        assert said == expected, f"{entry['what']}:\n  {said}\n  {expected}"
        assert reader.symbols == entry["symbols"], f"{entry['what']}: {reader.symbols}"


def every_message_and_every_word_is_there(decoder, entries):
    """The golden messages leave nothing of the schema out."""
    seen, flags, words = set(), set(), set()
    for entry in entries:
        for message in decoder.decode(bytes.fromhex(entry["sbe"])):
            seen.add(message["message"])
            flags |= message.get("flags", set())
            words |= {message.get(name) for name in ("side", "interval", "market", "feed")}
    assert seen == {name for name, _ in decoder.messages.values()}, seen
    assert flags == {"snapshot", "crossed", "closed", "crc"}, flags
    assert words == {None, "buy", "sell", "second", "minute", "closed", "trading", "halted", "paused", "auction",
                     "live", "quiet", "stale", "suspect"}, words


def what_is_cut_or_changed_is_an_error_or_a_message(decoder, entries):
    draw = random.Random(7)
    cuts = 0
    for entry in entries:
        frame = bytes.fromhex(entry["sbe"])
        for _ in range(40):
            cut = frame[:draw.randrange(len(frame))]
            changed = bytearray(frame)
            changed[draw.randrange(len(frame))] = draw.randrange(256)
            for piece in cut, bytes(changed):
                try:
                    decoder.decode(piece)
                except DecodeError as error:
                    cuts += 1
                    assert 0 <= error.offset <= len(piece), error
    assert cuts > len(entries)


def a_later_version_is_skipped_by_its_length(decoder, entries):
    frame = bytes.fromhex(next(entry["sbe"] for entry in entries if entry["what"] == "quote: later"))
    quote = frame[48:]
    longer = bytes([quote[0] + 3]) + quote[1:6] + b"\1" + quote[7:] + b"new"
    unknown = bytes([2, 0, 99, 0]) + quote[4:6] + b"\1\0hi"
    assert decoder.decode(unknown + longer + quote) == [
        {"message": None, "template": 99}, *decoder.decode(quote), *decoder.decode(quote)]


run_tests([
    both_encodings_say_the_same, every_message_and_every_word_is_there,
    what_is_cut_or_changed_is_an_error_or_a_message, a_later_version_is_skipped_by_its_length,
], Decoder(SCHEMA), exact(GOLDEN.read_text()))
