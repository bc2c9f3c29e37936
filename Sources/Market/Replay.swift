// What may be asked of a source that plays a recording, and what it says of itself: the words between
// the admin port, which knows no sources, and ingest, which knows no ports.
import Basics

/// One thing asked of the replay. It holds for the whole server.
public enum ReplayCommand: Hashable, Sendable {
    /// The source's clock stands still. Asked of a paused one: nothing to do, and accepted.
    case pause
    /// It goes on from where it stands.
    case resume
    /// So many events of the source at once, 1 to `stepMax`; it is paused then, whatever it was.
    case step(count: Int)
    /// To the first event at that time or later, with the state that everything before it left. Begins
    /// a new epoch; playing goes on if it was on. Beyond the recording's ends: the nearer one.
    case seek(ReplayTarget)
    case speed(ReplaySpeed)

    public static let stepMax = 1_000_000

    /// The word of `POST /admin/replay`.
    public var name: StaticString {
        switch self {
        case .pause: "pause"
        case .resume: "resume"
        case .step: "step"
        case .seek: "seek"
        case .speed: "speed"
        }
    }
}

/// Where to seek to.
public enum ReplayTarget: Hashable, Sendable {
    /// By the source's clock.
    case time(Timestamp)
    /// From where the source's clock stands; negative: back.
    case offset(Nanoseconds)

    /// As a time of the source; an offset counts from `start`. Beyond all times: the nearer end.
    public func time(since start: Timestamp) -> Timestamp {
        switch self {
        case .time(let time): time
        case .offset(let span): Timestamp(raw: Int64(clamping: Int128(start.raw) + Int128(span.raw)))
        }
    }
}

/// How fast a recording plays.
public enum ReplaySpeed: Hashable, Sendable {
    /// Thousandths of its own speed, 1 to 1,000,000,000.
    case thousandths(Int64)
    /// As fast as the readers of the tape can take it.
    case max

    public static let thousandthsAllowed: ClosedRange<Int64> = 1...1_000_000_000
}

public enum ReplayAnswer: Hashable, Sendable {
    /// It is done, or will be before anything else is played.
    case accepted
    /// Nothing was done; why, in a few words for people: `not seekable: a pipe`.
    case refused(String)
}

/// Where the replay stands.
public struct ReplayReport: Hashable, Sendable {
    public enum State: UInt8, Hashable, Sendable {
        case playing, paused, ended

        public var name: StaticString {
            switch self {
            case .playing: "playing"
            case .paused: "paused"
            case .ended: "ended"
            }
        }
    }

    public var state: State
    /// What the source's clock shows; nil before the first event.
    public var time: Timestamp?
    public var speed: ReplaySpeed
    /// The present one: `ServerOptions.epoch` at the start, another with each seek and round.
    public var epoch: UInt32
    /// The recording's first and last event, where they are known.
    public var from: Timestamp?
    public var to: Timestamp?
    public var isSeekable: Bool
    /// Events of the source before the next one, from the recording's beginning.
    public var position: UInt64

    public init(
        state: State, time: Timestamp?, speed: ReplaySpeed, epoch: UInt32, from: Timestamp? = nil,
        to: Timestamp? = nil, isSeekable: Bool, position: UInt64
    ) {
        self.state = state
        self.time = time
        self.speed = speed
        self.epoch = epoch
        self.from = from
        self.to = to
        self.isSeekable = isSeekable
        self.position = position
    }
}

/// Whoever plays. Asked from any thread.
public protocol ReplayControl: Sendable {
    /// Waits until it is done, a second at most.
    func take(_ command: ReplayCommand) -> ReplayAnswer
    /// The same without waiting for anything.
    func leave(_ command: ReplayCommand) -> ReplayAnswer
    func report() -> ReplayReport
}
