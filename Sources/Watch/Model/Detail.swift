// What is known of the one symbol that is looked at closely: its book, its trades, its bars.
//
// Invariant: bounded, however long it is looked at.
import Basics
import Dialects
import Market

public struct Detail: Hashable, Sendable {
    public let symbol: String
    public private(set) var book = BookImage()
    /// The newest first; breaks stand among the trades that they took back.
    public private(set) var trades: [Print] = []
    /// Seconds, the newest last; the last one may be open.
    public private(set) var bars: [BarMessage] = []
    /// Trades that were declared lost.
    public private(set) var tradesLost: UInt64 = 0

    public static let tradesMax = 500
    public static let barsMax = 3_600

    public enum Print: Hashable, Sendable {
        case trade(TradeMessage)
        case broken(BreakMessage)
    }

    init(_ symbol: String) { self.symbol = symbol }

    mutating func take(_ message: BookMessage) { book.take(message) }

    mutating func take(_ print: Print) {
        trades.insert(print, at: 0)
        if trades.count > Detail.tradesMax { trades.removeLast(trades.count - Detail.tradesMax) }
    }

    mutating func take(_ bar: BarMessage) {
        guard bar.interval == .second else { return }
        if let last = bars.last, last.start == bar.start {
            bars[bars.count - 1] = bar
        } else if bars.last.map({ $0.start < bar.start }) ?? true {
            bars.append(bar)
            if bars.count > Detail.barsMax { bars.removeFirst() }
        }
    }

    mutating func lost(_ channel: String, _ count: UInt64) {
        if channel == "trade" { tradesLost &+= count }
    }

    mutating func forget() { self = Detail(symbol) }
}
