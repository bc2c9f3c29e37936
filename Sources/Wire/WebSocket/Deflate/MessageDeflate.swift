// What server and client agree on about compression: `permessage-deflate` (RFC 7692 §7).
//
//     offered   permessage-deflate; client_max_window_bits; server_max_window_bits=10
//     agreed    permessage-deflate; server_no_context_takeover; client_no_context_takeover;
//               server_max_window_bits=10
//
// Invariants
//   - No context is taken over, in neither direction. So a message compressed once may go to many,
//     and a connection owns no window: 180 KiB less for a server that keeps one each.
//   - What the server is sent may use any window: a client's is never limited by it.

public struct MessageDeflate: Hashable, Sendable {
    static let name = "permessage-deflate"
    /// What a client of ours asks for. It sends no compressed messages itself.
    static let offer = "\(name); \(serverTakeover); \(clientTakeover)"

    private static let serverTakeover = "server_no_context_takeover"
    private static let clientTakeover = "client_no_context_takeover"
    private static let serverBits = "server_max_window_bits"
    private static let clientBits = "client_max_window_bits"

    /// The window that the client set for the server's messages, as a power of two.
    private let askedBits: UInt8?

    /// The window that the server compresses with: 9...15.
    public var serverWindowBits: Int { Int(askedBits ?? 15) }

    /// What the server answers.
    var answer: String {
        MessageDeflate.offer + (askedBits.map { "; \(MessageDeflate.serverBits)=\($0)" } ?? "")
    }

    // MARK: The server's end

    /// The first offer that can be kept; nil where there is none, and messages go uncompressed.
    static func agree(_ headers: HTTPHeaders) throws(HTTPFault) -> MessageDeflate? {
        guard let offers = WebSocketExtension.list(headers) else {
            throw HTTPFault(400, "Sec-WebSocket-Extensions is malformed")
        }
        for offer in offers where offer.name == name {
            if let agreed = MessageDeflate(offer: offer) { return agreed }
        }
        return nil
    }

    /// Nil for an offer with a parameter that is unknown, there twice, or has no value it may have,
    /// and for a window that zlib does not have (§7.1: such an offer is declined).
    private init?(offer: WebSocketExtension) {
        guard let parameters = Parameters(offer.parameters) else { return nil }
        if case .bits(let bits) = parameters.serverBits {
            guard Deflater.windowBits.contains(Int(bits)) else { return nil }
            askedBits = bits
        } else {
            askedBits = nil
        }
    }

    // MARK: The client's end

    /// Checks the answer to `offer`, if there was one.
    ///
    /// - Returns: whether the server may compress.
    static func verify(_ headers: HTTPHeaders, offered: Bool) throws(WebSocketRefusal) -> Bool {
        guard let answers = WebSocketExtension.list(headers) else {
            throw .init(reason: "Sec-WebSocket-Extensions is malformed")
        }
        guard let answer = answers.first else { return false }
        guard offered, answers.count == 1, answer.name == name else {
            throw .init(reason: "an extension that was not asked for")
        }
        guard let parameters = Parameters(answer.parameters), parameters.serverDropsContext,
            parameters.clientBits == .absent
        else {
            throw .init(reason: "\(name) with other parameters than asked for")
        }
        return true
    }

    /// The four parameters there are (§7.1).
    private struct Parameters {
        enum Window: Equatable {
            case absent, present
            case bits(UInt8)
        }

        private(set) var serverDropsContext = false
        private(set) var clientDropsContext = false
        private(set) var serverBits = Window.absent
        private(set) var clientBits = Window.absent

        init?(_ list: [WebSocketExtension.Parameter]) {
            for parameter in list {
                guard take(parameter.name, parameter.value) else { return nil }
            }
        }

        private mutating func take(_ name: String, _ value: String?) -> Bool {
            switch name {
            case MessageDeflate.serverTakeover:
                return take(value, &serverDropsContext)
            case MessageDeflate.clientTakeover:
                return take(value, &clientDropsContext)
            case MessageDeflate.serverBits:
                return value != nil && take(value, &serverBits)
            case MessageDeflate.clientBits:
                return take(value, &clientBits)
            default:
                return false
            }
        }

        private func take(_ value: String?, _ flag: inout Bool) -> Bool {
            defer { flag = true }
            return !flag && value == nil
        }

        /// A number of 8 to 15 without leading zeros.
        private func take(_ value: String?, _ window: inout Window) -> Bool {
            guard window == .absent else { return false }
            window = .present
            guard let value else { return true }
            guard let bits = (8...15).first(where: { "\($0)" == value }) else { return false }
            window = .bits(UInt8(bits))
            return true
        }
    }
}
