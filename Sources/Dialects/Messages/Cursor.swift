// Where a client stands in the stream of one feed's life, as text that it need not understand.

/// A place in the stream of one feed's life. Opaque to clients.
public struct Cursor: Hashable, Sendable {
    public var epoch: UInt32
    /// Ticks on the tape before this place.
    public var position: UInt64
    public init(epoch: UInt32, position: UInt64) {
        self.epoch = epoch
        self.position = position
    }

    /// Nil unless it is text that `text` could have made.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let epoch = UInt32(parts[0], radix: 16), let position = UInt64(parts[1]),
            Cursor(epoch: epoch, position: position).text == text
        else { return nil }
        self.init(epoch: epoch, position: position)
    }

    public var epochText: String { String(epoch, radix: 16) }
    public var text: String { "\(epochText).\(position)" }
}
