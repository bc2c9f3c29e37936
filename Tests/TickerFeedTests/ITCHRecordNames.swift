// A record's fields by the names of the Python package `itchfeed`, to compare with what it decoded.
import Basics
import Foundation
import Market

@testable import TickerFeed

private func text(_ letter: UInt8) -> String { String(UnicodeScalar(letter)) }
private func text(_ letters: UInt32) -> String {
    String(
        (0..<4).map { Character(UnicodeScalar(UInt8(truncatingIfNeeded: letters >> UInt32(24 - $0 * 8)))) })
}
private func text(_ stock: ITCHStock) -> String {
    String(
        (0..<8).map { Character(UnicodeScalar(UInt8(truncatingIfNeeded: stock.raw >> UInt64(56 - $0 * 8)))) })
}

extension Price {
    fileprivate var e4: Int64 { e9 / 100_000 }
}

extension ITCHRecord {
    func fields(file: String) -> NSDictionary {
        var fields: [String: Any] = [
            "file": file, "type": text(type), "stock_locate": locate, "tracking_number": trackingNumber,
            "timestamp": timestamp.raw,
        ]
        fields.merge(body.orderFields ?? body.noticeFields) { $1 }
        return fields as NSDictionary
    }
}

extension ITCHRecord.Body {
    fileprivate var orderFields: [String: Any]? {
        switch self {
        case .addOrder(let order, let side, let shares, let stock, let price, let attribution):
            var fields: [String: Any] = [
                "order_reference_number": order, "buy_sell_indicator": text(side), "shares": shares,
                "stock": text(stock), "price": price.e4,
            ]
            if let attribution { fields["attribution"] = text(attribution) }
            return fields
        case .orderExecuted(let order, let shares, let match):
            return ["order_reference_number": order, "executed_shares": shares, "match_number": match]
        case .orderExecutedWithPrice(let order, let shares, let match, let printable, let price):
            return [
                "order_reference_number": order, "executed_shares": shares, "match_number": match,
                "printable": text(printable), "execution_price": price.e4,
            ]
        case .orderCancel(let order, let shares):
            return ["order_reference_number": order, "cancelled_shares": shares]
        case .orderDelete(let order): return ["order_reference_number": order]
        case .orderReplace(let order, let newOrder, let shares, let price):
            return [
                "order_reference_number": order, "new_order_reference_number": newOrder,
                "shares": shares, "price": price.e4,
            ]
        case .trade(let order, let side, let shares, let stock, let price, let match):
            return [
                "order_reference_number": order, "buy_sell_indicator": text(side), "shares": shares,
                "stock": text(stock), "price": price.e4, "match_number": match,
            ]
        case .crossTrade(let shares, let stock, let price, let match, let crossType):
            return [
                "shares": shares, "stock": text(stock), "cross_price": price.e4, "match_number": match,
                "cross_type": text(crossType),
            ]
        default: return nil
        }
    }

    fileprivate var noticeFields: [String: Any] {
        switch self {
        case .systemEvent(let code): return ["event_code": text(code)]
        case .tradingAction(let stock, let state, let reserved, let reason):
            return [
                "stock": text(stock), "trading_state": text(state), "reserved": text(reserved),
                "reason": text(reason),
            ]
        case .regSHO(let stock, let action):
            return ["stock": text(stock), "reg_sho_action": text(action)]
        case .participantPosition(let participant, let stock, let isPrimary, let mode, let state):
            return [
                "mpid": text(participant), "stock": text(stock), "primary_market_maker": text(isPrimary),
                "market_maker_mode": text(mode), "market_participant_state": text(state),
            ]
        case .auctionCollar(let stock, let reference, let upper, let lower, let extensions):
            return [
                "stock": text(stock), "auction_collar_reference_price": reference.e4,
                "upper_auction_collar_price": upper.e4, "lower_auction_collar_price": lower.e4,
                "auction_collar_extention": extensions,
            ]
        case .imbalance(let imbalance):
            return [
                "paired_shares": imbalance.paired, "imbalance_shares": imbalance.imbalance,
                "imbalance_direction": text(imbalance.direction), "stock": text(imbalance.stock),
                "far_price": imbalance.far.e4, "near_price": imbalance.near.e4,
                "current_reference_price": imbalance.reference.e4, "cross_type": text(imbalance.crossType),
                "variation_indicator": text(imbalance.variation),
            ]
        default: return [:]
        }
    }
}
