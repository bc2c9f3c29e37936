// Where a book stands in the exchange's numbers, and whether an event is the next one.
//
//     waiting ──snapshot──▶ primed ──first event that fits──▶ synced ──▶ … ──gap, new connection──▶ waiting
//
// "How to manage a local order book correctly" in Binance's documentation, for spot and for USD-M
// futures, whose events also name the one before (`pu`). Which rules hold, an event says by having it.

/// Numbers of an event: the first and the last update in it, and the last one of the event before.
struct DepthRange: BitwiseCopyable, Equatable {
    var first: Int64
    var last: Int64
    /// Futures only; -1 on spot.
    var previous: Int64 = -1

    var isFutures: Bool { previous >= 0 }
}

struct DepthSequence: BitwiseCopyable, Equatable {
    enum State: Equatable {
        /// No snapshot that fits: events are kept.
        case waiting
        /// A snapshot was taken, and no event since.
        case primed
        case synced
    }
    enum Verdict: Equatable {
        case next
        /// The snapshot has it already.
        case olderThanSnapshot
        /// It was applied before.
        case old
        /// Something between it and the book is missing.
        case gap
    }

    private(set) var state = State.waiting
    /// The last update in the book.
    private(set) var last: Int64 = -1

    mutating func take(snapshot: Int64) { (state, last) = (.primed, snapshot) }
    mutating func take(_ event: DepthRange) { (state, last) = (.synced, event.last) }
    mutating func lose() { (state, last) = (.waiting, -1) }

    /// What an event is to the book. Only with a book: not while waiting.
    func judge(_ event: DepthRange) -> Verdict {
        assert(state != .waiting)
        if state == .primed { return judgeFirst(event) }
        guard event.last > last else { return .old }
        let fits = event.isFutures ? event.previous == last : event.first <= last + 1
        return fits ? .next : .gap
    }

    /// The first event behind a snapshot overlaps it.
    private func judgeFirst(_ event: DepthRange) -> Verdict {
        // Futures want the event that has the snapshot's own number, spot the one that has the next.
        let wanted = event.isFutures ? last : last + 1
        guard event.last >= wanted else { return .olderThanSnapshot }
        return event.first <= wanted ? .next : .gap
    }
}
