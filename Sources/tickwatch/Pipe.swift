// Output for pipes and files: a line a change, no escape codes, flushed as it comes.
import Basics
import Dialects
import Market
import Watch

enum Pipe {
    /// `AAPL last 231.45 change +1.20 +0.52% bid 231.44 x 300 ask 231.46 x 500`, and where the feed is not
    /// `live` its state: `… feed suspect`
    static func line(_ row: Row) -> String {
        var words = [row.symbol]
        if let last = row.last { words += ["last", Numbers.price(last)] }
        if let change = row.change, let points = row.changeBasisPoints {
            words += ["change", Numbers.price(change, signed: true), Numbers.percent(points)]
        }
        if let quote = row.quote {
            words += ["bid", side(quote.bid, quote.bidSize), "ask", side(quote.ask, quote.askSize)]
        }
        if let doubt = row.doubt { words += ["feed", doubt] }
        return words.joined(separator: " ") + "\n"
    }

    private static func side(_ price: Price?, _ size: Quantity?) -> String {
        guard let price, let size else { return "none" }
        return "\(Numbers.price(price)) x \(Numbers.size(size))"
    }
}
