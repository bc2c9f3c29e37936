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
    public var anomalies: UInt64 { anomalyCount.load(ordering: .relaxed) }
    public var symbols: Int { symbolCount.load(ordering: .relaxed) }
    /// Symbol snapshots written for readers that lost their place.
    public var snapshots: UInt64 { snapshotCount.load(ordering: .relaxed) }
    public var updatesLeavingLocked: UInt64 { lockedCount.load(ordering: .relaxed) }
    public var updatesLeavingCrossed: UInt64 { crossedCount.load(ordering: .relaxed) }
    /// Source time of the last message; zero before the first.
    public var lastEventTime: Timestamp { Timestamp(raw: lastEvent.load(ordering: .relaxed)) }
    /// Nothing comes any more: the source is at its end, or had a fault.
    public var hasEnded: Bool { ended.load(ordering: .acquiring) }
    /// Why the source was given up. Ingest goes on serving what it has.
    public var fault: FeedError? { faultFound.withLock { $0 } }
    /// Each anomaly so far, as of the last turn.
    public var anomaliesByName: [(name: String, count: UInt64)] { anomalyTable.withLock { $0.named } }

    private let messageCount = Atomic<UInt64>(0)
    private let tickCount = Atomic<UInt64>(0)
    private let roundCount = Atomic<UInt64>(0)
    private let anomalyCount = Atomic<UInt64>(0)
    private let symbolCount = Atomic<Int>(0)
    private let snapshotCount = Atomic<UInt64>(0)
    private let lockedCount = Atomic<UInt64>(0)
    private let crossedCount = Atomic<UInt64>(0)
    private let lastEvent = Atomic<Int64>(0)
    private let ended = Atomic<Bool>(false)
    private let faultFound = Mutex<FeedError?>(nil)
    private let anomalyTable = Mutex(Anomalies())

    init() {}

    func played(_ count: Int) { add(UInt64(count), to: messageCount) }
    func snapshotWritten() { add(1, to: snapshotCount) }
    func roundEnded() { add(1, to: roundCount) }

    func end(_ fault: FeedError?) {
        if let fault { faultFound.withLock { $0 = fault } }
        ended.store(true, ordering: .releasing)
    }

    func note(_ builder: borrowing BookBuilder) {
        tickCount.store(builder.tickCount, ordering: .relaxed)
        symbolCount.store(builder.symbolCount, ordering: .relaxed)
        lockedCount.store(builder.books.updatesLeavingLocked, ordering: .relaxed)
        crossedCount.store(builder.books.updatesLeavingCrossed, ordering: .relaxed)
        lastEvent.store(builder.last.time.raw, ordering: .relaxed)
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
