// How the screen looks, as its reader wants it.

public enum Palette: String, Hashable, Sendable, CaseIterable {
    case standard = "default"
    /// For eyes that do not tell red from green.
    case blueOrange = "blue-orange"
    case monochrome
}

public enum Background: String, Hashable, Sendable, CaseIterable { case dark, light }

/// What a terminal can show.
public enum ColourDepth: Int, Hashable, Sendable, Comparable {
    case none, sixteen, palette256, trueColour
    public static func < (lhs: ColourDepth, rhs: ColourDepth) -> Bool { lhs.rawValue < rhs.rawValue }
}
