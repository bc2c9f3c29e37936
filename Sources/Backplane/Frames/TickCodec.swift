// Ticks of one symbol in a dozen bytes each: what is like the tick before is left out.
//
//     head      kind 4 bits · side 2 · interval 1 · ends an event 1
//     mask      which of these follow: flags · event time · receive time · price · size · source · aux · number
//     fields    differences to the tick before, prices and sizes in steps of the frame's own
//
// Invariants
//   - Every tick comes back bit for bit, its symbol apart: that is the frame's. What fits into no short
//     form (names, halves of statistics, kinds of a later version) goes as its eight words.
//   - A tick takes two bytes at least, so that a count can be checked against what is there.
import Basics
import Market

/// What both ends remember of the ticks before.
struct TickContext {
    /// What prices and sizes are multiples of: powers of ten.
    var priceStep: Int64 = 1
    var sizeStep: Int64 = 1

    private var time: Int64 = 0
    private var received: Int64 = 0
    private var price: Int64 = 0
    private var source: UInt64 = 0
    private var sequences: [8 of UInt64] = [0, 0, 0, 0, 0, 0, 0, 0]

    /// Bytes of a tick at most: the long form.
    static let tickMax = 2 + 8 * Pen.varintMax
    /// Bytes of a tick at least.
    static let tickMin = 2

    private struct Mask {
        static let flags: UInt8 = 1
        static let time: UInt8 = 2
        static let received: UInt8 = 4
        static let price: UInt8 = 8
        static let size: UInt8 = 16
        static let source: UInt8 = 32
        static let aux: UInt8 = 64
        static let sequence: UInt8 = 128
    }

    /// Kinds whose price and size are a price and a size. The others go as they are.
    @inline(__always)
    private static func isShort(_ tick: Tick) -> Bool {
        let raw = UInt8(truncatingIfNeeded: tick.head)
        guard let kind = Tick.Kind(rawValue: raw), tick.head >> 16 & 0xff <= 3, tick.head >> 24 & 0xff <= 1
        else { return false }
        switch kind {
        case .level, .best, .trade, .status, .clear, .barClose, .tradeBreak: return true
        case .symbol, .statistics, .bar, .epoch, .place, .resync: return false
        }
    }

    /// Which count a kind's numbers go on from.
    @inline(__always)
    private static func count(of kind: UInt8) -> Int {
        switch Tick.Kind(rawValue: kind) {
        case .level, .clear: 0
        case .best: 1
        case .trade, .tradeBreak: 2
        case .status: 3
        case .barClose: 4
        default: 5
        }
    }

    // MARK: Steps

    /// The steps that all of these are whole multiples of.
    init(for ticks: some Sequence<Tick>) {
        var priceStep: Int64 = 1_000_000_000, sizeStep: Int64 = 100_000_000
        for tick in ticks where TickContext.isShort(tick) {
            while tick.price.e9 % priceStep != 0 { priceStep /= 10 }
            while tick.size.e8 % sizeStep != 0 { sizeStep /= 10 }
        }
        self.priceStep = priceStep
        self.sizeStep = sizeStep
    }

    /// From the two exponents of a frame.
    init(priceExponent: UInt8, sizeExponent: UInt8) throws(FrameFlaw) {
        guard priceExponent <= 9, sizeExponent <= 8 else { throw FrameFlaw("steps that there are not") }
        priceStep = TickContext.power(priceExponent)
        sizeStep = TickContext.power(sizeExponent)
    }

    static func power(_ exponent: UInt8) -> Int64 { (0..<exponent).reduce(1) { step, _ in step * 10 } }
    static func exponent(_ step: Int64) -> UInt8 {
        var exponent: UInt8 = 0, rest = step
        while rest > 1 {
            rest /= 10
            exponent += 1
        }
        return exponent
    }

    // MARK: Writing

