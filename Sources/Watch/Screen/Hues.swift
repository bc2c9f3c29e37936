// The colours of the palettes, each for a dark background and for a light one.
//
// Invariants, which tests compute
//   - Text has a contrast of 4.5 or more (WCAG 2.2, 1.4.3) against black up to 1E1E1E, or against white
//     down to F5F5F5, and against the line of the cursor; what has a colour behind it, against that.
//   - Up and down differ in brightness too, where hues are not told apart, or in blue, which nearly
//     everybody sees.

struct Hues {
    var up, down: Colour
    /// Behind a price in the moment of its change, with `onFlash` for the text.
    var flashUp, flashDown: Colour
    let onFlash: Colour
    let dim, border, title, accent, warning: Colour
    let alarm, onAlarm: Colour
    let cursor: Colour

    static func of(_ palette: Palette, _ background: Background) -> Hues {
        switch (palette, background) {
        case (.blueOrange, .dark): blueOrangeDark
        case (.blueOrange, .light): blueOrangeLight
        case (_, .dark): standardDark
        case (_, .light): standardLight
        }
    }

    /// Where red is the colour of rising prices; buyers have the colour of rising.
    func swapped(_ isUpRed: Bool) -> Hues {
        guard isUpRed else { return self }
        var hues = self
        swap(&hues.up, &hues.down)
        swap(&hues.flashUp, &hues.flashDown)
        return hues
    }

    func style(of role: Role) -> Theme.Style {
        switch role {
        case .plain: Theme.Style()
        case .dim: Theme.Style(text: dim)
        case .strong: Theme.Style(isBold: true)
        case .title: Theme.Style(text: title, isBold: true)
        case .border: Theme.Style(text: border)
        case .accent: Theme.Style(text: accent)
        case .up, .bid: Theme.Style(text: up)
        case .down, .ask: Theme.Style(text: down)
        case .flashUp: Theme.Style(text: onFlash, behind: flashUp, isBold: true)
        case .flashDown: Theme.Style(text: onFlash, behind: flashDown, isBold: true)
        case .warning: Theme.Style(text: warning, isBold: true)
        case .alarm: Theme.Style(text: onAlarm, behind: alarm, isBold: true)
        }
    }

    /// The line of the cursor: another colour behind the text, or reversed where there are only sixteen,
    /// of which two may be alike. What has a colour behind it keeps that, and is underlined.
    func select(_ style: inout Theme.Style, _ depth: ColourDepth) {
        if style.behind != nil {
            style.isUnderlined = true
        } else if depth == .sixteen {
            style.isReversed = true
        } else {
            style.behind = cursor
        }
    }
}

// MARK: The palettes

extension Hues {
    private static let black = Colour(0x000000, basic: 0), white = Colour(0xFFFFFF, basic: 15)

    private static let standardDark = Hues(
        up: Colour(0x4FD08A, basic: 10), down: Colour(0xFF8A80, basic: 9),
        flashUp: Colour(0x2FBF71, basic: 2), flashDown: Colour(0xFF8078, basic: 1), onFlash: black,
        dim: Colour(0x9A9A9A, basic: 8), border: Colour(0x9E9E9E, basic: 8),
        title: Colour(0xFFFFFF, basic: 15),
        accent: Colour(0x5FD7FF, basic: 14), warning: Colour(0xFFD75F, basic: 11),
        alarm: Colour(0xC00000, basic: 1), onAlarm: white, cursor: Colour(0x303030, basic: 8))

    private static let standardLight = Hues(
        up: Colour(0x005F00, basic: 2), down: Colour(0xB00000, basic: 1),
        flashUp: Colour(0x87D787, basic: 2), flashDown: Colour(0xFFAFAF, basic: 1), onFlash: black,
        dim: Colour(0x626262, basic: 8), border: Colour(0x626262, basic: 8),
        title: Colour(0x000000, basic: 0),
        accent: Colour(0x005F87, basic: 4), warning: Colour(0x5F4F00, basic: 5),
        alarm: Colour(0xB00000, basic: 1), onAlarm: white, cursor: Colour(0xE4E4E4, basic: 7))

    private static let blueOrangeDark = Hues(
        up: Colour(0x5FAFFF, basic: 14), down: Colour(0xFFAF5F, basic: 11),
        flashUp: Colour(0x5FAFFF, basic: 6), flashDown: Colour(0xFFAF5F, basic: 3), onFlash: black,
        dim: Colour(0x9A9A9A, basic: 8), border: Colour(0x9E9E9E, basic: 8),
        title: Colour(0xFFFFFF, basic: 15),
        accent: Colour(0xD7AFFF, basic: 13), warning: Colour(0xFFFF87, basic: 15),
        alarm: Colour(0x870087, basic: 5), onAlarm: white, cursor: Colour(0x303030, basic: 8))

    private static let blueOrangeLight = Hues(
        up: Colour(0x0040A0, basic: 4), down: Colour(0x8A3F00, basic: 1),
        flashUp: Colour(0xAFD7FF, basic: 6), flashDown: Colour(0xFFD7AF, basic: 3), onFlash: black,
        dim: Colour(0x626262, basic: 8), border: Colour(0x626262, basic: 8),
        title: Colour(0x000000, basic: 0),
        accent: Colour(0x5F005F, basic: 5), warning: Colour(0x4E4E00, basic: 0),
        alarm: Colour(0x870087, basic: 5), onAlarm: white, cursor: Colour(0xE4E4E4, basic: 7))
}
