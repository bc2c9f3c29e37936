// Strings as a scanner meets them: in place, checked, unescaped only where somebody asks.

/// A string of a JSON text, as it stands between its quotes. Lives no longer than the text's bytes.
public struct JSONString: ~Escapable {
    /// UTF-8, with its escapes.
    public let raw: RawSpan
    /// Where false, `raw` is the text itself.
    public let hasEscapes: Bool

    @_lifetime(copy raw)
    init(_ raw: RawSpan, hasEscapes: Bool) {
        self.raw = raw
        self.hasEscapes = hasEscapes
    }

    /// The only byte of a text of one, else 0: exchanges like names of one letter.
    @inline(__always)
    public var letter: UInt8 {
        if raw.byteCount == 1 { return raw.u8(at: 0) }
        guard hasEscapes else { return 0 }
        var rest = unescaped
        guard let byte = rest.next(), rest.next() == nil else { return 0 }
        return byte
    }

    /// Equal in meaning: `"\u0061"` is `"a"`.
    public static func == (text: borrowing JSONString, word: StaticString) -> Bool {
        let count = word.utf8CodeUnitCount
        guard !text.hasEscapes else { return text.equalsUnescaped(word) }
        guard text.raw.byteCount == count else { return false }
        for place in 0..<count where text.raw.u8(at: place) != word.utf8Start[place] { return false }
        return true
    }

    private func equalsUnescaped(_ word: StaticString) -> Bool {
        var rest = unescaped
        for place in 0..<word.utf8CodeUnitCount where rest.next() != word.utf8Start[place] { return false }
        return rest.next() == nil
    }

    /// What the text means, as memory of its own: for what is rare.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = [], rest = unescaped
        while let byte = rest.next() { bytes.append(byte) }
        return bytes
    }

    /// What the text means, a byte at a time.
    public var unescaped: Unescaped {
        @_lifetime(copy self) get { Unescaped(raw) }
    }

    /// A walk over the bytes of a text that was checked.
    public struct Unescaped: ~Escapable {
        private let raw: RawSpan
        private var at = 0
        /// The rest of a character that was escaped, its next byte lowest.
        private var held: UInt32 = 0

        @_lifetime(copy raw)
        init(_ raw: RawSpan) { self.raw = raw }

        public mutating func next() -> UInt8? {
            if held != 0 {
                let byte = UInt8(truncatingIfNeeded: held)
                held >>= 8
                return byte
            }
            guard at < raw.byteCount else { return nil }
            let byte = raw.u8(at: at)
            at += 1
            return byte == UInt8(ascii: "\\") ? escape() : byte
        }

        private mutating func escape() -> UInt8 {
            let letter = raw.u8(at: at)
            at += 1
            switch letter {
            case UInt8(ascii: "b"): return 0x08
            case UInt8(ascii: "f"): return 0x0c
            case UInt8(ascii: "n"): return 0x0a
            case UInt8(ascii: "r"): return 0x0d
            case UInt8(ascii: "t"): return 0x09
            case UInt8(ascii: "u"): return character()
            default: return letter
            }
        }

        private mutating func character() -> UInt8 {
            var code = unit()
            if code >= 0xd800 && code < 0xe000 {
                at += 2  // the \u of the other half
                code = 0x10000 + (code - 0xd800) << 10 + (unit() - 0xdc00)
            }
            return hold(code)
        }

        private mutating func unit() -> UInt32 {
            at += 4
            return raw.hex4(at: at - 4) ?? 0
        }

        /// UTF-8 (RFC 3629 §3): the first byte is returned, what follows is held.
        private mutating func hold(_ code: UInt32) -> UInt8 {
            let tail = { (shift: UInt32) in 0x80 | code >> shift & 0x3f }
            switch code {
            case ..<0x80: return UInt8(truncatingIfNeeded: code)
            case ..<0x800:
                held = tail(0)
                return UInt8(truncatingIfNeeded: 0xc0 | code >> 6)
            case ..<0x10000:
                held = tail(6) | tail(0) << 8
                return UInt8(truncatingIfNeeded: 0xe0 | code >> 12)
            default:
                held = tail(12) | tail(6) << 8 | tail(0) << 16
                return UInt8(truncatingIfNeeded: 0xf0 | code >> 18)
            }
        }
    }
}

extension JSONScanner {
    @_lifetime(copy self)
    public mutating func string() throws(JSONFault) -> JSONString {
        guard try next() == UInt8(ascii: "\"") else { throw .wrongKind }
        let start = offset &+ 1
        let hasEscapes = try passString()
        return JSONString(bytes.extracting(start..<offset &- 1), hasEscapes: hasEscapes)
    }

