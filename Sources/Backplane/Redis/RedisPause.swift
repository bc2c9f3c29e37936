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

    private var last = ""
    private var silentUntil = Instant.zero
    private var isWaiting = false

    /// When `tell` has something to say.
    var due: Instant { isWaiting ? silentUntil : .never }

    mutating func add(_ line: String, _ now: Instant, _ tell: (EngineEvent) -> Void) {
        guard line != last || now >= silentUntil else { return isWaiting = true }
        last = line
        silentUntil = now + RedisRefusals.interval
        isWaiting = false
        tell(.refused(line))
    }

    mutating func tell(_ now: Instant, _ tell: (EngineEvent) -> Void) {
        guard isWaiting, now >= silentUntil else { return }
        add(last, now, tell)
    }
}
