// The configuration file: what each line means, what a fault says, and what writing leaves alone.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import Watch

@Test("a file as the manual has it is understood whole")
func configurationWhole() {
    let read = Configuration(parsing: Configuration.example)
    #expect(read.faults == [])
    let settings = read.settings
    #expect(settings.palette == .blueOrange && settings.background == .light && !settings.isUpRed)
    #expect(settings.columns == [.symbol, .last, .change, .percent, .bid, .ask, .age, .state])
    #expect(settings.order == .init(column: .percent, isDescending: true) && settings.rate == .standard)
    #expect(settings.groups.map(\.name) == ["tech", "banks"])
    #expect(settings.groups.last?.symbols == ["JPM", "GS", "BRK.B"])
    #expect(
        settings.alerts == [
            AlertRule(symbol: "AAPL", .lastAbove(Price(e4: 1_900_000)), rings: true),
            AlertRule(symbol: "AAPL", .lastBelow(Price(e4: 1_700_000)), rings: false),
            AlertRule(symbol: nil, .changeBeyond(500), rings: false),
            AlertRule(symbol: "MSFT", .staleFor(.seconds(30)), rings: true),
        ])
}

@Test(
    "a fault names its line and what would be right",
    arguments: [
        ("palette = pink", "palette = pink; one of default, blue-orange, monochrome"),
        ("palette", "palette has no value; write `palette = blue-orange`"),
        ("background = blue", "auto, dark, light"),
        ("up-is-red = 1", "yes or no"), ("columns = symbol,,last", "no column without a name"),
        ("columns = price", "no column price; there are symbol"), ("columns =", "no column without a name"),
        ("sort = spark", "no column spark"), ("sort = last up", "asc or desc"),
        ("rate = 0", "0.1 to 1000, or max"),
        ("colour = red", "unknown setting colour; there are `palette"), ("group = AAPL", "write `group NAME"),
        ("group tech", "write `group NAME"), ("group tech = A\"", "no symbol's name"),
        ("group a b = A", "group NAME"),
        ("alert AAPL", "write `alert AAPL last"), ("alert AAPL last > much", "no price"),
        ("alert AAPL last = 5", "> or <"), ("alert * change < 5%", "> is wanted behind change"),
        ("alert * change > 0%", "percentage above 0"), ("alert * change > 0.001%", "at most 2 decimals"),
        ("alert X stale > 30", "no time"), ("alert X volume > 1", "none of last, change, stale"),
        ("alert X last > 1 ring", "write `alert"), ("rate = 5\u{7}", "control character"),
    ])
func configurationFaults(line: String, words: String) throws {
    let read = Configuration(parsing: "# mine\n\(line)\npalette = monochrome\n")
    let fault = try #require(read.faults.first)
    #expect(fault.line == 2 && "\(fault)".contains(words), "\(fault)")
    #expect(!fault.advice.isEmpty && read.faults.count == 1)
    // What is right counts all the same, and what is wrong changes nothing.
    var expected = Settings()
    expected.palette = .monochrome
    #expect(read.settings == expected)
}

@Test("what stands there twice counts once, and the second is a fault")
func configurationTwice() {
    let read = Configuration(
        parsing: "rate = 5\nrate = 6\ngroup a = X\ngroup a = Y\nalert X last > 1\nalert X last > 1.00")
    #expect(
        read.settings.rate == .perThousandSeconds(5_000) && read.settings.groups.map(\.symbols) == [["X"]])
    #expect(read.faults.map(\.line) == [2, 4, 6])
    #expect(read.faults.first?.what == "rate stands in line 1 already")
}

@Test("a file that is too large, too long or no text is one fault")
func configurationBounds() {
    #expect(Configuration(parsing: String(repeating: "#", count: 1 << 20 + 1)).faults.count == 1)
    #expect(Configuration(parsing: [0xff, 0xfe]).faults.map(\.what) == ["is not UTF-8"])
    let long = Configuration(parsing: String(repeating: "\n", count: 1_000) + "rate = 5")
    #expect(long.faults.map(\.line) == [1_001] && long.settings == Settings())
}

