// Where a client stands in the stream of one feed's life, as text that it need not understand.
import Basics

/// A place in the stream of one feed's life. Opaque to clients.
public struct Cursor: Hashable, Sendable {
    public var epoch: UInt32
    /// Ticks on the tape before this place.
    public var position: UInt64
    /// Set where the client was told the states as well, as they were at this place: a mark of what it
    /// was told them of. Otherwise the cursor speaks of events alone, and states are sent once more.
    public var states: UInt32?

    public init(epoch: UInt32, position: UInt64, states: UInt32? = nil) {
        self.epoch = epoch
        self.position = position
        self.states = states
    }

    /// Nil unless it is text that `text` could have made.
    public init?(_ text: String) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard 2...3 ~= parts.count, let epoch = UInt32(parts[0], radix: 16), let position = UInt64(parts[1])
        else { return nil }
        self.init(epoch: epoch, position: position)
        if parts.count == 3 {
            guard let mark = UInt32(parts[2], radix: 16) else { return nil }
            states = mark
        }
        guard self.text == text else { return nil }
    }

    public var epochText: String { String(epoch, radix: 16) }

    public var text: String {
        var buffer = ByteBuffer()
        buffer.write(atMost: Cursor.textMax) { write(to: &$0) }
        return String(decoding: buffer.readable, as: UTF8.self)
    }

    /// Bytes of the text at most.
    public static let textMax = 8 + 1 + 20 + 1 + 8

    public func write(to pen: inout Pen) {
        pen.hexadecimal(epoch)
        pen.byte(UInt8(ascii: "."))
        pen.unsigned(position)
        guard let states else { return }
        pen.byte(UInt8(ascii: "."))
        pen.hexadecimal(states)
    }
}
