// Whether a symbol trades, and why not.

/// The market's word on a symbol.
public enum MarketState: UInt8, Hashable, Sendable, CaseIterable {
    case closed = 0
    case trading = 1
    case halted = 2
    case paused = 3
    case auction = 4

    /// The word of the protocol.
    public var name: StaticString {
        switch self {
        case .closed: "closed"
        case .trading: "trading"
        case .halted: "halted"
        case .paused: "paused"
        case .auction: "auction"
        }
    }
}

/// How far what the feed says of a symbol can be trusted.
public enum FeedState: UInt8, Hashable, Sendable, CaseIterable {
    case live = 0
    /// Less is heard than usual.
    case quiet = 1
    /// Nothing is heard where something should be.
    case stale = 2
    /// A gap in the source has not been mended.
    case suspect = 3

    /// The word of the protocol.
    public var name: StaticString {
        switch self {
        case .live: "live"
        case .quiet: "quiet"
        case .stale: "stale"
        case .suspect: "suspect"
        }
    }
}

/// A state with the exchange's reason: up to four characters, spaces dropped (`LUDP`, `T1`).
public struct MarketStatus: Hashable, Sendable {
    /// What the market does.
    public let state: MarketState
    /// Four ASCII bytes, first in the high byte; spaces and zeros are padding.
    public let reason: UInt32

    /// `reason` 0: none.
    public init(_ state: MarketState, reason: UInt32 = 0) {
        self.state = state
        self.reason = reason
    }

    /// As it goes into `Tick.aux`.
    public var packed: UInt64 { UInt64(reason) << 8 | UInt64(state.rawValue) }
    /// What `packed` gave; an unknown state is closed.
    public init(packed: UInt64) {
        state = MarketState(rawValue: UInt8(truncatingIfNeeded: packed)) ?? .closed
        reason = UInt32(truncatingIfNeeded: packed >> 8)
    }

    /// The reason's letters, and how many there are. Allocates nothing.
    public var letters: (bytes: [4 of UInt8], count: Int) {
        var letters: [4 of UInt8] = [0, 0, 0, 0], count = 0
        for place in 0..<4 {
            let letter = UInt8(truncatingIfNeeded: reason >> UInt32(24 - place * 8))
            guard letter > 0x20 && letter < 0x7f else { continue }
            letters[count] = letter
            count += 1
        }
        return (letters, count)
    }

    /// The letters; empty: no reason.
    public var reasonText: String {
        let (bytes, count) = letters
        return String(decoding: (0..<count).map { bytes[$0] }, as: UTF8.self)
    }
}

/// Both words on a symbol: what the market does, and how far the feed can be trusted.
public struct SymbolStatus: Hashable, Sendable {
    /// What the market does with the symbol.
    public var market: MarketStatus
    /// How far the feed is to be believed.
    public var feed: FeedState

    /// Both words.
    public init(_ market: MarketStatus, _ feed: FeedState = .live) {
        self.market = market
        self.feed = feed
    }

    /// As it goes into `Tick.aux`: the market's word in the low 40 bits, the feed's above.
    public var packed: UInt64 { market.packed | UInt64(feed.rawValue) << 40 }
    /// What `packed` gave.
    public init(packed: UInt64) {
        market = MarketStatus(packed: packed)
        feed = FeedState(rawValue: UInt8(truncatingIfNeeded: packed >> 40)) ?? .live
    }
}
