// Captures as a feed: the books of the file that they were made of, whatever lines and chunks do.
import Basics
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let golden = "aapl-20200130-premarket.golden.json"
private let midnight: Int64 = 1_580_360_400_000_000_000

/// The messages of the file in the repository, in packets of one to four, each seen at its last
/// message's time.
private func packets(_ count: Int = .max, seed: UInt64 = 1) throws -> [Sent] {
    var random = Seed(seed).generator(), sent: [Sent] = []
    let messages = Capture.messages(in: [UInt8](repeating: 0, count: 20) + (try Fixture.bytes(Fixture.aapl)))
    var index = 0
    while index < min(count, messages.count) {
        let group = Array(messages[index..<min(index + 1 + random.below(4), messages.count)])
        let time = group.last?[5..<11].reduce(0) { $0 << 8 | Int64($1) } ?? 0
        sent.append(Sent(time: midnight + time, sequence: UInt64(index + 1), messages: group))
        index += group.count
    }
    return sent + [.endOfSession(UInt64(index + 1), at: sent.last?.time ?? 0)]
}

/// Two lines of them. A number is lost on one at most; what follows comes 20 µs later at most.
private func lines(_ sent: [Sent], _ seed: Seed) -> [Sent] {
    var random = seed.generator(), all: [Sent] = []
    for sent in sent {
        let loser = random.below(5)
        for line in 0..<2 where loser != line {
            for _ in 0...(random.below(20) == 0 ? 1 : 0) {
                var copy = sent
                copy.port += UInt16(line)
                copy.time += Int64(random.below(20_000))
                all.append(copy)
            }
        }
    }
    return all.sorted { $0.time < $1.time }
}

private func digest(_ bytes: [UInt8], name: String = "20200130", cutBy seed: Seed? = nil) throws
    -> NSDictionary
{
    var digest = try Digest.of(bytes, name: name, cutBy: seed, longest: seed?.raw == 1 ? 1 : 3_000)
    digest.run()
    return try Fixture.json(text: Data(digest.json.utf8))
}

private let bookKeys = [
    "messages", "types", "anomalies", "book_updates", "l1_fnv1a64", "depth5_fnv1a64", "live_orders", "final",
    "updates_leaving_book_crossed", "first_ts_ns", "last_ts_ns",
]
private func expectEqual(
    _ ours: NSDictionary, _ golden: NSDictionary, keys: [String], _ name: String = "",
    location: SourceLocation = #_sourceLocation
) {
    for key in keys {
        #expect(
            (ours[key] as? NSObject) == (golden[key] as? NSObject), "\(name) \(key)", sourceLocation: location
        )
    }
}

@Test(
    "a capture gives the books of the file, in either container, however it is cut",
    arguments: Seed.smoke.prefix(3))
func wholeCapture(seed: Seed) throws {
    let sent = try packets(seed: seed.raw), frames = sent.map { ($0.time, $0.frame) }
    let golden = try Fixture.json(Fixture.golden(golden))
    let bytes = seed.raw % 2 == 0 ? Capture.pcap(frames) : Capture.pcapng(frames, order: .big)
    let ours = try digest(bytes, cutBy: seed)
    expectEqual(ours, golden, keys: bookKeys, "\(seed)")
    #expect((ours["missing_sequences"] as? [[Int]])?.isEmpty == true)
    let transport = try #require(ours["transport"] as? [String: Int])
    #expect(transport == ["packets": sent.count, "port_26477": sent.count, "end_of_session": 1])
}

@Test("two lines that lose, repeat and re-order give the same books", arguments: Seed.smoke.prefix(3))
func twoLineCapture(seed: Seed) throws {
    let sent = lines(try packets(), seed)
    let ours = try digest(Capture.pcap(sent), cutBy: seed)
    expectEqual(ours, try Fixture.json(Fixture.golden(golden)), keys: bookKeys, "\(seed)")
    let transport = try #require(ours["transport"] as? [String: Int])
    #expect(transport["packets_ahead"] ?? 0 > 0 && transport["duplicate_messages"] ?? 0 > 0)
    #expect(ours["feed"] as? NSDictionary == ["AAPL": "live"])
}

@Test("what no line brings is a gap: counted, named, and every book is suspect from then on")
func gap() throws {
    var sent = try packets(200)
    let lost = sent.remove(at: 40)
    let ours = try digest(Capture.pcap(sent))
    #expect(
        ours["missing_sequences"] as? [[UInt64]] == [
            [lost.sequence, lost.sequence + UInt64(lost.messages.count) - 1]
        ])
    #expect((ours["anomalies"] as? [String: Int])?["sequence_gap"] == 1)
    #expect(ours["feed"] as? NSDictionary == ["AAPL": "suspect"])
}

