// A slot: one subscription of one connection to one symbol's channel. Instead of a queue.
import Basics
import Dialects
import Market

struct Slot {
    let symbol: SymbolID
    let channel: Channel
    var mode: TradeMode
    var stamps: Bool
    /// Which of the connection's rate classes it belongs to.
    var rateClass: UInt8
    /// The version this subscriber was given last; 0: it gets a snapshot next.
    var sent: UInt64 = 0
}

/// All slots of one connection with one cadence.
struct RateClass {
    let rate: Rate
    let cadence: Cadence
    /// When the class is due next; `.never` for `max`, which follows the market instead.
    var due: Instant
    /// Slots in it. An empty class is free for another rate.
    var slots = 0

    var isRealTime: Bool { rate == .max }
}

/// What one connection has subscribed to.
///
/// A class lies on the connection's grid: points at most `gridMax` apart, so that slow rates share
/// their writes with each other. A new slot joins a class of its rate that is due within that time,
/// or opens one at the next point: its snapshot waits at most `gridMax`, and from then on it is
/// never sent more than its rate and never later than an interval. Only a connection that keeps
/// `phasesMax` classes busy makes a new slot wait for the next turn of its rate.
struct Subscriptions: ~Copyable {
    static let gridMax = Nanoseconds.milliseconds(100)
    /// Classes a connection may have; their set is a `UInt32`.
    static let classesMax = 32
    /// Classes up to which a rate may have several; the rest is for rates that have none yet.
    static let phasesMax = 24

    private(set) var slots: [Slot] = []
    private(set) var classes: [RateClass] = []
    /// The class that follows the market, as a bit set: asked on every turn, so not searched for.
    private(set) var realTimeClass: UInt32 = 0
    private var phase: Nanoseconds?

    var isEmpty: Bool { slots.isEmpty }
    var hasRealTime: Bool { realTimeClass != 0 }

    /// The earliest moment at which a throttled class is due.
    var due: Instant {
        classes.reduce(.never) { $1.slots > 0 ? min($0, $1.due) : $0 }
    }

    /// Symbols with at least one slot.
    var symbolCount: Int { Set(slots.map(\.symbol)).count }

    func index(of symbol: SymbolID, _ channel: Channel) -> Int? {
        slots.firstIndex { $0.symbol == symbol && $0.channel == channel }
    }

    /// Adds a slot or changes one; either way a snapshot comes next.
    ///
    /// - Returns: false where the connection has too many different rates already.
    mutating func subscribe(
        _ symbol: SymbolID, _ channel: Channel, rate: Rate, mode: TradeMode, stamps: Bool, now: Instant
    ) -> Bool {
        guard let rateClass = join(rate, now: now) else { return false }
        let slot = Slot(
            symbol: symbol, channel: channel, mode: mode, stamps: stamps, rateClass: rateClass)
        if let known = index(of: symbol, channel) {
            leave(slots[known].rateClass)
            slots[known] = slot
        } else {
            slots.append(slot)
        }
        return true
    }

    mutating func unsubscribe(_ symbol: SymbolID, _ channel: Channel) -> Bool {
        guard let known = index(of: symbol, channel) else { return false }
        leave(slots[known].rateClass)
        slots.remove(at: known)
        return true
    }

    /// Changes a slot's rate and nothing else: the chain of versions goes on.
    ///
    /// - Returns: false where the connection has too many different rates already.
    mutating func set(_ rate: Rate, slot index: Int, now: Instant) -> Bool {
        guard let rateClass = join(rate, now: now) else { return false }
        leave(slots[index].rateClass)
        slots[index].rateClass = rateClass
        return true
    }

    func rate(of slot: Slot) -> Rate { classes[Int(slot.rateClass)].rate }

    mutating func removeAll() {
        slots = []
        classes = []
        realTimeClass = 0
    }

    /// The classes due at `now` as a bit set; their next time is set from the cadence, so that
    /// being late once does not move what follows.
    mutating func takeDue(at now: Instant) -> UInt32 {
        var due: UInt32 = 0
        for index in classes.indices where classes[index].slots > 0 && classes[index].due <= now {
            due |= 1 << UInt32(index)
            classes[index].due = classes[index].cadence.next(after: now)
        }
        return due
    }

    /// Records what a slot was sent.
    @inline(__always)
    mutating func markSent(_ index: Int, _ version: UInt64) { slots[index].sent = version }

    private mutating func leave(_ index: UInt8) {
        classes[Int(index)].slots -= 1
        if classes[Int(index)].slots == 0 { realTimeClass &= ~(1 << UInt32(index)) }
    }

    private mutating func join(_ rate: Rate, now: Instant) -> UInt8? {
        let joinable = classes.indices.filter { classes[$0].rate == rate && classes[$0].slots > 0 }
        let soonest = joinable.min { classes[$0].due < classes[$1].due }
        if let soonest, rate == .max || classes[soonest].due <= now + Subscriptions.gridMax {
            return enter(soonest)
        }
        let busy = classes.reduce(0) { $0 + ($1.slots > 0 ? 1 : 0) }
        if let soonest, busy >= Subscriptions.phasesMax { return enter(soonest) }
        guard busy < Subscriptions.classesMax else { return nil }
        let free = classes.firstIndex { $0.slots == 0 }
        let made = makeClass(rate, now: now)
        if let free { classes[free] = made } else { classes.append(made) }
        return enter(free ?? classes.count - 1)
    }

    private mutating func enter(_ index: Int) -> UInt8 {
        classes[index].slots += 1
        if classes[index].isRealTime { realTimeClass |= 1 << UInt32(index) }
        return UInt8(index)
    }

    private mutating func makeClass(_ rate: Rate, now: Instant) -> RateClass {
        let interval = rate.interval
        guard rate != .max else {
            return RateClass(
                rate: rate, cadence: Cadence(interval: Nanoseconds(raw: 1), phase: .zero), due: .never)
        }
        // The first subscription sets the connection's phase, and so gets its snapshot at once.
        let phase = self.phase ?? Nanoseconds(raw: now.raw % Subscriptions.gridMax.raw)
        self.phase = phase
        let grid = Cadence(interval: min(interval, Subscriptions.gridMax), phase: phase)
        let due = grid.next(from: now)
        return RateClass(
            rate: rate,
            cadence: Cadence(interval: interval, phase: Nanoseconds(raw: due.raw % interval.raw)),
            due: due)
    }
}
