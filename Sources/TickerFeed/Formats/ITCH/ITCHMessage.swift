// ITCH 5.0 messages as values: fields keep the specification's names, units are in the types.
//
// Decoded are the messages that books, trades, names and states are made of. The others are known
// by their lengths, so that a wrong length shows, and pass as `.other`.
import Basics
import Market

/// One message with the head that all have. Trivially copyable; names stay eight raw bytes.
public struct ITCHMessage: Hashable, Sendable {
    /// The type byte, as `A`.
    public let type: UInt8
    /// The stock's number for the day; 0 belongs to no stock.
    public let locate: UInt16
    /// Since midnight, US Eastern.
    public let timestamp: Nanoseconds
    /// What the type makes of the rest.
    public let body: Body

    /// Prices have four decimals in the source; sizes are shares.
    public enum Body: Hashable, Sendable {
        case systemEvent(code: UInt8)
        case stockDirectory(stock: ITCHStock, roundLotSize: UInt32)
        case tradingAction(stock: ITCHStock, state: UInt8, reason: UInt32)
        /// h: on the feed's own market, whatever others do.
        case operationalHalt(stock: ITCHStock, isHalted: Bool)
        /// A and F; F's attribution is dropped.
        case addOrder(order: UInt64, side: Side, shares: UInt32, stock: ITCHStock, price: Price)
        case orderExecuted(order: UInt64, shares: UInt32, match: UInt64)
        case orderExecutedWithPrice(
            order: UInt64, shares: UInt32, match: UInt64, printable: Bool, price: Price)
        case orderCancel(order: UInt64, shares: UInt32)
        case orderDelete(order: UInt64)
        case orderReplace(order: UInt64, newOrder: UInt64, shares: UInt32, price: Price)
        /// P. Its side and reference say nothing since 2014 and are dropped.
        case trade(shares: UInt32, stock: ITCHStock, price: Price, match: UInt64)
        case crossTrade(shares: UInt64, stock: ITCHStock, price: Price, match: UInt64)
        case brokenTrade(match: UInt64)
        /// Known, of the right length, and nothing a book needs.
        case other
    }

    /// The length of a message of this type, without its prefix; nil for an unknown type.
    @inline(__always)
    static func length(ofType type: UInt8) -> Int? {
        switch type {
        case UInt8(ascii: "S"), UInt8(ascii: "W"): 12
        case UInt8(ascii: "D"), UInt8(ascii: "B"): 19
        case UInt8(ascii: "Y"), UInt8(ascii: "N"): 20
        case UInt8(ascii: "h"): 21
        case UInt8(ascii: "X"): 23
        case UInt8(ascii: "H"): 25
        case UInt8(ascii: "L"): 26
        case UInt8(ascii: "K"): 28
        case UInt8(ascii: "E"): 31
        case UInt8(ascii: "U"), UInt8(ascii: "V"), UInt8(ascii: "J"): 35
        case UInt8(ascii: "A"), UInt8(ascii: "C"): 36
        case UInt8(ascii: "R"): 39
        case UInt8(ascii: "F"), UInt8(ascii: "Q"): 40
        case UInt8(ascii: "P"): 44
        case UInt8(ascii: "O"): 48
        case UInt8(ascii: "I"): 50
        default: nil
        }
    }
}

/// A stock's name as it stands in a message: eight bytes, padded with spaces on the right.
public struct ITCHStock: Hashable, Sendable {
    /// The first letter in the high byte.
    public let raw: UInt64
    init(raw: UInt64) { self.raw = raw }

    /// Nil where the bytes are no name.
    public var name: SymbolName? {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: raw >> UInt64(56 - $0 * 8)) }
        return SymbolName(bytes[..<(bytes.lastIndex { $0 != 0x20 }.map { $0 + 1 } ?? 0)])
    }
}
