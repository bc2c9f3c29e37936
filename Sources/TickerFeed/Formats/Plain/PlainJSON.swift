// NDJSON: one object a line (RFC 8259), its members the fields of `PlainLine`.
import Basics
import Market

struct PlainJSON: PlainSyntax {
    static let name = "NDJSON"

    mutating func read(_ line: RawSpan) throws(LineFault) -> PlainLine? {
        do throws(JSONFault) { return try object(line) } catch {
            switch error {
            case .numberRange, .inexactNumber: throw .range(error.reason)
            default: throw .malformed(error.reason)
            }
        }
    }

    private func object(_ text: RawSpan) throws(JSONFault) -> PlainLine {
        var scanner = JSONScanner(text), line = PlainLine(), seen: UInt32 = 0
        try scanner.openObject()
        while let name = try scanner.nextName() {
            guard let word = ShortWord(name), let field = PlainField(word) else {
                try scanner.skip()
                continue
            }
            if seen & 1 << field.rawValue != 0 { line.refuse(.malformed("a name that comes twice")) }
            seen |= 1 << field.rawValue
            if try scanner.kind() == .null { try scanner.null() } else { try read(field, &scanner, &line) }
        }
        try scanner.end()
        return line
    }

    private func read(
        _ field: PlainField, _ scanner: inout JSONScanner, _ line: inout PlainLine
    ) throws(JSONFault) {
        if let decimals = field.decimals {
            line.set(field, number: try scanner.decimal(decimals: decimals))
            return
        }
        switch field {
        case .more: line.more = try scanner.bool()
        case .time:
            if try scanner.kind() == .string {
                line.set(time: try scanner.string().raw)
            } else {
                line.set(.time, number: try scanner.integer())
            }
        case .symbol: try PlainJSON.readSymbol(&scanner, &line)
        default: line.set(field, word: ShortWord(try scanner.string()))
        }
    }

    /// PHP writes a slash with an escape: `"BTC\/USD"`.
    private static func readSymbol(
        _ scanner: inout JSONScanner, _ line: inout PlainLine
    ) throws(JSONFault) {
        let text = try scanner.string()
        guard text.hasEscapes else { return line.set(symbol: text.raw) }
        var rest = text.unescaped, bytes: [UInt8] = []
        while bytes.count <= SymbolName.bytesMax, let byte = rest.next() { bytes.append(byte) }
        line.set(symbol: bytes.span.bytes)
    }
}

// MARK: Recognition

extension PlainJSON {
    /// An object whose first line says a type or a symbol. `src` is that of recorded sessions.
    static func recognises(_ head: RawSpan, path: String) -> Bool {
        guard let line = head.firstLine else {
            return head.byteCount == 0 && (path.hasSuffix(".ndjson") || path.hasSuffix(".jsonl"))
        }
        var scanner = JSONScanner(line), isOurs = false
        do throws(JSONFault) {
            try scanner.openObject()
            while let name = try scanner.nextName() {
                if name == "src" { return false }
                if name == "type" || name == "sym" { isOurs = true }
                try scanner.skip()
            }
        } catch {}  // the line may be cut, or be the first bad one
        return isOurs
    }
}
