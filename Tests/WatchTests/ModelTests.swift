// What keys, messages and time do to the watcher, as its reader would tell.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import Watch

// MARK: Truth

@Test(
    "a break leaves the values, dims them, and counts down to the next try; what was missed is told after it")
func breakIsTold() throws {
    var stage = try Stage.market()
    stage.tell(.link(.broken(reason: "closed without a close frame", retry: stage.now.instant + .seconds(9))))
    stage.wait(.seconds(2))
    #expect(stage.line(0).hasPrefix("○ next try in 7.0s · closed without a close frame"))
    #expect(stage.line(of: "AAPL").contains("271.35") && stage.line(of: "AAPL").contains("×"))
    let role = stage.canvas()[10, 2].role
    #expect(role == .dim, "an old price looks like a new one")
    stage.wait(.seconds(2))
    stage.tell(.link(.connecting))
    #expect(stage.line(0).contains("next try") || stage.line(0).contains("connecting"))
    stage.tell(.link(.live))
    try stage.hear(
        #"{"type":"gap","sym":"AAPL","channel":"trade","from":11,"to":22,"reason":"slow"}"#)
    #expect(stage.line(0).hasPrefix("● live · back after 4.0s, 12 lost"), "\(stage.line(0))")
    stage.wait(.seconds(16))
    #expect(stage.line(0).hasPrefix("● live  tickerd"))
}

@Test("ages grow while nothing is heard")
func agesGrow() throws {
    var stage = Stage(["AAPL"])
    try stage.hearSymbol("AAPL", open: "100", last: "101")
    #expect(stage.line(of: "AAPL").contains("0.0s"))
    stage.wait(.milliseconds(3_400))
    #expect(stage.line(of: "AAPL").contains("3.4s"))
    stage.wait(.seconds(120))
    #expect(stage.line(of: "AAPL").contains("2m"))
}

@Test("a new life of the feed empties what was told, and says so")
func epochEmpties() throws {
    var stage = try Stage.market()
    try stage.hear(#"{"type":"epoch","epoch":"a005c1c1","reason":"seek"}"#)
    #expect(!stage.screen.contains("271.35"))
    #expect(stage.line(23).contains("the feed begins anew: seek"))
    // A symbol's numbers count anew: that is no break.
    try stage.hearSymbol("AAPL", open: "100", last: "101")
    #expect(stage.model.connection.breaks == 0)
}

@Test("what does not continue the chain, and was not declared, is counted as a break")
func breaksAreCounted() throws {
    var stage = Stage(["AAPL"])
    let quote = { (seq: Int, prev: Int) in
        #"{"type":"quote","sym":"AAPL","seq":\#(seq),"bid":1,"bid_size":1,"ask":2,"ask_size":1,"ts":1,"prev":\#(prev)\#(prev == 0 ? #","snap":true"# : "")}"#
    }
    try stage.hear(quote(10, 0))
    try stage.hear(quote(20, 10))
    #expect(stage.model.connection.breaks == 0)
    try stage.hear(quote(40, 30))
    #expect(stage.model.connection.breaks == 1)
    #expect(stage.line(0).contains("1 breaks"))
}

@Test(
    "a price that rose has a sign and a glyph, and so has one that fell", arguments: [Glyphs.unicode, .ascii])
func directionIsText(glyphs: Glyphs) throws {
    let stage = try Stage.market()
    let rows = Stage.text(stage.canvas(glyphs)).split(separator: "\n")
    let up = rows.first { $0.hasPrefix("AAPL") } ?? "", down = rows.first { $0.hasPrefix("MSFT") } ?? ""
    #expect(up.contains("+0.95") && up.contains(glyphs.up + "+0.35%"))
    #expect(down.contains("-2.14") && down.contains(glyphs.down + "-0.44%"))
}

// MARK: Keys

@Test("the chosen column sorts, greatest first; again reverses, and o goes back to the reader's own order")
func sorting() throws {
    var stage = try Stage.market()
    func names() -> [String] { stage.model.listed.map(\.symbol) }
    let own = names()
    stage.press(.right, .right, .right, .character("s"))
    #expect(names().prefix(3) == ["SPY", "NVDA", "AAPL"] && names().last == "ZZZZ")
    stage.press(.character("s"))
    #expect(names().prefix(2) == ["TSLA", "MSFT"] && names().last == "ZZZZ", "what has no value stands last")
    stage.press(.character("o"))
    #expect(names() == own)
}

@Test("the cursor stays on its symbol, however lines are sorted")
func cursorStays() throws {
    var stage = try Stage.market()
    stage.press(.down, .down)
    #expect(stage.model.selected == "BRK.B")
    stage.press(.character("s"), .character("s"))
    #expect(stage.model.selected == "BRK.B")
    stage.press(.home)
    #expect(stage.model.selected == stage.model.listed.first?.symbol)
}

@Test("a list that is sorted is shown from its top; the cursor, once it is moved, is followed")
func topOfTheList() throws {
    var stage = Stage((0..<50).map { "S\($0)" }, columns: 80, rows: 12)
    stage.press(.character("s"))
    #expect(stage.line(2).hasPrefix("S0"))
    stage.press(.character("s"))
    #expect(stage.line(2).hasPrefix("S9") && stage.model.selected == "S0", "the cursor's symbol is far below")
    stage.press(.down)
    #expect(stage.model.selected == "S8" && stage.line(2).hasPrefix("S9"))
    stage.press(.end)
    #expect(stage.model.selected == "S0" && stage.screen.contains("S0 "))
    stage.press(.home)
    #expect(stage.line(2).hasPrefix("S9"))
}

@Test("symbols are added and removed, and the server is asked for what is left")
func addAndRemove() throws {
    var stage = try Stage.market()
    _ = stage.takeEffects()
    stage.press(.character("a"))
    stage.type("googl, amzn")
    stage.press(.enter)
    #expect(stage.model.symbols.suffix(2) == ["GOOGL", "AMZN"] && stage.model.selected == "AMZN")
    #expect(stage.takeEffects() == [.subscribe])
    #expect(stage.model.wanted.allSatisfy { $0.symbols.suffix(2) == ["GOOGL", "AMZN"] })
    stage.press(.character("x"))
    #expect(!stage.model.symbols.contains("AMZN") && stage.model.selected == "GOOGL")
    #expect(stage.takeEffects() == [.subscribe])
}

@Test("lines are moved past those that are listed")
func reordering() throws {
    var stage = try Stage.market()
    stage.press(.character("J"))
    #expect(stage.model.symbols.prefix(2) == ["MSFT", "AAPL"])
    stage.press(.character("K"))
    #expect(stage.model.symbols.prefix(2) == ["AAPL", "MSFT"])
    stage.press(.character("s"), .character("J"))
    #expect(stage.line(23).contains("o goes back"), "a sorted list has no own order to change")
}

@Test("a filter lists what has the text, and Esc lists all again")
func filtering() throws {
    var stage = try Stage.market()
    stage.press(.character("/"))
    stage.type("q")
    #expect(stage.model.listed.map(\.symbol) == ["QQQ"])
    stage.press(.enter)
    #expect(stage.line(23).contains("filter q"))
    stage.press(.escape)
    #expect(stage.model.listed.count == 8)
}

@Test("a frozen screen stays as it was, says for how long, and goes on with what is then")
func freezing() throws {
    var stage = try Stage.market()
    stage.press(.character(" "))
    let before = stage.line(of: "AAPL").prefix(60)
    try stage.hearSymbol("AAPL", open: "1", last: "2")
    stage.wait(.seconds(3))
    #expect(stage.line(of: "AAPL").prefix(60).hasPrefix(before.prefix(40)))
    #expect(stage.line(23).contains("frozen for 3.0s"))
    stage.press(.character(" "))
    #expect(stage.line(of: "AAPL").contains("2.00"))
}

@Test("groups are turned through, and a group lists its members")
func groups() throws {
    var settings = Settings()
    settings.groups = [
        .init(name: "tech", symbols: ["AAPL", "MSFT"]), .init(name: "funds", symbols: ["SPY"]),
    ]
    var stage = try Stage.market(settings)
    stage.press(.character("g"))
    #expect(stage.model.listed.map(\.symbol) == ["AAPL", "MSFT"])
    stage.press(.character("g"))
    #expect(stage.model.listed.map(\.symbol) == ["SPY"])
    stage.press(.character("g"))
    #expect(stage.model.listed.count == 8)
    stage.press(.character("G"))
    #expect(stage.model.group == "funds")
}

@Test("the rate goes up and down in steps, and the server is told")
func rates() throws {
    var stage = try Stage.market()
    _ = stage.takeEffects()
    stage.press(.character("+"))
    #expect(stage.model.settings.rate == .perThousandSeconds(20_000))
    stage.press(.character("-"), .character("-"))
    #expect(stage.model.settings.rate == .perThousandSeconds(5_000))
    #expect(stage.takeEffects() == [.subscribe, .subscribe, .subscribe])
    #expect(stage.model.wanted.allSatisfy { $0.rate == .perThousandSeconds(5_000) })
}

@Test("Enter opens a symbol: its book, trades and bars are asked for, and let go of behind it")
func opening() throws {
    var stage = try Stage.market()
    _ = stage.takeEffects()
    stage.press(.enter)
    stage.wait(.milliseconds(300))
    #expect(stage.takeEffects() == [.subscribe])
    #expect(stage.model.wanted.map(\.channel) == [.stats, .quote, .status, .book, .trade, .bar])
    try stage.hearDetail("AAPL")
    #expect(stage.screen.contains("271.34 │ 271.37") && stage.screen.contains("taken back"))
    stage.press(.escape)
    stage.wait(.milliseconds(300))
    #expect(stage.model.wanted.map(\.channel) == [.stats, .quote, .status])
}

@Test("every key of the help page does something or is said to, and no key twice")
func helpIsWhole() {
    #expect(Set(KeyMap.bindings.map(\.command)) == Set(Command.allCases))
    let keys = KeyMap.bindings.flatMap(\.keys)
    #expect(Set(keys).count == keys.count)
}

// MARK: Alerts

@Test("an alert rings once when it becomes true, and again only after it was not")
func alertsRing() throws {
    var settings = Settings()
    settings.alerts = [AlertRule(symbol: "AAPL", .lastAbove(Price(e9: 190_000_000_000)), rings: true)]
    var stage = Stage(["AAPL", "MSFT"], settings)
    func stats(_ last: String, _ seq: Int) -> String {
        #"{"type":"stats","sym":"AAPL","seq":\#(seq),"open":180,"high":200,"low":180,"last":\#(last),"change":1,"volume":1,"vwap":180,"count":1,"ts":1,"prev":\#(seq - 1)\#(seq == 1 ? #","snap":true"# : "")}"#
    }
    try stage.hear(stats("189.99", 1))
    #expect(stage.takeEffects().isEmpty)
    try stage.hear(stats("190.01", 2))
    #expect(stage.takeEffects() == [.ring] && stage.line(of: "AAPL").contains("*"))
    try stage.hear(stats("190.02", 3))
    #expect(stage.takeEffects().isEmpty)
    try stage.hear(stats("189", 4))
    try stage.hear(stats("191", 5))
    #expect(stage.takeEffects() == [.ring])
}

@Test("silence alone meets an alert of staleness")
func staleAlert() throws {
    var settings = Settings()
    settings.alerts = [AlertRule(symbol: nil, .staleFor(.seconds(30)), rings: true)]
    var stage = Stage(["AAPL"], settings)
    try stage.hearSymbol("AAPL", open: "1", last: "2")
    stage.wait(.seconds(29))
    #expect(stage.takeEffects().isEmpty)
    stage.wait(.seconds(2))
    #expect(stage.takeEffects() == [.ring])
}

// MARK: Room

@Test("no size is refused, whatever is shown", arguments: Seed.smoke)
func anySize(seed: Seed) throws {
    var random = seed.generator()
    var stage = try Stage.market()
    let keys: [Key] = KeyMap.bindings.flatMap(\.keys).filter { $0 != .character("q") && $0 != .control("c") }
    for _ in 0..<120 {
        stage.tell(.resized(columns: random.below(230), rows: random.below(70)))
        stage.press(keys[random.below(keys.count)])
        if random.oneIn(4) { stage.wait(.milliseconds(200)) }
        if stage.model.detail?.symbol == "AAPL", random.oneIn(3) { try stage.hearDetail("AAPL") }
        let canvas = stage.canvas(random.oneIn(2) ? .unicode : .ascii)
        #expect(canvas.columns == stage.model.size.columns && canvas.rows == stage.model.size.rows)
    }
    for (columns, rows) in [(0, 0), (0, 10), (10, 0), (1, 1), (500, 200)] {
        stage.tell(.resized(columns: columns, rows: rows))
        _ = stage.canvas()
    }
}

@Test("a day of trades, bars and changes of mind is held in bounded memory")
func boundedMemory() throws {
    var stage = Stage(["AAPL"], columns: 200, rows: 60)
    stage.wait(.milliseconds(300))
    for number in 1...20_000 {
        stage.now = Moment(instant: stage.now.instant + .seconds(2), wall: stage.now.wall + .seconds(2))
        let start = stage.now.wall.raw / 1_000_000_000 * 1_000_000_000
        try stage.hear(
            #"{"type":"trade","sym":"AAPL","seq":\#(number),"price":271.3,"size":1,"side":"buy","trade_id":"1","ts":1,"prev":\#(number - 1)}"#
        )
        try stage.hear(
            #"{"type":"bar","sym":"AAPL","seq":\#(number),"interval":"1s","start":\#(start),"open":1,"high":2,"low":1,"close":2,"volume":1,"vwap":1,"count":1,"closed":true,"ts":1,"prev":\#(number - 1)}"#
        )
        try stage.hear(
            #"{"type":"stats","sym":"AAPL","seq":\#(number),"open":180,"high":200,"low":180,"last":\#(180 + number % 7),"change":1,"volume":1,"vwap":180,"count":1,"ts":1,"prev":\#(number - 1)}"#
        )
    }
    let detail = try #require(stage.model.detail)
    #expect(detail.trades.count == Detail.tradesMax && detail.bars.count == Detail.barsMax)
    #expect(stage.model["AAPL"]?.spark.prices.count == Sparkline.places)
}
