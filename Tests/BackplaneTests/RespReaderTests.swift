// RESP3, token by token: the same ones however they are cut, and never beyond their bounds.
import Basics
import TestSupport
import Testing

@testable import Backplane

extension RespToken {
    /// As a table has it: `+OK`, `$AAPL`, `*3`.
    var text: String {
        switch self {
        case .line(let bytes): "+" + String(decoding: bytes, as: UTF8.self)
        case .error(let bytes): "-" + String(decoding: bytes, as: UTF8.self)
        case .bulk(let bytes): "$" + String(decoding: bytes, as: UTF8.self)
        case .integer(let value): ":\(value)"
        case .null: "_"
        case .list(let count): "*\(count)"
        case .push(let count): ">\(count)"
        }
    }
}

/// Tokens of these pieces, a full stop behind each reply, and the fault that ended them.
private func tokens(_ pieces: [ArraySlice<UInt8>]) -> (text: [String], fault: RespFault?) {
    var reader = RespReader(), text: [String] = []
    for piece in pieces {
        // A copy of its own, so that what is kept of it past its end is found out by the sanitizer.
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
        defer { memory.deallocate() }
        memory.copyBytes(from: piece)
        var offset = 0
        do throws(RespFault) {
            while let token = try reader.next(UnsafeRawBufferPointer(memory), from: &offset) {
                text.append(token.text + (reader.depth == 0 ? "." : ""))
            }
        } catch {
            return (text, error)
        }
        #expect(offset == piece.count)
    }
    return (text, nil)
}

private func tokens(_ text: String) -> (text: [String], fault: RespFault?) { tokens([Array(text.utf8)[...]]) }

@Suite("RESP3 as Redis speaks it")
struct RespReaderTests {
    @Test(
        "each kind of reply",
        arguments: [
            ("+OK\r\n", ["+OK."]), ("-OOM command\r\n", ["-OOM command."]), (":-42\r\n", [":-42."]),
            (":9223372036854775807\r\n", [":9223372036854775807."]),
            ("$4\r\nAAPL\r\n", ["$AAPL."]), ("$0\r\n\r\n", ["$."]), ("$2\r\n\r\n\r\n", ["$\r\n."]),
            ("$-1\r\n", ["_."]), ("*-1\r\n", ["_."]), ("_\r\n", ["_."]), ("#t\r\n", ["+t."]),
            (",1.5\r\n", ["+1.5."]), ("=7\r\ntxt:one\r\n", ["$txt:one."]), ("!5\r\nERR x\r\n", ["-ERR x."]),
            ("*0\r\n", ["*0."]), ("*2\r\n*0\r\n:1\r\n", ["*2", "*0", ":1."]),
            ("%1\r\n+proto\r\n:3\r\n", ["*2", "+proto", ":3."]), ("~1\r\n:1\r\n", ["*1", ":1."]),
            (">2\r\n$1\r\na\r\n:1\r\n+OK\r\n", [">2", "$a", ":1.", "+OK."]),
            ("*1\r\n*1\r\n*2\r\n:1\r\n_\r\n:2\r\n", ["*1", "*1", "*2", ":1", "_.", ":2."]),
        ])
    func kinds(bytes: String, expected: [String]) {
        let (text, fault) = tokens(bytes)
        #expect(text == expected)
        #expect(fault == nil)
    }

    @Test(
        "what is no reply says where",
        arguments: [
            ("+OK\r\nX\r\n", "88 begins no reply", 5),
            ("$1\r\nab\r\n", "a string is not as long as it says", 0),
            ("$-2\r\n", "-2 is no size, 67108864 is the largest", 0),
            ("$67108865\r\n", "67108865 is no size, 67108864 is the largest", 0),
            ("*131073\r\n", "131073 is no size, 131072 is the largest", 0),
            (":\r\n", "a number is none", 0), (":-\r\n", "a number is none", 0),
            (":1a\r\n", "a number is none", 0),
            (":1\n", "a number is none", 0), (":1\rx", "a number's line does not end", 0),
            (":00000000000000000001\r\n", "a number is too long", 0),
            (":9999999999999999999\r\n", "a number is too large", 0),
            ("+OK\n", "a line ends with a line feed alone", 0),
            ("*1\r\n>1\r\n", "a push where none may be", 4),
            (">0\r\n", "a push where none may be", 0),
            (String(repeating: "*1\r\n", count: 9), "lists are too deep", 32),
            ("+\(String(repeating: "a", count: 4_200))", "a line is too long", 0),
        ])
    func faults(bytes: String, reason: String, offset: UInt64) {
        let whole = tokens(bytes).fault
        #expect(whole == RespFault(reason: reason, offset: offset))
        let single = tokens(Array(bytes.utf8).indices.map { Array(bytes.utf8)[$0...$0] }).fault
        #expect(single == whole, "a byte at a time")
    }

    @Test("the deepest lists and the most elements are read")
    func lastGood() {
        #expect(tokens(String(repeating: "*1\r\n", count: 8) + "+a\r\n").text.last == "+a.")
        #expect(tokens("*131072\r\n").fault == nil)
        #expect(tokens("$67108864\r\nabc").fault == nil)
    }

    @Test("a size that is only announced takes no memory")
    func announced() throws {
        var reader = RespReader()
        let bytes = Array("$67108864\r\nabc".utf8)
        try bytes.withUnsafeBytes { bytes throws in
            var offset = 0
            #expect(try reader.next(bytes, from: &offset) == nil)
        }
        #expect(reader.keptBytes == bytes.count)
    }

    private static let conversation =
        "%2\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n+OK\r\n"
        + ">3\r\n$9\r\nsubscribe\r\n$16\r\ntickerfeed:heads\r\n:1\r\n-ERR no\r\n"
        + "*3\r\n:2\r\n$3\r\nabc\r\n*1\r\n*2\r\n$3\r\n1-0\r\n*2\r\n$1\r\ne\r\n$4\r\n\r\n\r\n\r\n$-1\r\n"

    @Test("cut in two anywhere, and into single bytes, a conversation is the same")
    func cuts() {
        let bytes = Array(RespReaderTests.conversation.utf8), whole = tokens([bytes[...]]).text
        #expect(whole.count == 21)
        for place in bytes.indices {
            #expect(tokens([bytes[..<place], bytes[place...]]).text == whole, "cut at \(place)")
        }
        #expect(tokens(bytes.indices.map { bytes[$0...$0] }).text == whole)
    }

    @Test("strings of any length, cut anywhere, come whole", arguments: Seed.smoke)
    func lengths(seed: Seed) {
        var random = seed.generator(), bytes: [UInt8] = [], expected: [String] = []
        for _ in 0..<60 {
            let count = random.oneIn(4) ? random.below(3_000) : random.below(20)
            let content = String(repeating: "x", count: count)
            bytes += Array("$\(count)\r\n\(content)\r\n".utf8)
            expected.append("$\(content).")
        }
        var pieces: [ArraySlice<UInt8>] = [], at = 0
        while at < bytes.count {
            let end = min(bytes.count, at + 1 + random.below(random.oneIn(2) ? 9 : 2_000))
            pieces.append(bytes[at..<end])
            at = end
        }
        #expect(tokens(pieces).text == expected, "\(seed)")
    }
}