    @inline(__always)
    mutating func write(_ tick: Tick, to pen: inout Pen) {
        guard TickContext.isShort(tick) else { return writeLong(tick, to: &pen) }
        let kind = UInt8(truncatingIfNeeded: tick.head), flags = UInt8(truncatingIfNeeded: tick.head >> 8)
        let side = UInt8(truncatingIfNeeded: tick.head >> 16),
            interval = UInt8(truncatingIfNeeded: tick.head >> 24)
        pen.byte(kind | side << 4 | interval << 6 | (flags & 1) << 7)
        let mask = pen.at
        pen.byte(0)
        var fields: UInt8 = 0
        if flags & ~1 != 0 {
            fields |= Mask.flags
            pen.byte(flags & ~1)
        }
        let passed = tick.eventTime.raw &- time, receivedPassed = tick.receiveTime.raw &- received
        if passed != 0 {
            fields |= Mask.time
            pen.zigzag(passed)
        }
        if receivedPassed != 0 {
            fields |= Mask.received
            pen.zigzag(receivedPassed)
        }
        let moved = (tick.price.e9 / priceStep) &- price
        if moved != 0 {
            fields |= Mask.price
            pen.zigzag(moved)
        }
        if tick.size.e8 != 0 {
            fields |= Mask.size
            pen.zigzag(tick.size.e8 / sizeStep)
        }
        if tick.source != source {
            fields |= Mask.source
            pen.zigzag(Int64(bitPattern: tick.source &- source))
        }
        if tick.aux != 0 {
            fields |= Mask.aux
            pen.varint(tick.aux)
        }
        let count = TickContext.count(of: kind), next = sequences[count] &+ 1
        if tick.sequence != next {
            fields |= Mask.sequence
            pen.zigzag(Int64(bitPattern: tick.sequence &- next))
        }
        mask.pointee = fields
        remember(tick, count)
    }

    @inline(__always)
    private mutating func remember(_ tick: Tick, _ count: Int) {
        time = tick.eventTime.raw
        received = tick.receiveTime.raw
        price = tick.price.e9 / priceStep
        source = tick.source
        sequences[count] = tick.sequence
    }

    private func writeLong(_ tick: Tick, to pen: inout Pen) {
        pen.byte(0)
        let mask = pen.at
        pen.byte(0)
        var fields: UInt8 = 0
        var words = tick.words
        words[0] &= 0xffff_ffff
        for index in words.indices where words[index] != 0 {
            fields |= 1 << UInt8(index)
            pen.varint(words[index])
        }
        mask.pointee = fields
    }

    // MARK: Reading

    @inline(__always)
    mutating func read(_ bytes: inout FrameBytes, of symbol: SymbolID) throws(FrameFlaw) -> Tick {
        let head = try bytes.byte(), mask = try bytes.byte()
        guard head & 15 != 0 else { return try readLong(mask, &bytes, of: symbol) }
        var flags = head >> 7
        if mask & Mask.flags != 0 { flags |= try bytes.byte() & ~1 }
        if mask & Mask.time != 0 { time = time &+ (try bytes.zigzag()) }
        if mask & Mask.received != 0 { received = received &+ (try bytes.zigzag()) }
        if mask & Mask.price != 0 { price = price &+ (try bytes.zigzag()) }
        let size = mask & Mask.size != 0 ? try bytes.zigzag() : 0
        if mask & Mask.source != 0 { source = source &+ UInt64(bitPattern: try bytes.zigzag()) }
        let aux = mask & Mask.aux != 0 ? try bytes.varint() : 0
        let count = TickContext.count(of: head & 15)
        sequences[count] = sequences[count] &+ 1
        if mask & Mask.sequence != 0 {
            sequences[count] = sequences[count] &+ UInt64(bitPattern: try bytes.zigzag())
        }
        var tick = Tick(
            .level, symbol, sequence: sequences[count], eventTime: Timestamp(raw: time),
            receiveTime: Timestamp(raw: received), price: Price(e9: price &* priceStep),
            size: Quantity(e8: size &* sizeStep), source: source, aux: aux)
        tick.head =
            UInt64(head & 15) | UInt64(flags) << 8 | UInt64(head >> 4 & 3) << 16 | UInt64(head >> 6 & 1) << 24
            | UInt64(symbol.raw) << 32
        return tick
    }

    private func readLong(
        _ mask: UInt8, _ bytes: inout FrameBytes, of symbol: SymbolID
    ) throws(FrameFlaw) -> Tick {
        var words: [8 of UInt64] = [0, 0, 0, 0, 0, 0, 0, 0]
        for index in words.indices where mask & 1 << UInt8(index) != 0 { words[index] = try bytes.varint() }
        var tick = Tick(.level, symbol)
        tick.head = words[0] & 0xffff_ffff | UInt64(symbol.raw) << 32
        tick.sequence = words[1]
        tick.eventTime = Timestamp(raw: Int64(bitPattern: words[2]))
        tick.receiveTime = Timestamp(raw: Int64(bitPattern: words[3]))
        tick.price = Price(e9: Int64(bitPattern: words[4]))
        tick.size = Quantity(e8: Int64(bitPattern: words[5]))
        tick.source = words[6]
        tick.aux = words[7]
        return tick
    }
}
