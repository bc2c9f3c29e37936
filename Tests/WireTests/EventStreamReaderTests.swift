// Server-sent events as the standard has them, cut anywhere, and never beyond their bounds.
import Basics
import TestSupport
import Testing

@testable import Wire

/// `type#id:data` for each event.
private func read(
    _ pieces: [[UInt8]], _ reader: inout EventStreamReader
) throws(EventStreamFault) -> [String] {
    var events: [String] = [], fault: EventStreamFault?
    for piece in pieces where fault == nil {
        piece.withRaw { bytes in
            var offset = 0
            do throws(EventStreamFault) {
                while let event = try reader.next(in: bytes, from: &offset) {
                    events.append("\(event.type)#\(event.id):\(event.data.text)")
                }
            } catch { fault = error }
            if fault == nil { #expect(offset == bytes.count) }
        }
    }
    if let fault { throw fault }
    return events
}

private let table: [(name: String, stream: String, events: [String])] = [
    ("an event", "data: hi\n\n", ["message#:hi"]),
    ("a type, an id", "event: quote\nid: 7.1\ndata: {}\n\n", ["quote#7.1:{}"]),
    ("lines are joined", "data: a\ndata:b\ndata:  c\n\n", ["message#:a\nb\n c"]),
    ("an empty event is one", "data\n\ndata\ndata\n\n", ["message#:", "message#:\n"]),
    ("an id alone stands for the next", "id: 9\n\ndata: x\n\n", ["message#9:x"]),
    ("a type alone is forgotten", "event: a\n\ndata: x\n\n", ["message#:x"]),
    ("an id with a zero is none", "id: 1\n\nid: a\0b\ndata: x\n\n", ["message#1:x"]),
    ("comments and strangers", ": still here\nfoo: bar\nfoo\ndata: x\n\n", ["message#:x"]),
    ("what has no end is not told", "data: x\n\ndata: y\n", ["message#:x"]),
    ("a mark in front", "\u{feff}data: x\n\n", ["message#:x"]),
    ("no event at all", "\n\n: x\n\nretry: 5\n\n", []),
]

@Suite struct EventStreamReaderTests {
    @Test("whatever ends its lines, wherever it is cut", arguments: table, ["\n", "\r", "\r\n"])
    func events(row: (name: String, stream: String, events: [String]), end: String) throws {
        let bytes = Array(row.stream.replacing("\n", with: end).utf8)
        for cut in 0...bytes.count {
            var reader = EventStreamReader()
            let events = try read([Array(bytes[..<cut]), Array(bytes[cut...])], &reader)
            #expect(events == row.events, "\(row.name), cut at \(cut)")
        }
    }

    @Test("where to go on and when to come back are known behind an event, and without one")
    func facts() throws {
        var reader = EventStreamReader()
        _ = try read([Array("retry: 1914\nid: 7\ndata: x\n\nid: 8\n".utf8)], &reader)
        #expect(reader.lastEventID == "7" && reader.retry == 1_914)
        _ = try read([Array("\n: one\n: two\nretry: soon\nretry: 99999999999999999999\n".utf8)], &reader)
        #expect(reader.lastEventID == "8" && reader.comments == 2 && reader.retry == 86_400_000)
    }

    @Test("a line and an event may have so many bytes, and not one more")
    func bounds() throws {
        let line = Array(("data:" + String(repeating: "x", count: 5)).utf8)
        var reader = EventStreamReader(lineMax: 10, eventMax: 100)
        #expect(try read([line, [10, 10]], &reader) == ["message#:xxxxx"])
        #expect(throws: EventStreamFault.lineTooLong(bytesMax: 10)) { try read([line, [0x78]], &reader) }
        var other = EventStreamReader(lineMax: 100, eventMax: 12)
        #expect(try read([line + [10] + line + [10, 10]], &other) == ["message#:xxxxx\nxxxxx"])
        #expect(throws: EventStreamFault.eventTooLong(bytesMax: 12)) {
            try read([line + [10] + line + [10] + line + [10]], &other)
        }
    }

    @Test("any bytes in any pieces: the same events as in one", arguments: Seed.smoke)
    func anyBytes(seed: Seed) throws {
        var random = seed.generator()
        let words = ["data:", "id: 1", "event: a", "retry:2", "\n", "\r", "\r\n", ":", "x", "\u{feff}"]
        for _ in 0..<100 {
            var bytes: [UInt8] = []
            for _ in 0..<random.below(40) { bytes += Array(words[random.below(words.count)].utf8) }
            var whole = EventStreamReader(), cut = EventStreamReader()
            let pieces = bytes.map { [$0] }
            #expect(try read([bytes], &whole) == read(pieces, &cut), "\(seed)")
            #expect(whole.lastEventID == cut.lastEventID && whole.comments == cut.comments, "\(seed)")
        }
    }
}
