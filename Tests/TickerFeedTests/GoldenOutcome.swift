// A digest beside golden results, key by key: each is compared, or it stands here why it is not.
import Basics
import Foundation
import Market
import Testing

@testable import TickerFeed

struct GoldenOutcome {
    let file: GoldenFile
    /// What `tickerd digest` says.
    let ours: NSDictionary
    /// Count, size, and size × price of a symbol's trades, in the format's units.
    private let trades: [String: [Int128]]
    private let scale: FeedScale
    private let synchronisation: [(symbol: SymbolName, isInSync: Bool, lastUpdate: Int64?)]
    let anomalies: Anomalies

    init(_ digest: borrowing Digest, of file: GoldenFile) throws {
        self.file = file
        ours = try Fixture.json(text: Data(digest.json.utf8))
        var sums: [String: [Int128]] = [:]
        for (id, total) in digest.trades {
            let name = digest.builder.directory[id].name.description
            sums[name] = [Int128(total.count), total.size, total.notional]
        }
        trades = sums
        scale = digest.scale
        anomalies = digest.anomalies
        let decoder = (digest.feed as? InputFeed)?.decoder
        synchronisation = (decoder as? BinanceDecoder)?.synchronisation ?? []
    }

    private func members(_ key: String) -> NSDictionary { ours[key] as? NSDictionary ?? [:] }

    private func expect(_ mine: NSObject?, _ value: Any, _ key: String) {
        #expect(mine == value as? NSObject, "\(file.testDescription): \(key)")
    }

    /// Of every form: keys that mean what the digest's own mean.
    ///
    /// - Returns: false for a key that is none of these.
    private func compareCommon(_ key: String, _ value: Any) -> Bool {
        switch key {
        case "price_scale", "book_updates", "l1_fnv1a64", "depth5_fnv1a64", "live_orders", "final",
            "updates_leaving_book_locked", "updates_leaving_book_crossed", "first_ts_ns", "last_ts_ns":
            expect(ours[key] as? NSObject, value, key)
        case "types", "events", "book_handling", "clock", "book_ticker_check":
            expect(members(key), value, key)
        case "input": compareInput(value as? NSDictionary ?? [:])
        // Words for people; the form was found by the file's name and its bytes.
        case "format": break
        // The test made its checkpoints by it.
        case "checkpoint_every": break
        default: return false
        }
        return true
    }

    private func compareInput(_ input: NSDictionary) {
        for (key, value) in input {
            switch key as? String {
            case "file": #expect((members("input")["file"] as? String)?.hasSuffix("\(value)") == true)
            case "bytes": expect(members("input")["bytes"] as? NSObject, value, "input.bytes")
            // Nothing here computes one: that the bytes are theirs is told by every other key.
            case "sha256": break
            default: Issue.record("input.\(key): not known here")
            }
        }
    }

    // MARK: ITCH

    /// Compares one key of ITCH's results, in a file or in a capture.
    func compareITCH(_ key: String, _ value: Any, all golden: NSDictionary) {
        if compareCommon(key, value) { return }
        switch key {
        case "messages": expect(ours[key] as? NSObject, value, key)
        case "anomalies": compareITCHAnomalies(value)
        case "missing_sequences": expect(ours[key] as? NSObject, value, key)
        case "transport":
            for (key, count) in value as? NSDictionary ?? [:] {
                expect(members("transport")[key] as? NSObject, count, "transport.\(key)")
            }
        case "end": compareEnd(value as? NSDictionary ?? [:])
        case "symbols":
            let names = (value as? NSDictionary ?? [:]).allValues.compactMap { $0 as? String }
            #expect(Set(names) == Set(members("final").allKeys.compactMap { $0 as? String }))
        case "trading_state": compareStates(value, golden["system_events"] as? [[NSObject]] ?? [])
        case "trades_count_shares_notional": compareITCHTrades(value)
        // They are no ticks; `systemEvents` of the test reads them from the file.
        case "system_events":
            #expect((value as? [NSObject])?.count == members("types")["S"] as? Int ?? 0)
        // An order's place in its level's queue: our levels are sums.
        case "time_priority_check": break
        default: Issue.record("\(file.testDescription): \(key) is not known here")
        }
    }

    /// A gap is counted here beside what it leads to.
    private func compareITCHAnomalies(_ value: Any) {
        var counted = members("anomalies") as? [String: Int] ?? [:]
        let gaps = (ours["missing_sequences"] as? [NSObject])?.count ?? 0
        #expect(counted.removeValue(forKey: "sequence_gap") ?? 0 == gaps)
        expect(counted as NSDictionary, value, "anomalies")
    }

