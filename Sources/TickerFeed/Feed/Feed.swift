// What ingest knows of a source: play up to a point in its own time, and what comes then.
//
// Invariants
//   - A feed has no clock: it is told up to which of its own times to play.
//   - How a stream is cut into calls of `play` changes nothing in what it plays.
import Basics
import Market

/// A source of recorded or made-up market events, played up to a point in its own time.
public protocol Feed: AnyObject {
    /// What it plays, for a log line: `ITCH 5.0, feeds/x.itch`.
    var description: String { get }

    /// Applies events whose time is <= `time`, at most `limit` of them, and says what comes next. Up to
    /// `Timestamp(raw: .min)` nothing is due: such a call only looks.
    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep

    /// Back to the first event (a new round). False where that cannot be done.
    func rewind() -> Bool

    /// Goes to a point before `time` from which playing on, in silence, comes to the state at `time`; what
    /// is known there goes into the builder, whose state is empty.
    func seek(before time: Timestamp, into builder: inout BookBuilder) -> Bool
    /// Whether `seek` can be asked for at all.
    var isSeekable: Bool { get }
    /// The time of its last event, where that is known without playing all of it.
    var lastTime: Timestamp? { get }
    /// Its ticks are played as they were recorded, numbers and all: a round begins a new epoch.
    var isVerbatim: Bool { get }

    /// Where the source `waits`: sleeps until it has more, at most that long.
    func wait(atMost span: Nanoseconds)

    /// How far it is, for a progress bar and a summary; nil for what has no end.
    var report: InputReport? { get }
}

extension Feed {
    public func rewind() -> Bool { false }
    public func seek(before time: Timestamp, into builder: inout BookBuilder) -> Bool { rewind() }
    public var isSeekable: Bool { false }
    public var lastTime: Timestamp? { nil }
    public var isVerbatim: Bool { false }
    public func wait(atMost span: Nanoseconds) { Thread.sleep(span) }
    public var report: InputReport? { nil }

    /// Plays all of it at once, and waits where the source does. Receive times are 0.
    ///
    /// - Throws: why it cannot be played on. What came before is in the books.
    public func play(into builder: inout BookBuilder) throws(FeedError) {
        while true {
            let step = play(upTo: Timestamp(raw: .max), limit: 4_096, received: .zero, into: &builder)
            builder.publish()
            switch step.next {
            case .due, .now: continue
            case .waits: wait(atMost: .seconds(1))
            case .end: return
            case .failed(let fault): throw fault
            }
        }
    }
}

/// What one call of `play` did.
public struct FeedStep: Hashable, Sendable {
    /// What comes behind what was played.
    public enum Next: Hashable, Sendable {
        /// The time of the next event: beyond what was asked for, or beyond the limit.
        case due(Timestamp)
        /// There is more; when, the next call tells.
        case now
        /// Nothing is there yet, and something may come: a pipe that is still open.
        case waits
        case end
        /// Everything before the fault was played.
        case failed(FeedError)
    }
    /// Events applied, rejected ones included.
    public var played: Int
    /// What comes next, for who plays on.
    public var next: Next

    /// What a feed answers.
    public init(played: Int, next: Next) {
        self.played = played
        self.next = next
    }
}

/// How far an input was read, and what was in it by the source's own names.
public struct InputReport: Sendable {
    /// As `Feed.description`.
    public var source: String
    /// Bytes read of the file, compressed where it is.
    public var bytesRead: Int
    /// Bytes that the file has, compressed where it is; nil for a pipe.
    public var bytesTotal: Int?
    /// In the order of the format's specification.
    public var counts: [FeedCount]

    /// What a feed with an end says of itself.
    public init(source: String, bytesRead: Int, bytesTotal: Int?, counts: [FeedCount]) {
        self.source = source
        self.bytesRead = bytesRead
        self.bytesTotal = bytesTotal
        self.counts = counts
    }
}

/// Why a source cannot be played, or not on. Each says in one line what to do about it.
public enum FeedError: Error, Hashable, Sendable, CustomStringConvertible {
    case cannotOpen(file: String, SystemError)
    case cannotRead(file: String, SystemError)
    /// No format begins like that; `found` says what it looks like, and what to do.
    case unrecognised(file: String, found: String)
    /// Everything before the fault was played.
    case broken(file: String, FeedFault)
    /// The format has times but no date, and the file's name has none either.
    case noDate(file: String, format: String)
    /// The format needs something that only its user knows.
    case missing(file: String, String)

    public var description: String {
        switch self {
        case .cannotOpen(let file, let error): "\(file): cannot be opened: \(error.reason)"
        case .cannotRead(let file, let error): "\(file): cannot be read: \(error.reason)"
        case .unrecognised(let file, let found): "\(file): no feed that is known here: \(found)"
        case .broken(let file, let fault): "\(file): offset \(fault.offset): \(fault.reason)"
        case .noDate(let file, let format):
            "\(file): \(format) has no date and the file's name has none: pass --date YYYY-MM-DD"
        case .missing(let file, let what): "\(file): \(what)"
        }
    }
}

/// Where an input can't be read any further, and why.
public struct FeedFault: Hashable, Sendable {
    /// Bytes from the beginning of the input, decompressed where it is compressed.
    public let offset: Int
    /// In one line.
    public let reason: String

    /// What a decoder complains of.
    public init(offset: Int, reason: String) {
        self.offset = offset
        self.reason = reason
    }

    /// The input ends inside of a `what` that begins at `offset`.
    public static func cut(_ what: String, at offset: Int, bytesLeft: Int) -> FeedFault {
        FeedFault(
            offset: offset,
            reason: "ends inside the \(what) that begins here, of which \(bytesLeft) bytes are there")
    }
}
