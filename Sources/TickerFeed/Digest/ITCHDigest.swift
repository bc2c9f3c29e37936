// What a reader of an ITCH file must end with: counts, final books, and hashes over every book
// update. Compared with golden results of programs that share no code with this one.
//
// Invariants
//   - Cursor and books are ingest's own; a digest says what ingest does with the same bytes.
//   - How the bytes were cut into calls of `take` changes nothing.
//   - A line is hashed for each accepted book message, also where nothing visible changed.
//   - Prices and sizes are in ITCH's own scale: units of 0.0001, and shares.
import Basics
import Market

public struct ITCHDigest: ~Copyable {
    public private(set) var messages: UInt64 = 0
    public private(set) var level1 = FNV1a64()
    public private(set) var depth5 = FNV1a64()
    /// Rows of `*.checkpoints.csv`, one every so many book updates.
    public private(set) var checkpoints: [String] = []

    private(set) var books = OrderBooks()
    private(set) var bytes = 0
    private(set) var types: [UInt8: UInt64] = [:]
    private(set) var times: (first: Nanoseconds, last: Nanoseconds)?
    private(set) var systemEvents: [(code: UInt8, time: Nanoseconds)] = []
    private(set) var tradingStates: [SymbolID: UInt8] = [:]
    private(set) var trades: [SymbolID: [Print: PrintTotal]] = [:]
    /// By symbol number.
    private(set) var symbols: [(locate: UInt16, name: String)] = []
    private(set) var isAtEndMarker = false

    private var ids: [UInt16: SymbolID] = [:]
    private let checkpointEvery: UInt64
    private var rest = ByteBuffer()
    private var line = ByteBuffer(capacity: 1024)

    /// How a trade was reported: C is told apart by its printable flag.
    enum Print: String, CaseIterable {
        case executed = "E"
        case printable = "CY"
        case nonPrintable = "CN"
        case trade = "P"
        case cross = "Q"
    }
    struct PrintTotal {
        var count: UInt64 = 0, shares: UInt64 = 0
        /// Shares × price, as integers of the file's scale.
        var notional: Int128 = 0
    }

    public init(checkpointEvery: Int = 0) { self.checkpointEvery = UInt64(checkpointEvery) }

    public var bookUpdates: UInt64 { books.updates }
    public var anomalies: Anomalies { books.anomalies }
    public var liveOrders: Int { books.liveOrders }
    /// Bytes that are no whole message; behind an end marker: all that follows it.
    var bytesLeft: Int { rest.count }

    /// The next bytes of the file.
    public mutating func take(_ more: UnsafeRawBufferPointer) {
        bytes += more.count
        rest.append(more)
        guard !isAtEndMarker else { return }
        let readable = rest.readable
        var cursor = ITCHCursor(readable.bytes)
        while true {
            do throws(ITCHError) {
                guard let message = try cursor.next() else { break }
                take(message)
            } catch {
                messages += 1
                books.anomalies.count(error.anomaly)
            }
        }
        isAtEndMarker = cursor.isAtEndMarker
        rest.consume(cursor.offset)
    }

    private mutating func take(_ message: ITCHMessage) {
        messages += 1
        types[message.type, default: 0] += 1
        if let last = times?.last, message.timestamp < last { books.anomalies.count(.timeBackwards) }
        times = (times?.first ?? message.timestamp, message.timestamp)
        switch message.body {
        case .addOrder, .orderExecuted, .orderExecutedWithPrice, .orderCancel, .orderDelete,
            .orderReplace:
            if let symbol = changeBook(message) { bookUpdated(symbol, at: message.timestamp) }
        default: note(message)
        }
    }

    /// The symbol whose book the message was accepted for.
    private mutating func changeBook(_ message: ITCHMessage) -> SymbolID? {
        switch message.body {
        case .addOrder(let order, let side, let shares, let stock, let price):
            let symbol = symbol(message.locate, stock)
            return books.add(order: order, symbol: symbol, side: side, shares: shares, price: price)?
                .level.symbol
        case .orderExecuted(let order, let shares, _):
            return executed(books.reduce(order: order, by: shares, .executed), .executed, at: nil)
        case .orderExecutedWithPrice(let order, let shares, _, let printable, let price):
            let change = books.reduce(order: order, by: shares, .executedWithPrice)
            return executed(change, printable ? .printable : .nonPrintable, at: price)
        case .orderCancel(let order, let shares):
            return books.reduce(order: order, by: shares, .cancelled)?.level.symbol
        case .orderDelete(let order): return books.delete(order: order)?.level.symbol
        case .orderReplace(let order, let newOrder, let shares, let price):
            return books.replace(order: order, with: newOrder, shares: shares, price: price)?
                .left.level.symbol
        default: return nil
        }
    }

