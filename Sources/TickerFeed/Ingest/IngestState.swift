// What other threads may know of ingest: for readiness, metrics and log lines.
import Basics
import Market
import Synchronization

/// Counters that ingest stores once a turn. Each is right; together they may be of two turns.
public final class IngestState: Sendable {
    /// Messages of the source that were applied, rejected ones included.
    public var messages: UInt64 { messageCount.load(ordering: .relaxed) }
    /// Ticks on the tape, snapshots included.
    public var ticks: UInt64 { tickCount.load(ordering: .relaxed) }
    /// Whole rounds played: 1 when a recording ends for the first time.
    public var rounds: UInt64 { roundCount.load(ordering: .relaxed) }
    /// All kinds together.
    public var anomalies: UInt64 { anomalyCount.load(ordering: .relaxed) }
    /// Symbols defined so far.
    public var symbols: Int { symbolCount.load(ordering: .relaxed) }
    /// Symbol snapshots written for readers that lost their place.
    var snapshots: UInt64 { snapshotCount.load(ordering: .relaxed) }
    /// Source time of the last message; zero before the first.
    var lastEventTime: Timestamp { Timestamp(raw: lastEvent.load(ordering: .relaxed)) }
    /// Nothing comes any more: the source is at its end, or had a fault.
    public var hasEnded: Bool { ended.load(ordering: .acquiring) }
    /// From the first turn until now, or until there was no more.
    public var elapsed: Nanoseconds {
        Nanoseconds(raw: latest.load(ordering: .relaxed) - began.load(ordering: .relaxed))
    }
    /// Why the source was given up. Ingest goes on serving what it has.
    public var fault: FeedError? { faultFound.withLock { $0 } }
    /// Where the first of each kind was, in the order in which they were met.
    public var firstAnomalies: [Anomalies.First] { anomalyTable.withLock { $0.firsts } }
    /// How far the input was read, as of a few moments ago; nil for what has no end.
    public var input: InputReport? { inputReport.withLock { $0 } }
    func note(_ report: InputReport?) { inputReport.withLock { $0 = report } }
    /// Symbols that were asked for and did not come in a whole round, by name; empty before its end.
    public var missingSymbols: [SymbolName] { missing.withLock { $0 } }
    func note(missing names: [SymbolName]) { missing.withLock { $0 = names } }
    /// As of the last turn.
    public var anomaliesByKind: [FeedReport.Anomaly] {
        let counts = anomalyTable.withLock { $0 }
        return Anomaly.allCases.map { FeedReport.Anomaly($0.name, counts[$0]) }
    }

    /// Where the replay stands; whether it can seek is not known here.
    public var replay: ReplayReport {
        let speed = speedMilli.load(ordering: .relaxed)
        let begin = firstEvent.load(ordering: .relaxed), end = finalEvent.load(ordering: .relaxed)
        let clock = sourceClock.load(ordering: .relaxed)
        return ReplayReport(
            state: hasEnded ? .ended : paused.load(ordering: .relaxed) ? .paused : .playing,
            time: clock == .min ? nil : Timestamp(raw: clock), speed: speed == 0 ? .max : .thousandths(speed),
            epoch: UInt32(truncatingIfNeeded: epochNumber.load(ordering: .relaxed)),
            from: begin == .min ? nil : Timestamp(raw: begin), to: end == .min ? nil : Timestamp(raw: end),
            isSeekable: false,
            position: roundPosition.load(ordering: .relaxed))
    }

    private let messageCount = Atomic<UInt64>(0)
    private let tickCount = Atomic<UInt64>(0)
    private let roundCount = Atomic<UInt64>(0)
    private let anomalyCount = Atomic<UInt64>(0)
    private let symbolCount = Atomic<Int>(0)
    private let snapshotCount = Atomic<UInt64>(0)
    private let lastEvent = Atomic<Int64>(0)
    private let ended = Atomic<Bool>(false)
    /// Turns, on the monotonic clock; the last one that was not behind the end.
    private let began = Atomic<Int64>(0)
    private let latest = Atomic<Int64>(0)
    private let paused = Atomic<Bool>(false)
    /// Thousandths; 0 is as fast as it goes.
    private let speedMilli = Atomic<Int64>(1_000)
    private let epochNumber = Atomic<UInt64>(0)
    private let firstEvent = Atomic<Int64>(.min)
    private let finalEvent = Atomic<Int64>(.min)
    private let sourceClock = Atomic<Int64>(.min)
    private let roundPosition = Atomic<UInt64>(0)
    private let faultFound = Mutex<FeedError?>(nil)
    private let anomalyTable = Mutex(Anomalies())
    private let inputReport = Mutex<InputReport?>(nil)
    private let missing = Mutex<[SymbolName]>([])

    init() {}

    func played(_ count: Int) { add(UInt64(count), to: messageCount) }
    func snapshotWritten() { add(1, to: snapshotCount) }
    func roundEnded() { add(1, to: roundCount) }

    func end(_ fault: FeedError?) {
        if let fault { faultFound.withLock { $0 = fault } }
        ended.store(true, ordering: .releasing)
    }

    /// A seek from the end: there is more again.
    func revive() {
        faultFound.withLock { $0 = nil }
        ended.store(false, ordering: .releasing)
    }

    func note(turn now: Instant) {
        if hasEnded { return }
        if began.load(ordering: .relaxed) == 0 { began.store(now.raw, ordering: .relaxed) }
        latest.store(now.raw, ordering: .relaxed)
    }

    func note(_ replay: ReplayPosition) {
        paused.store(replay.isPaused, ordering: .relaxed)
        speedMilli.store(replay.speedMilli, ordering: .relaxed)
        firstEvent.store(replay.first?.raw ?? .min, ordering: .relaxed)
        finalEvent.store(replay.last?.raw ?? .min, ordering: .relaxed)
        sourceClock.store(replay.clock?.raw ?? .min, ordering: .relaxed)
        roundPosition.store(UInt64(replay.events), ordering: .relaxed)
    }

    func note(_ builder: borrowing BookBuilder) {
        tickCount.store(builder.tickCount, ordering: .relaxed)
        symbolCount.store(builder.symbolCount, ordering: .relaxed)
        lastEvent.store(builder.last.time.raw, ordering: .relaxed)
        epochNumber.store(UInt64(builder.epoch), ordering: .relaxed)
        let anomalies = builder.anomalies
        guard anomalies.total != anomalyCount.load(ordering: .relaxed) else { return }
        anomalyCount.store(anomalies.total, ordering: .relaxed)
        anomalyTable.withLock { $0 = anomalies }
    }

    /// One writer: loading and storing is adding.
    private func add(_ count: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}
