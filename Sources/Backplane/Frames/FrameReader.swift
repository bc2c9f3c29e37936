// Frames that came: from anybody's bytes to what they say, or to why they say nothing.
//
// Invariants
//   - No size in a frame is believed before so many bytes are there.
//   - A frame of a later version, or of a type that is not known, is passed over.
import Basics
import Market

/// A frame's head, and what stands behind it.
public struct Frame {
    public let type: FrameType
    public let epoch: UInt32
    /// Zeros where the type has none.
    public let place: FlushPlace
    var body: FrameBytes

    /// Calls `take` with each frame of a run.
    public static func forEach(
        in run: UnsafeRawBufferPointer, _ take: (Frame) throws(FrameFlaw) -> Void
    ) throws(FrameFlaw) {
        var bytes = FrameBytes(run)
        while bytes.left > 0 {
            let length = try bytes.word32()
            var body = FrameBytes(try bytes.run(Int(length)))
            guard try body.byte() == FrameLimits.version, let type = FrameType(rawValue: try body.byte())
            else { continue }
            let epoch = try body.word32()
            var place = FlushPlace(flush: 0, first: 0, end: 0)
            if type != .symbols {
                place.flush = try body.varint()
                place.first = try body.varint()
                place.end = place.first &+ (try body.varint())
                guard place.end >= place.first else { throw FrameFlaw("places that there are not") }
            }
            try take(Frame(type: type, epoch: epoch, place: place, body: body))
        }
    }

    /// The one frame of a message.
    public static func only(in run: UnsafeRawBufferPointer) throws(FrameFlaw) -> Frame {
        var found: Frame?
        try forEach(in: run) { frame throws(FrameFlaw) in
            guard found == nil else { throw FrameFlaw("more than one frame") }
            found = frame
        }
        guard let found else { throw FrameFlaw("no frame") }
        return found
    }

    // MARK: Ticks

    /// Of `ticks`: the flush of the symbol's frame before, and its ticks.
    public func readTicks(
        of symbol: SymbolID, into ticks: inout [Tick]
    ) throws(FrameFlaw) -> UInt64 {
        var body = body
        let since = try body.varint()
        guard since > 0, since <= place.flush else { throw FrameFlaw("a flush before the first") }
        try Frame.read(&body, of: symbol, into: &ticks)
        return place.flush - since
    }

    /// Of `state`.
    public func readState(
        of symbol: SymbolID, into ticks: inout [Tick]
    ) throws(FrameFlaw) -> (term: UInt64, isFirst: Bool, isLast: Bool) {
        var body = body
        let term = try body.varint(), part = try body.byte()
        try Frame.read(&body, of: symbol, into: &ticks)
        return (term, part & 1 != 0, part & 2 != 0)
    }

    /// Of `events`: ticks with their places.
    public func readEvents(
        of symbol: SymbolID, _ take: (Tick, UInt64) -> Void
    ) throws(FrameFlaw) {
        var body = body
        let all = try body.varint()
        var (context, count) = try Frame.steps(&body)
        guard all <= 1 << 24, count <= Int(all) else { throw FrameFlaw("events beyond their flush") }
        var index = 0
        for _ in 0..<count {
            let step = try body.varint()
            guard step < all, index + Int(step) < Int(all) else {
                throw FrameFlaw("an event beyond its flush")
            }
            index += Int(step)
            let tick = try context.read(&body, of: symbol)
            take(tick, place.place(index, of: Int(all)))
        }
    }

    private static func steps(_ body: inout FrameBytes) throws(FrameFlaw) -> (TickContext, Int) {
        let priceExponent = try body.byte(), sizeExponent = try body.byte()
        let context = try TickContext(priceExponent: priceExponent, sizeExponent: sizeExponent)
        let count = try body.varint()
        guard count <= UInt64(body.left / TickContext.tickMin) else {
            throw FrameFlaw("\(count) ticks in \(body.left) bytes")
        }
        return (context, Int(count))
    }

    private static func read(
        _ body: inout FrameBytes, of symbol: SymbolID, into ticks: inout [Tick]
    ) throws(FrameFlaw) {
        var (context, count) = try steps(&body)
        for _ in 0..<count { ticks.append(try context.read(&body, of: symbol)) }
        guard body.left == 0 else { throw FrameFlaw("bytes behind its end") }
    }

    // MARK: Heads and symbols

    public struct Heads {
        public var told: UInt64
        public var term: UInt64
        public var clock: UInt8
        public var symbols: Int
    }

    /// Of `heads`; `take` gets the numbers that changed.
    public func readHeads(_ take: (UInt32) -> Void) throws(FrameFlaw) -> Heads {
        var body = body
        let behind = try body.varint()
        let term = try body.varint(), clock = try body.byte(), symbols = try body.varint()
        let count = try body.varint()
        guard count <= UInt64(body.left), symbols <= UInt64(UInt32.max) else {
            throw FrameFlaw("\(count) symbols in \(body.left) bytes")
        }
        var number: UInt64 = 0
        for _ in 0..<count {
            number &+= try body.varint()
            guard number <= UInt64(UInt32.max) else { throw FrameFlaw("a symbol's number") }
            take(UInt32(number))
        }
        return Heads(told: place.end &- behind, term: term, clock: clock, symbols: Int(symbols))
    }

    public struct Symbols {
        public var term: UInt64
        public var clock: UInt8
        public var first: Int
        public var source: String
    }

    /// Of `symbols`; definitions come numbered from the answer's `first` on.
    public func readSymbols(into ticks: inout [Tick]) throws(FrameFlaw) -> Symbols {
        var body = body
        let term = try body.varint(), clock = try body.byte(), first = try body.varint()
        let length = try body.varint()
        guard length <= UInt64(FrameLimits.sourceMax), first <= 1 << 24 else {
            throw FrameFlaw("words that are too many")
        }
        let source = String(decoding: try body.run(Int(length)), as: UTF8.self)
        try Frame.read(&body, of: SymbolID(0), into: &ticks)
        return Symbols(term: term, clock: clock, first: Int(first), source: source)
    }
}
