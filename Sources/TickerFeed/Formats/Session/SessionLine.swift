// What a recorder put around an exchange's words: one JSON object a line, of whatever exchange.
//
//     {"t":1633998512063356900,"src":"ws","dir":"in","url":"wss://…","msg":{…}}
//
// Invariants
//   - The whole line is JSON before anybody looks into it: a line that is cut or broken does nothing.
//   - Names that are not known here are passed over; a known one that comes twice rejects the line.
import Basics
import Market

/// A line, in place: lives as long as its bytes.
struct SessionLine: ~Escapable {
    enum Source {
        case webSocket
        /// An answer to a request: what it is of stands in its URL only.
        case rest
        case other
    }
    enum Direction {
        /// A connection was made; there is no message.
        case open
        case incoming
        /// What the recorder sent, and what is not known here.
        case other
    }

    /// The longest line that is read: a book of 20,000 levels has 1 MiB.
    static let lengthMax = 16 << 20

    /// When the line was received, by the recorder's clock.
    let time: Timestamp
    let source: Source
    let direction: Direction
    let url: JSONString?
    /// The recorded message, and what is behind it.
    let message: RawSpan?

    /// - Throws: where the bytes are no such line. `t` and `dir` must be there, and `src` with messages.
    @_lifetime(copy line)
    init(_ line: RawSpan) throws(JSONFault) {
        var scanner = JSONScanner(line)
        var time: Int64?, source: Source?, direction: Direction?
        var url: JSONString?, message: RawSpan?
        try scanner.openObject()
        while let name = try scanner.nextName() {
            if name == "t" {
                guard time == nil else { throw .repeated }
                time = try scanner.integer()
            } else if name == "src" {
                guard source == nil else { throw .repeated }
                source = Source(try scanner.string())
            } else if name == "dir" {
                guard direction == nil else { throw .repeated }
                direction = Direction(try scanner.string())
            } else if name == "url" {
                guard url == nil else { throw .repeated }
                url = try scanner.string()
            } else if name == "msg" {
                guard message == nil else { throw .repeated }
                message = scanner.rest
                try scanner.skip()
            } else {
                try scanner.skip()
            }
        }
        try scanner.end()
        guard let time, let direction else { throw .missing }
        guard time >= 0 else { throw .numberRange }
        if direction == .incoming, source == nil || message == nil { throw .missing }
        self.time = Timestamp(raw: time)
        self.source = source ?? .other
        self.direction = direction
        self.url = url
        self.message = message
    }
}

extension SessionLine.Source {
    fileprivate init(_ word: JSONString) {
        self = word == "ws" ? .webSocket : word == "rest" ? .rest : .other
    }
}

extension SessionLine.Direction {
    fileprivate init(_ word: JSONString) {
        self = word == "in" ? .incoming : word == "open" ? .open : .other
    }
}
