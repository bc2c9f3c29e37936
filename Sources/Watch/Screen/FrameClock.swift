// When a frame is due: at once after a quiet time, then at most thirty times a second.
//
//     changes   a··bcd·······e      interval ───; what changes within one is one frame
//     frames    a···d········e
//
// Invariants
//   - Between two frames is an interval or more.
//   - What changed is in a frame an interval later at most, if the caller comes when `due` says.
import Basics

public struct FrameClock: Sendable {
    /// Thirty frames a second, rounded so that there are never thirty-one.
    public static let interval = Nanoseconds(raw: 33_333_334)
    private var earliest = Instant.zero
    private var hasChanged = false

    public init() {}

    /// Something that is shown has changed.
    public mutating func change() { hasChanged = true }

    /// When to come back for a frame; nil where nothing has changed.
    public var due: Instant? { hasChanged ? earliest : nil }

    /// Whether to draw a frame now, which is then taken as drawn.
    public mutating func take(_ now: Instant) -> Bool {
        guard hasChanged, now >= earliest else { return false }
        hasChanged = false
        earliest = now + FrameClock.interval
        return true
    }
}