    private func compareEnd(_ golden: NSDictionary) {
        var end = members("end") as? [String: NSObject] ?? [:]
        let isCut = golden["incomplete_bytes_at_end"] != nil
        #expect((end.removeValue(forKey: "fault") != nil) == isCut, "\(file.testDescription): end.fault")
        expect(end as NSDictionary, golden, "end")
    }

    /// The last H of a symbol; behind the end of system hours (S with E) nothing trades.
    private func compareStates(_ value: Any, _ systemEvents: [[NSObject]]) {
        let names = ["T": "trading", "H": "halted", "P": "paused", "Q": "auction"]
        let isOver = systemEvents.contains { $0.first as? String == "E" }
        let states = (value as? [String: String] ?? [:]).mapValues { isOver ? "closed" : names[$0] ?? $0 }
        expect(members("status"), states as NSDictionary, "trading_state")
    }

    /// What isn't printable (`CN`) is no trade: it comes again in bulk.
    private func compareITCHTrades(_ value: Any) {
        let golden = (value as? [String: [String: [Int]]] ?? [:]).mapValues { kinds in
            GoldenOutcome.sum(kinds.filter { $0.key != "CN" })
        }
        #expect(trades == golden, "\(file.testDescription): trades")
    }

    /// Count, size and size × price of all kinds of trades together.
    private static func sum(_ kinds: [String: [Int]]) -> [Int128] {
        kinds.values.reduce(into: [0, 0, 0]) { sum, kind in
            for (index, number) in kind.enumerated() { sum[index] += Int128(number) }
        }
    }

    // MARK: Binance

    func compareBinance(_ key: String, _ value: Any) {
        if compareCommon(key, value) { return }
        switch key {
        case "lines":
            expect(members("lines")["count"] as? NSObject, value, key)
        case "size_scale": expect((100_000_000 / scale.sizeE8) as NSNumber, value, key)
        case "trades_count_size_notional1e16":
            let golden = (value as? [String: [NSObject]] ?? [:]).mapValues { $0.map { "\($0)" } }
            #expect(trades.mapValues { $0.map { "\($0)" } } == golden, "\(file.testDescription): trades")
        case "in_sync_at_end":
            let mine = synchronisation.map { ("\($0.symbol)", $0.isInSync) }
            expect(Dictionary(uniqueKeysWithValues: mine) as NSDictionary, value, key)
        case "last_update_id":
            let mine = synchronisation.map { ("\($0.symbol)", $0.lastUpdate.map { "\($0)" } ?? "none") }
            let golden = (value as? [String: NSObject] ?? [:]).mapValues {
                $0 is NSNull ? "none" : "\($0)"
            }
            let numbers = Dictionary(uniqueKeysWithValues: mine)
            #expect(numbers == golden, "\(file.testDescription): \(key)")
        default: Issue.record("\(file.testDescription): \(key) is not known here")
        }
    }

    // MARK: LOBSTER

    func compareLOBSTER(_ key: String, _ value: Any) {
        if compareCommon(key, value) { return }
        switch key {
        case "messages": compareInput(value as? NSDictionary ?? [:])
        case "executions_count_shares_notional":
            let sum = GoldenOutcome.sum(value as? [String: [Int]] ?? [:])
            #expect(trades == ["AAPL": sum], "\(file.testDescription): trades")
        case "method_levels":
            for (key, value) in value as? [String: Any] ?? [:] { compareLevels(key, value) }
        // Order by order; a LOBSTER book is kept by levels here, and both reach the same rows.
        case "method_orders": break
        // LOBSTER's own rows: `lobsterRows` compares with them.
        case "book_rows", "first_row", "rows_compared", "levels_in_book_file", "levels_in_first_row": break
        default: Issue.record("\(file.testDescription): \(key) is not known here")
        }
    }

    private func compareLevels(_ key: String, _ value: Any) {
        if key == "final" { return expect(members("final")["AAPL"] as? NSObject, value, key) }
        if compareCommon(key, value) { return }
        switch key {
        case "reductions_larger_than_level":
            expect(members("anomalies"), ["over_reduce_level": value] as NSDictionary, key)
        case "rows_agreeing_by_depth", "first_row_differing_by_depth", "level1_differing_row_ranges": break
        default: Issue.record("\(file.testDescription): method_levels.\(key) is not known here")
        }
    }
}
