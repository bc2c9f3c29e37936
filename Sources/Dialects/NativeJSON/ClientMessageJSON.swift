// Client messages from JSON and to JSON: the server reads what tickwatch, bench and tests write.
import Basics

extension ClientMessage {
    /// Nesting a client may use; its messages need two.
    public static let depthMax = 8

    /// - Throws: `ClientFault` with the code to answer with, and the message's `id` if it had one.
    public init(json bytes: UnsafeRawBufferPointer) throws(ClientFault) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, depthMax: ClientMessage.depthMax)
        } catch {
            throw ClientFault(.badJSON, "\(error.reason) at byte \(error.offset)")
        }
        guard case .object = value else { throw ClientFault(.badRequest, "a message is a JSON object") }
        id = try MessageID(value["id"])
        do {
            operation = try Operation(value)
        } catch {
            throw ClientFault(error.code, error.message, id: id)
        }
    }
}

extension MessageID {
    /// Longer names are refused: an answer must not be a way to multiply bytes.
    static let bytesMax = 64

    fileprivate init?(_ value: JSONValue?) throws(ClientFault) {
        switch value {
        case nil, .null: return nil
        case .string(let text) where text.utf8.count <= MessageID.bytesMax: self = .text(text)
        case .number(let digits):
            guard let number = Int64(digits) else { throw MessageID.fault }
            self = .number(number)
        default: throw MessageID.fault
        }
    }
    private static var fault: ClientFault {
        ClientFault(.badRequest, "id is a string of at most \(bytesMax) bytes or an integer")
    }

    public func write(to pen: inout Pen) {
        switch self {
        case .text(let text): pen.quoted(text)
        case .number(let number): pen.integer(number)
        }
    }
}

extension ClientMessage.Operation {
    fileprivate init(_ value: JSONValue) throws(ClientFault) {
        guard let op = value["op"]?.string else { throw ClientFault(.badRequest, "op is missing") }
        switch op {
        case "subscribe": self = .subscribe(try ClientMessage.Subscribe(value))
        case "unsubscribe":
            self = .unsubscribe(channel: try channel(in: value), symbols: try symbols(in: value))
        case "set": self = try ClientMessage.Operation.set(value)
        case "list": self = .list
        case "ping": self = .ping
        case "auth": self = .auth
        default:
            throw ClientFault(
                .unknownOp, "no such op; there are subscribe, unsubscribe, set, list, ping, auth")
        }
    }

    private static func set(_ value: JSONValue) throws(ClientFault) -> Self {
        guard let rate = try rate(in: value) else { throw ClientFault(.badRequest, "set wants a rate") }
        let channel = value["channel"] == nil ? nil : try channel(in: value)
        return .set(channel: channel, symbols: try symbols(in: value), rate: rate)
    }
}

extension ClientMessage.Subscribe {
    fileprivate init(_ value: JSONValue) throws(ClientFault) {
        channel = try Dialects.channel(in: value)
        symbols = try Dialects.symbols(in: value)
        rate = try Dialects.rate(in: value) ?? .standard
        stamps = value["stamps"]?.bool ?? false
        switch value["mode"]?.string {
        case nil, "every": mode = .every
        case "latest" where channel == .trade: mode = .latest
        default: throw ClientFault(.badRequest, "mode is \"every\" or, for trade, \"latest\"")
        }
    }
}

private func channel(in value: JSONValue) throws(ClientFault) -> Channel {
    guard let name = value["channel"]?.string else { throw ClientFault(.badRequest, "channel is missing") }
    guard let channel = Channel(named: name) else {
        let known = Channel.allCases.map { "\($0.name)" }.joined(separator: ", ")
        throw ClientFault(.unknownChannel, "no such channel; there are \(known)")
    }
    return channel
}

private func symbols(in value: JSONValue) throws(ClientFault) -> [String] {
    let texts = value["symbols"]?.array?.map(\.string)
    guard let texts, !texts.isEmpty, texts.allSatisfy({ $0 != nil }) else {
        throw ClientFault(.badRequest, "symbols is a list of at least one string")
    }
    return texts.compactMap { $0 }
}

private func rate(in value: JSONValue) throws(ClientFault) -> Rate? {
    guard let asked = value["rate"] else { return nil }
    guard let rate = Rate(asked) else {
        throw ClientFault(.badRate, "rate is a number from 0.1 to 1000 with at most 3 decimals, or \"max\"")
    }
    return rate
}

extension ClientMessage {
    /// The message as JSON text.
    public var json: String {
        var buffer = ByteBuffer()
        buffer.write(atMost: sizeMax) { pen in
            pen.byte(UInt8(ascii: "{"))
            operation.write(to: &pen)
            if let id {
                pen.literal(",\"id\":")
                id.write(to: &pen)
            }
            pen.byte(UInt8(ascii: "}"))
        }
        return String(decoding: buffer.readable, as: UTF8.self)
    }

    private var sizeMax: Int {
        let names =
            switch operation {
            case .subscribe(let request): request.symbols
            case .set(_, let symbols, _), .unsubscribe(_, let symbols): symbols
            case .list, .ping, .auth: [String]()
            }
        return names.reduce(1_024) { $0 + $1.utf8.count * 6 + 3 }
    }
}

extension ClientMessage.Operation {
    fileprivate func write(to pen: inout Pen) {
        switch self {
        case .subscribe(let request):
            pen.literal("\"op\":\"subscribe\"")
            write(request.channel, request.symbols, to: &pen)
            write(request.rate, to: &pen)
            if request.mode == .latest { pen.literal(",\"mode\":\"latest\"") }
            if request.stamps { pen.literal(",\"stamps\":true") }
        case .set(let channel, let symbols, let rate):
            pen.literal("\"op\":\"set\"")
            write(channel, symbols, to: &pen)
            write(rate, to: &pen)
        case .unsubscribe(let channel, let symbols):
            pen.literal("\"op\":\"unsubscribe\"")
            write(channel, symbols, to: &pen)
        case .list: pen.literal("\"op\":\"list\"")
        case .ping: pen.literal("\"op\":\"ping\"")
        case .auth: pen.literal("\"op\":\"auth\"")
        }
    }

    private func write(_ channel: Channel?, _ symbols: [String], to pen: inout Pen) {
        if let channel {
            pen.literal(",\"channel\":\"")
            pen.literal(channel.name)
            pen.byte(UInt8(ascii: "\""))
        }
        pen.literal(",\"symbols\":[")
        for (index, symbol) in symbols.enumerated() {
            if index > 0 { pen.byte(UInt8(ascii: ",")) }
            pen.quoted(symbol)
        }
        pen.byte(UInt8(ascii: "]"))
    }

    private func write(_ rate: Rate, to pen: inout Pen) {
        pen.literal(",\"rate\":")
        rate.write(to: &pen)
    }
}
