// Where a stream breaks the protocol's rules for the first time, in one line.

public struct Divergence: Error, Hashable, Sendable, CustomStringConvertible {
    /// Empty where it is about the connection.
    public var symbol: String
    /// A channel's name, or `heartbeat`, `message`.
    public var channel: String
    public var sequence: UInt64
    public var expected: String
    public var found: String

    public var description: String {
        let place = symbol.isEmpty ? channel : "\(symbol) \(channel) \(sequence)"
        return "\(place): expected \(expected), got \(found)"
    }
}

/// What was looked at.
public struct VerifierTotals: Hashable, Sendable {
    /// Data messages.
    public var messages: UInt64 = 0
    public var books: UInt64 = 0
    public var checksums: UInt64 = 0
    /// States of a server's snapshots that stood at a version we had, and were the same.
    public var snapshotsCompared: UInt64 = 0
    /// Those of which we never had the version.
    public var snapshotsIncomparable: UInt64 = 0
    /// Gaps that the server declared, and versions in them.
    public var gaps: UInt64 = 0
    public var lost: UInt64 = 0
    public var epochs: UInt64 = 0
    public init() {}
}