@Test(
    "a gap behind the last message is told by the end of the session, and at the beginning by the first number"
)
func gapsAtTheEnds() throws {
    let sent = try packets(200)
    let end = try digest(Capture.pcap(sent.filter { $0.sequence != sent[sent.count - 2].sequence }))
    #expect((end["missing_sequences"] as? [[UInt64]])?.first?.first == sent[sent.count - 2].sequence)
    #expect(end["feed"] as? NSDictionary == ["AAPL": "suspect"])
    let late = try digest(Capture.pcap(Array(sent.dropFirst(10))))
    #expect(late["missing_sequences"] as? [[UInt64]] == [[1, sent[10].sequence - 1]])
    // The symbol became known behind the gap.
    #expect(late["feed"] as? NSDictionary == ["AAPL": "suspect"])
}

@Test("a new session empties the books, and they are right again")
func newSession() throws {
    var first = try packets(300)
    first.remove(at: 20)
    let second = try packets().map { sent in
        var sent = sent
        sent.session = "REPLAY0002"
        sent.time += 1_000_000_000_000
        return sent
    }
    let ours = try digest(Capture.pcap(first + second))
    expectEqual(ours, try Fixture.json(Fixture.golden(golden)), keys: ["final", "live_orders"])
    #expect(ours["feed"] as? NSDictionary == ["AAPL": "live"])
}

@Test("packets of other kinds are counted and passed over")
func otherTraffic() throws {
    let sent = try packets(100), end = sent.last?.time ?? 0
    var frames = sent.map { Seen($0.time, $0.frame) }
    frames.insert((end, Capture.frame([1, 2, 3], protocol: 6)), at: 5)
    frames.insert((end, Capture.frame([1, 2, 3])), at: 9)
    frames.insert((end, Capture.frame(sent[9].payload, tags: [0x8100])), at: 9)
    let ours = try digest(Capture.pcap(frames)), clean = try digest(Capture.pcap(sent))
    expectEqual(ours, clean, keys: bookKeys.filter { $0 != "anomalies" })
    #expect(ours["anomalies"] as? NSDictionary == ["unusable_packet": 1, "bad_packet": 1])
}

@Test("a capture that ends inside a packet gives all before it, then says where it is cut")
func cutCapture() throws {
    let sent = try packets(100), bytes = Capture.pcap(sent)
    let last = bytes.count - (sent.last?.frame.count ?? 0) - 16
    var digest = try Digest.of(Array(bytes.dropLast(7)))
    digest.run()
    let fault = FeedFault.cut("packet", at: last, bytesLeft: bytes.count - 7 - last)
    #expect(digest.fault == .broken(file: "20200130", fault))
    #expect(digest.messages == UInt64(sent.flatMap(\.messages).count))
}

@Test(
    "a capture of something else is refused in one line",
    arguments: [
        ("link type 113", Capture.pcap([Seen](), linkType: 113)),
        ("none of its 1 packets", Capture.pcap([Seen(0, Capture.frame([1, 2, 3]))])),
        ("pass --date", Capture.pcap([Sent(time: 0, sequence: 1)])),
    ])
func wrongCaptures(words: String, bytes: [UInt8]) throws {
    var digest = try Digest.of(bytes, name: "today")
    digest.run()
    #expect(digest.fault?.description.contains(words) == true, "\(digest.fault?.description ?? "none")")
    #expect(digest.messages == 0)
}

@Test(
    "the day is the one that is given, or in the file's name, or else the capture's",
    arguments: [
        ("today", nil, "2020-01-30"), ("20200131", nil, "2020-01-31"),
        ("20200131", "2020-02-01", "2020-02-01"),
    ])
func days(name: String, given: String?, day: String) throws {
    let options = FeedOptions(path: name, date: given.flatMap { CalendarDate($0) })
    let feed = try InputFeed(options, memory: InputMemory(Capture.pcap(try packets(5))))
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    for _ in 0..<2 {
        feed.playAll(into: &builder)
        #expect(EasternTime.date(at: builder.last.time)?.description == day)
        #expect(feed.rewind())
    }
}

@Test("play stops at its limit and at its time, inside of packets too")
func stopsInside() throws {
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    let memory = InputMemory(Capture.pcap(try packets(1_000)))
    let feed = try InputFeed(FeedOptions(path: "20200130"), memory: memory)
    var last = Timestamp(raw: .min), played = 0
    while case .due(let time) = feed.play(
        upTo: Timestamp(raw: .min), limit: 9, received: .zero, into: &builder
    ).next {
        #expect(time >= last && builder.last.time <= time)
        let step = feed.play(upTo: time, limit: 1, received: .zero, into: &builder)
        #expect(step.played == 1 && builder.last.time <= time)
        played += step.played
        last = time
    }
    #expect(played >= 1_000)
    #expect(feed.rewind())
    #expect(feed.playAll(into: &builder).played == played)
}

