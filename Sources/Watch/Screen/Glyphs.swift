// The signs that screens are drawn with, twice: as Unicode has them, and for terminals that know ASCII
// alone.
//
// Invariant: but for the ellipsis, a sign takes one column in either, so that a layout is the same.

public struct Glyphs: Hashable, Sendable {
    public let isUTF8: Bool
    /// A price above, or below, the one before.
    public let up, down: String
    /// In place of a value that is missing.
    public let dash: String
    /// Between a bid and an ask.
    public let times: String
    /// For what was cut off. Three columns in ASCII.
    public let ellipsis: String
    public let dot: String
    /// In front of a state: good, unknown.
    public let full, empty: String
    /// Borders.
    public let horizontal, vertical: String
    /// Eight levels from nearly nothing to all.
    public let sparks: [Unicode.Scalar]
    /// A cell that is full, and one that is half so.
    public let block, shade: Unicode.Scalar

    public static let unicode = Glyphs(
        true, signs: ["▲", "▼", "–", "×", "…", "·", "●", "○", "─", "│"], sparks: "▁▂▃▄▅▆▇█", block: "█",
        shade: "░")

    public static let ascii = Glyphs(
        false, signs: ["^", "v", "-", "x", "...", ".", "*", "o", "-", "|"], sparks: "_.:-=+*#", block: "#",
        shade: ".")

    private init(
        _ isUTF8: Bool, signs: [String], sparks: String, block: Unicode.Scalar, shade: Unicode.Scalar
    ) {
        self.isUTF8 = isUTF8
        (up, down, dash, times, ellipsis) = (signs[0], signs[1], signs[2], signs[3], signs[4])
        (dot, full, empty, horizontal, vertical) = (signs[5], signs[6], signs[7], signs[8], signs[9])
        self.sparks = Array(sparks.unicodeScalars)
        self.block = block
        self.shade = shade
    }
}

// MARK: Bars and lines

extension Glyphs {
    /// A level of a sparkline: 0 is the lowest of the eight, 7 the highest; beyond is as the nearest.
    public func spark(_ level: Int) -> Unicode.Scalar { sparks[min(max(0, level), sparks.count - 1)] }

    /// The bit of a dot in a cell of 2 × 4, `y` from the top: a line chart ors them.
    public static func dot(x: Int, y: Int) -> UInt8 {
        if y >= 3 { return x == 0 ? 0x40 : 0x80 }
        return UInt8(1) << UInt8(max(0, y) + (x == 0 ? 0 : 3))
    }

    /// A cell with these dots: braille, or the sign of ASCII that is nearest in height.
    public func chart(_ dots: UInt8) -> Unicode.Scalar {
        if dots == 0 { return " " }
        if isUTF8 { return Unicode.Scalar(0x2800 + UInt32(dots)) ?? " " }
        let top = dots & 0x09 != 0, middle = dots & 0x36 != 0, bottom = dots & 0xC0 != 0
        switch (top, middle, bottom) {
        case (true, _, true): return "|"
        case (true, false, false): return "'"
        case (false, false, true): return "."
        default: return middle && bottom ? "," : top ? "\"" : "-"
        }
    }
}

// MARK: Texts

extension Glyphs {
    /// A text of so many columns at most: whole, or its beginning and an ellipsis. Not for numbers, of
    /// which a beginning is another number.
    public func fit(_ text: String, _ columns: Int) -> String {
        // Most are short: no byte takes more than a column.
        if text.utf8.count <= columns || CharacterWidth.of(text) <= columns { return text }
        let room = columns - CharacterWidth.of(ellipsis)
        let isMarked = room > 0
        var kept = String.UnicodeScalarView(), used = 0
        for scalar in text.unicodeScalars {
            used += CharacterWidth.of(String(scalar))
            guard used <= (isMarked ? room : max(0, columns)) else { break }
            kept.append(scalar)
        }
        return String(kept) + (isMarked ? ellipsis : "")
    }
}

// MARK: Which

extension Glyphs {
    /// Whether a terminal takes UTF-8: the first of these that is set says so, as POSIX has it.
    public static func isUTF8(lcAll: String?, lcCtype: String?, lang: String?) -> Bool {
        guard let locale = [lcAll, lcCtype, lang].lazy.compactMap({ $0 }).first(where: { !$0.isEmpty }) else {
            return false
        }
        let codeset = locale.split(separator: "@").first?.split(separator: ".").last ?? ""
        return ["utf-8", "utf8"].contains(codeset.lowercased())
    }

    /// What stands for a character where there is ASCII alone; nil where it is ASCII.
    static func replacement(of scalar: UInt32) -> UInt32? {
        if scalar < 0x80 { return nil }
        return replacements[scalar] ?? (scalar &- 0x2801 < 0xFF ? 0x2A : 0x3F)
    }

    private static let replacements: [UInt32: UInt32] = {
        var table: [UInt32: UInt32] = [:]
        let pairs = zip(
            "▲▼–—×…·▸●◐○✓←→↑↓─│┌┐└┘┤├┴┬┼▁▂▃▄▅▆▇█▏▎▍▌▋▊▉░▐µ±".unicodeScalars,
            "^v--x..>*+oy<>^v-|+++++++++_.:-=+*#   ####.#u~".unicodeScalars)
        for (wide, narrow) in pairs { table[wide.value] = narrow.value }
        return table
    }()
}

extension Canvas {
    /// Has ASCII alone: for what came from outside, where the terminal knows no more.
    public mutating func keepASCII() {
        for row in 0..<rows {
            for column in 0..<columns {
                let cell = self[column, row]
                guard let narrow = Glyphs.replacement(of: cell.scalar) else { continue }
                let isWide = self[column + 1, row].scalar == 0 && column + 1 < columns
                self[column, row].scalar = narrow
                // Both columns of a wide one, so that what is missing has its width.
                if isWide { self[column + 1, row].scalar = narrow }
            }
        }
    }
}
