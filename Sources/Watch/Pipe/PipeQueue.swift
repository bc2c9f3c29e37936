// What a pipe has not taken yet: bounded, so that a slow reader never holds up the market.
//
//     offered   quote A 1, trade A 1, quote A 2, quote B 1     the pipe is full
//     taken     quote A 2 (prev of 1), trade A 1, quote B 1
//
// Invariants
//   - Lines go out whole and in the order in which their keys began to wait.
//   - Of a state one item waits at most: the newest, merged with what it replaced.
//   - Of a symbol's events at most `eventsMax` wait, of all at most `eventsInAllMax`; the oldest fall out and
//     are counted, and a `gap` in their place says which versions are lost.
//   - Nothing is written here: the caller writes what `readable` is and says how much went.
import Basics
import Dialects

public struct PipeQueue: ~Copyable {
    /// Of one symbol and channel.
    public static let eventsMax = 64
    public static let eventsInAllMax = 65_536
    /// Bytes in their final form at which items begin to wait.
    static let bytesWaterline = 65_536

    /// Said at the end, on standard error.
    public struct Counts: Hashable, Sendable {
        /// Lines that newer ones replaced.
        public var merged: UInt64 = 0
        /// Events that fell out.
        public var dropped: UInt64 = 0
        /// Lines that were begun to be handed out, headers not counted. A book of CSV is one.
        public var lines: UInt64 = 0

        /// One line for people; nil where nothing was lost.
        public var report: String? {
            guard merged + dropped > 0 else { return nil }
            let lost = dropped > 0 ? ", \(dropped) lost" : ""
            return "the reader was slower than the market: \(merged) lines merged into newer ones\(lost)"
        }
    }

    public private(set) var counts = Counts()
    private let format: PipeFormat
    /// Lines after which nothing more is taken; nil: there is no such number.
    private let limit: Int?
    private var bytes = ByteBuffer()
    /// Where lines end, counted from the first byte there ever was; those in front of `firstLine` are out.
    private var lineEnds: [Int] = []
    private var firstLine = 0
    private var taken = 0
    /// Where the first line that is not out begins.
    private var lineStart = 0
    private var waiting = WaitingItems()

    /// - Parameter limit: for `-n`: lines behind the header.
    public init(_ format: PipeFormat, limit: Int? = nil) {
        self.format = format
        self.limit = limit
        if let header = format.header { append(header) }
    }

    /// As many lines as were asked for have been made.
    public var isComplete: Bool { limit.map { counts.lines >= UInt64(clamping: $0) } ?? false }

    /// Adds a row or a message. What has no line in this format is nothing.
    public mutating func offer(_ item: PipeItem) {
        guard format.hasLine(item) else { return }
        guard waiting.isEmpty, bytes.count < PipeQueue.bytesWaterline else {
            let outcome = waiting.add(item)
            counts.merged += outcome.merged
            counts.dropped += outcome.dropped
            return
        }
        emit(item)
    }

    private mutating func emit(_ item: PipeItem) {
        guard !isComplete else { return }
        let line: [UInt8]? =
            switch item {
            case .row(let row): format.line(row)
            case .message(let message): format.line(message)
            }
        guard let line else { return }
        counts.lines += 1
        append(line)
    }

    private mutating func append(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes.append($0) }
        lineEnds.append(taken + bytes.count)
    }

    /// What is to be written next. Valid until the next change.
    public var readable: UnsafeRawBufferPointer { bytes.readable }
    /// Nothing is to be written.
    public var isEmpty: Bool { bytes.isEmpty }

    /// So many of the readable bytes were taken.
    public mutating func wrote(_ count: Int) {
        guard count > 0 else { return }
        bytes.consume(count)
        taken += count
        while firstLine < lineEnds.count, lineEnds[firstLine] <= taken {
            lineStart = lineEnds[firstLine]
            firstLine += 1
        }
        if firstLine == lineEnds.count || firstLine > 1_024 {
            lineEnds.removeFirst(firstLine)
            firstLine = 0
        }
        while bytes.count < PipeQueue.bytesWaterline, let item = waiting.next() { emit(item) }
    }

    /// Forgets all but the rest of a line that has begun: for an end that does not wait for a slow reader.
    public mutating func abandon() {
        let kept = taken > lineStart && firstLine < lineEnds.count ? 1 : 0
        let forgotten = lineEnds.count - firstLine - kept
        counts.dropped += UInt64(forgotten + waiting.count)
        // The header is no line.
        counts.lines -= min(UInt64(forgotten), counts.lines)
        waiting = WaitingItems()
        bytes.truncate(to: kept == 0 ? 0 : lineEnds[firstLine] - taken)
        lineEnds.removeSubrange((firstLine + kept)...)
    }
}
