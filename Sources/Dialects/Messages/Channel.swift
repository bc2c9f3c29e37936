// The words of the native protocol: channels, modes, rates, error codes.
import Basics

/// What can be subscribed to.
public enum Channel: UInt8, Hashable, Sendable, CaseIterable {
    case quote
    case trade
    case book
    case bar
    case stats
    case status

    public var name: StaticString {
        switch self {
        case .quote: "quote"
        case .trade: "trade"
        case .book: "book"
        case .bar: "bar"
        case .stats: "stats"
        case .status: "status"
        }
    }

    public init?(named name: String) {
        guard let channel = Channel.allCases.first(where: { "\($0.name)" == name }) else { return nil }
        self = channel
    }
}

/// How often a subscription may be sent a symbol's update.
public enum Rate: Hashable, Sendable {
    /// Every change the socket can take.
    case max
    /// Updates in a thousand seconds: 10 a second is 10_000, 0.1 is 100.
    case perThousandSeconds(Int)

    public static let standard = Rate.perThousandSeconds(10_000)
    static let allowed = 100...1_000_000

    /// Nil unless `value` is "max" or a number from 0.1 to 1000 with at most three decimals.
    public init?(_ value: JSONValue) {
        if value.string == "max" {
            self = .max
        } else if let milli = value.decimal(3), Rate.allowed.contains(Int(milli)) {
            self = .perThousandSeconds(Int(milli))
        } else {
            return nil
        }
    }

    /// The time between two updates, rounded up so that the rate is never exceeded; zero for `max`.
    public var interval: Nanoseconds {
        switch self {
        case .max: .zero
        case .perThousandSeconds(let n): Nanoseconds(raw: (1_000_000_000_000 + Int64(n) - 1) / Int64(n))
        }
    }

    public func write(to pen: inout Pen) {
        switch self {
        case .max: pen.literal("\"max\"")
        case .perThousandSeconds(let n): pen.decimal(Int64(n), decimals: 3)
        }
    }
}

/// What `rate` means for trades.
public enum TradeMode: UInt8, Hashable, Sendable {
    /// Each trade is delivered, or declared lost by a `gap`.
    case every
    /// The last trade; those merged into it are added up.
    case latest
}

/// Why a message, or a part of it, was refused. The list is closed: clients switch over it.
public enum ErrorCode: String, Hashable, Sendable, CaseIterable {
    case badJSON = "bad_json"
    case badRequest = "bad_request"
    case unknownOp = "unknown_op"
    case unknownChannel = "unknown_channel"
    case unknownSymbol = "unknown_symbol"
    case badSymbol = "bad_symbol"
    case badRate = "bad_rate"
    case badDepth = "bad_depth"
    case notSubscribed = "not_subscribed"
    case limitSymbols = "limit_symbols"
    case limitRate = "limit_rate"
    case unauthenticated
    case forbidden
    case `internal`
}
