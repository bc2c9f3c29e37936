// Server messages read back from JSON, for whoever watches: tickwatch, bench, tests.
import Basics
import Market

/// A message that breaks the protocol: what was wrong with it.
public struct ServerMessageError: Error, Hashable, CustomStringConvertible {
    public let description: String
}

extension ServerMessage {
    /// Deep enough for any message of the protocol.
    static let depthMax = 8

    public init(json bytes: UnsafeRawBufferPointer) throws(ServerMessageError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, depthMax: ServerMessage.depthMax)
        } catch {
            throw ServerMessageError(description: "not JSON: \(error.reason) at byte \(error.offset)")
        }
        guard let message = ServerMessage(value) else {
            let type = value["type"]?.string ?? "?"
            throw ServerMessageError(description: "a message of type \(type) lacks a field")
        }
        self = message
    }

    /// Nil where a field that the type must have is missing or of another type.
    private init?(_ value: JSONValue) {
        guard let type = value["type"]?.string else { return nil }
        switch type {
        case "quote", "trade", "stats": self.init(data: type, value)
        case "gap": self.init(gap: value)
        case "welcome", "heartbeat", "goodbye": self.init(session: type, value)
        case "ack", "pong", "error", "subscriptions": self.init(answer: type, value)
        default: self = .unknown(type: type)
        }
    }

    private init?(data type: String, _ value: JSONValue) {
        guard let version = Version(value) else { return nil }
        switch type {
        case "quote":
            self = .quote(
                QuoteMessage(
                    version: version, bid: value.price("bid"), bidSize: value.quantity("bid_size"),
                    ask: value.price("ask"), askSize: value.quantity("ask_size"),
                    isCrossed: value["crossed"]?.bool ?? false))
        case "trade":
            guard let price = value.price("price"), let size = value.quantity("size") else { return nil }
            let aggressor: Side? =
                switch value["side"]?.string {
                case "buy": .bid
                case "sell": .ask
                default: nil
                }
            self = .trade(
                TradeMessage(
                    version: version, price: price, size: size, aggressor: aggressor,
                    tradeID: value["trade_id"]?.string))
        default:
            guard let stats = StatsMessage(version, value) else { return nil }
            self = .stats(stats)
        }
    }

    private init?(gap value: JSONValue) {
        guard let symbol = value["sym"]?.string, let channel = value["channel"]?.string,
            let from = value.unsigned("from"), let to = value.unsigned("to")
        else { return nil }
        self = .gap(
            symbol: symbol, channel: channel, from: from, to: to, reason: value["reason"]?.string ?? "")
    }

    private init?(session type: String, _ value: JSONValue) {
        switch type {
        case "welcome":
            guard let epoch = value["epoch"]?.string, let beat = value["heartbeat_ms"]?.integer else {
                return nil
            }
            self = .welcome(
                epoch: epoch, server: value["server"]?.string ?? "",
                heartbeat: .milliseconds(Int(clamping: beat)))
        case "heartbeat":
            guard let lag = value["lag_ms"]?.integer, let buffered = value["buffered"]?.integer,
                let merged = value.unsigned("merged")
            else { return nil }
            self = .heartbeat(
                lag: .milliseconds(Int(clamping: lag)), buffered: Int(clamping: buffered), merged: merged)
        default:
            guard let code = value["code"]?.string else { return nil }
            let after = value["reconnect_after_ms"]?.integer
            self = .goodbye(code: code, reconnectAfter: after.map { .milliseconds(Int(clamping: $0)) })
        }
    }

    private init?(answer type: String, _ value: JSONValue) {
        let id = MessageID(answer: value["id"])
        switch type {
        case "ack":
            let refused = (value["refused"]?.array ?? []).map {
                Refusal(symbol: $0["symbol"]?.string ?? "", code: $0["code"]?.string ?? "")
            }
            let symbols = (value["symbols"]?.array ?? []).compactMap(\.string)
            self = .ack(id: id, symbols: symbols, refused: refused)
        case "pong": self = .pong(id: id)
        case "subscriptions":
            self = .subscriptions(
                (value["subscriptions"]?.array ?? []).compactMap { $0["symbol"]?.string })
        default:
            guard let code = value["code"]?.string else { return nil }
            self = .error(id: id, code: code, message: value["message"]?.string ?? "")
        }
    }
}

extension MessageID {
    fileprivate init?(answer value: JSONValue?) {
        if let text = value?.string {
            self = .text(text)
        } else if let number = value?.integer {
            self = .number(number)
        } else {
            return nil
        }
    }
}

extension Version {
    fileprivate init?(_ value: JSONValue) {
        guard let symbol = value["sym"]?.string, let sequence = value.unsigned("seq"),
            let previous = value.unsigned("prev"), let time = value["ts"]?.integer
        else { return nil }
        self.init(
            symbol: symbol, sequence: sequence, previous: previous,
            isSnapshot: value["snap"]?.bool ?? false, time: Timestamp(raw: time),
            sent: value["sent"]?.integer.map(Timestamp.init(raw:)))
    }
}

extension StatsMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let open = value.price("open"), let high = value.price("high"),
            let low = value.price("low"), let last = value.price("last"),
            let change = value.price("change"), let count = value.unsigned("count"),
            let volume = value["volume"]?.decimal(Quantity.decimals)
        else { return nil }
        self.init(
            version: version, open: open, high: high, low: low, last: last, change: change,
            volumeE8: volume, vwap: value.price("vwap"), count: count)
    }
}

extension JSONValue {
    fileprivate func price(_ name: String) -> Price? {
        self[name]?.decimal(Price.decimals).map(Price.init(e9:))
    }
    fileprivate func quantity(_ name: String) -> Quantity? {
        self[name]?.decimal(Quantity.decimals).map(Quantity.init(e8:))
    }
    fileprivate func unsigned(_ name: String) -> UInt64? { self[name]?.number.flatMap { UInt64($0) } }
}
