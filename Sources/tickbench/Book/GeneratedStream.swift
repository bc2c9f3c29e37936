// A day of ITCH 5.0 that never was, in memory: as many symbols and live orders as wanted.
//
//     R for each symbol · adds, and a little of all else, until so many orders live │ the messages
//                                                                        `opening` ─┘ that are timed
//
// Of a thousand messages about 448 add (9 of them F), 430 delete, 70 replace, 30 execute, 15 cancel,
// 5 trade hidden orders, 1 executes at another price. Symbols take turns message by message, which
// is harder on caches than a real day, where a symbol's messages come in bursts.
import Basics
import Market

struct GeneratedStream: ~Copyable {
    /// All messages, each behind its length.
    private(set) var bytes = ByteBuffer()
    /// Messages, and their bytes, before those that are timed.
    private(set) var openingMessages = 0
    private(set) var openingBytes = 0
    private(set) var messages = 0

    private var market: GeneratedMarket
    private let live: Int
    private var nanoseconds: UInt64 = 34_200_000_000_000
    private var match: UInt64 = 0

    init(symbols: Int, live: Int, messages: Int, seed: UInt64) {
        self.live = live
        market = GeneratedMarket(symbols: symbols, live: live, random: SeededGenerator(seed: seed))
        for symbol in 0..<symbols { writeDirectory(symbol) }
        while market.liveOrders < live { step(adding: 100) }
        for _ in 0..<live { step() }
        openingMessages = self.messages
        openingBytes = bytes.count
        for _ in 0..<messages { step() }
    }

    /// One message. The number of live orders walks at random, and is drawn back.
    private mutating func step() { step(adding: market.liveOrders < live ? 60 : 40) }

    private mutating func step(adding percent: Int) {
        nanoseconds += UInt64(market.below(3_000))
        switch market.below(1_000) {
        case 0..<5: writeTrade()
        case 5..<36 where market.liveOrders > 0: execute(elsewhere: market.below(31) == 0)
        case 36..<51 where market.liveOrders > 0: cancel()
        case 51..<121 where market.liveOrders > 0: replace()
        case 121... where market.liveOrders > 0 && market.below(100) >= percent: delete()
        default: add()
        }
    }

    private mutating func add() {
        let symbol = market.drawSymbol(), side: Side = market.below(2) == 0 ? .bid : .ask
        guard let order = market.add(symbol, side) ?? market.add(symbol, side.opposite) else { return }
        writeAdd(market[order], attributed: market.below(50) == 0)
    }

    private mutating func delete() {
        guard let order = market.drawVictim() else { return }
        writeDelete(market[order])
        market.remove(order)
    }

    private mutating func cancel() {
        guard let order = market.drawVictim() else { return }
        guard market[order].shares > 1 else { return delete() }
        let shares = market[order].shares / 2
        write("X", market[order].symbol, [.eight(market[order].reference), .four(shares)])
        market.reduce(order, by: shares)
    }

    private mutating func replace() {
        guard let index = market.drawVictim() else { return }
        let old = market[index]
        market.remove(index)
        guard let added = market.add(Int(old.symbol), old.side) else { return writeDelete(old) }
        let new = market[added]
        write(
            "U", old.symbol,
            [.eight(old.reference), .eight(new.reference), .four(new.shares), .four(price(of: new))])
    }

    /// Two of three take all of the order.
    private mutating func execute(elsewhere: Bool) {
        guard let index = market.drawMatch() else { return add() }
        let order = market[index]
        let shares = market.below(3) == 0 ? max(1, order.shares / 2) : order.shares
        match += 1
        let fields: [Field] = [.eight(order.reference), .four(shares), .eight(match)]
        if elsewhere {
            write("C", order.symbol, fields + [.one("Y"), .four(price(of: order) + 100)])
        } else {
            write("E", order.symbol, fields)
        }
        market.reduce(index, by: shares)
    }

    // MARK: Bytes. Layouts: ITCH 5.0, chapter 4.

    private mutating func writeDirectory(_ symbol: Int) {
        let lot: Field = .four(100), leverage: Field = .four(0)
        let names = "NCZ PN 1N".unicodeScalars.map { Field.one($0) }  // as of any common stock
        write(
            "R", Int32(symbol),
            [stock(Int32(symbol)), .one("Q"), .one(" "), lot] + names + [leverage, .one("N")])
    }

    private mutating func writeAdd(_ order: GeneratedOrder, attributed: Bool) {
        let fields: [Field] = [
            .eight(order.reference), .one(order.side == .bid ? "B" : "S"), .four(order.shares),
            stock(order.symbol), .four(price(of: order)),
        ]
        if attributed {
            write("F", order.symbol, fields + "MMKR".unicodeScalars.map { .one($0) })
        } else {
            write("A", order.symbol, fields)
        }
    }

    private mutating func writeDelete(_ order: GeneratedOrder) {
        write("D", order.symbol, [.eight(order.reference)])
    }

    private mutating func writeTrade() {
        let symbol = Int32(market.drawSymbol()), shares = market.drawShares()
        match += 1
        write(
            "P", symbol,
            [
                .eight(0), .one("B"), .four(shares), stock(symbol),
                .four(price(symbol, tick: GeneratedMarket.ticks / 2)), .eight(match),
            ])
    }

    /// Length, head, and the fields behind them.
    private mutating func write(_ type: Unicode.Scalar, _ symbol: Int32, _ fields: [Field]) {
        let length = fields.reduce(11) { $0 + $1.bytes }
        bytes.write(atMost: 2 + length) { [nanoseconds] pen in
            pen.put(UInt64(length), 2)
            pen.put(UInt64(type.value), 1)
            pen.put(UInt64(symbol) + 1, 2)  // locate code; 0 is no stock's
            pen.put(0, 2)
            pen.put(nanoseconds, 6)
            for field in fields { pen.put(field.value, field.bytes) }
        }
        messages += 1
    }

    private struct Field {
        let value: UInt64, bytes: Int
        static func one(_ scalar: Unicode.Scalar) -> Field { Field(value: UInt64(scalar.value), bytes: 1) }
        static func four(_ value: UInt32) -> Field { Field(value: UInt64(value), bytes: 4) }
        static func eight(_ value: UInt64) -> Field { Field(value: value, bytes: 8) }
    }

    /// `S` and five digits.
    private func stock(_ symbol: Int32) -> Field {
        var name: UInt64 = 0x53, rest = Int(symbol), scale = 10_000
        for _ in 0..<5 {
            name = name << 8 | UInt64(0x30 + rest / scale)
            rest %= scale
            scale /= 10
        }
        return .eight(name << 16 | 0x2020)
    }

    private func price(of order: GeneratedOrder) -> UInt32 { price(order.symbol, tick: Int(order.tick)) }

    /// Four decimals, in steps of a cent: stocks of 2 to about 600 dollars.
    private func price(_ symbol: Int32, tick: Int) -> UInt32 {
        UInt32(200 + Int(symbol) * 7_919 % 59_000 + tick) * 100
    }
}

extension Pen {
    /// The value's last bytes, big-endian.
    fileprivate mutating func put(_ value: UInt64, _ count: Int) {
        for index in (0..<count).reversed() { byte(UInt8(truncatingIfNeeded: value >> UInt64(index * 8))) }
    }
}
