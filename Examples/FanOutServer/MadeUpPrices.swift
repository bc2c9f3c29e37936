// A source of one's own: two symbols whose prices are made up here. Anything else that has prices is told alike.
import Basics
import Market
import TickerFeed

/// Ten quotes a second, of both symbols in turn, and a trade with every third.
final class MadeUpPrices: Feed {
    let description = "prices that FanOutServer makes up"

    private let names = ["TIN", "ZINC"].compactMap { SymbolName($0) }
    private var symbols: [SymbolID] = []
    private var cents = [100_00, 25_00]
    private var count = 0
    private var due: Timestamp

    /// - Parameter start: of the first quote; with `Pace.live`, now.
    init(start: Timestamp) { due = start }

    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        var played = 0
        while due <= time, played < limit {
            tell(&builder, Stamp(time: due, received: received, source: UInt64(count)))
            due = due + .milliseconds(100)
            count += 1
            played += 1
        }
        return FeedStep(played: played, next: .due(due))
    }

    /// A symbol is defined before anything is said of it; the builder numbers what is said.
    private func tell(_ builder: inout BookBuilder, _ now: Stamp) {
        if symbols.isEmpty {
            symbols = names.compactMap { builder.define(SymbolDefinition(name: $0), at: now) }
            for symbol in symbols { builder.status(symbol, MarketStatus(.trading), at: now) }
        }
        let index = count % symbols.count, symbol = symbols[index]
        // A cent down, none, or a cent up.
        cents[index] += Int.random(in: -1...1)
        let bid = price(cents[index]), ask = price(cents[index] + 2)
        builder.beginLevels(symbol, at: now)
        builder.setBest(.bid, price: bid, size: Quantity(shares: .random(in: 1...9) * 100))
        builder.setBest(.ask, price: ask, size: Quantity(shares: .random(in: 1...9) * 100))
        builder.endLevels()
        if count % 3 == 2 {
            builder.trade(
                symbol, aggressor: .bid, size: Quantity(shares: 100), price: ask, id: now.source, at: now)
        }
    }

    private func price(_ cents: Int) -> Price { Price(e9: Int64(cents) * 10_000_000) }
}
