// What a NATS server says, cut out of the bytes in which it comes (docs.nats.io, "Client Protocol").
//
//     MSG <subject> <sid> [reply] <bytes>␍␊ payload ␍␊
//     HMSG <subject> <sid> [reply] <header bytes> <bytes>␍␊ headers payload ␍␊
//     INFO {…}␍␊   PING␍␊   PONG␍␊   +OK␍␊   -ERR '…'␍␊
//
// Invariants
//   - However the bytes are cut, the operations are the same.
//   - What is whole is handed out where it was received; only what is cut off is kept, and as much memory
//     is taken as came, never as much as was announced.
import Basics
import CLinux

/// A message; its parts are there until the next operation is read.
public struct NATSMessage {
    /// The number of the subscription it came for.
    public let sid: UInt64
    public let subject: UnsafeRawBufferPointer
    /// Where an answer goes; empty: nobody waits for one.
    public let reply: UnsafeRawBufferPointer
    /// With the line of the version, and the empty line at their end; empty: there are none.
    public let headers: UnsafeRawBufferPointer
    public let payload: UnsafeRawBufferPointer
}

public enum NATSOperation {
    /// A JSON object.
    case info(UnsafeRawBufferPointer)
    case message(NATSMessage)
    case ping
    case pong
    case ok
    /// Without its quotes.
    case error(UnsafeRawBufferPointer)
}

/// The server does not speak NATS, or more of it than is wanted.
public struct NATSFault: Error, Hashable, Sendable {
    public let reason: String
}

public struct NATSReader: ~Copyable {
    /// A line, with its end.
    public static let lineMax = 4_096
    /// INFO names a cluster's servers.
    public static let infoMax = 32_768
    public static let headersMax = 4_096
    /// Headers and payload: the most that a NATS server can be set to.
    public static let messageMax = 64 << 20
    /// Memory that stays for the next message that is cut.
    private static let keptMax = 1 << 20

    private var kept = ByteBuffer()
    /// What is kept was handed out, and goes.
    private var isOver = false

    public init() {}

    /// Part of an operation came.
    public var isAmidst: Bool { !isOver && !kept.isEmpty }

    /// The next operation of `bytes` from `offset` on, with what was kept before them.
    ///
    /// - Returns: nil when all are used.
    public mutating func next(
        in bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(NATSFault) -> NATSOperation? {
        if isOver { forget() }
        guard kept.isEmpty else { return try complete(bytes, &offset) }
        guard offset < bytes.count else { return nil }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
        if case .whole(let operation, let count) = try NATSReader.parse(rest) {
            offset += count
            return operation
        }
        kept.append(rest)
        offset = bytes.count
        return nil
    }

    private mutating func forget() {
        if kept.capacity > NATSReader.keptMax { kept.release() } else { kept.removeAll() }
        isOver = false
    }

    /// Adds to what is kept as much as it lacks, and not a byte of what follows.
    private mutating func complete(
        _ bytes: UnsafeRawBufferPointer, _ offset: inout Int
    ) throws(NATSFault) -> NATSOperation? {
        while true {
            let lacks: Int
            switch try NATSReader.parse(kept.readable) {
            case .whole(let operation, _):
                isOver = true
                return operation
            case .line: lacks = NATSReader.endOfLine(bytes, from: offset) - offset
            case .cut(let total): lacks = total - kept.count
            }
            guard offset < bytes.count else { return nil }
            let end = min(bytes.count, offset + lacks)
            kept.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<end]))
            offset = end
        }
    }

    /// Behind the first end of a line, or of all.
    private static func endOfLine(_ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = bytes.baseAddress, start < bytes.count,
            let found = memchr(base + start, 0x0a, bytes.count - start)
        else { return bytes.count }
        return UnsafeRawPointer(found) - base + 1
    }

    private enum Parsed {
        case whole(NATSOperation, count: Int)
        /// The line has not ended.
        case line
        /// The line has; all of it is so long.
        case cut(total: Int)
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) throws(NATSFault) -> Parsed {
        let limit = bytes[0] == UInt8(ascii: "I") ? infoMax : lineMax
        let searched = UnsafeRawBufferPointer(rebasing: bytes.prefix(limit))
        let count = endOfLine(searched, from: 0)
        guard bytes[count - 1] == 0x0a else {
            guard bytes.count < limit else { throw NATSFault(reason: "it sent a line that does not end") }
            return .line
        }
        guard count >= 2, bytes[count - 2] == 0x0d else {
            throw NATSFault(reason: "it does not speak NATS: a line ends without a carriage return")
        }
        var fields = NATSFields(UnsafeRawBufferPointer(rebasing: bytes[..<(count - 2)]))
        guard let word = fields.next() else { throw NATSFault(reason: "it does not speak NATS") }
        if word.isWord("MSG") { return try message(bytes, count, &fields, hasHeaders: false) }
        if word.isWord("HMSG") { return try message(bytes, count, &fields, hasHeaders: true) }
        if word.isWord("PING") { return .whole(.ping, count: count) }
        if word.isWord("PONG") { return .whole(.pong, count: count) }
        if word.isWord("INFO") { return .whole(.info(fields.rest), count: count) }
        if word.isWord("+OK") { return .whole(.ok, count: count) }
        if word.isWord("-ERR") { return .whole(.error(fields.rest.unquoted), count: count) }
        throw NATSFault(reason: "it does not speak NATS")
    }

    /// - Parameter line: its length, with its end.
    private static func message(
        _ bytes: UnsafeRawBufferPointer, _ line: Int, _ fields: inout NATSFields, hasHeaders: Bool
    ) throws(NATSFault) -> Parsed {
        let wrong = NATSFault(reason: "it does not speak NATS: the head of a message is wrong")
        guard let subject = fields.next(), let sid = fields.next()?.number, var first = fields.next()
        else { throw wrong }
        var reply = UnsafeRawBufferPointer(rebasing: subject[..<0])
        var last = hasHeaders ? fields.next() : first
        if let more = fields.next() {
            reply = first
            if hasHeaders, let middle = last { first = middle }
            last = more
        }
        guard let size = last?.number, fields.next() == nil else { throw wrong }
        guard size <= UInt64(messageMax) else {
            throw NATSFault(reason: "it announced a message of \(size) bytes")
        }
        let headers = hasHeaders ? first.number : 0
        guard let headers, headers <= size, headers <= UInt64(headersMax) else {
            throw NATSFault(reason: "it announced headers of \(headers ?? 0) bytes")
        }
        let body = line + Int(headers), end = line + Int(size)
        guard bytes.count >= end + 2 else { return .cut(total: end + 2) }
        guard bytes[end] == 0x0d, bytes[end + 1] == 0x0a else {
            throw NATSFault(reason: "it does not speak NATS: a message does not end where it said")
        }
        let message = NATSMessage(
            sid: sid, subject: subject, reply: reply,
            headers: UnsafeRawBufferPointer(rebasing: bytes[line..<body]),
            payload: UnsafeRawBufferPointer(rebasing: bytes[body..<end]))
        return .whole(.message(message), count: end + 2)
    }
}
