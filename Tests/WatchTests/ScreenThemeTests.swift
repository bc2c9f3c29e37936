// Colours that can be read, and none where none are wanted.
import Testing

@testable import Watch

private let coloured: [(Palette, Background)] = [
    (.standard, .dark), (.standard, .light), (.blueOrange, .dark), (.blueOrange, .light),
]

/// WCAG 2.2, relative luminance and contrast ratio.
private func luminance(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Double {
    func linear(_ value: UInt8) -> Double {
        let part = Double(value) / 255
        return part <= 0.04045 ? part / 12.92 : power((part + 0.055) / 1.055)
    }
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

/// To the power of 2.4: x² times the fifth root of x², by Newton.
private func power(_ x: Double) -> Double {
    let square = x * x
    var root = 1.0
    for _ in 0..<60 { root -= (root * root * root * root * root - square) / (5 * root * root * root * root) }
    return square * root
}

private func contrast(_ a: Double, _ b: Double) -> Double { (max(a, b) + 0.05) / (min(a, b) + 0.05) }

private func luminance(_ colour: Colour, _ depth: ColourDepth) -> Double {
    guard depth == .palette256 else { return luminance(colour.red, colour.green, colour.blue) }
    let index = Int(colour.indexed)
    if index >= 232 {
        let level = UInt8(8 + 10 * (index - 232))
        return luminance(level, level, level)
    }
    let steps = Colour.steps, place = index - 16
    return luminance(steps[place / 36], steps[place / 6 % 6], steps[place % 6])
}

@Test("text is read on any usual background, and on the line of the cursor", arguments: coloured)
func contrasts(palette: Palette, background: Background) {
    let ground: [UInt8] = background == .dark ? [0, 0x1E] : [0xF5, 0xFF]
    for depth in [ColourDepth.palette256, .trueColour] {
        for role in Role.allCases {
            for isSelected in [false, true] {
                let style = Theme.style(of: role, isSelected: isSelected, palette, background)
                let behind =
                    style.behind.map { [luminance($0, depth)] } ?? ground.map { luminance($0, $0, $0) }
                let own = background == .dark ? luminance(0xC0, 0xC0, 0xC0) : luminance(0x30, 0x30, 0x30)
                let text = style.text.map { luminance($0, depth) } ?? own
                let least = behind.map { contrast(text, $0) }.min() ?? 0
                #expect(least >= 4.5, "\(role) \(isSelected) \(depth): \(least)")
            }
        }
    }
}

@Test("contrast is what WCAG says it is")
func contrastItself() {
    #expect(abs(contrast(luminance(0, 0, 0), luminance(255, 255, 255)) - 21) < 0.001)
    #expect(abs(contrast(luminance(0x76, 0x76, 0x76), luminance(255, 255, 255)) - 4.54) < 0.01)
}

@Test(
    "without colours, and in monochrome, there is not one parameter of a colour", arguments: Palette.allCases)
func noColours(palette: Palette) {
    for depth in [ColourDepth.none, .sixteen, .palette256, .trueColour] {
        guard depth == .none || palette == .monochrome else { continue }
        let theme = Theme(palette: palette, background: .light, depth: depth, isUpRed: true)
        for role in Role.allCases {
            for isSelected in [false, true] {
                #expect(
                    parameters(theme, role, isSelected).allSatisfy { [0, 1, 2, 4, 7].contains($0) }, "\(role)"
                )
            }
        }
    }
}

private func parameters(_ theme: Theme, _ role: Role, _ isSelected: Bool = false) -> [Int] {
    let text = String(decoding: theme.sequence(of: role, isSelected: isSelected), as: UTF8.self)
    #expect(text.hasPrefix("\u{1B}[0") && text.hasSuffix("m") && text.utf8.count <= Theme.sequenceBytesMax)
    return text.dropFirst(2).dropLast().split(separator: ";").map { Int($0) ?? -1 }
}

@Test("a selected line differs from the same line unselected, in any theme")
func selectionShows() {
    for palette in Palette.allCases {
        for background in Background.allCases {
            for depth in [ColourDepth.none, .sixteen, .palette256, .trueColour] {
                let theme = Theme(palette: palette, background: background, depth: depth)
                for role in Role.allCases {
                    #expect(
                        theme.sequence(of: role, isSelected: true)
                            != theme.sequence(of: role, isSelected: false))
                }
                let looks = [Role.up, .down, .plain].map { theme.sequence(of: $0, isSelected: false) }
                #expect(Set(looks).count == 3, "\(palette) \(background) \(depth)")
            }
        }
    }
}

