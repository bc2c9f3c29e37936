// Malformed inputs end as golden results say, whole and in pieces, with one line about each fault.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

@Test(
    "every malformed file has its outcome",
    arguments: GoldenFile.all(.badITCH, .badBinance, .badLOBSTER, .badCaptures))
func everyBadFileIsKnown(file: GoldenFile) throws {
    let golden = try Fixture.json(file.path)
    let form = try #require(file.stem.split(separator: "/").last)
    let known = (golden["files"] as? NSDictionary ?? golden).allKeys.compactMap { $0 as? String }
    let there = try FileManager.default.contentsOfDirectory(atPath: file.folder).filter {
        $0.hasPrefix(form + "-")
    }
    let named = Set(known.map { $0.hasPrefix(form + "-") ? $0 : "\(form)-\($0).\(form)" })
    #expect(named == Set(there))
}

/// The fault as one line with the file, the offset and the cause.
private func expectCut(_ digest: borrowing Digest, _ what: String, of path: String, bytesLeft left: Int)
    throws
{
    let offset = try Fixture.bytes(path).count - left
    #expect(
        digest.fault?.description
            == "\(path): offset \(offset): ends inside the \(what) that begins here, of which \(left) bytes are there"
    )
}

@Test("malformed ITCH", arguments: GoldenFile.all(.badITCH), Cut.all)
func badITCH(file: GoldenFile, cut: Cut) throws {
    let all = try Fixture.json(file.path), last = try #require(all["fault_after_message"] as? UInt64)
    for (name, golden) in try #require(all["files"] as? [String: NSDictionary]) {
        let path = file.folder + "/" + name, digest = try cut.digest(FeedOptions(path: path))
        let outcome = try GoldenOutcome(digest, of: file)
        for case (let key as String, let value) in golden { outcome.compareITCH(key, value, all: golden) }
        let left = (golden["end"] as? NSDictionary)?["incomplete_bytes_at_end"] as? Int
        if let left { try expectCut(digest, "message", of: path, bytesLeft: left) }
        #expect((digest.fault == nil) == (left == nil), "\(name)")
        // Where each kind was met first.
        let kinds = golden["anomalies"] as? NSDictionary ?? [:]
        #expect(outcome.anomalies.firsts.count == kinds.count, "\(name)")
        for first in outcome.anomalies.firsts {
            #expect(last < first.message && first.message <= last + UInt64(kinds.count) + 1, "\(name)")
        }
    }
}

@Test("malformed Binance sessions", arguments: GoldenFile.all(.badBinance), Cut.all)
func badBinance(file: GoldenFile, cut: Cut) throws {
    let all = try Fixture.json(file.path), last = try #require(all["fault_after_line"] as? Int)
    for (name, golden) in try #require(all["files"] as? [String: NSDictionary]) {
        let path = file.folder + "/" + name, digest = try cut.digest(FeedOptions(path: path))
        let outcome = try GoldenOutcome(digest, of: file)
        for case (let key as String, let value) in golden { outcome.compareBinance(key, value) }
        #expect(digest.fault == nil, "\(name)")
        guard name == "binance-malformed-lines.jsonl" else { continue }
        let lines = try Fixture.bytes(path).split(
            separator: 0x0a, maxSplits: last, omittingEmptySubsequences: false)
        let first = try #require(outcome.anomalies.firsts.first)
        #expect(first.message == UInt64(last + 1) && first.offset == lines.last?.startIndex)
        #expect(first.cause != nil)
    }
}

@Test("malformed LOBSTER files", arguments: GoldenFile.all(.badLOBSTER), Cut.all)
func badLOBSTER(file: GoldenFile, cut: Cut) throws {
    for (name, golden) in try #require(try Fixture.json(file.path) as? [String: [String: NSObject]]) {
        let path = file.folder + "/" + name
        let digest = try cut.digest(
            FeedOptions(path: path, date: CalendarDate("2012-06-21"), symbol: SymbolName("AAPL")))
        let outcome = try GoldenOutcome(digest, of: file), anomalies = outcome.anomalies
        let rows = (outcome.ours["types"] as? [String: Int] ?? [:]).values.reduce(0, +)
        var good = try #require(golden["good_rows"] as? Int), bad: UInt64 = 0, late: UInt64 = 0
        for (key, value) in golden {
            switch key {
            case "good_rows": break
            // The first is blank, so no row at all; of the last, ten decimals are cut, so it is good.
            case "why":
                let why = try #require(value as? [String])
                #expect(why.first == "blank" && why.last == "more than 9 decimals (may be cut)")
                good += 1
                bad = UInt64(why.count) - 2
            case "bad_rows_are_lines":
                let first = try #require(anomalies.firsts.first { $0.anomaly == .malformedLine })
                let lines = try Fixture.bytes(path).split(separator: 0x0a, omittingEmptySubsequences: false)
                let number = try #require((value as? [Int])?.first)  // the blank one
                #expect(first.message == UInt64(number) && first.offset == lines[number].startIndex)
                #expect(first.cause != nil)
            case "header_lines": #expect(value == 1 as NSNumber)
            case "halt_codes":
                #expect((outcome.ours["types"] as? [String: Int])?["7"] == (value as? [Int])?.count)
            default: Issue.record("\(name): \(key) is not known here")
            }
        }
        // An inserted row has a later row's time, so what follows is late once.
        if golden["header_lines"] == nil { late = 1 }
        #expect(rows == good && digest.fault == nil, "\(name)")
        #expect(anomalies[.malformedLine] == bad && anomalies[.timeBackwards] == late, "\(name)")
        // Without an order book file the orders of before are unknown.
        #expect(anomalies.total == bad + late + anomalies[.overReduceLevel], "\(name)")
    }
}

