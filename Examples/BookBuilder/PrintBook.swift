// A book builder in a program of one's own: a recording in any format that tickerd reads goes through it, and the
// best prices of a symbol come out.
//
//     BookBuilder FILE SYMBOL [--date YYYY-MM-DD]
import Basics
import Glibc
import Market
import TickerFeed

@main
enum PrintBook {
    static let levels = 5

    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            Console.write("BookBuilder: \(error)\n", to: Console.errors)
            exit(error is UsageError ? 2 : 1)
        }
    }

    static func run(_ words: [String]) throws {
        let day = Option("date", "YYYY-MM-DD", "the trading day, where the file's name has none")
        let arguments = try Arguments(words, options: [day])
        guard arguments.operands.count == 2, let name = SymbolName(arguments.operands[1]) else {
            throw UsageError("usage: BookBuilder FILE SYMBOL [--date YYYY-MM-DD]")
        }
        let date = arguments["date"].flatMap { CalendarDate($0) }
        if arguments.has("date"), date == nil { throw UsageError("--date: a day as YYYY-MM-DD") }
        let feed = try InputFeed(FeedOptions(path: arguments.operands[0], date: date))
        // Messages of all other symbols are passed over.
        var builder = BookBuilder(wanted: [name])
        try feed.play(into: &builder)
        guard let symbol = builder.directory.find(name) else {
            throw UsageError("\(arguments.operands[0]): has no symbol \(name)")
        }
        Console.write("\(name), \(feed.description)\n" + book(of: symbol, builder))
    }

    /// The best level of each side is the first row.
    static func book(of symbol: SymbolID, _ builder: borrowing BookBuilder) -> String {
        let bids = builder.levels(symbol, .bid, atMost: levels)
        let asks = builder.levels(symbol, .ask, atMost: levels)
        return (0..<max(bids.count, asks.count)).map { depth in
            let bid = depth < bids.count ? "\(bids[depth].size) x \(bids[depth].price)" : "no bid"
            let ask = depth < asks.count ? "\(asks[depth].price) x \(asks[depth].size)" : "no ask"
            return String(repeating: " ", count: max(0, 24 - bid.count)) + "\(bid) | \(ask)\n"
        }.joined()
    }
}
