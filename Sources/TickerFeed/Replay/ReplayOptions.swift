// How a source is played: how fast, from where to where, and in whose time.
import Basics
import Market

/// How `Ingest` plays a feed.
public struct ReplayOptions: Hashable, Sendable {
    /// Of a recording, its own speed; a source that is alive wants `.live`.
    public var pace = Pace.recorded(.recorded)
    /// The first time that is played; an offset counts from the source's first event. What was before is
    /// in the books.
    public var from: ReplayTarget?
    /// The first time that is not.
    public var to: ReplayTarget?
    /// At the end, begins again.
    public var loops = false
    /// The longest silence that is kept, by the source's clock; nil keeps all.
    public var gapMax: Nanoseconds?
    /// Times are shifted, so that what is played first happens now.
    public var retimes = false
    /// Nil: all.
    public var symbols: Set<SymbolName>?

    /// Plays all of it, as it was.
    public init(pace: Pace = .recorded(.recorded), loops: Bool = false) {
        self.pace = pace
        self.loops = loops
    }
}
