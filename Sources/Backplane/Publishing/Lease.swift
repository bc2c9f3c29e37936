// Who of several publishers of one feed is the one.
//
// Invariants
//   - A lease counts from when it was asked for, by the clock of who asked: the engine counts from later.
//     So nobody believes to have it when another may.
//   - Who lost it for a moment publishes a new life when it is got again: another may have published.
import Basics

struct Lease {
    /// Two of three claims may get lost.
    static let span = Nanoseconds.seconds(2)
    static let claimInterval = Nanoseconds.milliseconds(500)

    private var claimedAt: Instant?
    private var nextClaim = Instant.zero
    private var end: Instant?

    func isHeld(at now: Instant) -> Bool { end.map { now < $0 } ?? false }

    /// Whether to ask for it now; the asking is noted.
    mutating func shouldClaim(at now: Instant) -> Bool {
        guard now >= nextClaim else { return false }
        nextClaim = now + Lease.claimInterval
        // An answer that is still to come is to the older question.
        if claimedAt == nil { claimedAt = now }
        return true
    }

    mutating func answered(isOwn: Bool) {
        if isOwn {
            end = claimedAt.map { $0 + Lease.span } ?? end
        } else {
            end = nil
        }
        claimedAt = nil
    }

    /// The connection broke: the lease stays until its end.
    mutating func disconnected() {
        claimedAt = nil
        nextClaim = .zero
    }

    /// When to look again.
    func next(after now: Instant) -> Instant { min(nextClaim, end ?? .never) }
}