    private mutating func executed(
        _ change: LevelChange?, _ print: Print, at price: Price?
    ) -> SymbolID? {
        guard let change else { return nil }
        let price = price ?? change.level.price
        add(print, of: change.level.symbol, shares: UInt64(change.moved), price: price)
        return change.level.symbol
    }

    /// Everything that leaves the books alone.
    private mutating func note(_ message: ITCHMessage) {
        switch message.body {
        case .systemEvent(let code): systemEvents.append((code, message.timestamp))
        case .stockDirectory(let stock, _): _ = symbol(message.locate, stock)
        case .tradingAction(let stock, let state, _):
            tradingStates[symbol(message.locate, stock)] = state
        case .trade(let shares, let stock, let price, _):
            add(.trade, of: symbol(message.locate, stock), shares: UInt64(shares), price: price)
        case .crossTrade(let shares, let stock, let price, _):
            add(.cross, of: symbol(message.locate, stock), shares: shares, price: price)
        default: break
        }
    }

    private mutating func add(_ print: Print, of symbol: SymbolID, shares: UInt64, price: Price) {
        var total = trades[symbol]?[print] ?? PrintTotal()
        total.count += 1
        total.shares &+= shares
        total.notional += Int128(shares) * Int128(price.e4)
        trades[symbol, default: [:]][print] = total
    }

    private mutating func symbol(_ locate: UInt16, _ stock: ITCHStock) -> SymbolID {
        if let known = ids[locate] { return known }
        let id = books.addSymbol()
        ids[locate] = id
        symbols.append((locate, stock.name?.description ?? "#\(locate)"))
        return id
    }

    // MARK: Lines

    private mutating func bookUpdated(_ symbol: SymbolID, at time: Nanoseconds) {
        hashLevel1(symbol)
        hashDepth5(symbol)
        if checkpointEvery > 0, books.updates % checkpointEvery == 0 {
            checkpoints.append(checkpoint(symbol, at: time))
        }
    }

    /// `SEQ,SYMBOL,BIDPX,BIDSZ,ASKPX,ASKSZ\n`
    private mutating func hashLevel1(_ symbol: SymbolID) {
        line.removeAll()
        let head = "\(messages),\(symbols[symbol.index].name)"
        line.append(head)
        for side in Side.allCases {
            let best = books.best(symbol, side)
            line.write(atMost: 42) { pen in
                pen.byte(UInt8(ascii: ","))
                pen.unsigned(UInt64(best?.price.e4 ?? 0))
                pen.byte(UInt8(ascii: ","))
                pen.unsigned(best?.shares ?? 0)
            }
        }
        line.append("\n")
        level1.add(line.readable)
    }

    /// `SEQ,SYMBOL|p,s;p,s|p,s\n`
    private mutating func hashDepth5(_ symbol: SymbolID) {
        line.removeAll()
        line.append("\(messages),\(symbols[symbol.index].name)")
        for side in Side.allCases {
            line.append("|")
            for depth in 0..<min(5, books.depth(symbol, side)) {
                let level = books.level(symbol, side, depth)
                line.write(atMost: 42) { pen in
                    if depth > 0 { pen.byte(UInt8(ascii: ";")) }
                    pen.unsigned(UInt64(level.price.e4))
                    pen.byte(UInt8(ascii: ","))
                    pen.unsigned(level.shares)
                }
            }
        }
        line.append("\n")
        depth5.add(line.readable)
    }

    /// `update,seq,ts_ns,symbol`, then five levels a side as price, size, orders.
    private func checkpoint(_ symbol: SymbolID, at time: Nanoseconds) -> String {
        var row = "\(books.updates),\(messages),\(time.raw),\(symbols[symbol.index].name)"
        for side in Side.allCases {
            for depth in 0..<5 {
                guard depth < books.depth(symbol, side) else {
                    row += ",0,0,0"
                    continue
                }
                let level = books.level(symbol, side, depth)
                row += ",\(level.price.e4),\(level.shares),\(level.orders)"
            }
        }
        return row
    }
}

extension Price {
    /// Units of 0.0001, as ITCH has it.
    var e4: Int64 { e9 / 100_000 }
}
