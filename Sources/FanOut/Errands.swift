// What other threads ask of a loop: to read its options anew, to tell what it holds.
//
// Invariant: a turn without an errand takes no lock.
import Basics
import Synchronization

/// Done on a loop's own thread, between two turns.
typealias Errand = @Sendable (inout Shard, Moment) -> Void

final class Errands: Sendable {
    private let isWaiting = Atomic<Bool>(false)
    private let list = Mutex<[Errand]>([])

    func add(_ errand: @escaping Errand) {
        list.withLock {
            $0.append(errand)
            isWaiting.store(true, ordering: .releasing)
        }
    }

    /// All that wait, in the order in which they came.
    func take() -> [Errand] {
        guard isWaiting.load(ordering: .acquiring) else { return [] }
        return list.withLock { waiting in
            isWaiting.store(false, ordering: .relaxed)
            defer { waiting = [] }
            return waiting
        }
    }
}
