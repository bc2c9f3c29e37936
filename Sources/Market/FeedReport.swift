// What ingest says about itself to whoever asks: for `/readyz`, `/metrics` and the welcome.
import Basics

/// How event times relate to the clock on the wall.
public enum FeedClock: UInt8, Sendable, CaseIterable {
    case live = 0
    case replay = 1
    case simulated = 2

    /// The word of the protocol.
    public var name: String {
        switch self {
        case .live: "live"
        case .replay: "replay"
        case .simulated: "sim"
        }
    }
}

/// A feed in figures, as of a moment ago.
public struct FeedReport: Hashable, Sendable {
    /// What `welcome` says of the feed's times.
    public var clock: FeedClock
    /// The factor of a replay in thousandths; nil when unpaced.
    public var speedMilli: Int64?
    /// What is read, for people.
    public var source: String
    /// Of the source, those refused included.
    public var messages: UInt64 = 0
    /// On the tape.
    public var ticks: UInt64 = 0
    /// Of all kinds together.
    public var anomalies: UInt64 = 0
    /// Every kind there is, also those that never happened.
    public var anomaliesByKind: [Anomaly] = []
    /// Times the source was played to its end.
    public var rounds: UInt64 = 0
    /// Nothing comes any more.
    public var hasEnded = false
    /// Why the source can't be read any further, if it can't.
    public var fault: String?

    /// How often a source did one of the things that it should not.
    public struct Anomaly: Hashable, Sendable {
        /// As metrics have it.
        public let name: String
        /// Since the start.
        public let count: UInt64

        /// One kind.
        public init(_ name: String, _ count: UInt64) {
            self.name = name
            self.count = count
        }
    }

    /// Of a feed that has not begun.
    public init(clock: FeedClock, speedMilli: Int64?, source: String) {
        self.clock = clock
        self.speedMilli = speedMilli
        self.source = source
    }
}

extension Moment {
    /// A number for a feed's life that begins now: later starts have higher ones, and 0 is none.
    public var newEpoch: UInt32 { UInt32(truncatingIfNeeded: wall.raw >> 20) | 1 }
}
