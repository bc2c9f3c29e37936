// Every field of every message of ITCH 5.0, for what happens rarely: tools, tests, and what a
// market's state is made of. `ITCHMessage` has what books need, small and fast.
//
// Invariants
//   - No field is read before the message is known to be of its type's length.
//   - Codes stay letters and prices stay the source's units: nothing is interpreted here.
//   - Names are the specification's (chapter 4); `Price (4)` is a `Price`, and 0 may mean "none".
import Basics
import Market

/// A message, whole. Decoded on demand; nothing on the hot path holds one.
struct ITCHRecord: Hashable, Sendable {
    /// The type's letter, as `A`.
    let type: UInt8
    let locate: UInt16
    let trackingNumber: UInt16
    /// Since midnight, US Eastern.
    let timestamp: Nanoseconds
    let body: Body

    enum Body: Hashable, Sendable {
        /// S
        case systemEvent(code: UInt8)
        /// R
        case stockDirectory(ITCHDirectoryEntry)
        /// H
        case tradingAction(stock: ITCHStock, state: UInt8, reserved: UInt8, reason: UInt32)
        /// Y
        case regSHO(stock: ITCHStock, action: UInt8)
        /// L
        case participantPosition(
            participant: UInt32, stock: ITCHStock, isPrimary: UInt8, mode: UInt8, state: UInt8)
        /// V. Eight implied decimals.
        case circuitBreakerLevels(level1: UInt64, level2: UInt64, level3: UInt64)
        /// W
        case circuitBreakerStatus(breachedLevel: UInt8)
        /// K. The release time is in seconds since midnight.
        case ipoQuoting(stock: ITCHStock, releaseTime: UInt32, qualifier: UInt8, price: Price)
        /// J
        case auctionCollar(
            stock: ITCHStock, reference: Price, upper: Price, lower: Price, extensions: UInt32)
        /// h
        case operationalHalt(stock: ITCHStock, market: UInt8, action: UInt8)
        /// A, and F with an attribution.
        case addOrder(
            order: UInt64, side: UInt8, shares: UInt32, stock: ITCHStock, price: Price,
            attribution: UInt32?)
        /// E
        case orderExecuted(order: UInt64, shares: UInt32, match: UInt64)
        /// C
        case orderExecutedWithPrice(
            order: UInt64, shares: UInt32, match: UInt64, printable: UInt8, price: Price)
        /// X
        case orderCancel(order: UInt64, shares: UInt32)
        /// D
        case orderDelete(order: UInt64)
        /// U
        case orderReplace(order: UInt64, newOrder: UInt64, shares: UInt32, price: Price)
        /// P
        case trade(
            order: UInt64, side: UInt8, shares: UInt32, stock: ITCHStock, price: Price, match: UInt64)
        /// Q
        case crossTrade(
            shares: UInt64, stock: ITCHStock, price: Price, match: UInt64, crossType: UInt8)
        /// B
        case brokenTrade(match: UInt64)
        /// I
        case imbalance(ITCHImbalance)
        /// N
        case retailInterest(stock: ITCHStock, flag: UInt8)
        /// O
        case priceDiscovery(ITCHPriceDiscovery)
    }

    /// Nil for an unknown type, and for one of another length than its type's.
    init?(_ bytes: RawSpan) {
        guard bytes.byteCount > 0, ITCHMessage.length(ofType: bytes.u8(at: 0)) == bytes.byteCount,
            let body = Body(bytes)
        else { return nil }
        type = bytes.u8(at: 0)
        locate = bytes.u16(at: 1)
        trackingNumber = bytes.u16(at: 3)
        timestamp = Nanoseconds(raw: Int64(bytes.u48(at: 5)))
        self.body = body
    }
}

/// R: what a stock is, for the day. Letters are the specification's codes.
struct ITCHDirectoryEntry: Hashable, Sendable {
    let stock: ITCHStock
    let marketCategory: UInt8, financialStatus: UInt8
    let roundLotSize: UInt32
    let roundLotsOnly: UInt8, issueClassification: UInt8
    let issueSubtype: UInt16
    /// `P` live, `T` test.
    let authenticity: UInt8
    let shortSaleThreshold: UInt8, ipoFlag: UInt8, luldTier: UInt8, etpFlag: UInt8
    let etpLeverage: UInt32
    let inverse: UInt8
}

/// I: what an auction would do if it were now.
struct ITCHImbalance: Hashable, Sendable {
    let paired: UInt64, imbalance: UInt64
    let direction: UInt8
    let stock: ITCHStock
    let far: Price, near: Price, reference: Price
    let crossType: UInt8, variation: UInt8
}

/// O: the prices between which a direct listing may open.
struct ITCHPriceDiscovery: Hashable, Sendable {
    let stock: ITCHStock
    let openEligible: UInt8
    let minimum: Price, maximum: Price, nearExecution: Price
    let nearExecutionTime: UInt64
    let lowerCollar: Price, upperCollar: Price
}
