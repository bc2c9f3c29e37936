// What a reader of an input must end with: counts, final books, and hashes over every book update.
// Compared with golden results of programs that share no code with this one.
//
// Invariants
//   - Feed and builder are ingest's own, an event at a time: a digest says what ingest does with the
//     same bytes.
//   - A line is hashed for each accepted book message, also where nothing visible changed.
//   - Prices, sizes and times are in the format's own scale, so that other programs agree.
import Basics
import Market

/// Counts, final books and hashes of a whole feed, as `tickerd digest` prints them.
public struct Digest: ~Copyable {
    /// Events played, rejected ones included.
    package private(set) var messages: UInt64 = 0
    private(set) var level1 = FNV1a64()
    private(set) var depth5 = FNV1a64()
    /// Rows of `*.checkpoints.csv`, one every so many book updates.
    private(set) var checkpoints: [String] = []
    /// Ticks on the tape, and a hash over them with the receive time taken as 0: two runs are equal.
    private(set) var ticks: UInt64 = 0
    package private(set) var tickHash = FNV1a64()
    /// Why the input could not be read to its end.
    package private(set) var fault: FeedError?

    private(set) var builder: BookBuilder
    private(set) var trades: [SymbolID: TradeTotal] = [:]
    private(set) var times: (first: Timestamp, last: Timestamp)?
    let feed: any Feed
    let scale: FeedScale
    /// Where the format's times count from.
    let timeZero: Timestamp

    private let checkpointEvery: UInt64
    private let reader: TapeReader
    private let batch: UnsafeMutableBufferPointer<Tick>
    private var updates: UInt64 = 0
    private var line = ByteBuffer(capacity: 1024)

    struct TradeTotal {
        var count: UInt64 = 0
        var size: Int128 = 0
        /// Size × price, as integers of the format's scale.
        var notional: Int128 = 0
    }

    /// - Parameters:
    ///   - checkpointEvery: book updates from one checkpoint to the next; 0: none are made.
    ///   - tapeCapacity: ticks, more than any one event has.
    package init(
        _ feed: any Feed, scale: FeedScale, timeZero: Timestamp, checkpointEvery: Int = 0,
        tapeCapacity: Int = Digest.tapeCapacity
    ) {
        self.feed = feed
        self.scale = scale
        self.timeZero = timeZero
        self.checkpointEvery = UInt64(checkpointEvery)
        let tape = Tape(capacity: tapeCapacity)
        reader = tape.makeReader()
        builder = BookBuilder(Tape.Writer(tape))
        batch = .allocate(capacity: 1_024)
    }
    deinit { batch.deallocate() }

    /// A book snapshot of 5,000 levels a side is the largest event known.
    package static let tapeCapacity = 1 << 17

    var bookUpdates: UInt64 { builder.books.updates }
    var anomalies: Anomalies { builder.anomalies }
    var liveOrders: Int { builder.books.liveOrders }

    /// Plays the feed to its end.
    ///
    /// - Parameter progress: hears now and then how far it is.
    package mutating func run(_ progress: (InputReport) -> Void = { _ in }) {
        while true {
            if messages & 0xffff == 0, let report = feed.report { progress(report) }
            let step = feed.play(
                upTo: Timestamp(raw: .max), limit: 1, received: .zero, into: &builder)
            messages += UInt64(step.played)
            if step.played > 0 { noteEvent() }
            switch step.next {
            case .due, .now: continue
            case .waits: feed.wait(atMost: .seconds(1))
            case .end: return
            case .failed(let fault):
                self.fault = fault
                return
            }
        }
    }

    private mutating func noteEvent() {
        times = (times?.first ?? builder.last.time, builder.last.time)
        if builder.books.updates != updates {
            updates = builder.books.updates
            bookUpdated(builder.books.lastUpdated)
        }
        builder.publish()
        while case .ticks(let count) = reader.read(into: batch) {
            for index in 0..<count { take(batch[index]) }
        }
    }

    private mutating func take(_ tick: Tick) {
        ticks += 1
        var tick = tick
        tick.receiveTime = .zero
        tick.hash(into: &tickHash)
        guard tick.kind == .trade else { return }
        let size = Int128(tick.size.e8 / scale.sizeE8)
        trades[tick.symbol, default: TradeTotal()].count += 1
        trades[tick.symbol, default: TradeTotal()].size += size
        trades[tick.symbol, default: TradeTotal()].notional += size * Int128(tick.price.e9 / scale.priceE9)
    }

    // MARK: Lines

    private mutating func bookUpdated(_ symbol: SymbolID) {
        let name = builder.directory[symbol].name.description
        hashLevel1(symbol, name)
        hashDepth5(symbol, name)
        if checkpointEvery > 0, updates % checkpointEvery == 0 {
            checkpoints.append(checkpoint(symbol, name))
        }
    }

    /// `SEQ,SYMBOL,BIDPX,BIDSZ,ASKPX,ASKSZ\n`
    private mutating func hashLevel1(_ symbol: SymbolID, _ name: String) {
        line.removeAll()
        line.append("\(builder.last.source),\(name)")
        for side in Side.allCases {
            let best = builder.books.best(symbol, side)
            write(price: best.map { price($0) } ?? 0, size: best.map { size($0) } ?? 0, after: ",")
        }
        line.append("\n")
        level1.add(line.readable)
    }

    /// `SEQ,SYMBOL|p,s;p,s|p,s\n`
    private mutating func hashDepth5(_ symbol: SymbolID, _ name: String) {
        line.removeAll()
        line.append("\(builder.last.source),\(name)")
        for side in Side.allCases {
            line.append("|")
            for depth in 0..<min(5, builder.books.depth(symbol, side)) {
                let level = builder.books.level(symbol, side, depth)
                write(price: price(level), size: size(level), after: depth > 0 ? ";" : "")
            }
        }
        line.append("\n")
        depth5.add(line.readable)
    }

    private mutating func write(price: Int64, size: UInt64, after separator: String) {
        line.append(separator)
        line.write(atMost: 42) { pen in
            if price < 0 { pen.byte(UInt8(ascii: "-")) }
            pen.unsigned(price.magnitude)
            pen.byte(UInt8(ascii: ","))
            pen.unsigned(size)
        }
    }

    /// `update,seq,ts_ns,symbol`, then five levels a side as price, size, orders.
    private func checkpoint(_ symbol: SymbolID, _ name: String) -> String {
        let time = (builder.last.time - timeZero).raw
        var row = "\(updates),\(builder.last.source),\(time),\(name)"
        for side in Side.allCases {
            for depth in 0..<5 {
                guard depth < builder.books.depth(symbol, side) else {
                    row += ",0,0,0"
                    continue
                }
                let level = builder.books.level(symbol, side, depth)
                row += ",\(price(level)),\(size(level)),\(level.orders)"
            }
        }
        return row
    }

    // MARK: Units

    func price(_ level: BookLevel) -> Int64 { level.price.e9 / scale.priceE9 }
    func size(_ level: BookLevel) -> UInt64 {
        let unit = builder.states[level.symbol].pointee.unit
        return UInt64(clamping: Int128(level.shares) * Int128(unit.e8) / Int128(scale.sizeE8))
    }
}
