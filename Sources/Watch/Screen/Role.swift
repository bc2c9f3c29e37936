// What a piece of the screen is there to say; a theme decides how that looks.

/// Views name roles, never colours: what a terminal can show, and what its reader can see, differ.
public enum Role: UInt8, Hashable, Sendable, CaseIterable {
    case plain
    /// Old, or of less weight: values behind a broken connection.
    case dim
    case strong
    case title
    case border
    /// Something to press, or the name of a place.
    case accent
    /// A price that is higher than before; the direction is always in the text as well.
    case up
    case down
    /// The same, in the moment of the change.
    case flashUp
    case flashDown
    case bid
    case ask
    /// Worth a look: quiet, lagging, reconnecting.
    case warning
    /// Not to be traded on: stale, suspect, refused, an alert.
    case alarm
}
