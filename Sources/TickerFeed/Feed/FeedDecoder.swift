// What a format has to do: bytes in, calls of the builder out. And what is known of it before.
//
// Invariants
//   - A decoder owns no I/O and no clock. How its bytes and its calls are cut changes nothing.
//   - Sizes in the data never size an allocation; what is held back is bounded.
import Basics
import Market

/// A format's cursor over an input.
package protocol FeedDecoder: AnyObject {
    /// The format's name and what else tells the input from others: `ITCH 5.0 of 2020-01-30`.
    var description: String { get }
    /// In which units the format's golden results count.
    var scale: FeedScale { get }
    /// Where the format's own times count from: midnight, or 1970.
    var timeZero: Timestamp { get }
    /// What came so far, by the source's own names: `types.A`, `events.depthUpdate`.
    var counts: [FeedCount] { get }
    /// Numbers of messages that were lost on the way; nil where the source has no numbers.
    var missingNumbers: [Range<UInt64>]? { get }
    /// The input ended by a mark of its own and not just by its last byte.
    var isAtEndMarker: Bool { get }

    /// Plays events with a time <= `time`, at most `limit` of them; a rejected message is one. Also
    /// stops where the builder's turn is full (`isTurnFull`). Up to `Timestamp(raw: .min)` it only looks.
    ///
    /// - Parameters:
    ///   - bytes: what is unread, from where the last call stopped consuming.
    ///   - offset: where `bytes` begins in the input, for complaints.
    ///   - isLast: nothing follows `bytes`.
    func play(
        _ bytes: RawSpan, at offset: Int, isLast: Bool, upTo time: Timestamp, limit: Int,
        received: Timestamp, into builder: inout BookBuilder
    ) -> FeedProgress

    /// Back to the first byte: forgets all but what it was made with.
    func reset()
}

extension FeedDecoder {
    package var timeZero: Timestamp { .zero }
    package var missingNumbers: [Range<UInt64>]? { nil }
    package var isAtEndMarker: Bool { false }
}

package struct FeedProgress: Hashable, Sendable {
    package enum Next: Hashable, Sendable {
        /// The next event's time. It may lie before that of the last one.
        case due(Timestamp)
        /// What is there is too little. Never where nothing follows.
        case needsBytes
        case end
        case failed(FeedFault)
    }
    /// Bytes that are done with.
    package var consumed: Int
    package var played: Int
    package var next: Next

    package init(consumed: Int, played: Int, next: Next) {
        self.consumed = consumed
        self.played = played
        self.next = next
    }
}

/// How often something came.
public struct FeedCount: Hashable, Sendable {
    /// `types.A`, `events.depthUpdate`.
    public let name: String
    /// Since the input's beginning.
    public var count: UInt64

    /// A count by its name.
    public init(_ name: String, _ count: UInt64) {
        self.name = name
        self.count = count
    }
}

/// Units of a format's golden results, in those of `Price` (1e-9) and `Quantity` (1e-8).
package struct FeedScale: Hashable, Sendable {
    package let priceE9: Int64
    package let sizeE8: Int64

    /// Prices of four decimals, whole shares.
    package static let shares = FeedScale(priceE9: 100_000, sizeE8: 100_000_000)
    /// Decimals of eight places.
    package static let decimals = FeedScale(priceE9: 10, sizeE8: 1)
}

/// What an input's bytes don't say.
public struct FeedOptions: Sendable {
    /// The file's name: dates and symbols may be in it.
    public var path: String
    /// The trading day, where the file's name has none.
    public var date: CalendarDate?
    /// The instrument, where the format names none.
    public var symbol: SymbolName?
    /// The first row of LOBSTER's order book file: what rested before its first message.
    public var bookRow: [UInt8]?

    /// Nil leaves it to the file's name, or to the format.
    public init(
        path: String, date: CalendarDate? = nil, symbol: SymbolName? = nil, bookRow: [UInt8]? = nil
    ) {
        self.path = path
        self.date = date
        self.symbol = symbol
        self.bookRow = bookRow
    }
}

/// A format as the door knows it.
package struct FeedFormat: Sendable {
    /// How people call it.
    package let name: String
    /// Whether an input that begins with `head`, up to 4 KiB, is of this format. `path` decides only
    /// where the bytes can't: an empty file.
    package let recognise: @Sendable (_ head: RawSpan, _ path: String) -> Bool
    package let make: @Sendable (FeedOptions) throws(FeedError) -> any FeedDecoder

    package init(
        name: String, recognise: @escaping @Sendable (_ head: RawSpan, _ path: String) -> Bool,
        make: @escaping @Sendable (FeedOptions) throws(FeedError) -> any FeedDecoder
    ) {
        self.name = name
        self.recognise = recognise
        self.make = make
    }
}
