// What a session knows of one symbol, besides its book.
import Basics
import Market

struct BinanceSymbol: ~Copyable {
    let name: SymbolName
    /// The builder's number; nil until the first message, and for a symbol that is not wanted.
    var id: SymbolID?
    var isDefined = false

    var sequence = DepthSequence()
    var backlog = DepthBacklog()
    /// It has a stream of its depth: best prices then only confirm its book.
    var hasDepth = false
    /// The kind of its trades that is taken: each trade is in both streams.
    var tradeKind: BinanceMessage.Kind?
    var tickers = RecentTickers()

    init(_ name: SymbolName) { self.name = name }

    /// The connection is a new one: what was on its way is lost.
    mutating func lose() {
        sequence.lose()
        backlog.removeAll()
        tickers = RecentTickers()
    }
}

/// The last best prices that came, which run ahead of the book: it is compared when it gets there.
struct RecentTickers {
    private var tickers: [4 of BinanceMessage.Ticker] = .init(repeating: BinanceMessage.Ticker())
    private var newest = 0

    /// The number of the newest one.
    var last: Int64 { tickers[newest].id }

    mutating func add(_ ticker: BinanceMessage.Ticker) {
        newest = (newest + 1) & 3
        tickers[newest] = ticker
    }

    func forEach(at id: Int64, _ body: (BinanceMessage.Ticker) -> Void) {
        for index in 0..<4 where tickers[index].id == id { body(tickers[index]) }
    }
}

/// A session's symbols, found by their names.
struct BinanceSymbols: ~Copyable {
    /// More than the exchange ever listed.
    static let countMax = 16_384

    private var table = Slab<BinanceSymbol>(capacity: BinanceSymbols.countMax)
    private var places: [SymbolName: Int] = [:]

    init() {}

    var count: Int { places.count }

    subscript(place: Int) -> UnsafeMutablePointer<BinanceSymbol> { table.address(of: place) }

    /// A symbol's place, made where it has none; nil where there is no room for another.
    mutating func place(of name: SymbolName) -> Int? {
        if let known = places[name] { return known }
        guard count < BinanceSymbols.countMax else { return nil }
        let place = count
        table.insert(BinanceSymbol(name), at: place)
        places[name] = place
        return place
    }
}
