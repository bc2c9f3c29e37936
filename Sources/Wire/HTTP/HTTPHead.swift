// What requests and responses have in common: lines that end in CRLF, and header fields.
//
// Strict where two readers of the same bytes could disagree, because that is how requests are
// smuggled past one of them (RFC 9112 §11.2): no bare CR or LF, no folded lines, no blank before a
// colon, no control character anywhere.

/// Cuts bytes into lines, in place.
struct HTTPHeadCursor {
    let bytes: UnsafeRawBufferPointer
    private(set) var at = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// The next line without its CRLF, or nil when the bytes end before it does.
    mutating func line() throws(HTTPFault) -> Range<Int>? {
        let start = at
        for index in start..<bytes.count {
            let byte = bytes[index]
            if byte >= 0x20 && byte != 0x7f || byte == 0x09 { continue }
            guard byte == 0x0d else {
                throw HTTPFault(
                    400, byte == 0x0a ? "a line ends in LF alone" : "control character in the head")
            }
            guard index + 1 < bytes.count else { return nil }
            guard bytes[index + 1] == 0x0a else { throw HTTPFault(400, "a line ends in CR alone") }
            at = index + 2
            return start..<index
        }
        return nil
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
    }

    /// Header fields up to and with the empty line; nil when it is not there yet.
    mutating func headers(atMost limit: Int) throws(HTTPFault) -> HTTPHeaders? {
        var headers = HTTPHeaders()
        while let line = try line() {
            if line.isEmpty { return headers }
            guard headers.fields.count < limit else {
                throw HTTPFault(431, "more than \(limit) header fields")
            }
            let field = try field(line)
            headers.append(field.name, field.value)
        }
        return nil
    }

    /// `name ":" OWS value OWS`, RFC 9112 §5.
    private func field(_ line: Range<Int>) throws(HTTPFault) -> HTTPHeaders.Field {
        guard bytes[line.lowerBound] != 0x20, bytes[line.lowerBound] != 0x09 else {
            throw HTTPFault(400, "folded header line")  // obs-fold, §5.2
        }
        guard let colon = line.first(where: { bytes[$0] == UInt8(ascii: ":") }) else {
            throw HTTPFault(400, "header line without a colon")
        }
        let name = line.lowerBound..<colon
        guard !name.isEmpty, name.allSatisfy({ ASCII.isToken(bytes[$0]) }) else {
            throw HTTPFault(400, "malformed header name")  // also a blank before the colon, §5.1
        }
        return .init(
            name: text(name), value: ASCII.trimmed(Substring(text(colon + 1..<line.upperBound)).utf8))
    }
}
