// A watcher without a terminal, a server or a clock: events in, screens out.
import Basics
import Dialects
import Market
import Testing
import Watch

struct Stage {
    var model: Model
    var now: Moment
    private(set) var effects: [Effect] = []

    /// 2026-01-02, 14:30 UTC.
    static let opening = Timestamp(raw: 1_767_364_200_000_000_000)

    init(_ symbols: [String], _ settings: Settings = Settings(), columns: Int = 80, rows: Int = 24) {
        model = Model(symbols: symbols, settings: settings)
        now = Moment(instant: Instant(raw: 1_000_000_000_000), wall: Stage.opening)
        tell(.resized(columns: columns, rows: rows))
    }

    mutating func tell(_ event: Event) { effects += model.update(event, at: now) }
    mutating func takeEffects() -> [Effect] {
        defer { effects = [] }
        return effects
    }

    /// A message as the server sends it.
    mutating func hear(_ json: String) throws {
        let message = try Array(json.utf8).withUnsafeBytes { try ServerMessage(json: $0) }
        tell(.message(message))
    }

    mutating func press(_ keys: Key...) { for key in keys { tell(.key(key)) } }
    mutating func type(_ text: String) {
        for scalar in text.unicodeScalars { tell(.key(.character(scalar))) }
    }

    /// Time goes by, a tick every 100 ms.
    mutating func wait(_ span: Nanoseconds) {
        var left = span.raw
        while left > 0 {
            let step = Nanoseconds(raw: min(left, 100_000_000))
            now = Moment(instant: now.instant + step, wall: now.wall + step)
            left -= step.raw
            tell(.tick)
        }
    }

    func canvas(_ glyphs: Glyphs = .unicode) -> Canvas { ScreenView.render(model, glyphs: glyphs, at: now) }

    var screen: String { Stage.text(canvas()) }

    static func text(_ canvas: Canvas) -> String {
        (0..<canvas.rows).map { canvas.text(row: $0) + "\n" }.joined()
    }

    func line(_ row: Int) -> String { canvas().text(row: row) }
    /// The line of the list that begins with a name.
    func line(of symbol: String) -> String {
        screen.split(separator: "\n").map(String.init).first { $0.hasPrefix(symbol) } ?? ""
    }
}

extension Stage {
    /// A market as a morning has it: prices that went up, down and nowhere, and states of every kind.
    static func market(columns: Int = 80, rows: Int = 24, _ settings: Settings = Settings()) throws -> Stage {
        var stage = Stage(
            ["AAPL", "MSFT", "BRK.B", "SPY", "TSLA", "QQQ", "NVDA", "ZZZZ"], settings, columns: columns,
            rows: rows)
        stage.tell(.link(.live))
        try stage.hear(
            #"{"type":"welcome","protocol":1,"server":"tickerd/0.1.0","session":"1","epoch":"9f96f3d5","clock":{"mode":"sim","speed":1},"heartbeat_ms":1000,"limits":{"symbols":512,"message_bytes":65536}}"#
        )
        try stage.hear(
            #"{"type":"ack","id":1,"channel":"stats","symbols":["AAPL"],"rate":10,"refused":[{"symbol":"ZZZZ","code":"unknown_symbol"}],"resume":"9f96f3d5.1"}"#
        )
        let rows: [(String, String, String, String, String)] = [
            ("AAPL", "270.4", "271.35", "live", "trading"), ("MSFT", "481.16", "479.02", "live", "trading"),
            ("BRK.B", "702.5", "702.5", "quiet", "trading"), ("SPY", "601.12", "604.99", "live", "halted"),
            ("TSLA", "411.05", "390.71", "stale", "trading"), ("QQQ", "530", "531.07", "suspect", "trading"),
            ("NVDA", "142.1", "143", "live", "auction"),
        ]
        for (number, row) in rows.enumerated() {
            try stage.hearSymbol(row.0, open: row.1, last: row.2, feed: row.3, market: row.4, seed: number)
            stage.wait(.milliseconds(700))
        }
        stage.tell(.roundTrip(.microseconds(412)))
        try stage.hear(
            #"{"type":"heartbeat","ts":1767364205000000000,"lag_ms":0,"buffered":0,"merged":1284,"rates":{"asked":240,"sent":183.4},"resume":"9f96f3d5.16947"}"#
        )
        return stage
    }

