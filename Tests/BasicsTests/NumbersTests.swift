// Numbers to text and back: what a pen writes, fixed point reads, exactly.
import Basics
import TestSupport
import Testing

private func written(_ body: (inout Pen) -> Void) -> String {
    var buffer = ByteBuffer()
    buffer.write(atMost: 200, body)
    return String(decoding: buffer.readable, as: UTF8.self)
}

@Test(
    "fixed point in its shortest exact form",
    arguments: [
        (0, 9, "0"), (187_150_000_000, 9, "187.15"), (-187_150_000_000, 9, "-187.15"),
        (1, 9, "0.000000001"), (-1, 9, "-0.000000001"), (1_000_000_000, 9, "1"), (10_000, 8, "0.0001"),
        (123, 0, "123"), (100, 2, "1"), (1_230_000, 6, "1.23"), (99_999, 4, "9.9999"),
        (.max, 9, "9223372036.854775807"), (.min, 9, "-9223372036.854775808"),
        (.max, 18, "9.223372036854775807"), (.max, 0, "9223372036854775807"),
        (.min, 0, "-9223372036854775808"),
    ] as [(Int64, Int, String)])
func decimals(value: Int64, decimals: Int, text: String) {
    #expect(written { $0.decimal(value, decimals: decimals) } == text)
    #expect(FixedPoint.parse(text.utf8, decimals: decimals) == value)
}

@Test("what is written is read again as it was", arguments: Seed.smoke)
func decimalsRoundTrip(seed: Seed) {
    var random = seed.generator()
    for _ in 0..<3_000 {
        // All magnitudes alike, and many with zeros behind.
        let shift = random.below(64)
        let drawn = Int64(bitPattern: random.next()) >> Int64(shift)
        let value = random.oneIn(2) ? drawn : drawn / 1_000 * 1_000
        let decimals = random.below(19)
        let text = written { $0.decimal(value, decimals: decimals) }
        #expect(FixedPoint.parse(text.utf8, decimals: decimals) == value, "\(seed): \(text)")
        #expect(written { $0.integer(value) } == String(value))
        #expect(Pen.digitCount(value.magnitude) == String(value.magnitude).count)
    }
}

/// The slow way, by moving a point in a text.
private func reference(_ value: Int64, decimals: Int) -> String {
    let digits = String(value.magnitude)
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
    let whole = padded.dropLast(decimals)
    var fraction = padded.suffix(decimals)
    while fraction.last == "0" { fraction.removeLast() }
    return (value < 0 ? "-" : "") + whole + (fraction.isEmpty ? "" : "." + fraction)
}

@Test("every length with every number of zeros behind, as the slow way has it", arguments: Seed.smoke)
func decimalsAgainstReference(seed: Seed) throws {
    var random = seed.generator()
    var powers: [UInt64] = [1]
    for _ in 1...18 { powers.append(powers[powers.count - 1] * 10) }
    for length in 1...19 {
        for zeros in 0..<length {
            for _ in 0..<8 {
                let low = length == 1 ? 0 : powers[length - 1]
                let high = length == 19 ? UInt64(Int64.max) : powers[length] - 1
                let drawn = low + random.next() % (high - low + 1)
                let magnitude = Int64(drawn / powers[zeros] * powers[zeros])
                for value in [magnitude, -magnitude] {
                    for decimals in [9, 8, random.below(19)] {
                        let text = written { $0.decimal(value, decimals: decimals) }
                        try #require(text == reference(value, decimals: decimals), "\(seed)")
                    }
                    try #require(written { $0.integer(value) } == String(value), "\(seed)")
                }
            }
        }
    }
}

@Test("every fraction of a price and a size that has four digits, and every number of four")
func fourDigits() throws {
    for number in Int64(0)...9_999 {
        for scale in [Int64(1), 10, 100, 1_000, 10_000, 100_000] {
            let value = 7_000_000_000 + number * scale
            try #require(written { $0.decimal(value, decimals: 9) } == reference(value, decimals: 9))
            try #require(written { $0.decimal(value, decimals: 8) } == reference(value, decimals: 8))
        }
        try #require(written { $0.integer(number) } == String(number))
    }
}

