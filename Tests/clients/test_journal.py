#!/usr/bin/env python3
"""What --record writes: killed, cut, checked, replayed, exported, on a disk that is full, and read by a stranger."""

import json
import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import journal
from harness import SESSION, TICKERD, Logged, Server, connected, run_tests, said, until


#: What ingest makes of the session, the end of its last bars included.
SESSION_TICKS = 14_416


class Recorder(Logged):
    """A server that records."""

    def __init__(self, folder, *options, bytes_max=None, **more):
        super().__init__("--record", str(folder), "--log-level", "warning", *options, **more)
        #: What a file may grow to: behind it the disk is full, as far as the server can tell.
        self.bytes_max = bytes_max
        self.descriptors = 1_024

    def limit(self):
        if self.bytes_max:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.bytes_max, self.bytes_max))


def run(*words, status=0, stdin=None):
    done = subprocess.run([TICKERD, "journal", *map(str, words)], stdin=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (words, done)
    return done.stdout


def info(folder):
    return json.loads(run("info", "--json", folder))


def record_session(folder):
    """A recorded session that was served to its end and then killed; what it showed."""
    with Recorder(folder, "--feed", SESSION, "--speed", "max") as server:
        until(lambda: server.metric("feed_ended") == 1 and server.metric("recorded_ticks_total") == SESSION_TICKS)
        return shown(server), SESSION_TICKS


def shown(server, symbol="AAPL"):
    snapshot = server.snapshot(symbol, 50)
    del snapshot["epoch"]
    return snapshot


def replayed(path, *options, stdin=None):
    with Server("--feed", str(path), "--speed", "max", *options, stdin=stdin) as server:
        until(lambda: server.metric("feed_ended") == 1)
        return shown(server)


async def a_killed_recording_is_whole_and_plays_again():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        live, count = record_session(folder)
        assert "whole: 1 segment" in run("verify", folder) and "has no end" in run("verify", folder)
        told = info(folder)
        assert told["ticks"] == count and told["segments"][0]["end"] == "open", told
        assert replayed(folder) == live
        assert replayed(Path(folder) / "000001.tfj") == live


async def a_tail_that_is_not_whole_is_cut_and_said_and_the_rest_plays():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        live, count = record_session(folder)
        path = Path(folder) / "000001.tfj"
        whole = path.read_bytes()
        records = list(journal.Segment(path).records())
        for lost in (1, 63, 65, len(whole) - records[-1].offset - 1):
            path.write_bytes(whole[:-lost])
            faults = run("verify", folder, status=1).splitlines()
            assert len(faults) == 2 and f"at offset {records[-1].offset}: cut: " in faults[0], faults
            segment = info(folder)["segments"][0]
            assert (segment["end"], segment["cut_at"]) == ("cut", records[-1].offset), segment
            assert segment["ticks"] == count - len(records[-1].ticks)
        before = replayed(folder)
        assert before["book"]["seq"] < live["book"]["seq"]
        # Recording goes on in the same folder: the tail is taken away, and said.
        with Recorder(folder, "--scenario", "quiet-day") as server:
            until(lambda: server.metric("recorded_ticks_total") > 0)
            assert len(server.logged("journal_repaired")) == 1, server.logged("journal_repaired")
        assert path.stat().st_size == records[-1].offset
        assert "whole: 2 segments" in run("verify", folder)


async def killed_again_and_again_nothing_whole_is_lost():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        total = 0
        for kill in range(3):
            with Recorder(folder, "--seed", str(kill), "--set", "rate=20000", "--record-segment", "1M") as server:
                until(lambda: server.metric("recorded_ticks_total") > 20_000)
                total += server.metric("recorded_ticks_total")
            segments = journal.segments(folder)
            cut = False
            ticks = 0
            for segment in segments:
                try:
                    for record in segment.records():
                        ticks += len(record.ticks) if record.kind == journal.TICKS else 0
                except journal.Cut:
                    assert segment is segments[-1], "only the last one can be cut"
                    cut = True
            assert ticks >= total, "what was said to be recorded is there"
            run("verify", folder, status=1 if cut else 0)
        assert len(segments) > 3


async def a_stranger_reads_it_by_the_documents():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        live, count = record_session(folder)
        [segment] = journal.segments(folder)
        assert segment.source.startswith("ITCH 5.0 of 2020-01-30") and segment.clock == 1
        ticks, marks, name, book, trades = 0, [], None, {}, 0
        for record in segment.records():
            if record.kind == journal.SNAPSHOT and record.flags & 1:
                marks.append((record.clock, record.offset, record.position))
            if record.kind != journal.TICKS:
                continue
            assert record.position == ticks
            ticks += len(record.ticks)
            for tick in record.ticks:
                if tick.kind == 1:
                    name = b"".join(part.to_bytes(8, "big") for part in (
                        tick.price & (1 << 64) - 1, tick.size & (1 << 64) - 1, tick.source)).rstrip(b"\0")
                elif tick.kind == 2:
                    book[tick.side, tick.price] = tick.size
                elif tick.kind == 4:
                    trades += 1
        assert (ticks, name, trades) == (count, b"AAPL", live["trade"]["seq"])
        assert marks == list(segment.marks(Path(folder) / "000001.tfi"))
        sides = [sorted((price, size) for (side, price), size in book.items() if side == which and size > 0)
                 for which in (1, 2)]
        best = [sides[0][-1], sides[1][0]]
        quote = live["quote"]
        assert best == [(round(quote["bid"] * 10**9), round(quote["bid_size"] * 10**8)),
                        (round(quote["ask"] * 10**9), round(quote["ask_size"] * 10**8))], (best, quote)


async def parts_and_text_of_it_play_again():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as parent:
        folder, part = Path(parent) / "all", Path(parent) / "part"
        live, _ = record_session(folder)
        run("cut", folder, "--from", "+1h", "--out", part)
        assert "whole" in run("verify", part)
        assert replayed(part) == live
        run("cut", folder, "--out", part, status=1)
        middle = Path(parent) / "middle"
        run("cut", folder, "--from", "2020-01-30T09:00:00Z", "--to", "2020-01-30T10:00:00Z", "--symbols", "AAPL",
            "--out", middle)
        here, there = replayed(middle), replayed(folder, "--to", "2020-01-30T10:00:00Z")
        assert (here["book"], here["trade"], here["stats"]) == (there["book"], there["trade"], there["stats"])
        for form in ("ndjson", "csv"):
            export = subprocess.Popen([TICKERD, "journal", "export", folder, "--format", form], stdout=subprocess.PIPE)
            again = replayed("-", stdin=export.stdout)
            export.stdout.close()
            assert export.wait() == 0
            for key in ("bids", "asks"):
                assert again["book"][key] == live["book"][key], form
            assert again["stats"]["volume"] == live["stats"]["volume"] and again["stats"]["count"] == 1_089
        # Nobody reads on: no complaint.
        export = subprocess.Popen([TICKERD, "journal", "export", folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert json.loads(export.stdout.readline())["sym"] == "AAPL"
        export.stdout.close()
        assert (export.wait(), export.stderr.read()) == (0, b"")
        export.stderr.close()


async def a_full_disk_stops_the_recording_and_nothing_else():
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        with Recorder(folder, "--set", "rate=10000", bytes_max=300_000) as server:
            until(lambda: server.metric("recording_stops_total") > 0)
            [stopped] = server.logged("recording_stopped")
            assert "File too large" in stopped and "retry_seconds=5" in stopped
            async with connected(server) as client:
                await client.subscribe("quote", ["*"])
                before = None
                for _ in range(200):
                    before = await client.read(5)
                assert before, "streaming goes on"
                server.logged("recording_resumed")
                assert await client.read(5) and not client.breaks
        told = info(folder)
        assert told["losses"] >= 1 and len(told["segments"]) >= 2, told
        run("verify", folder)


async def what_is_wrong_is_said_in_one_line():
    for words, status in (
            ([], 2), (["look"], 2), (["info"], 2), (["info", "a", "b"], 2), (["cut", "a"], 2), (["info", "--to", "5", "a"], 2),
            (["cut", "a", "--out", "b", "--from", "noon"], 2), (["cut", "a", "--out", "b", "--from", "9", "--to", "9"], 2),
            (["export", "a", "--format", "xml"], 2), (["export", "a", "--symbols", "a b"], 2), (["verify", "--fast", "a"], 2),
            (["info", "/nowhere/at/all"], 1), (["verify", "/nowhere/000001.tfj"], 1)):
        ended, output, errors = said(TICKERD, "journal", *words)
        assert ended == status and not output, (words, output)
        assert errors.startswith("tickerd: ") and errors.count("\n") == 1, (words, errors)
    with tempfile.TemporaryDirectory(prefix="tickerd-journal-") as folder:
        shutil.copy(SESSION, Path(folder) / "000001.tfj")
        assert "does not begin with TFJOURNL" in run("verify", folder, status=1)
        assert "damaged at offset 0" in run("info", folder)


run_tests([
    a_killed_recording_is_whole_and_plays_again,
    a_tail_that_is_not_whole_is_cut_and_said_and_the_rest_plays,
    killed_again_and_again_nothing_whole_is_lost,
    a_stranger_reads_it_by_the_documents,
    parts_and_text_of_it_play_again,
    a_full_disk_stops_the_recording_and_nothing_else,
    what_is_wrong_is_said_in_one_line,
])
