// A symbol's name as a part of a key or a subject: `BRK.B` is `BRK%2EB`.
//
// NATS splits subjects at dots and takes `*` and `>` for patterns (NATS documentation, subject-based
// messaging); Redis' keys may have any byte, and are read by people. One rule serves both: letters, digits,
// `-` and `_` stay, any other byte is `%` and two hexadecimal digits.
import Market

public enum SubjectToken {
    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    public static func text(_ symbol: SymbolName) -> [UInt8] {
        var text: [UInt8] = []
        for byte in symbol.bytes {
            if isPlain(byte) {
                text.append(byte)
            } else {
                text.append(UInt8(ascii: "%"))
                text.append(digit(byte >> 4))
                text.append(digit(byte & 15))
            }
        }
        return text
    }

    /// Nil for anything that `text` does not make.
    public static func symbol(_ text: some Collection<UInt8>) -> SymbolName? {
        var bytes: [UInt8] = [], rest = text[...]
        guard text.count <= SymbolName.bytesMax * 3 else { return nil }
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                guard isPlain(byte) else { return nil }
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(value), let low = rest.popFirst().flatMap(value),
                !isPlain(high << 4 | low)
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return SymbolName(bytes)
    }

    /// As the other, without an allocation for a name that has no signs: for each message that comes.
    static func symbol(_ text: UnsafeRawBufferPointer) -> SymbolName? {
        guard text.allSatisfy(isPlain) else { return symbol(Array(text)) }
        return SymbolName(text.bytes)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
