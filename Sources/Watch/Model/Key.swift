// Keys as people press them, whatever bytes their terminal sends.

public enum Key: Hashable, Sendable {
    /// A character that can be typed, blanks included.
    case character(Unicode.Scalar)
    case enter, escape, backspace, delete, tab, backTab
    case up, down, left, right, home, end, pageUp, pageDown
    /// With the control key: `control("c")`.
    case control(Unicode.Scalar)
    /// With the alternate key, or behind an escape.
    case alternate(Unicode.Scalar)
    case shiftUp, shiftDown
    case function(Int)
    /// The terminal has got or lost the reader's attention.
    case focusIn, focusOut
    /// What was pasted, as one piece.
    case paste(String)
}