@Test("writing changes the line of what has changed, and nothing else")
func configurationWriting() throws {
    let old = """
        # My markets.
        \tpalette = blue-orange   # eyes

        colour = red
        group tech = AAPL,MSFT   # not tidy
        group old = X
        alert AAPL last > 190
        rate = 5
        """
    var settings = Configuration(parsing: old).settings
    settings.palette = .monochrome
    settings.groups.removeLast()
    settings.groups.append(.init(name: "banks", symbols: ["JPM", "GS"]))
    settings.alerts.append(AlertRule(symbol: nil, .changeBeyond(525), rings: true))
    settings.order = .init(column: .volume, isDescending: true)
    let new = try #require(Configuration.written(settings, over: old))
    #expect(
        new == """
            # My markets.
            \tpalette = monochrome   # eyes

            colour = red
            group tech = AAPL,MSFT   # not tidy
            group banks = JPM, GS
            alert AAPL last > 190
            alert * change > 5.25% bell
            rate = 5
            sort = volume desc

            """)
    #expect(Configuration(parsing: new).settings == settings)
}

@Test("what nobody changed is written as it was, line ends included")
func configurationUntouched() {
    let texts = [
        "", "# only this\n", "rate=5\r\ngroup a=X,Y\r\n", Configuration.example + "\n", "palette = pink\n",
    ]
    for text in texts {
        #expect(Configuration.written(Configuration(parsing: text).settings, over: text) == text)
    }
    var settings = Settings()
    settings.rate = .max
    #expect(Configuration.written(settings, over: "# a\r\n") == "# a\r\nrate = max\r\n")
    #expect(Configuration.written(settings, over: "# a\r\n# b\r") == "# a\r\n# b\r\nrate = max\r\n")
    #expect(Configuration.written(settings, over: "# a\n\n# b") == "# a\n\n# b\nrate = max\n")
    #expect(Configuration.written(settings, over: String(repeating: "#", count: 1 << 20 + 1)) == nil)
}

@Test("what is written over anything is read back the same", arguments: Seed.smoke)
func configurationRoundTrip(seed: Seed) throws {
    var generator = seed.generator()
    for _ in 0..<60 {
        let old = Made.text(&generator)
        var settings = Made.settings(&generator)
        // The file's order of groups and alerts is the one that counts.
        let new = try #require(Configuration.written(settings, over: old))
        var again = Configuration(parsing: new).settings
        settings.groups.sort { $0.name < $1.name }
        again.groups.sort { $0.name < $1.name }
        #expect(Set(again.alerts) == Set(settings.alerts), "\(old)\n->\n\(new)")
        (again.alerts, settings.alerts) = ([], [])
        #expect(again == settings, "\(old)\n->\n\(new)")
        #expect(Configuration.written(Configuration(parsing: new).settings, over: new) == new)
    }
}

/// Files and settings drawn at random.
private enum Made {
    static func text(_ generator: inout SeededGenerator) -> String {
        let lines =
            Configuration.example.split(separator: "\n").map(String.init) + [
                "", "# a comment", "palette = pink", "nonsense", "group tech = X Y # two", "sort = none",
                "alert A last > 1 bell",
            ]
        return (0..<generator.below(14)).map { _ in lines[generator.below(lines.count)] + "\n" }.joined()
    }

    static func settings(_ generator: inout SeededGenerator) -> Settings {
        var settings = Settings()
        settings.palette = Palette.allCases[generator.below(3)]
        settings.background = [nil, .dark, .light][generator.below(3)]
        settings.isUpRed = generator.below(2) == 0
        settings.columns = Column.allCases.filter { _ in generator.below(2) == 0 } + []
        if settings.columns.isEmpty { settings.columns = [.last] }
        if generator.below(2) == 0 {
            settings.order = .init(column: .last, isDescending: generator.below(2) == 0)
        }
        settings.rate = generator.below(4) == 0 ? .max : .perThousandSeconds(100 + generator.below(999_900))
        for name in ["tech", "banks", "new"] where generator.below(2) == 0 {
            settings.groups.append(.init(name: name, symbols: (0..<generator.below(4)).map { "S\($0)" }))
        }
        for _ in 0..<generator.below(4) {
            let conditions: [AlertRule.Condition] = [
                .lastAbove(Price(e9: Int64(generator.below(1 << 31)))),
                .lastBelow(Price(e9: -Int64(generator.below(1 << 31)))),
                .changeBeyond(Int64(1 + generator.below(10_000))),
                .staleFor(Nanoseconds(raw: Int64(1 + generator.below(1 << 31)))),
            ]
            let rule = AlertRule(
                symbol: generator.below(2) == 0 ? nil : "BRK.B", conditions[generator.below(4)],
                rings: generator.below(2) == 0)
            if !settings.alerts.contains(rule) { settings.alerts.append(rule) }
        }
        return settings
    }
}
