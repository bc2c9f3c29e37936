// What a decoder can tell of messages before it decodes them: whose memory they will want.
import Market

/// A few messages ahead. Hints may be wrong: they change nothing but the time that messages take.
public struct OrderHints: ~Copyable {
    @usableFromInline var orders = InlineArray<32, UInt64>(repeating: 0)
    @usableFromInline var symbols = InlineArray<32, UInt32>(repeating: 0)
    public private(set) var count = 0

    public init() {}

    @inline(__always)
    public var isFull: Bool { count == 32 }

    /// Only where it is not full. `symbol`: one that has a number.
    @inline(__always)
    public mutating func append(order: UInt64, symbol: SymbolID) {
        orders[count] = order
        symbols[count] = symbol.raw
        count &+= 1
    }

    @inline(__always)
    public mutating func removeAll() { count = 0 }
}
