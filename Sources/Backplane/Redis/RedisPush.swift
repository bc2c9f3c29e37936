// What a push is about, a string after the other: `message`, the channel, the payload.

struct RedisPush {
    enum Meaning {
        case nothing
        case channel
        case payload
        /// This channel is subscribed.
        case subscribed
    }

    private enum Kind {
        case message
        case subscribe
        case other
    }

    private var kind = Kind.other
    private var index = 0

    @inline(__always)
    mutating func next(_ bytes: UnsafeRawBufferPointer) -> Meaning {
        index += 1
        switch (index, kind) {
        case (1, _):
            // By the first letter and the length: of what is pushed only these two have them.
            switch (bytes.count, bytes.first) {
            case (7, UInt8(ascii: "m")): kind = .message
            case (9, UInt8(ascii: "s")): kind = .subscribe
            default: kind = .other
            }
            return .nothing
        case (2, .message): return .channel
        case (3, .message): return .payload
        case (2, .subscribe): return .subscribed
        default: return .nothing
        }
    }
}
