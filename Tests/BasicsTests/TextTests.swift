// Lines, fields and numbers out of bytes that come in pieces.
import Basics
import TestSupport
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// Every line, shown as a caller would: what was not consumed comes again, with more behind it.
private func lines(_ text: [UInt8], lengthMax: Int = 8, pieces: () -> Int) -> [String] {
    var cursor = LineCursor(lengthMax: lengthMax)
    var found: [String] = [], start = 0, end = 0
    while true {
        let isLast = end == text.count
        var offset = 0
        let step = text[start..<end].withUnsafeBytes {
            cursor.next($0.bytes, from: &offset, isLast: isLast)
        }
        switch step {
        case .line(let range):
            let line = text[start + range.lowerBound..<start + range.upperBound]
            found.append(String(decoding: line, as: UTF8.self))
        case .tooLong: found.append("<too long>")
        case .needsBytes:
            #expect(end - start - offset <= lengthMax + 1, "held")
            end = min(text.count, end + max(1, min(text.count, pieces())))
        case .end: return found
        }
        start += offset
    }
}

@Test(
    "a line ends at a line feed or with the input",
    arguments: [
        ("", []), ("\n", [""]), ("\r\n", [""]), ("\r", [""]), ("a", ["a"]), ("a\n", ["a"]),
        ("a\nb", ["a", "b"]), ("a\r\nb\r\n", ["a", "b"]), ("a\r", ["a"]), ("\n\n", ["", ""]),
        ("a\rb\n", ["a\rb"]), ("a\r\r\n", ["a\r"]),
        ("12345678\n", ["12345678"]), ("12345678\r\n", ["12345678"]), ("12345678", ["12345678"]),
        ("12345678\r", ["12345678"]), ("123456789", ["<too long>"]), ("123456789\n", ["<too long>"]),
        ("123456789\r\nb", ["<too long>", "b"]), ("12345678\r\r\n", ["<too long>"]),
        ("a\n12345678901234567890123\nb\n", ["a", "<too long>", "b"]),
        ("123456789012345", ["<too long>"]), ("1234567890\n1234567890\n", ["<too long>", "<too long>"]),
    ] as [(String, [String])])
