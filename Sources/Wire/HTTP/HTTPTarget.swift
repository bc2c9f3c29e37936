// The request target taken apart (RFC 9112 §3.2, RFC 3986).

/// Path and query of a target, decoded; and the authority where the target names one.
struct HTTPTarget {
    var authority: String?
    var path: String
    var query: [(name: String, value: String)]

    init(_ target: String, method: String) throws(HTTPFault) {
        guard
            target.utf8.allSatisfy({
                $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "\\")
            })
        else { throw HTTPFault(400, "a character in the target wants encoding") }
        guard target != "*" else {
            guard method == "OPTIONS" else { throw HTTPFault(400, "only OPTIONS has the target *") }
            self = HTTPTarget(authority: nil, path: "*", query: [])
            return
        }
        let (authority, origin) = try HTTPTarget.split(target)
        let mark = origin.utf8.firstIndex(of: UInt8(ascii: "?"))
        self.authority = authority
        path = try HTTPTarget.path(origin[..<(mark ?? origin.endIndex)])
        query =
            try mark.map { mark throws(HTTPFault) in
                try HTTPTarget.query(origin[mark...].dropFirst())
            } ?? []
    }

    private init(authority: String?, path: String, query: [(name: String, value: String)]) {
        self.authority = authority
        self.path = path
        self.query = query
    }

    /// Origin form is what clients send; absolute form must be understood too (§3.2.2).
    private static func split(_ target: String) throws(HTTPFault) -> (String?, Substring) {
        if target.utf8.first == UInt8(ascii: "/") { return (nil, target[...]) }
        guard ASCII.equal(target.prefix(7), "http://") else {
            throw HTTPFault(400, "the target is neither a path nor an http URL")
        }
        let rest = target.dropFirst(7)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let origin = rest[end...]
        return (String(rest[..<end]), origin.first == "/" ? origin : "/" + origin)
    }

    private static func path(_ raw: Substring) throws(HTTPFault) -> String {
        let path = try percentDecoded(raw, plusIsBlank: false) {
            $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\")
        }
        let hasDots = path.utf8.split(separator: UInt8(ascii: "/"))
            .contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
        guard !hasDots else { throw HTTPFault(400, "dot segment in the path") }
        return path
    }

    private static func query(_ raw: Substring) throws(HTTPFault) -> [(name: String, value: String)] {
        var pairs: [(name: String, value: String)] = []
        for pair in raw.split(separator: "&") {
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            let name = try percentDecoded(pair[..<equals], plusIsBlank: true) { _ in true }
            let value = try percentDecoded(pair[equals...].dropFirst(), plusIsBlank: true) { _ in true }
            pairs.append((name, value))
        }
        return pairs
    }

    /// - Parameter allows: which bytes may hide behind a percent sign; controls never may.
    private static func percentDecoded(
        _ raw: Substring, plusIsBlank: Bool, _ allows: (UInt8) -> Bool
    ) throws(HTTPFault) -> String {
        var bytes: [UInt8] = []
        var rest = raw.utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "+"), plusIsBlank {
                bytes.append(0x20)
            } else if byte == UInt8(ascii: "%") {
                bytes.append(try encodedByte(&rest, allows))
            } else {
                bytes.append(byte)
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw HTTPFault(400, "the target is not UTF-8")
        }
        return text
    }

    private static func encodedByte(
        _ rest: inout Substring.UTF8View, _ allows: (UInt8) -> Bool
    ) throws(HTTPFault) -> UInt8 {
        guard let high = rest.popFirst().flatMap(ASCII.hexValue),
            let low = rest.popFirst().flatMap(ASCII.hexValue)
        else { throw HTTPFault(400, "malformed percent-encoding") }
        let byte = high << 4 | low
        guard byte >= 0x20, byte != 0x7f, allows(byte) else {
            throw HTTPFault(400, "encoded slash or control character")
        }
        return byte
    }
}
