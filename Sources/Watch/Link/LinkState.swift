// How the connection stands, apart from how any symbol stands.
import Basics

public enum LinkState: Hashable, Sendable {
    case connecting
    /// The server has said welcome.
    case live
    /// Broken, and why in a line; the next try is at `retry`, `.never` where trying again is in vain.
    case broken(reason: String, retry: Instant)
}
