// How far a long piece of work has come, for whoever waits: a bar on a terminal, now and then a line elsewhere.
//
//     verify [=========>          ]  47 %  123 MB/s  0:12 left
//
// Invariants
//   - No clock in here: the caller passes `now`. A painter draws at most so often, however often it is asked.
//   - The time left is told from the rate so far, once there is one, and only where the whole is known.
//   - A drawing is one line that replaces the last one; `finish` leaves an empty one behind.
import CLinux

/// A piece of work of which `done` of `total` is done.
public struct Progress: Sendable {
    /// What is counted: bytes are told as `12.3 MB`, things as `12300 events`.
    public enum Unit: Sendable, Equatable {
        case bytes
        case things(String)
    }

    public let title: String
    public let unit: Unit
    public let started: Instant
    /// Nil: nobody knows where it ends, as with a pipe.
    public var total: UInt64?
    public var done: UInt64 = 0

    public init(_ title: String, of total: UInt64?, unit: Unit = .bytes, started: Instant) {
        self.title = title
        self.total = total
        self.unit = unit
        self.started = started
    }

    /// 0 to 1000; nil where the total is unknown. All of nothing is done.
    public var permille: Int? {
        guard let total else { return nil }
        guard total > 0, done < total else { return 1_000 }
        return Int(UInt128(done) * 1_000 / UInt128(total))
    }

    /// Done a second so far; nil in the first tenth of a second.
    public func rate(at now: Instant) -> UInt64? {
        let span = (now - started).raw
        guard span >= 100_000_000 else { return nil }
        return UInt64(clamping: UInt128(done) * 1_000_000_000 / UInt128(span))
    }

    /// How long the rest takes at the rate so far; nil where that cannot be told.
    public func left(at now: Instant) -> Nanoseconds? {
        guard let total, let rate = rate(at: now), rate > 0 else { return nil }
        let rest = UInt128(total > done ? total - done : 0) * 1_000_000_000 / UInt128(rate)
        return Nanoseconds(raw: Int64(clamping: rest))
    }

    // MARK: As text

    /// `47 %  123 MB/s  0:12 left`, as much of it as is known.
    public func text(at now: Instant) -> String {
        var parts: [String] = []
        if let permille { parts.append("\(permille / 10) %") } else { parts.append(told(done)) }
        if let rate = rate(at: now) { parts.append("\(told(rate))/s") }
        if let left = left(at: now) { parts.append("\(Progress.clock(left)) left") }
        return parts.joined(separator: "  ")
    }

    /// What was done, and how fast, when it is over: `1.2 GB in 0:10, 123 MB/s`.
    public func summary(at now: Instant) -> String {
        let rate = rate(at: now).map { ", \(told($0))/s" } ?? ""
        return "\(told(done)) in \(Progress.clock(now - started))\(rate)"
    }

    private func told(_ count: UInt64) -> String {
        switch unit {
        case .bytes: Progress.bytes(count)
        case .things(let name): "\(count) \(name)"
        }
    }

    /// `987 B`, `1.2 kB`, `12.3 MB`: thousands, three digits or so.
    public static func bytes(_ count: UInt64) -> String {
        var value = count, unit = "B", tenths: UInt64 = 0
        for larger in ["kB", "MB", "GB", "TB", "PB", "EB"] where value >= 1_000 {
            tenths = value % 1_000 / 100
            (value, unit) = (value / 1_000, larger)
        }
        return unit == "B" || value >= 100 ? "\(value) \(unit)" : "\(value).\(tenths) \(unit)"
    }

    /// `0:07`, `12:34`, `1:02:03`: whole seconds, rounded up.
    public static func clock(_ span: Nanoseconds) -> String {
        let seconds = max(0, span.raw / 1_000_000_000 + (span.raw % 1_000_000_000 > 0 ? 1 : 0))
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, rest) = (seconds / 3_600, seconds % 3_600)
        return hours > 0
            ? "\(hours):\(two(rest / 60)):\(two(rest % 60))" : "\(rest / 60):\(two(rest % 60))"
    }
}

/// Draws a `Progress` now and then.
public struct ProgressPainter: Sendable {
    /// Of a terminal; nil draws lines.
    private let columns: Int?
    private var next: Instant
    private var hasDrawn = false

    static let barInterval = Nanoseconds.milliseconds(100)
    static let lineInterval = Nanoseconds.seconds(10)
    static let barMax = 40

    /// - Parameter columns: the terminal's width; nil where it is none.
    public init(columns: Int?, started: Instant) {
        self.columns = columns
        // Work that is over at once has no bar.
        next = started + (columns == nil ? ProgressPainter.lineInterval : ProgressPainter.barInterval)
    }

    /// For a descriptor as it is: a terminal has a width, a pipe or file has none.
    public init(descriptor: Int32, started: Instant) {
        var rows: Int32 = 0, columns: Int32 = 0
        let isTerminal =
            isatty(descriptor) == 1 && tf_window_size(descriptor, &rows, &columns) == 0 && columns > 0
        self.init(columns: isTerminal ? Int(columns) : nil, started: started)
    }

    /// What to write now; nil most of the time.
    public mutating func draw(_ progress: Progress, at now: Instant) -> String? {
        guard now >= next else { return nil }
        hasDrawn = true
        guard let columns else {
            next = now + ProgressPainter.lineInterval
            return "\(progress.title): \(progress.text(at: now))\n"
        }
        next = now + ProgressPainter.barInterval
        return "\r" + ProgressPainter.line(progress, at: now, columns: columns) + "\u{1b}[K"
    }

    /// What to write when the work is over, or before something else is written: a bar goes away.
    public mutating func finish() -> String? {
        guard columns != nil, hasDrawn else { return nil }
        hasDrawn = false
        return "\r\u{1b}[K"
    }

    /// Never as wide as the terminal: some begin a new line behind the last column.
    static func line(_ progress: Progress, at now: Instant, columns: Int) -> String {
        let text = progress.text(at: now), title = progress.title
        let room = columns - 1 - title.count - 1 - 2 - 1 - text.count
        guard let permille = progress.permille, room >= 8 else {
            return String("\(title) \(text)".prefix(max(0, columns - 1)))
        }
        let width = min(room, barMax), filled = permille * width / 1_000
        var bar = String(repeating: "=", count: filled)
        if filled < width { bar += ">" + String(repeating: " ", count: width - filled - 1) }
        return "\(title) [\(bar)] \(text)"
    }
}
