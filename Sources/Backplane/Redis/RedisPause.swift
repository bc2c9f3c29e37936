// How long to wait before another attempt, and how often to repeat oneself.
import Basics

/// Random up to a bound that doubles: nodes that have lost one server do not come back as one.
struct RedisPause {
    static let first = Nanoseconds.milliseconds(50)
    static let longest = Nanoseconds.seconds(2)

    private var random: SeededGenerator
    private var bound = RedisPause.first

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func next() -> Nanoseconds {
        defer { bound = min(bound * 2, RedisPause.longest) }
        return .microseconds(1 + random.below(Int(bound.raw / 1_000)))
    }

    mutating func reset() { bound = RedisPause.first }
}

/// The same refusal is told once a second, though a hundred thousand commands are refused: the first at once,
/// the later ones when the second is over, so that none is without a word behind it.
struct RedisRefusals {
    static let interval = Nanoseconds.seconds(1)
    /// Different ones within a second.
    static let linesMax = 8

    private var told: [String] = []
    private var silentUntil = Instant.zero
    /// The newest that was not told.
    private var waiting: String?

    /// When `tell` has something to say.
    var due: Instant { waiting == nil ? .never : silentUntil }

    mutating func add(_ line: String, _ now: Instant, _ tell: (EngineEvent) -> Void) {
        if now >= silentUntil {
            told.removeAll(keepingCapacity: true)
            silentUntil = now + RedisRefusals.interval
        }
        guard told.count < RedisRefusals.linesMax, !told.contains(line) else { return waiting = line }
        told.append(line)
        waiting = nil
        tell(.refused(line))
    }

    mutating func tell(_ now: Instant, _ tell: (EngineEvent) -> Void) {
        guard let line = waiting, now >= silentUntil else { return }
        add(line, now, tell)
    }
}
