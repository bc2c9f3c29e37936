// The truth about the connection: how it stands, what it was asked for and what it brings.
import Basics
import Dialects

public struct Connection: Hashable, Sendable {
    public internal(set) var state = State.connecting
    public internal(set) var since = Instant.zero
    public internal(set) var server = ""
    /// `sim` or `replay`, with its speed; empty before the server said so.
    public internal(set) var clock = ""
    public internal(set) var epoch = ""
    /// Updates a second of all subscriptions together, as the server sums them up; nil: without limit.
    public internal(set) var askedMilli: Int64?
    public internal(set) var sentMilli: Int64 = 0
    /// Versions the server merged into newer ones since the connection began.
    public internal(set) var merged: UInt64 = 0
    /// How long the server has had something that our socket does not take.
    public internal(set) var lag = Nanoseconds.zero
    public internal(set) var roundTrip: Nanoseconds?
    /// The server's clock less ours, as pings tell.
    public internal(set) var offset: Nanoseconds?
    public internal(set) var messages: UInt64 = 0
    /// Messages whose `prev` did not continue the chain: something was lost and nobody said so.
    public internal(set) var breaks: UInt64 = 0
    /// Versions that the server declared lost.
    public internal(set) var declaredLost: UInt64 = 0
    public internal(set) var unreadable: UInt64 = 0
    /// How often it broke, and for how long the last time.
    public internal(set) var outages = 0
    public internal(set) var lastOutage: Outage?

    public enum State: Hashable, Sendable {
        case connecting
        case live
        case broken(reason: String, retry: Instant)
        /// A recording is played, and no server is there.
        case replaying
    }

    /// What a break cost, once it is over.
    public struct Outage: Hashable, Sendable {
        public var began: Instant
        public var length: Nanoseconds
        /// The server went on from where we were: nothing is missing but what it declares.
        public var isResumed = false
        public var lost: UInt64 = 0
        /// Versions that went by meanwhile, as far as states tell: they were replaced by newer ones.
        public var skipped: UInt64 = 0
    }

    public var isLive: Bool { state == .live || state == .replaying }
    public init() {}
}
