// Lines of a session: each number once and in order, what waits and for how long, what is lost.
import Basics
import TestSupport
import Testing

@testable import TickerFeed

/// What an arbiter delivered, one word an event: `4711`, `lost 5-6`, `session`.
private struct Delivered {
    var words: [String] = []
    var missing: [Range<UInt64>] = []
    var counts = MoldCounts()
}

private func body(_ number: UInt64) -> [UInt8] { ITCHField.u64(number).bytes }

/// A packet of numbers, each message made of its own number.
private func packet(
    _ numbers: ClosedRange<UInt64>, at millisecond: Int64 = 0, session: String = "SESSION001",
    port: UInt16 = 1
) -> Sent {
    Sent(
        time: millisecond * 1_000_000, port: port, session: session, sequence: numbers.lowerBound,
        messages: numbers.map(body))
}
private func heartbeat(_ next: UInt64, at millisecond: Int64 = 0, count: UInt16 = 0) -> Sent {
    Sent(time: millisecond * 1_000_000, session: "SESSION001", sequence: next, count: count)
}

private func play(_ sent: [Sent], limits: ReorderLimits = ReorderLimits()) -> Delivered {
    var arbiter = MoldArbiter(limits: limits), delivered = Delivered()
    for sent in sent {
        let payload = sent.payload
        guard let packet = MoldPacket(in: payload.span.bytes, payload: payload.indices) else {
            delivered.words.append("bad")
            continue
        }
        if packet.isFlawed { delivered.words.append("flawed") }
        arbiter.take(packet, in: payload.span.bytes, at: 0, seen: Timestamp(raw: sent.time))
        drain(&arbiter, &delivered)
    }
    arbiter.finish()
    drain(&arbiter, &delivered)
    delivered.missing = arbiter.missing.ranges
    delivered.counts = arbiter.counts
    return delivered
}

private func drain(_ arbiter: inout MoldArbiter, _ delivered: inout Delivered) {
    while let front = arbiter.front {
        switch front {
        case .message(let number):
            let bytes = arbiter.frontMessage.withUnsafeBytes { Array($0.dropFirst(2)) }
            delivered.words.append(bytes == body(number) ? "\(number)" : "\(number) has other bytes")
        case .lost(let numbers):
            delivered.words.append("lost \(numbers.lowerBound)-\(numbers.upperBound - 1)")
        case .sessionBegins: delivered.words.append("session")
        }
        arbiter.advance()
    }
}

@Test(
    "each number comes once and in order",
    arguments: [
        ([packet(1...2), packet(3...3)], "1 2 3"),
        ([packet(1...2), packet(1...2, port: 2), packet(3...3)], "1 2 3"),
        ([packet(3...4), packet(1...2), packet(5...5)], "1 2 3 4 5"),
        ([packet(1...1), packet(4...4), packet(3...3), packet(5...6), packet(2...2)], "1 2 3 4 5 6"),
        // Lines may put messages together differently.
        ([packet(1...3), packet(2...5), packet(5...6)], "1 2 3 4 5 6"),
        ([packet(1...1), packet(4...6), packet(3...5), packet(4...7), packet(2...2)], "1 2 3 4 5 6 7"),
        ([packet(1...1), packet(3...3), packet(3...5), packet(2...4)], "1 2 3 4 5"),
        ([heartbeat(1), packet(1...1), heartbeat(2), packet(2...2), heartbeat(3, count: 0xffff)], "1 2"),
    ] as [([Sent], String)])
func inOrder(sent: [Sent], words: String) {
    let delivered = play(sent)
    #expect(delivered.words.joined(separator: " ") == words)
    #expect(delivered.missing.isEmpty && delivered.counts.oldSessions == 0 && delivered.counts.late == 0)
}

@Test(
    "what nobody brings in time is lost, once, and play goes on",
    arguments: [
        // At the end of the capture.
        ([packet(1...1), packet(4...4)], "1 lost 2-3 4"),
        // Behind the last message: a heartbeat, or the end of the session, tells.
        ([packet(1...1), heartbeat(3)], "1 lost 2-2"),
        ([packet(1...1), heartbeat(4, count: 0xffff)], "1 lost 2-3"),
        // 100 ms behind the first packet beyond it, not before.
        ([packet(1...1), packet(3...3, at: 5), packet(2...2, at: 105), packet(4...4, at: 106)], "1 2 3 4"),
        (
            [packet(1...1), packet(3...3, at: 5), packet(2...2, at: 106), packet(4...4, at: 107)],
            "1 lost 2-2 3 4"
        ),
        ([packet(1...1), heartbeat(3, at: 5), packet(2...2, at: 106)], "1 lost 2-2"),
        // Each gap has its own time.
        (
            [
                packet(1...1), packet(3...3, at: 5), packet(5...5, at: 50), heartbeat(6, at: 110),
                packet(4...4, at: 150),
            ],
            "1 lost 2-2 3 4 5"
        ),
        // A capture that begins late.
        ([packet(1_000...1_001), packet(1_002...1_002)], "lost 1-999 1000 1001 1002"),
    ] as [([Sent], String)])
