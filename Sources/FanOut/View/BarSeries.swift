// One symbol's bars of one interval: the open one, and the latest that were closed.
//
// Invariants
//   - Closed bars are numbered from 1 by `OpenBar.closes`, in step with ingest.
//   - A minute and more of closed seconds stays: longer than a stalled subscriber may.
import Basics
import Market

struct ClosedBar {
    let bar: Bar
    /// The version that closed it.
    let sequence: UInt64
    /// The version before its first trade.
    let sequenceBefore: UInt64
    let end: Timestamp
    let receiveTime: Timestamp
    /// Ticks on the tape before the mark that closed it.
    let position: UInt64
    var bodies = Bodies()
}

struct BarSeries: ~Copyable {
    static let closedMax = 128

    let interval: BarInterval
    private(set) var open = OpenBar()
    private(set) var closed = History<ClosedBar>(capacityMax: closedMax)
    /// The tick that changed it last, by its place on the tape.
    private(set) var changedAt: UInt64 = 0
    var openBodies = Bodies()

    init(_ interval: BarInterval) { self.interval = interval }

    /// The newest version that has a bar: between two of them trades may be taken back.
    func newest(after trades: UInt64) -> UInt64 {
        guard open.isEmpty, closed.count > 0 else { return open.sequence(after: trades) }
        return closed[closed.last].pointee.sequence
    }

    @inline(__always)
    mutating func add(_ trade: Tick, position: UInt64) {
        changedAt = position
        open.add(
            price: trade.price, size: trade.size, number: trade.sequence, at: trade.eventTime, interval)
    }

    /// A trade was taken back. The open bar's version moves, be it one of its own or not.
    mutating func takeBack(_ broken: Tick, position: UInt64) {
        guard !open.isEmpty else { return }
        changedAt = position
        guard broken.flags.contains(.inOpen(interval)) else { return }
        open.remove(price: broken.price, size: broken.size)
    }

    /// Takes the mark that ends the open bar.
    mutating func close(_ tick: Tick, position: UInt64) {
        changedAt = position
        let sequenceBefore = open.sequenceBefore
        let bar = open.close(interval)
        closed.append(
            ClosedBar(
                bar: bar, sequence: tick.sequence, sequenceBefore: sequenceBefore, end: tick.eventTime,
                receiveTime: tick.receiveTime, position: position),
            number: open.closes)
    }

    mutating func startOver() { open.startOver() }

    /// No bar is open, and none was ever closed: another epoch begins.
    mutating func forgetAll(position: UInt64) {
        open = OpenBar()
        closed.forgetAll()
        changedAt = position
    }

    mutating func restore(_ tick: Tick, after trades: UInt64, last: Price, position: UInt64) {
        changedAt = position
        open.restore(tick, after: trades, last: last)
        // What was closed while nobody read here is not known any more.
        if closed.last != open.closes { closed.startOver(at: open.closes + 1) }
    }
}
