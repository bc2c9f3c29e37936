// Bars: each one that was closed, in order, then the open one as it stands.
import Basics
import Dialects
import Market

extension Shard {
    /// - Returns: false when the write is full before all closed bars are in it.
    mutating func gatherBars(_ one: Addressee) -> Bool {
        let series = one.symbol.pointee.series(one.slot.pointee.kind.interval)
        let newest = series.pointee.newest(after: one.symbol.pointee.tradeSequence)
        guard newest != one.slot.pointee.sent else { return true }
        let closes = min(series.pointee.open.closes, latest(in: series.pointee.closed) { $0.position })
        if one.slot.pointee.isNew {
            // A subscription begins with the open bar, or with the last one where none is open.
            let begins = series.pointee.open.isEmpty && series.pointee.closed.count > 0
            one.slot.pointee.seen = begins ? closes - 1 : closes
        }
        guard gatherClosed(one, series, through: closes) else { return false }
        guard !series.pointee.open.isEmpty, series.pointee.changedAt < horizon else { return true }
        emit(
            openBody(one, series, newest), version: newest,
            received: one.symbol.pointee.lastPrint?.receiveTime ?? .zero, to: one)
        return true
    }

    private mutating func gatherClosed(
        _ one: Addressee, _ series: UnsafeMutablePointer<BarSeries>, through closes: UInt64
    ) -> Bool {
        if one.slot.pointee.seen + 1 < series.pointee.closed.first { skipLost(one, series) }
        while one.slot.pointee.seen < closes {
            guard scratch.count < writeMax else { return false }
            let number = one.slot.pointee.seen + 1
            let bar = series.pointee.closed[number]
            emit(
                closedBody(one, bar), version: bar.pointee.sequence, received: bar.pointee.receiveTime,
                to: one)
            one.slot.pointee.seen = number
        }
        return true
    }

    /// Bars this subscriber missed are not there any more.
    private mutating func skipLost(_ one: Addressee, _ series: UnsafeMutablePointer<BarSeries>) {
        let first = series.pointee.closed.first
        let wasLapped = first == series.pointee.closed.resumedAt
        let last: UInt64
        if series.pointee.closed.count > 0 {
            last = series.pointee.closed[first].pointee.sequenceBefore
        } else if series.pointee.open.isEmpty {
            last = series.pointee.open.sequence(after: one.symbol.pointee.tradeSequence)
        } else {
            last = series.pointee.open.sequenceBefore
        }
        if last > one.slot.pointee.sent { gap(to: last, wasLapped: wasLapped, one) }
        one.slot.pointee.seen = first - 1
    }

    private mutating func closedBody(
        _ one: Addressee, _ bar: UnsafeMutablePointer<ClosedBar>
    ) -> UnsafeRawBufferPointer {
        let version = bar.pointee.sequence
        return arena.bytes(&bar.pointee.bodies, one.encoding, version: version) { pen in
            Shard.encode(bar.pointee.bar, isClosed: true, version, at: bar.pointee.end, one, to: &pen)
        }
    }

    private mutating func openBody(
        _ one: Addressee, _ series: UnsafeMutablePointer<BarSeries>, _ version: UInt64
    ) -> UnsafeRawBufferPointer {
        let time = one.symbol.pointee.lastPrint?.eventTime ?? series.pointee.open.bar.start
        return arena.bytes(&series.pointee.openBodies, one.encoding, version: version) { pen in
            Shard.encode(series.pointee.open.bar, isClosed: false, version, at: time, one, to: &pen)
        }
    }

    private static func encode(
        _ bar: Bar, isClosed: Bool, _ version: UInt64, at time: Timestamp, _ one: Addressee,
        to pen: inout Pen
    ) {
        let interval = one.slot.pointee.kind.interval
        switch one.encoding {
        case .json:
            NativeJSON.bar(
                bar, interval, isClosed: isClosed, sequence: version, at: time,
                name: one.symbol.pointee.name, to: &pen)
        case .sbe:
            NativeSBE.bar(
                bar, interval, isClosed: isClosed, sequence: version, at: time,
                symbol: one.slot.pointee.symbol, to: &pen)
        }
    }
}
