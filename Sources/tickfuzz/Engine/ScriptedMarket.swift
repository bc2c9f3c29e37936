// A market of a few symbols that does what it is told, one consistent event a time.
import Basics
import Market

struct ScriptedMarket: ~Copyable {
    private var writer: Tape.Writer
    private var symbols = 0
    /// By symbol, then by kind: what ingest would have counted.
    private var sequences: [[Tick.Kind: UInt64]] = []
    private static let symbolsMax = 12

    init(_ writer: consuming Tape.Writer) { self.writer = writer }

    /// - Parameters:
    ///   - code: what happens, and to which symbol.
    ///   - value: how.
    mutating func act(_ code: UInt8, _ value: UInt8, at time: Timestamp) {
        if symbols == 0 || code == 0xff { define(at: time) }
        let symbol = Int(code >> 3) % symbols
        let side: Side = value & 1 == 0 ? .bid : .ask
        let cents = 10_000 + Int(value >> 1 & 31), shares = Int(value >> 6) * 100
        switch code & 7 {
        case 0, 1: append(.best, symbol, side, cents: cents, shares: shares, at: time)
        case 2, 3: append(.level, symbol, side, cents: cents, shares: shares, at: time)
        case 4, 5: append(.trade, symbol, side, cents: cents, shares: shares + 1, at: time)
        case 6: status(symbol, value, at: time)
        default: append(.clear, symbol, nil, cents: 0, shares: 0, at: time)
        }
        writer.publish()
    }

    private mutating func define(at time: Timestamp) {
        guard symbols < ScriptedMarket.symbolsMax, let name = SymbolName("S\(symbols)") else { return }
        writer.append(
            .symbol(
                SymbolID(symbols), SymbolDefinition(name: name, lot: 100), flags: .endOfEvent, at: time,
                received: time))
        symbols += 1
        sequences.append([:])
    }

    private mutating func status(_ symbol: Int, _ value: UInt8, at time: Timestamp) {
        guard let state = MarketState(rawValue: value & 7) else { return }
        writer.append(
            Tick(
                .status, SymbolID(symbol), flags: .endOfEvent, sequence: next(.status, of: symbol),
                eventTime: time, receiveTime: time, aux: MarketStatus(state).packed))
    }

    private mutating func append(
        _ kind: Tick.Kind, _ symbol: Int, _ side: Side?, cents: Int, shares: Int, at time: Timestamp
    ) {
        writer.append(
            Tick(
                kind, SymbolID(symbol), side: side, flags: .endOfEvent,
                sequence: next(kind == .clear ? .level : kind, of: symbol), eventTime: time,
                receiveTime: time, price: Price(e4: UInt32(cents * 100)),
                size: Quantity(shares: UInt32(shares)), aux: 1))
    }

    private mutating func next(_ kind: Tick.Kind, of symbol: Int) -> UInt64 {
        sequences[symbol][kind, default: 0] += 1
        return sequences[symbol][kind, default: 0]
    }
}
