// Signs of Unicode and of ASCII.
import Testing
import Watch

@Test(
    "the locale says whether the terminal takes UTF-8",
    arguments: [
        (nil, nil, "en_US.UTF-8", true), (nil, nil, "de_DE.utf8@euro", true),
        ("C", nil, "en_US.UTF-8", false),
        ("", "", "C.UTF-8", true), (nil, "en_US.ISO-8859-1", "en_US.UTF-8", false), (nil, nil, nil, false),
        (nil, nil, "POSIX", false), (nil, "UTF-8", "C", true),
    ] as [(String?, String?, String?, Bool)])
func localeIsUTF8(all: String?, ctype: String?, lang: String?, isUTF8: Bool) {
    #expect(Glyphs.isUTF8(lcAll: all, lcCtype: ctype, lang: lang) == isUTF8)
}

@Test("a sign has one column in either kind, and ASCII is ASCII")
func glyphColumns() {
    for (sign, plain) in zip(signs(.unicode), signs(.ascii)) {
        #expect(CharacterWidth.of(sign) == 1 && CharacterWidth.of(plain) == 1, "\(sign) \(plain)")
        #expect(plain.utf8.allSatisfy { $0 < 0x80 })
        #expect(!sign.isEmpty)
    }
    #expect(CharacterWidth.of(Glyphs.unicode.ellipsis) == 1 && Glyphs.ascii.ellipsis == "...")
}

private func signs(_ glyphs: Glyphs) -> [String] {
    let named = Mirror(reflecting: glyphs).children.filter { $0.label != "ellipsis" }
    let texts = named.compactMap { $0.value as? String }
    let scalars = named.flatMap { child -> [Unicode.Scalar] in
        (child.value as? [Unicode.Scalar]) ?? (child.value as? Unicode.Scalar).map { [$0] } ?? []
    }
    return texts + (scalars + (0...255).map { glyphs.chart(UInt8($0)) }).map { String($0) }
}

@Test("dots of a chart are those of braille")
func chartDots() {
    let corners = Glyphs.dot(x: 0, y: 0) | Glyphs.dot(x: 1, y: 3)
    #expect(Glyphs.unicode.chart(corners) == "⢁")
    let all = (0..<4).reduce(UInt8(0)) { $0 | Glyphs.dot(x: 0, y: $1) | Glyphs.dot(x: 1, y: $1) }
    #expect(all == 255 && Glyphs.unicode.chart(all) == "⣿")
    #expect(Glyphs.ascii.chart(Glyphs.dot(x: 0, y: 0)) == "'" && Glyphs.ascii.chart(0) == " ")
}

@Test("a screen for ASCII alone has nothing else, and the same columns")
func asciiOnly() {
    var canvas = Canvas(columns: 12, rows: 1)
    canvas.draw("▲日▂é⣿x…", 0, 0, .up)
    canvas.keepASCII()
    #expect(canvas.text(row: 0) == "^??.?*x.")
    #expect(canvas[2, 0].role == .up)
}

@Test("a text that is too long ends with an ellipsis, and never takes more columns than it may")
func fitting() {
    #expect(Glyphs.unicode.fit("reconnecting", 8) == "reconne…")
    #expect(Glyphs.ascii.fit("reconnecting", 8) == "recon...")
    #expect(Glyphs.ascii.fit("reconnecting", 3) == "rec" && Glyphs.ascii.fit("x", 1) == "x")
    #expect(Glyphs.unicode.fit("日本電信電話", 12) == "日本電信電話")
    for columns in 0..<12 {
        #expect(CharacterWidth.of(Glyphs.unicode.fit("日本電信電話", columns)) <= columns)
        #expect(CharacterWidth.of(Glyphs.ascii.fit("a日b本c電d", columns)) <= columns)
    }
}
