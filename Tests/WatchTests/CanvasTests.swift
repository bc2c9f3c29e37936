// A screen in memory.
import TestSupport
import Testing

@testable import Watch

@Test("what does not fit is cut off at the edges, whatever the size")
func canvasEdges() {
    var canvas = Canvas(columns: 5, rows: 1)
    #expect(canvas.draw("AAPL 231.45", 0, 0) == 5)
    canvas.draw("below", 0, 1)
    canvas.draw("above", 0, -1)
    #expect(canvas.text(row: 0) == "AAPL")
    #expect(canvas.draw("231.45", -2, 0) == 4)
    #expect(canvas.text(row: 0) == "1.45")
    var nothing = Canvas(columns: 0, rows: 0)
    #expect(nothing.draw("AAPL", 0, 0) == 0)
    nothing.select(row: 0)
    nothing[0, 0] = Cell("x")
    #expect(nothing[0, 0] == .blank)
}

@Test(
    "a text has the columns that a terminal gives it",
    arguments: [
        ("AAPL", 4), ("日経225", 7), ("Ｓ＆Ｐ", 6), ("🚀", 2), ("é", 1), ("e\u{301}", 1), ("▲–×…│█", 6),
        ("🇺🇸", 2), ("👍🏽", 2), ("한국", 4), ("a\tb\n", 4), ("\u{1B}[31mred", 7), ("", 0), ("\u{200B}\u{FEFF}", 0),
    ] as [(String, Int)])
func textWidth(text: String, columns: Int) {
    #expect(CharacterWidth.of(text) == columns)
    var canvas = Canvas(columns: 20, rows: 1)
    #expect(canvas.draw(text, 0, 0) == columns)
    #expect(canvas.draw(text, 0, 7) == columns, "outside it is as wide as inside")
}

@Test("the tables ascend, and what is told without them is what they say")
func widthTables() {
    for table in [CharacterWidth.zeroWidth, CharacterWidth.wide] {
        #expect(table.count % 2 == 0)
        for index in table.indices.dropFirst() {
            #expect(index % 2 == 1 ? table[index] >= table[index - 1] : table[index] > table[index - 1])
        }
    }
    for scalar in UInt32(0)...0x3000 {
        #expect(CharacterWidth.of(raw: scalar) == CharacterWidth.looked(up: scalar) || scalar < 0x7F)
    }
    for scalar in CharacterWidth.wide { #expect(CharacterWidth.of(raw: scalar) == 2) }
    for scalar in CharacterWidth.zeroWidth { #expect(CharacterWidth.of(raw: scalar) == 0) }
}

@Test(
    "what would move the cursor is never in a cell",
    arguments: [
        ("\u{1B}[2JX", "[2JX"), ("a\u{9B}31mb", "a31mb"), ("a\rb", "a b"), ("a\u{7}\u{8}b", "ab"),
        ("a\tb", "a b"),
        ("a\u{202E}b", "ab"), ("a\u{7F}b", "ab"), ("🇺🇸", "US"),
    ])
func hostileText(text: String, shown: String) {
    var canvas = Canvas(columns: 12, rows: 1)
    canvas.draw(text, 0, 0)
    #expect(canvas.text(row: 0) == shown)
    for scalar in text.unicodeScalars { canvas[0, 0] = Cell(scalar) }
    for cell in canvas.cells { #expect(cell.scalar >= 0x20 && CharacterWidth.of(raw: cell.scalar) == 1) }
}

@Test("a wide character is drawn whole, or as a blank where an edge cuts it")
func wideAtEdges() {
    var canvas = Canvas(columns: 4, rows: 1)
    #expect(canvas.draw("a日本", 0, 0) == 4)
    #expect(canvas.text(row: 0) == "a日")
    #expect(canvas.draw("日本", 0, 0, width: 3) == 3)
    #expect(canvas.text(row: 0) == "日")
    #expect(canvas.draw("日本", -1, 0) == 3)
    #expect(canvas.text(row: 0) == " 本")
    canvas[3, 0] = Cell("本")
    #expect(canvas[3, 0].scalar == 0x20)
}

@Test("who writes over one half of a wide character blanks the other", arguments: 0..<4)
func wideHalves(column: Int) {
    for write in [
        { (canvas: inout Canvas) in _ = canvas.draw("x", column, 0) },
        { canvas in canvas[column, 0] = Cell("x") },
        { canvas in canvas.draw("x\u{301}", column, 0) },
    ] {
        var canvas = Canvas(columns: 4, rows: 1)
        canvas.draw("日本", 0, 0)
        write(&canvas)
        #expect(canvas.text(row: 0) == ["x 本", " x本", "日x", "日 x"][column])
        #expect(canvas[column, 0].scalar == 0x78)
    }
}

@Test("a role and the cursor's line change what is drawn, both halves of it")
func rolesOfDrawn() {
    var canvas = Canvas(columns: 6, rows: 2)
    canvas.draw("a日b", 0, 0, .up)
    canvas.select(row: 0)
    #expect((0..<6).allSatisfy { canvas[$0, 0].isSelected && !canvas[$0, 1].isSelected })
    canvas[1, 0].role = .alarm
    #expect(canvas[2, 0].role == .alarm && canvas.text(row: 0) == "a日b")
}

@Test("whatever is drawn in whatever order, halves stay together", arguments: Seed.smoke)
func canvasInvariant(seed: Seed) {
    var random = seed.generator()
    let texts = ["日本", "AAPL", "e\u{301}", "🚀x", "\u{1B}[m", "x日", ""]
    for _ in 0..<20 {
        var canvas = Canvas(columns: random.below(9), rows: random.below(3))
        for _ in 0..<60 {
            let column = random.below(12) - 2, row = random.below(4) - 1
            let text = texts[random.below(texts.count)]
            switch random.below(4) {
            case 0: canvas.select(row: row, from: column, to: column + random.below(4))
            case 1: canvas[column, row] = canvas[random.below(9), random.below(3)]
            default: canvas.draw(text, column, row, .bid, width: random.below(8))
            }
        }
        if random.oneIn(3) { canvas.keepASCII() }
        for row in 0..<canvas.rows { checkHalves(canvas, row, seed) }
    }
}

private func checkHalves(_ canvas: Canvas, _ row: Int, _ seed: Seed) {
    var column = 0
    while column < canvas.columns {
        let cell = canvas[column, row], columns = CharacterWidth.of(raw: cell.scalar)
        guard columns > 0 else {
            Issue.record("\(seed): \(cell.scalar) in a cell of its own")
            return
        }
        if columns == 2 {
            var half = cell
            half.scalar = 0
            #expect(column + 1 < canvas.columns && canvas[column + 1, row] == half, "\(seed)")
        }
        column += columns
    }
}
