// Client messages from JSON and to JSON: the server reads what tickwatch, bench and tests write.
import Basics
import Market

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
            let selection = try ClientMessage.Selection(value)
            guard selection.channel != nil else { throw ClientFault(.badRequest, "channel is missing") }
            self = .unsubscribe(selection)
        case "set": self = .set(try ClientMessage.Change(value))
        case "list": self = .list
        case "ping": self = .ping
        case "auth":
            guard value["token"] == nil || value["token"]?.string != nil else {
                throw ClientFault(.badRequest, "token is a string")
            }
            self = .auth(token: value["token"]?.string)
        default:
            throw ClientFault(
                .unknownOp, "no such op; there are subscribe, unsubscribe, set, list, ping, auth")
        }
    }
}

extension ClientMessage.Selection {
    fileprivate init(_ value: JSONValue) throws(ClientFault) {
        self.init(
            channel: value["channel"] == nil ? nil : try Dialects.channel(in: value),
            interval: try Dialects.interval(in: value), symbols: try Dialects.symbols(in: value))
    }
}

extension ClientMessage.Change {
    /// Slower than this and a heartbeat alone would be late.
    static let kilobits = 8...1_000_000

    fileprivate init(_ value: JSONValue) throws(ClientFault) {
        if let asked = value["max_kbps"] {
            guard value["rate"] == nil else {
                throw ClientFault(.badRequest, "set changes a rate or max_kbps, one at a time")
            }
            self = .kilobits(try ClientMessage.Change.kilobits(asked))
            return
        }
        guard let rate = try Dialects.rate(in: value) else {
            throw ClientFault(.badRequest, "set wants a rate, or max_kbps")
        }
        self = .rate(rate, of: try ClientMessage.Selection(value))
    }

    private static func kilobits(_ value: JSONValue) throws(ClientFault) -> Int? {
        if case .null = value { return nil }
        guard let number = value.integer, kilobits.contains(Int(clamping: number)) else {
            throw ClientFault(
                .badRequest,
                "max_kbps is a whole number from \(kilobits.lowerBound) to \(kilobits.upperBound), or null")
        }
        return Int(number)
    }
}

extension ClientMessage.Subscribe {
    init(_ value: JSONValue) throws(ClientFault) {
        self.init(
            channel: try Dialects.channel(in: value), symbols: try Dialects.symbols(in: value),
            rate: try Dialects.rate(in: value))
        stamps = try flag("stamps", in: value)
        checksum = try flag("crc", in: value)
        interval = try Dialects.interval(in: value) ?? .minute
        switch value["mode"] {
        case nil, .string("every"): mode = .every
        case .string("latest") where channel == .trade: mode = .latest
        default: throw ClientFault(.badRequest, "mode is \"every\" or, for trade, \"latest\"")
        }
        switch value["on_slow"] {
        case nil, .string("gap"): closesWhenSlow = false
        case .string("close"): closesWhenSlow = true
        default: throw ClientFault(.badRequest, "on_slow is \"gap\" or \"close\"")
        }
        if let asked = value["depth"] {
            guard let levels = asked.integer,
                (1...ClientMessage.Subscribe.depthMax).contains(Int(clamping: levels))
            else {
                throw ClientFault(
                    .badDepth, "depth is a whole number from 1 to \(ClientMessage.Subscribe.depthMax)")
            }
            depth = Int(levels)
        }
        if let asked = value["resume"] {
            guard let cursor = asked.string.flatMap({ Cursor($0) }) else {
                throw ClientFault(.badRequest, "resume is a cursor as an ack or a heartbeat gave it")
            }
            resume = cursor
        }
    }
}

private func flag(_ name: String, in value: JSONValue) throws(ClientFault) -> Bool {
    guard let asked = value[name] else { return false }
    guard let flag = asked.bool else { throw ClientFault(.badRequest, "\(name) is true or false") }
    return flag
}

private func interval(in value: JSONValue) throws(ClientFault) -> BarInterval? {
    guard let asked = value["interval"] else { return nil }
    let named = BarInterval.allCases.first { "\($0.name)" == asked.string }
    guard let named else { throw ClientFault(.badRequest, "interval is \"1s\" or \"1m\"") }
    return named
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
            case .set(.rate(_, let selection)), .unsubscribe(let selection): selection.symbols
            case .auth(let token): [token ?? ""]
            case .set(.kilobits), .list, .ping: [String]()
            }
        return names.reduce(1_024) { $0 + $1.utf8.count * 6 + 3 }
    }
}

extension ClientMessage.Operation {
    fileprivate func write(to pen: inout Pen) {
        switch self {
        case .subscribe(let request): write(request, to: &pen)
        case .set(.rate(let rate, let selection)):
            pen.literal("\"op\":\"set\"")
            write(selection, to: &pen)
            write(rate, to: &pen)
        case .set(.kilobits(let kilobits)):
            pen.literal("\"op\":\"set\",\"max_kbps\":")
            if let kilobits { pen.integer(Int64(kilobits)) } else { pen.literal("null") }
        case .unsubscribe(let selection):
            pen.literal("\"op\":\"unsubscribe\"")
            write(selection, to: &pen)
        case .list: pen.literal("\"op\":\"list\"")
        case .ping: pen.literal("\"op\":\"ping\"")
        case .auth(let token):
            pen.literal("\"op\":\"auth\"")
            if let token {
                pen.literal(",\"token\":")
                pen.quoted(token)
            }
        }
    }

    private func write(_ request: ClientMessage.Subscribe, to pen: inout Pen) {
        pen.literal("\"op\":\"subscribe\"")
        let interval = request.channel == .bar ? request.interval : nil
        write(
            ClientMessage.Selection(
                channel: request.channel, interval: interval, symbols: request.symbols), to: &pen)
        if let rate = request.rate { write(rate, to: &pen) }
        if request.mode == .latest { pen.literal(",\"mode\":\"latest\"") }
        if request.channel == .book, let depth = request.depth {
            pen.literal(",\"depth\":")
            pen.integer(Int64(depth))
        }
        if request.checksum { pen.literal(",\"crc\":true") }
        if request.stamps { pen.literal(",\"stamps\":true") }
        if request.closesWhenSlow { pen.literal(",\"on_slow\":\"close\"") }
        if let cursor = request.resume {
            pen.literal(",\"resume\":")
            pen.quoted(cursor.text)
        }
    }

    private func write(_ selection: ClientMessage.Selection, to pen: inout Pen) {
        if let channel = selection.channel {
            pen.literal(",\"channel\":\"")
            pen.literal(channel.name)
            pen.byte(UInt8(ascii: "\""))
        }
        if let interval = selection.interval {
            pen.literal(",\"interval\":\"")
            pen.literal(interval.name)
            pen.byte(UInt8(ascii: "\""))
        }
        let symbols = selection.symbols
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
