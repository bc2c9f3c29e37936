// The server's log: what happened, for whoever runs it, a line each on standard error.
//
// Invariants
//   - Nothing on the way of data logs. A line may lock and allocate; a level that is off costs a look.
//   - What clients can provoke is bounded: an event has `burst` lines and earns one back every
//     `interval`; how many were held back is said with the next one, or by `sayHeldBack`.
//   - A reader that does not read costs lines, which are counted, and never makes a loop wait.
import CLinux
import Synchronization

public final class Log: Sendable {
    /// Lines of one event that may come at once, and the time in which one more is earned.
    static let burst = 20
    static let interval = Nanoseconds.milliseconds(500)

    private let threshold: Atomic<Int>
    private let isJSON: Atomic<Bool>
    private let clock: @Sendable () -> Moment
    private let sink: @Sendable ([UInt8]) -> Bool
    private let state = Mutex(State())

    private struct State {
        var buckets: [String: Bucket] = [:]
        /// Lines that nobody took.
        var lost: UInt64 = 0
        var lostSinceSaid: UInt64 = 0
    }

    /// - Parameters:
    ///   - clock: read for each line.
    ///   - sink: takes one whole line; false when nobody takes it.
    public init(
        level: LogLevel = .info, format: LogFormat = .text, clock: @escaping @Sendable () -> Moment,
        sink: @escaping @Sendable ([UInt8]) -> Bool
    ) {
        threshold = Atomic(level.rawValue)
        isJSON = Atomic(format == .json)
        self.clock = clock
        self.sink = sink
    }

    /// For tests and benchmarks: says nothing.
    public static let none = Log(level: .error, clock: { Moment.nowhere }, sink: { _ in true })

    /// On a descriptor, one write(2) a line.
    public static func onto(
        _ descriptor: Int32, clock: @escaping @Sendable () -> Moment
    ) -> Log {
        // On a terminal a bar may stand where the line is to go.
        let before: [UInt8] = isatty(descriptor) == 1 ? Array("\r\u{1b}[K".utf8) : []
        return Log(clock: clock) { line in
            let line = before.isEmpty ? line : before + line
            // Room for a page at least, or the line is lost: a full pipe must not stop a loop.
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            guard poll(&waiting, 1, 0) == 1, waiting.revents & Int16(POLLOUT) != 0 else { return false }
            return line.withUnsafeBytes { CLinux.write(descriptor, $0.baseAddress, $0.count) } == line.count
        }
    }

    /// From any thread, for all lines from now on.
    public func change(level: LogLevel, format: LogFormat) {
        threshold.store(level.rawValue, ordering: .relaxed)
        isJSON.store(format == .json, ordering: .relaxed)
    }

    @inline(__always)
    public func isOn(_ level: LogLevel) -> Bool {
        level.rawValue <= threshold.load(ordering: .relaxed)
    }

    /// What the server did by itself, or was told to: every line is written.
    public func write(_ level: LogLevel, _ event: StaticString, _ fields: @autoclosure () -> LogFields = [:])
    {
        guard isOn(level) else { return }
        put(level, event, fields(), now: clock())
    }

    /// What a client can bring about: at most so many lines.
    ///
    /// - Parameter kind: what is counted together, where it is less than the event.
    public func bounded(
        _ level: LogLevel, _ event: StaticString, kind: String = "",
        _ fields: @autoclosure () -> LogFields
    ) {
        guard isOn(level) else { return }
        let now = clock(), key = kind.isEmpty ? "\(event)" : "\(event) \(kind)"
        let heldBack = state.withLock { $0.buckets[key, default: Bucket(now.instant)].take(now.instant) }
        guard let heldBack else { return }
        put(level, event, fields(), heldBack: heldBack, now: now)
    }

    /// Says of each event how many lines were held back since its last one. Once in a while.
    public func sayHeldBack() {
        let now = clock()
        let events = state.withLock { state in
            state.buckets.keys.sorted().compactMap { key -> (String, UInt64)? in
                let count = state.buckets[key]?.settle(now.instant) ?? 0
                return count == 0 ? nil : (key, count)
            }
        }
        for (key, count) in events {
            write(.info, "held_back", ["lines_of": .text(key), "and_more": LogValue(count)])
        }
    }

    /// Lines that could not be written.
    public var lost: UInt64 { state.withLock { $0.lost } }

    private func put(
        _ level: LogLevel, _ event: StaticString, _ fields: LogFields, heldBack: UInt64 = 0, now: Moment
    ) {
        let format: LogFormat = isJSON.load(ordering: .relaxed) ? .json : .text
        // Under the lock, so that lines stand in the order of their times.
        state.withLock { state in
            var line = LogLine(level, event, at: now.wall, format)
            line.add(fields)
            if heldBack > 0 { line.add(["and_more": LogValue(heldBack)]) }
            if state.lostSinceSaid > 0 { line.add(["lines_lost": LogValue(state.lostSinceSaid)]) }
            if sink(line.end()) {
                state.lostSinceSaid = 0
            } else {
                state.lost += 1
                state.lostSinceSaid += 1
            }
        }
    }
}

/// How many lines of one event may still be written: fills with time.
private struct Bucket {
    private var left = Log.burst
    private var counted: Instant
    private var heldBack: UInt64 = 0

    init(_ now: Instant) { counted = now }

    /// Nil when the line is held back; else how many were, before it.
    mutating func take(_ now: Instant) -> UInt64? {
        refill(now)
        guard left > 0 else {
            heldBack += 1
            return nil
        }
        left -= 1
        defer { heldBack = 0 }
        return heldBack
    }

    /// What is to be said of the past, once there is room for a line.
    mutating func settle(_ now: Instant) -> UInt64 {
        refill(now)
        guard heldBack > 0, left > 0 else { return 0 }
        left -= 1
        defer { heldBack = 0 }
        return heldBack
    }

    private mutating func refill(_ now: Instant) {
        let earned = (now - counted).raw / Log.interval.raw
        guard earned > 0 else { return }
        left = Int(min(Int64(Log.burst), Int64(left) + earned))
        counted = counted + Nanoseconds(raw: earned * Log.interval.raw)
    }
}

extension Moment {
    fileprivate static let nowhere = Moment(instant: .zero, wall: .zero)
}