    /// Reads over a string whose quote is next. Says whether it has escapes.
    @inline(__always)
    mutating func passString() throws(JSONFault) -> Bool {
        var hasEscapes = false
        offset &+= 1
        while true {
            offset = bytes.endOfPlainText(from: offset)
            guard offset < bytes.byteCount else { throw .endsEarly }
            let byte = bytes.u8(at: offset)
            if byte == UInt8(ascii: "\"") { break }
            switch byte {
            case ..<0x20: throw .controlCharacter
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try escape()
            default: try character(byte)
            }
        }
        offset &+= 1
        valueEnds()
        return hasEscapes
    }

    private mutating func escape() throws(JSONFault) {
        guard bytes.byteCount - offset >= 2 else { throw .endsEarly }
        switch bytes.u8(at: offset + 1) {
        case UInt8(ascii: "u"): try escapedCharacter()
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            offset += 2
        default: throw .badEscape
        }
    }

    /// `\uXXXX`, or two of them that are one character (RFC 8259 §7).
    private mutating func escapedCharacter() throws(JSONFault) {
        guard let code = bytes.hex4(at: offset + 2) else { throw .badEscape }
        offset += 6
        guard code >= 0xd800 && code < 0xe000 else { return }
        guard code < 0xdc00, bytes.byteCount - offset >= 6, bytes.u8(at: offset) == UInt8(ascii: "\\"),
            bytes.u8(at: offset + 1) == UInt8(ascii: "u"), let low = bytes.hex4(at: offset + 2),
            low >= 0xdc00 && low < 0xe000
        else { throw .badEscape }
        offset += 6
    }

    /// A character of two to four bytes (RFC 3629 §4).
    private mutating func character(_ lead: UInt8) throws(JSONFault) {
        let tails: Int, second: ClosedRange<UInt8>
        switch lead {
        case 0xc2...0xdf: (tails, second) = (1, 0x80...0xbf)
        case 0xe0: (tails, second) = (2, 0xa0...0xbf)  // below: overlong
        case 0xed: (tails, second) = (2, 0x80...0x9f)  // above: surrogates
        case 0xe1...0xef: (tails, second) = (2, 0x80...0xbf)
        case 0xf0: (tails, second) = (3, 0x90...0xbf)  // below: overlong
        case 0xf1...0xf3: (tails, second) = (3, 0x80...0xbf)
        case 0xf4: (tails, second) = (3, 0x80...0x8f)  // above: beyond U+10FFFF
        default: throw .badUTF8
        }
        guard bytes.byteCount - offset > tails else { throw .badUTF8 }
        guard second.contains(bytes.u8(at: offset + 1)) else { throw .badUTF8 }
        for place in 1...tails where bytes.u8(at: offset + place) & 0xc0 != 0x80 { throw .badUTF8 }
        offset += tails + 1
    }
}

extension RawSpan {
    /// Where the first byte stands that is no ASCII, a quote, a backslash or a control character.
    @inline(__always)
    fileprivate func endOfPlainText(from start: Int) -> Int {
        var at = start
        while byteCount &- at >= 8 {
            let word = unsafe unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self).littleEndian
            let marks = word.specialBytes
            if marks != 0 { return at &+ marks.trailingZeroBitCount / 8 }
            at &+= 8
        }
        while at < byteCount {
            let byte = u8(at: at)
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 || byte >= 0x80 {
                break
            }
            at &+= 1
        }
        return at
    }

    /// Four hexadecimal digits, nil where there are less.
    fileprivate func hex4(at start: Int) -> UInt32? {
        guard byteCount - start >= 4 else { return nil }
        var code: UInt32 = 0
        for place in start..<start + 4 {
            let byte = u8(at: place)
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): code = code << 4 | UInt32(byte & 0xf)
            case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"):
                code = code << 4 | UInt32(byte & 0xf + 9)
            default: return nil
            }
        }
        return code
    }
}

extension UInt64 {
    /// The high bit of each byte that ends plain text. Only the lowest mark is sure: a borrow out of a
    /// marked byte may mark the one above it.
    @inline(__always)
    fileprivate var specialBytes: UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101, highs: UInt64 = 0x8080_8080_8080_8080
        let quotes = self ^ ones &* UInt64(UInt8(ascii: "\""))
        let slashes = self ^ ones &* UInt64(UInt8(ascii: "\\"))
        let below = (quotes &- ones) & ~quotes | (slashes &- ones) & ~slashes | (self &- ones &* 0x20) & ~self
        return (below | self) & highs
    }
}
