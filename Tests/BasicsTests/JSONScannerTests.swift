// The scanner takes what JSONValue takes, reads numbers exactly, and texts by what they mean.
import Basics
import TestSupport
import Testing

private func scan<R>(_ text: String, _ body: (inout JSONScanner) throws(JSONFault) -> R) throws(JSONFault)
    -> R
{
    let bytes = Array(text.utf8)
    var scanner = JSONScanner(bytes.span.bytes)
    let result = try body(&scanner)
    try scanner.end()
    return result
}

/// Nil where it is JSON.
private func fault(_ bytes: [UInt8], depthMax: Int = JSONScanner.depthMax) -> JSONFault? {
    var scanner = JSONScanner(bytes.span.bytes, depthMax: depthMax)
    do throws(JSONFault) {
        try scanner.skip()
        try scanner.end()
        return nil
    } catch {
        return error
    }
}

private func isValue(_ bytes: [UInt8], depthMax: Int = JSONScanner.depthMax) -> Bool {
    bytes.withUnsafeBytes { (try? JSONValue(parsing: $0, depthMax: depthMax)) != nil }
}

@Test("a message is read name by name, in place")
func message() throws {
    let text =
        #" {"e":"depth", "U":17,"x":{"k":[1,{}]},"b":[["0.35","62.10"],["7","0"]] ,"ok":true,"n":null} "#
    let read = try scan(text) { (scanner) throws(JSONFault) -> [Int64] in
        var values: [Int64] = []
        try scanner.openObject()
        while let name = try scanner.nextName() {
            if name.letter == UInt8(ascii: "U") {
                values.append(try scanner.integer())
            } else if name == "b" {
                try scanner.openArray()
                while try scanner.nextElement() {
                    try scanner.openArray()
                    while try scanner.nextElement() { values.append(try scanner.quoted(decimals: 2)) }
                }
            } else if name == "ok" {
                values.append(try scanner.bool() ? 1 : 0)
            } else {
                try scanner.skip()
            }
        }
        return values
    }
    #expect(read == [17, 35, 6210, 700, 0, 1])
}

@Test(
    "numbers are exact or refused",
    arguments: [
        ("0", 8, 0), ("-0", 8, 0), ("1.5", 8, 150_000_000), ("-1.50", 2, -150),
        ("61737.63000000", 8, 6_173_763_000_000),
        ("1e-8", 8, 1), ("1E+2", 2, 10_000), ("100e-2", 0, 1), ("1.0", 0, 1), ("0e999999999", 8, 0),
        ("1.10000000000000000000000000", 1, 11), ("0.00000000000000000000000000", 8, 0),
        ("0.00000000000000000000000001e26", 0, 1), ("9223372036854775807", 0, .max),
        ("-9223372036854775808", 0, .min), ("92233720368.54775807", 8, .max),
        ("123456789012345678901e-2", 2, nil),
        ("1234567890123456789e-1", 1, 1_234_567_890_123_456_789),
    ] as [(String, Int, Int64?)])
func exactNumbers(text: String, decimals: Int, value: Int64?) {
    #expect((try? scan(text) { s throws(JSONFault) in try s.number(decimals: decimals) }) == value)
    #expect((try? scan("\"\(text)\"") { s throws(JSONFault) in try s.quoted(decimals: decimals) }) == value)
    #expect((try? scan("\"\(text)\"") { s throws(JSONFault) in try s.decimal(decimals: decimals) }) == value)
}

@Test(
    "what is no such number says why",
    arguments: [
        ("0.123456789", .inexactNumber), ("1e-9", .inexactNumber), ("0.1234567890123456789012", .numberRange),
        ("99999999999", .numberRange), ("9999999999999999999999999999999999999999", .numberRange),
        ("92233720368.54775808", .numberRange), ("1e30", .numberRange),
        ("1e99999999999999999999", .numberRange),
        ("01", .somethingFollows), ("1.", .badNumber), (".5", .wrongKind), ("+1", .wrongKind),
        ("-", .badNumber),
        ("NaN", .wrongKind), ("1e", .badNumber), ("1e+", .badNumber), ("\"1\"", .wrongKind), ("", .endsEarly),
        ("--1", .badNumber), ("0x1", .somethingFollows), ("1_0", .somethingFollows),
    ] as [(String, JSONFault)])
func refusedNumbers(text: String, reason: JSONFault) {
    #expect(throws: reason) { try scan(text) { s throws(JSONFault) in try s.number(decimals: 8) } }
}

@Test(
    "digits in quotes are a whole string",
    arguments: ["\"1", "\"\"", "\" 1\"", "\"1 \"", "\"01\"", "\"\\u0031\"", "1"])
func refusedQuoted(text: String) {
    #expect(throws: JSONFault.self) { try scan(text) { s throws(JSONFault) in try s.quoted(decimals: 8) } }
}

