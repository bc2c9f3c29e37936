// What a terminal can show, as far as its environment says.
//
// Whoever wants colours, or none, is believed first: the option, then NO_COLOR (no-color.org), then
// FORCE_COLOR, and only then what the terminal says of itself.

/// What a reader asks for by an option.
public enum ColourWish: String, Hashable, Sendable, CaseIterable {
    case automatic = "auto"
    /// Colours whatever the environment says: sixteen where it says nothing better.
    case always
    case never
}

public struct TerminalKind: Hashable, Sendable {
    public var depth: ColourDepth
    /// Nil: nothing says, which on a screen for traders is dark.
    public var background: Background?
    /// Knows no escape sequence at all: it gets lines, as a pipe does.
    public var isDumb: Bool
    public var isUTF8: Bool

    /// - Parameter environment: the process's, by name.
    public init(_ environment: [String: String], wish: ColourWish = .automatic) {
        let term = environment["TERM"]?.lowercased() ?? ""
        isDumb = term.isEmpty || term == "dumb"
        isUTF8 = Glyphs.isUTF8(
            lcAll: environment["LC_ALL"], lcCtype: environment["LC_CTYPE"], lang: environment["LANG"])
        background = TerminalKind.background(environment["COLORFGBG"])
        let shown = isDumb ? ColourDepth.none : TerminalKind.depth(term, environment)
        let asked = TerminalKind.isSet(environment["NO_COLOR"]) ? ColourDepth.none : nil
        switch wish {
        case .never: depth = .none
        case .always: depth = max(shown, .sixteen)
        case .automatic: depth = asked ?? TerminalKind.forced(environment["FORCE_COLOR"], shown) ?? shown
        }
    }

    public func theme(_ palette: Palette, background: Background? = nil, isUpRed: Bool = false) -> Theme {
        Theme(
            palette: palette, background: background ?? self.background ?? .dark, depth: depth,
            isUpRed: isUpRed)
    }

    private static func isSet(_ value: String?) -> Bool { !(value ?? "").isEmpty }

    private static func forced(_ value: String?, _ shown: ColourDepth) -> ColourDepth? {
        switch value {
        case "0", "false": ColourDepth.none
        case "1", "true": max(shown, .sixteen)
        case "2": .palette256
        case "3": .trueColour
        default: nil
        }
    }

    private static func depth(_ term: String, _ environment: [String: String]) -> ColourDepth {
        if ["vt", "ansi-m", "sun", "wy"].contains(where: { term.hasPrefix($0) }) { return .none }
        let said = environment["COLORTERM"]?.lowercased() ?? ""
        if said == "truecolor" || said == "24bit" {
            // Inherited from the terminal around it, of which GNU screen passes 256 on.
            return isSet(environment["STY"]) ? .palette256 : .trueColour
        }
        if term.hasSuffix("-direct") || trueColour.contains(where: { term.hasPrefix($0) }) {
            return .trueColour
        }
        return term.contains("256") ? .palette256 : .sixteen
    }

    /// Terminals with all colours that do not always say so, behind ssh for one.
    private static let trueColour = [
        "xterm-kitty", "xterm-ghostty", "alacritty", "wezterm", "foot", "contour", "iterm2",
    ]

    /// "15;0", or "15;default;0": the last is the background, of which 7 and 9…15 are light.
    private static func background(_ value: String?) -> Background? {
        guard let last = value?.split(separator: ";").last, let number = Int(last) else { return nil }
        switch number {
        case 0...6, 8: return .dark
        case 7, 9...15: return .light
        default: return nil
        }
    }
}