func lost(sent: [Sent], words: String) {
    #expect(play(sent).words.joined(separator: " ") == words)
}

@Test("what waits is bounded by packets and bytes; then what is missing is lost at once")
func bounds() {
    var limits = ReorderLimits()
    limits.packets = 2
    let three = [packet(1...1), packet(3...3), packet(5...5), packet(4...4), packet(2...2)]
    let full = play(three, limits: limits)
    #expect(full.words.joined(separator: " ") == "1 lost 2-2 3 4 5" && full.missing == [2..<3])
    #expect(full.counts.late == 1)
    limits = ReorderLimits()
    limits.bytes = 25
    #expect(play(three, limits: limits).words == full.words)
    // A packet larger than all of it waits alone.
    limits.bytes = 1
    #expect(play([packet(1...1), packet(3...9), packet(2...2)], limits: limits).words.count == 9)
}

@Test("a session with another name starts anew; the old one is over")
func sessions() {
    let next = "SESSION002"
    let sent = [
        packet(1...2), packet(4...4), packet(1...1, session: next), packet(3...3),
        packet(2...2, session: next),
        packet(1...1, session: next, port: 2),
    ]
    let delivered = play(sent)
    #expect(delivered.words.joined(separator: " ") == "1 2 lost 3-3 4 session 1 2")
    #expect(delivered.counts.oldSessions == 1)
    #expect(delivered.counts.duplicates == 1)
}

@Test("what a packet announces and doesn't have stays missing")
func flawed() {
    var tooMany = packet(2...3)
    tooMany.count = 99
    #expect(play([packet(1...1), tooMany, packet(4...4)]).words == ["1", "flawed", "2", "3", "4"])
    var tooFew = packet(2...3)
    tooFew.count = 1
    #expect(play([packet(1...1), tooFew, packet(4...4)]).words == ["1", "flawed", "2", "lost 3-3", "4"])
    #expect(play([Sent(time: 0, sequence: 0, messages: [[1]])]).words == ["bad"])
    #expect(play([Sent(time: 0, sequence: .max, messages: [[1]])]).words == ["bad"])
    #expect(play([Sent(time: 0, session: "short", sequence: 1)]).words == ["bad"])
}

/// Two lines of the same packets, each losing, repeating and re-ordering some; nothing is lost on both.
private func lines(_ packets: [Sent], _ random: inout SeededGenerator) -> [Sent] {
    var all: [(time: Int64, sent: Sent)] = []
    for (index, sent) in packets.enumerated() {
        let loser = random.below(4)
        for line in 0..<2 where loser != line {
            for _ in 0...(random.below(10) == 0 ? 1 : 0) {
                var copy = sent
                copy.port = UInt16(26_477 + line)
                copy.time = Int64(index * 1_000 + random.below(20_000))
                all.append((copy.time, copy))
            }
        }
    }
    return all.sorted { $0.time < $1.time }.map(\.sent)
}

@Test("two lines that lose, repeat and re-order give what was sent", arguments: Seed.smoke)
func twoLines(seed: Seed) {
    var random = seed.generator(), next: UInt64 = 1, sent: [Sent] = []
    for _ in 0..<2_000 {
        let end = next + UInt64(random.below(5))
        sent.append(packet(next...end))
        next = end + 1
    }
    let delivered = play(lines(sent, &random))
    #expect(delivered.words == (1..<next).map(String.init), "\(seed)")
    #expect(delivered.counts.duplicates > 0 && delivered.counts.ahead > 0 && delivered.missing.isEmpty)
}

@Test("any packets at all: numbers only rise, each is delivered or lost", arguments: Seed.smoke)
func anyPackets(seed: Seed) {
    var random = seed.generator(), sent: [Sent] = [], base: UInt64 = 1
    for index in 0..<3_000 {
        base += UInt64(random.below(3))
        let first = max(1, base + UInt64(random.below(12)) - UInt64(min(Int(base), random.below(12))))
        let millisecond = Int64(index * 7 + random.below(50))
        sent.append(
            random.below(8) == 0
                ? heartbeat(first, at: millisecond)
                : packet(first...first + UInt64(random.below(4)), at: millisecond))
    }
    let delivered = play(sent, limits: ReorderLimits(time: .milliseconds(40), packets: 16, bytes: 400))
    var next: UInt64 = 1
    for word in delivered.words {
        let range = word.split(separator: " ").last?.split(separator: "-").compactMap { UInt64($0) } ?? []
        #expect(range.first == next, "\(seed): \(word)")
        next = (range.last ?? 0) + 1
    }
    #expect(next > 1_000)
}