/// What becomes of a malformed capture, in our words and theirs.
private struct CaptureOutcome {
    /// As the golden result says it: a change of mind there is one here.
    let words: String
    let packets: Int
    /// The clean capture's books. What is missing from some is an L, which is in no book.
    var isWhole = true
    var anomalies: [String: Int] = [:]
    /// How many bytes of a last packet are there, or what else is complained of.
    var cutAt: Int?
    var refusal: String?
}

private let captureOutcomes: [String: CaptureOutcome] = [
    "clean": CaptureOutcome(words: "60 packets", packets: 60),
    "cut-in-packet": CaptureOutcome(
        words: "59 packets, then truncation reported", packets: 59, isWhole: false, cutAt: 109),
    "cut-in-header": CaptureOutcome(words: "60 packets, 3 trailing bytes reported", packets: 60, cutAt: 3),
    "bad-magic": CaptureOutcome(words: "error", packets: 0, refusal: "it begins with the bytes"),
    "header-only": CaptureOutcome(words: "0 packets", packets: 0, isWhole: false),
    "empty": CaptureOutcome(words: "error", packets: 0, refusal: "an empty file"),
    "other-traffic": CaptureOutcome(
        words: "64 packets, 4 of them not usable UDP, the same 60 applied", packets: 64,
        anomalies: ["unusable_packet": 4]),
    "vlan-tag": CaptureOutcome(words: "60 packets, all applied", packets: 60),
    "snap-length": CaptureOutcome(
        words: "packet 31 incomplete: none of its missing bytes may be guessed; sequence gap reported",
        packets: 60, anomalies: ["unusable_packet": 1, "sequence_gap": 1]),
    "count-past-packet": CaptureOutcome(
        words: "packet 31 announces 99 messages: keep the complete ones or drop the packet, report it",
        packets: 60, anomalies: ["bad_packet": 1]),
    "message-length-past-packet": CaptureOutcome(
        words: "packet 31 has a message longer than the packet: report it, no read past the end",
        packets: 60, anomalies: ["bad_packet": 1, "sequence_gap": 1]),
]

@Test("malformed captures", arguments: GoldenFile.all(.badCaptures), Cut.all)
func badCaptures(file: GoldenFile, cut: Cut) throws {
    let golden = try #require(try Fixture.json(file.path) as? [String: String])
    #expect(golden == captureOutcomes.mapValues(\.words))
    let clean = try cut.digest(FeedOptions(path: file.folder + "/pcap-clean.pcap"))
    for (name, expected) in captureOutcomes {
        let path = "\(file.folder)/pcap-\(name).pcap"
        if let refusal = expected.refusal {
            let words = refused(path, cut)
            #expect(words.hasPrefix("\(path): ") && words.contains(refusal), "\(words)")
            continue
        }
        let digest = try cut.digest(FeedOptions(path: path))
        let outcome = try GoldenOutcome(digest, of: file)
        let transport = outcome.ours["transport"] as? [String: Int] ?? [:]
        #expect(transport["packets"] == expected.packets, "\(name)")
        #expect((digest.depth5.hex == clean.depth5.hex) == expected.isWhole, "\(name)")
        #expect(outcome.ours["anomalies"] as? [String: Int] == expected.anomalies, "\(name)")
        #expect((digest.fault == nil) == (expected.cutAt == nil), "\(name)")
        if let left = expected.cutAt { try expectCut(digest, "packet", of: path, bytesLeft: left) }
        for first in outcome.anomalies.firsts {
            #expect(first.cause != nil && (first.offset != nil || first.anomaly == .sequenceGap), "\(name)")
        }
    }
}

private func refused(_ path: String, _ cut: Cut) -> String {
    do {
        _ = try cut.digest(FeedOptions(path: path))
        return "taken"
    } catch { return "\(error)" }
}

@Test(
    "the first message of each kind of fault is found in the file, however it is cut", arguments: Seed.smoke)
func faultsHavePlaces(seed: Seed) throws {
    let path = Fixture.bad("itch-unknown-references.itch")
    let bytes = try Fixture.bytes(path)
    // The messages from 1,012 on are about orders that nobody added.
    var places: [Int] = [], place = 0
    for _ in 0..<1_020 {
        places.append(place)
        place += 2 + Int(bytes[place]) << 8 + Int(bytes[place + 1])
    }
    let options = FeedOptions(path: path, date: CalendarDate(year: 2020, month: 1, day: 30))
    let feed = try InputFeed(options, memory: InputMemory(bytes, cutBy: seed.generator(), longest: 400))
    let end = TapeEnd()
    var builder = end.makeBuilder()
    _ = feed.playAll(into: &builder)
    #expect(builder.anomalies.firsts.map(\.message) == [1_012, 1_013, 1_014, 1_015, 1_016])
    for first in builder.anomalies.firsts {
        #expect(first.offset == places[Int(first.message) - 1])
    }
}
