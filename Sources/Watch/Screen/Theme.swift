// What a role looks like, by palette, background and what the terminal can show.
//
// Invariants
//   - Without colours not one parameter of a colour: bold, dim, underlined and reversed alone.
//   - The text of no role is invisible: what has a colour behind it has a colour of its own.
//   - Plain text has the terminal's own colours.

public struct Theme: Sendable, Equatable {
    /// How the text of a role is shown. Nil: the terminal's own colour.
    public struct Style: Hashable, Sendable {
        public var text: Colour?
        public var behind: Colour?
        public var isBold = false, isDim = false, isUnderlined = false, isReversed = false
    }

    public let palette: Palette
    public let background: Background
    public let depth: ColourDepth
    public let isUpRed: Bool
    /// By role, and selected or not: "ESC [ 0 ; … m".
    private let sequences: [[UInt8]]

    public init(
        palette: Palette = .standard, background: Background = .dark, depth: ColourDepth = .none,
        isUpRed: Bool = false
    ) {
        self.palette = palette
        self.background = background
        self.depth = depth
        self.isUpRed = isUpRed
        let set = Hues.of(palette, background).swapped(isUpRed)
        sequences = Theme.looks.map { look in
            let colours = Theme.hasColour(look.role, palette, depth)
            var style = colours ? set.style(of: look.role) : Theme.style(of: look.role)
            if look.isSelected {
                colours ? set.select(&style, depth) : Theme.select(&style)
            }
            return Array("\u{1B}[\(Theme.parameters(of: style, depth))m".utf8)
        }
    }

    /// Of sixteen colours none is sure to be a grey that can be read: what is dim is told to be dim.
    private static func hasColour(_ role: Role, _ palette: Palette, _ depth: ColourDepth) -> Bool {
        guard palette != .monochrome, depth > .none else { return false }
        return depth > .sixteen || (role != .dim && role != .border)
    }

    /// What switches a terminal to a look, whatever its look before.
    public func sequence(of role: Role, isSelected: Bool) -> [UInt8] {
        sequences[Theme.index(role, isSelected)]
    }

    /// The same, by `index`.
    func sequence(at index: Int) -> [UInt8] { sequences[index] }

    /// The longest of them, in bytes.
    static let sequenceBytesMax = 64

    static func index(_ role: Role, _ isSelected: Bool) -> Int {
        Int(role.rawValue) * 2 + (isSelected ? 1 : 0)
    }

    /// The style of a look as it is with all colours: for who wants to check it.
    static func style(
        of role: Role, isSelected: Bool, _ palette: Palette, _ background: Background, isUpRed: Bool = false
    ) -> Style {
        guard palette != .monochrome else {
            var style = style(of: role)
            if isSelected { select(&style) }
            return style
        }
        let set = Hues.of(palette, background).swapped(isUpRed)
        var style = set.style(of: role)
        if isSelected { set.select(&style, .trueColour) }
        return style
    }

    private static let looks = Role.allCases.flatMap {
        [(role: $0, isSelected: false), (role: $0, isSelected: true)]
    }

    private static func parameters(of style: Style, _ depth: ColourDepth) -> String {
        var parameters = ["0"]
        if style.isBold { parameters.append("1") }
        if style.isDim { parameters.append("2") }
        if style.isUnderlined { parameters.append("4") }
        if style.isReversed { parameters.append("7") }
        if depth > .none {
            if let text = style.text { parameters.append(text.parameters(depth, isBehind: false)) }
            if let behind = style.behind { parameters.append(behind.parameters(depth, isBehind: true)) }
        }
        return parameters.joined(separator: ";")
    }
}

// MARK: Without colours

extension Theme {
    private static func style(of role: Role) -> Style {
        switch role {
        case .plain, .bid, .ask: Style()
        case .dim, .border: Style(isDim: true)
        case .strong, .title, .up: Style(isBold: true)
        case .accent, .down: Style(isUnderlined: true)
        case .warning: Style(isBold: true, isUnderlined: true)
        case .flashUp: Style(isBold: true, isReversed: true)
        case .flashDown: Style(isUnderlined: true, isReversed: true)
        case .alarm: Style(isBold: true, isUnderlined: true, isReversed: true)
        }
    }

    /// Reversed, and what is reversed by itself underlined: the line is seen in any row.
    private static func select(_ style: inout Style) {
        if style.isReversed { style.isUnderlined.toggle() } else { style.isReversed = true }
    }
}
