// Redis' protocol, RESP3, read a token at a time and in place: no value is built of what comes.
//
//     >3                       push(3)              depth 1
//     $7 message               bulk                 depth 1
//     $16 tickerfeed:heads     bulk                 depth 1
//     $40 …                    bulk                 depth 0: the push is whole
//
// Invariants
//   - A token's bytes are where they came, or, when a receive has cut it, in `partial`: what one token's
//     end takes and no more, so that what comes behind it is read in place again.
//   - Nothing is allocated for a size that was only announced: `partial` grows by what has come.
//   - A count, a length, a depth beyond its bound is a fault, and so is any type the commands of ours
//     never answer with. After a fault there is nothing to go on with: `reset` for another connection.
import Basics
import CLinux

/// A piece of a reply. Bytes are there until the next one is asked for.
public enum RespToken {
    /// `+OK`; also what is one line of any other kind (`,` `#` `(`).
    case line(UnsafeRawBufferPointer)
    /// `-OOM command not allowed…`, without the minus.
    case error(UnsafeRawBufferPointer)
    case integer(Int64)
    case bulk(UnsafeRawBufferPointer)
    case null
    /// So many tokens, or lists, follow: of an array, a set, or twice as many of a map.
    case list(Int)
    /// As a list, and nobody asked for it.
    case push(Int)
}

public struct RespFault: Error, Hashable, CustomStringConvertible {
    public let reason: String
    /// Bytes of the connection before the token.
    public let offset: UInt64

    public var description: String { "\(reason) at byte \(offset) of the connection" }
}

public struct RespReader: ~Copyable {
    public static let bulkMax = 64 << 20
    public static let elementsMax = 131_072
    public static let depthMax = 8
    /// An error's text, the longest line there is.
    public static let lineMax = 4 << 10

    /// Of the reply being read, behind the last token: 0 is between two replies.
    public private(set) var depth = 0
    /// What is still to come, a list each.
    private var left: [8 of Int] = .init(repeating: 0)
    /// A token that a receive has cut.
    private var partial = ByteBuffer()
    private var isPartialSpent = false
    /// Bytes of the connection that were read as whole tokens.
    private var position: UInt64 = 0

    public init() {}

    /// Bytes kept of a token that is not whole yet.
    public var keptBytes: Int { isPartialSpent ? 0 : partial.count }

    /// For a new connection.
    public mutating func reset() {
        depth = 0
        position = 0
        isPartialSpent = false
        partial.release()
    }

