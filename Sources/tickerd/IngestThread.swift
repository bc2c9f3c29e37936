// Ingest on a thread of its own, as the server runs it.
import Backplane
import Basics
import FanOut
import Market
import Synchronization
import TickerFeed

/// Ingest on a thread of its own: turns, and sleeps between them.
final class IngestThread: @unchecked Sendable {
    private let ingest: Ingest
    var control: any ReplayControl { ingest.control }
    let state: IngestState
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

    init(
        feed: any Feed, tape: consuming Tape.Writer, _ configuration: Configuration, epoch: UInt32
    ) {
        template = IngestThread.report(feed, configuration)
        board = (feed as? FollowedFeed)?.board
        patience = board == nil ? .seconds(1) : .seconds(3)
        if case .simulator = configuration.source {
            (rest, openingTurns) = (.microseconds(200), 16)
        } else {
            (rest, openingTurns) = (.zero, 1)
        }
        ingest = Ingest(
            feed: feed, writer: tape, options: configuration.replay, epoch: epoch)
        state = ingest.state
    }

    private static func report(_ feed: any Feed, _ configuration: Configuration) -> FeedReport {
        let speed: Int64? =
            switch configuration.replay.pace {
            case .recorded(let speed): speed.thousandths
            case .live: Speed.recorded.thousandths
            case .unpaced: nil
            }
        return FeedReport(clock: clock(configuration), speedMilli: speed, source: feed.description)
    }

    /// The protocol's word on how event times relate to the clock on the wall.
    static func clock(_ configuration: Configuration) -> String {
        if case .simulator = configuration.source { "sim" } else { "replay" }
    }

    /// The first turns, on the caller's thread, before there are others: a simulated market opens
    /// with all its symbols, and a pipe has a second to bring its first.
    func begin() {
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

    func run() {
        while !stopping.load(ordering: .acquiring) {
            let next = ingest.turn(now: Moment.read())
            let now = Moment.read().instant
            guard next > now else { continue }
            ingest.wait(atMost: min(max(next - now, rest), IngestThread.nap))
        }
    }

    func stop() { stopping.store(true, ordering: .releasing) }

    @Sendable
    func report() -> FeedReport {
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
