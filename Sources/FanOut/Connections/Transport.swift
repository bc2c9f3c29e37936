// What carries messages to a client, and how each is framed there. The messages are the same on all.
//
//     webSocket   frame header, message                                 RFC 6455
//     events      event: quote ␊ id: cursor ␊ data: message ␊␊          WHATWG HTML §9.2
//     lines       message ␊                                             NDJSON
//     poll        message ,    and in the end [ … ] as one answer       long poll
//
// Invariant: messages hold no line feed, so that on each of them the end of one is seen without parsing.
import Basics
import Dialects
import Wire

enum Transport: UInt8, CaseIterable {
    /// Answers to requests, and no messages yet.
    case http
    case webSocket, events, lines, poll

    /// What `/metrics` calls it.
    var name: String {
        switch self {
        case .http: "http"
        case .webSocket: "websocket"
        case .events: "sse"
        case .lines: "ndjson"
        case .poll: "poll"
        }
    }

    /// Bytes around a message at most: an event's type, its cursor and the rest.
    static let frameMax = 96

    /// Messages follow each other without end.
    var isStream: Bool { self == .webSocket || self == .events || self == .lines }

    /// What ends a message where its beginning does not say how long it is.
    var terminator: StaticString {
        switch self {
        case .http, .webSocket: ""
        case .events: "\n\n"
        case .lines: "\n"
        case .poll: ","
        }
    }
}

extension ByteBuffer {
    /// Appends a message that is not data: an answer, a heartbeat, a gap.
    ///
    /// - Parameter cursor: what an event stream goes on from after this message.
    mutating func append(message: String, on transport: Transport, cursor: Cursor) {
        guard transport != .webSocket else { return appendFrame(message) }
        if transport == .events { append("event: \(Shard.type(of: message))\nid: \(cursor.text)\ndata: ") }
        append(message)
        append("\(transport.terminator)")
    }
}

extension Shard {
    /// The `type` of a message that `ControlMessage` made.
    fileprivate static func type(of message: String) -> Substring {
        message.dropFirst(9).prefix { $0 != "\"" }
    }

    /// How many bytes behind `taken` end the message that `taken` cut; 0 at a message's border.
    ///
    /// Walks our own messages from the first. The head of an answer in front of the first one counts as
    /// one with it.
    static func messageRest(
        _ bytes: UnsafeRawBufferPointer, taken: Int, on transport: Transport
    ) -> Int {
        let head = headCount(bytes)
        guard taken > head else { return transport.isStream ? head - taken : 0 }
        switch transport {
        case .http, .poll: return 0
        case .webSocket: return frameRest(bytes, from: head, taken: taken)
        case .events: return ends(bytes, from: taken, lineFeeds: 2) - taken
        case .lines: return ends(bytes, from: taken, lineFeeds: 1) - taken
        }
    }

    /// The bytes of an answer's head, where there is one in front.
    private static func headCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard bytes.count > 4, bytes[0] == UInt8(ascii: "H") else { return 0 }
        for i in 0..<(bytes.count - 3) where bytes[i] == 13 && bytes[i + 2] == 13 { return i + 4 }
        return bytes.count
    }

    /// Where the message ends that `at` lies in: behind so many line feeds in a row.
    private static func ends(_ bytes: UnsafeRawBufferPointer, from at: Int, lineFeeds: Int) -> Int {
        var end = at
        while end < bytes.count {
            if end >= lineFeeds, (1...lineFeeds).allSatisfy({ bytes[end - $0] == 10 }) { return end }
            end += 1
        }
        return bytes.count
    }

    private static func frameRest(
        _ bytes: UnsafeRawBufferPointer, from first: Int, taken: Int
    ) -> Int {
        var at = first
        while at < taken {
            var length = Int(bytes[at + 1] & 0x7f)
            var header = 2
            if length == 126 {
                length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
                header = 4
            } else if length == 127 {
                length = (2..<10).reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
                header = 10
            }
            at += header + length
        }
        return at - taken
    }

    /// The rest of the cut message after `taken` more bytes of a tail that began inside a message.
    static func restAfter(
        _ tail: UnsafeRawBufferPointer, rest: Int, taken: Int, on transport: Transport
    ) -> Int {
        guard taken >= rest else { return rest - taken }
        return messageRest(
            UnsafeRawBufferPointer(rebasing: tail[rest...]), taken: taken - rest, on: transport)
    }
}