    /// The next token of what came, from `offset` on; nil when the rest is not a whole one: it is kept, and
    /// `offset` is at the end.
    @inline(__always)
    public mutating func next(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(RespFault) -> RespToken? {
        if isPartialSpent { forgetPartial() }
        guard partial.isEmpty, offset < bytes.count else { return try complete(bytes, from: &offset) }
        switch try scan(UnsafeRawBufferPointer(rebasing: bytes[offset...])) {
        case .token(let token, let length):
            offset += length
            try account(token, length)
            return token
        case .missing: return try complete(bytes, from: &offset)
        }
    }

    /// Goes on with a token that was cut, or keeps the beginning of one.
    private mutating func complete(
        _ bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(RespFault) -> RespToken? {
        var missing = 0
        if !partial.isEmpty, case .missing(let count) = try scan(partial.readable) { missing = count }
        while offset < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            let taken = missing > 0 ? min(missing, rest.count) : RespReader.line(rest)
            partial.append(UnsafeRawBufferPointer(rebasing: rest[..<taken]))
            offset += taken
            switch try scan(partial.readable) {
            case .token(let token, let length):
                isPartialSpent = true
                try account(token, length)
                return token
            case .missing(let count): missing = count
            }
        }
        return nil
    }

    /// Bytes up to the end of a line, or all.
    private static func line(_ bytes: UnsafeRawBufferPointer) -> Int {
        bytes.firstIndex(of: 0x0a).map { $0 + 1 } ?? bytes.count
    }

    private mutating func forgetPartial() {
        isPartialSpent = false
        // A picture of megabytes is no reason to keep as much from then on.
        if partial.capacity > 1 << 20 { partial.release() } else { partial.removeAll() }
    }

    // MARK: One token

    private enum Scan {
        case token(RespToken, length: Int)
        /// So many bytes at least; 0: as far as the line's end.
        case missing(Int)
    }

    @inline(__always)
    private func scan(_ bytes: UnsafeRawBufferPointer) throws(RespFault) -> Scan {
        let type = bytes[0]
        switch type {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"):
            guard let (number, start) = try number(bytes) else { return .missing(0) }
            guard let length = try size(number, atMost: RespReader.bulkMax) else {
                return .token(.null, length: start)
            }
            guard bytes.count >= start + length + 2 else { return .missing(start + length + 2 - bytes.count) }
            guard bytes[start + length] == 0x0d, bytes[start + length + 1] == 0x0a else {
                throw fault("a string is not as long as it says")
            }
            let content = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
            let isError = type == UInt8(ascii: "!")
            return .token(isError ? .error(content) : .bulk(content), length: start + length + 2)
        case UInt8(ascii: ":"):
            guard let (number, start) = try number(bytes) else { return .missing(0) }
            return .token(.integer(number), length: start)
        case UInt8(ascii: ">"), UInt8(ascii: "*"), UInt8(ascii: "~"), UInt8(ascii: "%"):
            guard let (number, start) = try number(bytes) else { return .missing(0) }
            return .token(try list(type, number), length: start)
        default: return try line(type, bytes)
        }
    }

    private func list(_ type: UInt8, _ number: Int64) throws(RespFault) -> RespToken {
        guard let count = try size(number, atMost: RespReader.elementsMax) else { return .null }
        guard type != UInt8(ascii: ">") else {
            guard depth == 0, count > 0 else { throw fault("a push where none may be") }
            return .push(count)
        }
        return .list(type == UInt8(ascii: "%") ? count * 2 : count)
    }

    /// What is a line and nothing else.
    private func line(_ type: UInt8, _ bytes: UnsafeRawBufferPointer) throws(RespFault) -> Scan {
        switch type {
        case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "#"), UInt8(ascii: ","),
            UInt8(ascii: "("):
            break
        default: throw fault("\(type) begins no reply")
        }
        guard let end = bytes.firstIndex(of: 0x0a) else {
            guard bytes.count <= RespReader.lineMax else { throw fault("a line is too long") }
            return .missing(0)
        }
        guard end <= RespReader.lineMax else { throw fault("a line is too long") }
        guard end > 1, bytes[end - 1] == 0x0d else { throw fault("a line ends with a line feed alone") }
        let content = UnsafeRawBufferPointer(rebasing: bytes[1..<end - 1])
        switch type {
        case UInt8(ascii: "-"): return .token(.error(content), length: end + 1)
        case UInt8(ascii: "_"): return .token(.null, length: end + 1)
        default: return .token(.line(content), length: end + 1)
        }
    }

    /// The number behind the type, and where its line ends; nil where it does not yet.
    @inline(__always)
    private func number(_ bytes: UnsafeRawBufferPointer) throws(RespFault) -> (Int64, end: Int)? {
        var at = 1, value: Int64 = 0
        let isNegative = bytes.count > 1 && bytes[1] == UInt8(ascii: "-")
        if isNegative { at = 2 }
        let first = at
        while at < bytes.count {
            let digit = bytes[at] &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            // Eighteen digits are below what an Int64 holds; the nineteenth of a negative one may be, too.
            guard at - first < 19 else { throw fault("a number is too long") }
            let (ten, isOver) = value.multipliedReportingOverflow(by: 10)
            let (sum, isPast) = ten.addingReportingOverflow(Int64(digit))
            guard !isOver, !isPast else { throw fault("a number is too large") }
            value = sum
            at += 1
        }
        guard at < bytes.count else { return nil }
        guard at > first, bytes[at] == 0x0d else { throw fault("a number is none") }
        guard at + 1 < bytes.count else { return nil }
        guard bytes[at + 1] == 0x0a else { throw fault("a number's line does not end") }
        return (isNegative ? 0 - value : value, at + 2)
    }

    /// Nil is RESP2's null.
    @inline(__always)
    private func size(_ number: Int64, atMost limit: Int) throws(RespFault) -> Int? {
        guard number != -1 else { return nil }
        guard 0...Int64(limit) ~= number else { throw fault("\(number) is no size, \(limit) is the largest") }
        return Int(number)
    }

    // MARK: Where replies end

    @inline(__always)
    private mutating func account(_ token: RespToken, _ length: Int) throws(RespFault) {
        switch token {
        case .push(let count), .list(let count):
            if count > 0 {
                guard depth < RespReader.depthMax else { throw fault("lists are too deep") }
                left[depth] = count
                depth += 1
                position += UInt64(length)
                return
            }
        default: break
        }
        position += UInt64(length)
        while depth > 0 {
            left[depth - 1] -= 1
            guard left[depth - 1] == 0 else { return }
            depth -= 1
        }
    }

    private func fault(_ reason: String) -> RespFault { RespFault(reason: reason, offset: position) }
}
