"""A reader of journals that shares no code with the server: written from docs/REPLAY.md alone."""

import struct
import zlib
from collections import namedtuple
from pathlib import Path

UNIT = 64
HEADER = struct.Struct("<8sHHHBBIIQqQqHHI")
HEAD = struct.Struct("<IBBHIIQqqqIIII")
TICK = struct.Struct("<BBBBIQqqqqQQ")
LOST = struct.Struct("<IiQqq")
END = struct.Struct("<IIQQ")
INDEX = struct.Struct("<8sHHIQ")
ENTRY = struct.Struct("<qQQII")
TICKS, SNAPSHOT, LOSS, LAST = 1, 2, 3, 4

Tick = namedtuple("Tick", "kind flags side interval symbol seq time received price size source aux")
Record = namedtuple("Record", "offset kind flags position first clock written ticks note")


class Cut(Exception):
    """The file ends inside of a record, at that offset."""


class Segment:
    """One file, looked at record by record; nothing is believed whose checksum is wrong."""

    def __init__(self, path):
        self.bytes = Path(path).read_bytes()
        if len(self.bytes) < UNIT:
            raise Cut(0)
        (magic, self.version, self.header, tick, self.clock, zero, self.number, self.epoch, self.run, self.created,
         self.position, self.reached, words, more, checksum) = HEADER.unpack_from(self.bytes)
        assert magic == b"TFJOURNL" and self.version == 1 and tick == UNIT and zero == more == 0
        assert zlib.crc32(self.bytes[UNIT:self.header], zlib.crc32(self.bytes[:60])) == checksum
        self.source = self.bytes[UNIT:UNIT + words].decode()

    def records(self):
        at = self.header
        while at < len(self.bytes):
            if at + UNIT > len(self.bytes):
                raise Cut(at)
            (magic, kind, flags, zero, size, count, position, first, clock, written, inside, number, run,
             checksum) = HEAD.unpack_from(self.bytes, at)
            assert magic == int.from_bytes(b"TFJr", "little") and zero == 0, at
            assert zlib.crc32(self.bytes[at:at + 60]) == checksum, at
            assert number == self.number and run == self.run & 0xFFFFFFFF, at
            body = self.bytes[at + UNIT:at + UNIT + size]
            if len(body) < size:
                raise Cut(at)
            assert zlib.crc32(body) == inside, at
            assert kind not in (TICKS, SNAPSHOT) or size == count * UNIT, at
            ticks = [Tick(*TICK.unpack_from(body, UNIT * index)) for index in range(count)]
            note = {LOSS: LOST, LAST: END}.get(kind)
            yield Record(at, kind, flags, position, first, clock, written, ticks, note and note.unpack_from(body))
            at += UNIT + size

    def marks(self, path):
        """Where the index says that snapshots begin."""
        data = Path(path).read_bytes()
        magic, version, _, number, run = INDEX.unpack_from(data)
        assert (magic, version, number, run) == (b"TFJINDEX", 1, self.number, self.run)
        assert zlib.crc32(data[:60]) == struct.unpack_from("<I", data, 60)[0]
        for at in range(UNIT, len(data) - ENTRY.size + 1, ENTRY.size):
            clock, offset, position, kind, checksum = ENTRY.unpack_from(data, at)
            assert kind == 1 and zlib.crc32(data[at:at + 28]) == checksum, at
            yield clock, offset, position


def segments(folder):
    return [Segment(path) for path in sorted(Path(folder).glob("??????.tfj"))]
