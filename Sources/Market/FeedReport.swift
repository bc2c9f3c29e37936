// What ingest says about itself to whoever asks: for `/readyz`, `/metrics` and the welcome.
import Basics

public struct FeedReport: Hashable, Sendable {
    /// `live`, `replay` or `sim`: how event times relate to the clock on the wall.
    public var clock: String
    /// The factor of a replay in thousandths; nil when unpaced.
    public var speedMilli: Int64?
    /// What is read, for people.
    public var source: String
    public var messages: UInt64 = 0
    public var ticks: UInt64 = 0
    public var anomalies: UInt64 = 0
    /// Every kind there is, also those that never happened.
    public var anomaliesByKind: [Anomaly] = []
    /// Times the source was played to its end.
    public var rounds: UInt64 = 0
    public var hasEnded = false
    /// Why the source can't be read any further, if it can't.
    public var fault: String?

    /// How often a source did one of the things that it should not.
    public struct Anomaly: Hashable, Sendable {
        public let name: String
        public let count: UInt64

        public init(_ name: String, _ count: UInt64) {
            self.name = name
            self.count = count
        }
    }

    public init(clock: String, speedMilli: Int64?, source: String) {
        self.clock = clock
        self.speedMilli = speedMilli
        self.source = source
    }
}
