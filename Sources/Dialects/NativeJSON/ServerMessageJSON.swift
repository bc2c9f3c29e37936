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
        case "quote", "trade", "book", "bar", "stats", "status": self.init(data: type, value)
        case "gap": self.init(gap: value)
        case "welcome", "heartbeat", "epoch", "goodbye", "expiring": self.init(session: type, value)
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
        case "trade" where value["broken"] != nil:
            guard let broken = BreakMessage(version, value) else { return nil }
            self = .broken(broken)
        case "trade":
            guard let trade = TradeMessage(version, value) else { return nil }
            self = .trade(trade)
        case "book":
            guard let book = BookMessage(version, value) else { return nil }
            self = .book(book)
        case "bar":
            guard let bar = BarMessage(version, value) else { return nil }
            self = .bar(bar)
        case "status":
            guard let market = value["market"]?.string, let feed = value["feed"]?.string,
                let reason = value["reason"]?.string
            else { return nil }
            self = .status(StatusMessage(version: version, market: market, feed: feed, reason: reason))
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
            GapMessage(
                symbol: symbol, channel: channel, interval: value.interval, from: from, to: to,
                reason: value["reason"]?.string ?? ""))
    }

    private init?(session type: String, _ value: JSONValue) {
        switch type {
        case "welcome":
            guard let welcome = WelcomeMessage(value) else { return nil }
            self = .welcome(welcome)
        case "heartbeat":
            guard let heartbeat = HeartbeatMessage(value) else { return nil }
            self = .heartbeat(heartbeat)
        case "epoch":
            guard let epoch = value["epoch"]?.string else { return nil }
            self = .epoch(epoch, reason: value["reason"]?.string ?? "")
        case "expiring":
            guard let end = value["expires"]?.integer else { return nil }
            self = .expiring(at: Timestamp(raw: end))
        default:
            guard let code = value["code"]?.string else { return nil }
            self = .goodbye(code: code, reconnectAfter: value.milliseconds("reconnect_after_ms"))
        }
    }

    private init?(answer type: String, _ value: JSONValue) {
        let id = MessageID(answer: value["id"])
        switch type {
        case "ack": self = .ack(AckMessage(id, value))
        case "pong": self = .pong(id: id, time: value["ts"]?.integer.map(Timestamp.init(raw:)))
        case "subscriptions":
            self = .subscriptions(
                (value["subscriptions"]?.array ?? []).compactMap { $0["symbol"]?.string })
        default:
            guard let code = value["code"]?.string else { return nil }
            self = .error(id: id, code: code, message: value["message"]?.string ?? "")
        }
    }
}

extension WelcomeMessage {
    fileprivate init?(_ value: JSONValue) {
        guard let epoch = value["epoch"]?.string, let beat = value.milliseconds("heartbeat_ms") else {
            return nil
        }
        let clock = value["clock"]
        self.init(
            epoch: epoch, server: value["server"]?.string ?? "", heartbeat: beat,
            clockMode: clock?["mode"]?.string ?? "", clockSpeedMilli: clock?["speed"]?.decimal(3))
    }
}

extension AckMessage {
    fileprivate init(_ id: MessageID?, _ value: JSONValue) {
        let refused = (value["refused"]?.array ?? []).map {
            ServerMessage.Refusal(symbol: $0["symbol"]?.string ?? "", code: $0["code"]?.string ?? "")
        }
        self.init(
            id: id, channel: value["channel"]?.string.flatMap { Channel(named: $0) },
            rate: value["rate"].flatMap { Rate($0) },
            symbols: (value["symbols"]?.array ?? []).compactMap(\.string), refused: refused,
            resumed: value["resumed"]?.bool, resume: value["resume"]?.string.flatMap { Cursor($0) })
    }
}

