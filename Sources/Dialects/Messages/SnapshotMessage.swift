// One symbol's state as `GET /v1/snapshot/AAPL` tells it, for whoever compares it with a stream.
import Basics
import Market

/// States as messages: each with its `seq`, `prev` 0 and `snap`. What a token hides, or has not happened
/// yet, is nil.
public struct SnapshotMessage: Hashable, Sendable {
    public var symbol: String
    public var epoch: String
    public var quote: QuoteMessage?
    /// Levels best first.
    public var book: BookMessage?
    public var trade: TradeMessage?
    /// Without a time.
    public var stats: StatsMessage?

    public init(json bytes: UnsafeRawBufferPointer) throws(ServerMessageError) {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, depthMax: ServerMessage.depthMax)
        } catch {
            throw ServerMessageError(description: "not JSON: \(error.reason) at byte \(error.offset)")
        }
        guard value["type"]?.string == "snapshot", let symbol = value["sym"]?.string,
            let epoch = value["epoch"]?.string
        else { throw ServerMessageError(description: "no snapshot") }
        self.symbol = symbol
        self.epoch = epoch
        guard
            let quote = SnapshotMessage.part(
                "quote", value, symbol,
                { version, value in
                    QuoteMessage(
                        version: version, bid: value.price("bid"), bidSize: value.quantity("bid_size"),
                        ask: value.price("ask"), askSize: value.quantity("ask_size"),
                        isCrossed: value["crossed"]?.bool ?? false)
                }), let book = SnapshotMessage.part("book", value, symbol, { BookMessage($0, $1) }),
            let trade = SnapshotMessage.part("trade", value, symbol, { TradeMessage($0, $1) }),
            let stats = SnapshotMessage.part("stats", value, symbol, { StatsMessage($0, $1) })
        else { throw ServerMessageError(description: "a snapshot lacks a field") }
        (self.quote, self.book, self.trade, self.stats) = (quote, book, trade, stats)
    }

    /// Nil where it is there and not as it should be.
    private static func part<Message>(
        _ name: String, _ value: JSONValue, _ symbol: String, _ read: (Version, JSONValue) -> Message?
    ) -> Message?? {
        guard let part = value[name], part != .null else { return .some(nil) }
        guard let sequence = part.unsigned("seq") else { return nil }
        let version = Version(
            symbol: symbol, sequence: sequence, previous: 0, isSnapshot: true,
            time: Timestamp(raw: part["ts"]?.integer ?? 0))
        guard let message = read(version, part) else { return nil }
        return .some(message)
    }
}
