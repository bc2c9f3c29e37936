// The words of a line, in place: any number of spaces or tabs stands between two of them.

struct NATSFields {
    private let line: UnsafeRawBufferPointer
    private var at = 0

    init(_ line: UnsafeRawBufferPointer) { self.line = line }

    mutating func next() -> UnsafeRawBufferPointer? {
        skip()
        let start = at
        while at < line.count, !NATSFields.isSpace(line[at]) { at += 1 }
        return at == start ? nil : UnsafeRawBufferPointer(rebasing: line[start..<at])
    }

    /// What is left, without spaces around it.
    var rest: UnsafeRawBufferPointer {
        var copy = self, end = line.count
        copy.skip()
        while end > copy.at, NATSFields.isSpace(line[end - 1]) { end -= 1 }
        return UnsafeRawBufferPointer(rebasing: line[copy.at..<end])
    }

    private mutating func skip() {
        while at < line.count, NATSFields.isSpace(line[at]) { at += 1 }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension UnsafeRawBufferPointer {
    func isWord(_ word: StaticString) -> Bool {
        guard count == word.utf8CodeUnitCount else { return false }
        for index in 0..<count where self[index] != word.utf8Start[index] { return false }
        return true
    }

    /// Decimal digits and nothing else, at most 18.
    var number: UInt64? {
        guard !isEmpty, count <= 18 else { return nil }
        var value: UInt64 = 0
        for byte in self {
            guard 0x30...0x39 ~= byte else { return nil }
            value = value * 10 + UInt64(byte - 0x30)
        }
        return value
    }

    /// Between the apostrophes, where it has them.
    var unquoted: UnsafeRawBufferPointer {
        let quote = UInt8(ascii: "'")
        guard count >= 2, first == quote, last == quote else { return self }
        return UnsafeRawBufferPointer(rebasing: self[1..<(count - 1)])
    }

    /// For people: printable, and not endless.
    var line: String {
        String(decoding: prefix(200).map { $0 < 0x20 || $0 > 0x7e ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }

    /// Behind the last dot.
    var lastToken: UnsafeRawBufferPointer {
        let dot = lastIndex(of: UInt8(ascii: ".")) ?? -1
        return UnsafeRawBufferPointer(rebasing: self[(dot + 1)...])
    }
}
