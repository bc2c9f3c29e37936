// When a symbol wants to be looked at.
import Basics
import Market

public struct AlertRule: Hashable, Sendable {
    public enum Condition: Hashable, Sendable {
        case lastAbove(Price), lastBelow(Price)
        /// Of the day, in hundredths of a percent, up or down.
        case changeBeyond(Int64)
        /// Nothing was heard of it for so long.
        case staleFor(Nanoseconds)
    }
    /// Nil: every symbol.
    public var symbol: String?
    public var condition: Condition
    /// With a sound; else it is only shown.
    public var rings: Bool

    public init(symbol: String?, _ condition: Condition, rings: Bool) {
        self.symbol = symbol
        self.condition = condition
        self.rings = rings
    }
}
