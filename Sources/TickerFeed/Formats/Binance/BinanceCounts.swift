// What came in a session and what became of it, by the names of the golden results.

enum BinanceCount: Int, CaseIterable {
    case lines
    case aggTrade, bookTicker, depthUpdate, kline, notInbound, other, snapshot, trade
    case buffered, malformed, old, olderThanSnapshot, absentLevel, gap
    /// Kept events start behind the snapshot: it was not taken.
    case snapshotTooOld
    /// Kept events, or symbols, beyond what there is room for.
    case overflow
    case receivedEarly
    case tickersCompared, tickersEqual

    var name: String {
        switch self {
        case .lines: "lines"
        case .aggTrade: "events.aggTrade"
        case .bookTicker: "events.bookTicker"
        case .depthUpdate: "events.depthUpdate"
        case .kline: "events.kline"
        case .notInbound: "events.not_inbound"
        case .other: "events.other"
        case .snapshot: "events.snapshot"
        case .trade: "events.trade"
        case .buffered: "book_handling.buffered_waiting_for_snapshot"
        case .malformed: "book_handling.malformed_lines"
        case .old: "book_handling.old_or_duplicate_dropped"
        case .olderThanSnapshot: "book_handling.older_than_snapshot_dropped"
        case .absentLevel: "book_handling.remove_of_absent_level"
        case .gap: "book_handling.sequence_gap"
        case .snapshotTooOld: "book_handling.snapshot_too_old"
        case .overflow: "book_handling.buffer_overflow"
        case .receivedEarly: "clock.received_before_event_time"
        case .tickersCompared: "book_ticker_check.compared"
        case .tickersEqual: "book_ticker_check.equal"
        }
    }

    init(_ kind: BinanceMessage.Kind) {
        switch kind {
        case .depthUpdate: self = .depthUpdate
        case .snapshot: self = .snapshot
        case .bookTicker: self = .bookTicker
        case .trade: self = .trade
        case .aggTrade: self = .aggTrade
        case .kline: self = .kline
        case .opened, .outbound: self = .notInbound
        case .other: self = .other
        }
    }
}

struct BinanceCounts {
    private var counts: [24 of UInt64] = .init(repeating: 0)

    @inline(__always)
    mutating func add(_ count: BinanceCount, _ more: Int = 1) { counts[count.rawValue] += UInt64(more) }

    /// Those that happened.
    var named: [FeedCount] {
        BinanceCount.allCases.filter { counts[$0.rawValue] > 0 }.map {
            FeedCount($0.name, counts[$0.rawValue])
        }
    }
}