@Test("no prefix and no changed byte of a capture crashes the feed")
func survivesChanges() throws {
    let sent = try packets(9), bytes = Capture.pcap(lines(sent, Seed(3)))
    let messages = sent.map(\.messages.count).reduce(0, +)
    func play(_ bytes: [UInt8]) -> Int {
        guard let feed = try? InputFeed(FeedOptions(path: "20200130"), memory: InputMemory(bytes)) else {
            return 0
        }
        var builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 12)))
        let played = feed.playAll(into: &builder).played
        builder.books.checkInvariants()
        return played
    }
    for end in bytes.indices { #expect(play(Array(bytes[..<end])) <= messages) }
    for place in bytes.indices {
        for value in [0, 1, 0x80, 0xff] as [UInt8] where value != bytes[place] {
            var changed = bytes
            changed[place] = value
            _ = play(changed)
        }
    }
}

@Test("recorded captures end as other programs have them, where they are at hand")
func recordedCaptures() throws {
    guard let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"] else { return }
    for name in ["plain", "ab", "gap"] {
        let file = "\(data)/pcap/mold-aapl-20200130-\(name)", golden = try Fixture.json(file + ".golden.json")
        let every = try #require(golden["checkpoint_every"] as? Int)
        var digest = try Digest.of(Fixture.bytes(file + ".pcap"), checkpointEvery: every)
        digest.run()
        let ours = try Fixture.json(text: Data(digest.json.utf8))
        expectEqual(ours, golden, keys: bookKeys.filter { $0 != "anomalies" } + ["missing_sequences"], name)
        var anomalies = ours["anomalies"] as? [String: Int] ?? [:]
        #expect(anomalies.removeValue(forKey: "sequence_gap") == (name == "gap" ? 2 : nil))
        #expect(anomalies == golden["anomalies"] as? [String: Int])
        let transport = ours["transport"] as? [String: Int] ?? [:]
        for (key, count) in golden["transport"] as? [String: Int] ?? [:] {
            #expect(transport[key] == count, "\(key)")
        }
        #expect(
            digest.checkpoints == Array(try Fixture.lines(file + ".checkpoints.csv").dropFirst()), "\(name)")
        #expect(ours["feed"] as? NSDictionary == ["AAPL": name == "gap" ? "suspect" : "live"])
    }
}

@Test(
    "malformed captures end as they should, where they are at hand",
    arguments: [
        ("clean", packets: 60, whole: true, anomalies: [:], words: nil),
        ("cut-in-packet", 59, false, [:], "ends inside the packet"),
        ("cut-in-header", 60, true, [:], "of which 3 bytes are there"),
        ("header-only", 0, false, [:], nil), ("other-traffic", 64, true, ["unusable_packet": 4], nil),
        ("vlan-tag", 60, true, [:], nil),
        ("snap-length", 60, false, ["unusable_packet": 1, "sequence_gap": 1], nil),
        ("count-past-packet", 60, true, ["bad_packet": 1], nil),
        ("message-length-past-packet", 60, false, ["bad_packet": 1, "sequence_gap": 1], nil),
    ] as [(String, packets: Int, whole: Bool, anomalies: [String: Int], words: String?)])
func malformedCaptures(
    name: String, packets: Int, whole: Bool, anomalies: [String: Int], words: String?
) throws {
    guard let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"] else { return }
    let clean = try digest(Fixture.bytes("\(data)/bad/pcap-clean.pcap"))
    let ours = try digest(Fixture.bytes("\(data)/bad/pcap-\(name).pcap"))
    #expect((ours["transport"] as? [String: Int])?["packets"] == packets)
    #expect((ours["depth5_fnv1a64"] as? String == clean["depth5_fnv1a64"] as? String) == whole)
    #expect(ours["anomalies"] as? [String: Int] == anomalies)
    let fault = (ours["end"] as? [String: Any])?["fault"] as? String
    #expect(words == nil ? fault == nil : fault?.contains(words ?? "") == true, "\(fault ?? "none")")
}

@Test(
    "an empty capture, and one with a mark that nobody knows, are refused", arguments: ["empty", "bad-magic"])
func unknownCaptures(name: String) throws {
    guard let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"] else { return }
    let options = FeedOptions(path: "\(data)/bad/pcap-\(name).pcap", date: CalendarDate("2020-01-30"))
    #expect(throws: FeedError.self) { try InputFeed(options) }
}