@Test("of sixteen colours none is taken for grey, which some terminals show as their background")
func sixteenColours() {
    let theme = Theme(depth: .sixteen)
    #expect(parameters(theme, .dim) == [0, 2] && parameters(theme, .dim, true) == [0, 2, 7])
    #expect(parameters(theme, .up) == [0, 92] && parameters(theme, .flashUp) == [0, 1, 30, 42])
}

@Test("where up is red, up and down have changed places, and so have buyers and sellers")
func upIsRed() {
    let western = Theme(depth: .trueColour), eastern = Theme(depth: .trueColour, isUpRed: true)
    for (role, other) in [(Role.up, Role.down), (.flashUp, .flashDown), (.bid, .ask)] {
        #expect(parameters(western, role) == parameters(eastern, other))
        #expect(parameters(western, other) == parameters(eastern, role))
    }
    #expect(parameters(western, .alarm) == parameters(eastern, .alarm))
}

@Test("a colour is said in the words of the depth")
func depths() {
    let green = Colour(0x4FD08A, basic: 10)
    #expect(green.parameters(.trueColour, isBehind: false) == "38;2;79;208;138")
    #expect(green.parameters(.palette256, isBehind: true) == "48;5;78")
    #expect(green.parameters(.sixteen, isBehind: false) == "92")
    #expect(green.parameters(.sixteen, isBehind: true) == "102")
    #expect(Colour(0x870000, basic: 1).parameters(.sixteen, isBehind: true) == "41")
    #expect(Colour(0x9A9A9A, basic: 8).indexed == 247 && Colour(0xFFFFFF, basic: 15).indexed == 231)
}

@Test(
    "the environment says how many colours there are",
    arguments: [
        (["TERM": "xterm-256color"], .automatic, .palette256),
        (["TERM": "xterm-256color", "COLORTERM": "truecolor"], .automatic, .trueColour),
        (["TERM": "screen-256color", "COLORTERM": "truecolor", "STY": "1.pts"], .automatic, .palette256),
        (["TERM": "xterm"], .automatic, .sixteen), (["TERM": "vt220"], .automatic, ColourDepth.none),
        (["TERM": "xterm-kitty"], .automatic, .trueColour),
        (["TERM": "xterm-direct"], .automatic, .trueColour),
        (["TERM": "xterm-kitty", "NO_COLOR": "1"], .automatic, ColourDepth.none),
        (["TERM": "xterm", "NO_COLOR": ""], .automatic, .sixteen),
        (["TERM": "xterm", "NO_COLOR": "1"], .always, .sixteen), (["TERM": "foot"], .never, ColourDepth.none),
        (["TERM": "vt100", "FORCE_COLOR": "3"], .automatic, .trueColour),
        (["TERM": "xterm", "FORCE_COLOR": "3", "NO_COLOR": "1"], .automatic, ColourDepth.none),
        (["TERM": "dumb", "COLORTERM": "truecolor"], .automatic, ColourDepth.none),
        ([:], .automatic, ColourDepth.none),
    ] as [([String: String], ColourWish, ColourDepth)])
func terminalDepth(environment: [String: String], wish: ColourWish, depth: ColourDepth) {
    let kind = TerminalKind(environment, wish: wish)
    #expect(kind.depth == depth)
    #expect(kind.isDumb == ["", "dumb"].contains(environment["TERM"] ?? ""))
}

@Test(
    "COLORFGBG says whether the background is light",
    arguments: [
        ("15;0", .dark), ("0;15", .light), ("0;default;7", .light), ("12;8", .dark), ("x", nil), ("", nil),
    ]
        as [(String, Background?)])
func backgroundGuess(value: String, background: Background?) {
    #expect(TerminalKind(["TERM": "xterm", "COLORFGBG": value]).background == background)
}
