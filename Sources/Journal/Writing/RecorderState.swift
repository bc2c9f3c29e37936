// What other threads may know of the recorder: for metrics and log lines.
import Basics
import Market
import Synchronization

/// Counters that the recorder stores once a turn. Each is right; together they may be of two turns.
public final class RecorderState: Sendable {
    private let ticks = Atomic<UInt64>(0)
    private let bytes = Atomic<UInt64>(0)
    private let batches = Atomic<UInt64>(0)
    private let snapshots = Atomic<UInt64>(0)
    private let segments = Atomic<UInt64>(0)
    private let lost = Atomic<UInt64>(0)
    private let stops = Atomic<UInt64>(0)
    private let laps = Atomic<UInt64>(0)
    private let recording = Atomic<Bool>(false)

    init() {}

    public func report(_ directory: String) -> RecorderReport {
        RecorderReport(
            directory: directory, isRecording: recording.load(ordering: .relaxed),
            ticks: ticks.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            batches: batches.load(ordering: .relaxed), snapshots: snapshots.load(ordering: .relaxed),
            segments: segments.load(ordering: .relaxed), lostTicks: lost.load(ordering: .relaxed),
            stops: stops.load(ordering: .relaxed), laps: laps.load(ordering: .relaxed))
    }

    func note(_ counts: JournalWriter.Counts, isRecording: Bool) {
        ticks.store(counts.ticks, ordering: .relaxed)
        bytes.store(counts.bytes, ordering: .relaxed)
        batches.store(counts.batches, ordering: .relaxed)
        snapshots.store(counts.snapshots, ordering: .relaxed)
        segments.store(counts.segments, ordering: .relaxed)
        recording.store(isRecording, ordering: .relaxed)
    }

    func lost(_ count: Int) { add(UInt64(count), to: lost) }
    func stopped() { add(1, to: stops) }
    func lapped() { add(1, to: laps) }

    /// One writer: loading and storing is adding.
    private func add(_ count: UInt64, to counter: borrowing Atomic<UInt64>) {
        counter.store(counter.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}
