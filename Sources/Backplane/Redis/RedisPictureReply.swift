// What EXEC answers where a picture is asked for, a token after the other:
//
//     [length of events, value or null, [[id, [name, bytes]], …]]
//
// Or the three of them, where they are asked for one by one.
//
// Invariant: what is told as the last one is told once, and nothing behind it; entries that others have put
// into the stream, without a field `e`, are passed over.

struct RedisPictureReply {
    enum Meaning {
        case nothing
        /// What is stored.
        case value(isLast: Bool)
        case event(isLast: Bool)
        case wrong
    }

    private enum Place {
        case outer
        case length
        case value
        case events
        case entry
        case id
        case fields
        case name(left: Int)
        case bytes(isOurs: Bool, left: Int)
        /// Refused: what comes behind that is of no use.
        case refused
    }

    private var place: Place
    /// Still to come.
    private var events = 0
    private(set) var hasValue = false
    /// The last one was told.
    private(set) var isComplete = false

    init(isSingle: Bool = false) { place = isSingle ? .length : .outer }

    mutating func refuse() { place = .refused }

    mutating func next(_ token: RespToken) -> Meaning {
        switch (place, token) {
        case (.outer, .list(3)): place = .length
        case (.length, .integer(let length)):
            place = .value
            events = Int(clamping: length)
        case (.value, .null): place = .events
        case (.value, .bulk):
            place = .events
            hasValue = true
            isComplete = events == 0
            return .value(isLast: isComplete)
        case (.events, .list(let count)):
            place = .entry
            events = count
        case (.entry, .list(2)):
            place = .id
            events -= 1
        case (.id, .bulk): place = .fields
        case (.fields, .list(let count)): place = count > 1 ? .name(left: count) : .entry
        case (.name(let left), .bulk(let bytes)):
            place = .bytes(isOurs: bytes.count == 1 && bytes[0] == UInt8(ascii: "e"), left: left - 1)
        case (.bytes(let isOurs, let left), .bulk):
            place = left > 1 ? .name(left: left - 1) : .entry
            guard isOurs, hasValue, !isComplete else { break }
            isComplete = events == 0
            return .event(isLast: isComplete)
        case (.refused, _): break
        default: return .wrong
        }
        return .nothing
    }
}
