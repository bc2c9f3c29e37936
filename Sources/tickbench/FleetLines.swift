// Servers that write lines: NATS, in WebSocket frames, and Redis, on the bare connection.
//
//     MSG S1 1 98␍␊{"sym":"S1",…}␍␊          $2␍␊S1␍␊$98␍␊{"sym":"S1",…}␍␊
//
// Invariant: a body that begins with `{` is a message, and nothing else is.
import Basics
import Wire

/// A line, and the body that follows it where it announces one.
struct Line: Equatable {
    let body: Range<Int>?
    /// Behind both.
    let end: Int

    /// No number in a line is taken for more than this.
    private static let numberMax = 1 << 30

    /// Nil where not all of it has come.
    ///
    /// - Parameter announcer: lines that begin with it end with the size of a body.
    init?(_ bytes: UnsafeRawBufferPointer, _ start: Int, announcer: UInt8) {
        var at = start, number = 0
        while at < bytes.count, bytes[at] != 13 {
            let digit = bytes[at] &- 0x30
            number = digit < 10 ? min(number * 10 + Int(digit), Line.numberMax) : 0
            at += 1
        }
        let next = at + 2
        guard next <= bytes.count else { return nil }
        let isAnnounced = bytes[start] == announcer
        body = isAnnounced ? next..<next + number : nil
        end = isAnnounced ? next + number + 2 : next
        guard end <= bytes.count else { return nil }
    }
}

extension Fleet {
    /// Counts whole messages; returns the part of one that is behind them.
    mutating func walkLines(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ announcer: UInt8
    ) throws -> UnsafeRawBufferPointer {
        var at = 0
        if plan.dialect.kind == .redis {
            at = try readLines(index, bytes, from: 0, announcer)
        } else {
            while try enterFrame(index, bytes, &at) {
                let come = min(bytes.count, at + members[index].skipCount)
                let whole = UnsafeRawBufferPointer(rebasing: bytes[..<come])
                let next = try readLines(index, whole, from: at, announcer)
                members[index].skipCount -= next - at
                at = next
                guard members[index].skipCount > 0 else { continue }
                if at + members[index].skipCount == come { throw BenchError("a frame ends within a line") }
                break
            }
        }
        guard bytes.count - at <= Fleet.restMax else {
            throw BenchError("the server sent a line of more than \(Fleet.restMax) bytes")
        }
        return UnsafeRawBufferPointer(rebasing: bytes[at...])
    }

    /// Passes over the header that is next, unless a frame is being read; false where one has to come first.
    private mutating func enterFrame(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, _ at: inout Int
    ) throws -> Bool {
        if members[index].skipCount > 0 { return true }
        guard let (length, header) = Fleet.header(bytes, at) else { return false }
        if bytes[at] == 0x88 {
            at = bytes.count
            try lost(index)
            return false
        }
        members[index].skipCount = length
        at += header
        return true
    }

    /// Reads whole lines; returns where the one begins that is cut.
    private mutating func readLines(
        _ index: Int, _ bytes: UnsafeRawBufferPointer, from start: Int, _ announcer: UInt8
    ) throws -> Int {
        var at = start, messages = 0
        while at < bytes.count, let line = Line(bytes, at, announcer: announcer) {
            if let body = line.body, !body.isEmpty, bytes[body.lowerBound] == UInt8(ascii: "{") {
                messages += 1
                untilSample -= 1
                if untilSample <= 0 { sample(index, UnsafeRawBufferPointer(rebasing: bytes[body])) }
            } else if bytes[at] == UInt8(ascii: "-") {
                throw BenchError(
                    "the server answered \(String(decoding: bytes[at..<line.end], as: UTF8.self))")
            } else if bytes[at] == UInt8(ascii: "P"), bytes[at + 1] == UInt8(ascii: "I") {
                try say(index, "PONG\r\n")
            }
            at = line.end
        }
        if members[index].role == .slow { slow.count(messages) } else { healthy.count(messages) }
        return at
    }
}