func linesInPieces(text: String, expected: [String]) {
    for length in 1...12 { #expect(lines(bytes(text)) { length } == expected, "pieces of \(length)") }
    #expect(lines(bytes(text)) { .max } == expected)
}

@Test("lines do not depend on where their bytes were cut", arguments: Seed.smoke)
func linesAtRandom(seed: Seed) {
    var random = seed.generator()
    for _ in 0..<200 {
        let text = (0..<random.below(80)).map { _ in
            random.oneIn(6) ? UInt8(0x0a) : random.oneIn(6) ? 0x0d : UInt8(0x61 + random.below(3))
        }
        let whole = lines(text) { .max }
        #expect(lines(text) { 1 + random.below(7) } == whole, "\(seed): \(text)")
    }
}

private func fields(_ line: String) -> [String]? {
    bytes(line).withUnsafeBytes { buffer in
        var cursor = FieldCursor(buffer.bytes), found: [String] = []
        while !cursor.isAtEnd {
            do throws(BadQuotes) {
                let field = try cursor.next()
                found.append(field.withUnsafeBytes { String(decoding: $0, as: UTF8.self) })
            } catch { return nil }
        }
        return found
    }
}

@Test(
    "fields are cut at commas, quotes are left away",
    arguments: [
        ("", [""]), ("a", ["a"]), ("a,b", ["a", "b"]), (",", ["", ""]), ("a,", ["a", ""]),
        (",,a", ["", "", "a"]), ("\"a,b\",c", ["a,b", "c"]), ("\"\"", [""]), ("\"\",", ["", ""]),
        ("\"a\"\"b\"", ["a\"\"b"]), ("a\"b,c", ["a\"b", "c"]), ("\"a", nil), ("\"", nil),
        ("\"a\"b,c", nil), ("a,\"b\" ", nil), ("\"a\"\"", nil), ("a,\"b\"", ["a", "b"]),
    ] as [(String, [String]?)])
func fieldsOfLines(line: String, expected: [String]?) { #expect(fields(line) == expected) }

@Test("behind the last field are empty ones")
func fieldsBehindTheEnd() throws {
    try bytes("a").withUnsafeBytes { buffer in
        var cursor = FieldCursor(buffer.bytes)
        _ = try cursor.next()
        for _ in 0..<3 {
            let isAtEnd = cursor.isAtEnd, count = try cursor.next().byteCount
            #expect(isAtEnd && count == 0)
        }
    }
}

private enum Read: Equatable { case value(Int64), fault(FixedPointFault) }

private func read(_ text: String, decimals: Int, scientific: Bool) -> Read {
    bytes(text).withUnsafeBytes { buffer in
        do throws(FixedPointFault) {
            let bytes = buffer.bytes
            return .value(
                scientific
                    ? try FixedPoint.readScientific(bytes, decimals: decimals)
                    : try FixedPoint.read(bytes, decimals: decimals))
        } catch { return .fault(error) }
    }
}

@Test(
    "numbers are read exactly, or not at all",
    arguments: [
        ("0", 8, .value(0)), ("-0", 8, .value(0)), ("1", 8, .value(100_000_000)), ("007", 0, .value(7)),
        ("270.25", 9, .value(270_250_000_000)), ("-1.5", 1, .value(-15)), ("1.50", 1, .value(15)),
        ("1.000", 0, .value(1)), ("0.000000001", 9, .value(1)), ("0.0000000010", 9, .value(1)),
        ("0.0000000001", 9, .fault(.tooFine)), ("1.5", 0, .fault(.tooFine)),
        ("9223372036854775807", 0, .value(.max)), ("-9223372036854775807", 0, .value(-.max)),
        ("9223372036854775808", 0, .fault(.tooLarge)), ("-9223372036854775808", 0, .fault(.tooLarge)),
        ("92233720368.54775807", 8, .value(.max)), ("92233720368.54775808", 8, .fault(.tooLarge)),
        ("100000000000000000000000000", 0, .fault(.tooLarge)), ("92233720369", 8, .fault(.tooLarge)),
        ("00000000000000000000000001", 0, .value(1)),
        ("", 0, .fault(.notANumber)), ("-", 0, .fault(.notANumber)), ("+1", 0, .fault(.notANumber)),
        (".5", 1, .fault(.notANumber)), ("5.", 1, .fault(.notANumber)), ("5.", 0, .fault(.notANumber)),
        ("1.2.3", 8, .fault(.notANumber)), ("1,5", 8, .fault(.notANumber)), (" 1", 0, .fault(.notANumber)),
        ("1 ", 0, .fault(.notANumber)), ("NaN", 0, .fault(.notANumber)), ("--1", 0, .fault(.notANumber)),
        ("1-", 0, .fault(.notANumber)), ("1.0x", 0, .fault(.notANumber)),
    ] as [(String, Int, Read)])
private func numbers(text: String, decimals: Int, expected: Read) {
    #expect(read(text, decimals: decimals, scientific: false) == expected)
    #expect(read(text, decimals: decimals, scientific: true) == expected)
}

@Test(
    "exponents move the point, exactly",
    arguments: [
        ("1e-05", 8, .value(1_000)), ("1E-8", 8, .value(1)), ("1e-9", 8, .fault(.tooFine)),
        ("2.5E+3", 8, .value(250_000_000_000)), ("1e0", 0, .value(1)), ("1.25e1", 1, .value(125)),
        ("1.25e-1", 2, .fault(.tooFine)), ("1e11", 8, .fault(.tooLarge)),
        ("9e10", 8, .value(9_000_000_000_000_000_000)),
        ("0e999", 8, .value(0)), ("0.0e-999", 8, .value(0)), ("1e999999999999", 8, .fault(.tooLarge)),
        ("1e-999", 8, .fault(.tooFine)), ("-1e2", 0, .value(-100)), ("100e-9", 8, .fault(.tooFine)),
        ("1e99999999999999999999", 8, .fault(.tooLarge)),
        ("1e", 8, .fault(.notANumber)), ("e1", 8, .fault(.notANumber)), ("1e+", 8, .fault(.notANumber)),
        ("1e+-1", 8, .fault(.notANumber)), ("1e1.5", 8, .fault(.tooFine)), ("1ee1", 8, .fault(.notANumber)),
        ("1e1e1", 8, .fault(.notANumber)),
    ] as [(String, Int, Read)])
private func exponents(text: String, decimals: Int, expected: Read) {
    #expect(read(text, decimals: decimals, scientific: true) == expected)
}

@Test("numbers in place are those that fixed point reads elsewhere", arguments: Seed.smoke)
func numbersInPlaceAgree(seed: Seed) {
    var random = seed.generator()
    let letters = bytes("0123456789.-")
    for _ in 0..<20_000 {
        let text = (0..<random.below(24)).map { _ in letters[random.below(random.oneIn(9) ? 12 : 10)] }
        let decimals = random.below(10)
        let known = FixedPoint.parse(text, decimals: decimals)
        let ours = read(String(decoding: text, as: UTF8.self), decimals: decimals, scientific: false)
        if let known, known != .min {
            #expect(ours == .value(known), "\(seed): \(text)")
        } else if case .value = ours {
            Issue.record("\(seed): \(text) is no number elsewhere")
        }
    }
}

// MARK: Times

@Test(
    "times as RFC 3339 has them",
    arguments: [
        ("2020-01-30T14:30:00Z", 1_580_394_600_000_000_000),
        ("2020-01-30t14:30:00.5z", 1_580_394_600_500_000_000),
        ("2020-01-30 09:30:00.123456789-05:00", 1_580_394_600_123_456_789),
        ("2020-01-31T00:00:00+09:30", 1_580_394_600_000_000_000),
        ("2199-12-31T23:59:59.999999999Z", 7_258_118_399_999_999_999),
        ("2020-01-30T14:30:00", nil), ("2020-01-30T14:30Z", nil), ("2020-01-30T14:30:60Z", nil),
        ("2020-01-30T24:00:00Z", nil), ("2020-02-30T14:30:00Z", nil), ("2020-01-30T14:30:00.Z", nil),
        ("2020-01-30T14:30:00.1234567891Z", nil), ("2020-01-30T14:30:00Zx", nil),
        ("1960-01-30T14:30:00Z", nil),
        ("2020-01-30T14:30:00+0530", nil), ("2020-01-30T14:30:00+05", nil), ("2020/01/30T14:30:00Z", nil),
        ("2020-01-30T14-30-00Z", nil), ("", nil), ("2020-01-30T14:30:00.", nil),
        ("2020-01-30T14:30:00+24:00", nil),
    ] as [(String, Int64?)])
func timesAsText(text: String, expected: Int64?) {
    #expect(Timestamp(rfc3339: text)?.raw == expected)
}

@Test("every day from 1970 to 2199 is the one behind its day before")
func daysAsText() throws {
    var expected: Int64 = 0
    for year in 1970..<2200 {
        for month in 1...12 {
            let isLeap = year % 4 == 0 && year % 100 != 0 || year % 400 == 0
            let days = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1]
            for day in 1...32 {
                let text = [year, month, day].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: "-")
                let time = Timestamp(rfc3339: text + "T00:00:00Z")
                guard day <= days else {
                    #expect(time == nil)
                    continue
                }
                #expect(time?.raw == expected)
                expected += 86_400_000_000_000
            }
        }
    }
}
