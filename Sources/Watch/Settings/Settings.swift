// What a reader has set, by the configuration file and by keys: what `w` writes back.
import Basics
import Dialects

public struct Settings: Hashable, Sendable {
    public struct Group: Hashable, Sendable {
        public var name: String
        public var symbols: [String]
        public init(name: String, symbols: [String]) {
            self.name = name
            self.symbols = symbols
        }
    }
    public struct Order: Hashable, Sendable {
        public var column: Column
        public var isDescending: Bool
        public init(column: Column, isDescending: Bool) {
            self.column = column
            self.isDescending = isDescending
        }
    }

    public var groups: [Group] = []
    public var columns = Column.standard
    public var palette = Palette.standard
    /// Nil: as the terminal says.
    public var background: Background?
    public var isUpRed = false
    /// Nil: the reader's own order.
    public var order: Order?
    public var rate = Rate.standard
    public var alerts: [AlertRule] = []

    public init() {}
}
