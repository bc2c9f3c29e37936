// `Sec-WebSocket-Extensions`, read by its grammar (RFC 6455 §9.1).
//
//     permessage-deflate; client_max_window_bits; server_max_window_bits="10", x-other

/// One offer, or one answer.
struct WebSocketExtension: Hashable {
    struct Parameter: Hashable {
        let name: String
        /// Nil where there is none; what stood between quotes without them.
        let value: String?
    }

    let name: String
    var parameters: [Parameter] = []

    /// The elements of all such header lines, in their order.
    ///
    /// - Returns: nil for what the grammar does not have; the connection is to be failed then.
    static func list(_ headers: HTTPHeaders) -> [WebSocketExtension]? {
        var list: [WebSocketExtension] = []
        for line in headers.values("Sec-WebSocket-Extensions") {
            var cursor = Cursor(rest: line.utf8[...])
            guard let elements = cursor.elements() else { return nil }
            list += elements
        }
        return list
    }

    private struct Cursor {
        var rest: Substring.UTF8View

        mutating func elements() -> [WebSocketExtension]? {
            var list: [WebSocketExtension] = []
            repeat {
                skipBlanks()
                // Empty elements are no fault (RFC 9110 §5.6.1.2).
                if rest.isEmpty || rest.first == UInt8(ascii: ",") { continue }
                guard let element = element() else { return nil }
                list.append(element)
            } while take(",")
            return rest.isEmpty ? list : nil
        }

        private mutating func element() -> WebSocketExtension? {
            guard let name = token() else { return nil }
            var element = WebSocketExtension(name: name)
            while take(";") {
                skipBlanks()
                guard let name = token() else { return nil }
                var value: String?
                if take("=") {
                    skipBlanks()
                    value = rest.first == UInt8(ascii: "\"") ? quoted() : token()
                    if value == nil { return nil }
                }
                element.parameters.append(Parameter(name: name, value: value))
            }
            return element
        }

        private mutating func token() -> String? {
            let bytes = rest.prefix(while: ASCII.isToken)
            rest = rest.dropFirst(bytes.count)
            return bytes.isEmpty ? nil : String(Substring(bytes))
        }

        /// What stands between quotes must be a token too.
        private mutating func quoted() -> String? {
            rest = rest.dropFirst()
            var bytes: [UInt8] = []
            while let byte = rest.popFirst() {
                if byte == UInt8(ascii: "\"") {
                    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
                }
                guard let plain = byte == UInt8(ascii: "\\") ? rest.popFirst() : byte,
                    ASCII.isToken(plain)
                else { return nil }
                bytes.append(plain)
            }
            return nil
        }

        private mutating func take(_ byte: Unicode.Scalar) -> Bool {
            skipBlanks()
            guard rest.first == UInt8(ascii: byte) else { return false }
            rest = rest.dropFirst()
            return true
        }

        private mutating func skipBlanks() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }
    }
}