@Test("a pen scribbles on no more than its slack", arguments: Seed.smoke)
func slack(seed: Seed) throws {
    var random = seed.generator()
    let room = 64
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    defer { memory.deallocate() }
    for _ in 0..<5_000 {
        memory.initialize(repeating: 0xee, count: room)
        var pen = Pen(at: memory)
        let value = Int64(bitPattern: random.next()) >> Int64(random.below(64))
        switch random.below(4) {
        case 0: pen.integer(value)
        case 1: pen.unsigned(UInt64(bitPattern: value))
        case 2: pen.decimal(value, decimals: 9)
        default: pen.decimal(value, decimals: random.below(19))
        }
        let end = pen.at - memory + Pen.slack
        try #require((end..<room).allSatisfy { memory[$0] == 0xee }, "\(seed): \(value)")
    }
}

@Test("short bytes are copied whole, and nothing beside them", arguments: 0...32)
func shortBytes(count: Int) {
    let source = (0..<32).map { UInt8($0) + 1 }
    let text = source.withUnsafeBytes { bytes in
        var buffer = ByteBuffer()
        buffer.write(atMost: 64) { pen in
            for index in 0..<48 { pen.at[index] = 0xee }
            pen.short(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            pen.at += 48 - count
        }
        return [UInt8](buffer.readable)
    }
    #expect(text == source.prefix(count) + Array(repeating: 0xee, count: 48 - count))
}

@Test("integers of every length")
func integers() {
    var power: UInt64 = 1
    for _ in 0..<20 {
        for value in [power - 1, power, power &+ 1] {
            #expect(written { $0.unsigned(value) } == String(value))
        }
        power = power &* 10
    }
    #expect(written { $0.unsigned(.max) } == String(UInt64.max))
    #expect(written { $0.integer(.min) } == String(Int64.min))
}

@Test(
    "what is no number, or doesn't fit, is nil",
    arguments: [
        "", "-", ".", "1.", ".5", "-.5", "+1", "1e5", "1,5", "1.2.3", " 1", "1 ", "0x1", "1.-2", "--1",
        "9223372036.854775808", "-9223372036.854775809", "99999999999", "1.0000000001", "NaN", "٣",
    ])
func noNumbers(text: String) { #expect(FixedPoint.parse(text.utf8, decimals: 9) == nil) }

@Test(
    "more decimals than the scale only as zeros",
    arguments: [
        ("1.50", 1, 15), ("1.500", 1, 15), ("1.51", 1, nil), ("0.0", 0, 0), ("007", 0, 7), ("-0", 2, 0),
        ("1.000000000000000000000000", 9, 1_000_000_000), ("1.000000000000000000000001", 9, nil),
    ] as [(String, Int, Int64?)])
func extraDecimals(text: String, decimals: Int, value: Int64?) {
    #expect(FixedPoint.parse(text.utf8, decimals: decimals) == value)
}

@Test(
    "quoted text is JSON",
    arguments: [
        ("AAPL", "\"AAPL\""), ("a\"b\\c", "\"a\\\"b\\\\c\""), ("\n\u{1f}\u{0}", "\"\\u000a\\u001f\\u0000\""),
        ("é", "\"é\""), ("", "\"\""),
    ])
func quoting(text: String, json: String) { #expect(written { $0.quoted(text) } == json) }

@Test("big-endian reads, unaligned, to the last byte")
func bigEndian() {
    let bytes: [UInt8] = [9, 1, 2, 3, 4, 5, 6, 7, 8]
    let span = bytes.span.bytes
    #expect(span.u8(at: 8) == 8)
    #expect(span.u16(at: 7) == 0x0708)
    #expect(span.u32(at: 5) == 0x0506_0708)
    #expect(span.u48(at: 3) == 0x0304_0506_0708)
    #expect(span.u64(at: 1) == 0x0102_0304_0506_0708)
}

@Test(
    "FNV-1a, by its authors' vectors",
    arguments: [
        ("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8"),
    ])
func fnv(text: String, hex: String) {
    var hash = FNV1a64()
    for byte in text.utf8 { hash.add(byte) }
    #expect(hash.hex == hex)
}
