// A row of LOBSTER's message file: `34200.004241176,1,16113575,18,5853300,1`.
//
//     seconds since midnight in New York · type · order · shares · price in 1/10000 · 1 buy, -1 sell
//
// Source: LOBSTER, "Output structure" and "Event type 6". The direction is the resting order's.
import Basics
import Market

struct LOBSTERRow {
    enum Kind: UInt8, CaseIterable {
        case add = 1
        /// Some of an order goes, or all that is left of it.
        case cancel, delete
        case execution, hiddenExecution
        /// The sum of an auction: its executions have rows of their own.
        case cross
        case halt
    }

    let time: Nanoseconds
    let kind: Kind
    var size = Quantity.zero
    var price = Price.zero
    /// Of the order that rests.
    var side = Side.bid
    /// Of a halt: what the market does from now on.
    var state = MarketState.trading

    private static let dayEnd: Int64 = 86_400_000_000_000

    init(_ line: RawSpan) throws(LineFault) {
        var fields = FieldCursor(line)
        time = try LOBSTERRow.time(try fields.field())
        kind = try LOBSTERRow.kind(try fields.field())
        _ = try (try fields.field()).integer("the order is no whole number")
        let shares = try (try fields.field()).integer("the size is no whole number")
        let price = try (try fields.field()).integer("the price is no whole number")
        guard !fields.isAtEnd else { throw .malformed("fewer than six fields") }
        let direction = try (try fields.field()).integer("the direction is no whole number")
        guard fields.isAtEnd else { throw .malformed("more than six fields") }
        switch kind {
        case .halt: try setState(code: price)
        case .cross: try setTrade(shares: shares, price: price, atLeast: 0)
        default:
            try setTrade(shares: shares, price: price, atLeast: 1)
            guard direction == 1 || direction == -1 else {
                throw .malformed("a direction that is neither 1 nor -1")
            }
            side = direction == 1 ? .bid : .ask
        }
    }

    /// Digits behind the nanoseconds are cut: LOBSTER has times that went through a floating-point
    /// number, as `35821.088778456004`.
    private static func time(_ field: RawSpan) throws(LineFault) -> Nanoseconds {
        var end = 0
        while end < field.byteCount, field.u8(at: end) != UInt8(ascii: ".") { end += 1 }
        end = min(end + 10, field.byteCount)
        for offset in end..<field.byteCount where field.u8(at: offset) &- UInt8(ascii: "0") > 9 {
            throw .malformed("the time is no number of seconds")
        }
        do throws(FixedPointFault) {
            let time = try FixedPoint.read(field.extracting(..<end), decimals: 9)
            if (0..<dayEnd).contains(time) { return Nanoseconds(raw: time) }
        } catch {
            throw .malformed("the time is no number of seconds")
        }
        throw .malformed("a time that is not of one day")
    }

    private static func kind(_ field: RawSpan) throws(LineFault) -> Kind {
        guard field.byteCount == 1, let kind = Kind(rawValue: field.u8(at: 0) &- UInt8(ascii: "0"))
        else { throw .malformed("a type that is none of 1 to 7") }
        return kind
    }

    private mutating func setTrade(
        shares: Int64, price units: Int64, atLeast least: Int64
    ) throws(LineFault) {
        guard shares >= least else { throw .malformed("a size that is not above 0") }
        guard units >= least else { throw .malformed("a price that is not above 0") }
        let (e9, overflow) = units.multipliedReportingOverflow(by: FeedScale.shares.priceE9)
        guard !overflow else { throw .range("a price above 9.2e9") }
        guard let size = Quantity(exactlyShares: shares) else { throw .range("a size above 9.2e10") }
        price = Price(e9: e9)
        self.size = size
    }

    private mutating func setState(code: Int64) throws(LineFault) {
        switch code {
        case -1: state = .halted
        case 0: state = .auction  // quoting resumes, trading does not yet
        case 1: state = .trading
        default: throw .malformed("a halt that is none of -1, 0 and 1")
        }
    }
}
