// When a throttled connection speaks: all slots of one rate together, once an interval.
//
//     offered   ab-cd----      one character is 1 ms, interval 3 ms, first due at 1 ms
//     emitted   -b--d----      what goes out is the newest; a and c were conflated
//
// Invariants
//   - Between two turns of a class lies at least its interval: a turn that was late makes the next
//     one later, so no rate is ever exceeded, and a loop with too much to do is asked for less.
//   - Whatever was offered is out, itself or a newer version, an interval and a turn later.
//   - Connections that were late together do not stay together: now and then one waits a turn more,
//     by its own dice. A thousand writes at once every interval would be late themselves.
//   - No clock, no timer, no I/O in here: the caller passes `now`.
import Basics
import Dialects

/// All slots of one connection that are due together.
struct RateClass {
    let rate: Rate
    let interval: Nanoseconds
    /// When it is due next; `.never` for `max`, which follows the market instead.
    var due: Instant
    /// Slots in it. An empty class is free for another rate.
    var slots: Int

    var isRealTime: Bool { rate == .max }
}

/// The cadences of one connection.
///
/// A new slot joins a class of its rate that is due soon, or opens one that is due with the next
/// other class that is soon, so that they share a write, or at once: its snapshot waits at most
/// `patience`. Only a connection that keeps `phasesMax` classes busy makes a new slot wait for the
/// next turn of its rate.
struct RateClasses {
    static let patience = Nanoseconds.milliseconds(100)
    /// Classes a connection may have; their set is a `UInt32`.
    static let classesMax = 32
    /// Classes up to which a rate may have several; the rest is for rates that have none yet.
    static let phasesMax = 24

    private(set) var classes: [RateClass] = []
    /// The class that follows the market, as a bit set: asked on every turn, so not searched for.
    private(set) var realTime: UInt32 = 0
    /// The dice: any number but 0, which never waits.
    private var dice: UInt32

    init(dice: UInt32 = 0) { self.dice = dice }

    subscript(index: UInt8) -> RateClass { classes[Int(index)] }

    /// The earliest moment at which a throttled class is due.
    var due: Instant {
        var due = Instant.never
        for index in classes.indices where classes[index].slots > 0 { due = min(due, classes[index].due) }
        return due
    }

    /// The classes due at `now` as a bit set; each is due again an interval later.
    mutating func takeDue(at now: Instant) -> UInt32 {
        var due: UInt32 = 0
        for index in classes.indices where classes[index].slots > 0 && classes[index].due <= now {
            due |= 1 << UInt32(index)
            let interval = classes[index].interval
            classes[index].due = now + interval + (dice >> 31 == 0 ? .zero : RateClasses.turnMore(interval))
        }
        if due != 0 { dice = dice &* 1_664_525 &+ (dice == 0 ? 0 : 1_013_904_223) }
        return due
    }

    /// What a class waits besides every second time, the same for all that are due at once: they
    /// stay together. A millisecond, the wheel's tick, and never more than a hundredth of the interval.
    private static func turnMore(_ interval: Nanoseconds) -> Nanoseconds {
        min(.milliseconds(1), Nanoseconds(raw: interval.raw / 100))
    }

    /// Classes of which the last slot was served only now, later than they were due.
    mutating func postpone(_ served: UInt32, from now: Instant) {
        for index in classes.indices where served & (1 << UInt32(index)) != 0 && !classes[index].isRealTime {
            classes[index].due = max(classes[index].due, now + classes[index].interval)
        }
    }

    /// Enters `slots` slots into a class of that rate; nil where there are too many different rates.
    mutating func join(_ rate: Rate, slots: Int, now: Instant) -> UInt8? {
        precondition(slots > 0, "an empty class is a free one")
        let busy = classes.indices.filter { classes[$0].slots > 0 }
        let soonest = busy.filter { classes[$0].rate == rate }.min { classes[$0].due < classes[$1].due }
        if let soonest {
            let isSoon = classes[soonest].due <= now + RateClasses.patience
            if rate == .max || isSoon || busy.count >= RateClasses.phasesMax {
                return enter(soonest, slots)
            }
        }
        guard busy.count < RateClasses.classesMax else { return nil }
        let made = RateClass(rate: rate, interval: rate.interval, due: firstDue(rate, now), slots: 0)
        if let free = classes.firstIndex(where: { $0.slots == 0 }) {
            classes[free] = made
            return enter(free, slots)
        }
        classes.append(made)
        return enter(classes.count - 1, slots)
    }

    mutating func leave(_ index: UInt8) {
        classes[Int(index)].slots -= 1
        if classes[Int(index)].slots == 0 { realTime &= ~(1 << UInt32(index)) }
    }

    private mutating func enter(_ index: Int, _ slots: Int) -> UInt8 {
        classes[index].slots += slots
        if classes[index].isRealTime { realTime |= 1 << UInt32(index) }
        return UInt8(index)
    }

    private func firstDue(_ rate: Rate, _ now: Instant) -> Instant {
        guard rate != .max else { return .never }
        let next = due
        return next <= now + RateClasses.patience ? max(next, now) : now
    }
}
