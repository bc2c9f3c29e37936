// Levels of a message that is being read: they wait here until all of it turned out to be sound.
import Basics
import Market

/// A price and what rests there, both in units of 1e-8. A size of 0 removes the level.
struct SessionLevel: BitwiseCopyable {
    let priceE8: Int64
    let sizeE8: Int64

    var price: Price { Price(e9: priceE8 &* 10) }
    var size: Quantity { Quantity(e8: sizeE8) }

    /// Decimals that are kept. More are refused, as everywhere.
    static let decimals = 8
    /// The highest price that `Price` holds.
    static let priceMaxE8 = Int64.max / 10
}

/// A list in memory of its own, which it keeps for the next message. Grows with what is there, never by
/// what a message says.
struct SessionLevels: ~Copyable {
    private var base: UnsafeMutablePointer<SessionLevel>
    private var capacity = 64
    private(set) var count = 0

    init() { base = .allocate(capacity: capacity) }
    deinit { base.deallocate() }

    @inline(__always)
    subscript(index: Int) -> SessionLevel {
        precondition(index < count, "a level that was not read")
        return base[index]
    }

    var bytes: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(UnsafeBufferPointer(start: base, count: count))
    }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func append(_ level: SessionLevel) {
        if count == capacity { grow() }
        (base + count).initialize(to: level)
        count &+= 1
    }

    /// `[["0.3513","6195.0"], …]`: a price and a size in quotes; what a level has more is passed over.
    mutating func read(_ scanner: inout JSONScanner) throws(JSONFault) {
        removeAll()
        try scanner.openArray()
        while try scanner.nextElement() {
            try scanner.openArray()
            guard try scanner.nextElement() else { throw .missing }
            let price = try scanner.price()
            guard try scanner.nextElement() else { throw .missing }
            let size = try scanner.size()
            while try scanner.nextElement() { try scanner.skip() }
            append(SessionLevel(priceE8: price, sizeE8: size))
        }
    }

    @inline(never)
    private mutating func grow() {
        let larger = UnsafeMutablePointer<SessionLevel>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: base, count: count)
        base.deallocate()
        base = larger
        capacity *= 2
    }
}

extension JSONScanner {
    /// A price in quotes, in units of 1e-8.
    mutating func price() throws(JSONFault) -> Int64 {
        let price = try quoted(decimals: SessionLevel.decimals)
        guard price >= 0, price <= SessionLevel.priceMaxE8 else { throw .numberRange }
        return price
    }

    /// A size in quotes, in units of 1e-8.
    mutating func size() throws(JSONFault) -> Int64 {
        let size = try quoted(decimals: SessionLevel.decimals)
        guard size >= 0 else { throw .numberRange }
        return size
    }

    /// Milliseconds since 1970.
    mutating func milliseconds() throws(JSONFault) -> Timestamp {
        let time = try integer()
        guard time >= 0, time <= Int64.max / 1_000_000 else { throw .numberRange }
        return Timestamp(raw: time * 1_000_000)
    }

    /// A number that identifies something: not negative.
    mutating func identifier() throws(JSONFault) -> Int64 {
        let id = try integer()
        guard id >= 0 else { throw .numberRange }
        return id
    }
}