extension HeartbeatMessage {
    fileprivate init?(_ value: JSONValue) {
        guard let time = value["ts"]?.integer, let lag = value.milliseconds("lag_ms"),
            let buffered = value["buffered"]?.integer, let merged = value.unsigned("merged")
        else { return nil }
        let rates = value["rates"]
        self.init(
            time: Timestamp(raw: time), lag: lag, buffered: Int(clamping: buffered), merged: merged,
            askedMilli: rates?["asked"]?.decimal(3), sentTenths: rates?["sent"]?.decimal(1) ?? 0,
            resume: value["resume"]?.string.flatMap { Cursor($0) })
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
            received: value["recv"]?.integer.map(Timestamp.init(raw:)),
            sent: value["sent"]?.integer.map(Timestamp.init(raw:)))
    }
}

extension TradeMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let price = value.price("price"), let size = value.quantity("size") else { return nil }
        let aggressor: Side? =
            switch value["side"]?.string {
            case "buy": .bid
            case "sell": .ask
            default: nil
            }
        var merged: Merged?
        if value["count"] != nil {
            guard let count = value.unsigned("count"), let high = value.price("high"),
                let low = value.price("low")
            else { return nil }
            merged = Merged(count: count, high: high, low: low)
        }
        self.init(
            version: version, price: price, size: size, aggressor: aggressor,
            tradeID: value["trade_id"]?.string, merged: merged)
    }
}

extension BreakMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let id = value["broken"]?.string else { return nil }
        let price = value.price("price"), size = value.quantity("size")
        guard (price == nil) == (size == nil) else { return nil }
        self.init(version: version, tradeID: id, price: price, size: size)
    }
}

extension BookMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let bids = BookMessage.levels(value["bids"]), let asks = BookMessage.levels(value["asks"])
        else { return nil }
        var crc: UInt32?
        if let sum = value["crc"] {
            crc = sum.number.flatMap { UInt32($0) }
            guard crc != nil else { return nil }
        }
        self.init(
            version: version, bids: bids, asks: asks, crc: crc,
            isCrossed: value["crossed"]?.bool ?? false)
    }

    /// Nil unless each level is an array of a price and a size; what follows them is of later versions.
    private static func levels(_ value: JSONValue?) -> [Level]? {
        guard let texts = value?.array else { return nil }
        var levels: [Level] = []
        levels.reserveCapacity(texts.count)
        for text in texts {
            guard let pair = text.array, pair.count >= 2, let price = pair[0].decimal(Price.decimals),
                let size = pair[1].decimal(Quantity.decimals)
            else { return nil }
            levels.append(Level(price: Price(e9: price), size: Quantity(e8: size)))
        }
        return levels
    }
}

extension BarMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let interval = value.interval, let start = value["start"]?.integer,
            let open = value.price("open"),
            let high = value.price("high"), let low = value.price("low"),
            let close = value.price("close"), let volume = value["volume"], volume.number != nil,
            let count = value.unsigned("count"), let isClosed = value["closed"]?.bool
        else { return nil }
        self.init(
            version: version, interval: interval, start: Timestamp(raw: start), open: open, high: high,
            low: low, close: close, volumeE8: volume.decimal(Quantity.decimals),
            vwap: value.price("vwap"), count: count, isClosed: isClosed)
    }
}

extension StatsMessage {
    fileprivate init?(_ version: Version, _ value: JSONValue) {
        guard let open = value.price("open"), let high = value.price("high"),
            let low = value.price("low"), let last = value.price("last"),
            let change = value.price("change"), let count = value.unsigned("count"),
            let volume = value["volume"], volume.number != nil
        else { return nil }
        self.init(
            version: version, open: open, high: high, low: low, last: last, change: change,
            volumeE8: volume.decimal(Quantity.decimals), vwap: value.price("vwap"), count: count)
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
    /// Nothing that is added to it overflows: a day at most, and never less than nothing.
    fileprivate func milliseconds(_ name: String) -> Nanoseconds? {
        self[name]?.integer.map { .milliseconds(Int(min(max($0, 0), 86_400_000))) }
    }
    fileprivate var interval: BarInterval? {
        let name = self["interval"]?.string
        return BarInterval.allCases.first { "\($0.name)" == name }
    }
}
