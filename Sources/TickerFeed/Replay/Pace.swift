// When a recorded event is due: from one anchor, never from the event before it.
//
// Invariants
//   - due = anchor + (time - recorded) / speed. Oversleeping delays nothing but itself.
//   - `due` rounds up and `reached` down, so an event is reached exactly from its due moment on.
//   - Integers only; a speed is in thousandths, a span that overflows means never.
import Basics

/// How fast a recording is played: thousandths of its own speed.
public struct Speed: Hashable, Sendable, CustomStringConvertible {
    /// 1,000 is the recording's own speed.
    public let thousandths: Int64

    /// The recording's own.
    public static let recorded = Speed(times: 1)
    /// 1 to 1,000,000 times; more is no pace. See `Pace.unpaced`.
    public init(times: Int) { thousandths = Int64(min(max(times, 1), 1_000_000)) * 1_000 }

    /// 1 to 1,000,000,000.
    public init(thousandths: Int64) { self.thousandths = min(max(thousandths, 1), 1_000_000_000) }

    /// `1`, `0.5`, `10x`, `x0.25`: at most three decimals, 0.001 to 1,000,000; else nil.
    public init?(_ text: String) {
        let digits = text.utf8.filter { $0 != UInt8(ascii: "x") }
        guard text.utf8.count - digits.count <= 1,
            text.utf8.dropFirst().dropLast().allSatisfy({ $0 != UInt8(ascii: "x") }),
            let value = FixedPoint.parse(digits, decimals: 3), (1...1_000_000_000).contains(value)
        else { return nil }
        thousandths = value
    }

    public var description: String {
        let (whole, rest) = thousandths.quotientAndRemainder(dividingBy: 1_000)
        guard rest > 0 else { return "\(whole)x" }
        var decimals = String(1_000 + rest).dropFirst()
        while decimals.last == "0" { decimals.removeLast() }
        return "\(whole).\(decimals)x"
    }
}

/// By the recording's clock, by the wall's, or as fast as the readers of the tape can take it.
public enum Pace: Hashable, Sendable {
    case recorded(Speed)
    /// An event's time is the date on which it is due, so what is late stays visible in its age.
    case live
    case unpaced
}

/// Where the recording's time and ours were tied together.
struct Anchor {
    let instant: Instant
    let recorded: Timestamp
    let speed: Speed

    /// When an event of that time is to be played. Before the anchor: at once.
    func due(_ time: Timestamp) -> Instant {
        let span = Int128(time.raw) - Int128(recorded.raw)
        guard span > 0 else { return instant }
        let speed = Int128(speed.thousandths)
        let wait = (span * 1_000 + speed - 1) / speed
        return Int64(exactly: wait).map { instant + Nanoseconds(raw: $0) } ?? .never
    }

    /// The last time that is due by now. Before the anchor nothing is.
    func reached(_ now: Instant) -> Timestamp {
        let passed = Int128(now.raw) - Int128(instant.raw)
        guard passed >= 0 else { return Timestamp(raw: .min) }
        let span = passed * Int128(speed.thousandths) / 1_000
        return Int64(exactly: Int128(recorded.raw) + span).map(Timestamp.init(raw:))
            ?? Timestamp(raw: .max)
    }
}
