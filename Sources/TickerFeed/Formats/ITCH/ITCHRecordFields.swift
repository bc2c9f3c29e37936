// Where the fields of `ITCHRecord` are: the tables of ITCH 5.0, chapter 4. 0 is the type, 11
// follows the head.
import Basics
import Market

extension ITCHRecord.Body {
    /// Only for a message of its type's length.
    init?(_ bytes: RawSpan) {
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "A"), UInt8(ascii: "F"), UInt8(ascii: "E"), UInt8(ascii: "C"), UInt8(ascii: "X"),
            UInt8(ascii: "D"), UInt8(ascii: "U"):
            self = .order(bytes)
        case UInt8(ascii: "P"), UInt8(ascii: "Q"), UInt8(ascii: "B"): self = .print(bytes)
        case UInt8(ascii: "V"), UInt8(ascii: "W"), UInt8(ascii: "K"), UInt8(ascii: "J"), UInt8(ascii: "I"),
            UInt8(ascii: "N"), UInt8(ascii: "O"):
            self = .condition(bytes)
        case UInt8(ascii: "S"), UInt8(ascii: "R"), UInt8(ascii: "H"), UInt8(ascii: "Y"), UInt8(ascii: "L"),
            UInt8(ascii: "h"):
            self = .notice(bytes)
        default: return nil
        }
    }

    private static func order(_ bytes: RawSpan) -> Self {
        let order = bytes.u64(at: 11)
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "E"):
            return .orderExecuted(order: order, shares: bytes.u32(at: 19), match: bytes.u64(at: 23))
        case UInt8(ascii: "C"):
            return .orderExecutedWithPrice(
                order: order, shares: bytes.u32(at: 19), match: bytes.u64(at: 23),
                printable: bytes.u8(at: 31), price: bytes.price(at: 32))
        case UInt8(ascii: "X"): return .orderCancel(order: order, shares: bytes.u32(at: 19))
        case UInt8(ascii: "D"): return .orderDelete(order: order)
        case UInt8(ascii: "U"):
            return .orderReplace(
                order: order, newOrder: bytes.u64(at: 19), shares: bytes.u32(at: 27),
                price: bytes.price(at: 31))
        default:
            return .addOrder(
                order: order, side: bytes.u8(at: 19), shares: bytes.u32(at: 20),
                stock: bytes.stock(at: 24), price: bytes.price(at: 32),
                attribution: bytes.byteCount == 40 ? bytes.u32(at: 36) : nil)
        }
    }

    private static func print(_ bytes: RawSpan) -> Self {
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "P"):
            .trade(
                order: bytes.u64(at: 11), side: bytes.u8(at: 19), shares: bytes.u32(at: 20),
                stock: bytes.stock(at: 24), price: bytes.price(at: 32), match: bytes.u64(at: 36))
        case UInt8(ascii: "Q"):
            .crossTrade(
                shares: bytes.u64(at: 11), stock: bytes.stock(at: 19), price: bytes.price(at: 27),
                match: bytes.u64(at: 31), crossType: bytes.u8(at: 39))
        default: .brokenTrade(match: bytes.u64(at: 11))
        }
    }

    /// Auctions, openings, and the market as a whole.
    private static func condition(_ bytes: RawSpan) -> Self {
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "V"):
            .circuitBreakerLevels(
                level1: bytes.u64(at: 11), level2: bytes.u64(at: 19), level3: bytes.u64(at: 27))
        case UInt8(ascii: "W"): .circuitBreakerStatus(breachedLevel: bytes.u8(at: 11))
        case UInt8(ascii: "K"):
            .ipoQuoting(
                stock: bytes.stock(at: 11), releaseTime: bytes.u32(at: 19), qualifier: bytes.u8(at: 23),
                price: bytes.price(at: 24))
        case UInt8(ascii: "J"):
            .auctionCollar(
                stock: bytes.stock(at: 11), reference: bytes.price(at: 19), upper: bytes.price(at: 23),
                lower: bytes.price(at: 27), extensions: bytes.u32(at: 31))
        case UInt8(ascii: "I"): .imbalance(ITCHImbalance(bytes))
        case UInt8(ascii: "N"): .retailInterest(stock: bytes.stock(at: 11), flag: bytes.u8(at: 19))
        default: .priceDiscovery(ITCHPriceDiscovery(bytes))
        }
    }

    /// What is said of stocks and sessions.
    private static func notice(_ bytes: RawSpan) -> Self {
        switch bytes.u8(at: 0) {
        case UInt8(ascii: "S"): .systemEvent(code: bytes.u8(at: 11))
        case UInt8(ascii: "R"): .stockDirectory(ITCHDirectoryEntry(bytes))
        case UInt8(ascii: "H"):
            .tradingAction(
                stock: bytes.stock(at: 11), state: bytes.u8(at: 19), reserved: bytes.u8(at: 20),
                reason: bytes.u32(at: 21))
        case UInt8(ascii: "Y"): .regSHO(stock: bytes.stock(at: 11), action: bytes.u8(at: 19))
        case UInt8(ascii: "L"):
            .participantPosition(
                participant: bytes.u32(at: 11), stock: bytes.stock(at: 15), isPrimary: bytes.u8(at: 23),
                mode: bytes.u8(at: 24), state: bytes.u8(at: 25))
        default:
            .operationalHalt(
                stock: bytes.stock(at: 11), market: bytes.u8(at: 19), action: bytes.u8(at: 20))
        }
    }
}

extension ITCHDirectoryEntry {
    fileprivate init(_ bytes: RawSpan) {
        self.init(
            stock: bytes.stock(at: 11), marketCategory: bytes.u8(at: 19),
            financialStatus: bytes.u8(at: 20), roundLotSize: bytes.u32(at: 21),
            roundLotsOnly: bytes.u8(at: 25), issueClassification: bytes.u8(at: 26),
            issueSubtype: bytes.u16(at: 27), authenticity: bytes.u8(at: 29),
            shortSaleThreshold: bytes.u8(at: 30), ipoFlag: bytes.u8(at: 31), luldTier: bytes.u8(at: 32),
            etpFlag: bytes.u8(at: 33), etpLeverage: bytes.u32(at: 34), inverse: bytes.u8(at: 38))
    }
}

extension ITCHImbalance {
    fileprivate init(_ bytes: RawSpan) {
        self.init(
            paired: bytes.u64(at: 11), imbalance: bytes.u64(at: 19), direction: bytes.u8(at: 27),
            stock: bytes.stock(at: 28), far: bytes.price(at: 36), near: bytes.price(at: 40),
            reference: bytes.price(at: 44), crossType: bytes.u8(at: 48), variation: bytes.u8(at: 49))
    }
}

extension ITCHPriceDiscovery {
    fileprivate init(_ bytes: RawSpan) {
        self.init(
            stock: bytes.stock(at: 11), openEligible: bytes.u8(at: 19), minimum: bytes.price(at: 20),
            maximum: bytes.price(at: 24), nearExecution: bytes.price(at: 28),
            nearExecutionTime: bytes.u64(at: 32), lowerCollar: bytes.price(at: 40),
            upperCollar: bytes.price(at: 44))
    }
}

extension RawSpan {
    fileprivate func price(at offset: Int) -> Price { Price(e4: u32(at: offset)) }
    fileprivate func stock(at offset: Int) -> ITCHStock { ITCHStock(raw: u64(at: offset)) }
}
