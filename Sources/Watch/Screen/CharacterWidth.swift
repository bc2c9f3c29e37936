// How many columns a character takes on a terminal.
//
// Invariants
//   - A control character, C1 included, takes none: nobody puts it into a cell.
//   - Whatever terminals disagree on is not drawn as it came: flags are two letters, a tone of skin and
//     a joiner are nothing. What is left is as wide everywhere.

public enum CharacterWidth {
    /// Columns of a character: 0, 1 or 2.
    @inlinable public static func of(_ scalar: Unicode.Scalar) -> Int { of(raw: scalar.value) }

    /// Columns of a text, as `Canvas.draw` draws it: a tab or the end of a line is a blank.
    public static func of(_ text: String) -> Int {
        var columns = 0
        for scalar in text.unicodeScalars { columns += of(raw: drawn(scalar.value)) }
        return columns
    }

    @inlinable static func of(raw scalar: UInt32) -> Int {
        // Most of a screen: letters and digits, then lines, blocks, arrows of our own, and braille.
        if scalar < 0x7F { return scalar < 0x20 ? 0 : 1 }
        if scalar &- 0x2500 < 0xFD || scalar &- 0x2801 < 0xFF { return 1 }
        return looked(up: scalar)
    }

    /// What is drawn in place of a character; 0 is nothing.
    @inlinable static func drawn(_ scalar: UInt32) -> UInt32 {
        if scalar &- 0x20 < 0x5F { return scalar }
        switch scalar {
        case 0x09...0x0D, 0x85, 0xA0, 0x2028, 0x2029: return 0x20
        // A pair of regional indicators is a flag here and two letters there.
        case 0x1F1E6...0x1F1FF: return scalar - 0x1F1E6 + 0x41
        case 0x110000...: return 0
        default: return of(raw: scalar) == 0 ? 0 : scalar
        }
    }

    @usableFromInline static func looked(up scalar: UInt32) -> Int {
        if scalar < 0x300 { return scalar < 0xA0 || scalar == 0xAD ? 0 : 1 }
        if has(scalar, zeroWidth) { return 0 }
        return scalar >= 0x1100 && has(scalar, wide) ? 2 : 1
    }

    /// Whether one of the ranges has it: pairs of first and last, ascending.
    private static func has(_ scalar: UInt32, _ ranges: [UInt32]) -> Bool {
        var low = 0, high = ranges.count / 2
        while low < high {
            let middle = (low + high) / 2
            if ranges[2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count / 2 && ranges[2 * low] <= scalar
    }
}
