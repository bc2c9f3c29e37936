// When a throttled connection speaks: once an interval, at a phase of its own.
//
//     offered   ab-cd----      one character is 1 ms, interval 3 ms, phase 1 ms
//     emitted   -b--d----      what goes out is the newest; a and c were conflated
//
// Invariants
//   - All slots of one rate class are due together, so a connection costs one write an interval.
//   - Whatever was offered is out, itself or a newer version, at most one interval later.
//   - No clock, no timer, no I/O in here: the caller passes `now`.
import Basics

struct Cadence: Hashable {
    let interval: Nanoseconds
    let phase: Nanoseconds

    /// The first moment at or after `now` at which the connection may speak.
    func next(from now: Instant) -> Instant {
        let late = (now.raw - phase.raw) % interval.raw
        return late == 0 ? now : now + Nanoseconds(raw: (late < 0 ? 0 : interval.raw) - late)
    }

    /// The first moment after `now`.
    func next(after now: Instant) -> Instant { next(from: now + Nanoseconds(raw: 1)) }
}