@Test("every scale agrees with fixed point read from text", arguments: Seed.smoke)
func scannedNumbersAgree(seed: Seed) {
    var random = seed.generator()
    for _ in 0..<3_000 {
        let drawn = Int64(bitPattern: random.next()) >> Int64(random.below(64))
        let written = random.below(19), asked = random.below(19)
        var buffer = ByteBuffer()
        buffer.write(atMost: 24) { $0.decimal(drawn, decimals: written) }
        if random.oneIn(2), buffer.readable.contains(UInt8(ascii: ".")) {
            buffer.append(String(repeating: "0", count: random.below(25)))
        }
        let text = String(decoding: buffer.readable, as: UTF8.self)
        let ours = try? scan(text) { s throws(JSONFault) in try s.number(decimals: asked) }
        #expect(ours == FixedPoint.parse(text.utf8, decimals: asked), "\(seed): \(text) at \(asked)")
    }
}

@Test(
    "texts are equal by what they mean",
    arguments: [
        (#""a""#, "a"), (#""\u0061""#, "a"), (#""""#, ""), (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (#""x\u00e9\ud83d\uDE00\u20ac""#, "x\u{e9}\u{1f600}\u{20ac}"),
        ("\"\u{e9}\u{1f600}\"", "\u{e9}\u{1f600}"),
        (#""\u0000""#, "\0"),
    ])
func textMeaning(text: String, meaning: String) throws {
    let bytes = Array(text.utf8)
    var scanner = JSONScanner(bytes.span.bytes)
    let read = try scanner.string()
    var units: [UInt8] = [], rest = read.unescaped
    while let unit = rest.next() { units.append(unit) }
    #expect(units == Array(meaning.utf8))
    #expect(read.letter == (units.count == 1 ? units[0] : 0))
    let isA = read == "a"
    #expect(isA == (meaning == "a"))
}

@Test("nesting has a limit for the scanner, too")
func scannerNesting() {
    for depth in [1, 64, 65, 100_000] {
        let text =
            [UInt8](repeating: UInt8(ascii: "["), count: depth)
            + [UInt8](repeating: UInt8(ascii: "]"), count: depth)
        #expect(fault(text) == (depth <= JSONScanner.depthMax ? nil : .tooDeep))
    }
}

@Test(
    "what is not JSON is refused with its reason",
    arguments: [
        ("", .endsEarly), ("{", .endsEarly), ("[1,]", .noValue), ("{\"a\":1,}", .noName), ("{,}", .noName),
        ("[,1]", .noValue),
        ("tru", .endsEarly), ("trux", .wrongKind), ("\"a", .endsEarly), ("\"\\x\"", .badEscape),
        ("\"\\ud800\"", .badEscape),
        ("\"\\udc00\\ud800\"", .badEscape), ("\"\u{01}\"", .controlCharacter), ("{'a':1}", .noName),
        ("1 2", .somethingFollows),
        ("[1}", .noComma), ("{\"a\" 1}", .noColon), ("\"\\u12g4\"", .badEscape), ("{}}", .somethingFollows),
        ("[1 2]", .noComma),
    ] as [(String, JSONFault)])
func refusedByScanner(text: String, reason: JSONFault) {
    #expect(fault(Array(text.utf8)) == reason)
    #expect(!isValue(Array(text.utf8)))
}

@Test("the scanner takes what JSONValue takes, and nothing else", arguments: Seed.smoke)
func scannerAgrees(seed: Seed) {
    var random = seed.generator()
    let words = [
        "{", "}", "[", "]", ",", ":", "\"a\"", "\"", "1", "-0.5e3", "true", "null", " ", "\\u00e9",
        "\\ud83d\\ude00", "\u{e9}",
    ]
    let strays: [UInt8] = [0, 0x1f, 0x7f, 0x80, 0xc0, 0xe0, 0xed, 0xa0, 0xf4, 0x90, 0xff]
    for _ in 0..<5_000 {
        var bytes: [UInt8] = []
        for _ in 0..<random.below(24) {
            if random.oneIn(40) { bytes.append(strays[random.below(strays.count)]) }
            bytes += Array(words[random.below(words.count)].utf8)
        }
        let depthMax = random.below(6)
        #expect(
            (fault(bytes, depthMax: depthMax) == nil) == isValue(bytes, depthMax: depthMax),
            "\(seed): \(bytes)")
    }
}

@Test("each byte of a text changed to each other: both readers agree")
func changedText() {
    let text = Array(#"{"a\u00e9":[1.5e-1,"é\ud83d\ude00x",true,null],"b":{}}"#.utf8)
    for place in text.indices {
        for byte in UInt8.min...UInt8.max {
            var bytes = text
            bytes[place] = byte
            #expect((fault(bytes) == nil) == isValue(bytes), "\(byte) at \(place)")
        }
        let prefix = Array(text[..<place])
        #expect((fault(prefix) == nil) == isValue(prefix))
    }
}
