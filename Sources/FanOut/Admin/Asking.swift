// Asking loops something that only they know, from a thread that may wait for the answer a little.
//
// Invariant: a loop that does not answer in time is left out. Its answer comes later, and nobody hears it.
import Basics
import Synchronization

extension FanOutLoops {
    /// Has each of the chosen loops answer on its own thread.
    ///
    /// - Parameters:
    ///   - patience: for all of them together.
    ///   - bell: rings for each answer; of the asking thread alone.
    /// - Returns: the answers in order; nil of a loop that had other things to do.
    func ask<Answer: Sendable>(
        _ chosen: Range<Int>, patience: Nanoseconds, bell: Doorbell,
        _ question: @escaping @Sendable (inout Shard, Moment) -> Answer
    ) -> [Answer?] {
        let answers = Answers<Answer>(chosen.count)
        for (at, loop) in chosen.enumerated() {
            loops[loop].perform { shard, now in
                answers.set(question(&shard, now), at: at)
                bell.ring()
            }
        }
        let end = Moment.read().instant + patience
        while !answers.isComplete {
            let left = end - Moment.read().instant
            guard left > .zero else { break }
            bell.wait(atMost: left)
            bell.silence()
        }
        return answers.all
    }
}

private final class Answers<Answer: Sendable>: Sendable {
    private let list: Mutex<[Answer?]>
    init(_ count: Int) { list = Mutex(Array(repeating: nil, count: count)) }

    func set(_ answer: Answer, at index: Int) { list.withLock { $0[index] = answer } }
    var isComplete: Bool { list.withLock { $0.allSatisfy { $0 != nil } } }
    var all: [Answer?] { list.withLock { $0 } }
}