    mutating func hearSymbol(
        _ symbol: String, open: String, last: String, feed: String = "live", market: String = "trading",
        seed: Int = 0
    ) throws {
        let first = Price(e9: try #require(FixedPoint.parse(open.utf8, decimals: 9)))
        let price = Price(e9: try #require(FixedPoint.parse(last.utf8, decimals: 9))), time = now.wall.raw
        try hear(
            #"{"type":"status","sym":"\#(symbol)","seq":1,"market":"\#(market)","feed":"\#(feed)","reason":"\#(market == "halted" ? "LUDP" : "")","ts":\#(time),"snap":true,"prev":0}"#
        )
        // A path from the open to the last price, one price each five seconds.
        let start = now
        for step in 0...24 {
            let wobble =
                Int64((step * 7 + seed * 13) % 11 - 5) * 20_000_000 * (step == 24 || step == 0 ? 0 : 1)
            let e9 = first.e9 + (price.e9 - first.e9) * Int64(step) / 24 + wobble
            now = Moment(instant: start.instant, wall: start.wall + .seconds(5 * (step - 24)))
            let change = Price(e9: e9 - first.e9)
            try hear(
                #"{"type":"stats","sym":"\#(symbol)","seq":\#(step + 1),"open":\#(open),"high":\#(Numbers.price(max(first, price))),"low":\#(Numbers.price(min(first, price))),"last":\#(Numbers.price(Price(e9: e9))),"change":\#(Numbers.price(change)),"volume":\#(123_456 * (seed + 1)),"vwap":\#(Numbers.price(first)),"count":\#(step + 1),"ts":\#(time),"prev":\#(step)\#(step == 0 ? #","snap":true"# : "")}"#
            )
        }
        now = start
        try hear(
            #"{"type":"quote","sym":"\#(symbol)","seq":161,"bid":\#(Numbers.price(Price(e9: price.e9 - 10_000_000))),"bid_size":\#(200 + seed * 100),"ask":\#(Numbers.price(Price(e9: price.e9 + 20_000_000))),"ask_size":\#(100 + seed),"ts":\#(time),"snap":true,"prev":0}"#
        )
    }

    /// The book, the trades and the bars of the symbol that is looked at.
    mutating func hearDetail(_ symbol: String) throws {
        let time = now.wall.raw
        func levels(_ best: Int, _ step: Int) -> String {
            (0..<12).map {
                "[\(Numbers.price(Price(e9: Int64(best + step * $0) * 10_000_000))),\(100 + ($0 * 37) % 9 * 150)]"
            }
            .joined(separator: ",")
        }
        try hear(
            #"{"type":"book","sym":"\#(symbol)","seq":306,"bids":[\#(levels(27_134, -1))],"asks":[\#(levels(27_137, 1))],"ts":\#(time),"snap":true,"prev":0}"#
        )
        for number in 1...30 {
            let side = number % 3 == 0 ? "sell" : "buy"
            try hear(
                #"{"type":"trade","sym":"\#(symbol)","seq":\#(number),"price":271.\#(30 + number % 7),"size":\#(number * 10),"side":"\#(side)","trade_id":"\#(1_000 + number)","ts":\#(time + Int64(number) * 37_000_000),"prev":\#(number - 1)\#(number == 1 ? #","snap":true"# : "")}"#
            )
            let start = time / 1_000_000_000 * 1_000_000_000 + Int64(number) * 1_000_000_000
            let close = 27_100 + number * number % 41 + number
            try hear(
                #"{"type":"bar","sym":"\#(symbol)","seq":\#(number),"interval":"1s","start":\#(start),"open":271.2,"high":272,"low":271,"close":\#(close / 100).\#(close % 100 + 0),"volume":340,"vwap":271.3,"count":6,"closed":true,"ts":\#(start + 1_000_000_000),"prev":\#(number - 1)\#(number == 1 ? #","snap":true"# : "")}"#
            )
        }
        try hear(
            #"{"type":"trade","sym":"\#(symbol)","seq":31,"broken":"1029","price":271.31,"size":290,"ts":\#(time + 1_200_000_000),"prev":30}"#
        )
    }
}
