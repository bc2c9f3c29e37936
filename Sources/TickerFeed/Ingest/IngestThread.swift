// Ingest on a thread of its own: turns, and sleeps between them.
import Backplane
import Basics
import Market
import Synchronization

/// Plays a feed onto a tape by the machine's clocks until it is stopped.
public final class IngestThread: @unchecked Sendable {
    private let ingest: Ingest
    /// What may be told to the replay, from any thread.
    public var control: any ReplayControl { ingest.control }
    /// What was played so far, for any thread.
    public let state: IngestState
    private let template: FeedReport
    /// Of a feed that another node publishes: what it says of it.
    private let board: ReportBoard?
    private let patience: Nanoseconds
    private let openingTurns: Int
    private let stopping = Atomic<Bool>(false)
    /// The shortest sleep. A source that has something every microsecond would wake this thread as
    /// often as the kernel can: more than half of its CPU at a million updates a second.
    private let rest: Nanoseconds
    /// The longest sleep, so that stopping is prompt.
    private static let nap = Nanoseconds.milliseconds(50)

    /// - Parameters:
    ///   - tape: of a tape whose readers have all been made.
    ///   - clock: what clients are told of the feed's times. A simulated market opens with all its symbols.
    ///   - epoch: as in `ServerOptions` of who serves the tape.
    public init(
        feed: any Feed, tape: consuming Tape.Writer, options: ReplayOptions, clock: FeedClock, epoch: UInt32
    ) {
        let speed: Int64? =
            switch options.pace {
            case .recorded(let speed): speed.thousandths
            case .live: Speed.recorded.thousandths
            case .unpaced: nil
            }
        template = FeedReport(clock: clock, speedMilli: speed, source: feed.description)
        board = (feed as? FollowedFeed)?.board
        patience = board == nil ? .seconds(1) : .seconds(3)
        (rest, openingTurns) = clock == .simulated ? (.microseconds(200), 16) : (.zero, 1)
        ingest = Ingest(feed: feed, writer: tape, options: options, epoch: epoch)
        state = ingest.state
    }

    /// The first turns, on the caller's thread, before `start`, so that the first client finds symbols: a
    /// simulated market's all, and a pipe has a second to bring its first.
    public func begin() {
        let patienceEnd = Moment.read().instant + patience
        var turnsLeft = openingTurns
        while turnsLeft > 0 {
            let now = Moment.read()
            if ingest.turn(now: now) <= now.instant {
                turnsLeft -= 1
            } else if ingest.awaitsFirstSymbol, now.instant < patienceEnd {
                ingest.wait(atMost: IngestThread.nap)
            } else {
                break
            }
        }
    }

    /// Plays on on a thread named `ingest`, which ends within 50 ms of `stop`, unless the source keeps it.
    ///
    /// - Throws: `SystemError` when the system has no more threads to give.
    @discardableResult
    public func start() throws(SystemError) -> Thread { try Thread("ingest") { self.run() } }

    private func run() {
        while !stopping.load(ordering: .acquiring) {
            let next = ingest.turn(now: Moment.read())
            let now = Moment.read().instant
            guard next > now else { continue }
            ingest.wait(atMost: min(max(next - now, rest), IngestThread.nap))
        }
    }

    /// From any thread.
    public func stop() { stopping.store(true, ordering: .releasing) }

    /// What ingest says of itself, from any thread: for `ServerOptions.feedReport`.
    @Sendable
    public func report() -> FeedReport {
        var report = template
        report.messages = state.messages
        report.ticks = state.ticks
        report.anomalies = state.anomalies
        report.anomaliesByKind = state.anomaliesByKind
        report.rounds = state.rounds
        report.hasEnded = state.hasEnded
        report.fault = state.fault?.description
        guard let followed = board?.report else { return report }
        report.fault = report.fault ?? followed.fault.map { "\(followed.engine): \($0)" }
        report.clock = followed.clock ?? report.clock
        if let source = followed.source { report.source = "\(source), by \(followed.engine)" }
        return report
    }
}
