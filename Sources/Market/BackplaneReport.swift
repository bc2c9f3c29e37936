// What a publisher or a follower says about itself to whoever asks: for `/metrics`, `/readyz`, the welcome.

/// A figure with the name that it has in metrics, behind `tickerfeed_backplane_`.
public struct NamedFigure: Hashable, Sendable {
    public enum Kind: Sendable { case counter, gauge }

    public let name: String
    public let help: String
    public let kind: Kind
    public let value: UInt64

    public static func counter(_ name: String, _ help: String, _ value: UInt64) -> NamedFigure {
        NamedFigure(name: name, help: help, kind: .counter, value: value)
    }
    public static func gauge(_ name: String, _ help: String, _ value: Int) -> NamedFigure {
        NamedFigure(name: name, help: help, kind: .gauge, value: UInt64(max(0, value)))
    }
}

public struct BackplaneReport: Hashable, Sendable {
    /// `publish` or `follow`.
    public var role: String
    /// Where the engine is, without secrets.
    public var engine: String
    public var figures: [NamedFigure] = []
    /// Why nothing comes or goes just now.
    public var fault: String?
    /// Of a feed that is followed: how its event times relate to the clock on the wall, and what it is.
    public var clock: FeedClock?
    public var source: String?

    public init(role: String, engine: String) {
        self.role = role
        self.engine = engine
    }
}
