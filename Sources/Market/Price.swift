// Money and size as integers, and the arithmetic that keeps them exact.
import Basics

/// A price in fixed point: one unit is 1e-9 of the quote currency. Range: ±9.22e9.
///
/// ITCH and LOBSTER have four decimals and convert exactly. Nothing here rounds.
public struct Price: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Units of 1e-9: 187.15 is 187_150_000_000.
    public let e9: Int64
    /// From units of 1e-9.
    @inlinable public init(e9: Int64) { self.e9 = e9 }

    /// Four implied decimals, as `Price (4)` in ITCH 5.0, "Data Types": 187.15 is 1_871_500.
    @inlinable public init(e4: UInt32) { e9 = Int64(e4) * 100_000 }

    public static let zero = Price(e9: 0)
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.e9 < b.e9 }

    /// The number of implied decimals.
    public static let decimals = 9
    /// Shortest and exact: `187.15`.
    public var description: String { FixedPoint.text(e9, decimals: Price.decimals) }
}

/// A quantity in fixed point: one unit is 1e-8 of a share, coin or contract. Range: ±9.2e10.
public struct Quantity: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Units of 1e-8: 100 shares are 10_000_000_000.
    public let e8: Int64
    /// From units of 1e-8.
    @inlinable public init(e8: Int64) { self.e8 = e8 }

    /// Whole shares. Any `UInt32` fits.
    @inlinable public init(shares: UInt32) { e8 = Int64(shares) * 100_000_000 }

    /// Whole shares, or nil above 9.2e10.
    @inlinable public init?(exactlyShares shares: Int64) {
        let (units, overflow) = shares.multipliedReportingOverflow(by: 100_000_000)
        guard !overflow else { return nil }
        e8 = units
    }

    public static let zero = Quantity(e8: 0)
    @inlinable public static func < (a: Self, b: Self) -> Bool { a.e8 < b.e8 }

    /// The number of implied decimals.
    public static let decimals = 8
    /// Shortest and exact: `100`.
    public var description: String { FixedPoint.text(e8, decimals: Quantity.decimals) }
}

/// Which side of the market: of an order, of a level, or of a trade's aggressor.
public enum Side: UInt8, Hashable, Sendable, CaseIterable {
    case bid = 1
    case ask = 2

    /// Whom an order of this side trades with.
    @inlinable public var opposite: Side { self == .bid ? .ask : .bid }
    /// True where `a` is the better price on this side.
    @inlinable public func isBetter(_ a: Price, than b: Price) -> Bool {
        self == .bid ? a > b : a < b
    }
}

extension Pen {
    @inlinable @inline(__always)
    /// Shortest and exact, at most 21 bytes.
    public mutating func price(_ value: Price) { decimal(value.e9, decimals: 9) }
    @inlinable @inline(__always)
    /// As a price.
    public mutating func quantity(_ value: Quantity) { decimal(value.e8, decimals: 8) }
}
