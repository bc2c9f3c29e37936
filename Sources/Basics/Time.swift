// Time in three types that cannot be mixed up: a span, a reading of the monotonic clock, a date.
//
// Nothing below the doors reads a clock. A caller passes a `Moment`, so that a simulated day runs
// in a second and twice alike.
import CLinux

/// A span of time in nanoseconds.
public struct Nanoseconds: Hashable, Comparable, Sendable {
    /// Nanoseconds.
    public let raw: Int64
    /// From nanoseconds.
    @inlinable public init(raw: Int64) { self.raw = raw }

    public static let zero = Nanoseconds(raw: 0)
    /// At most 292 years, as with the others: more traps.
    @inlinable public static func microseconds(_ n: Int) -> Self { Self(raw: Int64(n) * 1_000) }
    /// So many milliseconds.
    @inlinable public static func milliseconds(_ n: Int) -> Self { Self(raw: Int64(n) * 1_000_000) }
    /// So many seconds.
    @inlinable public static func seconds(_ n: Int) -> Self { Self(raw: Int64(n) * 1_000_000_000) }

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
    @inlinable public static func + (a: Self, b: Self) -> Self { Self(raw: a.raw + b.raw) }
    @inlinable public static func - (a: Self, b: Self) -> Self { Self(raw: a.raw - b.raw) }
    @inlinable public static func * (a: Self, n: Int) -> Self { Self(raw: a.raw * Int64(n)) }

    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 { raw / 1_000_000 }
}

/// A reading of the monotonic clock. Deadlines, phases and ages are counted in it.
public struct Instant: Hashable, Comparable, Sendable {
    /// Nanoseconds since the machine started, or whatever the clock counts from.
    public let raw: Int64
    /// From nanoseconds.
    @inlinable public init(raw: Int64) { self.raw = raw }

    public static let zero = Instant(raw: 0)
    /// Later than anything that happens.
    public static let never = Instant(raw: .max)

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
    @inlinable public static func + (a: Self, span: Nanoseconds) -> Self {
        // A deadline that is switched off stays switched off.
        let (sum, overflow) = a.raw.addingReportingOverflow(span.raw)
        return overflow ? .never : Self(raw: sum)
    }
    @inlinable public static func - (a: Self, b: Self) -> Nanoseconds {
        Nanoseconds(raw: a.raw - b.raw)
    }
}

/// A point in calendar time: nanoseconds since 1970-01-01 00:00 UTC.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Nanoseconds since 1970.
    public let raw: Int64
    /// From nanoseconds since 1970.
    @inlinable public init(raw: Int64) { self.raw = raw }

    public static let zero = Timestamp(raw: 0)

    @inlinable public static func < (a: Self, b: Self) -> Bool { a.raw < b.raw }
    @inlinable public static func + (a: Self, span: Nanoseconds) -> Self {
        Self(raw: a.raw &+ span.raw)
    }
    @inlinable public static func - (a: Self, b: Self) -> Nanoseconds {
        Nanoseconds(raw: a.raw &- b.raw)
    }
}

/// One look at both clocks: what "now" is for a turn of a loop.
public struct Moment: Hashable, Sendable {
    /// For spans and deadlines.
    public let instant: Instant
    /// For dates.
    public let wall: Timestamp
    /// A clock of one's own, in tests.
    public init(instant: Instant, wall: Timestamp) {
        self.instant = instant
        self.wall = wall
    }

    /// The machine's clocks. For doors and their threads; everything else is handed a `Moment`.
    public static func read() -> Moment {
        Moment(instant: Instant(raw: clock(CLOCK_MONOTONIC)), wall: Timestamp(raw: clock(CLOCK_REALTIME)))
    }

    private static func clock(_ id: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(id, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
